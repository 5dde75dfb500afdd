# SPDX-License-Identifier: Apache-2.0
"""`vmalab scale`: the core on virtual CPUs."""

from __future__ import annotations

import json
import os
import shlex
import sys
from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vmalab_cli.common import FAILED, USAGE, WORK, Json, fail, guarded
from vmalab_cli.progress import Progress

if TYPE_CHECKING:
    from vmalab_scale.cost import Costs
    from vmalab_scale.jobs import Task
    from vmalab_scale.machine import Machine
    from vmalab_scale.run import Cell


HELP = (
    "Run the core itself on 1 to 255 virtual CPUs of a modelled machine, in virtual time.\n\n"
    "Every access to shared memory is seen, and costs what the machine's caches say. The same "
    "command prints the same figures each time. docs/scale.md says what they mean and what they "
    "cannot say."
)
EXAMPLES = """\
Examples:

vmalab scale --workload own-vma --vcpus 1,2,4,8

vmalab scale --workload neighbours --model split-rwsem --vcpus 32 --hot 5

vmalab scale --list
"""
C2C_EXAMPLES = """\
Examples:

vmalab scale c2c --workload neighbours --model split-rwsem --explain

vmalab scale c2c --workload page-writer --layout unaligned --vcpus 4
"""
COST_EXAMPLES = """\
Examples:

vmalab scale cost --model typesafe-rwsem

vmalab scale cost --json > before.json

vmalab scale cost --against before.json
"""
BAR = 24
VCPUS = "1,2,4,8,16,32,64,128"
WORKLOADS_SHOWN = ("own-vma", "neighbours", "shared-vma")
Models = Annotated[
    list[str] | None,
    typer.Option(
        "--model", metavar="NAME", help="Lock model or step; repeatable. Default: all five."
    ),
]
Layouts = Annotated[
    list[str] | None, typer.Option("--layout", metavar="NAME", help="Layout; may be repeated.")
]
Workloads = Annotated[
    list[str] | None,
    typer.Option(
        "--workload",
        metavar="NAME",
        help="What the CPUs do; repeatable. A name of --list, FILE.toml, or trace:FOLDER.",
    ),
]
Vcpus = Annotated[str, typer.Option(metavar="N,...", help="Numbers of virtual CPUs.")]
MachineName = Annotated[str, typer.Option("--machine", metavar="NAME", help="Or a FILE.toml.")]
Adjacent = Annotated[
    str,
    typer.Option(
        "--adjacent", help="Adjacent-line prefetcher: machine (as its file says), on or off."
    ),
]
Operations = Annotated[
    int, typer.Option("--operations", min=1, help="Counted operations of each CPU, at least.")
]
Seed = Annotated[
    int,
    typer.Option(
        "--seed",
        min=0,
        max=2**63 - 1,
        help="Of how long each transfer takes, an eighth more or less.",
    ),
]
Hot = Annotated[
    int,
    typer.Option("--hot", min=0, max=64, help="Show so many pairs of places that share a line."),
]
Times = Annotated[bool, typer.Option("--time", help="Show where the CPUs' time went.")]
Latency = Annotated[
    bool, typer.Option("--latency", help="Show percentiles of each kind of operation.")
]
Jobs = Annotated[int, typer.Option("--jobs", min=0, help="Processes; 0: as many as processors.")]
Picture = Annotated[
    str, typer.Option("--picture", metavar="FILE", help="Draw throughput: FILE.svg or FILE.png.")
]
Page = Annotated[str, typer.Option("--html", metavar="FILE", help="Write a page of the results.")]
Speed = Annotated[
    bool, typer.Option("--speed", help="Say on standard error how fast this machine was.")
]
Schema = Annotated[
    bool, typer.Option("--schema", help="Print the JSON schema of a workload's file.")
]
Listing = Annotated[bool, typer.Option("--list", help="List workloads and machines.")]


def _numbers(text: str) -> list[int]:
    from vmalab_native.virtual import CPUS_MAX

    try:
        found = [int(part) for part in text.split(",")]
    except ValueError:
        found = []
    if not found or any(not 1 <= one <= CPUS_MAX for one in found):
        fail(f"--vcpus {text}: give numbers of 1 to {CPUS_MAX}, with commas between", USAGE)
    return list(dict.fromkeys(found))


def _models(given: list[str]) -> list[str]:
    """`all` is all lock models, as without the option; what is named twice is run once."""
    from vmalab_native import cores

    names = [each for one in given for each in (cores.lock_models() if one == "all" else [one])]
    return list(dict.fromkeys(names or cores.lock_models()))


def _machine(name: str, adjacent: str) -> Machine:
    from vmalab_scale import machine

    if adjacent not in ("machine", "on", "off"):
        fail(f"--adjacent {adjacent}: give machine, on or off", USAGE)
    try:
        found = machine.read(name)
    except machine.MachineError as error:
        fail(f"--machine: {error}", USAGE)
    return found if adjacent == "machine" else found.with_adjacent(adjacent == "on")


def _fitting(on: Machine, numbers: list[int]) -> Machine:
    """The machine, if it has so many CPUs."""
    from vmalab_native.virtual import CLUSTERS_MAX

    per_cluster = int(on.values["cores_per_cluster"])
    if max(numbers) > per_cluster * CLUSTERS_MAX:
        clusters = f"at most {CLUSTERS_MAX} clusters, with per_cluster = {per_cluster}"
        shown = ",".join(map(str, numbers))
        fail(f"--vcpus {shown}: the machine {on.name} has {clusters}", USAGE)
    return on


def _listing() -> None:
    from vmalab_cli import scale_loads
    from vmalab_scale import machine

    print("workloads")
    for name, text in scale_loads.listed():
        print(f"  {name:<14} {text}")
    print(f"  {'FILE.toml':<14} Who maps what and what each CPU does, as a file says (--schema).")
    print(f"  {'trace:FOLDER':<14} What was recorded, once: each thread is a virtual CPU.")
    print("machines")
    for name in machine.shipped():
        print(f"  {name:<14} {machine.read(name).text}")


def _checked(models: list[str], layouts: list[str], workloads: list[str]) -> None:
    from vmalab_cli import scale_loads
    from vmalab_native import cores
    from vmalab_native.errors import InvalidArgument
    from vmalab_scale.work import ScaleError

    for name in workloads:
        try:
            scale_loads.find(name)
        except ScaleError as error:
            fail(f"--workload {name}: {str(error).removeprefix(f'{name}: ')}", USAGE)
    for model in models:
        for layout in layouts:
            try:
                cores.check(model, layout)
            except InvalidArgument as error:
                fail(error.detail, USAGE)


class _Run:
    """Cells that are wanted, and what is the same in all of them."""

    def __init__(self, tasks: list[Task], machine: Machine, least: int, seed: int) -> None:
        from vmalab_cli import scale_loads
        from vmalab_scale.jobs import Asked, Cells

        self._said = Progress()
        self._count = len(tasks)
        self._cells = Cells(Asked(scale_loads.find, machine, least, seed), tasks, self._note)
        self.ended_by = 0

    def _note(self, task: Task, part: float, done: int) -> None:
        full = int(part * BAR)
        bar = "#" * full + "." * (BAR - full)
        self._said(f"[{bar}] {part:4.0%}, {done} of {self._count} runs done; {task}")

    def run(self, jobs: int) -> list[Cell]:
        """Runs them. Ended by a signal: those that are done, and `ended_by` has the exit code."""
        from vmalab_native import signals
        from vmalab_scale.work import ScaleError

        with signals.orderly():
            try:
                guarded(lambda: self._cells.run(jobs), asked=(ScaleError,))
            except SystemExit as ended:
                self.ended_by = int(ended.code or 0)
            finally:
                self._said.end()
        return self._cells.found

    def end(self, cells: list[Cell], *, speed: bool = False) -> None:
        """Says what was not good, and ends the command."""
        if speed and cells:
            accesses, cpu_s = (
                sum(x) for x in zip(*((c.run.accesses, c.cpu_s) for c in cells), strict=True)
            )
            rate = accesses / cpu_s / 1e6 if cpu_s else 0.0
            print(
                f"{accesses / 1e6:.1f} million accesses in {cpu_s:.1f} s of CPU time: {rate:.1f} "
                "million a second on one core", file=sys.stderr,
            )  # fmt: skip
        for one in cells:
            if one.failure:
                print(f"vmalab: {one.failure}", file=sys.stderr)
        if self.ended_by:
            left = self._count - len(cells)
            print(f"vmalab: ended; {left} of {self._count} runs not done", file=sys.stderr)
            raise typer.Exit(self.ended_by)
        if not all(one.good for one in cells):
            raise typer.Exit(FAILED)


def _tasks(
    workloads: list[str], models: list[str], layouts: list[str], numbers: list[int]
) -> list[Task]:
    """A trace has a number of CPUs of its own."""
    from vmalab_cli import scale_loads
    from vmalab_scale.jobs import Task

    found = []
    for name in workloads:
        own = scale_loads.find(name).cpus
        for model, layout in product(models, layouts):
            found += [Task(name, model, layout, n) for n in ([own] if own else numbers)]
    return found


def _writable(picture: str, page: str) -> Path | None:
    """The path of the picture; ends the command if a file cannot be written."""
    from vmalab_bench import plots
    from vmalab_bench.base import BadRequest
    from vmalab_cli.load_ends import writable

    writable(page)
    try:
        return plots.checked(picture)
    except BadRequest as error:
        fail(str(error).replace("--plot", "--picture"), USAGE)


def _without_files(given: list[str]) -> list[str]:
    """A command line without the options that name what is written."""
    found, at = [], 0
    while at < len(given):
        name = given[at].partition("=")[0]
        if name in ("--picture", "--html"):
            at += 1 if "=" in given[at] else 2
            continue
        found.append(given[at])
        at += 1
    return found


def _write(
    cells: list[Cell], on: Machine, picture: Path | None, page: str, text: Callable[[], str]
) -> None:
    """The picture and the page that were asked for."""
    from vmalab_cli.load_ends import write_text
    from vmalab_scale import picture as pictures
    from vmalab_server import version

    if not cells or not (picture or page):
        return
    command = shlex.join(["vmalab", *_without_files(sys.argv[1:])])
    words = pictures.caption(cells, on, version=version(), command=command)
    if picture:
        try:
            pictures.draw(picture, cells, words)
        except OSError as error:
            fail(f"--picture {picture}: {error.strerror}")
    write_text(page, lambda: pictures.page(cells, words, [("Results", text())]))


app = typer.Typer(help=HELP, epilog=EXAMPLES, rich_markup_mode="rich", invoke_without_command=True)


@app.callback()
def scale(
    context: typer.Context,
    model: Models = None,
    layout: Layouts = None,
    workload: Workloads = None,
    vcpus: Vcpus = VCPUS,
    machine: MachineName = "two-sockets",
    adjacent: Adjacent = "machine",
    operations: Operations = 10_000,
    seed: Seed = 1,
    hot: Hot = 0,
    times: Times = False,
    latency: Latency = False,
    jobs: Jobs = 1,
    picture: Picture = "",
    html: Page = "",
    speed: Speed = False,
    listing: Listing = False,
    schema: Schema = False,
    as_json: Json = False,
) -> None:
    from vmalab_cli import scale_show
    from vmalab_native import cores
    from vmalab_scale import report, workload_file

    if context.invoked_subcommand:
        if len(sys.argv) > 2 and sys.argv[2] != context.invoked_subcommand:
            fail(f"give the options of {context.invoked_subcommand} behind that word", USAGE)
        return
    if listing or schema:
        _listing() if listing else print(json.dumps(workload_file.schema(), indent=2))
        return
    numbers = _numbers(vcpus)
    on = _fitting(_machine(machine, adjacent), numbers)
    models, layouts = _models(model or []), list(dict.fromkeys(layout or [cores.DEFAULT_LAYOUT]))
    workloads = list(dict.fromkeys(workload or WORKLOADS_SHOWN))
    _checked(models, layouts, workloads)
    path = _writable(picture, html)
    running = _Run(_tasks(workloads, models, layouts, numbers), on, operations, seed)
    cells = running.run(jobs or len(os.sched_getaffinity(0)))
    if as_json:
        print(json.dumps(report.document(cells, on, seed)))
    else:
        print(scale_show.results(cells, times=times, latency=latency, hot_most=hot))
    everything = partial(scale_show.results, cells, times=True, latency=True, hot_most=hot)
    _write(cells, on, path, html, everything)
    running.end(cells, speed=speed)


@app.command("c2c", epilog=C2C_EXAMPLES)
def c2c(
    model: Models = None,
    layout: Layouts = None,
    workload: Workloads = None,
    vcpus: Annotated[int, typer.Option(min=1, max=255, help="So many virtual CPUs.")] = 8,
    machine: MachineName = "two-sockets",
    adjacent: Adjacent = "machine",
    operations: Operations = 2_000,
    seed: Seed = 1,
    lines: Annotated[
        int, typer.Option("--lines", min=1, max=64, help="Show so many lines, costliest first.")
    ] = 4,
    explain: Annotated[
        bool, typer.Option("--explain", help="Say what the two want, and what would part them.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Which lines CPUs take from one another: fields, functions, true and false sharing.

    A line is drawn as a row of 64 bytes with the fields that lie there; # is where an object
    begins. An arrow goes from W, who wrote, to r or w, who came back to read or to write and
    missed. True sharing: it wanted what had been written. False sharing: it did not.
    """
    from vmalab_cli import scale_show
    from vmalab_native import cores
    from vmalab_scale.c2c import lines as lines_of

    on = _fitting(_machine(machine, adjacent), [vcpus])
    models = _models(model or [cores.DEFAULT_MODEL])
    layouts = list(dict.fromkeys(layout or [cores.DEFAULT_LAYOUT]))
    workloads = list(dict.fromkeys(workload or ["neighbours"]))
    _checked(models, layouts, workloads)
    running = _Run(_tasks(workloads, models, layouts, [vcpus]), on, operations, seed)
    cells = running.run(1)
    if as_json:
        facts = [
            {
                "model": cell.model,
                "layout": cell.layout,
                "workload": cell.workload,
                "machine": cell.machine,
                "vcpus": cell.vcpus,
                "lines": [asdict(line) for line in lines_of(cell)[:lines]],
            }
            for cell in cells
        ]
        print(json.dumps(facts))
    else:
        shown = ["\n".join(scale_show.c2c_of(cell, lines, explain=explain)) for cell in cells]
        print("\n\n".join(shown))
    running.end(cells)


@app.command("cost", epilog=COST_EXAMPLES)
def cost(
    model: Models = None,
    layout: Layouts = None,
    machine: MachineName = "two-sockets",
    operations: Operations = 2_000,
    against: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="What --json has printed before: exit 1 if a cost grew."),
    ] = None,
    percent: Annotated[
        float, typer.Option(min=0, max=1000, help="By so much a cost may have grown.")
    ] = 2.0,
    as_json: Json = False,
) -> None:
    """What one operation costs by itself: instructions, accesses, lines, misses.

    On one virtual CPU, so it is the same each time for one compiler. Instructions are those of the
    core for virtual CPUs, which has more of them than the shipped one. lines: distinct lines of the
    segment. cold: what the first one of all misses. With --against, instructions, accesses, lines,
    locked instructions and fences are compared.
    """
    from vmalab_cli.render import columns
    from vmalab_native import cores
    from vmalab_scale import cost as costs
    from vmalab_scale.work import ScaleError

    on = _machine(machine, "machine")
    models, layouts = _models(model or []), list(dict.fromkeys(layout or [cores.DEFAULT_LAYOUT]))
    _checked(models, layouts, [])
    before = _read_costs(against) if against else {}
    said, found = Progress(), {}
    for name, placed in product(models, layouts):
        said(f"{name}, {placed}")
        run = partial(costs.costs, name, placed, machine=on, operations=operations)
        told = guarded(run, asked=(ScaleError,))
        found[f"{name} {placed}"] = {one: costs.facts(of) for one, of in told.items()}
    said.end()
    if as_json:
        print(json.dumps({"machine": on.values, "costs": found}))
    else:
        for core, operations_of in found.items():
            rows = [
                [one, *(f"{of[count]:.1f}" for count in costs.COUNTS)]
                for one, of in operations_of.items()
            ]
            print(columns([core, *costs.COUNTS], rows), end="\n\n")
    grew = costs.grown(before, found, percent, costs.COUNTS[:5])
    for line in grew:
        print(line, file=sys.stderr)
    if grew:
        fail(f"{len(grew)} costs grew by more than {percent:g} %", FAILED)


def _read_costs(path: Path) -> Costs:
    """What --json of `scale cost` has printed."""
    try:
        found: Costs = json.loads(path.read_text(encoding="utf-8"))["costs"]
        for operations in found.values():
            for told in operations.values():
                if not all(isinstance(one, int | float) for one in told.values()):
                    raise ValueError("a cost is no number")
    except OSError as error:
        fail(f"--against {path}: {error.strerror}", USAGE)
    except (ValueError, KeyError, TypeError, AttributeError):
        fail(f"--against {path}: it is no output of `vmalab scale cost --json`", USAGE)
    return found


def models_named(given: list[str]) -> list[str]:
    """As _models, for the commands of this group that stand in a file of their own."""
    return _models(given)


def numbers_named(text: str, on: Machine) -> list[int]:
    """--vcpus, if the machine has so many."""
    numbers = _numbers(text)
    _fitting(on, numbers)
    return numbers


def machine_named(name: str, *, option: str = "--machine") -> Machine:
    """A machine as its file says it; ends the command, in the option's terms, if there is none."""
    from vmalab_scale import machine

    try:
        return machine.read(name)
    except machine.MachineError as error:
        fail(f"{option}: {error}", USAGE)


def register(parent: typer.Typer) -> None:
    """Add the commands."""
    parent.add_typer(app, name="scale", rich_help_panel=WORK)
