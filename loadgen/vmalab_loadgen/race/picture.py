# SPDX-License-Identifier: Apache-2.0
"""A run as a picture: a lane for each process, time downwards, and the moment an invariant breaks.

What is drawn beside a lane: mmap_lock (held for reading, for writing), VMA read locks, VMA write
locks (from the stamp to the end of the write section). On the right the lock word of the VMA, or of
the address space, that the step was about. An arrow is a hand-over from one process to another.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape
from typing import Final

from vmalab_loadgen.race.explore import object_name
from vmalab_loadgen.race.scenario import LETTERS, Scenario
from vmalab_loadgen.race.schedule import Schedule
from vmalab_native import lab
from vmalab_native.lab import TraceLine, Violation

ROW: Final = 19
LANE: Final = 250
LEFT: Final = 52
PANEL: Final = 330
TOP: Final = 150
STRIPE: Final = 7
WRAP: Final = 118
ROWS_MAX: Final = 160
ROWS_LAST: Final = 20
"""Of a longer run only these are drawn: a livelock looks the same for as long as it lasts."""

READ_MMAP, WRITE_MMAP, READ_VMA, WRITE_VMA, DEATH = (
    "#8fc1a9",
    "#d98c5f",
    "#7aa6d8",
    "#d8b13c",
    "#888",
)
KINDS: Final = {
    "mmap_lock for reading": READ_MMAP,
    "mmap_lock for writing": WRITE_MMAP,
    "VMA read lock": READ_VMA,
    "VMA write lock": WRITE_VMA,
}
FONT: Final = 'font-family="DejaVu Sans, Verdana, sans-serif"'
MONO: Final = 'font-family="DejaVu Sans Mono, Menlo, monospace"'
_FLAG: Final = 0x40000000


@dataclass(slots=True)
class Span:
    """Something that an actor held, from one row to another."""

    actor: int
    kind: str
    begin: int
    end: int
    what: str = ""


@dataclass(slots=True)
class _Holds:
    """Follows what each actor holds through a trace."""

    spans: list[Span] = field(default_factory=list)
    open: dict[tuple[int, str, str], int] = field(default_factory=dict)

    def begin(self, actor: int, kind: str, what: str, row: int) -> None:
        self.open.setdefault((actor, kind, what), row)

    def end(self, actor: int, kind: str, row: int, what: str | None = None) -> None:
        for key in [*self.open]:
            if key[0] == actor and key[1] == kind and what in (None, key[2]):
                self.spans.append(Span(actor, kind, self.open.pop(key), row, key[2]))


def holds(trace: Sequence[TraceLine]) -> list[Span]:
    """What the actors of a trace held, and when."""
    known = _Holds()
    for row, line in enumerate(trace):
        what, actor = object_name(line), line.actor
        match line.point:
            case "mmap_read" | "mmap_tried":
                known.begin(actor, "mmap_lock for reading", what, row)
            case "mmap_write":
                known.begin(actor, "mmap_lock for writing", what, row)
            case "downgraded":
                known.end(actor, "mmap_lock for writing", row)
                known.begin(actor, "mmap_lock for reading", what, row)
            case "mmap_left":
                known.end(actor, "mmap_lock for writing", row)
                known.end(actor, "mmap_lock for reading", row)
            case "read_taken" | "read_locked":
                known.begin(actor, "VMA read lock", what, row)
            case "read_dropped" | "read_ended":
                known.end(actor, "VMA read lock", row)
            case "write_stamped":
                known.begin(actor, "VMA write lock", what, row)
            case "seq_ended":
                known.end(actor, "VMA write lock", row)
            case "done":
                for kind in KINDS:
                    known.end(actor, kind, row)
            case _:
                pass
    for actor, kind, _what in [*known.open]:
        known.end(actor, kind, len(trace) - 1)
    return sorted(known.spans, key=lambda span: (span.begin, span.actor))


def word_text(line: TraceLine, model: str) -> str:
    """A lock word in words."""
    kinds = {point.name: point.kind for point in lab.POINTS}
    if not object_name(line):
        return ""
    if kinds[line.point] == "MM":
        readers, writer = line.word >> 8, line.word & 1
        state = "held for writing" if writer else f"{readers} readers" if readers else "free"
        waits = ", waiters" if line.word & 2 else ""
        return f"mmap_lock {state}{waits}; seq {line.seq} {'odd' if line.seq & 1 else 'even'}"
    stamp = "stamped" if line.stamp else "not stamped"
    if LETTERS[model] == "M":
        return ""
    if LETTERS[model] == "R":
        flag = "FLAG+" if line.word & _FLAG else ""
        return f"vm_refcnt {flag}{line.word & ~_FLAG}; {stamp}"
    readers, writer = line.word >> 8, line.word & 1
    state = "held for writing" if writer else f"{readers} readers" if readers else "free"
    return f"vm_lock {state}; {stamp}"


def _wrap(text: str, width: int) -> list[str]:
    lines, line = [], ""
    for word in text.split():
        if line and len(line) + 1 + len(word) > width:
            lines.append(line)
            line = word
        else:
            line = f"{line} {word}".strip()
    return [*lines, line] if line else lines


@dataclass(frozen=True, slots=True)
class Picture:
    """A run and what is to be said of it."""

    scenario: Scenario
    schedule: Schedule
    trace: tuple[TraceLine, ...]
    violation: Violation | None
    outcome: str = ""

    def rows(self) -> list[tuple[int, TraceLine]]:
        """The steps that are drawn, with their numbers: of a long run its begin and its end."""
        numbered = list(enumerate(self.trace))
        if len(numbered) <= ROWS_MAX:
            return numbered
        return [*numbered[: ROWS_MAX - ROWS_LAST], *numbered[-ROWS_LAST:]]

    def heading(self) -> str:
        mutants = " and ".join(self.schedule.mutants)
        core = f"{self.schedule.model}" + (f", mutant {mutants}" if mutants else ", intact core")
        return f"{self.scenario.title} ({core})"

    @property
    def shows_outcome(self) -> bool:
        """The results are what is wrong."""
        return self.violation is not None and self.violation.invariant == "outcome"

    def mutant_texts(self) -> list[str]:
        known = {mutant.name: mutant.text for mutant in lab.MUTANTS}
        return [f"{name}: {known[name]}" for name in self.schedule.mutants]

    def verdict(self) -> str:
        if self.violation is None:
            return "every invariant held"
        return f"{self.violation.invariant}: {self.violation.text}"


def _x(actor: int) -> int:
    return LEFT + actor * LANE


def _y(row: int) -> int:
    return TOP + row * ROW


def _text(x: int, y: int, text: str, extra: str = "") -> str:
    return f'<text x="{x}" y="{y}" {extra}>{escape(text)}</text>'


def _stripes(spans: Sequence[Span], actors: int) -> list[str]:
    order = list(KINDS)
    result = []
    for span in spans:
        if span.actor >= actors:
            continue
        x = _x(span.actor) + 4 + order.index(span.kind) * STRIPE
        height = max(_y(span.end) - _y(span.begin), 4)
        result.append(
            f'<rect x="{x}" y="{_y(span.begin) - 5}" width="{STRIPE - 2}" height="{height + 4}" '
            f'rx="2" fill="{KINDS[span.kind]}"><title>{escape(span.kind)} {escape(span.what)}'
            "</title></rect>"
        )
    return result


def _rows(picture: Picture) -> list[str]:
    texts = {point.name: point.text for point in lab.POINTS}
    actors = len(picture.scenario.actors)
    panel = _x(actors) + 10
    result: list[str] = []
    before: TraceLine | None = None
    for row, (number, line) in enumerate(picture.rows()):
        y, breaks = _y(row), bool(line.flags & lab.BREAKS)
        if number != row and row == ROWS_MAX - ROWS_LAST:
            left_out = f"{number - row:,} steps like these are not drawn"
            result.append(_text(panel, y - ROW, left_out, 'fill="#b3261e"'))
        if breaks:
            width = panel + PANEL - 4
            result.append(
                f'<rect x="2" y="{y - 13}" width="{width}" height="{ROW}" fill="#fbd5d0"/>'
            )
        result.append(_text(6, y, str(number), f'class="n" {MONO}'))
        if line.actor >= actors:
            continue
        x = _x(line.actor) + 4 + len(KINDS) * STRIPE + 6
        if before is not None and before.actor != line.actor and before.actor < actors:
            start = _x(before.actor) + 4 + len(KINDS) * STRIPE + 6
            result.append(
                f'<path d="M{start} {y - ROW + 3} L{x} {y - 9}" stroke="#555" fill="none" '
                'stroke-width="1.2" marker-end="url(#arrow)"/>'
            )
        colour = "#b3261e" if breaks else "#1d1d1f" if line.flags & lab.STEP else "#8a8a8e"
        weight = ' font-weight="bold"' if breaks or line.flags & lab.GRANT else ""
        where = object_name(line)
        label = f"{line.point} {where}".strip() + (" (granted)" if line.flags & lab.GRANT else "")
        result.append(
            f'<circle cx="{x}" cy="{y - 4}" r="3" fill="{colour}"/>'
            f'<text x="{x + 9}" y="{y}" fill="{colour}"{weight}>{escape(label)}'
            f"<title>{escape(texts[line.point])}</title></text>"
        )
        state = word_text(line, picture.schedule.model)
        if state:
            result.append(_text(panel, y, f"{where}  {state}", f'class="w" {MONO}'))
        before = line
    return result


def svg(picture: Picture) -> str:
    """The picture as SVG text."""
    actors = picture.scenario.actor_names
    width = _x(len(actors)) + PANEL + 20
    drawn = [line for _, line in picture.rows()]
    bottom = _y(len(drawn)) + 14
    notes = _wrap(picture.verdict(), WRAP)
    results = picture.outcome.splitlines() if picture.shows_outcome else []
    height = bottom + 22 * len(notes) + 16 * len(results) + 20
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
        f'viewBox="0 0 {width} {height}" {FONT} font-size="12">',
        "<style>.n{fill:#a0a0a6;font-size:10px}.w{fill:#444;font-size:11px}</style>",
        '<defs><marker id="arrow" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="6" '
        'markerHeight="6" orient="auto"><path d="M0 0 L8 4 L0 8 z" fill="#555"/></marker></defs>',
        f'<rect width="{width}" height="{height}" fill="white"/>',
        _text(10, 26, picture.heading(), 'font-size="16" font-weight="bold"'),
    ]
    for number, text in enumerate(picture.mutant_texts()):
        parts.append(_text(10, 46 + 16 * number, text, 'fill="#b3261e"'))
    x = 10
    for kind, colour in KINDS.items():
        parts.append(f'<rect x="{x}" y="70" width="10" height="10" fill="{colour}"/>')
        parts.append(_text(x + 15, 79, kind))
        x += 30 + 7 * len(kind)
    for number, name in enumerate(actors):
        lane = _x(number)
        colour = "#f4f4f6" if number % 2 else "#fafafc"
        parts.append(
            f'<rect x="{lane}" y="96" width="{LANE - 4}" height="{bottom - 96}" fill="{colour}"/>'
        )
        parts.append(_text(lane + 8, 114, name, 'font-size="14" font-weight="bold"'))
        ops = "; ".join(picture.scenario.actors[name])
        parts.append(_text(lane + 8, 130, ops[:44] + ("..." if len(ops) > 44 else ""), MONO
                           + ' font-size="9" fill="#555"'))  # fmt: skip
    parts += _stripes(holds(drawn), len(actors))
    parts += _rows(picture)
    colour = "#b3261e" if picture.violation else "#2c6e49"
    for number, text in enumerate(notes):
        parts.append(_text(10, bottom + 22 + 22 * number, text, f'font-size="15" fill="{colour}"'))
    for number, text in enumerate(results):
        y = bottom + 22 * (len(notes) + 1) + 16 * number
        parts.append(_text(20, y, text, f'font-size="11" fill="#444" {MONO}'))
    return "\n".join([*parts, "</svg>"]) + "\n"


def html(picture: Picture) -> str:
    """The same with the story, the schedule and the outcome, as one page."""
    one = picture.scenario
    steps = escape(picture.schedule.text())
    facts = f"<p class=source>{escape(one.source)}</p>" if one.source else ""
    return f"""<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>{escape(picture.heading())}</title>
<style>body{{font:15px/1.5 sans-serif;margin:2em;max-width:75em;color:#1d1d1f}}
pre{{background:#f4f4f6;padding:1em;overflow:auto}}.source{{color:#666}}
.verdict{{color:{"#b3261e" if picture.violation else "#2c6e49"};font-weight:bold}}</style></head>
<body><h1>{escape(one.title)}</h1>
<p>{escape(one.about)}</p>{facts}
<p class=verdict>{escape(picture.verdict())}</p>
{svg(picture)}
<h2>What came out</h2><pre>{escape(picture.outcome)}</pre>
<h2>The schedule</h2><p>Follow it again with <code>vmalab race replay FILE</code>.</p>
<pre>{steps}</pre></body></html>
"""
