# SPDX-License-Identifier: Apache-2.0
"""Goal: a load runs in every mode, finds no wrong answer, leaves nothing behind, and says how fast
it was.

Method: short loads with everything in the mix; --check walks the segment and looks for leaks.
"""

from __future__ import annotations

import json
import re
import socket
import time
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from models import FAULT_COUNTER
from servers import vmalab
from vmalab_cli import app
from vmalab_drive.remote import CALL_TIMEOUT_S

ALL = (
    "fault=70,mmap=5,munmap=5,mprotect=4,madvise=4,mremap=3,mincore=3,brk=1,fork=0.2,exit=0.2,"
    "uffd_move=1"
)


def load(*options: str, code: int = 0) -> dict[str, Any]:
    done = vmalab("load", "--json", "--check", "--seed", "7", *options)
    assert done.returncode == code, f"{done.stderr}\n{done.stdout[:3000]}"
    assert "seed 7" in done.stderr
    data: dict[str, Any] = json.loads(done.stdout)
    return data


@pytest.mark.parametrize("mode", ["attach", "batch", "unary"])
@pytest.mark.parametrize("spaces", [("--shared-mm", "2"), ("--own-mm",)])
def test_modes(mode: str, spaces: tuple[str, ...]) -> None:
    ops = "800" if mode == "unary" else "20000"
    data = load("--mode", mode, "--mix", ALL, "--ops", ops, "--vmas", "200", *spaces)
    assert data["wrong"] == 0, data["wrong_first"]
    assert data["problems"] == []
    assert data["leaks"] == {}
    assert data["ops"] == sum(data["ops_by_kind"].values()) > 200
    assert data["faults_per_s"] > 0
    assert data["locks"][FAULT_COUNTER] > 0
    assert data["vma_objects_allocated"] > 0
    assert 0 < data["latency_us"]["p50"] <= data["latency_us"]["p99"] <= data["latency_us"]["max"]
    wanted = {"fault", "mmap", "munmap", "mprotect", "madvise"}
    assert wanted <= set(data["ops_by_kind"])


def test_open_loop_keeps_its_rate() -> None:
    data = load("--mode", "batch", "--rate", "5000", "--block-ops", "100", "--duration", "3")
    assert 3500 <= data["ops_per_s"] <= 6500
    assert data["latency_us"]["p50"] >= data["latency_raw_us"]["p50"] * 0.9


def test_table() -> None:
    done = vmalab("load", "--mode", "attach", "--duration", "1")
    assert done.returncode == 0, done.stderr
    seed = re.findall(r"^seed (\d+)$", done.stderr, re.MULTILINE)
    assert len(seed) == 1
    for word in ("vma_lock_success", "operations", "corrected", seed[0]):
        assert word in done.stdout


@pytest.mark.parametrize(
    "options",
    [
        ("--mix", "jump=1"),
        ("--mode", "telepathy"),
        ("--duration", "0"),
        ("--processes", "0"),
        ("--duration", "soon"),
        ("--rate", "fast"),
        ("--rate", "100", "--stages", "1s:5"),
        ("--stages", "1s"),
        ("--arrival", "late"),
        ("--arrival", "poisson"),
        ("--interval", "1ms"),
        ("--interval", "50ms", "--duration", "2h"),
        ("--concurrency", "9", "--rate", "5"),
        ("--concurrency", "9", "--mode", "attach", "--processes", "2"),
        ("--threshold", "p99"),
        ("--csv", "/no/such/folder/a.csv"),
        ("--hdr", "/"),
        ("--own-mm", "--shared-mm", "1"),
        ("--workload", "sleep"),
        ("--workload", "mmap1", "--mix", "fault=1"),
        ("--workload", "brk1", "--shared-mm", "1"),
        ("--burst", "5", "--rate", "9"),
        ("--window", "2", "--mode", "attach"),
        ("--window", "2", "--mode", "batch", "--concurrency", "9"),
        ("--sample", "2", "--mode", "attach", "--rate", "9"),
        ("--rate-may-miss",),
        ("--vmas", "50", "--workload", "mmap1"),
        ("--pattern", "zipf:1", "--workload", "mmap1"),
        ("--pattern", "zipf"),
        ("--pattern", "sequential:1"),
        ("--vma-pattern", "working-set:90"),
        ("--map-pages", "0"),
        ("--map-pages", "64", "--vmas", "65536"),
        ("--fork-tree", "3"),
        ("--fork-tree", "9x1"),
        ("--fork-tree", "3x9"),
        ("--fork-tree", "3x3", "--vmas", "2000"),
        ("--churn", "often"),
        ("--churn", "1", "--workload", "smaps-reader", "--processes", "2"),
    ],
)
def test_usage(options: tuple[str, ...]) -> None:
    """In this process, because each is refused before there is anything to start."""
    done = CliRunner().invoke(app.app, ["load", *options])
    assert done.exit_code == 2, done.output
    assert options[0].removeprefix("--") in done.output


def test_a_file_that_cannot_be_written_costs_nothing_else(tmp_path: Path) -> None:
    """The disk is full for the first file: the other one and the report are there."""
    log = tmp_path / "load.hdr"
    options = ("--mode", "attach", "--processes", "1", "--ops", "100")
    done = vmalab("load", *options, "--csv", "/dev/full", "--hdr", str(log))
    assert done.returncode == 1
    assert "vmalab: /dev/full: No space left on device" in done.stderr
    assert "wrong answers" in done.stdout
    assert log.stat().st_size


def test_nobody_answers() -> None:
    done = vmalab("load", "--mode", "attach", "--instance", "no-such-instance")
    assert done.returncode == 2
    assert len(done.stderr.strip().splitlines()) <= 2


def test_a_target_where_nobody_listens_is_named_soon() -> None:
    """A refused connection ends the command before a call would time out."""
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{nobody.getsockname()[1]}"
        begun = time.monotonic()
        done = vmalab("load", "--target", address, "--duration", "1")
        took_s = time.monotonic() - begun
    assert done.returncode == 2
    assert f"no server answers at {address} (Connection refused): start one with" in done.stderr
    assert took_s < CALL_TIMEOUT_S
