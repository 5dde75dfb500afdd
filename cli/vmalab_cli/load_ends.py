# SPDX-License-Identifier: Apache-2.0
"""What `vmalab load` and its jobs have in common: before the load, and after it."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from vmalab_cli import common

if TYPE_CHECKING:
    from vmalab_cli.load_live import Shown
    from vmalab_loadgen.result import LoadResult


def check_instance(given: Mapping[str, Any]) -> str:
    """How faults find their VMAs; ends the command if the options of the instance are wrong."""
    others = given["target"] or given["instance"] or ", ".join(given["agent"] or [])
    common.check_core(given["model"], given["layout"], others=others)
    lookup = common.lookup_in(given["lookup"], others=others)
    common.check_pkeys(given["pkeys"], "machine", "on", "off")
    if given["pkeys"] != "machine" and others:
        common.fail(f"--pkeys is for an instance started here, not for {others}", common.USAGE)
    return lookup


def writable(*names: str) -> None:
    """Ends the command before the load if a file cannot be made after it."""
    for name in names:
        if name and not Path(name).absolute().parent.is_dir():
            common.fail(f"{name}: there is no folder {Path(name).parent}", common.USAGE)
        if name and Path(name).is_dir():
            common.fail(f"{name}: this is a folder; --csv, --hdr, --html need a file", common.USAGE)


def write_text(name: str, text: Callable[[], str]) -> None:
    """A file that was asked for; "": it was not."""
    if not name:
        return
    try:
        Path(name).write_text(text(), encoding="utf-8")
    except OSError as error:
        common.fail(f"{name}: {error.strerror}")


def say_verdicts(result: LoadResult, where: str = "") -> None:
    """The thresholds that were not kept."""
    for verdict in result.verdicts:
        if not verdict.passed:
            value = "no value" if verdict.value is None else f"{verdict.value:.6g}"
            text = f"vmalab: {where}threshold {verdict.text} was not kept: {value}"
            typer.echo(text, err=True)


@contextmanager
def said(shown: Shown) -> Iterator[None]:
    """Says so when a signal ends the load in the block, and there will be no report."""
    try:
        yield
    except SystemExit as ended:
        shown.end()
        if isinstance(ended.code, int) and ended.code > 128:
            name = signal.Signals(ended.code - 128).name
            when = "while its report was made" if shown.begun else "before it began"
            typer.echo(f"vmalab: {name} ended the load {when}: there is no report", err=True)
        raise


def exit_with(ended_by: str, *, good: bool) -> None:
    """End the command if something ended it, or was not good."""
    if ended_by:
        raise typer.Exit(128 + signal.Signals[ended_by])
    if not good:
        raise typer.Exit(common.FAILED)
