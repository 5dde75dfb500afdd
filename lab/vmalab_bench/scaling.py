# SPDX-License-Identifier: Apache-2.0
"""Do faults of several processes get in each other's way?

One to four processes fault at the same time, in several ways of sharing:

  different-vmas  one address space, each process in 1,000 VMAs of its own
  one-vma-each    one address space, each process in one VMA of its own
  same-vma        one address space, all in the same VMA, each on its own pages
  different-mms   each in an address space of its own, 1,000 VMAs
  one-vma-own-mm  each in an address space of its own, one VMA

Faults on present pages take the lock of the VMA and look at the page table. Faults on fresh pages
(the pages are given back with MADV_DONTNEED between, which is part of the time) also allocate; they
are measured where that is one call for all pages of a process.

All of it is measured twice, in a segment whose faults walk the tree and in one whose faults go by
cached lookups, right after each other.

With more processes than CPUs nothing can grow any more; those rows show whether it falls. Faults
per second of CPU time do not mind if something else runs on the machine, nor do they count waiting.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from rich.table import Table

from vmalab_bench import base, machine, plots, records, space, stats
from vmalab_bench.base import BASE, PAGE, Aim
from vmalab_bench.crew import Crew, Job
from vmalab_drive import report

if TYPE_CHECKING:
    from vmalab_native.core import Participant

SHAPES: Final = ("different-vmas", "one-vma-each", "same-vma", "different-mms")
FRESH_SHAPES: Final = ("one-vma-each", "same-vma", "one-vma-own-mm")
OWN_MM: Final = ("different-mms", "one-vma-own-mm")
TWO_OVER_ONE: Final = 1.9
STRIDE: Final = 4 * PAGE
AREA: Final = 1 << 30
"""From one process's addresses to the next's: they share no page table."""
BLOCK_FAULTS: Final = 4000
LOOKUPS: Final = ("walk", "cache")

Cell = tuple[str, str, int]
"""Shape, pages and number of processes."""
Rates = dict[Cell, list[tuple[float, float]]]
"""Faults per second, and per second of CPU time."""


@dataclass(frozen=True, slots=True)
class ScalingBench:
    processes: int = 4
    vmas: int = 1000
    rounds: int = 25
    turn_s: float = 0.1
    model: str = space.DEFAULT_MODEL

    @staticmethod
    def quick(model: str = space.DEFAULT_MODEL) -> ScalingBench:
        return ScalingBench(rounds=9, turn_s=0.04, model=model)

    @staticmethod
    def smoke(model: str = space.DEFAULT_MODEL) -> ScalingBench:
        return ScalingBench(processes=2, rounds=2, turn_s=0.01, model=model)


def run(config: ScalingBench, *, seed: int) -> dict[str, Any]:
    """Measure every shape with every number of processes, in an order of its own each round."""
    with (
        space.segment(model=config.model, lookup="walk") as walking,
        space.segment(model=config.model, lookup="cache") as caching,
        walking.participant("client") as walker,
        caching.participant("client") as cacher,
        Crew(config.processes, [walking.instance, caching.instance]) as crew,
    ):
        kinds = _prepare(config, crew, "walk", walking.instance, walker)
        _prepare(config, crew, "cache", caching.instance, cacher)
        rates: dict[str, Rates] = {
            lookup: {(*kind, n): [] for kind in kinds for n in range(1, config.processes + 1)}
            for lookup in LOOKUPS
        }
        rng = np.random.default_rng(seed)
        for _ in base.rounds(config.rounds):
            for kind in rng.permutation(len(kinds)):
                # What is compared is measured one right after the other.
                for processes in 1 + rng.permutation(config.processes):
                    cell = (*kinds[kind], int(processes))
                    for lookup in rng.permutation(LOOKUPS):
                        got = _turn(crew, str(lookup), cell, config.turn_s)
                        rates[str(lookup)][cell].append(got)
    return _judged(config, rates, seed)


def _turn(crew: Crew, lookup: str, cell: Cell, seconds: float) -> tuple[float, float]:
    """Faults per second of all, and per second of CPU time."""
    shape, pages, processes = cell
    key = f"{lookup} {shape} {pages}"
    if processes > 1:
        turns = crew.turn(dict.fromkeys(range(processes), key), seconds)
        faults = sum(turn.per_s for turn in turns.values())
    else:
        # Alone on each CPU in turn: one may have a busier neighbour than the other.
        alone = min(len(machine.cpus()), len(crew))
        turns = {one: crew.turn({one: key}, seconds / alone)[one] for one in range(alone)}
        faults = sum(turn.per_s for turn in turns.values()) / alone
    done = sum(turn.done for turn in turns.values())
    return faults, done / sum(turn.cpu_s for turn in turns.values())


def _prepare(
    config: ScalingBench, crew: Crew, lookup: str, instance: str, participant: Participant
) -> list[tuple[str, str]]:
    """Address spaces and jobs of every shape; each member maps and touches what it will use."""
    kinds = [(shape, "present") for shape in SHAPES] + [(shape, "fresh") for shape in FRESH_SHAPES]
    many = np.arange(config.vmas, dtype="<u8")
    for shape, pages in kinds:
        shared = participant.mm_create()
        length = config.vmas * PAGE
        if shape == "same-vma":
            whole = records.maps(shared, [BASE], config.processes * length)
            records.must(participant, whole, shape)
        for member in range(config.processes):
            mm = participant.mm_create() if shape in OWN_MM else shared
            start = BASE + member * AREA
            if shape in ("different-vmas", "different-mms"):
                addrs = start + many * STRIDE
                crew.once(member, instance, records.maps(mm, addrs, PAGE))
            elif shape != "same-vma":
                addrs = start + many * PAGE
                crew.once(member, instance, records.maps(mm, [start], length))
            else:
                start = BASE + member * length
                addrs = start + many * PAGE
            crew.once(member, instance, records.faults(mm, addrs, records.WRITE))
            if pages == "fresh":
                block = records.forget(mm, start, length)
                block += records.faults(mm, addrs, records.WRITE)
                counted = config.vmas
            else:
                block = records.faults(mm, np.resize(addrs, BLOCK_FAULTS))
                counted = BLOCK_FAULTS
            crew.give(member, f"{lookup} {shape} {pages}", Job(instance, block, counted))
    return kinds


def _judged(config: ScalingBench, all_rates: dict[str, Rates], seed: int) -> dict[str, Any]:
    rows = []
    headline: stats.Estimate | None = None
    rates, cached = (all_rates[lookup] for lookup in LOOKUPS)
    for (shape, pages, processes), pairs in rates.items():
        got = [faults for faults, _ in pairs]
        alone = [faults for faults, _ in rates[shape, pages, 1]]
        over_one = stats.ratio(got, alone, seed=seed)
        if (shape, pages, processes) == ("different-vmas", "present", 2):
            headline = over_one
        rows.append(
            {
                "shape": shape,
                "pages": pages,
                "processes": processes,
                "faults_per_s": round(stats.median(got)),
                "spread": [round(end) for end in stats.spread(got)],
                "faults_per_cpu_s": round(stats.median([per_cpu for _, per_cpu in pairs])),
                "over_one": over_one.value,
                "interval": over_one.interval,
                "cache_faults_per_s": round(
                    stats.median([faults for faults, _ in cached[shape, pages, processes]])
                ),
            }
        )
    enough = len(machine.cpus()) >= 2
    aim = Aim(
        "different_vmas_2_over_1",
        headline,
        at_least=TWO_OVER_ONE,
        note="" if enough else "one CPU: two processes cannot run at once",
    )
    return base.head("scaling", seed) | {
        "model": config.model,
        "lookup": "walk",
        "rounds": config.rounds,
        "turn_s": config.turn_s,
        "different_vmas_2_over_1": headline.value if headline else None,
        "different_vmas_2_over_1_interval": headline.interval if headline else None,
        "rows": rows,
        "aims": [aim.as_dict()],
    }


def tables(data: dict[str, Any]) -> list[Table]:
    head = ("", "faults/s", "/CPU s", "over one", "95 %", "cache")
    found = []
    for pages in ("present", "fresh"):
        rows = [
            [
                f"{row['shape']} x{row['processes']}",
                report.short(row["faults_per_s"]),
                report.short(row["faults_per_cpu_s"]),
                f"{row['over_one']:.2f}",
                f"{row['interval'][0]:.2f}-{row['interval'][1]:.2f}",
                report.short(row["cache_faults_per_s"]),
            ]
            for row in data["rows"]
            if row["pages"] == pages
        ]
        title = f"faults at the same time on {pages} pages, {data['model']} (cache: faults/s)"
        found.append(report.grid(title, head, rows))
    return found


def plot(data: dict[str, Any], path: Path) -> None:
    panels: dict[str, list[plots.Series]] = {}
    for pages in ("present", "fresh"):
        mine = [row for row in data["rows"] if row["pages"] == pages]
        panels[f"{pages} pages"] = [
            plots.Series(
                shape,
                [row["processes"] for row in mine if row["shape"] == shape],
                [row["over_one"] for row in mine if row["shape"] == shape],
                [row["interval"][0] for row in mine if row["shape"] == shape],
                [row["interval"][1] for row in mine if row["shape"] == shape],
            )
            for shape in dict.fromkeys(row["shape"] for row in mine)
        ]
    pairs = {
        row["shape"]: row["over_one"]
        for row in data["rows"]
        if row["processes"] == 2 and row["pages"] == "present"
    }
    parts = ", ".join(f"{value:.2f} in {shape}" for shape, value in pairs.items())
    finding = f"Faults of two processes over those of one: {parts}"
    drawn = (
        f"Faults of all processes over those of one, {data['model']}, "
        f"{data['machine']['cores']} CPUs. Median and 95 % interval."
    )
    caption = plots.Caption.of(data, finding, drawn)
    plots.lines(path, panels, caption, x_label="processes", y_label="times one process")
