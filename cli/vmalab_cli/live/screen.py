# SPDX-License-Identifier: Apache-2.0
"""`vmalab top` on a terminal.

Looks are taken in a thread, so that keys are answered meanwhile. The next look begins an interval
after the last one began, and not before the process has rested for REST times the CPU time that it
took: to look at a large instance costs CPU time that its users want too.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import ClassVar, Final

from rich.text import Text
from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import DataTable, Footer, Input, Static

from vmalab_cli.live import views, zoom
from vmalab_cli.live.page import Column, Page, Row, Zoom, arranged
from vmalab_cli.live.world import Look, World
from vmalab_native import signals

REST: Final = 4
REST_MIN_S: Final = 0.01
WRONG_MAX: Final = 4
"""Lines of what is wrong."""
BAD: Final = "bold red"
HELP: Final = """\
[b]Keys[/b]

  1 to 8     the views: instances, workers, clients, address spaces,
             VMAs, locks, counters, slab
  Up, Down   choose a row
  Enter      zoom: into the instance, address space, VMA or thread
  Esc        back
  s          sort by the next column
  r          turn the order round
  /          show only rows that have a text; Esc ends that
  p          pause: nothing changes until p again
  Space      look now
  q          end

[b]Figures[/b]

  /s         by the second, between the two last looks
  ≥          it was under way when it was first seen
  wait ms/s  ms that threads waited in a second, added up: 10 000 is
             ten threads that wait all the time
  waited     the same since this view began

What is red waits for long, is stopped, or is dead.
"""


def _cpu_s() -> float:
    """What this thread has used, and processes that have ended: an instance may be looked at in
    one of its own."""
    times = os.times()
    return time.thread_time() + times.children_user + times.children_system


@dataclass(frozen=True, slots=True)
class Start:
    """What is shown first.

    Attributes:
        view: one of VIEWS.
        instance: whose views are shown; "": the first.
        sort: a column's name, or the begin of it; "": as the view has it.
        wanted: only rows with this text.
        interval_s: between two looks.
    """

    view: str = "instances"
    instance: str = ""
    sort: str = ""
    wanted: str = ""
    interval_s: float = 1.0


class Help(ModalScreen[None]):
    """The keys. Any of them leads back."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,question_mark,q,enter", "dismiss", "Back")
    ]

    def compose(self) -> ComposeResult:
        with VerticalScroll():
            yield Static(HELP)
        yield Footer()


class Table(DataTable[Text]):
    """The rows of a page. Cells have the width of their column, so nothing is measured."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("enter", "select_cursor", "Zoom")]

    def __init__(self) -> None:
        super().__init__(cell_padding=0, cursor_type="row")
        self._page_columns: tuple[Column, ...] = ()
        self._page_rows: tuple[Row, ...] = ()

    def show(self, page: Page) -> None:
        """Show the rows of a page. The cursor stays on its row."""
        chosen = self.chosen()
        if page.columns != self._page_columns:
            self.clear(columns=True)
            for column in page.columns:
                self.add_column(Text(column.fitted(column.name)), width=column.width + 1)
            self._page_columns, self._page_rows, chosen = page.columns, (), None
        if [row.key for row in page.rows] == [row.key for row in self._page_rows]:
            self._update(page)
        else:
            top = self.scroll_y
            self.clear()
            for row in page.rows:
                self.add_row(*self._cells(page, row))
            keys = [row.key for row in page.rows]
            if chosen is not None and chosen.key in keys:
                self.move_cursor(row=keys.index(chosen.key), scroll=False)
                self.scroll_to(y=top, animate=False)
        self._page_rows = page.rows

    def _update(self, page: Page) -> None:
        for number, (old, row) in enumerate(zip(self._page_rows, page.rows, strict=True)):
            if (old.cells, old.bad) != (row.cells, row.bad):
                for column, cell in enumerate(self._cells(page, row)):
                    self.update_cell_at((number, column), cell)  # type: ignore[arg-type]

    @staticmethod
    def _cells(page: Page, row: Row) -> list[Text]:
        style = BAD if row.bad else ""
        return [
            Text(column.fitted(cell), style, no_wrap=True)
            for column, cell in zip(page.columns, row.cells, strict=True)
        ]

    def chosen(self) -> Row | None:
        """The row with the cursor."""
        return (
            self._page_rows[self.cursor_row]
            if 0 <= self.cursor_row < len(self._page_rows)
            else None
        )


class Top(App[None]):
    """The view."""

    ENABLE_COMMAND_PALETTE = False
    CSS = """
    Screen { layers: base; }
    #about, #wrong, #views, #facts, #empty {
        height: auto; padding: 0; text-wrap: nowrap; text-overflow: ellipsis;
    }
    #wrong { color: $error; text-style: bold; }
    #views { background: $panel; }
    Table { height: 1fr; scrollbar-size-vertical: 1; overflow-x: hidden; }
    Input { height: 1; border: none; padding: 0; display: none; }
    Input.open { display: block; }
    .plain Table > .datatable--cursor { text-style: reverse; }
    Help { align: center middle; }
    Help VerticalScroll { width: 74; height: 100%; background: $panel; padding: 0 1; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("q", "quit", "Quit"),
        Binding("p", "pause", "Pause"),
        Binding("s", "sort", "Sort"),
        Binding("r", "reverse", "Reverse"),
        Binding("slash", "filter", "Filter"),
        Binding("escape", "leave", "Back"),
        Binding("question_mark", "help", "Help"),
        Binding("space", "look", "Look", show=False),
        Binding("ctrl+c", "quit", "Quit", show=False, priority=True),
        *(
            Binding(str(number), f"view({name!r})", show=False)
            for number, name in enumerate(views.VIEWS, 1)
        ),
    ]

    def __init__(self, look: Callable[[Zoom | None], World], start: Start) -> None:
        """look: takes a look at all instances; what it says to zoom into is read besides."""
        # Without colours none at all, not grey ones.
        super().__init__(ansi_color=True if os.environ.get("NO_COLOR") else None)
        self._take = look
        self._start = start
        self._world = World(0, "", ())
        self._view_name = start.view
        self._instance = start.instance
        self._zooms: list[Zoom] = []
        self._orders: dict[str, tuple[int | None, bool]] = {}
        self._wanted: dict[str, str] = {start.view: start.wanted}
        self._page = views.instances(self._world)
        self._paused = False
        self._looking = False

    def compose(self) -> ComposeResult:
        yield Static(id="about", markup=False)
        yield Static(id="wrong", markup=False)
        yield Static(id="views")
        yield Static(id="facts", markup=False)
        yield Table()
        yield Static(id="empty", markup=False)
        yield Input(placeholder="only rows with this text", id="filter")
        yield Footer(show_command_palette=False)

    def on_mount(self) -> None:
        if self.no_color:
            self.screen.add_class("plain")
        for number in signals.ENDING:
            asyncio.get_running_loop().add_signal_handler(number, self._end, number)
        self.query_one(Table).focus()
        self._look()

    def _end(self, number: int) -> None:
        """A signal: the terminal is given back first."""
        self.exit(return_code=128 + number)

    # --- looks ---

    def _look(self) -> None:
        """Begin a look, unless one is under way."""
        if not self._looking:
            self._looking = True
            wanted = self._zooms[-1] if self._zooms else None
            self.run_worker(lambda: self._look_apart(wanted), thread=True, group="look")

    def _look_apart(self, wanted: Zoom | None) -> None:
        """In a thread of its own."""
        begin, cpu = time.monotonic(), _cpu_s()
        world = self._take(wanted)
        took_s, cpu_s = time.monotonic() - begin, _cpu_s() - cpu
        rest_s = max(self._start.interval_s - took_s, REST * cpu_s)
        self.call_from_thread(self._found, world, wanted, rest_s)

    def _found(self, world: World, wanted: Zoom | None, rest_s: float) -> None:
        self._looking = False
        if self._paused and self._world.looks:
            self._world = _closer(self._world, world)
        else:
            self._world = world
        if wanted != (self._zooms[-1] if self._zooms else None):
            self._look()  # another page was chosen meanwhile
        elif not self._paused:
            self.set_timer(max(rest_s, REST_MIN_S), self._next)
        self._draw()

    def _next(self) -> None:
        if not self._paused:
            self._look()

    # --- what is shown ---

    @property
    def page(self) -> Page:
        """What is shown now, sorted and filtered."""
        return self._page

    @property
    def world(self) -> World:
        """The look that is shown."""
        return self._world

    def _chosen(self) -> Look | None:
        """The instance whose views are shown: the one chosen, else the first."""
        name = self._zooms[-1].instance if self._zooms else self._instance
        looks = self._world.looks
        return self._world.look(name) or (looks[0] if looks and not self._zooms else None)

    def _page_name(self) -> str:
        """Of the page: what is sorted and filtered for itself."""
        return self._zooms[-1].kind if self._zooms else self._view_name

    def _draw(self) -> None:
        look = self._chosen()
        if self._zooms:
            page = zoom.page(look or Look(self._zooms[-1].instance), self._zooms[-1])
        else:
            page = views.view(self._world, look, self._view_name)
        name = self._page_name()
        if name not in self._orders:
            named = page.column(self._start.sort) if name == self._start.view else None
            self._orders[name] = (page.sort if named is None else named, False)
        sort, reverse = self._orders[name]
        wanted = self._wanted.get(name, "")
        self._page = page = arranged(page, sort=sort, reverse=reverse, wanted=wanted)
        self._draw_head(look, sort, wanted)
        self._put("facts", "\n".join(page.facts))
        empty = f"no row has {wanted!r}" if wanted else page.empty
        more = "there are more: a filter (/) finds them" if page.left_out else ""
        self._put("empty", more if page.rows else empty)
        self.query_one(Table).show(page)

    def _draw_head(self, look: Look | None, sort: int | None, wanted: str) -> None:
        order = f"  by {self._page.columns[sort].name}" if sort is not None else ""
        if sort is not None and self._orders[self._page_name()][1]:
            order += " reversed"
        head = (
            f"vmalab top  {self._world.clock}  instances {len(self._world.looks)}"
            f"  every {self._start.interval_s:g} s{order}"
            f"{f'  only {wanted!r}' if wanted else ''}{'  PAUSED' if self._paused else ''}"
        )
        self._put("about", "\n".join([head, *(views.about(look) if look else [])]))
        if not self._zooms and self._view_name == views.VIEWS[0]:
            wrong = views.all_wrong(self._world)
        else:
            wrong = views.wrong(look) if look else []
        self._put("wrong", "\n".join(wrong[:WRONG_MAX]))
        line = Text(no_wrap=True)
        if self._zooms:
            line.append(f"{self._page.title}", "reverse")
            line.append("  Esc: back")
        else:
            for number, name in enumerate(views.VIEWS):
                line.append(" " if number else "")
                shown = f"{number + 1} {views.TITLES[number]}"
                line.append(shown, "reverse" if name == self._view_name else "")
        self.query_one("#views", Static).update(line)

    def _put(self, where: str, text: str) -> None:
        """Text in its place; the place goes when there is none."""
        place = self.query_one(f"#{where}", Static)
        place.update(text)
        place.display = bool(text)

    # --- keys ---

    def action_view(self, name: str) -> None:
        self._zooms.clear()
        self._view_name = name
        self._draw()

    def action_pause(self) -> None:
        self._paused = not self._paused
        self._draw()
        self._next()

    def action_look(self) -> None:
        if not self._paused:
            self._look()

    def action_sort(self) -> None:
        """By the next column; behind the last one as the page has its rows, if that says
        something."""
        name, last = self._page_name(), len(self._page.columns) - 1
        sort, _ = self._orders[name]
        following = 0 if sort is None else sort + 1
        if following > last:
            following = 0
            if self._page.sort is None:
                self._orders[name] = (None, False)
                self._draw()
                return
        self._orders[name] = (following, False)
        self._draw()

    def action_reverse(self) -> None:
        name = self._page_name()
        sort, reverse = self._orders[name]
        self._orders[name] = (sort, not reverse)
        self._draw()

    def action_filter(self) -> None:
        entry = self.query_one(Input)
        entry.value = self._wanted.get(self._page_name(), "")
        entry.add_class("open")
        entry.focus()

    def action_leave(self) -> None:
        """Out of the filter, or of a zoom, or of a filter that is set."""
        entry = self.query_one(Input)
        if entry.has_class("open"):
            self._wanted[self._page_name()] = ""
            self._close_filter()
        elif self._wanted.get(self._page_name()):
            self._wanted[self._page_name()] = ""
        elif self._zooms:
            self._zooms.pop()
        self._draw()

    def action_help(self) -> None:
        self.push_screen(Help())

    def _close_filter(self) -> None:
        self.query_one(Input).remove_class("open")
        self.query_one(Table).focus()

    def on_input_changed(self, event: Input.Changed) -> None:
        if event.input.has_class("open"):
            self._wanted[self._page_name()] = event.value
            self._draw()

    def on_input_submitted(self) -> None:
        self._close_filter()

    def on_data_table_row_selected(self) -> None:
        """Enter: into what the row stands for."""
        row = self.query_one(Table).chosen()
        if row is None:
            return
        if row.instance:
            self._instance = row.instance
            self._view_name = views.VIEWS[1]
        elif row.zoom is not None:
            self._zooms.append(row.zoom)
            self._wanted.pop(row.zoom.kind, None)
            self._look()
        self._draw()


def _closer(old: World, new: World) -> World:
    """An old look, with what was zoomed into since."""
    close = {look.name: look.close for look in new.looks}
    looks = (replace(look, close=close.get(look.name, look.close)) for look in old.looks)
    return replace(old, looks=tuple(looks))
