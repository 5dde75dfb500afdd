# SPDX-License-Identifier: Apache-2.0
"""The synchronous grpcio server as the front of the handlers.

The only module that knows both gRPC and the handlers: another front can take its place.
"""

from __future__ import annotations

import hmac
import re
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Final, NoReturn, TypeVar, cast

import grpc
from google.protobuf import any_pb2
from google.protobuf.descriptor import MethodDescriptor, ServiceDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from google.rpc import error_details_pb2, status_pb2
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection, reflection_pb2
from grpc_status import rpc_status

from vmalab.v1 import bench_pb2, inspect_pb2, lab_pb2, memory_pb2, userfaultfd_pb2
from vmalab_client import wire
from vmalab_native.errors import NativeError
from vmalab_server import failures
from vmalab_server.handlers import MemoryHandlers
from vmalab_server.inspect_handlers import InspectHandlers
from vmalab_server.lab_handlers import LabHandlers, NoLab
from vmalab_server.streams import StreamHandlers

MEMORY = memory_pb2.DESCRIPTOR.services_by_name["MemoryService"]
USERFAULTFD = userfaultfd_pb2.DESCRIPTOR.services_by_name["UserfaultfdService"]
INSPECT = inspect_pb2.DESCRIPTOR.services_by_name["InspectService"]
LAB = lab_pb2.DESCRIPTOR.services_by_name["LabService"]
BENCH = bench_pb2.DESCRIPTOR.services_by_name["BenchService"]

REFLECTION_NAMES = ("grpc.reflection.v1.ServerReflection", reflection.SERVICE_NAME)

Context = grpc.ServicerContext
AnyRequest = Message | wire.Request
AnyResponse = Message | wire.Response

_Request = TypeVar("_Request")
_Response = TypeVar("_Response")


def status_of(failure: failures.ServiceFailure) -> grpc.Status:
    """The gRPC status of a failure, with its google.rpc.ErrorInfo."""
    detail = any_pb2.Any()
    detail.Pack(
        error_details_pb2.ErrorInfo(
            reason=failure.reason, domain=failures.DOMAIN, metadata=failure.metadata
        )
    )
    code: int = grpc.StatusCode[failure.code].value[0]
    status = status_pb2.Status(code=code, message=failure.message, details=[detail])
    return rpc_status.to_status(status)


def _abort(context: Context, error: failures.ServiceFailure | NativeError) -> NoReturn:
    failure = failures.of_native(error) if isinstance(error, NativeError) else error
    context.abort_with_status(status_of(failure))
    raise failure


def unary(
    handler: Callable[[_Request], _Response], pool: ThreadPoolExecutor | None = None
) -> Callable[[_Request, Context], _Response]:
    """A unary method around a handler, run in a pool of its own if there is one."""

    def behaviour(request: _Request, context: Context) -> _Response:
        try:
            return handler(request)
        except (failures.ServiceFailure, NativeError) as error:
            _abort(context, error)

    if pool is not None:
        behaviour.experimental_thread_pool = pool  # type: ignore[attr-defined]
    return behaviour


def stream(
    handler: Callable[[Iterator[_Request], Callable[[], object]], Iterator[_Response]],
    pool: ThreadPoolExecutor,
) -> Callable[[Iterator[_Request], Context], Iterator[_Response]]:
    """A bidirectional method around a handler, run in the pool of the streams."""

    def behaviour(requests: Iterator[_Request], context: Context) -> Iterator[_Response]:
        try:
            yield from handler(requests, context.cancel)
        except (failures.ServiceFailure, NativeError) as error:
            _abort(context, error)

    # grpcio's way to run a method in a pool of its own (grpc_health uses it too).
    behaviour.experimental_thread_pool = pool  # type: ignore[attr-defined]
    return behaviour


# Methods with messages of their own: how a request is read, how a response is written.
ON_THE_WIRE: Final = {wire.BATCH: (wire.request, wire.written_response)}


def _codec(
    name: str, method: MethodDescriptor
) -> tuple[Callable[[bytes], AnyRequest], Callable[[AnyResponse], bytes]]:
    """How a request of a method is read and its response is written."""
    if name in ON_THE_WIRE:
        read, write = ON_THE_WIRE[name]
        return read, cast(Callable[[AnyResponse], bytes], write)
    response = GetMessageClass(method.output_type)
    written = cast(Callable[[AnyResponse], bytes], response.SerializeToString)
    return GetMessageClass(method.input_type).FromString, written


def snake_case(name: str) -> str:
    """CreateAddressSpace -> create_address_space: a method's handler."""
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()


def service(
    descriptor: ServiceDescriptor,
    handlers: object,
    streams: object,
    pool: ThreadPoolExecutor,
    *,
    unary_pool: ThreadPoolExecutor | None = None,
) -> grpc.GenericRpcHandler:
    """A service from its descriptor: each method has a handler of its name."""
    methods: dict[str, grpc.RpcMethodHandler[AnyRequest, AnyResponse]] = {}
    for method in descriptor.methods:
        name = snake_case(method.name)
        read, write = _codec(f"/{descriptor.full_name}/{method.name}", method)
        if method.client_streaming:
            behaviour = stream(getattr(streams, name), pool)
            methods[method.name] = grpc.stream_stream_rpc_method_handler(behaviour, read, write)
        else:
            call = unary(getattr(handlers, name), unary_pool)
            methods[method.name] = grpc.unary_unary_rpc_method_handler(call, read, write)
    return grpc.method_handlers_generic_handler(descriptor.full_name, methods)


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


class TokenInterceptor(grpc.ServerInterceptor):
    """Wants `authorization: Bearer TOKEN` on every call but health checks."""

    def __init__(self, token: str) -> None:
        self._wanted = f"Bearer {token}".encode()
        failure = failures.Unauthenticated(
            "BAD_TOKEN", "a call needs the metadata 'authorization: Bearer TOKEN'"
        )

        def refuse(request: object, context: Context) -> NoReturn:
            _abort(context, failure)

        self._refuse = refuse

    def intercept_service(
        self,
        continuation: Callable[
            [grpc.HandlerCallDetails], grpc.RpcMethodHandler[_Request, _Response] | None
        ],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> grpc.RpcMethodHandler[_Request, _Response] | None:
        if handler_call_details.method.startswith("/grpc.health.v1.Health/"):
            return continuation(handler_call_details)
        for key, value in handler_call_details.invocation_metadata:
            if key == "authorization":
                raw = value if isinstance(value, bytes) else value.encode()
                if hmac.compare_digest(raw, self._wanted):
                    return continuation(handler_call_details)
        method = continuation(handler_call_details)
        if method is not None and method.request_streaming:
            return grpc.stream_stream_rpc_method_handler(self._refuse)
        return grpc.unary_unary_rpc_method_handler(self._refuse)


def reflection_service(
    name: str, names: list[str], pool: ThreadPoolExecutor
) -> grpc.GenericRpcHandler:
    """Server reflection under one of its two names, in the pool of the streams.

    The messages of v1 and v1alpha are the same on the wire; grpcio's package knows v1alpha alone.
    """
    answer = reflection.ReflectionServicer(names).ServerReflectionInfo

    def behaviour(
        requests: Iterator[reflection_pb2.ServerReflectionRequest], context: Context
    ) -> Iterator[reflection_pb2.ServerReflectionResponse]:
        yield from answer(requests, context)

    behaviour.experimental_thread_pool = pool  # type: ignore[attr-defined]
    method = grpc.stream_stream_rpc_method_handler(
        behaviour,
        request_deserializer=reflection_pb2.ServerReflectionRequest.FromString,
        response_serializer=reflection_pb2.ServerReflectionResponse.SerializeToString,
    )
    return grpc.method_handlers_generic_handler(name, {"ServerReflectionInfo": method})


class Front:
    """One grpc.server with its services."""

    def __init__(
        self,
        *,
        memory: MemoryHandlers,
        streams: StreamHandlers,
        inspect: InspectHandlers,
        lab: LabHandlers | NoLab,
        threads: int,
        lab_threads: int,
        streams_max: int,
        message_bytes_max: int,
        bench: bool,
        token: str = "",
    ) -> None:
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="call")
        # Apart from the calls that it holds, so that ReleasePoint always gets through.
        self._lab_pool = ThreadPoolExecutor(lab_threads, thread_name_prefix="lab")
        # A few more threads than streams are allowed: those that are too many need one to be told.
        self._streams_pool = ThreadPoolExecutor(streams_max + 16, thread_name_prefix="stream")
        options = [
            ("grpc.so_reuseport", 1),
            ("grpc.max_receive_message_length", message_bytes_max),
            ("grpc.max_send_message_length", 2 * message_bytes_max),
        ]
        interceptors: list[grpc.ServerInterceptor] = [TokenInterceptor(token)] if token else []
        self.server = grpc.server(self._pool, options=options, interceptors=interceptors)
        bench_handlers = BenchHandlers()
        services: list[tuple[ServiceDescriptor, object, object]] = [
            (MEMORY, memory, streams),
            (USERFAULTFD, memory.userfaultfd, None),
            (INSPECT, inspect, None),
            (LAB, lab, None),
        ]
        if bench:
            services.append((BENCH, bench_handlers, bench_handlers))
        for descriptor, handlers, stream_handlers in services:
            handler = service(
                *(descriptor, handlers, stream_handlers, self._streams_pool),
                unary_pool=self._lab_pool if descriptor is LAB else None,
            )
            self.server.add_generic_rpc_handlers((handler,))
        self._names = [descriptor.full_name for descriptor, _, _ in services]
        self._add_standard_services()

    def _add_standard_services(self) -> None:
        self._health = health.HealthServicer(
            experimental_non_blocking=True, experimental_thread_pool=self._streams_pool
        )
        health_pb2_grpc.add_HealthServicer_to_server(self._health, self.server)
        for name in ["", *self._names]:
            self._health.set(name, health_pb2.HealthCheckResponse.SERVING)
        names = [*self._names, health.SERVICE_NAME, *REFLECTION_NAMES]
        for name in REFLECTION_NAMES:
            handler = reflection_service(name, names, self._streams_pool)
            self.server.add_generic_rpc_handlers((handler,))

    def bind(self, address: str, *, cert: bytes = b"", key: bytes = b"") -> None:
        """Listen on an address. Raises RuntimeError (grpcio's) when that fails."""
        if cert:
            credentials = grpc.ssl_server_credentials([(key, cert)])
            self.server.add_secure_port(address, credentials)
        else:
            self.server.add_insecure_port(address)

    def start(self) -> None:
        self.server.start()

    def leave(self) -> None:
        """Report to the watchers of the health that this worker stops."""
        self._health.enter_graceful_shutdown()

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

    def _finish_calls(self) -> None:
        self._pool.shutdown()
        self._lab_pool.shutdown()
