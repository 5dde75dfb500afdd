# SPDX-License-Identifier: Apache-2.0
"""One address space of the core under test, called operation by operation (no server)."""

import errno
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypedDict, Unpack
from uuid import uuid4

from vmalab.ops import RESULT, Op, record
from vmalab_native.core import Participant, Segment, SegmentConfig

PAGE = 4096
NONE, READ, WRITE, EXEC = 0, 1, 2, 4
RW = READ | WRITE
SHARED, PRIVATE, FIXED, ANONYMOUS, POPULATE = 0x01, 0x02, 0x10, 0x20, 0x8000
NORESERVE, FIXED_NOREPLACE = 0x4000, 0x100000
ANON = PRIVATE | ANONYMOUS
ARENA = 0x2000_0000_0000


@dataclass(frozen=True)
class Answer:
    """status, info and value of one result record."""

    status: int
    info: int
    value: int


class Space:
    """An mm; each method packs one record, runs it and unpacks the result."""

    def __init__(self, participant: Participant, mm: int) -> None:
        self.participant = participant
        self.mm = mm

    @property
    def model(self) -> str:
        """The lock model of the segment."""
        return self.participant.segment.config.model

    def wait_for_frees(self) -> None:
        """Until what was freed and waits for a grace period is back in its slab."""
        while self.participant.vmstat()["rcu_freed"] < self.participant.vmstat()["rcu_retired"]:
            self.participant.synchronize_rcu()
            self.call(Op.NOP)

    def call(self, op: int, *args: int, flags: int = 0, how: int = 0, tail: bytes = b"") -> Answer:
        words = (*args, *struct.unpack(f"<{len(tail) // 8}Q", tail))
        block = record(op, self.mm, *words, flags=flags, how=how)
        return Answer(*RESULT.unpack(self.participant.run(block)))

    def mmap(
        self,
        addr: int,
        pages: int,
        prot: int = RW,
        flags: int = ANON | FIXED,
        *,
        file: int = 0,
        offset: int = 0,
    ) -> Answer:
        return self.call(Op.MMAP, addr, pages * PAGE, prot | flags << 32, file, offset)

    def munmap(self, addr: int, pages: int) -> Answer:
        return self.call(Op.MUNMAP, addr, pages * PAGE)

    def mprotect(self, addr: int, pages: int, prot: int) -> Answer:
        return self.call(Op.MPROTECT, addr, pages * PAGE, prot)

    def mremap(self, addr: int, old: int, new: int, flags: int = 0, to: int = 0) -> Answer:
        return self.call(Op.MREMAP, addr, old * PAGE, new * PAGE, flags, to)

    def madvise(self, addr: int, pages: int, advice: int) -> Answer:
        return self.call(Op.MADVISE, addr, pages * PAGE, advice)

    def mincore(self, addr: int, pages: int) -> Answer:
        return self.call(Op.MINCORE, addr, pages * PAGE)

    def brk(self, addr: int) -> Answer:
        return self.call(Op.BRK, addr)

    def fork_answer(self) -> Answer:
        return self.call(Op.FORK)

    def fork(self) -> "Space":
        answer = self.fork_answer()
        assert answer.status == 0, answer
        return Space(self.participant, answer.value)

    def exit(self) -> Answer:
        return self.call(Op.EXIT)

    def uffd_move(self, dst: int, src: int, pages: int, mode: int = 0) -> Answer:
        return self.call(Op.UFFD_MOVE, dst, src, pages * PAGE, mode)

    def name(self, addr: int, pages: int, name: bytes) -> Answer:
        padded = name + bytes(-len(name) % 8)
        return self.call(Op.SET_VMA_NAME, addr, pages * PAGE, flags=len(name), tail=padded)

    def read(self, addr: int) -> Answer:
        return self.call(Op.FAULT, addr, 0, flags=0)

    def write(self, addr: int, word: int) -> Answer:
        return self.call(Op.FAULT, addr, word, flags=1 | 4)

    def execute(self, addr: int) -> Answer:
        return self.call(Op.FAULT, addr, 0, flags=2)

    def areas(self) -> list[str]:
        """`START-END PERMS` of each VMA, in pages from the arena when it lies there."""
        lines = []
        for line in self.participant.maps(self.mm).splitlines():
            span, perms = line.split()[:2]
            start, end = (int(part, 16) for part in span.split("-"))
            if start >= ARENA and end <= ARENA + (1 << 32):
                span = f"{(start - ARENA) // PAGE}-{(end - ARENA) // PAGE}"
            lines.append(f"{span} {perms}")
        return lines


class Config(TypedDict, total=False):
    """Fields of SegmentConfig that a test may choose."""

    size_bytes: int
    mms_max: int
    participants_max: int
    frames_max: int
    files_max: int
    vmas_per_mm_max: int
    pkeys: bool
    overcommit: int
    commit_limit_pages: int
    events: bool
    sample_faults: int
    model: str
    layout: str


@contextmanager
def space(**config: Unpack[Config]) -> Iterator[Space]:
    """A segment of its own with one empty mm; at the end every invariant is walked."""
    instance = f"t-{uuid4().hex[:10]}"
    chosen: Config = {"size_bytes": 64 << 20, "frames_max": 1 << 16, "participants_max": 16}
    chosen.update(config)
    with Segment.create(instance, SegmentConfig(**chosen)) as segment:
        try:
            with segment.participant("client") as participant:
                mm = participant.mm_create()
                yield Space(participant, mm)
                complaints = participant.fsck()
                assert complaints == [], complaints
        finally:
            segment.unlink()


def failed(answer: Answer, code: int) -> bool:
    return answer.status == -code


ENOMEM, EINVAL, EEXIST, EACCES = errno.ENOMEM, errno.EINVAL, errno.EEXIST, errno.EACCES
