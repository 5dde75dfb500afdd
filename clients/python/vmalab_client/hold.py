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

RETRY_FIRST_S = 0.02
RETRY_MAX_S = 0.5


class Holder:
    """The leases of a client on address spaces and files.

    The stream is opened with the first of them. When it ends (the worker was killed, the
    server stopped) another is opened with all of them, at whatever worker answers; the server keeps
    them for its grace time meanwhile. Address spaces that are gone by then are reported to
    `on_missing`.
    """

    def __init__(self, stub: MemoryServiceStub, on_missing: Callable[[int], None]) -> None:
        self._stub = stub
        self._on_missing = on_missing
        self._changed = threading.Condition()
        self._wanted: set[int] = set()
        self._files: set[int] = set()
        self._confirmed: set[int] = set()
        self._closed = False
        self._thread: threading.Thread | None = None
        self._requests: queue.SimpleQueue[pb.HoldRequest | None] = queue.SimpleQueue()
        self._call: grpc.Call | None = None

    def add(self, mm: int) -> None:
        """Hold from now on; comes back at once."""
        with self._changed:
            if self._closed or mm in self._wanted:
                return
            self._wanted.add(mm)
            self._say(pb.HoldRequest(add=[mm]))

    def _say(self, request: pb.HoldRequest) -> None:
        self._requests.put(request)
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="vmalab-hold", daemon=True)
            self._thread.start()

    def add_file(self, file: int) -> int:
        """Hold a file from now on; it. Comes back at once."""
        with self._changed:
            if not self._closed and file not in self._files:
                self._files.add(file)
                self._say(pb.HoldRequest(add_files=[file]))
        return file

    def drop_file(self, file: int) -> None:
        with self._changed:
            if file in self._files:
                self._files.discard(file)
                self._requests.put(pb.HoldRequest(drop_files=[file]))

    def drop(self, mm: int) -> None:
        with self._changed:
            if mm in self._wanted:
                self._wanted.discard(mm)
                self._confirmed.discard(mm)
                self._requests.put(pb.HoldRequest(drop=[mm]))

    def wait_held(self, mm: int, timeout_s: float) -> bool:
        """Wait until the server has confirmed the lease on `mm`."""
        with self._changed:
            return self._changed.wait_for(
                lambda: mm in self._confirmed or mm not in self._wanted, timeout_s
            ) and (mm in self._confirmed)

    def close(self) -> None:
        with self._changed:
            self._closed = True
            self._wanted.clear()
            self._files.clear()
            self._confirmed.clear()
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
                self._confirmed.clear()
                sent = set(self._wanted)
                self._requests.put(pb.HoldRequest(add=sorted(sent), add_files=sorted(self._files)))
                call = self._stub.Hold(self._feed(self._requests), wait_for_ready=True)
                self._call = call
            began = time.monotonic()
            try:
                for answer in call:
                    retry_s = RETRY_FIRST_S
                    self._heard(answer)
            except grpc.RpcError:
                pass  # opened again below, until close()
            with self._changed:
                self._requests.put(None)
                if self._changed.wait_for(lambda: self._closed, retry_s):
                    return
            if time.monotonic() - began < 1.0:
                retry_s = min(2 * retry_s, RETRY_MAX_S)

    def _heard(self, answer: pb.HoldResponse) -> None:
        with self._changed:
            missing = [mm for mm in answer.missing if mm in self._wanted]
            self._wanted.difference_update(missing)
            self._files.difference_update(answer.missing_files)
            # Answers come in the order of the requests; what is wanted and not missing is held
            # as soon as the server's count says so.
            if answer.held_count >= len(self._wanted):
                self._confirmed = set(self._wanted)
            self._changed.notify_all()
        for mm in missing:
            self._on_missing(mm)
