# SPDX-License-Identifier: Apache-2.0
"""A command that has to end ends cleanly: what it started is stopped, what it made is removed.

SIGTERM, SIGHUP and SIGINT unwind the stack (SystemExit with 128 and the number, as a shell counts);
for PATIENCE_S after that, further ones are ignored. What must not be torn in two, such as making a
segment and noting that it has to be removed, stands in `held()`. A signal is noticed between two
steps of Python; `breaking()` is for a long call of C, which has to be made to return.
"""

from __future__ import annotations

import contextlib
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Final

ENDING: Final = (signal.SIGTERM, signal.SIGHUP, signal.SIGINT)


PATIENCE_S: Final = 30.0
"""So long nothing disturbs what is done at the end. A later signal unwinds again: what stood in the
way then was somebody who swallows SystemExit."""


class _State:
    held = 0
    pending = 0
    ended_by = 0
    ended_at = 0.0


_state = _State()


def _end(number: int, frame: FrameType | None) -> None:
    if _state.held:
        _state.pending = number
        return
    now = time.monotonic()
    if _state.ended_by and now - _state.ended_at < PATIENCE_S:
        return
    _state.ended_by, _state.ended_at = number, now
    raise SystemExit(128 + number)


@contextlib.contextmanager
def orderly() -> Iterator[None]:
    """In the block a signal unwinds the stack. One that was ignored before stays so (nohup)."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.getsignal(number) for number in ENDING}
    ours = [number for number, how in before.items() if how not in (signal.SIG_IGN, _end)]
    for number in ours:
        signal.signal(number, _end)
    try:
        yield
    except Exception:
        if _state.ended_by:  # Python turns SystemExit into another error in some places
            raise SystemExit(128 + _state.ended_by) from None
        raise
    finally:
        # Told to end and unwound: what is left is the interpreter's own end, in which Python takes
        # its handlers away; a further signal must not tear that.
        for number in ours:
            if signal.getsignal(number) is _end:
                signal.signal(number, signal.SIG_IGN if _state.ended_by else before[number])


@contextlib.contextmanager
def held() -> Iterator[None]:
    """A signal that comes in the block ends the command after it."""
    _state.held += 1
    try:
        yield
    finally:
        _state.held -= 1
        if _state.pending and not _state.held:
            number, _state.pending = _state.pending, 0
            _end(number, None)


@contextlib.contextmanager
def breaking(action: Callable[[], object]) -> Iterator[None]:
    """A signal that comes in the block runs the action at once, in a thread: it makes a call of C
    return in which the main thread is, which then meets the signal."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    before = signal.set_wakeup_fd(writer)

    def watch() -> None:
        while number := os.read(reader, 1):
            if number[0] in ENDING:
                action()

    watcher = threading.Thread(target=watch, name="signals", daemon=True)
    watcher.start()
    try:
        yield
    finally:
        signal.set_wakeup_fd(before)
        os.close(writer)
        watcher.join()
        os.close(reader)


def to_children() -> None:
    """In a process that was forked: signals do what they do to any program."""
    signal.set_wakeup_fd(-1)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the parent, who ends us


@contextlib.contextmanager
def not_to_children() -> Iterator[None]:
    """A process that is started in the block never sees Ctrl-C, not even while it starts: the
    terminal sends it to all of them, and the parent ends what it started."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
