# SPDX-License-Identifier: Apache-2.0
"""What all commands share: exit codes, options, how errors end a command, what is printed.

Exit codes: 0 good, 1 the check failed (or the server did not come up), 2 bad usage, 3 the segment
of the served instance broke (supervisor.py: EXIT_BROKEN), 128 and the number of the signal that
ended it (a server that has come up: 0). Nothing heavy is imported here: what a command needs is
imported when it runs.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from typing import Annotated, Any, NoReturn, TypeVar

import typer

GOOD, FAILED, USAGE, BROKEN = 0, 1, 2, 3

SERVE = "Serve"
WORK = "Give it work"
LOOK = "Look inside a running instance (or what a killed one left)"
"""The panels of `vmalab --help`."""

Json = Annotated[bool, typer.Option("--json", help="Print one JSON object instead of tables.")]
TargetOption = Annotated[
    str, typer.Option("--target", help="Server, host:port; default: one is started for this run.")
]
InstanceOption = Annotated[
    str, typer.Option("--instance", help="Instance on this machine, for --mode attach.")
]
ModelOption = Annotated[
    str,
    typer.Option(
        "--model", help="Lock model of the instance that is started; vmalab layout --list."
    ),
]
LayoutOption = Annotated[
    str,
    typer.Option("--layout", help="Layout of vm_area_struct in that instance, or a FILE.toml."),
]


def check_slab() -> None:
    """Ends with one line unless VMALAB_SLAB is what instances of this run can be made with."""
    from vmalab_native import slab
    from vmalab_native.errors import InvalidArgument

    try:
        slab.default()
    except InvalidArgument as error:
        fail(f"VMALAB_SLAB: {error.detail}", USAGE)


def _use_lookup(given: str) -> str:
    """What instances of this run are made with, also in its child processes."""
    from vmalab_native import cores
    from vmalab_native.errors import InvalidArgument

    check_slab()
    if given:
        os.environ["VMALAB_LOOKUP"] = given
    try:
        cores.default_lookup()
    except InvalidArgument as error:
        fail(f"--lookup {given}: {error.detail}", USAGE)
    return given


def lookup_in(lookup: str, *, others: str = "") -> str:
    """How faults find VMAs in the instance of this run; "": it is somebody else's.

    Ends the command if --lookup was given for one that was not started here.

    Args:
        lookup: what the option has.
        others: target or instance that the user named.
    """
    from vmalab_native import cores

    if others and lookup:
        fail(f"--lookup is for an instance started here, not for {others}", USAGE)
    return "" if others else cores.default_lookup()


LookupOption = Annotated[
    str,
    typer.Option(
        "--lookup",
        callback=_use_lookup,
        show_default="walk",
        help="How a fault finds its VMA in that instance: walk (of the tree, as the kernel does), "
        "or cache (lookups that each participant keeps).",
    ),
]
NoTarget = Annotated[str, typer.Option("--target", "-t", hidden=True)]
"""Of a command that only looks into memory: it is there to say so (`local_only`)."""
PkeysOption = Annotated[
    str,
    typer.Option(
        "--pkeys",
        help="Protection keys of the emulated processor: machine (as this one), on or off.",
    ),
]

_T = TypeVar("_T")


def fail(message: str, code: int = FAILED) -> NoReturn:
    """End the command: one line on standard error, and the exit code."""
    typer.echo(f"vmalab: {message}", err=True)
    raise typer.Exit(code)


def guarded(action: Callable[[], _T], *, asked: tuple[type[Exception], ...] = ()) -> _T:
    """Run an action; an error that its text explains becomes one line, not a traceback.

    Args:
        asked: errors that mean that what was asked for cannot be done: exit code 2.
    """
    from vmalab_drive.errors import CommandError

    try:
        return action()
    except asked as error:
        fail(getattr(error, "detail", str(error)), USAGE)
    except CommandError as error:
        fail(str(error), error.exit_code)
    except typer.Exit:
        raise
    except Exception as error:
        if type(error).__module__.startswith(("vmalab_native", "vmalab_server", "vmalab_client")):
            fail(str(error))
        raise


def check_core(model: str, layout: str, *, others: str) -> None:
    """Ends with one line unless an instance with this lock model and layout can be started here.

    Args:
        others: target or instance that the user named; what it was made with stands.
    """
    from vmalab_native import cores
    from vmalab_native.errors import InvalidArgument

    if others and (model or layout):
        fail(f"--model and --layout are for an instance started here, not for {others}", USAGE)
    if others:
        return
    check_slab()
    try:
        cores.check(model or cores.default_model(), layout or cores.default_layout())
    except InvalidArgument as error:
        fail(error.detail, USAGE)


def local_only(target: str, command: str, what: str) -> None:
    """Ends with one line if a server was asked for.

    Args:
        what: the part of what the command shows that no server answers.
    """
    if target:
        fail(
            f"--target {target}: `vmalab {command}` reads the memory of instances on this machine,"
            f" because no server answers {what}: run it where the server runs. ps, vmstat, locks,"
            " slabinfo and maps take --target",
            USAGE,
        )


def check_pkeys(given: str, *allowed: str) -> None:
    """Ends with one line unless --pkeys is one of `allowed`."""
    if given not in allowed:
        fail(f"--pkeys {given}: give {', '.join(allowed[:-1])} or {allowed[-1]}", USAGE)


def show(value: Mapping[str, Any], text: str, *, as_json: bool) -> None:
    """One JSON object, or the same as text."""
    typer.echo(json.dumps(value, indent=2) if as_json else text)
