# SPDX-License-Identifier: Apache-2.0
"""The numbers of Linux on x86-64 that the calls take."""

from enum import IntEnum, IntFlag


class Prot(IntFlag):
    """PROT_* of mmap(2) and mprotect(2)."""

    NONE = 0
    READ = 1
    WRITE = 2
    EXEC = 4
    GROWSDOWN = 0x0100_0000
    GROWSUP = 0x0200_0000


class Map(IntFlag):
    """MAP_* of mmap(2)."""

    SHARED = 0x01
    PRIVATE = 0x02
    SHARED_VALIDATE = 0x03
    FIXED = 0x10
    ANONYMOUS = 0x20
    GROWSDOWN = 0x0100
    DENYWRITE = 0x0800
    LOCKED = 0x2000
    NORESERVE = 0x4000
    POPULATE = 0x8000
    NONBLOCK = 0x1_0000
    STACK = 0x2_0000
    HUGETLB = 0x4_0000
    FIXED_NOREPLACE = 0x10_0000


class Mremap(IntFlag):
    """MREMAP_* of mremap(2)."""

    NONE = 0
    MAYMOVE = 1
    FIXED = 2
    DONTUNMAP = 4


class Madv(IntEnum):
    """MADV_* of madvise(2)."""

    NORMAL = 0
    RANDOM = 1
    SEQUENTIAL = 2
    WILLNEED = 3
    DONTNEED = 4
    FREE = 8
    REMOVE = 9
    DONTFORK = 10
    DOFORK = 11
    MERGEABLE = 12
    UNMERGEABLE = 13
    HUGEPAGE = 14
    NOHUGEPAGE = 15
    DONTDUMP = 16
    DODUMP = 17
    WIPEONFORK = 18
    KEEPONFORK = 19
    COLD = 20
    PAGEOUT = 21
    POPULATE_READ = 22
    POPULATE_WRITE = 23


class UffdMoveMode(IntFlag):
    """UFFDIO_MOVE_MODE_* of ioctl_userfaultfd(2)."""

    NONE = 0
    DONTWAKE = 1
    ALLOW_SRC_HOLES = 2


class Query(IntFlag):
    """PROCMAP_QUERY_* of <linux/fs.h>: what a mapping must have; OR_NEXT: else the next one."""

    NONE = 0
    READABLE = 1
    WRITABLE = 2
    EXECUTABLE = 4
    SHARED = 8
    OR_NEXT = 16
    FILE_BACKED = 32


PAGE_BYTES = 4096
