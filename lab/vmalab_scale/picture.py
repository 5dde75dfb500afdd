# SPDX-License-Identifier: Apache-2.0
"""Throughput by the number of virtual CPUs: a picture, and a page around it."""

from __future__ import annotations

import base64
import html
import textwrap
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from vmalab_bench import plots
from vmalab_scale import report
from vmalab_scale.machine import Machine
from vmalab_scale.run import Cell

COMMAND_MAX: Final = 100
"""Characters of the command that the line at the bottom has room for."""
STYLE: Final = """
:root{color-scheme:light dark}body{margin:0 auto;max-width:1080px;padding:24px;
font:15px/1.5 system-ui,sans-serif}img{width:100%;height:auto;background:#fff}
h1{font-size:22px}h2{font-size:17px;margin-top:32px}table{border-collapse:collapse}
th,td{text-align:right;padding:3px 10px;border-bottom:1px solid #8884;
font-variant-numeric:tabular-nums}th:first-child,td:first-child{text-align:left}
"""


def caption(
    cells: Sequence[Cell], machine: Machine, *, version: str, command: str
) -> plots.Caption:
    """The words of the picture."""
    workloads = dict.fromkeys(cell.workload for cell in cells)
    findings = [report.finding(cells, one) for one in workloads]
    cpus = f" on {report.most(cells)}"
    if len(findings) > 1 and all(cpus in one for one in findings):  # said once
        findings = [one.replace(cpus, "", 1) for one in findings]
        findings[0] = f"On {report.most(cells)}: {findings[0]}"
    found = "; ".join(findings)
    drawn = "Million operations a virtual second of all CPUs, by the number of virtual CPUs"
    short = textwrap.shorten(command, COMMAND_MAX, placeholder=" ...")
    source = f"Modelled machine {machine.name}. vmalab {version}. {date.today()}. {short}"
    return plots.Caption(found, drawn, source)


def draw(path: Path, cells: Sequence[Cell], words: plots.Caption) -> None:
    """Writes the picture: a panel for each workload, a line for each lock model and layout."""
    panels: dict[str, list[plots.Series]] = {}
    several = len({cell.layout for cell in cells}) > 1
    for workload in dict.fromkeys(cell.workload for cell in cells):
        mine = [cell for cell in cells if cell.workload == workload]
        panels[workload] = []
        for model, layout in dict.fromkeys((cell.model, cell.layout) for cell in mine):
            row = [cell for cell in mine if (cell.model, cell.layout) == (model, layout)]
            row.sort(key=lambda cell: cell.vcpus)
            label = f"{model} {layout}" if several else model
            points = [cell.per_s / 1e6 for cell in row]
            panels[workload].append(plots.Series(label, [cell.vcpus for cell in row], points))
    plots.lines(
        path,
        panels,
        words,
        x_label="virtual CPUs",
        y_label="million operations/s",
        log_x=True,
        log_y=True,
        share_y=True,
    )


def page(cells: Sequence[Cell], words: plots.Caption, tables: Sequence[tuple[str, str]]) -> str:
    """An HTML file: the picture, and tables as text below it. Nothing from elsewhere."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "picture.svg"
        draw(path, cells, words)
        picture = base64.b64encode(path.read_bytes()).decode()
    said = html.escape(words.finding)
    parts = [
        f'<h1>{said}</h1><img alt="{said}" src="data:image/svg+xml;base64,{picture}">',
        *(f"<h2>{html.escape(head)}</h2><pre>{html.escape(text)}</pre>" for head, text in tables),
        f"<p>{html.escape(words.source)}</p>",
    ]
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>vmalab scale</title><style>{STYLE}</style></head>"
        f"<body>{''.join(parts)}</body></html>\n"
    )
