#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
"""Holds documents against the tree: what they say of it is so.

    ci/documents.py          # checks
    ci/documents.py --fix    # writes the driver's line counts into driver/README.md first

docs/assumptions.md: a row has all cells and a number of its own, and every ID that is named
anywhere has a row. driver/README.md: the table of files lists each file of the driver with its
lines, and the table of orders names tests that there are. corpus/board: each invariant has a good
and a bad program, and so has each row of the regression table one. Every fault is one line; exit
code 1 when there is one.
"""

import pathlib
import re
import sys

ASSUMPTIONS = "docs/assumptions.md"
README = "driver/README.md"
CELLS = 5
ID = re.compile(r"\bA-[0-9]{2}\b")
FILE_ROW = re.compile(r"^\| +(\d+) \| `([^`]+)` \| (.+) \|$", re.M)
ORDER_ROW = re.compile(r"^\| ([^|`]+) \| ((?:`\w+\.\w+`(?:, )?)+) \|$", re.M)
TEST_NAME = re.compile(r"`(\w+)\.(\w+)`")
TEST = re.compile(r"\bTEST(?:_F|_P)?\(\s*(\w+),\s*(\w+)\)")
INVARIANTS = "oracle/invariant.cc"
CODE = re.compile(r'"((?:ISO|FUN|ERR|MEM|DIF)[0-9]{2})"')
PROGRAMS = "corpus/board"
REGRESSION = "corpus/board/regression/README.md"
PROGRAM_ROW = re.compile(r"^\| [^|`]+ \| `([^`]+\.sw)` \|$", re.M)
# A patch of the driver's source breaks both of its builds alike; replay/ tests a patched image.
NO_PROGRAM = {("bad", "DIF01")}
NAMED_IN = (".md", ".cc", ".h", ".sw", ".patch", ".inc", ".py", ".cmake")


def files(root):
    for path in sorted(root.rglob("*")):
        parts = path.relative_to(root).parts
        if path.is_file() and not any(p == "build" or p.startswith(".") for p in parts):
            yield path


def check_assumptions(root, faults):
    rows = {}
    for number, line in enumerate((root / ASSUMPTIONS).read_text().splitlines(), 1):
        if not line.startswith("| A-"):
            continue
        cells = [cell.strip() for cell in line.strip("|").split(" | ")]
        if len(cells) != CELLS or not all(cells):
            faults.append(f"{ASSUMPTIONS}:{number}: a row has {CELLS} cells, none of them empty")
        if cells[0] in rows:
            faults.append(f"{ASSUMPTIONS}:{number}: {cells[0]} is there already")
        if rows and cells[0] < max(rows):
            faults.append(f"{ASSUMPTIONS}:{number}: {cells[0]} is out of order")
        rows[cells[0]] = number
    if not rows:
        faults.append(f"{ASSUMPTIONS}:1: no row is found; does each begin with its ID?")
    for path in files(root):
        if path.suffix not in NAMED_IN or path.name.startswith("documents"):
            continue
        for number, line in enumerate(path.read_text(errors="replace").splitlines(), 1):
            for name in ID.findall(line):
                if name not in rows:
                    where = f"{path.relative_to(root)}:{number}"
                    faults.append(f"{where}: {name} has no row in {ASSUMPTIONS}")


def driver_files(root):
    """What is compiled into a board's object; tests and what builds it are not the driver."""
    found = {}
    for path in files(root / "driver"):
        name = str(path.relative_to(root / "driver"))
        if path.suffix not in (".cc", ".h", ".inc") or "_test" in name:
            continue
        if "/" in name and not name.startswith("include/"):
            continue
        found[name] = len(path.read_text().splitlines())
    return found


def check_files(root, fix, faults):
    path = root / README
    text = path.read_text()
    found = driver_files(root)
    if fix:
        def with_count(match):
            return f"| {found.get(match[2], 0)} | `{match[2]}` | {match[3]} |"
        text = FILE_ROW.sub(with_count, text)
        total = sum(found.values())
        text = re.sub(r"\d+ lines in \d+ files", f"{total} lines in {len(found)} files", text)
        path.write_text(text)
    listed = {match[2]: int(match[1]) for match in FILE_ROW.finditer(text)}
    for name, lines in found.items():
        if name not in listed:
            faults.append(f"{README}:1: the table of files lacks {name}")
        elif listed[name] != lines:
            faults.append(f"{README}:1: {name} has {lines} lines, not {listed[name]}; "
                          "run ci/documents.py --fix")
    for name in listed.keys() - found.keys():
        faults.append(f"{README}:1: the table of files has {name}, which is not there")
    said = f"{sum(found.values())} lines in {len(found)} files"
    if said not in text:
        faults.append(f"{README}:1: it should say \"{said}\"; run ci/documents.py --fix")


def check_orders(root, faults):
    tests = set()
    for path in files(root):
        if path.name.endswith("_test.cc"):
            tests.update(f"{a}.{b}" for a, b in TEST.findall(path.read_text()))
    rows = 0
    for match in ORDER_ROW.finditer((root / README).read_text()):
        rows += 1
        for suite, name in TEST_NAME.findall(match[2]):
            if f"{suite}.{name}" not in tests:
                faults.append(f"{README}:1: there is no test {suite}.{name}")
    if rows == 0:
        faults.append(f"{README}:1: no order is held by a test")


def check_programs(root, faults):
    codes = set(CODE.findall((root / INVARIANTS).read_text()))
    if not codes:
        faults.append(f"{INVARIANTS}:1: no invariant is found; does each have its code in quotes?")
    for kind in ("good", "bad"):
        there = [path.name for path in (root / PROGRAMS / kind).glob("*.sw")]
        for code in sorted(codes):
            found = any(name.startswith(f"{code.lower()}-") for name in there)
            if (kind, code) in NO_PROGRAM:
                if found:
                    faults.append(f"{PROGRAMS}/{kind}: {code} has a program; "
                                  "take it out of NO_PROGRAM")
            elif not found:
                faults.append(f"{PROGRAMS}/{kind}: no program for {code}: {code.lower()}-*.sw")
    listed = PROGRAM_ROW.findall((root / REGRESSION).read_text())
    if not listed:
        faults.append(f"{REGRESSION}:1: no row names a program")
    for name in listed:
        if not (root / REGRESSION).with_name(name).is_file():
            faults.append(f"{REGRESSION}:1: there is no program {name}")


def check(root, fix=False):
    faults = []
    check_assumptions(root, faults)
    check_files(root, fix, faults)
    check_orders(root, faults)
    check_programs(root, faults)
    return faults


def main():
    fix = "--fix" in sys.argv[1:]
    faults = check(pathlib.Path(__file__).resolve().parent.parent, fix)
    for fault in faults:
        print(fault)
    print(f"{len(faults)} faults")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
