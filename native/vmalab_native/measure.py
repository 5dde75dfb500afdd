# SPDX-License-Identifier: Apache-2.0
"""Loops of faults that C runs and times. Used by core.py alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Self

from vmalab_native._core import ffi, lib
from vmalab_native.cdata import ParticipantHandle
from vmalab_native.checks import U64_MAX, bounded, u64
from vmalab_native.convert import checked, record
from vmalab_native.errors import InvalidArgument
from vmalab_native.handle import Handle
from vmalab_native.records import Alike, BenchResult, Loop, LoopResult, Reuse, ReusePlan, StackVmas

_FREERS: Final[dict[str, int]] = {
    "own": lib.REUSE_OWN,
    "any": lib.REUSE_ANY,
    "handed": lib.REUSE_HANDED,
}
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


def slab(handle: ParticipantHandle, mm: int, depth: int, pairs: int) -> float:
    """ns of an allocation and a free of a VMA.

    Args:
        depth: so many allocations, then as many frees; a divisor of 1024.
        pairs: allocations in all, rounded up to 1024.
    """
    ns = ffi.new("u64 *")
    code = lib.vl_bench_slab(
        handle,
        u64("mm", mm),
        bounded("depth", depth, 1, lib.BENCH_SLAB_DEPTH),
        bounded("pairs", pairs, 1, U64_MAX),
        ns,
    )
    checked(code, f"bench_slab of mm {mm}")
    done = -(-pairs // lib.BENCH_SLAB_DEPTH) * lib.BENCH_SLAB_DEPTH
    return float(ns[0] / done)


def stack(handle: ParticipantHandle, count: int) -> StackVmas:
    """Participant.bench_stack, of its handle."""
    out = ffi.new("struct vl_stack_result *")
    checked(lib.vl_bench_stack(handle, bounded("count", count, 1, 1 << 24), out), "bench_stack")
    return record(StackVmas, out)


def reuse(handle: ParticipantHandle, others: Sequence[ParticipantHandle], plan: ReusePlan) -> Reuse:
    """Participant.bench_reuse, of its handle and those of others."""
    c_plan = ffi.new(
        "struct vl_reuse_plan *",
        {
            "mm": u64("mm", plan.mm),
            "turns": bounded("turns", plan.turns, 1, 1 << 24),
            "seed": u64("seed", plan.seed),
            "pattern": _FREERS[plan.freer],
            "live": bounded("live", plan.live, 1, lib.BENCH_SLAB_DEPTH - 1),
        },
    )
    distances = ffi.new("u32[]", plan.turns)
    out = ffi.new("struct vl_reuse_result *")
    code = lib.vl_bench_reuse(handle, list(others), len(others), c_plan, distances, plan.turns, out)
    checked(code, f"bench_reuse of mm {plan.mm}")
    return Reuse(out.allocs, out.reused, out.by_other, list(distances[0 : out.reused]))


def alike(handle: ParticipantHandle, live: int, turns: int, seed: int) -> Alike:
    """Participant.bench_alike, of its handle."""
    c_plan = ffi.new(
        "struct vl_reuse_plan *",
        {
            "turns": bounded("turns", turns, 1, 1 << 24),
            "seed": u64("seed", seed),
            "live": bounded("live", live, 1, lib.BENCH_SLAB_DEPTH - 1),
        },
    )
    distances = ffi.new("u32[]", turns)
    out = ffi.new("struct vl_alike_result *")
    checked(lib.vl_bench_alike(handle, c_plan, distances, turns, out), "bench_alike")
    found = list(distances[0 : out.reused])
    return Alike(out.allocs, out.reused, out.by_other, out.pages_most, found)


class OfSlabs(Handle[ParticipantHandle]):
    """Measurements of the slab, as a participant makes them."""

    def bench_slab(self, mm: int, depth: int, pairs: int) -> float:
        """ns of an allocation and a free of a VMA: slab()."""
        return slab(self._open(), mm, depth, pairs)

    def bench_stack(self, count: int) -> StackVmas:
        return stack(self._open(), count)

    def bench_reuse(self, others: Sequence[Self], plan: ReusePlan) -> Reuse:
        """Which VMAs come again, with one to seven others of this thread: reuse()."""
        return reuse(self._open(), [one._open() for one in others], plan)

    def bench_alike(self, live: int, turns: int, seed: int) -> Alike:
        """Which objects come again, of two caches that share slabs or not: alike().

        Args:
            live: objects in use, 1..1023.
            turns: allocations, of one cache and of the other in eight phases.
            seed: of what is freed.
        """
        return alike(self._open(), live, turns, seed)
