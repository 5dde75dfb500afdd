# SPDX-License-Identifier: Apache-2.0
"""`vmalab diff`."""

from __future__ import annotations

import random
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from vmalab_cli.common import (
    FAILED,
    USAGE,
    WORK,
    Json,
    LayoutOption,
    LookupOption,
    ModelOption,
    PkeysOption,
    check_core,
    check_pkeys,
    fail,
    guarded,
    lookup_in,
)

if TYPE_CHECKING:
    from rich.table import Table

    from vmalab_diff import run as runs
    from vmalab_diff.program import Op
    from vmalab_native import machine

HELP = (
    "Compare an instance with the running kernel: the same random programs on both.\n\n"
    "Each program is a few hundred memory operations of one or more processes: mmap, mremap, "
    "madvise, fork, reading and writing pages, and the rest. A small executor runs it on the "
    "kernel in a fresh address space. An instance starts from the same maps and runs it too. Every "
    "answer (value or errno, chosen address, signal and code, word read, resident pages) and the "
    "maps at check points must be equal. A disagreement is shrunk to the shortest program that "
    "shows it.\n\n"
    "Profiles: anon, file, fork, mremap, limits (sizes and addresses at the edges), uffd "
    "(userfaultfd), keys (protection keys), all (each program takes one of them). The seed is "
    "printed. It repeats the programs. not_compared counts what cannot be compared, with the "
    "reason. by_model counts answers about protection keys that a model of them has judged, on a "
    "machine without them. Exit code 0: all agreed; 1: a disagreement; 2: bad usage."
)
EXAMPLES = """\
Examples:

vmalab diff --ops 20000

vmalab diff --ops 200000 --seed 7 --profile fork --model refcount --json

vmalab diff --ops 50000 --out /tmp/found

vmalab diff --program 'mmap a0 2p PROT_READ MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED -1 0; write a0 0xc3'
"""


def _program(text: str) -> list[Op]:
    from vmalab_diff.operations import PARAMS
    from vmalab_diff.program import ProgramError, parse

    if text.startswith("@") and " " not in text:
        try:
            text = Path(text[1:]).read_text()
        except OSError as error:
            fail(f"--program {text}: {error.strerror}; give a text, or @ and the name of a file", 2)
    try:
        program = parse(text, PARAMS)
    except ProgramError as error:
        fail(f"--program: {error}", USAGE)
    if not program:
        fail("--program has no operation", USAGE)
    return program


def _watched(config: runs.DiffConfig) -> runs.DiffResult:
    """The run, with a line of progress where somebody looks."""
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    from vmalab_diff import run as runs
    from vmalab_drive import report

    if not sys.stderr.isatty():
        return runs.run(config)
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=report.error_console(), transient=True) as bar:
        task = bar.add_task(f"seed {config.seed}", total=None)

        def show(result: runs.DiffResult) -> None:
            words = f"{result.ops:,} of {config.ops:,} operations, {result.disagree} disagree"
            bar.update(task, description=f"seed {config.seed}: {words}")

        return runs.run(config, show)


def _tables(data: dict[str, Any]) -> list[Table]:
    from vmalab_drive import report
    from vmalab_native import machine

    rows = [
        ("seed", f"{data['seed']}, profile {data['profile']}, model {data['model']}"),
        ("machine", machine.one_line(data["machine"])),
        ("protection keys", "emulated" if data["pkeys"] else "none emulated"),
        ("operations", f"{report.count(data['ops'])} in {report.count(data['programs'])} programs"),
        ("agree", report.count(data["agree"])),
        ("disagree", report.count(data["disagree"])),
        (
            "maps",
            f"{report.count(data['maps_equal'])} of {report.count(data['maps_checked'])} equal",
        ),
    ]
    if data["by_model"]:
        rows.append(("agree with the model of keys", report.count(data["by_model"])))
    rows += [(f"not compared: {name}", report.count(n)) for name, n in data["not_compared"].items()]
    rows.append(("no specification of", ", ".join(data["not_drawn"]) or "nothing"))
    rows.append(("left out (--json: why)", ", ".join(data["left_out"])))
    rows += [("not as expected here", reason) for reason in data["lacking"]]
    rows.append(("fsck", "; ".join(data["fsck"]) or "every invariant holds"))
    tables = [report.facts("diff", rows)]
    for number, found in enumerate(data["shrunk"]):
        lines = [
            ("program", found["program"].replace("; ", "\n")),
            ("kernel", found["kernel"]),
            ("vmalab", found["vmalab"]),
            ("repeat", found["repeat"]),
        ]
        tables.append(report.facts(f"disagreement {number}: {found['what']}", lines))
    return tables


def _print(data: dict[str, Any], *, as_json: bool) -> None:
    from vmalab_drive import report

    if as_json:
        report.print_json(data)
        return
    for table in _tables(data):
        report.console().print(table)


def diff_command(
    ops: Annotated[int, typer.Option(min=1, help="Operations, all programs together.")] = 20_000,
    seed: Annotated[
        int, typer.Option(min=0, help="Seed of the programs; 0: a new one, which is printed.")
    ] = 0,
    profile: Annotated[
        str,
        typer.Option(help="Kind of programs: anon, file, fork, mremap, limits, uffd, keys or all."),
    ] = "all",
    every: Annotated[
        int, typer.Option(min=1, help="Operations between two comparisons of the maps.")
    ] = 16,
    shrink: Annotated[int, typer.Option(min=0, help="Disagreements to shrink, at most.")] = 5,
    program: Annotated[
        str | None,
        typer.Option(help="Run this program alone: its text, or @FILE. Nothing is shrunk."),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(help="Folder to write each disagreement to, as C, text and a trace."),
    ] = None,
    model: ModelOption = "",
    layout: LayoutOption = "",
    pkeys: PkeysOption = "machine",
    lookup: LookupOption = "",
    as_json: Json = False,
) -> None:
    """Compare an instance with the running kernel: the same random programs on both."""
    from vmalab_diff import run as runs
    from vmalab_diff.chooser import PROFILES

    if profile not in (*PROFILES, "all"):
        fail(f"--profile {profile}: give {', '.join(PROFILES)} or all", USAGE)
    if out is not None and out.exists() and not out.is_dir():
        fail(f"--out {out}: a folder is wanted, and that is none", USAGE)
    check_core(model, layout, others="")
    check_pkeys(pkeys, "machine", "on", "off")
    config = runs.DiffConfig(
        ops=ops,
        seed=seed or random.SystemRandom().randrange(1, 1 << 31),
        profile=profile,
        model=model,
        layout=layout,
        pkeys=cast("machine.Switch", pkeys),
        every=every,
        shrink_max=shrink,
    )
    if program is not None:
        alone = _program(program)
        config = replace(config, profile="program", seed=0)
        result = guarded(lambda: runs.run_one(alone, config))
    else:
        result = guarded(lambda: _watched(config))
    data = result.as_dict() | {"lookup": lookup_in(lookup)}
    if out is not None:
        data["written"] = [str(path) for path in runs.write_findings(result, out)]
    _print(data, as_json=as_json)
    if not result.good:
        raise typer.Exit(FAILED)


def register(app: typer.Typer) -> None:
    app.command("diff", help=HELP, epilog=EXAMPLES, rich_help_panel=WORK)(diff_command)
