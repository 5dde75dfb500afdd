# SPDX-License-Identifier: Apache-2.0
"""What the machine refuses a long-running process for a while, and how it lives with that."""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from structlog.typing import FilteringBoundLogger

_REMEDY: Final = {
    "EMFILE": "raise the limit of open files (ulimit -n)",
    "ENFILE": "the machine has no file descriptors left (fs.file-max)",
    "EAGAIN": "raise the limit of processes (ulimit -u, or pids.max of the cgroup)",
    "ENOMEM": "the machine has no memory left",
    "ENOSPC": "make room, or raise fs.epoll.max_user_watches",
}
SPARE_FDS: Final = 10
"""As many as starting a worker takes."""


def told(error: BaseException) -> str:
    """One line: what was refused, and what would help."""
    if not isinstance(error, OSError) or error.errno is None:
        return f"{type(error).__name__}: {error}" if str(error) else "no memory left"
    name = errno.errorcode.get(error.errno, str(error.errno))
    where = f" ({error.filename})" if error.filename else ""
    remedy = f": {_REMEDY[name]}" if name in _REMEDY else ""
    return f"{os.strerror(error.errno)}{where}{remedy}"


class Troubles:
    """What is refused at present: said once when it begins, once when it is over."""

    def __init__(self, log: FilteringBoundLogger) -> None:
        self._log = log
        self._now: set[str] = set()

    @contextlib.contextmanager
    def of(self, what: str) -> Iterator[list[BaseException]]:
        """Outlives OSError and MemoryError of the block; the list then has the error.

        Args:
            what: what does not work then; names the trouble.
        """
        refused: list[BaseException] = []
        try:
            yield refused
        except (OSError, MemoryError) as error:
            refused.append(error)
            if what not in self._now:
                self._now.add(what)
                self._log.error(what, error=told(error), again="it is tried again")
            return
        if what in self._now:
            self._now.remove(what)
            self._log.info("over: " + what)


class Spare:
    """Descriptors kept in reserve, all of /dev/null, for work that must go on without others."""

    def __init__(self) -> None:
        """Raises OSError."""
        self._devnull = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
        self._fds: list[int] = []
        self._fill()

    def _fill(self) -> None:
        with contextlib.suppress(OSError):
            while len(self._fds) < SPARE_FDS:
                self._fds.append(os.dup(self._devnull))

    def _give_up(self) -> None:
        while self._fds:
            os.close(self._fds.pop())

    @contextlib.contextmanager
    def given_up(self) -> Iterator[int]:
        """The block may use them. Gives a descriptor of /dev/null, which stays open."""
        self._give_up()
        try:
            yield self._devnull
        finally:
            self._fill()

    def close(self) -> None:
        self._give_up()
        os.close(self._devnull)
