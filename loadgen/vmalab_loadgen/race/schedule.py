# SPDX-License-Identifier: Apache-2.0
"""Schedules as text.

    # vmalab-sched 1
    scenario reuse-before-lock
    model typesafe-rwsem
    mutant B5
    expect grant-identity
    reader walked
    unmapper op_begin
    ...

Each line below the head names an actor and a sync point: the actor goes on until it stands there.
After the last line nobody is preempted. Empty lines, and what follows a #, mean nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from vmalab_loadgen.race.scenario import Scenario, load
from vmalab_native import lab
from vmalab_native.lab import TraceLine

_FIRST = "# vmalab-sched 1"


class ScheduleError(ValueError):
    """A schedule that cannot be read, or does not fit its scenario."""


@dataclass(frozen=True, slots=True)
class Schedule:
    """A schedule and what it is for."""

    scenario: str
    model: str
    mutants: tuple[str, ...]
    lines: tuple[tuple[str, str], ...]
    expect: str = ""
    """The invariant that breaks; empty: none."""

    def text(self) -> str:
        head = [_FIRST, f"scenario {self.scenario}", f"model {self.model}"]
        head += [f"mutant {name}" for name in self.mutants]
        if self.expect:
            head.append(f"expect {self.expect}")
        return "\n".join([*head, *(f"{actor} {point}" for actor, point in self.lines)]) + "\n"

    def script(self, scenario: Scenario) -> list[tuple[int, str]]:
        """The lines with actors as numbers.

        Raises:
            ScheduleError: an actor or a sync point that the scenario has not.
        """
        numbers = {name: number for number, name in enumerate(scenario.actor_names)}
        points = {point.name for point in lab.POINTS}
        for actor, point in self.lines:
            if actor not in numbers:
                raise ScheduleError(f"actor {actor!r}, {scenario.name} has {', '.join(numbers)}")
            if point not in points:
                raise ScheduleError(f"sync point {point!r} is not known")
        return [(numbers[actor], point) for actor, point in self.lines]


def parse(text: str) -> Schedule:
    """Reads a schedule.

    Raises:
        ScheduleError: the first line, a key or a line is not as it should be.
    """
    lines = text.splitlines()
    if not lines or lines[0].strip() != _FIRST:
        raise ScheduleError(f"the first line of a schedule is {_FIRST!r}")
    head: dict[str, list[str]] = {"scenario": [], "model": [], "mutant": [], "expect": []}
    steps: list[tuple[str, str]] = []
    for number, raw in enumerate(lines[1:], 2):
        words = raw.partition("#")[0].split()
        if not words:
            continue
        if len(words) != 2:
            raise ScheduleError(f"line {number}: {raw!r}: wanted two words")
        if words[0] in head and not steps:
            head[words[0]].append(words[1])
        else:
            steps.append((words[0], words[1]))
    for key in ("scenario", "model"):
        if len(head[key]) != 1:
            raise ScheduleError(f"one line '{key} NAME' is wanted")
    expect = head["expect"][0] if head["expect"] else ""
    return Schedule(
        head["scenario"][0], head["model"][0], tuple(head["mutant"]), tuple(steps), expect
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
    return Schedule(scenario.name, model, tuple(mutants), lines, expect)


def load_scenario(schedule: Schedule) -> Scenario:
    """The scenario of a schedule."""
    return load(schedule.scenario)
