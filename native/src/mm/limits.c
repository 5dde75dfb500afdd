/* SPDX-License-Identifier: Apache-2.0 */
/*
 * limits.c: what an mm may have: RLIMIT_AS, DATA, MEMLOCK and STACK, and how much memory may
 * be promised (vm.overcommit_memory).
 *
 * The counts behind them are the mm's and change under its mmap_lock for writing: total_vm,
 * data_vm, locked_vm, accounted. With overcommit "never" the promises of all mms and of all shared
 * memory are added up at each request; nothing is shared between mms for it. Two requests at the
 * same time may then both be granted what only one of them may have, as they may in the kernel,
 * whose sum is inexact too. (kernel: may_expand_vm, mlock_future_ok, __vm_enough_memory)
 */
#include "vmalab/mm.h"

/* What root keeps for itself, and one process leaves to the others, when nothing may be promised
 * twice: the kernel's values on a machine with more than a few GiB. */
#define ADMIN_RESERVE_PAGES (8ul << 20 >> PAGE_SHIFT)
#define USER_RESERVE_PAGES  (128ul << 20 >> PAGE_SHIFT)

static bool is_data_mapping(u64 flags)
{
	return (flags & (VM_WRITE | VM_SHARED | VM_GROWSDOWN)) == VM_WRITE;
}

void mm_account(struct mm_struct *mm, u64 flags, s64 pages)
{
	mm->total_vm += (u64)pages;
	if (is_data_mapping(flags))
		mm->data_vm += (u64)pages;
	if (flags & VM_LOCKED)
		mm->locked_vm += (u64)pages;
	if (flags & VM_ACCOUNT)
		mm->accounted += (u64)pages;
}

/* pages is added modulo 2^64: a mapping over others may ask for fewer than it replaces. */
bool may_expand_vm(const struct mm_struct *mm, u64 flags, u64 pages)
{
	if (mm->total_vm + pages > mm->as_limit >> PAGE_SHIFT)
		return false;
	/* A limit of 0 is what valgrind sets; with no hard limit it limits nothing. */
	return !is_data_mapping(flags) || mm->data_limit == 0 ||
	       mm->data_vm + pages <= mm->data_limit >> PAGE_SHIFT;
}

bool mlock_future_ok(const struct mm_struct *mm, u64 flags, u64 bytes)
{
	if (!(flags & VM_LOCKED) || (mm->options & MM_CAP_IPC_LOCK))
		return true;
	return (bytes >> PAGE_SHIFT) + mm->locked_vm <= mm->memlock_limit >> PAGE_SHIFT;
}

/* Promised by all mms and all shared memory; each word is read for itself. */
static u64 committed_pages(const struct participant *self)
{
	const struct vl_config *config = &self->seg->hdr->config;
	const struct mm_struct *mms = mm_table(self->seg);
	const struct file *files = file_table(self->seg);
	u64 sum = 0;

	for (u32 i = 0; i < config->mms_max; i++) {
		if (load_relaxed_u32(&mms[i].state) == MM_LIVE ||
		    load_relaxed_u32(&mms[i].state) == MM_BUILDING)
			sum += load_relaxed_u64(&mms[i].accounted);
	}
	for (u32 i = 0; i < load_relaxed_u32(&self->seg->hdr->file_hint); i++) {
		if (load_relaxed_u32(&files[i].state) && files[i].accounted)
			sum += PAGE_ALIGN(load_relaxed_u64(&files[i].size)) >> PAGE_SHIFT;
	}
	return sum;
}

bool vm_enough_memory(const struct participant *self, const struct mm_struct *mm, s64 pages)
{
	s64 allowed;

	if ((mm->options & MM_OVERCOMMIT_ALWAYS) || pages <= 0)
		return true;
	if (!(mm->options & MM_OVERCOMMIT_NEVER))
		return (u64)pages <= mm->commit_limit_pages;
	allowed = (s64)min_u64(mm->commit_limit_pages, INT64_MAX);
	if (!(mm->options & MM_CAP_SYS_ADMIN))
		allowed -= (s64)ADMIN_RESERVE_PAGES;
	allowed -= (s64)min_u64(mm->total_vm / 32, USER_RESERVE_PAGES);
	return (s64)committed_pages(self) + pages < allowed;
}

void limits_init(struct mm_struct *mm, const struct vl_config *config)
{
	mm->stack_limit = STACK_LIMIT_DEFAULT;
	mm->as_limit = mm->data_limit = mm->memlock_limit = LIMIT_INFINITY;
	mm->options = MM_CAPS_ALL | MM_ANON_NAMES |
		      (config->overcommit == 1   ? MM_OVERCOMMIT_ALWAYS
		       : config->overcommit == 2 ? MM_OVERCOMMIT_NEVER
						 : 0);
	mm->commit_limit_pages = config->commit_limit_pages ? config->commit_limit_pages
							    : LIMIT_INFINITY;
	mm->accounted = 0;
}

void limits_inherit(struct mm_struct *mm, const struct mm_struct *from)
{
	mm->stack_limit = from->stack_limit;
	mm->as_limit = from->as_limit;
	mm->data_limit = from->data_limit;
	mm->memlock_limit = from->memlock_limit;
	mm->commit_limit_pages = from->commit_limit_pages;
	mm->options = from->options;
	if (mm->options & MM_MDWE_NO_INHERIT)
		mm->options &= (u16) ~(MM_REFUSE_EXEC_GAIN | MM_MDWE_NO_INHERIT);
}
