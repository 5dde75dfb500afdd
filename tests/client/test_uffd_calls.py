# SPDX-License-Identifier: Apache-2.0
"""Goal: a client serves the faults of an address space itself, as a program with a userfaultfd
does, in both gears.

Method: areas of a real server are registered; touches say that they wait and why, and no more when
the page was filled. That the core does it as the kernel does is shown by test_kernel_uffd.py.
"""

from __future__ import annotations

import asyncio
import errno
from collections.abc import Callable

import pytest

from vmalab_client import (
    AddressSpace,
    AsyncClient,
    BlockBuilder,
    Client,
    FaultSignal,
    Map,
    MemoryCallError,
    UffdFeature,
    UffdFillMode,
    UffdPagefault,
    UffdRegisterMode,
    UffdWriteprotectMode,
    UserFault,
    parse_results,
)
from vmalab_client.block import Access, Status
from vmalab_server.embedded import EmbeddedServer

PAGE = 4096
ANON, SHARED = Map.PRIVATE | Map.ANONYMOUS | Map.FIXED, Map.SHARED | Map.FIXED
DST, SRC = 0x10000000, 0x20000000
MISSING, WP, MINOR = UffdRegisterMode.MISSING, UffdRegisterMode.WP, UffdRegisterMode.MINOR


def prepared(mm: AddressSpace) -> None:
    mm.mmap(4 * PAGE, addr=DST, flags=ANON)
    mm.mmap(4 * PAGE, addr=SRC, flags=ANON)
    for page in range(4):
        mm.write(SRC + page * PAGE, 100 + page)


def test_missing_pages_are_served(vmalab_client: Client) -> None:
    with vmalab_client.address_space() as mm:
        prepared(mm)
        uffd = mm.userfaultfd()
        mm.uffd_register(uffd, DST, 4 * PAGE, mode=MISSING | WP)
        with pytest.raises(UserFault, match="read of a missing page at 0x10000000") as read:
            mm.read(DST)
        with pytest.raises(UserFault) as write:
            mm.write(DST + PAGE, 1)
        assert (read.value.flags, write.value.flags) == (0, UffdPagefault.WRITE)
        assert mm.uffd_copy(uffd, DST, SRC, 2 * PAGE, mode=UffdFillMode.WP) == 2 * PAGE
        assert mm.uffd_zeropage(uffd, DST + 2 * PAGE, PAGE) == PAGE
        assert mm.uffd_move(DST + 3 * PAGE, SRC + 3 * PAGE, PAGE, uffd=uffd) == PAGE
        mm.uffd_wake(uffd, DST, 4 * PAGE)
        assert [mm.read(DST + page * PAGE) for page in range(4)] == [100, 101, 0, 103]
        with pytest.raises(UserFault, match="write of a protected page") as protected:
            mm.write(DST, 5)
        assert protected.value.flags == UffdPagefault.WRITE | UffdPagefault.WP
        mm.uffd_writeprotect(uffd, DST, PAGE, mode=UffdWriteprotectMode.NONE)
        mm.write(DST, 5)
        mm.uffd_unregister(uffd, DST, 4 * PAGE)
        mm.write(DST + PAGE, 6)
        mm.uffd_close(uffd)


def test_pages_that_only_the_file_has(vmalab_client: Client) -> None:
    file = vmalab_client.open_file(ino=911, dev_minor=1, size_bytes=2 * PAGE, name="/memfd:u")
    with vmalab_client.address_space() as mm:
        mm.mmap(2 * PAGE, addr=SRC, flags=SHARED, file=file)
        mm.mmap(2 * PAGE, addr=DST, flags=SHARED, file=file)
        mm.write(SRC, 9)
        uffd = mm.userfaultfd()
        mm.uffd_register(uffd, DST, 2 * PAGE, mode=MINOR)
        with pytest.raises(UserFault, match="minor") as minor:
            mm.read(DST)
        assert minor.value.flags == UffdPagefault.MINOR
        assert mm.uffd_continue(uffd, DST, 2 * PAGE) == PAGE  # the file has no second page
        assert mm.read(DST) == 9


def test_errors_are_those_of_the_calls(vmalab_client: Client) -> None:
    with vmalab_client.address_space() as mm:
        prepared(mm)
        uffd = mm.userfaultfd(features=UffdFeature.SIGBUS)
        other = mm.userfaultfd()
        mm.uffd_register(uffd, DST, 2 * PAGE, mode=MISSING)
        mm.uffd_copy(uffd, DST, SRC, PAGE)
        wrong: tuple[tuple[int, Callable[[], object]], ...] = (
            (errno.EINVAL, lambda: mm.userfaultfd(features=1 << 40)),
            (errno.EINVAL, lambda: mm.userfaultfd(flags=2)),
            (errno.EINVAL, lambda: mm.uffd_register(uffd, DST, PAGE, mode=0)),
            (errno.EBUSY, lambda: mm.uffd_register(other, DST, PAGE, mode=MISSING)),
            (errno.EINVAL, lambda: mm.uffd_unregister(other, DST, PAGE)),
            (errno.EEXIST, lambda: mm.uffd_copy(uffd, DST, SRC, PAGE)),
            (errno.ENOENT, lambda: mm.uffd_zeropage(uffd, SRC, PAGE)),
            (errno.EFAULT, lambda: mm.uffd_copy(uffd, DST + PAGE, 0x50000000, PAGE)),
            (errno.EINVAL, lambda: mm.uffd_continue(uffd, DST + PAGE, PAGE)),
            (errno.ENOENT, lambda: mm.uffd_writeprotect(uffd, DST, PAGE, mode=1)),
            (errno.EINVAL, lambda: mm.uffd_wake(uffd, DST + 1, PAGE)),
            (errno.EINVAL, lambda: mm.uffd_move(SRC, DST, PAGE, uffd=uffd)),
            (errno.EBADF, lambda: mm.uffd_close(uffd + 256)),
        )
        for number, call in wrong:
            with pytest.raises(MemoryCallError) as refusal:
                call()
            assert refusal.value.errno == number
        with pytest.raises(FaultSignal, match="SIGBUS"):
            mm.read(DST + PAGE)
        mm.uffd_close(uffd)
        with pytest.raises(MemoryCallError, match="uffd_close"):
            mm.uffd_close(uffd)
        assert mm.read(DST + PAGE) == 0


def test_in_a_block(vmalab_client: Client) -> None:
    with vmalab_client.address_space() as mm:
        prepared(mm)
        block = BlockBuilder()
        block.uffd_open(mm.mm)
        (opened,) = parse_results(vmalab_client.apply(block))
        uffd = opened.value
        block.clear()
        block.uffd_api(mm.mm, uffd)
        block.uffd_register(mm.mm, uffd, DST, 4 * PAGE, mode=MISSING)
        block.fault(mm.mm, DST, access=Access.WRITE)
        block.uffd_copy(mm.mm, uffd, DST, SRC, PAGE)
        block.fault(mm.mm, DST)
        block.uffd_close(mm.mm, uffd)
        results = parse_results(vmalab_client.apply(block))
        assert [r.status for r in results] == [0, 0, Status.USERFAULT, 0, 0, 0]
        assert [r.userfault for r in results[2:5]] == [UffdPagefault.WRITE, None, None]
        assert (results[3].value, results[4].value) == (PAGE, 100)


def test_asyncio(vmalab_server: EmbeddedServer) -> None:
    async def serve() -> list[int]:
        async with (
            AsyncClient(vmalab_server.target) as client,
            await client.address_space() as mm,
        ):
            for base in (DST, SRC):
                await mm.mmap(4 * PAGE, addr=base, flags=ANON)
            await mm.write(SRC, 7)
            uffd = await mm.userfaultfd()
            await mm.uffd_register(uffd, DST, 4 * PAGE, mode=MISSING | WP)
            with pytest.raises(UserFault):
                await mm.read(DST)
            filled = [
                await mm.uffd_copy(uffd, DST, SRC, PAGE),
                await mm.uffd_zeropage(uffd, DST + PAGE, PAGE),
                await mm.uffd_move(DST + 2 * PAGE, SRC, PAGE, uffd=uffd),
            ]
            with pytest.raises(MemoryCallError):
                await mm.uffd_continue(uffd, DST, PAGE)
            await mm.uffd_writeprotect(uffd, DST, PAGE, mode=1)
            await mm.uffd_wake(uffd, DST, PAGE)
            await mm.uffd_unregister(uffd, DST, PAGE)
            await mm.uffd_close(uffd)
            return [*filled, await mm.read(DST), await mm.read(DST + 3 * PAGE)]

    assert asyncio.run(serve()) == [PAGE, PAGE, PAGE, 7, 0]
