# SPDX-License-Identifier: Apache-2.0
"""The messages of Apply and of a Batch stream on the wire, without the copies that protobuf makes.

Half a megabyte of results is copied three times on its way out of a generated class and twice on
its way into another one; that takes as long as a third of the faults that gave them. What does not
look exactly as protobuf libraries write it (fields out of order, unknown ones) and what is short
anyway is left to the generated classes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final, NamedTuple, overload

from vmalab.v1 import memory_pb2
from vmalab_client.call_parts import CallParts

if TYPE_CHECKING:
    import grpc

APPLY: Final = "/vmalab.v1.MemoryService/Apply"
BATCH: Final = "/vmalab.v1.MemoryService/Batch"
RESULT_BYTES: Final = 16

_BYTES_1: Final = 0x0A  # field 1, length-delimited
_VARINT_2: Final = 0x10  # field 2, varint
_TRUE_3: Final = b"\x18\x01"  # field 3, true
_TRUE_4: Final = b"\x20\x01"  # field 4, true
_VARINT_BYTES_MAX: Final = 10


class Request(NamedTuple):
    """A BatchRequest; without a tag an ApplyRequest."""

    block: bytes
    tag: int
    failed_only: bool = False
    timed: bool = False


class Response(NamedTuple):
    """A BatchResponse: the results of `executed` records, or of those at the places `failed`.

    With all results, and without a tag, it is an ApplyResponse too. `times` is of a timed request,
    and is read, not written: the worker writes it last (vmalab_server.call_parts).
    """

    results: bytes | memoryview
    tag: int
    executed: int
    failed: Sequence[int] | None = None
    times: CallParts | None = None


def written_request(message: Request) -> bytes:
    """The message as protobuf would write it; its tag is 0 to 2**64 - 1."""
    end = _TRUE_3 * message.failed_only + _TRUE_4 * message.timed
    return _written(message.block, message.tag, end)


def written_response(message: Response) -> bytes:
    """The message as protobuf would write it; its tag is 0 to 2**64 - 1."""
    if message.failed is None:
        return _written(message.results, message.tag, b"")
    return memory_pb2.BatchResponse(
        results=bytes(message.results),
        tag=message.tag,
        executed=message.executed,
        failed=message.failed,
    ).SerializeToString()


def request(raw: bytes) -> Request:
    """A BatchRequest; google.protobuf.message.DecodeError if it is none."""
    timed = raw.endswith(_TRUE_4)
    stop = len(raw) - len(_TRUE_4) * timed
    failed_only = raw.endswith(_TRUE_3, 0, stop)
    found = _read(raw, stop - len(_TRUE_3) * failed_only)
    if found is None and (
        failed_only or timed
    ):  # the last bytes may belong to the block or the tag
        found, failed_only, timed = _read(raw, len(raw)), False, False
    if found is None:
        message = memory_pb2.BatchRequest.FromString(raw)
        return Request(message.block, message.tag, message.failed_only, message.timed)
    return Request(*found, failed_only, timed)


def apply_request(raw: bytes) -> Request:
    """An ApplyRequest; google.protobuf.message.DecodeError if it is none."""
    found = _read(raw, len(raw))
    if found is not None and not found[1]:
        return Request(*found)
    return Request(memory_pb2.ApplyRequest.FromString(raw).block, 0)


def response(raw: bytes) -> Response:
    """A BatchResponse; google.protobuf.message.DecodeError if it is none."""
    found = _read(raw, len(raw))
    if found is not None:
        return Response(*found, len(found[0]) // RESULT_BYTES)
    message = memory_pb2.BatchResponse.FromString(raw)
    times = None
    if message.HasField("times"):
        one = message.times
        times = CallParts(None, one.turn_ns, one.handler_ns, one.core_ns)
    if message.executed:
        failed = tuple(message.failed)
        return Response(message.results, message.tag, message.executed, failed, times)
    executed = len(message.results) // RESULT_BYTES
    return Response(message.results, message.tag, executed, None, times)


@overload
def batch(channel: grpc.Channel) -> grpc.StreamStreamMultiCallable[Request, Response]: ...
@overload
def batch(channel: grpc.aio.Channel) -> grpc.aio.StreamStreamMultiCallable[Request, Response]: ...
def batch(
    channel: grpc.Channel | grpc.aio.Channel,
) -> (
    grpc.StreamStreamMultiCallable[Request, Response]
    | grpc.aio.StreamStreamMultiCallable[Request, Response]
):
    """What a stub's Batch is, for Request and Response; of a channel of either kind."""
    return channel.stream_stream(
        BATCH, request_serializer=written_request, response_deserializer=response
    )


def _written(data: bytes | memoryview, tag: int, end: bytes) -> bytes:
    parts: list[bytes | memoryview] = []
    if data:
        parts = [b"\x0a", _varint_bytes(len(data)), data]
    if tag:
        parts += [b"\x10", _varint_bytes(tag)]
    return b"".join((*parts, end))


def _read(raw: bytes, stop: int) -> tuple[bytes, int] | None:
    """Field 1, then field 2 if it is there, and nothing else before `stop`; else None."""
    if stop <= 0 or raw[0] != _BYTES_1:
        return None
    size, begin = _varint(raw, 1)
    end = begin + size
    if end == stop:
        return raw[begin:end], 0
    if end > stop or raw[end] != _VARINT_2:
        return None
    tag, at = _varint(raw, end + 1)
    return (raw[begin:end], tag) if at == stop else None


def _varint(raw: bytes, at: int) -> tuple[int, int]:
    """A varint and where it ends; (0, 0), where no message ends, if it is not a good one."""
    value = shift = 0
    for byte in raw[at : at + _VARINT_BYTES_MAX]:
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return (value, at) if value < 1 << 64 else (0, 0)
        shift += 7
    return 0, 0


def _varint_bytes(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)
