# SPDX-License-Identifier: Apache-2.0
"""What one call executed: counts from its single steps (native/bench/step.c), x86-64.

Each step has the registers that an instruction found. With them an operand in memory has an
address, and who waits for whom can be followed: a value is as deep as the deepest value that it is
computed from, and what is loaded from the segment is one deeper than its address. So the deepest
load is the number of loads that have to wait for each other. A branch makes nothing deeper: the
processor guesses it. What a call stored itself it has at hand when it loads it again.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Final

from vmalab_bench.base import BenchError

if TYPE_CHECKING:
    from capstone import CsInsn
    from capstone.x86 import X86Op

MAGIC: Final = 0x6C6C616370657473
_CALL: Final = struct.Struct("<QQ")
_STEP: Final = struct.Struct("<20Q16s")
_ORDER: Final = (
    *("rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi"),
    *(f"r{number}" for number in range(8, 16)),
    *("rip", "rflags", "fs", "gs"),
)
LINE_BYTES: Final = 64
_NO_ACCESS: Final = ("lea", "nop", "prefetch", "endbr", "ud2")
_PASSED_ON: Final = ("rsp", "rip")
"""What the processor knows before it executes: nothing waits for it."""


@dataclass(frozen=True, slots=True)
class Step:
    """One instruction, and what it found."""

    registers: dict[str, int]
    text: bytes


@dataclass(frozen=True, slots=True)
class Access:
    """One operand in memory."""

    address: int
    size: int
    reads: bool
    writes: bool
    depth: int
    """Of its address."""

    @property
    def lines(self) -> range:
        end = self.address + max(1, self.size) - 1
        return range(self.address // LINE_BYTES, end // LINE_BYTES + 1)


@dataclass(slots=True)
class Counts:
    """Of one call."""

    instructions: int = 0
    locked: int = 0
    loads: int = 0
    """From the segment."""
    stores: int = 0
    """To the segment."""
    dependent: int = 0
    """Loads from the segment that have to wait for each other."""
    in_order: int = 0
    """The same, if loads do not begin before the locked instructions in front of them are done."""
    lines: set[int] = field(default_factory=set)
    """Of the segment: distinct ones, by address / 64."""
    private_lines: set[int] = field(default_factory=set)
    """Of the process's own memory."""


def calls(raw: bytes) -> Iterator[list[Step]]:
    """The steps of each call in what step.c wrote."""
    at = 0
    while at < len(raw):
        magic, count = _CALL.unpack_from(raw, at)
        if magic != MAGIC:
            raise BenchError(f"the steps are not what step.c writes (at byte {at})")
        at += _CALL.size
        steps = []
        for _ in range(count):
            *values, text = _STEP.unpack_from(raw, at)
            steps.append(Step(dict(zip(_ORDER, values, strict=True)), text))
            at += _STEP.size
        yield steps


def counted(steps: Sequence[Step], segment: range) -> Counts:
    """What the call did.

    Args:
        segment: the addresses of the segment in that process.
    """
    free, ordered = _Flow(segment, ordered=False), _Flow(segment, ordered=True)
    for step in steps:
        free.take(step)
        ordered.take(step)
    free.counts.in_order = ordered.counts.dependent
    return free.counts


class _Flow:
    """How deep each register, and each word that was stored, is."""

    def __init__(self, segment: range, *, ordered: bool) -> None:
        self.counts = Counts()
        self._ordered = ordered
        self._least = 0  # no load is less deep
        self._segment = segment
        self._registers: dict[str, int] = {}
        self._stored: dict[int, int] = {}

    def take(self, step: Step) -> None:
        instruction = _decoded(step.text, step.registers["rip"])
        counts = self.counts
        counts.instructions += 1
        counts.locked += instruction.locked
        deep = max((self._depth(name) for name in instruction.sources), default=0)
        accesses = [*instruction.accesses(step, self._depth)]
        for access in accesses:
            inside = access.address in self._segment
            (counts.lines if inside else counts.private_lines).update(access.lines)
            counts.loads += inside and access.reads
            counts.stores += inside and access.writes
            if access.reads:
                deep = max(deep, self._loaded(access, inside))
        for name in instruction.targets:
            self._registers[name] = 0 if instruction.clears else deep
        for access in accesses:
            if access.writes:
                for word in self._words(access):
                    self._stored[word] = deep
        if self._ordered and instruction.locked:
            self._least = counts.dependent

    def _depth(self, name: str) -> int:
        return self._registers.get(name, 0)

    @staticmethod
    def _words(access: Access) -> range:
        return range(access.address // 8, (access.address + max(1, access.size) - 1) // 8 + 1)

    def _loaded(self, access: Access, inside: bool) -> int:
        known = [self._stored.get(word) for word in self._words(access)]
        if None not in known:
            return max(depth for depth in known if depth is not None)
        begun = max(access.depth, self._least)
        if not inside:
            return begun
        self.counts.dependent = max(self.counts.dependent, begun + 1)
        return begun + 1


@dataclass(frozen=True, slots=True)
class _Place:
    """An operand in memory, before its registers are known."""

    base: str
    index: str
    scale: int
    offset: int
    segment: str
    size: int
    reads: bool
    writes: bool


@dataclass(frozen=True, slots=True)
class _Instruction:
    """What an instruction reads and writes, by the names of whole registers."""

    size: int
    locked: bool
    clears: bool
    """Its result does not depend on what it reads (xor of a register with itself)."""
    sources: tuple[str, ...]
    targets: tuple[str, ...]
    places: tuple[_Place, ...]

    def accesses(self, step: Step, depth: _Depth) -> Iterator[Access]:
        found = step.registers
        for place in self.places:
            address = place.offset
            deep = 0
            for name, factor in ((place.base, 1), (place.index, place.scale)):
                if name == "rip":
                    address += found["rip"] + self.size
                elif name:
                    address += found[name] * factor
                    deep = max(deep, depth(name))
            if place.segment:
                address += found[place.segment]
            address &= (1 << 64) - 1
            yield Access(address, place.size, place.reads, place.writes, deep)


if TYPE_CHECKING:
    from collections.abc import Callable

    _Depth = Callable[[str], int]


@cache
def _decoded(text: bytes, address: int) -> _Instruction:
    from capstone import CS_ARCH_X86, CS_MODE_64, Cs

    machine = Cs(CS_ARCH_X86, CS_MODE_64)
    machine.detail = True
    instruction = next(machine.disasm(text, address, 1), None)
    if instruction is None:
        raise BenchError(f"an instruction at {address:#x} is not known: {text.hex()}")
    return _read(instruction)


def _read(found: CsInsn) -> _Instruction:
    from capstone.x86 import X86_OP_MEM, X86_OP_REG

    name = found.mnemonic.split()[-1]
    locked = found.mnemonic.startswith("lock")
    reads, writes = found.regs_access()
    sources = {_whole(found.reg_name(register)) for register in reads}
    targets = {_whole(found.reg_name(register)) for register in writes}
    memory = [operand for operand in found.operands if operand.type == X86_OP_MEM]
    named = [operand for operand in found.operands if operand.type == X86_OP_REG]
    if name.startswith("cmov"):
        sources |= {_whole(found.reg_name(named[0].reg))}
    if name.startswith("cmpxchg"):
        targets |= {"rax", "rflags"}
    exchanged = locked or (name == "xchg" and bool(memory))
    places: list[_Place] = []
    if not name.startswith(_NO_ACCESS):
        places = [_place(found, operand, written=exchanged) for operand in memory]
    if name in ("push", "call"):
        places.append(_Place("rsp", "", 1, -8, "", 8, reads=False, writes=True))
    elif name in ("pop", "ret", "leave"):
        base = "rbp" if name == "leave" else "rsp"
        places.append(_Place(base, "", 1, 0, "", 8, reads=True, writes=False))
    same = len(named) == 2 and not memory and named[0].reg == named[1].reg
    # What an address is made of is no part of the value: the address has a depth of its own.
    if places and name.startswith(("mov", "push", "pop")):
        sources -= {part for place in places for part in (place.base, place.index)} - {
            _whole(found.reg_name(operand.reg)) for operand in named if operand.access & 1
        }
    return _Instruction(
        size=found.size,
        locked=exchanged,
        clears=same and name in ("xor", "sub", "pxor", "xorps", "pcmpeqd"),
        sources=tuple(sources - {*_PASSED_ON, ""}),
        targets=tuple(targets - {*_PASSED_ON, ""}),
        places=tuple(places),
    )


def _place(found: CsInsn, operand: X86Op, *, written: bool) -> _Place:
    part = operand.mem
    return _Place(
        base=_whole(found.reg_name(part.base) or ""),
        index=_whole(found.reg_name(part.index) or ""),
        scale=part.scale,
        offset=part.disp,
        segment=found.reg_name(part.segment) or "",
        size=operand.size,
        reads=bool(operand.access & 1) or written or not operand.access,
        writes=bool(operand.access & 2) or written,
    )


@cache
def _whole(name: str) -> str:
    """The register that a part of it belongs to: eax, ax, al, ah are rax."""
    if name.startswith(("xmm", "ymm", "zmm")):
        return "v" + name.lstrip("xyzm")
    if name in ("eflags", "flags"):
        return "rflags"
    if name.startswith("r") and name[1:].rstrip("dwb").isdigit():
        return name.rstrip("dwb")
    letters = name.removeprefix("r").removeprefix("e")
    for whole in _ORDER[:8]:
        core = whole[1:]
        halves = (core[0] + "l", core[0] + "h") if core[1] == "x" else ()
        if letters in (core, f"{core}l", *halves):
            return whole
    return name
