# SPDX-License-Identifier: Apache-2.0
"""One look at a segment: what `vmalab top` compares with the look before.

A `Sample` is plain data. It is read from the segment's file (`segment_file.py`), so it needs no
server, takes no lock and disturbs nobody. Its parts are read one after the other, not at one
instant. A sample says how much there has been of something; the difference of two says how fast.
"""

import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from vmalab_native.checks import SHM_DIRECTORY, shm_name
from vmalab_native.events import since
from vmalab_native.records import LockInfo, MmInfo, ParticipantInfo, SegmentInfo, SlabInfo
from vmalab_native.segment_file import SegmentFile, stat_names, words
from vmalab_native.view import SegmentView
from vmalab_native.waiting import operation_name, thread_state

CALLS: Final = (
    *("mmap", "munmap", "mprotect", "mremap", "madvise", "mincore", "brk", "fork", "exit"),
    *("mlock", "munlock", "msync", "mseal", "uffd_move", "uffd_call", "uffd_fill"),
    *("set_vma_name", "mm_create", "file_truncate", "file_allocate", "exec"),
)
"""The counters of calls, of `stats.h`."""
WAITS: Final = ("vma_writer_wait", "rwsem_read_wait", "rwsem_write_wait", "mutex_wait")


@dataclass(frozen=True, slots=True)
class Attached:
    """One participant.

    Attributes:
        generation: how often its slot was given out: with the index it names one life.
        rcu: the grace period that its read section is in, 0: it is in none.
        state: of its thread, as `waiting.Task` has it.
        operation_ns, wait_ns: when its call under way began, and since when it waits, of
            CLOCK_MONOTONIC; None: there is none, it does not, or that is not noted.
        counters: by name, as in vmstat.
    """

    info: ParticipantInfo
    generation: int
    rcu: int
    state: str
    operation_ns: int | None
    wait_ns: int | None
    counters: Mapping[str, int]

    @property
    def life(self) -> tuple[int, int]:
        """What no two lives have in common."""
        return self.info.index, self.generation

    @property
    def faults(self) -> int:
        return self.counters["pgfault"]

    @property
    def calls(self) -> int:
        return sum(self.counters[name] for name in CALLS)

    @property
    def waits(self) -> int:
        return sum(self.counters[name] for name in WAITS)

    @property
    def operation(self) -> str:
        """The operation under way, in lower case; "" if there is none."""
        return operation_name(self.info.op) if self.info.in_core and self.info.op else ""


@dataclass(frozen=True, slots=True)
class Sample:
    """A segment as it was, from `at_ns` (CLOCK_MONOTONIC) on.

    Attributes:
        broken: why nobody enters any more; "": all is well.
        grace_period: the number of the newest one.
        counters: of all participants that are or were, as vmstat has them.
    """

    at_ns: int
    info: SegmentInfo
    broken: str
    grace_period: int
    attached: tuple[Attached, ...]
    locks: tuple[LockInfo, ...]
    mms: tuple[MmInfo, ...]
    caches: tuple[SlabInfo, ...]
    counters: Mapping[str, int]


def take(view: SegmentView) -> Sample:
    """Looks at a segment. Raises SegmentDamaged, and what `SegmentFile.again()` raises."""
    view.file.again()
    at_ns = time.clock_gettime_ns(time.CLOCK_MONOTONIC)
    names, infos = stat_names(), view.participants()
    locks = view.every_lock(infos)  # before the waits: one that is older than the look was then too
    return Sample(
        at_ns=at_ns,
        info=view.info(),
        broken=view.state()[1],
        grace_period=view.file.inner("rcu", "rcu_state", "gp_ctr"),
        attached=tuple(_attached(view, names, info) for info in infos),
        locks=tuple(locks),
        mms=tuple(view.mm_list()),
        caches=tuple(view.slabinfo()),
        counters=view.vmstat(),
    )


def _attached(view: SegmentView, names: list[str], info: ParticipantInfo) -> Attached:
    file, slot = view.file, view.file.structs["participant_slot"]
    raw = file.row("participant_slot", "slots", info.index)
    values = words(file.area_part(info.index, "stats"))
    counters = {name: values[i] for i, name in enumerate(names)}
    view.add_fast_faults(counters)
    operation_ns, wait_ns = since(file, info.index)
    return Attached(
        info=info,
        generation=slot.get(raw, "generation"),
        rcu=slot.get(raw, "rcu"),
        state=thread_state(info),
        operation_ns=operation_ns,
        wait_ns=wait_ns,
        counters=counters,
    )


def same_file(file: SegmentFile) -> bool:
    """Whether an instance's name still leads to the file that was opened."""
    try:
        found = os.stat(SHM_DIRECTORY / shm_name(file.instance)[1:])
    except OSError:
        return False
    opened = os.fstat(file.fd)
    return (found.st_dev, found.st_ino) == (opened.st_dev, opened.st_ino)
