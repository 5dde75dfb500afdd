# SPDX-License-Identifier: Apache-2.0
"""Handlers without a server: functions from request to response on a segment.

Goal: another front can take gRPC's place, and what must stay free of gRPC stays so. Every call's
meaning is tested through the whole service in tests/server.
"""

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest

from vmalab.v1 import memory_pb2 as pb
from vmalab_client import wire
from vmalab_client.block import Access, BlockBuilder, parse_results
from vmalab_native.core import Segment, SegmentConfig
from vmalab_server import failures
from vmalab_server.entry import Entry
from vmalab_server.handlers import MemoryHandlers
from vmalab_server.leases import LeaseKeeper
from vmalab_server.limits import Limits

SMALL = SegmentConfig(size_bytes=64 << 20, mms_max=8, participants_max=16, frames_max=1 << 12)


@contextmanager
def entry_of(config: SegmentConfig) -> Iterator[Entry]:
    with Segment.create(f"h-{os.getpid()}-0", config) as segment:
        made = Entry(segment)
        yield made
        made.close()
        with segment.participant("inspector") as inspector:
            assert inspector.fsck() == []
        segment.unlink()


@pytest.fixture
def entry() -> Iterator[Entry]:
    with entry_of(SMALL) as made:
        yield made


@pytest.fixture
def handlers(entry: Entry) -> MemoryHandlers:
    return MemoryHandlers(entry, limits=Limits(), ttl_default_ns=10**10)


def test_a_request_becomes_a_response(handlers: MemoryHandlers) -> None:
    mm = handlers.create_address_space(pb.CreateAddressSpaceRequest()).mm
    mapped = handlers.mmap(pb.MmapRequest(mm=mm, length=4096, prot=3, flags=0x22))
    touch = pb.FaultRequest(mm=mm, addr=mapped.addr, access=pb.ACCESS_WRITE, word=6)
    assert handlers.fault(touch).word == 6
    assert handlers.munmap(pb.MunmapRequest(mm=mm, addr=1, length=1)).errno_name == "EINVAL"
    with pytest.raises(failures.NotFound):
        handlers.fault(pb.FaultRequest(mm=1))


def test_a_quota_is_refused_by_its_name(entry: Entry, handlers: MemoryHandlers) -> None:
    """Which limit, what it is set to, and whose it is; and one limit, whatever else could be."""
    entry.participant().account("tenant")
    made = [handlers.create_address_space(pb.CreateAddressSpaceRequest()).mm for _ in range(4)]
    with pytest.raises(failures.Exhausted) as refused:
        handlers.create_address_space(pb.CreateAddressSpaceRequest(maps="0-1000 r--p 0 0:0 0\n"))
    assert refused.value.metadata == {"limit": "account_mms_max", "max": "4", "client": "tenant"}
    length = 4096 * 4096
    mapped = handlers.mmap(pb.MmapRequest(mm=made[0], length=length, prot=3, flags=0x8022))
    assert mapped.errno_name == "", "to populate less is no error of mmap"
    last = mapped.addr + length - 4096
    with pytest.raises(failures.Exhausted, match="client 'tenant' has all it may have") as refused:
        handlers.fault(pb.FaultRequest(mm=made[0], addr=last, access=pb.ACCESS_WRITE))
    expected = {"limit": "account_frames_max", "max": "2048", "client": "tenant"}
    assert refused.value.metadata == expected
    entry.participant().account("")
    assert handlers.create_address_space(pb.CreateAddressSpaceRequest()).mm


def test_the_quota_of_one_address_space_names_it() -> None:
    """Two address spaces of one client: the one that is full is named, the other has its own."""
    with entry_of(replace(SMALL, frames_per_mm_max=63)) as entry:
        entry.participant().account("tenant")
        handlers = MemoryHandlers(entry, limits=Limits(), ttl_default_ns=10**10)
        for _ in range(2):
            mm = handlers.create_address_space(pb.CreateAddressSpaceRequest()).mm
            mapped = handlers.mmap(pb.MmapRequest(mm=mm, length=64 * 4096, prot=3, flags=0x22))
            pages = [
                pb.FaultRequest(mm=mm, addr=mapped.addr + i * 4096, access=pb.ACCESS_WRITE)
                for i in range(64)
            ]
            for page in pages[:-1]:
                handlers.fault(page)
            with pytest.raises(failures.Exhausted) as refused:
                handlers.fault(pages[-1])
            expected = {"limit": "frames_per_mm_max", "max": "63", "client": "tenant"}
            assert refused.value.metadata == {**expected, "mm": str(mm)}
            assert str(refused.value) == (
                f"FAULT: address space {mm} has all it may have (frames_per_mm_max = 63):"
                " unmap memory in it"
            )


def test_no_lease_stays_with_the_worker(entry: Entry, handlers: MemoryHandlers) -> None:
    """What a client makes lives by its time alone, whichever way it was made."""
    mm = handlers.create_address_space(pb.CreateAddressSpaceRequest()).mm
    handlers.fork_address_space(pb.ForkAddressSpaceRequest(mm=mm))
    block = BlockBuilder()
    block.fault(mm, 0, access=Access.WRITE, word=0x0109)
    block.fork(mm)
    block.mm_create()
    results = parse_results(handlers.apply(wire.Request(block.bytes(), 0)).results)
    assert [result.status for result in results[1:]] == [0, 0]
    found = entry.participant().mm_list()
    assert len(found) == 4
    assert all(info.leases == 0 and info.keep_until_ns > 0 for info in found)


def test_each_thread_has_its_own_participant(entry: Entry) -> None:
    seen: list[int] = []
    barrier = threading.Barrier(4)

    def enter() -> None:
        barrier.wait()
        seen.append(entry.participant().index)
        assert entry.participant() is entry.participant()
        barrier.wait()

    threads = [threading.Thread(target=enter) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(seen)) == 4
    with entry.borrowed() as first, entry.borrowed() as second:
        assert first is not second
    with entry.borrowed() as third:
        assert third in (first, second)


def test_a_lease_is_held_once_for_all_streams_of_a_worker(entry: Entry) -> None:
    keeper = LeaseKeeper(entry.take(), grace_ns=10**8)
    me = entry.participant()
    mm = me.mm_create()
    assert keeper.add(mm)
    assert keeper.add(mm)
    assert not keeper.add(12345)
    me.mm_put(mm)
    assert [info.leases for info in me.mm_list()] == [1]
    keeper.drop(mm)
    assert [info.leases for info in me.mm_list()] == [1]
    keeper.drop(mm)
    keeper.drop(mm)
    assert [info.leases for info in me.mm_list()] == [0]
    keeper.close()


@pytest.mark.parametrize(
    ("module", "forbidden"),
    [
        ("vmalab_server.handlers", ["grpc"]),
        ("vmalab_server.inspect_handlers", ["grpc"]),
        ("vmalab_server.streams", ["grpc"]),
        ("vmalab_server.supervisor", ["grpc", "vmalab.v1", "google.protobuf"]),
        ("vmalab_server.embedded", ["grpc", "vmalab.v1", "pydantic"]),
        ("vmalab_client.block", ["grpc", "vmalab.v1", "google.protobuf"]),
        ("vmalab_pytest", ["grpc", "vmalab_server"]),
    ],
)
def test_what_a_module_must_not_import(module: str, forbidden: list[str]) -> None:
    code = f"import sys, {module}; print(*[m for m in {forbidden!r} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []
