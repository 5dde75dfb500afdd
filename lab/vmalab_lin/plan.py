# SPDX-License-Identifier: Apache-2.0
"""Makes the random operations of one process for one epoch, and reads their answers.

An epoch's operations are made at once, by numpy; which address space each of them is done in is
decided when its block is run, because children come and go meanwhile.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from vmalab.ops import HEADER_WORDS, OPERATIONS, Op, Status
from vmalab.uapi import FAULT_FLAG, RECORD_FLAG, Access, Madv, Map, Mdwe, Mremap
from vmalab_client.block import PKEY_MASK, PKEY_SHIFT, SEGV_PKUERR
from vmalab_lin.ops import OP, WORD_BITS_COUNT, Numbers, Ops
from vmalab_native.history import Answer, Kind, Shape

PAGE: Final = 4096
BASE: Final = 0x1000_0000
TIMED: Final = np.dtype(
    [("status", "<i4"), ("info", "<u4"), ("value", "<u8"), ("begin", "<u8"), ("end", "<u8")]
)
Timed = npt.NDArray[np.void]
"""Rows of TIMED."""
WEIGHTS: Final[dict[Kind, float]] = {
    Kind.READ: 34,
    Kind.WRITE: 30,
    Kind.MAP: 8,
    Kind.MAP_NEW: 2,
    Kind.UNMAP: 5,
    Kind.PROTECT: 6,
    Kind.DONTNEED: 5,
    Kind.TOUCH: 2,
    Kind.POPULATE: 2,
    Kind.MOVE: 3,
    Kind.UFFD: 3,
    Kind.MDWE: 0.6,
    Kind.PKEY_PROTECT: 4,
    Kind.PKEY_ALLOC: 1.5,
    Kind.PKEY_FREE: 1,
}
"""Shares of the operations; forks and exits are so many in an epoch."""
RUN_OPS: Final = 8
"""About so many operations in a row are done in the same address space."""
SWEEP_SHARE: Final = 0.25
"""So many of these runs write, or read, one page after the other."""
FIRST_SHARE: Final = 0.4
"""So many of them in the first one of a family; the others in any."""
READS_AFTER_FORK: Final = 8
YOUNGEST: Final = -1
EXIT_SHARE: Final = 0.5
"""Exits of children, for each fork."""

RECORD_OP: Final = {
    Kind.READ: Op.FAULT,
    Kind.WRITE: Op.FAULT,
    Kind.MAP: Op.MMAP,
    Kind.MAP_NEW: Op.MMAP,
    Kind.UNMAP: Op.MUNMAP,
    Kind.PROTECT: Op.MPROTECT,
    Kind.DONTNEED: Op.MADVISE,
    Kind.TOUCH: Op.MADVISE,
    Kind.POPULATE: Op.MADVISE,
    Kind.FORK: Op.FORK,
    Kind.EXIT: Op.EXIT,
    Kind.MOVE: Op.MREMAP,
    Kind.UFFD: Op.UFFD_MOVE,
    Kind.MDWE: Op.MDWE,
    Kind.PKEY_PROTECT: Op.PKEY_MPROTECT,
    Kind.PKEY_ALLOC: Op.PKEY_ALLOC,
    Kind.PKEY_FREE: Op.PKEY_FREE,
}
_ONE_PAGE: Final = (Kind.READ, Kind.WRITE, Kind.MAP_NEW, Kind.POPULATE, Kind.MOVE, Kind.UFFD)
_ERRORS: Final[dict[Kind, dict[int, Answer]]] = {
    Kind.MAP: {-13: Answer.ACCERR},
    Kind.MAP_NEW: {-17: Answer.EXISTS, -13: Answer.ACCERR},
    Kind.PROTECT: {-12: Answer.HOLE, -13: Answer.ACCERR},
    Kind.DONTNEED: {-12: Answer.HOLE},
    Kind.TOUCH: {-12: Answer.HOLE},
    Kind.POPULATE: {-12: Answer.HOLE, -22: Answer.ACCERR},
    Kind.MOVE: {-14: Answer.MAPERR},
    Kind.PKEY_PROTECT: {-12: Answer.HOLE, -13: Answer.ACCERR, -22: Answer.BAD_KEY},
    Kind.PKEY_ALLOC: {-28: Answer.NO_KEY},
    Kind.PKEY_FREE: {-22: Answer.BAD_KEY},
}
_SIGSEGV: Final = 11
KEYS: Final = 4
"""So many keys are named, 0 among them."""
ALL_KEYS: Final = 1
"""Of the field pkru: nothing is denied."""


@dataclass(frozen=True, slots=True)
class Setup:
    """What every process of a run knows.

    Attributes:
        shapes: of each family; all start at the same address.
        processes: that act.
        forks: of each process in each family in an epoch. Each is followed by reads of the child.
        ops: of each process in an epoch.
        block: operations done at a time; children become known between blocks.
        without: not to be done.
    """

    shapes: tuple[Shape, ...]
    processes: int
    forks: int
    ops: int
    block: int
    seed: int
    without: frozenset[Kind] = frozenset()

    @property
    def mms(self) -> int:
        return 1 + self.processes * self.forks


@dataclass(slots=True)
class Plan:
    """Operations of one process; `begin` and `end` of ops and answers are still to come."""

    ops: Ops
    family: npt.NDArray[np.int64]
    choice: npt.NDArray[np.int64]
    """Which address space: this number modulo those that are there; -1: the youngest child of this
    process."""
    words: npt.NDArray[np.uint64]
    at: npt.NDArray[np.int64]
    """Where the record of each operation begins; one more for the end."""


def rng_of(setup: Setup, me: int, epoch: int) -> np.random.Generator:
    return np.random.default_rng([setup.seed, epoch, me])


def make(setup: Setup, me: int, epoch: int) -> Plan:
    """The operations of a process in an epoch: the same for the same seed."""
    rng = rng_of(setup, me, epoch)
    families = len(setup.shapes)
    count = setup.ops
    kinds = rng.choice(
        [int(kind) for kind in WEIGHTS],
        count,
        p=_shares(setup.without),
    )
    run = _runs(rng, count)
    family = rng.integers(0, families, count)[run]
    choice = rng.integers(1, 1 << 30, count)
    choice[rng.random(count) < FIRST_SHARE] = 0
    choice = choice[run]
    ops = np.zeros(count, OP)
    ops["kind"] = kinds
    ops["process"] = me
    _choose_pages(setup, rng, ops, family)
    _sweep(setup, rng, ops, family, run)
    _strew_forks(setup, rng, ops, family, choice)
    kinds = ops["kind"]
    ops["prot"] = rng.choice([0, 1, 3, 5, 7], count, p=[0.05, 0.15, 0.65, 0.05, 0.1])
    populate = kinds == Kind.POPULATE
    ops["prot"][populate] = rng.choice([1, 3], int(populate.sum()))
    maps = (kinds == Kind.MAP) | (kinds == Kind.MAP_NEW)
    ops["shared"] = maps & (rng.random(count) < 0.3)
    number = np.arange(count, dtype=np.uint64) + np.uint64(epoch * count + 1)
    word = np.uint64((me + 1) << WORD_BITS_COUNT) | number
    ops["word"] = np.where(kinds == Kind.WRITE, word, np.uint64(0))
    _choose_keys(rng, ops)
    words, at = _records(ops, rng.integers(0, 2, count).astype(np.uint64))
    return Plan(ops, family, choice, words, at)


def _shares(without: frozenset[Kind]) -> npt.NDArray[np.float64]:
    weights = np.array([0 if kind in without else weight for kind, weight in WEIGHTS.items()])
    shares: npt.NDArray[np.float64] = weights / weights.sum()
    return shares


def _runs(rng: np.random.Generator, count: int) -> npt.NDArray[np.int64]:
    """For each operation the first one of the run that it is in."""
    begins = rng.random(count) < 1 / RUN_OPS
    begins[0] = True
    first: npt.NDArray[np.int64] = np.maximum.accumulate(np.where(begins, np.arange(count), 0))
    return first


def _sweep(setup: Setup, rng: np.random.Generator, ops: Ops, family: Numbers, run: Numbers) -> None:
    """Turns some runs into writes, or reads, of all pages one after the other: they see whether
    a fork, or a call for several pages, is one instant for all of them."""
    count = len(ops)
    some = (rng.random(count) < SWEEP_SHARE)[run]
    kind = np.where(rng.random(count) < 0.7, int(Kind.WRITE), int(Kind.READ))[run]
    pages = np.array([shape.pages for shape in setup.shapes])[family]
    ops["kind"][some] = kind[some]
    ops["first"][some] = ((np.arange(count) - run) % pages)[some]
    ops["last"][some] = ops["first"][some]
    ops["to"][some] = 0


def ops_min(forks: int, families: int) -> int:
    """Operations in which so many forks, exits and reads after forks find room."""
    return (forks * families + int(forks * families * EXIT_SHARE)) * (READS_AFTER_FORK + 1)


def _strew_forks(
    setup: Setup, rng: np.random.Generator, ops: Ops, family: Numbers, choice: Numbers
) -> None:
    """Puts the forks, the reads after them, and the exits in place of other operations."""
    families, stride = len(setup.shapes), READS_AFTER_FORK + 1
    forks, exits = setup.forks * families, int(setup.forks * families * EXIT_SHARE)
    places = rng.permutation(len(ops) // stride)[: forks + exits] * stride
    pages = np.array([shape.pages for shape in setup.shapes])
    for number, place in enumerate(map(int, places)):
        ops["first"][place] = ops["last"][place] = ops["to"][place] = 0
        if number >= forks:
            ops["kind"][place] = Kind.EXIT
            continue
        ops["kind"][place] = Kind.FORK
        after = slice(place, place + stride)
        family[after] = number % families
        reads = slice(place + 1, place + stride)
        ops["kind"][reads] = Kind.READ
        choice[reads] = YOUNGEST
        ops["pkru"][reads] = ALL_KEYS
        page = np.arange(READS_AFTER_FORK) % pages[number % families]
        ops["first"][reads] = ops["last"][reads] = page
        ops["to"][reads] = 0


def _choose_pages(setup: Setup, rng: np.random.Generator, ops: Ops, family: Numbers) -> None:
    """Half of the operations go to the first cell, so that processes meet."""
    count = len(ops)
    kinds = ops["kind"]
    pages = np.array([shape.pages for shape in setup.shapes])[family]
    cell = np.array([shape.cell_pages for shape in setup.shapes])[family]
    near = rng.random(count) < 0.5
    first = (rng.random(count) * np.where(near, cell, pages)).astype(np.int64)
    length = rng.choice([1, 2, 3, 4], count, p=[0.6, 0.25, 0.05, 0.1])
    length[np.isin(kinds, [int(kind) for kind in _ONE_PAGE])] = 1
    last = np.minimum(first + length - 1, pages - 1)
    base = first // cell * cell
    shift = 1 + (rng.random(count) * np.maximum(cell - 1, 1)).astype(np.int64)
    to = base + (first - base + shift) % cell
    ops["first"], ops["last"] = first, last
    ops["to"] = np.where((kinds == Kind.MOVE) | (kinds == Kind.UFFD), to, 0)
    lonely = (cell == 1) & ((kinds == Kind.MOVE) | (kinds == Kind.UFFD))
    ops["kind"] = np.where(lonely, int(Kind.READ), kinds)


def _choose_keys(rng: np.random.Generator, ops: Ops) -> None:
    """A quarter of the touches say what they have in PKRU, those after a fork already do; of the
    others the keys of their pages decide, too."""
    count, kinds = len(ops), ops["kind"]
    touches = (kinds == Kind.READ) | (kinds == Kind.WRITE)
    rights = rng.choice([0, 1, 2, 3], count, p=[0.6, 0.15, 0.15, 0.1])
    said = 1 + (rng.integers(0, KEYS, count) << 2 | rights)
    some = touches & (ops["pkru"] == 0) & (rng.random(count) < 0.25)
    ops["pkru"] = np.where(some, said, ops["pkru"])
    key = rng.choice(KEYS, count, p=[0.3, 0.3, 0.2, 0.2])
    named = (kinds == Kind.PKEY_PROTECT) | (kinds == Kind.PKEY_FREE)
    ops["key"] = np.where(named, np.where(kinds == Kind.PKEY_FREE, np.maximum(key, 1), key), 0)


_FILES: Final = "no memory of a family is of a file; vmalab race and vmalab diff have it"
_OF_ONE: Final = "changes no page, and what later calls answer only by limits; vmalab diff has it"
_UFFD: Final = "needs a handler in a process; UFFD_MOVE without an object is in the load"
LEFT_OUT: Final[dict[Op, str]] = {
    Op.NOP: "does nothing",
    Op.MINCORE: "which pages are present is no part of a page's specification here",
    Op.BRK: "a heap is placed, and the pages of a family have fixed places",
    Op.SET_VMA_NAME: "changes no answer of the others but merging, which no history shows",
    Op.MM_CREATE: "begins a family, before the history",
    Op.MLOCK: _OF_ONE,
    Op.MUNLOCK: _OF_ONE,
    Op.MLOCKALL: _OF_ONE,
    Op.MUNLOCKALL: _OF_ONE,
    Op.MSYNC: "changes nothing, and TOUCH is a call that changes nothing",
    Op.MSEAL: "a sealed page stays until its mm ends: soon nothing would change any more",
    Op.REMAP_FILE_PAGES: _FILES,
    Op.PROCESS_MADVISE: "as so many MADVISE, which are in the load",
    Op.SETRLIMIT: "decides how much there may be, which depends on all cells of an mm",
    Op.THP_DISABLE: "changes no answer, and pages have one size",
    Op.FAULTS: "as so many FAULT, which are in the load",
    Op.FILE_TRUNCATE: _FILES,
    Op.FILE_ALLOCATE: _FILES,
    Op.UFFD_OPEN: _UFFD,
    Op.UFFD_API: _UFFD,
    Op.UFFD_CLOSE: _UFFD,
    Op.UFFD_REGISTER: _UFFD,
    Op.UFFD_UNREGISTER: _UFFD,
    Op.UFFD_FILL: _UFFD,
    Op.UFFD_PROTECT: _UFFD,
    Op.UFFD_WAKE: _UFFD,
    Op.EXEC: "ends an address space as EXIT does, and its new one is in no family",
    Op.FILE_SEAL: _FILES,
    Op.CAPSET: _OF_ONE,
}
"""What no history has, and why."""


def unjudged() -> list[Op]:
    """The operations that no history has, and nobody has said why."""
    return sorted(set(Op) - set(RECORD_OP.values()) - set(LEFT_OUT))


def _records(
    ops: Ops, coin: npt.NDArray[np.uint64]
) -> tuple[npt.NDArray[np.uint64], npt.NDArray[np.int64]]:
    """The packed records, in full, with mm 0 in each: its place is the second word."""
    kinds = ops["kind"].astype(np.int64)
    op_of = np.zeros(max(Kind) + 1, np.uint64)
    for kind, op in RECORD_OP.items():
        op_of[kind] = op
    record_op = op_of[kinds]
    words_of = np.zeros(max(Op) + 1, np.int64)
    for op, one in OPERATIONS.items():
        words_of[op] = one.words
    keyed = (ops["pkru"] != 0) | (kinds == Kind.PKEY_ALLOC)
    size = words_of[record_op.astype(np.int64)] + keyed
    at = np.concatenate([[0], np.cumsum(size)])
    words = np.zeros(at[-1], np.uint64)
    store = Access.WRITE | FAULT_FLAG["FAULT_STORE"]
    how = np.where(kinds == Kind.WRITE, np.uint64(store), np.uint64(0))
    how |= np.where(keyed, np.uint64(RECORD_FLAG["RECORD_PKRU"]), np.uint64(0))
    words[at[:-1]] = record_op | size.astype(np.uint64) << np.uint64(8) | how << np.uint64(16)
    values = _operands(ops, coin)
    for op in set(RECORD_OP.values()):
        these = np.flatnonzero(record_op == op)
        for position, name in enumerate(OPERATIONS[op].operands, HEADER_WORDS):
            words[at[these] + position] = values[name][these]
    packed = np.maximum(ops["pkru"].astype(np.int64) - 1, 0)[keyed]
    words[at[1:][keyed] - 1] = ((packed & 3) << 2 * (packed >> 2)).astype(np.uint64)
    return words, at


def _operands(ops: Ops, coin: npt.NDArray[np.uint64]) -> dict[str, npt.NDArray[np.uint64]]:
    """By the names that they have in the table of operations."""
    kinds = ops["kind"].astype(np.int64)
    first, last, to = (ops[name].astype(np.uint64) for name in ("first", "last", "to"))
    page, base = np.uint64(PAGE), np.uint64(BASE)
    addr, length, target = (
        base + first * page,
        (last - first + np.uint64(1)) * page,
        base + to * page,
    )
    prot = ops["prot"].astype(np.uint64)
    how = np.where(ops["shared"] == 1, Map.SHARED, Map.PRIVATE) | Map.ANONYMOUS
    # Neighbours that are alike merge; half of them are not alike.
    how = how | np.where(coin == 1, Map.NORESERVE, 0)
    how = how | np.where(kinds == Kind.MAP_NEW, Map.FIXED_NOREPLACE, Map.FIXED)
    advice = np.select(
        [kinds == Kind.DONTNEED, kinds == Kind.TOUCH],
        [np.uint64(Madv.DONTNEED), np.uint64(Madv.HUGEPAGE) + coin],
        np.where(prot == 3, Madv.POPULATE_WRITE, Madv.POPULATE_READ),
    )
    nothing = np.zeros(len(ops), np.uint64)
    moved = nothing + page
    return {
        "addr": addr,
        "length": np.where(kinds == Kind.UFFD, page, length),
        "word": ops["word"],
        "prot": prot,
        "prot | flags << 32": prot | how.astype(np.uint64) << np.uint64(32),
        "file": nothing,
        "offset": nothing,
        "advice": advice.astype(np.uint64),
        "old_length": length,
        "new_length": moved,
        "flags": np.where(kinds == Kind.MOVE, np.uint64(Mremap.MAYMOVE | Mremap.FIXED), nothing),
        "rights": nothing,
        "pkey": ops["key"].astype(np.uint64),
        "new_addr": target,
        "dst": target,
        "src": addr,
        "mode": nothing,
        "uffd": nothing,
        "bits": nothing + np.uint64(Mdwe.REFUSE_EXEC_GAIN),
    }


def answers(ops: Ops, timed: Timed) -> None:
    """Fills in what came back, and when."""
    status = timed["status"].astype(np.int64)
    kinds = ops["kind"]
    answer = np.full(len(ops), int(Answer.STRANGE), np.uint8)
    fault = (kinds == Kind.READ) | (kinds == Kind.WRITE)
    answer[status == 0] = Answer.OK
    answer[status == Status.NO_SUCH_MM] = Answer.NO_MM
    signal = fault & (status == _SIGSEGV)
    code = timed["info"] & 0xFF
    answer[signal & (code == 1)] = Answer.MAPERR
    answer[signal & (code == 2)] = Answer.ACCERR
    denied = signal & (code == SEGV_PKUERR)
    answer[denied] = Answer.PKERR
    ops["key"][denied] = ((timed["info"] & PKEY_MASK) >> PKEY_SHIFT)[denied]
    given = (kinds == Kind.PKEY_ALLOC) & (status == 0)
    ops["key"][given] = timed["value"][given]
    for kind, errors in _ERRORS.items():
        for errno, meaning in errors.items():
            answer[(kinds == kind) & (status == errno)] = meaning
    answer[(kinds == Kind.UFFD) & (status < 0) & (status > -1000)] = Answer.REFUSED
    placed = (kinds == Kind.MAP) | (kinds == Kind.MAP_NEW)
    addr = np.uint64(BASE) + ops["first"].astype(np.uint64) * np.uint64(PAGE)
    elsewhere = placed & (answer == Answer.OK) & (timed["value"] != addr)
    answer[elsewhere] = Answer.STRANGE
    ops["answer"] = answer
    strange = answer == Answer.STRANGE
    ops["word"][strange] = status[strange].astype(np.uint64)
    read = (kinds == Kind.READ) & (answer == Answer.OK)
    ops["word"][read] = timed["value"][read]
    ops["begin"], ops["end"] = timed["begin"], timed["end"]
