# SPDX-License-Identifier: Apache-2.0
"""Compares what a replay gave with what the kernel gave, and says what was compared."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import chain
from typing import Any, Final

from vmalab.ops import Status
from vmalab.uapi import SIGNAL
from vmalab_client.block import PKEY_MASK, PKEY_SHIFT, SEGV_PKUERR
from vmalab_native.flags import errno_name
from vmalab_trace import calls, maps
from vmalab_trace.plan import Plan
from vmalab_trace.player import Outcome
from vmalab_trace.steps import Kind, Step

SHOWN_MAX: Final = 20
_SIGNALS: Final = {number: name for name, number in SIGNAL.items()}
_SERVICE: Final = {int(status): status.name for status in Status}


@dataclass(slots=True)
class Verdict:
    """The result of a replay; as_dict() is what --json prints."""

    ops: int = 0
    agree: int = 0
    disagree: int = 0
    maps_checked: int = 0
    maps_equal: int = 0
    first_disagreements: list[dict[str, Any]] = field(default_factory=list)
    unsupported: Counter[str] = field(default_factory=Counter)
    faults_checked: int = 0
    faults_disagree: int = 0
    mincore_compared: int = 0
    mincore_not_compared: int = 0
    """mincore calls of which only the errno was compared: the trace does not show which pages the
    program touched, or which file pages were cached."""
    calls_before_start: int = 0
    calls_unanswered: Counter[str] = field(default_factory=Counter)
    lines_unread: int = 0
    faults_left_out: dict[str, int] = field(default_factory=dict)
    not_compared: Counter[str] = field(default_factory=Counter)
    """What of it could not be compared, by reason."""
    disagreements: int = 0
    """All of them, of which first_disagreements has the first."""
    overlapping: int = 0
    reordered: int = 0
    orders_tried: int = 0
    keyed: int = 0
    """Touches that a protection key of the program's own decided otherwise. Not printed: a note of
    not_compared has them."""
    counts_differ: dict[str, list[object]] = field(default_factory=dict)
    """Counts that are not those of `expect` in meta.json: what they should be, and are."""
    first_bad_step: int = -1
    """Index of the first step that disagrees; -1 for none. Not printed."""
    bad_ranges: list[tuple[int, int]] = field(default_factory=list)
    """What differs if that step is a snapshot. Not printed."""

    @property
    def good(self) -> bool:
        return (
            self.disagree == 0
            and self.faults_disagree == 0
            and self.maps_equal == self.maps_checked
            and self.lines_unread == 0
            and not self.counts_differ
        )

    def as_dict(self) -> dict[str, Any]:
        # Not dataclasses.asdict: it makes a Counter anew from pairs, which counts the pairs.
        data = {name: getattr(self, name) for name in self.__dataclass_fields__}
        del data["first_bad_step"], data["bad_ranges"], data["keyed"]
        return {name: dict(one) if isinstance(one, dict) else one for name, one in data.items()}

    def _wrong(self, index: int, step: Step, call: str, expected: str, got: str) -> None:
        if self.first_bad_step < 0 or index < self.first_bad_step:
            self.first_bad_step = index
            self.bad_ranges = []
        self.disagreements += 1
        if len(self.first_disagreements) < SHOWN_MAX:
            self.first_disagreements.append(
                {"line": step.line, "call": call, "expected": expected, "got": got}
            )

    def merge(self, other: Verdict) -> None:
        """Add the counts of another copy of the same trace."""
        for name in ("ops", "agree", "disagree", "maps_checked", "maps_equal", "faults_checked",
                     "faults_disagree", "mincore_compared", "mincore_not_compared",
                     "disagreements"):  # fmt: skip
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.not_compared.update(other.not_compared)
        room = SHOWN_MAX - len(self.first_disagreements)
        self.first_disagreements += other.first_disagreements[:room]

    def hold_to(self, expect: Mapping[str, Any]) -> None:
        """Compare the counts with those that the trace promises; without a promise nothing is."""
        found = self.counts()
        if expect:
            self.counts_differ = {
                name: [expect.get(name, 0), found.get(name, 0)]
                for name in sorted(expect.keys() | found.keys())
                if expect.get(name, 0) != found.get(name, 0)
            }

    def counts(self) -> dict[str, Any]:
        """What was compared and what was not: the part of a report that is the same on every
        replay of a trace (`expect` of its meta.json)."""
        names = ("ops", "maps_checked", "faults_checked", "mincore_compared",
                 "mincore_not_compared", "calls_before_start", "calls_unanswered", "unsupported",
                 "faults_left_out", "not_compared")  # fmt: skip
        data = self.as_dict()
        return {name: data[name] for name in names if data[name]}


@dataclass(frozen=True, slots=True)
class Identities:
    """The inode numbers a replay uses instead of the recorded ones, and back.

    A server may have served the same trace before; with numbers of its own each replay begins with
    files nobody has read.
    """

    forth: dict[tuple[int, int], int]
    back: dict[tuple[int, int], int]
    unknown: frozenset[tuple[int, int]]
    files: list[int]
    """The inode number of each file of the plan."""

    def original(self, area: maps.Area) -> maps.Area:
        inode = self.back.get((area.dev, area.inode))
        if inode is None:
            return area
        return maps.Area(
            area.start, area.end, area.perms, area.offset, area.major, area.minor, inode, area.path
        )


def _answer(status: int, value: int) -> str:
    if status in _SERVICE:
        return _SERVICE[status]
    if status < 0:
        return f"-1 {errno_name(-status)}"
    return f"{value:#x}" if value > 4096 else str(value)


def _fault_answer(signal: int, code: int) -> str:
    if signal == 0:
        return "done"
    if signal < 0:
        return _answer(signal, 0)
    return f"{_SIGNALS.get(signal, signal)} si_code {code}"


def _bits(outcome: Outcome, pages: int) -> tuple[int, ...]:
    if outcome.vector:
        return tuple(byte & 1 for byte in outcome.vector)
    return tuple(outcome.value >> page & 1 for page in range(pages))


RESERVED: Final = "calls and touches of memory that the emulator does not have"
BY_KERNEL: Final = (
    "touches by the kernel of an address that the program may not touch: a call that is not in the "
    "trace gave EFAULT, or less than it was asked for"
)


def _judge_call(plan: Plan, verdict: Verdict, index: int, step: Step, outcome: Outcome) -> None:
    if not step.counted:
        if outcome.status:
            verdict.disagree += 1
            got = _answer(outcome.status, 0)
            verdict._wrong(index, step, f"{step.text()} (made by the replay)", "0", got)
        return
    if plan.in_reserved(step):
        verdict.not_compared[RESERVED] += 1
        return
    verdict.ops += 1
    expected = -step.errno
    same = outcome.status == expected
    wanted, given = _answer(expected, step.value), _answer(outcome.status, outcome.value)
    if same and not step.errno:
        match step.operation:
            case calls.Mmap() | calls.Mremap() | calls.Brk() | calls.ProcessMadvise():
                same = outcome.value == step.value
            case calls.Plain(name="pkey_alloc"):
                same = outcome.value == step.value
            case calls.Mincore() as mincore:
                same, wanted, given = _judge_mincore(verdict, step, mincore, outcome)
    if same and outcome.keyed:
        verdict.ops -= 1
        verdict.keyed += 1
    elif same:
        verdict.agree += 1
    else:
        verdict.disagree += 1
        verdict._wrong(index, step, step.text(), wanted, given)


def _judge_mincore(
    verdict: Verdict, step: Step, call: calls.Mincore, outcome: Outcome
) -> tuple[bool, str, str]:
    pages = (call.length + 4095) // 4096
    if not step.compare_vector or call.vector is None:
        verdict.mincore_not_compared += 1
        return True, "", ""
    got = _bits(outcome, pages)
    shown = call.vector
    if call.vector_cut or len(shown) < pages:
        note = "mincore pages beyond those strace printed (use strace -v or a larger -s)"
        verdict.not_compared[note] += 1
        got = got[: len(shown)]
    verdict.mincore_compared += 1
    return got == shown, "".join(map(str, shown)), "".join(map(str, got))


def _judge_fault(plan: Plan, verdict: Verdict, index: int, step: Step, outcome: Outcome) -> None:
    if plan.in_reserved(step):
        verdict.not_compared[RESERVED] += 1
        return
    if step.kernel and outcome.status > 0 and not step.signal:
        verdict.not_compared[BY_KERNEL] += 1
        return
    verdict.faults_checked += 1
    code = outcome.info & 0xFF if outcome.status else 0
    key = (outcome.info & PKEY_MASK) >> PKEY_SHIFT if code == SEGV_PKUERR else -1
    if (outcome.status, code) == (step.signal, step.si_code) and step.pkey in (-1, key):
        verdict.faults_checked -= outcome.keyed
        verdict.keyed += outcome.keyed
        return
    verdict.faults_disagree += 1
    wanted = _fault_answer(step.signal, step.si_code)
    verdict._wrong(index, step, step.text(), wanted, _fault_answer(outcome.status, code))


def _judge_maps(
    verdict: Verdict,
    index: int,
    step: Step,
    expected: list[maps.Area],
    text: str,
    names: Identities,
    inodes: dict[int, int],
    *,
    plan: Plan,
) -> None:
    verdict.maps_checked += 1
    got = [names.original(area) for area in maps.parse(text)]
    reserved = plan.reserved.get(step.mm, [])
    if reserved:
        left = [area for area in expected if not _inside(area, reserved)]
        verdict.not_compared[RESERVED] += len(expected) - len(left)
        expected, got = left, [area for area in got if not _inside(area, reserved)]
    if plan.coalesce or step.mm in plan.blind:
        expected, got = maps.coalesce(expected), maps.coalesce(got)
    result = maps.compare(
        expected,
        got,
        inodes=inodes,
        unknown=lambda area: (area.dev, area.inode) in names.unknown,
        exact_stack=plan.exact_stack and step.mm not in plan.blind,
        renamed=plan.program.renamed,
    )
    verdict.not_compared.update(result.notes)
    if result.equal:
        verdict.maps_equal += 1
        return
    for one, two in result.differences[:SHOWN_MAX]:
        call = f"maps.{step.snapshot}"
        verdict._wrong(index, step, call, one or "(nothing)", two or "(nothing)")
    if verdict.first_bad_step == index:
        verdict.bad_ranges = [
            (area.start, area.end)
            for line in chain.from_iterable(result.differences)
            for area in maps.parse(line)
        ]


def _inside(area: maps.Area, ranges: list[tuple[int, int]]) -> bool:
    return any(start < area.end and area.start < end for start, end in ranges)


def judge(plan: Plan, steps: list[Step], outcomes: list[Outcome], names: Identities) -> Verdict:
    """Compare every outcome with what was recorded."""
    verdict = Verdict(
        unsupported=Counter(plan.program.unsupported),
        calls_before_start=plan.program.before_start,
        calls_unanswered=Counter(plan.program.unanswered),
        lines_unread=len(plan.program.unread),
        faults_left_out=dict(plan.faults_left_out),
        not_compared=Counter(plan.notes),
        overlapping=plan.ordering.overlapping,
        reordered=plan.ordering.reordered,
    )
    for garbage in plan.program.unread[:SHOWN_MAX]:
        verdict.disagreements += 1
        verdict.first_disagreements.append(
            {"line": garbage.line, "call": garbage.text[:200], "expected": "", "got": garbage.why}
        )
    inodes: dict[int, int] = {}
    for outcome in sorted(outcomes, key=lambda one: one.step):
        step = steps[outcome.step]
        match step.kind:
            case Kind.CALL:
                _judge_call(plan, verdict, outcome.step, step, outcome)
            case Kind.FAULT:
                _judge_fault(plan, verdict, outcome.step, step, outcome)
            case Kind.CHECK:
                expected = plan.snapshots[step.snapshot]
                _judge_maps(
                    verdict,
                    outcome.step,
                    step,
                    expected,
                    outcome.text,
                    names,
                    inodes,
                    plan=plan,
                )
            case Kind.FORK | Kind.EXEC | Kind.EXIT:
                verdict.ops += 1
                if outcome.status == 0:
                    verdict.agree += 1
                else:
                    verdict.disagree += 1
                    got = _answer(outcome.status, 0)
                    verdict._wrong(outcome.step, step, step.text(), "0", got)
    if verdict.keyed:
        verdict.not_compared[
            "answers that a protection key decides: what the program writes to PKRU is in no trace"
        ] += verdict.keyed
    return verdict
