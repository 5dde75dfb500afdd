# SPDX-License-Identifier: Apache-2.0
"""Goal: a chart can go into a talk as it is, and those of docs/measurements.md are up to date.

Method: the charts are drawn from the JSON files of docs/measurements, without measuring. What is
compared is what is in the file: the words, where each word is, the marks, the colours as a reader
with a kind of colour blindness sees them. A failure names the chart.
"""

from __future__ import annotations

import json
import re
import struct
from collections.abc import Iterator, Sequence
from itertools import combinations
from pathlib import Path
from typing import Final
from xml.etree import ElementTree

import numpy as np
import pytest
from matplotlib.container import BarContainer, ErrorbarContainer
from matplotlib.figure import Figure
from matplotlib.text import Text

from servers import vmalab
from vmalab_bench import page, plots

MEASURED: Final = Path(__file__).resolve().parents[2] / "docs" / "measurements"
NAMES: Final = [section.name for section in page.SECTIONS]
DC: Final = "{http://purl.org/dc/elements/1.1/}"

# Machado, Oliveira, Fernandes 2009: linear RGB as it is seen without one of the three cones.
BLINDNESS: Final = {
    "none": ((1, 0, 0), (0, 1, 0), (0, 0, 1)),
    "no red": (
        (0.152286, 1.052583, -0.204868),
        (0.114503, 0.786281, 0.099216),
        (-0.003882, -0.048116, 1.051998),
    ),
    "no green": (
        (0.367322, 0.860646, -0.227968),
        (0.280085, 0.672501, 0.047413),
        (-0.011820, 0.042940, 0.968881),
    ),
    "no blue": (
        (1.255528, -0.076749, -0.178779),
        (-0.078411, 0.930809, 0.147602),
        (0.004733, 0.691367, 0.303900),
    ),
}
APART_MIN: Final = 13.0
"""Of two colours in CIELAB; 2.3 is what a trained eye sees side by side."""


@pytest.fixture(scope="module")
def charts(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Path, Figure]]:
    """Each chart as a file and as the figure that it was written from."""
    figures: list[Figure] = []
    write = Figure.savefig

    def kept(figure: Figure, *arguments: object, **options: object) -> None:
        figures.append(figure)
        write(figure, *arguments, **options)  # type: ignore[arg-type]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Figure, "savefig", kept)
        files = page.redraw(MEASURED, tmp_path_factory.mktemp("charts"), (".svg",))
    assert [path.stem for path in files] == NAMES, "each bench has its JSON file in docs"
    return {path.stem: (path, figure) for path, figure in zip(files, figures, strict=True)}


def words(path: Path) -> tuple[str, str]:
    """Title and description of an SVG file."""
    tree = ElementTree.parse(path)
    title, about = tree.find(f".//{DC}title"), tree.find(f".//{DC}description")
    assert title is not None, f"{path} has no title"
    assert about is not None, f"{path} has no description"
    return title.text or "", about.text or ""


def texts(figure: Figure) -> list[Text]:
    """All that can be seen: no tick labels beyond the end of their axis."""
    beyond = {label for label, seen in tick_labels(figure) if not seen}
    return [
        one
        for one in figure.findobj(Text)
        if isinstance(one, Text)
        and one.get_visible()
        and one.get_text().strip()
        and one not in beyond
    ]


@pytest.mark.parametrize("name", NAMES)
def test_says_everything(name: str, charts: dict[str, tuple[Path, Figure]]) -> None:
    data = json.loads((MEASURED / f"{name}.json").read_text())
    path, figure = charts[name]
    finding, about = words(path)
    assert re.search(r"\d", finding), f"{name}: {finding!r} is no finding, it has no figure"
    for fact in (data["machine"]["cpu"], data["machine"]["kernel"], data["date"], "Median"):
        if name != "memory" or fact != "Median":  # those are counted
            assert fact in about, f"{name}: {about!r} lacks {fact}"
    assert f"vmalab bench {name} --seed {data['seed']}" in about
    written = " ".join(one.get_text() for one in texts(figure)).replace("\n", " ")
    assert finding in written, f"{name}: the title is in the file, not on the chart"
    for axis in figure.axes:
        if axis.axison:
            assert axis.get_xlabel(), f"{name}: an axis has no unit"
            assert axis.patches or figure.axes[0].get_ylabel(), f"{name}: an axis has no unit"


@pytest.mark.parametrize("name", NAMES)
def test_docs_are_up_to_date(name: str, charts: dict[str, tuple[Path, Figure]]) -> None:
    assert words(MEASURED / f"{name}.svg") == words(charts[name][0]), (
        f"vmalab bench draw docs/measurements: {name}.svg is not of {name}.json"
    )


@pytest.mark.parametrize("name", NAMES)
def test_readable(name: str, charts: dict[str, tuple[Path, Figure]]) -> None:
    """No word is cut off, small, or on top of another; no panel is small."""
    figure = charts[name][1]
    figure.draw_without_rendering()
    inside = figure.bbox
    for one in texts(figure):
        box = one.get_window_extent()
        assert float(one.get_fontsize()) >= plots.SMALL_PT, f"{name}: {one.get_text()!r} is small"
        assert box.x0 >= 0, f"{name}: {one.get_text()!r} is cut off on the left"
        assert box.x1 <= inside.x1, f"{name}: {one.get_text()!r} is cut off on the right"
        assert box.y0 >= 0, f"{name}: {one.get_text()!r} is cut off below"
        assert box.y1 <= inside.y1, f"{name}: {one.get_text()!r} is cut off above"
    for axis in figure.axes:
        if not axis.axison:
            continue
        box = axis.get_window_extent()
        wide, high = box.width / figure.dpi, box.height / figure.dpi
        assert wide >= 2.5, f"{name}: a panel is {wide:.1f} inches wide"
        assert high >= 1.4, f"{name}: a panel is {high:.1f} inches high"
    shown = [*head_and_foot(figure), *(label for label, seen in tick_labels(figure) if seen)]
    for one, other in combinations(shown, 2):
        over = one.get_window_extent().padded(-1).overlaps(other.get_window_extent().padded(-1))
        assert not over, f"{name}: {one.get_text()!r} is on top of {other.get_text()!r}"


def head_and_foot(figure: Figure) -> list[Text]:
    legends = [text for legend in figure.legends for text in legend.get_texts()]
    labels = [axis.xaxis.label for axis in figure.axes if axis.axison]
    return [*figure.texts, *legends, *labels]


def tick_labels(figure: Figure) -> Iterator[tuple[Text, bool]]:
    """The labels of all ticks, and whether they are seen."""
    for axis in figure.axes:
        for kind, limits in ((axis.xaxis, axis.get_xlim()), (axis.yaxis, axis.get_ylim())):
            low, high = sorted(limits)
            for tick in kind.get_major_ticks():
                written = bool(tick.label1.get_text()) and axis.axison
                yield tick.label1, written and low <= tick.get_loc() <= high


@pytest.mark.parametrize("name", NAMES)
def test_more_than_colours(name: str, charts: dict[str, tuple[Path, Figure]]) -> None:
    """Two series of a panel differ in their marker or pattern, not only in their colour."""
    for axis in charts[name][1].axes:
        lines = [one for one in axis.containers if isinstance(one, ErrorbarContainer)]
        marks = [str(one.lines[0].get_marker()) for one in lines if one.lines[0]]
        bars = [one for one in axis.containers if isinstance(one, BarContainer)]
        patterns = [str(one.patches[0].get_hatch()) for one in bars]
        assert marks or patterns or not axis.axison, f"{name}: nothing is drawn in a panel"
        for kind in (marks, patterns):
            assert len({*kind}) == len(kind), f"{name}: {kind} are not told apart without colours"


def lab(
    colour: str, matrix: Sequence[Sequence[float]]
) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """CIELAB of a colour as it is seen."""
    srgb = np.array([int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)])
    linear = np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)
    seen = np.clip(np.array(matrix) @ linear, 0, 1)
    to_xyz = np.array(
        [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]
    )
    xyz = (to_xyz @ seen) / np.array([0.9505, 1.0, 1.089])
    f = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


@pytest.mark.parametrize("kind", BLINDNESS)
def test_colours_for_every_eye(kind: str) -> None:
    for one, other in combinations(plots.COLOURS, 2):
        apart = float(np.linalg.norm(lab(one, BLINDNESS[kind]) - lab(other, BLINDNESS[kind])))
        assert apart >= APART_MIN, f"{one} and {other} look alike ({apart:.1f}): {kind}"


def test_title_is_of_the_figures(tmp_path: Path) -> None:
    """The finding comes from what was measured: other figures, another title."""
    data = json.loads((MEASURED / "fault.json").read_text())
    data |= {"fault_ns": 123.0, "ratio": 61.5}
    (tmp_path / "fault.json").write_text(json.dumps(data))
    drawn = page.redraw(tmp_path, tmp_path, (".svg",))
    assert words(drawn[0])[0].startswith("At 1,000 VMAs a fault takes 123 ns"), words(drawn[0])


def test_command(tmp_path: Path) -> None:
    """`bench draw` writes SVG, and PNG with twice the pixels that the chart has on a screen."""
    (tmp_path / "kernel.json").write_bytes((MEASURED / "kernel.json").read_bytes())
    done = vmalab("bench", "draw", str(tmp_path), "--png", "--json")
    assert done.returncode == 0, done.stderr
    svg, png = (Path(name) for name in json.loads(done.stdout)["drawn"])
    assert (svg.suffix, png.suffix) == (".svg", ".png")
    points = float((ElementTree.parse(svg).getroot().get("width") or "").removesuffix("pt"))
    pixels = struct.unpack(">I", png.read_bytes()[16:20])[0]
    assert pixels == pytest.approx(2 * 96 * points / 72, abs=2)


def test_nothing_to_draw(tmp_path: Path) -> None:
    done = vmalab("bench", "draw", str(tmp_path))
    assert (done.returncode, done.stdout) == (2, "")
    assert "no JSON file of a bench" in done.stderr
