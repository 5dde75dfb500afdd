# SPDX-License-Identifier: Apache-2.0
"""Vectors: short programs of memory calls with what each call must answer and which areas it must
leave, as text.

    [a change of the middle]
    mmap A 10*P 3 PRIV|AN|FX
    mprotect A+3*P 2*P 1
    areas 0-3 rw-p, 3-5 r--p, 5-10 rw-p
    write A+3*P 1 = SIGSEGV/2

A call is written as in `kernel_calls`. Behind "=" stands its answer: an errno, SIGNAL/si_code, a
number, or an address A+n*P. A call without it must succeed. `areas` are those of the vector's part
of the address space, in pages from A, with their protection key if it is not 0; each vector has a
part of its own, so that all vectors of a file run in one process. `name` and numbers are those of
`kernel_calls.OPS` and `WORDS`.

A comment `# needs: NAME ...` has what the file requires of a machine (vmalab_native.machine.NEEDS);
"pkeys" also gives the instance protection keys. On a machine that lacks it the instance alone is
compared with what the file says. Answers of such a file are recorded, by

    python tests/support/vectors.py FILE

on a machine that has it: this writes the running kernel's answers into FILE, and the machine's
facts into a comment.
"""

from __future__ import annotations

import errno
import re
import signal
import sys
import tempfile
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Final

import kernel_calls
from comparing import needs_of
from kernel_calls import Call, Emulated
from operations import PAGE, Config, Space, space
from vmalab_native import machine

FIRST: Final = 0x2000_0000_0000
PART: Final = 0x1000_0000
_AREA: Final = re.compile(r"([0-9a-f]+)-([0-9a-f]+) (\S{4}) ")


@dataclass(frozen=True)
class Line:
    """One call or one `areas`, with what was wanted ("": success)."""

    text: str
    call: Call
    wanted: str


@dataclass
class Vector:
    """One vector; `base` is its A."""

    name: str
    base: int
    lines: list[Line] = field(default_factory=list)


def _line(text: str, base: int) -> Line:
    shown, _, wanted = text.partition(" = ")
    name, *words = shown.split()
    if name == "areas":
        return Line("areas", ("maps",), shown.removeprefix("areas").strip() or "none")
    numbers = [kernel_calls.number(re.sub(r"\bA\b", hex(base), word)) for word in words]
    if name == "mmap" and len(numbers) == 4:
        numbers += [kernel_calls.NO_FILE, 0]
    if name not in kernel_calls.OPS:
        raise ValueError(f"{name!r} is no call; there are {', '.join(kernel_calls.OPS)}")
    return Line(shown, (name, *numbers), wanted.strip())


def read(text: str) -> list[Vector]:
    """The vectors of a file. Raises ValueError, which names the line that is wrong."""
    vectors: list[Vector] = []
    for number, raw in enumerate(text.splitlines(), 1):
        line = raw.partition("#")[0].strip()
        if line.startswith("[") and line.endswith("]"):
            vectors.append(Vector(line[1:-1], FIRST + len(vectors) * PART))
        elif line:
            try:
                vectors[-1].lines.append(_line(line, vectors[-1].base))
            except (ValueError, IndexError) as error:
                raise ValueError(f"line {number}: {line}: {error}") from None
    return vectors


def answer(text: str, base: int) -> str:
    """What a call answered ("value errno signal code"), in the words of a vector."""
    value, code, number, si_code = (int(word) for word in text.split())
    if code:
        return errno.errorcode[code]
    if number:
        return f"{signal.Signals(number).name}/{si_code}"
    if base <= value < base + PART and value % PAGE == 0:
        return f"A+{(value - base) // PAGE}*P" if value > base else "A"
    return str(value)


def areas(text: str, base: int) -> str:
    """The areas of a vector's part in a text of maps."""
    found: list[str] = []
    inside = False
    for line in text.splitlines():
        match = _AREA.match(line)
        if match is not None:
            start, end = int(match[1], 16), int(match[2], 16)
            inside = base <= start < base + PART
            if inside:
                found.append(f"{(start - base) // PAGE}-{(end - base) // PAGE} {match[3]}")
        elif inside and line.startswith("ProtectionKey:") and int(line.split()[1]):
            found[-1] += f" key {line.split()[1]}"
    return ", ".join(found) or "none"


def part(text: str, base: int) -> str:
    """Areas and flags of a vector's part, for the comparison of both sides."""
    kept, inside = [], False
    for line in text.splitlines():
        match = _AREA.match(line)
        if match is not None:
            inside = base <= int(match[1], 16) < base + PART
        if inside and not line.startswith(("VmSize", "VmLck")):
            kept.append(re.sub(r" 00:01 \d+ /dev/zero", " 00:01 n /dev/zero", line))
    return "\n".join(kept)


@dataclass
class Played:
    """Answers of one side, a list for each vector."""

    start: str
    answers: list[list[str]]


@cache
def began(file: Path) -> str:
    """The maps of the process that makes calls for real."""
    return kernel_calls.really([], file).start


@cache
def really(path: Path, file: Path) -> Played:
    """What the running kernel answers; once for all models."""
    vectors = read(path.read_text())
    file.write_bytes(bytes(kernel_calls.FILE_PAGES * PAGE))
    program = [line.call for vector in vectors for line in vector.lines]
    run = kernel_calls.really(program, file)
    rest = iter(run.answers)
    return Played(run.start, [[next(rest) for _ in vector.lines] for vector in vectors])


def emulated(path: Path, file: Path, start: str) -> Played:
    """What an instance answers that begins as the kernel's process did."""
    vectors = read(path.read_text())
    program = [line.call for vector in vectors for line in vector.lines]
    keys: Config = {"pkeys": True} if "pkeys" in needs_of(path.read_text()) else {}
    with space(**keys) as empty:
        setup = kernel_calls.setup_of(program)
        mm = empty.participant.mm_create(maps=start, setup=setup)
        here = Emulated(Space(empty.participant, mm), file)
        answers = [
            [here.do(str(line.call[0]), [int(n) for n in line.call[1:]]) for line in vector.lines]
            for vector in vectors
        ]
    return Played(start, answers)


def _told(line: Line, text: str, base: int) -> str:
    return areas(text, base) if line.text == "areas" else answer(text, base)


def _wanted(line: Line, told: str) -> bool:
    if line.wanted:
        return told == line.wanted
    return not (told.startswith("SIG") or told in errno.errorcode.values())


def failures(vectors: list[Vector], kernel: Played | None, here: Played) -> list[str]:
    """Where the kernel or the instance differs from a vector, or they from each other.

    Args:
        kernel: None: this machine lacks what they need.
    """
    if kernel is None:
        return [
            f"[{vector.name}] {line.text}: wanted {line.wanted or 'success'}, "
            f"the instance says {said}"
            for vector, ours in zip(vectors, here.answers, strict=True)
            for line, got in zip(vector.lines, ours, strict=True)
            if not _wanted(line, said := _told(line, got, vector.base))
        ]
    found = []
    for vector, theirs, ours in zip(vectors, kernel.answers, here.answers, strict=True):
        for line, real, got in zip(vector.lines, theirs, ours, strict=True):
            told = [_told(line, text, vector.base) for text in (real, got)]
            good = told[0] == told[1] and _wanted(line, told[0])
            if not good:
                found.append(
                    f"[{vector.name}] {line.text}: wanted {line.wanted or 'success'}, "
                    f"the kernel says {told[0]}, the instance {told[1]}"
                )
            elif line.text == "areas" and part(real, vector.base) != part(got, vector.base):
                differ = kernel_calls.differ(part(real, vector.base), part(got, vector.base))
                found.append(f"[{vector.name}] areas {line.wanted}: {differ}")
    return found


def recorded(path: Path, file: Path) -> str:
    """The text of a file with what the running kernel says behind each call."""
    played = really(path, file)
    vectors = read(path.read_text())
    told = iter(
        _told(line, text, vector.base)
        for vector, theirs in zip(vectors, played.answers, strict=True)
        for line, text in zip(vector.lines, theirs, strict=True)
    )
    lines: list[str] = []
    for raw in path.read_text().splitlines():
        if raw.startswith("# recorded on: "):
            continue
        if raw.startswith("# needs: "):
            known = machine.facts()
            raw += f"\n# recorded on: Linux {known['kernel']}, " + ", ".join(
                f"{name} {known[name]}" for name in sorted(known) if name.startswith("cpu.")
            )
        elif raw and raw[0] not in "#[":
            call = raw.partition(" = ")[0]
            raw = f"areas {next(told)}" if call.startswith("areas") else f"{call} = {next(told)}"
        lines.append(raw)
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    for named in sys.argv[1:]:
        with tempfile.TemporaryDirectory() as scratch:
            filled = recorded(Path(named), Path(scratch) / "file")
        Path(named).write_text(filled)
