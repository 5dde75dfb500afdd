# SPDX-License-Identifier: Apache-2.0
"""Goal: our histograms are HdrHistogram's: the same counts, the same bytes, the same percentiles.

Method: the package hdrhistogram, a port of the original, is the oracle; C and Python count the same
values in the same places.
"""

from __future__ import annotations

import numpy as np
import pytest
from hdrh.histogram import HdrHistogram

from vmalab_loadgen.histogram import (
    COUNTS,
    DIGITS,
    HIGHEST_NS,
    LOWEST,
    LOWEST_NS,
    PERCENTILES,
    Latency,
    Sparse,
    index_of,
)
from vmalab_native import load_times

EDGES = [1, 2, 2047, 2048, 2049, 4095, 4096, 4097, 10**6, 10**9, HIGHEST_NS - 1, HIGHEST_NS]
RANDOM = np.random.default_rng(5)
VALUES = [*EDGES, *(int(10**power) for power in RANDOM.uniform(0, 11.7, 2000))]


def theirs(values: list[int]) -> HdrHistogram:
    made = HdrHistogram(LOWEST_NS, HIGHEST_NS, DIGITS)
    for value in values:
        assert made.record_value(value)
    return made


def ours(values: list[int]) -> Latency:
    made = Latency()
    for value in values:
        made.record(value)
    return made


def test_one_index() -> None:
    """numpy, C, record() and the oracle count each value in the same place."""
    oracle = HdrHistogram(LOWEST_NS, HIGHEST_NS, DIGITS)
    assert oracle.counts_len == COUNTS == load_times.COUNTS
    places = index_of(np.array(VALUES, np.int64))
    for value, place in zip(VALUES, places.tolist(), strict=True):
        assert place == oracle._counts_index_for(value) == load_times.index_of(value), value
        assert LOWEST[place] == oracle.get_lowest_equivalent_value(value)
        assert ours([value]).counts[place] == 1


def test_out_of_bounds() -> None:
    assert index_of(np.array([-5, 0, 1 << 62])).tolist() == [
        1,
        1,
        *index_of(np.array([HIGHEST_NS])),
    ]
    assert load_times.index_of(1 << 63) == load_times.index_of(HIGHEST_NS)


def test_percentiles() -> None:
    found = ours(VALUES).at_percentiles((0.0, *PERCENTILES, 100.0))
    oracle = theirs(VALUES)
    wanted = [oracle.get_value_at_percentile(one) for one in (*PERCENTILES, 100.0)]
    assert found[1:] == wanted
    assert ours(VALUES).mean_ns == pytest.approx(oracle.get_mean_value(), rel=1e-6)
    assert ours(VALUES).max_ns == oracle.get_highest_equivalent_value(oracle.get_max_value())


def test_the_oracle_reads_what_we_write() -> None:
    values = VALUES * 3 + [7] * 100_000
    decoded = HdrHistogram.decode(ours(values).encode())
    assert decoded.get_total_count() == len(values)
    assert [decoded.get_count_at_index(at) for at in range(COUNTS)] == ours(values).counts.tolist()


def test_we_read_what_the_oracle_writes() -> None:
    assert (Latency.decode(theirs(VALUES).encode()).counts == ours(VALUES).counts).all()
    assert Latency.decode(Latency().encode()).count == 0


@pytest.mark.parametrize("text", [b"", b"HIST", b"????", b"AAAA", Latency().encode()[:-8]])
def test_what_is_no_histogram(text: bytes) -> None:
    with pytest.raises(ValueError, match="histogram"):
        Latency.decode(text)


def test_large_counts() -> None:
    """Nine bytes of a count: the last one has eight bits."""
    latency = Latency()
    latency.record(nanoseconds=5, times=(1 << 61) + 3)
    assert Latency.decode(latency.encode()).counts[5] == (1 << 61) + 3


def test_a_merged_histogram_is_the_sum() -> None:
    one, two = ours(VALUES[:900]), ours(VALUES[900:])
    part = Sparse.take(two.counts)
    assert two.count == 0
    one.add(part)
    assert (one.counts == ours(VALUES).counts).all()
