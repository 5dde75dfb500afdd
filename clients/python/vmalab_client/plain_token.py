# SPDX-License-Identifier: Apache-2.0
"""A token on a connection without TLS, which leaves this machine on no account."""

from __future__ import annotations

import ipaddress
import re
from collections import namedtuple
from collections.abc import Callable, Iterator
from typing import TypeVar

import grpc

from vmalab_client.errors import BadToken

_Request = TypeVar("_Request")
_Response = TypeVar("_Response")


def is_local(target: str) -> bool:
    """Whether each address of a target is of this machine alone."""
    if target.startswith("unix"):
        return True
    addresses = re.sub(r"^(?:dns|ipv4|ipv6):/*", "", target).split(",")
    for address in addresses:
        host = re.sub(r":\d+$", "", address).strip("[]")
        try:
            if host != "localhost" and not ipaddress.ip_address(host).is_loopback:
                return False
        except ValueError:
            return False
    return True


def checked(target: str, token: str, *, tls: bool) -> str:
    """The token that goes in plain metadata; "": none. Raises BadToken."""
    if not re.fullmatch(r"[ -~]*", token):
        raise BadToken("a token has printable characters of ASCII alone")
    if not token or tls:
        return ""
    if not is_local(target):
        raise BadToken(
            f"a token goes to {target} over TLS only: give root_certificates too, or use an"
            " address of this machine"
        )
    return token


def workers(found: str, given: str, token: str) -> str:
    """Where calls go: to the workers that the server names, if a token may go there."""
    return found if not token or is_local(found) else given


_Fields = namedtuple("_Fields", "method timeout metadata credentials wait_for_ready compression")


class _Details(_Fields, grpc.ClientCallDetails):
    """grpcio's sync interceptors want call details of the caller's own making."""


class _Plain(grpc.UnaryUnaryClientInterceptor, grpc.StreamStreamClientInterceptor):
    def __init__(self, token: str) -> None:
        self._pair = ("authorization", f"Bearer {token}")

    def _with(self, details: grpc.ClientCallDetails) -> _Details:
        return _Details(
            details.method,
            details.timeout,
            [*(details.metadata or ()), self._pair],
            details.credentials,
            getattr(details, "wait_for_ready", None),
            getattr(details, "compression", None),
        )

    def intercept_unary_unary(
        self,
        continuation: Callable[[grpc.ClientCallDetails, _Request], _Response],
        client_call_details: grpc.ClientCallDetails,
        request: _Request,
    ) -> _Response:
        return continuation(self._with(client_call_details), request)

    def intercept_stream_stream(
        self,
        continuation: Callable[[grpc.ClientCallDetails, Iterator[_Request]], _Response],
        client_call_details: grpc.ClientCallDetails,
        request_iterator: Iterator[_Request],
    ) -> _Response:
        return continuation(self._with(client_call_details), request_iterator)


def channel(plain: grpc.Channel, token: str) -> grpc.Channel:
    """A channel whose calls have the token; the same one without a token."""
    return grpc.intercept_channel(plain, _Plain(token)) if token else plain


def _aio_details(details: grpc.aio.ClientCallDetails, token: str) -> grpc.aio.ClientCallDetails:
    metadata = details.metadata if details.metadata is not None else grpc.aio.Metadata()
    metadata.add("authorization", f"Bearer {token}")
    return grpc.aio.ClientCallDetails(
        details.method, details.timeout, metadata, details.credentials, details.wait_for_ready
    )


class _AioUnary(grpc.aio.UnaryUnaryClientInterceptor):
    def __init__(self, token: str) -> None:
        self._token = token

    async def intercept_unary_unary(self, continuation, client_call_details, request):  # type: ignore[no-untyped-def]
        return await continuation(_aio_details(client_call_details, self._token), request)


class _AioStream(grpc.aio.StreamStreamClientInterceptor):
    def __init__(self, token: str) -> None:
        self._token = token

    async def intercept_stream_stream(  # type: ignore[no-untyped-def]
        self, continuation, client_call_details, request_iterator
    ):
        return await continuation(_aio_details(client_call_details, self._token), request_iterator)


def aio_interceptors(token: str) -> list[grpc.aio.ClientInterceptor]:
    """For grpc.aio.insecure_channel."""
    return [_AioUnary(token), _AioStream(token)] if token else []
