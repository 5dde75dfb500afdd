# SPDX-License-Identifier: Apache-2.0
"""Goal: a load says what went wrong while it ran: a server that stood still, a rate that cannot be
reached, processes that were killed, an end before its time.

Method: real servers and clients are stopped and killed; the report is compared with what was done
to them.
"""

from __future__ import annotations

import dataclasses
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from patience import HANG_S
from servers import VMALAB, wait_for
from vmalab_drive import instances, spawning
from vmalab_drive.drivers import Target
from vmalab_loadgen import load
from vmalab_loadgen.config import LoadConfig
from vmalab_loadgen.histogram import LOWEST, Counts
from vmalab_loadgen.mix import Mix
from vmalab_loadgen.result import LoadResult
from vmalab_loadgen.series import Series
from vmalab_server.embedded import EmbeddedServer

spawning.context()  # its tracker is there before the first test, and stays

STALL_S = 1.0
CONFIG = LoadConfig(
    processes=1, mix=Mix.parse("fault=90,mmap=5,munmap=5"), vmas=50, seed=11, seconds=3.0
)


def changed(**how: object) -> LoadConfig:
    return dataclasses.replace(CONFIG, **how)  # type: ignore[arg-type]


def once(condition: Callable[[Series], bool], action: Callable[[], None]) -> load.Progress:
    """Something that is done when the load has come so far, in a thread of its own."""
    begun: list[threading.Thread] = []

    def progress(seconds: float, series: Series) -> None:
        if not begun and condition(series):
            begun.append(threading.Thread(target=action))
            begun[0].start()

    return progress


def children(pid: int) -> list[int]:
    """The processes of a load, which are spawned: not the tracker of multiprocessing."""
    found = []
    for folder in Path("/proc").iterdir():
        if not folder.name.isdigit():
            continue
        try:
            fields = (folder / "stat").read_text().rpartition(")")[2].split()
            command = (folder / "cmdline").read_text()
        except OSError:
            continue
        if int(fields[1]) == pid and "spawn_main" in command:
            found.append(int(folder.name))
    return found


@pytest.mark.parametrize(
    ("mode", "unit", "seconds"),
    [
        ("unary", 1, 2.5),
        ("batch", 5, 2.5),
        pytest.param("unary", 1, 10.0, marks=pytest.mark.long),
    ],
)
def test_a_server_that_stands_still(mode: str, unit: int, seconds: float) -> None:
    """Corrected latency has each operation that was due in the stall, raw latency only those that
    were under way."""
    with EmbeddedServer(workers=1) as server:

        def stop() -> None:
            os.kill(server.worker_pids[0], signal.SIGSTOP)
            time.sleep(STALL_S)
            os.kill(server.worker_pids[0], signal.SIGCONT)

        progress = once(lambda series: series.ops.total() > 0, stop)
        config = changed(
            mode=mode, rate=100.0, seconds=seconds, rate_may_miss=True, block_ops=unit, window=1,
            interval_s=0.5,
        )  # fmt: skip
        result = load.run(config, Target(address=server.target), progress)
    assert result.wrong == 0
    slow = int(STALL_S * 1e9 * 0.7)
    late, plain = result.series.corrected_all, result.series.raw_all
    assert _slower(plain.counts, slow) <= 2 * unit, "what was under way, or came into the stall"
    assert _slower(late.counts, slow) >= 20, "those that were due in its first part"
    assert late.max_ns >= slow


def _slower(counts: Counts, limit_ns: int) -> int:
    return int(counts[limit_ns <= LOWEST].sum())


def test_a_rate_that_cannot_be_reached() -> None:
    with instances.instance_for(mode="attach") as target:
        config = changed(mode="attach", rate=50e6, seconds=0.3)
        result = load.run(config, target)
        allowed = load.run(dataclasses.replace(config, rate_may_miss=True), target)
    assert not result.reached
    assert not result.good
    assert allowed.good
    assert not allowed.reached
    assert result.achieved is not None
    assert result.achieved < 0.9
    done, due = result.total, result.asked
    assert due == pytest.approx(15e6)
    assert done + result.dropped == pytest.approx(due, rel=0.01)
    assert result.client_bound


def test_a_client_that_is_killed() -> None:
    """It is named, and what it did until its last interval counts; the other one goes on."""
    with instances.instance_for(mode="attach") as target:

        def kill() -> None:
            os.kill(children(os.getpid())[0], signal.SIGKILL)

        progress = once(lambda series: len(series.intervals) > 1, kill)
        config = changed(mode="attach", processes=2, seconds=1.5, interval_s=0.2, shared_mms=0)
        result = load.run(config, target, progress)
    assert [one for one in result.lost if "was killed by SIGKILL" in one] == result.lost
    assert len(result.lost) == 1
    assert not result.good
    assert result.wrong == 0
    assert max(result.series.intervals) >= 6
    assert result.total > 0


def test_a_server_that_is_killed() -> None:
    """Each caller ends with what has no answer; there is a report."""
    with EmbeddedServer(workers=1) as server:
        progress = once(
            lambda series: series.ops.total() > 0, lambda: os.kill(server.pid, signal.SIGKILL)
        )
        config = changed(mode="batch", seconds=600.0, interval_s=0.2)
        result = load.run(config, Target(address=server.target), progress)
    assert any("of its operations have no answer" in one for one in result.lost)
    assert any("the instance did not answer at the end" in one for one in result.lost)
    assert not result.good
    assert result.total > 0


@pytest.mark.parametrize(
    "number", [signal.SIGINT, pytest.param(signal.SIGTERM, marks=pytest.mark.long)]
)
def test_an_end_before_its_time(number: signal.Signals) -> None:
    """A full report, no traceback, and the exit code of the signal."""
    process = subprocess.Popen(
        [*VMALAB, "load", "--mode", "attach", "--processes", "1", "--duration", "600s",
         "--interval", "200ms"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )  # fmt: skip
    assert process.stderr is not None
    while "operations/s" not in (line := process.stderr.readline()):
        assert line, "it ended by itself"
    os.killpg(process.pid, number)
    out, err = process.communicate(timeout=HANG_S)
    assert process.returncode == 128 + number, err
    assert "Traceback" not in err
    assert f"The load was ended by {number.name}" in err
    for word in ("operations", "wrong answers", "vma_lock_success", "corrected"):
        assert word in out
    wait_for("its processes are gone", lambda: not children(process.pid))


def test_an_end_before_the_begin() -> None:
    """There is no report, and that is said."""
    process = subprocess.Popen(
        [*VMALAB, "load", "--mode", "attach", "--processes", "16", "--duration", "600s"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    wait_for(
        "it has made its segment",
        lambda: any(Path("/dev/shm").glob(f"vmalab.loadgen-{process.pid}-*")),
    )
    process.send_signal(signal.SIGTERM)
    out, err = process.communicate(timeout=HANG_S)
    assert process.returncode == 128 + signal.SIGTERM, err
    assert "SIGTERM ended the load before it began: there is no report" in err
    assert "Traceback" not in err
    assert out == ""
    assert not any(Path("/dev/shm").glob(f"vmalab.loadgen-{process.pid}-*"))


def test_results_of_a_share_of_operations() -> None:
    """--ops: so many operations, of all callers together, and no time."""
    with instances.instance_for(mode="attach") as target:
        config = changed(mode="attach", processes=2, ops=5001, seconds=float("inf"))
        result: LoadResult = load.run(config, target)
    assert 5001 <= result.total <= 5005
    assert result.good
