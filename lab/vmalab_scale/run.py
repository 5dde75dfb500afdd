# SPDX-License-Identifier: Apache-2.0
"""One cell of a table: a workload of a lock model on so many virtual CPUs of a machine."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Final

from vmalab_bench import space
from vmalab_client.block import parse_results
from vmalab_native import cores, virtual
from vmalab_native.checks import U64_MAX
from vmalab_native.core import Participant, Segment
from vmalab_native.flags import errno_name
from vmalab_native.segment_file import SegmentFile
from vmalab_scale import instructions
from vmalab_scale.machine import LINE, Machine
from vmalab_scale.places import Place, Places
from vmalab_scale.work import Place as Where
from vmalab_scale.work import ScaleError as ScaleError
from vmalab_scale.work import Verdict, Workload

PS_PER_S: Final = 10**12
WARM: Final = 200
PLACE_BYTES: Final = 4
LEAST: Final = 10_000
PS_MOST: Final = 10 * PS_PER_S
"""Ten virtual seconds."""
Progress = Callable[[float], object]
"""Is called with the part of a run that is done, from 0 to 1."""


@dataclass(frozen=True)
class Cell:
    """What came out.

    Attributes:
        per_s: operations a virtual second, of all CPUs.
        run: all that was counted.
        kinds: names of the histograms of the run.
        places: what lies in the lines of `run.hot`: by the offset, for every PLACE_BYTES of each.
        verdict: of answers that a trace has.
        cpu_s: of the machine that it ran on.
    """

    model: str
    layout: str
    workload: str
    machine: str
    vcpus: int
    per_s: float
    run: virtual.VirtualRun
    places: Mapping[int, Place]
    verdict: Verdict | None
    cpu_s: float

    @property
    def kinds(self) -> list[str]:
        return self.run.names

    @property
    def good(self) -> bool:
        """Every operation ended as it had to."""
        return not self.run.status and (self.verdict is None or self.verdict.good)

    @property
    def failure(self) -> str:
        """The first operation that did not end as it had to; "": there is none."""
        status, run = self.run.status, self.run
        if not status:
            return ""
        if status == virtual.WRONG:
            how = "has another value than it must have"
        else:
            how = f"ended with {errno_name(-status) if status < 0 else f'signal {status}'}"
        return (
            f"{self.workload}, {self.model}, {self.vcpus} virtual CPUs: operation "
            f"{run.failed_step} of CPU {run.failed_cpu} {how}"
        )


def cell(
    model: str,
    layout: str,
    workload: Workload,
    *,
    machine: Machine,
    vcpus: int,
    warm: int = WARM,
    least: int = LEAST,
    seed: int = 1,
    progress: Progress = lambda part: None,
) -> Cell:
    """Runs one cell.

    Args:
        vcpus: a workload that has a number of its own runs on that.
        warm: at least each operation of a program is done once before that ends.
        least: operations of each CPU that are counted; of a trace all are, once.

    Raises:
        ScaleError: the run got stuck, or an invariant does not hold at its end.
    """
    vcpus = workload.cpus or vcpus
    made = cores.virtual_layout(layout)
    cores.ensure(model, made)
    table = instructions.of_core(cores.file_of(model, made))
    need = workload.needs(vcpus)
    with ExitStack() as stack:
        segment = stack.enter_context(
            space.segment(
                model=model,
                layout=made,
                size_bytes=need.size_bytes,
                frames_max=need.frames,
                mms_max=need.mms,
                files_max=need.files,
                participants_max=vcpus + 2,
            )
        )
        people = [
            stack.enter_context(segment.participant("client", comm=f"vcpu{n}"))
            for n in range(vcpus)
        ]
        work = workload.make(Where(people, people[0].mm_create(), seed))
        for cpu, block in work.prepare:
            _checked(people[cpu], block)
        warm = max(warm, max(len(program) for program in work.programs))
        wanted = max(map(len, work.programs)) if work.order else warm + least
        began = time.process_time()
        run = virtual.run(
            people,
            machine.values,
            work.programs,
            warm=warm,
            least=least,
            ps_most=U64_MAX if work.order else PS_MOST,
            seed=seed,
            instructions=table,
            cells=work.cells,
            order=work.order,
            progress=lambda done: progress(min(1.0, done / wanted)),
        )
        cpu_s = time.process_time() - began
        _holds(f"{model}, {workload.name}, {vcpus} virtual CPUs", run, people[0])
        verdict = work.judge(run) if work.judge else None
        places = _named(segment, run)
    if verdict and not verdict.good and workload.stricter:
        return cell(
            model, layout, workload.stricter(), machine=machine, vcpus=vcpus, seed=seed,
            progress=progress,
        )  # fmt: skip
    done = sum(one.operations for one in run.cpus)
    per_s = done * PS_PER_S / run.ps if run.ps else 0.0
    return Cell(
        model, layout, workload.name, machine.name, vcpus, per_s, run, places, verdict, cpu_s
    )


def _holds(what: str, run: virtual.VirtualRun, me: Participant) -> None:
    if run.end == "stuck":
        raise ScaleError(f"{what}: every one of them waits")
    if complaints := me.fsck():
        raise ScaleError(f"{what}: {complaints[0]}")


def _named(segment: Segment, run: virtual.VirtualRun) -> dict[int, Place]:
    with SegmentFile.open(segment.instance) as file:
        named = Places(file)
        return {
            at: named.at(at)
            for line in sorted({hot.line for hot in run.hot})
            for at in range(line, line + LINE, PLACE_BYTES)
        }


def _checked(participant: Participant, block: bytes) -> None:
    for result in parse_results(participant.run(block)):
        if result.status:
            raise ScaleError(f"a workload cannot be prepared: {result}")
