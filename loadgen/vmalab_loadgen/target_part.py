# SPDX-License-Identifier: Apache-2.0
"""What a load did at one of its servers, and what it did to it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from vmalab.load.v1 import agent_pb2 as pb
from vmalab_drive.report import LOCK_COUNTERS
from vmalab_loadgen import call_parts
from vmalab_loadgen.agent_part import AgentPart
from vmalab_loadgen.histogram import Latency


@dataclass(slots=True)
class TargetPart:
    """The part of one server.

    Attributes:
        parts: those that were done there.
        lost: what was lost of them, and why.
        vmstat, slabs, checked, problems, leaks: as in LoadResult.
    """

    target: str
    parts: list[AgentPart]
    lost: list[str] = field(default_factory=list)
    vmstat: dict[str, int] = field(default_factory=dict)
    slabs: dict[str, dict[str, int]] = field(default_factory=dict)
    checked: bool = False
    problems: list[str] = field(default_factory=list)
    leaks: dict[str, tuple[int, int]] = field(default_factory=dict)

    def take(self, core: pb.Core) -> None:
        """What the load did to the server, as one of those that were there has read it."""
        self.vmstat = dict(core.vmstat)
        self.slabs = {one.name: dict(one.counters) for one in core.slabs}
        self.checked, self.problems = core.checked, list(core.problems)
        self.leaks = {one.name: (one.before, one.after) for one in core.leaks}

    def as_dict(
        self, *, asked: float, open_loop: bool, mode: str, sample: int, cost_ns: int
    ) -> dict[str, Any]:
        """For `--json`.

        Args:
            asked: operations that were due at this server.
            mode, sample, cost_ns: as in call_parts.as_dict().
        """
        ops: Counter[str] = Counter()
        errnos: Counter[str] = Counter()
        calls: dict[str, Counter[str]] = {}
        raw, corrected = Latency(), Latency()
        for part in self.parts:
            ops += part.series.ops
            errnos += part.series.errnos
            for kind, sums in part.series.calls.items():
                calls.setdefault(kind, Counter()).update(sums)
            for whole, kinds in ((raw, part.raw), (corrected, part.corrected)):
                for one in kinds.values():
                    whole.add(one)
        seconds = max((part.seconds for part in self.parts), default=0.0)
        count, vmas = ops.total(), self.slabs.get("vm_area_struct", {})
        done = min(1.0, count / asked) if asked >= 1 else 1.0
        return {
            "target": self.target,
            "agents": [part.address for part in self.parts if part.address],
            "lost": self.lost,
            "ops": count,
            "ops_per_s": round(count / seconds, 3) if seconds else 0.0,
            "ops_by_kind": dict(ops.most_common()),
            "errnos": dict(errnos.most_common()),
            "wrong": sum(part.series.wrong for part in self.parts),
            "asked": round(asked),
            "achieved": round(done, 4) if open_loop else None,
            "dropped": sum(part.dropped for part in self.parts),
            "latency_us": corrected.summary_us(),
            "latency_raw_us": raw.summary_us(),
            "call_parts": call_parts.as_dict(
                calls, mode=mode, open_loop=open_loop, sample=sample, cost_ns=cost_ns
            ),
            "locks": {name: self.vmstat.get(name, 0) for name in LOCK_COUNTERS},
            "vmstat": {name: value for name, value in self.vmstat.items() if value},
            "vma_objects_reused": vmas.get("reuses", 0),
            "vma_objects_allocated": vmas.get("allocs", 0),
            "checked": self.checked,
            "problems": self.problems,
            "leaks": {name: {"before": a, "after": b} for name, (a, b) in self.leaks.items()},
        }
