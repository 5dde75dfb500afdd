# SPDX-License-Identifier: Apache-2.0
"""The report of a campaign as one HTML file: no script, nothing from elsewhere, dark and light."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

from vmalab_campaign import picture, summary
from vmalab_campaign.kinds import Figure
from vmalab_campaign.picture import Bar
from vmalab_campaign.plan import value_text
from vmalab_campaign.summary import Effect, Setting, Summary, Work, figure_text
from vmalab_loadgen import chart, page
from vmalab_loadgen.chart import Axis
from vmalab_loadgen.page import text_of

ROWS_MAX: Final = 60
"""Of a picture; a table has all of them."""
WIDE: Final = 30.0
"""Figures that are further apart are on a logarithmic axis."""
FAILED_MAX: Final = 100
HEAD: Final = '<h1 style="margin-top:48px">'
STEPS: Final = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0)
"""Between two marks of an axis of ratios."""


def page_of(told: Summary) -> str:
    """The whole file."""
    parts = [_head(told)]
    for work in told.works:
        parts += _work(work)
    parts += [_failed(told), _facts(told)]
    return page.document(f"vmalab campaign, {told.file}", parts)


def _head(told: Summary) -> str:
    began = told.created[:19].replace("T", " ")
    mood = "bad" if told.failed else "good"
    tiles = [
        page.tile(f"{told.good:,}", "good runs"),
        page.tile(f"{len(told.failed):,}", "failed", mood),
        page.tile(f"{told.missing:,}", "not done yet", "bad" if told.missing else "good"),
        page.tile(f"{sum(len(one.settings) for one in told.works):,}", "settings"),
    ]
    found = [f"[{work.name}] {one}" for work in told.works for one in summary.findings(work)]
    items = "".join(f"<li>{text_of(one)}</li>" for one in found)
    notes = "".join(f'<li class="bad">{text_of(one)}</li>' for one in told.notes)
    return (
        f"<h1>vmalab campaign, {text_of(told.file)}</h1>"
        f'<p class="soft">begun {text_of(began)} UTC, vmalab '
        f"{text_of(', '.join(told.versions) or 'of no run yet')}</p>"
        f'<div class="tiles">{"".join(tiles)}</div><ul>{notes}{items}</ul>'
    )


def _work(work: Work) -> list[str]:
    parts = [f'{HEAD}[{text_of(work.name)}]</h1>'
             f"<p class='soft'>runs of <code>vmalab "
             f"{text_of(work.kind)}</code></p>"]  # fmt: skip
    if work.figures:
        figure = work.figures[0]
        parts.append(_settings_picture(work, figure))
        parts += [_axis_picture(work, axis, figure) for axis in work.axes]
    parts += [_settings_table(work), _effects_table(work)]
    return parts


def _settings_picture(work: Work, figure: Figure) -> str:
    """A row for each setting: the median over its seeds, each seed, the spread."""
    there = [one for one in work.settings if figure.name in one.figures]
    if not there:
        return ""
    firsts = list(dict.fromkeys(next(iter(one.axes.values()), "") for one in there))
    bars = [_bar(one, figure, firsts) for one in there[:ROWS_MAX]]
    values = [value for bar in bars for value in (bar.low, bar.high)]
    title = f"{figure.name}: median over seeds, spread"
    axis = chart.up_to(values, title)
    if min(values) > 0 and max(values) / min(values) > WIDE:
        axis = chart.decades(values, title)
    finding = summary.finding_of_settings(work, figure) or figure.name
    drawn = picture.rows(
        bars, axis, label=finding, mark=lambda value: figure_text(value, figure.unit)
    )
    more = ""
    if len(there) > ROWS_MAX:
        more = f'<p class="soft">The first {ROWS_MAX} of {len(there)} settings.</p>'
    return f"<h2>{text_of(finding)}</h2>{drawn}{more}"


def _bar(setting: Setting, figure: Figure, firsts: Sequence[object]) -> Bar:
    found = setting.figures[figure.name]
    first = next(iter(setting.axes.values()), "")
    text = figure_text(found.median, figure.unit)
    return Bar(setting.name, found.median, found.low, found.high, found.values, text,
               firsts.index(first) + 1)  # fmt: skip


def _axis_picture(work: Work, axis: str, figure: Figure) -> str:
    """A row for each value of an axis: the ratio to the first one."""
    effects = work.of_axis(axis, figure)
    if not effects:
        return ""
    base = value_text(effects[0].base)
    bars = [Bar(base, 1.0, 1.0, 1.0, (), "1", 4)]
    bars += [
        Bar(value_text(one.value), one.ratio, one.low, one.high, (), f"{one.ratio:.2f}",
            1 if one.clear else 4)
        for one in effects
    ]  # fmt: skip
    values = [value for bar in bars for value in (bar.low, bar.high)]
    title = f"{figure.name}, times that of {base}: mean over settings, least and most"
    scale = _ratios(values, title)
    finding = summary.finding_of_axis(work, axis, figure)
    drawn = picture.rows(
        bars, scale, label=finding, mark=lambda value: f"{value:.3g}", one=1.0
    )  # fmt: skip
    return f"<h2>{text_of(finding)}</h2>{drawn}"


def _ratios(values: Sequence[float], title: str) -> Axis:
    """An axis around 1."""
    if max(values) / min(values) > WIDE:
        return chart.decades(values, title)
    room = max(values) - min(values)
    step = next((one for one in STEPS if room / one <= 6), STEPS[-1])
    low = max(0.0, (math.ceil(min(values) / step - 0.2) - 1) * step)
    high = (math.floor(max(values) / step + 0.2) + 1) * step
    ticks = tuple((low + at * step, "") for at in range(round((high - low) / step) + 1))
    return Axis(title, low, high, ticks=ticks)


def _settings_table(work: Work) -> str:
    rows = []
    for one in work.settings:
        row = [text_of(summary.setting_text(one)), str(one.good), str(one.failed)]
        for figure in work.figures:
            found = one.figures.get(figure.name)
            if found is None:
                row.append("")
                continue
            low, high = figure_text(found.low, figure.unit), figure_text(found.high, figure.unit)
            spread = f' <span class="soft">{low} to {high}</span>' if low != high else ""
            row.append(f"{figure_text(found.median, figure.unit)}{spread}")
        rows.append(row)
    head = ("setting", "good", "failed", *(f"{one.name}" for one in work.figures))
    return f"<h2>Settings: median over seeds, and the spread</h2>{page.table(head, rows)}"


def _effects_table(work: Work) -> str:
    if not work.effects:
        return ""
    head = ("axis", "value", "against", "figure", "ratio", "least", "most", "settings", "apart",
            "clear")  # fmt: skip
    rows = [
        [text_of(one.axis), text_of(value_text(one.value)), text_of(value_text(one.base)),
         text_of(one.figure.name), _coloured(one), f"{one.low:.3f}", f"{one.high:.3f}",
         str(one.settings), str(one.apart), "yes" if one.clear else "no"]
        for one in work.effects
    ]  # fmt: skip
    return (
        f"<h2>Values against the first of their axis</h2>{page.table(head, rows)}"
        '<p class="soft">apart: settings in which the spreads over seeds do not overlap. clear: so '
        "in more than half of them.</p>"
    )


def _coloured(effect: Effect) -> str:
    text = f"{effect.ratio:.3f}"
    if not effect.clear:
        return text
    good = (effect.ratio > 1) == effect.figure.more_is_better
    return f'<span class="{"good" if good else "bad"}">{text}</span>'


def _failed(told: Summary) -> str:
    if not told.failed:
        return ""
    rows = [
        [text_of(one.key), text_of(one.data["exit_code"]), text_of(one.data["reason"])]
        for one in told.failed[:FAILED_MAX]
    ]
    more = len(told.failed) - FAILED_MAX
    note = f'<p class="soft">{more} more.</p>' if more > 0 else ""
    return f"{HEAD}Failed runs</h1>{page.table(('run', 'exit code', 'reason'), rows)}{note}"


def _facts(told: Summary) -> str:
    rows = [[text_of(f"machine {at}"), text_of(one)] for at, one in enumerate(told.machines, 1)]
    rows += [["vmalab", text_of(one)] for one in told.versions]
    rows += [["earlier results", str(told.earlier)]] if told.earlier else []
    rows += [["left out", text_of(one)] for one in told.left_out]
    return (
        f"{HEAD}Machines, and the file</h1>{page.table(('', ''), rows)}"
        f"<pre><code>{text_of(told.text)}</code></pre>"
    )
