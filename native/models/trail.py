# SPDX-License-Identifier: Apache-2.0
"""A counterexample of spin as a schedule of the lab: `make models TRAIL="refcount B2"`.

usage: trail.py MODEL MUTANT [-o FILE]

The model is searched as the lab core goes on, from sync point to sync point (common.pml: LAB); the
steps of its shortest counterexample name an actor and a sync point each, which is what a line of a
schedule does. `vmalab race replay FILE` follows them on the real core: exit code 0 when the same
invariant breaks there.
"""

from __future__ import annotations

import argparse
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
    "B1": Cast("late-unlock", (("reader",), ("unmapper", "mapper"))),
    "B2": Cast("cve-2025-38554", (("reader",), ("recycler",), ("exiter",))),
    "B4": Cast("dup-of-recycled", (("reader",), ("changer",))),
    "B5": Cast("reuse-before-lock", (("reader",), ("unmapper", "mapper"))),
    "B7": Cast("reuse-while-locking", (("reader",), ("unmapper", "mapper"))),
    "B14": Cast("protect-against-fault", (("writer",), ("protector",))),
    "B18": Cast("fork-under-faults", (("forker",), ("writer",))),
    "B21": Cast("new-vma-published", (("writer",), ("mapper",))),
    "B37": Cast("two-vma-move", (("mover",), ("unmapper",))),
    "B41": Cast("fault-lock-order", (("writer",), ("unmapper",))),
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
    models = [spin_table.LETTERS[one] for one in letters.get(mutant, "")]
    if mutant not in CASTS:
        raise ValueError(f"mutant {mutant!r}: there are trails of {', '.join(CASTS)}")
    if model not in models:
        raise ValueError(f"{mutant} is a bug of {', '.join(models)}, not of {model!r}")
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
        f"mutant {mutant}",
        f"expect {said.broken}",
    ]
    return "\n".join([*head, *lines(said.steps, cast)]) + "\n"


def main() -> int:
    parser = argparse.ArgumentParser(description="A counterexample of spin as a schedule.")
    parser.add_argument("model", help="a lock model")
    parser.add_argument("mutant", help=", ".join(CASTS))
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
