# SPDX-License-Identifier: Apache-2.0
"""What operations require of the machine that answers: names of `vmalab_native.machine.NEEDS`.

An operation whose answer on this machine is another's (a call that the kernel has not, advice that
would take real memory out of use) is taken out of its program and counted under not_compared.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Final

from vmalab_diff.program import Op, Place
from vmalab_native import flags, machine

ALL: Final = ("x86-64", "kernel", "top-down", "thp")
"""What the whole comparison requires. Without it answers may differ that need not."""
_NAMED: Final = {
    "mseal": "mseal",
    "uffd_move": "uffd-move",
    "wrpkru": "pkeys",
    "rdpkru": "pkeys",
}
_ADVICE: Final = {
    flags.MADV["MADV_GUARD_INSTALL"]: ("guards", "guard-flag"),
    flags.MADV["MADV_GUARD_REMOVE"]: ("guards", "guard-flag"),
    flags.MADV["MADV_HWPOISON"]: ("no-memory-failure",),
    flags.MADV["MADV_SOFT_OFFLINE"]: ("no-memory-failure",),
}


def needs_of(op: Op) -> set[str]:
    """The names of what an operation requires."""
    found = {_NAMED[op.name]} if op.name in _NAMED else set()
    if op.name.startswith("uffd"):
        found.add("userfaultfd")
    match op.name, op.args:
        case ("madvise", (_, _, int(advice))) | (
            "process_madvise",
            (_, _, _, _, int(advice), _),
        ) if advice in _ADVICE:
            found.update(_ADVICE[advice])
        case "capset", (int(wanted),) if wanted:
            found.add("capabilities")
        case "uffd_copy", (_, Place(kind=""), *_):
            found.add("uffd-low-source")
        case "mmap", (_, _, _, int(how), *_):
            if how & 15 == flags.MAP["MAP_DROPPABLE"]:
                found.add("droppable")
            if how & flags.MAP["MAP_HUGETLB"]:
                found.add("no-hugetlb")
    return found


def possible(program: Sequence[Op], known: machine.Facts) -> tuple[list[Op], Counter[str]]:
    """The program without what this machine cannot answer, and how much was taken out, by reason.

    Args:
        known: facts of the machine that answers.
    """
    kept: list[Op] = []
    left_out: Counter[str] = Counter()
    for op in program:
        lacking = machine.lacks(sorted(needs_of(op)), known)
        if lacking:
            left_out[lacking[0]] += 1
        else:
            kept.append(op)
    return kept, left_out
