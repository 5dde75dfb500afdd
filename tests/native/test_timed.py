# SPDX-License-Identifier: Apache-2.0
"""Goal: a block with times does what a block does, and its times hold the operations.

Method: the same records with and without times, each in an address space of its own; the clock is
read before and after.
"""

import struct
import time

import pytest

from vmalab.ops import Status
from vmalab_client.block import BlockBuilder
from vmalab_native import history
from vmalab_native.core import Participant
from vmalab_native.errors import BadBlock

PAGE = 4096
ADDR = 0x1000_0000
READ_WRITE, PRIVATE_ANONYMOUS_FIXED = 3, 0x32


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


def timed(me: Participant, block: bytes) -> list[tuple[int, int, int, int, int]]:
    return list(struct.iter_unpack("<iIQQQ", history.run_timed(me, block)))


def test_the_same_results(me: Participant) -> None:
    plain = list(struct.iter_unpack("<iIQ", me.run(block_for(me.mm_create()))))
    rows = timed(me, block_for(me.mm_create()))
    assert [row[:3] for row in rows] == plain
    assert [row[0] for row in rows] == [0, 0, 11, 0, -22, 11]


def test_faults_have_a_time_each(me: Participant) -> None:
    mm = me.mm_create()
    block = BlockBuilder()
    block.mmap(mm, addr=ADDR, length=2 * PAGE, prot=READ_WRITE, flags=PRIVATE_ANONYMOUS_FIXED)
    block.faults(mm, [ADDR, ADDR + 2 * PAGE, ADDR + PAGE])
    block.nop()
    rows = timed(me, block.bytes())
    assert [row[0] for row in rows] == [0, 0, 11, 0, 0]
    times = [moment for row in rows for moment in row[3:]]
    assert times == sorted(times)
    assert len({row[3] for row in rows[1:4]}) == 3


def test_times_do_not_go_back(me: Participant) -> None:
    before = time.monotonic_ns()
    rows = timed(me, block_for(me.mm_create()) * 50)
    after = time.monotonic_ns()
    times = [moment for row in rows for moment in row[3:]]
    assert len(rows) == 300
    assert times == sorted(times)
    assert before <= times[0]
    assert times[-1] <= after


def test_a_record_that_is_cut_off_is_the_last(me: Participant) -> None:
    block = block_for(me.mm_create())
    rows = timed(me, block[:-8])
    assert len(rows) == 6
    assert rows[-1][0] == Status.BAD_RECORD
    with pytest.raises(BadBlock):
        history.run_timed(me, block[:-1])
    with pytest.raises(BadBlock):
        history.run_timed(me, b"")
