# SPDX-License-Identifier: Apache-2.0
"""When operations begin in the open loop: rates over time, and the times that follow from them.

The times stand fixed from the beginning: an operation that is late does not move those behind it,
so a stall is seen by every operation that should have begun during it.

A profile is a list of stages, in each of which the rate is constant or changes evenly. Its sum,
operations due by a time, is inverted: constant arrivals are its whole numbers, those of a Poisson
process the sums of exponential gaps, and in a burst many operations have the time of the first.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, field
from typing import Final, Literal

import numpy as np
import numpy.typing as npt

from vmalab_loadgen import units

SPIN_NS: Final = 200_000
"""Sleep until this long before the time, then look at the clock."""
CHUNK: Final = 4096
RATE_MAX: Final = 1e9
Arrival = Literal["constant", "poisson", "burst"]
ARRIVALS: Final[tuple[Arrival, ...]] = ("constant", "poisson", "burst")

Floats = npt.NDArray[np.float64]
Times = npt.NDArray[np.int64]


class PacingError(ValueError):
    """Stages that cannot be; the message says why."""


@dataclass(frozen=True, slots=True)
class Stage:
    """A rate, operations per second of all callers, that goes evenly from one to another."""

    seconds: float
    begin: float
    end: float

    def operations(self) -> float:
        return self.seconds * (self.begin + self.end) / 2

    def text(self) -> str:
        rates = f"{self.begin:g}" if self.begin == self.end else f"{self.begin:g}-{self.end:g}"
        return f"{self.seconds:g}s:{rates}"


def parse_stages(text: str) -> tuple[Stage, ...]:
    """Read `10s:1k,30s:1k-20k`: ten seconds of 1000/s, then in half a minute up to 20000/s.

    Raises:
        PacingError
    """
    stages = []
    for part in text.split(","):
        length, colon, rates = part.strip().partition(":")
        try:
            seconds = units.seconds(length)
            begin, dash, end = rates.partition("-")
            first = units.rate(begin)
            last = units.rate(end) if dash else first
        except units.UnitError as error:
            what = str(error) if colon else "no rate"
            raise PacingError(f"{part.strip()!r}: {what}; a stage is TIME:RATE or "
                              "TIME:RATE-RATE, as 10s:1k or 30s:1k-20k") from None  # fmt: skip
        if seconds <= 0 or max(first, last) > RATE_MAX:
            raise PacingError(f"{part.strip()!r}: a time of more than 0 and a rate of at most 1G")
        stages.append(Stage(seconds, first, last))
    if not sum(one.operations() for one in stages):
        raise PacingError("all rates are 0")
    return tuple(stages)


class Profile:
    """How many operations of all callers are due by each time."""

    def __init__(self, stages: tuple[Stage, ...]) -> None:
        self.stages = stages
        self._begins = np.cumsum([0.0, *(one.seconds for one in stages)])
        self._sums = np.cumsum([0.0, *(one.operations() for one in stages)])

    @property
    def seconds(self) -> float:
        return float(self._begins[-1])

    def due(self, seconds: float) -> float:
        """Operations that are due by a time from the begin."""
        at = min(max(seconds, 0.0), self.seconds)
        number = min(int(np.searchsorted(self._begins, at, side="right")) - 1, len(self.stages) - 1)
        stage, inside = self.stages[number], at - float(self._begins[number])
        slope = (stage.end - stage.begin) / stage.seconds
        return float(self._sums[number]) + stage.begin * inside + slope * inside * inside / 2

    def rate_at(self, seconds: float) -> float:
        """What the rate is to be at a time."""
        number = int(np.searchsorted(self._begins, max(seconds, 0.0), side="right")) - 1
        if number >= len(self.stages):
            return 0.0
        stage = self.stages[number]
        part = (seconds - float(self._begins[number])) / stage.seconds
        return stage.begin + (stage.end - stage.begin) * part

    def times(self, sums: Floats) -> Floats:
        """The time at which each sum of operations is reached; infinite after the last."""
        number = np.searchsorted(self._sums, sums, side="right") - 1
        over = number >= len(self.stages)
        number = np.minimum(number, len(self.stages) - 1)
        begin = np.array([one.begin for one in self.stages])[number]
        end = np.array([one.end for one in self.stages])[number]
        length = np.array([one.seconds for one in self.stages])[number]
        left = sums - self._sums[number]
        slope = (end - begin) / length
        # left = begin t + slope t^2 / 2, solved in the form that has no difference of near numbers
        root = np.sqrt(np.maximum(begin * begin + 2 * slope * left, 0.0))
        with np.errstate(divide="ignore", invalid="ignore"):
            inside = np.where(left > 0, 2 * left / (begin + root), 0.0)
        found: Floats = np.where(over, math.inf, self._begins[number] + inside)
        return found


@dataclass(slots=True)
class Pacer:
    """Intended starts of one of the callers that share a profile.

    Args:
        profile: of all callers together.
        unit: operations that begin together: 1, or those of a block that is sent as a whole.
        callers, me: how many share the profile, and which of them this is.
        begin_ns: of the first stage.
        arrival: constant, poisson or burst.
        burst: operations of all callers that come at once.
        seed: of the gaps of poisson.
    """

    profile: Profile
    unit: int
    callers: int
    me: int
    begin_ns: int
    arrival: Arrival = "constant"
    burst: int = 100
    seed: int = 0
    taken: int = 0
    """Units whose times were taken."""
    _made: int = 0
    _sum: float = 0.0
    _times: Times = field(default_factory=lambda: np.zeros(0, np.int64))
    _rng: np.random.Generator = field(init=False)

    def __post_init__(self) -> None:
        self._rng = np.random.default_rng([self.seed, self.me, 1])

    def _sums(self) -> Floats:
        """Sums of operations at which the next units begin."""
        number = np.arange(self._made, self._made + CHUNK, dtype=np.float64)
        if self.arrival == "poisson":
            gaps = self._rng.exponential(self.unit * self.callers, CHUNK)
            sums: Floats = self._sum + np.cumsum(gaps)
            self._sum = float(sums[-1])
            return sums
        sums = (number * self.callers + self.me) * self.unit
        return np.floor(sums / self.burst) * self.burst if self.arrival == "burst" else sums

    def _fill(self, count: int) -> None:
        while len(self._times) < count and not (len(self._times) and self._times[-1] == NEVER):
            seconds = self.profile.times(self._sums())
            self._made += CHUNK
            late = ~np.isfinite(seconds)
            times = np.where(late, 0.0, seconds) * 1e9
            more = np.where(late, NEVER, self.begin_ns + times.astype(np.int64))
            self._times = np.concatenate((self._times, more))

    def next_ns(self) -> int:
        """The intended start of the next unit; NEVER after the last."""
        self._fill(1)
        return int(self._times[0])

    def within(self, span_ns: int, most: int) -> int:
        """How many units begin within so long of the next one, that one included."""
        self._fill(most)
        end = min(int(self._times[0]) + span_ns, NEVER - 1)
        return int(np.searchsorted(self._times[:most], end, side="right"))

    def take(self, count: int) -> Times:
        """The intended starts of the next units; those beyond the last begin with the last."""
        self._fill(count)
        have = self._times[:count]
        good = have[have < NEVER]
        self._times = self._times[len(good) :]
        self.taken += len(good)
        last = good[-1] if len(good) else self.begin_ns + int(self.profile.seconds * 1e9)
        return np.concatenate((good, np.full(count - len(good), last, np.int64)))

    def not_begun(self, until_ns: int) -> int:
        """Units that were due by a time and were not taken; of poisson those that are likely."""
        due = self.profile.due((until_ns - self.begin_ns) / 1e9)
        if self.arrival == "poisson":
            seconds = (self.next_ns() - self.begin_ns) / 1e9
            left = due - self.profile.due(seconds)
            return max(0, round(left / (self.unit * self.callers)))
        if self.arrival == "burst":
            due = math.ceil(due / self.burst) * self.burst  # all of a burst are due with its first
        number = (due / self.unit - self.me) / self.callers
        return max(0, math.ceil(number - 1e-9) - self.taken)


NEVER: Final = 1 << 62
"""A time that does not come."""


def wait(until_ns: int, end_ns: int) -> None:
    """Sleep until a time, at most until the end."""
    target = min(until_ns, end_ns)
    while (left := target - time.monotonic_ns()) > 0:
        if left > SPIN_NS:
            time.sleep((left - SPIN_NS) / 1e9)
