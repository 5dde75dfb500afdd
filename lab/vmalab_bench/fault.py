# SPDX-License-Identifier: Apache-2.0
"""What a fault under the VMA lock costs, in units of one uncontended locked add.

Both are timed by the native core in one loop on one CPU in turn, so that the ratio does not depend
on the machine's clock or on its neighbours.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from rich.table import Table

from vmalab_bench import base, machine, plots, records, space, stats
from vmalab_bench.base import BASE, PAGE, Aim
from vmalab_drive import report

if TYPE_CHECKING:
    from vmalab_native.core import Participant

STRIDE: Final = 4 * PAGE
RATIO_LIMIT: Final = 6.0


@dataclass(frozen=True, slots=True)
class FaultBench:
    vmas: tuple[int, ...] = (1, 100, 1000, 10000)
    iterations: int = 2_000_000
    rounds: int = 9
    model: str = space.DEFAULT_MODEL

    @staticmethod
    def quick(model: str = space.DEFAULT_MODEL) -> FaultBench:
        return FaultBench(vmas=(1, 1000), iterations=200_000, rounds=9, model=model)


def run(config: FaultBench, *, seed: int) -> dict[str, Any]:
    """Measure for each number of VMAs; the headline is that of 1,000."""
    rows: list[dict[str, Any]] = []
    ratios: list[stats.Estimate] = []
    with (
        machine.pinned(machine.cpus()[0]),
        space.segment(
            model=config.model, vmas_per_mm_max=max(65530, max(config.vmas) + 16)
        ) as segment,
        segment.participant("client") as participant,
    ):
        for vmas in config.vmas:
            mm = participant.mm_create()
            addrs = [BASE + index * STRIDE for index in range(vmas)]
            records.fill(participant, mm, addrs, PAGE)
            for order, places in _orders(addrs).items():
                row, ratio = _measure(participant, mm, places, config, seed)
                rows.append({"vmas": vmas, "order": order} | row)
                ratios.append(ratio)
            records.must(participant, records.exits(mm), "exit")
    wanted = 1000 if 1000 in config.vmas else config.vmas[-1]
    at = next(i for i, row in enumerate(rows) if row["vmas"] == wanted)
    plain = rows[at]
    scattered = next((row for row in rows[at + 1 :] if row["vmas"] == wanted), plain)
    return base.head("fault", seed) | {
        "model": config.model,
        "vmas": wanted,
        "fault_ns": plain["fault_ns"],
        "rmw_ns": plain["rmw_ns"],
        "ratio": plain["ratio"],
        "interval": plain["interval"],
        "ratio_limit": RATIO_LIMIT,
        "fault_scattered_ns": scattered["fault_ns"],
        "ratio_scattered": scattered["ratio"],
        "iterations": config.iterations,
        "rounds": config.rounds,
        "rows": rows,
        "aims": [Aim("ratio", ratios[at], at_most=RATIO_LIMIT).as_dict()],
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


def _measure(
    participant: Participant, mm: int, addrs: list[int], config: FaultBench, seed: int
) -> tuple[dict[str, Any], stats.Estimate]:
    # The first is for the caches.
    rounds = [
        participant.bench_fault(mm, addrs, config.iterations, rounds=1)
        for _ in range(config.rounds + 1)
    ][1:]
    fault, rmw = [one.fault_ns for one in rounds], [one.rmw_ns for one in rounds]
    ratio = stats.ratio(fault, rmw, seed=seed)
    row = {
        "fault_ns": round(stats.median(fault), 2),
        "fault_spread": stats.spread(fault),
        "rmw_ns": round(stats.median(rmw), 3),
        "ratio": round(ratio.value, 3),
        "interval": ratio.interval,
        "under_vma_lock": sum(one.vma_lock_success for one in rounds),
    }
    return row, ratio


def tables(data: dict[str, Any]) -> list[Table]:
    rows = [
        [
            f"{row['vmas']} {row['order']}",
            f"{row['fault_ns']:.1f}",
            f"{row['rmw_ns']:.2f}",
            f"{row['ratio']:.2f}",
            f"{row['interval'][0]:.2f} to {row['interval'][1]:.2f}",
        ]
        for row in data["rows"]
    ]
    head = ("VMAs", "fault ns", "locked add ns", "ratio", "95 %")
    return [report.grid(f"fault under the VMA lock, {data['model']}", head, rows)]


def plot(data: dict[str, Any], path: Path) -> None:
    series = []
    for order in dict.fromkeys(row["order"] for row in data["rows"]):
        rows = [row for row in data["rows"] if row["order"] == order]
        ends = [[row["interval"][i] for row in rows] for i in (0, 1)]
        x = [row["vmas"] for row in rows]
        series.append(plots.Series(order, x, [row["ratio"] for row in rows], *ends))
    title = f"a fault under the VMA lock, in locked adds, {data['model']}"
    plots.lines(path, {"": series}, title=title, x_label="VMAs", y_label="locked adds", log_x=True)
