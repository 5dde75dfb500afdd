# SPDX-License-Identifier: Apache-2.0
"""Everything at once: the intact core in each scenario on each model, each mutant where it applies.

A mutant counts as caught on a model when one of the scenarios that name it breaks an invariant. A
step of the history may break invariants by itself: the table of race/steps.py says where, and a
scenario that is in it shows no mutant on that step.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from multiprocessing import connection
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any, Final

from vmalab_drive import spawning
from vmalab_native import cores, lab, lifeline
from vmalab_native.race import explore, scenario, session, steps
from vmalab_native.race.explore import Finding, Plan, Result

SECONDS_EACH: Final = 120.0
"""Of a search; on a machine that is not busy none takes so long."""
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
    scenarios: tuple[str, ...] = ()
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
            if model in self.models and name in self.scenarios and (name, model) not in there
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


def _mutant(mutant: str, model: str, names: Iterable[str], seed: int, folder: Path | None) -> Row:
    """A mutant on a model: the first of these scenarios that shows it."""
    row = Row(mutant, model)
    begin = time.monotonic()
    for name in names:
        one = scenario.load(name)
        result = explore.explore(
            one, model, Plan(mutants=(mutant,), seed=seed, seconds=SECONDS_EACH)
        )
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


_Done = list[Result] | Row
"""What a part of the work comes to."""


@dataclass(frozen=True, slots=True)
class _Task:
    """A part of the work: a scenario without a mutant, or a mutant."""

    name: str
    model: str
    seed: int
    mutant: bool
    names: tuple[str, ...] = ()
    folder: Path | None = None
    deaths: int | None = None

    def __str__(self) -> str:
        return f"{self.name} on {self.model}"

    def run(self) -> _Done:
        if self.mutant:
            return _mutant(self.name, self.model, self.names, self.seed, self.folder)
        return _intact(self.name, self.model, self.seed, self.deaths)


def _work(pipe: Connection, number: int, parent: int) -> None:
    """A process that shares the work, on a processor of its own: a scenario runs on the first that
    its process may use."""
    lifeline.end_with_parent(parent)
    there = sorted(os.sched_getaffinity(0))
    with contextlib.suppress(OSError):
        os.sched_setaffinity(0, {there[number % len(there)]})
    with contextlib.suppress(EOFError):
        while True:
            task: _Task = pipe.recv()
            pipe.send(task.run())


def _shared(tasks: list[_Task], jobs: int, progress: Callable[[str], object]) -> list[_Done]:
    """The result of each task, by processes that take the next one when they are free."""
    processes: list[BaseProcess] = []
    results: dict[int, _Done] = {}
    context = spawning.context()
    waiting = list(reversed(range(len(tasks))))
    busy: dict[Connection, int] = {}

    def deal(pipe: Connection) -> None:
        if waiting:
            busy[pipe] = waiting.pop()
            progress(str(tasks[busy[pipe]]))
            pipe.send(tasks[busy[pipe]])

    try:
        for number in range(min(jobs, len(tasks))):
            mine, other = context.Pipe()
            process = context.Process(target=_work, args=(other, number, os.getpid()))
            spawning.start(process, processes)
            other.close()
            deal(mine)
        while busy:
            for ready in connection.wait([*busy]):
                assert isinstance(ready, Connection)
                results[busy.pop(ready)] = ready.recv()  # EOFError: it was killed, or has failed
                deal(ready)
    finally:
        spawning.end(processes, patience_s=0)
    return [results[number] for number in range(len(tasks))]


def survey(
    *,
    models: list[str],
    seed: int = 1,
    folder: Path | None = None,
    deaths: int | None = None,
    jobs: int = 1,
    scenarios: Iterable[str] = (),
    progress: Callable[[str], object] = lambda text: None,
) -> Survey:
    """Runs everything on these models.

    Args:
        folder: where the schedule of each caught mutant is written.
        deaths: schedules of a scenario in which an actor dies, on the intact core; each takes
            actors of its own. None: as many as the scenario says.
        jobs: processes that share the work. What is found is the same.
        scenarios: only these, and the mutants that they show; none: all.
    """
    begin = time.monotonic()
    chosen = tuple(scenarios) or scenario.names()
    result = Survey(seed=seed, jobs=jobs, models=models, scenarios=chosen)
    for model in models:
        cores.ensure(model, session.LAYOUT)  # once, before many want it
    tasks = [
        _Task(name, model, seed, mutant=False, deaths=deaths)
        for name in chosen
        for model in models
        if scenario.load(name).fits(model)
    ]
    for mutant, model in wanted(models):
        names = tuple(name for name in shown_by(mutant, model) if name in chosen)
        if names or not scenarios:
            tasks.append(_Task(mutant, model, seed, mutant=True, names=names, folder=folder))
    done: Iterable[_Done]
    if jobs == 1:
        done = (task.run() for task in tasks if progress(str(task)) is None)
    else:
        done = _shared(tasks, jobs, progress)
    for one in done:
        if isinstance(one, Row):
            result.rows.append(one)
        else:
            result.intact += one
    result.seconds = time.monotonic() - begin
    return result
