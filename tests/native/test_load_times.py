# SPDX-License-Identifier: Apache-2.0
"""Goal: a block of a load does what a block does, its records begin when they are due and not
before, and each is counted in the histogram of its operation.

Method: the same records with and without times; counts against what was sent; the clock is read
before and after. A record that begins early, or is counted twice, fails.
"""

import struct
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import pytest

from vmalab.ops import Op, Status
from vmalab.uapi import FAULT_INFO
from vmalab_client.block import BlockBuilder
from vmalab_native import events
from vmalab_native.core import Participant, Segment
from vmalab_native.errors import BadBlock, InvalidArgument
from vmalab_native.load_times import COUNTS, OPS, PARTS, LoadTimes
from vmalab_native.segment_file import SegmentFile

PAGE = 4096
FAR = 0x2000_0000
MAP_POPULATE = 0x8000
UNDER_MMAP_LOCK = FAULT_INFO["FAULT_INFO_MMAP_LOCK"]
ADDR = 0x1000_0000
READ_WRITE, PRIVATE_ANONYMOUS_FIXED = 3, 0x32
MS = 1_000_000


class Kept:
    """Histograms, and what runs blocks into them."""

    def __init__(self, every: int = 1, *, corrected: bool = True) -> None:
        self.raw = np.zeros((OPS, COUNTS), np.uint64)
        self.corrected = np.zeros((OPS, COUNTS), np.uint64)
        view = self.corrected.data if corrected else None
        self.times = LoadTimes(self.raw.data, view, every=every)

    def counts(self) -> dict[str, int]:
        return {Op(op).name: int(self.raw[op].sum()) for op in range(OPS) if self.raw[op].any()}


class Parts(Kept):
    """As Kept, with where the time went."""

    def __init__(self, every: int = 1) -> None:
        super().__init__(every, corrected=False)
        self.parts = np.zeros((OPS, len(PARTS)), np.uint64)
        self.times = LoadTimes(self.raw.data, None, every=every, parts=self.parts.data)

    def of(self, op: Op) -> dict[str, int]:
        return dict(zip(PARTS, self.parts[op].tolist(), strict=True))


def block_for(mm: int) -> bytes:
    """Calls that succeed, fail, and end with a signal."""
    block = BlockBuilder()
    block.mmap(mm, addr=ADDR, length=2 * PAGE, prot=READ_WRITE, flags=PRIVATE_ANONYMOUS_FIXED)
    block.fault(mm, ADDR)
    block.fault(mm, ADDR + 2 * PAGE)
    block.munmap(mm, ADDR, PAGE)
    block.munmap(mm, ADDR + 1, PAGE)
    block.fault(mm, ADDR)
    return block.bytes()


def faults(mm: int, count: int) -> bytes:
    block = BlockBuilder()
    for _ in range(count):
        block.fault(mm, ADDR)
    return block.bytes()


@pytest.mark.parametrize("every", [0, 1, 2, 16])
def test_the_same_results(me: Participant, every: int) -> None:
    plain = me.run(block_for(me.mm_create()))
    kept = Kept(every)
    assert kept.times.run(me, block_for(me.mm_create()), None) == plain
    assert [row[0] for row in struct.iter_unpack("<iIQ", plain)] == [0, 0, 11, 0, -22, 11]
    if every == 1:
        assert kept.counts() == {"MMAP": 1, "FAULT": 3, "MUNMAP": 2}
    if every == 0:
        assert kept.counts() == {}
    due = np.arange(6, dtype=np.uint64) + np.uint64(time.monotonic_ns())
    assert kept.times.run(me, block_for(me.mm_create()), due.data) == plain


def test_a_sampled_fault_counts_for_the_others(me: Participant) -> None:
    """Over blocks, too: 7 is no divisor of what a block has."""
    mm, kept = me.mm_create(), Kept(7)
    for _ in range(20):
        kept.times.run(me, faults(mm, 100), None)
    assert 2000 <= kept.counts()["FAULT"] < 2000 + 7
    assert set(kept.raw[Op.FAULT].tolist()) - {0} <= {7 * times for times in range(1, 300)}


def test_due_times(me: Participant) -> None:
    """Corrected times count from when a record was due, raw ones from its begin."""
    mm, kept = me.mm_create(), Kept(16)
    begin = time.monotonic_ns()
    due = np.array([begin - 50 * MS, begin + 300 * MS, begin + 301 * MS], np.uint64)
    kept.times.run(me, faults(mm, 3), due.data)
    took = time.monotonic_ns() - begin
    assert took >= 301 * MS
    assert 100 * MS <= kept.times.idle_ns <= took, "it may have begun late"
    assert kept.counts() == {"FAULT": 3}
    corrected = np.flatnonzero(kept.corrected[Op.FAULT])
    raw = np.flatnonzero(kept.raw[Op.FAULT])
    assert kept.corrected[Op.FAULT].sum() == 3
    assert corrected[-1] >= _index(50 * MS), "the late one counts from when it was due"
    assert raw[0] < _index(50 * MS)


def _index(ns: int) -> int:
    shift = max(ns.bit_length() - 11, 0)
    return (shift << 10) + (ns >> shift)


def test_refusals(me: Participant) -> None:
    block, kept = block_for(me.mm_create()), Kept()
    with pytest.raises(BadBlock):
        kept.times.run(me, block[:-1], None)
    with pytest.raises(InvalidArgument):
        kept.times.run(me, block, np.zeros(5, np.uint64).data)
    with pytest.raises(InvalidArgument):
        LoadTimes(memoryview(bytearray(8)), None, every=1)
    cut = kept.times.run(me, block_for(me.mm_create())[:-8], None)
    statuses = [row[0] for row in struct.iter_unpack("<iIQ", cut)]
    assert statuses[-1] == Status.BAD_RECORD
    assert len(statuses) == 6


@contextmanager
def beside(segment: Segment, mm: int, block: bytes) -> Iterator[None]:
    """Another thread does a block in the same address space, over and over."""
    stop = threading.Event()

    def busy() -> None:
        with segment.participant("client") as other:
            other.mm_get(mm)
            while not stop.is_set():
                other.run(block)

    thread = threading.Thread(target=busy)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def test_faults_that_took_mmap_lock(segment: Segment, me: Participant) -> None:
    """Those that the core marks, beside a writer of the same VMA: until there is one, and some."""
    mm, kept, marked, done = me.mm_create(), Parts(), 0, 0
    begin = BlockBuilder()
    begin.mmap(mm, addr=FAR, length=PAGE, prot=READ_WRITE, flags=PRIVATE_ANONYMOUS_FIXED)
    begin.fault(mm, FAR)
    me.run(begin.bytes())
    rights, look = BlockBuilder(), BlockBuilder()
    for prot in (1, READ_WRITE) * 20:
        rights.mprotect(mm, FAR, PAGE, prot)
    for _ in range(500):
        look.fault(mm, FAR)
    with beside(segment, mm, rights.bytes()):
        while not marked or done < 5000:
            answers = kept.times.run(me, look.bytes(), None)
            infos = [info for _, info, _ in struct.iter_unpack("<iIQ", answers)]
            marked += sum(bool(info & UNDER_MMAP_LOCK) for info in infos)
            done += len(infos)
    found = kept.of(Op.FAULT)
    assert (found["timed"], found["mmap_locked"]) == (done, marked)
    assert 0 < found["mmap_locked_ns"] <= found["ns"]
    assert found["wait_ns"] <= found["ns"]


def test_a_wait_for_a_lock(segment: Segment, me: Participant) -> None:
    """Beside a thread that maps and unmaps much, until a call has waited; the participant's own
    sums in the segment say the same."""
    mm, kept = me.mm_create(), Parts()
    much = BlockBuilder()
    how = PRIVATE_ANONYMOUS_FIXED | MAP_POPULATE
    much.mmap(mm, addr=FAR, length=2048 * PAGE, prot=READ_WRITE, flags=how)
    much.munmap(mm, FAR, 2048 * PAGE)
    with beside(segment, mm, much.bytes()):
        while not sum(kept.of(op)["waited"] for op in (Op.MMAP, Op.MUNMAP)):
            kept.times.run(me, block_for(mm), None)
    found = [kept.of(op) for op in (Op.MMAP, Op.MUNMAP, Op.FAULT)]
    for one in found:
        assert one["waited"] <= one["timed"]
        assert one["wait_ns"] <= one["ns"]
    with SegmentFile.open(segment.instance) as file:
        sums = list(events.waits(file, me.index).values())
    assert sum(one["wait_ns"] for one in found) == sum(one.ns for one in sums) > 0
    assert 0 < sum(one["waited"] for one in found) <= sum(one.waits for one in sums)


def test_what_it_costs(me: Participant) -> None:
    """With parts it is more than without, and both are far less than a call."""
    plain, parts = Kept(corrected=False), Parts()
    assert 0 < plain.times.cost_ns(me) < parts.times.cost_ns(me) < 100_000
