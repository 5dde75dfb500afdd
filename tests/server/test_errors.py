# SPDX-License-Identifier: Apache-2.0
"""What the service cannot serve: status, reason, domain and metadata of each refusal.

Goal: a client in any language finds the same google.rpc.ErrorInfo. The status is read with
grpcio-status from the raw call, not through this project's client.
"""

from collections.abc import Callable, Iterator
from typing import Any, cast

import grpc
import pytest
from google.protobuf.message import Message
from google.rpc import error_details_pb2
from grpc_status import rpc_status

from vmalab.v1 import memory_pb2 as pb
from vmalab_client import Access, BlockBuilder, Client, InvalidRequest, LimitReached
from vmalab_server.embedded import EmbeddedServer
from vmalab_server.limits import Limits

NOP = bytes([0, 2, *bytes(14)])


@pytest.fixture(scope="module")
def server() -> Iterator[EmbeddedServer]:
    limits = Limits(
        block_bytes_max=1 << 10,
        maps_bytes_max=1 << 10,
        mincore_pages_max=64,
        keepalive_mms_max=4,
        ttl_ms_max=60_000,
        streams_per_worker_max=3,
        message_bytes_max=8 << 10,
    )
    sizes: dict[str, Any] = {
        "mms_max": 4,
        "files_max": 4,
        "participants_max": 20,
        "frames_max": 8 * 20,
    }
    with EmbeddedServer(workers=1, limits=limits, **sizes, log_level="error") as running:
        yield running


@pytest.fixture
def client(server: EmbeddedServer) -> Iterator[Client]:
    with Client(server.target) as connected:
        yield connected


def refusal(call: Callable[[], object]) -> tuple[str, error_details_pb2.ErrorInfo]:
    """(name of the status code, ErrorInfo) of a call that must fail."""
    with pytest.raises(grpc.RpcError) as caught:
        call()
    error = cast(grpc.Call, caught.value)
    status = rpc_status.from_call(error)
    assert status is not None, caught.value
    info = error_details_pb2.ErrorInfo()
    assert status.details[0].Unpack(info)
    assert info.domain == "vmalab"
    assert status.message
    return error.code().name, info


@pytest.mark.parametrize(
    ("method", "request_", "code", "reason", "metadata"),
    [
        ("Fault", pb.FaultRequest(mm=9, addr=0), "NOT_FOUND", "NO_SUCH_MM", {"mm": "9"}),
        ("Mmap", pb.MmapRequest(mm=9, length=1), "NOT_FOUND", "NO_SUCH_MM", {"mm": "9"}),
        ("Mincore", pb.MincoreRequest(mm=9, length=1), "NOT_FOUND", "NO_SUCH_MM", {"mm": "9"}),
        ("Exit", pb.ExitRequest(mm=9), "NOT_FOUND", "NO_SUCH_MM", {"mm": "9"}),
        ("ForkAddressSpace", pb.ForkAddressSpaceRequest(mm=9), "NOT_FOUND", "NO_SUCH_MM", {}),
        (
            "Fault",
            pb.FaultRequest(mm=9, access=7),  # type: ignore[arg-type]
            "INVALID_ARGUMENT",
            "BAD_ARGUMENT",
            {"field": "access"},
        ),
        (
            "Fault",
            pb.FaultRequest(mm=9, access=pb.ACCESS_READ, word=1),
            "INVALID_ARGUMENT",
            "BAD_ARGUMENT",
            {"field": "word"},
        ),
        ("Apply", pb.ApplyRequest(), "INVALID_ARGUMENT", "BAD_BLOCK", {"bytes": "0"}),
        ("Apply", pb.ApplyRequest(block=b"12345"), "INVALID_ARGUMENT", "BAD_BLOCK", {}),
        (
            "Apply",
            pb.ApplyRequest(block=NOP * 65),
            "INVALID_ARGUMENT",
            "BLOCK_TOO_BIG",
            {"limit": "block_bytes_max", "max": "1024", "got": "1040"},
        ),
        (
            "Mincore",
            pb.MincoreRequest(mm=9, length=65 * 4096),
            "INVALID_ARGUMENT",
            "MINCORE_TOO_LONG",
            {"limit": "mincore_pages_max", "max": "64", "got": "65"},
        ),
        (
            "CreateAddressSpace",
            pb.CreateAddressSpaceRequest(ttl_ms=60_001),
            "INVALID_ARGUMENT",
            "TTL_TOO_LONG",
            {"limit": "ttl_ms_max", "max": "60000"},
        ),
        (
            "CreateAddressSpace",
            pb.CreateAddressSpaceRequest(maps="x" * 1025),
            "INVALID_ARGUMENT",
            "MAPS_TOO_BIG",
            {"limit": "maps_bytes_max"},
        ),
        (
            "CreateAddressSpace",
            pb.CreateAddressSpaceRequest(maps="x"),
            "INVALID_ARGUMENT",
            "BAD_MAPS",
            {},
        ),
        (
            "KeepAlive",
            pb.KeepAliveRequest(mms=range(5)),
            "INVALID_ARGUMENT",
            "TOO_MANY_MMS",
            {"limit": "keepalive_mms_max", "max": "4", "got": "5"},
        ),
    ],
)
def test_a_refusal_has_its_reason(
    client: Client, method: str, request_: Message, code: str, reason: str, metadata: dict[str, str]
) -> None:
    got, info = refusal(lambda: getattr(client.memory, method)(request_))
    assert (got, info.reason) == (code, reason)
    assert metadata.items() <= dict(info.metadata).items()


def test_the_limit_of_address_spaces_has_a_name(client: Client) -> None:
    made = [client.address_space() for _ in range(4)]
    try:
        code, info = refusal(
            lambda: client.memory.CreateAddressSpace(pb.CreateAddressSpaceRequest())
        )
        assert (code, info.reason) == ("RESOURCE_EXHAUSTED", "LIMIT_EXCEEDED")
        assert (info.metadata["limit"], info.metadata["max"]) == ("mms_max", "4")
        with pytest.raises(LimitReached, match="mms_max = 4"):
            client.address_space()
    finally:
        for mm in made:
            mm.exit()
    client.address_space().exit()


def test_the_limit_of_frames_has_a_name(client: Client) -> None:
    with client.address_space() as mm:
        addr = mm.mmap(200 * 4096)
        block = BlockBuilder()
        for page in range(32):
            block.fault(mm.mm, addr + 4096 * page, access=Access.WRITE, word=1)
        client.apply(block)

        def touch_the_rest() -> None:
            for page in range(32, 200):
                mm.write(addr + 4096 * page, 1)

        with pytest.raises(LimitReached) as caught:
            touch_the_rest()
        assert caught.value.metadata["limit"] == "frames_max"
    assert client.inspect.fsck(stop=True) == []


def test_too_many_streams_are_refused_and_unary_calls_go_on(client: Client) -> None:
    batches = [client.batch() for _ in range(3)]
    try:
        for batch in batches:
            batch.send(NOP)
            batch.receive()
        with client.batch() as too_many:
            too_many.send(NOP)
            with pytest.raises(LimitReached) as caught:
                too_many.receive()
        assert caught.value.reason == "STREAMS_LIMIT"
        metadata = caught.value.metadata
        assert (metadata["limit"], metadata["max"]) == ("streams_per_worker_max", "3")
        assert metadata["client"] == "ipv4:127.0.0.1"
        for _ in range(50):
            assert client.keep_alive([]) == []
    finally:
        for batch in batches:
            batch.close()


def test_a_bad_block_ends_its_stream_with_a_reason(client: Client) -> None:
    with client.batch() as batch:
        batch.send(NOP)
        assert batch.receive() == bytes(16)
        batch.send(b"12345")
        with pytest.raises(Exception, match="multiple of 8") as caught:
            batch.receive()
        assert caught.value.reason == "BAD_BLOCK"  # type: ignore[attr-defined]


def test_a_message_over_the_limit_is_refused(client: Client) -> None:
    block = BlockBuilder()
    for _ in range(2000):
        block.nop()
    with pytest.raises(InvalidRequest) as refused:
        client.apply(block)
    assert refused.value.reason == "BLOCK_TOO_BIG"


def test_bench_service_is_there_only_when_asked_for(client: Client) -> None:
    from vmalab.v1 import bench_pb2
    from vmalab.v1.bench_pb2_grpc import BenchServiceStub

    with grpc.insecure_channel(client.target.removeprefix("ipv4:")) as channel:
        with pytest.raises(grpc.RpcError) as caught:
            BenchServiceStub(channel).Echo(bench_pb2.EchoRequest())
        assert caught.value.code() is grpc.StatusCode.UNIMPLEMENTED
    with (
        EmbeddedServer(workers=1, bench=True) as server,
        grpc.insecure_channel(server.target) as channel,
    ):
        stub = BenchServiceStub(channel)
        answer = stub.Echo(bench_pb2.EchoRequest(first=1, second=2, third=3))
        assert (answer.first, answer.second, answer.third) == (1, 2, 3)
        request = bench_pb2.EchoBlocksRequest(block=bytes(48), tag=5)
        (echoed,) = list(stub.EchoBlocks(iter([request])))
        assert (len(echoed.results), echoed.tag) == (32, 5)
