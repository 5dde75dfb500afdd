# SPDX-License-Identifier: Apache-2.0
"""What the commands print: tables for people, JSON for programs."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from rich.console import Console
from rich.table import Table

from vmalab_native import machine

LOCK_COUNTERS = (
    "vma_lock_success",
    "vma_lock_abort",
    "vma_lock_retry",
    "vma_lock_miss",
    "mmap_lock_faults",
)


def console() -> Console:
    return Console(highlight=False, markup=False, soft_wrap=True)


def error_console() -> Console:
    """For what is no result: progress."""
    return Console(highlight=False, markup=False, stderr=True)


def print_json(data: Mapping[str, Any]) -> None:
    """One JSON object on standard output."""
    print(json.dumps(data, indent=1, default=str))


def count(number: float) -> str:
    """A number for a table: thousands apart, no decimals once it is large."""
    if isinstance(number, int) or abs(number) >= 100:
        return f"{number:,.0f}"
    return f"{number:,.2f}"


def short(number: float) -> str:
    """A large number in a narrow column: 44.0 M."""
    for unit, size in (("G", 1e9), ("M", 1e6), ("k", 1e3)):
        if abs(number) >= size:
            return f"{number / size:.3g} {unit}"
    return f"{number:.3g}"


def facts(title: str, rows: Iterable[tuple[str, str]]) -> Table:
    """A two-column table without a head."""
    table = Table(title=title, title_justify="left", show_header=False, box=None, padding=(0, 2))
    table.add_column(style="bold")
    table.add_column(overflow="fold")
    for name, value in rows:
        table.add_row(name, value)
    return table


def grid(title: str, head: Iterable[str], rows: Iterable[Iterable[str]]) -> Table:
    """A table with a head; the first column is text, the others numbers."""
    table = Table(title=title, title_justify="left", box=None, padding=(0, 2))
    for index, name in enumerate(head):
        table.add_column(name, justify="left" if index == 0 else "right")
    for row in rows:
        table.add_row(*row)
    return table


def slab_table(caches: Iterable[Mapping[str, Any]]) -> Table:
    """slabinfo in the kernel's columns, with what the kernel does not count."""
    columns = ("name", "active_objs", "num_objs", "objsize", "objperslab", "pagesperslab",
               "active_slabs", "num_slabs", "allocs", "frees", "reuses")  # fmt: skip
    rows = [[str(cache[name]) for name in columns] for cache in caches]
    return grid("slabinfo", columns, rows)


def replay_tables(data: Mapping[str, Any]) -> list[Table]:
    """A replay's report."""
    rows = [
        ("calls", f"{count(data['ops'])}, {count(data['agree'])} agree with the kernel"),
        ("maps", f"{data['maps_checked']} compared, {data['maps_equal']} equal"),
        (
            "faults",
            f"{count(data['faults_checked'])} checked, {count(data['faults_disagree'])} wrong",
        ),
        (
            "mincore",
            f"{data['mincore_compared']} vectors compared, "
            f"{data['mincore_not_compared']} by errno alone",
        ),
        (
            "clients",
            f"{data['processes']} processes as {data['threads']} threads in "
            f"{data['address_spaces']} address spaces, {data['mode']}, "
            f"distributed by {data['deal']}"
            + (f", {data['copies']} copies" if data["copies"] > 1 else ""),
        ),
        ("machine", machine.one_line(data["machine"]) or "not in the trace: one without keys"),
        ("protection keys", "emulated" if data["pkeys"] else "none emulated"),
        ("time", f"{data['seconds']:.3f} s, {count(data['ops_per_s'])} calls and faults/s"),
    ]
    if data["overlapping"]:
        moved = f"{data['overlapping']}, {data['reordered']} put in another order than shown"
        rows.append(("overlapping calls", moved))
    rows += _left_out(data)
    tables = [facts(f"replay {data['trace']}", rows)]
    if data["first_disagreements"]:
        shown = [
            [str(one["line"]), one["call"], str(one["expected"]), str(one["got"])]
            for one in data["first_disagreements"][:20]
        ]
        tables.append(grid("first disagreements", ("line", "call", "expected", "got"), shown))
    return tables


def _left_out(data: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Everything that was in the trace and not compared, by name."""
    rows: list[tuple[str, str]] = []
    if data["unsupported"]:
        names = ", ".join(f"{name} x{times}" for name, times in data["unsupported"].items())
        rows.append(("unsupported", names))
    if data["calls_before_start"]:
        rows.append(("before the start", f"{data['calls_before_start']} calls that led to maps.0"))
    if data["calls_unanswered"]:
        names = ", ".join(f"{name} x{times}" for name, times in data["calls_unanswered"].items())
        rows.append(("without an answer", f"{names}: their thread died inside"))
    if data["lines_unread"]:
        rows.append(("not understood", f"{data['lines_unread']} lines"))
    for why, times in data["faults_left_out"].items():
        rows.append(("faults left out", f"{times}: {why}"))
    rows += [("not compared", note) for note in data["not_compared"]]
    return rows
