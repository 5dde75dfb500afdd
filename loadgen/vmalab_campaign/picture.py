# SPDX-License-Identifier: Apache-2.0
"""Rows of figures with their spread as SVG for a page, in the colours of its style."""

from __future__ import annotations

import html
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from vmalab_loadgen.chart import Axis

WIDTH: Final = 860
ROW: Final = 28
TOP, BOTTOM, RIGHT = 12, 44, 100
LEFT_LEAST, LEFT_MOST = 110, 360
CHARACTER: Final = 7
"""Width of one, in pixels."""
COLOURS: Final = 4
STYLE: Final = (
    "<style>.range{stroke-width:7;stroke-linecap:round;opacity:.4}.seed{opacity:.7}"
    ".one{stroke:var(--soft);stroke-dasharray:3 3}svg text.named{fill:var(--ink)}</style>"
)


@dataclass(frozen=True, slots=True)
class Bar:
    """A row.

    Attributes:
        low, high: the spread.
        values: of each seed; small dots.
        text: what stands at its end.
        colour: a number of the palette, from 1.
    """

    name: str
    middle: float
    low: float
    high: float
    values: Sequence[float]
    text: str
    colour: int


def rows(
    bars: Sequence[Bar],
    axis: Axis,
    *,
    label: str,
    mark: Callable[[float], str],
    one: float | None = None,
) -> str:
    """The picture.

    Args:
        label: what it shows, for who does not see it.
        mark: the text of a mark of the axis.
        one: a value with a line of its own.
    """
    longest = max((len(bar.name) for bar in bars), default=0)
    left = min(LEFT_MOST, max(LEFT_LEAST, 24 + CHARACTER * longest))
    room, down = WIDTH - left - RIGHT, ROW * len(bars)
    height = TOP + down + BOTTOM

    def at(value: float) -> float:
        return left + axis.place(value) * room

    out = [
        f'<svg viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{html.escape(label)}">{STYLE}'
    ]
    for value, _ in axis.marks():
        x = at(value)
        out.append(f'<path class="grid" d="M{x:.1f} {TOP}v{down + 5}"/>')
        text = html.escape(mark(value))
        out.append(f'<text x="{x:.1f}" y="{TOP + down + 20}" text-anchor="middle">{text}</text>')
    if one is not None:
        out.append(f'<path class="one" d="M{at(one):.1f} {TOP}v{down + 5}"/>')
    for number, bar in enumerate(bars):
        y = TOP + ROW * number + ROW / 2
        colour = f"c{(bar.colour - 1) % COLOURS + 1}"
        name = bar.name if len(bar.name) * CHARACTER < left - 10 else bar.name[:48] + "…"
        out.append(
            f'<text class="named" x="4" y="{y + 4:.1f}">{html.escape(name)}</text>'
            f'<path class="line {colour} range" d="M{at(bar.low):.1f} {y:.1f}H{at(bar.high):.1f}"/>'
        )
        out += [
            f'<circle class="dot {colour} seed" cx="{at(value):.1f}" cy="{y:.1f}" r="2"/>'
            for value in bar.values
        ]
        out.append(f'<circle class="dot {colour}" cx="{at(bar.middle):.1f}" cy="{y:.1f}" r="5"/>')
        out.append(
            f'<text class="named" x="{WIDTH - 4}" y="{y + 4:.1f}" text-anchor="end">'
            f"{html.escape(bar.text)}</text>"
        )
    title = html.escape(axis.title)
    out.append(
        f'<text x="{left + room / 2:.0f}" y="{height - 6}" text-anchor="middle">{title}</text>'
    )
    return "".join([*out, "</svg>"])
