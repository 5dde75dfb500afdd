/* SPDX-License-Identifier: Apache-2.0 */
/* op_fault.h (fault): faults: the calls, one fault in work, and how it can end. */
#ifndef VMALAB_OP_FAULT_H
#define VMALAB_OP_FAULT_H

#include "vmalab/block.h"
#include "vmalab/mm.h"
#include "vmalab/op.h"
#include "vmalab/pkeys.h"
#include "vmalab/uapi.h"

/* Beside the flags of a record: the fast path does not serve it. */
#define FAULT_SLOW (1u << 16)

/* What self->pkru adds to the flags of a fault: the fast path knows areas with a key, of which the
 * slow one decides, and takes key 0 for allowed. */
static inline u32 fault_pkru(const struct participant *self)
{
	return self->has_pkru && (self->pkru & PKRU_KEY0) ? FAULT_SLOW : 0;
}

struct fault {
	u64 addr;
	pte_t *pte; /* its entry if already known to be of the hierarchy, or NULL */
	u64 word;   /* to store, with FAULT_STORE */
	u64 value;  /* out: the page's word */
	u32 flags;  /* FAULT_* of block.h */
	u32 access; /* FAULT_READ, FAULT_WRITE, FAULT_EXEC */
	u32 info;   /* out: FAULT_INFO_* */
	u32 pkey;   /* out, with FAULT_PKUERR: the key of the area */
	bool under_vma_lock;
};

enum fault_outcome {
	FAULT_OK = 0,
	FAULT_LOOK_AGAIN = 1, /* the entry changed; stays inside handle_mm_fault */
	FAULT_RETRY = 2,      /* redo under mmap_lock (kernel: VM_FAULT_RETRY) */
	FAULT_AGAIN = 3,      /* redo from the start */
	FAULT_SIGBUS = 4,
	FAULT_ACCERR = 5,
	FAULT_MAPERR = 6,
	FAULT_OOM = 7,
	FAULT_NO_MM = 8,
	FAULT_PKUERR = 10,   /* the protection key of the area forbids it */
	FAULT_USERFAULT = 9, /* whoever has the userfaultfd is to be told */
};

/* op_fault.c: what op_fault does not do itself. id: of an mm that was found; the rest as for
 * op_fault, in no section. vma: locked (a model without a lock per VMA: mmap_lock is held), which
 * it leaves; or NULL: not, and outcome is FAULT_RETRY (the lock was tried) or FAULT_LOOK_AGAIN (it
 * was not). */
void fault_slow(struct participant *self, u64 id, u64 addr, u32 flags, u64 word,
		struct vl_result *result, struct vm_area_struct *vma, int outcome);

#ifdef VL_LAB
/* op_fault_fast.c, mutant anon_vma_seen_unlocked: before the VMA is locked. */
void fault_anon_look(struct participant *self, u64 id, u64 addr);
#else
#define fault_anon_look(self, id, addr) ((void)0)
#endif

/* vma is held by its lock or by mmap_lock; in an RCU section. */
int handle_mm_fault(struct participant *self, struct mm_struct *mm, struct vm_area_struct *vma,
		    struct fault *f);

/* op_uffd_fault.c: the outcome of a fault in a registered VMA; reason: FAULT_INFO_USER_WP,
 * FAULT_INFO_USER_MINOR, or 0, a page is missing. */
int user_fault(struct participant *self, const struct mm_struct *mm,
	       const struct vm_area_struct *vma, struct fault *f, u32 reason);
/* A write met the write protection of old. */
int protected_fault(struct participant *self, const struct mm_struct *mm,
		    const struct vm_area_struct *vma, pte_t *pte, pte_t old, struct fault *f);
/* op_fault_file.c: FAULT_OK with the page of the file, made if need be; or the outcome. */
int fault_file_page(struct participant *self, const struct mm_struct *mm,
		    const struct vm_area_struct *vma, struct file *file, u64 pgoff, u32 *frame,
		    struct fault *f);

/* Lets others go on: somebody is in the middle of a change of the entry. */
void fault_pause(void);

/* op_populate.c: the same for each page of [start, end), mmap_lock is held: 0, -EFAULT (a signal,
 * had a program touched it), -ENOMEM. */
int fault_in(struct participant *self, struct mm_struct *mm, struct vm_area_struct *vma, u64 start,
	     u64 end, u32 access);

/* op_fault_fast.c. A touch of addr, of which flags are FAULT_* of block.h and fault_pkru; with
 * FAULT_STORE it stores word. What came of it is in *result, as block.h has it, also that there is
 * no such mm. In no RCU section and with no lock held: it may wait for mmap_lock. (kernel:
 * do_user_addr_fault) */
void op_fault(struct participant *self, u64 id, u64 addr, u32 flags, u64 word,
	      struct vl_result *result);
/* op_fault_try.c. The same for who may not wait: true: it is done, and it hit; false: nothing was
 * done, and op_fault has to do it. Bounded: the file says by what. */
bool op_fault_try(struct participant *self, u64 id, u64 addr, u32 flags, u64 word,
		  struct vl_result *result);
/* op_faults.c. A fault of each address, each as if alone: 0 or VL_E_BROKEN. */
int op_faults(struct participant *self, u64 id, const u64 *addrs, u64 count, u32 flags,
	      struct vl_result *out);

/* op_populate.c. Faults in what is mapped there, as mlock and MAP_POPULATE do: 0, or with strict
 * the first error. Takes mmap_lock itself. (kernel: __mm_populate) */
int mm_populate(struct participant *self, u64 id, u64 addr, u64 len, bool strict);
/* One VMA, mmap_lock is held. (kernel: populate_vma_page_range) */
int populate_vma(struct participant *self, struct mm_struct *mm, struct vm_area_struct *vma,
		 u64 start, u64 end);
/* Faults in [start, end) under mmap_lock read, which is held: 0, -ENOMEM (hole), -EFAULT, -EINVAL.
 * (kernel: faultin_page_range) */
int faultin_page_range(struct participant *self, struct mm_struct *mm, u64 start, u64 end,
		       bool write);

#endif
