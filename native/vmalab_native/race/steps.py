# SPDX-License-Identifier: Apache-2.0
"""What the race lab must find on each step of the history: the table in steps.toml."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

from vmalab_native import cores

TABLE: Final = Path(__file__).resolve().parent / "steps.toml"


@dataclass(frozen=True, slots=True)
class Break:
    """A violation that a step has by itself."""

    invariant: str
    why: str


@dataclass(frozen=True, slots=True)
class Step:
    """A step of the history."""

    name: str
    has: dict[str, str]
    """Mutants that change nothing on it, by name, and why."""
    breaks: dict[str, Break]
    """By scenario: what breaks there without a mutant."""


@cache
def table() -> dict[str, Step]:
    """Every step by its name."""
    data = tomllib.loads(TABLE.read_text(encoding="utf-8"))
    return {
        name: Step(
            name,
            dict(data[name].get("has", {})),
            {key: Break(**row) for key, row in data[name].get("breaks", {}).items()},
        )
        for name in cores.steps()
    }


def has(mutant: str, model: str) -> bool:
    """Whether the model is a step that a mutant of its lock model does not change."""
    step = table().get(model)
    return step is not None and mutant in step.has


def expected(scenario: str, model: str) -> Break | None:
    """What breaks in a scenario on a model without a mutant, by its own design."""
    step = table().get(model)
    return step.breaks.get(scenario) if step else None
