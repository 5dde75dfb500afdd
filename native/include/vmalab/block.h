/* SPDX-License-Identifier: Apache-2.0 */
/*
 * block.h (base): the packed form of operations. The same table stands in memory.proto for clients
 * in any language.
 *
 * Little-endian. Record: u8 op, u8 words (record length in 8-byte words, the two of the header
 * included), u16 flags, u32 how (MMAP: how its file was opened; of all others 0), u64 mm, then
 * words - 2 operands of 8 bytes. Result, one per record (FAULTS: one per operand): i32 status, u32
 * info, u64 value.
 */
#ifndef VMALAB_BLOCK_H
#define VMALAB_BLOCK_H

#include "vmalab/base.h"

enum vl_op {
	OP_NOP = 0,
	OP_FAULT = 1,
	OP_MMAP = 2,
	OP_MUNMAP = 3,
	OP_MPROTECT = 4,
	OP_MREMAP = 5,
	OP_MADVISE = 6,
	OP_MINCORE = 7,
	OP_BRK = 8,
	OP_FORK = 9,
	OP_EXIT = 10,
	OP_UFFD_MOVE = 11,
	OP_SET_VMA_NAME = 12,
	OP_MM_CREATE = 13,
	OP_MLOCK = 14,
	OP_MUNLOCK = 15,
	OP_MLOCKALL = 16,
	OP_MUNLOCKALL = 17,
	OP_MSYNC = 18,
	OP_MSEAL = 19,
	OP_REMAP_FILE_PAGES = 20,
	OP_PROCESS_MADVISE = 21,
	OP_PKEY_MPROTECT = 22,
	OP_SETRLIMIT = 23,
	OP_THP_DISABLE = 24,
	OP_FAULTS = 25, /* FAULT of each operand: half the bytes of a record each */
	OP_FILE_TRUNCATE = 30,
	OP_FILE_ALLOCATE = 31,
	OP_UFFD_OPEN = 32,
	OP_UFFD_API = 33,
	OP_UFFD_CLOSE = 34,
	OP_UFFD_REGISTER = 35,
	OP_UFFD_UNREGISTER = 36,
	OP_UFFD_FILL = 37,
	OP_UFFD_PROTECT = 38,
	OP_UFFD_WAKE = 39,
	OP_EXEC = 40,
	OP_PKEY_ALLOC = 41,
	OP_PKEY_FREE = 42,
	OPS_COUNT
};

struct vl_record {
	u8 op;
	u8 words;
	u16 flags;
	u32 how;
	u64 mm;
	u64 arg[];
};
#define RECORD_WORDS 2 /* of the header */
SIZE_IS(struct vl_record, RECORD_WORDS * 8);

struct vl_result {
	s32 status;
	u32 info;
	u64 value;
};
SIZE_IS(struct vl_result, 16);

/* status beyond errno: the service could not serve */
#define VL_S_NO_MM      (-1001)
#define VL_S_BAD_OP     (-1002)
#define VL_S_BAD_RECORD (-1003)
#define VL_S_LIMIT      (-1004)
#define VL_S_USERFAULT  (-1005) /* FAULT: it waits for who has the userfaultfd */

/* MMAP: how the file was opened: the record's how */
#define MMAP_FILE_READ_WRITE 0u
#define MMAP_FILE_READ_ONLY  1u
#define MMAP_FILE_WRITE_ONLY 2u
#define MMAP_FILE_NOEXEC     4u /* or'ed: its mount is noexec */
/* and above that a number of the caller's choice, which open of the file it is: areas of two opens
 * never merge (kernel: vm_file is the open, not the file) */
#define MMAP_FILE_OPEN_SHIFT 8
/* PROCESS_MADVISE: or'ed to the advice: the caller is another process */
#define PROCESS_MADVISE_REMOTE (1ul << 32)
#define PROCESS_MADVISE_MAX    126u

/* FAULT flags and info */
#define FAULT_ACCESS_MASK     3u
#define FAULT_READ            0u
#define FAULT_WRITE           1u
#define FAULT_EXEC            2u
#define FAULT_STORE           4u
#define FAULT_INFO_VMA_LOCK   0x100u
#define FAULT_INFO_MMAP_LOCK  0x200u
#define FAULT_INFO_NEW_PAGE   0x400u
#define FAULT_INFO_COW        0x800u
#define FAULT_INFO_PRESENT    0x1000u
#define FAULT_INFO_USERFAULT  0x10000u /* with what a uffd_msg says of it: */
#define FAULT_INFO_USER_WRITE 0x20000u
#define FAULT_INFO_USER_WP    0x40000u
#define FAULT_INFO_USER_MINOR 0x80000u

/* UFFD_FILL: what the pages are, in the record's flags */
#define UFFD_FILL_COPY     0u
#define UFFD_FILL_ZERO     1u
#define UFFD_FILL_CONTINUE 2u

#endif
