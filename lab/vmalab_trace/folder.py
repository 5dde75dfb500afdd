# SPDX-License-Identifier: Apache-2.0
"""The trace folder. Each file but meta.json is plain, gzipped (.gz) or xz-compressed (.xz).

trace      what strace wrote: the memory calls of all threads
maps.N     /proc/PID/maps at the N-th marker of the trace
faults     optional: one line of `perf script` for each page fault
locks      optional: one line `TID SECONDS.NANOSECONDS w|r` each time a thread got an mmap_lock, for
           writing or reading. A call changes its address space inside one such critical section,
           so these lines put overlapping calls and faults of several threads in their true order;
           without them the order is searched for (ordering.py). The clock is that of `faults`.
meta.json  what was run, on which kernel, the identities of the files it mapped, and `clock`: points
           [t, d] where the clock of `trace` was d nanoseconds ahead of the time t of `faults`.
"""

from __future__ import annotations

import gzip
import json
import lzma
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final, Literal

from vmalab_drive.drivers import FileInfo
from vmalab_drive.errors import UsageError
from vmalab_native.machine import Fact
from vmalab_native.texts import lines_of

FORMAT = 1
SHIPPED: Final = Path(__file__).resolve().parent / "traces"
"""The traces that come with the package."""
Compress = Literal["", "gz", "xz"]
"""How the files of a folder are packed, by the end of their names."""


class FolderError(UsageError):
    """A trace folder that cannot be read; the message says what is missing."""


def shipped() -> list[str]:
    """The names of the traces that come with the package."""
    return sorted(path.name for path in SHIPPED.iterdir() if path.is_dir())


def named(trace: Path) -> Path:
    """Where a trace is: what is at that path, else the one of the package that has the name."""
    return SHIPPED / trace if not trace.exists() and str(trace) in shipped() else trace


@dataclass(frozen=True, slots=True)
class SnapshotInfo:
    """One maps.N: whose it is and why it was made."""

    number: int
    pid: int
    why: str
    start_brk: int = 0
    capabilities: int = -1
    """VL_CAP_* of the process; -1: not known, all are taken to be there."""
    limits: dict[str, tuple[int, int]] = field(default_factory=dict)
    """Soft and hard limits in bytes, by RLIMIT_*; those that are infinite are left out."""
    read_ns: int = 0
    """When it was read, on the clock of the trace."""


@dataclass(slots=True)
class Meta:
    """meta.json. Every field has a meaning when it is missing, so that a bare folder reads too."""

    command: list[str] = field(default_factory=list)
    kernel: str = ""
    page_size: int = 4096
    mmap_base: int = 0
    start_brk: int = 0
    brk: int = 0
    pids: list[int] = field(default_factory=list)
    files: list[FileInfo] = field(default_factory=list)
    snapshots: list[SnapshotInfo] = field(default_factory=list)
    faults_source: str = ""
    """The perf event the faults come from; empty without faults."""
    faults_note: str = ""
    faults_lost: int = 0
    clock_offset_ns: int = 0
    """What must be added to a time in `faults` to get the clock of `trace`, where `clock` is
    empty."""
    clock: list[tuple[int, int]] = field(default_factory=list)
    """The same at several times of `faults`: one of the clocks may be corrected meanwhile."""
    recorded: bool = False
    """Written by `vmalab record`: a real program, whose page faults strace does not show."""
    thp: str = ""
    anon_names: bool = True
    """The kernel can give anonymous memory a name (CONFIG_ANON_VMA_NAME)."""
    machine: dict[str, Fact] = field(default_factory=dict)
    """What the recorded answers depended on (vmalab_native.machine); empty: a machine without
    protection keys, of which no more is known."""
    modes: dict[int, int] = field(default_factory=dict)
    """Lines of the trace whose mmap is of a file that was not opened to read and write: FileMode,
    and above it which open it is (the upper half of a file in a mmap record)."""
    lives: list[int] = field(default_factory=list)
    """For each of `files` which life of its inode it is: a number that no other file of the same
    inode number has; 0: perf did not say."""
    file_of: dict[int, int] = field(default_factory=dict)
    """Lines of the trace whose call is of a file: which of `files`."""
    sizes: dict[int, int] = field(default_factory=dict)
    """The size in bytes that such a file was seen to have when the call returned."""
    capabilities: dict[int, int] = field(default_factory=dict)
    """VL_CAP_* of the process after the call of that line (setuid, capset)."""
    changed: dict[str, list[Fact]] = field(default_factory=dict)
    """Facts of `machine` that were others at the end: before and after."""
    faults_unseen: int = 0
    """Programs whose page faults perf could not see: it leaves a process at a set-user-id exec."""
    expect: dict[str, Any] = field(default_factory=dict)
    """What a replay must have compared, and what it may have left out (`counts` of its report)."""
    exit_status: int = 0
    calls: int = 0
    missed: dict[str, int] = field(default_factory=dict)
    """Snapshots that were wanted and not made, by reason."""

    @property
    def pkeys(self) -> bool:
        """The recorded processor has protection keys."""
        return bool(self.machine.get("cpu.pkeys"))

    def trace_time(self, time_ns: int) -> int:
        """A time of `faults` or `locks` on the clock of `trace`."""
        if not self.clock:
            return time_ns + self.clock_offset_ns
        at = bisect_right([one[0] for one in self.clock], time_ns)
        if at in (0, len(self.clock)):
            return time_ns + self.clock[max(at - 1, 0)][1]
        (before, ahead), (after, ahead_after) = self.clock[at - 1 : at + 1]
        share = (time_ns - before) / (after - before)
        return time_ns + ahead + round((ahead_after - ahead) * share)

    def to_json(self) -> str:
        data: dict[str, Any] = {"format": FORMAT}
        for name in self.__dataclass_fields__:
            data[name] = getattr(self, name)
        data["files"] = [asdict(one) for one in self.files]
        data["snapshots"] = [asdict(one) for one in self.snapshots]
        return json.dumps(data, indent=1) + "\n"

    @staticmethod
    def from_json(text: str) -> Meta:
        data = json.loads(text)
        known = {name: data[name] for name in Meta.__dataclass_fields__ if name in data}
        known["files"] = [FileInfo(**one) for one in data.get("files", [])]
        known["clock"] = [(int(one), int(two)) for one, two in data.get("clock", [])]
        known["snapshots"] = [SnapshotInfo(**one) for one in data.get("snapshots", [])]
        for name in ("modes", "file_of", "sizes", "capabilities"):
            known[name] = {int(line): int(what) for line, what in data.get(name, {}).items()}
        for one in known["snapshots"]:
            one.limits.update({name: tuple(pair) for name, pair in one.limits.items()})
        return Meta(**known)


@dataclass(frozen=True, slots=True)
class Folder:
    """Reads a trace folder, or a file with strace's output alone."""

    root: Path

    def __post_init__(self) -> None:
        if self.root.is_file():
            return
        if not self.root.is_dir():
            names = ", ".join(shipped())
            raise FolderError(f"{self.root} is not a folder, nor a trace of the package: {names}")
        if self._find("trace") is None:
            raise FolderError(f"{self.root} has no file named trace, trace.gz or trace.xz")

    def _find(self, name: str) -> Path | None:
        if self.root.is_file():
            return self.root if name == "trace" else None
        for path in (self.root / f"{name}{suffix}" for suffix in ("", ".gz", ".xz")):
            if path.is_file():
                return path
        return None

    def _read(self, name: str) -> str | None:
        path = self._find(name)
        if path is None:
            return None
        data = path.read_bytes()
        if path.suffix == ".gz":
            data = gzip.decompress(data)
        elif path.suffix == ".xz":
            data = lzma.decompress(data)
        return data.decode("utf-8", errors="surrogateescape")

    def lines(self) -> Iterator[str]:
        """The lines of the trace."""
        text = self._read("trace")
        yield from (text or "").split("\n")

    def maps(self, number: int) -> str | None:
        """Snapshot N, None when there is none."""
        return self._read(f"maps.{number}")

    def faults(self) -> list[str]:
        """The lines of `faults`; none when nothing was recorded."""
        return lines_of(self._read("faults") or "")

    def locks(self) -> list[str]:
        """The lines of `locks`; none when nothing was recorded."""
        return lines_of(self._read("locks") or "")

    def meta(self) -> Meta:
        """meta.json, or the defaults for a folder without."""
        text = self._read("meta.json")
        return Meta.from_json(text) if text is not None else Meta()

    def file_size(self, path: str) -> int | None:
        """The size of a file as it is now, for folders whose meta.json does not say."""
        try:
            return Path(path.removesuffix(" (deleted)")).stat().st_size
        except OSError:
            beside = self.root / Path(path).name
            return beside.stat().st_size if beside.is_file() else None


def keep_counts(root: Path, counts: dict[str, Any]) -> None:
    """Write into meta.json what a replay compared: later ones must compare as much."""
    if root.is_file():
        raise FolderError(f"{root} is a file: the counts are kept in the meta.json of a folder")
    path = root / "meta.json"
    meta = Meta.from_json(path.read_text()) if path.is_file() else Meta()
    meta.expect = counts
    path.write_text(meta.to_json())


def write(root: Path, name: str, text: str, *, compress: Compress) -> None:
    """Write one file of a trace folder."""
    data = text.encode("utf-8", errors="surrogateescape")
    match compress:
        case "":
            (root / name).write_bytes(data)
        case "gz":
            (root / f"{name}.gz").write_bytes(gzip.compress(data, 9, mtime=0))
        case "xz":
            packed = lzma.compress(data, preset=9 | lzma.PRESET_EXTREME)
            (root / f"{name}.xz").write_bytes(packed)
