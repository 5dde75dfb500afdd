# SPDX-License-Identifier: Apache-2.0
"""Looking for a schedule that breaks an invariant, and making it short."""

from __future__ import annotations

import os
import re
import signal
import time
from collections import Counter
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from typing import Any, Final

from vmalab_native import lab
from vmalab_native.lab import NO_SLOT, Edge, Report, Strategy, TraceLine, Violation
from vmalab_native.race import schedule, session
from vmalab_native.race.scenario import Scenario, ScenarioError, mutant_names
from vmalab_native.race.schedule import Schedule

STRATEGIES: Final = ("exhaustive", "pct", "random")
SHORTEN_MAX: Final = 60
"""Runs that are spent on making a schedule shorter."""
PCT_DEPTH: Final = 3
FSCK_EVERY: Final = 25
RUN_MAX: Final = 1_000_000
ORDER: Final = "lock-order"


@dataclass(frozen=True, slots=True)
class Plan:
    """How to search."""

    strategy: str = "exhaustive"
    bound: int | None = None
    """Preemptions, or change points of PCT; None: as the scenario says."""
    schedules: int | None = None
    """At most so many; None: as the scenario says."""
    seconds: float = 60.0
    seed: int = 1
    mutants: tuple[str, ...] = ()
    """By name or number."""

    def watches_order(self, scenario: Scenario) -> bool:
        """Whether an inversion of the order of locks is a finding. It comes before the deadlock
        that it warns of; so with a mutant only where the scenario asks for it."""
        return scenario.order or not self.mutants


@dataclass(frozen=True, slots=True)
class Finding:
    """A broken invariant, and the run that shows it."""

    violation: Violation
    schedule: Schedule
    trace: tuple[TraceLine, ...]
    outcome: str
    preemptions: int

    def as_dict(self) -> dict[str, Any]:
        return {
            "invariant": self.violation.invariant,
            "text": self.violation.text,
            "actor": self.violation.actor,
            "steps": len(self.schedule.lines),
            "preemptions": self.preemptions,
        }


@dataclass(slots=True)
class Result:
    """What a search came to."""

    scenario: Scenario
    model: str
    plan: Plan
    schedules: int = 0
    steps: int = 0
    states: int = 0
    outcomes: int = 0
    seconds: float = 0.0
    complete: bool = False
    """Every schedule within the bound was run."""
    coverage: Counter[str] = field(default_factory=Counter)
    finding: Finding | None = None
    order: tuple[Edge, ...] = ()
    """The order of locks that was seen."""
    last: Schedule | None = None
    """The last schedule that was run, if it broke nothing."""

    def as_dict(self) -> dict[str, Any]:
        return {
            "scenario": self.scenario.name,
            "model": self.model,
            "lookup": self.scenario.lookup,
            "variant": self.scenario.variant,
            "mutants": [lab.mutant(name).short for name in self.plan.mutants],
            "mutant_names": list(self.plan.mutants),
            "strategy": self.plan.strategy,
            "seed": self.plan.seed,
            "schedules": self.schedules,
            "schedules_per_s": round(self.schedules / self.seconds) if self.seconds else 0,
            "steps": self.steps,
            "states": self.states,
            "outcomes": self.outcomes,
            "seconds": round(self.seconds, 3),
            "complete": self.complete,
            "points": sum(1 for count in self.coverage.values() if count),
            "points_known": len(lab.POINTS),
            "finding": self.finding.as_dict() if self.finding else None,
        }


def named(text: str, scenario: Scenario) -> str:
    """Names of actors in the place of A0, A1."""
    names = scenario.actor_names

    def name(match: re.Match[str]) -> str:
        number = int(match[1])
        return names[number] if number < len(names) else match[0]

    return re.sub(r"\bA(\d)\b", name, text)


def _signal_named(result: str) -> str:
    """A result; that of a fault that ended with a signal is "NUMBER/CODE" in the core's text."""
    found = re.fullmatch(r"(\d+)/(\d+)", result)
    if found is None or int(found[1]) not in {*signal.Signals}:
        return result
    return f"{signal.Signals(int(found[1])).name}, si_code {found[2]}"


def outcome_text(text: str, scenario: Scenario) -> str:
    """What came out, each result behind the operation that it is of."""
    parts = {
        f"A{number}": (name, ops) for number, (name, ops) in enumerate(scenario.actors.items())
    }
    parts["check0"] = ("at the end", scenario.check)

    def result(match: re.Match[str]) -> str:
        name, ops = parts.get(match[1], (match[1], ()))
        number = int(match[2])
        what = ops[number] if number < len(ops) else f"operation {number}"
        return f"{name}, {what}: {_signal_named(match[3])}"

    return re.sub(r"^(A\d+|check0)\.(\d+): (.*)$", result, text, flags=re.MULTILINE)


def _finding(one: session.Session, plan: Plan, report: Report) -> Finding:
    assert report.violation is not None
    found = report.violation
    trace = tuple(one.trace())
    text = named(found.text, one.scenario)
    return Finding(
        Violation(found.invariant, found.actor, found.step, text, found.script_line),
        schedule.of_trace(one.scenario, one.model, plan.mutants, trace, found.invariant),
        trace,
        outcome_text(report.outcome, one.scenario),
        report.preemptions,
    )


def _check_setup(scenario: Scenario, text: str) -> None:
    """Raises ScenarioError when that is what went wrong."""
    match = re.fullmatch(r"set-up operation (\d+) fails: -(\d+)", text)
    if match is None:
        return
    names = {"1001": "no such address space", "1004": "a limit of the lab's segment"}
    why = names.get(match[2]) or os.strerror(int(match[2]))
    raise ScenarioError(f"{scenario.name}: {scenario.setup[int(match[1])]!r} of setup fails: {why}")


def _add(result: Result, report: Report) -> None:
    result.schedules += report.schedules
    result.steps += report.steps
    result.seconds += report.ns / 1e9
    result.states = report.states


def _exhaustive(one: session.Session, plan: Plan, result: Result) -> Report | None:
    """With no preemption first, then one more at a time: what is found has the fewest."""
    bound = one.scenario.bound if plan.bound is None else plan.bound
    left = plan.schedules or one.scenario.schedules
    end = time.monotonic() + plan.seconds
    for allowed in range(bound + 1):
        report = lab.search(
            one.me,
            strategy=Strategy.DFS,
            bound=allowed,
            schedules_max=left,
            seconds_max=max(end - time.monotonic(), 0.01),
            mutants=plan.mutants,
            variants=one.scenario.active,
            order=plan.watches_order(one.scenario),
            fsck_every=FSCK_EVERY if one.scenario.fsck else 0,
        )
        _add(result, report)
        result.complete = report.complete
        left -= report.schedules
        if report.violation:
            return report
        if left <= 0 or time.monotonic() > end:
            break
    return None


def _sampled(one: session.Session, plan: Plan, result: Result) -> Report | None:
    report = lab.search(
        one.me,
        strategy=Strategy.PCT if plan.strategy == "pct" else Strategy.RANDOM,
        bound=PCT_DEPTH if plan.bound is None else plan.bound,
        seed=plan.seed,
        schedules_max=plan.schedules or one.scenario.schedules,
        seconds_max=plan.seconds,
        mutants=plan.mutants,
        variants=one.scenario.active,
        order=plan.watches_order(one.scenario),
        fsck_every=FSCK_EVERY if one.scenario.fsck else 0,
    )
    _add(result, report)
    return report if report.violation else None


def _mortal(result: Result, outcomes: list[int]) -> Result:
    """At random, each schedule with actors of its own."""
    plan, scenario = result.plan, result.scenario
    end = time.monotonic() + plan.seconds
    for number in range(plan.schedules or scenario.schedules):
        with session.opened(scenario, result.model) as one:
            lab.set_outcomes(one.me, outcomes)
            report = lab.search(
                one.me,
                strategy=Strategy.RANDOM,
                seed=plan.seed + number,
                mutants=plan.mutants,
                variants=scenario.active,
                order=plan.watches_order(scenario),
                fsck_every=int(scenario.fsck),
            )
            _add(result, report)
            result.coverage += Counter(lab.coverage(one.me))
            if report.violation:
                result.finding = _finding(one, plan, report)
        if result.finding:
            shorter = shorten(scenario, result.model, plan, report, outcomes)
            result.finding = shorter or result.finding
        if result.finding or time.monotonic() > end:
            break
    return result


def explore(
    scenario: Scenario,
    model: str,
    plan: Plan,
    watch: Callable[[], AbstractContextManager[None]] = nullcontext,
) -> Result:
    """Searches until an invariant breaks or the plan is used up.

    Args:
        watch: is entered while a search is under way that forks no process.

    Raises:
        NativeError: the lab core cannot be built, or the actors did not come.
        ScenarioError: there is no such mutant.
    """
    plan = replace(plan, mutants=mutant_names(plan.mutants))
    result = Result(scenario, model, plan)
    with session.opened(scenario, model) as one:
        learnt = one.learn()
        result.outcomes = learnt.outcomes
        if learnt.violation is not None:
            _check_setup(scenario, learnt.violation.text)
            # Without a mutant and between whole operations: the scenario or the core is wrong.
            result.finding = _finding(one, Plan(), learnt)
            result.order = tuple(lab.order(one.me))
            return result
        outcomes = lab.outcomes(one.me)
        if not scenario.mortal:
            search = _exhaustive if plan.strategy == "exhaustive" else _sampled
            with watch():
                report = search(one, plan, result)
            result.order = tuple(lab.order(one.me))
            result.coverage = Counter(lab.coverage(one.me))
            if report is not None:
                result.finding = _finding(one, plan, report)
            else:
                result.last = schedule.of_trace(scenario, model, plan.mutants, one.trace())
    # With actors of its own, when those that died in here are gone: a search that waits for its
    # actors gives up when a child has died.
    if scenario.mortal:
        return _mortal(result, outcomes)
    if report is not None and plan.strategy != "exhaustive":
        result.finding = shorten(scenario, model, plan, report, outcomes) or result.finding
    return result


def run_plan(
    scenario: Scenario, model: str, plan: Plan, chosen: list[int], outcomes: list[int]
) -> tuple[Report, Finding | None]:
    """One run by a list of choices."""
    with session.opened(scenario, model) as one:
        lab.set_outcomes(one.me, outcomes)
        report = lab.search(
            one.me,
            strategy=Strategy.PLAN,
            plan=chosen,
            mutants=plan.mutants,
            variants=one.scenario.active,
            order=plan.watches_order(one.scenario),
            fsck_every=int(scenario.fsck),
        )
        return report, _finding(one, plan, report) if report.violation else None


def shorten(
    scenario: Scenario, model: str, plan: Plan, report: Report, outcomes: list[int]
) -> Finding | None:
    """Takes choices out of a failing run, from the end, as long as the same invariant breaks.

    Returns:
        The shortest that was found; None if the run could not be repeated.
    """
    assert report.violation is not None
    wanted = report.violation.invariant
    chosen = list(report.chosen)
    report, best = run_plan(scenario, model, plan, chosen, outcomes)
    if best is None or best.violation.invariant != wanted:
        return None
    tries = 0
    width = max(len(chosen) // 2, 1)
    while width and tries < SHORTEN_MAX:
        at = len(chosen)
        while at > 0 and tries < SHORTEN_MAX:
            start = max(at - width, 0)
            fewer = [*chosen[:start], *[NO_SLOT] * (at - start), *chosen[at:]]
            at = start
            if fewer == chosen:
                continue
            tries += 1
            again, found = run_plan(scenario, model, plan, fewer, outcomes)
            if found is None or found.violation.invariant != wanted:
                continue
            if again.preemptions <= best.preemptions:
                chosen, best = fewer, found
        width //= 2
    return best


@dataclass(frozen=True, slots=True)
class Replayed:
    """A schedule that was followed again."""

    traces: int
    """Different traces that came out; 1 is what is wanted."""
    times: int
    violation: Violation | None
    trace: tuple[TraceLine, ...]
    outcome: str


def replay(one: Schedule, *, times: int = 1) -> Replayed:
    """Follows a schedule.

    Raises:
        ScheduleError: it does not fit its scenario.
        ScenarioError: there is no such scenario.
    """
    scenario = schedule.load_scenario(one)
    script = one.script(scenario)
    seen: set[str] = set()
    outcomes: list[int] = []
    for _ in range(times):
        with session.opened(scenario, one.model) as run:
            if one.expect in ("", "outcome"):
                if not outcomes:
                    run.learn()
                    outcomes = lab.outcomes(run.me)
                lab.set_outcomes(run.me, outcomes)
            report = lab.search(
                run.me,
                strategy=Strategy.SCRIPT,
                script=script,
                mutants=one.mutants,
                variants=scenario.active,
                order=one.expect == ORDER or not one.mutants,
                fsck_every=int(scenario.fsck),
            )
            trace = tuple(run.trace())
            seen.add(trace_text(scenario, trace))
    violation = report.violation
    if violation is not None:
        text = named(violation.text, scenario)
        if violation.invariant == "diverged":
            at = violation.script_line
            text = f"step {at + 1} of the schedule, {' '.join(one.lines[at])}: {text}"
        violation = replace(violation, text=text)
    return Replayed(len(seen), times, violation, trace, outcome_text(report.outcome, scenario))


def on_the_intact_core(one: Schedule) -> tuple[Schedule, Replayed, str]:
    """The same schedule without its mutants, for as long as the intact core follows it.

    Returns:
        The steps that it followed, the run (after those steps nobody is preempted), and why it
        followed no further; "" if it followed all of it.

    Raises:
        ScheduleError, ScenarioError: as replay().
    """
    right = replace(one, mutants=(), expect="")
    why = ""
    while True:
        done = replay(right)
        broken = done.violation
        if broken is None or broken.invariant != "diverged":
            return right, done, why
        at = broken.script_line
        why = why or broken.text
        right = replace(right, lines=right.lines[:at])


def object_name(line: TraceLine) -> str:
    """v3.2: the third VMA object of the run, in its second life; m0: an address space."""
    kinds = {point.name: point.kind for point in lab.POINTS}
    if kinds[line.point] == "VMA" and line.object:
        return f"v{line.object >> 8}.{line.object & 0xFF}"
    if kinds[line.point] == "MM":
        return f"m{line.object}" if line.object < lab.SLOTS_MAX else "m(new)"
    return ""


TRACE_MARKS: Final = {"*": lab.STEP, "G": lab.GRANT, "!": lab.BREAKS}
MARK_TEXTS: Final = (
    "the schedule may switch here",
    "the read lock of the VMA is granted",
    "the invariant breaks",
)


def about_stamps(scenario: Scenario) -> bool:
    """One of its mutants is a bug in a stamp: then the numbers are shown that are compared."""
    return any("stamp" in lab.mutant(name).text for name in scenario.finds)


def stamps(line: TraceLine, *, whole: bool) -> str:
    """The stamp of the VMA beside the sequence of its address space.

    Args:
        whole: both numbers and how they compare; else whether they are equal.
    """
    if not whole:
        return f"stamped={line.stamp} seq={line.seq}"
    if object_name(line).startswith("m"):
        return f"seq={number_text(line.seq)}"
    sign = "==" if line.stamp else "!="
    return f"stamp {number_text(line.own)} {sign} seq {number_text(line.seq)}"


def compared(scenario: Scenario, trace: tuple[TraceLine, ...], violation: Violation | None) -> str:
    """The stamp of the VMA that a violation names, and the sequence, when it was found.

    "": the bug is not in a stamp, or no step of the trace was about that VMA.
    """
    if violation is None or not about_stamps(scenario):
        return ""
    named = re.search(r"\bv\d+\b", violation.text)
    about = [line for line in trace if object_name(line)]
    mine = [line for line in about if named and object_name(line).split(".")[0] == named[0]]
    if not mine:
        return ""
    last = replace(mine[-1], seq=about[-1].seq, stamp=int(mine[-1].own == about[-1].seq))
    return f"{object_name(last)}: {stamps(last, whole=True)}"


def number_text(number: int) -> str:
    """A stamp or a sequence: a number near the wrap-around in hexadecimal, as below it."""
    if number == lab.STAMP_NEW:
        return "none"
    return f"{number:#x}" if number > lab.STAMP_NEW else f"{number}"


def legend(scenario: Scenario, trace: tuple[TraceLine, ...]) -> str:
    """What the columns and marks of `trace_text` mean: of those that the trace has."""
    flags = {bit for line in trace for bit in TRACE_MARKS.values() if line.flags & bit}
    marks = [
        f"{letter} {text}"
        for (letter, bit), text in zip(TRACE_MARKS.items(), MARK_TEXTS, strict=True)
        if bit in flags
    ]
    same = (
        "stamp: of the VMA; it is write-locked when the stamp equals seq, that of its address space"
        if about_stamps(scenario)
        else "stamped=1: the VMA is write-locked, its stamp equals seq, that of its address space"
    )
    return (
        "Columns: step, actor, number of its operation, sync point, marks, object, its lock word.\n"
        f"Marks: {'; '.join(marks)}.\n"
        "v1.2: the first VMA object in its second life; m0: the first address space.\n"
        f"{same}.\n"
    )


def trace_text(scenario: Scenario, trace: tuple[TraceLine, ...]) -> str:
    """One line for each sync point; the same run gives the same text."""
    names = [*scenario.actor_names]
    whole = about_stamps(scenario)
    lines = []
    for number, line in enumerate(trace):
        who = names[line.actor] if line.actor < len(names) else "controller"
        marks = "".join(letter for letter, bit in TRACE_MARKS.items() if line.flags & bit)
        where = object_name(line)
        state = f"word={line.word:#x} {stamps(line, whole=whole)}" if where else ""
        lines.append(
            f"{number:4d} {who:<12s} {line.op} {line.point:<16s} {marks:<3s}{where:<6s} {state}"
        )
    return "\n".join(line.rstrip() for line in lines) + "\n"
