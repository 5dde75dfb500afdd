# SPDX-License-Identifier: Apache-2.0
"""Puts faults among the calls, and everything in its true order where the trace has `locks`.

strace shows the span of a call. What the call does to its address space it does inside one
critical section of mmap_lock, and the line of `locks` says when that was: of two calls that
overlap, the one that got the lock first came first. A fault that gives a VMA its anon_vma, or that
finds its VMA locked, takes mmap_lock for reading and has such a line too; any other fault touches
pages of one VMA only and is put at the time it was seen.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from vmalab_trace import calls, maps, opens, perf
from vmalab_trace.folder import Meta
from vmalab_trace.steps import Kind, Program, Step, place_by_time, running_max

CLOCK_SLACK_NS: Final = 2_000
"""How far the two clocks of a trace may be apart."""
PRINT_SLACK_NS: Final = 50_000
"""strace begins to count the seconds of a call when it has printed its entry; so much later than
its line says may a call have ended."""
USER_END: Final = 1 << 47
SPECIAL: Final = frozenset({"[vdso]", "[vvar]", "[vvar_vclock]", "[vsyscall]"})
_CHANGES: Final = frozenset({Kind.CALL, Kind.FORK})
_EFAULT: Final = 14


@dataclass(slots=True)
class _Locks:
    """When one thread got an mmap_lock, on the clock of the trace."""

    times: list[int] = field(default_factory=list)
    writes: list[bool] = field(default_factory=list)

    def of_call(self, step: Step, until: int) -> int | None:
        """The critical section in which a call took effect: the first for writing, or else the
        first.

        Args:
            until: when the thread entered its next call.
        """
        if step.time_ns is None or step.end_ns is None or _takes_no_lock(step):
            return None
        low = bisect_left(self.times, step.time_ns - CLOCK_SLACK_NS)
        high = bisect_left(self.times, until)
        for at in range(low, high):
            if self.writes[at]:
                return self.times[at]
        if low == high:
            return None
        # Without the lock for writing it may be a fault of the program after the call.
        surely = isinstance(step.operation, calls.Mincore) and not step.errno
        if surely or self.times[low] <= step.end_ns + CLOCK_SLACK_NS:
            return self.times[low]
        return None

    def of_fault(self, moment: int, until: int) -> int | None:
        at = bisect_left(self.times, moment)
        return self.times[at] if at < len(self.times) and self.times[at] < until else None


def _takes_no_lock(step: Step) -> bool:
    """Calls that leave mmap_lock alone. What takes it next is a fault of the program, which must
    not be taken for theirs."""
    match step.operation:
        case calls.Plain(name="setrlimit") | calls.Capabilities():
            return True
        case calls.Truncate() | calls.Allocate() | opens.Seal() | opens.Write():
            return True
    return False


@dataclass(slots=True)
class Timeline:
    """The steps of a trace on one line of time."""

    program: Program
    meta: Meta
    left_out: dict[str, int]
    exact: bool = False
    """The trace has `locks`."""
    locks: dict[int, _Locks] = field(default_factory=lambda: defaultdict(_Locks))

    def add_locks(self, lines: Sequence[str]) -> None:
        """Give each call the moment at which it got mmap_lock."""
        locks, unread = perf.parse_locks(lines)
        if unread:
            self.left_out["line of `locks` that could not be read"] += unread
        for lock in locks:
            mine = self.locks[lock.tid]
            mine.times.append(self.meta.trace_time(lock.time_ns))
            mine.writes.append(lock.write)
        self.exact = bool(locks)
        if not self.exact:
            return
        until: dict[int, int] = {}
        for step in reversed(self.program.steps):
            if step.kind in _CHANGES:
                next_call = until.get(step.tid, 1 << 63)
                step.moment_ns = self.locks[step.tid].of_call(step, next_call)
                if step.moment_ns is None and step.end_ns is not None:
                    step.end_ns = min(step.end_ns + PRINT_SLACK_NS, next_call)
            if step.time_ns is not None:
                until[step.tid] = step.time_ns
        self._sort(self.program.steps)

    def _sort(self, steps: list[Step]) -> None:
        """Put steps in the order of time; those of one thread stay in theirs."""
        latest: dict[int, tuple[float, float]] = {}
        before = 0.0
        for step in steps:
            if step.moment_ns is not None:
                first = last = float(step.moment_ns)
            else:
                moment = step.time_ns if step.time_ns is not None else step.end_ns
                first = float(moment) if moment is not None else before
                last = float(step.end_ns) if step.kind in _CHANGES and step.end_ns else first
            own_first, own_last = latest.get(step.tid, (0.0, 0.0))
            step.first, step.last = max(first, own_first), max(last, own_last)
            latest[step.tid] = (step.first, step.last)
            if step.kind is Kind.FORK:
                self._fork_before_child(step)
            before = step.last
        steps.sort(key=lambda step: step.last)

    def _fork_before_child(self, fork: Step) -> None:
        begun = self.program.first_ns.get(fork.child)
        if begun is not None:
            fork.last = min(fork.last, float(begun))
            fork.first = min(fork.first, fork.last)

    def add_faults(self, lines: Sequence[str], snapshots: Mapping[int, list[maps.Area]]) -> None:
        """Put each recorded fault behind the last thing its thread did before it.

        Between that and the thread's next call the time decides against other threads.
        """
        faults, unread = perf.parse(lines)
        if unread:
            self.left_out["line of `faults` that could not be read"] += unread
        places = _Places(self.program, exact=self.exact)
        areas = _areas(self.program.steps, snapshots)
        next_fault: dict[int, int] = {}
        untils: list[int] = []
        for fault in reversed(faults):
            untils.append(next_fault.get(fault.tid, 1 << 63))
            next_fault[fault.tid] = self.meta.trace_time(fault.time_ns)
        insert: dict[int, list[Step]] = defaultdict(list)
        for fault, until in zip(faults, reversed(untils), strict=True):
            self._add_fault(fault, until, places, areas, insert)
        merged: list[Step] = []
        for index, step in enumerate(self.program.steps):
            merged += insert.get(index, [])
            merged.append(step)
        merged += insert.get(len(self.program.steps), [])
        if self.exact:
            self._sort(merged)
        self.program.steps = merged

    def _add_fault(
        self,
        fault: perf.Fault,
        until: int,
        places: _Places,
        areas: Mapping[int, list[maps.Area]],
        insert: dict[int, list[Step]],
    ) -> None:
        moment = self.meta.trace_time(fault.time_ns)
        if self.exact:
            until = min(until, places.next_call(fault.tid, moment))
            effect = self.locks[fault.tid].of_fault(moment, until) or moment
        else:
            effect = moment
        placed = places.place(fault, moment, effect, areas)
        if placed is None:
            self.left_out["before its address space was known, or after it was gone"] += 1
            return
        index, slot = placed
        why = _special(areas.get(slot, []), fault.addr)
        if why:
            self.left_out[why] += 1
            return
        if places.is_signal(fault, index):
            return
        before = places.steps[index - 1] if index else None
        if before and before.tid == fault.tid and before.errno == _EFAULT and fault.kernel:
            self.left_out["a bad address the program gave to the kernel"] += 1
            return
        line = before.end_line if before else 0.0
        insert[index].append(
            Step(
                Kind.FAULT,
                int(line),
                line,
                fault.tid,
                slot,
                addr=fault.addr,
                access=fault.access,
                kernel=fault.kernel,
                end_ns=effect,
                moment_ns=effect if self.exact else None,
            )
        )


@dataclass(slots=True)
class _Places:
    """Where in the order of the steps a fault belongs."""

    program: Program
    exact: bool
    steps: list[Step] = field(init=False)
    done: list[int] = field(init=False)
    own: dict[int, list[int]] = field(default_factory=lambda: defaultdict(list))
    """Indices of the steps of each thread."""
    began: dict[int, list[int]] = field(default_factory=lambda: defaultdict(list))
    called: dict[int, list[int]] = field(default_factory=lambda: defaultdict(list))
    begins: dict[int, int] = field(default_factory=dict)
    """Index of the step that made an address space."""
    ends: dict[int, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.steps = self.program.steps
        self.done = running_max(
            int(step.last) if self.exact else step.end_ns for step in self.steps
        )
        for index, step in enumerate(self.steps):
            began = step.time_ns if step.moment_ns is None else step.moment_ns
            began = self.done[index] if began is None else began
            mine = self.began[step.tid]
            self.own[step.tid].append(index)
            mine.append(max(began, mine[-1]) if mine else began)
            self.called[step.tid].append(self.done[index] if step.time_ns is None else step.time_ns)
            if step.begins >= 0:
                self.begins[step.begins] = index
            if step.ends:
                self.ends[step.mm] = index

    def next_call(self, tid: int, moment: int) -> int:
        """When the thread began its next call after a moment."""
        times = self.called[tid]
        at = bisect_right(times, moment)
        return times[at] if at < len(times) else 1 << 63

    def place(
        self, fault: perf.Fault, moment: int, effect: int, areas: Mapping[int, list[maps.Area]]
    ) -> tuple[int, int] | None:
        """Index before which a fault belongs, and its address space; None when that is not known.

        Args:
            moment: when the page was touched, on the clock of the trace.
            effect: when the fault changed something.
        """
        slot = self._slot(fault, moment, areas)
        if slot < 0 or slot not in self.begins:
            return None
        if slot in self.program.late and moment < (self.steps[self.begins[slot]].time_ns or 0):
            return None
        mine = self.began[fault.tid]
        at = bisect_right(mine, moment)
        own = self.own[fault.tid]
        low = max(own[at - 1] if at else -1, self.begins[slot]) + 1
        high = min(own[at] if at < len(own) else len(self.steps),
                   self.ends.get(slot, len(self.steps)))  # fmt: skip
        return max(low, min(place_by_time(self.done, effect), high)), slot

    def _slot(self, fault: perf.Fault, moment: int, areas: Mapping[int, list[maps.Area]]) -> int:
        homes = self.program.homes.get(fault.tid, [])
        at = bisect_right([home.begin_ns for home in homes], moment) - 1
        if at < 0:
            return -1
        slot = homes[at].slot
        if at and fault.kernel and slot in self.begins:
            # execve reads its arguments from the old address space and fills the new one.
            made = self.steps[self.begins[slot]]
            known = any(area.start <= fault.addr < area.end for area in areas.get(slot, []))
            fresh = made.kind in (Kind.IMPORT, Kind.EXEC)
            if fresh and moment < (made.time_ns or 0) and not known:
                return homes[at - 1].slot
        return slot

    def is_signal(self, fault: perf.Fault, index: int) -> bool:
        """A fault that ended in a signal is a step already; give it what perf knows."""
        own = self.own[fault.tid]
        at = bisect_left(own, index)
        if at == len(own):
            return False
        step = self.steps[own[at]]
        if step.kind is Kind.FAULT and step.signal and step.addr == fault.addr:
            step.access = fault.access
            return True
        return False


def _areas(
    steps: Sequence[Step], snapshots: Mapping[int, list[maps.Area]]
) -> dict[int, list[maps.Area]]:
    """The maps each address space began with."""
    areas: dict[int, list[maps.Area]] = {}
    for step in steps:
        if step.kind in (Kind.IMPORT, Kind.EXEC):
            areas[step.begins] = snapshots[step.snapshot]
        elif step.kind is Kind.FORK:
            areas[step.child] = areas.get(step.mm, [])
    return areas


def _special(areas: Sequence[maps.Area], addr: int) -> str:
    """Why a fault at an address is not replayed; empty when it is."""
    if addr >= USER_END:
        return "kernel or vsyscall address"
    for area in areas:
        if area.path in SPECIAL and area.start <= addr < area.end:
            return f"page of the kernel's own {area.path}"
    return ""
