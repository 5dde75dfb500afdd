# SPDX-License-Identifier: Apache-2.0
"""A recorded trace as a load: its operations over and over, each answer compared with the trace's.

A caller replays the trace once before the load, as `vmalab replay` does, and keeps the order of
overlapping steps that agreed. Of the steps that are records of a block it keeps the bytes. In each
turn address spaces and files have other numbers, which are put in their places. What is no record
(the begin of a program, execve, a snapshot of maps) is done and judged between two operations.
"""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from vmalab import pack
from vmalab_client.block import parse_block
from vmalab_drive.drivers import Driver, DriverError, Target
from vmalab_drive.errors import UsageError
from vmalab_drive.packed import RESULT
from vmalab_loadgen.blocks import Tally, Wrong
from vmalab_loadgen.script import Numbers, count_answers
from vmalab_loadgen.workloads import TRACE
from vmalab_trace import calls, player, reorder, replay, verdict
from vmalab_trace.folder import Folder, FolderError, named
from vmalab_trace.plan import Plan, load
from vmalab_trace.player import Outcome, Player
from vmalab_trace.steps import Kind, Step
from vmalab_trace.verdict import Identities

ORDERS_MAX: Final = 16
MM_APART: Final = 1 << 32
FILE_APART: Final = 1 << 20
"""Between the numbers with which the records are made twice, so that their places are seen."""
TURNS_MAX: Final = 1 << 16
"""Of one caller, before an inode number comes again."""

Words = npt.NDArray[np.uint64]


def folder_of(workload: str) -> Folder:
    """The folder of `trace:FOLDER`.

    Raises:
        UsageError: it is no trace.
    """
    try:
        return Folder(named(Path(workload.removeprefix(TRACE))))
    except FolderError as error:
        raise UsageError(f"--workload {TRACE}FOLDER: {error}") from None


@dataclass(slots=True)
class Part:
    """Records in order, and the steps behind them that are none."""

    words: Words
    """The block, with 0 where a number of a turn goes."""
    begins: Numbers
    """In bytes, of each record, and the end."""
    ops: Numbers
    steps: Numbers
    spaces: tuple[Numbers, Numbers]
    """Words with the number of an address space, and which slot's."""
    files: tuple[Numbers, Numbers]
    status: npt.NDArray[np.int32]
    """What the trace has, of each record."""
    code: npt.NDArray[np.uint32]
    value: Words
    has_value: npt.NDArray[np.bool_]
    judged: npt.NDArray[np.bool_]
    """More has to be compared than these."""
    lives: tuple[int, ...]
    """Which records begin or end an address space."""
    after: list[int]


@dataclass(slots=True)
class Cut:
    """A block: some records of a part, with the numbers of a turn."""

    part: Part
    first: int
    count: int
    data: bytes
    intended_ns: int = 0
    sent_ns: int = 0

    @property
    def kinds(self) -> Numbers:
        return self.part.ops[self.first : self.first + self.count]


@dataclass(slots=True)
class Recorded:
    """A trace that is ready to be done over and over."""

    plan: Plan
    steps: list[Step]
    begin: list[int]
    """Steps before the first record."""
    parts: list[Part]
    not_compared: Counter[str]
    """In one turn."""

    @staticmethod
    def read(workload: str, driver: Driver) -> Recorded:
        """Replays the trace once, and takes its records.

        Raises:
            UsageError: the trace cannot be read.
            DriverError: answers are not those of the trace, so no load can be judged by it.
        """
        plan = load(folder_of(workload))

        def play(steps: list[Step]) -> verdict.Verdict:
            turn = _Turn(plan, steps, driver, _fresh_salt())
            turn.player.play(0, len(steps))
            player.end_all(driver, turn.mms, turn.player.files, turn.player.score)
            return verdict.judge(plan, steps, turn.player.outcomes, turn.names)

        best = reorder.improve(plan.steps, play(plan.steps), play, tries_max=ORDERS_MAX)
        if not best.verdict.good:
            first = (best.verdict.first_disagreements or [{"line": 0, "call": "", "got": ""}])[0]
            raise DriverError(
                f"{workload} cannot be a load: {best.verdict.disagreements} answers are not those "
                f"of the trace, first line {first['line']}, {first['call']}: {first['got']}; "
                "`vmalab replay` says more"
            )
        begin, parts = _parts(plan, best.steps, driver)
        if not parts:
            raise DriverError(f"{workload} cannot be a load: it has no operation")
        return Recorded(plan, best.steps, begin, parts, best.verdict.not_compared)


def _fresh_salt() -> int:
    return int.from_bytes(os.urandom(3), "little") << 16


def _score(plan: Plan, steps: list[Step], names: Identities) -> player.Score:
    return replay.score_of(plan, steps, [0] * len(steps), names, Target(), "batch")


class _Turn:
    """The trace once: the numbers of its address spaces and files."""

    def __init__(self, plan: Plan, steps: list[Step], driver: Driver, salt: int) -> None:
        self.names = replay.identities(plan, 0, salt=salt)
        self.mms = [0] * max(plan.slots, 1)
        self.player = Player(_score(plan, steps, self.names), driver, self.mms)
        self.living: dict[int, int] = {}
        """Slots of address spaces that have not ended, and their numbers."""

    def done(self, step: Step) -> None:
        """A step has its answer."""
        if step.ends:
            self.living.pop(step.mm, None)
        if step.begins >= 0 and self.mms[step.begins]:
            self.living[step.begins] = self.mms[step.begins]

    @property
    def files(self) -> list[int]:
        return [int(one) for one in self.player.files if one]

    def end(self) -> None:
        """Exit what the trace left alive, and close the files."""
        driver = self.player.driver
        if self.living:
            driver.run(b"".join(pack.exit(mm) for mm in self.living.values()))
        for file in self.files:
            driver.close_file(file)


def _parts(plan: Plan, steps: list[Step], driver: Driver) -> tuple[list[int], list[Part]]:
    """The records between steps that are none. A fork ends a part: its answer is the number of an
    address space."""
    texts = []
    for mm, file in ((0, 0), (MM_APART, FILE_APART)):
        score = _score(plan, steps, replay.identities(plan, 0))
        spaces = [1 + slot + mm for slot in range(max(plan.slots, 1))]
        numbers = [1 + index + file for index in range(len(score.files))]
        one = Player(score, driver, spaces, numbers)
        texts.append([one.record(index) for index in range(len(steps))])
    begin: list[int] = []
    parts: list[Part] = []
    held: list[int] = []

    def close() -> None:
        if held:
            pair = [b"".join(text[index] for index in held) for text in texts]
            parts.append(_part(plan, steps, held, pair[0], pair[1]))
            held.clear()

    for index, step in enumerate(steps):
        if texts[0][index]:
            held.append(index)
            if step.kind is Kind.FORK:
                close()
            continue
        close()
        (parts[-1].after if parts else begin).append(index)
    close()
    return begin, parts


def _part(plan: Plan, all_steps: list[Step], indices: list[int], one: bytes, two: bytes) -> Part:
    first, second = np.frombuffer(one, np.uint64), np.frombuffer(two, np.uint64)
    words, apart = first.copy(), second - first
    places = []
    for distance in (MM_APART, FILE_APART):
        at = np.flatnonzero(apart == np.uint64(distance))
        which = (first[at] & np.uint64(FILE_APART - 1)).astype(np.int64) - 1
        words[at] -= (which + 1).astype(np.uint64)
        places.append((at, which))
    if len(places[0][0]) + len(places[1][0]) != np.count_nonzero(apart):
        raise DriverError("a record of the trace has a number in an unknown place")
    records = list(parse_block(one))
    sizes = [_record_bytes(one, at) for at in _starts(one)]
    steps = [all_steps[index] for index in indices]
    return Part(
        words=words,
        begins=np.concatenate(([0], np.cumsum(sizes))).astype(np.int64),
        ops=np.array([record.op for record in records], np.int64),
        steps=np.array(indices, np.int64),
        spaces=places[0],
        files=places[1],
        status=np.array([_status(step) for step in steps], np.int32),
        code=np.array([step.si_code if step.signal else 0 for step in steps], np.uint32),
        value=np.array([max(step.value, 0) for step in steps], np.uint64),
        has_value=np.array([_has_value(step) for step in steps], np.bool_),
        judged=np.array([_needs_more(plan, step) for step in steps], np.bool_),
        lives=tuple(at for at, step in enumerate(steps) if step.ends or step.begins >= 0),
        after=[],
    )


def _starts(block: bytes) -> list[int]:
    starts, at = [], 0
    while at < len(block):
        starts.append(at)
        at += _record_bytes(block, at)
    return starts


def _record_bytes(block: bytes, at: int) -> int:
    """The length of a record, which its second byte has in words."""
    return 8 * block[at + 1]


def _status(step: Step) -> int:
    if step.kind is Kind.FAULT:
        return step.signal
    return -step.errno if step.kind is Kind.CALL and step.counted else 0


def _has_value(step: Step) -> bool:
    if step.kind is not Kind.CALL or step.errno or not step.counted:
        return False
    call = step.operation
    with_value = calls.Mmap | calls.Mremap | calls.Brk | calls.ProcessMadvise
    return isinstance(call, with_value) or (
        isinstance(call, calls.Plain) and call.name == "pkey_alloc"
    )


def _needs_more(plan: Plan, step: Step) -> bool:
    return isinstance(step.operation, calls.Mincore) or step.pkey >= 0 or plan.in_reserved(step)


class TraceMaker:
    """The blocks of one caller that does a trace over and over."""

    def __init__(self, trace: Recorded, *, mm: int, me: int, driver: Driver) -> None:
        self.mm = mm
        self.me = me
        self.tally = Tally()
        self.turns = 0
        """Those that are over."""
        self.between = 0
        """Steps that were done and judged between two operations."""
        self._trace = trace
        self._driver = driver
        self._salt = _fresh_salt()
        self._begin_turn()

    def _begin_turn(self) -> None:
        trace = self._trace
        salt = self._salt | self.turns % TURNS_MAX
        self._turn = _Turn(trace.plan, trace.steps, self._driver, salt)
        self._part = self._next = self._answered = 0
        self._aside(trace.begin)

    @property
    def files(self) -> list[int]:
        return self._turn.files

    @property
    def forked(self) -> list[int]:
        """Address spaces that need a lease besides the own one."""
        return list(self._turn.living.values())

    @property
    def not_compared(self) -> Counter[str]:
        """What could not be compared in the turns that are over."""
        return Counter({why: count * self.turns for why, count in self._trace.not_compared.items()})

    def first(self) -> list[bytes]:
        """Nothing: the trace begins with address spaces of its own."""
        return []

    def _now(self) -> Part:
        return self._trace.parts[self._part]

    def most(self, size: int) -> int:
        return min(size, max(len(part.ops) for part in self._trace.parts))

    def make(self, size: int) -> Cut:
        """The next records; none while a part waits for its answers."""
        part = self._now()
        first, count = self._next, min(size, len(part.ops) - self._next)
        if not count:
            return Cut(part, first, 0, b"")
        if not first:
            self._fill(part)
        self._next += count
        data = self._data[int(part.begins[first]) : int(part.begins[first + count])]
        return Cut(part, first, count, data)

    def _fill(self, part: Part) -> None:
        """The records of a part with the numbers of this turn."""
        words = part.words.copy()
        at, slots = part.spaces
        words[at] += np.array(self._turn.mms, np.uint64)[slots]
        at, numbers = part.files
        if len(at):
            opened = {one: self._turn.player.file(one) for one in set(numbers.tolist())}
            words[at] += np.array([opened[one] for one in numbers.tolist()], np.uint64)
        self._data = words.tobytes()

    def check(self, block: Cut, answer: bytes) -> int:
        """Compare the answers with those of the trace; how many there are."""
        results = np.frombuffer(answer, RESULT)
        if len(results) != block.count:
            what = f"{block.count} records"
            self.tally.add_wrong(Wrong("block", what, what, f"{len(results)} results"))
            raise DriverError(f"{what} of the trace had {len(results)} results")
        part, rows = block.part, slice(block.first, block.first + block.count)
        failed = results["status"] != 0
        code = np.where(failed, results["info"] & np.uint32(0xFF), 0)
        bad = results["status"] != part.status[rows]
        bad |= part.has_value[rows] & (results["value"] != part.value[rows])
        bad |= (part.status[rows] > 0) & (code != part.code[rows])
        bad |= part.judged[rows]
        count_answers(self.tally, part.ops[rows], results, failed)
        for at in part.lives:
            if block.first <= at < block.first + block.count:
                self._lives(part, at, int(results["value"][at - block.first]))
        for at in np.flatnonzero(bad).tolist():
            status, info, value = (int(one) for one in results[at])
            index = int(part.steps[block.first + at])
            status = player.answered(self._trace.steps[index], status)
            self._judge(Outcome(index, status, info, value))
        self._answered += block.count
        if self._answered == len(part.ops):
            self._advance(part)
        return block.count

    def _lives(self, part: Part, at: int, value: int) -> None:
        """A record that begins or ends an address space has its answer."""
        step = self._trace.steps[int(part.steps[at])]
        if step.kind is Kind.FORK:
            self._turn.mms[step.child] = value
        self._turn.done(step)

    def _advance(self, part: Part) -> None:
        self._aside(part.after)
        self._part, self._next, self._answered = self._part + 1, 0, 0
        if self._part == len(self._trace.parts):
            self._turn.end()
            self.turns += 1
            self._begin_turn()

    def _aside(self, indices: list[int]) -> None:
        """Steps that are no records."""
        for index in indices:
            step = self._trace.steps[index]
            self._turn.player.single(index, step)
            self._turn.done(step)
            self._judge(self._turn.player.outcomes.pop())
            self.between += 1

    def _judge(self, outcome: Outcome) -> None:
        trace = self._trace
        found = verdict.judge(trace.plan, trace.steps, [outcome], self._turn.names)
        if found.good:
            return
        one = found.first_disagreements[-1]
        step = trace.steps[outcome.step]
        self.tally.add_wrong(
            Wrong(step.kind.value, f"line {one['line']}: {one['call']}", one["expected"],
                  one["got"])
        )  # fmt: skip

    def farewell(self) -> bytes:
        """A block that ends what the trace has made and not ended; none if there is nothing."""
        return b"".join(pack.exit(mm) for mm in self._turn.living.values())

    def last(self) -> bytes:
        """A block that ends the own address space."""
        return pack.exit(self.mm)
