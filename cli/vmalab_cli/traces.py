# SPDX-License-Identifier: Apache-2.0
"""`vmalab record` and `vmalab replay`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from vmalab_cli import common
from vmalab_cli.common import (
    FAILED,
    USAGE,
    InstanceOption,
    Json,
    LayoutOption,
    LookupOption,
    ModelOption,
    TargetOption,
    check_core,
    check_pkeys,
    fail,
    guarded,
    lookup_in,
)
from vmalab_cli.progress import watching

RECORD_HELP = (
    "Run a real program and write its memory calls, page faults and maps as a trace.\n\n"
    "The program runs under strace, with perf for its page faults where perf works. Its maps are "
    "read while all its threads are stopped: after execve, after each --every memory calls, and "
    "before exit_group."
)
RECORD_EXAMPLES = """\
Examples:

vmalab record -o /tmp/trace -- python3 -c 'print("hello")'

vmalab replay /tmp/trace
"""
REPLAY_HELP = (
    "Replay a trace and compare every answer and the maps with those of the kernel.\n\n"
    "The client processes act as the program's threads, in the recorded order. Calls of different "
    "threads that overlapped are put in an order that their answers allow. The report names what "
    "was not compared. Exit code 1: a disagreement."
)
REPLAY_EXAMPLES = """\
Examples:

vmalab replay python-threads

vmalab replay /tmp/trace --json

vmalab replay /tmp/trace --mode batch --copies 16 --processes 8

vmalab replay /tmp/trace --model refcount
"""


def record_command(
    command: Annotated[list[str], typer.Argument(help="The program, after --.")],
    output: Annotated[
        Path,
        typer.Option(
            "-o", "--output", help="Folder to write the trace to; it is created if there is none."
        ),
    ],
    every: Annotated[
        int,
        typer.Option(
            min=0, help="Memory calls of a process between two snapshots; 0: no snapshots."
        ),
    ] = 250,
    snapshots: Annotated[int, typer.Option(min=0, help="Snapshots, at most.")] = 64,
    hold_ms: Annotated[
        int,
        typer.Option(
            min=1, help="Milliseconds that each process waits at its end for its snapshot."
        ),
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
    from vmalab_drive import report
    from vmalab_trace import record

    config = record.RecordConfig(
        every_calls=every,
        snapshots_max=snapshots,
        hold_ms=hold_ms,
        faults=faults,
        compress="xz" if xz else "gz" if gzip else "",
    )
    with watching(f"recording {command[0]}", lines=True):
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
        "faults_unseen": meta.faults_unseen,
        "settings_changed": meta.changed,
    }
    if as_json:
        report.print_json(facts)
        return
    rows = [(name.replace("_", " "), str(value)) for name, value in facts.items()]
    report.console().print(report.facts(f"recorded {' '.join(command)}", rows))


def replay_command(
    trace: Annotated[
        Path,
        typer.Argument(
            help="A trace folder, a file of strace's output, or the name of a trace that comes "
            "with vmalab: python-threads, sqlite-pipeline."
        ),
    ],
    processes: Annotated[int, typer.Option(min=1, max=64, help="Client processes.")] = 4,
    copies: Annotated[
        int,
        typer.Option(min=1, help="Copies of the trace at once, each in address spaces of its own."),
    ] = 1,
    mode: Annotated[str, typer.Option(help="unary, batch (blocks) or attach.")] = "unary",
    deal: Annotated[
        str,
        typer.Option(
            help="tid: a thread stays with one process; round: its calls go to all processes; "
            "auto: tid when there are threads enough."
        ),
    ] = "auto",
    orders: Annotated[
        int, typer.Option(min=0, help="Other orders of overlapping calls to try.")
    ] = 16,
    target: TargetOption = "",
    instance: InstanceOption = "",
    workers: Annotated[int, typer.Option(min=1, help="Workers of the server that is started.")] = 2,
    model: ModelOption = "",
    layout: LayoutOption = "",
    pkeys: Annotated[
        str,
        typer.Option(
            help="Protection keys of the emulated processor: trace (as the recorded one), "
            "machine (as this one), on or off."
        ),
    ] = "trace",
    keep_counts: Annotated[
        bool,
        typer.Option(
            "--keep-counts",
            help="Write into meta.json what was compared and what was not; every later replay must "
            "have the same counts.",
        ),
    ] = False,
    lookup: LookupOption = "",
    as_json: Json = False,
) -> None:
    """Replay a trace and compare every answer and the maps with those of the kernel."""
    from vmalab_drive import instances, report
    from vmalab_trace import folder, replay, tables

    if mode not in ("unary", "batch", "attach"):
        fail(f"--mode {mode}: give unary, batch or attach", USAGE)
    if deal not in ("auto", "tid", "round"):
        fail(f"--deal {deal}: give auto, tid or round", USAGE)
    check_core(model, layout, others=target or instance)
    lookup = lookup_in(lookup, others=target or instance)
    check_pkeys(pkeys, "trace", "machine", "on", "off")
    config = replay.ReplayConfig(
        processes=processes, copies=copies, mode=mode, deal=deal, pkeys=pkeys, orders_max=orders
    )

    def run() -> replay.Replay:
        where = folder.Folder(folder.named(trace))
        with instances.instance_for(
            target=target,
            instance=instance,
            mode=mode,
            workers=workers,
            model=model,
            layout=layout,
        ) as found:
            return replay.replay(where, config, found)

    with watching(f"replaying {trace}"):
        result = guarded(run)
    if keep_counts:
        folder.keep_counts(folder.named(trace), result.verdict.counts())
        result.verdict.counts_differ = {}
    data = result.as_dict(config, str(trace)) | {"lookup": lookup}
    if as_json:
        report.print_json(data)
    else:
        console = report.console()
        for table in tables.tables(data):
            console.print(table)
    if not result.verdict.good:
        raise typer.Exit(FAILED)


def register(app: typer.Typer) -> None:
    app.command(
        "record",
        help=RECORD_HELP,
        epilog=RECORD_EXAMPLES,
        rich_help_panel=common.WORK,
        context_settings={"allow_interspersed_args": False},
    )(record_command)
    app.command("replay", help=REPLAY_HELP, epilog=REPLAY_EXAMPLES, rich_help_panel=common.WORK)(
        replay_command
    )
