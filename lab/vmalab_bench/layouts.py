# SPDX-License-Identifier: Apache-2.0
"""Where the lock stands in the VMA, and what that costs others: false sharing.

Two processes on two CPUs share nothing on purpose, in two ways:

  walk beside lock    one walks the tree and reads the range of each VMA, as a reader of
                      /proc/PID/maps or a profiler does: no lock, two words of the VMA's first line.
                      The other takes and drops the read locks of the same VMAs, as faults do
  fault beside write  one faults in the VMAs of an address space. The other write-locks the VMAs of
                      another address space, whose objects are the neighbours of the first one's
                      on the slab page. That they are is looked up in the segment

Where the lock of the one is on a line with what the other reads, every locked instruction takes the
line away.

Each layout is measured with both alone and with both together, in turn; `slowdown` is together over
alone, of the same round. `over_aligned` compares the walk beside the locker with that of the layout
`aligned` in the same round, `lock_over_aligned` the locks beside the walker, `fault_over_aligned`
the faults beside the writer, `alone_over_aligned` the faults alone. Who pays more depends on the
machine: a walk has several loads under way at a time, a locked add waits for its line.

Times are CPU time of the process, so that other work on the machine does not count. It can keep the
two apart, though, and then nothing is shared. So a turn of both is done again, some times at most,
until they ran at the same time for most of it; the best one counts. `together` is the median part.

Of split-rwsem the lock is an object of its own: there the lines are those of the word that names
it, and of its neighbours in its own slab. Of mmap-lock it is that of the address space.

Memory is that of the slab pages of 1,000 VMAs, 100 times, as the cover letter counts it.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt

from vmalab_bench import base, exchange, machine, records, space, stats
from vmalab_bench.base import BASE, PAGE, Aim, BadRequest, BenchError
from vmalab_bench.crew import Crew, Loop, Turn, together
from vmalab_bench.exchange import plot as plot
from vmalab_bench.exchange import tables as tables
from vmalab_native import cores
from vmalab_native.checks import SHM_DIRECTORY, shm_name
from vmalab_native.errors import InvalidArgument

if TYPE_CHECKING:
    from vmalab_native.core import Segment

CORE: Final = ("aligned", "padded", "packed", "unaligned", "pair")
FIXED: Final = (*CORE, *exchange.CELLS, exchange.ADDED)
ROAMING: Final = "unaligned"
HOT_LINE: Final = "hot-line"
"""The one that differs most from aligned, of models with the lock in the VMA and of the others."""
STRIDE: Final = 4 * PAGE
OTHER: Final = BASE << 1
"""Where the VMAs of the second address space are, so that none has the addresses of the first."""
FALSE_SHARING: Final = 1.2
"""A layout over aligned: from here on the lesson can be seen."""
NONE: Final = 1.15
"""Up to here there is nothing to be seen."""
TOGETHER: Final = 0.9
TRIES: Final = 12
FIRST, SECOND = 0, 1
SIZES: Final[space.Sizes] = {"size_bytes": 128 << 20, "frames_max": 1 << 15}


@dataclass(frozen=True, slots=True)
class LayoutsBench:
    layouts: tuple[str, ...]
    model: str = space.DEFAULT_MODEL
    vmas: int = 64
    rounds: int = 31
    turn_s: float = 0.01

    @staticmethod
    def full(model: str, seeds: int = 5) -> LayoutsBench:
        return LayoutsBench(_all(model, seeds), model)

    @staticmethod
    def quick(model: str) -> LayoutsBench:
        return LayoutsBench(_all(model, 1), model, rounds=9, turn_s=0.01)

    @staticmethod
    def smoke(model: str) -> LayoutsBench:
        there = [name for name in _all(model, 0) if name in (ROAMING, HOT_LINE)]
        return LayoutsBench(("aligned", *there), model, rounds=3, turn_s=0.005)


def _all(model: str, seeds: int) -> tuple[str, ...]:
    """Each layout of the model, and so many shuffled ones of each kind, if it has such."""
    known = cores.layouts(model)
    if "padded" not in known:
        return tuple(known)
    return (*FIXED, *(f"{kind}:{n}" for kind in exchange.KINDS for n in range(1, seeds + 1)))


def checked(config: LayoutsBench) -> LayoutsBench:
    """The same with the names of layouts that are files.

    Raises:
        BadRequest: a layout that the model has not.
    """
    for layout in config.layouts:
        try:
            cores.check(config.model, layout)
        except InvalidArgument as wrong:
            raise BadRequest(f"--layout: {wrong.detail}") from None
    if "aligned" not in config.layouts:
        raise BadRequest("--layout aligned is what the others are compared with: give it too")
    return replace(config, layouts=tuple(dict.fromkeys(map(cores.named, config.layouts))))


@dataclass(frozen=True, slots=True)
class Round:
    """ns of CPU time of a turn of each loop, alone and beside the other."""

    walk_alone: float
    walk_beside: float
    lock_alone: float
    lock_beside: float
    fault_alone: float
    fault_beside: float
    together: float


def run(config: LayoutsBench, *, seed: int) -> dict[str, Any]:
    """Measure every layout in an order of its own each round."""
    with ExitStack() as stack:
        segments = {
            layout: stack.enter_context(space.segment(model=config.model, layout=layout, **SIZES))
            for layout in config.layouts
        }
        crew = stack.enter_context(Crew(2, [one.instance for one in segments.values()]))
        facts = {
            layout: _prepare(config, crew, layout, segment, stack)
            for layout, segment in segments.items()
        }
        rounds: dict[str, list[Round]] = {layout: [] for layout in segments}
        rng = np.random.default_rng(seed)
        for _ in base.rounds(config.rounds):
            for at in rng.permutation(len(config.layouts)):
                layout = config.layouts[at]
                rounds[layout].append(_round(crew, layout, config.turn_s))
    return _judged(config, rounds, facts, seed)


def _prepare(
    config: LayoutsBench, crew: Crew, layout: str, segment: Segment, stack: ExitStack
) -> dict[str, Any]:
    """VMAs of two address spaces in turn, and who does what with them; the facts of the layout."""
    participant = stack.enter_context(segment.participant("client"))
    mm, other = participant.mm_create(), participant.mm_create()
    addrs, others = (
        np.arange(config.vmas, dtype="<u8") * STRIDE + start for start in (BASE, OTHER)
    )
    for start in range(0, config.vmas, records.RECORDS_MAX // 2):
        part = slice(start, start + records.RECORDS_MAX // 2)
        pair = (records.maps(mm, addrs[part], PAGE), records.maps(other, others[part], PAGE))
        block = records.woven(*pair, count=len(addrs[part]))
        records.must(participant, block, "mapping the VMAs")
    records.touch_each(participant, mm, addrs)
    facts = _vma_facts(config.model, layout, segment)
    faulted, written = _neighbours(segment, facts, (mm, addrs), (other, others))
    walked, instance = tuple(addrs.tolist()), segment.instance
    crew.give(FIRST, layout, Loop(instance, "walk", mm, walked))
    crew.give(SECOND, layout, Loop(instance, "lock", mm, walked))
    crew.give(FIRST, f"{layout} near", Loop(instance, "fault", mm, faulted))
    crew.give(SECOND, f"{layout} near", Loop(instance, "write", other, written))
    return facts | {"neighbours": len(faulted)}


def _round(crew: Crew, layout: str, seconds: float) -> Round:
    walk = _ns(crew.turn({FIRST: layout}, seconds)[FIRST])
    lock = _ns(crew.turn({SECOND: layout}, seconds)[SECOND])
    both, part = _both(crew, layout, seconds)
    near = f"{layout} near"
    fault = _ns(crew.turn({FIRST: near}, seconds)[FIRST])
    beside, near_part = _both(crew, near, seconds)
    times = (walk, _ns(both[FIRST]), lock, _ns(both[SECOND]), fault, _ns(beside[FIRST]))
    return Round(*times, together=min(part, near_part))


def _both(crew: Crew, key: str, seconds: float) -> tuple[dict[int, Turn], float]:
    """A turn of both, and for which part of it they ran at the same time."""
    best: tuple[dict[int, Turn], float] = ({}, -1.0)
    for _ in range(TRIES):
        turns = crew.turn({FIRST: key, SECOND: key}, seconds)
        part = together(turns.values())
        if part > best[1]:
            best = (turns, part)
        if part >= TOGETHER or len(machine.cpus()) < 2:
            break
    return best


def _ns(turn: Turn) -> float:
    """Of CPU time: what else runs on the machine does not count."""
    return turn.cpu_s * 1e9 / turn.done


def _vma_facts(model: str, layout: str, segment: Segment) -> dict[str, Any]:
    from vmalab_native import core

    vma = next(one for one in core.layout(model, layout) if one.name == "vm_area_struct")
    offset = {one.name: one.offset for one in vma.fields}
    lock = offset.get("vm_lock", offset.get("vm_refcnt"))
    (cache,) = [one for one in segment.slabinfo() if one.name == "vm_area_struct"]
    pages = -(-1000 // cache.objperslab) * cache.pagesperslab
    return {
        "vma_bytes": vma.size,
        "lock_offset": lock,
        "vm_start_offset": offset["vm_start"],
        "vm_end_offset": offset["vm_end"],
        "vm_mm_offset": offset["vm_mm"],
        "pages_per_1000_vmas": pages,
        "mb_per_100000_vmas": round(space.megabytes(pages), 2),
    }


_Area = tuple[int, npt.NDArray[np.uint64]]
"""An address space and the addresses of its VMAs."""


def _neighbours(
    segment: Segment, facts: Mapping[str, Any], first: _Area, second: _Area
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Addresses of the first whose objects have one of the second beside them, and of those.

    Raises:
        BenchError: there are none.
    """
    mine, theirs = (_objects(segment, facts, mm, addrs) for mm, addrs in (first, second))
    step = facts["vma_bytes"]
    near = [at for at in mine if at - step in theirs or at + step in theirs]
    if not near:
        raise BenchError("no two objects of the two address spaces are neighbours on a slab page")
    beside = sorted({at + way for at in near for way in (-step, step)} & set(theirs))
    return tuple(mine[at] for at in near), tuple(theirs[at] for at in beside)


def _objects(
    segment: Segment,
    facts: Mapping[str, Any],
    mm: int,
    addrs: npt.NDArray[np.uint64],
) -> dict[int, int]:
    """Where in the segment the VMA of each address is: offset -> address."""
    start, end, owner = (facts[f"{name}_offset"] // 8 for name in ("vm_start", "vm_end", "vm_mm"))
    found: dict[int, int] = {}
    with (SHM_DIRECTORY / shm_name(segment.instance).lstrip("/")).open("rb") as file:
        handle, at, size = file.fileno(), 0, os.fstat(file.fileno()).st_size
        while at < size:
            try:
                head = os.lseek(handle, at, os.SEEK_DATA)
            except OSError:  # only a hole is left
                break
            at = os.lseek(handle, head, os.SEEK_HOLE)
            words = np.frombuffer(os.pread(handle, at - head, head), "<u8")
            for place in np.flatnonzero(np.isin(words, addrs)).tolist():
                base_at = place - start
                if base_at < 0 or base_at + max(end, owner) >= len(words):
                    continue
                if words[base_at + end] == words[place] + PAGE and words[base_at + owner] == mm:
                    found[head + 8 * base_at] = int(words[place])
    return found


_OVER: Final = {
    "over_aligned": ("walk_beside", "interval"),
    "lock_over_aligned": ("lock_beside", "lock_interval"),
    "fault_over_aligned": ("fault_beside", "fault_interval"),
    "alone_over_aligned": ("fault_alone", "alone_interval"),
}
"""What is compared with aligned in the same round, and where its interval is."""


def _series(rounds: Sequence[Round], name: str) -> list[float]:
    return [getattr(one, name) for one in rounds]


def _judged(
    config: LayoutsBench, rounds: Mapping[str, Sequence[Round]], facts: Mapping[str, Any], seed: int
) -> dict[str, Any]:
    rows = []
    for layout, mine in rounds.items():
        row = {"model": config.model, "layout": layout, **facts[layout]}
        for what in ("walk", "lock", "fault"):
            alone, beside = (_series(mine, f"{what}_{how}") for how in ("alone", "beside"))
            slower = stats.ratio(beside, alone, seed=seed)
            prefix = "" if what == "walk" else f"{what}_"
            row |= {
                f"{what}_alone_ns": stats.median(alone),
                f"{what}_beside_ns": stats.median(beside),
                f"{prefix}slowdown": slower.value,
                f"{prefix}slowdown_interval": slower.interval,
            }
        for key, (name, interval) in _OVER.items():
            over = stats.ratio(_series(mine, name), _series(rounds["aligned"], name), seed=seed)
            row |= {key: over.value, interval: over.interval}
        rows.append(row)
    data = base.head("layouts", seed) | {
        "model": config.model,
        "vmas": config.vmas,
        "rounds": config.rounds,
        "turn_s": config.turn_s,
        "unaligned_over_aligned": next(
            (row["over_aligned"] for row in rows if row["layout"] == "unaligned"), None
        ),
        "together": stats.median(
            [one.together for mine in rounds.values() for one in mine],
        ),
        "rows": rows,
        "randomised": _randomised(rounds, rows, seed),
    }
    return data | {"aims": [aim.as_dict() for aim in _aims(rows)]}


def _randomised(
    rounds: Mapping[str, Sequence[Round]], rows: Sequence[Mapping[str, Any]], seed: int
) -> list[dict[str, Any]]:
    """Each way to shuffle: the middle and the worst of its seeds; whole over group-wise of the same
    rounds, a seed of the one beside a seed of the other."""
    seeds = {
        kind: [row for row in rows if row["layout"].startswith(f"{kind}:")]
        for kind in exchange.KINDS
    }
    found = []
    for kind, mine in seeds.items():
        if not mine:
            continue
        one: dict[str, Any] = {"kind": kind, "seeds": len(mine)}
        for key in _OVER:
            one[key] = stats.median([row[key] for row in mine])
            one[f"{key}_worst"] = max(row[key] for row in mine)
        one["mb_per_100000_vmas"] = stats.median([row["mb_per_100000_vmas"] for row in mine])
        one["mb_worst"] = max(row["mb_per_100000_vmas"] for row in mine)
        found.append(one)
    groups, whole = (seeds[kind] for kind in exchange.KINDS)
    if groups and whole:
        pairs = list(zip(whole, groups, strict=False))
        for key, (name, _) in _OVER.items():
            ends = [
                [x for row in side for x in _series(rounds[row["layout"]], name)]
                for side in zip(*pairs, strict=True)
            ]
            over = stats.ratio(*ends, seed=seed)
            found[-1] |= {f"{key}_to_groups": over.value, f"{key}_to_groups_ends": over.interval}
    return found


_AIMS: Final = (
    ("unaligned", "over_aligned", "interval", "the walk"),
    ("unaligned", "lock_over_aligned", "lock_interval", "the locks"),
    ("lock-among-hot-aligned", "lock_over_aligned", "lock_interval", "the locks"),
    ("lock-isolated-unaligned", "fault_over_aligned", "fault_interval", "faults beside a writer"),
)
"""What has to be slower than aligned, if false sharing can be seen at all."""


def _aims(rows: Sequence[Mapping[str, Any]]) -> list[Aim]:
    enough = len(machine.cpus()) >= 2
    there = {row["layout"]: row for row in rows}

    def estimate(layout: str, key: str, interval: str) -> stats.Estimate | None:
        row = there.get(layout)
        return stats.Estimate(row[key], *row[interval]) if row and enough else None

    one_cpu = "one CPU: there is no line to take away"
    aims = [
        Aim(
            f"{layout} {key}",
            estimate(layout, key, interval),
            at_least=FALSE_SHARING,
            note=note if enough else one_cpu,
        )
        for layout, key, interval, note in _AIMS
        if layout in there
    ]
    both = exchange.CELLS[0]
    if both in there:
        for key, (_, interval) in list(_OVER.items())[:3]:
            name = f"{both} {key}"
            aims.append(Aim(name, estimate(both, key, interval), at_most=NONE, note="both aligned"))
    return aims
