# SPDX-License-Identifier: Apache-2.0
"""Segments that a command makes for itself go with the command, however that ends.

A command that ends by itself, or by a signal that it can meet, removes its segment. For the other
ends there are two ways. A guard waits for the end of the command and removes the file: a shell in a
session of its own, which no terminal and no kill of the command's group reaches. Where the guard
was killed too, the next command that makes a segment removes what nobody uses any more.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from vmalab_native import checks
from vmalab_native.errors import NativeError
from vmalab_server import supervised

PREFIX: Final = "loadgen"
_NAME: Final = re.compile(PREFIX + r"-(\d+)-[0-9a-f]+")
_GUARD: Final = "trap '' HUP INT QUIT TERM; read -r _; rm -f -- \"$1\""


def path_of(instance: str) -> Path:
    return checks.SHM_DIRECTORY / f"{checks.SHM_PREFIX}{instance}"


def is_of_a_command(instance: str) -> bool:
    """Whether a command made the instance for itself, and no server."""
    return _NAME.fullmatch(instance) is not None


@contextmanager
def guarded(instance: str) -> Iterator[None]:
    """In the block the segment is removed when this process dies.

    The lock of its supervisor says to others that the segment is not left behind.
    """
    lock = supervised.take(path_of(instance))
    guard = None
    try:
        with suppress(OSError):  # without a shell it is the next command that removes the file
            guard = subprocess.Popen(
                ["/bin/sh", "-c", _GUARD, "sh", str(path_of(instance))],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )
        yield
    finally:
        if guard is not None:
            guard.kill()
            guard.wait()
            if guard.stdin is not None:
                guard.stdin.close()
        if lock >= 0:
            os.close(lock)


def remove() -> list[str]:
    """Remove the segments of commands that are dead, and that nobody else uses; their names."""
    return [one for one in checks.instances() if _removed(one)]


def _removed(instance: str) -> bool:
    found = _NAME.fullmatch(instance)
    if found is None or Path("/proc", found[1]).exists():  # it may not have its lock yet
        return False
    try:
        lock = supervised.take(path_of(instance))
    except OSError:  # gone meanwhile, or another user's
        return False
    if lock < 0:
        return False
    try:
        if _used(instance):
            return False
        path_of(instance).unlink(missing_ok=True)
        return True
    finally:
        os.close(lock)


def _used(instance: str) -> bool:
    """Whether a living process is in the segment, as far as it can be read."""
    from vmalab_native.segment_file import SegmentFile
    from vmalab_native.view import SegmentView

    try:
        with SegmentFile.open(instance, build=False) as file:
            return any(row.alive for row in SegmentView(file).participants())
    except NativeError:
        return False
