# SPDX-License-Identifier: Apache-2.0
"""Goal: a threshold says what it seems to say, and what is none is refused with what would be one.

Method: a result that is made up, of which each figure is known.
"""

from __future__ import annotations

from collections import Counter

import pytest

from vmalab_loadgen.config import LoadConfig
from vmalab_loadgen.histogram import Latency, Sparse
from vmalab_loadgen.pacing import Stage
from vmalab_loadgen.parts import Part
from vmalab_loadgen.result import LoadResult
from vmalab_loadgen.series import Series
from vmalab_loadgen.thresholds import Threshold, ThresholdError

MS = 1_000_000


def times(*values: int) -> Sparse:
    latency = Latency()
    for value in values:
        latency.record(value)
    return Sparse.take(latency.counts)


def result() -> LoadResult:
    """100 faults in 2 s of 60/s: of 1 ms from their begin, one of them 500 ms late; 10 munmaps."""
    config = LoadConfig(stages=(Stage(2.0, 60.0, 60.0),), seconds=2.0)
    series = Series(1.0, True)
    raw = {"fault": times(*[MS] * 100), "munmap": times(*[2 * MS] * 10)}
    corrected = {
        "fault": times(*[MS] * 98, 500 * MS, 500 * MS),
        "munmap": times(*[2 * MS] * 10),
    }
    ops = Counter(fault=100, munmap=10)
    series.add(Part(0, 0, ops, Counter({"munmap EINVAL": 3}), 0, raw, corrected))
    return LoadResult(config, series, seconds=2.0, dropped=10)


@pytest.mark.parametrize(
    ("text", "passed"),
    [
        ("fault.p50<1.1ms", True),
        ("fault.p50<900us", False),
        ("fault.p99<1.1ms", False),
        ("fault.raw.p99<1.1ms", True),
        ("raw.p99.9<=2.1ms", True),
        ("p99>0.4s", True),
        ("all.max<0.6s", True),
        ("munmap.min>1.9ms", True),
        ("munmap.mean<2.1ms", True),
        ("mmap.p99<1s", False),
        ("achieved>0.9", True),
        ("achieved>95%", False),
        ("rate>=55", True),
        ("rate>0.1k/s", False),
        ("fault.rate==50", True),
        ("fault.count>99", True),
        ("munmap.errors==3", True),
        ("errors<3", False),
        ("dropped==10", True),
        ("wrong==0", True),
        ("lost<1", True),
        ("ops>109", True),
    ],
)
def test_thresholds(text: str, passed: bool) -> None:
    verdict = Threshold.parse(text).judge(result())
    assert verdict.passed == passed, verdict
    assert verdict.text == text


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "no comparison"),
        ("p99", "no comparison"),
        ("p99<", "no comparison"),
        ("fault.p99<2", "no unit"),
        ("fault.p99<2kg", "no time"),
        ("fault.p101<2ms", "not known"),
        ("jump.p99<2ms", "not known"),
        ("fault.achieved>1", "not known"),
        ("raw.count>1", "not known"),
        ("rate>2ms", "no number"),
        ("fault.p99=2ms", "no comparison"),
    ],
)
def test_no_thresholds(text: str, says: str) -> None:
    with pytest.raises(ThresholdError, match=says):
        Threshold.parse(text)
