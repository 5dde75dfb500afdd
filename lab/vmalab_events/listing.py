# SPDX-License-Identifier: Apache-2.0
"""A recording as text."""

from __future__ import annotations

from vmalab_events.recording import Recording, Track, op_name
from vmalab_native import waiting
from vmalab_native.events import Event


def duration(ns: int) -> str:
    """A time that people read: 350 ns, 12.3 us, 4.56 ms, 7.89 s."""
    for unit, size in (("s", 10**9), ("ms", 10**6), ("us", 10**3)):
        if ns >= size:
            return f"{ns / size:.3g} {unit}" if ns < 99.95 * size else f"{ns / size:.0f} {unit}"
    return f"{ns} ns"


def _what(event: Event) -> str:
    """What an event says, in words."""
    of = f"{event.lock}{f' of mm {event.mm}' if event.mm else ''}"
    match event.kind:
        case "join" | "leave":
            return f"pid {event.value} {event.kind}s"
        case "begin":
            return f"{op_name(event.op)} begins: mm {event.mm}, {event.value:#x}"
        case "end":
            return f"{op_name(event.op)} ends: {event.value:#x}" if event.value >= 0 else (
                f"{op_name(event.op)} ends: {event.value}"
            )  # fmt: skip
        case "fault":
            return f"fault (one of many): mm {event.mm}, {event.value:#x}"
        case "fallback":
            return f"fault takes mmap_lock, {event.reason}: mm {event.mm}, {event.value:#x}"
        case "taken":
            return f"takes {of}"
        case "downgraded":
            return f"downgrades to {of}"
        case "given":
            return f"releases {of}"
        case "wait":
            owner = f", slot {event.value - 1} has it" if event.value else ""
            return f"waits for {of}{owner}"
        case "waited" | "gave up":
            end = "has" if event.kind == "waited" else "gives up"
            return f"{end} {of} after {duration(event.value)}"
        case "woke":
            return f"wakes who waits for {of}"
        case "recover":
            return f"recovery begins: {event.value} dead"
        case _:
            return "recovery ends" if event.kind == "recovered" else event.kind


def _state(track: Track, now_ns: int) -> str:
    words = [track.name, track.role] + ["dead"] * (track.role != "" and not track.alive)
    if track.op_ns:
        words.append(f"in {op_name(track.op)} for {duration(now_ns - track.op_ns)}")
    if track.wait_ns:
        words.append(f"waits for {duration(now_ns - track.wait_ns)}")
    return ", ".join(word for word in words if word)


def text(recording: Recording, last: int) -> str:
    """The last events of each participant that is in the segment, and who waits for whom."""
    parts = []
    for track in recording.tracks:
        if not track.role:
            continue
        lines = [_state(track, recording.end_ns)]
        before = recording.end_ns
        for event in track.events[-last:]:
            ago = duration(max(0, before - event.time_ns))
            lines.append(f"  -{ago:>8}  {_what(event)}")
        parts.append("\n".join(lines))
    if recording.trees:
        parts.append("who waits for whom:")
    parts += ["\n".join(waiting.lines(tree)) for tree in recording.trees]
    return "\n\n".join(parts) or "no participant has left an event"
