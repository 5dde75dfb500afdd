# SPDX-License-Identifier: Apache-2.0
"""Addresses that the supervisor keeps for its workers: TCP ports and unix socket paths."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import socket
from pathlib import Path

from vmalab_server.config import join_address


class AddressInUse(Exception):
    """Somebody else has the address; the text says which."""


class PortReservation:
    """A TCP port that is bound and never listened on.

    The workers bind it again with SO_REUSEPORT and listen; while all of them are down, connecting
    is refused and nobody else can take the port. Binding happens without SO_REUSEPORT, because with
    it a second server of the same user on the same port would succeed in silence; it is switched on
    afterwards, for the workers. SO_REUSEADDR is on for the bind alone: it gets past connections of
    a previous server in TIME_WAIT, and would let a second reservation through if it stayed.
    """

    def __init__(self, host: str, port: int) -> None:
        try:
            family, kind, proto, _, address = socket.getaddrinfo(
                host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
            )[0]
        except socket.gaierror as error:
            raise AddressInUse(f"cannot listen on {host}: {error.strerror}") from None
        self._socket = socket.socket(family, kind, proto)
        try:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            self._socket.bind(address)
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 0)
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        except OSError as error:
            self._socket.close()
            where = join_address(host, port)
            if error.errno == errno.EADDRINUSE:
                raise AddressInUse(
                    f"{where} is in use by another program: choose another port, or 0 for any"
                ) from None
            raise AddressInUse(f"cannot listen on {where}: {error.strerror}") from None
        self.host: str = self._socket.getsockname()[0]
        self.port: int = self._socket.getsockname()[1]

    @property
    def address(self) -> str:
        return join_address(self.host, self.port)

    def close(self) -> None:
        self._socket.close()


class UnixPathReservation:
    """A unix socket path, guarded by a lock file beside it.

    grpcio replaces a socket that exists, so a second server on the same path would steal it in
    silence; the flock stops it. The supervisor holds it, so that it outlives a worker.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock_path = path.with_suffix(".lock")
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._fd = os.open(self._lock_path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise AddressInUse(f"cannot listen on unix:{path}: {error.strerror}") from None
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(self._fd)
            raise AddressInUse(
                f"unix:{path} is in use by another server: choose another folder"
            ) from None

    def close(self) -> None:
        for path in (self.path, self._lock_path):
            with contextlib.suppress(FileNotFoundError):
                path.unlink()
        os.close(self._fd)
