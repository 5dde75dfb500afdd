# SPDX-License-Identifier: Apache-2.0
"""What calls answer, as frozen dataclasses."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from vmalab_client.block import FaultInfo


@dataclass(frozen=True, slots=True)
class Fault:
    """An access that succeeded: the page's word after it, and how it was done."""

    word: int
    info: FaultInfo

    @property
    def under_vma_lock(self) -> bool:
        return bool(self.info & FaultInfo.VMA_LOCK)


@dataclass(frozen=True, slots=True)
class Failed:
    """What a block sent with failed_only answers: how many records were executed, and of those
    that failed or ended in a signal the result (16 bytes), by their place in the block."""

    executed: int
    results: dict[int, bytes]


@dataclass(frozen=True, slots=True)
class ServerInfo:
    version: str
    instance: str
    rcu_flavour: str
    lock_model: str
    supervisor_pid: int
    worker_pid: int
    worker_index: int
    segment_bytes: int
    limits: dict[str, int]
    grpc_version: str
    layout: str
    lab: bool
    lookup: str
    slab: str
    oldest_client: str
    capabilities: tuple[str, ...]


class Invariants(list[str]):
    """Broken invariants, one sentence each; empty: all that was checked holds.

    not_checked: what would have needed the instance to stand still.
    """

    def __init__(self, problems: Iterable[str] = (), not_checked: Iterable[str] = ()) -> None:
        super().__init__(problems)
        self.not_checked = list(not_checked)


@dataclass(frozen=True, slots=True)
class WorkerInfo:
    """One worker. pid is 0 while it is being restarted, cpu -1 if it is not pinned."""

    index: int
    pid: int
    address: str
    unix_path: str
    cpu: int
    restarts: int
    state: str


@dataclass(frozen=True, slots=True)
class VmaInfo:
    """One mapping, as PROCMAP_QUERY shows it; flags: those of `flags.Query` that it has."""

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
    """One kmem_cache, with the columns of /proc/slabinfo."""

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
class AddressSpaceInfo:
    """One address space; ttl_ms is how much longer it lives without a lease."""

    mm: int
    leases: int
    ttl_ms: int
    map_count: int
    total_pages: int
    resident_pages: int
    mmap_base: int
    start_brk: int
    brk: int
    mm_lock_seq: int
    locked_pages: int
    data_pages: int
    accounted_pages: int
    exec_from: int
    owner: str = ""
    shared: bool = False


@dataclass(frozen=True, slots=True)
class ProcessSetup:
    """What the process behind an address space may do, and how its kernel is set up.

    Attributes:
        as_limit_bytes, data_limit_bytes, memlock_limit_bytes: RLIMIT_AS, RLIMIT_DATA,
            RLIMIT_MEMLOCK; None: no limit.
        stack_limit_bytes: RLIMIT_STACK; 0: 8 MiB.
        lacks_ipc_lock, lacks_sys_rawio, lacks_sys_admin: capabilities it does not have.
        lacks_anon_names: its kernel has not CONFIG_ANON_VMA_NAME.
        protection_keys: its processor has them; None: as the instance.
        overcommit: vm.overcommit_memory, 0 to 2; None: the instance's.
        commit_limit_pages: what may be promised: with overcommit 0 to one request, with 2 to all
            address spaces together; 0: as the instance.
    """

    as_limit_bytes: int | None = None
    data_limit_bytes: int | None = None
    memlock_limit_bytes: int | None = None
    stack_limit_bytes: int = 0
    lacks_ipc_lock: bool = False
    lacks_sys_rawio: bool = False
    lacks_sys_admin: bool = False
    lacks_anon_names: bool = False
    protection_keys: bool | None = None
    overcommit: int | None = None
    commit_limit_pages: int = 0


@dataclass(frozen=True, slots=True)
class LockInfo:
    """One lock that a participant takes, holds or waits for."""

    participant: int
    pid: int
    name: str
    mode: str
    state: str
    mm: int
    vma_start: int
    vma_end: int


@dataclass(frozen=True, slots=True)
class ParticipantInfo:
    """One thread that takes part in the segment.

    Attributes:
        blocked: it waits for a lock or for a grace period.
        operation: under way: "munmap"; "": none.
        operation_ns, wait_ns: how long the operation and the wait have lasted; None: there is none,
            or it is not known.
        state: of the thread, as the kernel of the server sees it: "running", "sleeping", "stopped",
            "traced" or "dead"; "": not known.
    """

    index: int
    pid: int
    start_time: int
    role: str
    comm: str
    in_core: bool
    rcu_active: bool
    leases: int
    alive: bool
    pid_namespace: int
    tid: int = 0
    blocked: bool = False
    operation: str = ""
    operation_ns: int | None = None
    wait_ns: int | None = None
    state: str = ""


@dataclass(frozen=True, slots=True)
class FieldInfo:
    """One field of a shared struct: bytes from the start, and who writes it under which lock."""

    name: str
    offset: int
    size: int
    cacheline: int
    guard: str
    type: str


@dataclass(frozen=True, slots=True)
class StructInfo:
    """One shared struct."""

    name: str
    size: int
    fields: tuple[FieldInfo, ...]


@dataclass(frozen=True, slots=True)
class HolderInfo:
    """A call that is paused at a sync point. op: "FAULT", ...; "": no record of a block."""

    participant: int
    pid: int
    mm: int
    op: str


@dataclass(frozen=True, slots=True)
class SyncPointInfo:
    """A sync point; armed: how many are still to be held, reached: how many were."""

    name: str
    kind: str
    text: str
    armed: int
    reached: int
    holders: tuple[HolderInfo, ...]


@dataclass(frozen=True, slots=True)
class MutantInfo:
    """A bug that can be switched on, and the lock models that can have it.

    Attributes:
        name: its number in the catalogue, "B2", or, where it has none, its name.
        full_name: its name, which says what breaks; requests take this or the number.
    """

    name: str
    lock_models: tuple[str, ...]
    text: str
    on: bool
    full_name: str = ""


@dataclass(frozen=True, slots=True)
class ScenarioInfo:
    """A scenario: the lock models that it runs on, the mutants that it shows (as MutantInfo.name
    has them, and as MutantInfo.full_name has them)."""

    name: str
    title: str
    lock_models: tuple[str, ...]
    mutants: tuple[str, ...]
    mutant_full_names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RunResult:
    """What a scenario came to: verdict "passed", or "broken" with the invariant and the run."""

    verdict: str
    invariant: str
    text: str
    schedule: str
    trace: tuple[str, ...]
    schedules: int
    complete: bool
    seed: int
    lock_model: str
