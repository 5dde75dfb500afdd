# SPDX-License-Identifier: Apache-2.0
"""Random operations on a small arena, packed as a block."""

import random
import struct
from collections.abc import Sequence

PAGE, ARENA, PAGES = 4096, 0x2000_0000_0000, 256
RW, READ, FIXED_ANON = 3, 1, 0x32


def record(op: int, mm: int, *args: int, flags: int = 0) -> bytes:
    return struct.pack("<BBHI", op, 1 + len(args), flags, mm) + struct.pack(f"<{len(args)}Q", *args)


def random_record(rng: random.Random, mm: int) -> bytes:
    addr = ARENA + rng.randrange(PAGES) * PAGE
    length = rng.randrange(1, 17) * PAGE
    kind = rng.randrange(100)
    if kind < 40:
        write = rng.randrange(2)
        return record(1, mm, addr, rng.getrandbits(64), flags=5 if write else 0)
    if kind < 60:
        prot = rng.choice((RW, RW, READ))
        return record(2, mm, addr, length, prot | FIXED_ANON << 32, 0, 0)
    if kind < 72:
        return record(3, mm, addr, length)
    if kind < 82:
        return record(4, mm, addr, length, rng.choice((RW, READ, 0)))
    if kind < 92:
        return record(6, mm, addr, length, rng.choice((4, 10, 11, 22, 23, 102, 103)))
    if kind < 96:
        return record(5, mm, addr, length, length, 1)
    if kind == 96:
        return record(14, mm, addr, length, rng.randrange(2))
    if kind == 97:
        return record(15, mm, addr, length)
    return record(11, mm, addr, ARENA + rng.randrange(PAGES) * PAGE, PAGE, 0)


def random_block(rng: random.Random, mms: Sequence[int], operations: int) -> bytes:
    return b"".join(random_record(rng, rng.choice(mms)) for _ in range(operations))
