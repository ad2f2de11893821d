#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
"""Holds the lists of fields and of other rules in model/README.md against the model.

    ci/model_fields.py          # lists what has no rule, and what is no register

Every register of model/smmu_layout.cc has an entry, and every field of it: with the planted faults
that show what the model does with it, or with `assumed`, and then the table of what is assumed
names it. Every planted fault stands in the list of fields or in that of other rules. Exit code 1
when something is missing.
"""

import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
LAYOUT = ROOT / "model" / "smmu_layout.cc"
README = ROOT / "model" / "README.md"
FAULTS = ROOT / "model" / "faults"
FIELDS = ("<!-- fields: begin -->", "<!-- fields: end -->")
STEPS = ("<!-- steps: begin -->", "<!-- steps: end -->")
PREFIX = {"kGr0": "", "kGr1": "", "kGid": "", "kPmu": "PMU.", "kBank": "CB.", "kMcSid": "MC.",
          "kMcChannel": "MC."}


def read_layout(text):
    """Name of each register to the names of its fields."""
    fields = {}
    for name, body in re.findall(r"constexpr FieldInfo (k\w+)\[\] = \{(.*?)SIDEWALL_END", text,
                                 re.DOTALL):
        fields[name] = re.findall(r'\{"(\w+)", \d+, \d+', body)
    rows = {}
    table = text[text.index("kRegisters[] = {"):].replace("uint64_t{0}", "0")
    for name, page, use in re.findall(r'\{"(\w+)", Page::(k\w+),[^{}]*?,\s*(\w+)\}', table):
        rows[PREFIX[page] + name] = fields.get(use, [])
    return rows


def read_rows(text, marks):
    """The two cells of each row of the table between two marks."""
    if any(text.count(mark) != 1 for mark in marks):
        raise SystemExit(f"model/README.md: wants one '{marks[0]}' and one '{marks[1]}'")
    lines = text.split(marks[0])[1].split(marks[1])[0].strip().splitlines()[2:]
    return [[cell.strip() for cell in line.strip()[1:-1].split("|")] for line in lines]


def read_entries(text):
    """Name of each register to its entries: (field or empty, rules)."""
    entries = {}
    for names, rules in read_rows(text, FIELDS):
        parsed = []
        for part in rules.split(";"):
            words = part.split()
            said = [w for w in words if re.fullmatch(r"MF\d{3}|assumed", w)]
            parsed.append((words[:len(words) - len(said)], said))
        for name in names.split(","):
            entries.setdefault(name.strip(), []).extend(parsed)
    return entries


def assumed_text(readme):
    return readme.split("\n## Assumed", 1)[1].split("\n## ", 1)[0]


def check(layout, readme, faults):
    """What is wrong, one line each."""
    rows, entries = read_layout(layout), read_entries(readme)
    assumed = assumed_text(readme)
    wrong = [f"{name} is no register of the model" for name in entries if name not in rows]
    for name, fields in rows.items():
        if name not in entries:
            wrong.append(f"{name} has no entry")
            continue
        told = set()
        for of, said in entries[name]:
            told.update(of)
            if not said:
                wrong.append(f"{name}: {' '.join(of) or 'it'} has neither a fault nor 'assumed'")
            wrong += [f"{name}: there is no {w}" for w in said if w not in faults | {"assumed"}]
            if "assumed" not in said:
                continue
            for word in of or [name.split(".")[-1]]:
                if not re.search(rf"\b{word}\b", assumed):
                    wrong.append(f"{name}: {word} is not in the table of what is assumed")
        wrong += [f"{name}.{field} has no entry" for field in fields if field not in told]
        wrong += [f"{name} has no field {field}" for field in sorted(told - set(fields))]
    return wrong


def check_steps(readme, faults):
    """What is wrong with the other list, and which fault stands in neither."""
    wrong, named = [], set()
    for what, rules in read_rows(readme, STEPS):
        named.update(rules.split())
        if not rules:
            wrong.append(f"'{what}' has no fault")
    for _, rules in read_rows(readme, FIELDS):
        named.update(re.findall(r"MF\d{3}", rules))
    wrong += [f"there is no {name}" for name in sorted(named - faults)]
    return wrong + [f"{name} stands in neither list" for name in sorted(faults - named)]


def main():
    faults = {path.name[:5] for path in FAULTS.glob("MF*.patch")}
    readme = README.read_text(encoding="utf-8")
    wrong = check(LAYOUT.read_text(encoding="utf-8"), readme, faults)
    wrong += check_steps(readme, faults)
    for line in wrong:
        print(line)
    print(f"{len(wrong)} not as they should be")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
