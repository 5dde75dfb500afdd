# SPDX-License-Identifier: Apache-2.0
"""Which leases a client has, and which of them it takes for confirmed.

Goal: the answer to the request that names a lease confirms it, and nothing else does; nothing is
confirmed between two streams; a lease that is refused is lost and the others are not; a file has a
lease until its last open is closed, an address space until its last handle ends. Method: a real
gRPC server whose Hold answers what the test says and when it says it, and both clients. A failure
shows what was confirmed, or the requests.
"""

from __future__ import annotations

import asyncio
import contextlib
import queue
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import grpc
import pytest
from google.protobuf import any_pb2
from google.rpc import error_details_pb2, status_pb2

from patience import HANG_S
from servers import wait_for
from vmalab.v1 import memory_pb2 as pb
from vmalab.v1.memory_pb2_grpc import MemoryServiceServicer, add_MemoryServiceServicer_to_server
from vmalab_client import AsyncClient, Client
from vmalab_client.errors import ClientClosed
from vmalab_client.leases import Leases

SHORT_S = 0.3
"""What must not come is not waited for any longer; a slow machine makes no difference."""
FORBIDDEN = 7


def refusal(mm: int) -> bytes:
    """What a server says of an address space of somebody else."""
    info = error_details_pb2.ErrorInfo(reason="NOT_OWNER", metadata={"mm": str(mm)})
    detail = any_pb2.Any()
    detail.Pack(info)
    raw: bytes = status_pb2.Status(code=7, details=[detail]).SerializeToString()
    return raw


class Scripted(MemoryServiceServicer):
    """Notes the requests of streams, and answers each with the next of `answers`."""

    def __init__(self) -> None:
        self.asked: queue.Queue[pb.HoldRequest] = queue.Queue()
        self.answers: queue.Queue[pb.HoldResponse] = queue.Queue()
        self.context: grpc.ServicerContext | None = None

    def Hold(  # noqa: N802
        self, requests: Iterator[pb.HoldRequest], context: grpc.ServicerContext
    ) -> Iterator[pb.HoldResponse]:
        self.context = context
        for request in requests:
            self.asked.put(request)
            if FORBIDDEN in request.add:
                details = (("grpc-status-details-bin", refusal(FORBIDDEN)),)
                context.set_trailing_metadata(details)
                context.abort(grpc.StatusCode.PERMISSION_DENIED, "no")
            yield self.answers.get(timeout=HANG_S)

    def OpenFile(  # noqa: N802
        self, request: pb.OpenFileRequest, context: grpc.ServicerContext
    ) -> pb.OpenFileResponse:
        return pb.OpenFileResponse(file=request.ino)

    def CloseFile(  # noqa: N802
        self, request: pb.CloseFileRequest, context: grpc.ServicerContext
    ) -> pb.CloseFileResponse:
        return pb.CloseFileResponse()

    def next(self) -> pb.HoldRequest:
        """The next request."""
        return self.asked.get(timeout=HANG_S)

    def answer(self, *, held: int = 0, missing_files: tuple[int, ...] = ()) -> None:
        self.answers.put(pb.HoldResponse(held_count=held, missing_files=missing_files))


Started = tuple[Scripted, grpc.Server, str]


@pytest.fixture
def started() -> Iterator[Started]:
    scripted = Scripted()  # type: ignore[abstract]  # its other calls are UNIMPLEMENTED
    server = grpc.server(ThreadPoolExecutor(4))
    add_MemoryServiceServicer_to_server(scripted, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    yield scripted, server, f"127.0.0.1:{port}"
    for _ in range(4):
        scripted.answer()  # a stream that waits for one ends
    server.stop(0).wait()


@pytest.fixture
def scripted(started: Started) -> Scripted:
    return started[0]


@pytest.fixture
def client(started: Started) -> Iterator[Client]:
    with Client(started[2], discover=False) as one:
        yield one


def test_the_answer_to_its_request_confirms_a_lease(client: Client, scripted: Scripted) -> None:
    client.use(1)
    assert list(scripted.next().add) == [1]
    client.use(2)
    client.release(1)
    client.use(3)
    scripted.answer(held=1)
    scripted.answer(held=2)  # as many as are wanted now, but others
    assert client.wait_held(2, timeout_s=HANG_S)
    assert not client.wait_held(3, timeout_s=SHORT_S)
    scripted.answer(held=1)
    scripted.answer(held=2)
    assert client.wait_held(3, timeout_s=HANG_S)


def test_nothing_is_confirmed_without_a_stream(client: Client, started: Started) -> None:
    scripted, server, _ = started
    client.use(1)
    scripted.next()
    scripted.answer(held=1)
    assert client.wait_held(1, timeout_s=HANG_S)
    server.stop(0).wait()
    wait_for("the end of the stream", lambda: not client.wait_held(1, timeout_s=0))


def test_a_new_stream_confirms_again(client: Client, scripted: Scripted) -> None:
    client.use(1)
    scripted.next()
    scripted.answer(held=1)
    assert client.wait_held(1, timeout_s=HANG_S)
    assert scripted.context is not None
    scripted.context.cancel()
    assert list(scripted.next().add) == [1]
    assert not client.wait_held(1, timeout_s=SHORT_S)
    scripted.answer(held=1)
    assert client.wait_held(1, timeout_s=HANG_S)


def test_a_lease_that_is_refused_is_lost(client: Client, scripted: Scripted) -> None:
    for mm in (1, 2):
        client.use(mm)
        scripted.next()
        scripted.answer(held=mm)
    client.use(FORBIDDEN)
    assert not client.wait_held(FORBIDDEN, timeout_s=HANG_S)
    assert client.lost == {FORBIDDEN}
    scripted.answer(held=2)
    assert client.wait_held(1, timeout_s=HANG_S)
    assert client.wait_held(2, timeout_s=HANG_S)
    streams = list(iter(lambda: sorted(scripted.asked.get_nowait().add), [1, 2]))
    assert streams == [[FORBIDDEN]], "and no stream is opened in vain"


def test_an_async_client_loses_it_too(started: Started) -> None:
    scripted, _, target = started

    async def scenario() -> None:
        async with AsyncClient(target, discover=False) as client:
            client.use(1)
            client.use(FORBIDDEN)
            while client.lost != {FORBIDDEN}:
                await asyncio.sleep(0.01)
            asked: list[list[int]] = []
            while [1] not in asked:
                with contextlib.suppress(queue.Empty):
                    asked.append(sorted(scripted.asked.get_nowait().add))
                await asyncio.sleep(0.01)
            scripted.answer(held=1)
            assert asked == [[1, FORBIDDEN], [1]]

    asyncio.run(asyncio.wait_for(scenario(), HANG_S))


def test_a_file_has_a_lease_until_its_last_open_is_closed(
    client: Client, scripted: Scripted
) -> None:
    def opened() -> None:
        client.open_file(ino=5, size_bytes=1, name="/data")

    opened()
    assert list(scripted.next().add_files) == [5]
    opened()
    client.close_file(5)
    client.close_file(5)
    opened()
    # The answer to the first request comes late: the file was opened again meanwhile.
    scripted.answer(missing_files=(5,))
    assert list(scripted.next().drop_files) == [5]
    scripted.answer()
    assert list(scripted.next().add_files) == [5]
    scripted.answer()
    client.close_file(5)
    assert list(scripted.next().drop_files) == [5]


def test_a_lease_ends_with_the_last_handle_that_has_it(client: Client, scripted: Scripted) -> None:
    """The server has no Exit: a handle that calls it at its end fails."""
    first, second = client.use(1), client.use(1)
    assert list(scripted.next().add) == [1]
    scripted.answer(held=1)
    assert client.wait_held(1, timeout_s=HANG_S)
    first.detach()
    first.detach()  # it has none any more
    assert client.wait_held(1, timeout_s=HANG_S)
    with second:
        pass
    assert list(scripted.next().drop) == [1]
    scripted.answer()
    with client.use(1, hold=False):
        pass
    client.close()
    with pytest.raises(ClientClosed):
        client.wait_held(1, timeout_s=HANG_S)


def test_so_it_does_with_an_async_client(started: Started) -> None:
    scripted, _, target = started

    async def scenario() -> list[pb.HoldRequest]:
        async with AsyncClient(target, discover=False) as client:

            async def came() -> pb.HoldRequest:
                scripted.answer(held=1)
                while True:
                    with contextlib.suppress(queue.Empty):
                        return scripted.asked.get_nowait()
                    await asyncio.sleep(0.01)

            first, second = client.use(1), client.use(1)
            asked = [await came()]
            first.detach()
            first.detach()
            client.use(2)
            async with second:
                pass
            return [*asked, await came(), await came()]

    asked = asyncio.run(asyncio.wait_for(scenario(), HANG_S))
    assert [(list(one.add), list(one.drop)) for one in asked] == [([1], []), ([2], []), ([], [1])]


def test_each_change_of_the_leases_by_itself() -> None:
    leases = Leases()
    assert leases.add(1) is not None
    assert leases.add_file(5) is not None
    assert leases.add_file(5) is None
    assert leases.drop_file(5) is None, "it is open once more"
    leases.begin()
    leases.hear(pb.HoldResponse())
    assert leases.confirmed(1)
    leases.end()
    assert not leases.confirmed(1), "before another stream begins"
    assert leases.drop_file(5) is not None
