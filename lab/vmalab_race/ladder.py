# SPDX-License-Identifier: Apache-2.0
"""A run as plain text for a mail: a column for each process, time downwards, 72 columns at most."""

from __future__ import annotations

import textwrap
from typing import Final

from vmalab_native import lab
from vmalab_native.lab import TraceLine
from vmalab_native.race.explore import object_name, stamps
from vmalab_native.texts import lines_of
from vmalab_race.picture import SELF_EVIDENT, Picture

WIDTH: Final = 72
GAP: Final = 2


def text(picture: Picture) -> str:
    """The steps that the picture has, and the verdict."""
    names = picture.scenario.actor_names
    wide = (WIDTH - GAP * (len(names) - 1)) // len(names)
    lines = [*_wrapped(picture.heading())]
    for said in picture.mutant_texts():
        lines += _wrapped(said)
    lines += ["", _row([name[:wide] for name in names], wide)]
    lines.append(_row(["-" * min(len(name), wide) for name in names], wide))
    for number, line in picture.rows():
        if line.actor >= len(names):
            continue
        for said in _step(picture, number, line, wide):
            cells = [""] * len(names)
            cells[line.actor] = said
            lines.append(_row(cells, wide))
    lines.append("")
    for said in lines_of(picture.verdict()):
        lines += _wrapped(said)
    if picture.shows_outcome:
        lines += lines_of(picture.outcome)
    return "\n".join(lines) + "\n"


def _step(picture: Picture, number: int, line: TraceLine, wide: int) -> list[str]:
    """What one step says, in lines that fit the column."""
    if line.point == "op_begin":
        said = [picture.operation(line)]
    elif line.point in SELF_EVIDENT:
        said = ["(done)" if line.point == "op_end" else "(ends)"]
    else:
        granted = " (granted)" if line.flags & lab.GRANT else ""
        said = [f"{line.point} {object_name(line)}".rstrip() + granted]
    if picture.about_stamps and object_name(line):
        said.append(f" {stamps(line, whole=True)}")
    if picture.killed(number):
        said.append(" is killed here")
    if line.flags & lab.BREAKS and picture.violation:
        said.append(f" BREAKS: {picture.violation.invariant}")
        said += filter(None, [picture.compared()])
    return [part for one in said for part in textwrap.wrap(one, wide, subsequent_indent="    ")]


def _row(cells: list[str], wide: int) -> str:
    return (" " * GAP).join(f"{cell:<{wide}s}" for cell in cells).rstrip()


def _wrapped(said: str) -> list[str]:
    return textwrap.wrap(said, WIDTH, break_on_hyphens=False)
