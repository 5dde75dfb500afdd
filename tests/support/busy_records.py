# SPDX-License-Identifier: Apache-2.0
"""Random operations on a small arena, packed as a block."""

import random
from collections.abc import Callable, Mapping, Sequence

from vmalab.ops import RESULT, Op, record

PAGE, ARENA, PAGES = 4096, 0x2000_0000_0000, 256
RW, READ, FIXED_ANON = 3, 1, 0x32


def random_record(rng: random.Random, mm: int) -> bytes:
    addr = ARENA + rng.randrange(PAGES) * PAGE
    length = rng.randrange(1, 17) * PAGE
    kind = rng.randrange(100)
    if kind < 40:
        write = rng.randrange(2)
        return record(Op.FAULT, mm, addr, rng.getrandbits(64), flags=5 if write else 0)
    if kind < 60:
        prot = rng.choice((RW, RW, READ))
        return record(Op.MMAP, mm, addr, length, prot | FIXED_ANON << 32, 0, 0)
    if kind < 72:
        return record(Op.MUNMAP, mm, addr, length)
    if kind < 82:
        return record(Op.MPROTECT, mm, addr, length, rng.choice((RW, READ, 0)))
    if kind < 92:
        return record(Op.MADVISE, mm, addr, length, rng.choice((4, 10, 11, 22, 23, 102, 103)))
    if kind < 96:
        return record(Op.MREMAP, mm, addr, length, length, 1)
    if kind == 96:
        return record(Op.MLOCK, mm, addr, length, rng.randrange(2))
    if kind == 97:
        return record(Op.MUNLOCK, mm, addr, length)
    return record(Op.UFFD_MOVE, mm, addr, ARENA + rng.randrange(PAGES) * PAGE, PAGE, 0)


def uffd_record(rng: random.Random, mm: int, uffd: int) -> bytes:
    """Something with a userfaultfd: registration, filling, protection."""
    addr = ARENA + rng.randrange(PAGES) * PAGE
    source = ARENA + rng.randrange(PAGES) * PAGE
    length = rng.randrange(1, 9) * PAGE
    kind = rng.randrange(20)
    if kind < 6:
        return record(Op.UFFD_REGISTER, mm, uffd, addr, length, rng.choice((1, 2, 3)))
    if kind < 8:
        return record(Op.UFFD_UNREGISTER, mm, uffd, addr, length)
    if kind < 14:
        return record(
            Op.UFFD_FILL, mm, uffd, addr, source, length, rng.choice((0, 2)), flags=kind == 8
        )
    if kind < 18:
        return record(Op.UFFD_PROTECT, mm, uffd, addr, length, rng.randrange(2))
    return record(Op.UFFD_MOVE, mm, addr, source, length, 2, uffd)


def open_uffd(run: Callable[[bytes], bytes], mm: int) -> int:
    """A userfaultfd of an address space, with its handshake. When there are as many as there can
    be, those that dead processes left are closed: their numbers are small."""
    for _ in range(2):
        status, _, uffd = RESULT.unpack(run(record(Op.UFFD_OPEN, mm, 0)))
        if status == 0:
            run(record(Op.UFFD_API, mm, uffd, 0xAA, 1 << 13))
            return int(uffd)
        handles = [serial << 8 | slot for slot in range(1, 17) for serial in range(1, 40)]
        run(b"".join(record(Op.UFFD_CLOSE, mm, handle) for handle in handles))
    return 0


def random_block(
    rng: random.Random, mms: Sequence[int], operations: int, uffds: Mapping[int, int] | None = None
) -> bytes:
    """uffds: of each address space; then one operation of four is about it."""
    records = []
    for _ in range(operations):
        mm = rng.choice(mms)
        if uffds and mm in uffds and rng.randrange(4) == 0:
            records.append(uffd_record(rng, mm, uffds[mm]))
        else:
            records.append(random_record(rng, mm))
    return b"".join(records)
