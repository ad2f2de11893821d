#!/usr/bin/python3 -B
# SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
"""The embedding that driver/README.md shows is the file driver/embedding.c, and both compilers link
it with the driver into a whole that lacks nothing.

    driver/el2/embedding_test.py               # needs the objects in $SIDEWALL_BUILD_DIR/driver
    driver/el2/embedding_test.py --update      # writes the file into README.md
"""

import os
import pathlib
import re
import sys
import tempfile
import unittest

import toolchain

README = toolchain.DRIVER / "README.md"
FILE = toolchain.DRIVER / "embedding.c"
SHOWN = re.compile(r"(?<=^```c\n).*?(?=^```$)", re.DOTALL | re.MULTILINE)


class Embedding(unittest.TestCase):
    def test_shown(self):
        shown = SHOWN.findall(README.read_text(encoding="utf-8"))
        self.assertEqual(shown, [FILE.read_text(encoding="utf-8")],
                         "run driver/el2/embedding_test.py --update")

    def test_links(self):
        build = pathlib.Path(os.environ["SIDEWALL_BUILD_DIR"], "driver")
        with tempfile.TemporaryDirectory() as folder:
            for chain in toolchain.CHAINS.values():
                made, linked = pathlib.Path(folder, "e.o"), pathlib.Path(folder, "e.elf")
                chain.compile("driver/embedding.c", made, ["-Idriver/include"])
                # Everything that is called is there: a static link has no undefined names.
                toolchain.run(chain.linker, "--no-undefined", "--gc-sections", "-e", "board_boot",
                              "-u", "board_abort", made, build / f"driver-el2-{chain.name}.o",
                              "-o", linked)
                self.assertGreater(linked.stat().st_size, 30000)


def update():
    text = README.read_text(encoding="utf-8")
    README.write_text(SHOWN.sub(lambda _: FILE.read_text(encoding="utf-8"), text), encoding="utf-8")


if __name__ == "__main__":
    if sys.argv[1:] == ["--update"]:
        update()
    else:
        unittest.main()
