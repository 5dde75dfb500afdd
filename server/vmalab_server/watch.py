# SPDX-License-Identifier: Apache-2.0
"""Noticing at once that a process that takes part in the segment has died.

Who is dead, the kernel says by the participant's lock, which any process can ask for. A pidfd only
makes the question come at once; it is kept for participants of the same pid namespace, because
elsewhere their pids name other processes.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass, field

from vmalab_native.records import ParticipantInfo


def pid_namespace() -> int:
    """The inode number of this process's pid namespace, 0 where it cannot be read."""
    try:
        return os.stat("/proc/self/ns/pid").st_ino
    except OSError:
        return 0


@dataclass(slots=True)
class Seen:
    """What a look at the participants found.

    Attributes:
        new: descriptors that are new; each becomes readable when its process dies.
        gone: descriptors that are closed now.
        dead: whether a participant was found that is dead already.
        unwatched: why some process cannot be watched now; None: all are.
    """

    new: list[int] = field(default_factory=list)
    gone: list[int] = field(default_factory=list)
    dead: bool = False
    unwatched: OSError | None = None


class ProcessWatch:
    """A pidfd for every foreign process that has a participant.

    A process for which no descriptor is available is tried again at the next look.
    """

    def __init__(self, own_pid: int) -> None:
        self._own_pid = own_pid
        self._namespace = pid_namespace()
        self._fds: dict[tuple[int, int], int] = {}

    def update(self, participants: Iterable[ParticipantInfo], *, known: set[int]) -> Seen:
        """Follow who takes part.

        Args:
            participants: everybody in the segment.
            known: pids that somebody else watches (workers).
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
        seen = Seen(dead=not all(info.alive for info in infos))
        for key in present - self._fds.keys():
            try:
                fd = os.pidfd_open(key[0])
            except ProcessLookupError:
                continue  # it has just died: the next look tells
            except OSError as error:
                seen.unwatched = error
                continue
            self._fds[key] = fd
            seen.new.append(fd)
        seen.gone = [self._fds.pop(key) for key in self._fds.keys() - present]
        for fd in seen.gone:
            os.close(fd)
        return seen

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
