# SPDX-License-Identifier: Apache-2.0
"""`vmalab ps`, `maps`, `slabinfo`, `vmstat`, `layout`, `locks` and `fsck`."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from vmalab_cli.common import FAILED, LOOK, USAGE, fail, show

if TYPE_CHECKING:
    from vmalab_cli.sources import Source

Instance = Annotated[
    str,
    typer.Option(
        "--instance",
        "-i",
        envvar="VMALAB_INSTANCE",
        help="Look into this instance's memory; needs no server. Default: the only one there is, "
        "or the one named default.",
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

_LAYOUT_HOW = """
[dim]vmalab layout --model refcount vm_area_struct

vmalab layout --layout random:7 vm_area_struct [dim]# a core that is not there is built[/dim]

vmalab layout --layout mine.toml vm_area_struct [dim]# a file that says where each field is[/dim]

vmalab layout --list[/dim]
"""


@contextmanager
def _open(
    instance: str, target: str, *, as_json: bool, build: bool = True, note: bool = True
) -> Iterator[Source]:
    """The source that the options name; says so when its server was killed.

    Args:
        as_json: for a program, which finds the instance's name in what it gets.
        build: build its core if it is not there.
    """
    from vmalab_cli.sources import choose_instance, opened
    from vmalab_native.errors import SegmentDamaged

    if not instance and not target:
        instance = choose_instance("")
        if not as_json:
            typer.echo(f"vmalab: instance {instance!r}", err=True)

    try:
        with opened(instance=instance, target=target, build=build) as source:
            if note and source.orphaned():
                name = source.summary()["instance"]
                typer.echo(
                    f"vmalab: the server of instance {name!r} was killed, this is what it left;"
                    f" `vmalab fsck --instance {name}` recovers and checks it",
                    err=True,
                )
            yield source
    except SegmentDamaged as damage:
        fail(str(damage), FAILED)


def _facts(source: Source) -> dict[str, Any]:
    return {
        **source.summary(),
        "orphaned": source.orphaned(),
        "participants": source.participants(),
        "address_spaces": source.address_spaces(),
    }


def _row(name: str) -> dict[str, Any]:
    """What ps says of an instance, or why it cannot be looked at."""
    from vmalab_cli.sources import opened
    from vmalab_native.errors import NativeError, SegmentDamaged

    try:
        with opened(instance=name, target="", build=False) as source:
            return _facts(source)
    except SegmentDamaged as damage:
        what = damage.detail.removeprefix(f"instance {name!r}: ")
        error = f"broken: {what} (vmalab fsck --instance {name} names the damage)"
        return {"instance": name, "state": "broken", "broken": what, "error": error}
    except (NativeError, OSError) as error:
        return {"instance": name, "error": str(error)}


def ps(instance: Instance = "", target: Target = "", as_json: AsJson = False) -> None:
    """List the instances of this machine: workers, attached processes, address spaces."""
    from vmalab_cli import render
    from vmalab_server import roster

    roster.clean()
    if instance or target:
        with _open(instance, target, as_json=as_json, build=False, note=False) as source:
            rows = [_facts(source)]
    else:
        from vmalab_cli import apart
        from vmalab_native.checks import instances

        rows = apart.each(instances(), _row)
    text = "\n\n".join(render.instance(row) for row in rows)
    show({"instances": rows}, text or "no instance is running", as_json=as_json)


_OR_NEXT = 16  # PROCMAP_QUERY_COVERING_OR_NEXT_VMA


def _query(mm: int | None, text: str, *, instance: str, target: str, as_json: bool) -> None:
    """Exit code 1: there is no mapping at or after the address."""
    from vmalab_cli import render

    if mm is None:
        fail("--query wants one address space, not --all", USAGE)
    try:
        addr = int(text, 0)
    except ValueError:
        addr = -1
    if not 0 <= addr < 1 << 64:
        fail(f"--query {text}: an address is wanted, such as 0x7f0000001000 or 4096", USAGE)
    with _open(instance, target, as_json=as_json) as source:
        row = source.query_vma(mm, addr, _OR_NEXT)
    if row is None:
        fail(f"nothing is mapped at {addr:#x} or above", FAILED)
    show({"mm": mm, "vma": row}, render.vma(row), as_json=as_json)


def maps(
    mm: Annotated[int | None, typer.Argument(help="Id of an address space.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="All address spaces.")] = False,
    query: Annotated[
        str,
        typer.Option(metavar="ADDR", help="Only the mapping that contains ADDR, or the next one."),
    ] = "",
    instance: Instance = "",
    target: Target = "",
    as_json: AsJson = False,
) -> None:
    """Show the mappings of an address space, as /proc/PID/maps does."""
    if (mm is None) is not everything:
        fail("say which address space: a number (vmalab ps has them), or --all", USAGE)
    if query:
        _query(mm, query, instance=instance, target=target, as_json=as_json)
        return
    with _open(instance, target, as_json=as_json) as source:
        wanted = [row["mm"] for row in source.address_spaces()] if mm is None else [mm]
        texts = {number: source.maps(number) for number in wanted}
    shown = (f"# mm {n}\n{text}" if everything else text for n, text in texts.items())
    rows = [{"mm": number, "maps": text.split("\n")[:-1]} for number, text in texts.items()]
    show({"address_spaces": rows}, "\n".join(shown).rstrip("\n"), as_json=as_json)


def slabinfo(instance: Instance = "", target: Target = "", as_json: AsJson = False) -> None:
    """Show the slab caches, as /proc/slabinfo does, with frees and reuses of objects."""
    from vmalab_cli import render

    with _open(instance, target, as_json=as_json) as source:
        rows = source.slabinfo()
    show({"caches": rows}, render.slabinfo(rows), as_json=as_json)


def vmstat(instance: Instance = "", target: Target = "", as_json: AsJson = False) -> None:
    """Show the counters of all participants together, as /proc/vmstat does."""
    from vmalab_cli import render

    with _open(instance, target, as_json=as_json) as source:
        counters = dict(sorted(source.vmstat().items()))
    show(counters, render.vmstat(counters), as_json=as_json)


def _order(
    instance: str,
    scenario: str,
    *,
    model: str,
    mutants: list[str],
    output: Path | None,
    as_json: bool,
    dot: bool,
) -> None:
    """Exit code 1: an inversion."""
    from vmalab_cli import race
    from vmalab_race import order

    if output is not None and output.suffix not in (".svg", ".dot"):
        fail(f"{output}: the name of a drawing ends in .svg or .dot", USAGE)
    if scenario:
        graph = race.order_in(scenario, model, mutants)
    else:
        with _open(instance, "", as_json=as_json) as source:
            graph = order.graph(source.order())
    if output is not None:
        text = graph.svg() if output.suffix == ".svg" else graph.dot() + "\n"
        try:
            output.write_text(text, encoding="utf-8")
        except OSError as error:
            fail(f"{output}: {error.strerror}", USAGE)
    show(graph.as_dict(), graph.dot() if dot else graph.text(), as_json=as_json)
    if graph.inversions():
        raise typer.Exit(FAILED)


def _hung(after_s: float, *, instance: str, target: str, as_json: bool) -> None:
    """Exit code 1: somebody has waited for so long."""
    from vmalab_cli import render
    from vmalab_native import waiting

    with _open(instance, target, as_json=as_json) as source:
        if not source.keeps_events():
            fail(
                "--hung: this instance keeps no events (--events off): since when a thread waits"
                " is not known; locks without --hung shows who waits",
                USAGE,
            )
        trees = waiting.hung(waiting.forest(source.tasks()), after_s)
        events = [source.events(tree.task.participant) for tree in trees]
    rows = [
        waiting.tree_row(tree) | {"events": last} for tree, last in zip(trees, events, strict=True)
    ]
    text = render.hung(trees, events, after_s)
    show({"hung_after_s": after_s, "hung": rows}, text, as_json=as_json)
    if trees:
        raise typer.Exit(FAILED)


def locks(
    hung: Annotated[
        float | None,
        typer.Option(
            "--hung",
            min=0,
            metavar="SECONDS",
            help="Only what has been waited for so long: who holds the others up, with its last"
            " events. Exit code 1: somebody has.",
        ),
    ] = None,
    order: Annotated[
        bool,
        typer.Option(
            "--order",
            help="The order in which classes of locks were waited for, as the lab core has learnt "
            "it. Exit code 1: two locks in both orders.",
        ),
    ] = False,
    dot: Annotated[bool, typer.Option("--dot", help="--order for Graphviz.")] = False,
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", help="--order as a drawing: a .svg or a .dot file."),
    ] = None,
    scenario: Annotated[
        str,
        typer.Option(
            "--scenario",
            help="--order as a search of this race scenario learns it; needs no instance.",
        ),
    ] = "",
    model: Annotated[str, typer.Option("--model", help="Lock model of --scenario.")] = "",
    mutant: Annotated[
        list[str],
        typer.Option("--mutant", help="A bug to switch on in --scenario; may be repeated."),
    ] = [],  # noqa: B006 - typer wants a list
    instance: Instance = "",
    target: Target = "",
    as_json: AsJson = False,
) -> None:
    """Show who waits for whom, as a tree, and which thread takes, holds or waits for which lock.

    At the root of a tree is the thread that holds all others of it up.
    """
    from vmalab_cli import render
    from vmalab_native import waiting

    if hung is not None and not math.isfinite(hung):
        fail(f"--hung {hung:g}: give seconds", USAGE)
    if order and hung is not None:
        fail("--hung is of the waits now, --order of all that were: give one of them", USAGE)
    if not order and (dot or output is not None or scenario or model or mutant):
        fail("--dot, --output, --scenario, --model and --mutant go with --order", USAGE)
    if not scenario and (model or mutant):
        fail("--model and --mutant are of a --scenario", USAGE)
    if order and target:
        fail("--order looks into memory: use --instance, on the machine of the server", USAGE)
    if scenario and instance:
        fail("--scenario runs apart from every instance: leave --instance out", USAGE)
    if order:
        _order(
            instance,
            scenario,
            model=model,
            mutants=mutant,
            output=output,
            as_json=as_json,
            dot=dot,
        )
        return
    if hung is not None:
        _hung(hung, instance=instance, target=target, as_json=as_json)
        return
    with _open(instance, target, as_json=as_json) as source:
        rows = source.locks()
        trees = waiting.forest(source.tasks())
    facts = {"locks": rows, "trees": [waiting.tree_row(tree) for tree in trees]}
    show(facts, render.locks(rows, trees), as_json=as_json)


def _structs(source: Source | tuple[str, str], names: list[str]) -> dict[str, Any]:
    """What `vmalab layout` shows of a core; source: an instance, or (model, layout) of a build."""
    from vmalab_cli import sources, structs

    if isinstance(source, tuple):
        model, layout = source
        rows = sources.build_layout(model, layout)
    else:
        about = source.summary()
        model, layout, rows = about["lock_model"], about["layout"], source.layout()
    known = {row["name"] for row in rows}
    for name in names:
        if name not in known:
            fail(f"no struct {name!r}; there are {', '.join(sorted(known))}", USAGE)
    chosen = [structs.facts(row) for row in rows if not names or row["name"] in names]
    return {"model": model, "layout": layout, "structs": chosen}


def _needs(*, as_json: bool) -> None:
    from dataclasses import asdict

    from vmalab_cli import render
    from vmalab_cli.common import guarded
    from vmalab_native import needs

    rows = [asdict(one) for one in guarded(needs.all_models)]
    show({"models": rows}, render.needs(rows), as_json=as_json)


def layout(
    struct: Annotated[list[str] | None, typer.Argument(help="Names to show; default: all.")] = None,
    model: Annotated[str, typer.Option(help="Lock model, running or not.")] = "",
    layout_of: Annotated[
        str,
        typer.Option("--layout", help="Layout of vm_area_struct in that model, or a FILE.toml."),
    ] = "",
    everything: Annotated[
        bool, typer.Option("--list", help="All lock models and their layouts instead.")
    ] = False,
    needs: Annotated[
        bool,
        typer.Option(
            "--needs",
            help="What each lock model needs instead, counted in the sources: lines, functions, "
            "orderings, caches, allocations that can fail.",
        ),
    ] = False,
    instance: Instance = "",
    target: Target = "",
    as_json: AsJson = False,
) -> None:
    """Show offsets, cache lines and holes of the shared structs, and the lock of each field.

    As pahole draws them. Of the instance, if one is named; else of --model and --layout, which need
    no instance (default: typesafe-rwsem, aligned).
    """
    from vmalab_cli import render, sources, structs
    from vmalab_native import cores

    others = struct or model or layout_of or instance or target or (everything and needs)
    if (everything or needs) and others:
        fail(f"--{'needs' if needs else 'list'} goes alone, or with --json", USAGE)
    if needs:
        _needs(as_json=as_json)
        return
    if everything:
        rows = sources.all_cores()
        steps = {step: cores.family(step) for step in cores.steps()}
        text = render.cores(rows) + "\n\n" + render.steps(steps)
        show({"cores": rows, "steps": steps}, text, as_json=as_json)
        return
    if instance or target:
        if model or layout_of:
            fail("--model and --layout are for a build, an instance has its own", USAGE)
        with _open(instance, target, as_json=as_json) as source:
            found = _structs(source, struct or [])
    else:
        chosen = model or cores.default_model()
        named = sources.check_core(chosen, layout_of or cores.default_layout())
        found = _structs((chosen, named), struct or [])
    head = f"/* {found['model']}, {found['layout']} */\n"
    text = head + "\n\n".join(structs.listing(row) for row in found["structs"])
    show(found, text, as_json=as_json)


def fsck(
    repair: Annotated[
        bool,
        typer.Option(
            "--repair",
            help="Recover first, even if a server runs or there never was one. Implies --stop.",
        ),
    ] = False,
    stop: Annotated[
        bool,
        typer.Option("--stop", help="Check everything at once; all processes wait meanwhile."),
    ] = False,
    instance: Instance = "",
    target: Target = "",
    as_json: AsJson = False,
) -> None:
    """Check the invariants of the segment, part by part, while its processes go on.

    What needs all of it at one instant is named, and checked with --stop. If the server of the
    instance was killed, fsck recovers the segment first and checks everything. A segment that never
    had a server needs --repair for that. Exit code 1 if an invariant is broken.
    """
    if repair and target:
        fail("--repair works on the memory itself; a running server repairs by itself", USAGE)
    facts: dict[str, Any] = {}
    with _open(instance, target, as_json=as_json, note=False) as source:
        problems = source.damages()
        unchecked: list[str] = []
        if not problems and (repair or source.orphaned()):
            facts["recovered"] = source.repair()
            stop = True
        if not problems:
            problems, unchecked = source.fsck(stop=stop)
        facts |= {"problems": problems, "not_checked": unchecked}
        name = source.summary()["instance"]
    text = "\n".join(problems) or ("no broken invariant" if unchecked else "every invariant holds")
    if unchecked:
        text += f"\nnot checked without --stop: {'; '.join(unchecked)}"
    if "recovered" in facts:
        text = f"dead participants recovered first: {facts['recovered']}\n{text}"
    show(facts, text, as_json=as_json)
    if any("was not recovered" in line for line in problems) and not (target or as_json):
        typer.echo(
            "vmalab: a process was killed in it, and nobody has recovered it:"
            f" `vmalab fsck --repair --instance {name}` does, and checks again",
            err=True,
        )
    if problems:
        raise typer.Exit(1)


def register(app: typer.Typer) -> None:
    for command in (ps, maps, slabinfo, vmstat, locks, layout, fsck):
        name = command.__name__
        example = "maps 65536" if name == "maps" else name
        more = _LAYOUT_HOW if name == "layout" else ""
        app.command(rich_help_panel=LOOK, epilog=_HOW.format(example) + more)(command)
