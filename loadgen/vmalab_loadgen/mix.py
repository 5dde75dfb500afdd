# SPDX-License-Identifier: Apache-2.0
"""The mix of operations: `fault=90,mmap=5,munmap=5`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

KINDS: Final = (
    "fault",
    "mmap",
    "munmap",
    "mprotect",
    "madvise",
    "mremap",
    "mincore",
    "brk",
    "fork",
    "exit",
    "uffd_move",
)
DEFAULT: Final = "fault=90,mmap=5,munmap=5"


class MixError(ValueError):
    """A mix that says nothing or names an unknown operation."""


@dataclass(frozen=True, slots=True)
class Mix:
    """Shares of each kind of operation; they add up to 1."""

    shares: tuple[tuple[str, float], ...]

    @staticmethod
    def parse(text: str) -> Mix:
        """Read `name=weight,...`; weights are any numbers of 0 and more.

        Raises:
            MixError: an unknown or repeated name, a weight that is none, or all weights 0.
        """
        weights: dict[str, float] = {}
        for part in text.split(","):
            name, equals, number = part.strip().partition("=")
            name = name.strip().lower().replace("-", "_")
            if name not in KINDS:
                raise MixError(f"unknown operation {name!r}: one of {', '.join(KINDS)}")
            if name in weights:
                raise MixError(f"{name} is given twice")
            try:
                weight = float(number) if equals else 1.0
            except ValueError:
                raise MixError(f"{name}: {number!r} is no number") from None
            if not 0 <= weight < float("inf"):
                raise MixError(f"{name}: a weight is 0 or more, not {number}")
            weights[name] = weight
        total = sum(weights.values())
        if total <= 0:
            raise MixError("all weights are 0")
        return Mix(tuple((name, weight / total) for name, weight in weights.items() if weight))

    def share(self, name: str) -> float:
        return dict(self.shares).get(name, 0.0)

    def text(self) -> str:
        """The mix in percent, in a form parse() reads."""
        return ",".join(f"{name}={share * 100:g}" for name, share in self.shares)

    def counts(self, total: int, debts: dict[str, float]) -> dict[str, int]:
        """How many of each kind go into a block of `total` operations.

        Fractions are carried to the next block in `debts`, so that rare kinds come in their share.
        """
        result: dict[str, int] = {}
        for name, share in self.shares:
            exact = share * total + debts.get(name, 0.0)
            result[name] = int(exact)
            debts[name] = exact - result[name]
        missing = total - sum(result.values())
        for name in sorted(debts, key=lambda one: -debts[one])[: max(missing, 0)]:
            result[name] += 1
            debts[name] -= 1.0
        while missing < 0:  # kinds that are ahead of their share had less than nothing to give
            name = min((one for one in result if result[one]), key=lambda one: debts[one])
            result[name] -= 1
            debts[name] += 1.0
            missing += 1
        return result
