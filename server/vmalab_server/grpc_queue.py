# SPDX-License-Identifier: Apache-2.0
"""`--front cq`: the loop that takes events off gRPC's completion queue, in the place of grpcio's.

The server is grpcio's, with its ports, handlers, streams and its stop. grpcio's loop makes a state,
a condition, a context and a future for each call before anybody looks at it. This loop asks first
whether the method has a bounded answer (bounded.py), and answers such a call with two batches of
operations and nothing else. All other calls, and those whose answer is not bounded after all, go
the way that they go in grpcio's loop, through the same functions.

A call is the tag of its own batches: no function is made for an event, and none of grpcio's looks
at it. One thread takes all events, and it alone takes calls out of what is not over. So the lock of
the server is taken only to ask for the next arrival, which may not be done once the stop has begun.

Several arrivals are asked for at a time, because gRPC's core gives no call out for which nobody has
asked.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Final, cast

from vmalab_server.bounded import Bounded, BoundedPool
from vmalab_server.grpc_inside import CallEvent, CallState, Event, Metadata, Serving

PENDING: Final = 64
LOOK_S: Final = 1.0


class _Ask:
    """The tag of an arrival that was asked for."""

    __slots__ = ()


class _Call:
    """One call of a method that has a bounded answer (bounded.Arrival), and the tag of its batches:
    first of the one that reads its message, then of the one that ends it."""

    __slots__ = ("_event", "_method", "_serving", "_state", "_then", "bounded")

    def __init__(
        self, serving: Serving, event: CallEvent, method: object, bounded: Bounded
    ) -> None:
        self._serving, self._event, self._method, self.bounded = serving, event, method, bounded
        self._then: Callable[[bytes | None], None] | None = None
        self._state: CallState | None = None

    def read(self, then: Callable[[bytes | None], None], /) -> None:
        self._then = then
        self._event.call.start_server_batch(self._serving.reads(), self)

    def ended(self, done: Event) -> bool:
        """One of its batches has ended. Whether the call has, too."""
        then = self._then
        if then is None:
            return True
        self._then = None
        then(done.batch_operations[0].message())
        return False

    def over(self) -> bool:
        """Of a call that was answered at once nobody has heard that it was cancelled."""
        if self._state is not None:
            return self._serving.over(self._state)
        return time.time() > self._event.call_details.deadline

    def answer(self, response: bytes, trailing: Metadata | None, /) -> None:
        self._event.call.start_server_batch(self._serving.ends(response, trailing), self)

    def leave(self) -> None:
        """It has a state of grpcio's from now on, which hears when it is cancelled."""
        self._state = self._serving.state_of(self._event)
        self._serving.states.discard(self)

    def run(self, messages: Callable[[], Iterator[bytes]], /) -> object:
        assert self._state is not None
        return self._serving.respond(self._event, self._state, self._method, messages)

    def cancel(self) -> object:
        return self._event.call.cancel()


class Loop:
    """Serves the queue of a server.

    Args:
        serving: the server.
        pool: of the methods that have bounded answers.
        methods: those that have one, by their paths.
    """

    def __init__(
        self, serving: Serving, pool: BoundedPool, methods: Mapping[bytes, tuple[object, Bounded]]
    ) -> None:
        self._serving = serving
        self._pool = pool
        self._methods = methods
        self._until_s = 0.0

    def start(self) -> None:
        """As grpc.Server.start()."""
        with self._serving.lock:
            self._serving.begin()
            for _ in range(PENDING):
                tag = _Ask()
                self._serving.ask(tag)
                self._serving.due.add(tag)
        threading.Thread(target=self._work, name="queue", daemon=True).start()

    def _work(self) -> None:
        while self._turn():
            pass  # no event may be left here: gRPC's core would wait for its call

    def _turn(self) -> bool:
        """One event. Whether the loop goes on."""
        event = self._serving.poll(self._until_s)
        if event is None:
            self._until_s = time.time() + LOOK_S
            return True
        tag = event.tag
        if isinstance(tag, _Call):
            return not tag.ended(cast(Event, event)) or self._over(tag)
        if isinstance(tag, _Ask):
            return self._arrived(cast(CallEvent, event), tag)
        return self._serving.other(event)

    def _over(self, call: _Call) -> bool:
        """A call is over. Whether the loop goes on."""
        serving = self._serving
        serving.states.discard(call)
        if serving.started:  # if the stop begins now its own event comes, and looks at what is left
            return True
        with serving.lock:
            return not serving.is_over()

    def _arrived(self, event: CallEvent, tag: _Ask) -> bool:
        """A call, or the end of the server. Whether the loop goes on."""
        serving = self._serving
        if event.success and not self._begin(event):
            with serving.lock:
                serving.take_in(event)
        with serving.lock:
            if serving.started:
                serving.ask(tag)
                return True
            serving.due.remove(tag)
            return not serving.is_over()

    def _begin(self, event: CallEvent) -> bool:
        """Whether it may be answered at once."""
        known = self._methods.get(event.call_details.method)
        if known is None:
            return False
        call = _Call(self._serving, event, *known)
        self._serving.states.add(call)
        if self._pool.begin(call, (event,)):
            return True
        self._serving.states.discard(call)
        return False
