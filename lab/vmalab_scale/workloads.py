# SPDX-License-Identifier: Apache-2.0
"""What virtual CPUs do: who maps what, and which operations each does over and over.

A workload is made in one address space. `prepare` is run for real, by the participants that later
are virtual CPUs, so that each has what it maps in its own magazines, as processes do.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from vmalab.uapi import Access, Map, Prot
from vmalab_client.block import BlockBuilder

PAGE: Final = 4096
BASE: Final = 0x2000_0000_0000
APART: Final = 0x20_0000
"""Bytes between the areas of two CPUs: each has its own page table."""
READ_WRITE: Final = Prot.READ | Prot.WRITE
FIXED: Final = Map.PRIVATE | Map.ANONYMOUS | Map.FIXED
TURNS: Final = 8
"""Pages of an area that are touched in turn."""


@dataclass(frozen=True)
class Work:
    """A workload for so many CPUs.

    Attributes:
        prepare: (CPU, block): run once, in this order.
        programs: for each CPU its operations: (block of one record, name of the kind).
    """

    prepare: list[tuple[int, bytes]]
    programs: list[list[tuple[bytes, str]]]


def area(cpu: int) -> int:
    """Where a CPU's own area begins."""
    return BASE + cpu * APART


def _mapped(mm: int, addr: int, pages: int = TURNS) -> bytes:
    """Maps an area and fills its pages."""
    block = BlockBuilder()
    block.mmap(mm, addr=addr, length=pages * PAGE, prot=READ_WRITE, flags=FIXED)
    for page in range(pages):
        block.fault(mm, addr + page * PAGE, access=Access.WRITE, word=page + 1)
    return bytes(block)


def _one(add: Callable[[BlockBuilder], None]) -> bytes:
    block = BlockBuilder()
    add(block)
    return bytes(block)


def _faults(mm: int, addr: int, pages: int = TURNS) -> list[tuple[bytes, str]]:
    """Reads of pages that are there, each a fault."""
    at = [addr + page * PAGE for page in range(pages)]
    return [(_one(lambda block, at=one: block.fault(mm, at)), "fault") for one in at]  # type: ignore[misc]


def own_vma(mm: int, cpus: int) -> Work:
    """Each CPU has mapped a VMA itself, and faults on it."""
    return Work(
        [(cpu, _mapped(mm, area(cpu))) for cpu in range(cpus)],
        [_faults(mm, area(cpu)) for cpu in range(cpus)],
    )


def neighbours(mm: int, cpus: int) -> Work:
    """One CPU has mapped all VMAs, one after the other; each CPU faults on its own."""
    return Work(
        [(0, _mapped(mm, area(cpu))) for cpu in range(cpus)],
        [_faults(mm, area(cpu)) for cpu in range(cpus)],
    )


def shared_vma(mm: int, cpus: int) -> Work:
    """All fault on one VMA, each on pages of its own."""
    pages = cpus * TURNS
    return Work(
        [(0, _mapped(mm, BASE, pages))],
        [_faults(mm, BASE + cpu * TURNS * PAGE) for cpu in range(cpus)],
    )


def _beside(work: Work, writer: list[tuple[bytes, str]]) -> Work:
    """The first CPU writes; the others do what they did."""
    return Work(work.prepare, [writer, *work.programs[1:]])


def page_writer(mm: int, cpus: int) -> Work:
    """The first CPU drops a page of the VMA and stores to it again; the others fault on others."""
    drop = _one(lambda block: block.madvise(mm, BASE, PAGE, 4))  # MADV_DONTNEED
    fill = _one(lambda block: block.fault(mm, BASE, access=Access.WRITE, word=1))
    return _beside(shared_vma(mm, cpus), [(drop, "madvise"), (fill, "fault")])


def area_writer(mm: int, cpus: int) -> Work:
    """The first CPU changes the protection of its own area; the others fault on theirs."""
    programs = [
        (_one(lambda block, prot=prot: block.mprotect(mm, area(0), TURNS * PAGE, prot)), "mprotect")  # type: ignore[misc]
        for prot in (Prot.READ, READ_WRITE)
    ]
    return _beside(own_vma(mm, cpus), programs)


def munmap(mm: int, cpus: int) -> Work:
    """Each maps an area, fills its first page, and unmaps it."""
    work: list[list[tuple[bytes, str]]] = []
    for cpu in range(cpus):
        at = area(cpu)
        work.append(
            [
                (
                    _one(
                        lambda block, at=at: block.mmap(  # type: ignore[misc]
                            mm, addr=at, length=PAGE, prot=READ_WRITE, flags=FIXED
                        )
                    ),
                    "mmap",
                ),
                (
                    _one(
                        lambda block, at=at: block.fault(mm, at, access=Access.WRITE, word=1)  # type: ignore[misc]
                    ),
                    "fault",
                ),
                (_one(lambda block, at=at: block.munmap(mm, at, PAGE)), "munmap"),  # type: ignore[misc]
            ]
        )
    return Work([], work)


WORKLOADS: Final[dict[str, Callable[[int, int], Work]]] = {
    "own-vma": own_vma,
    "neighbours": neighbours,
    "shared-vma": shared_vma,
    "page-writer": page_writer,
    "area-writer": area_writer,
    "munmap": munmap,
}
"""By name; each takes the id of the address space, and how many CPUs."""
