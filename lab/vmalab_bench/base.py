# SPDX-License-Identifier: Apache-2.0
"""The frame of every bench: its errors, the head of its output, its targets."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import Any, Final

from vmalab_bench import SEED_MAX, machine
from vmalab_bench.stats import Estimate
from vmalab_drive.errors import CommandError, UsageError

PAGE: Final = 4096
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

    @property
    def met(self) -> bool | None:
        """None when it was not measured."""
        if self.estimate is None:
            return None
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
            "note": self.note,
        }


def fresh_seed() -> int:
    return secrets.randbelow(SEED_MAX)


def head(bench: str, seed: int) -> dict[str, Any]:
    """What every output begins with."""
    return {"bench": bench, "seed": seed, "machine": machine.facts()}
