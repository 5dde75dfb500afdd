# SPDX-License-Identifier: Apache-2.0
"""What the processes of a load send to their parent while they run, and at their end."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Final

from vmalab_loadgen.blocks import Wrong
from vmalab_loadgen.histogram import Sparse

SUMS: Final = ("timed", "ns", "waited", "wait_ns", "mmap_locked", "mmap_locked_ns")
"""Of operations that were timed: their number and time; of them those that waited for a lock, and
the time of the waits; faults that took mmap_lock, and their time."""


@dataclass(frozen=True, slots=True)
class Part:
    """What one caller did in one interval."""

    caller: int
    interval: int
    ops: Counter[str]
    errnos: Counter[str]
    wrong: int
    raw: dict[str, Sparse]
    """By kind of operation."""
    corrected: dict[str, Sparse]
    """Empty in the closed loop: as raw."""
    sums: dict[str, tuple[int, ...]] = field(default_factory=dict)
    """Attached, by kind of operation: SUMS."""
    calls: dict[str, tuple[int, ...]] = field(default_factory=dict)
    """Of those that were asked where their time went, by kind of operation: call_parts.SUMS."""


@dataclass(slots=True)
class CallerEnd:
    """How a caller ended."""

    caller: int
    begun_ns: int
    ended_ns: int
    dropped: int = 0
    """Operations that were due and never begun."""
    not_renewed: int = 0
    """Times at which the caller was to leave for another one, and did not."""
    timing_cost_ns: int = 0
    """Attached: what it costs to time one operation."""
    parts_cost_ns: int = 0
    """What it costs to ask one call or block where its time went; 0: none was asked."""
    failed: str = ""
    """Why it ended before its time."""
    unanswered: int = 0
    """Operations that were sent then, and have no answer."""
    wrong_first: list[Wrong] = field(default_factory=list)
    turns: int = 0
    """Of a trace: how often it was done."""
    between: int = 0
    """Of a trace: steps that are no operations, and were done and judged between two of them."""
    not_compared: Counter[str] = field(default_factory=Counter)
    """Of a trace: what could not be compared, by reason."""


@dataclass(slots=True)
class Done:
    """What a process says at its end."""

    callers: list[CallerEnd]
    client_cpu_s: float
    """CPU time of the process, without that of the core which it calls itself."""
    room_s: float
    """The time in which it could have run: without that in which others had its CPU."""


@dataclass(frozen=True, slots=True)
class Ready:
    """All callers of a process have their address space and their VMAs."""


@dataclass(frozen=True, slots=True)
class Failed:
    """A process could not begin, or found an error of its own."""

    why: str


@dataclass(frozen=True, slots=True)
class Go:
    """Of the parent: the times are set, and the load begins."""


GO: Final = Go()
Message = Ready | Part | Done | Failed
