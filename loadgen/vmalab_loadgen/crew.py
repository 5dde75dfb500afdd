# SPDX-License-Identifier: Apache-2.0
"""The processes of a load as their parent sees them: started together, heard, ended."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from multiprocessing import connection
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import Final

from vmalab_drive import drivers, spawning
from vmalab_drive.errors import CommandError
from vmalab_loadgen import process
from vmalab_loadgen.caller import DRAIN_NS, Clock
from vmalab_loadgen.config import LoadConfig
from vmalab_loadgen.pacing import NEVER
from vmalab_loadgen.parts import GO, Done, Failed, Go, Message, Part, Ready
from vmalab_loadgen.process import Seat, Task
from vmalab_loadgen.together import ALONE
from vmalab_native import signals

READY_TIMEOUT_S: Final = 600.0
LATE_S: Final = 600.0
"""So long after its end a load is waited for; a call may take as long as its time-out."""
STOP_S: Final = 10.0
"""So long after a signal a process may finish what it has begun."""
TICK_S: Final = 0.25


class LoadError(CommandError):
    """The load could not be carried out."""


def seats_of(config: LoadConfig, mms: list[int]) -> list[tuple[Seat, ...]]:
    """The callers of each process; caller i is in process i modulo their number."""
    everyone, first = range(config.callers), config.callers_before
    every = config.callers_of_all
    seats = []
    for here in everyone:
        group = here % len(mms) if mms else here
        sharers = tuple(first + one for one in everyone if mms and one % len(mms) == group)
        me = first + here
        share = config.ops // every + (me < config.ops % every)
        seats.append(Seat(me, mms[group] if mms else 0, sharers or (me,), share))
    if config.ops:  # who has no share has nothing to do
        seats = [seat for seat in seats if seat.share]
    crews = [tuple(seats[number :: config.processes]) for number in range(config.processes)]
    return [crew for crew in crews if crew]


@dataclass(slots=True)
class Group:
    """The processes that do the same: those of a load, or of a section of a job.

    Args:
        heard: gets each part of each caller.
    """

    config: LoadConfig
    mms: list[int]
    heard: Callable[[Part], None]
    done: list[Done] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    """Processes that gave no account of their end, and why."""
    clock: Clock = field(default_factory=lambda: Clock(0, 0, 0, 1))
    """Known when all processes are ready."""


@dataclass(slots=True)
class Crew:
    """The processes of all groups, started together.

    Args:
        tick: called a few times a second while the load runs.
        begin_ns: gives the begin, when all processes are ready.
    """

    groups: list[Group]
    target: drivers.Target
    tick: Callable[[], None]
    begin_ns: Callable[[], int] = ALONE.begin_ns
    ended_by: int = 0
    """The signal that ended the load, or 0."""
    stopped_ns: int = 0
    _processes: list[BaseProcess] = field(default_factory=list)
    _pipes: dict[Connection[Go, Message], tuple[int, Group]] = field(default_factory=dict)
    _times: process.Times | None = None

    @property
    def lost(self) -> list[str]:
        return [one for group in self.groups for one in group.lost]

    def run(self) -> None:
        """The whole load.

        Raises:
            LoadError: a process could not begin.
        """
        try:
            self._run()
        except BaseException:
            spawning.end(self._processes, patience_s=0)
            raise
        spawning.end(self._processes, patience_s=0 if self.lost else 10.0)

    def _run(self) -> None:
        context = spawning.context()
        self._times = times = context.RawArray("q", 2)
        crews = [(one, seats) for one in self.groups for seats in seats_of(one.config, one.mms)]
        pinned = len(crews) <= (os.cpu_count() or 1)
        for me, (group, seats) in enumerate(crews):
            ours, theirs = context.Pipe()
            task = Task(me, os.getpid(), self.target, group.config, seats, pinned)
            one = context.Process(target=process.work, args=(task, times, theirs))
            spawning.start(one, self._processes)
            theirs.close()
            self._pipes[ours] = (me, group)
        self._all_ready()
        times[0] = self.begin_ns()
        times[1] = NEVER
        for group in self.groups:
            group.clock = Clock.of(group.config, times[0])
        for pipe in self._pipes:
            with suppress(OSError):  # one that has died meanwhile is named when it is heard
                pipe.send(GO)
        last_ns = max(min(group.clock.end_ns, NEVER) for group in self.groups)
        deadline = last_ns / 1e9 + DRAIN_NS / 1e9 + LATE_S
        while self._pipes:
            try:
                self._hear(deadline)
            except SystemExit as ended:  # a signal: signals.orderly()
                self._stop(ended)
                deadline = time.monotonic() + STOP_S

    def _all_ready(self) -> None:
        waiting = dict(self._pipes)
        deadline = time.monotonic() + READY_TIMEOUT_S
        while waiting:
            ready = connection.wait([*waiting], TICK_S)
            for pipe in [one for one in waiting if one in ready]:
                me, _ = waiting.pop(pipe)
                try:
                    message = pipe.recv()
                except EOFError:
                    raise LoadError(f"process {me} died before it was ready") from None
                if isinstance(message, Failed):
                    raise LoadError(f"process {me}: {message.why}")
                assert isinstance(message, Ready)
            if waiting and time.monotonic() > deadline:
                first = min(me for me, _ in waiting.values())
                raise LoadError(f"process {first} was not ready in time")

    def _hear(self, deadline: float) -> None:
        """What has come, and the rest after the deadline."""
        ready = connection.wait([*self._pipes], TICK_S)
        with signals.held():
            for pipe in [one for one in self._pipes if one in ready]:
                self._take(pipe)
            self.tick()
            if time.monotonic() > deadline:
                for me, group in self._pipes.values():
                    group.lost.append(f"process {me} did not end in time; it was killed")
                self._pipes.clear()

    def _take(self, pipe: Connection[Go, Message]) -> None:
        me, group = self._pipes[pipe]
        try:
            message = pipe.recv()
        except (EOFError, OSError):
            del self._pipes[pipe]
            group.lost.append(f"process {me} {self._how(me)}")
            return
        if isinstance(message, Part):
            group.heard(message)
            return
        del self._pipes[pipe]
        if isinstance(message, Done):
            group.done.append(message)
        elif isinstance(message, Failed):
            group.lost.append(f"process {me} failed: {message.why}")

    def _how(self, me: int) -> str:
        """How a process ended that says nothing any more."""
        one = self._processes[me]
        one.join(STOP_S)
        code = one.exitcode
        if code is not None and code < 0:
            return f"was killed by {signal.Signals(-code).name}"
        return f"ended with exit code {code}"

    def _stop(self, ended: SystemExit) -> None:
        """Let the processes end now, and give account."""
        self.ended_by = max(0, int(ended.code or 0) - 128)
        self.stopped_ns = time.monotonic_ns()
        if self._times is not None:
            self._times[1] = self.stopped_ns
