# SPDX-License-Identifier: Apache-2.0
"""The Promela models (spin/*.pml): which scene on which lock model, with which bug in it.

A scene is who meets whom; its switches choose among its casts. A mutant is a bug of lab_mutants.h
by its name there, on the lock models that are named there, or a check of the protocol that only
the model takes away (CHECKS). The head of each scene, of rcu.pml and of recount.pml says what its
switches mean.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

HERE: Final = Path(__file__).resolve().parent
SPIN: Final = HERE / "spin"
MUTANTS_FILE: Final = HERE.parent / "include" / "vmalab" / "lab_mutants.h"
SECONDS_MAX: Final = 300
DEPTH_MAX: Final = 200_000
MEMORY_MB_MAX: Final = 2500
LETTERS: Final = {
    "M": "mmap-lock",
    "S": "split-rwsem",
    "E": "embedded-rwsem",
    "T": "typesafe-rwsem",
    "R": "refcount",
}

SCENES: Final = {
    "reuse": "MSETR",
    "reuse TWO ENDS": "MSETR",
    "reuse TWO SAME_MM": "MSETR",
    "order": "SETR",
    "order FIRST_WRITE": "SETR",
    "change": "MSETR",
    "change TWO": "SETR",
    "change NEW": "MSETR",
    "dup": "MSETR",
    "cursor": "MSETR",
    "pages MOVES": "MSETR",
    "pages MERGES": "MSETR",
    "pages BINDS": "MSETR",
    "dies": "R",
    "wrap": "SETR",
    "wrap ROUND": "SETR",
    "wrap FIRST": "SETR",
    "fork": "MSETR",
    "fork FAILS": "MSETR",
    "stack": "MSETR",
}
"""Scene with its switches, and the lock models on which the intact one must pass."""

MUTANTS: Final = {
    "mm_read_after_put": "reuse",
    "foreign_wake_unpinned": "reuse ENDS",
    "dup_copies_detached": "dup",
    "mm_not_compared": "reuse",
    "lock_initialised_again": "reuse",
    "exit_frees_attached": "reuse ENDS",
    "readers_unlimited": "change TWO",
    "stale_leaf": "cursor",
    "anon_vma_seen_unlocked": "pages MOVES",
    "inner_unlock_ends_all": "change",
    "dead_writer_excludes": "dies",
    "read_locked_may_fail": "wrap",
    "fork_parent_unlocked": "fork",
    "stack_grows_unlocked": "stack",
    "stack_grows_read_locked": "stack",
    "published_incomplete": "change NEW",
    "mbind_unlocked": "pages BINDS",
    "merge_anon_unlocked": "pages MERGES",
    "failed_fork_keeps_vmas": "fork FAILS",
    "move_blocks_holding_vma": "order",
    "fault_blocks_holding_vma": "order FIRST_WRITE",
    "wrap_keeps_stamps": "wrap ROUND",
    "first_stamp_odd": "wrap FIRST",
    "writer_ignores_readers": "reuse",
    "early_stamp_ignored": "cursor",
    "early_stamp_retries": "cursor",
}
"""The scene that shows a mutant of lab_mutants.h, on each lock model that it applies to there."""

FILES: Final = "pages of a truncated file; files are not in these models"
READ: Final = "the order of reads inside vma_start_read, which are one step here; loom has VMA-2"
SIDE: Final = "an object beside the VMA, which nobody else looks at"
FLAGS: Final = "flags of a VMA, which the locks here do not have"
ELSEWHERE: Final = {
    "failed_merge_goes_on": "one process alone: what a merge does after it found no memory",
    "freeptr_over_attached": "free pointers; a slab here is a list that no reader sees",
    "leaf_changed_in_place": "pivots and slots inside a leaf; a node here is its entries",
    "store_takes_wrong_node": "one process alone: which node of the tree a store takes",
    "dead_waiter_stays_noted": "the WAITERS flag of a semaphore; semaphores here have no queue",
    "exit_detaches_late": "recovery, and processes that die: the models have none",
    "merge_detaches_late": "recovery, and processes that die: the models have none",
    "shared_page_reused": "page counts and what a TLB still holds; a page here is one word",
    "lookup_cached_too_long": "what a participant keeps between faults; each fault walks here",
    "maps_gap_believed": "the text of maps, which is not part of the locks",
    "unmapped_before_sized": FILES,
    "unmapped_before_uncached": FILES,
    "fault_keeps_cut_page": FILES,
    "fork_copies_cut_page": FILES,
    "seal_misses_fork": "seals of a file; files are not in these models",
    "split_loses_guard": FLAGS,
    "change_loses_guard": FLAGS,
    "merge_loses_guard": FLAGS,
    "move_copies_unlocked": FLAGS,
    "remap_looks_unlocked": FLAGS,
    "wrap_death_keeps_stamps": "recovery, which is no part of the locks",
    "late_stamp_ignored": "the switch NO_LATE of CHECKS",
    "detached_ignored": "the switch NO_DETACHED of CHECKS; refcount: a count of 0 has no reader",
    "range_ignored": "a VMA here has one address, and an object one VMA at a time",
    "mm_read_before_lock": READ,
    "mm_taken_from_vma": READ,
    "detached_read_last": READ,
    "maker_ignores_readers": "a maker here waits in the one step that stamps",
    "unlock_outside_rcu": "grace periods of slab pages; an object here is always an object",
    "object_cleared": "the members of an object; lock_initialised_again is the part of it here",
    "refused_reader_stays": "a count that is never given back; a reader here gives it back",
    "maps_keeps_lock": "reading maps, which is no scene here",
    "failed_map_keeps_file": "one process alone: what a call that fails gives back",
    "typesafe_merged": "objects of two types; a slab here has VMAs alone",
    "impostor_taken": "a driver that keeps an address between two calls; each call here is one",
    "stack_vma_unconstructed": "one process alone: the memory of a VMA that nobody else finds",
    "freed_write_locked": "one process alone: the state in which it frees an object",
    "numab_outlives_vma": SIDE,
    "name_outlives_vma": SIDE,
}
"""Mutants that these models cannot have, and why."""

CHECKS: Final = (
    ("SETR", "change", "NO_LATE"),
    ("T", "reuse SAME_MM", "NO_DETACHED"),
    ("SE", "reuse", "NO_GRACE"),
    ("S", "reuse", "LOCK_EARLY"),
)
"""Models, scene, and a check of the protocol that is taken away."""

RCU: Final = (
    ("", False),
    ("FENCED", False),
    ("NESTED", False),
    ("DIES", False),
    ("POLLS=2", False),
    ("TAG_EXACT", False),
    ("FLIP_LATE", False),
    ("SCAN_FIRST", False),
    ("NO_WAIT", True),
    ("NO_BARRIER", True),
    ("NO_FENCE", True),
    ("TAG_FIRST POLLS=2", True),
    ("TAG_EXACT FLIP_LATE", True),
    ("TAG_EXACT SCAN_FIRST", True),
    ("NOT_COUNTED", True),
    ("NOT_OLDEST", True),
    ("NO_LOCK OBJECTS=3 FENCED", True),
    ("NESTED NEST", True),
    ("SHOWS_LATE", True),
    ("ENDS_EARLY", True),
    ("DIES DEAD_ALIVE", True),
)
"""Switches of rcu.pml, and whether a counterexample is wanted."""

RECOUNT: Final = (
    ("", False),
    ("MAKES", False),
    ("DIES", False),
    ("NO_NOTE", True),
    ("NOTES_ALL", True),
    ("MAKES NEW_UNCOUNTED", True),
    ("NOTES_LATE", True),
    ("DIES KEEPS_SUMS", True),
    ("KEEPS_EPOCH", True),
    ("DROPS_FIRST", True),
    ("DIES STAYS_TWICE", True),
)
"""The same of recount.pml."""

APART: Final = {"rcu": RCU, "recount": RECOUNT}
"""Models that have no scenes."""

QUICK: Final = frozenset(
    (
        ("split-rwsem", "reuse", ""),
        ("typesafe-rwsem", "dup", ""),
        ("refcount", "reuse", ""),
        ("rcu", "FENCED", ""),
        ("mmap-lock", "stack", "stack_grows_read_locked"),
        ("split-rwsem", "reuse", "LOCK_EARLY"),
        ("embedded-rwsem", "fork", "fork_parent_unlocked"),
        ("typesafe-rwsem", "dup", "dup_copies_detached"),
        ("refcount", "reuse ENDS", "foreign_wake_unpinned"),
        ("refcount", "dies", "dead_writer_excludes"),
        ("rcu", "NO_BARRIER", ""),
        ("recount", "", ""),
        ("recount", "DIES KEEPS_SUMS", ""),
    )
)
"""What `make test` runs of it."""


@dataclass(frozen=True, slots=True)
class Row:
    """One model with one bug, or none."""

    model: str
    scene: str
    """With its switches; of what has no scenes: the switches."""
    mutant: str
    wanted: bool
    """A counterexample is wanted."""

    @property
    def switches(self) -> list[str]:
        """For the preprocessor."""
        words = [*self.scene.split(), *self.mutant.split()]
        if self.model not in APART:
            words[0] = f"SCENE_{words[0]}"
        return [f"-D{word}" for word in words]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What spin says of a row."""

    broken: str
    """The rule that breaks; empty: none."""
    states: str
    depth: str
    whole: bool
    """Nothing was cut off."""
    steps: tuple[str, ...]
    """Of the counterexample: `ACTOR POINT`."""


_LINE: Final = re.compile(r'^X\((\w+), "(\w*)",\s+"([MSETRmsetr]+)"', re.MULTILINE)


def _mutant_lines() -> list[tuple[str, str, str]]:
    """Of each mutant of the lab core: its name, its number or "", its lock models by letter."""
    return _LINE.findall(MUTANTS_FILE.read_text(encoding="utf-8"))


def mutant_letters() -> dict[str, str]:
    """The mutants of the lab core, and the letters of the lock models on which each alone shows
    something."""
    return {name: "".join(filter(str.isupper, letters)) for name, _, letters in _mutant_lines()}


def mutant_numbers() -> dict[str, str]:
    """The mutants that have a number in the catalogue, and the number."""
    return {name: number for name, number, _ in _mutant_lines() if number}


def mutant_named(given: str) -> str:
    """The name of a mutant that is given by name or by number; what is neither stays as it is."""
    return {number: name for name, number in mutant_numbers().items()}.get(given, given)


def mutant_label(name: str) -> str:
    """For a reader: the name, and the number beside it."""
    number = mutant_numbers().get(name)
    return f"{name} ({number})" if number else name


def forgotten() -> list[str]:
    """Mutants of the lab that are neither here nor said to be elsewhere."""
    return sorted(set(mutant_letters()) - set(MUTANTS) - set(ELSEWHERE))


def rows() -> Iterator[Row]:
    """Every row."""
    letters = mutant_letters()
    for scene, models in SCENES.items():
        for letter in models:
            yield Row(LETTERS[letter], scene, "", False)
    for mutant, scene in MUTANTS.items():
        for letter in letters[mutant]:
            yield Row(LETTERS[letter], scene, mutant, True)
    for models, scene, check in CHECKS:
        for letter in models:
            yield Row(LETTERS[letter], scene, check, True)
    for model, variants in APART.items():
        for switches, wanted in variants:
            yield Row(model, switches, "", wanted)


def verify(row: Row, folder: Path, *, lab: bool = False) -> Verdict:
    """Every interleaving, or a counterexample.

    Args:
        folder: an empty one, for what spin makes.
        lab: as the lab core goes on, from sync point to sync point; the shortest counterexample.

    Raises:
        CalledProcessError: spin or gcc does not take the model.
        TimeoutExpired: after SECONDS_MAX.
    """
    for path in SPIN.glob("*.pml"):
        shutil.copy(path, folder)
    flags = [*row.switches, *(["-DLAB"] if lab else [])]
    said = subprocess.run(["spin", "-a", *flags, f"{row.model}.pml"], cwd=folder, check=True,
                          capture_output=True, text=True)  # fmt: skip
    if "Error" in said.stdout:
        raise subprocess.CalledProcessError(1, said.args, said.stdout)
    # Optimised where it pays: the compiler takes longer than most of the searches.
    level = "-O2" if row.model in APART else "-O0"
    ways = ["-DNOREDUCE", "-DBFS"] if lab else []
    subprocess.run(["gcc", level, "-w", "-DSAFETY", *ways, f"-DMEMLIM={MEMORY_MB_MAX}", "-o",
                    "pan", "pan.c"], cwd=folder, check=True)  # fmt: skip
    done = subprocess.run([str(folder / "pan"), f"-m{DEPTH_MAX}"], cwd=folder, capture_output=True,
                          text=True, timeout=SECONDS_MAX, check=False).stdout  # fmt: skip
    cut = "max search depth too small" in done or "out of memory" in done
    errors, broken = re.search(r"errors: (\d+)", done), ""
    steps: tuple[str, ...] = ()
    if errors is not None and errors[1] != "0":
        trail = subprocess.run(["spin", "-t", "-T", *flags, f"{row.model}.pml"], cwd=folder,
                               capture_output=True, text=True, check=True).stdout  # fmt: skip
        steps = tuple(re.findall(r"^\s*lab (\d+ \w+)$", trail, re.MULTILINE))
        rule = re.search(r"^\s*breaks (\w+)", trail, re.MULTILINE)
        if rule:
            broken = rule[1].replace("_", "-")
        elif "pan:1: invalid end state" in done:
            broken = "deadlock"
        else:
            broken = "assertion"
    states = re.search(r"([\d.e+]+) states, stored", done)
    depth = re.search(r"depth reached (\d+)", done)
    return Verdict(
        broken,
        str(int(float(states[1]))) if states else "?",
        depth[1] if depth else "?",
        errors is not None and not (cut and errors[1] == "0"),
        steps,
    )
