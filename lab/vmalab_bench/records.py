# SPDX-License-Identifier: Apache-2.0
"""Blocks of many records of one kind, made at once with numpy, and a look at their results."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

from vmalab.ops import FAULTS_MAX, HEADER_WORDS, OPERATIONS, Op, header
from vmalab.uapi import Access, Madv, Map, Prot
from vmalab_bench.base import BenchError
from vmalab_drive.packed import RESULT, Results

if TYPE_CHECKING:
    from vmalab_native.core import Participant

READ: Final = int(Access.READ)
WRITE: Final = int(Access.WRITE)
RECORDS_MAX: Final = 50_000
Column = npt.NDArray[np.uint64]
Addresses = Sequence[int] | Column


def _records(op: Op, flags: int, mm: int, operands: Sequence[int | Column], count: int) -> bytes:
    """`count` records of one operation, as short as they may be; an operand is one value for all or
    a column."""
    words = OPERATIONS[op].words_least
    rows = np.zeros((count, words), dtype="<u8")
    rows[:, 0] = header(op, words, flags)
    rows[:, 1] = mm
    for column, operand in enumerate(operands, start=HEADER_WORDS):
        rows[:, column] = operand
    return rows.tobytes()


def faults(mm: int, addrs: Addresses, access: int = READ) -> bytes:
    column = np.asarray(addrs, dtype="<u8")
    return _records(Op.FAULT, access, mm, (column,), len(column))


def many_faults(mm: int, addrs: Addresses) -> bytes:
    """Read faults with as many addresses in a record as it may have."""
    words = np.asarray(addrs, dtype="<u8")
    parts = [words[begin : begin + FAULTS_MAX] for begin in range(0, len(words), FAULTS_MAX)]
    head = struct.Struct("<QQ")
    return b"".join(
        head.pack(header(Op.FAULTS, HEADER_WORDS + len(part), READ), mm) + part.tobytes()
        for part in parts
    )


def maps(mm: int, addrs: Addresses, length: int, *, prot: int = 3, fixed: bool = True) -> bytes:
    """Private anonymous mappings of the same length."""
    column = np.asarray(addrs, dtype="<u8")
    how = Map.PRIVATE | Map.ANONYMOUS | (Map.FIXED if fixed else 0)
    return _records(Op.MMAP, 0, mm, (column, length, int(prot) | how << 32), len(column))


def unmaps(mm: int, addrs: Addresses, length: int) -> bytes:
    column = np.asarray(addrs, dtype="<u8")
    return _records(Op.MUNMAP, 0, mm, (column, length), len(column))


def forget(mm: int, addr: int, length: int) -> bytes:
    """MADV_DONTNEED: the pages are gone, the next fault makes new ones."""
    return _records(Op.MADVISE, 0, mm, (addr, length, int(Madv.DONTNEED)), 1)


def forks(mm: int) -> bytes:
    return _records(Op.FORK, 0, mm, (), 1)


def exits(mm: int) -> bytes:
    return _records(Op.EXIT, 0, mm, (), 1)


def woven(*blocks: bytes, count: int) -> bytes:
    """Blocks of `count` records each into one: first record of each, second of each, ..."""
    parts = [np.frombuffer(block, dtype="<u8").reshape(count, -1) for block in blocks]
    return np.concatenate(parts, axis=1).tobytes()


def results(answer: bytes | memoryview, what: str) -> Results:
    """The results of a block that must all be good.

    Raises:
        BenchError: one is not.
    """
    rows = np.frombuffer(answer, RESULT)
    bad = np.flatnonzero(rows["status"])
    if len(bad):
        raise BenchError(f"{what}: record {bad[0]} answered {rows['status'][bad[0]]}")
    return rows


def must(participant: Participant, block: bytes, what: str) -> Results:
    """Executes a block whose every record must succeed; its results."""
    return results(participant.run(block), what)


def fill(
    participant: Participant, mm: int, addrs: Addresses, length: int, *, touch: bool = True
) -> None:
    """Maps a VMA at each address; with touch, its first page is made present."""
    column = np.asarray(addrs, dtype="<u8")
    for start in range(0, len(column), RECORDS_MAX):
        part = column[start : start + RECORDS_MAX]
        must(participant, maps(mm, part, length), "mapping the VMAs")
    if touch:
        touch_each(participant, mm, column)


def touch_each(participant: Participant, mm: int, addrs: Addresses) -> None:
    """Makes the page at each address present."""
    column = np.asarray(addrs, dtype="<u8")
    for start in range(0, len(column), RECORDS_MAX):
        part = column[start : start + RECORDS_MAX]
        must(participant, faults(mm, part, WRITE), "touching the VMAs")


NONE: Final = int(Prot.NONE)
