# SPDX-License-Identifier: Apache-2.0
"""Medians, spreads and ratios with intervals.

A ratio is that of two measurements of the same round, which lie next to each other in time. The
estimate is the median over the rounds; its interval holds 95 % of the medians of rounds drawn with
replacement (bootstrap). With fewer than about eight rounds that is nearly the whole range.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

DRAWS: Final = 2000
PERCENTILES: Final = (2.5, 97.5)


@dataclass(frozen=True, slots=True)
class Estimate:
    """A median and the 95 % interval of it."""

    value: float
    low: float
    high: float

    @property
    def interval(self) -> list[float]:
        return [self.low, self.high]

    def __str__(self) -> str:
        return f"{self.value:.3g} ({self.low:.3g} to {self.high:.3g})"


def estimate(samples: Sequence[float], *, seed: int) -> Estimate:
    """The median of the samples with its bootstrap interval. At least one sample."""
    values = np.asarray(samples, dtype=float)
    rng = np.random.default_rng([seed, len(values)])
    drawn = rng.integers(0, len(values), size=(DRAWS, len(values)))
    low, high = np.percentile(np.median(values[drawn], axis=1), PERCENTILES)
    return Estimate(_short(float(np.median(values))), _short(float(low)), _short(float(high)))


def exact(number: float) -> Estimate:
    """Something that was counted."""
    return Estimate(number, number, number)


def ratio(upper: Sequence[float], lower: Sequence[float], *, seed: int) -> Estimate:
    """The paired ratio of two series that were measured in the same rounds."""
    return estimate([a / b for a, b in zip(upper, lower, strict=True)], seed=seed)


def median(samples: Sequence[float]) -> float:
    return _short(float(np.median(np.asarray(samples, dtype=float))))


def spread(samples: Sequence[float]) -> list[float]:
    """The smallest and the largest sample."""
    return [_short(min(samples)), _short(max(samples))]


def _short(value: float) -> float:
    """Six significant digits: no measurement here has more."""
    return float(f"{value:.6g}")
