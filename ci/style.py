#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
"""The style of the house, as a program.

    ci/style.py            # checks the tree that this file is in
    ci/style.py DIRECTORY  # checks another one

Every fault is one line, `file:line: what`, and what to do about it. Exit code 1 when there is one.
"""

import collections
import hashlib
import os
import pathlib
import re
import subprocess
import sys

LICENSE = "SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause"
MAX_COLUMNS = 100
MAX_FUNCTION_LINES = 70
SKIPPED_FOLDERS = {"build", "__pycache__"}
KEPT_HIDDEN = {".ci", ".gitignore", ".clang-format", ".clang-tidy"}
LICENSED = {".h", ".cc", ".c", ".py", ".sh", ".cmake", ".S", ".lds"}
LICENSED_NAMES = {"CMakeLists.txt", "sidewall", "run"}
TEXT = LICENSED | {".md", ".txt", ".json", ".sw", ".patch", ".in", ".yml", ".yaml"}

# Who may include whom: a room, then what the path of an include may begin with. The waist,
# sidewall/driver.h, belongs to whoever implements, calls or carries it.
WAIST = "sidewall/driver.h"
ROOMS = {
    "driver": ("driver/", WAIST),  # and its own files by bare name: it ships as one folder
    "model": ("model/",),
    "oracle": ("oracle/", "model/", WAIST),
    "fuzz": ("fuzz/", "oracle/", "model/"),
    "replay": ("replay/", "oracle/", "model/", "fuzz/program", WAIST),
    "cli": ("cli/", "replay/", "fuzz/", "oracle/", "model/"),
}
# What is there without a C or C++ library.
FREESTANDING = {
    "array", "bit", "compare", "concepts", "cstddef", "cstdint", "initializer_list", "limits",
    "new", "span", "stdarg.h", "stdbool.h", "stddef.h", "stdint.h", "type_traits", "utility",
    "version",
}

UNFINISHED = re.compile(r"\b(TO" r"DO|FIX" r"ME|X" r"XX|HA" r"CK)\b")
DATE = re.compile(
    r"\b(19|20)\d\d-[01]\d-[0-3]\d\b"
    r"|\b(January|February|March|April|June|July|August|September|October|November|December)"
    r" \d{1,2},? \d{4}\b")
# Words that name the desk at which something was written and mean nothing elsewhere. Kept as
# digests, so that this file does not contain them.
WORD = re.compile(r"[./]?[a-z]+(?:[-/][a-z]*)?")
FOREIGN_WORDS = {
    "0c9a453fad61", "4ea91362a144", "902546650b60", "a12883d720e4", "a77854315fca",
    "b06493481529", "c65d5aa5a1a5",
}
FUZZING_MACRO = "FUZZING_BUILD_MODE" "_UNSAFE_FOR_PRODUCTION"


class Tree:
    """The files of a checkout or of an exported archive, read once."""

    def __init__(self, root):
        self.root = pathlib.Path(root)
        self.faults = []
        self.files = sorted(self._walk())
        self.text = {}
        for path in self.files:
            if path.suffix in TEXT or path.name in LICENSED_NAMES or path.name in KEPT_HIDDEN:
                self.text[path] = (self.root / path).read_text(encoding="utf-8", errors="replace")

    def _walk(self):
        outputs = self._outputs()
        for folder, folders, names in os.walk(self.root):
            folders[:] = [f for f in folders if f not in SKIPPED_FOLDERS
                          and pathlib.Path(folder, f) not in outputs
                          and (not f.startswith(".") or f in KEPT_HIDDEN)]
            for name in names:
                if not name.startswith(".") or name in KEPT_HIDDEN:
                    yield (pathlib.Path(folder) / name).relative_to(self.root)

    def _outputs(self):
        """Folders at the root that commands write to, as .gitignore has them: /NAME/."""
        ignored = self.root / ".gitignore"
        lines = ignored.read_text(encoding="utf-8").split() if ignored.exists() else []
        return {self.root / line.strip("/") for line in lines if line.startswith("/")}

    def fault(self, path, line, what):
        self.faults.append(f"{path}:{line}: {what}")

    def sources(self):
        return [p for p in self.text if p.suffix in (".h", ".cc", ".c")]


def check_format(tree):
    sources = [str(p) for p in tree.sources()]
    if not sources:
        return
    result = subprocess.run(["clang-format-19", "--dry-run", "-Werror", *sources], cwd=tree.root,
                            capture_output=True, text=True, check=False)
    seen = set()
    for line in result.stderr.splitlines():
        match = re.match(r"(.*?):(\d+):\d+: error: ", line)
        if match and match[1] not in seen:
            seen.add(match[1])
            tree.fault(match[1], match[2], "not formatted; run clang-format-19 -i on it")


def check_lines(tree):
    for path, text in tree.text.items():
        limited = path.suffix in LICENSED or path.name in LICENSED_NAMES
        for number, line in enumerate(text.splitlines(), 1):
            if limited and len(line) > MAX_COLUMNS:
                tree.fault(path, number, f"{len(line)} columns; {MAX_COLUMNS} is the limit")
            if UNFINISHED.search(line):
                tree.fault(path, number, "a mark of unfinished work; finish it or file an issue")
            if DATE.search(line):
                tree.fault(path, number, "a date; history keeps dates")
            if path.suffix != ".patch" and line != line.rstrip():
                tree.fault(path, number, "white space at the end of the line")
            for word in WORD.findall(line):
                if is_foreign(word):
                    tree.fault(path, number, f"'{word}' names something that is not in this tree")


def is_foreign(word):
    heads = {word}
    for mark in "-/":
        if mark in word[1:]:
            end = word.index(mark, 1)
            heads |= {word[:end], word[:end + 1]}
    return any(hashlib.sha256(h.encode()).hexdigest()[:12] in FOREIGN_WORDS for h in heads)


def check_license(tree):
    for path, text in tree.text.items():
        if path.suffix not in LICENSED and path.name not in LICENSED_NAMES:
            continue
        if LICENSE not in "\n".join(text.splitlines()[:3]):
            tree.fault(path, 1, f"the first lines lack '{LICENSE}'")


def check_headers(tree):
    """A header begins with a comment that says why it exists and shows it used."""
    for path in tree.sources():
        if path.suffix != ".h":
            continue
        head = tree.text[path].split("#ifndef", 1)[0]
        if not re.search(r"^(//| \*) {3,}\S", head, re.MULTILINE):
            tree.fault(path, 1, "the head has no worked example (indented lines in the comment)")


def includes(text):
    for number, line in enumerate(text.splitlines(), 1):
        match = re.match(r'\s*#\s*include\s+(["<])([^">]+)[">]', line)
        if match:
            yield number, match[1] == '"', match[2]


def check_includes(tree):
    for path in tree.sources():
        room = path.parts[0]
        is_test = path.stem.endswith("_test")
        for number, quoted, name in includes(tree.text[path]):
            if room == "driver" and path.parent / name in tree.text:
                continue
            if quoted and not is_test and room in ROOMS and not name.startswith(ROOMS[room]):
                tree.fault(path, number, f"{room}/ may not include {name}")
            if room == "driver" and not is_test and not quoted and name not in FREESTANDING:
                tree.fault(path, number, f"driver/ is freestanding and has no <{name}>")
            if ".." in pathlib.PurePath(name).parts:
                tree.fault(path, number, "an include is written from the root of the tree")


def check_driver_macro(tree):
    for path in tree.sources():
        if path.parts[0] != "driver":
            continue
        for number, line in enumerate(tree.text[path].splitlines(), 1):
            if FUZZING_MACRO in line:
                tree.fault(path, number, "driver/ must not know that it is being fuzzed")


def built_names(tree):
    """By room, the files that its build files name. A loop over `${name}_test.cc` names x_test.cc
    where the word x occurs; such a file is entered without its extension."""
    built = collections.defaultdict(set)
    for path, text in tree.text.items():
        if path.name != "CMakeLists.txt" and path.suffix != ".cmake":
            continue
        names = built[path.parts[0]]
        names |= set(re.findall(r"[\w.-]+\.(?:cc|c|S)\b", text))
        for tail in re.findall(r"\$\{\w+\}(\w*)\.cc?\b", text):
            names |= {word + tail for word in re.findall(r"\b[a-z]\w*\b", text)}
    return built


def check_dead_files(tree):
    included = set()
    for path in tree.sources():
        for _, _, name in includes(tree.text[path]):
            included |= {name, str(path.parent / name)}
    built = built_names(tree)
    for path in tree.sources():
        name = str(path).removeprefix("driver/include/")
        if path.suffix == ".h" and name not in included:
            tree.fault(path, 1, "no file includes this header")
        if path.suffix in (".cc", ".c") and not built[path.parts[0]] & {path.name, path.stem}:
            tree.fault(path, 1, "no CMakeLists.txt builds this file")
    for path in tree.files:
        if path.suffix == ".sw" and path.parts[0] != "corpus" and "testdata" not in path.parts:
            tree.fault(path, 1, "a program outside corpus/: no test would run it")


def check_readmes(tree):
    folders = {p.parts[0] for p in tree.files if len(p.parts) > 1 and p.parts[0][0] != "."}
    folders = {pathlib.Path(f) for f in folders if f != "LICENSES"}
    folders |= {p.parent for p in tree.files if p.suffix == ".cc"}
    for folder in sorted(folders):
        if folder / "README.md" not in tree.files:
            tree.fault(folder, 1, "the folder has no README.md")


def check_links(tree):
    """A link of a document to the tree leads somewhere."""
    known = {str(p) for p in tree.files} | {str(f) for p in tree.files for f in p.parents}
    for path, text in tree.text.items():
        if path.suffix != ".md":
            continue
        for number, line in enumerate(text.splitlines(), 1):
            for target in re.findall(r"\]\(([^)\s:#]+)(?:#[^)]*)?\)", line):
                if os.path.normpath(path.parent / target) not in known:
                    tree.fault(path, number, f"the link to {target} leads nowhere")


def blank_out(text):
    """The same text with comments, literals and preprocessor lines as spaces, line by line."""
    token = re.compile(
        r'//[^\n]*|/\*.*?\*/|R"(\w*)\(.*?\)\1"|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])+\''
        r"|^[ \t]*#(?:\\\n|[^\n])*", re.DOTALL | re.MULTILINE)
    # A quote between digits separates them: it opens no literal.
    text = re.sub(r"(?<=[0-9a-fA-F])'(?=[0-9a-fA-F])", "_", text)
    return token.sub(lambda m: re.sub(r"[^\n]", " ", m[0]), text)


def functions(text):
    """Yields (first line, last line) of every function body that is not inside another one."""
    text = blank_out(text)
    scope = re.compile(r"\b(namespace|class|struct|union|extern)\b")
    stack, head_start = [], 0
    for at, char in enumerate(text):
        if char == "{":
            head = re.sub(r"alignas\([^)]*\)|\[\[.*?\]\]", "", text[head_start:at])
            if all(kind == "scope" for kind, _ in stack):
                if scope.search(head) and "(" not in head:
                    kind = "scope"
                elif "=" in re.sub(r"operator\s*\S+|\([^)]*\)|<[^<>]*>", "", head):
                    kind = "value"
                else:
                    kind = "value" if re.search(r"\benum\b", head) else "function"
            else:
                kind = "block"
            stack.append((kind, head_start + len(head_start_space(text, head_start, at))))
            head_start = at + 1
        elif char == "}" and stack:
            kind, start = stack.pop()
            if kind == "function":
                yield text.count("\n", 0, start) + 1, text.count("\n", 0, at) + 1
            head_start = at + 1
        elif char == ";":
            head_start = at + 1


def head_start_space(text, start, end):
    return re.match(r"\s*", text[start:end])[0]


def check_functions(tree):
    for path in tree.sources():
        for first, last in functions(tree.text[path]):
            if last - first + 1 > MAX_FUNCTION_LINES:
                tree.fault(path, first, f"a function of {last - first + 1} lines; "
                           f"{MAX_FUNCTION_LINES} is the limit")


CHECKS = (check_format, check_lines, check_license, check_headers, check_includes,
          check_driver_macro, check_dead_files, check_readmes, check_links, check_functions)


def check(root):
    tree = Tree(root)
    for rule in CHECKS:
        rule(tree)
    return tree.faults


def main():
    root = sys.argv[1] if len(sys.argv) > 1 else pathlib.Path(__file__).resolve().parent.parent
    faults = check(root)
    for fault in faults:
        print(fault)
    print(f"{len(faults)} faults")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
