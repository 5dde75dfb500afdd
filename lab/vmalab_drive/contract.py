# SPDX-License-Identifier: Apache-2.0
"""What every driver does: it has blocks executed. drivers.py says which drivers there are."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Self

from vmalab_drive.errors import CommandError
from vmalab_drive.sampling import Sampler

TTL_MS = 60_000


class DriverError(CommandError):
    """The instance could not be reached or did not do what any instance does."""


@dataclass(frozen=True, slots=True)
class FileInfo:
    """A file the program mapped, as it was when it was mapped."""

    path: str
    dev: int
    inode: int
    size: int


@dataclass(frozen=True, slots=True)
class Target:
    """Where the operations go: an address of a server, or an instance to attach to.

    Attributes:
        token: what the server wants to see.
        certificates: PEM of who has signed the server's certificate; empty: it has no TLS.
        pair: PEM of what this client shows of itself, and its key; None: nothing.
    """

    address: str = ""
    instance: str = ""
    token: str = field(default="", repr=False)
    certificates: bytes = field(default=b"", repr=False)
    pair: tuple[bytes, bytes] | None = field(default=None, repr=False)


class Driver(ABC):
    """Somebody who executes blocks. Used by one thread at a time."""

    @abstractmethod
    def create(
        self,
        *,
        mmap_base: int = 0,
        start_brk: int = 0,
        brk: int = 0,
        maps: str = "",
        pkeys: bool | None = None,
    ) -> int:
        """Make an address space. pkeys: with protection keys or without; None: as the instance."""

    @abstractmethod
    def exec(
        self,
        mm: int,
        *,
        mmap_base: int = 0,
        start_brk: int = 0,
        brk: int = 0,
        maps: str = "",
        shared: bool = False,
    ) -> int:
        """Leave an address space for a new one, as execve does; the new one."""

    @abstractmethod
    def keep(self, mms: list[int], files: Sequence[int] = ()) -> None:
        """Let address spaces live, and files stay open, for another TTL_MS."""

    @abstractmethod
    def open_file(self, info: FileInfo) -> int:
        """Make a file known; the same device and inode give the same number."""

    @abstractmethod
    def close_file(self, file: int) -> None:
        """Take an open_file back. What is mapped stays mapped."""

    @abstractmethod
    def run(self, block: bytes) -> bytes:
        """Execute a block and wait for its results."""

    @abstractmethod
    def maps(self, mm: int) -> str:
        """/proc/PID/maps of an address space."""

    @abstractmethod
    def mincore(self, mm: int, addr: int, length: int) -> tuple[int, bytes]:
        """errno or 0, and one byte for each page."""

    @abstractmethod
    def vmstat(self) -> Mapping[str, int]: ...

    @abstractmethod
    def slabinfo(self) -> list[dict[str, int | str]]: ...

    @abstractmethod
    def fsck(self) -> list[str]: ...

    @abstractmethod
    def close(self) -> None: ...

    sampler: Sampler | None = None
    """Calls or blocks that it chooses are asked where their time went; None: none is."""

    def parts_cost_ns(self) -> int:
        """What it costs to ask one call or block for that, by some that do nothing else; 0 where
        nothing is asked."""
        return 0

    def send(self, block: bytes) -> None:
        """Begin a block; its results come from receive() in order. Here: execute it at once."""
        self._done.append(self.run(block))

    def receive(self) -> bytes:
        """The results of the oldest block that was sent."""
        return self._done.popleft()

    def __init__(self) -> None:
        self._done: deque[bytes] = deque()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()


class CallByCall(Driver):
    """A driver that does one call for each record, and so can time each."""

    @abstractmethod
    def run_timed(
        self, block: bytes, spans_ns: list[tuple[int, int]], wait: Callable[[int], None]
    ) -> bytes:
        """As run(), and the times (monotonic) before and after each call.

        Args:
            spans_ns: gets a pair for each call that was answered, also when a later one fails.
            wait: called with the number of each record before its call.
        """
