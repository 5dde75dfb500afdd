# SPDX-License-Identifier: Apache-2.0
"""Looking at many instances, each in a process of its own.

An instance may be broken in any way: a look at it may abort, or never come back. That is a line of
its own, and the others are shown all the same.
"""

from __future__ import annotations

import contextlib
import json
import os
import resource
import select
import signal
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from vmalab_native import signals

PATIENCE_S: Final = 60.0


@dataclass(slots=True)
class _Look:
    name: str
    pid: int
    pipe: int
    said: bytes = b""
    over: bool = False


def each(
    names: Sequence[str],
    look: Callable[[str], dict[str, Any]],
    *,
    patience_s: float = 0.0,
) -> list[dict[str, Any]]:
    """look(name) of every instance, in order; a row with "error" where it came to nothing.

    Args:
        look: gives what JSON can hold; runs in a forked process, so there must be no threads.
        patience_s: what takes longer does not answer; 0: PATIENCE_S.
    """
    looks: list[_Look] = []
    patience_s = patience_s or PATIENCE_S
    sys.stdout.flush()
    sys.stderr.flush()
    try:
        for name in names:
            with signals.held():
                looks.append(_begun(name, look))
        _heard(looks, patience_s)
        return [_row(one, patience_s) for one in looks]
    finally:
        for one in looks:
            with contextlib.suppress(ChildProcessError, ProcessLookupError):
                os.kill(one.pid, signal.SIGKILL)
                os.waitpid(one.pid, 0)
            os.close(one.pipe)


def _begun(name: str, look: Callable[[str], dict[str, Any]]) -> _Look:
    reader, writer = os.pipe()
    pid = os.fork()
    if pid:
        os.close(writer)
        return _Look(name, pid, reader)
    try:
        signals.to_children()
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        os.dup2(os.open(os.devnull, os.O_WRONLY), 2)  # what it says as it dies is for nobody
        with os.fdopen(writer, "w") as pipe:
            json.dump(look(name), pipe)
    finally:
        os._exit(0)


def _heard(looks: list[_Look], patience_s: float) -> None:
    """Read what they say, until all have ended or the patience is over."""
    deadline = time.monotonic() + patience_s
    open_ = {one.pipe: one for one in looks}
    while open_ and (left := deadline - time.monotonic()) > 0:
        for pipe in select.select(list(open_), [], [], left)[0]:
            chunk = os.read(pipe, 1 << 16)
            open_[pipe].said += chunk
            if not chunk:
                open_.pop(pipe).over = True


def _row(one: _Look, patience_s: float) -> dict[str, Any]:
    if not one.over:
        return {"instance": one.name, "error": f"it does not answer within {patience_s:g} s"}
    try:
        row: dict[str, Any] = json.loads(one.said)
    except ValueError:
        why = "it cannot be looked at: the look at it was aborted (vmalab fsck may say why)"
        return {"instance": one.name, "error": why}
    return row
