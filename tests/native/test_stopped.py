# SPDX-License-Identifier: Apache-2.0
"""A process that is stopped in the core, and a death that must be recovered meanwhile.

Goal: the recovery cannot have its standstill, says which process is in its way, and the others go
on all the same. When that process continues, the next recovery succeeds.
Method: one process is stopped by SIGSTOP in the middle of a block, another one is killed in the
middle of one. A thread runs blocks of its own: what it completes in a second of the recovery is
compared with what it completes in a second without.
Failure: the two rates.
"""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from patience import HANG_S
from vmalab import pack
from vmalab_native.core import Participant, Segment, SegmentConfig
from vmalab_native.errors import RecoveryStuck

AREA = 0x2000_0000_0000
VICTIM = Path(__file__).with_name("victim.py")
IN = 1
VICTIMS = 6
SHARE = 0.25
"""What the others do at least, of what they do without the recovery (closed for 5 % of it)."""


@contextmanager
def started(segment: Segment) -> Iterator[subprocess.Popen[str]]:
    """A process that changes an address space all the time; killed at the end."""
    command = [sys.executable, str(VICTIM), segment.instance, "changes"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
            yield process
        finally:
            process.kill()


def stop_inside(segment: Segment, pid: int) -> None:
    """SIGSTOP in the core: tried until it is."""
    deadline = time.monotonic() + HANG_S
    while time.monotonic() < deadline:
        os.kill(pid, signal.SIGSTOP)
        os.waitid(os.P_PID, pid, os.WSTOPPED)
        if any(one.pid == pid and one.in_core == IN for one in segment.participants()):
            return
        os.kill(pid, signal.SIGCONT)
    pytest.fail(f"process {pid} was never stopped in the core")


class Bystander:
    """A thread with a participant of its own that runs blocks."""

    def __init__(self, segment: Segment) -> None:
        self._segment = segment
        self._ends = threading.Event()
        self.done = 0
        self._thread = threading.Thread(target=self._work)
        self._thread.start()

    def _work(self) -> None:
        with self._segment.participant("client") as me:
            block = pack.fault(me.mm_create(), AREA, None, 1) * 200
            while not self._ends.is_set():
                me.run(block)
                self.done += 1

    def end(self) -> None:
        self._ends.set()
        self._thread.join()


def stuck(me: Participant) -> RecoveryStuck | None:
    """What the recovery says that did not have its standstill; None: it went well."""
    try:
        me.recover()
    except RecoveryStuck as said:
        return said
    return None


def rate(bystander: Bystander, during: float, begin: int) -> float:
    return (bystander.done - begin) / during


def test_others_go_on(instance: str) -> None:
    config = SegmentConfig(size_bytes=1 << 27, participants_max=16)
    with Segment.create(instance, config) as segment, segment.participant("supervisor") as me:
        bystander = Bystander(segment)
        try:
            with ExitStack() as stack:
                stopped, *victims = [
                    stack.enter_context(started(segment)) for _ in range(1 + VICTIMS)
                ]
                begin, at = bystander.done, time.monotonic()
                time.sleep(1.0)
                free = rate(bystander, time.monotonic() - at, begin)
                # Who dies with nothing half done is recovered without a standstill, and so is
                # everybody who waits for a lock of the one that is stopped.
                for victim in victims:
                    stop_inside(segment, stopped.pid)
                    victim.kill()
                    victim.wait()
                    begin, at = bystander.done, time.monotonic()
                    if (said := stuck(me)) is not None:
                        break
                    os.kill(stopped.pid, signal.SIGCONT)
                    time.sleep(0.01)
                assert said is not None, "every death was recovered without a standstill"
                assert said.stuck_pid == stopped.pid
                assert str(stopped.pid) in str(said)
                meanwhile = rate(bystander, time.monotonic() - at, begin)
                os.kill(stopped.pid, signal.SIGCONT)
                assert meanwhile > SHARE * free, f"{meanwhile:.0f} a second, {free:.0f} without"
                assert me.recover().dead
        finally:
            bystander.end()
        me.recover()
        assert me.fsck() == []
        segment.unlink()
