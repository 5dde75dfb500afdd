# SPDX-License-Identifier: Apache-2.0
"""How many threads a worker has for what, and how many slots of the segment they need."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from vmalab_server.limits import Limits

INSPECT = 3
"""For inspection and health checks: they answer whatever the calls do."""
LAB_MORE = 4
"""For LabService, beside those that may wait."""
_RESERVED = 3  # one of so many threads is not for a client that has the others
_LEASES = 1
_BOUNDED = 1  # the thread that gRPC serves with


@dataclass(frozen=True, kw_only=True, slots=True)
class Threads:
    """The threads of one worker. Each that is counted here enters the core as a participant.

    Attributes:
        calls: for unary calls.
        calls_reserved: how many of them one client's calls never have.
        blocks: blocks of Batch streams that are executed at a time.
        inspect: for inspection.
        lab, lab_reserved: for LabService.
    """

    calls: int
    calls_reserved: int
    blocks: int
    inspect: int
    lab: int
    lab_reserved: int

    @classmethod
    def of(cls, threads: int, limits: Limits, *, lab: bool) -> Self:
        """
        Args:
            threads: the option.
            lab: whether calls may be paused: those occupy threads, and the others keep as many as
                without the lab.
        """
        paused = limits.lab_held_max if lab else 0
        return cls(
            calls=threads + paused,
            calls_reserved=-(-threads // _RESERVED) if threads > 1 else 0,
            blocks=threads + paused,
            inspect=INSPECT,
            lab=limits.lab_waits_per_worker_max + LAB_MORE if lab else 1,
            lab_reserved=LAB_MORE // 2 if lab else 0,
        )

    @property
    def participants(self) -> int:
        """Slots that a worker needs at most."""
        lab = self.lab if self.lab_reserved else 0  # without the lab it only refuses
        return self.calls + self.blocks + self.inspect + lab + _LEASES + _BOUNDED

    @property
    def blocks_share(self) -> int:
        """Blocks of one client that are executed at a time."""
        return max(1, self.blocks - self.calls_reserved)
