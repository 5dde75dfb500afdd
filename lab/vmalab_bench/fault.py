# SPDX-License-Identifier: Apache-2.0
"""What a fault costs, in units of one uncontended locked add, and what a cache of lookups hides.

  hit    a read of a page that is there: the walk of the tree, the VMA's lock, the page table, and a
         hit. Hardware would not have faulted; it is the lock that is measured.
  fresh  the first write to a page: a fault that a kernel would take
  cow    the first write to a page that a fork shares: the same

Everything is done twice, in two segments that are alive at the same time: in one a fault walks the
tree, as the kernel's does; in the other it goes by the lookups that its participant keeps (--lookup
cache). In each round both are timed right after each other, who is first is drawn, and so is the
locked add: no ratio depends on the machine's clock or on its neighbours.

`walks` is what a fault goes down the tree, on average. With the walk it is 1 by construction, and
more by what was detached meanwhile.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from rich.table import Table

from vmalab.uapi import FaultInfo
from vmalab_bench import base, machine, plots, records, space, stats
from vmalab_bench.base import BASE, PAGE, BenchError
from vmalab_drive import report
from vmalab_native import cores

if TYPE_CHECKING:
    from vmalab_native.core import Participant

STRIDE: Final = 4 * PAGE
LOOKUPS: Final[tuple[cores.Lookup, ...]] = ("walk", "cache")
HIT, FRESH, COW = "hit", "fresh", "cow"
ADDS: Final = 20_000
TAKEN_VMAS: Final = 1000  # of the faults that a kernel would take too


@dataclass(frozen=True, slots=True)
class FaultBench:
    vmas: tuple[int, ...] = (1, 100, 1000, 10000)
    iterations: int = 400_000
    rounds: int = 31
    model: str = space.DEFAULT_MODEL

    @staticmethod
    def quick(model: str = space.DEFAULT_MODEL) -> FaultBench:
        return FaultBench(vmas=(1, 1000), iterations=100_000, rounds=9, model=model)


@dataclass(slots=True)
class _Side:
    """One way to look VMAs up, with its samples of one row."""

    participant: Participant
    mm: int = 0
    ns: list[float] = field(default_factory=list)
    adds: list[float] = field(default_factory=list)
    faults: int = 0
    walks: int = 0


def run(config: FaultBench, *, seed: int) -> dict[str, Any]:
    """Measure for each number of VMAs; the headline is that of 1,000."""
    rng = np.random.default_rng(seed)
    most = max(65530, max(config.vmas) + 16)
    with (
        machine.pinned(machine.cpus()[0]),
        space.segment(model=config.model, lookup="walk", vmas_per_mm_max=most) as walking,
        space.segment(model=config.model, lookup="cache", vmas_per_mm_max=most) as caching,
        walking.participant("client") as walker,
        caching.participant("client") as cacher,
    ):
        participants = {"walk": walker, "cache": cacher}
        rows = [
            _row(_hits(participants, config, addrs, rng), HIT, order, vmas, seed)
            for vmas in config.vmas
            for order, addrs in _orders([BASE + i * STRIDE for i in range(vmas)]).items()
        ]
        for kind in (FRESH, COW):
            sides = _taken(participants, config, kind, rng)
            rows.append(_row(sides, kind, "ascending", TAKEN_VMAS, seed))
    wanted = 1000 if 1000 in config.vmas else config.vmas[-1]
    mine = [row for row in rows if row["vmas"] == wanted and row["kind"] == HIT]
    plain, scattered = mine[0], mine[-1]
    return base.head("fault", seed) | {
        "model": config.model,
        "lookup": "walk",
        "vmas": wanted,
        "fault_ns": plain["fault_ns"],
        "rmw_ns": plain["rmw_ns"],
        "ratio": plain["ratio"],
        "interval": plain["interval"],
        "walk_over_cache": plain["walk_over_cache"],
        "walk_over_cache_interval": plain["walk_over_cache_interval"],
        "fault_scattered_ns": scattered["fault_ns"],
        "ratio_scattered": scattered["ratio"],
        "iterations": config.iterations,
        "rounds": config.rounds,
        "rows": rows,
    }


def _orders(addrs: list[int]) -> dict[str, list[int]]:
    """The order in which the VMAs are faulted on.

    Ascending lets the caches and the prefetcher help, as a program that walks its memory does;
    scattered (a fixed stride without a factor in common with the count) does not.
    """
    count = len(addrs)
    if count < 2:
        return {"ascending": addrs}
    stride = next(one for one in (617, 613, 619, 631) if count % one)
    scattered = [addrs[index * stride % count] for index in range(count)]
    return {"ascending": addrs, "scattered": scattered}


def _measured(
    participants: dict[str, Participant],
    config: FaultBench,
    addrs: records.Addresses,
    rng: np.random.Generator,
    once: Callable[[_Side], tuple[float, float, int]],
) -> dict[str, _Side]:
    """An address space of each segment with a VMA and a page at each address; in each round `once`
    on both: ns of a fault and of a locked add, and how many faults that were."""
    sides = {}
    for name, participant in participants.items():
        side = sides[name] = _Side(participant, participant.mm_create())
        records.fill(participant, side.mm, addrs, PAGE)
    for number in base.rounds(config.rounds + 1):
        for name in rng.permutation(LOOKUPS):
            side = sides[str(name)]
            before = side.participant.vmstat()
            ns, adds, faults = once(side)
            after = side.participant.vmstat()
            if number == 0:  # for the caches
                continue
            side.ns.append(ns)
            side.adds.append(adds)
            side.faults += faults
            side.walks += _walks(str(name), before, after, faults)
    for side in sides.values():
        records.must(side.participant, records.exits(side.mm), "exit")
    return sides


def _hits(
    participants: dict[str, Participant],
    config: FaultBench,
    addrs: list[int],
    rng: np.random.Generator,
) -> dict[str, _Side]:
    """Faults on pages that are there."""

    def once(side: _Side) -> tuple[float, float, int]:
        got = side.participant.bench_fault(side.mm, addrs, config.iterations, rounds=1)
        return got.fault_ns, got.rmw_ns, config.iterations

    return _measured(participants, config, addrs, rng, once)


def _walks(lookup: str, before: dict[str, int], after: dict[str, int], faults: int) -> int:
    """How often these faults went down the tree, by the counters."""

    def grown(name: str) -> int:
        return after[name] - before[name]

    again = grown("vma_lock_miss")
    return again + (faults if lookup == "walk" else grown("cached_lookup_walk"))


def _taken(
    participants: dict[str, Participant],
    config: FaultBench,
    kind: str,
    rng: np.random.Generator,
) -> dict[str, _Side]:
    """First writes, to pages that are not there or that a child has too."""
    addrs = BASE + np.arange(TAKEN_VMAS, dtype="<u8") * STRIDE

    def once(side: _Side) -> tuple[float, float, int]:
        ns = _taken_once(side, addrs, kind)
        adds = side.participant.bench_fault(side.mm, [BASE], ADDS, rounds=1).rmw_ns
        return ns, adds, TAKEN_VMAS

    return _measured(participants, config, addrs, rng, once)


def _taken_once(side: _Side, addrs: records.Column, kind: str) -> float:
    """ns of one first write, each page once."""
    if kind == COW:
        child = int(records.must(side.participant, records.forks(side.mm), "fork")["value"][0])
    else:
        gone = records.forget(side.mm, int(addrs[0]), TAKEN_VMAS * STRIDE)
        side.participant.run(gone)  # ENOMEM, for the gaps: the pages are gone all the same
    block = records.faults(side.mm, addrs, records.WRITE)
    begin = time.perf_counter_ns()
    answer = side.participant.run_view(block)
    took = time.perf_counter_ns() - begin
    made = records.results(answer, kind)["info"]
    wanted = FaultInfo.COPIED if kind == COW else FaultInfo.NEW_PAGE
    if not (made & np.uint32(wanted)).all():
        raise BenchError(f"{kind}: a first write made no page")
    if kind == COW:
        records.must(side.participant, records.exits(child), "exit")
    return took / TAKEN_VMAS


def _row(sides: dict[str, _Side], kind: str, order: str, vmas: int, seed: int) -> dict[str, Any]:
    walk, cache = sides["walk"], sides["cache"]
    ratio, cached = (stats.ratio(side.ns, side.adds, seed=seed) for side in (walk, cache))
    over = stats.ratio(walk.ns, cache.ns, seed=seed)
    return {
        "kind": kind,
        "vmas": vmas,
        "order": order,
        "fault_ns": round(stats.median(walk.ns), 2),
        "fault_spread": stats.spread(walk.ns),
        "rmw_ns": round(stats.median(walk.adds), 3),
        "ratio": round(ratio.value, 3),
        "interval": ratio.interval,
        "walks_per_fault": round(walk.walks / walk.faults, 4),
        "cache_ns": round(stats.median(cache.ns), 2),
        "cache_ratio": round(cached.value, 3),
        "cache_interval": cached.interval,
        "cache_walks_per_fault": round(cache.walks / cache.faults, 4),
        "walk_over_cache": over.value,
        "walk_over_cache_interval": over.interval,
    }


WHAT: Final = {
    HIT: "hit",
    FRESH: "fresh page",
    COW: "copy on write",
}


def tables(data: dict[str, Any]) -> list[Table]:
    def named(row: dict[str, Any]) -> str:
        return f"{WHAT[row['kind']]}, {row['vmas']:,} {row['order']}"

    def ends(interval: list[float], digits: int) -> str:
        return " to ".join(f"{end:.{digits}f}" for end in interval)

    walk = [
        [
            named(row),
            f"{row['fault_ns']:.1f}",
            f"{row['ratio']:.1f}",
            ends(row["interval"], 1),
            f"{row['walks_per_fault']:.3g}",
        ]
        for row in data["rows"]
    ]
    cache = [
        [
            named(row),
            f"{row['cache_ns']:.1f}",
            f"{row['cache_ratio']:.1f}",
            f"{row['cache_walks_per_fault']:.3g}",
            f"{row['walk_over_cache']:.2f}",
            ends(row["walk_over_cache_interval"], 2),
        ]
        for row in data["rows"]
    ]
    model = data["model"]
    return [
        report.grid(
            f"one fault, which walks, {model}",
            ("fault, VMAs", "ns", "locked adds", "95 %", "walks"),
            walk,
        ),
        report.grid(
            "the same by cached lookups",
            ("fault, VMAs", "ns", "adds", "walks", "walk / cache", "95 %"),
            cache,
        ),
    ]


def plot(data: dict[str, Any], path: Path) -> None:
    series = []
    hits = [row for row in data["rows"] if row["kind"] == HIT]
    for lookup, key, ends_key in (
        ("walk", "ratio", "interval"),
        ("cache", "cache_ratio", "cache_interval"),
    ):
        for order in dict.fromkeys(row["order"] for row in hits):
            rows = [row for row in hits if row["order"] == order]
            ends = [[row[ends_key][i] for row in rows] for i in (0, 1)]
            x = [row["vmas"] for row in rows]
            y = [row[key] for row in rows]
            series.append(plots.Series(f"{lookup}, VMAs {order}", x, y, *ends))
    finding = (
        f"At {data['vmas']:,} VMAs a fault takes {data['fault_ns']:.3g} ns, "
        f"as long as {data['ratio']:.3g} locked adds"
    )
    drawn = (
        f"A read fault on a present page, {data['model']}, in units of one uncontended locked add. "
        "Median and 95 % interval."
    )
    caption = plots.Caption.of(data, finding, drawn)
    plots.lines(path, {"": series}, caption, x_label="VMAs", y_label="locked adds", log_x=True)
