# SPDX-License-Identifier: Apache-2.0
"""What the recorder sees of the files of a program: which inode, how large, when.

The recorder looks at a descriptor or a mapping when strace has shown the call, and the program has
run on by then. So a look counts only where the file is the one that perf saw the kernel map, if
perf was there; perf's record of a mapping is made inside the call, and names the inode and its
generation. Without perf the name of the file must be the one that strace showed.
"""

from __future__ import annotations

import os
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Final

from vmalab_drive.drivers import FileInfo
from vmalab_trace import perf
from vmalab_trace.folder import Meta
from vmalab_trace.words import DELETED

_EARLY_NS: Final = 2_000
"""How far the two clocks of a trace may be apart."""
_LATE_NS: Final = 100_000
Identity = tuple[int, int, int]


@dataclass(slots=True)
class Sighting:
    """A call that maps a file, or that opened one to write."""

    line: int
    tid: int
    path: str
    offset: int = 0
    addr: int = 0
    begin_ns: int = 0
    end_ns: int = 0
    facts: os.stat_result | None = None
    maps: bool = True
    new: bool = False
    """The call made the file."""


@dataclass(slots=True)
class Sightings:
    """All of a recording."""

    mapped: list[Sighting] = field(default_factory=list)

    def see(self, one: Sighting, places: Iterable[str]) -> None:
        found = (look(where, one.path) for where in places)
        one.facts = next((facts for facts in found if facts is not None), None)
        self.mapped.append(one)

    def settle(self, meta: Meta, seen: list[perf.Mapping]) -> None:
        """Write into `meta` which file each call was of, and how large the file was then."""
        finder = _Finder(seen, meta.trace_time)
        index_of: dict[Identity, int] = {}
        of_number: dict[tuple[int, int], list[tuple[int, int]]] = {}
        rest: list[Sighting] = []
        for one in self.mapped:
            event = finder.find(one) if one.maps else None
            if event is None:
                rest.append(one)
                continue
            identity = (event.dev, event.inode, event.life)
            if one.facts is not None and one.facts.st_ino != event.inode:
                one.facts = None
            if identity not in index_of:
                index_of[identity] = _add(meta, one, identity)
            of_number.setdefault(identity[:2], []).append((one.line, index_of[identity]))
            _note(meta, one, index_of[identity])
        for one in rest:
            if one.facts is None:
                continue
            identity = (_dev(one.facts.st_dev), one.facts.st_ino, 0)
            lives = of_number.get(identity[:2])
            if lives:
                index = _life_of(meta, one, lives)
                if index >= 0:
                    _note(meta, one, index)
            elif one.maps:
                if identity not in index_of:
                    index_of[identity] = _add(meta, one, identity)
                _note(meta, one, index_of[identity])


def _life_of(meta: Meta, one: Sighting, lives: list[tuple[int, int]]) -> int:
    """Which life of an inode number a call was about: of those that were mapped, by line, the one
    before or the next. -1: none of them for sure."""
    at = bisect_right([line for line, _ in lives], one.line)
    before = lives[at - 1][1] if at else -1
    after = lives[at][1] if at < len(lives) else -1
    if one.new:
        return after
    if one.maps:
        return before if before >= 0 else after
    if before < 0:
        return after
    same = meta.files[before].path.removesuffix(DELETED) == one.path.removesuffix(DELETED)
    return before if same else -1


def _add(meta: Meta, one: Sighting, identity: Identity) -> int:
    size = one.facts.st_size if one.facts is not None else 0
    meta.files.append(FileInfo(one.path, *identity[:2], size))
    meta.lives.append(identity[2])
    return len(meta.files) - 1


def _note(meta: Meta, one: Sighting, index: int) -> None:
    meta.file_of[one.line] = index
    if one.facts is not None:
        meta.sizes[one.line] = one.facts.st_size


class _Finder:
    """perf's records of mappings, by thread and time."""

    def __init__(self, seen: list[perf.Mapping], clock: Callable[[int], int]) -> None:
        self.of: dict[int, list[tuple[int, perf.Mapping]]] = {}
        for one in seen:
            self.of.setdefault(one.tid, []).append((clock(one.time_ns), one))
        for mine in self.of.values():
            mine.sort(key=lambda pair: pair[0])

    def find(self, call: Sighting) -> perf.Mapping | None:
        mine = self.of.get(call.tid, [])
        at = bisect_left(mine, call.begin_ns - _EARLY_NS, key=lambda pair: pair[0])
        for time_ns, one in mine[at:]:
            if time_ns > call.end_ns + _LATE_NS:
                return None
            inside = one.start <= call.addr < one.start + one.length
            if one.inode and inside and one.offset + call.addr - one.start == call.offset:
                return one
        return None


def look(where: str, path: str) -> os.stat_result | None:
    """stat of a file, None unless it is the one of that path. The program runs on and may use the
    descriptor's number for another file at any time, so both questions go to one open file."""
    try:
        opened = os.open(where, os.O_PATH)
    except OSError:
        return None
    try:
        name = os.readlink(f"/proc/self/fd/{opened}").replace("\n", "\\012")
        same = name.removesuffix(DELETED) == path.removesuffix(DELETED)
        return os.fstat(opened) if same else None
    except OSError:
        return None
    finally:
        os.close(opened)


def _dev(number: int) -> int:
    """st_dev in the form Area.dev has it."""
    return os.major(number) << 20 | os.minor(number)
