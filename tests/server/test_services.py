# SPDX-License-Identifier: Apache-2.0
"""Every call of MemoryService and InspectService, through the client and by its message.

Goal: each call reaches the core with its arguments in their places, and what the core says comes
back. What the memory calls mean is checked elsewhere against the running kernel; here each has one
answer that only the right arguments give.
"""

import errno
import signal
from collections.abc import Iterator

import pytest

from models import FAULT_COUNTER, LAYOUT, MODEL, VMA_BYTES
from vmalab import pack
from vmalab.ops import Status, record
from vmalab.v1 import memory_pb2 as pb
from vmalab_client import (
    Access,
    BlockBuilder,
    Client,
    FaultInfo,
    FaultSignal,
    InvalidRequest,
    Madv,
    Map,
    MemoryCallError,
    NoSuchAddressSpace,
    Prot,
    Query,
    UffdMoveMode,
    parse_results,
)
from vmalab_client.client import AddressSpace
from vmalab_client.types import Failed

PAGE = 4096
BASE = 0x10_0000
FIXED = Map.PRIVATE | Map.ANONYMOUS | Map.FIXED

MAPS = """\
555555554000-555555556000 r-xp 00000000 08:01 1234                       /usr/bin/true
555555556000-555555577000 rw-p 00000000 00:00 0                          [heap]
7ffff7fc1000-7ffff7fc3000 rw-p 00000000 00:00 0
7ffffffde000-7ffffffff000 rw-p 00000000 00:00 0                          [stack]
"""


@pytest.fixture
def mm(vmalab_client: Client) -> Iterator[AddressSpace]:
    with vmalab_client.address_space() as space:
        yield space


def lines(mm: AddressSpace) -> list[list[str]]:
    return [line.split() for line in mm.maps().splitlines()]


def test_mmap_places_top_down_and_at_fixed_addresses(mm: AddressSpace) -> None:
    first = mm.mmap(2 * PAGE, prot=Prot.READ)
    assert first == 0x7FFF_F7FF_F000 - 2 * PAGE
    assert mm.mmap(PAGE, addr=BASE, flags=FIXED, prot=Prot.READ | Prot.EXEC) == BASE
    assert lines(mm)[0][:2] == [f"{BASE:08x}-{BASE + PAGE:08x}", "r-xp"]
    with pytest.raises(MemoryCallError) as refusal:
        mm.mmap(PAGE, addr=BASE, flags=FIXED | Map.FIXED_NOREPLACE)
    assert (refusal.value.errno, refusal.value.name) == (errno.EEXIST, "EEXIST")
    assert refusal.value.call == "mmap"


def test_mmap_base_is_the_top(vmalab_client: Client) -> None:
    with vmalab_client.address_space(mmap_base=0x4000_0000) as low:
        assert low.mmap(PAGE) == 0x4000_0000 - PAGE


def test_munmap_splits(mm: AddressSpace) -> None:
    mm.mmap(3 * PAGE, addr=BASE, flags=FIXED)
    mm.munmap(BASE + PAGE, PAGE)
    assert len(lines(mm)) == 2
    with pytest.raises(FaultSignal) as signalled:
        mm.read(BASE + PAGE)
    assert (signalled.value.signal, signalled.value.si_code) == (signal.SIGSEGV, 1)
    with pytest.raises(MemoryCallError, match="munmap"):
        mm.munmap(BASE + 1, PAGE)


def test_mprotect_forbids_and_allows(mm: AddressSpace) -> None:
    mm.mmap(PAGE, addr=BASE, flags=FIXED)
    mm.write(BASE, 5)
    mm.mprotect(BASE, PAGE, Prot.READ)
    assert mm.read(BASE) == 5
    with pytest.raises(FaultSignal) as signalled:
        mm.write(BASE, 6)
    assert (signalled.value.signal, signalled.value.si_code) == (signal.SIGSEGV, 2)
    assert signalled.value.addr == BASE
    with pytest.raises(FaultSignal):
        mm.fault(BASE, access=Access.EXEC)
    mm.mprotect(BASE, PAGE, Prot.READ | Prot.WRITE)
    mm.write(BASE, 6)


def test_mremap_moves_what_is_there(mm: AddressSpace) -> None:
    mm.mmap(PAGE, addr=BASE, flags=FIXED)
    mm.mmap(PAGE, addr=BASE + PAGE, flags=FIXED, prot=Prot.READ)
    mm.write(BASE, 77)
    with pytest.raises(MemoryCallError) as refusal:
        mm.mremap(BASE, PAGE, 2 * PAGE, flags=0)
    assert refusal.value.errno == errno.ENOMEM
    moved = mm.mremap(BASE, PAGE, 2 * PAGE)
    assert moved != BASE
    assert mm.read(moved) == 77
    assert mm.mremap(moved, 2 * PAGE, PAGE, flags=3, new_addr=BASE) == BASE
    assert mm.read(BASE) == 77


def test_madvise_and_mincore_agree(mm: AddressSpace) -> None:
    mm.mmap(4 * PAGE, addr=BASE, flags=FIXED)
    mm.write(BASE + PAGE, 1)
    assert mm.mincore(BASE, 4 * PAGE) == bytes([0, 1, 0, 0])
    mm.madvise(BASE, 4 * PAGE, Madv.POPULATE_WRITE)
    assert mm.mincore(BASE, 4 * PAGE) == bytes([1, 1, 1, 1])
    mm.madvise(BASE + PAGE, PAGE, Madv.DONTNEED)
    assert mm.mincore(BASE, 4 * PAGE) == bytes([1, 0, 1, 1])
    assert mm.read(BASE + PAGE) == 0
    with pytest.raises(MemoryCallError):
        mm.madvise(BASE, PAGE, 9999)
    with pytest.raises(MemoryCallError) as refusal:
        mm.mincore(0x5000_0000, PAGE)
    assert refusal.value.errno == errno.ENOMEM


def test_brk_grows_the_heap(vmalab_client: Client) -> None:
    with vmalab_client.address_space(start_brk=BASE, brk=BASE) as mm:
        assert mm.brk() == BASE
        assert mm.brk(BASE + PAGE) == BASE + PAGE
        mm.write(BASE, 3)
        assert "[heap]" in mm.maps()
        assert mm.brk(1) == BASE + PAGE


def test_fault_tells_how_it_was_done(mm: AddressSpace) -> None:
    mm.mmap(PAGE, addr=BASE, flags=FIXED)
    mm.write(BASE, 2**64 - 1)
    again = mm.fault(BASE)
    assert again.word == 2**64 - 1
    assert again.under_vma_lock == (MODEL != "mmap-lock")
    assert again.info & FaultInfo.PRESENT
    assert mm.fault(BASE, access=Access.WRITE).word == 2**64 - 1


def test_uffd_move_moves_a_page(mm: AddressSpace) -> None:
    mm.mmap(PAGE, addr=BASE, flags=FIXED)
    mm.mmap(PAGE, addr=2 * BASE, flags=FIXED)
    mm.write(BASE, 8)
    assert mm.uffd_move(2 * BASE, BASE, PAGE) == PAGE
    assert mm.read(2 * BASE) == 8
    with pytest.raises(MemoryCallError) as refusal:
        mm.uffd_move(2 * BASE, BASE, PAGE, mode=UffdMoveMode.ALLOW_SRC_HOLES)
    assert refusal.value.call == "uffd_move"


def test_a_name_is_shown_and_removed(mm: AddressSpace) -> None:
    mm.mmap(PAGE, addr=BASE, flags=FIXED)
    mm.set_name(BASE, PAGE, "a name of my own")
    assert "[anon:a name of my own]" in mm.maps()
    mm.set_name(BASE, PAGE, "")
    assert "anon:" not in mm.maps()
    for name in ("x" * 80, "x" * 5000):
        with pytest.raises(MemoryCallError) as refusal:
            mm.set_name(BASE, PAGE, name)
        assert refusal.value.errno == errno.EINVAL


def test_a_file_is_shared_by_those_who_map_it(vmalab_client: Client) -> None:
    where = {"dev_major": 8, "dev_minor": 1, "ino": 4242, "name": "/srv/data"}
    file = vmalab_client.open_file(**where, size_bytes=PAGE)  # type: ignore[arg-type]
    assert file != 0
    assert vmalab_client.open_file(**where, size_bytes=2 * PAGE) == file  # type: ignore[arg-type]
    with vmalab_client.address_space() as one, vmalab_client.address_space() as two:
        there = one.mmap(3 * PAGE, flags=Map.SHARED, file=file)
        here = two.mmap(PAGE, flags=Map.SHARED, file=file, offset=PAGE)
        one.write(there + PAGE, 31)
        assert two.read(here) == 31
        assert "08:01 4242" in one.maps()
        assert "/srv/data" in one.maps()
        with pytest.raises(FaultSignal) as signalled:
            one.read(there + 2 * PAGE)
        assert (signalled.value.signal, signalled.value.si_code) == (signal.SIGBUS, 2)
        vmalab_client.close_file(file)
        vmalab_client.close_file(file)
        assert two.read(here) == 31
    with pytest.raises(InvalidRequest, match="bits"):
        vmalab_client.open_file(ino=1, size_bytes=1, name="x", dev_major=5000)


def test_fork_copies_on_write(mm: AddressSpace) -> None:
    mm.mmap(PAGE, addr=BASE, flags=FIXED)
    mm.write(BASE, 1)
    with mm.fork() as child:
        child.write(BASE, 2)
        assert (mm.read(BASE), child.read(BASE)) == (1, 2)
        assert child.maps() == mm.maps()
    with pytest.raises(NoSuchAddressSpace):
        child.read(BASE)


def test_an_address_space_begins_as_its_maps_say(vmalab_client: Client) -> None:
    with vmalab_client.address_space(maps=MAPS) as mm:
        shown = [line.split() for line in MAPS.splitlines()]
        assert lines(mm) == shown
        assert mm.brk() == 0x5555_5557_7000
    with pytest.raises(InvalidRequest) as refusal:
        vmalab_client.address_space(maps="nonsense\n")
    assert refusal.value.reason == "BAD_MAPS"
    assert "line 1" in str(refusal.value)


def test_exit_ends_it_and_a_with_block_may_come_late(vmalab_client: Client) -> None:
    with vmalab_client.address_space() as mm:
        mm.exit()
        with pytest.raises(NoSuchAddressSpace):
            mm.mmap(PAGE)


def test_apply_and_batch_give_what_unary_calls_give(
    vmalab_client: Client, mm: AddressSpace
) -> None:
    block = BlockBuilder()
    block.mmap(mm.mm, addr=BASE, length=4 * PAGE, flags=FIXED)
    block.fault(mm.mm, BASE, access=Access.WRITE, word=12)
    block.fault(mm.mm, BASE)
    block.fault(mm.mm, 0)
    block.munmap(mm.mm, 1, 1)
    block.mincore(mm.mm, BASE, 4 * PAGE)
    block.set_vma_name(mm.mm, BASE, PAGE, "in a block")
    block.fault(999_999, 0)
    first = parse_results(vmalab_client.apply(block))
    assert [result.status for result in first] == [0, 0, 0, 11, -22, 0, 0, Status.NO_SUCH_MM]
    assert [result.value for result in first[:3]] == [BASE, 12, 12]
    assert first[5].value == 1
    with vmalab_client.batch(window=3) as batch:
        answers = list(batch.run([block] * 10))
    assert len(answers) == 10
    assert [result.status for result in parse_results(answers[-1])] == [
        *(0, 0, 0, 11, -22, 0, 0, Status.NO_SUCH_MM)
    ]


def test_a_bad_record_ends_its_block(vmalab_client: Client) -> None:
    good = bytes([0, 2, *bytes(14)])
    unknown = bytes([99, 2, *bytes(14)])
    short = bytes([1, 3, 5, *bytes(13)])  # a write fault with no word to store
    results = parse_results(vmalab_client.apply(good + unknown + good + short + good))
    assert [result.status for result in results] == [0, Status.BAD_OP, 0, Status.BAD_RECORD]


def test_a_window_is_kept(vmalab_client: Client) -> None:
    with vmalab_client.batch(window=2) as batch:
        block = bytes([0, 2, *bytes(14)])
        batch.send(block)
        batch.send(block)
        with pytest.raises(ValueError, match="2 blocks"):
            batch.send(block)
        assert batch.receive() == batch.receive() == bytes(16)
        with pytest.raises(ValueError, match="no block"):
            batch.receive()


def test_failed_only_answers_with_what_failed(vmalab_client: Client) -> None:
    """Ten faults on nothing and an unknown operation among good faults: the same results as in a
    whole answer, at the same places, and nothing else."""
    with vmalab_client.address_space() as space, vmalab_client.batch(window=2) as batch:
        addr = space.mmap(PAGE, flags=Map.PRIVATE | Map.ANONYMOUS)
        block = BlockBuilder()
        for number in range(200):
            block.fault(space.mm, addr if number % 20 else 0x1000, access=Access.READ)
        raw = bytes(block) + record(200, 0)
        batch.send(raw)
        whole = batch.receive()
        batch.send(raw, failed_only=True)
        failed = batch.receive_failed()
        wanted = {
            at: result
            for at in range(len(whole) // 16)
            if (result := whole[16 * at : 16 * at + 16])[:4] != bytes(4)
        }
        assert len(wanted) == 11
        assert failed == Failed(201, wanted)
        batch.send(pack.nop(), failed_only=True)
        with pytest.raises(ValueError, match="receive_failed"):
            batch.receive()
        assert batch.receive_failed() == Failed(1, {})
        batch.send(raw)
        with pytest.raises(ValueError, match="without failed_only"):
            batch.receive_failed()


def test_an_unspecified_access_is_a_read(vmalab_client: Client, mm: AddressSpace) -> None:
    mm.mmap(PAGE, addr=BASE, flags=FIXED)
    mm.write(BASE, 4)
    answer = vmalab_client.memory.Fault(pb.FaultRequest(mm=mm.mm, addr=BASE))
    assert (answer.signal, answer.errno_code, answer.word) == (0, 0, 4)
    missing = vmalab_client.memory.Munmap(pb.MunmapRequest(mm=mm.mm, addr=1, length=1))
    assert (missing.errno_code, missing.errno_name) == (errno.EINVAL, "EINVAL")


def test_inspection(vmalab_client: Client, mm: AddressSpace) -> None:
    mm.mmap(4 * PAGE, addr=BASE, flags=FIXED)
    mm.write(BASE, 1)
    inspect = vmalab_client.inspect
    info = inspect.server_info()
    assert info.limits["mms_max"] == 1024
    assert info.limits["block_bytes_max"] == 2 << 20
    assert (info.lock_model, info.layout) == (MODEL, LAYOUT)
    assert info.rcu_flavour in ("membarrier", "fenced")
    workers = inspect.workers()
    assert [worker.index for worker in workers] == [0, 1]
    assert info.worker_pid in {worker.pid for worker in workers}
    caches = {cache.name: cache for cache in inspect.slabinfo()}
    assert caches["vm_area_struct"].objsize == VMA_BYTES
    counters = inspect.vmstat()
    assert counters[FAULT_COUNTER] > 0
    (space,) = [entry for entry in inspect.address_spaces() if entry.mm == mm.mm]
    assert (space.map_count, space.total_pages, space.resident_pages) == (1, 4, 1)
    assert inspect.locks() == []
    roles = {participant.role for participant in inspect.participants()}
    assert {"supervisor", "worker"} <= roles
    structs = {struct.name: struct for struct in inspect.layout()}
    assert structs["vm_area_struct"].size == VMA_BYTES
    offsets = {field.name: field.offset for field in structs["vm_area_struct"].fields}
    assert offsets["vm_start"] == 0
    assert inspect.fsck(stop=True) == []
    with pytest.raises(NoSuchAddressSpace):
        inspect.maps(424242)


def test_query_vma(vmalab_client: Client) -> None:
    """PROCMAP_QUERY through the service: found, next, none, unknown flags, no address space."""
    with vmalab_client.address_space(maps=MAPS) as mm:
        first = mm.query_vma(0, Query.OR_NEXT)
        assert first is not None
        assert mm.query_vma(0) is None
        assert mm.query_vma(first.start) == first == mm.query_vma(first.end - 1)
        assert mm.maps().startswith(f"{first.start:08x}-{first.end:08x} ")
        assert mm.query_vma(1 << 63, Query.OR_NEXT) is None
        with pytest.raises(MemoryCallError, match=r"EINVAL|Invalid"):
            mm.query_vma(0, 1 << 20)
    with pytest.raises(NoSuchAddressSpace):
        vmalab_client.inspect.query_vma(424242, 0)
