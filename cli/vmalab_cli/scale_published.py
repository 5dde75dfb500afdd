# SPDX-License-Identifier: Apache-2.0
"""`vmalab scale published`: figures of the page fault test beside ours."""

from __future__ import annotations

import json
from dataclasses import asdict
from functools import partial
from typing import Annotated

import typer

from vmalab_cli.common import USAGE, Json, fail, guarded
from vmalab_cli.progress import Progress
from vmalab_cli.scale import Operations, Seed, machine_named, numbers_named

EXAMPLES = """\
Examples:

vmalab scale published --claim each --threads 12

vmalab scale published --machine skylake-2s --json
"""


def published_command(
    claim: Annotated[
        list[str] | None,
        typer.Option("--claim", metavar="NAME", help="each, one or move; repeatable."),
    ] = None,
    threads: Annotated[
        int, typer.Option("--threads", min=1, max=255, help="At most so many virtual CPUs.")
    ] = 128,
    machine: Annotated[
        str,
        typer.Option("--machine", metavar="NAME", help="Or a FILE.toml. Default: of each claim."),
    ] = "",
    operations: Operations = 5_000,
    seed: Seed = 1,
    as_json: Json = False,
) -> None:
    """What was published of the page fault test (pft), beside the same on virtual CPUs.

    A row is one claim at one number of threads: how many more faults a second the change brought,
    in percent, there and here.
    """
    from vmalab_cli.render import columns
    from vmalab_scale import published
    from vmalab_scale.work import ScaleError

    try:
        claims = published.chosen(claim or [])
    except ScaleError as error:
        fail(f"--claim {error}", USAGE)
    on = machine_named(machine) if machine else None
    if on:
        numbers_named(str(threads), on)
    said = Progress()
    run = partial(
        published.figures,
        claims,
        on=on,
        threads_max=threads,
        operations=operations,
        seed=seed,
        say=said,
    )
    found = guarded(run, asked=(ScaleError,))
    said.end()
    if as_json:
        rows = [asdict(one) for one in found]
        print(json.dumps({"claims": [asdict(one) for one in claims], "figures": rows}))
        return
    head = ("claim", "threads", "published", "ours", "M faults/s, with it", "without")
    lines = [
        [
            one.claim,
            str(one.threads),
            f"{one.published:+.1f} %",
            f"{one.ours:+.1f} %",
            *(f"{rate / 1e6:.1f}" for rate in one.faults_per_s),
        ]
        for one in found
    ]
    print(columns(head, lines, left=1))
    for each in claims:
        print(
            f"\n{each.name}: {each.text}; seen on {each.seen_on}; "
            f"here {each.model} over {each.over}, {each.workload} on {machine or each.machine}"
        )


def register(group: typer.Typer) -> None:
    """Add the command to those of scale."""
    group.command("published", epilog=EXAMPLES)(published_command)
