# SPDX-License-Identifier: Apache-2.0
"""How the arguments of each operation are drawn, and records that are not just their words."""

from __future__ import annotations

import resource
import struct
from collections.abc import Sequence
from typing import Final

from vmalab import pack
from vmalab.ops import Op as Code
from vmalab.uapi import PKRU_START
from vmalab_diff.chooser import FILES, MINCORE_PAGES, ON_DISK, Chooser
from vmalab_diff.encoding import (
    CODE_SYSCALL,
    PR_SET_MDWE,
    PR_SET_THP_DISABLE,
    PR_SET_VMA,
    RETURN_BYTE,
    U64,
    RealCall,
    Target,
    Value,
    hard_limit,
    integers,
    packed,
)
from vmalab_diff.program import PAGE, Arg, Place
from vmalab_native import flags

_PROTS: Final = ((3, 50), (1, 14), (0, 10), (5, 6), (7, 5), (2, 3), (4, 3))
_KEYS_PROTS: Final = ((3, 50), (1, 10), (0, 6), (5, 6), (7, 5), (2, 3), (4, 20))
M: Final = flags.MAP
A: Final = flags.MADV


def prot(c: Chooser) -> int:
    if c.odd():
        return c.pick((8, 16, 0x1000003, 0x2000003, 0x80000001, 11))
    return c.weighted(_KEYS_PROTS if c.style.keys else _PROTS)


def _map_flags(c: Chooser, file: int) -> int:
    shared = c.chance(0.3 if file < 0 else 0.5) and not c.thp
    how = M["MAP_SHARED"] if shared else M["MAP_PRIVATE"]
    if file < 0:
        how |= M["MAP_ANONYMOUS"]
    if c.chance(0.05):
        how |= M["MAP_NORESERVE"]
    if c.chance(0.08):
        how |= M["MAP_POPULATE"]
    if c.chance(0.03):
        how |= M["MAP_STACK"]
    if c.chance(0.04) and not c.deep:
        how |= M["MAP_LOCKED"]
    if c.chance(0.04):
        kinds = ("MAP_DROPPABLE", "MAP_GROWSDOWN") if file < 0 else ("MAP_SHARED_VALIDATE",)
        kind = c.pick(kinds)
        if kind == "MAP_DROPPABLE" and c.pageout:
            kind = "MAP_PRIVATE"
        how = how & ~M["MAP_SHARED_VALIDATE"] | M[kind]
        how |= M["MAP_PRIVATE"] if how & M["MAP_GROWSDOWN"] else 0
    if c.chance(0.03):
        how |= M[c.pick(("MAP_SYNC", "MAP_ABOVE4G", "MAP_DENYWRITE", "MAP_32BIT"))]
    if c.chance(0.01):  # none is reserved; MAP_NORESERVE would not ask
        how = (how | M["MAP_HUGETLB"] | c.pick((0, 0, 21, 30, 20)) << 26) & ~M["MAP_NORESERVE"]
    if c.odd():
        how ^= c.pick(
            (1, 2, M["MAP_NONBLOCK"], M["MAP_32BIT"], M["MAP_DENYWRITE"], M["MAP_EXECUTABLE"])
        )
    return how


def make_mmap(c: Chooser) -> tuple[Arg, ...]:
    file = c.file() if c.chance(c.style.files) and not c.thp else -1
    how = _map_flags(c, file)
    if c.chance(c.style.fixed):
        at = c.arena()
        how |= c.weighted(((M["MAP_FIXED"], 8), (M["MAP_FIXED_NOREPLACE"], 2), (0, 2)))
        length = c.length(at)
    else:
        at, length = Place("", 0, 0), c.pages() * PAGE
    if c.odd():
        length = c.pick((0, 1, PAGE + 1, 1 << 47, (1 << 64) - 1, 1 << 46, (1 << 47) - PAGE))
        if length > 1 << 32:  # what it covers, and all of memory
            how &= ~(M["MAP_FIXED"] | M["MAP_POPULATE"] | M["MAP_LOCKED"])
        if length > 1 << 32 and c.lockall:
            length = PAGE
    if how >> 26 == 30 and at == Place("", 0, 0):
        how &= ~M["MAP_FIXED"]  # a page of 1 GiB there would lie over the executor
    offset = c.number(0, 6) * PAGE if file >= 0 or c.chance(0.1) else 0
    if c.odd():
        offset = c.pick((1, 100, (1 << 63), ((1 << 64) - PAGE), (1 << 52)))
    return at, length, prot(c), how, file, offset


def make_range(c: Chooser) -> tuple[Arg, ...]:
    at = c.place()
    return at, c.length(at)


def make_munmap(c: Chooser) -> tuple[Arg, ...]:
    at = c.place()
    length = c.pick((1 << 47, (1 << 64) - PAGE, 1 << 63)) if c.odd() else c.length(at)
    return at, length


def make_mprotect(c: Chooser) -> tuple[Arg, ...]:
    at = c.place()
    length = c.pick((1 << 47, (1 << 64) - PAGE, (1 << 64) - 1)) if c.odd() else c.length(at)
    return at, length, prot(c)


_REMAPS: Final = ((0, 4), (1, 8), (3, 6), (5, 3), (7, 3))


def make_mremap(c: Chooser) -> tuple[Arg, ...]:
    at, to = c.place(), c.arena()
    old = c.length(at)
    new = c.weighted(((old, 4), (c.length(at), 3), (c.pages() * PAGE, 3)))
    how = c.weighted(_REMAPS)
    if how & 4 and c.chance(0.8):
        new = old
    if c.chance(0.05):
        old = 0
    if c.odd():
        how = c.number(0, 15)
    if c.odd():
        new = c.pick((0, 1, 1 << 47, (1 << 64) - 1, 1 if c.lockall or c.locked else 1 << 45))
    if how & 2 and new > 1 << 32 and not to.kind:
        to = Place("a", 0, 0)  # from the lowest addresses on it would replace the executor
    if not how & 2:
        to = to if how & 4 and c.chance(0.5) else Place("", 0, 0)
    return at, old, new, how, to


_ADVICE: Final = (
    (A["MADV_DONTNEED"], 20),
    (A["MADV_FREE"], 4),
    (A["MADV_POPULATE_READ"], 8),
    (A["MADV_POPULATE_WRITE"], 10),
    (A["MADV_NORMAL"], 4),
    (A["MADV_RANDOM"], 4),
    (A["MADV_SEQUENTIAL"], 4),
    (A["MADV_WILLNEED"], 2),
    (A["MADV_DONTFORK"], 5),
    (A["MADV_DOFORK"], 5),
    (A["MADV_MERGEABLE"], 2),
    (A["MADV_UNMERGEABLE"], 2),
    (A["MADV_HUGEPAGE"], 3),
    (A["MADV_NOHUGEPAGE"], 3),
    (A["MADV_DONTDUMP"], 4),
    (A["MADV_DODUMP"], 4),
    (A["MADV_WIPEONFORK"], 5),
    (A["MADV_KEEPONFORK"], 5),
    (A["MADV_COLD"], 2),
    (A["MADV_PAGEOUT"], 8),
    (A["MADV_COLLAPSE"], 2),
    (A["MADV_REMOVE"], 3),
    (A["MADV_DONTNEED_LOCKED"], 3),
    (A["MADV_GUARD_INSTALL"], 8),
    (A["MADV_GUARD_REMOVE"], 6),
)


def advice(c: Chooser) -> int:
    """An advice that this program may give."""
    if c.odd():
        return c.pick((5, 7, 26, 99, 100, 101, 0xDEAD, -1 & 0xFFFFFFFF))
    what = A["MADV_HUGEPAGE"] if c.thp and c.chance(0.15) else c.weighted(_ADVICE)
    if what in (A["MADV_GUARD_INSTALL"], A["MADV_COLLAPSE"]) and not c.style.guards:
        return A["MADV_DONTNEED"]
    return A["MADV_COLD"] if what == (A["MADV_FREE"] if c.pageout else A["MADV_PAGEOUT"]) else what


def make_madvise(c: Chooser) -> tuple[Arg, ...]:
    at = c.place()
    length = c.length(at)
    if c.odd() and at.kind:  # from 0 on that would be the executor's memory too
        length = c.pick(((1 << 64) - PAGE, (1 << 64) - 1))
    return at, length, advice(c)


def make_process_madvise(c: Chooser) -> tuple[Arg, ...]:
    at, other = c.place(), c.place()
    count = c.weighted(((2, 6), (1, 3), (0, 1)))
    return at, c.length(at), other, c.length(other), advice(c), count


def record_process_madvise(to: Target, args: Sequence[Value]) -> bytes:
    *ranges, what, count = integers(args)
    return packed(Code.PROCESS_MADVISE, to.mm, what, *ranges[: 2 * count], flags=count)


def make_name(c: Chooser) -> tuple[Arg, ...]:
    at = c.place()
    name = c.pick((b"heap", b"arena:0", b"a$b", b"x[1]", b"")) if c.odd() else b"arena"
    return PR_SET_VMA, int(c.odd()), at, c.length(at), name


def real_name(args: Sequence[Value]) -> RealCall:
    option, attribute, at, length, name = args
    assert isinstance(name, bytes)
    plain = tuple(integers((option, attribute, at, length)))
    return RealCall(CODE_SYSCALL, 157, (*plain, 0), 5, name + b"\0")


def record_name(to: Target, args: Sequence[Value]) -> bytes:
    _, attribute, at, length, name = args
    assert isinstance(name, bytes)
    if attribute:
        # no such attribute: EINVAL, as of an odd address
        return packed(Code.MADVISE, to.mm, 1, 0, 0)
    start, size = integers((at, length))
    return pack.set_vma_name(to.mm, start, size, name)


def make_thp_disable(c: Chooser) -> tuple[Arg, ...]:
    """In a program that has huge pages: whether, or but where MADV_HUGEPAGE advised."""
    if not c.thp:
        off, how = c.pick(((1, 0), (1, 1), (1, 3), (0, 2)))
    else:
        off, how = c.pick(((0, 0), (0, 0), (1, 2), (0, 1)))
    return PR_SET_THP_DISABLE, off, how, 0, 0


def make_mlock(c: Chooser) -> tuple[Arg, ...]:
    at, length = make_range(c)
    return at, 0 if c.deep else length, c.pick((2, 3)) if c.odd() else c.number(0, 1)


def make_mlockall(c: Chooser) -> tuple[Arg, ...]:
    if not c.lockall or c.odd():
        return (c.pick((0, 4, 8, 9)),)
    return (c.pick((1, 2, 3, 5, 6, 7)),)


def make_msync(c: Chooser) -> tuple[Arg, ...]:
    return *make_range(c), c.number(0, 9) if c.odd() else c.pick((1, 2, 4, 6))


def make_mseal(c: Chooser) -> tuple[Arg, ...]:
    """Of a few pages: what is sealed stays as it is until the program ends."""
    at = c.place()
    return at, c.number(0, 2) * PAGE, int(c.odd())


def make_remap_file_pages(c: Chooser) -> tuple[Arg, ...]:
    how = c.pick((0, 0, M["MAP_NONBLOCK"]))
    return *make_range(c), int(c.odd()), c.number(0, 8), how


KEYS: Final = ((1, 8), (2, 8), (3, 4), (4, 2), (5, 1))
"""Those that a program has, mostly: few, so that calls name the same."""
ALL_KEYS: Final = 0xFFFF_FFFF
KEY0: Final = 3
"""The bits of key 0 in PKRU."""


def make_pkey_mprotect(c: Chooser) -> tuple[Arg, ...]:
    if not c.style.keys or c.odd():
        return *make_mprotect(c), c.pick((0, 1, 16)) if c.odd() else -1
    return *make_mprotect(c), c.weighted((*KEYS, (0, 4), (-1, 3)))


def make_pkey_alloc(c: Chooser) -> tuple[Arg, ...]:
    if c.odd():
        return c.pick(((1, 0), (0, 4), (0, U64), (U64, 0)))
    return 0, c.weighted(((0, 6), (1, 2), (2, 3), (3, 1)))


def make_pkey_free(c: Chooser) -> tuple[Arg, ...]:
    return (c.pick((0, 15, 16, -1)) if c.odd() else c.weighted(KEYS),)


def make_wrpkru(c: Chooser) -> tuple[Arg, ...]:
    """What a new program has, with the rights of some keys changed; seldom all of it by chance, and
    seldom that key 0 is denied."""
    rights = c.number(0, ALL_KEYS)
    pkru = c.weighted(((PKRU_START, 6), (0, 4), (rights, 1)))
    for _ in range(c.number(0, 3)):
        key = c.weighted(KEYS)
        pkru = pkru & ~(3 << 2 * key) | c.number(0, 3) << 2 * key
    key0 = c.number(1, 3) if c.chance(0.2) else 0
    return (pkru & ~KEY0 | key0,)


_LIMITS: Final = {
    9: (3072, 6144, 1 << 20),
    2: (64, 512, 1 << 20),
    3: (8, 64, 2048),
    8: (0, 8, 64, 2048),
}
"""Pages for RLIMIT_AS, RLIMIT_DATA, RLIMIT_STACK and RLIMIT_MEMLOCK."""


def make_setrlimit(c: Chooser) -> tuple[Arg, ...]:
    """Hard limits stay: the process could not raise them again."""
    number = c.pick(tuple(_LIMITS))
    soft = hard_limit(number) if c.chance(0.5) else c.pick(_LIMITS[number]) * PAGE
    if number == resource.RLIMIT_STACK and (c.lockall or c.locked):
        soft = min(soft, _LIMITS[number][-1] * PAGE)
    elif number == resource.RLIMIT_STACK:
        c.deep |= soft > _LIMITS[number][-1] * PAGE
    return number, soft


def real_setrlimit(args: Sequence[Value]) -> RealCall:
    number, soft = integers(args)
    new = struct.pack("<QQ", soft, hard_limit(number))
    return RealCall(CODE_SYSCALL, 302, (0, number, 0, 0), 3, new)


def record_setrlimit(to: Target, args: Sequence[Value]) -> bytes:
    number, soft = integers(args)
    return packed(Code.SETRLIMIT, to.mm, number, soft, hard_limit(number))


def make_capset(c: Chooser) -> tuple[Arg, ...]:
    return (c.weighted(((7, 3), (0, 3), (1, 2), (2, 1), (4, 1), (6, 2))),)


def make_mdwe(c: Chooser) -> tuple[Arg, ...]:
    if c.odd():
        return (c.pick((2, 4, 5, 1 << 32 | 1, U64)),)
    return (c.weighted(((1, 5), (3, 3), (0, 2))),)


def real_mdwe(args: Sequence[Value]) -> RealCall:
    return RealCall(CODE_SYSCALL, 157, (PR_SET_MDWE, *integers(args), 0, 0, 0))


def make_add_seals(c: Chooser) -> tuple[Arg, ...]:
    """Mostly one seal. F_SEAL_SEAL is rare: after it the file takes no other."""
    if c.odd():
        return _whole_file(c), c.pick((0, 0x40, 0x80000001, 0x1F, 0x3F, 1 << 32 | 8))
    seals = c.weighted(((8, 5), (16, 4), (2, 2), (4, 2), (6, 1), (32, 2), (24, 1), (1, 1)))
    return _whole_file(c), seals


def record_thp_disable(to: Target, args: Sequence[Value]) -> bytes:
    return packed(Code.THP_DISABLE, to.mm, *integers(args)[1:3])


ON_DISK_PAGES: Final = 16


def _whole_file(c: Chooser) -> int:
    """A file by its descriptor for reading and writing."""
    return c.number(0, FILES - (2 if c.pageout else 1))


def _part_of_page(c: Chooser, file: int) -> int:
    """Bytes, or 0. Of a file on disk it depends on the file system whether the page in which a cut
    ends is in the page cache then (ext4: it is, and not up to date, so nothing reads it ahead)."""
    return c.number(1, PAGE - 1) if c.chance(0.2) and file != ON_DISK else 0


def make_ftruncate(c: Chooser) -> tuple[Arg, ...]:
    """A file on disk has no page that is read without the first one, whatever the machine's
    read_ahead_kb is, if it is 128 or more."""
    file = _whole_file(c)
    size = c.number(0, ON_DISK_PAGES if file == ON_DISK else 24) * PAGE + _part_of_page(c, file)
    return file, c.pick((U64, 1 << 63, 1 << (63 if file == ON_DISK else 40))) if c.odd() else size


def make_fallocate(c: Chooser) -> tuple[Arg, ...]:
    """Mostly holes. Not FALLOC_FL_KEEP_SIZE alone: pages beyond the end are left out."""
    file, mode = _whole_file(c), c.weighted(((3, 6), (0, 3)))
    last = ON_DISK_PAGES - 8 if file == ON_DISK else 20
    at, length = c.number(0, last) * PAGE, c.number(1, 8) * PAGE
    part = _part_of_page(c, file)
    if part:
        at, length = at + part, length - c.number(1, PAGE - 1)
    if c.odd():
        # Of a file on disk only the modes that files in memory have.
        mode = c.pick((2, 8, 0x10, 0x20, 0x40, 0x80, 0x13)) if file != ON_DISK else 2
    elif c.odd():
        at, length = c.pick(((U64, PAGE), (0, 0), (PAGE, U64), (1 << 62, 1 << 62)))
    elif mode & 2 and c.odd():
        length = 1 << 40
    return file, mode, at, length


def make_mincore(c: Chooser) -> tuple[Arg, ...]:
    at = c.place()
    return at, min(c.length(at), MINCORE_PAGES * PAGE)


def make_brk(c: Chooser) -> tuple[Arg, ...]:
    offset = c.number(0, 16) * PAGE + (c.number(0, PAGE - 1) if c.chance(0.2) else 0)
    return (Place("brk", 0, -PAGE if c.odd() else offset),)


def touched(c: Chooser) -> Place:
    at = c.place()
    aligned = at.offset // PAGE * PAGE
    if at.kind == "a" and c.chance(0.5):
        aligned += c.number(0, 6) * PAGE
    return Place(at.kind, at.number, aligned)


def make_touch(c: Chooser) -> tuple[Arg, ...]:
    return (touched(c),)


def make_write(c: Chooser) -> tuple[Arg, ...]:
    return touched(c), c.uid << 8 | RETURN_BYTE


def make_fork(c: Chooser) -> tuple[Arg, ...]:
    return (c.free_process(),)
