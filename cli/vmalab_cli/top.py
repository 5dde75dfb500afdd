# SPDX-License-Identifier: Apache-2.0
"""`vmalab top`: a live view of all instances of this machine."""

from __future__ import annotations

import sys
import time
from contextlib import closing
from typing import TYPE_CHECKING, Annotated, Final

import typer

from vmalab_cli.common import LOOK, USAGE, NoTarget, fail, local_only, show

if TYPE_CHECKING:
    from vmalab_cli.live.watch import Watch

INTERVAL_MIN_S: Final = 0.1
INTERVAL_MAX_S: Final = 3600.0

_HOW = """\
[dim]vmalab top

vmalab top --view locks --interval 5

vmalab top --once --view slab [dim]# one frame as text, for a pipe[/dim]

vmalab top --once --json [dim]# all that it knows[/dim][/dim]
"""


def top(
    instance: Annotated[
        list[str],
        typer.Option(
            "--instance",
            "-i",
            envvar="VMALAB_INSTANCE",
            help="Only this instance; may be repeated. Default: all of this machine.",
        ),
    ] = [],  # noqa: B006 - typer wants a list
    interval: Annotated[
        float,
        typer.Option(
            metavar="SECONDS",
            min=INTERVAL_MIN_S,
            max=INTERVAL_MAX_S,
            help="Time between two looks.",
        ),
    ] = 1.0,
    view: Annotated[
        str,
        typer.Option(
            help="What is shown first: instances, workers, clients, spaces, vmas, locks, counters "
            "or slab."
        ),
    ] = "instances",
    sort: Annotated[
        str, typer.Option(metavar="COLUMN", help="Sort that view by this column.")
    ] = "",
    only: Annotated[
        str, typer.Option("--filter", metavar="TEXT", help="Only rows that have this text.")
    ] = "",
    once: Annotated[
        bool,
        typer.Option(
            "--once", help="Print one frame as text and end. It takes two looks, for the rates."
        ),
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="With --once: JSON, of all views.")
    ] = False,
    target: NoTarget = "",
) -> None:
    """Show all instances live: workers, clients, address spaces, locks, counters, slab.

    It reads the memory of the instances: it needs no server, and shows also what a killed one left.
    On a terminal it needs the extra [top]; --once does not.
    """
    from vmalab_cli.live import views

    local_only(target, "top", "the counters of a thread, or its events")
    if interval != interval:  # nan is in every range of click
        fail("--interval nan: give seconds", USAGE)
    if view not in views.VIEWS:
        fail(f"--view {view}: give one of {', '.join(views.VIEWS)}", USAGE)
    names = views.columns(view)
    if sort and not any(name.lower().startswith(sort.lower()) for name in names):
        fail(f"--sort {sort}: the view {view} has the columns {', '.join(names)}", USAGE)
    if as_json and not once:
        fail("--json goes with --once", USAGE)
    if not once and not sys.stdout.isatty():
        fail("standard output is not a terminal: --once prints one frame as text", USAGE)
    _check(instance)
    from vmalab_cli.live.watch import Watch

    with closing(Watch(instance)) as watch:
        if once:
            _once(watch, view, sort, only, interval_s=interval, as_json=as_json)
            return
        from vmalab_cli.live.screen import Start, Top

        start = Start(
            view=view,
            instance=instance[0] if instance else "",
            sort=sort,
            wanted=only,
            interval_s=interval,
        )
        screen = Top(watch.look, start)
        screen.run()
    if screen.return_code:
        raise typer.Exit(screen.return_code)


def _check(names: list[str]) -> None:
    """Ends with one line unless each of them is there."""
    from vmalab_native.checks import instances, shm_name
    from vmalab_native.errors import SegmentMissing

    there = instances()
    for name in names:
        shm_name(name)
        if name not in there:
            raise SegmentMissing(f"instance {name!r}")


def _once(
    watch: Watch, view: str, sort: str, only: str, *, interval_s: float, as_json: bool
) -> None:
    from vmalab_cli.live import facts, text, views
    from vmalab_cli.live.page import arranged

    world = watch.look()
    if world.looks:
        time.sleep(interval_s)
        world = watch.look()
    if as_json:
        show(facts.of(world), "", as_json=True)
        return
    if not world.looks:
        typer.echo(views.NO_INSTANCE)
        return
    looks = [None] if view == views.VIEWS[0] else list(world.looks)
    frames = []
    for look in looks:
        page = views.view(world, look, view)
        named = page.column(sort)
        by = page.sort if named is None else named
        frames.append(text.frame(world, look, arranged(page, sort=by, wanted=only)))
    typer.echo("\n\n".join(frames))


def register(app: typer.Typer) -> None:
    app.command(rich_help_panel=LOOK, epilog=_HOW)(top)
