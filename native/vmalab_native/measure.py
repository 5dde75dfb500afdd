# SPDX-License-Identifier: Apache-2.0
"""Loops of faults that C runs and times. Used by core.py alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from vmalab_native._core import ffi, lib
from vmalab_native.cdata import ParticipantHandle
from vmalab_native.checks import U64_MAX, bounded, u64
from vmalab_native.convert import checked, record
from vmalab_native.errors import InvalidArgument
from vmalab_native.records import BenchResult, Loop, LoopResult

_LOOPS: Final[dict[str, int]] = {
    "walk": lib.BENCH_LOOP_WALK,
    "lock": lib.BENCH_LOOP_LOCK,
    "fault": lib.BENCH_LOOP_FAULT,
    "write": lib.BENCH_LOOP_WRITE,
}


def faults(
    handle: ParticipantHandle, mm: int, addrs: Sequence[int], iterations: int, rounds: int
) -> BenchResult:
    """Participant.bench_fault, of its handle."""
    if not addrs:
        raise InvalidArgument("addrs is empty")
    out = ffi.new("struct vl_bench_result *")
    code = lib.vl_bench_fault(
        handle,
        u64("mm", mm),
        ffi.new("u64[]", list(addrs)),
        len(addrs),
        bounded("iterations", iterations, 1, U64_MAX),
        bounded("rounds", rounds, 1, 1000),
        out,
    )
    checked(code, f"bench_fault of mm {mm}")
    return BenchResult(
        iterations=out.iterations,
        fault_ns=out.fault_ns_x1000 / 1000,
        rmw_ns=out.rmw_ns_x1000 / 1000,
        vma_lock_success=out.vma_lock_success,
    )


def loop(
    handle: ParticipantHandle, name: Loop, mm: int, addrs: Sequence[int], seconds: float
) -> LoopResult:
    """Participant.bench_loop, of its handle."""
    if name not in _LOOPS or not addrs:
        raise InvalidArgument(f"loop = {name!r}, {len(addrs)} addresses")
    out = ffi.new("struct vl_bench_loop_result *")
    code = lib.vl_bench_loop(
        handle,
        _LOOPS[name],
        u64("mm", mm),
        ffi.new("u64[]", list(addrs)),
        len(addrs),
        bounded("seconds in ns", int(seconds * 1e9), 0, 3600 * 10**9),
        out,
    )
    checked(code, f"loop {name} on mm {mm}")
    return record(LoopResult, out)
