# SPDX-License-Identifier: Apache-2.0
"""How long an address space lives: time to live, Hold streams, KeepAlive, killed workers.

Goal: it ends soon after nobody wants it any more, and never before. Short times are configured, so
each test waits fractions of a second; a failure names the address spaces that are (still) there.
"""

import queue
import subprocess
import sys
import time
from collections.abc import Iterator
from functools import partial

import pytest

from servers import kill_worker, wait_for
from vmalab.v1 import memory_pb2 as pb
from vmalab_client import BlockBuilder, Client, NoSuchAddressSpace, parse_results
from vmalab_server.embedded import EmbeddedServer

HOLD_GRACE_S = 1.0


@pytest.fixture(scope="module")
def server() -> Iterator[EmbeddedServer]:
    with EmbeddedServer(
        workers=2, hold_grace_s=HOLD_GRACE_S, ttl_default_s=0.6, log_level="error"
    ) as running:
        yield running


@pytest.fixture
def client(server: EmbeddedServer) -> Iterator[Client]:
    with Client(server.target) as connected:
        yield connected


def alive(client: Client) -> set[int]:
    return {entry.mm for entry in client.inspect.address_spaces()}


def ended(client: Client, mms: set[int]) -> bool:
    return not mms & alive(client)


def test_one_that_nobody_holds_ends_after_its_time(client: Client) -> None:
    mm = client.address_space(ttl_s=0.2, hold=False)
    addr = mm.mmap(4096)
    assert mm.mm in alive(client)
    wait_for("it has ended", lambda: mm.mm not in alive(client), timeout_s=2.0)
    with pytest.raises(NoSuchAddressSpace) as refusal:
        mm.read(addr)
    assert refusal.value.reason == "NO_SUCH_MM"
    assert refusal.value.metadata == {"mm": str(mm.mm)}


def test_keep_alive_extends_and_never_shortens(client: Client) -> None:
    mm = client.address_space(ttl_s=0.2, hold=False)
    assert client.keep_alive([mm.mm, 12345], ttl_s=1.5) == [12345]
    assert client.keep_alive([mm.mm], ttl_s=0.1) == []
    time.sleep(0.8)
    assert mm.mm in alive(client)
    wait_for("it has ended", lambda: mm.mm not in alive(client), timeout_s=3.0)


def test_a_held_one_lives_until_the_grace_after_the_client(server: EmbeddedServer) -> None:
    with Client(server.target) as watcher:
        with Client(server.target) as holder:
            mm = holder.address_space(ttl_s=0.2)
            assert holder.wait_held(mm.mm)
            time.sleep(1.5)
            assert mm.mm in alive(watcher)
        closed = time.monotonic()
        assert mm.mm in alive(watcher)
        wait_for("it has ended", lambda: mm.mm not in alive(watcher), timeout_s=4.0)
        assert time.monotonic() - closed > HOLD_GRACE_S / 2


def test_one_held_twice_lives_until_the_last_holder_is_gone(server: EmbeddedServer) -> None:
    with Client(server.target) as second:
        with Client(server.target) as first:
            mm = first.address_space(ttl_s=0.2)
            second.use(mm.mm)
            assert first.wait_held(mm.mm)
            assert second.wait_held(mm.mm)
        time.sleep(HOLD_GRACE_S + 0.7)
        assert mm.mm in alive(second)
        second.release(mm.mm)
        wait_for("it has ended", lambda: mm.mm not in alive(second), timeout_s=4.0)


def test_what_a_killed_client_held_ends(server: EmbeddedServer) -> None:
    code = (
        "import sys, time\n"
        "from vmalab_client import Client\n"
        "client = Client(sys.argv[1])\n"
        "mm = client.address_space(ttl_s=0.2)\n"
        "print(mm.mm, client.wait_held(mm.mm), flush=True)\n"
        "time.sleep(60)\n"
    )
    with Client(server.target) as watcher:
        child = subprocess.Popen(
            [sys.executable, "-c", code, server.target], stdout=subprocess.PIPE, text=True
        )
        assert child.stdout is not None
        mm, held = child.stdout.readline().split()
        assert held == "True"
        time.sleep(0.8)
        assert int(mm) in alive(watcher)
        child.kill()
        child.wait()
        child.stdout.close()
        wait_for("it has ended", lambda: int(mm) not in alive(watcher), timeout_s=5.0)


def test_a_killed_worker_costs_no_address_space(server: EmbeddedServer, client: Client) -> None:
    """The client opens its Hold stream again at another worker, within the grace."""
    mm = client.address_space(ttl_s=0.2)
    addr = mm.mmap(4096)
    assert client.wait_held(mm.mm, timeout_s=30.0)
    mm.write(addr, 99)
    for _ in range(2):
        kill_worker(server.instance, 0)
        kill_worker(server.instance, 1)
    assert client.wait_held(mm.mm, timeout_s=30.0)
    time.sleep(HOLD_GRACE_S + 0.5)
    assert mm.mm not in client.lost
    assert mm.mm in alive(client)
    wait_for("it can be read", lambda: readable(mm, addr, 99))
    assert client.inspect.fsck() == []


def readable(mm: object, addr: int, word: int) -> bool:
    from vmalab_client import ServiceUnavailable

    try:
        return bool(mm.read(addr) == word)  # type: ignore[attr-defined]
    except ServiceUnavailable:
        return False


def test_what_a_block_creates_lives_for_the_default_time(client: Client) -> None:
    with client.address_space() as parent:
        block = BlockBuilder()
        block.mm_create()
        block.fork(parent.mm)
        for _ in range(20):
            block.nop()
        for apply in (client.apply, lambda built: next(client.batch().run([built]))):
            made = {result.value for result in parse_results(apply(block))[:2]}
            assert made <= alive(client)
            wait_for("they have ended", partial(ended, client, made), timeout_s=3.0)
        leases = {entry.mm: entry.leases for entry in client.inspect.address_spaces()}
        assert leases[parent.mm] == 1


def test_hold_says_what_is_missing(client: Client) -> None:
    mm = client.address_space(ttl_s=2.0, hold=False)
    requests: queue.SimpleQueue[pb.HoldRequest | None] = queue.SimpleQueue()
    call = client.memory.Hold(iter(requests.get, None))
    requests.put(pb.HoldRequest(add=[mm.mm, 77, mm.mm]))
    answer = next(call)
    assert (answer.held_count, list(answer.missing)) == (1, [77])
    requests.put(pb.HoldRequest(drop=[mm.mm, 77]))
    assert next(call).held_count == 0
    requests.put(None)
    assert list(call) == []


def test_an_address_space_that_exits_while_it_is_held_is_gone(client: Client) -> None:
    with Client(client.target) as other:
        mm = client.address_space()
        assert client.wait_held(mm.mm)
        other.use(mm.mm, hold=False).exit()
        assert mm.mm not in alive(client)
        again = client.address_space()
        assert client.wait_held(again.mm)
        again.exit()
        assert client.inspect.fsck() == []
