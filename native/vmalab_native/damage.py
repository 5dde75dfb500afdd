# SPDX-License-Identifier: Apache-2.0
"""What is damaged in a segment: every index, reference and list that its users would follow.

`damages()` reads the file of a segment (`segment_file.py`), so it asserts nothing, locks nothing
and ends on any content: a list is followed for as many steps as it can have members. It looks at
the frame of all things, not at each invariant: whether counts and locks agree is for the walker
(`walk.c`), which may follow whatever passes here.

In a segment at work a look is overtaken. What is said is what five looks in a row have found.
"""

import itertools
import time
from collections.abc import Iterator, Sequence
from typing import Final

from vmalab_native.errors import SegmentDamaged
from vmalab_native.segment_file import (
    CACHE_ANON_VMA,
    CACHE_AVC,
    CACHE_NAME,
    CACHE_NODE,
    CACHE_NUMAB,
    CACHE_VMA,
    CACHE_VMA_LOCK,
    CACHES,
    FRAMES_FIRST,
    MAGAZINE_MAX,
    REF_SHIFT,
    RETIRED,
    SLAB,
    TABLE,
    TAIL,
    PageDesc,
    SegmentFile,
    words,
)
from vmalab_native.slab import MAGAZINE
from vmalab_native.view import MARKER, NODE_MAGIC, ROLES, SegmentView

DAMAGES_MAX: Final = 50
"""After so many a look ends."""
LOOKS: Final = 5
LIST_TRIES: Final = 200
AREA_TRIES: Final = 20
RETIRE_RING: Final = 4096
RETIRE_PAGE, RETIRE_FRAME, RETIRE_OBJECT0 = 1, 2, 16
MM_STATES: Final = 5
MUTEX_WAITERS: Final = 0x80000000
STOP_BROKEN: Final = 0xFFFFFFFF
FRAME_IN_POOL: Final = 0x80000000
_GONE_WITH: Final = (("anon_name", CACHE_NAME), ("numab_state", CACHE_NUMAB))
"""What a VMA names and takes along when it is freed."""
_SIDE_OBJECTS: Final = (*_GONE_WITH, ("anon_vma", CACHE_ANON_VMA))
LINKS_MAX: Final = 1 << 20
"""Of one anon_vma_chain; a VMA has one for each fork that its page went through."""


def damages(file: SegmentFile) -> list[str]:
    """What is damaged, a sentence each; empty if nothing is.

    Args:
        file: opened, so its header is right; it is read again for every look.
    """
    found: list[str] = []
    for look in range(LOOKS):
        now = _look(file)
        found = [text for text in found if text in now] if look else now
        if not found or not file.anybody_lives():
            break
        time.sleep(0.005 * (look + 1))
    return found


def _look(file: SegmentFile) -> list[str]:
    try:
        file.refresh()
        return list(dict.fromkeys(itertools.islice(_Look(file).everything(), DAMAGES_MAX)))
    except SegmentDamaged as damage:
        return [_said(file, damage)]


def _said(file: SegmentFile, damage: SegmentDamaged) -> str:
    return damage.detail.removeprefix(f"instance {file.instance!r}: ")


class _Look:
    """One walk over everything."""

    def __init__(self, file: SegmentFile) -> None:
        self._file = file
        self._view = SegmentView(file)
        self._frames = file.frames_populated
        self._pages = file.pages_populated
        self._links: dict[int, str] = {}
        self._anon_vmas: set[int] = set()
        self._placed: set[int] = set()

    def everything(self) -> Iterator[str]:
        yield from self._grace_periods()
        yield from self._mutexes()
        descs = list(self._file.descs())
        yield from self._pages_right(descs)
        yield from self._lists_right()
        yield from self._barns_right()
        yield from self._free_frames()
        for index in range(self._file.slots_high):
            yield from self._participant(index)
        for index, raw in enumerate(self._file.mm_table()):
            yield from self._mm(index, raw)
        for number in range(1, self._file.of_header("file_hint") + 1):
            yield from self._file_right(number)

    def _grace_periods(self) -> Iterator[str]:
        newest = self._file.inner("rcu", "rcu_state", "gp_ctr")
        over = self._file.inner("rcu", "rcu_state", "completed")
        if over > newest:
            yield f"grace period {over} is over, and the newest one is {newest}"

    def _mutexes(self) -> Iterator[str]:
        """Who has a short mutex of the header, or the world, has a slot, living or dead."""
        file, slot = self._file, self._file.structs["participant_slot"]
        inner = file.inner
        owners = {
            "the slots": file.of_header("slots_lock"),
            "the pages": inner("pages", "page_pool", "lock"),
            "the frames": inner("frames", "frame_pool", "lock"),
            "grace periods": inner("rcu", "rcu_state", "advance_lock"),
        }
        part, size = file.header_struct.part(file.header, "caches"), file.structs["kmem_cache"].size
        for i in range(CACHES):
            owners[f"cache {i}"] = file.structs["kmem_cache"].get(part, "lock", i * size)
        anon = words(file.header_struct.part(file.header, "anon_locks"), 4)
        owners |= {f"anon_vmas ({i})": word for i, word in enumerate(anon)}
        depot = file.structs["frame_depot"]
        part = file.header_struct.part(file.header, "frame_depots")
        for i in range(len(file.depot_counts())):
            owners[f"frame depot {i}"] = depot.get(part, "lock", i * depot.size)
        if file.of_header("stop") != STOP_BROKEN:
            owners["the stopped world"] = file.of_header("stop")
        for what, word in owners.items():
            index = (word & ~MUTEX_WAITERS) - 1
            if index < 0:
                continue
            taken = index < file.slots_high and slot.get(
                file.row("participant_slot", "slots", index), "role"
            )
            if not taken:
                yield f"the mutex of {what} belongs to participant {index}, which is nobody"

    # --- pages and slabs ---

    def _pages_right(self, descs: list[PageDesc]) -> Iterator[str]:
        for page, desc in enumerate(descs):
            if desc.kind > RETIRED or desc.order > 3:
                yield f"page {page} has kind {desc.kind} and order {desc.order}"
            elif desc.kind == TABLE and desc.account >= self._file.accounts_max:
                yield f"page {page} is charged to account {desc.account}"
            elif desc.kind == SLAB:
                yield from self._slab(page, desc, descs)
            elif desc.kind == TAIL and not self._tail_right(page, desc, descs):
                yield f"page {page} is a tail of page {desc.owner}, which has none there"

    def _tail_right(self, page: int, desc: PageDesc, descs: list[PageDesc]) -> bool:
        if desc.owner >= page:
            return False
        return page < desc.owner + (1 << descs[desc.owner].order)

    def _slab(self, page: int, desc: PageDesc, descs: list[PageDesc]) -> Iterator[str]:
        cache = self._file.caches[desc.cache] if desc.cache < CACHES else None
        if cache is None:
            yield f"page {page} is a slab of cache {desc.cache}, which is not there"
            return
        if desc.order != cache.order or page + (1 << desc.order) > len(descs):
            yield f"page {page} is a slab of order {desc.order}, its cache has {cache.order}"
        tails = descs[page + 1 : page + (1 << desc.order)]
        if not all((tail.kind, tail.owner) == (TAIL, page) for tail in tails):
            yield f"page {page} is a slab of order {desc.order} without its tails"
        free = desc.free[0] | desc.free[1] << 64
        if free >> cache.objs_per_slab:
            yield f"page {page} has free objects beyond its last one"

    def _lists_right(self) -> Iterator[str]:
        for index in range(CACHES):
            for _ in range(LIST_TRIES):
                found = self._list(index)
                if not found or not self._file.anybody_lives():
                    break
                self._file.refresh()  # it was overtaken: a list changes in microseconds
            if found:
                yield found

    def _list(self, index: int) -> str:
        """What is wrong with the list of slabs of a cache, "" if nothing."""
        cache = self._file.cache(index)
        at, before = cache.partial_head if cache else 0, 0
        for _ in range(self._pages + 1):
            if at == 0:
                return ""
            desc = self._file.desc(at - 1) if at <= self._pages else None
            if desc is None or desc.kind != SLAB or desc.cache != index:
                return f"the list of cache {index} names page {at - 1}, no slab of it"
            if not desc.on_list or desc.prev != before:
                return f"the list of cache {index} is not linked both ways at page {at - 1}"
            at, before = desc.next, at
        return f"the list of cache {index} has no end"

    def _barns_right(self) -> Iterator[str]:
        """What stays wrong while sheaves come and go."""
        for index in range(CACHES):
            placed, found = self._placed, list[str]()
            for look in range(LIST_TRIES):
                self._placed = set(placed)
                now = self._barn(index)
                found = [text for text in found if text in now] if look else now
                if not found or not self._file.anybody_lives():
                    break
                self._file.refresh()
            yield from found

    def _barn(self, index: int) -> list[str]:
        """The objects in the barn of a cache that are none, or in two places."""
        cache = self._file.cache(index)
        if cache is None or not cache.barn_full:
            return []
        each = (self._file.config("slab_magazine") or MAGAZINE) // 2
        refs = [ref for sheaf in self._file.barn(cache) for ref in sheaf[:each]]
        return [
            f"the barn of cache {index} has {ref:#x}, no object of it"
            for ref in refs
            if not self._taken(index, ref)
        ]

    def _free_frames(self) -> Iterator[str]:
        """Accounts of frames, and the numbers in depots."""
        size = self._file.structs["frame"].size
        raw = self._file.read(self._file.regions["frames"][0], self._frames * size, "the frames")
        links = words(raw, 4)[self._file.structs["frame"].at["next"][0] // 4 :: size // 4]
        accounts = self._file.accounts_max
        for frame in range(FRAMES_FIRST, self._frames):
            if accounts <= links[frame] < FRAME_IN_POOL:
                yield f"frame {frame} is charged to account {links[frame]}, {accounts} can be"
        for depot, numbers in enumerate(self._file.depot_frames()):
            for frame in numbers:
                if not FRAMES_FIRST <= frame < self._frames:
                    yield f"frame depot {depot} has frame {frame} of {self._frames}"

    # --- participants ---

    def _participant(self, index: int) -> Iterator[str]:
        slot = self._file.structs["participant_slot"]
        raw = self._file.row("participant_slot", "slots", index)
        role, in_core = slot.get(raw, "role"), slot.get(raw, "in_core")
        if role >= len(ROLES) or in_core > 2:
            yield f"participant {index} has role {role} and is in state {in_core}"
        for place, held in enumerate(words(slot.part(raw, "held"))):
            if held and held >> 8 << REF_SHIFT >= self._file.size:
                yield f"participant {index} announces a lock outside of the segment at {place}"
        if role or not self._file.lives(index):
            yield from self._area(index, taken=role != 0)

    def _area(self, index: int, *, taken: bool) -> list[str]:
        """What is wrong in one reading that nothing changed meanwhile, else in each of many.

        Its objects come and go in microseconds, and the same ones come again.
        """
        placed, found = self._placed, None
        for _ in range(AREA_TRIES):
            raw, self._placed = self._file.area(index), set(placed)
            now = list(self._area_as_read(index, raw, taken=taken))
            found = now if found is None else [text for text in found if text in now]
            if not found or not self._file.lives(index) or self._file.area(index) == raw:
                break
        return found or []

    def _area_as_read(self, index: int, raw: bytes, *, taken: bool) -> Iterator[str]:
        kind = self._file.structs["participant_area"]
        magazine = self._file.structs["magazine"]
        base = kind.at["magazines"][0]
        for cache in range(CACHES):
            at = base + cache * magazine.size
            count = magazine.get(raw, "count", at)
            objs = words(magazine.part(raw, "objs", at), 4)
            yield from self._stack(f"participant {index}: magazine {cache}", count, MAGAZINE_MAX)
            if magazine.get(raw, "half", at) & ~magazine.get(raw, "odd", at):
                yield f"participant {index}: magazine {cache} has half references that are not odd"
            if self._file.caches[cache] and taken and count <= MAGAZINE_MAX:
                for ref in objs[:count]:
                    if not self._taken(cache, ref):
                        yield f"participant {index}: magazine {cache} has {ref:#x}, no object of it"
        for what, count_of, most in (
            ("frames", "frame_count", self._frames),
            ("pages", "page_count", self._pages),
            ("prealloc", "prealloc_count", -1),
        ):
            members = words(kind.part(raw, what), 4)
            count = kind.get(raw, count_of)
            yield from self._stack(f"participant {index}: {what}", count, len(members))
            for number in members[: min(count, len(members))]:
                if what == "frames" and number < FRAMES_FIRST:
                    yield f"participant {index}: has frame {number}, which is nobody's"
                if number >= most if most >= 0 else not self._taken(CACHE_NODE, number):
                    yield f"participant {index}: {what} has {number:#x}, which is none"
        yield from self._ring(index, raw)
        if kind.get(raw, "account") >= self._file.accounts_max:
            yield f"participant {index}: it is of account {kind.get(raw, 'account')}"
        if taken and not self._stocks_right(words(kind.part(raw, "stocks"))):
            yield f"participant {index}: it holds charges of nobody in advance"
        for ref in words(kind.part(raw, "inflight"), 4):
            if ref and not self._file.owns(CACHE_VMA, ref):
                yield f"participant {index}: a VMA in flight is {ref:#x}, which is none"
        for number in words(kind.part(raw, "file_pins"), 4):
            if number > self._file.config("files_max"):
                yield f"participant {index}: pins file {number}"
        if not taken and not self._clean(raw):
            yield f"participant {index}: the slot is free, and its area is not clean"

    def _stocks_right(self, stocks: Sequence[int]) -> bool:
        """Each names an account; those of the last kind a slot of the mm table, plus 1."""
        account = self._file.accounts_max - 1
        most = (account, account, self._file.config("mms_max"))
        each = len(stocks) // len(most)
        return all(word >> 32 <= most[i // each] for i, word in enumerate(stocks))

    def _clean(self, raw: bytes) -> bool:
        """As `participant_join` wants it."""
        kind, magazine = self._file.structs["participant_area"], self._file.structs["magazine"]
        base = kind.at["magazines"][0]
        counts = [magazine.get(raw, "count", base + i * magazine.size) for i in range(CACHES)]
        counts += [kind.get(raw, f"{what}_count") for what in ("frame", "page", "prealloc")]
        ring_empty = kind.get(raw, "retire_head") == kind.get(raw, "retire_tail")
        leases = any(lease & 0xFFFF for lease in words(kind.part(raw, "leases")))
        return ring_empty and not any(counts) and not leases and not kind.get(raw, "retires_only")

    @staticmethod
    def _stack(what: str, count: int, most: int) -> Iterator[str]:
        if count > most:
            yield f"{what} counts {count}, {most} fit"

    def _ring(self, index: int, raw: bytes) -> Iterator[str]:
        kind, retired = self._file.structs["participant_area"], self._file.structs["retired"]
        head, tail = kind.get(raw, "retire_head"), kind.get(raw, "retire_tail")
        entries = (tail - head) % (2 * RETIRE_RING) if tail < head else tail - head
        if entries > RETIRE_RING and (tail - head) % (1 << 32) > RETIRE_RING:
            yield f"participant {index}: the retire ring has {entries} entries, {RETIRE_RING} fit"
            return
        base = kind.at["retired"][0]
        for place in range(min(entries, RETIRE_RING)):
            at = base + (head + place) % RETIRE_RING * retired.size
            what, ref = retired.get(raw, "kind", at), retired.get(raw, "ref", at)
            if not self._retired_right(what, ref):
                yield f"participant {index}: the retire ring has kind {what}, {ref:#x}"

    def _retired_right(self, kind: int, ref: int) -> bool:
        if kind >= RETIRE_OBJECT0:
            return (
                self._taken(kind - RETIRE_OBJECT0, ref)
                and (kind != RETIRE_OBJECT0 + CACHE_NODE or self._is_node(ref))
                and (kind != RETIRE_OBJECT0 + CACHE_VMA or self._goes_well(ref))
            )
        if kind == RETIRE_FRAME:
            return FRAMES_FIRST <= ref < self._frames
        return kind == RETIRE_PAGE and ref < self._pages and self._file.desc(ref).kind == RETIRED

    def _goes_well(self, ref: int) -> bool:
        """What goes with a VMA that waits for its grace period is there."""
        vma = self._file.structs["vm_area_struct"]
        raw = self._file.read(ref << REF_SHIFT, vma.size, "")
        return not any(self._beside(raw, _GONE_WITH))

    def _is_node(self, ref: int) -> bool:
        node = self._file.structs["tree_node"]
        return node.get(self._file.read(ref << REF_SHIFT, node.size, ""), "magic") == NODE_MAGIC

    def _taken(self, cache: int, ref: int) -> bool:
        """An object that is out of its slab, and in no other place of a participant."""
        try:
            offset = self._file.object_of(cache, ref, "")
        except SegmentDamaged:
            return False
        page, number, _ = self._file.place(cache, offset) or (0, 0, 0)
        free = self._file.desc(page).free
        if (free[0] | free[1] << 64) >> number & 1 or offset in self._placed:
            return False
        self._placed.add(offset)
        return True

    # --- address spaces and files ---

    def _mm(self, index: int, raw: bytes) -> Iterator[str]:
        mm = self._file.structs["mm_struct"]
        number, state = mm.get(raw, "id"), mm.get(raw, "state")
        if state >= MM_STATES:
            yield f"mm slot {index} has state {state}"
        if number and (number & 0xFFFF != index or number >> 16 != mm.get(raw, "generation")):
            yield f"mm slot {index} has number {number}"
            return
        if mm.get(raw, "account") >= self._file.accounts_max:
            yield f"mm slot {index} is charged to account {mm.get(raw, 'account')}"
        if mm.get(raw, "builder") > self._file.config("participants_max"):
            yield f"mm slot {index} is made by participant {mm.get(raw, 'builder') - 1}"
        try:
            yield from self._entries(f"mm slot {index}", mm.part(raw, "pgd"))
            root = self._file.structs["range_tree"].get(mm.part(raw, "mm_mt"), "root")
            addr = 0
            while (leaf := self._view.leaf(root, addr)) is not None:
                start = leaf.low
                for end, ref in zip(leaf.ends, leaf.refs, strict=True):
                    if ref:
                        yield from self._vma(index, number, (start, end, ref))
                    start = end
                addr = leaf.ends[-1]
        except SegmentDamaged as damage:
            yield f"mm slot {index}: {_said(self._file, damage)}"

    def _vma(self, index: int, number: int, entry: tuple[int, int, int]) -> Iterator[str]:
        start, end, ref = entry
        where = f"mm slot {index}, {start:x}-{end:x}"
        vma = self._file.structs["vm_area_struct"]
        offset = self._file.object_of(CACHE_VMA, ref, where)
        raw = self._file.read(offset, vma.size, where)
        if vma.get(raw, "vm_mm") & 0xFFFF != index or (number and vma.get(raw, "vm_mm") != number):
            yield f"{where}: its VMA is of another address space"
        file = vma.get(raw, "vm_file")
        if file > self._file.config("files_max") or vma.get(raw, "vm_ops") > 4:
            yield f"{where}: file {file}, kind {vma.get(raw, 'vm_ops')}"
        yield from (f"{where}: {text}" for text in self._beside(raw, _SIDE_OBJECTS))
        yield from self._chain(where, vma.get(raw, "anon_vma_chain"), ref)

    def _beside(self, raw: bytes, objects: Sequence[tuple[str, int]]) -> Iterator[str]:
        """What a VMA names beside itself, and is not there."""
        vma = self._file.structs["vm_area_struct"]
        for field, cache in objects:
            side = vma.get(raw, field)
            if side and not self._file.owns(cache, side):
                yield f"{field} {side:#x} is none"
        if "vm_lock" in vma.at and self._file.caches[CACHE_VMA_LOCK]:
            lock = vma.get(raw, "vm_lock")
            if lock and not self._file.owns(CACHE_VMA_LOCK, lock >> REF_SHIFT):
                yield f"its lock at {lock:#x} is none"

    def _chain(self, where: str, ref: int, vma: int) -> Iterator[str]:
        kind, seen = self._file.structs["anon_vma_chain"], 0
        while ref:
            seen += 1
            if seen > LINKS_MAX or ref in self._links or not self._file.owns(CACHE_AVC, ref):
                yield f"{where}: link {ref:#x} of its anon_vma chain is none, or of another chain"
                return
            self._links[ref] = where
            raw = self._file.read(ref << REF_SHIFT, kind.size, where)
            if not self._anon_vma(kind.get(raw, "anon_vma")):
                yield f"{where}: a link of its chain names no anon_vma"
            if kind.get(raw, "vma") != vma:
                yield f"{where}: a link of its chain is of another VMA"
            ref = kind.get(raw, "next")

    def _anon_vma(self, ref: int) -> bool:
        """An object whose root and parent are objects, and whose root is its own."""
        if ref in self._anon_vmas:
            return True
        kind = self._file.structs["anon_vma"]
        if not self._file.owns(CACHE_ANON_VMA, ref):
            return False
        raw = self._file.read(ref << REF_SHIFT, kind.size, "an anon_vma")
        root, parent = kind.get(raw, "root"), kind.get(raw, "parent")
        if not all(self._file.owns(CACHE_ANON_VMA, one) for one in (root, parent)):
            return False
        top = self._file.read(root << REF_SHIFT, kind.size, "an anon_vma")
        if kind.get(top, "root") != root:
            return False
        self._anon_vmas.add(ref)
        return True

    def _entries(self, where: str, pgd: bytes) -> Iterator[str]:
        """Leaf entries name frames that are there."""
        most = max(self._frames, FRAMES_FIRST) << 12
        for level, entries in self._view.tables(pgd):
            if level > 1:
                continue
            for entry in entries:
                if entry >= most and not entry & MARKER:
                    yield f"{where}: a page-table entry names frame {entry >> 12}"

    def _file_right(self, number: int) -> Iterator[str]:
        kind, raw = self._file.structs["file"], self._file.file(number)
        if not kind.get(raw, "state"):
            return
        if kind.get(raw, "index") != number - 1 or kind.get(raw, "kind") > 4:
            yield f"file slot {number - 1} has index {kind.get(raw, 'index')}"
        if kind.get(raw, "account") >= self._file.accounts_max:
            yield f"file slot {number - 1} is charged to account {kind.get(raw, 'account')}"
        if b"\0" not in kind.part(raw, "name"):
            yield f"file slot {number - 1}: its name has no end"
        try:
            yield from self._entries(f"file slot {number - 1}", kind.part(raw, "cache"))
        except SegmentDamaged as damage:
            yield f"file slot {number - 1}: {_said(self._file, damage)}"
