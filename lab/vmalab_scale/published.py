# SPDX-License-Identifier: Apache-2.0
"""What was published of the page fault test (pft), beside the same on a modelled machine.

A claim is a change of the kernel and how many more faults it brought, by threads. Here the change
is another lock model, and a thread is a virtual CPU.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from vmalab_native import cores
from vmalab_scale import machine as machines
from vmalab_scale.machine import Machine
from vmalab_scale.run import PS_PER_S, cell
from vmalab_scale.work import ScaleError
from vmalab_scale.workloads import WORKLOADS

FAULT: Final = "fault"


@dataclass(frozen=True)
class Claim:
    """Faults with a change over those without it, in percent more, by threads."""

    name: str
    text: str
    seen_on: str
    """The published machine."""
    model: str
    over: str
    workload: str
    machine: str
    """The modelled machine that comes nearest."""
    percent: Mapping[int, float] = field(default_factory=dict)


_ICE_LAKE: Final = "two Xeon Platinum 8336C, 64 cores, 128 threads"
CLAIMS: Final[tuple[Claim, ...]] = (
    Claim(
        "each",
        "per-VMA locks, a VMA for each thread (Agrawal on v2, 2023)",
        _ICE_LAKE,
        "embedded-rwsem",
        "mmap-lock",
        "pft-own",
        "two-sockets",
        {4: 5.3, 12: 23.7, 48: 50.9, 79: 92.6, 110: 133.0, 128: 157.0},
    ),
    Claim(
        "one",
        "per-VMA locks, one VMA for all threads (Agrawal on v2, 2023)",
        _ICE_LAKE,
        "embedded-rwsem",
        "mmap-lock",
        "pft",
        "two-sockets",
        {1: -0.5, 4: -9.5, 12: -2.8, 48: 16.4, 128: 21.9},
    ),
    Claim(
        "move",
        "the lock moves into the VMA (covers of v6 to v10, 2024)",
        "not named; 56 threads at most",
        "embedded-rwsem",
        "split-rwsem",
        "pft",
        "broadwell-2s",
        {1: -0.28, 4: 0.34, 12: 1.26, 21: 14.77, 30: 10.26, 48: 10.98, 56: 10.85},
    ),
)
"""In percent more faults a second."""


@dataclass(frozen=True)
class Figure:
    """One claim at one number of threads."""

    claim: str
    threads: int
    published: float
    ours: float
    """In percent, as published."""
    faults_per_s: tuple[float, float]
    """Of all virtual CPUs, with the change and without; a virtual second."""


def chosen(names: Sequence[str]) -> list[Claim]:
    """The claims of these names, or all.

    Raises:
        ScaleError: there is no such claim.
    """
    there = {one.name: one for one in CLAIMS}
    for name in names:
        if name not in there:
            raise ScaleError(f"{name}: there are {', '.join(there)}")
    return [there[name] for name in dict.fromkeys(names)] or list(CLAIMS)


def figures(
    claims: Sequence[Claim],
    *,
    on: Machine | None,
    threads_max: int,
    operations: int,
    seed: int,
    say: Callable[[str], None],
) -> list[Figure]:
    """Every claim at each of its numbers of threads up to threads_max.

    Args:
        on: the modelled machine of all; None: the one that each claim names.
        operations: of each CPU, at least.

    Raises:
        ScaleError: a run got stuck, or an invariant does not hold at its end.
    """
    found = []
    for claim in claims:
        machine = on or machines.read(claim.machine)
        for threads, published in claim.percent.items():
            if threads > threads_max:
                continue
            rates = []
            for model in (claim.model, claim.over):
                say(f"{claim.name}, {model}, {threads} virtual CPUs")
                rates.append(_faults_per_s(claim, model, machine, threads, operations, seed))
            with_it, without = rates
            percent = round(100 * (with_it / without - 1), 2)
            found.append(Figure(claim.name, threads, published, percent, (with_it, without)))
    return found


def _faults_per_s(
    claim: Claim, model: str, on: Machine, vcpus: int, operations: int, seed: int
) -> float:
    work = WORKLOADS[claim.workload]
    found = cell(
        model, cores.DEFAULT_LAYOUT, work, machine=on, vcpus=vcpus, least=operations, seed=seed
    )
    if found.run.status:
        raise ScaleError(f"{claim.name}, {model}: an operation failed with {found.run.status}")
    faults = found.run.kinds[found.kinds.index(FAULT)].operations
    return faults * PS_PER_S / found.run.ps
