# SPDX-License-Identifier: Apache-2.0
"""The asyncio client: the same answers and errors as the synchronous one's."""

import asyncio
import inspect as introspect
import re
from collections.abc import Awaitable, Callable

import pytest

from patience import HANG_S
from servers import kill_worker
from vmalab_client import (
    Access,
    AsyncClient,
    BlockBuilder,
    FaultSignal,
    Madv,
    Map,
    MemoryCallError,
    NoSuchAddressSpace,
    ServiceUnavailable,
    aio,
    batch,
    client,
    parse_results,
)
from vmalab_client.types import Failed
from vmalab_server.embedded import EmbeddedServer

PAGE = 4096
BASE = 0x10_0000
FIXED = Map.PRIVATE | Map.ANONYMOUS | Map.FIXED


def run(server: EmbeddedServer, scenario: Callable[[AsyncClient], Awaitable[None]]) -> None:
    async def whole() -> None:
        async with AsyncClient(server.target) as connected:
            await scenario(connected)

    asyncio.run(asyncio.wait_for(whole(), 30))


def test_the_memory_calls(vmalab_server: EmbeddedServer) -> None:
    async def scenario(connected: AsyncClient) -> None:
        async with await connected.address_space(start_brk=0x5000, brk=0x5000) as mm:
            assert await mm.mmap(4 * PAGE, addr=BASE, flags=FIXED) == BASE
            await mm.write(BASE, 7)
            assert await mm.read(BASE) == 7
            assert (await mm.fault(BASE, access=Access.WRITE, word=8)).word == 8
            await mm.mprotect(BASE + PAGE, PAGE, 1)
            await mm.madvise(BASE, PAGE, Madv.DONTNEED)
            assert await mm.mincore(BASE, PAGE) == bytes(1)
            await mm.set_name(BASE, PAGE, "async")
            assert "[anon:async]" in await mm.maps()
            found = await mm.query_vma(BASE)
            assert (found.start, found.name) == (BASE, "[anon:async]") if found else False
            assert await mm.query_vma(0) is None
            moved = await mm.mremap(BASE, PAGE, 2 * PAGE)
            await mm.munmap(moved, 2 * PAGE)
            assert await mm.brk(0x6000) == 0x6000
            await mm.write(BASE + 3 * PAGE, 1)
            await mm.mmap(PAGE, addr=BASE, flags=FIXED)
            assert await mm.uffd_move(BASE, BASE + 3 * PAGE, PAGE) == PAGE
            with pytest.raises(FaultSignal):
                await mm.read(0)
            with pytest.raises(MemoryCallError):
                await mm.munmap(1, 1)
            async with await mm.fork() as child:
                assert await child.read(BASE) == 1
            with pytest.raises(NoSuchAddressSpace):
                await child.read(BASE)
            file = await connected.open_file(ino=9, size_bytes=PAGE, name="/f")
            await mm.mmap(PAGE, flags=Map.SHARED, file=file)
            await connected.close_file(file)

    run(vmalab_server, scenario)


def test_many_calls_at_once(vmalab_server: EmbeddedServer) -> None:
    async def scenario(connected: AsyncClient) -> None:
        async with await connected.address_space() as mm:
            base = await mm.mmap(200 * PAGE)
            await asyncio.gather(*(mm.write(base + PAGE * page, page) for page in range(200)))
            words = await asyncio.gather(*(mm.read(base + PAGE * page) for page in range(200)))
            assert words == list(range(200))

    run(vmalab_server, scenario)


def test_blocks(vmalab_server: EmbeddedServer) -> None:
    async def scenario(connected: AsyncClient) -> None:
        async with await connected.address_space() as mm:
            block = BlockBuilder()
            block.mmap(mm.mm, addr=BASE, length=PAGE, flags=FIXED)
            block.fault(mm.mm, BASE, access=Access.WRITE, word=3)
            assert [one.status for one in parse_results(await connected.apply(block))] == [0, 0]
            async with connected.batch(window=2) as batch:
                answers = [answer async for answer in batch.run([block] * 5)]
                await batch.send(block, failed_only=True)
                failed = await batch.receive_failed()
            assert [parse_results(answer)[1].value for answer in answers] == [3] * 5
            assert failed == Failed(2, {})

    run(vmalab_server, scenario)


def test_looking_inside(vmalab_server: EmbeddedServer) -> None:
    async def scenario(connected: AsyncClient) -> None:
        inspect = connected.inspect
        assert (await inspect.server_info()).instance == vmalab_server.instance
        assert len(await inspect.workers()) == 2
        assert await inspect.slabinfo()
        assert await inspect.vmstat()
        assert await inspect.participants()
        assert await inspect.locks() == []
        assert await inspect.layout()
        assert await inspect.fsck(stop=True) == []
        async with await connected.address_space() as mm:
            assert mm.mm in {entry.mm for entry in await inspect.address_spaces()}

    run(vmalab_server, scenario)


def test_it_holds_over_the_death_of_workers() -> None:
    async def scenario(connected: AsyncClient) -> None:
        mm = await connected.address_space(ttl_s=HANG_S)
        addr = await mm.mmap(PAGE)
        await held(connected, mm.mm)
        for index in range(2):
            await asyncio.to_thread(kill_worker, server.instance, index)
        await held(connected, mm.mm)
        assert await mm.read(addr) == 0
        assert connected.lost == set()

    # The grace is as long as a worker may take to come back.
    with EmbeddedServer(workers=2, hold_grace_s=HANG_S, log_level="error") as server:
        run(server, scenario)


async def held(connected: AsyncClient, mm: int) -> None:
    """Until a stream of some worker holds it."""
    while True:
        try:
            if any(one.mm == mm and one.leases for one in await connected.inspect.address_spaces()):
                return
        except ServiceUnavailable:
            pass
        await asyncio.sleep(0.02)


def public(kind: type) -> dict[str, list[str]]:
    """Method names and their parameters."""
    return {
        name: list(introspect.signature(member).parameters)
        for name, member in vars(kind).items()
        if callable(member) and re.fullmatch(r"[a-z][a-z_]*", name)
    }


@pytest.mark.parametrize(
    ("synchronous", "asynchronous"),
    [
        (client.AddressSpace, aio.AsyncAddressSpace),
        (client.Inspect, aio.AsyncInspect),
        (batch.Batch, aio.AsyncBatch),
        (client.Client, aio.AsyncClient),
    ],
)
def test_both_clients_have_the_same_methods(synchronous: type, asynchronous: type) -> None:
    ours, theirs = public(synchronous), public(asynchronous)
    theirs.pop("open", None)
    ours.pop("wait_held", None)
    assert ours == theirs
