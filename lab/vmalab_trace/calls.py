# SPDX-License-Identifier: Apache-2.0
"""The memory calls as typed values: decoded from strace's arguments, and rendered back."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from vmalab_native import flags
from vmalab_trace import opens, plain, words
from vmalab_trace.strace import Call
from vmalab_trace.words import DecodeError as DecodeError


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
    vector_at: int = -1
    """Where the vector is, if strace shows that; -1: it shows the bytes."""


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
    shares_files: bool = False


@dataclass(frozen=True, slots=True)
class Execve:
    path: str


@dataclass(frozen=True, slots=True)
class Quit:
    """exit and exit_group: they do not come back, the Exit event has the rest."""


@dataclass(frozen=True, slots=True)
class Removed:
    """shmctl(IPC_RMID): a segment ends with its last attachment."""

    segment: int


@dataclass(frozen=True, slots=True)
class Renamed:
    """A file got another name."""


@dataclass(frozen=True, slots=True)
class Capabilities:
    """A call after which a process may do less or more: setuid and its like, capset."""

    bits: int = 0
    """VL_CAP_*: what of it the memory calls ask for."""


@dataclass(frozen=True, slots=True)
class Unsupported:
    """A call that no operation of the emulator stands for."""

    name: str


@dataclass(frozen=True, slots=True)
class Other:
    """A call of a name that also has memory calls, which is none itself: most of prctl, ioctl."""


CREDENTIALS: Final = frozenset(
    {"setuid", "setreuid", "setresuid", "setfsuid", "capset"}
    | {"setuid32", "setreuid32", "setresuid32", "setfsuid32"}
)
ALLOCATE_MODES: Final = flags.FALLOC["FALLOC_FL_KEEP_SIZE"] | flags.FALLOC["FALLOC_FL_PUNCH_HOLE"]
SOMETIMES: Final = (
    frozenset({"prctl", "ioctl", "personality", "fcntl", "fcntl64", "shmctl"})
    | opens.CALLS
    | opens.WRITES
    | opens.READS
)
"""Names of calls of which only some matter here."""

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
    | Removed
    | Renamed
    | Capabilities
    | opens.Kinds
    | Unsupported
    | Other
)

MSEAL: Final = "syscall_0x1ce"
"""What a strace that does not know mseal calls it."""
UNRELATED: Final = "unrelated:"
"""Begins the name of a call that is left out because it changes nothing of the memory."""
_RANGE = re.compile(r"iov_base=([^,}]+), iov_len=([^,}]+)")
_CLONE_FLAGS = re.compile(r"flags=([^,}]+)")
_LAYOUTS: Final = ("READ_IMPLIES_EXEC", "ADDR_COMPAT_LAYOUT", "ADDR_LIMIT_3GB", "MMAP_PAGE_ZERO")
_LAYOUT_PRCTLS: Final = frozenset({"PR_SET_MM", "PR_SET_MEMORY_MERGE"})
_MDWE: Final = ("PR_SET_MDWE", "0x41 /* PR_??? */")
NAME_UNREAD: Final = "prctl(PR_SET_VMA) with a name that strace could not read"


def _vector(text: str) -> tuple[tuple[int, ...] | None, bool]:
    if not text.startswith("["):
        return None, False
    words = [word.strip() for word in text.strip("[]").split(",")]
    cut = bool(words) and words[-1].endswith("...")
    if cut:
        words[-1] = words[-1].removesuffix("...").strip()
    return tuple(int(word, 0) & 1 for word in words if word), cut


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
            args = words.need(call, 6)
            fd, path = words.descriptor(args[4])
            offset = words.number(args[5]) * (4096 if call.name == "mmap2" else 1)
            prot = flags.parse_flags(args[2], flags.PROT)
            how = flags.parse_flags(args[3], flags.MAP)
            return Mmap(words.number(args[0]), words.number(args[1]), prot, how, fd, offset, path)
        case "munmap":
            args = words.need(call, 2)
            return Munmap(words.number(args[0]), words.number(args[1]))
        case "mprotect":
            args = words.need(call, 3)
            prot = flags.parse_flags(args[2], flags.PROT)
            return Mprotect(words.number(args[0]), words.number(args[1]), prot)
        case "mremap":
            args = words.need(call, 4)
            how = flags.parse_flags(args[3], flags.MREMAP)
            new_addr = words.number(args[4]) if len(args) > 4 else 0
            return Mremap(
                words.number(args[0]), words.number(args[1]), words.number(args[2]), how, new_addr
            )
        case "madvise":
            args = words.need(call, 3)
            advice = flags.parse_flags(args[2], flags.MADV)
            return Madvise(words.number(args[0]), words.number(args[1]), advice)
        case "mincore":
            args = words.need(call, 3)
            vector, cut = _vector(args[2])
            at = -1 if args[2].startswith("[") else words.number(args[2])
            return Mincore(words.number(args[0]), words.number(args[1]), vector, cut, at)
        case "brk":
            return Brk(words.number(words.need(call, 1)[0]))
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
            args = words.need(call, 2)
            fd, path = words.descriptor(args[0])
            return Truncate(path, fd, words.number(args[1]))
        case "truncate" | "truncate64":
            args = words.need(call, 2)
            return Truncate(words.quoted(args[0]) or "", -1, words.number(args[1]))
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
                shares_files="CLONE_FILES" in word,
            )
        case "fork":
            return Spawn(shares_mm=False, thread=False, vfork=False)
        case "vfork":
            return Spawn(shares_mm=True, thread=False, vfork=True)
        case "shmget":
            args = words.need(call, 2)
            key = 0 if args[0] == "IPC_PRIVATE" else words.number(args[0])
            return Segment(key, words.number(args[1]))
        case "shmat":
            args = words.need(call, 3)
            how = flags.parse_flags(args[2], flags.SHM)
            return Shmat(0, 0, 0, 0, fd=words.number(args[0]), how=how, asked=words.number(args[1]))
        case "shmdt":
            return Shmdt(words.number(words.need(call, 1)[0]), 0)
        case "execve" | "execveat":
            args = words.need(call, 1)
            where = args[1] if call.name == "execveat" and len(args) > 1 else args[0]
            return Execve(words.quoted(where) or where)
        case "exit" | "exit_group":
            return Quit()
        case name if name in CREDENTIALS:
            return Capabilities()
        case "rename" | "renameat" | "renameat2":
            return Renamed()
        case "shmctl":
            args = words.need(call, 2)
            return Removed(words.number(args[0])) if "IPC_RMID" in args[1] else Other()
        case name if name in SOMETIMES:
            return opens.decode(call) or Other()
        case _:
            return Unsupported(call.name)


def _decode_allocate(call: Call) -> Operation:
    args = words.need(call, 4)
    mode = flags.parse_flags(args[1], flags.FALLOC)
    if mode & ~ALLOCATE_MODES and not call.errno:
        return Unsupported(f"fallocate({args[1]})")
    fd, path = words.descriptor(args[0])
    return Allocate(path, fd, mode, words.number(args[2]), words.number(args[3]))


def _decode_plain(call: Call, name: str) -> Operation:
    form = plain.FORMS[name]
    numbers = [
        words.number(text) if names is None else flags.parse_flags(text, names)
        for text, names in zip(words.need(call, len(form)), form, strict=False)
    ]
    return Plain(name, tuple(numbers))


def _decode_limit(call: Call) -> Operation:
    """What is only asked, or of another process, or no matter of memory, is not replayed."""
    args = words.need(call, 2)
    who, resource, new = ("0", *args[:2]) if call.name == "setrlimit" else words.need(call, 3)[:3]
    pair = plain.limit_pair(new)
    if resource not in flags.RLIMIT or new == "NULL" or (who != "0" and who != str(call.pid)):
        return Unsupported(f"{UNRELATED}{call.name}")
    if pair is None:
        raise DecodeError(f"no limits: {new!r}")
    return Plain("setrlimit", (flags.RLIMIT[resource], *pair))


def _decode_process_madvise(call: Call) -> Operation:
    args = words.need(call, 5)
    if not args[1].startswith("["):
        return Unsupported("process_madvise of ranges that strace could not read")
    found = _RANGE.findall(args[1])
    ranges = tuple((words.number(base), words.number(length)) for base, length in found)
    return ProcessMadvise(ranges, flags.parse_flags(args[3], flags.MADV))


def _decode_prctl(call: Call) -> Operation:
    args = words.need(call, 1)
    if args[0] == "PR_SET_THP_DISABLE" and len(args) > 2:
        return Plain("prctl(PR_SET_THP_DISABLE)", (words.number(args[1]), words.number(args[2])))
    if args[0] in _MDWE and len(args) > 1:
        if any(words.number(word) for word in args[2:5]):
            return Unsupported(f"{UNRELATED}prctl(PR_SET_MDWE) with more arguments")
        return Plain("prctl(PR_SET_MDWE)", (flags.parse_flags(args[1], flags.MDWE),))
    if args[0] in _LAYOUT_PRCTLS:
        return Unsupported(f"prctl({args[0]})")
    if args[0] != "PR_SET_VMA":
        return Other()
    if len(args) < 5 or args[1] != "PR_SET_VMA_ANON_NAME":
        return Unsupported(f"prctl({args[0]})")
    name = words.quoted(args[4])
    if name is None and words.number(args[4]) != 0:
        return Unsupported(NAME_UNREAD)
    return SetVmaName(words.number(args[2]), words.number(args[3]), (name or "").encode("latin-1"))


def _address(value: int) -> str:
    return f"{value:#x}" if value else "NULL"


def _escape(data: str, coding: str = "utf-8") -> str:
    """A string as strace writes it, byte by byte."""
    return "".join(
        chr(byte) if 0x20 <= byte <= 0x7E and byte not in b'<>"\\' else f"\\{byte:03o}"
        for byte in data.encode(coding, "surrogateescape")
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
        option = name[len("prctl(") : -1]
        return f"prctl({option}, {', '.join(map(str, numbers))}, 0, 0)"
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
            bits = _address(max(operation.vector_at, 0))
            if operation.vector is not None:
                tail = "..." if operation.vector_cut else ""
                bits = "[" + ", ".join(str(bit) for bit in operation.vector) + tail + "]"
            return f"mincore({_address(operation.addr)}, {operation.length}, {bits})"
        case Brk():
            return f"brk({_address(operation.addr)})"
        case SetVmaName():
            name = (
                f'"{_escape(operation.name.decode("latin-1"), "latin-1")}"'
                if operation.name
                else "NULL"
            )
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
        case opens.Seal(path, fd, seals):
            shown = flags.render_flags(seals, flags.SEAL, unknown="F_SEAL_???")
            return f"fcntl({fd}<{_escape(path)}>, F_ADD_SEALS, {shown})"
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
        case Other() | Removed() | Renamed() | Capabilities():
            return "other()"
        case opens.Opens() | opens.Duplicate() | opens.Write() | opens.Move() | opens.Chmod():
            return "file()"
        case _:
            raise TypeError(f"{operation!r} is rendered by render()")
