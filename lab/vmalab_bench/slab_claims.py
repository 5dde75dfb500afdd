# SPDX-License-Identifier: Apache-2.0
"""What the review said of the slab, in other words, and the figures of a run beside it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

DEFERRING: Final = ("split-rwsem", "embedded-rwsem")
TYPESAFE: Final = ("typesafe-rwsem", "refcount")
V4: Final = "typesafe-rwsem"
Data = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Figures:
    """The rows of a run by what they are of. A figure that was not measured is ""."""

    data: Data

    def _row(self, part: str, **wanted: object) -> Data:
        """The row, or an empty one."""
        for row in self.data[part]:
            if all(row[key] == value for key, value in wanted.items()):
                return dict(row)
        return {}

    def more(self, layout: str) -> str:
        """Bytes that v4 takes more than a VMA with its lock in a cache of its own."""
        before = self._row("sizes", model="split-rwsem", layout=layout, freeptr="none")
        after = self._row("sizes", model=V4, layout="aligned", freeptr="none")
        if not before or not after:
            return ""
        mib = after["mib_per_100000_vmas"] - before["mib_per_100000_vmas"]
        pages = f"{before['pages_per_1000_vmas']} to {after['pages_per_1000_vmas']} pages"
        return f"{before['slot_bytes']} + {before['lock_bytes']} bytes: {pages}, {mib:.1f} MB"

    def slot(self, freeptr: str, where: str) -> str:
        row = self._row("sizes", model=V4, layout="aligned", freeptr=freeptr)
        return f"{where}: {row['slot_bytes']} bytes" if row else ""

    def deferred(self, model: str) -> str:
        row = self._row("times", model=model, setting="")
        return f"{model} {row['deferred_share']:.0%}" if row else ""

    def soon(self, model: str) -> str:
        row = self._row("reuse", model=model, setting="", freer="own")
        return f"{model} after {row['distance_median']} other frees" if row else ""

    def cost(self, model: str, setting: str) -> str:
        row = self._row("times", model=model, setting=setting)
        if not row:
            return ""
        low, high = row["one_over_usual_interval"]
        return f"{model} {setting}: {row['one_over_usual']:.2f} times ({low:.2f} to {high:.2f})"

    def in_vain(self) -> str:
        row = self._row("reuse", model=V4, setting="", freer="own")
        live = self.data["live"]
        return f"{row['never_again']} of {row['frees']} frees, {live} VMAs in use" if row else ""

    def walked(self) -> str:
        count = self.data["segments_reset_at_free"]
        return f"every free VMA of {count} segments is" if count else ""

    def merging(self) -> str:
        row = self._row("merging", cache="vm_area_struct")
        return f"shares with none: {row['refused']}" if row.get("refused") else ""

    def on_stack(self) -> str:
        row = self._row("stack", model=V4)
        if not row:
            return ""
        return (
            f"lock free after the fields were cleared: {row['lock_free_after_fields']} of "
            f"{row['vmas']}; after all was: {row['lock_free_after_all']}, {row['init_ns']:.1f} ns"
        )


def _of(figure: Callable[[str], str], models: Sequence[str]) -> list[str]:
    return [figure(model) for model in models]


def claims(data: Data) -> list[dict[str, str]]:
    """The sentences whose figures were all measured."""
    f = Figures(data)
    memset = "vmalab race run reuse-while-locking --mutant object_cleared"
    said: list[tuple[str, list[str]]] = [
        ("The larger VMA costs 5.5 MB for each 100,000.", [f.more("aligned")]),
        ("It costs 3.9 MB with a 176-byte VMA.", [f.more("wide")]),
        (
            "With type-safe reuse fewer frees wait for a grace period.",
            _of(f.deferred, DEFERRING + TYPESAFE),
        ),
        ("A freed VMA is used again at once (median).", _of(f.soon, (*DEFERRING[1:], V4))),
        (
            "A free pointer cannot go with a constructor. Nothing forbids it.",
            [f.slot("outside", "behind the VMA"), f.slot("overlaid", "over its range")],
        ),
        (
            "What is freed should be as the constructor leaves it.",
            [f.walked(), f.cost(V4, "reset=free")],
        ),
        ("A reset at free is in vain if the object is not used again.", [f.in_vain()]),
        ("A memset of a recycled VMA is not possible.", [f"shown by {memset}"]),
        ("The merged lock may be initialised again.", [f.cost("refcount", "ctor=alloc")]),
        ("A VMA is unlocked when it is freed.", [f.cost("embedded-rwsem", "ctor=page")]),
        ("A VMA on the stack has no constructor: vma_init stays.", [f.on_stack()]),
        ("SLAB_NO_MERGE was added, and dropped with type-safe reuse.", [f.merging()]),
    ]
    return [
        {"said": sentence, "here": "; ".join(figures)} for sentence, figures in said if all(figures)
    ]
