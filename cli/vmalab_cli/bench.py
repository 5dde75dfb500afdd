# SPDX-License-Identifier: Apache-2.0
"""`vmalab bench`: the commands."""

from __future__ import annotations

import dataclasses
import importlib
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Protocol, cast

import typer

from vmalab_bench import SEED_MAX
from vmalab_cli import common
from vmalab_cli.progress import Progress
from vmalab_native.cores import DEFAULT_MODEL

if TYPE_CHECKING:
    from rich.table import Table

app = typer.Typer(
    help="Measured comparisons. Every bench takes --quick (under 20 s), --seed, --plot and --json.",
    no_args_is_help=True,
)
Quick = Annotated[
    bool, typer.Option("--quick", help="Measure for less than 20 seconds, less exactly.")
]
Smoke = Annotated[bool, typer.Option("--smoke", hidden=True)]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
Plot = Annotated[
    str, typer.Option("--plot", metavar="FILE", help="Write a picture: FILE.png or FILE.svg.")
]
Seed = Annotated[
    int,
    typer.Option(min=-1, max=SEED_MAX, help="Seed; -1: a new one, which is printed."),
]
Check = Annotated[
    bool,
    typer.Option("--check", help="Exit code 1 if a target is not passed, or none was measured."),
]
Model = Annotated[str, typer.Option(metavar="NAME", help="Lock model.")]
Models = Annotated[
    list[str] | None,
    typer.Option("--model", metavar="NAME", help="Lock model; may be repeated. Default: all."),
]


class OfModel(Protocol):
    """The class of the settings of a bench of one lock model; each has fields of its own."""

    def quick(self, model: str) -> object: ...

    def smoke(self, model: str) -> object: ...

    def __call__(self, *, model: str) -> object: ...


class OfModels(Protocol):
    """The class of the settings of a bench that compares lock models."""

    def quick(self, models: Sequence[str]) -> object: ...

    def smoke(self, models: Sequence[str]) -> object: ...

    def full(self, models: Sequence[str]) -> object: ...


class Shown(Protocol):
    """What every module of a bench offers to the commands."""

    def tables(self, data: dict[str, Any]) -> list[Table]: ...

    def plot(self, data: dict[str, Any], path: Path) -> None: ...


class Bench(Shown, Protocol):
    """A bench that needs nothing but its settings, those of its own class."""

    def run(self, config: object, *, seed: int) -> dict[str, Any]: ...


def _named(name: str) -> Bench:
    """A bench's module: it needs numpy, which --help does not."""
    return cast(Bench, importlib.import_module(f"vmalab_bench.{name}"))


def _perform(
    bench: Shown,
    measure: Callable[[int], dict[str, Any]],
    seed: int,
    plot: str,
    check: bool,
    as_json: bool,
) -> None:
    """Measure, draw, print. What cannot be asked for is exit code 2, what went wrong is 1."""

    from vmalab_bench import base, machine, plots
    from vmalab_drive import report

    common.check_slab()

    def act() -> dict[str, Any]:
        path = plots.checked(plot)
        number = base.fresh_seed() if seed < 0 else seed
        print(f"seed {number}", file=sys.stderr)
        with _told():
            data = measure(number)
        if path:
            bench.plot(data, path)
            data["plot"] = str(path)
        return data

    data = common.guarded(act)
    if as_json:
        report.print_json(data)
    else:
        console = report.console()
        for table in bench.tables(data):
            console.print(table)
        if data.get("aims"):
            console.print(_aims(data["aims"]))
        facts = [("seed", str(data["seed"])), ("machine", machine.one_line(data["machine"]))]
        if plot:
            facts.append(("plot", plot))
        console.print(report.facts("", facts))
    if check:
        _judge({data["bench"]: data})


@contextmanager
def _told(before: str = "") -> Iterator[None]:
    """The progress of a bench goes to the terminal, or into the pipe."""
    from vmalab_bench import base

    said = Progress()
    base.tell(lambda text: said(f"{before}{text}"))
    try:
        yield
    finally:
        base.tell(lambda text: None)
        said.end()


def _judge(results: Mapping[str, dict[str, Any]]) -> None:
    """Ends with exit code 1 if a target was not passed, and names it."""
    from vmalab_bench import base

    aims = {name: data.get("aims", []) for name, data in results.items()}
    missed = [f"{name}: {one}" for name, mine in aims.items() for one in base.missed(mine)]
    for one in missed:
        typer.echo(f"not passed: {one}", err=True)
    if missed:
        raise typer.Exit(common.FAILED)
    if not any(aim["value"] is not None for mine in aims.values() for aim in mine):
        common.fail(f"--check: no target of {', '.join(results)} was measured")


def _aims(aims: list[dict[str, Any]]) -> Table:
    from vmalab_bench import base
    from vmalab_drive import report

    rows = []
    for aim in aims:
        least, most = aim.get("at_least"), aim.get("at_most")
        ends = [("=", least)] if least == most else [(">=", least), ("<=", most)]
        goal = " ".join(f"{sign} {report.short(end)}" for sign, end in ends if end is not None)
        measured, said = "not measured", ""
        if aim["value"] is not None:
            low, high = aim["interval"]
            measured = report.measured(aim["value"])
            measured += "" if low == high else f" ({report.measured(low)}-{report.measured(high)})"
            said = base.verdict(aim)
        rows.append([aim["name"], measured, goal, said, aim["note"]])
    return report.grid("targets", ("", "measured (95 %)", "target", "passed", ""), rows)


@app.command("fault")
def fault_command(
    quick: Quick = False,
    vmas: Annotated[
        list[int] | None, typer.Option(min=1, help="Numbers of VMAs; may be repeated.")
    ] = None,
    model: Model = DEFAULT_MODEL,
    seed: Seed = -1,
    plot: Plot = "",
    check: Check = False,
    as_json: Json = False,
) -> None:
    """One read fault on a present page, in units of an uncontended locked add."""
    from vmalab_bench import fault, space

    def measure(number: int) -> dict[str, Any]:
        space.chosen([model], default=())
        config = fault.FaultBench.quick(model) if quick else fault.FaultBench(model=model)
        if vmas:
            config = fault.FaultBench(tuple(vmas), config.iterations, config.rounds, model)
        return fault.run(config, seed=number)

    _perform(fault, measure, seed, plot, check, as_json)


@app.command("rpc")
def rpc_command(
    quick: Quick = False,
    smoke: Smoke = False,
    workers: Annotated[int, typer.Option(min=1, help="Workers of the server that is started.")] = 2,
    client: Annotated[
        str, typer.Option(help="Client of the unary calls: h2load, python or auto.")
    ] = "auto",
    target: Annotated[
        str, typer.Option(help="Server to measure, started with --bench; default: one is started.")
    ] = "",
    seed: Seed = -1,
    plot: Plot = "",
    check: Check = False,
    as_json: Json = False,
) -> None:
    """Fault beside a bare echo as unary calls, and faults through streams of blocks."""
    from vmalab_bench import rpc
    from vmalab_bench.base import BadRequest
    from vmalab_drive import instances

    def measure(number: int) -> dict[str, Any]:
        if client not in ("auto", "h2load", "python"):
            raise BadRequest(f"--client {client}: give auto, h2load or python")
        kind = rpc.RpcBench
        if smoke or quick:
            config = (kind.smoke if smoke else kind.quick)(workers, client)
        else:
            config = kind(workers=workers, client=client)
        if not target:
            return rpc.run_both(config, seed=number)
        with instances.instance_for(
            target=target, mode="unary", workers=workers, bench=True
        ) as found:
            return rpc.run(config, found, seed=number)

    _perform(rpc, measure, seed, plot, check, as_json)


@app.command("loadgen")
def loadgen_command(
    quick: Quick = False,
    smoke: Smoke = False,
    workers: Annotated[int, typer.Option(min=1, help="Workers of each server.")] = 2,
    seed: Seed = -1,
    plot: Plot = "",
    check: Check = False,
    as_json: Json = False,
) -> None:
    """The load generator's own cost, and unary calls at the limit of the transport (h2load)."""
    from vmalab_bench import loadgen

    def measure(number: int) -> dict[str, Any]:
        kind = loadgen.LoadgenBench
        if smoke or quick:
            config = (kind.smoke if smoke else kind.quick)(workers)
        else:
            config = kind(workers=workers)
        return loadgen.run(config, seed=number)

    _perform(loadgen, measure, seed, plot, check, as_json)


def _of_one_model(name: str, settings: str, what: str) -> None:
    """A command that measures one lock model; `settings` is the class in its module."""

    def command(
        quick: Quick = False,
        smoke: Smoke = False,
        model: Model = DEFAULT_MODEL,
        seed: Seed = -1,
        plot: Plot = "",
        check: Check = False,
        as_json: Json = False,
    ) -> None:
        from vmalab_bench import space

        bench = _named(name)

        def measure(number: int) -> dict[str, Any]:
            space.chosen([model], default=())
            kind: OfModel = getattr(bench, settings)
            made = kind.smoke(model) if smoke else kind.quick(model) if quick else kind(model=model)
            return bench.run(made, seed=number)

        _perform(bench, measure, seed, plot, check, as_json)

    app.command(name, help=what)(command)


def _of_all_models(name: str, settings: str, what: str) -> None:
    """A command that compares lock models."""

    def command(
        quick: Quick = False,
        smoke: Smoke = False,
        model: Models = None,
        seed: Seed = -1,
        plot: Plot = "",
        check: Check = False,
        as_json: Json = False,
    ) -> None:
        from vmalab_bench import space

        bench = _named(name)

        def measure(number: int) -> dict[str, Any]:
            names = space.chosen(model, default=space.models())
            kind: OfModels = getattr(bench, settings)
            made = (kind.smoke if smoke else kind.quick if quick else kind.full)(names)
            return bench.run(made, seed=number)

        _perform(bench, measure, seed, plot, check, as_json)

    app.command(name, help=what)(command)


_of_one_model(
    "kernel",
    "KernelBench",
    "Fresh pages and mmap + munmap, done by the running kernel and here, in turn.",
)
_of_one_model(
    "scaling",
    "ScalingBench",
    "Faults of one to four processes at the same time, sharing more or less.",
)
_of_one_model(
    "size",
    "SizeBench",
    "A fault, a mapping and the memory for it, from 10 to 1,000,000 VMAs.",
)
_of_one_model(
    "events",
    "EventsBench",
    "Faults and calls where participants keep events, and where they keep none, in turn.",
)
_of_all_models(
    "models",
    "ModelsBench",
    "The lock models beside each other: processes, sharing, a writer.",
)
_of_all_models(
    "memory",
    "MemoryBench",
    "Memory that VMAs really take, in each lock model and layout, beside the kernel's figures.",
)
_of_all_models(
    "slab",
    "SlabBench",
    "VMAs allocated and freed in each setting of the slab: bytes, time, which objects come again.",
)
_of_all_models(
    "path",
    "PathBench",
    "What one fault executes: instructions, cache lines, loads that wait for each other.",
)


@app.command("layouts")
def layouts_command(
    quick: Quick = False,
    smoke: Smoke = False,
    layout: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME", help="Layout or FILE.toml; may be repeated. Default: all, five seeds."
        ),
    ] = None,
    vmas: Annotated[
        int, typer.Option(min=1, max=30000, help="VMAs that are walked, and locked meanwhile.")
    ] = 64,
    model: Model = DEFAULT_MODEL,
    seed: Seed = -1,
    plot: Plot = "",
    check: Check = False,
    as_json: Json = False,
) -> None:
    """Walking VMAs beside their read locks, and faults beside a writer: the false sharing of each
    layout."""
    from vmalab_bench import layouts, space

    def measure(number: int) -> dict[str, Any]:
        space.chosen([model], default=())
        kind = layouts.LayoutsBench
        made = (kind.smoke if smoke else kind.quick if quick else kind.full)(model)
        made = dataclasses.replace(made, vmas=vmas)
        if layout:
            made = dataclasses.replace(made, layouts=tuple(dict.fromkeys(layout)))
        return layouts.run(layouts.checked(made), seed=number)

    _perform(layouts, measure, seed, plot, check, as_json)


@app.command("rcu")
def rcu_command(
    quick: Quick = False,
    smoke: Smoke = False,
    seed: Seed = -1,
    plot: Plot = "",
    check: Check = False,
    as_json: Json = False,
) -> None:
    """Read sections and grace periods of both flavours, beside liburcu."""
    from vmalab_bench import rcu

    def measure(number: int) -> dict[str, Any]:
        kind = rcu.RcuBench
        return rcu.run((kind.smoke if smoke else kind.quick if quick else kind)(), seed=number)

    _perform(rcu, measure, seed, plot, check, as_json)


@app.command("all")
def all_command(
    out: Annotated[Path, typer.Option(metavar="PAGE.md", help="Page to write.")],
    quick: Quick = False,
    seed: Seed = -1,
    check: Check = False,
) -> None:
    """Every bench in turn, and a page with their tables and pictures beside it."""
    from vmalab_bench import base, page
    from vmalab_bench.base import BadRequest

    def act() -> dict[str, dict[str, Any]]:
        if out.suffix != ".md" or not out.parent.is_dir():
            raise BadRequest(
                f"--out {out}: give a file that ends in .md, in a folder that is there"
            )
        number = base.fresh_seed() if seed < 0 else seed

        def said(text: str) -> None:
            print(text, file=sys.stderr, flush=True)

        with _told():
            results = dict(page.measure(quick=quick, seed=number, said=said))
        page.write(results, out)
        print(out)
        return results

    results = common.guarded(act)
    if check:
        _judge(results)


@app.command("draw")
def draw_command(
    folder: Annotated[
        Path, typer.Argument(metavar="FOLDER", help="Folder with the JSON files of `bench all`.")
    ],
    out: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Where to draw; default: beside the JSON.")
    ] = None,
    png: Annotated[
        bool, typer.Option("--png", help="PNG besides SVG, with twice the pixels of a screen.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Draw the charts again from what was measured, for a page or a talk."""
    from vmalab_bench import page
    from vmalab_bench.base import BadRequest

    def act() -> list[Path]:
        target = out or folder
        for one in (folder, target):
            if not one.is_dir():
                raise BadRequest(f"{one}: give a folder that is there")
        return page.redraw(folder, target, (".svg", ".png") if png else (".svg",))

    drawn = [str(path) for path in common.guarded(act)]
    common.show({"drawn": drawn}, "\n".join(drawn), as_json=as_json)


def register(parent: typer.Typer) -> None:
    parent.add_typer(app, name="bench", rich_help_panel=common.WORK)
