# SPDX-License-Identifier: Apache-2.0
"""Figures: lines or bars with intervals, written as PNG or SVG."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from vmalab_bench.base import BadRequest

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

SUFFIXES: Final = (".png", ".svg")


@dataclass(frozen=True, slots=True)
class Series:
    """One line or one colour of bars; `low` and `high` are the ends of the intervals, if known."""

    label: str
    x: Sequence[float]
    y: Sequence[float]
    low: Sequence[float] = field(default=())
    high: Sequence[float] = field(default=())


def checked(name: str) -> Path | None:
    """The path of --plot before anything is measured; None when there is none.

    Raises:
        BadRequest: another suffix, or a folder that cannot be written to.
    """
    if not name:
        return None
    path = Path(name)
    if path.suffix not in SUFFIXES:
        raise BadRequest(f"--plot {name}: give a file that ends in {' or '.join(SUFFIXES)}")
    if not path.parent.is_dir() or not os.access(path.parent, os.W_OK) or path.is_dir():
        raise BadRequest(f"--plot {name}: cannot write there")
    return path


def lines(
    path: Path,
    panels: Mapping[str, Sequence[Series]],
    *,
    title: str,
    x_label: str,
    y_label: str,
    log_x: bool = False,
    log_y: bool = False,
) -> None:
    """One panel of lines for each entry."""
    figure, axes = _panels(len(panels))
    for axis, (name, series) in zip(axes, panels.items(), strict=True):
        for one in series:
            line = axis.plot(one.x, one.y, marker="o", label=one.label)[0]
            if one.low:
                axis.fill_between(one.x, one.low, one.high, alpha=0.15, color=line.get_color())
        if log_x:
            axis.set_xscale("log")
        else:
            axis.set_xticks(sorted({value for one in series for value in one.x}))
        if log_y:
            axis.set_yscale("log")
        else:
            axis.set_ylim(bottom=0)
        axis.set(title=name, xlabel=x_label, ylabel=y_label)
        axis.legend(fontsize="small")
    _save(figure, path, title)


def bars(
    path: Path,
    groups: Sequence[str],
    series: Sequence[Series],
    *,
    title: str,
    y_label: str,
    line_at: float | None = None,
) -> None:
    """Groups of bars: for each group one bar of each series; `x` says which groups it has."""
    bar_panels(path, groups, {"": series}, title=title, y_label=y_label, line_at=line_at)


def bar_panels(
    path: Path,
    groups: Sequence[str],
    panels: Mapping[str, Sequence[Series]],
    *,
    title: str,
    y_label: str,
    log_y: bool = False,
    line_at: float | None = None,
) -> None:
    """One panel of bars for each entry, with the same groups."""
    figure, axes = _panels(len(panels), wide=max(6.0, 1.0 * len(groups)))
    for axis, (name, series) in zip(axes, panels.items(), strict=True):
        width = 0.8 / max(1, len(series))
        for number, one in enumerate(series):
            at = [x + (number + 0.5) * width - 0.4 for x in one.x]
            whiskers: list[list[float]] | None = None
            if one.low:
                below = [max(0.0, y - low) for y, low in zip(one.y, one.low, strict=True)]
                above = [max(0.0, high - y) for y, high in zip(one.y, one.high, strict=True)]
                whiskers = [below, above]
            axis.bar(at, one.y, width, yerr=whiskers, capsize=3, label=one.label)
        if line_at is not None:
            axis.axhline(line_at, color="black", linewidth=0.8, linestyle="--")
        many = len(groups) > 3
        turned: dict[str, Any] = {"rotation": 20, "ha": "right"} if many else {}
        axis.set_xticks(range(len(groups)), groups, **turned)
        axis.set(title=name, ylabel=y_label)
        if log_y:
            axis.set_yscale("log")
        if len(series) > 1:
            axis.legend(fontsize="small")
    _save(figure, path, title)


def _panels(count: int, wide: float = 5.0) -> tuple[Figure, Sequence[Axes]]:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(wide * count, 4.2), layout="constrained")
    FigureCanvasAgg(figure)
    return figure, figure.subplots(1, count, squeeze=False)[0]


def _save(figure: Figure, path: Path, title: str) -> None:
    figure.suptitle(title, fontsize="medium")
    figure.savefig(path, dpi=120, format=path.suffix[1:])
