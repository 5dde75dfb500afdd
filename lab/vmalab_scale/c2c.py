# SPDX-License-Identifier: Apache-2.0
"""Which lines CPUs take from one another, and what lies there: perf c2c's question, with the truth.

The core says where in its text the two were, which bytes they touched, and which CPUs they were.
Functions come from the symbols of the core, fields from the segment.
"""

from __future__ import annotations

import bisect
import re
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Final

from vmalab_native import cores, layout_file
from vmalab_native.virtual import Hot
from vmalab_scale.machine import LINE
from vmalab_scale.places import Place
from vmalab_scale.run import PLACE_BYTES, Cell

_SYMBOL: Final = re.compile(r"^([0-9a-f]+) [tT] (\S+)$")
PS_PER_NS: Final = 1000
_MARGIN: Final = 5
_LOCK: Final = "vm_lock"
"""What a layout file calls "lock"."""


@cache
def symbols(core: Path) -> tuple[list[int], list[str]]:
    """Where the functions of a core begin, and their names."""
    tool = shutil.which("nm")
    if not tool:
        return [], []
    done = subprocess.run([tool, "-n", str(core)], capture_output=True, text=True, check=True)
    found = [match for line in done.stdout.split("\n") if (match := _SYMBOL.match(line))]
    return [int(one[1], 16) for one in found], [one[2] for one in found]


def function_at(core: Path, place: int) -> str:
    """The function that a place of the text belongs to."""
    begins, names = symbols(core)
    at = bisect.bisect_right(begins, place) - 1
    return names[at].partition(".")[0] if at >= 0 else f"+{place:#x}"


@dataclass(frozen=True)
class Side:
    """One of the two that wanted a line.

    Attributes:
        byte: of the line.
        cpus: virtual CPUs.
    """

    place: Place
    byte: int
    function: str
    cpus: tuple[int, ...]


@dataclass(frozen=True)
class Pair:
    """Who missed, and who had written before.

    Attributes:
        writes: who missed wanted to write.
        real: true sharing: what it wanted had been written.
        misses, ns: for each operation of the run.
    """

    taker: Side
    writer: Side
    writes: bool
    real: bool
    misses: float
    ns: float

    @property
    def key(self) -> tuple[object, ...]:
        """The same for places of one function that touch the same bytes."""
        a, b = self.taker, self.writer
        return (a.byte, a.function, b.byte, b.function, self.writes, self.real)

    def with_more(self, other: Pair) -> Pair:
        """Both of them, which have one key."""

        def both(a: Side, b: Side) -> Side:
            return replace(a, cpus=tuple(sorted({*a.cpus, *b.cpus})))

        return replace(
            self,
            taker=both(self.taker, other.taker),
            writer=both(self.writer, other.writer),
            misses=self.misses + other.misses,
            ns=self.ns + other.ns,
        )


@dataclass(frozen=True)
class Line:
    """A line that CPUs took from one another, the costliest pair first.

    Attributes:
        offset: in the segment.
        places: what lies there, for every PLACE_BYTES.
    """

    offset: int
    pairs: list[Pair]
    places: list[Place]

    @property
    def misses(self) -> float:
        return sum(pair.misses for pair in self.pairs)

    @property
    def ns(self) -> float:
        return sum(pair.ns for pair in self.pairs)

    @property
    def false_part(self) -> float:
        """Which part of its time is false sharing."""
        return sum(pair.ns for pair in self.pairs if not pair.real) / self.ns if self.ns else 0.0


def lines(cell: Cell) -> list[Line]:
    """The lines of a run, the costliest first."""
    core = cores.file_of(cell.model, cores.virtual_layout(cell.layout))
    done = max(1, sum(one.operations for one in cell.run.cpus))

    def side(hot: Hot, byte: int, text: int, cpus: tuple[int, ...]) -> Side:
        at = hot.line + byte - byte % PLACE_BYTES
        return Side(cell.places[at], byte, function_at(core, text), cpus)

    found: dict[int, dict[tuple[object, ...], Pair]] = {}
    for hot in cell.run.hot:
        pair = Pair(
            side(hot, hot.reader_at, hot.reader, hot.takers),
            side(hot, hot.writer_at, hot.writer, hot.writers),
            bool(hot.writes),
            bool(hot.real),
            hot.count / done,
            hot.ps / PS_PER_NS / done,
        )
        pairs = found.setdefault(hot.line, {})
        pairs[pair.key] = pair if pair.key not in pairs else pairs[pair.key].with_more(pair)
    made = [
        Line(
            at,
            sorted(pairs.values(), key=lambda pair: -pair.ns),
            [cell.places[at + byte] for byte in range(0, LINE, PLACE_BYTES)],
        )
        for at, pairs in found.items()
    ]
    return sorted(made, key=lambda line: (-line.ns, line.offset))


# --- for people ---


def ranges(numbers: Sequence[int]) -> str:
    """1-3,7"""
    parts: list[list[int]] = []
    for number in numbers:
        if parts and parts[-1][-1] == number - 1:
            parts[-1][1:] = [number]
        else:
            parts.append([number])
    return ",".join("-".join(map(str, part)) for part in parts)


def _fields(line: Line) -> Iterator[tuple[int, int, Place]]:
    """First byte, bytes, and what is there, for each field."""
    first = 0
    for at in range(1, len(line.places) + 1):
        here, last = line.places[first], line.places[at] if at < len(line.places) else None
        if last is None or (here.begin, here.field) != (last.begin, last.field):
            yield first * PLACE_BYTES, (at - first) * PLACE_BYTES, here
            first = at


def drawn(line: Line) -> list[str]:
    """The line as a row, a letter for each byte: its fields, and below them an arrow for each pair,
    from W, who had written, to r or w, who missed because it wanted to read or write."""
    margin = " " * _MARGIN
    scale, row, begin = "", "", -1
    for first, size, place in _fields(line):
        edge = "|" if place.begin == begin or begin == -1 else "#"
        begin = place.begin
        name = place.field.rpartition(".")[2] or place.struct
        row += edge + name[: size - 1].ljust(size - 1)
        scale += str(first).ljust(size)[:size]
    found = [f"{margin}{scale}".rstrip(), f"{margin}{row}|"]
    for pair in line.pairs:
        a, b = pair.writer.byte, pair.taker.byte
        cells = [" "] * LINE
        for at in range(min(a, b) + 1, max(a, b)):
            cells[at] = "-"
        if abs(a - b) > 1:
            cells[b + (1 if a > b else -1)] = "<" if a > b else ">"
        cells[a] = "W"
        cells[b] = "w" if pair.writes and a != b else "W" if pair.writes else "r"
        how = "true" if pair.real else "false"
        found.append(f"{margin}{''.join(cells)}  {how}, {pair.misses:.3f} misses/op")
    return found


def _who(side: Side, does: str) -> str:
    cpus = f"CPU {side.cpus[0]}" if len(side.cpus) == 1 else f"CPUs {ranges(side.cpus)}"
    does += "s" * (len(side.cpus) == 1 and does != "wrote")
    return f"{cpus} {does} {side.place.text} (#{side.place.number}) in {side.function}"


def told(pair: Pair) -> str:
    """A pair as a sentence."""
    taker = _who(pair.taker, "write" if pair.writes else "read")
    return f"{taker}; {_who(pair.writer, 'wrote')}"


def explanations(line: Line, model: str) -> list[str]:
    """Of the costliest pair, and of the costliest one that is false sharing."""
    shown = [line.pairs[0], next((pair for pair in line.pairs if not pair.real), line.pairs[0])]
    return [explained(pair, model) for pair in dict.fromkeys(shown)]


def explained(pair: Pair, model: str) -> str:
    """What a pair is about, and what would part the two."""
    one, other = pair.taker.place, pair.writer.place
    if pair.real:
        how = "written by all of them" if pair.writes else "written by some and read by others"
        return f"{one.text} is {how}: no layout parts that."
    if one.begin == other.begin:
        both = f"{one.field or one.text} and {other.field or other.text}"
        if one.struct != "vm_area_struct":
            remedy = "layouts place the fields of vm_area_struct only"
        elif parting := layouts_that_part(model, one, other):
            remedy = f"apart in the layouts {', '.join(parting)}"
        else:
            remedy = "no layout that has a name parts them"
        return f"{both} of one {one.struct} share a line: {remedy}."
    if one.struct == other.struct:
        return (
            f"two {one.struct} share a line, {abs(one.begin - other.begin)} bytes from each other: "
            f"{_neighbours(one.struct, model)}."
        )
    return f"{one.text} and {other.text} share a line: two structs beside each other."


def _neighbours(struct: str, model: str) -> str:
    if struct == "vma_lock":
        embedded = [name for name in cores.lock_models() if name not in ("mmap-lock", model)]
        return f"lock models that embed the lock have none of these: {', '.join(embedded)}"
    aligned = ["aligned", *(name for name in cores.shipped_for(cores.family(model))
                            if _file(name).align % LINE == 0)]  # fmt: skip
    if struct == "vm_area_struct":
        return f"objects begin at lines in the layouts {', '.join(aligned)}"
    return "objects of that cache begin at no line in any layout"


@cache
def _file(name: str) -> layout_file.LayoutFile:
    return layout_file.read(cores.FILES / f"{name}{layout_file.SUFFIX}")


def layouts_that_part(model: str, one: Place, other: Place) -> list[str]:
    """The layouts of files in which two fields of a VMA are on two lines."""
    if one.struct != "vm_area_struct" or other.struct != one.struct:
        return []
    family = cores.family(model)
    found = []
    for name in cores.shipped_for(family):
        file = _file(name)
        at = {member.name: member.offset // LINE for member in layout_file.placed(file, family)}
        here, there = (at.get(_member(place)) for place in (one, other))
        if file.align % LINE == 0 and here is not None and there is not None and here != there:
            found.append(name)
    return found


def _member(place: Place) -> str:
    """The name that a layout file has for the member."""
    name = place.field.partition(".")[0]
    return layout_file.LOCK if name == _LOCK else name
