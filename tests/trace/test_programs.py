# SPDX-License-Identifier: Apache-2.0
"""Goal: whole real programs of different runtimes, from exec to exit, are replayed without a
difference.

Method: the recorded runs of tests/traces are replayed and every answer, fault and snapshot is
compared with the kernel's; the counts must be those of the table in tests/traces/README.md, so that
nothing is compared less than before. The long test records the programs anew on this machine. A
failure shows line, call, expected and got of the first differences.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import programs
from servers import vmalab
from vmalab_trace.record import RecordConfig, record


def figures() -> dict[str, list[int]]:
    """The rows of the table: calls, faults, snapshots, threads, address spaces."""
    text = (programs.TRACES / "README.md").read_text()
    rows = [line.strip("| ").split(" | ") for line in text.splitlines() if line.startswith("| `")]
    return {row[0].strip("`"): [int(word) for word in row[1:6]] for row in rows}


def test_every_program_has_a_trace() -> None:
    assert set(figures()) == set(programs.TOOLS)
    files = [one for one in programs.TRACES.rglob("*") if one.is_file()]
    assert sum(one.stat().st_size for one in files) < 6 << 20


@pytest.mark.parametrize("name", sorted(programs.TOOLS))
def test_recorded(name: str) -> None:
    read, result = programs.play(programs.TRACES / name)
    assert result.good, result.first_disagreements
    assert read.expect, "its counts are not committed: vmalab replay --keep-counts"
    assert result.agree == result.ops
    threads = len({step.tid for step in read.steps})
    found = [result.ops, result.faults_checked, result.maps_checked, threads, read.slots]
    assert found == figures()[name]


def test_from_four_processes() -> None:
    trace = str(programs.TRACES / "java")
    options = ("--mode", "attach", "--processes", "4", "--orders", "0", "--json")
    done = vmalab("replay", trace, *options)
    assert done.returncode == 0, done.stdout + done.stderr
    assert json.loads(done.stdout)["ops"] == figures()["java"][0]


@pytest.mark.long
@pytest.mark.parametrize("name", sorted(programs.TOOLS.keys() - set(programs.EDGES)))
def test_recorded_here(name: str, tmp_path: Path) -> None:
    command = programs.prepare(name, tmp_path / "program")
    root = tmp_path / "trace"
    meta = record(command, root, RecordConfig())
    assert meta.exit_status == 0
    assert meta.faults_lost == 0
    _, result = programs.play(root)
    assert result.good, result.first_disagreements
    assert not result.unsupported
