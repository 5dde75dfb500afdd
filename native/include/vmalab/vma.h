/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vma.h (mm): vm_area_struct, its flags, its side objects. Where each field stands is the layout's
 * business (vma_layout.h), what the lock fields mean is the model's (model_*.h).
 *
 * Field table: who writes what under which lock ("stamp": mmap_lock write and vma_start_write; to
 * read, mmap_lock or the VMA lock for reading is enough):
 *
 *   vm_start vm_end             stamp; derived from the tree by recovery
 *   vm_flags page_prot          stamp; VM_MAYBE_GUARD is or'ed in under a read lock, so a writer
 *                               reads flags to store or copy them after the stamp (DESIGN.md, 7)
 *   vm_pgbase                   once, before insertion; constant in place
 *                               (vm_pgoff = vm_pgbase + (vm_start >> 12)); out of the tree,
 *                               unmapped: the next one of a list
 *   vm_mm vm_file vm_ops        once, before insertion; stale readers of a recycled object load
 *   file_open                   vm_mm
 *   uffd_ctx                    stamp; set iff one of VM_UFFD_FLAGS is, but for a moment
 *   vm_lock_seq                 stamp; VMA_STAMP_FIRST at the begin of a life; loaded without a
 *                               lock as advice
 *   detached                    attach: mmap_lock write; detach: stamp
 *   anon_vma                    NULL -> set: mmap_lock read + page_table_lock; set -> NULL: stamp
 *   anon_vma_chain, _links      stamp, or as anon_vma when it is set
 *   anon_name                   stamp
 *   numab_state                 NULL -> set: mmap_lock read + cmpxchg; else stamp
 *   vm_lock, vm_refcnt          atomics of the model; survive free and reuse
 */
#ifndef VMALAB_VMA_H
#define VMALAB_VMA_H

#include "vmalab/vma_layout.h"

#define VM_NONE         0x0ul
#define VM_READ         0x1ul
#define VM_WRITE        0x2ul
#define VM_EXEC         0x4ul
#define VM_SHARED       0x8ul
#define VM_MAYREAD      0x10ul
#define VM_MAYWRITE     0x20ul
#define VM_MAYEXEC      0x40ul
#define VM_MAYSHARE     0x80ul
#define VM_GROWSDOWN    0x100ul
#define VM_UFFD_MISSING 0x200ul /* userfaultfd is told of pages that are not there */
#define VM_PFNMAP       0x400ul
#define VM_MAYBE_GUARD  0x800ul  /* some entry was made a guard; never taken off */
#define VM_UFFD_WP      0x1000ul /* and of writes to protected ones */
#define VM_LOCKED       0x2000ul
#define VM_IO           0x4000ul
#define VM_SEQ_READ     0x8000ul
#define VM_RAND_READ    0x10000ul
#define VM_DONTCOPY     0x20000ul
#define VM_DONTEXPAND   0x40000ul
#define VM_LOCKONFAULT  0x80000ul
#define VM_ACCOUNT      0x100000ul
#define VM_NORESERVE    0x200000ul
#define VM_SYNC         0x800000ul
#define VM_WIPEONFORK   0x2000000ul
#define VM_DONTDUMP     0x4000000ul
#define VM_SOFTDIRTY    0x8000000ul
#define VM_MIXEDMAP     0x10000000ul
#define VM_HUGEPAGE     0x20000000ul
#define VM_NOHUGEPAGE   0x40000000ul
#define VM_MERGEABLE    0x80000000ul
#define VM_PKEY_SHIFT   32 /* four bits: the protection key (pkeys.h) */
#define VM_PKEY_MASK    (0xful << VM_PKEY_SHIFT)
#define VM_DROPPABLE    (1ul << 40)
#define VM_UFFD_MINOR   (1ul << 41) /* and of pages that only their file has */
#define VM_SEALED       (1ul << 42)

#define VM_ACCESS_FLAGS (VM_READ | VM_WRITE | VM_EXEC)
#define VM_SPECIAL      (VM_IO | VM_DONTEXPAND | VM_PFNMAP | VM_MIXEDMAP)
/* What does not keep two VMAs apart; the merged one has it if one of them had. */
#define VM_STICKY      (VM_SOFTDIRTY | VM_MAYBE_GUARD)
#define VM_MAYALL      (VM_MAYREAD | VM_MAYWRITE | VM_MAYEXEC)
#define VM_LOCKED_MASK (VM_LOCKED | VM_LOCKONFAULT)
#define VM_UFFD_FLAGS  (VM_UFFD_MISSING | VM_UFFD_WP | VM_UFFD_MINOR)

enum vma_ops {
	VMA_ANON = 0,
	VMA_FILE = 1,
	VMA_SHMEM = 2,
	VMA_SPECIAL = 3,
	VMA_DRIVER = 4, /* of a file whose driver counts its VMAs: it has a close() hook */
};

/* An anon_vma: identity of the anonymous pages of one or more VMAs; decides about merging. All
 * three counts are changed under the anon lock of its root (anon.c) and can be recounted from the
 * chains. (kernel: struct anon_vma) */
struct anon_vma {
	vl_ref root;
	vl_ref parent;
	u32 degree;          /* chain links that name it; 0: free it */
	u32 num_children;    /* anon_vmas with this parent; a root counts itself */
	u32 num_active_vmas; /* VMAs whose anon_vma field is this */
	u32 pad[3];
};
SIZE_IS(struct anon_vma, 32);

struct anon_vma_chain {
	vl_ref anon_vma;
	vl_ref next;
	vl_ref vma;
	u32 pad[5];
};
SIZE_IS(struct anon_vma_chain, 32);

#define ANON_NAME_MAX 80
struct anon_vma_name {
	u32 refs; /* VMAs that share it */
	u32 bytes;
	char name[ANON_NAME_MAX];
	u64 pad;
};
SIZE_IS(struct anon_vma_name, 96);

struct vma_numab_state {
	u64 next_scan;
	u64 pids_active[2];
	u32 start_scan_seq;
	u32 prev_scan_seq;
};
SIZE_IS(struct vma_numab_state, 32);

#ifdef VL_LAB
/* op_mbind.c has what it is for. */
struct mempolicy {
	u32 refs; /* VMAs that share it, and who makes it */
	u32 mode;
	u64 nodes;
	u64 pad[2];
};
SIZE_IS(struct mempolicy, 32);
/* policy.c: one with a reference, the caller's, or 0: no memory. */
vl_ref mpol_new(struct participant *self, u32 mode, u64 nodes);
vl_ref mpol_get(struct participant *self, vl_ref ref);
void mpol_put(struct participant *self, vl_ref ref);
bool mpol_equal(const struct participant *self, vl_ref a, vl_ref b);
void mpol_use(struct participant *self, const struct vm_area_struct *vma);
#else
#define mpol_get(self, ref)    0u
#define mpol_put(self, ref)    ((void)0)
#define mpol_equal(self, a, b) ((a) == (b))
#define mpol_use(self, vma)    ((void)0)
#endif

struct mm_struct;

/* The stamp that a life begins with. It is even, and a writer's number is odd: whatever number the
 * sequence has come to, no writer takes a VMA for write-locked that nobody has stamped in this
 * life. (The kernel's is UINT_MAX.) A stale reader may find it equal to an even sequence: a false
 * "locked", which sends it to mmap_lock. */
#define VMA_STAMP_FIRST 0u
static inline u32 vma_stamp_first(void)
{
	return MUTANT(first_stamp_odd) ? UINT32_MAX : VMA_STAMP_FIRST;
}

/* Variant mm_says_detached: this bit of vm_mm stands until the VMA is attached, and from its
 * detaching on. */
#ifdef VL_LAB
#define VMA_MM_DETACHED (VARIANT(mm_says_detached) ? 1ull << 63 : 0)
#else
#define VMA_MM_DETACHED 0ull
#endif
/* Whose it is, attached or not. */
static inline u64 vma_mm_id(const struct vm_area_struct *vma)
{
	return vma->vm_mm & ~VMA_MM_DETACHED;
}

static inline u64 vma_pages(const struct vm_area_struct *vma)
{
	return (vma->vm_end - vma->vm_start) >> PAGE_SHIFT;
}
static inline u64 vma_pgoff(const struct vm_area_struct *vma)
{
	return vma->vm_pgbase + (vma->vm_start >> PAGE_SHIFT);
}
static inline u64 linear_page_index(const struct vm_area_struct *vma, u64 addr)
{
	return vma->vm_pgbase + (addr >> PAGE_SHIFT);
}
static inline bool vma_is_anonymous(const struct vm_area_struct *vma)
{
	return vma->vm_ops == VMA_ANON;
}
static inline bool vma_is_accessible(const struct vm_area_struct *vma)
{
	return vma->vm_flags & VM_ACCESS_FLAGS;
}
/* (kernel: userfaultfd_armed) */
static inline bool vma_is_armed(const struct vm_area_struct *vma)
{
	return vma->vm_flags & VM_UFFD_FLAGS;
}
static inline bool vma_is_sealed(const struct vm_area_struct *vma)
{
	return vma->vm_flags & VM_SEALED;
}
/* One that is merged away would miss its close(). (kernel: vma->vm_ops->close) */
static inline bool vma_has_close(const struct vm_area_struct *vma)
{
	return vma->vm_ops == VMA_DRIVER;
}
/* A page that goes leaves its write protection behind: its file may bring it back. (kernel:
 * pte_install_uffd_wp_if_needed) */
static inline bool vma_keeps_wp(const struct vm_area_struct *vma)
{
	return (vma->vm_flags & VM_UFFD_WP) && !vma_is_anonymous(vma);
}
static inline bool is_cow_mapping(u64 flags)
{
	return (flags & (VM_SHARED | VM_MAYWRITE)) == VM_MAYWRITE;
}

/* A VMA that is out of the tree, and that nobody has locked any more, is of a list. Its offset is
 * of no use to it, and the word is the next one's. */
static inline vl_ref vma_unmapped_next(const struct vm_area_struct *vma)
{
	return (vl_ref)vma->vm_pgbase;
}
static inline void vma_unmapped_before(struct vm_area_struct *vma, vl_ref next)
{
	vma->vm_pgbase = next;
}

/* vma.c */
void vma_ctor(void *object);
/* Of an instance that resets VMAs when they are freed: a free one is as the constructor left it,
 * but for its lock, the number of its lives, and the word that a free pointer may lie over. */
void vma_to_ctor_state(struct vm_area_struct *vma);
bool vma_in_ctor_state(const struct vm_area_struct *vma);
/* A detached VMA of mm with nothing in it, or NULL. (kernel: vm_area_alloc) */
struct vm_area_struct *vm_area_alloc(struct participant *self, struct mm_struct *mm);
/* A detached copy of one that is write-locked, member by member; chain and side objects are empty
 * and the caller's to clone. (kernel: vm_area_dup) */
struct vm_area_struct *vm_area_dup(struct participant *self, const struct vm_area_struct *orig);
/* Frees a detached VMA and its side objects; asserts that it is detached. (kernel: vm_area_free) */
void vm_area_free(struct participant *self, struct vm_area_struct *vma);
/* The exit path: nobody can reach it any more, and it is detached: freed at once, in every model.
 * (kernel v4: vm_area_free_unreachable) */
void vm_area_free_unreachable(struct participant *self, struct vm_area_struct *vma);
/* What is retired when the model frees after a grace period: frees lock, side objects, object. */
void vm_area_free_rcu(struct participant *self, u32 kind, u32 ref);
/* Announces a VMA that no tree has while its owner may block; ends with vm_area_free or
 * vma_inflight_done. */
void vma_inflight_add(struct participant *self, const struct vm_area_struct *vma);
void vma_inflight_done(struct participant *self, const struct vm_area_struct *vma);
void vma_numab_init(struct participant *self, struct vm_area_struct *vma);
void vma_set_page_prot(struct vm_area_struct *vma);
void vma_set_range(struct vm_area_struct *vma, u64 start, u64 end, u64 pgoff);
/* vma, whose lock is held for writing, is of no userfaultfd object any more. */
void uffd_forget(struct vm_area_struct *vma);

/* anon.c */
int anon_vma_prepare(struct participant *self, struct mm_struct *mm, struct vm_area_struct *vma);
int anon_vma_clone(struct participant *self, struct vm_area_struct *dst,
		   const struct vm_area_struct *src);
int anon_vma_fork(struct participant *self, struct vm_area_struct *vma,
		  const struct vm_area_struct *pvma);
void unlink_anon_vmas(struct participant *self, struct vm_area_struct *vma);

vl_ref anon_name_make(struct participant *self, const char *name, u32 bytes);
vl_ref anon_name_get(struct participant *self, vl_ref name);
void anon_name_put(struct participant *self, vl_ref name);
bool anon_name_equal(const struct vl_seg *seg, vl_ref a, vl_ref b);

#endif
