# SPDX-License-Identifier: Apache-2.0
"""A fault by who may not wait: it hits, with the answer of any fault, or nothing is done.

Method: each record is tried, and then executed as usual; on every lock model. The world is stopped
by the word of the header that stops it. Failure: the answer, or what the try has changed.
"""

from __future__ import annotations

import pytest

from operations import ARENA, PAGE, READ, Space, space
from vmalab import pack
from vmalab_native.checks import SHM_DIRECTORY, shm_name
from vmalab_native.fault_try import FaultTry
from vmalab_native.segment_file import SegmentFile

pytestmark = pytest.mark.usefixtures("each_model")
WRITE = 1
HIT, ABSENT, READ_ONLY, HOLE = (ARENA + n * PAGE for n in range(4))


def prepared(s: Space) -> FaultTry:
    """A page that is there, one that is not, one that may not be written, and none."""
    assert s.mmap(HIT, 2).status == 0
    assert s.mmap(READ_ONLY, 1, READ).status == 0
    assert s.write(HIT, 7).status == 0
    assert s.read(READ_ONLY).status == 0
    return FaultTry(s.participant)


def test_a_hit_is_answered_as_any_other() -> None:
    with space() as s:
        attempt = prepared(s)
        for record in (
            pack.fault(s.mm, HIT, None, 0),
            pack.fault(s.mm, HIT + 8, 9, WRITE),
            pack.fault(s.mm, HIT, None, WRITE),
            pack.fault(s.mm, READ_ONLY, None, 0),
        ):
            before = s.participant.vmstat()
            tried = attempt(record)
            after = s.participant.vmstat()
            assert tried is not None
            assert tried == s.participant.run(record)
            assert after["pgfault"] == before["pgfault"] + 1, "it is counted as a fault"
        assert s.read(HIT).value == 9, "what was stored"


def test_nothing_is_done_of_what_is_no_hit() -> None:
    with space() as s:
        attempt = prepared(s)
        before = s.participant.vmstat()
        for record in (
            pack.fault(s.mm, ABSENT, None, 0),
            pack.fault(s.mm, ABSENT, 1, WRITE),
            pack.fault(s.mm, READ_ONLY, 1, WRITE),
            pack.fault(s.mm, HOLE, None, 0),
            pack.fault(s.mm + 1, HIT, None, 0),
            pack.with_pkru(pack.fault(s.mm, HIT, None, 0), 0),
            pack.munmap(s.mm, HIT, PAGE),
            pack.fault(s.mm, HIT, None, 0)[:16],
            b"",
        ):
            assert attempt(record) is None
        after = s.participant.vmstat()
        for name in ("pgfault", "pgfault_zero", "pgfault_anon", "mmap_lock_faults", "call_errors"):
            assert after[name] == before[name], name
        assert s.mincore(HIT, 3).value == 0b101


def test_nothing_is_done_while_the_world_is_stopped() -> None:
    with space() as s:
        attempt = prepared(s)
        record = pack.fault(s.mm, HIT, None, 0)
        instance = s.participant.segment.instance
        with SegmentFile.open(instance) as file:
            offset = file.header_struct.at["stop"][0]
        with open(SHM_DIRECTORY / shm_name(instance)[1:], "r+b") as raw:

            def stop(value: int) -> None:
                raw.seek(offset)
                raw.write(value.to_bytes(4, "little"))
                raw.flush()

            stop(1)
            try:
                assert attempt(record) is None
                (me,) = s.participant.participants()
                assert not me.in_core, "who stops the world waits for nobody here"
            finally:
                stop(0)
        assert attempt(record) is not None
