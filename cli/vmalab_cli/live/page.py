# SPDX-License-Identifier: Apache-2.0
"""A page: some lines of facts, and a table. What it looks like is not said here."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, replace
from typing import Final, Literal

COLUMNS_MAX: Final = 79
"""What a table may take of 80 columns; one is the scroll bar's."""
ROWS_MAX: Final = 1000
"""Rows that are shown; a filter chooses among all."""

Kind = Literal["space", "vma", "thread"]


@dataclass(frozen=True, slots=True)
class Zoom:
    """One thing to look at closely.

    Attributes:
        instance: whose it is.
        kind, key: an address space (its id), a VMA (id, start) or a thread (slot, generation).
    """

    instance: str
    kind: Kind
    key: tuple[int, ...]


NAME_WIDTH: Final = 12
"""A column of texts that is so wide has names."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table. What is longer than its width is cut; a name in the middle, because
    names often differ at their ends."""

    name: str
    width: int
    left: bool = False

    def fitted(self, text: str) -> str:
        if len(text) > self.width:
            end = 4 if self.left and self.width >= NAME_WIDTH else 0
            text = text[: self.width - 1 - end] + "…" + text[len(text) - end :]
        return text.ljust(self.width) if self.left else text.rjust(self.width)


@dataclass(frozen=True, slots=True)
class Row:
    """A row of a table.

    Attributes:
        key: the same in each look.
        cells: what is shown.
        order: by what the rows are sorted, one for each column: numbers, or texts.
        zoom: where Enter leads.
        instance: whose row it is, if Enter leads to an instance.
        bad: something is wrong with it.
    """

    key: Hashable
    cells: tuple[str, ...]
    order: tuple[float | str, ...]
    zoom: Zoom | None = None
    instance: str = ""
    bad: bool = False


@dataclass(frozen=True, slots=True)
class Page:
    """What is shown at one time.

    Attributes:
        facts: lines above the table.
        sort: the column by which it is sorted at first; None: the order of the rows says something,
            and stays.
        empty: what stands there when there is no row.
        left_out: rows that there are too, and that were not read.
    """

    title: str
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    empty: str
    facts: tuple[str, ...] = ()
    sort: int | None = 0
    left_out: bool = False

    @property
    def width(self) -> int:
        return sum(column.width for column in self.columns) + len(self.columns) - 1

    @property
    def head(self) -> str:
        return self.line([column.name for column in self.columns])

    def line(self, cells: list[str] | tuple[str, ...]) -> str:
        """Cells as a line of text."""
        return " ".join(
            column.fitted(cell) for column, cell in zip(self.columns, cells, strict=True)
        )

    def column(self, name: str) -> int | None:
        """The number of a column, by the begin of its name; None if there is none."""
        for number, column in enumerate(self.columns):
            if name and column.name.lower().startswith(name.lower()):
                return number
        return None


def arranged(page: Page, *, sort: int | None, reverse: bool = False, wanted: str = "") -> Page:
    """The page with the rows that have a text somewhere, sorted.

    Args:
        sort: a column, None: as the page has them. Numbers begin with the largest, texts with the
            first; rows that are alike keep their order.
        reverse: the other way round.
        wanted: the text, in capitals or not; "": all rows.
    """
    wanted = wanted.lower()
    rows = [row for row in page.rows if wanted in " ".join(row.cells).lower()]
    if sort is not None:
        column = sort
        if any(isinstance(row.order[column], str) for row in rows):
            rows.sort(key=lambda row: str(row.order[column]), reverse=reverse)
        else:
            rows.sort(key=lambda row: float(row.order[column]), reverse=not reverse)
    elif reverse:
        rows.reverse()
    cut = rows[:ROWS_MAX]
    return replace(page, rows=tuple(cut), left_out=page.left_out or len(cut) < len(rows))
