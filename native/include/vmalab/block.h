/* SPDX-License-Identifier: Apache-2.0 */
/*
 * block.h (base): the packed form of operations. What an operation is, protos/ops.toml says;
 * docs/block-format.md has the format for who writes a client.
 *
 * Little-endian. Record: u8 op, u8 words (record length in 8-byte words, the two of the header
 * included), u16 flags, u32 how (MMAP: how its file was opened; of all others 0), u64 mm, then
 * words - 2 operands of 8 bytes. With RECORD_PKRU in flags, of an operation that takes it, the last
 * word is the caller's PKRU. Result, one per record (FAULTS: one per operand): i32 status, u32
 * info, u64 value.
 */
#ifndef VMALAB_BLOCK_H
#define VMALAB_BLOCK_H

#include "vmalab/base.h"
#include "vmalab/block_ops.h"

struct vl_record {
	u8 op;
	u8 words;
	u16 flags;
	u32 how;
	u64 mm;
	u64 arg[];
};
#define RECORD_WORDS     2 /* of the header */
#define RECORD_WORDS_MAX 255
SIZE_IS(struct vl_record, RECORD_WORDS * 8);

struct vl_result {
	s32 status;
	u32 info;
	u64 value;
};
SIZE_IS(struct vl_result, 16);

/* MMAP: above the MMAP_FILE_* of the record's how a number of the caller's choice, which open of
 * the file it is: areas of two opens never merge (kernel: vm_file is the open, not the file) */
#define MMAP_FILE_OPEN_SHIFT 8

#endif
