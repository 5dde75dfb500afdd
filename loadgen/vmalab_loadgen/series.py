# SPDX-License-Identifier: Apache-2.0
"""What all callers did, interval by interval, put together from their parts."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from vmalab_loadgen import call_parts
from vmalab_loadgen.histogram import Latency, Sparse
from vmalab_loadgen.parts import SUMS, Part

MERGE_AT: Final = 8
"""So many parts of one kind of operation are kept before they become one."""


def _merged(parts: list[Sparse]) -> Sparse:
    latency = Latency()
    for part in parts:
        latency.add(part)
    return Sparse.take(latency.counts)


@dataclass(slots=True)
class Times:
    """Histograms by kind of operation, kept small."""

    kinds: dict[str, list[Sparse]] = field(default_factory=dict)

    def add(self, more: dict[str, Sparse]) -> None:
        for name, one in more.items():
            parts = self.kinds.setdefault(name, [])
            parts.append(one)
            if len(parts) >= MERGE_AT:
                self.kinds[name] = [_merged(parts)]

    def of(self, name: str) -> Latency:
        """Of one kind; empty if it had none."""
        latency = Latency()
        for part in self.kinds.get(name, ()):
            latency.add(part)
        return latency

    def all(self) -> Latency:
        latency = Latency()
        for parts in self.kinds.values():
            for part in parts:
                latency.add(part)
        return latency


@dataclass(slots=True)
class Interval:
    """What was done in one interval."""

    ops: Counter[str] = field(default_factory=Counter)
    errnos: Counter[str] = field(default_factory=Counter)
    raw: Times = field(default_factory=Times)
    corrected: Times = field(default_factory=Times)


@dataclass(slots=True)
class Series:
    """All intervals of a load, and their sums.

    Args:
        seconds: length of an interval.
        open_loop: corrected times differ from raw ones.
    """

    seconds: float
    open_loop: bool
    intervals: dict[int, Interval] = field(default_factory=dict)
    ops: Counter[str] = field(default_factory=Counter)
    errnos: Counter[str] = field(default_factory=Counter)
    wrong: int = 0
    raw: dict[str, Latency] = field(default_factory=dict)
    corrected: dict[str, Latency] = field(default_factory=dict)
    """In the closed loop the same histograms as raw."""
    sums: dict[str, Counter[str]] = field(default_factory=dict)
    """parts.SUMS by kind of operation."""
    calls: dict[str, Counter[str]] = field(default_factory=dict)
    """call_parts.SUMS by kind of operation."""

    def __post_init__(self) -> None:
        if not self.open_loop:
            self.corrected = self.raw

    def add(self, part: Part) -> None:
        """What a caller did in one interval."""
        self.wrong += part.wrong
        self.ops += part.ops
        self.errnos += part.errnos
        for name, values in part.sums.items():
            self.sums.setdefault(name, Counter()).update(dict(zip(SUMS, values, strict=True)))
        for name, values in part.calls.items():
            sums = dict(zip(call_parts.SUMS, values, strict=True))
            self.calls.setdefault(name, Counter()).update(sums)
        if not part.ops and not part.raw:
            return
        interval = self.intervals.setdefault(part.interval, Interval())
        interval.ops += part.ops
        interval.errnos += part.errnos
        interval.raw.add(part.raw)
        interval.corrected.add(part.corrected if self.open_loop else part.raw)
        for times, parts in ((self.raw, part.raw), (self.corrected, part.corrected)):
            for name, one in parts.items():
                times.setdefault(name, Latency()).add(one)

    @property
    def raw_all(self) -> Latency:
        return _sum(self.raw)

    @property
    def corrected_all(self) -> Latency:
        return _sum(self.corrected)

    def numbered(self) -> list[tuple[int, Interval]]:
        """The intervals in order, also those in which nothing was done."""
        last = max(self.intervals, default=-1)
        return [(number, self.intervals.get(number, Interval())) for number in range(last + 1)]


def _sum(kinds: dict[str, Latency]) -> Latency:
    latency = Latency()
    for one in kinds.values():
        latency.add(one)
    return latency


def rates(series: Series, seconds: float) -> list[float]:
    """Operations per second of each interval; the last one may be shorter."""
    found = []
    for number, interval in series.numbered():
        length = min(series.seconds, max(seconds - number * series.seconds, 1e-3))
        found.append(interval.ops.total() / length)
    return found


def mean(values: list[float]) -> float:
    return float(np.mean(values)) if values else 0.0
