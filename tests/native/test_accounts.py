# SPDX-License-Identifier: Apache-2.0
"""Accounts and quotas of the core.

Goal: whoever makes something is charged for it, no account gets more than its quota, and what one
account lacks the others still have.

Method: a segment whose account quotas are small and differ, so that each refusal can be only one
limit. What an account has is counted by the test itself. Each test ends with a walk of all
invariants, which recounts every charge.
"""

from collections.abc import Callable, Iterator
from threading import Thread

import pytest

from children import Child
from operations import ANONYMOUS, ARENA, FIXED, PAGE, POPULATE, SHARED, Space
from vmalab import pack
from vmalab.ops import Limit, Status
from vmalab_native.core import AccountInfo, Segment, SegmentConfig
from vmalab_native.errors import LimitExceeded

pytestmark = pytest.mark.usefixtures("each_model")
FRAMES, TABLES, VMAS, FILES, MMS = 100, 20, 12, 3, 4
HUGE, DONTNEED = 1 << 21, 4


@pytest.fixture
def shared(instance: str) -> Iterator[Segment]:
    """A segment with quotas that tests reach."""
    config = SegmentConfig(
        size_bytes=64 << 20,
        mms_max=32,
        participants_max=16,
        frames_max=1 << 15,
        files_max=16,
        account_frames_max=FRAMES,
        account_tables_max=TABLES,
        account_vmas_max=VMAS,
        account_files_max=FILES,
        account_mms_max=MMS,
    )
    with Segment.create(instance, config) as made:
        yield made
        with made.participant("inspector") as inspector:
            inspector.recover()
            assert inspector.fsck() == []
        made.unlink()


def client(segment: Segment, name: str) -> Space:
    """An address space of that account, made by a participant of its own."""
    participant = segment.participant("client")
    participant.account(name)
    return Space(participant, participant.mm_create())


def info(segment: Segment, name: str) -> AccountInfo:
    return next(one for one in segment.accounts() if one.name == name)


def writes(space: Space, first: int, count: int) -> int:
    """How many of `count` fresh pages could be written."""
    return sum(space.write(ARENA + (first + i) * PAGE, 1).status == 0 for i in range(count))


def test_a_frame_more_than_the_quota_is_refused_and_named(shared: Segment) -> None:
    """Read a failure as: more than FRAMES pages were given, or the refusal has no limit in it."""
    one, other = client(shared, "one"), client(shared, "other")
    for space in (one, other):
        space.mmap(ARENA, 2 * FRAMES)
    assert writes(one, 0, 2 * FRAMES) == FRAMES
    answer = one.write(ARENA + FRAMES * PAGE, 1)
    assert (answer.status, answer.info, answer.value) == (
        Status.LIMIT,
        Limit.ACCOUNT_FRAMES_MAX,
        FRAMES,
    )
    met = one.participant.limit_of(answer.status, answer.info, answer.value)
    assert met is not None
    assert str(met) == "account_frames_max = 100 of account 'one'"
    assert writes(other, 0, FRAMES) == FRAMES, "what one account lacks the others still have"
    assert info(shared, "one").refused >= FRAMES


def test_the_quota_is_exact_although_participants_charge_in_advance(shared: Segment) -> None:
    """Each participant holds charges in advance; who meets the quota takes them back."""
    one = client(shared, "one")
    one.mmap(ARENA, 2 * FRAMES)
    spaces = [one, *(Space(shared.participant("client"), one.mm) for _ in range(2))]
    used = sum(writes(space, 10 * i, 10) for i, space in enumerate(spaces))
    assert used == 30
    assert info(shared, "one").frames > used, "nobody holds charges in advance: nothing is tested"
    assert writes(one, 30, 2 * FRAMES - 30) == FRAMES - used


def test_what_goes_can_be_had_again(shared: Segment) -> None:
    """Unmapping, forking with shared pages, exiting: each gives back what it was charged."""
    one = client(shared, "one")
    for _ in range(5):
        one.mmap(ARENA, FRAMES)
        assert writes(one, 0, FRAMES) == FRAMES
        child = one.fork()
        assert info(shared, "one").mms == 2
        assert child.exit().status == 0
        assert one.munmap(ARENA, FRAMES).status == 0
    one.mmap(ARENA, FRAMES)
    assert writes(one, 0, FRAMES) == FRAMES


def test_a_shared_page_is_charged_once_and_until_its_last_user_goes(shared: Segment) -> None:
    one = client(shared, "one")
    one.mmap(ARENA, FRAMES)
    assert writes(one, 0, FRAMES) == FRAMES
    child = one.fork()
    assert one.munmap(ARENA, FRAMES).status == 0
    one.mmap(ARENA, FRAMES)
    assert writes(one, 0, 1) == 0, "the child still has every page"
    child.exit()
    assert writes(one, 0, FRAMES) == FRAMES


def test_tables_and_populate_stop_at_the_quota(shared: Segment) -> None:
    """MAP_POPULATE is silent, as the kernel's is; a fault there is refused and named."""
    one = client(shared, "one")
    flags = POPULATE | ANONYMOUS | FIXED | 2
    length = 64 * HUGE // PAGE
    assert one.mmap(ARENA, length, 1, flags).status == 0
    assert info(shared, "one").tables == TABLES
    answer = one.read(ARENA + 63 * HUGE)
    assert (answer.status, answer.info) == (Status.LIMIT, Limit.ACCOUNT_TABLES_MAX)
    assert one.munmap(ARENA, length).status == 0
    one.mmap(ARENA, length)
    assert one.read(ARENA + 63 * HUGE).status == 0


def test_vmas_files_and_address_spaces(shared: Segment) -> None:
    one, other = client(shared, "one"), client(shared, "other")
    statuses = [one.mmap(ARENA + 2 * i * PAGE, 1) for i in range(VMAS + 1)]
    assert [answer.status for answer in statuses[:-1]] == [0] * VMAS
    assert statuses[-1].info == Limit.ACCOUNT_VMAS_MAX
    assert info(shared, "one").vmas == VMAS
    assert one.fork_answer().info == Limit.ACCOUNT_VMAS_MAX
    for i in range(VMAS):
        assert one.munmap(ARENA + 2 * i * PAGE, 1).status == 0
    assert info(shared, "one").vmas == 0
    for i in range(FILES):
        assert one.mmap(ARENA + i * PAGE, 1, 3, SHARED | ANONYMOUS | FIXED).status == 0
    full = one.mmap(ARENA + FILES * PAGE, 1, 3, SHARED | ANONYMOUS | FIXED)
    assert (full.status, full.info, full.value) == (Status.LIMIT, Limit.ACCOUNT_FILES_MAX, FILES)
    with pytest.raises(LimitExceeded) as refused:
        one.participant.file_open(dev=9, ino=9, size_bytes=PAGE, name="/f")
    assert (refused.value.limit, refused.value.account) == ("account_files_max", "one")
    made = [one.participant.mm_create() for _ in range(MMS - 1)]
    with pytest.raises(LimitExceeded, match="account_mms_max = 4 of account 'one'"):
        one.participant.mm_create()
    assert other.participant.mm_create()
    one.participant.mm_put(made[0])
    assert one.participant.mm_create()


def test_what_is_of_no_account_has_no_quota(shared: Segment) -> None:
    with shared.participant("client") as participant:
        space = Space(participant, participant.mm_create())
        space.mmap(ARENA, 2 * FRAMES)
        assert writes(space, 0, 2 * FRAMES) == 2 * FRAMES
        participant.account("one")
        participant.mm_create()
        participant.account("")
        made = [participant.mm_create() for _ in range(2 * MMS)]
        assert len(made) == 2 * MMS
        assert shared.accounts()[0].mms == 1


def test_accounts_are_found_by_key_and_given_back_when_empty(shared: Segment) -> None:
    with shared.participant("client") as participant:
        first = participant.account("a", key=7)
        assert participant.account("renamed", key=7) == first
        mm = participant.mm_create()
        kept = participant.account("b")
        assert kept != first
        for i in range(2000):  # more than the table has: those that have nothing make room
            participant.account(f"passing {i}")
        assert participant.account("a", key=7) == first, "it has an address space"
        participant.mm_put(mm)
        names = [one.name for one in shared.accounts()]
    assert len(names) < 600
    assert {"passing 1999", "a"} <= set(names)


def test_limits_of_the_instance_are_named_too(instance: str) -> None:
    """The table of address spaces, then that of accounts: each refusal names the one it met."""
    config = SegmentConfig(
        size_bytes=64 << 20, mms_max=520, participants_max=4, frames_max=1 << 15, files_max=2
    )
    with Segment.create(instance, config) as made, made.participant("client") as participant:
        for i in range(511):
            participant.account(f"{i}")
            participant.mm_create()
        with pytest.raises(LimitExceeded, match="accounts_max = 511"):
            participant.account("more")
        participant.account("")
        for _ in range(520 - 511):
            participant.mm_create()
        with pytest.raises(LimitExceeded, match=r"mms_max = 520") as refused:
            participant.mm_create()
        assert (refused.value.limit, refused.value.account) == ("mms_max", "")
        assert participant.fsck() == []
        made.unlink()


def test_many_at_the_quota_at_once(shared: Segment) -> None:
    """Threads that charge, give back, and take each other's stocks back: never more than the quota,
    and at the end every charge is accounted for (the walk at the end recounts)."""
    turns = 100
    one = client(shared, "one")
    spaces = [one, *(Space(shared.participant("client"), one.mm) for _ in range(2))]

    def churn(space: Space, arena: int) -> None:
        writes = b"".join(pack.fault(one.mm, arena + i * PAGE, 1, 1) for i in range(FRAMES))
        drop = pack.madvise(one.mm, arena, FRAMES * PAGE, DONTNEED)
        for _ in range(turns):
            space.participant.run(writes + drop)

    places = [ARENA + i * FRAMES * PAGE for i in range(1, len(spaces) + 1)]
    assert one.mmap(ARENA, (1 + len(spaces)) * FRAMES).status == 0
    assert writes(one, 0, 60) == 60, "so that each thread alone reaches the quota"
    threads = [Thread(target=churn, args=pair) for pair in zip(spaces, places, strict=True)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        assert info(shared, "one").frames <= FRAMES
    for thread in threads:
        thread.join()
    assert info(shared, "one").refused > turns, "the quota was hardly ever reached"
    assert writes(one, 60, FRAMES) == FRAMES - 60


DIES = """
import sys
from vmalab import pack
from vmalab_native.core import Segment
segment = Segment.attach(sys.argv[1])
participant = segment.participant("client")
participant.account("one")
mm, arena = participant.mm_create(), 0x2000_0000_0000
participant.run(pack.mmap(mm, arena, 100 * 4096, 3, 0x32, 0, 0, 0))
for i in range(50):
    participant.run(pack.fault(mm, arena + i * 4096, 1, 1))
participant.run(pack.mmap(mm, arena + (1 << 30), 4096, 3, 0x31, 0, 0, 0))
print(mm, flush=True)
sys.stdin.readline()
"""


def test_the_charges_of_the_dead_end(shared: Segment, spawn: Callable[..., Child]) -> None:
    """A killed client's address space goes with its lease, and all its charges with it; what it had
    charged in advance is nobody's."""
    child = spawn(DIES, shared.instance)
    assert int(child.line())
    assert info(shared, "one").frames > 50
    child.kill()
    with shared.participant("inspector") as me:
        assert len(me.recover().dead) == 1
        me.mm_reap()
    one = info(shared, "one")
    assert (one.frames, one.tables, one.vmas, one.files, one.mms) == (0, 0, 0, 0, 0)
