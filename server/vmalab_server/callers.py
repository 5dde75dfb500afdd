# SPDX-License-Identifier: Apache-2.0
"""What a request says of its caller: the rights of protection keys that it has in PKRU."""

from __future__ import annotations

from typing import Protocol

from vmalab import pack
from vmalab_server import failures


class OfCaller(Protocol):
    """A request that can say what its caller has in PKRU."""

    mm: int
    pkru: int

    def HasField(self, field_name: str, /) -> bool: ...  # noqa: N802


def record_of(request: OfCaller, record: bytes) -> bytes:
    """The record, with the caller's PKRU if the request has it."""
    if not request.HasField("pkru"):
        return record
    try:
        return pack.with_pkru(record, request.pkru)
    except pack.PackError as error:
        raise failures.bad_argument("pkru", str(error)) from None
