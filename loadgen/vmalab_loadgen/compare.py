# SPDX-License-Identifier: Apache-2.0
"""Compares the reports of two loads: how much a figure changed, and if that is more than noise.

The samples of a report are its intervals. The change is the ratio of their means (of rates) or of
their medians (of latencies). Its interval comes from drawing intervals again and again, with
replacement, from both reports. A change is significant if that interval does not contain 1.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from vmalab_drive.errors import UsageError
from vmalab_drive.report import short
from vmalab_loadgen import job
from vmalab_loadgen.page import time_text
from vmalab_loadgen.result import SCHEMA, SCHEMA_VERSION

DRAWS: Final = 4000
SAMPLES_MIN: Final = 5
"""With fewer intervals in one of the reports nothing is called significant."""
STATISTICS: Final = ("p50", "p99")
CONDITIONS: Final = (
    "mode", "processes", "callers", "shared_mms", "workload", "mix", "vmas", "pattern",
    "vma_pattern", "map_pages", "fork_tree", "churn_per_s", "block_ops", "window", "loop",
    "arrival", "stages", "machine", "lookup",
)  # fmt: skip
"""What has to be the same in both for a change to have one cause."""

Samples = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Change:
    """One figure in both reports.

    Attributes:
        low, high: the interval of the ratio, 95 %.
        samples: intervals of the one that has fewer.
    """

    operation: str
    figure: str
    before: float
    after: float
    low: float
    high: float
    samples: int

    @property
    def ratio(self) -> float:
        return self.after / self.before if self.before else float("inf")

    @property
    def significant(self) -> bool:
        return self.samples >= SAMPLES_MIN and not self.low <= 1 <= self.high

    def as_dict(self) -> dict[str, Any]:
        return {
            "operation": self.operation,
            "figure": self.figure,
            "before": self.before,
            "after": self.after,
            "change": round(self.ratio - 1, 4),
            "low": round(self.low - 1, 4),
            "high": round(self.high - 1, 4),
            "samples": self.samples,
            "significant": self.significant,
        }


def read(path: Path) -> dict[str, Any]:
    """A report of a load, or of a job.

    Raises:
        UsageError: it is none, or of another version.
    """
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}") from None
    except ValueError:
        raise UsageError(f"{path}: not JSON; give what `vmalab load --json FILE` wrote") from None
    versions = {SCHEMA: SCHEMA_VERSION, job.SCHEMA: job.SCHEMA_VERSION}
    if not isinstance(data, dict) or data.get("schema") not in versions:
        raise UsageError(f"{path}: no report of a load; give what `vmalab load --json FILE` wrote")
    good, version = versions[data["schema"]], data.get("schema_version")
    if version != good:
        raise UsageError(f"{path}: version {version} of the report; this reads {good}")
    if not isinstance(data.get("intervals"), list) or not data["intervals"]:
        raise UsageError(f"{path}: it has no interval, so there is nothing to compare")
    return data


def both(
    before: Mapping[str, Any], after: Mapping[str, Any]
) -> Sequence[tuple[str, Mapping[str, Any], Mapping[str, Any]]]:
    """What can be compared: the loads, "" by name, or each section that both jobs have.

    Raises:
        UsageError: they have nothing in common.
    """
    jobs = [one["schema"] == job.SCHEMA for one in (before, after)]
    if not any(jobs):
        return [("", before, after)]
    if not all(jobs):
        raise UsageError("one report is of a job, and the other of a load: give two of a kind")
    sides = [
        {
            name: {"machine": one["machine"], "lookup": one.get("lookup"), **section}
            for name, section in one["sections"].items()
            if section["intervals"]
        }
        for one in (before, after)
    ]
    common = [(name, sides[0][name], sides[1][name]) for name in sides[0] if name in sides[1]]
    if not common:
        raise UsageError("the jobs have no section in common, so there is nothing to compare")
    return common


def differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    """Conditions that are not the same."""
    return [
        f"{name}: {before.get(name)} and {after.get(name)}"
        for name in CONDITIONS
        if before.get(name) != after.get(name)
    ]


def compare(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Change]:
    """Every figure that both have: first those of all operations, then of each kind."""
    found = []
    kinds = [one for one in before["operations"] if one in after["operations"]]
    for kind in ("all", *kinds):
        for figure in ("rate", *STATISTICS):
            samples = [_samples(one, kind, figure) for one in (before, after)]
            if all(len(one) for one in samples):
                found.append(_change(kind, figure, samples[0], samples[1]))
    return found


def _whole(data: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Intervals that are as long as they should be."""
    rows: list[Mapping[str, Any]] = data["intervals"]
    least = data["interval_s"] * 0.9
    return [one for one in rows if one["end_s"] - one["begin_s"] >= least] or rows


def _samples(data: Mapping[str, Any], kind: str, figure: str) -> Samples:
    values = []
    for row in _whole(data):
        one = row if kind == "all" else row["operations"].get(kind, {"count": 0, "latency_us": {}})
        if figure == "rate":
            count = row["ops"] if kind == "all" else one["count"]
            values.append(count / max(row["end_s"] - row["begin_s"], 1e-3))
        elif one["latency_us"]:
            values.append(one["latency_us"][figure])
    return np.array(values, np.float64)


def _change(kind: str, figure: str, before: Samples, after: Samples) -> Change:
    rng = np.random.default_rng(len(before) << 16 | len(after))
    middle = np.mean if figure == "rate" else np.median

    def drawn(samples: Samples) -> Samples:
        picked = rng.integers(0, len(samples), (DRAWS, len(samples)))
        result: Samples = middle(samples[picked], axis=1)
        return result

    ratios = drawn(after) / np.maximum(drawn(before), 1e-12)
    low, high = np.percentile(ratios, [2.5, 97.5]).tolist()
    return Change(
        kind,
        figure,
        round(float(middle(before)), 3),
        round(float(middle(after)), 3),
        low,
        high,
        min(len(before), len(after)),
    )


def rows_of(changes: Sequence[Change]) -> list[list[str]]:
    """Cells of a table."""
    rows = []
    for one in changes:
        text = _rate if one.figure == "rate" else time_text
        rows.append(
            [
                one.operation,
                one.figure,
                text(one.before),
                text(one.after),
                f"{one.ratio - 1:+.1%}",
                f"{one.low - 1:+.1%}..{one.high - 1:+.1%}",
                "yes" if one.significant else "no",
            ]
        )
    return rows


def _rate(value: float) -> str:
    return f"{short(value)}/s"
