# SPDX-License-Identifier: Apache-2.0
"""How long an address space lives: time to live, Hold streams, KeepAlive, killed workers.

Goal: it ends soon after nobody wants it any more, and never before. Short times are configured; a
test waits for the end of what should end, beside a control that shows that it had the time to.
"""

import queue
import subprocess
import sys
import time
from collections.abc import Iterator
from functools import partial

import pytest

from patience import HANG_S
from servers import kill_worker, wait_for
from vmalab.v1 import memory_pb2 as pb
from vmalab_client import BlockBuilder, Client, NoSuchAddressSpace, parse_results
from vmalab_client.client import AddressSpace
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
    wait_for("it has ended", lambda: mm.mm not in alive(client))
    with pytest.raises(NoSuchAddressSpace) as refusal:
        mm.read(4096)
    assert refusal.value.reason == "NO_SUCH_MM"
    assert refusal.value.metadata == {"mm": str(mm.mm)}


def held_space(*clients: Client) -> AddressSpace:
    """One that each client holds, with hardly any time of its own beside that."""
    ttl_s = 0.5
    while True:
        mm = clients[0].address_space(ttl_s=ttl_s)
        for other in clients[1:]:
            other.use(mm.mm)
        assert all(one.wait_held(mm.mm, timeout_s=HANG_S) for one in clients)
        if not any(mm.mm in one.lost for one in clients):
            return mm
        ttl_s *= 2  # it had ended before it was held: a slow machine


def others_have_ended(client: Client) -> None:
    """A control: one that nobody holds was made, lived for longer than others, and has ended."""
    control = client.address_space(ttl_s=0.5, hold=False)
    wait_for("the control has ended", lambda: control.mm not in alive(client))


def test_keep_alive_extends_and_never_shortens(client: Client) -> None:
    mm = client.address_space(ttl_s=0.2, hold=False)
    kept = client.address_space(ttl_s=600, hold=False)
    if client.keep_alive([mm.mm, 12345], ttl_s=1.5) == [12345]:  # else it was too slow, and ended
        wait_for("it has ended", lambda: mm.mm not in alive(client))
    assert client.keep_alive([kept.mm], ttl_s=0.1) == []
    others_have_ended(client)
    (ttl,) = (one.ttl_ms for one in client.inspect.address_spaces() if one.mm == kept.mm)
    assert 0 < ttl <= 600_000
    assert client.keep_alive([kept.mm], ttl_s=1800) == []
    (longer,) = (one.ttl_ms for one in client.inspect.address_spaces() if one.mm == kept.mm)
    assert ttl < longer <= 1_800_000
    kept.exit()


def test_a_held_one_lives_until_the_grace_after_the_client(server: EmbeddedServer) -> None:
    with Client(server.target) as watcher:
        with Client(server.target) as holder:
            mm = held_space(holder)
            others_have_ended(watcher)
            assert mm.mm in alive(watcher)
        closed = time.monotonic()
        wait_for("it has ended", lambda: mm.mm not in alive(watcher))
        assert time.monotonic() - closed > HOLD_GRACE_S / 2


def test_one_held_twice_lives_until_the_last_holder_is_gone(server: EmbeddedServer) -> None:
    with Client(server.target) as second:
        with Client(server.target) as first:
            control = held_space(first)
            mm = held_space(first, second)
        wait_for("what only the first held has ended", lambda: control.mm not in alive(second))
        assert mm.mm in alive(second)
        second.release(mm.mm)
        wait_for("it has ended", lambda: mm.mm not in alive(second))


def test_what_a_killed_client_held_ends(server: EmbeddedServer) -> None:
    code = (
        "import signal, sys\n"
        "from vmalab_client import Client\n"
        "client = Client(sys.argv[1])\n"
        "mm = client.address_space(ttl_s=5)\n"
        "print(mm.mm, client.wait_held(mm.mm, timeout_s=3000), flush=True)\n"
        "signal.pause()\n"
    )
    with Client(server.target) as watcher:
        child = subprocess.Popen(
            [sys.executable, "-c", code, server.target], stdout=subprocess.PIPE, text=True
        )
        assert child.stdout is not None
        mm, held = child.stdout.readline().split()
        assert held == "True"
        others_have_ended(watcher)
        assert int(mm) in alive(watcher)
        child.kill()
        child.wait()
        child.stdout.close()
        wait_for("it has ended", lambda: int(mm) not in alive(watcher))


def test_a_killed_worker_costs_no_address_space() -> None:
    """The client opens its Hold stream again at another worker, within the grace. That is long
    here: how long a worker takes to come back is for the machine to say."""
    with (
        EmbeddedServer(
            workers=2, hold_grace_s=3000, ttl_default_s=0.6, log_level="error"
        ) as server,
        Client(server.target) as client,
    ):
        mm = held_space(client)
        addr = mm.mmap(4096)
        mm.write(addr, 99)
        for _ in range(2):
            kill_worker(server.instance, 0)
            kill_worker(server.instance, 1)
        wait_for("it is held anew", lambda: leases(client).get(mm.mm) == 1)
        assert mm.mm not in client.lost
        wait_for("it can be read", lambda: readable(mm, addr, 99))
        assert client.inspect.fsck(stop=True) == []


def leases(client: Client) -> dict[int, int]:
    from vmalab_client import ServiceUnavailable

    try:
        return {entry.mm: entry.leases for entry in client.inspect.address_spaces()}
    except ServiceUnavailable:
        return {}


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
            assert len(made) == 2
            wait_for("they have ended", partial(ended, client, made))
        assert leases(client)[parent.mm] == 1


def test_hold_says_what_is_missing(client: Client) -> None:
    mm = client.address_space(ttl_s=600, hold=False)
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
        assert client.inspect.fsck(stop=True) == []
