# SPDX-License-Identifier: Apache-2.0
"""What the review of the series said of layouts, in our words, beside what the bench measured.

Suren Baghdasaryan wrote the series, Shakeel Butt reviewed the patch that moves the lock, Matthew
Wilcox and Lorenzo Stoakes answered on randomisation. The question of the exchange is whether it is
the struct or the lock that has to be aligned. Four layouts are the answers that there can be.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from rich.table import Table

from vmalab_bench import plots
from vmalab_drive import report

CELLS: Final = (
    "lock-isolated-aligned",
    "lock-isolated-unaligned",
    "lock-among-hot-aligned",
    "lock-among-hot-unaligned",
)
ADDED: Final = "field-in-padding"
KINDS: Final = ("random", "random-whole")
SEEN: Final = 1.2
"""Over aligned: from here on a cost can be seen."""
VIEWS: Final = (
    ("a walk beside the locks of the same VMAs", "over_aligned", "interval"),
    ("those locks beside the walk", "lock_over_aligned", "lock_interval"),
    ("faults beside a writer of the neighbours", "fault_over_aligned", "fault_interval"),
)
Rows = Mapping[str, Mapping[str, Any]]


def _by_name(data: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    return {row["layout"]: row for row in data["rows"]}


def _over(row: Mapping[str, Any], key: str, interval: str) -> str:
    low, high = row[interval]
    return f"{row[key]:.2f} ({low:.2f}-{high:.2f})"


def finding(data: Mapping[str, Any]) -> str:
    """What the four layouts say, from their figures."""
    rows = _by_name(data)
    if not set(CELLS) <= set(rows):
        return "False sharing by layout"
    beside_range = max(rows[CELLS[2]][key] for _, key, _ in VIEWS)
    roaming = max(rows[CELLS[1]][key] for _, key, _ in VIEWS)
    lock, struct = (f"{figure:.3g} times" for figure in (beside_range, roaming))
    if min(beside_range, roaming) >= SEEN:
        found = f"a lock among the hot fields costs {lock}, a roaming struct {struct}"
        return f"Both must be aligned: {found}"
    if beside_range >= SEEN:
        return f"It is the lock that must be aligned: {lock}; a roaming struct {struct}"
    if roaming >= SEEN:
        return (
            f"It is the struct that must be aligned: {struct}; a lock among the hot fields {lock}"
        )
    return f"Neither the struct nor the lock shows: {struct}, {lock}"


# --- the exchange as a table ---


def _of(*layouts: str, key: str, interval: str, what: str) -> Callable[[Rows], str]:
    def said(rows: Rows) -> str:
        there = [f"{name} {_over(rows[name], key, interval)}" for name in layouts if name in rows]
        return f"{what}: {', '.join(there)}" if there else ""

    return said


_WALK = {"key": "over_aligned", "interval": "interval", "what": "walk"}
_LOCKS = {"key": "lock_over_aligned", "interval": "lock_interval", "what": "locks"}
_FAULTS = {"key": "fault_over_aligned", "interval": "fault_interval", "what": "faults"}
SAID: Final[Sequence[tuple[str, str, Callable[[Rows], str]]]] = (
    (
        "Suren, cover letter",
        "the lock was once moved out of the VMA because of false sharing",
        _of("unaligned", **_LOCKS),
    ),
    ("", "the same, for faults beside a writer", _of("unaligned", **_FAULTS)),
    ("Shakeel", "is it the struct or the lock that is to be aligned?", _of(*CELLS[1:3], **_LOCKS)),
    ("", "the same, for faults beside a writer", _of(*CELLS[1:3], **_FAULTS)),
    ("Suren", "both, so that as little as possible is shared", _of(CELLS[0], **_LOCKS)),
    ("", "the same, for faults beside a writer", _of(CELLS[0], **_FAULTS)),
    (
        "Suren",
        "does SLAB_HWCACHE_ALIGN not do the same? (Shakeel: it aligns objects, not members)",
        _of(CELLS[2], **_LOCKS),
    ),
    (
        "Shakeel",
        "a pad behind the lock, or a field that is added later stands on its line",
        _of(ADDED, "padded", **_WALK),
    ),
    ("Suren", "rarely used fields may share the line of the lock", _of("packed", **_LOCKS)),
)


def said(data: Mapping[str, Any]) -> list[list[str]]:
    """Who, in our words, and what this run measured; nothing of layouts that it left out."""
    rows = _by_name(data)
    found = [[who, words, figure] for who, words, find in SAID if (figure := find(rows))]
    for one in data["randomised"]:
        worst = ", ".join(
            f"{name} {one[key]:.2f}, worst {one[f'{key}_worst']:.2f}"
            for name, key in (("walk", "over_aligned"), ("locks", "lock_over_aligned"))
        )
        if one["kind"] == KINDS[0]:
            who, words = "Shakeel", "shuffle inside groups of a cache line, and nothing is lost"
        else:
            who, words = "Matthew, Lorenzo", "who shuffles structs does not ask what it costs"
        found.append([who, words, f"{one['kind']}: {worst}"])
    return found


def _exchange(data: Mapping[str, Any]) -> Table:
    title = "what was said, and here, over aligned"
    return report.grid(title, ("who", "in our words", "measured"), said(data))


# --- tables and picture ---


def _layouts(data: Mapping[str, Any]) -> list[Table]:
    rows, near = [], []
    for row in data["rows"]:
        rows.append(
            [
                row["layout"],
                str(row["vma_bytes"]),
                "-" if row["lock_offset"] is None else str(row["lock_offset"]),
                f"{row['mb_per_100000_vmas']:.1f}",
                f"{row['walk_alone_ns']:.1f}",
                f"{row['walk_beside_ns']:.1f}",
                _over(row, "over_aligned", "interval"),
                f"{row['lock_over_aligned']:.2f}",
            ]
        )
        near.append(
            [
                row["layout"],
                str(row["neighbours"]),
                f"{row['fault_alone_ns']:.1f}",
                _over(row, "alone_over_aligned", "alone_interval"),
                f"{row['fault_beside_ns']:.1f}",
                _over(row, "fault_over_aligned", "fault_interval"),
            ]
        )
    walks = f"a walk of {data['vmas']} VMAs beside their read locks, {data['model']}; MB of 100,000"
    faults = (
        f"faults beside a writer that write-locks the neighbours, {data['model']}; both ran at the "
        f"same time for {data['together']:.0%} of a turn"
    )
    walk_head = ("", "VMA", "lock", "MB", "walk ns", "beside", "over aligned", "lock x")
    fault_head = ("", "VMAs", "fault ns", "over aligned", "beside", "over aligned")
    return [report.grid(walks, walk_head, rows), report.grid(faults, fault_head, near)]


def _price(data: Mapping[str, Any]) -> list[Table]:
    rows = []
    for one in data["randomised"]:
        for name, key in (
            ("fault alone", "alone_over_aligned"),
            ("fault beside a writer", "fault_over_aligned"),
            ("walk beside locks", "over_aligned"),
            ("locks beside a walk", "lock_over_aligned"),
        ):
            whole = ""
            if f"{key}_to_groups" in one:
                low, high = one[f"{key}_to_groups_ends"]
                whole = f"{one[f'{key}_to_groups']:.2f} ({low:.2f}-{high:.2f})"
            figures = [f"{one[key]:.2f}", f"{one[f'{key}_worst']:.2f}", whole]
            rows.append([f"{one['kind']}, {name}", *figures])
        memory = [f"{one['mb_per_100000_vmas']:.1f}", f"{one['mb_worst']:.1f}", ""]
        rows.append([f"{one['kind']}, MB of 100,000 VMAs", *memory])
    if not rows:
        return []
    seeds = data["randomised"][0]["seeds"]
    title = f"what shuffling costs, over aligned, seeds: {seeds}"
    return [report.grid(title, ("", "median", "worst", "whole / group-wise"), rows)]


def tables(data: dict[str, Any]) -> list[Table]:
    return [_exchange(data), *_layouts(data), *_price(data)]


SHOWN: Final = ("aligned", *CELLS, ADDED, "packed")
"""What the picture has, besides the worst of each way to shuffle."""


def plot(data: dict[str, Any], path: Path) -> None:
    """The exchange as one picture: for each layout what was measured in the three views."""
    rows = data["rows"]
    groups = {
        f"{row['layout']}, {row['vma_bytes']} bytes": [row]
        for row in rows
        if row["layout"] in SHOWN or not set(SHOWN[1:]) & _by_name(data).keys()
    }
    for kind in KINDS:
        if seeds := [row for row in rows if row["layout"].startswith(f"{kind}:")]:
            groups[f"{kind}, worst of {len(seeds)}"] = seeds
    series = []
    for name, key, interval in VIEWS:
        worst = [max(seeds, key=lambda row: float(row[key])) for seeds in groups.values()]
        ends = ([row[interval][side] for row in worst] for side in (0, 1))
        figures = [row[key] for row in worst]
        series.append(plots.Series(name, range(len(worst)), figures, *ends))
    drawn = (
        f"{data['model']}: a walk, a lock and its release, and a fault, each beside another "
        "process that locks the neighbours, over the time of `aligned`. Median and 95 % interval."
    )
    caption = plots.Caption.of(data, finding(data), drawn)
    unit = "over aligned (1 = the same time)"
    plots.bars(path, list(groups), {"": series}, caption, unit=unit, log=True, line_at=1.0)
