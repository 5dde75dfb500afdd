# SPDX-License-Identifier: Apache-2.0
"""fsck in slices: what it finds, and that nobody waits long for it.

Goal: fsck(stop=False) has nothing to say of a segment at work, names what is wrong with a part, and
keeps the others waiting for slices, not for the whole walk.
Method: processes change address spaces all the time while slices are walked. Large address spaces
that nobody changes lie between those, so that the world runs before each of them is looked at. A
death that nobody has recovered is named. Slices are counted as stops of the world, whose number
grows with what is mapped.
Failure: a complaint of an intact segment is a judgement across two slices.
"""

import mmap
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from uuid import uuid4

from vmalab import pack
from vmalab_native.core import FSCK_NEEDS_STOP, Segment, SegmentConfig

AREA = 0x2000_0000_0000
FIXED = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | 0x10
POPULATE = 0x8000
BUSY = Path(__file__).with_name("busy.py")
ROUNDS = 60
STILL = 384 << 20
"""Bytes that take a slice or more."""


def start(instance: str, seed: int, mms: list[int]) -> subprocess.Popen[str]:
    command = [sys.executable, str(BUSY), instance, str(seed), *map(str, mms)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


def end(process: subprocess.Popen[str]) -> None:
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert process.stdout is not None
    process.stdout.close()


def in_segment(use: Callable[[Segment], None]) -> None:
    config = SegmentConfig(size_bytes=1 << 28, frames_max=1 << 19, participants_max=16)
    with Segment.create(f"slices-{uuid4().hex[:8]}", config) as segment:
        try:
            use(segment)
        finally:
            segment.unlink()


def test_a_segment_at_work_is_intact() -> None:
    def use(segment: Segment) -> None:
        with segment.participant("supervisor") as me:
            mms = []
            for _ in range(2):
                still = me.mm_create()
                me.run(pack.mmap(still, AREA, STILL, 3, FIXED | POPULATE, 0, 0, 0))
                mms.append(me.mm_create())
            before = me.vmstat()["world_stops"]
            busy = [start(segment.instance, seed, mms) for seed in range(2)]
            try:
                for _ in range(ROUNDS):
                    assert me.fsck(stop=False) == []
                slices = me.vmstat()["world_stops"] - before
                assert slices >= 2 * ROUNDS, f"{slices} slices: nothing moves between"
            finally:
                for process in busy:
                    end(process)
            assert any("is dead" in line for line in me.fsck(stop=False))
            me.recover()
            assert me.fsck(stop=False) == []
            assert me.fsck() == []

    in_segment(use)


def test_slices_grow_in_number_not_in_length() -> None:
    """A walk of 1 GiB takes more stops than one of 0 MiB."""

    def use(segment: Segment) -> None:
        with segment.participant("supervisor") as me:

            def stops(*, stop: bool) -> int:
                before = me.vmstat()["world_stops"]
                assert me.fsck(stop=stop) == []
                return me.vmstat()["world_stops"] - before

            empty = stops(stop=False)
            mm = me.mm_create()
            me.run(pack.mmap(mm, AREA, 1 << 30, 3, FIXED | POPULATE, 0, 0, 0))
            full = stops(stop=False)
            assert full > empty, f"{empty} stops without memory, {full} with 1 GiB"
            assert stops(stop=True) == 1

    in_segment(use)


def test_what_slices_leave_out_is_named() -> None:
    assert any("reference counts" in line for line in FSCK_NEEDS_STOP)
    assert any("allocated" in line for line in FSCK_NEEDS_STOP)
