# SPDX-License-Identifier: Apache-2.0
"""The cover letter's sentence: the lock once moved out of the VMA because of a regression that was
Broadwell's alone, and that goes when the adjacent-line prefetcher is off.

Four ways to place the lock, on `broadwell-2s` with the prefetcher on and off:

  split      an object of its own of 40 bytes, as Linux 6.4 to 6.14 had it
  embedded   in the VMA, on a line of its own
  padded     the same with padding behind the lock, so that the line after it is no neighbour's
  unaligned  in the VMA, which begins at any multiple of 16 bytes

Each CPU faults on pages of one VMA that all share (`one`), or on a VMA of its own, which one CPU
has mapped beside the others' (`each`); on pages that are there (`present`), or on fresh ones that
are given back in between (`fresh`), as the page fault test of the published figures does.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Final

from vmalab_bench import plots, stats
from vmalab_native.virtual import Program
from vmalab_scale.machine import Machine
from vmalab_scale.run import PS_PER_S, cell
from vmalab_scale.work import BASE, PAGE, TURNS, Place, ScaleError, Work, Workload, dropped, store
from vmalab_scale.workloads import area, neighbours, shared_vma

MACHINE: Final = "broadwell-2s"
SPLIT: Final = "split"
PLACES: Final = {
    SPLIT: ("split-rwsem", "aligned"),
    "embedded": ("embedded-rwsem", "aligned"),
    "padded": ("embedded-rwsem", "padded"),
    "unaligned": ("embedded-rwsem", "unaligned"),
}
"""Lock model and layout of each."""
VCPUS: Final = (1, 12, 21, 28)
"""As many as the machine has cores; 12 and 21 are of the published figures."""
BESIDE: Final = 12
"""CPUs of the picture that has the published figures beside ours."""
EMBEDDED: Final = "embedded"
NOTHING: Final = 0.02
"""A change below this is none."""
FAULT: Final = "fault"
PUBLISHED: Final = {12: (-14.95, -4.07), 21: (-8.7, 1.26)}
"""Threads: percent of faults a CPU of embedded over split, with the prefetcher and without (RFC of
August 2024, pft on two Xeon E5-2690 v4)."""


def _fresh(work: Work, at: Callable[[int], int], mm: int) -> Work:
    """The same areas, given back and stored to over and over."""
    programs: list[Program] = [
        [
            dropped(mm, at(cpu), TURNS),
            *(store(mm, at(cpu) + page * PAGE, 1) for page in range(TURNS)),
        ]
        for cpu in range(len(work.programs))
    ]
    return Work(work.prepare, programs)


def fresh_one(place: Place) -> Work:
    """Fresh pages of one VMA."""
    return _fresh(shared_vma(place), lambda cpu: BASE + cpu * TURNS * PAGE, place.mm)


def fresh_each(place: Place) -> Work:
    """Fresh pages of VMAs that lie beside each other."""
    return _fresh(neighbours(place), area, place.mm)


WORKS: Final[dict[str, Callable[[Place], Work]]] = {
    "present-one": shared_vma,
    "present-each": neighbours,
    "fresh-one": fresh_one,
    "fresh-each": fresh_each,
}


@dataclass(frozen=True)
class Figure:
    """Faults a virtual second of all CPUs, a seed each, with the prefetcher on and off."""

    place: str
    work: str
    vcpus: int
    on: list[float]
    off: list[float]

    @property
    def prefetcher(self) -> stats.Estimate:
        """What the prefetcher makes of it: faults with it over those without, of each seed."""
        return _ratio(self.on, self.off)


def _ratio(upper: Sequence[float], lower: Sequence[float]) -> stats.Estimate:
    """The median and the ends of the ratios of all seeds: an interval of few would promise more."""
    each = [a / b for a, b in zip(upper, lower, strict=True)]
    return stats.Estimate(stats.median(each), *stats.spread(each))


def figures(
    machine: Machine,
    *,
    works: Sequence[str],
    vcpus: Sequence[int],
    seeds: int,
    operations: int,
    say: Callable[[str], None],
) -> list[Figure]:
    """Every place, work and number of CPUs.

    Raises:
        ScaleError: a run got stuck, or an invariant does not hold at its end.
    """
    found = []
    for work, place, cpus in product(works, PLACES, vcpus):
        say(f"{work}, {place}, {cpus} virtual CPUs")
        rates: list[list[float]] = []
        for there in (True, False):
            on = machine.with_adjacent(there)
            each = [_faults_per_s(place, work, on, cpus, operations, one) for one in range(seeds)]
            rates.append(each)
        found.append(Figure(place, work, cpus, *rates))
    return found


def _faults_per_s(
    place: str, work: str, on: Machine, cpus: int, operations: int, seed: int
) -> float:
    model, layout = PLACES[place]
    made = Workload(work, "", WORKS[work])
    found = cell(model, layout, made, machine=on, vcpus=cpus, least=operations, seed=seed)
    if found.run.status:
        raise ScaleError(f"{work}, {place}: an operation failed with {found.run.status}")
    faults = found.run.kinds[found.kinds.index(FAULT)].operations
    return faults * PS_PER_S / found.run.ps


def over_split(
    found: Sequence[Figure], place: str, work: str, vcpus: int
) -> tuple[stats.Estimate, stats.Estimate]:
    """A place over split, with the prefetcher and without."""
    here, there = (
        next(one for one in found if (one.place, one.work, one.vcpus) == (name, work, vcpus))
        for name in (place, SPLIT)
    )
    return _ratio(here.on, there.on), _ratio(here.off, there.off)


def finding(found: Sequence[Figure]) -> str:
    """What the figures say of the prefetcher: the places that it slows beyond the spread of seeds,
    and beyond what a reader would call nothing."""
    slowed: dict[str, float] = {}
    for one in found:
        change = one.prefetcher
        if change.high < 1 - NOTHING:
            slowed[one.place] = min(change.value, slowed.get(one.place, change.value))
    if not slowed:
        return "The adjacent-line prefetcher slows no place of the lock"
    parts = ", ".join(f"{place} to {slowed[place]:.2f}" for place in PLACES if place in slowed)
    others = [place for place in PLACES if place not in slowed]
    rest = f", and not {' or '.join(others)}" if others else ""
    return f"The adjacent-line prefetcher slows {parts}{rest}"


def draw(found: Sequence[Figure], path: Path, machine: Machine, command: str) -> None:
    """What the prefetcher changes, a panel for each work; PNG or SVG by the suffix."""
    panels: dict[str, list[plots.Series]] = {}
    for work in dict.fromkeys(one.work for one in found):
        panels[work] = []
        for place in PLACES:
            mine = [one for one in found if (one.place, one.work) == (place, work)]
            changes = [one.prefetcher for one in mine]
            panels[work].append(
                plots.Series(
                    place,
                    [one.vcpus for one in mine],
                    [one.value for one in changes],
                    [one.low for one in changes],
                    [one.high for one in changes],
                )
            )
    drawn = (
        "Faults a virtual second with the prefetcher over those without: on pages that are there "
        "or fresh, of one VMA or of one each. Median and ends of the seeds"
    )
    caption = plots.Caption(finding(found), drawn, f"Modelled: {machine.text}. {command}")
    plots.lines(path, panels, caption, x_label="virtual CPUs", y_label="on over off", share_y=False)


def draw_over(found: Sequence[Figure], path: Path, machine: Machine, command: str) -> None:
    """Embedded over split beside what was published, with the prefetcher and without."""
    works = list(dict.fromkeys(one.work for one in found))
    groups = ["published: pft, fresh pages", *works]
    cpus = BESIDE if any(one.vcpus == BESIDE for one in found) else found[-1].vcpus
    pairs = [over_split(found, EMBEDDED, work, cpus) for work in works]
    series = []
    for number, label in enumerate(("prefetcher on", "prefetcher off")):
        mine = [pair[number] for pair in pairs]
        there = PUBLISHED[BESIDE][number]
        rows = [(there, there, there)]
        rows += [(_percent(one.value), _percent(one.low), _percent(one.high)) for one in mine]
        series.append(plots.Series(label, range(len(groups)), *zip(*rows, strict=True)))
    said = ", ".join(
        f"{work} {_percent(on.value):+.1f} and {_percent(off.value):+.1f} %"
        for work, (on, off) in zip(works, pairs, strict=True)
    )
    drawn = (
        f"Faults of the embedded lock over those of the split one, in percent more, at {cpus} CPUs "
        "(published: threads). Median and ends of the seeds"
    )
    text = f"Embedded over split, prefetcher on and off: {said}; published -14.95 and -4.07 %"
    caption = plots.Caption(text, drawn, f"Modelled: {machine.text}. {command}")
    plots.bars(path, groups, {"": series}, caption, unit="percent over split", line_at=0.0)


def _percent(ratio: float) -> float:
    return round(100 * (ratio - 1), 1)
