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


class Denied(ServiceFailure):
    code = "PERMISSION_DENIED"


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


_REMEDY = {
    "mms_max": ": end address spaces, or start the server with a larger --mms-max",
    "files_max": ": close files, or start the server with a larger --files-max",
    "frames_max": ": unmap memory, or start the server with a larger --frames-max",
    "size_bytes": ": unmap memory, or start the server with a larger --size",
    "frames_per_mm_max": ": unmap memory in it",
    "tables_per_mm_max": ": unmap memory in it",
    "account_mms_max": ": end address spaces",
    "account_files_max": ": close files",
    "account_frames_max": ": unmap memory",
    "account_tables_max": ": unmap memory",
    "account_vmas_max": ": unmap memory",
}
"""What helps, by the limit."""


def no_memory(what: str) -> Exhausted:
    """The machine has no memory for the segment."""
    return Exhausted(
        "NO_MEMORY",
        f"{what}: the machine of the server has no memory for it (its /dev/shm is full): unmap"
        " memory, or make room there",
    )


def limit_met(met: LimitMet | None, what: str, mm: int = 0) -> Exhausted:
    """A limit of the instance, or a quota of a client's account or of address space mm, refused
    something.
    """
    if met is None:
        return Exhausted("LIMIT_EXCEEDED", f"{what}: a limit of the instance is reached")
    if met.name == "machine_memory":
        return no_memory(what)
    whose = f"client {met.account!r} has all it may have" if met.account else "the instance is full"
    metadata = {"client": met.account} if met.account else {}
    if mm and met.name.endswith("_per_mm_max"):
        whose = f"address space {mm} has all it may have"
        metadata["mm"] = str(mm)
    return Exhausted(
        "LIMIT_EXCEEDED",
        f"{what}: {whose} ({met.name} = {met.max}){_REMEDY.get(met.name, '')}",
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
    if isinstance(error, native.SegmentTooBig):
        return no_memory("a new thread of the server")
    if isinstance(error, native.LimitExceeded):
        return _limit_exceeded(error, text)
    if isinstance(error, native.BadBlock):
        return InvalidRequest("BAD_BLOCK", text)
    if isinstance(error, native.InvalidArgument):
        return InvalidRequest("BAD_ARGUMENT", error.detail)
    if isinstance(error, native.SegmentNotReady):
        return Refused("STOPPING", text)
    return CoreFailure("CORE_ERROR", text, constant=error.constant)
