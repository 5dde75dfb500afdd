# SPDX-License-Identifier: Apache-2.0
"""Kinds of operations that have times: those of a block, and some that are no record."""

from __future__ import annotations

from typing import Final

from vmalab.ops import Op

READINGS: Final = ("maps", "smaps")
"""Texts of an address space that a caller reads."""
RENEWAL: Final = "renewal"
"""A caller that leaves, and another one that comes in its place."""
OTHERS: Final = (*READINGS, RENEWAL)
OPS: Final = max(Op) + 1
COUNT: Final = OPS + len(OTHERS)
NAMES: Final = (*(one.name.lower() for one in Op), *OTHERS)
"""What a report may have."""


def number_of(name: str) -> int:
    """The row of a kind in the histograms."""
    return OPS + OTHERS.index(name) if name in OTHERS else int(Op[name.upper()])


def name_of(number: int) -> str:
    return OTHERS[number - OPS] if number >= OPS else Op(number).name.lower()
