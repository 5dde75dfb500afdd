/* SPDX-License-Identifier: Apache-2.0 */
/*
 * uapi.h (base): the numbers of the system calls' arguments, as on Linux on x86-64.
 */
#ifndef VMALAB_UAPI_H
#define VMALAB_UAPI_H

#define PROT_READ      0x1u
#define PROT_WRITE     0x2u
#define PROT_EXEC      0x4u
#define PROT_SEM       0x8u
#define PROT_GROWSDOWN 0x01000000u
#define PROT_GROWSUP   0x02000000u

#define MAP_SHARED          0x01u
#define MAP_PRIVATE         0x02u
#define MAP_SHARED_VALIDATE 0x03u
#define MAP_DROPPABLE       0x08u
#define MAP_TYPE            0x0fu
#define MAP_FIXED           0x10u
#define MAP_ANONYMOUS       0x20u
#define MAP_32BIT           0x40u
#define MAP_ABOVE4G         0x80u
#define MAP_GROWSDOWN       0x0100u
#define MAP_DENYWRITE       0x0800u
#define MAP_EXECUTABLE      0x1000u
#define MAP_LOCKED          0x2000u
#define MAP_NORESERVE       0x4000u
#define MAP_POPULATE        0x8000u
#define MAP_NONBLOCK        0x10000u
#define MAP_STACK           0x20000u
#define MAP_HUGETLB         0x40000u
#define MAP_SYNC            0x80000u
#define MAP_FIXED_NOREPLACE 0x100000u
#define MAP_UNINITIALIZED   0x4000000u
#define MAP_HUGE_SHIFT      26

#define MLOCK_ONFAULT 1u
#define MCL_CURRENT   1u
#define MCL_FUTURE    2u
#define MCL_ONFAULT   4u

#define MS_ASYNC      1u
#define MS_INVALIDATE 2u
#define MS_SYNC       4u

#define RLIMIT_DATA    2u
#define RLIMIT_STACK   3u
#define RLIMIT_MEMLOCK 8u
#define RLIMIT_AS      9u
#define RLIMITS_COUNT  16u

#define MREMAP_MAYMOVE   1u
#define MREMAP_FIXED     2u
#define MREMAP_DONTUNMAP 4u

#define MADV_NORMAL          0
#define MADV_RANDOM          1
#define MADV_SEQUENTIAL      2
#define MADV_WILLNEED        3
#define MADV_DONTNEED        4
#define MADV_FREE            8
#define MADV_REMOVE          9
#define MADV_DONTFORK        10
#define MADV_DOFORK          11
#define MADV_MERGEABLE       12
#define MADV_UNMERGEABLE     13
#define MADV_HUGEPAGE        14
#define MADV_NOHUGEPAGE      15
#define MADV_DONTDUMP        16
#define MADV_DODUMP          17
#define MADV_WIPEONFORK      18
#define MADV_KEEPONFORK      19
#define MADV_COLD            20
#define MADV_PAGEOUT         21
#define MADV_POPULATE_READ   22
#define MADV_POPULATE_WRITE  23
#define MADV_DONTNEED_LOCKED 24
#define MADV_COLLAPSE        25
#define MADV_GUARD_INSTALL   102
#define MADV_GUARD_REMOVE    103
#define FALLOC_FL_KEEP_SIZE  1u
#define FALLOC_FL_PUNCH_HOLE 2u

#define UFFD_USER_MODE_ONLY 1u
#define UFFD_NONBLOCK       0x800u
#define UFFD_CLOEXEC        0x80000u
#define UFFD_API_VERSION    0xaaul

#define UFFDIO_REGISTER_MODE_MISSING     1ul
#define UFFDIO_REGISTER_MODE_WP          2ul
#define UFFDIO_REGISTER_MODE_MINOR       4ul
#define UFFDIO_FILL_MODE_DONTWAKE        1ul
#define UFFDIO_FILL_MODE_WP              2ul
#define UFFDIO_WRITEPROTECT_MODE_WP      1ul
#define UFFDIO_WRITEPROTECT_DONTWAKE     2ul
#define UFFDIO_MOVE_MODE_DONTWAKE        1ul
#define UFFDIO_MOVE_MODE_ALLOW_SRC_HOLES 2ul

#endif
