# SPDX-License-Identifier: Apache-2.0
"""Latency histograms with the buckets of HdrHistogram: 1 ns to 600 s, three digits.

The counts are an array. What runs in C is counted there (`vmalab_native.load_times`), what runs in
Python is counted here, and both use the same index of a value. Raw is from the moment an operation
really began. Corrected is from the moment at which it should have begun; in the closed loop both
are the same, and the closed loop hides what a stall costs.
"""

from __future__ import annotations

import base64
import struct
import zlib
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

SUB_BITS: Final = 11
HALF: Final = 1 << (SUB_BITS - 1)
COUNTS: Final = 31 * HALF
LOWEST_NS: Final = 1
HIGHEST_NS: Final = 600 * 1_000_000_000
DIGITS: Final = 3
PERCENTILES: Final = (50.0, 90.0, 99.0, 99.9, 99.99)

Counts = npt.NDArray[np.uint64]
Times = npt.NDArray[np.int64]

_COOKIE: Final = 0x1C849303 | 0x10
_COMPRESSED: Final = 0x1C849304 | 0x10
_HEAD: Final = struct.Struct(">iiiiqqd")


def index_of(nanoseconds: Times) -> Times:
    """Where each time is counted; those out of bounds count as the bound."""
    values = np.clip(nanoseconds, LOWEST_NS, HIGHEST_NS)
    bits = np.frexp(values.astype(np.float64))[1].astype(np.int64)
    shift = np.maximum(bits - SUB_BITS, 0)
    place: Times = (shift << (SUB_BITS - 1)) + (values >> shift)
    return place


def _lowest() -> Times:
    """The smallest time that each count has."""
    index = np.arange(COUNTS, dtype=np.int64)
    bucket = np.maximum((index >> (SUB_BITS - 1)) - 1, 0)
    values: Times = np.where(index < 2 * HALF, index, ((index & (HALF - 1)) + HALF) << bucket)
    return values


def _widths() -> Times:
    bucket = np.maximum((np.arange(COUNTS, dtype=np.int64) >> (SUB_BITS - 1)) - 1, 0)
    widths: Times = np.int64(1) << bucket
    return widths


LOWEST: Final = _lowest()
WIDTH: Final = _widths()


@dataclass(frozen=True, slots=True)
class Sparse:
    """The counts of a histogram that are not 0, for another process."""

    index: Times
    count: Counts

    @staticmethod
    def take(counts: Counts) -> Sparse:
        """What an array has, which is empty then."""
        index = np.flatnonzero(counts)
        taken = Sparse(index, counts[index].copy())
        counts[index] = 0
        return taken


class Latency:
    """One distribution of times in nanoseconds."""

    def __init__(self, counts: Counts | None = None) -> None:
        self.counts: Counts = np.zeros(COUNTS, np.uint64) if counts is None else counts

    def record(self, nanoseconds: int, times: int = 1) -> None:
        value = min(max(nanoseconds, LOWEST_NS), HIGHEST_NS)
        shift = max(value.bit_length() - SUB_BITS, 0)
        self.counts[(shift << (SUB_BITS - 1)) + (value >> shift)] += np.uint64(times)

    def add(self, other: Sparse | Latency) -> None:
        """Add what another has."""
        if isinstance(other, Sparse):
            self.counts[other.index] += other.count
        else:
            self.counts += other.counts

    @property
    def count(self) -> int:
        return int(self.counts.sum())

    def at_percentiles(self, percents: tuple[float, ...]) -> list[int]:
        """The highest time of the count in which each percentile is, in ns; 0 without values."""
        total = self.count
        if not total:
            return [0 for _ in percents]
        sums = np.cumsum(self.counts)
        wanted = [max(1, int(min(percent, 100.0) * total / 100 + 0.5)) for percent in percents]
        places = np.searchsorted(sums, np.array(wanted, np.uint64))
        return [int(LOWEST[place] + WIDTH[place] - 1) for place in places]

    @property
    def mean_ns(self) -> float:
        """Each value counts as the middle of its count."""
        total = self.count
        if not total:
            return 0.0
        middle = LOWEST + WIDTH // 2
        return float((middle.astype(np.float64) * self.counts).sum() / total)

    @property
    def max_ns(self) -> int:
        used = np.flatnonzero(self.counts)
        return int(LOWEST[used[-1]] + WIDTH[used[-1]] - 1) if len(used) else 0

    @property
    def min_ns(self) -> int:
        used = np.flatnonzero(self.counts)
        return int(LOWEST[used[0]]) if len(used) else 0

    def summary_us(self) -> dict[str, float]:
        """Percentiles, mean and maximum in microseconds; empty without values."""
        if not self.count:
            return {}
        found = self.at_percentiles(PERCENTILES)
        result = {
            f"p{percent:g}": round(value / 1000, 3)
            for percent, value in zip(PERCENTILES, found, strict=True)
        }
        result["mean"] = round(self.mean_ns / 1000, 3)
        result["max"] = round(self.max_ns / 1000, 3)
        return result

    def encode(self) -> bytes:
        """As HdrHistogram writes it: the second version, compressed, base64."""
        body = _zigzag(self.counts)
        head = _HEAD.pack(_COOKIE, len(body), 0, DIGITS, LOWEST_NS, HIGHEST_NS, 1.0)
        packed = zlib.compress(head + body)
        return base64.b64encode(struct.pack(">ii", _COMPRESSED, len(packed)) + packed)

    @staticmethod
    def decode(text: bytes) -> Latency:
        """What encode() gave.

        Raises:
            ValueError: it is something else, or a histogram with other bounds.
        """
        try:
            data = base64.b64decode(text, validate=True)
            cookie, size = struct.unpack_from(">ii", data)
            if cookie != _COMPRESSED or size != len(data) - 8:
                raise ValueError("not a compressed HdrHistogram")
            plain = zlib.decompress(data[8:])
            head = _HEAD.unpack_from(plain)
        except (ValueError, struct.error, zlib.error) as error:
            raise ValueError(f"no histogram: {error}") from None
        if head[0] != _COOKIE or head[2:6] != (0, DIGITS, LOWEST_NS, HIGHEST_NS):
            raise ValueError("a histogram with other bounds")
        return Latency(_from_zigzag(plain[_HEAD.size : _HEAD.size + head[1]]))


def _zigzag(counts: Counts) -> bytes:
    """Counts as HdrHistogram packs them: ZigZag LEB128 in at most nine bytes; a negative number is
    so many counts of 0."""
    out = bytearray()
    place = 0
    used = np.flatnonzero(counts)
    for index, count in zip(used.tolist(), counts[used].tolist(), strict=True):
        if index > place:
            _leb128(out, ((index - place) << 1) - 1)
        _leb128(out, count << 1)
        place = index + 1
    return bytes(out)


def _leb128(out: bytearray, value: int) -> None:
    for _ in range(8):
        if value < 0x80:
            out.append(value)
            return
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value & 0xFF)  # the ninth byte has eight bits


def _from_zigzag(data: bytes) -> Counts:
    counts = np.zeros(COUNTS, np.uint64)
    at = place = 0
    while at < len(data):
        value = shift = 0
        while True:
            if at == len(data):
                raise ValueError("no histogram: it is cut short")
            byte = data[at]
            at += 1
            value |= (byte if shift == 56 else byte & 0x7F) << shift
            shift += 7
            if byte < 0x80 or shift > 56:
                break
        number = value >> 1 if not value & 1 else -((value + 1) >> 1)
        if place + (-number if number < 0 else 1) > COUNTS:
            raise ValueError("no histogram: it has too many counts")
        if number < 0:
            place -= number
        else:
            counts[place] = number
            place += 1
    return counts
