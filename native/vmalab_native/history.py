# SPDX-License-Identifier: Apache-2.0
"""Histories of concurrent operations: recording them with times, and checking them.

A history is a set of operations, each with the times before and after it. It is linearizable if
every operation can be given one instant between its two times so that, done one by one in the
order of these instants, all of them give the answers that they gave. lin.h says what the fields of
an operation mean, and that families of address spaces are checked cell by cell.
"""

from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from vmalab_native._core import ffi, lib
from vmalab_native.cdata import CArray
from vmalab_native.checks import bounded
from vmalab_native.convert import Block, aligned, checked
from vmalab_native.core import Participant
from vmalab_native.errors import InvalidArgument

TIMED_BYTES: Final = 32  # i32 status, u32 info, u64 value, u64 begin ns, u64 end ns
OP_BYTES: Final = int(ffi.sizeof("struct vl_lin_op"))
OP_FIELDS: Final = tuple(
    (name, field.offset, int(ffi.sizeof(field.type)))
    for name, field in ffi.typeof("struct vl_lin_op").fields
)
"""(name, offset, bytes) of each field of an operation: unsigned numbers; `pad` is none."""
MMS_MAX: Final = 32
ENTRIES_MAX: Final = 128
"""Address spaces times pages of a cell, at most."""
PRESENT, MAPPED, SHARED, MAY_WRITE, MAY_READ = (1 << bit for bit in (63, 62, 61, 60, 59))
MAY_EXEC, REFUSES = 1 << 58, 1 << 57
WORD_MASK: Final = (1 << 48) - 1
KEY_SHIFT, KEY_MASK = 48, 15


class Kind(IntEnum):
    """What an operation does; lin.h has the details."""

    READ = lib.LIN_READ
    WRITE = lib.LIN_WRITE
    MAP = lib.LIN_MAP
    MAP_NEW = lib.LIN_MAP_NEW
    UNMAP = lib.LIN_UNMAP
    PROTECT = lib.LIN_PROTECT
    DONTNEED = lib.LIN_DONTNEED
    TOUCH = lib.LIN_TOUCH
    POPULATE = lib.LIN_POPULATE
    FORK = lib.LIN_FORK
    EXIT = lib.LIN_EXIT
    MOVE = lib.LIN_MOVE
    UFFD = lib.LIN_UFFD
    MDWE = lib.LIN_MDWE
    PKEY_PROTECT = lib.LIN_PKEY_PROTECT
    PKEY_ALLOC = lib.LIN_PKEY_ALLOC
    PKEY_FREE = lib.LIN_PKEY_FREE


class Answer(IntEnum):
    """How it ended."""

    OK = lib.LIN_OK
    NO_MM = lib.LIN_NO_MM
    MAPERR = lib.LIN_MAPERR
    ACCERR = lib.LIN_ACCERR
    HOLE = lib.LIN_HOLE
    EXISTS = lib.LIN_EXISTS
    REFUSED = lib.LIN_REFUSED
    STRANGE = lib.LIN_STRANGE
    PKERR = lib.LIN_PKERR
    BAD_KEY = lib.LIN_BAD_KEY
    NO_KEY = lib.LIN_NO_KEY


@dataclass(frozen=True, slots=True)
class Shape:
    """A family of address spaces.

    Attributes:
        mms: numbers of address spaces: 0 is the first one, the others are made by fork.
        pages: of each, page 0 and up.
        cell_pages: pages that are checked together; a divisor of `pages`.
        configs_max: orders followed at a time before a cell is given up; 0 is 262,144.
        only: check that cell alone (others may be incomplete); -1: all.
    """

    mms: int
    pages: int
    cell_pages: int
    configs_max: int = 0
    only: int = -1

    def __post_init__(self) -> None:
        bounded("mms", self.mms, 1, MMS_MAX)
        bounded("pages", self.pages, 1, 255)
        bounded("cell_pages", self.cell_pages, 1, self.pages)
        if self.pages % self.cell_pages:
            what = f"{self.pages} pages are no whole cells of {self.cell_pages}"
            raise InvalidArgument(f"{what}: give a multiple of it")
        bounded("only", self.only, -1, self.pages // self.cell_pages - 1)
        if self.mms * self.cell_pages > ENTRIES_MAX:
            raise InvalidArgument(
                f"{self.mms} address spaces with {self.cell_pages} pages in a cell are more than "
                f"{ENTRIES_MAX} pages"
            )


@dataclass(frozen=True, slots=True)
class State:
    """The pages of a cell: one number for each page of each mm in turn, the words of shared pages
    by number, and for each mm a bit for each protection key that is taken. PRESENT, MAPPED, SHARED,
    MAY_WRITE, MAY_READ, KEY_SHIFT with KEY_MASK, and WORD_MASK take a page apart.
    """

    pages: tuple[int, ...]
    shared: tuple[int, ...]
    keys: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Failure:
    """The earliest return that no order of the history explains.

    Attributes:
        op: index of the operation that returned.
        cell: where.
        cut_ns: the last time before at which nothing was under way and one state possible; 0: the
            start.
        at_cut: that state.
        reached: some of the states in which the operation might have taken effect, and could not.
    """

    op: int
    cell: int
    cut_ns: int
    at_cut: State
    reached: tuple[State, ...]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a check found.

    Attributes:
        steps: operations, counted once in each cell that they touch.
        configs: orders that were followed; one for each step if nothing overlaps.
        configs_max: at one time.
        undecided: cells that were given up.
    """

    steps: int
    configs: int
    configs_max: int
    undecided: int
    failure: Failure | None


def run_timed(participant: Participant, block: Block) -> bytes:
    """As Participant.run(), with 32 bytes per record: i32 status, u32 info, u64 value, and the
    times before and after it, u64 ns of CLOCK_MONOTONIC.

    Raises:
        BadBlock: the length is 0 or no multiple of 8; nothing was executed.
    """
    data = aligned(block)
    results = ffi.new("struct vl_timed_result[]", max(1, len(data) // 8))
    count = lib.vl_run_timed(participant._open(), data, len(data), results, len(data) // 8)
    checked(count, f"a block of {len(data)} bytes")
    return bytes(ffi.buffer(results, count * TIMED_BYTES))


def check(ops: Block, shape: Shape) -> Verdict:
    """Is that history linearizable? One pass over all cells, with the GIL released.

    Args:
        ops: operations in any order, each OP_BYTES with OP_FIELDS.

    Raises:
        InvalidArgument: an operation is out of the shape's bounds, or has fields that make no
            sense (lin.h).
    """
    if len(ops) % OP_BYTES:
        raise InvalidArgument(f"{len(ops)} bytes are no whole operations of {OP_BYTES}")
    data = aligned(ops)
    c_shape = ffi.new("struct vl_lin_shape *")
    c_shape.mms, c_shape.pages = shape.mms, shape.pages
    c_shape.cell_pages, c_shape.configs_max = shape.cell_pages, shape.configs_max
    c_shape.only = shape.only + 1
    out, bad = ffi.new("struct vl_lin_result *"), ffi.new("u64 *")
    count = len(ops) // OP_BYTES
    buffer = ffi.from_buffer(data) if isinstance(data, bytes) else data
    pointer = ffi.cast("const struct vl_lin_op *", buffer)
    code = lib.vl_lin_check(pointer, count, c_shape, out, bad)
    what = "a history" if bad[0] == count else f"operation {bad[0]} of a history"
    checked(code, what)
    failure = None
    if out.failed:
        failure = Failure(
            op=out.op,
            cell=out.cell,
            cut_ns=out.cut,
            at_cut=_state(out.at_cut, out.entries, shape),
            reached=tuple(_state(out.state[i], out.entries, shape) for i in range(out.states)),
        )
    return Verdict(out.steps, out.configs, out.configs_max, out.undecided, failure)


def _state(words: CArray, entries: int, shape: Shape) -> State:
    pages = shape.mms * shape.cell_pages
    shared = tuple(words[pages : 2 * pages])
    return State(tuple(words[0:pages]), shared, tuple(words[2 * pages : entries]))
