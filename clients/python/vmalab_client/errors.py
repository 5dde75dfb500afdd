# SPDX-License-Identifier: Apache-2.0
"""What can go wrong, in one tree.

::

    VmalabError
    ├── MemoryCallError        the emulated call failed with an errno (also an OSError)
    ├── FaultSignal            the access would have raised SIGSEGV or SIGBUS
    ├── UserFault              the access would sleep until a userfaultfd is served
    ├── BlockError             a block or its results are malformed (also a ValueError)
    ├── BadTarget              a target is no address (also a ValueError)
    ├── BadCertificate         root_certificates has no certificate (also a ValueError)
    ├── BadToken               a token would leave this machine in plain, or is none (also a
    │                          ValueError)
    ├── ClientClosed           the client, or the stream of blocks, is closed, or not open yet (also
    │                          a ValueError)
    └── ServiceError           the service could not serve: reason, metadata, grpc code
        ├── NoSuchAddressSpace     NO_SUCH_MM
        ├── LimitReached           RESOURCE_EXHAUSTED with any reason
        ├── InvalidRequest         INVALID_ARGUMENT, FAILED_PRECONDITION, UNIMPLEMENTED, ...
        ├── Unauthenticated        no token, or a wrong one
        ├── NotOwner               PERMISSION_DENIED: another client's, and not shared
        ├── ServiceUnavailable     nobody answers, or the worker died during the call (also a
        │                          ConnectionError); the call may or may not have been carried out
        └── DeadlineExceeded       no answer in time (also a TimeoutError)

A MemoryCallError, a FaultSignal and a UserFault are what the kernel would have answered; everything
under ServiceError is vmalab's own.
"""

from __future__ import annotations

import errno as errno_module
import os
import signal as signal_module
from collections.abc import Mapping

from vmalab.uapi import SI_CODE, SIGNAL


class VmalabError(Exception):
    """Base of everything this package raises on its own account."""


class MemoryCallError(VmalabError, OSError):
    """An emulated call failed with an errno.

    Attributes:
        errno: the number, as in OSError.
        name: its symbol, "ENOMEM".
        call: which call it was, "mmap".
    """

    def __init__(self, number: int, *, call: str) -> None:
        self.name = errno_module.errorcode.get(number, str(number))
        self.call = call
        OSError.__init__(self, number, f"{call}: {os.strerror(number)}")


_CODES: dict[tuple[int, int], str] = {
    (SIGNAL["SIGBUS" if name.startswith("BUS") else "SIGSEGV"], code): name
    for name, code in SI_CODE.items()
}


class FaultSignal(VmalabError):
    """An access would have raised a signal.

    Attributes:
        signal: 11 SIGSEGV or 7 SIGBUS.
        si_code: SEGV_MAPERR 1, SEGV_ACCERR 2, SEGV_PKUERR 4, BUS_ADRERR 2; SI_KERNEL 128: no
            address at all.
        addr: where.
        pkey: with SEGV_PKUERR the protection key that forbade it; else None.
    """

    def __init__(self, signal: int, si_code: int, *, addr: int, pkey: int | None = None) -> None:
        self.signal = signal
        self.si_code = si_code
        self.addr = addr
        self.pkey = pkey
        try:
            name = signal_module.Signals(signal).name
        except ValueError:
            name = f"signal {signal}"
        code = _CODES.get((signal, si_code), f"si_code {si_code}")
        key = "" if pkey is None else f" by protection key {pkey}"
        super().__init__(f"{name} ({code}) at {addr:#x}{key}")


class UserFault(VmalabError):
    """An access would sleep until the program has served its userfaultfd: fill the page, or take
    its protection off, and touch it again.

    Attributes:
        addr: where.
        flags: UFFD_PAGEFAULT_FLAG_*: 1 a write, 2 to a protected page, 4 the file has the page.
    """

    def __init__(self, addr: int, flags: int) -> None:
        self.addr = addr
        self.flags = flags
        what = "protected" if flags & 2 else "minor" if flags & 4 else "missing"
        how = "write" if flags & 1 else "read"
        super().__init__(f"{how} of a {what} page at {addr:#x} waits for its userfaultfd")


class BlockError(VmalabError, ValueError):
    """A block, or what came back for one, is malformed."""


class BadTarget(VmalabError, ValueError):
    """What was given as a target is no address."""


class BadCertificate(VmalabError, ValueError):
    """What was given as root_certificates has no certificate in it, or cannot be read."""


class BadToken(VmalabError, ValueError):
    """A token would leave this machine without TLS, or has characters that no token has."""


class ClientClosed(VmalabError, ValueError):
    """A call on a client or a stream that was closed, or on one that was not opened yet."""


class ServiceError(VmalabError):
    """The service could not serve a request.

    Attributes:
        reason: stable symbol of google.rpc.ErrorInfo, "NO_SUCH_MM"; "" if there was none.
        code: name of the gRPC status, "NOT_FOUND".
        metadata: what belongs to the reason, {"mm": "7"}.
        request_id: of the request in the log of the server; "" if no server answered.
    """

    def __init__(
        self,
        message: str,
        *,
        reason: str = "",
        code: str = "UNKNOWN",
        metadata: Mapping[str, str] | None = None,
        request_id: str = "",
    ) -> None:
        super().__init__(message)
        self.reason = reason
        self.code = code
        self.metadata = dict(metadata or {})
        self.request_id = request_id


class NoSuchAddressSpace(ServiceError):
    """The address space has exited, or never was."""


class LimitReached(ServiceError):
    """A named limit of the instance or of the service is reached."""


class InvalidRequest(ServiceError):
    """The request is not one that can be served."""


class Unauthenticated(ServiceError):
    """The server wants a token and got none, or a wrong one."""


class NotOwner(ServiceError):
    """The address space or the file is another client's, and not shared."""


class ServiceUnavailable(ServiceError, ConnectionError):
    """Nobody answers, or the worker died during the call."""


class DeadlineExceeded(ServiceError, TimeoutError):
    """No answer in time."""
