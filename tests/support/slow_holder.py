# SPDX-License-Identifier: Apache-2.0
"""A planted slow holder: a process that is stopped in the middle of an operation, and threads that
wait for the lock that it has.

As a program it is that process. SIGTERM ends its work, the end of its input its life.

usage: slow_holder.py INSTANCE MM munmap|fault|create
munmap: maps, fills and unmaps AREA all the time. fault: reads a present page of it. create: asks
for address spaces, of which there is none left.
"""

import mmap
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from patience import HANG_S
from servers import wait_for
from vmalab import pack
from vmalab.ops import Op
from vmalab_client import Client
from vmalab_client.errors import ServiceUnavailable
from vmalab_native.core import Participant, Segment
from vmalab_native.segment_file import SegmentFile
from vmalab_native.view import MUTEX_WAITERS, SegmentView

AREA, BESIDE = 0x2000_0000_0000, 0x3000_0000_0000
BYTES, PAGE = 64 << 20, 4096
FLAGS = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | 0x10  # fixed
POPULATE = 0x8000
TEN = 10


def since_begin(kinds: list[str]) -> list[str]:
    """Of the kinds of events those of the call that is under way, or that was the last one."""
    return kinds[len(kinds) - kinds[::-1].index("begin") :] if "begin" in kinds else []


class _Waiter:
    """A thread that does something, and stays until end()."""

    def __init__(self, act: Callable[["_Waiter"], None]) -> None:
        self.slot = -1
        self.through, self.leave = threading.Event(), threading.Event()
        self.thread = threading.Thread(target=act, args=(self,))
        self.thread.start()

    def rest(self) -> None:
        """It has done it."""
        self.through.set()
        self.leave.wait()

    def end(self) -> None:
        self.leave.set()
        self.thread.join(HANG_S)


class Held:
    """A process that is stopped with a lock in an operation, and the threads that wait for it.

    Attributes:
        pid, slot, mm: the process, as the segment has it; its address space.
    """

    def __init__(
        self, segment: Segment, view: SegmentView, mm: int, process: subprocess.Popen[str]
    ) -> None:
        self.pid, self.slot, self.mm = process.pid, -1, mm
        self._segment, self._view, self._process = segment, view, process
        self._waiters: list[_Waiter] = []

    @property
    def served(self) -> int:
        """How many of those that waited are through."""
        return sum(waiter.through.is_set() for waiter in self._waiters)

    def end(self) -> None:
        """It ends its operation and does no other, and all that waited are through. They and the
        process stay attached."""
        self._process.terminate()
        os.kill(self.pid, signal.SIGCONT)
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == "ended\n"
        wait_for("all are through", lambda: self.served == len(self._waiters))

    def stop(self, op: Op, lock: str, first: bytes) -> None:
        """Stop it in an operation, with a lock for which a thread that does `first` waits; tried
        until it is so, because the lock may have been given back already."""
        while True:
            self._stop_inside(op, lock)
            self.begin(first)
            if self.waiting(lock):
                return
            self.go_on()

    def _stop_inside(self, op: Op, lock: str) -> None:
        """Stop it in an operation, with a lock; tried until it is."""

        def inside() -> bool:
            os.kill(self.pid, signal.SIGSTOP)
            os.waitid(os.P_PID, self.pid, os.WSTOPPED)
            self._view.file.refresh()
            for one in self._view.participants():
                if (one.pid, one.op, one.in_core) == (self.pid, op, True):
                    self.slot = one.index
                    if self._has(op, lock):
                        return True
            os.kill(self.pid, signal.SIGCONT)
            return False

        wait_for(f"process {self.pid} is stopped in a {op.name} with {lock}", inside)

    def _has(self, op: Op, lock: str) -> bool:
        """It has a lock. A call says so after it has taken it, and does not wait now."""
        if lock == "slots lock":
            word = self._view.file.of_header("slots_lock")
            return (word & ~MUTEX_WAITERS) - 1 == self.slot
        kinds = since_begin([event.kind for event in self._view.events(self.slot)])
        said = op == Op.FAULT or kinds[-1:] in (["taken"], ["downgraded"])
        return said and any(
            (one.participant, one.name, one.state) == (self.slot, lock, "held")
            for one in self._view.locks()
        )

    def waiting(self, lock: str) -> int:
        """How many wait for a lock of that name."""
        self._view.file.refresh()
        rows = self._view.every_lock(self._view.participants())
        return sum((row.name, row.state) == (lock, "waiting") for row in rows)

    def begin(self, block: bytes) -> None:
        """One more thread; it waits, or is done."""
        number = len(self._waiters)

        def act(waiter: _Waiter) -> None:
            with self._segment.participant("client", comm=f"waiter-{number}") as one:
                one.mm_get(self.mm)
                waiter.slot = one.index
                one.run(block)
                waiter.rest()

        waiter = _Waiter(act)
        self._waiters.append(waiter)

        def at_rest() -> bool:
            self._view.file.refresh()
            rows = self._view.every_lock(self._view.participants())
            waits = any((row.participant, row.state) == (waiter.slot, "waiting") for row in rows)
            return waits or waiter.through.is_set() or not waiter.thread.is_alive()

        wait_for(f"thread {number} waits", at_rest)

    def begin_call(self, call: Callable[[], object]) -> None:
        """One more thread, which waits for what a server answers."""

        def act(waiter: _Waiter) -> None:
            call()
            waiter.rest()

        before = self.waiting("mmap_lock")
        self._waiters.append(_Waiter(act))
        wait_for("the call waits", lambda: self.waiting("mmap_lock") == before + 1)

    def go_on(self) -> None:
        """The process does, and those that waited leave when they are through."""
        os.kill(self.pid, signal.SIGCONT)
        for waiter in self._waiters:
            waiter.end()
        self._waiters.clear()


@contextmanager
def _holder(segment: Segment, me: Participant, what: str) -> Iterator[Held]:
    """The process while it runs."""
    mm = me.mm_create()
    command = [sys.executable, __file__, segment.instance, str(mm), what]
    pipe = subprocess.PIPE
    with (
        SegmentFile.open(segment.instance) as file,
        subprocess.Popen(command, text=True, stdin=pipe, stdout=pipe) as process,
    ):
        held = Held(segment, SegmentView(file), mm, process)
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
            yield held
        finally:
            held.go_on()
            process.terminate()  # it leaves the core first: nobody has to recover
            process.communicate()


def _mmap(mm: int, number: int) -> bytes:
    return pack.mmap(mm, BESIDE + number * PAGE, PAGE, 3, FLAGS, 0, 0, 0)


@contextmanager
def planted(segment: Segment, me: Participant, *, waiters: int = TEN) -> Iterator[Held]:
    """A munmap that is stopped with the mmap_lock, and so many mmaps that wait for it.

    Args:
        me: makes the address space.
    """
    with _holder(segment, me, "munmap") as held:
        held.stop(Op.MUNMAP, "mmap_lock", _mmap(held.mm, 0))
        for number in range(1, waiters):
            held.begin(_mmap(held.mm, number))
        yield held


@contextmanager
def planted_in(instance: str, target: str) -> Iterator[Held]:
    """The same in an instance that is served: of the ten one is a call of a client."""
    with (
        Segment.attach(instance) as segment,
        segment.participant("client", comm="planter") as me,
        _client(target) as client,
    ):
        me.account("planter")
        with planted(segment, me, waiters=TEN - 1) as held:
            held.begin_call(lambda: client.use(held.mm, hold=False).mmap(PAGE))
            yield held


def _client(target: str) -> Client:
    """Connected: on a machine that is busy an attempt may take longer than grpc's patience."""
    while True:
        try:
            return Client(target, timeout_s=HANG_S)
        except ServiceUnavailable:
            time.sleep(0.1)


@contextmanager
def stuck_reader(segment: Segment, me: Participant, *, waiters: int = 3) -> Iterator[Held]:
    """A fault that is stopped with the lock of the VMA at AREA, a munmap that waits for that, and
    so many mmaps that wait for the munmap."""
    with _holder(segment, me, "fault") as held:
        held.stop(Op.FAULT, "vm_lock", pack.munmap(held.mm, AREA, PAGE))
        for number in range(waiters):
            held.begin(_mmap(held.mm, number))
        yield held


@contextmanager
def stuck_in_mutex(segment: Segment, me: Participant, *, waiters: int = 3) -> Iterator[Held]:
    """A thread that is stopped while it has the short mutex of the tables of address spaces and
    files, and so many that wait for it. It uses all address spaces of the instance up, of which
    there are few: so who asks for one looks through the whole table."""
    with _holder(segment, me, "create") as held:
        held.stop(Op.MM_CREATE, "slots lock", pack.mm_create(0))
        for _ in range(1, waiters):
            held.begin(pack.mm_create(0))
        yield held


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
        elif what == "create":
            block = pack.mm_create(0) * 1000
        one.run(block)
        ends = threading.Event()
        signal.signal(signal.SIGTERM, lambda number, frame: ends.set())
        print("ready", flush=True)
        while not ends.is_set():
            one.run(block)
        print("ended", flush=True)
        sys.stdin.readline()


if __name__ == "__main__":
    main()
