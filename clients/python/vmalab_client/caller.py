# SPDX-License-Identifier: Apache-2.0
"""The caller of an address space's calls: what a thread has in its registers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, TypeVar, cast

from google.protobuf.message import Message

if TYPE_CHECKING:
    import grpc

    from vmalab_client.client import Client

_Request = TypeVar("_Request")
_Response = TypeVar("_Response")
_Caller = TypeVar("_Caller", bound="Caller")


class _HasPkru(Protocol):
    pkru: int


def _has_field(message: object) -> bool:
    return isinstance(message, Message) and "pkru" in message.DESCRIPTOR.fields_by_name


class Caller:
    """A thread of an address space.

    Attributes:
        pkru: its register PKRU, the rights of protection keys, two bits each: 1 no access, 2 no
            writes. It goes with each call that depends on it, and has what the call has made of it
            afterwards (pkey_alloc, and who makes memory that is executed alone). None: as the
            address space has it, which all callers with None share. A new program begins with
            PKRU_START (vmalab.uapi).
    """

    pkru: int | None = None

    def _forked(self, child: _Caller) -> _Caller:
        """The caller in a copy of the address space: it begins with what this one has."""
        child.pkru = self.pkru
        return child

    def _say(self, request: _Request) -> _Request:
        """The request, with PKRU if it takes one."""
        if self.pkru is not None and _has_field(request):
            cast(_HasPkru, request).pkru = self.pkru
        return request

    def _keep(self, response: _Response) -> _Response:
        """The response, of a request that had PKRU."""
        if self.pkru is not None and _has_field(response):
            message = cast(Message, response)
            if message.HasField("pkru"):
                self.pkru = cast(_HasPkru, response).pkru
        return response


class SyncCaller(Caller):
    """The same with the synchronous client."""

    _client: Client

    def _call(
        self, method: grpc.UnaryUnaryMultiCallable[_Request, _Response], request: _Request
    ) -> _Response:
        return self._keep(self._client.call(method, self._say(request)))
