# SPDX-License-Identifier: Apache-2.0
"""Workloads that are files: who maps what, and what each virtual CPU does.

    text = "a heap grows beside readers"

    [areas.heap]
    pages = 64
    each = true                   # every CPU has one of its own; else there is one for all
    by = "own"                    # who maps it: own (the CPU whose it is), or first
    filled = true                 # page n holds n + 1 before the run

    [[cpus]]
    which = "first"               # first, others, all, even, odd, or numbers: "0", "2-5"
    do = ["mprotect heap 0-7 r", "mprotect heap 0-7 rw"]

    [[cpus]]
    which = "others"
    do = ["read heap all"]

A CPU does what the first table says that names it, over and over. OPERATIONS has the operations.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from vmalab import pack
from vmalab.uapi import Mremap, Prot
from vmalab_native.virtual import Step
from vmalab_scale import work
from vmalab_scale.work import APART, BASE, PAGE, Needs, Place, ScaleError, Work, Workload

SUFFIX: Final = ".toml"
TEXT_MAX: Final = 64 << 10
AREAS_MAX: Final = 16
PAGES_MAX: Final = 4096
TABLES_MAX: Final = 32
DO_MAX: Final = 256
SCHEMA_ID: Final = "https://json-schema.org/draft/2020-12/schema"
NAME: Final = r"[a-z][a-z0-9_]{0,30}"
WHICH: Final = r"first|others|all|even|odd|\d{1,3}(-\d{1,3})?"
PAGES: Final = r"all|\d{1,4}(-\d{1,4})?"
PROTECTIONS: Final = {
    "none": int(Prot.NONE),
    "r": int(Prot.READ),
    "rw": int(Prot.READ | Prot.WRITE),
    "rx": int(Prot.READ | Prot.EXEC),
}
_PROT: Final = "|".join(PROTECTIONS)
OPERATIONS: Final = {
    "read": ("read AREA PAGES", rf"read (?P<area>{NAME}) (?P<pages>{PAGES})"),
    "store": ("store AREA PAGES", rf"store (?P<area>{NAME}) (?P<pages>{PAGES})"),
    "mmap": ("mmap AREA PAGES PROT",
             rf"mmap (?P<area>{NAME}) (?P<pages>{PAGES}) (?P<prot>{_PROT})"),
    "munmap": ("munmap AREA PAGES", rf"munmap (?P<area>{NAME}) (?P<pages>{PAGES})"),
    "mprotect": ("mprotect AREA PAGES PROT",
                 rf"mprotect (?P<area>{NAME}) (?P<pages>{PAGES}) (?P<prot>{_PROT})"),
    "dontneed": ("dontneed AREA PAGES", rf"dontneed (?P<area>{NAME}) (?P<pages>{PAGES})"),
    "mremap": ("mremap AREA to AREA", rf"mremap (?P<area>{NAME}) to (?P<to>{NAME})"),
    "uffd_move": ("uffd_move AREA PAGES to AREA",
                  rf"uffd_move (?P<area>{NAME}) (?P<pages>{PAGES}) to (?P<to>{NAME})"),
    "fork": ("fork", "fork"),
    "exit": ("exit", "exit"),
    "maps": ("maps", "maps"),
    "smaps": ("smaps", "smaps"),
}  # fmt: skip
"""How each is written, and the pattern of that. PAGES: all, 3, or 2-5; PROT: none, r, rw, rx."""
EACH: Final = frozenset({"read", "store", "uffd_move"})
"""Of several pages they are as many operations; the others are one."""


@dataclass(frozen=True, slots=True)
class Area:
    """Memory that a file names. each: every CPU has one of its own; own: and maps it itself."""

    name: str
    pages: int
    each: bool
    own: bool
    filled: bool
    mapped: bool


@dataclass(frozen=True, slots=True)
class Told:
    """An operation of a file: its name and what stands behind it."""

    op: str
    area: str
    pages: str
    prot: str
    to: str
    where: str


@dataclass(frozen=True, slots=True)
class Group:
    """What some of the CPUs do."""

    which: str
    do: tuple[Told, ...]

    def has(self, cpu: int) -> bool:
        """Whether it names a CPU."""
        match self.which:
            case "first":
                return cpu == 0
            case "others":
                return cpu > 0
            case "all":
                return True
            case "even" | "odd":
                return (cpu % 2 == 0) == (self.which == "even")
        first, _, last = self.which.partition("-")
        return int(first) <= cpu <= int(last or first)


class _Text:
    """The file as text: where a key or an operation is, which the parser does not say."""

    def __init__(self, where: str, text: str) -> None:
        self._where = where
        self._lines = text.split("\n")

    def wrong(self, said: str, *, table: str = "", nth: int = 0, key: str = "") -> ScaleError:
        """The error of a key of a table, or of a table; of neither: of the head.

        Args:
            nth: which one of the tables of that name.
        """
        head = "" if not table else f"[[{table}]] {nth + 1}" if table == "cpus" else f"[{table}]"
        place = ", ".join(part for part in (head, key) if part) or "the file"
        return ScaleError(f"{self._where}, line {self._line(table, nth, key)}, {place}: {said}")

    def _line(self, table: str, nth: int, key: str) -> int:
        start, seen = (0 if table else 1), -1
        for at, line in enumerate(self._lines, 1):
            head = re.match(r"\s*\[+\s*([^\]\s]+)\s*\]", line)
            if head:
                if start and table:
                    break
                if not table:
                    continue
                seen += head[1] == table
                start = at if head[1] == table and seen == nth else 0
            elif start and key and re.match(rf"\s*{re.escape(key)}\s*=", line):
                return at
        return start or 1

    def line_of(self, said: str, default: int) -> int:
        """Of an operation."""
        quoted = re.compile(rf"[\"']{re.escape(said)}[\"']")
        return next((n for n, line in enumerate(self._lines, 1) if quoted.search(line)), default)


def _areas(text: _Text, data: dict[str, object]) -> dict[str, Area]:
    rows = data.get("areas", {})
    if not isinstance(rows, dict) or len(rows) > AREAS_MAX:
        raise text.wrong(f"areas: tables [areas.NAME] are wanted, {AREAS_MAX} at most", key="areas")
    found = {}
    for name, row in rows.items():
        table = f"areas.{name}"
        if not re.fullmatch(NAME, name) or not isinstance(row, dict):
            raise text.wrong("a name is 1 to 31 of a-z 0-9 _, a letter first", table=table)
        for key in row.keys() - AREA_KEYS.keys():
            raise text.wrong(f"there are {', '.join(AREA_KEYS)}", table=table, key=key)
        pages = row.get("pages")
        if type(pages) is not int or not 1 <= pages <= PAGES_MAX:
            given = "is missing" if pages is None else f"{pages!r}"
            raise text.wrong(
                f"{given}: a whole number from 1 to {PAGES_MAX} is wanted", table=table, key="pages"
            )
        for key in ("each", "filled", "mapped"):
            if not isinstance(row.get(key, False), bool):
                raise text.wrong(f"{row[key]!r}: true or false is wanted", table=table, key=key)
        each, by = bool(row.get("each", False)), row.get("by", "first")
        if by not in ("first", "own") or (by == "own" and not each):
            raise text.wrong(
                f"{by!r}: first is wanted, or, with each = true, own", table=table, key="by"
            )
        is_mapped, filled = bool(row.get("mapped", True)), bool(row.get("filled", False))
        if filled and not is_mapped:
            raise text.wrong("what is not mapped has no pages", table=table, key="filled")
        found[name] = Area(name, pages, each, by == "own", filled, is_mapped)
    return found


def _operation(text: _Text, nth: int, said: object, areas: dict[str, Area]) -> Told:
    def wrong(why: str) -> ScaleError:
        found = text.wrong(f"{said!r}: {why}", table="cpus", nth=nth, key="do")
        if not isinstance(said, str):
            return found

        def line(n: re.Match[str]) -> str:
            return f"line {text.line_of(said, int(n[1]))}"

        return ScaleError(re.sub(r"line (\d+)", line, str(found), count=1))

    name = said.split(" ")[0] if isinstance(said, str) else ""
    if not isinstance(said, str) or name not in OPERATIONS:
        raise wrong(f"an operation begins with one of {', '.join(OPERATIONS)}")
    form, pattern = OPERATIONS[name]
    match = re.fullmatch(pattern, said)
    if not match:
        raise wrong(f"it is written `{form}`; PAGES: all, 3 or 2-5; PROT: {_PROT}")
    parts = {"area": "", "pages": "", "prot": "", "to": "", **match.groupdict()}
    for one in (parts["area"], parts["to"]):
        if one and one not in areas:
            raise wrong(f"there is no [areas.{one}]")
    area, to = areas.get(parts["area"]), areas.get(parts["to"])
    if area and parts["pages"] and not _span(area, parts["pages"])[1] <= area.pages:
        raise wrong(f"{area.name} has the pages 0 to {area.pages - 1}")
    if area and parts["pages"] and _span(area, parts["pages"])[0] >= _span(area, parts["pages"])[1]:
        raise wrong("the first page is behind the last one")
    if area and to and to.pages < area.pages:
        raise wrong(f"{to.name} has fewer pages than {area.name}")
    return Told(name, parts["area"], parts["pages"], parts["prot"], parts["to"], said)


def _groups(text: _Text, data: dict[str, object], areas: dict[str, Area]) -> tuple[Group, ...]:
    rows = data.get("cpus")
    if not isinstance(rows, list) or not 1 <= len(rows) <= TABLES_MAX:
        raise text.wrong(f"[[cpus]] is missing: 1 to {TABLES_MAX} tables say what CPUs do")
    found = []
    for nth, row in enumerate(rows):
        for key in row.keys() - CPU_KEYS.keys():
            raise text.wrong(f"there are {', '.join(CPU_KEYS)}", table="cpus", nth=nth, key=key)
        which, do = row.get("which"), row.get("do")
        if not isinstance(which, str) or not re.fullmatch(WHICH, which):
            raise text.wrong(
                f"{which!r}: first, others, all, even, odd or numbers (2-5) are wanted",
                table="cpus", nth=nth, key="which",
            )  # fmt: skip
        if not isinstance(do, list) or not 1 <= len(do) <= DO_MAX:
            raise text.wrong(
                f"a list of 1 to {DO_MAX} operations is wanted", table="cpus", nth=nth, key="do"
            )
        told = tuple(_operation(text, nth, one, areas) for one in do)
        children = 0
        for one in told:
            children += (one.op == "fork") - (one.op == "exit")
            if not 0 <= children <= 1:
                break
        if children:
            raise text.wrong(
                "each fork has its exit behind it, and the next fork comes after that",
                table="cpus", nth=nth, key="do",
            )  # fmt: skip
        found.append(Group(which, told))
    return tuple(found)


def parse(source: str, *, where: str) -> Workload:
    """The workload that a text says.

    Raises:
        ScaleError: with the line and the key of the first thing that is wrong.
    """
    if len(source) > TEXT_MAX:
        raise ScaleError(f"{where}: {len(source)} characters, allowed are {TEXT_MAX}")
    try:
        data: dict[str, object] = tomllib.loads(source)
    except tomllib.TOMLDecodeError as error:
        raise ScaleError(f"{where}: no TOML: {error}") from None
    text = _Text(where, source)
    for key in data.keys() - {"text", "areas", "cpus"}:
        raise text.wrong("there are text, areas and cpus", key=key)
    said = data.get("text", "")
    if not isinstance(said, str):
        raise text.wrong(f"{said!r}: a text is wanted", key="text")
    areas = _areas(text, data)
    groups = _groups(text, data, areas)
    pages = sum(area.pages for area in areas.values())
    forks = any(one.op == "fork" for group in groups for one in group.do)

    def needs(cpus: int) -> Needs:
        frames = (1 << 16) + (4 if forks else 2) * pages * cpus
        return Needs(frames=frames, mms=16 + 2 * cpus, size_bytes=1 << 30)

    return Workload(Path(where).stem, said, lambda place: _made(place, areas, groups, where), needs)


def read(path: Path) -> Workload:
    """The workload of a file.

    Raises:
        ScaleError: it says none, or cannot be read.
    """
    try:
        source = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "no UTF-8 text"
        raise ScaleError(f"{path}: {why}") from None
    return parse(source, where=str(path))


# --- what becomes of it ---


def _span(area: Area, pages: str) -> tuple[int, int]:
    """The first page, and the one behind the last."""
    if pages == "all":
        return 0, area.pages
    first, _, last = pages.partition("-")
    return int(first), int(last or first) + 1


def _places(areas: dict[str, Area], cpus: int) -> Callable[[str, int], int]:
    """Where the area of a CPU is: each begins in a page table of its own."""
    begins, at = {}, BASE
    for area in areas.values():
        apart = -(-area.pages * PAGE // APART) * APART
        begins[area.name] = (at, apart if area.each else 0)
        at += apart * (cpus if area.each else 1)
    return lambda name, cpu: begins[name][0] + begins[name][1] * cpu


def _made(place: Place, areas: dict[str, Area], groups: tuple[Group, ...], where: str) -> Work:
    at = _places(areas, place.cpus)
    prepare: list[tuple[int, bytes]] = []
    for area in areas.values():
        for cpu in range(place.cpus if area.each else 1):
            addr, by = at(area.name, cpu), cpu if area.own else 0
            if area.filled:
                prepare.append((by, work.filled(place.mm, addr, area.pages)))
            elif area.mapped:
                prepare.append((by, work.mapped(place.mm, addr, area.pages).block))
    programs = []
    for cpu in range(place.cpus):
        group = next((one for one in groups if one.has(cpu)), None)
        if group is None:
            raise ScaleError(f"{where}: no [[cpus]] says what CPU {cpu} of {place.cpus} does")
        steps = [step for told in group.do for step in _steps(told, place.mm, areas, at, cpu)]
        programs.append(steps)
    return Work(prepare, list(programs), cells=[0] * place.cpus)


def _steps(
    told: Told, mm: int, areas: dict[str, Area], at: Callable[[str, int], int], cpu: int
) -> list[Step]:
    """The operations that one of a file is, of one CPU."""
    match told.op:
        case "fork":
            return [work.forked(mm, cpu)]
        case "exit":
            return [work.ended(cpu)]
        case "maps" | "smaps":
            return [work.reading(mm, flags=told.op == "smaps")]
    area = areas[told.area]
    base = at(area.name, cpu)
    if told.op == "mremap":
        length = area.pages * PAGE
        there, how = at(told.to, cpu), int(Mremap.MAYMOVE | Mremap.FIXED)
        return [Step(pack.mremap(mm, base, length, length, how, there), "mremap", value=there)]
    first, end = _span(area, told.pages)
    pages = [base + page * PAGE for page in range(first, end)]
    match told.op:
        case "read":
            return [work.load(mm, one) for one in pages]
        case "store":
            return [work.store(mm, one, first + n + 1) for n, one in enumerate(pages)]
        case "uffd_move":
            there = at(told.to, cpu) - base
            return [work.moved(mm, one, one + there, 1) for one in pages]
        case "mmap":
            return [work.mapped(mm, pages[0], len(pages), PROTECTIONS[told.prot])]
        case "munmap":
            return [work.unmapped(mm, pages[0], len(pages))]
        case "mprotect":
            return [work.protected(mm, pages[0], len(pages), PROTECTIONS[told.prot])]
    return [work.dropped(mm, pages[0], len(pages))]


# --- the schema ---

AREA_KEYS: Final[dict[str, dict[str, Any]]] = {
    "pages": {"type": "integer", "minimum": 1, "maximum": PAGES_MAX, "description": "its length"},
    "each": {"type": "boolean", "description": "every CPU has one of its own", "default": False},
    "by": {"enum": ["first", "own"], "default": "first",
           "description": "who maps it: the first CPU, or the one whose it is"},
    "mapped": {"type": "boolean", "description": "before the run", "default": True},
    "filled": {"type": "boolean", "default": False,
               "description": "page n holds n + 1 before the run"},
}  # fmt: skip
CPU_KEYS: Final[dict[str, dict[str, Any]]] = {
    "which": {"type": "string", "pattern": f"^({WHICH})$", "description": "CPUs, from 0 on"},
    "do": {
        "type": "array", "minItems": 1, "maxItems": DO_MAX, "description": "over and over",
        "items": {"type": "string", "anyOf": [
            {"pattern": "^" + re.sub(r"\?P<\w+>", "?:", pattern) + "$", "description": form}
            for form, pattern in OPERATIONS.values()]},
    },
}  # fmt: skip


def schema() -> dict[str, Any]:
    """The JSON schema of a workload's file."""

    def table(keys: dict[str, dict[str, Any]], *required: str) -> dict[str, Any]:
        return {
            "type": "object",
            "additionalProperties": False,
            "properties": keys,
            "required": [*required],
        }

    return {
        "$schema": SCHEMA_ID,
        "title": "a workload of vmalab scale",
        "type": "object",
        "additionalProperties": False,
        "required": ["cpus"],
        "properties": {
            "text": {"type": "string", "description": "what it is, for people"},
            "areas": {
                "type": "object",
                "maxProperties": AREAS_MAX,
                "additionalProperties": False,
                "patternProperties": {f"^{NAME}$": table(AREA_KEYS, "pages")},
            },
            "cpus": {
                "type": "array",
                "minItems": 1,
                "maxItems": TABLES_MAX,
                "items": table(CPU_KEYS, "which", "do"),
            },
        },
    }
