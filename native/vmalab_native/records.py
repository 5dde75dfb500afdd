# SPDX-License-Identifier: Apache-2.0
"""What the core reports about itself, as frozen dataclasses. No ffi here."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from types import ModuleType
from typing import Literal, get_args

from vmalab_native import cores
from vmalab_native.checks import bounded, one_of, power_of_two, u64
from vmalab_native.slab import Slab
from vmalab_native.slab import default as default_slab

CACHE_LINE = 64
FILES_MAX = 65535
QUOTAS = (
    "tables_per_mm_max",
    "frames_per_mm_max",
    "account_frames_max",
    "account_tables_max",
    "account_vmas_max",
    "account_files_max",
    "account_mms_max",
)

Role = Literal["supervisor", "worker", "client", "inspector"]
RcuFlavour = Literal["auto", "membarrier", "fenced"]
WriterWait = Literal["sleep", "spin"]
Loop = Literal["walk", "lock", "fault", "write"]
Freer = Literal["own", "any", "handed"]


def _machine() -> ModuleType:
    """Asked only when a segment is made: it imports much, and those who look need none of it."""
    from vmalab_native import machine

    return machine


@dataclass(frozen=True, slots=True)
class SegmentConfig:
    """Sizes of a segment. The file is sparse: memory is taken as it is used, the address space at
    once.

    Attributes:
        size_bytes: length of the file, a multiple of 4096 up to 64 GiB; what the tables below leave
            of it is for slab and page-table pages, and must be 32 pages for each participant.
        mms_max: address spaces at a time, 1..4096.
        participants_max: threads in the core at a time, 1..1024.
        frames_max: page frames (16 bytes each), 8 for each participant .. 2^31.
        files_max: files known at a time, 1..65535.
        vmas_per_mm_max: VMAs of one address space, 1..2^31-1; the kernel's sysctl
            vm.max_map_count.
        pkeys: the emulated processor has protection keys; by default what the machine's does.
        overcommit: vm.overcommit_memory, 0 to 2; by default the machine's.
        commit_limit_pages: what may be promised: with overcommit 0 to one request, with 2 to all
            address spaces together; 0: no limit; by default what the machine has.
        mmap_min_addr: vm.mmap_min_addr, in bytes; by default the machine's.
        tables_per_mm_max: page tables of one address space; 0: as many as its account may have.
        frames_per_mm_max: page frames that the entries of one address space name; 0: as many as its
            account may have, and they are not counted.
        account_frames_max: page frames of one account (`Participant.account`); 0: half of
            frames_max. Here and below: what is of no account has no quota.
        account_tables_max: page tables of one account; 0: a quarter of the segment's pages.
        account_vmas_max: VMAs of one account; 0: two for each of the segment's pages.
        account_files_max: files of one account; 0: half of files_max.
        account_mms_max: address spaces of one account; 0: half of mms_max.
        lookup: how a fault finds its VMA: "walk" of the tree, as the kernel does; or "cache",
            lookups that each participant keeps; by default what VMALAB_LOOKUP says.
        writer_wait: how a writer of the lock model refcount waits for the readers of a VMA: "sleep"
            at once, as the kernel does, or "spin" for some turns before.
        slab: how VMAs are made and freed; by default what VMALAB_SLAB says.
        events: each participant keeps a ring of its last events, and counts how long it waits.
        sample_faults: of faults one in so many is an event, a power of two up to 2^30; 0: none.
        rcu: "auto" takes membarrier where the kernel has it, else full fences on the read side.
        model: lock model or step, one of `cores.all_models()`; by default what VMALAB_MODEL
            says.
        layout: of struct vm_area_struct, one of `cores.layouts(model)`, or the path of a .toml
            file, which becomes the layout's name; by default what VMALAB_LAYOUT says.
    """

    size_bytes: int = 1 << 30
    mms_max: int = 1024
    participants_max: int = 256
    frames_max: int = 1 << 22
    files_max: int = 4096
    vmas_per_mm_max: int = 65530
    rcu: RcuFlavour = "auto"
    lookup: cores.Lookup = field(default_factory=cores.default_lookup)
    writer_wait: WriterWait = "sleep"
    slab: Slab = field(default_factory=default_slab)
    events: bool = True
    sample_faults: int = 1024
    pkeys: bool = field(default_factory=lambda: _machine().has_pkeys())
    overcommit: int = field(default_factory=lambda: _machine().overcommit())
    commit_limit_pages: int = field(default_factory=lambda: _machine().commit_limit_pages())
    mmap_min_addr: int = field(default_factory=lambda: _machine().mmap_min_addr())
    tables_per_mm_max: int = 0
    frames_per_mm_max: int = 0
    account_frames_max: int = 0
    account_tables_max: int = 0
    account_vmas_max: int = 0
    account_files_max: int = 0
    account_mms_max: int = 0
    model: str = field(default_factory=cores.default_model)
    layout: str = field(default_factory=cores.default_layout)

    def __post_init__(self) -> None:
        bounded("size_bytes", self.size_bytes, 1, 1 << 36)
        bounded("mms_max", self.mms_max, 1, 4096)
        bounded("participants_max", self.participants_max, 1, 1024)
        bounded("frames_max", self.frames_max, 1, 1 << 31)
        bounded("files_max", self.files_max, 1, FILES_MAX)
        bounded("vmas_per_mm_max", self.vmas_per_mm_max, 1, (1 << 31) - 1)
        power_of_two("sample_faults", self.sample_faults, 1 << 30)
        bounded("overcommit", self.overcommit, 0, 2)
        bounded("mmap_min_addr", self.mmap_min_addr, 0, 1 << 32)
        u64("commit_limit_pages", self.commit_limit_pages)
        for name in QUOTAS:
            bounded(name, getattr(self, name), 0, (1 << 32) - 1)
        one_of("rcu", self.rcu, get_args(RcuFlavour))
        one_of("lookup", self.lookup, get_args(cores.Lookup))
        one_of("writer_wait", self.writer_wait, get_args(WriterWait))
        object.__setattr__(self, "layout", cores.named(self.layout))
        cores.check(self.model, self.layout)
        self.slab.check(self.model)


@dataclass(frozen=True, slots=True)
class SegmentInfo:
    """A segment's identity and how full it is.

    Times in ns of CLOCK_REALTIME; pages of 4096 bytes.
    """

    name: str
    model: str
    layout: str
    config: SegmentConfig
    abi: int
    rcu_flavour: RcuFlavour
    state: str
    supervisor_pid: int
    fingerprint: int
    created_ns: int
    pages_total: int
    pages_populated: int
    pages_free: int
    frames_total: int
    frames_populated: int
    frames_in_use: int
    rcu_stalls: int
    world_stops: int


@dataclass(frozen=True, slots=True)
class MmInfo:
    """One address space.

    Pages of 4096 bytes, addresses in bytes, keep_until_ns of CLOCK_MONOTONIC (0: none).
    """

    id: int
    leases: int
    keep_until_ns: int
    map_count: int
    total_pages: int
    resident_pages: int
    table_pages: int
    mmap_base: int
    brk: int
    start_brk: int
    mm_lock_seq: int
    locked_pages: int
    data_pages: int
    accounted_pages: int
    exec_from: int
    """What its process was in before exec; 0: none."""
    account: int
    """Whose it is: a number of Segment.accounts(); 0: the instance's."""
    shared: int
    """1: all accounts may use it."""


@dataclass(frozen=True, slots=True)
class MmSetup:
    """What the process behind an address space may do, and how its kernel is set up.

    Attributes:
        as_limit_bytes, data_limit_bytes, memlock_limit_bytes: RLIMIT_AS, RLIMIT_DATA,
            RLIMIT_MEMLOCK; None: no limit.
        cap_ipc_lock: it may lock memory without limit.
        cap_sys_rawio: it may map below 4096.
        cap_sys_admin: it may use the last of what can be promised.
        anon_names: CONFIG_ANON_VMA_NAME: anonymous memory can be named.
        protection_keys: its processor has them; None: as the instance.
        overcommit: vm.overcommit_memory, 0 to 2; None: the instance's.
        commit_limit_pages: what may be promised: with overcommit 0 to one request, with 2 to all
            address spaces together; 0: as the instance.
    """

    as_limit_bytes: int | None = None
    data_limit_bytes: int | None = None
    memlock_limit_bytes: int | None = None
    cap_ipc_lock: bool = True
    cap_sys_rawio: bool = True
    cap_sys_admin: bool = True
    anon_names: bool = True
    protection_keys: bool | None = None
    overcommit: int | None = None
    commit_limit_pages: int = 0


@dataclass(frozen=True, slots=True)
class VmaInfo:
    """One VMA, as PROCMAP_QUERY shows it.

    Addresses and offset in bytes; offset, inode and device are 0 without a file. flags: 1 readable,
    2 writable, 4 executable, 8 shared. name as in maps.
    """

    start: int
    end: int
    flags: int
    offset: int
    inode: int
    dev_major: int
    dev_minor: int
    name: str


@dataclass(frozen=True, slots=True)
class SlabInfo:
    """One kmem_cache: the columns of /proc/slabinfo, then what was counted since the segment was
    made.
    """

    name: str
    active_objs: int
    num_objs: int
    objsize: int
    objperslab: int
    pagesperslab: int
    limit: int
    batchcount: int
    sharedfactor: int
    active_slabs: int
    num_slabs: int
    sharedavail: int
    allocs: int
    frees: int
    reuses: int


@dataclass(frozen=True, slots=True)
class AccountInfo:
    """One account: whom address spaces and files are charged to, with all that is in them.

    Attributes:
        key, name: as given to Participant.account().
        account: its number; another account may get it when this one has nothing.
        frames, tables, vmas, files, mms: what is charged. Frames and tables with what
            participants have charged in advance, 64 each at most.
        frames_max, tables_max, vmas_max, files_max, mms_max: what it may have.
        refused: how often a quota has refused something.
    """

    key: int
    name: str
    account: int
    frames: int
    tables: int
    vmas: int
    files: int
    mms: int
    frames_max: int
    tables_max: int
    vmas_max: int
    files_max: int
    mms_max: int
    refused: int


@dataclass(frozen=True, slots=True)
class LimitMet:
    """A limit that refused something.

    Attributes:
        name: of the limit, as in SegmentConfig ("account_frames_max").
        max: what it is set to.
        account: the name of the account whose quota it is; "": the limit is of the instance.
    """

    name: str
    max: int
    account: str

    def __str__(self) -> str:
        of = f" of account {self.account!r}" if self.account else ""
        return f"{self.name} = {self.max}{of}"


@dataclass(frozen=True, slots=True)
class LockInfo:
    """One announced lock.

    Attributes:
        participant, pid: who.
        name: "mmap_lock", "vm_lock", "file lock" or "user".
        mode: "R" or "W".
        state: "taking", "held" or "waiting".
        mm: id of the address space, 0 for locks of files and users.
        start, end: the VMA's range for vm_lock; start is the number of a user lock, and the id of
            the file of a file lock.
    """

    participant: int
    pid: int
    name: str
    mode: str
    state: str
    mm: int
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class ParticipantInfo:
    """One participant.

    Attributes:
        pid, tid: in the namespace that it joined from.
        start_time: of its process, in clock ticks since boot (field 22 of /proc/PID/stat).
        pid_namespace: inode number of that namespace (/proc/PID/ns/pid), 0 unknown.
        alive: the kernel does not say that its process has ended. One that has ended is
            listed until a recovery has buried it.
        in_core: it runs or waits in the core.
        blocked: it waits for an rwsem.
        rcu_active: it is in an RCU read section.
        leases: on address spaces.
        op: op code under way, 0 if none.
        rcu: the number of the grace period that its read section began in: of two readers the one
            with the smaller number has read longer. 0: it is in none, or that is not known.
    """

    index: int
    pid: int
    tid: int
    start_time: int
    pid_namespace: int
    alive: bool
    role: str
    comm: str
    in_core: bool
    blocked: bool
    rcu_active: bool
    leases: int
    op: int
    rcu: int = 0


@dataclass(frozen=True, slots=True)
class FieldInfo:
    """One field of a shared struct: bytes from the start, who writes it under which lock, and its C
    type ("u64", "u32[2]", "struct rw_semaphore")."""

    name: str
    offset: int
    size: int
    cacheline: int
    guard: str
    type: str


@dataclass(frozen=True, slots=True)
class StructInfo:
    """One shared struct. `cacheline` is the size of a line in bytes."""

    name: str
    size: int
    fields: tuple[FieldInfo, ...]
    cacheline: int = CACHE_LINE


@dataclass(frozen=True, slots=True)
class RecoveryReport:
    """What recover() did: (slot index, pid) of each dead participant, and counts by name.

    walked: whether the segment was walked; False when the dead had nothing half done.
    slices: how often the world was stopped to recount frames, after that.
    stopped_ns, slice_ns: for how long at most: for the repair, for one slice.
    """

    dead: list[tuple[int, int]] = field(default_factory=list)
    repaired: dict[str, int] = field(default_factory=dict)
    walked: bool = False
    slices: int = 0
    stopped_ns: int = 0
    slice_ns: int = 0


@dataclass(frozen=True, slots=True)
class LoopResult:
    """A loop that ran for `ns`: how many turns, and how many of them found no VMA or no lock."""

    turns: int
    ns: int
    failed: int

    @property
    def turn_ns(self) -> float:
        """ns of one turn."""
        return self.ns / self.turns


@dataclass(frozen=True, slots=True)
class StackVmas:
    """VMAs on the stack: how many of `count` have a free lock after their fields were cleared, and
    after all of them was initialised; ns of the latter."""

    count: int
    free_after_fields: int
    free_after_all: int
    ns: int


@dataclass(frozen=True, slots=True)
class ReusePlan:
    """What Participant.bench_reuse() does.

    Attributes:
        mm: whose VMAs they are.
        freer: who frees a VMA: "own" who allocated it, "any" anybody, "handed" the last of others.
        live: VMAs in use, 1..1023.
        turns: allocations.
        seed: of the order.
    """

    mm: int
    freer: Freer
    live: int
    turns: int
    seed: int


@dataclass(frozen=True, slots=True)
class Reuse:
    """Which objects came again: of `allocs`, `reused` had been freed before, `by_other` of these by
    another participant. distances: for each reuse, the frees between its free and its allocation.
    """

    allocs: int
    reused: int
    by_other: int
    distances: Sequence[int]


@dataclass(frozen=True, slots=True)
class Alike:
    """The same of objects of two caches: `by_other` had been freed as an object of the other one.
    pages_most: slab pages that both caches had at a time, at most."""

    allocs: int
    reused: int
    by_other: int
    pages_most: int
    distances: Sequence[int]


@dataclass(frozen=True, slots=True)
class BenchResult:
    """Medians in ns: one fault under the VMA lock, one uncontended locked add on that CPU."""

    iterations: int
    fault_ns: float
    rmw_ns: float
    vma_lock_success: int

    @property
    def ratio(self) -> float:
        return self.fault_ns / self.rmw_ns if self.rmw_ns else float("inf")


def structs_of(rows: Iterable[tuple[str, int, str, int, int, str, str]]) -> list[StructInfo]:
    """Groups rows of (struct, its size, field, offset, size, guard, C type) by struct, in
    their order; fields by offset, which a layout can make another order than that of the rows."""
    sizes: dict[str, int] = {}
    fields: dict[str, list[FieldInfo]] = {}
    for name, struct_bytes, label, offset, size, guard, c_type in rows:
        sizes[name] = struct_bytes
        entry = FieldInfo(label, offset, size, offset // CACHE_LINE, guard, c_type)
        fields.setdefault(name, []).append(entry)
    return [
        StructInfo(name, sizes[name], tuple(sorted(entries, key=lambda entry: entry.offset)))
        for name, entries in fields.items()
    ]
