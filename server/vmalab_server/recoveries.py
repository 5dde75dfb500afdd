# SPDX-License-Identifier: Apache-2.0
"""What the supervisor has repaired so far, for the metrics."""

from __future__ import annotations

from dataclasses import dataclass

from vmalab_native.records import RecoveryReport


@dataclass(slots=True)
class Recoveries:
    """Sums over the recoveries that found somebody dead.

    Attributes:
        count: how many those were.
        dead: participants that they cleaned up after.
        took_s: how long they took.
        stopped_s, stopped_longest_s: for how long everybody stood still; the longest of them.
    """

    count: int = 0
    dead: int = 0
    took_s: float = 0.0
    stopped_s: float = 0.0
    stopped_longest_s: float = 0.0

    def add(self, report: RecoveryReport, took_s: float) -> None:
        if not report.dead:
            return
        self.count += 1
        self.dead += len(report.dead)
        self.took_s += took_s
        self.stopped_s += report.stopped_ns / 1e9
        self.stopped_longest_s = max(self.stopped_longest_s, report.stopped_ns / 1e9)
