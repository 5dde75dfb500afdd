# SPDX-License-Identifier: Apache-2.0
"""A bad client beside a good one: how long the good one's calls take, with it and without."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Protocol

RATIO_MAX: Final = 3.0
_PROGRAM = Path(__file__).with_name("bad_client.py")


class Worker(Protocol):
    """Who works now and then."""

    def go(self) -> None: ...

    def rest(self) -> None: ...


class BadClient(AbstractContextManager["BadClient"]):
    """bad_client.py as a process."""

    def __init__(self, target: str, kind: str, token: str = "") -> None:
        self._process = subprocess.Popen(
            [sys.executable, str(_PROGRAM), target, kind, token],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.met: dict[str, int] = {}

    def _say(self, word: str) -> dict[str, int]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(word + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        assert line, "the bad client has ended"
        self.met = json.loads(line)
        return self.met

    def go(self) -> None:
        self._say("go")

    def rest(self) -> None:
        self._say("rest")

    def heard(self) -> dict[str, int]:
        """What it has met so far, while it goes on."""
        return self._say("heard")

    def __exit__(self, *exception: object) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.kill()
        self._process.wait()
        self._process.stdout.close()


@dataclass(frozen=True)
class Length:
    """How a comparison is made.

    Attributes:
        rounds, rounds_max: of each kind; as many more than `rounds` as are needed for a good ratio.
        seconds: of a round.
        percent: of the calls of a round are at least so quick.
        one_of: what stands for the rounds: the median, or the best one, which the other work of the
            machine has disturbed least. A queue in front of the calls shows in every round.
    """

    rounds: int
    rounds_max: int
    seconds: float
    percent: int
    one_of: Callable[[list[float]], float]


SHORT: Final = Length(rounds=4, rounds_max=40, seconds=0.15, percent=50, one_of=min)
LONG: Final = Length(rounds=15, rounds_max=15, seconds=2.0, percent=99, one_of=statistics.median)


@dataclass
class Beside:
    """The percentile of each round alone and beside the bad one, in seconds."""

    length: Length
    alone: list[float] = field(default_factory=list)
    beside: list[float] = field(default_factory=list)
    calls: int = 0

    @property
    def ratio(self) -> float:
        return self.length.one_of(self.beside) / self.length.one_of(self.alone)

    def __str__(self) -> str:
        alone, beside = self.length.one_of(self.alone), self.length.one_of(self.beside)
        return (
            f"p{self.length.percent} {alone * 1e3:.2f} ms alone, {beside * 1e3:.2f} ms beside:"
            f" {self.ratio:.2f} times ({self.calls} calls, {len(self.alone)} pairs of rounds)"
        )


def percentile(call: Callable[[], object], length: Length, least: int = 100) -> tuple[float, int]:
    """Of as many calls as there are in a round, `least` at least, and how many those were.

    A call that is refused raises: nothing may be refused to a good client.
    """
    took: list[float] = []
    end = time.monotonic() + length.seconds
    while time.monotonic() < end or len(took) < least:
        begin = time.perf_counter()
        call()
        took.append(time.perf_counter() - begin)
    took.sort()
    return took[len(took) * length.percent // 100], len(took)


def compare(call: Callable[[], object], bad: Worker, length: Length) -> Beside:
    """Rounds alone and beside the bad client, in turn."""
    seen = Beside(length)
    while len(seen.alone) < length.rounds or (
        seen.ratio > RATIO_MAX and len(seen.alone) < length.rounds_max
    ):
        alone, first = percentile(call, length)
        bad.go()
        beside, second = percentile(call, length)
        bad.rest()
        seen.alone.append(alone)
        seen.beside.append(beside)
        seen.calls += first + second
    return seen
