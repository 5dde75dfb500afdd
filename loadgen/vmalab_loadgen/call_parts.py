# SPDX-License-Identifier: Apache-2.0
"""Where the time of calls and of blocks went: late, client, transport, queue, turn, handler, core.

The worker says durations of its own clock, the client measures with its own, and what neither has
measured is the transport. So the parts of a call add up to its time exactly, and no clock of one
machine is compared with that of another one.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from vmalab_drive.sampling import Answered

PARTS: Final = ("late", "client", "transport", "queue", "turn", "handler", "core")
"""late: from the intended start until the client begins. client: until gRPC has the request, and
from its answer on. transport: what is left: gRPC in the client and in the worker, and the way.
queue: from the arrival at the worker until its handler begins. turn: a block that is read waits for
its turn. handler: the service around the core. core: the core."""
SUMS: Final = ("timed", "silent", "joined", "whole_ns", *(f"{one}_ns" for one in PARTS))
"""Those whose parts are known, and those that asked and got no answer that can be. Of the former
those whose time in the queue is not known, so that it is in transport_ns; their time, their parts.
"""
BLOCK: Final = "block"
"""The kind of what is timed with --mode batch."""


def sums_of(one: Answered, intended_ns: int, begin_ns: int, end_ns: int) -> tuple[int, ...]:
    """SUMS of one call or block.

    Args:
        intended_ns, begin_ns, end_ns: when it was to begin, when the client began, and its end, as
            the latency counts them, of CLOCK_MONOTONIC.
    """
    inside, parts = one.back_ns - one.handed_ns, one.parts
    if parts is None or parts.known_ns > inside:
        return (0, 1, *[0] * (len(SUMS) - 2))
    whole = end_ns - intended_ns
    joined, queue = (1, 0) if parts.queue_ns is None else (0, parts.queue_ns)
    transport = inside - parts.known_ns
    late = begin_ns - intended_ns
    own = whole - late - inside
    return (1, 0, joined, whole, late, own, transport, queue, parts.turn_ns, parts.handler_ns,
            parts.core_ns)  # fmt: skip


def _of_kind(sums: Mapping[str, int], *, mode: str, open_loop: bool) -> dict[str, Any]:
    """Of one kind: sums and means of the parts that are known; those of the others are null."""
    timed = sums["timed"]
    parts: dict[str, int | None] = {one: sums[f"{one}_ns"] for one in PARTS}
    parts["transport_queue"] = None
    if sums["joined"]:
        parts["transport_queue"] = sums["transport_ns"] + sums["queue_ns"]
        parts["transport"] = parts["queue"] = None
    if mode != "batch":
        parts["turn"] = None
    if not open_loop:
        parts["late"] = None
    means = {name: None if one is None else round(one / max(timed, 1) / 1000, 3)
             for name, one in parts.items()}  # fmt: skip
    return {
        "timed": timed,
        "unanswered": sums["silent"],
        "whole_ns": sums["whole_ns"],
        "mean_us": round(sums["whole_ns"] / max(timed, 1) / 1000, 3),
        "parts_ns": parts,
        "parts_us": means,
    }


def as_dict(
    kinds: Mapping[str, Mapping[str, int]],
    *,
    mode: str,
    open_loop: bool,
    sample: int,
    cost_ns: int,
) -> dict[str, Any] | None:
    """For `--json`; None: nothing was asked.

    Args:
        kinds: SUMS by kind of operation.
        sample: one call or block in so many was asked.
        cost_ns: what that costs for each of them.
    """
    if mode == "attach" or not sample:
        return None
    every = {name: sum(one[name] for one in kinds.values()) for name in SUMS}
    return {
        "of": "block" if mode == "batch" else "call",
        "sample": sample,
        "cost_us": round(cost_ns / 1000, 3),
        "all": _of_kind(every, mode=mode, open_loop=open_loop),
        "kinds": {
            name: _of_kind(one, mode=mode, open_loop=open_loop)
            for name, one in sorted(kinds.items())
        },
    }
