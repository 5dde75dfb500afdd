# SPDX-License-Identifier: Apache-2.0
"""`vmalab scale calibrate`, `against` and `letter`: machines beside what was measured."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from vmalab_cli import scale, scale_published
from vmalab_cli.common import FAILED, USAGE, Json, fail, guarded
from vmalab_cli.progress import Progress
from vmalab_cli.scale import (
    MachineName,
    Models,
    Operations,
    app,
    machine_named,
    models_named,
    numbers_named,
)

if TYPE_CHECKING:
    from vmalab_scale.against import Row, Verdict
    from vmalab_scale.calibrate import Found
    from vmalab_scale.letter import Figure

CALIBRATE_EXAMPLES = """\
Examples:

vmalab scale calibrate --like zen4

vmalab scale calibrate --rounds 3 --out FILE.toml
"""
AGAINST_EXAMPLES = """\
Examples:

vmalab scale against --model typesafe-rwsem --model split-rwsem

vmalab scale against --machine FILE.toml --json
"""
Rounds = Annotated[int, typer.Option("--rounds", min=1, max=1000, help="Of measuring everything.")]
RIGHT_PART = 0.8
"""So many of the cells have to be right."""


def _levels(found: Found) -> Iterator[list[str]]:
    for name, level in zip(("first", "second", "shared"), found.levels, strict=True):
        yield [f"{name} cache, {level.kib} KiB", str(level.ns)]
    yield ["memory", str(found.memory)]
    yield from ([name, str(one)] for name, one in found.times.items())
    yield ["a step of a pair", str(found.pair)]
    yield ["a step of another pair", str(found.apart)]
    yield ["a fault", str(found.fault)]


@app.command("calibrate", epilog=CALIBRATE_EXAMPLES)
def calibrate(
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE.toml", help="Default: the user's own.")
    ] = None,
    like: Annotated[
        str,
        typer.Option("--like", metavar="NAME", help="What cannot be measured is as in this one."),
    ] = "two-sockets",
    rounds: Rounds = 7,
    as_json: Json = False,
) -> None:
    """Measure this machine and write its file, which `--machine this-machine` reads.

    Caches by pointers that lead from one to the next, transfers between two CPUs, locked
    instructions, calls of the kernel; the cost of an instruction from one fault. What is printed
    is the median of the rounds, with the smallest and the largest. It needs two CPUs and a C
    compiler, and half a minute a round where other work runs beside it.
    """
    from vmalab_bench.compiled import NoProgram
    from vmalab_cli.render import columns
    from vmalab_scale import calibrate as calibration
    from vmalab_scale import machine
    from vmalab_scale.work import ScaleError

    path = out or machine.own_file()
    if path.suffix != ".toml":
        fail(f"--out {path}: give a file that ends in .toml", USAGE)
    base = machine_named(like, option="--like")
    said = Progress()
    run = partial(calibration.calibrated, path, base, rounds=rounds, say=said)
    found = guarded(run, asked=(ScaleError, NoProgram, machine.MachineError))
    said.end()
    made = machine.read(str(path))
    if as_json:
        facts = {"file": str(path), "machine": made.values, "measured": asdict(found)}
        print(json.dumps(facts))
        return
    print(columns(["measured", "median (smallest to largest)"], _levels(found), left=2))
    print(f"\n{path}: not measured, and as in {base.name}:")
    for where, origin in made.sources.items():
        if origin.startswith("not measured"):
            print(f"  {where}: {origin.partition(': ')[2].partition(';')[0]}")


def _rows(rows: list[Row]) -> Iterator[list[str]]:
    for row in rows:
        low, high = row.measured.interval
        if row.calibrated:
            verdict = "fitted"
        else:
            verdict = f"{row.off:+.0%}" + ("" if row.right else "  off")
        yield [
            row.key.at.workload,
            row.key.model,
            str(row.key.at.cpus),
            f"{row.measured_per_s / 1e6:.2f}",
            f"{row.measured.value:.2f}",
            f"{low:.2f}-{high:.2f}",
            f"{row.predicted:.2f}",
            verdict,
        ]


def _said(verdict: Verdict) -> Iterator[str]:
    yield (
        f"{verdict.right} of {verdict.cells} cells within 20 %; "
        f"{verdict.decided - len(verdict.wrong)} of {verdict.decided} pairs of models in the "
        "measured order"
    )
    for situation, faster, slower in verdict.wrong:
        yield f"  {situation.workload}, {situation.cpus} CPUs: {faster} is faster than {slower}"


def _against_facts(row: Row) -> dict[str, Any]:
    return {
        "model": row.key.model,
        "workload": row.key.at.workload,
        "cpus": row.key.at.cpus,
        "predicted": row.predicted,
        "measured": row.measured.value,
        "interval": row.measured.interval,
        "off": row.off,
        "fitted": row.calibrated,
        "predicted_per_s": row.predicted_per_s,
        "measured_per_s": row.measured_per_s,
    }


@app.command("against", epilog=AGAINST_EXAMPLES)
def against(
    machine: MachineName = "this-machine",
    model: Models = None,
    rounds: Rounds = 15,
    operations: Annotated[
        int, typer.Option("--operations", min=1, help="Of each virtual CPU, at least.")
    ] = 10_000,
    seed: Annotated[int, typer.Option("--seed", min=0, max=2**31, help="Of the order.")] = 1,
    as_json: Json = False,
) -> None:
    """The same work on two real CPUs and on virtual ones: predicted against measured.

    Each cell is over one of them, that of typesafe-rwsem on an area of its own on one CPU, by which
    calibrate has fitted the cost of an instruction. Beside a writer (area-writer, 2 CPUs) the
    faults of the other CPU count. Exit code 1: fewer than 80 % of the other cells are within 20 %,
    or two models whose measured intervals do not overlap are predicted in the other order.
    """
    from vmalab_bench.compiled import NoProgram
    from vmalab_cli.render import columns
    from vmalab_scale import against as real
    from vmalab_scale.work import ScaleError

    on = machine_named(machine)
    said = Progress()
    run = partial(
        real.compare,
        on,
        models_named(model or []),
        rounds=rounds,
        operations=operations,
        seed=seed,
        say=said,
    )
    rows, away = guarded(run, asked=(ScaleError, NoProgram))
    said.end()
    verdict = real.judged(rows)
    if as_json:
        told = {
            "machine": on.values,
            "seed": seed,
            "rounds": rounds,
            "transfer_ns": [away.value, away.low, away.high],
            "cells": [_against_facts(row) for row in rows],
            "right": verdict.right,
            "of": verdict.cells,
            "ordered": verdict.decided - len(verdict.wrong),
            "pairs": verdict.decided,
        }
        print(json.dumps(told))
    else:
        head = ("workload", "model", "CPUs", "M/s", "measured", "95 %", "predicted", "off by")
        print(columns(head, _rows(rows), left=2))
        print("\n" + "\n".join(_said(verdict)))
        print(f"a line from one CPU to the other: {away.value:.0f} ns "
              f"({away.low:.0f} to {away.high:.0f})")  # fmt: skip
    if verdict.wrong or verdict.right < RIGHT_PART * verdict.cells:
        raise typer.Exit(FAILED)


LETTER_EXAMPLES = """\
Examples:

vmalab scale letter --out FOLDER

vmalab scale letter --vcpus 12 --work present-each --seeds 1
"""


def _letter_rows(found: list[Figure]) -> Iterator[list[str]]:
    from vmalab_scale import letter

    for one in found:
        on, off = letter.over_split(found, one.place, one.work, one.vcpus)
        change = one.prefetcher
        yield [
            one.work,
            one.place,
            str(one.vcpus),
            f"{change.value - 1:+.1%}",
            f"{change.low - 1:+.1%} to {change.high - 1:+.1%}",
            f"{on.value - 1:+.1%}",
            f"{off.value - 1:+.1%}",
        ]


@app.command("letter", epilog=LETTER_EXAMPLES)
def letter_command(
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="FOLDER", help="Draw it there, as PNG and SVG."),
    ] = None,
    work: Annotated[
        list[str] | None,
        typer.Option("--work", metavar="NAME", help="Pages and VMAs; repeatable. Default: all."),
    ] = None,
    vcpus: Annotated[str, typer.Option(metavar="N,...", help="Virtual CPUs.")] = "1,12,21,28",
    machine: MachineName = "broadwell-2s",
    operations: Operations = 500,
    seeds: Annotated[int, typer.Option("--seeds", min=1, max=100, help="Runs of each.")] = 3,
    as_json: Json = False,
) -> None:
    """The cover letter's regression: places of the lock, with an adjacent-line prefetcher or not.

    split, embedded, padded and unaligned, on a modelled Broadwell: what the prefetcher changes, and
    each of them over split. Beside it what was published.
    """
    from vmalab_cli.render import columns
    from vmalab_scale import letter
    from vmalab_scale.work import ScaleError

    on = machine_named(machine)
    numbers = numbers_named(vcpus, on)
    for name in work or ():
        if name not in letter.WORKS:
            fail(f"--work {name}: there are {', '.join(letter.WORKS)}", USAGE)
    if out and not out.is_dir():
        fail(f"--out {out}: there is no such folder", USAGE)
    said = Progress()
    run = partial(
        letter.figures,
        on,
        works=work or list(letter.WORKS),
        vcpus=numbers,
        seeds=seeds,
        operations=operations,
        say=said,
    )
    found = guarded(run, asked=(ScaleError,))
    said.end()
    for suffix in (".png", ".svg") if out else ():
        assert out is not None
        command = "vmalab scale letter --out FOLDER"
        letter.draw(found, out / f"letter{suffix}", on, command)
        letter.draw_over(found, out / f"letter-over-split{suffix}", on, command)
    if as_json:
        print(json.dumps({"machine": on.values, "figures": [asdict(one) for one in found]}))
        return
    head = ("pages, VMA", "lock", "CPUs", "prefetcher", "of the seeds", "over split, on", "off")
    print(columns(head, _letter_rows(found), left=2))
    print(f"\n{letter.finding(found)}.")
    for threads, (with_it, without) in letter.PUBLISHED.items():
        print(
            f"published, pft, embedded over split, {threads} threads: {with_it:+.2f} % with the "
            f"prefetcher, {without:+.2f} % without"
        )


def register(parent: typer.Typer) -> None:
    """Add the commands of the group: these, and those of the other modules."""
    scale_published.register(app)
    scale.register(parent)
