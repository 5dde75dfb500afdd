# SPDX-License-Identifier: Apache-2.0
"""The Prometheus endpoint: the segment's own counters, read when somebody asks.

It runs in a thread of the supervisor and costs the workers nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from prometheus_client import CollectorRegistry, start_http_server
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from vmalab_native.core import Segment
from vmalab_server.config import join_address
from vmalab_server.roster import WorkerEntry


class SegmentCollector(Collector):
    """vmstat, slabinfo and the workers as metrics."""

    def __init__(self, segment: Segment, workers: Callable[[], tuple[WorkerEntry, ...]]) -> None:
        self._segment = segment
        self._workers = workers

    def describe(self) -> Iterable[Metric]:
        return []

    def collect(self) -> Iterator[Metric]:
        if self._segment.closed:
            return
        stat = CounterMetricFamily(
            "vmalab_vmstat", "Counters of /proc/vmstat's kind", labels=["name"]
        )
        for name, value in self._segment.vmstat().items():
            stat.add_metric([name], value)
        yield stat
        active = GaugeMetricFamily("vmalab_slab_active_objects", "In use", labels=["cache"])
        total = GaugeMetricFamily("vmalab_slab_objects", "In slab pages", labels=["cache"])
        reuses = CounterMetricFamily("vmalab_slab_reuses", "Handed out again", labels=["cache"])
        for cache in self._segment.slabinfo():
            active.add_metric([cache.name], cache.active_objs)
            total.add_metric([cache.name], cache.num_objs)
            reuses.add_metric([cache.name], cache.reuses)
        yield from (active, total, reuses)
        up = GaugeMetricFamily("vmalab_worker_up", "1 while it serves", labels=["worker"])
        restarts = CounterMetricFamily("vmalab_worker_restarts", "Restarts", labels=["worker"])
        for worker in self._workers():
            up.add_metric([str(worker.index)], float(worker.state == "ready"))
            restarts.add_metric([str(worker.index)], worker.restarts)
        yield from (up, restarts)
        yield GaugeMetricFamily(
            "vmalab_participants", "Threads in the segment", len(self._segment.participants())
        )


class MetricsServer:
    """An HTTP server for one registry. close() ends it."""

    def __init__(
        self,
        host: str,
        port: int,
        *,
        segment: Segment,
        workers: Callable[[], tuple[WorkerEntry, ...]],
    ) -> None:
        """Listen. Raises OSError."""
        registry = CollectorRegistry()
        registry.register(SegmentCollector(segment, workers))
        self._server, self._thread = start_http_server(port, host, registry=registry)
        self.address = join_address(host, self._server.server_port)

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
