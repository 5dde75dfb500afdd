# SPDX-License-Identifier: Apache-2.0
"""The C core for Python: segments and participants.

A Segment is one mapping of an instance's shared memory. A Participant is the right of one thread to
enter the core; it has a slot in the segment by which the others see what it holds, also after it
was killed. Every method is one complete operation: the GIL is released while C runs, and no lock of
the core is held when it returns (RwSem and RcuReader in `vmalab_native.primitives` are the
exceptions, and say so).

Emulated calls that fail are results, not exceptions. What the library itself refuses raises a
NativeError (`vmalab_native.errors`).
"""

import os
import time
import weakref
from collections.abc import Sequence
from contextlib import suppress
from typing import Self, get_args

import posix_ipc

from vmalab.ops import RESULT_BYTES as RESULT_BYTES
from vmalab_native import accounts, measure
from vmalab_native._core import ffi, lib
from vmalab_native.cdata import CStruct, Getter, ParticipantHandle, SegmentHandle

# The names "as" themselves are offered by this module too.
from vmalab_native.checks import SHM_DIRECTORY as SHM_DIRECTORY
from vmalab_native.checks import SHM_PREFIX as SHM_PREFIX
from vmalab_native.checks import bounded, comm_bytes, instances, shm_name, u32, u64
from vmalab_native.convert import Block as Block
from vmalab_native.convert import aligned, checked, listing, record, records, text, text_of
from vmalab_native.convert import mm_options as new_options
from vmalab_native.cores import layouts as layouts
from vmalab_native.cores import lock_models as lock_models
from vmalab_native.errors import (
    InvalidArgument,
    NativeError,
    RecoveryBusy,
    RecoveryStuck,
    SegmentExists,
    SegmentMissing,
    SystemCallFailed,
    error_of,
)
from vmalab_native.handle import Handle
from vmalab_native.loaded import RCU_NAMES, config_from_c, config_to_c, load_core_of
from vmalab_native.loaded import check_config as check_config
from vmalab_native.loaded import fingerprint as fingerprint
from vmalab_native.loaded import layout as layout
from vmalab_native.owned import OwnedThings
from vmalab_native.records import AccountInfo as AccountInfo
from vmalab_native.records import BenchResult as BenchResult
from vmalab_native.records import LimitMet as LimitMet
from vmalab_native.records import LockInfo as LockInfo
from vmalab_native.records import Loop as Loop
from vmalab_native.records import LoopResult as LoopResult
from vmalab_native.records import MmInfo as MmInfo
from vmalab_native.records import MmSetup as MmSetup
from vmalab_native.records import ParticipantInfo as ParticipantInfo
from vmalab_native.records import RcuFlavour as RcuFlavour
from vmalab_native.records import RecoveryReport as RecoveryReport
from vmalab_native.records import Role as Role
from vmalab_native.records import SegmentConfig as SegmentConfig
from vmalab_native.records import SegmentInfo as SegmentInfo
from vmalab_native.records import SlabInfo as SlabInfo
from vmalab_native.records import StructInfo as StructInfo
from vmalab_native.records import VmaInfo as VmaInfo
from vmalab_native.texts import lines_of

ABI_VERSION: int = lib.VL_ABI_VERSION
USER_RWSEMS: int = lib.VL_USER_RWSEMS
USER_RWSEM_PLACES = 3  # user locks that one participant can hold at a time
_vl_run: Getter = lib.vl_run
_ROLES: dict[str, int] = {
    "supervisor": lib.ROLE_SUPERVISOR,
    "worker": lib.ROLE_WORKER,
    "client": lib.ROLE_CLIENT,
    "inspector": lib.ROLE_INSPECTOR,
}
_ROLE_NAMES = {number: name for name, number in _ROLES.items()} | {lib.ROLE_FREE: "free"}
_STATE_NAMES = {
    lib.SEG_BUILDING: "building",
    lib.SEG_READY: "ready",
    lib.SEG_BROKEN: "broken",
    lib.SEG_CLOSING: "closing",
}
_REPAIRS = (
    "mms_repaired",
    "mms_reaped",
    "vmas_freed",
    "nodes_freed",
    "objects_freed",
    "frames_fixed",
    "pages_freed",
    "locks_fixed",
    "ptes_fixed",
)


FSCK_NEEDS_STOP = (
    "whether every page, table, frame and object that is allocated is used by something",
    "the reference counts of frames, files, names and anon_vmas",
    "what accounts are charged",
)
"""What fsck(stop=False) does not check: sums over the segment, while parts of it move."""


def monotonic_ns() -> int:
    """CLOCK_MONOTONIC in ns: the clock of every deadline and `keep_until_ns` in a segment."""
    return time.clock_gettime_ns(time.CLOCK_MONOTONIC)


class Segment(Handle[SegmentHandle]):
    """One instance's shared memory, mapped into this process. Made by create() or attach(), never
    directly.

    Threads may share a Segment; each makes a participant of its own. A forked child may go on using
    the Segment, but not the participants of its parent.
    """

    def __init__(self, instance: str, handle: SegmentHandle, fd: int) -> None:
        self.instance = instance
        self._handle = handle
        self._fd = fd
        self._participants: set[Participant] = set()
        info = self.info()
        self.config: SegmentConfig = info.config
        self.size_bytes: int = info.config.size_bytes
        self.rcu_flavour: RcuFlavour = info.rcu_flavour
        _SEGMENTS.add(self)

    @classmethod
    def create(
        cls, instance: str, config: SegmentConfig | None = None, *, private: bool = False
    ) -> Self:
        """Makes the segment /dev/shm/vmalab.<instance> (mode 0600) and attaches it.

        Args:
            instance: 1 to 32 of a-z 0-9 _ -.
            config: sizes, lock model and layout; the default is right for some hundred address
                spaces.
            private: without a name from the start; nobody else attaches, a kill leaves nothing.

        Raises:
            SegmentExists, SegmentTooBig, RcuUnavailable, InvalidArgument, SystemCallFailed,
            CoreMissing (the layout is not built and cannot be built here).
        """
        name = shm_name(instance)
        config = config or SegmentConfig()
        check_config(config)
        try:
            shm = posix_ipc.SharedMemory(name, posix_ipc.O_CREX, mode=0o600)
        except posix_ipc.ExistentialError:
            raise SegmentExists(f"instance {instance!r}") from None
        if private:
            shm.unlink()
        out = ffi.new("struct vl_seg **")
        code = lib.vl_seg_create(
            shm.fd,
            instance.encode("ascii"),
            config_to_c(config),
            config.model.encode(),
            config.layout.encode(),
            out,
        )
        if code < 0:
            error = error_of(code, f"creating instance {instance!r}", errno=ffi.errno)
            if not private:
                shm.unlink()
            shm.close_fd()
            raise error
        return cls(instance, out[0], shm.fd)

    @classmethod
    def attach(cls, instance: str, *, build: bool = True) -> Self:
        """Attaches a segment that exists.

        Args:
            build: build its core if it is not there, which takes a while.

        Raises:
            SegmentMissing, SegmentForeign, SegmentTruncated, AbiMismatch, FingerprintMismatch,
            SegmentNotReady, SegmentBroken, OtherClock, RcuUnavailable, InvalidArgument,
            SystemCallFailed (EACCES: another user's), CoreMissing.
        """
        name = shm_name(instance)
        try:
            shm = posix_ipc.SharedMemory(name)
        except posix_ipc.ExistentialError:
            raise SegmentMissing(f"instance {instance!r}") from None
        except PermissionError as refusal:
            raise SystemCallFailed(f"opening {instance!r}", errno=refusal.errno or 0) from None
        out = ffi.new("struct vl_seg **")
        try:
            load_core_of(shm.fd, instance, build=build)
            code = lib.vl_seg_attach(shm.fd, out)
            checked(code, f"attaching instance {instance!r}")
        except NativeError:
            shm.close_fd()
            raise
        return cls(instance, out[0], shm.fd)

    @staticmethod
    def list_instances() -> list[str]:
        """Names of the instances that have a file in /dev/shm, running or not, sorted."""
        return instances()

    @staticmethod
    def remove(instance: str) -> None:
        """Removes the file of an instance without attaching it. Raises SegmentMissing."""
        try:
            posix_ipc.unlink_shared_memory(shm_name(instance))
        except posix_ipc.ExistentialError:
            raise SegmentMissing(f"instance {instance!r}") from None

    @property
    def supervisor_pid(self) -> int:
        """Process id of a living participant with the role "supervisor", 0 if there is none."""
        return int(lib.vl_seg_supervisor(self._open()))

    def participant(self, role: Role, *, comm: str = "") -> "Participant":
        """A slot for the calling thread.

        Args:
            role: "supervisor", "worker", "client" or "inspector".
            comm: what listings show, at most 15 bytes; by default the program's name.

        Raises:
            NoParticipantSlot, RcuUnavailable, InvalidArgument, SystemCallFailed (the segment's
            file cannot be opened a second time, or this process has no descriptor left).
        """
        if role not in get_args(Role):
            raise InvalidArgument(f"role = {role!r}, allowed are {', '.join(_ROLES)}")
        out = ffi.new("struct participant **")
        code = lib.vl_join(self._open(), _ROLES[role], comm_bytes(comm), out)
        checked(code, f"joining instance {self.instance!r} ({self.config.participants_max} slots)")
        return Participant(self, out[0])

    def info(self) -> SegmentInfo:
        """Identity, sizes and how full the segment is, now."""
        c_info = ffi.new("struct vl_seg_info *")
        lib.vl_seg_info(self._open(), c_info)
        return record(
            SegmentInfo,
            c_info,
            config=config_from_c(c_info),
            rcu_flavour=RCU_NAMES[c_info.rcu_flavour],
            state=_STATE_NAMES.get(c_info.state, str(c_info.state)),
        )

    def slabinfo(self) -> list[SlabInfo]:
        """Every kmem_cache of the segment; needs no participant."""
        return records(SlabInfo, "struct vl_slab_info", "slabinfo", lib.vl_slabinfo, self._open())

    def vmstat(self) -> dict[str, int]:
        """Counters by name, summed over all participants that are or were; needs none."""
        names, count = listing("const char *[]", "vmstat", lib.vl_stat_names, start=128)
        values, _ = listing("u64[]", "vmstat", lib.vl_stats, self._open(), start=128)
        return {text(names[i]): values[i] for i in range(count)}

    def accounts(self) -> list[AccountInfo]:
        """Every account that is in use, and what it is charged; needs no participant."""
        return records(
            AccountInfo, "struct vl_account_info", "accounts", lib.vl_accounts, self._open()
        )

    def locks(self) -> list[LockInfo]:
        """Every announced lock, read one by one, not at one instant; needs no participant."""
        return records(LockInfo, "struct vl_lock_info", "locks", lib.vl_locks, self._open())

    def participants(self) -> list[ParticipantInfo]:
        """Every slot that is taken, by a living or a dead process; needs no participant."""
        what, handle = "participants", self._open()
        buffer, count = listing("struct vl_participant_info[]", what, lib.vl_participants, handle)
        return [
            record(
                ParticipantInfo,
                row,
                role=_ROLE_NAMES.get(row.role, str(row.role)),
                in_core=row.in_core != 0,
                blocked=row.in_core == 2,
                rcu_active=row.rcu_active != 0,
                alive=row.alive != 0,
            )
            for row in buffer[0:count]
        ]

    def close(self) -> None:
        """Releases open participants, unmaps. No thread may be in the core. Idempotent."""
        if self._handle is None:
            return
        for participant in list(self._participants):
            participant.release()
        handle, self._handle = self._handle, None
        lib.vl_seg_detach(handle)
        os.close(self._fd)

    def unlink(self) -> None:
        """Removes the file and refuses attaches; those who are attached go on. Idempotent."""
        if self._handle is not None:
            lib.vl_seg_close(self._handle)
        with suppress(posix_ipc.ExistentialError):
            posix_ipc.unlink_shared_memory(shm_name(self.instance))

    def outlive_cut(self) -> None:
        """This process does not die of SIGBUS when somebody shortens the segment's file.

        It reads 0 where the segment was, and is to look at the file's size now and then. For a
        process that keeps the segment to its end.
        """
        checked(lib.vl_seg_outlive_cut(self._open()), f"instance {self.instance!r}")

    def mark_broken(self, why: str) -> None:
        """As a broken invariant does: nobody enters any more, and `vmalab ps` shows why."""
        lib.vl_seg_break(self._open(), why.encode("utf-8", "replace").replace(b"\0", b"?"))

    def __exit__(self, *exception: object) -> None:
        self.close()

    def __repr__(self) -> str:
        state = "closed" if self.closed else f"{self.size_bytes} bytes"
        return f"<Segment {self.instance} {state}>"


class Participant(accounts.Charging, measure.OfSlabs, OwnedThings):
    """One thread's slot in a segment: never used by two at once; ends with release() or death."""

    def __init__(self, segment: Segment, handle: ParticipantHandle) -> None:
        self.segment = segment
        self.index: int = lib.vl_participant_index(handle)
        self._handle = handle
        self._places_free = list(range(USER_RWSEM_PLACES))
        self._rcu_depth = 0
        self._user_held: dict[int, tuple[int, bool]] = {}
        self._grow_results(256)
        segment._participants.add(self)

    def _grow_results(self, count: int) -> None:
        self._block_bytes_max = 8 * count  # a record has 8 bytes at least
        self._results = ffi.new("u64[]", 2 * count)
        self._results_view = memoryview(ffi.buffer(self._results))

    # --- operations ---

    def run(self, block: Block) -> bytes:
        """Executes a packed block of operations (block.h has the format).

        Args:
            block: records, little-endian; 8 bytes at least, a multiple of 8 bytes, contiguous. Or a
                BlockBuilder of the client.

        Returns:
            16 bytes per record: i32 status, u32 info, u64 value. A record that is itself malformed
            ends the block with status BAD_RECORD; what follows it has no result.

        Raises:
            BadBlock: the length is 0 or no multiple of 8; nothing was executed.
        """
        return self.run_view(block).tobytes()

    def run_view(self, block: Block) -> memoryview:
        """As run(), but the results are not copied: they hold until the next block."""
        data = block if type(block) is bytes else aligned(block)
        size = len(data)
        if size > self._block_bytes_max:
            self._grow_results((size + 7) // 8)
        handle = self._handle
        if handle is None:
            self._open()
        count: int = _vl_run(handle, data, size, self._results, size >> 3)
        if count < 0:
            raise error_of(count, f"a block of {size} bytes", errno=ffi.errno)
        return self._results_view[: count * RESULT_BYTES]

    @property
    def mms_made(self) -> int:
        """How many address spaces the blocks of this participant have made; wraps at 2**32."""
        return int(lib.vl_mms_made(self._open()))

    # --- address spaces ---

    def mm_create(
        self,
        *,
        mmap_base: int = 0,
        start_brk: int = 0,
        brk: int = 0,
        stack_limit_bytes: int = 0,
        maps: str = "",
        setup: MmSetup | None = None,
    ) -> int:
        """Makes an address space; this participant gets one lease on it.

        Args:
            mmap_base: where top-down placement starts, in bytes; 0 is 0x7ffff7fff000.
            start_brk, brk: the heap, in bytes.
            stack_limit_bytes: RLIMIT_STACK; 0 is 8 MiB.
            maps: text of /proc/PID/maps to start from; "" is an empty address space.
            setup: limits and capabilities; by default no limits, those of root, and the
                overcommit mode of the machine.

        Returns:
            The id, to be put in the records of blocks.

        Raises:
            LimitExceeded, InvalidArgument (with the line of maps that is wrong).
        """
        options = new_options(maps, setup or MmSetup())
        options.mmap_base = u64("mmap_base", mmap_base)
        options.start_brk = u64("start_brk", start_brk)
        options.brk = u64("brk", brk)
        options.stack_limit = u64("stack_limit_bytes", stack_limit_bytes)
        return self._mm_made("a new address space", options)

    def mm_exec(
        self,
        mm: int,
        *,
        mmap_base: int = 0,
        start_brk: int = 0,
        brk: int = 0,
        maps: str = "",
        shared: bool = False,
    ) -> int:
        """execve: a process leaves an address space for a new one, with its limits.

        Args:
            mm: what it leaves, and what ends then, even if others hold it.
            mmap_base, start_brk, brk, maps: of the new one, as for mm_create().
            shared: others run on in `mm` (vfork, CLONE_VM): it stays.

        Returns:
            The id of the new one; this participant gets one lease on it.

        Raises:
            NoSuchMm, LimitExceeded, InvalidArgument: nothing has changed.
        """
        options = new_options(maps, MmSetup())
        options.mmap_base = u64("mmap_base", mmap_base)
        options.start_brk = u64("start_brk", start_brk)
        options.brk = u64("brk", brk)
        options.exec_of = u64("mm", mm)
        options.exec_flags = lib.VL_EXEC_SHARED if shared else 0
        if not mm:
            raise error_of(lib.VL_E_NO_MM, "mm 0")
        return self._mm_made(f"exec in address space {mm}", options)

    def _mm_made(self, what: str, options: CStruct) -> int:
        mm_id = ffi.new("u64 *")
        message = ffi.new("char[]", 512)
        code = lib.vl_mm_create(self._open(), options, mm_id, message, len(message))
        said = text(message)
        accounts.checked(self._open(), code, f"{what}: {said}" if said else what)
        return int(mm_id[0])

    def mm_get(self, mm: int) -> None:
        """One more lease on an address space, until mm_put() or death. Raises NoSuchMm."""
        checked(lib.vl_mm_get(self._open(), u64("mm", mm)), f"address space {mm}")

    def mm_put(self, mm: int) -> None:
        """Gives one lease back; the last of all, with nothing kept, runs exit_mmap."""
        checked(lib.vl_mm_put(self._open(), u64("mm", mm)), f"address space {mm}")

    def mm_keep(self, mm: int, ttl_ns: int) -> None:
        """Keeps an mm for at least ttl_ns from now, also without lease. Raises NoSuchMm."""
        checked(
            lib.vl_mm_keep(self._open(), u64("mm", mm), u64("ttl_ns", ttl_ns)),
            f"address space {mm}",
        )

    def mm_reap(self) -> int:
        """Runs exit_mmap for every mm without lease whose time is over; how many those were."""
        return checked(lib.vl_mm_reap(self._open()), "ending address spaces")

    def mm_list(self) -> list[MmInfo]:
        """Every address space of the segment."""
        return records(MmInfo, "struct vl_mm_info", "mm_list", lib.vl_mm_list, self._open())

    def maps(self, mm: int) -> str:
        """The address space in the form of /proc/PID/maps. Raises NoSuchMm."""
        return text_of(f"maps of address space {mm}", lib.vl_maps, self._open(), u64("mm", mm))

    def smaps(self, mm: int) -> str:
        """As maps(), with a line `VmFlags: rd wr ...` after each area. Raises NoSuchMm."""
        return text_of(f"smaps of address space {mm}", lib.vl_smaps, self._open(), u64("mm", mm))

    def query_vma(self, mm: int, addr: int, flags: int = 0) -> tuple[int, VmaInfo | None]:
        """PROCMAP_QUERY: (0, one VMA) or (errno, None). Raises NoSuchMm.

        Args:
            flags: PROCMAP_QUERY_* of <linux/fs.h>: what it must have (1 readable, 2 writable, 4
                executable, 8 shared, 32 a file), and 16: if none contains addr, the next one.
        """
        info = ffi.new("struct vl_vma_info *")
        code = lib.vl_query_vma(
            self._open(), u64("mm", mm), u64("addr", addr), u32("flags", flags), info
        )
        if -1000 < code < 0:
            return -code, None
        checked(code, f"query of address space {mm}")
        return 0, record(VmaInfo, info)

    def mincore(self, mm: int, addr: int, length: int) -> tuple[int, bytes]:
        """mincore(2): (0, one byte per page, bit 0 resident) or (errno, b""). Raises NoSuchMm.

        Args:
            addr: in bytes, page aligned.
            length: in bytes, at most 4 GiB.
        """
        bounded("length", length, 0, 1 << 32)
        pages = (length + 4095) // 4096
        vector = bytearray(pages)
        place = (u64("mm", mm), u64("addr", addr), length)
        out = ffi.from_buffer("u8[]", vector)
        code = lib.vl_mincore(self._open(), *place, out, pages)
        if -1000 < code < 0:
            return -code, b""
        checked(code, f"mincore of address space {mm}")
        return 0, bytes(vector)

    # --- looking inside: the same as on the segment, for those who hold a participant ---

    def slabinfo(self) -> list[SlabInfo]:
        return self.segment.slabinfo()

    def vmstat(self) -> dict[str, int]:
        return self.segment.vmstat()

    def locks(self) -> list[LockInfo]:
        return self.segment.locks()

    def participants(self) -> list[ParticipantInfo]:
        return self.segment.participants()

    def layout(self) -> list[StructInfo]:
        """The structs of the core that this segment was made with."""
        return layout(self.segment.config.model, self.segment.config.layout)

    # --- invariants and recovery ---

    def recover(self) -> RecoveryReport:
        """Finds dead participants, stops the world, repairs what they left, frees their slots.

        Raises:
            RecoveryBusy: another participant is at it.
            RecoveryStuck: a living participant did not leave the core in time.
        """
        report = ffi.new("struct vl_recovery *")
        code = lib.vl_recover(self._open(), report)
        if code == RecoveryBusy.code:
            raise RecoveryBusy("recovery")
        if code == RecoveryStuck.code:
            pid = int(report.stuck_pid)
            raise RecoveryStuck(f"recovery, process {pid}", stuck_pid=pid)
        checked(code, "recovery")
        shown = min(report.dead_count, len(report.dead_index))
        return RecoveryReport(
            dead=[(report.dead_index[i], report.dead_pid[i]) for i in range(shown)],
            repaired={name: getattr(report, name) for name in _REPAIRS},
            walked=report.walks != 0,
            slices=report.slices,
            stopped_ns=report.stopped_ns,
            slice_ns=report.slice_ns,
        )

    def fsck(self, *, stop: bool = True) -> list[str]:
        """Walks the invariants of the segment: one line per complaint, [] = all is well.

        Args:
            stop: stop the world for the time of the walk, and check everything. False: stop it
                for a part of a millisecond at a time, and leave out what FSCK_NEEDS_STOP names.
        """
        walk = lib.vl_fsck if stop else lib.vl_fsck_slices
        return lines_of(text_of("fsck", walk, self._open()))

    # --- library primitives; vmalab_native.primitives has the classes for them ---

    def user_place_take(self) -> int | None:
        """A free place to announce a user rwsem that is held, or None if all three are taken."""
        return self._places_free.pop() if self._places_free else None

    def user_place_give(self, place: int) -> None:
        self._places_free.append(place)

    def user_down(
        self, number: int, *, place: int, write: bool, timeout_ns: int, since_ns: int = 0
    ) -> bool:
        """Takes rwsem `number`, announced in `place`; False when it was not free in time.

        Args:
            since_ns: when the wait began of which this is a part, by CLOCK_MONOTONIC; others see it
                wait since then. 0: it is no part of one.
        """
        wait_ns = u64("timeout_ns", timeout_ns)
        code = lib.vl_user_down(self._open(), number, place, int(write), wait_ns, since_ns)
        if code == RecoveryStuck.code:  # -ETIMEDOUT
            return False
        checked(code, f"user rwsem {number}")
        self._user_held[place] = (number, write)
        return True

    def user_up(self, number: int, *, place: int, write: bool) -> None:
        code = lib.vl_user_up(self._open(), number, place, int(write))
        checked(code, f"release of user rwsem {number}")
        self._user_held.pop(place, None)

    def user_downgrade(self, number: int, *, place: int) -> None:
        code = lib.vl_user_downgrade(self._open(), number, place)
        checked(code, f"downgrade of user rwsem {number}")
        self._user_held[place] = (number, False)

    def rcu_read_lock(self) -> None:
        lib.vl_rcu_read_lock(self._open())
        self._rcu_depth += 1

    def rcu_read_unlock(self) -> None:
        if self._rcu_depth == 0:
            raise InvalidArgument("rcu_read_unlock without rcu_read_lock")
        self._rcu_depth -= 1
        lib.vl_rcu_read_unlock(self._open())

    def synchronize_rcu(self) -> None:
        """Waits until every read section that is open now is over; not inside one of one's own."""
        if self._rcu_depth:
            raise InvalidArgument("synchronize_rcu inside an RCU read section")
        lib.vl_synchronize_rcu(self._open())

    # --- measurement ---

    def bench_fault(
        self, mm: int, addrs: Sequence[int], iterations: int, *, rounds: int = 9
    ) -> BenchResult:
        """Read faults on present pages, in turn, against uncontended locked adds; medians.

        Args:
            addrs: at least one address.
            iterations: faults per round, at least 1.
            rounds: 1 .. 1000.
        """
        return measure.faults(self._open(), mm, addrs, iterations, rounds)

    def bench_loop(self, loop: Loop, mm: int, addrs: Sequence[int], seconds: float) -> LoopResult:
        """Runs one short loop over addrs for so long, without leaving C.

        Args:
            loop: "walk" (under RCU: find the VMA in the tree, read its range), "lock" (read-lock
                the VMA, unlock it), "fault" (read fault) or "write" (write-lock it, end that).
            addrs: at least one address.
            seconds: 0..3600; it stops at the first look at the clock after that.

        Raises:
            NoSuchMm, SegmentBroken, InvalidArgument.
        """
        return measure.loop(self._open(), loop, mm, addrs, seconds)

    def release(self) -> None:
        """Gives the slot back, with every lease, user rwsem and read section. Idempotent."""
        self.segment._participants.discard(self)
        if self._handle is None:
            return
        handle, self._handle = self._handle, None
        for place, (number, write) in self._user_held.items():
            lib.vl_user_up(handle, number, place, int(write))
        for _ in range(self._rcu_depth):
            lib.vl_rcu_read_unlock(handle)
        self._user_held, self._rcu_depth = {}, 0
        lib.vl_leave(handle)

    def abandon(self) -> None:
        """Forgets it, as the death of its process would: what it has is left to a recovery."""
        self.segment._participants.discard(self)
        if self._handle is not None:
            handle, self._handle = self._handle, None
            lib.vl_abandon(handle)

    def __exit__(self, *exception: object) -> None:
        self.release()

    def __repr__(self) -> str:
        state = " closed" if self.closed else ""
        return f"<Participant {self.index} of {self.segment.instance}{state}>"


_SEGMENTS: weakref.WeakSet[Segment] = weakref.WeakSet()


def _forget_parents_participants() -> None:
    """In a forked child: closes the handles of slots that belong to the parent, whose pid they
    carry."""
    for segment in list(_SEGMENTS):
        for participant in list(segment._participants):
            participant._handle = None
        segment._participants.clear()


os.register_at_fork(after_in_child=_forget_parents_participants)
