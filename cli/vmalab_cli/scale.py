# SPDX-License-Identifier: Apache-2.0
"""`vmalab scale`: the core on virtual CPUs."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from dataclasses import asdict
from functools import partial
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Protocol

import typer

from vmalab_cli.common import FAILED, USAGE, WORK, Json, fail, guarded
from vmalab_cli.progress import Progress

if TYPE_CHECKING:
    from vmalab_scale.cost import Costs
    from vmalab_scale.machine import Machine
    from vmalab_scale.run import Cell


class RunOne(Protocol):
    """`vmalab_scale.run.cell`, but for what is the same in all cells."""

    def __call__(self, model: str, layout: str, workload: str, /, *, vcpus: int) -> Cell: ...


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
PAIRS_SHOWN = 3
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
    typer.Option("--workload", metavar="NAME", help="What the CPUs do; repeatable. See --list."),
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
    from vmalab_scale import machine
    from vmalab_scale.workloads import WORKLOADS

    print("workloads")
    for name, make in WORKLOADS.items():
        print(f"  {name:<12} {(make.__doc__ or '').strip()}")
    print("machines")
    for name in machine.shipped():
        print(f"  {name:<12} {machine.read(name).text}")


def _table(cells: list[Cell], vcpus: list[int]) -> Iterator[str]:
    from vmalab_cli.render import columns

    for workload in dict.fromkeys(cell.workload for cell in cells):
        rows = []
        mine = [cell for cell in cells if cell.workload == workload]
        for key in dict.fromkeys((cell.model, cell.layout) for cell in mine):
            found = {cell.vcpus: cell for cell in mine if (cell.model, cell.layout) == key}
            rows.append([" ".join(key), *(f"{found[n].per_s / 1e6:.1f}" for n in vcpus)])
        yield f"{workload}, million operations a virtual second"
        yield columns(["lock model, layout", *map(str, vcpus)], rows)
        yield ""


def _hot(cells: list[Cell], most: int) -> Iterator[str]:
    from vmalab_cli.render import columns
    from vmalab_scale import c2c

    for cell in cells:
        yield f"{cell.model} {cell.layout}, {cell.workload}, {cell.vcpus} virtual CPUs: hottest"
        rows = []
        for line in c2c.lines(cell)[:most]:
            pair = line.pairs[0]
            rows.append(
                [
                    f"{line.offset:#x}",
                    pair.taker.place.text,
                    f"{'writes' if pair.writes else 'reads'} in {pair.taker.function}",
                    pair.writer.place.text,
                    f"in {pair.writer.function}",
                    "true" if pair.real else "false",
                    f"{line.misses:.3f}",
                    f"{line.ns:.1f}",
                ]
            )
        head = ("line", "wanted", "", "written", "", "sharing", "misses/op", "ns/op")
        yield columns(head, rows, left=6)
        yield ""


def _c2c(cell: Cell, most: int, *, explain: bool) -> Iterator[str]:
    from vmalab_scale import c2c

    where = f"{cell.model} {cell.layout}, {cell.workload}, {cell.vcpus} virtual CPUs"
    found = c2c.lines(cell)
    if not found:
        yield f"{where}: no line was taken from anybody"
        return
    count = "a line" if len(found) == 1 else f"{len(found)} lines"
    yield f"{where}: {count} that CPUs took from one another"
    for line in found[:most]:
        yield ""
        yield (
            f"line {line.offset:#x}: {line.misses:.3f} misses/op, {line.ns:.1f} ns/op, "
            f"{line.false_part:.0%} of it false sharing"
        )
        yield from c2c.drawn(line)
        for pair in line.pairs[:PAIRS_SHOWN]:
            yield f"  {c2c.told(pair)}"
        if explain:
            yield f"  => {c2c.explained(line, cell.model)}"


def _facts(cell: Cell) -> dict[str, Any]:
    total = {
        name: sum(getattr(one, name) for one in cell.run.cpus)
        for name in (
            *("operations", "failed", "instructions", "accesses", "misses", "locked", "fences"),
            *("work", "missing", "queued", "waiting"),
        )
    }
    return {
        "model": cell.model,
        "layout": cell.layout,
        "workload": cell.workload,
        "machine": cell.machine,
        "vcpus": cell.vcpus,
        "per_s": cell.per_s,
        "end": cell.run.end,
        "status": cell.run.status,
        "ps": cell.run.ps,
        **total,
        "latency_ns": {kind: cell.run.latency[at] for at, kind in enumerate(cell.kinds)},
        "hot": [asdict(one) for one in cell.run.hot],
    }


def _checked(models: list[str], layouts: list[str], workloads: list[str]) -> None:
    from vmalab_native import cores
    from vmalab_native.errors import InvalidArgument
    from vmalab_scale.workloads import WORKLOADS

    for name in workloads:
        if name not in WORKLOADS:
            fail(f"--workload {name}: there are {', '.join(WORKLOADS)}", USAGE)
    for model in models:
        for layout in layouts:
            try:
                cores.check(model, layout)
            except InvalidArgument as error:
                fail(error.detail, USAGE)


def _cells(wanted: list[tuple[str, str, str, int]], run_one: RunOne) -> list[Cell]:
    """Runs them, and says how far it is."""
    from vmalab_scale.run import ScaleError

    said = Progress()
    found = []
    for done, (workload, model, layout, vcpus) in enumerate(wanted):
        said(f"{done}/{len(wanted)}: {workload}, {model}, {layout}, {vcpus} virtual CPUs")
        run = partial(run_one, model, layout, workload, vcpus=vcpus)
        found.append(guarded(run, asked=(ScaleError,)))
    said.end()
    return found


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
    listing: Listing = False,
    as_json: Json = False,
) -> None:
    from vmalab_native import cores
    from vmalab_scale import run

    if context.invoked_subcommand:
        if len(sys.argv) > 2 and sys.argv[2] != context.invoked_subcommand:
            fail(f"give the options of {context.invoked_subcommand} behind that word", USAGE)
        return
    if listing:
        _listing()
        return
    numbers = _numbers(vcpus)
    on = _fitting(_machine(machine, adjacent), numbers)
    models, layouts = _models(model or []), list(dict.fromkeys(layout or [cores.DEFAULT_LAYOUT]))
    workloads = list(dict.fromkeys(workload or WORKLOADS_SHOWN))
    _checked(models, layouts, workloads)
    wanted = list(product(workloads, models, layouts, numbers))
    cells = _cells(wanted, partial(run.cell, machine=on, least=operations, seed=seed))
    if as_json:
        print(json.dumps({"machine": on.values, "cells": [_facts(cell) for cell in cells]}))
    else:
        print("\n".join([*_table(cells, numbers), *(_hot(cells, hot) if hot else ())]))
    if any(one.run.status for one in cells):
        raise typer.Exit(FAILED)


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
    from vmalab_native import cores
    from vmalab_scale import run
    from vmalab_scale.c2c import lines as lines_of

    on = _fitting(_machine(machine, adjacent), [vcpus])
    models = _models(model or [cores.DEFAULT_MODEL])
    layouts = list(dict.fromkeys(layout or [cores.DEFAULT_LAYOUT]))
    workloads = list(dict.fromkeys(workload or ["neighbours"]))
    _checked(models, layouts, workloads)
    wanted = list(product(workloads, models, layouts, [vcpus]))
    cells = _cells(wanted, partial(run.cell, machine=on, least=operations, seed=seed))
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
        shown = ["\n".join(_c2c(cell, lines, explain=explain)) for cell in cells]
        print("\n\n".join(shown))


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
    from vmalab_scale.run import ScaleError

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
