# SPDX-License-Identifier: Apache-2.0
"""Clients that come and go: a caller leaves, and another one comes in its place, at a rate.

Who leaves gives back what it has, ends its address space if it is its own, and closes its way to
the instance. Who comes connects again, makes its address space and maps its memory. The times at
which that happens stand fixed, as those of operations in the open loop.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

from vmalab_drive import drivers
from vmalab_loadgen.pacing import NEVER

RATE_MAX: Final = 1e6

WorkT_co = TypeVar("WorkT_co", covariant=True)


@dataclass(slots=True)
class Churn(Generic[WorkT_co]):
    """The renewals of one caller.

    Args:
        rate: of all callers together, per second.
        callers, me: how many share it, and which of them this is.
        renew: lets the caller go and another one come.
    """

    rate: float
    callers: int
    me: int
    begin_ns: int
    end_ns: int
    renew: Callable[[], tuple[drivers.Driver, WorkT_co]]
    done: int = 0

    @property
    def due_ns(self) -> int:
        """When the next one is; NEVER after the end of the load."""
        due = self._at(self.done)
        return due if due < self.end_ns else NEVER

    def _at(self, number: int) -> int:
        """The callers take turns."""
        turn = number * self.callers + self.me + 1
        return self.begin_ns + int(turn / self.rate * 1e9)

    def not_begun(self, until_ns: int) -> int:
        """Renewals that were due by a time and are not done."""
        last = max(0, min(until_ns, self.end_ns - 1) - self.begin_ns)
        due = int(last / 1e9 * self.rate)
        return max(0, (due - self.me - 1) // self.callers + 1 - self.done)
