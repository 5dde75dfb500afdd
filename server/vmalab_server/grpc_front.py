# SPDX-License-Identifier: Apache-2.0
"""The synchronous grpcio server as the front of the handlers.

This, grpc_methods.py and standard.py alone know both gRPC and the handlers: another front can take
their place.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping

import grpc
from google.protobuf.descriptor import ServiceDescriptor

from vmalab.v1 import bench_pb2, inspect_pb2, lab_pb2, memory_pb2, userfaultfd_pb2
from vmalab_server.admission import CallPool, Door, Refuser, StreamPool
from vmalab_server.bounded import BoundedPool
from vmalab_server.caller import Tokens
from vmalab_server.endings import Endings
from vmalab_server.grpc_inside import Inside
from vmalab_server.grpc_methods import Methods, Quick
from vmalab_server.grpc_queue import Loop
from vmalab_server.handlers import MemoryHandlers
from vmalab_server.inspect_handlers import InspectHandlers
from vmalab_server.lab_handlers import LabHandlers, NoLab
from vmalab_server.limits import Limits
from vmalab_server.standard import HEALTH_NAME, REFLECTION_NAMES, Health, reflection_handlers
from vmalab_server.streams import StreamHandlers
from vmalab_server.threads import Threads
from vmalab_server.upkeep import Upkeep

MEMORY = memory_pb2.DESCRIPTOR.services_by_name["MemoryService"]
USERFAULTFD = userfaultfd_pb2.DESCRIPTOR.services_by_name["UserfaultfdService"]
INSPECT = inspect_pb2.DESCRIPTOR.services_by_name["InspectService"]
LAB = lab_pb2.DESCRIPTOR.services_by_name["LabService"]
BENCH = bench_pb2.DESCRIPTOR.services_by_name["BenchService"]


class BenchHandlers:
    """BenchService: what gRPC costs by itself."""

    def echo(self, request: bench_pb2.EchoRequest) -> bench_pb2.EchoResponse:
        return bench_pb2.EchoResponse(
            first=request.first, second=request.second, third=request.third
        )

    def echo_blocks(
        self,
        requests: Iterator[bench_pb2.EchoBlocksRequest],
        cancel: Callable[[], object],
    ) -> Iterator[bench_pb2.EchoBlocksResponse]:
        for request in requests:
            answer = request.block[: len(request.block) // 24 * 16]
            yield bench_pb2.EchoBlocksResponse(results=answer, tag=request.tag)


class Front:
    """One grpc.server with its services.

    Args:
        threads: how many for each kind of call.
        bench: whether BenchService is registered.
        inside: of grpcio, for bounded answers (bounded.py); None: all calls go to threads.
        bounded: methods that have one, by their full names.
        own_loop: serve gRPC's queue with a loop of our own (grpc_queue.py); needs inside.
        tokens: of clients that may call; empty: all may.
        endings: records the calls that have ended.
    """

    def __init__(
        self,
        *,
        memory: MemoryHandlers,
        streams: StreamHandlers,
        inspect: InspectHandlers,
        lab: LabHandlers | NoLab,
        threads: Threads,
        limits: Limits,
        bench: bool,
        tokens: Tokens,
        endings: Endings,
        inside: Inside | None,
        bounded: Mapping[str, Quick],
        own_loop: bool,
    ) -> None:
        door = Door(tokens, open_methods=f"/{HEALTH_NAME}/")
        self._refuser = Refuser()

        def calls(kind: str, count: int, reserved: int) -> CallPool:
            return CallPool(
                *(door, self._refuser, limits), threads=count, reserved=reserved, name=kind
            )

        self._pool: CallPool
        self._inspect_pool = calls("inspect", threads.inspect, 1)
        # Apart from the calls that it holds, so that ReleasePoint always gets through.
        self._lab_pool = calls("lab", threads.lab, threads.lab_reserved)
        self._streams_pool = StreamPool(door, self._refuser, limits)
        self._upkeep = Upkeep()
        receive_s = limits.receive_ms_max / 1000
        self._methods = Methods(self._upkeep, endings, receive_s=receive_s)
        if inside is None:
            self._pool = calls("call", threads.calls, threads.calls_reserved)
        else:
            self._pool = BoundedPool(
                *(door, self._refuser, limits),
                threads=threads.calls,
                reserved=threads.calls_reserved,
                name="call",
                inside=inside,
                upkeep=self._upkeep,
                endings=endings,
                receive_s=receive_s,
            )
        options = [
            ("grpc.so_reuseport", 1),
            ("grpc.max_receive_message_length", limits.message_bytes_max),
            ("grpc.max_send_message_length", 2 * limits.message_bytes_max),
            ("grpc.http2.bdp_probe", 0),  # what waits holds one window, and that stays small
            ("grpc.max_concurrent_streams", limits.requests_per_connection_max),
        ]
        self.server = grpc.server(self._pool, options=options)
        bench_handlers = BenchHandlers()
        services: list[tuple[ServiceDescriptor, object, object, CallPool]] = [
            (MEMORY, memory, streams, self._pool),
            (USERFAULTFD, memory.userfaultfd, None, self._pool),
            (INSPECT, inspect, None, self._inspect_pool),
            (LAB, lab, None, self._lab_pool),
        ]
        if bench:
            services.append((BENCH, bench_handlers, bench_handlers, self._pool))
        for descriptor, handlers, stream_handlers, pool in services:
            handler = self._methods.service(
                *(descriptor, handlers, stream_handlers),
                calls=pool,
                stream_pool=self._streams_pool,
                bounded=bounded,
            )
            self.server.add_generic_rpc_handlers((handler,))
        self._start: Callable[[], None] = self.server.start
        if own_loop and inside is not None and isinstance(self._pool, BoundedPool):
            serving = inside.serving(self.server)
            self._start = Loop(serving, self._pool, self._methods.bounded).start
        self._add_standard_services([descriptor.full_name for descriptor, *_ in services])

    def _add_standard_services(self, names: list[str]) -> None:
        self._health = Health(names)
        handler = self._health.handler(
            self._methods, calls=self._inspect_pool, streams=self._streams_pool
        )
        known = [*names, HEALTH_NAME, *REFLECTION_NAMES]
        handlers = reflection_handlers(known, self._methods, self._streams_pool)
        self.server.add_generic_rpc_handlers((handler, *handlers))

    def bind(
        self, address: str, *, cert: bytes = b"", key: bytes = b"", client_ca: bytes = b""
    ) -> None:
        """Listen on an address; with client_ca a client needs a certificate that it has signed.

        Raises RuntimeError (grpcio's) when that fails.
        """
        if cert:
            credentials = grpc.ssl_server_credentials(
                [(key, cert)], client_ca or None, bool(client_ca)
            )
            self.server.add_secure_port(address, credentials)
        else:
            self.server.add_insecure_port(address)

    def start(self) -> None:
        self._upkeep.start()
        self._start()

    def leave(self) -> None:
        """Report to the watchers of the health that this worker stops."""
        self._health.leave()

    def stop(self, grace_s: float, drain: Callable[[], object]) -> None:
        """Refuse new calls, let those under way finish within `grace_s`, come back after that.

        Args:
            grace_s: for calls and streams together.
            drain: ends the streams that do something; back before the grace is over.
        """
        deadline = time.monotonic() + grace_s
        stopped = self.server.stop(grace_s)
        drain()
        # What is left are unary calls, and streams that only watch (health, reflection). grpcio
        # would wait out the grace for the latter, so the former are waited for here.
        calls = threading.Thread(target=self._finish_calls, name="calls", daemon=True)
        calls.start()
        calls.join(max(0.0, deadline - time.monotonic()))
        self.server.stop(0)
        stopped.wait()
        calls.join()
        self._streams_pool.shutdown(wait=True)
        self._refuser.close()
        self._upkeep.close()

    def _finish_calls(self) -> None:
        for pool in (self._pool, self._inspect_pool, self._lab_pool):
            pool.shutdown()
