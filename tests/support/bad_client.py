# SPDX-License-Identifier: Apache-2.0
"""A client that wants to stop the others: a program of its own, `python bad_client.py TARGET KIND`.

It does its worst between a line `go` and a line `rest` on its standard input, and answers each with
a line of JSON: what it has met so far. It yields the processor to who wants it: what is measured
is the server, and a real one would be on another machine.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import grpc

from patience import HANG_S
from vmalab import pack
from vmalab.v1 import memory_pb2 as pb
from vmalab_client import plain_token

SERVICE = "/vmalab.v1.MemoryService/"
REFLECTION = "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo"
WATCH = "/grpc.health.v1.Health/Watch"
NOPS = bytes([0, 2, *bytes(14)])
RETRY_S = 0.02
GARBAGE = b"\xff" * 64
TOUCHED = 512


class Bad:
    """What a kind of bad client does, in threads, while `working`."""

    def __init__(self, target: str, token: str) -> None:
        self.channel: Any = plain_token.channel(
            grpc.insecure_channel(
                target,
                options=[
                    ("grpc.use_local_subchannel_pool", 1),
                    ("grpc.max_send_message_length", -1),
                ],
            ),
            token,
        )
        self.met: Counter[str] = Counter()
        self.working = threading.Event()
        self.threads: list[threading.Thread] = []
        self.mm = self.addr = 0

    def again(
        self, what: Callable[[], object], count: int, end: Callable[[], object] = lambda: None
    ) -> None:
        """Do it in so many threads until the end."""

        def loop() -> None:
            while self.working.is_set():
                try:
                    what()
                    self.met["OK"] += 1
                except grpc.RpcError as error:
                    self.met[error.code().name] += 1
                    time.sleep(RETRY_S)
            end()

        self.threads += [threading.Thread(target=loop, daemon=True) for _ in range(count)]

    def unary(self, method: str, raw: bytes) -> bytes:
        return bytes(self.channel.unary_unary(method)(raw, timeout=HANG_S))

    def stays(self, method: str, raw: bytes) -> None:
        """A stream that says something once and stays open."""

        def requests() -> Iterator[bytes]:
            yield raw
            while self.working.is_set():
                time.sleep(0.05)

        call: Any = self.channel.stream_stream(method)(requests())
        try:
            next(call)
            self.met[method] += 1
            while self.working.is_set() and call.is_active():
                time.sleep(0.05)
        finally:
            call.cancel()

    # --- the kinds ---

    def streams(self) -> None:
        """More Batch streams than there are slots, and idle ones of every other sort."""
        batch = pb.BatchRequest(block=NOPS).SerializeToString()
        self.again(lambda: self.stays(SERVICE + "Batch", batch), 200)
        self.again(lambda: self.stays(SERVICE + "Hold", pb.HoldRequest().SerializeToString()), 20)
        self.again(lambda: self.stays(REFLECTION, b"\x3a\x00"), 40)
        self.again(lambda: self.stays(WATCH, b""), 20)

    def flood(self) -> None:
        """Unary calls with large messages, many at a time."""
        block = pb.ApplyRequest(block=NOPS * (1 << 15)).SerializeToString()
        futures: list[Any] = []

        def call() -> None:
            method = self.channel.unary_unary(SERVICE + "Apply")
            while len(futures) < 400:
                futures.append(method.future(block, timeout=HANG_S))
            futures.pop(0).result()

        self.again(call, 1, lambda: [future.cancel() for future in futures])

    def garbage(self) -> None:
        """Requests that nobody can decode."""
        self.again(lambda: self.unary(SERVICE + "Fault", GARBAGE), 8)
        self.again(lambda: self.stays(SERVICE + "Batch", GARBAGE), 4)
        self.again(lambda: self.stays(REFLECTION, GARBAGE), 4)

    def files(self) -> None:
        """Files that are opened and never closed."""
        numbers = iter(range(1 << 40, 1 << 60))

        def open_one() -> None:
            request = pb.OpenFileRequest(ino=next(numbers), size_bytes=4096, name="/left")
            self.unary(SERVICE + "OpenFile", request.SerializeToString())

        self.again(open_one, 4)

    def foreign(self) -> None:
        """Calls on the address spaces of others, by all numbers that there may be."""
        numbers = iter(lambda: None, 0)
        low = [1 << 16 | slot for slot in range(64)]

        def touch() -> None:
            next(numbers)
            request = pb.MunmapRequest(mm=low[self.met.total() % 64], addr=0, length=1 << 46)
            self.unary(SERVICE + "Munmap", request.SerializeToString())

        self.again(touch, 4)

    def frames(self) -> None:
        """An address space that touches more pages than it may have, again and again."""
        if not self.mm:
            create = pb.CreateAddressSpaceRequest(ttl_ms=3_600_000)  # nobody holds it
            made = self.unary(SERVICE + "CreateAddressSpace", create.SerializeToString())
            self.mm = pb.CreateAddressSpaceResponse.FromString(made).mm
            request = pb.MmapRequest(mm=self.mm, length=TOUCHED * 4096, prot=3, flags=0x22)
            mapped = self.unary(SERVICE + "Mmap", request.SerializeToString())
            self.addr = pb.MmapResponse.FromString(mapped).addr
        faults = [pack.fault(self.mm, self.addr + i * 4096, 1, 1) for i in range(TOUCHED)]
        block = pb.ApplyRequest(block=b"".join(faults)).SerializeToString()
        last = self.addr + (TOUCHED - 1) * 4096
        fault = pb.FaultRequest(mm=self.mm, addr=last, access=pb.ACCESS_WRITE)

        def touch() -> None:
            self.unary(SERVICE + "Apply", block)
            self.unary(SERVICE + "Fault", fault.SerializeToString())

        self.again(touch, 4)

    def silent(self) -> None:
        """Unary calls whose message never comes."""

        def call() -> None:
            def nothing() -> Iterator[bytes]:
                while self.working.is_set():
                    time.sleep(0.05)
                yield from ()

            self.channel.stream_unary(SERVICE + "Fault")(nothing(), timeout=HANG_S)

        self.again(call, 16)


def main() -> None:
    target, kind = sys.argv[1:3]
    os.nice(10)
    bad = Bad(target, sys.argv[3] if len(sys.argv) > 3 else "")
    for line in sys.stdin:
        if line.strip() == "go":
            bad.working.set()
            bad.threads.clear()
            getattr(bad, kind)()
            for thread in bad.threads:
                thread.start()
        elif line.strip() == "rest":
            bad.working.clear()
            for thread in bad.threads:
                thread.join()
        print(json.dumps(bad.met), flush=True)
    with contextlib.suppress(Exception):
        bad.channel.close()


if __name__ == "__main__":
    main()
