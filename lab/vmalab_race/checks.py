# SPDX-License-Identifier: Apache-2.0
"""Is each check of the look-up needed? What breaks in which lock model when one is left out.

Each row leaves out one check, one order of reads, or one rule of the lives of an object: a mutant.
A cell is what a search finds, or what stands behind the check: then neither of the two mutants
alone breaks anything in any schedule within the scenario's bound, and both together do. Orders of
memory cannot be seen on x86: the models of native/models/loom show those.
"""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from vmalab_native.race import explore, scenario
from vmalab_native.race.explore import Plan

WIDTH: Final = 118
MODELS: Final = ("split-rwsem", "embedded-rwsem", "typesafe-rwsem", "refcount")
BEGIN: Final = "<!-- made by vmalab race checks: begin -->\n"
END: Final = "<!-- made by vmalab race checks: end -->\n"
NOTES: Final = {
    "a": "No object is used again before a grace period: what a walk found stays that VMA.",
    "b": "The count is lock and attach state in one word: a free object has 0, which no reader"
    " increments, so there is no stale reader, and to store 0 again changes nothing.",
    "c": "The lock is initialised at each allocation, when nobody can hold it.",
    "d": "The lab has no step between the search for the mm and the walk. The check is there"
    " because the slot of an mm can be used again (`vma_deferred.h`).",
    "e": "Nothing of the VMA is touched after the decrement. What is touched is the mm:"
    " `mm_read_after_put` and `foreign_wake_unpinned`.",
    "f": "Found by one process alone, before anybody else comes: a rule of the allocator.",
}
_REUSE: Final = {"split-rwsem": "a", "embedded-rwsem": "a"}


@dataclass(frozen=True, slots=True)
class Check:
    """One check, order or rule."""

    what: str
    mutant: str
    """Without it, or in the other order."""
    cases: str
    """Of the three reuse cases of v4; "-": none is needed."""
    shows: dict[str, str]
    """Scenario by lock model; "*": all others."""
    absent: dict[str, str] = field(default_factory=dict)
    """Note, where a lock model does not have it."""

    def scenario_for(self, model: str) -> str:
        return self.shows.get(model) or self.shows["*"]


def _all(name: str) -> dict[str, str]:
    return {"*": name}


_SAME: Final = "reuse-in-the-same-mm"
_SHRINKS: Final = dict.fromkeys(("split-rwsem", "embedded-rwsem"), "range-shrinks")
_MISSES: Final = dict.fromkeys(("split-rwsem", "embedded-rwsem"), "miss-after-munmap")
CHECKS: Final = (
    Check("`detached`; a count of 0", "detached_ignored", "1", _MISSES | _all(_SAME)),
    Check("the range", "range_ignored", "1", _SHRINKS | _all(_SAME)),
    Check(
        "`vm_mm`; with it a foreign sequence that says unlocked",
        "mm_not_compared",
        "1",
        _all("reuse-before-lock"),
        dict.fromkeys(_REUSE, "d"),
    ),
    Check(
        "`vm_mm` is read after the lock",
        "mm_read_before_lock",
        "1, 2",
        _all("reuse-before-lock"),
        _REUSE,
    ),
    Check(
        "the mm is passed, not taken from the VMA",
        "mm_taken_from_vma",
        "2",
        _all("mm-of-the-object"),
        _REUSE,
    ),
    Check(
        "the early look at the stamp",
        "early_stamp_ignored",
        "-",
        {"refcount": "detached-in-tree", "*": "stamped-before-the-look"},
    ),
    Check(
        "the late look at the stamp", "late_stamp_ignored", "-", _all("stamp-after-the-look")
    ),
    Check(
        "`detached` is read before the fields",
        "detached_read_last",
        "3",
        _all("attached-elsewhere"),
        _REUSE | {"refcount": "b"},
    ),
    Check(
        "a maker waits for readers of the former life",
        "maker_ignores_readers",
        "3",
        _all("attached-again"),
        _REUSE | {"refcount": "b"},
    ),
    Check(
        "the first stamp of a life is no writer's number",
        "first_stamp_odd",
        "2",
        _all("sequence-at-its-last-number"),
        _REUSE | {"refcount": "b"},
    ),
    Check(
        "a copy does not carry `detached`",
        "dup_copies_detached",
        "2",
        _all("dup-of-recycled"),
        _REUSE | {"refcount": "b"},
    ),
    Check(
        "the lock is not initialised again",
        "lock_initialised_again",
        "2, 3",
        _all("reuse-while-locking"),
        dict.fromkeys(_REUSE, "c") | {"refcount": "b"},
    ),
    Check(
        "a live object is not cleared",
        "object_cleared",
        "2, 3",
        _all("reuse-while-locking"),
        dict.fromkeys(_REUSE, "a") | {"refcount": "b"},
    ),
    Check(
        "RCU around `up_read`",
        "unlock_outside_rcu",
        "-",
        _all("unlock-after-free"),
        {"refcount": "e"},
    ),
    Check(
        "free leaves the constructor's state: the lock",
        "freed_write_locked",
        "1 [f]",
        _all("freed-as-it-was"),
        dict.fromkeys(_REUSE, "c"),
    ),
    Check(
        "free leaves the constructor's state: `detached`",
        "exit_frees_attached",
        "1",
        _all("exit-frees-attached"),
        _REUSE,
    ),
    Check("`numab_state` at free and at allocation", "numab_outlives_vma", "1 [f]",
          _all("side-objects")),
    Check("`anon_name` at free and at allocation", "name_outlives_vma", "1 [f]",
          _all("side-objects")),
)  # fmt: skip
ORDERS: Final = (
    ("attach before the fields are seen", "3", "VMA-2", "typesafe-rwsem-bare", "attach-release"),
    ("`detached` before the fields", "3", "VMA-2", "typesafe-rwsem-bare", "attach-acquire"),
    ("the same, behind the maker's lock: never alone", "3", "VMA-2 and RWSEM-1", "typesafe-rwsem",
     "attach-acquire+read-acquire"),
    ("the old life's end before the new life's stamp", "2", "VMA-9", "typesafe-rwsem-section",
     "init-release"),
    ("the late look after the old life's end", "2", "VMA-9", "typesafe-rwsem", "stamp-acquire"),
    ("a writer's changes before the sequence moves", "-", "VMA-1", "typesafe-rwsem", "end-release"),
    ("the sequence before what the writer changed", "-", "VMA-1", "refcount", "seq-acquire"),
    ("attach before the fields are seen", "1", "VMA-5", "refcount", "attach-release"),
    ("the count before the identity", "1, 2", "VMA-5, VMA-6", "refcount", "get-acquire"),
    ("the writer's stamp before its flag goes", "-", "VMA-6", "refcount", "unflag-release"),
    ("the reader's accesses before it leaves", "-", "VMA-7", "refcount", "put-release"),
)  # fmt: skip
"""Order, case, letter, model of loom, and the variant that weakens it."""


@dataclass(frozen=True, slots=True)
class Cell:
    """One check in one lock model."""

    check: Check
    model: str
    invariant: str = ""
    """What breaks; empty: this model does not have the check, or nothing was found."""
    behind: str = ""
    """The mutant that has to be switched on besides."""

    @property
    def absent(self) -> str:
        return self.check.absent.get(self.model, "")

    def text(self) -> str:
        if self.absent:
            return f"[{self.absent}]"
        found = self.invariant or "**nothing**"
        return f"never alone: behind `{self.behind}`, {found}" if self.behind else found

    def plain(self) -> str:
        """For a terminal."""
        if self.absent:
            return f"not there: {NOTES[self.absent]}"
        found = self.invariant or "nothing: the check is not needed"
        return f"{found}, with {self.behind} besides" if self.behind else found

    def as_dict(self) -> dict[str, Any]:
        return {
            "check": self.check.what,
            "mutant": self.check.mutant,
            "cases": self.check.cases,
            "model": self.model,
            "scenario": "" if self.absent else self.check.scenario_for(self.model),
            "invariant": self.invariant,
            "behind": self.behind,
            "absent": NOTES.get(self.absent, ""),
        }


class NotBehind(ValueError):
    """A mutant that is said to show nothing alone does, or a search of it was cut off."""


def shows_nothing(one: scenario.Scenario, model: str, mutant: str) -> None:
    """Searches with that mutant alone.

    Raises:
        NotBehind: something breaks, or the search was cut off.
    """
    result = explore.explore(one, model, Plan(mutants=(mutant,)))
    if result.finding or not result.complete:
        raise NotBehind(f"{mutant} alone in {one.name} on {model}: {result.as_dict()}")


def look(check: Check, model: str) -> Cell:
    """Searches.

    Raises:
        NotBehind: a pair is not needed, or that could not be shown.
    """
    if model in check.absent:
        return Cell(check, model)
    one = scenario.load(check.scenario_for(model))
    switched = one.switched(check.mutant, model)
    for mutant in switched if len(switched) > 1 else ():
        shows_nothing(one, model, mutant)
    found = explore.explore(one, model, Plan(mutants=switched)).finding
    return Cell(check, model, found.violation.invariant if found else "", "".join(switched[1:]))


def cells(models: Sequence[str] = MODELS) -> list[Cell]:
    """Every check in these lock models."""
    return [look(check, model) for check in CHECKS for model in models]


def row(found: Sequence[Cell]) -> str:
    """The line of one check: of all lock models."""
    check = found[0].check
    names = sorted({check.scenario_for(cell.model) for cell in found if not cell.absent})
    shown = " ".join(f"`{name}`" for name in names)
    texts = " | ".join(cell.text() for cell in found)
    return f"| {check.what} | `{check.mutant}` | {check.cases} | {texts} | {shown} |\n"


def section(found: Sequence[Cell]) -> str:
    """The two tables and their notes, as they stand in the page."""
    head = f"| check, order or rule | left out by | case | {' | '.join(MODELS)} | scenario |\n"
    lines = [BEGIN, "\n", head, "|---" * (len(MODELS) + 4) + "|\n"]
    for check in CHECKS:
        lines.append(row([cell for cell in found if cell.check is check]))
    lines.append("\n")
    for letter, text in NOTES.items():
        lines.append(textwrap.fill(f"- [{letter}] {text}", WIDTH, subsequent_indent="  ") + "\n")
    lines += ["\nOrders of memory, which the models in `native/models/loom` show:\n\n"]
    lines += ["| order | case | letter | model of loom | weakened by |\n", "|---" * 5 + "|\n"]
    lines += [
        f"| {what} | {case} | {letter} | {model} | `{variant}` |\n"
        for what, case, letter, model, variant in ORDERS
    ]
    return "".join([*lines, "\n", END])


def write(page: Path, found: Sequence[Cell]) -> None:
    """Puts the section in the place of the one that the page has.

    Raises:
        ValueError: the page has no such place.
    """
    text = page.read_text(encoding="utf-8")
    before, begins, rest = text.partition(BEGIN)
    _, ends, after = rest.partition(END)
    if not begins or not ends:
        raise ValueError(f"{page} has no place for the table: {BEGIN.strip()} and {END.strip()}")
    page.write_text(before + section(found) + after, encoding="utf-8")
