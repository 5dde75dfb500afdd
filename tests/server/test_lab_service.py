# SPDX-License-Identifier: Apache-2.0
"""LabService on a real server: a race is scripted over gRPC, and nothing that is held does harm.

Goal: arm, wait and release do what they say from any client, and a call that is held breaks neither
leases nor recovery nor the stop. Method: one instance of the lab core, real clients in threads and
processes. When a test fails with DeadlineExceeded of reason NOBODY_CAME, the call did not come to
the sync point: see which points it passes with coverage().
"""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from patience import HANG_S
from servers import wait_for
from vmalab_client import (
    AddressSpace,
    AsyncClient,
    Client,
    DeadlineExceeded,
    InvalidRequest,
    LimitReached,
    MemoryCallError,
)
from vmalab_client.errors import NoSuchAddressSpace
from vmalab_server.embedded import EmbeddedServer
from vmalab_server.limits import Limits

POINT = "fault_locked"
"""Every lock model passes it in a fault; the VMA, or mmap_lock, is read-locked there."""
PAGE = 4096
QUOTA = 64
"""Page frames of one address space."""


@pytest.fixture(scope="module")
def lab_server() -> Iterator[EmbeddedServer]:
    limits = Limits(lab_held_max=3, lab_waits_per_worker_max=2)
    with EmbeddedServer(workers=1, lab=True, limits=limits, frames_per_mm_max=QUOTA) as server:
        yield server


@pytest.fixture
def client(lab_server: EmbeddedServer) -> Iterator[Client]:
    with Client(lab_server.target) as one:
        yield one
        one.lab.release(disarm=True)
        one.lab.set_mutants([])
        assert one.inspect.fsck(stop=True) == []


@pytest.fixture
def threads() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(8) as pool:
        yield pool


def test_a_scripted_race(client: Client, threads: ThreadPoolExecutor) -> None:
    """munmap waits for as long as the fault is held, and not longer."""
    with client.address_space() as mm:
        addr = mm.mmap(2 * PAGE)
        mm.write(addr, 1)  # the first write of an area needs mmap_lock too
        client.lab.arm(POINT, mm=mm.mm)
        fault = threads.submit(mm.write, addr + PAGE, 7)
        holder = client.lab.wait(POINT)[0]
        assert (holder.mm, holder.op) == (mm.mm, "FAULT")
        munmap = threads.submit(mm.munmap, addr, 2 * PAGE)
        wait_for(
            "munmap waits",
            lambda: any(lock.state == "waiting" for lock in client.inspect.locks()),
        )
        assert not fault.done()
        assert not munmap.done()
        shown = {point.name: point for point in client.lab.points()}[POINT]
        assert (shown.armed, shown.holders) == (0, (holder,))
        assert client.lab.release(POINT) == 1
        fault.result(HANG_S)
        munmap.result(HANG_S)
        assert mm.maps() == ""


def fills(mm: AddressSpace, count: int) -> None:
    """So many fresh pages fit, and no more."""
    addr = mm.mmap((count + 1) * PAGE)
    for i in range(count):
        mm.write(addr + i * PAGE, 1)
    with pytest.raises(LimitReached) as refused:
        mm.write(addr + count * PAGE, 1)
    assert refused.value.metadata["mm"] == str(mm.mm)


def test_a_page_that_goes_while_it_is_moved_is_charged_until_the_move_ends(
    client: Client, threads: ThreadPoolExecutor
) -> None:
    """Of eight pages under way three are dropped, one of them before the page that ends the move
    and two behind it. Then as many pages fit as the quota has over those that are there."""
    with client.address_space() as mm:
        src, dst = mm.mmap(8 * PAGE), mm.mmap(8 * PAGE)
        for i in range(8):
            mm.write(src + i * PAGE, 1 + i)
        client.lab.arm("uffd_busy", mm=mm.mm)
        move = threads.submit(mm.uffd_move, dst, src, 8 * PAGE)
        client.lab.wait("uffd_busy")
        for first, count in ((1, 1), (6, 2)):
            mm.madvise(src + first * PAGE, count * PAGE, 4)
        mm.write(dst + 5 * PAGE, 50)
        client.lab.release("uffd_busy")
        with pytest.raises(MemoryCallError, match="uffd_move: Resource temporarily"):
            move.result(HANG_S)
        assert [mm.read(dst + i * PAGE) for i in range(6)] == [1, 0, 3, 4, 5, 50]
        assert [mm.read(src + i * PAGE) for i in range(5, 8)] == [6, 0, 0]
        fills(mm, QUOTA - (5 + 1))


@pytest.mark.parametrize("flags", [0x22, 0x21], ids=["private", "shared"])
def test_who_comes_second_to_a_page_is_charged_nothing(
    client: Client, threads: ThreadPoolExecutor, flags: int
) -> None:
    """A fault has seen that the page is not there, and another one brings it meanwhile."""
    with client.address_space() as mm:
        addr = mm.mmap(2 * PAGE, flags=flags)
        mm.write(addr, 1)  # so that nothing but the page itself is missing
        client.lab.arm("pte_seen", mm=mm.mm)
        second = threads.submit(mm.write, addr + PAGE, 2)
        client.lab.wait("pte_seen")
        client.lab.arm("pte_seen", mm=mm.mm)  # the slow path looks again
        client.lab.release("pte_seen")
        client.lab.wait("pte_seen")
        mm.write(addr + PAGE, 1)
        client.lab.release("pte_seen")
        second.result(HANG_S)
        assert mm.read(addr + PAGE) == 2
        fills(mm, QUOTA - 2)


def test_two_clients_share_the_gates(
    lab_server: EmbeddedServer, client: Client, threads: ThreadPoolExecutor
) -> None:
    with client.address_space() as mm, Client(lab_server.target) as other:
        addr = mm.mmap(PAGE)
        other.lab.arm(POINT, mm=mm.mm)
        fault = threads.submit(mm.read, addr)
        client.lab.wait(POINT)
        assert other.lab.release() == 1
        assert fault.result(HANG_S) == 0
        with pytest.raises(DeadlineExceeded) as nobody:
            other.lab.wait(POINT, timeout_s=0.1)
        assert nobody.value.reason == "NOBODY_CAME"


def test_another_address_space_passes_and_the_hold_ends(
    client: Client, threads: ThreadPoolExecutor
) -> None:
    with client.address_space() as mm, client.address_space() as free:
        addr = mm.mmap(PAGE)
        client.lab.arm(POINT, mm=mm.mm, hold_s=0.5)
        free.write(free.mmap(PAGE), 1)
        begin = time.monotonic()
        assert threads.submit(mm.read, addr).result(HANG_S) == 0
        assert time.monotonic() - begin >= 0.4


def test_errors_say_what_there_is(client: Client) -> None:
    with pytest.raises(InvalidRequest, match="read_granted"):
        client.lab.arm("no_such_point")
    with pytest.raises(InvalidRequest, match=r"there are \d+: `vmalab race list`"):
        client.lab.set_mutants(["B999"])
    model = client.inspect.server_info().lock_model
    foreign = next(one for one in client.lab.mutants() if model not in one.lock_models)
    with pytest.raises(InvalidRequest, match=f"does not apply to {model}; it applies to"):
        client.lab.set_mutants([foreign.name])
    assert client.lab.mutants_on() == []
    with pytest.raises(NoSuchAddressSpace):
        client.lab.arm(POINT, mm=1)
    with pytest.raises(InvalidRequest) as long:
        client.lab.arm(POINT, hold_s=3600)
    assert long.value.metadata["limit"] == "lab_hold_ms_max"
    client.lab.arm(POINT, count=2)
    with pytest.raises(LimitReached) as held:
        client.lab.arm("fault_retry", count=2)
    assert held.value.reason == "LAB_HELD_LIMIT"
    assert held.value.metadata["limit"] == "lab_held_max"


def test_waits_are_bounded(client: Client, threads: ThreadPoolExecutor) -> None:
    waits = [threads.submit(client.lab.wait, POINT, timeout_s=1.5) for _ in range(3)]
    kinds = sorted(type(wait.exception(HANG_S)).__name__ for wait in waits)
    assert kinds == ["DeadlineExceeded", "DeadlineExceeded", "LimitReached"]


def test_mutants_delays_coverage(client: Client) -> None:
    # Bugs of every lock model, one by its number; what has a number is answered by it, with the
    # name beside it.
    client.lab.set_mutants(["stack_grows_read_locked", "X1"])
    assert client.lab.mutants_on() == ["B20", "X1"]
    on = {one.name: one.full_name for one in client.lab.mutants() if one.on}
    assert on == {"B20": "stack_grows_read_locked", "X1": "shared_page_reused"}
    plain = {one.name: one.full_name for one in client.lab.mutants()}
    assert plain["split_loses_guard"] == "split_loses_guard"
    client.lab.set_mutants([])
    before = client.lab.coverage()[POINT]
    client.lab.set_delays(seed=3, one_in=2, us_max=100)
    with client.address_space() as mm:
        mm.write(mm.mmap(PAGE), 1)
    client.lab.set_delays(seed=3, one_in=0, us_max=0)
    assert client.lab.coverage()[POINT] > before


def test_asyncio(lab_server: EmbeddedServer) -> None:
    async def script() -> int:
        async with AsyncClient(lab_server.target) as one, await one.address_space() as mm:
            addr = await mm.mmap(PAGE)
            await one.lab.arm(POINT, mm=mm.mm)
            fault = asyncio.create_task(mm.read(addr))
            assert (await one.lab.wait(POINT))[0].mm == mm.mm
            assert await one.lab.release(POINT) == 1
            return await fault

    assert asyncio.run(script()) == 0


HELD = """
import sys
from vmalab_client import Client
client = Client(sys.argv[1])
mm = client.address_space(ttl_s=0.5)
addr = mm.mmap(4096)
client.lab.arm("fault_locked", mm=mm.mm, hold_s=60)
mm.read(addr)
"""


def test_a_killed_client_leaves_nothing(lab_server: EmbeddedServer, client: Client) -> None:
    """Its address space is torn down long before the hold is over."""
    child = subprocess.Popen([sys.executable, "-c", HELD, lab_server.target])
    mm = client.lab.wait(POINT)[0].mm
    os.kill(child.pid, signal.SIGKILL)
    child.wait()
    wait_for("it is gone", lambda: mm not in {s.mm for s in client.inspect.address_spaces()})
    with pytest.raises(DeadlineExceeded):
        client.lab.wait(POINT, timeout_s=0)


def test_a_stop_releases_what_is_held(threads: ThreadPoolExecutor) -> None:
    with (
        EmbeddedServer(workers=1, lab=True, stop_grace_s=HANG_S) as server,
        Client(server.target) as client,
    ):
        mm = client.address_space()
        addr = mm.mmap(PAGE)
        client.lab.arm(POINT, mm=mm.mm, hold_s=60)
        fault = threads.submit(mm.read, addr)
        client.lab.wait(POINT)
        assert server.stop() == 0
        assert fault.result(HANG_S) == 0


def test_a_scenario_runs_apart(client: Client) -> None:
    names = {one.name for one in client.lab.scenarios()}
    assert "split-under-faults" in names
    with pytest.raises(InvalidRequest, match="split-under-faults"):
        client.lab.run("no-such-scenario")
    found = client.lab.run(
        "reuse-before-lock", lock_model="typesafe-rwsem", mutant="mm_not_compared"
    )
    assert found.verdict == "broken", found
    assert found.schedule.startswith("# vmalab-sched 1")
    assert found.invariant
    assert found.trace
    intact = client.lab.run("reuse-before-lock", lock_model="typesafe-rwsem", schedules=50)
    assert (intact.verdict, intact.invariant) == ("passed", "")


def test_without_the_lab_it_is_refused() -> None:
    with (
        EmbeddedServer(workers=1, lab=False) as server,
        Client(server.target) as client,
    ):
        for call in (client.lab.points, lambda: client.lab.arm(POINT), client.lab.scenarios):
            with pytest.raises(InvalidRequest) as refusal:
                call()
            assert refusal.value.code == "FAILED_PRECONDITION"
            assert refusal.value.reason == "NO_LAB"
            assert refusal.value.metadata["remedy"] == "start the server with --lab"
        assert not client.inspect.server_info().lab
