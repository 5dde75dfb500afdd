# SPDX-License-Identifier: Apache-2.0
"""Calls that are answered in the thread that gRPC serves with, because their time is bounded.

Goal: they are only those that hit; whatever else a call meets, it has what the pool promises.
Method: a thread of the pool has a participant of its own from its first call on. So the number of a
worker's participants says whether a call went to the pool. What the calls work on is made by a
process that is attached. Locks are held by a process that is stopped (slow_holder.py).
Failure: the number of participants, or the answer.
"""

from __future__ import annotations

import json
import os
import statistics
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import grpc
import pytest
from prometheus_client.parser import text_string_to_metric_families

from operations import ANON, FIXED, RW
from patience import HANG_S
from servers import Serve, wait_for
from slow_holder import stuck_reader
from vmalab import pack
from vmalab.v1 import bench_pb2
from vmalab.v1 import memory_pb2 as pb
from vmalab.v1.bench_pb2_grpc import BenchServiceStub
from vmalab.v1.memory_pb2_grpc import MemoryServiceStub
from vmalab_client import transport
from vmalab_native.core import Participant, Segment
from vmalab_server import bounded, grpc_inside
from vmalab_server.admission import Door, Refuser
from vmalab_server.caller import Tokens
from vmalab_server.endings import Endings
from vmalab_server.limits import Limits
from vmalab_server.upkeep import Upkeep

if TYPE_CHECKING:
    One = grpc.UnaryUnaryMultiCallable[bytes, bytes]
    Many = grpc.StreamUnaryMultiCallable[bytes, bytes]

AREA, PAGE, PAGES = 0x2000_0000_0000, 4096, 8
WRITE = 1
LEASES = 1
ALONE = LEASES + 1
"""Participants of a worker that has not used a thread of its pool: for leases, and for such calls
if it answers any."""


GIVEN_UP = (grpc.StatusCode.CANCELLED, grpc.StatusCode.DEADLINE_EXCEEDED)


@contextmanager
def attached(instance: str) -> Iterator[tuple[Participant, int]]:
    """Somebody, with an address space whose every second page is there."""
    with Segment.attach(instance) as segment, segment.participant("client") as me:
        mm = me.mm_create()
        me.run(pack.mmap(mm, AREA, PAGES * PAGE, RW, ANON | FIXED, 0, 0, 0))
        for page in range(0, PAGES, 2):
            me.run(pack.fault(mm, AREA + page * PAGE, page + 1, WRITE))
        yield me, mm


def of_worker(me: Participant) -> int:
    """Participants of the only worker."""
    return sum(one.role == "worker" for one in me.participants())


def read(mm: int, page: int) -> pb.FaultRequest:
    return pb.FaultRequest(mm=mm, addr=AREA + page * PAGE, access=pb.ACCESS_READ)


LONG_BOUNDED, LONG_CQ = (pytest.param(one, marks=pytest.mark.long) for one in ("bounded", "cq"))
each_front = pytest.mark.parametrize("front", [LONG_BOUNDED, LONG_CQ])


@contextmanager
def served(*options: str) -> Iterator[tuple[Serve, MemoryServiceStub, grpc.Channel]]:
    with (
        Serve("--workers", "1", "--bench", *options) as server,
        grpc.insecure_channel(server.target) as channel,
    ):
        yield server, MemoryServiceStub(channel), channel


@pytest.mark.parametrize("front", [LONG_BOUNDED, "cq"])
def test_a_hit_needs_no_thread_and_the_rest_has_one(front: str) -> None:
    with served("--front", front) as (server, stub, channel), attached(server.instance) as (me, mm):
        echo = bench_pb2.EchoRequest(first=1, second=2, third=3)
        for page in range(0, PAGES, 2):
            assert stub.Fault(read(mm, page), timeout=HANG_S).word == page + 1
        store = pb.FaultRequest(mm=mm, addr=AREA, access=pb.ACCESS_WRITE, word=42)
        assert stub.Fault(store, timeout=HANG_S).word == 42
        assert BenchServiceStub(channel).Echo(echo, timeout=HANG_S).third == 3
        assert of_worker(me) == ALONE
        assert stub.Fault(read(mm, 1), timeout=HANG_S).word == 0
        assert of_worker(me) == ALONE + 1
        hole = stub.Fault(read(mm, PAGES), timeout=HANG_S)
        assert (hole.signal, hole.si_code) == (11, 1)
        with pytest.raises(grpc.RpcError) as gone:
            stub.Fault(read(mm + 1, 0), timeout=HANG_S)
        assert transport.error_of(gone.value).reason == "NO_SUCH_MM"
        with pytest.raises(grpc.RpcError) as bad:
            stub.Fault(pb.FaultRequest(mm=mm, addr=AREA, access=pb.ACCESS_READ, word=1))
        assert transport.error_of(bad.value).reason == "BAD_ARGUMENT"


@pytest.mark.long
@pytest.mark.parametrize("options", [("--front", "pool"), ("--token-file", "TOKENS")])
def test_where_all_calls_go_to_threads(options: tuple[str, ...], tmp_path: Path) -> None:
    """Asked for, or where clients have names: whose account a call is on takes a lock."""
    tokens = tmp_path / "tokens"
    tokens.write_text("alice:secret\n")
    tokens.chmod(0o600)
    options = tuple(str(tokens) if one == "TOKENS" else one for one in options)
    with served(*options) as (server, stub, _), attached(server.instance) as (me, mm):
        metadata = (("authorization", "Bearer secret"),)
        assert of_worker(me) == LEASES, "there is none for calls that are answered at once"
        assert stub.Fault(read(mm, 0), timeout=HANG_S, metadata=metadata).word == 1
        assert of_worker(me) == LEASES + 1


@each_front
def test_an_unknown_grpcio_is_served_as_usual(front: str, tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text("import grpc\ngrpc.__version__ = '1.86.0'\n")
    environment = {**os.environ, "PYTHONPATH": f"{tmp_path}:{os.environ.get('PYTHONPATH', '')}"}
    with (
        Serve("--workers", "1", "--front", front, how={"env": environment}) as server,
        grpc.insecure_channel(server.target) as channel,
        attached(server.instance) as (me, mm),
    ):
        stub = MemoryServiceStub(channel)
        assert of_worker(me) == LEASES
        assert stub.Fault(read(mm, 0), timeout=HANG_S).word == 1
        assert of_worker(me) == LEASES + 1
        said = [json.loads(line) for line in server.errors.splitlines() if line.startswith("{")]
        (line,) = [one for one in said if "inside" in one["event"]]
        assert (line["level"], line["grpcio"]) == ("warning", "1.86.0")


def test_versions() -> None:
    assert grpc_inside.inside(grpc_inside.installed()) is not None
    for version in ("1.84.9", "1.86.0", "1.850.0", "2.0.0", ""):
        assert grpc_inside.inside(version) is None


def took_s(stub: MemoryServiceStub, mm: int, count: int = 60) -> float:
    """Median time of a hit."""
    times = []
    for _ in range(count):
        begin = time.perf_counter()
        assert stub.Fault(read(mm, 0), timeout=HANG_S).word == 1
        times.append(time.perf_counter() - begin)
    return statistics.median(times)


@pytest.mark.parametrize("front", ["bounded", LONG_CQ])
def test_who_waits_for_a_lock_does_it_in_the_pool(front: str) -> None:
    """And all others go on: hits, echoes, health; the limit of its client counts it."""
    with (
        served("--front", front, "--limit", "calls_per_client_max=8") as (server, stub, channel),
        attached(server.instance) as (me, mm),
        Segment.attach(server.instance) as segment,
    ):
        before = took_s(stub, mm)
        assert of_worker(me) == ALONE
        with stuck_reader(segment, me, waiters=0) as held:
            late = pb.FaultRequest(mm=held.mm, addr=AREA, access=pb.ACCESS_READ)
            with pytest.raises(grpc.RpcError) as over:
                stub.Fault(late, timeout=0.3)
            assert over.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
            waits = [stub.Fault.future(late, timeout=HANG_S) for _ in range(2)]
            wait_for("both are in threads", lambda: of_worker(me) >= ALONE + 2)
            assert took_s(stub, mm) < 20 * before + 0.05
            echo = bench_pb2.EchoRequest(third=3)
            assert BenchServiceStub(channel).Echo(echo, timeout=HANG_S).third == 3
            more = [stub.Fault.future(late, timeout=HANG_S) for _ in range(8)]
            assert wait_for_refusal(stub, mm)["limit"] == "calls_per_client_max"
            assert not any(one.done() for one in waits)
        assert all(one.result(HANG_S).signal in (0, 11) for one in waits)
        wait_for("the others have ended", lambda: all(one.done() for one in more))
        assert took_s(stub, mm) < 20 * before + 0.05


def wait_for_refusal(stub: MemoryServiceStub, mm: int) -> dict[str, str]:
    """What is said of the call that is one too many."""
    found: list[dict[str, str]] = []

    def refused() -> bool:
        try:
            stub.Fault(read(mm, 0), timeout=HANG_S)
        except grpc.RpcError as error:
            found.append(transport.error_of(error).metadata)
        return bool(found)

    wait_for("a call is refused", refused)
    return found[0]


@each_front
def test_a_request_that_is_none(front: str) -> None:
    """No message, a large one: they have the answers of the pool."""
    with served("--front", front) as (server, _, channel), attached(server.instance) as (me, mm):
        name = "/vmalab.v1.MemoryService/Fault"
        many: Many = channel.stream_unary(name)
        with pytest.raises(grpc.RpcError) as none:
            many(iter(()), timeout=HANG_S)
        assert transport.error_of(none.value).reason == "BAD_REQUEST"
        assert of_worker(me) == ALONE, "it did not come as far as the core"
        unknown_field = bytes((0xFA, 0x3F))  # number 1023, of bytes
        size = bounded.BYTES_MAX
        long = unknown_field + bytes((size & 127 | 128, size >> 7)) + bytes(size)
        call: One = channel.unary_unary(name)
        request = read(mm, 0).SerializeToString() + long
        assert pb.FaultResponse.FromString(call(request, timeout=HANG_S)).word == 1
        assert of_worker(me) == ALONE + 1
        with pytest.raises(grpc.RpcError) as large:
            call(bytes(Limits().message_bytes_max + 1), timeout=HANG_S)
        assert large.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
        with pytest.raises(grpc.RpcError) as bad:
            call(b"\xff" * 64, timeout=HANG_S)
        assert transport.error_of(bad.value).reason == "BAD_REQUEST"


@each_front
def test_a_request_that_does_not_come_ends(front: str) -> None:
    """Until then it counts for the limit of its client."""
    limits = ("--limit", "receive_ms_max=1500", "--limit", "calls_per_client_max=8")
    with (
        served("--front", front, *limits) as (server, stub, channel),
        attached(server.instance) as (_, mm),
    ):
        comes = threading.Event()

        def requests() -> Iterator[bytes]:
            comes.wait()
            yield b""

        many: Many = channel.stream_unary("/vmalab.v1.MemoryService/Fault")
        calls = [many.future(requests()) for _ in range(8)]
        assert wait_for_refusal(stub, mm)["limit"] == "calls_per_client_max"
        for call in calls:
            assert call.code() is grpc.StatusCode.CANCELLED
        comes.set()
        wait_for("it is served again", lambda: hits(stub, mm))


def hits(stub: MemoryServiceStub, mm: int) -> bool:
    """Whether a hit is answered, and not refused."""
    try:
        return stub.Fault(read(mm, 0), timeout=HANG_S).word == 1
    except grpc.RpcError as error:
        if error.code() is not grpc.StatusCode.RESOURCE_EXHAUSTED:
            raise
        return False


class Arrived:
    """A call of a client, whose message comes when the test says so."""

    def __init__(self, answer: bounded.Bounded, client: str) -> None:
        self.bounded = answer
        self.call = self.call_details = self
        self.invocation_metadata = ()
        self.method = b""
        self._client = client
        self.then: Callable[[bytes | None], None] = lambda _: None
        self.answered: bytes | None = None
        self.ran = threading.Event()

    def peer(self) -> bytes:
        return self._client.encode()

    def read(self, then: Callable[[bytes | None], None], /) -> None:
        self.then = then

    def over(self) -> bool:
        return False

    def answer(self, response: bytes, trailing: object, /) -> None:
        self.answered = response

    def leave(self) -> None:
        pass

    def run(self, messages: Callable[[], Iterator[bytes]], /) -> None:
        self.messages = [*messages()]
        self.ran.set()

    def cancel(self) -> None:
        pass


def test_how_many_messages_are_read_at_a_time() -> None:
    """A part of them by one client, none by one that sends large ones, none after the stop."""
    inside = grpc_inside.inside(grpc_inside.installed())
    assert inside is not None
    refuser = Refuser()
    pool = bounded.BoundedPool(
        *(Door(Tokens(""), open_methods="/-"), refuser, Limits()),
        threads=1, reserved=0, name="call", inside=inside, upkeep=Upkeep(), endings=Endings(),
        receive_s=60.0,
    )  # fmt: skip
    echo = bounded.Bounded("/a/Echo", lambda raw: raw or None)

    def begin(client: str) -> Arrived | None:
        one = Arrived(echo, client)
        return one if pool.begin(one, (one,)) else None

    half = bounded.READING_MAX // 2
    first = [begin("ipv4:1.1.1.1:1") for _ in range(half)]
    assert all(first)
    assert begin("ipv4:1.1.1.1:1") is None
    second = [begin("ipv4:1.1.1.1:2") for _ in range(half)]
    assert all(second)
    assert begin("ipv4:1.1.1.1:3") is None, "all together have no more"
    for one in (*first, *second[2:]):
        assert one is not None
        one.then(b"hello")
        assert one.answered == b"hello"
    assert begin("ipv4:1.1.1.1:1") is not None
    large, none = second[:2]
    assert large is not None
    assert none is not None
    large.then(bytes(bounded.BYTES_MAX + 1))
    assert large.ran.wait(HANG_S)
    assert (large.answered, len(large.messages[0])) == (None, bounded.BYTES_MAX + 1)
    assert begin("ipv4:1.1.1.1:2") is None, "its next ones are not read at once"
    none.then(None)
    assert none.ran.wait(HANG_S)
    assert none.messages == []
    stop = threading.Thread(target=pool.shutdown)
    stop.start()
    wait_for("no more are read", lambda: begin("ipv4:1.1.1.1:4") is None)
    refuser.close()


@each_front
def test_they_are_counted_and_logged(front: str) -> None:
    options = ("--front", front, "--metrics-listen", "127.0.0.1:0", "--log-level", "debug")
    with served(*options) as (server, stub, _), attached(server.instance) as (me, mm):
        for number in range(3):
            stub.Fault(read(mm, 0), metadata=(("x-request-id", f"bounded-{number}"),))
        address = server.ready["metrics_address"]

        def counted() -> float:
            with urllib.request.urlopen(f"http://{address}/metrics") as answer:
                families = text_string_to_metric_families(answer.read().decode())
                return sum(
                    one.value for family in families for one in family.samples
                    if one.name == "vmalab_rpc_duration_seconds_count"
                    and (one.labels["method"], one.labels["code"]) == ("Fault", "OK")
                )  # fmt: skip

        wait_for("three are counted", lambda: counted() == 3)
        said = [json.loads(line) for line in server.errors.splitlines() if line.startswith("{")]
        ids = [one.get("request_id") for one in said if one["event"] == "a call ended"]
        assert {f"bounded-{number}" for number in range(3)} <= {*ids}
        assert of_worker(me) == ALONE


@each_front
def test_a_stop_waits_for_what_is_read(front: str) -> None:
    """Calls whose request has not come keep a worker for its grace, and not longer."""
    with served("--front", front, "--stop-grace", "1") as (server, _, channel):
        comes = threading.Event()

        def requests() -> Iterator[bytes]:
            comes.wait()
            yield b""

        many: Many = channel.stream_unary("/vmalab.v1.MemoryService/Fault")
        call = many.future(requests())
        time.sleep(0.2)
        assert server.end() == 0
        assert call.code() in (grpc.StatusCode.CANCELLED, grpc.StatusCode.UNAVAILABLE)
        comes.set()


@each_front
def test_calls_that_are_given_up_leave_nothing(front: str) -> None:
    """Cancelled, and late, between those that are waited for: hits, misses and echoes. What is left
    of a call would count for the limit of its client, and the worker would not come to an end."""
    limits = ("--limit", "calls_per_client_max=64")
    with (
        served("--front", front, *limits) as (server, stub, channel),
        attached(server.instance) as (_, mm),
    ):
        echo, rounds, at_a_time = BenchServiceStub(channel).Echo, 60, 32
        for number in range(rounds):
            asked = [
                stub.Fault.future(read(mm, one % PAGES), timeout=HANG_S if one % 3 else 0.0005)
                if one % 4
                else echo.future(bench_pb2.EchoRequest(third=one), timeout=HANG_S)
                for one in range(at_a_time)
            ]
            for one in asked[number % 2 :: 2]:
                one.cancel()
            for one in asked:
                codes = (*GIVEN_UP, grpc.StatusCode.OK, grpc.StatusCode.RESOURCE_EXHAUSTED)
                assert one.code() in codes
        wait_for("nothing is left of them", lambda: hits(stub, mm))
        waited_for = [stub.Fault.future(read(mm, 0), timeout=HANG_S) for _ in range(at_a_time)]
        assert [one.result().word for one in waited_for] == [1] * at_a_time
        assert server.end() == 0
