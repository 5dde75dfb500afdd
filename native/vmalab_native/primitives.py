# SPDX-License-Identifier: Apache-2.0
"""An rwsem and RCU between processes, that survive kill -9 of a process that holds them.

    with Segment.create("jobs") as segment, segment.participant("client") as me:
        sem = RwSem(me, 0)
        with sem.write() as held:
            ...              # alone
            held.downgrade()
            ...              # with other readers

A segment has 64 rwsems, by number; what a number stands for is up to those who share the segment. A
participant can hold three at a time. Unlike the core's own operations these locks stay held while
Python runs, so a wait in C ends after WAIT_SLICE_NS. Then Python handles signals, and when the
segment has no supervisor the waiter asks whether the holder is dead, and repairs the lock.
"""

from contextlib import AbstractContextManager
from typing import Self

from vmalab_native.core import USER_RWSEMS, Participant, monotonic_ns
from vmalab_native.errors import (
    InvalidArgument,
    LimitExceeded,
    LockTimeout,
    RecoveryBusy,
    RecoveryStuck,
)

WAIT_SLICE_NS = 250_000_000


class Held(AbstractContextManager["Held"]):
    """One acquisition of an RwSem: take() and give(), or a with statement."""

    def __init__(
        self, participant: Participant, number: int, *, write: bool, timeout_ns: int | None
    ) -> None:
        if timeout_ns is not None and timeout_ns < 0:
            raise InvalidArgument(f"timeout_ns = {timeout_ns}, allowed are 0 or more, or None")
        self.participant = participant
        self.number = number
        self.write = write
        self._timeout_ns = timeout_ns
        self._place: int | None = None

    def take(self) -> None:
        """Waits for the lock, at most timeout_ns.

        Raises:
            LockTimeout: it was not free in time.
            LimitExceeded: the participant holds three already.
        """
        if self._place is not None:
            raise InvalidArgument(f"user rwsem {self.number} is held already")
        place = self.participant.user_place_take()
        if place is None:
            raise LimitExceeded("this participant holds three user rwsems, the most there can be")
        try:
            self._wait(place)
        except BaseException:
            self.participant.user_place_give(place)
            raise
        self._place = place

    def _wait(self, place: int) -> None:
        begin_ns = monotonic_ns()
        since_ns = 0
        while True:
            slice_ns = WAIT_SLICE_NS
            if self._timeout_ns is not None:
                left_ns = begin_ns + self._timeout_ns - monotonic_ns()
                slice_ns = max(0, min(slice_ns, left_ns))
            wait = {"timeout_ns": slice_ns, "since_ns": since_ns}
            if self.participant.user_down(self.number, place=place, write=self.write, **wait):
                return
            since_ns = begin_ns
            if self.participant.segment.supervisor_pid == 0:
                self._recover()
            if self._timeout_ns is not None and monotonic_ns() - begin_ns >= self._timeout_ns:
                mode = "writing" if self.write else "reading"
                raise LockTimeout(f"user rwsem {self.number} for {mode}, {self._timeout_ns} ns")

    def _recover(self) -> None:
        """Repairs the lock if its holder died.

        If another participant recovers, or one does not leave the core in time, the wait goes on.
        """
        try:
            self.participant.recover()
        except (RecoveryBusy, RecoveryStuck):
            return

    def downgrade(self) -> None:
        """From writing to reading, without a moment in which another writer could get in."""
        if self._place is None or not self.write:
            raise InvalidArgument(f"user rwsem {self.number} is not held for writing")
        self.participant.user_downgrade(self.number, place=self._place)
        self.write = False

    def give(self) -> None:
        """Releases the lock."""
        if self._place is None:
            raise InvalidArgument(f"user rwsem {self.number} is not held")
        place, self._place = self._place, None
        self.participant.user_up(self.number, place=place, write=self.write)
        self.participant.user_place_give(place)

    def __enter__(self) -> Self:
        self.take()
        return self

    def __exit__(self, *exception: object) -> None:
        self.give()


class RwSem:
    """Reader-writer semaphore `number` of a segment, seen by one participant. Fair to writers.

    Args:
        participant: that of the calling thread; it takes the lock.
        number: 0 .. 63.
    """

    def __init__(self, participant: Participant, number: int) -> None:
        if not 0 <= number < USER_RWSEMS:
            raise InvalidArgument(f"number = {number}, allowed are 0 .. {USER_RWSEMS - 1}")
        self.participant = participant
        self.number = number

    def read(self, *, timeout_ns: int | None = None) -> Held:
        """A read lock for a with statement.

        It is taken on entering. timeout_ns: None waits as long as it takes.
        """
        return Held(self.participant, self.number, write=False, timeout_ns=timeout_ns)

    def write(self, *, timeout_ns: int | None = None) -> Held:
        """A write lock for a with statement.

        It is taken on entering. timeout_ns: None waits as long as it takes.
        """
        return Held(self.participant, self.number, write=True, timeout_ns=timeout_ns)


class RcuReader(AbstractContextManager["RcuReader"]):
    """An RCU read section: what was published when it began is not reused before it ends. Sections
    nest.

    Keep it short: no process can reuse freed memory before it ends. A process that waits for a
    long section prints the pid of the reader to stderr (RCU stall).
    """

    def __init__(self, participant: Participant) -> None:
        self.participant = participant

    def __enter__(self) -> Self:
        self.participant.rcu_read_lock()
        return self

    def __exit__(self, *exception: object) -> None:
        self.participant.rcu_read_unlock()


def synchronize(participant: Participant) -> None:
    """Waits until every RCU read section that is open now, in any process, is over.

    Not inside one.
    """
    participant.synchronize_rcu()
