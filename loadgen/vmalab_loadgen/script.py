# SPDX-License-Identifier: Apache-2.0
"""Operations in a fixed order whose answers are known: what named workloads are made of.

A program yields one piece of work after the other. Most yield the same piece again and again: it is
packed once, and compared as a whole, so that the client costs little.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import numpy.typing as npt

from vmalab import pack
from vmalab.ops import Op
from vmalab.uapi import Madv, Map, Prot
from vmalab_drive.drivers import Driver, FileInfo
from vmalab_drive.packed import RESULT
from vmalab_loadgen.arena import ACCERR, PAGE, SIGSEGV, TAG, arena_base
from vmalab_loadgen.blocks import Tally, Wrong
from vmalab_native import flags

RW: Final = int(Prot.READ | Prot.WRITE)
READ: Final = int(Prot.READ)
NONE: Final = int(Prot.NONE)
PRIVATE: Final = int(Map.PRIVATE | Map.ANONYMOUS | Map.FIXED)
FILE_PRIVATE: Final = int(Map.PRIVATE | Map.FIXED)
FILE_SHARED: Final = int(Map.SHARED | Map.FIXED)
DONTNEED: Final = int(Madv.DONTNEED)
_WRITE: Final = 1
_CUTS_MAX: Final = 64
"""Of a piece so many blocks are kept cut. A load without a pacer needs few; the sizes of one with a
pacer vary."""

Numbers = npt.NDArray[np.int64]


@dataclass(slots=True)
class Piece:
    """Records in order, with the answers that they must get."""

    mm: int
    asks: bool = False
    """The program has to know the answers before it goes on."""
    begins: bool = False
    """It is done before the load, and what it maps stays until the address space ends: others rely
    on it. Only the first piece can be so."""
    _data: list[bytes] = field(default_factory=list)
    _ops: list[int] = field(default_factory=list)
    _answers: list[tuple[int, int, int]] = field(default_factory=list)
    _free: list[bool] = field(default_factory=list)
    _frozen: _Frozen | None = None

    def call(self, op: Op, data: bytes, value: int = 0, *, any_value: bool = False) -> None:
        """A call that succeeds. any_value: with any value but 0."""
        self._add(op, data, (0, 0, value), any_value)

    def map(self, addr: int, pages: int, prot: int = RW, how: int = PRIVATE, file: int = 0,
            offset: int = 0) -> None:  # fmt: skip
        data = pack.mmap(self.mm, addr, pages * PAGE, prot, how, file, offset, 0)
        self.call(Op.MMAP, data, addr)

    def unmap(self, addr: int, pages: int) -> None:
        self.call(Op.MUNMAP, pack.munmap(self.mm, addr, pages * PAGE))

    def protect(self, addr: int, pages: int, prot: int) -> None:
        self.call(Op.MPROTECT, pack.mprotect(self.mm, addr, pages * PAGE, prot))

    def drop(self, addr: int, pages: int) -> None:
        """MADV_DONTNEED."""
        self.call(Op.MADVISE, pack.madvise(self.mm, addr, pages * PAGE, DONTNEED))

    def store(self, addr: int, word: int, *, mm: int = 0) -> None:
        self.call(Op.FAULT, pack.fault(mm or self.mm, addr, word, _WRITE), word)

    def load(self, addr: int, word: int, *, mm: int = 0) -> None:
        """Must find that word."""
        self.call(Op.FAULT, pack.fault(mm or self.mm, addr, None, 0), word)

    def refused(self, addr: int, *, write: bool = True) -> None:
        """An access that the protection forbids."""
        data = pack.fault(self.mm, addr, 1 if write else None, _WRITE if write else 0)
        self._add(Op.FAULT, data, (SIGSEGV, ACCERR, 0), False)

    def _add(self, op: Op, data: bytes, answer: tuple[int, int, int], free: bool) -> None:
        self._data.append(data)
        self._ops.append(op)
        self._answers.append(answer)
        self._free.append(free)

    def __len__(self) -> int:
        return len(self._ops)

    def frozen(self) -> _Frozen:
        """As arrays; nothing is added after that."""
        if self._frozen is None:
            answers = np.zeros(len(self._answers), RESULT)
            for name, column in zip(("status", "info", "value"), zip(*self._answers, strict=True),
                                    strict=True):  # fmt: skip
                answers[name] = column
            sizes = [len(one) for one in self._data]
            self._frozen = _Frozen(
                b"".join(self._data),
                np.concatenate(([0], np.cumsum(sizes))).astype(np.int64),
                np.array(self._ops, np.int64),
                answers,
                np.array(self._free, bool),
            )
        return self._frozen


@dataclass(frozen=True, slots=True)
class _Frozen:
    data: bytes
    begins: Numbers
    """In bytes, of each record, and the end."""
    ops: Numbers
    answers: npt.NDArray[np.void]
    free: npt.NDArray[np.bool_]
    judged: dict[tuple[int, int], _Judged] = field(default_factory=dict)
    """Of some records, by the first and their number, the answer that was right last."""
    cuts: dict[tuple[int, int], bytes] = field(default_factory=dict)
    """Of some records, by the same, what is sent: a program yields its piece many times."""

    def cut(self, first: int, count: int) -> bytes:
        data = self.cuts.get((first, count))
        if data is None:
            data = self.data[self.begins[first] : self.begins[first + count]]
            if len(self.cuts) < _CUTS_MAX:
                self.cuts[first, count] = data
        return data


@dataclass(frozen=True, slots=True)
class _Judged:
    """An answer that is right, and what it counts: the same bytes are right again."""

    answer: bytes
    counts: Tally


@dataclass(slots=True)
class Cut:
    """A block: some records of a piece."""

    piece: Piece
    first: int
    count: int
    intended_ns: int = 0
    sent_ns: int = 0

    @property
    def data(self) -> bytes:
        return self.piece.frozen().cut(self.first, self.count)

    @property
    def kinds(self) -> Numbers:
        return self.piece.frozen().ops[self.first : self.first + self.count]


Answers = list[int]
Program = Generator[Piece, Answers, None]
"""Gets the values of a piece that asks, [] for others."""


@dataclass(slots=True)
class Place:
    """Where a program works.

    Attributes:
        mm: the address space.
        base: of the addresses that are its own.
        me: which of the callers it is for.
        pages: the size of its memory.
        file: opens a file of so many bytes, and gives its number.
    """

    mm: int
    base: int
    me: int
    pages: int
    rng: np.random.Generator
    file: Callable[[int], int]
    forked: list[int] = field(default_factory=list)
    """Address spaces that the program has made and not ended."""
    _words: int = 0

    def word(self) -> int:
        """One that no other caller stores."""
        self._words += 1
        return (TAG + self.me) << 48 | self._words

    def addr(self, page: int) -> int:
        return self.base + page * PAGE


def count_answers(
    tally: Tally, ops: Numbers, results: npt.NDArray[np.void], failed: npt.NDArray[np.bool_]
) -> None:
    """Counts operations and expected errors."""
    numbers, counts = np.unique(ops, return_counts=True)
    for op, count in zip(numbers.tolist(), counts.tolist(), strict=True):
        tally.ops[Op(op).name.lower()] += count
    for at in np.flatnonzero(failed).tolist():
        status = int(results["status"][at])
        name = Op(int(ops[at])).name.lower()
        signals = {11: "SIGSEGV", 7: "SIGBUS"}
        text = flags.errno_name(-status) if status < 0 else signals.get(status, str(status))
        tally.errnos[f"{name} {text}"] += 1


class ScriptMaker:
    """The blocks of one caller that runs a program."""

    def __init__(
        self,
        program: Callable[[Place], Program],
        *,
        mm: int,
        me: int,
        pages: int,
        driver: Driver,
        rng: np.random.Generator,
    ) -> None:
        self.mm = mm
        self.me = me
        self.tally = Tally()
        self.files: list[int] = []
        self._driver = driver
        place = Place(mm, arena_base(me), me, pages, rng, self._open)
        self._place = place
        self._program = program(place)
        self._piece: Piece = next(self._program)
        self._stays = self._piece.begins
        self._next = 0
        self._answers: Answers = []

    def _open(self, size_bytes: int) -> int:
        inode = 0x10AD << 32 | self.mm << 12 | self.me
        info = FileInfo(f"/load-{self.mm}-{self.me}", 0x800001, inode, size_bytes)
        self.files.append(self._driver.open_file(info))
        return self.files[-1]

    @property
    def forked(self) -> list[int]:
        """Address spaces that need a lease besides the own one."""
        return self._place.forked

    def first(self) -> list[bytes]:
        """Nothing as a rule: a program maps what it needs itself."""
        if not self._piece.begins:
            return []
        data = self._piece.frozen().data
        self._piece = self._program.send([])
        return [data]

    def most(self, size: int) -> int:
        return min(size, len(self._piece))

    def make(self, size: int) -> Cut:
        """The next records; none while the program waits for answers."""
        if self._next == len(self._piece):
            if self._piece.asks:
                return Cut(self._piece, 0, 0)
            self._piece, self._next = self._program.send([]), 0
        count = min(size, len(self._piece) - self._next)
        self._next += count
        return Cut(self._piece, self._next - count, count)

    def check(self, block: Cut, answer: bytes) -> int:
        """Compare the answers with those expected; how many there are."""
        frozen, place = block.piece.frozen(), (block.first, block.count)
        known = frozen.judged.get(place)
        if known is not None and known.answer == answer:
            self.tally.add(known.counts)
            return block.count
        results = np.frombuffer(answer, RESULT)
        if len(results) != block.count:
            what = f"{block.count} records"
            self.tally.add_wrong(Wrong("block", what, what, f"{len(results)} results"))
            return len(results)
        part = slice(block.first, block.first + block.count)
        wanted, free = frozen.answers[part], frozen.free[part]
        failed = results["status"] != 0
        code = results["info"] & np.uint32(0xFF)
        bad = results["status"] != wanted["status"]
        bad |= ~failed & (results["value"] != wanted["value"]) & ~free
        bad |= free & (results["value"] == 0)
        bad |= failed & (wanted["status"] > 0) & (code != wanted["info"])
        counts = Tally()
        count_answers(counts, frozen.ops[part], results, failed)
        self.tally.add(counts)
        if not block.piece.asks and not bad.any():
            frozen.judged[place] = _Judged(answer, counts)
        for at in np.flatnonzero(bad).tolist():
            self._wrong(block, at, results[at], wanted[at])
        if block.piece.asks:
            self._answers += results["value"].tolist()
            if len(self._answers) == len(block.piece):
                values, self._answers = self._answers, []
                self._piece, self._next = self._program.send(values), 0
        return block.count

    def _wrong(self, block: Cut, at: int, got: np.void, wanted: np.void) -> None:
        frozen = block.piece.frozen()
        place = block.first + at
        words = np.frombuffer(frozen.data[frozen.begins[place] : frozen.begins[place + 1]], "<u8")
        self.tally.add_wrong(
            Wrong(
                Op(int(frozen.ops[place])).name.lower(),
                " ".join(f"{int(word):#x}" for word in words[2:]),
                f"{wanted['status']}, {int(wanted['value']):#x}",
                f"{got['status']} code {int(got['info']) & 0xFF}, {int(got['value']):#x}",
            )
        )

    def farewell(self) -> bytes:
        """A block that unmaps what the program has mapped; none if it stays."""
        if self._stays:
            return b""
        ends = b"".join(pack.exit(mm) for mm in self._place.forked)
        return pack.munmap(self.mm, self._place.base, (self._place.pages + 1) * PAGE) + ends

    def last(self) -> bytes:
        """A block that ends the own address space."""
        return pack.exit(self.mm)
