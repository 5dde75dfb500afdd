# SPDX-License-Identifier: Apache-2.0
"""gRPC methods around handlers: how a request is read, how an answer or a failure is written.

To grpcio every method is a stream of raw requests. So a call that is refused is answered before its
message is read, and a message that cannot be decoded is answered in our terms.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Generic, NoReturn, TypeVar, cast

import grpc
from google.protobuf import any_pb2
from google.protobuf.descriptor import MethodDescriptor, ServiceDescriptor
from google.protobuf.message import DecodeError, Message
from google.protobuf.message_factory import GetMessageClass
from google.rpc import error_details_pb2, status_pb2
from grpc_status import rpc_status

from vmalab_client import wire
from vmalab_native.errors import NativeError
from vmalab_server import call_parts, failures
from vmalab_server.admission import CallPool
from vmalab_server.bounded import Bounded
from vmalab_server.caller import here
from vmalab_server.endings import Endings
from vmalab_server.request import HEADER, Request
from vmalab_server.under_way import under_way
from vmalab_server.upkeep import Upkeep

Context = grpc.ServicerContext
if TYPE_CHECKING:  # grpcio's class has no parameters when the program runs
    Handler = grpc.RpcMethodHandler[bytes, bytes]

_Request = TypeVar("_Request")
_Response = TypeVar("_Response")
Quick = Callable[[Message | wire.Request], Message | None]
"""A bounded answer."""
Streaming = Callable[[Iterator[_Request], Callable[[], object]], Iterator[_Response]]


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


class _Named(grpc.Status):
    """A status that names the request that it answers."""

    def __init__(self, status: grpc.Status, request: Request | None) -> None:
        named = () if request is None else ((HEADER, request.id),)
        self.code = status.code
        self.details = status.details
        self.trailing_metadata = (*(status.trailing_metadata or ()), *named)


def _failure(error: failures.ServiceFailure | NativeError) -> failures.ServiceFailure:
    return failures.of_native(error) if isinstance(error, NativeError) else error


def _abort(context: Context, failure: failures.ServiceFailure) -> NoReturn:
    """The answer is a failure; it carries the id of the request."""
    context.abort_with_status(_Named(status_of(failure), here.request))
    raise failure


@dataclass(frozen=True, slots=True)
class Codec(Generic[_Request, _Response]):
    """How the requests of a method are read and its responses written."""

    name: str
    read: Callable[[bytes], _Request]
    write: Callable[[_Response], bytes]

    def decoded(self, raw: bytes) -> _Request:
        """Raises InvalidRequest."""
        try:
            return self.read(raw)
        except DecodeError:
            raise failures.InvalidRequest(
                "BAD_REQUEST",
                f"the request of {self.name} cannot be decoded: its {len(raw)} bytes are no message"
                " of that method",
                method=self.name,
            ) from None

    def requests(self, raws: Iterator[bytes], upkeep: Upkeep) -> Iterator[_Request]:
        """The requests of a stream."""
        for raw in raws:
            upkeep.bytes_seen += len(raw)
            yield self.decoded(raw)


AnyCodec = Codec[Message | wire.Request, Message | wire.Response | bytes]

# Methods with messages of their own: a stream writes its responses itself, while it has its buffer.
_ON_THE_WIRE: Final = {
    wire.BATCH: Codec(wire.BATCH, wire.request, bytes),
    wire.APPLY: Codec(wire.APPLY, wire.apply_request, wire.written_response),
}


def codec_of(service: str, method: MethodDescriptor) -> AnyCodec:
    """The codec of a method, of its protobuf messages if there is no better one."""
    name = f"/{service}/{method.name}"
    if name in _ON_THE_WIRE:
        return cast(AnyCodec, _ON_THE_WIRE[name])
    response = GetMessageClass(method.output_type)
    read: Callable[[bytes], Message] = GetMessageClass(method.input_type).FromString
    write = cast("Callable[[object], bytes]", response.SerializeToString)
    return Codec(name, read, write)


def _answer_of(
    bounded: Callable[[_Request], _Response | None], codec: Codec[_Request, _Response]
) -> Callable[[bytes], bytes | None]:
    """A bounded answer as it is sent. Whatever is wrong, the pool says it."""
    read, write = codec.read, codec.write

    def answer(raw: bytes) -> bytes | None:
        try:
            response = bounded(read(raw))
        except (DecodeError, failures.ServiceFailure, NativeError):
            return None
        return None if response is None else write(response)

    return answer


class Methods:
    """Makes the methods of a worker.

    Args:
        upkeep: watches over requests that do not come.
        endings: records the calls that have ended.
        receive_s: how long a unary call may take to send its request.

    Attributes:
        bounded: methods that have a bounded answer, by their paths, with it.
    """

    def __init__(self, upkeep: Upkeep, endings: Endings, *, receive_s: float) -> None:
        self._upkeep = upkeep
        self._endings = endings
        self._receive_s = receive_s
        self.bounded: dict[bytes, tuple[object, Bounded]] = {}

    def unary(
        self,
        handler: Callable[[_Request], _Response],
        codec: Codec[_Request, _Response],
        pool: CallPool,
        bounded: Callable[[_Request], _Response | None] | None = None,
    ) -> Handler:
        """A unary method around a handler, run in a pool.

        Args:
            bounded: its bounded answer, if it has one (bounded.py).
        """
        upkeep = self._upkeep

        def behaviour(raws: Iterator[bytes], context: Context) -> bytes:
            code = "UNKNOWN"
            with under_way(context) as call:
                try:
                    if here.refusal is not None:
                        raise here.refusal
                    if call.gone:  # while it stood in line: nobody waits for what it would do
                        code = "CANCELLED"
                        return b""
                    raw = self._received(raws, context, codec.name)
                    upkeep.bytes_seen += len(raw)
                    pool.has_read(len(raw))
                    timing = here.timing = call_parts.asked(here.request)
                    answer = codec.write(handler(codec.decoded(raw)))
                    if timing is not None:
                        context.set_trailing_metadata(timing.metadata())
                    code = "OK"
                    return answer
                except (failures.ServiceFailure, NativeError) as error:
                    if call.gone:
                        code = "CANCELLED"
                        return b""
                    failure = _failure(error)
                    code = failure.code
                    _abort(context, failure)
                except grpc.RpcError:  # it was cancelled before its message had come
                    code = "CANCELLED"
                    return b""
                finally:
                    here.timing = None
                    self._endings.of_call(codec.name, code)

        # grpcio's way to run a method in a pool of its own (grpc_health uses it too).
        behaviour.experimental_thread_pool = pool  # type: ignore[attr-defined]
        if bounded is not None:
            quick = Bounded(codec.name, _answer_of(bounded, codec))
            behaviour.bounded = quick  # type: ignore[attr-defined]
            self.bounded[codec.name.encode()] = (behaviour, quick)
        return grpc.stream_unary_rpc_method_handler(behaviour)

    def _received(self, raws: Iterator[bytes], context: Context, method: str) -> bytes:
        """The message of a unary call; one whose message does not come is cancelled."""
        awaited = self._upkeep.awaited
        key = id(context)
        awaited[key] = (time.monotonic() + self._receive_s, context.cancel)
        try:
            raw = next(raws, None)
        finally:
            awaited.pop(key, None)
        if raw is None:
            raise failures.InvalidRequest(
                "BAD_REQUEST", f"the call of {method} has no request message", method=method
            )
        return raw

    def stream(
        self,
        handler: Streaming[_Request, _Response],
        codec: Codec[_Request, _Response],
        pool: ThreadPoolExecutor,
    ) -> Handler:
        """A bidirectional method around a handler, run in the pool of the streams."""

        def behaviour(raws: Iterator[bytes], context: Context) -> Iterator[bytes]:
            code = "CANCELLED"  # unless it comes to another end
            with under_way(context):
                try:
                    if here.refusal is not None:
                        raise here.refusal
                    for answer in handler(codec.requests(raws, self._upkeep), context.cancel):
                        yield codec.write(answer)
                    code = "OK"
                except (failures.ServiceFailure, NativeError) as error:
                    failure = _failure(error)
                    code = failure.code
                    _abort(context, failure)
                finally:
                    self._endings.of_call(codec.name, code, unary=False)

        behaviour.experimental_thread_pool = pool  # type: ignore[attr-defined]
        return grpc.stream_stream_rpc_method_handler(behaviour)

    def with_context(
        self,
        servicer: Callable[[Iterator[_Request], Context], Iterator[_Response]],
        codec: Codec[_Request, _Response],
        pool: ThreadPoolExecutor,
    ) -> Handler:
        """A stream of a ready-made servicer, which wants grpcio's context."""

        def behaviour(raws: Iterator[bytes], context: Context) -> Iterator[bytes]:
            try:
                if here.refusal is not None:
                    raise here.refusal
                for answer in servicer(codec.requests(raws, self._upkeep), context):
                    yield codec.write(answer)
            except failures.ServiceFailure as error:
                _abort(context, error)

        behaviour.experimental_thread_pool = pool  # type: ignore[attr-defined]
        return grpc.stream_stream_rpc_method_handler(behaviour)

    def service(
        self,
        descriptor: ServiceDescriptor,
        handlers: object,
        streams: object,
        *,
        calls: CallPool,
        stream_pool: ThreadPoolExecutor,
        bounded: Mapping[str, Quick],
    ) -> grpc.GenericRpcHandler:
        """A service from its descriptor: each method has a handler of its name, some a bounded
        answer."""
        methods: dict[str, Handler] = {}
        for method in descriptor.methods:
            codec = codec_of(descriptor.full_name, method)
            name = snake_case(method.name)
            if method.client_streaming:
                methods[method.name] = self.stream(getattr(streams, name), codec, stream_pool)
            else:
                quick = bounded.get(method.full_name)
                methods[method.name] = self.unary(getattr(handlers, name), codec, calls, quick)
        return grpc.method_handlers_generic_handler(descriptor.full_name, methods)


def snake_case(name: str) -> str:
    """CreateAddressSpace -> create_address_space: a method's handler."""
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()
