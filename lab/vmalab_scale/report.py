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


def finding(cells: Sequence[Cell], workload: str) -> str:
    """What the cells of a workload show, in a sentence."""
    mine = [cell for cell in cells if cell.workload == workload]
    most = max(cell.vcpus for cell in mine)
    last = sorted((cell for cell in mine if cell.vcpus == most), key=lambda cell: -cell.per_s)
    cpus = f"{most} virtual CPU" + "s" * (most > 1)
    if len(last) == 1:
        return f"{workload}: {_grown(mine, last[0])}" if most > 1 else (
            f"{workload}: {last[0].per_s / 1e6:.1f} million operations a second on {cpus}"
        )  # fmt: skip
    best, worst = last[0], last[-1]
    if best.per_s < 1.1 * worst.per_s:
        return f"{workload}: on {cpus} all do the same within 10 %"
    ratio = _times(best.per_s / worst.per_s) if worst.per_s else "many times"
    return f"{workload}: on {cpus} {_name(best, mine)} does {ratio} what {_name(worst, mine)} does"


def _grown(mine: Sequence[Cell], last: Cell) -> str:
    first = min((cell for cell in mine), key=lambda cell: cell.vcpus)
    ratio = last.per_s / first.per_s if first.per_s else 0.0
    cpus = f"{last.vcpus} virtual CPUs"
    return f"{cpus} do {_times(ratio)} what {first.vcpus} does" if first is not last else (
        f"{last.per_s / 1e6:.1f} million operations a second on {cpus}"
    )  # fmt: skip


def _times(ratio: float) -> str:
    return f"{ratio:.0f} times" if ratio >= 10 else f"{ratio:.2g} times"


def _name(cell: Cell, others: Sequence[Cell]) -> str:
    """The model; the layout too, where there are several."""
    alone = len({one.layout for one in others}) == 1
    return cell.model if alone else f"{cell.model} {cell.layout}"
