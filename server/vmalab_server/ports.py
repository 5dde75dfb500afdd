# SPDX-License-Identifier: Apache-2.0
"""Addresses that the supervisor keeps for its workers: TCP ports and unix socket paths."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import ipaddress
import os
import socket
import stat
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from vmalab_native.texts import lines_of
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


_LISTENING: Final = "0A"
_TCP_TABLES: Final = ("/proc/net/tcp", "/proc/net/tcp6")


@dataclass(frozen=True, slots=True)
class Listener:
    """A socket that listens: one line of /proc/net/tcp."""

    address: ipaddress.IPv4Address | ipaddress.IPv6Address
    port: int
    uid: int
    inode: int

    @classmethod
    def of(cls, line: str) -> Listener | None:
        """None for a line that is no listening socket."""
        fields = line.split()
        if len(fields) < 10 or fields[3] != _LISTENING:
            return None
        words, _, port = fields[1].partition(":")
        raw = bytes.fromhex(words)  # words of 32 bits, on x86 the lowest byte first
        turned = b"".join(raw[i : i + 4][::-1] for i in range(0, len(raw), 4))
        return cls(ipaddress.ip_address(turned), int(port, 16), int(fields[7]), int(fields[9]))

    def takes_from(self, host: str) -> bool:
        """Whether connections to an address may come to this socket."""
        if self.address.is_unspecified:
            return True
        ours = ipaddress.ip_address(host)
        mapped = getattr(self.address, "ipv4_mapped", None)
        return ours.is_unspecified or ours in (self.address, mapped)


def listeners(port: int) -> list[Listener]:
    """Every socket of this network namespace that listens on a port."""
    found = []
    for table in _TCP_TABLES:
        with contextlib.suppress(OSError):
            for line in lines_of(Path(table).read_text())[1:]:
                one = Listener.of(line)
                if one is not None and one.port == port:
                    found.append(one)
    return found


def sockets_of(pid: int) -> set[int]:
    """Inode numbers of the sockets that a process has; empty if it may not be asked."""
    found = set()
    with contextlib.suppress(OSError):
        for name in os.listdir(f"/proc/{pid}/fd"):
            with contextlib.suppress(OSError):
                target = os.readlink(f"/proc/{pid}/fd/{name}")
                if target.startswith("socket:["):
                    found.add(int(target[8:-1]))
    return found


def _owner(inode: int) -> str:
    for name in os.listdir("/proc"):
        if name.isdigit() and inode in sockets_of(int(name)):
            return f"process {name}"
    return "a process that this user may not see"


class PortWatch:
    """Looks who else listens on the shared port.

    With SO_REUSEPORT a process of the same user can join later, and gets a part of the connections.
    Nothing can forbid it, so it is said.
    """

    def __init__(self, host: str, port: int) -> None:
        self._where = join_address(host, port)
        self._host, self._port = host, port
        self._before: set[int] = set()

    def look(self, pids: Iterable[int]) -> str:
        """What is wrong, "" if nothing is.

        A socket counts when two looks have seen it. One that has just come may be of a worker that
        has just been started.

        Args:
            pids: of the workers.
        """
        there = {one.inode: one for one in listeners(self._port) if one.takes_from(self._host)}
        strange = set(there)
        for pid in pids if strange else ():
            strange -= sockets_of(pid)
        again, self._before = strange & self._before, strange
        if not again:
            return ""
        inode = min(again)
        return (
            f"{_owner(inode)} of user {there[inode].uid} listens on {self._where} too and gets a"
            " part of the connections: end it, or serve on another port"
        )


def check_folder(path: Path) -> None:
    """Raises AddressInUse if others than this user could replace what is in a folder."""
    facts = path.stat()
    if facts.st_uid not in (os.getuid(), 0):
        raise AddressInUse(
            f"{path} belongs to user {facts.st_uid}: choose a folder of your own for the sockets"
        )
    if facts.st_mode & 0o022:
        raise AddressInUse(
            f"others can write to {path}, and replace the sockets in it: chmod go-w {path},"
            " or choose a folder of your own"
        )


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
            check_folder(path.parent)
            flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
            self._fd = os.open(self._lock_path, flags, 0o600)
        except OSError as error:
            if error.errno == errno.ELOOP:
                raise AddressInUse(
                    f"{self._lock_path} is a symbolic link: remove it, this server made none"
                ) from None
            raise AddressInUse(f"cannot listen on unix:{path}: {error.strerror}") from None
        facts = os.fstat(self._fd)
        if not stat.S_ISREG(facts.st_mode) or facts.st_uid != os.getuid() or facts.st_nlink != 1:
            os.close(self._fd)
            raise AddressInUse(
                f"{self._lock_path} is no file of this user with one name: remove it"
            )
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
