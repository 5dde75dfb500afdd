# SPDX-License-Identifier: Apache-2.0
"""The lock that says that an instance has a supervisor.

It lies on a byte of the segment's file, behind all data, and belongs to an open file description of
the supervisor alone: the kernel takes it away at its death, and shows every process, in whatever
pid namespace, whether it is held. Asking does not disturb who takes it.
"""

from __future__ import annotations

import fcntl
import os
import struct
from pathlib import Path

LOCK_BYTE = 1 << 41
"""Beyond the locks of the participants (native/src/segment/life.c)."""

_FLOCK = "hhqqi4x"


def _flock(kind: int) -> bytes:
    return struct.pack(_FLOCK, kind, os.SEEK_SET, LOCK_BYTE, 1, 0)


def take(path: Path) -> int:
    """Become the supervisor of the segment in that file.

    Returns:
        The descriptor that has the lock until it is closed, -1 if somebody else has it.

    Raises:
        OSError: the file cannot be opened.
    """
    fd = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    try:
        fcntl.fcntl(fd, fcntl.F_OFD_SETLK, _flock(fcntl.F_WRLCK))
    except BlockingIOError:
        os.close(fd)
        return -1
    except OSError:
        os.close(fd)
        raise
    return fd


def is_supervised(path: Path) -> bool:
    """Whether a living process has the lock; False also when the file is not there."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        answer = fcntl.fcntl(fd, fcntl.F_OFD_GETLK, _flock(fcntl.F_WRLCK))
    finally:
        os.close(fd)
    return bool(struct.unpack(_FLOCK, answer)[0] != fcntl.F_UNLCK)
