# SPDX-License-Identifier: Apache-2.0
"""Goal: a release core contains nothing of the lab.

Method: three looks at the built cores. Symbols and strings: none of the lab's. Machine code: the
hot functions are compiled once more with a lab.h that is another text (sizes that nobody asks for),
and must be the same, instruction by instruction. And each kind of core refuses the other's
segments. The lab core, looked at in the same way, must fail each of these looks, or they see
nothing.
"""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

from vmalab_native import cores, lab
from vmalab_native.core import Segment, SegmentConfig
from vmalab_native.loaded import fingerprint

NATIVE = Path(__file__).resolve().parents[2] / "native"
MODELS = ("typesafe-rwsem", "refcount")
FILES = ("op_fault", "op_fault_fast", "op_munmap", "op_mmap", "block", "vma", "mm")
EMPTY = """
#ifndef VMALAB_LAB_H
#define VMALAB_LAB_H
#include "vmalab/base.h"
#define lab_nothing() ((void)sizeof(char))
#define STEP(...) lab_nothing()
#define MUTANT(name) false
#define VARIANT(name) false
#define MUTATE(name, statement) lab_nothing()
#define INTACT(name, statement) do { statement; } while (0)
#define GHOST(event) lab_nothing()
#define LAB(...)
#define lab_is_actor() false
#define lab_futex_wait(word, expected) 0
#define lab_futex_wake(word, count) 0
#define lab_clock_ns() 0ul
#define lab_yield() lab_nothing()
#define lab_assert_failed(file, line, of) lab_nothing()
#define lab_fails(cache) false
#define lab_object_take(cache) 0u
#define lab_object_give(cache, ref) false
#define lab_enter(self) lab_nothing()
#endif
"""


def tool(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def symbols(core: Path) -> set[str]:
    return {line.split()[-1] for line in tool("nm", str(core)).splitlines() if line.strip()}


def of_the_lab(core: Path) -> list[str]:
    """What of the lab a core has: symbols, and texts of points and mutants."""
    found = [name for name in symbols(core) if re.match(r"(vl_)?lab_", name)]
    data = core.read_bytes()
    texts = [one.text for one in (*lab.POINTS, *lab.MUTANTS, *lab.VARIANTS)]
    names = [one.name for one in lab.POINTS if "_" in one.name]
    return (
        found
        + [text for text in texts if text.encode() in data]
        + [name for name in names if b"SP_" + name.encode() in data]
    )


def code(source: Path, model: str, out: Path, *flags: str) -> dict[str, str]:
    """Instructions of each function of a source, without addresses."""
    upper = model.upper().replace("-", "_")
    subprocess.run(
        ["gcc", "-std=gnu11", "-O3", "-fPIC", "-fvisibility=hidden", "-fno-strict-aliasing",
         "-fno-math-errno", "-UNDEBUG", "-D_GNU_SOURCE=", f"-DVL_MODEL_{upper}",
         '-DLAYOUT_NAME="aligned"', "-DVL_LAYOUT_ALIGNED",
         *flags, f"-I{NATIVE}/include", "-c", str(source), "-o", str(out)],
        check=True,
    )  # fmt: skip
    functions: dict[str, list[str]] = {}
    name = ""
    for line in tool("objdump", "-d", "--no-show-raw-insn", str(out)).splitlines():
        head = re.match(r"[0-9a-f]+ <(.+)>:", line)
        if head:
            name = head[1]
            functions[name] = []
        elif name and ":\t" in line:
            functions[name].append(re.sub(r"\b[0-9a-f]{2,}\b(?= <)", "", line.split("\t", 1)[1]))
    return {one: "\n".join(lines) for one, lines in functions.items()}


@pytest.mark.parametrize("model", MODELS)
def test_no_symbol_and_no_text(model: str) -> None:
    assert of_the_lab(cores.file_of(model, "aligned")) == []
    cores.ensure(model, "aligned-lab")
    seen = of_the_lab(cores.file_of(model, "aligned-lab"))
    assert "lab_sync" in seen
    assert len(seen) > 20


@pytest.mark.parametrize("model", MODELS)
def test_the_same_machine_code(model: str, tmp_path: Path) -> None:
    empty = tmp_path / "vmalab"
    empty.mkdir()
    (empty / "lab.h").write_text(EMPTY)
    differ: dict[str, list[str]] = {}
    hot = 0
    for file in FILES:
        [source] = NATIVE.glob(f"src/*/{file}.c")
        release = code(source, model, tmp_path / "release.o")
        without = code(source, model, tmp_path / "without.o", f"-I{tmp_path}")
        assert release.keys() == without.keys()
        differ[file] = [name for name in release if release[name] != without[name]]
        hot += len(release)
    assert differ == {file: [] for file in FILES}
    assert hot > 60
    source = NATIVE / "src" / "fault" / "op_fault_fast.c"
    with_lab = code(source, model, tmp_path / "lab.o", "-DVL_LAB")
    assert with_lab["op_fault"] != code(source, model, tmp_path / "release.o")["op_fault"]


def test_each_refuses_the_segments_of_the_other() -> None:
    """A segment names its core, so it is never taken by the other: another fingerprint."""
    cores.ensure("refcount", "aligned-lab")
    assert fingerprint("refcount", "aligned") != fingerprint("refcount", "aligned-lab")
    config = SegmentConfig(
        model="refcount",
        layout="aligned-lab",
        size_bytes=48 << 20,
        participants_max=4,
        mms_max=8,
        frames_max=512,
        files_max=4,
    )
    name = f"labseg-{os.getpid()}-1"
    with Segment.create(name, config) as made:
        try:
            with Segment.attach(name) as taken:
                assert taken.config.layout == "aligned-lab"
        finally:
            made.unlink()
