# SPDX-License-Identifier: Apache-2.0
"""What belongs to accounts: files and their leases, who may use what (core.Participant)."""

from __future__ import annotations

from vmalab_native import accounts
from vmalab_native._core import ffi, lib
from vmalab_native.cdata import ParticipantHandle
from vmalab_native.checks import u64
from vmalab_native.convert import checked
from vmalab_native.errors import InvalidArgument
from vmalab_native.handle import Handle


class OwnedThings(Handle[ParticipantHandle]):
    """The calls of a participant for files and owners."""

    # --- files ---

    def file_open(self, *, dev: int, ino: int, size_bytes: int, name: str, ttl_ns: int = 0) -> int:
        """The id of a file for MMAP records: one per (dev, ino), its size set again.

        Args:
            ttl_ns: the open lasts so long, or as long as file_keep() says; 0: until file_close().

        Raises:
            LimitExceeded (files_max, account_files_max).
        """
        raw = name.encode("utf-8", "surrogateescape")
        if b"\0" in raw:
            raise InvalidArgument(f"name = {name!r} has a 0 byte")
        file_id = ffi.new("u64 *")
        inode = (u64("dev", dev), u64("ino", ino), u64("size_bytes", size_bytes))
        code = lib.vl_file_open(self._open(), *inode, raw, u64("ttl_ns", ttl_ns), file_id)
        accounts.checked(self._open(), code, f"file {name!r}")
        return int(file_id[0])

    def file_close(self, file: int, *, leased: bool = False) -> None:
        """Ends one open. leased: one of those that have a time. Raises InvalidArgument: none."""
        checked(lib.vl_file_close(self._open(), u64("file", file), int(leased)), f"file {file}")

    def file_keep(self, file: int, ttl_ns: int) -> None:
        """Keeps the opens of a file that have a time for at least ttl_ns from now.

        Raises InvalidArgument: nobody has it open.
        """
        number = u64("file", file)
        checked(lib.vl_file_keep(self._open(), number, u64("ttl_ns", ttl_ns)), f"file {file}")

    # --- owners: what an account made is its own until it is shared ---

    def share_new(self, *, shared: bool) -> None:
        """What this participant makes from now on is shared with all accounts, or is not."""
        lib.vl_share_new(self._open(), int(shared))

    def mm_share(self, mm: int) -> None:
        """All accounts may use it, for good. Raises NoSuchMm."""
        checked(lib.vl_mm_share(self._open(), u64("mm", mm)), f"address space {mm}")

    def file_share(self, file: int) -> None:
        """As mm_share(). Raises InvalidArgument: there is no such file."""
        checked(lib.vl_file_share(self._open(), u64("file", file)), f"file {file}")

    def mm_may(self, mm: int) -> bool:
        """Whether this participant's account may use it; True also if there is none."""
        return bool(lib.vl_mm_may(self._open(), u64("mm", mm)))

    def file_may(self, file: int) -> bool:
        """As mm_may()."""
        return bool(lib.vl_file_may(self._open(), u64("file", file)))

    def block_may(self, block: bytes) -> tuple[str, int] | None:
        """What in a block this participant's account may not use: ("mm" or "file", id)."""
        found = ffi.new("u64 *")
        what = lib.vl_block_may(self._open(), ffi.from_buffer(block), len(block), found)
        return (("mm", "file")[what - 1], int(found[0])) if what else None
