# SPDX-License-Identifier: Apache-2.0
"""Calls that are answered in the thread that gRPC serves with, because their time is bounded.

The way of a call to a thread of the pool and back costs more than what most calls do. A method may
have an answer that neither waits nor allocates in the core: `bounded` of grpc_methods.py. It takes
a request and gives the response, or None: then nothing was done, and the call goes on to the pool
like any other one. It gives only answers that are OK: who refuses and who fails is the pool.

What this keeps of the pool's promises:

* A call that would wait for a lock, or for memory, does it in the pool: the answer says None.
* Its request is read before it is in a line. So of the whole worker `READING_MAX` requests are read
  that way at a time, and of one client half of these; the others stand in the lines of the pool. A
  client that sends a request of more than `BYTES_MAX` has its calls in the pool for `LARGE_S`.
* Calls that are read count among those of their client and their worker, for the limits of both.
* A call whose request does not come ends as there. One that nobody waits for is not executed.
* Its time is counted from its arrival, and its line of the log has the id of its request.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Final, ParamSpec, Protocol, TypeVar, cast

import grpc

from vmalab_server import call_parts, failures, logs
from vmalab_server.admission import DONE, CallPool, Door, Refuser
from vmalab_server.caller import NOBODY, Caller, here
from vmalab_server.endings import Endings
from vmalab_server.grpc_inside import Inside, Metadata
from vmalab_server.limits import Limits
from vmalab_server.request import Request
from vmalab_server.upkeep import Upkeep

READING_MAX: Final = 64
BYTES_MAX: Final = 1024
LARGE_S: Final = 10.0
_LARGE_KNOWN: Final = 1024

_P = ParamSpec("_P")
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Bounded:
    """The bounded answer of a method.

    Attributes:
        name: of the method.
        answer: the response to a request, both as they are sent; None: not this way.
    """

    name: str
    answer: Callable[[bytes], bytes | None]


class Arrival(Protocol):
    """A call that has arrived, and whose message nobody has read (grpc_inside.py)."""

    @property
    def bounded(self) -> object:
        """The bounded answer of its method, if that has one."""

    def read(self, then: Callable[[bytes | None], None], /) -> None:
        """Have the message read. `then` gets it in the thread that gRPC serves with; None: there is
        none, or the call is over."""

    def over(self) -> bool:
        """Nobody waits for its answer any more."""

    def answer(self, response: bytes, trailing: Metadata | None, /) -> None:
        """End it with its response, its trailing metadata, and OK."""

    def leave(self) -> None:
        """It goes to the pool: run() comes."""

    def run(self, messages: Callable[[], Iterator[bytes]], /) -> object:
        """Run its method, as the pool does; messages gives what it reads."""

    def cancel(self) -> object: ...


class _Call(Request):
    """A call whose message is read; it takes the message."""

    __slots__ = ("_pool", "arrival", "bounded", "caller")

    def __init__(
        self, pool: BoundedPool, facts: tuple[object, ...], arrival: Arrival, bounded: Bounded,
        caller: Caller,
    ) -> None:  # fmt: skip
        super().__init__(facts)
        self._pool, self.arrival, self.bounded, self.caller = pool, arrival, bounded, caller

    def __call__(self, raw: bytes | None, /) -> None:
        self._pool.received(self, raw)


class BoundedPool(CallPool):
    """A pool whose calls are answered without it where that is bounded.

    One thread, the one that gRPC serves with, gives it calls and their messages, so that thread
    alone changes the counts of what is read. Who stops the pool looks at one of them. It says
    first that it stops, and that thread looks for that after each change, so one of the two sees
    that nothing is left.

    Args:
        inside: of grpcio.
        upkeep: watches over requests that do not come.
        endings: records the calls that have ended.
        receive_s: how long a call may take to send its request.
    """

    def __init__(
        self,
        door: Door,
        refuser: Refuser,
        limits: Limits,
        *,
        threads: int,
        reserved: int,
        name: str,
        inside: Inside,
        upkeep: Upkeep,
        endings: Endings,
        receive_s: float,
    ) -> None:
        super().__init__(door, refuser, limits, threads=threads, reserved=reserved, name=name)
        self._inside = inside
        self._upkeep = upkeep
        self._endings = endings
        self._receive_s = receive_s
        self._reading: dict[str, int] = {}
        """Of each client that has some."""
        self._reading_all = 0
        self._large: dict[str, float] = {}
        """Until when the calls of a client go to the pool."""
        self._unsettled = 0
        """Calls that are read, or on their way to the pool after that."""
        self._stopping = False
        self._settled = threading.Event()

    # --- the pool's own counts ---

    def _load(self, key: str) -> int:
        return super()._load(key) + self._reading.get(key, 0)

    @property
    def under_way(self) -> int:
        return super().under_way + self._reading_all

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Let what is read or waits finish; take no more."""
        with self._mutex:
            self._stopping = True
            if not self._unsettled:
                self._settled.set()
        if wait:
            self._settled.wait()
        super().shutdown(wait)

    # --- a call ---

    def submit(self, fn: Callable[_P, _T], /, *args: _P.args, **kwargs: _P.kwargs) -> Future[_T]:
        """Take a call of grpcio's."""
        arrival = self._inside.arrival(fn, args)
        if arrival is None or not self.begin(arrival, args):
            return super().submit(fn, *args, **kwargs)
        return cast("Future[_T]", DONE)

    def begin(self, arrival: Arrival, facts: tuple[object, ...]) -> bool:
        """Have the message of a call read, if its method has a bounded answer, and that is allowed.

        Args:
            facts: what grpcio knows of the call.
        """
        bounded = arrival.bounded
        if not isinstance(bounded, Bounded):
            return False
        try:
            caller = self._door.caller(facts)
        except failures.ServiceFailure:
            return False  # the pool refuses it
        if not self._may_read(caller.key):
            return False
        call = _Call(self, facts, arrival, bounded, caller)
        self._upkeep.awaited[id(arrival)] = (call.arrived_s + self._receive_s, arrival.cancel)
        try:
            arrival.read(call)
        except Exception:  # gRPC's core refuses it: the call is over
            self._was_read(call, 0, settled=True)
            return False
        return True

    def _may_read(self, key: str) -> bool:
        limits, mine, total = self._limits, self._reading.get(key, 0), self._reading_all
        if self._ends or total >= READING_MAX or mine >= READING_MAX // 2 or self._is_large(key):
            return False
        with self._mutex:
            load, under_way = self._queue.load(key), self._running + self._queue.waiting
        if load + mine >= limits.calls_per_client_max:
            return False  # the pool says so
        if under_way + total >= limits.calls_per_worker_max:
            return False
        self._unsettled += 1
        if self._stopping:
            self._settle()
            return False
        self._reading[key] = mine + 1
        self._reading_all = total + 1
        return True

    def _was_read(self, call: _Call, count: int, *, settled: bool) -> None:
        """Its message is there, or never comes. settled: nothing more is to be done."""
        self._upkeep.awaited.pop(id(call.arrival), None)
        key = call.caller.key
        self._reading_all -= 1
        left = self._reading[key] - 1
        if left:
            self._reading[key] = left
        else:
            del self._reading[key]
        if count > BYTES_MAX:
            self._note_large(key)
        if settled:
            self._settle()

    def _settle(self) -> None:
        self._unsettled -= 1
        if self._stopping and not self._unsettled:
            self._settled.set()

    def _is_large(self, key: str) -> bool:
        until = self._large.get(key) if self._large else None
        if until is None:
            return False
        if time.monotonic() < until:
            return True
        del self._large[key]
        return False

    def _note_large(self, key: str) -> None:
        now = time.monotonic()
        if len(self._large) >= _LARGE_KNOWN:
            self._large = {one: end for one, end in self._large.items() if end > now}
        self._large[key] = now + LARGE_S

    def received(self, call: _Call, raw: bytes | None) -> None:
        """The message of a call is there; None: it does not come. Raises nothing: that would end
        the thread that gRPC serves with."""
        count = 0 if raw is None else len(raw)
        failed: Exception | None = None
        try:
            short = raw is not None and count <= BYTES_MAX and not call.arrival.over()
            if short and raw is not None and self._answer(call, raw):
                self._was_read(call, count, settled=True)
                return
        except Exception as error:
            failed = error
        self._was_read(call, count, settled=False)
        try:
            self._leave(call, raw, failed)
        except Exception as error:
            logs.get().error("a call is lost", method=call.bounded.name, error=str(error))
        self._settle()

    def _leave(self, call: _Call, raw: bytes | None, failed: Exception | None) -> None:
        """A call goes on in a thread: in the pool, or to be refused."""
        call.arrival.leave()
        if failed is None:
            self._hand_over(call, raw)
            return
        failure = failures.CoreFailure("CORE_ERROR", str(failed))
        run = self._run(call, lambda: call.arrival.run(lambda: iter(())))
        self._refuser.refuse(call.caller.key, failure, run)

    def _answer(self, call: _Call, raw: bytes) -> bool:
        here.caller, here.request = call.caller, call
        timing = None
        try:
            if (timing := call_parts.asked(call)) is not None:
                here.timing = timing
            response = call.bounded.answer(raw)
            if response is None:
                return False
            self._upkeep.bytes_seen += len(raw)
            call.arrival.answer(response, None if timing is None else timing.metadata())
            self._endings.of_call(call.bounded.name, "OK")
            return True
        finally:
            here.caller, here.request = NOBODY, None
            if timing is not None:
                here.timing = None

    def _hand_over(self, call: _Call, raw: bytes | None) -> None:
        """To the pool, which runs the method as if it read the message itself."""

        def messages() -> Iterator[bytes]:
            if call.arrival.over():
                raise grpc.RpcError
            if raw is not None:
                yield raw

        self._accept(call, lambda: call.arrival.run(messages), lambda: call.caller)
