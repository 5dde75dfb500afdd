# SPDX-License-Identifier: Apache-2.0
"""UserfaultfdService: each method is one record; opening also does the handshake."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypedDict

from vmalab import pack
from vmalab.ops import Op
from vmalab.uapi import UffdFill
from vmalab.v1 import userfaultfd_pb2 as pb
from vmalab_server.callers import record_of

_UFFD_OPEN, _UFFD_API, _UFFD_CLOSE = int(Op.UFFD_OPEN), int(Op.UFFD_API), int(Op.UFFD_CLOSE)
_UFFD_REGISTER, _UFFD_UNREGISTER = int(Op.UFFD_REGISTER), int(Op.UFFD_UNREGISTER)
_UFFD_FILL, _UFFD_PROTECT, _UFFD_WAKE = int(Op.UFFD_FILL), int(Op.UFFD_PROTECT), int(Op.UFFD_WAKE)


class _Filled(TypedDict):
    """The fields of every response to a fill."""

    errno_code: int
    errno_name: str
    filled: int


class UserfaultfdHandlers:
    """The methods of UserfaultfdService.

    Args:
        one: runs one record of an operation on an address space: errno, its name, value.
    """

    def __init__(self, one: Callable[[int, int, bytes], tuple[int, str, int]]) -> None:
        self._one = one

    def open_userfaultfd(self, request: pb.OpenUserfaultfdRequest) -> pb.OpenUserfaultfdResponse:
        mm = request.mm
        errno, name, uffd = self._one(_UFFD_OPEN, mm, pack.uffd_open(mm, request.flags))
        if errno:
            return pb.OpenUserfaultfdResponse(errno_code=errno, errno_name=name)
        errno, name, features = self._one(_UFFD_API, mm, pack.uffd_api(mm, uffd, request.features))
        if errno:
            self._one(_UFFD_CLOSE, mm, pack.uffd_close(mm, uffd))
            return pb.OpenUserfaultfdResponse(errno_code=errno, errno_name=name)
        return pb.OpenUserfaultfdResponse(uffd=uffd, features=features)

    def close_userfaultfd(self, request: pb.CloseUserfaultfdRequest) -> pb.CloseUserfaultfdResponse:
        mm = request.mm
        errno, name, _ = self._one(_UFFD_CLOSE, mm, pack.uffd_close(mm, request.uffd))
        return pb.CloseUserfaultfdResponse(errno_code=errno, errno_name=name)

    def uffd_register(self, request: pb.UffdRegisterRequest) -> pb.UffdRegisterResponse:
        mm = request.mm
        record = pack.uffd_register(mm, request.uffd, request.addr, request.length, request.mode)
        errno, name, _ = self._one(_UFFD_REGISTER, mm, record)
        return pb.UffdRegisterResponse(errno_code=errno, errno_name=name)

    def uffd_unregister(self, request: pb.UffdUnregisterRequest) -> pb.UffdUnregisterResponse:
        mm = request.mm
        record = pack.uffd_unregister(mm, request.uffd, request.addr, request.length)
        errno, name, _ = self._one(_UFFD_UNREGISTER, mm, record)
        return pb.UffdUnregisterResponse(errno_code=errno, errno_name=name)

    def _fill(
        self, fill: UffdFill, mm: int, uffd: int, dst: int, src: int, length: int, mode: int
    ) -> _Filled:
        record = pack.uffd_fill(mm, uffd, dst, src, length, mode, fill)
        errno, name, filled = self._one(_UFFD_FILL, mm, record)
        return {"errno_code": errno, "errno_name": name, "filled": filled}

    def uffd_copy(self, request: pb.UffdCopyRequest) -> pb.UffdCopyResponse:
        mm = request.mm
        operands = (request.uffd, request.dst, request.src, request.length, request.mode)
        record = record_of(request, pack.uffd_fill(mm, *operands, UffdFill.COPY))
        errno, name, filled = self._one(_UFFD_FILL, mm, record)
        return pb.UffdCopyResponse(errno_code=errno, errno_name=name, filled=filled)

    def uffd_zeropage(self, request: pb.UffdZeropageRequest) -> pb.UffdZeropageResponse:
        return pb.UffdZeropageResponse(
            **self._fill(
                *(UffdFill.ZEROPAGE, request.mm, request.uffd, request.addr, 0),
                request.length,
                request.mode,
            )
        )

    def uffd_continue(self, request: pb.UffdContinueRequest) -> pb.UffdContinueResponse:
        return pb.UffdContinueResponse(
            **self._fill(
                *(UffdFill.CONTINUE, request.mm, request.uffd, request.addr, 0),
                request.length,
                request.mode,
            )
        )

    def uffd_writeprotect(self, request: pb.UffdWriteprotectRequest) -> pb.UffdWriteprotectResponse:
        mm = request.mm
        record = pack.uffd_protect(mm, request.uffd, request.addr, request.length, request.mode)
        errno, name, _ = self._one(_UFFD_PROTECT, mm, record)
        return pb.UffdWriteprotectResponse(errno_code=errno, errno_name=name)

    def uffd_wake(self, request: pb.UffdWakeRequest) -> pb.UffdWakeResponse:
        mm = request.mm
        record = pack.uffd_wake(mm, request.uffd, request.addr, request.length)
        errno, name, _ = self._one(_UFFD_WAKE, mm, record)
        return pb.UffdWakeResponse(errno_code=errno, errno_name=name)
