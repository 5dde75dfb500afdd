# SPDX-License-Identifier: Apache-2.0
"""One cell of a table: a workload of a lock model on so many virtual CPUs of a machine."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Final

from vmalab_bench import space
from vmalab_native import cores, virtual
from vmalab_native.core import Participant
from vmalab_native.segment_file import SegmentFile
from vmalab_scale import instructions
from vmalab_scale.machine import LINE, Machine
from vmalab_scale.places import Place, Places
from vmalab_scale.workloads import WORKLOADS, Work

PS_PER_S: Final = 10**12
WARM: Final = 200
PLACE_BYTES: Final = 4
LEAST: Final = 10_000
PS_MOST: Final = 100 * PS_PER_S // 1000
"""A hundred virtual milliseconds."""


class ScaleError(ValueError):
    """What was asked for cannot be run; says why."""


@dataclass(frozen=True)
class Cell:
    """What came out.

    Attributes:
        per_s: operations a virtual second, of all CPUs.
        run: all that was counted.
        kinds: names of the histograms of the run.
        places: what lies in the lines of `run.hot`: by the offset, for every PLACE_BYTES of each.
    """

    model: str
    layout: str
    workload: str
    machine: str
    vcpus: int
    per_s: float
    run: virtual.VirtualRun
    kinds: list[str]
    places: dict[int, Place]


def cell(
    model: str,
    layout: str,
    workload: str | Callable[[int, int], Work],
    *,
    machine: Machine,
    vcpus: int,
    warm: int = WARM,
    least: int = LEAST,
    seed: int = 1,
) -> Cell:
    """Runs one cell.

    Args:
        workload: its name, or what makes it of an address space and a number of CPUs.

    Raises:
        ScaleError: the run got stuck, or an invariant does not hold at its end.
    """
    name = workload if isinstance(workload, str) else workload.__module__.rpartition(".")[2]
    made = cores.virtual_layout(layout)
    cores.ensure(model, made)
    table = instructions.of_core(cores.file_of(model, made))
    with ExitStack() as stack:
        segment = stack.enter_context(
            space.segment(
                model=model,
                layout=made,
                size_bytes=512 << 20,
                frames_max=1 << 16,
                mms_max=16,
                files_max=4,
                participants_max=vcpus + 2,
            )
        )
        people = [
            stack.enter_context(segment.participant("client", comm=f"vcpu{n}"))
            for n in range(vcpus)
        ]
        mm = people[0].mm_create()
        make = WORKLOADS[workload] if isinstance(workload, str) else workload
        work = make(mm, vcpus)
        for cpu, block in work.prepare:
            _checked(people[cpu], block)
        kinds = sorted({kind for program in work.programs for _, kind in program})
        programs = [
            virtual.Program([(block, kinds.index(kind)) for block, kind in program])
            for program in work.programs
        ]
        run = virtual.run(
            people,
            machine.values,
            programs,
            warm=warm,
            least=least,
            ps_most=PS_MOST,
            seed=seed,
            instructions=table,
        )
        what = f"{model}, {name}, {vcpus} virtual CPUs"
        if run.end == "stuck":
            raise ScaleError(f"{what}: every one of them waits")
        if complaints := people[0].fsck():
            raise ScaleError(f"{what}: {complaints[0]}")
        with SegmentFile.open(segment.instance) as file:
            named = Places(file)
            places = {
                at: named.at(at)
                for line in sorted({hot.line for hot in run.hot})
                for at in range(line, line + LINE, PLACE_BYTES)
            }
    done = sum(one.operations for one in run.cpus)
    per_s = done * PS_PER_S / run.ps if run.ps else 0.0
    return Cell(model, layout, name, machine.name, vcpus, per_s, run, kinds, places)


def _checked(participant: Participant, block: bytes) -> None:
    from vmalab_client.block import parse_results

    for result in parse_results(participant.run(block)):
        if result.status:
            raise ScaleError(f"a workload cannot be prepared: {result}")
