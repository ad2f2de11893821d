#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
"""The check of the threat model, tested: each planted fault is found, and only that one."""

import pathlib
import re
import unittest

import threat_model

ROOT = pathlib.Path(threat_model.__file__).resolve().parent.parent
TEXT = threat_model.read(ROOT / threat_model.DOCUMENT)


def row(number):
    return re.search(rf"^\| {number} \|.*\n", TEXT, re.M)[0]


class ThreatModelTest(unittest.TestCase):

    def assert_found(self, old, new, *wanted):
        self.assertIn(old, TEXT)
        faults = threat_model.check(ROOT, TEXT.replace(old, new, 1))
        for what in wanted:
            self.assertTrue(any(what in fault for fault in faults), (what, faults))
        return faults

    def test_sound(self):
        self.assertEqual(threat_model.check(ROOT, TEXT), [])

    def test_rows(self):
        self.assert_found(row(7), "", "each once and in order")
        self.assert_found(row(7), row(7) * 2, "each once and in order")
        self.assert_found(row(7), row(7).replace(" |  |\n", " |\n"), "row 7: 5 cells")

    def test_defence(self):
        self.assert_found("`HardwareSctlr` (", "`HardwareSctler` (",
                          "row 7: driver/smmu_bank.cc has no HardwareSctler")
        self.assert_found("`ComposeS2cr` (smmu_stream.cc): bypass becomes",
                          "bypass becomes", "row 23: no function")

    def test_program(self):
        self.assert_found("attacks/023-bypass.sw", "attacks/023-bypas.sw", "row 23: there is no",
                          "023-bypass.sw is in no row", "names another program")
        self.assert_found("[023](../corpus/board/attacks/023-bypass.sw)",
                          "[024](../corpus/board/attacks/024-every-type-of-entry.sw)",
                          "row 23: corpus/board/attacks/024-every-type-of-entry.sw is another")
        self.assert_found("`TakeoverTest.ContradictionsInTheConfiguration`", "a test",
                          "row 75: neither a program nor a test")

    def test_patch(self):
        patch = re.search(r"\[SB022\]\([^)]*\)", TEXT)[0]
        self.assert_found(patch, patch.replace("SB022-", "SB022-x"), "row 28: there is no")
        self.assert_found(patch, "", "row 28: no patch, and no reason", "is not in row 28")
        self.assert_found(row(44), row(44).replace(" |  | ", f" | {patch} | "),
                          "row 44: SB022 says it is of another", "row 44: a patch, and")

    def test_notes(self):
        self.assert_found("| A-21 |", "| A-" "99 |", "has no A-" "99")
        self.assert_found("TakeoverTest.Contradictions", "TakeoverTest.Contradiction",
                          "row 75: there is no test")
        self.assert_found(row(8), row(8).replace("|  |\n", "| A-01 |\n"), "16 rows rest")

    def test_counts(self):
        counts = re.search(r"Of the 120 rows (\d+) have", TEXT)
        wrong = counts[0].replace(counts[1], str(int(counts[1]) - 1))
        self.assertEqual(len(self.assert_found(counts[0], wrong, "the text counts 120")), 1)
        self.assert_found("Of the 120 rows", "Of all rows", "the sentence with the counts is gone")


if __name__ == "__main__":
    unittest.main()
