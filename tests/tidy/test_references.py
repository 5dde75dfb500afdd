# SPDX-License-Identifier: Apache-2.0
"""Goal: what a comment, a docstring or a document names is there: files, functions, headings,
links.

Method: comments are taken out of the sources (Python's by its own tokenizer), Markdown is read
without its fenced blocks, scenarios are read whole. In them

- `rwsem.c:up_read` and `(rwsem.c: up_read)` name what that file defines: a function, type, macro or
  variable;
- `rwsem.c`, `docs/lab.md` name a file of the repository, by its path from the root, from the folder
  of the text, or by the end of its path; with `*` or NAME at least one such file;
- `up_read()` in the C core names a function that the core knows;
- `DESIGN.md, "Recovery"` and `DESIGN.md, section 4` name a heading of it;
- a link of a document leads to a file that is there, and to a heading that is there.

Files of the kernel and of the C library are told apart by their folder: mm/mmap.c, sys/mman.h.

Seen to fail: test_what_is_wrong_is_found feeds each kind of wrong reference to the same functions.
"""

import ast
import io
import re
import subprocess
import tokenize
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
NATIVE = ROOT / "native"
NOT_OURS = re.compile(r"(mm|fs|ipc|lib|kernel|arch/\w+|include|tools|Documentation|linux|sys|asm)/")
"""Begins of the paths of the kernel's files and of system headers."""
EXAMPLES = {"a.c", "b.c", "a.h", "b.h", "FILE.toml"}
C_LIKE = {".c", ".h", ".cc", ".cpp", ".hpp", ".rs", ".go", ".java", ".js", ".mjs", ".ts", ".pml"}
HASH = {".toml", ".yaml", ".yml", ".sh", ".cfg"}
FILE = re.compile(
    r"(?<![\w./<-])((?:\.\./)*(?:[\w*-]+/)*[\w*-]+"
    r"\.(?:c|h|py|md|rs|pml|proto|toml|cdef|vec|calls|svg|json|yaml|yml))\b(?![(\w-]|\.\w)"
)
MEMBER = re.compile(r"\b([\w-]+\.(?:c|h|py|rs|pml)):([A-Za-z_]\w*)|\(([\w-]+\.[ch]): (\w+)[),;]")
CALL = re.compile(r"(?<![\w.>])([a-z_]\w+)\(\)")
GENERATED = ("protos/python", "clients/java/src/generated")
SECTION = re.compile(r'DESIGN\.md,? (?:"([^"]+)"|(?:section )?(\d+)\b)|DESIGN\.md section (\d+)')
LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)|!\[[^\]]*\]\(([^)\s]+)\)")


@cache
def files() -> tuple[Path, ...]:
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    paths = {ROOT / name for name in listed.stdout.split("\0") if name}
    return tuple(sorted(path for path in paths if path.is_file() and not path.is_symlink()))


@cache
def ends() -> frozenset[str]:
    """Every end of every path: native/src/sync/rwsem.c, src/sync/rwsem.c, ... rwsem.c."""
    found: set[str] = set()
    for path in files():
        parts = path.relative_to(ROOT).parts
        found.update("/".join(parts[i:]) for i in range(len(parts)))
    return frozenset(found)


def without_breaks(comment: str) -> str:
    """A comment on one line, so that what was broken at the end of a line is whole again."""
    return re.sub(r"\s*\n\s*(\*(?!/)|//|#)?\s*", " ", comment)


def flat_lines(text: str) -> Iterator[tuple[int, str]]:
    """(line, paragraph) of a document, without fenced blocks."""
    text = re.sub(r"^( *)```.*?^\1```", lambda m: "\n" * m[0].count("\n"), text, flags=re.S | re.M)
    number = 1
    for block in re.split(r"(\n\s*\n)", text):
        if block.strip():
            yield number, re.sub(r"\s*\n\s*", " ", block)
        number += block.count("\n")


def python_words(text: str) -> Iterator[tuple[int, str]]:
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT:
            yield token.start[0], token.string
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            value = node.value.value
            if isinstance(value, str):
                yield node.lineno, re.sub(r"\s*\n\s*", " ", value)


def words(path: Path) -> Iterator[tuple[int, str]]:
    """(line, text) of what is said to a reader in a file."""
    if (
        path.suffix not in C_LIKE | HASH | {".py", ".md", ".proto", ".cdef"}
        and path.name != "Makefile"
    ):
        return
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".md" or "scenarios" in path.parts:
        yield from flat_lines(text)
    elif path.suffix == ".py":
        yield from python_words(text)
    else:
        pattern = (
            r"/\*.*?\*/|(?:(?<!:)//[^\n]*\n?\s*)+"
            if path.suffix not in HASH
            else r"(?:(?<!\S)#[^\n]*\n)+"
        )
        if path.name == "Makefile":
            pattern = r"(?:(?<!\S)#[^\n]*\n)+"
        for found in re.finditer(pattern, text, re.S):
            yield text.count("\n", 0, found.start()) + 1, without_breaks(found[0])


@cache
def said() -> tuple[tuple[Path, int, str], ...]:
    """Of every file of ours; generated ones repeat what others say."""
    return tuple(
        (path, line, text)
        for path in files()
        if not any(name in path.as_posix() for name in GENERATED)
        if path.name != "test_references.py"
        for line, text in words(path)
    )


def is_there(name: str, folder: Path) -> bool:
    if NOT_OURS.match(name) or name in EXAMPLES or name in ends() or (folder / name).exists():
        return True
    if "*" in name or "NAME" in name:
        pattern = re.compile(re.escape(name).replace(r"\*", r"[^/]*").replace("NAME", r"[^/]*"))
        return any(pattern.fullmatch(one) for one in ends())
    return False


@cache
def code_of(path: Path) -> str:
    """A source without its comments and, in C, without its texts."""
    text = path.read_text()
    if path.suffix == ".py":
        return text
    return re.sub(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"', '""', text, flags=re.S)


def defines(path: Path, name: str) -> bool:
    code = code_of(path)
    if path.suffix == ".py":
        return bool(re.search(rf"^\s*(?:async )?(?:def|class) {name}\b|^{name}\b.*=", code, re.M))
    if path.suffix in (".rs", ".pml"):
        return bool(re.search(rf"\b(?:fn|struct|enum|const|static|inline|proctype) {name}\b", code))
    patterns = (
        rf"^[A-Za-z_][^\n;=]*?\b{name}\(",  # a function: at the begin of a line, with its type
        rf"^\w[\w* ]*?\b{name}(?:\[[^\n]*\])?(?: =[^\n]*)?[;{{]",  # a variable
        rf"#\s*define {name}\b",
        rf"\b(?:struct|enum|union) {name} \{{",
        rf"^typedef [^\n]*\b{name}\b",
        rf"^\s+{name}(?: = [^\n,]*)?,",  # of an enum
        rf"\bX\({name}\b",  # of a list
    )
    return any(re.search(pattern, code, re.M) for pattern in patterns)


def wrong_files(text: str, folder: Path) -> list[str]:
    return [name for name in FILE.findall(text) if not is_there(name, folder)]


def wrong_members(text: str) -> list[str]:
    bad = []
    for found in MEMBER.finditer(text):
        file, name = found[1] or found[3], found[2] or found[4]
        there = [path for path in files() if path.name == file]
        if file not in EXAMPLES and not any(defines(path, name) for path in there):
            bad.append(f"{file}:{name}")
    return bad


@cache
def known() -> frozenset[str]:
    """Every word of the core's code."""
    code = "".join(
        code_of(path) for path in files() if NATIVE in path.parents and path.suffix in (".c", ".h")
    )
    return frozenset(re.findall(r"\w+", code))


C_LIBRARY = {"fork", "vfork"}


def wrong_calls(text: str) -> list[str]:
    return [name for name in CALL.findall(text) if name not in known() | C_LIBRARY]


@cache
def headings(path: Path) -> tuple[str, ...]:
    """Of a document: its headings, and what begins a paragraph in bold."""
    found = re.findall(r"^(?:#+ (.*)|\*\*(.+?)\.?\*\*.*)$", path.read_text(), flags=re.M)
    return tuple(heading or bold for heading, bold in found)


def wrong_sections(text: str) -> list[str]:
    there = headings(NATIVE / "DESIGN.md")
    bad = []
    for found in SECTION.finditer(text):
        number = found[2] or found[3]
        if number and not any(one.startswith(f"{number}. ") for one in there):
            bad.append(f"DESIGN.md, section {number}")
        if found[1] and not any(found[1] in one for one in there):
            bad.append(f'DESIGN.md, "{found[1]}"')
    return bad


def anchor(heading: str) -> str:
    """What a heading is called in a link, as GitHub makes it."""
    text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading)
    return re.sub(r"[^\w\- ]", "", text.lower()).strip().replace(" ", "-")


def wrong_links(text: str, path: Path) -> list[str]:
    bad = []
    for found in LINK.finditer(text):
        target, _, part = (found[1] or found[2]).partition("#")
        if target.startswith(("http:", "https:", "mailto:")):
            continue
        file = path.parent / target if target else path
        if not file.exists():
            bad.append(f"({target})")
        elif part and file.suffix == ".md" and part not in map(anchor, headings(file)):
            bad.append(f"({target}#{part})")
    return bad


def listed(what: list[tuple[Path, int, list[str]]]) -> list[str]:
    return [
        f"{path.relative_to(ROOT)}:{line}: {name}" for path, line, names in what for name in names
    ]


def test_files_are_there() -> None:
    assert listed([(p, line, wrong_files(text, p.parent)) for p, line, text in said()]) == []
    assert sum(len(FILE.findall(text)) for _, _, text in said()) > 1000, (
        "is the pattern still right?"
    )


def test_members_are_there() -> None:
    assert listed([(p, line, wrong_members(text)) for p, line, text in said()]) == []
    assert sum(len(MEMBER.findall(text)) for _, _, text in said()) > 150, (
        "is the pattern still right?"
    )


def test_calls_are_there() -> None:
    core = [one for one in said() if NATIVE in one[0].parents and one[0].suffix in (".c", ".h")]
    assert listed([(p, line, wrong_calls(text)) for p, line, text in core]) == []


def test_sections_are_there() -> None:
    assert listed([(p, line, wrong_sections(text)) for p, line, text in said()]) == []


def test_links_lead_somewhere() -> None:
    documents = [one for one in said() if one[0].suffix == ".md"]
    assert listed([(p, line, wrong_links(text, p)) for p, line, text in documents]) == []
    assert sum(len(LINK.findall(text)) for _, _, text in documents) > 50, (
        "is the pattern still right?"
    )


def test_what_is_wrong_is_found() -> None:
    """Each kind of reference that this file is about, right and wrong."""
    assert wrong_files("lab.c, lab_explore.c and `docs/nowhere.md`; mm/mmap.c", NATIVE) == [
        "lab.c",
        "lab_explore.c",
        "docs/nowhere.md",
    ]
    assert wrong_files("rwsem.c, src/sync/rwsem.c, test_*.c, ../README.md", NATIVE) == []
    assert wrong_members("walk.c:check_refcnt, participant.c:readers_barrier") == [
        "walk.c:check_refcnt",
        "participant.c:readers_barrier",
    ]
    assert wrong_members("(lab_sched.c: nobody)") == ["lab_sched.c:nobody"]
    assert wrong_members("rwsem.c:up_write, rcu.h:rcu_read_lock, mm.h:mm_struct") == []
    assert wrong_calls("process_alive() and up_read()") == ["process_alive"]
    assert wrong_sections('DESIGN.md, "Nothing"; DESIGN.md, section 99; DESIGN.md section 4') == [
        'DESIGN.md, "Nothing"',
        "DESIGN.md, section 99",
    ]
    page = ROOT / "README.md"
    assert wrong_links("[a](docs/nowhere.md) [b](docs/lab.md#nothing) [c](docs/lab.md)", page) == [
        "(docs/nowhere.md)",
        "(docs/lab.md#nothing)",
    ]
