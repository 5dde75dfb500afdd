# SPDX-License-Identifier: Apache-2.0
"""The packed form of operations: blocks and their results.

The format stands at the head of ``memory.proto``; this module is one implementation of it, in
Python alone. A block is built with BlockBuilder, sent with Apply or Batch (or given to a native
participant), and what comes back is read with parse_results::

    block = BlockBuilder()
    block.mmap(mm, addr=0x10000, length=8192, flags=Map.PRIVATE | Map.ANONYMOUS | Map.FIXED)
    block.fault(mm, 0x10000, access=Access.WRITE, word=7)
    for result in parse_results(client.apply(block)):
        print(result.status, result.value)
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from vmalab import pack
from vmalab.ops import EXEC_MAPS_BYTES_MAX as EXEC_MAPS_BYTES_MAX
from vmalab.ops import FAULTS_MAX as FAULTS_MAX
from vmalab.ops import HEADER as HEADER
from vmalab.ops import HEADER_WORDS as HEADER_WORDS
from vmalab.ops import MINCORE_PAGES_MAX as MINCORE_PAGES_MAX
from vmalab.ops import NAME_BYTES_MAX as NAME_BYTES_MAX
from vmalab.ops import OPERATIONS as OPERATIONS
from vmalab.ops import RANGES_MAX as RANGES_MAX
from vmalab.ops import RESULT as RESULT
from vmalab.ops import RESULT_BYTES as RESULT_BYTES
from vmalab.ops import U64_MASK as U64_MASK
from vmalab.ops import WORD_BYTES as WORD_BYTES
from vmalab.ops import WORDS as WORDS
from vmalab.ops import Op as Op
from vmalab.ops import Status as Status
from vmalab.uapi import EXEC_SHARED as EXEC_SHARED
from vmalab.uapi import FAULT_FLAG, FAULT_INFO, RECORD_FLAG, SI_CODE, UffdPagefault
from vmalab.uapi import UFFD_API_VERSION as UFFD_API_VERSION
from vmalab.uapi import Access as Access
from vmalab.uapi import FaultInfo as FaultInfo
from vmalab.uapi import UffdFill as UffdFill
from vmalab_client.errors import BlockError
from vmalab_client.methods import Name as Name
from vmalab_client.methods import RecordMethods

RECORD_PKRU = RECORD_FLAG["RECORD_PKRU"]
"""Flag of a record whose last word is what the caller has in PKRU."""
_TAKES_PKRU = frozenset(op for op, one in OPERATIONS.items() if one.pkru)
FAULT_STORE = FAULT_FLAG["FAULT_STORE"]
"""Flag of a FAULT record: store the record's word in the page."""
SI_CODE_MASK = 0xFF
"""Of a FAULT result's info."""
FAULT_INFO_MASK = int(sum(FaultInfo))
PKEY_MASK = FAULT_INFO["FAULT_INFO_PKEY"]
PKEY_SHIFT = (PKEY_MASK & -PKEY_MASK).bit_length() - 1
"""Of a FAULT result's info: the key of a SEGV_PKUERR."""
SEGV_PKUERR = SI_CODE["SEGV_PKUERR"]
USERFAULT_SHIFT = FAULT_INFO["FAULT_INFO_USER_WRITE"].bit_length() - 1
USERFAULT_MASK = int(sum(UffdPagefault))


class Result(NamedTuple):
    """One result.

    Attributes:
        status: 0, -errno, a signal number (FAULT), or a Status.
        info: for FAULT the si_code in the low 8 bits and FaultInfo above; of another record with
            the caller's PKRU what the caller has there after it; else 0.
        value: what the operation answers.
    """

    status: int
    info: int
    value: int

    @property
    def ok(self) -> bool:
        return self.status == 0

    @property
    def errno(self) -> int:
        """The errno of an emulated call that failed, else 0."""
        return -self.status if -1000 < self.status < 0 else 0

    @property
    def signal(self) -> int:
        """The signal of a fault that failed, else 0."""
        return self.status if self.status > 0 else 0

    @property
    def si_code(self) -> int:
        return self.info & SI_CODE_MASK

    @property
    def pkey(self) -> int | None:
        """The key that forbade the access, of a fault that ended with SEGV_PKUERR; else None."""
        if self.signal and self.si_code == SEGV_PKUERR:
            return (self.info & PKEY_MASK) >> PKEY_SHIFT
        return None

    @property
    def userfault(self) -> UffdPagefault | None:
        """Of a fault that waits for a userfaultfd: the flags of its message; else None."""
        if self.status != Status.USERFAULT:
            return None
        return UffdPagefault(self.info >> USERFAULT_SHIFT & USERFAULT_MASK)

    @property
    def how(self) -> FaultInfo:
        return FaultInfo(self.info & FAULT_INFO_MASK)


@dataclass(frozen=True, slots=True)
class Record:
    """One record, taken apart: what parse_block gives. `payload` is what follows the header, `pkru`
    what the caller has there, which stands in neither of flags and payload; None: it says nothing.
    """

    op: int
    flags: int
    how: int
    mm: int
    payload: bytes
    pkru: int | None = None

    @property
    def operands(self) -> tuple[int, ...]:
        return struct.unpack(f"<{len(self.payload) // WORD_BYTES}Q", self.payload)

    @property
    def text(self) -> bytes:
        """Of a record with a name or a maps text behind its operands: that, without its padding."""
        begin = (WORDS[Op(self.op)] - HEADER_WORDS) * WORD_BYTES
        return self.payload[begin : begin + self.flags]


Packer = Callable[..., bytes]


class BlockBuilder(RecordMethods):
    """Builds one block, record by record. len() is the number of results that it will have.

    Addresses, lengths, offsets and words are taken modulo 2**64, as registers are. A mm or a file
    that does not fit in 64 bits raises BlockError.
    """

    __slots__ = ("_buffer", "_count")

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._count = 0
        self.pkru = None

    def __len__(self) -> int:
        return self._count

    def __bytes__(self) -> bytes:
        return bytes(self._buffer)

    @property
    def nbytes(self) -> int:
        """Length of the block so far."""
        return len(self._buffer)

    def bytes(self) -> bytes:
        """The block as it is now."""
        return bytes(self._buffer)

    def clear(self) -> None:
        """Begin again."""
        self._buffer.clear()
        self._count = 0

    def _put(self, results: int, packer: Packer, *arguments: object) -> None:
        record = _packed(packer, *arguments)
        if self.pkru is not None and record[0] in _TAKES_PKRU:
            record = packed_with(record, self.pkru)
        self._buffer += record
        self._count += results


def _packed(packer: Packer, *arguments: object) -> bytes:
    try:
        return packer(*arguments)
    except pack.PackError as error:
        raise BlockError(str(error)) from None
    except struct.error as error:
        name = packer.__name__.upper()
        given = ", ".join(map(str, arguments))
        raise BlockError(
            f"{name}({given}): give numbers in range (mm: that of an address space)"
        ) from error


def packed_with(record: bytes, pkru: int) -> bytes:
    """The record of a caller that has this in PKRU. Raises BlockError where there is no room."""
    try:
        return pack.with_pkru(record, pkru)
    except pack.PackError as error:
        raise BlockError(str(error)) from None


def pack_mmap(
    mm: int, addr: int, length: int, prot: int, flags: int, file: int, file_mode: int, offset: int
) -> bytes:
    """One MMAP record. Raises BlockError for a number that is too large."""
    return _packed(pack.mmap, mm, addr, length, prot, flags, file, offset, file_mode)


def pack_set_vma_name(mm: int, addr: int, length: int, name: Name) -> bytes:
    """One SET_VMA_NAME record. Raises BlockError when the name is longer than 79 bytes."""
    raw = name.encode() if isinstance(name, str) else bytes(name)
    return _packed(pack.set_vma_name, mm, addr, length, raw)


def pack_process_madvise(
    mm: int, ranges: Sequence[tuple[int, int]], advice: int, *, remote: bool
) -> bytes:
    """One PROCESS_MADVISE record. Raises BlockError when there are more than 126 ranges."""
    return _packed(pack.process_madvise, mm, advice, remote, ranges)


def parse_results(results: bytes | bytearray | memoryview) -> list[Result]:
    """The results of a block. Raises BlockError when the length is not a multiple of 16."""
    if len(results) % RESULT_BYTES:
        raise BlockError(f"{len(results)} bytes of results: not a multiple of {RESULT_BYTES}")
    return [Result._make(fields) for fields in RESULT.iter_unpack(results)]


def parse_block(block: bytes | bytearray | memoryview) -> Iterator[Record]:
    """The records of a block, in order. Raises BlockError at the first malformed one."""
    view = memoryview(block)
    if not len(view) or len(view) % WORD_BYTES:
        raise BlockError(f"{len(view)} bytes of block: not a positive multiple of {WORD_BYTES}")
    start = 0
    while start < len(view):
        words = view[start + 1]
        end = start + words * WORD_BYTES
        if words < HEADER_WORDS or end > len(view):
            raise BlockError(f"record at byte {start}: {words} words do not fit in the block")
        op, words, flags, how, mm = HEADER.unpack_from(view, start)
        payload = bytes(view[start + HEADER.size : end])
        if flags & RECORD_PKRU and payload and op in _TAKES_PKRU:
            pkru = int.from_bytes(payload[-WORD_BYTES:], "little") & 0xFFFF_FFFF
            payload, flags = payload[:-WORD_BYTES], flags & ~RECORD_PKRU
            yield Record(op, flags, how, mm, payload, pkru)
        else:
            yield Record(op, flags, how, mm, payload)
        start = end
