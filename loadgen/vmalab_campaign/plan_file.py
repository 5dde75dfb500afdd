# SPDX-License-Identifier: Apache-2.0
"""The file of a campaign: which runs there are.

    [global]            # what holds for each section whose kind has the key
    model = ["typesafe-rwsem", "refcount"]
    seeds = 3
    duration = "2s"

    [faults]
    kind = "load"
    workload = ["page_fault1", "mmap1"]
    mode = "attach"

    [order]
    kind = "lin"

A list is an axis: a section has a run for each combination of the values of its axes, and for each
seed. kinds.py has the table of keys.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path
from typing import Any, Final

from vmalab_campaign import fitting
from vmalab_campaign.kinds import COMMON, KINDS, Kind, Value, key_of
from vmalab_campaign.plan import RUNS_MAX, Plan, Run, setting_words
from vmalab_drive.errors import UsageError
from vmalab_loadgen import units
from vmalab_loadgen.job_file import GLOBAL, NAME, SCHEMA_ID, Key, Text, property_of, value_of

SECTIONS_MAX: Final = 32
VALUES_MAX: Final = 256
"""On an axis."""
TEXT_MAX: Final = 256 << 10
TIMEOUT_S: Final = 3600.0
SEED_MAX: Final = (1 << 31) - 1
Given = dict[str, Value | list[Value]]
"""By key; a list is an axis, but for keys of several texts."""


@dataclass(frozen=True, slots=True)
class _Section:
    name: str
    kind: Kind
    fixed: Mapping[str, Any]
    axes: Mapping[str, list[Value]]
    seeds: tuple[int, ...]
    timeout_s: float


def read(path: Path) -> Plan:
    """The plan of a file.

    Raises:
        UsageError: it has none, or cannot be read.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "no UTF-8 text"
        raise UsageError(f"{path}: {why}") from None
    return parse(text, where=str(path), folder=path.absolute().parent)


def parse(text: str, *, where: str, folder: Path) -> Plan:
    """The plan that a text says.

    Args:
        where: what messages call the file.
        folder: where the files lie that it names.

    Raises:
        UsageError: with the line and the key of the first thing that is wrong.
    """
    if len(text) > TEXT_MAX:
        raise UsageError(f"{where}: {len(text)} characters, allowed are {TEXT_MAX}")
    try:
        data: dict[str, object] = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"{where}: no TOML: {error}") from None
    lines = Text(where, text)
    general = _rows(lines, data, GLOBAL) if GLOBAL in data else {}
    names = [name for name in data if name != GLOBAL]
    if not names:
        raise UsageError(f'{where}: no section: give one for each work, as [faults] kind = "load"')
    if len(names) > SECTIONS_MAX:
        raise UsageError(f"{where}: {len(names)} sections, allowed are {SECTIONS_MAX}")
    sections = [_section(lines, name, _rows(lines, data, name), general) for name in names]
    _all_used(lines, general, sections)
    processors = _processors(lines, general)
    measures = tuple(one.name for one in sections if one.kind.measures)
    runs, left_out = _runs(lines, sections, folder)
    return Plan(where, text, processors, runs, left_out, measures)


def _rows(lines: Text, data: Mapping[str, object], name: str) -> dict[str, object]:
    """The keys of a section, or of [global], as they stand there."""
    rows = data[name]
    if not isinstance(rows, dict):
        raise lines.wrong("a key in no section: put it under [global]", key=name)
    if name != GLOBAL and not re.fullmatch(NAME, name):
        said = "is no name of a section: 1 to 31 of A-Z a-z 0-9 _ -, a letter first"
        raise lines.wrong(said, table=name)
    for key in rows:
        one = key_of(key)
        if one is None:
            raise lines.wrong("there is no such key", table=name, key=key)
        if name != GLOBAL and key in COMMON and one.whole_job:
            said = "holds for the whole campaign: put it under [global]"
            raise lines.wrong(said, table=name, key=key)
    return rows


def _processors(lines: Text, general: Mapping[str, object]) -> int:
    """That a run has for itself; 0: the file does not say."""
    key = "processors"
    if key not in general:
        return 0
    found = value_of(lines, GLOBAL, key, COMMON[key], general[key])
    assert isinstance(found, int)
    return found


def _all_used(lines: Text, general: Mapping[str, object], sections: list[_Section]) -> None:
    for key in general:
        if key not in COMMON and not any(key in one.kind.keys for one in sections):
            kinds = ", ".join(kind.name for kind in KINDS.values() if key in kind.keys)
            said = f"no section is of a kind that has this key: {kinds}"
            raise lines.wrong(said, table=GLOBAL, key=key)


def _section(
    lines: Text, name: str, own: Mapping[str, object], general: Mapping[str, object]
) -> _Section:
    kind = _kind(lines, name, own, general)
    known = {**COMMON, **kind.keys}
    for key in own:
        if key not in known:
            there = ", ".join(kind.keys)
            said = f"{kind.name} has no such key; there are {there}"
            raise lines.wrong(said, table=name, key=key)
    gone = {other for key in own for other in known[key].instead}
    rows = {key: (GLOBAL, value) for key, value in general.items()
            if key in known and key not in gone}  # fmt: skip
    rows |= {key: (name, value) for key, value in own.items()}
    fixed: dict[str, Any] = {}
    axes: dict[str, list[Value]] = {}
    for key, (table, value) in rows.items():
        if key in COMMON:
            continue
        if isinstance(value, list) and known[key].kind != "texts":
            axes[key] = _axis(lines, table, key, known[key], value)
        else:
            fixed[key] = value_of(lines, table, key, known[key], value)
    if kind.behind and kind.behind not in rows:
        raise lines.wrong(f"{kind.name} needs {kind.behind}", table=name)
    seeds = _seeds(lines, rows)
    return _Section(name, kind, fixed, axes, seeds, _timeout(lines, rows))


def _kind(lines: Text, name: str, own: Mapping[str, object], general: Mapping[str, object]) -> Kind:
    table = name if "kind" in own else GLOBAL
    value = own.get("kind", general.get("kind"))
    if value is None:
        raise lines.wrong(f"no kind: give kind = {' | '.join(KINDS)}", table=name)
    found = value_of(lines, table, "kind", COMMON["kind"], value)
    return KINDS[str(found)]


def _axis(lines: Text, table: str, key: str, one: Key, values: list[object]) -> list[Value]:
    if not values:
        raise lines.wrong("an empty list: give a value or more", table=table, key=key)
    if len(values) > VALUES_MAX:
        said = f"{len(values)} values, allowed are {VALUES_MAX}"
        raise lines.wrong(said, table=table, key=key)
    found: list[Value] = []
    for value in values:
        checked = value_of(lines, table, key, one, value)
        assert isinstance(checked, str | int | float)
        if checked in found:
            raise lines.wrong(f"{checked!r} stands there twice", table=table, key=key)
        found.append(checked)
    return found


def _seeds(lines: Text, rows: Mapping[str, tuple[str, object]]) -> tuple[int, ...]:
    table, first = rows.get("seed", (GLOBAL, 1))
    begin = value_of(lines, table, "seed", COMMON["seed"], first)
    table, value = rows.get("seeds", (GLOBAL, 1))
    if isinstance(value, list):
        if "seed" in rows:
            raise lines.wrong("a list: leave seed out", table=table, key="seeds")
        seeds = _axis(lines, table, "seeds", COMMON["seed"], value)
        return tuple(int(one) for one in seeds)
    count = value_of(lines, table, "seeds", COMMON["seeds"], value)
    assert isinstance(begin, int)
    assert isinstance(count, int)
    if begin + count - 1 > SEED_MAX:
        raise lines.wrong(f"seeds up to {SEED_MAX}", table=table, key="seeds")
    return tuple(range(begin, begin + count))


def _timeout(lines: Text, rows: Mapping[str, tuple[str, object]]) -> float:
    if "timeout" not in rows:
        return TIMEOUT_S
    table, value = rows["timeout"]
    text = value_of(lines, table, "timeout", COMMON["timeout"], value)
    try:
        found = units.seconds(str(text))
    except units.UnitError as error:
        raise lines.wrong(str(error), table=table, key="timeout") from None
    if found <= 0:
        raise lines.wrong("give more than 0", table=table, key="timeout")
    return found


# --- the runs ---


def _runs(
    lines: Text, sections: list[_Section], folder: Path
) -> tuple[tuple[Run, ...], tuple[str, ...]]:
    """The runs of all sections, seeds in the outermost loop; what was left out, with the reason."""
    settings, left_out = [], []
    for section in sections:
        good, bad = _settings(lines, section, folder)
        settings.append((section, good))
        left_out += bad
    count = sum(len(good) * len(section.seeds) for section, good in settings)
    if count > RUNS_MAX:
        raise lines.wrong(f"{count} runs, allowed are {RUNS_MAX}")
    runs: list[Run] = []
    for turn in range(max(len(section.seeds) for section in sections)):
        for section, good in settings:
            if turn < len(section.seeds):
                for axes in good:
                    run = _run(section, axes, section.seeds[turn], len(runs) + 1, folder)
                    runs.append(run)
    return tuple(runs), tuple(left_out)


def _settings(
    lines: Text, section: _Section, folder: Path
) -> tuple[list[dict[str, Value]], list[str]]:
    """The combinations that can be, and a line for each that cannot.

    A value that is in no combination that can be is wrong by itself.
    """
    combinations = [
        dict(zip(section.axes, values, strict=True)) for values in product(*section.axes.values())
    ]
    if len(combinations) > RUNS_MAX:
        said = f"{len(combinations)} combinations, allowed are {RUNS_MAX}"
        raise lines.wrong(said, table=section.name)
    good: list[dict[str, Value]] = []
    bad: list[tuple[dict[str, Value], fitting.Unfit]] = []
    for axes in combinations:
        try:
            fitting.check(section.kind, {**section.fixed, **axes}, folder)
            good.append(axes)
        except fitting.Unfit as error:
            bad.append((axes, error))
    if not good:
        raise _placed(lines, section.name, bad[0][1].key, str(bad[0][1]))
    for key, values in section.axes.items():
        for value in values:
            why = [str(error) for axes, error in bad if axes[key] == value]
            if why and not any(axes[key] == value for axes in good):
                raise _placed(lines, section.name, key, why[0])
    words = [" ".join((section.name, *setting_words(axes))) for axes, _ in bad]
    return good, [f"{name}: {error}" for name, (_, error) in zip(words, bad, strict=True)]


def _placed(lines: Text, name: str, key: str, said: str) -> UsageError:
    """The error of a key, in the section or in [global], wherever it stands."""
    for table in (name, GLOBAL):
        if key and lines.has(table, key):
            return lines.wrong(said, table=table, key=key)
    return lines.wrong(f"{key}: {said}" if key else said, table=name)


def _run(section: _Section, axes: Mapping[str, Value], seed: int, number: int, folder: Path) -> Run:
    files: dict[str, str] = {}
    given = {**section.fixed, **axes}
    for key, value in given.items():
        path = fitting.file_of(key, value, folder)
        if path is not None:
            given[key] = path.name
            files[path.name] = path.read_text(encoding="utf-8")
    words = tuple(_words(section.kind, given, seed))
    return Run(number, section.name, section.kind.name, axes, seed, words, files,
               section.timeout_s)  # fmt: skip


def _words(kind: Kind, given: Mapping[str, Any], seed: int) -> Iterator[str]:
    """The command of a run."""
    yield from kind.words
    if kind.behind:
        yield str(given[kind.behind])
    for key, value in given.items():
        option = "--" + key.replace("_", "-")
        if key == kind.behind or value is False:
            continue
        if value is True:
            yield option
        elif isinstance(value, list):
            for one in value:
                yield from (option, one)
        elif key in kind.plain_seconds:
            yield from (option, f"{units.seconds(str(value)):g}")
        else:
            yield from (option, str(value))
    yield from ("--seed", str(seed), "--json")


# --- the schema ---


def _property(name: str, key: Key) -> dict[str, Any]:
    found = property_of(key)
    says = found.pop("description")
    if name == "seeds":
        items = property_of(COMMON["seed"])
        del items["description"]
    elif key.kind == "texts" or name in COMMON:
        return {"description": says, **found}
    else:
        items = found
    more = {"type": "array", "items": items, "minItems": 1, "maxItems": VALUES_MAX}
    return {"description": says, "anyOf": [found, more]}


def schema() -> dict[str, Any]:
    """The JSON schema of what a campaign's file says."""

    def table(says: str, keys: Mapping[str, Key], *, whole: bool) -> dict[str, Any]:
        return {
            "description": says,
            "type": "object",
            "additionalProperties": False,
            "properties": {
                name: _property(name, key)
                for name, key in keys.items()
                if whole or name not in COMMON or not key.whole_job
            },
        }

    every: dict[str, Key] = dict(COMMON)
    for kind in KINDS.values():
        every |= {name: key for name, key in kind.keys.items() if name not in every}
    return {
        "$schema": SCHEMA_ID,
        "title": "a campaign of vmalab",
        "type": "object",
        "properties": {GLOBAL: table("what holds for each section", every, whole=True)},
        "patternProperties": {
            f"^(?!{GLOBAL}$){NAME}$": {
                "anyOf": [
                    table(
                        f"runs of vmalab {' '.join(kind.words)}",
                        {**COMMON, "kind": replace(COMMON["kind"], only=(kind.name,)), **kind.keys},
                        whole=False,
                    )
                    for kind in KINDS.values()
                ]
            }
        },
        "additionalProperties": False,
        "minProperties": 1,
        "maxProperties": SECTIONS_MAX + 1,
    }  # fmt: skip
