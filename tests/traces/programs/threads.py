# SPDX-License-Identifier: Apache-2.0
"""Four threads that allocate at once."""

import threading

sums = [0] * 4


def work(me: int) -> None:
    data = [bytearray(1 << 14) for _ in range(60)]
    sums[me] = sum(map(len, data))


threads = [threading.Thread(target=work, args=(me,)) for me in range(4)]
for one in threads:
    one.start()
for one in threads:
    one.join()
print(sum(sums))
