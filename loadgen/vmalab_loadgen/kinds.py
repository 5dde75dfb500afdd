# SPDX-License-Identifier: Apache-2.0
"""Kinds of operations that have times: those of a block, and the readings, which are no record."""

from __future__ import annotations

from typing import Final

from vmalab.ops import Op

READINGS: Final = ("maps", "smaps")
"""Texts of an address space that a caller reads."""
OPS: Final = max(Op) + 1
COUNT: Final = OPS + len(READINGS)
NAMES: Final = (*(one.name.lower() for one in Op), *READINGS)
"""What a report may have."""


def number_of(name: str) -> int:
    """The row of a kind in the histograms."""
    return OPS + READINGS.index(name) if name in READINGS else int(Op[name.upper()])


def name_of(number: int) -> str:
    return READINGS[number - OPS] if number >= OPS else Op(number).name.lower()
