# SPDX-License-Identifier: Apache-2.0
"""Goal: a mix says what it means, and blocks keep to it over time."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from vmalab_loadgen.mix import DEFAULT, KINDS, Mix, MixError


def test_default() -> None:
    mix = Mix.parse(DEFAULT)
    assert (mix.share("fault"), mix.share("mmap"), mix.share("fork")) == (0.9, 0.05, 0.0)


@pytest.mark.parametrize(
    "text", ["", "fault", "fault=90, uffd-move=5 ,EXIT=5", "brk=0.5,mincore=1.5", "fault=1,mmap=0"]
)
def test_forms(text: str) -> None:
    if not text:
        with pytest.raises(MixError):
            Mix.parse(text)
        return
    assert sum(share for _, share in Mix.parse(text).shares) == pytest.approx(1.0)


@pytest.mark.parametrize(
    "text",
    ["jump=1", "fault=-1", "fault=many", "fault=0", "fault=1,fault=2", "fault=inf", "fault=nan"],
)
def test_refused(text: str) -> None:
    with pytest.raises(MixError):
        Mix.parse(text)


@example({"fault": 1, "mmap": 1, "munmap": 1, "mprotect": 11, "madvise": 11}, 1)
@given(
    st.dictionaries(st.sampled_from(KINDS), st.integers(1, 1000), min_size=1),
    st.integers(1, 200),
)
def test_counts_keep_the_shares(weights: dict[str, int], size: int) -> None:
    """Every block has its size, and after many blocks no kind is more than one operation off."""
    mix = Mix.parse(",".join(f"{name}={weight}" for name, weight in weights.items()))
    debts: dict[str, float] = {}
    total = dict.fromkeys(weights, 0)
    for _ in range(50):
        counts = mix.counts(size, debts)
        assert sum(counts.values()) == size
        for name, number in counts.items():
            assert number >= 0
            total[name] += number
    for name, share in mix.shares:
        assert abs(total[name] - share * size * 50) <= len(weights) + 1
