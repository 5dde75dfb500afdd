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
├── Denied              PERMISSION_DENIED
├── TooLate             DEADLINE_EXCEEDED
└── CoreFailure         INTERNAL
"""

from __future__ import annotations

from typing import ClassVar

from vmalab_native import errors as native

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


class Denied(ServiceFailure):
    code = "PERMISSION_DENIED"


class TooLate(ServiceFailure):
    code = "DEADLINE_EXCEEDED"


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


def limit_reached(names: str, values: dict[str, int], what: str) -> Exhausted:
    """A limit of the segment is reached: one of `names` (comma separated)."""
    shown = {name: str(values[name]) for name in names.split(",") if name in values}
    limits = ", ".join(f"{name} = {value}" for name, value in shown.items())
    return Exhausted(
        "LIMIT_EXCEEDED",
        f"{what}: a limit of the instance is reached ({limits})",
        limit=names,
        max=",".join(shown.values()),
    )


def of_native(error: native.NativeError) -> ServiceFailure:
    """The failure for what the core refused."""
    text = str(error)
    if isinstance(error, native.NoSuchMm):
        return NotFound("NO_SUCH_MM", text)
    if isinstance(error, native.NoParticipantSlot):
        return Exhausted("LIMIT_EXCEEDED", text, limit="participants_max")
    if isinstance(error, native.LimitExceeded):
        return Exhausted("LIMIT_EXCEEDED", text)
    if isinstance(error, native.BadBlock):
        return InvalidRequest("BAD_BLOCK", text)
    if isinstance(error, native.InvalidArgument):
        return InvalidRequest("BAD_ARGUMENT", error.detail)
    if isinstance(error, native.SegmentNotReady):
        return Refused("STOPPING", text)
    return CoreFailure("CORE_ERROR", text, constant=error.constant)
