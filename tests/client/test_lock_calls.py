# SPDX-License-Identifier: Apache-2.0
"""The calls about locking, seals, limits and advice to several ranges, through both clients.

Goal: each reaches the core with its arguments in their places, and what the core says comes back.
What the calls mean is checked against the running kernel (test_kernel_calls.py); here each has one
answer that only the right arguments give.
"""

import asyncio
import errno

import pytest

from vmalab_client import (
    INFINITY,
    Access,
    AsyncClient,
    Client,
    FaultSignal,
    FileMode,
    InvalidRequest,
    Madv,
    Map,
    Mcl,
    MemoryCallError,
    Ms,
    ProcessSetup,
    Prot,
    Rlimit,
)
from vmalab_client.client import AddressSpace
from vmalab_server.embedded import EmbeddedServer

PAGE = 4096
BASE = 0x10_0000
FIXED = Map.PRIVATE | Map.ANONYMOUS | Map.FIXED


def locked_pages(client: Client, mm: AddressSpace) -> int:
    return next(one.locked_pages for one in client.inspect.address_spaces() if one.mm == mm.mm)


def refused(code: int) -> "pytest.RaisesExc[MemoryCallError]":
    return pytest.raises(MemoryCallError, match=rf"Errno {code}\b")


def test_locking_is_counted_and_faults_pages_in(vmalab_client: Client) -> None:
    with vmalab_client.address_space() as mm:
        mm.mmap(8 * PAGE, addr=BASE, flags=FIXED)
        mm.mlock(BASE, 2 * PAGE)
        mm.mlock(BASE + 2 * PAGE, PAGE, flags=1)
        assert locked_pages(vmalab_client, mm) == 3
        assert mm.mincore(BASE, 4 * PAGE) == bytes([1, 1, 0, 0])
        mm.munlock(BASE, PAGE)
        assert locked_pages(vmalab_client, mm) == 2
        with refused(errno.EBUSY):
            mm.msync(BASE, 8 * PAGE, Ms.INVALIDATE)
        mm.mlockall(Mcl.CURRENT | Mcl.FUTURE)
        mm.mmap(PAGE, addr=BASE + 16 * PAGE, flags=FIXED)
        assert locked_pages(vmalab_client, mm) == 9
        mm.munlockall()
        assert locked_pages(vmalab_client, mm) == 0


def test_a_seal_holds(vmalab_client: Client) -> None:
    with vmalab_client.address_space() as mm:
        mm.mmap(4 * PAGE, addr=BASE, flags=FIXED)
        mm.mseal(BASE + PAGE, PAGE)
        with refused(errno.EPERM):
            mm.munmap(BASE, 4 * PAGE)
        with refused(errno.EINVAL):
            mm.mseal(BASE, PAGE, flags=1)
        mm.munmap(BASE + 2 * PAGE, 2 * PAGE)


def test_shared_pages_are_mapped_again(vmalab_client: Client) -> None:
    with vmalab_client.address_space() as mm:
        mm.mmap(4 * PAGE, addr=BASE, flags=Map.SHARED | Map.ANONYMOUS | Map.FIXED)
        mm.write(BASE + 3 * PAGE, 7)
        mm.remap_file_pages(BASE, PAGE, pgoff=3)
        assert mm.read(BASE) == 7
        with refused(errno.EINVAL):
            mm.remap_file_pages(BASE, PAGE, prot=1)


def test_keys_and_advice_to_ranges(vmalab_client: Client) -> None:
    with vmalab_client.address_space() as mm:
        mm.mmap(8 * PAGE, addr=BASE, flags=FIXED)
        mm.pkey_mprotect(BASE, PAGE, Prot.READ, -1)
        with refused(errno.EINVAL):
            mm.pkey_mprotect(BASE, PAGE, Prot.READ, 1)
        ranges = [(BASE + 4 * PAGE, PAGE), (BASE + 6 * PAGE, PAGE)]
        assert mm.process_madvise(ranges, Madv.GUARD_INSTALL) == 2 * PAGE
        with pytest.raises(FaultSignal):
            mm.read(BASE + 6 * PAGE)
        with refused(errno.EINVAL):
            mm.process_madvise(ranges, Madv.GUARD_REMOVE, remote=True)
        assert mm.process_madvise([*ranges, (0, PAGE)], Madv.GUARD_REMOVE) == 2 * PAGE
        assert mm.read(BASE + 6 * PAGE) == 0
        with pytest.raises(InvalidRequest, match="127 ranges"):
            mm.process_madvise([(BASE, PAGE)] * 127, Madv.COLD)


def test_limits_of_a_process(vmalab_client: Client) -> None:
    setup = ProcessSetup(
        as_limit_bytes=16 * PAGE, memlock_limit_bytes=2 * PAGE, lacks_ipc_lock=True, overcommit=0
    )
    with vmalab_client.address_space(setup=setup) as mm:
        mm.mmap(8 * PAGE, addr=BASE, flags=FIXED)
        with refused(errno.ENOMEM):
            mm.mmap(9 * PAGE)
        with refused(errno.ENOMEM):
            mm.mlock(BASE, 3 * PAGE)
        mm.set_rlimit(Rlimit.MEMLOCK, 3 * PAGE)
        mm.mlock(BASE, 3 * PAGE)
        mm.set_rlimit(Rlimit.AS, INFINITY, INFINITY)
        mm.mmap(9 * PAGE)
        with refused(errno.EINVAL):
            mm.set_rlimit(Rlimit.AS, 2, 1)
        with refused(errno.EINVAL):
            mm.set_thp_disable(0, flags=2)
        mm.set_thp_disable(1)


def test_nothing_is_promised_twice(vmalab_client: Client) -> None:
    """vm.overcommit_memory 2: all address spaces together may have so many pages."""
    setup = ProcessSetup(overcommit=2, commit_limit_pages=100)
    with vmalab_client.address_space(setup=setup) as one:
        one.mmap(60 * PAGE, addr=BASE, flags=FIXED)
        with refused(errno.ENOMEM):
            one.mmap(60 * PAGE)
        with refused(errno.ENOMEM):
            one.fork()
        one.mmap(60 * PAGE, prot=Prot.READ)
        one.munmap(BASE, 60 * PAGE)
        one.mmap(60 * PAGE, flags=Map.SHARED | Map.ANONYMOUS)


def test_files_as_they_were_opened(vmalab_client: Client) -> None:
    with vmalab_client.address_space() as mm:
        file = vmalab_client.open_file(ino=77, size_bytes=PAGE, name="/data")
        with refused(errno.EACCES):
            mm.mmap(PAGE, flags=Map.SHARED, file=file, file_mode=FileMode.READ_ONLY)
        addr = mm.mmap(
            PAGE, prot=Prot.READ, flags=Map.SHARED, file=file, file_mode=FileMode.READ_ONLY
        )
        with refused(errno.EACCES):
            mm.mprotect(addr, PAGE, Prot.READ | Prot.WRITE)
        with pytest.raises(FaultSignal):
            mm.fault(addr, access=Access.WRITE)


def test_the_asynchronous_client(vmalab_server: EmbeddedServer) -> None:
    async def scenario() -> None:
        async with AsyncClient(vmalab_server.target) as client:
            setup = ProcessSetup(lacks_anon_names=True)
            async with await client.address_space(setup=setup) as mm:
                await mm.mmap(8 * PAGE, addr=BASE, flags=FIXED)
                await mm.mlock(BASE, PAGE)
                await mm.munlock(BASE, PAGE)
                await mm.mlockall(Mcl.CURRENT)
                await mm.munlockall()
                await mm.msync(BASE, PAGE, Ms.SYNC)
                await mm.pkey_mprotect(BASE, PAGE, Prot.READ, -1)
                await mm.set_rlimit(Rlimit.AS, INFINITY)
                await mm.set_thp_disable(1, flags=2)
                assert await mm.process_madvise([(BASE, PAGE)], Madv.COLD, remote=True) == PAGE
                with refused(errno.EINVAL):
                    await mm.remap_file_pages(BASE, PAGE)
                with refused(errno.EINVAL):
                    await mm.set_name(BASE, PAGE, "name")
                await mm.mseal(BASE, PAGE)
                with refused(errno.EPERM):
                    await mm.munmap(BASE, PAGE)

    asyncio.run(asyncio.wait_for(scenario(), 30))
