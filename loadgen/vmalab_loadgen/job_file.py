# SPDX-License-Identifier: Apache-2.0
"""Job files: groups of callers that run side by side, a section each, as fio has them.

    [global]            # what holds for each section that does not say otherwise
    mode = "attach"
    duration = "10s"

    [writers]
    workload = "mmap1"
    processes = 2

    [reader]
    mix = "fault=100"
    rate = "20k"
    start_after = "2s"

A key is an option of `vmalab load`, with _ for -. KEYS is the one table of them: the reader, the
schema and what messages say come from it.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, Literal

from vmalab_drive.errors import UsageError
from vmalab_loadgen.config import BLOCK_OPS, CALLERS_MAX, LoadConfig
from vmalab_loadgen.given import PROCESSES_MAX, config_of, unused
from vmalab_loadgen.pacing import ARRIVALS
from vmalab_loadgen.pattern import FORMS
from vmalab_loadgen.thresholds import Threshold, ThresholdError

GLOBAL: Final = "global"
SECTIONS_MAX: Final = 16
CALLERS_ALL_MAX: Final = CALLERS_MAX
"""Of all sections together."""
TEXT_MAX: Final = 64 << 10
SCHEMA_ID: Final = "https://json-schema.org/draft/2020-12/schema"
NAME: Final = r"[A-Za-z][A-Za-z0-9_-]{0,30}"
Kind = Literal["text", "number", "whole", "flag", "texts"]
"""number: a text with a unit, or a number."""


@dataclass(frozen=True, slots=True)
class Key:
    """What may stand behind a key.

    Attributes:
        low, high: of a whole number.
        only: the texts that there are.
        whole_job: stands in [global] alone.
        instead: keys of [global] that do not hold where a section has this one.
    """

    kind: Kind
    says: str
    low: int = 0
    high: int = 0
    only: tuple[str, ...] = ()
    whole_job: bool = False
    instead: tuple[str, ...] = ()


KEYS: Final[Mapping[str, Key]] = {
    "mode": Key("text", "how operations travel", only=tuple(BLOCK_OPS)),
    "workload": Key("text", "a named workload, or trace:FOLDER", instead=("mix",)),
    "mix": Key("text", "weights of operations, as fault=90,mmap=5,munmap=5",
               instead=("workload",)),
    "processes": Key("whole", "client processes", 1, PROCESSES_MAX),
    "concurrency": Key("whole", "closed loop: requests outstanding at a time", 1, CALLERS_MAX,
                       instead=("rate", "stages")),
    "own_mm": Key("flag", "an address space for each caller", instead=("shared_mm",)),
    "shared_mm": Key("whole", "address spaces that the callers of the section share", 1,
                     CALLERS_MAX, instead=("own_mm",)),
    "rate": Key("number", "open loop: operations per second of the section, as 20k",
                instead=("stages", "concurrency")),
    "stages": Key("text", "open loop: TIME:RATE or TIME:RATE-RATE, in turn, as 10s:1k,30s:1k-20k",
                  instead=("rate", "duration", "concurrency")),
    "arrival": Key("text", "open loop: how operations come", only=ARRIVALS),
    "burst": Key("whole", "operations that come at once, for burst", 1, 1 << 20),
    "rate_may_miss": Key("flag", "a rate that is not reached is said, and no failure"),
    "start_after": Key("number", "the section begins so long after the job, as 5s"),
    "warmup": Key("number", "time before the load in which nothing is measured, as 2s"),
    "duration": Key("number", "length of the load, as 30s", instead=("stages",)),
    "ops": Key("whole", "the section ends after so many operations", 1, 1 << 62),
    "vmas": Key("whole", "VMAs of each caller of a mix", 4, 65536),
    "pattern": Key("text", f"pages that the faults of a mix go to: {FORMS}"),
    "vma_pattern": Key("text", "VMAs that the calls of a mix go to: as pattern"),
    "fork_tree": Key("text", "DEPTHxWIDTH: the address spaces that each caller of a mix forks"),
    "churn": Key("number", "callers that leave, and others that come, per second, as 5"),
    "map_pages": Key("number", "pages of a map of a mix: 8, 4-64, or 1:50,8-64:50 with weights"),
    "block_ops": Key("whole", "operations in a block", 1, 65536),
    "window": Key("whole", "blocks in flight, for batch", 1, 64),
    "sample": Key("whole", "attached, closed loop: one fault in so many is timed; else: of one "
                  "call or block in so many it is asked where the time went; 0: none", 0, 1 << 20),
    "threshold": Key("texts", "what has to hold, as fault.p99<2ms"),
    "seed": Key("whole", "of the section; of [global]: of the first section, the next has the next",
                0, (1 << 31) - 1),
    "interval": Key("number", "time between two rows of the time series, as 1s", whole_job=True),
    "check": Key("flag", "check every invariant and look for leaks at the end", whole_job=True),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Section:
    """A group of callers."""

    name: str
    config: LoadConfig
    thresholds: tuple[Threshold, ...]


@dataclass(frozen=True, slots=True)
class Job:
    """What a file says. seed: that of its first section, if that has none of its own."""

    name: str
    seed: int
    sections: tuple[Section, ...]


class Text:
    """The file as text: where a key is, which the parser does not say."""

    def __init__(self, where: str, text: str) -> None:
        self._where = where
        self._lines = text.split("\n")

    def wrong(self, said: str, *, table: str = "", key: str = "") -> UsageError:
        """The error of a key of a table, or of a table; of neither: of the file's head."""
        line = self.line(table, key)
        place = ", ".join(part for part in (table and f"[{table}]", key) if part)
        return UsageError(f"{self._where}, line {line}, {place or 'the file'}: {said}")

    def line(self, table: str, key: str) -> int:
        """Of the key, else of the table's head."""
        start = 0 if table else 1
        for at, line in enumerate(self._lines, 1):
            head = re.match(r"\s*\[+\s*[\"']?([^\]\"'\s]+)[\"']?\s*\]", line)
            if head:
                if start and (table or key):
                    break
                start = at if head[1] == table else 0
            elif start and key and re.match(rf"\s*[\"']?{re.escape(key)}[\"']?\s*=", line):
                return at
        return start or 1

    def has(self, table: str, key: str) -> bool:
        return self.line(table, key) != self.line(table, "")


def value_of(text: Text, table: str, key: str, one: Key, value: object) -> object:
    """The value of a key as an option has it.

    Raises:
        UsageError: it is not what may stand behind the key.
    """

    def wrong(said: str) -> UsageError:
        return text.wrong(said, table=table, key=key)

    is_whole = isinstance(value, int) and not isinstance(value, bool)
    match one.kind:
        case "flag":
            if not isinstance(value, bool):
                raise wrong(f"{value!r}: give true or false")
        case "whole":
            if not is_whole or not isinstance(value, int) or not one.low <= value <= one.high:
                raise wrong(f"{value!r}: give a whole number from {one.low} to {one.high}")
        case "number":
            if is_whole or isinstance(value, float):
                return f"{value}"
            if not isinstance(value, str) or not value:
                raise wrong(f"{value!r}: {one.says}")
        case "text":
            if not isinstance(value, str) or not value or (one.only and value not in one.only):
                raise wrong(f"{value!r}: give {', '.join(one.only) or one.says}")
        case "texts":
            if not isinstance(value, list) or not all(isinstance(part, str) for part in value):
                raise wrong(f"{value!r}: give a list of texts")
    return value


def _table(text: Text, data: Mapping[str, object], name: str) -> dict[str, object]:
    """The keys of a section, or of [global]."""
    rows = data[name]
    if not isinstance(rows, dict):
        raise text.wrong("a key in no section: put it under [global]", key=name)
    found = {}
    for key, value in rows.items():
        if key not in KEYS:
            raise text.wrong(
                f"there is no such key; there are {', '.join(KEYS)}", table=name, key=key
            )
        if KEYS[key].whole_job and name != GLOBAL:
            raise text.wrong("holds for the whole job: put it under [global]", table=name, key=key)
        found[key] = value_of(text, name, key, KEYS[key], value)
    return found


def _given(own: Mapping[str, object], general: Mapping[str, object]) -> dict[str, object]:
    """The keys of a section, with those of [global] that it leaves alone."""
    gone = {other for key in own for other in KEYS[key].instead}
    given = {key: value for key, value in general.items() if key not in gone} | dict(own)
    idle = unused(given).keys() - own.keys()
    return {key: value for key, value in given.items() if key not in idle}


def _section(
    text: Text, name: str, own: Mapping[str, object], general: Mapping[str, object], seed: int
) -> Section:
    given: dict[str, Any] = _given(own, general)
    thresholds = []
    for one in given.pop("threshold", []):
        try:
            thresholds.append(Threshold.parse(one))
        except ThresholdError as error:
            table = name if "threshold" in own else GLOBAL
            raise text.wrong(str(error), table=table, key="threshold") from None
    try:
        config = config_of({"seed": seed, **given})
    except UsageError as error:
        said = str(error)
        option = re.match(r"--([a-z-]+)", said)
        key = option[1].replace("-", "_") if option else ""
        table = name if not key or key in own or key not in general else GLOBAL
        said = re.sub(r"--([a-z]+(?:-[a-z]+)*)", lambda one: one[1].replace("-", "_"), said)
        said = said.removeprefix(f"{key}: ")
        raise text.wrong(said, table=table, key=key if text.has(table, key) else "") from None
    return Section(name, config, tuple(thresholds))


def parse(text: str, *, where: str, seed: int = -1) -> Job:
    """The job that a text says.

    Args:
        where: what messages call the file.
        seed: in the place of that of [global]; -1: there is none.

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
    general = _table(lines, data, GLOBAL) if GLOBAL in data else {}
    names = [name for name in data if name != GLOBAL]
    if not names:
        raise UsageError(f"{where}: no section: give one for each group of callers, as [readers]")
    if len(names) > SECTIONS_MAX:
        raise UsageError(f"{where}: {len(names)} sections, allowed are {SECTIONS_MAX}")
    given = general.pop("seed", None)
    if seed < 0:
        seed = given if isinstance(given, int) else LoadConfig.fresh_seed()
    sections = []
    for number, name in enumerate(names):
        if not re.fullmatch(NAME, name):
            said = "is no name of a section: 1 to 31 of A-Z a-z 0-9 _ -, a letter first"
            raise lines.wrong(said, table=name)
        own = _table(lines, data, name)
        sections.append(_section(lines, name, own, general, seed + number))
    callers = sum(one.config.callers for one in sections)
    if callers > CALLERS_ALL_MAX:
        raise UsageError(f"{where}: {callers} callers, allowed are {CALLERS_ALL_MAX}")
    return Job(where, seed, tuple(_in_step(sections)))


def _in_step(sections: list[Section]) -> list[Section]:
    """The same intervals in all sections, so that those of all can be added."""
    interval_s = max(one.config.interval_s for one in sections)
    return [replace(one, config=replace(one.config, interval_s=interval_s)) for one in sections]


def read(path: Path, *, seed: int = -1) -> Job:
    """The job of a file.

    Raises:
        UsageError: it says none, or cannot be read.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "no UTF-8 text"
        raise UsageError(f"{path}: {why}") from None
    return parse(text, where=str(path), seed=seed)


# --- the schema ---


def property_of(key: Key) -> dict[str, Any]:
    """What the schema says of a key."""
    match key.kind:
        case "flag":
            found: dict[str, Any] = {"type": "boolean"}
        case "whole":
            found = {"type": "integer", "minimum": key.low, "maximum": key.high}
        case "number":
            found = {"type": ["string", "number"], "minLength": 1}
        case "text":
            found = {"type": "string", "minLength": 1}
            if key.only:
                found["enum"] = list(key.only)
        case "texts":
            found = {"type": "array", "items": {"type": "string"}}
    return {"description": key.says, **found}


def schema() -> dict[str, Any]:
    """The JSON schema of what a job file says."""

    def table(says: str, *, whole_job: bool) -> dict[str, Any]:
        return {
            "description": says,
            "type": "object",
            "additionalProperties": False,
            "properties": {
                name: property_of(key)
                for name, key in KEYS.items()
                if whole_job or not key.whole_job
            },
        }

    return {
        "$schema": SCHEMA_ID,
        "title": "a job of vmalab load",
        "type": "object",
        "properties": {GLOBAL: table("what holds for each section", whole_job=True)},
        "patternProperties": {
            f"^(?!{GLOBAL}$){NAME}$": table("a group of callers", whole_job=False)
        },
        "additionalProperties": False,
        "minProperties": 1,
        "maxProperties": SECTIONS_MAX + 1,
    }
