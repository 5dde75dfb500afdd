# SPDX-License-Identifier: Apache-2.0
"""Noticing that a process that takes part in the segment has died."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass, field

from vmalab_native.records import ParticipantInfo

_START_TIME_FIELD = 22


def start_time_of(pid: int) -> int | None:
    """When a process started, in clock ticks since boot; None if it is gone or a zombie.

    Raises:
        OSError: it cannot be looked at now; that says nothing about the process.
    """
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            fields = file.read().rpartition(b")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    if fields[0] in (b"Z", b"X"):
        return None
    return int(fields[_START_TIME_FIELD - 3])


@dataclass(slots=True)
class Seen:
    """What a look at the participants found.

    Attributes:
        new: descriptors that are new; each becomes readable when its process dies.
        gone: descriptors that are closed now.
        dead: whether a participant was found whose process is dead already.
        unwatched: why some process cannot be watched now; None: all are.
    """

    new: list[int] = field(default_factory=list)
    gone: list[int] = field(default_factory=list)
    dead: bool = False
    unwatched: OSError | None = None


class ProcessWatch:
    """A pidfd for every foreign process that has a participant.

    A pid names a process only together with its start time: a pid that was given to another
    process in the meantime counts as a death. A process for which there is no descriptor to be had
    is tried again at the next look.
    """

    def __init__(self, own_pid: int) -> None:
        self._own_pid = own_pid
        self._fds: dict[tuple[int, int], int] = {}

    def update(self, participants: Iterable[ParticipantInfo], *, known: set[int]) -> Seen:
        """Follow who takes part.

        Args:
            participants: everybody in the segment.
            known: pids that somebody else watches (workers).
        """
        present = {
            (info.pid, info.start_time)
            for info in participants
            if info.pid != self._own_pid and info.pid not in known
        }
        seen = Seen()
        for key in present - self._fds.keys():
            try:
                fd = self._opened(*key)
            except OSError as error:
                seen.unwatched = error
                continue
            if fd < 0:
                seen.dead = True
                continue
            self._fds[key] = fd
            seen.new.append(fd)
        seen.gone = [self._fds.pop(key) for key in self._fds.keys() - present]
        for fd in seen.gone:
            os.close(fd)
        return seen

    @staticmethod
    def _opened(pid: int, start_time: int) -> int:
        """A pidfd of that process, -1 if it is dead. Raises OSError: there is none to be had."""
        try:
            fd = os.pidfd_open(pid)
        except ProcessLookupError:
            return -1
        try:
            alive = start_time_of(pid) == start_time
        except OSError:
            os.close(fd)
            raise
        if not alive:
            os.close(fd)
        return fd if alive else -1

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
