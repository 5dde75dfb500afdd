# SPDX-License-Identifier: Apache-2.0
"""A run as a Perfetto trace, for ui.perfetto.dev: tracks for each process, a step a microsecond."""

from __future__ import annotations

from collections.abc import Sequence

from vmalab_native import lab
from vmalab_native.race.explore import object_name
from vmalab_race.picture import KINDS, Picture, Span, holds, word_text

STEP_NS = 1000
SIDE_MAX = 20
STEPS = 90
KIND_NAMES = list(KINDS)
_SEQUENCE = 1


class _Writer:
    """Packets of one sequence."""

    def __init__(self) -> None:
        from perfetto.protos.perfetto.trace.perfetto_trace_pb2 import TrackEvent
        from perfetto.trace_builder.proto_builder import TraceProtoBuilder

        self.builder = TraceProtoBuilder()
        self.event = TrackEvent

    def track(self, uuid: int, name: str, *, pid: int = 0, parent: int = 0) -> None:
        packet = self.builder.add_packet()
        packet.track_descriptor.uuid = uuid
        packet.track_descriptor.name = name
        if pid:
            packet.track_descriptor.process.pid = pid
            packet.track_descriptor.process.process_name = name
        if parent:
            packet.track_descriptor.parent_uuid = parent

    def add(self, kind: int, uuid: int, time_ns: int, name: str = "", **notes: str) -> None:
        packet = self.builder.add_packet()
        packet.timestamp = time_ns
        packet.trusted_packet_sequence_id = _SEQUENCE
        packet.track_event.type = kind
        packet.track_event.track_uuid = uuid
        if name:
            packet.track_event.name = name
        for key, value in notes.items():
            if value:
                note = packet.track_event.debug_annotations.add()
                note.name, note.string_value = key, value


def _placed(spans: Sequence[Span]) -> list[int]:
    """A track for each span: slices of one track must not overlap, or the wrong one ends."""
    ends: dict[tuple[int, int], int] = {}
    chosen = []
    for span in spans:
        first = KIND_NAMES.index(span.kind) * SIDE_MAX
        free = (
            place
            for place in range(first, first + SIDE_MAX - 1)
            if ends.get((span.actor, place), -1) <= span.begin
        )
        place = next(free, first + SIDE_MAX - 1)
        ends[span.actor, place] = max(span.end, span.begin + 1)
        chosen.append(place)
    return chosen


def trace_bytes(picture: Picture) -> bytes:
    """The run as the bytes of a .perfetto-trace file."""
    out = _Writer()
    texts = {point.name: point.text for point in lab.POINTS}
    names = picture.scenario.actor_names
    tracks = {number: 100 * (number + 1) for number in range(len(names))}
    spans = [span for span in holds(picture.trace) if span.actor in tracks]
    placed = _placed(spans)
    for number, name in enumerate(names):
        out.track(tracks[number], name, pid=number + 1)
        kinds = {place for span, place in zip(spans, placed, strict=True) if span.actor == number}
        for place in sorted(kinds):
            label = KIND_NAMES[place // SIDE_MAX]
            extra = f" {place % SIDE_MAX + 1}" if place % SIDE_MAX else ""
            out.track(tracks[number] + 1 + place, label + extra, parent=tracks[number])
        out.track(tracks[number] + STEPS, "steps", parent=tracks[number])
    for row, line in enumerate(picture.trace):
        if line.actor not in tracks:
            continue
        time_ns, track = row * STEP_NS, tracks[line.actor] + STEPS
        where = object_name(line)
        word = word_text(line, picture.schedule.model)
        out.add(out.event.TYPE_SLICE_BEGIN, track, time_ns, f"{line.point} {where}".strip(),
                what=texts[line.point], word=word)  # fmt: skip
        out.add(out.event.TYPE_SLICE_END, track, time_ns + STEP_NS)
        if line.flags & lab.BREAKS:
            out.add(out.event.TYPE_INSTANT, track, time_ns, picture.verdict())
    for span, place in zip(spans, placed, strict=True):
        track = tracks[span.actor] + 1 + place
        begin = span.begin * STEP_NS
        end = max(span.end * STEP_NS, begin + STEP_NS)
        out.add(out.event.TYPE_SLICE_BEGIN, track, begin, f"{span.kind} {span.what}".strip())
        out.add(out.event.TYPE_SLICE_END, track, end)
    data: bytes = out.builder.serialize()
    return data
