# SPDX-License-Identifier: Apache-2.0
"""Many cells: one after the other, or by several processes that share them.

What comes out of a cell does not depend on who runs it, so it is the same for any number of
processes.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from multiprocessing import connection
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import Final, TypeAlias

from vmalab_drive import spawning
from vmalab_native import cores, lifeline, signals
from vmalab_scale.machine import Machine
from vmalab_scale.run import Cell, Progress, ScaleError, cell
from vmalab_scale.work import Workload

END_S: Final = 60.0
"""So long a process that is asked to end may take for that: to the end of a part of its run."""
Find: TypeAlias = Callable[[str], Workload]
"""A workload by what the user calls it; it is done by each process."""


@dataclass(frozen=True, slots=True)
class Task:
    """A cell that is wanted."""

    workload: str
    model: str
    layout: str
    vcpus: int

    def __str__(self) -> str:
        return f"{self.workload}, {self.model}, {self.layout}, {self.vcpus} virtual CPUs"


@dataclass(frozen=True, slots=True)
class Asked:
    """What is the same in all cells."""

    find: Find
    machine: Machine
    least: int
    seed: int

    def run(self, task: Task, progress: Progress) -> Cell:
        """Raises ScaleError."""
        return cell(
            task.model,
            task.layout,
            self.find(task.workload),
            machine=self.machine,
            vcpus=task.vcpus,
            least=self.least,
            seed=self.seed,
            progress=progress,
        )


Said: TypeAlias = "float | Cell | str"
"""Of a process: how far it is, what came out, or why nothing did."""
ToParent: TypeAlias = "Connection[Said, Task]"
ToChild: TypeAlias = "Connection[Task, Said]"
Note = Callable[[Task, float, int], object]
"""Is called with a cell under way, the part of all that is done, and how many cells are done."""


class Cells:
    """Runs cells. `found` has those that are done, also when the run is asked to end.

    Args:
        note: is called when something has got further.
    """

    def __init__(self, asked: Asked, tasks: list[Task], note: Note) -> None:
        self._asked = asked
        self._tasks = tasks
        self._note = note
        self._found: dict[int, Cell] = {}
        self._parts: dict[int, float] = {}

    @property
    def found(self) -> list[Cell]:
        """In the order of the tasks."""
        return [self._found[at] for at in sorted(self._found)]

    def run(self, jobs: int) -> None:
        """Runs all.

        Raises:
            ScaleError: a cell cannot be run.
        """
        if jobs > 1 and len(self._tasks) > 1:
            self._share(jobs)
            return
        for at, task in enumerate(self._tasks):
            self._found[at] = self._asked.run(task, partial(self._further, at))

    def _further(self, at: int, part: float) -> None:
        self._parts[at] = part
        weights = [task.vcpus for task in self._tasks]
        done = sum(
            weight * (1.0 if n in self._found else self._parts.get(n, 0.0))
            for n, weight in enumerate(weights)
        )
        self._note(self._tasks[at], done / sum(weights), len(self._found))

    def _share(self, jobs: int) -> None:
        for model, layout in {(task.model, task.layout) for task in self._tasks}:
            cores.ensure(model, cores.virtual_layout(layout))  # once, before many want it
        processes: list[BaseProcess] = []
        context = spawning.context()
        # The longest first: who is free at the end has little to wait for.
        waiting = sorted(range(len(self._tasks)), key=lambda at: (self._tasks[at].vcpus, -at))
        busy: dict[ToChild, int] = {}

        def deal(pipe: ToChild) -> None:
            if waiting:
                busy[pipe] = waiting.pop()
                pipe.send(self._tasks[busy[pipe]])

        try:
            for _ in range(min(jobs, len(self._tasks))):
                mine, other = context.Pipe()
                child = context.Process(target=_work, args=(other, self._asked, os.getpid()))
                spawning.start(child, processes)
                other.close()
                deal(mine)
            while busy:
                for ready in connection.wait([*busy]):
                    self._heard(ready, busy, deal)  # type: ignore[arg-type]
        finally:
            for process in processes:
                process.terminate()
            spawning.end(processes, patience_s=END_S)

    def _heard(
        self, pipe: ToChild, busy: dict[ToChild, int], deal: Callable[[ToChild], None]
    ) -> None:
        at = busy[pipe]
        try:
            said = pipe.recv()
        except EOFError:
            raise ScaleError(f"{self._tasks[at]}: the process that ran it was killed") from None
        if isinstance(said, str):
            raise ScaleError(said)
        if isinstance(said, Cell):
            self._found[at] = said
            del busy[pipe]
            deal(pipe)
        self._further(at, said if isinstance(said, float) else 1.0)


def _work(pipe: ToParent, asked: Asked, parent: int) -> None:
    """A process that shares the work."""
    lifeline.end_with_parent(parent)
    with signals.orderly(), contextlib.suppress(EOFError, BrokenPipeError):
        while True:
            task = pipe.recv()
            try:
                pipe.send(asked.run(task, lambda part: pipe.send(float(part))))
            except ScaleError as error:
                pipe.send(str(error))
