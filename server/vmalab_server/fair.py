# SPDX-License-Identifier: Apache-2.0
"""Turns between clients: who waits stands in the line of its client, and lines are served in turn.

One client that asks for a lot makes its own line longer, and nobody else's. Of what runs at a time,
one client has at most a share, so that something is always left for the next one who comes.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Generic, TypeVar

_Job = TypeVar("_Job")


@dataclass(eq=False, slots=True)
class _Line(Generic[_Job]):
    """What one client has: in the queue of lines (`listed`) when one of its jobs may start."""

    client: str
    share: int
    waiting: deque[_Job] = field(default_factory=deque)
    running: int = 0
    listed: bool = False


class FairQueue(Generic[_Job]):
    """Lines of jobs. Not locked: its owner has a lock.

    Args:
        share: how many jobs of one client may run at a time.
    """

    def __init__(self, share: int) -> None:
        self._share = share
        self._lines: dict[str, _Line[_Job]] = {}
        self._listed: deque[_Line[_Job]] = deque()
        self.waiting = 0

    def load(self, client: str) -> int:
        """How many jobs of a client wait or run."""
        line = self._lines.get(client)
        return line.running + len(line.waiting) if line is not None else 0

    def put(self, client: str, job: _Job) -> bool:
        """Add a job at the end of its client's line; whether one more can be taken now."""
        line = self._lines.get(client)
        if line is None:
            line = self._lines[client] = _Line(client, self._share)
        line.waiting.append(job)
        self.waiting += 1
        return self._list(line)

    def _list(self, line: _Line[_Job]) -> bool:
        if line.listed or not line.waiting or line.running >= line.share:
            return False
        line.listed = True
        self._listed.append(line)
        return True

    def take(self) -> tuple[_Job, bool] | None:
        """The next job, which runs from now on, and whether one more can be taken at once."""
        while self._listed:
            line = self._listed.popleft()
            line.listed = False
            if not line.waiting:  # they were taken back
                if not line.running:
                    del self._lines[line.client]
                continue
            if line.running >= line.share:  # it is less since: finished() lists the line again
                continue
            line.running += 1
            self.waiting -= 1
            job = line.waiting.popleft()
            return job, self._list(line)
        return None

    def begin(self, client: str) -> bool:
        """Run a job of a client that stood in no line, if its share allows that."""
        line = self._lines.setdefault(client, _Line(client, self._share))
        if line.running >= line.share:
            return False
        line.running += 1
        return True

    def one_at_a_time(self, client: str) -> None:
        """From now on, until its line ends, one job of a client runs at a time."""
        if client in self._lines:
            self._lines[client].share = 1

    def finished(self, client: str) -> bool:
        """A job of a client has run; whether one more can be taken now."""
        line = self._lines[client]
        line.running -= 1
        if not line.running and not line.waiting and not line.listed:  # else take() does it
            del self._lines[client]
            return False
        return self._list(line)

    def take_back(self, shorter_than: int) -> _Job | None:
        """The last job of the longest line, if that is `shorter_than` or longer; it never runs."""
        line = max(self._lines.values(), key=lambda one: len(one.waiting), default=None)
        if line is None or len(line.waiting) < max(1, shorter_than):
            return None
        self.waiting -= 1
        return line.waiting.pop()


class Turnstile:
    """Lets `total` threads through at a time, `share` of one client, in turn between clients."""

    def __init__(self, total: int, share: int) -> None:
        self._lock = threading.Lock()
        self._free = total
        self._queue: FairQueue[threading.Lock] = FairQueue(share)

    @contextmanager
    def turn(self, client: str) -> Iterator[None]:
        """Wait for a turn, and have it for as long as the block runs."""
        with self._lock:
            at_once = self._free > 0 and not self._queue.waiting and self._queue.begin(client)
            if at_once:
                self._free -= 1
            else:
                mine = threading.Lock()
                mine.acquire()
                self._queue.put(client, mine)
                self._let_in()
        if not at_once:
            mine.acquire()
        try:
            yield
        finally:
            with self._lock:
                self._free += 1
                self._queue.finished(client)
                self._let_in()

    def _let_in(self) -> None:
        while self._free > 0:
            found = self._queue.take()
            if found is None:
                return
            self._free -= 1
            found[0].release()
