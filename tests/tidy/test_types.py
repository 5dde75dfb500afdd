# SPDX-License-Identifier: Apache-2.0
"""Goal: what our own code hands to our own code has a type of ours, so that mypy checks it.

Method: no module names `Any`, except as the values of a JSON object (`dict[str, Any]`,
`Mapping[str, Any]`) and in the places below, each with its reason. Annotations in quotes and other
names for `Any` are seen too. A failure names the place: write the type that is meant. A place that
does not need its entry any more fails as well.
"""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = ("protos", "clients/python", "native", "server", "lab", "loadgen", "cli", "tests")
JSON_OBJECTS = {"dict", "Mapping", "MutableMapping"}

ALLOWED: dict[str, str] = {
    "native/vmalab_native/cdata.py:CStruct": "cffi alone knows the fields, at run time",
    "native/vmalab_native/cdata.py:CArray": "as CStruct",
    "cli/vmalab_cli/app.py:Commands.list_commands": "a class of click or of typer, by its version",
    "cli/vmalab_cli/app.py:Commands.get_command": "as list_commands",
    "cli/vmalab_cli/app.py:_Finite.__init__": "as list_commands",
    "cli/vmalab_cli/app.py:_Finite.__getattr__": "as list_commands",
    "cli/vmalab_cli/app.py:_Finite.__call__": "as list_commands",
    "cli/vmalab_cli/app.py:_Finite.convert": "as list_commands",
    "cli/vmalab_cli/app.py:_finite": "as list_commands",
    "cli/vmalab_cli/load.py:LoadCommands.parse_args": "as list_commands",
    "cli/vmalab_cli/campaign.py:CampaignCommands.parse_args": "as list_commands",
    "tests/cli/test_ends.py:commands.leaves": "as list_commands",
    "tests/cli/test_old_command_lines.py:root": "as list_commands",
    "tests/campaign/test_plan_file.py:test_every_key_is_an_option.root": "as list_commands",
    "tests/cli/test_old_command_lines.py:resolved": "as list_commands",
    "tests/server/test_standard_services.py:test_health_is_serving.stub": (
        "the types of grpcio-health-checking leave out the methods of its stub"
    ),
    "tests/server/test_standard_services.py:test_who_watches_the_health_is_told_of_the_stop.stub": (
        "as above"
    ),
    "tests/damage/test_served.py:test_a_broken_invariant_is_told_to_all.stub": "as above",
    "tests/server/test_bad_clients.py:test_what_cannot_be_decoded.call": (
        "the types of grpcio have no method whose messages are bytes"
    ),
    "tests/support/bad_client.py:Bad.__init__.self.channel": "as above",
    "tests/events/test_trace.py:Readback._describe": "perfetto makes its messages at run time",
    "tests/events/test_trace.py:Readback._event": "as above",
    "tests/support/bad_client.py:Bad.stays.call": "as above",
    "tests/support/bad_client.py:Bad.flood.futures": "as above",
}
"""file:name of the variable, function or class, and why its type cannot be said."""


def _is_any(node: ast.AST) -> bool:
    return (isinstance(node, ast.Name) and node.id == "Any") or (
        isinstance(node, ast.Attribute) and ast.unparse(node) == "typing.Any"
    )


def _is_json(node: ast.AST) -> bool:
    """`dict[str, Any]`, of which the `Any` is allowed."""
    return (
        isinstance(node, ast.Subscript)
        and isinstance(node.value, ast.Name)
        and node.value.id in JSON_OBJECTS
        and isinstance(node.slice, ast.Tuple)
        and len(node.slice.elts) == 2
        and isinstance(node.slice.elts[0], ast.Name)
        and node.slice.elts[0].id == "str"
        and _is_any(node.slice.elts[1])
    )


def _annotations(node: ast.AST) -> Iterator[ast.expr]:
    for name in ("annotation", "returns"):
        found = getattr(node, name, None)
        if found is not None:
            yield found


def _quoted(annotation: ast.expr) -> Iterator[ast.expr]:
    """The annotations in quotes in an annotation."""
    for part in ast.walk(annotation):
        if isinstance(part, ast.Constant) and isinstance(part.value, str):
            try:
                yield ast.parse(part.value, mode="eval").body
            except SyntaxError:
                continue  # the text of a Literal or of an Annotated


def _name(node: ast.AST) -> str:
    """What the place of this node is called, or ''."""
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return node.name
    if isinstance(node, ast.AnnAssign):
        return ast.unparse(node.target)
    if isinstance(node, ast.Assign) and len(node.targets) == 1:
        return ast.unparse(node.targets[0])
    return ""


def places(source: str) -> Iterator[tuple[int, str]]:
    """Line and place of each `Any` of a module that is not of a JSON object."""

    def walk(node: ast.AST, inside: tuple[str, ...]) -> Iterator[tuple[int, str]]:
        if isinstance(node, ast.ImportFrom):
            for alias in node.names:
                if alias.name == "Any" and alias.asname not in (None, "Any"):
                    yield node.lineno, f"{alias.asname} (a name for Any)"
            return
        if isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name == "typing" and alias.asname is not None:
                    yield node.lineno, f"{alias.asname} (a name for typing)"
            return
        if _is_any(node):
            yield getattr(node, "lineno", 0), ".".join(inside) or "the module"
            return
        if _is_json(node):
            return
        here = (*inside, _name(node)) if _name(node) else inside
        for annotation in _annotations(node):
            for quoted in _quoted(annotation):
                yield from ((annotation.lineno, place) for _, place in walk(quoted, here))
        for child in ast.iter_child_nodes(node):
            yield from walk(child, here)

    yield from walk(ast.parse(source), ())


@cache
def found() -> dict[str, list[int]]:
    """file:place of each such `Any` of the project, and its lines."""
    seen: dict[str, list[int]] = {}
    files = [path for folder in FOLDERS for path in sorted((ROOT / folder).rglob("*.py"))]
    files = [path for path in files if not {"traces", "v1"} & {*path.parts}]  # recorded, generated
    assert len(files) > 250, "the search finds too little"
    for path in files:
        for line, place in places(path.read_text()):
            seen.setdefault(f"{path.relative_to(ROOT)}:{place}", []).append(line)
    return seen


def test_the_search_sees_every_form() -> None:
    """So that the test below cannot pass by being blind."""
    bad = """
from typing import Any as Whatever
import typing as t
import typing
def f(one: Any) -> "list[Any]": ...
def g(*args: Any, **named: typing.Any) -> Callable[[Any], dict[str, int]]: ...
class C:
    field: dict[int, Any] = {}
    def h(self) -> None:
        here: npt.NDArray[Any] = cast(Any, 1)
Alias = list[Any]
def good(row: dict[str, Any], rows: "list[Mapping[str, Any]]", kind: Literal["Any thing"]): ...
"""
    assert [place for _, place in places(bad)] == [
        "Whatever (a name for Any)",
        "t (a name for typing)",
        "f",
        "f",
        "g",
        "g",
        "g",
        "C.field",
        "C.h.here",
        "C.h.here",
        "Alias",
    ]


def test_our_own_types_are_named() -> None:
    bad = [f"{place}, line {lines}" for place, lines in found().items() if place not in ALLOWED]
    assert bad == []


def test_every_exception_is_needed() -> None:
    assert [place for place in ALLOWED if place not in found()] == []
