# SPDX-License-Identifier: Apache-2.0
"""Everything at once: the intact core in each scenario on each model, each mutant where it applies.

A mutant counts as caught on a model when one of the scenarios that name it breaks an invariant. A
step of the history may break invariants by itself: the table of race/steps.py says where, and a
scenario that is in it shows no mutant on that step.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from dataclasses import dataclass, field
from multiprocessing.sharedctypes import Synchronized
from pathlib import Path
from typing import Any, Final

from vmalab_native import cores, lab, lifeline
from vmalab_native.race import explore, scenario, session, steps
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
    jobs: int = 1
    models: list[str] = field(default_factory=list)
    intact: list[Result] = field(default_factory=list)
    rows: list[Row] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def false_alarms(self) -> list[tuple[Result, Finding]]:
        """What broke and is in no table."""
        return [
            (result, result.finding)
            for result in self.intact
            if result.finding and not _is_expected(result)
        ]

    @property
    def broken_by_design(self) -> list[tuple[Result, Finding]]:
        """What broke as the table of the steps says."""
        return [
            (result, result.finding)
            for result in self.intact
            if result.finding and _is_expected(result)
        ]

    @property
    def missing(self) -> list[str]:
        """Rows of that table that did not break."""
        there = {(result.scenario.name, result.model) for result, _ in self.broken_by_design}
        return [
            f"{name} {model}"
            for model, step in steps.table().items()
            for name in step.breaks
            if model in self.models and (name, model) not in there
        ]

    @property
    def good(self) -> bool:
        return not (self.false_alarms or self.missing) and all(row.caught for row in self.rows)

    def not_applicable(self) -> list[str]:
        there = {(row.mutant, row.model) for row in self.rows}
        known = [*cores.lock_models(), *(one for one in cores.steps() if one in self.models)]
        return [
            f"{mutant.short} {model}"
            for mutant in lab.MUTANTS
            for model in known
            if (mutant.name, model) not in there
        ]

    def as_dict(self) -> dict[str, Any]:
        return {
            "scenarios": len({result.scenario.name for result in self.intact}),
            "mutants": len(self.rows),
            "caught": sum(row.caught for row in self.rows),
            "false_alarms": len(self.false_alarms),
            "expected": [
                {
                    "scenario": result.scenario.name,
                    "model": result.model,
                    "invariant": found.violation.invariant,
                    "text": found.violation.text,
                    "preemptions": found.preemptions,
                }
                for result, found in self.broken_by_design
            ],
            "missing": self.missing,
            "not_applicable": self.not_applicable(),
            "missed": [f"{row.short} {row.model}" for row in self.rows if not row.caught],
            "schedules": sum(result.schedules for result in self.intact)
            + sum(row.schedules for row in self.rows),
            "seconds": round(self.seconds, 1),
            "jobs": self.jobs,
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


def _is_expected(result: Result) -> bool:
    wanted = steps.expected(result.scenario.name, result.model)
    found = result.finding
    return bool(wanted and found and wanted.invariant == found.violation.invariant)


def shown_by(mutant: str, model: str) -> list[str]:
    """The scenarios that name a mutant, for a model, and break nothing on it without one."""
    return [
        name
        for name in scenario.names()
        if mutant in (one := scenario.load(name)).finds
        and one.fits(model)
        and not steps.expected(name, model)
    ]


def wanted(models: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Every mutant with each of the models that it applies to."""
    for mutant in lab.MUTANTS:
        for model in models:
            if scenario.applies(mutant.name, model):
                yield mutant.name, model


def _mutant(mutant: str, model: str, seed: int, folder: Path | None) -> Row:
    """A mutant on a model: the first scenario that shows it."""
    row = Row(mutant, model)
    begin = time.monotonic()
    for name in shown_by(mutant, model):
        one = scenario.load(name)
        result = explore.explore(one, model, Plan(mutants=(mutant,), seed=seed, seconds=SECONDS_EACH))
        row.schedules += result.schedules
        if result.finding:
            row.scenario = name
            row.invariant = result.finding.violation.invariant
            row.text = result.finding.violation.text
            _write(folder, row, result.finding)
            break
    row.seconds = time.monotonic() - begin
    return row


def _intact(name: str, model: str, seed: int, deaths: int | None) -> list[Result]:
    """A scenario on a model without a mutant, and with each variant."""
    one = scenario.load(name)
    most = deaths if one.mortal else None
    whole = explore.explore(one, model, Plan(seed=seed, seconds=SECONDS_EACH, schedules=most))
    if whole.finding or one.mortal:
        return [whole]
    # Beyond the bound: where a fourth preemption would matter, a sample may come by.
    sample = Plan(strategy="pct", schedules=SAMPLES, bound=SAMPLE_DEPTH, seed=seed)
    results = [whole, explore.explore(one, model, sample)]
    for other in scenario.variants_of(one, model):
        results.append(explore.explore(other, model, whole.plan))
    return results


class _Inline(Executor):
    """One after the other, in this process."""

    def submit(self, call: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = Future()
        future.set_result(call(*args, **kwargs))
        return future


def _begin(number: Synchronized[int], parent: int) -> None:
    """A process of the pool: it ends with its parent, and has a processor of its own, because a
    scenario runs on the first that its process may use."""
    lifeline.end_with_parent(parent)
    with number.get_lock():
        mine = number.value
        number.value += 1
    there = sorted(os.sched_getaffinity(0))
    with contextlib.suppress(OSError):
        os.sched_setaffinity(0, {there[mine % len(there)]})


def _pool(jobs: int) -> Executor:
    if jobs == 1:
        return _Inline()
    context = multiprocessing.get_context("spawn")
    number: Synchronized[int] = context.Value("i", 0)
    return ProcessPoolExecutor(
        jobs, mp_context=context, initializer=_begin, initargs=(number, os.getpid())
    )


def survey(
    *,
    models: list[str],
    seed: int = 1,
    folder: Path | None = None,
    deaths: int | None = None,
    jobs: int = 1,
    progress: Callable[[str], None] = lambda text: None,
) -> Survey:
    """Runs everything on these models.

    Args:
        folder: where the schedule of each caught mutant is written.
        deaths: schedules of a scenario in which an actor dies, on the intact core; each takes
            actors of its own. None: as many as the scenario says.
        jobs: processes that share the work. What is found is the same.
    """
    begin = time.monotonic()
    result = Survey(seed=seed, jobs=jobs, models=models)
    pairs = [
        (name, model)
        for name in scenario.names()
        for model in models
        if scenario.load(name).fits(model)
    ]
    for model in models:
        cores.ensure(model, session.LAYOUT)  # once, before many want it
    with _pool(jobs) as pool:
        intact = []
        for name, model in pairs:
            if jobs == 1:
                progress(f"{name} on {model}")
            intact.append(pool.submit(_intact, name, model, seed, deaths))
        rows = []
        for mutant, model in wanted(models):
            if jobs == 1:
                progress(f"{mutant} on {model}")
            rows.append(pool.submit(_mutant, mutant, model, seed, folder))
        for (name, model), done in zip(pairs, intact, strict=True):
            result.intact += done.result()
            progress(f"{name} on {model}")
        for one in rows:
            result.rows.append(one.result())
            progress(f"{result.rows[-1].mutant} on {result.rows[-1].model}")
    result.seconds = time.monotonic() - begin
    return result
