# SPDX-License-Identifier: Apache-2.0
"""A program of memory operations: what it is made of, and its form as one line of text.

The text form is what `vmalab diff --program` takes: operations separated by ";", each
`[PROCESS:]NAME ARGUMENT...`. Lengths and offsets are bytes or `3p` (pages); an address is `a0+3p`
(arena 0), `brk+1p` (from the start of the break), `@4+2p` (from what operation 4 answered, counted
from 0) or a number; flags are names joined by "|".
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from vmalab_native import flags
from vmalab_native.texts import lines_of

PAGE: Final = 4096
ARENAS: Final = (0x2000_0000_0000, 0x2000_4000_0000, 0x2001_0000_0000)
"""Where programs work at fixed addresses; far from everything the kernel places."""
TASK_SIZE: Final = 0x7FFF_FFFF_F000


class ProgramError(ValueError):
    """A program text that cannot be understood; says which operation and why."""


@dataclass(frozen=True, slots=True)
class Place:
    """An address: `offset` bytes from the start of something.

    Attributes:
        kind: "a" (arena `number`), "@" (the answer of the operation whose uid is `number`), "brk"
            (the start of the break) or "" (0).
    """

    kind: str
    number: int
    offset: int


Arg = int | Place | bytes


@dataclass(frozen=True, slots=True)
class Param:
    """One argument of an operation.

    Attributes:
        kind: "place", "bytes", "flags", "choice", "number", "file", "process", "word" or "text".
        names: of flags or choices.
        least: the plainest value, which shrinking tries.
    """

    name: str
    kind: str
    names: Mapping[str, int] | None = None
    least: int = 0


@dataclass(frozen=True, slots=True)
class Op:
    """One operation of a program; `uid` is what a Place refers to, also after others are gone."""

    uid: int
    process: int
    name: str
    args: tuple[Arg, ...]


def _size(value: int) -> str:
    if value and value % PAGE == 0 and 0 < value < 1 << 40:
        return f"{value // PAGE}p"
    return f"{value:#x}" if abs(value) > 9 else str(value)


def render_arg(param: Param, arg: Arg, numbers: Mapping[int, int]) -> str:
    """One argument as text. numbers: uid to index in the program."""
    if isinstance(arg, Place):
        if not arg.kind:
            return f"{arg.offset:#x}"
        if arg.kind == "@":
            base = f"@{numbers[arg.number]}" if arg.number in numbers else "a0"
        else:
            base = "brk" if arg.kind == "brk" else f"a{arg.number}"
        if not arg.offset:
            return base
        return f"{base}{'+' if arg.offset > 0 else '-'}{_size(abs(arg.offset))}"
    if isinstance(arg, bytes):
        return '"' + arg.decode("latin-1") + '"'
    if param.kind == "flags" and param.names is not None:
        zero = next((name for name, bit in param.names.items() if bit == 0), "0")
        return flags.render_flags(arg, param.names, unknown="", zero=zero).split(" ")[0]
    if param.kind == "choice" and param.names is not None:
        return flags.render_choice(arg, param.names, unknown="").split(" ")[0]
    if param.kind == "bytes":
        return _size(arg)
    return str(arg) if -10 < arg < 10 else f"{arg:#x}"


_PLACE = re.compile(r"^(a\d+|brk|@\d+)(?:([+-])(.+))?$")
_OP = re.compile(r"^(?:(\d+):)?(\w+)$")


def _parse_size(text: str) -> int:
    if text.endswith("p"):
        return int(text[:-1], 0) * PAGE
    return int(text, 0)


def _parse_place(text: str, uids: Sequence[int]) -> Place:
    match = _PLACE.match(text)
    if not match:
        return Place("", 0, _parse_size(text))
    base, sign, rest = match.groups()
    offset = _parse_size(rest) if rest else 0
    offset = -offset if sign == "-" else offset
    if base == "brk":
        return Place("brk", 0, offset)
    number = int(base[1:])
    if base[0] == "@":
        if number >= len(uids):
            raise ValueError(f"@{number} is not an earlier operation")
        return Place("@", uids[number], offset)
    if number >= len(ARENAS):
        raise ValueError(f"there are arenas a0 to a{len(ARENAS) - 1}, not a{number}")
    return Place("a", number, offset)


def parse_arg(param: Param, text: str, uids: Sequence[int]) -> Arg:
    """The inverse of render_arg. Raises ValueError."""
    match param.kind:
        case "place":
            return _parse_place(text, uids)
        case "bytes":
            return _parse_size(text)
        case "text":
            return text.strip('"').encode("latin-1")
        case _ if param.names is not None:
            return flags.parse_flags(text, param.names)
        case _:
            return int(text, 0)


def render(program: Iterable[Op], params: Mapping[str, Sequence[Param]]) -> str:
    """A program as one line of text."""
    parts: list[str] = []
    numbers: dict[int, int] = {}
    for index, op in enumerate(program):
        words = [
            render_arg(param, arg, numbers)
            for param, arg in zip(params[op.name], op.args, strict=True)
        ]
        head = f"{op.process}:{op.name}" if op.process else op.name
        parts.append(" ".join([head, *words]))
        numbers[op.uid] = index
    return "; ".join(parts)


def parse(text: str, params: Mapping[str, Sequence[Param]]) -> list[Op]:
    """A program from its text; line ends count as ";", "#" begins a comment.

    Raises:
        ProgramError: says which operation could not be understood and what would be right.
    """
    plain = "\n".join(line.partition("#")[0] for line in lines_of(text))
    program: list[Op] = []
    uids: list[int] = []
    for part in re.split(r"[;\n]", plain):
        words = part.split()
        if not words:
            continue
        head = _OP.match(words[0])
        if not head or head.group(2) not in params:
            known = ", ".join(sorted(params))
            raise ProgramError(f"{words[0]!r} is not an operation; there are {known}")
        name, wanted = head.group(2), params[head.group(2)]
        if len(words) - 1 != len(wanted):
            usage = " ".join(param.name for param in wanted)
            raise ProgramError(f"{part.strip()!r}: {name} takes {len(wanted)} arguments: {usage}")
        try:
            args = tuple(
                parse_arg(param, word, uids) for param, word in zip(wanted, words[1:], strict=True)
            )
        except ValueError as error:
            raise ProgramError(f"{part.strip()!r}: {error}") from None
        program.append(Op(len(program), int(head.group(1) or 0), name, args))
        uids.append(program[-1].uid)
    return program
