# SPDX-License-Identifier: Apache-2.0
"""What a controller and its agents say to each other, to and from the messages of agent.proto."""

from __future__ import annotations

import dataclasses
import importlib.metadata
import json
import os
import platform
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np

from vmalab.load.v1 import agent_pb2 as pb
from vmalab_drive.errors import UsageError
from vmalab_loadgen.blocks import WRONG_SHOWN, Wrong
from vmalab_loadgen.call_parts import SUMS
from vmalab_loadgen.config import LoadConfig
from vmalab_loadgen.given import DEFAULTS, config_of
from vmalab_loadgen.histogram import COUNTS, Latency, Sparse
from vmalab_loadgen.job_file import KEYS
from vmalab_loadgen.parts import Part
from vmalab_loadgen.result import LoadResult
from vmalab_loadgen.series import Series
from vmalab_loadgen.workloads import TRACE

PORT_DEFAULT: Final = 7421
BEAT_S: Final = 1.0
"""So often each side says that it is there."""
REQUEST_BYTES_MAX: Final = 256 << 10
"""Of a message to an agent."""
ANSWER_BYTES_MAX: Final = 64 << 20
"""Of a message of an agent: every count of every kind of operation."""
LATE_TEXT: Final = 2000
"""Characters of a reason that an agent gives."""
_TYPES: Final[Mapping[str, tuple[type, ...]]] = {
    "flag": (bool,), "whole": (int,), "number": (str,), "text": (str,),
}  # fmt: skip


def version() -> str:
    """Of this package."""
    return importlib.metadata.version("vmalab")


# --- the job ---


def options_of(given: Mapping[str, Any], seed: int) -> str:
    """The options of a load that are not the default, as Prepare has them."""
    named = {name: given[name] for name in DEFAULTS if given.get(name) is not None}
    said = {name: value for name, value in named.items() if value != DEFAULTS[name]}
    return json.dumps({**said, "seed": seed})


def config_from(
    options: str, *, agents: int, agent: int, looks: bool, here: bool = False
) -> LoadConfig:
    """What an agent has to do.

    Args:
        here: the agent is a process of the controller.

    Raises:
        UsageError: these are no options of a load, or they contradict each other.
    """
    try:
        said: object = json.loads(options)
    except (ValueError, RecursionError):
        raise UsageError("the options are no JSON") from None
    if not isinstance(said, dict):
        raise UsageError("the options are no JSON object")
    for name, value in said.items():
        _check_option(name, value)
    if not 0 <= agent < agents:
        raise UsageError(f"agent {agent} of {agents}: there is none")
    if not here:
        check_reach(said.get("mode", ""), said.get("workload", ""))
    config = config_of(said)
    check = config.check and looks
    return dataclasses.replace(config, agents=agents, agent=agent, check=check).filled()


def check_reach(mode: str, workload: str) -> None:
    """Before anything looks for the folder of a trace.

    Raises:
        UsageError: this load needs what only the machine of its instance has.
    """
    if mode == "attach":
        raise UsageError(
            "--mode attach with --agent: attached is who is on the machine of the instance; give "
            "--mode batch or unary"
        )
    if workload.startswith(TRACE):
        raise UsageError(
            f"--workload {workload} with --agent: the folder is on this machine, may be "
            "larger than what an agent takes, and an agent reads no folder that a controller "
            "names; give a named workload or a mix"
        )


def _check_option(name: object, value: object) -> None:
    """Raises UsageError. The command line checks these before; a caller of the service may not."""
    if not isinstance(name, str) or name not in DEFAULTS:
        raise UsageError(f"{name!r} is no option of a load")
    option = f"--{name.replace('_', '-')}"
    key = KEYS.get(name)
    if key is None or value == DEFAULTS[name]:
        return
    if not isinstance(value, _TYPES.get(key.kind, ())) or (
        key.kind == "whole" and isinstance(value, bool)
    ):
        raise UsageError(f"{option} {value!r}: {key.says}")
    if isinstance(value, int) and key.kind == "whole" and not key.low <= value <= key.high:
        raise UsageError(f"{option} {value}: give a whole number from {key.low} to {key.high}")


def accepted() -> pb.Accepted:
    return pb.Accepted(
        pid=os.getpid(),
        cpus=os.cpu_count() or 0,
        kernel=platform.release(),
        python=platform.python_version(),
    )


# --- parts ---


def _times(kinds: Mapping[str, Sparse]) -> list[pb.Times]:
    return [
        pb.Times(kind=name, places=one.index.tolist(), counts=one.count.tolist())
        for name, one in kinds.items()
    ]


def message_of(part: Part) -> pb.Part:
    """What a caller did in an interval."""
    return pb.Part(
        caller=part.caller,
        interval=part.interval,
        ops=part.ops,
        errnos=part.errnos,
        wrong=part.wrong,
        raw=_times(part.raw),
        corrected=_times(part.corrected),
        call_parts=_calls(part.calls),
    )


def _calls(kinds: Mapping[str, tuple[int, ...]]) -> list[pb.CallParts]:
    return [pb.CallParts(kind=name, sums=sums) for name, sums in kinds.items()]


def _sums(said: Iterable[pb.CallParts]) -> dict[str, tuple[int, ...]]:
    found = {one.kind: tuple(one.sums) for one in said}
    for kind, sums in found.items():
        if len(sums) != len(SUMS):
            raise ValueError(f"parts of {kind} that are none")
    return found


def _sparse(times: list[pb.Times]) -> dict[str, Sparse]:
    found = {}
    for one in times:
        index = np.array(one.places, np.int64)
        if len(index) != len(one.counts) or (len(index) and index.max() >= COUNTS):
            raise ValueError(f"times of {one.kind} that are no histogram")
        found[one.kind] = Sparse(index, np.array(one.counts, np.uint64))
    return found


def part_of(message: pb.Part) -> Part:
    """Raises ValueError: it has counts that no histogram has."""
    return Part(
        caller=message.caller,
        interval=message.interval,
        ops=Counter(message.ops),
        errnos=Counter(message.errnos),
        wrong=message.wrong,
        raw=_sparse(list(message.raw)),
        corrected=_sparse(list(message.corrected)),
        calls=_sums(message.call_parts),
    )


# --- the end ---


@dataclass(slots=True)
class Sums:
    """The counts of a load."""

    ops: Counter[str] = field(default_factory=Counter)
    errnos: Counter[str] = field(default_factory=Counter)
    wrong: int = 0
    raw: dict[str, Latency] = field(default_factory=dict)
    corrected: dict[str, Latency] = field(default_factory=dict)
    calls: dict[str, tuple[int, ...]] = field(default_factory=dict)

    @staticmethod
    def of(series: Series) -> Sums:
        calls = {kind: tuple(one[name] for name in SUMS) for kind, one in series.calls.items()}
        return Sums(series.ops, series.errnos, series.wrong, series.raw, series.corrected, calls)

    def differences(self, other: Sums) -> list[str]:
        """What is not the same in both."""
        found = [
            f"{name} {mine} and {theirs}"
            for name, mine, theirs in (
                ("operations", self.ops.total(), other.ops.total()),
                ("expected errors", self.errnos.total(), other.errnos.total()),
                ("wrong answers", self.wrong, other.wrong),
            )
            if mine != theirs
        ]
        for kind in sorted({*self.calls, *other.calls}):
            if self.calls.get(kind) != other.calls.get(kind):
                found.append(f"parts of {kind}")
        for name in ("raw", "corrected"):
            mine, theirs = getattr(self, name), getattr(other, name)
            for kind in sorted({*mine, *theirs}):
                one, two = mine.get(kind, Latency()), theirs.get(kind, Latency())
                if not np.array_equal(one.counts, two.counts):
                    found.append(f"{name} times of {kind}")
        return found


def end_of(result: LoadResult, *, late_ns: int, looks: bool) -> pb.End:
    """What the agent knows of its part."""
    series = result.series
    end = pb.End(
        seconds=result.seconds,
        ended_by=result.ended_by,
        dropped=result.dropped,
        not_renewed=result.not_renewed,
        lost=[one[:LATE_TEXT] for one in result.lost],
        wrong_first=[
            pb.WrongAnswer(op=one.op, what=one.what, expected=one.expected, got=one.got)
            for one in result.wrong_first[:WRONG_SHOWN]
        ],
        client_cpu_s=result.client_cpu_s,
        client_share=result.client_share,
        late_ns=late_ns,
        ops=series.ops,
        errnos=series.errnos,
        wrong=series.wrong,
        raw={kind: one.encode().decode() for kind, one in series.raw.items()},
        corrected={kind: one.encode().decode() for kind, one in series.corrected.items()},
        call_parts=_calls(Sums.of(series).calls),
        parts_cost_ns=result.parts_cost_ns,
    )
    if looks:
        end.core.CopyFrom(
            pb.Core(
                vmstat=result.vmstat,
                slabs=[pb.Slab(name=name, counters=one) for name, one in result.slabs.items()],
                checked=result.checked,
                problems=result.problems,
                leaks=[
                    pb.Leak(name=name, before=before, after=after)
                    for name, (before, after) in result.leaks.items()
                ],
            )
        )
    return end


def sums_of(end: pb.End) -> Sums:
    """The agent's own sums.

    Raises:
        ValueError: its histograms are none.
    """
    return Sums(
        ops=Counter(end.ops),
        errnos=Counter(end.errnos),
        wrong=end.wrong,
        raw={kind: Latency.decode(one.encode()) for kind, one in end.raw.items()},
        corrected={kind: Latency.decode(one.encode()) for kind, one in end.corrected.items()},
        calls=_sums(end.call_parts),
    )


def wrong_of(end: pb.End) -> list[Wrong]:
    return [Wrong(one.op, one.what, one.expected, one.got) for one in end.wrong_first]
