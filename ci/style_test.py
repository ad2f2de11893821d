#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
"""The style test, tested: a small sound tree has no fault, and each planted fault is found."""

import pathlib
import tempfile
import unittest

import style

LICENSE = "// " + style.LICENSE + "\n"
HEADER = LICENSE + """//
// Adds.
//
//     int three = Add(1, 2);
#ifndef SIDEWALL_MODEL_ADD_H_
#define SIDEWALL_MODEL_ADD_H_

namespace sidewall {

int Add(int a, int b);

}  // namespace sidewall

#endif  // SIDEWALL_MODEL_ADD_H_
"""
SOURCE = LICENSE + """#include "model/add.h"

namespace sidewall {

int Add(int a, int b) { return a + b; }

}  // namespace sidewall
"""
SOUND = {
    ".clang-format": "BasedOnStyle: Google\nColumnLimit: 100\n",
    "model/README.md": "# model\n",
    "model/CMakeLists.txt": "# " + style.LICENSE + "\nsidewall_library(NAME m SOURCES add.cc)\n",
    "model/add.h": HEADER,
    "model/add.cc": SOURCE,
}


def function_of(lines):
    body = "".join(f"  Call({i});\n" for i in range(lines - 2))
    return LICENSE + '#include "model/add.h"\n\nvoid Long() {\n' + body + "}\n"


class StyleTest(unittest.TestCase):

    def faults(self, changes):
        with tempfile.TemporaryDirectory() as folder:
            for name, text in {**SOUND, **changes}.items():
                path = pathlib.Path(folder, name)
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text, encoding="utf-8")
            return style.check(folder)

    def test_what_commands_write_is_not_looked_at(self):
        bundle = {"out/ship/driver.h": "no licence\n", ".gitignore": "/build/\n/out/\n"}
        self.assertEqual(self.faults(bundle), [])
        self.assertNotEqual(self.faults({**bundle, ".gitignore": "/build/\n"}), [])

    def assert_found(self, changes, what):
        faults = self.faults(changes)
        self.assertTrue(any(what in fault for fault in faults), faults)

    def assert_sound(self, changes):
        self.assertEqual(self.faults(changes), [])

    def test_a_sound_tree_has_no_fault(self):
        self.assert_sound({})

    def test_format(self):
        self.assert_found({"model/add.cc": SOURCE.replace("a + b", "a+b")}, "not formatted")

    def test_line_length(self):
        exact = "# " + "x" * 98 + "\n"
        sound = SOUND["model/CMakeLists.txt"]
        self.assert_sound({"model/CMakeLists.txt": sound + exact})
        self.assert_found({"model/CMakeLists.txt": sound + "#" + exact}, "101 columns")

    def test_function_length(self):
        self.assert_sound({"model/add.cc": function_of(70)})
        self.assert_found({"model/add.cc": function_of(71)}, "a function of 71 lines")
        self.assert_found({"model/add.c": function_of(71)}, "a function of 71 lines")

    def test_function_length_counts_members_and_not_tables(self):
        body = "".join(f"    Call({i});\n" for i in range(70))
        member = (LICENSE + '#include "model/add.h"\n\nnamespace a {\nclass B {\n  void Long() {\n'
                  + body + "  }\n};\n}  // namespace a\n")
        self.assert_found({"model/add.cc": member}, "a function of 72 lines")
        rows = "".join(f"    {i},  //\n" for i in range(100, 190))
        table = LICENSE + '#include "model/add.h"\n\nconstexpr int kTable[] = {\n' + rows + "};\n"
        self.assert_sound({"model/add.cc": table})

    def test_braces_in_literals_do_not_count(self):
        text = function_of(60).replace("Call(1);", "Call('}');\n  Call(\"{{{\");")
        self.assert_sound({"model/add.cc": text})

    def test_unfinished_work(self):
        for mark in ("TO" "DO", "FIX" "ME", "X" "XX", "HA" "CK"):
            self.assert_found({"model/README.md": f"# model\n\n{mark}: more\n"}, "unfinished")

    def test_date(self):
        self.assert_found({"model/README.md": "Written 2031" "-01-31.\n"}, "a date")

    def test_foreign_word(self):
        self.assert_found({"model/README.md": "See the file in sha" "red/notes.\n"}, "not in this")
        self.assert_found({"model/README.md": "cd /wo" "rk/main\n"}, "not in this")
        self.assert_sound({"model/README.md": "It is shared, and it works.\n"})

    def test_license(self):
        self.assert_found({"model/add.cc": SOURCE.replace(LICENSE, "")}, "lack 'SPDX")
        self.assert_found({"model/CMakeLists.txt": "# add.cc\n"}, "lack 'SPDX")

    def test_header_example(self):
        self.assert_found({"model/add.h": HEADER.replace("//     int", "// int")}, "example")

    def test_rooms(self):
        self.assert_found({"model/add.cc": SOURCE.replace("model/add.h", "oracle/ghost.h")},
                          "model/ may not include oracle/ghost.h")
        self.assert_found({"model/add.cc": SOURCE.replace("model/add.h", style.WAIST)},
                          "may not include")
        driver = {"driver/README.md": "# driver\n",
                  "driver/CMakeLists.txt": SOUND["model/CMakeLists.txt"].replace("add", "mul")}
        self.assert_found({**driver, "driver/mul.cc": SOURCE}, "driver/ may not include model/")
        self.assert_found({**driver, "driver/mul.cc": LICENSE + "#include <vector>\n"},
                          "has no <vector>")

    def test_driver_does_not_know_that_it_is_fuzzed(self):
        self.assert_found({"driver/mul.cc": LICENSE + f"#ifdef {style.FUZZING_MACRO}\n#endif\n"},
                          "must not know")

    def test_dead_files(self):
        self.assert_found({"model/mul.h": HEADER}, "no file includes this header")
        self.assert_found({"model/mul.cc": SOURCE}, "no CMakeLists.txt builds this file")
        self.assert_found({"model/mul.c": SOURCE}, "no CMakeLists.txt builds this file")
        self.assert_found({"model/try.sw": "# sidewall-program v1\n"}, "a program outside corpus/")
        self.assert_found({"model/README.md": "", "model/sub/x.sw": ""}, "a program outside")

    def test_a_file_may_be_built_by_a_loop(self):
        loop = SOUND["model/CMakeLists.txt"] + "foreach(n IN ITEMS %s)\n  x(${n}_test.cc)\n"
        test = {"model/mul_test.cc": SOURCE}
        self.assert_sound({**test, "model/CMakeLists.txt": loop % "mul"})
        self.assert_found({**test, "model/CMakeLists.txt": loop % "div"}, "no CMakeLists.txt")

    def test_links(self):
        self.assert_sound({"model/README.md": "[a](add.h) [b](../model/) [c](add.cc#x) [d](#e)\n"})
        self.assert_found({"model/README.md": "[a](sub.h)\n"}, "leads nowhere")
        self.assert_found({"model/README.md": "[a](../../model/add.h)\n"}, "leads nowhere")

    def test_readme(self):
        self.assert_found({"oracle/notes.txt": "\n"}, "oracle:1: the folder has no README.md")


if __name__ == "__main__":
    unittest.main()
