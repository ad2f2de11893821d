#!/usr/bin/python3 -B
# SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
"""Holds an object for EL2 against what nVHE can take in, and against its stack.

    driver/el2/lint.py build/el2/driver/driver-el2-clang.o
    driver/el2/lint.py --hypervisor ship-out/gcc/sidewall.hyp.o

Without --hypervisor the object is one that nVHE still has to link: names are plain, and sections
may have any name that hyp.lds knows. With it, it is what nVHE's own steps made of it. Every fault
is one line, `object: rule: what`. Exit code 0 when there is none, 1 when there is one, 2 for a file
that is no such object.
"""

import argparse
import dataclasses
import re
import sys

import elf_object
import machine_code
import stack
import toolchain
from elf_object import MARK, SHF_ALLOC, SHF_EXECINSTR, SHF_TLS, SHF_WRITE

STACK_LIMIT = 2048
FRAME_LIMIT = 512

# What the hypervisor's relocation step applies. It stops the build at any other, or at SHT_REL.
RELOCATIONS = {
    "ABS64", "PREL64", "PREL32", "PREL16", "PLT32", "LD_PREL_LO19", "ADR_PREL_LO21",
    "ADR_PREL_PG_HI21", "ADR_PREL_PG_HI21_NC", "ADD_ABS_LO12_NC", "LDST8_ABS_LO12_NC",
    "LDST16_ABS_LO12_NC", "LDST32_ABS_LO12_NC", "LDST64_ABS_LO12_NC", "LDST128_ABS_LO12_NC",
    "TSTBR14", "CONDBR19", "JUMP26", "CALL26", "MOVW_PREL_G0", "MOVW_PREL_G0_NC", "MOVW_PREL_G1",
    "MOVW_PREL_G1_NC", "MOVW_PREL_G2", "MOVW_PREL_G2_NC", "MOVW_PREL_G3",
}
INITIALIZERS = re.compile(r"\.(hyp\.)?((pre)?init_array|fini_array|ctors|dtors|init|fini)\b")
UNWIND = re.compile(r"\.(hyp\.)?(eh_frame|eh_frame_hdr|gcc_except_table|ARM\.ex\w*)\b")
GOT = re.compile(r"\.(hyp\.)?(got|plt|igot|iplt)\b")
PLAIN_SECTION = re.compile(r"\.(text|rodata|data|bss|idmap\.text)(\..*)?$|\.note\.gnu\.property$")
HYP_SECTION = re.compile(
    r"\.hyp\.(idmap\.text|text|rodata|data|data\.\.ro_after_init|data\.\.percpu|bss)$"
    r"|\.note\.gnu\.property$")
# In the note: property type 0xc0000000, four bytes; bit 0 landing pads, bit 1 signed returns.
BTI_AND_PAC = 3


@dataclasses.dataclass
class Profile:
    """What an object may need and offer: names as its sources have them."""

    needed: set
    offered: set
    noreturn: set
    writable: frozenset = frozenset()
    hypervisor: bool = False
    # Names that an object may offer too, as long as it is not the last step.
    internal: re.Pattern = re.compile(r"_ZN?K?\w*15sidewall_detail\w*|mem(cpy|move|set|cmp)")

    @property
    def prefix(self):
        return toolchain.PREFIX if self.hypervisor else ""


def driver_profile(hypervisor=False):
    waist = toolchain.Waist()
    return Profile(waist.needed, waist.offered, waist.noreturn, hypervisor=hypervisor)


def check_sections(obj, profile):
    for section in obj.sections.values():
        if section.type == "SHT_GROUP":
            yield "section group", f"{section.name}: the link step leaves it out of .hyp.*"
        if section.type == "SHT_REL":
            yield "relocation", f"{section.name}: relocations without addends"
        if section.size == 0 or not section.flags & SHF_ALLOC:
            continue
        known = HYP_SECTION if profile.hypervisor else PLAIN_SECTION
        if INITIALIZERS.match(section.name):
            yield "initializer", f"{section.name}: nobody runs it at EL2"
        elif UNWIND.match(section.name):
            yield "unwind table", section.name
        elif GOT.match(section.name):
            yield "global offset table", section.name
        elif section.flags & SHF_TLS:
            yield "thread-local storage", section.name
        elif not known.match(section.name):
            yield "section", f"{section.name}: nobody maps it at EL2"


def check_writable(obj, profile):
    """Writable bytes are those of symbols that the profile names; the driver has none."""
    allowed = {profile.prefix + name for name in profile.writable}
    for section in obj.loaded():
        if not section.flags & SHF_WRITE or section.size == 0 or section.flags & SHF_TLS \
                or INITIALIZERS.match(section.name):  # which has a rule of its own
            continue
        inside = [s for s in obj.symbols
                  if s.section == section.index and s.type in ("OBJECT", "NOTYPE")
                  and s.name and not MARK.match(s.name)]
        wrong = sorted(s.name for s in inside if s.name not in allowed)
        if wrong or not inside:
            yield "writable data", f"{section.name}: {', '.join(wrong) or 'of no name'}"
    for symbol in obj.symbols:
        if symbol.section == "SHN_COMMON":
            yield "writable data", f"common {symbol.name}"


def check_symbols(obj, profile):
    for symbol in obj.symbols:
        bare = symbol.name.removeprefix(profile.prefix)
        if bare.startswith(("_ZGV", "_ZTH", "_ZTW")):
            yield "guard", f"{symbol.name}: a variable that is made when it is first used"
        if symbol.type == "TLS":
            yield "thread-local storage", symbol.name
        if symbol.name and profile.hypervisor and symbol.type in ("FUNC", "OBJECT", "NOTYPE") \
                and not symbol.name.startswith(toolchain.PREFIX):
            yield "prefix", f"{symbol.name} does not begin with {toolchain.PREFIX}"


def check_names(obj, profile):
    for name in sorted(obj.undefined()):
        bare = name.removeprefix(profile.prefix)
        if bare.startswith("__cxa_guard"):
            yield "guard", name
        elif bare.startswith("__aarch64_"):
            yield "outline atomics", name
        elif bare not in profile.needed or not name.startswith(profile.prefix):
            yield "undefined symbol", name
    offered = {profile.prefix + name for name in profile.offered}
    exported = obj.exported()
    for name in sorted(exported - offered):
        if profile.hypervisor or not profile.internal.fullmatch(name):
            yield "exported symbol", f"{name} is none that others may call"
    for name in sorted(offered - exported):
        yield "exported symbol", f"{name} is missing"


def check_relocations(obj, _profile):
    seen = set()
    for index, places in obj.relocations.items():
        if not obj.sections[index].flags & SHF_ALLOC:
            continue
        for relocation in (r for found in places.values() for r in found):
            kind = relocation.kind
            if kind in RELOCATIONS or kind in seen:
                continue
            seen.add(kind)
            rule = "relocation"
            if "GOT" in kind:
                rule = "global offset table"
            elif kind.startswith("TLS"):
                rule = "thread-local storage"
            yield rule, f"{obj.sections[index].name}: R_AARCH64_{kind} of {relocation.symbol.name}"


def check_note(obj, _profile):
    """Every piece of code says that it has landing pads and signed returns."""
    notes = [s for s in obj.sections.values() if s.name == ".note.gnu.property" and s.size]
    if not notes:
        yield "property note", "there is none: compile with -mbranch-protection"
    for note in notes:
        words = [int.from_bytes(note.data[i:i + 4], "little") for i in range(0, len(note.data), 4)]
        features = [words[i + 2] for i, word in enumerate(words[:-2]) if word == 0xc0000000]
        if not features or any(f & BTI_AND_PAC != BTI_AND_PAC for f in features):
            yield "property note", f"{[hex(f) for f in features]} is not BTI and PAC"


def check_instructions(program):
    for place, insn in sorted(program.at.items()):
        if insn.fp:
            yield "floating point", f"{program.where(place)}: {insn.text}"
        if insn.tls:
            yield "thread-local storage", f"{program.where(place)}: {insn.text}"
        elif insn.system:
            yield "system instruction", f"{program.where(place)}: {insn.text}"
        if insn.kind == machine_code.UNKNOWN:
            yield "instruction", f"{program.where(place)}: {insn.text} is not known"


def entry_points(obj):
    """Places where somebody else may begin: what is exported, and what a table points to."""
    for symbol in obj.symbols:
        if symbol.name in obj.exported() and symbol.type == "FUNC":
            yield symbol.section, symbol.value
    for index, places in obj.relocations.items():
        if obj.sections[index].flags & SHF_EXECINSTR:
            continue
        for relocation in (r for found in places.values() for r in found):
            yield relocation.symbol.section, relocation.symbol.value + relocation.addend


def check_stack(bound):
    for fault in bound.faults:
        yield fault.rule, fault.what
    for name, frame in bound.frames():
        if frame > FRAME_LIMIT:
            yield "frame", f"{name}: {frame} bytes; {FRAME_LIMIT} is the limit"
    for name, entry in bound.entries:
        if entry.bytes > STACK_LIMIT:
            yield "stack", f"{name}: {entry.bytes} bytes; {STACK_LIMIT} is the limit"


class Report:
    """The faults of an object and the bounds of its stack."""

    def __init__(self, path, profile):
        obj = elf_object.ElfObject(path)
        program = machine_code.Program(obj)
        self.path = str(path)
        self.object = obj
        self.bound = stack.StackBound(program, {profile.prefix + n for n in profile.noreturn})
        self.bound.enter(entry_points(obj))
        self.faults = []
        for check in (check_sections, check_writable, check_symbols, check_names,
                      check_relocations, check_note):
            self.faults += check(obj, profile)
        self.faults += check_instructions(program)
        self.faults += check_stack(self.bound)


def main():
    parser = argparse.ArgumentParser(description="the lint of objects for EL2")
    parser.add_argument("object")
    parser.add_argument("--hypervisor", action="store_true", help="after nVHE's own steps")
    arguments = parser.parse_args()
    try:
        report = Report(arguments.object, driver_profile(arguments.hypervisor))
    except (OSError, elf_object.NotAnObject) as error:
        print(f"lint: {error}", file=sys.stderr)
        return 2
    for rule, what in report.faults:
        print(f"{arguments.object}: {rule}: {what}", file=sys.stderr)
    return 1 if report.faults else 0


if __name__ == "__main__":
    sys.exit(main())
