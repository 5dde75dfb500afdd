# SPDX-License-Identifier: Apache-2.0
"""Whom a participant charges, which limit it has reached, and that what it does is cancelled."""

from vmalab.ops import Limit, Status
from vmalab_native import convert
from vmalab_native._core import ffi, lib
from vmalab_native.cdata import ParticipantHandle
from vmalab_native.checks import u64
from vmalab_native.convert import text
from vmalab_native.errors import InvalidArgument, LimitExceeded
from vmalab_native.handle import Handle
from vmalab_native.records import LimitMet

NAME_BYTES_MAX = 47


def key_of(name: str) -> int:
    """The key of an account that is known by its name alone; of "" 0, the instance."""
    if not name:
        return 0
    from hashlib import blake2b  # takes longer to load than all of a look inside

    digest = blake2b(name.encode("utf-8", "surrogateescape"), digest_size=8).digest()
    return int.from_bytes(digest, "little") or 1


def use(handle: ParticipantHandle, name: str, key: int | None) -> int:
    """As Participant.account()."""
    raw = name.encode("utf-8", "surrogateescape")
    if b"\0" in raw:
        raise InvalidArgument(f"name = {name!r} has a 0 byte")
    number = u64("key", key_of(name) if key is None else key)
    return checked(
        handle, lib.vl_account_use(handle, number, raw[:NAME_BYTES_MAX]), f"account {name!r}"
    )


def _met(handle: ParticipantHandle) -> LimitMet | None:
    met = ffi.new("struct vl_limit_info *")
    lib.vl_limit_met(handle, met)
    if not met.limit:
        return None
    return LimitMet(Limit(met.limit).name.lower(), int(met.max), text(met.name))


def limit_of(handle: ParticipantHandle, status: int, info: int, value: int) -> LimitMet | None:
    """As Participant.limit_of()."""
    if status != Status.LIMIT or not info:
        return None
    name = Limit(info).name.lower()
    met = _met(handle)
    account = met.account if met and met.name == name else ""
    return LimitMet(name, value, account)


def checked(handle: ParticipantHandle, code: int, detail: str) -> int:
    """As convert.checked, with the limit that a refusal is about."""
    if code == LimitExceeded.code:
        met = _met(handle)
        if met is not None:
            raise LimitExceeded(detail, limit=met.name, maximum=met.max, account=met.account)
    return convert.checked(code, detail)


class Charging(Handle[ParticipantHandle]):
    """Accounts and cancelling, as a participant has them."""

    def account(self, name: str, *, key: int | None = None) -> int:
        """Finds or makes an account: new address spaces and opened files of this participant are
        charged to it from now on.

        What is in an address space is charged to the account that it was made for, whichever
        participant does it. A fork and an exec keep it.

        Args:
            name: for messages; 47 bytes of it are kept. "" without a key: the instance, which has
                no quota.
            key: what it is found by; by default made of the name. 0: the instance.

        Returns:
            Its number.

        Raises:
            LimitExceeded (accounts_max): every account has something.
        """
        return use(self._open(), name, key)

    def limit_of(self, status: int, info: int, value: int) -> LimitMet | None:
        """Which limit a result of the last block has reached; None: none (status is not LIMIT).

        The name of the account is known for the last refusal only.
        """
        return limit_of(self._open(), status, info, value)

    def cancel(self) -> None:
        """Ends early what this participant does, and whatever it begins until resume().

        Long calls answer EINTR. A block ends with status CANCELLED at the next record. Any thread
        may call this.
        """
        lib.vl_cancel(self._open())

    def resume(self) -> None:
        """Ends cancel()."""
        lib.vl_resume(self._open())
