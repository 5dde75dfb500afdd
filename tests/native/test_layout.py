# SPDX-License-Identifier: Apache-2.0
"""`vmalab layout` against pahole.

Goal: what the core says about its structs is what the compiler made of them: every member with its
offset and size, every hole, every struct's size, in each lock model and each layout.

Method: pahole reads the debug information of the built core. Members of no size, which only mark a
place, are left out on both sides; what follows the last real member is padding here, also where
pahole sees a hole before such a mark. Without pahole (Debian: dwarves) there is nothing to compare
with, and the test is skipped.

A failure names core, struct and member: left what `vmalab layout` says, right what pahole says.
Usual causes are a member that native/src/surface/layout.c does not name, or a core built from
other sources (make native).
"""

import dataclasses
import re
import shutil
import subprocess
from functools import cache
from pathlib import Path

import pytest

from patience import HANG_S
from vmalab_cli import structs
from vmalab_native import cores
from vmalab_native.core import layout, lock_models

STRUCTS = (
    *("vm_area_struct", "mm_struct", "rw_semaphore", "participant_slot", "participant_area"),
    *("page_desc", "kmem_cache", "frame", "file", "anon_vma", "anon_vma_chain", "anon_vma_name"),
    *("vma_numab_state", "magazine", "retired", "seg_header", "event_ring", "vl_event"),
)
SEED = 20260
SHORT = ("unaligned", "pair", f"random:{SEED}")
"""Each of the others is one more core to build: the long run has them."""
CORES = [(model, "aligned") for model in lock_models()] + [
    pytest.param("typesafe-rwsem", name, marks=() if name in SHORT else pytest.mark.long)
    for name in (name.replace("SEED", str(SEED)) for name in cores.layouts("typesafe-rwsem"))
    if name != "aligned"
]
FILE = Path(__file__).parent / "layout_of_a_test.toml"
CORES.append(pytest.param("typesafe-rwsem", str(FILE), id="typesafe-rwsem-file"))
MEMBER = re.compile(
    r"\t[\w ]+?\s+(?P<name>\w+)(?:\[\d*\])*(?: __attribute__\(\(.*?\)\))?;"
    r"\s*/\*\s*(?P<offset>\d+)\s+(?P<size>\d+) \*/"
)
HOLE = re.compile(r"\t/\* XXX (\d+) bytes hole")

pytestmark = pytest.mark.skipif(
    not shutil.which("pahole"), reason="pahole is not installed (apt-get install dwarves)"
)


@cache
def pahole(model: str, layout_name: str) -> dict[str, str]:
    """What pahole prints of each struct of a core."""
    core = cores.file_of(model, cores.named(layout_name))
    done = subprocess.run(
        ["pahole", "-C", ",".join(STRUCTS), str(core)],
        capture_output=True,
        text=True,
        timeout=HANG_S,
        check=True,
    )
    found: dict[str, str] = {}
    for text in re.findall(r"^struct \w+ \{.*?^\}.*?;", done.stdout, re.M | re.S):
        found.setdefault(text.split()[1], text)
    return found


def parsed(text: str) -> tuple[list[tuple[str, int, int]], list[tuple[int, int]], int]:
    """(name, offset, size) of each member that has a size, (offset, bytes) of each hole, and how
    many bytes follow the last such member."""
    members: list[tuple[str, int, int]] = []
    holes: list[tuple[int, int]] = []
    end = 0
    for line in text.splitlines()[1:-1]:
        member, hole = MEMBER.match(line), HOLE.match(line)
        if hole:
            holes.append((end, int(hole[1])))
        elif member and int(member["size"]):
            end = int(member["offset"]) + int(member["size"])
            members.append((member["name"], int(member["offset"]), int(member["size"])))
        elif not member:
            assert not line or line.startswith("\t/*"), f"cannot read {line!r}"
    if holes and holes[-1][0] == end:
        holes.pop()  # before a mark at the very end
    return members, holes, number(text, "size") - end


def number(text: str, name: str) -> int:
    """One of the numbers of the trailer, 0 if it is not there."""
    found = re.search(rf"\b{name}: (\d+)", text)
    return int(found[1]) if found else 0


@pytest.mark.parametrize(("model", "layout_name"), CORES)
def test_layout_is_what_pahole_says(model: str, layout_name: str) -> None:
    ours = {info.name: info for info in layout(model, layout_name)}  # builds the core
    theirs = pahole(model, layout_name)
    assert set(theirs) == set(STRUCTS)
    for name in STRUCTS:
        members, holes, padding = parsed(theirs[name])
        facts = structs.facts(dataclasses.asdict(ours[name]))
        where = f"{model} {layout_name}, struct {name}"
        found = [(field["name"], field["offset"], field["size"]) for field in facts["fields"]]
        assert found == members, where
        assert facts["size"] == number(theirs[name], "size"), where
        assert facts["cachelines"] == number(theirs[name], "cachelines"), where
        assert [(hole["offset"], hole["bytes"]) for hole in facts["holes"]] == holes, where
        assert facts["padding"] == padding, where


@pytest.mark.parametrize("layout_name", [pytest.param("padded", marks=pytest.mark.long), "pair"])
def test_a_mark_at_the_end_is_padding(layout_name: str) -> None:
    """pahole counts it as a hole: the two views differ by that alone."""
    (vma,) = [info for info in layout("typesafe-rwsem", layout_name) if info.name == STRUCTS[0]]
    text = pahole("typesafe-rwsem", layout_name)["vm_area_struct"]
    facts = structs.facts(dataclasses.asdict(vma))
    assert facts["sum_holes"] + facts["padding"] == number(text, "sum holes")
    assert facts["sum_members"] == number(text, "sum members")
