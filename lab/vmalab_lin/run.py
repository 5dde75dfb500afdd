# SPDX-License-Identifier: Apache-2.0
"""Runs epochs of concurrent operations, and checks each while the next one runs.

At the start of an epoch every family has one empty address space; at its end, when all is quiet,
every page of every address space is read, as part of the history, and they are ended. So what is
there at the start is known, and a history is as short as an epoch.
"""

from __future__ import annotations

import os
import secrets
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field, replace
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any, Final, Self

import numpy as np

from vmalab_client.block import BlockBuilder
from vmalab_drive import instances, spawning
from vmalab_drive.errors import CommandError
from vmalab_lin import explain, plan
from vmalab_lin.actor import Acted, Message, Part, Told, Where, work
from vmalab_lin.ops import OP, History, Numbers, Ops, joined, save
from vmalab_native import core, history, lab
from vmalab_native.errors import InvalidArgument
from vmalab_native.history import Kind, Shape

PATIENCE_S: Final = 60.0
"""So long, and for each thousand operations half a second more, an epoch may take."""
LAB_LAYOUT: Final = "-lab"


class LinError(CommandError):
    """The run could not be carried out."""


class ProcessFailed(LinError):
    """One of the processes died, or does not come back from an operation."""


@dataclass(frozen=True, slots=True)
class LinConfig:
    """What to run, and for how long.

    Attributes:
        families: address spaces at the same addresses, with the same areas, each with children of
            its own. In the last one all pages are one cell: there fork, munmap and mprotect of
            several pages must take effect at one instant.
        pages: of each family but the last.
        cell_pages: pages checked together, among which pages move.
        whole_pages: of the last family.
        epoch_ops: of all processes together.
        forks: of each process in each family in an epoch.
        without: operations not to be done, of plan.WEIGHTS.
        mutants: bugs to switch on, in a lab core.
        delay_one_in, delay_us: in a lab core a pause at every so manieth sync point; 0: none.
        out: folder for histories without an order.
        keep: write those of the last epoch too.
    """

    model: str
    layout: str = "aligned"
    processes: int = 4
    seconds: float = 10.0
    seed: int = 0
    families: int = 3
    pages: int = 8
    cell_pages: int = 2
    whole_pages: int = 4
    epoch_ops: int = 4000
    forks: int = 2
    block: int = 16
    mutants: tuple[str, ...] = ()
    without: tuple[Kind, ...] = ()
    delay_one_in: int = 0
    delay_us: int = 0
    out: Path = Path()
    keep: bool = False

    @staticmethod
    def fresh_seed() -> int:
        return secrets.randbelow(1 << 31)

    def setup(self) -> plan.Setup:
        """Raises LinError: more processes and forks than a history can have."""
        mms = 1 + self.processes * self.forks
        try:
            common = Shape(mms, self.pages, self.cell_pages)
            whole = Shape(mms, self.whole_pages, self.whole_pages)
        except InvalidArgument as error:
            raise LinError(error.detail) from None
        return plan.Setup(
            shapes=(*[common] * (self.families - 1), whole),
            processes=self.processes,
            forks=self.forks,
            ops=max(self.epoch_ops // self.processes, plan.ops_min(self.forks, self.families)),
            block=self.block,
            seed=self.seed,
            without=frozenset(self.without),
        )


@dataclass(slots=True)
class LinResult:
    """What a run found."""

    config: LinConfig
    ops: int = 0
    epochs: int = 0
    checked: int = 0
    """Operations of the epochs that were checked."""
    steps: int = 0
    configs: int = 0
    configs_max: int = 0
    undecided: int = 0
    seconds: float = 0.0
    check_seconds: float = 0.0
    kinds: dict[str, int] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    found: list[explain.Found] = field(default_factory=list)
    told: list[str] = field(default_factory=list)
    files: list[str] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)

    @property
    def good(self) -> bool:
        return not self.found and not self.problems and not self.undecided

    def as_dict(self) -> dict[str, Any]:
        config, setup = self.config, self.config.setup()
        return {
            "model": config.model,
            "mutants": list(config.mutants),
            "seed": config.seed,
            "ops": self.ops,
            "ops_by_kind": self.kinds,
            "pages": sum(shape.pages for shape in setup.shapes),
            "address_spaces": setup.mms * len(setup.shapes),
            "epochs": self.epochs,
            "checked": self.checked,
            "steps": self.steps,
            "orders_per_step": round(self.configs / self.steps, 3) if self.steps else 0,
            "orders_max": self.configs_max,
            "undecided": self.undecided,
            "violations": len(self.found),
            "files": self.files,
            "kept": self.kept,
            "problems": self.problems,
            "seconds": round(self.seconds, 3),
            "checked_per_s_of_checker": round(self.checked / max(self.check_seconds, 1e-9)),
        }


Progress = Callable[[str, float, int, int], None]
"""Called with the model, seconds, operations and violations so far."""


class _Processes:
    """Those that act; use it in a with block, which ends them."""

    def __init__(self, setup: plan.Setup) -> None:
        self._setup = setup
        self._patience_s = PATIENCE_S + setup.ops * setup.processes / 2000
        self._pipes: list[Connection[Told, Message]] = []
        self._processes: list[BaseProcess] = []
        self._start()

    def _start(self) -> None:
        context, setup = spawning.context(), self._setup
        raw = context.RawArray("I", setup.mms * len(setup.shapes))
        self.ids = np.frombuffer(raw, np.uint32).reshape(len(setup.shapes), setup.mms)
        ready = context.RawArray("Q", setup.processes)
        try:
            for me in range(setup.processes):
                ours, theirs = context.Pipe()
                part = Part(me, os.getpid(), setup, raw, ready)
                process = context.Process(target=work, args=(part, theirs), name=f"lin-{me}")
                spawning.start(process, self._processes)
                theirs.close()
                self._pipes.append(ours)
        except BaseException:
            self.close()
            raise

    def restart(self) -> None:
        """New ones in place of those, of which one died or stays in an operation."""
        for process in self._processes:
            process.kill()
        self.close()
        self._start()

    def attach(self, instance: str, epoch: int) -> None:
        """To the instance where they act from now on; epoch: the first one."""
        self._tell("attach", (instance, epoch))
        self.answers()

    def detach(self) -> None:
        self._tell("detach")
        self.answers()

    def begin(self) -> None:
        self._tell("epoch")

    def _tell(self, kind: str, where: Where | None = None) -> None:
        for pipe in self._pipes:
            with suppress(OSError):  # who died is noticed by answers()
                pipe.send((kind, where))

    def answers(self) -> list[Acted]:
        """Waits for all of them; what each did in an epoch, if it was one."""
        said: list[Acted] = []
        for me, pipe in enumerate(self._pipes):
            deadline = time.monotonic() + self._patience_s
            while not pipe.poll(0.2):
                self._look(deadline, me)
            try:
                kind, data = pipe.recv()
            except (EOFError, ConnectionError):
                raise ProcessFailed(f"process {me} died, {self._code(me)}") from None
            if kind == "error":
                raise LinError(f"process {me}: {data}")
            if isinstance(data, tuple):
                said.append(data)
        return said

    def _look(self, deadline: float, waited_for: int) -> None:
        for me, process in enumerate(self._processes):
            if not process.is_alive() and not self._pipes[me].poll(0):
                raise ProcessFailed(f"process {me} died, {self._code(me)}")
        if time.monotonic() > deadline:
            raise ProcessFailed(
                f"process {waited_for} has not ended its part of an epoch in "
                f"{self._patience_s:.0f} s"
            )

    def _code(self, me: int) -> str:
        self._processes[me].join(5)
        return f"exit code {self._processes[me].exitcode}"

    def close(self) -> None:
        for pipe in self._pipes:
            pipe.close()
        spawning.end(self._processes, patience_s=2)
        self._pipes.clear()
        self._processes.clear()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        for process in self._processes:
            if exception[0] is not None:
                process.kill()
        self.close()


class _Run:
    """One model's run in one segment."""

    def __init__(
        self, result: LinResult, participant: core.Participant, crew: _Processes, begun: float
    ) -> None:
        self.config, self.setup, self.result = result.config, result.config.setup(), result
        self._participant, self._crew, self._begun = participant, crew, begun

    def loop(self, progress: Progress | None) -> None:
        """While the processes do an epoch, the one before is checked."""
        waiting: list[tuple[Ops, Numbers]] = []
        while not self.result.found:
            over = time.monotonic() - self._begun >= self.config.seconds and self.result.epochs > 0
            if not over:
                self._start()
            for one in waiting:
                self._check(*one, self.result.epochs - 1, last=over)
            waiting.clear()
            self.result.seconds = time.monotonic() - self._begun
            if progress is not None:
                progress(
                    self.config.model, self.result.seconds, self.result.ops, len(self.result.found)
                )
            if over:
                break
            waiting.append(self._finish())

    def _start(self) -> None:
        self._crew.ids[:] = 0
        for family in range(len(self.setup.shapes)):
            self._crew.ids[family, 0] = self._participant.mm_create()
        self._crew.begin()

    def _finish(self) -> tuple[Ops, Numbers]:
        said = self._crew.answers()
        parts = [np.frombuffer(ops, OP) for ops, _ in said]
        families = [np.frombuffer(family, np.int64) for _, family in said]
        probes, family = self._probe()
        self._end()
        ops = joined([*parts, probes])
        names, counts = np.unique(ops["kind"], return_counts=True)
        for name, count in zip(names, counts, strict=True):
            kind = Kind(int(name)).name.lower()
            self.result.kinds[kind] = self.result.kinds.get(kind, 0) + int(count)
        self.result.ops += len(ops)
        self.result.epochs += 1
        return ops, np.concatenate([*families, family])

    def _probe(self) -> tuple[Ops, Numbers]:
        """Reads every page of every address space, one by one."""
        block, rows, families = BlockBuilder(), [], []
        block.pkru = 0
        for family, shape in enumerate(self.setup.shapes):
            for mm in np.flatnonzero(self._crew.ids[family]):
                for page in range(shape.pages):
                    number = int(self._crew.ids[family, mm])
                    block.fault(number, plan.BASE + page * plan.PAGE)
                    rows.append((int(mm), page))
                    families.append(family)
        ops = np.zeros(len(rows), OP)
        ops["kind"], ops["process"] = int(Kind.READ), self.setup.processes
        ops["mm"], ops["first"] = np.array(rows, np.uint64).T
        ops["last"] = ops["first"]
        ops["pkru"] = plan.ALL_KEYS
        timed = np.frombuffer(history.run_timed(self._participant, block.bytes()), plan.TIMED)
        plan.answers(ops, timed)
        return ops, np.array(families, np.int64)

    def _end(self) -> None:
        block = BlockBuilder()
        for number in self._crew.ids[self._crew.ids != 0]:
            block.exit(int(number))
        self._participant.run(block.bytes())

    def _check(self, ops: Ops, family: Numbers, epoch: int, *, last: bool) -> None:
        config, result = self.config, self.result
        begin = time.process_time()
        for number, shape in enumerate(self.setup.shapes):
            about = {
                "model": config.model,
                "mutants": "+".join(config.mutants),
                "seed": config.seed,
                "epoch": epoch,
                "family": number,
            }
            whole = History(shape, ops[family == number], about)
            verdict = whole.check()
            result.steps += verdict.steps
            result.configs += verdict.configs
            result.configs_max = max(result.configs_max, verdict.configs_max)
            result.undecided += verdict.undecided
            found = explain.find(whole) if verdict.failure else None
            if found is not None:
                result.found.append(found)
                result.files.append(self._write(found.prefix))
                result.told += explain.tell(found, ops)
            elif config.keep and last:
                result.kept.append(self._write(whole))
        result.checked += len(ops)
        result.check_seconds += time.process_time() - begin

    def _write(self, one: History) -> str:
        about = one.about
        name = f"lin-{about['model']}-{about['seed']}-{about['epoch']}-{about['family']}.json"
        path = self.config.out / name
        save(path, one)
        return str(path)


def run_all(
    config: LinConfig, models: Sequence[str], progress: Progress | None = None
) -> list[LinResult]:
    """Run models in turn, each until its time is over or a history has no order.

    With a mutant a process may die of a broken invariant, or stay in an operation: that is noted,
    and the run goes on in a new segment. Without one it ends the model's run.

    Args:
        config: its model is not looked at.

    Raises:
        LinError: the configuration cannot be run.
    """
    results = [LinResult(replace(config, model=model)) for model in models]
    with _Processes(config.setup()) as crew:
        for result in results:
            while not result.problems or (config.mutants and result.seconds < config.seconds):
                try:
                    _session(result, crew, progress)
                    break
                except ProcessFailed as error:
                    result.problems.append(str(error))
                    crew.restart()
    return results


def _session(result: LinResult, crew: _Processes, progress: Progress | None) -> None:
    """In one segment, to the end of the run."""
    config, layout = result.config, result.config.layout
    if (config.mutants or config.delay_one_in) and not layout.endswith(LAB_LAYOUT):
        layout += LAB_LAYOUT
    with ExitStack() as stack:
        target = stack.enter_context(
            instances.instance_for(mode="attach", model=config.model, layout=layout, pkeys="on")
        )
        segment = stack.enter_context(core.Segment.attach(target.instance))
        participant = stack.enter_context(segment.participant("client", comm="lin"))
        if layout.endswith(LAB_LAYOUT):
            lab.set_mutants(participant, config.mutants)
            lab.set_delays(
                participant,
                seed=config.seed,
                one_in=config.delay_one_in,
                us_max=config.delay_us,
            )
        crew.attach(target.instance, result.epochs)
        begun = time.monotonic() - result.seconds
        try:
            _Run(result, participant, crew, begun).loop(progress)
        finally:
            result.seconds = time.monotonic() - begun
        crew.detach()
        if not result.found:
            result.problems += participant.fsck()


def run(config: LinConfig, progress: Progress | None = None) -> LinResult:
    """Run one model: see run_all."""
    return run_all(config, [config.model], progress)[0]
