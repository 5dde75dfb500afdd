# SPDX-License-Identifier: Apache-2.0
"""What parts of the clients need of the client that they belong to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, TypeVar

if TYPE_CHECKING:
    import grpc
    import grpc.aio

_Request = TypeVar("_Request")
_Response = TypeVar("_Response")


class Calls(Protocol):
    """What makes unary calls: Client."""

    def call(
        self,
        method: grpc.UnaryUnaryMultiCallable[_Request, _Response],
        request: _Request,
        *,
        more_s: float = 0.0,
    ) -> _Response:
        """One unary call with this package's errors."""


class AsyncCalls(Protocol):
    """What makes unary calls with asyncio: AsyncClient."""

    async def call(
        self,
        method: grpc.aio.UnaryUnaryMultiCallable[_Request, _Response],
        request: _Request,
        *,
        more_s: float = 0.0,
    ) -> _Response:
        """One unary call with this package's errors."""
