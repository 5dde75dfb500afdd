# SPDX-License-Identifier: Apache-2.0
"""A replay's report, for people."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.table import Table

from vmalab_drive.report import count, facts, grid
from vmalab_native import machine


def tables(data: Mapping[str, Any]) -> list[Table]:
    """A replay's report."""
    rows = [
        (
            "calls",
            f"{count(data['ops'])}, {count(data['agree'])} agree with the kernel",
        ),
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
            f"{data['processes']} processes act as {data['threads']} threads, address spaces: "
            f"{data['address_spaces']}, mode {data['mode']}, distributed by {data['deal']}"
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
            for one in data["first_disagreements"]
        ]
        title = f"first {len(shown)} of {data['disagreements']} disagreements"
        tables.append(grid(title, ("line", "call", "expected", "got"), shown))
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
    for name, (expected, got) in data["counts_differ"].items():
        rows.append(("count differs", f"{name}: {got}, and meta.json expects {expected}"))
    rows += [("not compared", f"{n}: {why}") for why, n in data["not_compared"].items()]
    return rows
