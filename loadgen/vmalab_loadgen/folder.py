# SPDX-License-Identifier: Apache-2.0
"""The trace folder: `trace`, `maps.N`, `faults` and `meta.json`, each of them plain or gzipped."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

FORMAT = 1


class FolderError(Exception):
    """A trace folder that cannot be read; the message says what is missing."""


@dataclass(frozen=True, slots=True)
class FileInfo:
    """A file the program mapped, as it was when it was mapped."""

    path: str
    dev: int
    inode: int
    size: int


@dataclass(frozen=True, slots=True)
class SnapshotInfo:
    """One maps.N: whose it is and why it was made."""

    number: int
    pid: int
    why: str
    start_brk: int = 0


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
    """What must be added to a time in `faults` to get the clock of `trace`."""
    recorded: bool = False
    """Written by `vmalab record`: a real program, whose page faults strace does not show."""
    thp: str = ""
    exit_status: int = 0
    calls: int = 0
    missed: dict[str, int] = field(default_factory=dict)
    """Snapshots that were wanted and not made, by reason."""

    def to_json(self) -> str:
        data: dict[str, Any] = {"format": FORMAT}
        for name in self.__dataclass_fields__:
            data[name] = getattr(self, name)
        data["files"] = [
            {"path": one.path, "dev": one.dev, "inode": one.inode, "size": one.size}
            for one in self.files
        ]
        data["snapshots"] = [
            {"number": one.number, "pid": one.pid, "why": one.why, "start_brk": one.start_brk}
            for one in self.snapshots
        ]
        return json.dumps(data, indent=1) + "\n"

    @staticmethod
    def from_json(text: str) -> Meta:
        data = json.loads(text)
        known = {name: data[name] for name in Meta.__dataclass_fields__ if name in data}
        known["files"] = [FileInfo(**one) for one in data.get("files", [])]
        known["snapshots"] = [SnapshotInfo(**one) for one in data.get("snapshots", [])]
        return Meta(**known)


@dataclass(frozen=True, slots=True)
class Folder:
    """Reads a trace folder."""

    root: Path

    def __post_init__(self) -> None:
        if not self.root.is_dir():
            raise FolderError(f"{self.root} is not a folder")
        if self._find("trace") is None:
            raise FolderError(f"{self.root} has no file named trace or trace.gz")

    def _find(self, name: str) -> Path | None:
        for path in (self.root / name, self.root / f"{name}.gz"):
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
        return (self._read("faults") or "").splitlines()

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


def write(root: Path, name: str, text: str, *, compress: bool) -> None:
    """Write one file of a trace folder."""
    data = text.encode("utf-8", errors="surrogateescape")
    if compress:
        (root / f"{name}.gz").write_bytes(gzip.compress(data, 9, mtime=0))
    else:
        (root / name).write_bytes(data)
