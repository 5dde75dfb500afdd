/* SPDX-License-Identifier: Apache-2.0 */
/*
 * op_mprotect.c: mprotect, and setting the name of anonymous areas.
 *
 *   mmap_lock write
 *   -> for each VMA of the range: allowed? same permissions? skip
 *      -> stamp -> its flags, and from them the new ones -> merge, or split at the edges
 *      -> store the flags -> change the page-table entries
 *
 * VMAs changed before a failure stay changed. Killed between flags and entries: recovery takes away
 * write permission that the flags no longer give. (kernel: do_mprotect_pkey, mprotect_fixup;
 * madvise_set_anon_name)
 */
#include "vmalab/lock_model.h"
#include "vmalab/op_fault.h"
#include "vmalab/ops.h"
#include "vmalab/pkeys.h"

/* Only write permission is in an entry: reading and executing are decided by the VMA at each fault.
 * A private page becomes writable again through a fault, which may have to copy. */
static int entry_protect(struct participant *self, pte_t *pte, u64 addr, void *arg)
{
	pte_t old = load_relaxed_u64(
		pte); /* relaxed: only permission bits of a value that is compared */

	(void)self;
	(void)addr;
	(void)arg;
	while ((old & PTE_WRITE) && !cmpxchg_acq_rel_u64(pte, &old, old & ~PTE_WRITE))
		;
	return 0;
}

/* access: the new VM_ACCESS_FLAGS and the protection key, in its bits of vm_flags. */
static int mprotect_fixup(struct participant *self, struct mm_struct *mm,
			  struct vm_area_struct *vma, u64 start, u64 end, u64 access)
{
	struct vma_merge_struct vmg;
	u64 old_flags, flags, pages = (end - start) >> PAGE_SHIFT;
	int err;

	if (vma_is_sealed(vma))
		return -EPERM;
	if ((vma->vm_flags & (VM_ACCESS_FLAGS | VM_PKEY_MASK)) == access)
		return 0;
	err = vma_lock_for_request(self, mm, vma);
	if (err)
		return err;
	vmg_from_vma(self, &vmg, mm, vma, start, end);
	old_flags = vmg.flags;
	flags = (old_flags & ~(VM_ACCESS_FLAGS | VM_PKEY_MASK)) | access;
	if (flags & VM_WRITE) {
		/* It becomes data, which has a limit of its own. */
		if (!may_expand_vm(mm, flags, pages) && may_expand_vm(mm, old_flags, pages))
			return -ENOMEM;
		if (!(old_flags & (VM_ACCOUNT | VM_WRITE | VM_SHARED | VM_NORESERVE))) {
			if (!vm_enough_memory(self, mm, (s64)pages))
				return -ENOMEM;
			flags |= VM_ACCOUNT;
		}
	} else if ((old_flags & VM_ACCOUNT) && vma_is_anonymous(vma) && !vma->anon_vma) {
		flags &= ~VM_ACCOUNT;
	}
	vmg.flags = flags;
	err = vma_modify(self, &vmg, &vma);
	if (err)
		return err;
	flags = vmg.flags;
	mm_account(mm, old_flags, -(s64)pages);
	mm_account(mm, flags, (s64)pages);
	vm_flags_reset(mm, vma, flags);
	vma_set_page_prot(vma);
	if (MUTANT(inner_unlock_ends_all)) { /* as the end of a nested mm_take_all_locks once did */
		write_seqcount_end(&mm->mm_lock_seq);
		write_seqcount_begin(&mm->mm_lock_seq);
		STEP(write_stamped, vma);
	}
	STEP(prot_set, vma);
	if (!(flags & VM_WRITE))
		(void)pte_walk_long(self, &mm->pgd, start, end, false, entry_protect, NULL);
	STEP(prot_ptes, vma);
	/* Locked pages are copied now rather than at the first write. */
	if ((old_flags & (VM_WRITE | VM_SHARED | VM_LOCKED)) == VM_LOCKED && (flags & VM_WRITE))
		(void)populate_vma(self, mm, vma, start, end);
	return 0;
}

static s64 do_mprotect(struct participant *self, struct mm_struct *mm, u64 start, u64 end, u32 prot,
		       s32 pkey, u32 grows)
{
	struct vm_area_struct *vma = find_vma_intersection(self, mm, start, end);
	u64 addr = start;
	int err = 0;

	if (!vma)
		return -ENOMEM;
	if (grows & PROT_GROWSDOWN) {
		if (!(vma->vm_flags & VM_GROWSDOWN))
			return -EINVAL;
		addr = start = vma->vm_start;
	} else if (vma->vm_start > start) {
		return -ENOMEM;
	} else if (grows & PROT_GROWSUP) {
		return -EINVAL; /* nothing grows upwards on this architecture */
	}
	while (!err && addr < end) {
		u64 access, stop;

		vma = vma_lookup(self, mm, addr);
		if (!vma)
			return -ENOMEM;
		access = (prot & PROT_READ ? VM_READ : 0) | (prot & PROT_WRITE ? VM_WRITE : 0) |
			 (prot & PROT_EXEC ? VM_EXEC : 0);
		if (access & ~(vma->vm_flags >> 4)) /* VM_MAYREAD, VM_MAYWRITE, VM_MAYEXEC */
			return -EACCES;
		if (exec_gain_refused(mm, vma->vm_flags, access))
			return -EACCES;
		stop = min_u64(vma->vm_end, end);
		access |= pkey_of_mprotect(self, mm, vma->vm_flags, prot, pkey);
		err = mprotect_fixup(self, mm, vma, addr, stop, access);
		addr = stop;
	}
	return err;
}

/* pkey -1: none is given. */
s64 op_pkey_mprotect(struct participant *self, u64 id, u64 addr, u64 len, u32 prot, s32 pkey)
{
	struct mm_struct *mm = mm_find(self->seg, id);
	u32 grows = prot & (PROT_GROWSDOWN | PROT_GROWSUP);
	s64 result;

	if (!mm)
		return VL_S_NO_MM;
	prot &= ~grows;
	if (grows == (PROT_GROWSDOWN | PROT_GROWSUP) || (addr & ~PAGE_MASK))
		return -EINVAL;
	if (len == 0)
		return 0;
	len = PAGE_ALIGN(len);
	if (addr + len <= addr)
		return -ENOMEM;
	if (prot & ~(PROT_READ | PROT_WRITE | PROT_EXEC | PROT_SEM))
		return -EINVAL;
	if (mmap_write_lock(self, mm, id) != 0)
		return VL_S_NO_MM;
	if (pkey != -1 && !pkey_is_usable(mm, pkey))
		result = -EINVAL;
	else
		result = do_mprotect(self, mm, addr, addr + len, prot, pkey, grows);
	mmap_write_unlock(self, mm);
	return result;
}

s64 op_mprotect(struct participant *self, u64 id, u64 addr, u64 len, u32 prot)
{
	return op_pkey_mprotect(self, id, addr, len, prot, -1);
}

static int name_one(struct participant *self, struct mm_struct *mm, struct vm_area_struct *vma,
		    u64 start, u64 end, vl_ref name)
{
	struct vma_merge_struct vmg;
	vl_ref old;
	int err;

	if (vma->vm_file && vma->vm_ops != VMA_SHMEM)
		return -EBADF;
	if (anon_name_equal(self->seg, vma->anon_name, name))
		return 0;
	vmg_from_vma(self, &vmg, mm, vma, start, end);
	vmg.anon_name = name;
	err = vma_modify(self, &vmg, &vma);
	if (err)
		return err;
	if (anon_name_equal(self->seg, vma->anon_name, name))
		return 0; /* merged into one that has it */
	old = vma->anon_name;
	vma->anon_name = anon_name_get(self, name);
	if (old)
		anon_name_put(self, old);
	return 0;
}

static bool name_valid(const char *name, u32 bytes)
{
	for (u32 i = 0; i < bytes; i++) {
		if (name[i] < 0x20 || name[i] > 0x7e || strchr("\\`$[]", name[i]))
			return false;
	}
	return bytes < ANON_NAME_MAX;
}

s64 op_set_vma_name(struct participant *self, u64 id, u64 addr, u64 len, const char *name,
		    u32 bytes)
{
	struct mm_struct *mm = mm_find(self->seg, id);
	u64 end = addr + PAGE_ALIGN(len);
	struct range_entry e;
	vl_ref ref = 0;
	s64 result = 0;

	if (!mm)
		return VL_S_NO_MM;
	if (!(mm->options & MM_ANON_NAMES) || (addr & ~PAGE_MASK) || !name_valid(name, bytes) ||
	    (len && PAGE_ALIGN(len) == 0) || end < addr)
		return -EINVAL;
	if (end == addr)
		return 0;
	if (bytes) {
		ref = anon_name_make(self, name, bytes);
		if (!ref)
			return -ENOMEM;
		store_relaxed_u32(&self->area->name_made, ref); /* recovery looks for its users */
	}
	if (mmap_write_lock(self, mm, id) != 0) {
		result = VL_S_NO_MM;
		goto out;
	}
	for (u64 at = addr; at < end; at = e.end) {
		int err;

		if (!tree_find(self, &mm->mm_mt, at, end, &e)) {
			result = -ENOMEM;
			break;
		}
		if (e.start > at)
			result = -ENOMEM; /* a hole: go on, say so at the end */
		at = max_u64(at, e.start);
		e.end = min_u64(e.end, end);
		err = name_one(self, mm, PTR(self, e.ref), at, e.end, ref);
		if (err) {
			result = err;
			break;
		}
	}
	mmap_write_unlock(self, mm);
out:
	store_relaxed_u32(&self->area->name_made, 0);
	if (ref)
		anon_name_put(self, ref);
	return result;
}
