# SPDX-License-Identifier: Apache-2.0
"""What came of a load, and the same as one JSON object. docs/load.md has each key."""

from __future__ import annotations

import datetime
import math
import os
import platform
import statistics
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from vmalab_drive.report import LOCK_COUNTERS
from vmalab_loadgen import call_parts
from vmalab_loadgen.agent_part import AgentPart
from vmalab_loadgen.blocks import WRONG_SHOWN, Wrong
from vmalab_loadgen.config import REACHED, LoadConfig
from vmalab_loadgen.histogram import Latency
from vmalab_loadgen.kinds import RENEWAL
from vmalab_loadgen.series import Interval, Series
from vmalab_loadgen.target_part import TargetPart
from vmalab_loadgen.workloads import TRACE

SCHEMA: Final = "vmalab-load"
SCHEMA_VERSION: Final = 2
BOUND_SHARE: Final = 0.3
"""From so much of the CPU time that they can have, the clients are a part of what is measured."""
LATENCY_OF: Final = {"unary": "one call", "batch": "one block", "attach": "one operation"}


def parts_of(sums: Mapping[str, int]) -> dict[str, float]:
    """Where the time of the operations of a kind went, of those that were timed; microseconds.

    Args:
        sums: parts.SUMS.
    """
    timed, locked = sums["timed"], sums["mmap_locked"]
    others = timed - locked

    def mean(ns: int, count: int) -> float:
        return round(ns / count / 1000, 4) if count else 0.0

    return {
        "timed": timed,
        "mean_us": mean(sums["ns"], timed),
        "waited": sums["waited"],
        "lock_wait_share": round(sums["wait_ns"] / max(sums["ns"], 1), 4),
        "lock_wait_us": mean(sums["wait_ns"], sums["waited"]),
        "mmap_locked": locked,
        "mmap_locked_share": round(sums["mmap_locked_ns"] / max(sums["ns"], 1), 4),
        "mmap_locked_us": mean(sums["mmap_locked_ns"], locked),
        "vma_locked_us": mean(sums["ns"] - sums["mmap_locked_ns"], others),
    }


@dataclass(frozen=True, slots=True)
class Verdict:
    """A threshold and how it was kept."""

    text: str
    value: float | None
    passed: bool


@dataclass(slots=True)
class LoadResult:
    """What came of a load."""

    config: LoadConfig
    series: Series
    name: str = ""
    """Of the section of a job."""
    started: float = 0.0
    """When the warm-up was over, in seconds since 1970."""
    begun_ns: int = 0
    stopped_ns: int = 0
    seconds: float = 0.0
    """From the end of the warm-up to the last answer."""
    dropped: int = 0
    not_renewed: int = 0
    """As in parts.CallerEnd."""
    timing_cost_ns: int = 0
    """As in parts.CallerEnd, of the caller that paid most."""
    parts_costs_ns: list[int] = field(default_factory=list)
    """As in parts.CallerEnd, of each caller."""
    lost: list[str] = field(default_factory=list)
    ended_by: str = ""
    client_cpu_s: float = 0.0
    client_share: float = 0.0
    """Of the CPU time that the client processes could have had."""
    wrong_first: list[Wrong] = field(default_factory=list)
    vmstat: dict[str, int] = field(default_factory=dict)
    slabs: dict[str, dict[str, int]] = field(default_factory=dict)
    slabinfo: list[dict[str, int | str]] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    leaks: dict[str, tuple[int, int]] = field(default_factory=dict)
    checked: bool = False
    verdicts: list[Verdict] = field(default_factory=list)
    turns: int = 0
    """Of a trace, as in parts.CallerEnd."""
    between: int = 0
    not_compared: Counter[str] = field(default_factory=Counter)
    agents: list[AgentPart] = field(default_factory=list)
    """Those that did it, each a part: agents, or the loads at several servers."""
    targets: list[TargetPart] = field(default_factory=list)
    """Of a load with agents, or at several servers: each server."""

    @property
    def wrong(self) -> int:
        return self.series.wrong

    @property
    def total(self) -> int:
        return self.series.ops.total()

    @property
    def asked(self) -> float:
        """Operations that were due in the time that was measured; 0 in the closed loop."""
        config = self.config
        if not config.open_loop:
            return 0.0
        end_s = config.seconds
        if self.stopped_ns:
            end_s = min(end_s, (self.stopped_ns - self.begun_ns) / 1e9)
        profile, warm = config.profile, config.warmup_s
        return max(0.0, profile.due(warm + end_s) - profile.due(warm))

    @property
    def asked_s(self) -> float:
        """The time in which they were due."""
        planned = self.config.seconds
        return min(planned, self.seconds) if self.stopped_ns else planned

    @property
    def achieved(self) -> float | None:
        """Done of what was due; None in the closed loop."""
        asked = self.asked
        if not self.config.open_loop:
            return None
        done = self.total - self.series.ops[RENEWAL]
        return min(1.0, done / asked) if asked >= 1 else 1.0

    @property
    def reached(self) -> bool:
        """Whether the rate that was asked for was kept; in the closed loop there is none."""
        achieved = self.achieved
        return achieved is None or achieved >= REACHED

    @property
    def renewals_due(self) -> int:
        """Callers that were to leave for others until the end."""
        return self.series.ops[RENEWAL] + self.not_renewed

    @property
    def renewed(self) -> bool:
        """Whether callers came and went as often as was asked for."""
        return self.series.ops[RENEWAL] >= REACHED * self.renewals_due

    @property
    def client_bound(self) -> bool:
        idle = self.config.open_loop and self.reached
        return self.client_share >= BOUND_SHARE and not idle

    @property
    def good(self) -> bool:
        sound = not self.wrong and not self.problems and not self.leaks and not self.lost
        kept = all(one.passed for one in self.verdicts)
        rates = self.reached and self.renewed
        return sound and kept and (rates or self.config.rate_may_miss)

    def as_dict(self, *, histograms: bool = True) -> dict[str, Any]:
        """Everything, for `--json`.

        Args:
            histograms: with the histograms themselves.
        """
        series, seconds = self.series, self.seconds or 1e-9
        vmas = self.slabs.get("vm_area_struct", {})
        data = self._asked_for() | {
            "seconds": round(self.seconds, 3),
            "ended_by": self.ended_by,
            "ops": self.total,
            "ops_per_s": round(self.total / seconds),
            "faults_per_s": round(series.ops["fault"] / seconds),
            "ops_by_kind": dict(series.ops.most_common()),
            "errnos": dict(series.errnos.most_common()),
            **self._rates(),
            "client": {
                "bound": self.client_bound,
                "cpu_s": round(self.client_cpu_s, 3),
                "cpu_share": round(self.client_share, 3),
            },
            "latency_of": LATENCY_OF[self.config.mode],
            "latency_us": series.corrected_all.summary_us(),
            "latency_raw_us": series.raw_all.summary_us(),
            "latency_sample": self.config.sample if self._sampled else 1,
            "latency_cost_ns": self.timing_cost_ns,
            "call_parts": self._call_parts(),
            "operations": {name: self._kind(name) for name, _ in series.ops.most_common()},
            "locks": {name: self.vmstat.get(name, 0) for name in LOCK_COUNTERS},
            "vmstat": {name: value for name, value in self.vmstat.items() if value},
            "vma_objects_reused": vmas.get("reuses", 0),
            "vma_objects_allocated": vmas.get("allocs", 0),
            "trace": self._trace(),
            **self._soundness(),
            "agents": self._agents(histograms=histograms),
            "targets": self._targets(),
            "intervals": [self._interval(*one) for one in series.numbered()],
        }
        if histograms:
            data["histograms"] = self._histograms()
        return data

    def _soundness(self) -> dict[str, Any]:
        first = self.wrong_first[:WRONG_SHOWN]
        return {
            "good": self.good,
            "wrong": self.wrong,
            "wrong_first": [
                {"op": one.op, "what": one.what, "expected": one.expected, "got": one.got}
                for one in first
            ],
            "lost": self.lost,
            "checked": self.checked,
            "problems": self.problems,
            "leaks": {name: {"before": a, "after": b} for name, (a, b) in self.leaks.items()},
            "thresholds": [
                {"threshold": one.text, "value": one.value, "passed": one.passed}
                for one in self.verdicts
            ],
            "machine": {
                "cpus": os.cpu_count(),
                "kernel": platform.release(),
                "python": platform.python_version(),
            },
        }

    @property
    def parts_cost_ns(self) -> int:
        """What it costs to ask one call or block where its time went: the median of the callers."""
        return int(statistics.median(self.parts_costs_ns)) if self.parts_costs_ns else 0

    def _call_parts(self) -> dict[str, Any] | None:
        config = self.config
        return call_parts.as_dict(
            self.series.calls,
            mode=config.mode,
            open_loop=config.open_loop,
            sample=config.sample,
            cost_ns=self.parts_cost_ns,
        )

    @property
    def _sampled(self) -> bool:
        return self.config.mode == "attach" and not self.config.open_loop

    def _asked_for(self) -> dict[str, Any]:
        config = self.config
        began = datetime.datetime.fromtimestamp(self.started, datetime.UTC)
        return {
            "schema": SCHEMA,
            "schema_version": SCHEMA_VERSION,
            "started": began.isoformat(timespec="milliseconds"),
            "seed": config.seed,
            "mode": config.mode,
            "processes": config.processes,
            "callers": config.callers,
            "shared_mms": config.shared_mms,
            "workload": config.workload,
            "mix": "" if config.workload else config.mix.text(),
            "vmas": config.vmas,
            "pattern": "" if config.workload else config.pattern.text(),
            "vma_pattern": "" if config.workload else config.vma_pattern.text(),
            "map_pages": "" if config.workload else config.map_pages.text(),
            "fork_tree": config.fork_tree.text(),
            "churn_per_s": config.churn,
            "block_ops": config.block_ops,
            "window": config.window,
            "loop": "open" if config.open_loop else "closed",
            "arrival": config.arrival if config.open_loop else "",
            "burst": config.burst if config.open_loop and config.arrival == "burst" else 0,
            "stages": [one.text() for one in config.stages],
            "warmup_s": config.warmup_s,
            "duration_s": config.seconds if math.isfinite(config.seconds) else None,
            "ops_wanted": config.ops,
            "interval_s": config.interval_s,
        }

    def _agents(self, *, histograms: bool) -> list[dict[str, Any]]:
        asked = self.asked / max(1, len(self.agents))
        open_loop = self.config.open_loop
        return [
            one.as_dict(asked=asked, open_loop=open_loop, histograms=histograms)
            for one in self.agents
            if one.address
        ]

    def _targets(self) -> list[dict[str, Any]]:
        config, every = self.config, max(1, len(self.agents))
        return [
            one.as_dict(
                asked=self.asked * len(one.parts) / every,
                open_loop=config.open_loop,
                mode=config.mode,
                sample=config.sample,
                cost_ns=self.parts_cost_ns,
            )
            for one in self.targets
        ]

    def _trace(self) -> dict[str, Any] | None:
        """Of a recorded trace: what the operations alone do not say."""
        if not self.config.workload.startswith(TRACE):
            return None
        return {
            "turns": self.turns,
            "between": self.between,
            "not_compared": dict(self.not_compared.most_common()),
        }

    def _rates(self) -> dict[str, Any]:
        asked, seconds = self.asked, self.asked_s
        achieved = self.achieved
        return {
            "rate": round(asked / seconds, 3) if seconds and math.isfinite(seconds) else 0.0,
            "rate_achieved": round(self.total / self.seconds, 3) if self.seconds else 0.0,
            "asked": round(asked),
            "achieved": None if achieved is None else round(achieved, 4),
            "reached": self.reached,
            "dropped": self.dropped,
            "renewals": self.series.ops[RENEWAL],
            "renewals_due": self.renewals_due,
        }

    def _kind(self, name: str) -> dict[str, Any]:
        """One kind of operation."""
        series = self.series
        corrected, raw = series.corrected.get(name), series.raw.get(name)
        return {
            "count": series.ops[name],
            "per_s": round(series.ops[name] / (self.seconds or 1e-9), 3),
            "errors": {
                what.partition(" ")[2]: count
                for what, count in series.errnos.most_common()
                if what.partition(" ")[0] == name
            },
            "latency_us": corrected.summary_us() if corrected else {},
            "latency_raw_us": raw.summary_us() if raw else {},
            "parts": parts_of(series.sums[name]) if name in series.sums else None,
        }

    def _interval(self, number: int, interval: Interval) -> dict[str, Any]:
        begin = number * self.series.seconds
        end = max(begin, min(begin + self.series.seconds, self.seconds))
        config = self.config
        middle = config.warmup_s + (begin + end) / 2
        asked = config.profile.rate_at(middle) if config.open_loop else 0.0
        count = interval.ops.total()
        return {
            "begin_s": round(begin, 3),
            "end_s": round(end, 3),
            "ops": count,
            "ops_per_s": round(count / max(end - begin, 1e-3), 3),
            "asked_per_s": round(asked, 3),
            "errors": interval.errnos.total(),
            "latency_us": interval.corrected.all().summary_us(),
            "latency_raw_us": interval.raw.all().summary_us(),
            "operations": {
                name: {"count": number, "latency_us": interval.corrected.of(name).summary_us()}
                for name, number in interval.ops.most_common()
            },
        }

    def _histograms(self) -> dict[str, dict[str, str]]:
        """Encoded, by kind of operation."""

        def texts(kinds: Mapping[str, Latency]) -> dict[str, str]:
            return {name: one.encode().decode() for name, one in kinds.items()}

        return {"corrected": texts(self.series.corrected), "raw": texts(self.series.raw)}
