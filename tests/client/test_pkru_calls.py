# SPDX-License-Identifier: Apache-2.0
"""Goal: a client's handle of an address space is a thread of it, with a register PKRU of its own.

Method: two handles of one address space on a real server whose processor has protection keys; what
each may touch, and what its calls make of its PKRU. The rules themselves are tested on the core
(tests/native/test_pkru.py). A failure shows the call, and the key of the signal.
"""

import asyncio
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest

from patience import HANG_S
from vmalab.uapi import PKRU_START
from vmalab.v1 import memory_pb2, memory_pb2_grpc
from vmalab_client import (
    Access,
    AsyncClient,
    BlockBuilder,
    BlockError,
    Client,
    FaultSignal,
    Map,
    MemoryCallError,
    Prot,
    parse_block,
    parse_results,
)
from vmalab_server.embedded import EmbeddedServer

A = 0x2000_0000_0000
PAGE = 4096
FIXED = Map.PRIVATE | Map.ANONYMOUS | Map.FIXED
POPULATE_READ = 22


@pytest.fixture(scope="module")
def server() -> Iterator[EmbeddedServer]:
    with EmbeddedServer(workers=1, pkeys="on", log_level="error") as one:
        yield one


def test_a_handle_is_a_thread_with_a_register(server: EmbeddedServer) -> None:
    with Client(server.target) as client, client.address_space() as mine:
        other = client.use(mine.mm)
        mine.pkru = other.pkru = PKRU_START
        mine.mmap(2 * PAGE, addr=A, flags=FIXED)
        key = mine.pkey_alloc()
        assert (mine.pkru, other.pkru) == (PKRU_START & ~(3 << 2 * key), PKRU_START)
        mine.pkey_mprotect(A, PAGE, Prot.READ | Prot.WRITE, key)
        mine.write(A, 5)
        with pytest.raises(FaultSignal, match=r"SEGV_PKUERR.* by protection key 1") as caught:
            other.read(A)
        assert caught.value.pkey == key
        other.pkru = mine.pkru | 2 << 2 * key
        assert other.read(A) == 5
        with pytest.raises(FaultSignal, match="SEGV_PKUERR"):
            other.write(A, 6)
        with pytest.raises(FaultSignal, match="SEGV_MAPERR") as elsewhere:
            other.read(A + 2 * PAGE)
        assert elsewhere.value.pkey is None
        child = mine.fork()
        assert child.pkru == mine.pkru
        assert child.read(A) == 5
        child.pkru = None
        assert child.read(A) == 5, "and the child's address space begins with it"


def test_each_call_goes_with_it(server: EmbeddedServer) -> None:
    """Those that touch memory for their caller, and those that change its register."""
    with Client(server.target) as client, client.address_space() as mm:
        mm.pkru = 0
        mm.mmap(PAGE, addr=A, prot=Prot.EXEC, flags=FIXED)
        assert mm.pkru == 1 << 2
        mm.pkru = 0
        mm.mprotect(A, PAGE, Prot.EXEC)
        assert mm.pkru == 1 << 2
        mm.pkru = 0
        mm.pkey_mprotect(A, PAGE, Prot.EXEC, -1)
        assert mm.pkru == 1 << 2
        mm.mprotect(A, PAGE, Prot.READ | Prot.WRITE)
        mm.write(A, 1)
        key = mm.pkey_alloc(rights=1)
        mm.pkey_mprotect(A, PAGE, Prot.READ | Prot.WRITE, key)
        for call in (
            lambda: mm.mlock(A, PAGE),
            lambda: mm.madvise(A, PAGE, POPULATE_READ),
            lambda: mm.process_madvise([(A, PAGE)], POPULATE_READ),
        ):
            with pytest.raises(MemoryCallError):
                call()
        mm.pkru = 0
        mm.mlock(A, PAGE)
        mm.madvise(A, PAGE, POPULATE_READ)
        assert mm.process_madvise([(A, PAGE)], POPULATE_READ) == PAGE
        moved = mm.mremap(A, PAGE, 2 * PAGE)
        mm.mlockall(1)
        assert mm.brk(mm.brk()) == mm.brk()
        assert mm.read(moved) == 1


def test_a_block_goes_with_it(server: EmbeddedServer) -> None:
    with Client(server.target) as client, client.address_space() as mm:
        block = BlockBuilder()
        block.mmap(mm.mm, length=PAGE, addr=A, flags=FIXED)
        block.pkru = PKRU_START
        block.pkey_alloc(mm.mm, rights=2)
        block.pkey_mprotect(mm.mm, A, PAGE, Prot.READ | Prot.WRITE, 1)
        block.fault(mm.mm, A)
        block.munmap(mm.mm, A + PAGE, PAGE)
        block.pkru = PKRU_START & ~(1 << 2)
        block.fault(mm.mm, A)
        block.pkru = None
        block.fault(mm.mm, A)
        results = parse_results(client.apply(block))
        assert [one.pkey for one in results] == [None, None, None, 1, None, None, 1]
        assert (results[1].value, results[1].info) == (1, PKRU_START ^ 3 << 2)
        assert [one.ok for one in results] == [True, True, True, False, True, True, False]


def test_the_example_of_the_page(server: EmbeddedServer) -> None:
    """docs/service.md, as it is written there, and what its comment says."""
    page = (Path(__file__).resolve().parents[2] / "docs" / "service.md").read_text()
    texts = re.findall(r"^```python\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    (text,) = [one for one in texts if "PKRU_START" in one]
    text = re.sub(r"127\.0\.0\.1:\d+", server.target, text)
    text += (
        "    try:\n        other.read(at)\n    except Exception as error:\n        print(error)\n"
    )
    run = [sys.executable, "-c", text]
    done = subprocess.run(run, check=True, timeout=HANG_S, capture_output=True, text=True)
    assert "SEGV_PKUERR" in done.stdout
    assert "by protection key 1" in done.stdout


def test_a_block_is_taken_apart() -> None:
    """PKRU stands beside the operands of a record, not among them."""
    block = BlockBuilder()
    block.fault(7, A)
    block.pkru = 0xFFFF_FFFC
    block.fault(7, A, access=Access.WRITE, word=9)
    block.fork(7)
    block.munmap(7, A, PAGE)
    plain, keyed, fork, munmap = parse_block(bytes(block))
    assert (plain.pkru, munmap.pkru) == (None, None)
    assert (keyed.pkru, keyed.operands, keyed.flags) == (0xFFFF_FFFC, (A, 9), 5)
    assert (fork.pkru, fork.operands) == (0xFFFF_FFFC, ())
    block.faults(7, range(A, A + 300 * PAGE, PAGE))
    many = list(parse_block(bytes(block)))[4:]
    assert [len(one.operands) for one in many] == [252, 48]
    with pytest.raises(BlockError, match="no room for PKRU"):
        block.process_madvise(7, [(A, PAGE)] * 126, POPULATE_READ)


async def _asynchronous(target: str) -> None:
    async with AsyncClient(target) as client, await client.address_space() as mm:
        mm.pkru = PKRU_START
        await mm.mmap(PAGE, addr=A, flags=FIXED)
        key = await mm.pkey_alloc(rights=2)
        assert mm.pkru == PKRU_START ^ 3 << 2
        await mm.pkey_mprotect(A, PAGE, Prot.READ | Prot.WRITE, key)
        await mm.read(A)
        with pytest.raises(FaultSignal, match="by protection key 1"):
            await mm.write(A, 1)
        child = await mm.fork()
        assert child.pkru == mm.pkru


def test_the_asynchronous_client(server: EmbeddedServer) -> None:
    asyncio.run(_asynchronous(server.target))


def test_the_messages_themselves(server: EmbeddedServer) -> None:
    """What a client of another language sees: absent fields stay absent; a bad one is refused."""
    with Client(server.target) as client, client.address_space() as mm:
        stub: memory_pb2_grpc.MemoryServiceStub = client.memory
        mm.mmap(PAGE, addr=A, flags=FIXED)
        plain = stub.PkeyAlloc(memory_pb2.PkeyAllocRequest(mm=mm.mm))
        assert (plain.pkey, plain.HasField("pkru")) == (1, False)
        given = stub.PkeyAlloc(memory_pb2.PkeyAllocRequest(mm=mm.mm, pkru=0xFFFF_FFFF))
        assert (given.pkey, given.pkru) == (2, 0xFFFF_FFCF)
        denied = stub.Fault(memory_pb2.FaultRequest(mm=mm.mm, addr=A, pkru=1))
        assert (denied.signal, denied.si_code, denied.pkey) == (11, 4, 0)
        assert denied.HasField("pkey"), "key 0 is a key"
        ranges = [memory_pb2.MemoryRange(addr=A, length=PAGE)] * 126
        full = memory_pb2.ProcessMadviseRequest(mm=mm.mm, ranges=ranges, advice=4, pkru=0)
        with pytest.raises(grpc.RpcError, match="no room for PKRU"):
            stub.ProcessMadvise(full)
        assert not stub.Fault(memory_pb2.FaultRequest(mm=mm.mm, addr=A)).signal
