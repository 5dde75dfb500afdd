# SPDX-License-Identifier: Apache-2.0
"""Which open of which file a descriptor is: what openat, dup, fork and their like say.

strace shows the number of a descriptor and the path behind it. Neither names a file: a number is
used again, and a path may come to name another file. The opens that the trace shows do. An open
also says what a mapping of it may do, and whether the file began as an empty one.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from vmalab_native import flags
from vmalab_trace import words
from vmalab_trace.strace import Call

READ_ONLY, WRITE_ONLY, READ_WRITE = 1, 2, 0
"""Of FileMode."""
CALLS: Final = frozenset(
    {
        "open",
        "openat",
        "openat2",
        "creat",
        "memfd_create",
        "memfd_secret",
        "dup",
        "dup2",
        "dup3",
        "fchmod",
    }
)
WRITES: Final = frozenset(
    {"write", "pwrite64", "writev", "pwritev", "pwritev2", "sendfile", "copy_file_range"}
)
READS: Final = frozenset({"read", "readv", "lseek"})
MFD: Final = {"MFD_NOEXEC_SEAL": 8}
_OFFSET: Final = {"pwrite64": 3, "pwritev": 3, "pwritev2": 3}
"""Which argument says where; the others write at the position of the open."""


@dataclass(slots=True, eq=False)
class Open:
    """One open of a file, which several descriptors may name."""

    number: int
    """From 1 on; 0 is an open that the trace does not show."""
    path: str
    mode: int
    """FileMode: how it may be mapped."""
    empty: bool
    """The file has no bytes at this moment: O_TRUNC, a new file (O_EXCL), or a new memfd."""
    memfd: bool = False
    huge: bool = False
    """Its pages are those of hugetlbfs."""
    noexec: bool = False
    """A memfd that is not executable, so F_SEAL_EXEC says nothing about writes."""
    append: bool = False
    new: bool = False
    """The open made the file, whatever its inode number named before."""
    line: int = 0
    """Where the trace shows the end of the call that opened it."""
    position: int = 0
    """Where the next write goes."""

    @property
    def grows(self) -> bool:
        """Whether a write could make a file longer that may be mapped."""
        return self.mode != READ_ONLY and self.path.startswith("/")


@dataclass(frozen=True, slots=True)
class Opens:
    """A new open, by the descriptor that the call returned."""

    path: str
    mode: int
    empty: bool
    memfd: bool = False
    huge: bool = False
    noexec: bool = False
    append: bool = False
    new: bool = False


@dataclass(frozen=True, slots=True)
class Duplicate:
    """dup and its like: another descriptor for an open."""

    fd: int


@dataclass(frozen=True, slots=True)
class Seal:
    """fcntl(F_ADD_SEALS): what a file of memory refuses from now on."""

    path: str
    fd: int
    seals: int


@dataclass(frozen=True, slots=True)
class Write:
    """A call that may have made a file longer: `count` bytes, at an offset or (-1) where the last
    read or write of the open ended."""

    fd: int
    count: int = 0
    offset: int = -1


@dataclass(frozen=True, slots=True)
class Move:
    """A read or a seek: the next write goes elsewhere."""

    fd: int
    by: int = 0
    to: int = -1


@dataclass(frozen=True, slots=True)
class Chmod:
    """fchmod: whether the file is executable is for F_SEAL_EXEC."""

    fd: int
    mode: int


Kinds = Opens | Duplicate | Seal | Write | Move | Chmod


def decode(call: Call) -> Kinds | None:
    """What a call does to descriptors; None: nothing that counts here.

    Raises:
        DecodeError: the arguments are not those of the call.
    """
    match call.name:
        case "open" | "creat" | "openat" | "openat2":
            return None if _failed(call) else _decode_open(call)
        case "memfd_create":
            if _failed(call):
                return None
            how = words.need(call, 2)[1]
            name = words.path_of(words.need(call, 2)[0].strip('"'))
            path = f"/memfd:{name}{words.DELETED}"
            huge, noexec = "MFD_HUGETLB" in how, bool(flags.parse_flags(how, MFD, strict=False) & 8)
            return Opens(path, READ_WRITE, empty=True, memfd=True, huge=huge, noexec=noexec)
        case "memfd_secret":
            path = f"/secretmem{words.DELETED}"
            return None if _failed(call) else Opens(path, READ_WRITE, empty=True, memfd=True)
        case "fchmod":
            fd, mode = words.descriptor(words.need(call, 2)[0])[0], words.need(call, 2)[1]
            return None if _failed(call) else Chmod(fd, int(mode, 8))
        case "dup" | "dup2" | "dup3":
            return None if _failed(call) else Duplicate(words.descriptor(call.args[0])[0])
        case "fcntl" | "fcntl64":
            return _decode_fcntl(call)
        case name if name in WRITES:
            args = words.need(call, 3)
            fd = words.descriptor(args[2 if name == "copy_file_range" else 0])[0]
            offset = words.number(args[_OFFSET[name]]) if name in _OFFSET else -1
            return None if not call.value or _failed(call) else Write(fd, call.value, offset)
        case "read" | "readv" | "lseek":
            fd, value = words.descriptor(words.need(call, 1)[0])[0], call.value or 0
            if _failed(call):
                return None
            return Move(fd, to=value) if call.name == "lseek" else Move(fd, by=value)
    return None


def _failed(call: Call) -> bool:
    return call.value is None or call.value < 0


def _decode_open(call: Call) -> Opens:
    at = {"open": 1, "creat": 1, "openat": 2, "openat2": 2}[call.name]
    how = "O_WRONLY|O_CREAT|O_TRUNC" if call.name == "creat" else words.need(call, at + 1)[at]
    path = words.path_of(call.shown) or words.path_of(call.args[at - 1].strip('"'))
    mode = READ_WRITE if "O_RDWR" in how else WRITE_ONLY if "O_WRONLY" in how else READ_ONLY
    new = "O_CREAT" in how and "O_EXCL" in how
    return Opens(path, mode, empty=new or "O_TRUNC" in how, append="O_APPEND" in how, new=new)


def _decode_fcntl(call: Call) -> Kinds | None:
    args = words.need(call, 2)
    fd, path = words.descriptor(args[0])
    if args[1].startswith("F_DUPFD"):
        return None if _failed(call) else Duplicate(fd)
    if args[1] == "F_ADD_SEALS":
        return Seal(path, fd, flags.parse_flags(words.need(call, 3)[2], flags.SEAL))
    return None


@dataclass(slots=True)
class Descriptors:
    """The descriptors of each process, as far as the trace shows how they came."""

    count: int = 0
    tables: dict[int, dict[int, Open]] = field(default_factory=dict)
    """By thread; threads that share their descriptors share the table."""

    def table(self, tid: int) -> dict[int, Open]:
        return self.tables.setdefault(tid, {})

    def spawned(self, parent: int, child: int, *, shared: bool) -> None:
        mine = self.table(parent)
        self.tables[child] = mine if shared else dict(mine)

    def act(self, tid: int, what: Opens | Duplicate, fd: int, *, line: int = 0) -> Open | None:
        """A call gave a thread the descriptor `fd`; the open that it made."""
        mine = self.table(tid)
        if isinstance(what, Duplicate):
            known = mine.get(what.fd)
            if known is None:
                mine.pop(fd, None)
            else:
                mine[fd] = known
            return None
        self.count += 1
        made = Open(
            number=self.count,
            path=what.path,
            mode=what.mode,
            empty=what.empty,
            memfd=what.memfd,
            huge=what.huge,
            noexec=what.noexec,
            append=what.append,
            new=what.new,
            line=line,
        )
        mine[fd] = made
        return made

    def move(self, tid: int, what: Write | Move) -> int:
        """Follow the position of an open. Returns where a write ended; -1: nobody knows, or it is
        the end of the file (O_APPEND)."""
        known = self.table(tid).get(what.fd)
        if known is None:
            return -1
        if isinstance(what, Move):
            known.position = what.to if what.to >= 0 else known.position + what.by
            return -1
        if known.append:
            return -1
        if what.offset >= 0:
            return what.offset + what.count
        known.position += what.count
        return known.position

    def find(self, tid: int, fd: int, path: str) -> Open | None:
        """The open behind a descriptor. The path decides whether the number is still that of the
        open: what the trace does not show may have used it again."""
        known = self.table(tid).get(fd)
        if known is None or not path or known.memfd:
            return known if known is None or not path or _same(known.path, path) else None
        if _same(known.path, path):
            return known
        # Renamed or unlinked since, or another file: a pipe, a socket and the like show it.
        return known if path.startswith("/") and known.path.startswith("/") else None


def _same(one: str, two: str) -> bool:
    return one.removesuffix(words.DELETED) == two.removesuffix(words.DELETED)
