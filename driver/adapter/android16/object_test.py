#!/usr/bin/python3 -B
# SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
"""The adapter with the driver under it, through nVHE's steps by both compilers: lint clean, nothing
undefined but the services of pkvm.h, no writable data but what is named here, and the stack of
every callback within its bound.

    SIDEWALL_BUILD_DIR=build/el2 driver/adapter/android16/object_test.py
"""

import os
import pathlib
import re
import sys
import tempfile
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent.parent / "el2"))

import lint  # noqa: E402
import toolchain  # noqa: E402

WRITABLE = frozenset({"block", "iommus", "vms", "vms_lock", "leftover", "android16_notes",
                      "windows", "window_count", "locks", "tables"})
OFFERED = {"android16_ops", "android16_notes", "android16_finalize", "android16_vm_start",
           "android16_vm_stop", "android16_tick"}


def services():
    """What pkvm.h declares, which is what a kernel has."""
    text = re.sub(r"/\*.*?\*/", " ", (HERE / "pkvm.h").read_text(encoding="utf-8"),
                  flags=re.DOTALL)
    return set(re.findall(r"^\w[\w* ]*[ *](\w+)\([^()]*\)(?: __attribute__\(\(\w+\)\))?;", text,
                          re.MULTILINE))


class AdapterObject(unittest.TestCase):
    def test_both_chains(self):
        waist = toolchain.Waist()
        profile = lint.Profile(services() | {"android16_board", "android16_tables"},
                               OFFERED | waist.offered | waist.needed, {"hyp_panic"}, WRITABLE,
                               hypervisor=True)
        self.assertIn("hyp_spin_unlock", profile.needed)
        with tempfile.TemporaryDirectory() as name:
            for chain in toolchain.CHAINS.values():
                work = pathlib.Path(name, chain.name)
                work.mkdir()
                self.check(chain, work, waist, profile)

    def check(self, chain, work, waist, profile):
        includes = ["-I.", "-Idriver/include"]
        parts = []
        for source in ("adapter", "plat"):
            parts.append(work / f"{source}.o")
            chain.compile(f"driver/adapter/android16/{source}.c", parts[-1], includes)
        chain.prelink(parts, work / "adapter.nvhe.o", OFFERED | waist.needed)
        # The driver as the build has made it, for its other tests too.
        built = pathlib.Path(os.environ["SIDEWALL_BUILD_DIR"], f"driver/driver-el2-{chain.name}.o")
        chain.prelink([built], work / "sidewall.nvhe.o", waist.offered)
        chain.hypervisor_link([work / "adapter.nvhe.o", work / "sidewall.nvhe.o"],
                              work / "all.hyp.o")
        report = lint.Report(work / "all.hyp.o", profile)
        self.assertEqual(report.faults, [], chain.name)
        self.assertTrue(profile.needed >= {n.removeprefix(toolchain.PREFIX)
                                           for n in report.object.undefined()})
        callbacks = {n.removeprefix(toolchain.PREFIX): b for n, b in report.bound.entries}
        for name in ("DabtHandler", "HostStage2Idmap", "MapPages", "android16_vm_stop"):
            self.assertGreater(callbacks[name].bytes, 0)
        print(chain.name, max((b.bytes, n) for n, b in callbacks.items()))


if __name__ == "__main__":
    unittest.main()
