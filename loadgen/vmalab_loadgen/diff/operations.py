# SPDX-License-Identifier: Apache-2.0
"""The table of operations: what a program can be made of.

To add an operation, add one row to TABLE. A row says

- `name` and `params`: what stands in the text of a program, and how arguments are written and
  simplified (program.Param);
- `weights`: how often each profile takes it; a profile that is not named never does. "all" mixes
  the profiles, so it needs no weight of its own;
- `make`: draws the arguments from a Chooser, which prefers addresses where something happened;
- `real`: what the executor does. For a system call that is `system_call(nr)`: the arguments in
  order, a bytes argument as the address of its bytes (32 at most, see executor.c `data`);
- `record`: the record of a block for the same thing (native/include/vmalab/block.h);
- `answer`: what is compared: "zero" (0 or errno), "address" (or errno), "value" (or errno), "word"
  (the word that was read, or signal and si_code), "touch" (signal and si_code), "mask" (errno, or
  the vector of mincore), "break" (what brk answers);
- `known`: the name of the call in C and in strace; "" if it is none;
- `skip`: gives the reason why an answer is not compared, "" if it is. Reasons are counted in the
  result of the run. There is no other way to leave something out.

Addresses that no program may reach because the executor lives there are avoided by Chooser.length
and Chooser.place; a strategy that makes lengths of its own must mind that.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from vmalab_loadgen import flags
from vmalab_loadgen.diff.chooser import MINCORE_PAGES, Chooser
from vmalab_loadgen.diff.program import PAGE, Arg, Op, Param, Place

Answer = Literal["zero", "address", "value", "word", "touch", "mask", "break", "none"]
Value = int | bytes
"""An argument after its address was found."""

U64: Final = (1 << 64) - 1
CODE_SYSCALL, CODE_READ, CODE_WRITE, CODE_EXEC = 0, 1, 2, 3
CODE_FORK, CODE_EXIT, CODE_TEXT, CODE_MINCORE = 4, 5, 6, 7
FAULT, MMAP, MUNMAP, MPROTECT, MREMAP, MADVISE, MINCORE, BRK, FORK, EXIT = range(1, 11)
MLOCK, MUNLOCK, MLOCKALL, MUNLOCKALL, MSYNC, MSEAL, REMAP_FILE_PAGES = range(14, 21)
PKEY_MPROTECT, SETRLIMIT = 22, 23
READ, WRITE, EXEC, STORE = 0, 1, 2, 4
RETURN_BYTE: Final = 0xC3
"""Low byte of every word that is written: the instruction that an exec touch may then meet."""


@dataclass(frozen=True, slots=True)
class RealCall:
    """What the executor does: see struct op of executor.c."""

    code: int
    nr: int
    args: tuple[int, ...]
    ptr_arg: int = 0
    data: bytes = b""


@dataclass(frozen=True, slots=True)
class Target:
    """The emulator's names for what a record needs."""

    mm: int
    files: Sequence[int]


@dataclass(frozen=True, slots=True)
class Operation:
    """One row of the table; the head of this file says what each field is."""

    name: str
    params: tuple[Param, ...]
    weights: Mapping[str, int]
    make: Callable[[Chooser], tuple[Arg, ...]]
    real: Callable[[Sequence[Value]], RealCall]
    record: Callable[[Target, Sequence[Value]], bytes]
    answer: Answer
    known: str = ""
    skip: Callable[[Sequence[Value]], str] = lambda args: ""


# --- encoders ---


def system_call(nr: int) -> Callable[[Sequence[Value]], RealCall]:
    """The executor makes this call with the arguments in order."""

    def real(args: Sequence[Value]) -> RealCall:
        plain = tuple(arg if isinstance(arg, int) else 0 for arg in args)
        for index, arg in enumerate(args):
            if isinstance(arg, bytes):
                return RealCall(CODE_SYSCALL, nr, plain, index + 1, arg)
        return RealCall(CODE_SYSCALL, nr, plain)

    return real


def of_code(code: int) -> Callable[[Sequence[Value]], RealCall]:
    """The executor does what this code of executor.c says."""
    return lambda args: RealCall(code, 0, tuple(arg for arg in args if isinstance(arg, int)))


def packed(op: int, mm: int, *words: int, flags: int = 0) -> bytes:
    """One record of a block."""
    return struct.pack(
        f"<BBHI{len(words)}Q", op, 1 + len(words), flags, mm, *[word & U64 for word in words]
    )


def of_words(op: int) -> Callable[[Target, Sequence[Value]], bytes]:
    """A record whose operands are the arguments in order."""
    return lambda to, args: packed(op, to.mm, *[arg for arg in args if isinstance(arg, int)])


def _integers(args: Sequence[Value]) -> list[int]:
    return [arg for arg in args if isinstance(arg, int)]


FILE_FD: Final = 10
"""Descriptor of the first file in the executor."""


def _real_mmap(args: Sequence[Value]) -> RealCall:
    numbers = [arg for arg in args if isinstance(arg, int)]
    if numbers[4] >= 0:
        numbers[4] += FILE_FD
    return RealCall(CODE_SYSCALL, 9, tuple(numbers))


def _record_mmap(to: Target, args: Sequence[Value]) -> bytes:
    addr, length, prot, how, file, offset = (arg for arg in args if isinstance(arg, int))
    number = to.files[file] if 0 <= file < len(to.files) else 0
    prot_flags = (prot & 0xFFFFFFFF) | (how & 0xFFFFFFFF) << 32
    return packed(MMAP, to.mm, addr, length, prot_flags, number, offset)


def _touch(access: int) -> Callable[[Target, Sequence[Value]], bytes]:
    def record(to: Target, args: Sequence[Value]) -> bytes:
        word = args[1] if len(args) > 1 else 0
        assert isinstance(args[0], int)
        assert isinstance(word, int)
        return packed(FAULT, to.mm, args[0], word, flags=access)

    return record


# --- strategies ---

_PROTS: Final = ((3, 50), (1, 14), (0, 10), (5, 6), (7, 5), (2, 3), (4, 3))
M: Final = flags.MAP
A: Final = flags.MADV


def prot(c: Chooser) -> int:
    if c.odd():
        return c.pick((8, 16, 0x1000003, 0x2000003, 0x80000001, 11))
    return c.weighted(_PROTS)


def _map_flags(c: Chooser, file: int) -> int:
    how = M["MAP_SHARED"] if c.chance(0.3 if file < 0 else 0.5) else M["MAP_PRIVATE"]
    if file < 0:
        how |= M["MAP_ANONYMOUS"]
    if c.chance(0.05):
        how |= M["MAP_NORESERVE"]
    if c.chance(0.08):
        how |= M["MAP_POPULATE"]
    if c.chance(0.03):
        how |= M["MAP_STACK"]
    if c.chance(0.04):
        how |= M["MAP_LOCKED"]
    if c.chance(0.04):
        kinds = ("MAP_DROPPABLE", "MAP_GROWSDOWN") if file < 0 else ("MAP_SHARED_VALIDATE",)
        kind = c.pick(kinds)
        if kind == "MAP_DROPPABLE" and c.pageout:
            kind = "MAP_PRIVATE"
        how = how & ~M["MAP_SHARED_VALIDATE"] | M[kind]
        how |= M["MAP_PRIVATE"] if how & M["MAP_GROWSDOWN"] else 0
    if c.chance(0.02):
        how |= M[c.pick(("MAP_SYNC", "MAP_ABOVE4G", "MAP_DENYWRITE"))]
    if c.odd():
        how ^= c.pick(
            (1, 2, M["MAP_NONBLOCK"], M["MAP_32BIT"], M["MAP_DENYWRITE"], M["MAP_EXECUTABLE"])
        )
    return how


def make_mmap(c: Chooser) -> tuple[Arg, ...]:
    file = c.file() if c.chance(c.style.files) else -1
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
        new = c.pick((0, 1, 1 << 47, (1 << 64) - 1, 1 << 45))
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
    (A["MADV_REMOVE"], 3),
    (A["MADV_DONTNEED_LOCKED"], 3),
    (A["MADV_GUARD_INSTALL"], 8),
    (A["MADV_GUARD_REMOVE"], 6),
)


def make_madvise(c: Chooser) -> tuple[Arg, ...]:
    at = c.place()
    advice = c.pick((5, 7, 26, 99, 0xDEAD, -1 & 0xFFFFFFFF)) if c.odd() else c.weighted(_ADVICE)
    if advice == (A["MADV_FREE"] if c.pageout else A["MADV_PAGEOUT"]):
        advice = A["MADV_COLD"]
    length = c.pick(((1 << 64) - PAGE, (1 << 64) - 1)) if c.odd() else c.length(at)
    return at, length, advice


def make_mlock(c: Chooser) -> tuple[Arg, ...]:
    return *make_range(c), c.pick((2, 3)) if c.odd() else c.number(0, 1)


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


def make_pkey_mprotect(c: Chooser) -> tuple[Arg, ...]:
    return *make_mprotect(c), c.pick((0, 1, 16)) if c.odd() else -1


_LIMITS: Final = {9: (3072, 6144, 1 << 20), 2: (64, 512, 1 << 20), 3: (8, 64, 2048)}
"""Pages for RLIMIT_AS, RLIMIT_DATA and RLIMIT_STACK."""


def make_setrlimit(c: Chooser) -> tuple[Arg, ...]:
    """Hard limits stay: the process could not raise them again."""
    resource = c.pick(tuple(_LIMITS))
    soft = U64 if c.chance(0.5) else c.pick(_LIMITS[resource]) * PAGE
    return resource, soft


def _real_setrlimit(args: Sequence[Value]) -> RealCall:
    resource, soft = (arg for arg in args if isinstance(arg, int))
    return RealCall(CODE_SYSCALL, 302, (0, resource, 0, 0), 3, struct.pack("<QQ", soft, U64))


def make_mincore(c: Chooser) -> tuple[Arg, ...]:
    at = c.place()
    return at, min(c.length(at), MINCORE_PAGES * PAGE)


def make_brk(c: Chooser) -> tuple[Arg, ...]:
    offset = c.number(0, 16) * PAGE + (c.number(0, PAGE - 1) if c.chance(0.2) else 0)
    return (Place("brk", 0, -PAGE if c.odd() else offset),)


def _touched(c: Chooser) -> Place:
    at = c.place()
    aligned = at.offset // PAGE * PAGE
    if at.kind == "a" and c.chance(0.5):
        aligned += c.number(0, 6) * PAGE
    return Place(at.kind, at.number, aligned)


def make_touch(c: Chooser) -> tuple[Arg, ...]:
    return (_touched(c),)


def make_write(c: Chooser) -> tuple[Arg, ...]:
    return _touched(c), c.uid << 8 | RETURN_BYTE


def make_fork(c: Chooser) -> tuple[Arg, ...]:
    return (c.free_process(),)


# --- the table ---

ADDR: Final = Param("addr", "place")
LENGTH: Final = Param("length", "bytes", least=PAGE)
PROT: Final = Param("prot", "flags", flags.PROT, least=3)


def weights(**by_profile: int) -> Mapping[str, int]:
    return by_profile


TABLE: Final[tuple[Operation, ...]] = (
    Operation(
        name="mmap",
        params=(
            ADDR,
            LENGTH,
            PROT,
            Param("flags", "flags", flags.MAP),
            Param("file", "file", least=-1),
            Param("offset", "bytes"),
        ),
        weights=weights(anon=20, file=24, fork=14, mremap=18, limits=24),
        make=make_mmap,
        real=_real_mmap,
        record=_record_mmap,
        answer="address",
        known="mmap",
    ),
    Operation(
        name="munmap",
        params=(ADDR, LENGTH),
        weights=weights(anon=10, file=8, fork=6, mremap=6, limits=12),
        make=make_munmap,
        real=system_call(11),
        record=of_words(MUNMAP),
        answer="zero",
        known="munmap",
    ),
    Operation(
        name="mprotect",
        params=(ADDR, LENGTH, PROT),
        weights=weights(anon=14, file=10, fork=10, mremap=8, limits=12),
        make=make_mprotect,
        real=system_call(10),
        record=of_words(MPROTECT),
        answer="zero",
        known="mprotect",
    ),
    Operation(
        name="mremap",
        params=(
            ADDR,
            Param("old_length", "bytes", least=PAGE),
            Param("new_length", "bytes", least=PAGE),
            Param("flags", "flags", flags.MREMAP),
            Param("new_addr", "place"),
        ),
        weights=weights(anon=6, file=6, fork=6, mremap=30, limits=8),
        make=make_mremap,
        real=system_call(25),
        record=of_words(MREMAP),
        answer="address",
        known="mremap",
    ),
    Operation(
        name="madvise",
        params=(ADDR, LENGTH, Param("advice", "choice", flags.MADV)),
        weights=weights(anon=16, file=12, fork=14, mremap=8, limits=8),
        make=make_madvise,
        real=system_call(28),
        record=of_words(MADVISE),
        answer="zero",
        known="madvise",
    ),
    Operation(
        name="mlock2",
        params=(ADDR, LENGTH, Param("flags", "flags", flags.MLOCK)),
        weights=weights(anon=4, file=3, fork=3, mremap=4, limits=6),
        make=make_mlock,
        real=system_call(325),
        record=of_words(MLOCK),
        answer="zero",
        known="mlock2",
    ),
    Operation(
        name="munlock",
        params=(ADDR, LENGTH),
        weights=weights(anon=4, file=3, fork=3, mremap=4, limits=4),
        make=make_range,
        real=system_call(150),
        record=of_words(MUNLOCK),
        answer="zero",
        known="munlock",
    ),
    Operation(
        name="mlockall",
        params=(Param("flags", "flags", flags.MCL, least=1),),
        weights=weights(anon=1, fork=1, limits=1),
        make=make_mlockall,
        real=system_call(151),
        record=of_words(MLOCKALL),
        answer="zero",
        known="mlockall",
    ),
    Operation(
        name="munlockall",
        params=(),
        weights=weights(anon=2, fork=2, limits=3),
        make=lambda c: (),
        real=system_call(152),
        record=of_words(MUNLOCKALL),
        answer="zero",
        known="munlockall",
    ),
    Operation(
        name="msync",
        params=(ADDR, LENGTH, Param("flags", "flags", flags.MS)),
        weights=weights(anon=2, file=4, fork=1, mremap=1, limits=2),
        make=make_msync,
        real=system_call(26),
        record=of_words(MSYNC),
        answer="zero",
        known="msync",
    ),
    Operation(
        name="mseal",
        params=(ADDR, LENGTH, Param("flags", "number")),
        weights=weights(anon=1, file=1, fork=1, mremap=1, limits=1),
        make=make_mseal,
        real=system_call(462),
        record=of_words(MSEAL),
        answer="zero",
        known="mseal",
    ),
    Operation(
        name="remap_file_pages",
        params=(
            ADDR,
            LENGTH,
            Param("prot", "number"),
            Param("pgoff", "number"),
            Param("flags", "flags", flags.MAP),
        ),
        weights=weights(anon=2, file=4, fork=1, mremap=1, limits=1),
        make=make_remap_file_pages,
        real=system_call(216),
        record=of_words(REMAP_FILE_PAGES),
        answer="zero",
        known="remap_file_pages",
    ),
    Operation(
        name="pkey_mprotect",
        params=(ADDR, LENGTH, PROT, Param("pkey", "number", least=-1)),
        weights=weights(anon=2, file=1, fork=1, mremap=1, limits=2),
        make=make_pkey_mprotect,
        real=system_call(329),
        record=of_words(PKEY_MPROTECT),
        answer="zero",
        known="pkey_mprotect",
    ),
    Operation(
        name="setrlimit",
        params=(Param("resource", "choice", flags.RLIMIT), Param("soft", "bytes", least=U64)),
        weights=weights(limits=5),
        make=make_setrlimit,
        real=_real_setrlimit,
        record=lambda to, args: packed(SETRLIMIT, to.mm, *_integers(args), U64),
        answer="zero",
    ),
    Operation(
        name="mincore",
        params=(ADDR, LENGTH),
        weights=weights(anon=6, file=4, fork=3, mremap=5, limits=3),
        make=make_mincore,
        real=of_code(CODE_MINCORE),
        record=of_words(MINCORE),
        answer="mask",
        known="mincore",
    ),
    Operation(
        name="brk",
        params=(ADDR,),
        weights=weights(anon=4, file=1, fork=2, mremap=3, limits=8),
        make=make_brk,
        real=system_call(12),
        record=of_words(BRK),
        answer="break",
        known="brk",
    ),
    Operation(
        name="read",
        params=(ADDR,),
        weights=weights(anon=10, file=14, fork=14, mremap=10, limits=6),
        make=make_touch,
        real=of_code(CODE_READ),
        record=_touch(READ),
        answer="word",
    ),
    Operation(
        name="write",
        params=(ADDR, Param("word", "word", least=RETURN_BYTE)),
        weights=weights(anon=16, file=16, fork=18, mremap=14, limits=6),
        make=make_write,
        real=of_code(CODE_WRITE),
        record=_touch(WRITE | STORE),
        answer="touch",
    ),
    Operation(
        name="exec",
        params=(ADDR,),
        weights=weights(anon=2, file=3, fork=2, mremap=1, limits=2),
        make=make_touch,
        real=of_code(CODE_EXEC),
        record=_touch(EXEC),
        answer="touch",
    ),
    Operation(
        name="fork",
        params=(Param("child", "process"),),
        weights=weights(anon=1, file=1, fork=6, mremap=2),
        make=make_fork,
        real=of_code(CODE_FORK),
        record=lambda to, args: packed(FORK, to.mm),
        answer="none",
        known="fork",
    ),
    Operation(
        name="exit",
        params=(),
        weights=weights(anon=1, file=1, fork=4, mremap=1),
        make=lambda c: (),
        real=of_code(CODE_EXIT),
        record=of_words(EXIT),
        answer="none",
    ),
)
BY_NAME: Final = {operation.name: operation for operation in TABLE}
PARAMS: Final = {operation.name: operation.params for operation in TABLE}


def noted(c: Chooser, op: Op) -> None:
    """Tell the chooser what an operation did."""
    c.note(op)
    fixed = M["MAP_FIXED"] | M["MAP_FIXED_NOREPLACE"]
    match op.name, op.args:
        case "mmap", (_, int(length), _, int(how), *_) if not how & fixed and length < 1 << 30:
            c.note_result(op.uid, length)
        case "mremap", (_, _, int(length), 1, _) if length < 1 << 30:
            c.note_result(op.uid, length)
