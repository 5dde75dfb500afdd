# SPDX-License-Identifier: Apache-2.0
"""The proof that a process can do every operation: fixed calls with answers that are known.

All of it is done in address spaces and a file of its own, so that no other process has a say in the
answers. The words that it stores are its own: one that it reads back and did not store has come
from elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from vmalab.ops import Op, Status
from vmalab.uapi import UFFD_API_VERSION, UffdFeature
from vmalab_crash import mix
from vmalab_crash.mix import PAGE, READ, RW, record

OWN: Final = 0x3000_0000_0000
OWN_FILE: Final = 0x3000_8000_0000
PAGES: Final = 16
TAG: Final = 0xA55A
SIGBUS, SIGSEGV = 7, 11
ANON: Final = (mix.MAP_PRIVATE | mix.MAP_ANONYMOUS | mix.MAP_FIXED) << 32
FILE_DEV: Final = 8
OWN_INODES: Final = 1000
"""Row r has the file with this number plus r."""

Run = Callable[[bytes], mix.Rows]
"""Executes a block; gives an array with `status` and `value`."""


@dataclass(slots=True)
class Wrong:
    """What a proof found: words that are not what they must be, and calls that failed."""

    corrupt: int = 0
    refused: int = 0
    checked: int = 0
    note: str = ""
    gone: int = 0
    """Calls whose address space was not there."""


@dataclass(slots=True)
class Script:
    """Records with what they must answer. without: operations that are left out."""

    wrong: Wrong
    tag: int
    without: frozenset[int]
    data: bytearray = field(default_factory=bytearray)
    wanted: list[tuple[str, int, int | None, bool]] = field(default_factory=list)

    def next(self) -> Script:
        """Of the same proof."""
        return Script(self.wrong, self.tag, self.without)

    def call(
        self, mm: int, op: Op, *args: int, status: int = 0, value: int | None = None, flags: int = 0
    ) -> None:
        if op in self.without:
            return
        self.data += record(op, *args, flags=flags, mm=mm)
        self.wanted.append((op.name, status, value, False))

    def store(self, mm: int, addr: int, word: int, *, status: int = 0) -> None:
        self.data += record(Op.FAULT, addr, word, flags=mix.STORE, mm=mm)
        self.wanted.append(("FAULT, store", status, None, False))

    def read(self, mm: int, addr: int, word: int) -> None:
        self.data += record(Op.FAULT, addr, mm=mm)
        self.wanted.append((f"FAULT, read of {addr:#x}", 0, word, True))

    def refuse(self, mm: int, addr: int, status: int) -> None:
        self.data += record(Op.FAULT, addr, mm=mm)
        self.wanted.append((f"FAULT, read of {addr:#x}", status, None, False))

    def run(self, run: Run) -> list[int]:
        """The values of all results; what is wrong is noted."""
        results = run(bytes(self.data))
        wrong, values = self.wrong, []
        for (name, status, value, word), result in zip(self.wanted, results, strict=True):
            got, answer = int(result["status"]), int(result["value"])
            values.append(answer if got == 0 else 0)
            wrong.checked += word and got == 0
            wrong.gone += got == Status.NO_SUCH_MM
            if got != status:
                wrong.refused += 1
                wrong.note = wrong.note or f"{name}: {got}, not {status}"
            elif got == 0 and value is not None and answer != value:
                # After a refusal nothing need be there, but nobody else's word may be.
                foreign = word and (not wrong.refused or answer >> 32 not in (0, self.tag >> 32))
                wrong.corrupt += foreign
                wrong.refused += not foreign
                wrong.note = wrong.note or f"{name}: {answer:#x}, not {value:#x}"
        return values


def _memory(script: Script, mm: int) -> None:
    """Areas, protection, moves, content."""
    tag, without, top = script.tag, script.without, OWN + 4 * PAGES * PAGE
    script.call(mm, Op.MUNMAP, OWN, top - OWN)
    script.call(mm, Op.BRK, mix.HEAP, value=mix.HEAP)
    script.call(mm, Op.MMAP, OWN, PAGES * PAGE, RW | ANON, 0, 0, value=OWN)
    for page in range(PAGES):
        script.store(mm, OWN + page * PAGE, tag + page)
    for page in range(PAGES):
        script.read(mm, OWN + page * PAGE, tag + page)
    if Op.MPROTECT not in without:
        script.call(mm, Op.MPROTECT, OWN, 4 * PAGE, READ)
        script.store(mm, OWN, tag, status=SIGSEGV)
        script.call(mm, Op.MPROTECT, OWN, 4 * PAGE, RW)
    if Op.MADVISE not in without:
        script.call(mm, Op.MADVISE, OWN, 2 * PAGE, 4)
        script.read(mm, OWN, 0)
        script.call(mm, Op.MINCORE, OWN, 4 * PAGE, value=0b1101)
    script.store(mm, OWN, tag + 100)
    if Op.MREMAP not in without:
        moved = OWN + 2 * PAGES * PAGE
        script.call(mm, Op.MREMAP, OWN + 8 * PAGE, 4 * PAGE, 4 * PAGE, 3, moved, value=moved)
        script.refuse(mm, OWN + 8 * PAGE, SIGSEGV)
        for page in range(4):
            script.read(mm, moved + page * PAGE, tag + 8 + page)
    script.call(mm, Op.SET_VMA_NAME, OWN, 2 * PAGE, int.from_bytes(b"own", "little"), flags=3)
    script.call(mm, Op.MLOCK, OWN, PAGE, 0)
    script.call(mm, Op.MUNLOCK, OWN, PAGE)
    script.call(mm, Op.MSYNC, OWN, PAGE, 4)
    if Op.BRK not in without:
        script.call(mm, Op.BRK, mix.HEAP + 2 * PAGE, value=mix.HEAP + 2 * PAGE)
        script.store(mm, mix.HEAP, tag + 101)
        script.read(mm, mix.HEAP, tag + 101)
    script.call(mm, Op.MUNMAP, OWN + PAGE, PAGE)
    script.refuse(mm, OWN + PAGE, SIGSEGV)


def _file(script: Script, mm: int, file: int) -> None:
    """A file mapped twice, cut and with a hole."""
    tag, shared = script.tag, RW | (mix.MAP_SHARED | mix.MAP_FIXED) << 32
    second = OWN_FILE + 64 * PAGE
    script.call(mm, Op.MUNMAP, OWN_FILE, 128 * PAGE)
    script.call(mm, Op.FILE_TRUNCATE, file, 0)
    script.call(mm, Op.FILE_TRUNCATE, file, 8 * PAGE)
    script.call(mm, Op.MMAP, OWN_FILE, 8 * PAGE, shared, file, 0, value=OWN_FILE)
    script.call(mm, Op.MMAP, second, 8 * PAGE, shared, file, 0, value=second)
    for page in range(4):
        script.store(mm, OWN_FILE + page * PAGE, tag + 200 + page)
        script.read(mm, second + page * PAGE, tag + 200 + page)
    if Op.FILE_ALLOCATE not in script.without:
        script.call(mm, Op.FILE_ALLOCATE, file, mix.PUNCH_HOLE, PAGE, PAGE)
        script.read(mm, second + PAGE, 0)
    script.call(mm, Op.FILE_TRUNCATE, file, 2 * PAGE)
    script.refuse(mm, second + 2 * PAGE, SIGBUS)
    script.read(mm, second, tag + 200)
    script.call(mm, Op.MUNMAP, OWN_FILE, 128 * PAGE)


def _userfault(run: Run, opened: Script, mm: int) -> None:
    """A userfaultfd: registration, a fault that waits, a fill, a move."""
    opened.call(mm, Op.UFFD_OPEN, 0)
    (uffd,) = opened.run(run)
    if not uffd:
        return
    at, source = OWN + 3 * PAGES * PAGE, OWN + 2 * PAGE
    script, tag = opened.next(), opened.tag
    script.call(mm, Op.UFFD_API, uffd, UFFD_API_VERSION, UffdFeature.WP_UNPOPULATED)
    script.call(mm, Op.MMAP, at, 4 * PAGE, RW | ANON, 0, 0, value=at)
    script.call(mm, Op.UFFD_REGISTER, uffd, at, 4 * PAGE, 1)
    script.refuse(mm, at, Status.USERFAULT)
    script.call(mm, Op.UFFD_FILL, uffd, at, source, PAGE, 0, value=PAGE)
    script.read(mm, at, tag + 2)
    script.call(mm, Op.UFFD_MOVE, at + PAGE, source + PAGE, PAGE, 0, uffd, value=PAGE)
    script.read(mm, at + PAGE, tag + 3)
    script.call(mm, Op.UFFD_UNREGISTER, uffd, at, 4 * PAGE)
    script.call(mm, Op.UFFD_CLOSE, uffd)
    script.run(run)


def _family(run: Run, born: Script, mm: int) -> None:
    """fork, copies on write, exec, an address space from nothing, and their exits."""
    born.call(mm, Op.FORK)
    born.call(mm, Op.MM_CREATE, 0)
    child, fresh = born.run(run)
    if not child or not fresh:
        _end(run, born.next(), child, fresh)
        return
    script, page, tag = born.next(), OWN + 4 * PAGE, born.tag
    script.read(child, page, tag + 4)
    script.store(child, page, tag + 300)
    script.read(child, page, tag + 300)
    script.read(mm, page, tag + 4)
    script.refuse(fresh, page, SIGSEGV)
    script.call(fresh, Op.MMAP, OWN, PAGE, RW | ANON, 0, 0, value=OWN)
    script.store(fresh, OWN, tag + 301)
    script.read(fresh, OWN, tag + 301)
    script.call(child, Op.EXEC, 0, mix.HEAP, mix.HEAP, 0)
    values = script.run(run)
    program = 0 if Op.EXEC in script.without else values[-1]
    if program:
        after = born.next()
        after.refuse(program, page, SIGSEGV)
        after.run(run)
    _end(run, born.next(), program or child, fresh)


def _end(run: Run, script: Script, *mms: int) -> None:
    for mm in filter(None, mms):
        script.call(mm, Op.EXIT)
    if script.data:
        script.run(run)


def prove(run: Run, mm: int, tag: int, file: int, without: frozenset[int]) -> Wrong:
    """Does all of it.

    Args:
        mm: an address space of one's own.
        tag: of the words to store; those above it too, up to 511.
        file: a file of one's own; 0: none.
        without: operations that are left out.
    """
    script = Script(Wrong(), tag, without)
    _memory(script, mm)
    if file and Op.FILE_TRUNCATE not in without:
        _file(script, mm, file)
    script.run(run)
    if not without.intersection(range(Op.UFFD_OPEN, Op.EXEC)) and Op.UFFD_MOVE not in without:
        _userfault(run, script.next(), mm)
    _family(run, script.next(), mm)
    return script.wrong


def tag_of(row: int, number: int) -> int:
    """Words of the `number`th proof of a participant."""
    return TAG << 48 | (row & 0xFFFF) << 32 | (number & 0x3FFFFF) << 9
