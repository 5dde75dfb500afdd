# SPDX-License-Identifier: Apache-2.0
import multiprocessing, subprocess, threading, mmap, tempfile
def square(n): return n * n
if __name__ == "__main__":
    with multiprocessing.get_context("fork").Pool(2) as pool:
        print(sum(pool.map(square, range(10))))
    print(subprocess.run(["echo", "x"], capture_output=True).stdout)
    with tempfile.TemporaryFile() as f:
        f.truncate(1 << 16)
        with mmap.mmap(f.fileno(), 1 << 16) as m:
            m[0:4] = b"abcd"; m.flush(); m.resize(1 << 17); m[1<<16] = 1
