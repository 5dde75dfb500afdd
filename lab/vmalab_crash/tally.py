# SPDX-License-Identifier: Apache-2.0
"""What a run counts, and whether that is enough and good."""

from __future__ import annotations

import statistics
from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Final

from vmalab_crash.company import UNKNOWN, Failure, Victim
from vmalab_crash.watch import IN

INSIDE_MIN: Final = 0.5
IN_RECOVERY_MIN: Final = 0.1


def _ms(ns: float) -> float:
    return round(ns / 1e6, 3)


@dataclass(slots=True)
class Size:
    """Bursts while so much memory was in use."""

    mib: int
    recoveries_ns: list[int] = field(default_factory=list)
    standstills_ns: list[int] = field(default_factory=list)
    bursts: int = 0

    def as_dict(self) -> dict[str, Any]:
        return {
            "mib": self.mib,
            "bursts": self.bursts,
            "recovery_ms_median": _ms(statistics.median(self.recoveries_ns or [0])),
            "recovery_ms_worst": _ms(max(self.recoveries_ns, default=0)),
            "standstill_ms_median": _ms(statistics.median(self.standstills_ns or [0])),
            "standstill_ms_worst": _ms(max(self.standstills_ns, default=0)),
        }


@dataclass(slots=True)
class Tally:
    """One model's run.

    A kill is of a process; a victim is a participant, of which a process with threads has several.
    """

    model: str
    transport: str = "attached"
    kills: int = 0
    bursts: int = 0
    recovered: int = 0
    victims: int = 0
    inside: int = 0
    running: int = 0
    in_recovery: int = 0
    unknown: int = 0
    recoverers: int = 0
    seconds: float = 0.0
    ops: int = 0
    checked: int = 0
    sessions: int = 0
    stuck: int = 0
    kinds: Counter[str] = field(default_factory=Counter)
    recoveries_ns: list[int] = field(default_factory=list)
    standstills_ns: list[int] = field(default_factory=list)
    quiet_ns: int = 0
    """Longest time without an end of an operation while nobody was killed."""
    failures: list[dict[str, Any]] = field(default_factory=list)
    sizes: list[Size] = field(default_factory=list)

    def died(self, processes: int, victims: list[Victim]) -> None:
        self.kills += processes
        self.victims += len(victims)
        for one in victims:
            self.inside += one.inside
            self.running += one.in_core == IN
            self.in_recovery += one.in_recovery
            self.unknown += one.in_core == UNKNOWN
            self.recoverers += one.recovering

    def failed(self, failure: Failure, where: dict[str, Any]) -> None:
        said = {"kind": failure.kind, "what": failure.what, "lines": failure.lines}
        self.failures.append({**where, **said})

    def count(self, *kinds: str) -> int:
        return sum(one["kind"] in kinds for one in self.failures)

    @property
    def inside_share(self) -> float:
        return self.inside / self.victims if self.victims else 0.0

    @property
    def in_recovery_share(self) -> float:
        return self.in_recovery / self.victims if self.victims else 0.0

    @property
    def decided(self) -> bool:
        """Enough of the victims died where it matters."""
        return self.inside_share >= INSIDE_MIN and self.in_recovery_share >= IN_RECOVERY_MIN

    def as_dict(self) -> dict[str, Any]:
        return {
            "model": self.model,
            "transport": self.transport,
            "kills": self.kills,
            "bursts": self.bursts,
            "recovered": self.recovered,
            "victims": self.victims,
            "inside_operation_share": round(self.inside_share, 4),
            "running_share": round(self.running / self.victims, 4) if self.victims else 0.0,
            "in_recovery_share": round(self.in_recovery_share, 4),
            "recoverers_killed": self.recoverers,
            "victims_not_seen": self.unknown,
            "hung": self.count("hung"),
            "leaked": self.count("leaked"),
            "corrupt": self.count("corrupt"),
            "broken": self.count("broken", "died", "unsound", "refused", "unrecovered"),
            "recovery_ms_median": _ms(statistics.median(self.recoveries_ns or [0])),
            "recovery_ms_worst": _ms(max(self.recoveries_ns, default=0)),
            "standstill_ms_median": _ms(statistics.median(self.standstills_ns or [0])),
            "standstill_ms_worst": _ms(max(self.standstills_ns, default=0)),
            "standstill_ms_worst_without_kills": _ms(self.quiet_ns),
            "recoveries_that_waited_for_a_stopped_process": self.stuck,
            "kinds_of_bursts": dict(sorted(self.kinds.items())),
            "segments": self.sessions,
            "operations": self.ops,
            "words_checked": self.checked,
            "seconds": round(self.seconds, 2),
            "kills_per_s": round(self.kills / self.seconds, 1) if self.seconds else 0.0,
            "failures": self.failures,
            "sizes": [size.as_dict() for size in self.sizes],
        }
