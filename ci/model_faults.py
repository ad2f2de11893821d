#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
"""Plants faults in the model, one at a time, and shows that a test finds each.

    ci/model_faults.py --build=build/el2            # all of model/faults, and the table of rules
    ci/model_faults.py --build=build/el2 MF012      # one
    ci/model_faults.py --update                     # writes the table in model/README.md

A fault is a patch with two lines above it:

    Rule: what hardware does, in one sentence
    Test: model.walk Stage2Walk.PermissionsByAccess

The test is a program of the build, built already, and a GoogleTest filter. The patched source is
compiled alone and linked before the library that has the unpatched one. The test has to pass
without the patch and to fail in an assertion with it. A patch that does not apply as it is fails.
Exit code 1 when something is not as it should be. All files go to the build folder.
"""

import argparse
import collections
import concurrent.futures
import json
import os
import pathlib
import re
import shlex
import shutil
import subprocess
import sys
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
FOLDER = ROOT / "model" / "faults"
README = ROOT / "model" / "README.md"
BEGIN, END = "<!-- rules: begin -->", "<!-- rules: end -->"
NAME = re.compile(r"(MF\d{3})-[a-z0-9-]+\.patch")
TIME_LIMIT = 120

Fault = collections.namedtuple("Fault", "id path rule test filter sources")


class Wrong(Exception):
    """A row that is not as it should be, with the reason."""


def read_fault(path):
    match = NAME.fullmatch(path.name)
    if not match:
        raise Wrong(f"{path.name}: the name is not MFnnn-title.patch")
    text = path.read_text(encoding="utf-8")
    head = text.split("\n--- ", 1)[0]
    fields = {}
    for key in ("Rule", "Test"):
        found = re.findall(rf"^{key}: +(\S.*?) *$", head, re.MULTILINE)
        if len(found) != 1:
            raise Wrong(f"{path.name}: wants one line '{key}: ...' above the change")
        fields[key] = found[0]
    words = fields["Test"].split()
    if len(words) != 2:
        raise Wrong(f"{path.name}: 'Test:' wants the name of a test and a filter")
    if any(each == "*" or each.endswith(".*") for each in words[1].split(":")):
        raise Wrong(f"{path.name}: 'Test:' names a whole fixture, and not what shows the rule")
    sources = re.findall(r"^\+\+\+ b/(\S+)", text, re.MULTILINE)
    if not sources or any(not s.startswith("model/") or not s.endswith(".cc") for s in sources):
        raise Wrong(f"{path.name}: changes something else than .cc files of model/")
    return Fault(match[1], path, fields["Rule"], words[0], words[1], sources)


def read_faults():
    faults, seen = [], {}
    for path in sorted(FOLDER.glob("*.patch")):
        fault = read_fault(path)
        if fault.id in seen:
            raise Wrong(f"{path.name} and {seen[fault.id]} have one number")
        seen[fault.id] = path.name
        faults.append(fault)
    return faults


def table(faults):
    """Rules in the order of their numbers; one rule may be shown by several faults."""
    rows = collections.OrderedDict()
    for fault in faults:
        rows.setdefault(fault.rule, []).append(fault)
    lines = ["| rule | shown by | kills |", "|---|---|---|"]
    for rule, shown in rows.items():
        tests = list(dict.fromkeys(f"`{f.test}` {f.filter}" for f in shown))
        kills = ", ".join(f"[{f.id}](faults/{f.path.name})" for f in shown)
        lines.append(f"| {rule.replace('|', '&#124;')} | {'; '.join(tests)} | {kills} |")
    return "\n".join(lines)


def split_readme():
    text = README.read_text(encoding="utf-8")
    if text.count(BEGIN) != 1 or text.count(END) != 1:
        raise Wrong(f"model/README.md: wants one '{BEGIN}' and one '{END}'")
    head, rest = text.split(BEGIN)
    body, tail = rest.split(END)
    return head, body, tail


def update(faults):
    head, _, tail = split_readme()
    README.write_text(f"{head}{BEGIN}\n{table(faults)}\n{END}{tail}", encoding="utf-8")


def run(command, **options):
    return subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, errors="replace", check=False,
                          **options)


class Build:
    """What a build folder knows of its objects and programs."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder).resolve()
        self.work = self.folder / "model_faults"
        try:
            commands = json.loads((self.folder / "compile_commands.json").read_text())
        except OSError as error:
            raise Wrong(f"{folder} is no build: {error}") from error
        self.compile = {}
        for entry in commands:
            path = pathlib.Path(entry["file"])
            if path.is_relative_to(ROOT) and "sidewall_model.dir" in entry["command"]:
                self.compile[str(path.relative_to(ROOT))] = shlex.split(entry["command"])
        self.links = {}
        self.lock = threading.Lock()
        self.once = {}
        self.plain = {}

    def target(self, test):
        name = re.sub(r"[^A-Za-z0-9_-]", "_", test)
        return name if name.endswith("_test") else name + "_test"

    def link(self, test):
        """The words of the command that links the test, and what it makes."""
        target = self.target(test)
        if target not in self.links:
            result = run(["ninja", "-C", str(self.folder), "-t", "commands", target])
            line = (result.stdout.strip().splitlines() or [""])[-1]
            # Between `: &&` and `&& :`, as CMake writes it.
            match = re.fullmatch(r": && (.*) && :", line)
            if not match:
                raise Wrong(f"this build has no test {test}")
            words = shlex.split(match[1])
            output = words[words.index("-o") + 1]
            if not (self.folder / output).exists():
                raise Wrong(f"{output} is not built; build {target} first")
            self.links[target] = (words, output)
        return self.links[target]

    def start(self, program, fault):
        environment = dict(os.environ, TEST_TMPDIR=str(self.work / fault.id) + "/",
                           SIDEWALL_ROOT=str(ROOT), SIDEWALL_BUILD_DIR=str(self.folder))
        try:
            return run([str(program), f"--gtest_filter={fault.filter}", "--gtest_color=no"],
                       cwd=ROOT, env=environment, timeout=TIME_LIMIT)
        except subprocess.TimeoutExpired:
            raise Wrong(f"{fault.test} takes more than {TIME_LIMIT} s") from None


def plant(build, fault):
    """Applies the patch to copies; returns the objects made of them."""
    copy = build.work / fault.id
    shutil.rmtree(copy, ignore_errors=True)
    objects = []
    for source in fault.sources:
        (copy / source).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / source, copy / source)
    applied = run(["patch", "-d", str(copy), "-p1", "--fuzz=0", "--no-backup-if-mismatch", "-s",
                   "-i", str(fault.path)])
    if applied.returncode != 0:
        raise Wrong("does not apply to the model as it is now:\n" + applied.stdout)
    for source in fault.sources:
        if source not in build.compile:
            raise Wrong(f"{source} is no source of the model's library")
        words = [w for w in build.compile[source] if not re.fullmatch(r"-g\d?|-O\d|-Werror", w)]
        output = copy / (source + ".o")
        words[words.index("-o") + 1] = str(output)
        words[words.index("-c") + 1] = str(copy / source)
        if shutil.which("ccache") and "ccache" not in words[0]:
            words.insert(0, "ccache")
        compiled = run(words + ["-O0"], cwd=build.folder)
        if compiled.returncode != 0:
            raise Wrong("does not compile:\n" + compiled.stdout)
        objects.append(str(output))
    return objects


def check_alive(build, fault):
    """The test must run something, and pass, without the patch. False: it skips itself."""
    with build.lock:
        once = build.once.setdefault((fault.test, fault.filter), threading.Lock())
    with once:
        if (fault.test, fault.filter) not in build.plain:
            _, output = build.link(fault.test)
            build.plain[fault.test, fault.filter] = build.start(build.folder / output, fault)
    result = build.plain[fault.test, fault.filter]
    if result.returncode != 0:
        raise Wrong(f"{fault.test} {fault.filter} fails without the patch:\n{result.stdout}")
    if not re.search(r"^\[ RUN ", result.stdout, re.MULTILINE):
        raise Wrong(f"{fault.test} has no test {fault.filter}")
    return "[  SKIPPED ]" not in result.stdout


def check_killed(build, fault):
    objects = plant(build, fault)
    words, output = build.link(fault.test)
    program = build.work / fault.id / "test"
    words = [w for w in words if not re.fullmatch(r"-g\d?", w)] + ["-Wl,--strip-debug"]
    if "clang" in words[0]:
        words.append("-fuse-ld=lld")
    at = words.index("-o")
    words[at + 1] = str(program)
    linked = run(words[:at] + objects + words[at:], cwd=build.folder)
    if linked.returncode != 0:
        raise Wrong("does not link:\n" + linked.stdout)
    result = build.start(program, fault)
    program.unlink()
    failed = re.search(r"^\[  FAILED  \] \S", result.stdout, re.MULTILINE)
    thrown = "thrown in the test body" in result.stdout
    if result.returncode == 1 and failed and not thrown:
        return
    if result.returncode == 0:
        raise Wrong(f"{fault.test} {fault.filter} passes all the same")
    raise Wrong(f"{fault.test} {fault.filter} ends with code {result.returncode} and not in an "
                f"assertion:\n{result.stdout[-2000:]}")


def check(build, fault):
    """One row: (state, seconds, reason)."""
    start = time.monotonic()
    try:
        (build.work / fault.id).mkdir(parents=True, exist_ok=True)
        if not check_alive(build, fault):
            return "skipped", time.monotonic() - start, "its test skips itself on this machine"
        check_killed(build, fault)
        return "found", time.monotonic() - start, ""
    except Wrong as wrong:
        return "WRONG", time.monotonic() - start, str(wrong)
    except (KeyError, ValueError, OSError) as error:
        return "WRONG", time.monotonic() - start, f"{type(error).__name__}: {error}"


def check_all(build, faults):
    for test in {fault.test for fault in faults}:
        try:
            build.link(test)
        except Wrong:
            pass  # told in the rows
    bad = 0
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for fault, row in zip(faults, pool.map(lambda f: check(build, f), faults)):
            state, seconds, reason = row
            print(f"{fault.id} {state:8} {seconds:5.1f} s  {fault.path.stem[6:]}", flush=True)
            if state == "WRONG":
                bad += 1
                print("    " + reason.strip().replace("\n", "\n    "))
            elif reason:
                print("    " + reason)
    return bad


def main():
    parser = argparse.ArgumentParser(description="plants the faults of model/faults")
    parser.add_argument("--build", default=os.environ.get("SIDEWALL_BUILD_DIR", "build/el2"))
    parser.add_argument("--update", action="store_true", help="write the table of model/README.md")
    parser.add_argument("ids", nargs="*")
    options = parser.parse_args()
    try:
        faults = read_faults()
        if options.update:
            update(faults)
            return 0
        unknown = set(options.ids) - {fault.id for fault in faults}
        if unknown:
            raise Wrong("there is no fault " + ", ".join(sorted(unknown)))
        bad = 0
        if not options.ids and split_readme()[1].strip() != table(faults):
            print("the table in model/README.md is not that of model/faults: run "
                  "ci/model_faults.py --update")
            bad = 1
        chosen = [f for f in faults if not options.ids or f.id in options.ids]
        bad += check_all(Build(options.build), chosen)
    except Wrong as wrong:
        print(wrong)
        return 1
    print(f"{len(chosen)} faults, {bad} not as they should be")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
