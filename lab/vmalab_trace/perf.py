# SPDX-License-Identifier: Apache-2.0
"""Page faults of the recorded program and when it took mmap_lock, through Linux perf."""

from __future__ import annotations

import re
import shutil
import subprocess
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from vmalab_native.texts import lines_of

_FAULTS: Final = ("-e", "exceptions:page_fault_user,exceptions:page_fault_kernel")
_LOCKS: Final = ("-e", "mmap_lock:mmap_lock_acquire_returned", "--filter", "success == 1")
_EVENTS: Final = (
    ("exceptions,mmap_lock", (*_FAULTS, *_LOCKS), "trace"),
    ("exceptions", _FAULTS, "trace"),
    ("page-faults", ("-e", "page-faults", "-c", "1", "-d"), "addr,ip"),
)
"""Preferred first: the tracepoints of faults say whether it was a read, a write or a fetch, that of
mmap_lock at which point in time a call or a fault took effect."""

_HEAD = re.compile(
    r"^\s*(?P<comm>.*?)\s+(?P<pid>\d+)(?:/(?P<tid>\d+))?\s+(?:\[\d+\]\s+)?"
    r"(?P<seconds>\d+)\.(?P<fraction>\d+):\s+(?P<rest>.*)$"
)
_TRACEPOINT = re.compile(
    r"page_fault_(?P<mode>user|kernel):\s+address=(?P<addr>\S+)\s+ip=(?P<ip>\S+)\s+"
    r"error_code=(?P<code>0x[0-9a-f]+)"
)
_LOCK = re.compile(r"mmap_lock_acquire_returned:.*\bwrite=(?P<write>true|false)")
_LOCK_LINE = re.compile(r"^(?P<tid>\d+) (?P<seconds>\d+)\.(?P<fraction>\d{9}) (?P<kind>[rw])$")
_MAPPING = re.compile(
    r"PERF_RECORD_MMAP2 .*?: \[(?P<start>0x[0-9a-f]+)\((?P<length>0x[0-9a-f]+)\) @ "
    r"(?P<offset>0x[0-9a-f]+|0) (?P<major>[0-9a-f]+):(?P<minor>[0-9a-f]+) (?P<inode>\d+) "
    r"(?P<life>\d+)\]: "
)
_SOFTWARE = re.compile(r"page-faults[a-zA-Z:]*:\s+(?P<addr>[0-9a-f]+)(?:\s+(?P<ip>[0-9a-f]+))?")

READ, WRITE, EXEC = 0, 1, 2
UNKNOWN = 3
"""perf's page-faults event does not say how the page was touched."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One page fault of the real program."""

    line: int
    tid: int
    time_ns: int
    addr: int
    access: int
    kernel: bool
    """The kernel touched the page, for example to copy an answer to the program."""


@dataclass(frozen=True, slots=True)
class Lock:
    """A thread got an mmap_lock."""

    tid: int
    time_ns: int
    write: bool

    def render(self) -> str:
        """The line of `locks`."""
        seconds, fraction = divmod(self.time_ns, 1_000_000_000)
        return f"{self.tid} {seconds}.{fraction:09d} {'w' if self.write else 'r'}"


@dataclass(frozen=True, slots=True)
class Mapping:
    """The kernel made, or changed, a mapping."""

    tid: int
    time_ns: int
    start: int
    length: int
    offset: int
    dev: int
    inode: int
    life: int
    """The generation of the inode: another file with the same number has another one."""


def choose() -> tuple[str, tuple[str, ...], str] | str:
    """The best event that works here, or the reason why there is none."""
    if shutil.which("perf") is None:
        return "perf is not installed"
    reason = "no event could be opened"
    for name, arguments, fields in _EVENTS:
        probe = subprocess.run(
            ["perf", "record", "-q", *arguments, "-o", "/dev/null", "--", "true"],
            capture_output=True,
            text=True,
            check=False,
        )
        if probe.returncode == 0:
            return name, arguments, fields
        reason = (lines_of(probe.stderr.strip()) or [reason])[0]
    return f"perf cannot record page faults here: {reason}"


def command(arguments: tuple[str, ...], data: Path) -> list[str]:
    """What to put before a command so that its faults are recorded."""
    return ["perf", "record", "-q", "-d", "-k", "CLOCK_MONOTONIC", "-m", "1024", *arguments,
            "-o", str(data), "--"]  # fmt: skip


def script(data: Path, fields: str) -> tuple[list[str], int]:
    """The recorded faults as lines, and how many perf says it lost."""
    done = subprocess.run(
        ["perf", "script", "-i", str(data), "--ns", "--show-lost-events",
         "--show-mmap-events", "-F",
         f"comm,pid,tid,time,event,{fields}"],
        capture_output=True,
        text=True,
        errors="surrogateescape",
        check=False,
    )  # fmt: skip
    lines: list[str] = []
    lost = 0
    for line in lines_of(done.stdout):
        match = re.search(r"PERF_RECORD_LOST\S*.*?(\d+)\s*$", line)
        if match:
            lost += int(match.group(1))
        elif line.strip():
            lines.append(line)
    return lines, lost


def clock_offset_ns() -> int:
    """How far the wall clock is ahead of the monotonic one, measured between two reads."""
    best: tuple[int, int] | None = None
    for _ in range(9):
        before = time.monotonic_ns()
        wall = time.time_ns()
        after = time.monotonic_ns()
        sample = (after - before, wall - (before + after) // 2)
        best = sample if best is None else min(best, sample)
    assert best is not None
    return best[1]


def _access(code: int) -> int:
    if code & 0x10:
        return EXEC
    return WRITE if code & 2 else READ


def _time_ns(match: re.Match[str]) -> int:
    return int(match["seconds"]) * 1_000_000_000 + int(match["fraction"].ljust(9, "0")[:9])


def lock_of(text: str) -> Lock | None:
    """One line of perf script; None when no lock was taken."""
    head = _HEAD.match(text)
    point = _LOCK.search(head["rest"]) if head else None
    if head is None or point is None:
        return None
    return Lock(int(head["tid"] or head["pid"]), _time_ns(head), point["write"] == "true")


def mapping_of(text: str) -> Mapping | None:
    """One line of perf script; None when nothing was mapped."""
    head = _HEAD.match(text)
    point = _MAPPING.search(head["rest"]) if head else None
    if head is None or point is None:
        return None
    return Mapping(
        tid=int(head["tid"] or head["pid"]),
        time_ns=_time_ns(head),
        start=int(point["start"], 16),
        length=int(point["length"], 16),
        offset=int(point["offset"], 16),
        dev=int(point["major"], 16) << 20 | int(point["minor"], 16),
        inode=int(point["inode"]),
        life=int(point["life"]),
    )


def parse_locks(lines: Iterable[str]) -> tuple[list[Lock], int]:
    """The lines of `locks` in the order of their time, and how many lines were none."""
    locks: list[Lock] = []
    unread = 0
    for text in lines:
        match = _LOCK_LINE.match(text.strip())
        if match:
            locks.append(Lock(int(match["tid"]), _time_ns(match), match["kind"] == "w"))
        elif text.strip():
            unread += 1
    locks.sort(key=lambda lock: lock.time_ns)
    return locks, unread


def parse_line(text: str, number: int = 0) -> Fault | None:
    """One line of perf script; None when it is not a page fault.

    A software event carries no kind of access: a fault at the instruction pointer itself is a
    fetch, any other is UNKNOWN.
    """
    head = _HEAD.match(text)
    if not head:
        return None
    tid = int(head["tid"] or head["pid"])
    time_ns = _time_ns(head)
    point = _TRACEPOINT.search(head["rest"])
    if point:
        try:
            addr = int(point["addr"], 16)
        except ValueError:
            return None
        access = _access(int(point["code"], 16))
        return Fault(number, tid, time_ns, addr, access, point["mode"] == "kernel")
    software = _SOFTWARE.search(head["rest"])
    if not software:
        return None
    addr = int(software["addr"], 16)
    ip = int(software["ip"], 16) if software["ip"] else 0
    access = EXEC if ip == addr else UNKNOWN
    return Fault(number, tid, time_ns, addr, access, ip >> 63 == 1)


def parse(lines: Iterable[str]) -> tuple[list[Fault], int]:
    """All faults in the order of their time, and how many lines were none."""
    faults: list[Fault] = []
    unread = 0
    for number, text in enumerate(lines, 1):
        if not text.strip():
            continue
        fault = parse_line(text, number)
        if fault is None:
            unread += 1
        else:
            faults.append(fault)
    faults.sort(key=lambda fault: fault.time_ns)
    return faults, unread
