# SPDX-License-Identifier: Apache-2.0
"""What the core can refuse, one class per code.

NativeError
├── SegmentExists          VL_E_EXISTS
├── SegmentMissing         VL_E_MISSING
├── SegmentForeign         VL_E_FOREIGN
├── SegmentTruncated       VL_E_TRUNCATED
├── AbiMismatch            VL_E_ABI
├── FingerprintMismatch    VL_E_FINGERPRINT
├── SegmentNotReady        VL_E_NOT_READY
├── SegmentBroken          VL_E_BROKEN
├── SegmentTooBig          VL_E_SPACE
├── NoParticipantSlot      VL_E_NO_SLOT
├── NoSuchMm               VL_E_NO_MM
├── LimitExceeded          VL_E_LIMIT     (.limit, .max, .account)
├── BadBlock               VL_E_BLOCK
├── RcuUnavailable         VL_E_RCU
├── InvalidArgument        VL_E_INVALID   (also a ValueError)
├── SystemCallFailed       VL_E_SYS       (.errno)
├── OtherClock             VL_E_CLOCK
├── SegmentDamaged         VL_E_DAMAGED
├── HandleClosed           used after release(), close() or fork()
└── CoreErrno              the core answered -errno (.errno)
    ├── LockTimeout        ETIMEDOUT      (also a TimeoutError)
    ├── RecoveryBusy       EBUSY
    └── RecoveryStuck      ETIMEDOUT      (.stuck_pid)

Errors of emulated calls are no exceptions: they are the status in a block's results.
"""

import errno as errno_module
import os
from typing import ClassVar


class NativeError(Exception):
    """Base of all.

    `code` is the number of the C library, `constant` its name, `remedy` what would be right.
    """

    code: ClassVar[int] = 0
    constant: ClassVar[str] = "VL_E_UNKNOWN"
    summary: ClassVar[str] = "the core refused for a reason that this package does not know"
    remedy: ClassVar[str] = "Rebuild the package (make native): Python and C differ."

    def __init__(self, detail: str = "") -> None:
        self.detail = detail
        head = f"{detail}: {self.summary}" if detail else self.summary
        super().__init__(f"{head} [{self.constant}]. {self.remedy}".rstrip())


class SegmentExists(NativeError):
    code = -2001
    constant = "VL_E_EXISTS"
    summary = "a segment of that name exists"
    remedy = (
        "Choose another instance name, stop the instance that runs, "
        "or remove what a killed one left in /dev/shm (Segment.remove)."
    )


class SegmentMissing(NativeError):
    code = -2002
    constant = "VL_E_MISSING"
    summary = "there is no such segment"
    remedy = "Start the instance first, or look for its name with `vmalab ps`."


class SegmentForeign(NativeError):
    code = -2003
    constant = "VL_E_FOREIGN"
    summary = "the file does not hold a vmalab segment"
    remedy = "Choose another instance name, or remove the file from /dev/shm."


class SegmentTruncated(NativeError):
    code = -2004
    constant = "VL_E_TRUNCATED"
    summary = "the file is shorter than its header says"
    remedy = "Remove it from /dev/shm and start the instance again."


class AbiMismatch(NativeError):
    code = -2005
    constant = "VL_E_ABI"
    summary = "the segment has another ABI version"
    remedy = "Use the vmalab that made the segment, or start the instance again with this one."


class FingerprintMismatch(NativeError):
    code = -2006
    constant = "VL_E_FINGERPRINT"
    summary = "the segment was made by a build with other structs, lock model or layout"
    remedy = "Use the build that made the segment, or start the instance again with this one."


class SegmentNotReady(NativeError):
    code = -2007
    constant = "VL_E_NOT_READY"
    summary = "the segment is not ready: its maker has not finished, or has died"
    remedy = "Try again in a moment; if it stays so, remove it from /dev/shm."


class SegmentBroken(NativeError):
    code = -2008
    constant = "VL_E_BROKEN"
    summary = "a broken invariant has stopped the segment"
    remedy = "Keep the segment for a look (vmalab fsck), then start the instance again."


class SegmentTooBig(NativeError):
    code = -2009
    constant = "VL_E_SPACE"
    summary = "/dev/shm has no room for it"
    remedy = "Make room in /dev/shm, mount it larger, or ask for a smaller size_bytes."


class NoParticipantSlot(NativeError):
    code = -2010
    constant = "VL_E_NO_SLOT"
    summary = "all participant slots are taken"
    remedy = (
        "End some of the processes and streams that use the instance, "
        "or start it with a larger participants_max."
    )


class NoSuchMm(NativeError):
    code = -2011
    constant = "VL_E_NO_MM"
    summary = "there is no such address space"
    remedy = "Its last lease is gone, or the number is of another instance: make a new one."


class LimitExceeded(NativeError):
    """`what` was tried. `limit` is the name of the limit that was reached, `max` what it is set to,
    `account` the name of the account whose quota it is ("": it is of the instance). "" and 0: the
    detail says it."""

    code = -2012
    constant = "VL_E_LIMIT"
    summary = "a named limit was reached"
    remedy = (
        "Give back what is not needed, or, if it is a setting, make the instance with a larger one."
    )

    def __init__(
        self, detail: str = "", *, limit: str = "", maximum: int = 0, account: str = ""
    ) -> None:
        self.what = detail
        self.limit = limit
        self.max = maximum
        self.account = account
        of = f" of account {account!r}" if account else ""
        super().__init__(f"{detail}: {limit} = {maximum}{of}" if limit else detail)


class BadBlock(NativeError):
    code = -2013
    constant = "VL_E_BLOCK"
    summary = "the block is malformed"
    remedy = "A block has at least one record and its length is a multiple of 8 bytes."


class RcuUnavailable(NativeError):
    code = -2014
    constant = "VL_E_RCU"
    summary = "the segment wants membarrier and this process cannot register for it"
    remedy = "Start the instance with rcu = fenced."


class InvalidArgument(NativeError, ValueError):
    code = -2015
    constant = "VL_E_INVALID"
    summary = "not allowed"
    remedy = ""


class SystemCallFailed(NativeError):
    """A system call of the library failed; `errno` says how."""

    code = -2016
    constant = "VL_E_SYS"
    summary = "a system call failed"
    remedy = "errno says why."

    def __init__(self, detail: str = "", *, errno: int = 0) -> None:
        self.errno = errno
        super().__init__(f"{detail} ({os.strerror(errno)})" if errno else detail)


class OtherClock(NativeError):
    code = -2018
    constant = "VL_E_CLOCK"
    summary = (
        "the segment was made in another time namespace, whose clock is not this process's, "
        "or there is no /proc here that shows it"
    )
    remedy = (
        "Attach from the time namespace that the instance was started in (nsenter --time), "
        "or start an instance in this one."
    )


class CoreMissing(NativeError):
    code = -2017
    constant = "VL_E_CORE"
    summary = "no core was built for that lock model and layout"
    remedy = "`vmalab layout --help` names them; gcc and make build others."


class SegmentDamaged(NativeError):
    code = -2019
    constant = "VL_E_DAMAGED"
    summary = "the segment is damaged"
    remedy = (
        "`vmalab fsck` names the damage; nothing can repair it: "
        "start the instance again (vmalab serve --replace-stale)."
    )


class HandleClosed(NativeError):
    constant = "HANDLE_CLOSED"
    summary = "the handle is closed"
    remedy = (
        "It cannot be used after it was released or closed; "
        "a forked child makes participants of its own."
    )


class CoreErrno(NativeError):
    """The core answered with the kernel's errno; `errno` is the positive number."""

    summary = "the core answered with an errno"
    remedy = "errno says why."

    def __init__(self, detail: str = "", *, errno: int) -> None:
        self.errno: int | None = errno
        name = errno_module.errorcode.get(errno, str(errno))
        super().__init__(f"{detail} ({name}, {os.strerror(errno)})" if detail else name)


class LockTimeout(CoreErrno, TimeoutError):
    code = -errno_module.ETIMEDOUT
    constant = "ETIMEDOUT"
    summary = "the lock was not free in time"
    remedy = "Wait longer, or see who holds it (vmalab locks)."

    def __init__(self, detail: str = "") -> None:
        super().__init__(detail, errno=errno_module.ETIMEDOUT)


class RecoveryBusy(CoreErrno):
    code = -errno_module.EBUSY
    constant = "EBUSY"
    summary = "another participant is recovering"
    remedy = "Nothing to do: it repairs the same things."

    def __init__(self, detail: str = "") -> None:
        super().__init__(detail, errno=errno_module.EBUSY)


class RecoveryStuck(CoreErrno):
    """A living participant did not leave the core in time.

    `stuck_pid` is its process, 0 if not known.
    """

    code = -errno_module.ETIMEDOUT
    constant = "ETIMEDOUT"
    summary = "a living participant did not leave the core in time"
    remedy = "Look at that process: it is stopped, starved of CPU, or in an endless loop."

    def __init__(self, detail: str = "", *, stuck_pid: int = 0) -> None:
        self.stuck_pid = stuck_pid
        super().__init__(detail, errno=errno_module.ETIMEDOUT)


BY_CODE: dict[int, type[NativeError]] = {
    kind.code: kind
    for kind in (
        SegmentExists,
        SegmentMissing,
        SegmentForeign,
        SegmentTruncated,
        AbiMismatch,
        FingerprintMismatch,
        SegmentNotReady,
        SegmentBroken,
        SegmentTooBig,
        NoParticipantSlot,
        NoSuchMm,
        LimitExceeded,
        BadBlock,
        RcuUnavailable,
        InvalidArgument,
        CoreMissing,
        OtherClock,
        SegmentDamaged,
    )
}


def error_of(code: int, detail: str, *, errno: int = 0) -> NativeError:
    """The exception for a negative code of the core.

    Args:
        code: an enum vl_error, or -errno (above -1000).
        detail: what was tried, with the values that matter.
        errno: the C library's errno after the call; used for VL_E_SYS alone.
    """
    if code == SystemCallFailed.code:
        return SystemCallFailed(detail, errno=errno)
    kind = BY_CODE.get(code)
    if kind is not None:
        return kind(detail)
    if -1000 < code < 0:
        return CoreErrno(detail, errno=-code)
    return NativeError(f"{detail} (code {code})")
