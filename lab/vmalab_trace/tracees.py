# SPDX-License-Identifier: Apache-2.0
"""What the recorder knows of the processes under strace, and what it reads of them in /proc."""

from __future__ import annotations

import os
import resource
import signal
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal

from vmalab.uapi import CAPABILITY
from vmalab_native.texts import lines_of
from vmalab_trace.calls import Spawn
from vmalab_trace.folder import SnapshotInfo

Stop = Literal["", "check", "exec", "exit"]


@dataclass(slots=True)
class Group:
    """A thread group: the threads of one process."""

    tgid: int
    borrowed: bool = False
    """It runs in its parent's address space (vfork and the like) until it calls execve."""
    calls: int = 0
    """Memory calls since the last snapshot."""
    stop: Stop = ""
    stop_since: float = 0.0
    stopped: set[int] = field(default_factory=set)
    held: int = 0
    """The thread that strace holds at the entry of exit_group."""
    injected: bool = False
    """strace has sent the SIGSTOP of an execve."""
    exec_done: bool = False
    """execve succeeded and its snapshot is still to be made."""
    last: Snapshot | None = None
    continued: bool = False
    """Somebody else has ended a stop of ours."""


@dataclass(slots=True)
class Snapshot:
    """A maps text that was read, until it is known whether it counts."""

    text: str
    info: SnapshotInfo
    at: int
    """Index of its marker among the lines of the trace."""
    read_ns: int
    """When all of it was read."""
    good: bool = True


@dataclass(slots=True)
class Status:
    """The part of /proc/PID/status that is needed."""

    tgid: int
    ppid: int


def read_status(tid: int) -> Status | None:
    """None when the thread is gone."""
    try:
        text = Path(f"/proc/{tid}/status").read_text()
    except OSError:
        return None
    words = dict(line.split(":\t", 1) for line in lines_of(text) if ":\t" in line)
    return Status(tgid=int(words["Tgid"]), ppid=int(words["PPid"]))


def task_states(tgid: int) -> dict[int, str]:
    """Threads of a group with the letter of their state; empty when the group is gone."""
    states: dict[int, str] = {}
    try:
        names = os.listdir(f"/proc/{tgid}/task")
    except OSError:
        return {}
    for name in names:
        try:
            text = Path(f"/proc/{tgid}/task/{name}/stat").read_text()
        except OSError:
            continue
        states[int(name)] = text[text.rindex(")") + 2]
    return states


def start_brk(tgid: int) -> int:
    """Where the program break began (field 47 of /proc/PID/stat); 0 when it may not be read."""
    text = Path(f"/proc/{tgid}/stat").read_text()
    fields = text[text.rindex(")") + 2 :].split()
    return int(fields[44])


_CAPABILITIES: Final = {14: "IPC_LOCK", 17: "SYS_RAWIO", 21: "SYS_ADMIN"}
_LIMITS: Final = ("AS", "DATA", "MEMLOCK", "STACK")
_INFINITE: Final = (1 << 64) - 1


def capabilities(tid: int) -> int:
    """Which of VL_CAP_* a thread has; -1 when it is gone."""
    try:
        text = Path(f"/proc/{tid}/status").read_text()
    except OSError:
        return -1
    line = next((one for one in lines_of(text) if one.startswith("CapEff:")), "CapEff: 0")
    mask = int(line.split()[1], 16)
    return sum(CAPABILITY[f"VL_CAP_{n}"] for bit, n in _CAPABILITIES.items() if mask >> bit & 1)


def limits(tid: int) -> dict[str, tuple[int, int]]:
    """The limits of memory that a process has, by RLIMIT_*; those without end are left out."""
    found: dict[str, tuple[int, int]] = {}
    for name in _LIMITS:
        try:
            soft, hard = resource.prlimit(tid, getattr(resource, f"RLIMIT_{name}"))
        except OSError:
            return {}
        if soft != resource.RLIM_INFINITY:
            endless = hard == resource.RLIM_INFINITY
            found[f"RLIMIT_{name}"] = (soft, _INFINITE if endless else hard)
    return found


def word_bits(tgid: int) -> int:
    """32 or 64: what kind of program a process runs; 0 when it is gone."""
    try:
        with open(f"/proc/{tgid}/exe", "rb") as program:
            head = program.read(5)
    except OSError:
        return 0
    return {b"\x7fELF\x01": 32, b"\x7fELF\x02": 64}.get(head, 0)


def send(tgid: int, number: signal.Signals) -> bool:
    """Signal a whole group. False when it is gone."""
    try:
        os.kill(tgid, number)
    except ProcessLookupError:
        return False
    return True


@dataclass(slots=True)
class Tracees:
    """Every thread seen so far and the group it belongs to."""

    groups: dict[int, Group] = field(default_factory=dict)
    group_of: dict[int, int] = field(default_factory=dict)
    spawned: dict[int, Spawn] = field(default_factory=dict)
    """Children whose clone has returned."""

    def group(self, tid: int, open_spawns: dict[int, Spawn]) -> Group:
        """The group of a thread, made when it is seen for the first time.

        Args:
            open_spawns: clone calls that have not returned, by the calling thread.
        """
        tgid = self.group_of.get(tid)
        if tgid is not None:
            return self.groups[tgid]
        status = read_status(tid)
        spawn = self.spawned.get(tid)
        tgid = status.tgid if status else tid
        self.group_of[tid] = tgid
        if tgid in self.groups:
            return self.groups[tgid]
        if spawn is None and status is not None:
            for caller, candidate in open_spawns.items():
                if self.group_of.get(caller) == status.ppid and not candidate.thread:
                    spawn = candidate
        group = Group(tgid, borrowed=spawn is not None and spawn.shares_mm)
        self.groups[tgid] = group
        return group

    def forget(self, tid: int) -> None:
        """A thread is gone; its number may come back for another."""
        tgid = self.group_of.pop(tid, None)
        self.spawned.pop(tid, None)
        if tgid is None:
            return
        self.groups[tgid].stopped.discard(tid)
        if tgid not in self.group_of.values():
            del self.groups[tgid]


def end_tree(root: int) -> None:
    """Kill every process that descends from one, stopped or not, until there is none; then it.

    strace alone would detach from them: those that were stopped would stay so for ever.
    """
    while True:
        parents: dict[int, int] = {}
        for name in os.listdir("/proc"):
            if name.isdigit() and (status := read_status(int(name))) is not None:
                parents[int(name)] = status.ppid
        below = {root}
        while more := {pid for pid, parent in parents.items() if parent in below} - below:
            below |= more
        victims = {pid for pid in below - {root} if not is_zombie(pid)}
        if not victims:
            break
        for pid in victims:
            send(pid, signal.SIGKILL)
        time.sleep(0.005)
    send(root, signal.SIGKILL)


def is_zombie(pid: int) -> bool:
    """Whether there is nothing of it left but its number."""
    return all(state in "ZX" for state in task_states(pid).values())
