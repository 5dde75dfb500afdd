/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lives.c: who has the number of a life that is over meets no other one; built for each lock model.
 *
 * Goal: ids of address spaces, files and userfaultfds, leases, cached lookups and stamps of earlier
 * lives are distinguished from those of now, after any number of lives.
 * Method: in the narrow build (lives.h) the lower 32 bits of every number wrap around after a few
 * lives, so the old and the new one differ in the upper half alone. In the plain build the same is
 * done with a few lives. Words that are as wide as the kernel's are put just before their end.
 * Failure: the line that is named: something compares less than the whole number, or keeps what it
 * should make anew.
 * Seen to fail: with only the lower halves compared in mm_find_in, file_find, uffd_find,
 * mm_lease_get and lookup_valid; with unlinked set back in pgd_begin; without the stamps of
 * recovery or stamp_all; with a pgd.unlinked that does not move when the sequence wraps around.
 */

#include <sys/syscall.h>

#include "test.h"
#include "vmalab/block.h"
#include "vmalab/core.h"
#include "vmalab/cached_lookup.h"
#include "vmalab/lock_model.h"
#include "vmalab/op_fault.h"
#include "vmalab/ops.h"
#include "vmalab/uffd.h"
#include "torture.h"

#define ADDR  0x200000000000ul
#define LIVES 64u
#define RW    (PROT_READ | PROT_WRITE)
#define FIXED (RW | (u64)(MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED) << 32)

struct actor {
	struct participant *self;
};

static struct vl_seg *seg;
static int seg_fd;
static struct actor one, two;

static u64 space_made(void)
{
	struct vl_mm_options options = {0};
	u64 id;

	CHECK_EQ(vl_mm_create(one.self, &options, &id, NULL, 0), 0);
	return id;
}

static void space_ended(u64 id)
{
	CHECK_EQ(torture_call(one.self, OP_EXIT, 0, id, 0, NULL).status, 0);
}

static void map_page(u64 id, u64 word)
{
	CHECK_EQ(CALL(&one, OP_MMAP, 0, id, ADDR, PAGE_SIZE, FIXED, 0, 0).status, 0);
	CHECK_EQ(CALL(&one, OP_FAULT, FAULT_WRITE | FAULT_STORE, id, ADDR, word).status, 0);
}

/* Lives of the slot of `first` until one is told from it by the upper half alone; without that,
 * some. */
static u64 another_life(u64 first)
{
	for (u32 n = 0; n < LIVES; n++) {
		u64 id = space_made();

		CHECK(id != first);
		if ((u32)id == (u32)first || (n + 8 > LIVES && mm_index(id) == mm_index(first)))
			return id;
		space_ended(id);
	}
	CHECK(!"the slot was given out again");
	return 0;
}

static u32 leases_on(u64 id)
{
	struct vl_mm_info infos[8];
	long n = vl_mm_list(one.self, infos, ARRAY_SIZE(infos));

	for (long i = 0; i < n; i++) {
		if (infos[i].id == id)
			return infos[i].leases;
	}
	return 0;
}

static void spaces(void)
{
	u64 first = space_made(),
	    faults[] = {OP_FAULTS | (RECORD_WORDS + 2) << 8, first, ADDR, ADDR}, now;
	struct vl_result results[2];

	map_page(first, 1);
	CHECK_EQ(vl_mm_get(two.self, first), 0);
	CHECK_EQ(CALL(&two, OP_FAULT, 0, first, ADDR, 0).value, 1); /* cached from now on */
	space_ended(first);
	now = another_life(first);
	map_page(now, 2);
	CHECK_EQ(CALL(&two, OP_FAULT, FAULT_WRITE | FAULT_STORE, first, ADDR, 3).status,
		 VL_S_NO_MM);
	CHECK_EQ(CALL(&two, OP_FAULT, 0, first, ADDR, 0).status, VL_S_NO_MM);
	CHECK_EQ(vl_run(two.self, faults, sizeof(faults), results, 2), 2);
	CHECK_EQ(results[0].status, VL_S_NO_MM);
	CHECK_EQ(results[1].status, VL_S_NO_MM);
	CHECK_EQ(CALL(&two, OP_MUNMAP, 0, first, ADDR, PAGE_SIZE).status, VL_S_NO_MM);
	CHECK_EQ(torture_call(two.self, OP_EXIT, 0, first, 0, NULL).status, VL_S_NO_MM);
	CHECK_EQ(CALL(&one, OP_FAULT, 0, now, ADDR, 0).value, 2);
	/* A lease on the old one is none on the new one. */
	CHECK_EQ(leases_on(now), 1);
	CHECK_EQ(vl_mm_get(two.self, now), 0);
	CHECK_EQ(vl_mm_put(two.self, now), 0);
	CHECK_EQ(vl_mm_put(two.self, now), VL_E_NO_MM);
	CHECK_EQ(leases_on(now), 1);
	CHECK_EQ(vl_mm_put(two.self, first), VL_E_NO_MM);
	CHECK_EQ(vl_mm_get(two.self, first), VL_E_NO_MM);
	CHECK_EQ(vl_mm_keep(two.self, first, NSEC_PER_SEC), VL_E_NO_MM);
	CHECK_EQ(leases_on(now), 1);
	space_ended(now);
}

static void files(void)
{
	u64 first, id = 0;

	CHECK_EQ(vl_file_open(one.self, 8, 1, PAGE_SIZE, "/first", 0, &first), 0);
	CHECK_EQ(vl_file_close(one.self, first, 0), 0);
	for (u32 n = 0; n < LIVES && (u32)id != (u32)first; n++) {
		if (id)
			CHECK_EQ(vl_file_close(one.self, id, 0), 0);
		CHECK_EQ(vl_file_open(one.self, 8, 2 + n, PAGE_SIZE, "/later", 0, &id), 0);
		CHECK(id != first);
	}
	CHECK_EQ(life_slot(id), life_slot(first));
	CHECK_EQ(CALL(&one, OP_FILE_TRUNCATE, 0, 0, first, 0).status, -EBADF);
	CHECK_EQ(vl_file_close(one.self, first, 0), VL_E_INVALID);
	/* Nor do its opens come round. */
	file_find(seg, id)->opens = FILE_OPENS_MAX;
	file_find(seg, id)->refs = FILE_OPENS_MAX;
	CHECK_EQ(vl_file_open(one.self, 8, file_find(seg, id)->ino, PAGE_SIZE, "/later", 0, &first),
		 VL_E_LIMIT);
	CHECK_EQ(file_find(seg, id)->opens, FILE_OPENS_MAX);
	file_find(seg, id)->opens = 1, file_find(seg, id)->refs = 1;
	CHECK_EQ(vl_file_close(one.self, id, 0), 0);
}

static void userfaultfds(void)
{
	u64 mm = space_made(), first, handle = 0;

	first = CALL(&one, OP_UFFD_OPEN, 0, mm, UFFD_USER_MODE_ONLY).value;
	CHECK(first);
	CHECK_EQ(CALL(&one, OP_UFFD_CLOSE, 0, mm, first).status, 0);
	for (u32 n = 0; n < LIVES && (u32)handle != (u32)first; n++) {
		if (handle)
			CHECK_EQ(CALL(&one, OP_UFFD_CLOSE, 0, mm, handle).status, 0);
		handle = CALL(&one, OP_UFFD_OPEN, 0, mm, UFFD_USER_MODE_ONLY).value;
		CHECK(handle != first && handle % 256 == first % 256);
	}
	CHECK_EQ(CALL(&one, OP_UFFD_API, 0, mm, first, UFFD_API_VERSION, 0).status, -EBADF);
	CHECK_EQ(CALL(&one, OP_UFFD_API, 0, mm, handle, UFFD_API_VERSION, 0).status, 0);
	CHECK_EQ(CALL(&one, OP_UFFD_CLOSE, 0, mm, first).status, -EBADF);
	space_ended(mm);
}

/* A cached lookup is valid until one of its numbers moves, in whatever half. */
static void cached_lookups(void)
{
	u64 id = space_made();
	struct mm_struct *mm = mm_find(seg, id);
	struct cached_lookup *lookup = lookup_of(two.self, ADDR);
	const struct cached_lookup zero = {0};
	u64 moved;

	map_page(id, 1);
	CHECK_EQ(CALL(&two, OP_FAULT, 0, id, ADDR, 0).value, 1);
	rcu_read_lock(two.self);
	CHECK(lookup_valid(two.self, lookup, mm, id, ADDR));
	CHECK(!lookup_valid(two.self, lookup, mm, id, ADDR + (1ul << 45)));
	CHECK(!lookup_valid(two.self, &zero, mm, id, 0)); /* no life has 0 */
	lookup->until ^= 1ul << 40;
	CHECK(!lookup_valid(two.self, lookup, mm, id, ADDR));
	lookup->until ^= 1ul << 40;
	lookup->unlinked ^= 1ul << 40;
	CHECK(!lookup_valid(two.self, lookup, mm, id, ADDR));
	lookup->unlinked ^= 1ul << 40;
	CHECK(lookup_valid(two.self, lookup, mm, id, ADDR));
	rcu_read_unlock(two.self);
	moved = pgd_unlinked(&mm->pgd);
	space_ended(id);
	id = another_life(id);
	CHECK_EQ(mm_find(seg, id), mm);
	CHECK(pgd_unlinked(&mm->pgd) > moved); /* it was not set back */
	space_ended(id);
}

/* Before mm_lock_seq wraps around, what was found with it expires: cached lookups, readers of
 * maps. */
static void sequence(void)
{
	u64 id = space_made(), before;
	struct mm_struct *mm = mm_find(seg, id);

	map_page(id, 1);
	mm->mm_lock_seq.sequence = SEQ_MASK - 1;
	before = pgd_unlinked(&mm->pgd);
	CHECK_EQ(CALL(&one, OP_MPROTECT, 0, id, ADDR, PAGE_SIZE, PROT_READ).status, 0);
	CHECK_EQ(mm->mm_lock_seq.sequence, 0);
	CHECK(pgd_unlinked(&mm->pgd) != before);
#if VMA_LOCK_PER_VMA
	CHECK_EQ(CALL(&one, OP_MUNMAP, 0, id, ADDR + PAGE_SIZE, PAGE_SIZE).status, 0);
	CHECK_EQ(find_vma(one.self, mm, ADDR)->vm_lock_seq, 1); /* stamped anew */
#endif
	space_ended(id);
}

/* A writer that dies before it has stamped all anew leaves no stamp of long ago. */
static void sequence_dead(void)
{
#if VMA_LOCK_PER_VMA && !TEST_SANITIZED
	static struct vl_recovery out;
	u64 id = space_made();
	struct mm_struct *mm = mm_find(seg, id);
	pid_t pid;

	map_page(id, 1);
	mm->mm_lock_seq.sequence = 0;
	find_vma(one.self, mm, ADDR)->vm_lock_seq = 5;
	fflush(NULL);
	pid = fork();
	CHECK(pid >= 0);
	if (pid == 0) {
		struct vl_seg *mine;
		struct participant *self;

		CHECK_EQ(core_seg_attach(seg_fd, &mine), 0);
		CHECK_EQ(vl_join(mine, ROLE_CLIENT, "dies", &self), 0);
		CHECK_EQ(core_enter(self), 0);
		mm = mm_find(mine, id);
		down_write(self, &mm->mmap_lock, HOLD_MMAP);
		write_seqcount_begin(&mm->mm_lock_seq);
		_exit(0);
	}
	CHECK(test_child_good(pid));
	CHECK_EQ(vl_recover(one.self, &out), 0);
	CHECK_EQ(mm->mm_lock_seq.sequence, 2);
	CHECK_EQ(find_vma(one.self, mm, ADDR)->vm_lock_seq, 1);
	space_ended(id);
#endif
}

/* A slot whose generations are used up is given up. */
static void used_up(void)
{
	struct vl_mm_options options = {0};
	u64 saved[8], id, last = GENERATION_MAX / GENERATION_STEP * GENERATION_STEP;
	u32 slots = seg->hdr->config.mms_max;

	CHECK(slots <= ARRAY_SIZE(saved));
	for (u32 i = 0; i < slots; i++) {
		saved[i] = seg->mms[i].generation;
		seg->mms[i].generation = last - GENERATION_STEP;
	}
	for (u32 i = 0; i < slots; i++) {
		id = space_made();
		CHECK(life_generation(id) == last && (s64)id > 0);
		space_ended(id);
	}
	CHECK_EQ(vl_mm_create(one.self, &options, &id, NULL, 0), VL_E_LIMIT);
	for (u32 i = 0; i < slots; i++)
		seg->mms[i].generation = saved[i] + LIVES * GENERATION_STEP;
}

int main(int argc, char **argv)
{
	struct vl_config config = {.size_bytes = 64 << 20,
				   .mms_max = 3,
				   .participants_max = 4,
				   .frames_max = 1 << 12,
				   .files_max = 1,
				   .vmas_per_mm_max = 100,
				   .frames_per_mm_max = 1 << 30,
				   .lookup = LOOKUP_CACHE};
	char text[4096] = "";
	long n;

	test_begin(argc, argv);
	/* sys/mman.h and ops.h name the same things */
	seg_fd = (int)syscall(SYS_memfd_create, "vmalab-lives", 0);
	CHECK(seg_fd >= 0);
	CHECK_EQ(core_seg_create(seg_fd, "lives", &config, &seg), 0);
	CHECK_EQ(vl_join(seg, ROLE_SUPERVISOR, "one", &one.self), 0);
	CHECK_EQ(vl_join(seg, ROLE_CLIENT, "two", &two.self), 0);
	spaces();
	files();
	userfaultfds();
	cached_lookups();
	sequence();
	sequence_dead();
	used_up();
	n = vl_fsck(one.self, text, sizeof(text) - 1);
	if (n)
		fprintf(stderr, "%s", text);
	CHECK_EQ(n, 0);
	vl_leave(two.self);
	vl_leave(one.self);
	vl_seg_detach(seg);
	close(seg_fd);
	printf("good\n");
	return 0;
}
