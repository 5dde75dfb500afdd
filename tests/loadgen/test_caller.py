# SPDX-License-Identifier: Apache-2.0
"""Goal: a caller ends when its load ends, also where an operation takes long.

Method: a driver whose operations move the clock, and no real time. A block that is begun shortly
before the end would go on long after it.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from vmalab.ops import RESULT
from vmalab_loadgen import caller
from vmalab_loadgen.caller import Caller, Clock
from vmalab_loadgen.config import LoadConfig
from vmalab_loadgen.parts import CallerEnd
from vmalab_loadgen.script import Cut, Piece, Place, Program, ScriptMaker

MS = 1_000_000


class Slow:
    """A clock, and a way to an instance that moves it with each operation."""

    def __init__(self, each_ns: int) -> None:
        self.now_ns = 0
        self.each_ns = each_ns
        self.sizes: list[int] = []

    def monotonic_ns(self) -> int:
        return self.now_ns

    def run_timed(
        self, block: bytes, spans_ns: list[tuple[int, int]], wait: Callable[[int], None]
    ) -> bytes:
        count = len(block) // 24  # a load: header, address space, address
        for number in range(count):
            wait(number)
            spans_ns.append((self.now_ns, self.now_ns + self.each_ns))
            self.now_ns += self.each_ns
        self.sizes.append(count)
        return RESULT.pack(0, 0, 0) * count


def loads(place: Place) -> Program:
    piece = Piece(place.mm)
    for _ in range(1000):
        piece.load(place.base, 0)
    while True:
        yield piece


def run(
    monkeypatch: pytest.MonkeyPatch, slow: Slow, *, seconds: float, block_ops: int
) -> CallerEnd:
    monkeypatch.setattr(caller, "time", slow)
    config = LoadConfig(processes=1, seconds=seconds, block_ops=block_ops, seed=1).filled()
    maker = ScriptMaker(
        loads, mm=1, me=0, pages=1, driver=slow, rng=np.random.default_rng(1),  # type: ignore[arg-type]
    )  # fmt: skip
    one = Caller[Cut](
        config, slow, maker, Clock.of(config, 0), None, 0, lambda part: None,  # type: ignore[arg-type]
        lambda: 1 << 62, timed=slow,
    )  # fmt: skip
    end = one.run()
    assert maker.tally.wrong == 0
    assert maker.tally.ops.total() == sum(slow.sizes)
    return end


@pytest.mark.parametrize("each_ms", [3, 20, 45])
def test_the_last_block_is_as_short_as_the_time_that_is_left(
    monkeypatch: pytest.MonkeyPatch, each_ms: int
) -> None:
    """32 operations of 45 ms are more than a second: but for the first block, whose time nobody
    knows, an end is late by one operation at most."""
    slow = Slow(each_ms * MS)
    end = run(monkeypatch, slow, seconds=9.0, block_ops=32)
    assert 9_000 * MS <= end.ended_ns <= (9_000 + each_ms) * MS
    assert slow.sizes[0] == 32
    assert max(slow.sizes) == 32
    assert len(slow.sizes) > 1
