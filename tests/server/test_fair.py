# SPDX-License-Identifier: Apache-2.0
"""Turns between clients, without a server: who is next, and who waits.

Goal: a long line delays nobody else, and one client never has everything. Method: the order in
which jobs come out, for lines that are known. A failure shows the order that was wrong.
"""

import threading
from dataclasses import dataclass

import pytest

from servers import wait_for
from vmalab_server.admission import LARGE_BYTES, CallPool, Door, Refuser
from vmalab_server.caller import Tokens, of_peer
from vmalab_server.config import load
from vmalab_server.fair import FairQueue, Turnstile
from vmalab_server.limits import Limits
from vmalab_server.threads import Threads


def out_of(queue: FairQueue[str]) -> list[str]:
    """All jobs that can run now, each finished before the next one."""
    order = []
    while (found := queue.take()) is not None:
        order.append(found[0])
        queue.finished(found[0][0])
    return order


def test_lines_are_served_in_turn() -> None:
    queue: FairQueue[str] = FairQueue(share=2)
    for job in ("a1", "a2", "a3", "a4", "b1", "c1", "b2"):
        queue.put(job[0], job)
    assert out_of(queue) == ["a1", "b1", "c1", "a2", "b2", "a3", "a4"]
    assert queue.waiting == queue.load("a") == 0


def test_a_line_that_was_emptied_while_it_is_listed_is_not_taken_for_its_successor() -> None:
    """One job of a client runs, its last waiting one is taken back, the first ends: the line has
    nothing, and still stands in the queue of lines. What the client asks for next must be served,
    and its end must find its line."""
    queue: FairQueue[str] = FairQueue(2)
    assert queue.put("a", "first")
    assert queue.take() == ("first", False)
    assert queue.put("a", "second")
    assert queue.take_back(shorter_than=1) == "second"
    queue.finished("a")
    queue.put("a", "third")
    found = queue.take()
    assert found is not None
    assert found[0] == "third"
    assert queue.take() is None
    assert queue.load("a") == 1
    queue.finished("a")
    assert (queue.load("a"), queue.waiting) == (0, 0)


def test_one_client_has_its_share_and_no_more() -> None:
    queue: FairQueue[str] = FairQueue(share=2)
    for number in range(4):
        queue.put("a", f"a{number}")
    assert [queue.take(), queue.take(), queue.take()] == [("a0", True), ("a1", False), None]
    queue.put("b", "b0")
    assert queue.take() == ("b0", False)
    assert queue.finished("a"), "one more of it may run"
    assert queue.take() == ("a2", False)


def test_one_at_a_time_from_now_on() -> None:
    """Also of a line that is listed already; others keep their share, and so does its successor."""
    queue: FairQueue[str] = FairQueue(share=2)
    for job in ("a1", "a2", "a3", "b1", "b2"):
        queue.put(job[0], job)
    assert queue.take() == ("a1", True)
    queue.one_at_a_time("a")
    taken = [found[0] for found in iter(queue.take, None)]
    assert taken == ["b1", "b2"]
    assert queue.finished("a")
    assert queue.take() == ("a2", False)
    assert queue.finished("a")
    assert queue.take() == ("a3", False)
    assert not queue.finished("a")
    for job in ("a4", "a5"):
        queue.put("a", job)
    assert [queue.take(), queue.take()] == [("a4", True), ("a5", False)]


def test_the_last_of_the_longest_line_makes_room() -> None:
    queue: FairQueue[str] = FairQueue(share=1)
    for job in ("a1", "a2", "a3", "b1", "b2"):
        queue.put(job[0], job)
    assert queue.take_back(shorter_than=4) is None
    assert queue.take_back(shorter_than=3) == "a3"
    assert [queue.take_back(shorter_than=1) for _ in range(5)].count(None) == 1
    assert out_of(queue) == []


def test_a_turnstile_keeps_a_place_for_others() -> None:
    turnstile, entered = Turnstile(total=2, share=1), []
    leave = threading.Event()

    def pass_through(client: str) -> None:
        with turnstile.turn(client):
            entered.append(client)
            leave.wait()

    threads = [threading.Thread(target=pass_through, args=(client,)) for client in "aaa"]
    for thread in threads:
        thread.start()
    wait_for("one of a is in", lambda: entered)
    other = threading.Thread(target=pass_through, args=("b",))
    other.start()
    wait_for("b is in, though a waits", lambda: "b" in entered)
    assert entered == ["a", "b"]
    leave.set()
    for thread in [*threads, other]:
        thread.join()
    assert sorted(entered) == ["a", "a", "a", "b"]


@dataclass
class Call:
    """What a pool looks at of a call of grpcio's; each port is a client."""

    port: int
    method: bytes = b"/vmalab.v1.MemoryService/Apply"
    invocation_metadata: tuple[()] = ()

    @property
    def call(self) -> "Call":
        return self

    @property
    def call_details(self) -> "Call":
        return self

    def peer(self) -> bytes:
        return f"ipv4:127.0.0.1:{self.port}".encode()


@pytest.mark.parametrize(("bytes_read", "at_a_time"), [(LARGE_BYTES, 2), (LARGE_BYTES + 1, 1)])
def test_large_requests_of_a_client_are_read_one_at_a_time(bytes_read: int, at_a_time: int) -> None:
    """The first call tells that they are large. Of the calls behind it so many run at a time, and
    another client's run beside them."""
    door, refuser = Door(Tokens(""), open_methods=""), Refuser()
    pool = CallPool(door, refuser, Limits(), threads=3, reserved=1, name="call")
    began: list[str] = []
    first, rest = threading.Event(), threading.Event()

    def large(call: Call) -> None:
        pool.has_read(bytes_read)
        began.append("first")
        first.wait()

    def other(call: Call) -> None:
        began.append(f"client {call.port}")
        rest.wait()

    pool.submit(large, Call(1))
    wait_for("the first one is read", lambda: began)
    for port in (1, 1, 2):
        pool.submit(other, Call(port))
    wait_for("the other client's runs", lambda: "client 2" in began)
    first.set()
    wait_for("the first one has ended", lambda: pool.under_way == 3)
    wait_for("and then one of those behind it", lambda: "client 1" in began)
    if at_a_time == 2:
        wait_for("both of them", lambda: began.count("client 1") == 2)
    else:
        pool.submit(other, Call(3))
        wait_for("the third thread is not its", lambda: "client 3" in began)
    assert began.count("client 1") == at_a_time
    rest.set()
    pool.shutdown()
    refuser.close()
    assert began.count("client 1") == 2


def test_who_calls() -> None:
    tokens = Tokens("# names\nalice:one two\n\nthree\n")
    assert tokens.name_of(b"Bearer one two") == "alice"
    assert tokens.name_of(b"Bearer three") == "token"
    assert tokens.name_of(b"Bearer one") is None
    assert of_peer("ipv4:127.0.0.1:4711").name == "ipv4:127.0.0.1"
    assert of_peer("ipv4:127.0.0.1:4711").key != of_peer("ipv4:127.0.0.1:4712").key


def test_the_defaults_fit_each_other() -> None:
    """Slots for all threads of all workers, whatever streams there are."""
    config, limits = load(), Limits()
    assert config.participants_least <= config.participants_max
    assert limits.calls_per_client_max < limits.calls_per_worker_max
    assert limits.streams_per_client_max < limits.streams_per_worker_max
    more = limits.calls_per_client_max + limits.streams_per_client_max
    assert more < limits.requests_per_connection_max, "who is refused is told"
    for lab in (False, True):
        threads = Threads.of(6, limits, lab=lab)
        assert threads.calls - threads.calls_reserved >= 4
        assert threads.blocks_share < threads.blocks
