#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
"""What ci/model_faults.py says of patches that are not as they should be.

    ci/model_faults_test.py --build=build/el2
"""

import argparse
import pathlib
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import model_faults  # noqa: E402  (it lies beside this file)

TEST = "model.board"
RULE = "Rule: a board is found by its name"
BOARDS = "model/boards.cc"
BUILD = None


def change(old, new, source=BOARDS):
    """A patch of one line that occurs in the source once."""
    lines = (model_faults.ROOT / source).read_text(encoding="utf-8").splitlines()
    at = lines.index(old)
    return f"--- a/{source}\n+++ b/{source}\n@@ -{at + 1},1 +{at + 1},1 @@\n-{old}\n+{new}\n"


class Faults(unittest.TestCase):
    def setUp(self):
        self.scratch = tempfile.TemporaryDirectory()
        self.addCleanup(self.scratch.cleanup)

    def fault(self, text, name="MF999-title.patch"):
        path = pathlib.Path(self.scratch.name) / name
        path.write_text(text, encoding="utf-8")
        return model_faults.read_fault(path)

    def row(self, text):
        return model_faults.check(BUILD, self.fault(text))

    def head(self, which="*.?*"):
        return f"{RULE}\nTest: {TEST} {which}\n\n"

    def test_ten_faults_of_the_walker_are_found_by_the_processor(self):
        found = [f for f in model_faults.read_faults()
                 if f.filter == "WalkCheck.TwentyThousandCasesAgreeWithQemu"
                 and set(f.sources) <= {"model/walk.cc", "model/attributes.cc"}]
        self.assertGreaterEqual(len([f for f in found if "model/walk.cc" in f.sources]), 10)

    FOUND = "    if (Equal(board.name, name)) return &board;"

    def test_a_fault_is_found(self):
        by_id = "    if (board.id == id) return &board;"
        state, _, reason = self.row(self.head() + change(by_id, by_id.replace("==", "!=")))
        self.assertEqual((state, reason), ("found", ""))

    def test_a_whole_fixture_shows_nothing(self):
        text = self.head("Board.*") + change(self.FOUND, "    return &board;")
        with self.assertRaisesRegex(model_faults.Wrong, "names a whole fixture"):
            self.fault(text)

    def test_a_change_that_no_test_sees(self):
        state, _, reason = self.row(self.head() + change(self.FOUND, self.FOUND + "  // same"))
        self.assertEqual(state, "WRONG")
        self.assertIn("passes all the same", reason)

    def test_a_patch_that_does_not_apply(self):
        text = change(self.FOUND, "    return &board;").replace("-    if (", "-    if (0 || ")
        state, _, reason = self.row(self.head() + text)
        self.assertEqual(state, "WRONG")
        self.assertIn("does not apply", reason)

    def test_a_change_that_does_not_compile(self):
        state, _, reason = self.row(self.head() + change(self.FOUND, "    return nothing;"))
        self.assertEqual(state, "WRONG")
        self.assertIn("does not compile", reason)

    def test_a_crash_is_no_assertion(self):
        state, _, reason = self.row(self.head() + change(self.FOUND, "    __builtin_trap();"))
        self.assertEqual(state, "WRONG")
        self.assertIn("not in an assertion", reason)

    def test_an_exception_is_no_assertion(self):
        old = "return Fail(FaultKind::kExternal, 2, at);"
        lines = (model_faults.ROOT / "model/walk.cc").read_text(encoding="utf-8").splitlines()
        line = next(text for text in lines if old in text)
        head = (f"{RULE}\nTest: model.walk_check "
                "WalkCheck.TwentyThousandCasesAgreeWithQemu\n\n")
        wrong = line.replace("Fail(FaultKind::kExternal, 2", "Fail(FaultKind::kExternal, 1")
        state, _, reason = self.row(head + change(line, wrong, "model/walk.cc"))
        if state == "skipped":
            self.skipTest(reason)
        self.assertEqual(state, "WRONG")
        self.assertIn("not in an assertion", reason)

    def test_a_filter_of_nothing(self):
        text = self.head("Board.NoSuchTest") + change(self.FOUND, "    return &board;")
        state, _, reason = self.row(text)
        self.assertEqual(state, "WRONG")
        self.assertIn("has no test", reason)

    def test_heads_are_read(self):
        text = self.head() + change(self.FOUND, "    return &board;")
        self.assertEqual(self.fault(text).rule, "a board is found by its name")
        for wrong in (text.replace("Rule:", "Law:"), text.replace(TEST + " *", TEST),
                      text.replace("b/model/boards.cc", "b/driver/init.cc")):
            with self.assertRaises(model_faults.Wrong):
                self.fault(wrong)
        with self.assertRaises(model_faults.Wrong):
            self.fault(text, "MF99-short.patch")

    def test_one_row_a_rule(self):
        first = self.fault(self.head() + change(self.FOUND, "    return &board;"))
        second = first._replace(id="MF998", filter="Board.Other")
        table = model_faults.table([first, second])
        self.assertEqual(len(table.splitlines()), 3)
        self.assertIn("MF999", table)
        self.assertIn("MF998", table)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", required=True)
    options = parser.parse_args()
    BUILD = model_faults.Build(options.build)
    BUILD.work = BUILD.folder / "model_faults_test"
    unittest.main(argv=[sys.argv[0]])
