# SPDX-License-Identifier: Apache-2.0
"""`vmalab load`, also installed as `vmalab-loadgen`."""

from __future__ import annotations

import json
import math
import signal
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer
from typer.core import TyperGroup

from vmalab_cli import common
from vmalab_cli.common import LayoutOption, LookupOption, ModelOption, PkeysOption
from vmalab_loadgen.mix import DEFAULT, Mix, MixError

if TYPE_CHECKING:
    from vmalab_loadgen.config import LoadConfig
    from vmalab_loadgen.result import LoadResult
    from vmalab_loadgen.thresholds import Threshold

HELP = (
    "Generate load and check every answer.\n\n"
    "Each process owns an arena of addresses, keeps a model of its pages and knows what each "
    "answer must be: a load must return the word that was stored last. In a shared address space "
    "it also reads the others' arenas.\n\n"
    "With --workload the operations are those of a known program.\n\n"
    "The loop is closed, each caller waits for its answer, or with --rate or --stages open: "
    "operations begin at fixed times, and their latency counts from these.\n\n"
    "Exit code 1 on a wrong answer, a lost caller, a threshold that was not kept, or a rate that "
    "was not reached."
)
EXAMPLES = """\
Examples:

vmalab load --duration 5

vmalab load --mode attach --mix fault=80,mmap=8,munmap=8,fork=2,exit=2 --check

vmalab load --mode batch --rate 100000 --own-mm

vmalab load --stages 10s:1k,30s:1k-20k --arrival poisson --html report.html

vmalab load --workload page_fault1 --mode attach --duration 5s

vmalab load compare before.json after.json

vmalab load --rate 500/s --threshold 'fault.p99<20ms' --threshold 'achieved>0.99'

vmalab load --model split-rwsem --duration 5
"""


class LoadCommands(TyperGroup):
    """`--json` alone prints the report, `--json FILE` writes it."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        return list(super().parse_args(ctx, with_json_file(args)))


def with_json_file(words: list[str]) -> list[str]:
    """The words of a command line in which `--json FILE` has a name of its own."""
    if words[:1] == ["compare"]:  # which prints, and writes no file
        return words
    result: list[str] = []
    for number, word in enumerate(words):
        after = [*words[number + 1 :], "-"][0]
        if word.startswith("--json="):
            result.append("--json-file=" + word.removeprefix("--json="))
        elif word == "--json" and not after.startswith("-"):
            result.append("--json-file")
        else:
            result.append(word)
    return result


def _text(option: str, action: str, given: str) -> float:
    """A time or a rate of an option; ends the command if it is none."""
    from vmalab_loadgen import units

    try:
        return float(getattr(units, action)(given))
    except units.UnitError as error:
        common.fail(f"{option}: {error}", common.USAGE)


def _thresholds(texts: list[str]) -> list[Threshold]:
    from vmalab_loadgen.thresholds import Threshold, ThresholdError

    try:
        return [Threshold.parse(text) for text in texts]
    except ThresholdError as error:
        common.fail(f"--threshold: {error}", common.USAGE)


def _seconds(duration: str, ops: int, stages: str) -> float:
    """How long the load runs, without the warm-up."""
    if stages and duration:
        common.fail("--stages has the times: leave --duration out", common.USAGE)
    if not duration:
        return math.inf if ops else 10.0
    seconds = _text("--duration", "seconds", duration)
    if not 0.1 <= seconds <= 1e8:
        common.fail(f"--duration {duration}: give 0.1s to 1e8s", common.USAGE)
    return seconds


def _spaces(given: Mapping[str, Any]) -> int:
    """Address spaces that the callers share; 0: each has its own."""
    if given["own_mm"] and given["shared_mm"]:
        common.fail("--own-mm and --shared-mm: give one of them", common.USAGE)
    if not given["workload"]:
        return 0 if given["own_mm"] else given["shared_mm"] or 1
    from vmalab_loadgen.workloads import WORKLOADS

    name = given["workload"]
    if name not in WORKLOADS:
        what = f"--workload {name}: give one of {', '.join(WORKLOADS)}"
        common.fail(what, common.USAGE)
    if given["mix"] != DEFAULT:
        common.fail("--workload has its own operations: leave --mix out", common.USAGE)
    spaces = WORKLOADS[name].spaces
    if spaces == "own" and given["shared_mm"]:
        common.fail(f"--workload {name} needs --own-mm: its answers are those of one", common.USAGE)
    if given["own_mm"] or (spaces != "shared" and not given["shared_mm"]):
        return 0
    return given["shared_mm"] or 1


def _list_workloads(as_json: bool) -> None:
    from vmalab_drive import report
    from vmalab_loadgen.workloads import WORKLOADS

    if as_json:
        rows = [
            {"name": one.name, "source": one.source, "stresses": one.stresses,
             "spaces": one.spaces, "pages": one.pages}
            for one in WORKLOADS.values()
        ]  # fmt: skip
        report.print_json({"workloads": rows})
        return
    for one in WORKLOADS.values():
        print(f"{one.name:15} {one.spaces:7} {one.stresses} (from {one.source})")


def _config(given: Mapping[str, Any]) -> LoadConfig:
    """Of the options; ends the command if they contradict each other."""
    from vmalab_drive.errors import UsageError
    from vmalab_loadgen import pacing
    from vmalab_loadgen.config import LoadConfig

    try:
        mix = Mix.parse(given["mix"])
    except MixError as error:
        common.fail(f"--mix: {error}", common.USAGE)
    try:
        stages = pacing.parse_stages(given["stages"]) if given["stages"] else ()
    except pacing.PacingError as error:
        common.fail(f"--stages: {error}", common.USAGE)
    if given["mode"] not in ("unary", "batch", "attach"):
        common.fail(f"--mode {given['mode']}: give unary, batch or attach", common.USAGE)
    if given["arrival"] not in pacing.ARRIVALS:
        what = f"--arrival {given['arrival']}: give constant, poisson or burst"
        common.fail(what, common.USAGE)
    rate = _text("--rate", "rate", given["rate"])
    processes, concurrency = given["processes"], given["concurrency"]
    if processes is None:
        processes = min(concurrency, 128) if given["mode"] == "attach" and concurrency else 4
    config = LoadConfig(
        processes=processes,
        concurrency=concurrency,
        mix=mix,
        workload=given["workload"],
        shared_mms=_spaces(given),
        seconds=_seconds(given["duration"], given["ops"], given["stages"]),
        ops=given["ops"],
        warmup_s=_text("--warmup", "seconds", given["warmup"]),
        mode=given["mode"],
        vmas=given["vmas"],
        block_ops=given["block_ops"],
        window=given["window"],
        rate=rate,
        stages=stages,
        arrival=cast(pacing.Arrival, given["arrival"]),
        burst=given["burst"],
        rate_may_miss=given["rate_may_miss"],
        interval_s=_text("--interval", "seconds", given["interval"]) if given["interval"] else 0.0,
        sample=given["sample"],
        seed=LoadConfig.fresh_seed() if given["seed"] < 0 else given["seed"],
        check=given["check"],
    )
    try:
        return config.filled()
    except UsageError as error:
        common.fail(str(error), common.USAGE)


def _writable(*names: str) -> None:
    """Ends the command before the load if a file cannot be made after it."""
    for name in names:
        if name and not Path(name).absolute().parent.is_dir():
            common.fail(f"{name}: there is no folder {Path(name).parent}", common.USAGE)
        if name and Path(name).is_dir():
            common.fail(f"{name}: this is a folder; --csv, --hdr, --html need a file", common.USAGE)


def _write(result: LoadResult, data: Mapping[str, Any], names: Mapping[str, str]) -> list[str]:
    """The files that were asked for; what was wrong with those that could not be written."""
    from vmalab_loadgen import files, page

    texts = {
        "json": lambda: json.dumps(data, indent=1) + "\n",
        "csv": lambda: files.csv_text(result),
        "hdr": lambda: files.hdr_log(result),
        "html": lambda: page.page(data),
    }
    wrong = []
    for kind, name in names.items():
        if name:
            try:
                Path(name).write_text(texts[kind](), encoding="utf-8")
            except OSError as error:
                wrong.append(f"{name}: {error.strerror}")
    return wrong


def _run(config: LoadConfig, given: Mapping[str, Any], *, table: bool) -> LoadResult:
    """The load, shown while it runs."""
    from vmalab_cli.load_live import Shown
    from vmalab_drive import instances
    from vmalab_loadgen import load

    shown = Shown(config, table=table)

    def run() -> LoadResult:
        names = ("target", "instance", "mode", "workers", "model", "layout", "pkeys")
        with instances.instance_for(**{name: given[name] for name in names}) as found:
            return load.run(config, found, shown)

    try:
        return common.guarded(run)
    finally:
        shown.end()


def _end(result: LoadResult, findings: list[str]) -> None:
    """What has to be known, and the exit code."""
    for one in findings:
        typer.echo(f"vmalab: {one}", err=True)
    for verdict in result.verdicts:
        if not verdict.passed:
            value = "no value" if verdict.value is None else f"{verdict.value:.6g}"
            typer.echo(f"vmalab: threshold {verdict.text} was not kept: {value}", err=True)
    if result.ended_by:
        raise typer.Exit(128 + signal.Signals[result.ended_by])
    if not result.good:
        raise typer.Exit(common.FAILED)


def load_command(
    context: typer.Context,
    processes: Annotated[
        int | None, typer.Option(min=1, max=128, show_default="4", help="Client processes.")
    ] = None,
    concurrency: Annotated[
        int,
        typer.Option(
            min=0,
            max=1024,
            show_default="one for each process",
            help="Closed loop: requests outstanding at a time, of all processes together.",
        ),
    ] = 0,
    mix: Annotated[
        str,
        typer.Option(
            help="Weights of fault, mmap, munmap, mprotect, madvise, mremap, mincore, brk, fork, "
            "exit, uffd_move."
        ),
    ] = DEFAULT,
    workload: Annotated[
        str, typer.Option(help="A named workload in the place of the mix; --workloads lists them.")
    ] = "",
    workloads: Annotated[
        bool, typer.Option("--workloads", help="List the named workloads, and end.")
    ] = False,
    shared_mm: Annotated[
        int | None,
        typer.Option(
            "--shared-mm", min=1, show_default="1", help="Address spaces shared by the callers."
        ),
    ] = None,
    own_mm: Annotated[
        bool, typer.Option("--own-mm", help="Give each caller an address space of its own.")
    ] = False,
    duration: Annotated[
        str,
        typer.Option(show_default="10s", help="Length of the load: 30s, 2m; a number is seconds."),
    ] = "",
    ops: Annotated[
        int, typer.Option(min=0, help="End after so many operations; without --duration only then.")
    ] = 0,
    warmup: Annotated[
        str, typer.Option(help="Time before the load in which nothing is measured.")
    ] = "0s",
    mode: Annotated[
        str, typer.Option(help="unary (calls), batch (a stream of blocks) or attach (no server).")
    ] = "unary",
    vmas: Annotated[int, typer.Option(min=4, max=65536, help="VMAs of each caller.")] = 1000,
    block_ops: Annotated[
        int,
        typer.Option(min=0, max=65536, help="Operations in a block; 0: the default of the mode."),
    ] = 0,
    window: Annotated[
        int, typer.Option(min=0, max=64, help="Blocks in flight, for --mode batch.")
    ] = 0,
    rate: Annotated[
        str,
        typer.Option(
            help="Open loop: operations per second of all callers together, as 20k/s; 0: closed "
            "loop."
        ),
    ] = "0",
    arrival: Annotated[
        str, typer.Option(help="Open loop: constant, poisson or burst.")
    ] = "constant",
    burst: Annotated[
        int, typer.Option(min=1, max=1 << 20, help="Operations that come at once, for burst.")
    ] = 100,
    stages: Annotated[
        str,
        typer.Option(
            help="Open loop: TIME:RATE or TIME:RATE-RATE (a ramp), in turn, as 10s:1k,30s:1k-20k."
        ),
    ] = "",
    rate_may_miss: Annotated[
        bool,
        typer.Option("--rate-may-miss", help="A rate that is not reached is said, and no failure."),
    ] = False,
    interval: Annotated[
        str, typer.Option(show_default="1s", help="Time between two rows of the time series.")
    ] = "",
    sample: Annotated[
        int,
        typer.Option(
            min=0,
            max=1 << 20,
            help="For --mode attach in the closed loop: one fault in so many is timed; 0: no "
            "operation is.",
        ),
    ] = 16,
    threshold: Annotated[
        list[str] | None,
        typer.Option(help="What has to hold, as fault.p99<2ms or achieved>0.95; more than once."),
    ] = None,
    csv: Annotated[str, typer.Option(help="Write the time series to a file.")] = "",
    hdr: Annotated[str, typer.Option(help="Write a log for the tools of HdrHistogram.")] = "",
    html: Annotated[str, typer.Option(help="Write a report with pictures, one file.")] = "",
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
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object; --json FILE writes it.")
    ] = False,
    json_file: Annotated[str, typer.Option("--json-file", hidden=True)] = "",
) -> None:
    """Generate load and check every answer."""
    if context.invoked_subcommand:
        return
    given = dict(locals())
    if workloads:
        _list_workloads(as_json)
        return
    from vmalab_drive import report
    from vmalab_loadgen import page

    config = _config(given)
    wanted = _thresholds(threshold or [])
    others = target or instance
    common.check_core(model, layout, others=others)
    lookup = common.lookup_in(lookup, others=others)
    common.check_pkeys(pkeys, "machine", "on", "off")
    if pkeys != "machine" and others:
        common.fail(f"--pkeys is for an instance started here, not for {others}", common.USAGE)
    names = {"json": json_file, "csv": csv, "hdr": hdr, "html": html}
    _writable(*names.values())
    print(f"seed {config.seed}", file=sys.stderr)
    result = _run(config, given, table=not as_json)
    result.verdicts = [one.judge(result) for one in wanted]
    data = result.as_dict() | {"lookup": lookup}
    unwritten = _write(result, data, names)
    if as_json:
        report.print_json(data)
    else:
        from vmalab_cli.load_tables import tables

        console = report.console()
        for one in tables(data):
            console.print(one)
    _end(result, [*page.findings(data), *unwritten])
    if unwritten:
        raise typer.Exit(common.FAILED)


def compare_command(
    before: Annotated[Path, typer.Argument(help="What `vmalab load --json FILE` wrote.")],
    after: Annotated[list[Path], typer.Argument(help="One or more others, compared with it.")],
    as_json: common.Json = False,
) -> None:
    """What changed between two loads, and whether that is more than noise.

    The intervals of a report are its samples. A change is significant if the 95 % interval of the
    ratio does not contain 1, with five intervals or more in both. Exit code 0, whatever changed.
    """
    from vmalab_drive import report
    from vmalab_loadgen import compare

    first, *others = common.guarded(lambda: [compare.read(path) for path in (before, *after)])
    pairs = [
        (path, compare.differences(first, data), compare.compare(first, data))
        for path, data in zip(after, others, strict=True)
    ]
    if as_json:
        report.print_json(
            {
                "before": str(before),
                "comparisons": [
                    {"after": str(path), "differences": different,
                     "changes": [one.as_dict() for one in changes]}
                    for path, different, changes in pairs
                ],
            }
        )  # fmt: skip
        return
    console = report.console()
    head = ("operation", "figure", "before", "after", "change", "95 %", "significant")
    for path, different, changes in pairs:
        table = report.grid(f"{before} and {path}", head, compare.rows_of(changes))
        table.padding = (0, 1)
        console.print(table)
        for one in different:
            console.print(f"not the same: {one}")


def group() -> typer.Typer:
    """`load` and what is below it."""
    made = typer.Typer(
        cls=LoadCommands,
        help=HELP,
        epilog=EXAMPLES,
        invoke_without_command=True,
        add_completion=False,
        rich_markup_mode="rich",
    )
    made.callback()(load_command)
    made.command("compare")(compare_command)
    return made


def register(app: typer.Typer) -> None:
    app.add_typer(group(), name="load", rich_help_panel=common.WORK)


def main() -> None:
    """`vmalab-loadgen`: the load command alone."""
    from vmalab_native import signals

    alone = group()
    alone.info.epilog = EXAMPLES.replace("vmalab load", "vmalab-loadgen")
    with signals.orderly():
        alone()
