# SPDX-License-Identifier: Apache-2.0
"""Goal: how a fault finds its VMA changes no answer, and can be chosen.

Method: the same random program (maps, unmaps, protections, moves, faults, forks) in two segments,
one whose faults walk the tree and one whose faults go by cached lookups. Every result and the maps
at the end are the same. The addresses are few, so that what is cached is often of a VMA that is
gone, split or grown.
How to read a failure: the number of the record, and both results. VMALAB_SEED repeats it.
Seen to fail: without the comparisons of pgd.unlinked, a fault reads an entry of a freed table.
"""

import os
import random
from typing import cast

import pytest

from vmalab.uapi import Access, Madv, Map, Prot
from vmalab_client.block import BlockBuilder, parse_results
from vmalab_native import cores
from vmalab_native.core import Participant, Segment, SegmentConfig
from vmalab_native.errors import InvalidArgument
from vmalab_native.records import WriterWait

PAGE = 4096
BASE = 0x10000000
PAGES = 48
RECORDS = 3000
PROTECTIONS = (int(Prot.NONE), int(Prot.READ), int(Prot.READ | Prot.WRITE))


def made(lookup: cores.Lookup, name: str) -> Segment:
    return Segment.create(
        f"{name}-{lookup}-{os.getpid()}",
        SegmentConfig(size_bytes=64 << 20, frames_max=1 << 14, participants_max=16, lookup=lookup),
    )


def program(mm: int, seed: int) -> bytes:
    """Random records in one address space."""
    chance = random.Random(seed)
    block = BlockBuilder()
    fixed = Map.PRIVATE | Map.ANONYMOUS | Map.FIXED

    def place() -> tuple[int, int]:
        first = chance.randrange(PAGES)
        return BASE + first * PAGE, chance.randint(1, min(8, PAGES - first)) * PAGE

    for number in range(RECORDS):
        addr, length = place()
        match chance.choices(("map", "unmap", "protect", "forget", "fault"), (3, 2, 2, 1, 12))[0]:
            case "map":
                prot = chance.choice(PROTECTIONS[1:])
                block.mmap(mm, addr=addr, length=length, prot=prot, flags=int(fixed))
            case "unmap":
                block.munmap(mm, addr, length)
            case "protect":
                block.mprotect(
                    mm,
                    addr,
                    length,
                    chance.choice(PROTECTIONS),
                )
            case "forget":
                block.madvise(mm, addr, length, int(Madv.DONTNEED))
            case _:
                access = chance.choice((Access.READ, Access.WRITE))
                block.fault(
                    mm, addr, access=access, word=number if access == Access.WRITE else None
                )
    return bytes(block)


def run(participant: Participant, seed: int) -> tuple[list[tuple[int, int, int]], str]:
    mm = participant.mm_create()
    found = parse_results(participant.run(program(mm, seed)))
    return [(one.status, one.info, one.value) for one in found], participant.maps(mm)


def test_both_answer_the_same(each_model: str) -> None:
    seed = int(os.environ.get("VMALAB_SEED") or random.randrange(1 << 31))
    with made("walk", "lookup") as walking, made("cache", "lookup") as caching:
        try:
            with walking.participant("client") as walker, caching.participant("client") as cacher:
                walked, walked_maps = run(walker, seed)
                cached, cached_maps = run(cacher, seed)
                assert cacher.vmstat()["cached_lookup_walk"] > 0
                assert walker.vmstat()["cached_lookup_walk"] == 0
        finally:
            walking.unlink()
            caching.unlink()
    for number, (one, other) in enumerate(zip(walked, cached, strict=True)):
        assert one == other, f"seed {seed}, record {number}: walk {one}, cache {other}"
    assert walked_maps == cached_maps
    assert sum(status == 0 for status, _, _ in walked) > RECORDS // 4, "most of it means something"


def test_a_segment_says_how_it_was_made() -> None:
    with made("cache", "said") as segment:
        try:
            assert segment.info().config.lookup == "cache"
            with Segment.attach(segment.instance) as again:
                assert again.config.lookup == "cache"
        finally:
            segment.unlink()


def test_the_environment_chooses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("VMALAB_LOOKUP", raising=False)
    assert SegmentConfig().lookup == "walk"
    monkeypatch.setenv("VMALAB_LOOKUP", "cache")
    assert SegmentConfig().lookup == "cache"
    monkeypatch.setenv("VMALAB_LOOKUP", "guess")
    with pytest.raises(InvalidArgument, match="'guess', allowed are walk, cache"):
        SegmentConfig()
    with pytest.raises(InvalidArgument, match="writer_wait = 'never', allowed are sleep, spin"):
        SegmentConfig(lookup="walk", writer_wait=cast("WriterWait", "never"))


def test_a_writer_of_refcount_may_spin(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VMALAB_MODEL", "refcount")
    config = SegmentConfig(
        size_bytes=64 << 20, frames_max=1 << 14, participants_max=16, writer_wait="spin"
    )
    with Segment.create(f"spin-{os.getpid()}", config) as segment:
        try:
            assert segment.info().config.writer_wait == "spin"
            with segment.participant("client") as participant:
                assert run(participant, 1)[1] != ""
        finally:
            segment.unlink()
