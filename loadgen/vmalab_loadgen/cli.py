# SPDX-License-Identifier: Apache-2.0
"""The commands of this package, for `vmalab` and for `vmalab-loadgen`."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer

from vmalab_loadgen import drivers, folder, record, replay, report

GOOD, FAILED, USAGE = 0, 1, 2

Json = Annotated[bool, typer.Option("--json", help="Print one JSON object instead of tables.")]
TargetOption = Annotated[
    str, typer.Option("--target", help="host:port of a server; none: one is started for this run.")
]
InstanceOption = Annotated[
    str, typer.Option("--instance", help="For attach: an instance on this machine.")
]
ModelOption = Annotated[
    str,
    typer.Option("--model", help="Lock model of what is started here; vmalab layout --list."),
]
LayoutOption = Annotated[str, typer.Option("--layout", help="Its layout of vm_area_struct.")]
PkeysOption = Annotated[
    str,
    typer.Option(
        "--pkeys",
        help="Protection keys of the emulated processor: machine (as this one), on or off.",
    ),
]


RECORD_HELP = (
    "Run a real program and write its memory calls, page faults and maps as a trace.\n\n"
    "The program runs under strace, with perf for its page faults where perf works. Its maps are "
    "read while all its threads stand still: after execve, every so many memory calls, and before "
    "exit_group."
)
RECORD_EXAMPLES = """\
Examples:

vmalab record -o /tmp/trace -- python3 -c 'print("hello")'

vmalab replay /tmp/trace
"""
REPLAY_HELP = (
    "Replay a trace and compare every answer and the maps with those of the kernel.\n\n"
    "The client processes act as the program's threads, in the recorded order. Calls of different "
    "threads that overlapped are put in an order the answers allow. Exit code 1 when anything "
    "disagrees; what was not compared is named."
)
REPLAY_EXAMPLES = """\
Examples:

vmalab replay /tmp/trace --json

vmalab replay /tmp/trace --mode batch --copies 16 --processes 8

vmalab replay /tmp/trace --model refcount
"""


def fail(message: str, code: int = FAILED) -> NoReturn:
    """One line on standard error, and the exit code."""
    print(f"vmalab: {message}", file=sys.stderr)
    raise typer.Exit(code)


def guarded(action: Callable[[], Any]) -> Any:
    """Run an action; what the user can mend becomes one line, not a traceback."""
    from vmalab_loadgen.bench.base import BadRequest, BenchError
    from vmalab_loadgen.h2load import H2loadError
    from vmalab_loadgen.load import LoadError

    try:
        return action()
    except (folder.FolderError, record.RecordError, BadRequest) as error:
        fail(str(error), USAGE)
    except (drivers.DriverError, replay.ReplayError, LoadError, BenchError, H2loadError) as error:
        fail(str(error))
    except typer.Exit:
        raise
    except Exception as error:
        if type(error).__module__.startswith(("vmalab_native", "vmalab_server", "vmalab_client")):
            fail(str(error))
        raise


def check_core(model: str, layout: str, *, others: str) -> None:
    """Ends with one line unless an instance with this lock model and layout can be started here.

    Args:
        others: target or instance that the user named; what it was made with stands.
    """
    from vmalab_native import cores
    from vmalab_native.errors import InvalidArgument

    if others and (model or layout):
        fail(f"--model and --layout are for an instance started here, not for {others}", USAGE)
    if others:
        return
    try:
        cores.check(model or cores.default_model(), layout or cores.default_layout())
    except InvalidArgument as error:
        fail(error.detail, USAGE)


def check_pkeys(given: str, *allowed: str) -> None:
    """Ends with one line unless --pkeys is one of `allowed`."""
    if given not in allowed:
        fail(f"--pkeys {given}: give {', '.join(allowed[:-1])} or {allowed[-1]}", USAGE)


def record_command(
    command: Annotated[list[str], typer.Argument(help="The program, after --.")],
    output: Annotated[Path, typer.Option("-o", "--output", help="Folder to write; made if new.")],
    every: Annotated[
        int, typer.Option(min=0, help="Memory calls of a process between check points; 0: none.")
    ] = 250,
    snapshots: Annotated[int, typer.Option(min=0, help="Check points at most.")] = 64,
    hold_ms: Annotated[
        int, typer.Option(min=1, help="How long each process waits at its end for its snapshot.")
    ] = 50,
    faults: Annotated[bool, typer.Option(help="Record page faults with perf.")] = True,
    gzip: Annotated[
        bool, typer.Option("--gzip", help="Compress with gzip; replay reads it.")
    ] = False,
    xz: Annotated[
        bool, typer.Option("--xz", help="Compress with xz: slower, a third smaller.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Run a real program and write its memory calls, page faults and maps as a trace."""
    config = record.RecordConfig(
        every_calls=every,
        snapshots_max=snapshots,
        hold_ms=hold_ms,
        faults=faults,
        compress="xz" if xz else "gz" if gzip else "",
    )
    meta = guarded(lambda: record.record(command, output, config))
    facts = {
        "folder": str(output),
        "command": meta.command,
        "exit_status": meta.exit_status,
        "calls": meta.calls,
        "snapshots": len(meta.snapshots),
        "snapshots_missed": meta.missed,
        "threads": len(meta.pids),
        "files": len(meta.files),
        "faults": meta.faults_source or f"none: {meta.faults_note}",
        "faults_lost": meta.faults_lost,
    }
    if as_json:
        report.print_json(facts)
        return
    rows = [(name.replace("_", " "), str(value)) for name, value in facts.items()]
    report.console().print(report.facts(f"recorded {' '.join(command)}", rows))


def replay_command(
    trace: Annotated[Path, typer.Argument(help="A trace folder.")],
    processes: Annotated[int, typer.Option(min=1, max=64, help="Client processes.")] = 4,
    copies: Annotated[
        int, typer.Option(min=1, help="Replay so many copies at once, each its own mm.")
    ] = 1,
    mode: Annotated[str, typer.Option(help="unary, batch (blocks) or attach.")] = "unary",
    deal: Annotated[
        str,
        typer.Option(
            help="tid: a thread stays with one process; round: its calls are dealt to all; "
            "auto: tid when there are threads enough."
        ),
    ] = "auto",
    orders: Annotated[
        int, typer.Option(min=0, help="Other orders of overlapping calls to try.")
    ] = 16,
    target: TargetOption = "",
    instance: InstanceOption = "",
    workers: Annotated[int, typer.Option(min=1, help="Workers of the server started here.")] = 2,
    model: ModelOption = "",
    layout: LayoutOption = "",
    pkeys: Annotated[
        str,
        typer.Option(
            help="Protection keys of the emulated processor: trace (as the recorded one), "
            "machine (as this one), on or off."
        ),
    ] = "trace",
    as_json: Json = False,
) -> None:
    """Replay a trace and compare every answer and the maps with those of the kernel."""
    from vmalab_loadgen import host

    if mode not in ("unary", "batch", "attach"):
        fail(f"--mode {mode}: give unary, batch or attach", USAGE)
    if deal not in ("auto", "tid", "round"):
        fail(f"--deal {deal}: give auto, tid or round", USAGE)
    check_core(model, layout, others=target or instance)
    check_pkeys(pkeys, "trace", "machine", "on", "off")
    config = replay.ReplayConfig(
        processes=processes, copies=copies, mode=mode, deal=deal, pkeys=pkeys, orders_max=orders
    )

    def run() -> replay.Replay:
        where = folder.Folder(trace)
        with host.instance_for(
            target=target,
            instance=instance,
            mode=mode,
            workers=workers,
            model=model,
            layout=layout,
        ) as found:
            return replay.replay(where, config, found)

    result: replay.Replay = guarded(run)
    data = result.as_dict(config, str(trace))
    if as_json:
        report.print_json(data)
    else:
        console = report.console()
        for table in report.replay_tables(data):
            console.print(table)
    if not result.verdict.good:
        raise typer.Exit(FAILED)


def register(app: typer.Typer) -> None:
    """Add this package's commands to an application."""
    from vmalab_loadgen import load_cli
    from vmalab_loadgen.bench import cli as bench_cli
    from vmalab_loadgen.crash import cli as crash_cli
    from vmalab_loadgen.diff import cli as diff_cli
    from vmalab_loadgen.lin import cli as lin_cli
    from vmalab_loadgen.race import cli as race_cli

    app.command(
        "record",
        help=RECORD_HELP,
        epilog=RECORD_EXAMPLES,
        context_settings={"allow_interspersed_args": False},
    )(record_command)
    app.command("replay", help=REPLAY_HELP, epilog=REPLAY_EXAMPLES)(replay_command)
    app.command("load", help=load_cli.HELP, epilog=load_cli.EXAMPLES)(load_cli.load_command)
    app.command("diff", help=diff_cli.HELP, epilog=diff_cli.EXAMPLES)(diff_cli.diff_command)
    app.command("lin", help=lin_cli.HELP, epilog=lin_cli.EXAMPLES)(lin_cli.lin_command)
    app.command("crash", help=crash_cli.HELP, epilog=crash_cli.EXAMPLES)(crash_cli.crash_command)
    app.add_typer(bench_cli.app, name="bench")
    app.add_typer(race_cli.app, name="race")


def main() -> None:
    """`vmalab-loadgen`: the load command alone."""
    from vmalab_loadgen import load_cli
    from vmalab_server import signals

    app = typer.Typer(add_completion=False)
    app.command(
        help=load_cli.HELP, epilog=load_cli.EXAMPLES.replace("vmalab load", "vmalab-loadgen")
    )(load_cli.load_command)
    with signals.orderly():
        app()
