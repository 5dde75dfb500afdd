# SPDX-License-Identifier: Apache-2.0
"""Where the lock stands in the VMA, and what that costs others: false sharing.

One process walks the tree and reads the range of each VMA, as a reader of /proc/PID/maps or a
profiler does: no lock, two words of the VMA's first line. Another one takes and drops the read
locks of the same VMAs, as faults do. They are on two CPUs and share nothing on purpose. Where the
lock is on a line with what the walker reads, every locked instruction of the one takes the line
away from the other.

Each layout is measured with both alone and with both together, in turn; `slowdown` is together over
alone, of the same round. `over_aligned` compares the walk beside the locker with that of the layout
`aligned` in the same round, `lock_over_aligned` the locks beside the walker. Who pays more depends
on the machine: a walk has several loads under way at a time, a locked add waits for its line.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from rich.table import Table

from vmalab_bench import base, machine, plots, records, space, stats
from vmalab_bench.base import BASE, PAGE, Aim, BadRequest
from vmalab_bench.crew import Crew, Loop, Turn
from vmalab_drive import report
from vmalab_native import cores
from vmalab_native.errors import InvalidArgument

if TYPE_CHECKING:
    from vmalab_native.core import Segment

FIXED: Final = ("aligned", "padded", "packed", "unaligned", "pair")
STRIDE: Final = 4 * PAGE
FALSE_SHARING: Final = 1.2
NOTABLE: Final = 0.1
"""A layout that is slower by less is not named in the title of the chart."""
"""Unaligned over aligned: from here on the lesson can be seen."""
WALKER, LOCKER = 0, 1
SIZES: Final[space.Sizes] = {"size_bytes": 128 << 20, "frames_max": 1 << 15}


@dataclass(frozen=True, slots=True)
class LayoutsBench:
    layouts: tuple[str, ...]
    model: str = space.DEFAULT_MODEL
    vmas: int = 64
    rounds: int = 25
    turn_s: float = 0.02

    @staticmethod
    def full(model: str, seeds: int = 10) -> LayoutsBench:
        return LayoutsBench((*FIXED, *(f"random:{n}" for n in range(1, seeds + 1))), model)

    @staticmethod
    def quick(model: str) -> LayoutsBench:
        return LayoutsBench((*FIXED, "random:1", "random:2"), model, rounds=9, turn_s=0.01)

    @staticmethod
    def smoke(model: str) -> LayoutsBench:
        return LayoutsBench(("aligned", "unaligned"), model, rounds=3, turn_s=0.005)


def checked(config: LayoutsBench) -> None:
    """Raises BadRequest for a model without layouts, or a layout that it has not."""
    known = cores.layouts(config.model)
    if "padded" not in known:
        raise BadRequest(f"--model {config.model} has no embedded lock, so no layouts to compare")
    for layout in config.layouts:
        try:
            cores.check(config.model, layout)
        except InvalidArgument as wrong:
            raise BadRequest(f"--layout: {wrong.detail}") from None
    if "aligned" not in config.layouts:
        raise BadRequest("--layout aligned is what the others are compared with: give it too")


@dataclass(frozen=True, slots=True)
class Round:
    """ns of a turn of each loop, alone and beside the other."""

    walk_alone: float
    walk_beside: float
    lock_alone: float
    lock_beside: float


def run(config: LayoutsBench, *, seed: int) -> dict[str, Any]:
    """Measure every layout in an order of its own each round."""
    with ExitStack() as stack:
        segments = {
            layout: stack.enter_context(space.segment(model=config.model, layout=layout, **SIZES))
            for layout in config.layouts
        }
        crew = stack.enter_context(Crew(2, [one.instance for one in segments.values()]))
        for layout, segment in segments.items():
            _prepare(config, crew, layout, segment, stack)
        rounds: dict[str, list[Round]] = {layout: [] for layout in segments}
        rng = np.random.default_rng(seed)
        for _ in base.rounds(config.rounds):
            for at in rng.permutation(len(config.layouts)):
                layout = config.layouts[at]
                rounds[layout].append(_round(crew, layout, config.turn_s))
        sizes = {layout: _vma_bytes(config.model, layout) for layout in segments}
    return _judged(config, rounds, sizes, seed)


def _prepare(
    config: LayoutsBench, crew: Crew, layout: str, segment: Segment, stack: ExitStack
) -> None:
    participant = stack.enter_context(segment.participant("client"))
    mm = participant.mm_create()
    addrs = [BASE + number * STRIDE for number in range(config.vmas)]
    records.fill(participant, mm, addrs, PAGE)
    crew.give(WALKER, layout, Loop(segment.instance, "walk", mm, tuple(addrs)))
    crew.give(LOCKER, layout, Loop(segment.instance, "lock", mm, tuple(addrs)))


def _round(crew: Crew, layout: str, seconds: float) -> Round:
    walk = _ns(crew.turn({WALKER: layout}, seconds)[WALKER])
    lock = _ns(crew.turn({LOCKER: layout}, seconds)[LOCKER])
    both = crew.turn({WALKER: layout, LOCKER: layout}, seconds)
    return Round(walk, _ns(both[WALKER]), lock, _ns(both[LOCKER]))


def _ns(turn: Turn) -> float:
    return turn.seconds * 1e9 / turn.done


def _vma_bytes(model: str, layout: str) -> dict[str, Any]:
    from vmalab_native import core

    vma = next(one for one in core.layout(model, layout) if one.name == "vm_area_struct")
    offset = {one.name: one.offset for one in vma.fields}
    lock = offset.get("vm_lock", offset.get("vm_refcnt"))
    return {"vma_bytes": vma.size, "lock_offset": lock, "vm_start_offset": offset["vm_start"]}


def _judged(
    config: LayoutsBench, rounds: Mapping[str, Sequence[Round]], sizes: Mapping[str, Any], seed: int
) -> dict[str, Any]:
    aligned = [one.walk_beside for one in rounds["aligned"]]
    rows = []
    lock_aligned = [one.lock_beside for one in rounds["aligned"]]
    over: dict[str, stats.Estimate] = {}
    lock_over: dict[str, stats.Estimate] = {}
    for layout, mine in rounds.items():
        beside, alone = [one.walk_beside for one in mine], [one.walk_alone for one in mine]
        slowdown = stats.ratio(beside, alone, seed=seed)
        over[layout] = stats.ratio(beside, aligned, seed=seed)
        lock_over[layout] = stats.ratio([one.lock_beside for one in mine], lock_aligned, seed=seed)
        lock = stats.ratio(
            [one.lock_beside for one in mine], [one.lock_alone for one in mine], seed=seed
        )
        rows.append(
            {
                "model": config.model,
                "layout": layout,
                **sizes[layout],
                "walk_alone_ns": stats.median(alone),
                "walk_beside_ns": stats.median(beside),
                "slowdown": slowdown.value,
                "slowdown_interval": slowdown.interval,
                "over_aligned": over[layout].value,
                "interval": over[layout].interval,
                "lock_alone_ns": stats.median([one.lock_alone for one in mine]),
                "lock_beside_ns": stats.median([one.lock_beside for one in mine]),
                "lock_slowdown": lock.value,
                "lock_over_aligned": lock_over[layout].value,
                "lock_interval": lock_over[layout].interval,
            }
        )
    enough = len(machine.cpus()) >= 2
    aims = [
        Aim(
            name,
            ratios.get("unaligned") if enough else None,
            at_least=FALSE_SHARING,
            note=note if enough else "one CPU: there is no line to take away",
        )
        for name, ratios, note in (
            ("unaligned_over_aligned", over, "the walk"),
            ("unaligned_lock_over_aligned", lock_over, "the locks"),
        )
    ]
    return base.head("layouts", seed) | {
        "model": config.model,
        "vmas": config.vmas,
        "rounds": config.rounds,
        "turn_s": config.turn_s,
        "unaligned_over_aligned": over["unaligned"].value if "unaligned" in over else None,
        "rows": rows,
        "aims": [aim.as_dict() for aim in aims],
    }


def tables(data: dict[str, Any]) -> list[Table]:
    rows = [
        [
            row["layout"],
            str(row["vma_bytes"]),
            str(row["lock_offset"]),
            f"{row['walk_alone_ns']:.1f}",
            f"{row['walk_beside_ns']:.1f}",
            f"{row['over_aligned']:.2f} ({row['interval'][0]:.2f}-{row['interval'][1]:.2f})",
            f"{row['lock_slowdown']:.2f}",
        ]
        for row in data["rows"]
    ]
    head = ("", "VMA", "lock at", "walk ns", "beside", "over aligned", "lock x")
    title = f"a walk of {data['vmas']} VMAs beside their read locks, {data['model']}"
    return [report.grid(title, head, rows)]


def plot(data: dict[str, Any], path: Path) -> None:
    rows = data["rows"]
    series = plots.Series(
        "walk beside the locker, over aligned",
        range(len(rows)),
        [row["over_aligned"] for row in rows],
        [row["interval"][0] for row in rows],
        [row["interval"][1] for row in rows],
    )
    names = [f"{row['layout']}, {row['vma_bytes']} bytes" for row in rows]
    drawn = (
        f"Time to read the ranges of {data['vmas']} VMAs while another process takes and drops "
        f"their read locks, {data['model']}, over the time of `aligned`. Median and 95 % interval."
    )
    caption = plots.Caption.of(data, _finding(rows), drawn)
    unit = "over aligned (1 = the same time)"
    plots.bars(path, names, {"": [series]}, caption, unit=unit, line_at=1.0)


def _finding(rows: list[dict[str, Any]]) -> str:
    """Which layouts have false sharing, for the title."""
    slow = [row for row in rows if row["interval"][0] > 1 + NOTABLE]
    if not slow:
        worst = max(row["over_aligned"] for row in rows)
        return f"No layout has false sharing: the slowest takes {worst:.3g} times aligned's time"
    named = ", ".join(f"{row['layout']} ({row['over_aligned']:.3g} times)" for row in slow)
    return f"False sharing with the locks slows down {len(slow)} of {len(rows)} layouts: {named}"
