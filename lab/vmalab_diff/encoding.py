# SPDX-License-Identifier: Apache-2.0
"""How an operation is encoded for both sides: what the executor does, and the record of a block.

Numbers and lengths of records are those of the table of operations (vmalab.ops).
"""

from __future__ import annotations

import resource
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from vmalab import pack
from vmalab.ops import U64_MASK, record
from vmalab.ops import Op as Code
from vmalab.uapi import FAULT_FLAG
from vmalab_diff.chooser import Chooser
from vmalab_diff.program import PAGE, Arg, Param

Answer = Literal["zero", "address", "value", "word", "touch", "mask", "break", "filled", "none"]
Value = int | bytes
"""An argument after its address was found."""

U64: Final = U64_MASK
packed: Final = record
CODE_SYSCALL, CODE_READ, CODE_WRITE, CODE_EXEC = 0, 1, 2, 3
CODE_FORK, CODE_EXIT, CODE_TEXT, CODE_MINCORE = 4, 5, 6, 7
CODE_ADVISE, CODE_CAPS = 8, 9
CODE_PKRU = 11
PR_SET_THP_DISABLE, PR_SET_MDWE, PR_SET_VMA = 41, 65, 0x53564D41
F_ADD_SEALS: Final = 1033
STORE: Final = FAULT_FLAG["FAULT_STORE"]
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
    packs: Code
    answer: Answer
    record: Callable[[Target, Sequence[Value]], bytes] | None = None
    known: str = ""
    skip: Callable[[Sequence[Value]], str] = lambda args: ""

    def packed(self, to: Target, args: Sequence[Value]) -> bytes:
        """The record of a block."""
        if self.record is not None:
            return self.record(to, args)
        return packed(self.packs, to.mm, *integers(args))


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


def pkru_call(nr: int) -> Callable[[Sequence[Value]], RealCall]:
    """The executor writes the program's PKRU (0), or says what it is (1)."""
    return lambda args: RealCall(CODE_PKRU, nr, tuple(arg for arg in args if isinstance(arg, int)))


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
    prot, how = prot & 0xFFFFFFFF, how & 0xFFFFFFFF
    return pack.mmap(to.mm, addr, length, prot, how, number, offset, mode)


def real_file_call(nr: int, *before: int) -> Callable[[Sequence[Value]], RealCall]:
    """The first argument is a file; `before` stands before the others."""

    def real(args: Sequence[Value]) -> RealCall:
        file, *rest = integers(args)
        return RealCall(CODE_SYSCALL, nr, (file + FILE_FD, *before, *rest))

    return real


def record_file_call(op: Code) -> Callable[[Target, Sequence[Value]], bytes]:
    def record(to: Target, args: Sequence[Value]) -> bytes:
        file, *rest = integers(args)
        return packed(op, to.mm, to.files[file][0], *rest)

    return record


def touch(access: int) -> Callable[[Target, Sequence[Value]], bytes]:
    def record(to: Target, args: Sequence[Value]) -> bytes:
        word = args[1] if len(args) > 1 else 0
        assert isinstance(args[0], int)
        assert isinstance(word, int)
        return packed(Code.FAULT, to.mm, args[0], word, flags=access)

    return record


def hard_limit(number: int) -> int:
    """Of this process, whose limits the executor has."""
    return resource.getrlimit(number)[1] & U64


def weights(**by_profile: int) -> Mapping[str, int]:
    """How often each profile takes an operation."""
    return by_profile
