# SPDX-License-Identifier: Apache-2.0
"""A recording as folded stacks of waiting, the input of flame graphs."""

from __future__ import annotations

from collections import Counter

from vmalab_events.recording import Recording, op_name
from vmalab_events.slices import flows, slices


def _doing(op: int) -> str:
    return op_name(op) if op else "no call"  # a library user


def lines(recording: Recording) -> list[str]:
    """A line for each stack: who; its call; the lock; who released it; and the us of waiting.

    A stack whose waiting is below half a us is left out; no line: nobody waited.
    """
    found = slices(recording)
    released = {id(flow.wait): flow for flow in flows(recording, found)}
    sums: Counter[str] = Counter()
    for wait in found:
        if wait.kind != "wait":
            continue
        frames = [recording.tracks[wait.track].name, _doing(wait.event.op), wait.event.lock]
        flow = released.get(id(wait))
        if flow is not None:
            other = recording.tracks[flow.track].name
            frames.append(f"released by {other}: {_doing(flow.event.op)}")
        elif wait.open:
            frames.append("still waits")
        sums[";".join(frame.replace(";", ",") for frame in frames)] += wait.ns
    return [f"{stack} {round(ns / 1000)}" for stack, ns in sorted(sums.items()) if ns >= 500]
