# SPDX-License-Identifier: Apache-2.0
"""`vmalab race`: list, run, explore, replay, show, all."""

from __future__ import annotations

import json
import os
import random
import textwrap
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, TypeVar

import typer
from rich.console import Console
from rich.table import Column, Table

from vmalab_cli.common import (
    FAILED,
    GOOD,
    USAGE,
    WORK,
    Json,
    LookupOption,
    fail,
    guarded,
    lookup_in,
)
from vmalab_cli.progress import Progress, watching
from vmalab_native.texts import lines_of

if TYPE_CHECKING:
    from vmalab_native.race.explore import Finding, Plan, Replayed, Result
    from vmalab_native.race.scenario import Scenario
    from vmalab_native.race.schedule import Schedule
    from vmalab_race.order import Graph
    from vmalab_race.survey import Survey

HELP = (
    "Races on demand: the lock protocol under a scheduler, one step at a time.\n\n"
    "A scenario is a list of actors and their operations. The actors are real processes on the lab "
    "core. Exactly one of them runs at a time, from sync point to sync point. A mutant is a real "
    "bug that is switched on by name. The output names the invariant that breaks, and has the "
    "schedule that breaks it: a text file that gives the same run again, byte for byte."
)
EXAMPLES = """\
Examples:

vmalab race list

vmalab race run cve-2025-38554 --mutant foreign_wake_unpinned -o wake.sched

vmalab race show wake.sched -o wake.svg

vmalab race replay wake.sched --times 100

vmalab race explore reuse-before-lock --model refcount --strategy pct --schedules 10000

vmalab race all
"""
Model = Annotated[
    str,
    typer.Option(
        "--model",
        help="Lock model; default: typesafe-rwsem, or the newest that the scenario and the mutants "
        "apply to.",
    ),
]
Mutants = Annotated[
    list[str],
    typer.Option("--mutant", help="A bug to switch on, by name or number; may be repeated."),
]
Variant = Annotated[
    str,
    typer.Option(
        "--variant",
        help="Another way to do something right, switched on in the lab core: vmalab race list has "
        "them. Nothing may break.",
    ),
]
StrategyOption = Annotated[
    str,
    typer.Option(
        "--strategy",
        help="exhaustive (with a bound of preemptions), pct (probabilistic concurrency testing), "
        "or random.",
    ),
]
Schedules = Annotated[
    int,
    typer.Option("--schedules", min=0, help="Schedules to run, at most; 0: as the scenario says."),
]
Bound = Annotated[
    int,
    typer.Option(
        "--bound",
        min=-1,
        help="Preemptions of a schedule, at most (pct: change points); -1: as the scenario says.",
    ),
]
Seed = Annotated[
    int, typer.Option("--seed", help="Seed of pct and random; -1: a new one, which is printed.")
]
Seconds = Annotated[float, typer.Option("--seconds", min=0.1, help="Time limit in seconds.")]
Output = Annotated[
    Path | None, typer.Option("-o", "--output", help="File to write the schedule to.")
]
_T = TypeVar("_T")
DEFAULT_MODEL: Final = "typesafe-rwsem"

app = typer.Typer(help=HELP, epilog=EXAMPLES, no_args_is_help=True, rich_markup_mode="rich")


def _guarded(action: Callable[[], _T]) -> _T:
    from vmalab_native.errors import InvalidArgument
    from vmalab_native.race.scenario import ScenarioError
    from vmalab_native.race.schedule import ScheduleError

    def named() -> _T:
        try:
            return action()
        except OSError as error:
            fail(f"{error.filename}: {error.strerror}", USAGE)

    return guarded(named, asked=(InvalidArgument, ScenarioError, ScheduleError))


def _model_of(one: Scenario, model: str, mutants: Sequence[str]) -> str:
    """The model that was asked for, else the default, else the newest that fits."""
    from vmalab_native import cores
    from vmalab_native.race import scenario

    if model and not one.fits(model):
        if model not in cores.all_models():
            raise scenario.ScenarioError(scenario.unknown("lock model", model, cores.all_models()))
        raise scenario.ScenarioError(f"{one.name} is for {', '.join(one.models)}, not for {model}")
    if not model:
        fit = [
            name for name in one.models if all(scenario.applies(mutant, name) for mutant in mutants)
        ]
        there = fit or one.models
        model = DEFAULT_MODEL if DEFAULT_MODEL in there else there[-1]
    scenario.check_applies(mutants, model)
    return model


def _seed(seed: int) -> int:
    return random.SystemRandom().randrange(1, 2**31) if seed < 0 else seed


def _plan(
    strategy: str, bound: int, schedules: int, seed: int, seconds: float, mutants: list[str]
) -> Plan:
    from vmalab_native.race.explore import STRATEGIES, Plan
    from vmalab_native.race.scenario import ScenarioError, unknown

    if strategy not in STRATEGIES:
        raise ScenarioError(unknown("strategy", strategy, STRATEGIES))
    return Plan(
        strategy=strategy,
        bound=None if bound < 0 else bound,
        schedules=schedules or None,
        seconds=seconds,
        seed=_seed(seed),
        mutants=tuple(mutants),
    )


def _search(name: str, model: str, variant: str, plan: Callable[[], Plan]) -> Result:
    from vmalab_native.race import explore, scenario

    def search() -> Result:
        one = scenario.load(name)
        how = plan()
        chosen = _model_of(one, model, how.mutants)
        watch = partial(watching, f"{one.name} on {chosen}")
        return explore.explore(scenario.with_variant(one, chosen, variant), chosen, how, watch)

    return _guarded(search)


def order_in(name: str, model: str, mutants: list[str]) -> Graph:
    """The order of locks that a search of a scenario learns (`vmalab locks --order`)."""
    from vmalab_race import order

    result = _search(name, model, "", partial(_plan, "exhaustive", -1, 0, 1, 60.0, mutants))
    return order.graph(result.order, result.scenario.actors)


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}{'s' * (number != 1)}"


def _print_finding(scenario: Scenario, found: Finding) -> None:
    from vmalab_native.race import explore

    print(f"\n{found.violation.invariant}: {found.violation.text}")
    if numbers := explore.compared(scenario, found.trace, found.violation):
        print(numbers)
    steps = _count(len(found.schedule.lines), "step")
    print(f"{steps}, {_count(found.preemptions, 'preemption')}\n")
    print(explore.trace_text(scenario, found.trace))
    print(explore.legend(scenario, found.trace))
    print(found.outcome, end="")


def _print_result(result: Result) -> None:
    from vmalab_native.race import scenario

    row = result.as_dict()
    mutants = ", ".join(scenario.mutant_of(name).label for name in result.plan.mutants)
    print(f"{row['scenario']} on {row['model']}" + (f" with {mutants}" if mutants else ""))
    whole = "all within the bound" if result.complete else "some of those within the bound"
    if row["strategy"] != "exhaustive":
        whole = f"{row['strategy']}, seed {row['seed']}"
    print(f"  schedules  {row['schedules']:,} ({whole}), {row['schedules_per_s']:,}/s")
    print(f"  states     {row['states']:,} distinct, {row['steps']:,} steps")
    print(f"  outcomes   {row['outcomes']} possible")
    print(f"  coverage   {row['points']} of {row['points_known']} sync points")


def _shown_elsewhere(result: Result) -> str:
    """Which scenarios show the mutants, if this one does not say that it does."""
    from vmalab_race import survey

    others = {
        name
        for mutant in result.plan.mutants
        if mutant not in result.scenario.finds
        for name in survey.shown_by(mutant, result.model)
    }
    return f"; {', '.join(sorted(others))} would show it" if others else ""


def _checked(result: Result) -> str:
    """What a run without a finding was watched for."""
    from vmalab_native import lab

    names = [*filter(None, lab.INVARIANTS.values())]
    names.remove("diverged")  # of a schedule, not of a search
    if not result.scenario.fsck:
        names.remove("fsck")
    text = f": {', '.join(names)} (docs/races.md says what each of them is)"
    return textwrap.fill(text, 100, subsequent_indent="  ", break_on_hyphens=False)


def _finish(result: Result, *, as_json: bool, output: Path | None, coverage: bool = False) -> None:
    """Exit code 0 when what was to be seen was seen: without a mutant nothing."""
    found = result.finding
    ran = found.schedule if found is not None else result.last
    if output is not None and ran is not None:
        text = ran.text()
        _guarded(lambda: output.write_text(text, encoding="utf-8"))
    if as_json:
        row = result.as_dict()
        if found is not None:
            row["schedule"] = found.schedule.text()
        if coverage:
            row["coverage"] = dict(result.coverage)
        print(json.dumps(row, indent=2))
    else:
        _print_result(result)
        if found is not None:
            _print_finding(result.scenario, found)
        elif result.plan.mutants:
            print(f"\nno invariant broke: the mutant was not shown{_shown_elsewhere(result)}")
        else:
            print(f"\nevery invariant held{_checked(result)}")
        if output is not None and ran is not None:
            which = "" if found is not None else ", the last of those that broke nothing"
            print(f"\nschedule: {output}{which}")
            if found is not None and result.plan.mutants:
                print(f"what the intact core does: vmalab race show {output} --intact")
        elif output is not None:
            print(f"\n{output} is not written: each run of it had processes of its own")
    raise typer.Exit(GOOD if bool(found) == bool(result.plan.mutants) else FAILED)


def _listed(scenarios: list[Scenario]) -> dict[str, Any]:
    """What `race list --json` prints."""
    from vmalab_native import lab
    from vmalab_native.race import scenario

    return {
        "scenarios": [
            {
                "name": one.name,
                "title": one.title,
                "source": one.source,
                "models": list(one.models),
                "actors": one.actor_names,
                "finds": [lab.mutant(name).short for name in one.finds],
            }
            for one in scenarios
        ],
        "mutants": [
            {
                "name": mutant.short,
                "full_name": mutant.name,
                "text": mutant.text,
                "models": [
                    model for model in scenario.LETTERS if scenario.applies(mutant.name, model)
                ],
                "behind": [
                    model
                    for model in scenario.LETTERS
                    if scenario.applies(mutant.name, model)
                    and not scenario.alone(mutant.name, model)
                ],
            }
            for mutant in lab.MUTANTS
        ],
        "variants": [
            {
                "name": one.name,
                "text": one.text,
                "models": [
                    model for model, letter in scenario.LETTERS.items() if letter in one.kind
                ],
            }
            for one in lab.VARIANTS
        ],
        "points": [
            {"name": point.name, "about": point.kind, "text": point.text} for point in lab.POINTS
        ],
    }


@app.command("list")
def list_command(
    points: Annotated[bool, typer.Option("--points", help="The sync points instead.")] = False,
    as_json: Json = False,
) -> None:
    """List the scenarios, and the mutants with the scenarios that show them."""
    from vmalab_native import lab
    from vmalab_native.race import scenario

    if points and not as_json:
        table = Table(Column("sync point", no_wrap=True), "of", "when a process is there", box=None)
        for point in lab.POINTS:
            table.add_row(point.name, point.kind.replace("NONE", ""), point.text)
        Console().print(table)
        return

    scenarios = _guarded(lambda: [scenario.load(name) for name in scenario.names()])
    if as_json:
        print(json.dumps(_listed(scenarios), indent=2))
        return
    console = Console()
    scenario_name = Column("scenario", no_wrap=True)
    table = Table(scenario_name, "what happens", Column("shows", overflow="fold"), box=None)
    for one in scenarios:
        table.add_row(one.name, one.title, " ".join(one.finds))
    console.print(table)
    print()
    letters = ", ".join(f"{letter} {model}" for model, letter in scenario.LETTERS.items())
    name = Column("mutant", no_wrap=True)
    caption = f"models: {letters}; a small letter: behind another check"
    table = Table(name, "models", "what is wrong", box=None, caption=caption)
    for mutant in lab.MUTANTS:
        table.add_row(mutant.label, mutant.kind, mutant.text)
    console.print(table)
    print()
    table = Table(Column("variant", no_wrap=True), "models", "what is done instead", box=None)
    for variant in lab.VARIANTS:
        table.add_row(variant.name, variant.kind, variant.text)
    console.print(table)


@app.command("run")
def run_command(
    name: Annotated[str, typer.Argument(help="A scenario, or the path of a .toml file.")],
    model: Model = "",
    mutant: Mutants = [],  # noqa: B006 - typer wants a list
    variant: Variant = "",
    strategy: StrategyOption = "exhaustive",
    bound: Bound = -1,
    schedules: Schedules = 0,
    seed: Seed = 1,
    seconds: Seconds = 60.0,
    output: Output = None,
    lookup: LookupOption = "",
    as_json: Json = False,
) -> None:
    """Search a scenario for a broken invariant; with a mutant, show it.

    Exit code 0: without a mutant every invariant held; with one an invariant broke. -o writes the
    schedule that breaks it.
    Marks of the trace: * the schedule may switch here, G the VMA is granted, ! the invariant
    breaks.
    """
    plan = partial(_plan, strategy, bound, schedules, seed, seconds, mutant)
    result = _search(name, model, variant, plan)
    _finish(result, as_json=as_json, output=output)


@app.command("explore")
def explore_command(
    name: Annotated[str, typer.Argument(help="A scenario, or the path of a .toml file.")],
    model: Model = "",
    mutant: Mutants = [],  # noqa: B006 - typer wants a list
    variant: Variant = "",
    strategy: StrategyOption = "exhaustive",
    bound: Bound = 3,
    schedules: Schedules = 100_000,
    seed: Seed = 1,
    seconds: Seconds = 60.0,
    output: Output = None,
    lookup: LookupOption = "",
    as_json: Json = False,
) -> None:
    """Search further than `run`: more preemptions and schedules, and the coverage."""
    plan = partial(_plan, strategy, bound, schedules, seed, seconds, mutant)
    result = _search(name, model, variant, plan)
    if not as_json:
        missed = [point for point, count in result.coverage.items() if not count]
        print(f"not passed: {', '.join(missed)}\n")
    _finish(result, as_json=as_json, output=output, coverage=True)


@app.command("replay")
def replay_command(
    file: Annotated[Path, typer.Argument(help="Schedule (a .sched file).")],
    times: Annotated[int, typer.Option("--times", min=1, help="Number of replays.")] = 1,
    trace: Annotated[bool, typer.Option("--trace", help="Print the trace.")] = False,
    as_json: Json = False,
) -> None:
    """Follow a schedule several times, and compare the traces.

    Exit code 0: the traces are the same, and the invariant broke that the schedule names.
    """
    from vmalab_native.race import explore, schedule

    def follow() -> tuple[Schedule, Replayed]:
        one = schedule.read(file)
        return one, explore.replay(one, times=times)

    one, done = _guarded(follow)
    broke = done.violation.invariant if done.violation else ""
    good = done.traces == 1 and broke == one.expect
    text = explore.trace_text(schedule.load_scenario(one), done.trace)
    if as_json:
        print(
            json.dumps(
                {
                    "times": done.times,
                    "traces": done.traces,
                    "invariant": broke,
                    "text": done.violation.text if done.violation else "",
                    "expected": one.expect,
                    "trace": lines_of(text),
                },
                indent=2,
            )
        )
    else:
        if trace:
            print(text)
            print(explore.legend(schedule.load_scenario(one), done.trace))
        same = "the same trace each time" if done.traces == 1 else f"{done.traces} different traces"
        print(_count(done.times, "time") + (f", {same}" if done.times > 1 else ""))
        print(f"{broke}: {done.violation.text}" if done.violation else "every invariant held")
        if broke != one.expect:
            print(f"the schedule expects {one.expect or 'that no invariant breaks'}")
    raise typer.Exit(GOOD if good else FAILED)


@app.command("show")
def show_command(
    file: Annotated[Path, typer.Argument(help="Schedule (a .sched file).")],
    output: Annotated[
        Path | None,
        typer.Option(
            "-o",
            "--output",
            help="Picture: .svg or .html, or .txt for a mail; default: .svg beside the schedule.",
        ),
    ] = None,
    perfetto: Annotated[
        Path | None, typer.Option("--perfetto", help="Also write a trace for ui.perfetto.dev.")
    ] = None,
    intact: Annotated[
        bool,
        typer.Option(
            "--intact",
            help="Without the schedule's mutants: what the intact core does at the same steps.",
        ),
    ] = False,
    compact: Annotated[
        bool,
        typer.Option(
            "--compact",
            help="For a slide or a mail: only the steps where the schedule may switch, and those "
            "where a lock is granted or the invariant breaks.",
        ),
    ] = False,
    as_json: Json = False,
) -> None:
    """Follow a schedule and draw it: a lane for each process, lock words, the invariant.

    With --intact the picture is of a run that is right, to compare with the one that is wrong. The
    intact core follows the schedule until it cannot, mostly because a process waits there; after
    that nobody is preempted.
    """
    from vmalab_native.race import explore, schedule
    from vmalab_race import ladder, picture
    from vmalab_race import perfetto as perfetto_trace

    target = output or file.with_suffix(".intact.svg" if intact else ".svg")
    if target.suffix not in (".svg", ".html", ".txt"):
        fail(f"{target}: the name of a picture ends in .svg or .html, or .txt for text", USAGE)

    def draw() -> picture.Picture:
        one = schedule.read(file)
        note = ""
        if intact:
            one, done, why = explore.on_the_intact_core(one)
            note = f"it leaves the schedule at {why}" if why else "it follows the whole schedule"
        else:
            done = explore.replay(one)
        drawn = picture.Picture(
            schedule.load_scenario(one),
            one,
            done.trace,
            done.violation,
            done.outcome,
            note,
            compact=compact,
        )
        write = {".svg": picture.svg, ".html": picture.html, ".txt": ladder.text}
        text = write[target.suffix](drawn)
        target.write_text(text, encoding="utf-8")
        if perfetto is not None:
            perfetto.write_bytes(perfetto_trace.trace_bytes(drawn))
        return drawn

    drawn = _guarded(draw)
    row = {
        "picture": str(target),
        "perfetto": str(perfetto or ""),
        "steps": len(drawn.trace),
        "verdict": drawn.verdict(),
    }
    print(json.dumps(row, indent=2) if as_json else f"wrote {target}: {row['verdict']}")


@app.command("book", hidden=True)
@app.command("catalogue")
def catalogue_command(
    out: Annotated[Path, typer.Option("--out", help="The page to write.")] = Path("docs/races.md"),
) -> None:
    """Write the race catalogue: docs/races.md with its pictures."""
    from vmalab_race import catalogue

    shown = _guarded(lambda: catalogue.write(out))
    print(f"{out}: {len(shown)} mutants")


@app.command("checks")
def checks_command(
    model: Annotated[
        str, typer.Option("--model", help="Lock model; default: all that have a lock of the VMA.")
    ] = "",
    out: Annotated[
        Path | None,
        typer.Option("--out", help="The page to write all of it to, such as docs/series.md."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Leave out each check of the look-up and show what breaks, or which check stands behind it.

    Exit code 0: each check is needed, alone or with the one behind it.
    """
    from vmalab_race import checks

    if model and model not in checks.MODELS:
        from vmalab_native.race.scenario import unknown

        fail(unknown("lock model", model, checks.MODELS), USAGE)
    if model and out is not None:
        fail("--out writes all lock models: leave --model out", USAGE)
    found = _guarded(lambda: checks.cells([model] if model else checks.MODELS))
    if out is not None:
        try:
            checks.write(out, found)
        except ValueError as error:
            fail(str(error), USAGE)
    if as_json:
        print(json.dumps({"checks": [cell.as_dict() for cell in found]}, indent=2))
    else:
        table = Table(Column("left out", no_wrap=True), "model", "what breaks", box=None)
        for cell in found:
            table.add_row(cell.check.mutant, cell.model, cell.plain())
        Console().print(table)
    needed = all(cell.absent or cell.invariant for cell in found)
    raise typer.Exit(GOOD if needed else FAILED)


@app.command("all")
def all_command(
    model: Annotated[
        str,
        typer.Option(
            "--model", help="Lock model or step of the history; default: all models and steps."
        ),
    ] = "",
    only: Annotated[
        list[str] | None,
        typer.Option("--scenario", help="Only this scenario and the mutants it shows; repeatable."),
    ] = None,
    jobs: Annotated[
        int, typer.Option("--jobs", min=0, help="Processes; 0: as many as processors.")
    ] = 1,
    seed: Seed = 1,
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", help="Folder to write a schedule of each mutant to."),
    ] = None,
    lookup: LookupOption = "",
    as_json: Json = False,
) -> None:
    """Run every scenario on the intact core, and every mutant on each model it applies to.

    Exit code 0: each mutant was caught, and the intact core broke no invariant but those that a
    step of the history breaks by design.
    """
    from vmalab_native.cores import all_models
    from vmalab_native.race import scenario
    from vmalab_race import survey

    models = all_models()
    if model and model not in models:
        from vmalab_native.race.scenario import unknown

        fail(unknown("lock model", model, models), USAGE)
    said = Progress()
    done = _guarded(
        lambda: survey.survey(
            models=[model] if model else models,
            seed=_seed(seed),
            folder=output,
            jobs=jobs or len(os.sched_getaffinity(0)),
            scenarios=[scenario.load(one).name for one in only or []],
            progress=said,
        )
    )
    said.end()
    if as_json:
        print(json.dumps(done.as_dict() | {"lookup": lookup_in(lookup)}, indent=2))
    else:
        _print_survey(done)
    raise typer.Exit(GOOD if done.good else FAILED)


def _print_survey(done: Survey) -> None:
    from vmalab_native import lab

    console = Console()
    name = Column("mutant", no_wrap=True)
    table = Table(name, "model", "scenario", "invariant", "schedules", box=None)
    for row in done.rows:
        table.add_row(
            lab.mutant(row.mutant).label,
            row.model,
            row.scenario,
            row.invariant or "MISSED",
            f"{row.schedules:,}",
        )
    console.print(table)
    for result, found in done.false_alarms:
        print(f"FALSE ALARM {result.scenario.name} on {result.model}: ", end="")
        print(f"{found.violation.invariant}: {found.violation.text}")
    for result, found in done.broken_by_design:
        print(f"by design {result.scenario.name} on {result.model}: ", end="")
        print(f"{found.violation.invariant}: {found.violation.text}")
    for row_name in done.missing:
        print(f"MISSING {row_name}: the table of the steps says that it breaks")
    facts = done.as_dict()
    print(
        f"\n{facts['scenarios']} scenarios, {len(done.intact)} runs of them on the intact core, "
        f"{facts['false_alarms']} false alarms"
    )
    print(f"{facts['mutants']} mutants on models, {facts['caught']} caught")
    print(f"{facts['schedules']:,} schedules in {facts['seconds']} s, seed {facts['seed']}")


def register(parent: typer.Typer) -> None:
    parent.add_typer(app, name="race", rich_help_panel=WORK)
