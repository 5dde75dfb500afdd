# SPDX-License-Identifier: Apache-2.0
"""Events as slices of time: calls, waits and holds of locks; and who released what was waited for.

What is missing stays missing: a slice whose begin was overwritten is left out, and where events of
a participant were lost, its open slices end at the last event before.
"""

from __future__ import annotations

import bisect
from dataclasses import dataclass
from typing import Final, Literal

from vmalab_events.recording import Recording, Track, op_name
from vmalab_native.events import Event

LATE_NS: Final = 1_000_000
"""A release is noted after it is made, so a waiter may note sooner that it has the lock."""
_RELEASES: Final = ("woke", "given", "downgraded")
Kind = Literal["call", "wait", "hold"]


@dataclass(slots=True)
class Slice:
    """A time of one participant.

    Attributes:
        track: number of the participant in the recording.
        event: the event that began it.
        open: it lasts, or nobody knows how long it lasted.
        result: of a call: its value, or the negative error; of a wait: 0, or -1: it gave up.
        from_ns: what was before is not shown.
    """

    track: int
    kind: Kind
    event: Event
    end_ns: int = 0
    open: bool = True
    result: int = 0
    from_ns: int = 0

    @property
    def begin_ns(self) -> int:
        return max(self.event.time_ns, self.from_ns)

    @property
    def ns(self) -> int:
        return self.end_ns - self.begin_ns

    @property
    def name(self) -> str:
        if self.kind == "call":
            return op_name(self.event.op)
        return f"waits for {self.event.lock}" if self.kind == "wait" else self.event.lock


@dataclass(frozen=True, slots=True)
class Flow:
    """A wait, and the event of the participant that released the lock."""

    wait: Slice
    track: int
    event: Event


class _Open:
    """The slices of one participant that have begun and not ended."""

    def __init__(self, number: int) -> None:
        self._number = number
        self._nested: list[Slice] = []
        self._held: dict[int, Slice] = {}
        self.done: list[Slice] = []

    def _end(self, slice_: Slice, end_ns: int, *, result: int = 0, open_: bool = False) -> None:
        slice_.end_ns, slice_.open, slice_.result = max(end_ns, slice_.begin_ns), open_, result

    def _begin(self, kind: Kind, event: Event) -> Slice:
        found = Slice(self._number, kind, event)
        self.done.append(found)
        return found

    def cut(self, end_ns: int) -> None:
        for slice_ in [*self._nested, *self._held.values()]:
            self._end(slice_, end_ns, open_=True)
        self._nested.clear()
        self._held.clear()

    def _end_nested(self, kind: Kind, event: Event, result: int) -> None:
        """The innermost one of that kind ends, with what is left open in it."""
        fits = [i for i, one in enumerate(self._nested) if one.kind == kind
                and (one.event.ref == event.ref or kind == "call")]  # fmt: skip
        if not fits:
            return
        for slice_ in self._nested[fits[-1] + 1 :]:
            self._end(slice_, event.time_ns, open_=True)
        self._end(self._nested[fits[-1]], event.time_ns, result=result)
        del self._nested[fits[-1] :]

    def add(self, event: Event) -> None:
        if event.kind in ("downgraded", "given", "taken") and event.ref in self._held:
            self._end(self._held.pop(event.ref), event.time_ns)
        match event.kind:
            case "begin":
                self._nested.append(self._begin("call", event))
            case "end":
                self._end_nested("call", event, event.value)
            case "wait":
                self._nested.append(self._begin("wait", event))
            case "waited" | "gave up":
                self._end_nested("wait", event, -1 if event.kind == "gave up" else 0)
            case "taken" | "downgraded":
                self._held[event.ref] = self._begin("hold", event)


def _of_track(number: int, track: Track, end_ns: int) -> list[Slice]:
    state = _Open(number)
    before: Event | None = None
    for event in track.events:
        if before is not None and event.number != before.number + 1:
            state.cut(before.time_ns)
        state.add(event)
        before = event
    last = track.role != ""  # who has left its slot has nothing under way
    state.cut(end_ns if last or before is None else before.time_ns)
    return state.done


def slices(recording: Recording) -> list[Slice]:
    """All slices that are shown, by participant, in the order in which they began."""
    found = [
        slice_
        for number, track in enumerate(recording.tracks)
        for slice_ in _of_track(number, track, recording.end_ns)
        if slice_.end_ns >= recording.from_ns
    ]
    for slice_ in found:
        slice_.from_ns = recording.from_ns
    return found


def _key(event: Event) -> tuple[str, int]:
    """What a wait and a release have in common."""
    if event.kind == "woke" and event.ref == 0:
        return "mm", event.mm  # refcount: a reader knows whose writer it wakes, not for which VMA
    return "ref", event.ref


def flows(recording: Recording, found: list[Slice]) -> list[Flow]:
    """For each wait that came to its end: the last release of that lock by another before it."""
    releases: dict[tuple[str, int], list[tuple[int, int, Event]]] = {}
    for number, track in enumerate(recording.tracks):
        for event in track.events:
            if event.kind in _RELEASES:
                releases.setdefault(_key(event), []).append((event.time_ns, number, event))
    for rows in releases.values():
        rows.sort(key=lambda row: row[:2])
    result = []
    for wait in found:
        if wait.kind != "wait" or wait.open or wait.result:
            continue
        rows = releases.get(_key(wait.event), [])
        if not rows and wait.event.lock == "vm_lock W":
            rows = releases.get(("mm", wait.event.mm), [])
        others = [row for row in rows if row[1] != wait.track]
        at = bisect.bisect_right(others, wait.end_ns, key=lambda row: row[0])
        for time_ns, number, event in (*others[at - 1 : at], *others[at : at + 1]):
            if wait.begin_ns <= time_ns <= wait.end_ns + LATE_NS:
                result.append(Flow(wait, number, event))
                break
    return result
