# SPDX-License-Identifier: Apache-2.0
"""Three ways to have operations done: attached to the segment, in blocks, one call each.

All take a block (the packed form of vmalab_client.block) and give 16 bytes for each record, so
that what makes operations and what judges answers does not care how they travel.

Driver
├── AttachDriver    the core in this process, on the shared segment
├── ApplyDriver     one unary Apply for each block
├── StreamDriver    one Batch stream, several blocks outstanding
└── UnaryDriver     one unary call for each record
"""

from __future__ import annotations

import queue
import time
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, Self

from vmalab_client.block import FAULT_STORE, Op, Record, parse_block, parse_results
from vmalab_client.block import RESULT as _RESULT
from vmalab_drive.errors import CommandError

TTL_MS = 60_000
CALL_TIMEOUT_S = 300.0
MESSAGE_BYTES_MAX = 16 << 20
NO_SUCH_MM = -1001
LIMIT = -1004


class DriverError(CommandError):
    """The instance could not be reached or did not do what any instance does."""


@dataclass(frozen=True, slots=True)
class FileInfo:
    """A file the program mapped, as it was when it was mapped."""

    path: str
    dev: int
    inode: int
    size: int


@dataclass(frozen=True, slots=True)
class Target:
    """Where the operations go: an address of a server, or an instance to attach to."""

    address: str = ""
    instance: str = ""


class Driver(ABC):
    """Somebody who executes blocks. Used by one thread at a time."""

    @abstractmethod
    def create(
        self,
        *,
        mmap_base: int = 0,
        start_brk: int = 0,
        brk: int = 0,
        maps: str = "",
        pkeys: bool | None = None,
    ) -> int:
        """Make an address space. pkeys: with protection keys or without; None: as the instance."""

    @abstractmethod
    def exec(
        self,
        mm: int,
        *,
        mmap_base: int = 0,
        start_brk: int = 0,
        brk: int = 0,
        maps: str = "",
        shared: bool = False,
    ) -> int:
        """Leave an address space for a new one, as execve does; the new one."""

    @abstractmethod
    def keep(self, mms: list[int]) -> None:
        """Let address spaces live for another TTL_MS."""

    @abstractmethod
    def open_file(self, info: FileInfo) -> int:
        """Make a file known; the same device and inode give the same number."""

    @abstractmethod
    def run(self, block: bytes) -> bytes:
        """Execute a block and wait for its results."""

    @abstractmethod
    def maps(self, mm: int) -> str:
        """/proc/PID/maps of an address space."""

    @abstractmethod
    def mincore(self, mm: int, addr: int, length: int) -> tuple[int, bytes]:
        """errno or 0, and one byte for each page."""

    @abstractmethod
    def vmstat(self) -> Mapping[str, int]: ...

    @abstractmethod
    def slabinfo(self) -> list[dict[str, int | str]]: ...

    @abstractmethod
    def fsck(self) -> list[str]: ...

    @abstractmethod
    def close(self) -> None: ...

    def send(self, block: bytes) -> None:
        """Begin a block; its results come from receive() in order. Here: execute it at once."""
        self._done.append(self.run(block))

    def receive(self) -> bytes:
        """The results of the oldest block that was sent."""
        return self._done.popleft()

    def __init__(self) -> None:
        self._done: deque[bytes] = deque()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()


class AttachDriver(Driver):
    """Maps the segment and calls the core itself."""

    def __init__(self, instance: str, *, role: str = "client") -> None:
        from vmalab_native import core

        super().__init__()
        self._segment = core.Segment.attach(instance)
        self._participant = self._segment.participant(role)  # type: ignore[arg-type]

    def create(
        self,
        *,
        mmap_base: int = 0,
        start_brk: int = 0,
        brk: int = 0,
        maps: str = "",
        pkeys: bool | None = None,
    ) -> int:
        from vmalab_native.core import MmSetup

        return self._participant.mm_create(
            mmap_base=mmap_base,
            start_brk=start_brk,
            brk=brk,
            maps=maps,
            setup=MmSetup(protection_keys=pkeys),
        )

    def keep(self, mms: list[int]) -> None:
        """Nothing to do: this participant has a lease on what it made."""

    def lease(self, mm: int) -> None:
        """Hold an address space that another process made."""
        self._participant.mm_get(mm)

    def exec(
        self,
        mm: int,
        *,
        mmap_base: int = 0,
        start_brk: int = 0,
        brk: int = 0,
        maps: str = "",
        shared: bool = False,
    ) -> int:
        return self._participant.mm_exec(
            mm, mmap_base=mmap_base, start_brk=start_brk, brk=brk, maps=maps, shared=shared
        )

    def open_file(self, info: FileInfo) -> int:
        return self._participant.file_open(
            dev=info.dev, ino=info.inode, size_bytes=info.size, name=info.path
        )

    def run(self, block: bytes) -> bytes:
        return self._participant.run(block)

    def maps(self, mm: int) -> str:
        return self._participant.maps(mm)

    def mincore(self, mm: int, addr: int, length: int) -> tuple[int, bytes]:
        return self._participant.mincore(mm, addr, length)

    def vmstat(self) -> Mapping[str, int]:
        return self._participant.vmstat()

    def slabinfo(self) -> list[dict[str, int | str]]:
        return [
            {name: getattr(one, name) for name in one.__dataclass_fields__}
            for one in self._participant.slabinfo()
        ]

    def fsck(self) -> list[str]:
        return self._participant.fsck()

    def close(self) -> None:
        self._participant.release()
        self._segment.close()


class _Remote(Driver):
    """What the gRPC drivers have in common."""

    def __init__(self, address: str, *, worker: int = -1) -> None:
        import grpc

        from vmalab.v1 import inspect_pb2, inspect_pb2_grpc, memory_pb2, memory_pb2_grpc

        super().__init__()
        options = [
            ("grpc.max_receive_message_length", MESSAGE_BYTES_MAX),
            ("grpc.max_send_message_length", MESSAGE_BYTES_MAX),
            ("grpc.use_local_subchannel_pool", 1),
        ]
        self._grpc: Any = grpc
        self._channel: Any = grpc.insecure_channel(address, options=options)
        try:
            grpc.channel_ready_future(self._channel).result(timeout=CALL_TIMEOUT_S)
        except grpc.FutureTimeoutError:
            raise DriverError(f"no server answers at {address}") from None
        self.pb: Any = memory_pb2
        self.inspect_pb: Any = inspect_pb2
        self.inspect: Any = inspect_pb2_grpc.InspectServiceStub(self._channel)
        own = self.worker_addresses() if worker >= 0 else []
        if own:
            # The kernel balances connections badly; everyone gets a worker of his own.
            self._channel.close()
            self._channel = grpc.insecure_channel(own[worker % len(own)], options=options)
        self.memory: Any = memory_pb2_grpc.MemoryServiceStub(self._channel)
        self.inspect = inspect_pb2_grpc.InspectServiceStub(self._channel)

    def worker_addresses(self) -> list[str]:
        """The address of each living worker; they also share the one we were told."""
        request = self.inspect_pb.ListWorkersRequest()
        workers = self.inspect.ListWorkers(request, timeout=CALL_TIMEOUT_S).workers
        return [one.address for one in workers if one.address and one.pid]

    def create(
        self,
        *,
        mmap_base: int = 0,
        start_brk: int = 0,
        brk: int = 0,
        maps: str = "",
        pkeys: bool | None = None,
    ) -> int:
        request = self.pb.CreateAddressSpaceRequest(
            mmap_base=mmap_base, start_brk=start_brk, brk=brk, maps=maps, ttl_ms=TTL_MS
        )
        if pkeys is not None:
            request.setup.protection_keys = pkeys
        return int(self.memory.CreateAddressSpace(request, timeout=CALL_TIMEOUT_S).mm)

    def exec(
        self,
        mm: int,
        *,
        mmap_base: int = 0,
        start_brk: int = 0,
        brk: int = 0,
        maps: str = "",
        shared: bool = False,
    ) -> int:
        request = self.pb.ExecRequest(
            mm=mm,
            mmap_base=mmap_base,
            start_brk=start_brk,
            brk=brk,
            maps=maps,
            ttl_ms=TTL_MS,
            shared=shared,
        )
        answer = self.memory.Exec(request, timeout=CALL_TIMEOUT_S)
        if answer.errno_code:
            raise DriverError(f"exec of {mm}: {answer.errno_name}")
        return int(answer.mm)

    def keep(self, mms: list[int]) -> None:
        request = self.pb.KeepAliveRequest(mms=mms, ttl_ms=TTL_MS)
        self.memory.KeepAlive(request, timeout=CALL_TIMEOUT_S)

    def open_file(self, info: FileInfo) -> int:
        request = self.pb.OpenFileRequest(
            dev_major=info.dev >> 20,
            dev_minor=info.dev & 0xFFFFF,
            ino=info.inode,
            size_bytes=info.size,
            name=info.path,
        )
        return int(self.memory.OpenFile(request, timeout=CALL_TIMEOUT_S).file)

    def maps(self, mm: int) -> str:
        request = self.inspect_pb.GetMapsRequest(mm=mm)
        return str(self.inspect.GetMaps(request, timeout=CALL_TIMEOUT_S).maps)

    def mincore(self, mm: int, addr: int, length: int) -> tuple[int, bytes]:
        request = self.pb.MincoreRequest(mm=mm, addr=addr, length=length)
        answer = self.memory.Mincore(request, timeout=CALL_TIMEOUT_S)
        return int(answer.errno_code), bytes(answer.vector)

    def vmstat(self) -> Mapping[str, int]:
        answer = self.inspect.GetVmstat(self.inspect_pb.GetVmstatRequest(), timeout=CALL_TIMEOUT_S)
        return dict(answer.counters)

    def slabinfo(self) -> list[dict[str, int | str]]:
        answer = self.inspect.GetSlabinfo(
            self.inspect_pb.GetSlabinfoRequest(), timeout=CALL_TIMEOUT_S
        )
        names = [one.name for one in self.inspect_pb.SlabInfo.DESCRIPTOR.fields]
        return [{name: getattr(cache, name) for name in names} for cache in answer.caches]

    def fsck(self) -> list[str]:
        answer = self.inspect.Fsck(self.inspect_pb.FsckRequest(), timeout=CALL_TIMEOUT_S)
        return list(answer.problems)

    def close(self) -> None:
        self._channel.close()


class ApplyDriver(_Remote):
    """One unary Apply for each block."""

    def run(self, block: bytes) -> bytes:
        request = self.pb.ApplyRequest(block=block)
        return bytes(self.memory.Apply(request, timeout=CALL_TIMEOUT_S).results)


class StreamDriver(_Remote):
    """Blocks through one Batch stream; send() does not wait."""

    def __init__(self, address: str, *, worker: int = -1) -> None:
        from vmalab_client import wire

        super().__init__(address, worker=worker)
        self._request = wire.Request
        self._out: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._tag = 0
        self._answers: Any = wire.batch(self._channel)(self._requests())

    def _requests(self) -> Iterator[Any]:
        while True:
            request = self._out.get()
            if request is None:
                return
            yield request

    def send(self, block: bytes, *, failed_only: bool = False) -> None:
        self._tag += 1
        self._out.put(self._request(block, self._tag, failed_only))

    def receive(self) -> bytes:
        return bytes(next(self._answers).results)

    def receive_failed(self) -> tuple[int, int]:
        """Of a block that was sent with failed_only: records executed, records that failed."""
        answer = next(self._answers)
        return answer.executed, len(answer.failed or ())

    def run(self, block: bytes) -> bytes:
        self.send(block)
        return self.receive()

    def close(self) -> None:
        self._out.put(None)
        self._answers.cancel()
        super().close()


PLAIN_CALLS: Final = {
    Op.MLOCK: "Mlock",
    Op.MUNLOCK: "Munlock",
    Op.MLOCKALL: "Mlockall",
    Op.MUNLOCKALL: "Munlockall",
    Op.MSYNC: "Msync",
    Op.MSEAL: "Mseal",
    Op.REMAP_FILE_PAGES: "RemapFilePages",
    Op.PKEY_MPROTECT: "PkeyMprotect",
    Op.PKEY_ALLOC: "PkeyAlloc",
    Op.PKEY_FREE: "PkeyFree",
    Op.SETRLIMIT: "SetRlimit",
    Op.THP_DISABLE: "SetThpDisable",
    Op.FILE_TRUNCATE: "TruncateFile",
    Op.FILE_ALLOCATE: "AllocateFile",
}


class UnaryDriver(_Remote):
    """One unary call for each record of a block."""

    def run(self, block: bytes) -> bytes:
        return b"".join(_RESULT.pack(*self._one(record)) for record in parse_block(block))

    def run_timed(self, block: bytes, times_ns: list[int]) -> bytes:
        """As run(), and the time each call took."""
        answers: list[bytes] = []
        for record in parse_block(block):
            begin = time.perf_counter_ns()
            answers.append(_RESULT.pack(*self._one(record)))
            times_ns.append(time.perf_counter_ns() - begin)
        return b"".join(answers)

    def _one(self, record: Record) -> tuple[int, int, int]:
        try:
            return self._call(record)
        except self._grpc.RpcError as error:
            code = error.code()
            if code is self._grpc.StatusCode.NOT_FOUND:
                return NO_SUCH_MM, 0, 0
            if code is self._grpc.StatusCode.RESOURCE_EXHAUSTED:
                return LIMIT, 0, 0
            raise DriverError(f"{Op(record.op).name}: {code.name}: {error.details()}") from error

    def _call(self, record: Record) -> tuple[int, int, int]:
        pb, memory, mm = self.pb, self.memory, record.mm
        args = record.operands
        wait = CALL_TIMEOUT_S
        match record.op:
            case Op.FAULT:
                access = record.flags & 3
                word = {"word": args[1]} if record.flags & FAULT_STORE else {}
                request = pb.FaultRequest(mm=mm, addr=args[0], access=access + 1, **word)
                got = memory.Fault(request, timeout=wait)
                status = got.signal or -got.errno_code
                return status, got.info | (got.si_code if got.signal else 0), got.word
            case Op.MMAP:
                prot, how = args[2] & 0xFFFFFFFF, args[2] >> 32
                request = pb.MmapRequest(
                    mm=mm, addr=args[0], length=args[1], prot=prot, flags=how,
                    file=args[3], file_mode=record.how, offset=args[4],
                )  # fmt: skip
                got = memory.Mmap(request, timeout=wait)
                return -got.errno_code, 0, got.addr
            case Op.MUNMAP:
                request = pb.MunmapRequest(mm=mm, addr=args[0], length=args[1])
                return -memory.Munmap(request, timeout=wait).errno_code, 0, 0
            case Op.MPROTECT:
                request = pb.MprotectRequest(mm=mm, addr=args[0], length=args[1], prot=args[2])
                return -memory.Mprotect(request, timeout=wait).errno_code, 0, 0
            case Op.MADVISE:
                request = pb.MadviseRequest(mm=mm, addr=args[0], length=args[1], advice=args[2])
                return -memory.Madvise(request, timeout=wait).errno_code, 0, 0
            case _:
                return self._call_rare(record, args)

    def _call_rare(self, record: Record, args: tuple[int, ...]) -> tuple[int, int, int]:
        pb, memory, mm = self.pb, self.memory, record.mm
        wait = CALL_TIMEOUT_S
        match record.op:
            case Op.MREMAP:
                request = pb.MremapRequest(
                    mm=mm, addr=args[0], old_length=args[1], new_length=args[2], flags=args[3],
                    new_addr=args[4],
                )  # fmt: skip
                got = memory.Mremap(request, timeout=wait)
                return -got.errno_code, 0, got.addr
            case Op.MINCORE:
                error, vector = self.mincore(mm, args[0], args[1])
                return -error, 0, sum((byte & 1) << index for index, byte in enumerate(vector))
            case Op.BRK:
                got = memory.Brk(pb.BrkRequest(mm=mm, addr=args[0]), timeout=wait)
                return -got.errno_code, 0, got.brk
            case Op.FORK:
                request = pb.ForkAddressSpaceRequest(mm=mm, ttl_ms=TTL_MS)
                got = memory.ForkAddressSpace(request, timeout=wait)
                return -got.errno_code, 0, got.mm
            case Op.EXEC:
                text = record.payload[32 : 32 + record.flags].decode()
                places = dict(zip(("mmap_base", "start_brk", "brk"), args[:3], strict=True))
                return 0, 0, self.exec(mm, maps=text, shared=bool(args[3]), **places)
            case Op.EXIT:
                memory.Exit(pb.ExitRequest(mm=mm), timeout=wait)
                return 0, 0, 0
            case Op.UFFD_MOVE:
                request = pb.UffdMoveRequest(
                    mm=mm, dst=args[0], src=args[1], length=args[2], mode=args[3]
                )
                got = memory.UffdMove(request, timeout=wait)
                return -got.errno_code, 0, got.moved
            case Op.SET_VMA_NAME:
                name = record.payload[16 : 16 + record.flags]
                request = pb.SetVmaNameRequest(mm=mm, addr=args[0], length=args[1], name=name)
                return -memory.SetVmaName(request, timeout=wait).errno_code, 0, 0
            case Op.MM_CREATE:
                return 0, 0, self.create(mmap_base=args[0])
            case _:
                return self._call_plain(record, args)

    def _call_plain(self, record: Record, args: tuple[int, ...]) -> tuple[int, int, int]:
        """The calls whose operands are the fields of their request, in order."""
        name = PLAIN_CALLS.get(Op(record.op), "")
        if record.op == Op.PROCESS_MADVISE:
            ranges = [
                self.pb.MemoryRange(addr=args[at], length=args[at + 1])
                for at in range(1, len(args), 2)
            ]
            request = self.pb.ProcessMadviseRequest(
                mm=record.mm, ranges=ranges, advice=args[0] & 0xFFFFFFFF, remote=args[0] >> 32 == 1
            )
            got = self.memory.ProcessMadvise(request, timeout=CALL_TIMEOUT_S)
            return -got.errno_code, 0, got.advised
        if not name:
            return 0, 0, 0
        request = getattr(self.pb, f"{name}Request")()
        fields = request.DESCRIPTOR.fields
        operands = (record.mm, *args) if fields[0].name == "mm" else args
        for field, value in zip(fields, operands, strict=True):
            signed = field.name == "pkey" and value >= 1 << 63
            setattr(request, field.name, value - (1 << 64) if signed else value)
        answer = getattr(self.memory, name)(request, timeout=CALL_TIMEOUT_S)
        return -answer.errno_code, 0, answer.pkey if record.op == Op.PKEY_ALLOC else 0


def connect(target: Target, mode: str, *, worker: int = -1) -> Driver:
    """The driver of a mode: attach, batch (a stream), apply or unary.

    Args:
        worker: which of the server's workers to talk to, modulo their number; -1 for any.

    Raises:
        DriverError: nobody answers, or attach without an instance.
    """
    if mode == "attach":
        if not target.instance:
            raise DriverError("attach needs the name of an instance on this machine")
        return AttachDriver(target.instance)
    if mode == "unary":
        return UnaryDriver(target.address, worker=worker)
    if mode == "apply":
        return ApplyDriver(target.address, worker=worker)
    return StreamDriver(target.address, worker=worker)


def results(data: bytes) -> list[tuple[int, int, int]]:
    """Results as plain tuples (status, info, value)."""
    return [(one.status, one.info, one.value) for one in parse_results(data)]
