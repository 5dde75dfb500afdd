# SPDX-License-Identifier: Apache-2.0
"""A process that attaches to an instance and never stops changing address spaces, until killed.

usage: busy.py INSTANCE SEED SHARED_MM...
Each turn is one block of random operations: maps, unmaps, protects, faults, forks and exits in the
shared mms, and what a userfaultfd does, so that a SIGKILL finds it anywhere in the core.
"""

import random
import struct
import sys
from pathlib import Path

from vmalab_native.core import Segment

sys.path.insert(0, str(Path(__file__).parents[1] / "support"))
from busy_records import open_uffd, random_block, record


def main() -> None:
    instance, seed, shared = sys.argv[1], int(sys.argv[2]), [int(a) for a in sys.argv[3:]]
    rng = random.Random(seed)
    with Segment.attach(instance) as segment, segment.participant("client") as me:
        print("ready", flush=True)
        uffds: dict[int, int] = {}
        while True:
            mm = rng.choice(shared)
            if mm not in uffds:
                uffds[mm] = open_uffd(me.run, mm)
            elif rng.randrange(8) == 0:
                me.run(record(34, mm, uffds.pop(mm)))
            me.run(random_block(rng, shared, 64, uffds))
            if rng.randrange(4) == 0:
                fork = struct.unpack("<iIQ", me.run(record(9, rng.choice(shared))))
                if fork[0] == 0:
                    me.run(random_block(rng, [fork[2]], 16))
                    me.run(record(10, fork[2]))


if __name__ == "__main__":
    main()
