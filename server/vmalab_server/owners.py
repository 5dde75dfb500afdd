# SPDX-License-Identifier: Apache-2.0
"""Whose an address space or a file is, and who may use it.

What a client makes is charged to its account (native/src/segment/account.c), which is also its
owner. An instance where all share everything and clients have no names knows one client, itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from vmalab_server import failures
from vmalab_server.caller import here

if TYPE_CHECKING:
    from vmalab_native.core import Participant


class Owners:
    """Which owners an instance knows.

    Args:
        named: clients have names, each of which has an account.
        share_all: everybody may use everything.
    """

    def __init__(self, *, named: bool, share_all: bool) -> None:
        self.share_all = share_all
        self.apart = named or not share_all
        self.checked = not share_all

    def joined(self, participant: Participant) -> None:
        """Of each new participant of a worker."""
        if self.apart and self.share_all:
            participant.share_new(shared=True)

    def may(self, participant: Participant, *, mm: int = 0, file: int = 0) -> None:
        """Raises Denied: the caller may not use it."""
        if not self.checked:
            return
        if mm and not participant.mm_may(mm):
            raise self._denied("mm", mm)
        if file and not participant.file_may(file):
            raise self._denied("file", file)

    def may_run(self, participant: Participant, block: bytes) -> None:
        """Raises Denied: the caller may not use what a record of the block names."""
        if not self.checked:
            return
        found = participant.block_may(block)
        if found is not None:
            raise self._denied(*found)

    def _denied(self, what: str, number: int) -> failures.Denied:
        kind, method = {
            "mm": ("address space", "ShareAddressSpace"),
            "file": ("file", "ShareFile"),
        }[what]
        client = here.caller.name
        return failures.Denied(
            "NOT_OWNER",
            f"{kind} {number} is of another client than {client!r}: that one can share it"
            f" ({method}), and `vmalab serve --share all` shares everything",
            client=client,
            **{what: str(number)},
        )


EVERYBODY = Owners(named=False, share_all=True)
