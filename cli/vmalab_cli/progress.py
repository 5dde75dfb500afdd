# SPDX-License-Identifier: Apache-2.0
"""What a command says while it works: a line that is written over on a terminal, lines in a pipe.

It goes to standard error, so that what a program reads from standard output stays whole. A line on
a terminal is cut to its width. In a pipe there is one line every ten seconds.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

EVERY_S: Final = 10.0
TICK_S: Final = 0.5


class Progress:
    """One line of progress.

    Args:
        lines: lines on a terminal too, because a program that was started writes there.
        now: the time in seconds.
    """

    def __init__(self, *, lines: bool = False, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._said = now()
        self._over = sys.stderr.isatty() and not lines
        self._written = False

    def __call__(self, text: str) -> None:
        if self._over:
            width = _columns() - 1
            print(f"\r{text[:width]:<{width}s}", end="", file=sys.stderr, flush=True)
            self._written = True
        elif self._now() - self._said >= EVERY_S:
            self._said = self._now()
            print(text, file=sys.stderr, flush=True)

    def end(self) -> None:
        """Takes the line away, so that what comes next stands alone."""
        if self._written:
            print(f"\r{'':<{_columns() - 1}s}\r", end="", file=sys.stderr, flush=True)
            self._written = False


def _columns() -> int:
    try:
        return max(20, os.get_terminal_size(sys.stderr.fileno()).columns)
    except OSError:
        return 80


@contextmanager
def watching(text: str, *, lines: bool = False) -> Iterator[None]:
    """Says what is under way and for how long, while something runs that says nothing itself.

    No process may be forked meanwhile: a thread of this one is at work.
    """
    done = threading.Event()
    said = Progress(lines=lines)
    begun = time.monotonic()

    def watch() -> None:
        while not done.wait(TICK_S):
            said(f"{text}, {time.monotonic() - begun:.0f} s")

    said(f"{text}, 0 s")  # also of what is done before the first tick
    thread = threading.Thread(target=watch, name="progress", daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()
        said.end()
