# SPDX-License-Identifier: Apache-2.0
"""`vmalab load`, also installed as `vmalab-loadgen`."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from vmalab_cli import common, load_agent
from vmalab_cli.common import LayoutOption, LookupOption, ModelOption, PkeysOption
from vmalab_cli.load_ends import (
    check_instance,
    exit_with,
    said,
    say_verdicts,
    writable,
    write_text,
)
from vmalab_loadgen.mix import DEFAULT

if TYPE_CHECKING:
    from vmalab_loadgen.config import LoadConfig
    from vmalab_loadgen.result import LoadResult
    from vmalab_loadgen.thresholds import Threshold

HELP = (
    "Generate load and check every answer.\n\n"
    "Each process owns an arena of addresses, keeps a model of its pages and knows what each "
    "answer must be: a load must return the word that was stored last. In a shared address space "
    "it also reads the others' arenas.\n\n"
    "With --workload the operations are those of a known program, or of a recorded trace. With "
    "--job several groups of callers run side by side.\n\n"
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

vmalab load --job job.toml --html report.html

vmalab load --agent 10.0.0.2:7421 --agent 10.0.0.3:7421 --target 10.0.0.1:7420 --rate 20k/s
"""


class LoadCommands(TyperGroup):
    """`--json` alone prints the report, `--json FILE` writes it."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        return list(super().parse_args(ctx, with_json_file(args)))


def with_json_file(words: list[str]) -> list[str]:
    """The words of a command line in which `--json FILE` has a name of its own."""
    if words[:1] in (["compare"], ["agent"]):  # which print, and write no file
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


def _thresholds(texts: list[str]) -> list[Threshold]:
    from vmalab_loadgen.thresholds import Threshold, ThresholdError

    try:
        return [Threshold.parse(text) for text in texts]
    except ThresholdError as error:
        common.fail(f"--threshold: {error}", common.USAGE)


def _list_workloads(as_json: bool) -> None:
    from vmalab_drive import report
    from vmalab_loadgen.workloads import listed

    rows = listed()
    if as_json:
        report.print_json({"workloads": rows})
        return
    for one in rows:
        print(f"{one['name']:15} {one['spaces']:7} {one['stresses']} (from {one['source']})")


def _config(given: Mapping[str, Any]) -> LoadConfig:
    """Of the options; ends the command if they contradict each other."""
    from vmalab_drive.errors import UsageError
    from vmalab_loadgen.given import config_of

    try:
        return config_of(given)
    except UsageError as error:
        common.fail(str(error), common.USAGE)


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
        if given["agent"] or len(given["targets"]) > 1:
            return load_agent.run(config, given, shown)
        names = ("target", "instance", "mode", "workers", "model", "layout", "pkeys")
        with instances.instance_for(**{name: given[name] for name in names}) as found:
            return load.run(config, load_agent.secured(found, given), shown)

    try:
        with said(shown):
            return common.guarded(run)
    finally:
        shown.end()


def _end(result: LoadResult, findings: list[str]) -> None:
    """What has to be known, and the exit code."""
    for one in findings:
        typer.echo(f"vmalab: {one}", err=True)
    say_verdicts(result)
    exit_with(result.ended_by, good=result.good)


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
        str,
        typer.Option(
            help="A named workload in the place of the mix, or trace:FOLDER; see --workloads."
        ),
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
    vmas: Annotated[
        int | None,
        typer.Option(min=4, max=65536, show_default="1000", help="VMAs of each caller of a mix."),
    ] = None,
    pattern: Annotated[
        str | None,
        typer.Option(
            show_default="random",
            help="Pages that the faults of a mix go to: random, sequential, zipf:THETA, or "
            "working-set:N/M, N % of the faults to M % of the pages.",
        ),
    ] = None,
    vma_pattern: Annotated[
        str | None,
        typer.Option(
            show_default="random", help="VMAs that the calls of a mix go to: as --pattern."
        ),
    ] = None,
    map_pages: Annotated[
        str | None,
        typer.Option(
            show_default="8",
            help="Pages of a map of a mix: 8, a range 4-64, or several with weights, as "
            "1:50,8-64:50.",
        ),
    ] = None,
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
    fork_tree: Annotated[
        str | None,
        typer.Option(
            metavar="DEPTHxWIDTH",
            help="The address spaces that each caller of a mix forks: a tree that is there at the "
            "begin. Half of the faults go to its nodes; fork and exit change it.",
        ),
    ] = None,
    churn: Annotated[
        str,
        typer.Option(
            help="Callers that leave, and others that come in their place, per second of all "
            "together: each has a new connection, and a new address space with --own-mm."
        ),
    ] = "0",
    burst: Annotated[
        int | None,
        typer.Option(
            min=1, max=1 << 20, show_default="100", help="Operations that come at once, for burst."
        ),
    ] = None,
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
        int | None,
        typer.Option(
            min=0,
            max=1 << 20,
            show_default="16 for --mode attach, else 0",
            help="For --mode attach in the closed loop: one fault in so many is timed; 0: no "
            "operation is. For unary and batch: of one call or block in so many the server is "
            "asked where the time went; 0: of none.",
        ),
    ] = None,
    threshold: Annotated[
        list[str] | None,
        typer.Option(help="What has to hold, as fault.p99<2ms or achieved>0.95; more than once."),
    ] = None,
    csv: Annotated[str, typer.Option(help="Write the time series to a file.")] = "",
    hdr: Annotated[str, typer.Option(help="Write a log for the tools of HdrHistogram.")] = "",
    html: Annotated[str, typer.Option(help="Write a report with pictures, one file.")] = "",
    job: Annotated[
        str, typer.Option(help="Run the sections of a job file side by side.", metavar="FILE")
    ] = "",
    schema: Annotated[
        bool, typer.Option("--schema", help="Print the JSON schema of a job file, and end.")
    ] = False,
    svg: Annotated[str, typer.Option(help="With --job: write a picture of its sections.")] = "",
    seed: Annotated[int, typer.Option(min=-1, help="Seed; -1: a new one, which is printed.")] = -1,
    check: Annotated[
        bool, typer.Option(help="Check every invariant and look for leaks at the end.")
    ] = False,
    workers: Annotated[int, typer.Option(min=1, help="Workers of the server that is started.")] = 2,
    target: load_agent.TargetOption = None,
    target_token_file: load_agent.TargetTokenFile = "",
    target_ca: load_agent.TargetCa = "",
    target_cert: load_agent.TargetCert = "",
    target_key: load_agent.TargetKey = "",
    instance: Annotated[
        str, typer.Option(help="Instance on this machine, for --mode attach.")
    ] = "",
    model: ModelOption = "",
    layout: LayoutOption = "",
    pkeys: PkeysOption = "machine",
    lookup: LookupOption = "",
    agent: load_agent.AgentOption = None,
    agent_token_file: load_agent.AgentTokenFile = "",
    agent_ca: load_agent.AgentCa = "",
    agent_cert: load_agent.AgentCert = "",
    agent_key: load_agent.AgentKey = "",
    agent_silence: load_agent.AgentSilence = "15s",
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object; --json FILE writes it.")
    ] = False,
    json_file: Annotated[str, typer.Option("--json-file", hidden=True)] = "",
) -> None:
    """Generate load and check every answer."""
    if context.invoked_subcommand:
        return
    given = load_agent.with_targets(dict(locals()))
    if workloads:
        _list_workloads(as_json)
        return
    load_agent.check_options(given)
    if schema or job:
        from vmalab_cli import load_job

        load_job.command(context, given)
        return
    if svg:
        common.fail("--svg is of the sections of a job: give --job FILE, or --html", common.USAGE)
    from vmalab_drive import report
    from vmalab_loadgen import page

    config = _config(given)
    wanted = _thresholds(threshold or [])
    lookup = check_instance(given)
    names = {"json": json_file, "csv": csv, "hdr": hdr, "html": html}
    writable(*names.values())
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
    html: Annotated[str, typer.Option(help="Write the changes with a picture, one file.")] = "",
    as_json: common.Json = False,
) -> None:
    """What changed between two loads, or two runs of a job, and whether that is more than noise.

    The intervals of a report are its samples. A change is significant if the 95 % interval of the
    ratio does not contain 1, with five intervals or more in both. Exit code 0, whatever changed.
    """
    from vmalab_drive import report
    from vmalab_loadgen import compare, compare_page

    writable(html)
    first, *others = common.guarded(lambda: [compare.read(path) for path in (before, *after)])
    common_parts = common.guarded(lambda: [compare.both(first, data) for data in others])
    shown = [
        compare_page.Pair(str(path), compare.differences(*two), compare.compare(*two), section)
        for path, parts in zip(after, common_parts, strict=True)
        for section, *two in parts
    ]
    write_text(html, lambda: compare_page.page_of(str(before), first, shown))
    if as_json:
        report.print_json(
            {
                "before": str(before),
                "comparisons": [
                    {"after": one.name, "section": one.section, "differences": one.differences,
                     "changes": [change.as_dict() for change in one.changes]}
                    for one in shown
                ],
            }
        )  # fmt: skip
        return
    console = report.console()
    for pair in shown:
        title = compare_page.title(str(before), pair)
        table = report.grid(title, compare_page.HEAD, compare.rows_of(pair.changes))
        table.padding = (0, 1)
        console.print(table)
        for one in pair.differences:
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
    made.command("agent", epilog=load_agent.EXAMPLES)(load_agent.agent_command)
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
