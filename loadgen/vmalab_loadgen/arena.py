# SPDX-License-Identifier: Apache-2.0
"""What one client process believes its pages hold.

A process owns an arena of addresses: slots of as many pages as the largest map has, with a gap
after each, so that each mapped slot is a VMA of its own. Only the owner changes an arena, in blocks
that are executed in order, so the owner knows the answer of every operation before it is given.

The state of all pages is in numpy arrays, indexed by page: slot * slot_pages + page in slot.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

import numpy as np
import numpy.typing as npt

PAGE: Final = 4096
SLOT_PAGES: Final = 8
"""Of a slot, if all maps have the usual size."""
ARENA_BASE: Final = 0x1000_0000_0000
ARENA_BYTES: Final = 1 << 36
TAG: Final = 0x5A00
"""The top 16 bits of a stored word are TAG + the owner's index, so that a word that turns up in
another's arena is seen."""

Pages = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]
Words = npt.NDArray[np.uint64]

SIGSEGV: Final = 11
MAPERR: Final = 1
ACCERR: Final = 2


def arena_base(owner: int) -> int:
    return ARENA_BASE + owner * ARENA_BYTES


@dataclass(slots=True)
class Faults:
    """A run of faults with the answers they must get."""

    addr: Words
    access: npt.NDArray[np.uint64]
    word: Words
    status: npt.NDArray[np.int32]
    code: npt.NDArray[np.uint32]
    value: Words
    checked: Flags
    """False where the word is another's: only its tag can be checked."""


@dataclass(slots=True)
class Arena:
    """The pages of one owner in one address space."""

    owner: int
    slots: int
    mapped: Flags = field(default_factory=lambda: np.zeros(0, bool))
    writable: Flags = field(default_factory=lambda: np.zeros(0, bool))
    resident: Flags = field(default_factory=lambda: np.zeros(0, bool))
    word: Words = field(default_factory=lambda: np.zeros(0, np.uint64))
    whole: Flags = field(default_factory=lambda: np.zeros(0, bool))
    """By slot: mapped by one call and never changed in part since, so surely one VMA."""
    frozen: Flags = field(default_factory=lambda: np.zeros(0, bool))
    """By slot: its state is not known until an answer has come."""
    slot_pages: int = SLOT_PAGES
    size: Pages = field(default_factory=lambda: np.zeros(0, np.int64))
    """By slot: all pages behind these many are not mapped."""

    def __post_init__(self) -> None:
        if not len(self.mapped):
            pages = self.slots * self.slot_pages
            self.mapped = np.zeros(pages, bool)
            self.writable = np.zeros(pages, bool)
            self.resident = np.zeros(pages, bool)
            self.word = np.zeros(pages, np.uint64)
            self.whole = np.zeros(self.slots, bool)
            self.frozen = np.zeros(self.slots, bool)
            self.size = np.full(self.slots, self.slot_pages, np.int64)

    @property
    def stride(self) -> int:
        """From slot to slot, in bytes."""
        return 2 * self.slot_pages * PAGE

    def copy(self) -> Arena:
        """What a forked child has. Slots that are frozen now stay unknown in the child."""
        return Arena(
            self.owner,
            self.slots,
            self.mapped.copy(),
            self.writable.copy(),
            self.resident.copy(),
            self.word.copy(),
            self.whole.copy(),
            self.frozen.copy(),
            self.slot_pages,
            self.size.copy(),
        )

    def address(self, page: int) -> int:
        slot, inner = divmod(page, self.slot_pages)
        return arena_base(self.owner) + slot * self.stride + inner * PAGE

    def addresses(self, pages: Pages) -> Words:
        slot, inner = np.divmod(pages, self.slot_pages)
        addr: Words = (slot * self.stride + inner * PAGE + arena_base(self.owner)).astype(np.uint64)
        return addr

    def span(self, slot: int) -> slice:
        return slice(slot * self.slot_pages, (slot + 1) * self.slot_pages)

    def used(self, slot: int) -> slice:
        """The pages of a slot up to its size."""
        first = slot * self.slot_pages
        return slice(first, first + int(self.size[slot]))

    def free_slots(self) -> Pages:
        """Slots without any page."""
        empty = ~self.mapped.reshape(self.slots, self.slot_pages).any(axis=1)
        return np.flatnonzero(empty & ~self.frozen)

    def map_slot(self, slot: int, count: int, *, writable: bool, populated: bool) -> None:
        """One map of so many pages at the begin of a slot. What a larger one before it had behind
        these pages stays."""
        first = slot * self.slot_pages
        self.map_pages(first, count, writable=writable, populated=populated)
        alone = not self.mapped[first + count : first + self.slot_pages].any()
        self.whole[slot] = alone
        self.size[slot] = count if alone else max(count, int(self.size[slot]))

    def map_pages(self, first: int, count: int, *, writable: bool, populated: bool) -> None:
        pages = slice(first, first + count)
        self.mapped[pages] = True
        self.writable[pages] = writable
        self.resident[pages] = populated
        self.word[pages] = 0

    def unmap_pages(self, first: int, count: int) -> None:
        pages = slice(first, first + count)
        self.mapped[pages] = False
        self.resident[pages] = False
        self.word[pages] = 0

    def drop_pages(self, first: int, count: int) -> None:
        """MADV_DONTNEED."""
        pages = slice(first, first + count)
        self.resident[pages] = False
        self.word[pages] = 0

    def move_slot(self, source: int, target: int) -> None:
        """mremap of a whole slot."""
        here, there = self.span(source), self.span(target)
        for array in (self.mapped, self.writable, self.resident, self.word):
            array[there] = array[here]
        self.whole[target], self.size[target] = self.whole[source], self.size[source]
        self.unmap_pages(source * self.slot_pages, self.slot_pages)
        self.whole[source] = False

    def move_page(self, source: int, target: int) -> None:
        """userfaultfd move of one page."""
        self.word[target] = self.word[source]
        self.resident[target] = True
        self.word[source] = 0
        self.resident[source] = False

    def faults(self, pages: Pages, write: Flags, words: Words) -> Faults:
        """Predict a run of faults on own pages and take over what it does.

        Args:
            pages: in the order of execution; a page may come several times.
            write: store the word, or load.
            words: what to store.
        """
        mapped = self.mapped[pages]
        stores = write & mapped & self.writable[pages]
        order = np.argsort(pages, kind="stable")
        by_page = pages[order]
        # For each fault, the latest store to its page so far: the highest index of a store among
        # those before it, if that is not of another page.
        index = np.arange(len(pages))
        latest = np.maximum.accumulate(np.where(stores[order], index, -1))
        begins = np.concatenate(([True], by_page[1:] != by_page[:-1])) if len(pages) else mapped
        group = np.maximum.accumulate(np.where(begins, index, 0))
        stored = latest >= group
        seen = np.where(stored, words[order][np.maximum(latest, 0)], self.word[by_page])
        value = np.empty_like(words)
        value[order] = seen
        last = order[stores[order]]
        self.word[pages[last]] = words[last]
        done = mapped & (~write | stores)
        self.resident[pages[done]] = True
        status = np.where(done, 0, SIGSEGV).astype(np.int32)
        code = np.where(done, 0, np.where(mapped, ACCERR, MAPERR)).astype(np.uint32)
        access = np.where(write, 1 | 4, 0).astype(np.uint64)
        return Faults(
            self.addresses(pages), access, words, status, code, value, np.ones(len(pages), bool)
        )
