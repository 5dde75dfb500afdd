# SPDX-License-Identifier: Apache-2.0
"""A campaign under way: a bar on a terminal, lines in a pipe, both on standard error."""

from __future__ import annotations

import sys

from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from vmalab_cli import progress
from vmalab_drive import report


class Shown:
    """How far it is.

    Args:
        planned: runs in all.
        done: of them, those that were done before.
        failed: of these, those that have failed.
    """

    def __init__(self, planned: int, done: int, failed: int) -> None:
        self._planned, self._done, self._failed = planned, done, failed
        self._line = progress.Progress()
        self._bar: Progress | None = None
        if sys.stderr.isatty():
            self._bar = Progress(
                TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(),
                TimeElapsedColumn(), TextColumn("left"), TimeRemainingColumn(),
                console=report.error_console(),
            )  # fmt: skip
            self._task = self._bar.add_task(self._text(), total=planned, completed=done)
            self._bar.start()

    def _text(self) -> str:
        return f"runs, {self._failed} failed" if self._failed else "runs"

    def over(self, name: str, reason: str) -> None:
        """A run is over. reason: why it has failed; "": it is good."""
        self._done += 1
        if reason:
            self._failed += 1
            self.say(f"{name}: {reason}")
        if self._bar is not None:
            self._bar.update(self._task, completed=self._done, description=self._text())
        else:
            self._line(f"{self._done}/{self._planned} runs, {self._failed} failed")

    def say(self, text: str) -> None:
        """Something that happened, a line of its own."""
        if self._bar is not None:
            self._bar.console.print(text)
        else:
            print(text, file=sys.stderr, flush=True)

    def end(self) -> None:
        if self._bar is not None:
            self._bar.stop()
        self._line.end()
