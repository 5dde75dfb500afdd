# SPDX-License-Identifier: Apache-2.0
"""How long the calls of a worker take: a histogram by method and status.

A worker counts in a file of its own in a folder of the instance (the multiprocess mode of
prometheus_client), and the supervisor adds the files up at a scrape. The file has the number of the
worker, not its pid: the next process of that worker goes on with it, so that counters never fall
and files do not pile up.

The file is prometheus_client's. Its histogram takes two locks and six calls for one time: three
times as long as to add to the two numbers that change, which is done here.
"""

from __future__ import annotations

import threading
from bisect import bisect_left
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from prometheus_client.mmap_dict import MmapedDict, mmap_key
from prometheus_client.utils import floatToGoString

BUCKETS_S: Final = (
    0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0,
)  # fmt: skip
NAME: Final = "vmalab_rpc_duration_seconds"
TEXT: Final = "Time from the arrival of a call to its answer"
LABELS: Final = ("service", "method", "code")


@dataclass(frozen=True, slots=True)
class _Counts:
    """Where the numbers of one method and status are.

    Attributes:
        words: the file, as numbers of 8 bytes.
        total: which of them is the sum of the times.
        buckets: which are the counts, of the bounds and then of what is beyond them.
    """

    words: memoryview[float]
    total: int
    buckets: tuple[int, ...]


class CallTimes:
    """The histogram of one worker. One for each process."""

    def __init__(self, folder: Path, worker: int) -> None:
        """
        Args:
            folder: of the instance; it is there.
            worker: number of the worker.
        """
        self._file = MmapedDict(str(folder / f"histogram_{worker}.db"))  # type: ignore[no-untyped-call]
        self._lock = threading.Lock()
        self._known: dict[tuple[str, str], _Counts] = {}

    def add(self, name: str, code: str, seconds: float) -> None:
        """One call has ended.

        Args:
            name: of the method: "/vmalab.v1.MemoryService/Mmap".
            code: of its gRPC status: "OK".
        """
        counts = self._known.get((name, code))
        if counts is None:
            counts = self._learn(name, code)
        words, bucket = counts.words, counts.buckets[bisect_left(BUCKETS_S, seconds)]
        with self._lock:
            words[counts.total] += seconds
            words[bucket] += 1.0

    def _learn(self, name: str, code: str) -> _Counts:
        service, _, method = name[1:].rpartition("/")
        values = [service.rpartition(".")[2], method, code]
        bounds = [floatToGoString(one) for one in (*BUCKETS_S, float("inf"))]  # type: ignore[no-untyped-call]
        with self._lock:
            if (name, code) not in self._known:
                total = self._place(f"{NAME}_sum", LABELS, values)
                names = (*LABELS, "le")
                buckets = [self._place(f"{NAME}_bucket", names, [*values, one]) for one in bounds]
                # A file that grows is mapped anew. The mapping before shows the same file.
                words = memoryview(self._file._m).cast("d")
                self._known[name, code] = _Counts(words, total, tuple(buckets))
            return self._known[name, code]

    def close(self) -> None:
        """Give the file back. No call may end after that."""
        for counts in self._known.values():
            counts.words.release()
        self._known.clear()
        self._file.close()  # type: ignore[no-untyped-call]

    def _place(self, name: str, labels: tuple[str, ...], values: list[str]) -> int:
        """Which number of the file that value is. With the lock."""
        key = mmap_key(NAME, name, [*labels], values, TEXT)
        self._file.read_value(key)  # type: ignore[no-untyped-call]
        position: int = self._file._positions[key]
        return position // 8
