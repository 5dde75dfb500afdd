# SPDX-License-Identifier: Apache-2.0
"""Deaths with nothing half done are recovered without a walk over the segment.

Goal: who dies outside the core, or in a fault that finds its page, costs the others a time that
does not depend on what is mapped; all that it had comes back all the same.
Method: processes that hold leases, magazines, charges of an account and a library lock are killed
where they wait, or in the middle of blocks of faults on present pages. fsck judges what the
recovery leaves. CPU times of recoveries are compared with each other, as a ratio.
Failure: a line of fsck names what did not come back; `walked` says which recovery it was.
"""

import mmap
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from patience import HANG_S
from vmalab import pack
from vmalab_native.core import Participant, Segment, SegmentConfig

AREA = 0x2000_0000_0000
FIXED = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | 0x10
POPULATE = 0x8000
HANG_NS = int(HANG_S * 1e9)
VICTIM = Path(__file__).with_name("victim.py")


@pytest.fixture
def segment() -> Iterator[Segment]:
    config = SegmentConfig(
        size_bytes=1 << 28, frames_max=1 << 17, participants_max=16, frames_per_mm_max=1 << 17
    )
    with Segment.create(f"small-{uuid4().hex[:8]}", config) as made:
        try:
            yield made
        finally:
            made.unlink()


def killed(segment: Segment, what: str) -> None:
    """A victim that is killed once it does what it is to do."""
    command = [sys.executable, str(VICTIM), segment.instance, what]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as victim:
        assert victim.stdout is not None
        assert victim.stdout.readline() == "ready\n"
        os.kill(victim.pid, signal.SIGKILL)


def in_core(segment: Segment) -> bool:
    return any(not one.alive and one.in_core for one in segment.participants())


def populate(me: Participant, mib: int) -> None:
    mm = me.mm_create()
    me.run(pack.mmap(mm, AREA, mib << 20, 3, FIXED | POPULATE, 0, 0, 0))


def recovered_cpu_ns(me: Participant) -> int:
    """The least of some recoveries, each of a death outside."""
    times = []
    for _ in range(5):
        killed(me.segment, "waits")
        begin = time.thread_time_ns()
        report = me.recover()
        times.append(time.thread_time_ns() - begin)
        assert report.dead
        assert not report.walked
        me.mm_reap()
    return min(times)


def test_all_that_it_had_comes_back(segment: Segment) -> None:
    with segment.participant("supervisor") as me:
        frames = segment.info().frames_in_use
        for _ in range(3):
            killed(segment, "waits")
            report = me.recover()
            assert report.dead
            assert not report.walked
            assert me.fsck() == []
            assert me.mm_reap() == 1, "the lease of the dead one is gone"
            assert me.user_down(0, place=0, write=True, timeout_ns=HANG_NS), "so is its lock"
            me.user_up(0, place=0, write=True)
        for _ in range(4):
            me.mm_reap()  # ends a grace period each
        assert segment.info().frames_in_use == frames
        assert me.fsck() == []


def test_a_fault_on_a_present_page_leaves_nothing(segment: Segment) -> None:
    inside = 0
    with segment.participant("supervisor") as me:
        for _ in range(60):
            killed(segment, "faults")
            inside += in_core(segment)
            report = me.recover()
            assert report.dead
            assert not report.walked
            assert me.fsck() == []
            me.mm_reap()
            if inside >= 3:
                break
    assert inside >= 1, "no victim was in the core"


def test_other_deaths_are_walked(segment: Segment) -> None:
    walked = 0
    with segment.participant("supervisor") as me:
        for _ in range(60):
            killed(segment, "changes")
            inside = in_core(segment)
            report = me.recover()
            assert report.walked == inside
            assert me.fsck() == []
            me.mm_reap()
            walked += inside
            if walked >= 8:
                return
    assert walked, "no victim was in the core"


def test_the_time_does_not_depend_on_what_is_mapped(segment: Segment) -> None:
    with segment.participant("supervisor") as me:
        little = recovered_cpu_ns(me)
        populate(me, 256)
        much = recovered_cpu_ns(me)
        begin = time.thread_time_ns()
        assert me.fsck() == []
        walk = time.thread_time_ns() - begin
    assert much < 4 * little + walk / 4, f"{little} ns, {much} ns with 256 MiB; a walk: {walk} ns"
