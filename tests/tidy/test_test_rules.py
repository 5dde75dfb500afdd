# SPDX-License-Identifier: Apache-2.0
"""The tests themselves: they depend neither on the speed of the machine nor on what else it runs.

Goal: only a hang ends a test, and no test minds the programs beside it. Method: the source of each
is read. A wait is bounded by `patience.HANG_S` alone, so a number in its place is an error; what is
itself a time-out under test is listed here.
"""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FILES = sorted(
    path
    for folder in ("tests", "clients/python/vmalab_client")
    for path in (ROOT / folder).rglob("*.py")
    if "programs" not in path.parts and (folder == "tests" or path.name == "testing.py")
)
BOUNDS = {"timeout", "timeout_s", "timeout_ns", "start_timeout_s", "patience_s"}
WAITS = {"result", "exception", "join", "wait", "communicate", "acquire", "poll", "settimeout"}
SHARED_NAMES = ("127.0.0.1:7420", "localhost:7420", "vmalab.default")
THEMSELVES: dict[str, set[float]] = {
    # Time-outs that are what the test is about: they are meant to pass.
    "tests/server/test_bounded.py": {0.3},
    "tests/server/test_lab_service.py": {0.1, 1.5, 0},
    "tests/native/test_namespaces.py": {200_000_000},
    "tests/crash/test_crash.py": {2.0},
    "tests/campaign/test_work.py": {3.0},
    "tests/cli/test_top_data.py": {0.05},
    "tests/client/test_client_leases.py": {0},
    "tests/native/test_events.py": {3_000_000},
    "tests/native/test_primitives.py": {0, 20_000_000, 600_000_000, 50_000_000, 0.3},
}


def numbers(tree: ast.AST) -> Iterator[tuple[int, float]]:
    """(line, number) of each bound of a wait that is a number."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        for keyword in node.keywords:
            value = keyword.value.value if isinstance(keyword.value, ast.Constant) else None
            if keyword.arg in BOUNDS and isinstance(value, int | float):
                yield node.lineno, value
        attribute = node.func.attr if isinstance(node.func, ast.Attribute) else ""
        if attribute in WAITS and len(node.args) == 1:
            (bound,) = node.args
            if isinstance(bound, ast.Constant) and isinstance(bound.value, int | float):
                yield node.lineno, bound.value


def limits_of_pytest(tree: ast.AST) -> Iterator[int]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and ast.unparse(node) == "pytest.mark.timeout":
            yield node.lineno


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_wait_is_bounded_by_a_number(path: Path) -> None:
    name = str(path.relative_to(ROOT))
    tree = ast.parse(path.read_text())
    meant = THEMSELVES.get(name, set())
    assert [found for found in numbers(tree) if found[1] not in meant] == []
    assert list(limits_of_pytest(tree)) == []


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_name_that_another_program_has(path: Path) -> None:
    """The port and the instance that `vmalab serve` has when it is told nothing."""
    constants = {
        node.value
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    if path.name in ("test_readme.py", "test_test_rules.py"):
        return  # it replaces them, they are written here
    assert [text for text in constants for name in SHARED_NAMES if name in text] == []


def test_a_number_is_seen() -> None:
    source = "process.wait(10)\nvmalab('ps', timeout_s=3)\nthread.join()\nf.result(HANG_S)\n"
    assert list(numbers(ast.parse(source))) == [(1, 10), (2, 3)]
    assert list(limits_of_pytest(ast.parse("@pytest.mark.timeout(3)\ndef f(): pass"))) == [1]
