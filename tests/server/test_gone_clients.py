# SPDX-License-Identifier: Apache-2.0
"""What a call does in the core ends when nobody waits for its answer any more.

Goal: when a client's deadline passes, it cancels, its connection goes or the worker stops, the call
ends early, the thread is free for the next one, and what was done stays done. A call that stood in
line meanwhile does nothing.
Method: a block of thousands of long records, of which a few are measured first, and one record
that populates 32 TiB. The worker's CPU time after the end is compared with what the whole call
would take: a ratio, and no time on a clock.
Failure: the CPU time of the call, and what it would be to its end.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Protocol

import grpc
import pytest

from operations import ANON, FIXED, POPULATE
from patience import HANG_S
from servers import wait_for
from vmalab import pack
from vmalab.ops import RESULT
from vmalab.v1 import memory_pb2 as pb
from vmalab.v1.memory_pb2_grpc import MemoryServiceStub
from vmalab_client import Client
from vmalab_native.core import Segment
from vmalab_server.embedded import EmbeddedServer

AREA = 0x2000_0000_0000
BYTES = 64 << 20
PAIRS, FEW = 20000, 300
SOON_S = 0.2
"""A deadline that passes while the call is in the core, or before."""
ENDLESS = 32 << 40
TABLES = 120_000
"""Page tables of an address space: where the populate of ENDLESS bytes has to stop."""


@pytest.fixture
def server() -> Iterator[EmbeddedServer]:
    """One worker with one thread for calls: what holds it, holds all."""
    with EmbeddedServer(workers=1, threads=1) as served:
        yield served


def cpu_s_of(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Long:
    """A block that would take many seconds, and what it costs the worker."""

    def __init__(self, server: EmbeddedServer, client: Client) -> None:
        self.pid = server.worker_pids[0]
        self.mm = client.address_space(hold=True).mm
        there = pack.mmap(self.mm, AREA, BYTES, 1, ANON | FIXED | POPULATE, 0, 0, 0)
        pair = there + pack.munmap(self.mm, AREA, BYTES)
        before = self.cpu_s()
        client.apply(pair * FEW)
        self.whole_s = (self.cpu_s() - before) / FEW * PAIRS
        self.block = pair * PAIRS

    def cpu_s(self) -> float:
        return cpu_s_of(self.pid)


def in_core(instance: str) -> bool:
    with Segment.attach(instance) as segment:
        return any(one.in_core for one in segment.participants())


def mmaps(client: Client) -> int:
    return client.inspect.vmstat()["mmap"]


class Cancelled(Protocol):
    """A call under way, of either kind."""

    def cancel(self) -> object: ...


def unary(stub: MemoryServiceStub, block: bytes) -> grpc.Future[pb.ApplyResponse]:
    return stub.Apply.future(pb.ApplyRequest(block=block), timeout=HANG_S)


def stream(stub: MemoryServiceStub, block: bytes) -> Cancelled:
    answers = stub.Batch(iter([pb.BatchRequest(block=block)]), timeout=HANG_S)
    threading.Thread(target=lambda: list(_quiet(answers)), daemon=True).start()
    return answers


def _quiet(answers: Iterator[object]) -> Iterator[object]:
    try:
        yield from answers
    except grpc.RpcError:
        return


def ends_early(server: EmbeddedServer, long: Long, end: Callable[[], object]) -> None:
    """The call is in the core; it ends soon after `end`."""
    wait_for("the call is in the core", lambda: in_core(server.instance))
    end()
    before = long.cpu_s()
    wait_for("the call has ended", lambda: not in_core(server.instance))
    spent = long.cpu_s() - before
    assert spent < long.whole_s / 4, f"{spent:.2f} s after the end; whole: {long.whole_s:.2f} s"


def answers(client: Client, target: str) -> None:
    """What comes after a cancelled call, in its thread and of its participant, is not cancelled."""
    assert RESULT.unpack(client.apply(pack.nop()))[0] == 0
    with grpc.insecure_channel(target) as channel:
        block = pb.BatchRequest(block=pack.nop())
        (answer,) = MemoryServiceStub(channel).Batch(iter([block]), timeout=HANG_S)
    assert RESULT.unpack(answer.results)[0] == 0


@pytest.mark.parametrize("call", [unary, stream])
def test_a_cancelled_call_ends(
    server: EmbeddedServer, call: Callable[[MemoryServiceStub, bytes], Cancelled]
) -> None:
    with Client(server.target) as client, grpc.insecure_channel(server.target) as channel:
        long = Long(server, client)
        before = mmaps(client)
        under_way = call(MemoryServiceStub(channel), long.block)
        ends_early(server, long, under_way.cancel)
        done = mmaps(client) - before
        assert 0 < done < PAIRS, "what was done is done, and the rest is not"
        answers(client, server.target)
        assert client.inspect.fsck(stop=True) == []


def test_a_connection_that_goes_ends_its_call(server: EmbeddedServer) -> None:
    with Client(server.target) as client:
        long = Long(server, client)
        channel = grpc.insecure_channel(server.target)
        kept = unary(MemoryServiceStub(channel), long.block)  # one that nobody has is cancelled
        ends_early(server, long, channel.close)
        assert kept.done()
        answers(client, server.target)


def test_the_deadline_ends_a_call(server: EmbeddedServer) -> None:
    with Client(server.target) as client, grpc.insecure_channel(server.target) as channel:
        long = Long(server, client)
        before = long.cpu_s()
        with pytest.raises(grpc.RpcError) as late:
            MemoryServiceStub(channel).Apply(pb.ApplyRequest(block=long.block), timeout=SOON_S)
        assert late.value.code() == grpc.StatusCode.DEADLINE_EXCEEDED
        wait_for("the call has ended", lambda: not in_core(server.instance))
        spent = long.cpu_s() - before
        assert spent < long.whole_s / 4, f"{spent:.2f} s; whole: {long.whole_s:.2f} s"


def test_the_deadline_ends_one_record() -> None:
    """Populating passes points at which it ends: it is not the next record that ends it."""
    with (
        EmbeddedServer(workers=1, threads=1, tables_per_mm_max=TABLES) as server,
        Client(server.target) as client,
        grpc.insecure_channel(server.target) as channel,
    ):
        (pid,) = server.worker_pids
        mm = client.address_space(hold=True).mm
        populate = pack.mmap(mm, AREA, ENDLESS, 1, ANON | FIXED | POPULATE, 0, 0, 0)
        before = cpu_s_of(pid)
        client.apply(populate)
        whole_s = cpu_s_of(pid) - before
        client.apply(pack.munmap(mm, AREA, ENDLESS))
        with pytest.raises(grpc.RpcError) as late:
            MemoryServiceStub(channel).Apply(
                pb.ApplyRequest(block=populate), timeout=min(SOON_S, whole_s / 4)
            )
        assert late.value.code() == grpc.StatusCode.DEADLINE_EXCEEDED
        begin = cpu_s_of(pid)
        wait_for("the call has ended", lambda: not in_core(server.instance))
        spent = cpu_s_of(pid) - begin
        assert spent < whole_s / 4, f"{spent:.2f} s after the deadline; whole: {whole_s:.2f} s"
        assert f"{AREA:x}" in client.inspect.maps(mm), "what was done is done"
        answers(client, server.target)


def test_a_call_that_stood_in_line_does_nothing(server: EmbeddedServer) -> None:
    with Client(server.target) as client, grpc.insecure_channel(server.target) as channel:
        long = Long(server, client)
        stub = MemoryServiceStub(channel)
        first = unary(stub, long.block)
        wait_for("the call is in the core", lambda: in_core(server.instance))
        other = pack.mmap(long.mm, 2 * AREA, BYTES, 1, ANON | FIXED, 0, 0, 0)
        with pytest.raises(grpc.RpcError):
            stub.Apply(pb.ApplyRequest(block=other), timeout=SOON_S)
        first.cancel()
        client.apply(pack.nop())  # behind both
        assert f"{2 * AREA:x}" not in client.inspect.maps(long.mm)


def test_a_worker_that_stops_ends_its_calls() -> None:
    with (
        EmbeddedServer(workers=1, threads=1, stop_grace_s=SOON_S) as server,
        Client(server.target) as client,
        grpc.insecure_channel(server.target) as channel,
    ):
        long = Long(server, client)
        kept = unary(MemoryServiceStub(channel), long.block)
        wait_for("the call is in the core", lambda: in_core(server.instance))
        cpu = [long.cpu_s()]
        os.kill(long.pid, signal.SIGTERM)

        def ended() -> bool:
            try:
                cpu.append(long.cpu_s())
            except (FileNotFoundError, ProcessLookupError):
                return True
            return False

        wait_for("the worker has ended", ended)
        assert kept.exception() is not None
        assert cpu[-1] - cpu[0] < long.whole_s / 4, f"{cpu[-1] - cpu[0]:.2f} s of CPU"
