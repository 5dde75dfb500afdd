# SPDX-License-Identifier: Apache-2.0
"""What looks at the instances found, and how fast it changes. Data only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from vmalab_native.events import Event, Waits
from vmalab_native.records import LockInfo, VmaInfo
from vmalab_native.sample import CALLS, WAITS, Attached, Sample
from vmalab_native.waiting import Tree
from vmalab_server.roster import Roster

LOCK_COUNTERS: Final = ("vma_lock_success", "vma_lock_abort", "vma_lock_retry", "vma_lock_miss")
"""The four of the kernel's CONFIG_PER_VMA_LOCK_STATS."""

LockKey = tuple[str, int, int, int]
"""A lock: its name, address space, begin and end of the VMA."""


GaveUp = Mapping[LockKey, Mapping[str, int]]
"""By VMA, named as its lock: for which reasons faults took mmap_lock, and how often."""


def key_of(lock: LockInfo) -> LockKey:
    return lock.name, lock.mm, lock.start, lock.end


@dataclass(frozen=True, slots=True)
class Since:
    """When something began (CLOCK_MONOTONIC), and whether it may have been earlier.

    at_least: it was under way when it was first seen.
    """

    ns: int
    at_least: bool


@dataclass(frozen=True, slots=True)
class Heat:
    """Waiting for one lock: ns in all since this view began, and ns in the last interval; the sum
    over those who waited."""

    waited_ns: int = 0
    last_ns: int = 0


@dataclass(frozen=True, slots=True)
class Seen:
    """What began when, for one thread: its operation, its wait, its RCU read section."""

    operation: Since | None = None
    wait: Since | None = None
    reading: Since | None = None


@dataclass(frozen=True, slots=True)
class Close:
    """What is read only of the thing that is zoomed into.

    Attributes:
        vmas: of an address space, or the one.
        more: there are more VMAs than were read.
        events: the last ones of a thread, the newest last.
        waits: of a thread, those that are over, by class of lock.
    """

    vmas: tuple[VmaInfo, ...] = ()
    more: bool = False
    events: tuple[Event, ...] = ()
    waits: Mapping[str, Waits] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Look:
    """One instance.

    Attributes:
        error: why it cannot be looked at; then sample is what was seen last, or None.
        sample, before: this look and the one that it is compared with.
        roster: where it is served, None: by nobody.
        seen: by the life of the thread.
        heat: by lock.
        gave_up: by VMA, since this view began.
        trees: who waits for whom, the longest wait first.
        close: of what is zoomed into.
    """

    name: str
    error: str = ""
    sample: Sample | None = None
    before: Sample | None = None
    roster: Roster | None = None
    seen: Mapping[tuple[int, int], Seen] = field(default_factory=dict)
    heat: Mapping[LockKey, Heat] = field(default_factory=dict)
    gave_up: GaveUp = field(default_factory=dict)
    trees: tuple[Tree, ...] = ()
    close: Close = field(default_factory=Close)

    @property
    def state(self) -> str:
        """In one word."""
        if self.sample is None:
            return "unknown"
        if self.sample.info.state == "ready" and not self.sample.info.supervisor_pid:
            return "no server"
        return self.sample.info.state

    @property
    def seconds(self) -> float:
        """Between the two looks; 0.0: there is only one."""
        if self.sample is None or self.before is None:
            return 0.0
        return (self.sample.at_ns - self.before.at_ns) / 1e9

    def rate(self, *names: str) -> float | None:
        """Counters of the instance by the second, added up; None: there is nothing to compare."""
        if self.sample is None or self.before is None or self.seconds <= 0:
            return None
        now, then = self.sample.counters, self.before.counters
        return max(0, sum(now[name] - then[name] for name in names)) / self.seconds

    @property
    def faults(self) -> float | None:
        return self.rate("pgfault")

    @property
    def calls(self) -> float | None:
        return self.rate(*CALLS)

    @property
    def waits(self) -> float | None:
        return self.rate(*WAITS)

    def earlier(self, one: Attached) -> Attached | None:
        """The same thread in the look before."""
        others = self.before.attached if self.before else ()
        return next((other for other in others if other.life == one.life), None)

    def thread(self, index: int) -> Attached | None:
        """Who has a slot now."""
        rows = self.sample.attached if self.sample else ()
        return next((one for one in rows if one.info.index == index), None)

    def rates(self, one: Attached) -> tuple[float | None, float | None]:
        """Faults and calls of a thread by the second."""
        before = self.earlier(one)
        if before is None or self.seconds <= 0:
            return None, None
        return (
            max(0, one.faults - before.faults) / self.seconds,
            max(0, one.calls - before.calls) / self.seconds,
        )

    def oldest_reader(self) -> tuple[Attached, Since] | None:
        """Who has been in an RCU read section for longest."""
        readers = []
        for one in self.sample.attached if self.sample else ():
            since = self.seen.get(one.life, Seen()).reading
            if since is not None:
                readers.append((one, since))
        return min(readers, key=lambda pair: pair[1].ns, default=None)


@dataclass(frozen=True, slots=True)
class World:
    """All instances at one time.

    clock: of the day, for people.
    """

    at_ns: int
    clock: str
    looks: tuple[Look, ...]

    def look(self, name: str) -> Look | None:
        return next((look for look in self.looks if look.name == name), None)


def state_of(one: Attached) -> str:
    """What a thread does, in one word."""
    if not one.info.alive:
        return "dead"
    if one.state in ("stopped", "traced"):
        return one.state
    if one.info.blocked:
        return "waits"
    return "runs" if one.info.in_core else "outside"


def name_of(one: Attached, roster: Roster | None) -> str:
    """What people call a thread: `worker 0`, `client load`."""
    for entry in roster.workers if roster and one.info.role == "worker" else ():
        if entry.pid == one.info.pid:
            return f"worker {entry.index}"
    comm = "".join(c if c.isprintable() else "?" for c in one.info.comm)  # anybody chose it
    return one.info.role if one.info.role == "supervisor" else f"{one.info.role} {comm}"
