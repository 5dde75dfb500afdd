# SPDX-License-Identifier: Apache-2.0
"""The messages of Apply and of a Batch stream as vmalab_client.wire writes and reads them.

Goal: nobody can tell them from protobuf's. Method: random messages through both, each way; what is
written in another legal form (fields the other way round, twice, unknown) is read all the same, and
any bytes are either read as protobuf reads them or refused as protobuf refuses them. A failure is a
message that the two understand differently.
"""

import pytest
from google.protobuf.message import DecodeError
from hypothesis import example, given
from hypothesis import strategies as st

from vmalab.v1 import memory_pb2 as pb
from vmalab_client import wire
from vmalab_client.call_parts import CallParts

DATA = st.one_of(st.binary(max_size=40), st.integers(100, 20_000).map(bytes))
TAGS = st.one_of(st.sampled_from([0, 1, 127, 128, 2**63, 2**64 - 1]), st.integers(0, 2**64 - 1))


@given(DATA, TAGS, st.booleans(), st.booleans())
def test_written_as_protobuf_writes_it(
    data: bytes, tag: int, failed_only: bool, timed: bool
) -> None:
    message = pb.BatchRequest(block=data, tag=tag, failed_only=failed_only, timed=timed)
    wanted = message.SerializeToString()
    assert wire.written_request(wire.Request(data, tag, failed_only, timed)) == wanted
    answer = wire.Response(memoryview(data), tag, len(data) // 16)
    wanted = pb.BatchResponse(results=data, tag=tag).SerializeToString()
    assert wire.written_response(answer) == wanted
    wanted = pb.ApplyResponse(results=data).SerializeToString()
    assert wire.written_response(wire.Response(memoryview(data), 0, len(data) // 16)) == wanted


@given(DATA, TAGS, st.booleans(), st.booleans())
def test_read_as_protobuf_reads_it(data: bytes, tag: int, failed_only: bool, timed: bool) -> None:
    message = pb.BatchRequest(block=data, tag=tag, failed_only=failed_only, timed=timed)
    wanted_request = wire.Request(data, tag, failed_only, timed)
    assert wire.request(message.SerializeToString()) == wanted_request
    call = pb.ApplyRequest(block=data)
    assert wire.apply_request(call.SerializeToString()) == wire.Request(data, 0)
    answer = pb.BatchResponse(results=data, tag=tag)
    wanted = wire.Response(data, tag, len(data) // 16)
    assert wire.response(answer.SerializeToString()) == wanted
    answer.times.core_ns = tag
    times = CallParts(None, 0, 0, tag)
    assert wire.response(answer.SerializeToString()) == wanted._replace(times=times)


@given(st.lists(st.integers(0, 2**32 - 1), max_size=20), TAGS, st.integers(1, 2**40))
def test_failures_come_with_their_places(failed: list[int], tag: int, executed: int) -> None:
    answer = wire.Response(bytes(16 * len(failed)), tag, executed, tuple(failed))
    assert wire.response(wire.written_response(answer)) == answer


@given(st.binary(max_size=40))
@example(b"\x10\x07\x0a\x02ab")  # the tag first
@example(b"\x0a\x01a\x0a\x01b")  # the block twice: the last one counts
@example(b"\x0a\x01a\x10\x07\x10\x08")  # the tag twice
@example(b"\x0a\x01a\x1a\x01x")  # a field of a later version
@example(b"\x0a\x81\x00a")  # a length that takes more bytes than it needs
@example(b"\x0a\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01")  # a varint of 11 bytes
@example(b"\x0a\x05a")  # cut off
@example(b"\x10\xff\xff\xff\xff\xff\xff\xff\xff\xff\x7f")  # more than 64 bits
@example(b"\x0a\x00\x10\xff\xff\xff\xff\xff\xff\xff\xff\xff\x7f")
@example(b"\x0a\x00\x10\xff")
@example(b"\x0a\x01a\x18\x01")  # failed_only without a tag
@example(b"\x0a\x02\x18\x01")  # a block that ends as if failed_only followed
@example(b"\x0a\x01a\x10\x18\x01")  # a tag, and a byte too many
@example(b"\x0a\x01a\x18\x01\x10\x07")  # failed_only before the tag
@example(b"\x18\x01")
@example(b"\x0a\x01a\x20\x01")  # timed without a tag
@example(b"\x0a\x02\x20\x01")  # a block that ends as if timed followed
@example(b"\x0a\x01a\x20\x01\x18\x01")  # timed before failed_only
@example(b"\x0a\x03a\x18\x01\x20\x01")  # a block that ends as failed_only, and timed
@example(b"\x20\x01")
def test_any_bytes_are_read_or_refused_as_by_protobuf(raw: bytes) -> None:
    for read, refer in (
        (wire.request, _by_protobuf),
        (wire.apply_request, _apply_by_protobuf),
        (wire.response, _answer_by_protobuf),
    ):
        try:
            wanted = refer(raw)
        except DecodeError:
            with pytest.raises(DecodeError):
                read(raw)
        else:
            assert read(raw) == wanted


def _by_protobuf(raw: bytes) -> tuple[object, ...]:
    message = pb.BatchRequest.FromString(raw)
    return (message.block, message.tag, message.failed_only, message.timed)


def _apply_by_protobuf(raw: bytes) -> tuple[object, ...]:
    return (pb.ApplyRequest.FromString(raw).block, 0, False, False)


def _answer_by_protobuf(raw: bytes) -> tuple[object, ...]:
    message = pb.BatchResponse.FromString(raw)
    one, times = message.times, None
    if message.HasField("times"):
        times = CallParts(None, one.turn_ns, one.handler_ns, one.core_ns)
    if message.executed:
        return (message.results, message.tag, message.executed, tuple(message.failed), times)
    return (message.results, message.tag, len(message.results) // 16, None, times)
