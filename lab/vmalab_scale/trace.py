# SPDX-License-Identifier: Apache-2.0
"""A recorded trace on virtual CPUs, one for each of its threads, its answers checked.

The calls of an address space begin in their recorded order, each when all that stands before it in
the trace is done. Faults between two calls go on side by side. What concerns more than one address
space (fork, exit, sizes of files) waits for all, and all wait for it. What is no record of a block
(the begin of a program, execve, a snapshot of its maps) is done between operations, in no time.
"""

from __future__ import annotations

from collections import Counter
from functools import partial
from pathlib import Path
from typing import Final, Literal

from vmalab_drive.drivers import AttachDriver, Driver, Target
from vmalab_native.core import Participant
from vmalab_native.virtual import CPUS_MAX, Cells, Order, Step, Turn, VirtualRun
from vmalab_scale.work import Needs, Place, ScaleError, Verdict, Work, Workload
from vmalab_trace import calls, opens, player, reorder, replay, verdict
from vmalab_trace.folder import Folder, FolderError, named
from vmalab_trace.plan import Plan, load
from vmalab_trace.player import Outcome, Player
from vmalab_trace.steps import Kind
from vmalab_trace.steps import Step as Recorded

TRACE: Final = "trace:"
"""Before the name of a folder."""
ORDERS_MAX: Final = 16
ALL: Final = 1
BARRIERS: Final = 2
MM_APART: Final = 1 << 32
FILE_APART: Final = 1 << 20
"""Between the numbers with which records are made twice, so that their places are seen."""
WORD: Final = 8
FRAMES: Final = 1 << 19
FILES: Final = 1 << 12
_OF_ALL: Final = (calls.Truncate, calls.Allocate, opens.Seal, calls.Mincore)
"""Calls whose answers, or effects, other address spaces have a part in."""


class _Here(AttachDriver):
    """The core in this process, as one participant of it."""

    def __init__(self, me: Participant) -> None:
        Driver.__init__(self)
        self._participant = me


def workload(name: str, *, in_order: bool = False) -> Workload:
    """The trace of `trace:FOLDER`.

    Args:
        in_order: faults wait for one another as well.

    Raises:
        ScaleError: it is no trace.
    """
    try:
        plan = load(Folder(named(Path(name.removeprefix(TRACE)))))
    except FolderError as error:
        raise ScaleError(f"{name}: {error}") from None
    if not plan.steps:
        raise ScaleError(f"{name}: there is no step to do")
    threads = len({step.tid for step in plan.steps})
    text = (
        f"What {threads} threads did in {plan.slots} address spaces, once. Each is a virtual CPU."
    )
    needs = Needs(FRAMES, 2 * plan.slots + 64, FILES, size_bytes=1 << 30)
    strict = None if in_order else partial(workload, name, in_order=True)
    return Workload(
        name,
        text,
        partial(_made, name, plan, in_order),
        lambda cpus: needs,
        min(threads, CPUS_MAX),
        strict,
    )


def _made(name: str, plan: Plan, in_order: bool, place: Place) -> Work:
    steps = _best_order(name, plan, place)
    names = replay.identities(plan, 0, salt=2 << 16)
    score = replay.score_of(plan, steps, [0] * len(steps), names, Target(), "batch")
    driver = _Here(place.people[0])
    mms, files = [0] * max(plan.slots, 1), [0] * len(score.files)
    acting = Player(score, driver, mms, files)
    records = _records(score, steps, driver)
    for at in sorted({cell - len(mms) for _, _, patches in records for _, cell in patches}):
        if at >= 0:
            acting.file(at)
    people = {tid: n % place.cpus for n, tid in enumerate(dict.fromkeys(s.tid for s in steps))}
    programs: list[list[Step]] = [[] for _ in range(place.cpus)]
    aside: Counter[str] = Counter()
    for at, (step, (block, kind, patches)) in enumerate(zip(steps, records, strict=True)):
        if not block:
            aside[_says(step)] += 1
        keep = step.child if block and step.kind is Kind.FORK else -1
        how: Literal["block", "ask"] = "block" if block else "ask"
        programs[people[step.tid]].append(
            Step(block, kind, how, keep=keep, patches=patches, turn=at, checked=False)
        )
    turns = _turns(steps, [not block for block, _, _ in records], in_order=in_order)

    def ask(turn: int, cells: Cells) -> None:
        step = steps[turn]
        mms[:] = [cells[slot] for slot in range(len(mms))]
        acting.driver = _Here(place.people[people[step.tid]])
        acting.single(turn, step)
        for slot, number in enumerate(mms):
            cells[slot] = number
        for at, number in enumerate(acting.files):
            cells[len(mms) + at] = number

    def judge(run: VirtualRun) -> Verdict:
        done = [
            Outcome(at, player.answered(steps[at], status), info, value)
            for at, (status, info, value) in enumerate(run.answers)
            if records[at][0]
        ]
        found = verdict.judge(plan, steps, [*done, *acting.outcomes], names)
        return _verdict(found, aside, in_order=in_order)

    cells = [*mms, *acting.files]
    return Work([], list(programs), cells, Order(turns, ask), judge)


def _best_order(name: str, plan: Plan, place: Place) -> list[Recorded]:
    """The order of overlapping calls whose answers agree, as `vmalab replay` looks for it.

    Raises:
        ScaleError: none does, so nothing can be judged by the trace.
    """
    driver = _Here(place.people[0])

    def play(steps: list[Recorded]) -> verdict.Verdict:
        names = replay.identities(plan, 0, salt=1 << 16)
        score = replay.score_of(plan, steps, [0] * len(steps), names, Target(), "batch")
        mms = [0] * max(plan.slots, 1)
        acting = Player(score, driver, mms)
        acting.play(0, len(steps))
        player.end_all(driver, mms, acting.files, score)
        return verdict.judge(plan, steps, acting.outcomes, names)

    best = reorder.improve(plan.steps, play(plan.steps), play, tries_max=ORDERS_MAX)
    if not best.verdict.good:
        first = (best.verdict.first_disagreements or [{"line": 0, "call": "", "got": ""}])[0]
        raise ScaleError(
            f"{name}: {best.verdict.disagreements} answers are not those of the trace, first line "
            f"{first['line']}, {first['call']}: {first['got']}; `vmalab replay` says more"
        )
    return best.steps


Record = tuple[bytes, str, tuple[tuple[int, int], ...]]
"""A block (none: it is no record), the kind of operation, and its patches."""


def _records(score: player.Score, steps: list[Recorded], driver: Driver) -> list[Record]:
    """The record of each step, with 0 where the number of an address space or a file goes."""
    slots = max(score.slots, 1)
    texts = []
    for mm, file in ((0, 0), (MM_APART, FILE_APART)):
        spaces = [1 + slot + mm for slot in range(slots)]
        numbers = [1 + index + file for index in range(len(score.files))]
        one = Player(score, driver, spaces, numbers)
        texts.append([one.record(at) for at in range(len(steps))])
    found: list[Record] = []
    for step, one_block, other in zip(steps, *texts, strict=True):
        words = [one_block[at : at + WORD] for at in range(0, len(one_block), WORD)]
        patches = []
        for at in range(len(words)):
            here = int.from_bytes(words[at], "little")
            there = int.from_bytes(other[at * WORD : (at + 1) * WORD], "little")
            if here == there:
                continue
            patches.append((at, here - 1 + (slots if there - here == FILE_APART else 0)))
            words[at] = bytes(WORD)
        found.append((b"".join(words), _kind(step), tuple(patches)))
    return found


def _kind(step: Recorded) -> str:
    if step.kind is not Kind.CALL:
        return str(step.kind.value)
    operation = step.operation
    name = operation.name if isinstance(operation, calls.Plain) else type(operation).__name__
    return name.lower()


def _says(step: Recorded) -> str:
    return step.text().partition("(")[0]


def _turns(steps: list[Recorded], asks: list[bool], *, in_order: bool) -> list[Turn]:
    """When each step begins, and which counters it moves."""
    turns = []
    done: Counter[int] = Counter()
    for at, step in enumerate(steps):
        of_mm, calls_of_mm = 3 + 2 * step.mm, 4 + 2 * step.mm
        is_fault = step.kind is Kind.FAULT
        waits: tuple[tuple[int, int], ...]
        moves: tuple[int, ...]
        for_all = asks[at] or in_order or not (is_fault or step.kind is Kind.CALL)
        if for_all or isinstance(step.operation, _OF_ALL):
            waits, moves = ((ALL, at),), (ALL, BARRIERS, of_mm, calls_of_mm)
        elif is_fault:
            waits = ((calls_of_mm, done[calls_of_mm]), (BARRIERS, done[BARRIERS]))
            moves = (ALL, of_mm)
        else:
            waits = ((of_mm, done[of_mm]), (BARRIERS, done[BARRIERS]))
            moves = (ALL, of_mm, calls_of_mm)
        done.update(moves)
        turns.append(Turn(waits, moves))
    return turns


def _verdict(found: verdict.Verdict, aside: Counter[str], *, in_order: bool) -> Verdict:
    lines = [
        f"answers: {found.agree} agree, {found.disagree} disagree; "
        f"{found.faults_checked - found.faults_disagree} faults agree, {found.faults_disagree} "
        f"disagree; {found.maps_equal} of {found.maps_checked} snapshots of maps are equal"
    ]
    if in_order:
        lines.append("faults wait for one another too: side by side they gave other answers")
    for one in found.first_disagreements:
        lines.append(
            f"line {one['line']}: {one['call']}: expected {one['expected']}, got {one['got']}"
        )
    for why, count in sorted(found.not_compared.items()):
        lines.append(f"not compared: {count} {why}")
    for what, count in sorted(found.unsupported.items()):
        lines.append(f"left out: {count} {what}")
    if aside:
        said = ", ".join(f"{count} {what}" for what, count in sorted(aside.items()))
        lines.append(f"done between operations, in no virtual time: {said}")
    facts: dict[str, object] = {**found.as_dict(), "aside": dict(aside), "in_order": in_order}
    return Verdict(found.good, "\n".join(lines), facts)
