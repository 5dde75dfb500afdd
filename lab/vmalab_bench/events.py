# SPDX-License-Identifier: Apache-2.0
"""What the counters and events of each participant cost: the same work by a participant that keeps
them and by one that does not, in turn, on the same CPU.

  hit    a read fault on a present page, 1,000 VMAs, walk: one in 1024 leaves an event
  fresh  the first write to a page: the same
  pair   mmap and munmap of one page: nine events

Where the memory of an instance happens to lie makes a difference of some percent, more than what is
to be measured. So both work in one instance, in the same slot, one after the other: the word of the
configuration that says whether events are kept is switched in the file while nobody joins.

Both run the same code. What a fault takes where no events are kept, `vmalab bench path` counts.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from rich.table import Table

from vmalab_bench import base, machine, plots, records, space, stats
from vmalab_bench.base import BASE, PAGE, Aim
from vmalab_drive import report
from vmalab_native.checks import SHM_DIRECTORY, shm_name
from vmalab_native.segment_file import SegmentFile

if TYPE_CHECKING:
    from vmalab_native.core import Participant, Segment

KINDS: Final = ("hit", "fresh", "pair")
WHAT: Final = {
    "hit": "fault on a present page",
    "fresh": "first write to a page",
    "pair": "mmap + munmap",
}
SIDES: Final = ("on", "off")
RATIO_MAX: Final = 1.03
VMAS: Final = 1000
SHORT_ROUNDS: Final = 15  # of which bench_fault takes the median: who interrupts is left out


@dataclass(frozen=True, slots=True)
class EventsBench:
    rounds: int = 301
    faults: int = 20_000
    fresh: int = 4096
    pairs: int = 2048
    model: str = space.DEFAULT_MODEL

    @staticmethod
    def quick(model: str = space.DEFAULT_MODEL) -> EventsBench:
        return EventsBench(rounds=101, model=model)

    @staticmethod
    def smoke(model: str = space.DEFAULT_MODEL) -> EventsBench:
        return EventsBench(rounds=5, faults=2048, fresh=256, pairs=128, model=model)


class _Work:
    """One instance with an address space; the blocks are made once."""

    def __init__(self, segment: Segment, keeper: Participant, config: EventsBench) -> None:
        self._segment, self._config = segment, config
        self._mm = mm = keeper.mm_create()
        self._addrs = [BASE + i * 4 * PAGE for i in range(VMAS)]
        records.fill(keeper, mm, np.array(self._addrs, dtype="<u8"), PAGE)
        self._area, self._bytes = BASE + (1 << 30), config.fresh * PAGE
        records.must(keeper, records.maps(mm, [self._area], self._bytes), "the area")
        pages = self._area + np.arange(config.fresh, dtype="<u8") * PAGE
        self._fresh = records.faults(mm, pages, records.WRITE)
        at = np.full(config.pairs, BASE + (1 << 32), dtype="<u8")
        self._pair = records.woven(
            records.maps(mm, at, PAGE), records.unmaps(mm, at, PAGE), count=config.pairs
        )

    def _switch(self, side: str) -> None:
        """Who joins from now on keeps events, or none."""
        with SegmentFile.open(self._segment.instance) as file:
            header, config = file.header_struct, file.structs["vl_config"]
            offset = header.at["config"][0] + config.at["events_off"][0]
        with open(SHM_DIRECTORY / shm_name(self._segment.instance)[1:], "r+b") as raw:
            raw.seek(offset)
            raw.write((side == "off").to_bytes(4, "little"))

    def turns(self, side: str) -> dict[str, float]:
        """ns for one of each kind, by a participant of its own."""
        self._switch(side)
        with self._segment.participant("client") as me:
            self._turn(me, "fresh")  # for its magazines
            return {kind: self._turn(me, kind) for kind in KINDS}

    def _turn(self, me: Participant, kind: str) -> float:
        if kind == "hit":
            faults = self._config.faults
            return me.bench_fault(self._mm, self._addrs, faults, rounds=SHORT_ROUNDS).fault_ns
        if kind == "fresh":
            records.must(me, records.forget(self._mm, self._area, self._bytes), "madvise")
            return self._block(me, self._fresh, self._config.fresh, kind)
        return self._block(me, self._pair, self._config.pairs, kind)

    @staticmethod
    def _block(me: Participant, block: bytes, count: int, kind: str) -> float:
        begin = time.thread_time_ns()
        answer = me.run(block)
        took = time.thread_time_ns() - begin
        records.results(answer, kind)
        return took / count


def run(config: EventsBench, *, seed: int) -> dict[str, Any]:
    """Measure all kinds; the sides take turns, and who begins is drawn."""
    samples: dict[tuple[str, str], list[float]] = {
        (kind, side): [] for kind in KINDS for side in SIDES
    }
    rng = np.random.default_rng(seed)
    with (
        machine.pinned(machine.cpus()[0]),
        space.segment(model=config.model, lookup="walk") as segment,
        segment.participant("client") as keeper,
    ):
        work = _Work(segment, keeper, config)
        for number in base.rounds(config.rounds + 1):
            for side in map(str, rng.permutation(SIDES)):
                for kind, ns in work.turns(side).items():
                    if number:  # the first round is for the caches
                        samples[kind, side].append(ns)
    return _judged(config, samples, seed)


def _judged(
    config: EventsBench, samples: dict[tuple[str, str], list[float]], seed: int
) -> dict[str, Any]:
    rows = []
    aims: list[Aim] = []
    for kind in KINDS:
        on, off = samples[kind, "on"], samples[kind, "off"]
        ratio = stats.ratio(on, off, seed=seed)
        rows.append(
            {
                "kind": kind,
                "on_ns": stats.median(on),
                "on_spread": stats.spread(on),
                "off_ns": stats.median(off),
                "off_spread": stats.spread(off),
                "ratio": ratio.value,
                "interval": ratio.interval,
            }
        )
        if kind == "hit":
            aims.append(Aim("events_ratio", ratio, at_most=RATIO_MAX, note=WHAT[kind]))
    return base.head("events", seed) | {
        "model": config.model,
        "lookup": "walk",
        "rounds": config.rounds,
        "ratio": rows[0]["ratio"],
        "interval": rows[0]["interval"],
        "rows": rows,
        "aims": [aim.as_dict() for aim in aims],
    }


def tables(data: dict[str, Any]) -> list[Table]:
    rows = [
        [
            WHAT[row["kind"]],
            f"{row['on_ns']:.1f}",
            f"{row['off_ns']:.1f}",
            f"{row['ratio']:.3f}",
            f"{row['interval'][0]:.3f} to {row['interval'][1]:.3f}",
        ]
        for row in data["rows"]
    ]
    head = ("", "with events, ns", "without, ns", "ratio", "95 %")
    return [report.grid(f"counters and events, {data['model']}", head, rows)]


def plot(data: dict[str, Any], path: Path) -> None:
    rows = data["rows"]
    series = [
        plots.Series(
            label,
            range(len(rows)),
            [row[f"{name}_ns"] for row in rows],
            [row[f"{name}_spread"][0] for row in rows],
            [row[f"{name}_spread"][1] for row in rows],
        )
        for name, label in (("on", "with events"), ("off", "without"))
    ]
    finding = f"A fault takes {data['ratio']:.3f} times as long where events are kept"
    drawn = "The same work with and without events. Median and range."
    caption = plots.Caption.of(data, finding, drawn)
    plots.bars(path, [WHAT[row["kind"]] for row in rows], {"": series}, caption, unit="ns")
