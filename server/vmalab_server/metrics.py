# SPDX-License-Identifier: Apache-2.0
"""The Prometheus endpoint: the segment's own counters, read when somebody asks.

It runs in a thread of the supervisor. What the segment does not know, the times of calls, the
workers count in files of a folder (`call_times.py`), which are read here too. Names follow
Prometheus' conventions: base units, `_total` for what only grows (docs/looking-inside.md has them).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from prometheus_client import CollectorRegistry, start_http_server
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    InfoMetricFamily,
    Metric,
    SummaryMetricFamily,
)
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from vmalab_native.core import Segment
from vmalab_native.view import SegmentView
from vmalab_server import version
from vmalab_server.config import join_address
from vmalab_server.hung import HungTasks
from vmalab_server.lock_waits import LockWaits
from vmalab_server.recoveries import Recoveries
from vmalab_server.roster import WorkerEntry, serving

_RESOURCES = ("frames", "tables", "vmas", "files", "mms")


@dataclass(frozen=True, slots=True)
class Sources:
    """What is read at a scrape.

    Attributes:
        segment, view: of the instance.
        workers: as the supervisor sees them.
        hung: who holds others up.
        lock_waits: what was waited for so far.
        recoveries: what the supervisor has repaired.
        call_times: the folder in which the workers count calls.
    """

    segment: Segment
    view: SegmentView
    workers: Callable[[], tuple[WorkerEntry, ...]]
    hung: HungTasks
    lock_waits: LockWaits
    recoveries: Recoveries
    call_times: Path


def _counter(name: str, text: str, value: float) -> CounterMetricFamily:
    return CounterMetricFamily(f"vmalab_{name}", text, value)


def _gauge(name: str, text: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"vmalab_{name}", text, value)


class SegmentCollector(Collector):
    """The instance as metrics: segment, workers, waits, recoveries, accounts."""

    def __init__(self, sources: Sources) -> None:
        self._sources = sources
        self._segment = sources.segment

    def describe(self) -> Iterable[Metric]:
        return []

    def collect(self) -> Iterator[Metric]:
        if self._segment.closed:
            return
        yield from self._instance()
        yield from self._slabs()
        yield from self._workers()
        yield from self._participants()
        yield from self._accounts()
        yield from self._waits()
        yield from self._recoveries()

    def _instance(self) -> Iterator[Metric]:
        info = self._segment.info()
        about = {
            "instance_name": info.name, "version": version(), "lock_model": info.model,
            "layout": info.layout, "rcu_flavour": info.rcu_flavour, "state": info.state,
        }  # fmt: skip
        yield InfoMetricFamily("vmalab_instance", "What is served", about)
        made_s = info.created_ns / 1e9
        yield _gauge("segment_created_timestamp_seconds", "When the segment was made", made_s)
        stat = CounterMetricFamily(
            "vmalab_vmstat", "Counters of /proc/vmstat's kind", labels=["name"]
        )
        for name, value in self._segment.vmstat().items():
            stat.add_metric([name], value)
        yield stat
        yield _gauge("address_spaces", "Address spaces", self._sources.view.mm_count())
        most = info.config.mms_max
        yield _gauge("address_spaces_max", "Address spaces that there can be", most)
        yield _gauge("segment_bytes", "Size of the segment", info.config.size_bytes)
        yield _gauge("pages_max", "Pages for slabs and page tables", info.pages_total)
        yield _gauge("pages_populated", "Pages that have memory", info.pages_populated)
        yield _gauge("pages_free", "Pages that have memory and are free", info.pages_free)
        yield _gauge("frames_max", "Page frames that there can be", info.frames_total)
        yield _gauge("frames_in_use", "Page frames in use", info.frames_in_use)
        yield _counter("rcu_stalls", "Grace periods reported as stalled", info.rcu_stalls)
        yield _counter("world_stops", "Standstills of all participants", info.world_stops)

    def _slabs(self) -> Iterator[Metric]:
        active = GaugeMetricFamily("vmalab_slab_active_objects", "In use", labels=["cache"])
        total = GaugeMetricFamily("vmalab_slab_objects", "In slab pages", labels=["cache"])
        allocs = CounterMetricFamily("vmalab_slab_allocations", "Handed out", labels=["cache"])
        frees = CounterMetricFamily("vmalab_slab_frees", "Given back", labels=["cache"])
        reuses = CounterMetricFamily("vmalab_slab_reuses", "Handed out again", labels=["cache"])
        for cache in self._segment.slabinfo():
            active.add_metric([cache.name], cache.active_objs)
            total.add_metric([cache.name], cache.num_objs)
            allocs.add_metric([cache.name], cache.allocs)
            frees.add_metric([cache.name], cache.frees)
            reuses.add_metric([cache.name], cache.reuses)
        yield from (active, total, allocs, frees, reuses)

    def _workers(self) -> Iterator[Metric]:
        up = GaugeMetricFamily("vmalab_worker_up", "1 while it serves", labels=["worker"])
        restarts = CounterMetricFamily("vmalab_worker_restarts", "Restarts", labels=["worker"])
        for worker in self._sources.workers():
            up.add_metric([str(worker.index)], float(serving(worker).state == "ready"))
            restarts.add_metric([str(worker.index)], worker.restarts)
        yield from (up, restarts)

    def _participants(self) -> Iterator[Metric]:
        infos = self._segment.participants()
        by_role = GaugeMetricFamily(
            "vmalab_participants", "Threads in the segment", labels=["role"]
        )
        for role in ("supervisor", "worker", "client", "inspector"):
            by_role.add_metric([role], sum(info.role == role for info in infos))
        yield by_role
        most = self._segment.config.participants_max
        yield _gauge("participants_max", "Threads that there can be in the segment", most)
        inside = sum(info.in_core for info in infos)
        yield _gauge("participants_in_core", "Threads in an operation", inside)
        blocked = sum(info.blocked for info in infos)
        yield _gauge("participants_blocked", "Threads that wait in an operation", blocked)
        readers = sum(info.rcu_active for info in infos)
        yield _gauge("rcu_readers", "Threads in an RCU read section", readers)

    def _accounts(self) -> Iterator[Metric]:
        labels = ["account", "resource"]
        charged = GaugeMetricFamily("vmalab_account_charged", "What it has", labels=labels)
        quota = GaugeMetricFamily("vmalab_account_quota", "What it may have", labels=labels)
        refused = CounterMetricFamily(
            "vmalab_account_refusals", "Requests that a quota has refused", labels=["account"]
        )
        for account in self._segment.accounts():
            for resource in _RESOURCES:
                charged.add_metric([account.name, resource], getattr(account, resource))
                quota.add_metric([account.name, resource], getattr(account, f"{resource}_max"))
            refused.add_metric([account.name], account.refused)
        yield from (charged, quota, refused)

    def _waits(self) -> Iterator[Metric]:
        hung = self._sources.hung
        waited = SummaryMetricFamily(
            "vmalab_lock_wait_seconds", "Waits for locks that are over", labels=["lock"]
        )
        longest = GaugeMetricFamily(
            "vmalab_lock_wait_longest_seconds", "The longest of them", labels=["lock"]
        )
        for lock, total in sorted(self._sources.lock_waits.of.items()):
            waited.add_metric([lock], total.waits, total.ns / 1e9)
            longest.add_metric([lock], total.longest_ns / 1e9)
        yield from (waited, longest)
        yield _gauge(
            "lock_wait_current_longest_seconds",
            "The longest wait for a lock that is under way",
            hung.longest_wait_s,
        )
        yield _counter("hung_incidents", "Incidents of the hung-task detector", hung.begun)
        waiting = GaugeMetricFamily(
            "vmalab_hung_waiting",
            "Threads that one thread holds up for too long",
            labels=["pid", "participant", "comm", "state", "operation", "holds", "chain"],
        )
        since = GaugeMetricFamily(
            "vmalab_hung_operation_seconds",
            "How long the operation of a thread that holds others up has lasted",
            labels=["pid", "participant", "operation"],
        )
        for incident in hung.now:
            names = incident.labels
            waiting.add_metric([names[name] for name in waiting._labelnames], incident.waiters)
            since.add_metric([names[name] for name in since._labelnames], incident.operation_s)
        yield from (waiting, since)

    def _recoveries(self) -> Iterator[Metric]:
        done = self._sources.recoveries
        yield _counter("recovered_participants", "Dead threads cleaned up after", done.dead)
        yield SummaryMetricFamily(
            "vmalab_recovery_duration_seconds", "Recoveries", done.count, done.took_s
        )
        yield SummaryMetricFamily(
            "vmalab_recovery_stopped_seconds",
            "Standstills of recoveries",
            done.count,
            done.stopped_s,
        )
        yield _gauge(
            "recovery_stopped_longest_seconds",
            "The longest standstill of a recovery so far",
            done.stopped_longest_s,
        )


class MetricsServer:
    """An HTTP server for one registry. close() ends it."""

    def __init__(self, host: str, port: int, sources: Sources) -> None:
        """Listen. Raises OSError."""
        registry = CollectorRegistry()
        registry.register(SegmentCollector(sources))
        MultiProcessCollector(registry, str(sources.call_times))  # type: ignore[no-untyped-call]
        self._server, self._thread = start_http_server(port, host, registry=registry)
        self.address = join_address(host, self._server.server_port)

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
