#!/usr/bin/python3 -B
# SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
"""The lint finds what it is there for: each rule has a fault, planted in a small source, that both
compilers build and the lint must name.

    driver/el2/lint_test.py Planted.test_recursion
"""

import pathlib
import re
import tempfile
import unittest

import elf_object
import lint
import machine_code
import ship
import stack
import toolchain

# Every source stands behind these lines and is clean but for its fault.
HEAD = """
#include <stddef.h>
#include <stdint.h>
extern "C" {
void sidewall_plat_relax(void*);
void sidewall_plat_panic(void*, uint32_t) __attribute__((noreturn));
uint64_t entry(uint64_t x, void* p);
}
#define NOINLINE __attribute__((noinline, noclone))
#ifdef __clang__
#undef NOINLINE
#define NOINLINE __attribute__((noinline))
#endif
"""
CLEAN = """
static uint64_t One(uint64_t x) { return x + 1; }
static uint64_t Two(uint64_t x) { return x + 2; }
extern const struct Row { uint64_t (*call)(uint64_t); } kRows[2];
const Row kRows[2] = {{One}, {Two}};
uint64_t entry(uint64_t x, void* p) {
  sidewall_plat_relax(p);
  if (x > 4) sidewall_plat_panic(p, 1);
  return reinterpret_cast<uint64_t>(kRows[x & 1].call);
}
"""


def profile(hypervisor=False):
    return lint.Profile({"sidewall_plat_relax", "sidewall_plat_panic"}, {"entry"},
                        {"sidewall_plat_panic"}, hypervisor=hypervisor,
                        internal=re.compile(r"kRows"))


class Bench(unittest.TestCase):
    """Compiles small sources by both chains."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def compile(self, chain, text, extra=(), without=(), suffix=".cc"):
        source = self.folder / f"{chain.name}{suffix}"
        source.write_text((HEAD if suffix == ".cc" else "") + text, encoding="utf-8")
        output = source.with_suffix(".o")
        chain.compile(source, output, [], extra, without)
        return output

    def chains(self):
        return toolchain.CHAINS.values()

    def rules(self, path, hypervisor=False):
        return {rule for rule, _ in lint.Report(path, profile(hypervisor)).faults}

    def expect(self, rules, text, extra=(), without=(), suffix=".cc"):
        """These rules complain of the object, and no others."""
        for chain in self.chains():
            found = lint.Report(self.compile(chain, text, extra, without, suffix),
                                profile()).faults
            self.assertEqual({rule for rule, _ in found}, set(rules), (chain.name, found))


class Control(Bench):
    """What is clean stays clean through all of nVHE's steps."""

    def test_clean(self):
        for chain in self.chains():
            made = self.compile(chain, CLEAN)
            self.assertEqual(self.rules(made), set())
            linked, final = self.folder / "linked.o", self.folder / "final.o"
            chain.prelink([made], linked, {"entry"})
            chain.hypervisor_link([linked], final)
            self.assertEqual(self.rules(final, hypervisor=True), set())

    def test_data_in_code(self):
        """Words that are marked as data are not decoded, before and after the prefix."""
        text = CLEAN + """
          asm(".text\\n.type words, %object\\nwords: .word 0xd63f0000, 0x1e602800\\n"
              ".size words, .-words");"""
        for chain in self.chains():
            made, final = self.compile(chain, text), self.folder / "final.o"
            linked = self.folder / "linked.o"
            self.assertEqual(self.rules(made), set())
            chain.prelink([made], linked, {"entry"})
            chain.hypervisor_link([linked], final)
            self.assertEqual(self.rules(final, hypervisor=True), set())

    def test_no_object(self):
        path = self.folder / "text.o"
        path.write_text("not an object\n", encoding="utf-8")
        with self.assertRaises(elf_object.NotAnObject):
            lint.Report(path, profile())


class Planted(Bench):
    """One fault each."""

    def test_section_group(self):
        text = """
          inline NOINLINE uint64_t Both(uint64_t x) { return x * 3; }
          uint64_t entry(uint64_t x, void*) { return Both(x) + 1; }"""
        for chain in self.chains():
            made = self.compile(chain, text)
            self.assertIn("section group", self.rules(made))
            # nVHE's own link does not help; dissolving the groups first does.
            final, linked = self.folder / "final.o", self.folder / "linked.o"
            chain.hypervisor_link([made], final)
            self.assertIn("section group", self.rules(final, hypervisor=True))
            chain.prelink([made], linked, {"entry"})
            chain.hypervisor_link([linked], final)
            self.assertEqual(self.rules(final, hypervisor=True), set())

    def test_guard(self):
        self.expect({"guard", "writable data"}, """
          uint64_t entry(uint64_t x, void*) { static uint64_t first = x; return first; }""")
        self.expect({"guard", "writable data"}, """
          uint64_t entry(uint64_t x, void*) { static uint64_t first = x; return first; }""",
                    extra=["-fthreadsafe-statics"])

    def test_initializer(self):
        self.expect({"initializer"}, """
          __attribute__((constructor)) static void Run() { sidewall_plat_relax(nullptr); }
          uint64_t entry(uint64_t x, void*) { return x; }""")

    def test_thread_local(self):
        self.expect({"thread-local storage"}, """
          static thread_local uint64_t mine;
          uint64_t entry(uint64_t x, void*) { return mine += x; }""")

    def test_global_offset_table(self):
        self.expect({"global offset table"}, """
          uint64_t entry(uint64_t, void*) {
            return reinterpret_cast<uint64_t>(&sidewall_plat_relax); }""", extra=["-fPIC"])

    def test_floating_point(self):
        self.expect({"floating point"}, """
          uint64_t entry(uint64_t x, void*) { return static_cast<uint64_t>(double(x) * 1.5); }""",
                    without=["-mgeneral-regs-only"])
        self.expect({"floating point", "system instruction"}, """
          uint64_t entry(uint64_t, void*) {
            uint64_t x; asm volatile("mrs %0, fpcr" : "=r"(x)); return x; }""",
                    without=["-mgeneral-regs-only"])

    def test_system_instruction(self):
        for text in ("hvc #0", "smc #0", "mrs x1, vttbr_el2", "msr vttbr_el2, x1", "tlbi alle1",
                     "dc cvac, x1", "at s1e1r, x1", "ic iallu", "wfi"):
            self.expect({"system instruction"}, f"""
              uint64_t entry(uint64_t x, void*) {{
                asm volatile("{text}" ::: "x1"); return x; }}""")

    def test_thread_register(self):
        self.expect({"thread-local storage"}, """
          uint64_t entry(uint64_t, void*) {
            uint64_t x; asm volatile("mrs %0, tpidr_el2" : "=r"(x)); return x; }""")

    def test_outline_atomics(self):
        self.expect({"outline atomics"}, """
          uint64_t entry(uint64_t x, void* p) {
            return __atomic_fetch_add(static_cast<uint64_t*>(p), x, __ATOMIC_RELAXED); }""",
                    extra=["-moutline-atomics"])

    def test_unwind_table(self):
        self.expect({"unwind table"}, CLEAN, extra=["-fasynchronous-unwind-tables"])

    def test_relocation(self):
        self.expect({"relocation"}, """
          uint64_t entry(uint64_t, void*) {
            uint64_t x; asm("movz %0, #:abs_g0_nc:entry" : "=r"(x)); return x; }""")
        self.expect({"relocation"}, """
          asm(".section .rodata\\n.word entry\\n.text");
          uint64_t entry(uint64_t x, void*) { return x; }""")

    def test_relocations_without_addends(self):
        for chain in self.chains():
            made = self.compile(chain, CLEAN)
            data = bytearray(made.read_bytes())
            offset = int.from_bytes(data[0x28:0x30], "little")
            count = int.from_bytes(data[0x3c:0x3e], "little")
            for header in range(offset, offset + 64 * count, 64):
                if data[header + 4] == 4:  # SHT_RELA
                    data[header + 4] = 9   # SHT_REL
                    data[header + 56] = 16
                    data[header + 32:header + 40] = (16).to_bytes(8, "little")
            made.write_bytes(data)
            self.assertIn("relocation", self.rules(made))

    def test_undefined_symbol(self):
        self.expect({"undefined symbol"}, """
          extern "C" void printk(const char*);
          uint64_t entry(uint64_t x, void*) { printk("x"); return x; }""")

    def test_undefined_without_prefix(self):
        for chain in self.chains():
            made, final = self.compile(chain, CLEAN), self.folder / "final.o"
            toolchain.run(chain.linker, "-r", "-T", toolchain.HERE / "hyp.lds", made, "-o", final)
            self.assertEqual(self.rules(final, hypervisor=True),
                             {"prefix", "undefined symbol", "exported symbol", "control flow"})

    def test_writable_data(self):
        entry = "uint64_t entry(uint64_t x, void*) { return counter += x; }"
        self.expect({"writable data"}, "static uint64_t counter;" + entry)
        self.expect({"writable data"}, "static uint64_t counter = 7;" + entry)
        self.expect({"writable data", "exported symbol"}, """
          #include <stdint.h>
          uint64_t counter;
          uint64_t entry(uint64_t x, void* p) { return p ? counter += x : x; }""",
                    extra=["-fcommon"], suffix=".c")

    def test_exported_symbol(self):
        self.expect({"exported symbol"}, CLEAN + "uint64_t Other(uint64_t x) { return x; }")
        self.expect({"exported symbol"}, """
          uint64_t entry(uint64_t x, void*) { return x; }
          extern "C" { uint64_t another(uint64_t x) { return x; } }""")
        for chain in self.chains():
            made = self.compile(chain, CLEAN)
            wanted = profile()
            wanted.offered = {"entry", "sidewall_gone"}
            found = lint.Report(made, wanted).faults
            self.assertEqual(found, [("exported symbol", "sidewall_gone is missing")])

    def test_section(self):
        self.expect({"section"}, CLEAN + """
          __attribute__((section(".mystery"), used)) static uint64_t There() { return 1; }""")
        for chain in self.chains():
            made, final = self.compile(chain, CLEAN), self.folder / "final.o"
            toolchain.run(chain.objcopy, f"--prefix-symbols={toolchain.PREFIX}", made, final)
            self.assertEqual(self.rules(final, hypervisor=True) - {"exported symbol"}, {"section"})

    def test_property_note(self):
        self.expect({"property note"}, CLEAN, extra=["-mbranch-protection=none"])
        self.expect({"property note"}, CLEAN, extra=["-mbranch-protection=bti"])

    def test_instruction(self):
        # RETAA, whose return address this lint cannot follow.
        self.expect({"instruction", "control flow"}, """
          uint64_t entry(uint64_t x, void*) { asm volatile(".inst 0xd65f0bff"); return x; }""")


class PlantedStack(Bench):
    """What makes a bound a guess, and what makes it too large."""

    def test_recursion(self):
        self.expect({"recursion"}, """
          static NOINLINE uint64_t Fall(uint64_t x, void* p) {
            if (x == 0) return 1;
            sidewall_plat_relax(p);
            return x + Fall(x - 1, p) * Fall(x >> 1, p); }
          uint64_t entry(uint64_t x, void* p) { return Fall(x, p) + 1; }""")
        self.expect({"recursion"}, """
          static uint64_t Pong(uint64_t x, void* p);
          static NOINLINE uint64_t Ping(uint64_t x, void* p) {
            sidewall_plat_relax(p);
            return x == 0 ? 1 : x + Pong(x - 1, p); }
          static NOINLINE uint64_t Pong(uint64_t x, void* p) {
            sidewall_plat_relax(p);
            return x == 0 ? 2 : x * Ping(x - 1, p); }
          uint64_t entry(uint64_t x, void* p) { return Ping(x, p) + 1; }""")

    def test_recursion_by_assembly(self):
        self.expect({"recursion"}, """
          asm(".type ring, %function\\nring: bti c\\ncbz x0, 1f\\nb ring2\\n1: ret\\n"
              ".size ring, .-ring\\n.type ring2, %function\\nring2: sub x0, x0, #1\\nb ring\\n"
              ".size ring2, .-ring2");
          uint64_t entry(uint64_t x, void*) { return x; }""")

    def test_indirect_call(self):
        self.expect({"indirect call"}, """
          uint64_t entry(uint64_t x, void* p) {
            return reinterpret_cast<uint64_t (*)(uint64_t)>(p)(x) + 1; }""")
        self.expect({"indirect call"}, """
          uint64_t entry(uint64_t x, void* p) {
            return reinterpret_cast<uint64_t (*)(uint64_t)>(p)(x); }""")
        self.expect({"indirect call"}, """
          uint64_t entry(uint64_t x, void*) { asm volatile("ret x1"); return x; }""")

    def test_table_of_branches(self):
        self.expect({"indirect call"}, """
          uint64_t entry(uint64_t x, void* p) {
            static const void* const kTo[] = {&&one, &&two, &&three};
            goto *kTo[x % 3];
            one: sidewall_plat_relax(p);
            two: sidewall_plat_relax(nullptr);
            three: return x; }""")

    def test_dynamic_allocation(self):
        text = """
          static NOINLINE void Fill(char* at, uint64_t x, void* p) {
            sidewall_plat_relax(p);
            *at = static_cast<char>(x); }
          uint64_t entry(uint64_t x, void* p) {
            char* at = static_cast<char*>(__builtin_alloca(x));
            Fill(at, x, p);
            return static_cast<uint64_t>(*at); }"""
        self.expect({"stack"}, text)
        for chain in self.chains():
            made = self.compile(chain, text)
            faults = ship.check_frames(made, toolchain.Waist())
            self.assertTrue(any("no constant" in what for _, what in faults), faults)

    def test_unbalanced(self):
        for body in ("sub sp, sp, #16\\nret", "ldr x1, [sp], #16\\nret",
                     "cbz x0, 1f\\nsub sp, sp, #16\\n1: ret", "mov sp, x1\\nret",
                     "stp x0, x1, [sp, #-32]!\\nb entry"):
            self.expect({"stack"}, f"""
              asm(".type odd, %function\\nodd: {body}\\n.size odd, .-odd");
              uint64_t entry(uint64_t x, void*) {{ return x; }}""")

    def test_runs_on(self):
        self.expect({"control flow"}, """
          asm(".type odd, %function\\nodd: bl sidewall_plat_relax\\n.size odd, .-odd\\n"
              ".type next, %function\\nnext: ret\\n.size next, .-next");
          uint64_t entry(uint64_t x, void*) { return x; }""")

    def test_frame(self):
        self.expect({"frame"}, """
          static NOINLINE void Fill(volatile char* at) { at[0] = 1; }
          uint64_t entry(uint64_t, void*) {
            volatile char room[600]; Fill(room); return static_cast<uint64_t>(room[0]); }""",
                    extra=["-Wframe-larger-than=4096"])

    def test_stack_limit(self):
        def levels(count):
            return "".join(f"""
              static NOINLINE uint64_t Level{i}(uint64_t x, void* p) {{
                volatile uint64_t room[56];
                room[x % 56] = x;
                return {f'Level{i - 1}(x + 1, p)' if i else '(sidewall_plat_relax(p), x)'}
                       + room[x % 56]; }}""" for i in range(count)) + f"""
              uint64_t entry(uint64_t x, void* p) {{ return Level{count - 1}(x, p) + 1; }}"""
        self.expect(set(), levels(4))
        self.expect({"stack"}, levels(5))


class Bounds(Bench):
    """The arithmetic, on code whose answer is known."""

    def test_sums(self):
        text = """
          asm(".type leaf, %function\\nleaf: sub sp, sp, #48\\nadd sp, sp, #48\\nret\\n"
              ".size leaf, .-leaf\\n"
              ".type stop, %function\\nstop: stp x29, x30, [sp, #-16]!\\n"
              "bl sidewall_plat_panic\\n.size stop, .-stop\\n"
              ".global entry\\n.type entry, %function\\n"
              "entry: stp x29, x30, [sp, #-32]!\\nbl leaf\\nsub sp, sp, #1, lsl #12\\n"
              "cbz x0, 2f\\nbl sidewall_plat_relax\\nadd sp, sp, #1, lsl #12\\n"
              "ldp x29, x30, [sp], #32\\nb leaf\\n2: bl stop\\n.size entry, .-entry");"""
        for chain in self.chains():
            made = self.compile(chain, text)
            bound = stack.StackBound(machine_code.Program(elf_object.ElfObject(made)),
                                     {"sidewall_plat_panic"})
            self.assertEqual(bound.faults, [])
            self.assertEqual(bound.of("leaf"), stack.Bound(48, None, [("leaf", 48)]))
            self.assertEqual(bound.of("entry"),
                             stack.Bound(4144, 4144, [("entry", 4128), ("stop", 16)]))
            # A panic that returned would run on into what lies behind it.
            bound = stack.StackBound(machine_code.Program(elf_object.ElfObject(made)))
            self.assertEqual({fault.rule for fault in bound.faults}, {"control flow"})

    def test_frames_against_the_compiler(self):
        for chain in self.chains():
            made = self.compile(chain, CLEAN)
            self.assertEqual(ship.check_frames(made, toolchain.Waist()), [])
            usage = made.with_suffix(".su")
            usage.write_text(usage.read_text().replace("\t32\t", "\t48\t")
                             .replace("\t16\t", "\t48\t"), encoding="utf-8")
            self.assertEqual([rule for rule, _ in ship.check_frames(made, toolchain.Waist())],
                             ["frame"])

    def test_waist(self):
        waist = toolchain.Waist()
        self.assertIn("sidewall_handle_dabt", waist.offered)
        self.assertIn("sidewall_plat_unlock", waist.needed)
        self.assertEqual(waist.noreturn, {"sidewall_plat_panic"})


if __name__ == "__main__":
    unittest.main()
