# SPDX-License-Identifier: Apache-2.0
import threading
sums = [0] * 4
def work(me):
    data = [bytearray(1 << 14) for _ in range(60)]
    sums[me] = sum(map(len, data))
threads = [threading.Thread(target=work, args=(me,)) for me in range(4)]
[one.start() for one in threads]
[one.join() for one in threads]
print(sum(sums))
