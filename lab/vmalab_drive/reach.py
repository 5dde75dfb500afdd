# SPDX-License-Identifier: Apache-2.0
"""Whether anybody listens at a target: asked once, before processes are started for a run."""

from __future__ import annotations

import select
import socket
import sys
import time
from typing import Final

from vmalab_drive.errors import UsageError

REFUSED_S: Final = 1.0
"""So long it may refuse: a server may be starting."""
SILENT_S: Final = 2.5
"""So long it may be silent before that is said."""
PATIENT_S: Final = 30.0
"""So long it may be silent in all: a server may be busy, or its machine."""
_HELLO: Final = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes(3) + b"\4" + bytes(5)
"""What a client of HTTP/2 says first, with settings of which none is set (RFC 9113, 3.4)."""


def check(target: str) -> None:
    """Raises UsageError: nobody answers at `host:port` or `unix:PATH`.

    The kernel accepts connections for a server that is stopped or hangs. So a word of HTTP/2 is
    wanted; that none has come is said on standard error after SILENT_S, and an error after
    PATIENT_S. Other forms of a target are left to gRPC.
    """
    begun = time.monotonic()
    while True:
        try:
            _connect(target)
        except (FileNotFoundError, ConnectionRefusedError) as error:
            if time.monotonic() - begun > REFUSED_S:
                raise _dead(target, error) from None
            time.sleep(0.05)
        except OSError as error:
            raise _dead(target, error) from None
        else:
            return


def _dead(target: str, error: OSError) -> UsageError:
    why = "no answer" if isinstance(error, TimeoutError) else error.strerror or str(error)
    return UsageError(f"no server answers at {target} ({why}): start one with `vmalab serve`")


def _connect(target: str) -> None:
    if target.startswith("unix:"):
        path = target.removeprefix("unix:").removeprefix("//")
        with socket.socket(socket.AF_UNIX) as one:
            one.settimeout(SILENT_S)
            one.connect(path)
            _hear(one, target)
        return
    host, _, port = target.rpartition(":")
    if not port.isdigit() or host.startswith(("ipv4:", "ipv6:", "dns:")):
        return
    with socket.create_connection((host.strip("[]"), int(port)), SILENT_S) as one:
        _hear(one, target)


def _hear(one: socket.socket, target: str) -> None:
    """Raises TimeoutError: no word comes. A server with TLS says so by ending the connection."""
    try:
        one.sendall(_HELLO)
        if select.select([one], [], [], SILENT_S)[0]:
            return
        print(
            f"vmalab: {target} takes connections and has said nothing for {SILENT_S:g} s: is its"
            " server stopped, or very busy? waiting on",
            file=sys.stderr,
            flush=True,
        )
        if not select.select([one], [], [], PATIENT_S - SILENT_S)[0]:
            raise TimeoutError
    except ConnectionError:  # somebody is there
        return
