# SPDX-License-Identifier: Apache-2.0
"""Goal: the rules of the house are kept without anybody watching: licence lines, lengths, pairs of
orderings.

Method: read the sources as text. A failure names file and line; the rule is in native/DESIGN.md or
in the test.
"""

import ast
import os
import re
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
NATIVE = ROOT / "native"
SOURCE_SUFFIXES = {
    *(".c", ".cc", ".cpp", ".h", ".hpp", ".cdef", ".proto", ".py", ".pyi", ".sh", ".toml", ".yaml"),
    *(".js", ".mjs", ".ts", ".go", ".rs", ".java"),
}
SOURCE_NAMES = {"Makefile", "CMakeLists.txt"}
NOT_OURS = {".git", ".venv", "build", "node_modules", "__pycache__", "target"}
LINES_MAX = 700
FUNCTION_LINES_MAX = 70
COLUMNS_MAX = 100
TAB = 8


@cache
def files() -> tuple[Path, ...]:
    """What is in the repository; without git (an unpacked archive) what lies here and is ours."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if listed.returncode == 0:
        paths = [ROOT / name for name in listed.stdout.split("\0") if name]
    else:
        paths = [path for path in ROOT.rglob("*") if not NOT_OURS & set(path.parts)]
    return tuple(sorted(path for path in paths if path.is_file() and not path.is_symlink()))


def generated(path: Path) -> bool:
    made = (
        ".lock",
        "package-lock.json",
        ".pb.go",
        "_gen.go",
        "_gen.ts",
        "_gen.rs",
        "constants.proto",
    )
    made_of_cpp = (".pb.h", ".pb.cc", "_gen.hpp", "_gen.cpp")
    folders = ("protos/python", "clients/java/src/generated", "clients/node/src/pb/")
    return any(one in path.as_posix() for one in folders) or path.name.endswith(made + made_of_cpp)


def sources() -> list[Path]:
    return [
        path
        for path in files()
        if (path.suffix in SOURCE_SUFFIXES or path.name in SOURCE_NAMES) and path.stat().st_size
    ]


def written() -> list[Path]:
    return [path for path in sources() if not generated(path)]


def core_files() -> list[Path]:
    return [path for path in written() if path.suffix in (".c", ".h") and NATIVE in path.parents]


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def test_licence_line() -> None:
    """Every source file says under which licence it is, in one of its first five lines."""
    bad = []
    for path in sources():
        head = path.read_text(encoding="utf-8").splitlines()[:5]
        if not any("SPDX-License-Identifier: Apache-2.0" in line for line in head):
            bad.append(name_of(path))
    assert bad == []


def lines_written(text: str) -> int:
    """Without the parts that are made from the table of operations."""
    made = re.compile(
        r"^// \[(\w+): made from protos/ops\.toml\]$.*?^// \[end of \1\]$", re.M | re.S
    )
    return len(made.sub("", text).splitlines())


def test_files_are_short() -> None:
    counts = {name_of(path): lines_written(path.read_text()) for path in written()}
    assert {name: lines for name, lines in counts.items() if lines > LINES_MAX} == {}


def test_lines_are_short() -> None:
    """At most 100 columns, a tab is eight. Python is ruff's business."""
    bad = [
        f"{name_of(path)}:{number}"
        for path in written()
        if path.suffix in (".c", ".h", ".cdef", ".cpp", ".hpp")
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if len(line.expandtabs(TAB)) > COLUMNS_MAX
    ]
    assert bad == []


def c_functions(text: str) -> Iterator[tuple[str, int, int]]:
    """(name, first line, last line) of each function: K&R style, braces at the start of a line."""
    lines = text.splitlines()
    for number, line in enumerate(lines):
        if line != "{":
            continue
        begin = number - 1
        while begin > 0 and lines[begin][:1] in ("\t", " "):
            begin -= 1
        found = re.search(r"(\w+)\(", lines[begin])
        if found is None:
            continue
        end = next(i for i in range(number, len(lines)) if lines[i] == "}")
        yield found[1], begin + 1, end + 1


def python_functions(text: str) -> Iterator[tuple[str, int, int]]:
    """(name, first line, last line) of each body: a command's options and docstring are text."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            body = node.body[1:] if ast.get_docstring(node) else node.body
            if body:
                yield node.name, body[0].lineno, body[-1].end_lineno or 0


def test_functions_are_short() -> None:
    bad = []
    for path in written():
        text = path.read_text()
        if path.suffix in (".c", ".h", ".cpp", ".hpp"):
            spans = list(c_functions(text))
        elif path.suffix == ".py":
            spans = list(python_functions(text))
        else:
            continue
        bad += [
            f"{name_of(path)}:{begin} {name} has {end - begin + 1} lines"
            for name, begin, end in spans
            if end - begin + 1 > FUNCTION_LINES_MAX
        ]
    assert bad == []


def test_ffi_is_in_one_module() -> None:
    """Only core.py, lab.py and a few small ones beside them know the C library; tests may look."""
    pattern = re.compile(r"^\s*(from|import) (vmalab_native\._core|cffi)\b", re.M)
    bad = [
        name_of(path)
        for path in written()
        if path.suffix == ".py" and pattern.search(path.read_text())
    ]
    allowed = {
        "native/build_ffi.py",
        "native/vmalab_native/accounts.py",
        "native/vmalab_native/convert.py",
        "native/vmalab_native/core.py",
        "native/vmalab_native/fault_try.py",
        "native/vmalab_native/history.py",
        "native/vmalab_native/lab.py",
        "native/vmalab_native/load_times.py",
        "native/vmalab_native/loaded.py",
        "native/vmalab_native/measure.py",
        "native/vmalab_native/on_broken.py",
        "native/vmalab_native/owned.py",
        "native/vmalab_native/segment_file.py",
        "native/vmalab_native/virtual.py",
    }
    assert [name for name in bad if name not in allowed and "tests/native/" not in name] == []


def test_memory_orders_stand_in_one_header() -> None:
    """The order is in a function's name (load_acquire).

    The compiler's names are in atomics.h alone; and in access.c, which the compiler calls.
    """
    pattern = re.compile(r"memory_order_\w+|__ATOMIC_\w+|__sync_\w+\(|\batomic_\w+\(")
    bad = [
        f"{name_of(path)}: {found[0]}"
        for path in core_files()
        if path.name not in ("atomics.h", "access.c")
        and not {NATIVE / "tests", NATIVE / "bench"} & set(path.parents)
        for found in [pattern.search(strip_comments(path.read_text()))]
        if found
    ]
    assert bad == []


def strip_comments(text: str) -> str:
    return re.sub(r"/\*.*?\*/", "", text, flags=re.S)


# --- orderings ---

TAG = r"[A-Z]+[A-Z0-9]*-\d+"


def comments_with_pairs(text: str) -> Iterator[tuple[int, str]]:
    """(line, what follows "pairs:" up to the end of the comment), put on one line."""
    for comment in re.finditer(r"/\*.*?\*/", text, re.S):
        if "pairs:" not in comment[0]:
            continue
        line = text.count("\n", 0, comment.start()) + 1
        flat = re.sub(r"\s*\n\s*\*?\s*", " ", comment[0].removesuffix("*/"))
        for part in flat.split("pairs:")[1:]:
            yield line, part


def claims(part: str, own_file: str) -> Iterator[tuple[str, list[tuple[str, str]]]]:
    """(tag, [(file, function)]): "T-1 (a.c:f, g), T-2 (b.h:h)"; g is in a.c too."""
    for group in re.finditer(rf"((?:{TAG})(?:,? (?:and )?{TAG})*)\s*(?:\(([^)]*)\))?", part):
        places: list[tuple[str, str]] = []
        file = own_file
        for word in re.split(r",\s*|\s+and\s+", group[2] or ""):
            found = re.fullmatch(r"(?:(\w+\.[ch]):)?(\w+)", word.strip())
            if found:
                file = found[1] or file
                places.append((file, found[2]))
        for tag in re.findall(TAG, group[1]):
            yield tag, places


def function_text(path: Path, name: str) -> str | None:
    """A function with the comment before it."""
    lines = path.read_text().splitlines()
    for found, begin, end in c_functions(path.read_text()):
        if found == name:
            first = begin - 1
            while first > 0 and lines[first - 1].strip() and lines[first - 1][0] in "/ \t":
                first -= 1
            return "\n".join(lines[first:end])
    return None


def test_orderings_have_two_sides() -> None:
    """`pairs: TAG (file:function)`: that function is there, and its side speaks of the TAG."""
    by_name = {path.name: path for path in core_files()}
    bad = []
    seen = 0
    for path in core_files():
        for line, part in comments_with_pairs(path.read_text()):
            here = f"{name_of(path)}:{line}"
            found = list(claims(part, path.name))
            if not found:
                bad.append(f"{here}: no tag after 'pairs:'")
            for tag, places in found:
                seen += 1
                if not places:
                    bad.append(f"{here}: {tag} names no function")
                texts = []
                for file, function in places:
                    text = function_text(by_name[file], function) if file in by_name else None
                    if text is None:
                        bad.append(f"{here}: {tag}: there is no {function} in {file}")
                    texts.append(text or "")
                if places and all(texts) and not any(tag in text for text in texts):
                    names = ", ".join(function for _, function in places)
                    bad.append(f"{here}: {tag} is not mentioned by {names}")
    assert bad == []
    assert seen > 20, "the pattern found almost nothing: is it still right?"


# --- what does not belong here ---

WRITTEN_BY_PEOPLE = ("server/vmalab_server/caller.py", "native/vmalab_native/race/schedule.py")
"""They read files that people write, with any end of a line."""


def test_lines_of_the_kernel_end_with_a_line_feed() -> None:
    """str.splitlines ends a line at ten more characters, which a name in a text of the kernel may
    have: `vmalab_native.texts.lines_of`."""
    packages = ("server/", "lab/", "cli/", "loadgen/", "clients/python/", "native/vmalab_native/")
    bad = [
        name_of(path)
        for path in written()
        if path.suffix == ".py"
        and name_of(path).startswith(packages)
        and name_of(path) not in (*WRITTEN_BY_PEOPLE, "native/vmalab_native/texts.py")
        and ".splitlines(" in path.read_text()
    ]
    assert bad == []


def test_no_path_of_a_machine() -> None:
    """The project works anywhere: no home directory and no checkout's path in any text file."""
    home = "/" + "root/"
    words = [home, "/" + "work/", "/" + "home/", f"{ROOT}/"]
    user = os.environ.get("HOME", "/")
    if len(user) > 1:
        words.append(user.rstrip("/") + "/")
    bad = []
    for path in files():
        data = path.read_bytes()
        if b"\0" in data[:4096]:
            continue
        text = data.decode("utf-8", "replace")
        bad += [f"{name_of(path)}: {word}" for word in words if word in text]
    assert bad == []


def test_nothing_built_is_committed() -> None:
    listed = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if listed.returncode:
        pytest.skip("no git here")
    pattern = re.compile(r"\.(so|o|a|pyc|egg-info)$|(^|/)(build|node_modules|__pycache__)/")
    assert [name for name in listed.stdout.splitlines() if pattern.search(name)] == []
