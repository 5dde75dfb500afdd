# SPDX-License-Identifier: Apache-2.0
# Threads that map, grow, write and unmap memory: recorded as a trace.
import hashlib
import mmap
import os
import tempfile
import threading
import zlib


def anonymous(rounds: int) -> None:
    """Anonymous mappings that grow (mremap) and shrink."""
    for size in range(1, rounds):
        area = mmap.mmap(-1, size * 16384, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
        area[0] = size
        area[-1] = size
        area.close()


def compress(rounds: int) -> None:
    """What the allocator does with buffers of many sizes."""
    for size in range(1, rounds):
        data = os.urandom(512) * size * 40
        hashlib.sha256(zlib.compress(data, 1)).hexdigest()


def backed(rounds: int) -> None:
    """A shared mapping of a file that grows."""
    with tempfile.TemporaryFile() as file:
        file.truncate(65536)
        area = mmap.mmap(file.fileno(), 65536)
        for size in range(1, rounds):
            area[size * 64 : size * 64 + 5] = b"hello"
            if size % 8 == 0:
                area.resize(65536 + size * 4096)
        area.close()


threads = [
    threading.Thread(target=target, args=(rounds,))
    for target, rounds in ((anonymous, 60), (anonymous, 40), (compress, 40), (backed, 60))
]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
