# SPDX-License-Identifier: Apache-2.0
"""Forked workers, a child that executes, and a mapped file that grows."""

import mmap
import multiprocessing
import subprocess
import tempfile


def square(number: int) -> int:
    return number * number


if __name__ == "__main__":
    with multiprocessing.get_context("fork").Pool(2) as pool:
        print(sum(pool.map(square, range(10))))
    print(subprocess.run(["echo", "x"], capture_output=True, check=True).stdout)
    with tempfile.TemporaryFile() as file:
        file.truncate(1 << 16)
        with mmap.mmap(file.fileno(), 1 << 16) as area:
            area[0:4] = b"abcd"
            area.flush()
            area.resize(1 << 17)
            area[1 << 16] = 1
