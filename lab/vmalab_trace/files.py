# SPDX-License-Identifier: Apache-2.0
"""Which file each mapping of a trace is of, and how large that file was at each moment.

Names and inode numbers are not enough: a name comes to stand for another file, a number is used
again. What decides, in this order: the identity that perf or the recorder saw (`file_of` of
meta.json), the open behind the descriptor, the snapshots, the name.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from vmalab_drive.drivers import FileInfo
from vmalab_native import flags
from vmalab_trace import calls, maps, opens, shm
from vmalab_trace.folder import Folder, Meta
from vmalab_trace.gaps import page_up
from vmalab_trace.steps import Kind, Step

REMAP: Final = "remap_file_pages"
NO_EXEC, NO_MMAP = 4, 8
"""Of FileMode."""
_KEEP_SIZE: Final = flags.FALLOC["FALLOC_FL_KEEP_SIZE"]
ZERO_BYTES: Final = 1 << 46
"""What stands for /dev/zero has no end."""
UNSEEN: Final = (
    "files emptied by an open, of which it was not seen in time whether they are those that are "
    "mapped under that name"
)
ZERO_DEVICE: Final = "/dev/zero"
Key = tuple[int, int, int]
"""Device, inode, and which life of that inode."""


@dataclass(slots=True)
class Files:
    """The files of a trace, found step by step."""

    folder: Folder
    meta: Meta
    snapshots: Mapping[int, list[maps.Area]]
    segments: Mapping[int, calls.Segment]
    removed: Mapping[int, float]
    notes: Counter[str]
    infos: list[FileInfo] = field(default_factory=list)
    unknown: set[int] = field(default_factory=set)
    """Indices of files whose device, inode and path are not in the trace."""
    index_of: dict[Key, int] = field(default_factory=dict)
    by_open: dict[opens.Open, int] = field(default_factory=dict)
    first_sizes: dict[int, tuple[int, int]] = field(default_factory=dict)
    """Line and size at which each of the recorder's files was seen first."""
    sized: set[int] = field(default_factory=set)
    """Indices of files whose size at the beginning is known, even if it is 0."""

    def name_all(self, steps: list[Step]) -> list[Step]:
        """Give each step its file. Returns the steps without those of files that nobody maps."""
        later: dict[int, list[int]] = defaultdict(list)
        for step in steps:
            if step.snapshot >= 0:
                later[step.begins if step.begins >= 0 else step.mm].append(step.snapshot)
        by_path = {info.path: info for info in self.meta.files}
        for line in sorted(self.meta.sizes):
            self.first_sizes.setdefault(self.meta.file_of[line], (line, self.meta.sizes[line]))
        for step in steps:
            call = step.operation
            if not isinstance(call, calls.Mmap) or call.flags & flags.MAP_ANONYMOUS:
                continue
            if isinstance(call, calls.Shmat):
                step.file = self._segment(call)
            elif flags.errno_name(step.errno) == "EBADF":
                continue  # it is no open file, also not to the replay
            elif call.fd >= 0:
                step.file = self._mapped(steps, step, call, by_path, later[step.mm])
                step.file_mode = self._mode(step, call)
        for step in steps:
            if isinstance(step.operation, calls.Plain) and step.operation.name == REMAP:
                step.dying = tuple(
                    self.index_of[(shm.DEV, number, 0)]
                    for number, since in self.removed.items()
                    if since <= step.end_line and (shm.DEV, number, 0) in self.index_of
                )
        steps = self._name_changes(steps)
        self._begin_empty(steps)
        self.infos = [self._sized(steps, index, info) for index, info in enumerate(self.infos)]
        return _with_growth(steps, self.infos, self.meta.sizes)

    def _add(self, key: Key, info: FileInfo, *, known: bool = True) -> int:
        if key not in self.index_of:
            self.index_of[key] = len(self.infos)
            self.infos.append(info)
            if not known:
                self.unknown.add(self.index_of[key])
        return self.index_of[key]

    def _segment(self, call: calls.Shmat) -> int:
        """A segment is a file of its own, whose inode is its number."""
        if not call.length:
            return -1
        segment = self.segments.get(call.fd)
        size = segment.size if segment else call.length
        return self._add((shm.DEV, call.fd, 0), FileInfo(call.path, shm.DEV, call.fd, size))

    def _mapped(
        self,
        steps: list[Step],
        step: Step,
        call: calls.Mmap,
        by_path: Mapping[str, FileInfo],
        later: list[int],
    ) -> int:
        seen = self.meta.file_of.get(int(step.end_line))
        if seen is not None:
            info = self.meta.files[seen]
            life = self.meta.lives[seen] if seen < len(self.meta.lives) else 0
            line, size = self.first_sizes.get(seen, (0, info.size))
            sized = seen in self.first_sizes and line <= step.end_line
            first = FileInfo(info.path, info.dev, info.inode, size if sized else 0)
            key = (info.dev, info.inode, life)
            self.sized |= {len(self.infos)} if sized and key not in self.index_of else set()
            index = self._add(key, first)
        elif step.opened is not None and step.opened in self.by_open:
            return self.by_open[step.opened]
        else:
            found = by_path.get(call.path) or self._from_snapshots(steps, later, step, call)
            if found is not None:
                size = found.size or self.folder.file_size(found.path) or 0
                info = FileInfo(found.path, found.dev, found.inode, size)
                index = self._add((info.dev, info.inode, 0), info)
            else:
                # An identity of its own per open or descriptor: enough to tell two files apart.
                number = -step.opened.number if step.opened else 1 + call.fd
                info = FileInfo(call.path or f"fd:{call.fd}", 0xFFF << 20, number & 0xFFFFFF, 0)
                index = self._add((info.dev, info.inode, 0), info, known=False)
        if call.path.removesuffix(" (deleted)") == ZERO_DEVICE:
            self.infos[index] = FileInfo(call.path, info.dev, info.inode, ZERO_BYTES)
        if step.opened is not None:
            self.by_open[step.opened] = index
        return index

    def _mode(self, step: Step, call: calls.Mmap) -> int:
        """How the file was opened, and which open it is."""
        seen = self.meta.modes.get(int(step.end_line), 0)
        if step.opened is not None:
            seen = step.opened.mode | step.opened.number << 8
        refused = _mode_of_refusal(step, call)
        # A mode that the trace shows answers for itself; the rest only a refusal can show.
        return seen | (refused & (NO_EXEC | NO_MMAP) if seen else refused)

    def _name_changes(self, steps: list[Step]) -> list[Step]:
        """Which file each ftruncate, truncate, fallocate, seal and write is of. Those of files that
        nobody maps, and those that the file system refused, are no matter of memory."""
        mapped: dict[tuple[int, str | int], int] = {}
        for step in steps:
            call = step.operation
            if isinstance(call, calls.Mmap) and step.file >= 0:
                mapped[(0, call.path) if call.path else (step.tid, call.fd)] = step.file
        kept: list[Step] = []
        for step in steps:
            call = step.operation
            if isinstance(call, calls.Truncate | calls.Allocate | opens.Seal | opens.Write):
                step.file = self._changed(step, call, mapped)
                if step.file < 0 and isinstance(call, calls.Truncate) and not step.counted:
                    self.notes += Counter({UNSEEN: (0, call.path) in mapped})
                if step.file < 0 or (step.errno and not _is_busy_seal(step)):
                    if step.counted:
                        self.notes[
                            "calls of ftruncate, truncate, fallocate and F_ADD_SEALS that failed, "
                            "or were of files that nobody maps"
                        ] += 1
                    continue
            kept.append(step)
        return kept

    def _changed(
        self,
        step: Step,
        call: calls.Truncate | calls.Allocate | opens.Seal | opens.Write,
        mapped: Mapping[tuple[int, str | int], int],
    ) -> int:
        seen = self.meta.file_of.get(int(step.end_line))
        if seen is None and step.opened is not None:
            if step.opened in self.by_open:
                return self.by_open[step.opened]
            seen = self.meta.file_of.get(step.opened.line)
        if seen is not None:
            info, life = self.meta.files[seen], self.meta.lives[seen]
            return self.index_of.get((info.dev, info.inode, life), -1)
        if step.opened is not None:
            return -1
        if isinstance(call, opens.Write) or not step.counted:
            return -1
        return mapped.get((0, call.path) if call.path else (step.tid, call.fd), -1)

    def _begin_empty(self, steps: list[Step]) -> None:
        """A file whose first open made it, or emptied it, has no bytes at first."""
        first: dict[int, opens.Open] = {}
        for opened, index in self.by_open.items():
            if index not in first or opened.number < first[index].number:
                first[index] = opened
        for index, opened in first.items():
            if opened.empty:
                info = self.infos[index]
                self.infos[index] = FileInfo(info.path, info.dev, info.inode, 0)
                self.sized.add(index)

    def _sized(self, steps: list[Step], index: int, info: FileInfo) -> FileInfo:
        """A file of unknown size is taken to hold all that was mapped of it."""
        if info.size or index in self.sized:
            return info
        ends = [
            step.operation.offset + step.operation.length
            for step in steps
            if step.file == index and isinstance(step.operation, calls.Mmap) and not step.errno
        ]
        if ends:
            self.notes[f"size of {info.path} unknown: taken as what was mapped of it"] += 1
        return FileInfo(info.path, info.dev, info.inode, page_up(max(ends, default=0)))

    def _from_snapshots(
        self, steps: list[Step], numbers: list[int], step: Step, call: calls.Mmap
    ) -> FileInfo | None:
        """Look for the mapping in later snapshots, then for its path anywhere."""
        if not step.errno:
            for number in numbers:
                area = _shown(self.snapshots[number], step.value, call.offset)
                if area is not None and call.path in ("", area.path):
                    return FileInfo(area.path, area.dev, area.inode, 0)
        if not call.path:
            return self._same_descriptor(steps, step, call)
        for found in self.snapshots.values():
            for area in found:
                if area.path == call.path and area.is_file:
                    return FileInfo(area.path, area.dev, area.inode, 0)
        return None

    def _same_descriptor(self, steps: list[Step], step: Step, call: calls.Mmap) -> FileInfo | None:
        """Without paths, a descriptor is taken to stay the file that another mapping of it
        showed."""
        for other in steps:
            there = other.operation
            if not isinstance(there, calls.Mmap) or there.fd != call.fd or other.tid != step.tid:
                continue
            if there.flags & flags.MAP_ANONYMOUS or other.errno:
                continue
            for areas in self.snapshots.values():
                area = _shown(areas, other.value, there.offset)
                if area is not None:
                    return FileInfo(area.path, area.dev, area.inode, 0)
        return None


def _shown(areas: list[maps.Area], at: int, offset: int) -> maps.Area | None:
    """The area of a file that has this offset at this address."""
    for area in areas:
        if area.is_file and not area.is_shared_anonymous and area.start <= at < area.end:
            return area if area.offset + at - area.start == offset else None
    return None


def _mode_of_refusal(step: Step, call: calls.Mmap) -> int:
    """How the file must have been opened, or its mount be, for the kernel to refuse so."""
    shared = call.flags & flags.MAP_SHARED
    match flags.errno_name(step.errno) if step.errno else "":
        case "EACCES":
            return 1 if shared and call.prot & flags.PROT["PROT_WRITE"] else 2
        case "EPERM" if call.prot & flags.PROT["PROT_EXEC"]:
            return NO_EXEC
        case "ENODEV":
            return NO_MMAP
        case _:
            return 0


def _is_busy_seal(step: Step) -> bool:
    return isinstance(step.operation, opens.Seal) and flags.errno_name(step.errno) == "EBUSY"


def _with_growth(steps: list[Step], infos: list[FileInfo], sizes: Mapping[int, int]) -> list[Step]:
    """Where a write made a file longer, the emulator's file grows too. A size that was seen when a
    file was mapped stands for the writes that the trace does not show; if a later call sets just
    that size, it was seen late and says nothing."""
    coming: dict[int, Counter[int]] = defaultdict(Counter)
    for step in steps:
        if isinstance(step.operation, calls.Truncate | calls.Allocate | opens.Write):
            coming[step.file][_end_of(step)] += 1
    now = {index: info.size for index, info in enumerate(infos)}
    result: list[Step] = []
    for step in steps:
        call = step.operation
        size = 0
        if isinstance(call, calls.Truncate | calls.Allocate | opens.Write):
            coming[step.file][_end_of(step)] -= 1
        if isinstance(call, opens.Write):
            size = step.value if step.value >= 0 else now[step.file] + call.count
        elif isinstance(call, calls.Mmap) and step.file >= 0:
            seen = sizes.get(int(step.end_line), 0)
            size = 0 if coming[step.file][seen] else seen
        if size and size > now[step.file]:
            now[step.file] = size
            result.append(_growth(step, infos[step.file].path, size))
        if isinstance(call, calls.Truncate):
            now[step.file] = call.size
        elif isinstance(call, calls.Allocate) and not call.mode & _KEEP_SIZE:
            now[step.file] = max(now[step.file], _end_of(step))
        if not isinstance(call, opens.Write):
            result.append(step)
    return result


def _end_of(step: Step) -> int:
    match step.operation:
        case calls.Truncate(size=size):
            return size
        case calls.Allocate(offset=offset, length=length):
            return offset + length
    return step.value


def _growth(step: Step, path: str, size: int) -> Step:
    """A step that makes the file of another as long as it was."""
    return Step(
        Kind.CALL,
        step.line,
        step.end_line,
        step.tid,
        step.mm,
        operation=calls.Truncate(path, -1, size),
        file=step.file,
        counted=False,
        first=step.first,
        last=step.last,
    )
