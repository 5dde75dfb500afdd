# SPDX-License-Identifier: Apache-2.0
"""Keeping address spaces and files: one Hold stream in a thread, opened again when it breaks."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Iterator

import grpc

from vmalab.v1 import memory_pb2 as pb
from vmalab.v1.memory_pb2_grpc import MemoryServiceStub
from vmalab_client import transport
from vmalab_client.leases import Leases

RETRY_FIRST_S = 0.02
RETRY_MAX_S = 0.5


class Holder:
    """The leases of a client on address spaces and files.

    The stream is opened with the first of them. When it ends (the worker was killed, the
    server stopped) another is opened with all of them, at whatever worker answers; the server keeps
    them for its grace time meanwhile. Address spaces that are gone by then, and those that this
    client may not have, are reported to `on_missing`.
    """

    def __init__(self, stub: MemoryServiceStub, on_missing: Callable[[int], None]) -> None:
        self._stub = stub
        self._on_missing = on_missing
        self._changed = threading.Condition()
        self._leases = Leases()
        self._closed = False
        self._thread: threading.Thread | None = None
        self._requests: queue.SimpleQueue[pb.HoldRequest | None] = queue.SimpleQueue()
        self._call: grpc.Call | None = None

    def _say(self, request: pb.HoldRequest | None) -> None:
        if request is None:
            return
        self._requests.put(request)
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="vmalab-hold", daemon=True)
            self._thread.start()

    def add(self, mm: int) -> None:
        """Hold from now on; comes back at once."""
        with self._changed:
            if not self._closed:
                self._say(self._leases.add(mm))

    def drop(self, mm: int) -> None:
        """One handle less; hold no more, if it was the last."""
        with self._changed:
            self._say(self._leases.drop(mm))
            self._changed.notify_all()

    def forget(self, mm: int) -> None:
        """Hold no more, whatever handles there are."""
        with self._changed:
            self._say(self._leases.forget(mm))
            self._changed.notify_all()

    def add_file(self, file: int) -> int:
        """Hold a file that was opened; it. Comes back at once."""
        with self._changed:
            if not self._closed:
                self._say(self._leases.add_file(file))
        return file

    def drop_file(self, file: int) -> None:
        """A file was closed: hold it no more, if that was its last open."""
        with self._changed:
            self._say(self._leases.drop_file(file))

    def wait_held(self, mm: int, timeout_s: float) -> bool:
        """Wait until the server has confirmed the lease on `mm`; False too if there is none.

        Raises:
            ClientClosed: the client is closed, or was closed meanwhile.
        """
        with self._changed:
            self._changed.wait_for(
                lambda: self._leases.confirmed(mm) or mm not in self._leases, timeout_s
            )
            if self._closed:
                raise transport.closed(opened=True)
            return self._leases.confirmed(mm)

    def close(self) -> None:
        with self._changed:
            self._closed = True
            self._leases.clear()
            self._requests.put(None)
            call = self._call
            self._changed.notify_all()
        if call is not None:
            call.cancel()
        if self._thread is not None:
            self._thread.join()

    def _feed(self, requests: queue.SimpleQueue[pb.HoldRequest | None]) -> Iterator[pb.HoldRequest]:
        while True:
            request = requests.get()
            if request is None:
                return
            yield request

    def _run(self) -> None:
        retry_s = RETRY_FIRST_S
        while True:
            with self._changed:
                if self._closed:
                    return
                old, self._requests = self._requests, queue.SimpleQueue()
                old.put(None)
                self._requests.put(self._leases.begin())
                call = self._stub.Hold(self._feed(self._requests), wait_for_ready=True)
                self._call = call
            began = time.monotonic()
            refused = False
            try:
                for answer in call:
                    retry_s = RETRY_FIRST_S
                    self._heard(answer)
            except grpc.RpcError as error:
                refused = self._refused(error)
            with self._changed:
                self._requests.put(None)
                self._leases.end()
                if self._changed.wait_for(lambda: self._closed, 0 if refused else retry_s):
                    return
            if not refused and time.monotonic() - began < 1.0:
                retry_s = min(2 * retry_s, RETRY_MAX_S)

    def _heard(self, answer: pb.HoldResponse) -> None:
        with self._changed:
            self._report(self._leases.hear(answer))

    def _refused(self, error: grpc.RpcError) -> bool:
        """Whether a lease was refused; without it the stream is opened again at once."""
        with self._changed:
            lost = self._leases.refused(transport.error_of(error))
            self._report(lost or [])
            return lost is not None

    def _report(self, lost: list[int]) -> None:
        for mm in lost:
            self._on_missing(mm)
        self._changed.notify_all()
