# SPDX-License-Identifier: Apache-2.0
"""RCU between processes beside liburcu between threads.

Ours has a flavour whose readers have no fence (membarrier(2) makes them one when it is needed) and
one with fences; liburcu has memb and bp like the first, and mb like the second. Each is a C program
that does the same turns (native/bench/rcu_turns.h): read sections with nothing in them, and grace
periods with no reader, with one and with two that do nothing but sections. The programs take turns
in an order of their own each round; those that wait sleep.

With two readers and two CPUs one reader shares the CPU of who waits for the grace period, so that
row shows the scheduler as much as RCU.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from rich.table import Table

from vmalab_bench import base, compiled, plots, stats
from vmalab_bench.compiled import Dialog
from vmalab_drive import report
from vmalab_native.texts import lines_of

OURS: Final = ("membarrier", "fenced")
LIBURCU: Final = ("memb", "mb", "bp")
READERS: Final = (0, 1, 2)
PAIRS: Final = (("membarrier", "memb"), ("membarrier", "bp"), ("fenced", "mb"))
"""Of ours and liburcu's: flavours that do the same."""
REMEDY: Final = "install liburcu-dev (Debian: apt-get install liburcu-dev) and a C compiler"


@dataclass(frozen=True, slots=True)
class RcuBench:
    rounds: int = 25
    sections: int = 1_000_000
    syncs: tuple[int, int, int] = (1000, 200, 50)
    """Grace periods of a turn with no reader, with one, with two."""

    @staticmethod
    def quick() -> RcuBench:
        return RcuBench(rounds=11, sections=300_000, syncs=(300, 100, 20))

    @staticmethod
    def smoke() -> RcuBench:
        return RcuBench(rounds=2, sections=1_000, syncs=(10, 5, 2))


def run(config: RcuBench, *, seed: int) -> dict[str, Any]:
    """Measure every flavour that there is."""
    missing = ""
    with ExitStack() as stack:
        ours = compiled.linked("rcu")
        dialogs = {
            ("vmalab", flavour): stack.enter_context(Dialog(f"rcu {flavour}", [ours, flavour]))
            for flavour in OURS
        }
        for flavour in LIBURCU:
            flags, libraries = [f"-DURCU_{flavour}"], [f"-lurcu-{flavour}"]
            try:
                path = compiled.compiled("urcu", flags=flags, libraries=libraries)
            except compiled.NoProgram as error:
                missing = missing or f"{REMEDY}: {lines_of(str(error))[-1]}"
                continue
            dialogs["liburcu", flavour] = stack.enter_context(Dialog(f"urcu {flavour}", [path]))
        samples = _rounds(config, dialogs, seed)
    return _judged(config, samples, missing, seed)


Samples = dict[tuple[str, str], dict[str, list[float]]]
"""By library and flavour, then by what was measured: ns in each round."""


def _rounds(config: RcuBench, dialogs: Mapping[tuple[str, str], Dialog], seed: int) -> Samples:
    turns = {"read": f"read {config.sections}"} | {
        f"sync_{readers}": f"sync {readers} {config.syncs[readers]}" for readers in READERS
    }
    samples: Samples = {who: {what: [] for what in turns} for who in dialogs}
    flavours = list(dialogs)
    rng = np.random.default_rng(seed)
    for number in base.rounds(config.rounds + 1):
        for what, line in turns.items():
            for index in rng.permutation(len(flavours)):
                ns = dialogs[flavours[index]].ask(line)
                if number:  # the first round warms up
                    samples[flavours[index]][what].append(ns)
    return samples


def _judged(config: RcuBench, samples: Samples, missing: str, seed: int) -> dict[str, Any]:
    rows = [
        {
            "library": library,
            "flavour": flavour,
            "between": "processes" if library == "vmalab" else "threads",
            "read_ns": stats.median(got["read"]),
            "read_spread": stats.spread(got["read"]),
        }
        | {f"{what}_ns": stats.median(ns) for what, ns in got.items() if what != "read"}
        | {f"{what}_spread": stats.spread(ns) for what, ns in got.items() if what != "read"}
        for (library, flavour), got in samples.items()
    ]
    ratios = [
        {
            "ours": mine,
            "liburcu": theirs,
            "what": what,
            "ratio": one.value,
            "interval": one.interval,
        }
        for mine, theirs in PAIRS
        if ("liburcu", theirs) in samples
        for what, ns in samples["vmalab", mine].items()
        for one in [stats.ratio(ns, samples["liburcu", theirs][what], seed=seed)]
    ]
    found = [flavour for library, flavour in samples if library == "liburcu"]
    return base.head("rcu", seed) | {
        "rounds": config.rounds,
        "rows": rows,
        "ratios": ratios,
        "liburcu": found or None,
        "liburcu_missing": missing or None,
    }


def tables(data: dict[str, Any]) -> list[Table]:
    rows = [
        [
            f"{row['library']} {row['flavour']}",
            f"{row['read_ns']:.2f}",
            *(report.count(row[f"sync_{readers}_ns"]) for readers in READERS),
        ]
        for row in data["rows"]
    ]
    head = ("ns", "read", "sync, idle", "1 reader", "2 readers")
    found = [report.grid("a read section; a grace period beside busy readers", head, rows)]
    if data["ratios"]:
        lines = [
            [
                f"{one['ours']} / {one['liburcu']}",
                one["what"],
                f"{one['ratio']:.3g}",
                f"{one['interval'][0]:.3g} to {one['interval'][1]:.3g}",
            ]
            for one in data["ratios"]
        ]
        found.append(report.grid("ours over liburcu", ("", "", "ratio", "95 %"), lines))
    if data["liburcu_missing"]:
        found.append(report.facts("", [("liburcu", data["liburcu_missing"])]))
    return found


def plot(data: dict[str, Any], path: Path) -> None:
    rows = data["rows"]
    groups = [f"{row['library']} {row['flavour']}" for row in rows]
    panels = {"a read section": ["read"], "a grace period": [f"sync_{n}" for n in READERS]}
    series = {
        name: [
            plots.Series(
                what.replace("sync_", "readers: ") if what != "read" else "",
                range(len(rows)),
                [row[f"{what}_ns"] for row in rows],
                [row[f"{what}_spread"][0] for row in rows],
                [row[f"{what}_spread"][1] for row in rows],
            )
            for what in parts
        ]
        for name, parts in panels.items()
    }
    drawn = (
        "Read sections, and grace periods beside readers: vmalab between processes, liburcu "
        "between threads. Median and range; the axis is logarithmic."
    )
    caption = plots.Caption.of(data, _finding(rows), drawn)
    plots.bars(path, groups, series, caption, unit="ns", log=True)


def _finding(rows: list[dict[str, Any]]) -> str:
    """The read sections of both libraries, for the title."""
    read = {(row["library"], row["flavour"]): f"{row['read_ns']:.2g}" for row in rows}
    here = [f"{flavour} {ns} ns" for (library, flavour), ns in read.items() if library == "vmalab"]
    others = [f"{flavour} {ns}" for (library, flavour), ns in read.items() if library != "vmalab"]
    beside = f"; of liburcu between threads: {', '.join(others)} ns" if others else ""
    return f"A read section between processes: {', '.join(here)}{beside}"
