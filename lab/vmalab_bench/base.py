# SPDX-License-Identifier: Apache-2.0
"""The frame of every bench: its errors, the head of its output, its targets."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from vmalab_bench import SEED_MAX, machine
from vmalab_bench.stats import Estimate
from vmalab_drive.errors import CommandError, UsageError

PAGE: Final = 4096
_said: Final[list[Callable[[str], None]]] = [lambda text: None]
BASE: Final = 0x1000_0000_0000
"""Where the benches put their VMAs."""


class BenchError(CommandError):
    """The measurement could not be made, or what was measured gave wrong answers."""


class BadRequest(UsageError, BenchError):
    """What was asked for cannot be measured here; the user can ask for something else."""


@dataclass(frozen=True, slots=True)
class Aim:
    """A figure that has a goal. Missing it is no error: the machine may be busy."""

    name: str
    estimate: Estimate | None
    at_least: float | None = None
    at_most: float | None = None
    note: str = ""
    width_max: float | None = None
    """Half of the interval, as a part of the value; a wider one decides nothing."""

    @property
    def undecided(self) -> bool:
        """It was measured, and not well enough to say."""
        if self.estimate is None or self.width_max is None:
            return False
        half = (self.estimate.high - self.estimate.low) / 2
        return half > self.width_max * abs(self.estimate.value)

    @property
    def met(self) -> bool | None:
        """None when it was not measured. What is undecided is not passed."""
        if self.estimate is None:
            return None
        if self.undecided:
            return False
        value = self.estimate.value
        low = self.at_least is None or value >= self.at_least
        return low and (self.at_most is None or value <= self.at_most)

    def as_dict(self) -> dict[str, Any]:
        goal: dict[str, Any] = {}
        if self.at_least is not None:
            goal["at_least"] = self.at_least
        if self.at_most is not None:
            goal["at_most"] = self.at_most
        return {
            "name": self.name,
            "value": self.estimate.value if self.estimate else None,
            "interval": self.estimate.interval if self.estimate else None,
            **goal,
            "met": self.met,
            "undecided": self.undecided,
            "note": self.note,
        }


def verdict(aim: dict[str, Any]) -> str:
    """What is said of a target: yes, no, undecided; nothing of what was not measured."""
    if aim["value"] is None:
        return ""
    return "undecided" if aim.get("undecided") else "yes" if aim["met"] else "no"


def rounds(count: int) -> Iterator[int]:
    """0 to count - 1; says which one it is at, between the measurements."""
    for number in range(count):
        _said[0](f"round {number + 1} of {count}")
        yield number


def tell(said: Callable[[str], None]) -> None:
    """Who hears how far a bench is; nobody hears it otherwise."""
    _said[0] = said


def say(text: str) -> None:
    """How far it is, of a bench without rounds."""
    _said[0](text)


def missed(aims: Sequence[dict[str, Any]]) -> list[str]:
    """The targets that were measured and not passed, each with what was measured."""
    said = []
    for aim in aims:
        if aim["value"] is not None and not aim["met"]:
            note = f" ({aim['note']})" if aim["note"] else ""
            said.append(f"{aim['name']}{note}: {verdict(aim)}, measured {aim['value']:.4g}")
    return said


def fresh_seed() -> int:
    return secrets.randbelow(SEED_MAX)


def head(bench: str, seed: int) -> dict[str, Any]:
    """What every output begins with."""
    date = datetime.now(UTC).date().isoformat()
    return {"bench": bench, "seed": seed, "date": date, "machine": machine.facts()}
