# SPDX-License-Identifier: Apache-2.0
"""`vmalab trace`."""

from __future__ import annotations

import dataclasses
import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from vmalab_cli.common import LOOK, USAGE, NoTarget, fail, guarded, local_only, show
from vmalab_cli.inspect import AsJson, Instance

if TYPE_CHECKING:
    from vmalab_events.recording import Recording

SECONDS_MAX: Final = 3600.0
_SECONDS: Final = 5.0

EXAMPLES = """\
[dim]vmalab trace [dim]# the last events of each process, and who waits for whom[/dim]

vmalab trace --perfetto run.pftrace --seconds 5 [dim]# for ui.perfetto.dev[/dim]

vmalab trace --folded --seconds 5 [dim]# where time is spent waiting, for flame graphs[/dim]

vmalab trace --from-dead --instance lab [dim]# what a killed instance did last[/dim][/dim]
"""


@contextmanager
def _until_interrupted() -> Iterator[list[int]]:
    """SIGINT ends the reading, not the command: what was read is shown. Filled when it comes."""
    came: list[int] = []
    if threading.current_thread() is not threading.main_thread():
        yield came
        return
    before = signal.signal(signal.SIGINT, lambda number, frame: came.append(number))
    try:
        yield came
    finally:
        signal.signal(signal.SIGINT, before)


@contextmanager
def _place(path: Path) -> Iterator[Path]:
    """Where to write what is to be at `path`: beside it, and moved there when it is whole. Fails
    before anything is done if that place cannot be written to."""
    direct = path.exists() and not path.is_file()  # a device, a pipe
    new = path if direct else path.with_name(f".{path.name}.{os.getpid()}.new")
    try:
        if not direct:
            new.write_bytes(b"")
        yield new
        if not direct:
            os.replace(new, path)
    except OSError as error:
        fail(f"{path}: {error.strerror}", USAGE)
    finally:
        if not direct:
            new.unlink(missing_ok=True)


def _recorded(instance: str, seconds: float, *, from_dead: bool) -> Recording:
    """Raises UsageError, and what opening and reading a segment's file raises."""
    from vmalab_cli.sources import choose_instance
    from vmalab_drive.errors import UsageError
    from vmalab_events.recording import record
    from vmalab_native.segment_file import SegmentFile

    with SegmentFile.open(choose_instance(instance)) as file:
        if file.config("events_off"):
            raise UsageError(
                f"instance {file.instance!r} keeps no events: it was started with --events off"
            )
        if from_dead and file.anybody_lives():
            raise UsageError(
                f"a process of instance {file.instance!r} is alive: leave --from-dead out"
            )
        with _until_interrupted() as interrupted:
            return record(file, seconds, lambda: bool(interrupted))


def _facts(recording: Recording, last: int) -> dict[str, Any]:
    from vmalab_events.recording import op_name
    from vmalab_native.waiting import tree_row

    rows = []
    for track in recording.tracks:
        row = dataclasses.asdict(track)
        row["events"] = [
            dataclasses.asdict(event) | {"op": op_name(event.op)} for event in track.events[-last:]
        ]
        row["op"] = op_name(track.op) if track.op else ""
        row["waits"] = {lock: waits._asdict() for lock, waits in track.waits.items()}
        rows.append(row)
    return {
        "instance": recording.instance,
        "lock_model": recording.model,
        "begin_ns": recording.begin_ns,
        "end_ns": recording.end_ns,
        "participants": rows,
        "trees": [tree_row(tree) for tree in recording.trees],
    }


def _write(path: Path, look: Callable[[], Recording], *, as_json: bool) -> None:
    """Raises what look() raises."""
    from vmalab_events import perfetto

    with _place(path) as place:
        recording = look()
        place.write_bytes(perfetto.trace_bytes(recording))
    shown = [recording.shown(track) for track in recording.tracks]
    facts = {
        "perfetto": str(path),
        "participants": sum(map(bool, shown)),
        "events": sum(map(len, shown)),
        "lost": sum(track.lost for track in recording.tracks),
    }
    text = (
        f"{path}: {facts['events']} events of {facts['participants']} participants; open it at"
        " ui.perfetto.dev"
    )
    if facts["lost"]:
        text += f"\n{facts['lost']} events were overwritten before they were read"
    show(facts, text, as_json=as_json)


def trace(
    perfetto: Annotated[
        Path | None,
        typer.Option("--perfetto", help="Write a trace for ui.perfetto.dev to this file."),
    ] = None,
    folded: Annotated[
        bool,
        typer.Option("--folded", help="Print folded stacks of waiting, in us, for flame graphs."),
    ] = False,
    seconds: Annotated[
        float | None,
        typer.Option(
            help="How long to read the rings; 0: what they hold now. Default: 5 with --perfetto or"
            " --folded, else 0.",
        ),
    ] = None,
    from_dead: Annotated[
        bool,
        typer.Option("--from-dead", help="Of an instance all of whose processes were killed."),
    ] = False,
    last: Annotated[
        int, typer.Option(min=1, help="Events of each participant in text and JSON.")
    ] = 20,
    instance: Instance = "",
    target: NoTarget = "",
    as_json: AsJson = False,
) -> None:
    """Show what each process did last: calls, locks, waits; and who waits for whom.

    Each participant keeps its last 512 events in the memory of the instance, also when it is
    killed. Needs no server.
    """
    local_only(target, "trace", "the events of a thread")
    if perfetto is not None and folded:
        fail("--perfetto and --folded exclude each other", USAGE)
    if from_dead and seconds:
        fail("--from-dead reads once: leave --seconds out", USAGE)
    if seconds is not None and not 0 <= seconds <= SECONDS_MAX:
        fail(f"--seconds {seconds:g}: allowed are 0 .. {SECONDS_MAX:g}", USAGE)
    from vmalab_native.errors import SegmentMissing

    wanted = _SECONDS if (perfetto is not None or folded) and not from_dead else 0.0

    def look() -> Recording:
        try:
            return _recorded(instance, wanted if seconds is None else seconds, from_dead=from_dead)
        except SegmentMissing as error:
            fail(str(error), USAGE)

    if perfetto is not None:
        _write(perfetto, lambda: guarded(look), as_json=as_json)
        return
    recording = guarded(look)
    if folded:
        from vmalab_events import folded as stacks

        lines = stacks.lines(recording)
        if not lines and not as_json:
            typer.echo("vmalab: nobody waited for half a us meanwhile: no stack", err=True)
            return
        show({"stacks": lines}, "\n".join(lines), as_json=as_json)
    else:
        from vmalab_events import listing

        show(_facts(recording, last), listing.text(recording, last), as_json=as_json)


def register(app: typer.Typer) -> None:
    app.command(rich_help_panel=LOOK, epilog=EXAMPLES)(trace)
