# SPDX-License-Identifier: Apache-2.0
"""One process of a run: attached to the segment, it does its part of each epoch."""

from __future__ import annotations

import ctypes
import os
import traceback
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import pairwise
from multiprocessing.connection import Connection
from typing import Final

import numpy as np
import numpy.typing as npt

from vmalab.ops import Op, header
from vmalab_lin import plan
from vmalab_lin.ops import Numbers, Ops
from vmalab_native import core, history, lifeline
from vmalab_native.history import Kind

_NOP: Final = np.uint64(header(Op.NOP))


Where = tuple[str, int]
"""What comes with "attach": the instance, and the number of the first epoch there."""
Acted = tuple[bytes, bytes]
"""What a process did in an epoch: its Ops, and the family of each, Numbers."""


Told = tuple[str, Where | None]
"""To a process: "attach" with where, "detach", or "epoch"."""
Message = tuple[str, Acted | str | None]
"""From a process: "done" with what it did, if it acted, or "error" with why not."""


@dataclass(frozen=True, slots=True)
class Part:
    """What one process receives at its start. The arrays are shared memory."""

    me: int
    parent: int
    setup: plan.Setup
    ids: ctypes.Array[ctypes.c_uint]
    """Numbers of the address spaces: [family * mms + number]; 0: not there."""
    ready: ctypes.Array[ctypes.c_ulonglong]
    """How many epochs each process has begun."""


def _blocks(ops: Ops, size: int) -> Iterator[tuple[int, int]]:
    """(begin, end) of blocks of at most that size. A fork ends one: the next knows the child."""
    forks = [int(index) + 1 for index in np.flatnonzero(ops["kind"] == Kind.FORK)]
    for begin, stop in pairwise((0, *forks, len(ops))):
        for first in range(begin, stop, size):
            yield first, min(first + size, stop)


class Actor:
    """Does the operations of an epoch in blocks."""

    def __init__(self, part: Part, participant: core.Participant) -> None:
        setup = part.setup
        self._part, self._setup, self._participant = part, setup, participant
        self._ids = np.frombuffer(memoryview(part.ids), np.uint32).reshape(
            len(setup.shapes), setup.mms
        )
        self._forks = [0] * len(setup.shapes)

    def epoch(self, made: plan.Plan) -> tuple[Ops, Numbers]:
        """Does all operations of a plan; gives those that were done, and the family of each."""
        self._forks = [0] * len(self._setup.shapes)
        kept = np.ones(len(made.ops), bool)
        timed = np.zeros(len(made.ops), plan.TIMED)
        for begin, end in _blocks(made.ops, self._setup.block):
            self._block(made, begin, end, kept, timed)
        ops = made.ops[kept]
        plan.answers(ops, timed[kept])
        return ops, made.family[kept]

    def _block(
        self,
        made: plan.Plan,
        begin: int,
        end: int,
        kept: npt.NDArray[np.bool_],
        timed: plan.Timed,
    ) -> None:
        ids, ops = self._ids.copy(), made.ops[begin:end]
        family, at = made.family[begin:end], made.at[begin:end]
        order = np.argsort(ids == 0, axis=1, kind="stable")  # those that are there come first
        there = np.count_nonzero(ids, axis=1)
        choice = made.choice[begin:end]
        mm = order[family, choice % there[family]]
        mm = np.where(choice == plan.YOUNGEST, self._youngest(family), mm)
        skipped = (ops["kind"] == Kind.EXIT) & (mm == 0)  # the first mm of a family stays
        ops["mm"] = mm
        words = made.words[made.at[begin] : made.at[end]].copy()
        words[at - at[0] + 1] = ids[family, mm]
        words[at[skipped] - at[0]] = _NOP
        kept[begin:end] = ~skipped
        answer = history.run_timed(self._participant, words.tobytes())
        timed[begin:end] = np.frombuffer(answer, plan.TIMED)
        calls = ((ops["kind"] == Kind.FORK) | (ops["kind"] == Kind.EXIT)) & ~skipped
        for call in map(int, np.flatnonzero(calls)):
            self._called(ops, int(family[call]), call, timed[begin + call])

    def _youngest(self, family: Numbers) -> Numbers:
        """Numbers of the children that this process has made last."""
        numbers: Numbers = 1 + self._part.me * self._setup.forks + np.array(self._forks)[family] - 1
        return numbers

    def _called(self, ops: Ops, family: int, index: int, result: np.void) -> None:
        """Reports to the others a child that came or went."""
        if ops["kind"][index] == Kind.EXIT:
            self._ids[family, ops["mm"][index]] = 0
            return
        child = 1 + self._part.me * self._setup.forks + self._forks[family]
        self._forks[family] += 1
        ops["other"][index] = child
        if result["status"] == 0:
            self._ids[family, child] = result["value"]


class _Worker:
    """What a process does on command."""

    def __init__(self, part: Part, stack: ExitStack) -> None:
        self._part, self._stack = part, stack
        self._turns = 0

    def do(self, kind: str, where: Where | None) -> Acted | None:
        """What "attach", "detach" or "epoch" says."""
        match kind, where:
            case "attach", (instance, epoch):
                self._attach(instance, epoch)
            case "detach", None:
                self._stack.close()
            case "epoch", None:
                return self._act()
            case _:
                raise ValueError(f"{kind!r} with {where!r} is not understood")
        return None

    def _attach(self, instance: str, epoch: int) -> None:
        self._epoch = epoch
        segment = self._stack.enter_context(core.Segment.attach(instance))
        participant = self._stack.enter_context(segment.participant("client", comm="lin"))
        self._actor = Actor(self._part, participant)
        self._plan = plan.make(self._part.setup, self._part.me, self._epoch)

    def _act(self) -> Acted:
        self._turns += 1
        self._part.ready[self._part.me] = self._turns
        while min(self._part.ready) < self._turns:
            os.sched_yield()  # all begin at the same time
        ops, family = self._actor.epoch(self._plan)
        return ops.tobytes(), family.tobytes()

    def prepare(self) -> None:
        """Makes the next plan while the epoch before is checked."""
        self._epoch += 1
        self._plan = plan.make(self._part.setup, self._part.me, self._epoch)


def work(part: Part, pipe: Connection[Message, Told]) -> None:
    """The body of a process."""
    lifeline.end_with_parent(part.parent)
    try:
        with ExitStack() as stack:
            worker = _Worker(part, stack)
            while True:
                kind, where = pipe.recv()
                pipe.send(("done", worker.do(kind, where)))
                if kind == "epoch":
                    worker.prepare()
    except EOFError:
        return
    except Exception as error:
        pipe.send(("error", f"{error}\n{traceback.format_exc()}"))
