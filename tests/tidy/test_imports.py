# SPDX-License-Identifier: Apache-2.0
"""Goal: the arrows between the Python packages go down only, and no modules import each other in a
circle.

Method: the imports of every module are read from its source, those inside functions too, and those
under TYPE_CHECKING. A failure names the module and what it imports.

Seen to fail: a class of client.py named in lab.py, under TYPE_CHECKING.
"""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = ("protos/python", "clients/python", "native", "server", "lab", "loadgen", "cli")

BELOW = {
    "vmalab": set[str](),
    "vmalab_client": {"vmalab"},
    "vmalab_native": {"vmalab"},
    "vmalab_server": {"vmalab", "vmalab_client", "vmalab_native"},
}
BELOW["vmalab_pytest"] = {*BELOW["vmalab_server"], "vmalab_server"}
BELOW["vmalab_drive"] = {*BELOW["vmalab_server"], "vmalab_server"}
_DRIVEN = {*BELOW["vmalab_drive"], "vmalab_drive"}
_ABOVE_DRIVE = ("bench", "crash", "events", "lin", "loadgen", "race", "trace")
BELOW |= {f"vmalab_{name}": _DRIVEN for name in _ABOVE_DRIVE}
BELOW["vmalab_diff"] = BELOW["vmalab_loadgen"] = {*_DRIVEN, "vmalab_trace"}
BELOW["vmalab_bench"] = {*BELOW["vmalab_loadgen"], "vmalab_loadgen"}
BELOW["vmalab_scale"] = {*_DRIVEN, "vmalab_bench", "vmalab_trace"}
BELOW["vmalab_campaign"] = {*BELOW["vmalab_scale"], *BELOW["vmalab_loadgen"]}
BELOW["vmalab_campaign"] |= {"vmalab_scale", "vmalab_loadgen"}
BELOW["vmalab_cli"] = {*BELOW} - {"vmalab_pytest"}
"""What each package may import besides itself."""

ONLY_IN = {
    "typer": {"vmalab_cli"},
    "dask": {"vmalab_campaign"},
    "distributed": {"vmalab_campaign"},
    "grpc": {
        *("vmalab", "vmalab_client", "vmalab_server", "vmalab_drive", "vmalab_bench"),
        "vmalab_loadgen",  # its agents
    },
    "pytest": {"vmalab_pytest"},
    "matplotlib": {"vmalab_bench"},
    "perfetto": {"vmalab_events", "vmalab_race"},
    "textual": {"vmalab_cli"},
}
"""Libraries that have their place: a command line is made in one package only, and so on."""


@cache
def modules() -> dict[str, Path]:
    """Name of each module of ours, and its file."""
    found = {}
    for folder in FOLDERS:
        for path in sorted((ROOT / folder).rglob("*.py")):
            parts = path.relative_to(ROOT / folder).with_suffix("").parts
            if not parts[0].startswith("vmalab") or "traces" in parts or len(parts) == 1:
                continue
            name = ".".join(parts).removesuffix(".__init__")
            found[name] = path
    return found


def imports(path: Path, *, typing_too: bool) -> Iterator[str]:
    """Full names of what a module imports."""
    skipped: set[ast.AST] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test) and not typing_too:
            skipped.update(part for child in node.body for part in ast.walk(child))
        if node in skipped:
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are absolute here"
            for alias in node.names:
                whole = f"{node.module}.{alias.name}"
                yield whole if whole in modules() else str(node.module)


def test_every_package_is_in_the_table() -> None:
    assert {name.split(".")[0] for name in modules()} == {*BELOW}
    assert len(modules()) > 150, "the search finds too little"


def test_arrows_go_down() -> None:
    bad = []
    for name, path in modules().items():
        own = name.split(".")[0]
        for target in imports(path, typing_too=True):
            package = target.split(".")[0]
            if package in BELOW and package != own and package not in BELOW[own]:
                bad.append(f"{name} imports {target}")
    assert bad == []


def test_libraries_keep_to_their_place() -> None:
    bad = []
    for name, path in modules().items():
        for target in imports(path, typing_too=False):
            places = ONLY_IN.get(target.split(".")[0])
            if places is not None and name.split(".")[0] not in places:
                bad.append(f"{name} imports {target}")
    assert bad == []


def test_no_circles() -> None:
    """Of modules: a package is there before what is in it, which is no import of ours."""
    graph = {
        name: sorted({*imports(path, typing_too=True)} & {*modules()} - {name})
        for name, path in modules().items()
    }
    assert sum(map(len, graph.values())) > 300, "the search finds too little"
    done: set[str] = set()

    def follow(name: str, path: tuple[str, ...]) -> None:
        if name in path:
            circle = " -> ".join((*path[path.index(name) :], name))
            raise AssertionError(f"a circle: {circle}")
        if name in done:
            return
        for target in graph[name]:
            follow(target, (*path, name))
        done.add(name)

    for name in sorted(graph):
        follow(name, ())
