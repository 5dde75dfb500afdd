# SPDX-License-Identifier: Apache-2.0
"""What virtual CPUs do: the workloads that have names."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from vmalab.uapi import Prot
from vmalab_native.virtual import Program
from vmalab_scale.work import (
    APART,
    BASE,
    PAGE,
    READ_WRITE,
    TURNS,
    Needs,
    Place,
    Work,
    Workload,
    dropped,
    ended,
    filled,
    forked,
    load,
    mapped,
    moved,
    protected,
    reading,
    store,
    unmapped,
)

PFT_PAGES: Final = APART // PAGE
"""Of the part of each CPU: one page table."""


def area(cpu: int) -> int:
    """Where a CPU's own area begins."""
    return BASE + cpu * APART


def _loads(mm: int, addr: int, first: int = 0) -> Program:
    """Reads of pages that are there, each a fault. first: page of its VMA."""
    return [load(mm, addr + page * PAGE, first + page + 1) for page in range(TURNS)]


def own_vma(place: Place) -> Work:
    """Each CPU has mapped an area itself. It faults on its own."""
    mm, cpus = place.mm, range(place.cpus)
    return Work(
        [(cpu, filled(mm, area(cpu))) for cpu in cpus],
        [_loads(mm, area(cpu)) for cpu in cpus],
    )


def neighbours(place: Place) -> Work:
    """The first CPU has mapped all areas, one after the other. Each faults on one of its own."""
    mm, cpus = place.mm, range(place.cpus)
    return Work(
        [(0, filled(mm, area(cpu))) for cpu in cpus],
        [_loads(mm, area(cpu)) for cpu in cpus],
    )


def shared_vma(place: Place) -> Work:
    """The first CPU has mapped one area. All fault on it, each on pages of its own."""
    mm, pages = place.mm, place.cpus * TURNS
    return Work(
        [(0, filled(mm, BASE, pages))],
        [_loads(mm, BASE + cpu * TURNS * PAGE, cpu * TURNS) for cpu in range(place.cpus)],
    )


def _beside(work: Work, writer: Program, cells: tuple[int, ...] = ()) -> Work:
    """The first CPU writes; the others do what they did."""
    return Work(work.prepare, [writer, *work.programs[1:]], cells)


def page_writer(place: Place) -> Work:
    """As shared-vma, but the first CPU drops its page of the area and stores to it again."""
    mm = place.mm
    return _beside(shared_vma(place), [dropped(mm, BASE, 1), store(mm, BASE, 1)])


def area_writer(place: Place) -> Work:
    """As own-vma, but the first CPU changes the protection of its own area."""
    mm, at = place.mm, area(0)
    both = [protected(mm, at, TURNS, prot) for prot in (int(Prot.READ), READ_WRITE)]
    return _beside(own_vma(place), both)


def fork(place: Place) -> Work:
    """Each CPU has mapped an area itself. The first one forks the address space and ends the child;
    the others store to their own areas, and copy what the child shares with them."""
    mm = place.mm
    stores = [
        [store(mm, area(cpu) + page * PAGE, page + 1) for page in range(TURNS)]
        for cpu in range(place.cpus)
    ]
    work = Work(own_vma(place).prepare, list(stores))
    return _beside(work, [forked(mm, 0), ended(0)], cells=(0,))


def _map_unmap(mm: int, addr: int) -> Program:
    return [mapped(mm, addr, 1), store(mm, addr, 1), unmapped(mm, addr, 1)]


def munmap(place: Place) -> Work:
    """Each CPU maps an area, stores to its page, and unmaps it."""
    return Work([], [_map_unmap(place.mm, area(cpu)) for cpu in range(place.cpus)])


def uffd_move(place: Place) -> Work:
    """Each CPU has mapped two areas itself, one of them empty. It moves the pages of one to the
    other and back with UFFDIO_MOVE, and reads each where it is then."""
    mm, prepare, programs = place.mm, [], []
    for cpu in range(place.cpus):
        one, two = area(2 * cpu), area(2 * cpu + 1)
        prepare.append((cpu, filled(mm, one) + mapped(mm, two, TURNS).block))
        program = []
        for source, target in ((one, two), (two, one)):
            for page in range(TURNS):
                here, there = source + page * PAGE, target + page * PAGE
                program += [moved(mm, here, there, 1), load(mm, there, page + 1)]
        programs.append(program)
    return Work(prepare, list(programs))


def maps_reader(place: Place) -> Work:
    """As munmap, but the first CPU reads the maps of the address space, over and over."""
    mm = place.mm
    return Work(
        [(0, filled(mm, area(0)))],
        [[reading(mm)], *(_map_unmap(mm, area(cpu)) for cpu in range(1, place.cpus))],
    )


def _fresh_pages(mm: int, at: int) -> Program:
    fresh = [store(mm, at + page * PAGE, page + 1) for page in range(PFT_PAGES)]
    return [*fresh, dropped(mm, at, PFT_PAGES)]


def pft(place: Place) -> Work:
    """The first CPU has mapped one large area. Each CPU stores to the fresh pages of its own part
    of it, one after the other; when all are there it drops them, in one call."""
    mm = place.mm
    programs = [_fresh_pages(mm, area(cpu)) for cpu in range(place.cpus)]
    return Work([(0, mapped(mm, BASE, place.cpus * PFT_PAGES).block)], list(programs))


def pft_own(place: Place) -> Work:
    """As pft, but each CPU has mapped an area of its own, and no two areas touch."""
    mm, areas = place.mm, [area(2 * cpu) for cpu in range(place.cpus)]
    prepare = [(cpu, mapped(mm, at, PFT_PAGES).block) for cpu, at in enumerate(areas)]
    return Work(prepare, [_fresh_pages(mm, at) for at in areas])


def _more_frames(cpus: int) -> Needs:
    """Of the pages of the test, and of those that participants keep in hand."""
    return Needs(frames=(1 << 16) + 2 * cpus * PFT_PAGES, size_bytes=1 << 30)


_TABLE: Final[dict[str, Callable[[Place], Work]]] = {
    "own-vma": own_vma,
    "neighbours": neighbours,
    "shared-vma": shared_vma,
    "page-writer": page_writer,
    "area-writer": area_writer,
    "fork": fork,
    "munmap": munmap,
    "uffd-move": uffd_move,
    "maps-reader": maps_reader,
    "pft": pft,
    "pft-own": pft_own,
}
_NEEDS: Final[dict[str, Callable[[int], Needs]]] = {
    "pft": _more_frames,
    "pft-own": _more_frames,
}


def _text(make: Callable[[Place], Work]) -> str:
    return " ".join((make.__doc__ or "").split())


WORKLOADS: Final[dict[str, Workload]] = {
    name: Workload(name, _text(make), make, _NEEDS.get(name, lambda cpus: Needs()))
    for name, make in _TABLE.items()
}
"""By name."""
