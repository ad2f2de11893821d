#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
"""Holds docs/threat-model.md against the tree.

    ci/threat_model.py

Every attack has one row; what a row names is there: functions of the driver, program, patches,
assumptions, tests; what is there and belongs to a row is named; and the counts in the text are
those of the table. Every fault is one line. Exit code 1 when there is one.
"""

import pathlib
import re
import sys

DOCUMENT = "docs/threat-model.md"
ATTACKS = 120
MAX_ASSUMING = 15
ROW = re.compile(r"^\| (\d+) \| (.*) \|$", re.M)
DEFENCE = re.compile(r"`(\w+)` \(([\w.]+)\)")
LINK = re.compile(r"\[(\w+)\]\(\.\./([^)]+)\)")
TEST = re.compile(r"`(\w+Test)\.(\w+)`")
ASSUMPTION = re.compile(r"\bA-\d\d\b")
# What a row may be open for: the oracle. What the driver has to do itself is done.
OPEN_ISSUES = {"5"}
EXCUSES = ("no patch", "no program", "harms no other owner", "open:")
COUNTS = re.compile(
    r"Of the (\d+) rows (\d+) have a program, (\d+) a patch, (\d+) rest on an assumption "
    r"and (\d+) are")


class Row:
    """One attack, as the table has it."""

    def __init__(self, number, cells):
        self.number = number
        self.attack, self.defence, program, patch, self.notes = cells
        self.programs = LINK.findall(program)
        self.patches = LINK.findall(patch)

    def assumptions(self):
        return ASSUMPTION.findall(self.notes)

    def is_open(self):
        return re.search(r"\bissue \d", self.notes) is not None


def read(path):
    return path.read_text(encoding="utf-8") if path.is_file() else ""


def rows_of(text, faults):
    rows = []
    for number, rest in ROW.findall(text):
        cells = [cell.strip() for cell in rest.split(" | ")]
        if len(cells) != 5:
            faults.append(f"row {number}: {len(cells) + 1} cells, not 6")
            continue
        rows.append(Row(int(number), cells))
    numbers = [row.number for row in rows]
    if numbers != list(range(1, ATTACKS + 1)):
        faults.append(f"the rows are not 1 to {ATTACKS}, each once and in order")
    return rows


def check_defence(root, row, faults):
    named = DEFENCE.findall(row.defence)
    if not named and not re.search(r"^as \d+|^none is needed", row.defence):
        faults.append(f"row {row.number}: no function of the driver is named")
    for function, file in named:
        if not re.search(rf"\b{function}\b", read(root / "driver" / file)):
            faults.append(f"row {row.number}: driver/{file} has no {function}")


def check_program(root, row, faults):
    for label, path in row.programs:
        if not (root / path).is_file():
            faults.append(f"row {row.number}: there is no {path}")
        if int(label) != row.number or not pathlib.Path(path).name.startswith(f"{row.number:03d}-"):
            faults.append(f"row {row.number}: {path} is another attack's")
    if not row.programs and not TEST.search(row.notes):
        faults.append(f"row {row.number}: neither a program nor a test")


def head_of(root, path, key):
    match = re.search(rf"^{key}: (.*)$", read(root / path), re.M)
    return re.split(r"[ ,]+", match[1].strip()) if match else []


def check_patches(root, row, faults):
    for label, path in row.patches:
        if not (root / path).is_file() or not pathlib.Path(path).name.startswith(label + "-"):
            faults.append(f"row {row.number}: there is no {path} that is {label}")
            continue
        if str(row.number) not in head_of(root, path, "Attack"):
            faults.append(f"row {row.number}: {label} says it is of another attack")
        programs = head_of(root, path, "Program")
        if not any(program in programs for _, program in row.programs):
            faults.append(f"row {row.number}: {label} names another program")
    if not row.patches and not any(excuse in row.notes for excuse in EXCUSES):
        faults.append(f"row {row.number}: no patch, and no reason why")
    if row.patches and "no patch" in row.notes:
        faults.append(f"row {row.number}: a patch, and a reason why there is none")


def check_notes(root, row, tests, faults):
    known = ASSUMPTION.findall(read(root / "docs/assumptions.md"))
    for assumption in row.assumptions():
        if assumption not in known:
            faults.append(f"row {row.number}: docs/assumptions.md has no {assumption}")
    for issue in sorted(set(re.findall(r"\bissue (\d+)", row.notes)) - OPEN_ISSUES):
        faults.append(f"row {row.number}: issue {issue} is not one that a row can be open for")
    for case, name in TEST.findall(row.notes):
        if f"({case}, {name})" not in tests:
            faults.append(f"row {row.number}: there is no test {case}.{name}")


def check_nothing_is_missing(root, rows, faults):
    named = {path for row in rows for _, path in row.programs}
    patched = {(str(row.number), path) for row in rows for _, path in row.patches}
    for folder in ("attacks", "good"):
        for file in sorted((root / "corpus/board" / folder).glob("[0-9][0-9][0-9]-*.sw")):
            if str(file.relative_to(root)) not in named:
                faults.append(f"{file.name} is in no row")
    for file in sorted((root / "oracle/bugs").glob("*.patch")):
        path = str(file.relative_to(root))
        for number in head_of(root, path, "Attack"):
            if (number, path) not in patched:
                faults.append(f"{file.name} is not in row {number}")


def check_counts(text, rows, faults):
    assuming = sum(bool(row.assumptions()) for row in rows)
    if assuming > MAX_ASSUMING:
        faults.append(f"{assuming} rows rest on an assumption; {MAX_ASSUMING} may")
    real = [len(rows), sum(bool(row.programs) for row in rows),
            sum(bool(row.patches) for row in rows), assuming, sum(row.is_open() for row in rows)]
    said = COUNTS.search(text.replace("\n", " "))
    if said is None:
        faults.append("the sentence with the counts is gone")
    elif [int(count) for count in said.groups()] != real:
        faults.append(f"the text counts {', '.join(said.groups())}; the table has "
                      f"{', '.join(str(count) for count in real)}")


def check(root, text):
    faults = []
    rows = rows_of(text, faults)
    tests = "".join(read(path) for path in sorted((root / "driver").glob("*_test.cc")))
    for row in rows:
        check_defence(root, row, faults)
        check_program(root, row, faults)
        check_patches(root, row, faults)
        check_notes(root, row, tests, faults)
    check_nothing_is_missing(root, rows, faults)
    check_counts(text, rows, faults)
    return faults


def main():
    root = pathlib.Path(__file__).resolve().parent.parent
    faults = check(root, read(root / DOCUMENT))
    for fault in faults:
        print(f"{DOCUMENT}: {fault}")
    print(f"{len(faults)} faults")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
