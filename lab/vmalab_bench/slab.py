# SPDX-License-Identifier: Apache-2.0
"""How VMAs are made and freed, in each setting of the slab (docs/slab.md).

Four things are measured, each in segments of its own:

  bytes  what a VMA takes in its slab, with and without a free pointer, in each lock model that the
         review has figures of
  time   an allocation and a free, one after the other and many at a time; every setting in each
         round, in an order that changes, as a ratio to the usual setting of the same lock model
  reuse  two participants allocate and free in a random order; which objects come again, after how
         many other frees, and in whose hands. Counted, not timed: where objects are reused at
         once, a seed always gives the same figures
  alike  one participant allocates and frees objects of two caches, which have slabs of their own
         or share them; which objects come again, whether as one of the other cache, and how many
         pages both have. Counted

At the end every invariant of each segment is walked. It has to be quiet there: the walk compares
the free VMAs with what the constructor leaves, and their free pointers with their places.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from rich.table import Table

from vmalab_bench import base, plots, slab_claims, space, stats
from vmalab_bench.base import PAGE, BenchError
from vmalab_drive import report
from vmalab_native import slab as slabs
from vmalab_native.records import ReusePlan

if TYPE_CHECKING:
    from vmalab_native.core import Participant, Segment
    from vmalab_native.records import Freer

SIZES: Final = (
    ("split-rwsem", "aligned"),
    ("split-rwsem", "wide"),
    ("embedded-rwsem", "aligned"),
    ("typesafe-rwsem", "aligned"),
    ("refcount", "aligned"),
)
"""Lock models and layouts that the cover letters have figures of."""
POINTERS: Final[tuple[slabs.FreePointer, ...]] = ("none", "outside", "overlaid")
SETTINGS: Final = (
    "",
    "ctor=alloc",
    "ctor=page",
    "reset=free",
    "freeptr=outside",
    "freeptr=overlaid",
    "magazine=8",
    "magazine=sheaf",
)
REUSE_SETTINGS: Final = ("magazine=8", "magazine=sheaf")
"""Besides the usual one, of the default lock model."""
FREERS: Final[tuple[tuple[Freer, str], ...]] = (
    ("own", "who allocated it"),
    ("any", "either of two"),
    ("handed", "the other one"),
)
MERGE: Final = ("merge=no", "merge=yes")
ALIKE_LIVE: Final = 1000
ONE: Final = 1
MANY: Final = 256
LIVE: Final = 200
MIB: Final = 1 << 20
SEGMENT_BYTES: Final = 128 << 20
COUNTED: Final = 1000
HUNDRED_THOUSAND: Final = 100_000


@dataclass(frozen=True, slots=True)
class SlabBench:
    models: tuple[str, ...]
    rounds: int = 101
    pairs: int = 8_192
    """Allocations of a round, in each setting and depth."""
    turns: int = 40_000
    """Allocations that the reuse is counted over."""

    @staticmethod
    def full(models: Sequence[str]) -> SlabBench:
        return SlabBench(tuple(models))

    @staticmethod
    def quick(models: Sequence[str]) -> SlabBench:
        return SlabBench(tuple(models), rounds=31, pairs=4_096, turns=10_000)

    @staticmethod
    def smoke(models: Sequence[str]) -> SlabBench:
        return SlabBench(tuple(models), rounds=3, pairs=2_048, turns=4_000)


@dataclass(frozen=True, slots=True)
class _Place:
    """A segment of one setting, and two participants in it."""

    model: str
    setting: str
    segment: Segment
    one: Participant
    other: Participant
    mm: int


def settings(model: str, names: Sequence[str] = SETTINGS) -> list[str]:
    """The settings that a lock model can have, and that are not its usual one."""
    found = []
    for name in names:
        chosen = slabs.parse(name)
        if chosen.ctor == usual_ctor(model) or (model, chosen.ctor) in slabs.NO_CTOR:
            continue
        found.append(name)
    return found


def usual_ctor(model: str) -> slabs.Ctor:
    """What "model" stands for."""
    return "page" if model in ("typesafe-rwsem", "refcount") else "alloc"


def run(config: SlabBench, *, seed: int) -> dict[str, Any]:
    sizes = [
        _size(model, layout, pointer)
        for model, layout in SIZES
        if model in config.models
        for pointer in POINTERS
    ]
    with ExitStack() as stack:
        places = [_place(stack, model, name) for model in config.models for name in settings(model)]
        times = _times(config, places, seed)
        usual = [place for place in places if not place.setting]
        default = [place for place in usual if place.model == space.DEFAULT_MODEL]
        merging, alike = _sharing((default or usual)[0].model, config.turns, seed)
        reuse = [
            _reuse(place, freer, config.turns, seed)
            for place in places
            if not place.setting
            or (place.model == space.DEFAULT_MODEL and place.setting in REUSE_SETTINGS)
            for freer, _ in FREERS
        ]
        stack_vmas = [_stack_row(place) for place in usual]
        problems = [
            f"{place.model} {place.setting}: {line}"
            for place in places
            for line in place.one.fsck()
        ]
    if problems:
        raise BenchError(f"broken invariants: {'; '.join(problems[:3])}")
    data = base.head("slab", seed) | {
        "rounds": config.rounds,
        "turns": config.turns,
        "live": LIVE,
        "sizes": sizes,
        "times": times,
        "reuse": reuse,
        "merging": merging,
        "alike": alike,
        "alike_live": ALIKE_LIVE,
        "stack": stack_vmas,
        "segments_walked": len(places),
        "segments_reset_at_free": sum("reset=free" in place.setting for place in places),
    }
    return data | {"claims": slab_claims.claims(data)}


# --- bytes ---


def _size(model: str, layout: str, pointer: slabs.FreePointer) -> dict[str, Any]:
    with space.segment(
        model=model,
        layout=layout,
        slab=slabs.Slab(freeptr=pointer),
        size_bytes=SEGMENT_BYTES,
        frames_max=1 << 14,
    ) as segment:
        caches = {cache.name: cache for cache in segment.slabinfo()}
    vma, lock = caches["vm_area_struct"], caches.get("vma_lock")
    parts = [vma] + ([lock] if lock else [])

    def pages(objects: int) -> int:
        return sum(-(-objects // part.objperslab) * part.pagesperslab for part in parts)

    return {
        "model": model,
        "layout": layout,
        "freeptr": pointer,
        "slot_bytes": vma.objsize,
        "objs_per_slab": vma.objperslab,
        "pages_per_slab": vma.pagesperslab,
        "lock_bytes": lock.objsize if lock else 0,
        "pages_per_1000_vmas": pages(COUNTED),
        "mib_per_100000_vmas": round(pages(COUNTED) * 100 * PAGE / MIB, 2),
        "mib_per_100000_vmas_exact": round(pages(HUNDRED_THOUSAND) * PAGE / MIB, 2),
    }


# --- time ---


def _place(stack: ExitStack, model: str, name: str) -> _Place:
    segment = stack.enter_context(
        space.segment(
            model=model, slab=slabs.parse(name), size_bytes=SEGMENT_BYTES, frames_max=1 << 14
        )
    )
    one = stack.enter_context(segment.participant("client"))
    other = stack.enter_context(segment.participant("client"))
    return _Place(model, name, segment, one, other, one.mm_create())


def _times(config: SlabBench, places: list[_Place], seed: int) -> list[dict[str, Any]]:
    """Every setting in each round. The usual one of the same model is what the others are over."""
    rng = np.random.default_rng(seed)
    took: dict[tuple[str, str, int], list[float]] = {
        (place.model, place.setting, depth): [] for place in places for depth in (ONE, MANY)
    }
    for place in places:
        place.one.bench_slab(place.mm, MANY, config.pairs)  # slabs are made
    for _ in range(config.rounds):
        for index in rng.permutation(len(places)):
            place = places[index]
            for depth in (ONE, MANY):
                ns = place.one.bench_slab(place.mm, depth, config.pairs)
                took[place.model, place.setting, depth].append(ns)
    return [_time_row(place, took, seed) for place in places]


def _time_row(
    place: _Place, took: dict[tuple[str, str, int], list[float]], seed: int
) -> dict[str, Any]:
    counters = place.segment.vmstat()
    row: dict[str, Any] = {
        "model": place.model,
        "setting": place.setting,
        "deferred_share": counters["vma_free_deferred"] / counters["vma_free"],
    }
    for depth, name in ((ONE, "one"), (MANY, "many")):
        mine = took[place.model, place.setting, depth]
        over = stats.ratio(mine, took[place.model, "", depth], seed=seed)
        ns = stats.estimate(mine, seed=seed)
        row |= {
            f"{name}_ns": ns.value,
            f"{name}_ns_interval": ns.interval,
            f"{name}_over_usual": over.value,
            f"{name}_over_usual_interval": over.interval,
        }
    return row


def _stack_row(place: _Place) -> dict[str, Any]:
    """VMAs that no cache has."""
    got = place.one.bench_stack(COUNTED)
    return {
        "model": place.model,
        "vmas": got.count,
        "lock_free_after_fields": got.free_after_fields,
        "lock_free_after_all": got.free_after_all,
        "init_ns": round(got.ns / got.count, 2),
    }


# --- reuse ---


def _reuse(place: _Place, freer: Freer, turns: int, seed: int) -> dict[str, Any]:
    plan = ReusePlan(mm=place.mm, freer=freer, live=LIVE, turns=turns, seed=seed)
    got = place.one.bench_reuse([place.other], plan)
    distances = np.asarray(got.distances or [0])
    median, ninth = np.percentile(distances, (50, 90))
    return {
        "model": place.model,
        "setting": place.setting,
        "freer": freer,
        "reused_share": round(got.reused / got.allocs, 4),
        "distance_median": int(median),
        "distance_p90": int(ninth),
        "at_once_share": round(float(np.mean(distances == 0)), 4) if got.reused else 0.0,
        "by_other_share": round(got.by_other / got.reused, 4) if got.reused else 0.0,
        "never_again": got.allocs - got.reused,
        "frees": got.allocs,
    }


# --- merging ---

TYPESAFE: Final = 0x2
ACCOUNT: Final = 0x4
NO_MERGE: Final = 0x10
"""SLAB_TYPESAFE_BY_RCU, SLAB_ACCOUNT and SLAB_NO_MERGE (`slab.h`)."""


@dataclass(frozen=True, slots=True)
class CacheFacts:
    """What decides whether a cache may share its slabs with others."""

    name: str
    slot_bytes: int
    flags: int
    ctor: int

    @property
    def refused(self) -> str:
        """Why it may share with none, "" if it may. (kernel: slab_unmergeable)"""
        reasons = []
        if self.flags & NO_MERGE:
            reasons.append("has SLAB_NO_MERGE")
        if self.flags & TYPESAFE:
            reasons.append("type-safe by RCU")
        if self.ctor:
            reasons.append("has a constructor")
        return " and ".join(reasons)

    def shares(self, other: CacheFacts) -> bool:
        """Slots of the same size and accounting. (kernel: find_mergeable)"""
        return (
            not self.refused
            and not other.refused
            and self.slot_bytes == other.slot_bytes
            and self.flags & ACCOUNT == other.flags & ACCOUNT
        )


def _sharing(
    model: str, turns: int, seed: int
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Which caches share slabs where they may, and two of them with and without that."""
    alike, merging = [], list[dict[str, Any]]()
    for setting in MERGE:
        with (
            space.segment(
                model=model, slab=slabs.parse(setting), size_bytes=SEGMENT_BYTES, frames_max=1 << 14
            ) as segment,
            segment.participant("client") as one,
        ):
            alike.append(_alike_row(one, setting, turns, seed))
            if segment.config.slab.merge:
                merging = _merging(segment)
            if problems := one.fsck():
                raise BenchError(f"broken invariants: {'; '.join(problems[:3])}")
    return merging, alike


def _alike_row(one: Participant, setting: str, turns: int, seed: int) -> dict[str, Any]:
    got = one.bench_alike(ALIKE_LIVE, turns, seed)
    distances = np.asarray(got.distances or [0])
    median, ninth = np.percentile(distances, (50, 90))
    return {
        "setting": setting,
        "reused_share": round(got.reused / got.allocs, 4),
        "by_other_share": round(got.by_other / got.reused, 4) if got.reused else 0.0,
        "distance_median": int(median),
        "distance_p90": int(ninth),
        "pages_most": got.pages_most,
        "bytes_most": got.pages_most * PAGE,
    }


def _merging(segment: Segment) -> list[dict[str, Any]]:
    """Which caches share slabs here, and why the others may not.

    Raises:
        BenchError: others do than the rule says.
    """
    from vmalab_native.segment_file import CACHES, SegmentFile

    with SegmentFile.open(segment.instance) as file:
        kind, caches = file.structs["kmem_cache"], file.header_struct.at["caches"][0]
        facts, roots = [], []
        for index in range(CACHES):
            base = caches + index * kind.size
            slot, flags, ctor = (
                kind.get(file.header, field, base) for field in ("slot_bytes", "flags", "ctor")
            )
            if slot:
                name = kind.text(file.header, "name", base)
                facts.append(CacheFacts(name, slot, flags, ctor))
                roots.append(file.roots[index])
    rows = []
    for row, root in zip(facts, roots, strict=True):
        wanted = [one.name for one in facts if one is not row and one.shares(row)]
        found = [
            one.name
            for one, other in zip(facts, roots, strict=True)
            if one is not row and other == root
        ]
        if sorted(wanted) != sorted(found):
            raise BenchError(f"{row.name} shares slabs with {found}, and the rule says {wanted}")
        rows.append(
            {"cache": row.name, "slot_bytes": row.slot_bytes, "refused": row.refused, "with": found}
        )
    return rows


# --- shown ---


def _interval(row: dict[str, Any], name: str) -> str:
    low, high = row[f"{name}_interval"]
    return f"{row[name]:.2f} ({low:.2f}-{high:.2f})"


def _shared(data: dict[str, Any]) -> list[Table]:
    merging = [
        [row["cache"], str(row["slot_bytes"]), ", ".join(row["with"]), row["refused"]]
        for row in data["merging"]
    ]
    alike = [
        [
            row["setting"],
            f"{row['reused_share']:.1%}",
            f"{row['by_other_share']:.1%}",
            str(row["distance_median"]),
            str(row["distance_p90"]),
            str(row["pages_most"]),
        ]
        for row in data["alike"]
    ]
    return [
        report.grid(
            "caches that share slabs with merge=yes",
            ("cache", "slot (bytes)", "with", "shares with none, because it"),
            merging,
        ),
        report.grid(
            f"objects of anon_vma_chain and vma_numab_state, {data['alike_live']:,} in use",
            ("", "reused", "as the other", "frees between (median)", "(90 %)", "pages, at most"),
            alike,
        ),
    ]


def tables(data: dict[str, Any]) -> list[Table]:
    sizes = [
        [
            f"{row['model']} {row['layout']}",
            row["freeptr"],
            f"{row['slot_bytes']}{' + ' + str(row['lock_bytes']) if row['lock_bytes'] else ''}",
            f"{row['objs_per_slab']} / {row['pages_per_slab']}",
            str(row["pages_per_1000_vmas"]),
            f"{row['mib_per_100000_vmas']:.1f}",
        ]
        for row in data["sizes"]
    ]
    times = [
        [
            row["model"],
            row["setting"] or "usual",
            f"{row['one_ns']:.1f}",
            _interval(row, "one_over_usual"),
            f"{row['many_ns']:.1f}",
            _interval(row, "many_over_usual"),
            f"{row['deferred_share']:.0%}",
        ]
        for row in data["times"]
    ]
    names = dict(FREERS)
    reuse = [
        [
            row["model"],
            row["setting"] or "usual",
            names[row["freer"]],
            f"{row['reused_share']:.1%}",
            str(row["distance_median"]),
            str(row["distance_p90"]),
            f"{row['at_once_share']:.0%}",
            f"{row['by_other_share']:.1%}",
        ]
        for row in data["reuse"]
    ]
    claims = [[row["said"], row["here"]] for row in data["claims"]]
    return [
        report.grid("what the review said, and what is so here", ("said", "here"), claims),
        report.grid(
            "bytes",
            ("", "free pointer", "slot + lock (bytes)", "objects / pages of a slab",
             "pages per 1,000", "MB per 100,000"),
            sizes,
        ),
        report.grid(
            f"an allocation and a free, one after the other and {MANY} at a time",
            ("", "setting", "one (ns)", "over usual", "many (ns)", "over usual", "deferred"),
            times,
        ),
        report.grid(
            f"reuse, {data['turns']:,} allocations by two participants, {data['live']} VMAs in use",
            ("", "setting", "freed by", "reused", "frees between (median)", "(90 %)", "at once",
             "freed by the other"),
            reuse,
        ),
        *_shared(data),
    ]  # fmt: skip


def plot(data: dict[str, Any], path: Path) -> None:
    rows = data["times"]
    names = [f"{row['model']} {row['setting'] or 'usual'}" for row in rows]
    series = [
        plots.Series("one at a time", range(len(rows)), [row["one_ns"] for row in rows]),
        plots.Series(f"{MANY} at a time", range(len(rows)), [row["many_ns"] for row in rows]),
    ]
    drawn = "An allocation and a free of a VMA, by lock model and setting of the slab. Median."
    caption = plots.Caption.of(data, _finding(rows), drawn)
    plots.bars(path, names, {"": series}, caption, unit="ns")


def _finding(rows: list[dict[str, Any]]) -> str:
    """What reuse after a grace period costs, for the title."""
    usual = {row["model"]: row["one_ns"] for row in rows if not row["setting"]}
    if not {"embedded-rwsem", "typesafe-rwsem"} <= usual.keys():
        return "What each setting of the slab costs"
    times = usual["embedded-rwsem"] / usual["typesafe-rwsem"]
    return f"Reuse after a grace period costs {times:.1f} times reuse at once"
