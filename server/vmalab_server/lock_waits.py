# SPDX-License-Identifier: Apache-2.0
"""How long all participants together have waited, by class of lock; also those that are gone.

A participant keeps its own sums from when it joins (`vmalab_native.events`), and they go with it.
So they are added up here about once a second. What one waits in its last second is not counted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from vmalab_native.events import LOCKS, Waits
from vmalab_native.records import ParticipantInfo


@dataclass(slots=True)
class Sum:
    """Waits that are over: how many, how long together, the longest."""

    waits: int = 0
    ns: int = 0
    longest_ns: int = 0


_NONE = Waits(0, 0, 0)


class LockWaits:
    """The sums. The thread of the metrics reads them while they grow.

    Attributes:
        of: by class of lock, as `vmalab_native.events` names them; all of them from the begin.
    """

    def __init__(self) -> None:
        self.of = {lock: Sum() for lock in LOCKS if lock}
        self._seen: dict[tuple[int, int, int], Mapping[str, Waits]] = {}

    def update(
        self, infos: Iterable[ParticipantInfo], waits: Callable[[int], Mapping[str, Waits]]
    ) -> None:
        """Add what has been waited since the last time.

        Args:
            infos: everybody in the segment.
            waits: the sums of the participant in a slot.
        """
        now = {(info.index, info.pid, info.start_time): waits(info.index) for info in infos}
        for key, sums in now.items():
            before = self._seen.get(key, {})
            if any(row.waits < before.get(lock, _NONE).waits for lock, row in sums.items()):
                before = {}  # the same process has joined again
            for lock, row in sums.items():
                self._add(lock, row, before.get(lock, _NONE))
        self._seen = now

    def _add(self, lock: str, now: Waits, before: Waits) -> None:
        total = self.of[lock]
        total.waits += now.waits - before.waits
        total.ns += max(0, now.ns - before.ns)
        total.longest_ns = max(total.longest_ns, now.longest_ns)
