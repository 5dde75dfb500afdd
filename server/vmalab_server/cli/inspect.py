# SPDX-License-Identifier: Apache-2.0
"""`vmalab ps`, `maps`, `slabinfo`, `vmstat`, `layout`, `locks` and `fsck`."""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer

from vmalab_server.cli.app import LOOK, fail

Instance = Annotated[
    str,
    typer.Option(
        "--instance",
        "-i",
        envvar="VMALAB_INSTANCE",
        help="Look into this instance's memory; needs no server. Default: the only one there is.",
    ),
]
Target = Annotated[
    str, typer.Option("--target", "-t", help="Ask the server at host:port (or unix:PATH) instead.")
]
AsJson = Annotated[bool, typer.Option("--json", help="JSON instead of text.")]

_HOW = """\
[dim]vmalab {0}

vmalab {0} --instance lab

vmalab {0} --target 127.0.0.1:7420 --json[/dim]
"""


def _show(value: Any, text: str, *, as_json: bool) -> None:
    typer.echo(json.dumps(value, indent=2) if as_json else text)


def _open(instance: str, target: str) -> Any:
    from vmalab_server.cli.sources import opened

    return opened(instance=instance, target=target)


def _facts(source: Any) -> dict[str, Any]:
    return {
        **source.summary(),
        "participants": source.participants(),
        "address_spaces": source.address_spaces(),
    }


def ps(instance: Instance = "", target: Target = "", as_json: AsJson = False) -> None:
    """Every instance of this machine: its workers, who takes part, its address spaces."""
    from vmalab_native.core import Segment
    from vmalab_native.errors import NativeError
    from vmalab_server.cli import render

    if instance or target:
        with _open(instance, target) as source:
            rows = [_facts(source)]
    else:
        rows = []
        for name in Segment.list_instances():
            try:
                with _open(name, "") as source:
                    rows.append(_facts(source))
            except NativeError as error:
                rows.append({"instance": name, "error": str(error)})
    text = "\n\n".join(render.instance(row) for row in rows)
    _show({"instances": rows}, text or "no instance is running", as_json=as_json)


def maps(
    mm: Annotated[int | None, typer.Argument(help="Number of an address space.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="All address spaces.")] = False,
    instance: Instance = "",
    target: Target = "",
    as_json: AsJson = False,
) -> None:
    """The mappings of an address space, as /proc/PID/maps shows them."""
    if (mm is None) is not everything:
        raise fail("say which address space: a number (vmalab ps has them), or --all")
    with _open(instance, target) as source:
        wanted = [row["mm"] for row in source.address_spaces()] if mm is None else [mm]
        texts = {number: source.maps(number) for number in wanted}
    shown = (f"# mm {n}\n{text}" if everything else text for n, text in texts.items())
    rows = [{"mm": number, "maps": text.splitlines()} for number, text in texts.items()]
    _show({"address_spaces": rows}, "\n".join(shown).rstrip("\n"), as_json=as_json)


def slabinfo(instance: Instance = "", target: Target = "", as_json: AsJson = False) -> None:
    """The slab caches, as /proc/slabinfo shows them; then allocated, freed and reused objects."""
    from vmalab_server.cli import render

    with _open(instance, target) as source:
        rows = source.slabinfo()
    _show({"caches": rows}, render.slabinfo(rows), as_json=as_json)


def vmstat(instance: Instance = "", target: Target = "", as_json: AsJson = False) -> None:
    """The counters of all participants together, as /proc/vmstat shows them."""
    from vmalab_server.cli import render

    with _open(instance, target) as source:
        counters = dict(sorted(source.vmstat().items()))
    _show(counters, render.vmstat(counters), as_json=as_json)


def locks(instance: Instance = "", target: Target = "", as_json: AsJson = False) -> None:
    """Who takes, holds or waits for which lock, now."""
    from vmalab_server.cli import render

    with _open(instance, target) as source:
        rows = source.locks()
    _show({"locks": rows}, render.locks(rows), as_json=as_json)


def layout(
    struct: Annotated[list[str] | None, typer.Argument(help="Names; default: all.")] = None,
    instance: Instance = "",
    target: Target = "",
    as_json: AsJson = False,
) -> None:
    """Offset, size and cache line of every field of the shared structs, and who may write it.

    Without --instance or --target: of this build.
    """
    from vmalab_server.cli import render, sources

    if instance or target:
        with _open(instance, target) as source:
            rows = source.layout()
    else:
        rows = sources.build_layout()
    if struct:
        known = {row["name"] for row in rows}
        unknown = [name for name in struct if name not in known]
        if unknown:
            raise fail(f"no struct {unknown[0]!r}; there are {', '.join(sorted(known))}")
        rows = [row for row in rows if row["name"] in struct]
    _show({"structs": rows}, render.layout(rows), as_json=as_json)


def fsck(
    repair: Annotated[
        bool,
        typer.Option("--repair", help="First repair what dead processes left (no server does)."),
    ] = False,
    instance: Instance = "",
    target: Target = "",
    as_json: AsJson = False,
) -> None:
    """Walk every invariant of the segment; the instance stands still meanwhile.

    Exit code 1 if one is broken.
    """
    if repair and target:
        raise fail("--repair works on the memory itself; a running server repairs by itself")
    with _open(instance, target) as source:
        if repair:
            source.repair()
        problems = source.fsck()
    _show({"problems": problems}, "\n".join(problems) or "every invariant holds", as_json=as_json)
    if problems:
        raise typer.Exit(1)


def register(app: typer.Typer) -> None:
    for command in (ps, maps, slabinfo, vmstat, locks, layout, fsck):
        name = command.__name__
        example = "maps 65536" if name == "maps" else name
        app.command(rich_help_panel=LOOK, epilog=_HOW.format(example))(command)
