# SPDX-License-Identifier: Apache-2.0
"""SIGKILL of attached processes at random instants under load.

Goal: what a killed process held is released, what it had in hand is given back, the others go on.
Method: real processes run random operations in two shared mms; one is killed after a random time,
recovery runs as the supervisor would run it, every invariant is walked, and another takes its
place. At the end all mms are gone and every object, page and frame must be back.
Failure: the walker's lines name what is wrong; the seed and the round are in the message. Run again
with VMALAB_SEED=N.
"""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from uuid import uuid4

import pytest

from patience import HANG_S
from vmalab import pack
from vmalab_native.core import Participant, Segment, SegmentConfig, lock_models

SEED = int(os.environ.get("VMALAB_SEED", "0")) or random.SystemRandom().randrange(1, 2**32)
ROUNDS = int(os.environ.get("VMALAB_KILLS", "50"))
NOP = pack.nop()
BUSY = Path(__file__).with_name("busy.py")


def start(instance: str, seed: int, mms: list[int]) -> subprocess.Popen[str]:
    command = [sys.executable, str(BUSY), instance, str(seed), *map(str, mms)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


def kill(process: subprocess.Popen[str]) -> None:
    died_alone = process.poll()
    if died_alone is None:
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    assert process.stdout is not None
    process.stdout.close()
    assert died_alone is None, f"pid {process.pid} ended by itself with {died_alone}"


def operations(me: Participant) -> int:
    stats = me.vmstat()
    return stats["pgfault"] + stats["mmap"] + stats["munmap"]


def recover(me: Participant, where: str) -> None:
    for _ in range(20):
        report = me.recover()
        complaints = me.fsck()
        if not any("is dead" in line for line in complaints):
            break
    assert complaints == [], f"{where}: {complaints[:10]} after {report}"


def in_use(me: Participant) -> dict[str, int]:
    """Objects that nobody gave back, when all grace periods are over."""
    left: dict[str, int] = {}
    for _ in range(20):
        me.synchronize_rcu()
        me.run(NOP)  # frees what is ripe
        left = {s.name: s.active_objs for s in me.slabinfo() if s.name != "maple_node"}
        if not any(left.values()):
            break
    return {name: count for name, count in left.items() if count}


SHORT = [("refcount", min(ROUNDS, 20))]
"""`vmalab crash` kills in all of them, and several at once."""


@pytest.mark.parametrize(
    ("model", "rounds"),
    [*SHORT, *(pytest.param(model, ROUNDS, marks=pytest.mark.long) for model in lock_models())],
)
def test_kill_attached_processes_under_load(
    model: str, rounds: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VMALAB_MODEL", model)
    print(f"seed {SEED}")
    rng = random.Random(SEED)
    instance = f"k-{uuid4().hex[:10]}"
    with Segment.create(
        instance, SegmentConfig(size_bytes=128 << 20, frames_max=1 << 16)
    ) as segment:
        workers: list[subprocess.Popen[str]] = []
        try:
            with segment.participant("supervisor") as me:
                mms = [me.mm_create(), me.mm_create()]
                workers = [start(instance, SEED + i, mms) for i in range(3)]
                for turn in range(rounds):
                    where = f"seed {SEED} round {turn}"
                    time.sleep(rng.random() * 0.06)
                    victim = rng.randrange(len(workers))
                    kill(workers[victim])
                    recover(me, where)
                    before = operations(me)
                    deadline = time.monotonic() + HANG_S
                    while operations(me) == before:
                        assert time.monotonic() < deadline, f"{where}: the others stand still"
                        time.sleep(0.002)
                    workers[victim] = start(instance, SEED + 100 + turn, mms)
                for worker in workers:
                    kill(worker)
                workers = []
                recover(me, f"seed {SEED} end")
                for mm in mms:
                    me.mm_put(mm)
                me.mm_reap()
                assert me.mm_list() == []
                assert me.fsck() == []
                assert in_use(me) == {}
        finally:
            segment.unlink()
            for worker in workers:
                if worker.poll() is None:
                    worker.kill()
                worker.wait()
