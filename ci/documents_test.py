#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
"""documents.py, tested: a small sound tree has no fault, and each planted fault is found."""

import pathlib
import tempfile
import unittest

import documents

SOUND = {
    "docs/assumptions.md": "# x\n\n| A-01 | f | s | m | p |\n| A-02 | f | s | m | p |\n",
    "docs/other.md": "It rests on A-02.\n",
    "driver/README.md": "3 lines in 2 files\n\n| 2 | `a.cc` | one |\n| 1 | `b.h` | two |\n"
                        "| first, then second | `ATest.Order` |\n",
    "driver/a.cc": "int a;\nint b;\n",
    "driver/b.h": "int c;\n",
    "driver/a_test.cc": "TEST_F(ATest, Order) {}\n",
    "oracle/invariant.cc": '{"ISO01", "DIF01"}\n',
    "corpus/board/good/iso01-a.sw": "",
    "corpus/board/good/dif01-a.sw": "",
    "corpus/board/bad/iso01-b.sw": "",
    "corpus/board/regression/README.md": "| what | `c.sw` |\n",
    "corpus/board/regression/c.sw": "",
}


class DocumentsTest(unittest.TestCase):
    def faults(self, changes, fix=False):
        with tempfile.TemporaryDirectory() as folder:
            root = pathlib.Path(folder)
            for name, text in {**SOUND, **changes}.items():
                path = root / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text)
            return documents.check(root, fix)

    def expect(self, what, changes):
        faults = self.faults(changes)
        self.assertEqual(len(faults), 1, faults)
        self.assertIn(what, faults[0])

    def row(self, text):
        return {"docs/assumptions.md": SOUND["docs/assumptions.md"] + text}

    def test_a_sound_tree(self):
        self.assertEqual(self.faults({}), [])

    def test_assumptions(self):
        self.expect("none of them empty", self.row("| A-03 | f | | m | p |\n"))
        self.expect("5 cells", self.row("| A-03 | f | s | m |\n"))
        self.expect("is there already", self.row("| A-02 | f | s | m | p |\n"))
        self.expect("out of order",
                    self.row("| A-04 | f | s | m | p |\n| A-03 | f | s | m | p |\n"))
        self.expect("A-07 has no row", {"model/x.cc": "// see A-07\n"})

    def test_no_rows_at_all(self):
        faults = self.faults({"docs/assumptions.md": "# x\n", "docs/other.md": ""})
        self.assertEqual(len(faults), 1)

    def test_files(self):
        longer = {"driver/a.cc": "int a;\n" * 5}
        self.assertEqual(len(self.faults(longer)), 2)
        self.assertEqual(self.faults(longer, fix=True), [])
        self.assertEqual(len(self.faults({"driver/new.cc": "int n;\n"})), 2)
        readme = SOUND["driver/README.md"] + "| 4 | `gone.cc` | three |\n"
        self.expect("gone.cc, which is not there", {"driver/README.md": readme})

    def test_orders(self):
        self.expect("no test ATest.Order", {"driver/a_test.cc": "TEST_F(ATest, Other) {}\n"})
        readme = SOUND["driver/README.md"].replace("| first, then second | `ATest.Order` |\n", "")
        self.expect("no order is held", {"driver/README.md": readme})

    def test_programs(self):
        self.expect("good: no program for ERR01", {
            "oracle/invariant.cc": '{"ISO01", "DIF01", "ERR01"}\n',
            "corpus/board/bad/err01-a.sw": ""})
        self.expect("bad: no program for ERR01", {
            "oracle/invariant.cc": '{"ISO01", "DIF01", "ERR01"}\n',
            "corpus/board/good/err01-a.sw": ""})
        self.expect("take it out", {"corpus/board/bad/dif01-a.sw": ""})
        readme = "corpus/board/regression/README.md"
        self.expect("no program d.sw", {readme: "| what | `d.sw` |\n"})
        self.expect("no row", {readme: "# x\n"})
        self.expect("no invariant is found", {
            "oracle/invariant.cc": "int none;\n"})


if __name__ == "__main__":
    unittest.main()
