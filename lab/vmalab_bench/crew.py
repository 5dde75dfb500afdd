# SPDX-License-Identifier: Apache-2.0
"""Worker processes of a bench: attached to its segments, pinned, started together, never left over.

Each member is a real process (spawned, not forked) with a participant in every segment. Between its
turns it waits on a pipe, outside of the core, where nobody has to wait for it. A turn: those who
take part meet at a barrier, run their block again and again for the time given, look at every
result, and say how much they did.
"""

from __future__ import annotations

import ctypes
import os
import resource
import time
import traceback
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from multiprocessing.synchronize import Barrier
from typing import TYPE_CHECKING, Final, Literal, Self, assert_never

import numpy as np

from vmalab_bench import machine
from vmalab_bench.base import BenchError
from vmalab_drive import spawning
from vmalab_drive.packed import RESULT, Statuses
from vmalab_native import lifeline

if TYPE_CHECKING:
    from vmalab_native.core import Participant

PATIENCE_S: Final = 600.0
MEET_S: Final = 0.5
BEAT_NS: Final = 20_000
"""Whose last sign is not older has a CPU."""


@dataclass(frozen=True, slots=True)
class Job:
    """A block to be run again and again.

    Attributes:
        instance: the segment it is for.
        block: its records must all succeed.
        counted: operations of one run that count (a MADV_DONTNEED between faults does not).
    """

    instance: str
    block: bytes
    counted: int


@dataclass(frozen=True, slots=True)
class Loop:
    """A loop of the core itself, without records (Participant.bench_loop); no turn may fail."""

    instance: str
    loop: Literal["walk", "lock", "fault", "write"]
    mm: int
    addrs: tuple[int, ...]


class Custom(ABC):
    """A job that knows itself what a turn of it is; it is pickled to the member."""

    @abstractmethod
    def start(self, stack: ExitStack) -> Callable[[float], Turn]:
        """In the member: what to call with the seconds of each turn. `stack` ends with it."""


@dataclass(frozen=True, slots=True)
class Turn:
    """What one member did in one turn."""

    done: int
    seconds: float
    cpu_s: float
    begun_s: float = 0.0
    """On a clock that all members have; 0: not said."""
    pushed: int = 0
    """How often something else was given the CPU."""

    @property
    def per_s(self) -> float:
        return self.done / self.seconds


@dataclass(frozen=True, slots=True)
class _Once:
    """To a member: execute a block."""

    instance: str
    block: bytes


@dataclass(frozen=True, slots=True)
class _Give:
    """To a member: a job for later, under a name."""

    key: str
    job: Job | Loop | Custom


@dataclass(frozen=True, slots=True)
class _Take:
    """To a member: do a turn of that job, with so many others, for so long.

    Attributes:
        meeting: those who begin only when each of them has a CPU; nobody: they do not wait for
            that.
        number: of the turn.
    """

    key: str
    parties: int
    seconds: float
    meeting: tuple[int, ...]
    number: int


Told = _Once | _Give | _Take
Beats = ctypes.Array[ctypes.c_int64]
"""A time for each member, and behind them the number of the turn that has begun."""
Message = tuple[str, Turn | str | None]
"""From a member: "ready", "done" with what a turn did, or "error" with why not."""


class Crew:
    """The members; use it in a with block, which kills and reaps them at its end."""

    def __init__(self, count: int, instances: Sequence[str]) -> None:
        from vmalab_server.workers import KEEP_MEMORY

        # As the workers of the service: messages are not new pages of the kernel each time.
        for name, value in KEEP_MEMORY.items():
            os.environ.setdefault(name, value)
        context = spawning.context()
        # A barrier knows its number of parties, so there is one for each.
        barriers = {parties: context.Barrier(parties) for parties in range(1, count + 1)}
        allowed = machine.cpus()
        self._number = 0
        beats = context.RawArray("q", count + 1)
        self._pipes: list[Connection[Told, Message]] = []
        self._processes: list[BaseProcess] = []
        try:
            for me in range(count):
                ours, theirs = context.Pipe()
                cpu = allowed[me % len(allowed)]
                process = context.Process(
                    target=_work,
                    args=(me, cpu, os.getpid(), tuple(instances), barriers, beats, theirs),
                    name=f"bench-{me}",
                )
                spawning.start(process, self._processes)
                theirs.close()
                self._pipes.append(ours)
            for member in range(count):
                self._answer(member)
        except BaseException:
            self.close()
            raise

    def __len__(self) -> int:
        return len(self._processes)

    def once(self, member: int, instance: str, block: bytes) -> None:
        """Have one member execute a block, so that what it allocates comes from its own slabs."""
        self._pipes[member].send(_Once(instance, block))
        self._answer(member)

    def give(self, member: int, key: str, job: Job | Loop | Custom) -> None:
        """A job for later turns, under a name of its own."""
        self._pipes[member].send(_Give(key, job))
        self._answer(member)

    def turn(
        self, keys: Mapping[int, str], seconds: float, *, meet: bool = False
    ) -> dict[int, Turn]:
        """The members named run their jobs at the same time.

        Args:
            meet: they begin when each of them has a CPU, or after MEET_S.
        """
        self._number += 1
        meeting = tuple(keys) if meet else ()
        for member, key in keys.items():
            self._pipes[member].send(_Take(key, len(keys), seconds, meeting, self._number))
        return {member: self._turn_of(member) for member in keys}

    def _turn_of(self, member: int) -> Turn:
        turn = self._answer(member)
        assert isinstance(turn, Turn)
        return turn

    def _answer(self, member: int) -> Turn | str | None:
        """What the member did in a turn; None if it had another thing to do."""
        pipe = self._pipes[member]
        if not pipe.poll(PATIENCE_S):
            raise BenchError(f"process {member} of the bench does not answer")
        try:
            kind, said = pipe.recv()
        except (EOFError, ConnectionError):
            self._processes[member].join(5)
            code = self._processes[member].exitcode
            raise BenchError(f"process {member} of the bench died, exit code {code}") from None
        if kind == "error":
            raise BenchError(f"process {member} of the bench: {said}")
        return said

    def close(self) -> None:
        for process in self._processes:
            process.kill()
        for process in self._processes:
            process.join()
            process.close()
        self._processes.clear()
        for pipe in self._pipes:
            pipe.close()
        self._pipes.clear()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()


def _work(
    me: int,
    cpu: int,
    parent: int,
    instances: tuple[str, ...],
    barriers: Mapping[int, Barrier],
    beats: Beats,
    pipe: Connection[Message, Told],
) -> None:
    """The life of a member."""
    lifeline.end_with_parent(parent)
    os.sched_setaffinity(0, {cpu})
    try:
        _serve(me, instances, barriers, beats, pipe)
    except EOFError:
        return
    except Exception as error:
        pipe.send(("error", f"{error}\n{traceback.format_exc()}"))


def _serve(
    me: int,
    instances: tuple[str, ...],
    barriers: Mapping[int, Barrier],
    beats: Beats,
    pipe: Connection[Message, Told],
) -> None:
    from vmalab_native import core

    with ExitStack() as stack:
        participants = {
            name: stack.enter_context(
                stack.enter_context(core.Segment.attach(name)).participant("client")
            )
            for name in instances
        }
        jobs: dict[str, Callable[[float], Turn]] = {}
        pipe.send(("ready", None))
        while True:
            match pipe.recv():
                case _Once(instance, block):
                    answer = participants[instance].run(block)
                    _look(np.frombuffer(answer, RESULT)["status"])
                    pipe.send(("done", None))
                case _Give(key, job):
                    jobs[key] = _turns_of(job, participants, stack)
                    pipe.send(("done", None))
                case _Take(key, parties, seconds, meeting, number):
                    barriers[parties].wait(PATIENCE_S)
                    if meeting:
                        _meet(beats, me, meeting, number)
                    pipe.send(("done", jobs[key](seconds)))
                case other:
                    assert_never(other)


def _meet(beats: Beats, me: int, meeting: Sequence[int], number: int) -> None:
    """Spins until all of them do: who has no CPU does not write the time. The first who sees that
    writes the number of the turn behind the times, so that all begin."""
    clock, go = time.monotonic_ns, len(beats) - 1
    end = clock() + int(MEET_S * 1e9)
    while beats[go] != number:
        now = beats[me] = clock()
        if now > end or all(now - beats[other] < BEAT_NS for other in meeting):
            beats[go] = number


def _turns_of(
    job: Job | Loop | Custom, participants: Mapping[str, Participant], stack: ExitStack
) -> Callable[[float], Turn]:
    """What to call with the seconds of each turn."""
    match job:
        case Loop():
            return partial(_loop, job, participants[job.instance])
        case Custom():
            return job.start(stack)
        case Job():
            return partial(_turn, job, participants[job.instance])


def _turn(job: Job, participant: Participant, seconds: float) -> Turn:
    run, block, clock = participant.run_view, job.block, time.perf_counter_ns
    # Not counted: it brings the caches up to date. The results come to the same place each time.
    status = np.frombuffer(run(block), RESULT)["status"]
    done = 0
    begun, pushed = time.monotonic(), resource.getrusage(resource.RUSAGE_SELF).ru_nivcsw
    cpu = time.process_time_ns()
    begin = now = clock()
    end = begin + int(seconds * 1e9)
    while now < end:
        run(block)
        if status.any():
            _look(status)
        done += job.counted
        now = clock()
    cpu_s = (time.process_time_ns() - cpu) / 1e9
    pushed = resource.getrusage(resource.RUSAGE_SELF).ru_nivcsw - pushed
    return Turn(done, (now - begin) / 1e9, cpu_s, begun, pushed)


def _loop(job: Loop, participant: Participant, seconds: float) -> Turn:
    begun = time.monotonic()
    cpu = time.process_time_ns()
    got = participant.bench_loop(job.loop, job.mm, job.addrs, seconds)
    if got.failed:
        raise BenchError(f"{got.failed} of {got.turns} turns of the loop {job.loop} failed")
    return Turn(got.turns, got.ns / 1e9, (time.process_time_ns() - cpu) / 1e9, begun)


def together(turns: Iterable[Turn]) -> float:
    """For which part of the longest turn all members ran at the same time, 0 to 1, at most: when
    they were in their turns, and had a CPU."""
    turns = list(turns)
    begin = max(turn.begun_s for turn in turns)
    end = min(turn.begun_s + turn.seconds for turn in turns)
    longest = max(turn.seconds for turn in turns)
    had = min(min(1.0, turn.cpu_s / turn.seconds) for turn in turns)
    return max(0.0, (end - begin) / longest) * had


def _look(status: Statuses) -> None:
    bad = np.flatnonzero(status)
    if len(bad):
        raise BenchError(f"record {bad[0]} of a block answered {status[bad[0]]}")
