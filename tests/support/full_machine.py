# SPDX-License-Identifier: Apache-2.0
"""A server on a machine whose /dev/shm gets full: `python full_machine.py [long]`.

Prints what happened as JSON. It fills /dev/shm: run it where that is a small tmpfs of its own.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from typing import Final

from beside import LONG, SHORT, Length, compare
from vmalab_client import AddressSpace, Client, LimitReached
from vmalab_server.embedded import EmbeddedServer

ROOM: Final = "128m"
SEGMENT_BYTES: Final = 96 << 20
PAGE: Final = 4096
TRIES: Final = 20_000
LOOKS: Final = ("ps", "maps", "vmstat", "locks", "slabinfo")


class Other:
    """Fills /dev/shm to the last byte, and goes."""

    def go(self) -> None:
        with open("/dev/shm/other", "wb", buffering=0) as file:
            while True:
                try:
                    file.write(bytes(PAGE))
                except OSError:
                    return

    def rest(self) -> None:
        os.unlink("/dev/shm/other")


def refusal(call: Callable[[], object]) -> str:
    """The reason that ends a row of calls."""
    try:
        for _ in range(TRIES):
            call()
    except LimitReached as full:
        return full.reason
    return ""


def run(length: Length) -> dict[str, object]:
    with (
        EmbeddedServer(workers=1, size_bytes=SEGMENT_BYTES, frames_max=1 << 18) as server,
        Client(server.target, discover=False) as client,
        client.address_space() as mm,
    ):
        addr, other = mm.mmap(PAGE), Other()
        mm.write(addr, 7)
        seen = compare(lambda: mm.read(addr), other, length)
        other.go()
        refused = refusals(mm)
        assert mm.read(addr) == 7
        commands = {name: look(name, server.instance, mm.mm) for name in LOOKS}
        assert client.inspect.maps(mm.mm)
        assert client.inspect.vmstat()
        assert client.inspect.participants()
        other.rest()
        mm.write(mm.mmap(PAGE), 1)
        return {
            "ratio": seen.ratio,
            "seen": str(seen),
            "refused": refused,
            "commands": commands,
            "problems": client.inspect.fsck(stop=True),
        }


def refusals(mm: AddressSpace) -> dict[str, str]:
    """Why memory is refused to calls of each kind."""
    big = mm.mmap(1 << 30)
    pages = iter(range(big, big + (1 << 30), PAGE))
    prots = iter(range(1 << 30))
    return {
        "fault": refusal(lambda: mm.write(next(pages), 1)),
        "mmap": refusal(lambda: mm.mmap(PAGE, prot=1 + next(prots) % 2)),
        "fork": refusal(lambda: mm.fork(hold=False)),
    }


def look(command: str, instance: str, mm: int) -> int:
    """The exit code of a command that looks inside."""
    words = [command, *([str(mm)] if command == "maps" else []), "-i", instance]
    program = [sys.executable, "-c", "from vmalab_cli import main; main()", *words]
    return subprocess.run(program, capture_output=True, check=False).returncode


if __name__ == "__main__":
    print(json.dumps(run(LONG if sys.argv[1:] == ["long"] else SHORT)))
