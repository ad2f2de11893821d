#!/usr/bin/python3 -B
# SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
"""What a board takes: the driver for EL2 by both compilers, with what is known of it.

    driver/el2/ship.py --out=ship-out

Builds through nVHE's own steps, holds every object against the lint, and writes the bundle in one
go: there is a whole one or none. The bytes depend on the commit, the compilers and the evidence,
and on nothing else. Exit code 0, 1 when the lint finds something, 2 for a folder that cannot be
written, 125 where a program or the commit is missing.
"""

import argparse
import concurrent.futures
import hashlib
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile

import elf_object
import lint
import machine_code
import stack
import toolchain
from toolchain import CHAINS, DRIVER, ROOT

SCHEMA = "sidewall.ship/1"
MANIFEST = "MANIFEST.json"
INCLUDES = ["-I.", "-Idriver/include"]
COPIED = {"include/sidewall/driver.h": DRIVER / "include/sidewall/driver.h",
          "hyp.lds": DRIVER / "el2/hyp.lds",
          **{f"adapter/android16/{name}": DRIVER / "adapter/android16" / name
             for name in ("README.md", "adapter.c", "android16.h", "pkvm.h", "plat.c")}}


class Refused(Exception):
    """Ends the program with a sentence and an exit code."""

    def __init__(self, code, text):
        super().__init__(text)
        self.code = code


# ------------------------------------------------------------------ what is built, of which commit

def git(*arguments):
    if shutil.which("git") is None:
        raise Refused(125, "git is not installed: the bundle names the commit that it is built of")
    return subprocess.run(["git", "-C", str(ROOT), *arguments], capture_output=True, text=True,
                          stdin=subprocess.DEVNULL, check=False)


def provenance():
    """Commit, tree of the driver, and what differs from them in the work tree."""
    known = git("ls-files", "--error-unmatch", "driver/include/sidewall/driver.h")
    head = git("rev-parse", "--verify", "HEAD^{commit}")
    if known.returncode != 0 or head.returncode != 0:
        said = (known.stderr if known.returncode else head.stderr).strip().replace("\n", "; ")
        raise Refused(125, f"{ROOT} is no git checkout with a commit of the driver, so there is "
                      f"nothing that the bundle could name as its source (git: {said})\n"
                      "  what to do: commit the driver, or ship from a clone")
    changed = git("status", "--porcelain", "--no-renames", "--untracked-files=normal", "--",
                  "driver", "LICENSE", "LICENSES").stdout.splitlines()
    return {"commit": head.stdout.strip(),
            "driver_tree": git("rev-parse", "HEAD:driver").stdout.strip(),
            "tree": git("rev-parse", "HEAD^{tree}").stdout.strip(),
            "changed": sorted(line[3:] for line in changed)}


def evidence(path, source):
    """What `sidewall test` found on the very same tree; `none` is an answer too."""
    if source["changed"]:
        return {"tests": "none: the driver differs from the commit"}
    try:
        found = json.loads(pathlib.Path(path).read_text(encoding="utf-8")) if path else None
    except (OSError, ValueError):
        found = None
    if not isinstance(found, dict) or found.get("schema") != "sidewall.evidence/1":
        return {"tests": "none for this commit"}
    if found.get("tree") != source["tree"]:
        return {"tests": "none for this commit: the last run was on another tree"}
    return {"tests": {key: found[key] for key in sorted(found) if key not in ("schema", "tree")}}


# ------------------------------------------------------------------ one chain

def stack_usage(path):
    """The frames that a compiler says it made: sizes, and whether all are constants."""
    # A source without a function leaves no such file.
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    rows = [line.split("\t") for line in text.splitlines()]
    dynamic = [row[0] for row in rows if row[2] != "static"]
    return sorted(int(row[1]) for row in rows), dynamic


def check_frames(obj_path, waist):
    """Frames as the code has them are the frames that the compiler tells of."""
    program = machine_code.Program(elf_object.ElfObject(obj_path))
    bound = stack.StackBound(program, waist.noreturn)
    decoded = sorted(frame for _, frame in bound.frames())
    told, dynamic = stack_usage(obj_path.with_suffix(".su"))
    faults = [("frame", f"{where}: its size is no constant") for where in dynamic]
    if decoded != told:
        faults.append(("frame", f"{obj_path.name}: the code has {decoded}, the compiler says "
                       f"{told}"))
    return faults


def loaded_sizes(path):
    sizes = {}
    for section in elf_object.ElfObject(path).loaded():
        if section.size:
            sizes[section.name] = sizes.get(section.name, 0) + section.size
    return sizes


def sizes_by_kind(path):
    kinds = {"text": 0, "rodata": 0, "data": 0}
    for section in elf_object.ElfObject(path).loaded():
        kind = ("text" if section.flags & elf_object.SHF_EXECINSTR else
                "data" if section.flags & elf_object.SHF_WRITE else "rodata")
        if section.name != ".note.gnu.property":
            kinds[kind] += section.size
    return kinds


class ChainBuild:
    """The driver by one chain: objects below `work`, what ships below `out`."""

    def __init__(self, chain, work, out):
        self.chain, self.work, self.out = chain, work / chain.name, out / chain.name
        self.work.mkdir(parents=True)
        self.out.mkdir(parents=True)
        self.waist = toolchain.Waist()
        self.sources = (toolchain.cmake_list("DRIVER_SOURCES")
                        + toolchain.cmake_list("DRIVER_FREESTANDING_SOURCES"))

    def object_of(self, source):
        return self.work / f"{source}.o"

    def compile(self, pool):
        return [pool.submit(self.chain.compile, f"driver/{source}", self.object_of(source),
                            INCLUDES) for source in self.sources]

    def link(self):
        linked = self.out / "sidewall.nvhe.o"
        self.chain.prelink([self.object_of(s) for s in self.sources], linked, self.waist.offered)
        self.chain.hypervisor_link([linked], self.out / "sidewall.hyp.o")
        self.chain.archive(linked, self.out / "libsidewall.a")

    def check(self):
        """The faults, and the report on what nVHE would link."""
        faults = []
        for source in self.sources:
            for rule, what in check_frames(self.object_of(source), self.waist):
                faults.append((self.object_of(source).name, rule, what))
        for name, hypervisor in (("sidewall.nvhe.o", False), ("sidewall.hyp.o", True)):
            report = lint.Report(self.out / name, lint.driver_profile(hypervisor))
            faults += [(name, rule, what) for rule, what in report.faults]
        return [(f"{self.chain.name}/{name}", rule, what) for name, rule, what in faults], report

    def facts(self, report):
        names = readable({n for _, bound in report.bound.entries for n, _ in bound.path})
        entries = {}
        for name, bound in report.bound.entries:
            entries[name.removeprefix(toolchain.PREFIX)] = {
                "bytes": bound.bytes, "platform_called_at": bound.external,
                "path": [{"function": names[n], "bytes": depth} for n, depth in bound.path]}
        return {
            "programs": self.chain.versions(),
            "flags": {"cxx": toolchain.flags(self.chain.name, "cxx")},
            "size": {"sections": loaded_sizes(self.out / "sidewall.hyp.o"),
                     "sources": {s: sizes_by_kind(self.object_of(s)) for s in self.sources}},
            "stack": entries,
        }


def readable(names):
    """C++ names as people write them, without what every one of them has."""
    names = sorted(names)
    bare = "\n".join(n.removeprefix(toolchain.PREFIX) for n in names)
    lines = toolchain.run("llvm-cxxfilt-19", "--no-params", stdin=bare).splitlines()
    short = [line.replace("(anonymous namespace)::", "").replace("sidewall_detail::", "")
             for line in lines]
    return dict(zip(names, short, strict=True))


# ------------------------------------------------------------------ the bundle

def check_out(out):
    """Refuses a folder that somebody else filled, before anything is built."""
    if not out.exists() and not out.is_symlink():
        return
    if not out.is_dir():
        raise Refused(2, f"{out}: is not a folder; name another one with --out=DIR")
    there = {str(p.relative_to(out)) for p in out.rglob("*") if not p.is_dir() or p.is_symlink()}
    if not there:
        return
    try:
        manifest = json.loads((out / MANIFEST).read_text(encoding="utf-8"))
        ours = manifest["schema"] == SCHEMA and set(manifest["files"]) | {MANIFEST}
    except (OSError, ValueError, KeyError, TypeError):
        ours = None
    if not ours:
        raise Refused(2, f"{out}: is not empty and holds no bundle; empty it, or name another "
                      "folder with --out=DIR")
    foreign = sorted(there - ours)
    if foreign:
        raise Refused(2, f"{out}: holds {foreign[0]}, which no bundle put there; remove it, or "
                      "name another folder with --out=DIR")


def write_manifest(stage, manifest):
    files = {}
    for path in sorted(p for p in stage.rglob("*") if p.is_file()):
        data = path.read_bytes()
        files[str(path.relative_to(stage))] = {"size": len(data),
                                               "sha256": hashlib.sha256(data).hexdigest()}
    manifest["files"] = files
    (stage / MANIFEST).write_text(json.dumps(manifest, indent=2) + "\n", encoding="utf-8")
    for path in stage.rglob("*"):
        path.chmod(0o755 if path.is_dir() else 0o644)
    stage.chmod(0o755)


def manifest_of(source, found, chains):
    """All but the list of files, which is not known before they are written."""
    return {"schema": SCHEMA, "commit": source["commit"], "driver_tree": source["driver_tree"],
            "changed": source["changed"], "evidence": found, "prefix": toolchain.PREFIX,
            "limits": {"stack": lint.STACK_LIMIT, "frame": lint.FRAME_LIMIT},
            "needs": sorted(toolchain.Waist().needed), "chains": chains}


def build(stage, work, source, evidence_path):
    """Fills the folder `stage`; returns the manifest and the faults."""
    builds = [ChainBuild(chain, work, stage) for chain in CHAINS.values()]
    pool = concurrent.futures.ThreadPoolExecutor(os.cpu_count())
    try:
        for job in [job for one in builds for job in one.compile(pool)]:
            job.result()
    finally:
        pool.shutdown(cancel_futures=True)
    faults, chains = [], {}
    for one in builds:
        one.link()
        found, report = one.check()
        faults += found
        chains[one.chain.name] = one.facts(report)
    for name, origin in COPIED.items():
        (stage / name).parent.mkdir(parents=True, exist_ok=True)
        (stage / name).write_bytes(origin.read_bytes())
    for origin in [ROOT / "LICENSE", *sorted((ROOT / "LICENSES").iterdir())]:
        target = stage / origin.relative_to(ROOT)
        target.parent.mkdir(exist_ok=True)
        target.write_bytes(origin.read_bytes())
    return manifest_of(source, evidence(evidence_path, source), chains), faults


def replace(stage, out, before):
    """Puts the new folder where the old one is, which stays when that fails."""
    had_one = out.exists()
    if had_one:
        os.rename(out, before)
    try:
        os.rename(stage, out)
    except OSError as error:
        if had_one:
            os.rename(before, out)
        raise Refused(2, f"cannot write to {out}: {error.strerror}") from error


def ship(out, evidence_path):
    check_out(out)
    source = provenance()
    if source["changed"]:
        print(f"ship: the driver differs from commit {source['commit'][:12]} (MANIFEST.json says "
              f"so): {', '.join(source['changed'][:5])}", file=sys.stderr)
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        if out.exists() and not os.access(out, os.W_OK | os.X_OK):
            raise PermissionError(13, os.strerror(13))
        place = tempfile.mkdtemp(prefix=f".{out.name}.", dir=out.parent)
    except OSError as error:
        raise Refused(2, f"cannot write to {out}: {error.strerror}; name another folder with "
                      "--out=DIR") from error
    try:
        stage, work = pathlib.Path(place, "bundle"), pathlib.Path(place, "objects")
        stage.mkdir()
        manifest, faults = build(stage, work, source, evidence_path)
        if faults:
            return manifest, faults
        write_manifest(stage, manifest)
        replace(stage, out, pathlib.Path(place, "before"))
    finally:
        shutil.rmtree(place, ignore_errors=True)
    return manifest, []


# ------------------------------------------------------------------ what is printed

def stack_table(manifest):
    clang, gcc = (manifest["chains"][name]["stack"] for name in ("clang", "gcc"))
    yield f"{'entry':<28} {'clang':>6} {'gcc':>6}  deepest path, with the bytes of each frame"
    for name in sorted(set(clang) | set(gcc)):
        deeper = max((clang[name], gcc[name]), key=lambda entry: entry["bytes"])
        path = " > ".join(f"{step['function']} {step['bytes']}" for step in deeper["path"][1:])
        own = deeper["path"][0]["bytes"]
        yield (f"{name.removeprefix('sidewall_'):<28} {clang[name]['bytes']:>6} "
               f"{gcc[name]['bytes']:>6}  {own}{' > ' if path else ''}{path}")


def size_table(manifest):
    clang, gcc = (manifest["chains"][name]["size"] for name in ("clang", "gcc"))
    yield f"{'section':<28} {'clang':>7} {'gcc':>7}"
    for name in sorted(set(clang["sections"]) | set(gcc["sections"])):
        yield f"{name:<28} {clang['sections'].get(name, 0):>7} {gcc['sections'].get(name, 0):>7}"
    yield ""
    yield f"{'source: text + constants':<28} {'clang':>7} {'gcc':>7}"
    for name in sorted(clang["sources"]):
        both = [chain["sources"][name] for chain in (clang, gcc)]
        yield f"{name:<28} " + " ".join(f"{size['text'] + size['rodata']:>7}" for size in both)


def show(manifest, out):
    lines = [f"commit {manifest['commit']}" + (", changed" if manifest["changed"] else "")]
    for name, chain in manifest["chains"].items():
        lines.append(f"{name}: {chain['programs']['cxx'].splitlines()[0]}")
    lines += ["", *stack_table(manifest), ""]
    for name, chain in manifest["chains"].items():
        worst = max(chain["stack"].items(), key=lambda item: item[1]["bytes"])
        lines.append(f"{name}: at most {worst[1]['bytes']} of {lint.STACK_LIMIT} bytes "
                     f"({worst[0]}), without what sidewall_plat_ functions take")
    tests = manifest["evidence"]["tests"]
    if isinstance(tests, dict):
        tests = f"{tests['passed']} passed, {len(tests['failed'])} failed, " \
                f"{len(tests['skipped'])} skipped, at commit {tests['commit'][:12]}" \
                + (f", only {' '.join(tests['ctest_arguments'])}"
                   if tests["ctest_arguments"] else "")
    lines += ["", *size_table(manifest), "", f"tests: {tests}",
              f"{len(manifest['files'])} files and {MANIFEST} in {out}"]
    print("\n".join(lines))


def main():
    parser = argparse.ArgumentParser(prog="sidewall ship", allow_abbrev=False,
                                     description="the board artefact: objects for EL2 by both "
                                     "compilers, lint, stack bound, sizes, evidence")
    parser.add_argument("--out", default="ship-out", help="the folder that is made (ship-out)")
    parser.add_argument("--json", action="store_true", help="print the manifest")
    parser.add_argument("--evidence", help="what `sidewall test` left; the default is that of "
                        "the build folder")
    arguments = parser.parse_args()
    out = pathlib.Path(arguments.out).absolute()
    # A polite end leaves nothing behind either.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        manifest, faults = ship(out, arguments.evidence)
    except Refused as refused:
        print(f"ship: {refused}", file=sys.stderr)
        return refused.code
    except (toolchain.MissingTool, toolchain.BuildFailed) as error:
        print(f"ship: {error}", file=sys.stderr)
        return 125
    except OSError as error:
        print(f"ship: {error}; nothing was written to {out}", file=sys.stderr)
        return 125
    except KeyboardInterrupt:
        print(f"ship: stopped; nothing was written to {out}", file=sys.stderr)
        return 130
    if faults:
        for name, rule, what in faults:
            print(f"{name}: {rule}: {what}", file=sys.stderr)
        print(f"ship: {len(faults)} faults; nothing was written to {out}", file=sys.stderr)
        return 1
    if arguments.json:
        print(json.dumps(manifest, indent=2))
    else:
        show(manifest, out)
    return 0


if __name__ == "__main__":
    sys.exit(main())
