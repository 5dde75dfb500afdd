# SPDX-License-Identifier: Apache-2.0
"""Keeps the times of one caller's operations, and gives them out interval by interval."""

from __future__ import annotations

from collections import Counter

import numpy as np
import numpy.typing as npt

from vmalab_loadgen import call_parts, kinds
from vmalab_loadgen.blocks import Tally
from vmalab_loadgen.histogram import COUNTS, Counts, Sparse, Times, index_of
from vmalab_loadgen.parts import SUMS, Part

Kinds = npt.NDArray[np.int64]


class Recorder:
    """Histograms for each kind of operation; C fills those of records too."""

    def __init__(self, caller: int, tally: Tally, *, open_loop: bool) -> None:
        self.caller = caller
        self.tally = tally
        size = (kinds.COUNT, COUNTS)
        self.raw: Counts = np.zeros(size, np.uint64)  # its pages come when touched
        self.corrected: Counts | None = np.zeros(size, np.uint64) if open_loop else None
        self.parts: Counts = np.zeros((kinds.OPS, len(SUMS)), np.uint64)
        """Filled by C alone."""
        self._calls: dict[str, Counter[str]] = {}
        self._ops: Counter[str] = Counter()
        self._errnos: Counter[str] = Counter()
        self._wrong = 0

    def record(self, rows: Kinds, raw_ns: Times, corrected_ns: Times) -> None:
        """One time for each operation."""
        self._add(self.raw, rows, raw_ns)
        if self.corrected is not None:
            self._add(self.corrected, rows, corrected_ns)

    def record_block(self, rows: Kinds, raw_ns: int, corrected_ns: int) -> None:
        """Each operation of a block has the time of the block."""
        every = np.bincount(rows)  # what np.unique() finds by sorting
        numbers = np.flatnonzero(every)
        times = every[numbers]
        ones = np.ones(1, np.int64)
        self.raw[numbers, index_of(ones * raw_ns)] += times.astype(np.uint64)
        if self.corrected is not None:
            self.corrected[numbers, index_of(ones * corrected_ns)] += times.astype(np.uint64)

    def record_call(self, kind: str, sums: tuple[int, ...]) -> None:
        """Where the time of one call or block went: call_parts.SUMS."""
        self._calls.setdefault(kind, Counter()).update(
            dict(zip(call_parts.SUMS, sums, strict=True))
        )

    @staticmethod
    def _add(counts: Counts, rows: Kinds, nanoseconds: Times) -> None:
        np.add.at(counts, (rows, index_of(nanoseconds)), np.uint64(1))

    def drop(self) -> None:
        """Forget what was until now: the warm-up. Wrong answers count all the same."""
        self._ops, self._errnos = self.tally.ops.copy(), self.tally.errnos.copy()
        self.parts[:] = 0
        self._calls = {}
        for kind in self._used():
            Sparse.take(self.raw[kind])
            if self.corrected is not None:
                Sparse.take(self.corrected[kind])

    def _used(self) -> list[int]:
        return [kinds.number_of(name) for name in self.tally.ops]

    def take(self, interval: int) -> Part:
        """What was done since the last time."""
        tally = self.tally
        part = Part(
            caller=self.caller,
            interval=interval,
            ops=tally.ops - self._ops,
            errnos=tally.errnos - self._errnos,
            wrong=tally.wrong - self._wrong,
            raw=self._taken(self.raw),
            corrected={} if self.corrected is None else self._taken(self.corrected),
            sums=self._sums(),
            calls={
                kind: tuple(one[name] for name in call_parts.SUMS)
                for kind, one in self._calls.items()
            },
        )
        self._calls = {}
        self._ops, self._errnos = tally.ops.copy(), tally.errnos.copy()
        self._wrong = tally.wrong
        return part

    def _sums(self) -> dict[str, tuple[int, ...]]:
        timed = np.flatnonzero(self.parts[:, 0]).tolist()
        sums = {kinds.name_of(kind): tuple(self.parts[kind].tolist()) for kind in timed}
        self.parts[:] = 0
        return sums

    def _taken(self, counts: Counts) -> dict[str, Sparse]:
        taken = {kinds.name_of(kind): Sparse.take(counts[kind]) for kind in self._used()}
        return {name: one for name, one in taken.items() if len(one.index)}
