# SPDX-License-Identifier: Apache-2.0
"""What a load has to keep: `fault.p99<2ms`, `achieved>0.95`.

left side: [KIND.][raw.]STATISTIC of a latency, KIND.count or KIND.rate, or one of FIGURES
right side: a time for a latency (ns, us, ms, s), a number for the rest (k, M, %)
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from vmalab_loadgen import kinds, units
from vmalab_loadgen.histogram import Latency
from vmalab_loadgen.result import LoadResult, Verdict

FIGURES: Final = ("achieved", "rate", "ops", "errors", "dropped", "wrong", "lost")
COUNTS: Final = ("count", "rate", "errors")
PLAIN: Final = ("mean", "min", "max")
HELP: Final = (
    "write [KIND.][raw.]p99<2ms (or mean, min, max, any pN), KIND.rate>10k, KIND.count, "
    f"KIND.errors, or one of {', '.join(FIGURES)}, as achieved>0.95"
)
_LEFT: Final = rf"(?:({'|'.join(kinds.NAMES)}|all)\.)?(raw\.)?(p\d+(?:\.\d+)?|[a-z]+)"
_ORDERS: Final[dict[str, Callable[[float, float], bool]]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "==": operator.eq,
}


class ThresholdError(ValueError):
    """A text that is no threshold; the message says what one is."""


@dataclass(frozen=True, slots=True)
class Threshold:
    """One comparison."""

    text: str
    kind: str
    """A kind of operation, or "" for all of them."""
    raw: bool
    figure: str
    order: str
    limit: float
    """Of a latency in ns."""

    @staticmethod
    def parse(text: str) -> Threshold:
        """Read one.

        Raises:
            ThresholdError
        """
        found = re.fullmatch(r"\s*([a-z0-9_.]+)\s*(<=|>=|==|<|>)\s*(\S+)\s*", text)
        if not found:
            raise ThresholdError(f"{text!r} is no comparison: {HELP}")
        left = re.fullmatch(_LEFT, found[1])
        if not left:
            raise ThresholdError(f"{text!r}: {found[1]} is not known: {HELP}")
        kind, raw, figure = left[1] or "", bool(left[2]), left[3]
        percentile = re.fullmatch(r"p(\d+(?:\.\d+)?)", figure)
        times = figure in PLAIN or (percentile is not None and float(percentile[1]) <= 100)
        counts = figure in (FIGURES if kind in ("", "all") else COUNTS)
        if not times and (not counts or raw):
            raise ThresholdError(f"{text!r}: {found[1]} is not known: {HELP}")
        limit = _time(text, found[3]) if times else _number(text, found[3])
        return Threshold(text.strip(), "" if kind == "all" else kind, raw, figure, found[2], limit)

    def judge(self, result: LoadResult) -> Verdict:
        """Whether a load kept it. What has no value did not: nothing of that kind was done."""
        value = self._value(result)
        passed = value is not None and _ORDERS[self.order](value, self.limit)
        return Verdict(self.text, value, passed)

    def _value(self, result: LoadResult) -> float | None:
        series = result.series
        if self.figure in PLAIN or self.figure[:1] == "p":
            kinds = series.raw if self.raw else series.corrected
            every = series.raw_all if self.raw else series.corrected_all
            return _statistic(kinds.get(self.kind, Latency()) if self.kind else every, self.figure)
        if self.kind:
            return float(_of_kind(result, self.kind, self.figure))
        return _of_all(result, self.figure)


def _time(text: str, limit: str) -> float:
    try:
        if not re.search(r"[a-zµ]$", limit):
            raise units.UnitError(f"{limit!r} has no unit: write {limit}ms or {limit}us")
        return units.seconds(limit) * 1e9
    except units.UnitError as error:
        raise ThresholdError(f"{text!r}: {error}") from None


def _number(text: str, limit: str) -> float:
    try:
        if limit.endswith("%"):
            return units.amount(limit[:-1]) / 100
        return units.rate(limit)
    except units.UnitError:
        raise ThresholdError(f"{text!r}: {limit!r} is no number: write 0.95, 95% or 20k") from None


def _statistic(latency: Latency, figure: str) -> float | None:
    if not latency.count:
        return None
    if figure in PLAIN:
        return float(getattr(latency, f"{figure}_ns"))
    return float(latency.at_percentiles((float(figure[1:]),))[0])


def _of_kind(result: LoadResult, kind: str, figure: str) -> float:
    count = result.series.ops[kind]
    if figure == "errors":
        errnos = result.series.errnos
        return sum(number for what, number in errnos.items() if what.split(" ")[0] == kind)
    return count if figure == "count" else count / (result.seconds or 1e-9)


def _of_all(result: LoadResult, figure: str) -> float | None:
    match figure:
        case "achieved":
            return result.achieved
        case "rate":
            return result.total / (result.seconds or 1e-9)
        case "ops":
            return float(result.total)
        case "errors":
            return float(result.series.errnos.total())
        case "dropped":
            return float(result.dropped)
        case "wrong":
            return float(result.wrong)
        case _:
            return float(len(result.lost))
