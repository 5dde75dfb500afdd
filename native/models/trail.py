# SPDX-License-Identifier: Apache-2.0
"""A counterexample of spin as a schedule of the lab: `make models TRAIL="MODEL MUTANT"`.

usage: trail.py MODEL MUTANT [-o FILE]

The model is searched as the lab core goes on, from sync point to sync point (common.pml: LAB); the
steps of its shortest counterexample name an actor and a sync point each, which is what a line of a
schedule does. `vmalab race replay FILE` follows them on the real core: exit code 0 when the same
invariant breaks there.
"""

from __future__ import annotations

import argparse
import difflib
import shutil
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import spin_table


@dataclass(frozen=True, slots=True)
class Cast:
    """The scenario of the lab that is a scene's, and who plays whom."""

    scenario: str
    actors: tuple[tuple[str, ...], ...]
    """By number of the process in the scene; several: one for each of its operations."""


CASTS: Final = {
    "mm_read_after_put": Cast("late-unlock", (("reader",), ("unmapper", "mapper"))),
    "foreign_wake_unpinned": Cast("cve-2025-38554", (("reader",), ("recycler",), ("exiter",))),
    "dup_copies_detached": Cast("dup-of-recycled", (("reader",), ("changer",))),
    "mm_not_compared": Cast("reuse-before-lock", (("reader",), ("unmapper", "mapper"))),
    "lock_initialised_again": Cast("reuse-while-locking", (("reader",), ("unmapper", "mapper"))),
    "inner_unlock_ends_all": Cast("protect-against-fault", (("writer",), ("protector",))),
    "fork_parent_unlocked": Cast("fork-under-faults", (("forker",), ("writer",))),
    "published_incomplete": Cast("new-vma-published", (("writer",), ("mapper",))),
    "move_blocks_holding_vma": Cast("two-vma-move", (("mover",), ("unmapper",))),
    "fault_blocks_holding_vma": Cast("fault-lock-order", (("writer",), ("unmapper",))),
    "first_stamp_odd": Cast("sequence-at-its-last-number", (("reader",), ("changer",))),
}


def lines(steps: tuple[str, ...], cast: Cast) -> list[str]:
    """The steps with the names of the lab's actors; every one, so that a step which the core does
    not make is a divergence that names its line."""
    named: list[tuple[str, str]] = []
    operation = [-1] * len(cast.actors)
    for step in steps:
        number, point = int(step.split()[0]), step.split()[1]
        names = cast.actors[number]
        if point == "op_begin":
            operation[number] += 1
        last_one = operation[number] >= len(names) - 1
        if point == "done" and not last_one:
            continue
        named.append((names[max(0, min(operation[number], len(names) - 1))], point))
    return [f"{actor} {point}" for actor, point in named]


def schedule(model: str, mutant: str) -> str:
    """The text of the schedule.

    Raises:
        ValueError: there is no such trail; says which there are.
    """
    letters = spin_table.mutant_letters()
    given, mutant = mutant, spin_table.mutant_named(mutant)
    models = [spin_table.LETTERS[one] for one in letters.get(mutant, "")]
    if mutant not in CASTS:
        near = difflib.get_close_matches(mutant, CASTS, n=3)
        guess = f" (did you mean {' or '.join(near)}?)" if near else ""
        there = ", ".join(map(spin_table.mutant_label, CASTS))
        raise ValueError(f"mutant {given!r}{guess}: there are trails of {there}")
    if model not in models:
        raise ValueError(f"{given} is a bug of {', '.join(models)}, not of {model!r}")
    row = spin_table.Row(model, spin_table.MUTANTS[mutant], mutant, True)
    with tempfile.TemporaryDirectory(prefix="vmalab-trail-") as scratch:
        said = spin_table.verify(row, Path(scratch), lab=True)
    if not said.broken:
        raise ValueError(f"{model} with {mutant}: spin found nothing")
    cast = CASTS[mutant]
    head = [
        "# vmalab-sched 1",
        f"# from the model of {model}, scene {row.scene}: shortest counterexample of spin",
        f"scenario {cast.scenario}",
        f"model {model}",
        f"mutant {mutant}  # {spin_table.mutant_numbers().get(mutant, '')}".rstrip(" #"),
        f"expect {said.broken}",
    ]
    return "\n".join([*head, *lines(said.steps, cast)]) + "\n"


def main() -> int:
    parser = argparse.ArgumentParser(description="A counterexample of spin as a schedule.")
    parser.add_argument("model", help="a lock model")
    there = ", ".join(map(spin_table.mutant_label, CASTS))
    parser.add_argument("mutant", help=f"by name or number: {there}")
    parser.add_argument("-o", "--output", type=Path, help="write it here")
    wanted = parser.parse_args()
    for tool in ("spin", "gcc"):
        if not shutil.which(tool):
            print(f"{tool} is not installed: it is a Debian package", file=sys.stderr)
            return 2
    try:
        text = schedule(wanted.model, wanted.mutant)
    except ValueError as error:
        print(error, file=sys.stderr)
        return 2
    if wanted.output:
        wanted.output.write_text(text, encoding="utf-8")
    else:
        print(text, end="")
    return 0


if __name__ == "__main__":
    sys.exit(main())
