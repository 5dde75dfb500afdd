# SPDX-License-Identifier: Apache-2.0
"""Blocks of a load generator: each record when it is due, the times in histograms that C fills.

load.h says what a histogram is. The arrays belong to the caller (numpy's, in the load generator),
because a package without numpy holds this module.
"""

from __future__ import annotations

from typing import Final

from vmalab.ops import RESULT_BYTES
from vmalab_native._core import ffi, lib
from vmalab_native.cdata import CArray, CStruct
from vmalab_native.core import Participant
from vmalab_native.errors import InvalidArgument, error_of

COUNTS: Final[int] = lib.LOAD_COUNTS
"""Of one histogram."""
OPS: Final[int] = lib.OPS_COUNT
"""Histograms, one after the other: so many operation numbers there are."""
NS_MAX: Final[int] = lib.LOAD_NS_MAX
"""What is longer counts as this."""
PARTS: Final = ("timed", "ns", "waited", "wait_ns", "mmap_locked", "mmap_locked_ns")
"""The sums of struct vl_load_parts, each a u64."""
COST_TURNS: Final = 200


def index_of(ns: int) -> int:
    """Where a histogram counts a time."""
    return int(lib.vl_load_index(ns))


class LoadTimes:
    """The histograms of one participant, and which faults are timed.

    Args:
        raw: the times from the begin of an operation: a writable buffer of u64, COUNTS for each
            operation number, on 8 bytes.
        corrected: the times from when it was due; None: they are not wanted.
        every: of the faults that come at once one in so many is timed, and counts as so many; 0:
            nothing is. All other operations are timed.
        parts: where the time of those that are timed went: a writable buffer, PARTS for each
            operation number; None: that is not looked at.
    """

    def __init__(
        self,
        raw: memoryview,
        corrected: memoryview | None,
        *,
        every: int,
        parts: memoryview | None = None,
    ) -> None:
        for one in (raw, corrected):
            if one is not None and one.nbytes != 8 * COUNTS * OPS:
                raise InvalidArgument(f"histograms of {one.nbytes} bytes")
        if parts is not None and parts.nbytes != 8 * len(PARTS) * OPS:
            raise InvalidArgument(f"parts of {parts.nbytes} bytes")
        self._times: CStruct = ffi.new("struct vl_load_times *")
        self._raw: CArray = ffi.from_buffer("u64[]", raw, require_writable=True)
        self._times.raw = self._raw
        self._corrected: CArray = ffi.NULL
        if corrected is not None:
            self._corrected = ffi.from_buffer("u64[]", corrected, require_writable=True)
        self._times.corrected = self._corrected
        self._times.every = every
        self._parts: CArray = ffi.NULL
        if parts is not None:
            self._parts = ffi.from_buffer("struct vl_load_parts[]", parts, require_writable=True)
        self._times.parts = self._parts
        self._results: CArray = ffi.new("u64[]", 2)
        self._room = 1

    @property
    def idle_ns(self) -> int:
        """Waited until now for records to be due."""
        return int(self._times.idle_ns)

    def cost_ns(self, participant: Participant) -> int:
        """What it costs to time one operation."""
        return int(lib.vl_load_cost(participant._open(), self._times, COST_TURNS))

    def run(self, participant: Participant, block: bytes, due_ns: memoryview | None) -> bytes:
        """As Participant.run().

        Args:
            due_ns: u64 of each record: the time of CLOCK_MONOTONIC at which it begins, if it can.
                None: all begin at once; what is due then is what begins.

        Raises:
            BadBlock, InvalidArgument (fewer times than records).
        """
        times, size = self._times, len(block)
        if self._room < size // 8:
            self._room = size // 8
            self._results = ffi.new("u64[]", 2 * self._room)
        times.due = ffi.NULL
        due: CArray = None
        if due_ns is not None:
            due = ffi.from_buffer("u64[]", due_ns)
            times.due, times.due_count = due, len(due)
        count = lib.vl_load_run(participant._open(), block, size, self._results, size // 8, times)
        if count < 0:
            raise error_of(count, f"a block of {size} bytes", errno=ffi.errno)
        return bytes(ffi.buffer(self._results, count * RESULT_BYTES))
