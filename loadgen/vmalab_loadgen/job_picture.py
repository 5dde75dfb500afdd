# SPDX-License-Identifier: Apache-2.0
"""The sections of a job as one SVG file for a document: how many operations, how long they took."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from vmalab_loadgen import chart
from vmalab_loadgen.page import text_of, time_text

WIDTH: Final = 860
ROW: Final = 26
LEFT, RIGHT, TOP, BOTTOM = 190, 120, 34, 44
NAMES: Final = ("p50", "p99")
STYLE: Final = """
.paper{fill:#fff}text{fill:#5b6169;font:12px system-ui,-apple-system,"Segoe UI",sans-serif}
.name{fill:#1c1e21}.grid{stroke:#dfe3e8;stroke-width:1}
.span{stroke:#1f6feb;stroke-width:6;stroke-linecap:round}.middle{fill:#1c1e21}
@media(prefers-color-scheme:dark){.paper{fill:#14171a}text{fill:#9aa3ad}.name{fill:#e6e8ea}
.grid{stroke:#2d333a}.span{stroke:#6cb0ff}.middle{fill:#e6e8ea}}
"""


def _rows(data: Mapping[str, Any]) -> list[tuple[str, float, Sequence[float]]]:
    """Name, operations per second, and the times in microseconds, of sections that have some."""
    return [
        (name, one["ops_per_s"], [max(one["latency_us"][at], 0.001) for at in NAMES])
        for name, one in data["sections"].items()
        if one["latency_us"]
    ]


def picture(data: Mapping[str, Any]) -> str:
    """The whole file, from what `--json` gives: a bar from p50 to p99 for each section."""
    rows = _rows(data)
    axis = chart.decades([time for _, _, times in rows for time in times], "latency")
    down = ROW * len(rows)
    height = TOP + down + BOTTOM

    def across(time: float) -> float:
        return LEFT + axis.place(time) * (WIDTH - LEFT - RIGHT)

    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img" '
        'aria-label="latency and rate of each section">',
        f'<style>{STYLE}</style><rect class="paper" width="{WIDTH}" height="{height}"/>',
        f'<text x="{WIDTH - 14}" y="20" text-anchor="end">operations/s</text>',
    ]
    for value, _ in axis.marks():
        x = across(value)
        out.append(f'<path class="grid" d="M{x:.1f} {TOP}v{down + 5}"/>')
        text = time_text(value)
        out.append(f'<text x="{x:.1f}" y="{TOP + down + 20}" text-anchor="middle">{text}</text>')
    title = "latency of an operation, p50 (dot) to p99"
    out.append(f'<text x="{LEFT}" y="{height - 6}">{title}</text>')
    for number, (name, rate, (low, high)) in enumerate(rows):
        y = TOP + ROW * number + ROW / 2
        out.append(f'<text class="name" x="14" y="{y + 4:.1f}">{text_of(name)}</text>')
        out.append(f'<path class="span" d="M{across(low):.1f} {y:.1f}H{across(high):.1f}"/>')
        out.append(f'<circle class="middle" cx="{across(low):.1f}" cy="{y:.1f}" r="4"/>')
        text = chart.number(rate)
        out.append(f'<text x="{WIDTH - 14}" y="{y + 4:.1f}" text-anchor="end">{text}</text>')
    return "".join([*out, "</svg>\n"])
