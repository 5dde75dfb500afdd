# SPDX-License-Identifier: Apache-2.0
"""Who waits for whom, at the end of a recording."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from vmalab_events.recording import Recording, Track, op_name
from vmalab_native.records import LockInfo


@dataclass(frozen=True, slots=True)
class Link:
    """One participant of a chain; of the last one lock is "": it waits for nothing that is held.

    Times in ns, until the end of the recording; 0: not known.
    """

    pid: int
    slot: int
    alive: bool
    op: str
    op_ns: int
    lock: str
    mm: int
    wait_ns: int


def _same(one: LockInfo, other: LockInfo) -> bool:
    return (one.name, one.mm, one.start, one.end) == (other.name, other.mm, other.start, other.end)


def _newest(recording: Recording) -> dict[int, Track]:
    return {track.slot: track for track in recording.tracks if track.role}


def _waits(recording: Recording) -> dict[int, LockInfo]:
    return {row.participant: row for row in recording.locks if row.state == "waiting"}


def _link(recording: Recording, slot: int, row: LockInfo | None) -> Link:
    track = _newest(recording).get(slot, Track(slot))
    since = [recording.end_ns - at if at else 0 for at in (track.op_ns, track.wait_ns)]
    lock = f"{row.name} {row.mode}" if row else ""
    op = op_name(track.op) if track.op else ""
    return Link(
        track.pid, slot, track.alive, op, since[0], lock, row.mm if row else 0,
        since[1] if row else 0,
    )  # fmt: skip


def _holders(recording: Recording, row: LockInfo) -> Iterable[int]:
    """Who has it: a writer, or the readers."""
    return (
        other.participant
        for other in recording.locks
        if other.state == "held" and other.participant != row.participant and _same(row, other)
    )


def chains(recording: Recording) -> list[list[Link]]:
    """From each participant that waits to the one that nobody holds up; the longest wait first.

    A chain that comes back to a participant ends there: a deadlock.
    """
    waits, found = _waits(recording), []
    for slot in waits:
        chain, at, seen = [], slot, {slot}
        while True:
            row = waits.get(at)
            chain.append(_link(recording, at, row))
            holder = next(iter(_holders(recording, row)), None) if row else None
            if holder is None:
                break
            if holder in seen:
                chain.append(_link(recording, holder, waits.get(holder)))
                break
            seen.add(holder)
            at = holder
        found.append(chain)
    return sorted(found, key=lambda chain: -chain[0].wait_ns)
