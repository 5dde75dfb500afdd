# SPDX-License-Identifier: Apache-2.0
"""What a worker does beside its calls: memory goes back, calls that send nothing end."""

from __future__ import annotations

import contextlib
import ctypes
import os
import threading
import time
from collections.abc import Callable

LOOK_S = 1.0
TRIM_BYTES = 32 << 20
"""So much more memory than after the last time is worth looking for what is free."""
_PAGE = os.sysconf("SC_PAGE_SIZE")


def resident_bytes() -> int:
    """Memory of this process."""
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * _PAGE


class Upkeep:
    """A thread that looks once a second.

    The allocator keeps what messages needed (workers.py asks it to), which is right while they
    come. When none has come for two looks, it gives back what is free.

    Attributes:
        bytes_seen: of requests; a sign of life, not a statistic, so nobody locks it.
        awaited: unary calls whose request has not come: until when, and what ends them.
    """

    def __init__(self) -> None:
        self.bytes_seen = 0
        self.awaited: dict[int, tuple[float, Callable[[], object]]] = {}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._look, name="upkeep", daemon=True)
        self._trim: Callable[[int], int] = getattr(
            ctypes.CDLL(None), "malloc_trim", lambda _: 0
        )  # glibc's

    def start(self) -> None:
        self._thread.start()

    def _look(self) -> None:
        seen, resident = -1, 0
        while not self._stop.wait(LOOK_S):
            self._end_late(time.monotonic())
            quiet = seen == self.bytes_seen
            seen = self.bytes_seen
            if not resident:
                resident = resident_bytes()
            elif quiet and resident_bytes() > resident + TRIM_BYTES:
                self._trim(0)
                resident = resident_bytes()

    def _end_late(self, now: float) -> None:
        for key, (deadline, end) in list(self.awaited.items()):
            if now > deadline and self.awaited.pop(key, None) is not None:
                with contextlib.suppress(Exception):  # abort raises, by grpcio's contract
                    end()

    def close(self) -> None:
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()
