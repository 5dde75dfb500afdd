# SPDX-License-Identifier: Apache-2.0
"""What a fault under the VMA lock costs, in units of one uncontended locked add.

Both are timed by the native core in one loop on one CPU in turn, so that the ratio does not depend
on the machine's clock or on its neighbours.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any, Final

from vmalab_client.block import BlockBuilder
from vmalab_client.flags import Map

PAGE: Final = 4096
STRIDE: Final = 4 * PAGE
BASE: Final = 0x1000_0000_0000
RATIO_LIMIT: Final = 12.0


@dataclass(frozen=True, slots=True)
class FaultBench:
    vmas: tuple[int, ...] = (1, 100, 1000, 10000)
    iterations: int = 2_000_000
    rounds: int = 9

    @staticmethod
    def quick() -> FaultBench:
        return FaultBench(vmas=(1, 1000), iterations=200_000, rounds=5)


def _space(participant: Any, vmas: int) -> tuple[int, list[int]]:
    """An address space of so many VMAs with one present page in each."""
    mm = participant.mm_create()
    addrs = [BASE + index * STRIDE for index in range(vmas)]
    for start in range(0, vmas, 1000):
        block = BlockBuilder()
        for addr in addrs[start : start + 1000]:
            block.mmap(mm, addr=addr, length=PAGE, flags=Map.PRIVATE | Map.ANONYMOUS | Map.FIXED)
            block.fault(mm, addr, access=1, word=addr)
        participant.run(block.bytes())
    return mm, addrs


def run(config: FaultBench) -> dict[str, Any]:
    """Measure for each number of VMAs; the headline is that of 1,000."""
    from vmalab_native import core

    name = f"bench-{os.getpid()}-{os.urandom(2).hex()}"
    segment = core.Segment.create(name)
    rows: list[dict[str, Any]] = []
    try:
        with segment.participant("client") as participant:
            for vmas in config.vmas:
                mm, addrs = _space(participant, vmas)
                rows += [
                    _measure(participant, mm, vmas, order, config)
                    for order in _orders(addrs).items()
                ]
                block = BlockBuilder()
                block.exit(mm)
                participant.run(block.bytes())
    finally:
        segment.close()
        segment.unlink()
    wanted = 1000 if 1000 in config.vmas else config.vmas[-1]
    headline = {row["order"]: row for row in rows if row["vmas"] == wanted}
    plain = headline["ascending"]
    scattered = headline.get("scattered", plain)
    return {
        "bench": "fault",
        "vmas": wanted,
        "fault_ns": plain["fault_ns"],
        "rmw_ns": plain["rmw_ns"],
        "ratio": plain["ratio"],
        "ratio_limit": RATIO_LIMIT,
        "fault_scattered_ns": scattered["fault_ns"],
        "ratio_scattered": scattered["ratio"],
        "iterations": config.iterations,
        "rounds": config.rounds,
        "rows": rows,
    }


def _orders(addrs: list[int]) -> dict[str, list[int]]:
    """The order in which the VMAs are faulted on.

    Ascending lets the caches and the prefetcher help, as a program that walks its memory does;
    scattered (a fixed stride without a factor in common with the count) does not.
    """
    count = len(addrs)
    if count < 2:
        return {"ascending": addrs}
    stride = next(one for one in (617, 613, 619, 631) if count % one)
    scattered = [addrs[index * stride % count] for index in range(count)]
    return {"ascending": addrs, "scattered": scattered}


def _measure(
    participant: Any, mm: int, vmas: int, order: tuple[str, list[int]], config: FaultBench
) -> dict[str, Any]:
    got = participant.bench_fault(mm, order[1], config.iterations, rounds=config.rounds)
    return {
        "vmas": vmas,
        "order": order[0],
        "fault_ns": round(got.fault_ns, 2),
        "rmw_ns": round(got.rmw_ns, 3),
        "ratio": round(got.ratio, 3),
        "under_vma_lock": got.vma_lock_success,
    }
