# SPDX-License-Identifier: Apache-2.0
"""The command's root: what is there, how errors look, exit codes.

Exit codes: 0 good, 1 the check failed (or the server did not come up), 2 bad usage, 128 and the
number of the signal that ended it (a server that has come up: 0). What a command needs is imported
when it runs, so that `vmalab --help` is quick.
"""

from __future__ import annotations

import sys
from typing import Annotated

import typer

SERVE = "Serve"
WORK = "Give it work"
LOOK = "Look inside a running instance (or what a killed one left)"

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

app = typer.Typer(
    name="vmalab",
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


def fail(message: str, *, code: int = 2) -> typer.Exit:
    """Say what is wrong in one line; raise what is returned."""
    typer.echo(f"vmalab: {message}", err=True)
    return typer.Exit(code)


def _register() -> None:
    from vmalab_loadgen.cli import register
    from vmalab_server.cli import inspect, serve

    serve.register(app)
    register(app)
    for command in app.registered_commands:
        if not isinstance(command.rich_help_panel, str):
            command.rich_help_panel = WORK
    for group in app.registered_groups:
        group.rich_help_panel = WORK
    inspect.register(app)


def run() -> None:
    """Run the command line."""
    _register()
    try:
        app(prog_name="vmalab")
    except BrokenPipeError:
        sys.stderr.close()  # the reader of our output has gone; nobody is left to tell
        sys.exit(1)
    except Exception as error:
        if _is_expected(error):
            typer.echo(f"vmalab: {' '.join(str(error).split())}", err=True)
            sys.exit(2)
        raise


def _is_expected(error: Exception) -> bool:
    """Whether an error is one that its one line explains."""
    names = {f"{kind.__module__.split('.')[0]}.{kind.__name__}" for kind in type(error).__mro__}
    return bool(
        names
        & {"vmalab_client.VmalabError", "vmalab_native.NativeError", "vmalab_server.ConfigError"}
    )
