/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vma_layout.h (mm): struct vm_area_struct of every lock model in every layout.
 *
 * A core is compiled for one model and one layout (-DVL_MODEL_..., -DVL_LAYOUT_...); without them
 * for typesafe-rwsem, aligned. The fields are the same everywhere, but for what the model locks
 * with; a layout decides where that stands:
 *
 *   aligned    as the kernel of that model has it. Embedded lock: on a cache line of its own at the
 *              end, 256 bytes; refcount: first in the third line, 192 bytes; split-rwsem 160 and
 *              mmap-lock 144 bytes, packed on their pages at any 16 bytes
 *   wide       split-rwsem with two words more (a kernel configuration with 176 bytes)
 *   padded     a line of its own with named padding before and after, so that a field added later
 *              cannot come beside it
 *   packed     beside rarely used fields, no padding
 *   unaligned  no alignment at all: objects roam in steps of 16 bytes over the lines, and the lock
 *              stands among the first fields, as when it was first put into the VMA (February
 *              2023); it shares its line with the range in every second object
 *   pair       alone in a 128-byte pair of lines (what an adjacent-line prefetcher fetches)
 *   random     packed, with the fields of each cache-line group shuffled by a seed, or those of the
 *              whole struct (native/random_layout.py writes VL_RANDOM_HEADER)
 *   file       as a TOML file says, also with fields that this header does not have
 *              (vmalab_native/layout_file.py writes VL_FILE_HEADER)
 */
#ifndef VMALAB_VMA_LAYOUT_H
#define VMALAB_VMA_LAYOUT_H

#include "vmalab/rwsem.h"

/* clang-format off */
/* --- the fields, each with its type --- */
#define F_vm_start       u64 vm_start;
#define F_vm_end         u64 vm_end;
#define F_vm_flags       u64 vm_flags;
#define F_vm_pgbase      u64 vm_pgbase; /* page offset of address 0, modulo 2^64 */
#define F_page_prot      u64 page_prot; /* PTE_WRITE if a fresh entry may be writable */
#define F_vm_mm          u64 vm_mm;     /* id of the mm, a life (lives.h): an identity */
#define F_anon_vma       vl_ref anon_vma;
/* vm_file: number of the file, which a VMA references, or 0. vm_ops: enum vma_ops */
#define F_vm_file        u16 vm_file;
#define F_vm_ops         u16 vm_ops;
#define F_vm_file_ops    F_vm_file F_vm_ops
#define F_anon_vma_chain vl_ref anon_vma_chain; /* newest link first */
#define F_anon_vma_links u32 anon_vma_links;    /* how many */
#define F_anon_name      vl_ref anon_name;
#define F_numab_state    vl_ref numab_state;
#define F_alloc_seq      u64 alloc_seq; /* counts lives of this object; debugging and oracles */
#define F_vm_policy      u32 vm_policy;
#define F_uffd_ctx       u32 uffd_ctx;
#define F_file_open      u64 file_open; /* which open of vm_file: two never merge */
/* What the kernel's struct has and this one does not need (shared.rb and the like). */
#define F_rare1 u64 rare1;
#define F_rare2 u64 rare2;
#define F_rare3 u64 rare3;
#define F_rare4 u64 rare4;
#define F_rare5 u64 rare5;
#define F_rare6 u64 rare6;

#ifdef VL_MODEL_MMAP_LOCK
#define F_vm_lock_seq
#define F_detached
#else
#define F_vm_lock_seq u32 vm_lock_seq; /* the stamp: equal to mm_lock_seq while write-locked */
#define F_detached    u32 detached;    /* 1: not in the tree; refcount: recovery's note of it */
#endif

#if defined(VL_MODEL_MMAP_LOCK)
#define VMA_LOCK_FIELD
#elif defined(VL_MODEL_SPLIT_RWSEM)
#define VMA_LOCK_FIELD u64 vm_lock; /* offset in the segment of its rwsem, or 0 */
#elif defined(VL_MODEL_REFCOUNT)
#define VMA_LOCK_FIELD u32 vm_refcnt; /* 0 detached, 1 attached, + readers; model_refcount.h */
#else
#define VMA_LOCK_FIELD struct rw_semaphore vm_lock; /* constructor only; survives reuse */
#endif

/* --- the groups: each at most one cache line --- */
#define VMA_HOT_FIRST F_vm_start F_vm_end F_vm_flags F_page_prot F_vm_mm F_vm_lock_seq F_detached
#define VMA_HOT_REST  F_anon_vma F_vm_file_ops F_vm_pgbase
#define VMA_HOT       VMA_HOT_FIRST VMA_HOT_REST /* all that a fault reads */
#define VMA_COLD /* what splits, merges and forks need */                                    \
	F_anon_vma_chain F_anon_vma_links F_anon_name F_numab_state F_alloc_seq F_vm_policy \
		F_uffd_ctx
#define VMA_RARE_COLD F_file_open F_rare1 F_rare2 F_rare3
#define VMA_RARE_LOCK F_rare4 F_rare5 F_rare6
#define VMA_PAIR      128

/* --- the layouts: the body of the struct, and how its cache places objects --- */
#if defined(VL_LAYOUT_RANDOM)
#include VL_RANDOM_HEADER
#define VMA_BODY     VMA_RANDOM_BODY
#define VMA_ALIGN_TO CACHE_LINE
#elif defined(VL_LAYOUT_FILE)
#include VL_FILE_HEADER
#define VMA_BODY     VMA_FILE_BODY
#define VMA_ALIGN_TO VMA_FILE_ALIGN
#elif defined(VL_MODEL_MMAP_LOCK) || defined(VL_MODEL_SPLIT_RWSEM)
#if defined(VL_LAYOUT_WIDE) && defined(VL_MODEL_SPLIT_RWSEM)
#define VMA_BODY VMA_HOT VMA_COLD VMA_RARE_COLD VMA_RARE_LOCK VMA_LOCK_FIELD u64 wide[2];
#elif defined(VL_LAYOUT_ALIGNED)
#define VMA_BODY VMA_HOT VMA_COLD VMA_RARE_COLD VMA_RARE_LOCK VMA_LOCK_FIELD
#else
#error "no such layout of this lock model"
#endif
#define VMA_ALIGN_TO 16
#elif defined(VL_LAYOUT_PADDED)
#define VMA_BODY                                                                          \
	VMA_HOT VMA_COLD VMA_RARE_COLD VMA_RARE_LOCK char pad1[0] __cacheline_aligned;    \
	VMA_LOCK_FIELD char pad2[0] __cacheline_aligned;
#define VMA_ALIGN_TO CACHE_LINE
#elif defined(VL_LAYOUT_PACKED)
#define VMA_BODY     VMA_HOT VMA_COLD VMA_RARE_COLD VMA_LOCK_FIELD VMA_RARE_LOCK
#define VMA_ALIGN_TO CACHE_LINE
#elif defined(VL_LAYOUT_UNALIGNED)
#define VMA_BODY \
	VMA_HOT_FIRST VMA_LOCK_FIELD VMA_HOT_REST VMA_COLD VMA_RARE_COLD VMA_RARE_LOCK u64 tail[2];
#define VMA_ALIGN_TO 16
#elif defined(VL_LAYOUT_PAIR)
#define VMA_BODY                                        \
	VMA_HOT VMA_COLD VMA_RARE_COLD VMA_RARE_LOCK    \
	char pad1[0] __attribute__((aligned(VMA_PAIR))); \
	VMA_LOCK_FIELD char pad2[0] __attribute__((aligned(VMA_PAIR)));
#define VMA_ALIGN_TO VMA_PAIR
#elif defined(VL_MODEL_REFCOUNT) && defined(VL_LAYOUT_ALIGNED)
#define VMA_BODY                                                                        \
	VMA_HOT char line1[0] __cacheline_aligned;                                      \
	VMA_COLD VMA_RARE_COLD char line2[0] __cacheline_aligned;                       \
	VMA_LOCK_FIELD VMA_RARE_LOCK
#define VMA_ALIGN_TO CACHE_LINE
#elif defined(VL_LAYOUT_ALIGNED) || !defined(LAYOUT_NAME)
#define VMA_BODY                                                                        \
	VMA_HOT char line1[0] __cacheline_aligned;                                      \
	VMA_COLD char line2[0] __cacheline_aligned;                                     \
	VMA_RARE_COLD VMA_RARE_LOCK char line3[0] __cacheline_aligned;                  \
	VMA_LOCK_FIELD
#define VMA_ALIGN_TO CACHE_LINE
#else
#error "no such layout of this lock model"
#endif

/* clang-format on */

struct vm_area_struct {
	VMA_BODY
} __attribute__((aligned(VMA_ALIGN_TO)));

/* The sizes that the designs are known for; of a file, where each field was meant to be. */
#if defined(VL_LAYOUT_FILE)
VMA_FILE_ASSERTS
#elif defined(VL_LAYOUT_WIDE)
SIZE_IS(struct vm_area_struct, 176);
#elif defined(VL_MODEL_MMAP_LOCK)
SIZE_IS(struct vm_area_struct, 144);
#elif defined(VL_MODEL_SPLIT_RWSEM)
SIZE_IS(struct vm_area_struct, 160);
#elif defined(VL_LAYOUT_ALIGNED) && defined(VL_MODEL_REFCOUNT)
SIZE_IS(struct vm_area_struct, 192);
OFFSET_IS(struct vm_area_struct, vm_refcnt, 128);
#elif defined(VL_LAYOUT_ALIGNED) || defined(VL_LAYOUT_PADDED)
SIZE_IS(struct vm_area_struct, 256);
#elif defined(VL_LAYOUT_UNALIGNED)
_Static_assert(sizeof(struct vm_area_struct) % CACHE_LINE != 0, "roams over the lines");
#endif

/* What a file's extra fields are for: each is loaded or stored where it says. Relaxed: nobody acts
 * on what is in them, only the line counts.
 *   VMA_EXTRA_FAULT   who has found and read-locked the VMA, as a fault does, loads
 *   VMA_EXTRA_CHANGE  who has write-locked it stores
 *   VMA_EXTRA_WALK    who walks over the VMAs without their locks loads (bench.c) */
#ifndef VL_LAYOUT_FILE
#define VMA_EXTRA_FAULT(vma)  ((void)0)
#define VMA_EXTRA_CHANGE(vma) ((void)0)
#define VMA_EXTRA_WALK(vma)   ((void)0)
#endif

#endif
