# SPDX-License-Identifier: Apache-2.0
"""A comparison of loads as one HTML file: each change with its interval, drawn and in a table."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from vmalab_loadgen import page
from vmalab_loadgen.chart import WIDTH
from vmalab_loadgen.compare import Change, rows_of
from vmalab_loadgen.page import text_of

ROW: Final = 24
LEFT, RIGHT, TOP, BOTTOM = 170, 90, 8, 34
RATIO_LEAST, RATIO_MOST = 1 / 16, 16.0
"""What changed more is drawn at the edge."""
HEAD: Final = ("operation", "figure", "before", "after", "change", "95 %", "significant")
GOOD, BAD, NEITHER = "good", "bad", "soft"


@dataclass(frozen=True, slots=True)
class Pair:
    """One report compared with the first."""

    name: str
    differences: Sequence[str]
    changes: Sequence[Change]
    section: str = ""
    """Of a job."""


def title(before: str, pair: Pair) -> str:
    """What is compared with what."""
    where = f"[{pair.section}] of " if pair.section else ""
    return f"{where}{before} and {pair.name}"


def mood_of(change: Change) -> str:
    """Better, worse, or neither: more of a rate is better, more of a latency is worse."""
    if not change.significant:
        return NEITHER
    return GOOD if (change.ratio > 1) == (change.figure == "rate") else BAD


def _marks(low: float, high: float) -> list[tuple[float, str]]:
    """Ratios that are shown on the axis."""
    steps = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 4.0)
    width = max(high - 1, 1 - low)
    step = next((one for one in steps if one * 3 >= width), steps[-1])
    first = math.ceil((low - 1) / step - 1e-9)
    last = math.floor((high - 1) / step + 1e-9)
    return [(1 + at * step, f"{at * step:+.0%}") for at in range(first, last + 1)]


def picture(changes: Sequence[Change]) -> str:
    """Each ratio as a dot on its 95 % interval; the line is no change."""

    def bounded(value: float) -> float:
        return min(max(value, RATIO_LEAST), RATIO_MOST)

    ends = [bounded(value) for one in changes for value in (one.low, one.high, one.ratio)]
    low, high = min([*ends, 0.98]), max([*ends, 1.02])
    room = (high - low) * 0.05
    low, high = low - room, high + room
    across, down = WIDTH - LEFT - RIGHT, ROW * len(changes)

    def at(value: float) -> float:
        return LEFT + (bounded(value) - low) / (high - low) * across

    out = [
        f'<svg viewBox="0 0 {WIDTH} {TOP + down + BOTTOM}" role="img" '
        'aria-label="change of each figure with its interval">'
    ]
    for value, text in _marks(low, high):
        out.append(f'<path class="grid" d="M{at(value):.1f} {TOP}v{down + 5}"/>')
        place = TOP + down + 20
        out.append(f'<text x="{at(value):.1f}" y="{place}" text-anchor="middle">{text}</text>')
    out.append(f'<path class="line c4" d="M{at(1):.1f} {TOP}v{down}"/>')
    for number, one in enumerate(changes):
        y = TOP + ROW * number + ROW / 2
        mood = mood_of(one)
        name = text_of(f"{one.operation} {one.figure}")
        out.append(f'<text x="{LEFT - 10}" y="{y + 4:.1f}" text-anchor="end">{name}</text>')
        out.append(f'<path class="span {mood}" d="M{at(one.low):.1f} {y:.1f}H{at(one.high):.1f}"/>')
        out.append(f'<circle class="spot {mood}" cx="{at(one.ratio):.1f}" cy="{y:.1f}" r="4"/>')
        change = f"{one.ratio - 1:+.1%}"
        out.append(f'<text class="{mood}" x="{WIDTH - RIGHT + 8}" y="{y + 4:.1f}">{change}</text>')
    return "".join([*out, "</svg>"])


STYLE: Final = """
.span{stroke-width:3;stroke:currentColor}.spot{fill:currentColor}
svg text.good{fill:var(--good)}svg text.bad{fill:var(--bad)}
"""


def _pair(before: str, pair: Pair) -> str:
    rows = [
        [*(text_of(cell) for cell in row[:-1]),
         f'<span class="{mood_of(one)}">{text_of(row[-1])}</span>']
        for row, one in zip(rows_of(pair.changes), pair.changes, strict=True)
    ]  # fmt: skip
    different = "".join(f"<li>Not the same: {text_of(one)}.</li>" for one in pair.differences)
    return (
        f"<h2>{text_of(title(before, pair))}</h2>"
        + (f"<ul>{different}</ul>" if different else "")
        + picture(pair.changes)
        + page.table(HEAD, rows)
    )


def page_of(before: str, data: Mapping[str, Any], pairs: Sequence[Pair]) -> str:
    """The whole file.

    Args:
        before: the name of the first report.
        data: that report.
    """
    count = len(data["intervals"])
    if "sections" in data:
        how = f"{len(data['sections'])} sections of <code>{text_of(data['job'])}</code>"
    else:
        what = text_of(data["workload"] or data["mix"])
        how = f"{text_of(data['mode'])}, <code>{what}</code>"
    parts = [
        f"<style>{STYLE}</style><h1>vmalab load compare</h1>",
        f'<p class="soft">{text_of(before)}: {text_of(data["started"][:19])} UTC, '
        f"{how}, {count} intervals</p>",
        "<p>Each bar is the 95 % interval of a ratio, the dot the ratio itself. Green is better, "
        "red is worse, grey is not significant.</p>",
        *(_pair(before, one) for one in pairs),
    ]
    return page.document(f"vmalab load compare {before}", parts)
