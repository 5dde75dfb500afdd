# SPDX-License-Identifier: Apache-2.0
"""Schedules as text.

    # vmalab-sched 1
    scenario reuse-before-lock
    model typesafe-rwsem
    lookup cache
    variant sticky_flags_merged_late
    mutant mm_not_compared
    expect grant-identity
    reader walked
    unmapper op_begin
    ...

`lookup` stands there only if it is not walk, `variant` only if one is switched on. Each line below
the head names an actor and a sync point: the actor goes on until it stands there. After the last
line nobody is preempted. Empty lines, and what follows a #, mean nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from vmalab_native import cores, lab
from vmalab_native.errors import InvalidArgument
from vmalab_native.lab import TraceLine
from vmalab_native.race.scenario import (
    Scenario,
    ScenarioError,
    check_applies,
    load,
    mutant_names,
    mutant_of,
    unknown,
    with_variant,
)

_FIRST = "# vmalab-sched 1"


class ScheduleError(ValueError):
    """A schedule that cannot be read, or does not fit its scenario."""


def _called(name: str) -> str:
    """A mutant's name, with its number as a remark."""
    one = mutant_of(name)
    return f"{one.name}  # {one.alias}" if one.alias else one.name


@dataclass(frozen=True, slots=True)
class Schedule:
    """A schedule and what it is for."""

    scenario: str
    model: str
    mutants: tuple[str, ...]
    lines: tuple[tuple[str, str], ...]
    expect: str = ""
    """The invariant that breaks; empty: none."""
    lookup: cores.Lookup = "walk"
    """How faults found VMAs."""
    variant: str = ""
    """The variant of the core that was switched on."""

    def text(self) -> str:
        head = [_FIRST, f"scenario {self.scenario}", f"model {self.model}"]
        if self.lookup != "walk":
            head.append(f"lookup {self.lookup}")
        if self.variant:
            head.append(f"variant {self.variant}")
        head += [f"mutant {_called(name)}" for name in self.mutants]
        if self.expect:
            head.append(f"expect {self.expect}")
        return "\n".join([*head, *(f"{actor} {point}" for actor, point in self.lines)]) + "\n"

    def script(self, scenario: Scenario) -> list[tuple[int, str]]:
        """The lines with actors as numbers.

        Raises:
            ScheduleError: a model, mutant, actor or sync point that the scenario has not.
        """
        numbers = {name: number for number, name in enumerate(scenario.actor_names)}
        points = [point.name for point in lab.POINTS]
        if self.model not in cores.all_models():
            raise ScheduleError(unknown("lock model", self.model, cores.all_models()))
        if not scenario.fits(self.model):
            there = ", ".join(scenario.models)
            raise ScheduleError(f"{scenario.name} is for {there}, not for {self.model}")
        try:
            check_applies(self.mutants, self.model)
        except ScenarioError as error:
            raise ScheduleError(str(error)) from None
        if self.expect and self.expect not in lab.INVARIANTS.values():
            names = filter(None, lab.INVARIANTS.values())
            raise ScheduleError(unknown("invariant", self.expect, names))
        if len(self.lines) > lab.SCRIPT_MAX:
            raise ScheduleError(f"{len(self.lines)} steps, at most {lab.SCRIPT_MAX}")
        for number, (actor, point) in enumerate(self.lines, 1):
            if actor not in numbers:
                there = ", ".join(numbers)
                raise ScheduleError(f"step {number}: actor {actor!r}, {scenario.name} has {there}")
            if point not in points:
                raise ScheduleError(f"step {number}: {unknown('sync point', point, points)}")
        return [(numbers[actor], point) for actor, point in self.lines]


def parse(text: str) -> Schedule:
    """Reads a schedule.

    Raises:
        ScheduleError: the first line, a key or a line is not as it should be.
    """
    lines = text.splitlines()
    if not lines or lines[0].strip() != _FIRST:
        raise ScheduleError(f"this is no schedule: its first line is not {_FIRST!r}")
    head: dict[str, list[str]] = {
        "scenario": [],
        "model": [],
        "mutant": [],
        "expect": [],
        "lookup": [],
        "variant": [],
    }
    steps: list[tuple[str, str]] = []
    for number, raw in enumerate(lines[1:], 2):
        words = raw.partition("#")[0].split()
        if words[:1] == ["scenario"] and not steps:
            words = [words[0], raw.split(maxsplit=1)[1].strip()] if len(words) > 1 else words
        if not words:
            continue
        if len(words) != 2:
            raise ScheduleError(f"line {number}: {raw!r}: wanted are an actor and a sync point")
        if words[0] in head and not steps:
            head[words[0]].append(words[1])
        else:
            steps.append((words[0], words[1]))
    for key in ("scenario", "model"):
        if len(head[key]) != 1:
            raise ScheduleError(f"one line '{key} NAME' is wanted")
    expect = head["expect"][0] if head["expect"] else ""
    try:
        lookup = cores.lookup_of(head["lookup"][0] if head["lookup"] else "walk")
    except InvalidArgument as error:
        raise ScheduleError(error.detail) from None
    return Schedule(
        *(head["scenario"][0], head["model"][0], tuple(head["mutant"]), tuple(steps)),
        expect=expect,
        lookup=lookup,
        variant="".join(head["variant"][:1]),
    )


def of_trace(
    scenario: Scenario,
    model: str,
    mutants: Sequence[str],
    trace: Sequence[TraceLine],
    expect: str = "",
) -> Schedule:
    """The schedule of a run, from where its actors could have been preempted."""
    names = scenario.actor_names
    lines = tuple(
        (names[line.actor], line.point)
        for line in trace
        if line.actor < len(names) and line.flags & lab.STEP
    )
    return Schedule(
        *(scenario.name, model, tuple(mutants), lines),
        expect=expect,
        lookup=scenario.lookup,
        variant=scenario.variant,
    )


def load_scenario(schedule: Schedule) -> Scenario:
    """The scenario of a schedule, with the lookup and the variant that it was made with."""
    one = replace(load(schedule.scenario), lookup=schedule.lookup)
    return with_variant(one, schedule.model, schedule.variant)


def read(path: Path) -> Schedule:
    """Reads a file. A scenario that is a file too is looked for from here, then beside it.

    Raises:
        ScheduleError: it is no schedule, or does not fit its scenario; says which file.
        ScenarioError: there is no such scenario.
        OSError: the file cannot be read.
    """
    try:
        one = parse(path.read_text(encoding="utf-8"))
        beside = path.parent / Path(one.scenario).name
        if one.scenario.endswith(".toml") and not Path(one.scenario).is_file() and beside.is_file():
            one = replace(one, scenario=str(beside))
        one.script(load_scenario(one))
        one = replace(one, mutants=mutant_names(one.mutants))
    except UnicodeDecodeError:
        raise ScheduleError(f"{path}: this is no schedule: it is no text") from None
    except ScheduleError as error:
        raise ScheduleError(f"{path}: {error}") from None
    return one
