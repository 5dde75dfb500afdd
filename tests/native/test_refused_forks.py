# SPDX-License-Identifier: Apache-2.0
"""A fork that a quota refuses, at each point of it.

Goal: nothing is kept of the half-made child, the parent is as before, and the fork succeeds as soon
as there is room for all of it, neither earlier nor later.

Method: a parent with several VMAs, tables and pages, beside an address space of the same account
that uses up the quota. It gives back one thing after the other, so that each fork gets one step
further before it is refused. After each of them the account, the maps, and every page of the parent
are as before, and a walk of all invariants recounts every charge. How to read a failure: the number
of things that were free, and what differs.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from operations import ARENA, PAGE, Space
from vmalab.ops import Limit, Status
from vmalab_native.core import MmInfo, Segment, SegmentConfig

pytestmark = pytest.mark.usefixtures("each_model")
TABLES, VMAS, MMS = 24, 24, 3
HUGE = 1 << 21
PARTS = 4
"""VMAs of the parent, each with a table of its own."""
FILLER = ARENA + (1 << 40)


@pytest.fixture
def shared(instance: str) -> Iterator[Segment]:
    config = SegmentConfig(
        size_bytes=64 << 20,
        mms_max=8,
        participants_max=8,
        frames_max=1 << 12,
        files_max=4,
        account_tables_max=TABLES,
        account_vmas_max=VMAS,
        account_mms_max=MMS,
        frames_per_mm_max=64,
    )
    with Segment.create(instance, config) as made:
        yield made
        with made.participant("inspector") as inspector:
            assert inspector.fsck() == []
        made.unlink()


@dataclass
class Family:
    """The parent, and who uses up the quota."""

    segment: Segment
    parent: Space
    filler: Space

    def info(self, mm: int) -> MmInfo:
        return next(one for one in self.parent.participant.mm_list() if one.id == mm)

    def state(self) -> object:
        """All that a refused fork must leave alone; mm_lock_seq counts writers."""
        seen = self.info(self.parent.mm)
        words = [self.parent.read(page).value for page in pages()]
        one = self.segment.accounts()[0]
        return (
            (seen.map_count, seen.total_pages, seen.resident_pages, seen.table_pages),
            self.parent.areas(),
            words,
            (one.vmas, one.mms),
            [mm.id for mm in self.parent.participant.mm_list()],
            self.segment.info().frames_in_use,
        )

    def refused(self, limit: Limit) -> bool:
        """Fork; whether that limit refused it. A child that was made has the parent's pages."""
        before = self.state()
        answer = self.parent.fork_answer()
        if answer.status == 0:
            child = Space(self.parent.participant, answer.value)
            assert [child.read(page).value for page in pages()] == words()
            assert child.exit().status == 0
            return False
        assert (answer.status, answer.info) == (Status.LIMIT, limit)
        assert self.state() == before
        assert self.parent.participant.fsck() == []
        return True


def words() -> list[int]:
    return [1 + i for i in range(2 * PARTS)]


def pages() -> list[int]:
    """Two of each VMA."""
    return [ARENA + part * HUGE + i * PAGE for part in range(PARTS) for i in range(2)]


@pytest.fixture
def family(shared: Segment) -> Family:
    participant = shared.participant("client")
    participant.account("one")
    parent, filler = (Space(participant, participant.mm_create()) for _ in range(2))
    for part in range(PARTS):
        assert parent.mmap(ARENA + part * HUGE, 4 + part).status == 0
    for page, word in zip(pages(), words(), strict=True):
        assert parent.write(page, word).status == 0
    return Family(shared, parent, filler)


def test_page_tables(family: Family) -> None:
    """The child needs as many as the parent has."""
    need = family.info(family.parent.mm).table_pages
    assert need >= PARTS + 3
    at = FILLER
    assert family.filler.mmap(FILLER, TABLES * HUGE // PAGE).status == 0
    while family.filler.read(at).status == 0:
        at += HUGE
    free = 0
    while family.refused(Limit.ACCOUNT_TABLES_MAX):
        at -= HUGE
        assert family.filler.munmap(at, HUGE // PAGE).status == 0
        free += 1
    assert free == need


def test_vmas(family: Family) -> None:
    at = FILLER
    while family.filler.mmap(at, 1).status == 0:
        at += 2 * PAGE
    free = 0
    while family.refused(Limit.ACCOUNT_VMAS_MAX):
        at -= 2 * PAGE
        assert family.filler.munmap(at, 1).status == 0
        free += 1
    assert free == PARTS


def test_address_spaces(family: Family) -> None:
    third = family.parent.fork()
    assert family.refused(Limit.ACCOUNT_MMS_MAX)
    assert third.exit().status == 0
    assert not family.refused(Limit.ACCOUNT_MMS_MAX)


def test_frames_of_the_child(family: Family) -> None:
    """Parent and child have the same quota of frames: a parent that is at it can fork."""
    seen = family.info(family.parent.mm).resident_pages
    assert family.parent.mmap(FILLER, 64).status == 0
    got = [family.parent.write(FILLER + i * PAGE, 7).status for i in range(64)]
    assert got == [0] * (64 - seen) + [Status.LIMIT] * seen
    assert not family.refused(Limit.FRAMES_PER_MM_MAX)
