# SPDX-License-Identifier: Apache-2.0
"""A segment of the lab core with the actors of one scenario: real processes, forked from this one.

After a violation the actors stand in the middle of operations; the session ends them and removes
the segment. A new one takes some ten milliseconds.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import signal
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from vmalab_native import lab, lifeline, signals
from vmalab_native.core import Participant, Segment, SegmentConfig
from vmalab_native.cores import LAB, Lookup, ensure
from vmalab_native.lab import Report, Strategy, TraceLine
from vmalab_native.race.scenario import Scenario

LAYOUT: Final = "aligned" + LAB
ORDERS_MAX: Final = 20_000
"""Orders of whole operations that are tried to learn what is possible."""
_numbers = itertools.count()


@dataclass(slots=True)
class Session:
    """A scenario ready to run; one process owns it."""

    scenario: Scenario
    model: str
    me: Participant
    pids: list[int]
    learned: Report | None = None

    def learn(self) -> Report:
        """Runs every order of whole operations without mutants: what may come out of it."""
        self.learned = lab.search(
            self.me,
            strategy=Strategy.DFS,
            bound=1000,
            schedules_max=ORDERS_MAX,
            variants=self.scenario.active,
            op_points=True,
            learn=True,
            order=True,
            fsck_every=20 if self.scenario.fsck else 0,
        )
        return self.learned

    def trace(self) -> list[TraceLine]:
        return lab.trace(self.me)


def _config(model: str, lookup: Lookup) -> SegmentConfig:
    return SegmentConfig(
        model=model,
        layout=LAYOUT,
        size_bytes=48 << 20,
        participants_max=16,
        mms_max=32,
        frames_max=2048,
        files_max=16,
        rcu="fenced",
        lookup=lookup,
    )


def _actor(segment: Segment, number: int, name: str, cpu: int, parent: int) -> None:
    """The whole life of an actor process; it ends with its parent, however that ends."""
    signals.to_children()
    lifeline.end_with_parent(parent)
    with contextlib.suppress(OSError):
        os.sched_setaffinity(0, {cpu})
    lab.act(segment.participant("client", comm=name[:15]), number)


@contextlib.contextmanager
def opened(scenario: Scenario, model: str) -> Iterator[Session]:
    """The segment, the actors, the scenario loaded.

    All of them run on one CPU: only one is awake at a time, and handing over is quickest so.

    Raises:
        CoreMissing: the lab core of the model cannot be built.
    """
    ensure(model, LAYOUT)
    pids: list[int] = []
    with contextlib.ExitStack() as stack:
        with signals.held():
            # Nobody attaches it: it needs no name, and a kill leaves nothing.
            name = f"race-{os.getpid()}-{next(_numbers)}"
            segment = Segment.create(name, _config(model, scenario.lookup), private=True)
            stack.callback(lab.abandon, segment)
            stack.callback(_end, pids)
            me = segment.participant("client", comm="controller")
            lab.load(me, scenario.program())
            before = os.sched_getaffinity(0)
            stack.callback(os.sched_setaffinity, 0, before)
            _fork_actors(segment, scenario, min(before), pids)
        # A search is one call: without its actors it comes back.
        with signals.breaking(lambda: _kill(pids)):
            yield Session(scenario, model, me, pids)


def _fork_actors(segment: Segment, scenario: Scenario, cpu: int, pids: list[int]) -> None:
    parent = os.getpid()
    sys.stdout.flush()
    sys.stderr.flush()
    os.sched_setaffinity(0, {cpu})
    for number, name in enumerate(scenario.actor_names):
        pid = os.fork()
        if pid == 0:
            try:
                _actor(segment, number, name, cpu, parent)
            finally:
                os._exit(0)
        pids.append(pid)


def _kill(pids: list[int]) -> None:
    """They are reaped by _end() alone, so the numbers are theirs."""
    for pid in pids:
        os.kill(pid, signal.SIGKILL)


def _end(pids: list[int]) -> None:
    _kill(pids)
    while pids:
        os.waitpid(pids.pop(), 0)
