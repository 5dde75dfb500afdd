# SPDX-License-Identifier: Apache-2.0
"""The report of a job as one HTML file: all sections together, then each as a load has it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from vmalab_loadgen import chart, page
from vmalab_loadgen.chart import Axis, Line
from vmalab_loadgen.page import text_of, time_text

COLOURS: Final = 4


def work_of(section: Mapping[str, Any]) -> str:
    """What a section does, in a word."""
    return str(section["workload"] or section["mix"])


def row_of(name: str, section: Mapping[str, Any]) -> list[str]:
    """Cells of a table of sections."""
    times = section["latency_us"]
    achieved = section["achieved"]
    return [
        name,
        f"{section['mode']} {work_of(section)}",
        str(section["callers"]),
        chart.number(section["ops_per_s"]),
        "" if achieved is None else f"{achieved:.1%}",
        time_text(times["p50"]) if times else "",
        time_text(times["p99"]) if times else "",
        f"{section['wrong']:,}",
        "yes" if section["good"] else "no",
    ]


def _rates(data: Mapping[str, Any]) -> str:
    """Operations per second of each section over the time of the job."""
    lines = []
    for at, (name, section) in enumerate(data["sections"].items()):
        begins = section["start_after_s"] + section["warmup_s"]
        points = [
            (begins + (one["begin_s"] + one["end_s"]) / 2, one["ops_per_s"])
            for one in page.whole_intervals(section["intervals"])
        ]
        if points:
            lines.append(Line(name, at % COLOURS + 1, points, dashed=at >= COLOURS))
    values = [point[1] for line in lines for point in line.points]
    if not values:
        return ""
    picture = chart.svg(
        lines,
        Axis("seconds since the begin of the job", 0.0, max(data["seconds"], 1e-3)),
        chart.up_to(values, "operations per second"),
        label="operations per second of each section over time",
    )
    return f"<h2>Operations per second of each section</h2>{picture}"


def _parts(data: Mapping[str, Any]) -> list[str]:
    """The parts of the file."""
    sections = data["sections"]
    began = data["started"][:19].replace("T", " ")
    tiles = [
        page.tile("passed" if data["good"] else "failed", "result",
                  "good" if data["good"] else "bad"),
        page.tile(chart.number(data["ops_per_s"]), "operations per second, all sections"),
        page.tile(f"{len(sections)}", "sections"),
        page.tile(f"{data['wrong']:,}", "wrong answers", "bad" if data["wrong"] else "good"),
    ]  # fmt: skip
    head = ("section", "work", "callers", "per second", "of asked", "p50", "p99", "wrong", "good")
    rows = [[text_of(cell) for cell in row_of(name, one)] for name, one in sections.items()]
    parts = [
        f"<h1>vmalab load --job {text_of(data['job'])}</h1>",
        f'<p class="soft">{text_of(began)} UTC, {data["seconds"]:.1f} s, seed {data["seed"]}</p>',
        f'<div class="tiles">{"".join(tiles)}</div>',
        _rates(data),
        f"<h2>Sections</h2>{page.table(head, rows)}",
        f"<h2>Locks, memory, machine</h2>{page.table(('', 'value'), page.core_rows(data))}",
    ]
    for name, one in sections.items():
        parts.append(f"<h1>[{text_of(name)}]</h1><p class='soft'>{text_of(work_of(one))}, seed "
                     f"{one['seed']}, begun after {one['start_after_s']:g} s</p>")  # fmt: skip
        parts += page.body({**one, "problems": [], "leaks": {}})
    return parts


def page_of(data: Mapping[str, Any]) -> str:
    """The whole file, from what `--json` gives."""
    return page.document(f"vmalab load --job {data['job']}", _parts(data))
