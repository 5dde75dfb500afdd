# SPDX-License-Identifier: Apache-2.0
"""Goal: the rings of events say what a participant did, in order, also after it was killed; waits
are counted; a damaged ring harms nobody.

Method: known calls on a segment of its own, and what `SegmentView` reads of them from the file.
`native/tests/test_events.c` has torn copies. A failure shows the kinds of the events.
"""

import os
import random
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from vmalab_native._core import ffi, lib

from children import Child
from operations import ARENA, PAGE, Space, space
from servers import wait_for
from vmalab.ops import Op
from vmalab_native.core import Segment
from vmalab_native.damage import damages
from vmalab_native.errors import InvalidArgument, LockTimeout
from vmalab_native.events import KINDS, LOCKS, PAGE_NEEDS, Event, Waits, innermost
from vmalab_native.primitives import RwSem
from vmalab_native.records import SegmentConfig
from vmalab_native.segment_file import SegmentFile
from vmalab_native.view import SegmentView

SUPPORT = str(Path(__file__).parents[1] / "support")
SEED = int(os.environ.get("VMALAB_SEED", "0")) or random.SystemRandom().randrange(1, 2**32)


@contextmanager
def viewed(segment: Segment) -> Iterator[SegmentView]:
    with SegmentFile.open(segment.instance) as file:
        yield SegmentView(file)


def events_of(of: Space) -> list[Event]:
    with viewed(of.participant.segment) as view:
        return view.events(of.participant.index)


def kinds(events: list[Event]) -> list[str]:
    return [f"{event.kind} {event.lock}".strip() for event in events]


@pytest.mark.usefixtures("each_model")
def test_a_call_leaves_its_begin_its_locks_and_its_end() -> None:
    with space(sample_faults=0) as one:
        one.mmap(ARENA, 4)
        before = len(events_of(one))
        assert one.munmap(ARENA, 4).status == 0
        assert one.munmap(ARENA + 1, 1).status == -22
        events = events_of(one)[before:]
        assert kinds(events) == [
            *("begin", "taken mmap_lock W", "downgraded mmap_lock R", "given mmap_lock R", "end"),
            *("begin", "taken mmap_lock W", "given mmap_lock W", "end"),
        ]
        assert {event.op for event in events} == {Op.MUNMAP}
        assert {event.mm for event in events} == {one.mm}
        assert events[0].value == ARENA
        assert [event.value for event in events if event.kind == "end"] == [0, -22]
        assert len({event.ref for event in events if event.lock}) == 1
        times = [event.time_ns for event in events]
        assert times == sorted(times)
        numbers = [event.number for event in events]
        assert numbers == list(range(numbers[0], numbers[0] + len(events)))


def test_the_tables_of_names_are_those_of_the_core() -> None:
    assert len(KINDS) == lib.EVENT_KINDS_COUNT
    assert len(LOCKS) == lib.EVENT_LOCKS_COUNT
    for name in KINDS:
        number = getattr(lib, f"EVENT_{name.upper().replace(' ', '_')}")
        assert KINDS[number] == name


def test_the_file_has_what_the_core_copies() -> None:
    with space() as one:
        for _ in range(200):
            one.mmap(ARENA, 1)
        segment, index = one.participant.segment, one.participant.index
        rows = ffi.new("struct vl_event[]", lib.EVENTS_EACH)
        count = lib.vl_events(segment._open(), index, rows, lib.EVENTS_EACH)
        mine = [(rows[i].number, rows[i].time_ns, KINDS[rows[i].kind]) for i in range(count)]
        found = [(event.number, event.time_ns, event.kind) for event in events_of(one)]
        assert count == lib.EVENTS_EACH - 1, "the oldest place may be being written"
        assert found == mine
        assert lib.vl_events(segment._open(), 16, rows, 1) == InvalidArgument.code


@pytest.mark.parametrize("rate", [0, 1, 8])
@pytest.mark.usefixtures("each_model")
def test_one_fault_in_so_many_is_an_event(rate: int) -> None:
    with space(sample_faults=rate) as one:
        one.mmap(ARENA, 1)
        one.write(ARENA, 1)
        before = len(events_of(one))
        for _ in range(160):
            assert one.read(ARENA).status == 0
        faults = events_of(one)[before:]
        assert kinds(faults) == ["fault"] * (160 // rate if rate else 0)
        assert {(event.mm, event.value) for event in faults} <= {(one.mm, ARENA)}


def test_the_rate_is_a_power_of_two() -> None:
    with pytest.raises(InvalidArgument, match="sample_faults = 3, allowed are 0 and powers of two"):
        SegmentConfig(sample_faults=3)


@pytest.mark.usefixtures("each_model")
def test_a_fallback_says_why() -> None:
    with space(sample_faults=0) as one:
        one.mmap(ARENA, 1)
        one.read(ARENA + PAGE)
        (event,) = (event for event in events_of(one) if event.kind == "fallback")
        per_vma = one.model != "mmap-lock"
        assert event.reason == ("abort_no_vma" if per_vma else PAGE_NEEDS)
        assert (event.mm, event.value, event.op) == (one.mm, ARENA + PAGE, Op.FAULT)


def test_waits_are_noted_and_counted() -> None:
    with space() as one, one.participant.segment.participant("client") as other:
        with RwSem(other, 3).write(), pytest.raises(LockTimeout):
            RwSem(one.participant, 3).read(timeout_ns=3_000_000).__enter__()
        events = events_of(one)
        waits = [event for event in events if event.lock == "user R"]
        assert {event.kind for event in waits} == {"wait", "gave up"}
        assert {event.value for event in waits if event.kind == "wait"} == {other.index + 1}
        assert len({event.ref for event in waits}) == 1
        ended = [event.value for event in waits if event.kind == "gave up"]
        assert sum(ended) >= 3_000_000
        with viewed(one.participant.segment) as view:
            counted = view.waits(one.participant.index)
            assert counted == {"user R": Waits(len(ended), sum(ended), max(ended))}
            assert view.since(one.participant.index) == (None, None)


def test_who_waits_for_a_grace_period_is_seen() -> None:
    """Nobody announces it: the last event says so, and what is over is not taken for it."""
    with space() as one, one.participant.segment.participant("client") as other:
        with RwSem(other, 3).write(), pytest.raises(LockTimeout):
            RwSem(one.participant, 3).read(timeout_ns=3_000_000).__enter__()
        waits = threading.Thread(target=one.participant.synchronize_rcu)
        with viewed(one.participant.segment) as view:
            infos = view.participants()
            assert view.noted(infos) == []
            other.rcu_read_lock()
            try:
                waits.start()
                wait_for("a grace period is waited for", lambda: view.noted(infos))
                (row,) = view.noted(infos)
            finally:
                other.rcu_read_unlock()
            waits.join()
            assert (row.participant, row.name, row.state) == (
                *(one.participant.index, "grace period", "waiting"),
            )
            assert view.noted(infos) == []


def test_the_innermost_wait_is_the_last_one_that_has_not_ended() -> None:
    def of(*kinds: str) -> int | None:
        found = innermost([Event(i, i, kind, 0) for i, kind in enumerate(kinds)])
        return None if found is None else found.number

    assert of("begin", "wait") == 1
    assert of("wait", "wait") == 1
    assert of("wait", "wait", "waited", "taken") == 0
    assert of("wait", "wait", "gave up", "wait", "waited") == 0
    assert of("wait", "waited") is None
    assert of("waited", "wait", "waited", "end") is None, "the begin of the first was overwritten"


def test_an_instance_that_keeps_no_events() -> None:
    with space(events=False, sample_faults=1) as one:
        one.mmap(ARENA, 1)
        one.read(ARENA)
        assert events_of(one) == []
        with viewed(one.participant.segment) as view:
            assert not view.config().events
            assert view.waits(one.participant.index) == {}


BUSY = """
import sys
sys.path.insert(0, sys.argv[3])
from operations import ARENA, Space
from vmalab_native.core import Segment
with Segment.attach(sys.argv[1]) as segment, segment.participant("worker") as me:
    space = Space(me, int(sys.argv[2]))
    print(me.index, flush=True)
    while True:
        space.mmap(ARENA, 8)
        space.munmap(ARENA, 8)
"""


def test_a_ring_outlives_its_owner_and_its_recovery() -> None:
    with space() as one:
        child = Child(BUSY, one.participant.segment.instance, str(one.mm), SUPPORT)
        try:
            index = int(child.line())
            with viewed(one.participant.segment) as view:
                while len(view.events(index)) < 400:
                    assert child.process.poll() is None
                child.kill()
                events = view.events(index)
                assert len(events) >= 100
                assert [e.number for e in events] == list(
                    range(events[0].number, events[0].number + len(events))
                )
                one.participant.recover()
                assert view.events(index) == events
            mine = [event for event in events_of(one) if event.kind.startswith("recover")]
            assert [(e.kind, e.value) for e in mine] == [("recover", 1), ("recovered", 0)]
        finally:
            child.end()


def test_the_next_owner_of_a_slot_has_events_of_its_own() -> None:
    with space() as one:
        segment = one.participant.segment
        with segment.participant("client") as first:
            index = first.index
            Space(first, one.mm).mmap(ARENA, 1)
        with viewed(segment) as view:
            assert kinds(view.events(index))[0] == "join"
            assert kinds(view.events(index))[-1] == "leave"
            with segment.participant("client") as second:
                assert second.index == index
                assert kinds(view.events(index)) == ["join"]
                assert view.waits(index) == {}


def test_a_damaged_ring_harms_nobody() -> None:
    rng = random.Random(SEED)
    with space() as one:
        segment, index = one.participant.segment, one.participant.index
        with viewed(segment) as view, open(f"/dev/shm/vmalab.{segment.instance}", "r+b") as raw:
            first = view.file.regions["events"][0] + index * view.file.ring_bytes
            records = view.file.structs["event_ring"].at["events"][0]
            for _ in range(60):
                raw.seek(first + rng.randrange(0, view.file.ring_bytes // 8) * 8)
                raw.write(rng.randbytes(rng.choice((8, 64, 4096))))
                raw.flush()
                place = rng.randrange(512)  # a record with a number that fits, and another kind
                raw.seek(first + records + place * 32 + 4)
                raw.write(rng.randbytes(2))
                raw.flush()
                for event in view.events(index):
                    assert event.kind in KINDS, f"seed {SEED}"
                view.since(index)
                assert set(view.waits(index)) <= {*LOCKS}, f"seed {SEED}"
                for _ in range(30):
                    assert one.mmap(ARENA, 1).status == 0, f"seed {SEED}"
            assert damages(view.file) == []
            raw.seek(first)
            raw.write((2**64 - 1).to_bytes(8, "little"))  # the number after it is 0
            raw.flush()
            one.mmap(ARENA, 1)
            view.events(index)
