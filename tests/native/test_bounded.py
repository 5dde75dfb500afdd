# SPDX-License-Identifier: Apache-2.0
"""Long calls let the world stop, and end when they are cancelled.

Goal: a call whose work grows with a length stops nobody else: a recovery that begins while it runs
is over before it ends. A cancelled call ends early and leaves an address space that is whole.

Method: a thread with a participant of its own makes the call. Meanwhile another participant dies
(abandon() is to the core what a kill is), and is recovered. Whether the call still runs is asked of
the core, not of a clock. It may end too early on a machine that does not let the test run: then the
test tries again.
"""

import errno
from collections.abc import Callable, Iterator
from threading import Thread

import pytest

from operations import ANON, ARENA, FIXED, NORESERVE, PAGE, POPULATE, Answer, Space
from patience import HANG_S
from vmalab.ops import RESULT, Op, Status, record
from vmalab_native.core import Participant, Segment, SegmentConfig

PAGES = (8 << 40) // PAGE
GUARD_INSTALL, GUARD_REMOVE, POPULATE_READ = 102, 103, 22
TRIES = 20


@pytest.fixture
def whole(instance: str) -> Iterator[Segment]:
    """A segment in which a call over 8 TiB takes all page tables there are."""
    config = SegmentConfig(
        size_bytes=96 << 20, mms_max=8, participants_max=8, frames_max=1 << 10, files_max=4
    )
    with Segment.create(instance, config) as made:
        yield made
        with made.participant("inspector") as inspector:
            inspector.recover()
            assert inspector.fsck() == []
        made.unlink()


def populate(space: Space) -> Answer:
    return space.mmap(ARENA, PAGES, 1, ANON | FIXED | POPULATE)


def guard(space: Space) -> Answer:
    return space.madvise(ARENA, PAGES, GUARD_INSTALL)


def guarded(space: Space) -> None:
    """Every page table that there is, full."""
    space.mmap(ARENA, PAGES, flags=ANON | FIXED | NORESERVE)
    assert guard(space).status == Status.LIMIT


def mapped(space: Space) -> None:
    space.mmap(ARENA, PAGES, flags=ANON | FIXED | NORESERVE)


def nothing(space: Space) -> None:
    pass


LONG: dict[str, tuple[Callable[[Space], None], Callable[[Space], Answer]]] = {
    "MAP_POPULATE": (nothing, populate),
    "MADV_POPULATE_READ": (mapped, lambda s: s.madvise(ARENA, PAGES, POPULATE_READ)),
    "MADV_GUARD_INSTALL": (mapped, guard),
    "MADV_GUARD_REMOVE": (guarded, lambda s: s.madvise(ARENA, PAGES, GUARD_REMOVE)),
    "mprotect": (guarded, lambda s: s.mprotect(ARENA, PAGES, 1)),
    "munmap": (guarded, lambda s: s.munmap(ARENA, PAGES)),
    "mmap over it": (guarded, lambda s: s.mmap(ARENA, PAGES, 0)),
    "exit": (guarded, lambda s: s.exit()),
}


class Running:
    """A call in a thread of its own."""

    def __init__(self, segment: Segment, space: Space, call: Callable[[Space], Answer]) -> None:
        self.index = space.participant.index
        self._segment = segment
        self.answer: Answer | None = None
        self._thread = Thread(target=self._run, args=(space, call))
        self._thread.start()

    def _run(self, space: Space, call: Callable[[Space], Answer]) -> None:
        self.answer = call(space)

    @property
    def under_way(self) -> bool:
        slots = self._segment.participants()
        return self.answer is None and any(
            slot.index == self.index and slot.in_core for slot in slots
        )

    def wait_for_begin(self) -> None:
        while not self.under_way and self.answer is None:
            pass

    def wait_for_end(self) -> Answer:
        self._thread.join(HANG_S)
        assert self.answer is not None, "the call did not end"
        return self.answer


@pytest.mark.parametrize("name", LONG)
def test_a_recovery_does_not_wait_for_a_long_call(whole: Segment, name: str) -> None:
    """Read a failure as: each time the call was over when the recovery was; so the stop of the
    world has waited for it."""
    prepare, call = LONG[name]
    inside = 0
    with whole.participant("client") as client, whole.participant("inspector") as inspector:
        for _ in range(TRIES):
            space = Space(client, client.mm_create())
            prepare(space)
            dying = whole.participant("client")
            running = Running(whole, space, call)
            running.wait_for_begin()
            dying.abandon()
            report = inspector.recover()
            inside += running.under_way
            running.wait_for_end()
            assert len(report.dead) == 1
            space.exit()
            if inside:
                break
    assert inside


@pytest.mark.parametrize("name", ["MAP_POPULATE", "MADV_POPULATE_READ", "MADV_GUARD_INSTALL"])
def test_a_cancelled_call_ends_early(whole: Segment, name: str) -> None:
    """It has not taken all tables; the block ends behind it; after resume() all is as before."""
    prepare, call = LONG[name]
    with whole.participant("client") as client:
        space = Space(client, client.mm_create())
        prepare(space)
        running = Running(whole, space, call)
        running.wait_for_begin()
        client.cancel()
        answer = running.wait_for_end()
        # The kernel's mmap does not say that it has populated less.
        assert answer.status == (0 if name == "MAP_POPULATE" else -errno.EINTR)
        free = whole.info().pages_free + whole.info().pages_total - whole.info().pages_populated
        assert free > 64, "it has taken all there was"
        assert space.read(ARENA).status == Status.CANCELLED
        client.resume()
        assert space.read(ARENA).status == (0 if name != "MADV_GUARD_INSTALL" else 11)


def test_a_cancelled_block_ends_at_the_next_record(whole: Segment) -> None:
    """In a block of faults too: it looks after some hundred of them."""
    with whole.participant("client") as client:
        space = Space(client, client.mm_create())
        space.mmap(ARENA, 1)
        block = record(Op.FAULT, space.mm, ARENA, 0) * 5000
        client.cancel()
        results = [RESULT.unpack_from(client.run(block), 0)]
        assert [status for status, _, _ in results] == [Status.CANCELLED]
        client.resume()
        answers = client.run(block)
        assert len(answers) == 5000 * RESULT.size
        assert all(status == 0 for status, _, _ in RESULT.iter_unpack(answers))


def test_a_cancelled_fork_leaves_nothing(whole: Segment) -> None:
    """EINTR, and the child's tables and VMAs are given back; the parent is as it was."""
    answers = set()
    with whole.participant("client") as client:
        parent = Space(client, client.mm_create())
        pages = (16 << 30) // PAGE
        parent.mmap(ARENA, pages, flags=ANON | FIXED | NORESERVE)
        assert parent.madvise(ARENA, pages, GUARD_INSTALL).status == 0
        (before,) = client.mm_list()
        for _ in range(TRIES):
            running = Running(whole, parent, lambda s: s.fork_answer())
            running.wait_for_begin()
            client.cancel()
            answer = running.wait_for_end()
            client.resume()
            answers.add(answer.status)
            if answer.status == -errno.EINTR:
                break
            Space(client, answer.value).exit()  # it was faster
        assert answers <= {0, -errno.EINTR}
        assert -errno.EINTR in answers
        (after,) = client.mm_list()
        assert after.table_pages == before.table_pages
        assert parent.read(ARENA).status == 11


def test_cancelling_is_for_one_participant(whole: Segment) -> None:
    one: Participant
    with whole.participant("client") as one, whole.participant("client") as other:
        space = Space(other, other.mm_create())
        one.cancel()
        assert space.mmap(ARENA, 1).status == 0
        assert Space(one, space.mm).read(ARENA).status == Status.CANCELLED
    with whole.participant("client") as next_one:  # the same slot
        assert next_one.index == 0
        assert Space(next_one, space.mm).read(ARENA).status == Status.NO_SUCH_MM
