# SPDX-License-Identifier: Apache-2.0
"""The pictures of `vmalab top` in docs/top: `make screens`.

A server with two workers, a load through it, a client that maps the segment and works, a process
that is stopped in a munmap with ten that wait for it, and one that is stopped in a fault, at the
root of a chain. The screen of 80 columns and 24 lines is drawn without a terminal.

usage: top_screens.py FOLDER
"""

import asyncio
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from slow_holder import AREA, PAGE, planted, stuck_reader
from vmalab import pack
from vmalab_cli.live.screen import Start, Top
from vmalab_cli.live.watch import Watch
from vmalab_client import Client
from vmalab_native.core import Segment
from vmalab_server.embedded import EmbeddedServer

SIZE = (80, 24)
INSTANCE = "lab"
FONT = re.compile(r"@font-face \{.*?\}\s*", re.DOTALL)
"""A picture loads nothing from elsewhere."""
SCREENS = {
    "instances": ("1",),
    "workers": ("2",),
    "clients": ("3",),
    "spaces": ("4",),
    "vmas": ("5",),
    "locks": ("6",),
    "counters": ("7",),
    "slab": ("8",),
    "space": ("4", "down", "enter"),
    "vma": ("5", "enter"),
    "thread": ("6", "enter"),
    "help": ("question_mark",),
}
"""The name of each picture, and the keys that lead to it."""


@contextmanager
def busy(target: str) -> Iterator[None]:
    """The load, in a process of its own: textual's pilot waits until its own process rests."""
    command = [sys.executable, __file__, "--load", target]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        try:
            yield
        finally:
            process.terminate()


def load(target: str) -> None:
    """A client that faults and asks, and one that does so through the server; until SIGTERM."""
    ends = threading.Event()
    signal.signal(signal.SIGTERM, lambda number, frame: ends.set())
    with Segment.attach(INSTANCE) as segment, segment.participant("client", comm="busy") as one:
        mm = one.mm_create()
        one.run(pack.mmap(mm, AREA, 64 * PAGE, 3, 0x32, 0, 0, 0))
        block = b"".join(pack.fault(mm, AREA + i * PAGE, None, 1) for i in range(64)) * 20
        block += pack.mincore(mm, AREA, PAGE) * 9  # not what waits for the stopped RCU reader
        with Client(target) as client, client.address_space() as space:
            addr = space.mmap(16 * PAGE)
            print("ready", flush=True)
            while not ends.is_set():
                one.run(block)
                space.write(addr, 1)


async def draw(folder: Path) -> None:
    watch = Watch([INSTANCE])
    app = Top(watch.look, Start(interval_s=1.0))
    async with app.run_test(size=SIZE) as pilot:

        async def press(*keys: str) -> None:
            await pilot.press(*keys)
            await app.workers.wait_for_complete()
            await pilot.pause()

        await app.workers.wait_for_complete()
        await asyncio.sleep(3.0)
        for name, keys in SCREENS.items():
            for key in keys:
                await press(key)
            text = FONT.sub("", app.export_screenshot(title=f"vmalab top: {name}"))
            (folder / f"{name}.svg").write_text(text, encoding="utf-8")
            await press("escape")
    watch.close()


def main() -> None:
    if sys.argv[1] == "--load":
        load(sys.argv[2])
        return
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        server = stack.enter_context(EmbeddedServer(workers=2, instance=INSTANCE))
        segment = stack.enter_context(Segment.attach(INSTANCE))
        me = stack.enter_context(segment.participant("client", comm="planter"))
        stack.enter_context(busy(server.target))
        stack.enter_context(planted(segment, me))
        stack.enter_context(stuck_reader(segment, me))
        asyncio.run(draw(folder))


if __name__ == "__main__":
    main()
