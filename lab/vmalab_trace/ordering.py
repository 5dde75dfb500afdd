# SPDX-License-Identifier: Apache-2.0
"""The order of calls that overlapped.

strace shows when a call was entered and when its result was seen. Two calls of one address space
whose spans overlap may have been done in either order; the recorded answers show which orders are
possible. This module looks for one with the model of gaps.py, and keeps the order of completion
where the model cannot decide. Where the trace has `locks`, a step's span is one point of time for
nearly all steps, and there is nothing to look for.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from vmalab_trace import calls
from vmalab_trace.gaps import Gaps
from vmalab_trace.steps import Kind, Step

NODES_MAX: Final = 20_000
"""Bound of the search in one cluster; beyond it the order of completion is kept."""
STRETCHES_MAX: Final = 16
"""How many clusters are put again at most when a later one fits nowhere."""
AGAIN_MAX: Final = 600
"""And how many steps."""


@dataclass(slots=True)
class Ordering:
    """What the search found."""

    clusters: int = 0
    """Groups of steps whose spans hang together."""
    overlapping: int = 0
    """Calls that overlapped a call of another thread."""
    reordered: int = 0
    """Calls that were moved from the order of completion."""
    unresolved: int = 0
    """Clusters in which no order fits the model."""
    doubtful: list[tuple[int, int]] = field(default_factory=list)
    """Line ranges of the unresolved clusters."""


def clusters(steps: Sequence[Step]) -> list[list[Step]]:
    """Split the steps of one address space where no span crosses.

    The steps must be in the order of completion.
    """
    result: list[list[Step]] = []
    # From the end: a cut is possible before a step when nothing after it began earlier.
    earliest = float("inf")
    cut_before: list[bool] = [False] * len(steps)
    for index in range(len(steps) - 1, -1, -1):
        earliest = min(earliest, steps[index].first)
        previous_end = steps[index - 1].last if index else -1.0
        # A step without a span of its own has the line of what it follows: that is no overlap.
        cut_before[index] = previous_end <= earliest
    for step, cut in zip(steps, cut_before, strict=True):
        if cut or not result:
            result.append([])
        result[-1].append(step)
    return result


def _fits(gaps: Gaps, step: Step, *, exact: bool, sensible: bool = False) -> bool:
    if step.kind is not Kind.CALL or step.operation is None:
        return True
    return gaps.agrees(step.operation, step.value, step.errno, exact=exact, sensible=sensible)


def _advance(gaps: Gaps, step: Step) -> None:
    if step.kind is Kind.CALL and step.operation is not None:
        if isinstance(step.operation, calls.Mincore):
            span = (step.operation.addr, step.operation.addr + step.operation.length)
            step.compare_vector = not gaps.has_file(*span)
        gaps.apply(step.operation, step.value, step.errno)


@dataclass(slots=True)
class _Frame:
    """One depth of the search: what is placed so far and which choices are left."""

    gaps: Gaps
    left: list[Step]
    choices: list[int]
    step: Step | None = None


def _choices(left: list[Step]) -> list[int]:
    """Indices of the steps that may come first: none of the others was done before they began."""
    first_end = min(step.last for step in left)
    seen: set[int] = set()
    result: list[int] = []
    for index, step in enumerate(left):
        if step.first <= first_end and step.tid not in seen:
            result.append(index)
        seen.add(step.tid)
    return result


def search(
    gaps: Gaps, cluster: list[Step], *, exact: bool, sensible: bool = False
) -> list[Step] | None:
    """An order of the cluster in which the model agrees with every answer; None if there is none
    or the bound is reached."""
    frames = [_Frame(gaps, cluster, _choices(cluster)[::-1])]
    nodes = 0
    while frames:
        frame = frames[-1]
        if not frame.choices:
            frames.pop()
            continue
        nodes += 1
        if nodes > NODES_MAX:
            return None
        index = frame.choices.pop()
        step = frame.left[index]
        if not _fits(frame.gaps, step, exact=exact, sensible=sensible):
            continue
        left = frame.left[:index] + frame.left[index + 1 :]
        frame.step = step
        if not left:
            return [one.step for one in frames if one.step is not None]
        after = frame.gaps.copy()
        _advance(after, step)
        frames.append(_Frame(after, left, _choices(left)[::-1]))
    return None


@dataclass(slots=True)
class _Stretch:
    """A cluster and the lone steps behind it, as they were put, and the state before them."""

    before: Gaps
    steps: list[Step]
    at: int
    """Where they stand in the result."""


@dataclass(slots=True)
class _Space:
    """The ordering of one address space."""

    gaps: Gaps
    report: Ordering
    exact: bool
    result: list[Step] = field(default_factory=list)
    stretches: deque[_Stretch] = field(default_factory=lambda: deque(maxlen=STRETCHES_MAX))

    def add(self, cluster: list[Step]) -> None:
        """Put the next cluster behind what is put already."""
        lone = len(cluster) == 1
        if not lone and self.gaps.starts:
            self.report.clusters += 1
        found = self._find(self.gaps, cluster)
        if found is None and self._again(cluster):
            return
        if found is None and not lone and self.exact:
            found = search(self.gaps, cluster, exact=False)
        if found is None and lone:
            # A lone call that does not fit shows that the model's placement is not this kernel's.
            self.exact = False
        elif found is None:
            self.report.unresolved += 1
            self.report.doubtful.append((cluster[0].line, int(cluster[-1].end_line)))
        if not lone or not self.stretches:
            self.stretches.append(_Stretch(self.gaps.copy(), [], len(self.result)))
        self._put(found or cluster)

    def _find(self, gaps: Gaps, cluster: list[Step]) -> list[Step] | None:
        """An order of a cluster by the strictest reading of the answers that has one."""
        if not gaps.starts:
            return cluster
        if len(cluster) == 1:
            return cluster if _fits(gaps, cluster[0], exact=self.exact) else None
        readings = ((True, True), (True, False), (False, True), (False, False))
        for exact, sensible in readings[:2] if self.exact else readings[2:]:
            found = search(gaps, cluster, exact=exact, sensible=sensible)
            if found is not None:
                return found
        return None

    def _again(self, cluster: list[Step]) -> bool:
        """An order that fitted an earlier cluster may have been a wrong one: put earlier clusters
        and this one again, going back one at a time."""
        if not self.exact:
            return False
        steps: list[Step] = list(cluster)
        for index in range(len(self.stretches) - 1, -1, -1):
            stretch = self.stretches[index]
            steps = sorted([*stretch.steps, *steps], key=lambda step: step.last)
            if len(steps) > AGAIN_MAX:
                return False
            for sensible in (True, False):
                found = search(stretch.before, steps, exact=True, sensible=sensible)
                if found is None:
                    continue
                while len(self.stretches) > index:
                    self.stretches.pop()
                del self.result[stretch.at :]
                self.gaps = stretch.before.copy()
                self.stretches.append(_Stretch(stretch.before, [], stretch.at))
                self._put(found)
                return True
        return False

    def _put(self, steps: list[Step]) -> None:
        for step in steps:
            _advance(self.gaps, step)
        self.result += steps
        if self.stretches:
            self.stretches[-1].steps += steps


def arrange(steps: list[Step], start: dict[int, Gaps]) -> tuple[list[Step], Ordering]:
    """Put the steps of all address spaces in an order that fits the answers.

    Args:
        steps: in the order of completion.
        start: the model of each imported address space as it is right after its import.

    Returns:
        The steps, each address space in its new order and in the places its steps had, and what
        was done.
    """
    report = Ordering()
    by_slot: dict[int, list[int]] = {}
    for index, step in enumerate(steps):
        by_slot.setdefault(step.mm, []).append(index)
    result = list(steps)
    forks: dict[int, Gaps] = {}
    for slot in sorted(by_slot):
        places = by_slot[slot]
        gaps = start.get(slot) or forks.get(slot) or Gaps(base=0)
        first = gaps.copy()
        space = _Space(gaps, report, exact=gaps.base != 0)
        if gaps.starts:
            report.overlapping += _overlapping([steps[index] for index in places])
        for cluster in clusters([steps[index] for index in places]):
            space.add(cluster)
        report.reordered += sum(
            steps[index] is not step for index, step in zip(places, space.result, strict=True)
        )
        for index, step in zip(places, space.result, strict=True):
            result[index] = step
        _copy_at_forks(first, space.result, forks)
    return result, report


def _copy_at_forks(gaps: Gaps, steps: list[Step], forks: dict[int, Gaps]) -> None:
    """What each forked child begins with, by the final order."""
    if not any(step.kind is Kind.FORK for step in steps):
        return
    for step in steps:
        _advance(gaps, step)
        if step.kind is Kind.FORK:
            forks[step.child] = gaps.copy()


def _overlapping(steps: list[Step]) -> int:
    """How many calls of an address space overlapped a call of another thread."""
    spans = sorted((step for step in steps if step.kind is Kind.CALL), key=lambda step: step.line)
    met: set[int] = set()
    active: list[Step] = []
    for step in spans:
        active = [other for other in active if other.end_line > step.line]
        if active:
            met.add(id(step))
            met.update(id(other) for other in active)
        active.append(step)
    return len(met)
