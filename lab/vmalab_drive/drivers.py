# SPDX-License-Identifier: Apache-2.0
"""Three ways to have operations done: attached to the segment, in blocks, one call each.

All take a block (the packed form of vmalab_client.block) and give 16 bytes for each record, so
that what makes operations and what judges answers does not care how they travel.

Driver (contract.py)
├── AttachDriver    the core in this process, on the shared segment
└── by gRPC (remote.py)
    ├── ApplyDriver     one unary Apply for each block
    ├── StreamDriver    one Batch stream, several blocks outstanding
    └── UnaryDriver     one unary call for each record
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from vmalab_client.block import parse_results

# The names "as" themselves are offered by this module too.
from vmalab_drive.contract import CallByCall as CallByCall
from vmalab_drive.contract import Driver as Driver
from vmalab_drive.contract import DriverError as DriverError
from vmalab_drive.contract import FileInfo as FileInfo
from vmalab_drive.contract import Target as Target

if TYPE_CHECKING:
    from vmalab_native.core import Role
    from vmalab_native.load_times import LoadTimes


class AttachDriver(Driver):
    """Maps the segment and calls the core itself."""

    def __init__(self, instance: str, *, role: Role = "client") -> None:
        from vmalab_native import core

        super().__init__()
        self._segment = core.Segment.attach(instance)
        self._participant = self._segment.participant(role)

    def create(
        self,
        *,
        mmap_base: int = 0,
        start_brk: int = 0,
        brk: int = 0,
        maps: str = "",
        pkeys: bool | None = None,
    ) -> int:
        from vmalab_native.core import MmSetup

        return self._participant.mm_create(
            mmap_base=mmap_base,
            start_brk=start_brk,
            brk=brk,
            maps=maps,
            setup=MmSetup(protection_keys=pkeys),
        )

    def keep(self, mms: list[int], files: Sequence[int] = ()) -> None:
        """Nothing to do: this participant has a lease on what it made."""

    def lease(self, mm: int) -> None:
        """Hold an address space that another process made."""
        self._participant.mm_get(mm)

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
        return self._participant.mm_exec(
            mm, mmap_base=mmap_base, start_brk=start_brk, brk=brk, maps=maps, shared=shared
        )

    def open_file(self, info: FileInfo) -> int:
        return self._participant.file_open(
            dev=info.dev, ino=info.inode, size_bytes=info.size, name=info.path
        )

    def close_file(self, file: int) -> None:
        self._participant.file_close(file)

    def run(self, block: bytes) -> bytes:
        return self._participant.run(block)

    def run_due(self, block: bytes, times: LoadTimes, due_ns: memoryview | None) -> bytes:
        """As run(), each record when it is due, the times in histograms: LoadTimes.run()."""
        return times.run(self._participant, block, due_ns)

    def timing_cost_ns(self, times: LoadTimes) -> int:
        """What run_due() spends on each operation that it times."""
        return times.cost_ns(self._participant)

    def maps(self, mm: int) -> str:
        return self._participant.maps(mm)

    def smaps(self, mm: int) -> str:
        """As maps(), with `VmFlags` after each line."""
        return self._participant.smaps(mm)

    def mincore(self, mm: int, addr: int, length: int) -> tuple[int, bytes]:
        return self._participant.mincore(mm, addr, length)

    def vmstat(self) -> Mapping[str, int]:
        return self._participant.vmstat()

    def slabinfo(self) -> list[dict[str, int | str]]:
        return [
            {name: getattr(one, name) for name in one.__dataclass_fields__}
            for one in self._participant.slabinfo()
        ]

    def fsck(self) -> list[str]:
        return self._participant.fsck()

    def close(self) -> None:
        self._participant.release()
        self._segment.close()


def connect(target: Target, mode: str, *, worker: int = -1) -> Driver:
    """The driver of a mode: attach, batch (a stream), apply or unary.

    Args:
        worker: which of the server's workers to talk to, modulo their number; -1 for any.

    Raises:
        DriverError: nobody answers, or attach without an instance.
    """
    if mode == "attach":
        if not target.instance:
            raise DriverError("attach needs the name of an instance on this machine")
        return AttachDriver(target.instance)
    from vmalab_drive import remote

    kind: type[remote.UnaryDriver | remote.ApplyDriver | remote.StreamDriver]
    kind = remote.StreamDriver
    if mode in ("unary", "apply"):
        kind = remote.UnaryDriver if mode == "unary" else remote.ApplyDriver
    security = remote.Security(target.token, target.certificates, target.pair)
    return kind(target.address, worker=worker, security=security)


def results(data: bytes) -> list[tuple[int, int, int]]:
    """Results as plain tuples (status, info, value)."""
    return [(one.status, one.info, one.value) for one in parse_results(data)]
