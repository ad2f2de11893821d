#!/usr/bin/python3 -B
# SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
"""What a run of `sidewall test` proves, for the bundle that `sidewall ship` makes.

    tree=$(ci/evidence.py tree)     # the tree of the commit; nothing where files differ from it
    ci/evidence.py write --tree=$tree --junit=FILE --out=FILE -- PRESETS [CTEST ARGUMENTS]

Evidence is written only where the files were those of one commit from before the builds until
after the last test. Otherwise there is none, and what an earlier run left is removed. It holds no
times, so that two runs with the same outcome leave the same bytes.
"""

import argparse
import json
import pathlib
import subprocess
import sys
import xml.etree.ElementTree

ROOT = pathlib.Path(__file__).resolve().parent.parent


def git(root, *arguments):
    try:
        done = subprocess.run(["git", "-C", str(root), *arguments], capture_output=True,
                              text=True, stdin=subprocess.DEVNULL, check=False)
    except OSError:
        return None
    return done.stdout.strip() if done.returncode == 0 else None


def clean_tree(root):
    """The tree of HEAD, when that is what lies here and what it names is ours."""
    if git(root, "ls-files", "--error-unmatch", "ci/evidence.py") is None:
        return ""
    if git(root, "status", "--porcelain", "--untracked-files=normal") != "":
        return ""
    return git(root, "rev-parse", "HEAD^{tree}") or ""


def summary(junit, root, tree, presets, arguments):
    """Who passed, failed and was skipped, from ctest's JUnit file."""
    outcome = {"run": [], "fail": [], "notrun": [], "disabled": []}
    for case in xml.etree.ElementTree.parse(junit).getroot().iter("testcase"):
        status, skipped = case.get("status"), case.find("skipped")
        # A test that could not be started is `notrun` too, and that is a failure.
        if status == "notrun" and (skipped is None or "SKIP_" not in skipped.get("message", "")):
            status = "fail"
        outcome[status].append(case.get("name"))
    return {"schema": "sidewall.evidence/1", "tree": tree, "commit": git(root, "rev-parse", "HEAD"),
            "builds": presets, "ctest_arguments": arguments, "passed": len(outcome["run"]),
            "failed": sorted(outcome["fail"]),
            "skipped": sorted(outcome["notrun"] + outcome["disabled"])}


def main():
    parser = argparse.ArgumentParser(description="what a run of the tests proves")
    parser.add_argument("what", choices=["tree", "write"])
    parser.add_argument("--root", default=ROOT)
    parser.add_argument("--tree", default="")
    parser.add_argument("--junit")
    parser.add_argument("--out")
    mine, rest = sys.argv[1:], []
    if "--" in mine:
        mine, rest = mine[:mine.index("--")], mine[mine.index("--") + 1:]
    arguments = parser.parse_args(mine)
    now = clean_tree(arguments.root)
    if arguments.what == "tree":
        print(now)
        return 0
    out = pathlib.Path(arguments.out)
    out.unlink(missing_ok=True)
    if not now or now != arguments.tree:
        return 0
    try:
        found = summary(arguments.junit, arguments.root, now, rest[0].split(), rest[1:])
    except (OSError, xml.etree.ElementTree.ParseError) as error:
        print(f"evidence: none: {error}", file=sys.stderr)
        return 0
    out.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
