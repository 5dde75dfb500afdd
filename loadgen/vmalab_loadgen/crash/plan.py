# SPDX-License-Identifier: Apache-2.0
"""What happens when: the bursts of a run, from its seed alone."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from vmalab_loadgen.crash.board import Command


class Kind(StrEnum):
    """What is special about a burst."""

    PLAIN = "plain"
    RECOVERER = "recoverer"
    BOTH = "both recoverers"
    ALL_BUT_ONE = "all but one"
    FULL = "full"
    STOPPED = "stopped"
    JOINERS = "joiners"
    LEAVERS = "leavers"


WEIGHTS: Final = {
    Kind.PLAIN: 22,
    Kind.RECOVERER: 28,
    Kind.BOTH: 12,
    Kind.ALL_BUT_ONE: 6,
    Kind.FULL: 10,
    Kind.STOPPED: 10,
    Kind.JOINERS: 6,
    Kind.LEAVERS: 6,
}
FILLS: Final = (
    Command.FILL_FRAMES,
    Command.FILL_PAGES,
    Command.FILL_VMAS,
    Command.FILL_MMS,
    Command.FILL_FILES,
)
LONG_STOP_S: Final = 6.5
"""Longer than a recovery waits for a living process to leave the core."""


@dataclass(frozen=True, slots=True)
class Burst:
    """One burst, and perhaps a second one in the recovery that follows.

    Attributes:
        size: so many processes are killed at once.
        second: so many in the recovery, the recoverer among them; 0: none.
        delay_s: before it.
        moment: of the second one, in usual lengths of a recovery after the world was stopped.
        fill: what is exhausted meanwhile.
        stopped: so many are stopped by SIGSTOP before.
        stop_s: for so long.
        again: further bursts in the recoveries after the second one.
        picks: seed of who is meant.
    """

    kind: Kind
    size: int
    second: int
    delay_s: float
    moment: float
    fill: Command
    stopped: int
    stop_s: float
    again: int
    picks: int


def bursts(
    seed: int, model: str, smallest: int, largest: int, *, long_stops: bool = True
) -> Iterator[Burst]:
    """Without end. Sizes are smallest..largest."""
    rng = random.Random(f"{seed}/{model}/bursts")
    kinds, weights = list(WEIGHTS), list(WEIGHTS.values())
    fills: list[Command] = []
    while True:
        (kind,) = rng.choices(kinds, weights)
        if not fills:
            fills = rng.sample(FILLS, len(FILLS))
        in_recovery = kind in (Kind.RECOVERER, Kind.BOTH) or rng.randrange(6) == 0
        long_stop = long_stops and rng.randrange(12) == 0
        yield Burst(
            kind=kind,
            size=rng.randint(smallest, largest),
            second=rng.randint(smallest, largest) if in_recovery else 0,
            delay_s=rng.random() * 0.04,
            moment=rng.random() * 1.1,
            fill=fills.pop() if kind == Kind.FULL else Command.RUN,
            stopped=rng.randint(1, 3) if kind == Kind.STOPPED else 0,
            stop_s=LONG_STOP_S if long_stop else 0.02 + rng.random() * 0.2,
            again=rng.choice((0, 0, 0, 1, 2)),
            picks=rng.getrandbits(32),
        )
