#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
"""What ci/model_fields.py says of a list that is not as it should be."""

import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import model_fields  # noqa: E402  (it lies beside this file)

LAYOUT = """
constexpr FieldInfo kScr0[] = {{"CLIENTPD", 0, 0, nullptr}, {"FB", 13, 13, kNames},
                               SIDEWALL_END};
constexpr RegisterInfo kRegisters[] = {
    {"sCR0", Page::kGr0, 0x000, 0, 1, 4, Access::kReadWrite, 1, 0xcffffccf, kScr0},
    {"FAR", Page::kBank, 0x060, 0, 1, 8, Access::kReadWrite, 0, ~uint64_t{0}, nullptr},
};
"""
GOOD = ["| sCR0 | MF440; CLIENTPD MF001; FB assumed |", "| CB.FAR | MF412 |"]
FAULTS = {"MF001", "MF412", "MF440"}


def readme(lines, assumed="sCR0.FB", steps=()):
    return "\n".join(["# R", model_fields.FIELDS[0], "| registers | fields |", "|---|---|", *lines,
                      model_fields.FIELDS[1], model_fields.STEPS[0], "| what | faults |",
                      "|---|---|", *steps, model_fields.STEPS[1], "",
                      "## Assumed, not established", assumed, "## Files"])


class Fields(unittest.TestCase):
    def wrong(self, lines, **more):
        return model_fields.check(LAYOUT, readme(lines, **more), FAULTS)

    def test_a_whole_list(self):
        self.assertEqual(self.wrong(GOOD), [])
        self.assertEqual(model_fields.read_layout(LAYOUT),
                         {"sCR0": ["CLIENTPD", "FB"], "CB.FAR": []})

    def test_what_is_missing(self):
        self.assertEqual(self.wrong(GOOD[:1]), ["CB.FAR has no entry"])
        self.assertEqual(self.wrong(["| sCR0 | CLIENTPD MF001 |", GOOD[1]]),
                         ["sCR0.FB has no entry"])
        self.assertEqual(self.wrong([GOOD[0], "| CB.FAR | |"]),
                         ["CB.FAR: it has neither a fault nor 'assumed'"])
        self.assertEqual(self.wrong(["| sCR0 | CLIENTPD; FB assumed |", GOOD[1]]),
                         ["sCR0: CLIENTPD has neither a fault nor 'assumed'"])

    def test_what_is_too_much(self):
        self.assertEqual(self.wrong([*GOOD, "| sCR9 | MF001 |"]),
                         ["sCR9 is no register of the model"])
        self.assertEqual(self.wrong(["| sCR0 | CLIENTPD MF001; FB GFRE assumed |", GOOD[1]],
                                    assumed="FB GFRE"), ["sCR0 has no field GFRE"])
        self.assertEqual(self.wrong([GOOD[0], "| CB.FAR | MF413 |"]), ["CB.FAR: there is no MF413"])

    def test_an_assumption_that_is_not_told(self):
        self.assertEqual(self.wrong(GOOD, assumed="FBX"),
                         ["sCR0: FB is not in the table of what is assumed"])

    def test_faults_that_stand_nowhere(self):
        def steps(*rows):
            return model_fields.check_steps(readme(GOOD, steps=rows), FAULTS | {"MF002"})
        self.assertEqual(steps("| halves | MF002 MF001 |"), [])
        self.assertEqual(steps(), ["MF002 stands in neither list"])
        self.assertEqual(steps("| halves | MF002 MF003 |"), ["there is no MF003"])
        self.assertEqual(steps("| halves | MF002 |", "| widths | |"), ["'widths' has no fault"])

    def test_a_list_without_marks(self):
        with self.assertRaises(SystemExit):
            model_fields.check(LAYOUT, "## Assumed\n", FAULTS)

    def test_the_real_table_is_read_whole(self):
        text = model_fields.LAYOUT.read_text(encoding="utf-8")
        rows = text[text.index("kRegisters[] = {"):text.index("kRegisterCount")].count(", Page::k")
        self.assertEqual(len(model_fields.read_layout(text)), rows)


if __name__ == "__main__":
    unittest.main()
