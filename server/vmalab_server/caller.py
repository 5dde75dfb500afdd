# SPDX-License-Identifier: Apache-2.0
"""Who makes the call that the calling thread serves."""

from __future__ import annotations

import hmac
import re
import threading
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from vmalab_server import failures
from vmalab_server.request import Request

if TYPE_CHECKING:
    from vmalab_server.timing import Timing

_PORT = re.compile(r":\d+\Z")


@dataclass(frozen=True, slots=True)
class Caller:
    """A client.

    Attributes:
        key: by what its share is counted: its name, or its connection where clients have no names.
        name: what it makes belongs to that: its name, or the address it calls from.
    """

    key: str
    name: str


NOBODY = Caller("", "")


class _Here(threading.local):
    caller: Caller = NOBODY
    refusal: failures.ServiceFailure | None = None
    request: Request | None = None
    timing: Timing | None = None


here = _Here()
"""Of the calling thread: whose call it serves, why that is refused (None: it is served), which
request it is (None: it serves none), and its clock (None: its client does not ask for one)."""


class Tokens:
    """The tokens of an instance, and the names of the clients that have them."""

    def __init__(self, text: str) -> None:
        """Read `name:token` lines; a line without a name is a token of the client `token`.

        Raises:
            ValueError: a name is not one, or stands there twice.
        """
        self._names: dict[bytes, str] = {}
        for line in filter(None, map(str.strip, text.splitlines())):
            if line.startswith("#"):
                continue
            name, colon, token = line.partition(":")
            if not colon:
                name, token = "token", line
            if re.fullmatch(r"[A-Za-z0-9._-]{1,32}", name) is None:
                raise ValueError(f"{name!r} is no name of a client: 1 to 32 of A-Z a-z 0-9 . _ -")
            if not token.strip() or name in self._names.values():
                raise ValueError(f"client {name} needs one token of its own in one line")
            self._names[f"Bearer {token.strip()}".encode()] = name

    def __bool__(self) -> bool:
        return bool(self._names)

    def name_of(self, authorization: bytes) -> str | None:
        """The client whose token that is; each is compared in full."""
        found = None
        for wanted, name in self._names.items():
            if hmac.compare_digest(authorization, wanted):
                found = name
        return found


@lru_cache(1024)
def of_peer(peer: str) -> Caller:
    """The caller at an address, as grpc writes it."""
    return Caller(peer, _PORT.sub("", peer))
