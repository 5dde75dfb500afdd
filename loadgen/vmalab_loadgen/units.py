# SPDX-License-Identifier: Apache-2.0
"""Numbers as people write them: 20k/s, 1.5M, 500ms, 2m, 95%."""

from __future__ import annotations

import math
import re
from typing import Final

_TIMES: Final = {"ns": 1e-9, "us": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0}
_SIZES: Final = {"": 1.0, "k": 1e3, "M": 1e6, "G": 1e9}
_NUMBER: Final = r"(\d+(?:\.\d*)?|\.\d+)(?:[eE]\+?(\d{1,2}))?"


class UnitError(ValueError):
    """A text that is no number with a unit; the message says what would be one."""


def _number(found: re.Match[str]) -> float:
    value = float(found[1]) * 10.0 ** int(found[2] or 0)
    if not math.isfinite(value):
        raise UnitError(f"{found[0]!r} is too large")
    return value


def seconds(text: str) -> float:
    """A time: 10 and 10s are the same; also ns, us, ms, m, h.

    Raises:
        UnitError
    """
    found = re.fullmatch(rf"{_NUMBER}\s*([a-zµ]*)", text.strip())
    unit = found[3].replace("µ", "u") or "s" if found else ""
    if not found or unit not in _TIMES:
        raise UnitError(f"{text!r} is no time: write 10s, 500ms, 2m or 1h")
    return _number(found) * _TIMES[unit]


def amount(text: str) -> float:
    """A number: 20000, 20k, 1.5M.

    Raises:
        UnitError
    """
    found = re.fullmatch(rf"{_NUMBER}\s*([kKMG]?)", text.strip())
    if not found:
        raise UnitError(f"{text!r} is no number: write 20000, 20k or 1.5M")
    return _number(found) * _SIZES[found[3].replace("K", "k")]


def rate(text: str) -> float:
    """Operations per second: 20k/s and 20000 are the same.

    Raises:
        UnitError
    """
    try:
        return amount(text.strip().removesuffix("/s"))
    except UnitError:
        raise UnitError(f"{text!r} is no rate: write 20k/s or 20000") from None


def counted(number: int, one: str, many: str) -> str:
    """1 process, 2 processes."""
    return f"{number:,} {one if number == 1 else many}"
