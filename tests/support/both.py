# SPDX-License-Identifier: Apache-2.0
"""The same calls made for real and on an instance, and compared call by call.

`Both` has the methods of `Space`. Each does the call in a real process (kernel_side.c) and on the
core under test, compares result, errno, word, signal and code, and then the areas of the arena as
the two sides list them. The first difference fails the test, with what both said.
"""

import errno
import os
import select
import struct
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Unpack

from operations import ARENA, Answer, Config, Space, space
from patience import HANG_S
from vmalab.ops import Op

SOURCE = Path(__file__).with_name("kernel_side.c")
PAGE = 4096
PAIRS = 8
MASK = 2**64 - 1
SYS_MMAP, SYS_MPROTECT, SYS_MUNMAP, SYS_MREMAP, SYS_MADVISE = 9, 10, 11, 25, 28
SYS_EXIT, SYS_FTRUNCATE, SYS_GETPID, SYS_FALLOCATE, SYS_CLOSE = 231, 77, 39, 285, 3
SYS_MEMFD_CREATE, SYS_USERFAULTFD, SYS_OPEN = 319, 323, 2
_API, _REGISTER, _UNREGISTER, _WAKE, _COPY, _ZEROPAGE, _MOVE, _PROTECT, _CONTINUE = (
    *(0xC018AA3F, 0xC020AA00, 0x8010AA01, 0x8010AA02, 0xC028AA03, 0xC020AA04),
    *(0xC028AA05, 0xC018AA06, 0xC020AA07),
)  # UFFDIO_*
CALL, LOAD, STORE, FORK, IOCTL, RESIDENT, FETCH, WATCH = range(8)
ARENA_END = ARENA + (1 << 40)

_built: list[Path] = []


def executable(folder: Path) -> Path:
    """kernel_side, compiled once per run of the tests."""
    if not _built:
        target = folder / "kernel_side"
        command = ["gcc", "-O1", "-pthread", "-o", str(target), str(SOURCE)]
        subprocess.run(command, check=True)
        _built.append(target)
    return _built[0]


class Real:
    """One real process, driven over its pair of pipes."""

    def __init__(self, pipes: list[tuple[int, int]], pair: int, taken: list[int]) -> None:
        self._pipes = pipes
        self._pair = pair
        self._taken = taken
        self.pid = self.syscall(SYS_GETPID)

    def ask(self, what: int, *args: int) -> tuple[int, int, int, int, tuple[int, ...]]:
        padded = [a & MASK for a in args] + [0] * (8 - len(args))
        os.write(self._pipes[self._pair][0], struct.pack("<9Q", what, *padded))
        return self._answer(self._pair)

    def _answer(self, pair: int) -> tuple[int, int, int, int, tuple[int, ...]]:
        answers = self._pipes[pair][1]
        assert select.select([answers], [], [], HANG_S)[0], "the real process does not answer"
        raw = os.read(answers, 88)
        assert len(raw) == 88, "the real process has ended"
        value, signal, code, blocked, *out = struct.unpack("<qIIQ8Q", raw)
        return value, signal, code, blocked, tuple(out)

    def syscall(self, number: int, *args: int) -> int:
        return self.ask(CALL, number, *args)[0]

    def fork(self) -> "Real":
        pair = self._taken[0]
        self._taken[0] += 1
        assert pair < PAIRS, "more processes than pipes"
        self.ask(FORK, pair)
        self._answer(pair)
        return Real(self._pipes, pair, self._taken)

    def areas(self) -> list[str]:
        """As Space.areas: those of the arena."""
        lines = []
        for line in Path(f"/proc/{self.pid}/maps").read_text().splitlines():
            span, perms = line.split()[:2]
            start, end = (int(part, 16) for part in span.split("-"))
            if start >= ARENA and end <= ARENA_END:
                lines.append(f"{(start - ARENA) // PAGE}-{(end - ARENA) // PAGE} {perms}")
        return lines

    def armed(self) -> list[str]:
        """As Space.armed: those of the arena."""
        return list(_armed(Path(f"/proc/{self.pid}/smaps").read_text()))


def _armed(smaps: str) -> Iterator[str]:
    span = ""
    for line in smaps.splitlines():
        word = line.split()[0]
        if "-" in word:
            start, end = (int(part, 16) for part in word.split("-"))
            inside = start >= ARENA and end <= ARENA_END
            span = f"{(start - ARENA) // PAGE}-{(end - ARENA) // PAGE}" if inside else ""
        elif word == "VmFlags:" and span:
            flags = [flag for flag in line.split()[1:] if flag in ("um", "uw", "ui")]
            if flags:
                yield f"{span} {' '.join(flags)}"


def _described(value: int) -> str:
    return errno.errorcode.get(-value, str(value)) if value < 0 else hex(value)


class Both:
    """A real process and an address space of the core under test, side by side."""

    def __init__(self, real: Real, core: Space) -> None:
        self.real = real
        self.core = core

    # --- comparing ---

    def _same(self, what: str, real: int, core: int) -> int:
        assert real == core, f"{what}: kernel {_described(real)}, core {_described(core)}"
        return core

    def same_areas(self) -> list[str]:
        """Both list the same areas."""
        real, core = self.real.areas(), self.core.areas()
        core = [line for line in core if not line.startswith(("0x", "7f"))]
        assert real == core, f"kernel {real}\ncore   {core}"
        return core

    def same_armed(self) -> list[str]:
        """Both say the same of which areas are registered with userfaultfd, and how."""
        real = self.real.armed()
        core = list(_armed(self.core.participant.smaps(self.core.mm)))
        assert real == core, f"kernel {real}\ncore   {core}"
        return core

    def _call(self, what: str, real: int, core: Answer) -> int:
        found = self._same(what, real, core.status if core.status else core.value)
        self.same_areas()
        return found

    # --- memory calls: the value, or -errno ---

    def mmap(
        self,
        page: int,
        pages: int,
        prot: int = 3,
        flags: int = 0x32,
        *,
        file: "File | None" = None,
        offset: int = 0,
    ) -> int:
        addr = ARENA + page * PAGE
        fd, number = (file.fd, file.number) if file else (MASK, 0)
        real = self.real.syscall(SYS_MMAP, addr, pages * PAGE, prot, flags, fd, offset * PAGE)
        core = self.core.mmap(addr, pages, prot, flags, file=number, offset=offset * PAGE)
        return self._call(f"mmap({page}, {pages})", real, core)

    def munmap(self, page: int, pages: int) -> int:
        addr = ARENA + page * PAGE
        real = self.real.syscall(SYS_MUNMAP, addr, pages * PAGE)
        return self._call(f"munmap({page}, {pages})", real, self.core.munmap(addr, pages))

    def mprotect(self, page: int, pages: int, prot: int) -> int:
        addr = ARENA + page * PAGE
        real = self.real.syscall(SYS_MPROTECT, addr, pages * PAGE, prot)
        core = self.core.mprotect(addr, pages, prot)
        return self._call(f"mprotect({page}, {pages}, {prot})", real, core)

    def mremap(self, page: int, old: int, new: int, flags: int = 0, to: int = 0) -> int:
        addr, dst = ARENA + page * PAGE, ARENA + to * PAGE
        real = self.real.syscall(SYS_MREMAP, addr, old * PAGE, new * PAGE, flags, dst)
        core = self.core.mremap(addr, old, new, flags, dst)
        return self._call(f"mremap({page}, {old}, {new}, {flags}, {to})", real, core)

    def madvise(self, page: int, pages: int, advice: int) -> int:
        addr = ARENA + page * PAGE
        real = self.real.syscall(SYS_MADVISE, addr, pages * PAGE, advice)
        core = self.core.madvise(addr, pages, advice)
        return self._call(f"madvise({page}, {pages}, {advice})", real, core)

    def mincore(self, page: int, pages: int) -> str:
        """One digit for each page, or the name of the errno."""
        addr = ARENA + page * PAGE
        value, _, _, _, out = self.real.ask(RESIDENT, addr, pages * PAGE)
        core = self.core.mincore(addr, pages)
        self._same(f"mincore({page}, {pages})", value, core.status)
        if value:
            return errno.errorcode[-value]
        raw = struct.pack("<8Q", *out)[:pages]
        real = "".join(str(byte & 1) for byte in raw)
        found = "".join(str(core.value >> n & 1) for n in range(pages))
        assert real == found, f"mincore({page}, {pages}): kernel {real}, core {found}"
        return found

    # --- accesses: the word, or the name of the signal and its code ---

    def _access(
        self, what: str, real: tuple[int, int, int, int, tuple[int, ...]], core: Answer
    ) -> int | str:
        value, signal, code, blocked, _ = real
        if blocked:
            expected: int | str = f"userfaultfd {blocked & 7}"
        elif signal:
            expected = f"signal {signal} code {code}"
        else:
            expected = value & MASK
        if core.info & USERFAULT:
            found: int | str = f"userfaultfd {core.info >> 17 & 7}"
        elif core.status > 0:
            found = f"signal {core.status} code {core.info & 0xFF}"
        else:
            found = core.value if core.status == 0 else f"status {core.status}"
        assert expected == found, f"{what}: kernel {expected}, core {found}"
        return found

    def read(self, page: int) -> int | str:
        addr = ARENA + page * PAGE
        return self._access(f"read({page})", self.real.ask(LOAD, addr), self.core.read(addr))

    def write(self, page: int, word: int) -> int | str:
        addr = ARENA + page * PAGE
        real, core = self.real.ask(STORE, addr, word), self.core.write(addr, word)
        return self._access(f"write({page})", real, core)

    # --- processes and files ---

    def fork(self) -> "Both":
        child = Both(self.real.fork(), self.core.fork())
        child.same_areas()
        return child

    def exit(self) -> None:
        os.write(self.real._pipes[self.real._pair][0], struct.pack("<9Q", 0, 231, *[0] * 7))
        self.core.exit()

    def uffd(self, features: int = 0, *, flags: int = 0, ready: bool = True) -> "Uffd":
        """A userfaultfd, after its handshake if not otherwise said."""
        made = Uffd(self, flags)
        if ready:
            assert made.api(features) == 0
        return made

    def memfd(self, pages: int) -> "File":
        """A file in memory of so many pages."""
        return File(self, pages)


USERFAULT = 1 << 16


class File:
    """One file on both sides: a memfd, and what the core opens for it."""

    def __init__(self, both: Both, pages: int) -> None:
        self._both = both
        name = b"kernel_side\0"
        scratch = both.real.syscall(SYS_MMAP, 0, PAGE, 3, 0x22, MASK, 0)
        assert both.real.ask(STORE, scratch, int.from_bytes(name[:8], "little"))[1] == 0
        self.fd = both.real.syscall(SYS_MEMFD_CREATE, scratch, 0)
        assert self.fd >= 0
        both.real.syscall(SYS_MUNMAP, scratch, PAGE)
        stat = os.stat(f"/proc/{both.real.pid}/fd/{self.fd}")
        self.number = both.core.participant.file_open(
            dev=1, ino=stat.st_ino, size_bytes=0, name="/memfd:kernel_side (deleted)"
        )
        self.resize(pages * PAGE)

    def resize(self, size_bytes: int) -> None:
        """ftruncate(2)."""
        assert self._both.real.syscall(SYS_FTRUNCATE, self.fd, size_bytes) == 0
        answer = self._both.core.call(Op.FILE_TRUNCATE, self.number, size_bytes)
        assert answer.status == 0, answer

    def punch(self, page: int, pages: int) -> None:
        """fallocate(2) with FALLOC_FL_PUNCH_HOLE and FALLOC_FL_KEEP_SIZE."""
        real = self._both.real.syscall(SYS_FALLOCATE, self.fd, 3, page * PAGE, pages * PAGE)
        answer = self._both.core.call(Op.FILE_ALLOCATE, self.number, 3, page * PAGE, pages * PAGE)
        assert real == answer.status, f"punch: kernel {real}, core {answer}"


class Uffd:
    """One userfaultfd on both sides. Each call compares the answer, with the count of bytes that
    the ioctl writes back, the areas, and which of them are registered."""

    def __init__(self, both: Both, flags: int) -> None:
        self._both = both
        self.fd = both.real.syscall(SYS_USERFAULTFD, flags | 0x800)
        self.handle = both._same(
            "userfaultfd", min(self.fd, 0), both.core.call(Op.UFFD_OPEN, flags | 0x800).status
        )
        if self.fd >= 0:
            self.handle = both.core.call(Op.UFFD_OPEN, flags | 0x800).value
            both.real.ask(WATCH, self.fd)

    def _ioctl(
        self, what: str, request: int, words: list[int], back: int | None, core: Answer
    ) -> int:
        value, _, _, _, out = self._both.real.ask(IOCTL, self.fd, request, *words)
        self._both._same(what, value, core.status)
        if back is not None and value in (0, -errno.EAGAIN):
            self._both._same(f"{what}: bytes", out[2 + back], core.value)
        self._both.same_areas()
        self._both.same_armed()
        return value

    def api(self, features: int = 0, *, version: int = 0xAA) -> int:
        core = self._both.core.call(Op.UFFD_API, self.handle, version, features)
        return self._ioctl(f"api({features:#x})", _API, [version, features, 0], None, core)

    def register(self, page: int, pages: int, mode: int) -> int:
        start, size = ARENA + page * PAGE, pages * PAGE
        core = self._both.core.call(Op.UFFD_REGISTER, self.handle, start, size, mode)
        words = [start, size, mode, 0]
        return self._ioctl(f"register({page}, {pages}, {mode})", _REGISTER, words, None, core)

    def unregister(self, page: int, pages: int) -> int:
        start, size = ARENA + page * PAGE, pages * PAGE
        core = self._both.core.call(Op.UFFD_UNREGISTER, self.handle, start, size)
        return self._ioctl(f"unregister({page}, {pages})", _UNREGISTER, [start, size], None, core)

    def wake(self, page: int, pages: int) -> int:
        start, size = ARENA + page * PAGE, pages * PAGE
        core = self._both.core.call(Op.UFFD_WAKE, self.handle, start, size)
        return self._ioctl(f"wake({page}, {pages})", _WAKE, [start, size], None, core)

    def copy(self, dst: int, src: int, pages: int = 1, mode: int = 0, *, skew: int = 0) -> int:
        """skew: bytes that the source begins after its page."""
        to, source, size = ARENA + dst * PAGE, ARENA + src * PAGE + skew, pages * PAGE
        core = self._both.core.call(Op.UFFD_FILL, self.handle, to, source, size, mode, flags=0)
        words = [to, source, size, mode, 0]
        return self._ioctl(f"copy({dst}, {src}, {pages}, {mode})", _COPY, words, 4, core)

    def zero(self, page: int, pages: int = 1, mode: int = 0) -> int:
        start, size = ARENA + page * PAGE, pages * PAGE
        core = self._both.core.call(Op.UFFD_FILL, self.handle, start, 0, size, mode, flags=1)
        words = [start, size, mode, 0]
        return self._ioctl(f"zeropage({page}, {pages}, {mode})", _ZEROPAGE, words, 3, core)

    def go_on(self, page: int, pages: int = 1, mode: int = 0) -> int:
        """UFFDIO_CONTINUE."""
        start, size = ARENA + page * PAGE, pages * PAGE
        core = self._both.core.call(Op.UFFD_FILL, self.handle, start, 0, size, mode, flags=2)
        words = [start, size, mode, 0]
        return self._ioctl(f"continue({page}, {pages}, {mode})", _CONTINUE, words, 3, core)

    def protect(self, page: int, pages: int = 1, mode: int = 1) -> int:
        start, size = ARENA + page * PAGE, pages * PAGE
        core = self._both.core.call(Op.UFFD_PROTECT, self.handle, start, size, mode)
        words = [start, size, mode]
        return self._ioctl(f"protect({page}, {pages}, {mode})", _PROTECT, words, None, core)

    def move(self, dst: int, src: int, pages: int = 1, mode: int = 0) -> int:
        to, source, size = ARENA + dst * PAGE, ARENA + src * PAGE, pages * PAGE
        core = self._both.core.call(Op.UFFD_MOVE, to, source, size, mode, self.handle)
        words = [to, source, size, mode, 0]
        return self._ioctl(f"move({dst}, {src}, {pages}, {mode})", _MOVE, words, 4, core)

    def close(self) -> None:
        real = self._both.real.syscall(SYS_CLOSE, self.fd)
        time.sleep(0.05)  # until the watching thread has let go of it
        self._both._same("close", real, self._both.core.call(Op.UFFD_CLOSE, self.handle).status)
        self._both.same_areas()
        self._both.same_armed()


@contextmanager
def both(folder: Path, **config: Unpack[Config]) -> Iterator[Both]:
    """A fresh pair; at the end every invariant of the core is walked."""
    program = executable(folder)
    theirs: list[tuple[int, int]] = []
    ours: list[tuple[int, int]] = []
    for _ in range(PAIRS):
        (command_out, command_in), (answer_out, answer_in) = os.pipe(), os.pipe()
        theirs.append((command_out, answer_in))
        ours.append((command_in, answer_out))

    numbers = [number for pair in theirs for number in pair]
    process = subprocess.Popen(
        [program, *map(str, numbers)], pass_fds=numbers, stdin=subprocess.DEVNULL
    )
    for a, b in theirs:
        os.close(a)
        os.close(b)
    try:
        with space(**config) as core:
            yield Both(Real(ours, 0, [1]), core)
    finally:
        for a, b in ours:
            os.close(a)
            os.close(b)
        process.wait(HANG_S)
