# SPDX-License-Identifier: Apache-2.0
"""Symbolic constants of the memory calls, as strace prints them (Linux x86-64 numbers).

Source of the numbers: the uapi of Linux for x86-64, as documented in mmap(2), mremap(2),
madvise(2) and clone(2).
"""

from __future__ import annotations

import errno as _errno
import re
from collections.abc import Mapping
from typing import Final

PROT: Final[Mapping[str, int]] = {
    "PROT_NONE": 0,
    "PROT_READ": 1,
    "PROT_WRITE": 2,
    "PROT_EXEC": 4,
    "PROT_SEM": 8,
    "PROT_GROWSDOWN": 0x01000000,
    "PROT_GROWSUP": 0x02000000,
}
MAP: Final[Mapping[str, int]] = {
    "MAP_FILE": 0,
    "MAP_SHARED": 1,
    "MAP_PRIVATE": 2,
    "MAP_SHARED_VALIDATE": 3,
    "MAP_DROPPABLE": 8,
    "MAP_FIXED": 0x10,
    "MAP_ANONYMOUS": 0x20,
    "MAP_32BIT": 0x40,
    "MAP_ABOVE4G": 0x80,
    "MAP_GROWSDOWN": 0x100,
    "MAP_DENYWRITE": 0x800,
    "MAP_EXECUTABLE": 0x1000,
    "MAP_LOCKED": 0x2000,
    "MAP_NORESERVE": 0x4000,
    "MAP_POPULATE": 0x8000,
    "MAP_NONBLOCK": 0x10000,
    "MAP_STACK": 0x20000,
    "MAP_HUGETLB": 0x40000,
    "MAP_SYNC": 0x80000,
    "MAP_FIXED_NOREPLACE": 0x100000,
    "MAP_UNINITIALIZED": 0x4000000,
}
MREMAP: Final[Mapping[str, int]] = {
    "MREMAP_MAYMOVE": 1,
    "MREMAP_FIXED": 2,
    "MREMAP_DONTUNMAP": 4,
}
MADV: Final[Mapping[str, int]] = {
    "MADV_NORMAL": 0,
    "MADV_RANDOM": 1,
    "MADV_SEQUENTIAL": 2,
    "MADV_WILLNEED": 3,
    "MADV_DONTNEED": 4,
    "MADV_FREE": 8,
    "MADV_REMOVE": 9,
    "MADV_DONTFORK": 10,
    "MADV_DOFORK": 11,
    "MADV_MERGEABLE": 12,
    "MADV_UNMERGEABLE": 13,
    "MADV_HUGEPAGE": 14,
    "MADV_NOHUGEPAGE": 15,
    "MADV_DONTDUMP": 16,
    "MADV_DODUMP": 17,
    "MADV_WIPEONFORK": 18,
    "MADV_KEEPONFORK": 19,
    "MADV_COLD": 20,
    "MADV_PAGEOUT": 21,
    "MADV_POPULATE_READ": 22,
    "MADV_POPULATE_WRITE": 23,
    "MADV_DONTNEED_LOCKED": 24,
    "MADV_COLLAPSE": 25,
    "MADV_HWPOISON": 100,
    "MADV_SOFT_OFFLINE": 101,
    "MADV_GUARD_INSTALL": 102,
    "MADV_GUARD_REMOVE": 103,
}
MLOCK: Final[Mapping[str, int]] = {"MLOCK_ONFAULT": 1}
PKEY: Final[Mapping[str, int]] = {"PKEY_DISABLE_ACCESS": 1, "PKEY_DISABLE_WRITE": 2}
MCL: Final[Mapping[str, int]] = {"MCL_CURRENT": 1, "MCL_FUTURE": 2, "MCL_ONFAULT": 4}
MS: Final[Mapping[str, int]] = {"MS_ASYNC": 1, "MS_INVALIDATE": 2, "MS_SYNC": 4}
FALLOC: Final[Mapping[str, int]] = {
    "FALLOC_FL_KEEP_SIZE": 1,
    "FALLOC_FL_PUNCH_HOLE": 2,
    "FALLOC_FL_NO_HIDE_STALE": 4,
    "FALLOC_FL_COLLAPSE_RANGE": 8,
    "FALLOC_FL_ZERO_RANGE": 0x10,
    "FALLOC_FL_INSERT_RANGE": 0x20,
    "FALLOC_FL_UNSHARE_RANGE": 0x40,
}
SHM: Final[Mapping[str, int]] = {
    "SHM_RDONLY": 0o10000,
    "SHM_RND": 0o20000,
    "SHM_REMAP": 0o40000,
    "SHM_EXEC": 0o100000,
}
RLIMIT: Final[Mapping[str, int]] = {
    "RLIMIT_DATA": 2,
    "RLIMIT_STACK": 3,
    "RLIMIT_MEMLOCK": 8,
    "RLIMIT_AS": 9,
}
"""Those that memory calls look at."""
CLONE_VM: Final = 0x100
CLONE_VFORK: Final = 0x4000
CLONE_THREAD: Final = 0x10000
CLONE: Final[Mapping[str, int]] = {
    "CLONE_VM": CLONE_VM,
    "CLONE_VFORK": CLONE_VFORK,
    "CLONE_THREAD": CLONE_THREAD,
}

MAP_SHARED: Final = MAP["MAP_SHARED"]
MAP_FIXED: Final = MAP["MAP_FIXED"]
MAP_FIXED_NOREPLACE: Final = MAP["MAP_FIXED_NOREPLACE"]
MAP_ANONYMOUS: Final = MAP["MAP_ANONYMOUS"]

MARKER_ADVICE: Final = 0xDEAD
"""The advice of the call that marks a snapshot in a trace."""

_COMMENT = re.compile(r"/\*.*?\*/")
_SHIFTED = re.compile(r"^(\d+|0x[0-9a-f]+)<<MAP_HUGE_SHIFT$")


class FlagError(ValueError):
    """A flag word that is neither a known name nor a number."""


def parse_flags(text: str, names: Mapping[str, int], *, strict: bool = True) -> int:
    """Turn `A|B|0x40 /* X_??? */` into its number.

    With `strict` off, names that are not in `names` are taken as 0: right only for a word of which
    a few bits matter, such as the flags of clone.

    Raises:
        FlagError: an unknown name while `strict`.
    """
    value = 0
    for part in _COMMENT.sub("", text).split("|"):
        word = part.strip()
        if not word or word == "NULL":
            continue
        if word in names:
            value |= names[word]
            continue
        shifted = _SHIFTED.match(word)
        if shifted:
            value |= int(shifted.group(1), 0) << 26
            continue
        try:
            value |= int(word, 0)
        except ValueError:
            if strict:
                raise FlagError(f"unknown flag {word!r} in {text!r}") from None
    return value


def render_flags(value: int, names: Mapping[str, int], *, unknown: str, zero: str = "0") -> str:
    """The inverse of parse_flags for words made of bits, in strace's manner."""
    if value == 0:
        return zero
    parts: list[str] = []
    rest = value
    for name, bit in names.items():
        if bit and bit & (bit - 1) == 0 and rest & bit:
            parts.append(name)
            rest &= ~bit
    if rest:
        parts.append(f"{rest:#x}" + (f" /* {unknown} */" if not parts else ""))
    return "|".join(parts)


def render_choice(value: int, names: Mapping[str, int], *, unknown: str) -> str:
    """The inverse of parse_flags for words that are one of a list."""
    for name, number in names.items():
        if number == value:
            return name
    return f"{value:#x} /* {unknown} */"


def errno_number(name: str) -> int:
    """The number of `ENOMEM`; 0 for a name this machine does not know."""
    return int(getattr(_errno, name, 0))


def errno_name(number: int) -> str:
    """The name of an errno, or its number as text."""
    return _errno.errorcode.get(number, str(number))
