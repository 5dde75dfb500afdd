# SPDX-License-Identifier: Apache-2.0
"""The command's root: which commands there are, and how an unexpected error looks.

A command's module is imported when that command is called, and all of them for `vmalab --help`.
"""

from __future__ import annotations

import errno
import importlib
import math
import os
import sys
from collections.abc import Mapping
from typing import Annotated, Any, Final

import typer
from typer.core import TyperGroup

COMMANDS: Final[Mapping[str, str]] = {
    "serve": "serve",
    "record": "traces",
    "replay": "traces",
    "load": "load",
    "campaign": "campaign",
    "diff": "diff",
    "lin": "lin",
    "crash": "crash",
    "bench": "bench",
    "race": "race",
    "scale": "scale_real",
    "ps": "inspect",
    "maps": "inspect",
    "slabinfo": "inspect",
    "vmstat": "inspect",
    "locks": "inspect",
    "trace": "events",
    "layout": "inspect",
    "fsck": "inspect",
    "top": "top",
    "protos": "protos",
}
"""Each command, and the module beside this one that registers it."""

EXTRAS: Final[Mapping[str, str]] = {
    "dask": "campaign",
    "distributed": "campaign",
    "matplotlib": "plots",
    "numpy": "lab",
    "perfetto": "trace",
    "textual": "top",
}
"""What is not installed with the package alone, and the extra that brings it."""

HELP = (
    "The Linux kernel's per-VMA locking, run for real between processes, in user space.\n\n"
    "An [bold]instance[/bold] is one shared-memory segment with a server in front of it. Its"
    " address spaces are used over gRPC, or by processes that map the segment themselves."
)

EPILOG = """\
[bold]First steps[/bold]

vmalab serve [dim]# a server on 127.0.0.1:7420, with 2 workers; Ctrl-C stops it[/dim]

vmalab ps [dim]# in another terminal: what runs, and its address spaces[/dim]

vmalab load --target 127.0.0.1:7420 --duration 5 [dim]# give it work[/dim]

vmalab vmstat; vmalab slabinfo; vmalab fsck [dim]# what it did, and whether all is well[/dim]

vmalab record -o trace -- ls; vmalab replay trace [dim]# a real program, compared call by call[/dim]

[bold]Everywhere[/bold]: --json prints facts for programs. Exit code 0 good, 1 check failed, 2 bad usage, 128+N ended by signal N.
"""  # noqa: E501 - a line of help is one line, rich wraps it


class _Finite:
    """A type of an option that refuses nan and inf, else as it was."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def __call__(self, value: Any, param: Any = None, ctx: Any = None) -> Any:
        return None if value is None else self.convert(value, param, ctx)

    def convert(self, value: Any, param: Any, ctx: Any) -> Any:
        number = self._inner.convert(value, param, ctx)
        if not math.isfinite(number):
            self._inner.fail(f"{value!r}: give a finite number", param, ctx)
        return number


class Commands(TyperGroup):
    """Finds a command by its name, and imports no other.

    Any: typer has click's classes in a module of its own or from click, as its version is.
    """

    def list_commands(self, ctx: Any) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"vmalab_cli.{COMMANDS[cmd_name]}")
        part = typer.Typer(rich_markup_mode="rich")
        part.callback()(_nothing)
        module.register(part)
        return _finite(typer.main.get_group(part).commands[cmd_name])


def _finite(command: Any) -> Any:
    """The command, whose numbers are numbers: nan passes all bounds, and inf most."""
    for one in getattr(command, "commands", {}).values():
        _finite(one)
    for param in command.params:
        if param.type.name in ("float", "float range"):
            param.type = _Finite(param.type)
    return command


def _nothing() -> None:
    """A group stays one, also with a single command."""


app = typer.Typer(
    name="vmalab",
    cls=Commands,
    help=HELP,
    epilog=EPILOG,
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _show_version(wanted: bool) -> None:
    if wanted:
        from vmalab_server import version

        typer.echo(f"vmalab {version()}")
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version."),
    ] = False,
) -> None:
    """Holds the options that stand before a command."""


def run() -> None:
    """Run the command line."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:  # it was closed before: what is said goes nowhere
            setattr(sys, name, open(os.devnull, "w"))  # noqa: SIM115 - for as long as this lives
    try:
        app(prog_name="vmalab")
    except BrokenPipeError:
        sys.stderr.close()  # the reader of our output has gone; nobody is left to tell
        sys.exit(1)
    except OSError as error:
        if error.errno != errno.ENOSPC or error.filename:
            raise
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # for what is still in it
        typer.echo(f"vmalab: standard output: {error.strerror}", err=True)
        sys.exit(1)
    except ModuleNotFoundError as error:
        extra = EXTRAS.get((error.name or "").split(".")[0])
        if extra is None:
            raise
        text = f"this needs {error.name}, which comes with: pip install 'vmalab[{extra}]'"
        text += "; in the source tree `make setup` installs it"
        typer.echo(f"vmalab: {text}", err=True)
        sys.exit(2)
    except Exception as error:
        if _is_expected(error):
            typer.echo(f"vmalab: {' '.join(str(error).split())}", err=True)
            sys.exit(getattr(error, "exit_code", 2))
        raise


def _is_expected(error: Exception) -> bool:
    """Whether an error is one that its one line explains."""
    names = {f"{kind.__module__.split('.')[0]}.{kind.__name__}" for kind in type(error).__mro__}
    return bool(
        names
        & {
            *("vmalab_client.VmalabError", "vmalab_drive.CommandError"),
            *("vmalab_native.NativeError", "vmalab_server.ConfigError"),
        }
    )
