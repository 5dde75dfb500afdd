# SPDX-License-Identifier: Apache-2.0
"""Which calls or blocks of a driver are asked where their time went, and what came back."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from vmalab_client.call_parts import CallParts


@dataclass(frozen=True, slots=True)
class Answered:
    """One that was asked.

    Attributes:
        number: of the record in its block; 0 of a block.
        handed_ns, back_ns: when gRPC got the request, and when it gave the answer, of
            CLOCK_MONOTONIC.
        parts: what the worker said; None: nothing.
    """

    number: int
    handed_ns: int
    back_ns: int
    parts: CallParts | None


@dataclass(slots=True)
class Sampler:
    """Chooses one in `every`, with gaps at random: a program that repeats itself is seen in all its
    steps.

    Args:
        every: 1 or more.
        seed: of the gaps.
    """

    every: int
    seed: int
    answered: list[Answered] = field(default_factory=list)
    """Since the last time that they were taken."""
    _gap: int = 0
    _random: random.Random = field(init=False)

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)
        self._gap = self._random.randint(1, self.every)

    def chooses(self) -> bool:
        """Whether the next call or block is asked."""
        self._gap -= 1
        if self._gap:
            return False
        self._gap = self._random.randint(1, 2 * self.every - 1)
        return True

    def taken(self) -> list[Answered]:
        """What came back since the last time."""
        taken, self.answered = self.answered, []
        return taken
