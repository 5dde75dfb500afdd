# SPDX-License-Identifier: Apache-2.0
"""How the threads of a worker enter the core: one participant each."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import cast

from vmalab_native.core import Participant, Segment

Run = Callable[[bytes], bytes]
SPARE_MAX = 4
"""Participants that nobody uses, kept for the next block; others go back to the segment."""


class _Local(threading.local):
    participant: Participant | None = None
    run: Run | None = None


class Entry:
    """Gives each thread its participant.

    A thread of the unary pool keeps its own for its life (`run`, `participant`). A stream borrows
    one for each block (streams.py bounds how many at a time), so that slots are not bound to
    streams that sleep.
    """

    def __init__(self, segment: Segment) -> None:
        self.segment = segment
        self._local = _Local()
        self._lock = threading.Lock()
        self._spare: list[Participant] = []
        self._all: list[Participant] = []

    def _join(self) -> Participant:
        participant = self.segment.participant("worker", comm="vmalab")
        with self._lock:
            self._all.append(participant)
        return participant

    def participant(self) -> Participant:
        """The calling thread's own participant."""
        found = self._local.participant
        if found is None:
            found = self._local.participant = self._join()
            self._local.run = found.run
        return found

    def run(self) -> Run:
        """`run` of the calling thread's participant."""
        found = self._local.run
        if found is None:
            found = cast("Run", self.participant().run)
        return found

    def take(self) -> Participant:
        """A participant that nobody else uses until it is given back."""
        with self._lock:
            if self._spare:
                return self._spare.pop()
        return self._join()

    def give(self, participant: Participant) -> None:
        """What `take` gave goes back: to the next one who takes, or to the segment."""
        with self._lock:
            if len(self._spare) < SPARE_MAX:
                self._spare.append(participant)
                return
            self._all.remove(participant)
        participant.release()

    @contextmanager
    def borrowed(self) -> Iterator[Participant]:
        participant = self.take()
        try:
            yield participant
        finally:
            self.give(participant)

    def close(self) -> None:
        """Release every slot. No thread may be in the core any more."""
        with self._lock:
            participants, self._all, self._spare = self._all, [], []
        for participant in participants:
            participant.release()
