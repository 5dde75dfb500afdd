# SPDX-License-Identifier: Apache-2.0
"""`vmalab lin`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vmalab_cli.common import (
    FAILED,
    USAGE,
    WORK,
    Json,
    LayoutOption,
    LookupOption,
    check_core,
    fail,
    guarded,
    lookup_in,
)
from vmalab_cli.progress import Progress
from vmalab_drive import report

if TYPE_CHECKING:
    from vmalab_lin.run import LinResult
    from vmalab_native.history import Kind

HELP = (
    "Check that concurrent operations are linearizable.\n\n"
    "Processes attached to the segment do random operations on a few pages, each with the times "
    "before and after it. A checker looks for an order of them that a sequential address space "
    "explains. If there is none, the exit code is 1, and the shortest prefix without one is shown "
    "and written to a file."
)
EXAMPLES = """\
Examples:

vmalab lin --model all --duration 60

vmalab lin --mutant fork_parent_unlocked --out /tmp

vmalab lin --recheck /tmp/lin-typesafe-rwsem-7-0-2.json
"""
ModelsOption = Annotated[
    str, typer.Option("--model", help="Lock model; all: each of them, one after the other.")
]


def _recheck(path: Path, *, as_json: bool) -> None:
    from vmalab_lin import explain, ops

    try:
        known = ops.load(path)
        found = explain.find(known)
    except ops.HistoryError as error:
        fail(str(error), USAGE)
    except ValueError as error:
        fail(f"{path}: {error}", USAGE)
    if as_json:
        report.print_json(
            {"file": str(path), "ops": len(known.ops), "violations": int(found is not None),
             "failing": ops.op_text(found.small.ops[found.failure.op]) if found else ""}
        )  # fmt: skip
    elif found is None:
        print(f"linearizable: {len(known.ops)} operations")
    else:
        print("\n".join(explain.tell(found)))
    if found is not None:
        raise typer.Exit(FAILED)


def _models(model: str, layout: str, mutants: list[str]) -> list[str]:
    """The models to run: with mutants, those that can have all of them."""
    from vmalab_native import cores, lab
    from vmalab_native.errors import InvalidArgument
    from vmalab_native.race import scenario

    try:
        names = [lab.mutant(name).name for name in mutants]
    except InvalidArgument as error:
        fail(error.detail, USAGE)
    asked = model or cores.default_model()
    known = [*cores.lock_models(), *(one for one in cores.steps() if one == asked)]
    able = [one for one in known if all(scenario.applies(name, one) for name in names)]
    if model != "all":
        check_core(model, layout, others="")
        one = model or cores.default_model()
        if one not in able:
            there = ", ".join(able) or "no model together"
            fail(f"{one} cannot have {'+'.join(mutants)}: that is for {there}", USAGE)
        return [one]
    if layout:
        fail("--layout is for one model, not for all of them", USAGE)
    if not able:
        fail(f"no model can have {'+'.join(mutants)} together", USAGE)
    return able


def _kinds(names: list[str]) -> tuple[Kind, ...]:
    """Operations by their names."""
    from vmalab_lin import plan

    known = {kind.name.lower(): kind for kind in plan.WEIGHTS}
    for name in names:
        if name not in known:
            fail(f"--without {name}: the operations are {', '.join(known)}", USAGE)
    if not known.keys() - set(names):
        fail("--without: no operation is left", USAGE)
    return tuple(known[name] for name in names)


def _not_judged() -> list[str]:
    """Operations that nobody has said how to judge."""
    from vmalab_lin import plan

    return [op.name.lower() for op in plan.unjudged()]


def _left_out() -> dict[str, str]:
    """Operations that no history has, and why."""
    from vmalab_lin import plan

    return {op.name.lower(): why for op, why in plan.LEFT_OUT.items()}


def _show(results: list[LinResult], seed: int) -> None:
    facts = [result.as_dict() for result in results]
    rows = [
        [
            data["model"],
            *(report.count(data[name]) for name in ("checked", "epochs", "violations")),
            f"{data['seconds']:.1f}",
        ]
        for data in facts
    ]
    head = ("model", "checked", "epochs", "violations", "seconds")
    console = report.console()
    console.print(report.grid(f"linearizability, seed {seed}", head, rows))
    missing = ", ".join(_not_judged()) or "nothing"
    console.print(f"no specification of: {missing}", soft_wrap=True)
    console.print(f"left out (--json: why): {', '.join(_left_out())}", soft_wrap=True)
    for result in results:
        for line in result.told:
            console.print(line, soft_wrap=True)
        for file in result.files:
            console.print(
                f"written to {file}; vmalab lin --recheck {file} shows it again", soft_wrap=True
            )
        for problem in result.problems:
            console.print(f"{result.config.model}: {problem}", soft_wrap=True)
        if result.undecided:
            console.print(
                f"{result.config.model}: {result.undecided} cells had too many orders to follow; "
                "a smaller --epoch-ops or fewer --processes has less of them",
                soft_wrap=True,
            )


def lin_command(
    processes: Annotated[
        int, typer.Option(min=1, max=16, help="Processes that do operations.")
    ] = 4,
    duration: Annotated[float, typer.Option(min=0.0, help="Seconds for each model.")] = 10.0,
    seed: Annotated[
        int | None,
        typer.Option(min=0, help="Seed; it repeats the operations, not their interleaving."),
    ] = None,
    model: ModelsOption = "",
    layout: LayoutOption = "",
    lookup: LookupOption = "",
    mutant: Annotated[
        list[str] | None,
        typer.Option(
            "--mutant", help="Switch a known bug on, in the lab core: mm_not_compared, ..."
        ),
    ] = None,
    delays: Annotated[
        bool, typer.Option(help="Lab core: pause at sync points at random. Always with --mutant.")
    ] = False,
    without: Annotated[
        list[str] | None,
        typer.Option(
            "--without", help="Operation to leave out: uffd, move, dontneed, ...; may be repeated."
        ),
    ] = None,
    epoch_ops: Annotated[
        int, typer.Option(min=100, max=200_000, help="Operations of an epoch.")
    ] = 4000,
    pages: Annotated[
        int, typer.Option(min=2, max=128, help="Pages of an address space, an even number.")
    ] = 8,
    out: Annotated[Path, typer.Option(help="Folder to write failing histories to.")] = Path(),
    keep: Annotated[
        bool, typer.Option("--keep", help="Write the histories of the last epoch too.")
    ] = False,
    recheck: Annotated[
        Path | None, typer.Option(help="Check this file with a history; run nothing.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Check that concurrent operations are linearizable."""
    from vmalab_lin import run

    if recheck is not None:
        _recheck(recheck, as_json=as_json)
        return
    mutants = tuple(mutant or ())
    models = _models(model, layout, list(mutants))
    if not out.is_dir():
        fail(f"--out {out}: no such folder", USAGE)
    seed = run.LinConfig.fresh_seed() if seed is None else seed
    slow = bool(mutants) or delays
    config = run.LinConfig(
        model=models[0],
        layout=layout or "aligned",
        processes=processes,
        seconds=duration,
        seed=seed,
        pages=pages,
        epoch_ops=epoch_ops,
        forks=2 if processes <= 8 else 1,
        mutants=mutants,
        without=_kinds(without or []),
        delay_one_in=100 if slow else 0,
        delay_us=300 if slow else 0,
        out=out,
        keep=keep,
    )
    try:
        config.setup()
    except run.LinError as error:
        fail(str(error), USAGE)
    print(f"seed {seed}", file=sys.stderr)
    said = Progress()

    def progress(model: str, seconds: float, ops: int, violations: int) -> None:
        rate = ops / seconds if seconds else 0
        said(
            f"{model}: {seconds:6.1f} s  {ops:,} operations  {rate:,.0f}/s  {violations} violations"
        )

    try:
        results = guarded(lambda: run.run_all(config, models, progress))
    except run.LinError as error:
        fail(str(error))
    said.end()
    if as_json:
        facts = [result.as_dict() for result in results]
        sums = ("ops", "epochs", "checked", "violations", "undecided", "seconds")
        report.print_json(
            {
                "seed": seed,
                "lookup": lookup_in(lookup),
                **{name: round(sum(one[name] for one in facts), 3) for name in sums},
                "pages": facts[0]["pages"],
                "not_judged": _not_judged(),
                "left_out": _left_out(),
                "models": facts,
            }
        )
    else:
        _show(results, seed)
    if not all(result.good for result in results):
        raise typer.Exit(FAILED)


def register(app: typer.Typer) -> None:
    app.command("lin", help=HELP, epilog=EXAMPLES, rich_help_panel=WORK)(lin_command)
