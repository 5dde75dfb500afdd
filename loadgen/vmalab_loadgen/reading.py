# SPDX-License-Identifier: Apache-2.0
"""Readers of maps beside writers: what a reader does, and what each text that it reads must say.

A text is not of one moment. Who reads it may rely on this (native/src/surface/maps.c): each line
was true at one moment; the lines come in the order of their ends; an address that is always mapped
is in a line; one that never is, is in none. The memory of each writer has pages of all kinds, so
each reading is judged by all of it. smaps has `VmFlags` after each line, which must say the same.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from vmalab_drive.drivers import AttachDriver, Driver
from vmalab_loadgen import kinds
from vmalab_loadgen.arena import ARENA_BASE, ARENA_BYTES, PAGE
from vmalab_loadgen.blocks import Tally, Wrong

GROUP: Final = "PFFFCCCN"
"""The pages of a writer, over and over. P: always mapped, to read and write. F: always mapped, to
read, or to read and write. C: mapped now and then, to read and write. N: never mapped."""
TEXTS_MAX: Final = 8
"""Readings in a block: between two of them a caller looks whether the load ends."""
_LINE: Final = re.compile(r"([0-9a-f]{8,16})-([0-9a-f]{8,16}) (\S{4}) [0-9a-f]{8} 00:00 0\s*")
_RIGHTS: Final = {"r--p": {"rd"}, "rw-p": {"rd", "wr"}}


def pages_of(kind: str, pages: int) -> int:
    """A bit for each page of that kind."""
    return sum(1 << page for page in range(pages) if GROUP[page % len(GROUP)] == kind)


@dataclass(slots=True)
class Readings:
    """A block: texts that are read one after the other, each by its row in the histograms."""

    kinds: npt.NDArray[np.int64]
    intended_ns: int = 0
    sent_ns: int = 0

    @property
    def count(self) -> int:
        return len(self.kinds)

    @property
    def data(self) -> bytes:
        return self.kinds.astype(np.uint8).tobytes()


class Texts:
    """Reads the maps of an address space, one text for each byte of a block."""

    def __init__(self, driver: Driver, mm: int) -> None:
        self._driver = driver
        self._mm = mm
        self.kinds = kinds.READINGS if isinstance(driver, AttachDriver) else ("maps",)
        """Over gRPC there is no smaps."""
        self.core_cpu_s = 0.0
        """Of the core in this process."""

    def run_timed(
        self, block: bytes, spans_ns: list[tuple[int, int]], wait: Callable[[int], None]
    ) -> bytes:
        """As CallByCall.run_timed(); the answers with a zero byte between them."""
        texts: list[bytes] = []
        for number, kind in enumerate(block):
            wait(number)
            cpu, begin = time.thread_time(), time.monotonic_ns()
            text = self._read(kinds.name_of(kind))
            spans_ns.append((begin, time.monotonic_ns()))
            if isinstance(self._driver, AttachDriver):
                self.core_cpu_s += time.thread_time() - cpu
            texts.append(text.encode())
        return b"\0".join(texts)

    def _read(self, kind: str) -> str:
        if kind == "smaps" and isinstance(self._driver, AttachDriver):
            return self._driver.smaps(self._mm)
        return self._driver.maps(self._mm)


class Judge:
    """What texts of an address space with these writers must say.

    Args:
        writers: the numbers of their arenas.
        pages: the memory of each.
    """

    def __init__(self, writers: tuple[int, ...], pages: int) -> None:
        self._writers = writers
        self._pages = pages
        self._always = pages_of("P", pages) | pages_of("F", pages)
        self._never = pages_of("N", pages)
        self._changing = pages_of("F", pages)

    def faults(self, text: str) -> list[tuple[str, str]]:
        """What must not be in a text, or is missing: what would be right, and what it says."""
        found: list[tuple[str, str]] = []
        seen = dict.fromkeys(self._writers, 0)
        last, rights = 0, ""
        for line in text.split("\n"):
            if line.startswith("VmFlags:"):
                if rights and set(line.split()[1:]) & {"rd", "wr", "ex"} != _RIGHTS.get(rights):
                    found.append((f"the flags of {rights}", line))
                continue
            if not line or line.startswith("ProtectionKey:"):
                continue
            match = _LINE.fullmatch(line)
            if match is None:
                found.append(("a line of maps", line))
                continue
            start, end, rights = int(match[1], 16), int(match[2], 16), match[3]
            if not last < end or not start < end:
                found.append((f"an area that ends above {last:#x}", line))
            last = end
            self._one(line, (start, end), rights, seen, found)
        for writer, pages in seen.items():
            missing = self._always & ~pages
            if missing:
                page = (missing & -missing).bit_length() - 1
                addr = ARENA_BASE + writer * ARENA_BYTES + page * PAGE
                found.append((f"{addr:#x}, which is always mapped", "no line with it"))
        return found

    def _one(self, line: str, span: tuple[int, int], rights: str, seen: dict[int, int],
             found: list[tuple[str, str]]) -> None:  # fmt: skip
        """One area."""
        writer, offset = divmod(span[0] - ARENA_BASE, ARENA_BYTES)
        first, count = offset // PAGE, (span[1] - span[0]) // PAGE
        if writer not in seen or offset % PAGE or first + count > self._pages:
            found.append(("an area of a writer", line))
            return
        pages = ((1 << max(count, 0)) - 1) << first
        if pages & self._never:
            found.append(("no page that is never mapped", line))
        only_read = pages & ~self._changing
        if rights not in _RIGHTS or (rights == "r--p" and only_read):
            found.append(("rights that these pages have at some time", line))
        seen[writer] |= pages


class ReadingMaker:
    """The readings of one caller."""

    def __init__(
        self, *, mm: int, me: int, writers: tuple[int, ...], pages: int, driver: Driver
    ) -> None:
        self.mm = mm
        self.me = me
        self.tally = Tally()
        self.files: list[int] = []
        self.texts = Texts(driver, mm)
        self._judge = Judge(writers, pages)
        self._rows = [kinds.number_of(name) for name in self.texts.kinds]
        self._made = 0

    @property
    def forked(self) -> list[int]:
        return []

    def first(self) -> list[bytes]:
        return []

    def most(self, size: int) -> int:
        """A reading is a call of its own in each mode."""
        return 1

    def make(self, size: int) -> Readings:
        count = min(size, TEXTS_MAX)
        rows = [self._rows[(self._made + at) % len(self._rows)] for at in range(count)]
        self._made += count
        return Readings(np.array(rows, np.int64))

    def check(self, block: Readings, answer: bytes) -> int:
        for row, text in zip(block.kinds.tolist(), answer.split(b"\0"), strict=True):
            name = kinds.name_of(row)
            self.tally.ops[name] += 1
            for expected, got in self._judge.faults(text.decode())[:1]:
                self.tally.add_wrong(Wrong(name, f"address space {self.mm}", expected, got))
        return block.count

    def farewell(self) -> bytes:
        return b""

    def last(self) -> bytes:
        return b""
