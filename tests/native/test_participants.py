# SPDX-License-Identifier: Apache-2.0
"""Goal: a slot belongs to one living thread, and comes back from the released and from the dead.

Method: take, release, exhaust, fork and kill; look at the segment's own listing each time.
"""

import os
import signal
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from children import Child
from vmalab_native import errors
from vmalab_native.core import Participant, Segment, layout

pytestmark = pytest.mark.usefixtures("each_model")
JOIN_AND_WAIT = """
import sys
from vmalab_native.core import Segment
segment = Segment.attach(sys.argv[1])
me = segment.participant("worker", comm="victim")
mm = me.mm_create()
print(me.index, mm, flush=True)
sys.stdin.readline()
"""


def test_listing(segment: Segment, me: Participant) -> None:
    (row,) = segment.participants()
    assert (row.index, row.pid, row.role) == (me.index, os.getpid(), "client")
    assert row.tid == threading.get_native_id()
    assert not row.in_core
    assert not row.rcu_active
    start_time = int(Path("/proc/self/stat").read_text().rsplit(")", 1)[1].split()[19])
    assert row.start_time == start_time


def test_exhausted_and_given_back(segment: Segment) -> None:
    taken = [segment.participant("client") for _ in range(segment.config.participants_max)]
    assert len({one.index for one in taken}) == len(taken)
    with pytest.raises(errors.NoParticipantSlot, match="16 slots"):
        segment.participant("client")
    taken.pop().release()
    taken.append(segment.participant("worker"))
    for one in taken:
        one.release()
    assert segment.participants() == []


def test_released_handle_is_refused(segment: Segment) -> None:
    one = segment.participant("client")
    one.release()
    one.release()
    assert one.closed
    calls: list[Callable[[], object]] = [
        lambda: one.run(bytes(16)),
        lambda: one.run_view(bytes(16)),
        one.mm_create,
        one.mm_list,
        one.recover,
        one.fsck,
        one.synchronize_rcu,
    ]
    for call in calls:
        with pytest.raises(errors.HandleClosed):
            call()


def test_closed_segment_is_refused(segment: Segment) -> None:
    one = segment.participant("client")
    segment.close()
    segment.close()
    with pytest.raises(errors.HandleClosed):
        segment.participant("client")
    with pytest.raises(errors.HandleClosed):
        one.run(bytes(16))


def test_bad_role_and_comm(segment: Segment) -> None:
    with pytest.raises(errors.InvalidArgument):
        segment.participant("king")  # type: ignore[arg-type]
    with pytest.raises(errors.InvalidArgument):
        segment.participant("client", comm="sixteen bytes ..")


def test_forked_child_cannot_use_the_parents_slot(segment: Segment, me: Participant) -> None:
    """The slot carries the parent's pid: a child that used it would be invisible when it dies."""
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            me.run(bytes(16))
        except errors.HandleClosed:
            with segment.participant("client") as own:
                code = 0 if own.index != me.index and len(own.run(bytes(16))) == 16 else 2
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    assert len(me.run(bytes(16))) == 16


def test_threads_have_their_own(segment: Segment) -> None:
    results: list[int] = []
    nop = bytes([0, 2, *bytes(14)])

    def work() -> None:
        with segment.participant("client") as own:
            results.extend(len(own.run(nop * 100)) for _ in range(20))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [1600] * 80


def test_killed_one_is_recovered(
    segment: Segment, me: Participant, spawn: Callable[..., Child]
) -> None:
    """Its slot and its lease come back; the address space that only it held is reaped."""
    child = spawn(JOIN_AND_WAIT, segment.instance)
    index, mm = (int(word) for word in child.line().split())
    assert [row.comm for row in segment.participants() if row.index == index] == ["victim"]
    assert [info.leases for info in me.mm_list() if info.id == mm] == [1]
    child.kill()
    report = me.recover()
    assert report.dead == [(index, child.pid)]
    me.mm_reap()
    assert [info for info in me.mm_list() if info.id == mm] == []
    assert [row.index for row in segment.participants()] == [me.index]
    assert me.recover().dead == [], "a second recovery finds nothing"


def test_stopped_one_is_not_dead(
    segment: Segment, me: Participant, spawn: Callable[..., Child]
) -> None:
    child = spawn(JOIN_AND_WAIT, segment.instance)
    index = int(child.line().split()[0])
    os.kill(child.pid, signal.SIGSTOP)
    assert me.recover().dead == []
    assert index in [row.index for row in segment.participants()]


def test_supervisor_is_none_when_dead(segment: Segment, spawn: Callable[..., Child]) -> None:
    assert segment.supervisor_pid == 0
    child = spawn(JOIN_AND_WAIT.replace('"worker"', '"supervisor"'), segment.instance)
    child.line()
    assert segment.supervisor_pid == child.pid
    child.kill()
    assert segment.supervisor_pid == 0


STOP_BROKEN = 0xFFFFFFFF


def offset_of(struct_name: str, field_name: str) -> int:
    (offset,) = (
        field.offset
        for entry in layout()
        if entry.name == struct_name
        for field in entry.fields
        if field.name == field_name
    )
    return offset


@pytest.mark.parametrize(
    "call",
    [
        lambda me, mm: me.run(bytes([0, 2, *bytes(14)])),
        lambda me, mm: me.mm_create(),
        lambda me, mm: me.mm_get(mm),
        lambda me, mm: me.mm_keep(mm, 1),
        lambda me, mm: me.mm_list(),
        lambda me, mm: me.maps(mm),
        lambda me, mm: me.mincore(mm, 0, 4096),
        lambda me, mm: me.file_open(dev=1, ino=1, size_bytes=1, name="x"),
    ],
)
def test_a_broken_segment_refuses_every_call(
    segment: Segment, me: Participant, call: Callable[[Participant, int], object]
) -> None:
    """The stop word that a broken invariant leaves: nobody enters the core any more."""
    mm = me.mm_create()
    path = Path("/dev/shm") / f"vmalab.{segment.instance}"
    at = offset_of("seg_header", "stop")
    with path.open("r+b", buffering=0) as file:
        file.seek(at)
        file.write(STOP_BROKEN.to_bytes(4, "little"))
        with pytest.raises(errors.SegmentBroken):
            call(me, mm)
        file.seek(at)
        file.write(bytes(4))
    assert me.fsck() == []
