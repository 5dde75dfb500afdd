# SPDX-License-Identifier: Apache-2.0
"""Targets, channel options and errors: what the two clients have in common."""

from __future__ import annotations

import dataclasses
import errno
import ipaddress
import json
import math
import os
import re
import ssl
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TypeVar

import grpc
from google.protobuf.message import DecodeError, Message

from vmalab.v1 import errors_pb2, inspect_pb2, memory_pb2
from vmalab_client import types, wire
from vmalab_client.block import Access, FaultInfo
from vmalab_client.errors import (
    BadCertificate,
    BadTarget,
    ClientClosed,
    DeadlineExceeded,
    FaultSignal,
    InvalidRequest,
    LimitReached,
    MemoryCallError,
    NoSuchAddressSpace,
    NotOwner,
    ServiceError,
    ServiceUnavailable,
    Unauthenticated,
    UserFault,
)

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

MESSAGE_BYTES_MAX = 64 << 20
_DETAILS_KEY = "grpc-status-details-bin"
_HOST_PORT = re.compile(r"(?:\[([0-9A-Fa-f:.]+)\]|[A-Za-z0-9._-]+):([0-9]{1,5})")
_SCHEMES = ("dns:", "ipv4:", "ipv6:", "unix:", "unix-abstract:", "vsock:", "xds:")

_SERVICE_CONFIG = json.dumps(
    {
        "loadBalancingConfig": [{"round_robin": {}}],
        "methodConfig": [
            {
                # Looking does no harm twice; memory calls are never tried again.
                "name": [{"service": "vmalab.v1.InspectService"}],
                "retryPolicy": {
                    "maxAttempts": 4,
                    "initialBackoff": "0.05s",
                    "maxBackoff": "1s",
                    "backoffMultiplier": 2,
                    "retryableStatusCodes": ["UNAVAILABLE"],
                },
            }
        ],
    }
)

OPTIONS: tuple[tuple[str, str | int], ...] = (
    ("grpc.service_config", _SERVICE_CONFIG),
    ("grpc.max_receive_message_length", MESSAGE_BYTES_MAX),
    ("grpc.max_send_message_length", MESSAGE_BYTES_MAX),
    # Two clients with the same target would share one connection, and so one worker.
    ("grpc.use_local_subchannel_pool", 1),
    ("grpc.initial_reconnect_backoff_ms", 50),
    # This is also how long an attempt to connect may take at least: a server may be far away.
    ("grpc.min_reconnect_backoff_ms", 20000),
    ("grpc.max_reconnect_backoff_ms", 1000),
)

_ERRORS: dict[grpc.StatusCode, type[ServiceError]] = {
    grpc.StatusCode.NOT_FOUND: NoSuchAddressSpace,
    grpc.StatusCode.RESOURCE_EXHAUSTED: LimitReached,
    grpc.StatusCode.INVALID_ARGUMENT: InvalidRequest,
    grpc.StatusCode.FAILED_PRECONDITION: InvalidRequest,
    grpc.StatusCode.OUT_OF_RANGE: InvalidRequest,
    grpc.StatusCode.UNIMPLEMENTED: InvalidRequest,
    grpc.StatusCode.UNAUTHENTICATED: Unauthenticated,
    grpc.StatusCode.PERMISSION_DENIED: NotOwner,
    grpc.StatusCode.UNAVAILABLE: ServiceUnavailable,
    grpc.StatusCode.CANCELLED: ServiceUnavailable,
    grpc.StatusCode.DEADLINE_EXCEEDED: DeadlineExceeded,
}


def join_target(target: str | Sequence[str]) -> str:
    """One gRPC target of one address or several: host:port, or unix:PATH, not mixed.

    Several addresses become one target that round_robin spreads calls over.
    """
    if isinstance(target, str):
        return _checked(target)
    addresses = [_checked(address) for address in target]
    if not addresses:
        raise BadTarget("no target: give host:port, or a list of them")
    if len(addresses) == 1:
        return addresses[0]
    unix = [address.startswith("unix:") for address in addresses]
    if all(unix):
        return "unix:" + ",".join(address.removeprefix("unix:") for address in addresses)
    if any(unix):
        raise BadTarget("unix sockets and TCP addresses cannot be mixed in one client")
    scheme = "ipv6" if addresses[0].startswith("[") else "ipv4"
    return f"{scheme}:" + ",".join(addresses)


def _checked(address: str) -> str:
    """`address`. Raises BadTarget if gRPC would take it for another port or name."""
    found = _HOST_PORT.fullmatch(address)
    named = address.startswith(_SCHEMES) and address not in _SCHEMES
    if named or (found and 0 < int(found[2]) < 1 << 16 and _is_ipv6(found[1])):
        return address
    raise BadTarget(f"target {address!r} is not host:port, as 127.0.0.1:7420, or unix:PATH")


def _is_ipv6(bracketed: str | None) -> bool:
    """Whether what is in brackets is a number of IPv6; None: there are none."""
    try:
        return bracketed is None or ipaddress.ip_address(bracketed).version == 6
    except ValueError:
        return False


def balanced(addresses: Sequence[str], fallback: str) -> str:
    """One target for all workers, or `fallback` if gRPC cannot take them together (names)."""
    hosts = [address.rpartition(":")[0].strip("[]") for address in addresses]
    try:
        versions = {ipaddress.ip_address(host).version for host in hosts}
    except ValueError:
        return fallback
    return join_target(addresses) if len(versions) == 1 else fallback


def is_single(target: str) -> bool:
    """Whether a target names one address, so that asking for the workers makes sense."""
    return "," not in target and not target.startswith(("ipv4:", "ipv6:", "unix:"))


RootCertificates = bytes | os.PathLike[str]
"""PEM, or the file that has it."""


def _bytes_of(given: RootCertificates, what: str) -> tuple[str, bytes]:
    """What to call it in a message, and what is in it. Raises BadCertificate."""
    if isinstance(given, bytes):
        return what, given
    if isinstance(given, os.PathLike):
        named = f"{what}: {os.fspath(given)}"
        try:
            return named, Path(given).read_bytes()
        except OSError as error:
            raise BadCertificate(f"{named}: cannot be read: {error.strerror}") from None
    raise BadCertificate(
        f"{what} is a {type(given).__name__}: give the PEM as bytes, or the pathlib.Path of its"
        " file"
    )


def _pem(root_certificates: RootCertificates, what: str = "root_certificates") -> bytes:
    """The certificates. Raises BadCertificate: grpc would say only that nobody answers."""
    named, pem = _bytes_of(root_certificates, what)
    if b"-----BEGIN CERTIFICATE-----" not in pem:
        raise BadCertificate(f"{named}: there is no BEGIN CERTIFICATE in it: PEM is wanted")
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cadata=pem.decode("latin-1"))
    except ssl.SSLError as error:
        raise BadCertificate(f"{named}: is no certificate: {error.reason or error}") from None
    return pem


ClientPair = tuple[bytes, bytes]
"""A client's certificate and its key, as PEM."""


def client_pair(certificate: RootCertificates, key: RootCertificates) -> ClientPair | None:
    """What a client shows of itself; None: nothing. Raises BadCertificate."""
    if certificate == b"" and key == b"":
        return None
    if certificate == b"" or key == b"":
        raise BadCertificate("client_certificate and client_key go together: give both")
    named, secret = _bytes_of(key, "client_key")
    if b"PRIVATE KEY-----" not in secret:
        raise BadCertificate(f"{named}: there is no BEGIN PRIVATE KEY in it: PEM is wanted")
    pem = _pem(certificate, "client_certificate")
    if isinstance(certificate, os.PathLike) and isinstance(key, os.PathLike):
        _check_key(Path(certificate), Path(key))
    return pem, secret


def _check_key(certificate: Path, key: Path) -> None:
    """Raises BadCertificate: grpc would say only that nobody answers."""
    try:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.load_cert_chain(certificate, key, password="")  # else it asks the terminal
    except ssl.SSLError as error:
        if error.reason == "KEY_VALUES_MISMATCH":
            said = f"is not the key of client_certificate {certificate}"
        else:
            said = f"cannot be used: {error.reason or 'it has a passphrase'}"
        raise BadCertificate(f"client_key: {key}: {said}") from None


def credentials(
    token: str, root_certificates: RootCertificates, pair: ClientPair | None = None
) -> grpc.ChannelCredentials | None:
    """Channel credentials, None for a plain connection (plain_token.py then)."""
    if root_certificates == b"":
        if pair is not None:
            raise BadCertificate("client_certificate goes with root_certificates: give both")
        return None
    certificate, key = pair or (None, None)
    channel = grpc.ssl_channel_credentials(_pem(root_certificates), key, certificate)
    if not token:
        return channel
    return grpc.composite_channel_credentials(channel, grpc.access_token_call_credentials(token))


_BOUND_S_MAX = 10 * 365 * 24 * 3600.0
"""More than ten years is the same as for ever, and the clock of gRPC cannot say it."""


def bound(timeout_s: float) -> float | None:
    """The timeout of a call as gRPC has it; None: it has none.

    Raises:
        ValueError: below 0, or no number.
    """
    if not timeout_s >= 0:
        raise ValueError(f"timeout_s = {timeout_s}: give seconds, or 0 for no bound")
    return timeout_s if 0 < timeout_s < _BOUND_S_MAX else None


_TTL_MS_END = 0xFFFF_FFFF
"""More does not fit in a request; the server's limit ttl_ms_max refuses this too."""


def ttl_ms(ttl_s: float) -> int:
    """Milliseconds of a request; 0 is the server's default, so anything else is 1 at least.

    Raises:
        ValueError: below 0, or no number.
    """
    if not ttl_s >= 0:
        raise ValueError(f"ttl_s = {ttl_s}: give seconds, or 0 for the server's default")
    return math.ceil(min(ttl_s * 1000, _TTL_MS_END))


def closed(opened: bool) -> ClientClosed:
    """What a call on such a client raises."""
    return ClientClosed(
        "this client is closed: make another one"
        if opened
        else "this client is not open: use `async with`, or await open() first"
    )


def check_stream(closed: bool) -> None:
    """Raise ClientClosed if a stream of blocks is closed."""
    if closed:
        raise ClientClosed("this stream is closed: open another one")


def open_file(
    dev_major: int, dev_minor: int, ino: int, size_bytes: int, name: str, ttl_s: float
) -> memory_pb2.OpenFileRequest:
    """An OpenFileRequest."""
    return memory_pb2.OpenFileRequest(
        dev_major=dev_major,
        dev_minor=dev_minor,
        ino=ino,
        size_bytes=size_bytes,
        name=name,
        ttl_ms=ttl_ms(ttl_s),
    )


def _trailing(error: grpc.RpcError) -> Sequence[tuple[str, bytes]]:
    """The trailing metadata; a value is bytes where the key ends in -bin, else text."""
    found: Sequence[tuple[str, bytes]] = getattr(error, "trailing_metadata", lambda: None)() or ()
    return found


def _error_info(error: grpc.RpcError) -> errors_pb2.ErrorInfo | None:
    for key, value in _trailing(error):
        if key != _DETAILS_KEY:
            continue
        try:
            for detail in errors_pb2.ErrorStatus.FromString(value).details:
                if detail.type_url.endswith("/google.rpc.ErrorInfo"):
                    return errors_pb2.ErrorInfo.FromString(detail.value)
        except DecodeError:
            return None
    return None


def error_of(error: grpc.RpcError) -> ServiceError:
    """The exception of this package for one of grpc's."""
    code = error.code()
    kind = _ERRORS.get(code, ServiceError)
    info = _error_info(error)
    text = error.details() or code.name
    request_id = str(dict(_trailing(error)).get("x-request-id", ""))
    if info is None:
        return kind(text, code=code.name, request_id=request_id)
    if code is grpc.StatusCode.NOT_FOUND and info.reason != "NO_SUCH_MM":
        kind = ServiceError
    return kind(
        text,
        reason=info.reason,
        code=code.name,
        metadata=dict(info.metadata),
        request_id=request_id,
    )


def of_block(error: ServiceError) -> ServiceError:
    """The exception of a block.

    gRPC itself refuses a message that is too large, before the service can give a reason; it is the
    same as a block that the service refuses.
    """
    text = str(error)
    refused = isinstance(error, LimitReached) and not error.reason
    if not refused or "larger than max" not in text:
        return error
    return InvalidRequest(
        f"the block is larger than a message may be: send it in parts ({text})",
        reason="BLOCK_TOO_BIG",
        code="INVALID_ARGUMENT",
        metadata={"limit": "message_bytes_max"},
    )


class Answer(Protocol):
    """A response to an emulated call, which may have failed."""

    @property
    def errno_code(self) -> int: ...


class FillAnswer(Answer, Protocol):
    """A response of UFFDIO_COPY and the like, which may have failed after a part."""

    @property
    def filled(self) -> int: ...


def check(response: Answer, call: str) -> None:
    """Raise MemoryCallError if the emulated call failed."""
    if response.errno_code:
        raise MemoryCallError(response.errno_code, call=call)


def setup(given: types.ProcessSetup | None) -> memory_pb2.ProcessSetup | None:
    """As a message; None stays None."""
    return memory_pb2.ProcessSetup(**dataclasses.asdict(given)) if given else None


def vma(response: inspect_pb2.QueryVmaResponse) -> types.VmaInfo | None:
    """The mapping of a QueryVmaResponse; None if there is none."""
    if response.errno_code == errno.ENOENT:
        return None
    check(response, "query_vma")
    return record(types.VmaInfo, response.vma)


ACCESS = {
    Access.READ: memory_pb2.ACCESS_READ,
    Access.WRITE: memory_pb2.ACCESS_WRITE,
    Access.EXEC: memory_pb2.ACCESS_EXEC,
}


def fault_of(response: memory_pb2.FaultResponse, addr: int) -> types.Fault:
    """The result of a fault. Raises FaultSignal, UserFault, MemoryCallError."""
    if response.signal:
        pkey = response.pkey if response.HasField("pkey") else None
        raise FaultSignal(response.signal, response.si_code, addr=addr, pkey=pkey)
    if response.userfault:
        raise UserFault(addr, response.userfault_flags)
    check(response, "fault")
    return types.Fault(word=response.word, info=FaultInfo(response.info))


def filled(response: FillAnswer, call: str) -> int:
    """Bytes of UFFDIO_COPY and the like. Raises MemoryCallError if there are none."""
    count = response.filled
    if not count:
        check(response, call)
    return count


_T = TypeVar("_T", bound="DataclassInstance")


def record(kind: type[_T], message: Message) -> _T:
    """A dataclass from a message whose fields have the same names."""
    names = [field.name for field in dataclasses.fields(kind)]
    return kind(**{name: getattr(message, name) for name in names})


def server_info(message: inspect_pb2.GetServerInfoResponse) -> types.ServerInfo:
    found = record(types.ServerInfo, message)
    return dataclasses.replace(
        found, limits=dict(message.limits), capabilities=tuple(message.capabilities)
    )


def participant(message: inspect_pb2.Participant) -> types.ParticipantInfo:
    found = record(types.ParticipantInfo, message)
    return dataclasses.replace(
        found,
        operation_ns=message.operation_ns if message.HasField("operation_ns") else None,
        wait_ns=message.wait_ns if message.HasField("wait_ns") else None,
    )


def layout(message: inspect_pb2.GetLayoutResponse) -> list[types.StructInfo]:
    return [
        types.StructInfo(
            name=struct.name,
            size=struct.size,
            fields=tuple(record(types.FieldInfo, field) for field in struct.fields),
        )
        for struct in message.structs
    ]


WRONG_RECEIVE = {
    True: "the oldest block was sent without failed_only: receive() has its results",
    False: "the oldest block was sent with failed_only: receive_failed() has what failed of it",
}


def failed(answer: wire.Response) -> types.Failed:
    """The answer to a block that was sent with failed_only."""
    size = wire.RESULT_BYTES
    results = bytes(answer.results)
    places = answer.failed or ()
    return types.Failed(
        answer.executed,
        {at: results[i * size : (i + 1) * size] for i, at in enumerate(places)},
    )
