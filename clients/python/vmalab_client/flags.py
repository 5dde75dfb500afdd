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
    DROPPABLE = 0x08
    FIXED = 0x10
    ANONYMOUS = 0x20
    LOW_32BIT = 0x40
    ABOVE4G = 0x80
    GROWSDOWN = 0x0100
    DENYWRITE = 0x0800
    LOCKED = 0x2000
    NORESERVE = 0x4000
    POPULATE = 0x8000
    NONBLOCK = 0x1_0000
    STACK = 0x2_0000
    HUGETLB = 0x4_0000
    SYNC = 0x8_0000
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
    DONTNEED_LOCKED = 24
    COLLAPSE = 25
    GUARD_INSTALL = 102
    GUARD_REMOVE = 103


class FileMode(IntFlag):
    """How a file that is mapped was opened; NOEXEC: it lies on a mount with noexec."""

    READ_WRITE = 0
    READ_ONLY = 1
    WRITE_ONLY = 2
    NOEXEC = 4


class Falloc(IntFlag):
    """FALLOC_FL_* of fallocate(2)."""

    NONE = 0
    KEEP_SIZE = 1
    PUNCH_HOLE = 2


class Mlock(IntFlag):
    """MLOCK_* of mlock2(2)."""

    NONE = 0
    ONFAULT = 1


class Mcl(IntFlag):
    """MCL_* of mlockall(2)."""

    CURRENT = 1
    FUTURE = 2
    ONFAULT = 4


class Ms(IntFlag):
    """MS_* of msync(2)."""

    ASYNC = 1
    INVALIDATE = 2
    SYNC = 4


class Rlimit(IntEnum):
    """RLIMIT_* of setrlimit(2) that memory calls look at."""

    DATA = 2
    STACK = 3
    MEMLOCK = 8
    AS = 9


class UffdMoveMode(IntFlag):
    """UFFDIO_MOVE_MODE_* of ioctl_userfaultfd(2)."""

    NONE = 0
    DONTWAKE = 1
    ALLOW_SRC_HOLES = 2


class UffdFeature(IntFlag):
    """UFFD_FEATURE_* that can be asked for."""

    NONE = 0
    SIGBUS = 1 << 7
    WP_UNPOPULATED = 1 << 13
    WP_ASYNC = 1 << 15


class UffdRegisterMode(IntFlag):
    """UFFDIO_REGISTER_MODE_*."""

    MISSING = 1
    WP = 2
    MINOR = 4


class UffdFillMode(IntFlag):
    """UFFDIO_COPY_MODE_*, UFFDIO_CONTINUE_MODE_*; UFFDIO_ZEROPAGE_MODE_DONTWAKE."""

    NONE = 0
    DONTWAKE = 1
    WP = 2


class UffdWriteprotectMode(IntFlag):
    """UFFDIO_WRITEPROTECT_MODE_*; without WP the protection ends."""

    NONE = 0
    WP = 1
    DONTWAKE = 2


class UffdPagefault(IntFlag):
    """UFFD_PAGEFAULT_FLAG_*: what a userfaultfd reads about a fault."""

    NONE = 0
    WRITE = 1
    WP = 2
    MINOR = 4


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
INFINITY = (1 << 64) - 1
"""RLIM_INFINITY."""
