# SPDX-License-Identifier: Apache-2.0
"""One request, and its id.

The id is the metadata `x-request-id` of the call if the client sent one, else the worker makes one.
Each line of the log that is written while the request is served has it, and an answer that is a
failure carries it in its trailing metadata. So a client, the log of the worker and the log of the
client's own service speak of the same request.
"""

from __future__ import annotations

import itertools
import os
import re
import time
from typing import Final, Protocol, cast

HEADER: Final = "x-request-id"
_ID = re.compile(r"[A-Za-z0-9._:-]{1,64}")
_made = itertools.count(1)
_process = f"{os.getpid():x}-{os.urandom(3).hex()}"


class _Arrived(Protocol):
    """What grpcio knows of a call when it gives it to a pool."""

    invocation_metadata: tuple[tuple[str, str | bytes], ...]


def _metadata(args: tuple[object, ...]) -> tuple[tuple[str, str | bytes], ...]:
    for one in args:
        if hasattr(one, "call_details"):
            return cast(_Arrived, one).invocation_metadata
    return ()


def _given(args: tuple[object, ...]) -> str:
    """The id among the metadata; "" if there is none, or it is none."""
    for key, value in _metadata(args):
        if key == HEADER and isinstance(value, str) and _ID.fullmatch(value):
            return value
    return ""


class Request:
    """One call, from its arrival.

    Attributes:
        arrived_s: when it came to its pool, by time.monotonic().
    """

    __slots__ = ("_args", "_id", "arrived_s")

    def __init__(self, args: tuple[object, ...]) -> None:
        """args: what grpcio gives to a pool; looked into only when the id is asked for."""
        self.arrived_s = time.monotonic()
        self._args = args
        self._id = ""

    def has(self, name: str) -> bool:
        """Whether its metadata have that key. Asked before its id is."""
        for key, _ in _metadata(self._args):
            if key == name:  # each call comes here: any() would take twice as long
                break
        else:
            return False
        return True

    @property
    def id(self) -> str:
        if not self._id:
            self._id = _given(self._args) or f"{_process}-{next(_made)}"
            self._args = ()
        return self._id
