# SPDX-License-Identifier: Apache-2.0
"""What the pages of a load write: times, texts, tables."""

from __future__ import annotations

import html
from collections.abc import Sequence


def time_text(microseconds: float) -> str:
    """A time with the unit that suits it."""
    for unit, size in (("s", 1e6), ("ms", 1e3), ("us", 1.0)):
        if abs(microseconds) >= size:
            return f"{microseconds / size:.3g} {unit}"
    return f"{microseconds * 1e3:.3g} ns"


def text_of(value: object) -> str:
    return html.escape(str(value))


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """rows: cells as HTML."""
    top = "".join(f"<th>{text_of(one)}</th>" for one in head)
    body = "".join("<tr>" + "".join(f"<td>{one}</td>" for one in row) + "</tr>" for row in rows)
    return f'<div class="wide"><table><tr>{top}</tr>{body}</table></div>'
