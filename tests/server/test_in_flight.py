# SPDX-License-Identifier: Apache-2.0
"""The blocks of a client's streams that a worker has read are bounded in bytes.

Goal: a client that sends more than its bytes is refused by name, and others are not. Method: a
stream whose block is in the core for long holds the bytes; a second stream of the same connection
is refused, one of another connection is served. Failure: the status and its metadata.
"""

import threading
from collections.abc import Iterator

import grpc

from operations import ANON, FIXED, POPULATE
from patience import HANG_S
from servers import wait_for
from vmalab import pack
from vmalab.v1 import memory_pb2 as pb
from vmalab.v1.memory_pb2_grpc import MemoryServiceStub
from vmalab_client import Client, transport
from vmalab_native.core import Segment
from vmalab_server.embedded import EmbeddedServer
from vmalab_server.limits import Limits

AREA = 0x2000_0000_0000
BYTES = 64 << 20
MOST = 4096


def in_core(instance: str) -> bool:
    with Segment.attach(instance) as segment:
        return any(one.in_core for one in segment.participants())


def answered(channel: grpc.Channel, block: bytes) -> dict[str, str]:
    """{}, or what the refusal of a stream with one block says."""
    answers = MemoryServiceStub(channel).Batch(iter([pb.BatchRequest(block=block)]), timeout=HANG_S)
    try:
        for _ in answers:
            pass
    except grpc.RpcError as error:
        return transport.error_of(error).metadata
    return {}


def test_bytes_in_flight_are_bounded() -> None:
    limits = Limits(batch_bytes_per_client_max=MOST)
    with (
        EmbeddedServer(workers=1, threads=4, limits=limits) as server,
        Client(server.target) as client,
        grpc.insecure_channel(server.target) as channel,
    ):
        mm = client.address_space().mm
        there = pack.mmap(mm, AREA, BYTES, 1, ANON | FIXED | POPULATE, 0, 0, 0)
        long = pb.BatchRequest(block=(there + pack.munmap(mm, AREA, BYTES)) * 20000)
        stub = MemoryServiceStub(channel)
        under_way = stub.Batch(iter([long]), timeout=HANG_S)
        ended = threading.Thread(target=lambda: list(quiet(under_way)))
        ended.start()
        wait_for("the block is in the core", lambda: in_core(server.instance))
        refused = answered(channel, pack.nop() * 100)
        with grpc.insecure_channel(server.target, [("grpc.use_local_subchannel_pool", 1)]) as own:
            other = answered(own, pack.nop() * 100)
        under_way.cancel()
        ended.join()
        wait_for("the bytes are back", lambda: answered(channel, pack.nop() * 100) == {})
    assert refused["limit"] == "batch_bytes_per_client_max"
    assert refused["max"] == str(MOST)
    assert other == {}, "another connection has bytes of its own"


def quiet(answers: Iterator[object]) -> Iterator[object]:
    try:
        yield from answers
    except grpc.RpcError:
        return
