# SPDX-License-Identifier: Apache-2.0
"""One process of a load: makes blocks, has them done, checks the answers, keeps the times."""

from __future__ import annotations

import ctypes
import gc
import os
import time
import traceback
from collections import deque
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from multiprocessing.synchronize import Event
from typing import Final

import numpy as np

from vmalab_drive import drivers
from vmalab_loadgen.blocks import BRK_BASE, Block, Maker, Tally
from vmalab_loadgen.histogram import Latency
from vmalab_loadgen.mix import Mix
from vmalab_loadgen.pacing import Pacer
from vmalab_native import lifeline

START_TIMEOUT_S: Final = 600.0
KEEP_EVERY_NS: Final = 10_000_000_000

Counters = ctypes.Array[ctypes.c_longlong]
"""Shared with the parent: operations, faults, wrong answers so far."""


@dataclass(frozen=True, slots=True)
class Task:
    """What one process has to do."""

    me: int
    parent: int
    processes: int
    target: drivers.Target
    mode: str
    mix: Mix
    mm: int
    """A shared address space, or 0: make one of your own."""
    sharers: tuple[int, ...]
    """The processes in the same address space, this one included."""
    vmas: int
    block_ops: int
    window: int
    rate: float
    seconds: float
    seed: int


@dataclass(slots=True)
class Done:
    """What one process has to say at its end."""

    tally: Tally
    raw: bytes
    corrected: bytes
    seconds: float
    begun_ns: int = 0
    ended_ns: int = 0


Message = tuple[str, Done | str | None]
"""To the parent: "ready", "done" with what was done, or "error" with why not."""


@dataclass(slots=True)
class _Run:
    task: Task
    driver: drivers.Driver
    maker: Maker
    shown: Counters
    raw: Latency = field(default_factory=Latency)
    corrected: Latency = field(default_factory=Latency)
    flying: deque[Block] = field(default_factory=deque)

    def loop(self, begin_ns: int) -> None:
        task = self.task
        end_ns = begin_ns + int(task.seconds * 1e9)
        pacer = Pacer.for_rate(
            task.rate,
            block_ops=task.block_ops,
            processes=task.processes,
            me=task.me,
            begin_ns=begin_ns,
        )
        keep_ns = begin_ns
        while (now := time.monotonic_ns()) < end_ns:
            if not pacer.due(now):
                if self.flying:
                    self._finish()
                else:
                    pacer.wait(end_ns)
                continue
            if now - keep_ns > KEEP_EVERY_NS:
                self.driver.keep([self.maker.mm, *(child.mm for child in self.maker.children)])
                keep_ns = now
            intended = pacer.take(now)
            block = self.maker.make(task.block_ops)
            block.sent_ns = time.monotonic_ns()
            block.intended_ns = intended if task.rate > 0 else block.sent_ns
            self._send(block)
            while len(self.flying) >= task.window:
                self._finish()
        while self.flying:
            self._finish()

    def _send(self, block: Block) -> None:
        if isinstance(self.driver, drivers.CallByCall):
            times: list[int] = []
            answer = self.driver.run_timed(block.data, times)
            late = max(0, block.sent_ns - block.intended_ns)
            for one in times:
                self.raw.record(one)
                self.corrected.record(one + late)
            self._check(block, answer)
            return
        self.driver.send(block.data)
        self.flying.append(block)
        if self.task.window == 1:
            self._finish()

    def _finish(self) -> None:
        block = self.flying.popleft()
        answer = self.driver.receive()
        now = time.monotonic_ns()
        self.raw.record(now - block.sent_ns)
        self.corrected.record(now - block.intended_ns)
        self._check(block, answer)

    def _check(self, block: Block, answer: bytes) -> None:
        done = self.maker.check(block, answer)
        self.shown[0] += done
        self.shown[1] += len(block.fault_at)
        self.shown[2] = self.maker.tally.wrong


def work(task: Task, start: Event, counters: Counters, pipe: Connection[Message, None]) -> None:
    """The body of a process of the load."""
    lifeline.end_with_parent(task.parent)
    try:
        if task.mode == "attach" and task.processes <= (os.cpu_count() or 1):
            os.sched_setaffinity(0, {task.me % (os.cpu_count() or 1)})
        with drivers.connect(task.target, task.mode, worker=task.me) as driver:
            mm = task.mm or driver.create(start_brk=BRK_BASE, brk=BRK_BASE)
            if task.mm and isinstance(driver, drivers.AttachDriver):
                driver.lease(mm)
            maker = Maker(
                mm=mm,
                me=task.me,
                others=tuple(one for one in task.sharers if one != task.me),
                mix=task.mix,
                vmas=task.vmas,
                rng=np.random.default_rng([task.seed, task.me]),
            )
            for block in maker.first():
                _must(driver.run(block))
            run = _Run(task, driver, maker, counters)
            pipe.send(("ready", None))
            if not start.wait(START_TIMEOUT_S):
                raise drivers.DriverError("the start signal did not come")
            gc.freeze()
            begin = time.monotonic_ns()
            run.loop(begin)
            end = time.monotonic_ns()
            _must(driver.run(maker.farewell()))
            if not task.mm:
                driver.run(maker.last())
            pipe.send(("done", Done(maker.tally, run.raw.encode(), run.corrected.encode(),
                                    (end - begin) / 1e9, begin, end)))  # fmt: skip
    except Exception as error:
        pipe.send(("error", f"{error}\n{traceback.format_exc()}"))


def _must(answer: bytes) -> None:
    """The answers of set-up and farewell are all 0."""
    for status, _, _ in drivers.results(answer):
        if status:
            raise drivers.DriverError(f"set-up or farewell answered {status}")
