# SPDX-License-Identifier: Apache-2.0
"""What the strategies of operations draw from: a seeded generator with a memory of boundaries.

An argument drawn at random alone rarely meets anything. So every address and length prefers the
starts and ends that earlier operations of the same process used, and the places that the kernel
chose for earlier mappings.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, TypeVar

from vmalab_diff.program import ARENAS, PAGE, Op, Place

T = TypeVar("T")
POINTS_MAX: Final = 24
RESULTS_MAX: Final = 8
PROCESSES_MAX: Final = 5
FILES: Final = 4
ON_DISK: Final = FILES - 1
"""How many files a program has; `real` makes them. The last is on disk."""
OPENS: Final = 9
"""How many descriptors of them: after one of each file, to read and write, some that may only read
or only write (real.OPENED)."""
HUGE_PAGES: Final = 512
"""Pages of a huge page."""
LOW_PAGES: Final = 16
"""What is used of the lowest addresses; the executor's own begin at 4 MiB."""
MINCORE_PAGES: Final = 64

PROFILES: Final = ("anon", "file", "fork", "mremap", "limits", "uffd", "keys")


@dataclass(frozen=True, slots=True)
class Style:
    """What a profile changes besides the weights of operations; chances are 0..1."""

    pages: int = 40
    """Size of what is used of an arena."""
    arenas: int = 2
    files: float = 0.1
    """That a mapping is of a file."""
    fixed: float = 0.6
    """That a mapping names its address."""
    odd: float = 0.02
    """That an argument is one that no program uses."""
    huge: float = 0.02
    """That a length is of the order of a huge page or more."""
    guards: bool = True
    """Whether MADV_GUARD_INSTALL and MADV_COLLAPSE are given: where a write protection without a
    page is in shared memory, the kernel tries to make a guard for ever."""
    reclaim: bool = True
    """Whether MADV_PAGEOUT is given: shared memory that was only read may be dropped by it, and is
    missing then."""
    thp: bool = True
    """Whether a fault may bring in a huge page: in a registered area it must not."""
    switch: float = 0.15
    """That the next operation is another process's."""
    keys: bool = False
    """Whether a program has protection keys of its own, and memory that is executed alone."""
    plain: float = 0.1
    """That a program runs without the capabilities that memory calls ask for."""
    low: float = 0.005
    """That an address is one of the lowest, where not every process may map."""


STYLES: Final = {
    "anon": Style(),
    "file": Style(files=0.6),
    "fork": Style(pages=24, arenas=1, switch=0.25),
    "mremap": Style(pages=32, arenas=3, files=0.15),
    "limits": Style(fixed=0.4, odd=0.15, huge=0.15, plain=0.4, low=0.03),
    # Of a file the kernel maps pages around the one that is read, which minor faults and copies
    # into private memory would show.
    "uffd": Style(pages=24, arenas=1, files=0.0, guards=False, reclaim=False, thp=False),
    "keys": Style(pages=24, arenas=1, keys=True),
}


@dataclass(slots=True)
class View:
    """What one process has done so far."""

    points: list[tuple[int, int]] = field(default_factory=list)
    """(arena, page) of starts and ends."""
    results: list[tuple[int, int]] = field(default_factory=list)
    """(uid, pages) of mappings that the kernel placed."""

    def copy(self) -> View:
        return View(list(self.points), list(self.results))


class Chooser:
    """Draws arguments for one program."""

    def __init__(self, rng: random.Random, style: Style) -> None:
        self.rng = rng
        self.style = style
        self.process = 0
        self.views: dict[int, View] = {0: View()}
        self.uid = 0
        self.pageout = rng.random() < 0.3 and style.reclaim
        """MADV_PAGEOUT may drop what MADV_FREE and MAP_DROPPABLE have marked, and with it the words
        there; of a file on disk pages that come back with others around them: a program has either
        those or this advice."""
        self.plain = rng.random() < style.plain
        """The program gives up its capabilities at first."""
        self.thp = not self.pageout and rng.random() < 0.1 and style.thp
        """The program asks for huge pages and has private memory alone: that of files is collapsed
        by the kernel and not here. Which pages there are depends on free memory then."""
        self.lockall = rng.random() < 0.5
        """A program locks all of its memory, or has mappings larger than memory."""
        self.locked = False
        """Something is locked: what then grows must not be larger than memory."""
        self.deep = False
        """A stack may grow to any size: nothing may be locked any more."""

    @property
    def view(self) -> View:
        return self.views[self.process]

    def chance(self, probability: float) -> bool:
        return self.rng.random() < probability

    def odd(self) -> bool:
        """Whether this argument shall be a strange one."""
        return self.rng.random() < self.style.odd

    def pick(self, options: Sequence[T]) -> T:
        return options[int(self.rng.random() * len(options))]

    def weighted(self, options: Sequence[tuple[T, int]]) -> T:
        """One of (option, weight)."""
        at = self.rng.random() * sum(weight for _, weight in options)
        for option, weight in options:
            at -= weight
            if at < 0:
                return option
        return options[-1][0]

    def number(self, low: int, high: int) -> int:
        """low..high, both included."""
        return low + int(self.rng.random() * (high - low + 1))

    # --- addresses ---

    def arena(self) -> Place:
        """An address in an arena, preferably where something starts or ends."""
        if self.chance(self.style.low):
            return Place("", 0, self.number(0, LOW_PAGES) * PAGE)
        if self.view.points and self.chance(0.6):
            arena, page = self.pick(self.view.points)
            if self.chance(0.25):
                page += self.pick((-1, 1))
        else:
            arena, page = (
                self.number(0, self.style.arenas - 1),
                self.number(0, self.style.pages - 1),
            )
        if self.thp and self.chance(0.3):
            page -= page % HUGE_PAGES
        return Place("a", arena, page * PAGE + self._off_page())

    def place(self) -> Place:
        """An address where something may be."""
        at = self.rng.random()
        if at < 0.18 and self.view.results:
            uid, pages = self.pick(self.view.results)
            page = self.number(0, max(pages - 1, 0)) if self.chance(0.5) else 0
            return Place("@", uid, page * PAGE + self._off_page())
        if at < 0.22:
            return Place("brk", 0, self.number(0, 12) * PAGE + self._off_page())
        return self.arena()

    def _off_page(self) -> int:
        return self.number(1, PAGE - 1) if self.chance(self.style.odd / 4) else 0

    # --- lengths ---

    def pages(self) -> int:
        """A length in pages, mostly small."""
        if self.chance(0.3 if self.thp else self.style.huge):
            return self.pick((511, 512, 513, 1024, 1536))
        return self.number(1, self.style.pages if self.chance(0.15) else 8)

    def length(self, at: Place) -> int:
        """A length in bytes for what starts at a place: preferably up to a known boundary, and
        never so long that it reaches what the executor needs."""
        if self.odd():
            return self.pick((0, 0, 1, PAGE - 1, PAGE + 1, 3 * PAGE + 7))
        if at.kind == "a" and self.chance(0.5):
            page = at.offset // PAGE
            ends = [p for arena, p in self.view.points if arena == at.number and p > page]
            if ends:
                return (self.pick(ends) - page) * PAGE
        if at.kind == "@":
            pages = next((n for uid, n in self.view.results if uid == at.number), 1)
            left = max(pages - at.offset // PAGE, 1)
            return (left if self.chance(0.5) else self.number(1, left)) * PAGE
        if at.kind == "brk":
            return self.number(1, 6) * PAGE
        if at.kind == "":
            return self.number(1, LOW_PAGES) * PAGE
        return self.pages() * PAGE

    # --- what an operation did ---

    def note_range(self, at: Place, length: int) -> None:
        """Remember where a range starts and ends."""
        if at.kind != "a":
            return
        points = self.view.points
        page, end = at.offset // PAGE, (at.offset + length + PAGE - 1) // PAGE
        points.append((at.number, page))
        if end - page <= 128:
            points.append((at.number, end))
        if len(points) > POINTS_MAX:
            del points[: len(points) - POINTS_MAX]

    def note_result(self, uid: int, length: int) -> None:
        """Remember a mapping that the kernel places."""
        results = self.view.results
        results.append((uid, max(length // PAGE, 1)))
        if len(results) > RESULTS_MAX:
            del results[self.number(0, len(results) - 1)]

    def note(self, op: Op) -> None:
        """Remember what is worth meeting again: the ranges of an operation (each address with the
        length after it), and where the kernel places something."""
        for index, arg in enumerate(op.args[:-1]):
            following = op.args[index + 1]
            if isinstance(arg, Place) and isinstance(following, int):
                self.note_range(arg, following)

    def file(self) -> int:
        """One of the descriptors of files."""
        if self.chance(0.15):
            return self.number(FILES, OPENS - (3 if self.pageout else 1))
        return self.number(0, FILES - (2 if self.pageout else 1))

    # --- processes ---

    def free_process(self) -> int:
        """The number for a new process; 0 if there are enough."""
        free = [n for n in range(1, PROCESSES_MAX) if n not in self.views]
        return free[0] if free else 0


def arena_of(address: int) -> tuple[int, int]:
    """(arena, offset) of an address in an arena; (-1, 0) for others."""
    for number, base in enumerate(ARENAS):
        if base <= address < base + (1 << 28):
            return number, address - base
    return -1, 0
