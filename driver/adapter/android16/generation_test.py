#!/usr/bin/python3 -B
# SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
"""The adapter does not compile for another generation of pKVM than the one that it names (A-37 of
docs/assumptions.md): each name of pkvm.h in turn is another one, and each function takes an
argument less.

    driver/adapter/android16/generation_test.py
"""

import concurrent.futures
import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import unittest

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent.parent
SOURCES = ("adapter.c", "plat.c")
# What a kernel builds its sources with, as far as it is about this.
FLAGS = ["-std=gnu11", "-fsyntax-only", "-Wall", "-Werror=implicit-function-declaration",
         "-Werror=incompatible-pointer-types", "-Werror=int-conversion", "-I",
         ROOT / "driver/include"]
# Declared for the shape of a structure or a set; the adapter has no use for them.
UNUSED = {"refs", "power_is_off", "sp", "pc", "pstate", "value", "IOMMU_CACHE", "IOMMU_PRIV",
          "kabi_reserved"}


def declared(text):
    """Members, functions and constants of pkvm.h."""
    text = re.sub(r"/\*.*?\*/", " ", text, flags=re.DOTALL)
    names = set(re.findall(r"\(\*(\w+)\)\(", text))
    names |= set(re.findall(r"^[\w* ]+?[ *](\w+)\([^()]*\)(?: __attribute__\(\(\w+\)\))?;", text,
                            re.MULTILINE))
    names |= set(re.findall(r"^  (?:\w+ )+\*?(\w+)(?:\[\d+\])?;", text, re.MULTILINE))
    names |= set(re.findall(r"\b([A-Z][A-Z0-9_]+) =", text))
    return names | set(re.findall(r"^#define ([A-Z]+) \d", text, re.MULTILINE))


def functions(text):
    """(name, declaration) of each callback and service that takes something."""
    found = re.findall(r"((?:\(\*(\w+)\)|\b(\w+))\(([^()]+)\))(?: __attribute__\S+)?;", text)
    return [(member or name, whole, arguments) for whole, member, name, arguments in found
            if arguments != "void"]


class Generation(unittest.TestCase):
    def setUp(self):
        self.text = (HERE / "pkvm.h").read_text(encoding="utf-8")
        scratch = tempfile.TemporaryDirectory()
        self.addCleanup(scratch.cleanup)
        self.scratch = pathlib.Path(scratch.name)

    def compiles(self, name, text):
        folder = self.scratch / name
        folder.mkdir()
        for source in (*SOURCES, "android16.h"):
            shutil.copyfile(HERE / source, folder / source)
        (folder / "pkvm.h").write_text(text, encoding="utf-8")
        compiler = os.environ.get("CC", "gcc-12")
        result = subprocess.run([compiler, *FLAGS, *(folder / s for s in SOURCES)],
                                stdin=subprocess.DEVNULL, capture_output=True, check=False)
        return result.returncode == 0

    def that_compile(self, texts):
        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            results = pool.map(lambda name: self.compiles(name, texts[name]), texts)
            return {name for name, good in zip(texts, results) if good}

    def test_as_it_is(self):
        self.assertTrue(self.compiles("plain", self.text))

    def test_each_name_is_another_one(self):
        names = declared(self.text)
        self.assertGreater(len(names), 60)
        texts = {name: re.sub(rf"\b{name}\b", name + "_other", self.text) for name in names}
        self.assertEqual(self.that_compile(texts), UNUSED)

    def test_each_function_takes_an_argument_less(self):
        texts = {}
        for name, whole, arguments in functions(self.text):
            fewer = ", ".join(arguments.split(",")[:-1]) or "void"
            texts[name] = self.text.replace(whole, whole.replace(f"({arguments})", f"({fewer})"))
        self.assertGreater(len(texts), 25)
        self.assertEqual(self.that_compile(texts), set())


if __name__ == "__main__":
    unittest.main()
