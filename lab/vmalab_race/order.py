# SPDX-License-Identifier: Apache-2.0
"""The order of locks that was learnt, as a graph: classes, who waits for what, inversions.

The lab core learns an edge when a lock is waited for while another one is held (lab_order.c). An
edge that lies on a circle is an inversion: some processes that do these operations at the same time
may wait for each other for ever, whether or not that has happened here.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from html import escape
from itertools import pairwise
from typing import Any, Final

from vmalab.ops import Op
from vmalab_native import lab
from vmalab_native.lab import Edge

BOX_WIDTH: Final = 168
BOX_HEIGHT: Final = 30
GAP_X: Final = 34
GAP_Y: Final = 58
EDGE: Final = "#5b6b7c"
INVERTED: Final = "#c0392b"
_FONT: Final = 'font-family="DejaVu Sans Mono, Menlo, monospace" font-size="12"'
_OPS: Final = {int(op): op.name for op in Op if op is not Op.NOP}


@dataclass(frozen=True, slots=True)
class Learnt:
    """An edge, with the names of a scenario."""

    held: str
    wanted: str
    who: str
    """An actor of a scenario, or a process."""
    operation: str
    steps: tuple[str, ...]
    """The last sync points of the operation before the wait."""

    def text(self) -> str:
        steps = " > ".join(self.steps) or "no sync point"
        return f"{self.held} -> {self.wanted}: {self.who}, {self.operation}: {steps}"


def learnt(edges: Iterable[Edge], actors: dict[str, tuple[str, ...]] | None = None) -> list[Learnt]:
    """Edges with names.

    Args:
        actors: of a scenario, with their operations; None: of a running instance.
    """
    rows = []
    names = list(actors or ())
    for edge in edges:
        who, operation = f"pid {edge.pid}", _OPS.get(edge.op, "an internal call")
        if actors is not None and edge.actor < len(names):
            who = names[edge.actor]
            operation = actors[who][edge.number]
        rows.append(Learnt(edge.held, edge.wanted, who, operation, edge.steps))
    return rows


@dataclass(frozen=True, slots=True)
class Graph:
    """The order of locks."""

    edges: tuple[Learnt, ...]

    def after(self, held: str) -> list[str]:
        """What was waited for while that one was held."""
        return [edge.wanted for edge in self.edges if edge.held == held]

    def path(self, start: str, end: str) -> tuple[str, ...]:
        """A shortest one; empty: there is none."""
        ways: list[tuple[str, ...]] = [(start,)]
        seen = {start}
        while ways:
            way = ways.pop(0)
            if way[-1] == end:
                return way
            for after in self.after(way[-1]):
                if after not in seen:
                    seen.add(after)
                    ways.append((*way, after))
        return ()

    def edge(self, held: str, wanted: str) -> Learnt:
        return next(one for one in self.edges if (one.held, one.wanted) == (held, wanted))

    def inversions(self) -> list[tuple[Learnt, ...]]:
        """Circles, each once: the edges that lie on it."""
        found: dict[frozenset[str], tuple[Learnt, ...]] = {}
        for one in self.edges:
            back = self.path(one.wanted, one.held)
            if back:
                rest = [self.edge(a, b) for a, b in pairwise(back)]
                found.setdefault(frozenset(back), (one, *rest))
        return list(found.values())

    def inverted(self) -> frozenset[tuple[str, str]]:
        return frozenset((one.held, one.wanted) for circle in self.inversions() for one in circle)

    def levels(self) -> list[list[str]]:
        """Classes by the longest way from one that nothing is held for; those on circles by the
        order of lab.LOCKS."""
        bad = self.inverted()
        straight = [edge for edge in self.edges if (edge.held, edge.wanted) not in bad]
        names = {name for edge in self.edges for name in (edge.held, edge.wanted)}
        level = dict.fromkeys(names, 0)
        for _ in names:
            for edge in straight:
                level[edge.wanted] = max(level[edge.wanted], level[edge.held] + 1)
        rows: list[list[str]] = [[] for _ in range(max(level.values(), default=-1) + 1)]
        for name in sorted(names, key=lab.LOCKS.index):
            rows[level[name]].append(name)
        return rows

    def as_dict(self) -> dict[str, Any]:
        return {
            "edges": [asdict(edge) | {"steps": list(edge.steps)} for edge in self.edges],
            "inversions": [
                [{"held": edge.held, "wanted": edge.wanted} for edge in circle]
                for circle in self.inversions()
            ],
        }

    def text(self) -> str:
        if not self.edges:
            return "no lock was waited for while another one was held"
        lines = ["held -> waited for: who, operation: its last steps", ""]
        lines += [edge.text() for edge in self.edges]
        for circle in self.inversions():
            lines += ["", "INVERSION: each of these may wait for the other"]
            lines += [f"  {edge.text()}" for edge in circle]
        return "\n".join(lines)

    def dot(self) -> str:
        """For Graphviz."""
        bad = self.inverted()
        lines = ["digraph locks {", "  node [shape=box, fontname=monospace];"]
        for edge in self.edges:
            red = " [color=red]" if (edge.held, edge.wanted) in bad else ""
            lines.append(f'  "{edge.held}" -> "{edge.wanted}"{red};')
        return "\n".join([*lines, "}"])

    def svg(self) -> str:
        """From the top: what is held comes above what is waited for."""
        rows = self.levels()
        width = max((len(row) for row in rows), default=1) * (BOX_WIDTH + GAP_X) + GAP_X
        height = len(rows) * (BOX_HEIGHT + GAP_Y) + GAP_Y // 2
        at = {
            name: (
                (width - len(row) * (BOX_WIDTH + GAP_X) + GAP_X) // 2 + x * (BOX_WIDTH + GAP_X),
                GAP_Y // 2 + y * (BOX_HEIGHT + GAP_Y),
            )
            for y, row in enumerate(rows)
            for x, name in enumerate(row)
        }
        parts = [
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}"'
            f' viewBox="0 0 {width} {height}">',
            '<rect width="100%" height="100%" fill="white"/>',
            *(_marker(name, colour) for name, colour in (("to", EDGE), ("bad", INVERTED))),
        ]
        bad = self.inverted()
        for edge in self.edges:
            parts.append(_arrow(at, edge, inverted=(edge.held, edge.wanted) in bad))
        parts += [_box(name, x, y) for name, (x, y) in at.items()]
        return "\n".join([*parts, "</svg>", ""])


def _marker(name: str, colour: str) -> str:
    return (
        f'<marker id="{name}" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="7"'
        f' markerHeight="7" orient="auto"><path d="M0 0 L10 5 L0 10 z" fill="{colour}"/></marker>'
    )


def _arrow(at: dict[str, tuple[int, int]], edge: Learnt, *, inverted: bool) -> str:
    (x1, y1), (x2, y2) = at[edge.held], at[edge.wanted]
    half = BOX_WIDTH // 2
    colour, marker = (INVERTED, "bad") if inverted else (EDGE, "to")
    down = y2 > y1
    start = (x1 + half, y1 + BOX_HEIGHT if down else y1)
    end = (x2 + half, y2 if down else y2 + BOX_HEIGHT)
    bend = 0 if down else -half - GAP_X  # up, or beside: around the boxes
    middle = ((start[0] + end[0]) // 2 + bend, (start[1] + end[1]) // 2)
    title = escape(edge.text())
    return (
        f'<path d="M{start[0]} {start[1]} Q{middle[0]} {middle[1]} {end[0]} {end[1]}" fill="none"'
        f' stroke="{colour}" stroke-width="1.4" marker-end="url(#{marker})"><title>{title}</title>'
        "</path>"
    )


def _box(name: str, x: int, y: int) -> str:
    return (
        f'<rect x="{x}" y="{y}" width="{BOX_WIDTH}" height="{BOX_HEIGHT}" rx="5" fill="#eef3f8"'
        f' stroke="#34495e"/><text x="{x + BOX_WIDTH // 2}" y="{y + 19}" text-anchor="middle"'
        f" {_FONT}>{escape(name)}</text>"
    )


def graph(edges: Sequence[Edge], actors: dict[str, tuple[str, ...]] | None = None) -> Graph:
    """The graph of what lab.order() gives."""
    return Graph(tuple(learnt(edges, actors)))
