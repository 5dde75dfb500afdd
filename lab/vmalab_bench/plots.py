# SPDX-License-Identifier: Apache-2.0
"""Charts: lines or bars with intervals, as SVG, or as PNG with twice the pixels of a screen.

A chart is for a slide, so it says everything itself: the title is what was found, the line below it
what is drawn and in which unit, the line at the bottom the machine, the date and the command. Each
series has a colour and a marker (bars: a pattern), and the same ones in each panel. The colours are
those of Okabe and Ito, which people with any kind of colour blindness can distinguish.
"""

from __future__ import annotations

import os
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import ceil
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from vmalab_bench import machine
from vmalab_bench.base import BadRequest

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

SUFFIXES: Final = (".png", ".svg")
COLOURS: Final = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#000000", "#E69F00", "#56B4E9")
MARKERS: Final = ("o", "s", "^", "D", "v", "P", "X")
STROKES: Final = ("-", "--", "-.", ":", "-", "--", "-.")
PATTERNS: Final = ("", "//", "..", "xx", "\\\\", "++", "oo")
STYLES: Final = len(COLOURS)
WIDTH_IN: Final = 11.0
COLUMNS_MAX: Final = 3
PANEL_HEIGHT_IN: Final = 3.1
BAR_IN: Final = 0.2
EDGE_IN: Final = 0.1
APART: Final = 0.05
"""Of marks that have the same x, where the steps of x are 1."""
TITLE_PT, TEXT_PT, SMALL_PT = 15, 11, 9
DPI: Final = 192
"""Of a PNG: twice the 96 of a screen."""


@dataclass(frozen=True, slots=True)
class Series:
    """One line or one colour of bars; `low` and `high` are the ends of the intervals, if known."""

    label: str
    x: Sequence[float]
    y: Sequence[float]
    low: Sequence[float] = field(default=())
    high: Sequence[float] = field(default=())


@dataclass(frozen=True, slots=True)
class Caption:
    """What a chart says in words."""

    finding: str
    drawn: str
    source: str

    @staticmethod
    def of(data: dict[str, Any], finding: str, drawn: str) -> Caption:
        """The caption of what a bench measured: machine, date and command are in its output."""
        command = f"vmalab bench {data['bench']} --seed {data['seed']}"
        facts = machine.one_line(data["machine"])
        return Caption(finding, drawn, f"{facts}. {data.get('date', 'no date')}. {command}")


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
    caption: Caption,
    *,
    x_label: str,
    y_label: str,
    log_x: bool = False,
    log_y: bool = False,
    share_y: bool = True,
) -> None:
    """One panel of lines for each entry.

    Args:
        share_y: all panels have the same y axis, so that they can be compared.
    """
    drawing = _Drawing(caption, panels, PANEL_HEIGHT_IN, share_y=share_y)
    for axis, (name, series) in zip(drawing.axes, panels.items(), strict=False):
        for place, one in enumerate(series):
            # Marks of the same x stand side by side, so that none hides another.
            shift = 0.0 if log_x else APART * (place - (len(series) - 1) / 2)
            _line(axis, one, drawing.style(one.label), shift)
        values = sorted({value for one in series for value in one.x})
        if log_x:
            axis.set_xscale("log")
            axis.minorticks_off()
        axis.set_xticks(values, [_round(value) for value in values])
        if log_y:
            axis.set_yscale("log")
            axis.yaxis.set_major_formatter(lambda value, _: _round(value))
        else:
            axis.set_ylim(bottom=0)
        axis.set_title(name, fontsize=TEXT_PT, loc="left")
        axis.set_xlabel(x_label)
        axis.grid(axis="y", alpha=0.3)
    for axis in drawing.axes[:: drawing.columns]:
        axis.set_ylabel(y_label)
    drawing.save(path)


def _line(axis: Axes, one: Series, style: int, shift: float) -> None:
    """A line with an interval at each mark."""
    whiskers = _whiskers(one)
    axis.errorbar(
        [x + shift for x in one.x],
        one.y,
        yerr=whiskers,
        color=COLOURS[style],
        marker=MARKERS[style],
        linestyle=STROKES[style],
        elinewidth=1,
        capsize=2,
        label=one.label,
    )


def _whiskers(one: Series) -> list[list[float]] | None:
    """How far each interval goes below and above its figure."""
    if not one.low:
        return None
    below = [max(0.0, y - low) for y, low in zip(one.y, one.low, strict=True)]
    above = [max(0.0, high - y) for y, high in zip(one.y, one.high, strict=True)]
    return [below, above]


def bars(
    path: Path,
    groups: Sequence[str],
    panels: Mapping[str, Sequence[Series]],
    caption: Caption,
    *,
    unit: str,
    log: bool = False,
    line_at: float | None = None,
) -> None:
    """Lying bars: for each group one bar of each series; `x` says which groups it has.

    Args:
        panels: each has all groups; the name of a single one may be "".
        unit: of the figures, for their axis.
        line_at: a figure that others are compared with.
    """
    most = max(len(series) for series in panels.values())
    drawing = _Drawing(caption, panels, 0.9 + BAR_IN * len(groups) * max(most, 1.5))
    for axis, (name, series) in zip(drawing.axes, panels.items(), strict=False):
        wide = 0.8 / max(1, len(series))
        for number, one in enumerate(series):
            _lying(axis, one, (number + 0.5) * wide - 0.4, wide, drawing.style(one.label))
        if line_at is not None:
            axis.axvline(line_at, color="black", linewidth=0.8, linestyle="--")
        axis.set_yticks(range(len(groups)), groups)
        axis.set_ylim(len(groups) - 0.4, -0.6)
        axis.set_title(name, fontsize=TEXT_PT, loc="left")
        axis.set_xlabel(unit)
        if log:
            axis.set_xscale("log")
            axis.xaxis.set_major_formatter(lambda value, _: _round(value))
        axis.margins(x=0.16)
        axis.spines[["top", "right"]].set_visible(False)
    drawing.save(path)


def _lying(axis: Axes, one: Series, offset: float, wide: float, style: int) -> None:
    """The bars of a series, each with its figure at its end."""
    at = [x + offset for x in one.x]
    axis.barh(
        at,
        one.y,
        wide,
        xerr=_whiskers(one),
        capsize=2,
        color=COLOURS[style],
        hatch=PATTERNS[style],
        edgecolor="white",
        linewidth=0,
        label=one.label,
        error_kw={"elinewidth": 1, "ecolor": "#555555"},
    )
    ends = one.high or one.y
    for y, figure, end in zip(at, one.y, ends, strict=True):
        axis.annotate(
            number(figure),
            (max(end, figure), y),
            xytext=(4, 0),
            textcoords="offset points",
            va="center",
            fontsize=SMALL_PT,
            bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.5},
        )


def number(value: float) -> str:
    """Three digits are what a reader of a chart can use."""
    whole = isinstance(value, int) or abs(value) >= 100
    return f"{value:,.0f}" if whole else f"{value:#.3g}"


def _round(value: float) -> str:
    """A tick of a logarithmic axis, or a small number: 10, 1k, 1M."""
    for unit, letter in ((1e6, "M"), (1e3, "k")):
        if value >= unit:
            return f"{value / unit:g}{letter}"
    return f"{value:g}"


class _Drawing:
    """The figure: caption, legend, panels in rows of three at most."""

    def __init__(
        self,
        caption: Caption,
        panels: Mapping[str, Sequence[Series]],
        panel_height: float,
        *,
        share_y: bool = False,
    ) -> None:
        import matplotlib as mpl
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure

        self.caption = caption
        count = len(panels)
        self.columns = min(count, COLUMNS_MAX)
        rows = ceil(count / self.columns)
        labels = (one.label for series in panels.values() for one in series)
        self.labels = [*dict.fromkeys(filter(None, labels))]
        self._head = self._words()
        self._foot = 0.3
        height = self._head + self._foot + rows * panel_height
        with mpl.rc_context({"font.size": TEXT_PT, "axes.labelsize": TEXT_PT}):
            self.figure: Figure = Figure(figsize=(WIDTH_IN, height), layout="constrained")
            FigureCanvasAgg(self.figure)
            cells = self.figure.subplots(rows, self.columns, squeeze=False, sharey=share_y)
        self.axes: list[Axes] = [*cells.flat]
        for axis in self.axes[count:]:
            axis.set_axis_off()
        for axis in self.axes:
            axis.tick_params(labelsize=TEXT_PT - 1, labelleft=True)

    def style(self, label: str) -> int:
        """The number of a series' colour, marker and pattern."""
        return self.labels.index(label) % STYLES if label in self.labels else 0

    def _words(self) -> float:
        """Wraps the caption; the inches that it and the legend take."""
        self._title = textwrap.wrap(self.caption.finding, 80, break_on_hyphens=False)
        self._drawn = textwrap.wrap(self.caption.drawn, 130, break_on_hyphens=False)
        longest = max(map(len, self.labels), default=1)
        self._legend_columns = max(1, min(len(self.labels), int(WIDTH_IN / (0.8 + 0.09 * longest))))
        legend_rows = ceil(len(self.labels) / self._legend_columns) if len(self.labels) > 1 else 0
        self._legend_at = 0.12 + 0.27 * len(self._title) + 0.2 * len(self._drawn)
        return self._legend_at + 0.26 * legend_rows + 0.12

    def save(self, path: Path) -> None:
        """Writes the file; the same data give the same bytes."""
        import matplotlib as mpl

        figure, caption = self.figure, self.caption
        wide, high = figure.get_size_inches()
        engine = figure.get_layout_engine()
        if engine is not None:
            space = (high - self._head - self._foot) / high
            edge = EDGE_IN / wide
            rect = (edge, self._foot / high, 1 - 2 * edge, space)
            engine.set(rect=rect)  # type: ignore[call-arg]
        left = 0.12 / wide
        top = 0.12
        title, drawn = "\n".join(self._title), "\n".join(self._drawn)
        figure.text(left, 1 - top / high, title, va="top", fontsize=TITLE_PT, weight="bold")
        top += 0.27 * len(self._title)
        figure.text(left, 1 - top / high, drawn, va="top", fontsize=TEXT_PT, color="#444444")
        figure.text(left, 0.08 / high, caption.source, fontsize=SMALL_PT, color="#444444")
        if len(self.labels) > 1:
            shown = [axis.get_legend_handles_labels() for axis in self.axes]
            known = {
                text: one for ones, texts in shown for one, text in zip(ones, texts, strict=True)
            }
            figure.legend(
                [known[label] for label in self.labels],
                self.labels,
                loc="upper left",
                bbox_to_anchor=(0, 1 - self._legend_at / high),
                ncols=self._legend_columns,
                frameon=False,
                fontsize=TEXT_PT - 1,
                handlelength=3.2,
            )
        words = {"Title": caption.finding, "Description": f"{caption.drawn}. {caption.source}"}
        if path.suffix == ".svg":
            words["Date"] = None  # type: ignore[assignment]
        with mpl.rc_context({"svg.hashsalt": "vmalab"}):
            figure.savefig(path, dpi=DPI, format=path.suffix[1:], metadata=words)
