# SPDX-License-Identifier: Apache-2.0
"""Line charts as SVG for a page: colours are variables of the page's style, so they follow it."""

from __future__ import annotations

import html
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

WIDTH: Final = 860
HEIGHT: Final = 270
LEFT, RIGHT, TOP, BOTTOM = 64, 118, 14, 40
LABEL_GAP: Final = 15
"""Between two names of lines, in pixels."""


@dataclass(frozen=True, slots=True)
class Line:
    """A row of points. colour: a number of the page's palette, from 1."""

    name: str
    colour: int
    points: Sequence[tuple[float, float]]
    dashed: bool = False


@dataclass(frozen=True, slots=True)
class Axis:
    """From values to a place between 0 and 1.

    Args:
        ticks: (value, text) of each mark; () chooses some.
    """

    title: str
    low: float
    high: float
    log: bool = False
    ticks: tuple[tuple[float, str], ...] = ()

    def place(self, value: float) -> float:
        low, high, at = self.low, self.high, min(max(value, self.low), self.high)
        if self.log:
            low, high, at = math.log10(low), math.log10(high), math.log10(at)
        return (at - low) / (high - low) if high > low else 0.5

    def marks(self) -> list[tuple[float, str]]:
        if self.ticks:
            return [one for one in self.ticks if self.low <= one[0] <= self.high]
        if self.log:
            first, last = math.ceil(math.log10(self.low)), math.floor(math.log10(self.high))
            return [(10.0**power, number(10.0**power)) for power in range(first, last + 1)]
        step = _step((self.high - self.low) / 5)
        count = int((self.high - self.low) / step + 1e-9)
        return [(self.low + at * step, number(self.low + at * step)) for at in range(count + 1)]


def _step(least: float) -> float:
    """1, 2 or 5 times a power of ten."""
    if least <= 0:
        return 1.0
    power: float = 10.0 ** math.floor(math.log10(least))
    return next(power * one for one in (1, 2, 5, 10) if power * one >= least * (1 - 1e-9))


def number(value: float) -> str:
    """Short, for an axis: 20 k."""
    for unit, size in (("G", 1e9), ("M", 1e6), ("k", 1e3)):
        if abs(value) >= size:
            return f"{value / size:.3g} {unit}"
    return f"{value:.3g}"


def up_to(values: Sequence[float], title: str) -> Axis:
    """An axis from 0 to a round number above all values."""
    top = max(values, default=0.0) or 1.0
    step = _step(top / 5)
    return Axis(title, 0.0, math.ceil(top / step * (1 + 1e-9)) * step)


def decades(values: Sequence[float], title: str) -> Axis:
    """A logarithmic axis of whole powers of ten around all values that are more than 0."""
    good = [one for one in values if one > 0] or [1.0]
    low = 10.0 ** math.floor(math.log10(min(good)))
    high = 10.0 ** math.ceil(math.log10(max(good)) + 1e-9)
    return Axis(title, low, max(high, low * 10), log=True)


def svg(lines: Sequence[Line], x: Axis, y: Axis, *, label: str) -> str:
    """The chart. label: what it shows, for who does not see it."""
    across, down = WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM

    def at(point: tuple[float, float]) -> tuple[float, float]:
        return LEFT + x.place(point[0]) * across, TOP + (1 - y.place(point[1])) * down

    out = [
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{html.escape(label)}">',
        *_grid(x, y, across, down),
    ]
    for line in lines:
        points = " ".join("{:.1f},{:.1f}".format(*at(one)) for one in line.points)
        dash = ' stroke-dasharray="5 4"' if line.dashed else ""
        out.append(f'<polyline class="line c{line.colour}" points="{points}"{dash}/>')
        if len(line.points) <= 30 and not line.dashed:
            out += [
                f'<circle class="dot c{line.colour}" cx="{cx:.1f}" cy="{cy:.1f}" r="2.6"/>'
                for cx, cy in map(at, line.points)
            ]
    ends = [(at(line.points[-1])[1], line) for line in lines if line.points]
    out += _names(ends, LEFT + across + 8, TOP + down)
    return "".join([*out, "</svg>"])


def _grid(x: Axis, y: Axis, across: int, down: int) -> list[str]:
    out = []
    for value, text in y.marks():
        place = TOP + (1 - y.place(value)) * down
        out.append(f'<path class="grid" d="M{LEFT} {place:.1f}h{across}"/>')
        out.append(f'<text x="{LEFT - 8}" y="{place + 4:.1f}" text-anchor="end">{text}</text>')
    for value, text in x.marks():
        place = LEFT + x.place(value) * across
        out.append(f'<path class="grid" d="M{place:.1f} {TOP + down}v5"/>')
        low = TOP + down + 19
        out.append(f'<text x="{place:.1f}" y="{low}" text-anchor="middle">{text}</text>')
    middle = LEFT + across / 2
    name = html.escape(x.title)
    out.append(f'<text x="{middle:.0f}" y="{HEIGHT - 4}" text-anchor="middle">{name}</text>')
    return out


def _names(ends: list[tuple[float, Line]], x: float, low: float) -> list[str]:
    """The name of each line at its end, none over another."""
    out: list[str] = []
    places: list[float] = []
    for place, _ in sorted(ends, key=lambda one: one[0]):
        places.append(max(place + 4, places[-1] + LABEL_GAP if places else 0.0))
    over = places[-1] - (low + 4) if places else 0.0
    if over > 0:
        places = [place - over for place in places]
    for (_, line), place in zip(sorted(ends, key=lambda one: one[0]), places, strict=True):
        name = html.escape(line.name)
        out.append(f'<text class="name c{line.colour}" x="{x:.0f}" y="{place:.1f}">{name}</text>')
    return out
