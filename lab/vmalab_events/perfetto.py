# SPDX-License-Identifier: Apache-2.0
"""A recording as a Perfetto trace, for ui.perfetto.dev.

A track for each process, below it one for each participant, with its calls and waits, one for each
lock that it holds at a time, and counters of waiting; a track for each address space, with who held
its mmap_lock. Arrows go from who waited to who released the lock.

Times have no clock of their own: one that a trace names must be compared with the trace's own in a
snapshot, and there is nothing else here to compare with.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from vmalab_events.recording import Recording, Track, op_name
from vmalab_events.slices import Flow, Slice, flows, slices
from vmalab_native.events import Event

_SEQUENCE: Final = 1
_SHARED: Final = "address spaces"
_INSTANTS: Final = frozenset(
    ("fault", "fallback", "woke", "given", "downgraded", "recover", "recovered")
)


class _Writer:
    """Packets of one sequence."""

    def __init__(self) -> None:
        from perfetto.protos.perfetto.trace.perfetto_trace_pb2 import TrackEvent
        from perfetto.trace_builder.proto_builder import TraceProtoBuilder

        self.builder = TraceProtoBuilder()
        self.event = TrackEvent
        packet = self.builder.add_packet()
        packet.trusted_packet_sequence_id = _SEQUENCE
        packet.sequence_flags = packet.SEQ_INCREMENTAL_STATE_CLEARED
        self._tracks = 0

    def track(self, name: str, *, parent: int = 0, pid: int = 0, counter: bool = False) -> int:
        """A new track; its number.

        Args:
            pid: it is the track of this process, which has one only; 0: of none.
        """
        self._tracks += 1
        descriptor = self.builder.add_packet().track_descriptor
        descriptor.uuid = self._tracks
        descriptor.name = name
        if parent:
            descriptor.parent_uuid = parent
        if pid:
            descriptor.process.pid = pid
            descriptor.process.process_name = name
        if counter:
            descriptor.counter.unit = descriptor.counter.UNIT_TIME_NS
        return self._tracks

    def add(
        self, kind: int, track: int, time_ns: int, name: str = "", *, starts: int = 0,
        ends: int = 0, counter: int | None = None, notes: Mapping[str, object] | None = None,
    ) -> None:  # fmt: skip
        """An event. starts, ends: the flow that begins or ends in it."""
        packet = self.builder.add_packet()
        packet.timestamp = time_ns
        packet.trusted_packet_sequence_id = _SEQUENCE
        event = packet.track_event
        event.type, event.track_uuid = kind, track
        if name:
            event.name = name
        if starts:
            event.flow_ids.append(starts)
        if ends:
            event.terminating_flow_ids.append(ends)
        if counter is not None:
            event.counter_value = counter
        for key, value in (notes or {}).items():
            note = event.debug_annotations.add()
            note.name = key
            if isinstance(value, int):
                note.int_value = value
            else:
                note.string_value = str(value)

    def slice(
        self, track: int, begin_ns: int, end_ns: int, name: str, *, starts: int = 0,
        notes: Mapping[str, object] | None = None,
    ) -> None:  # fmt: skip
        self.add(self.event.TYPE_SLICE_BEGIN, track, begin_ns, name, starts=starts, notes=notes)
        self.add(self.event.TYPE_SLICE_END, track, end_ns)


def _notes(slice_: Slice) -> dict[str, object]:
    event = slice_.event
    notes: dict[str, object] = {}
    if event.mm:
        notes["mm"] = event.mm
    if slice_.kind == "call":
        notes["first operand"] = f"{event.value:#x}"
        if not slice_.open:
            notes["result"] = slice_.result
    if slice_.open:
        notes["end"] = "not known: it had none yet, or it was overwritten"
    elif slice_.kind == "wait" and slice_.result:
        notes["end"] = "gave up"
    return notes


def _instant_name(event: Event) -> str:
    if event.kind == "fallback":
        return f"fallback: {event.reason}"
    if event.kind in ("woke", "given", "downgraded"):
        return f"{'wakes' if event.kind == 'woke' else 'releases'} {event.lock}"
    return event.kind


class _Lanes:
    """Tracks below one track, as many as are needed that slices of one do not overlap."""

    def __init__(self, out: _Writer, parent: int, name: str) -> None:
        self._out, self._parent, self._name = out, parent, name
        self._ends: list[tuple[int, int]] = []

    def place(self, begin_ns: int, end_ns: int) -> int:
        for i, (track, end) in enumerate(self._ends):
            if end <= begin_ns:
                self._ends[i] = (track, end_ns)
                return track
        extra = f" {len(self._ends) + 1}" if self._ends else ""
        track = self._out.track(self._name + extra, parent=self._parent)
        self._ends.append((track, end_ns))
        return track


def _nested(out: _Writer, track: int, found: list[Slice], flow_of: Mapping[int, int]) -> None:
    """Calls and waits in one track: ends of inner ones before begins of the next."""
    open_: list[Slice] = []

    def end_until(time_ns: int) -> None:
        while open_ and open_[-1].end_ns <= time_ns:
            out.add(out.event.TYPE_SLICE_END, track, open_.pop().end_ns)

    for slice_ in found:
        end_until(slice_.begin_ns)
        if open_:  # what is open to the end of a cut one ends with it
            slice_.end_ns = min(slice_.end_ns, open_[-1].end_ns)
        out.add(out.event.TYPE_SLICE_BEGIN, track, slice_.begin_ns, slice_.name,
                starts=flow_of.get(id(slice_), 0), notes=_notes(slice_))  # fmt: skip
        open_.append(slice_)
    end_until(1 << 63)


def _counters(out: _Writer, parent: int, track: Track, from_ns: int) -> None:
    """How long it has waited in all, by class of lock; the last value is that of its counter."""
    for lock, total in sorted(track.waits.items()):
        ends = [e for e in track.events if e.lock == lock and e.kind in ("waited", "gave up")]
        number = out.track(f"waited for {lock}", parent=parent, counter=True)
        value = max(0, total.ns - sum(event.value for event in ends))
        for event in ends:
            value += event.value
            if event.time_ns < from_ns:
                continue
            out.add(out.event.TYPE_COUNTER, number, event.time_ns, counter=value)


def _participants(out: _Writer, recording: Recording, found: list[Slice],
                  arrows: list[Flow]) -> None:  # fmt: skip
    flow_of = {id(flow.wait): number for number, flow in enumerate(arrows, 1)}
    lands: dict[tuple[int, int], list[int]] = {}
    for number, flow in enumerate(arrows, 1):
        lands.setdefault((flow.track, flow.event.number), []).append(number)
    processes: dict[int, int] = {}
    for number, track in enumerate(recording.tracks):
        own = [slice_ for slice_ in found if slice_.track == number]
        events = recording.shown(track)
        if not (track.role or own or events):
            continue
        if track.pid and track.pid not in processes:
            processes[track.pid] = out.track(track.name, pid=track.pid)
        name = f"{track.name}, participant {track.slot}"
        parent = out.track(name, parent=processes.get(track.pid, 0))
        calls = out.track("calls and waits", parent=parent)
        _nested(out, calls, [one for one in own if one.kind != "hold"], flow_of)
        marks = out.track("events", parent=parent)
        for event in events:
            if event.kind not in _INSTANTS:
                continue
            notes: dict[str, object] = {"mm": event.mm} if event.mm else {}
            name = _instant_name(event)
            if (number, event.number) not in lands:
                out.add(out.event.TYPE_INSTANT, marks, event.time_ns, name, notes=notes)
            for arrow in lands.get((number, event.number), ()):
                out.add(out.event.TYPE_INSTANT, marks, event.time_ns, name, ends=arrow, notes=notes)
        lanes = _Lanes(out, parent, "holds")
        for hold in (one for one in own if one.kind == "hold"):
            place = lanes.place(hold.begin_ns, hold.end_ns)
            out.slice(place, hold.begin_ns, hold.end_ns, hold.name, notes=_notes(hold))
        _counters(out, parent, track, recording.from_ns)


def _address_spaces(out: _Writer, recording: Recording, found: list[Slice]) -> None:
    holds: dict[int, list[Slice]] = {}
    for slice_ in found:
        if slice_.kind == "hold" and slice_.event.mm and slice_.event.lock != "file lock":
            holds.setdefault(slice_.event.mm, []).append(slice_)
    if not holds:
        return
    parent = out.track(_SHARED)
    for mm, rows in sorted(holds.items()):
        lanes = _Lanes(out, parent, f"mm {mm}")
        for hold in sorted(rows, key=lambda row: row.begin_ns):
            who = f"{recording.tracks[hold.track].name}: {op_name(hold.event.op)}"
            place = lanes.place(hold.begin_ns, hold.end_ns)
            out.slice(place, hold.begin_ns, hold.end_ns, f"{hold.event.lock}, {who}")


def trace_bytes(recording: Recording) -> bytes:
    """The recording as the bytes of a .perfetto-trace file."""
    out = _Writer()
    found = slices(recording)
    _participants(out, recording, found, flows(recording, found))
    _address_spaces(out, recording, found)
    data: bytes = out.builder.serialize()
    return data
