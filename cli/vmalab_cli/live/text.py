# SPDX-License-Identifier: Apache-2.0
"""A page as text, for `vmalab top --once`."""

from __future__ import annotations

from vmalab_cli.live import views
from vmalab_cli.live.page import Page
from vmalab_cli.live.world import Look, World


def frame(world: World, look: Look | None, page: Page) -> str:
    """What the screen would show, without the keys."""
    lines = [f"vmalab top  {world.clock}  instances {len(world.looks)}"]
    if look is None:
        lines += views.all_wrong(world)
    else:
        lines += [*views.about(look), *views.wrong(look)]
    lines += ["", f"{page.title}:", *page.facts, *table(page)]
    return "\n".join(line.rstrip() for line in lines)


def table(page: Page) -> list[str]:
    """The table of a page, or what it says when it has no row."""
    if not page.rows:
        return [page.empty]
    more = ["... there are more"] if page.left_out else []
    return [page.head, *(page.line(row.cells) for row in page.rows), *more]
