# SPDX-License-Identifier: Apache-2.0
"""How an operation is encoded for both sides: what the executor does, and the record of a block."""

from __future__ import annotations

import resource
import struct
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from vmalab_client.block import HEADER_WORDS
from vmalab_diff.chooser import Chooser
from vmalab_diff.program import PAGE, Arg, Param

Answer = Literal["zero", "address", "value", "word", "touch", "mask", "break", "filled", "none"]
Value = int | bytes
"""An argument after its address was found."""

U64: Final = (1 << 64) - 1
CODE_SYSCALL, CODE_READ, CODE_WRITE, CODE_EXEC = 0, 1, 2, 3
CODE_FORK, CODE_EXIT, CODE_TEXT, CODE_MINCORE = 4, 5, 6, 7
CODE_ADVISE, CODE_PLAIN = 8, 9
FAULT, MMAP, MUNMAP, MPROTECT, MREMAP, MADVISE, MINCORE, BRK, FORK, EXIT = range(1, 11)
NOP, SET_VMA_NAME = 0, 12
MLOCK, MUNLOCK, MLOCKALL, MUNLOCKALL, MSYNC, MSEAL, REMAP_FILE_PAGES = range(14, 21)
PROCESS_MADVISE, PKEY_MPROTECT, SETRLIMIT, THP_DISABLE = 21, 22, 23, 24
FILE_TRUNCATE, FILE_ALLOCATE = 30, 31
PR_SET_THP_DISABLE, PR_SET_VMA = 41, 0x53564D41
READ, WRITE, EXEC, STORE = 0, 1, 2, 4
RETURN_BYTE: Final = 0xC3
"""Low byte of every word that is written: the instruction that an exec touch may then meet."""


ADDR: Final = Param("addr", "place")
LENGTH: Final = Param("length", "bytes", least=PAGE)


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
    files: Sequence[tuple[int, int]]
    """The id of each, and how it was opened."""
    uffds: Sequence[int] = (0, 0)


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


def packed(op: int, mm: int, *words: int, flags: int = 0, how: int = 0) -> bytes:
    """One record of a block."""
    operands = [word & U64 for word in words]
    return struct.pack(
        f"<BBHIQ{len(words)}Q", op, HEADER_WORDS + len(words), flags, how, mm, *operands
    )


def of_words(op: int) -> Callable[[Target, Sequence[Value]], bytes]:
    """A record whose operands are the arguments in order."""
    return lambda to, args: packed(op, to.mm, *[arg for arg in args if isinstance(arg, int)])


def integers(args: Sequence[Value]) -> list[int]:
    return [arg for arg in args if isinstance(arg, int)]


FILE_FD: Final = 10
"""Descriptor of the first file in the executor."""


def real_mmap(args: Sequence[Value]) -> RealCall:
    numbers = [arg for arg in args if isinstance(arg, int)]
    if numbers[4] >= 0:
        numbers[4] += FILE_FD
    return RealCall(CODE_SYSCALL, 9, tuple(numbers))


def record_mmap(to: Target, args: Sequence[Value]) -> bytes:
    addr, length, prot, how, file, offset = (arg for arg in args if isinstance(arg, int))
    number, mode = to.files[file] if 0 <= file < len(to.files) else (0, 0)
    prot_flags = (prot & 0xFFFFFFFF) | (how & 0xFFFFFFFF) << 32
    return packed(MMAP, to.mm, addr, length, prot_flags, number, offset, how=mode)


def real_file_call(nr: int) -> Callable[[Sequence[Value]], RealCall]:
    """The first argument is a file."""

    def real(args: Sequence[Value]) -> RealCall:
        file, *rest = integers(args)
        return RealCall(CODE_SYSCALL, nr, (file + FILE_FD, *rest))

    return real


def record_file_call(op: int) -> Callable[[Target, Sequence[Value]], bytes]:
    def record(to: Target, args: Sequence[Value]) -> bytes:
        file, *rest = integers(args)
        return packed(op, to.mm, to.files[file][0], *rest)

    return record


def touch(access: int) -> Callable[[Target, Sequence[Value]], bytes]:
    def record(to: Target, args: Sequence[Value]) -> bytes:
        word = args[1] if len(args) > 1 else 0
        assert isinstance(args[0], int)
        assert isinstance(word, int)
        return packed(FAULT, to.mm, args[0], word, flags=access)

    return record


def hard_limit(number: int) -> int:
    """Of this process, whose limits the executor has."""
    return resource.getrlimit(number)[1] & U64


def weights(**by_profile: int) -> Mapping[str, int]:
    """How often each profile takes an operation."""
    return by_profile
