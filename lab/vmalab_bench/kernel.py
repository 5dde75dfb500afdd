# SPDX-License-Identifier: Apache-2.0
"""The running kernel and vmalab at the same work, in turn, on the same CPU.

Three kinds: the first write to a fresh anonymous page (a minor fault), mmap and munmap of one page
that is never touched, and the same with a write in between. The kernel's side is
native/bench/kernel.c with real system calls and real faults; ours is blocks of packed records on an
attached segment, the decoding of records and the results included.

Our side is measured twice: with faults that walk the tree, which is what is compared, and with
faults that go by cached lookups.

What the comparison hides: the kernel also enters and leaves ring 0 and clears 4096 bytes for a
fresh page; a frame here is one word. So a ratio far below 1 is expected for faults.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt
from rich.table import Table

from vmalab_bench import base, compiled, machine, plots, records, space, stats
from vmalab_bench.base import BASE, PAGE, Aim, BenchError
from vmalab_drive import report
from vmalab_drive.packed import Results

if TYPE_CHECKING:
    from vmalab_native.core import Participant

KINDS: Final = ("fault", "pair", "touch_pair")
WHAT: Final = {
    "fault": "first write to a page",
    "pair": "mmap + munmap",
    "touch_pair": "mmap + write + munmap",
}
FAULT_RATIO: Final = 0.2
PAIR_RATIO: Final = 1.0
OTHER_VMAS: Final = 20  # about as many as a small C program has


@dataclass(frozen=True, slots=True)
class KernelBench:
    rounds: int = 41
    faults: int = 8192
    pairs: int = 8192
    model: str = space.DEFAULT_MODEL

    @staticmethod
    def quick(model: str = space.DEFAULT_MODEL) -> KernelBench:
        return KernelBench(rounds=21, faults=4096, pairs=4096, model=model)

    @staticmethod
    def smoke(model: str = space.DEFAULT_MODEL) -> KernelBench:
        return KernelBench(rounds=3, faults=256, pairs=256, model=model)

    def count(self, kind: str) -> int:
        return self.faults if kind == "fault" else self.pairs


class _Real:
    """The C program, asked for one turn after the other."""

    def __init__(self, dialog: compiled.Dialog) -> None:
        self._dialog = dialog

    def turn(self, kind: str, count: int) -> float:
        return self._dialog.ask(f"{kind} {count}")


class _Ours:
    """The same three kinds as blocks; made once, run again and again."""

    def __init__(self, participant: Participant, config: KernelBench) -> None:
        self._participant = participant
        self._mm = mm = participant.mm_create()
        others = BASE + np.arange(OTHER_VMAS, dtype="<u8") * (4 * PAGE)
        records.fill(participant, mm, others, PAGE)
        self._area = BASE + (1 << 30)
        pages = self._area + np.arange(config.faults, dtype="<u8") * PAGE
        self._bytes = config.faults * PAGE
        records.must(participant, records.maps(mm, [self._area], self._bytes), "the area")
        # As in kernel.c: a page without access, so that the pair's page merges with nothing.
        guard = records.maps(mm, [0], PAGE, prot=records.NONE, fixed=False)
        records.must(participant, guard, "the guard")
        page = np.zeros(config.pairs, dtype="<u8")
        self._at = int(self._pair_of_one(page[:1])["value"][0])
        there = page + np.uint64(self._at)
        count = config.pairs
        asked = records.maps(mm, page, PAGE, fixed=False)
        gone = records.unmaps(mm, there, PAGE)
        written = records.faults(mm, there, records.WRITE)
        self._blocks = {
            "fault": records.faults(mm, pages, records.WRITE),
            "pair": records.woven(asked, gone, count=count),
            "touch_pair": records.woven(asked, written, gone, count=count),
        }

    def _pair_of_one(self, anywhere: npt.NDArray[np.uint64]) -> Results:
        """Where a mapping without a wish is put; it is gone again afterwards."""
        block = records.maps(self._mm, anywhere, PAGE, fixed=False)
        got = records.must(self._participant, block, "mmap")
        records.must(self._participant, records.unmaps(self._mm, got["value"], PAGE), "munmap")
        return got

    def turn(self, kind: str, count: int) -> float:
        """ns for one of `kind`; what was done is checked afterwards."""
        block, run = self._blocks[kind], self._participant.run
        if kind == "fault":
            forget = records.forget(self._mm, self._area, self._bytes)
            records.must(self._participant, forget, "madvise")
        begin = time.perf_counter_ns()
        answer = run(block)
        took = time.perf_counter_ns() - begin
        rows = records.results(answer, kind)
        if kind == "fault" and not (rows["info"] & 0x400).all():
            raise BenchError("a fault on a fresh page made no page")
        if kind != "fault" and (rows["value"][:: len(rows) // count] != self._at).any():
            raise BenchError("mmap answered another address than munmap was given")
        return took / count


def run(config: KernelBench, *, seed: int) -> dict[str, Any]:
    """Measure all three kinds; the sides take turns, and who begins changes."""
    samples: dict[tuple[str, str], list[float]] = {
        (kind, side): [] for kind in KINDS for side in ("ours", "cache", "real")
    }
    rng = np.random.default_rng(seed)
    with (
        machine.pinned(machine.cpus()[0]),
        compiled.Dialog("the kernel's side", [compiled.compiled("kernel"), "--turns"]) as dialog,
        space.segment(model=config.model, lookup="walk") as walking,
        space.segment(model=config.model, lookup="cache") as caching,
        walking.participant("client") as walker,
        caching.participant("client") as cacher,
    ):
        sides: list[tuple[str, Callable[[str, int], float]]] = [
            ("ours", _Ours(walker, config).turn),
            ("real", _Real(dialog).turn),
            ("cache", _Ours(cacher, config).turn),
        ]
        for number in base.rounds(config.rounds + 1):
            for kind in rng.permutation(KINDS):
                for side, turn in sides if rng.random() < 0.5 else reversed(sides):
                    ns = turn(str(kind), config.count(str(kind)))
                    if number:  # the first round is for the caches, ours and the kernel's
                        samples[str(kind), side].append(ns)
    return _judged(config, samples, seed)


def _judged(
    config: KernelBench, samples: dict[tuple[str, str], list[float]], seed: int
) -> dict[str, Any]:
    rows, ratios = [], {}
    for kind in KINDS:
        ours, real = samples[kind, "ours"], samples[kind, "real"]
        ratios[kind] = stats.ratio(ours, real, seed=seed)
        rows.append(
            {
                "kind": kind,
                "ours_ns": stats.median(ours),
                "ours_spread": stats.spread(ours),
                "kernel_ns": stats.median(real),
                "kernel_spread": stats.spread(real),
                "ratio": ratios[kind].value,
                "interval": ratios[kind].interval,
                "cache_ns": stats.median(samples[kind, "cache"]),
                "cache_spread": stats.spread(samples[kind, "cache"]),
            }
        )
    aims = [
        Aim("fault_ratio", ratios["fault"], at_most=FAULT_RATIO, note="a fresh page"),
        Aim("pair_ratio", ratios["pair"], at_most=PAIR_RATIO, note="mmap + munmap, no touch"),
    ]
    return base.head("kernel", seed) | {
        "model": config.model,
        "lookup": "walk",
        "rounds": config.rounds,
        "faults": config.faults,
        "pairs": config.pairs,
        "fault_ratio": ratios["fault"].value,
        "fault_interval": ratios["fault"].interval,
        "pair_ratio": ratios["pair"].value,
        "pair_interval": ratios["pair"].interval,
        "touch_pair_ratio": ratios["touch_pair"].value,
        "touch_pair_interval": ratios["touch_pair"].interval,
        "rows": rows,
        "aims": [aim.as_dict() for aim in aims],
    }


def tables(data: dict[str, Any]) -> list[Table]:
    rows = [
        [
            WHAT[row["kind"]],
            f"{row['ours_ns']:.1f}",
            f"{row['kernel_ns']:.0f}",
            f"{row['ratio']:.3f}",
            f"{row['interval'][0]:.3f}-{row['interval'][1]:.3f}",
            f"{row['cache_ns']:.1f}",
        ]
        for row in data["rows"]
    ]
    head = ("", "ns", "kernel ns", "ratio", "95 %", "cache ns")
    return [report.grid(f"the running kernel and {data['model']}", head, rows)]


def plot(data: dict[str, Any], path: Path) -> None:
    rows = data["rows"]
    at = range(len(rows))
    series = [
        plots.Series(
            label,
            at,
            [row[f"{name}_ns"] for row in rows],
            [row[f"{name}_spread"][0] for row in rows],
            [row[f"{name}_spread"][1] for row in rows],
        )
        for name, label in (("ours", "vmalab"), ("cache", "vmalab, cache"), ("kernel", "kernel"))
    ]
    times = [f"{1 / row['ratio']:.2g} for {WHAT[row['kind']]}" for row in rows]
    finding = f"Time of the kernel over that of vmalab: {', '.join(times)}"
    drawn = "The same work in nanoseconds, done by vmalab and by the kernel. Median and range."
    caption = plots.Caption.of(data, finding, drawn)
    plots.bars(path, [WHAT[row["kind"]] for row in rows], {"": series}, caption, unit="ns")
