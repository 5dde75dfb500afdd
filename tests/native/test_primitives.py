# SPDX-License-Identifier: Apache-2.0
"""Goal: the rwsem and RCU that library users get exclude, share, time out, and survive kill -9.

Method: a second process holds the lock or the read section, and says so on its standard output.
"""

import threading
import time
from collections.abc import Callable

import pytest

from children import Child
from patience import HANG_S
from vmalab_native import errors
from vmalab_native.core import Participant, Segment
from vmalab_native.events import since
from vmalab_native.primitives import WAIT_SLICE_NS, RcuReader, RwSem, synchronize
from vmalab_native.segment_file import SegmentFile

FOREVER_NS = int(HANG_S * 1e9)
HOLD = """
import sys
from vmalab_native.core import Segment
from vmalab_native.primitives import RwSem
segment = Segment.attach(sys.argv[1])
me = segment.participant("client")
held = getattr(RwSem(me, int(sys.argv[2])), sys.argv[3])()
held.take()
print("held", flush=True)
sys.stdin.readline()
held.give()
print("given", flush=True)
sys.stdin.readline()
"""
READ = """
import sys
from vmalab_native.core import Segment
from vmalab_native.primitives import RcuReader
segment = Segment.attach(sys.argv[1])
with segment.participant("client") as me, RcuReader(me):
    print("reading", flush=True)
    sys.stdin.readline()
"""


def locks_of(segment: Segment) -> list[tuple[str, str, str]]:
    return [(lock.name, lock.mode, lock.state) for lock in segment.locks()]


def test_leaving_releases_all(segment: Segment, me: Participant) -> None:
    """A participant that leaves with locks and in a read section gives them back: no abort."""
    other = segment.participant("client")
    lowered = RwSem(other, 6).write()
    lowered.take()
    lowered.downgrade()
    RwSem(other, 5).write().take()
    RcuReader(other).__enter__()
    other.release()
    assert locks_of(segment) == []
    synchronize(me)
    with RwSem(me, 5).write(timeout_ns=0), RwSem(me, 6).write(timeout_ns=0):
        pass
    with pytest.raises(errors.HandleClosed):
        lowered.give()
    assert me.fsck() == []


def test_read_write_downgrade(segment: Segment, me: Participant) -> None:
    sem = RwSem(me, 3)
    with segment.participant("client") as other:
        theirs = RwSem(other, 3)
        with sem.write() as held:
            assert locks_of(segment) == [("user", "W", "held")]
            with pytest.raises(errors.LockTimeout):
                theirs.read(timeout_ns=0).take()
            held.downgrade()
            with theirs.read(timeout_ns=0):
                assert locks_of(segment) == [("user", "R", "held")] * 2
            with pytest.raises(errors.LockTimeout):
                theirs.write(timeout_ns=20_000_000).take()
        with theirs.write(timeout_ns=0):
            assert locks_of(segment) == [("user", "W", "held")]
    assert segment.locks() == []


def test_numbers_are_independent(segment: Segment, me: Participant) -> None:
    with segment.participant("client") as other, RwSem(me, 0).write(), RwSem(other, 1).write():
        assert len(segment.locks()) == 2


def test_three_places(segment: Segment, me: Participant) -> None:
    sems = [RwSem(me, number) for number in range(4)]
    with (
        sems[0].write(),
        sems[1].write(),
        sems[2].read(),
        pytest.raises(errors.LimitExceeded),
    ):
        sems[3].read().take()
    with RwSem(me, 4).read():
        pass


def test_misuse(me: Participant) -> None:
    with pytest.raises(errors.InvalidArgument):
        RwSem(me, 64)
    held = RwSem(me, 0).read()
    with pytest.raises(errors.InvalidArgument):
        held.give()
    with held:
        with pytest.raises(errors.InvalidArgument):
            held.downgrade()
        with pytest.raises(errors.InvalidArgument):
            held.take()
    with pytest.raises(errors.InvalidArgument):
        me.user_up(0, place=0, write=False)


def test_timeout_is_kept(segment: Segment, me: Participant, spawn: Callable[..., Child]) -> None:
    child = spawn(HOLD, segment.instance, "7", "write")
    assert child.line() == "held"
    begin = time.monotonic()
    with pytest.raises(TimeoutError, match="7"):
        RwSem(me, 7).write(timeout_ns=600_000_000).take()
    assert time.monotonic() - begin >= 0.6
    child.tell("go")
    assert child.line() == "given"
    with RwSem(me, 7).write(timeout_ns=FOREVER_NS):
        pass


@pytest.mark.parametrize("mode", ["read", "write"])
def test_killed_holder(
    segment: Segment, me: Participant, spawn: Callable[..., Child], mode: str
) -> None:
    """kill -9 of the holder, then recover(): the lock is free."""
    child = spawn(HOLD, segment.instance, "5", mode)
    assert child.line() == "held"
    child.kill()
    assert not me.user_down(5, place=2, write=True, timeout_ns=0), "a dead one still holds it"
    report = me.recover()
    assert [pid for _, pid in report.dead] == [child.pid]
    assert report.repaired["locks_fixed"] >= 1
    with RwSem(me, 5).write(timeout_ns=0):
        pass


@pytest.mark.parametrize("mode", ["read", "write"])
def test_waiter_recovers_without_a_supervisor(
    segment: Segment, me: Participant, spawn: Callable[..., Child], mode: str
) -> None:
    child = spawn(HOLD, segment.instance, "5", mode)
    assert child.line() == "held"
    threading.Timer(0.3, child.kill).start()
    with RwSem(me, 5).write(timeout_ns=FOREVER_NS):
        pass
    assert [row.index for row in segment.participants()] == [me.index]


def test_a_wait_is_one_however_often_it_looks_for_the_dead(
    segment: Segment, me: Participant, spawn: Callable[..., Child]
) -> None:
    """Others see since when it waits, over the slices that it waits in; and that it is over."""
    child = spawn(HOLD, segment.instance, "5", "write")
    assert child.line() == "held"
    over = threading.Event()

    def wait() -> None:
        with RwSem(me, 5).read(timeout_ns=FOREVER_NS):
            over.set()

    thread = threading.Thread(target=wait)
    thread.start()
    with SegmentFile.open(segment.instance) as file:

        def waits_since() -> int:
            deadline = time.monotonic() + HANG_S
            while time.monotonic() < deadline:
                began_ns = since(file, me.index)[1]
                if began_ns is not None:
                    return began_ns
            raise AssertionError("it does not wait")

        first = waits_since()
        while time.monotonic_ns() - first < 3 * WAIT_SLICE_NS:
            began_ns = since(file, me.index)[1]
            # Between two slices it waits for nothing; what a slice begins with is not much later.
            assert began_ns is None or began_ns - first < WAIT_SLICE_NS // 2
        child.tell("go")
        assert child.line() == "given"
        assert over.wait(HANG_S)
        thread.join()
        assert since(file, me.index)[1] is None


def test_survivors_readers_are_counted(
    segment: Segment, me: Participant, spawn: Callable[..., Child]
) -> None:
    """Two readers, one killed: the other one's lock must still keep a writer out."""
    dead, alive = (spawn(HOLD, segment.instance, "5", "read") for _ in range(2))
    assert dead.line() == alive.line() == "held"
    dead.kill()
    me.recover()
    with pytest.raises(errors.LockTimeout):
        RwSem(me, 5).write(timeout_ns=50_000_000).take()
    alive.tell("go")
    assert alive.line() == "given"
    with RwSem(me, 5).write(timeout_ns=FOREVER_NS):
        pass


def test_rcu_nests(segment: Segment, me: Participant) -> None:
    with RcuReader(me), RcuReader(me):
        assert [row.rcu_active for row in segment.participants()] == [True]
        with pytest.raises(errors.InvalidArgument):
            synchronize(me)
    assert [row.rcu_active for row in segment.participants()] == [False]
    synchronize(me)
    with pytest.raises(errors.InvalidArgument):
        me.rcu_read_unlock()


def test_synchronize_waits_for_another_process(
    segment: Segment, me: Participant, spawn: Callable[..., Child]
) -> None:
    child = spawn(READ, segment.instance)
    assert child.line() == "reading"
    ended = threading.Event()

    def wait() -> None:
        with segment.participant("client") as own:
            synchronize(own)
        ended.set()

    thread = threading.Thread(target=wait)
    thread.start()
    assert not ended.wait(0.3), "synchronize did not wait for a reader of another process"
    child.tell("go")
    assert ended.wait(HANG_S)
    thread.join()


def test_synchronize_survives_a_killed_reader(
    segment: Segment, me: Participant, spawn: Callable[..., Child]
) -> None:
    child = spawn(READ, segment.instance)
    assert child.line() == "reading"
    child.kill()
    me.recover()
    synchronize(me)
