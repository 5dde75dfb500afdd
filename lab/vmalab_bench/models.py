# SPDX-License-Identifier: Apache-2.0
"""The lock models beside each other at the same faults.

One, two and four processes fault in one address space: each in a VMA of its own that it has mapped
itself, or in one of VMAs that one process has mapped one after the other (adjacent-vma), or all in
the same VMA (on pages of their own). Who maps a VMA allocates its lock, so only with one mapper do
locks of 40 bytes lie side by side, several on a cache line.

Faults are on present pages, or on fresh ones that are given back in between (MADV_DONTNEED), as
will-it-scale's page_fault1 does; and each of that alone or beside a writer, one more process on the
last CPU that changes the same address space all the time:

  page  maps one page and unmaps it: the shortest time that mmap_lock is held for writing; what
        is left of the difference is that of the lines that a writer takes away from readers
  area  maps 32 single pages and then, in one call, the whole area over them, which unmaps 64 VMAs
        while mmap_lock is held for writing

All of it is measured twice: with faults that walk the tree, which is what is compared, and with
faults that go by cached lookups.

Beside a writer the promise is one for processes that each have a CPU: with more of them the
scheduler keeps the writer away for most of the time, and `mmap_lock` alone does then what it does
without a writer.

Each model has a segment of its own, all alive at the same time, with the same processes attached to
all. A cell is measured for one model right after the other, in an order drawn again each time, so
that the ratio to `split-rwsem` (the kernel from 6.4 to 6.14) is one of neighbours in time.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from rich.table import Table

from vmalab_bench import base, machine, plots, records, space, stats
from vmalab_bench.base import BASE, PAGE, Aim
from vmalab_bench.crew import Crew, Job
from vmalab_drive import report
from vmalab_native import cores

if TYPE_CHECKING:
    from vmalab_native.core import Participant, Segment

OWN: Final = "own-vma"
SHAPES: Final = (OWN, "shared-vma")
ADJACENT: Final = "adjacent-vma"
PAGES: Final = ("present", "fresh")
SPLIT: Final = "split-rwsem"
MMAP_LOCK: Final = "mmap-lock"
CLOSE_TO_SPLIT: Final = ("embedded-rwsem", "typesafe-rwsem")
DEFERS_NOTHING: Final = ("typesafe-rwsem", "refcount")
NEAR: Final = 0.03
WIDTH: Final = 0.015  # a comparison whose interval is wider on either side decides nothing
OVER_MMAP_LOCK: Final = 5.0
AREA: Final = 1 << 30
WRITER_AT: Final = BASE - AREA
BLOCK_FAULTS: Final = 4096
WRITER_PAIRS: Final = 256
AREA_PAGES: Final = 64
WRITER_MARKS: Final = {"none": "", "page": " +p", "area": " +a"}
NOBODY, PAGE_WRITER, AREA_WRITER = "none", "page", "area"
WRITERS: Final = {"present": (NOBODY, PAGE_WRITER, AREA_WRITER), "fresh": (NOBODY, AREA_WRITER)}

WALK: Final = "walk"
CACHE: Final = "cache"
LOOKUPS: Final[tuple[cores.Lookup, ...]] = (WALK, CACHE)

Cell = tuple[str, str, int, str]
"""Shape, pages, number of processes, what the writer does."""


@dataclass(frozen=True, slots=True)
class ModelsBench:
    models: tuple[str, ...]
    processes: tuple[int, ...] = (1, 2, 4)
    pages: int = 512
    rounds: int = 15
    turn_s: float = 0.1

    @staticmethod
    def full(models: Sequence[str]) -> ModelsBench:
        return ModelsBench(tuple(models))

    @staticmethod
    def quick(models: Sequence[str]) -> ModelsBench:
        # The same time for all, whether one model or five are measured.
        return ModelsBench(tuple(models), rounds=5, turn_s=max(0.01, 0.05 / len(models)))

    @staticmethod
    def smoke(models: Sequence[str]) -> ModelsBench:
        return ModelsBench(tuple(models), processes=(1, 2), pages=64, rounds=2, turn_s=0.01)


@dataclass(slots=True)
class _Measured:
    """One cell of one model."""

    faults_per_s: list[float] = field(default_factory=list)
    per_cpu_s: list[float] = field(default_factory=list)
    writes_per_s: list[float] = field(default_factory=list)
    deferred: int | None = None
    reuses: int = 0


def run(config: ModelsBench, *, seed: int) -> dict[str, Any]:
    """Measure every cell of every model in each round."""
    cells: list[Cell] = [
        (shape, pages, processes, writer)
        for pages in PAGES
        for shape in SHAPES
        for writer in WRITERS[pages]
        for processes in config.processes
    ]
    cells += [(ADJACENT, "present", processes, NOBODY) for processes in config.processes]
    variants = {
        _variant(model, lookup): (model, lookup) for model in config.models for lookup in LOOKUPS
    }
    got = {(variant, cell): _Measured() for variant in variants for cell in cells}
    rng = np.random.default_rng(seed)
    with ExitStack() as stack:
        segments = {
            variant: stack.enter_context(space.segment(model=model, lookup=lookup))
            for variant, (model, lookup) in variants.items()
        }
        names = [segment.instance for segment in segments.values()]
        crew = stack.enter_context(Crew(_writer_of(config) + 1, names))
        for model, segment in segments.items():
            participant = stack.enter_context(segment.participant("client"))
            _prepare(config, crew, model, segment.instance, participant)
        for _ in base.rounds(config.rounds):
            for index in rng.permutation(len(cells)):
                for model in rng.permutation(list(variants)):
                    cell = cells[index]
                    measured = got[str(model), cell]
                    _turn(crew, segments[str(model)], str(model), cell, config, measured)
    return _judged(config, cells, got, seed)


def _variant(model: str, lookup: str) -> str:
    """Under what a model's figures are kept: with the walk, its own name."""
    return model if lookup == WALK else f"{model} {lookup}"


def _writer_of(config: ModelsBench) -> int:
    """Which member writes: one that the crew pins to the last CPU, where the fewest others are."""
    cpus = len(machine.cpus())
    return math.ceil((max(config.processes) + 1) / cpus) * cpus - 1


def _prepare(
    config: ModelsBench, crew: Crew, model: str, instance: str, participant: Participant
) -> None:
    """For each shape and kind of pages an address space of its own with a job for each member."""
    members = max(config.processes)
    pages = np.arange(config.pages, dtype="<u8") * PAGE
    length = config.pages * PAGE
    for shape in (*SHAPES, ADJACENT):
        for kind in PAGES if shape in SHAPES else ("present",):
            mm = participant.mm_create()
            if shape == "shared-vma":
                whole = records.maps(mm, [BASE], members * length)
                records.must(participant, whole, shape)
            for member in range(members):
                start = BASE + member * (length if shape == "shared-vma" else AREA)
                if shape == "own-vma":
                    crew.once(member, instance, records.maps(mm, [start], length))
                elif shape == ADJACENT:
                    records.must(participant, records.maps(mm, [start], length), shape)
                crew.once(member, instance, records.faults(mm, start + pages, records.WRITE))
                if kind == "fresh":
                    block = records.forget(mm, start, length)
                    block += records.faults(mm, start + pages, records.WRITE)
                    counted = config.pages
                else:
                    block = records.faults(mm, start + np.resize(pages, BLOCK_FAULTS))
                    counted = BLOCK_FAULTS
                crew.give(member, _key(model, shape, kind), Job(instance, block, counted))
            for writer, job in _writers(mm, instance).items():
                crew.give(_writer_of(config), _key(model, shape, kind) + writer, job)


def _writers(mm: int, instance: str) -> dict[str, Job]:
    """What each kind of writer does; a write that counts is one mapping that comes and goes."""
    there = np.full(WRITER_PAIRS, WRITER_AT, dtype="<u8")
    page = records.woven(
        records.maps(mm, there, PAGE), records.unmaps(mm, there, PAGE), count=WRITER_PAIRS
    )
    length = AREA_PAGES * PAGE
    every = WRITER_AT + np.arange(0, AREA_PAGES, 2, dtype="<u8") * PAGE
    area = records.maps(mm, every, PAGE) + records.maps(mm, [WRITER_AT], length, prot=1)
    return {PAGE_WRITER: Job(instance, page, WRITER_PAIRS), AREA_WRITER: Job(instance, area, 1)}


def _key(model: str, shape: str, pages: str) -> str:
    return f"{model} {shape} {pages}"


def _counters(segment: Segment) -> tuple[int | None, int]:
    """VMA objects whose free was deferred (None: not counted), and such that were used again."""
    reuses = sum(cache.reuses for cache in segment.slabinfo() if cache.name == "vm_area_struct")
    return segment.vmstat().get("vma_free_deferred"), reuses


def _turn(
    crew: Crew, segment: Segment, model: str, cell: Cell, config: ModelsBench, into: _Measured
) -> None:
    shape, pages, processes, writer = cell
    jobs = dict.fromkeys(range(processes), _key(model, shape, pages))
    if writer != NOBODY:
        jobs[_writer_of(config)] = _key(model, shape, pages) + writer
    deferred, reuses = _counters(segment)
    turns = crew.turn(jobs, config.turn_s)
    deferred_now, reuses_now = _counters(segment)
    if writer != NOBODY:
        into.writes_per_s.append(turns.pop(_writer_of(config)).per_s)
    into.faults_per_s.append(sum(turn.per_s for turn in turns.values()))
    cpu_s = sum(turn.cpu_s for turn in turns.values())
    into.per_cpu_s.append(sum(turn.done for turn in turns.values()) / max(cpu_s, 1e-6))
    into.reuses += reuses_now - reuses
    if deferred is not None and deferred_now is not None:
        into.deferred = (into.deferred or 0) + deferred_now - deferred


def _judged(
    config: ModelsBench,
    cells: Sequence[Cell],
    got: Mapping[tuple[str, Cell], _Measured],
    seed: int,
) -> dict[str, Any]:
    rows = []
    for cell in cells:
        shape, pages, processes, writer = cell
        for model in config.models:
            one = got[model, cell]
            to_split = _ratio(got, (model, SPLIT), cell, seed)
            writes = round(stats.median(one.writes_per_s)) if one.writes_per_s else None
            rows.append(
                {
                    "model": model,
                    "processes": processes,
                    "shape": shape,
                    "pages": pages,
                    "writer": writer,
                    "faults_per_s": round(stats.median(one.faults_per_s)),
                    "spread": [round(end) for end in stats.spread(one.faults_per_s)],
                    "faults_per_s_per_cpu": round(stats.median(one.per_cpu_s)),
                    "writes_per_s": writes,
                    "ratio_to_split": to_split.value if to_split else None,
                    "interval": to_split.interval if to_split else None,
                    "cache_faults_per_s": round(
                        stats.median(got[_variant(model, CACHE), cell].faults_per_s)
                    ),
                    "deferred_frees": one.deferred,
                    "immediate_reuses": one.reuses,
                }
            )
    return base.head("models", seed) | {
        "models": list(config.models),
        "lookup": WALK,
        "rounds": config.rounds,
        "turn_s": config.turn_s,
        "rows": rows,
        "aims": [aim.as_dict() for aim in _aims(config, cells, got, seed)],
    }


def _ratio(
    got: Mapping[tuple[str, Cell], _Measured], models: tuple[str, str], cell: Cell, seed: int
) -> stats.Estimate | None:
    """Faults per second of one model over another's; None when one of them is not measured."""
    if any((model, cell) not in got for model in models):
        return None
    upper, lower = (got[model, cell].faults_per_s for model in models)
    return stats.ratio(upper, lower, seed=seed)


def _aims(
    config: ModelsBench,
    cells: Sequence[Cell],
    got: Mapping[tuple[str, Cell], _Measured],
    seed: int,
) -> list[Aim]:
    """What the models promise of each other, as far as they are among those measured."""
    alone: Cell = ("own-vma", "present", config.processes[0], NOBODY)
    aims = [
        Aim(
            f"{model} / {SPLIT}",
            _ratio(got, (model, SPLIT), alone, seed),
            at_least=1 - NEAR,
            at_most=1 + NEAR,
            width_max=WIDTH,
            note=f"{alone[2]} process",
        )
        for model in CLOSE_TO_SPLIT
        if model in config.models and SPLIT in config.models
    ]
    for model in DEFERS_NOTHING:
        counts = [got[model, cell].deferred for cell in cells if model in config.models]
        counted = [float(one) for one in counts if one is not None]
        if counts:
            sum_of = stats.exact(sum(counted)) if counted else None
            note = "frees of VMAs" if counted else "vma_free_deferred is not counted"
            aims.append(Aim(f"{model} deferred", sum_of, at_most=0, note=note))
    # As many as have a CPU each beside the writer's.
    room = max(len(machine.cpus()) - 1, config.processes[0])
    most = max(processes for processes in config.processes if processes <= room)
    for writer in (PAGE_WRITER, AREA_WRITER):
        beside: Cell = ("own-vma", "present", most, writer)
        aims += [
            Aim(
                f"{model} / {MMAP_LOCK}",
                _ratio(got, (model, MMAP_LOCK), beside, seed),
                at_least=OVER_MMAP_LOCK,
                width_max=WIDTH,
                note=f"processes: {beside[2]}, {writer} writer",
            )
            for model in config.models
            if model != MMAP_LOCK and MMAP_LOCK in config.models and beside in cells
        ]
    return aims


def tables(data: dict[str, Any]) -> list[Table]:
    found = []
    for pages in PAGES:
        rows = [
            [
                f"{row['shape'][:-4]} x{row['processes']}{WRITER_MARKS[row['writer']]}",
                row["model"],
                report.short(row["faults_per_s"]),
                "" if row["interval"] is None else f"{row['ratio_to_split']:.2f}",
                report.short(row["cache_faults_per_s"]),
            ]
            for row in data["rows"]
            if row["pages"] == pages
        ]
        found.append(
            report.grid(
                f"faults on {pages} pages (own, adjacent or shared VMA; +p, +a: beside a writer of "
                "pages, of areas)",
                ("", "model", "faults/s", "to split", "cache faults/s"),
                rows,
            )
        )
    return [*found, _frees(data)]


def _frees(data: dict[str, Any]) -> Table:
    """What became of VMAs that writers unmapped, in all rows of a model."""
    rows = []
    for model in data["models"]:
        mine = [row for row in data["rows"] if row["model"] == model]
        deferred = [row["deferred_frees"] for row in mine]
        known = None not in deferred
        reuses = report.short(sum(row["immediate_reuses"] for row in mine))
        rows.append([model, report.short(sum(deferred)) if known else "?", reuses])
    return report.grid("frees of VMAs", ("model", "deferred", "used again at once"), rows)


def plot(data: dict[str, Any], path: Path) -> None:
    panels: dict[str, list[plots.Series]] = {}
    beside = {NOBODY: "no writer", PAGE_WRITER: "page writer", AREA_WRITER: "area writer"}
    for shape in SHAPES:
        for writer in WRITERS["present"]:
            name = f"{'each its own VMA' if shape == OWN else 'one shared VMA'}, {beside[writer]}"
            panels[name] = []
            for model in data["models"]:
                mine = [
                    row
                    for row in data["rows"]
                    if (row["shape"], row["writer"], row["model"], row["pages"])
                    == (shape, writer, model, "present")
                ]
                ends = [[row["spread"][i] / 1e6 for row in mine] for i in (0, 1)]
                x = [row["processes"] for row in mine]
                y = [row["faults_per_s"] / 1e6 for row in mine]
                panels[name].append(plots.Series(model, x, y, *ends))
    drawn = (
        f"Faults on present pages by 1 to {max(row['processes'] for row in data['rows'])} "
        f"processes on {data['machine']['cores']} CPUs, beside a process that maps and unmaps "
        "pages or areas, or none. Median and range."
    )
    caption = plots.Caption.of(data, _finding(data), drawn)
    plots.lines(path, panels, caption, x_label="processes", y_label="million faults/s")


def _finding(data: dict[str, Any]) -> str:
    """The targets that compare models, in one sentence for the title."""
    known = [aim for aim in data["aims"] if aim["value"] is not None]
    over = [aim["value"] for aim in known if aim["name"].endswith(f" / {MMAP_LOCK}")]
    said = []
    if over:
        said.append(
            f"Beside a writer a VMA lock gives {min(over):.2g} to {max(over):.2g} times the faults "
            f"of {MMAP_LOCK}"
        )
    moved = [aim for aim in known if aim["name"].endswith(f" / {SPLIT}")]
    if moved:
        parts = [f"{aim['name'].split()[0]} {aim['value']:.2f}" for aim in moved]
        said.append(f"one process alone, over {SPLIT}: {', '.join(parts)}")
    best = max(data["rows"], key=lambda row: float(row["faults_per_s"]))
    fallback = f"At most {best['faults_per_s'] / 1e6:.3g} million faults/s, by {best['model']}"
    return "; ".join(said) or fallback
