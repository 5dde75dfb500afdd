# SPDX-License-Identifier: Apache-2.0
"""The program that `bench path` has stepped: faults in address spaces of given sizes.

  python -m vmalab_bench.stepped MODEL LOOKUP SEED CALLS VMAS ...

For each number of VMAs it maps as many, touches them, and faults CALLS times at addresses drawn
from SEED, each time after others have been faulted on. At TAKEN_VMAS it also makes first writes, to
pages that are not there and to pages that a child has too. Before each fault that is to be stepped
it sends itself SIGUSR1. It prints one JSON object: where the segment is, its RCU flavour, the tree
nodes of the largest address space, and what each fault was, in order.
"""

from __future__ import annotations

import json
import math
import os
import signal
import sys
from typing import TYPE_CHECKING, Any, Final, cast

import numpy as np
import numpy.typing as npt

from vmalab_bench import records, space
from vmalab_bench.base import BASE, PAGE
from vmalab_bench.size import NODE_CACHE
from vmalab_native.checks import SHM_DIRECTORY, SHM_PREFIX

if TYPE_CHECKING:
    from vmalab_native import cores
    from vmalab_native.core import Participant, Segment

STRIDE: Final = 4 * PAGE
WARM: Final = 256
TAKEN_VMAS: Final = 1000
BYTES_EACH: Final = 700
HIT, FRESH, COW = "hit", "fresh", "cow"


class _Space:
    """An address space, and the faults in it."""

    def __init__(self, participant: Participant, vmas: int, rng: np.random.Generator) -> None:
        self._participant = participant
        self._rng = rng
        self.vmas = vmas
        self.mm = participant.mm_create()
        self.addrs = BASE + np.arange(vmas, dtype="<u8") * STRIDE
        self.done: list[dict[str, Any]] = []
        records.fill(participant, self.mm, self.addrs, PAGE)

    def must(self, block: bytes, what: str) -> int:
        return int(records.must(self._participant, block, what)["value"][0])

    def faults(self, calls: int) -> list[dict[str, Any]]:
        """What was stepped, in order."""
        drawn = self._rng.choice(self.addrs, min(calls, self.vmas), replace=False)
        others = np.setdiff1d(self.addrs, drawn)
        others = others if len(others) else self.addrs
        for addr in drawn.tolist():
            self._step(HIT, addr, records.READ, others)
        if self.vmas == TAKEN_VMAS:
            for addr in drawn.tolist():
                self.must(records.forget(self.mm, addr, PAGE), "forget")
                self._step(FRESH, addr, records.WRITE, others)
            child = self.must(records.forks(self.mm), "fork")
            for addr in drawn.tolist():
                self._step(COW, addr, records.WRITE, others)
            self.must(records.exits(child), "exit")
        self.must(records.exits(self.mm), "exit")
        return self.done

    def _step(self, kind: str, addr: int, access: int, others: npt.NDArray[np.uint64]) -> None:
        self.must(records.faults(self.mm, self._rng.choice(others, WARM)), "faults on others")
        block = records.faults(self.mm, [addr], access)
        os.kill(os.getpid(), signal.SIGUSR1)
        self.must(block, kind)
        self.done.append({"vmas": self.vmas, "kind": kind})


def _where(segment: Segment) -> dict[str, Any]:
    """The addresses of the segment in this process."""
    path = str(SHM_DIRECTORY / f"{SHM_PREFIX}{segment.instance}")
    ends: list[int] = []
    with open("/proc/self/maps", encoding="utf-8") as maps:
        for line in maps:
            if line.rstrip().endswith(path):
                ends += [int(end, 16) for end in line.split()[0].split("-")]
    return {"base": min(ends), "end": max(ends)}


def _nodes(segment: Segment) -> int:
    """Tree nodes in use."""
    return next(one.active_objs for one in segment.slabinfo() if one.name == NODE_CACHE)


def main(arguments: list[str]) -> None:
    model, lookup = arguments[0], cast("cores.Lookup", arguments[1])
    seed, calls, *sizes = (int(text) for text in arguments[2:])
    need = sum(sizes) * BYTES_EACH
    with (
        space.segment(
            model=model,
            lookup=lookup,
            need_bytes=need,
            size_bytes=max(space.SIZE_BYTES, math.ceil(2 * need / (1 << 30)) << 30),
            frames_max=max(1 << 16, 2 * sum(sizes)),
            vmas_per_mm_max=max(65530, max(sizes) + 1000),
        ) as segment,
        segment.participant("client") as participant,
    ):
        rng = np.random.default_rng(seed)
        done: list[dict[str, Any]] = []
        for vmas in sorted(sizes):
            before = _nodes(segment)
            one = _Space(participant, vmas, rng)
            nodes = _nodes(segment) - before
            done += one.faults(calls)
        said = {"faults": done, "nodes": nodes, "rcu_flavour": segment.info().rcu_flavour}
        print(json.dumps(said | _where(segment)))


if __name__ == "__main__":
    main(sys.argv[1:])
