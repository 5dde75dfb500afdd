# SPDX-License-Identifier: Apache-2.0
"""The runs of a campaign, and how two plans differ.

Seeds come in the outermost loop: all settings run with the first seed, then all with the second. So
a machine that gets slower in the course of a campaign does so for each setting alike, and what is
there after half of the time says something of all settings.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from vmalab_campaign.kinds import Value

RUNS_MAX: Final = 10_000
DIFFERENCES_SHOWN: Final = 8


@dataclass(frozen=True, slots=True)
class Run:
    """One run.

    Attributes:
        number: its place in the plan, from 1.
        work: the section of the file.
        axes: the values that it has on the axes of its section, but for the seed.
        command: the words behind `vmalab`.
        files: files that the command reads, by the name that it has for them.
    """

    number: int
    work: str
    kind: str
    axes: Mapping[str, Value]
    seed: int
    command: tuple[str, ...]
    files: Mapping[str, str] = field(default_factory=dict)
    timeout_s: float = 0.0

    @property
    def key(self) -> str:
        """What names it, in the campaign and in its results."""
        return " ".join((self.work, *setting_words(self.axes), f"seed={self.seed}"))

    @property
    def digest(self) -> str:
        """Of all that it does."""
        facts = [self.kind, self.command, dict(self.files), self.timeout_s]
        return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:32]


@dataclass(frozen=True, slots=True)
class Plan:
    """What a file says.

    Attributes:
        where: what messages call the file.
        text: the file as it was.
        processors: that a run has for itself.
        left_out: combinations that cannot be, each with the reason.
        measures: works that measure time.
    """

    where: str
    text: str
    processors: int
    runs: tuple[Run, ...]
    left_out: tuple[str, ...] = ()
    measures: tuple[str, ...] = ()


def setting_words(axes: Mapping[str, Value]) -> list[str]:
    """As model=refcount."""
    return [f"{name}={value_text(value)}" for name, value in axes.items()]


def value_text(value: Value) -> str:
    """As the file has it."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def differences(before: Mapping[str, str], after: Sequence[Run]) -> list[str]:
    """What two plans do not have in common, a line each.

    Args:
        before: key of each run, and its digest.
    """
    now = {run.key: run.digest for run in after}
    gone = [key for key in before if key not in now]
    new = [key for key in now if key not in before]
    other = [key for key in before if key in now and now[key] != before[key]]
    found = []
    for what, keys in (("gone", gone), ("new", new), ("has another command", other)):
        found += [f"{key}: {what}" for key in keys[:DIFFERENCES_SHOWN]]
        if len(keys) > DIFFERENCES_SHOWN:
            found.append(f"{len(keys) - DIFFERENCES_SHOWN} more: {what}")
    return found
