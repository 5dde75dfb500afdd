# SPDX-License-Identifier: Apache-2.0
"""A process that attaches to an instance, makes an address space, and does one thing until killed.

usage: victim.py INSTANCE waits|faults|changes
waits: holds a library lock for reading, outside the core. faults: reads present pages. changes:
maps and unmaps.
"""

import mmap
import signal
import sys

from vmalab import pack
from vmalab_native.core import Segment

AREA = 0x2000_0000_0000
FLAGS = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | 0x10 | 0x8000  # fixed, populated
BYTES = 1 << 21


def main() -> None:
    instance, what = sys.argv[1:]
    with Segment.attach(instance) as segment, segment.participant("client") as me:
        me.account("victim")
        mm = me.mm_create()
        there = pack.mmap(mm, AREA, BYTES, 3, FLAGS, 0, 0, 0)
        me.run(there + pack.munmap(mm, AREA, BYTES) + there)
        me.run(pack.madvise(mm, AREA + BYTES - 4096, 4096, mmap.MADV_DONTNEED))  # a stock of one
        me.user_down(0, place=0, write=False, timeout_ns=1 << 62)
        if what == "waits":
            print("ready", flush=True)
            signal.pause()
        me.user_up(0, place=0, write=False)
        block = pack.fault(mm, AREA, None, 1) * 20000
        if what == "changes":
            block = (pack.munmap(mm, AREA, BYTES) + there) * 20
        me.run(block)
        print("ready", flush=True)
        while True:
            me.run(block)


if __name__ == "__main__":
    main()
