# SPDX-License-Identifier: Apache-2.0
"""The client processes of a replay.

Each process owns some of the trace's threads. The recorded order is kept by a baton: a shared
number, the step whose turn it is, and a semaphore for each process. Who has the baton does its
steps up to the first that belongs to another, writes down whose turn is next and wakes the owner.
"""

from __future__ import annotations

import ctypes
import os
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from errno import EEXIST, EFAULT, EINVAL, ENOMEM
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnContext
from multiprocessing.synchronize import Event, Semaphore
from typing import Final, TypeAlias

from vmalab.uapi import MAP, MREMAP, SIGNAL
from vmalab_client.block import RANGES_MAX, SEGV_PKUERR, BlockBuilder
from vmalab_drive import drivers
from vmalab_drive.drivers import FileInfo
from vmalab_drive.errors import CommandError
from vmalab_native import lifeline
from vmalab_trace import calls, maps, opens, plain, rights, shm
from vmalab_trace.steps import Kind, Step

RECORDS_MAX: Final = 1024
MINCORE_PAGES_MAX: Final = 64
MINCORE_BYTES_MAX: Final = 1 << 30
"""What is asked of the instance; of more only the first hole is looked for."""
PAGE: Final = 4096
USER_END: Final = 1 << 47
ANONYMOUS: Final = MAP["MAP_ANONYMOUS"]
MREMAP_FIXED: Final = MREMAP["MREMAP_FIXED"]
MAP_32BIT: Final = MAP["MAP_32BIT"]
MAP_FIXED_NOREPLACE: Final = MAP["MAP_FIXED_NOREPLACE"]
READ, WRITE, EXEC, UNKNOWN = 0, 1, 2, 3
SIGSEGV: Final = SIGNAL["SIGSEGV"]
BATON_TIMEOUT_S: Final = 600.0


@dataclass(slots=True)
class Import:
    """What an address space is made of."""

    maps: str
    mmap_base: int
    start_brk: int
    brk: int
    pkeys: bool = False


@dataclass(slots=True)
class Score:
    """What every process of a replay knows."""

    steps: list[Step]
    owners: list[int]
    imports: dict[int, Import]
    files: list[FileInfo]
    slots: int
    target: drivers.Target
    mode: str
    parent: int = field(default_factory=os.getpid)
    """The process that made this."""


@dataclass(slots=True)
class Outcome:
    """What a step gave."""

    step: int
    status: int = 0
    info: int = 0
    value: int = 0
    text: str = ""
    vector: bytes = b""
    keyed: bool = False
    """A key decided otherwise than what is known of the thread's PKRU: it had other rights."""


SharedNumbers = ctypes.Array[ctypes.c_uint]
Numbers = SharedNumbers | list[int]
Result: TypeAlias = tuple[int, int, int]
"""status, info, value."""
Signal: TypeAlias = tuple[int, int] | None


@dataclass(slots=True)
class Baton:
    """Shared between the processes of one replay."""

    turn: ctypes.c_longlong
    mms: SharedNumbers
    files: SharedNumbers
    wake: Sequence[Semaphore]
    done: Event

    @staticmethod
    def make(context: SpawnContext, processes: int, slots: int, files: int) -> Baton:
        return Baton(
            turn=context.RawValue("q", 0),
            mms=context.RawArray("Q", max(slots, 1)),
            files=context.RawArray("Q", max(files, 1)),
            wake=[context.Semaphore(0) for _ in range(processes)],
            done=context.Event(),
        )


@dataclass(slots=True)
class Player:
    """Does the steps of one owner."""

    score: Score
    driver: drivers.Driver
    mms: Numbers
    """Slot to the emulator's number; shared with the other processes."""
    files: Numbers = field(default_factory=list)
    """The same of files, 0: not opened yet. To open one a second time would set its size back.
    Empty: those of this player alone."""
    outcomes: list[Outcome] = field(default_factory=list)
    pending: list[int] = field(default_factory=list)
    block: BlockBuilder = field(default_factory=BlockBuilder)

    def __post_init__(self) -> None:
        if not len(self.files):
            self.files = [0] * len(self.score.files)

    def play(self, first: int, last: int) -> None:
        """Do the steps [first, last) in order."""
        for index in range(first, last):
            step = self.score.steps[index]
            if not self._collect(index, step):
                self._flush()
                self.single(index, step)
            elif len(self.pending) >= RECORDS_MAX or step.kind is Kind.FORK:
                self._flush()
            if self.score.mode == "unary":
                self._flush()
        self._flush()

    def record(self, index: int) -> bytes:
        """The record of a step; none if it cannot travel in a block."""
        found = self._collect(index, self.score.steps[index])
        data = self.block.bytes() if found else b""
        self.pending.clear()
        self.block.clear()
        return data

    def _collect(self, index: int, step: Step) -> bool:
        """Add a step to the block; False when it cannot travel in one."""
        mm = self.mms[step.mm]
        if step.pkru is not None and (step.kind is Kind.FAULT or rights.decide(step)):
            return False
        self.block.pkru = step.pkru
        match step.kind:
            case Kind.FORK:
                self.block.fork(mm)
            case Kind.EXIT:
                self.block.exit(mm)
            case Kind.FAULT if step.access != UNKNOWN:
                self.block.fault(mm, step.addr, access=step.access)
            case Kind.CALL:
                if not self._collect_call(mm, step):
                    return False
            case _:
                return False
        self.pending.append(index)
        return True

    def _collect_call(self, mm: int, step: Step) -> bool:
        match step.operation:
            case calls.Mmap(addr, length, prot, flags, _, offset):
                file = self.file(step.file) if step.file >= 0 and not flags & ANONYMOUS else 0
                if step.placed:
                    addr, flags = step.placed, flags & ~MAP_32BIT | MAP_FIXED_NOREPLACE
                self.block.mmap(
                    mm,
                    addr=addr,
                    length=length,
                    prot=prot,
                    flags=flags,
                    file=file,
                    offset=offset,
                    file_mode=step.file_mode,
                )
            case calls.Shmdt():
                return False
            case calls.Munmap(addr, length):
                self.block.munmap(mm, addr, length)
            case calls.Mprotect(addr, length, prot):
                self.block.mprotect(mm, addr, length, prot)
            case calls.Mremap(addr, old, new, flags, new_addr):
                if step.placed:
                    flags, new_addr = flags | MREMAP_FIXED, step.placed
                self.block.mremap(mm, addr, old, new, flags=flags, new_addr=new_addr)
            case calls.Madvise(addr, length, advice):
                self.block.madvise(mm, addr, length, advice)
            case calls.Mincore(addr, length) if _fits_a_record(step, length):
                self.block.mincore(mm, addr, length)
            case calls.Brk(addr):
                self.block.brk(mm, addr)
            case calls.SetVmaName(addr, length, name):
                self.block.set_vma_name(mm, addr, length, name)
            case calls.Plain() if step.dying:
                return False
            case calls.Plain(name=what, numbers=numbers):
                plain.add(self.block, mm, what, numbers)
            case calls.ProcessMadvise(ranges, advice) if len(ranges) <= RANGES_MAX:
                self.block.process_madvise(mm, ranges, advice)
            case calls.Capabilities(bits):
                self.block.capset(mm, bits)
            case opens.Seal(seals=seals):
                self.block.file_seal(self.file(step.file), seals)
            case calls.Truncate(size=size):
                self.block.file_truncate(self.file(step.file), size)
            case calls.Allocate(mode=mode, offset=offset, length=length):
                self.block.file_allocate(self.file(step.file), offset, length, mode=mode)
            case _:
                return False
        return True

    def file(self, index: int) -> int:
        """The emulator's number of a file of the trace, which is opened when it is first used."""
        if not self.files[index]:
            self.files[index] = self.driver.open_file(self.score.files[index])
        return int(self.files[index])

    def _flush(self) -> None:
        if not self.pending:
            return
        answers = drivers.results(self.driver.run(self.block.bytes()))
        if len(answers) != len(self.pending):
            raise drivers.DriverError(
                f"{len(answers)} results for {len(self.pending)} records: line "
                f"{self.score.steps[self.pending[len(answers)]].line} was refused"
            )
        for index, (status, info, value) in zip(self.pending, answers, strict=True):
            step = self.score.steps[index]
            status = answered(step, status)
            if step.kind is Kind.FORK and status == 0:
                self.mms[step.child] = value
            self.outcomes.append(Outcome(index, status, info, value))
        self.pending.clear()
        self.block.clear()

    def single(self, index: int, step: Step) -> None:
        """Steps that are no record of a block."""
        mm = self.mms[step.mm]
        outcome = Outcome(index)
        match step.kind:
            case Kind.IMPORT:
                what = self.score.imports[step.mm]
                self.mms[step.mm] = self.driver.create(
                    mmap_base=what.mmap_base,
                    start_brk=what.start_brk,
                    brk=what.brk,
                    maps=what.maps,
                    pkeys=what.pkeys,
                )
            case Kind.EXEC:
                what = self.score.imports[step.child]
                self.mms[step.child] = self.driver.exec(
                    mm,
                    mmap_base=what.mmap_base,
                    start_brk=what.start_brk,
                    brk=what.brk,
                    maps=what.maps,
                    shared=step.shared,
                )
            case Kind.CHECK:
                outcome.text = self.driver.maps(mm)
            case Kind.FAULT:
                denied = (SIGSEGV, SEGV_PKUERR)
                self._as_caller(step, outcome, lambda pkru: self._touch(mm, step, pkru), denied)
            case _ if step.pkru is not None and rights.decide(step):
                self._as_caller(step, outcome, lambda pkru: self._one_call(mm, step, pkru))
            case _ if isinstance(step.operation, calls.Shmdt):
                outcome.status = self._detach(mm, step.operation)
            case _ if isinstance(step.operation, calls.Plain):
                outcome.status = self._remap(mm, index, step.operation)
            case _ if isinstance(step.operation, calls.Mincore):
                outcome.status, outcome.vector = self._mincore(mm, step, step.operation)
        self.outcomes.append(outcome)

    def _remap(self, mm: int, index: int, call: calls.Plain) -> int:
        """remap_file_pages, which maps once more. A removed segment whose last attachment it takes
        away is gone then: the range is unmapped, and the answer is EINVAL."""
        start, end = call.numbers[0], call.numbers[0] + call.numbers[1]
        dying = self.score.steps[index].dying
        numbers = {self.score.files[one].inode for one in dying}
        inside: set[int] = set()
        outside: set[int] = set()
        ended = {other.mm for other in self.score.steps[:index] if other.ends}
        for slot in {self.mms[one] for one in range(self.score.slots) if one not in ended} - {0}:
            for area in maps.parse(self.driver.maps(slot)):
                if area.inode in numbers:
                    within = slot == mm and start <= area.start and area.end <= end
                    (inside if within else outside).add(area.inode)
        block = BlockBuilder()
        if inside - outside:
            block.munmap(mm, start, end - start)
        else:
            plain.add(block, mm, call.name, call.numbers)
        status, _, _ = drivers.results(self.driver.run(block.bytes()))[0]
        return status or (-EINVAL if inside - outside else 0)

    def _mincore(self, mm: int, step: Step, call: calls.Mincore) -> tuple[int, bytes]:
        """The answer of mincore as an errno negated, and the vector. EFAULT is about the place of
        the vector: whether the program could have written there. A range longer
        than an instance takes is looked through for its first hole."""
        if step.errno == EFAULT and call.vector_at >= 0:
            block = BlockBuilder()
            block.fault(mm, call.vector_at, access=WRITE)
            status, _, _ = drivers.results(self.driver.run(block.bytes()))[0]
            return (-EFAULT if status > 0 or call.vector_at >= USER_END else 0), b""
        if call.addr % PAGE == 0 and call.length > MINCORE_BYTES_MAX:
            if call.length > USER_END - call.addr:
                return -ENOMEM, b""
            found = shm.first_hole(maps.parse(self.driver.maps(mm)), call.addr)
            if found - call.addr < call.length:
                return -ENOMEM, b""
            return 0, b""
        error, vector = self.driver.mincore(mm, call.addr, call.length)
        return -error, vector

    def _detach(self, mm: int, call: calls.Shmdt) -> int:
        areas = shm.attached(maps.parse(self.driver.maps(mm)), call.addr, call.length)
        block = BlockBuilder()
        for area in areas:
            block.munmap(mm, area.start, area.end - area.start)
        if not areas:
            return -EINVAL
        return min(status for status, _, _ in drivers.results(self.driver.run(block.bytes())))

    @staticmethod
    def _as_caller(
        step: Step, outcome: Outcome, act: Callable[[int | None], Result], denied: Signal = None
    ) -> None:
        """A touch, or a call that touches memory. What a thread writes to PKRU is in no trace. So
        if a key decides otherwise than it did, the thread had other rights: once more with those
        that the trace shows.

        Args:
            denied: signal and si_code of what a key denies; of calls an errno says so.
        """
        result = act(step.pkru)
        if step.pkru is not None:
            was = (step.signal, step.si_code) == denied if denied else step.errno != 0
            now = (result[0], result[1] & 0xFF) == denied if denied else result[0] != 0
            if was != now:
                again = act(rights.KEY0_ALONE if was else rights.ALL_ALLOWED)
                wanted = step.signal if denied else -step.errno
                outcome.keyed = again[0] == wanted
                result = again
        outcome.status, outcome.info, outcome.value = result

    def _one_call(self, mm: int, step: Step, pkru: int | None) -> Result:
        self.block.pkru = pkru
        self._collect_call(mm, step)
        answers = drivers.results(self.driver.run(self.block.bytes()))
        self.block.clear()
        return answers[0]

    def _touch(self, mm: int, step: Step, pkru: int | None) -> tuple[int, int, int]:
        """A fault. If the recording does not say what it was: the kinds in turn."""
        order = (READ,) if step.signal and step.si_code == 1 else (WRITE, READ, EXEC)
        result = (0, 0, 0)
        for access in order if step.access == UNKNOWN else (step.access,):
            block = BlockBuilder()
            block.pkru = pkru
            block.fault(mm, step.addr, access=access)
            result = drivers.results(self.driver.run(block.bytes()))[0]
            wanted = (step.signal, step.si_code) if step.signal else (0, 0)
            if (result[0], result[1] & 0xFF if result[0] else 0) == wanted:
                break
        return result


Body = Callable[[int, Score, Baton, Player], None]


def answered(step: Step, status: int) -> int:
    """The status of a record as the answer of its step: shmat has another errno than mmap."""
    return -EINVAL if isinstance(step.operation, calls.Shmat) and status == -EEXIST else status


def _fits_a_record(step: Step, length: int) -> bool:
    return 0 < length <= MINCORE_PAGES_MAX * PAGE and step.errno != EFAULT


def _run_parts(me: int, score: Score, baton: Baton, player: Player) -> None:
    total = len(score.steps)
    owners = score.owners
    while True:
        if not baton.wake[me].acquire(timeout=BATON_TIMEOUT_S):
            raise drivers.DriverError(f"the baton did not come in {BATON_TIMEOUT_S:.0f} s")
        first = baton.turn.value
        if first >= total:
            return
        last = first
        while last < total and owners[last] == me:
            last += 1
        player.play(first, last)
        baton.turn.value = last
        if last >= total:
            for semaphore in baton.wake:
                semaphore.release()
        else:
            baton.wake[owners[last]].release()


ToParent: TypeAlias = "Connection[tuple[str, list[Outcome] | str | None], None]"
"""For "ready", "done" with the outcomes, or "error" with why not."""
Copies = list[tuple[int, list[Outcome]]]


def serve(me: int, score: Score, baton: Baton, pipe: ToParent) -> None:
    """The body of one client process: its threads' steps, whenever the baton comes."""
    _serve(me, score, baton, pipe, _run_parts)


def _run_whole(me: int, score: Score, baton: Baton, player: Player) -> None:
    player.play(0, len(score.steps))


def serve_copies(
    me: int,
    scores: list[tuple[int, Score]],
    start: Event,
    pipe: Connection[tuple[str, Copies | str | None], None],
) -> None:
    """The body of a client process that replays whole copies, each with address spaces of its
    own."""
    results: Copies = []
    if scores:
        lifeline.end_with_parent(scores[0][1].parent)
    try:
        if not scores:
            pipe.send(("ready", None))
            pipe.send(("done", results))
            return
        driver = drivers.connect(scores[0][1].target, _travel(scores[0][1].mode), worker=me)
        with driver:
            pipe.send(("ready", None))
            start.wait(BATON_TIMEOUT_S)
            for copy, score in scores:
                player = Player(score, driver, [0] * max(score.slots, 1))
                player.play(0, len(score.steps))
                end_all(driver, player.mms, player.files, score)
                results.append((copy, player.outcomes))
            pipe.send(("done", results))
    except Exception as error:
        pipe.send(("error", _told(error)))


def _told(error: Exception) -> str:
    """What the parent says: one line if the error is for the user, else where it came from."""
    if isinstance(error, CommandError):
        return str(error)
    return f"{error}\n{traceback.format_exc()}"


def _travel(mode: str) -> str:
    """Blocks of a replay go one by one: the baton waits for their results anyway."""
    return "apply" if mode == "batch" else mode


def _serve(me: int, score: Score, baton: Baton, pipe: ToParent, body: Body) -> None:
    lifeline.end_with_parent(score.parent)
    try:
        with drivers.connect(score.target, _travel(score.mode), worker=me) as driver:
            player = Player(score, driver, baton.mms, baton.files)
            pipe.send(("ready", None))
            body(me, score, baton, player)
            pipe.send(("done", player.outcomes))
            # What this process holds must live until the others are ready too.
            baton.done.wait(BATON_TIMEOUT_S)
    except Exception as error:
        baton.turn.value = len(score.steps)
        for semaphore in baton.wake:
            semaphore.release()
        pipe.send(("error", _told(error)))


def end_all(driver: drivers.Driver, mms: Numbers, files: Numbers, score: Score) -> None:
    """Exit what the trace left alive, and close the files."""
    ended = {step.mm for step in score.steps if step.ends}
    block = BlockBuilder()
    for slot in range(score.slots):
        if mms[slot] and slot not in ended:
            block.exit(mms[slot])
    if len(block):
        driver.run(block.bytes())
    for file in filter(None, files):
        driver.close_file(file)
