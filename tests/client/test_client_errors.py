# SPDX-License-Identifier: Apache-2.0
"""The exception tree of the client, and what becomes of a gRPC status in it."""

import asyncio
import errno
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Thread
from typing import cast

import grpc
import pytest
from google.protobuf import any_pb2
from google.rpc import error_details_pb2, status_pb2

from vmalab.v1 import inspect_pb2
from vmalab_client import AsyncClient, BlockBuilder, Client, errors, plain_token, transport
from vmalab_server.embedded import EmbeddedServer


@pytest.fixture(scope="module")
def server() -> Iterator[EmbeddedServer]:
    with EmbeddedServer(workers=1) as running:
        yield running


class FakeRpcError(grpc.RpcError):
    """What grpc raises, as far as this package looks at it."""

    def __init__(self, code: grpc.StatusCode, info: error_details_pb2.ErrorInfo | None) -> None:
        self._code = code
        self._metadata: tuple[grpc._Metadatum, ...] = ()
        if info is not None:
            detail = any_pb2.Any()
            detail.Pack(info)
            status = status_pb2.Status(details=[detail]).SerializeToString()
            pairs = (("grpc-status-details-bin", status),)
            self._metadata = cast("tuple[grpc._Metadatum, ...]", pairs)

    def code(self) -> grpc.StatusCode:
        return self._code

    def details(self) -> str:
        return "the text"

    def trailing_metadata(self) -> "tuple[grpc._Metadatum, ...]":
        return self._metadata


def test_every_error_is_a_vmalab_error() -> None:
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type)]
    ours = [kind for kind in kinds if kind.__module__ == errors.__name__]
    assert len(ours) == 17
    assert all(issubclass(kind, errors.VmalabError) for kind in ours)


def test_a_memory_call_error_is_an_os_error() -> None:
    error = errors.MemoryCallError(errno.ENOMEM, call="mmap")
    assert isinstance(error, OSError)
    assert (error.errno, error.name, error.call) == (errno.ENOMEM, "ENOMEM", "mmap")
    assert "mmap" in str(error)


def test_a_fault_signal_names_signal_and_code() -> None:
    text = str(errors.FaultSignal(11, 1, addr=0x1000))
    assert text == "SIGSEGV (SEGV_MAPERR) at 0x1000"
    assert "signal 99" in str(errors.FaultSignal(99, 3, addr=0))


def test_a_user_fault_says_what_it_waits_for() -> None:
    assert (
        str(errors.UserFault(0x1000, 0))
        == "read of a missing page at 0x1000 waits for its userfaultfd"
    )
    assert "write of a protected page" in str(errors.UserFault(0x1000, 3))
    assert "read of a minor page" in str(errors.UserFault(0x1000, 4))


@pytest.mark.parametrize(
    ("code", "reason", "kind"),
    [
        (grpc.StatusCode.NOT_FOUND, "NO_SUCH_MM", errors.NoSuchAddressSpace),
        (grpc.StatusCode.NOT_FOUND, "SOMETHING_ELSE", errors.ServiceError),
        (grpc.StatusCode.RESOURCE_EXHAUSTED, "STREAMS_LIMIT", errors.LimitReached),
        (grpc.StatusCode.INVALID_ARGUMENT, "BAD_BLOCK", errors.InvalidRequest),
        (grpc.StatusCode.UNIMPLEMENTED, "", errors.InvalidRequest),
        (grpc.StatusCode.UNAUTHENTICATED, "BAD_TOKEN", errors.Unauthenticated),
        (grpc.StatusCode.UNAVAILABLE, "", errors.ServiceUnavailable),
        (grpc.StatusCode.DEADLINE_EXCEEDED, "", errors.DeadlineExceeded),
        (grpc.StatusCode.INTERNAL, "CORE_ERROR", errors.ServiceError),
    ],
)
def test_a_status_becomes_its_exception(
    code: grpc.StatusCode, reason: str, kind: type[errors.ServiceError]
) -> None:
    info = None
    if reason:
        info = error_details_pb2.ErrorInfo(reason=reason, domain="vmalab", metadata={"a": "b"})
    error = transport.error_of(FakeRpcError(code, info))
    assert type(error) is kind
    assert (error.code, error.reason) == (code.name, reason)
    assert error.metadata == ({"a": "b"} if reason else {})
    assert isinstance(error, ConnectionError) is (kind is errors.ServiceUnavailable)


def test_targets_are_joined_for_round_robin() -> None:
    assert transport.join_target("a:1") == "a:1"
    assert transport.join_target(["a:1"]) == "a:1"
    assert transport.join_target(["1.2.3.4:1", "1.2.3.4:2"]) == "ipv4:1.2.3.4:1,1.2.3.4:2"
    assert transport.join_target(["[::1]:1", "[::1]:2"]) == "ipv6:[::1]:1,[::1]:2"
    assert transport.join_target(["unix:/a", "unix:/b"]) == "unix:/a,/b"
    assert transport.balanced(["1.2.3.4:1", "1.2.3.4:2"], "f") == "ipv4:1.2.3.4:1,1.2.3.4:2"
    assert transport.balanced(["host:1", "host:2"], "host:0") == "host:0"
    assert transport.balanced(["[::1]:1", "1.2.3.4:2"], "f") == "f"
    with pytest.raises(errors.BadTarget, match="mixed"):
        transport.join_target(["unix:/a", "b:1"])
    for target in (
        *("", "nonsense", "127.0.0.1", "127.0.0.1:99999", "a:0", "http://a:1", "[::1]"),
        *("unix:", "a b:1", "127.0.0.1:\uff11", "[localhost]:1", "[127.0.0.1]:1", "[abc]:1"),
        *("a\n:1", "a,b:1", "::1:7420", "[::1:1", "127.0.0.1:+1"),
    ):
        with pytest.raises(errors.BadTarget, match="is not host:port"):
            transport.join_target(target)
    assert transport.join_target("[::1]:7420") == "[::1]:7420"
    with pytest.raises(errors.BadTarget, match="no target"):
        transport.join_target([])
    with pytest.raises(errors.BadToken, match="TLS"):
        plain_token.checked("10.0.0.1:7420", "secret", tls=False)
    for odd in ("two\nlines", "secr\u00e9t"):
        with pytest.raises(errors.BadToken, match="ASCII"):
            plain_token.checked("127.0.0.1:1", odd, tls=True)
    for target in (
        "127.0.0.1:1",
        "ipv4:127.0.0.1:1,127.0.0.1:2",
        "[::1]:1",
        "unix:/a",
        "localhost:1",
    ):
        assert plain_token.checked(target, "secret", tls=False) == "secret"
    assert plain_token.checked("10.0.0.1:7420", "secret", tls=True) == ""


def test_a_token_follows_no_worker_off_this_machine() -> None:
    workers = [inspect_pb2.Worker(address="192.0.2.1:7420")]
    answer = inspect_pb2.ListWorkersResponse(workers=workers).SerializeToString()
    listed: grpc.RpcMethodHandler[bytes, bytes]
    listed = grpc.unary_unary_rpc_method_handler(lambda request, context: answer)
    service = grpc.method_handlers_generic_handler(
        "vmalab.v1.InspectService", {"ListWorkers": listed}
    )
    server = grpc.server(ThreadPoolExecutor(), handlers=[service])
    given = f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
    server.start()

    async def opened(token: str) -> str:
        async with AsyncClient(given, token=token) as client:
            return client.target

    try:
        with Client(given) as client:
            assert client.target == asyncio.run(opened("")) == "192.0.2.1:7420"
        with Client(given, token="secret") as client:
            assert client.target == asyncio.run(opened("secret")) == given
    finally:
        server.stop(grace=None)


@contextmanager
def slow_line(target: str, delay_s: float) -> Iterator[str]:
    """An address whose connections go to `target`, where the first words come back late."""
    host, _, port = target.rpartition(":")
    ends: list[socket.socket] = []

    def pump(source: socket.socket, into: socket.socket, delay_s: float) -> None:
        with suppress(OSError):
            data = source.recv(1 << 16)
            time.sleep(delay_s)
            while data:
                into.sendall(data)
                data = source.recv(1 << 16)
        with suppress(OSError):
            into.shutdown(socket.SHUT_RDWR)

    def serve() -> None:
        with suppress(OSError):
            while True:
                near, _ = door.accept()
                far = socket.create_connection((host, int(port)))
                ends.extend((near, far))
                Thread(target=pump, args=(near, far, 0.0), daemon=True).start()
                Thread(target=pump, args=(far, near, delay_s), daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as door:
        Thread(target=serve, daemon=True).start()
        try:
            yield f"127.0.0.1:{door.getsockname()[1]}"
        finally:
            door.shutdown(socket.SHUT_RDWR)
            for end in ends:
                end.close()


def test_a_server_may_be_far_away(server: EmbeddedServer) -> None:
    """The slowest attempt to connect that the back-off itself allows takes a second."""
    with (
        slow_line(server.target, 1.2) as target,
        Client(target, discover=False) as client,
        client.address_space() as mm,
    ):
        assert mm.mmap(4096)


def test_a_client_may_have_no_bound(server: EmbeddedServer) -> None:
    for timeout_s in (0, 1e10, float("inf")):
        with Client(server.target, timeout_s=timeout_s) as client:
            assert all(client.inspect.server_info().version for _ in range(50)), timeout_s
    for wrong in (-1, float("nan")):
        for kind in (Client, AsyncClient):
            with pytest.raises(ValueError, match="timeout_s"):
                kind(server.target, timeout_s=wrong)


def test_seconds_become_milliseconds() -> None:
    assert transport.ttl_ms(0) == 0
    assert transport.ttl_ms(0.0001) == 1, "0 would be the server's default"
    assert transport.ttl_ms(1.5) == 1500
    assert transport.ttl_ms(1e9) == transport.ttl_ms(float("inf")) == 0xFFFF_FFFF
    for wrong in (-1, float("nan")):
        with pytest.raises(ValueError, match=r"ttl_s = .* or 0 for the server's default"):
            transport.ttl_ms(wrong)


def test_a_time_to_live_that_is_too_long_names_the_limit(server: EmbeddedServer) -> None:
    with Client(server.target) as client:
        with pytest.raises(errors.InvalidRequest, match="may be kept for 3600000 ms") as raised:
            client.address_space(ttl_s=1e9)
        assert raised.value.metadata["limit"] == "ttl_ms_max"
        with pytest.raises(errors.InvalidRequest, match="open a Hold stream"):
            client.keep_alive([], ttl_s=1e9)


def test_a_closed_client_says_so(server: EmbeddedServer) -> None:
    client = Client(server.target)
    mm = client.address_space()
    client.close()
    client.close()
    for call in (
        lambda: mm.mmap(4096),
        client.address_space,
        client.inspect.workers,
        client.lab.points,
        client.batch,
        lambda: client.apply(b"x" * 16),
    ):
        with pytest.raises(errors.ClientClosed, match="this client is closed: make another one"):
            call()


def test_a_closed_stream_says_so(server: EmbeddedServer) -> None:
    nop = bytes([0, 2, *[0] * 14])

    async def use() -> None:
        async with AsyncClient(server.target) as client:
            stream = client.batch()
            await stream.send(nop)
            await stream.close()
            with pytest.raises(errors.ClientClosed, match="this stream is closed"):
                await stream.send(nop)
            with pytest.raises(errors.ClientClosed, match="this stream is closed"):
                await stream.receive()

    with Client(server.target) as client:
        batch = client.batch()
        batch.send(nop)
        batch.close()
        with pytest.raises(errors.ClientClosed, match="this stream is closed"):
            batch.send(nop)
        with pytest.raises(errors.ClientClosed, match="this stream is closed"):
            batch.receive()
    asyncio.run(use())


def test_a_block_that_no_message_holds_has_a_reason(server: EmbeddedServer) -> None:
    """gRPC refuses it before the service can; 9 MiB are more than message_bytes_max."""
    block = bytes(9 << 20)

    async def refused() -> list[errors.InvalidRequest]:
        async with AsyncClient(server.target) as client:
            stream = client.batch()
            await stream.send(block)
            with pytest.raises(errors.InvalidRequest) as of_stream:
                await stream.receive()
            with pytest.raises(errors.InvalidRequest) as of_call:
                await client.apply(block)
            return [of_stream.value, of_call.value]

    with Client(server.target) as client, client.batch() as batch:
        batch.send(block)
        with pytest.raises(errors.InvalidRequest) as of_stream:
            batch.receive()
        with pytest.raises(errors.InvalidRequest) as of_call:
            client.apply(block)
    for found in (of_stream.value, of_call.value, *asyncio.run(refused())):
        assert found.reason == "BLOCK_TOO_BIG"
        assert found.metadata == {"limit": "message_bytes_max"}
    other = errors.LimitReached("too many calls", code="RESOURCE_EXHAUSTED")
    assert transport.of_block(other) is other


async def _each_refused(client: AsyncClient, words: str) -> None:
    for call in (
        lambda: client.address_space(),
        lambda: client.inspect.workers(),
        lambda: client.apply(b"x" * 16),
    ):
        with pytest.raises(errors.ClientClosed, match=words):
            await call()
    with pytest.raises(errors.ClientClosed, match=words):
        client.batch()


def test_an_asyncio_client_that_is_not_open_says_so(server: EmbeddedServer) -> None:
    async def use() -> None:
        client = AsyncClient(server.target)
        await client.close()  # there is nothing to close
        await _each_refused(client, "is not open: use `async with`")
        async with client:
            await client.inspect.workers()
        await _each_refused(client, "is closed")
        with pytest.raises(AttributeError, match="has no attribute 'colour'"):
            getattr(client, "colour")  # noqa: B009 (a type checker refuses client.colour)

    asyncio.run(use())


def test_certificates_that_are_none(tmp_path: Path) -> None:
    """grpc would say that nobody answers."""
    nothing = tmp_path / "nothing.pem"
    nothing.write_text("certainly not")
    broken = b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"
    cases: list[tuple[object, str]] = [
        (b"certainly not", "root_certificates: there is no BEGIN CERTIFICATE in it"),
        (broken, "root_certificates: is no certificate"),
        (nothing, f"{nothing}: there is no BEGIN CERTIFICATE in it"),
        (tmp_path / "no.pem", "no.pem: cannot be read: No such file or directory"),
        ("roots.pem", "is a str: give the PEM as bytes, or the pathlib.Path of its file"),
    ]
    for roots, words in cases:
        with pytest.raises(errors.BadCertificate) as raised:
            Client("127.0.0.1:1", root_certificates=cast("bytes", roots))
        assert words in str(raised.value)


def test_what_is_no_block(server: EmbeddedServer) -> None:
    """Python would make bytes of a number: as many zeros."""
    with Client(server.target) as client, client.batch() as batch:
        for wrong in ("text", 16, None):
            for call in (client.apply, batch.send):
                with pytest.raises(TypeError, match="a block is bytes, or a BlockBuilder; this is"):
                    call(cast("bytes", wrong))
        assert batch.outstanding == 0
        with pytest.raises(errors.BlockError, match="mm is the attribute `mm` of an address space"):
            BlockBuilder().fault(cast("int", client), 0)
