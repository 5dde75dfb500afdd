# SPDX-License-Identifier: Apache-2.0
"""`vmalab scale`: the core on virtual CPUs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import partial
from itertools import product
from typing import TYPE_CHECKING, Annotated, Any, Protocol

import typer

from vmalab_cli.common import FAILED, USAGE, WORK, Json, fail, guarded
from vmalab_cli.progress import Progress

if TYPE_CHECKING:
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
        yield columns(c2c.HEAD, c2c.rows(cell, most), left=7)
        yield ""


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
        "hot": [vars(one) for one in cell.run.hot],
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


def scale(
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
    from vmalab_native.virtual import CLUSTERS_MAX
    from vmalab_scale import run

    if listing:
        _listing()
        return
    numbers, on = _numbers(vcpus), _machine(machine, adjacent)
    per_cluster = int(on.values["cores_per_cluster"])
    if max(numbers) > per_cluster * CLUSTERS_MAX:
        clusters = f"at most {CLUSTERS_MAX} clusters, with per_cluster = {per_cluster}"
        fail(f"--vcpus {vcpus}: the machine {on.name} has {clusters}", USAGE)
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


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("scale", help=HELP, epilog=EXAMPLES, rich_help_panel=WORK)(scale)
