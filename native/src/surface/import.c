/* SPDX-License-Identifier: Apache-2.0 */
/*
 * import.c: an mm from the text of /proc/PID/maps (maps.c writes that text).
 *
 * The text does not tell which areas have been written, so an imported private writable area
 * counts as faulted with an anon_vma of its own: neighbours that the kernel did not merge stay
 * apart, and a new mapping beside one still merges. So does one that is not writable and lies
 * beside its like. The [vsyscall] page belongs to no mm and is left out. [vvar] and [vdso] are
 * special mappings that never merge.
 */
#include <stdio.h>
#include <stdlib.h>

#include "import.h"
#include "vmalab/lock_model.h"
#include "vmalab/ops.h"
#include "vmalab/pkeys.h"
#include "vmalab/safe_point.h"

struct maps_line {
	u64 start, end, offset, ino;
	u32 major, minor;
	char perms[5];
	const char *name;
	u64 name_bytes;
};

static bool name_is(const struct maps_line *line, const char *name)
{
	return line->name_bytes >= strlen(name) && memcmp(line->name, name, strlen(name)) == 0;
}

/* One line without its newline, copied so that it ends. */
static bool parse_line(const char *text, u64 bytes, struct maps_line *line, char *buf,
		       u64 buf_bytes)
{
	int used = 0, fields;

	if (bytes >= buf_bytes)
		return false;
	memcpy(buf, text, bytes);
	buf[bytes] = 0;
	fields = sscanf(buf, "%lx-%lx %4s %lx %x:%x %lu%n", &line->start, &line->end, line->perms,
			&line->offset, &line->major, &line->minor, &line->ino, &used);
	if (fields != 7 || used == 0 || strlen(line->perms) != 4)
		return false;
	while (buf[used] == ' ')
		used++;
	line->name = buf + used;
	line->name_bytes = strlen(line->name);
	return line->start < line->end && !(line->start & ~PAGE_MASK) && !(line->end & ~PAGE_MASK);
}

static u64 line_flags(const struct maps_line *line)
{
	u64 flags = VM_MAYALL;

	flags |= line->perms[0] == 'r' ? VM_READ : 0;
	flags |= line->perms[1] == 'w' ? VM_WRITE : 0;
	flags |= line->perms[2] == 'x' ? VM_EXEC : 0;
	if (line->perms[3] == 's')
		flags |= VM_SHARED | VM_MAYSHARE;
	else if (flags & VM_WRITE)
		flags |= VM_ACCOUNT;
	if (name_is(line, "[stack]"))
		flags |= VM_GROWSDOWN;
	if (name_is(line, "[vvar"))
		flags = (flags & ~(VM_MAYWRITE | VM_MAYEXEC)) | VM_IO | VM_DONTEXPAND | VM_PFNMAP |
			VM_DONTDUMP;
	if (name_is(line, "[vdso]"))
		flags |= VM_DONTEXPAND;
	return flags;
}

/* Shared memory that has more than one line is one object; its lines mostly follow each other. */
static struct file *shared_with(struct participant *self, const struct maps_line *line,
				const struct vm_area_struct *prev)
{
	struct file *file = prev && prev->vm_file ? file_get(self->seg, prev->vm_file) : NULL;
	u64 dev = (u64)line->major << 20 | line->minor;

	if (!file || file->kind != VMA_SHMEM || !line->ino || file->ino != line->ino ||
	    file->dev != dev || strcmp(file->name, line->name) != 0)
		return NULL;
	file_map(self, prev->vm_file);
	return file;
}

static int line_file(struct participant *self, u32 account, const struct maps_line *line,
		     const struct vm_area_struct *prev, struct vm_area_struct *vma)
{
	bool special = name_is(line, "[vvar") || name_is(line, "[vdso]");
	u64 dev = (u64)line->major << 20 | line->minor;
	struct file *file;

	if (!special && line->ino == 0 && line->perms[3] == 'p')
		return 0;
	/* A size that covers what is mapped; file_open by the client sets the true one. */
	if (special)
		file = file_open(self, 0, 0, line->end - line->start, line->name, VMA_SHMEM,
				 account, 0);
	else if (name_is(line, "/SYSV")) /* shmat counts its mappings in close() */
		file = file_open(self, dev, line->ino, line->offset + line->end - line->start,
				 line->name, VMA_DRIVER, account, 0);
	else if ((file = shared_with(self, line, prev)))
		;
	else if (line->ino == 0 || (line->name[0] == '/' && line->major == 0 && line->minor == 1))
		file = file_open(self, dev, line->ino, line->offset + line->end - line->start,
				 line->name, VMA_SHMEM, account, 0);
	else
		file = file_open(self, dev, line->ino, line->offset + line->end - line->start,
				 line->name, VMA_FILE, account, 0);
	if (!file)
		return VL_E_LIMIT;
	file_cover(file, line->offset + line->end - line->start);
	vma->vm_file = (u16)file_number(file);
	vma->vm_ops = special ? VMA_SPECIAL : file->kind;
	if (file->named) {
		file_map(self, vma->vm_file);
		file_close(self, file_id(file));
	}
	return 0;
}

/* Would it have merged with the area before it, as far as the text tells? Then the kernel knows
 * more: it was writable once, as what a program relocates at its start is. */
static bool kept_apart(struct participant *self, struct mm_struct *mm,
		       const struct vm_area_struct *vma)
{
	const struct vm_area_struct *prev = find_vma_prev(self, mm, vma->vm_start);

	return prev && prev->vm_end == vma->vm_start && prev->vm_flags == vma->vm_flags &&
	       prev->vm_file == vma->vm_file && prev->vm_pgbase == vma->vm_pgbase &&
	       !(vma->vm_flags & (VM_SHARED | VM_SPECIAL));
}

static int import_line(struct participant *self, struct mm_struct *mm, const struct maps_line *line)
{
	struct vm_area_struct *vma;
	int err;

	if (name_is(line, "[vsyscall]"))
		return 0;
	if (line->end > TASK_SIZE || find_vma_intersection(self, mm, line->start, line->end))
		return VL_E_INVALID;
	if (mm->map_count >= mm->map_count_max) {
		limit_note(self, VL_LIMIT_VMAS_PER_MM_MAX, mm->map_count_max, 0);
		return VL_E_LIMIT;
	}
	if (!vmas_may_grow(self, mm, 1))
		return VL_E_LIMIT;
	vma = vm_area_alloc(self, mm);
	if (!vma)
		return -ENOMEM;
	store_relaxed_u64(&vma->vm_mm, mm_future_id(self->seg, mm));
	vma->vm_flags = line_flags(line);
	if ((vma->vm_flags & VM_ACCESS_FLAGS) == VM_EXEC)
		vma->vm_flags |= pkey_of_mmap(self, mm, PROT_EXEC);
	err = line_file(self, mm->account, line, find_vma_prev(self, mm, line->start), vma);
	if (err) {
		vm_area_free(self, vma);
		return err;
	}
	vma_set_range(vma, line->start, line->end,
		      vma->vm_file ? line->offset >> PAGE_SHIFT : line->start >> PAGE_SHIFT);
	if (kept_apart(self, mm, vma))
		vma->vm_flags |= VM_ACCOUNT;
	vma_set_page_prot(vma);
	if (name_is(line, "[anon:") && line->name_bytes > 7)
		vma->anon_name =
			anon_name_make(self, line->name + 6,
				       (u32)min_u64(line->name_bytes - 7, ANON_NAME_MAX - 1));
	if (tree_preallocate(self, &mm->mm_mt, line->start, line->end) != 0 ||
	    ((vma->vm_flags & (VM_ACCOUNT | VM_SHARED)) == VM_ACCOUNT &&
	     anon_vma_prepare(self, mm, vma) != 0)) {
		tree_prealloc_free(self);
		vma_close(self, vma);
		vm_area_free(self, vma);
		return -ENOMEM;
	}
	vma_link(self, mm, vma);
	mm_account(mm, vma->vm_flags, (s64)vma_pages(vma));
	if (name_is(line, "[heap]")) { /* of one or more VMAs */
		if (!mm->start_brk)
			store_relaxed_u64(&mm->start_brk, line->start);
		store_relaxed_u64(&mm->brk, line->end);
	}
	if (name_is(line, "[stack]"))
		store_relaxed_u64(&mm->stack_top, line->end);
	return 0;
}

static int import_maps(struct participant *self, struct mm_struct *mm, const char *text, u64 bytes,
		       char *error, u64 cap)
{
	char buf[4352]; /* PATH_MAX and the fields before it */
	u64 at = 0, number = 1;
	u32 steps = 0;

	while (at < bytes) {
		const char *newline = memchr(text + at, '\n', bytes - at);
		u64 length = newline ? (u64)(newline - (text + at)) : bytes - at;
		struct maps_line line;
		int err = 0;

		if (length && !parse_line(text + at, length, &line, buf, sizeof(buf)))
			err = VL_E_INVALID;
		else if (length)
			err = import_line(self, mm, &line);
		if (err) {
			if (cap)
				snprintf(error, cap, "line %lu: %s: %.*s", number,
					 err == VL_E_INVALID
						 ? "not a line of /proc/PID/maps, or it overlaps"
						 : "no room",
					 (int)min_u64(length, 120), text + at);
			return err;
		}
		at += length + 1;
		number++;
		/* As a fork's: MM_BUILDING, and what is made is in the tree. */
		(void)safe_step(self, &steps);
	}
	return 0;
}

static void set_limits(struct mm_struct *mm, const struct vl_mm_options *options)
{
	_Static_assert(VL_LACKS_IPC_LOCK == MM_CAP_IPC_LOCK &&
			       VL_LACKS_SYS_RAWIO == MM_CAP_SYS_RAWIO &&
			       VL_LACKS_SYS_ADMIN == MM_CAP_SYS_ADMIN &&
			       VL_LACKS_ANON_NAMES == MM_ANON_NAMES,
		       "what is lacking is what is taken away");
	if (options->stack_limit)
		mm->stack_limit = options->stack_limit;
	if (options->limits & 1u << RLIMIT_AS)
		mm->as_limit = options->as_limit;
	if (options->limits & 1u << RLIMIT_DATA)
		mm->data_limit = options->data_limit;
	if (options->limits & 1u << RLIMIT_MEMLOCK)
		mm->memlock_limit = options->memlock_limit;
	mm->options &= ~options->lacks;
	if (options->overcommit) {
		mm->options &= ~(MM_OVERCOMMIT_ALWAYS | MM_OVERCOMMIT_NEVER);
		mm->options |= options->overcommit == 2   ? MM_OVERCOMMIT_ALWAYS
			       : options->overcommit == 3 ? MM_OVERCOMMIT_NEVER
							  : 0;
	}
	if (options->pkeys)
		pkeys_start(mm, options->pkeys == 2);
	if (options->commit_limit_pages)
		mm->commit_limit_pages = options->commit_limit_pages;
}

/* MM_BUILDING with its map, mmap_lock held for writing (nested). */
static int mm_build(struct participant *self, const struct vl_mm_options *options, char *error,
		    u64 error_cap, struct mm_struct **out)
{
	const struct mm_struct *old = mm_find(self->seg, options->exec_of); /* of 0: none */
	/* relaxed: the same for all its life; if that is over, exec fails */
	struct mm_struct *mm = mm_alloc(self,
					old ? load_relaxed_u32(&old->account) : account_used(self));
	int err = 0;

	if (!mm)
		return VL_E_LIMIT;
	mmap_write_lock_nested(self, mm);
	if (old)
		mm_aside(self->seg, mm)->shared |= mm_is_shared(self->seg, old);
	if (options->mmap_base)
		mm->mmap_base = options->mmap_base;
	set_limits(mm, options);
	if (options->exec_of) {
		/* relaxed: the same for all its life; if that is over, so is exec */
		pkeys_start(mm, old && (load_relaxed_u32(&old->pkeys) & PKEYS_ON));
	}
	if (options->maps_bytes)
		err = import_maps(self, mm, options->maps, options->maps_bytes, error, error_cap);
	if (options->start_brk) {
		store_relaxed_u64(&mm->start_brk, options->start_brk);
		store_relaxed_u64(&mm->brk, options->brk);
	}
	*out = mm;
	return err;
}

static void mm_unbuild(struct participant *self, struct mm_struct *mm)
{
	fork_abort(self, mm);
	mmap_write_unlock_nested(self, mm);
	mm_free(self, mm);
}

static bool refused(char *error, u64 error_cap, const char *field, u64 value, const char *right)
{
	if (error_cap)
		snprintf(error, error_cap, "%s = 0x%llx, allowed is %s", field,
			 (unsigned long long)value, right);
	return false;
}

static bool options_fit(const struct vl_mm_options *o, char *error, u64 cap)
{
	bool of_exec = o->limits || o->lacks || o->overcommit || o->pkeys || o->stack_limit ||
		       o->commit_limit_pages;

	if ((o->mmap_base & ~PAGE_MASK) || o->mmap_base > TASK_SIZE)
		return refused(error, cap, "mmap_base", o->mmap_base,
			       "0 or a multiple of 4096 up to 0x7ffffffff000");
	if (o->brk > TASK_SIZE || o->brk < o->start_brk)
		return refused(error, cap, "brk", o->brk, "start_brk up to 0x7ffffffff000");
	if (o->overcommit > 3)
		return refused(error, cap, "overcommit", o->overcommit - 1, "0 to 2");
	if (o->lacks > 0xf)
		return refused(error, cap, "lacks", o->lacks, "0 to 0xf");
	if (o->pkeys > 2)
		return refused(error, cap, "pkeys", o->pkeys, "0 to 2");
	if (o->exec_flags & ~VL_EXEC_SHARED)
		return refused(error, cap, "flags", o->exec_flags, "0 or EXEC_SHARED");
	if (o->exec_of && of_exec)
		return refused(error, cap, "exec_of", o->exec_of,
			       "0 when limits are given: exec keeps them");
	return true;
}

int mm_create(struct participant *self, const struct vl_mm_options *options, u64 *id, char *error,
	      u64 error_cap)
{
	struct mm_struct *mm = NULL;
	int err;

	_Static_assert(VL_EXEC_SHARED == EXEC_SHARED, "one flag with two names");
	if (error_cap)
		error[0] = 0;
	if (!options_fit(options, error, error_cap))
		return VL_E_INVALID;
	if (options->exec_of && !mm_find(self->seg, options->exec_of))
		return VL_E_NO_MM;
	limit_forget(self);
	err = mm_build(self, options, error, error_cap, &mm);
	if (err == -ENOMEM && self->met_limit)
		err = VL_E_LIMIT;
	if (!mm)
		return err;
	*id = mm_future_id(self->seg, mm);
	if (!err && options->exec_of) {
		if (exec_mmap(self, mm, options->exec_of, options->exec_flags) == 0)
			return 0;
		err = VL_E_NO_MM;
	}
	if (err) {
		mm_unbuild(self, mm);
		return err;
	}
	mmap_write_unlock_nested(self, mm);
	mm_publish(self, mm);
	stat_inc(self, mm_create);
	return 0;
}
