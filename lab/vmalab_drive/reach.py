# SPDX-License-Identifier: Apache-2.0
"""Whether anybody listens at a target: asked once, before processes are started for a run."""

from __future__ import annotations

import socket
import time
from typing import Final

from vmalab_drive.contract import DriverError

REFUSED_S: Final = 1.0
"""So long it may refuse: a server may be starting."""
SILENT_S: Final = 2.5
"""So long it may be silent. The kernel accepts a connection, also when the server is busy."""


def check(target: str) -> None:
    """Raises DriverError: nobody listens at `host:port` or `unix:PATH`.

    Other forms of a target are left to gRPC.
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


def _dead(target: str, error: OSError) -> DriverError:
    why = "no answer" if isinstance(error, TimeoutError) else error.strerror or str(error)
    return DriverError(f"no server answers at {target}: start one with `vmalab serve` ({why})")


def _connect(target: str) -> None:
    if target.startswith("unix:"):
        path = target.removeprefix("unix:").removeprefix("//")
        with socket.socket(socket.AF_UNIX) as one:
            one.settimeout(SILENT_S)
            one.connect(path)
        return
    host, _, port = target.rpartition(":")
    if not port.isdigit() or host.startswith(("ipv4:", "ipv6:", "dns:")):
        return
    socket.create_connection((host.strip("[]"), int(port)), SILENT_S).close()
