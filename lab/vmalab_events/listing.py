# SPDX-License-Identifier: Apache-2.0
"""A recording as text."""

from __future__ import annotations

from vmalab_events.recording import Recording, Track, op_name
from vmalab_native import waiting
from vmalab_native.waiting import duration


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
            lines.append(f"  -{ago:>8}  {waiting.event_text(event)}")
        parts.append("\n".join(lines))
    if recording.trees:
        parts.append("who waits for whom:")
    parts += ["\n".join(waiting.lines(tree)) for tree in recording.trees]
    return "\n\n".join(parts) or "no participant has left an event"
