# SPDX-License-Identifier: Apache-2.0
"""What a fault, a mapping and a byte cost as an address space grows.

Address spaces of 10 to 1,000,000 VMAs (one page each, 16 KiB apart, none of them mergeable), twice:
in a segment whose faults walk the tree, and in one whose faults go by the lookups that each
participant keeps (--lookup cache). All are alive at the same time. In each round all pages of each
are faulted on in several orders, by walk and by cache right after each other, and then blocks map
and unmap one page in random gaps:

  address   in the order of addresses, in blocks (FAULTS, as a client sends many)
  random    in a random order that is the same each time, in the same blocks
  alone     that order, each fault by itself: none is known before the one before it is done
  cold      that order, by a participant that has just come: its cache is empty

The participant has touched each page before, but for cold. A walk keeps nothing between faults, so
cold says something of the cache alone, which has to be filled. A few VMAs have no cold row: there
is not enough to time.

Of what a fault loads these wait for each other, each for the one before (`steps`, of a walk):

  1  the address space: its tree's root, its sequence, its page table
  1  for each level of the tree: the node, all of whose lines follow from its address; its height
     comes from the number of its slots (a VMA and a gap each) and how full the nodes of the largest
     tree are, which the number of nodes in slabinfo shows
  1  the VMA, and beside it its lock
  4  the page table
  1  the frame

Upper levels of both trees stay in the caches, so `steps` is the most that can miss; on top come
misses of the TLB, since the segment has pages of 4 KiB. native/DESIGN.md, section 9, has more.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt
from rich.table import Table

from vmalab_bench import base, machine, plots, records, space, stats
from vmalab_bench.base import BASE, PAGE
from vmalab_drive import report
from vmalab_native.segment_file import SegmentFile

if TYPE_CHECKING:
    from vmalab_native.core import Participant, Segment

STRIDE: Final = 4 * PAGE
ORDERS: Final = ("address", "random", "alone", "cold")
LABELS: Final = ("in address order", "at random", "at random, each alone", "at random, first touch")
BESIDE_THE_TREE: Final = 3  # the address space, the VMA, the frame
BLOCK: Final = 2_048
COLD_LEAST: Final = 1_000  # VMAs; fewer are too few to time
NODE_CACHE: Final = "maple_node"
PAGE_TABLE_LEVELS: Final = 4
LEAF_SLOTS: Final = 20
INNER_SLOTS: Final = 12
FILL_LEAST: Final = 0.3  # a node that is not the root has 5 of 20 or 4 of 12 slots
BYTES_EACH: Final = 700  # of one VMA with all that belongs to it; for the look at /dev/shm


@dataclass(frozen=True, slots=True)
class SizeBench:
    vmas: tuple[int, ...] = (10, 1_000, 100_000, 1_000_000)
    iterations: int = 1_000_000
    pairs: int = 20_000
    rounds: int = 9
    model: str = space.DEFAULT_MODEL

    @staticmethod
    def quick(model: str = space.DEFAULT_MODEL) -> SizeBench:
        vmas = (10, 1_000, 100_000)
        return SizeBench(vmas=vmas, iterations=200_000, pairs=5_000, rounds=7, model=model)

    @staticmethod
    def smoke(model: str = space.DEFAULT_MODEL) -> SizeBench:
        return SizeBench(vmas=(10, 1_000), iterations=2_000, pairs=200, rounds=3, model=model)


@dataclass(slots=True)
class _Space:
    """One address space with what its VMAs took, and what was measured in it."""

    segment: Segment
    participant: Participant
    vmas: int
    mm: int
    memory: dict[str, Any]
    blocks: dict[str, list[bytes]]
    alone: list[int]  # in the order of random
    gaps: npt.NDArray[np.uint64]
    fault_ns: dict[str, list[float]]
    pairs_per_s: list[float]

    def pairs(self) -> bytes:
        """Maps a page in each gap, and unmaps it."""
        return records.woven(
            records.maps(self.mm, self.gaps, PAGE),
            records.unmaps(self.mm, self.gaps, PAGE),
            count=len(self.gaps),
        )


def run(config: SizeBench, *, seed: int) -> dict[str, Any]:
    """Build every size, then measure all of them in each round."""
    total = sum(config.vmas)
    need = total * BYTES_EACH + (16 << 20)
    sizes: space.Sizes = {
        "size_bytes": max(space.SIZE_BYTES, math.ceil(2 * need / (1 << 30)) << 30),
        "frames_max": max(1 << 22, 2 * total),
        "vmas_per_mm_max": max(65530, max(config.vmas) + 1000),
    }
    rng = np.random.default_rng(seed)
    with (
        machine.pinned(machine.cpus()[0]),
        space.segment(model=config.model, lookup="walk", need_bytes=2 * need, **sizes) as walking,
        space.segment(model=config.model, lookup="cache", **sizes) as caching,
        walking.participant("client") as walker,
        caching.participant("client") as cacher,
    ):
        pairs = []
        for vmas in config.vmas:
            plan = _plan(vmas, config, rng)
            pairs.append(
                (_build(walking, walker, plan, config), _build(caching, cacher, plan, config))
            )
        for number in base.rounds(config.rounds + 1):
            for index in rng.permutation(len(pairs)):
                _round(pairs[index], config, rng, count=number > 0)
    return _judged(config, pairs, seed)


_Pair = tuple["_Space", "_Space"]
"""The same VMAs, for faults that walk and for faults that go by cached lookups."""


def _round(pair: _Pair, config: SizeBench, rng: np.random.Generator, *, count: bool) -> None:
    """Each order in both, right after each other; then what maps and unmaps."""
    for order in rng.permutation(list(pair[0].fault_ns)):
        for side in rng.permutation(2):
            one = pair[side]
            got = _faults(one, str(order), config)
            if count:
                one.fault_ns[str(order)].append(got)
    for one in pair:
        begin = time.perf_counter()
        records.must(one.participant, one.pairs(), "mmap + munmap")
        took = time.perf_counter() - begin
        if count:
            one.pairs_per_s.append(config.pairs / took)


@dataclass(frozen=True, slots=True)
class _Plan:
    """Where the VMAs of an address space are, and in which order they are touched."""

    addrs: npt.NDArray[np.uint64]
    mixed: npt.NDArray[np.uint64]
    gaps: npt.NDArray[np.uint64]


def _plan(vmas: int, config: SizeBench, rng: np.random.Generator) -> _Plan:
    addrs = BASE + np.arange(vmas, dtype="<u8") * STRIDE
    gaps = rng.permutation(np.resize(addrs, max(vmas, config.pairs)))[: config.pairs] + 2 * PAGE
    return _Plan(addrs, rng.permutation(addrs), gaps)


def _build(segment: Segment, participant: Participant, plan: _Plan, config: SizeBench) -> _Space:
    before = _used(segment)
    mm = participant.mm_create()
    vmas = len(plan.addrs)
    records.fill(participant, mm, plan.addrs, PAGE)
    memory = _memory(vmas, before, _used(segment))
    turns = max(config.iterations, vmas)
    blocks = {
        "address": _blocks(mm, np.resize(plan.addrs, turns)),
        "random": _blocks(mm, np.resize(plan.mixed, turns)),
    }
    if vmas >= COLD_LEAST:
        blocks["cold"] = _blocks(mm, plan.mixed)
    orders = [order for order in ORDERS if order == "alone" or order in blocks]
    return _Space(
        *(segment, participant, vmas, mm, memory, blocks, plan.mixed.tolist(), plan.gaps),
        {order: [] for order in orders},
        [],
    )


def _blocks(mm: int, addrs: npt.NDArray[np.uint64]) -> list[bytes]:
    return [
        records.many_faults(mm, addrs[begin : begin + BLOCK])
        for begin in range(0, len(addrs), BLOCK)
    ]


def _faults(one: _Space, order: str, config: SizeBench) -> float:
    """What one fault takes, ns. Every VMA is touched, so no space hides in a part of itself."""
    turns = max(config.iterations, one.vmas)
    participant = one.participant
    if order == "alone":
        participant.bench_fault(one.mm, one.alone, one.vmas, rounds=1)
        return participant.bench_fault(one.mm, one.alone, turns, rounds=1).fault_ns
    if order == "cold":
        with one.segment.participant("client") as fresh:
            return sum(_timed(fresh, block) for block in one.blocks[order]) / one.vmas
    for block in one.blocks[order]:
        _timed(participant, block)
    return sum(_timed(participant, block) for block in one.blocks[order]) / turns


def _timed(participant: Participant, block: bytes) -> float:
    """ns that the block took."""
    begin = time.perf_counter_ns()
    answer = participant.run_view(block)
    took = time.perf_counter_ns() - begin
    records.results(answer, "a fault")
    return took


def _used(segment: Segment) -> dict[str, int]:
    """What is in use now: pages of the segment, pages and objects of each cache."""
    info = segment.info()
    used = {
        "pages": info.pages_populated - info.pages_free,
        "frame_bytes": info.frames_in_use * frame_bytes(segment),
    }
    for cache in segment.slabinfo():
        used[f"slab {cache.name}"] = cache.num_slabs * cache.pagesperslab
        used[f"objects {cache.name}"] = cache.active_objs
    return used


def frame_bytes(segment: Segment) -> int:
    """What a frame takes: the region of the frames, by how many there are."""
    with SegmentFile.open(segment.instance) as file:
        return file.regions["frames"][1] // segment.info().config.frames_max


def _memory(vmas: int, before: dict[str, int], after: dict[str, int]) -> dict[str, Any]:
    grown = {name: after[name] - before.get(name, 0) for name in after}
    slab_pages = sum(pages for name, pages in grown.items() if name.startswith("slab "))
    each = PAGE / vmas
    return {
        "bytes_per_vma": round(grown["pages"] * each + grown["frame_bytes"] / vmas, 1),
        "frame_bytes_per_vma": round(grown["frame_bytes"] / vmas, 1),
        "slab_bytes_per_vma": {
            name.removeprefix("slab "): round(pages * each, 1)
            for name, pages in grown.items()
            if name.startswith("slab ") and pages > 0
        },
        "table_bytes_per_vma": round((grown["pages"] - slab_pages) * each, 1),
        "tree_nodes": grown.get(f"objects {NODE_CACHE}", 0),
    }


def node_fill(slots: int, nodes: int) -> float:
    """How full the nodes of a tree are, taking leaves and the others to be equally so.

    Args:
        slots: in its leaves.
        nodes: of both kinds.
    """
    # Each node but the root takes one slot of its parent.
    fill = 1.0
    for _ in range(20):
        leaves = nodes * (1 - 1 / (INNER_SLOTS * fill))
        fill = (slots + nodes - 1) / (LEAF_SLOTS * leaves + INNER_SLOTS * (nodes - leaves))
        fill = min(1.0, max(FILL_LEAST, fill))
    return fill


def tree_height(slots: int, fill: float) -> int:
    """Levels of a tree with so many slots in its leaves, whose nodes are that full."""
    level = math.ceil(slots / (LEAF_SLOTS * fill))
    height = 1
    while level > 1:
        level = math.ceil(level / (INNER_SLOTS * fill))
        height += 1
    return height


def _judged(config: SizeBench, pairs: list[_Pair], seed: int) -> dict[str, Any]:
    rows: list[dict[str, Any]] = []
    last, first = pairs[-1][0], pairs[0][0]
    # In the largest, where the nodes that a participant keeps in reserve do not count.
    fill = node_fill(2 * last.vmas + 1, max(1, last.memory["tree_nodes"]))
    for walk, cache in pairs:
        height = tree_height(2 * walk.vmas + 1, fill)
        common = walk.memory | {
            "steps": height + PAGE_TABLE_LEVELS + BESIDE_THE_TREE,
            "tree_height": height,
            "pairs_per_s": round(stats.median(walk.pairs_per_s)),
            "pairs_spread": [round(end) for end in stats.spread(walk.pairs_per_s)],
        }
        for order, got in walk.fault_ns.items():
            over = stats.ratio(got, cache.fault_ns[order], seed=seed)
            row = {
                "vmas": walk.vmas,
                "order": order,
                "fault_ns": round(stats.median(got), 2),
                "spread": stats.spread(got),
                "cache_ns": round(stats.median(cache.fault_ns[order]), 2),
                "cache_spread": stats.spread(cache.fault_ns[order]),
                "walk_over_cache": over.value,
                "walk_over_cache_interval": over.interval,
            }
            rows.append(row | common)
    ratio, alone = (
        stats.ratio(last.fault_ns[order], first.fault_ns[order], seed=seed)
        for order in ("random", "alone")
    )
    return base.head("size", seed) | {
        "model": config.model,
        "lookup": "walk",
        "rounds": config.rounds,
        "random_last_over_first": ratio.value,
        "random_last_over_first_interval": ratio.interval,
        "alone_last_over_first": alone.value,
        "alone_last_over_first_interval": alone.interval,
        "tree_fill": round(fill, 3),
        "bytes_per_vma": rows[-1]["bytes_per_vma"],
        "rows": rows,
    }


def tables(data: dict[str, Any]) -> list[Table]:
    times = [
        [
            f"{row['vmas']:,} {row['order']}",
            f"{row['fault_ns']:.1f}",
            f"{row['cache_ns']:.1f}",
            f"{row['walk_over_cache']:.2f}",
            str(row["tree_height"]),
            str(row["steps"]),
        ]
        for row in data["rows"]
    ]
    space_of = {row["vmas"]: row for row in data["rows"]}
    spaces = [
        [f"{vmas:,}", f"{row['bytes_per_vma']:,.0f}", report.short(row["pairs_per_s"])]
        for vmas, row in space_of.items()
    ]
    return [
        report.grid(
            f"as an address space grows, {data['model']}",
            ("VMAs", "fault ns", "cache ns", "walk / cache", "height", "steps"),
            times,
        ),
        report.grid(
            "memory, and mapping and unmapping a page", ("VMAs", "bytes a VMA", "pairs/s"), spaces
        ),
    ]


def plot(data: dict[str, Any], path: Path) -> None:
    panels: dict[str, list[plots.Series]] = {}
    for name, key, ends_key in (
        ("a fault on a present page, by a walk", "fault_ns", "spread"),
        ("the same by cached lookups", "cache_ns", "cache_spread"),
    ):
        panels[name] = []
        for order, label in zip(ORDERS, LABELS, strict=True):
            rows = [row for row in data["rows"] if row["order"] == order]
            x = [row["vmas"] for row in rows]
            ends = [[row[ends_key][i] for row in rows] for i in (0, 1)]
            panels[name].append(plots.Series(label, x, [row[key] for row in rows], *ends))
    rows = [row for row in data["rows"] if row["order"] == "random"]
    x, y = [row["vmas"] for row in rows], [1e9 / row["pairs_per_s"] for row in rows]
    panels["mapping one page and unmapping it"] = [plots.Series("mmap + munmap", x, y)]
    few, many = min(x), max(x)
    times = {
        order: next(r for r in mine if r["vmas"] == many)["fault_ns"]
        / next(r for r in mine if r["vmas"] == few)["fault_ns"]
        for order in ORDERS[:2]
        if (mine := [row for row in data["rows"] if row["order"] == order])
    }
    parts = ", ".join(
        f"{times[order]:.2g} times {label}"
        for order, label in zip(ORDERS, LABELS, strict=True)
        if order in times
    )
    finding = f"A fault at {many:,} VMAs over one at {few:,}: {parts}"
    drawn = f"Nanoseconds as an address space grows, {data['model']}. Median and range; log axes."
    caption = plots.Caption.of(data, finding, drawn)
    plots.lines(path, panels, caption, x_label="VMAs", y_label="ns", log_x=True, log_y=True)
