# SPDX-License-Identifier: Apache-2.0
"""The address spaces that a caller has forked: a tree of bounded depth and width.

Each node is a copy of its parent as it was at the fork, and is known page by page. A fork hangs a
child below a node that has room, an exit takes the oldest node without children.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from vmalab_loadgen.arena import Arena

DEPTH_MAX: Final = 8
NODES_MAX: Final = 64
"""Of one caller, without the root."""
VMAS_MAX: Final = 65536
"""Of all nodes of one caller."""


class FamilyError(ValueError):
    """A text that is no shape of a tree; the message says what would be one."""


@dataclass(frozen=True, slots=True)
class Shape:
    """How deep a tree may be, and how many children a node may have."""

    depth: int = 1
    width: int = 4
    full: bool = False
    """It is complete before the load begins."""

    @staticmethod
    def parse(text: str) -> Shape:
        """Read DEPTHxWIDTH.

        Raises:
            FamilyError
        """
        found = re.fullmatch(r"\s*(\d{1,4})\s*[xX]\s*(\d{1,4})\s*", text)
        if not found:
            raise FamilyError(f"{text!r}: give DEPTHxWIDTH, as 3x2")
        shape = Shape(int(found[1]), int(found[2]), full=True)
        if not 1 <= shape.depth <= DEPTH_MAX or not 1 <= shape.nodes <= NODES_MAX:
            raise FamilyError(
                f"{text!r}: {shape.nodes} children; give a depth of 1 to {DEPTH_MAX}, and at most "
                f"{NODES_MAX} children in all"
            )
        return shape

    @property
    def nodes(self) -> int:
        """Of a complete tree, without the root."""
        return sum(self.width**level for level in range(1, min(self.depth, DEPTH_MAX) + 1))

    def text(self) -> str:
        return f"{self.depth}x{self.width}" if self.full else ""


FOUR: Final = Shape()
"""What is taken where nothing is said: children of the root alone."""


@dataclass(slots=True, eq=False)
class Node:
    """An address space. kids: its children, and the forks of it that are under way."""

    mm: int
    arena: Arena
    level: int = 0
    parent: Node | None = None
    kids: int = 0


@dataclass(slots=True)
class Family:
    """The living nodes below a root."""

    root: Node
    shape: Shape
    nodes: list[Node] = field(default_factory=list)
    """Oldest first."""
    forks_open: int = 0
    """Forks whose answer has not come."""

    @property
    def full(self) -> bool:
        return len(self.nodes) + self.forks_open >= self.shape.nodes

    def room(self) -> list[Node]:
        """Nodes that may have one more child, those of the highest level first."""
        depth, width = self.shape.depth, self.shape.width
        found = [one for one in (self.root, *self.nodes) if one.level < depth and one.kids < width]
        return sorted(found, key=lambda one: one.level)

    def parent(self, rng: np.random.Generator) -> Node | None:
        """Where the next fork is to be; None while the answers of forks are missing."""
        room = self.room()
        return room[int(rng.integers(0, len(room)))] if room else None

    def begin(self, parent: Node) -> Node:
        """A fork that is sent now: what the child will be."""
        self.forks_open += 1
        parent.kids += 1
        return Node(0, parent.arena.copy(), parent.level + 1, parent)

    def answered(self, child: Node, mm: int) -> None:
        """The answer of its fork. mm: 0 if it has failed."""
        self.forks_open -= 1
        if mm:
            child.mm = mm
            self.nodes.append(child)
        elif child.parent is not None:
            child.parent.kids -= 1

    def leave(self) -> Node | None:
        """The oldest leaf, which exits now; None if there is none."""
        for at, node in enumerate(self.nodes):
            if not node.kids:
                if node.parent is not None:
                    node.parent.kids -= 1
                return self.nodes.pop(at)
        return None
