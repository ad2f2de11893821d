# SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
"""A relocatable aarch64 object, as the lint and the stack bound look at it.

    obj = elf_object.ElfObject("sidewall.hyp.o")
    obj.sections[3].name, obj.symbols[0].name, obj.relocations[3][0x40][0].kind
"""

import collections
import re

from elftools.common.exceptions import ELFError
from elftools.elf.descriptions import describe_reloc_type
from elftools.elf.elffile import ELFFile

SHF_WRITE, SHF_ALLOC, SHF_EXECINSTR, SHF_TLS = 0x1, 0x2, 0x4, 0x400

# Marks in the code: from here on it is instructions ($x) or data ($d). nVHE prefixes them too.
MARK = re.compile(r"(?:\w+_)?\$([dx])(?:\..*)?$")

Section = collections.namedtuple("Section", "index name type flags size data")
Symbol = collections.namedtuple("Symbol", "name type bind section value size")
Relocation = collections.namedtuple("Relocation", "kind symbol addend")


class NotAnObject(Exception):
    """A file that is no relocatable aarch64 object."""


class ElfObject:
    """Sections by index, symbols, and the relocations of a section by their offset."""

    def __init__(self, path):
        self.path = str(path)
        try:
            with open(path, "rb") as stream:
                self._read(ELFFile(stream))
        except ELFError as error:
            raise NotAnObject(f"{path}: {error}") from error

    def _read(self, elf):
        if elf.header.e_type != "ET_REL" or elf.header.e_machine != "EM_AARCH64":
            raise NotAnObject(f"{self.path}: is not a relocatable object for aarch64")
        self.sections, self.symbols = {}, []
        self.relocations = collections.defaultdict(dict)
        tables = []
        for index, section in enumerate(elf.iter_sections()):
            kind = section["sh_type"]
            data = b"" if kind in ("SHT_NULL", "SHT_NOBITS") else section.data()
            self.sections[index] = Section(index, section.name, kind, section["sh_flags"],
                                           section["sh_size"], data)
            if kind == "SHT_SYMTAB":
                self._read_symbols(section)
            elif kind == "SHT_RELA":
                tables.append(section)
        for table in tables:
            for entry in table.iter_relocations():
                kind = describe_reloc_type(entry["r_info_type"], elf).removeprefix("R_AARCH64_")
                symbol = self.symbols[entry["r_info_sym"]]
                self.relocations[table["sh_info"]].setdefault(entry["r_offset"], []).append(
                    Relocation(kind, symbol, entry["r_addend"]))

    def _read_symbols(self, section):
        for entry in section.iter_symbols():
            self.symbols.append(Symbol(
                entry.name, entry["st_info"]["type"].removeprefix("STT_"),
                entry["st_info"]["bind"].removeprefix("STB_"), entry["st_shndx"],
                entry["st_value"], entry["st_size"]))

    def loaded(self):
        return [s for s in self.sections.values() if s.flags & SHF_ALLOC]

    def code(self):
        return [s for s in self.loaded() if s.flags & SHF_EXECINSTR and s.size]

    def undefined(self):
        return {s.name for s in self.symbols if s.section == "SHN_UNDEF" and s.name}

    def exported(self):
        return {s.name for s in self.symbols
                if s.bind in ("GLOBAL", "WEAK") and s.section != "SHN_UNDEF"}
