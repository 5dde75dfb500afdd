# SPDX-License-Identifier: Apache-2.0
"""The memory calls as typed values: decoded from strace's arguments, and rendered back."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from vmalab_native import flags
from vmalab_trace import plain
from vmalab_trace.strace import Call


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
class Shmat(Mmap):
    """A segment of System V shared memory is mapped: what shm.attach made of it."""

    how: int = 0
    asked: int = 0
    """The address as the program gave it."""


@dataclass(frozen=True, slots=True)
class Munmap:
    addr: int
    length: int


@dataclass(frozen=True, slots=True)
class Shmdt(Munmap):
    """All that is left of the attachment at an address is unmapped; length: what was attached."""


@dataclass(frozen=True, slots=True)
class Segment:
    """shmget: a segment of System V shared memory is made or found."""

    key: int
    size: int


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
class Plain:
    """A call that is a name and numbers, one of plain.FORMS."""

    name: str
    numbers: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class ProcessMadvise:
    """Advice to ranges of the caller's own memory: strace does not say whose the pidfd is."""

    ranges: tuple[tuple[int, int], ...]
    advice: int


@dataclass(frozen=True, slots=True)
class Truncate:
    """A file got another size: what lies beyond it leaves all mappings."""

    path: str
    fd: int
    size: int


@dataclass(frozen=True, slots=True)
class Allocate:
    """fallocate: room in a file, or a hole, whose pages leave all mappings."""

    path: str
    fd: int
    mode: int
    offset: int
    length: int


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
    """exit and exit_group: they do not come back, the Exit event has the rest."""


@dataclass(frozen=True, slots=True)
class Unsupported:
    """A call that no operation of the emulator stands for."""

    name: str


@dataclass(frozen=True, slots=True)
class Other:
    """A call of a name that also has memory calls, which is none itself: most of prctl, ioctl."""


ALLOCATE_MODES: Final = flags.FALLOC["FALLOC_FL_KEEP_SIZE"] | flags.FALLOC["FALLOC_FL_PUNCH_HOLE"]
SOMETIMES: Final = frozenset({"prctl", "ioctl", "personality"})
"""Names of calls of which only some are memory calls."""

Operation = (
    Mmap
    | Munmap
    | Segment
    | Mprotect
    | Mremap
    | Madvise
    | Mincore
    | Brk
    | SetVmaName
    | Plain
    | ProcessMadvise
    | Truncate
    | Allocate
    | Spawn
    | Execve
    | Quit
    | Unsupported
    | Other
)

_FD = re.compile(r"^(-?\d+)(?:<(.*)>(\(deleted\))?)?$", re.DOTALL)
MSEAL: Final = "syscall_0x1ce"
"""What a strace that does not know mseal calls it."""
UNRELATED: Final = "unrelated:"
"""Begins the name of a call that is left out because it changes nothing of the memory."""
_RANGE = re.compile(r"iov_base=([^,}]+), iov_len=([^,}]+)")
_CLONE_FLAGS = re.compile(r"flags=([^,}]+)")
_LAYOUTS: Final = ("READ_IMPLIES_EXEC", "ADDR_COMPAT_LAYOUT", "ADDR_LIMIT_3GB", "MMAP_PAGE_ZERO")
_LAYOUT_PRCTLS: Final = frozenset({"PR_SET_MM", "PR_SET_MDWE", "PR_SET_MEMORY_MERGE"})
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
        case "prlimit64" | "setrlimit":
            return _decode_limit(call)
        case "process_madvise":
            return _decode_process_madvise(call)
        case name if name in plain.FORMS or name == MSEAL:
            return _decode_plain(call, name if name in plain.FORMS else "mseal")
        case "ioctl":
            what = ", ".join(call.args[:2])
            return Unsupported(f"ioctl({call.args[1]})") if "UFFDIO_" in what else Other()
        case "personality":
            odd = [word for word in _LAYOUTS if word in "".join(call.args)]
            return Unsupported(f"personality({odd[0]})") if odd else Other()
        case "ftruncate" | "ftruncate64":
            args = _need(call, 2)
            fd, path = _descriptor(args[0])
            return Truncate(path, fd, _number(args[1]))
        case "truncate" | "truncate64":
            args = _need(call, 2)
            return Truncate(_quoted(args[0]) or "", -1, _number(args[1]))
        case "fallocate":
            return _decode_allocate(call)
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
        case "shmget":
            args = _need(call, 2)
            key = 0 if args[0] == "IPC_PRIVATE" else _number(args[0])
            return Segment(key, _number(args[1]))
        case "shmat":
            args = _need(call, 3)
            how = flags.parse_flags(args[2], flags.SHM)
            return Shmat(0, 0, 0, 0, fd=_number(args[0]), how=how, asked=_number(args[1]))
        case "shmdt":
            return Shmdt(_number(_need(call, 1)[0]), 0)
        case "execve" | "execveat":
            args = _need(call, 1)
            where = args[1] if call.name == "execveat" and len(args) > 1 else args[0]
            return Execve(_quoted(where) or where)
        case "exit" | "exit_group":
            return Quit()
        case _:
            return Unsupported(call.name)


def _decode_allocate(call: Call) -> Operation:
    args = _need(call, 4)
    mode = flags.parse_flags(args[1], flags.FALLOC)
    if mode & ~ALLOCATE_MODES and not call.errno:
        return Unsupported(f"fallocate({args[1]})")
    fd, path = _descriptor(args[0])
    return Allocate(path, fd, mode, _number(args[2]), _number(args[3]))


def _decode_plain(call: Call, name: str) -> Operation:
    form = plain.FORMS[name]
    numbers = [
        _number(text) if names is None else flags.parse_flags(text, names)
        for text, names in zip(_need(call, len(form)), form, strict=False)
    ]
    return Plain(name, tuple(numbers))


def _decode_limit(call: Call) -> Operation:
    """What is only asked, or of another process, or no matter of memory, is not replayed."""
    args = _need(call, 2)
    who, resource, new = ("0", *args[:2]) if call.name == "setrlimit" else _need(call, 3)[:3]
    pair = plain.limit_pair(new)
    if resource not in flags.RLIMIT or new == "NULL" or (who != "0" and who != str(call.pid)):
        return Unsupported(f"{UNRELATED}{call.name}")
    if pair is None:
        raise DecodeError(f"no limits: {new!r}")
    return Plain("setrlimit", (flags.RLIMIT[resource], *pair))


def _decode_process_madvise(call: Call) -> Operation:
    args = _need(call, 5)
    if not args[1].startswith("["):
        return Unsupported("process_madvise of ranges that strace could not read")
    found = _RANGE.findall(args[1])
    ranges = tuple((_number(base), _number(length)) for base, length in found)
    return ProcessMadvise(ranges, flags.parse_flags(args[3], flags.MADV))


def _decode_prctl(call: Call) -> Operation:
    args = _need(call, 1)
    if args[0] == "PR_SET_THP_DISABLE" and len(args) > 2:
        return Plain("prctl(PR_SET_THP_DISABLE)", (_number(args[1]), _number(args[2])))
    if args[0] in _LAYOUT_PRCTLS:
        return Unsupported(f"prctl({args[0]})")
    if args[0] != "PR_SET_VMA":
        return Other()
    if len(args) < 5 or args[1] != "PR_SET_VMA_ANON_NAME":
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
        case Shmat():
            how = flags.render_flags(operation.how, flags.SHM, unknown="SHM_???")
            return f"shmat({operation.fd}, {_address(operation.asked)}, {how})"
        case Shmdt():
            return f"shmdt({_address(operation.addr)})"
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


def _render_plain(operation: Plain) -> str:
    name, numbers = operation.name, operation.numbers
    if name == "setrlimit":
        resource = flags.render_choice(numbers[0], flags.RLIMIT, unknown="RLIMIT_???")
        return f"setrlimit({resource}, {{rlim_cur={numbers[1]}, rlim_max={numbers[2]}}})"
    if name.startswith("prctl("):
        return f"prctl(PR_SET_THP_DISABLE, {numbers[0]}, {numbers[1]}, 0, 0)"
    words = [
        flags.render_flags(number, names, unknown="???") if names is not None else str(number)
        for number, names in zip(numbers, plain.FORMS[name], strict=True)
    ]
    if name in plain.RANGED:
        words[0] = _address(numbers[0])
    return f"{name}({', '.join(words)})"


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
        case Plain():
            return _render_plain(operation)
        case ProcessMadvise():
            advice = flags.render_choice(operation.advice, flags.MADV, unknown="MADV_???")
            ranges = ", ".join(
                f"{{iov_base={_address(addr)}, iov_len={length}}}"
                for addr, length in operation.ranges
            )
            return f"process_madvise(3, [{ranges}], {len(operation.ranges)}, {advice}, 0)"
        case Truncate():
            path = f"<{_escape(operation.path)}>" if operation.path else ""
            return f"ftruncate({operation.fd}{path}, {operation.size})"
        case Allocate():
            path = f"<{_escape(operation.path)}>" if operation.path else ""
            mode = flags.render_flags(operation.mode, flags.FALLOC, unknown="FALLOC_FL_???")
            span = f"{operation.offset}, {operation.length}"
            return f"fallocate({operation.fd}{path}, {mode}, {span})"
        case Spawn():
            return "clone(CLONE_VM)" if operation.shares_mm else "fork()"
        case Execve():
            return f'execve("{_escape(operation.path)}")'
        case Quit():
            return "exit_group()"
        case Unsupported():
            return f"{operation.name}()"
        case Segment():
            return f"shmget({operation.key:#x}, {operation.size})"
        case Other():
            return "other()"
        case _:
            raise TypeError(f"{operation!r} is rendered by render()")
