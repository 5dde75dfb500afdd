# SPDX-License-Identifier: Apache-2.0
"""Noticing that a process that takes part in the segment has died."""

from __future__ import annotations

import os
from collections.abc import Iterable

from vmalab_native.records import ParticipantInfo

_START_TIME_FIELD = 22


def start_time_of(pid: int) -> int | None:
    """When a process started, in clock ticks since boot; None if it is gone or a zombie."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            fields = file.read().rpartition(b")")[2].split()
    except OSError:
        return None
    if fields[0] in (b"Z", b"X"):
        return None
    return int(fields[_START_TIME_FIELD - 3])


class ProcessWatch:
    """A pidfd for every foreign process that has a participant.

    A pid names a process only together with its start time: a pid that was given to another
    process in the meantime counts as a death.
    """

    def __init__(self, own_pid: int) -> None:
        self._own_pid = own_pid
        self._fds: dict[tuple[int, int], int] = {}

    def update(
        self, participants: Iterable[ParticipantInfo], *, known: set[int]
    ) -> tuple[list[int], list[int], bool]:
        """Follow who takes part.

        Args:
            participants: everybody in the segment.
            known: pids that somebody else watches (workers).

        Returns:
            Descriptors that are new (readable when the process dies), those that are closed, and
            whether a participant was found whose process is dead already.
        """
        present = {
            (info.pid, info.start_time)
            for info in participants
            if info.pid != self._own_pid and info.pid not in known
        }
        new, dead = [], False
        for pid, start_time in present - self._fds.keys():
            try:
                fd = os.pidfd_open(pid)
            except OSError:
                dead = True
                continue
            if start_time_of(pid) != start_time:
                os.close(fd)
                dead = True
                continue
            self._fds[pid, start_time] = fd
            new.append(fd)
        gone = [self._fds.pop(key) for key in self._fds.keys() - present]
        for fd in gone:
            os.close(fd)
        return new, gone, dead

    def died(self, fd: int) -> int:
        """Forget a process whose descriptor became readable; its pid."""
        for key, value in self._fds.items():
            if value == fd:
                del self._fds[key]
                os.close(fd)
                return key[0]
        return 0

    def close(self) -> None:
        for fd in self._fds.values():
            os.close(fd)
        self._fds.clear()
