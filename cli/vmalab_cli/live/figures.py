# SPDX-License-Identifier: Apache-2.0
"""Numbers in few columns."""

from __future__ import annotations

PAGE_KIB = 4


def _scaled(value: float, base: int) -> tuple[float, int]:
    """A number below 1000, and how often it was divided by the base for that."""
    steps = 0
    while value >= 999.5:
        value, steps = value / base, steps + 1
    return value, steps


def count(value: float) -> str:
    """At most five characters: 9999, 12.3k, 1.23M."""
    if value < 9999.5:
        return f"{value:.0f}"
    value, steps = _scaled(value, 1000)
    digits = 2 if value < 9.995 else 1 if value < 99.95 else 0
    return f"{value:.{digits}f}{' kMGTPE'[steps]}"


def per_second(value: float | None) -> str:
    """A rate, "-" if there is nothing to compare with."""
    if value is None:
        return "-"
    return f"{value:.1f}" if 0 < value < 9.95 else count(value)


def pages(number: int) -> str:
    """Pages of 4096 bytes as a size: 12K, 3.4M."""
    size, steps = _scaled(float(number * PAGE_KIB), 1024)
    digits = 0 if size >= 9.95 or size == int(size) else 1
    return f"{size:.{digits}f}{'KMGTPE'[steps]}"


def seconds(ns: int, *, at_least: bool = False) -> str:
    """A time of seven characters at most: 12 µs, 3.4 s, 2.0 h; with a sign if it may be more."""
    value = max(ns, 0) / 1e9
    if value < 0.000995:
        text = f"{value * 1e6:.0f} µs"
    elif value < 0.0995:
        text = f"{value * 1e3:.1f} ms" if value < 0.00995 else f"{value * 1e3:.0f} ms"
    elif value < 99.95:
        text = f"{value:.1f} s"
    elif value < 5999.5:
        text = f"{value:.0f} s"
    else:
        text = f"{value / 3600:.1f} h"
    return f"≥{text}" if at_least else text


def share(part: float, whole: float) -> str:
    """A part in percent, "-" of nothing."""
    return f"{100 * part / whole:.1f}" if whole else "-"


def percent(part: float, whole: float) -> str:
    """The same in whole percent: 34 %."""
    return f"{100 * part / whole:.0f} %" if whole else "-"
