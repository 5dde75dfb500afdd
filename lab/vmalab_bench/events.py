# SPDX-License-Identifier: Apache-2.0
"""What the counters and events of each participant cost: the same work in two instances, one of
which keeps them and one of which does not, in turn, on the same CPU.

  hit    a read fault on a present page, 1,000 VMAs, walk: one in 1024 leaves an event
  fresh  the first write to a page: the same
  pair   mmap and munmap of one page: four events each

Both instances run the same code. What the code takes where no events are kept is counted by
`vmalab bench path`: two instructions of a fault.
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

if TYPE_CHECKING:
    from vmalab_native.core import Participant

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


class _Side:
    """One instance; its blocks are made once."""

    def __init__(self, participant: Participant, config: EventsBench) -> None:
        self._participant, self._config = participant, config
        self._mm = mm = participant.mm_create()
        self._addrs = [BASE + i * 4 * PAGE for i in range(VMAS)]
        records.fill(participant, mm, np.array(self._addrs, dtype="<u8"), PAGE)
        self._area, self._bytes = BASE + (1 << 30), config.fresh * PAGE
        records.must(participant, records.maps(mm, [self._area], self._bytes), "the area")
        pages = self._area + np.arange(config.fresh, dtype="<u8") * PAGE
        self._fresh = records.faults(mm, pages, records.WRITE)
        at = np.full(config.pairs, BASE + (1 << 32), dtype="<u8")
        self._pair = records.woven(
            records.maps(mm, at, PAGE), records.unmaps(mm, at, PAGE), count=config.pairs
        )

    def turn(self, kind: str) -> float:
        """ns for one of `kind`."""
        if kind == "hit":
            faults = self._config.faults
            run = self._participant.bench_fault(self._mm, self._addrs, faults, rounds=SHORT_ROUNDS)
            return run.fault_ns
        if kind == "fresh":
            forget = records.forget(self._mm, self._area, self._bytes)
            records.must(self._participant, forget, "madvise")
            return self._block(self._fresh, self._config.fresh, kind)
        return self._block(self._pair, self._config.pairs, kind)

    def _block(self, block: bytes, count: int, kind: str) -> float:
        begin = time.thread_time_ns()
        answer = self._participant.run(block)
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
        space.segment(model=config.model, lookup="walk", events=True) as keeping,
        space.segment(model=config.model, lookup="walk", events=False) as plain,
        keeping.participant("client") as noting,
        plain.participant("client") as silent,
    ):
        sides = {"on": _Side(noting, config), "off": _Side(silent, config)}
        for number in base.rounds(config.rounds + 1):
            for kind in KINDS:
                for side in rng.permutation(SIDES):
                    ns = sides[str(side)].turn(kind)
                    if number:  # the first round is for the caches
                        samples[kind, str(side)].append(ns)
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
    finding = f"A fault takes {data['ratio']:.3g} times as long where events are kept"
    drawn = "The same work with and without events. Median and range."
    caption = plots.Caption.of(data, finding, drawn)
    plots.bars(path, [WHAT[row["kind"]] for row in rows], {"": series}, caption, unit="ns")
