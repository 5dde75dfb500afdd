# SPDX-License-Identifier: Apache-2.0
"""Goal: files change their size and get holes by calls of a client, as ftruncate(2) and
fallocate(2) do, in both gears.

Method: a file mapped by two address spaces of a real server; words say which pages are still the
file's. That the core does it as the kernel does is shown by test_kernel_files.py.
"""

from __future__ import annotations

import asyncio
import errno
from collections.abc import Callable

import pytest

from vmalab_client import (
    AsyncClient,
    BlockBuilder,
    Client,
    Falloc,
    FaultSignal,
    Map,
    MemoryCallError,
    parse_results,
)
from vmalab_drive import drivers
from vmalab_server.embedded import EmbeddedServer

PAGE = 4096
HOLE = Falloc.PUNCH_HOLE | Falloc.KEEP_SIZE
SHARED, PRIVATE = Map.SHARED | Map.FIXED, Map.PRIVATE | Map.FIXED
ONE, TWO = 0x10000000, 0x20000000


def test_truncation_and_holes_reach_every_mapping(vmalab_client: Client) -> None:
    file = vmalab_client.open_file(ino=901, dev_minor=1, size_bytes=4 * PAGE, name="/memfd:a")
    with vmalab_client.address_space() as one, vmalab_client.address_space() as two:
        one.mmap(4 * PAGE, addr=ONE, flags=SHARED, file=file)
        two.mmap(4 * PAGE, addr=ONE, flags=SHARED, file=file)
        two.mmap(4 * PAGE, addr=TWO, flags=PRIVATE, file=file)
        for page in range(4):
            one.write(ONE + page * PAGE, 10 + page)
            two.write(TWO + page * PAGE, 20 + page)
        vmalab_client.allocate_file(file, PAGE, PAGE, mode=HOLE)
        assert [two.read(ONE + page * PAGE) for page in range(4)] == [10, 0, 12, 13]
        assert [two.read(TWO + page * PAGE) for page in range(4)] == [20, 21, 22, 23]
        vmalab_client.truncate_file(file, 2 * PAGE)
        for mm, addr in ((one, ONE), (two, ONE), (two, TWO)):
            with pytest.raises(FaultSignal, match="SIGBUS"):
                mm.read(addr + 2 * PAGE)
        vmalab_client.allocate_file(file, 0, 4 * PAGE)
        assert [two.read(ONE + page * PAGE) for page in range(4)] == [10, 0, 0, 0]
        assert [two.read(TWO + page * PAGE) for page in range(4)] == [20, 21, 0, 0]


def test_errors_are_those_of_the_calls(vmalab_client: Client) -> None:
    file = vmalab_client.open_file(ino=902, size_bytes=PAGE, name="/data")
    wrong: tuple[tuple[int, Callable[[], None]], ...] = (
        (errno.EINVAL, lambda: vmalab_client.truncate_file(file, 1 << 63)),
        (errno.EFBIG, lambda: vmalab_client.truncate_file(file, 1 << 60)),
        (errno.EBADF, lambda: vmalab_client.truncate_file(file + 77, PAGE)),
        (errno.EBADF, lambda: vmalab_client.allocate_file(file + 77, 0, PAGE)),
        (errno.EINVAL, lambda: vmalab_client.allocate_file(file, 0, 0)),
        (errno.EFBIG, lambda: vmalab_client.allocate_file(file, 1 << 60, PAGE)),
        (errno.EOPNOTSUPP, lambda: vmalab_client.allocate_file(file, 0, PAGE, mode=2)),
        (errno.EOPNOTSUPP, lambda: vmalab_client.allocate_file(file, 0, PAGE, mode=16)),
    )
    for number, call in wrong:
        with pytest.raises(MemoryCallError) as caught:
            call()
        assert caught.value.errno == number


def test_blocks_and_the_asynchronous_client(vmalab_server: EmbeddedServer) -> None:
    async def scenario() -> None:
        async with AsyncClient(vmalab_server.target) as client:
            file = await client.open_file(ino=903, dev_minor=1, size_bytes=PAGE, name="/memfd:b")
            async with await client.address_space() as mm:
                await mm.mmap(4 * PAGE, addr=ONE, flags=SHARED, file=file)
                await client.truncate_file(file, 3 * PAGE)
                await mm.write(ONE + 2 * PAGE, 7)
                await client.allocate_file(file, 2 * PAGE, PAGE, mode=HOLE)
                assert await mm.read(ONE + 2 * PAGE) == 0
                block = BlockBuilder()
                block.file_truncate(file, 4 * PAGE)
                block.fault(mm.mm, ONE + 3 * PAGE)
                block.file_allocate(file, 3 * PAGE, PAGE, mode=HOLE)
                block.file_truncate(file, PAGE)
                block.fault(mm.mm, ONE + 3 * PAGE)
                results = parse_results(await client.apply(block))
                assert [one.status for one in results] == [0, 0, 0, 0, 7]

    asyncio.run(asyncio.wait_for(scenario(), 30))


def test_the_load_generators_unary_driver(vmalab_server: EmbeddedServer) -> None:
    with Client(vmalab_server.target) as client:
        file = client.open_file(ino=904, size_bytes=PAGE, name="/data")
        target = drivers.Target(vmalab_server.target)
        block = BlockBuilder()
        block.file_truncate(file, 2 * PAGE)
        block.file_allocate(file, 0, PAGE, mode=16)
        block.file_allocate(file, 0, PAGE, mode=HOLE)
        with drivers.connect(target, "unary") as driver:
            answers = drivers.results(driver.run(block.bytes()))
        assert [status for status, _, _ in answers] == [0, -errno.EOPNOTSUPP, 0]
