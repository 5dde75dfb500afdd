# SPDX-License-Identifier: Apache-2.0
"""Latency histograms (HdrHistogram), one raw and one corrected.

Raw is from the moment a block was really sent. Corrected is from the moment it should have been
sent; in the closed loop both are the same, and the closed loop hides what a stall costs.
"""

from __future__ import annotations

from typing import Final

from hdrh.histogram import HdrHistogram

LOWEST_NS: Final = 1
HIGHEST_NS: Final = 600 * 1_000_000_000
DIGITS: Final = 3
PERCENTILES: Final = (50.0, 90.0, 99.0, 99.9, 99.99)


class Latency:
    """One distribution of times in nanoseconds."""

    def __init__(self) -> None:
        self._histogram = HdrHistogram(LOWEST_NS, HIGHEST_NS, DIGITS)

    def record(self, nanoseconds: int) -> None:
        self._histogram.record_value(min(max(nanoseconds, LOWEST_NS), HIGHEST_NS))

    @property
    def count(self) -> int:
        return int(self._histogram.get_total_count())

    def encode(self) -> bytes:
        """For another process."""
        return bytes(self._histogram.encode())

    def merge(self, encoded: bytes) -> None:
        """Add what another process encoded."""
        self._histogram.decode_and_add(encoded)

    def summary_us(self) -> dict[str, float]:
        """Percentiles, mean and maximum in microseconds; empty without values."""
        if not self.count:
            return {}
        result = {
            f"p{percent:g}": round(self._histogram.get_value_at_percentile(percent) / 1000, 3)
            for percent in PERCENTILES
        }
        result["mean"] = round(self._histogram.get_mean_value() / 1000, 3)
        result["max"] = round(self._histogram.get_max_value() / 1000, 3)
        return result
