# SPDX-License-Identifier: Apache-2.0
"""The quota of frames of one address space.

Goal: of the address spaces of one account none maps more frames than its quota, each may map as
many, and what an address space gives back it can have again, whichever way it went.

Method: the quota of an address space is small, and that of the account is not reached. An address
space is filled to its quota, one thing is done, and the test counts how many fresh pages fit then.
At the end of each test a walk compares the count of every slot with the entries that are there.
How to read a failure: pages that could be written against those that should be, or what fsck says.
"""

from collections.abc import Callable, Iterator
from functools import partial
from threading import Event, Thread

import pytest

from children import Child
from operations import ANONYMOUS, ARENA, FIXED, PAGE, POPULATE, PRIVATE, SHARED, Space
from vmalab import pack
from vmalab.ops import Limit, Op, Status
from vmalab_native.core import Segment, SegmentConfig

pytestmark = pytest.mark.usefixtures("each_model")
QUOTA = 100
DONTNEED, GUARD_INSTALL, GUARD_REMOVE = 4, 102, 103
MAYMOVE_FIXED = 3
FAR = ARENA + (1 << 30)
COPY = 0


@pytest.fixture
def shared(instance: str) -> Iterator[Segment]:
    """A segment whose address spaces may map QUOTA frames each, an account ten times as many."""
    config = SegmentConfig(
        size_bytes=64 << 20,
        mms_max=3,
        participants_max=16,
        frames_max=1 << 12,
        files_max=16,
        frames_per_mm_max=QUOTA,
        account_frames_max=10 * QUOTA,
        account_mms_max=3,
    )
    with Segment.create(instance, config) as made:
        yield made
        with made.participant("inspector") as inspector:
            inspector.recover()
            assert inspector.fsck() == []
        made.unlink()


def another(segment: Segment) -> Space:
    """An address space of the one client, made by a participant of its own."""
    participant = segment.participant("client")
    participant.account("tenants")
    return Space(participant, participant.mm_create())


def filled(segment: Segment) -> Space:
    """With QUOTA pages that are written, of the twice as many from ARENA on."""
    space = another(segment)
    assert space.mmap(ARENA, 2 * QUOTA).status == 0
    assert writes(space, ARENA, 2 * QUOTA) == QUOTA
    return space


def writes(space: Space, addr: int, count: int) -> int:
    """How many of `count` pages could be written."""
    return sum(space.write(addr + i * PAGE, 1 + i).status == 0 for i in range(count))


def room(space: Space, most: int = 2 * QUOTA) -> int:
    """How many fresh pages fit."""
    assert space.mmap(FAR, most).status == 0
    fit = writes(space, FAR, most)
    assert space.munmap(FAR, most).status == 0
    return fit


def test_the_quota_is_exact_named_and_of_one_address_space(shared: Segment) -> None:
    """A page more is refused with the limit and the client; a neighbour has all of its own."""
    one, other = filled(shared), filled(shared)
    for space in (one, other):
        answer = space.write(ARENA + QUOTA * PAGE, 1)
        assert (answer.status, answer.info, answer.value) == (
            Status.LIMIT,
            Limit.FRAMES_PER_MM_MAX,
            QUOTA,
        )
        met = space.participant.limit_of(answer.status, answer.info, answer.value)
        assert str(met) == f"frames_per_mm_max = {QUOTA} of account 'tenants'"
        assert space.write(ARENA, 7).status == 0, "a page that is there needs no room"
    assert shared.accounts()[0].refused >= 2 * QUOTA


def test_it_holds_without_an_account(shared: Segment) -> None:
    with shared.participant("client") as participant:
        space = Space(participant, participant.mm_create())
        assert room(space) == QUOTA


def test_stocks_of_others_are_taken_back(shared: Segment) -> None:
    """Each participant holds charges in advance."""
    one = another(shared)
    assert one.mmap(ARENA, 2 * QUOTA).status == 0
    spaces = [one, *(Space(shared.participant("client"), one.mm) for _ in range(2))]
    assert sum(writes(space, ARENA + 10 * i * PAGE, 10) for i, space in enumerate(spaces)) == 30
    assert writes(one, ARENA + 30 * PAGE, QUOTA) == QUOTA - 30


def unmapped(space: Space) -> None:
    assert space.munmap(ARENA, 2 * QUOTA).status == 0


def not_needed(space: Space) -> None:
    assert space.madvise(ARENA, 2 * QUOTA, DONTNEED).status == 0


def guarded(space: Space) -> None:
    assert space.madvise(ARENA, 2 * QUOTA, GUARD_INSTALL).status == 0
    assert space.madvise(ARENA, 2 * QUOTA, GUARD_REMOVE).status == 0


def mapped_over(space: Space) -> None:
    assert space.mmap(ARENA, 2 * QUOTA).status == 0


def shrunk(space: Space) -> None:
    assert space.mremap(ARENA, 2 * QUOTA, 1).status == 0
    assert space.munmap(ARENA, 1).status == 0


@pytest.mark.parametrize("give", [unmapped, not_needed, guarded, mapped_over, shrunk])
def test_what_goes_can_be_had_again(shared: Segment, give: Callable[[Space], None]) -> None:
    space = filled(shared)
    assert room(space) == 0
    give(space)
    assert room(space) == QUOTA


def test_what_needs_no_room(shared: Segment) -> None:
    """At the quota: a move of mappings, a move of pages, the zero page, a private copy."""
    space = filled(shared)
    half = QUOTA // 2
    assert space.mremap(ARENA, half, half, MAYMOVE_FIXED, FAR).status == 0
    assert space.mmap(ARENA, half).status == 0
    moved = space.uffd_move(ARENA, FAR, half)
    assert (moved.status, moved.value) == (0, half * PAGE)
    assert space.read(ARENA).value == 1
    assert space.munmap(FAR, half).status == 0
    assert space.read(ARENA + QUOTA * PAGE).status == 0, "the zero page"
    child = space.fork()
    assert writes(space, ARENA, QUOTA) == QUOTA, "a copy takes the place of what was shared"
    assert room(space) == room(child) == 0
    child.exit()
    assert room(space) == 0


def test_a_fork_has_a_quota_of_its_own(shared: Segment) -> None:
    """What both share counts in both, until each has given it back."""
    parent = filled(shared)
    child = parent.fork()
    not_needed(child)
    assert (room(parent), room(child)) == (0, QUOTA)
    assert child.exit().status == 0
    again = parent.fork()
    not_needed(parent)
    assert (room(parent), room(again)) == (QUOTA, 0)


def test_the_next_life_of_a_slot_begins_with_nothing(shared: Segment) -> None:
    """There are three slots, so each of them has several lives."""
    for _ in range(6):
        space = filled(shared)
        assert space.exit().status == 0


def test_pages_of_a_file_count_where_they_are_mapped(shared: Segment) -> None:
    """In each address space; until they are unmapped, or leave the file by another's doing."""
    one, other = another(shared), another(shared)
    file = one.participant.file_open(dev=8, ino=5, size_bytes=2 * QUOTA * PAGE, name="/data")
    for space, flags in ((one, SHARED), (other, PRIVATE)):
        assert space.mmap(ARENA, 2 * QUOTA, 3, flags | FIXED, file=file).status == 0
        reads = [space.read(ARENA + i * PAGE).status for i in range(2 * QUOTA)]
        assert reads == [0] * QUOTA + [Status.LIMIT] * QUOTA
    assert writes(other, ARENA, QUOTA) == QUOTA, "private copies in place of the file's pages"
    assert room(one) == room(other) == 0
    assert one.call(Op.FILE_TRUNCATE, file, PAGE).status == 0
    assert room(one) == room(other) == QUOTA - 1
    assert one.madvise(ARENA, 2 * QUOTA, DONTNEED).status == 0
    assert room(one) == QUOTA


def test_populating_stops_there_in_silence(shared: Segment) -> None:
    space = another(shared)
    flags = POPULATE | ANONYMOUS | FIXED | PRIVATE
    assert space.mmap(ARENA, 2 * QUOTA, 3, flags).status == 0
    assert room(space) == 0
    assert space.read(ARENA + (QUOTA - 1) * PAGE).status == 0
    assert space.madvise(ARENA, 1, DONTNEED).status == 0
    assert room(space) == 1


def test_a_userfaultfd_fills_up_to_the_quota(shared: Segment) -> None:
    """What was filled stays, as with every call that meets a limit; a page that is there already
    costs nothing."""
    space = filled(shared)
    assert space.munmap(ARENA, 3).status == 0
    assert space.mmap(FAR, 8).status == 0
    uffd = space.call(Op.UFFD_OPEN, 1).value
    assert space.call(Op.UFFD_API, uffd, 0xAA, 0).status == 0
    assert space.call(Op.UFFD_REGISTER, uffd, FAR, 8 * PAGE, 1).status == 0
    source = ARENA + 3 * PAGE
    first = space.call(Op.UFFD_FILL, uffd, FAR, source, PAGE, 0, flags=COPY)
    assert (first.status, first.value) == (0, PAGE)
    assert space.call(Op.UFFD_FILL, uffd, FAR, source, PAGE, 0, flags=COPY).status == -17
    rest = space.call(Op.UFFD_FILL, uffd, FAR + PAGE, source, 7 * PAGE, 0, flags=COPY)
    assert (rest.status, rest.info) == (Status.LIMIT, Limit.FRAMES_PER_MM_MAX)
    assert [space.read(FAR + i * PAGE).status for i in range(3)] == [0] * 3
    assert space.read(FAR + 3 * PAGE).status == Status.USERFAULT


def at_once(works: list[Callable[[], object]]) -> None:
    threads = [Thread(target=work) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def test_many_at_the_quota_at_once(shared: Segment) -> None:
    """Threads fill, give back, meet on the same pages, and take each other's stocks back: then
    they have all the pages of the quota together, and none too many."""
    one = another(shared)
    spaces = [one, *(Space(shared.participant("client"), one.mm) for _ in range(2))]
    places = [ARENA + i * QUOTA * PAGE for i in range(1 + len(spaces))]
    assert one.mmap(ARENA, len(places) * QUOTA).status == 0
    kept: list[int] = []

    def churn(space: Space, own: int) -> None:
        pages = [ARENA + i * PAGE for i in range(20)] + [own + i * PAGE for i in range(QUOTA)]
        fill = [pack.fault(one.mm, page, 1, 1) for page in pages]
        drop = [pack.madvise(one.mm, at, QUOTA * PAGE, DONTNEED) for at in (ARENA, own)]
        block = b"".join([*drop, *fill]) * 20
        for _ in range(40):
            space.participant.run(block)

    def keep(space: Space, own: int) -> None:
        kept.append(writes(space, own, QUOTA))

    pairs = list(zip(spaces, places[1:], strict=True))
    at_once([partial(churn, *pair) for pair in pairs])
    assert one.madvise(ARENA, len(places) * QUOTA, DONTNEED).status == 0
    at_once([partial(keep, *pair) for pair in pairs])
    assert sum(kept) <= QUOTA
    assert sum(writes(one, place, QUOTA) for place in places) == QUOTA


def test_a_page_that_is_moved_and_dropped_at_once(shared: Segment) -> None:
    """Whoever ends with the page's charge, it is ended once: the walk at the end counts. A third
    one puts pages where the move goes, so that it ends in the middle."""
    one = another(shared)
    spaces = [one, *(Space(shared.participant("client"), one.mm) for _ in range(2))]
    pages, turns, ended = 8, 100, Event()
    assert one.mmap(ARENA, pages).status == 0
    assert one.mmap(FAR, pages).status == 0
    fill = [pack.fault(one.mm, ARENA + i * PAGE, 1, 1) for i in range(pages)]
    move = pack.uffd_move(one.mm, FAR, ARENA, pages * PAGE, 2, 0)
    drop, drop_far = (pack.madvise(one.mm, at, pages * PAGE, DONTNEED) for at in (ARENA, FAR))
    drop_last = pack.madvise(one.mm, ARENA + 6 * PAGE, 2 * PAGE, DONTNEED)
    in_the_way = pack.fault(one.mm, FAR + 5 * PAGE, 1, 1)
    blocks = (
        b"".join([*fill, move, drop_far]) * 40,
        (drop + 4 * drop_last) * 100,
        (in_the_way + drop_far) * 500,
    )

    def moves() -> None:
        for _ in range(turns):
            one.participant.run(blocks[0])
        ended.set()

    def disturbs(number: int) -> None:
        while not ended.is_set():
            spaces[number].participant.run(blocks[number])

    at_once([moves, partial(disturbs, 1), partial(disturbs, 2)])
    assert one.munmap(ARENA, pages).status == 0
    assert one.munmap(FAR, pages).status == 0
    assert room(one) == QUOTA


DIES = """
import sys
from vmalab import pack
from vmalab_native.core import Segment
segment = Segment.attach(sys.argv[1])
participant = segment.participant("client")
mm, arena = int(sys.argv[2]), 0x2000_0000_0000
fill = b"".join(pack.fault(mm, arena + i * 4096, 1, 1) for i in range(200))
drop = pack.madvise(mm, arena + 20 * 4096, 100 * 4096, 4)
participant.run(fill)
print("full", flush=True)
while True:
    participant.run(drop + fill)
"""


def test_a_kill_at_the_quota(shared: Segment, spawn: Callable[..., Child]) -> None:
    """Somebody dies while it fills and drops, at any point of it: nothing is lost, nothing won."""
    one = another(shared)
    assert one.mmap(ARENA, 2 * QUOTA).status == 0
    for _ in range(3):
        child = spawn(DIES, shared.instance, str(one.mm))
        assert child.line() == "full"
        child.kill()
        assert len(one.participant.recover().dead) == 1
        assert one.participant.fsck() == []
        not_needed(one)
        assert room(one) == QUOTA
