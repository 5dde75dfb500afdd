# SPDX-License-Identifier: Apache-2.0
"""Goal: in the open loop the intended starts stand fixed, whatever is late; latency counts from
them."""

from __future__ import annotations

import time

from patience import HANG_S
from vmalab_loadgen.histogram import Latency
from vmalab_loadgen.pacing import Pacer


def test_closed_loop_is_always_due() -> None:
    pacer = Pacer.for_rate(0, block_ops=10, processes=2, me=0, begin_ns=1000)
    assert pacer.due(5)
    assert pacer.take(777) == 777


def test_intended_starts_do_not_move() -> None:
    pacer = Pacer.for_rate(1000, block_ops=10, processes=2, me=0, begin_ns=0)
    assert pacer.interval_ns == 20_000_000
    late = 500_000_000
    assert [pacer.take(late) for _ in range(3)] == [0, 20_000_000, 40_000_000]
    assert pacer.due(late)
    assert not pacer.due(59_999_999)


def test_processes_begin_one_after_the_other() -> None:
    begins = [
        Pacer.for_rate(100, block_ops=1, processes=4, me=me, begin_ns=0).next_ns for me in range(4)
    ]
    assert begins == [0, 10_000_000, 20_000_000, 30_000_000]


def test_wait_ends_at_the_time() -> None:
    now = time.monotonic_ns()
    pacer = Pacer(1, now + 5_000_000)
    pacer.wait(now + int(HANG_S * 1e9))
    waited = time.monotonic_ns() - now
    assert 5_000_000 <= waited < HANG_S * 1e9 / 2


def test_wait_ends_with_the_run() -> None:
    now = time.monotonic_ns()
    Pacer(1, now + int(HANG_S * 1e9)).wait(now + 2_000_000)
    assert time.monotonic_ns() - now < HANG_S * 1e9 / 2


def test_histogram() -> None:
    one, two = Latency(), Latency()
    for value in range(1, 1001):
        one.record(value * 1000)
    two.record(5_000_000)
    one.merge(two.encode())
    assert one.count == 1001
    summary = one.summary_us()
    assert abs(summary["p50"] - 500) < 2
    assert abs(summary["max"] - 5000) < 10
    assert not Latency().summary_us()


def test_histogram_takes_any_value() -> None:
    latency = Latency()
    for value in (-5, 0, 1 << 62):
        latency.record(value)
    assert latency.count == 3
