# SPDX-License-Identifier: Apache-2.0
"""Everything at once: the intact core in each scenario on each model, each mutant where it applies.

A mutant counts as caught on a model when one of the scenarios that name it breaks an invariant.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from vmalab_native import lab
from vmalab_native.core import lock_models
from vmalab_native.race import explore, scenario
from vmalab_native.race.explore import Finding, Plan, Result

SECONDS_EACH: Final = 20.0
SAMPLES: Final = 200
SAMPLE_DEPTH: Final = 5


@dataclass(slots=True)
class Row:
    """One mutant on one model."""

    mutant: str
    model: str
    scenario: str = ""
    invariant: str = ""
    text: str = ""
    schedules: int = 0
    seconds: float = 0.0
    file: str = ""

    @property
    def caught(self) -> bool:
        return bool(self.invariant)

    @property
    def short(self) -> str:
        """For a program: the mutant's number, or its name where there is none."""
        return lab.mutant(self.mutant).short


@dataclass(slots=True)
class Survey:
    """What came out; as_dict() is what --json prints."""

    seed: int = 1
    intact: list[Result] = field(default_factory=list)
    rows: list[Row] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def false_alarms(self) -> list[tuple[Result, Finding]]:
        return [(result, result.finding) for result in self.intact if result.finding]

    @property
    def good(self) -> bool:
        return not self.false_alarms and all(row.caught for row in self.rows)

    def not_applicable(self) -> list[str]:
        there = {(row.mutant, row.model) for row in self.rows}
        return [
            f"{mutant.short} {model}"
            for mutant in lab.MUTANTS
            for model in lock_models()
            if (mutant.name, model) not in there
        ]

    def as_dict(self) -> dict[str, Any]:
        return {
            "scenarios": len({result.scenario.name for result in self.intact}),
            "mutants": len(self.rows),
            "caught": sum(row.caught for row in self.rows),
            "false_alarms": len(self.false_alarms),
            "not_applicable": self.not_applicable(),
            "missed": [f"{row.short} {row.model}" for row in self.rows if not row.caught],
            "schedules": sum(result.schedules for result in self.intact)
            + sum(row.schedules for row in self.rows),
            "seconds": round(self.seconds, 1),
            "seed": self.seed,
            "intact": [result.as_dict() for result in self.intact],
            "rows": [
                {
                    "mutant": row.short,
                    "mutant_name": row.mutant,
                    "model": row.model,
                    "scenario": row.scenario,
                    "caught": row.caught,
                    "invariant": row.invariant,
                    "text": row.text,
                    "schedules": row.schedules,
                    "sched": row.file,
                }
                for row in self.rows
            ],
        }


def _write(folder: Path | None, row: Row, finding: Finding) -> None:
    if folder is None:
        return
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{row.mutant}.{row.model}.sched"
    path.write_text(finding.schedule.text(), encoding="utf-8")
    row.file = str(path)


def _mutant(row: Row, names: list[str], seed: int, folder: Path | None) -> None:
    begin = time.monotonic()
    for name in names:
        one = scenario.load(name)
        plan = Plan(mutants=one.switched(row.mutant, row.model), seed=seed, seconds=SECONDS_EACH)
        result = explore.explore(one, row.model, plan)
        row.schedules += result.schedules
        if result.finding:
            row.scenario = name
            row.invariant = result.finding.violation.invariant
            row.text = result.finding.violation.text
            _write(folder, row, result.finding)
            break
    row.seconds = time.monotonic() - begin


def shown_by(mutant: str, model: str) -> list[str]:
    """The scenarios that name a mutant, for a model."""
    return [
        name
        for name in scenario.names()
        if mutant in (one := scenario.load(name)).finds and model in one.models
    ]


def _wanted(models: list[str]) -> Iterator[tuple[str, str]]:
    for mutant in lab.MUTANTS:
        for model in models:
            if scenario.applies(mutant.name, model):
                yield mutant.name, model


def survey(
    *,
    models: list[str],
    seed: int = 1,
    folder: Path | None = None,
    deaths: int | None = None,
    progress: Callable[[str], None] = lambda text: None,
) -> Survey:
    """Runs everything on these models.

    Args:
        folder: where the schedule of each caught mutant is written.
        deaths: schedules of a scenario in which an actor dies, on the intact core; each takes
            actors of its own. None: as many as the scenario says.
    """
    begin = time.monotonic()
    result = Survey(seed=seed)
    for name in scenario.names():
        one = scenario.load(name)
        for model in models:
            if model not in one.models:
                continue
            progress(f"{name} on {model}")
            most = deaths if one.mortal else None
            plan = Plan(seed=seed, seconds=SECONDS_EACH, schedules=most)
            whole = explore.explore(one, model, plan)
            result.intact.append(whole)
            if whole.finding or one.mortal:
                continue
            # Beyond the bound: where a fourth preemption would matter, a sample may come by.
            sample = Plan(strategy="pct", schedules=SAMPLES, bound=SAMPLE_DEPTH, seed=seed)
            result.intact.append(explore.explore(one, model, sample))
            for other in scenario.variants_of(one, model):
                progress(f"{name} on {model}, {other.variant}")
                result.intact.append(explore.explore(other, model, whole.plan))
    for mutant, model in _wanted(models):
        progress(f"{mutant} on {model}")
        row = Row(mutant, model)
        _mutant(row, shown_by(mutant, model), seed, folder)
        result.rows.append(row)
    result.seconds = time.monotonic() - begin
    return result
