# SPDX-License-Identifier: Apache-2.0
"""What a worker does beside its calls: memory goes back, calls that send nothing end."""

from __future__ import annotations

import ctypes
import threading
import time
from collections.abc import Callable

LOOK_S = 1.0
TRIMS = 5
"""So often what is free is given back after the last request: some of it is freed late."""


class Upkeep:
    """A thread that looks once a second.

    The allocator keeps what messages needed (workers.py asks it to), which is right while they
    come. When none has come since the look before, it gives back what is free.

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
        looked = 0
        trims = TRIMS
        while not self._stop.wait(LOOK_S):
            self._end_late(time.monotonic())
            if self.bytes_seen != looked:
                looked, trims = self.bytes_seen, 0
            elif trims < TRIMS:
                self._trim(0)
                trims += 1

    def _end_late(self, now: float) -> None:
        for key, (deadline, end) in list(self.awaited.items()):
            if now > deadline and self.awaited.pop(key, None) is not None:
                end()

    def close(self) -> None:
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()
