# SPDX-License-Identifier: Apache-2.0
"""The asyncio client: the synchronous one's methods as coroutines."""

from __future__ import annotations

import asyncio
import collections
import contextlib
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING, Self, TypeVar

import grpc

from vmalab.v1 import inspect_pb2, memory_pb2, userfaultfd_pb2
from vmalab.v1.inspect_pb2_grpc import InspectServiceStub
from vmalab.v1.lab_pb2_grpc import LabServiceStub
from vmalab.v1.memory_pb2_grpc import MemoryServiceStub
from vmalab.v1.userfaultfd_pb2_grpc import UserfaultfdServiceStub
from vmalab_client import handshake, health, plain_token, transport, types, wire
from vmalab_client.aio_hold import AsyncHolder
from vmalab_client.aio_inspect import AsyncInspect as AsyncInspect
from vmalab_client.block import Access, BlockBuilder, raw
from vmalab_client.caller import Caller
from vmalab_client.errors import ClientClosed, LimitReached, NoSuchAddressSpace, ServiceUnavailable
from vmalab_client.flags import INFINITY, FileMode, Map, Mremap, Prot
from vmalab_client.lab import AsyncLab

if TYPE_CHECKING:
    from vmalab.v1.inspect_pb2_grpc import InspectServiceAsyncStub
    from vmalab.v1.memory_pb2_grpc import MemoryServiceAsyncStub
    from vmalab.v1.userfaultfd_pb2_grpc import UserfaultfdServiceAsyncStub

_Request = TypeVar("_Request")
_Response = TypeVar("_Response")
_Answer = TypeVar("_Answer", bound=transport.Answer)


_BY_OPEN = frozenset(("memory", "userfaultfd", "inspect", "lab", "_holder", "_channel"))


class AsyncClient(AbstractAsyncContextManager["AsyncClient"]):
    """A connection to an instance, for one event loop. Opened by `async with` or open().

    Args are those of vmalab_client.Client.
    """

    def __init__(
        self,
        target: str | Sequence[str],
        *,
        discover: bool = True,
        token: str = "",
        root_certificates: transport.RootCertificates = b"",
        client_certificate: transport.RootCertificates = b"",
        client_key: transport.RootCertificates = b"",
        timeout_s: float = 30.0,
    ) -> None:
        transport.bound(timeout_s)  # refused at once if it is none
        self.timeout_s = timeout_s
        self._closed = False
        pair = transport.client_pair(client_certificate, client_key)
        self._credentials = transport.credentials(token, root_certificates, pair)
        self.target = transport.join_target(target)
        self._token = plain_token.checked(self.target, token, tls=self._credentials is not None)
        self._unchecked = discover
        self._discover_first = discover and transport.is_single(self.target)
        self.lost: set[int] = set()
        """Address spaces whose lease is lost: they ended, or are another client's (NOT_OWNER)."""

    def _channel_to(self, target: str) -> grpc.aio.Channel:
        if self._credentials is None:
            interceptors = plain_token.aio_interceptors(self._token)
            return grpc.aio.insecure_channel(
                target, options=transport.OPTIONS, interceptors=interceptors
            )
        return grpc.aio.secure_channel(target, self._credentials, options=transport.OPTIONS)

    if not TYPE_CHECKING:  # a type checker would take any name for an attribute

        def __getattr__(self, name: str) -> object:
            """Asked for what is not there: all that open() makes, before it was called."""
            if name in _BY_OPEN:
                raise transport.closed(opened=False)
            raise AttributeError(f"an AsyncClient has no attribute {name!r}", name=name)

    async def open(self) -> Self:
        """Connect. Raises ServiceUnavailable, DeadlineExceeded."""
        self._inspect_stub: InspectServiceAsyncStub | None = None
        if self._discover_first and self._credentials is None:
            async with self._channel_to(self.target) as channel:
                stub = InspectServiceStub(channel)
                answer = await self.call(stub.ListWorkers, inspect_pb2.ListWorkersRequest())
            addresses = [worker.address for worker in answer.workers]
            found = transport.balanced(addresses, self.target)
            self.target = plain_token.workers(found, self.target, self._token)
        self._channel = self._channel_to(self.target)
        self.memory: MemoryServiceAsyncStub = MemoryServiceStub(self._channel)
        self.userfaultfd: UserfaultfdServiceAsyncStub = UserfaultfdServiceStub(self._channel)
        self._inspect_stub = InspectServiceStub(self._channel)
        self.inspect = AsyncInspect(self, self._inspect_stub, health.method(self._channel))
        self.lab = AsyncLab(self, LabServiceStub(self._channel))
        self._holder = AsyncHolder(self.memory, self.lost)
        return self

    async def call(
        self,
        method: grpc.aio.UnaryUnaryMultiCallable[_Request, _Response],
        request: _Request,
        *,
        more_s: float = 0.0,
    ) -> _Response:
        """One unary call with this package's errors; it may take `more_s` longer than others."""
        try:
            bound = transport.bound(self.timeout_s)
            answer = await method(request, timeout=bound and bound + more_s)
        except grpc.RpcError as error:
            raise transport.error_of(error) from None
        except grpc.aio.UsageError:
            if self._closed:
                raise transport.closed(opened=True) from None
            raise
        if self._unchecked and self._inspect_stub is not None:
            self._unchecked = False
            await handshake.shake_async(self._inspect_stub, self.timeout_s)
        return answer

    async def address_space(
        self,
        *,
        mmap_base: int = 0,
        start_brk: int = 0,
        brk: int = 0,
        maps: str = "",
        ttl_s: float = 0.0,
        hold: bool = True,
        setup: types.ProcessSetup | None = None,
    ) -> AsyncAddressSpace:
        """A new address space; use it with `async with await client.address_space()`."""
        request = memory_pb2.CreateAddressSpaceRequest(
            mmap_base=mmap_base,
            start_brk=start_brk,
            brk=brk,
            maps=maps,
            ttl_ms=transport.ttl_ms(ttl_s),
            setup=transport.setup(setup),
        )
        answer = await self.call(self.memory.CreateAddressSpace, request)
        return AsyncAddressSpace(self, answer.mm, made=True, hold=hold)

    def use(self, mm: int, *, hold: bool = True) -> AsyncAddressSpace:
        """An address space that exists, by its number; several clients may use it.

        The end of a `with` block ends the lease of this handle, and not the address space.
        """
        return AsyncAddressSpace(self, mm, made=False, hold=hold)

    def release(self, mm: int) -> None:
        """End the lease on `mm`, whatever handles there are."""
        self._holder.forget(mm)

    def _drop(self, mm: int) -> None:
        """A handle on `mm` ends, and the lease with the last one."""
        self._holder.drop(mm)

    async def keep_alive(self, mms: Iterable[int], *, ttl_s: float = 0.0) -> list[int]:
        """Let address spaces live at least `ttl_s` from now; those that do not exist."""
        request = memory_pb2.KeepAliveRequest(mms=list(mms), ttl_ms=transport.ttl_ms(ttl_s))
        return list((await self.call(self.memory.KeepAlive, request)).missing)

    async def share(self, mm: int) -> None:
        """Let all clients use an address space of this client's, for good."""
        await self.call(self.memory.ShareAddressSpace, memory_pb2.ShareAddressSpaceRequest(mm=mm))

    async def open_file(
        self,
        *,
        ino: int,
        size_bytes: int,
        name: str,
        dev_major: int = 0,
        dev_minor: int = 0,
        ttl_s: float = 0.0,
        hold: bool = True,
    ) -> int:
        """A file that can be mapped, with a lease as an address space has."""
        request = transport.open_file(dev_major, dev_minor, ino, size_bytes, name, ttl_s)
        file = (await self.call(self.memory.OpenFile, request)).file
        if hold:
            self._holder.add_file(file)
        return file

    async def share_file(self, file: int) -> None:
        """Let all clients use a file of this client's, for good."""
        await self.call(self.memory.ShareFile, memory_pb2.ShareFileRequest(file=file))

    async def close_file(self, file: int) -> None:
        """Close it once; the lease ends with the last open. What is mapped of it stays."""
        await self.call(self.memory.CloseFile, memory_pb2.CloseFileRequest(file=file))
        self._holder.drop_file(file)

    async def truncate_file(self, file: int, size_bytes: int) -> None:
        """ftruncate(2): what lies beyond the new end is gone from every mapping."""
        request = memory_pb2.TruncateFileRequest(file=file, size_bytes=size_bytes)
        answer = await self.call(self.memory.TruncateFile, request)
        transport.check(answer, "truncate_file")

    async def allocate_file(self, file: int, offset: int, length: int, *, mode: int = 0) -> None:
        """fallocate(2) in bytes; with Falloc.PUNCH_HOLE | Falloc.KEEP_SIZE a hole.

        Private copies of the pages of a hole stay.
        """
        request = memory_pb2.AllocateFileRequest(file=file, mode=mode, offset=offset, length=length)
        answer = await self.call(self.memory.AllocateFile, request)
        transport.check(answer, "allocate_file")

    async def apply(self, block: bytes | BlockBuilder) -> bytes:
        """Execute one block; its results, for parse_results."""
        request = memory_pb2.ApplyRequest(block=raw(block))
        try:
            return (await self.call(self.memory.Apply, request)).results
        except LimitReached as error:
            raise transport.of_block(error) from None

    def batch(self, *, window: int = 8) -> AsyncBatch:
        """A stream of blocks with at most `window` of them outstanding."""
        if self._closed:
            raise transport.closed(opened=True)
        return AsyncBatch(self._channel, window=window)

    async def close(self) -> None:
        """Release all leases, and close the connection."""
        if self._closed or "_channel" not in vars(self):
            return
        self._closed = True
        await self._holder.close()
        await self._channel.close()

    async def __aenter__(self) -> Self:
        return await self.open()

    async def __aexit__(self, *exception: object) -> None:
        await self.close()


class AsyncAddressSpace(Caller, AbstractAsyncContextManager["AsyncAddressSpace"]):
    """One emulated address space. Calls that fail raise MemoryCallError, accesses FaultSignal.

    The end of an `async with` block ends what that of AddressSpace does.
    """

    def __init__(self, client: AsyncClient, mm: int, *, made: bool, hold: bool) -> None:
        self._client = client
        self._stub = client.memory
        self._uffd = client.userfaultfd
        self.mm = mm
        self._made = made
        self._leased = hold
        if hold:
            client._holder.add(mm)

    def __repr__(self) -> str:
        return f"<AsyncAddressSpace {self.mm}>"

    async def _call(
        self,
        name: str,
        method: grpc.aio.UnaryUnaryMultiCallable[_Request, _Answer],
        request: _Request,
    ) -> _Answer:
        response = self._keep(await self._client.call(method, self._say(request)))
        transport.check(response, name)
        return response

    async def mmap(
        self,
        length: int,
        *,
        addr: int = 0,
        prot: int = Prot.READ | Prot.WRITE,
        flags: int = Map.PRIVATE | Map.ANONYMOUS,
        file: int = 0,
        offset: int = 0,
        file_mode: int = FileMode.READ_WRITE,
    ) -> int:
        """mmap(2): the address."""
        request = memory_pb2.MmapRequest(
            mm=self.mm,
            addr=addr,
            length=length,
            prot=prot,
            flags=flags,
            file=file,
            offset=offset,
            file_mode=file_mode,
        )
        return (await self._call("mmap", self._stub.Mmap, request)).addr

    async def munmap(self, addr: int, length: int) -> None:
        """munmap(2)."""
        request = memory_pb2.MunmapRequest(mm=self.mm, addr=addr, length=length)
        await self._call("munmap", self._stub.Munmap, request)

    async def mprotect(self, addr: int, length: int, prot: int) -> None:
        """mprotect(2)."""
        request = memory_pb2.MprotectRequest(mm=self.mm, addr=addr, length=length, prot=prot)
        await self._call("mprotect", self._stub.Mprotect, request)

    async def mremap(
        self,
        addr: int,
        old_length: int,
        new_length: int,
        *,
        flags: int = Mremap.MAYMOVE,
        new_addr: int = 0,
    ) -> int:
        """mremap(2): the new address."""
        request = memory_pb2.MremapRequest(
            mm=self.mm,
            addr=addr,
            old_length=old_length,
            new_length=new_length,
            flags=flags,
            new_addr=new_addr,
        )
        return (await self._call("mremap", self._stub.Mremap, request)).addr

    async def madvise(self, addr: int, length: int, advice: int) -> None:
        """madvise(2)."""
        request = memory_pb2.MadviseRequest(mm=self.mm, addr=addr, length=length, advice=advice)
        await self._call("madvise", self._stub.Madvise, request)

    async def mincore(self, addr: int, length: int) -> bytes:
        """mincore(2): one byte for each page."""
        request = memory_pb2.MincoreRequest(mm=self.mm, addr=addr, length=length)
        return (await self._call("mincore", self._stub.Mincore, request)).vector

    async def brk(self, addr: int = 0) -> int:
        """The brk system call: the program break after it."""
        request = memory_pb2.BrkRequest(mm=self.mm, addr=addr)
        return (await self._call("brk", self._stub.Brk, request)).brk

    async def fault(
        self, addr: int, *, access: Access = Access.READ, word: int | None = None
    ) -> types.Fault:
        """Touch a page. Raises FaultSignal where a program would get SIGSEGV or SIGBUS."""
        request = memory_pb2.FaultRequest(
            mm=self.mm, addr=addr, access=transport.ACCESS[Access(access)], word=word
        )
        return transport.fault_of(
            await self._client.call(self._stub.Fault, self._say(request)), addr
        )

    async def read(self, addr: int) -> int:
        """The word of the page at `addr`."""
        return (await self.fault(addr)).word

    async def write(self, addr: int, word: int) -> None:
        """Store a word in the page at `addr`."""
        await self.fault(addr, access=Access.WRITE, word=word)

    async def userfaultfd(self, *, features: int = 0, flags: int = 0) -> int:
        """userfaultfd(2) with its handshake: the number that uffd_* take."""
        request = userfaultfd_pb2.OpenUserfaultfdRequest(mm=self.mm, flags=flags, features=features)
        return (await self._call("userfaultfd", self._uffd.OpenUserfaultfd, request)).uffd

    async def uffd_close(self, uffd: int) -> None:
        """Close one: nothing is registered with it any more."""
        request = userfaultfd_pb2.CloseUserfaultfdRequest(mm=self.mm, uffd=uffd)
        await self._call("uffd_close", self._uffd.CloseUserfaultfd, request)

    async def uffd_register(self, uffd: int, addr: int, length: int, *, mode: int) -> None:
        """UFFDIO_REGISTER. A touch that must be served then raises UserFault."""
        request = userfaultfd_pb2.UffdRegisterRequest(
            mm=self.mm, uffd=uffd, addr=addr, length=length, mode=mode
        )
        await self._call("uffd_register", self._uffd.UffdRegister, request)

    async def uffd_unregister(self, uffd: int, addr: int, length: int) -> None:
        """UFFDIO_UNREGISTER."""
        request = userfaultfd_pb2.UffdUnregisterRequest(
            mm=self.mm, uffd=uffd, addr=addr, length=length
        )
        await self._call("uffd_unregister", self._uffd.UffdUnregister, request)

    async def uffd_copy(self, uffd: int, dst: int, src: int, length: int, *, mode: int = 0) -> int:
        """UFFDIO_COPY: bytes copied, fewer than asked for if a later page failed."""
        request = userfaultfd_pb2.UffdCopyRequest(
            mm=self.mm, uffd=uffd, dst=dst, src=src, length=length, mode=mode
        )
        response = await self._client.call(self._uffd.UffdCopy, self._say(request))
        return transport.filled(response, "uffd_copy")

    async def uffd_zeropage(self, uffd: int, addr: int, length: int, *, mode: int = 0) -> int:
        """UFFDIO_ZEROPAGE: bytes filled, as for uffd_copy."""
        request = userfaultfd_pb2.UffdZeropageRequest(
            mm=self.mm, uffd=uffd, addr=addr, length=length, mode=mode
        )
        response = await self._client.call(self._uffd.UffdZeropage, request)
        return transport.filled(response, "uffd_zeropage")

    async def uffd_continue(self, uffd: int, addr: int, length: int, *, mode: int = 0) -> int:
        """UFFDIO_CONTINUE: bytes mapped, as for uffd_copy."""
        request = userfaultfd_pb2.UffdContinueRequest(
            mm=self.mm, uffd=uffd, addr=addr, length=length, mode=mode
        )
        response = await self._client.call(self._uffd.UffdContinue, request)
        return transport.filled(response, "uffd_continue")

    async def uffd_writeprotect(self, uffd: int, addr: int, length: int, *, mode: int) -> None:
        """UFFDIO_WRITEPROTECT: with UffdWriteprotectMode.WP protect, without it no more."""
        request = userfaultfd_pb2.UffdWriteprotectRequest(
            mm=self.mm, uffd=uffd, addr=addr, length=length, mode=mode
        )
        await self._call("uffd_writeprotect", self._uffd.UffdWriteprotect, request)

    async def uffd_wake(self, uffd: int, addr: int, length: int) -> None:
        """UFFDIO_WAKE: checks its range; nobody sleeps here."""
        request = userfaultfd_pb2.UffdWakeRequest(mm=self.mm, uffd=uffd, addr=addr, length=length)
        await self._call("uffd_wake", self._uffd.UffdWake, request)

    async def uffd_move(
        self, dst: int, src: int, length: int, *, mode: int = 0, uffd: int = 0
    ) -> int:
        """UFFDIO_MOVE: bytes moved. Without `uffd` as if `dst` were registered."""
        request = memory_pb2.UffdMoveRequest(
            mm=self.mm, dst=dst, src=src, length=length, mode=mode, uffd=uffd
        )
        return (await self._call("uffd_move", self._stub.UffdMove, request)).moved

    async def set_name(self, addr: int, length: int, name: str | bytes) -> None:
        """prctl(PR_SET_VMA_ANON_NAME); an empty name removes it."""
        raw = name.encode() if isinstance(name, str) else name
        request = memory_pb2.SetVmaNameRequest(mm=self.mm, addr=addr, length=length, name=raw)
        await self._call("set_vma_name", self._stub.SetVmaName, request)

    async def mlock(self, addr: int, length: int, *, flags: int = 0) -> None:
        """mlock2(2); without flags mlock(2)."""
        request = memory_pb2.MlockRequest(mm=self.mm, addr=addr, length=length, flags=flags)
        await self._call("mlock", self._stub.Mlock, request)

    async def munlock(self, addr: int, length: int) -> None:
        """munlock(2)."""
        request = memory_pb2.MunlockRequest(mm=self.mm, addr=addr, length=length)
        await self._call("munlock", self._stub.Munlock, request)

    async def mlockall(self, flags: int) -> None:
        """mlockall(2)."""
        request = memory_pb2.MlockallRequest(mm=self.mm, flags=flags)
        await self._call("mlockall", self._stub.Mlockall, request)

    async def munlockall(self) -> None:
        """munlockall(2)."""
        request = memory_pb2.MunlockallRequest(mm=self.mm)
        await self._call("munlockall", self._stub.Munlockall, request)

    async def msync(self, addr: int, length: int, flags: int) -> None:
        """msync(2)."""
        request = memory_pb2.MsyncRequest(mm=self.mm, addr=addr, length=length, flags=flags)
        await self._call("msync", self._stub.Msync, request)

    async def mseal(self, addr: int, length: int, *, flags: int = 0) -> None:
        """mseal(2)."""
        request = memory_pb2.MsealRequest(mm=self.mm, addr=addr, length=length, flags=flags)
        await self._call("mseal", self._stub.Mseal, request)

    async def remap_file_pages(
        self, addr: int, size: int, *, prot: int = 0, pgoff: int = 0, flags: int = 0
    ) -> None:
        """remap_file_pages(2)."""
        request = memory_pb2.RemapFilePagesRequest(
            mm=self.mm, addr=addr, size=size, prot=prot, pgoff=pgoff, flags=flags
        )
        await self._call("remap_file_pages", self._stub.RemapFilePages, request)

    async def pkey_mprotect(self, addr: int, length: int, prot: int, pkey: int) -> None:
        """pkey_mprotect(2); pkey -1: none is given."""
        request = memory_pb2.PkeyMprotectRequest(
            mm=self.mm, addr=addr, length=length, prot=prot, pkey=pkey
        )
        await self._call("pkey_mprotect", self._stub.PkeyMprotect, request)

    async def pkey_alloc(self, *, flags: int = 0, rights: int = 0) -> int:
        """pkey_alloc(2): the key. rights: 1 no access, 2 no writes."""
        request = memory_pb2.PkeyAllocRequest(mm=self.mm, flags=flags, rights=rights)
        return int((await self._call("pkey_alloc", self._stub.PkeyAlloc, request)).pkey)

    async def pkey_free(self, pkey: int) -> None:
        """pkey_free(2)."""
        request = memory_pb2.PkeyFreeRequest(mm=self.mm, pkey=pkey)
        await self._call("pkey_free", self._stub.PkeyFree, request)

    async def set_rlimit(self, resource: int, soft: int, hard: int = INFINITY) -> None:
        """setrlimit(2) of AS, DATA, MEMLOCK or STACK; hard limits are not kept."""
        request = memory_pb2.SetRlimitRequest(mm=self.mm, resource=resource, soft=soft, hard=hard)
        await self._call("set_rlimit", self._stub.SetRlimit, request)

    async def set_thp_disable(self, disable: int, *, flags: int = 0) -> None:
        """prctl(PR_SET_THP_DISABLE)."""
        request = memory_pb2.SetThpDisableRequest(mm=self.mm, disable=disable, flags=flags)
        await self._call("set_thp_disable", self._stub.SetThpDisable, request)

    async def process_madvise(
        self, ranges: Sequence[tuple[int, int]], advice: int, *, remote: bool = False
    ) -> int:
        """process_madvise(2) of ranges (address, length): bytes that were advised.

        Args:
            ranges: 126 at most.
            remote: the caller is another process, which may give some advice only.
        """
        request = memory_pb2.ProcessMadviseRequest(
            mm=self.mm,
            ranges=[memory_pb2.MemoryRange(addr=addr, length=length) for addr, length in ranges],
            advice=advice,
            remote=remote,
        )
        response = await self._call("process_madvise", self._stub.ProcessMadvise, request)
        return response.advised

    async def exec(
        self,
        *,
        mmap_base: int = 0,
        start_brk: int = 0,
        brk: int = 0,
        maps: str = "",
        shared: bool = False,
        ttl_s: float = 0.0,
        hold: bool = True,
    ) -> AsyncAddressSpace:
        """execve(2): the process goes on in a new address space, the answer; this one ends.

        Args:
            mmap_base, start_brk, brk, maps: of the new one, as for Client.address_space.
            shared: others run on in this one, as the parent does after vfork: it stays.
        """
        request = memory_pb2.ExecRequest(
            mm=self.mm,
            mmap_base=mmap_base,
            start_brk=start_brk,
            brk=brk,
            maps=maps,
            ttl_ms=transport.ttl_ms(ttl_s),
            shared=shared,
        )
        response = await self._call("exec", self._stub.Exec, request)
        if not shared:
            self._let_go()
        return AsyncAddressSpace(self._client, response.mm, made=True, hold=hold)

    async def fork(self, *, ttl_s: float = 0.0, hold: bool = True) -> AsyncAddressSpace:
        """fork(2): the child's address space."""
        request = memory_pb2.ForkAddressSpaceRequest(mm=self.mm, ttl_ms=transport.ttl_ms(ttl_s))
        response = await self._call("fork", self._stub.ForkAddressSpace, request)
        child = AsyncAddressSpace(self._client, response.mm, made=True, hold=hold)
        return self._forked(child)

    async def maps(self) -> str:
        """The mappings as /proc/PID/maps shows them."""
        return await self._client.inspect.maps(self.mm)

    async def query_vma(self, addr: int, flags: int = 0) -> types.VmaInfo | None:
        """The mapping that contains addr and has all that the flags name; None: there is none.

        Query.OR_NEXT: if none contains it, the next one that has all this. (PROCMAP_QUERY)
        """
        return await self._client.inspect.query_vma(self.mm, addr, flags)

    async def exit(self) -> None:
        """End it now, even if others use it."""
        self._let_go()
        await self._client.call(self._stub.Exit, memory_pb2.ExitRequest(mm=self.mm))

    def detach(self) -> int:
        """End the lease of this handle: it ends with the last lease. Its number."""
        self._made = False
        if self._leased:
            self._leased = False
            self._client._drop(self.mm)
        return self.mm

    def _let_go(self) -> None:
        """From now on the end of this handle does nothing, and no handle has a lease."""
        self._made = self._leased = False
        self._client.release(self.mm)

    async def __aexit__(self, kind: object, error: object, trace: object) -> None:
        if not self._made:
            self.detach()
            return
        try:
            await self.exit()
        except (NoSuchAddressSpace, ClientClosed):
            return  # it has exited already, or does so without us
        except ServiceUnavailable:
            if error is None:
                raise


class AsyncBatch(AbstractAsyncContextManager["AsyncBatch"]):
    """A stream of blocks. For one task."""

    def __init__(self, channel: grpc.aio.Channel, *, window: int) -> None:
        if window < 1:
            raise ValueError(f"window = {window}: at least 1")
        self._window = window
        self._call = wire.batch(channel)()
        self._outstanding: collections.deque[tuple[int, bool]] = collections.deque()
        self._tag = 0
        self._closed = False

    @property
    def full(self) -> bool:
        """Whether an answer must be received before the next block is sent."""
        return len(self._outstanding) >= self._window

    async def send(self, block: bytes | BlockBuilder, *, failed_only: bool = False) -> None:
        """Send one block; at most `window` may be outstanding (ValueError).

        failed_only: receive the records that fail only, by receive_failed. It makes a stream
        twice as fast, and addresses, words and numbers of address spaces do not come back.
        """
        transport.check_stream(self._closed)
        if self.full:
            raise ValueError(f"{self._window} blocks are outstanding: receive an answer first")
        self._tag += 1
        try:
            await self._call.write(wire.Request(raw(block), self._tag, failed_only))
        except (grpc.RpcError, asyncio.InvalidStateError):
            raise ServiceUnavailable("the server ended the stream") from None
        self._outstanding.append((self._tag, failed_only))

    async def receive(self) -> bytes:
        """The results of the oldest block that is outstanding."""
        return bytes((await self._received(failed_only=False)).results)

    async def receive_failed(self) -> types.Failed:
        """What failed of the oldest block that is outstanding, which was sent with failed_only."""
        return transport.failed(await self._received(failed_only=True))

    async def _received(self, *, failed_only: bool) -> wire.Response:
        transport.check_stream(self._closed)
        if not self._outstanding:
            raise ValueError("no block is outstanding")
        if self._outstanding[0][1] != failed_only:
            raise ValueError(transport.WRONG_RECEIVE[failed_only])
        try:
            answer = await self._call.read()
        except grpc.RpcError as error:
            raise transport.of_block(transport.error_of(error)) from None
        if not isinstance(answer, wire.Response):  # grpc.aio.EOF
            raise ServiceUnavailable("the server ended the stream")
        self._outstanding.popleft()
        return answer

    async def run(self, blocks: Iterable[bytes | BlockBuilder]) -> AsyncIterator[bytes]:
        """The results of each block, in order, with the window kept full."""
        for block in blocks:
            if self.full:
                yield await self.receive()
            await self.send(block)
        while self._outstanding:
            yield await self.receive()

    async def close(self) -> None:
        """End the stream. Answers that were not received are given up."""
        self._closed = True
        if self._outstanding:
            self._call.cancel()
        else:
            with contextlib.suppress(grpc.RpcError, asyncio.InvalidStateError):
                await self._call.done_writing()

    async def __aexit__(self, *exception: object) -> None:
        await self.close()
