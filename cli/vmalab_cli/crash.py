# SPDX-License-Identifier: Apache-2.0
"""`vmalab crash`."""

from __future__ import annotations

import re
import sys
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from vmalab_cli.common import (
    FAILED,
    USAGE,
    WORK,
    Json,
    LookupOption,
    check_core,
    fail,
    guarded,
    lookup_in,
)
from vmalab_cli.progress import Progress
from vmalab_drive import report

if TYPE_CHECKING:
    from vmalab_crash.tally import Tally

HELP = (
    "Kill processes in bursts, at any instant, and check what is left.\n\n"
    "Attached processes run every operation at full speed in address spaces that they share. Each "
    "burst kills some of them at once: all but one, or while the segment is full, while some are "
    "stopped, while they attach or detach, or the recoverer in the middle of a recovery, with or "
    "without a second one. After each burst every process must be able to do every operation, must "
    "read what it wrote, and every invariant is checked. When all have detached, nothing may be "
    "left.\n\n"
    "The seed is printed. It repeats the bursts, but not what each process is doing at that "
    "moment. Exit code 0: good; 1: something failed, or too few died inside an operation "
    "or during a recovery (undecided); 2: bad usage."
)
EXAMPLES = """\
Examples:

vmalab crash --kills 200

vmalab crash --model all --kills 10000 --bursts 2-20 --json

vmalab crash --model refcount --kills 500 --seed 7 --keep

vmalab crash --kills 100 --sizes 0,64,256

vmalab crash --grpc --kills 30
"""
ACTORS_MAX: Final = 60
SIZE_MAX_MIB: Final = 4096
KILLS_GRPC: Final = 40


def _bursts(text: str, actors: int) -> tuple[int, int]:
    found = re.fullmatch(r"(\d+)(?:-(\d+))?", text)
    if not found:
        fail(f"--bursts {text}: give a number, or two as in 2-20", USAGE)
    smallest, largest = int(found[1]), int(found[2] or found[1])
    if not 1 <= smallest <= largest:
        fail(f"--bursts {text}: the first must be 1 or more, the second no less", USAGE)
    if largest >= actors:
        fail(f"--bursts {text}: at most {actors - 1} with --actors {actors}", USAGE)
    return smallest, largest


def _sizes(text: str) -> tuple[int, ...]:
    try:
        sizes = tuple(int(one) for one in text.split(",") if one.strip())
    except ValueError:
        sizes = (-1,)
    if any(not 0 <= one <= SIZE_MAX_MIB for one in sizes):
        fail(f"--sizes {text}: numbers of MiB, 0 to {SIZE_MAX_MIB}, as in 0,64,256", USAGE)
    return sizes


def _models(model: str) -> list[str]:
    from vmalab_native import cores

    if model == "all":
        return list(cores.lock_models())
    check_core(model, "", others="")
    return [model or cores.default_model()]


def _without(names: list[str]) -> frozenset[int]:
    from vmalab_crash import mix

    try:
        return mix.left_out(names)
    except ValueError as error:
        fail(f"--without {error}", USAGE)


def _line(tally: Tally) -> str:
    return (
        f"{tally.model}: {tally.kills:,} kills in {tally.bursts:,} bursts, "
        f"{tally.inside_share:.0%} in an operation, {tally.in_recovery_share:.0%} in a "
        f"recovery, {len(tally.failures)} failures"
    )


def _again(failure: dict[str, Any], options: str) -> str:
    return f"vmalab crash --model {failure['model']} --seed {failure['seed']} {options}"


def crash_command(
    model: Annotated[
        str, typer.Option("--model", help="Lock model; all: each of them, one after the other.")
    ] = "",
    kills: Annotated[
        int, typer.Option(min=1, help="Processes to kill, all models together.")
    ] = 1000,
    bursts: Annotated[str, typer.Option(help="Kills at once: FROM-TO, or one number.")] = "2-20",
    actors: Annotated[
        int, typer.Option(min=4, max=ACTORS_MAX, help="Processes that work at a time.")
    ] = 24,
    recoverers: Annotated[
        int, typer.Option(min=1, max=8, help="Processes that recover; they are killed too.")
    ] = 3,
    seed: Annotated[
        int | None,
        typer.Option(min=0, help="Seed; it repeats the bursts, not the instants when they hit."),
    ] = None,
    sizes: Annotated[
        str, typer.Option(help="Then bursts with these amounts of memory in use, in MiB: 0,64,256.")
    ] = "",
    grpc: Annotated[
        bool,
        typer.Option("--grpc", help="Use a server, and kill its workers and clients."),
    ] = False,
    without: Annotated[
        list[str] | None,
        typer.Option(
            "--without", help="Operation to leave out: set_vma_name, exec, ...; may be repeated."
        ),
    ] = None,
    failures: Annotated[
        int, typer.Option(min=1, help="Failures after which the run of a model ends.")
    ] = 1,
    lookup: LookupOption = "",
    keep: Annotated[
        bool, typer.Option("--keep", help="Keep the segments in which a check failed.")
    ] = False,
    patience: Annotated[
        float, typer.Option(min=5.0, help="Seconds without an operation that count as a hang.")
    ] = 60.0,
    as_json: Json = False,
) -> None:
    """Kill processes in bursts, at any instant, and check what is left."""
    from vmalab_crash import run, table

    models = _models(model)
    smallest, largest = _bursts(bursts, actors)
    config = run.CrashConfig(
        kills=kills,
        smallest=smallest,
        largest=largest,
        actors=actors,
        recoverers=recoverers,
        seed=run.CrashConfig.fresh_seed() if seed is None else seed,
        sizes=_sizes(sizes),
        failures=failures,
        keep=keep,
        patience_s=patience,
        without=_without(without or []),
    )
    print(f"seed {config.seed}", file=sys.stderr, flush=True)
    said = Progress()
    tallies = guarded(
        lambda: run.run_all(config, models, lambda tally: said(_line(tally)), grpc=grpc)
    )
    said.end()
    options = f"--kills {kills} --bursts {bursts} --actors {actors} --recoverers {recoverers}"
    options += " --grpc" * grpc + (f" --sizes {sizes}" if sizes else "")
    options += "".join(f" --without {name}" for name in without or [])
    for tally in tallies:
        for failure in tally.failures:
            failure["again"] = _again(failure, options)
    data = table.facts(tallies, config.seed) | {"lookup": lookup_in(lookup)}
    if as_json:
        report.print_json(data)
    else:
        table.show(data)
    if data["verdict"] != "good":
        raise typer.Exit(FAILED)


def register(app: typer.Typer) -> None:
    app.command("crash", help=HELP, epilog=EXAMPLES, rich_help_panel=WORK)(crash_command)
