# SPDX-License-Identifier: Apache-2.0
"""What the running kernel was built with, as far as memory calls show it."""

from __future__ import annotations

import ctypes
import mmap
from functools import cache


@cache
def anon_names() -> bool:
    """Whether this kernel can give anonymous memory a name (CONFIG_ANON_VMA_NAME)."""
    set_vma, set_vma_anon_name = 0x53564D41, 0
    with mmap.mmap(-1, mmap.PAGESIZE, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS) as page:
        here = ctypes.c_char.from_buffer(page)
        at = ctypes.c_ulong(ctypes.addressof(here))
        length = ctypes.c_ulong(mmap.PAGESIZE)
        libc = ctypes.CDLL(None)
        done: int = libc.prctl(set_vma, set_vma_anon_name, at, length, ctypes.c_char_p(b"vmalab"))
        del here
    return done == 0
