# SPDX-License-Identifier: Apache-2.0
"""The standard health check, whose two messages are too small to need generated classes."""

from __future__ import annotations

from typing import Final, overload

import grpc
import grpc.aio

METHOD: Final = "/grpc.health.v1.Health/Check"
STATES: Final = ("UNKNOWN", "SERVING", "NOT_SERVING", "SERVICE_UNKNOWN")


def written(service: str) -> bytes:
    """A HealthCheckRequest. Raises ValueError: no service has a name of more than 127 bytes."""
    name = service.encode()
    if len(name) > 127:
        raise ValueError(f"{service!r} is the name of no service: it has {len(name)} bytes")
    return bytes([0x0A, len(name), *name]) if name else b""


def read(raw: bytes) -> str:
    """The state that a HealthCheckResponse has."""
    state = raw[1] if len(raw) == 2 and raw[0] == 0x08 else 0
    return STATES[state] if state < len(STATES) else STATES[0]


@overload
def method(channel: grpc.Channel) -> grpc.UnaryUnaryMultiCallable[str, str]: ...
@overload
def method(channel: grpc.aio.Channel) -> grpc.aio.UnaryUnaryMultiCallable[str, str]: ...
def method(
    channel: grpc.Channel | grpc.aio.Channel,
) -> grpc.UnaryUnaryMultiCallable[str, str] | grpc.aio.UnaryUnaryMultiCallable[str, str]:
    """What a stub's Check is, from the name of a service to a state."""
    return channel.unary_unary(METHOD, request_serializer=written, response_deserializer=read)
