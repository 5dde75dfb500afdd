# SPDX-License-Identifier: Apache-2.0
"""Streams of a worker: how they end when the worker stops, Hold and Batch.

A stream has a thread for as long as it is open (admission.py counts them). It has a participant
while it executes a block and no longer, and `blocks_at_a_time` of them do that at a time, in turn
between clients: the slots of the segment do not depend on how many streams there are.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from vmalab.v1 import memory_pb2 as pb
from vmalab_client import wire
from vmalab_native.convert import failed_records
from vmalab_server import failures
from vmalab_server.caller import here
from vmalab_server.entry import Entry
from vmalab_server.fair import Turnstile
from vmalab_server.handlers import MemoryHandlers
from vmalab_server.leases import LeaseKeeper
from vmalab_server.limits import Limits
from vmalab_server.timing import Timing
from vmalab_server.under_way import serving

IDLE_BEFORE_CANCEL_S = 0.1
_POLL_S = 0.02


@dataclass(eq=False, slots=True)
class OpenStream:
    """One stream. `cancel` ends it; a Batch stream that is `busy` executes a block."""

    cancel: Callable[[], object]
    waits_for_client: bool
    busy: bool = False
    idle_since: float = 0.0


class StreamRegistry:
    """Every Hold and Batch stream that is open in this worker."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._open: set[OpenStream] = set()
        self._stopping = False

    @contextmanager
    def opened(
        self, cancel: Callable[[], object], *, waits_for_client: bool
    ) -> Iterator[OpenStream]:
        """Know a stream for as long as it lasts.

        Args:
            cancel: ends the stream from another thread.
            waits_for_client: nothing is lost when it is cut at a stop (Hold).
        """
        stream = OpenStream(cancel, waits_for_client, idle_since=time.monotonic())
        with self._lock:
            if self._stopping:
                raise failures.Refused("STOPPING", "the worker is stopping: use another one")
            self._open.add(stream)
        try:
            yield stream
        finally:
            with self._lock:
                self._open.discard(stream)

    def drain(self, *, deadline: float) -> None:
        """Let streams finish what they execute, cut those that only wait; back by `deadline`."""
        with self._lock:
            self._stopping = True
        while time.monotonic() < deadline:
            with self._lock:
                streams = list(self._open)
            if not streams:
                return
            now = time.monotonic()
            for stream in streams:
                idle = not stream.busy and now - stream.idle_since > IDLE_BEFORE_CANCEL_S
                if stream.waits_for_client or idle:
                    stream.cancel()
            time.sleep(_POLL_S)


class InFlight:
    """Bytes of blocks that were read and are not answered yet, of each client."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._lock = threading.Lock()
        self._bytes: Counter[str] = Counter()

    @contextmanager
    def counted(self, count: int) -> Iterator[None]:
        """Count the block of the calling thread's client, who may always have one.

        Raises:
            failures.Exhausted: it has too many bytes.
        """
        caller, most = here.caller, self._limits.batch_bytes_per_client_max
        with self._lock:
            had = self._bytes[caller.key]
            got = had + count
            if had and got > most:
                raise failures.Exhausted(
                    "STREAMS_LIMIT",
                    self._limits.message("batch_bytes_per_client_max", got=got),
                    limit="batch_bytes_per_client_max",
                    max=str(most),
                    client=caller.name,
                )
            self._bytes[caller.key] = got
        try:
            yield
        finally:
            with self._lock:
                self._bytes[caller.key] -= count
                if not self._bytes[caller.key]:
                    del self._bytes[caller.key]


class StreamHandlers:
    """Hold and Batch as functions from an iterator of requests to an iterator of responses.

    Args:
        turnstile: lets a stream execute its block.
        in_flight: bounds the blocks that wait for their turn.
    """

    def __init__(
        self,
        entry: Entry,
        handlers: MemoryHandlers,
        leases: LeaseKeeper,
        registry: StreamRegistry,
        turnstile: Turnstile,
        in_flight: InFlight,
    ) -> None:
        self._entry = entry
        self._handlers = handlers
        self._leases = leases
        self._registry = registry
        self._turnstile = turnstile
        self._in_flight = in_flight

    def hold(
        self, requests: Iterator[pb.HoldRequest], cancel: Callable[[], object]
    ) -> Iterator[pb.HoldResponse]:
        held: set[int] = set()
        files: set[int] = set()
        with self._registry.opened(cancel, waits_for_client=True):
            try:
                for request in requests:
                    yield self._held(request, held, files)
            finally:
                for mm in held:
                    self._leases.drop(mm)
                for file in files:
                    self._leases.drop_file(file)

    def _held(self, request: pb.HoldRequest, held: set[int], files: set[int]) -> pb.HoldResponse:
        if self._entry.owners.checked:
            with self._entry.borrowed() as me:
                for mm in request.add:
                    self._entry.owners.may(me, mm=mm)
                for file in request.add_files:
                    self._entry.owners.may(me, file=file)
        return pb.HoldResponse(
            missing=_changed(held, request.add, request.drop, self._leases.add, self._leases.drop),
            missing_files=_changed(
                *(files, request.add_files, request.drop_files),
                *(self._leases.add_file, self._leases.drop_file),
            ),
            held_count=len(held),
            held_files_count=len(files),
        )

    def batch(
        self, requests: Iterator[wire.Request], cancel: Callable[[], object]
    ) -> Iterator[bytes]:
        """The answers as they go over the wire: the results lie in a buffer of the participant."""
        client, call = here.caller.key, serving.call
        run_block = self._handlers.run_block
        with self._registry.opened(cancel, waits_for_client=False) as stream:
            for request in requests:
                stream.busy = True
                timing = here.timing = Timing(None) if request.timed else None
                with self._in_flight.counted(len(request.block)):
                    with self._turnstile.turn(client), self._entry.borrowed() as participant:
                        if call is not None and call.gone:  # while it waited for its turn
                            return
                        if timing is not None:
                            timing.has_its_turn()
                        results = run_block(participant, request.block)
                        written = wire.written_response(_answer(results, request))
                        if timing is not None:
                            written, here.timing = written + timing.of_block(), None
                    yield written
                stream.idle_since = time.monotonic()
                stream.busy = False


def _changed(
    held: set[int],
    add: Iterable[int],
    drop: Iterable[int],
    take: Callable[[int], bool],
    let_go: Callable[[int], None],
) -> list[int]:
    """Hold more and less; those of `add` that cannot be held."""
    missing = []
    for one in add:
        if one in held:
            continue
        if take(one):
            held.add(one)
        else:
            missing.append(one)
    for one in drop:
        if one in held:
            held.remove(one)
            let_go(one)
    return missing


def _answer(results: memoryview, request: wire.Request) -> wire.Response:
    executed = len(results) // wire.RESULT_BYTES
    if not request.failed_only:
        return wire.Response(results, request.tag, executed)
    failed = failed_records(results)
    size = wire.RESULT_BYTES
    chosen = b"".join(results[at * size : (at + 1) * size] for at in failed)
    return wire.Response(chosen, request.tag, executed, failed)
