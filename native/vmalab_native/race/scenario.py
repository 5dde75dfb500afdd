# SPDX-License-Identifier: Apache-2.0
"""A scenario: a TOML file that says who does what, where preemption is possible, what it shows.

    title = "one line"
    about = "what happens, for a reader"
    source = "where it comes from"
    models = ["typesafe-rwsem", "refcount"]   # and the steps of these; none: all
    variants = ["sticky_flags_merged_late"]   # other designs that must not break anything
    lookup = "cache"    # how faults find VMAs; none: as VMALAB_LOOKUP says, else walk
    slab = 1            # VMA objects that are reused at once, whichever actor frees them
    points = ["walk*", "read_*"]              # shell patterns of sync points; "!name" takes out
    bound = 2           # preemptions of an exhaustive search
    schedules = 3000    # of a search, at most
    order = true        # locks that are waited for in two orders are a finding with a mutant too
    fsck = true         # walk all invariants of the segment between runs
    setup = ["m0 = new", "m0: mmap 0x10000 1 rw"]
    check = ["m0: read 0x10000"]              # done at the end; their results are compared too
    [actors]
    reader = ["m0: read 0x10000"]
    [finds]             # mutants that it shows
    mm_not_compared = "what is seen"
    [fix]               # how each was, or is, put right
    mm_not_compared = "..."
    [behind]            # where a mutant alone shows nothing: the one to switch on besides
    detached_read_last = "maker_ignores_readers"
    [only]              # why others have not the bug; need not be there
    mm_not_compared = "..."

A mutant may be named by its number in the catalogue too (B5). Operations are in language.py.
"""

from __future__ import annotations

import difflib
import fnmatch
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any, Final

from vmalab_native import cores, lab
from vmalab_native.core import lock_models
from vmalab_native.errors import InvalidArgument
from vmalab_native.race import steps
from vmalab_native.race.language import LanguageError, compile_line, needs_space

FOLDER: Final = Path(__file__).resolve().parent / "scenarios"
SLAB_MAX: Final = 16
QUIET: Final = frozenset({"walking", "woken", "done"})
"""Points that are no place for preemption unless a scenario names them."""
LETTERS: Final = {
    "mmap-lock": "M",
    "split-rwsem": "S",
    "embedded-rwsem": "E",
    "typesafe-rwsem": "T",
    "refcount": "R",
}
_TEXT, _NUMBER, _FLAG = "a text", "a number that is not negative", "true or false"
_TEXTS, _NAMED, _ACTORS = "a list of texts", "a table of texts", "a table of lists of texts"
KEYS: Final = {
    **dict.fromkeys(("title", "about", "source", "lookup"), _TEXT),
    **dict.fromkeys(("models", "variants", "points", "setup", "check"), _TEXTS),
    **dict.fromkeys(("slab", "bound", "schedules"), _NUMBER),
    **dict.fromkeys(("finds", "fix", "only", "behind"), _NAMED),
    **dict.fromkeys(("fsck", "order"), _FLAG),
    "actors": _ACTORS,
}


class ScenarioError(ValueError):
    """A scenario that cannot be read, or is not there."""


FEW: Final = 24
"""So many names are listed; of more the nearest."""
LISTS: Final = {
    "sync point": "vmalab race list --points",
    "scenario": "vmalab race list",
    "lock model": "vmalab layout --list",
}


def unknown(what: str, name: str, there: Iterable[str]) -> str:
    """A message that says what was meant if that can be guessed, and what there is, or where a long
    list of it is."""
    names = [*there]
    lower = {one.lower(): one for one in names}
    close = difflib.get_close_matches(name.lower(), lower, n=3)
    meant = [lower[one] for one in close]
    if len(meant) > 1:
        meant[-2:] = [f"{meant[-2]} or {meant[-1]}"]
    guess = f" (did you mean {', '.join(meant)}?)" if meant else ""
    if len(names) > FEW and what in LISTS:
        listed = f"there are {len(names)}: `{LISTS[what]}` lists them"
    else:
        listed = f"there are {', '.join(names)}"
    return f"there is no {what} {name!r}{guess}; {listed}"


@dataclass(frozen=True, slots=True)
class Scenario:
    """A scenario as its file has it."""

    name: str
    """Of one that comes with the package; of another one the path of its file."""
    title: str
    about: str
    source: str
    models: tuple[str, ...]
    lookup: cores.Lookup
    variants: tuple[str, ...]
    """Other ways to do something right that it must not break."""
    slab: int
    points: frozenset[str]
    bound: int
    schedules: int
    fsck: bool
    order: bool
    """Locks that one run waits for in two orders break it with a mutant too, as they do without."""
    setup: tuple[str, ...]
    check: tuple[str, ...]
    actors: dict[str, tuple[str, ...]]
    finds: dict[str, str] = field(default_factory=dict)
    fix: dict[str, str] = field(default_factory=dict)
    only: dict[str, str] = field(default_factory=dict)
    behind: dict[str, str] = field(default_factory=dict)
    variant: str = ""
    """The one that is switched on; none of a file."""

    @property
    def mortal(self) -> bool:
        """An actor is killed in it: a run needs actors of its own."""
        return any(" die " in line for lines in self.actors.values() for line in lines)

    @property
    def actor_names(self) -> list[str]:
        return list(self.actors)

    @property
    def active(self) -> tuple[str, ...]:
        """The variants that are switched on."""
        return (self.variant,) if self.variant else ()

    def fits(self, model: str) -> bool:
        """Whether it is for a lock model, or for that of a step."""
        return model in self.models or cores.family(model) in self.models

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

    def switched(self, mutant: str, model: str) -> tuple[str, ...]:
        """What has to be switched on to show a mutant: behind another check, that one's too."""
        if alone(mutant, model) or mutant not in self.behind:
            return (mutant,)
        return (mutant, self.behind[mutant])


def mutant_of(name: str) -> lab.Named:
    """A mutant by its name or its number.

    Raises:
        ScenarioError: there is no such mutant.
    """
    try:
        return lab.mutant(name)
    except InvalidArgument as error:
        raise ScenarioError(error.detail) from None


def mutant_names(given: Iterable[str]) -> tuple[str, ...]:
    """The names of mutants that are given by name or number. Raises ScenarioError."""
    return tuple(mutant_of(one).name for one in given)


def letter_of(model: str) -> str:
    """The letter of a lock model in the lists of mutants and variants; of a step its model's."""
    return LETTERS[cores.family(model)]


def applies(mutant: str, model: str) -> bool:
    """Whether a mutant means something on a lock model, or a step of one.

    Raises:
        ScenarioError: there is no such mutant.
    """
    one = mutant_of(mutant)
    return letter_of(model) in one.kind.upper() and not steps.has(one.name, model)


def alone(mutant: str, model: str) -> bool:
    """Whether a mutant shows something on a lock model when it alone is switched on: no other check
    stands behind the one that it leaves out.

    Raises:
        ScenarioError: there is no such mutant.
    """
    return letter_of(model) in mutant_of(mutant).kind


def check_applies(mutants: Iterable[str], model: str) -> None:
    """Raises ScenarioError: a mutant does not apply to the lock model; says to which it does."""
    for mutant in mutants:
        if not applies(mutant, model):
            there = ", ".join(one for one in LETTERS if applies(mutant, one))
            raise ScenarioError(f"{mutant} does not apply to {model}; it applies to {there}")


def _lookup(where: str, given: str) -> cores.Lookup:
    """How faults find VMAs in it."""
    try:
        return cores.lookup_of(given) if given else cores.default_lookup()
    except InvalidArgument as error:
        raise ScenarioError(f"{where}: {error.detail}") from None


def _points(patterns: list[str], where: str) -> frozenset[str]:
    names = [point.name for point in lab.POINTS]
    chosen: set[str] = set()
    for pattern in patterns or ["*"]:
        bare = pattern.removeprefix("!")
        found = fnmatch.filter(names, bare)
        if not found:
            raise ScenarioError(f"{where}: {unknown('sync point', bare, names)}")
        if pattern.startswith("!"):
            chosen -= set(found)
        else:
            chosen |= {name for name in found if name == bare or name not in QUIET}
    return frozenset(chosen)


def _fits(value: object, kind: str) -> bool:
    def texts(one: object) -> bool:
        return isinstance(one, list) and all(isinstance(line, str) for line in one)

    match kind:
        case "a text":
            return isinstance(value, str)
        case "true or false":
            return isinstance(value, bool)
        case "a list of texts":
            return texts(value)
        case "a table of texts":
            return isinstance(value, dict) and all(isinstance(one, str) for one in value.values())
        case "a table of lists of texts":
            return isinstance(value, dict) and all(texts(one) for one in value.values())
        case _:
            return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _check_spaces(one: Scenario) -> None:
    """Every address space that a line names is made by some line."""
    lines = [*one.setup, *one.check, *(line for lines in one.actors.values() for line in lines)]
    ops = [(line, compile_line(line)) for line in lines]
    made = {op.result for _, op in ops if op.result != lab.NO_SLOT}
    for line, op in ops:
        if needs_space(op) and op.slot not in made:
            slot = f"m{op.slot}"
            raise LanguageError(f"{line!r}: no line makes {slot}: '{slot} = new' in setup does")


def _check_limits(one: Scenario) -> None:
    """What the lab has room for."""
    parts = {"setup": one.setup, "check": one.check, **one.actors}
    for part, lines in parts.items():
        if len(lines) > lab.OPS_MAX:
            raise LanguageError(f"{part} has {len(lines)} operations, at most {lab.OPS_MAX}")
        if not lines and part in one.actors:
            raise LanguageError(f"actor {part} has no operations: give it one, or leave it out")
    if len(one.actors) > lab.ACTORS_MAX:
        raise LanguageError(f"{len(one.actors)} actors, at most {lab.ACTORS_MAX}")
    if one.slab > SLAB_MAX:
        raise LanguageError(f"slab = {one.slab}, at most {SLAB_MAX} objects")
    for actor in one.actors:
        if len(actor.split()) != 1 or "#" in actor:
            raise LanguageError(f"actor {actor!r}: a name is one word")


def _of_mutants(name: str, table: dict[str, str]) -> dict[str, str]:
    """A table with the names of its mutants as keys."""
    try:
        return {mutant_of(mutant).name: text for mutant, text in table.items()}
    except ScenarioError as error:
        raise ScenarioError(f"{name}: {error}") from None


def _variants(name: str, given: list[str]) -> tuple[str, ...]:
    try:
        return tuple(lab.variant(one).name for one in given)
    except InvalidArgument as error:
        raise ScenarioError(f"{name}: {error.detail}") from None


def with_variant(one: Scenario, model: str, variant: str) -> Scenario:
    """The scenario with that variant of the core switched on; "": as it is.

    Raises:
        ScenarioError: there is no such variant, or the lock model has nothing that it would change.
    """
    if not variant:
        return one
    try:
        found = lab.variant(variant)
    except InvalidArgument as error:
        raise ScenarioError(error.detail) from None
    if LETTERS.get(model, "-") not in found.kind:
        there = ", ".join(name for name, letter in LETTERS.items() if letter in found.kind)
        raise ScenarioError(f"variant {variant} does not apply to {model}; it applies to {there}")
    return replace(one, variant=variant)


def variants_of(one: Scenario, model: str) -> list[Scenario]:
    """The scenario with each variant that it names and the lock model has; a step has none."""
    fit = [name for name in one.variants if LETTERS.get(model, "-") in lab.variant(name).kind]
    return [with_variant(one, model, name) for name in fit]


def parse(name: str, text: str) -> Scenario:
    """Reads the text of a scenario.

    Raises:
        ScenarioError: says what is wrong in it.
    """
    try:
        data: dict[str, Any] = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ScenarioError(f"{name}: {error}") from None
    for key, value in data.items():
        if key not in KEYS:
            raise ScenarioError(f"{name}: {unknown('key', key, KEYS)}")
        if not _fits(value, KEYS[key]):
            raise ScenarioError(f"{name}: {key} = {value!r}: {KEYS[key]} is wanted")
    if not data.get("actors"):
        raise ScenarioError(f"{name}: no actors")
    models = tuple(data.get("models") or lock_models())
    for model in models:
        if model not in cores.all_models():
            raise ScenarioError(f"{name}: {unknown('lock model', model, cores.all_models())}")
    one = Scenario(
        name=name,
        title=data.get("title", name),
        about=data.get("about", "").strip(),
        source=data.get("source", ""),
        models=models,
        lookup=_lookup(name, data.get("lookup", "")),
        variants=_variants(name, data.get("variants", [])),
        slab=data.get("slab", 0),
        points=_points(data.get("points", []), name),
        bound=data.get("bound", 2),
        schedules=data.get("schedules", 3000),
        fsck=data.get("fsck", True),
        order=data.get("order", False),
        setup=tuple(data.get("setup", [])),
        check=tuple(data.get("check", [])),
        actors={actor: tuple(lines) for actor, lines in data["actors"].items()},
        finds=_of_mutants(name, data.get("finds", {})),
        fix=_of_mutants(name, data.get("fix", {})),
        only=_of_mutants(name, data.get("only", {})),
        behind={
            mutant: mutant_of(other).name
            for mutant, other in _of_mutants(name, data.get("behind", {})).items()
        },
    )
    try:
        one.program()
        _check_spaces(one)
        _check_limits(one)
    except LanguageError as error:
        raise ScenarioError(f"{name}: {error}") from None
    return one


FORMER_NAMES: Final = {
    "sequence-comes-round": "sequence-wraps-around",
    "way-of-an-earlier-fault": "stale-cached-lookup",
}
"""Names that schedules and command lines may still have."""


@cache
def names() -> tuple[str, ...]:
    """The scenarios that come with the package."""
    return tuple(sorted(path.stem for path in FOLDER.glob("*.toml")))


@cache
def _of_the_package(name: str) -> Scenario:
    """A survey asks for each of them hundreds of times."""
    return parse(name, (FOLDER / f"{name}.toml").read_text(encoding="utf-8"))


def load(name: str) -> Scenario:
    """A scenario by its name, or by the path of a file.

    Raises:
        ScenarioError: there is none, or it cannot be read.
    """
    mine = name.endswith(".toml")
    name = FORMER_NAMES.get(name, name)
    if not mine and name not in names():
        hint = "; one of your own is the path of a .toml file"
        raise ScenarioError(unknown("scenario", name, names()) + hint)
    if not mine:
        return _of_the_package(name)
    try:
        return parse(name, Path(name).read_text(encoding="utf-8"))
    except UnicodeDecodeError:
        raise ScenarioError(f"{name}: this is no text") from None
