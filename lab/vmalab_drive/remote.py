# SPDX-License-Identifier: Apache-2.0
"""The drivers that reach an instance by gRPC, which is heavy: imported where one is made."""

from __future__ import annotations

import queue
import socket
import statistics
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, cast

import grpc
from google.protobuf.message import Message

from vmalab import pack
from vmalab.ops import RESULT, Op, Status
from vmalab.v1 import inspect_pb2, inspect_pb2_grpc, memory_pb2_grpc
from vmalab.v1 import memory_pb2 as pb
from vmalab.v1.memory_pb2_grpc import MemoryServiceStub
from vmalab_client import plain_token, transport, wire
from vmalab_client.block import FAULT_STORE, PKEY_SHIFT, Record, parse_block, parse_results
from vmalab_client.call_parts import ASKED, parts_in
from vmalab_drive.contract import TTL_MS, CallByCall, Driver, DriverError, FileInfo
from vmalab_drive.sampling import Answered

CALL_TIMEOUT_S = 300.0
REFUSED_S = 5.0
"""So long a connection may fail: a worker may be starting again."""
MESSAGE_BYTES_MAX = 16 << 20
COST_PAIRS: Final = 64


def _unready(address: str, security: Security, *, refused: bool) -> str:
    """Why there is no connection: grpc says the same of a closed port and of a certificate.

    Args:
        refused: an attempt has failed; else nobody has said anything.
    """
    host, _, port = address.rpartition(":")
    try:
        if not refused or not port.isdigit() or host.startswith("unix"):  # or gRPC alone knows it
            raise OSError
        socket.create_connection((host.strip("[]"), int(port)), REFUSED_S).close()
    except OSError:
        return f"no server answers at {address}: start one with `vmalab serve`"
    if not security.certificates:
        return f"the server at {address} has TLS: it needs the certificate that signs the server's"
    own = "does not accept the certificate that is shown to it" if security.pair else \
        "wants to see a certificate"  # fmt: skip
    return (
        f"no TLS with the server at {address}: its certificate is not signed by the one that was "
        f"given, or is for another name, or it has no TLS, or it {own}"
    )


def _wait_ready(channel: grpc.Channel, address: str, security: Security) -> None:
    """Raises DriverError: nobody listens there, for some seconds, or a server does not answer."""
    refused, ready = threading.Event(), threading.Event()

    def changed(state: grpc.ChannelConnectivity) -> None:
        if state is grpc.ChannelConnectivity.TRANSIENT_FAILURE:
            refused.set()
        elif state is grpc.ChannelConnectivity.READY:
            ready.set()

    channel.subscribe(changed, try_to_connect=True)
    try:
        begun = time.monotonic()
        while not ready.wait(0.05):
            waited = time.monotonic() - begun
            if waited > (REFUSED_S if refused.is_set() else CALL_TIMEOUT_S):
                why = _unready(address, security, refused=refused.is_set())
                raise DriverError(why)
    finally:
        channel.unsubscribe(changed)


@dataclass(frozen=True, slots=True)
class Security:
    """What a server wants to see, and how it is known; empty: nothing.

    Attributes:
        certificates: PEM of who has signed the server's certificate; empty: it has no TLS.
        pair: PEM of the client's certificate, and its key; None: it shows none.
    """

    token: str = ""
    certificates: bytes = b""
    pair: tuple[bytes, bytes] | None = None

    def channel(self, address: str, options: list[tuple[str, int]]) -> grpc.Channel:
        """A connection.

        Raises:
            BadCertificate, BadToken: what was given is none, or a token needs TLS.
        """
        credentials = transport.credentials(self.token, self.certificates, self.pair)
        token = plain_token.checked(address, self.token, tls=credentials is not None)
        if credentials is None:
            return plain_token.channel(grpc.insecure_channel(address, options=options), token)
        return grpc.secure_channel(address, credentials, options=options)


NO_SECURITY = Security()


class _Remote(Driver):
    """What the gRPC drivers have in common."""

    def __init__(self, address: str, *, worker: int = -1, security: Security = NO_SECURITY) -> None:
        super().__init__()
        transport.join_target(address)  # raises what says how an address is written
        options = [
            ("grpc.max_receive_message_length", MESSAGE_BYTES_MAX),
            ("grpc.max_send_message_length", MESSAGE_BYTES_MAX),
            ("grpc.use_local_subchannel_pool", 1),
        ]
        self._channel = security.channel(address, options)
        try:
            _wait_ready(self._channel, address, security)
        except DriverError:
            self._channel.close()
            raise
        self.inspect = inspect_pb2_grpc.InspectServiceStub(self._channel)
        own = self._workers_of_server(address, security)
        if own and worker >= 0:
            # The kernel balances connections badly; everyone gets a worker of his own.
            self._channel.close()
            self._channel = security.channel(own[worker % len(own)], options)
        self.memory = memory_pb2_grpc.MemoryServiceStub(self._channel)
        self.inspect = inspect_pb2_grpc.InspectServiceStub(self._channel)

    def _workers_of_server(self, address: str, security: Security) -> list[str]:
        """The first call.

        Raises:
            DriverError: what answers is not our server, or wants another token.
            RpcError: it does not serve; the connection is closed, else the process would not end.
        """
        try:
            return self.worker_addresses()
        except grpc.RpcError as error:
            self._channel.close()
            code = cast(grpc.Call, error).code()
            if code is grpc.StatusCode.UNIMPLEMENTED:
                raise DriverError(f"what answers at {address} is not a vmalab server") from None
            if code is grpc.StatusCode.UNAUTHENTICATED:
                wants = "does not know the token that was given" if security.token else \
                    "wants a token"  # fmt: skip
                raise DriverError(f"the server at {address} {wants}") from None
            raise

    def worker_addresses(self) -> list[str]:
        """The address of each living worker; they also share the given one."""
        request = inspect_pb2.ListWorkersRequest()
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
        request = pb.CreateAddressSpaceRequest(
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
        request = pb.ExecRequest(
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

    def keep(self, mms: list[int], files: Sequence[int] = ()) -> None:
        request = pb.KeepAliveRequest(mms=mms, files=files, ttl_ms=TTL_MS)
        self.memory.KeepAlive(request, timeout=CALL_TIMEOUT_S)

    def open_file(self, info: FileInfo) -> int:
        request = pb.OpenFileRequest(
            dev_major=info.dev >> 20,
            dev_minor=info.dev & 0xFFFFF,
            ino=info.inode,
            size_bytes=info.size,
            name=info.path,
            ttl_ms=TTL_MS,
        )
        return int(self.memory.OpenFile(request, timeout=CALL_TIMEOUT_S).file)

    def close_file(self, file: int) -> None:
        self.memory.CloseFile(pb.CloseFileRequest(file=file), timeout=CALL_TIMEOUT_S)

    def maps(self, mm: int) -> str:
        request = inspect_pb2.GetMapsRequest(mm=mm)
        return str(self.inspect.GetMaps(request, timeout=CALL_TIMEOUT_S).maps)

    def mincore(self, mm: int, addr: int, length: int) -> tuple[int, bytes]:
        return _mincore(self.memory, mm, addr, length)

    def vmstat(self) -> Mapping[str, int]:
        answer = self.inspect.GetVmstat(inspect_pb2.GetVmstatRequest(), timeout=CALL_TIMEOUT_S)
        return dict(answer.counters)

    def slabinfo(self) -> list[dict[str, int | str]]:
        answer = self.inspect.GetSlabinfo(inspect_pb2.GetSlabinfoRequest(), timeout=CALL_TIMEOUT_S)
        names = [one.name for one in inspect_pb2.SlabInfo.DESCRIPTOR.fields]
        return [{name: getattr(cache, name) for name in names} for cache in answer.caches]

    def fsck(self) -> list[str]:
        answer = self.inspect.Fsck(inspect_pb2.FsckRequest(stop=True), timeout=CALL_TIMEOUT_S)
        return list(answer.problems)

    def close(self) -> None:
        self._channel.close()


def _mincore(memory: MemoryServiceStub, mm: int, addr: int, length: int) -> tuple[int, bytes]:
    request = pb.MincoreRequest(mm=mm, addr=addr, length=length)
    answer = memory.Mincore(request, timeout=CALL_TIMEOUT_S)
    return int(answer.errno_code), bytes(answer.vector)


class ApplyDriver(_Remote):
    """One unary Apply for each block."""

    def run(self, block: bytes) -> bytes:
        request = pb.ApplyRequest(block=block)
        return bytes(self.memory.Apply(request, timeout=CALL_TIMEOUT_S).results)


class StreamDriver(_Remote):
    """Blocks through one Batch stream; send() does not wait."""

    def __init__(self, address: str, *, worker: int = -1, security: Security = NO_SECURITY) -> None:
        super().__init__(address, worker=worker, security=security)
        self._out: queue.SimpleQueue[wire.Request | None] = queue.SimpleQueue()
        self._tag = 0
        self._handed: dict[int, int] = {}
        """When gRPC got the timed blocks in flight, by tag; its thread writes it."""
        self._answers = wire.batch(self._channel)(self._requests())

    def _requests(self) -> Iterator[wire.Request]:
        while True:
            request = self._out.get()
            if request is None:
                return
            if request.timed:
                self._handed[request.tag] = time.monotonic_ns()
            yield request

    def send(self, block: bytes, *, failed_only: bool = False) -> None:
        self._tag += 1
        timed = self.sampler is not None and self.sampler.chooses()
        self._out.put(wire.Request(block, self._tag, failed_only, timed))

    def receive(self) -> bytes:
        answer = next(self._answers)
        if self._handed and self.sampler is not None:
            back = time.monotonic_ns()
            if handed := self._handed.pop(answer.tag, 0):
                self.sampler.answered.append(Answered(0, handed, back, answer.times))
        return bytes(answer.results)

    def parts_cost_ns(self) -> int:
        block = pack.munmap(0, 0, 0)  # of no address space: it does nothing, and is answered

        def run(timed: bool) -> None:
            self._tag += 1
            self._out.put(wire.Request(block, self._tag, False, timed))
            next(self._answers)
            self._handed.clear()

        return _cost_ns(run)

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


BLOCK_CALLS: Final[Mapping[Op, Callable[..., bytes]]] = {
    Op.MDWE: pack.mdwe,
    Op.FILE_SEAL: pack.file_seal,
    Op.CAPSET: pack.capset,
}
"""Operations that have no unary call of their own: each is sent as a block."""


def operands_of(record: Record) -> tuple[int, ...]:
    """The arguments of the packer of an operation: an address space, if it names one, first."""
    return record.operands if record.op == Op.FILE_SEAL else (record.mm, *record.operands)


class _Caller:
    """In the place of the stub: each request has PKRU, if it takes it."""

    def __init__(self, memory: MemoryServiceStub, pkru: int) -> None:
        self._memory = memory
        self.pkru = pkru

    def __getattr__(self, name: str) -> Callable[..., Message]:
        method: Callable[..., Message] = getattr(self._memory, name)

        def call(request: Message, *, timeout: float) -> Message:
            if "pkru" in request.DESCRIPTOR.fields_by_name:
                cast("pb.FaultRequest", request).pkru = self.pkru
            response = method(request, timeout=timeout)
            if "pkru" in response.DESCRIPTOR.fields_by_name:
                self.pkru = cast("pb.MmapResponse", response).pkru
            return response

        return call


def _cost_ns(run: Callable[[bool], None]) -> int:
    """What a call that is timed takes more than one that is not. They take turns, and the lower
    quartiles are compared: those that nothing else has disturbed."""
    took: tuple[list[int], list[int]] = ([], [])
    for number in range(2 * COST_PAIRS):
        begin = time.monotonic_ns()
        run(bool(number % 2))
        took[number % 2].append(time.monotonic_ns() - begin)
    plain, timed = (statistics.quantiles(one, n=4)[0] for one in took)
    return max(0, round(timed - plain))


class _Asking:
    """In the place of the stub: each call asks where its time went."""

    def __init__(self, memory: MemoryServiceStub) -> None:
        self._memory = memory
        self._answered: Answered | None = None

    def last(self) -> Answered | None:
        """Of the call since the last time; None: there was none, or it failed."""
        answered, self._answered = self._answered, None
        return answered

    def __getattr__(self, name: str) -> Callable[..., Message]:
        method: grpc.UnaryUnaryMultiCallable[Message, Message] = getattr(self._memory, name)

        def call(request: Message, *, timeout: float) -> Message:
            handed = time.monotonic_ns()
            response, done = method.with_call(request, timeout=timeout, metadata=ASKED)
            back = time.monotonic_ns()
            self._answered = Answered(0, handed, back, parts_in(done.trailing_metadata()))
            return response

        return call


class UnaryDriver(_Remote, CallByCall):
    """One unary call for each record of a block."""

    def run(self, block: bytes) -> bytes:
        return b"".join(
            RESULT.pack(*self._one(record, self.memory)) for record in parse_block(block)
        )

    def parts_cost_ns(self) -> int:
        asking, request = _Asking(self.memory), pb.KeepAliveRequest()

        def run(timed: bool) -> None:
            memory = cast(MemoryServiceStub, asking) if timed else self.memory
            memory.KeepAlive(request, timeout=CALL_TIMEOUT_S)

        return _cost_ns(run)

    def run_timed(
        self, block: bytes, spans_ns: list[tuple[int, int]], wait: Callable[[int], None]
    ) -> bytes:
        answers: list[bytes] = []
        sampler, asking = self.sampler, _Asking(self.memory)
        for number, record in enumerate(parse_block(block)):
            wait(number)
            asks = sampler is not None and sampler.chooses()
            memory = cast(MemoryServiceStub, asking) if asks else self.memory
            begin = time.monotonic_ns()
            answers.append(RESULT.pack(*self._one(record, memory)))
            spans_ns.append((begin, time.monotonic_ns()))
            if asks and sampler is not None and (answered := asking.last()) is not None:
                sampler.answered.append(replace(answered, number=number))
        return b"".join(answers)

    def _one(self, record: Record, memory: MemoryServiceStub) -> tuple[int, int, int]:
        try:
            return self._of_caller(record, memory)
        except grpc.RpcError as error:
            code = error.code()
            if code is grpc.StatusCode.NOT_FOUND:
                return Status.NO_SUCH_MM, 0, 0
            if code is grpc.StatusCode.RESOURCE_EXHAUSTED:
                return Status.LIMIT, 0, 0
            raise DriverError(f"{Op(record.op).name}: {code.name}: {error.details()}") from error

    def _of_caller(self, record: Record, memory: MemoryServiceStub) -> tuple[int, int, int]:
        """The call; of a record with PKRU the request has it, and the answer says what became of
        it."""
        if record.pkru is None:
            return self._call(record, memory)
        caller = _Caller(memory, record.pkru)
        status, info, value = self._call(record, cast(MemoryServiceStub, caller))
        return status, info if record.op == Op.FAULT else caller.pkru, value

    def _call(self, record: Record, memory: MemoryServiceStub) -> tuple[int, int, int]:
        mm = record.mm
        args = record.operands
        wait = CALL_TIMEOUT_S
        match record.op:
            case Op.FAULT:
                access = cast("pb.Access", (record.flags & 3) + 1)
                word = args[1] if record.flags & FAULT_STORE else None
                touch = pb.FaultRequest(mm=mm, addr=args[0], access=access, word=word)
                fault = memory.Fault(touch, timeout=wait)
                status = fault.signal or -fault.errno_code
                info = fault.info | (fault.si_code if fault.signal else 0)
                return status, info | fault.pkey << PKEY_SHIFT, fault.word
            case Op.MMAP:
                prot, how = args[2] & 0xFFFFFFFF, args[2] >> 32
                mmap = pb.MmapRequest(
                    mm=mm, addr=args[0], length=args[1], prot=prot, flags=how,
                    file=args[3], file_mode=record.how, offset=args[4],
                )  # fmt: skip
                mapped = memory.Mmap(mmap, timeout=wait)
                return -mapped.errno_code, 0, mapped.addr
            case Op.MUNMAP:
                munmap = pb.MunmapRequest(mm=mm, addr=args[0], length=args[1])
                return -memory.Munmap(munmap, timeout=wait).errno_code, 0, 0
            case Op.MPROTECT:
                mprotect = pb.MprotectRequest(mm=mm, addr=args[0], length=args[1], prot=args[2])
                return -memory.Mprotect(mprotect, timeout=wait).errno_code, 0, 0
            case Op.MADVISE:
                madvise = pb.MadviseRequest(mm=mm, addr=args[0], length=args[1], advice=args[2])
                return -memory.Madvise(madvise, timeout=wait).errno_code, 0, 0
            case _:
                return self._call_rare(record, args, memory)

    def _call_rare(
        self, record: Record, args: tuple[int, ...], memory: MemoryServiceStub
    ) -> tuple[int, int, int]:
        mm = record.mm
        wait = CALL_TIMEOUT_S
        match record.op:
            case Op.MREMAP:
                mremap = pb.MremapRequest(
                    mm=mm, addr=args[0], old_length=args[1], new_length=args[2], flags=args[3],
                    new_addr=args[4],
                )  # fmt: skip
                mapped = memory.Mremap(mremap, timeout=wait)
                return -mapped.errno_code, 0, mapped.addr
            case Op.MINCORE:
                error, vector = _mincore(memory, mm, args[0], args[1])
                return -error, 0, sum((byte & 1) << index for index, byte in enumerate(vector))
            case Op.BRK:
                brk = memory.Brk(pb.BrkRequest(mm=mm, addr=args[0]), timeout=wait)
                return -brk.errno_code, 0, brk.brk
            case Op.FORK:
                fork = pb.ForkAddressSpaceRequest(mm=mm, ttl_ms=TTL_MS)
                child = memory.ForkAddressSpace(fork, timeout=wait)
                return -child.errno_code, 0, child.mm
            case Op.EXEC:
                text = record.text.decode()
                places = dict(zip(("mmap_base", "start_brk", "brk"), args[:3], strict=True))
                return 0, 0, self.exec(mm, maps=text, shared=bool(args[3]), **places)
            case Op.EXIT:
                memory.Exit(pb.ExitRequest(mm=mm), timeout=wait)
                return 0, 0, 0
            case Op.UFFD_MOVE:
                move = pb.UffdMoveRequest(
                    mm=mm, dst=args[0], src=args[1], length=args[2], mode=args[3]
                )
                moved = memory.UffdMove(move, timeout=wait)
                return -moved.errno_code, 0, moved.moved
            case Op.SET_VMA_NAME:
                name = record.text
                named = pb.SetVmaNameRequest(mm=mm, addr=args[0], length=args[1], name=name)
                return -memory.SetVmaName(named, timeout=wait).errno_code, 0, 0
            case Op.MM_CREATE:
                return 0, 0, self.create(mmap_base=args[0])
            case _:
                return self._call_plain(record, args, memory)

    def _call_plain(
        self, record: Record, args: tuple[int, ...], memory: MemoryServiceStub
    ) -> tuple[int, int, int]:
        """The calls whose operands are the fields of their request, in order."""
        name = PLAIN_CALLS.get(Op(record.op), "")
        if record.op == Op.PROCESS_MADVISE:
            ranges = [
                pb.MemoryRange(addr=args[at], length=args[at + 1]) for at in range(1, len(args), 2)
            ]
            request = pb.ProcessMadviseRequest(
                mm=record.mm, ranges=ranges, advice=args[0] & 0xFFFFFFFF, remote=args[0] >> 32 == 1
            )
            got = memory.ProcessMadvise(request, timeout=CALL_TIMEOUT_S)
            return -got.errno_code, 0, got.advised
        if record.op in BLOCK_CALLS:
            block = pb.ApplyRequest(block=BLOCK_CALLS[Op(record.op)](*operands_of(record)))
            return parse_results(self.memory.Apply(block, timeout=CALL_TIMEOUT_S).results)[0]
        if not name:
            return 0, 0, 0
        request = getattr(pb, f"{name}Request")()
        fields = [field for field in request.DESCRIPTOR.fields if field.name != "pkru"]
        operands = (record.mm, *args) if fields[0].name == "mm" else args
        for field, value in zip(fields, operands, strict=True):
            signed = field.name == "pkey" and value >= 1 << 63
            setattr(request, field.name, value - (1 << 64) if signed else value)
        answer = getattr(memory, name)(request, timeout=CALL_TIMEOUT_S)
        return -answer.errno_code, 0, answer.pkey if record.op == Op.PKEY_ALLOC else 0
