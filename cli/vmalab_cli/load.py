# SPDX-License-Identifier: Apache-2.0
"""`vmalab load`, also installed as `vmalab-loadgen`."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer

from vmalab_cli import common
from vmalab_cli.common import LayoutOption, LookupOption, ModelOption, PkeysOption
from vmalab_cli.progress import Progress
from vmalab_loadgen.mix import DEFAULT, Mix, MixError

if TYPE_CHECKING:
    from rich.table import Table

HELP = (
    "Generate load and check every answer.\n\n"
    "Each process owns an arena of addresses, keeps a model of its pages and knows what each "
    "answer must be: a load must return the word that was stored last. In a shared address space "
    "it also reads the others' arenas. Exit code 1 on any wrong answer."
)
EXAMPLES = """\
Examples:

vmalab load --duration 5

vmalab load --mode attach --mix fault=80,mmap=8,munmap=8,fork=2,exit=2 --check

vmalab load --mode batch --rate 100000 --own-mm

vmalab load --model split-rwsem --duration 5
"""


def _tables(data: Mapping[str, Any]) -> list[Table]:
    from vmalab_drive import report

    spaces = f"{data['shared_mms']} shared" if data["shared_mms"] else "one for each process"
    rows = [
        ("seed", str(data["seed"])),
        ("load", f"{data['processes']} processes, {data['mode']}, address spaces: {spaces}"),
        ("mix", data["mix"]),
        ("time", f"{data['seconds']} s"),
        ("operations", f"{report.count(data['ops'])}, {report.count(data['ops_per_s'])}/s"),
        ("faults", f"{report.count(data['faults_per_s'])}/s"),
    ]
    rows += [(name, report.count(value)) for name, value in data["locks"].items()]
    reused = report.count(data["vma_objects_reused"])
    allocated = report.count(data["vma_objects_allocated"])
    rows.append(("VMA objects", f"{allocated} handed out, {reused} of them used before"))
    rows.append(("wrong answers", report.count(data["wrong"])))
    if data["checked"]:
        rows.append(("fsck", "; ".join(data["problems"]) or "every invariant holds"))
        leaks = [f"{k}: {v['before']} -> {v['after']}" for k, v in data["leaks"].items()]
        rows.append(("memory", "; ".join(leaks) or "back to the start"))
    tables = [report.facts("load", rows)]
    kinds = [
        [name, report.count(number), report.count(number / max(data["seconds"], 1e-9))]
        for name, number in data["ops_by_kind"].items()
    ]
    tables.append(report.grid("operations", ("kind", "count", "per second"), kinds))
    if data["errnos"]:
        errnos = [[name, report.count(number)] for name, number in data["errnos"].items()]
        tables.append(report.grid("expected errors", ("error", "count"), errnos))
    times = [
        [name, report.count(value), report.count(data["latency_raw_us"][name])]
        for name, value in data["latency_us"].items()
    ]
    title = f"latency of {data['latency_of']}, microseconds"
    tables.append(report.grid(title, ("", "corrected", "raw"), times))
    if data["wrong_first"]:
        wrong = [[one["op"], one["what"], one["expected"], one["got"]] for one in
                 data["wrong_first"]]  # fmt: skip
        tables.append(report.grid("wrong answers", ("op", "what", "expected", "got"), wrong))
    return tables


def load_command(
    processes: Annotated[int, typer.Option(min=1, max=128, help="Client processes.")] = 4,
    mix: Annotated[
        str,
        typer.Option(
            help="Weights of fault, mmap, munmap, mprotect, madvise, mremap, mincore, brk, fork, "
            "exit, uffd_move."
        ),
    ] = DEFAULT,
    shared_mm: Annotated[
        int, typer.Option("--shared-mm", min=1, help="Address spaces shared by the processes.")
    ] = 1,
    own_mm: Annotated[
        bool, typer.Option("--own-mm", help="Give each process an address space of its own.")
    ] = False,
    duration: Annotated[float, typer.Option(min=0.1, help="Length of the load in seconds.")] = 10.0,
    mode: Annotated[
        str, typer.Option(help="unary (calls), batch (a stream of blocks) or attach (no server).")
    ] = "unary",
    vmas: Annotated[int, typer.Option(min=4, max=65536, help="VMAs of each process.")] = 1000,
    block_ops: Annotated[
        int,
        typer.Option(min=0, max=65536, help="Operations in a block; 0: the default of the mode."),
    ] = 0,
    window: Annotated[
        int, typer.Option(min=0, max=64, help="Blocks in flight, for --mode batch.")
    ] = 0,
    rate: Annotated[
        float,
        typer.Option(
            min=0, help="Operations per second, all processes together (open loop); 0: closed loop."
        ),
    ] = 0.0,
    seed: Annotated[int, typer.Option(min=-1, help="Seed; -1: a new one, which is printed.")] = -1,
    check: Annotated[
        bool, typer.Option(help="Check every invariant and look for leaks at the end.")
    ] = False,
    workers: Annotated[int, typer.Option(min=1, help="Workers of the server that is started.")] = 2,
    target: Annotated[str, typer.Option(help="Server, host:port; default: one is started.")] = "",
    instance: Annotated[
        str, typer.Option(help="Instance on this machine, for --mode attach.")
    ] = "",
    model: ModelOption = "",
    layout: LayoutOption = "",
    pkeys: PkeysOption = "machine",
    lookup: LookupOption = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Generate load and check every answer."""
    from vmalab_drive import instances, report
    from vmalab_loadgen import load

    try:
        parsed = Mix.parse(mix)
    except MixError as error:
        common.fail(f"--mix: {error}", common.USAGE)
    if mode not in load.BLOCK_OPS:
        common.fail(f"--mode {mode}: give unary, batch or attach", common.USAGE)
    common.check_core(model, layout, others=target or instance)
    lookup = common.lookup_in(lookup, others=target or instance)
    common.check_pkeys(pkeys, "machine", "on", "off")
    if pkeys != "machine" and (target or instance):
        others = target or instance
        common.fail(f"--pkeys is for an instance started here, not for {others}", common.USAGE)
    config = load.LoadConfig(
        processes=processes,
        mix=parsed,
        shared_mms=0 if own_mm else shared_mm,
        seconds=duration,
        mode=mode,
        vmas=vmas,
        block_ops=block_ops,
        window=window,
        rate=rate,
        seed=load.LoadConfig.fresh_seed() if seed < 0 else seed,
        check=check,
    )
    print(f"seed {config.seed}", file=sys.stderr)

    said = Progress()

    def progress(seconds: float, ops: int, faults: int, wrong: int) -> None:
        rate = ops / seconds if seconds else 0
        said(f"{seconds:6.1f} s  {ops:,} operations  {rate:,.0f}/s  {wrong} wrong")

    def run() -> load.LoadResult:
        with instances.instance_for(
            target=target,
            instance=instance,
            mode=mode,
            workers=workers,
            model=model,
            layout=layout,
            pkeys=pkeys,
        ) as found:
            return load.run(config, found, progress)

    result = common.guarded(run)
    said.end()
    data = result.as_dict() | {"lookup": lookup}
    if as_json:
        report.print_json(data)
    else:
        console = report.console()
        for table in _tables(data):
            console.print(table)
    if not result.good:
        raise typer.Exit(common.FAILED)


def register(app: typer.Typer) -> None:
    app.command("load", help=HELP, epilog=EXAMPLES, rich_help_panel=common.WORK)(load_command)


def main() -> None:
    """`vmalab-loadgen`: the load command alone."""
    from vmalab_native import signals

    alone = typer.Typer(add_completion=False)
    alone.command(help=HELP, epilog=EXAMPLES.replace("vmalab load", "vmalab-loadgen"))(load_command)
    with signals.orderly():
        alone()
