# SPDX-License-Identifier: Apache-2.0
"""A planted slow holder: a process that is stopped in the middle of an operation, and threads that
wait for the lock that it has.

As a program it is that process, until SIGTERM.

usage: slow_holder.py INSTANCE MM munmap|fault
munmap: maps, fills and unmaps AREA all the time. fault: reads a present page of it.
"""

import mmap
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from patience import HANG_S
from servers import wait_for
from vmalab import pack
from vmalab.ops import Op
from vmalab_native.core import Participant, Segment

AREA, BESIDE = 0x2000_0000_0000, 0x3000_0000_0000
BYTES, PAGE = 64 << 20, 4096
FLAGS = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | 0x10  # fixed
POPULATE = 0x8000


@dataclass(frozen=True)
class Held:
    """Who is stopped, and where: `slot` and `mm` as the segment has them."""

    pid: int
    slot: int
    mm: int


def _stopped_inside(segment: Segment, pid: int, op: Op, lock: str) -> int:
    """Stop a process in an operation, with a lock; tried until it is. Its slot."""
    found = -1

    def inside() -> bool:
        nonlocal found
        os.kill(pid, signal.SIGSTOP)
        os.waitid(os.P_PID, pid, os.WSTOPPED)
        rows = segment.locks()
        holders = {one.participant for one in rows if (one.name, one.state) == (lock, "held")}
        for one in segment.participants():
            if one.pid == pid and one.op == op and one.in_core and one.index in holders:
                found = one.index
                return True
        os.kill(pid, signal.SIGCONT)
        return False

    wait_for(f"process {pid} is stopped in a {op.name} with {lock}", inside)
    return found


class _Holder:
    """The process, and the threads of this one that wait for it."""

    def __init__(self, segment: Segment, mm: int, process: subprocess.Popen[str]) -> None:
        self._segment = segment
        self._mm = mm
        self._process = process
        self._threads: list[threading.Thread] = []

    def stop(self, op: Op, lock: str, first: bytes) -> int:
        """Stop it in an operation, with a lock for which a thread that does `first` waits; tried
        until it is so, because the lock may have been given back already. Its slot."""
        while True:
            slot = _stopped_inside(self._segment, self._process.pid, op, lock)
            self.begin(first)
            if self._waiting(lock):
                return slot
            self.go_on()

    def begin(self, block: bytes) -> None:
        """One more thread; it waits, or is done."""
        number = len(self._threads)
        slots: list[int] = []
        thread = threading.Thread(
            target=_wait, args=(self._segment, self._mm, number, block, slots)
        )
        self._threads.append(thread)
        thread.start()

        def at_rest() -> bool:
            rows = self._segment.participants()
            blocked = any(one.blocked and one.index in slots for one in rows)
            return blocked or not thread.is_alive()

        wait_for(f"thread {number} waits", at_rest)

    def _waiting(self, lock: str) -> bool:
        rows = self._segment.locks()
        return any((row.name, row.state) == (lock, "waiting") for row in rows)

    def go_on(self) -> None:
        os.kill(self._process.pid, signal.SIGCONT)
        for thread in self._threads:
            thread.join(HANG_S)
        self._threads.clear()


@contextmanager
def _holder(segment: Segment, me: Participant, what: str) -> Iterator[tuple[_Holder, int, int]]:
    """The process while it runs, its pid, and its address space."""
    mm = me.mm_create()
    command = [sys.executable, __file__, segment.instance, str(mm), what]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        holder = _Holder(segment, mm, process)
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
            yield holder, process.pid, mm
        finally:
            holder.go_on()
            process.terminate()  # it leaves the core first: nobody has to recover


def _mmap(mm: int, number: int) -> bytes:
    return pack.mmap(mm, BESIDE + number * PAGE, PAGE, 3, FLAGS, 0, 0, 0)


@contextmanager
def planted(segment: Segment, me: Participant, *, waiters: int = 10) -> Iterator[Held]:
    """A munmap that is stopped with the mmap_lock, and so many mmaps that wait for it.

    Args:
        me: makes the address space.
    """
    with _holder(segment, me, "munmap") as (holder, pid, mm):
        slot = holder.stop(Op.MUNMAP, "mmap_lock", _mmap(mm, 0))
        for number in range(1, waiters):
            holder.begin(_mmap(mm, number))
        yield Held(pid, slot, mm)


@contextmanager
def stuck_reader(segment: Segment, me: Participant, *, waiters: int = 3) -> Iterator[Held]:
    """A fault that is stopped with the lock of the VMA at AREA, a munmap that waits for that, and
    so many mmaps that wait for the munmap."""
    with _holder(segment, me, "fault") as (holder, pid, mm):
        slot = holder.stop(Op.FAULT, "vm_lock", pack.munmap(mm, AREA, PAGE))
        for number in range(waiters):
            holder.begin(_mmap(mm, number))
        yield Held(pid, slot, mm)


def _wait(segment: Segment, mm: int, number: int, block: bytes, slots: list[int]) -> None:
    with segment.participant("client", comm=f"waiter-{number}") as one:
        slots.append(one.index)
        one.mm_get(mm)
        one.run(block)


def main() -> None:
    instance, mm, what = sys.argv[1], int(sys.argv[2]), sys.argv[3]
    with Segment.attach(instance) as segment, segment.participant("client", comm="slow") as one:
        one.mm_get(mm)
        block = pack.mmap(mm, AREA, BYTES, 3, FLAGS | POPULATE, 0, 0, 0)
        block += pack.munmap(mm, AREA, BYTES)
        if what == "fault":
            # Again in each turn: somebody unmaps it.
            block = pack.mmap(mm, AREA, PAGE, 3, FLAGS | POPULATE, 0, 0, 0)
            block += pack.fault(mm, AREA, None, 1) * 20000
        one.run(block)
        ends = threading.Event()
        signal.signal(signal.SIGTERM, lambda number, frame: ends.set())
        print("ready", flush=True)
        while not ends.is_set():
            one.run(block)


if __name__ == "__main__":
    main()
