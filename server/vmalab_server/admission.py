# SPDX-License-Identifier: Apache-2.0
"""Which calls a worker serves, and in which order: its thread pools.

grpcio gives a call to the pool of its method before the message is read. There the caller becomes
known, and the call is refused at once or put into its client's line; only a thread that serves it
reads its message, so that what waits holds a flow control window of bytes and no more.

* Unary calls: `calls_per_client_max` and `calls_per_worker_max` bound what waits and runs. Lines
  are served in turn (fair.py). In a full worker a client with a shorter line takes the place
  of the last call of the longest one.
* A client that sends large requests has one thread as long as it has calls that wait: each large
  request keeps the one thread of gRPC that all answers pass through busy for a millisecond, and
  as many of them as are read at a time stand in front of the others' calls.
* Inspection has threads of its own, with lines of its own.
* Streams: a thread each. The last `_STREAMS_RESERVED` places are for clients with one stream at
  most.
* A refused call goes to one thread that only refuses.
"""

from __future__ import annotations

import queue
import threading
import time
from abc import ABC, abstractmethod
from collections import Counter, deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import ParamSpec, Protocol, TypeVar, cast

from vmalab_server import failures
from vmalab_server.caller import NOBODY, Caller, Tokens, here, of_peer
from vmalab_server.fair import FairQueue
from vmalab_server.limits import Limits
from vmalab_server.request import Request

_STREAMS_RESERVED = 8  # one of so many parts of all
_FEW = 2
LARGE_BYTES = 64 << 10
"""A request of more than that comes in several parts."""

_P = ParamSpec("_P")
_T = TypeVar("_T")


class _Call(Protocol):
    def peer(self) -> bytes: ...


class _CallDetails(Protocol):
    method: bytes


class _CallEvent(Protocol):
    """What grpcio knows of a call when it gives it to a pool."""

    call: _Call
    call_details: _CallDetails
    invocation_metadata: tuple[tuple[str, str | bytes], ...]


@dataclass(frozen=True, slots=True)
class _Job:
    caller: Caller
    run: Callable[[], object]

    def __call__(self) -> None:
        here.caller = self.caller
        try:
            self.run()
        finally:
            here.caller = NOBODY


DONE: Future[None] = Future()
DONE.set_result(None)
"""grpcio looks at the future of a call only to count calls under way, which is done here."""


class Door:
    """Knows callers by their tokens or addresses."""

    def __init__(self, tokens: Tokens, *, open_methods: str) -> None:
        """
        Args:
            tokens: empty: no call needs one.
            open_methods: methods that start so need none.
        """
        self._tokens = tokens
        self._open = open_methods.encode()

    def caller(self, args: tuple[object, ...]) -> Caller:
        """Whose call it is, by the arguments that grpcio gives to a pool.

        Raises:
            failures.Unauthenticated: it needs a token, and has none that is known.
        """
        for one in args:
            if hasattr(one, "call_details"):
                event = cast(_CallEvent, one)
                break
        else:
            if self._tokens:
                raise self._refusal()
            return NOBODY
        if not self._tokens or event.call_details.method.startswith(self._open):
            return of_peer(event.call.peer().decode())
        for key, value in event.invocation_metadata:
            if key == "authorization":
                raw = value if isinstance(value, bytes) else value.encode()
                name = self._tokens.name_of(raw)
                if name is not None:
                    return Caller(name, name)
        raise self._refusal()

    def _refusal(self) -> failures.Unauthenticated:
        return failures.Unauthenticated(
            "BAD_TOKEN", "a call needs the metadata 'authorization: Bearer TOKEN'"
        )


class Refuser:
    """One thread that answers the calls that are not served.

    A client that calls again at once, and again, would keep the worker busy with refusals. So each
    has `AT_ONCE` of them, which are made up for at `A_SECOND`; others are answered when it has one
    again. Until then they count as the calls of its connection, of which there is a limit.
    """

    AT_ONCE = 256
    A_SECOND = 64.0

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._wake = threading.Condition(self._lock)
        self._waiting: dict[str, deque[tuple[failures.ServiceFailure, Callable[[], object]]]] = {}
        self._had: dict[str, tuple[float, float]] = {}
        """How many each client has left, and when that was so."""
        self._ends = False
        self._thread = threading.Thread(target=self._work, name="refuse", daemon=True)
        self._thread.start()

    def refuse(
        self, client: str, failure: failures.ServiceFailure, run: Callable[[], object]
    ) -> None:
        with self._lock:
            self._waiting.setdefault(client, deque()).append((failure, run))
            self._wake.notify()

    def _left(self, client: str, now: float) -> float:
        left, then = self._had.get(client, (float(self.AT_ONCE), now))
        return min(float(self.AT_ONCE), left + (now - then) * self.A_SECOND)

    def _take(self) -> list[tuple[failures.ServiceFailure, Callable[[], object]]]:
        """One refusal of each client that has one left; how long to wait, if there is none."""
        now = time.monotonic()
        taken = []
        for client, calls in list(self._waiting.items()):
            left = self._left(client, now)
            if left < 1.0 and not self._ends:
                continue
            self._had[client] = (left - 1.0, now)
            taken.append(calls.popleft())
            if not calls:
                del self._waiting[client]
        return taken

    def _forget(self) -> None:
        """Clients that have all of theirs again."""
        now = time.monotonic()
        for client in [one for one in self._had if self._left(one, now) >= self.AT_ONCE]:
            del self._had[client]

    def _work(self) -> None:
        while True:
            with self._lock:
                taken = self._take()
                if not taken:
                    if self._ends and not self._waiting:
                        return
                    self._forget()
                    self._wake.wait(1.0 / self.A_SECOND if self._waiting else None)
            for failure, run in taken:
                here.refusal = failure
                run()

    def close(self) -> None:
        """Answer what is left, and end."""
        with self._lock:
            self._ends = True
            self._wake.notify()
        self._thread.join()


def _over(limits: Limits, limit: str, got: int, caller: Caller) -> failures.Exhausted:
    return failures.Exhausted(
        "CALLS_LIMIT" if limit.startswith("calls") else "STREAMS_LIMIT",
        limits.message(limit, got=got),
        limit=limit,
        max=str(getattr(limits, limit)),
        client=caller.name,
    )


class _Pool(ThreadPoolExecutor, ABC):
    """What the pools have in common. A ThreadPoolExecutor by name, because grpcio wants one."""

    def __init__(self, door: Door, refuser: Refuser, limits: Limits) -> None:
        super().__init__(1)
        self._door = door
        self._refuser = refuser
        self._limits = limits
        self._mutex = threading.Lock()
        self._ends = False

    def submit(self, fn: Callable[_P, _T], /, *args: _P.args, **kwargs: _P.kwargs) -> Future[_T]:
        """Take a call of grpcio's."""
        self._accept(Request(args), lambda: fn(*args, **kwargs), lambda: self._door.caller(args))
        return cast("Future[_T]", DONE)

    @staticmethod
    def _run(request: Request, act: Callable[[], object]) -> Callable[[], object]:
        """What a thread does for a call."""

        def run() -> object:
            here.request = request
            try:
                return act()
            finally:
                here.request = None

        return run

    def _accept(
        self, request: Request, act: Callable[[], object], who: Callable[[], Caller]
    ) -> None:
        """Take a call in, or refuse it. `who` may raise ServiceFailure."""
        run = self._run(request, act)
        caller = NOBODY
        try:
            caller = who()
            job = _Job(caller, run)
            with self._mutex:
                if self._ends:
                    raise failures.Refused("STOPPING", "the worker is stopping: use another one")
                self._take_in(job)
        except failures.ServiceFailure as failure:
            self._refuser.refuse(caller.key, failure, run)
        except Exception as error:  # the thread that grpcio serves with may not end
            self._refuser.refuse(caller.key, failures.CoreFailure("CORE_ERROR", str(error)), run)

    @abstractmethod
    def _take_in(self, job: _Job) -> None:
        """Serve it later. Raises ServiceFailure."""


class CallPool(_Pool):
    """Threads for unary calls.

    Args:
        threads: how many.
        reserved: how many of them one client's calls may not have.
        name: of the threads.
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
    ) -> None:
        super().__init__(door, refuser, limits)
        self._queue: FairQueue[_Job] = FairQueue(max(1, threads - reserved))
        self._wake: queue.SimpleQueue[None] = queue.SimpleQueue()
        self._running = 0
        self._sleeping = 0
        self._name = name
        self._threads_max = threads
        self._workers: list[threading.Thread] = []

    @property
    def under_way(self) -> int:
        """Calls that wait or run."""
        return self._running + self._queue.waiting

    def has_read(self, count: int) -> None:
        """The calling thread has read so many bytes, the request of its call."""
        if count > LARGE_BYTES:
            with self._mutex:
                self._queue.one_at_a_time(here.caller.key)

    def _load(self, key: str) -> int:
        """Calls of a client that wait or run."""
        return self._queue.load(key)

    def _take_in(self, job: _Job) -> None:
        limits, key = self._limits, job.caller.key
        load = self._load(key)
        if load >= limits.calls_per_client_max:
            raise _over(limits, "calls_per_client_max", load + 1, job.caller)
        if self.under_way >= limits.calls_per_worker_max:
            last = self._queue.take_back(shorter_than=load + 2)
            if last is None:
                raise _over(limits, "calls_per_worker_max", self.under_way + 1, job.caller)
            failure = _over(limits, "calls_per_worker_max", self.under_way + 2, last.caller)
            self._refuser.refuse(last.caller.key, failure, last.run)
        if self._queue.put(key, job):
            self._call_thread()

    def _call_thread(self) -> None:
        """One more job can be taken: by a thread that sleeps, by a new one, or by one that ends."""
        if self._sleeping:
            self._sleeping -= 1
            self._wake.put(None)
        elif len(self._workers) < self._threads_max and not self._ends:
            name = f"{self._name}_{len(self._workers)}"
            thread = threading.Thread(target=self._work, name=name, daemon=True)
            self._workers.append(thread)
            thread.start()

    def _work(self) -> None:
        finished: _Job | None = None
        while True:
            with self._mutex:
                if finished is not None:
                    self._running -= 1
                    self._queue.finished(finished.caller.key)
                found = self._queue.take()
                if found is not None:
                    self._running += 1
                    if found[1]:
                        self._call_thread()
                elif self._ends and not self._queue.waiting:
                    self._wake.put(None)  # for the next thread
                    return
                else:
                    self._sleeping += 1
            if found is None:
                finished = None
                self._wake.get()
            else:
                finished = found[0]
                finished()

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Let what waits finish; take no more."""
        with self._mutex:
            self._ends = True
            threads = list(self._workers)
        self._wake.put(None)
        if wait:
            for thread in threads:
                thread.join()


class StreamPool(_Pool):
    """A thread for each stream."""

    def __init__(self, door: Door, refuser: Refuser, limits: Limits) -> None:
        super().__init__(door, refuser, limits)
        self._open: Counter[str] = Counter()
        self._threads: set[threading.Thread] = set()

    @property
    def open(self) -> int:
        return self._open.total()

    def _take_in(self, job: _Job) -> None:
        limits, mine, total = self._limits, self._open[job.caller.key], self.open
        most = limits.streams_per_worker_max
        if mine >= _FEW:
            most -= most // _STREAMS_RESERVED
        if total >= most:
            raise _over(limits, "streams_per_worker_max", total + 1, job.caller)
        if mine >= limits.streams_per_client_max:
            raise _over(limits, "streams_per_client_max", mine + 1, job.caller)
        thread = threading.Thread(target=self._serve, args=(job,), name="stream", daemon=True)
        try:
            thread.start()  # it comes to an end only when the lock is free
        except RuntimeError:
            raise failures.Exhausted(
                "NO_THREAD", "the machine has no thread left for a stream: close some"
            ) from None
        self._open[job.caller.key] += 1
        self._threads.add(thread)

    def _serve(self, job: _Job) -> None:
        try:
            job()
        finally:
            with self._mutex:
                self._threads.discard(threading.current_thread())
                self._open[job.caller.key] -= 1
                if not self._open[job.caller.key]:
                    del self._open[job.caller.key]

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Take no more; wait for those that are open."""
        with self._mutex:
            self._ends = True
            threads = list(self._threads)
        if wait:
            for thread in threads:
                thread.join()
