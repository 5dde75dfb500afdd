# SPDX-License-Identifier: Apache-2.0
"""What happens when: the bursts of a run, from its seed alone."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from vmalab_crash.board import Command


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


IN_RECOVERY: Final = {
    Kind.RECOVERER: 14,
    Kind.BOTH: 6,
    Kind.FULL: 2,
    Kind.STOPPED: 1,
    Kind.PLAIN: 1,
}
"""Every other burst is of these, with a second one in the recovery, so that no run has too few."""
OTHERS: Final = {
    Kind.PLAIN: 8,
    Kind.ALL_BUT_ONE: 3,
    Kind.FULL: 4,
    Kind.STOPPED: 4,
    Kind.JOINERS: 3,
    Kind.LEAVERS: 3,
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
    fills: list[Command] = []
    in_recovery = rng.randrange(2) == 0
    while True:
        in_recovery = not in_recovery
        weights = IN_RECOVERY if in_recovery else OTHERS
        (kind,) = rng.choices(list(weights), list(weights.values()))
        if not fills:
            fills = rng.sample(FILLS, len(FILLS))
        size = rng.randint(smallest, largest)
        long_stop = long_stops and rng.randrange(12) == 0
        yield Burst(
            kind=kind,
            size=size,
            second=max(rng.randint(smallest, largest), size // 2) if in_recovery else 0,
            delay_s=rng.random() * 0.04,
            moment=rng.random() * 1.1,
            fill=fills.pop() if kind == Kind.FULL else Command.RUN,
            stopped=rng.randint(1, 3) if kind == Kind.STOPPED else 0,
            stop_s=LONG_STOP_S if long_stop else 0.02 + rng.random() * 0.2,
            again=rng.choice((0, 0, 0, 1, 2)),
            picks=rng.getrandbits(32),
        )
