# SPDX-License-Identifier: Apache-2.0
"""What one agent did of a load, as its controller knows it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from vmalab_loadgen.histogram import Latency
from vmalab_loadgen.series import Series


@dataclass(slots=True)
class AgentPart:
    """The part of one agent, or of one server where the load has several and no agents.

    Attributes:
        address: of the agent; "": it was done on this machine.
        series: what came from it while the load ran.
        lost: why it did not do its part, or not all of it.
        seconds: from the end of the warm-up to its last answer; 0: it did not say.
        late_ns: so much after the begin it knew of it.
        clock_ns: the error of its clock against the controller's is at most that.
        raw, corrected: its own sums; of one that was lost, those of the series.
    """

    address: str
    target: str
    series: Series
    lost: str = ""
    seconds: float = 0.0
    late_ns: int = 0
    clock_ns: int = 0
    dropped: int = 0
    client_cpu_s: float = 0.0
    client_share: float = 0.0
    machine: dict[str, int | str] = field(default_factory=dict)
    raw: Mapping[str, Latency] = field(default_factory=dict)
    corrected: Mapping[str, Latency] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """What it is called in a sentence."""
        return f"agent {self.address}" if self.address else f"target {self.target}"

    @property
    def label(self) -> str:
        """What it is called in a table."""
        return self.address or self.target

    def as_dict(self, *, asked: float, open_loop: bool, histograms: bool) -> dict[str, Any]:
        """For `--json`.

        Args:
            asked: operations that were due of this part.
            histograms: with the histograms themselves.
        """
        series, seconds = self.series, self.seconds or 1e-9
        count = series.ops.total()
        done = min(1.0, count / asked) if asked >= 1 else 1.0
        data: dict[str, Any] = {
            "address": self.address,
            "target": self.target,
            "lost": self.lost,
            "seconds": round(self.seconds, 3),
            "ops": count,
            "ops_per_s": round(count / seconds, 3) if self.seconds else 0.0,
            "ops_by_kind": dict(series.ops.most_common()),
            "errnos": dict(series.errnos.most_common()),
            "wrong": series.wrong,
            "asked": round(asked),
            "achieved": round(done, 4) if open_loop else None,
            "dropped": self.dropped,
            "latency_us": _sum(self.corrected).summary_us(),
            "latency_raw_us": _sum(self.raw).summary_us(),
            "client": {
                "cpu_s": round(self.client_cpu_s, 3),
                "cpu_share": round(self.client_share, 3),
            },
            "begin_late_ms": round(self.late_ns / 1e6, 3),
            "clock_error_us": round(self.clock_ns / 1e3, 3),
            "machine": self.machine,
        }
        if histograms:
            data["histograms"] = {
                "corrected": _encoded(self.corrected),
                "raw": _encoded(self.raw),
            }
        return data


def _encoded(kinds: Mapping[str, Latency]) -> dict[str, str]:
    return {kind: one.encode().decode() for kind, one in kinds.items()}


def _sum(kinds: Mapping[str, Latency]) -> Latency:
    latency = Latency()
    for one in kinds.values():
        latency.add(one)
    return latency
