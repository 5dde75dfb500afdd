# SPDX-License-Identifier: Apache-2.0
"""What a workload is made of: who maps what, and the operations of each virtual CPU.

A workload is made in one address space. `prepare` is run for real, by the participants that later
are virtual CPUs, so that each has what it maps in its own magazines, as processes do. Each
operation says how it has to end, so a run checks all answers.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

from vmalab import pack
from vmalab.uapi import Access, Madv, Map, Prot
from vmalab_native.core import Participant
from vmalab_native.virtual import Order, Program, Step, VirtualRun

PAGE: Final = 4096
BASE: Final = 0x2000_0000_0000
APART: Final = 0x20_0000
"""Bytes between the areas of two CPUs: each has its own page table."""
READ_WRITE: Final = int(Prot.READ | Prot.WRITE)
FIXED: Final = int(Map.PRIVATE | Map.ANONYMOUS | Map.FIXED)
TURNS: Final = 8
"""Pages of an area that are touched in turn."""


class ScaleError(ValueError):
    """What was asked for cannot be run; says why."""


@dataclass(frozen=True, slots=True)
class Needs:
    """How much a workload needs of a segment."""

    frames: int = 1 << 16
    mms: int = 16
    files: int = 4
    size_bytes: int = 512 << 20


@dataclass(frozen=True, slots=True)
class Place:
    """Where a workload is made.

    Attributes:
        people: the participants that are its virtual CPUs.
        mm: the address space of all.
        seed: of what is drawn.
    """

    people: Sequence[Participant]
    mm: int
    seed: int

    @property
    def cpus(self) -> int:
        return len(self.people)


@dataclass(frozen=True)
class Work:
    """A workload for so many CPUs.

    Attributes:
        prepare: (CPU, block): run once, in this order.
        programs: of each CPU.
        cells: what they hold when it begins.
        order: of the steps that have a turn, which are done once.
        judge: what the answers of such a run are worth, for people and JSON.
    """

    prepare: list[tuple[int, bytes]]
    programs: list[Program]
    cells: Sequence[int] = ()
    order: Order | None = None
    judge: Callable[[VirtualRun], Verdict] | None = None


@dataclass(frozen=True)
class Verdict:
    """What came of answers that a trace has. facts: for JSON."""

    good: bool
    text: str
    facts: dict[str, object]


@dataclass(frozen=True)
class Workload:
    """A workload that has a name.

    Attributes:
        text: who maps what, and what each CPU does.
        needs: for so many CPUs.
        cpus: it runs on so many and no others; 0: on any number.
        stricter: what runs in its place when answers were not those expected.
    """

    name: str
    text: str
    make: Callable[[Place], Work]
    needs: Callable[[int], Needs] = field(default=lambda cpus: Needs())
    cpus: int = 0
    stricter: Callable[[], Workload] | None = None


# --- operations ---


def load(mm: int, addr: int, word: int | None = None) -> Step:
    """A fault that reads; word: what it has to find."""
    return Step(pack.fault(mm, addr, None, Access.READ), "fault", value=word)


def store(mm: int, addr: int, word: int) -> Step:
    """A fault that writes."""
    return Step(pack.fault(mm, addr, word, Access.WRITE), "fault", value=word)


def mapped(mm: int, addr: int, pages: int, prot: int = READ_WRITE) -> Step:
    """mmap at that place."""
    block = pack.mmap(mm, addr, pages * PAGE, prot, FIXED, 0, 0, 0)
    return Step(block, "mmap", value=addr)


def unmapped(mm: int, addr: int, pages: int) -> Step:
    return Step(pack.munmap(mm, addr, pages * PAGE), "munmap")


def protected(mm: int, addr: int, pages: int, prot: int) -> Step:
    return Step(pack.mprotect(mm, addr, pages * PAGE, prot), "mprotect")


def dropped(mm: int, addr: int, pages: int) -> Step:
    """MADV_DONTNEED."""
    return Step(pack.madvise(mm, addr, pages * PAGE, Madv.DONTNEED), "madvise")


def moved(mm: int, source: int, target: int, pages: int) -> Step:
    """UFFDIO_MOVE."""
    block = pack.uffd_move(mm, target, source, pages * PAGE, 0, 0)
    return Step(block, "uffd_move", value=pages * PAGE)


def forked(mm: int, cell: int) -> Step:
    """fork; the child's number goes into the cell."""
    return Step(pack.fork(mm), "fork", keep=cell)


def ended(cell: int) -> Step:
    """exit of the child in the cell."""
    return Step(pack.exit(0), "exit", patches=((MM_WORD, cell),))


def reading(mm: int, *, flags: bool = False) -> Step:
    """The text of maps, or of smaps."""
    name = "smaps" if flags else "maps"
    return Step(mm.to_bytes(8, "little"), name, call="smaps" if flags else "maps")


MM_WORD: Final = 1
"""Of a record: the word with the address space."""


def filled(mm: int, addr: int, pages: int = TURNS) -> bytes:
    """Maps an area and fills its pages: page n has the word n + 1."""
    steps = [mapped(mm, addr, pages)]
    steps += [store(mm, addr + page * PAGE, page + 1) for page in range(pages)]
    return b"".join(step.block for step in steps)
