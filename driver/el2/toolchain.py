# SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
"""The two tool chains for EL2, and the steps by which nVHE takes an object in.

    chain = toolchain.CHAINS["clang"]
    chain.compile("driver/api.cc", out / "api.cc.o", ["-Idriver/include"])
    chain.prelink([out / "api.cc.o"], out / "sidewall.nvhe.o", exports)
    chain.hypervisor_link(out / "sidewall.nvhe.o", out / "sidewall.hyp.o")

Every command runs at the root of the tree with relative names and an environment of its own, so
that neither where the tree lies nor who builds shows in what comes out.
"""

import os
import pathlib
import re
import shutil
import subprocess

HERE = pathlib.Path(__file__).resolve().parent
DRIVER = HERE.parent
ROOT = DRIVER.parent
PREFIX = "__kvm_nvhe_"


class MissingTool(Exception):
    """A program that is not installed."""


class BuildFailed(Exception):
    """A compiler or linker said no."""


def run(program, *arguments, cwd=ROOT, stdin=""):
    """A tool, run to its end; what it prints on both streams."""
    path = shutil.which(program)
    if path is None:
        raise MissingTool(f"{program} is not installed\n  what to do: install the groups core, el2 "
                          "and ship of ci/packages.txt")
    environment = {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", "TZ": "UTC",
                   "HOME": "/nonexistent", "TMPDIR": os.environ.get("TMPDIR", "/tmp")}
    done = subprocess.run([path, *map(str, arguments)], cwd=cwd, env=environment, input=stdin,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if done.returncode != 0:
        raise BuildFailed(f"{program} {' '.join(map(str, arguments))}\n{done.stdout}")
    return done.stdout


def flags(chain, language):
    """The flags of flags.txt for a chain (clang, gcc) and a language (c, cxx)."""
    wanted = {"all", chain, language}
    found = []
    for line in (HERE / "flags.txt").read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            who, flag = line.split()
            if who in wanted:
                found.append(flag)
    return found


def cmake_list(name):
    """A list of sources.cmake, which names what the driver consists of."""
    text = (DRIVER / "sources.cmake").read_text(encoding="utf-8")
    match = re.search(rf"^set\({name}\s+([^)]*)\)", text, re.MULTILINE)
    if not match:
        raise BuildFailed(f"driver/sources.cmake has no set({name} ...)")
    return match[1].split()


class Waist:
    """The names of include/sidewall/driver.h: what the driver offers, and what it needs."""

    def __init__(self, text=None):
        if text is None:
            text = (DRIVER / "include/sidewall/driver.h").read_text(encoding="utf-8")
        text = re.sub(r"/\*.*?\*/", " ", text, flags=re.DOTALL)
        self.offered = {f"sidewall_{name}" for name in re.findall(r"^SIDEWALL_R\((\w+)\)", text,
                                                                  re.MULTILINE)}
        plat = re.findall(r"\b(sidewall_plat_\w+)\s*\(([^;]*);", text)
        self.needed = {name for name, _ in plat}
        self.noreturn = {name for name, rest in plat if "noreturn" in rest}


class Chain:
    """A compiler with the linker and the tools that a kernel built by it uses."""

    def __init__(self, name, compilers, linker, objcopy, archiver):
        self.name = name
        self.compilers = compilers
        self.linker = linker
        self.objcopy = objcopy
        self.archiver = archiver

    def versions(self):
        programs = {"cxx": self.compilers["cxx"], "c": self.compilers["c"],
                    "linker": self.linker, "objcopy": self.objcopy, "archiver": self.archiver}
        # The first line with a number; the name of the program may have a line of its own.
        return {role: next(line.strip() for line in run(program, "--version").splitlines()
                           if re.search(r"\d", line))
                for role, program in sorted(programs.items())}

    def compile(self, source, output, includes, extra=(), without=()):
        """Compiles a source (named from the root of the tree) and leaves its frames in a .su."""
        language = "c" if str(source).endswith(".c") else "cxx"
        kept = [flag for flag in flags(self.name, language) if flag not in without]
        run(self.compilers[language], *kept, "-fstack-usage", *extra, *includes, "-c", source,
            "-o", output)

    def prelink(self, objects, output, exports):
        """One object without section groups, which offers `exports` and nothing else."""
        run(self.linker, "-r", "--force-group-allocation", *objects, "-o", output)
        run(self.objcopy, *[f"--keep-global-symbol={name}" for name in sorted(exports)], output)

    def hypervisor_link(self, inputs, output):
        """What the kernel's own makefile does to objects of EL2."""
        run(self.linker, "-r", "-T", HERE / "hyp.lds", *inputs, "-o", output)
        run(self.objcopy, f"--prefix-symbols={PREFIX}", output)

    def archive(self, member, output):
        """An archive that holds neither times nor owners."""
        run(self.archiver, "rcsD", output, member.name, cwd=member.parent)


CHAINS = {
    "clang": Chain("clang", {"c": "clang-19", "cxx": "clang++-19"}, "ld.lld-19",
                   "llvm-objcopy-19", "llvm-ar-19"),
    "gcc": Chain("gcc", {"c": "aarch64-linux-gnu-gcc-12", "cxx": "aarch64-linux-gnu-g++-12"},
                 "aarch64-linux-gnu-ld", "aarch64-linux-gnu-objcopy", "aarch64-linux-gnu-ar"),
}
