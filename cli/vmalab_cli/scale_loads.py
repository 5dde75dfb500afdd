# SPDX-License-Identifier: Apache-2.0
"""Workloads of `vmalab scale` by what the user calls them, those of the load generator too.

What a caller does over and over there, a virtual CPU does here: the pieces of its program up to the
one that comes again. What is mapped before the load is done before the run.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from vmalab.ops import Op
from vmalab_loadgen.arena import arena_base
from vmalab_loadgen.blocks import BRK_BASE
from vmalab_loadgen.script import Piece
from vmalab_loadgen.script import Place as Caller
from vmalab_loadgen.workloads import WORKLOADS
from vmalab_native.virtual import Step
from vmalab_scale.work import MM_WORD, Needs, Place, ScaleError, Work, Workload, reading

if TYPE_CHECKING:
    from vmalab_loadgen.workloads import Workload as Load

CHILD: Final = 1 << 62
"""Stands for the child of a fork, whose number is known when the run is under way."""
WORD: Final = 8
DEV: Final = 0x800001


def workload(name: str) -> Workload:
    """One of the load generator's, by its name."""
    load = WORKLOADS[name]

    def needs(cpus: int) -> Needs:
        pages = 2 * cpus * (load.pages + 1)
        return Needs((1 << 16) + pages, 16 + 2 * cpus, 4 + cpus, size_bytes=1 << 30)

    return Workload(name, text_of(load), partial(_made, load), needs)


def text_of(load: Load) -> str:
    """Who maps what, and what each CPU does."""
    where = "an address space of its own" if load.spaces == "own" else "the one address space"
    text = f"As in `vmalab load`: each CPU maps its own memory in {where}; {load.stresses}."
    return text + (" Every second CPU reads maps and smaps." if load.readers else "")


def _made(load: Load, place: Place) -> Work:
    prepare: list[tuple[int, bytes]] = []
    programs: list[list[Step]] = []
    for cpu, me in enumerate(place.people):
        mm = place.mm
        if load.spaces == "own":
            mm = me.mm_create(start_brk=BRK_BASE, brk=BRK_BASE)
        if load.readers and cpu % 2:
            programs.append([reading(mm), reading(mm, flags=True)])
            continue

        def opened(size: int, cpu: int = cpu) -> int:
            name = f"/scale-{cpu}"
            return place.people[cpu].file_open(dev=DEV, ino=cpu + 1, size_bytes=size, name=name)

        rng = np.random.default_rng([place.seed, cpu])
        begin, again = _loop(load, Caller(mm, arena_base(cpu), cpu, load.pages, rng, opened))
        prepare += [(cpu, piece.frozen().data) for piece in begin]
        programs.append([step for piece in again for step in _steps(piece, cpu)])
    return Work(prepare, list(programs), cells=[0] * place.cpus)


def _loop(load: Load, caller: Caller) -> tuple[list[Piece], list[Piece]]:
    """The pieces that are done once, and those that are done over and over: up to one that comes a
    second time, or, where each turn asks for a child, up to the next such question."""
    program = load.program(caller)
    pieces = [next(program)]
    while True:
        last = pieces[-1]
        piece = program.send([CHILD] * len(last) if last.asks else [])
        for at, one in enumerate(pieces):
            if one is piece or (one.asks and piece.asks and _forks(one) and _forks(piece)):
                return pieces[:at], pieces[at:]
        pieces.append(piece)


def _forks(piece: Piece) -> bool:
    return bool((piece.frozen().ops == Op.FORK).any())


def _steps(piece: Piece, cell: int) -> list[Step]:
    """The records of a piece, each with the answer that it must get."""
    frozen = piece.frozen()
    found = []
    for at, op in enumerate(frozen.ops.tolist()):
        block = frozen.data[int(frozen.begins[at]) : int(frozen.begins[at + 1])]
        words = [block[first : first + WORD] for first in range(0, len(block), WORD)]
        of_child = int.from_bytes(words[MM_WORD], "little") == CHILD
        if of_child:
            words[MM_WORD] = bytes(WORD)
        status = int(frozen.answers["status"][at])
        known = not status and not frozen.free[at]
        found.append(
            Step(
                b"".join(words),
                Op(op).name.lower(),
                status=status,
                value=int(frozen.answers["value"][at]) if known else None,
                keep=cell if op == Op.FORK else -1,
                patches=((MM_WORD, cell),) if of_child else (),
            )
        )
    return found


def find(name: str) -> Workload:
    """A workload by what the user calls it: a name, FILE.toml or trace:FOLDER.

    Raises:
        ScaleError: there is none, or its file is wrong.
    """
    from vmalab_scale import trace, workload_file
    from vmalab_scale.workloads import WORKLOADS as OWN

    if name.startswith(trace.TRACE):
        return trace.workload(name)
    if name.endswith(workload_file.SUFFIX):
        return workload_file.read(Path(name))
    if name in OWN:
        return OWN[name]
    if name in WORKLOADS:
        return workload(name)
    known = dict.fromkeys([*OWN, *WORKLOADS])
    raise ScaleError(f"there are {', '.join(known)}, the path of a .toml file, and trace:FOLDER")


def listed() -> list[tuple[str, str]]:
    """Name and text of each workload that has a name."""
    from vmalab_scale.workloads import WORKLOADS as OWN

    own = [(one.name, one.text) for one in OWN.values()]
    return [*own, *((name, text_of(load)) for name, load in WORKLOADS.items() if name not in OWN)]
