# SPDX-License-Identifier: Apache-2.0
"""What came out of a campaign: each setting over its seeds, each axis over all settings.

A setting is a combination of values on the axes of a section. Its figure is the median over its
seeds; the spread is from the least to the most. The effect of a value on an axis is the ratio to
the first value of that axis, in settings that are the same but for it: their geometric mean, and
the least and the most. Two settings are apart if their spreads do not overlap.
"""

from __future__ import annotations

import json
import math
import statistics
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from vmalab_campaign.kinds import KINDS, Figure, Value
from vmalab_campaign.plan import setting_words, value_text
from vmalab_campaign.store import Row, Store
from vmalab_loadgen import chart
from vmalab_loadgen.page import time_text

SCHEMA: Final = "vmalab-campaign-report"
SCHEMA_VERSION: Final = 1
SAME: Final = 0.005
"""A ratio that is so near to 1 is none."""


@dataclass(frozen=True, slots=True)
class Spread:
    """A figure of a setting."""

    values: tuple[float, ...]

    @property
    def median(self) -> float:
        return statistics.median(self.values)

    @property
    def low(self) -> float:
        return min(self.values)

    @property
    def high(self) -> float:
        return max(self.values)

    def apart(self, other: Spread) -> bool:
        """Whether the spreads do not overlap. One seed has no spread."""
        if len(self.values) < 2 or len(other.values) < 2:
            return False
        return self.low > other.high or other.low > self.high

    def as_dict(self) -> dict[str, Any]:
        return {"median": self.median, "low": self.low, "high": self.high,
                "seeds": len(self.values)}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Setting:
    """A combination of values, over its seeds. figures: by name; of good runs."""

    axes: Mapping[str, Value]
    good: int
    failed: int
    figures: Mapping[str, Spread]

    @property
    def name(self) -> str:
        return ", ".join(value_text(value) for value in self.axes.values()) or "all"

    def as_dict(self) -> dict[str, Any]:
        return {
            "axes": dict(self.axes),
            "good": self.good,
            "failed": self.failed,
            "figures": {name: one.as_dict() for name, one in self.figures.items()},
        }


@dataclass(frozen=True, slots=True)
class Effect:
    """What a value on an axis does to a figure.

    Attributes:
        ratio: to the first value of the axis; geometric mean over the settings.
        apart: settings in which the two spreads do not overlap.
    """

    figure: Figure
    axis: str
    base: Value
    value: Value
    ratio: float
    low: float
    high: float
    settings: int
    apart: int

    @property
    def clear(self) -> bool:
        """Whether it is larger than the spread, in more than half of the settings."""
        return abs(self.ratio - 1) >= SAME and 2 * self.apart > self.settings

    def as_dict(self) -> dict[str, Any]:
        return {
            "figure": self.figure.name, "axis": self.axis, "base": self.base, "value": self.value,
            "ratio": round(self.ratio, 4), "low": round(self.low, 4), "high": round(self.high, 4),
            "settings": self.settings, "apart": self.apart, "clear": self.clear,
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class Work:
    """A section of the file."""

    name: str
    kind: str
    settings: tuple[Setting, ...]
    effects: tuple[Effect, ...]

    @property
    def figures(self) -> tuple[Figure, ...]:
        """Those that some setting has; the first is that of findings and pictures."""
        return tuple(
            one for one in KINDS[self.kind].figures
            if any(one.name in setting.figures for setting in self.settings)
        )  # fmt: skip

    def of_axis(self, axis: str, figure: Figure) -> list[Effect]:
        return [one for one in self.effects if one.axis == axis and one.figure == figure]

    @property
    def axes(self) -> list[str]:
        """Those with an effect that is known."""
        return list(dict.fromkeys(one.axis for one in self.effects))

    def as_dict(self) -> dict[str, Any]:
        return {
            "work": self.name,
            "kind": self.kind,
            "findings": findings(self),
            "settings": [one.as_dict() for one in self.settings],
            "effects": [one.as_dict() for one in self.effects],
        }


@dataclass(frozen=True, slots=True)
class Summary:
    """All of a campaign."""

    file: str
    text: str
    created: str
    planned: int
    good: int
    failed: tuple[Row, ...]
    earlier: int
    left_out: tuple[str, ...]
    versions: tuple[str, ...]
    machines: tuple[str, ...]
    works: tuple[Work, ...]

    @property
    def missing(self) -> int:
        return self.planned - self.good - len(self.failed)

    @property
    def notes(self) -> list[str]:
        """What somebody who reads the figures has to know."""
        found = []
        if self.missing:
            found.append(f"{self.missing} of {self.planned} runs are not done yet.")
        if self.failed:
            have = "1 run has" if len(self.failed) == 1 else f"{len(self.failed)} runs have"
            found.append(f"{have} failed; the figures are of the others.")
        if len(self.versions) > 1:
            found.append(f"Runs of several versions of vmalab: {', '.join(self.versions)}.")
        if len(self.machines) > 1:
            found.append(f"Runs on {len(self.machines)} machines: ratios have that in them.")
        if self.left_out:
            found.append(f"{len(self.left_out)} combinations cannot be, and were left out.")
        return found

    def as_dict(self) -> dict[str, Any]:
        return {
            "schema": SCHEMA,
            "schema_version": SCHEMA_VERSION,
            "file": self.file,
            "created": self.created,
            "planned": self.planned,
            "good": self.good,
            "failed": [{"run": one.key, "reason": one.data["reason"]} for one in self.failed],
            "missing": self.missing,
            "earlier": self.earlier,
            "left_out": list(self.left_out),
            "versions": list(self.versions),
            "machines": list(self.machines),
            "notes": self.notes,
            "works": [one.as_dict() for one in self.works],
        }


def of(store: Store) -> Summary:
    """The summary of the results that are there."""
    rows = store.rows()
    planned = store.planned()
    rows = [one for one in rows if one.key in planned]
    works = [
        _work([row for row in rows if row.data["work"] == name])
        for name in dict.fromkeys(str(row.data["work"]) for row in rows)
    ]
    return Summary(
        file=store.fact("file"),
        text=store.fact("text"),
        created=store.fact("created"),
        planned=len(planned),
        good=sum(one.good for one in rows),
        failed=tuple(one for one in rows if not one.good),
        earlier=len(store.earlier()),
        left_out=tuple(json.loads(store.fact("left_out") or "[]")),
        versions=tuple(dict.fromkeys(str(row.data["version"]) for row in rows)),
        machines=tuple(dict.fromkeys(_machine(row) for row in rows if _machine(row))),
        works=tuple(works),
    )


def _machine(row: Row) -> str:
    """The machine of a run; "": the run was not started on any."""
    facts = json.loads(row.data["machine"])
    if not facts:
        return ""
    return (
        f"{facts['host']}: {facts['cpu']}, {facts['cpus']} CPUs, Linux {facts['kernel']}, "
        f"Python {facts['python']}"
    )


def _work(rows: Sequence[Row]) -> Work:
    groups: dict[str, list[Row]] = {}
    for row in sorted(rows, key=lambda row: int(row.data["number"])):
        groups.setdefault(row.data["axes"], []).append(row)
    kind = KINDS[str(rows[0].data["kind"])]
    settings = tuple(_setting(group, kind.figures) for group in groups.values())
    effects = tuple(
        effect
        for axis in dict.fromkeys(name for one in settings for name in one.axes)
        for figure in kind.figures
        for effect in _effects(settings, axis, figure)
    )
    return Work(str(rows[0].data["work"]), kind.name, settings, effects)


def _setting(rows: Sequence[Row], figures: Sequence[Figure]) -> Setting:
    results = [row.result for row in rows if row.good]
    found = {}
    for figure in figures:
        values = [value for one in results if (value := figure.of(one)) is not None]
        if values:
            found[figure.name] = Spread(tuple(values))
    return Setting(rows[0].axes, len(results), len(rows) - len(results), found)


def _effects(settings: Sequence[Setting], axis: str, figure: Figure) -> Iterator[Effect]:
    """Of each value of an axis but the first."""
    there = [one for one in settings if axis in one.axes and figure.name in one.figures]
    values = list(dict.fromkeys(one.axes[axis] for one in settings if axis in one.axes))
    for value in values[1:]:
        pairs = [
            (one.figures[figure.name], other.figures[figure.name])
            for one in there
            for other in there
            if one.axes[axis] == values[0]
            and other.axes[axis] == value
            and _others(one, axis) == _others(other, axis)
        ]
        pairs = [(one, other) for one, other in pairs if one.median > 0 and other.median > 0]
        ratios = [other.median / one.median for one, other in pairs]
        if ratios:
            mean = math.exp(statistics.fmean(math.log(ratio) for ratio in ratios))
            apart = sum(one.apart(other) for one, other in pairs)
            yield Effect(figure, axis, values[0], value, mean, min(ratios), max(ratios),
                         len(ratios), apart)  # fmt: skip


def _others(setting: Setting, axis: str) -> dict[str, Value]:
    return {name: value for name, value in setting.axes.items() if name != axis}


# --- in words ---


def figure_text(value: float, unit: str) -> str:
    """A figure with its unit."""
    match unit:
        case "us":
            return time_text(value)
        case "ms":
            return time_text(value * 1000)
        case "/s":
            return f"{chart.number(value)}/s"
    return chart.number(value)


def finding_of_axis(work: Work, axis: str, figure: Figure) -> str:
    """What an axis does to a figure, in a sentence; "": nothing is known."""
    effects = work.of_axis(axis, figure)
    if not effects:
        return ""
    if all(one.apart == 0 for one in effects) and _one_seed(work, figure):
        most = max(effects, key=lambda one: abs(math.log(one.ratio)))
        return f"{axis}: {_times(most)}; one seed, so no spread is known"
    clear = [one for one in effects if one.clear]
    if not clear:
        return f"{axis}: no difference in {figure.name} that is larger than the spread over seeds"
    most = max(clear, key=lambda one: abs(math.log(one.ratio)))
    more = f", spreads apart in {most.apart} of {most.settings}" if most.settings > 1 else ""
    return f"{axis}: {_times(most)}{more}"


def _one_seed(work: Work, figure: Figure) -> bool:
    spreads = [one.figures[figure.name] for one in work.settings if figure.name in one.figures]
    return all(len(one.values) < 2 for one in spreads)


def _times(effect: Effect) -> str:
    said = (
        f"{value_text(effect.value)} has {effect.ratio:.2f} times the {effect.figure.name} of "
        f"{value_text(effect.base)}"
    )
    if effect.settings > 1:
        said += f" ({effect.low:.2f} to {effect.high:.2f} in {effect.settings} settings)"
    return said


def finding_of_settings(work: Work, figure: Figure) -> str:
    """Which setting has the most of a figure, and which the least; "": there are not two."""
    there = [one for one in work.settings if figure.name in one.figures]
    if len(there) < 2:
        return ""
    there.sort(key=lambda one: one.figures[figure.name].median)
    least, most = there[0], there[-1]
    low, high = least.figures[figure.name], most.figures[figure.name]
    if low.median == high.median:
        return f"{figure.name}: {figure_text(low.median, figure.unit)} in every setting"
    said = (
        f"{figure.name}: {figure_text(high.median, figure.unit)} with {most.name}, the most, "
        f"{figure_text(low.median, figure.unit)} with {least.name}, the least"
    )
    overlap = low.high >= high.low and len(low.values) > 1 and len(high.values) > 1
    return f"{said}; their spreads overlap" if overlap else said


def findings(work: Work) -> list[str]:
    """Of the first figure: the settings, then each axis."""
    if not work.figures:
        return []
    figure = work.figures[0]
    found = [finding_of_settings(work, figure)]
    found += [finding_of_axis(work, axis, figure) for axis in work.axes]
    return [one for one in found if one]


def setting_text(setting: Setting) -> str:
    return " ".join(setting_words(setting.axes)) or "all"
