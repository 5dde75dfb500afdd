# SPDX-License-Identifier: Apache-2.0
"""What a run says: throughput, latency, where the time went; for people and as JSON.

The JSON has no time of day, no address and nothing of the machine that it ran on, so it is the same
for the same seed, compiler and core. docs/scale.md has its keys.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any, Final

from vmalab_native import cores, virtual
from vmalab_scale.machine import Machine
from vmalab_scale.run import Cell

VERSION: Final = 1
PERCENTILES: Final = (50.0, 90.0, 99.0, 99.9)
SHARES: Final = {
    "work": "instructions, hits, locked instructions, fences and system calls",
    "missing": "lines that another cache or the memory has",
    "queued": "lines that were on their way to another CPU",
    "waiting": "sleep: locks, and pauses",
    "ordered": "the turn of a trace's step",
}
"""Where time goes."""
COUNTS: Final = (
    *("operations", "failed", "instructions", "accesses", "misses", "locked", "fences"),
    *SHARES,
)


def total(cell: Cell) -> dict[str, int]:
    """COUNTS of all CPUs."""
    return {name: sum(getattr(one, name) for one in cell.run.cpus) for name in COUNTS}


def shares(cell: Cell) -> dict[str, float]:
    """Which part of the CPUs' time went where."""
    found = total(cell)
    whole = sum(found[name] for name in SHARES) or 1
    return {name: found[name] / whole for name in SHARES}


def percentiles(latency: Sequence[tuple[int, int]]) -> dict[str, int]:
    """The upper ends, in ns, of the buckets in which percentiles lie, and of the last one.

    Args:
        latency: (lower end of a bucket, how many).
    """
    count = sum(n for _, n in latency)
    found: dict[str, int] = {}
    for percent in PERCENTILES:
        wanted, seen = max(1, int(percent * count / 100 + 0.5)), 0
        for low, n in latency:
            seen += n
            if seen >= wanted:
                found[f"p{percent:g}"] = upper(low)
                break
    if latency:
        found["max"] = upper(latency[-1][0])
    return found


def upper(low: int) -> int:
    """The upper end of the bucket with that lower end."""
    at = low if low < 16 else (low.bit_length() - 4) * 16 + (low >> (low.bit_length() - 5) & 15)
    return virtual.bucket_ns(at + 1) - 1


def least(cell: Cell) -> int:
    """Operations of the CPU that did least."""
    return min(one.operations for one in cell.run.cpus)


def facts(cell: Cell) -> dict[str, Any]:
    """A cell, for JSON."""
    return {
        "model": cell.model,
        "layout": cell.layout,
        "workload": cell.workload,
        "machine": cell.machine,
        "vcpus": cell.vcpus,
        "per_s": cell.per_s,
        "end": cell.run.end,
        "status": cell.run.status,
        "ps": cell.run.ps,
        "least_operations": least(cell),
        **total(cell),
        "shares": {name: round(part, 6) for name, part in shares(cell).items()},
        "latency_ns": {kind: cell.run.latency[at] for at, kind in enumerate(cell.kinds)},
        "percentiles_ns": {
            kind: percentiles(cell.run.latency[at]) for at, kind in enumerate(cell.kinds)
        },
        "hot": [asdict(one) for one in cell.run.hot],
        "verdict": cell.verdict.facts if cell.verdict else None,
    }


def document(cells: Sequence[Cell], machine: Machine, seed: int) -> dict[str, Any]:
    """All cells, for JSON."""
    compiled = dict.fromkeys((cell.model, cell.layout) for cell in cells)
    return {
        "version": VERSION,
        "seed": seed,
        "machine": machine.values,
        "cores": {
            f"{model} {layout}": hashlib.sha256(
                cores.file_of(model, cores.virtual_layout(layout)).read_bytes()
            ).hexdigest()
            for model, layout in compiled
        },
        "cells": [facts(cell) for cell in cells],
    }


# --- findings ---

SAME: Final = 0.9
"""Who does so much of what the best one does, does the same."""


def finding(cells: Sequence[Cell], workload: str) -> str:
    """What the cells of a workload show, in a sentence: how the best one grows with the CPUs, and
    who stays behind it."""
    mine = [cell for cell in cells if cell.workload == workload]
    top = max(cell.vcpus for cell in mine)
    last = sorted((cell for cell in mine if cell.vcpus == top), key=lambda cell: -cell.per_s)
    best, behind = last[0], [cell for cell in last if cell.per_s < SAME * last[0].per_s]
    who = "all do the same" if len(last) > 1 and not behind else _name(best, mine)
    said = f"{workload}: on {most(mine)} {who}{_grown(mine, best, alone=who != _name(best, mine))}"
    if behind:
        parts = [f"{_name(cell, mine)} {_percent(cell.per_s / best.per_s)}" for cell in behind]
        said += f"; {', '.join(parts)} of that"
    return said


def most(cells: Sequence[Cell]) -> str:
    """The largest number of virtual CPUs, as text."""
    top = max(cell.vcpus for cell in cells)
    return f"{top} virtual CPU" + "s" * (top > 1)


def _grown(mine: Sequence[Cell], best: Cell, *, alone: bool) -> str:
    """Beside fewest CPUs, or as it is where there is one number of CPUs alone."""
    rows = [cell for cell in mine if (cell.model, cell.layout) == (best.model, best.layout)]
    first = min(rows, key=lambda cell: cell.vcpus)
    if first is best or not first.per_s:
        return f"{':' if alone else ' does'} {best.per_s / 1e6:.1f} million operations a second"
    what = f"{_times(best.per_s / first.per_s)} what {first.vcpus} does"
    return f", {what}" if alone else f" does {what}"


def _times(ratio: float) -> str:
    return f"{ratio:.0f} times" if ratio >= 10 else f"{ratio:.2g} times"


def _percent(part: float) -> str:
    return f"{part:.0%}" if part >= 0.1 else f"{part:.1%}"


def _name(cell: Cell, others: Sequence[Cell]) -> str:
    """The model; the layout too, where there are several."""
    alone = len({one.layout for one in others}) == 1
    return cell.model if alone else f"{cell.model} {cell.layout}"
