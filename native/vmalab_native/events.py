# SPDX-License-Identifier: Apache-2.0
"""The rings of events of a segment's file: what each participant did last (`events.h`).

A ring is read while its owner writes it, and after its death. What its owner may have overwritten
meanwhile is left out, and counted. The file may be damaged: a record that cannot be is left out.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from vmalab_native.segment_file import REF_SHIFT, SegmentFile, stat_names, words

KINDS: Final = (
    *("none", "join", "leave", "begin", "end", "fault", "fallback", "taken", "downgraded"),
    *("given", "wait", "waited", "gave up", "woke", "recover", "recovered"),
)
"""enum event_kind of `events.h`."""
LOCKS: Final = (
    *("", "mmap_lock R", "mmap_lock W", "vm_lock R", "vm_lock W", "file lock", "user R", "user W"),
    *("slots lock", "page pool lock", "frame pool lock", "cache lock", "anon_vma lock"),
    *("page_table_lock", "grace period", "grace period lock", "other"),
)
"""enum event_lock: the classes of what is waited for."""
PAGE_NEEDS: Final = "page needs mmap_lock"
"""The reason of a fallback that had the lock of its VMA."""
_EVENT: Final = struct.Struct("<IBBHQQQ")
_OF_LOCKS: Final = frozenset(("taken", "downgraded", "given", "wait", "waited", "gave up", "woke"))
_OF_MMS: Final = frozenset(("begin", "end", "fault", "fallback"))
_HEAD_BYTES: Final = 64


@dataclass(frozen=True, slots=True)
class Event:
    """One record of a ring.

    Attributes:
        number: of the record, from 0 in each slot; what is missing in between was overwritten.
        time_ns: CLOCK_MONOTONIC.
        kind: one of KINDS.
        op: op code under way.
        lock: one of LOCKS; "" where no lock is meant.
        ref: which lock, the same number in all events of it; 0: no lock is meant. `offset_of` says
            where it is.
        mm: id of the address space; 0 unknown.
        value: begin: the first operand; end: the result, negative for an error; fault, fallback:
            the address; wait: index + 1 of who has the lock, if that is known; waited, gave up: how
            long, in ns; join, leave: pid; recover: how many are dead.
        reason: of a fallback: the counter of vmstat that says why, or PAGE_NEEDS.
    """

    number: int
    time_ns: int
    kind: str
    op: int
    lock: str = ""
    ref: int = 0
    mm: int = 0
    value: int = 0
    reason: str = ""


class Waits(NamedTuple):
    """Waits for one class of locks that are over."""

    waits: int
    ns: int
    longest_ns: int


def offset_of(ref: int) -> int:
    """Where in the segment the lock of an event is: short mutexes share a reference with others,
    and have the rest of their offset above it."""
    return (ref & 0xFFFFFFFF) << REF_SHIFT | ref >> 32


class Ring:
    """The ring of one slot, read on from where the last poll ended."""

    def __init__(self, file: SegmentFile, slot: int) -> None:
        self._file = file
        self._slot = slot
        self._struct = file.structs["event_ring"]
        self._first, size = self._struct.at["events"]
        self._places = size // _EVENT.size
        self._next = 0
        self._mm = 0

    def _head(self) -> bytes:
        return self._file.ring_part(self._slot, 0, _HEAD_BYTES)

    def _raw(self, first: int, count: int) -> bytes:
        """The bytes of that many records, the first in place first."""
        at = self._first + first * _EVENT.size
        return self._file.ring_part(self._slot, at, count * _EVENT.size)

    def poll(self) -> tuple[list[Event], int]:
        """What was added since the last poll, and how many more than these there were."""
        next_now = self._struct.get(self._head(), "next")
        first = max(self._next, next_now - self._places)
        if next_now <= self._next:
            return [], 0
        place, count = first % self._places, next_now - first
        raw = self._raw(place, min(count, self._places - place))
        if len(raw) < count * _EVENT.size:
            raw += self._raw(0, count - self._places + place)
        # The owner may be writing the record behind next_after.
        next_after = self._struct.get(self._head(), "next")
        oldest = max(first, next_after - self._places + 1)
        skip = min(oldest - first, count)
        rows = list(_EVENT.iter_unpack(raw))[skip:]
        events = [
            self._decoded(oldest + i, row)
            for i, row in enumerate(rows)
            if row[0] == (oldest + i) & 0xFFFFFFFF and row[1] < len(KINDS)
        ]
        lost = next_now - self._next - len(events)
        self._next = next_now
        return events, lost

    def _decoded(self, number: int, row: tuple[int, ...]) -> Event:
        _, code, what, op, time_ns, item, value = row
        kind, lock, ref, reason = KINDS[code], "", 0, ""
        if kind in ("join", "leave"):  # what the one before was in is not known of the next one
            self._mm = 0
        mm = item if kind in _OF_MMS else self._mm
        if kind == "begin":
            self._mm = mm
        elif kind == "end":
            self._mm = 0
            value = value - (1 << 64) if value >> 63 else value
        elif kind == "fallback":
            names = stat_names()
            reason = PAGE_NEEDS if what == 0 else names[what] if what < len(names) else str(what)
        elif kind in _OF_LOCKS:
            lock, ref = LOCKS[what] if what < len(LOCKS) else str(what), item
            mm = self._mm_of(kind, lock, ref, value)
        return Event(number, time_ns, kind, op, lock, ref, mm, value, reason)

    def _mm_of(self, kind: str, lock: str, ref: int, value: int) -> int:
        """The address space that a lock is of, as far as it can be known."""
        if kind == "woke" and value:
            return value
        offset, (first, length) = offset_of(ref), self._file.regions["mms"]
        if not first <= offset < first + length:
            return self._mm if lock.startswith("vm_lock") else 0
        kind_of = self._file.structs["mm_struct"]
        index = (offset - first) // kind_of.size
        if self._mm and self._mm & 0xFFFF == index:
            return self._mm
        if index >= self._file.config("mms_max"):
            return 0
        return kind_of.get(self._file.row("mm_struct", "mms", index), "id")


def events(file: SegmentFile, slot: int) -> list[Event]:
    """What the ring of a slot has of its present participant, or of its last one; newest last."""
    found, _ = Ring(file, slot).poll()
    joined = [i for i, event in enumerate(found) if event.kind == "join"]
    return found[joined[-1] :] if joined else found


def since(file: SegmentFile, slot: int) -> tuple[int | None, int | None]:
    """When the call under way began, and since when its participant waits, in ns of
    CLOCK_MONOTONIC; None: there is none, or it does not. A fault is no call."""
    ring = file.structs["event_ring"]
    head = file.ring_part(slot, 0, _HEAD_BYTES)
    return ring.get(head, "op_ns") or None, ring.get(head, "wait_ns") or None


def wait_now(file: SegmentFile, slot: int) -> Event | None:
    """The wait that a participant is in, the innermost of two; None: it does not wait, or what it
    noted of that was overwritten."""
    return None if since(file, slot)[1] is None else innermost(events(file, slot))


def innermost(found: Sequence[Event]) -> Event | None:
    """The last wait that has not ended. Waits lie one in another."""
    over = 0
    for event in reversed(found):
        if event.kind in ("waited", "gave up"):
            over += 1
        elif event.kind == "wait":
            if not over:
                return event
            over -= 1
    return None


def waits(file: SegmentFile, slot: int) -> dict[str, Waits]:
    """Waits of a participant since it joined, by class of lock; none of which there was none."""
    ring = file.structs["event_ring"]
    numbers = words(file.ring_part(slot, *ring.at["waits"]))
    rows = {name: Waits(*numbers[3 * i : 3 * i + 3]) for i, name in enumerate(LOCKS)}
    return {name: row for name, row in rows.items() if row.waits and name}
