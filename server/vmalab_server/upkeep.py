# SPDX-License-Identifier: Apache-2.0
"""What a worker does beside its calls: memory goes back, calls that send nothing end."""

from __future__ import annotations

import ctypes
import threading
import time
from collections.abc import Callable

LOOK_S = 1.0
TRIMS = 5
"""After the last request so many looks give back what is free, and then one in `LATER`: a call that
is refused in its turn, or cancelled, is freed long after."""
LATER = 30


class Upkeep:
    """A thread that looks once a second.

    The allocator keeps what messages needed (workers.py asks it to), which is right while they
    come. When none has come since the look before, it gives back what is free, again and again.

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
        seen = quiet = 0
        while not self._stop.wait(LOOK_S):
            self._end_late(time.monotonic())
            if self.bytes_seen != seen:
                seen, quiet = self.bytes_seen, 0
            else:
                quiet += 1
                if quiet <= TRIMS or quiet % LATER == 0:
                    self._trim(0)

    def _end_late(self, now: float) -> None:
        for key, (deadline, end) in list(self.awaited.items()):
            if now > deadline and self.awaited.pop(key, None) is not None:
                end()

    def close(self) -> None:
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()
