# SPDX-License-Identifier: Apache-2.0
"""The synchronous client."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager
from typing import TypeVar

import grpc

from vmalab.v1 import inspect_pb2, memory_pb2, userfaultfd_pb2
from vmalab.v1.inspect_pb2_grpc import InspectServiceStub
from vmalab.v1.lab_pb2_grpc import LabServiceStub
from vmalab.v1.memory_pb2_grpc import MemoryServiceStub
from vmalab.v1.userfaultfd_pb2_grpc import UserfaultfdServiceStub
from vmalab_client import handshake, health, plain_token, transport, types
from vmalab_client.batch import Batch
from vmalab_client.block import Access, BlockBuilder, raw
from vmalab_client.caller import SyncCaller
from vmalab_client.errors import ClientClosed, LimitReached, NoSuchAddressSpace, ServiceUnavailable
from vmalab_client.flags import INFINITY, FileMode, Map, Mremap, Prot
from vmalab_client.hold import Holder
from vmalab_client.lab import Lab

_Request = TypeVar("_Request")
_Response = TypeVar("_Response")
_SPARE_WINDOW = 8


class Client(AbstractContextManager["Client"]):
    """A connection to an instance. Threads may share it.

    Args:
        target: "host:port", "unix:PATH", or a list of either. A single TCP address is asked for
            the workers, and calls go to all of them in turn.
        discover: ask for the workers, and whether the versions of client and server fit
            (VersionWarning); False: use the target as it is.
        token: what the server's token_file says; over TLS, or to an address of this machine.
        root_certificates: PEM, or the Path of its file: for a server with TLS.
        client_certificate, client_key: PEM, or the Paths of the files: for a server that wants
            to know its clients by certificates (`vmalab serve --tls-client-ca`).
        timeout_s: of each unary call; 0: it has no bound.

    Raises:
        BadTarget, BadCertificate, BadToken: what was given is none.
        ServiceUnavailable, DeadlineExceeded: nobody answers at the target.
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
        self._unchecked = False
        pair = transport.client_pair(client_certificate, client_key)
        self._credentials = transport.credentials(token, root_certificates, pair)
        self.target = transport.join_target(target)
        self._token = plain_token.checked(self.target, token, tls=self._credentials is not None)
        if discover and transport.is_single(self.target):
            self.target = self._discover(self.target)
        self._channel = self._open(self.target)
        self.memory: MemoryServiceStub = MemoryServiceStub(self._channel)
        """The generated stub, for who wants the messages themselves."""
        self.userfaultfd: UserfaultfdServiceStub = UserfaultfdServiceStub(self._channel)
        self._inspect_stub: InspectServiceStub = InspectServiceStub(self._channel)
        self.inspect: Inspect = Inspect(self)
        self.lab: Lab = Lab(self, LabServiceStub(self._channel))
        """Sync points and mutants, on an instance started with --lab."""
        self.lost: set[int] = set()
        """Address spaces whose lease is lost: they ended, or are another client's (NOT_OWNER)."""
        self._holder = Holder(self.memory, self.lost.add)
        self._unchecked = discover and not transport.is_single(transport.join_target(target))

    def _open(self, target: str) -> grpc.Channel:
        if self._credentials is None:
            channel = grpc.insecure_channel(target, options=transport.OPTIONS)
            return plain_token.channel(channel, self._token)
        return grpc.secure_channel(target, self._credentials, options=transport.OPTIONS)

    def _discover(self, target: str) -> str:
        with self._open(target) as channel:
            stub = InspectServiceStub(channel)
            answer = self.call(stub.ListWorkers, inspect_pb2.ListWorkersRequest())
            handshake.shake(stub, self.timeout_s)
        if self._credentials is not None:
            return target  # the certificate is for the name that was given
        addresses = [worker.address for worker in answer.workers]
        return plain_token.workers(transport.balanced(addresses, target), target, self._token)

    def call(
        self,
        method: grpc.UnaryUnaryMultiCallable[_Request, _Response],
        request: _Request,
        *,
        more_s: float = 0.0,
    ) -> _Response:
        """One unary call with this package's errors; it may take `more_s` longer than others."""
        try:
            bound = transport.bound(self.timeout_s)
            answer = method(request, timeout=bound and bound + more_s)
        except grpc.RpcError as error:
            raise transport.error_of(error) from None
        except ValueError:
            if self._closed:
                raise transport.closed(opened=True) from None
            raise
        if self._unchecked:
            self._unchecked = False
            handshake.shake(self._inspect_stub, self.timeout_s)
        return answer

    # --- address spaces ---

    def address_space(
        self,
        *,
        mmap_base: int = 0,
        start_brk: int = 0,
        brk: int = 0,
        maps: str = "",
        ttl_s: float = 0.0,
        hold: bool = True,
        setup: types.ProcessSetup | None = None,
    ) -> AddressSpace:
        """A new address space; exits at the end of a `with` block.

        Args:
            mmap_base: where top-down placement begins; 0: 0x7ffff7fff000.
            start_brk, brk: the heap; 0: none, or as `maps` says.
            maps: a /proc/PID/maps text to begin with.
            ttl_s: how long it lives without a lease; 0: the server's default.
            hold: with a lease on it as long as this client lives.
            setup: limits and capabilities of its process; None: those of root.
        """
        request = memory_pb2.CreateAddressSpaceRequest(
            mmap_base=mmap_base,
            start_brk=start_brk,
            brk=brk,
            maps=maps,
            ttl_ms=transport.ttl_ms(ttl_s),
            setup=transport.setup(setup),
        )
        mm = self.call(self.memory.CreateAddressSpace, request).mm
        return AddressSpace(self, mm, made=True, hold=hold)

    def use(self, mm: int, *, hold: bool = True) -> AddressSpace:
        """An address space that exists, by its number; several clients may use it.

        The end of a `with` block ends the lease of this handle, and not the address space.
        """
        return AddressSpace(self, mm, made=False, hold=hold)

    def keep_alive(self, mms: Iterable[int], *, ttl_s: float = 0.0) -> list[int]:
        """Let address spaces live at least `ttl_s` from now; those that do not exist."""
        request = memory_pb2.KeepAliveRequest(mms=list(mms), ttl_ms=transport.ttl_ms(ttl_s))
        return list(self.call(self.memory.KeepAlive, request).missing)

    def wait_held(self, mm: int, *, timeout_s: float = 60.0) -> bool:
        """Wait until the server has confirmed the lease of this client on `mm`."""
        return self._holder.wait_held(mm, timeout_s)

    def release(self, mm: int) -> None:
        """End the lease on `mm`, whatever handles there are."""
        self._holder.forget(mm)

    def _drop(self, mm: int) -> None:
        """A handle on `mm` ends, and the lease with the last one."""
        self._holder.drop(mm)

    def share(self, mm: int) -> None:
        """Let all clients use an address space of this client's, for good."""
        self.call(self.memory.ShareAddressSpace, memory_pb2.ShareAddressSpaceRequest(mm=mm))

    # --- files ---

    def open_file(
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
        """A file that can be mapped. The same device and inode give the same file.

        Args:
            ttl_s: how long it stays open without a lease; 0: the server's default.
            hold: with a lease on it as long as this client lives.
        """
        request = transport.open_file(dev_major, dev_minor, ino, size_bytes, name, ttl_s)
        file = self.call(self.memory.OpenFile, request).file
        return self._holder.add_file(file) if hold else file

    def share_file(self, file: int) -> None:
        """Let all clients use a file of this client's, for good."""
        self.call(self.memory.ShareFile, memory_pb2.ShareFileRequest(file=file))

    def close_file(self, file: int) -> None:
        """Close it once; the lease ends with the last open. What is mapped of it stays."""
        self.call(self.memory.CloseFile, memory_pb2.CloseFileRequest(file=file))
        self._holder.drop_file(file)

    def truncate_file(self, file: int, size_bytes: int) -> None:
        """ftruncate(2): what lies beyond the new end is gone from every mapping."""
        request = memory_pb2.TruncateFileRequest(file=file, size_bytes=size_bytes)
        transport.check(self.call(self.memory.TruncateFile, request), "truncate_file")

    def allocate_file(self, file: int, offset: int, length: int, *, mode: int = 0) -> None:
        """fallocate(2) in bytes; with Falloc.PUNCH_HOLE | Falloc.KEEP_SIZE a hole.

        Private copies of the pages of a hole stay.
        """
        request = memory_pb2.AllocateFileRequest(file=file, mode=mode, offset=offset, length=length)
        transport.check(self.call(self.memory.AllocateFile, request), "allocate_file")

    # --- blocks ---

    def apply(self, block: bytes | BlockBuilder) -> bytes:
        """Execute one block; its results, for parse_results."""
        request = memory_pb2.ApplyRequest(block=raw(block))
        try:
            return self.call(self.memory.Apply, request).results
        except LimitReached as error:
            raise transport.of_block(error) from None

    def batch(self, *, window: int = _SPARE_WINDOW) -> Batch:
        """A stream of blocks with at most `window` of them outstanding."""
        if self._closed:
            raise transport.closed(opened=True)
        return Batch(self._channel, window=window)

    # --- the end ---

    def close(self) -> None:
        """Release all leases, and close the connection."""
        if not self._closed:
            self._closed = True
            self._holder.close()
            self._channel.close()

    def __exit__(self, *exception: object) -> None:
        self.close()


class AddressSpace(SyncCaller, AbstractContextManager["AddressSpace"]):
    """One emulated address space. Calls that fail raise MemoryCallError, accesses FaultSignal.

    The end of a `with` block ends the address space if this handle has made it, and else the lease
    of this handle.
    """

    _client: Client

    def __init__(self, client: Client, mm: int, *, made: bool, hold: bool) -> None:
        self._client = client
        self._stub = client.memory
        self._uffd = client.userfaultfd
        self.mm = mm
        self._made = made
        self._leased = hold
        if hold:
            client._holder.add(mm)

    def __repr__(self) -> str:
        return f"<AddressSpace {self.mm}>"

    def mmap(
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
        response = self._call(self._stub.Mmap, request)
        transport.check(response, "mmap")
        return response.addr

    def munmap(self, addr: int, length: int) -> None:
        """munmap(2)."""
        request = memory_pb2.MunmapRequest(mm=self.mm, addr=addr, length=length)
        transport.check(self._call(self._stub.Munmap, request), "munmap")

    def mprotect(self, addr: int, length: int, prot: int) -> None:
        """mprotect(2)."""
        request = memory_pb2.MprotectRequest(mm=self.mm, addr=addr, length=length, prot=prot)
        transport.check(self._call(self._stub.Mprotect, request), "mprotect")

    def mremap(
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
        response = self._call(self._stub.Mremap, request)
        transport.check(response, "mremap")
        return response.addr

    def madvise(self, addr: int, length: int, advice: int) -> None:
        """madvise(2)."""
        request = memory_pb2.MadviseRequest(mm=self.mm, addr=addr, length=length, advice=advice)
        transport.check(self._call(self._stub.Madvise, request), "madvise")

    def mincore(self, addr: int, length: int) -> bytes:
        """mincore(2): one byte for each page."""
        request = memory_pb2.MincoreRequest(mm=self.mm, addr=addr, length=length)
        response = self._call(self._stub.Mincore, request)
        transport.check(response, "mincore")
        return response.vector

    def brk(self, addr: int = 0) -> int:
        """The brk system call: the program break after it."""
        response = self._call(self._stub.Brk, memory_pb2.BrkRequest(mm=self.mm, addr=addr))
        transport.check(response, "brk")
        return response.brk

    def fault(
        self, addr: int, *, access: Access = Access.READ, word: int | None = None
    ) -> types.Fault:
        """Touch a page. Raises FaultSignal where a program would get SIGSEGV or SIGBUS."""
        request = memory_pb2.FaultRequest(
            mm=self.mm, addr=addr, access=transport.ACCESS[Access(access)], word=word
        )
        return transport.fault_of(self._call(self._stub.Fault, request), addr)

    def read(self, addr: int) -> int:
        """The word of the page at `addr`."""
        return self.fault(addr).word

    def write(self, addr: int, word: int) -> None:
        """Store a word in the page at `addr`."""
        self.fault(addr, access=Access.WRITE, word=word)

    def userfaultfd(self, *, features: int = 0, flags: int = 0) -> int:
        """userfaultfd(2) with its handshake: the number that uffd_* take."""
        request = userfaultfd_pb2.OpenUserfaultfdRequest(mm=self.mm, flags=flags, features=features)
        response = self._call(self._uffd.OpenUserfaultfd, request)
        transport.check(response, "userfaultfd")
        return response.uffd

    def uffd_close(self, uffd: int) -> None:
        """Close one: nothing is registered with it any more."""
        request = userfaultfd_pb2.CloseUserfaultfdRequest(mm=self.mm, uffd=uffd)
        transport.check(self._call(self._uffd.CloseUserfaultfd, request), "uffd_close")

    def uffd_register(self, uffd: int, addr: int, length: int, *, mode: int) -> None:
        """UFFDIO_REGISTER. A touch that must be served then raises UserFault."""
        request = userfaultfd_pb2.UffdRegisterRequest(
            mm=self.mm, uffd=uffd, addr=addr, length=length, mode=mode
        )
        transport.check(self._call(self._uffd.UffdRegister, request), "uffd_register")

    def uffd_unregister(self, uffd: int, addr: int, length: int) -> None:
        """UFFDIO_UNREGISTER."""
        request = userfaultfd_pb2.UffdUnregisterRequest(
            mm=self.mm, uffd=uffd, addr=addr, length=length
        )
        transport.check(self._call(self._uffd.UffdUnregister, request), "uffd_unregister")

    def uffd_copy(self, uffd: int, dst: int, src: int, length: int, *, mode: int = 0) -> int:
        """UFFDIO_COPY: bytes copied, fewer than asked for if a later page failed."""
        request = userfaultfd_pb2.UffdCopyRequest(
            mm=self.mm, uffd=uffd, dst=dst, src=src, length=length, mode=mode
        )
        return transport.filled(self._call(self._uffd.UffdCopy, request), "uffd_copy")

    def uffd_zeropage(self, uffd: int, addr: int, length: int, *, mode: int = 0) -> int:
        """UFFDIO_ZEROPAGE: bytes filled, as for uffd_copy."""
        request = userfaultfd_pb2.UffdZeropageRequest(
            mm=self.mm, uffd=uffd, addr=addr, length=length, mode=mode
        )
        return transport.filled(self._call(self._uffd.UffdZeropage, request), "uffd_zeropage")

    def uffd_continue(self, uffd: int, addr: int, length: int, *, mode: int = 0) -> int:
        """UFFDIO_CONTINUE: bytes mapped, as for uffd_copy."""
        request = userfaultfd_pb2.UffdContinueRequest(
            mm=self.mm, uffd=uffd, addr=addr, length=length, mode=mode
        )
        return transport.filled(self._call(self._uffd.UffdContinue, request), "uffd_continue")

    def uffd_writeprotect(self, uffd: int, addr: int, length: int, *, mode: int) -> None:
        """UFFDIO_WRITEPROTECT: with UffdWriteprotectMode.WP protect, without it no more."""
        request = userfaultfd_pb2.UffdWriteprotectRequest(
            mm=self.mm, uffd=uffd, addr=addr, length=length, mode=mode
        )
        transport.check(
            self._call(self._uffd.UffdWriteprotect, request),
            "uffd_writeprotect",
        )

    def uffd_wake(self, uffd: int, addr: int, length: int) -> None:
        """UFFDIO_WAKE: checks its range; nobody sleeps here."""
        request = userfaultfd_pb2.UffdWakeRequest(mm=self.mm, uffd=uffd, addr=addr, length=length)
        transport.check(self._call(self._uffd.UffdWake, request), "uffd_wake")

    def uffd_move(self, dst: int, src: int, length: int, *, mode: int = 0, uffd: int = 0) -> int:
        """UFFDIO_MOVE: bytes moved. Without `uffd` as if `dst` were registered."""
        request = memory_pb2.UffdMoveRequest(
            mm=self.mm, dst=dst, src=src, length=length, mode=mode, uffd=uffd
        )
        response = self._call(self._stub.UffdMove, request)
        transport.check(response, "uffd_move")
        return response.moved

    def set_name(self, addr: int, length: int, name: str | bytes) -> None:
        """prctl(PR_SET_VMA_ANON_NAME); an empty name removes it."""
        raw = name.encode() if isinstance(name, str) else name
        request = memory_pb2.SetVmaNameRequest(mm=self.mm, addr=addr, length=length, name=raw)
        transport.check(self._call(self._stub.SetVmaName, request), "set_vma_name")

    def mlock(self, addr: int, length: int, *, flags: int = 0) -> None:
        """mlock2(2); without flags mlock(2)."""
        request = memory_pb2.MlockRequest(mm=self.mm, addr=addr, length=length, flags=flags)
        transport.check(self._call(self._stub.Mlock, request), "mlock")

    def munlock(self, addr: int, length: int) -> None:
        """munlock(2)."""
        request = memory_pb2.MunlockRequest(mm=self.mm, addr=addr, length=length)
        transport.check(self._call(self._stub.Munlock, request), "munlock")

    def mlockall(self, flags: int) -> None:
        """mlockall(2)."""
        request = memory_pb2.MlockallRequest(mm=self.mm, flags=flags)
        transport.check(self._call(self._stub.Mlockall, request), "mlockall")

    def munlockall(self) -> None:
        """munlockall(2)."""
        request = memory_pb2.MunlockallRequest(mm=self.mm)
        transport.check(self._call(self._stub.Munlockall, request), "munlockall")

    def msync(self, addr: int, length: int, flags: int) -> None:
        """msync(2)."""
        request = memory_pb2.MsyncRequest(mm=self.mm, addr=addr, length=length, flags=flags)
        transport.check(self._call(self._stub.Msync, request), "msync")

    def mseal(self, addr: int, length: int, *, flags: int = 0) -> None:
        """mseal(2)."""
        request = memory_pb2.MsealRequest(mm=self.mm, addr=addr, length=length, flags=flags)
        transport.check(self._call(self._stub.Mseal, request), "mseal")

    def remap_file_pages(
        self, addr: int, size: int, *, prot: int = 0, pgoff: int = 0, flags: int = 0
    ) -> None:
        """remap_file_pages(2)."""
        request = memory_pb2.RemapFilePagesRequest(
            mm=self.mm, addr=addr, size=size, prot=prot, pgoff=pgoff, flags=flags
        )
        transport.check(self._call(self._stub.RemapFilePages, request), "remap_file_pages")

    def pkey_mprotect(self, addr: int, length: int, prot: int, pkey: int) -> None:
        """pkey_mprotect(2); pkey -1: none is given."""
        request = memory_pb2.PkeyMprotectRequest(
            mm=self.mm, addr=addr, length=length, prot=prot, pkey=pkey
        )
        transport.check(self._call(self._stub.PkeyMprotect, request), "pkey_mprotect")

    def pkey_alloc(self, *, flags: int = 0, rights: int = 0) -> int:
        """pkey_alloc(2): the key. rights: 1 no access, 2 no writes."""
        request = memory_pb2.PkeyAllocRequest(mm=self.mm, flags=flags, rights=rights)
        response = self._call(self._stub.PkeyAlloc, request)
        transport.check(response, "pkey_alloc")
        return int(response.pkey)

    def pkey_free(self, pkey: int) -> None:
        """pkey_free(2)."""
        request = memory_pb2.PkeyFreeRequest(mm=self.mm, pkey=pkey)
        transport.check(self._call(self._stub.PkeyFree, request), "pkey_free")

    def set_rlimit(self, resource: int, soft: int, hard: int = INFINITY) -> None:
        """setrlimit(2) of AS, DATA, MEMLOCK or STACK; hard limits are not kept."""
        request = memory_pb2.SetRlimitRequest(mm=self.mm, resource=resource, soft=soft, hard=hard)
        transport.check(self._call(self._stub.SetRlimit, request), "set_rlimit")

    def set_thp_disable(self, disable: int, *, flags: int = 0) -> None:
        """prctl(PR_SET_THP_DISABLE)."""
        request = memory_pb2.SetThpDisableRequest(mm=self.mm, disable=disable, flags=flags)
        transport.check(self._call(self._stub.SetThpDisable, request), "set_thp_disable")

    def process_madvise(
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
        response = self._call(self._stub.ProcessMadvise, request)
        transport.check(response, "process_madvise")
        return response.advised

    def exec(
        self,
        *,
        mmap_base: int = 0,
        start_brk: int = 0,
        brk: int = 0,
        maps: str = "",
        shared: bool = False,
        ttl_s: float = 0.0,
        hold: bool = True,
    ) -> AddressSpace:
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
        response = self._call(self._stub.Exec, request)
        transport.check(response, "exec")
        if not shared:
            self._let_go()
        return AddressSpace(self._client, response.mm, made=True, hold=hold)

    def fork(self, *, ttl_s: float = 0.0, hold: bool = True) -> AddressSpace:
        """fork(2): the child's address space."""
        request = memory_pb2.ForkAddressSpaceRequest(mm=self.mm, ttl_ms=transport.ttl_ms(ttl_s))
        response = self._call(self._stub.ForkAddressSpace, request)
        transport.check(response, "fork")
        child = AddressSpace(self._client, response.mm, made=True, hold=hold)
        return self._forked(child)

    def maps(self) -> str:
        """The mappings as /proc/PID/maps shows them."""
        return self._client.inspect.maps(self.mm)

    def query_vma(self, addr: int, flags: int = 0) -> types.VmaInfo | None:
        """The mapping that contains addr and has all that the flags name; None: there is none.

        Query.OR_NEXT: if none contains it, the next one that has all this. (PROCMAP_QUERY)
        """
        return self._client.inspect.query_vma(self.mm, addr, flags)

    def exit(self) -> None:
        """End it now, even if others use it."""
        self._let_go()
        self._call(self._stub.Exit, memory_pb2.ExitRequest(mm=self.mm))

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

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        if not self._made:
            self.detach()
            return
        try:
            self.exit()
        except (NoSuchAddressSpace, ClientClosed):
            return  # it has exited already, or does so without us
        except ServiceUnavailable:
            if error is None:
                raise


class Inspect:
    """Look inside the instance."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._stub = client._inspect_stub
        self._health = health.method(client._channel)

    def health(self, service: str = "") -> str:
        """SERVING, NOT_SERVING or UNKNOWN: of the server, or of one of its services."""
        return self._client.call(self._health, service)

    def server_info(self) -> types.ServerInfo:
        request = inspect_pb2.GetServerInfoRequest()
        return transport.server_info(self._client.call(self._stub.GetServerInfo, request))

    def workers(self) -> list[types.WorkerInfo]:
        answer = self._client.call(self._stub.ListWorkers, inspect_pb2.ListWorkersRequest())
        return [transport.record(types.WorkerInfo, entry) for entry in answer.workers]

    def slabinfo(self) -> list[types.SlabInfo]:
        answer = self._client.call(self._stub.GetSlabinfo, inspect_pb2.GetSlabinfoRequest())
        return [transport.record(types.SlabInfo, entry) for entry in answer.caches]

    def vmstat(self) -> dict[str, int]:
        answer = self._client.call(self._stub.GetVmstat, inspect_pb2.GetVmstatRequest())
        return dict(answer.counters)

    def maps(self, mm: int) -> str:
        answer = self._client.call(self._stub.GetMaps, inspect_pb2.GetMapsRequest(mm=mm))
        return answer.maps

    def query_vma(self, mm: int, addr: int, flags: int = 0) -> types.VmaInfo | None:
        """As AddressSpace.query_vma."""
        request = inspect_pb2.QueryVmaRequest(mm=mm, addr=addr, flags=flags)
        return transport.vma(self._client.call(self._stub.QueryVma, request))

    def address_spaces(self) -> list[types.AddressSpaceInfo]:
        request = inspect_pb2.ListAddressSpacesRequest()
        answer = self._client.call(self._stub.ListAddressSpaces, request)
        return [transport.record(types.AddressSpaceInfo, e) for e in answer.address_spaces]

    def locks(self) -> list[types.LockInfo]:
        answer = self._client.call(self._stub.ListLocks, inspect_pb2.ListLocksRequest())
        return [transport.record(types.LockInfo, entry) for entry in answer.locks]

    def participants(self) -> list[types.ParticipantInfo]:
        request = inspect_pb2.ListParticipantsRequest()
        answer = self._client.call(self._stub.ListParticipants, request)
        return [transport.participant(entry) for entry in answer.participants]

    def layout(self) -> list[types.StructInfo]:
        request = inspect_pb2.GetLayoutRequest()
        return transport.layout(self._client.call(self._stub.GetLayout, request))

    def fsck(self, *, stop: bool = False) -> types.Invariants:
        """Broken invariants. stop: the instance stands still meanwhile, and all are checked."""
        answer = self._client.call(self._stub.Fsck, inspect_pb2.FsckRequest(stop=stop))
        return types.Invariants(answer.problems, answer.not_checked)
