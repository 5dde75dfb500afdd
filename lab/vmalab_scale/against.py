# SPDX-License-Identifier: Apache-2.0
"""The same work on real CPUs and on virtual ones: how far a machine's file is from the machine.

Both sides are made from one workload: the same areas, mapped by the same CPU, and the same records
in the same order. On the real side each CPU is a process that is pinned to one; on the virtual
side they are participants of one process. What differs then is that a call has 1,024 records there
and 64 here, that a real CPU has a kernel and a neighbour, and the core itself: the virtual one is
instrumented, and its instructions are counted. How long a line takes from one CPU to the other is
measured again in each round and stands in for the file's `cluster`: a host may move the CPUs of a
virtual machine nearer to each other, or apart.

Everything is a ratio to one cell, that of the model and the workload that `calibrate` fits the cost
of an instruction by. What a core does by itself (`OWN_TIMES`) is scaled so that this cell takes as
long as it was measured in the same run: its clock may be another one than at the calibration, and a
line from the other CPU then takes more or fewer of its cycles. A real turn in which something else
was given one of the CPUs is done again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from itertools import combinations
from pathlib import Path
from typing import Final

import numpy as np

from vmalab_bench import compiled, space, stats
from vmalab_bench import machine as real_machine
from vmalab_bench.crew import Crew, Job, Turn
from vmalab_native import cores
from vmalab_native.virtual import RECORDS_MAX, Step
from vmalab_scale.machine import Machine
from vmalab_scale.run import PS_PER_S, cell
from vmalab_scale.work import Place, ScaleError, Work, Workload
from vmalab_scale.workloads import WORKLOADS

WORKLOADS_SHOWN: Final = ("own-vma", "shared-vma", "neighbours", "area-writer")
WRITERS: Final = ("area-writer",)
"""Where the first CPU writes: with more than one, the others are what is counted."""
CPUS: Final = (1, 2)
REAL_RECORDS: Final = 1024
TRANSFER: Final = "transfer 256"
TURN_S: Final = 0.001
TRIES: Final = 25
OVERLAP: Final = 0.9
OWN_TIMES: Final = ("instruction", "first", "second", "locked", "fence", "pause", "clock")
"""What takes cycles of the core."""
CLOSE: Final = 0.2
"""A cell within this of what was measured is right."""
SIZES: Final[space.Sizes] = {
    "size_bytes": 64 << 20,
    "frames_max": 1 << 14,
    "mms_max": 16,
    "files_max": 4,
    "participants_max": 8,
}


@dataclass(frozen=True)
class Situation:
    """A workload on so many CPUs."""

    workload: str
    cpus: int

    @property
    def counted(self) -> tuple[int, ...]:
        """The CPUs whose operations count."""
        beside = self.workload in WRITERS and self.cpus > 1
        return tuple(range(1 if beside else 0, self.cpus))


@dataclass(frozen=True)
class Key:
    """A cell: a lock model in a situation."""

    model: str
    at: Situation


@dataclass(frozen=True)
class Row:
    """A cell of the table.

    Attributes:
        predicted, measured: operations a second over those of the cell that the fit is made by.
        calibrated: it is that cell.
        predicted_per_s, measured_per_s: the operations themselves.
    """

    key: Key
    predicted: float
    measured: stats.Estimate
    calibrated: bool
    predicted_per_s: float
    measured_per_s: float

    @property
    def off(self) -> float:
        """How far the prediction is from what was measured: 0.1 is ten percent more."""
        return self.predicted / self.measured.value - 1

    @property
    def right(self) -> bool:
        return abs(self.off) <= CLOSE


FITTED: Final = Key(cores.DEFAULT_MODEL, Situation("own-vma", 1))
"""The cell that the cost of an instruction is fitted by, and all others are compared with."""


def keys(models: Sequence[str]) -> list[Key]:
    """All cells, by workload, CPUs and model; the fitted one is always there."""
    found = [
        Key(model, Situation(workload, cpus))
        for workload in WORKLOADS_SHOWN
        for cpus in CPUS
        for model in models
    ]
    return list(dict.fromkeys([FITTED, *found]))


def merged(work: Work, records: int) -> list[bytes]:
    """Each CPU's operations over and over, as one block of about so many records."""
    found = []
    for program in work.programs:
        blocks = [step.block for step in program]
        found.append(b"".join(blocks * max(1, records // len(blocks))))
    return found


def program() -> list[str | Path]:
    """The C program that measures, on the two CPUs that the cells run on.

    Raises:
        ScaleError: this process may use one CPU only.
        NoProgram: it could not be compiled.
    """
    cpus = real_machine.cpus()
    if len(cpus) < 2:
        raise ScaleError("two CPUs are needed, and this process may use one")
    return [compiled.compiled("calibrate"), str(cpus[0]), str(cpus[1])]


def predicted(key: Key, on: Machine, *, operations: int) -> float:
    """Operations a virtual second.

    Raises:
        ScaleError: an operation failed.
    """

    def make(place: Place) -> Work:
        work = WORKLOADS[key.at.workload].make(place)
        return Work(work.prepare, [[Step(block, "all")] for block in merged(work, RECORDS_MAX)])

    layout, work = cores.DEFAULT_LAYOUT, Workload(key.at.workload, "", make)
    found = cell(key.model, layout, work, machine=on, vcpus=key.at.cpus, least=operations)
    if found.run.status:
        raise ScaleError(f"{key.model}, {key.at.workload}: failed with {found.run.status}")
    done = sum(found.run.cpus[cpu].operations for cpu in key.at.counted)
    return done * PS_PER_S / found.run.ps


class Real:
    """The cells on the real CPUs, all alive at the same time; use it in a with block.

    Each has a segment of its own, as on the virtual side: where objects lie in their slabs decides
    which of them share a line.

    Raises:
        ScaleError: this process may not use so many CPUs.
    """

    def __init__(self, wanted: Sequence[Key]) -> None:
        most = max(key.at.cpus for key in wanted)
        if len(real_machine.cpus()) < most:
            raise ScaleError(f"this needs {most} CPUs, and this process may use one")
        self._stack = ExitStack()
        with ExitStack() as failed:
            failed.push(self._stack)
            segments = {
                key: self._stack.enter_context(space.segment(model=key.model, **SIZES))
                for key in wanted
            }
            names = [segment.instance for segment in segments.values()]
            self._crew = self._stack.enter_context(Crew(most, names))
            for key, segment in segments.items():
                me = self._stack.enter_context(segment.participant("client"))
                place = Place([me] * key.at.cpus, me.mm_create(), seed=1)
                work = WORKLOADS[key.at.workload].make(place)
                self._prepare(key, segment.instance, work)
            failed.pop_all()

    def _prepare(self, key: Key, instance: str, work: Work) -> None:
        for cpu, block in work.prepare:
            self._crew.once(cpu, instance, block)
        for cpu, block in enumerate(merged(work, REAL_RECORDS)):
            program = len(work.programs[cpu])
            counted = max(1, REAL_RECORDS // program) * program
            self._crew.give(cpu, _name(key), Job(instance, block, counted))

    def turn(self, key: Key) -> float:
        """Operations a second of one turn in which nothing else was given the CPUs; if there is
        none, of the one that was disturbed least. A second is one of the CPU's time, but for those
        who wait for a writer asleep."""
        best: tuple[float, float] = (float("inf"), 0.0)
        for _ in range(TRIES):
            jobs = dict.fromkeys(range(key.at.cpus), _name(key))
            turns = self._crew.turn(jobs, TURN_S, meet=True)
            disturbed = sum(turn.pushed for turn in turns.values()) + 100 * _apart(turns)
            rate = sum(_per_s(turns[cpu], key) for cpu in key.at.counted)
            best = min(best, (disturbed, rate))
            if disturbed == 0:
                break
        return best[1]

    def __enter__(self) -> Real:
        return self

    def __exit__(self, *exception: object) -> None:
        self._stack.close()


def _per_s(turn: Turn, key: Key) -> float:
    sleeps = key.at.workload in WRITERS and key.at.cpus > 1
    return turn.per_s if sleeps else turn.done / turn.cpu_s


def _name(key: Key) -> str:
    return f"{key.model} {key.at.workload} {key.at.cpus}"


def _apart(turns: Mapping[int, Turn]) -> float:
    """The part of the turn in which not all ran, if that is more than a little."""
    begin = max(turn.begun_s for turn in turns.values())
    end = min(turn.begun_s + turn.seconds for turn in turns.values())
    part = max(0.0, end - begin) / max(turn.seconds for turn in turns.values())
    return 0.0 if part >= OVERLAP else 1 - part


def clocked(on: Machine, per_s: float, *, operations: int) -> Machine:
    """The machine with the clock at which it does so many operations of the fitted cell a second.

    Nothing in that cell waits for another CPU or for memory.
    """
    times = predicted(FITTED, on, operations=operations) / per_s
    return replace(
        on, values=on.values | {name: round(int(on.values[name]) * times) for name in OWN_TIMES}
    )


def compare(
    on: Machine,
    models: Sequence[str],
    *,
    rounds: int,
    operations: int,
    seed: int,
    say: Callable[[str], None],
) -> tuple[list[Row], stats.Estimate]:
    """All cells, in an order of its own each round; and the ns of a line between the two CPUs.

    Raises:
        ScaleError: there are too few CPUs, or an operation failed.
        NoProgram: the C program that measures the distance could not be compiled.
    """
    wanted = keys(models)
    rates: dict[Key, list[float]] = {key: [] for key in wanted}
    guesses: dict[Key, float] = {}
    away: list[float] = []
    rng = np.random.default_rng(seed)
    with Real(wanted) as real, compiled.Dialog("calibrate", program()) as dialog:
        for number in range(rounds):
            say(f"round {number + 1} of {rounds}")
            away.append(dialog.ask(TRANSFER))
            for at in rng.permutation(len(wanted)):
                rates[wanted[at]].append(real.turn(wanted[at]))
        on = replace(on, values=on.values | {"cluster": round(1000 * stats.median(away))})
        on = clocked(on, stats.median(rates[FITTED]), operations=operations)
        for number, key in enumerate(wanted):
            say(f"virtual: {number} of {len(wanted)}")
            guesses[key] = predicted(key, on, operations=operations)
    rows = [
        Row(
            key,
            guesses[key] / guesses[FITTED],
            stats.ratio(rates[key], rates[FITTED], seed=seed),
            key == FITTED,
            guesses[key],
            stats.median(rates[key]),
        )
        for key in wanted
    ]
    return rows, stats.Estimate(stats.median(away), *stats.spread(away))


@dataclass(frozen=True)
class Verdict:
    """What the table comes to: cells but the fitted one, and pairs of models in one situation.

    Attributes:
        decided: pairs whose measured intervals do not overlap.
        wrong: of these, those that the machine orders the other way, as (situation, faster, slower)
            of what was measured.
    """

    cells: int
    right: int
    decided: int
    wrong: list[tuple[Situation, str, str]]


def judged(rows: Sequence[Row]) -> Verdict:
    """How many cells are right, and whether the order of the models is."""
    others = [row for row in rows if not row.calibrated]
    decided, wrong = 0, []
    for situation in dict.fromkeys(row.key.at for row in rows):
        mine = [row for row in rows if row.key.at == situation]
        for pair in combinations(mine, 2):
            fast, slow = sorted(pair, key=lambda row: -row.measured.value)
            if fast.measured.low <= slow.measured.high:
                continue
            decided += 1
            if fast.predicted < slow.predicted:
                wrong.append((situation, fast.key.model, slow.key.model))
    return Verdict(len(others), sum(row.right for row in others), decided, wrong)
