# SPDX-License-Identifier: Apache-2.0
"""Blocks of random operations, made once and used by all processes.

A record names a place in the block's list of address spaces, not one of them: who runs the block
puts the ids in. A word that is stored names the family of address spaces that it is stored in, so
that a page that got into another family is seen. Pages of files are in a range of their own.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import numpy.typing as npt

from vmalab import ops
from vmalab.ops import HEADER_WORDS, Op
from vmalab.uapi import FAULT_FLAG, Access, Falloc, Madv, Map, Prot

PAGE: Final = 4096
ARENA: Final = 0x2000_0000_0000
ARENA_PAGES: Final = 256
FILE_ARENA: Final = 0x2800_0000_0000
FILE_PAGES: Final = 64
HEAP: Final = 0x1000_0000_0000
FILL: Final = 0x3800_0000_0000

TAG: Final = 0x5AA5
"""The upper 16 bits of a stored word; the next 8 are the family."""
FAMILY_SHIFT: Final = 40
NONE, READ, EXEC = int(Prot.NONE), int(Prot.READ), int(Prot.EXEC)
RW: Final = int(Prot.READ | Prot.WRITE)
MAP_SHARED, MAP_PRIVATE, MAP_FIXED = int(Map.SHARED), int(Map.PRIVATE), int(Map.FIXED)
MAP_ANONYMOUS, MAP_LOCKED = int(Map.ANONYMOUS), int(Map.LOCKED)
MAP_NORESERVE, MAP_POPULATE = int(Map.NORESERVE), int(Map.POPULATE)
PUNCH_HOLE: Final = int(Falloc.PUNCH_HOLE | Falloc.KEEP_SIZE)
STORE: Final = Access.WRITE | FAULT_FLAG["FAULT_STORE"]
ADVICE: Final = (
    *(Madv.DONTNEED, Madv.DONTNEED, Madv.FREE, Madv.DONTFORK, Madv.DOFORK, Madv.HUGEPAGE),
    *(Madv.NOHUGEPAGE, Madv.COLD, Madv.PAGEOUT, Madv.POPULATE_READ, Madv.POPULATE_WRITE),
    *(Madv.COLLAPSE, Madv.GUARD_INSTALL, Madv.GUARD_REMOVE),
)
TIMED = np.dtype(
    [
        ("status", "<i4"),
        ("info", "<u4"),
        ("value", "<u8"),
        ("begin", "<u8"),
        ("end", "<u8"),
    ]
)


def record(op: int, *args: int, flags: int = 0, mm: int = 0) -> bytes:
    """One record, of the address space `mm`, or of a place that is put in later."""
    return ops.record(op, mm, *args, flags=flags)


@dataclass(slots=True)
class Draft:
    """A block under construction. without: operations that are left out."""

    without: frozenset[int] = frozenset()
    data: bytearray = field(default_factory=bytearray)
    places: list[int] = field(default_factory=list)
    heads: list[int] = field(default_factory=list)
    stores: list[int] = field(default_factory=list)
    store_places: list[int] = field(default_factory=list)
    files: list[int] = field(default_factory=list)
    file_numbers: list[int] = field(default_factory=list)
    reads: list[int] = field(default_factory=list)
    read_places: list[int] = field(default_factory=list)
    results: int = 0

    def add(self, place: int, op: int, *args: int, flags: int = 0) -> None:
        op = Op.NOP if op in self.without else op
        args = () if op == Op.NOP else args
        flags = 0 if op == Op.NOP else flags
        self.heads.append(len(self.data) // 8 + 1)
        self.places.append(place)
        self.data += record(op, *args, flags=flags)
        self.results += 1

    def read(self, place: int, addr: int, *, anonymous: bool = True) -> None:
        if anonymous:
            self.reads.append(self.results)
            self.read_places.append(place)
        self.add(place, Op.FAULT, addr)

    def store(self, place: int, addr: int, word: int) -> None:
        self.stores.append(len(self.data) // 8 + HEADER_WORDS + 1)
        self.store_places.append(place)
        self.add(place, Op.FAULT, addr, TAG << 48 | word, flags=STORE)

    def faults(self, place: int, addrs: Sequence[int]) -> None:
        """One record, with a result for each address."""
        self.heads.append(len(self.data) // 8 + 1)
        self.places.append(place)
        self.data += record(Op.FAULTS, *addrs)
        for _ in addrs:
            self.reads.append(self.results)
            self.read_places.append(place)
            self.results += 1

    def of_file(self, place: int, op: int, number: int, *args: int, at: int) -> None:
        """at: which argument names the file."""
        if op in self.without:
            return
        self.files.append(len(self.data) // 8 + HEADER_WORDS + at)
        self.file_numbers.append(number)
        self.add(place, op, *args)

    def done(self) -> Block:
        return Block(
            words=np.frombuffer(bytes(self.data), np.uint64),
            heads=np.array(self.heads),
            places=np.array(self.places),
            stores=np.array(self.stores, int),
            store_places=np.array(self.store_places, int),
            files=np.array(self.files, int),
            file_numbers=np.array(self.file_numbers, int),
            results=self.results,
            reads=np.array(self.reads, int),
            read_places=np.array(self.read_places, int),
        )


Words = npt.NDArray[np.uint64]
Numbers = npt.NDArray[np.int64]
Rows = npt.NDArray[np.void]
"""Results of a block, with `status` and `value`, of TIMED or of what an Apply answers."""


@dataclass(slots=True)
class Block:
    """A block with places for address spaces, files and families.

    Attributes:
        words: the records.
        heads, places: where each record names its address space, and the place that it names.
        stores, store_places: where words to store are.
        files, file_numbers: where files are named.
        results: so many it has.
        reads, read_places: those that are words of anonymous pages.
    """

    words: Words
    heads: Numbers
    places: Numbers
    stores: Numbers
    store_places: Numbers
    files: Numbers
    file_numbers: Numbers
    results: int
    reads: Numbers
    read_places: Numbers

    def name_files(self, ids: Sequence[int]) -> None:
        """The files of a segment, once for all."""
        self.words = self.words.copy()
        self.words[self.files] = np.array(ids, np.uint64)[self.file_numbers]

    def of(self, mms: Sequence[int], families: Sequence[int]) -> Words:
        """The words, for those address spaces of those families."""
        words = self.words.copy()
        words[self.heads] = np.array(mms, np.uint64)[self.places]
        kin = np.array(families, np.uint64) << np.uint64(FAMILY_SHIFT)
        words[self.stores] |= kin[self.store_places]
        return words

    def strangers(self, timed: Rows, families: Sequence[int]) -> Numbers:
        """Indices of results that are words of another family. timed: may be shorter than the
        block, when that was cut."""
        reads = self.reads[self.reads < len(timed)]
        kin = np.array(families, np.uint64)[self.read_places[: len(reads)]]
        want = np.uint64(TAG << 8) | kin
        values = timed["value"][reads]
        wrong = (timed["status"][reads] == 0) & (values != 0)
        wrong &= (values >> np.uint64(FAMILY_SHIFT)) != want
        strange: Numbers = reads[wrong]
        return strange


def _addr(rng: random.Random) -> int:
    return ARENA + rng.randrange(ARENA_PAGES) * PAGE


def _length(rng: random.Random) -> int:
    return rng.randrange(1, 17) * PAGE


def _map(rng: random.Random, draft: Draft, place: int) -> None:
    prot = rng.choice((RW, RW, RW, READ, NONE, RW | EXEC))
    flags = MAP_FIXED | MAP_ANONYMOUS | rng.choice((MAP_PRIVATE,) * 7 + (MAP_SHARED,))
    flags |= rng.choice((0, 0, 0, MAP_POPULATE, MAP_NORESERVE, MAP_LOCKED))
    draft.add(place, Op.MMAP, _addr(rng), _length(rng), prot | flags << 32, 0, 0)


def _file(rng: random.Random, draft: Draft, place: int, *, cuts: bool) -> None:
    """Something with a file: its pages are in a range of their own."""
    number, page = rng.randrange(4), rng.randrange(FILE_PAGES)
    addr, length = FILE_ARENA + page * PAGE, rng.randrange(1, 9) * PAGE
    kind = rng.randrange(100)
    if kind < 30:
        kind_of_map = rng.choice((MAP_SHARED, MAP_PRIVATE))
        prot = RW | (MAP_FIXED | kind_of_map) << 32
        offset = rng.randrange(FILE_PAGES) * PAGE
        draft.of_file(place, Op.MMAP, number, addr, length, prot, 0, offset, at=3)
    elif kind < 70:
        if rng.randrange(2):
            draft.store(place, addr, rng.getrandbits(32))
        else:
            draft.read(place, addr, anonymous=False)
    elif kind < 78:
        draft.add(place, Op.MUNMAP, addr, length)
    elif kind < 82 and cuts:
        size = rng.randrange(FILE_PAGES + 1) * PAGE
        draft.of_file(place, Op.FILE_TRUNCATE, number, 0, size, at=0)
    elif kind < 86 and cuts:
        mode = rng.choice((PUNCH_HOLE, 0, 1))
        draft.of_file(place, Op.FILE_ALLOCATE, number, 0, mode, page * PAGE, length, at=0)
    elif kind < 90:
        draft.add(place, Op.MSYNC, addr, length, 4)
    elif kind < 95:
        draft.add(place, Op.REMAP_FILE_PAGES, addr, length, 0, rng.randrange(FILE_PAGES), 0)
    else:
        draft.add(place, Op.MREMAP, addr, PAGE, length, 0, 0)


def _change(rng: random.Random, draft: Draft, place: int) -> None:
    """Operations that an address space can have again and again."""
    addr, length = _addr(rng), _length(rng)
    kind = rng.randrange(100)
    if kind < 22:
        draft.add(place, Op.MUNMAP, addr, length)
    elif kind < 42:
        draft.add(place, Op.MPROTECT, addr, length, rng.choice((RW, RW, READ, NONE)))
    elif kind < 62:
        advice = rng.choice(ADVICE)
        draft.add(place, Op.MADVISE, addr, length, advice)
    elif kind < 74:
        to = _addr(rng)
        new = rng.choice((length, length, PAGE, length + PAGE))
        flags = rng.choice((0, 3, 3, 7))  # never to where the core likes: it would fill up
        draft.add(place, Op.MREMAP, addr, length, length if flags & 4 else new, flags, to)
    elif kind < 78:
        draft.add(place, Op.MLOCK, addr, length, rng.randrange(2))
    elif kind < 82:
        draft.add(place, Op.MUNLOCK, addr, length)
    elif kind < 85:
        draft.add(place, Op.BRK, HEAP + rng.randrange(64) * PAGE)
    elif kind < 88:
        draft.add(place, Op.MINCORE, addr, length)
    elif kind < 91:
        name = rng.choice((b"one", b"two"))
        whole = int.from_bytes(name.ljust(8, b"\0"), "little")
        draft.add(place, Op.SET_VMA_NAME, addr, length, whole, flags=len(name))
    elif kind < 94:
        ranges = (addr, length, _addr(rng), PAGE)
        count = len(ranges) // 2
        draft.add(place, Op.PROCESS_MADVISE, Madv.DONTNEED, *ranges, flags=count)
    elif kind < 96:
        draft.add(place, Op.PKEY_ALLOC, 0, rng.randrange(3))
        draft.add(place, Op.PKEY_MPROTECT, addr, length, RW, rng.randrange(2))
        draft.add(place, Op.PKEY_FREE, rng.randrange(1, 4))
    elif kind < 98:
        draft.add(place, Op.UFFD_MOVE, addr, _addr(rng), PAGE, 2)
    else:
        draft.add(place, Op.MSYNC, addr, length, 1)


def _faults(rng: random.Random, draft: Draft, place: int) -> None:
    kind = rng.randrange(100)
    if kind < 35:
        draft.read(place, _addr(rng))
    elif kind < 40:
        draft.faults(place, [_addr(rng) for _ in range(rng.randrange(2, 40))])
    elif kind < 95:
        draft.store(place, _addr(rng), rng.getrandbits(32))
    else:
        draft.add(place, Op.FAULT, _addr(rng), flags=Access.EXEC)


def churn(
    rng: random.Random, records: int, places: int, without: frozenset[int], *, cuts: bool
) -> Block:
    """Everything that can be done with an address space that others use too.

    cuts: truncations and holes too, which look through all address spaces, one after the other.
    """
    draft = Draft(without)
    for _ in range(records):
        place, kind = rng.randrange(places), rng.randrange(100)
        if kind < 45:
            _faults(rng, draft, place)
        elif kind < 62:
            _map(rng, draft, place)
        elif kind < 88:
            _change(rng, draft, place)
        else:
            _file(rng, draft, place, cuts=cuts)
    return draft.done()


def last_days(
    rng: random.Random, records: int, places: int, without: frozenset[int], *, cuts: bool
) -> Block:
    """What is done with address spaces of one's own, that ends with their exit."""
    draft = Draft(without)
    special: Sequence[Callable[[int], None]] = (
        lambda place: draft.add(place, Op.MSEAL, _addr(rng), _length(rng), 0),
        lambda place: draft.add(place, Op.MLOCKALL, rng.choice((1, 2, 3, 5))),
        lambda place: draft.add(place, Op.MUNLOCKALL),
        lambda place: draft.add(place, Op.SETRLIMIT, 9, 1 << 40, 1 << 41),
        lambda place: draft.add(place, Op.THP_DISABLE, rng.randrange(2), 0),
        lambda place: draft.add(place, Op.MDWE, rng.choice((1, 3))),
        lambda place: draft.add(place, Op.CAPSET, rng.randrange(8)),
        lambda place: draft.of_file(place, Op.FILE_SEAL, rng.randrange(4), 0, 8, at=0),
    )
    for _ in range(records):
        place, kind = rng.randrange(places), rng.randrange(100)
        if kind < 50:
            _faults(rng, draft, place)
        elif kind < 62:
            _map(rng, draft, place)
        elif kind < 82:
            _change(rng, draft, place)
        elif kind < 92:
            _file(rng, draft, place, cuts=cuts)
        else:
            rng.choice(special)(place)
    for place in range(places):
        draft.add(place, Op.EXIT)
    return draft.done()


def userfaults(rng: random.Random, records: int) -> list[tuple[int, tuple[int, ...], int]]:
    """Operations of a userfaultfd: (operation, arguments behind the handle, flags)."""
    made: list[tuple[int, tuple[int, ...], int]] = []
    for _ in range(records):
        addr, source = _addr(rng), _addr(rng)
        length = rng.randrange(1, 9) * PAGE
        kind = rng.randrange(20)
        if kind < 6:
            made.append((Op.UFFD_REGISTER, (addr, length, rng.choice((1, 2, 3))), 0))
        elif kind < 8:
            made.append((Op.UFFD_UNREGISTER, (addr, length), 0))
        elif kind < 14:
            made.append((Op.UFFD_FILL, (addr, source, length, rng.choice((0, 2))), kind == 8))
        elif kind < 17:
            made.append((Op.UFFD_PROTECT, (addr, length, rng.randrange(2)), 0))
        elif kind < 18:
            made.append((Op.UFFD_WAKE, (addr, length), 0))
        else:
            made.append((Op.UFFD_MOVE, (addr, source, length, 2), 0))
    return made


@dataclass(slots=True)
class Stock:
    """The blocks that processes choose from."""

    churns: list[Block]
    ends: list[Block]
    userfaults: list[list[tuple[int, tuple[int, ...], int]]]
    without: frozenset[int] = frozenset()

    @classmethod
    def make(cls, seed: int, without: frozenset[int]) -> Stock:
        rng = random.Random(f"{seed}/blocks")
        return cls(
            [churn(rng, rng.randrange(80, 280), 2, without, cuts=n % 16 == 0) for n in range(64)],
            [
                last_days(rng, rng.randrange(40, 140), 3, without, cuts=n % 8 == 0)
                for n in range(16)
            ],
            [[one for one in userfaults(rng, 120) if one[0] not in without] for _ in range(8)],
            without,
        )

    def name_files(self, ids: Sequence[int]) -> None:
        for block in (*self.churns, *self.ends):
            block.name_files(ids)


NEEDED: Final = (Op.NOP, Op.FAULT, Op.MMAP, Op.MUNMAP, Op.FORK, Op.EXIT, Op.MM_CREATE)


def left_out(names: Sequence[str]) -> frozenset[int]:
    """Operations by their names, of those that can be left out. Raises ValueError."""
    known = {op.name.lower(): op for op in Op if op not in NEEDED}
    for name in names:
        if name not in known:
            raise ValueError(f"{name}: what can be left out is {', '.join(known)}")
    return frozenset(int(known[name]) for name in names)
