# SPDX-License-Identifier: Apache-2.0
"""The rings of all participants, read for some time or once."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from vmalab.ops import Op
from vmalab_native import waiting
from vmalab_native.events import Event, Ring, Waits
from vmalab_native.segment_file import SegmentFile
from vmalab_native.view import SegmentView

PAUSE_S: Final = 0.002
"""Between two looks at the rings: a ring holds what a busy participant does in about as long."""

_OPS: Final = {int(op): op.name.lower() for op in Op}


@dataclass(slots=True)
class Track:
    """The events of one participant, oldest first.

    Attributes:
        slot: its place in the segment, which others had before and after it.
        pid: 0: what says it was overwritten.
        comm, role: "" of one that has left its slot.
        alive: it has not left, and its process has not ended.
        lost: events that were overwritten before they were read.
        waits: what it counted until the end, by class of lock; of the last one in a slot.
        op_ns, wait_ns: since when its call lasts, since when it waits, at the end; 0: not so.
    """

    slot: int
    pid: int = 0
    comm: str = ""
    role: str = ""
    alive: bool = False
    lost: int = 0
    op: int = 0
    op_ns: int = 0
    wait_ns: int = 0
    events: list[Event] = field(default_factory=list)
    waits: dict[str, Waits] = field(default_factory=dict)

    @property
    def name(self) -> str:
        comm = "".join(c if c.isprintable() else "?" for c in self.comm)  # anybody chose it
        return f"{comm or 'participant'} {self.pid or f'of slot {self.slot}'}"


@dataclass(frozen=True, slots=True)
class Recording:
    """What was read of an instance; times in ns of CLOCK_MONOTONIC.

    Attributes:
        from_ns: when the reading began, where it took some time: what was over by then is not
            shown. 0: all is shown that the rings had.
        trees: who waited for whom at the end.
    """

    instance: str
    model: str
    begin_ns: int
    end_ns: int
    tracks: list[Track]
    trees: list[waiting.Tree]
    from_ns: int = 0

    def shown(self, track: Track) -> list[Event]:
        """The events of a participant that belong to the time that was asked for."""
        return [event for event in track.events if event.time_ns >= self.from_ns]


def op_name(op: int) -> str:
    """The operation, as `docs/block-format.md` calls it."""
    return _OPS.get(op, f"op {op}")


class _Slots:
    """Reads on in the rings of all slots there are."""

    def __init__(self, file: SegmentFile) -> None:
        self._file = file
        self._rings: dict[int, Ring] = {}
        self.tracks: dict[int, list[Track]] = {}

    def poll(self) -> None:
        self._file.refresh()
        for slot in range(self._file.slots_high):
            first = slot not in self._rings
            ring = self._rings.setdefault(slot, Ring(self._file, slot))
            events, lost = ring.poll()
            lives = self.tracks.setdefault(slot, [Track(slot)])
            if not first:  # what was overwritten before is not missing
                lives[-1].lost += lost
            for event in events:
                if event.kind == "join":
                    lives.append(Track(slot))
                if event.kind in ("join", "leave"):
                    lives[-1].pid = event.value
                lives[-1].events.append(event)


def _complete(view: SegmentView, tracks: dict[int, list[Track]]) -> None:
    """What the slots say of those who are in them."""
    for row in view.participants():
        track = tracks.get(row.index, [Track(row.index)])[-1]
        track.pid, track.comm, track.role, track.alive = row.pid, row.comm, row.role, row.alive
        op_ns, wait_ns = view.since(row.index)
        track.op = row.op if row.in_core else 0
        track.op_ns, track.wait_ns = op_ns or 0, wait_ns or 0
    for slot, lives in tracks.items():
        lives[-1].waits = view.waits(slot)


def _trees(view: SegmentView, end_ns: int) -> list[waiting.Tree]:
    infos = view.participants()
    ages = waiting.ages_of(view.since, now_ns=end_ns)
    return waiting.forest(waiting.tasks(infos, view.every_lock(infos), ages))


def record(
    file: SegmentFile, seconds: float, stopped: Callable[[], bool] = lambda: False
) -> Recording:
    """Read the rings for some seconds, with what was under way when that began; 0: once, all.

    Args:
        stopped: asked again and again whether it is to end before the time is over.

    Raises:
        SegmentDamaged: the file says what cannot be.
    """
    slots, view = _Slots(file), SegmentView(file)
    from_ns = time.clock_gettime_ns(time.CLOCK_MONOTONIC) if seconds else 0
    end = time.monotonic() + seconds
    slots.poll()
    while time.monotonic() < end and not stopped():
        time.sleep(min(PAUSE_S, max(0.0, end - time.monotonic())))
        slots.poll()
    _complete(view, slots.tracks)
    tracks = [track for lives in slots.tracks.values() for track in lives if track.events]
    times = [event.time_ns for track in tracks for event in track.events]
    anybody = any(track.alive for track in tracks)
    now_ns = time.clock_gettime_ns(time.CLOCK_MONOTONIC)
    if not times:
        times = [now_ns]
    end_ns = now_ns if anybody else max(times)
    end_ns = max([end_ns, *times])
    trees = _trees(view, end_ns)
    begin_ns = max(min(times), from_ns)
    return Recording(file.instance, file.model, begin_ns, end_ns, tracks, trees, from_ns)
