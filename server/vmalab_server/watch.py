# SPDX-License-Identifier: Apache-2.0
"""Noticing at once that a process that takes part in the segment has died.

Who is dead, the kernel says by the participant's lock, which any process can ask for. A pidfd only
makes the question come at once; it is kept for participants of the same pid namespace, because
elsewhere their pids name other processes.
"""

from __future__ import annotations

import os
from collections.abc import Iterable

from vmalab_native.records import ParticipantInfo


def pid_namespace() -> int:
    """The inode number of this process's pid namespace, 0 where it cannot be read."""
    try:
        return os.stat("/proc/self/ns/pid").st_ino
    except OSError:
        return 0


class ProcessWatch:
    """A pidfd for every foreign process that has a participant."""

    def __init__(self, own_pid: int) -> None:
        self._own_pid = own_pid
        self._namespace = pid_namespace()
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
            whether a participant is dead already.
        """
        infos = list(participants)
        present = {
            (info.pid, info.start_time)
            for info in infos
            if info.alive
            and info.pid != self._own_pid
            and info.pid not in known
            and info.pid_namespace == self._namespace != 0
        }
        new = []
        for pid, start_time in present - self._fds.keys():
            try:
                fd = os.pidfd_open(pid)
            except OSError:
                continue  # it has just died, or there is no descriptor left: the next look tells
            self._fds[pid, start_time] = fd
            new.append(fd)
        gone = [self._fds.pop(key) for key in self._fds.keys() - present]
        for fd in gone:
            os.close(fd)
        return new, gone, not all(info.alive for info in infos)

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
