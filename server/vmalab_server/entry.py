# SPDX-License-Identifier: Apache-2.0
"""How the threads of a worker enter the core: one participant each."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from vmalab_native.core import Participant, Segment
from vmalab_server.call_parts import in_core
from vmalab_server.caller import here
from vmalab_server.owners import EVERYBODY, Owners
from vmalab_server.under_way import serving

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
    streams that sleep. Where clients have accounts, a participant acts for the caller of its thread
    (caller.py).
    """

    def __init__(self, segment: Segment, owners: Owners = EVERYBODY) -> None:
        self.segment = segment
        self.owners = owners
        self._local = _Local()
        self._lock = threading.Lock()
        self._spare: list[Participant] = []
        self._all: dict[Participant, str] = {}
        """And for whom each acts."""

    def _join(self) -> Participant:
        participant = self.segment.participant("worker", comm="vmalab")
        self.owners.joined(participant)
        with self._lock:
            self._all[participant] = ""
        return participant

    def _act(self, participant: Participant) -> Participant:
        if serving.call is not None:
            serving.call.uses(participant)
        if self.owners.apart:
            name = here.caller.name
            if self._all[participant] != name:
                participant.account(name)
                self._all[participant] = name
        return participant

    def participant(self) -> Participant:
        """The calling thread's own participant."""
        found = self._local.participant
        if found is None:
            found = self._local.participant = self._join()
            self._local.run = found.run
        return self._act(found)

    def run(self) -> Run:
        """`run` of the calling thread's participant."""
        found = self._local.run
        if found is not None and serving.call is not None and self._local.participant is not None:
            serving.call.uses(self._local.participant)
        if found is None or self.owners.apart:
            participant = self.participant()
            found = self._checked_run(participant) if self.owners.checked else participant.run
        return in_core(found)

    def _checked_run(self, participant: Participant) -> Run:
        def run(block: bytes) -> bytes:
            self.owners.may_run(participant, block)
            return participant.run(block)

        return run

    def take(self) -> Participant:
        """A participant that nobody else uses until it is given back."""
        with self._lock:
            found = self._spare.pop() if self._spare else None
        return self._act(found if found is not None else self._join())

    def give(self, participant: Participant) -> None:
        """What `take` gave goes back: to the next one who takes, or to the segment."""
        if serving.call is not None:
            serving.call.leaves()
        with self._lock:
            if len(self._spare) < SPARE_MAX:
                self._spare.append(participant)
                return
            del self._all[participant]
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
            participants, self._all, self._spare = list(self._all), {}, []
        for participant in participants:
            participant.release()
