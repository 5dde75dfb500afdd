# SPDX-License-Identifier: Apache-2.0
"""Goal: a worker says where the time of a call went, to who asks and to nobody else.

Method: calls and blocks with and without the question, on each front. The oracles are a wait of
known length: for a lock, which is in the core, and for the only thread of the pool, which is the
queue; and the client's own clock, which no sum of parts may pass.
Failure: the trailing metadata, the field `times` of an answer.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeAlias, cast

import grpc
import pytest
from google.protobuf.message import Message

from operations import ANON, FIXED, RW
from patience import HANG_S
from servers import Serve
from slow_holder import AREA, stuck_reader
from vmalab import pack
from vmalab.v1 import bench_pb2
from vmalab.v1 import memory_pb2 as pb
from vmalab.v1.bench_pb2_grpc import BenchServiceStub
from vmalab.v1.memory_pb2_grpc import MemoryServiceStub
from vmalab_client import wire
from vmalab_client.call_parts import ASKED, KEY, CallParts, parts_in, text_of
from vmalab_native.core import Segment

if TYPE_CHECKING:
    One: TypeAlias = grpc.UnaryUnaryMultiCallable[Message, Message]

PAGE = 4096
WAIT_NS = 30_000_000
LONG_POOL, LONG_CQ = (pytest.param(one, marks=pytest.mark.long) for one in ("pool", "cq"))


@contextmanager
def served(*options: str) -> Iterator[tuple[Serve, MemoryServiceStub, grpc.Channel]]:
    with (
        Serve("--workers", "1", "--bench", *options) as server,
        grpc.insecure_channel(server.target) as channel,
    ):
        yield server, MemoryServiceStub(channel), channel


def asked(method: object, request: Message) -> tuple[CallParts, object]:
    """The parts of a call, which are less than it took; its answer."""
    begin = time.monotonic_ns()
    one = cast("One", method)
    answer, call = one.with_call(request, timeout=HANG_S, metadata=ASKED)
    took = time.monotonic_ns() - begin
    parts = parts_in(call.trailing_metadata())
    assert parts is not None
    assert parts.queue_ns is not None
    assert parts.handler_ns > 0
    assert parts.known_ns <= took
    return parts, answer


@pytest.mark.parametrize("front", ["bounded", LONG_POOL, LONG_CQ])
def test_who_asks_hears_it(front: str) -> None:
    with served("--front", front) as (_, stub, channel):
        mm = stub.CreateAddressSpace(pb.CreateAddressSpaceRequest()).mm
        stub.Mmap(pb.MmapRequest(mm=mm, addr=AREA, length=8 * PAGE, prot=RW, flags=ANON | FIXED))
        fault = pb.FaultRequest(mm=mm, addr=AREA, access=pb.ACCESS_WRITE, word=7)
        mincore = pb.MincoreRequest(mm=mm, addr=AREA, length=PAGE)
        munmap = pb.MunmapRequest(mm=mm, addr=AREA + 4 * PAGE, length=PAGE)
        block = pack.fault(mm, AREA, None, 0)
        calls: list[tuple[object, Message, bool]] = [
            (stub.Fault, fault, False),  # a miss goes to the pool, a hit is answered at once
            (stub.Fault, fault, True),
            (stub.Mincore, mincore, True),
            (stub.Munmap, munmap, True),
            (stub.Apply, pb.ApplyRequest(block=block), True),
        ]
        for method, request, again in calls:
            parts, answer = asked(method, request)
            assert parts.core_ns > 0, type(request).__name__
            plain, call = cast("One", method).with_call(request, timeout=HANG_S)
            assert not any(key == KEY for key, _ in call.trailing_metadata())
            assert answer == plain or not again
        echo = bench_pb2.EchoRequest(third=3)
        parts, _ = asked(BenchServiceStub(channel).Echo, echo)
        assert parts.core_ns == 0
        with pytest.raises(grpc.RpcError) as failed:
            stub.Munmap(pb.MunmapRequest(mm=mm + 1), timeout=HANG_S, metadata=ASKED)
        assert failed.value.code() is grpc.StatusCode.NOT_FOUND
        blocks(channel, block)


def blocks(channel: grpc.Channel, block: bytes) -> None:
    """A block that asks has times behind the same bytes that one has that does not."""
    requests = [pb.BatchRequest(block=block, tag=5, timed=timed) for timed in (False, True, False)]
    begin = time.monotonic_ns()
    batch: grpc.StreamStreamMultiCallable[bytes, bytes] = channel.stream_stream(wire.BATCH)
    answers = [*batch(iter([one.SerializeToString() for one in requests]))]
    took = time.monotonic_ns() - begin
    first, second, third = answers
    assert first == third
    assert second.startswith(first)
    assert not pb.BatchResponse.FromString(first).HasField("times")
    found = wire.response(second)
    assert found._replace(times=None) == wire.response(first)
    assert found.times is not None
    assert found.times.queue_ns is None
    assert found.times.core_ns > 0
    assert 0 < found.times.known_ns < took


@pytest.mark.long
def test_a_wait_is_where_it_was() -> None:
    """For a lock: in the core. For the thread of that call: in the queue."""
    with (
        served("--threads", "1") as (server, stub, channel),
        Segment.attach(server.instance) as segment,
        segment.participant("client") as me,
    ):
        mm = stub.CreateAddressSpace(pb.CreateAddressSpaceRequest()).mm
        with stuck_reader(segment, me, waiters=0) as held:
            stuck: list[CallParts] = []
            munmap = pb.MunmapRequest(mm=held.mm, addr=AREA, length=PAGE)
            held.begin_call(lambda: stuck.append(asked(stub.Munmap, munmap)[0]))
            begin = time.monotonic_ns()
            other = pb.MincoreRequest(mm=mm, addr=AREA, length=PAGE)
            queued = stub.Mincore.future(other, timeout=HANG_S, metadata=ASKED)
            BenchServiceStub(channel).Echo(bench_pb2.EchoRequest(third=3))  # so it has arrived
            arrived = time.monotonic_ns()
            while (now := time.monotonic_ns()) < arrived + WAIT_NS:
                time.sleep(WAIT_NS / 1e9)
            held.end()
        assert stuck[0].core_ns >= now - begin
        parts = parts_in(queued.trailing_metadata())
        assert parts is not None
        assert parts.queue_ns is not None
        assert parts.queue_ns >= now - arrived


def test_what_is_said() -> None:
    for parts in (CallParts(5, 0, 6, 7), CallParts(None, 0, 6, 7)):
        assert parts_in([("x", "y"), (KEY, text_of(parts))]) == parts
    for said in ("", "1", "handler=1", "queue=-1 handler=1 core=1", f"handler=1 core={10**19}"):
        assert parts_in([(KEY, said)]) is None
    assert parts_in(None) is None
