# SPDX-License-Identifier: Apache-2.0
"""What a segment shows to those who only look: rows as of `Segment` and `Participant`.

A `SegmentView` gives the same answers as `Segment.info()`, `slabinfo()`, `vmstat()`, `locks()`,
`participants()` and `Participant.mm_list()`, `maps()`, `query_vma()`. It needs no slot, takes no
lock, and survives any content of the file (`segment_file.py`).

While others work, what was read may be old when the next word is read. So a walk compares what it
found with who named it, and starts again where it does not fit. In a segment that nobody is in, the
first misfit is damage. Else it is damage when it is still there after MISFITS tries.
"""

import bisect
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Final, TypeVar

from vmalab_native import events as rings
from vmalab_native import slab
from vmalab_native.errors import NoSuchMm, SegmentDamaged
from vmalab_native.loaded import RCU_NAMES
from vmalab_native.records import (
    LockInfo,
    MmInfo,
    ParticipantInfo,
    SegmentConfig,
    SegmentInfo,
    SlabInfo,
    VmaInfo,
)
from vmalab_native.segment_file import (
    CACHE_NAME,
    CACHE_NODE,
    CACHE_VMA,
    CACHED,
    FRAMES_FIRST,
    FREE,
    PAGE,
    REF_SHIFT,
    SLAB,
    STATES,
    TABLE,
    Cache,
    SegmentFile,
    stat_names,
    words,
)
from vmalab_native.waiting import GRACE_PERIOD, MUTEXES

MISFITS: Final = 40
"""How often a walk in a segment at work may start again at one place."""
TREE_HEIGHT_MAX: Final = 14
NODE_MAGIC: Final = 0x65657274
NODE_HEAD: Final = 24
LEAF_SLOTS: Final = 20
INNER_SLOTS: Final = 12
END: Final = (1 << 64) - 1
MM_LIVE: Final = 2
MARKER: Final = 0x800
PRESENT: Final = 1
HOLDS: Final = 8
HELD_WRITE, HELD_HELD, HELD_WAITING = 0x02, 0x20, 0x40
MUTEX_WAITERS: Final = 0x80000000
SUPERVISOR: Final = 1
ROLES: Final = ("free", "supervisor", "worker", "client", "inspector")
LEASES_MAX: Final = 0xFFFF
VM_READ, VM_WRITE, VM_EXEC, VM_MAYSHARE = 1, 2, 4, 0x80
SPECIAL: Final = 3
NAME_COLUMN: Final = 73
COVERING_OR_NEXT: Final = 16
"""PROCMAP_QUERY_COVERING_OR_NEXT_VMA of <linux/fs.h>."""

_T = TypeVar("_T")


def escaped(name: str) -> str:
    """A name as it stands in a line of maps: a newline is \\012, as the kernel writes it."""
    return name.replace("\n", "\\012")


@dataclass(frozen=True, slots=True)
class Node:
    """One node of a range tree: the ends of its slots, and what they name."""

    low: int
    height: int
    ends: tuple[int, ...]
    refs: tuple[int, ...]


class SegmentView:
    """The rows of a segment's file. The file stays its maker's."""

    def __init__(self, file: SegmentFile) -> None:
        self.file = file
        self.damaged = file.damaged
        self._vma = file.structs["vm_area_struct"]
        self._mm = file.structs["mm_struct"]
        self._slot = file.structs["participant_slot"]

    # --- the segment ---

    def state(self) -> tuple[str, str]:
        """The state, and why it is broken ("" if it is not)."""
        state = STATES[self.file.of_header("state")]
        why = self.file.header_struct.text(self.file.header, "broken") if state == "broken" else ""
        return state, why

    def supervisor_pid(self) -> int:
        """Pid of a living supervisor, 0 if there is none."""
        for index, raw in self._slots():
            if self._slot.get(raw, "role") == SUPERVISOR and self.file.lives(index):
                return self._slot.get(raw, "pid")
        return 0

    def config(self) -> SegmentConfig:
        return self.file.whole_config()

    def info(self) -> SegmentInfo:
        """As Segment.info()."""
        file = self.file
        populated = file.frames_populated
        free = max(0, populated - file.inner("frames", "frame_pool", "fresh"))
        free += sum(file.depot_counts())
        for index, _ in self._slots(everyone=True):
            free += int.from_bytes(file.area_part(index, "frame_count"), "little")
        usable = max(0, populated - FRAMES_FIRST)
        return SegmentInfo(
            name=file.header_struct.text(file.header, "name"),
            model=file.model,
            layout=file.layout,
            config=self.config(),
            abi=file.of_header("abi"),
            rcu_flavour=RCU_NAMES[file.inner("rcu", "rcu_state", "flavour")],
            state=self.state()[0],
            supervisor_pid=self.supervisor_pid(),
            fingerprint=file.of_header("fingerprint"),
            created_ns=file.of_header("created_ns"),
            pages_total=file.inner("pages", "page_pool", "pages_total"),
            pages_populated=file.pages_populated,
            pages_free=sum(desc.kind in (FREE, CACHED) for desc in file.descs()),
            frames_total=file.config("frames_max"),
            frames_populated=populated,
            frames_in_use=usable - min(free, usable),
            rcu_stalls=file.inner("rcu", "rcu_state", "stalls"),
            world_stops=file.of_header("stop_gen"),
        )

    def slabinfo(self) -> list[SlabInfo]:
        """As Segment.slabinfo()."""
        free_of: dict[int, list[int]] = {}
        for desc in self.file.descs():
            if desc.kind == SLAB:
                count = sum(word.bit_count() for word in desc.free)
                free_of.setdefault(desc.cache, []).append(count)
        magazines = [
            self.file.area_part(index, "magazines") for index, _ in self._slots(everyone=True)
        ]
        return [
            self._slab_row(cache, free_of.get(cache.index, []), magazines)
            for cache in self.file.caches
            if cache is not None
        ]

    def _slab_row(self, cache: Cache, free: list[int], magazines: list[bytes]) -> SlabInfo:
        """One cache; free: objects of each of its slabs that are in the slab."""
        magazine = self.file.structs["magazine"]

        def total(field: str) -> int:
            return sum(magazine.get(raw, field, cache.index * magazine.size) for raw in magazines)

        limit = self.file.config("slab_magazine") or slab.MAGAZINE
        held = total("count") + cache.barn_full * (limit // 2)
        num = len(free) * cache.objs_per_slab
        allocs, frees = cache.gone[0] + total("allocs"), cache.gone[1] + total("frees")
        return SlabInfo(
            name=cache.name,
            active_objs=max(0, num - sum(free) - held),
            num_objs=num,
            objsize=cache.slot_bytes,
            objperslab=cache.objs_per_slab,
            pagesperslab=1 << cache.order,
            limit=limit,
            batchcount=limit // 2,
            sharedfactor=0,
            active_slabs=sum(n != cache.objs_per_slab for n in free),
            num_slabs=len(free),
            sharedavail=held,
            allocs=allocs,
            frees=frees,
            reuses=max(0, allocs - cache.gone[2] - total("firsts")),
        )

    def vmstat(self) -> dict[str, int]:
        """As Segment.vmstat()."""
        sums = list(words(self.file.header_struct.part(self.file.header, "stats_gone")))
        for index, _ in self._slots():
            for i, value in enumerate(words(self.file.area_part(index, "stats"))):
                sums[i] += value
        counters = {name: sums[i] % (1 << 64) for i, name in enumerate(stat_names())}
        self.add_fast_faults(counters)
        return counters

    def add_fast_faults(self, counters: dict[str, int]) -> None:
        """Faults of the fast path have one counter and count in three more (`stats.h`)."""
        locked = "mmap_lock_faults" if self.file.model == "mmap-lock" else "vma_lock_success"
        for name in ("pgfault", "pgfault_present", locked):
            counters[name] += counters["pgfault_fast"]

    # --- participants ---

    def _slots(self, *, everyone: bool = False) -> Iterator[tuple[int, bytes]]:
        """Every slot that is taken, or was ever."""
        for index in range(self.file.slots_high):
            raw = self.file.row("participant_slot", "slots", index)
            if everyone or self._slot.get(raw, "role"):
                yield index, raw

    def participants(self) -> list[ParticipantInfo]:
        """As Segment.participants()."""
        generations = [self._mm.get(raw, "generation") for raw in self.file.mm_table()]
        rows = []
        for index, raw in self._slots():
            role, in_core = self._slot.get(raw, "role"), self._slot.get(raw, "in_core")
            leases = words(self.file.area_part(index, "leases"))
            rows.append(
                ParticipantInfo(
                    index=index,
                    pid=self._slot.get(raw, "pid"),
                    tid=self._slot.get(raw, "tid"),
                    start_time=self._slot.get(raw, "start_time"),
                    pid_namespace=int.from_bytes(
                        self.file.area_part(index, "pid_namespace"), "little"
                    ),
                    alive=self.file.lives(index),
                    role=ROLES[role] if role < len(ROLES) else str(role),
                    comm=self._slot.text(raw, "comm"),
                    in_core=in_core != 0,
                    blocked=in_core == 2,
                    rcu_active=self._slot.get(raw, "rcu") != 0,
                    leases=sum(
                        leases[i] & LEASES_MAX
                        for i, generation in enumerate(generations)
                        if leases[i] and leases[i] >> 16 == generation
                    ),
                    op=self._slot.get(raw, "op"),
                    rcu=self._slot.get(raw, "rcu"),
                )
            )
        return rows

    def locks(self) -> list[LockInfo]:
        """As Segment.locks()."""
        rows = []
        for index, raw in self._slots():
            for held in words(self._slot.part(raw, "held")):
                if not held:
                    continue
                state = "held" if held & HELD_HELD else "taking"
                if state == "taking" and held & HELD_WAITING:
                    state = "waiting"
                name, mm, start, end = self._lock(held >> 8 << REF_SHIFT)
                mode = "W" if held & HELD_WRITE else "R"
                pid = self._slot.get(raw, "pid")
                rows.append(LockInfo(index, pid, name, mode, state, mm, start, end))
        return rows

    def noted(self, participants: Iterable[ParticipantInfo]) -> list[LockInfo]:
        """More rows as of locks(), of waits that only events say: for a short mutex, with who has
        it, and for a grace period. A short mutex that nobody waits for has none."""
        pids = {info.index: info.pid for info in participants}
        rows, owners = [], {}
        for index, pid in pids.items():
            wait = rings.wait_now(self.file, index)
            if wait is None or wait.lock not in (*MUTEXES, GRACE_PERIOD.name):
                continue
            name, mm, owner = wait.lock, 0, -1
            if name in MUTEXES:
                name, mm, owner = self._mutex(wait)
            if owner == index:  # it has it by now
                continue
            rows.append(LockInfo(index, pid, name, "W", "waiting", mm, 0, 0))
            if owner in pids:
                owners[name, mm] = owner
        return rows + [
            LockInfo(owner, pids[owner], name, "W", "held", mm, 0, 0)
            for (name, mm), owner in owners.items()
        ]

    def every_lock(self, participants: Iterable[ParticipantInfo]) -> list[LockInfo]:
        """locks(), and what is noted of others."""
        return self.locks() + self.noted(participants)

    def _mutex(self, wait: rings.Event) -> tuple[str, int, int]:
        """A short mutex that is waited for: its name, its address space, the index of its owner.

        The owner is who has it now; where a damaged ring names a place that is no mutex, who had it
        when the wait began.
        """
        at, table = rings.offset_of(wait.ref), self.file.regions["mms"][0]
        index, rest = divmod(at - table, self._mm.size)
        name, mm = self._mutexes().get(at, ""), 0
        of_mm = 0 <= index < self.file.config("mms_max")
        if of_mm and rest == self._mm.at["page_table_lock"][0]:
            name, mm = "page_table_lock", self._mm.get(self._slot_of(index), "id")
        if not name:
            return wait.lock, mm, wait.value - 1
        word = int.from_bytes(self.file.read(at, 4, "a mutex"), "little")
        return name, mm, (word & ~MUTEX_WAITERS) - 1

    def _mutexes(self) -> dict[int, str]:
        """The short mutexes of the header, by their place."""
        at, structs = self.file.header_struct.at, self.file.structs
        found = {at["slots_lock"][0]: "slots lock"}
        for field, kind, lock, name in (
            ("pages", "page_pool", "lock", "page pool lock"),
            ("frames", "frame_pool", "lock", "frame pool lock"),
            ("rcu", "rcu_state", "advance_lock", "grace period lock"),
        ):
            found[at[field][0] + structs[kind].at[lock][0]] = name
        depot, first = structs["frame_depot"], at["frame_depots"][0]
        for i in range(len(self.file.depot_counts())):
            found[first + i * depot.size + depot.at["lock"][0]] = f"frame depot lock {i}"
        cache = structs["kmem_cache"]
        first = at["caches"][0] + cache.at["lock"][0]
        found |= {
            first + one.index * cache.size: f"cache lock of {one.name}"
            for one in self.file.caches
            if one is not None
        }
        first, length = at["anon_locks"]
        return found | {first + i: f"anon_vma lock {i // 4}" for i in range(0, length, 4)}

    def _lock(self, offset: int) -> tuple[str, int, int, int]:
        """Name, mm, start and end of the lock at that offset."""
        first, length = self.file.regions["mms"]
        if first <= offset < first + length:
            index = (offset - first) // self._mm.size
            if index >= self.file.config("mms_max"):
                raise self.damaged(f"a participant announces a lock at {offset:#x}, where none is")
            return "mmap_lock", self._mm.get(self._slot_of(index), "id"), 0, 0
        if offset >= self.file.regions["pages"][0]:
            at = self._vma_of_lock(offset)
            if at is None:  # freed since
                return "vm_lock", 0, 0, 0
            raw = self.file.read(at, self._vma.size, "a VMA")
            return (
                "vm_lock", self._vma.get(raw, "vm_mm"),
                self._vma.get(raw, "vm_start"), self._vma.get(raw, "vm_end"),
            )  # fmt: skip
        first, length = self.file.regions["files"]
        if first <= offset < first + length:
            index = (offset - first) // self.file.structs["file"].size
            raw = self.file.row("file", "files", index)
            generation = self.file.structs["file"].get(raw, "generation")
            return "file lock", 0, generation << 16 | (index + 1), 0
        users, length = self.file.header_struct.at["user_locks"]
        if not users <= offset < users + length:
            raise self.damaged(f"a participant announces a lock at {offset:#x}, where none is")
        return "user", 0, (offset - users) // 64, 0

    def lock_at(self, ref: int) -> tuple[str, int, int, int]:
        """Name, mm, start and end of the lock that a reference names; mm 0: its VMA is gone."""
        return self._lock(ref << REF_SHIFT)

    def _vma_of_lock(self, offset: int) -> int | None:
        if self.file.model != "split-rwsem":
            at = self.file.place(CACHE_VMA, offset)
            return at[2] if at else None
        cache = self.file.caches[CACHE_VMA]
        for page, desc in enumerate(self.file.descs()):
            if cache is None or desc.kind != SLAB or desc.cache != CACHE_VMA:
                continue
            raw = self.file.page(page, 1 << cache.order)
            for base in range(0, cache.objs_per_slab * cache.slot_bytes, cache.slot_bytes):
                lock = self._vma.get(raw, "vm_lock", base)
                if lock >> REF_SHIFT == offset >> REF_SHIFT:
                    return self.file.regions["pages"][0] + page * PAGE + base
        return None

    def events(self, slot: int) -> list[rings.Event]:
        """The last events of the participant in a slot, newest last; also of a dead one."""
        return rings.events(self.file, slot)

    def since(self, slot: int) -> tuple[int | None, int | None]:
        """When its call began, and since when it waits; as `events.py:since`."""
        return rings.since(self.file, slot)

    def waits(self, slot: int) -> dict[str, rings.Waits]:
        """How often and how long it has waited, by class of lock."""
        return rings.waits(self.file, slot)

    # --- address spaces ---

    def _slot_of(self, index: int) -> bytes:
        return self.file.row("mm_struct", "mms", index)

    def mm_of(self, mm: int) -> bytes:
        """The slot of an address space. Raises NoSuchMm."""
        index = mm & 0xFFFF
        raw = self._slot_of(index) if mm > 0 and index < self.file.config("mms_max") else b""
        if not raw or self._mm.get(raw, "id") != mm:
            raise NoSuchMm(f"mm {mm}")
        return raw

    def mm_count(self) -> int:
        """How many address spaces there are."""
        return sum(self._mm.get(raw, "id") != 0 for raw in self.file.mm_table())

    def mm_list(self) -> list[MmInfo]:
        """As Participant.mm_list()."""
        return [
            self._mm_row(index, raw)
            for index, raw in enumerate(self.file.mm_table())
            if self._mm.get(raw, "id")
        ]

    def _mm_row(self, index: int, raw: bytes) -> MmInfo:
        def resident(last: bool) -> int:
            return self._resident(index, raw)

        get = self._mm.get
        return MmInfo(
            id=get(raw, "id"),
            leases=get(raw, "users"),
            keep_until_ns=get(raw, "keep_until_ns"),
            map_count=get(raw, "map_count"),
            total_pages=get(raw, "total_vm"),
            resident_pages=self._fitting(resident),
            table_pages=self.file.structs["pgd"].get(self._mm.part(raw, "pgd"), "tables"),
            mmap_base=get(raw, "mmap_base"),
            brk=get(raw, "brk"),
            start_brk=get(raw, "start_brk"),
            mm_lock_seq=get(raw, "mm_lock_seq"),
            locked_pages=get(raw, "locked_vm"),
            data_pages=get(raw, "data_vm"),
            accounted_pages=get(raw, "accounted"),
            exec_from=self.file.mm_aside(index, "exec_from"),
            account=get(raw, "account"),
            shared=self.file.mm_aside(index, "shared"),
        )

    def _resident(self, index: int, seen: bytes) -> int:
        """Pages that an address space has; 0 if it has ended since."""
        raw = self._slot_of(index)
        if self._mm.get(raw, "id") != self._mm.get(seen, "id"):
            return 0
        return self.resident(self._mm.part(raw, "pgd"))

    def _fitting(self, look: Callable[[bool], _T]) -> _T:
        """look(False), again as long as it may only have been overtaken, then look(True)."""
        for turn in range(MISFITS):
            try:
                return look(False)
            except SegmentDamaged:
                if not self.file.anybody_lives():
                    break
                time.sleep(0.001 * turn)
                self.file.refresh()
        return look(True)

    def tables(self, pgd: bytes) -> Iterator[tuple[int, memoryview]]:
        """Level (4 to 1) and entries of every page of a page table, each once."""
        top = self.file.structs["pgd"].get(pgd, "top")
        level, pages, seen = 4, ([top - 1] if top else []), set[int]()
        while level > 0:
            below: list[int] = []
            for page in pages:
                if page in seen or self.file.desc(page).kind != TABLE:
                    raise self.damaged(f"page {page} stands in a page table and is none of it")
                seen.add(page)
                entries = words(self.file.page(page))
                yield level, entries
                if level > 1:
                    below += [entry >> 12 for entry in entries if entry]
                    if not all(entry & PRESENT for entry in entries if entry):
                        raise self.damaged(f"page {page} of a page table has a wrong entry")
            level, pages = level - 1, below

    def resident(self, pgd: bytes) -> int:
        """Pages of a page table that are there."""
        return sum(
            sum(1 for entry in entries if entry and not entry & MARKER)
            for level, entries in self.tables(pgd)
            if level == 1
        )

    def node(self, ref: int, height: int, low: int, high: int) -> Node:
        """The node that must cover [low, high) at that height. Raises SegmentDamaged."""
        what = f"tree node {ref:#x}"
        offset = self.file.object_of(CACHE_NODE, ref, what)
        raw = self.file.read(offset, self.file.structs["tree_node"].size, what)
        get = self.file.structs["tree_node"].get
        slots = LEAF_SLOTS if height == 1 else INNER_SLOTS
        count = get(raw, "count")
        if get(raw, "magic") != NODE_MAGIC or get(raw, "height") != height:
            raise self.damaged(f"{what} is none of height {height}")
        if not 1 <= count <= slots or (get(raw, "low"), get(raw, "high")) != (low, high):
            raise self.damaged(f"{what} covers another span than its parent says")
        if height == 1:
            refs_at = NODE_HEAD + 8 * (LEAF_SLOTS - 1)
        else:
            refs_at = NODE_HEAD + 8 * (2 * INNER_SLOTS - 1)
        pivots = tuple(words(raw[NODE_HEAD : NODE_HEAD + 8 * (count - 1)]))
        refs = tuple(words(raw[refs_at : refs_at + 4 * count], 4))
        ends = (*pivots, high)
        if any(a >= b for a, b in zip((low, *ends), ends, strict=False)):
            raise self.damaged(f"{what} has slots out of order")
        return Node(low, height, ends, refs)

    def leaf(self, root: int, addr: int) -> Node | None:
        """The leaf that covers an address; None if the tree is empty, or behind its end."""
        height, low, high = root >> 56, 0, END
        if root == 0 or addr >= END:
            return None
        if not 1 <= height <= TREE_HEIGHT_MAX:
            raise self.damaged(f"a tree has height {height}")
        node = self.node(root & 0xFFFFFFFF, height, low, high)
        while height > 1:
            i = bisect.bisect_right(node.ends, addr)
            low, high = (node.ends[i - 1] if i else node.low), node.ends[i]
            height -= 1
            node = self.node(node.refs[i], height, low, high)
        return node

    def _root(self, mm: int) -> int:
        return self.file.structs["range_tree"].get(self._mm.part(self.mm_of(mm), "mm_mt"), "root")

    def vma(self, mm: int, ref: int, start: int, end: int, *, last: bool) -> bytes:
        """The VMA that an entry [start, end) of the tree names. Raises SegmentDamaged.

        Args:
            last: of several looks: a range that is still not the tree's was left by a writer that
                was killed, and the tree's is right (DESIGN.md, "Truth and hints").
        """
        what = f"mm {mm}, {start:x}-{end:x}"
        offset = self.file.object_of(CACHE_VMA, ref, what)
        raw = self.file.read(offset, self._vma.size, what)
        begin, over = self._vma.get(raw, "vm_start"), self._vma.get(raw, "vm_end")
        if self._vma.get(raw, "vm_mm") != mm:
            raise self.damaged(f"{what}: its VMA is of another address space")
        if (begin, over) == (start, end):
            return raw
        if not last:
            raise self.damaged(f"{what}: its VMA is {begin:x}-{over:x}")
        return self._vma.put(self._vma.put(raw, "vm_start", start), "vm_end", end)

    def _leaf_vmas(self, mm: int, addr: int, last: bool) -> tuple[int, list[bytes]]:
        """Where the leaf that covers addr ends, and its VMAs that end after addr."""
        leaf = self.leaf(self._root(mm), addr)
        if leaf is None:
            return END, []
        found, start = [], leaf.low
        for end, ref in zip(leaf.ends, leaf.refs, strict=True):
            if ref and end > addr:
                found.append(self.vma(mm, ref, start, end, last=last))
            start = end
        return leaf.ends[-1], found

    def vmas(self, mm: int, addr: int = 0) -> Iterator[bytes]:
        """The VMAs that end after an address, in order. Each was there at one moment."""
        while addr < END:
            addr, found = self._fitting(partial(self._leaf_vmas, mm, addr))
            yield from found

    def vma_rows(self, mm: int, addr: int = 0) -> Iterator[VmaInfo]:
        """The VMAs that end after an address, in order, as maps shows them. Raises NoSuchMm."""
        self.mm_of(mm)
        for raw in self.vmas(mm, addr):
            yield self._shown(mm, raw)

    def maps(self, mm: int) -> str:
        """As Participant.maps()."""
        self.mm_of(mm)
        lines = [self._line(self._shown(mm, raw)) for raw in self.vmas(mm)]
        if self._mm.get(self.mm_of(mm), "state") != MM_LIVE:
            raise NoSuchMm(f"mm {mm}")
        return "".join(lines)

    def query_vma(self, mm: int, addr: int, flags: int) -> VmaInfo | None:
        """The VMA that contains an address, or with COVERING_OR_NEXT the next one."""
        for found in self.vma_rows(mm, addr):
            wanted = found.start <= addr or bool(flags & COVERING_OR_NEXT)
            return found if wanted else None
        return None

    def _shown(self, mm: int, raw: bytes) -> VmaInfo:
        """A VMA as maps and PROCMAP_QUERY show it."""
        get = self._vma.get
        start, flags, number = get(raw, "vm_start"), get(raw, "vm_flags"), get(raw, "vm_file")
        kind = self.file.structs["file"]
        file = self.file.file(number) if number else b""
        shown = number and get(raw, "vm_ops") != SPECIAL
        dev = kind.get(file, "dev") if shown else 0
        pgoff = (get(raw, "vm_pgbase") + (start >> 12)) % (1 << 64)
        bits = ((VM_READ, 1), (VM_WRITE, 2), (VM_EXEC, 4), (VM_MAYSHARE, 8))
        return VmaInfo(
            start=start,
            end=get(raw, "vm_end"),
            flags=sum(bit for flag, bit in bits if flags & flag),
            offset=(pgoff << 12) % (1 << 64) if shown else 0,
            inode=kind.get(file, "ino") if shown else 0,
            dev_major=dev >> 20,
            dev_minor=dev & 0xFFFFF,
            name=self._label(mm, raw, kind.text(file, "name") if number else ""),
        )

    def _label(self, mm: int, raw: bytes, file_name: str) -> str:
        get = self._vma.get
        if name := get(raw, "anon_name"):
            offset = self.file.object_of(CACHE_NAME, name, f"mm {mm}, the name of a VMA")
            kind = self.file.structs["anon_vma_name"]
            found = kind.text(self.file.read(offset, kind.size, "a name"), "name")
            return f"[anon_shmem:{found}]" if get(raw, "vm_file") else f"[anon:{found}]"
        if get(raw, "vm_file"):
            return file_name
        slot, start, end = self.mm_of(mm), get(raw, "vm_start"), get(raw, "vm_end")
        start_brk, brk = self._mm.get(slot, "start_brk"), self._mm.get(slot, "brk")
        if start_brk and start < brk and end > start_brk:
            return "[heap]"
        top = self._mm.get(slot, "stack_top")
        return "[stack]" if top and start < top <= end else ""

    @staticmethod
    def _line(vma: VmaInfo) -> str:
        letters = "".join(
            letter if vma.flags & bit else "-" for bit, letter in ((1, "r"), (2, "w"), (4, "x"))
        )
        head = (
            f"{vma.start:08x}-{vma.end:08x} {letters}{'s' if vma.flags & 8 else 'p'}"
            f" {vma.offset:08x} {vma.dev_major:02x}:{vma.dev_minor:02x} {vma.inode} "
        )
        if vma.name:
            head = head.ljust(NAME_COLUMN)
        return f"{head}{escaped(vma.name)}\n"
