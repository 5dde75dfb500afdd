# SPDX-License-Identifier: Apache-2.0
"""The messages of a Batch stream on the wire, without the copies that protobuf makes.

Half a megabyte of results is copied three times on its way out of a generated class and twice on
its way into another one; that takes as long as a third of the faults that gave them. BatchRequest
and BatchResponse are the same on the wire, some bytes and a tag, so one pair of functions
writes and reads both. What does not look exactly as protobuf libraries write it (fields out of
order, unknown ones) is left to the generated class.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

from vmalab.v1 import memory_pb2

BATCH: Final = "/vmalab.v1.MemoryService/Batch"

_BYTES_1: Final = 0x0A  # field 1, length-delimited
_VARINT_2: Final = 0x10  # field 2, varint
_VARINT_BYTES_MAX: Final = 10


class Tagged(NamedTuple):
    """A BatchRequest (the data is the block) or a BatchResponse (the data are the results)."""

    data: bytes | memoryview
    tag: int


def written(message: Tagged) -> bytes:
    """The message as protobuf would write it; its tag is 0 to 2**64 - 1."""
    parts: list[bytes | memoryview] = []
    if message.data:
        parts = [b"\x0a", _varint_bytes(len(message.data)), message.data]
    if message.tag:
        parts += [b"\x10", _varint_bytes(message.tag)]
    return b"".join(parts)


def request(raw: bytes) -> Tagged:
    """A BatchRequest; google.protobuf.message.DecodeError if it is none."""
    found = _read(raw)
    if found is None:
        message = memory_pb2.BatchRequest.FromString(raw)
        found = Tagged(message.block, message.tag)
    return found


def response(raw: bytes) -> Tagged:
    """A BatchResponse; google.protobuf.message.DecodeError if it is none."""
    found = _read(raw)
    if found is None:
        message = memory_pb2.BatchResponse.FromString(raw)
        found = Tagged(message.results, message.tag)
    return found


def batch(channel: Any) -> Any:
    """What a stub's Batch is, for messages that are Tagged; of a channel of either kind."""
    return channel.stream_stream(BATCH, request_serializer=written, response_deserializer=response)


def _read(raw: bytes) -> Tagged | None:
    if not raw or raw[0] != _BYTES_1:
        return None
    size, begin = _varint(raw, 1)
    end = begin + size
    if end == len(raw):
        return Tagged(raw[begin:end], 0)
    if end > len(raw) or raw[end] != _VARINT_2:
        return None
    tag, stop = _varint(raw, end + 1)
    return Tagged(raw[begin:end], tag) if stop == len(raw) else None


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
