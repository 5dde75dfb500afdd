# SPDX-License-Identifier: Apache-2.0
"""Named workloads: what known programs do to an address space, with every answer known.

Each is written from a description of the program, at the scale of one caller. Sizes are in pages.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal

from vmalab import pack
from vmalab.ops import Op
from vmalab_drive.errors import UsageError
from vmalab_loadgen.arena import PAGE
from vmalab_loadgen.blocks import BRK_BASE
from vmalab_loadgen.reading import GROUP
from vmalab_loadgen.script import (
    FILE_PRIVATE,
    FILE_SHARED,
    NONE,
    PRIVATE,
    READ,
    RW,
    Piece,
    Place,
    Program,
)

Spaces = Literal["own", "shared", "any"]
TURNS: Final = 64
"""Iterations of a short loop that are packed together."""


@dataclass(frozen=True, slots=True)
class Workload:
    """A program and what it is for.

    Attributes:
        spaces: own or shared: the callers need an address space of their own, or one together;
            any: both make sense, and own is what is taken when nothing is said.
        pages: the memory of one caller.
    """

    name: str
    source: str
    stresses: str
    spaces: Spaces
    pages: int
    program: Callable[[Place], Program]
    readers: bool = False
    """Every second caller of an address space reads its maps, and leaves the program to others."""


def _again(piece: Piece) -> Program:
    while True:
        yield piece


def page_fault1(place: Place) -> Program:
    piece = Piece(place.mm)
    piece.map(place.base, place.pages)
    for page in range(place.pages):
        piece.store(place.addr(page), place.word())
    piece.unmap(place.base, place.pages)
    return _again(piece)


def _file_faults(place: Place, how: int) -> Program:
    file = place.file(place.pages * PAGE)
    piece = Piece(place.mm)
    piece.map(place.base, place.pages, RW, how, file)
    for page in range(place.pages):
        piece.store(place.addr(page), place.word())
    piece.unmap(place.base, place.pages)
    return _again(piece)


def page_fault2(place: Place) -> Program:
    return _file_faults(place, FILE_PRIVATE)


def page_fault3(place: Place) -> Program:
    return _file_faults(place, FILE_SHARED)


def mmap1(place: Place) -> Program:
    piece = Piece(place.mm)
    for _ in range(TURNS):
        piece.map(place.base, place.pages)
        piece.unmap(place.base, place.pages)
    return _again(piece)


def mmap2(place: Place) -> Program:
    file = place.file(place.pages * PAGE)
    piece = Piece(place.mm)
    for _ in range(TURNS):
        piece.map(place.base, place.pages, RW, FILE_SHARED, file)
        piece.store(place.base, place.word())
        piece.unmap(place.base, place.pages)
    return _again(piece)


def brk1(place: Place) -> Program:
    piece = Piece(place.mm)
    for _ in range(TURNS):
        for addr in (BRK_BASE + PAGE, BRK_BASE):
            piece.call(Op.BRK, pack.brk(place.mm, addr), addr)
    return _again(piece)


def tlb_flush1(place: Place) -> Program:
    """Rights of present pages are taken away and given back, page by page."""
    begin = Piece(place.mm)
    begin.map(place.base, place.pages)
    words = [place.word() for _ in range(place.pages)]
    for page, word in enumerate(words):
        begin.store(place.addr(page), word)
    yield begin
    piece = Piece(place.mm)
    for page, word in enumerate(words):
        piece.protect(place.addr(page), 1, READ)
        piece.load(place.addr(page), word)
        piece.refused(place.addr(page))
        piece.protect(place.addr(page), 1, RW)
    yield from _again(piece)


def pft(place: Place) -> Program:
    """One large area of all callers, each page of which is filled once in a turn."""
    begin = Piece(place.mm)
    begin.map(place.base, place.pages)
    yield begin
    piece = Piece(place.mm)
    for page in range(place.pages):
        piece.store(place.addr(page), place.word())
    piece.drop(place.base, place.pages)
    yield from _again(piece)


CHUNK: Final = 16


def ebizzy(place: Place) -> Program:
    """Chunks are mapped, filled, searched, and unmapped in another order."""
    chunks = place.pages // CHUNK
    while True:
        piece = Piece(place.mm)
        order = place.rng.permutation(chunks).tolist()
        for chunk in order:
            first = chunk * CHUNK
            piece.map(place.addr(first), CHUNK)
            words = [place.word() for _ in range(CHUNK)]
            for page, word in enumerate(words):
                piece.store(place.addr(first + page), word)
            for page in place.rng.integers(0, CHUNK, 4 * CHUNK).tolist():
                piece.load(place.addr(first + page), words[page])
        for chunk in place.rng.permutation(chunks).tolist():
            piece.unmap(place.addr(chunk * CHUNK), CHUNK)
        for _ in range(8):
            yield piece


REGION: Final = 32


def jvm_gc(place: Place) -> Program:
    """A reserved heap: regions are committed, filled, read by a collector, protected while it
    moves their objects, and given back."""
    begin = Piece(place.mm)
    begin.map(place.base, place.pages, NONE)
    yield begin
    piece = Piece(place.mm)
    for first in range(0, place.pages - REGION + 1, REGION):
        at = place.addr(first)
        piece.protect(at, REGION, RW)
        words = [place.word() for _ in range(REGION)]
        for page, word in enumerate(words):
            piece.store(place.addr(first + page), word)
        piece.protect(at, REGION, READ)
        piece.refused(at)
        for page, word in enumerate(words):
            piece.load(place.addr(first + page), word)
        piece.drop(at, REGION)
        piece.load(at, 0)
        piece.protect(at, REGION, NONE)
        piece.refused(at, write=False)
    yield from _again(piece)


def fork_server(place: Place) -> Program:
    """A warmed-up parent forks a child for each request; the child writes to a part of what it
    shares, reads the rest, and exits."""
    begin = Piece(place.mm)
    begin.map(place.base, place.pages)
    words = [place.word() for _ in range(place.pages)]
    for page, word in enumerate(words):
        begin.store(place.addr(page), word)
    yield begin
    while True:
        ask = Piece(place.mm, asks=True)
        ask.call(Op.FORK, pack.fork(place.mm), any_value=True)
        (child,) = yield ask
        place.forked.append(child)
        yield _request(place, child, words)
        place.forked.remove(child)


def _request(place: Place, child: int, words: list[int]) -> Piece:
    piece = Piece(place.mm, asks=True)  # the child is there until its end was answered
    for page, word in enumerate(words):
        if page % 4:
            piece.load(place.addr(page), word, mm=child)
        else:
            own = place.word()
            piece.store(place.addr(page), own, mm=child)
            piece.load(place.addr(page), word)  # the parent's page is as it was
            piece.load(place.addr(page), own, mm=child)
    piece.call(Op.EXIT, pack.exit(child))
    return piece


def malloc_arena(place: Place) -> Program:
    """A reserved arena grows by mprotect as it is used, is trimmed, and goes."""
    step = max(1, place.pages // 16)
    piece = Piece(place.mm)
    piece.map(place.base, place.pages, NONE)
    for first in range(0, place.pages - step + 1, step):
        piece.protect(place.addr(first), step, RW)
        for page in range(first, first + step):
            piece.store(place.addr(page), place.word())
    half = place.pages // 2
    piece.drop(place.addr(half), place.pages - half)
    piece.load(place.addr(half), 0)
    piece.unmap(place.base, place.pages)
    return _again(piece)


STACK: Final = 16


def guard_pages(place: Place) -> Program:
    """Stacks of threads with a guard page below: mapped, used from the top, overrun, unmapped."""
    piece = Piece(place.mm)
    for first in range(0, place.pages - STACK + 1, STACK):
        piece.map(place.addr(first), STACK)
        piece.protect(place.addr(first), 1, NONE)
        for page in range(first + STACK - 1, first + STACK - 5, -1):
            piece.store(place.addr(page), place.word())
        piece.refused(place.addr(first))
    for first in range(0, place.pages - STACK + 1, STACK):
        piece.unmap(place.addr(first), STACK)
    return _again(piece)


def uffd_migration(place: Place) -> Program:
    """Pages are moved by UFFDIO_MOVE from one half of the memory to the other, and back."""
    half = place.pages // 2
    begin = Piece(place.mm)
    begin.map(place.base, half)
    begin.map(place.addr(half + 1), half, how=PRIVATE)
    words = [place.word() for _ in range(half)]
    for page, word in enumerate(words):
        begin.store(place.addr(page), word)
    yield begin
    piece = Piece(place.mm)
    for source, target in ((0, half + 1), (half + 1, 0)):
        for page, word in enumerate(words):
            data = pack.uffd_move(
                place.mm, place.addr(target + page), place.addr(source + page), PAGE, 0, 0
            )
            piece.call(Op.UFFD_MOVE, data, PAGE)
            piece.load(place.addr(target + page), word)
    yield from _again(piece)


def maps_writer(place: Place) -> Program:
    """Rights that split VMAs and join them again, and mappings that come and go: reading.GROUP."""
    size = len(GROUP)
    groups = [place.addr(first) for first in range(0, place.pages - size + 1, size)]
    begin = Piece(place.mm, begins=True)
    for at in groups:
        begin.map(at, 4)
    yield begin
    piece = Piece(place.mm)
    for at in groups:
        one, two, four, five = (at + page * PAGE for page in (1, 2, 4, 5))
        piece.protect(one, 3, READ)
        piece.refused(two)
        piece.map(four, 3)
        piece.store(four, place.word())
        piece.protect(two, 1, RW)
        piece.store(two, place.word())
        piece.unmap(five, 1)
        piece.protect(one, 3, RW)
        piece.unmap(four, 3)
    yield from _again(piece)


_SCALE: Final = "will-it-scale, {}"
_TABLE: Final[tuple[tuple[str, str, str, Spaces, int, Callable[[Place], Program]], ...]] = (
    ("page_fault1", _SCALE.format("page_fault1"),
     "first stores to anonymous memory, then its unmapping", "any", 1022, page_fault1),
    ("page_fault2", _SCALE.format("page_fault2"),
     "stores to a private mapping of a file: copies", "any", 1022, page_fault2),
    ("page_fault3", _SCALE.format("page_fault3"),
     "stores to a shared mapping of a file", "any", 1022, page_fault3),
    ("mmap1", _SCALE.format("mmap1"),
     "mmap_lock for writing, VMAs made and freed", "any", 1024, mmap1),
    ("mmap2", _SCALE.format("mmap2"),
     "as mmap1, of a file, with one page each", "any", 1024, mmap2),
    ("brk1", _SCALE.format("brk1"),
     "a heap that grows and shrinks by a page", "own", 1, brk1),
    ("tlb_flush1", _SCALE.format("tlb_flush1"),
     "rights of present pages: VMAs split and merged", "any", 128, tlb_flush1),
    ("pft", "pft, the page fault test",
     "page tables and frames, in one large area", "shared", 1022, pft),
    ("ebizzy", "ebizzy, the memory of a web server",
     "many faults on present pages between maps and unmaps", "shared", 160, ebizzy),
    ("jvm-gc", "collectors of the JVM that commit and protect regions",
     "mprotect and MADV_DONTNEED beside faults, SIGSEGV", "shared", 256, jvm_gc),
    ("fork-server", "servers that fork for each request, as Android's zygote",
     "fork, copy-on-write, exit", "own", 64, fork_server),
    ("malloc-arena", "arenas of the C library's allocator",
     "a VMA that grows by mprotect, trimming", "shared", 512, malloc_arena),
    ("guard-pages", "stacks of threads",
     "small VMAs with guard pages, SIGSEGV", "shared", 512, guard_pages),
    ("uffd-migration", "Android's collector, migration by userfaultfd",
     "UFFDIO_MOVE between two areas", "any", 256, uffd_migration),
    ("smaps-reader", "monitors that read the maps of processes at work",
     "readers of maps and smaps beside writers", "shared", 128, maps_writer),
)  # fmt: skip
WORKLOADS: Final[dict[str, Workload]] = {
    row[0]: Workload(*row, readers=row[5] is maps_writer) for row in _TABLE
}
TRACE: Final = "trace:"
"""Before the name of a folder: what was recorded there is the workload (recorded.py)."""


def spaces_of(name: str) -> Spaces:
    """Which address spaces the callers of a workload need.

    Raises:
        UsageError: there is no such workload.
    """
    if name.startswith(TRACE):
        return "own"
    if name not in WORKLOADS:
        raise UsageError(f"{name}: give one of {', '.join(WORKLOADS)} or {TRACE}FOLDER")
    return WORKLOADS[name].spaces


def listed() -> list[dict[str, str | int]]:
    """A row for each, for those who choose one. pages: 0 where the trace has them."""
    rows: list[dict[str, str | int]] = [
        {"name": one.name, "source": one.source, "stresses": one.stresses, "spaces": one.spaces,
         "pages": one.pages}
        for one in WORKLOADS.values()
    ]  # fmt: skip
    trace: dict[str, str | int] = {
        "name": f"{TRACE}FOLDER", "source": "`vmalab record`, or strace",
        "stresses": "what a real program did", "spaces": "own", "pages": 0,
    }  # fmt: skip
    return [*rows, trace]
