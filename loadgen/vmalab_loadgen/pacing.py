# SPDX-License-Identifier: Apache-2.0
"""When the next block begins: at once (closed loop) or at its time (open loop)."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Final

SPIN_NS: Final = 200_000
"""Sleep until this long before the time, then look at the clock."""


@dataclass(slots=True)
class Pacer:
    """Intended start times of the blocks of one process.

    In the open loop they stand fixed from the beginning: a block that is late does not move those
    behind it, so a stall is seen by every block that should have begun during it.
    """

    interval_ns: int = 0
    """Between two blocks; 0 is the closed loop."""
    next_ns: int = 0

    @staticmethod
    def for_rate(
        operations_per_s: float, *, block_ops: int, processes: int, me: int, begin_ns: int
    ) -> Pacer:
        """The pace of one of `processes` that share a rate; 0 for the closed loop."""
        if operations_per_s <= 0:
            return Pacer(0, begin_ns)
        interval = int(1e9 * block_ops * processes / operations_per_s)
        # The processes begin one after the other within the first interval.
        return Pacer(max(interval, 1), begin_ns + interval * me // processes)

    def due(self, now_ns: int) -> bool:
        """Whether the next block may begin."""
        return self.interval_ns == 0 or now_ns >= self.next_ns

    def take(self, now_ns: int) -> int:
        """The intended start of the next block."""
        if self.interval_ns == 0:
            return now_ns
        intended = self.next_ns
        self.next_ns += self.interval_ns
        return intended

    def wait(self, until_ns: int) -> None:
        """Sleep until the next block is due, at most until a time."""
        target = min(self.next_ns, until_ns)
        while (left := target - time.monotonic_ns()) > 0:
            if left > SPIN_NS:
                time.sleep((left - SPIN_NS) / 1e9)
