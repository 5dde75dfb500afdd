# SPDX-License-Identifier: Apache-2.0
"""What the service answers when it cannot serve. Knows nothing of gRPC but the names of codes.

An emulated call that fails with an errno is no failure of the service: it is a normal answer.

ServiceFailure
├── NotFound            NOT_FOUND
├── InvalidRequest      INVALID_ARGUMENT
├── Exhausted           RESOURCE_EXHAUSTED
├── Precondition        FAILED_PRECONDITION
├── Refused             UNAVAILABLE
├── Unauthenticated     UNAUTHENTICATED
└── CoreFailure         INTERNAL
"""

from __future__ import annotations

from typing import ClassVar

from vmalab_native import errors as native
from vmalab_native.records import LimitMet

DOMAIN = "vmalab"


class ServiceFailure(Exception):
    """Base. `reason` is stable and upper case; `metadata` belongs to it."""

    code: ClassVar[str] = "UNKNOWN"

    def __init__(self, reason: str, message: str, **metadata: str) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message
        self.metadata = metadata


class NotFound(ServiceFailure):
    code = "NOT_FOUND"


class InvalidRequest(ServiceFailure):
    code = "INVALID_ARGUMENT"


class Exhausted(ServiceFailure):
    code = "RESOURCE_EXHAUSTED"


class Precondition(ServiceFailure):
    code = "FAILED_PRECONDITION"


class Refused(ServiceFailure):
    code = "UNAVAILABLE"


class Unauthenticated(ServiceFailure):
    code = "UNAUTHENTICATED"


class CoreFailure(ServiceFailure):
    code = "INTERNAL"


def no_such_mm(mm: int) -> NotFound:
    return NotFound(
        "NO_SUCH_MM",
        f"there is no address space {mm}: it has exited, its last lease has ended, or it never was",
        mm=str(mm),
    )


def bad_argument(field: str, message: str) -> InvalidRequest:
    return InvalidRequest("BAD_ARGUMENT", f"{field}: {message}", field=field)


def limit_met(met: LimitMet | None, what: str) -> Exhausted:
    """A limit of the instance, or a quota of a client's account, refused something."""
    if met is None:
        return Exhausted("LIMIT_EXCEEDED", f"{what}: a limit of the instance is reached")
    whose = f"client {met.account!r} has all it may have" if met.account else "the instance is full"
    metadata = {"client": met.account} if met.account else {}
    return Exhausted(
        "LIMIT_EXCEEDED",
        f"{what}: {whose} ({met.name} = {met.max})",
        limit=met.name,
        max=str(met.max),
        **metadata,
    )


def _limit_exceeded(error: native.LimitExceeded, text: str) -> Exhausted:
    if not error.limit:
        return Exhausted("LIMIT_EXCEEDED", text)
    return limit_met(LimitMet(error.limit, error.max, error.account), error.what)


def of_native(error: native.NativeError) -> ServiceFailure:
    """The failure for what the core refused."""
    text = str(error)
    if isinstance(error, native.NoSuchMm):
        return NotFound("NO_SUCH_MM", text)
    if isinstance(error, native.NoParticipantSlot):
        return Exhausted("LIMIT_EXCEEDED", text, limit="participants_max")
    if isinstance(error, native.LimitExceeded):
        return _limit_exceeded(error, text)
    if isinstance(error, native.BadBlock):
        return InvalidRequest("BAD_BLOCK", text)
    if isinstance(error, native.InvalidArgument):
        return InvalidRequest("BAD_ARGUMENT", error.detail)
    if isinstance(error, native.SegmentNotReady):
        return Refused("STOPPING", text)
    return CoreFailure("CORE_ERROR", text, constant=error.constant)
