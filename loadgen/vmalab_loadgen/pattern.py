# SPDX-License-Identifier: Apache-2.0
"""Which pages and which VMAs the operations of a mix go to, and how large its maps are.

A pattern gives each of `count` places a weight, or an order. Places that cannot be used, such as
pages that are not mapped, are left out, and the weights of the others stay as they are to each
other: what is drawn has the distribution that the pattern has on the places that are left.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Final, Literal, cast

import numpy as np
import numpy.typing as npt

from vmalab_loadgen.arena import SLOT_PAGES

Kind = Literal["random", "sequential", "zipf", "working-set"]
KINDS: Final[tuple[Kind, ...]] = ("random", "sequential", "zipf", "working-set")
FORMS: Final = "random, sequential, zipf:THETA or working-set:N/M"
THETA_MAX: Final = 10.0
PAGES_MAX: Final = 4096
"""Of one map."""
ARENA_PAGES_MAX: Final = 1 << 20
"""Of all maps of a caller, if each has the largest size."""
_SCATTER: Final = 0x21F
"""Seed of the order of pages by weight, the same for all callers, so that those who share an
address space find each other's."""

Floats = npt.NDArray[np.float64]
Places = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]


class PatternError(ValueError):
    """A text that is no pattern, or no sizes; the message says what would be one."""


def _percent(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value <= 100:
        raise PatternError(f"{text!r}: give more than 0 and at most 100 percent")
    return value / 100


@dataclass(frozen=True, slots=True)
class Pattern:
    """How accesses are spread.

    Attributes:
        theta: of zipf: the place of rank k has the weight 1 / k**theta.
        accesses, places: of a working set: this part of the accesses goes to this part of the
            places, which are the first ones.
    """

    kind: Kind = "random"
    theta: float = 0.0
    accesses: float = 1.0
    places: float = 1.0

    @staticmethod
    def parse(text: str) -> Pattern:
        """Read one of FORMS.

        Raises:
            PatternError
        """
        kind, colon, rest = text.strip().partition(":")
        if kind not in KINDS or bool(colon) != (kind in ("zipf", "working-set")):
            raise PatternError(f"{text!r} is no pattern: give {FORMS}")
        if kind == "zipf":
            return Pattern(kind, theta=_theta(rest))
        if kind == "working-set":
            accesses, slash, places = rest.partition("/")
            if not slash:
                raise PatternError(f"{text!r}: give N/M, N % of the accesses to M % of the places")
            return Pattern("working-set", accesses=_percent(accesses), places=_percent(places))
        return Pattern(cast(Kind, kind))

    def text(self) -> str:
        """In a form parse() reads."""
        if self.kind == "zipf":
            return f"zipf:{self.theta:g}"
        if self.kind == "working-set":
            return f"working-set:{self.accesses * 100:g}/{self.places * 100:g}"
        return self.kind

    def hot(self, count: int) -> int:
        """Places of the working set."""
        return max(1, math.ceil(count * self.places - 1e-9))

    def weights(self, count: int) -> Floats:
        """Of each place; they add up to 1. Those of zipf are scattered over the places."""
        found: Floats = np.full(count, 1.0 / max(count, 1))
        if self.kind == "zipf":
            order = np.random.default_rng(_SCATTER).permutation(count)
            found[order] = np.arange(1, count + 1, dtype=np.float64) ** -self.theta
        if self.kind == "working-set" and (hot := self.hot(count)) < count:
            found[:hot] = self.accesses / hot
            found[hot:] = (1 - self.accesses) / (count - hot)
        found /= found.sum()
        return found


RANDOM: Final = Pattern()
"""What is taken where nothing is said."""


def _theta(text: str) -> float:
    try:
        theta = float(text)
    except ValueError:
        theta = math.nan
    if not 0 < theta <= THETA_MAX:
        raise PatternError(f"zipf:{text}: give a theta of more than 0, at most {THETA_MAX:g}, "
                           "as zipf:0.99")  # fmt: skip
    return theta


@dataclass(slots=True)
class Chooser:
    """Draws places in a pattern."""

    pattern: Pattern
    count: int
    rng: np.random.Generator
    next: int = 0
    """Of a sequence."""
    _weights: Floats = field(init=False)

    def __post_init__(self) -> None:
        weighted = self.pattern.kind in ("zipf", "working-set")
        self._weights = self.pattern.weights(self.count if weighted else 0)

    def draw(self, count: int, usable: Flags) -> Places:
        """So many places, each usable, in the order of use; none if none is usable."""
        places: Places = np.flatnonzero(usable)
        if not len(places):
            return places
        if self.pattern.kind == "sequential":
            at = np.searchsorted(places, self.next) + np.arange(count)
            found: Places = places[at % len(places)]
            self.next = int(found[-1]) + 1 if count else self.next
            return found
        if self.pattern.kind == "random":
            return places[self.rng.integers(0, len(places), count)]
        sums = np.cumsum(self._weights[places])
        if not sums[-1]:  # a working set with all accesses, and none of its places
            return places[self.rng.integers(0, len(places), count)]
        at = np.searchsorted(sums, self.rng.random(count) * sums[-1], side="right")
        drawn: Places = places[np.minimum(at, len(places) - 1)]
        return drawn

    def order(self, usable: Places) -> Places:
        """All of these places, in the order in which each is to be used once."""
        if self.pattern.kind == "sequential":
            at = int(np.searchsorted(usable, self.next))
            return np.concatenate((usable[at:], usable[:at]))
        if self.pattern.kind == "random":
            mixed: Places = self.rng.permutation(usable)
            return mixed
        # Exponential clocks: the next to ring is each place with the probability of its weight.
        rings = self.rng.exponential(1.0, len(usable)) / np.maximum(self._weights[usable], 1e-300)
        return usable[np.argsort(rings)]


@dataclass(frozen=True, slots=True)
class Sizes:
    """Sizes of maps in pages: parts from..to with weights that add up to 1. Within a part each
    size is as likely as the others."""

    parts: tuple[tuple[int, int, float], ...]

    @staticmethod
    def parse(text: str) -> Sizes:
        """Read `8`, `4-64`, or `1:50,8:30,64-256:20`: sizes or ranges with weights.

        Raises:
            PatternError
        """
        found = []
        for part in text.split(","):
            sizes, colon, weight = part.strip().partition(":")
            low, dash, high = sizes.partition("-")
            try:
                first, last = int(low), int(high if dash else low)
                share = float(weight) if colon else 1.0
            except ValueError:
                raise PatternError(f"{part.strip()!r}: give PAGES, PAGES-PAGES or either with "
                                   ":WEIGHT, as 1:50,8-64:50") from None  # fmt: skip
            if not 1 <= first <= last <= PAGES_MAX:
                raise PatternError(f"{part.strip()!r}: give 1 to {PAGES_MAX} pages")
            if not 0 < share < math.inf:
                raise PatternError(f"{part.strip()!r}: a weight is more than 0")
            found.append((first, last, share))
        total = sum(share for _, _, share in found)
        return Sizes(tuple((first, last, share / total) for first, last, share in found))

    def text(self) -> str:
        """In a form parse() reads; weights in percent."""
        texts = [f"{low}-{high}" if high > low else f"{low}" for low, high, _ in self.parts]
        if len(texts) == 1:
            return texts[0]
        shares = [f"{share * 100:g}" for _, _, share in self.parts]
        return ",".join(f"{one}:{share}" for one, share in zip(texts, shares, strict=True))

    @property
    def most(self) -> int:
        return max(high for _, high, _ in self.parts)

    def draw(self, rng: np.random.Generator) -> int:
        """One size. A fixed one takes nothing from the generator."""
        at = 0
        if len(self.parts) > 1:
            sums = np.cumsum([share for _, _, share in self.parts])
            at = min(int(np.searchsorted(sums, rng.random(), side="right")), len(sums) - 1)
        low, high, _ = self.parts[at]
        return int(rng.integers(low, high + 1)) if high > low else low


USUAL: Final = Sizes(((SLOT_PAGES, SLOT_PAGES, 1.0),))
"""What is taken where nothing is said."""
