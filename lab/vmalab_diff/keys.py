# SPDX-License-Identifier: Apache-2.0
"""A specification of protection keys: what the calls and the touches of a program answer.

It is written from pkeys(7) and the processor's manual, and shares nothing with the core. Where the
machine has protection keys the kernel is the oracle, and a test compares this model with it. Where
the machine has none, `vmalab diff` lets an instance with keys do the part of each program that the
model knows, and this model judges the answers.

What it knows: private anonymous memory at fixed addresses in the arenas, mprotect and munmap of it,
the three calls about keys, PKRU, touches, and processes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from errno import EINVAL, ENOMEM, ENOSPC
from typing import Final

from vmalab.uapi import PKRU_START, SI_CODE, SIGNAL, Map, Prot
from vmalab_diff.generate import alive
from vmalab_diff.program import PAGE, Op, Place
from vmalab_diff.real import Outcome, RealRun, Step

FIXED: Final = int(Map.PRIVATE | Map.ANONYMOUS | Map.FIXED)
ANY: Final = int(Prot.READ | Prot.WRITE | Prot.EXEC)
COUNT: Final = 16
NO_ACCESS, NO_WRITES = 1, 2
PAGES_MAX: Final = 4096
KEY_CALLS: Final = ("pkey_alloc", "pkey_free", "wrpkru", "rdpkru")
SEGV: Final = SIGNAL["SIGSEGV"]


@dataclass(slots=True)
class Area:
    """One page of private memory."""

    prot: int
    key: int
    word: int = 0


@dataclass(slots=True)
class Process:
    """Of one thread."""

    pages: dict[int, Area] = field(default_factory=dict)
    taken: int = 1
    """Bit k: key k is allocated."""
    executed: int | None = None
    """The key of memory that is executed alone; no call can name it."""
    pkru: int = PKRU_START

    def copy(self) -> Process:
        pages = {at: replace(area) for at, area in self.pages.items()}
        return replace(self, pages=pages)

    # --- keys ---

    def rights(self, key: int) -> int:
        return self.pkru >> 2 * key & 3

    def set_rights(self, key: int, rights: int) -> None:
        self.pkru = self.pkru & ~(3 << 2 * key) | rights << 2 * key

    def free_key(self) -> int | None:
        return next((key for key in range(COUNT) if not self.taken >> key & 1), None)

    def may_name(self, key: int) -> bool:
        return 0 <= key < COUNT and bool(self.taken >> key & 1) and key != self.executed

    def executed_key(self) -> int | None:
        """The key for memory that is executed alone, which its maker can no longer read; None:
        there is none."""
        if self.executed is None:
            key = self.free_key()
            if key is None:
                return None
            self.executed = key
            self.taken |= 1 << key
            self.set_rights(key, NO_ACCESS)
        elif not self.rights(self.executed) & NO_ACCESS:
            self.set_rights(self.executed, NO_ACCESS)
        return self.executed

    def pkey_alloc(self, flags: int, rights: int) -> int:
        if flags or rights & ~3:
            return -EINVAL
        key = self.free_key()
        if key is None:
            return -ENOSPC
        self.taken |= 1 << key
        self.set_rights(key, rights)
        return key

    def pkey_free(self, key: int) -> int:
        if not self.may_name(key):
            return -EINVAL
        self.taken &= ~(1 << key)
        return 0

    # --- memory ---

    def mmap(self, addr: int, length: int, prot: int) -> int:
        key = (self.executed_key() or 0) if prot == Prot.EXEC else 0
        for page in range(addr, addr + length, PAGE):
            self.pages[page] = Area(prot, key)
        return addr

    def munmap(self, addr: int, length: int) -> int:
        for page in range(addr, addr + length, PAGE):
            self.pages.pop(page, None)
        return 0

    def mprotect(self, addr: int, length: int, prot: int, key: int = -1) -> int:
        if not length:
            return 0
        if key != -1 and not self.may_name(key):
            return -EINVAL
        for page in range(addr, addr + length, PAGE):
            area = self.pages.get(page)
            if area is None:
                return -ENOMEM
            area.key = self.key_for(area, prot, key)
            area.prot = prot
        return 0

    def key_for(self, area: Area, prot: int, key: int) -> int:
        """The key that mprotect gives to an area."""
        if key != -1:
            return key
        if prot == Prot.EXEC:
            return self.executed_key() or area.key
        return 0 if area.prot == Prot.EXEC and area.key == self.executed else area.key

    # --- touches ---

    def touch(self, name: str, addr: int, word: int) -> Outcome:
        area = self.pages.get(addr - addr % PAGE)
        if area is None:
            return Outcome(0, SEGV, SI_CODE["SEGV_MAPERR"])
        denied = NO_ACCESS | (NO_WRITES if name == "write" else 0)
        if name != "exec" and self.rights(area.key) & denied:
            return Outcome(0, SEGV, SI_CODE["SEGV_PKUERR"], extra=area.key)
        wanted = {"read": ANY, "write": int(Prot.WRITE), "exec": int(Prot.EXEC)}[name]
        if not area.prot & wanted:
            return Outcome(0, SEGV, SI_CODE["SEGV_ACCERR"])
        if name == "write":
            area.word = word
        return Outcome(area.word if name == "read" else 0)


def _knows(op: Op) -> bool:
    """Whether the model has answers for such an operation."""
    if op.args and isinstance(op.args[0], Place) and op.args[0].kind not in ("a", "@"):
        return False
    match op.name, op.args:
        case "mmap", (Place(), int(length), int(prot), int(how), _, int(offset)):
            plain = not prot & ~ANY and how == FIXED and not offset % PAGE
            return plain and _aligned(op) and 0 < length <= PAGES_MAX * PAGE
        case "munmap", (Place(), int(length)):
            return _aligned(op) and 0 < length <= PAGES_MAX * PAGE
        case "mprotect" | "pkey_mprotect", (Place(), int(length), int(prot), *_):
            return not prot & ~ANY and _aligned(op) and length <= PAGES_MAX * PAGE
    return op.name in (*KEY_CALLS, "read", "write", "exec", "fork", "exit")


def _aligned(op: Op) -> bool:
    return isinstance(op.args[0], Place) and op.args[0].offset % PAGE == 0


def part(program: Sequence[Op]) -> list[Op]:
    """What the model knows of a program; nothing, if that has no protection keys."""
    known = alive([op for op in program if _knows(op)])
    return known if any(op.name in KEY_CALLS for op in known) else []


class Keys:
    """In the place of real.Executor: does a part of a program as the specification says."""

    def run(self, program: Sequence[Op], steps: Sequence[Step]) -> RealRun:
        """Every step an operation that the model knows."""
        run = RealRun("", 0x5555_0000_0000, [], [])
        processes = {0: Process()}
        for step in steps:
            op = program[step.op]
            values = [run.address(a) if isinstance(a, Place) else a for a in op.args]
            numbers = [value for value in values if isinstance(value, int)]
            outcome = _answer(processes, op, numbers)
            run.outcomes.append(outcome)
            if op.name == "mmap":
                run.answers[op.uid] = outcome.value
        return run


def _answer(processes: dict[int, Process], op: Op, args: Sequence[int]) -> Outcome:
    me = processes[op.process]
    match op.name:
        case "read" | "write" | "exec":
            return me.touch(op.name, args[0], args[-1])
        case "fork":
            processes[args[0]] = me.copy()
        case "exit":
            del processes[op.process]
        case "wrpkru":
            me.pkru = args[0]
        case "rdpkru":
            return Outcome(me.pkru)
        case "mmap":
            return Outcome(me.mmap(args[0], _whole(args[1]), args[2]))
        case "munmap":
            return Outcome(me.munmap(args[0], _whole(args[1])))
        case "mprotect" | "pkey_mprotect":
            return Outcome(me.mprotect(args[0], _whole(args[1]), *args[2:]))
        case "pkey_alloc":
            return Outcome(me.pkey_alloc(*args))
        case "pkey_free":
            return Outcome(me.pkey_free(*args))
    return Outcome()


def _whole(length: int) -> int:
    return -(-length // PAGE) * PAGE
