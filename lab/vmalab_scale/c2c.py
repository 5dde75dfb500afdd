# SPDX-License-Identifier: Apache-2.0
"""Which lines CPUs take from one another, and what lies there: perf c2c's question, with the truth.

The core says where in its text the two were, and which bytes they touched. Functions come from the
symbols of the core.
"""

from __future__ import annotations

import bisect
import re
import shutil
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

from vmalab_native import cores

if TYPE_CHECKING:
    from vmalab_scale.run import Cell

_SYMBOL: Final = re.compile(r"^([0-9a-f]+) [tT] (\S+)$")
PS_PER_NS: Final = 1000
HEAD: Final = (
    *("line", "byte", "", "in", "written", "in", "sharing"),
    *("misses/op", "ns/op"),
)
"""What rows() has in its columns."""


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


def rows(cell: Cell, most: int) -> Iterator[list[str]]:
    """The costliest pairs of places: a row of HEAD each."""
    core = cores.file_of(cell.model, cores.virtual_layout(cell.layout))
    done = max(1, sum(one.operations for one in cell.run.cpus))
    for hot in cell.run.hot[:most]:
        yield [
            f"{hot.line:#x}",
            f"+{hot.reader_at}",
            "writes" if hot.writes else "reads",
            function_at(core, hot.reader),
            f"+{hot.writer_at}",
            function_at(core, hot.writer),
            "true" if hot.real else "false",
            f"{hot.count / done:.3f}",
            f"{hot.ps / PS_PER_NS / done:.1f}",
        ]
