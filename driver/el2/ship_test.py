#!/usr/bin/python3 -B
# SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
"""The bundle as a person meets it: what it holds, that it can be made again elsewhere, and what is
refused. Works on copies of the driver in repositories of its own, since the tree that this lies in
may be an exported one.

    SIDEWALL_BUILD_DIR=build/el2 driver/el2/ship_test.py
"""

import contextlib
import hashlib
import io
import json
import os
import pathlib
import shutil
import stat
import subprocess
import tempfile
import time
import unittest

import elf_object
import lint
import ship
import toolchain

NOBODY = 65534
GIT = {"GIT_AUTHOR_NAME": "a", "GIT_AUTHOR_EMAIL": "a@example.com", "GIT_COMMITTER_NAME": "a",
       "GIT_COMMITTER_EMAIL": "a@example.com", "GIT_CONFIG_GLOBAL": "/dev/null",
       "GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "safe.directory", "GIT_CONFIG_VALUE_0": "*"}


def run(command, cwd, user=None, umask=0o022, **environment):
    """A program, as a user; its exit code, standard output and standard error."""
    env = {"PATH": os.environ["PATH"], **GIT, **environment}
    extra = {"user": user, "group": user, "extra_groups": []} if user is not None else {}
    return subprocess.run(command, cwd=cwd, env=env, umask=umask, stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, check=False, **extra)


def bundle(folder):
    """Contents and modes of all files of a folder."""
    return {str(p.relative_to(folder)): (stat.S_IMODE(p.stat().st_mode),
                                         p.read_bytes() if p.is_file() else None)
            for p in sorted(folder.rglob("*"))}


class Ship(unittest.TestCase):
    """One repository for all tests, which they do not change."""

    @classmethod
    def setUpClass(cls):
        cls.folder = pathlib.Path(tempfile.mkdtemp())
        cls.addClassCleanup(shutil.rmtree, cls.folder)
        cls.folder.chmod(0o755)
        cls.repo = cls.copy_sources("first")
        for command in (["git", "init", "-q"], ["git", "add", "."],
                        ["git", "commit", "-q", "-m", "the driver"]):
            cls.must(run(command, cls.repo))

    @classmethod
    def copy_sources(cls, name):
        target = cls.folder / name
        shutil.copytree(toolchain.DRIVER, target / "driver",
                        ignore=shutil.ignore_patterns("__pycache__"))
        shutil.copytree(toolchain.ROOT / "LICENSES", target / "LICENSES")
        shutil.copy(toolchain.ROOT / "LICENSE", target)
        return target

    @classmethod
    def must(cls, done):
        if done.returncode != 0:
            raise AssertionError(f"{done.args}: {done.stdout}{done.stderr}")
        return done.stdout

    def ship(self, tree, *arguments, **how):
        return run([str(tree / "driver/el2/ship.py"), *arguments], self.folder, **how)

    def refused(self, code, says, tree, *arguments, **how):
        done = self.ship(tree, *arguments, **how)
        self.assertEqual(done.returncode, code, done.stderr)
        self.assertIn(says, done.stderr)
        self.assertEqual(done.stdout, "")

    def test_made_twice(self):
        out, again = self.folder / "one/ship", self.folder / "with space"
        # A bundle of before is replaced, files that only it had included.
        out.mkdir(parents=True)
        (out / "old.txt").write_text("old\n", encoding="utf-8")
        (out / "MANIFEST.json").write_text(
            json.dumps({"schema": ship.SCHEMA, "files": {"old.txt": {}}}), encoding="utf-8")
        shown = self.must(self.ship(self.repo, f"--out={out}"))
        self.check_shown(shown)
        self.check_manifest(out)
        self.check_tested(out)

        # Elsewhere, as somebody else, under another mask, language, clock and time.
        again.mkdir()
        tree, user = again / "a longer name", None
        self.must(run(["git", "clone", "-q", str(self.repo), str(tree)], self.folder, umask=0o077))
        for path in tree.rglob("*.cc"):
            os.utime(path, (1, 1))
        if os.geteuid() == 0:
            user = NOBODY
            for path in (again, *again.rglob("*")):
                os.chown(path, user, user)
        else:
            print("not root: the second build is made by the same user")
        time.sleep(1.1)
        other = again / "ship"
        listed = self.must(self.ship(
            tree, f"--out={other}", "--json", user=user, umask=0o077,
            HOME=str(again), USER="somebody", LANG="tr_TR.UTF-8", TZ="Asia/Kathmandu",
            CPATH="/nowhere", SOURCE_DATE_EPOCH="1", TMPDIR=str(again)))
        self.assertEqual(bundle(out), bundle(other))
        self.assertEqual(json.loads(listed), json.loads((out / "MANIFEST.json").read_text()))
        self.assertEqual(sorted(p.name for p in out.parent.iterdir()), ["ship"])

    def check_tested(self, out):
        """The code that ships is the code that the tests of this build run in Unicorn."""
        built = pathlib.Path(os.environ["SIDEWALL_BUILD_DIR"], "driver/driver-el2-clang.o")
        loaded = [[(s.name, s.data) for s in elf_object.ElfObject(path).loaded()]
                  for path in (built, out / "clang/sidewall.nvhe.o")]
        self.assertEqual(*loaded)

    def check_shown(self, shown):
        self.assertRegex(shown, r"(?m)^handle_dabt +\d+ +\d+  \d+ > HandleSmmuAccess \d+ > ")
        self.assertRegex(shown, r"(?m)^clang: at most \d+ of 2048 bytes \(sidewall_\w+\)")
        self.assertRegex(shown, r"(?m)^\.hyp\.text +\d+ +\d+$")
        self.assertRegex(shown, r"(?m)^stage2\.cc +\d+ +\d+$")
        self.assertIn("tests: none for this commit\n", shown)

    def check_manifest(self, out):
        manifest = json.loads((out / "MANIFEST.json").read_text(encoding="utf-8"))
        self.assertEqual(manifest["schema"], "sidewall.ship/1")
        self.assertEqual(manifest["commit"], self.must(run(["git", "rev-parse", "HEAD"],
                                                           self.repo)).strip())
        self.assertEqual(manifest["changed"], [])
        there = {str(p.relative_to(out)) for p in out.rglob("*") if p.is_file()}
        self.assertEqual(there, set(manifest["files"]) | {"MANIFEST.json"})
        for name, known in manifest["files"].items():
            data = (out / name).read_bytes()
            self.assertEqual(known, {"size": len(data),
                                     "sha256": hashlib.sha256(data).hexdigest()})
        offered = toolchain.Waist().offered
        for chain in ("clang", "gcc"):
            facts = manifest["chains"][chain]
            self.assertEqual(set(facts["stack"]), offered)
            for entry in facts["stack"].values():
                self.assertLessEqual(entry["bytes"], lint.STACK_LIMIT)
                self.assertEqual(entry["bytes"], sum(s["bytes"] for s in entry["path"]))
            self.assertIn("-mgeneral-regs-only", facts["flags"]["cxx"])
            # What the archive holds is the object.
            member = (out / chain / "sidewall.nvhe.o").read_bytes()
            self.assertIn(member, (out / chain / "libsidewall.a").read_bytes())
            self.assertEqual(lint.Report(out / chain / "sidewall.hyp.o",
                                         lint.driver_profile(True)).faults, [])
            self.assertNotIn(str(self.folder).encode(), member)

    def test_refused_folders(self):
        foreign = self.folder / "foreign"
        foreign.mkdir()
        (foreign / "mine.txt").write_text("mine\n", encoding="utf-8")
        self.refused(2, "holds no bundle", self.repo, f"--out={foreign}")
        (foreign / "MANIFEST.json").write_text(
            json.dumps({"schema": ship.SCHEMA, "files": {}}), encoding="utf-8")
        self.refused(2, "holds mine.txt, which no bundle put there", self.repo, f"--out={foreign}")
        self.assertEqual((foreign / "mine.txt").read_text(encoding="utf-8"), "mine\n")
        self.refused(2, "is not a folder", self.repo, f"--out={foreign / 'mine.txt'}")
        self.refused(2, "cannot write to", self.repo, f"--out={foreign / 'mine.txt' / 'x'}")
        self.refused(2, "cannot write to", self.repo, "--out=/proc/ship")
        self.refused(2, "unrecognized arguments", self.repo, "--fast")

    def test_refused_sources(self):
        tree = self.copy_sources("no repository")
        self.refused(125, "is no git checkout with a commit", tree, "--out=x")
        self.must(run(["git", "init", "-q"], tree))
        self.refused(125, "commit the driver, or ship from a clone", tree, "--out=x")
        self.assertFalse((self.folder / "x").exists())

    def test_refused_without_programs(self):
        bare = self.folder / "bin"
        bare.mkdir()
        self.refused(125, "git is not installed", self.repo, "--out=x", PATH=str(bare))
        (bare / "git").symlink_to(shutil.which("git"))
        self.refused(125, "is not installed\n  what to do: install the groups", self.repo,
                     "--out=x", PATH=str(bare))
        self.assertFalse((self.folder / "x").exists())

    def test_faults_and_changes(self):
        tree = self.folder / "changed"
        self.must(run(["git", "clone", "-q", str(self.repo), str(tree)], self.folder))
        (tree / "driver/sources.cmake").write_text(
            "set(DRIVER_SOURCES\n    bad.cc)\nset(DRIVER_FREESTANDING_SOURCES mem.cc)\n",
            encoding="utf-8")
        (tree / "driver/bad.cc").write_text("int counter = 1;\n", encoding="utf-8")
        self.refused(1, "writable data: .data: counter", tree, "--out=x")
        self.refused(1, "sidewall_init is missing", tree, "--out=x")
        self.refused(1, "(MANIFEST.json says so): driver/bad.cc, driver/sources.cmake", tree,
                     "--out=x")
        (tree / "driver/bad.cc").write_text("int f(void) { return }\n", encoding="utf-8")
        self.refused(125, "bad.cc:1:", tree, "--out=x")
        self.assertFalse((self.folder / "x").exists())
        self.assertEqual([p for p in self.folder.iterdir() if p.name.startswith(".x.")], [])

    def test_stopped(self):
        """A signal in the middle of a build leaves neither a bundle nor a half of one."""
        out = self.folder / "stopped"
        started = subprocess.Popen([str(self.repo / "driver/el2/ship.py"), f"--out={out}"],
                                   cwd=self.folder, env={**os.environ, **GIT},
                                   stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        while not list(self.folder.glob(".stopped.*/objects/clang/*.o")):
            self.assertIsNone(started.poll())
            time.sleep(0.01)
        started.terminate()
        self.assertIn("nothing was written", started.communicate()[1])
        self.assertEqual(started.returncode, 130)
        self.assertEqual([p for p in self.folder.iterdir() if "stopped" in p.name], [])

    def test_evidence(self):
        path = self.folder / "evidence.json"
        source = {"tree": "abc", "changed": []}
        self.assertEqual(ship.evidence(path, source), {"tests": "none for this commit"})
        known = {"schema": "sidewall.evidence/1", "tree": "abc", "commit": "c", "passed": 7,
                 "failed": ["x"], "skipped": [], "builds": ["dev"], "ctest_arguments": ["-R", "x"]}
        path.write_text(json.dumps(known), encoding="utf-8")
        tests = ship.evidence(path, source)["tests"]
        self.assertEqual((tests["passed"], tests["failed"], tests["commit"]), (7, ["x"], "c"))
        self.assertIn("another tree", ship.evidence(path, {**source, "tree": "abd"})["tests"])
        self.assertIn("differs", ship.evidence(path, {**source, "changed": ["x"]})["tests"])
        changed = {**source, "commit": "c", "driver_tree": "d", "changed": ["driver/x.cc"]}
        manifest = ship.manifest_of(changed, ship.evidence(path, changed), {})
        self.assertEqual(manifest["changed"], ["driver/x.cc"])
        self.assertIn("none", manifest["evidence"]["tests"])
        path.write_text("[]", encoding="utf-8")
        self.assertEqual(ship.evidence(path, source), {"tests": "none for this commit"})
        manifest = {"commit": "c", "changed": [], "chains": {}, "files": {},
                    "evidence": {"tests": tests}}
        with contextlib.redirect_stdout(io.StringIO()) as shown:
            ship.show({**manifest, "chains": {n: {"programs": {"cxx": n}, "stack": {
                "sidewall_init": {"bytes": 16, "path": [{"function": "f", "bytes": 16}]}},
                "size": {"sections": {}, "sources": {}}} for n in ("clang", "gcc")}}, "out")
        self.assertIn("tests: 7 passed, 1 failed, 0 skipped, at commit c, only -R x\n",
                      shown.getvalue())


if __name__ == "__main__":
    unittest.main()
