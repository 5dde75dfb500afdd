# SPDX-License-Identifier: Apache-2.0
"""What each thread has in PKRU, as far as the calls of a trace show it.

A new program begins with the rights of key 0 alone, a new thread with what its maker has.
pkey_alloc gives its caller the rights that it names, and who makes memory that is executed alone
loses the access to it. A signal's handler begins with what a new program has. If it ends by a jump,
that stays. After a touch that a key denied it must: to return would be to touch again. What a
thread writes to the register itself is in no trace. The player sees it where a touch, or a call
that touches memory, went another way than it would with these rights (Player._as_caller).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from vmalab.uapi import PKRU_START, Madv, Pkey, Prot
from vmalab_client.block import SEGV_PKUERR
from vmalab_trace import calls
from vmalab_trace.steps import Kind, Program, Step

KEYS: Final = 16
ALL_ALLOWED: Final = 0
KEY0_ALONE: Final = 0xFFFF_FFFC
"""No program does without key 0: its stack has that."""


@dataclass(slots=True)
class _Keys:
    """Of an address space: those that are taken, and the one of memory that is executed alone."""

    taken: int = 1
    executed: int | None = None


def has_own_keys(steps: Sequence[Step]) -> bool:
    """Whether the program was given a key."""
    return any(
        isinstance(step.operation, calls.Plain)
        and step.operation.name == "pkey_alloc"
        and not step.errno
        for step in steps
    )


def decide(step: Step) -> bool:
    """Whether the answer of a call depends on the rights of its thread."""
    match step.operation:
        case calls.Plain(name="mlock" | "mlock2"):
            return True
        case calls.Madvise(advice=what) | calls.ProcessMadvise(advice=what):
            return what in (Madv.POPULATE_READ, Madv.POPULATE_WRITE)
    return False


def follow(program: Program, steps: Sequence[Step]) -> None:
    """Note at each step of a program with keys of its own what its thread has in PKRU then."""
    if not has_own_keys(steps):
        return
    _Follower(program).all(steps)


class _Follower:
    def __init__(self, program: Program) -> None:
        self._spawned = sorted(program.spawned, reverse=True)
        self._makers = {child: maker for _, maker, child in program.spawned}
        self._pkrus: dict[int, int] = {}
        self._keys: dict[int, _Keys] = {}

    def all(self, steps: Sequence[Step]) -> None:
        for step in steps:
            while self._spawned and self._spawned[-1][0] <= step.end_line:
                _, maker, child = self._spawned.pop()
                self._pkrus[child] = self._pkrus.get(maker, PKRU_START)
            if step.tid not in self._pkrus:  # perhaps it was faster than its maker's call
                self._pkrus[step.tid] = self._pkrus.get(self._makers.get(step.tid, 0), PKRU_START)
            step.pkru = self._pkrus[step.tid]
            keys = self._keys.setdefault(step.mm, _Keys())
            if step.kind is Kind.FORK:
                self._keys[step.child] = replace(keys)
            elif step.kind is Kind.EXEC:
                self._pkrus[step.tid] = PKRU_START
            elif step.kind is Kind.CALL and not step.errno:
                self._call(step, keys)
            elif step.kind is Kind.FAULT and step.si_code == SEGV_PKUERR:
                self._pkrus[step.tid] = PKRU_START

    def _call(self, step: Step, keys: _Keys) -> None:
        match step.operation:
            case calls.Plain(name="pkey_alloc", numbers=(_, rights)):
                keys.taken |= 1 << step.value
                self._set(step.tid, step.value, rights)
            case calls.Plain(name="pkey_free", numbers=(key,)):
                keys.taken &= ~(1 << key)
            case (
                calls.Mmap(prot=Prot.EXEC)
                | calls.Mprotect(prot=Prot.EXEC)
                | calls.Plain(name="pkey_mprotect", numbers=(_, _, Prot.EXEC, -1))
            ):
                self._executed_alone(step.tid, keys)

    def _executed_alone(self, tid: int, keys: _Keys) -> None:
        if keys.executed is None:
            free = [key for key in range(KEYS) if not keys.taken >> key & 1]
            if not free:
                return
            keys.executed = free[0]
            keys.taken |= 1 << free[0]
            self._set(tid, free[0], Pkey.DISABLE_ACCESS)
        elif not self._pkrus[tid] >> 2 * keys.executed & Pkey.DISABLE_ACCESS:
            self._set(tid, keys.executed, Pkey.DISABLE_ACCESS)

    def _set(self, tid: int, key: int, rights: int) -> None:
        self._pkrus[tid] = self._pkrus[tid] & ~(3 << 2 * key) | rights << 2 * key
