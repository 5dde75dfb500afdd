# SPDX-License-Identifier: Apache-2.0
"""Other orders of overlapping steps, tried on the instance when an answer or a snapshot disagrees.

ordering.py has chosen the order by which addresses are used. That does not see what else depends on
the order of two steps that overlapped: which of two faults gave a VMA its anon_vma, and so what the
kernel merges. Where the trace has `locks` the order is known and there is nothing to try.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from vmalab_trace import calls, plain
from vmalab_trace.gaps import PAGE, page_up
from vmalab_trace.steps import Kind, Step
from vmalab_trace.verdict import Verdict

SLACK_NS: Final = 50_000
"""How much longer than strace says a call may have taken."""


@dataclass(slots=True)
class Best:
    """The best order found, what it gave, and how many were tried."""

    steps: list[Step]
    verdict: Verdict
    tried: int = 0


def improve(
    steps: list[Step], first: Verdict, play: Callable[[list[Step]], Verdict], *, tries_max: int
) -> Best:
    """Look for an order that gives a better verdict.

    Args:
        first: the verdict of `steps` as they are.
        play: replays an order from the beginning.
    """
    best = Best(steps, first)
    while not best.verdict.good and best.verdict.first_bad_step >= 0:
        better = False
        bad = best.verdict.first_bad_step
        for order in other_orders(best.steps, bad, best.verdict.bad_ranges):
            if best.tried >= tries_max:
                break
            best.tried += 1
            verdict = play(order)
            if _better(verdict, best.verdict):
                best.steps, best.verdict, better = order, verdict, True
                break
        if not better:
            break
    best.verdict.orders_tried = best.tried
    return best


def _better(one: Verdict, two: Verdict) -> bool:
    if one.first_bad_step < 0 or one.first_bad_step > two.first_bad_step:
        return True
    same = one.first_bad_step == two.first_bad_step
    return same and len(one.bad_ranges) < len(two.bad_ranges)


def other_orders(
    steps: list[Step], bad: int, ranges: list[tuple[int, int]] | None = None
) -> Iterator[list[Step]]:
    """Orders in which a step changes places with steps of other threads that it overlapped.

    Args:
        bad: index of the step that disagrees. A call or a fault is moved itself; of a snapshot the
            steps since the snapshot before are moved that touch the ranges.
        ranges: what differs in the snapshot.
    """
    if steps[bad].kind is not Kind.CHECK:
        yield from _moves(steps, bad, lambda other: True)
        return

    def touches(step: Step) -> bool:
        return any(
            start < high + PAGE and low - PAGE < end
            for low, high in _spans(step)
            for start, end in ranges or []
        )

    for index in range(bad - 1, -1, -1):
        step = steps[index]
        if step.begins == steps[bad].mm and step.snapshot >= 0:
            return
        if step.mm != steps[bad].mm:
            continue
        if step.kind is Kind.CHECK:
            return
        if touches(step):
            yield from _moves(steps, index, touches)


def _moves(steps: list[Step], index: int, counts: Callable[[Step], bool]) -> Iterator[list[Step]]:
    """The step at `index` moved to either side, past each step that counts."""
    step = steps[index]
    for direction in (-1, 1):
        at = index
        moved = list(steps)
        while 0 <= at + direction < len(moved):
            other = moved[at + direction]
            if other.mm == step.mm and (other.tid == step.tid or not _overlap(step, other)):
                break
            moved[at], moved[at + direction] = other, step
            at += direction
            if other.mm == step.mm and counts(other):
                yield list(moved)


def _overlap(one: Step, two: Step) -> bool:
    """Whether either may have come first."""
    if one.moment_ns is not None and two.moment_ns is not None:
        return False
    if Kind.FAULT not in (one.kind, two.kind):
        return two.first < one.last and one.first < two.last
    if one.end_ns is None or two.end_ns is None:
        return False
    return _began(two) <= one.end_ns + SLACK_NS and _began(one) <= two.end_ns + SLACK_NS


def _began(step: Step) -> int:
    return step.time_ns if step.time_ns is not None else (step.end_ns or 0)


def _spans(step: Step) -> list[tuple[int, int]]:
    """The ranges of addresses a step is about."""
    if step.kind is Kind.FAULT:
        return [(step.addr & -PAGE, (step.addr & -PAGE) + PAGE)]
    match step.operation:
        case calls.Mmap(_, length):
            return [] if step.errno else [(step.value, step.value + page_up(length))]
        case calls.Mremap(addr, old, new):
            spans = [(addr, addr + page_up(old))]
            return spans if step.errno else [*spans, (step.value, step.value + page_up(new))]
        case calls.Munmap(addr, length) | calls.Mprotect(addr, length):
            return [(addr, addr + page_up(length))]
        case calls.Madvise(addr, length) | calls.SetVmaName(addr, length):
            return [(addr, addr + page_up(length))]
        case calls.Plain(name, (addr, length, *_)) if name in plain.RANGED:
            return [(addr, addr + page_up(length))]
        case calls.ProcessMadvise(ranges):
            return [(addr, addr + page_up(length)) for addr, length in ranges]
    return []
