# SPDX-License-Identifier: Apache-2.0
"""What one operation costs by itself: on one virtual CPU, which no noise can touch.

One CPU does the same turn of operations over and over, in an address space with some other VMAs.
The figures are the same each time for the same core and compiler.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Final

from vmalab.uapi import Access, Madv, Mremap, Prot
from vmalab_client.block import BlockBuilder
from vmalab_native.virtual import Step
from vmalab_scale.machine import Machine
from vmalab_scale.run import cell
from vmalab_scale.work import (
    APART,
    BASE,
    FIXED,
    PAGE,
    READ_WRITE,
    Place,
    ScaleError,
    Work,
    Workload,
)

PAGES: Final = 8
MOVES: Final = Mremap.MAYMOVE | Mremap.FIXED
OTHERS: Final = 100
"""VMAs of the address space that nothing is done with."""
FAST: Final = "fault, a page that is there"
"""The fast path: of it one access more counts, however little that is in percent."""
COUNTS: Final = ("instructions", "accesses", "lines", "locked", "fences", "misses", "cold", "ns")
"""What is reported of an operation: cold is what the very first one missed."""


@dataclass(frozen=True)
class Cost:
    """Of one operation, on average: COUNTS."""

    instructions: float
    accesses: float
    lines: float
    locked: float
    fences: float
    misses: float
    cold: float
    ns: float


def _turn(mm: int) -> list[Step]:
    """The operations, each with the name that it is reported under."""
    at, to, length = BASE, BASE + APART, PAGES * PAGE
    turn: list[tuple[BlockBuilder, str]] = []

    def add(name: str) -> BlockBuilder:
        block = BlockBuilder()
        turn.append((block, name))
        return block

    add("mmap").mmap(mm, addr=at, length=length, prot=READ_WRITE, flags=FIXED)
    add("fault, a fresh page").fault(mm, at, access=Access.WRITE, word=1)
    add("fault, the zero page").fault(mm, at + PAGE)
    for _ in range(4):
        add(FAST).fault(mm, at)
    add("mprotect, splits").mprotect(mm, at + 2 * PAGE, PAGE, Prot.READ)
    add("mprotect, merges").mprotect(mm, at + 2 * PAGE, PAGE, READ_WRITE)
    add("madvise, drops a page").madvise(mm, at, PAGE, Madv.DONTNEED)
    add("mremap, moves").mremap(mm, at, length, length, flags=MOVES, new_addr=to)
    add("munmap").munmap(mm, to, length)
    return [Step(bytes(block), name) for block, name in turn]


def _work(place: Place) -> Work:
    """One CPU does each operation in turn, in an address space with 100 other VMAs."""
    others = BlockBuilder()
    for number in range(OTHERS):  # of two kinds, so that they do not merge
        prot = Prot.READ if number % 2 else READ_WRITE
        others.mmap(place.mm, addr=BASE - (number + 1) * PAGE, length=PAGE, prot=prot, flags=FIXED)
    return Work([(0, bytes(others))], [_turn(place.mm)])


def costs(model: str, layout: str, *, machine: Machine, operations: int) -> dict[str, Cost]:
    """Of each operation, by its name.

    Raises:
        ScaleError: an operation failed.
    """
    workload = Workload("cost", "each operation in turn, on one virtual CPU", _work, cpus=1)
    found = cell(model, layout, workload, machine=machine, vcpus=1, least=operations)
    if found.run.status:
        raise ScaleError(f"{model}, {layout}: an operation failed with {found.run.status}")
    told = {}
    for name, of in zip(found.kinds, found.run.kinds, strict=False):
        each = {count: getattr(of, count) / of.operations for count in COUNTS[:6]}
        told[name] = Cost(**each, cold=of.cold, ns=of.ps / 1000 / of.operations)
    return {step.kind: told[step.kind] for step in _turn(0)}


Costs = Mapping[str, Mapping[str, Mapping[str, float]]]
"""Of cores ("typesafe-rwsem aligned"), of operations, by COUNTS."""


def grown(before: Costs, now: Costs, percent: float, counts: Iterable[str]) -> list[str]:
    """Which costs grew by more than so many percent; of FAST also by an access, a line, a locked
    instruction or a fence. One line each: "typesafe-rwsem aligned, munmap: accesses 9.0 -> 10.0".
    """
    found = []
    for core, operations in now.items():
        for name, cost in operations.items():
            for count in counts:
                old = before.get(core, {}).get(name, {}).get(count)
                if old is None:
                    continue
                one_more = name == FAST and count != "instructions" and cost[count] > old + 0.5
                if one_more or cost[count] > old * (1 + percent / 100) + 0.01:
                    found.append(f"{core}, {name}: {count} {old:.2f} -> {cost[count]:.2f}")
    return found


def facts(cost: Cost) -> dict[str, float]:
    """For JSON, rounded to what is the same each time."""
    return {name: round(value, 4) for name, value in asdict(cost).items()}
