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
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import IntEnum, IntFlag
from typing import NamedTuple

from vmalab_client.errors import BlockError
from vmalab_client.flags import FileMode, Map, Mremap, Prot, UffdPagefault

RESULT_BYTES = 16
WORD_BYTES = 8
NAME_BYTES_MAX = 79
EXEC_SHARED = 1
EXEC_MAPS_BYTES_MAX = 1992
MINCORE_PAGES_MAX = 64
RANGES_MAX = 126
FAULTS_MAX = 253
"""Addresses in one FAULTS record."""
U64_MASK = (1 << 64) - 1

Name = str | bytes


class Op(IntEnum):
    """What a record does."""

    NOP = 0
    FAULT = 1
    MMAP = 2
    MUNMAP = 3
    MPROTECT = 4
    MREMAP = 5
    MADVISE = 6
    MINCORE = 7
    BRK = 8
    FORK = 9
    EXIT = 10
    UFFD_MOVE = 11
    SET_VMA_NAME = 12
    MM_CREATE = 13
    MLOCK = 14
    MUNLOCK = 15
    MLOCKALL = 16
    MUNLOCKALL = 17
    MSYNC = 18
    MSEAL = 19
    REMAP_FILE_PAGES = 20
    PROCESS_MADVISE = 21
    PKEY_MPROTECT = 22
    SETRLIMIT = 23
    THP_DISABLE = 24
    FAULTS = 25
    FILE_TRUNCATE = 30
    FILE_ALLOCATE = 31
    UFFD_OPEN = 32
    UFFD_API = 33
    UFFD_CLOSE = 34
    UFFD_REGISTER = 35
    UFFD_UNREGISTER = 36
    UFFD_FILL = 37
    UFFD_PROTECT = 38
    UFFD_WAKE = 39
    EXEC = 40
    PKEY_ALLOC = 41
    PKEY_FREE = 42


class Access(IntEnum):
    """How a page is touched; the low two bits of a FAULT record's flags."""

    READ = 0
    WRITE = 1
    EXEC = 2


class UffdFill(IntEnum):
    """What UFFD_FILL fills pages with; the flags of its record."""

    COPY = 0
    ZEROPAGE = 1
    CONTINUE = 2


UFFD_API_VERSION = 0xAA
"""UFFD_API."""

FAULT_STORE = 4
"""Flag of a FAULT record: store the record's word in the page."""


class FaultInfo(IntFlag):
    """How a fault was done: bits of a FAULT result's info, above the si_code."""

    NONE = 0
    VMA_LOCK = 1 << 8
    MMAP_LOCK = 1 << 9
    NEW_PAGE = 1 << 10
    COPIED = 1 << 11
    PRESENT = 1 << 12


SI_CODE_MASK = 0xFF
USERFAULT_SHIFT, USERFAULT_MASK = 17, 7
FAULT_INFO_MASK = 0x1F00


class Status(IntEnum):
    """What the service says about a record that it could not serve."""

    NO_SUCH_MM = -1001
    BAD_OP = -1002
    BAD_RECORD = -1003
    LIMIT = -1004
    USERFAULT = -1005


class Result(NamedTuple):
    """One result.

    Attributes:
        status: 0, -errno, a signal number (FAULT), or a Status.
        info: for FAULT the si_code in the low 8 bits and FaultInfo above; else 0.
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
    """One record, taken apart: what parse_block gives. `payload` is what follows the header."""

    op: int
    flags: int
    how: int
    mm: int
    payload: bytes

    @property
    def operands(self) -> tuple[int, ...]:
        return struct.unpack(f"<{len(self.payload) // WORD_BYTES}Q", self.payload)


HEADER = struct.Struct("<BBHIQ")
RESULT = struct.Struct("<iIQ")
HEADER_WORDS = HEADER.size // WORD_BYTES
_MMAP = struct.Struct("<BBHIQQQQQQ")
_ZERO = struct.Struct("<BBH4xQ")
_ONE = struct.Struct("<BBH4xQQ")
_TWO = struct.Struct("<BBH4xQQQ")
_THREE = struct.Struct("<BBH4xQQQQ")
_FOUR = struct.Struct("<BBH4xQQQQQ")
_FIVE = struct.Struct("<BBH4xQQQQQQ")

# Of a record in full: a FAULT with no word to store may leave it out.
WORDS: dict[Op, int] = {
    Op.NOP: 2,
    Op.FAULT: 4,
    Op.MMAP: 7,
    Op.MUNMAP: 4,
    Op.MPROTECT: 5,
    Op.MREMAP: 7,
    Op.MADVISE: 5,
    Op.MINCORE: 4,
    Op.BRK: 3,
    Op.FORK: 2,
    Op.EXIT: 2,
    Op.UFFD_MOVE: 6,
    Op.SET_VMA_NAME: 4,
    Op.MM_CREATE: 3,
    Op.MLOCK: 5,
    Op.MUNLOCK: 4,
    Op.MLOCKALL: 3,
    Op.MUNLOCKALL: 2,
    Op.MSYNC: 5,
    Op.MSEAL: 5,
    Op.REMAP_FILE_PAGES: 7,
    Op.PROCESS_MADVISE: 3,
    Op.PKEY_MPROTECT: 6,
    Op.SETRLIMIT: 5,
    Op.THP_DISABLE: 4,
    Op.FAULTS: 3,
    Op.FILE_TRUNCATE: 4,
    Op.FILE_ALLOCATE: 6,
    Op.UFFD_OPEN: 3,
    Op.UFFD_API: 5,
    Op.UFFD_CLOSE: 3,
    Op.UFFD_REGISTER: 6,
    Op.UFFD_UNREGISTER: 5,
    Op.UFFD_FILL: 7,
    Op.UFFD_PROTECT: 6,
    Op.UFFD_WAKE: 5,
    Op.EXEC: 6,
    Op.PKEY_ALLOC: 4,
    Op.PKEY_FREE: 3,
}
"""Length of each record in words; what a name, ranges, maps or more addresses take comes on top."""


class BlockBuilder:
    """Builds one block, record by record. len() is the number of results that it will have.

    Addresses, lengths, offsets and words are taken modulo 2**64, as registers are. A mm or a file
    that does not fit in 64 bits raises BlockError.
    """

    __slots__ = ("_buffer", "_count")

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._count = 0

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

    def _add(self, layout: struct.Struct, op: int, flags: int, mm: int, *operands: int) -> None:
        words = layout.size // WORD_BYTES
        masked = [operand & U64_MASK for operand in operands]
        try:
            self._buffer += layout.pack(op, words, flags, mm, *masked)
        except struct.error as error:
            raise BlockError(f"{Op(op).name}: mm {mm} or flags {flags} out of range") from error
        self._count += 1

    def nop(self) -> None:
        self._add(_ZERO, Op.NOP, 0, 0)

    def fault(
        self, mm: int, addr: int, *, access: int = Access.READ, word: int | None = None
    ) -> None:
        """Touch a page; with `word` (access WRITE alone) store it."""
        if word is not None and access != Access.WRITE:
            raise BlockError("FAULT: a word can be stored with access WRITE only")
        if word is None:
            self._add(_ONE, Op.FAULT, access, mm, addr)
        else:
            self._add(_TWO, Op.FAULT, access | FAULT_STORE, mm, addr, word)

    def faults(self, mm: int, addrs: Sequence[int], *, access: int = Access.READ) -> None:
        """Touch a page at each address: as so many fault(), in half the bytes."""
        if not 0 <= access <= Access.EXEC:
            raise BlockError(f"FAULTS: access {access}: 0 read, 1 write or 2 execute; no word")
        for begin in range(0, len(addrs), FAULTS_MAX):
            some = addrs[begin : begin + FAULTS_MAX]
            self._add(struct.Struct(f"<BBH4xQ{len(some)}Q"), Op.FAULTS, access, mm, *some)
            self._count += len(some) - 1

    def mmap(
        self,
        mm: int,
        *,
        length: int,
        addr: int = 0,
        prot: int = Prot.READ | Prot.WRITE,
        flags: int = Map.PRIVATE | Map.ANONYMOUS,
        file: int = 0,
        offset: int = 0,
        file_mode: int = FileMode.READ_WRITE,
    ) -> None:
        self._buffer += pack_mmap(mm, addr, length, prot, flags, file, file_mode, offset)
        self._count += 1

    def munmap(self, mm: int, addr: int, length: int) -> None:
        self._add(_TWO, Op.MUNMAP, 0, mm, addr, length)

    def mprotect(self, mm: int, addr: int, length: int, prot: int) -> None:
        self._add(_THREE, Op.MPROTECT, 0, mm, addr, length, prot)

    def mremap(
        self,
        mm: int,
        addr: int,
        old_length: int,
        new_length: int,
        *,
        flags: int = Mremap.MAYMOVE,
        new_addr: int = 0,
    ) -> None:
        self._add(_FIVE, Op.MREMAP, 0, mm, addr, old_length, new_length, flags, new_addr)

    def madvise(self, mm: int, addr: int, length: int, advice: int) -> None:
        self._add(_THREE, Op.MADVISE, 0, mm, addr, length, advice)

    def mincore(self, mm: int, addr: int, length: int) -> None:
        """At most 64 pages; bit i of the value is page i."""
        self._add(_TWO, Op.MINCORE, 0, mm, addr, length)

    def brk(self, mm: int, addr: int) -> None:
        self._add(_ONE, Op.BRK, 0, mm, addr)

    def fork(self, mm: int) -> None:
        self._add(_ZERO, Op.FORK, 0, mm)

    def exit(self, mm: int) -> None:
        self._add(_ZERO, Op.EXIT, 0, mm)

    def uffd_move(
        self, mm: int, dst: int, src: int, length: int, *, mode: int = 0, uffd: int = 0
    ) -> None:
        """Without `uffd` as if the destination were registered."""
        if uffd:
            self._add(_FIVE, Op.UFFD_MOVE, 0, mm, dst, src, length, mode, uffd)
        else:
            self._add(_FOUR, Op.UFFD_MOVE, 0, mm, dst, src, length, mode)

    def uffd_open(self, mm: int, *, flags: int = 0) -> None:
        """userfaultfd(2); the value is the number that the others take."""
        self._add(_ONE, Op.UFFD_OPEN, 0, mm, flags)

    def uffd_api(self, mm: int, uffd: int, *, features: int = 0) -> None:
        """Its handshake, before which it does nothing."""
        self._add(_THREE, Op.UFFD_API, 0, mm, uffd, UFFD_API_VERSION, features)

    def uffd_close(self, mm: int, uffd: int) -> None:
        self._add(_ONE, Op.UFFD_CLOSE, 0, mm, uffd)

    def uffd_register(self, mm: int, uffd: int, addr: int, length: int, *, mode: int) -> None:
        self._add(_FOUR, Op.UFFD_REGISTER, 0, mm, uffd, addr, length, mode)

    def uffd_unregister(self, mm: int, uffd: int, addr: int, length: int) -> None:
        self._add(_THREE, Op.UFFD_UNREGISTER, 0, mm, uffd, addr, length)

    def uffd_copy(
        self, mm: int, uffd: int, dst: int, src: int, length: int, *, mode: int = 0
    ) -> None:
        self._add(_FIVE, Op.UFFD_FILL, UffdFill.COPY, mm, uffd, dst, src, length, mode)

    def uffd_zeropage(self, mm: int, uffd: int, addr: int, length: int, *, mode: int = 0) -> None:
        self._add(_FIVE, Op.UFFD_FILL, UffdFill.ZEROPAGE, mm, uffd, addr, 0, length, mode)

    def uffd_continue(self, mm: int, uffd: int, addr: int, length: int, *, mode: int = 0) -> None:
        self._add(_FIVE, Op.UFFD_FILL, UffdFill.CONTINUE, mm, uffd, addr, 0, length, mode)

    def uffd_writeprotect(self, mm: int, uffd: int, addr: int, length: int, *, mode: int) -> None:
        self._add(_FOUR, Op.UFFD_PROTECT, 0, mm, uffd, addr, length, mode)

    def uffd_wake(self, mm: int, uffd: int, addr: int, length: int) -> None:
        self._add(_THREE, Op.UFFD_WAKE, 0, mm, uffd, addr, length)

    def set_vma_name(self, mm: int, addr: int, length: int, name: Name) -> None:
        """Name anonymous memory; an empty name removes it. At most 79 bytes."""
        self._buffer += pack_set_vma_name(mm, addr, length, name)
        self._count += 1

    def mlock(self, mm: int, addr: int, length: int, *, flags: int = 0) -> None:
        """mlock2; without flags mlock."""
        self._add(_THREE, Op.MLOCK, 0, mm, addr, length, flags)

    def munlock(self, mm: int, addr: int, length: int) -> None:
        self._add(_TWO, Op.MUNLOCK, 0, mm, addr, length)

    def mlockall(self, mm: int, flags: int) -> None:
        self._add(_ONE, Op.MLOCKALL, 0, mm, flags)

    def munlockall(self, mm: int) -> None:
        self._add(_ZERO, Op.MUNLOCKALL, 0, mm)

    def msync(self, mm: int, addr: int, length: int, flags: int) -> None:
        self._add(_THREE, Op.MSYNC, 0, mm, addr, length, flags)

    def mseal(self, mm: int, addr: int, length: int, *, flags: int = 0) -> None:
        self._add(_THREE, Op.MSEAL, 0, mm, addr, length, flags)

    def remap_file_pages(
        self, mm: int, addr: int, size: int, *, prot: int = 0, pgoff: int = 0, flags: int = 0
    ) -> None:
        self._add(_FIVE, Op.REMAP_FILE_PAGES, 0, mm, addr, size, prot, pgoff, flags)

    def process_madvise(
        self, mm: int, ranges: Sequence[tuple[int, int]], advice: int, *, remote: bool = False
    ) -> None:
        """Advice to ranges of (address, length), 126 at most; remote: given by another process."""
        self._buffer += pack_process_madvise(mm, ranges, advice, remote=remote)
        self._count += 1

    def pkey_mprotect(self, mm: int, addr: int, length: int, prot: int, pkey: int) -> None:
        self._add(_FOUR, Op.PKEY_MPROTECT, 0, mm, addr, length, prot, pkey)

    def pkey_alloc(self, mm: int, *, flags: int = 0, rights: int = 0) -> None:
        """pkey_alloc(2); rights: 1 no access, 2 no writes."""
        self._add(_TWO, Op.PKEY_ALLOC, 0, mm, flags, rights)

    def pkey_free(self, mm: int, pkey: int) -> None:
        """pkey_free(2)."""
        self._add(_ONE, Op.PKEY_FREE, 0, mm, pkey)

    def setrlimit(self, mm: int, resource: int, soft: int, hard: int = U64_MASK) -> None:
        self._add(_THREE, Op.SETRLIMIT, 0, mm, resource, soft, hard)

    def thp_disable(self, mm: int, disable: int, *, flags: int = 0) -> None:
        """prctl(PR_SET_THP_DISABLE)."""
        self._add(_TWO, Op.THP_DISABLE, 0, mm, disable, flags)

    def file_truncate(self, file: int, size: int) -> None:
        """ftruncate(2); no address space is named."""
        self._add(_TWO, Op.FILE_TRUNCATE, 0, 0, file, size)

    def file_allocate(self, file: int, offset: int, length: int, *, mode: int = 0) -> None:
        """fallocate(2); no address space is named."""
        if not 0 <= mode < 1 << 32:
            raise BlockError(f"FILE_ALLOCATE: mode {mode}: 32 bits")
        self._add(_FOUR, Op.FILE_ALLOCATE, 0, 0, file, mode, offset, length)

    def exec(
        self,
        mm: int,
        *,
        mmap_base: int = 0,
        start_brk: int = 0,
        brk: int = 0,
        maps: str = "",
        shared: bool = False,
    ) -> None:
        """execve: the process of `mm` goes on in a new address space, the value.

        At most 1992 bytes of maps; the unary call takes more. shared: others stay in `mm`.
        """
        raw = maps.encode()
        if len(raw) > EXEC_MAPS_BYTES_MAX:
            raise BlockError(f"EXEC: {len(raw)} bytes of maps, at most {EXEC_MAPS_BYTES_MAX}")
        padded = raw + bytes(-len(raw) % WORD_BYTES)
        words = WORDS[Op.EXEC] + len(padded) // WORD_BYTES
        places = [number & U64_MASK for number in (mmap_base, start_brk, brk)]
        how = EXEC_SHARED if shared else 0
        self._buffer += _FOUR.pack(Op.EXEC, words, len(raw), mm, *places, how) + padded
        self._count += 1

    def mm_create(self, *, mmap_base: int = 0) -> None:
        self._add(_ONE, Op.MM_CREATE, 0, 0, mmap_base)


def pack_mmap(
    mm: int, addr: int, length: int, prot: int, flags: int, file: int, file_mode: int, offset: int
) -> bytes:
    """One MMAP record. Raises BlockError for a number that is too large."""
    if not (0 <= prot < 1 << 32 and 0 <= flags < 1 << 32):
        raise BlockError(f"MMAP: prot {prot}, flags {flags}: 32 bits each")
    place = (addr & U64_MASK, length & U64_MASK, prot | flags << 32, file, offset & U64_MASK)
    try:
        return _MMAP.pack(Op.MMAP, WORDS[Op.MMAP], 0, file_mode, mm, *place)
    except struct.error as error:
        text = f"MMAP: mm {mm}, file {file}: 64 bits each; file_mode {file_mode}: 32 bits"
        raise BlockError(text) from error


def pack_set_vma_name(mm: int, addr: int, length: int, name: Name) -> bytes:
    """One SET_VMA_NAME record. Raises BlockError when the name is longer than 79 bytes."""
    raw = name.encode() if isinstance(name, str) else bytes(name)
    if len(raw) > NAME_BYTES_MAX:
        raise BlockError(f"SET_VMA_NAME: {len(raw)} bytes, at most {NAME_BYTES_MAX}")
    padded = raw + bytes(-len(raw) % WORD_BYTES)
    words = WORDS[Op.SET_VMA_NAME] + len(padded) // WORD_BYTES
    head = _TWO.pack(Op.SET_VMA_NAME, words, len(raw), mm, addr & U64_MASK, length & U64_MASK)
    return head + padded


def pack_process_madvise(
    mm: int, ranges: Sequence[tuple[int, int]], advice: int, *, remote: bool
) -> bytes:
    """One PROCESS_MADVISE record. Raises BlockError when there are more than 126 ranges."""
    if len(ranges) > RANGES_MAX or not 0 <= advice < 1 << 32:
        raise BlockError(
            f"PROCESS_MADVISE: {len(ranges)} ranges, at most {RANGES_MAX}; advice {advice}: 32 bits"
        )
    words = WORDS[Op.PROCESS_MADVISE] + 2 * len(ranges)
    numbers = [number & U64_MASK for pair in ranges for number in pair]
    head = _ONE.pack(Op.PROCESS_MADVISE, words, len(ranges), mm, advice | remote << 32)
    return head + struct.pack(f"<{len(numbers)}Q", *numbers)


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
        yield Record(op, flags, how, mm, bytes(view[start + HEADER.size : end]))
        start = end
