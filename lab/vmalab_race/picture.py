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

from vmalab_native import lab
from vmalab_native.lab import TraceLine, Violation
from vmalab_native.race.explore import about_stamps, compared, number_text, object_name, stamps
from vmalab_native.race.scenario import Scenario, letter_of
from vmalab_native.race.schedule import Schedule
from vmalab_native.texts import lines_of

ROW: Final = 19
LANE: Final = 276
LEFT: Final = 40
PANEL: Final = 352
NUMBERS: Final = 80
"""Wider, where stamps are shown as numbers."""
STRIPE: Final = 10
NOTE: Final = 12
"""Height of a line of small text under a step."""
HAND_OVER: Final = 11
SELF_EVIDENT: Final = ("op_begin", "op_end", "done")
ROWS_MAX: Final = 110
ROWS_FIRST, ROWS_LAST = 50, 12
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
COLUMNS: Final = 4
OPS_SHOWN: Final = 4
NOTE_WIDTH: Final = 38
"""Letters of a line of small text under a step."""
_FLAG: Final = 0x40000000
_READING: Final = (
    "Time goes down. An arrow: another process goes on. Black: where the schedule may switch. "
    "v1.2: the first VMA object in its second life; m0: the first address space. "
)
_WORDS: Final = {
    "M": "No lock but mmap_lock.",
    "R": "vm_refcnt: 0 detached, 1 attached, 1 more for each reader, FLAG: readers are excluded. "
    "Stamped: vm_lock_seq equals mm_lock_seq.",
    "": "vm_lock: the VMA's semaphore. Stamped: vm_lock_seq equals mm_lock_seq, write-locked.",
}


_NUMBERS: Final = (
    "stamp: vm_lock_seq of the VMA, none: no writer has stamped it in this run; seq: mm_lock_seq. "
    "Equal: the VMA is write-locked."
)


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
    open: dict[tuple[int, str, str], tuple[int, str]] = field(default_factory=dict)
    """By actor, kind, object (whatever its life): the row where it began, the name it had."""

    def begin(self, actor: int, kind: str, what: str, row: int) -> None:
        self.open.setdefault((actor, kind, what.partition(".")[0]), (row, what))

    def end(self, actor: int, kind: str, row: int, what: str = "") -> None:
        wanted = what.partition(".")[0]
        for key in [*self.open]:
            if key[:2] == (actor, kind) and wanted in ("", key[2]):
                begin, name = self.open.pop(key)
                self.spans.append(Span(actor, kind, begin, row, name))


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
                if what:  # without an object it is a semaphore's, and may be mmap_lock
                    known.end(actor, "VMA read lock", row, what)
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
    return sorted(known.spans, key=lambda span: (span.begin, span.actor, span.what))


def columns(spans: Sequence[Span]) -> list[int]:
    """A column for each span, so that what an actor holds at a time stands side by side."""
    ends: dict[tuple[int, int], int] = {}
    chosen = []
    for span in spans:
        free = (at for at in range(COLUMNS - 1) if ends.get((span.actor, at), -1) <= span.begin)
        column = next(free, COLUMNS - 1)
        ends[span.actor, column] = span.end
        chosen.append(column)
    return chosen


def _semaphore(word: int) -> str:
    """The word is a signed count of readers above eight bits of flags."""
    readers = (word >> 8) - (1 << 56 if word >> 63 else 0)
    state = "free"
    if word & 1:
        state = "a writer" if word & 2 else "held for writing"
    elif readers:
        state = f"{readers} reader{'s' * (readers != 1)}"
    return state + (", waiters" if word & 2 else "")


def word_text(line: TraceLine, model: str, *, whole: bool = False) -> str:
    """A lock word in words.

    Args:
        whole: with the stamp and the sequence as numbers.
    """
    kinds = {point.name: point.kind for point in lab.POINTS}
    if not object_name(line):
        return ""
    if kinds[line.point] == "MM":
        parity = "odd" if line.seq & 1 else "even"
        return f"mmap_lock {_semaphore(line.word)}; seq {number_text(line.seq)} {parity}"
    stamp = "stamped" if line.stamp else "not stamped"
    if whole:
        stamp = stamps(line, whole=True)
    if letter_of(model) == "M":
        return ""
    if letter_of(model) == "R":
        flag = "FLAG+" if line.word & _FLAG else ""
        return f"vm_refcnt {flag}{line.word & ~_FLAG}; {stamp}"
    return f"vm_lock {_semaphore(line.word)}; {stamp}"


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
    note: str = ""
    """What else the verdict says."""
    compact: bool = False
    """Only the steps at which the schedule may switch, and those that the bug is about."""

    def rows(self) -> list[tuple[int, TraceLine]]:
        """The steps that are drawn, with their numbers: of a long run its begin and its end."""
        numbered = list(enumerate(self.trace))
        if self.compact:
            numbered = [
                (number, line)
                for number, line in numbered
                if line.flags & (lab.STEP | lab.GRANT | lab.BREAKS)
            ]
        if len(numbered) <= ROWS_MAX:
            return numbered
        return [*numbered[:ROWS_FIRST], *numbered[-ROWS_LAST:]]

    @property
    def about_stamps(self) -> bool:
        """The numbers that a writer's stamp is compared with are what is wrong."""
        return about_stamps(self.scenario)

    def compared(self) -> str:
        """The numbers at the step that breaks, if the bug is about them."""
        return compared(self.scenario, self.trace, self.violation)

    def killed(self, number: int) -> bool:
        """Whether a step is the last one of an actor that has to die there."""
        line, names = self.trace[number], self.scenario.actor_names
        after = self.trace[number + 1 :]
        if line.actor >= len(names) or any(one.actor == line.actor for one in after):
            return False
        ops = self.scenario.actors[names[line.actor]]
        return any(op.endswith(f" die {line.point}") for op in ops)

    def heading(self) -> str:
        mutants = " and ".join(lab.mutant(name).label for name in self.schedule.mutants)
        core = f"{self.schedule.model}" + (f", mutant {mutants}" if mutants else ", intact core")
        return f"{self.scenario.title} ({core})"

    @property
    def shows_outcome(self) -> bool:
        """The results are what is wrong."""
        return self.violation is not None and self.violation.invariant == "outcome"

    def mutant_texts(self) -> list[str]:
        named = [lab.mutant(name) for name in self.schedule.mutants]
        return [f"{mutant.label}: {mutant.text}" for mutant in named]

    def verdict(self) -> str:
        if self.violation is None:
            return "every invariant held" + (f"; {self.note}" if self.note else "")
        return f"{self.violation.invariant}: {self.violation.text}"

    def seen(self) -> list[str]:
        """What the scenario says of its mutants."""
        finds = self.scenario.finds
        return [finds[name] for name in self.schedule.mutants if name in finds]

    def operation(self, line: TraceLine) -> str:
        """The operation that a step is of, as the scenario has it."""
        lines = [*self.scenario.actors.values()][line.actor]
        return lines[line.op] if line.op < len(lines) else ""


def _text(x: int, y: int, text: str, extra: str = "") -> str:
    return f'<text x="{x}" y="{y}" {extra}>{escape(text)}</text>'


class _Drawing:
    """The picture as it grows downwards."""

    def __init__(self, picture: Picture) -> None:
        self.picture = picture
        self.actors = picture.scenario.actor_names
        wide = PANEL + (NUMBERS if picture.about_stamps else 0)
        self.width = LEFT + len(self.actors) * LANE + wide
        self.dot = 4 + COLUMNS * STRIPE + 8
        """Where, in a lane, the steps are."""
        self.points = {point.name: point for point in lab.POINTS}
        self.parts: list[str] = []
        self.under: list[str] = []
        """What is drawn below everything else in the lanes."""
        self.y = 0

    def lane(self, actor: int) -> int:
        return LEFT + actor * LANE

    def paragraph(self, text: str, size: int, extra: str = "") -> None:
        """Text from the left to the right edge; about 0.6 of its size is a letter's width."""
        bold = 0.68 if "bold" in extra else 0.6
        for line in _wrap(text, int((self.width - 20) / (size * bold))):
            self.y += size + 5
            self.parts.append(_text(10, self.y, line, f'font-size="{size}" {extra}'))

    def head(self) -> None:
        self.y = 8
        self.paragraph(self.picture.heading(), 16, 'font-weight="bold"')
        for text in self.picture.mutant_texts():
            self.paragraph(text, 12, 'fill="#b3261e"')
        self.y += 14
        x = 10
        for kind, colour in KINDS.items():
            self.parts.append(
                f'<rect x="{x}" y="{self.y}" width="10" height="10" fill="{colour}"/>'
            )
            self.parts.append(_text(x + 15, self.y + 9, kind))
            x += 30 + 7 * len(kind)
        self.y += 12
        letter = letter_of(self.picture.schedule.model)
        words = _WORDS.get(letter, _WORDS[""])
        if self.picture.about_stamps:
            words = _NUMBERS
        self.paragraph(_READING + words, 10, 'fill="#6a6a70"')
        self.y += 10

    def names(self) -> None:
        """The heads of the lanes, with what each is to do."""
        top, deepest = self.y, 0
        for number, name in enumerate(self.actors):
            x = self.lane(number) + 8
            self.parts.append(_text(x, top + 18, name, 'font-size="14" font-weight="bold"'))
            lines = [*self.picture.scenario.actors[name]]
            shown = lines if len(lines) <= OPS_SHOWN else [*lines[: OPS_SHOWN - 1], "..."]
            for at, line in enumerate(shown, 1):
                extra = f'{MONO} font-size="10" fill="#555"'
                self.parts.append(_text(x, top + 18 + 13 * at, line[:40], extra))
            deepest = max(deepest, len(shown))
        self.y = top + 18 + 13 * deepest + 10

    def label(self, row: int, rows: Sequence[tuple[int, TraceLine]]) -> str:
        line = rows[row][1]
        where = object_name(line)
        if line.flags & lab.BREAKS and not where and row and rows[row - 1][1].actor != line.actor:
            mine = [one for _, one in rows[:row] if one.actor == line.actor]
            if mine and mine[-1].point == line.point:  # it goes on from there
                return f"after {line.point} {object_name(mine[-1])}".strip()
        granted = " (granted)" if line.flags & lab.GRANT else ""
        return f"{line.point} {where}".strip() + granted

    def notes(self, row: int, rows: Sequence[tuple[int, TraceLine]]) -> list[tuple[str, str]]:
        """Small text under a step, with its colour: where another goes on, what breaks."""
        line = rows[row][1]
        breaks = bool(line.flags & lab.BREAKS)
        last = row + 1 == len(rows)
        result: list[tuple[str, str]] = []
        told = line.point not in SELF_EVIDENT
        if told and (breaks or (not last and rows[row + 1][1].actor != line.actor)):
            lines = _wrap(self.points[line.point].text, NOTE_WIDTH)
            result = [(text, "#6a6a70") for text in lines]
        if self.picture.killed(rows[row][0]):
            result.append(("is killed here", "#b3261e"))
        if breaks and self.picture.violation:
            result.append((f"breaks: {self.picture.violation.invariant}", "#b3261e"))
            result += [(text, "#b3261e") for text in filter(None, [self.picture.compared()])]
        return result

    def step(self, row: int, rows: Sequence[tuple[int, TraceLine]]) -> None:
        """One row at self.y, which moves below it."""
        line, y = rows[row][1], self.y
        breaks = bool(line.flags & lab.BREAKS)
        notes = self.notes(row, rows)
        if breaks:
            self.under.append(
                f'<rect x="2" y="{y - 13}" width="{self.width - 4}" '
                f'height="{ROW + NOTE * len(notes)}" fill="#fbd5d0"/>'
            )
        self.parts.append(_text(6, y, str(rows[row][0]), f'class="n" {MONO}'))
        self.y += ROW
        if line.actor >= len(self.actors):
            return
        x = self.lane(line.actor) + self.dot
        colour = "#b3261e" if breaks else "#1d1d1f" if line.flags & lab.STEP else "#8a8a8e"
        weight = ' font-weight="bold"' if breaks or line.flags & lab.GRANT else ""
        point = self.points[line.point]
        self.parts.append(
            f'<circle cx="{x}" cy="{y - 4}" r="3" fill="{colour}"/>'
            f'<text x="{x + 9}" y="{y}" fill="{colour}"{weight}>{escape(self.label(row, rows))}'
            f"<title>{escape(point.text)}</title></text>"
        )
        for at, (text, tint) in enumerate(notes, 1):
            extra = f'font-size="10" fill="{tint}"' + (" font-weight='bold'" * (tint[1] == "b"))
            self.parts.append(_text(x + 9, y + NOTE * at, text, extra))
        self.y += NOTE * len(notes)
        self.panel(line, y, told=bool(notes))

    def panel(self, line: TraceLine, y: int, *, told: bool) -> None:
        """On the right the lock word, or where there is none what the step is."""
        x = self.lane(len(self.actors)) + 8
        whole = self.picture.about_stamps
        state = word_text(line, self.picture.schedule.model, whole=whole)
        if state:
            self.parts.append(_text(x, y, f"{object_name(line):<7s}{state}", f'class="w" {MONO}'))
        elif line.point == "op_begin":
            self.parts.append(_text(x, y, self.picture.operation(line), f'class="o" {MONO}'))
        elif not told and line.point not in SELF_EVIDENT:
            self.parts.append(_text(x, y, self.points[line.point].text, 'class="t"'))

    def hand_over(self, before: int, after: int) -> None:
        """An arrow from the step before to the one that comes at self.y, which moves."""
        if max(before, after) >= len(self.actors):
            return  # the controller has no lane
        from_x, to_x = self.lane(before) + self.dot, self.lane(after) + self.dot
        top = self.y - ROW + 5
        self.y += HAND_OVER
        middle = self.y - 17
        self.parts.append(
            f'<path d="M{from_x} {top} V{middle} H{to_x} V{self.y - 9}" stroke="#555" '
            'fill="none" stroke-width="1.2" marker-end="url(#arrow)"/>'
        )

    def left_out(self, count: int) -> None:
        text = f"{count:,} steps like these are not drawn"
        self.parts.append(_text(self.lane(0) + self.dot, self.y, text, 'fill="#b3261e"'))
        self.y += ROW

    def beside(self, rows: Sequence[tuple[int, TraceLine]], at: Sequence[int]) -> None:
        """What is held, by all steps, also by those that are not drawn."""
        if not self.picture.compact:
            self.stripes([line for _, line in rows], at)
            return
        places, drawn = [], 0
        for number in range(len(self.picture.trace)):
            if drawn + 1 < len(rows) and rows[drawn + 1][0] <= number:
                drawn += 1
            places.append(at[drawn])
        self.stripes(self.picture.trace, places)

    def stripes(self, drawn: Sequence[TraceLine], at: Sequence[int]) -> None:
        spans = [span for span in holds(drawn) if span.actor < len(self.actors)]
        for span, column in zip(spans, columns(spans), strict=True):
            x = self.lane(span.actor) + 4 + column * STRIPE
            top, height = at[span.begin] - 8, max(at[span.end] - at[span.begin], 4) + 6
            self.parts.append(
                f'<rect x="{x}" y="{top}" width="{STRIPE - 2}" height="{height}" rx="2" '
                f'fill="{KINDS[span.kind]}"><title>{escape(span.kind)} {escape(span.what)}'
                "</title></rect>"
            )
            if height > 7 * len(span.what):
                y = top + 3 + 5 * len(span.what)
                turned = f'transform="rotate(-90 {x + 7} {y})" font-size="8" fill="#111"'
                self.parts.append(_text(x + 7, y, span.what, turned))

    def run(self) -> None:
        """The lanes and everything in them."""
        rows = self.picture.rows()
        top, shades = self.y, len(self.parts)
        self.names()
        self.y += ROW // 2
        at = []
        stripes = len(self.parts)
        for row, (number, line) in enumerate(rows):
            before = rows[row - 1] if row else None
            if before and number != before[0] + 1 and not self.picture.compact:
                self.left_out(number - before[0] - 1)
            elif before and line.actor != before[1].actor:
                self.hand_over(before[1].actor, line.actor)
            at.append(self.y)
            self.step(row, rows)
        end = len(self.parts)
        self.beside(rows, at)
        drawn = self.parts[end:]
        del self.parts[end:]
        self.parts[stripes:stripes] = drawn  # below the text
        bottom = self.y - 4
        self.parts[shades:shades] = [
            f'<rect x="{self.lane(number)}" y="{top}" width="{LANE - 4}" '
            f'height="{bottom - top}" fill="{"#f4f4f6" if number % 2 else "#fafafc"}"/>'
            for number in range(len(self.actors))
        ] + self.under
        self.y = bottom

    def verdict(self) -> None:
        picture = self.picture
        self.y += 8
        colour = "#b3261e" if picture.violation else "#2c6e49"
        for text in lines_of(picture.verdict().replace("; ", ";\n")):
            self.paragraph(text, 15, f'fill="{colour}"')
        if picture.violation:
            for text in picture.seen():
                self.paragraph(text, 13, 'fill="#444"')
        self.y += 6
        for text in lines_of(picture.outcome) if picture.shows_outcome else []:
            self.y += 16
            self.parts.append(_text(20, self.y, text, f'font-size="11" fill="#444" {MONO}'))
        self.y += 16


def svg(picture: Picture) -> str:
    """The picture as SVG text."""
    one = _Drawing(picture)
    one.head()
    one.run()
    one.verdict()
    width, height = one.width, one.y
    head = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
        f'viewBox="0 0 {width} {height}" {FONT} font-size="12">',
        "<style>.n{fill:#a0a0a6;font-size:10px}.w{fill:#444;font-size:11px}"
        ".t{fill:#8a8a8e;font-size:11px}.o{fill:#1d1d1f;font-size:11px}</style>",
        '<defs><marker id="arrow" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="6" '
        'markerHeight="6" orient="auto"><path d="M0 0 L8 4 L0 8 z" fill="#555"/></marker></defs>',
        f'<rect width="{width}" height="{height}" fill="white"/>',
    ]
    return "\n".join([*head, *one.parts, "</svg>"]) + "\n"


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
