# SPDX-License-Identifier: Apache-2.0
"""The same memory calls made for real (kernel_calls.c) and on an instance, answer by answer.

A program is a list of calls, each a tuple of a name of OPS and its numbers. `compare` runs it both
ways and gives what differs: nothing, if the core answers as the running kernel does. A call "maps"
compares every VMA with its flags, the size of the address space and what is locked.

`read_calls` reads a program from text, one call a line: `mmap A+4*P 2*P 3 PRIV|AN|FX`, with the
names of WORDS; # begins a comment. It puts a "maps" behind each call that could change something.
"""

from __future__ import annotations

import functools
import os
import re
import subprocess
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from operations import PAGE, Answer, Space, space
from patience import HANG_S
from vmalab.ops import Op
from vmalab_native.records import MmSetup as MmSetup

SOURCE: Final = Path(__file__).with_name("kernel_calls.c")
OPS: Final = (
    *("mmap", "munmap", "mprotect", "mremap", "madvise", "mincore", "brk", "fork", "exit"),
    *("read", "write", "exec", "mlock", "munlock", "mlockall", "munlockall", "msync", "mseal"),
    *("remap_file_pages", "process_madvise", "pkey_mprotect", "setrlimit", "cap_drop", "maps"),
    *("name", "thp_disable", "pkey_alloc", "pkey_free"),
)
NUMBERS: Final = {
    "mmap": 2,
    "munmap": 3,
    "mprotect": 4,
    "mremap": 5,
    "madvise": 6,
    "mincore": 7,
    "brk": 8,
    "mlock": 14,
    "munlock": 15,
    "mlockall": 16,
    "munlockall": 17,
    "msync": 18,
    "mseal": 19,
    "remap_file_pages": 20,
    "process_madvise": 21,
    "pkey_mprotect": 22,
    "setrlimit": 23,
    "thp_disable": 24,
    "pkey_alloc": 41,
    "pkey_free": 42,
}
"""Of the calls whose operands are those of a record."""
OPERANDS: Final = {"mremap": 5, "mlock": 3, "setrlimit": 3, "pkey_alloc": 2}
CAP_IPC_LOCK, CAP_SYS_RAWIO = 14, 17
FILE_PAGES: Final = 8
NO_FILE: Final = 2**64 - 1

WORDS: Final = {
    "A": 0x2000_0000_0000,
    "P": PAGE,
    "M": 1 << 20,
    "INF": 2**64 - 1,
    "SH": 1,
    "PRIV": 2,
    "FX": 0x10,
    "AN": 0x20,
    "GD": 0x100,
    "LK": 0x2000,
    "NR": 0x4000,
    "POP": 0x8000,
}
"""A is a free place; the rest are units and flags of mmap."""
QUIET: Final = {"read", "write", "exec", "mincore", "maps", "cap_drop"}
"""Calls after which the areas are as before."""

Call = tuple[str | int, ...]


def number(text: str) -> int:
    """The value of terms joined by |, + and *, such as A+4*P or PRIV|AN. The first may be -."""
    if "|" in text:
        return functools.reduce(lambda a, b: a | b, map(number, text.split("|")))
    if "+" in text:
        return sum(map(number, text.split("+")))
    if "*" in text:
        return functools.reduce(lambda a, b: a * b, map(number, text.split("*")))
    if text.startswith("-"):
        return -number(text[1:])
    return WORDS[text] if text in WORDS else int(text, 0)


def read_calls(text: str) -> list[Call]:
    program: list[Call] = []
    for line in text.splitlines():
        name, *words = line.partition("#")[0].split() or [""]
        if not name:
            continue
        program.append((name, *(number(word) for word in words)))
        if name == "mmap" and len(words) == 4:
            program[-1] += (NO_FILE, 0)
        if name not in QUIET:
            program.append(("maps",))
    return program


@functools.cache
def binary() -> Path:
    """kernel_calls, compiled for this run of the tests. Static, so that few areas are there."""
    target = Path(tempfile.mkdtemp(prefix="kernel-calls-")) / "kernel_calls"
    command = ["gcc", "-static", "-O2", "-Wall", "-Wl,-z,norelro", "-o", str(target), str(SOURCE)]
    subprocess.run(command, check=True)
    return target


@dataclass
class Run:
    """Answers in order: one line for a call, all its lines for "maps"."""

    start: str
    answers: list[str] = field(default_factory=list)
    soft_dirty: int = 0
    """Areas whose VmFlags had sd, which is left out."""


def really(program: list[Call], file: Path) -> Run:
    """What the kernel answers; the address space is not randomized."""
    script = "".join(
        f"{OPS.index(str(name))} {' '.join(str(int(n) % 2**64) for n in numbers)}\n"
        for name, *numbers in program
    )
    done = subprocess.run(
        ["setarch", "-R", str(binary()), str(file), str(FILE_PAGES)],
        input=script,
        capture_output=True,
        text=True,
        timeout=HANG_S,
        check=False,
    )
    assert done.returncode == 0, f"kernel_calls: {done.returncode} {done.stderr}"
    start, _, rest = done.stdout.partition("\n.\n")
    run = Run(start + "\n")
    lines = iter(rest.splitlines())
    for name, *_ in program:
        if name != "maps":
            run.answers.append(next(lines))
            continue
        found, ours = [], True
        while (line := next(lines)) != ".":
            if line[0].islower() or line[0].isdigit():
                ours = "[vsyscall]" not in line  # that belongs to no address space
            if ours or line.startswith(("VmSize", "VmLck")):
                words = line.split()
                # VM_SOFTDIRTY is of a kernel with CONFIG_MEM_SOFT_DIRTY, which is not emulated
                if words[0] == "VmFlags:" and "sd" in words:
                    words.remove("sd")
                    run.soft_dirty += 1
                found.append(" ".join(words))
        run.answers.append("\n".join(found))
    return run


class Emulated:
    """The same on an instance."""

    def __init__(self, s: Space, file: Path) -> None:
        self.stack = [s]
        status = file.stat()
        self.file = s.participant.file_open(
            dev=os.major(status.st_dev) << 20 | os.minor(status.st_dev),
            ino=status.st_ino,
            size_bytes=FILE_PAGES * PAGE,
            name=str(file),
        )

    @property
    def now(self) -> Space:
        return self.stack[-1]

    def maps(self) -> str:
        smaps = self.now.participant.smaps(self.now.mm)
        lines = [" ".join(line.split()) for line in smaps.splitlines()]
        info = next(one for one in self.now.participant.mm_list() if one.id == self.now.mm)
        lines.append(f"VmSize: {info.total_pages * 4} kB")
        lines.append(f"VmLck: {info.locked_pages * 4} kB")
        return "\n".join(lines)

    def mmap(self, numbers: list[int]) -> Answer:
        addr, length, prot, flags, *rest = numbers
        index, offset = (rest + [NO_FILE, 0][len(rest) :])[:2]
        file, how = (0, 0) if index % 2**64 == NO_FILE else (self.file, index % 4)
        return self.now.call(Op.MMAP, addr, length, prot | flags << 32, file, offset, how=how)

    def do(self, name: str, numbers: list[int]) -> str:
        match name:
            case "maps":
                return self.maps()
            case "fork":
                answer = self.now.call(Op.FORK)
                if answer.status == 0:
                    self.stack.append(Space(self.now.participant, answer.value))
                    return "0 0 0 0"
            case "exit":
                self.now.exit()
                self.stack.pop()
                return "0 0 0 0"
            case "cap_drop":
                return "0 0 0 0"  # given to mm_create
            case "read" | "write" | "exec":
                access = {"read": 0, "write": 1 | 4, "exec": 2}[name]
                got = self.now.call(Op.FAULT, numbers[0], [*numbers, 0][1], flags=access)
                value = 0 if got.status or name == "exec" else got.value
                return f"{value} 0 {got.status} {got.info & 0xFF if got.status else 0}"
            case "mmap":
                answer = self.mmap(numbers)
            case "name":
                tail = b"n".ljust(8, b"\0") if numbers[2] else b""
                answer = self.now.call(
                    Op.SET_VMA_NAME, *numbers[:2], flags=len(tail) // 8, tail=tail
                )
            case "process_madvise":
                answer = self.now.call(Op.PROCESS_MADVISE, *numbers, flags=(len(numbers) - 1) // 2)
            case _:
                numbers = numbers + [0] * (OPERANDS.get(name, 0) - len(numbers))
                answer = self.now.call(NUMBERS[name], *numbers)
        return f"{answer.value if answer.status == 0 else 0} {-answer.status} 0 0"


_SHARED_MEMORY: Final = re.compile(r"(?<= 00:01 )\d+(?= /dev/zero)")


class _Inodes:
    """Inodes of shared memory by the order in which they are met: the numbers are the kernel's."""

    def __init__(self) -> None:
        self._met: dict[str, str] = {}

    def named(self, text: str) -> str:
        return _SHARED_MEMORY.sub(
            lambda found: self._met.setdefault(found[0], f"#{len(self._met)}"), text
        )


def setup_of(program: list[Call]) -> MmSetup:
    dropped = {numbers[0] for name, *numbers in program if name == "cap_drop"}
    return MmSetup(
        cap_ipc_lock=CAP_IPC_LOCK not in dropped,
        cap_sys_rawio=CAP_SYS_RAWIO not in dropped,
        memlock_limit_bytes=8 << 20,
        anon_names=False,
    )


def compare(program: list[Call], file: Path, *, setup: MmSetup | None = None) -> list[str]:
    """What differs: the calls with both answers, in order. `file` is a path that may be written."""
    file.write_bytes(bytes(FILE_PAGES * PAGE))
    kernel = really(program, file)
    found = []
    theirs, ours = _Inodes(), _Inodes()
    with space() as empty:
        mm = empty.participant.mm_create(maps=kernel.start, setup=setup or setup_of(program))
        here = Emulated(Space(empty.participant, mm), file)
        for number, (name, *numbers) in enumerate(program):
            got = ours.named(here.do(str(name), [int(n) for n in numbers]))
            want = theirs.named(kernel.answers[number])
            if got != want:
                shown = ", ".join(f"{int(n):#x}" for n in numbers)
                found.append(f"{number}: {name}({shown}): {differ(want, got)}")
    return found


def differ(want: str, got: str) -> str:
    lines = set(want.splitlines()) ^ set(got.splitlines())
    if "\n" not in want:
        return f"the kernel {want!r}, here {got!r}"
    kernel = [line for line in want.splitlines() if line in lines]
    here = [line for line in got.splitlines() if line in lines]
    return "the kernel:\n  " + "\n  ".join(kernel) + "\nhere:\n  " + "\n  ".join(here)
