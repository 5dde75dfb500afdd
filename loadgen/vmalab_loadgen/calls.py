# SPDX-License-Identifier: Apache-2.0
"""The memory calls as typed values: decoded from strace's arguments, and rendered back."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from vmalab_loadgen import flags
from vmalab_loadgen.strace import Call


class DecodeError(ValueError):
    """The arguments of a known call could not be understood."""


@dataclass(frozen=True, slots=True)
class Mmap:
    addr: int
    length: int
    prot: int
    flags: int
    fd: int = -1
    offset: int = 0
    path: str = ""
    """What strace -y says is behind the descriptor; empty without -y."""


@dataclass(frozen=True, slots=True)
class Munmap:
    addr: int
    length: int


@dataclass(frozen=True, slots=True)
class Mprotect:
    addr: int
    length: int
    prot: int


@dataclass(frozen=True, slots=True)
class Mremap:
    addr: int
    old_length: int
    new_length: int
    flags: int
    new_addr: int = 0


@dataclass(frozen=True, slots=True)
class Madvise:
    addr: int
    length: int
    advice: int


@dataclass(frozen=True, slots=True)
class Mincore:
    addr: int
    length: int
    vector: tuple[int, ...] | None = None
    """The bytes strace shows; None when it shows a pointer (the call failed)."""
    vector_cut: bool = False
    """strace showed only the beginning (its -s)."""


@dataclass(frozen=True, slots=True)
class Brk:
    addr: int


@dataclass(frozen=True, slots=True)
class SetVmaName:
    addr: int
    length: int
    name: bytes
    """Empty takes the name away."""


@dataclass(frozen=True, slots=True)
class Truncate:
    """A file got another size: it matters to faults and populating beyond its end."""

    path: str
    fd: int
    size: int


@dataclass(frozen=True, slots=True)
class Spawn:
    """clone, clone3, fork, vfork."""

    shares_mm: bool
    thread: bool
    vfork: bool


@dataclass(frozen=True, slots=True)
class Execve:
    path: str


@dataclass(frozen=True, slots=True)
class Quit:
    """exit and exit_group: they do not come back, the Exit event tells the rest."""


@dataclass(frozen=True, slots=True)
class Unsupported:
    """A call that no operation of the emulator stands for."""

    name: str


Operation = (
    Mmap
    | Munmap
    | Mprotect
    | Mremap
    | Madvise
    | Mincore
    | Brk
    | SetVmaName
    | Truncate
    | Spawn
    | Execve
    | Quit
    | Unsupported
)

_FD = re.compile(r"^(-?\d+)(?:<(.*)>(\(deleted\))?)?$", re.DOTALL)
_CLONE_FLAGS = re.compile(r"flags=([^,}]+)")
_OCTAL: Final = re.compile(r'\\([0-7]{1,3}|x[0-9a-fA-F]{2}|[nrtvf\\"])')
_ESCAPES: Final = {"n": "\n", "r": "\r", "t": "\t", "v": "\v", "f": "\f", "\\": "\\", '"': '"'}


def _number(text: str) -> int:
    word = re.sub(r"/\*.*?\*/", "", text).strip()
    if word == "NULL":
        return 0
    try:
        return int(word, 0)
    except ValueError:
        raise DecodeError(f"not a number: {text!r}") from None


def _unescape(text: str) -> str:
    def one(match: re.Match[str]) -> str:
        word = match.group(1)
        if word in _ESCAPES:
            return _ESCAPES[word]
        return chr(int(word[1:], 16) if word[0] == "x" else int(word, 8))

    return _OCTAL.sub(one, text)


def _descriptor(text: str) -> tuple[int, str]:
    match = _FD.match(text.strip())
    if not match:
        raise DecodeError(f"not a file descriptor: {text!r}")
    path = _unescape(match.group(2) or "")
    if match.group(3) and not path.endswith(" (deleted)"):
        path += " (deleted)"
    return int(match.group(1)), path


def _quoted(text: str) -> str | None:
    """The content of a C string; None for NULL or a bare pointer."""
    if not text.startswith('"'):
        return None
    return _unescape(text[1 : text.rindex('"')])


def _vector(text: str) -> tuple[tuple[int, ...] | None, bool]:
    if not text.startswith("["):
        return None, False
    words = [word.strip() for word in text.strip("[]").split(",")]
    cut = bool(words) and words[-1].endswith("...")
    if cut:
        words[-1] = words[-1].removesuffix("...").strip()
    return tuple(int(word, 0) & 1 for word in words if word), cut


def _need(call: Call, least: int) -> tuple[str, ...]:
    if len(call.args) < least:
        raise DecodeError(f"{call.name} with {len(call.args)} arguments")
    return call.args


def decode(call: Call) -> Operation:
    """The operation a call asks for.

    Raises:
        DecodeError: a known call with arguments that are not those of the call.
    """
    try:
        return _decode(call)
    except flags.FlagError as error:
        raise DecodeError(str(error)) from None


def _decode(call: Call) -> Operation:
    match call.name:
        case "mmap" | "mmap2":
            args = _need(call, 6)
            fd, path = _descriptor(args[4])
            offset = _number(args[5]) * (4096 if call.name == "mmap2" else 1)
            prot = flags.parse_flags(args[2], flags.PROT)
            how = flags.parse_flags(args[3], flags.MAP)
            return Mmap(_number(args[0]), _number(args[1]), prot, how, fd, offset, path)
        case "munmap":
            args = _need(call, 2)
            return Munmap(_number(args[0]), _number(args[1]))
        case "mprotect":
            args = _need(call, 3)
            prot = flags.parse_flags(args[2], flags.PROT)
            return Mprotect(_number(args[0]), _number(args[1]), prot)
        case "mremap":
            args = _need(call, 4)
            how = flags.parse_flags(args[3], flags.MREMAP)
            new_addr = _number(args[4]) if len(args) > 4 else 0
            return Mremap(_number(args[0]), _number(args[1]), _number(args[2]), how, new_addr)
        case "madvise":
            args = _need(call, 3)
            advice = flags.parse_flags(args[2], flags.MADV)
            return Madvise(_number(args[0]), _number(args[1]), advice)
        case "mincore":
            args = _need(call, 3)
            vector, cut = _vector(args[2])
            return Mincore(_number(args[0]), _number(args[1]), vector, cut)
        case "brk":
            return Brk(_number(_need(call, 1)[0]))
        case _:
            return _decode_other(call)


def _decode_other(call: Call) -> Operation:
    match call.name:
        case "prctl":
            return _decode_prctl(call)
        case "ftruncate" | "ftruncate64":
            args = _need(call, 2)
            fd, path = _descriptor(args[0])
            return Truncate(path, fd, _number(args[1]))
        case "truncate" | "truncate64":
            args = _need(call, 2)
            return Truncate(_quoted(args[0]) or "", -1, _number(args[1]))
        case "clone" | "clone2" | "clone3":
            match_flags = _CLONE_FLAGS.search(", ".join(call.args))
            word = match_flags.group(1) if match_flags else "0"
            bits = flags.parse_flags(word, flags.CLONE, strict=False)
            return Spawn(
                shares_mm=bool(bits & flags.CLONE_VM),
                thread=bool(bits & flags.CLONE_THREAD),
                vfork=bool(bits & flags.CLONE_VFORK),
            )
        case "fork":
            return Spawn(shares_mm=False, thread=False, vfork=False)
        case "vfork":
            return Spawn(shares_mm=True, thread=False, vfork=True)
        case "execve" | "execveat":
            args = _need(call, 1)
            where = args[1] if call.name == "execveat" and len(args) > 1 else args[0]
            return Execve(_quoted(where) or where)
        case "exit" | "exit_group":
            return Quit()
        case _:
            return Unsupported(call.name)


def _decode_prctl(call: Call) -> Operation:
    args = _need(call, 1)
    if args[0] != "PR_SET_VMA" or len(args) < 5 or args[1] != "PR_SET_VMA_ANON_NAME":
        return Unsupported(f"prctl({args[0]})")
    name = _quoted(args[4])
    if name is None and _number(args[4]) != 0:
        raise DecodeError(f"a name strace could not read: {args[4]!r}")
    return SetVmaName(_number(args[2]), _number(args[3]), (name or "").encode("latin-1"))


def _address(value: int) -> str:
    return f"{value:#x}" if value else "NULL"


def _escape(data: str) -> str:
    return "".join(
        char if " " <= char <= "~" and char not in '<>"\\' else f"\\{ord(char):03o}"
        for char in data
    )


def render(operation: Operation) -> str:
    """The call as strace would write it, without its result."""
    match operation:
        case Mmap():
            prot = flags.render_flags(
                operation.prot, flags.PROT, unknown="PROT_???", zero="PROT_NONE"
            )
            how = flags.render_flags(operation.flags, flags.MAP, unknown="MAP_???")
            fd = str(operation.fd) + (f"<{_escape(operation.path)}>" if operation.path else "")
            offset = f"{operation.offset:#x}" if operation.offset else "0"
            where = f"{_address(operation.addr)}, {operation.length}"
            return f"mmap({where}, {prot}, {how}, {fd}, {offset})"
        case Munmap():
            return f"munmap({_address(operation.addr)}, {operation.length})"
        case Mprotect():
            prot = flags.render_flags(
                operation.prot, flags.PROT, unknown="PROT_???", zero="PROT_NONE"
            )
            return f"mprotect({_address(operation.addr)}, {operation.length}, {prot})"
        case Mremap():
            how = flags.render_flags(operation.flags, flags.MREMAP, unknown="MREMAP_???")
            tail = f", {_address(operation.new_addr)}" if operation.new_addr else ""
            lengths = f"{operation.old_length}, {operation.new_length}"
            return f"mremap({_address(operation.addr)}, {lengths}, {how}{tail})"
        case Madvise():
            advice = flags.render_choice(operation.advice, flags.MADV, unknown="MADV_???")
            return f"madvise({_address(operation.addr)}, {operation.length}, {advice})"
        case _:
            return _render_other(operation)


def _render_other(operation: Operation) -> str:
    match operation:
        case Mincore():
            bits = "NULL"
            if operation.vector is not None:
                tail = "..." if operation.vector_cut else ""
                bits = "[" + ", ".join(str(bit) for bit in operation.vector) + tail + "]"
            return f"mincore({_address(operation.addr)}, {operation.length}, {bits})"
        case Brk():
            return f"brk({_address(operation.addr)})"
        case SetVmaName():
            name = f'"{_escape(operation.name.decode("latin-1"))}"' if operation.name else "NULL"
            where = f"{_address(operation.addr)}, {operation.length}"
            return f"prctl(PR_SET_VMA, PR_SET_VMA_ANON_NAME, {where}, {name})"
        case Truncate():
            path = f"<{_escape(operation.path)}>" if operation.path else ""
            return f"ftruncate({operation.fd}{path}, {operation.size})"
        case Spawn():
            return "clone(CLONE_VM)" if operation.shares_mm else "fork()"
        case Execve():
            return f'execve("{_escape(operation.path)}")'
        case Quit():
            return "exit_group()"
        case Unsupported():
            return f"{operation.name}()"
        case _:
            raise TypeError(f"{operation!r} is rendered by render()")
