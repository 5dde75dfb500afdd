# SPDX-License-Identifier: Apache-2.0
"""MemoryService as functions from request to response, whatever front carries them.

Each unary operation packs one record, executes it in one call of the core, and unpacks one result.
The budget of a handler is 5 us of Python, so there is no logging, no interceptor and no lock here.
"""

from __future__ import annotations

from collections.abc import Callable
from errno import EINVAL, errorcode
from typing import TYPE_CHECKING

from vmalab import pack
from vmalab.ops import NAME_BYTES_MAX, RANGES_MAX, RESULT, Op, Status
from vmalab.uapi import PAGE_BYTES, Access
from vmalab.v1 import memory_pb2 as pb
from vmalab_client import wire
from vmalab_client.block import (
    FAULT_INFO_MASK,
    PKEY_MASK,
    PKEY_SHIFT,
    SEGV_PKUERR,
    SI_CODE_MASK,
    USERFAULT_MASK,
    USERFAULT_SHIFT,
    pack_process_madvise,
)
from vmalab_native.errors import CoreErrno, InvalidArgument, LimitExceeded, NoSuchMm
from vmalab_native.records import MmSetup
from vmalab_server import created, failures
from vmalab_server.call_parts import in_core
from vmalab_server.callers import OfCaller, record_of
from vmalab_server.entry import Entry
from vmalab_server.limits import Limits
from vmalab_server.uffd_handlers import UserfaultfdHandlers

if TYPE_CHECKING:
    from vmalab_native.core import Participant

_RESULT = RESULT.unpack

_FAULT, _MMAP, _MUNMAP, _MPROTECT = int(Op.FAULT), int(Op.MMAP), int(Op.MUNMAP), int(Op.MPROTECT)
_MREMAP, _MADVISE, _BRK = int(Op.MREMAP), int(Op.MADVISE), int(Op.BRK)
_FORK, _EXIT, _UFFD_MOVE = int(Op.FORK), int(Op.EXIT), int(Op.UFFD_MOVE)
_MLOCK, _MUNLOCK, _MLOCKALL = int(Op.MLOCK), int(Op.MUNLOCK), int(Op.MLOCKALL)
_MUNLOCKALL, _MSYNC, _MSEAL = int(Op.MUNLOCKALL), int(Op.MSYNC), int(Op.MSEAL)
_REMAP_FILE_PAGES, _PKEY_MPROTECT = int(Op.REMAP_FILE_PAGES), int(Op.PKEY_MPROTECT)
_PKEY_ALLOC, _PKEY_FREE = int(Op.PKEY_ALLOC), int(Op.PKEY_FREE)
_SETRLIMIT, _THP_DISABLE = int(Op.SETRLIMIT), int(Op.THP_DISABLE)
_FILE_TRUNCATE, _FILE_ALLOCATE = int(Op.FILE_TRUNCATE), int(Op.FILE_ALLOCATE)

_ACCESS = (int(Access.READ), int(Access.READ), int(Access.WRITE), int(Access.EXEC))
_SERVICE_STATUS = -1000


def setup_of(setup: pb.ProcessSetup) -> MmSetup:
    """What the core gets to know of a process."""

    def given(name: str) -> int | None:
        return getattr(setup, name) if setup.HasField(name) else None

    return MmSetup(
        as_limit_bytes=given("as_limit_bytes"),
        data_limit_bytes=given("data_limit_bytes"),
        memlock_limit_bytes=given("memlock_limit_bytes"),
        cap_ipc_lock=not setup.lacks_ipc_lock,
        cap_sys_rawio=not setup.lacks_sys_rawio,
        cap_sys_admin=not setup.lacks_sys_admin,
        anon_names=not setup.lacks_anon_names,
        protection_keys=setup.protection_keys if setup.HasField("protection_keys") else None,
        overcommit=given("overcommit"),
        commit_limit_pages=setup.commit_limit_pages,
    )


def fault_record(request: pb.FaultRequest) -> bytes:
    """The record of a fault. Raises InvalidRequest."""
    try:
        flags = _ACCESS[request.access]
    except IndexError:
        raise failures.bad_argument("access", f"{request.access} is no Access") from None
    word = request.word if request.HasField("word") else None
    if word is not None and flags != Access.WRITE:
        raise failures.bad_argument("word", "only ACCESS_WRITE stores a word")
    return record_of(request, pack.fault(request.mm, request.addr, word, flags))


def quick_fault(
    attempt: Callable[[bytes], bytes | None],
) -> Callable[[pb.FaultRequest], pb.FaultResponse | None]:
    """The bounded answer of Fault: of one that hits. attempt: FaultTry."""

    def answer(request: pb.FaultRequest) -> pb.FaultResponse | None:
        result = in_core(attempt)(fault_record(request))
        if result is None:
            return None
        _, info, value = _RESULT(result)
        return pb.FaultResponse(word=value, info=info & FAULT_INFO_MASK)

    return answer


class MemoryHandlers:
    """The unary methods of MemoryService, and what a stream does with one block."""

    def __init__(self, entry: Entry, *, limits: Limits, ttl_default_ns: int) -> None:
        self._entry = entry
        self._run = entry.run
        self._limits = limits
        self._block_bytes_max = limits.block_bytes_max
        self._ttl_default_ns = ttl_default_ns
        self.userfaultfd = UserfaultfdHandlers(self._simple)

    # --- helpers ---

    def _failed(
        self, op: int, mm: int, status: int, info: int = 0, value: int = 0
    ) -> failures.ServiceFailure:
        """The failure for a status of the service itself."""
        if status == Status.NO_SUCH_MM:
            return failures.no_such_mm(mm)
        name = Op(op).name
        if status == Status.LIMIT:
            met = self._entry.participant().limit_of(status, info, value)
            return failures.limit_met(met, name, mm)
        return failures.CoreFailure("CORE_ERROR", f"{name}: status {status}", status=str(status))

    def _simple(self, op: int, mm: int, record: bytes) -> tuple[int, str, int]:
        """(errno, its name, value) of one record."""
        status, info, value = _RESULT(self._run()(record))
        if status == 0:
            return 0, "", value
        if status < _SERVICE_STATUS:
            raise self._failed(op, mm, status, info, value)
        return -status, errorcode.get(-status, ""), value

    def _called(
        self, op: int, request: OfCaller, record: bytes
    ) -> tuple[int, str, int, int | None]:
        """The same, and what the caller has in PKRU after it, if the request has it."""
        status, info, value = _RESULT(self._run()(record_of(request, record)))
        if status < _SERVICE_STATUS:
            raise self._failed(op, request.mm, status, info, value)
        pkru = info if request.HasField("pkru") else None
        return -status, errorcode.get(-status, ""), value, pkru

    def _ttl_ns(self, ttl_ms: int) -> int:
        if ttl_ms > self._limits.ttl_ms_max:
            raise failures.InvalidRequest(
                "TTL_TOO_LONG",
                self._limits.message("ttl_ms_max", got=ttl_ms),
                limit="ttl_ms_max",
                max=str(self._limits.ttl_ms_max),
            )
        return ttl_ms * 1_000_000 or self._ttl_default_ns

    def _too_much(self, reason: str, limit: str, got: int) -> failures.InvalidRequest:
        return failures.InvalidRequest(
            reason,
            self._limits.message(limit, got=got),
            limit=limit,
            max=str(getattr(self._limits, limit)),
            got=str(got),
        )

    # --- the life of an address space ---

    def create_address_space(
        self, request: pb.CreateAddressSpaceRequest
    ) -> pb.CreateAddressSpaceResponse:
        ttl_ns = self._ttl_ns(request.ttl_ms)
        maps = request.maps
        if len(maps) > self._limits.maps_bytes_max:
            raise self._too_much("MAPS_TOO_BIG", "maps_bytes_max", len(maps))
        participant = self._entry.participant()
        try:
            mm = participant.mm_create(
                mmap_base=request.mmap_base,
                start_brk=request.start_brk,
                brk=request.brk,
                maps=maps,
                stack_limit_bytes=request.setup.stack_limit_bytes,
                setup=setup_of(request.setup) if request.HasField("setup") else None,
            )
        except LimitExceeded as error:
            raise failures.of_native(error) from None
        except InvalidArgument as error:
            reason = "BAD_MAPS" if maps else "BAD_ARGUMENT"
            raise failures.InvalidRequest(reason, error.detail) from None
        created.keep(participant, mm, ttl_ns)
        return pb.CreateAddressSpaceResponse(mm=mm)

    def keep_alive(self, request: pb.KeepAliveRequest) -> pb.KeepAliveResponse:
        ttl_ns = self._ttl_ns(request.ttl_ms)
        if len(request.mms) > self._limits.keepalive_mms_max:
            raise self._too_much("TOO_MANY_MMS", "keepalive_mms_max", len(request.mms))
        if len(request.files) > self._limits.keepalive_mms_max:
            raise self._too_much("TOO_MANY_MMS", "keepalive_mms_max", len(request.files))
        participant, owners = self._entry.participant(), self._entry.owners
        missing, missing_files = [], []
        for mm in request.mms:
            owners.may(participant, mm=mm)
            try:
                participant.mm_keep(mm, ttl_ns)
            except NoSuchMm:
                missing.append(mm)
        for file in request.files:
            owners.may(participant, file=file)
            try:
                participant.file_keep(file, ttl_ns)
            except InvalidArgument:
                missing_files.append(file)
        return pb.KeepAliveResponse(missing=missing, missing_files=missing_files)

    def share_address_space(
        self, request: pb.ShareAddressSpaceRequest
    ) -> pb.ShareAddressSpaceResponse:
        participant = self._entry.participant()
        self._entry.owners.may(participant, mm=request.mm)
        try:
            participant.mm_share(request.mm)
        except NoSuchMm:
            raise failures.no_such_mm(request.mm) from None
        return pb.ShareAddressSpaceResponse()

    def fork_address_space(
        self, request: pb.ForkAddressSpaceRequest
    ) -> pb.ForkAddressSpaceResponse:
        ttl_ns = self._ttl_ns(request.ttl_ms)
        mm = request.mm
        errno, name, child, _ = self._called(_FORK, request, pack.fork(mm))
        if errno:
            return pb.ForkAddressSpaceResponse(errno_code=errno, errno_name=name)
        created.keep(self._entry.participant(), child, ttl_ns)
        return pb.ForkAddressSpaceResponse(mm=child)

    def exec(self, request: pb.ExecRequest) -> pb.ExecResponse:
        ttl_ns = self._ttl_ns(request.ttl_ms)
        if len(request.maps) > self._limits.maps_bytes_max:
            raise self._too_much("MAPS_TOO_BIG", "maps_bytes_max", len(request.maps))
        participant = self._entry.participant()
        self._entry.owners.may(participant, mm=request.mm)
        try:
            mm = participant.mm_exec(
                request.mm,
                mmap_base=request.mmap_base,
                start_brk=request.start_brk,
                brk=request.brk,
                maps=request.maps,
                shared=request.shared,
            )
        except NoSuchMm:
            raise failures.no_such_mm(request.mm) from None
        except LimitExceeded as error:
            raise failures.of_native(error) from None
        except InvalidArgument as error:
            reason = "BAD_MAPS" if request.maps else "BAD_ARGUMENT"
            raise failures.InvalidRequest(reason, error.detail) from None
        except CoreErrno as error:
            number = error.errno or 0
            return pb.ExecResponse(errno_code=number, errno_name=errorcode.get(number, ""))
        created.keep(participant, mm, ttl_ns)
        return pb.ExecResponse(mm=mm)

    def exit(self, request: pb.ExitRequest) -> pb.ExitResponse:
        mm = request.mm
        self._simple(_EXIT, mm, pack.exit(mm))
        return pb.ExitResponse()

    # --- memory calls ---

    def mmap(self, request: pb.MmapRequest) -> pb.MmapResponse:
        mm = request.mm
        errno, name, addr, pkru = self._called(
            _MMAP,
            request,
            pack.mmap(
                *(mm, request.addr, request.length, request.prot, request.flags),
                *(request.file, request.offset, request.file_mode),
            ),
        )
        if errno:
            return pb.MmapResponse(errno_code=errno, errno_name=name, pkru=pkru)
        return pb.MmapResponse(addr=addr, pkru=pkru)

    def munmap(self, request: pb.MunmapRequest) -> pb.MunmapResponse:
        mm = request.mm
        errno, name, _ = self._simple(_MUNMAP, mm, pack.munmap(mm, request.addr, request.length))
        return pb.MunmapResponse(errno_code=errno, errno_name=name)

    def mprotect(self, request: pb.MprotectRequest) -> pb.MprotectResponse:
        mm = request.mm
        record = pack.mprotect(mm, request.addr, request.length, request.prot)
        errno, name, _, pkru = self._called(_MPROTECT, request, record)
        return pb.MprotectResponse(errno_code=errno, errno_name=name, pkru=pkru)

    def mremap(self, request: pb.MremapRequest) -> pb.MremapResponse:
        mm = request.mm
        errno, name, addr, _ = self._called(
            _MREMAP,
            request,
            pack.mremap(
                *(mm, request.addr, request.old_length, request.new_length),
                *(request.flags, request.new_addr),
            ),
        )
        if errno:
            return pb.MremapResponse(errno_code=errno, errno_name=name)
        return pb.MremapResponse(addr=addr)

    def madvise(self, request: pb.MadviseRequest) -> pb.MadviseResponse:
        mm = request.mm
        record = pack.madvise(mm, request.addr, request.length, request.advice)
        errno, name, _, _ = self._called(_MADVISE, request, record)
        return pb.MadviseResponse(errno_code=errno, errno_name=name)

    def mincore(self, request: pb.MincoreRequest) -> pb.MincoreResponse:
        pages = -(-request.length // PAGE_BYTES)
        if pages > self._limits.mincore_pages_max:
            raise self._too_much("MINCORE_TOO_LONG", "mincore_pages_max", pages)
        participant = self._entry.participant()
        self._entry.owners.may(participant, mm=request.mm)
        try:
            mincore = in_core(participant.mincore)
            errno, vector = mincore(request.mm, request.addr, request.length)
        except NoSuchMm:
            raise failures.no_such_mm(request.mm) from None
        if errno:
            return pb.MincoreResponse(errno_code=errno, errno_name=errorcode.get(errno, ""))
        return pb.MincoreResponse(vector=vector)

    def brk(self, request: pb.BrkRequest) -> pb.BrkResponse:
        record = pack.brk(request.mm, request.addr)
        errno, name, brk, _ = self._called(_BRK, request, record)
        return pb.BrkResponse(errno_code=errno, errno_name=name, brk=brk)

    def fault(self, request: pb.FaultRequest) -> pb.FaultResponse:
        mm = request.mm
        status, info, value = _RESULT(self._run()(fault_record(request)))
        if status == 0:
            return pb.FaultResponse(word=value, info=info & FAULT_INFO_MASK)
        if status > 0:
            code = info & SI_CODE_MASK
            return pb.FaultResponse(
                signal=status,
                si_code=code,
                info=info & FAULT_INFO_MASK,
                pkey=(info & PKEY_MASK) >> PKEY_SHIFT if code == SEGV_PKUERR else None,
            )
        if status == Status.USERFAULT:
            flags = info >> USERFAULT_SHIFT & USERFAULT_MASK
            return pb.FaultResponse(
                userfault=True, userfault_flags=flags, info=info & FAULT_INFO_MASK
            )
        if status < _SERVICE_STATUS:
            raise self._failed(_FAULT, mm, status, info, value)
        return pb.FaultResponse(errno_code=-status, errno_name=errorcode.get(-status, ""))

    def uffd_move(self, request: pb.UffdMoveRequest) -> pb.UffdMoveResponse:
        mm = request.mm
        errno, name, moved = self._simple(
            _UFFD_MOVE,
            mm,
            pack.uffd_move(
                mm, request.dst, request.src, request.length, request.mode, request.uffd
            ),
        )
        return pb.UffdMoveResponse(errno_code=errno, errno_name=name, moved=moved)

    def set_vma_name(self, request: pb.SetVmaNameRequest) -> pb.SetVmaNameResponse:
        mm, text = request.mm, request.name
        if len(text) > NAME_BYTES_MAX:  # what prctl answers, and more than a record can carry
            return pb.SetVmaNameResponse(errno_code=EINVAL, errno_name="EINVAL")
        record = pack.set_vma_name(mm, request.addr, request.length, text)
        errno, name, _ = self._simple(int(Op.SET_VMA_NAME), mm, record)
        return pb.SetVmaNameResponse(errno_code=errno, errno_name=name)

    def mlock(self, request: pb.MlockRequest) -> pb.MlockResponse:
        mm = request.mm
        record = pack.mlock(mm, request.addr, request.length, request.flags)
        errno, name, _, _ = self._called(_MLOCK, request, record)
        return pb.MlockResponse(errno_code=errno, errno_name=name)

    def munlock(self, request: pb.MunlockRequest) -> pb.MunlockResponse:
        mm = request.mm
        record = pack.munlock(mm, request.addr, request.length)
        errno, name, _ = self._simple(_MUNLOCK, mm, record)
        return pb.MunlockResponse(errno_code=errno, errno_name=name)

    def mlockall(self, request: pb.MlockallRequest) -> pb.MlockallResponse:
        mm = request.mm
        record = pack.mlockall(mm, request.flags)
        errno, name, _, _ = self._called(_MLOCKALL, request, record)
        return pb.MlockallResponse(errno_code=errno, errno_name=name)

    def munlockall(self, request: pb.MunlockallRequest) -> pb.MunlockallResponse:
        mm = request.mm
        record = pack.munlockall(mm)
        errno, name, _ = self._simple(_MUNLOCKALL, mm, record)
        return pb.MunlockallResponse(errno_code=errno, errno_name=name)

    def msync(self, request: pb.MsyncRequest) -> pb.MsyncResponse:
        mm = request.mm
        record = pack.msync(mm, request.addr, request.length, request.flags)
        errno, name, _ = self._simple(_MSYNC, mm, record)
        return pb.MsyncResponse(errno_code=errno, errno_name=name)

    def mseal(self, request: pb.MsealRequest) -> pb.MsealResponse:
        mm = request.mm
        record = pack.mseal(mm, request.addr, request.length, request.flags)
        errno, name, _ = self._simple(_MSEAL, mm, record)
        return pb.MsealResponse(errno_code=errno, errno_name=name)

    def remap_file_pages(self, request: pb.RemapFilePagesRequest) -> pb.RemapFilePagesResponse:
        mm = request.mm
        record = pack.remap_file_pages(
            mm, request.addr, request.size, request.prot, request.pgoff, request.flags
        )
        errno, name, _, _ = self._called(_REMAP_FILE_PAGES, request, record)
        return pb.RemapFilePagesResponse(errno_code=errno, errno_name=name)

    def pkey_mprotect(self, request: pb.PkeyMprotectRequest) -> pb.PkeyMprotectResponse:
        mm = request.mm
        record = pack.pkey_mprotect(mm, request.addr, request.length, request.prot, request.pkey)
        errno, name, _, pkru = self._called(_PKEY_MPROTECT, request, record)
        return pb.PkeyMprotectResponse(errno_code=errno, errno_name=name, pkru=pkru)

    def pkey_alloc(self, request: pb.PkeyAllocRequest) -> pb.PkeyAllocResponse:
        mm = request.mm
        record = pack.pkey_alloc(mm, request.flags, request.rights)
        errno, name, pkey, pkru = self._called(_PKEY_ALLOC, request, record)
        return pb.PkeyAllocResponse(errno_code=errno, errno_name=name, pkey=pkey, pkru=pkru)

    def pkey_free(self, request: pb.PkeyFreeRequest) -> pb.PkeyFreeResponse:
        mm = request.mm
        record = pack.pkey_free(mm, request.pkey)
        errno, name, _ = self._simple(_PKEY_FREE, mm, record)
        return pb.PkeyFreeResponse(errno_code=errno, errno_name=name)

    def set_rlimit(self, request: pb.SetRlimitRequest) -> pb.SetRlimitResponse:
        mm = request.mm
        record = pack.setrlimit(mm, request.resource, request.soft, request.hard)
        errno, name, _ = self._simple(_SETRLIMIT, mm, record)
        return pb.SetRlimitResponse(errno_code=errno, errno_name=name)

    def set_thp_disable(self, request: pb.SetThpDisableRequest) -> pb.SetThpDisableResponse:
        mm = request.mm
        record = pack.thp_disable(mm, request.disable, request.flags)
        errno, name, _ = self._simple(_THP_DISABLE, mm, record)
        return pb.SetThpDisableResponse(errno_code=errno, errno_name=name)

    def process_madvise(self, request: pb.ProcessMadviseRequest) -> pb.ProcessMadviseResponse:
        mm = request.mm
        if len(request.ranges) > RANGES_MAX:
            raise failures.bad_argument(
                "ranges", f"{len(request.ranges)} ranges, at most {RANGES_MAX}"
            )
        ranges = [(one.addr, one.length) for one in request.ranges]
        record = pack_process_madvise(mm, ranges, request.advice, remote=request.remote)
        errno, name, advised, _ = self._called(int(Op.PROCESS_MADVISE), request, record)
        return pb.ProcessMadviseResponse(errno_code=errno, errno_name=name, advised=advised)

    # --- files ---

    def open_file(self, request: pb.OpenFileRequest) -> pb.OpenFileResponse:
        ttl_ns = self._ttl_ns(request.ttl_ms)
        if request.dev_minor >= 1 << 20 or request.dev_major >= 1 << 12:
            raise failures.bad_argument("dev_major, dev_minor", "at most 12 and 20 bits")
        try:
            file = self._entry.participant().file_open(
                dev=request.dev_major << 20 | request.dev_minor,
                ino=request.ino,
                size_bytes=request.size_bytes,
                name=request.name,
                ttl_ns=ttl_ns,
            )
        except LimitExceeded as error:
            raise failures.of_native(error) from None
        return pb.OpenFileResponse(file=file)

    def close_file(self, request: pb.CloseFileRequest) -> pb.CloseFileResponse:
        participant = self._entry.participant()
        self._entry.owners.may(participant, file=request.file)
        participant.file_close(request.file, leased=True)
        return pb.CloseFileResponse()

    def share_file(self, request: pb.ShareFileRequest) -> pb.ShareFileResponse:
        participant = self._entry.participant()
        self._entry.owners.may(participant, file=request.file)
        participant.file_share(request.file)
        return pb.ShareFileResponse()

    def truncate_file(self, request: pb.TruncateFileRequest) -> pb.TruncateFileResponse:
        record = pack.file_truncate(request.file, request.size_bytes)
        errno, name, _ = self._simple(_FILE_TRUNCATE, 0, record)
        return pb.TruncateFileResponse(errno_code=errno, errno_name=name)

    def allocate_file(self, request: pb.AllocateFileRequest) -> pb.AllocateFileResponse:
        record = pack.file_allocate(request.file, request.mode, request.offset, request.length)
        errno, name, _ = self._simple(_FILE_ALLOCATE, 0, record)
        return pb.AllocateFileResponse(errno_code=errno, errno_name=name)

    # --- blocks ---

    def run_block(self, participant: Participant, block: bytes) -> memoryview:
        """The results of one block, executed by `participant`; they hold until its next block."""
        if len(block) > self._block_bytes_max:
            raise self._too_much("BLOCK_TOO_BIG", "block_bytes_max", len(block))
        if not block or len(block) & 7:
            raise failures.InvalidRequest(
                "BAD_BLOCK",
                f"a block of {len(block)} bytes: it must be a positive multiple of 8",
                bytes=str(len(block)),
            )
        self._entry.owners.may_run(participant, block)
        made = participant.mms_made
        results = in_core(participant.run_view)(block)
        if participant.mms_made != made:
            created.keep_made(participant, block, results, self._ttl_default_ns)
        return results

    def apply(self, request: wire.Request) -> wire.Response:
        """The answer is written before the thread runs its next block."""
        results = self.run_block(self._entry.participant(), request.block)
        return wire.Response(results, 0, len(results) // wire.RESULT_BYTES)
