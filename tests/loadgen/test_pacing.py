# SPDX-License-Identifier: Apache-2.0
"""Goal: in the open loop the intended starts stand fixed, whatever is late, and follow the rates
that were asked for.

Method: the times of a profile against what arithmetic says; texts that are no stages.
"""

from __future__ import annotations

import time

import numpy as np
import pytest

from patience import HANG_S
from vmalab_loadgen import pacing, units
from vmalab_loadgen.pacing import ARRIVALS, NEVER, Arrival, Pacer, PacingError, Profile, Stage

S = 1_000_000_000


def pacer(
    text: str, *, me: int = 0, callers: int = 1, unit: int = 1, arrival: Arrival = "constant",
    burst: int = 100, seed: int = 1,
) -> Pacer:  # fmt: skip
    profile = Profile(pacing.parse_stages(text))
    return Pacer(profile, unit, callers, me, 5 * S, arrival, burst, seed)


def all_of(one: Pacer) -> list[float]:
    """Seconds from the begin of every unit."""
    found: list[float] = []
    while one.next_ns() != NEVER:
        found += [(ns - 5 * S) / S for ns in one.take(1).tolist()]
    return found


def test_intended_starts_do_not_move() -> None:
    one = pacer("2s:100")
    assert one.take(3).tolist() == [5 * S, 5 * S + 10_000_000, 5 * S + 20_000_000]
    time.sleep(0.01)
    assert one.next_ns() == 5 * S + 30_000_000
    assert one.within(20_000_000, 100) == 3
    assert one.within(20_000_000, 2) == 2


def test_callers_take_turns() -> None:
    begins = [all_of(pacer("1s:8", me=me, callers=4)) for me in range(4)]
    assert begins == [[0.0, 0.5], [0.125, 0.625], [0.25, 0.75], [0.375, 0.875]]


def test_blocks() -> None:
    assert all_of(pacer("1s:100", unit=25)) == [0.0, 0.25, 0.5, 0.75]


def test_stages_and_a_pause() -> None:
    times = all_of(pacer("1s:2,1s:0,1s:4"))
    assert times == [0.0, 0.5, 2.0, 2.25, 2.5, 2.75]


def test_ramp() -> None:
    """0 to 100/s in two seconds: 100 operations, 25 of them in the first half."""
    times = all_of(pacer("2s:0-100"))
    assert len(times) == 100
    assert sum(one < 1 for one in times) == 25
    assert times == sorted(times)
    down = all_of(pacer("2s:100-0"))
    assert sum(one < 1 for one in down) == 75
    profile = Profile((Stage(2.0, 0.0, 100.0),))
    assert profile.due(1.0) == pytest.approx(25)
    assert profile.rate_at(1.5) == pytest.approx(75)
    back = profile.times(np.array([profile.due(at) for at in (0.3, 1.0, 1.9)]))
    assert back == pytest.approx([0.3, 1.0, 1.9])


def test_poisson() -> None:
    """The mean is the rate, and the gaps vary as much as they are long; a seed gives the same."""
    times = all_of(pacer("50s:200", arrival="poisson"))
    gaps = np.diff(times)
    assert 9_000 < len(times) < 11_000
    assert 0.9 < gaps.std() / gaps.mean() < 1.1
    assert times == all_of(pacer("50s:200", arrival="poisson"))
    assert times != all_of(pacer("50s:200", arrival="poisson", seed=2))
    others = all_of(pacer("50s:200", arrival="poisson", me=1, callers=2))
    assert 4_500 < len(others) < 5_500


def test_bursts() -> None:
    times = all_of(pacer("1s:40", arrival="burst", burst=10))
    assert times == [at for at in (0.0, 0.25, 0.5, 0.75) for _ in range(10)]
    halves = [all_of(pacer("1s:40", arrival="burst", burst=10, me=me, callers=2)) for me in (0, 1)]
    assert halves[0] == halves[1] == [at for at in (0.0, 0.25, 0.5, 0.75) for _ in range(5)]


@pytest.mark.parametrize("arrival", ARRIVALS)
def test_what_was_not_begun(arrival: Arrival) -> None:
    one = pacer("10s:1000", arrival=arrival)
    one.take(4000)
    left = one.not_begun(5 * S + 10 * S)
    assert left == 6000 if arrival != "poisson" else 5500 < left < 6500
    assert one.not_begun(5 * S + S) == 0
    all_of(one)
    assert one.not_begun(20 * S) == 0


def test_beyond_the_end() -> None:
    """A block may be longer than what is due: its last operations begin with the last one."""
    one = pacer("1s:3")
    times = one.take(5).tolist()
    assert times[2:] == [times[2]] * 3
    assert one.next_ns() == NEVER
    assert one.taken == 3


def test_wait_ends_at_the_time() -> None:
    now = time.monotonic_ns()
    pacing.wait(now + 5_000_000, now + int(HANG_S * 1e9))
    waited = time.monotonic_ns() - now
    assert 5_000_000 <= waited < HANG_S * 1e9 / 2


def test_wait_ends_with_the_run() -> None:
    now = time.monotonic_ns()
    pacing.wait(now + int(HANG_S * 1e9), now + 2_000_000)
    assert time.monotonic_ns() - now < HANG_S * 1e9 / 2


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "no rate"),
        ("10s", "no rate"),
        ("10s:", "no rate|is no rate"),
        ("soon:5", "is no time"),
        ("10s:5-", "is no rate"),
        ("10s:-5", "is no rate"),
        ("0s:5", "more than 0"),
        ("1s:2G", "at most 1G"),
        ("5s:0,5s:0-0", "all rates are 0"),
        ("1s:nan", "is no rate"),
    ],
)
def test_no_stages(text: str, says: str) -> None:
    with pytest.raises(PacingError, match=says):
        pacing.parse_stages(text)


def test_texts() -> None:
    stages = pacing.parse_stages("10s:1k, 500ms:1k-20k/s")
    assert stages == (Stage(10.0, 1000.0, 1000.0), Stage(0.5, 1000.0, 20000.0))
    assert pacing.parse_stages(",".join(one.text() for one in stages)) == stages
    assert [units.seconds(one) for one in ("5", "5s", "2m", "1h", "250us")] == [
        5.0, 5.0, 120.0, 3600.0, 250e-6,
    ]  # fmt: skip
    assert [units.rate(one) for one in ("20k/s", "1.5M", "7", "2e3")] == [2e4, 1.5e6, 7.0, 2e3]
