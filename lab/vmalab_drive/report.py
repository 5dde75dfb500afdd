# SPDX-License-Identifier: Apache-2.0
"""What the commands print: tables for people, JSON for programs."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable, Mapping
from typing import Any

from rich.console import Console
from rich.table import Table

LOCK_COUNTERS = (
    "vma_lock_success",
    "vma_lock_abort",
    "vma_lock_retry",
    "vma_lock_miss",
    "mmap_lock_faults",
)


PIPE_COLUMNS = 1000
"""What a table may take where nobody looks: no cell is cut in a file. COLUMNS says otherwise."""


def console() -> Console:
    here = sys.stdout.isatty() or "COLUMNS" in os.environ
    width = None if here else PIPE_COLUMNS
    return Console(highlight=False, markup=False, soft_wrap=True, width=width)


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


def measured(number: float) -> str:
    """As short(), with a fourth digit from 1 to 10: 1.003 is not 1.03."""
    return f"{number:.4g}" if 1 <= abs(number) < 10 else short(number)


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
