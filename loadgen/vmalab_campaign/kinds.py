# SPDX-License-Identifier: Apache-2.0
"""The kinds of work of a campaign: which command a run is, its keys, the figures of its result.

KINDS is the one table. A key is an option of the command, with _ for -. The reader of the file, the
schema, the command of a run and the report come from it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from vmalab_loadgen import job_file
from vmalab_loadgen.job_file import Key

Value = str | int | float | bool
"""What may stand behind a key that can be an axis."""


@dataclass(frozen=True, slots=True)
class Figure:
    """A number of a result.

    Attributes:
        path: where it is in the JSON that the command prints; a number is a place in a list.
        unit: "" for a count, "us" for a time in microseconds, "ms", "s", "/s".
        more_is_better: which of two is the better one.
    """

    name: str
    path: tuple[str, ...]
    unit: str = ""
    more_is_better: bool = True

    def of(self, result: Mapping[str, Any]) -> float | None:
        """Its value in a result; None: it has none."""
        found: object = result
        for part in self.path:
            if isinstance(found, list) and part.isdigit() and int(part) < len(found):
                found = found[int(part)]
            elif isinstance(found, dict):
                found = found.get(part)
            else:
                return None
        if isinstance(found, bool) or not isinstance(found, int | float):
            return None
        return float(found)


@dataclass(frozen=True, slots=True)
class Kind:
    """A command that runs can be of.

    Attributes:
        words: the command.
        keys: what a section can say of it.
        figures: of its result; the first one is that of findings and pictures.
        measures: it measures time, so that two at once on a machine disturb each other.
        behind: the key whose value stands behind the command without an option.
        plain_seconds: keys whose option takes a number of seconds without a unit, and the least
            that it takes.
    """

    name: str
    words: tuple[str, ...]
    keys: Mapping[str, Key]
    figures: tuple[Figure, ...]
    measures: bool = False
    behind: str = ""
    plain_seconds: Mapping[str, float] = field(default_factory=dict)


MODEL: Final = Key("text", "a lock model, or a step of the history; vmalab layout --list")
LAYOUT: Final = Key("text", "a layout of vm_area_struct, or a file of one")
LOOKUP: Final = Key("text", "how a fault finds its VMA", only=("walk", "cache"))
FILES: Final = ("job", "layout", "machine", "scenario")
"""Keys whose value may be a file (.toml), beside that of the campaign."""

_LOAD: Final = {
    **{name: key for name, key in job_file.KEYS.items() if name not in ("seed", "start_after")},
    "workers": Key("whole", "workers of the server", 1, 64),
    "model": MODEL,
    "layout": LAYOUT,
    "lookup": LOOKUP,
    "pkeys": Key("text", "protection keys of the processor", only=("machine", "on", "off")),
    "job": Key("text", "a job file, in the place of the other keys of a load",
               instead=("workload", "mix", "mode", "duration", "ops")),
}  # fmt: skip
_LIN: Final = {
    "model": MODEL,
    "layout": LAYOUT,
    "lookup": LOOKUP,
    "processes": Key("whole", "processes that do operations", 1, 16),
    "duration": Key("number", "length of a run, as 10s"),
    "mutant": Key("text", "a known bug, switched on in the lab core"),
    "delays": Key("flag", "pause at sync points at random, in the lab core"),
    "without": Key("texts", "operations to leave out"),
    "epoch_ops": Key("whole", "operations of an epoch", 100, 200_000),
    "pages": Key("whole", "pages of an address space, an even number", 2, 128),
}
_CRASH: Final = {
    "model": MODEL,
    "lookup": LOOKUP,
    "kills": Key("whole", "processes to kill", 1, 1 << 30),
    "bursts": Key("text", "kills at once: FROM-TO, or one number"),
    "actors": Key("whole", "processes that work at a time", 4, 60),
    "recoverers": Key("whole", "processes that recover", 1, 8),
    "sizes": Key("text", "then bursts with these amounts of memory in use, in MiB, as 0,64"),
    "grpc": Key("flag", "use a server, and kill its workers and clients"),
    "without": Key("texts", "operations to leave out"),
    "patience": Key("number", "time without an operation that counts as a hang, as 60s"),
}
_SCALE: Final = {
    "model": MODEL,
    "layout": LAYOUT,
    "workload": Key("text", "what the CPUs do; vmalab scale --list"),
    "vcpus": Key("whole", "virtual CPUs", 1, 255),
    "machine": Key("text", "the modelled machine, or a file of one"),
    "adjacent": Key("text", "adjacent-line prefetcher", only=("machine", "on", "off")),
    "operations": Key("whole", "counted operations of each CPU, at least", 1, 1 << 40),
}
_RACE: Final = {
    "scenario": Key("text", "a scenario, or a file of one; vmalab race list"),
    "model": MODEL,
    "lookup": LOOKUP,
    "mutant": Key("text", "a known bug, switched on"),
    "variant": Key("text", "another correct order of steps, switched on"),
    "strategy": Key("text", "how schedules are chosen", only=("exhaustive", "pct", "random")),
    "bound": Key("whole", "preemptions of a schedule, at most", 0, 64),
    "schedules": Key("whole", "schedules to run, at most", 1, 1 << 40),
    "seconds": Key("number", "time limit, as 60s"),
}
KINDS: Final[Mapping[str, Kind]] = {
    one.name: one
    for one in (
        Kind("load", ("load",), _LOAD, (
            Figure("operations per second", ("ops_per_s",), "/s"),
            Figure("latency p50", ("latency_us", "p50"), "us", more_is_better=False),
            Figure("latency p99", ("latency_us", "p99"), "us", more_is_better=False),
            Figure("wrong answers", ("wrong",), more_is_better=False),
        ), measures=True),
        Kind("lin", ("lin",), _LIN, (
            Figure("operations checked", ("checked",)),
            Figure("violations", ("violations",), more_is_better=False),
            Figure("undecided cells", ("undecided",), more_is_better=False),
        ), plain_seconds={"duration": 0.1}),
        Kind("crash", ("crash",), _CRASH, (
            Figure("recovery, median", ("models", "0", "recovery_ms_median"), "ms",
                   more_is_better=False),
            Figure("kills", ("kills",)),
            Figure("victims inside an operation", ("inside_operation_share",)),
        ), plain_seconds={"patience": 5.0}),
        Kind("scale", ("scale",), _SCALE, (
            Figure("operations per virtual second", ("cells", "0", "per_s"), "/s"),
            Figure("misses", ("cells", "0", "misses"), more_is_better=False),
        )),
        Kind("race", ("race", "explore"), _RACE, (
            Figure("schedules", ("schedules",), more_is_better=False),
            Figure("distinct states", ("states",)),
            Figure("sync points passed", ("points",)),
        ), behind="scenario", plain_seconds={"seconds": 0.1}),
    )
}  # fmt: skip
COMMON: Final[Mapping[str, Key]] = {
    "kind": Key("text", "which command the runs are of", only=tuple(KINDS)),
    "seeds": Key("whole", "so many seeds, from seed on, or a list of them", 1, 10_000),
    "seed": Key("whole", "the first of the seeds", 0, (1 << 31) - 1),
    "timeout": Key("number", "a run that takes longer is ended, and has failed, as 10m"),
    "processors": Key("whole", "processors that a run has for itself, in the local cluster",
                      1, 4096, whole_job=True),
}  # fmt: skip
"""Keys of the campaign itself, beside those of the command."""


def key_of(name: str) -> Key | None:
    """Of the campaign, or of any kind that has it."""
    for keys in (COMMON, *(kind.keys for kind in KINDS.values())):
        if name in keys:
            return keys[name]
    return None
