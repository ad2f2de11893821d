# SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
"""Machine code, an instruction at a time, with what the lint wants to know of each.

    program = machine_code.Program(obj)
    i = program.at[(section, offset)]
    i.kind, i.target          # CALL, ("name of a function that is not here", None)
    i.stack                   # -32 where 32 bytes are pushed; None where nobody can say

What Capstone cannot decode is kept as UNKNOWN, so that nothing goes by unseen.
"""

import bisect
import re

import capstone
from capstone import arm64

from elf_object import MARK, SHF_EXECINSTR

PLAIN, CALL, JUMP, CONDITIONAL, RETURN, INDIRECT, TRAP, UNKNOWN = range(8)

FP_REGISTER = re.compile(r"[bhsdqv]\d+$")
FP_STATE = re.compile(r"\bfp[cs]r\b")
TLS_REGISTER = re.compile(r"\btpidr\w*", re.IGNORECASE)
BRANCH_RELOCATIONS = {"CALL26", "JUMP26", "CONDBR19", "TSTBR14"}
# What acts on the machine and not on the driver's own memory.
SYSTEM = {"hvc", "smc", "svc", "mrs", "msr", "tlbi", "at", "dc", "ic", "sys", "sysl", "eret", "wfi",
          "wfe", "sev", "sevl", "drps"}
# The 4 encodings of RETAA and its kin, which this Capstone does not know, are UNKNOWN.
KINDS = {"bl": CALL, "b": JUMP, "cbz": CONDITIONAL, "cbnz": CONDITIONAL, "tbz": CONDITIONAL,
         "tbnz": CONDITIONAL, "ret": RETURN, "br": INDIRECT, "blr": INDIRECT, "brk": TRAP,
         "hlt": TRAP, "eret": INDIRECT, "drps": INDIRECT}


class Instruction:
    """One instruction. `target` is (section, offset), (name, None), or None."""

    __slots__ = ("text", "kind", "target", "stack", "fp", "tls", "system")

    def __init__(self, text, kind):
        self.text, self.kind = text, kind
        self.target, self.stack, self.fp, self.tls, self.system = None, 0, False, False, False


def stack_change(insn):
    """By how much an instruction moves the stack pointer; None for what is not a constant."""
    operands = insn.operands
    if insn.writeback and any(o.type == arm64.ARM64_OP_MEM and o.mem.base == arm64.ARM64_REG_SP
                              for o in operands):
        last = operands[-1]
        if last.type == arm64.ARM64_OP_IMM:
            return last.imm
        return last.mem.disp if last.type == arm64.ARM64_OP_MEM and last.mem.index == 0 else None
    _, written = insn.regs_access()
    if not {arm64.ARM64_REG_SP, arm64.ARM64_REG_WSP} & set(written):
        return 0
    constant = (insn.mnemonic in ("add", "sub") and len(operands) == 3
                and operands[1].reg == arm64.ARM64_REG_SP
                and operands[2].type == arm64.ARM64_OP_IMM)
    if not constant:
        return None
    size = operands[2].imm << operands[2].shift.value
    return size if insn.mnemonic == "add" else -size


class Program:
    """All code of an object. `functions` are the entries, by place."""

    def __init__(self, obj):
        self.object = obj
        self.at = {}
        self.functions = {}
        for symbol in obj.symbols:
            section = obj.sections.get(symbol.section)
            if symbol.type == "FUNC" and section and section.flags & SHF_EXECINSTR:
                place = (symbol.section, symbol.value)
                known = self.functions.get(place)
                # Aliases: the one that others can call names the place.
                if known is None or known.bind == "LOCAL":
                    self.functions[place] = symbol
        decoder = capstone.Cs(capstone.CS_ARCH_ARM64, capstone.CS_MODE_ARM)
        decoder.detail = True
        for section in obj.code():
            self._decode(decoder, section)

    def _data_spans(self, section):
        """The offsets where mapping symbols say that data begins or code goes on."""
        found = [(s.value, MARK.match(s.name)) for s in self.object.symbols
                 if s.section == section.index]
        marks = sorted((value, match[1] == "d") for value, match in found if match)
        return [m[0] for m in marks], [m[1] for m in marks]

    def _decode(self, decoder, section):
        starts, is_data = self._data_spans(section)
        for offset in range(0, section.size - 3, 4):
            at = bisect.bisect_right(starts, offset) - 1
            if at >= 0 and is_data[at]:
                continue
            word = section.data[offset:offset + 4]
            insn = next(decoder.disasm(word, offset, 1), None)
            place = (section.index, offset)
            if insn is None:
                value = int.from_bytes(word, "little")
                # UDF, which fills what is never run.
                kind = TRAP if value < 0x10000 else UNKNOWN
                self.at[place] = Instruction(f".inst {value:#010x}", kind)
            else:
                self.at[place] = self._instruction(insn, place)

    def _instruction(self, insn, place):
        kind = KINDS.get(insn.mnemonic, PLAIN)
        if insn.mnemonic.startswith("b."):
            kind = CONDITIONAL
        elif kind == PLAIN and {arm64.ARM64_GRP_JUMP, arm64.ARM64_GRP_CALL} & set(insn.groups):
            kind = UNKNOWN
        made = Instruction(f"{insn.mnemonic} {insn.op_str}".strip(), kind)
        made.stack = stack_change(insn)
        made.fp = FP_STATE.search(insn.op_str) is not None or any(
            o.type == arm64.ARM64_OP_FP or (o.type == arm64.ARM64_OP_REG
                                            and FP_REGISTER.match(insn.reg_name(o.reg)))
            for o in insn.operands)
        made.system = insn.mnemonic in SYSTEM
        made.tls = TLS_REGISTER.search(insn.op_str) is not None
        if kind in (CALL, JUMP, CONDITIONAL):
            made.target = self._target(insn, place)
        return made

    def _target(self, insn, place):
        section, offset = place
        for relocation in self.object.relocations[section].get(offset, ()):
            if relocation.kind in BRANCH_RELOCATIONS:
                symbol = relocation.symbol
                if symbol.section == "SHN_UNDEF":
                    return (symbol.name, None)
                return (symbol.section, symbol.value + relocation.addend)
        return (section, insn.operands[-1].imm)

    def where(self, place):
        """The function that a place is in, and how far: sidewall_init+0x40."""
        section, offset = place
        inside = [(entry[1], symbol.name) for entry, symbol in self.functions.items()
                  if entry[0] == section and entry[1] <= offset]
        if not inside:
            return f"{self.object.sections[section].name}+{offset:#x}"
        start, name = max(inside)
        return name if start == offset else f"{name}+{offset - start:#x}"
