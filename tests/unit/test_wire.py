# SPDX-License-Identifier: Apache-2.0
"""The messages of a Batch stream as vmalab_client.wire writes and reads them.

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

DATA = st.one_of(st.binary(max_size=40), st.integers(100, 20_000).map(bytes))
TAGS = st.one_of(st.sampled_from([0, 1, 127, 128, 2**63, 2**64 - 1]), st.integers(0, 2**64 - 1))


@given(DATA, TAGS)
def test_written_as_protobuf_writes_it(data: bytes, tag: int) -> None:
    written = wire.written(wire.Tagged(memoryview(data), tag))
    assert written == pb.BatchRequest(block=data, tag=tag).SerializeToString()
    assert written == pb.BatchResponse(results=data, tag=tag).SerializeToString()


@given(DATA, TAGS)
def test_read_as_protobuf_reads_it(data: bytes, tag: int) -> None:
    assert wire.request(pb.BatchRequest(block=data, tag=tag).SerializeToString()) == (data, tag)
    assert wire.response(pb.BatchResponse(results=data, tag=tag).SerializeToString()) == (data, tag)


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
def test_any_bytes_are_read_or_refused_as_by_protobuf(raw: bytes) -> None:
    try:
        wanted = pb.BatchRequest.FromString(raw)
    except DecodeError:
        for read in (wire.request, wire.response):
            with pytest.raises(DecodeError):
                read(raw)
        return
    assert wire.request(raw) == (wanted.block, wanted.tag)
    assert wire.response(raw) == (wanted.block, wanted.tag)
