# SPDX-License-Identifier: Apache-2.0
"""The exception tree of the client, and what becomes of a gRPC status in it."""

import errno
from typing import cast

import grpc
import pytest
from google.protobuf import any_pb2
from google.rpc import error_details_pb2, status_pb2

from vmalab_client import errors, plain_token, transport


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
    assert len(ours) == 14
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
    with pytest.raises(ValueError, match="mixed"):
        transport.join_target(["unix:/a", "b:1"])
    for target in ("", "nonsense", "127.0.0.1", "127.0.0.1:99999", "a:0", "http://a:1", "[::1]"):
        with pytest.raises(errors.BadTarget, match="is not host:port"):
            transport.join_target(target)
    assert transport.join_target("[::1]:7420") == "[::1]:7420"
    with pytest.raises(ValueError, match="no target"):
        transport.join_target([])
    with pytest.raises(ValueError, match="TLS"):
        plain_token.checked("10.0.0.1:7420", "secret", b"")
    for target in (
        "127.0.0.1:1",
        "ipv4:127.0.0.1:1,127.0.0.1:2",
        "[::1]:1",
        "unix:/a",
        "localhost:1",
    ):
        assert plain_token.checked(target, "secret", b"") == "secret"
    assert plain_token.checked("10.0.0.1:7420", "secret", b"roots") == ""
