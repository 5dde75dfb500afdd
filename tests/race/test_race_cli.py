# SPDX-License-Identifier: Apache-2.0
"""Goal: `vmalab race` as its user meets it: what it prints, writes and answers to nonsense.

Method: the command in a process of its own. A failure shows its output.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest


def race(*arguments: str, code: int = 0) -> str:
    done = subprocess.run(
        [str(Path(sys.executable).with_name("vmalab")), "race", *arguments],
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout if code != 2 else done.stderr


@pytest.fixture(scope="module")
def b2(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("race") / "b2.sched"
    text = race("run", "cve-2025-38554", "--mutant", "B2", "-o", str(path))
    assert "lifetime: the writer of a foreign mm is woken" in text
    return path


def test_list() -> None:
    assert "cve-2025-38554" in race("list")
    rows = json.loads(race("list", "--json"))
    assert len(rows["scenarios"]) >= 25
    assert {"B2", "B18", "B20"} <= {row["name"] for row in rows["mutants"]}
    assert len(rows["points"]) >= 60


def test_replay(b2: Path, tmp_path: Path) -> None:
    assert "5 times, 1 different trace\n" in race("replay", str(b2), "--times", "5")
    row = json.loads(race("replay", str(b2), "--json"))
    assert (row["traces"], row["invariant"]) == (1, "lifetime")
    other = tmp_path / "other.sched"
    other.write_text(b2.read_text().replace("expect lifetime", "expect deadlock"))
    assert "the schedule says deadlock" in race("replay", str(other), code=1)


def test_show(b2: Path, tmp_path: Path) -> None:
    picture, page, trace = (tmp_path / name for name in ("b2.svg", "b2.html", "b2.pftrace"))
    race("show", str(b2), "-o", str(picture), "--perfetto", str(trace))
    root = ElementTree.parse(picture).getroot()
    words = " ".join(text for node in root.iter() if (text := node.text))
    for wanted in ("reader", "recycler", "exiter", "FLAG+2", "foreign_found", "that mm is gone"):
        assert wanted in words
    race("show", str(b2), "-o", str(page))
    assert "<svg" in page.read_text()
    assert "reader foreign_found" in page.read_text()
    assert "a picture is .svg or .html" in race("show", str(b2), "-o", "b2.bmp", code=2)

    from perfetto.protos.perfetto.trace.perfetto_trace_pb2 import Trace

    packets = Trace.FromString(trace.read_bytes()).packet
    names = {packet.track_descriptor.name for packet in packets}
    assert {"reader", "recycler", "exiter", "VMA read lock"} <= names
    steps = [packet for packet in packets if packet.track_event.name.startswith("foreign_found")]
    assert len(steps) == 1


def test_explore() -> None:
    text = race("explore", "reuse-before-lock", "--bound", "1", "--model", "refcount")
    assert "all within the bound" in text
    assert "every invariant held" in text
    row = json.loads(
        race("explore", "reuse-before-lock", "--strategy", "pct", "--schedules", "300", "--json")
    )
    assert row["schedules"] == 300
    assert row["states"] > 300
    assert row["points"] > 30


def test_a_scenario_of_ones_own(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(
        'setup = ["m0 = new", "m0: mmap 0x10000 1 rw"]\n'
        '[actors]\none = ["m0: write 0x10000 1"]\ntwo = ["m0: munmap 0x10000 1"]\n'
    )
    assert "every invariant held" in race("run", str(path))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("run", "nothing"), "scenario 'nothing', there are"),
        (("run", "stackrot", "--mutant", "B99"), "mutant 'B99', there are"),
        (("run", "cve-2025-38554", "--model", "mmap-lock"), "is for refcount"),
        (("run", "cve-2025-38554", "--mutant", "B4"), "B4 means nothing on refcount"),
        (("run", "stackrot", "--strategy", "guess"), "strategy 'guess', there are"),
        (("replay", "/nonexistent.sched"), "No such file"),
        (("all", "--model", "abacus"), "lock model 'abacus'"),
    ],
)
def test_nonsense(arguments: tuple[str, ...], message: str) -> None:
    assert message in race(*arguments, code=2)
