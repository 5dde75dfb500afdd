# SPDX-License-Identifier: Apache-2.0
"""Goal: `vmalab top` on a terminal of 80 columns and 24 lines: every view fits, each key does what
the help says, what is wrong is on the screen, and the terminal is as before when it ends.

Method: textual's pilot presses the keys on a screen of that size; a real segment is looked at. Two
tests run the command itself on a pseudo terminal. A failure shows the page, or the screen as text.
"""

from __future__ import annotations

import asyncio
import html
import os
import re
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager
from fcntl import ioctl
from pathlib import Path
from select import select

import pytest
from textual.pilot import Pilot
from textual.widgets import Input

from patience import HANG_S
from servers import VMALAB
from slow_holder import AREA, PAGE, planted
from top_screens import SCREENS
from vmalab import pack
from vmalab_cli.live import views
from vmalab_cli.live.page import Zoom
from vmalab_cli.live.screen import Start, Table, Top
from vmalab_cli.live.watch import Watch
from vmalab_cli.live.world import World
from vmalab_native.core import Participant, Segment, SegmentConfig

ROOT = Path(__file__).resolve().parents[2]
COLUMNS, LINES = 80, 24
CONFIG = SegmentConfig(size_bytes=1 << 27, participants_max=32, mms_max=64)
NEVER_S = 3600.0


@pytest.fixture
def segment() -> Iterator[Segment]:
    with Segment.create(f"top-{os.getpid()}-{os.urandom(3).hex()}", CONFIG) as made:
        yield made
        made.unlink()


@pytest.fixture
def me(segment: Segment) -> Iterator[Participant]:
    with segment.participant("client", comm="tester") as one:
        yield one


def mapped(me: Participant, pages: int) -> int:
    mm = me.mm_create()
    me.run(pack.mmap(mm, AREA, pages * PAGE, 3, 0x22 | 0x10, 0, 0, 0))
    return mm


class Screen:
    """A screen that looks when it is asked to: by its keys, or by again()."""

    def __init__(self, pilot: Pilot[None], app: Top) -> None:
        self.pilot = pilot
        self.app = app

    async def settle(self) -> None:
        await self.app.workers.wait_for_complete()
        await self.pilot.pause()

    async def press(self, *keys: str) -> None:
        await self.pilot.press(*keys)
        await self.settle()

    async def again(self) -> None:
        """One more look."""
        await self.press("space")

    @property
    def rows(self) -> list[tuple[str, ...]]:
        return [row.cells for row in self.app.page.rows]

    @property
    def table(self) -> Table:
        return self.app.query_one(Table)

    def lines(self) -> list[str]:
        """What is on the screen."""
        strips = self.app.screen._compositor.render_strips()
        return ["".join(segment.text for segment in strip) for strip in strips]

    def text(self) -> str:
        return "\n".join(self.lines())


@asynccontextmanager
async def shown(
    look: Callable[[Zoom | None], World], start: Start | None = None
) -> AsyncIterator[Screen]:
    app = Top(look, start or Start(interval_s=NEVER_S))
    async with app.run_test(size=(COLUMNS, LINES)) as pilot:
        screen = Screen(pilot, app)
        await screen.settle()
        yield screen


def on_screen(
    segment: Segment, test: Callable[[Screen], Coroutine[None, None, None]], **start: str
) -> None:
    """Run a test with a screen that shows one instance."""

    async def run() -> None:
        watch = Watch([segment.instance])
        async with shown(watch.look, Start(interval_s=NEVER_S, **start)) as screen:
            await test(screen)
        watch.close()

    asyncio.run(run())


def test_every_view_fits(segment: Segment, me: Participant) -> None:
    """Each key has its view, with its columns in full and nothing to scroll sideways to."""
    mapped(me, 4)

    async def test(screen: Screen) -> None:
        await screen.again()
        for number in range(1, len(views.VIEWS) + 1):
            await screen.press(str(number))
            assert screen.app.page.title == views.TITLES[number - 1]
            text = screen.text()
            assert screen.app.page.head.rstrip() in text, text
            assert screen.table.virtual_size.width <= screen.table.size.width
            assert len(screen.lines()) == LINES
            assert f"{segment.instance}: no server" in text
            assert "vma_lock/s success" in text
            assert "8 Slab" in text
            assert "q Quit" in text
            assert "? Help" in text
            assert screen.table.size.height >= 10
            if not screen.rows:
                assert screen.app.page.empty[:COLUMNS] in text

    on_screen(segment, test)


def test_sort(segment: Segment, me: Participant) -> None:
    """s goes through the columns and back to the order of the view, r turns it round."""
    sizes = [4, 9, 2]
    mms = [mapped(me, size) for size in sizes]

    async def test(screen: Screen) -> None:
        def shown_sizes() -> list[str]:
            return [cells[2] for cells in screen.rows]

        await screen.press("4")
        await screen.press("s")  # behind the last column: the first
        assert [cells[0] for cells in screen.rows] == [str(mm) for mm in sorted(mms, reverse=True)]
        await screen.press("s", "s")
        assert shown_sizes() == ["36K", "16K", "8K"]
        assert "by size" in screen.lines()[0]
        await screen.press("r")
        assert shown_sizes() == ["8K", "16K", "36K"]
        assert "by size reversed" in screen.lines()[0]
        await screen.press("7")
        before = screen.rows
        assert before[0][0] == "vma_lock_success"
        await screen.press("s")
        assert screen.rows[0][0] == "abort_mm"
        for _ in screen.app.page.columns:
            await screen.press("s")
        assert screen.rows == before

    on_screen(segment, test)


def test_options_are_the_first_page(segment: Segment, me: Participant) -> None:
    for size in (4, 9, 2):
        mapped(me, size)

    async def test(screen: Screen) -> None:
        assert screen.app.page.title == "Spaces"
        assert [cells[2] for cells in screen.rows] == ["36K", "16K"]
        assert "by size" in screen.lines()[0]
        assert "only '6K'" in screen.lines()[0]

    on_screen(segment, test, view="spaces", sort="si", wanted="6K")


def test_filter(segment: Segment, me: Participant) -> None:
    """/ and a text: only rows with it, as it is typed. Enter keeps it, Esc ends it."""
    mapped(me, 4)

    async def test(screen: Screen) -> None:
        await screen.press("7")
        everything = len(screen.rows)
        await screen.press("slash", *"unm")
        assert [cells[0] for cells in screen.rows] == ["munmap"]
        assert screen.app.query_one(Input).has_focus
        await screen.press("enter")
        assert screen.table.has_focus
        assert [cells[0] for cells in screen.rows] == ["munmap"]
        await screen.press("8")
        assert len(screen.rows) > 3, "each view has a filter of its own"
        await screen.press("7", "escape")
        assert len(screen.rows) == everything
        await screen.press("slash", *"no such")
        assert screen.rows == []
        assert "no row has 'no such'" in screen.text()
        await screen.press("escape")
        assert len(screen.rows) == everything

    on_screen(segment, test)


def test_pause(segment: Segment, me: Participant) -> None:
    """In a pause nothing is looked at and no figure changes; p again goes on."""
    mm = mapped(me, 4)
    looks: list[Zoom | None] = []
    watch = Watch([segment.instance])

    def look(zoom: Zoom | None) -> World:
        looks.append(zoom)
        return watch.look(zoom)

    async def run() -> None:
        async with shown(look) as screen:
            await screen.press("7")
            before, taken = screen.rows, len(looks)
            await screen.press("p")
            assert "PAUSED" in screen.lines()[0]
            me.run(pack.munmap(mm, AREA, PAGE))
            await screen.press("space", "8", "7")
            assert (screen.rows, len(looks)) == (before, taken)
            await screen.press("4", "enter")
            assert [cells[2] for cells in screen.rows] == ["12K"], "what is zoomed into is read"
            assert "VMAs 1 " in screen.text(), "other figures stay"
            await screen.press("escape", "7")
            assert screen.rows == before
            await screen.press("p")
            assert "PAUSED" not in screen.lines()[0]
            assert screen.rows != before

    asyncio.run(run())
    watch.close()


def test_looks_follow_each_other(segment: Segment, me: Participant) -> None:
    """Without a key: a look each interval, and a figure that changes."""
    mm = mapped(me, 4)

    async def run() -> None:
        watch = Watch([segment.instance])
        async with shown(watch.look, Start(view="counters", interval_s=0.05)) as screen:
            me.run(pack.munmap(mm, AREA, PAGE))
            deadline = time.monotonic() + HANG_S
            while ("munmap", "1") not in [cells[:2] for cells in screen.rows]:
                assert time.monotonic() < deadline
                await screen.pilot.pause(0.01)
        watch.close()

    asyncio.run(run())


def test_zoom(segment: Segment, me: Participant) -> None:
    """Enter leads from the instance to its views, from an address space to its VMAs, to one of
    them; from a client to what it counted. Esc leads back, to the same row."""
    mms = [mapped(me, 4), mapped(me, 6)]
    me.run(pack.munmap(mms[1], AREA + PAGE, PAGE))

    async def test(screen: Screen) -> None:
        await screen.press("enter")
        assert screen.app.page.title == "Workers"
        await screen.press("4", "s", "r", "down", "enter")
        assert screen.app.page.title == f"Address space {mms[1]} of {segment.instance}"
        assert len(screen.rows) == 2
        assert screen.app.page.title in screen.text()
        assert "mmap_lock: free; 0 waiting" in screen.text()
        await screen.press("down", "enter")
        start = AREA + 2 * PAGE
        assert screen.app.page.title.startswith(f"VMA {start:x} of address space {mms[1]}")
        assert f"{start:x}-{AREA + 6 * PAGE:x} rw-p 16K" in screen.text()
        await screen.press("escape", "escape")
        assert screen.app.page.title == "Spaces"
        await screen.press("3", "enter")
        assert screen.app.page.title.startswith(f"client tester, pid {os.getpid()}")
        assert ("begin", "munmap") in [cells[1:3] for cells in screen.rows]
        await screen.press("escape")
        assert screen.app.page.title == "Clients"

    on_screen(segment, test)


def test_the_cursor_stays_on_its_row(segment: Segment, me: Participant) -> None:
    """Also when the rows come in another order."""
    mms = [mapped(me, size) for size in (4, 9, 2)]

    async def test(screen: Screen) -> None:
        await screen.press("4", "s", "s", "s")
        chosen = screen.table.chosen()
        assert chosen is not None
        assert (chosen.key, screen.table.cursor_row) == (mms[0], 1)
        me.run(pack.mmap(mms[2], AREA + (1 << 30), 20 * PAGE, 3, 0x22 | 0x10, 0, 0, 0))
        await screen.again()
        assert [cells[2] for cells in screen.rows] == ["88K", "36K", "16K"]
        chosen = screen.table.chosen()
        assert chosen is not None
        assert (chosen.key, screen.table.cursor_row) == (mms[0], 2)

    on_screen(segment, test)


def test_a_slow_holder_is_on_the_screen(segment: Segment, me: Participant) -> None:
    """A process that is stopped in a munmap, and ten that wait: above all views it is named with
    its operation and since when; the view of the locks has the chain; Enter leads to it."""
    with planted(segment, me) as held:

        async def test(screen: Screen) -> None:
            await asyncio.sleep(views.LONG_WAIT_S)
            await screen.again()
            assert f"{segment.instance}: pid {held.pid} (client slow), stopped" in screen.text()
            for key in ("4", "6"):
                await screen.press(key)
                assert f"pid {held.pid} (client slow), stopped, in munmap for" in screen.text()
                assert f"mm {held.mm}: 10 wait, the longest" in screen.text()
            assert [cells[0][:2] for cells in screen.rows[1:]] == ["├ "] * 9 + ["└ "]
            await screen.press("enter")
            assert screen.app.page.title.startswith(f"client slow, pid {held.pid}")
            assert "stopped, in munmap for" in screen.text()
            assert "holds mmap_lock" in screen.text()

        on_screen(segment, test)


def test_help(segment: Segment) -> None:
    async def test(screen: Screen) -> None:
        await screen.press("question_mark")
        assert "look now" in screen.text()
        assert "What is red" in screen.text()
        await screen.press("escape")
        assert "look now" not in screen.text()

    on_screen(segment, test)


# --- the pictures of docs/top ---

ZOOMED = {"space": "Address space ", "vma": "VMA ", "thread": "client slow, pid ", "help": "Keys"}


@pytest.mark.parametrize("name", SCREENS)
def test_pictures(name: str) -> None:
    """Each picture is there, shows its page, and loads nothing (`make screens` draws them)."""
    drawn = (ROOT / "docs" / "top" / f"{name}.svg").read_text(encoding="utf-8")
    found = re.findall(r"<text[^>]*>(.*?)</text>", drawn)
    text = " ".join(html.unescape(part).replace("\xa0", " ") for part in found)
    assert "http" not in drawn.replace("http://www.w3.org/2000/svg", "").replace(
        "https://www.textualize.io", ""
    )
    if name in views.VIEWS:
        assert views.TITLES[views.VIEWS.index(name)] in text
        assert [column for column in views.columns(name) if column not in text] == []
    else:
        assert ZOOMED[name] in text
    if name != "help":
        assert re.search(r"pid \d+ \(client slow\), stopped, in munmap for ", text)


# --- the command itself ---

COLOURED = (b"38;2;", b"48;2;", b"38;5;", b"48;5;")


class Terminal:
    """`vmalab top` on a pseudo terminal."""

    def __init__(
        self, instance: str, program: tuple[str, ...] = VMALAB, **environment: str
    ) -> None:
        self._main, side = os.openpty()
        ioctl(side, termios.TIOCSWINSZ, struct.pack("HHHH", LINES, COLUMNS, 0, 0))
        self.before = termios.tcgetattr(side)
        self._side = side
        known = {k: v for k, v in os.environ.items() if k not in ("NO_COLOR", "COLUMNS", "LINES")}
        self.process = subprocess.Popen(
            [*program, "top", "-i", instance],
            stdin=side,
            stdout=side,
            stderr=side,
            env=known | {"TERM": "xterm-256color"} | environment,
        )
        self.seen = b""

    def until(self, what: bytes) -> None:
        deadline = time.monotonic() + HANG_S
        while what not in self.seen:
            assert time.monotonic() < deadline, self.seen
            assert self.process.poll() is None or select([self._main], [], [], 0)[0], self.seen
            if select([self._main], [], [], 0.1)[0]:
                self.seen += os.read(self._main, 1 << 16)

    def press(self, key: bytes) -> None:
        os.write(self._main, key)

    def end(self) -> int:
        """Its exit code, when all that it wrote was read."""
        deadline = time.monotonic() + HANG_S
        while self.process.poll() is None or select([self._main], [], [], 0)[0]:
            assert time.monotonic() < deadline, self.seen
            if select([self._main], [], [], 0.1)[0]:
                self.seen += os.read(self._main, 1 << 16)
        assert termios.tcgetattr(self._side) == self.before, "the terminal is as it was"
        os.close(self._main)
        os.close(self._side)
        return self.process.returncode


def test_no_color_and_q(segment: Segment, me: Participant) -> None:
    """NO_COLOR: not one colour is set. q ends it with 0 and gives the terminal back."""
    terminal = Terminal(segment.instance, NO_COLOR="1")
    terminal.until(b"8 Slab")
    terminal.until(segment.instance.encode())
    terminal.press(b"q")
    assert terminal.end() == 0
    assert [colour for colour in COLOURED if colour in terminal.seen] == []
    assert b"\x1b[?1049l" in terminal.seen


def test_colours_and_sigterm(segment: Segment, me: Participant) -> None:
    """With colours, so that the test above can fail; SIGTERM gives the terminal back too."""
    terminal = Terminal(segment.instance)
    terminal.until(b"8 Slab")
    terminal.process.send_signal(signal.SIGTERM)
    assert terminal.end() == 128 + signal.SIGTERM
    assert any(colour in terminal.seen for colour in COLOURED)
    assert b"\x1b[?1049l" in terminal.seen
    assert b"Traceback" not in terminal.seen


def test_without_its_extra(segment: Segment) -> None:
    """It names what to install; --once needs nothing (tests/cli/test_start.py)."""
    blocked = "import sys; sys.modules['textual'] = None; from vmalab_cli import main; main()"
    terminal = Terminal(segment.instance, (sys.executable, "-c", blocked))
    assert terminal.end() == 2
    assert b"pip install 'vmalab[top]'" in terminal.seen
