# SPDX-License-Identifier: Apache-2.0
"""The block codec against the format as memory.proto states it.

Goal: whoever follows the text of the proto reads and writes the same bytes. Method: each record is
compared with bytes written out by hand; random blocks are taken apart and put together again. A
failure that shows hex names the record whose layout has moved.
"""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vmalab_client.block import (
    HEADER_WORDS,
    RESULT,
    WORDS,
    Access,
    BlockBuilder,
    FaultInfo,
    Op,
    Result,
    Status,
    parse_block,
    parse_results,
)
from vmalab_client.errors import BlockError
from vmalab_client.flags import FileMode

U64 = st.integers(0, 2**64 - 1)
U32 = st.integers(0, 2**32 - 1)


def record(op: int, words: int, flags: int, mm: int, *operands: int, how: int = 0) -> bytes:
    head = bytes([op, words]) + flags.to_bytes(2, "little") + how.to_bytes(4, "little")
    head += mm.to_bytes(8, "little")
    return head + b"".join(operand.to_bytes(8, "little") for operand in operands)


def test_records_of_userfaultfd_keys_and_exec_too() -> None:
    block = BlockBuilder()
    block.uffd_move(7, 1, 2, 3, mode=2, uffd=0x101)
    block.uffd_open(7, flags=1)
    block.uffd_api(7, 0x101, features=0x80)
    block.uffd_close(7, 0x101)
    block.uffd_register(7, 0x101, 1, 2, mode=3)
    block.uffd_unregister(7, 0x101, 1, 2)
    block.uffd_copy(7, 0x101, 1, 2, 3, mode=1)
    block.uffd_zeropage(7, 0x101, 1, 3)
    block.uffd_continue(7, 0x101, 1, 3, mode=2)
    block.uffd_writeprotect(7, 0x101, 1, 2, mode=1)
    block.uffd_wake(7, 0x101, 1, 2)
    block.pkey_alloc(7, rights=2)
    block.pkey_free(7, 3)
    block.exec(7, mmap_base=1, start_brk=2, brk=3, maps="maps and so on", shared=True)
    expected = [
        record(11, 7, 0, 7, 1, 2, 3, 2, 0x101),
        record(32, 3, 0, 7, 1),
        record(33, 5, 0, 7, 0x101, 0xAA, 0x80),
        record(34, 3, 0, 7, 0x101),
        record(35, 6, 0, 7, 0x101, 1, 2, 3),
        record(36, 5, 0, 7, 0x101, 1, 2),
        record(37, 7, 0, 7, 0x101, 1, 2, 3, 1),
        record(37, 7, 1, 7, 0x101, 1, 0, 3, 0),
        record(37, 7, 2, 7, 0x101, 1, 0, 3, 2),
        record(38, 6, 0, 7, 0x101, 1, 2, 1),
        record(39, 5, 0, 7, 0x101, 1, 2),
        record(41, 4, 0, 7, 0, 2),
        record(42, 3, 0, 7, 3),
        record(40, 8, 14, 7, 1, 2, 3, 1) + b"maps and so on\0\0",
    ]
    assert bytes(block) == b"".join(expected)
    assert len(block) == len(expected)


def test_each_record_has_the_bytes_of_the_format() -> None:
    block = BlockBuilder()
    block.nop()
    block.fault(7, 0x1000)
    block.fault(7, 0x1000, access=Access.WRITE)
    block.fault(7, 0x1000, access=Access.WRITE, word=5)
    block.fault(7, 0x1000, access=Access.EXEC)
    block.mmap(7, addr=1, length=2, prot=3, flags=4, file=5, offset=6)
    block.munmap(7, 1, 2)
    block.mprotect(7, 1, 2, 3)
    block.mremap(7, 1, 2, 3, flags=4, new_addr=5)
    block.madvise(7, 1, 2, 3)
    block.mincore(7, 1, 2)
    block.brk(7, 1)
    block.fork(7)
    block.exit(7)
    block.uffd_move(7, 1, 2, 3, mode=2)
    block.set_vma_name(7, 1, 2, "heap of nine")
    block.mm_create(mmap_base=9)
    block.mmap(7, length=2, prot=3, flags=4, file=5, file_mode=FileMode.READ_ONLY)
    block.mlock(7, 1, 2, flags=1)
    block.munlock(7, 1, 2)
    block.mlockall(7, 3)
    block.munlockall(7)
    block.msync(7, 1, 2, 4)
    block.mseal(7, 1, 2)
    block.remap_file_pages(7, 1, 2, pgoff=4)
    block.process_madvise(7, [(1, 2), (3, 4)], 5, remote=True)
    block.pkey_mprotect(7, 1, 2, 3, -1)
    block.setrlimit(7, 9, 10)
    block.thp_disable(7, 1, flags=2)
    block.faults(7, [1, 2, 3], access=Access.WRITE)
    block.file_truncate(5, 6)
    block.file_allocate(5, 6, 7, mode=3)
    expected = [
        record(0, 2, 0, 0),
        record(1, 3, 0, 7, 0x1000),
        record(1, 3, 1, 7, 0x1000),
        record(1, 4, 5, 7, 0x1000, 5),
        record(1, 3, 2, 7, 0x1000),
        record(2, 7, 0, 7, 1, 2, 3 | 4 << 32, 5, 6),
        record(3, 4, 0, 7, 1, 2),
        record(4, 5, 0, 7, 1, 2, 3),
        record(5, 7, 0, 7, 1, 2, 3, 4, 5),
        record(6, 5, 0, 7, 1, 2, 3),
        record(7, 4, 0, 7, 1, 2),
        record(8, 3, 0, 7, 1),
        record(9, 2, 0, 7),
        record(10, 2, 0, 7),
        record(11, 6, 0, 7, 1, 2, 3, 2),
        record(12, 6, 12, 7, 1, 2) + b"heap of nine\0\0\0\0",
        record(13, 3, 0, 0, 9),
        record(2, 7, 0, 7, 0, 2, 3 | 4 << 32, 5, 0, how=1),
        record(14, 5, 0, 7, 1, 2, 1),
        record(15, 4, 0, 7, 1, 2),
        record(16, 3, 0, 7, 3),
        record(17, 2, 0, 7),
        record(18, 5, 0, 7, 1, 2, 4),
        record(19, 5, 0, 7, 1, 2, 0),
        record(20, 7, 0, 7, 1, 2, 0, 4, 0),
        record(21, 7, 2, 7, 5 | 1 << 32, 1, 2, 3, 4),
        record(22, 6, 0, 7, 1, 2, 3, 2**64 - 1),
        record(23, 5, 0, 7, 9, 10, 2**64 - 1),
        record(24, 4, 0, 7, 1, 2),
        record(25, 5, 1, 7, 1, 2, 3),
        record(30, 4, 0, 0, 5, 6),
        record(31, 6, 0, 0, 5, 3, 6, 7),
    ]
    assert bytes(block) == block.bytes() == b"".join(expected)
    assert len(block) == len(expected) + 2, "one result for each address"
    assert block.nbytes == sum(map(len, expected))


def test_more_faults_than_one_record_holds() -> None:
    block = BlockBuilder()
    block.faults(7, range(600), access=Access.WRITE)
    records = list(parse_block(block.bytes()))
    assert [len(one.operands) for one in records] == [253, 253, 94]
    assert [addr for one in records for addr in one.operands] == list(range(600))
    assert len(block) == 600
    with pytest.raises(BlockError, match="access 5"):
        block.faults(7, [0], access=5)


def test_the_table_of_lengths_agrees_with_the_builder() -> None:
    block = BlockBuilder()
    block.set_vma_name(1, 0, 0, "")
    block.mm_create()
    for parsed in parse_block(block.bytes()):
        assert HEADER_WORDS + len(parsed.payload) // 8 == WORDS[Op(parsed.op)]


@given(st.lists(st.tuples(U64, U64, U64), max_size=40))
def test_a_block_taken_apart_is_what_was_put_in(faults: list[tuple[int, int, int]]) -> None:
    block = BlockBuilder()
    block.nop()
    for mm, addr, word in faults:
        block.fault(mm, addr, access=Access.WRITE, word=word)
    parsed = list(parse_block(block.bytes()))[1:]
    assert [(one.mm, *one.operands) for one in parsed] == faults


@given(st.lists(st.tuples(st.integers(-(2**31), 2**31 - 1), U32, U64)))
def test_results_are_read_as_they_are_written(rows: list[tuple[int, int, int]]) -> None:
    packed = b"".join(RESULT.pack(*row) for row in rows)
    assert parse_results(packed) == [Result(*row) for row in rows]


def test_a_result_says_which_kind_of_failure_it_is() -> None:
    good = Result(0, FaultInfo.VMA_LOCK | FaultInfo.PRESENT, 9)
    assert good.ok
    assert good.how == FaultInfo.VMA_LOCK | FaultInfo.PRESENT
    assert (Result(-12, 0, 0).errno, Result(-12, 0, 0).signal) == (12, 0)
    fault = Result(11, 0x102, 0)
    assert (fault.signal, fault.si_code, fault.errno) == (11, 2, 0)
    refused = Result(Status.NO_SUCH_MM, 0, 0)
    assert (refused.ok, refused.errno, refused.signal) == (False, 0, 0)


@pytest.mark.parametrize(
    "block", [b"", b"1234567", bytes(12), record(1, 4, 0, 1, 0), bytes([0, 0, 0, 0, 0, 0, 0, 0])]
)
def test_a_malformed_block_is_refused(block: bytes) -> None:
    with pytest.raises(BlockError):
        list(parse_block(block))


def test_what_does_not_fit_is_refused() -> None:
    block = BlockBuilder()
    with pytest.raises(BlockError, match="mm"):
        block.fork(1 << 64)
    with pytest.raises(BlockError, match="word"):
        block.fault(1, 0, access=Access.READ, word=1)
    with pytest.raises(BlockError, match="80 bytes"):
        block.set_vma_name(1, 0, 0, "x" * 80)
    with pytest.raises(BlockError, match="32 bits"):
        block.mmap(1, length=1, prot=1 << 32)
    with pytest.raises(BlockError, match="127 ranges"):
        block.process_madvise(1, [(0, 0)] * 127, 4)
    with pytest.raises(BlockError):
        parse_results(b"123")
    assert len(block) == 0


def test_operands_are_taken_modulo_64_bits() -> None:
    block = BlockBuilder()
    block.brk(1, -1)
    assert struct.unpack_from("<Q", block.bytes(), 16) == (2**64 - 1,)


def test_clear_begins_again() -> None:
    block = BlockBuilder()
    block.nop()
    block.clear()
    assert (len(block), block.bytes()) == (0, b"")
