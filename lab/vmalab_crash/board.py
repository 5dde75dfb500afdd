# SPDX-License-Identifier: Apache-2.0
"""The page on which the processes of a run say how far they are, and read what they shall do.

One row for each participant, written by that one alone but for `command`. It is memory of the
harness, not of the segment: what is in it says nothing that the segment would have to say.
"""

from __future__ import annotations

import mmap
import os
from contextlib import suppress
from enum import IntEnum
from typing import Final, Self

import numpy as np
import numpy.typing as npt

ROWS_MAX: Final = 512
SHARED: Final = 12
"""Address spaces that all processes share."""
FILES: Final = 4
"""Files that all processes share."""

HEAD = np.dtype(
    [
        ("turn", np.uint64),  # number of the burst
        ("epoch", np.uint64),  # number of the proof that is asked for
        ("full", np.uint64),  # odd: calls may fail for want of room
        ("mms", np.uint64, SHARED),
        ("files", np.uint64, FILES),
    ]
)
ROW = np.dtype(
    [
        ("pid", np.uint32),
        ("slot", np.uint32),  # participant index + 1
        ("state", np.uint32),
        ("command", np.uint32),
        ("doing", np.uint32),
        ("recovering", np.uint32),
        ("blocks", np.uint64),
        ("ops", np.uint64),
        ("proved", np.uint64),
        ("turn", np.uint64),  # burst to which gap_ns belongs
        ("gap_ns", np.uint64),  # longest time between two operations that ended
        ("checked", np.uint64),  # words that were compared
        ("corrupt", np.uint64),
        ("refused", np.uint64),
        ("note", "S200"),  # the first wrong thing
    ]
)
HEAD_BYTES: Final = 4096
Rows = npt.NDArray[np.void]
"""Of HEAD or ROW."""


class State(IntEnum):
    """How far a process is."""

    STARTING = 0
    RUNNING = 1
    FULL = 2
    LEFT = 3


class Command(IntEnum):
    """What it shall do."""

    RUN = 0
    LEAVE = 1
    FILL_FRAMES = 2
    FILL_PAGES = 3
    FILL_VMAS = 4
    FILL_MMS = 5
    FILL_FILES = 6


class Doing(IntEnum):
    """What it does, for the report about one that hangs."""

    JOIN = 0
    CHURN = 1
    FORKS = 2
    USERFAULTFD = 3
    RWSEM = 4
    RCU = 5
    PROOF = 6
    FILL = 7
    LEAVE = 8
    RECOVER = 9
    WAIT = 10
    FSCK = 11


class Board:
    """Shared memory of the harness; a forked child has it too."""

    def __init__(self, fd: int) -> None:
        self.fd = fd
        self._map = mmap.mmap(fd, HEAD_BYTES + ROWS_MAX * ROW.itemsize)
        self.head: Rows = np.frombuffer(self._map, HEAD, 1)[0:1]
        self.rows: Rows = np.frombuffer(self._map, ROW, ROWS_MAX, HEAD_BYTES)

    @classmethod
    def make(cls) -> Self:
        fd = os.memfd_create("vmalab-crash")
        os.ftruncate(fd, HEAD_BYTES + ROWS_MAX * ROW.itemsize)
        return cls(fd)

    def clear(self) -> None:
        """Before a segment's processes are started."""
        self.head[:] = np.zeros(1, HEAD)
        self.rows[:] = np.zeros(ROWS_MAX, ROW)

    def close(self) -> None:
        del self.head, self.rows
        with suppress(BufferError):  # somebody holds a row still
            self._map.close()
        os.close(self.fd)
