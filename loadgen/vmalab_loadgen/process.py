# SPDX-License-Identifier: Apache-2.0
"""One process of a load: its callers, each a thread if there are several."""

from __future__ import annotations

import ctypes
import gc
import os
import signal
import threading
import time
import traceback
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeAlias, TypeVar

import numpy as np

from vmalab_drive import drivers
from vmalab_drive.errors import CommandError
from vmalab_loadgen.blocks import BRK_BASE, Block, Maker
from vmalab_loadgen.caller import Caller, Clock
from vmalab_loadgen.churn import Churn
from vmalab_loadgen.config import LoadConfig
from vmalab_loadgen.pacing import Pacer
from vmalab_loadgen.parts import CallerEnd, Done, Failed, Go, Message, Ready
from vmalab_loadgen.reading import ReadingMaker, Readings
from vmalab_loadgen.script import Cut, ScriptMaker
from vmalab_loadgen.workloads import TRACE, WORKLOADS
from vmalab_native import lifeline

if TYPE_CHECKING:
    from vmalab_loadgen import recorded

START_TIMEOUT_S: Final = 600.0

Times = ctypes.Array[ctypes.c_longlong]
"""Shared with the parent, CLOCK_MONOTONIC: when the load begins, and when it has to be over."""


@dataclass(frozen=True, slots=True)
class Seat:
    """One caller of a process."""

    index: int
    mm: int
    """A shared address space, or 0: make one of your own."""
    sharers: tuple[int, ...]
    """The callers in the same address space, this one included."""
    share: int
    """Operations after which it ends; 0: no limit."""


@dataclass(frozen=True, slots=True)
class Task:
    """What one process has to do."""

    me: int
    parent: int
    target: drivers.Target
    config: LoadConfig
    seats: tuple[Seat, ...]
    pinned: bool
    """There is a CPU for each process, so that an attached one stays on its own."""


class Life:
    """One caller of a process for as long as it lives: its way to the instance, what it does."""

    def __init__(self, seat: Seat, driver: drivers.Driver) -> None:
        self.seat = seat
        self.driver = driver
        self.maker: AnyMaker
        self.number = 0
        """Of those who had the seat."""

    def close(self) -> None:
        self.driver.close()


AnyMaker: TypeAlias = "Maker | ScriptMaker | ReadingMaker | recorded.TraceMaker"
MakerT = TypeVar("MakerT", Maker, ScriptMaker)
AnyCaller: TypeAlias = "Caller[Block] | Caller[Cut] | Caller[Readings] | Caller[recorded.Cut]"


class _Process:
    """The callers of this process, and their way to the parent."""

    def __init__(self, task: Task, times: Times, pipe: Connection[Message, Go]) -> None:
        self.task = task
        self.times = times
        self._pipe = pipe
        self._lock = threading.Lock()
        self._made: list[Life] = []
        self._trace: recorded.Recorded | None = None

    def send(self, message: Message) -> None:
        with self._lock:
            self._pipe.send(message)

    def make(self, stack: ExitStack) -> None:
        """An address space, or a share of one, and its VMAs, for each caller."""
        for seat in self.task.seats:
            life = Life(seat, self._connect(seat))
            stack.callback(life.close)
            self._come(life)
            self._made.append(life)

    def _connect(self, seat: Seat) -> drivers.Driver:
        return drivers.connect(self.task.target, self.task.config.mode, worker=seat.index)

    def _come(self, life: Life) -> None:
        """The address space of a caller, with what it has at the begin."""
        seat, driver = life.seat, life.driver
        mm = seat.mm or driver.create(start_brk=BRK_BASE, brk=BRK_BASE)
        if seat.mm and isinstance(driver, drivers.AttachDriver):
            driver.lease(mm)
        life.maker = maker = self._maker(life, mm)
        for block in maker.first():
            _must(driver.run(block))
        if isinstance(maker, Maker):
            while (forks := maker.grow()) is not None:
                maker.check(forks, driver.run(forks.data))
                if maker.tally.wrong:
                    raise drivers.DriverError(f"the fork tree: {maker.tally.wrong_first[0].got}")
            maker.tally.ops.clear()  # which were not of the load

    @staticmethod
    def _leave(life: Life) -> None:
        """What a caller has is given back."""
        maker = life.maker
        if farewell := maker.farewell():
            _must(life.driver.run(farewell))
        for file in maker.files:
            life.driver.close_file(file)
        if not life.seat.mm:
            life.driver.run(maker.last())

    def _renew(self, life: Life) -> None:
        """The caller leaves, and another one comes."""
        self._leave(life)
        life.driver.close()
        life.number += 1
        life.driver = self._connect(life.seat)
        self._come(life)

    def _maker(self, life: Life, mm: int) -> AnyMaker:
        config = self.task.config
        seat, driver = life.seat, life.driver
        again = [life.number] if life.number else []
        rng = np.random.default_rng([config.seed, seat.index, *again])
        if config.workload.startswith(TRACE):
            from vmalab_loadgen import recorded  # which needs the replayer

            if self._trace is None:
                self._trace = recorded.Recorded.read(config.workload, driver)
            return recorded.TraceMaker(self._trace, mm=mm, me=seat.index, driver=driver)
        if config.workload:
            workload = WORKLOADS[config.workload]
            if workload.readers and seat.sharers.index(seat.index) % 2:
                return ReadingMaker(
                    mm=mm, me=seat.index, writers=seat.sharers[::2], pages=workload.pages,
                    driver=driver,
                )  # fmt: skip
            return ScriptMaker(
                workload.program, mm=mm, me=seat.index, pages=workload.pages, driver=driver, rng=rng
            )
        return Maker(
            mm=mm,
            me=seat.index,
            others=tuple(one for one in seat.sharers if one != seat.index),
            mix=config.mix,
            vmas=config.vmas,
            rng=rng,
            pattern=config.pattern,
            vma_pattern=config.vma_pattern,
            sizes=config.map_pages,
            shape=config.fork_tree,
        )

    def run(self) -> Done:
        """The load itself."""
        config = self.task.config
        clock = Clock.of(config, self.times[0])
        callers = [self._caller(one, clock) for one in self._made]
        ends: list[CallerEnd] = []
        errors: list[BaseException] = []
        begin, wall, queued = time.process_time(), time.monotonic(), _queued_s()
        if len(callers) == 1:
            ends.append(callers[0].run())
        else:
            self._in_threads(callers, ends, errors)
        cpu = time.process_time() - begin
        room = max(cpu, time.monotonic() - wall - (_queued_s() - queued) / len(callers))
        cpu -= sum(caller.core_cpu_s for caller in callers)
        readers = [one.maker for one in self._made if isinstance(one.maker, ReadingMaker)]
        cpu -= sum(one.texts.core_cpu_s for one in readers)
        if errors:
            raise errors[0]
        for life, end in zip(self._made, ends, strict=True):
            maker = life.maker
            if not isinstance(maker, Maker | ScriptMaker | ReadingMaker):
                end.turns, end.between = maker.turns, maker.between
                end.not_compared = maker.not_compared
            if not end.failed:
                self._leave(life)
        return Done(ends, cpu, room)

    def _caller(self, life: Life, clock: Clock) -> AnyCaller:
        config, seat, driver, maker = self.task.config, life.seat, life.driver, life.maker
        pacer = None
        if config.open_loop:
            pacer = Pacer(
                profile=config.profile,
                unit=maker.most(config.block_ops) if config.mode == "batch" else 1,
                callers=config.callers_of_all,
                me=seat.index,
                begin_ns=clock.begin_ns,
                arrival=config.arrival,
                burst=config.burst,
                seed=config.seed,
            )
        rest = (clock, pacer, seat.share, self.send, lambda: self.times[1])
        if isinstance(maker, Maker):
            churn = self._churn(life, maker, clock)
            return Caller[Block](config, driver, maker, *rest, churn=churn)
        if isinstance(maker, ScriptMaker):
            churned = self._churn(life, maker, clock)
            return Caller[Cut](config, driver, maker, *rest, churn=churned)
        if isinstance(maker, ReadingMaker):
            return Caller[Readings](config, driver, maker, *rest, timed=maker.texts)
        return Caller["recorded.Cut"](config, driver, maker, *rest)

    def _churn(self, life: Life, maker: MakerT, clock: Clock) -> Churn[MakerT] | None:
        """When the caller leaves for another one; None: it stays."""
        config = self.task.config
        if not config.churn:
            return None

        def renew() -> tuple[drivers.Driver, MakerT]:
            self._renew(life)
            assert isinstance(life.maker, type(maker))
            return life.driver, life.maker

        every = config.callers_of_all
        return Churn(config.churn, every, life.seat.index, clock.begin_ns, clock.end_ns, renew)

    @staticmethod
    def _in_threads(
        callers: list[AnyCaller], ends: list[CallerEnd], errors: list[BaseException]
    ) -> None:
        found: dict[int, CallerEnd] = {}

        def body(number: int, caller: AnyCaller) -> None:
            try:
                found[number] = caller.run()
            except BaseException as error:
                errors.append(error)

        threads = [
            threading.Thread(target=body, args=one, name=f"caller {one[0]}")
            for one in enumerate(callers)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        ends += [found[number] for number in sorted(found)]


def _queued_s() -> float:
    """How long threads of this process have waited for a CPU; 0 where the kernel does not say."""
    total = 0
    for one in Path("/proc/self/task").glob("*/schedstat"):
        with suppress(OSError, IndexError, ValueError):
            total += int(one.read_text().split()[1])
    return total / 1e9


def work(task: Task, times: Times, pipe: Connection[Message, Go]) -> None:
    """The body of a process of the load."""
    lifeline.end_with_parent(task.parent)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)  # as Ctrl-C: the parent ends us, with a report
    process = _Process(task, times, pipe)
    try:
        if task.config.mode == "attach" and task.pinned:
            os.sched_setaffinity(0, {task.me % (os.cpu_count() or 1)})
        with ExitStack() as stack:
            process.make(stack)
            process.send(Ready())
            # No Event of multiprocessing: its semaphores stay in /dev/shm when all are killed.
            if not pipe.poll(START_TIMEOUT_S):
                raise drivers.DriverError("the start signal did not come")
            pipe.recv()
            gc.freeze()
            process.send(process.run())
    except Exception as error:
        known = isinstance(error, CommandError)
        process.send(Failed(str(error) if known else f"{error}\n{traceback.format_exc()}"))


def _must(answer: bytes) -> None:
    """The answers of set-up and farewell are all 0."""
    for status, _, _ in drivers.results(answer):
        if status:
            raise drivers.DriverError(f"set-up or farewell answered {status}")
