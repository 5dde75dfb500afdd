# SPDX-License-Identifier: Apache-2.0
"""Makes random blocks whose answers are known, and checks the answers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import numpy.typing as npt

from vmalab.ops import HEADER_WORDS, WORDS, Op, header
from vmalab.uapi import FAULT_FLAG, Madv, Map, Mremap, Prot
from vmalab_drive.packed import RESULT
from vmalab_loadgen.arena import (
    ARENA_BYTES,
    PAGE,
    TAG,
    Arena,
    Faults,
    Pages,
    arena_base,
)
from vmalab_loadgen.family import FOUR, Family, Node, Shape
from vmalab_loadgen.mix import Mix
from vmalab_loadgen.pattern import RANDOM, USUAL, Chooser, Pattern, Sizes
from vmalab_native import flags

STRAY: Final = 0.02
"""Of random faults this part goes to any page of the arena, mapped or not."""
BRK_BASE: Final = 0x5555_0000_0000
BRK_PAGES: Final = 256
MINCORE_PAGES: Final = 64
"""The bits of an answer."""
WRONG_SHOWN: Final = 5
EBUSY: Final = 16
ENOMEM: Final = 12
EEXIST: Final = 17
RW: Final = int(Prot.READ | Prot.WRITE)
_FIXED: Final = int(Map.PRIVATE | Map.ANONYMOUS | Map.FIXED)
_MOVES: Final = int(Mremap.MAYMOVE | Mremap.FIXED)
_DONTNEED: Final = int(Madv.DONTNEED)
_POPULATE_READ: Final = int(Madv.POPULATE_READ)
_POPULATE_WRITE: Final = int(Madv.POPULATE_WRITE)

SLOTS_TAKEN: Final = {
    "mmap": 1,
    "munmap": 1,
    "mprotect": 1,
    "madvise": 1,
    "mincore": 1,
    "mremap": 2,
    "uffd_move": 2,
}
"""Slots of the arena that one operation keeps from the others of its block."""

NODES_OF_A_BLOCK: Final = 4
"""Of a tree, so many nodes get faults of a block."""


def _dealt(count: int, parts: int) -> list[int]:
    """A number in parts that are as equal as can be."""
    return [count // parts + (part < count % parts) for part in range(parts)]


Answer = Callable[[int, int], bool]
"""Judges (status, value) of an answer that could not be known before."""


@dataclass(slots=True)
class Planned:
    """One operation that is no fault."""

    op: int
    words: list[int]
    status: int = 0
    value: int = 0
    judge: Answer | None = None


@dataclass(slots=True)
class Block:
    """A block with what must come back."""

    data: bytes
    count: int
    fault_at: Pages
    faults: Faults
    other_at: list[int]
    others: list[Planned]
    foreign: npt.NDArray[np.uint64]
    """For faults in another's arena the tag its words must have; else 0."""
    intended_ns: int = 0
    sent_ns: int = 0

    @property
    def kinds(self) -> npt.NDArray[np.int64]:
        """The operation number of each record."""
        kinds = np.full(self.count, int(Op.FAULT), np.int64)
        kinds[self.other_at] = [one.op for one in self.others]
        return kinds


@dataclass(slots=True)
class Wrong:
    """An answer that should not have been."""

    op: str
    what: str
    expected: str
    got: str


@dataclass(slots=True)
class Tally:
    """What was done and what came back."""

    ops: Counter[str] = field(default_factory=Counter)
    errnos: Counter[str] = field(default_factory=Counter)
    wrong: int = 0
    wrong_first: list[Wrong] = field(default_factory=list)

    def add(self, more: Tally) -> None:
        """The counts of a block; its wrong answers come by add_wrong()."""
        for name, count in more.ops.items():
            self.ops[name] += count
        for name, count in more.errnos.items():
            self.errnos[name] += count

    def add_wrong(self, one: Wrong) -> None:
        self.wrong += 1
        if len(self.wrong_first) < WRONG_SHOWN:
            self.wrong_first.append(one)


@dataclass(slots=True)
class Maker:
    """Makes the blocks of one process."""

    mm: int
    me: int
    others: tuple[int, ...]
    """The processes that work in the same address space."""
    mix: Mix
    vmas: int
    rng: np.random.Generator
    pattern: Pattern = RANDOM
    """Of the faults."""
    vma_pattern: Pattern = RANDOM
    """Of the VMAs that calls change."""
    sizes: Sizes = USUAL
    shape: Shape = FOUR
    """Of the tree of forked address spaces."""
    arena: Arena = field(init=False)
    family: Family = field(init=False)
    brk: int = BRK_BASE
    counter: int = 0
    debts: dict[str, float] = field(default_factory=dict)
    tally: Tally = field(default_factory=Tally)
    files: list[int] = field(default_factory=list)
    """Open ones: none."""
    _near: Chooser = field(init=False)
    """Of faults in the own arena; _young: in those of children, _far: of others."""
    _young: Chooser = field(init=False)
    _far: Chooser = field(init=False)
    _busy: Chooser = field(init=False)
    """Of slots with a page; _free: without one."""
    _free: Chooser = field(init=False)

    def __post_init__(self) -> None:
        self.arena = Arena(self.me, self.vmas, slot_pages=self.sizes.most)
        self.family = Family(Node(self.mm, self.arena), self.shape)
        pages = self.vmas * self.sizes.most
        self._near, self._young, self._far = (
            Chooser(self.pattern, pages, self.rng) for _ in range(3)
        )
        self._busy, self._free = (Chooser(self.vma_pattern, self.vmas, self.rng) for _ in range(2))

    @property
    def forked(self) -> list[int]:
        """Address spaces that need a lease besides the own one."""
        return [one.mm for one in self.family.nodes]

    def first(self) -> list[bytes]:
        """Blocks that map the working set: three quarters of the slots."""
        slots = np.arange(self.vmas)[: max(1, self.vmas * 3 // 4)]
        result: list[bytes] = []
        for part in np.array_split(slots, max(1, len(slots) // 1024)):
            words: list[int] = []
            for slot in part:
                words += self._map(int(slot), writable=True, populate=False).words
            result.append(np.array(words, np.uint64).tobytes())
        return result

    def grow(self) -> Block | None:
        """Forks that bring a tree nearer to its full shape before the load; None: it has it."""
        family = self.family
        if not self.shape.full or family.full:
            return None
        room = family.room()
        first = [one for one in room if one.level == room[0].level]
        forks = [self._fork(one) for one in first for _ in range(self.shape.width - one.kids)]
        none = self.arena.faults(np.zeros(0, np.int64), np.zeros(0, bool), self._words(0))
        empty = np.zeros(0, np.uint64)
        return self._assemble(forks, [], none, empty, empty)

    # --- making ---

    def most(self, size: int) -> int:
        """`size`, or fewer operations when the arena is so small that the calls of a block would
        leave no slot for its faults."""
        taken = sum(share * SLOTS_TAKEN.get(name, 0) for name, share in self.mix.shares)
        return max(1, min(size, int(self.vmas / 2 / taken))) if taken else size

    def make(self, size: int) -> Block:
        """A block of most(size) operations in the mix."""
        size = self.most(size)
        counts = self.mix.counts(size, self.debts)
        faults_count = counts.pop("fault", 0)
        begin: list[Planned] = []
        others: list[Planned] = []
        # The last ones are taken first.
        free = self._free.order(self.arena.free_slots())[::-1].tolist()
        busy = self._busy.order(np.flatnonzero(~self.arena.frozen))[::-1].tolist()
        touched: set[int] = set()
        pool = _Pool(free, busy, touched, self.arena, self._busy.next, self._free.next)
        for name in ("fork", "exit"):
            for _ in range(counts.pop(name, 0)):
                begin += self._fork_or_exit(name)
        for name, count in counts.items():
            for _ in range(count):
                if planned := self._plan(name, pool):
                    others.append(planned)
        self._busy.next, self._free.next = pool.next_busy, pool.next_free
        faults, foreign, mms = self._faults(faults_count, touched)
        return self._assemble(begin, others, faults, foreign, mms)

    def _plan(self, name: str, pool: _Pool) -> Planned | None:
        match name:
            case "mmap":
                slot = pool.to_map()
                writable = bool(self.rng.random() < 0.875)
                populate = bool(self.rng.random() < 0.125)
                if slot < 0:
                    return None
                return self._map(slot, writable=writable, populate=populate)
            case "munmap":
                return self._unmap(pool.mapped())
            case "mprotect":
                return self._protect(pool.mapped())
            case "madvise":
                return self._advise(pool.mapped())
            case "mremap":
                return self._remap(pool)
            case "mincore":
                return self._mincore(pool.mapped())
            case "brk":
                return self._brk()
            case "uffd_move":
                return self._uffd_move(pool)
            case _:
                return None

    def _head(self, op: Op) -> tuple[int, int]:
        """Of a record in full."""
        return header(op), self.mm

    def _map(self, slot: int, *, writable: bool, populate: bool) -> Planned:
        count = self.sizes.draw(self.rng)
        addr = self.arena.address(self.arena.span(slot).start)
        how = _FIXED | (Map.POPULATE if populate else 0)
        prot = RW if writable else 1
        self.arena.map_slot(slot, count, writable=writable, populated=populate)
        words = [*self._head(Op.MMAP), addr, count * PAGE, prot | how << 32, 0, 0]
        return Planned(Op.MMAP, words, value=addr)

    def _part(self, slot: int) -> tuple[int, int]:
        """A random range of the pages of a slot that may be mapped; mostly all of them."""
        begin, size = self.arena.span(slot).start, int(self.arena.size[slot])
        if self.rng.random() < 0.75:
            return begin, size
        first, last = sorted(self.rng.choice(size + 1, 2, replace=False))
        self.arena.whole[slot] = False
        return begin + int(first), int(last - first)

    def _unmap(self, slot: int) -> Planned | None:
        if slot < 0:
            return None
        first, count = self._part(slot)
        self.arena.whole[slot] = False
        self.arena.unmap_pages(first, count)
        words = [*self._head(Op.MUNMAP), self.arena.address(first), count * PAGE]
        return Planned(Op.MUNMAP, words)

    def _protect(self, slot: int) -> Planned | None:
        if slot < 0:
            return None
        first, count = self._part(slot)
        pages = slice(first, first + count)
        writable = bool(self.rng.random() < 0.6)
        mapped = self.arena.mapped[pages]
        # Up to the first hole it is done, then ENOMEM.
        hole = int(np.argmin(mapped)) if not mapped.all() else count
        self.arena.writable[first : first + hole] = writable
        if hole < count:
            self.arena.whole[slot] = False
        prot = RW if writable else 1
        words = [*self._head(Op.MPROTECT), self.arena.address(first), count * PAGE, prot]
        return Planned(Op.MPROTECT, words, status=0 if hole == count else -ENOMEM)

    def _advise(self, slot: int) -> Planned | None:
        if slot < 0:
            return None
        arena = self.arena
        whole = arena.whole[slot]
        first, count = self._part(slot)
        arena.whole[slot] = whole
        pages = slice(first, first + count)
        mapped = bool(arena.mapped[pages].all())
        advice = _DONTNEED
        if mapped and self.rng.random() < 0.5:
            advice = _POPULATE_WRITE if arena.writable[pages].all() else _POPULATE_READ
            arena.resident[pages] = True
        else:
            # DONTNEED does all that is mapped and then complains about the holes.
            arena.drop_pages(first, count)
        words = [*self._head(Op.MADVISE), arena.address(first), count * PAGE, advice]
        return Planned(Op.MADVISE, words, status=0 if mapped else -ENOMEM)

    def _remap(self, pool: _Pool) -> Planned | None:
        source = pool.whole()
        target = pool.free_only() if source >= 0 else -1
        if target < 0:
            return None
        old = self.arena.address(self.arena.span(source).start)
        new = self.arena.address(self.arena.span(target).start)
        size = int(self.arena.size[source]) * PAGE
        self.arena.move_slot(source, target)
        words = [*self._head(Op.MREMAP), old, size, size, _MOVES, new]
        return Planned(Op.MREMAP, words, value=new)

    def _mincore(self, slot: int) -> Planned | None:
        if slot < 0:
            return None
        used = self.arena.used(slot)
        pages = slice(used.start, min(used.stop, used.start + MINCORE_PAGES))
        addr = self.arena.address(pages.start)
        words = [*self._head(Op.MINCORE), addr, (pages.stop - pages.start) * PAGE]
        if not self.arena.mapped[pages].all():
            return Planned(Op.MINCORE, words, status=-ENOMEM)
        bits = sum(1 << page for page in np.flatnonzero(self.arena.resident[pages]).tolist())
        if not self.others:
            return Planned(Op.MINCORE, words, value=bits)

        def judge(status: int, value: int) -> bool:
            # The others' loads may have made pages that we did not touch.
            return status == 0 and value & bits == bits

        return Planned(Op.MINCORE, words, judge=judge)

    def _brk(self) -> Planned:
        wanted = BRK_BASE + int(self.rng.integers(0, BRK_PAGES + 1)) * PAGE
        words = [*self._head(Op.BRK), wanted]
        if not self.others:
            self.brk = wanted
            return Planned(Op.BRK, words, value=wanted)

        def judge(status: int, value: int) -> bool:
            return status == 0 and BRK_BASE <= value <= BRK_BASE + BRK_PAGES * PAGE

        return Planned(Op.BRK, words, judge=judge)

    def _uffd_move(self, pool: _Pool) -> Planned | None:
        """Move a page we wrote to an empty page. Pages that a fork shares answer EBUSY."""
        arena = self.arena
        slots = pool.two_writable()
        if slots is None:
            return None
        source_slot, target_slot = slots
        from_, to = arena.used(source_slot), arena.used(target_slot)
        have = np.flatnonzero(arena.word[from_] != 0)
        room = np.flatnonzero(~arena.resident[to])
        if not len(have) or not len(room):
            return None
        source = from_.start + int(self.rng.choice(have))
        target = to.start + int(room[0])
        arena.frozen[[source_slot, target_slot]] = True

        def judge(status: int, value: int) -> bool:
            arena.frozen[[source_slot, target_slot]] = False
            if status == 0:
                arena.move_page(source, target)
                return value == PAGE
            return status == -EBUSY or (status == -EEXIST and bool(self.others))

        words = [*self._head(Op.UFFD_MOVE), arena.address(target), arena.address(source)]
        return Planned(Op.UFFD_MOVE, [*words, PAGE, 0, 0], judge=judge)

    def _fork_or_exit(self, name: str) -> list[Planned]:
        """Forks and exits stand at the begin of a block, so that the child is a copy of the state
        before it. An exit without a child is a fork."""
        family, planned = self.family, []
        if name == "exit" or family.full:
            gone = family.leave()
            if gone is not None:
                planned.append(Planned(Op.EXIT, [header(Op.EXIT), gone.mm]))
            if gone is not None and name == "exit":
                return planned
        parent = family.parent(self.rng)
        return planned if parent is None else [*planned, self._fork(parent)]

    def _fork(self, parent: Node) -> Planned:
        child = self.family.begin(parent)

        def judge(status: int, value: int) -> bool:
            self.family.answered(child, value if status == 0 else 0)
            return status == 0 and value != 0

        return Planned(Op.FORK, [header(Op.FORK), parent.mm], judge=judge)

    def _words(self, count: int) -> npt.NDArray[np.uint64]:
        numbers = np.arange(self.counter + 1, self.counter + 1 + count, dtype=np.uint64)
        self.counter += count
        return numbers | np.uint64((TAG + self.me) << 48)

    def _own(self, arena: Arena, count: int, touched: set[int], chooser: Chooser) -> Faults:
        """Faults in an arena of our own (or a child's copy), on mapped pages; at random also a few
        on any page."""
        usable = ~arena.frozen
        if touched:
            usable = usable.copy()
            usable[list(touched)] = False
        pages = chooser.draw(count, arena.mapped & np.repeat(usable, arena.slot_pages))
        if chooser.pattern.kind == "random":
            anywhere = self.rng.integers(0, arena.slots * arena.slot_pages, count)
            stray = self.rng.random(count) < STRAY
            pages = np.where(stray, anywhere, pages) if len(pages) else anywhere
            pages = pages[usable[pages // arena.slot_pages]]
        write = self.rng.random(len(pages)) < 0.6
        return arena.faults(pages, write, self._words(len(pages)))

    def _faults(
        self, count: int, touched: set[int]
    ) -> tuple[Faults, npt.NDArray[np.uint64], npt.NDArray[np.uint64]]:
        """All faults of a block, the tags of foreign ones, and each one's address space."""
        parts: list[Faults] = []
        tags: list[npt.NDArray[np.uint64]] = []
        mms: list[npt.NDArray[np.uint64]] = []
        foreign = count // 10 if self.others else 0
        nodes = self.family.nodes
        young = count // (2 if self.shape.full else 10) if nodes else 0

        def add(part: Faults, mm: int, tag: npt.NDArray[np.uint64] | None = None) -> None:
            parts.append(part)
            size = len(part.addr)
            tags.append(np.zeros(size, np.uint64) if tag is None else tag)
            mms.append(np.full(size, mm, np.uint64))

        add(self._own(self.arena, count - foreign - young, touched, self._near), self.mm)
        if young:
            chosen = self.rng.permutation(len(nodes))[: NODES_OF_A_BLOCK if self.shape.full else 1]
            for at, some in zip(chosen.tolist(), _dealt(young, len(chosen)), strict=True):
                add(self._own(nodes[at].arena, some, set(), self._young), nodes[at].mm)
        if foreign:
            part, tag = self._foreign(foreign)
            add(part, self.mm, tag)
        joined = Faults(
            *(
                np.concatenate([getattr(part, name) for part in parts])
                for name in ("addr", "access", "word", "status", "code", "value", "checked")
            )
        )
        return joined, np.concatenate(tags), np.concatenate(mms)

    def _foreign(self, count: int) -> tuple[Faults, npt.NDArray[np.uint64]]:
        """Loads from the others' arenas: they may be mapped or not, but the words must be
        theirs."""
        owner = np.array(self.others)[self.rng.integers(0, len(self.others), count)]
        page = self._far.draw(count, np.ones(self._far.count, bool))
        home = Arena(0, 1, slot_pages=self.arena.slot_pages)
        addr = home.addresses(page) + (owner * ARENA_BYTES).astype(np.uint64)
        zeros = np.zeros(count, np.uint64)
        faults = Faults(
            addr,
            zeros,
            zeros,
            np.zeros(count, np.int32),
            np.zeros(count, np.uint32),
            zeros,
            np.zeros(count, bool),
        )
        return faults, (owner + TAG).astype(np.uint64)

    def _assemble(
        self,
        begin: list[Planned],
        others: list[Planned],
        faults: Faults,
        foreign: npt.NDArray[np.uint64],
        mms: npt.NDArray[np.uint64],
    ) -> Block:
        """Lay the records out: forks and exits first, the rest mixed."""
        nf, no = len(faults.addr), len(others)
        total = len(begin) + nf + no
        places = np.sort(self.rng.choice(nf + no, no, replace=False)) if no else np.zeros(0, int)
        is_fault = np.ones(total, bool)
        is_fault[: len(begin)] = False
        is_fault[places + len(begin)] = False
        fault_at = np.flatnonzero(is_fault)
        other_at = [int(place) for place in np.flatnonzero(~is_fault)]
        planned = [*begin, *others]
        size = np.full(total, WORDS[Op.FAULT])
        size[other_at] = [len(one.words) for one in planned]
        start = np.concatenate(([0], np.cumsum(size)))
        words = np.zeros(int(start[-1]), np.uint64)
        at = start[:-1][fault_at]
        words[at] = np.uint64(header(Op.FAULT)) | faults.access << np.uint64(16)
        words[at + 1] = mms
        words[at + 2] = faults.addr
        words[at + 3] = np.where(
            faults.access & np.uint64(FAULT_FLAG["FAULT_STORE"]), faults.word, np.uint64(0)
        )
        for place, one in zip(other_at, planned, strict=True):
            words[start[place] : start[place + 1]] = one.words
        return Block(words.tobytes(), total, fault_at, faults, other_at, planned, foreign)

    # --- checking ---

    def check(self, block: Block, answer: bytes) -> int:
        """Compare the answers with those expected. Returns how many operations were done."""
        results = np.frombuffer(answer, RESULT)
        if len(results) != block.count:
            what = f"{block.count} records"
            self.tally.add_wrong(Wrong("block", what, what, f"{len(results)} results"))
            return len(results)
        self._check_faults(block, results[block.fault_at])
        tally = self.tally
        tally.ops["fault"] += len(block.fault_at)
        for place, planned in zip(block.other_at, block.others, strict=True):
            status, value = int(results["status"][place]), int(results["value"][place])
            name = Op(planned.op).name.lower()
            tally.ops[name] += 1
            if status < 0:
                tally.errnos[f"{name} {flags.errno_name(-status)}"] += 1
            if planned.judge is not None:
                good = planned.judge(status, value)
                expected = "an answer that is possible"
            else:
                good = status == planned.status and (status != 0 or value == planned.value)
                expected = f"{planned.status}, {planned.value:#x}"
            if not good:
                what = " ".join(f"{word:#x}" for word in planned.words[HEADER_WORDS:])
                tally.add_wrong(Wrong(name, what, expected, f"{status}, {value:#x}"))
        return block.count

    def _check_faults(self, block: Block, got: npt.NDArray[np.void]) -> None:
        faults = block.faults
        status, value = got["status"], got["value"]
        code = got["info"] & np.uint32(0xFF)
        failed = status != 0
        if failed.any():
            for one in np.unique(status[failed]):
                name = "SIGSEGV" if one == 11 else "SIGBUS" if one == 7 else str(one)
                self.tally.errnos[f"fault {name}"] += int((status == one).sum())
        own = faults.checked
        bad = own & (
            (status != faults.status)
            | (failed & (code != faults.code))
            | (~failed & (value != faults.value))
        )
        tag = value >> np.uint64(48)
        theirs = ~own & np.where(
            failed, status != 11, (value != 0) & (tag != block.foreign)
        ).astype(bool)
        for index in np.flatnonzero(bad | theirs):
            kind = "store" if faults.access[index] else "load"
            self.tally.add_wrong(
                Wrong(
                    "fault" if own[index] else "fault in another's arena",
                    f"{kind} {int(faults.addr[index]):#x}",
                    f"{faults.status[index]}, {int(faults.value[index]):#x}",
                    f"{status[index]} code {code[index]}, {int(value[index]):#x}",
                )
            )

    def farewell(self) -> bytes:
        """A block that unmaps the own arena and ends the children."""
        words = [*self._head(Op.MUNMAP), arena_base(self.me), self.vmas * self.arena.stride]
        for node in self.family.nodes:
            words += [header(Op.EXIT), node.mm]
        return np.array(words, np.uint64).tobytes()

    def last(self) -> bytes:
        """A block that ends the own address space."""
        return np.array(self._head(Op.EXIT), np.uint64).tobytes()


@dataclass(slots=True)
class _Pool:
    """Slots for the operations of one block; each is used once, so that their order among the
    faults of the block does not matter."""

    free: list[int]
    busy: list[int]
    touched: set[int]
    arena: Arena
    next_busy: int = 0
    next_free: int = 0

    def _take(self, slot: int) -> int:
        self.touched.add(slot)
        return slot

    def free_only(self) -> int:
        while self.free:
            slot = self.free.pop()
            if slot not in self.touched:
                self.next_free = slot + 1
                return self._take(slot)
        return -1

    def _next(self, wanted: Callable[[int], bool]) -> int:
        skipped: list[int] = []
        found = -1
        while self.busy:
            slot = self.busy.pop()
            if slot in self.touched:
                continue
            if wanted(slot):
                self.next_busy = slot + 1
                found = self._take(slot)
                break
            skipped.append(slot)
            if len(skipped) > 16:
                break
        self.busy = skipped + self.busy
        return found

    def mapped(self) -> int:
        """A slot with a page in it; -1 when there is none left."""
        return self._next(lambda slot: bool(self.arena.mapped[self.arena.span(slot)].any()))

    def to_map(self) -> int:
        """A free slot while there are many, so that some are left to move others to; else one that
        the new mapping replaces."""
        slot = self.free_only() if len(self.free) * 8 > self.arena.slots else self.mapped()
        return slot if slot >= 0 else self.free_only()

    def whole(self) -> int:
        return self._next(lambda slot: bool(self.arena.whole[slot]))

    def two_writable(self) -> tuple[int, int] | None:
        """Two slots that are one writable VMA each."""

        def wanted(slot: int) -> bool:
            span = self.arena.used(slot)
            return bool(self.arena.whole[slot] and self.arena.writable[span].all())

        source = self._next(wanted)
        target = self._next(wanted) if source >= 0 else -1
        return (source, target) if target >= 0 else None
