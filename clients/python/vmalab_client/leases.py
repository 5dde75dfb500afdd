# SPDX-License-Identifier: Apache-2.0
"""The leases of a client as its Hold stream has them: what was asked for, what was answered."""

from __future__ import annotations

from dataclasses import dataclass

from vmalab.v1 import memory_pb2 as pb
from vmalab_client.errors import ServiceError


@dataclass(slots=True)
class _Lease:
    """How many handles or opens of this client want it, and which request names it."""

    users: int
    request: int


class Leases:
    """What there is a lease on. Each change gives the request that the stream has to carry.

    Each request of a stream has one answer, in order. A lease is confirmed by the answer to the
    request that names it. A stream that ends takes all confirmations with it; the first request of
    the next one names all leases. A caller with threads has a lock around each call.
    """

    def __init__(self) -> None:
        self._mms: dict[int, _Lease] = {}
        self._files: dict[int, _Lease] = {}
        self._said = 0
        self._heard = 0

    def __contains__(self, mm: int) -> bool:
        return mm in self._mms

    def _say(self, request: pb.HoldRequest) -> pb.HoldRequest:
        self._said += 1
        return request

    def add(self, mm: int) -> pb.HoldRequest | None:
        """One more handle on an address space; None: there is a lease on it."""
        found = self._mms.get(mm)
        if found is not None:
            found.users += 1
            return None
        self._mms[mm] = _Lease(1, self._said + 1)
        return self._say(pb.HoldRequest(add=[mm]))

    def drop(self, mm: int) -> pb.HoldRequest | None:
        """One handle less; None: the lease stays, or there was none."""
        found = self._mms.get(mm)
        if found is None:
            return None
        found.users -= 1
        return None if found.users else self.forget(mm)

    def forget(self, mm: int) -> pb.HoldRequest | None:
        """No lease on it any more, whatever handles there are; None: there was none."""
        if self._mms.pop(mm, None) is None:
            return None
        return self._say(pb.HoldRequest(drop=[mm]))

    def add_file(self, file: int) -> pb.HoldRequest | None:
        """A file was opened once more; None: there is a lease on it."""
        found = self._files.get(file)
        if found is not None:
            found.users += 1
            return None
        self._files[file] = _Lease(1, self._said + 1)
        return self._say(pb.HoldRequest(add_files=[file]))

    def drop_file(self, file: int) -> pb.HoldRequest | None:
        """A file was closed once; None: the lease stays, or there was none."""
        found = self._files.get(file)
        if found is None:
            return None
        found.users -= 1
        if found.users:
            return None
        del self._files[file]
        return self._say(pb.HoldRequest(drop_files=[file]))

    def clear(self) -> None:
        """No leases: the client is closed."""
        self._mms.clear()
        self._files.clear()

    def begin(self) -> pb.HoldRequest:
        """A new stream: its first request."""
        self._said, self._heard = 1, 0
        for one in (*self._mms.values(), *self._files.values()):
            one.request = 1
        return pb.HoldRequest(add=sorted(self._mms), add_files=sorted(self._files))

    def end(self) -> None:
        """The stream has ended: nothing is confirmed."""
        self._said = self._heard = 0
        for one in self._mms.values():
            one.request = 1

    def hear(self, answer: pb.HoldResponse) -> list[int]:
        """An answer has come; the address spaces that are lost."""
        self._heard += 1
        lost = [mm for mm in answer.missing if self.confirmed(mm)]
        for mm in lost:
            self._mms.pop(mm, None)
        for file in answer.missing_files:
            found = self._files.get(file)
            # One that was opened again meanwhile is in a request that has no answer yet.
            if found is not None and found.request <= self._heard:
                del self._files[file]
        return lost

    def refused(self, error: ServiceError) -> list[int] | None:
        """The stream has ended with this error.

        The address spaces that are lost, if a lease was refused, which the next stream is without;
        None: none was, and the stream is to be opened again after a while.
        """
        if error.reason != "NOT_OWNER":
            return None
        mm, file = (int(error.metadata.get(name, "0")) for name in ("mm", "file"))
        if self._files.pop(file, None) is not None:
            return []
        return None if self._mms.pop(mm, None) is None else [mm]

    def confirmed(self, mm: int) -> bool:
        """Whether there is a lease on it that the server has confirmed."""
        found = self._mms.get(mm)
        return found is not None and found.request <= self._heard
