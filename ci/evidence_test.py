#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
"""Evidence is written for a commit whose files were the same all along, and for nothing else.

    ci/evidence_test.py
"""

import json
import os
import pathlib
import shutil
import subprocess
import tempfile
import unittest

EVIDENCE = pathlib.Path(__file__).resolve().parent / "evidence.py"
SOURCES = """
cmake_minimum_required(VERSION 3.25)
project(x LANGUAGES NONE)
enable_testing()
add_test(NAME good COMMAND true)
add_test(NAME bad COMMAND false)
add_test(NAME skips COMMAND sh -c "exit 77")
set_tests_properties(skips PROPERTIES SKIP_RETURN_CODE 77)
add_test(NAME missing COMMAND /nowhere/program)
"""
GIT = {"GIT_AUTHOR_NAME": "a", "GIT_AUTHOR_EMAIL": "a@example.com", "GIT_COMMITTER_NAME": "a",
       "GIT_COMMITTER_EMAIL": "a@example.com", "GIT_CONFIG_GLOBAL": "/dev/null"}


class Evidence(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.tree = pathlib.Path(folder.name, "tree")
        (self.tree / "ci").mkdir(parents=True)
        shutil.copy(EVIDENCE, self.tree / "ci")
        (self.tree / "CMakeLists.txt").write_text(SOURCES, encoding="utf-8")
        self.junit = pathlib.Path(folder.name, "junit.xml")
        self.out = pathlib.Path(folder.name, "evidence.json")

    def run_in_tree(self, *command, code=0):
        done = subprocess.run(command, cwd=self.tree, env={**os.environ, **GIT}, text=True,
                              capture_output=True, stdin=subprocess.DEVNULL, check=False)
        if code is not None:
            self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        return done.stdout.strip()

    def commit(self):
        for command in (["init", "-q"], ["add", "."], ["commit", "-q", "-m", "x"]):
            self.run_in_tree("git", *command)

    def write(self, tree, *arguments):
        self.run_in_tree("ci/evidence.py", "write", f"--tree={tree}", f"--junit={self.junit}",
                         f"--out={self.out}", "--", "dev asan", *arguments)

    def test_outcomes(self):
        self.commit()
        build = self.tree.parent / "build"
        self.run_in_tree("cmake", "-S", ".", "-B", str(build))
        self.run_in_tree("ctest", "--test-dir", str(build), "--output-junit", str(self.junit),
                         code=None)
        tree = self.run_in_tree("ci/evidence.py", "tree")
        self.write(tree, "-R", "x y")
        found = json.loads(self.out.read_text(encoding="utf-8"))
        self.assertEqual(found, {
            "schema": "sidewall.evidence/1", "tree": tree,
            "commit": self.run_in_tree("git", "rev-parse", "HEAD"), "builds": ["dev", "asan"],
            "ctest_arguments": ["-R", "x y"], "passed": 1, "failed": ["bad", "missing"],
            "skipped": ["skips"]})

    def test_none(self):
        self.junit.write_text("<testsuite/>", encoding="utf-8")
        self.assertEqual(self.run_in_tree("ci/evidence.py", "tree"), "")
        self.commit()
        tree = self.run_in_tree("ci/evidence.py", "tree")
        self.assertRegex(tree, "^[0-9a-f]{40}$")
        self.write(tree)
        self.assertTrue(self.out.exists())
        # What was there goes when the files are not those of the commit any more.
        for spoil in ("CMakeLists.txt", "new.cc"):
            self.write(tree)
            (self.tree / spoil).write_text("changed\n", encoding="utf-8")
            self.assertEqual(self.run_in_tree("ci/evidence.py", "tree"), "")
            self.write(tree)
            self.assertFalse(self.out.exists())
            self.run_in_tree("git", "stash", "-q", "-u")
        (self.tree / "new.cc").write_text("changed\n", encoding="utf-8")
        self.commit()
        self.write(tree)
        self.assertFalse(self.out.exists())
        # A run that left no results.
        self.junit.write_text("<testsuite>", encoding="utf-8")
        self.write(self.run_in_tree("ci/evidence.py", "tree"))
        self.assertFalse(self.out.exists())


if __name__ == "__main__":
    unittest.main()
