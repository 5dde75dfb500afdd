# SPDX-License-Identifier: Apache-2.0
"""Goal: no sequence of bytes makes the core crash, hang, or answer in a form that block.h does not
promise.

Method: blocks that are right, blocks wrong in each way that there is, and blocks that hypothesis
makes from raw bytes and from records with wild operands. The fuzzed ones run in a process of their
own, so that a crash is a failing example (printed, with the block as hex) and not the end of
pytest. After each the invariants are walked.
"""

import contextlib
import resource
import struct
from collections.abc import Iterator
from dataclasses import replace
from typing import cast

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from children import Child
from patience import HANG_S
from vmalab_client import BlockBuilder
from vmalab_native import errors
from vmalab_native.core import Participant, Segment, SegmentConfig, lock_models

NOP, FAULT, MMAP, MUNMAP, MPROTECT, MREMAP, MADVISE, MINCORE, BRK, FORK, EXIT = range(11)
UFFD_MOVE, SET_VMA_NAME, MM_CREATE, EXEC = 11, 12, 13, 40
UFFD_OPEN, UFFD_API, UFFD_CLOSE, UFFD_REGISTER, UFFD_UNREGISTER = 32, 33, 34, 35, 36
UFFD_FILL, UFFD_PROTECT, UFFD_WAKE = 37, 38, 39
FAULTS = 25
OPERANDS = [0, 2, 5, 2, 3, 5, 3, 2, 1, 0, 0, 4, 2, 1]
NO_SUCH_MM, BAD_OP, BAD_RECORD, LIMIT = -1001, -1002, -1003, -1004
PROT_READ_WRITE = 3
PRIVATE_ANONYMOUS = 0x22
WRITE, STORE = 1, 4
PAGE = 4096
Result = tuple[int, int, int]


def record(
    op: int, mm: int = 0, *operands: int, flags: int = 0, how: int = 0, words: int | None = None
) -> bytes:
    count = 2 + len(operands) if words is None else words
    values = [operand & (1 << 64) - 1 for operand in operands]
    return struct.pack(f"<BBHIQ{len(values)}Q", op, count, flags, how, mm, *values)


def mmap(mm: int, addr: int, length: int, prot: int = 3, flags: int = PRIVATE_ANONYMOUS) -> bytes:
    return record(MMAP, mm, addr, length, prot | flags << 32, 0, 0)


def results(raw: bytes) -> list[Result]:
    return list(struct.iter_unpack("<iIQ", raw))


@pytest.fixture
def mm(me: Participant) -> int:
    return me.mm_create()


PKEY_MPROTECT, PROCESS_MADVISE = 22, 21


def test_what_the_core_reads_of_an_operand(me: Participant, mm: int) -> None:
    """docs/block-format.md: of u32 and s32 the lower half, of bool the lowest bit, of u64 all."""
    ((_, _, addr),) = results(me.run(mmap(mm, 0, PAGE)))
    above = 0xABCD_0000_0000
    block = (
        record(MPROTECT, mm, addr, PAGE, above | PROT_READ_WRITE)  # u32
        + record(PKEY_MPROTECT, mm, addr, PAGE, PROT_READ_WRITE, -1)  # s32
        + record(PKEY_MPROTECT, mm, addr, PAGE, PROT_READ_WRITE, above | 0xFFFF_FFFF)
        + record(PROCESS_MADVISE, mm, 4 | 2 << 32, addr, PAGE, flags=1)  # bool beside u32
        + record(MPROTECT, mm, addr, PAGE | 1 << 63, PROT_READ_WRITE)  # u64
    )
    assert [status for status, _, _ in results(me.run(block))] == [0, 0, 0, 0, -12]


def test_what_a_block_can_be(me: Participant, mm: int) -> None:
    """Bytes, or a BlockBuilder of the client; what is neither is named."""
    block = BlockBuilder()
    block.mmap(mm, length=PAGE)
    for given_block in (block, bytes(block), bytearray(bytes(block)), memoryview(bytes(block))):
        assert results(me.run(given_block))[0][0] == 0
    for wrong in ("text", None, 16):
        with pytest.raises(TypeError, match="a block is bytes, or a BlockBuilder; this is a"):
            me.run(cast("bytes", wrong))


def test_a_life(me: Participant, mm: int) -> None:
    """mmap, write fault with a word, read it back, look, unmap, fault again: as a process would see
    it.
    """
    ((status, _, addr),) = results(me.run(mmap(mm, 0, 4 * PAGE)))
    assert status == 0
    block = (
        record(FAULT, mm, addr, 0xFEED, flags=1 | 4)
        + record(FAULT, mm, addr + 8, 0)
        + record(MINCORE, mm, addr, 4 * PAGE)
        + record(MUNMAP, mm, addr, 4 * PAGE)
        + record(FAULT, mm, addr, 0)
    )
    stored, read, core, unmapped, late = results(me.run(block))
    assert stored[0] == read[0] == core[0] == unmapped[0] == 0
    assert stored[2] == read[2] == 0xFEED
    assert core[2] == 0b0001
    assert late[0] == 11
    assert late[1] & 0xFF == 1, "SEGV_MAPERR"


def test_stale_mm(me: Participant, mm: int) -> None:
    me.run(record(EXIT, mm))
    wanted = [record(op, mm, *[0] * OPERANDS[op]) for op in range(1, SET_VMA_NAME + 1)]
    assert [status for status, _, _ in results(me.run(b"".join(wanted)))] == [NO_SUCH_MM] * 12


@pytest.mark.parametrize("model", lock_models())
def test_no_such_mm(instance: str, model: str) -> None:
    """An id that no mm ever had, of a slot that there is or is not, and the id of a mm of before:
    also where the participant has kept its way, and where a later mm has the slot.
    """
    config = SegmentConfig(
        size_bytes=48 << 20,
        mms_max=32,
        participants_max=4,
        frames_max=512,
        files_max=4,
        model=model,
    )
    with Segment.create(instance, config) as segment, segment.participant("client") as me:
        for absent in (0, 1, 31, 32, 0xFFFF, 1 << 16, 32 | 1 << 16, 0xFFFF_FFFF, (1 << 64) - 1):
            for addr in (0, PAGE, 0x1F000, 0x7F00_0000_0000, (1 << 64) - PAGE):
                block = record(FAULT, absent, addr) + record(FAULTS, absent, addr, addr)
                assert results(me.run(block)) == [(NO_SUCH_MM, 0, 0)] * 3, (absent, addr)
        old = me.mm_create()
        ((_, _, addr),) = results(me.run(mmap(old, 0, PAGE)))
        store = record(FAULT, old, addr, 7, flags=WRITE | STORE)
        kept = results(me.run(store + record(FAULT, old, addr) * 2))
        assert [one[::2] for one in kept] == [(0, 7)] * 3
        me.run(record(EXIT, old))
        assert results(me.run(record(FAULT, old, addr))) == [(NO_SUCH_MM, 0, 0)]
        later = me.mm_create()
        while later & 0xFFFF != old & 0xFFFF:  # slots are given out in turn
            me.run(record(EXIT, later))
            later = me.mm_create()
        me.run(mmap(later, addr, PAGE))
        assert results(me.run(record(FAULT, old, addr))) == [(NO_SUCH_MM, 0, 0)]
        ((status, _, value),) = results(me.run(record(FAULT, later, addr)))
        assert (status, value) == (0, 0)
        segment.unlink()


@pytest.mark.parametrize("block", [b"", b"\0", bytes(7), bytes(9), bytes(4095)])
def test_bad_length(me: Participant, block: bytes) -> None:
    with pytest.raises(errors.BadBlock, match=f"{len(block)} bytes"):
        me.run(block)
    with pytest.raises(errors.BadBlock):
        me.run_view(block)


def test_unknown_op_is_skipped(me: Participant) -> None:
    block = record(NOP) + record(200, 0, 1, 2, 3) + record(NOP)
    assert [status for status, _, _ in results(me.run(block))] == [0, BAD_OP, 0]


@pytest.mark.parametrize("op", range(14))
@pytest.mark.parametrize("change", [-1, 1])
def test_wrong_words_end_the_block(me: Participant, mm: int, op: int, change: int) -> None:
    words = 2 + OPERANDS[op] + change
    if op == UFFD_MOVE and change == 1:
        words += 1  # one more is the userfaultfd
    operands = [0] * max(0, words - 2)
    flags = STORE if op == FAULT else 0  # without it the word may be left out
    block = record(NOP) + record(op, mm, *operands, words=words, flags=flags) + record(NOP)
    assert [status for status, _, _ in results(me.run(block))] == [0, BAD_RECORD]


@pytest.mark.parametrize("op", [NOP, FAULT, MUNMAP, FORK, EXIT, FAULTS])
def test_how_is_for_mmap_alone(me: Participant, mm: int, op: int) -> None:
    """Of all other records that part of the header is 0, so that it may mean something one day."""
    operands = [0] * (1 if op == FAULTS else OPERANDS[op])
    block = record(NOP) + record(op, mm, *operands, how=1) + record(NOP)
    assert [status for status, _, _ in results(me.run(block))] == [0, BAD_RECORD]


def test_a_header_that_is_cut_off(me: Participant, mm: int) -> None:
    block = record(NOP) + record(FORK, mm)[:8]
    assert [status for status, _, _ in results(me.run(block))] == [0, BAD_RECORD]
    block = record(NOP) + record(FORK, mm, words=1)
    assert [status for status, _, _ in results(me.run(block))] == [0, BAD_RECORD]


def test_a_fault_without_a_word(me: Participant, mm: int) -> None:
    """It may be shorter than one that stores; what lies behind it in the block is not read."""
    ((_, _, addr),) = results(me.run(record(MMAP, mm, 0, PAGE, 3 | PRIVATE_ANONYMOUS << 32, 0, 0)))
    store = record(FAULT, mm, addr, 9, flags=WRITE | STORE)
    short = record(FAULT, mm, addr) + record(FAULT, mm, addr, flags=WRITE)
    assert [value for _, _, value in results(me.run(store + short + record(NOP)))] == [9, 9, 9, 0]


def test_faults_are_as_many_single_ones(me: Participant, mm: int) -> None:
    """One result for each address, in order, between those of the records around it."""
    ((_, _, addr),) = results(me.run(mmap(mm, 0, 3 * PAGE)))
    me.run(record(FAULT, mm, addr + PAGE, 7, flags=WRITE | STORE))
    places = [addr, addr + PAGE, addr - PAGE, addr + 2 * PAGE, addr + PAGE]
    single = results(me.run(b"".join(record(FAULT, mm, place) for place in places)))
    assert [status for status, _, _ in single] == [0, 0, 11, 0, 0]
    assert [value for _, _, value in single] == [0, 7, 0, 0, 7]
    before, *many, after = results(me.run(record(99) + record(FAULTS, mm, *places) + record(NOP)))
    assert many == results(me.run(b"".join(record(FAULT, mm, place) for place in places)))
    assert [one[::2] for one in many] == [one[::2] for one in single]
    assert (before[0], after[0]) == (BAD_OP, 0)


def test_faults_write_and_reach_the_longest_record(me: Participant, mm: int) -> None:
    ((_, _, addr),) = results(me.run(mmap(mm, 0, 253 * PAGE)))
    places = [addr + number * PAGE for number in range(253)]
    made = results(me.run(record(FAULTS, mm, *places, flags=WRITE)))
    assert [status for status, _, _ in made] == [0] * 253
    assert all(info & 1 << 10 for _, info, _ in made), "each is a new page"
    ((_, _, here),) = results(me.run(record(MINCORE, mm, addr, 64 * PAGE)))
    assert here == (1 << 64) - 1


@pytest.mark.parametrize("wrong", [record(FAULTS, 1), record(FAULTS, 1, 0, flags=WRITE | STORE)])
def test_faults_without_addresses_or_with_words_end_the_block(
    me: Participant, wrong: bytes
) -> None:
    assert [status for status, _, _ in results(me.run(wrong + record(NOP)))] == [BAD_RECORD]


def test_zero_words_and_cut_record(me: Participant, mm: int) -> None:
    assert results(me.run(record(NOP, words=0) + record(NOP)))[0][0] == BAD_RECORD
    cut = mmap(mm, 0, PAGE)[:-8]
    assert [status for status, _, _ in results(me.run(record(NOP) + cut))] == [0, BAD_RECORD]


@pytest.mark.parametrize("flags", [80, 1000, 65535])
def test_name_too_long(me: Participant, mm: int, flags: int) -> None:
    """The length of a name stands in the flags: one that the record has no room for is refused."""
    block = record(SET_VMA_NAME, mm, 0x10000, PAGE, 0, 0, flags=flags)
    assert results(me.run(block))[0][0] == BAD_RECORD
    words = 4 + (flags + 7) // 8
    if words < 256:
        full = record(SET_VMA_NAME, mm, 0x10000, PAGE, *[0] * (words - 4), flags=flags)
        assert results(me.run(full))[0][0] < 0


def test_large_block_grows_the_buffer(me: Participant) -> None:
    assert me.run(record(NOP) * 100_000) == bytes(16 * 100_000)
    assert me.run(record(NOP)) == bytes(16)


def test_every_kind_of_buffer(me: Participant) -> None:
    block = record(NOP) + record(99) + record(NOP)
    good = me.run(block)
    assert me.run(bytearray(block)) == good
    assert me.run(memoryview(block)) == good
    for shift in range(1, 9):
        padded = memoryview(bytes(shift) + block)[shift:]
        assert me.run(padded) == good, "a slice need not lie on 8 bytes"


def test_run_view(me: Participant) -> None:
    """The results in place: what run copies, and no longer than until the next block."""
    view = me.run_view(record(200) + record(NOP) * 4)
    assert results(bytes(view)) == [(BAD_OP, 0, 0), *[(0, 0, 0)] * 4]
    me.run(record(NOP))
    assert results(bytes(view))[0] == (0, 0, 0)
    long = record(NOP) * 5_000  # a larger buffer has to be made first
    assert me.run_view(long) == me.run(long) == bytes(16 * 5_000)


def test_mms_made(me: Participant, mm: int) -> None:
    """What MM_CREATE, FORK and EXEC of a block have made is counted; those that fail are not."""
    before = me.mms_made
    good = record(MM_CREATE, 0, 0) + record(FORK, mm) + record(EXEC, mm, 0, 0, 0, 0)
    block = good + record(FORK, 0xFFFF0000) + record(NOP)
    made = [mm for status, _, mm in results(me.run(block)) if status == 0 and mm]
    assert me.mms_made - before == len(made) == 3
    me.run(b"".join(record(EXIT, mm) for mm in made))
    assert me.mms_made - before == 3


def test_mincore_limit(me: Participant, mm: int) -> None:
    assert results(me.run(record(MINCORE, mm, 0x10000, 65 * PAGE)))[0][0] == LIMIT


# --- fuzz ---

RUN_BLOCKS = """
import sys
from vmalab_native.core import Segment
segment = Segment.attach(sys.argv[1])
with segment.participant("client") as me:
    mm = me.mm_create()
    print(mm, flush=True)
    for line in sys.stdin:
        if line.startswith("fsck"):
            print(me.fsck(), flush=True)
            continue
        raw = me.run(bytes.fromhex(line))
        if mm not in [info.id for info in me.mm_list()]:
            mm = me.mm_create()
        print(raw.hex(), mm, flush=True)
"""


class Fuzzed:
    """A segment with a process that runs blocks in it; both are made anew after a crash."""

    def __init__(self, instance: str, config: SegmentConfig) -> None:
        self.instance = instance
        self.config = config
        self.start()

    def start(self) -> None:
        with contextlib.suppress(errors.SegmentMissing):
            Segment.remove(self.instance)
        self.segment = Segment.create(self.instance, self.config)
        self.child = Child(RUN_BLOCKS, self.instance)
        self.mm = int(self.child.line())

    def stop(self) -> None:
        self.child.end()
        self.segment.unlink()
        self.segment.close()

    def run(self, block: bytes) -> list[Result]:
        self.child.tell(block.hex())
        answer = self.child.line()
        if not answer:
            code = self.child.process.wait(HANG_S)
            self.stop()
            self.start()
            pytest.fail(f"the core died (exit {code}) of the block {block.hex()}")
        raw, mm = answer.split(" ") if " " in answer else ("", answer)
        self.mm = int(mm)
        return results(bytes.fromhex(raw))

    def fsck(self) -> None:
        self.child.tell("fsck")
        answer = self.child.line()
        if answer != "[]":
            self.stop()
            self.start()
            pytest.fail(f"broken invariants: {answer}")


@pytest.fixture(scope="module", params=lock_models())
def fuzzed(request: pytest.FixtureRequest) -> Iterator[Fuzzed]:
    config = SegmentConfig(
        size_bytes=128 << 20,
        mms_max=64,
        participants_max=4,
        frames_max=1 << 14,
        files_max=16,
        model=request.param,
    )
    runner = Fuzzed(f"t-fuzz-{id(config)}", replace(config, vmas_per_mm_max=1000))
    yield runner
    runner.stop()


def check_answer(block: bytes, answer: list[Result]) -> None:
    """What block.h promises of any answer."""
    assert 1 <= len(answer) <= len(block) // 8
    for number, (status, _, value) in enumerate(answer):
        assert -1000 < status <= 0 or status in (7, 11, NO_SUCH_MM, BAD_OP, BAD_RECORD, LIMIT)
        assert status != BAD_RECORD or number == len(answer) - 1
        assert status <= 0 or value == 0


ADDRESSES = st.one_of(
    st.integers(0, 64).map(lambda page: 0x7F0000000000 + page * PAGE),
    st.integers(0, 64).map(lambda page: 0x400000 + page * PAGE + 1),
    st.sampled_from(
        [0, 1, PAGE, 0x7FFFFFFFE000, 0x7FFFFFFFF000, 1 << 47, 1 << 63, (1 << 64) - PAGE]
    ),
    st.integers(0, (1 << 64) - 1),
)
LENGTHS = st.one_of(
    st.integers(0, 32).map(lambda pages: pages * PAGE),
    st.sampled_from([0, 1, PAGE - 1, 1 << 30, 1 << 47, (1 << 64) - 1, (1 << 64) - PAGE]),
)
SMALL_NUMBERS = st.one_of(st.integers(0, 40), st.integers(0, (1 << 64) - 1))
MAP_BITS = [1, 2, 0x10, 0x20, 0x100, 0x2000, 0x4000, 0x8000, 0x20000, 0x40000, 0x100000]
FLAGS = st.one_of(
    st.lists(st.sampled_from(MAP_BITS), max_size=4).map(lambda bits: sum(set(bits))),
    st.integers(0, (1 << 32) - 1),
)
HANDLES = st.sampled_from([0x101, 0x101, 0x102, 0x201, 0x301, 0, 1, 1 << 40])
PROT_FLAGS = st.tuples(st.integers(0, 7), FLAGS).map(lambda pair: pair[0] | pair[1] << 32)
OPERAND_KINDS: dict[int, list[st.SearchStrategy[int]]] = {
    FAULT: [ADDRESSES, SMALL_NUMBERS],
    MMAP: [ADDRESSES, LENGTHS, PROT_FLAGS, st.integers(0, 3), LENGTHS],
    MUNMAP: [ADDRESSES, LENGTHS],
    MPROTECT: [ADDRESSES, LENGTHS, SMALL_NUMBERS],
    MREMAP: [ADDRESSES, LENGTHS, LENGTHS, SMALL_NUMBERS, ADDRESSES],
    MADVISE: [ADDRESSES, LENGTHS, st.one_of(st.integers(0, 30), SMALL_NUMBERS)],
    MINCORE: [ADDRESSES, LENGTHS],
    BRK: [ADDRESSES],
    UFFD_MOVE: [ADDRESSES, ADDRESSES, LENGTHS, SMALL_NUMBERS],
    MM_CREATE: [ADDRESSES],
    UFFD_OPEN: [st.sampled_from([0, 1, 0x800, 2])],
    UFFD_API: [HANDLES, st.sampled_from([0xAA, 0xAA, 0]), st.sampled_from([0, 0x80, 0x2000, 2])],
    UFFD_CLOSE: [HANDLES],
    UFFD_REGISTER: [HANDLES, ADDRESSES, LENGTHS, st.integers(0, 8)],
    UFFD_UNREGISTER: [HANDLES, ADDRESSES, LENGTHS],
    UFFD_FILL: [HANDLES, ADDRESSES, ADDRESSES, LENGTHS, st.integers(0, 4)],
    UFFD_PROTECT: [HANDLES, ADDRESSES, LENGTHS, st.integers(0, 4)],
    UFFD_WAKE: [HANDLES, ADDRESSES, LENGTHS],
}
Wild = tuple[int, int, int, list[int]]


@st.composite
def wild_records(draw: st.DrawFn) -> Wild:
    """(op, flags, 0 own mm / 1 wild mm, operands)"""
    op = draw(st.integers(0, 22).filter(lambda number: number != EXIT))
    op += UFFD_OPEN - 14 if op > MM_CREATE else 0
    if op > UFFD_WAKE:
        return FAULTS, draw(st.integers(0, 7)), 0, draw(st.lists(ADDRESSES, max_size=6))
    if op == SET_VMA_NAME:
        length = draw(st.integers(0, 90))
        name = [draw(SMALL_NUMBERS) for _ in range((length + 7) // 8)]
        return op, length, 0, [draw(ADDRESSES), draw(LENGTHS), *name]
    operands = [draw(kind) for kind in OPERAND_KINDS.get(op, [])]
    return op, draw(st.integers(0, 7)), draw(st.sampled_from([0, 0, 0, 0, 0, 0, 0, 1])), operands


# The fixture outlives the examples on purpose: state that one leaves is what the next one meets.
FUZZ = settings(
    max_examples=300,
    deadline=None,
    print_blob=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@FUZZ
@given(st.binary(min_size=8, max_size=512).map(lambda raw: raw[: len(raw) & ~7]))
def test_fuzz_raw_bytes(fuzzed: Fuzzed, block: bytes) -> None:
    check_answer(block, fuzzed.run(block))


@FUZZ
@given(st.lists(wild_records(), min_size=1, max_size=30))
def test_fuzz_wild_records(fuzzed: Fuzzed, wild: list[Wild]) -> None:
    block = b"".join(
        record(op, 0x00020001 if foreign else fuzzed.mm, *operands, flags=flags)
        for op, flags, foreign, operands in wild
    )
    check_answer(block, fuzzed.run(block))
    fuzzed.fsck()


def test_fuzz_left_no_rubble(fuzzed: Fuzzed) -> None:
    """Runs after the two above: exit of every address space gives every frame back."""
    fuzzed.fsck()
    with fuzzed.segment.participant("client") as me:
        for info in me.mm_list():
            me.run(record(EXIT, info.id))
        assert me.mm_list() == []
        assert me.fsck() == []


def test_run_and_run_view_agree(me: Participant) -> None:
    """run and run_view agree on every kind of record."""

    mm_one, mm_two = me.mm_create(), me.mm_create()
    for op in range(14):
        if op in (FORK, MM_CREATE):
            continue  # ids differ
        operands = [0] * OPERANDS[op]
        first = me.run(record(op, mm_one, *operands))
        assert first == bytes(me.run_view(record(op, mm_two, *operands)))


def sleeps_of(participant: Participant, block: bytes) -> int:
    """How often the thread that executes a block leaves its processor by itself."""
    before = resource.getrusage(resource.RUSAGE_THREAD).ru_nvcsw
    assert len(participant.run(block)) == 16 * (len(block) // 16)
    return resource.getrusage(resource.RUSAGE_THREAD).ru_nvcsw - before


def test_a_worker_leaves_its_processor_in_a_long_block(segment: Segment) -> None:
    """Others who are served by its process would wait for its slice. A client's block does not, and
    neither does a short one."""
    nop = record(NOP)
    with segment.participant("worker") as worker, segment.participant("client") as client:
        assert sleeps_of(worker, nop * 300_000) >= 5, "it takes 10 ms and more"
        assert min(sleeps_of(worker, nop * 50) for _ in range(20)) == 0
        assert min(sleeps_of(client, nop * 300_000) for _ in range(20)) == 0
