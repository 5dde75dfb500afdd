# SPDX-License-Identifier: Apache-2.0
"""Goal: a block of a load does what a block does, its records begin when they are due and not
before, and each is counted in the histogram of its operation.

Method: the same records with and without times; counts against what was sent; the clock is read
before and after. A record that begins early, or is counted twice, fails.
"""

import struct
import time

import numpy as np
import pytest

from vmalab.ops import Op, Status
from vmalab_client.block import BlockBuilder
from vmalab_native.core import Participant
from vmalab_native.errors import BadBlock, InvalidArgument
from vmalab_native.load_times import COUNTS, OPS, LoadTimes

PAGE = 4096
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
    due = np.array([begin - 50 * MS, begin + 30 * MS, begin + 31 * MS], np.uint64)
    kept.times.run(me, faults(mm, 3), due.data)
    took = time.monotonic_ns() - begin
    assert took >= 31 * MS
    assert kept.times.idle_ns >= 29 * MS
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
