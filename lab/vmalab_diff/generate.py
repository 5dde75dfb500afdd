# SPDX-License-Identifier: Apache-2.0
"""A program from a seed: the same seed, profile and number give the same program everywhere."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Final

from vmalab_diff.chooser import PROFILES, STYLES, Chooser
from vmalab_diff.encoding import PR_SET_THP_DISABLE
from vmalab_diff.operations import BY_NAME, TABLE, noted
from vmalab_diff.program import Op

PROGRAM_OPS: Final = 220
"""Operations of one program: enough to build up a map, few enough to shrink quickly."""


FIRST: Final = ("capset", "thp_disable")
"""What only the first operations may be, or are besides: the state that a program runs in."""


def _weights(profile: str) -> list[tuple[str, int]]:
    rows = [(operation.name, operation.weights.get(profile, 0)) for operation in TABLE]
    return [row for row in rows if row[1]]


WEIGHTS: Final = {profile: _weights(profile) for profile in PROFILES}


def _next_process(c: Chooser) -> None:
    if c.chance(c.style.switch) and len(c.views) > 1:
        c.process = c.pick(sorted(c.views))


def generate(seed: int, profile: str, number: int, *, ops: int = PROGRAM_OPS) -> list[Op]:
    """Program `number` of a run.

    Args:
        profile: one of PROFILES, or "all": each program takes one of them.
        ops: its length.
    """
    rng = random.Random(f"{seed}/{profile}/{number}")
    taken = profile if profile != "all" else rng.choice(PROFILES)
    c = Chooser(rng, STYLES[taken])
    names = WEIGHTS[taken]
    program: list[Op] = []
    for name, wanted in zip(FIRST, (c.plain, c.thp), strict=True):
        if wanted:
            args = (PR_SET_THP_DISABLE, 0, 0, 0, 0) if name == "thp_disable" else (0,)
            program.append(Op(len(program), 0, name, args))
    while len(program) < ops:
        _next_process(c)
        name = c.weighted(names)
        c.uid = len(program)
        if (name == "fork" and not c.free_process()) or (name == "exit" and c.process == 0):
            continue
        op = Op(c.uid, c.process, name, BY_NAME[name].make(c))
        program.append(op)
        noted(c, op)
        if name == "fork" and isinstance(op.args[0], int):
            c.views[op.args[0]] = c.view.copy()
        elif name == "exit":
            del c.views[c.process]
            c.process = c.pick(sorted(c.views))
    return program


def alive(program: Sequence[Op]) -> list[Op]:
    """The program without operations of processes that are not there (their fork was taken out, or
    they have exited), and without forks of one that is."""
    living = {0}
    kept: list[Op] = []
    for op in program:
        if op.process not in living:
            continue
        if op.name == "fork" and isinstance(op.args[0], int):
            if op.args[0] in living:
                continue
            living.add(op.args[0])
        elif op.name == "exit":
            if op.process == 0:
                continue
            living.discard(op.process)
        kept.append(op)
    return kept
