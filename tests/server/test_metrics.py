# SPDX-License-Identifier: Apache-2.0
"""Goal: what a scrape says is what happened, and counters never fall.

Method: a server, calls, a worker that is killed; sums of waits from rows written by hand.
Failure: the samples.
"""

import os
import signal
import threading
import urllib.request
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import grpc
import pytest
from prometheus_client import CollectorRegistry, Histogram
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.parser import text_string_to_metric_families

from servers import kill_worker, wait_for
from vmalab_cli.sources import opened
from vmalab_client import Client
from vmalab_native.events import Waits
from vmalab_native.records import ParticipantInfo
from vmalab_native.waiting import process_state
from vmalab_server import roster
from vmalab_server.call_times import BUCKETS_S, LABELS, NAME, TEXT, CallTimes
from vmalab_server.embedded import EmbeddedServer
from vmalab_server.lock_waits import LockWaits

Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]
CALLS = "vmalab_rpc_duration_seconds_count"


def scrape(server: EmbeddedServer) -> Samples:
    with urllib.request.urlopen(f"http://{server.metrics_address}/metrics") as answer:
        families = list(text_string_to_metric_families(answer.read().decode()))
    return {
        (one.name, frozenset(one.labels.items())): one.value
        for family in families
        for one in family.samples
    }


def value(samples: Samples, name: str, **labels: str) -> float:
    return samples.get((name, frozenset(labels.items())), 0.0)


def mmaps(samples: Samples) -> float:
    return value(samples, CALLS, service="MemoryService", method="Mmap", code="OK")


def test_calls_are_counted_also_over_a_death() -> None:
    with EmbeddedServer(workers=1, metrics_listen="127.0.0.1:0") as server:
        folder = roster.call_times_of(server.instance)
        with Client(server.target) as client, client.address_space() as mm:
            for _ in range(10):
                mm.mmap(4096)
        before = scrape(server)
        assert mmaps(before) == 10
        bucket = {"service": "MemoryService", "method": "Mmap", "code": "OK", "le": "+Inf"}
        assert value(before, "vmalab_rpc_duration_seconds_bucket", **bucket) == 10
        assert value(before, "vmalab_worker_up", worker="0") == 1
        kill_worker(server.instance, 0)
        with Client(server.target) as client, client.address_space() as mm:
            mm.mmap(4096)
        after = scrape(server)
        assert mmaps(after) == 11
        assert value(after, "vmalab_recovered_participants_total") > 0
        assert value(after, "vmalab_recovery_duration_seconds_count") > 0
        fell = {
            key: (then, after.get(key))
            for key, then in before.items()
            if key[0].endswith(("_total", "_count", "_sum", "_bucket")) and after.get(key, 0) < then
        }
        assert fell == {}
        assert os.listdir(folder) == ["histogram_0.db"], "the next process goes on with the file"
    assert not folder.exists()


def never_sent(ended: threading.Event) -> Iterator[bytes]:
    ended.wait()
    yield from ()


def test_a_call_that_is_cancelled_before_it_has_sent_is_no_fault_of_the_service() -> None:
    ended = threading.Event()
    with EmbeddedServer(workers=1, metrics_listen="127.0.0.1:0") as server:
        with grpc.insecure_channel(server.target) as channel:
            method: grpc.StreamUnaryMultiCallable[bytes, bytes]
            method = channel.stream_unary("/vmalab.v1.MemoryService/Apply")
            calls = [method.future(never_sent(ended)) for _ in range(8)]
            with Client(server.target, discover=False) as client:
                client.inspect.server_info()  # by now the others have come
            for call in calls:
                call.cancel()

        def ended_with() -> Counter[str]:
            ended_calls: Counter[str] = Counter()
            for (name, labels), count in scrape(server).items():
                if name == CALLS and ("method", "Apply") in labels:
                    ended_calls[dict(labels)["code"]] += int(count)
            return ended_calls

        wait_for("all have ended", lambda: ended_with().total() == len(calls))
        ended.set()
        # The end of the requests may be seen before the cancellation: then no message has come.
        assert ended_with().keys() <= {"CANCELLED", "INVALID_ARGUMENT"}


def test_a_stopped_worker_is_named() -> None:
    """An idle worker that is stopped holds nobody up, and serves nobody: ps and the metrics say so,
    the other one by the server's answer too."""
    with EmbeddedServer(workers=2, metrics_listen="127.0.0.1:0") as server:
        pids = server.worker_pids

        def states(*, instance: str = "", target: str = "") -> list[str]:
            with opened(instance=instance, target=target) as source:
                return [worker["state"] for worker in source.summary()["workers"]]

        def up() -> list[float]:
            now = scrape(server)
            return [value(now, "vmalab_worker_up", worker=index) for index in "01"]

        assert states(instance=server.instance) == ["ready", "ready"]
        assert up() == [1, 1]
        os.kill(pids[0], signal.SIGSTOP)
        try:
            wait_for("it stands", lambda: process_state(pids[0]) == "stopped")
            assert states(instance=server.instance) == ["stopped", "ready"]
            assert states(target=server.worker_targets[1]) == ["stopped", "ready"]
            assert up() == [0, 1]
        finally:
            os.kill(pids[0], signal.SIGCONT)
        wait_for("it goes on", lambda: up() == [1, 1])


def test_times_are_those_of_a_histogram(tmp_path: Path) -> None:
    """Of prometheus_client's own, also at a bound, in a file that grows, and after a restart."""
    registry, wanted = CollectorRegistry(), CollectorRegistry()
    plain = Histogram(NAME, TEXT, LABELS, buckets=BUCKETS_S, registry=wanted)
    seconds = [bound + more for bound in (0.0, *BUCKETS_S) for more in (0.0, 1e-6)]
    for _ in range(2):
        with closing(CallTimes(tmp_path, 3)) as times:
            for method in range(40):
                for one in seconds:
                    times.add(f"/vmalab.v1.MemoryService/M{method}", "OK", one * (method + 1))
                    plain.labels("MemoryService", f"M{method}", "OK").observe(one * (method + 1))
    MultiProcessCollector(registry, str(tmp_path))  # type: ignore[no-untyped-call]

    def samples(of: CollectorRegistry) -> Samples:
        return {
            (one.name, frozenset(one.labels.items())): one.value
            for metric in of.collect() for one in metric.samples
            if not one.name.endswith("_created")
        }  # fmt: skip

    assert samples(registry) == pytest.approx(samples(wanted))
    assert os.listdir(tmp_path) == ["histogram_3.db"]


def test_no_folder_without_metrics(vmalab_server: EmbeddedServer) -> None:
    assert not roster.call_times_of(vmalab_server.instance).exists()


def test_what_a_killed_server_left_is_removed(tmp_path: Path) -> None:
    with EmbeddedServer(workers=1, metrics_listen="127.0.0.1:0") as server:
        folder = roster.call_times_of(server.instance)
        os.kill(server.pid, 9)
        server.stop()
        assert folder.exists()
        roster.clean()
        assert not folder.exists()


def info(index: int, pid: int) -> ParticipantInfo:
    return ParticipantInfo(
        index=index, pid=pid, tid=pid, start_time=1, pid_namespace=0, alive=True, role="client",
        comm="c", in_core=False, blocked=False, rcu_active=False, leases=0, op=0,
    )  # fmt: skip


def test_waits_are_added_up() -> None:
    """Over participants that come and go, and a slot that has a new one with the same pid."""
    waits = LockWaits()
    one, two = info(1, 11), info(2, 12)
    waits.update([one], lambda slot: {"vm_lock W": Waits(3, 300, 200)})
    waits.update(
        [one, two],
        lambda slot: {"vm_lock W": Waits(4, 350, 200) if slot == 1 else Waits(1, 7, 7)},
    )
    waits.update([two], lambda slot: {"vm_lock W": Waits(1, 7, 7)})
    total = waits.of["vm_lock W"]
    assert (total.waits, total.ns, total.longest_ns) == (5, 357, 200)
    waits.update([two], lambda slot: {})
    waits.update([two], lambda slot: {"vm_lock W": Waits(1, 1000, 1000)})
    assert (total.waits, total.ns, total.longest_ns) == (6, 1357, 1000)
