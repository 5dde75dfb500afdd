# SPDX-License-Identifier: Apache-2.0
"""A scenario: a TOML file that says who does what, where preemption is possible, what it shows.

    title = "one line"
    about = "what happens, for a reader"
    source = "where it comes from"
    models = ["typesafe-rwsem", "refcount"]   # none: all
    slab = 1            # VMA objects that go from hand to hand at once, whoever frees them
    points = ["walk*", "read_*"]              # shell patterns of sync points; "!name" takes out
    bound = 2           # preemptions of an exhaustive search
    schedules = 3000    # of a search, at most
    fsck = true         # walk all invariants of the segment between runs
    setup = ["m0 = new", "m0: mmap 0x10000 1 rw"]
    check = ["m0: read 0x10000"]              # done at the end; their results are compared too
    [actors]
    reader = ["m0: read 0x10000"]
    [finds]             # mutants that it shows
    B5 = "what is seen"
    [fix]               # how each was, or is, put right
    B5 = "..."
    [only]              # why others have not the bug; need not be there
    B5 = "..."

Operations are in language.py.
"""

from __future__ import annotations

import fnmatch
import tomllib
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Final

from vmalab_loadgen.race.language import LanguageError, compile_line
from vmalab_native import lab
from vmalab_native.core import lock_models

FOLDER: Final = Path(__file__).resolve().parent / "scenarios"
QUIET: Final = frozenset({"walking", "woken", "done"})
"""Points that are no place for preemption unless a scenario names them."""
LETTERS: Final = {
    "mmap-lock": "M",
    "split-rwsem": "S",
    "embedded-rwsem": "E",
    "typesafe-rwsem": "T",
    "refcount": "R",
}
_KEYS: Final = frozenset(
    (
        *("title", "about", "source", "models", "slab", "points", "bound", "schedules"),
        *("fsck", "setup", "check", "actors", "finds", "fix", "only"),
    )
)


class ScenarioError(ValueError):
    """A scenario that cannot be read, or is not there."""


@dataclass(frozen=True, slots=True)
class Scenario:
    """A scenario as its file has it."""

    name: str
    title: str
    about: str
    source: str
    models: tuple[str, ...]
    slab: int
    points: frozenset[str]
    bound: int
    schedules: int
    fsck: bool
    setup: tuple[str, ...]
    check: tuple[str, ...]
    actors: dict[str, tuple[str, ...]]
    finds: dict[str, str] = field(default_factory=dict)
    fix: dict[str, str] = field(default_factory=dict)
    only: dict[str, str] = field(default_factory=dict)

    @property
    def mortal(self) -> bool:
        """An actor is killed in it: a run needs actors of its own."""
        return any(" die " in line for lines in self.actors.values() for line in lines)

    @property
    def actor_names(self) -> list[str]:
        return list(self.actors)

    def program(self) -> lab.Program:
        return lab.Program(
            actors=tuple(tuple(map(compile_line, lines)) for lines in self.actors.values()),
            setup=tuple(map(compile_line, self.setup)),
            check=tuple(map(compile_line, self.check)),
            slab_objects=self.slab,
            points=self.points,
        )

    def mutants(self, model: str) -> list[str]:
        """The mutants that it shows on a model."""
        return [name for name in self.finds if applies(name, model)]


@cache
def _models_of() -> dict[str, str]:
    return {mutant.name: mutant.kind for mutant in lab.MUTANTS}


def applies(mutant: str, model: str) -> bool:
    """Whether a mutant means something on a lock model.

    Raises:
        ScenarioError: there is no such mutant.
    """
    kinds = _models_of()
    if mutant not in kinds:
        raise ScenarioError(f"mutant {mutant!r}, there are {', '.join(kinds)}")
    return LETTERS[model] in kinds[mutant]


def _points(patterns: list[str], where: str) -> frozenset[str]:
    names = [point.name for point in lab.POINTS]
    chosen: set[str] = set()
    for pattern in patterns or ["*"]:
        bare = pattern.removeprefix("!")
        found = fnmatch.filter(names, bare)
        if not found:
            raise ScenarioError(f"{where}: no sync point is {bare!r}")
        if pattern.startswith("!"):
            chosen -= set(found)
        else:
            chosen |= {name for name in found if name == bare or name not in QUIET}
    return frozenset(chosen)


def parse(name: str, text: str) -> Scenario:
    """Reads the text of a scenario.

    Raises:
        ScenarioError: says what is wrong in it.
    """
    try:
        data: dict[str, Any] = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ScenarioError(f"{name}: {error}") from None
    unknown = set(data) - _KEYS
    if unknown:
        raise ScenarioError(f"{name}: {', '.join(sorted(unknown))}: there is no such key")
    if not data.get("actors"):
        raise ScenarioError(f"{name}: no actors")
    models = tuple(data.get("models") or lock_models())
    for model in models:
        if model not in LETTERS:
            raise ScenarioError(f"{name}: lock model {model!r}, there are {', '.join(LETTERS)}")
    one = Scenario(
        name=name,
        title=data.get("title", name),
        about=data.get("about", "").strip(),
        source=data.get("source", ""),
        models=models,
        slab=data.get("slab", 0),
        points=_points(data.get("points", []), name),
        bound=data.get("bound", 2),
        schedules=data.get("schedules", 3000),
        fsck=data.get("fsck", True),
        setup=tuple(data.get("setup", [])),
        check=tuple(data.get("check", [])),
        actors={actor: tuple(lines) for actor, lines in data["actors"].items()},
        finds=dict(data.get("finds", {})),
        fix=dict(data.get("fix", {})),
        only=dict(data.get("only", {})),
    )
    try:
        one.program()
    except LanguageError as error:
        raise ScenarioError(f"{name}: {error}") from None
    for mutant in one.finds:
        applies(mutant, models[0])
    return one


@cache
def names() -> tuple[str, ...]:
    """The scenarios that come with the package."""
    return tuple(sorted(path.stem for path in FOLDER.glob("*.toml")))


def load(name: str) -> Scenario:
    """A scenario by its name, or by the path of a file.

    Raises:
        ScenarioError: there is none, or it cannot be read.
    """
    path = Path(name) if name.endswith(".toml") else FOLDER / f"{name}.toml"
    if not path.is_file():
        raise ScenarioError(f"scenario {name!r}, there are {', '.join(names())}")
    return parse(path.stem, path.read_text(encoding="utf-8"))
