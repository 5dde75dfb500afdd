# SPDX-License-Identifier: Apache-2.0
"""Goal: the folders of native/src are the layers of the core, and nothing goes up: no include, and
no call.

Method: native/DESIGN.md, section 1, has the layers in order. Includes are read from the text. Calls
are read from the object files of all ten cores (five lock models, release and lab): who leaves a
symbol undefined uses it, who defines it is used. So what a macro or an inline function of a header
calls counts for the file that includes it. A call up is possible only through a pointer that a
higher layer hands down: section 1 names the type of each.

How to read a failure: "a.c (tree) uses f of b.c (mm)" wants f moved down, the caller moved up, or,
where neither makes sense, a pointer handed down and a row in DESIGN.md.

Seen to fail: an include of vmalab/mm.h in rcu.c; a call of mmap_read_lock in rwsem.c; a call of
lab_ghost_of, which lab.h does not declare, in tree_store.c; a file in no folder; a second vma.c; a
new typedef of a function in slab.h.
"""

import re
import subprocess
from functools import cache
from pathlib import Path

import pytest

import objects
from vmalab_native import cores

ROOT = Path(__file__).resolve().parents[2]
NATIVE = ROOT / "native"
SRC = NATIVE / "src"
PUBLIC = NATIVE / "include" / "vmalab"
INCLUDE = re.compile(r'^\s*#\s*include "([^"]+)"', re.M)


@cache
def section() -> str:
    """Section 1 of DESIGN.md."""
    text = (NATIVE / "DESIGN.md").read_text()
    return text[text.index("## 1. ") : text.index("## 2. ")]


@cache
def order() -> dict[str, int]:
    """Layer: its height. What stands beside the cores is above them all."""
    names = re.findall(r"^\| `(\w+)/` \|", section(), flags=re.M)
    return {name: height for height, name in enumerate([*names, "front"])}


def sources() -> list[Path]:
    return sorted([*SRC.rglob("*.[ch]"), *PUBLIC.rglob("*.[ch]")])


def layer_of(path: Path) -> str:
    """The folder; of a header that all may see, what its head line says in parentheses."""
    if path.parent != PUBLIC:
        return path.parent.name
    found = re.search(rf"\b{re.escape(path.name)} \((\w+)\):", path.read_text()[:400])
    return found[1] if found else "none"


def named(path: Path) -> str:
    return f"{path.name} ({layer_of(path)})"


def test_the_folders_are_the_layers() -> None:
    folders = {path.name for path in SRC.iterdir() if path.is_dir()}
    assert [path.name for path in SRC.iterdir() if path.is_file()] == [], "in no folder"
    assert folders == order().keys() - {"front"}
    makefile = re.search(
        r"^BASE := \$\(filter (.*),\$\(SOURCES\)\)$", (NATIVE / "Makefile").read_text(), re.M
    )
    assert makefile is not None
    assert tuple(word.removesuffix("/%") for word in makefile[1].split()) == objects.BELOW_MODELS
    assert tuple(order())[: len(objects.BELOW_MODELS)] == objects.BELOW_MODELS


def test_every_header_has_a_layer() -> None:
    assert [path.name for path in sources() if layer_of(path) not in order()] == []


def test_names_are_unique() -> None:
    """Who reads `vma.c` in a comment or in a broken assertion knows which one is meant."""
    names = [path.name for path in sources() if path.suffix == ".c"]
    assert sorted(set(names)) == sorted(names)


def test_a_header_of_one_folder_lies_in_it() -> None:
    folders = order().keys() - {"front"}
    users: dict[str, set[str]] = {path.name: set() for path in PUBLIC.glob("*.h")}
    for folder in (SRC, PUBLIC, NATIVE / "front", NATIVE / "tests", NATIVE / "bench"):
        for path in folder.rglob("*.[ch]"):
            for target in INCLUDE.findall(path.read_text()):
                if target.startswith("vmalab/"):
                    users[target.removeprefix("vmalab/")].add(path.parent.name)
    assert {
        name: where for name, where in users.items() if len(where) == 1 and where < folders
    } == {}


def test_includes_go_down() -> None:
    bad = []
    for path in sources():
        for target in INCLUDE.findall(path.read_text()):
            beside = path.parent / target
            found = PUBLIC / target.removeprefix("vmalab/") if "/" in target else beside
            if not found.exists():
                bad.append(f"{named(path)} includes {target}, which is not there")
            elif order()[layer_of(found)] > order()[layer_of(path)]:
                bad.append(f"{named(path)} includes {named(found)}")
    assert bad == []


@cache
def built() -> dict[str, list[Path]]:
    """Core: its object files, none of them older than its sources."""
    done = objects.compiled()
    if done.returncode:
        pytest.fail(done.stdout[-6000:], pytrace=False)
    return {core: objects.of_core(core) for core in objects.CORES}


@cache
def all_symbols() -> dict[str, tuple[set[str], set[str]]]:
    """Of each object what it defines for others, and what it uses of others."""
    paths = sorted({path for compiled in built().values() for path in compiled})
    done = subprocess.run(["nm", "-A", *paths], stdout=subprocess.PIPE, text=True, check=True)
    found: dict[str, tuple[set[str], set[str]]] = {str(path): (set(), set()) for path in paths}
    for line in done.stdout.splitlines():
        path, _, symbol = line.partition(":")
        kind, name = symbol.split()[-2:]
        if kind in "BDRTVW":
            found[path][0].add(name)
        elif kind == "U":
            found[path][1].add(name)
    return found


def symbols(path: Path) -> tuple[set[str], set[str]]:
    return all_symbols()[str(path)]


def of_the_lab() -> set[str]:
    """What lab.h lets every file of the lab core call: sync points, mutants, ghost state."""
    text = (PUBLIC / "lab.h").read_text()
    return set(re.findall(r"^\w[\w ]* \*?(lab_\w+)\(", text, flags=re.M))


def test_calls_go_down() -> None:
    bad = set()
    edges = 0
    for core, compiled in built().items():
        definer = {symbol: path for path in compiled for symbol in symbols(path)[0]}
        for path in compiled:
            for symbol in symbols(path)[1] & definer.keys():
                there = definer[symbol].parent.name
                edges += 1
                if order()[there] <= order()[path.parent.name]:
                    continue
                if core.endswith(cores.LAB) and there == "lab" and symbol in of_the_lab():
                    continue
                file = f"{definer[symbol].stem}.c"
                bad.add(f"{path.stem}.c ({path.parent.name}) uses {symbol} of {file} ({there})")
    assert sorted(bad) == []
    assert edges > 4000, "nm found almost nothing: is it still right?"


def test_the_lab_is_a_hook_of_the_lab_core_alone() -> None:
    """What lab.h declares is defined in lab/, and nothing of it is in a release core."""
    for core, compiled in built().items():
        defined = {symbol for path in compiled for symbol in symbols(path)[0]}
        here = {s for path in compiled if path.parent.name == "lab" for s in symbols(path)[0]}
        if core.endswith(cores.LAB):
            assert of_the_lab() <= here
        else:
            assert not of_the_lab() & defined
    assert len(of_the_lab()) > 30


def test_every_pointer_that_is_handed_down_is_listed() -> None:
    types = {
        name: path.name
        for path in sources()
        if path.suffix == ".h"
        for name in re.findall(r"^typedef [\w ]+\*?\(\*(\w+)\)", path.read_text(), flags=re.M)
    }
    listed = set(re.findall(r"`(\w+)`", section()))
    assert {name: file for name, file in types.items() if name not in listed} == {}
    assert len(types) >= 7
