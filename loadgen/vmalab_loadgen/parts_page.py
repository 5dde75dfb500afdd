# SPDX-License-Identifier: Apache-2.0
"""Where the time of calls or blocks went, as cells of a table and as a picture of bars."""

from __future__ import annotations

import html
from collections.abc import Mapping
from typing import Any, Final

from vmalab_loadgen.cells import table, text_of, time_text
from vmalab_loadgen.chart import WIDTH

NAMES: Final = {
    "late": ("late", 6),
    "client": ("client", 4),
    "transport": ("transport", 1),
    "transport_queue": ("transport + queue", 1),
    "queue": ("queue", 2),
    "turn": ("turn", 2),
    "handler": ("handler", 3),
    "core": ("core", 5),
}
"""What a part is called, and its colour of the page's palette."""
SAYS: Final = {
    "late": "from the intended start until the client begins",
    "client": "until gRPC has the request, and from its answer on",
    "transport": "gRPC in the client and in the worker, and the way between them",
    "transport_queue": "gRPC, the way, and the time for which the request lay unread in the worker "
    "or the answer in the client, which nobody knows",
    "queue": "from the arrival at the worker until the handler begins, which has the whole request",
    "turn": "until a block that was read is executed",
    "handler": "the service around the core",
    "core": "the core",
}
ROW, BAR, NAME_WIDTH, KEY_HEIGHT = 26, 16, 90, 30
GAP: Final = 1.5
"""Between two parts, in pixels, so that colour is not all that divides them."""


def known(data: Mapping[str, Any]) -> list[str]:
    """The parts that a report has, in their order."""
    parts = data["call_parts"]["all"]["parts_ns"]
    return [name for name in NAMES if parts[name] is not None]


def rows(data: Mapping[str, Any]) -> tuple[list[str], list[list[str]]]:
    """Head and rows of a table as text; no rows: nothing was asked, or nothing came back."""
    found = data.get("call_parts")
    if not found or not found["all"]["timed"]:
        return [], []
    names = known(data)
    head = ["kind", "timed", "mean", *(NAMES[name][0] for name in names)]
    kinds = [*found["kinds"].items()]
    if len(kinds) > 1:
        kinds.append(("all", found["all"]))
    cells = [
        [kind, f"{one['timed']:,}", time_text(one["mean_us"]),
         *("" if one["parts_us"][name] is None else time_text(one["parts_us"][name])
           for name in names)]
        for kind, one in kinds
    ]  # fmt: skip
    whole = found["all"]
    shares = [f"{whole['parts_ns'][name] / max(whole['whole_ns'], 1):.1%}" for name in names]
    return head, [*cells, ["share", "", "", *shares]]


def note(data: Mapping[str, Any]) -> str:
    """What was timed, and what that costs, in a sentence or two."""
    found = data["call_parts"]
    of, sample = found["of"], found["sample"]
    which = f"Every {of}" if sample == 1 else f"One {of} in {sample}"
    text = (
        f"{which} was asked, which costs each of them "
        f"{time_text(found['cost_us'])}, and that is in its time."
    )
    if silent := found["all"]["unanswered"]:
        text += f" {silent:,} that were asked have no answer, or one that cannot be."
    return text


def section(data: Mapping[str, Any]) -> str:
    """The picture, the table and what they mean, as HTML."""
    head, cells = rows(data)
    if not cells:
        return ""
    found = data["call_parts"]
    says = "; ".join(f"{NAMES[name][0]}: {SAYS[name]}" for name in known(data))
    return (
        f"<h2>Where the time of a {found['of']} went</h2>{_bars(data)}"
        f"{table(head, [[text_of(cell) for cell in row] for row in cells])}"
        f'<p class="soft">{text_of(note(data))} {text_of(says[0].upper() + says[1:])}.</p>'
    )


def _bars(data: Mapping[str, Any]) -> str:
    """A bar for each kind, of one length for all: the shares of its parts."""
    found, names = data["call_parts"], known(data)
    kinds = [*found["kinds"].items()]
    height = KEY_HEIGHT + ROW * len(kinds) + 8
    across = WIDTH - NAME_WIDTH
    label = f"where the time of a {found['of']} went: shares"
    out = [f'<svg viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{label}">']
    at = float(NAME_WIDTH)
    for name in names:
        text, colour = NAMES[name]
        out.append(
            f'<rect class="bar c{colour}" x="{at:.0f}" y="4" width="12" height="12" rx="2"/>'
        )
        out.append(f'<text x="{at + 18:.0f}" y="15">{text}</text>')
        at += 40 + 7.5 * len(text)
    for number, (kind, one) in enumerate(kinds):
        top = KEY_HEIGHT + number * ROW
        out.append(f'<text x="{NAME_WIDTH - 10}" y="{top + 13}" text-anchor="end">'
                   f"{html.escape(kind)}</text>")  # fmt: skip
        left = float(NAME_WIDTH)
        for name in names:
            share = (one["parts_ns"][name] or 0) / max(one["whole_ns"], 1)
            width = share * across
            if width > GAP:
                out.append(
                    f'<rect class="bar c{NAMES[name][1]}" x="{left:.1f}" y="{top}" '
                    f'width="{width - GAP:.1f}" height="{BAR}" rx="2">'
                    f"<title>{NAMES[name][0]} {share:.1%}</title></rect>"
                )
            left += width
    return "".join([*out, "</svg>"])
