# SPDX-License-Identifier: Apache-2.0
"""Calls under way: what a call does in the core ends when nobody waits for its answer any more.

Nobody waits once the deadline of the client has passed, the client has cancelled, its connection
has gone, or the worker stops. gRPC says so from a thread of its own. The participant that the call
is using is cancelled then: a long operation ends as at a fatal signal, a block at its next record,
and the thread is free for the next call.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Protocol


class Cancellable(Protocol):
    """A participant (vmalab_native.core)."""

    def cancel(self) -> None: ...

    def resume(self) -> None: ...


class UnderWay:
    """One call, from its first thread to its end.

    A participant is marked only while it is this call's, and under the lock: no mark is left for
    the call after it.
    """

    __slots__ = ("_lock", "_participant", "gone")

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._participant: Cancellable | None = None
        self.gone = False

    def ended(self) -> None:
        """Of gRPC's thread: nobody waits for the answer any more, or it has been sent."""
        with self._lock:
            self.gone = True
            if self._participant is not None:
                self._participant.cancel()

    def uses(self, participant: Cancellable) -> None:
        """From now on what this participant does belongs to the call."""
        if self._participant is participant:
            return
        with self._lock:
            self._participant = participant
            if self.gone:
                participant.cancel()

    def leaves(self) -> None:
        """The participant is another call's from now on."""
        with self._lock:
            participant, self._participant = self._participant, None
            if participant is not None and self.gone:
                participant.resume()


class _Serving(threading.local):
    call: UnderWay | None = None


serving = _Serving()
"""Of the calling thread: the call whose handler it runs."""


class _Context(Protocol):
    """What is needed of grpcio's."""

    def add_callback(self, callback: Callable[[], None]) -> bool: ...


@contextmanager
def under_way(context: _Context) -> Iterator[UnderWay]:
    """The call that the calling thread serves; `gone` from the start if nobody waits for it."""
    call = UnderWay()
    if not context.add_callback(call.ended):
        call.gone = True
    serving.call = call
    try:
        yield call
    finally:
        serving.call = None
        call.leaves()
