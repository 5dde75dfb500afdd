# SPDX-License-Identifier: Apache-2.0
"""How long the calls of a worker take: a histogram by method and status.

A worker counts in a file of its own in a folder of the instance (the multiprocess mode of
prometheus_client), and the supervisor adds the files up at a scrape. The file has the number of the
worker, not its pid: the next process of that worker goes on with it, so that counters never fall
and files do not pile up.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from prometheus_client import Histogram

BUCKETS_S: Final = (
    0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0,
)  # fmt: skip
NAME: Final = "vmalab_rpc_duration_seconds"
_FOLDER: Final = "PROMETHEUS_MULTIPROC_DIR"


class CallTimes:
    """The histogram of one worker. One for each process, made before any other metric."""

    def __init__(self, folder: Path, worker: int) -> None:
        """
        Args:
            folder: of the instance; it is there.
            worker: number of the worker.
        """
        from prometheus_client import CollectorRegistry, Histogram, values

        os.environ[_FOLDER] = str(folder)
        values.ValueClass = values.MultiProcessValue(lambda: worker)  # type: ignore[no-untyped-call]
        self._histogram: Histogram = Histogram(
            NAME,
            "Time from the arrival of a call to its answer",
            ["service", "method", "code"],
            buckets=BUCKETS_S,
            registry=CollectorRegistry(),
        )
        self._known: dict[tuple[str, str], Callable[[float], None]] = {}

    def add(self, name: str, code: str, seconds: float) -> None:
        """One call has ended.

        Args:
            name: of the method: "/vmalab.v1.MemoryService/Mmap".
            code: of its gRPC status: "OK".
        """
        observe = self._known.get((name, code))
        if observe is None:
            service, _, method = name[1:].rpartition("/")
            observe = self._histogram.labels(service.rpartition(".")[2], method, code).observe
            self._known[name, code] = observe
        observe(seconds)
