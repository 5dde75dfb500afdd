/* SPDX-License-Identifier: Apache-2.0 */
/*
 * recount.c: what a recovery does in slices while the world runs; for each lock model.
 *
 * Goal: a recount finds the right count of each frame, whatever the living do to entries between
 * two slices; what a death has leaked comes back; entries that a dead call left are put right while
 * others use the address space, and no writer comes in before.
 * Method: one table or so in a slice. Children change entries in every way there is, and recounts
 * are made one after the other: nobody has died, so no count may be wrong. Then children die with
 * frames in hand, while they take what the living keep, and in the middle of a long munmap and of a
 * long truncation; a recoverer dies between two slices.
 * Failure: counts that a recount "fixed" although nobody died: somebody changed an entry and did
 * not note it. Lines of the walker: what is left.
 * Seen to fail: with each recount_note left out, but for the three of an entry that is taken back
 * because its page has left its file meanwhile, which is rare; with a new table that is not
 * counted;
 * with charges that are not noted or not set; with no recount after a walk, with no mending, with
 * its lock kept; with a fault or a call that does not wait; with fsck before the end of a recount;
 * with moves that are not repaired; with what address spaces are charged not set, or not noted;
 * with frames of the living that are taken without a note in hand; with a truncation whose entries,
 * or pages of the file, are not looked for, whose lock is not kept, or whose announcement does not
 * end.
 */
#include <sys/syscall.h>

#include "test.h"
#include "vmalab/block.h"
#include "vmalab/core.h"
#include "vmalab/lock_model.h"
#include "vmalab/recover.h"
#include "vmalab/resident.h"
#include "vmalab/uapi.h"
#include "torture.h"

#define AREA     0x200000000000ul
#define ELSE     0x210000000000ul
#define OF_FILE  0x220000000000ul
#define CLOSED   0x230000000000ul
#define PAGES    1024ul  /* of each area: two tables */
#define LONG     65536ul /* pages of the long munmap */
#define POPULATE 0x8000ul
#define RW       (PROT_READ | PROT_WRITE)
#define ANON     ((u64)(MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED))
#define CHILDREN 2
#define ROUNDS   12 /* recounts at least */

struct actor {
	struct vl_seg *seg;
	struct participant *self;
	int fd;
	u64 mm, file, long_file;
	u64 rng;
};

static u64 page_of(struct actor *a, u64 area)
{
	return area + test_random(&a->rng) % PAGES * PAGE_SIZE;
}

static void map(struct actor *a, u64 mm, u64 addr, u64 pages, u64 how, u64 file)
{
	CHECK_EQ(CALL(a, OP_MMAP, 0, mm, addr, pages << PAGE_SHIFT, RW | how << 32, file, 0).status,
		 0);
}

/* --- what changes entries --- */

static void touch(struct actor *a, u64 mm)
{
	for (u32 i = 0; i < 32; i++)
		(void)CALL(a, OP_FAULT, i % 4 ? FAULT_WRITE : FAULT_READ, mm,
			   page_of(a, i % 2 ? AREA : OF_FILE), 0);
}

static void fork_it(struct actor *a)
{
	struct vl_result r = CALL(a, OP_FORK, 0, a->mm);

	CHECK_EQ(r.status, 0);
	touch(a, r.value);
	touch(a, a->mm);
	CHECK_EQ(CALL(a, OP_EXIT, 0, r.value).status, 0);
}

static void move(struct actor *a)
{
	u64 len = 64 << PAGE_SHIFT, at = AREA + PAGES / 2 * PAGE_SIZE;

	(void)CALL(a, OP_MREMAP, 0, a->mm, at, len, len, MREMAP_MAYMOVE | MREMAP_FIXED, ELSE);
	touch(a, a->mm);
	(void)CALL(a, OP_MREMAP, 0, a->mm, ELSE, len, len, MREMAP_MAYMOVE | MREMAP_FIXED, at);
}

static void cut(struct actor *a)
{
	u64 pages = test_random(&a->rng) % PAGES;

	if (pages % 2) {
		CHECK_EQ(CALL(a, OP_FILE_TRUNCATE, 0, 0, a->file, pages << PAGE_SHIFT).status, 0);
		CHECK_EQ(CALL(a, OP_FILE_TRUNCATE, 0, 0, a->file, PAGES << PAGE_SHIFT).status, 0);
	} else {
		CHECK_EQ(CALL(a, OP_FILE_ALLOCATE, 0, 0, a->file, 3, pages << PAGE_SHIFT,
			      99 << PAGE_SHIFT)
				 .status,
			 0);
	}
}

/* Of an address space of its own: others would have to know its areas. */
static void user_faults(struct actor *a)
{
	struct vl_mm_options options = {.overcommit = 1};
	u64 mm, uffd, len = 64 << PAGE_SHIFT;

	CHECK_EQ(vl_mm_create(a->self, &options, &mm, NULL, 0), 0);
	uffd = CALL(a, OP_UFFD_OPEN, 0, mm, 1).value;
	CHECK_EQ(CALL(a, OP_UFFD_API, 0, mm, uffd, 0xaa, 0).status, 0);
	map(a, mm, AREA, 64, ANON, 0);
	map(a, mm, ELSE, 64, ANON | POPULATE, 0);
	CHECK_EQ(CALL(a, OP_UFFD_REGISTER, 0, mm, uffd, AREA, len, 1).status, 0);
	CHECK_EQ(CALL(a, OP_UFFD_FILL, UFFD_FILL_COPY, mm, uffd, AREA, ELSE, len / 2, 0).status, 0);
	map(a, mm, CLOSED, 64, MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED, 0);
	CHECK_EQ(CALL(a, OP_UFFD_REGISTER, 0, mm, uffd, CLOSED, len, 1).status, 0);
	CHECK_EQ(CALL(a, OP_UFFD_FILL, UFFD_FILL_COPY, mm, uffd, CLOSED, ELSE, len / 2, 0).status,
		 0);
	CHECK_EQ(CALL(a, OP_UFFD_MOVE, 0, mm, AREA + len / 2, ELSE, len / 2, 0, uffd).status, 0);
	CHECK_EQ(CALL(a, OP_MADVISE, 0, mm, AREA, len / 4, 102).status, 0); /* guards */
	CHECK_EQ(vl_mm_put(a->self, mm), 0);
}

/* The last close of a file with pages. */
static void close_file(struct actor *a)
{
	u64 file, id = test_random(&a->rng);

	if (vl_file_open(a->self, 2, id, 64 << PAGE_SHIFT, "/memfd:closed", 0, &file) != 0)
		return; /* too many files */
	map(a, a->mm, CLOSED, 64, MAP_SHARED | MAP_FIXED | POPULATE, file);
	CHECK_EQ(CALL(a, OP_MUNMAP, 0, a->mm, CLOSED, 64 << PAGE_SHIFT).status, 0);
	CHECK_EQ(vl_file_close(a->self, file, 0), 0);
}

static void change(struct actor *a)
{
	u64 r = test_random(&a->rng);

	touch(a, a->mm);
	switch (r % 8) {
	case 0:
		(void)CALL(a, OP_MADVISE, 0, a->mm, page_of(a, AREA), 40 << PAGE_SHIFT, 4);
		break;
	case 1:
		(void)CALL(a, OP_MADVISE, 0, a->mm, page_of(a, AREA), 4 << PAGE_SHIFT, 102);
		(void)CALL(a, OP_MADVISE, 0, a->mm, AREA, PAGES << PAGE_SHIFT, 103);
		break;
	case 2:
		fork_it(a);
		break;
	case 3:
		move(a);
		break;
	case 4:
		cut(a);
		break;
	case 5:
		user_faults(a);
		break;
	case 6:
		close_file(a);
		break;
	default:
		map(a, a->mm, page_of(a, AREA), 100, ANON | POPULATE, 0);
		map(a, a->mm, OF_FILE, PAGES, (r & 8 ? MAP_SHARED : MAP_PRIVATE) | MAP_FIXED,
		    a->file);
	}
}

/* --- the parent --- */

static void open_all(struct actor *a)
{
	struct vl_mm_options options = {.overcommit = 1};
	struct vl_config config = {.size_bytes = 128 << 20,
				   .mms_max = 32,
				   .participants_max = 8,
				   .frames_max = 1 << 17,
				   .files_max = 32,
				   .vmas_per_mm_max = 65530,
				   .frames_per_mm_max = 1 << 17, /* so that they are counted */
				   .overcommit = 1};

	*a = (struct actor){.rng = test_seed_value};
	recount_slice_ns = 1;
	a->fd = (int)syscall(SYS_memfd_create, "vmalab-recount", 1);
	CHECK(a->fd >= 0);
	CHECK_EQ(core_seg_create(a->fd, "recount", &config, &a->seg), 0);
	CHECK_EQ(vl_join(a->seg, ROLE_SUPERVISOR, "parent", &a->self), 0);
	CHECK(vl_account_use(a->self, 77, "recount") > 0);
	CHECK_EQ(vl_mm_create(a->self, &options, &a->mm, NULL, 0), 0);
	CHECK_EQ(vl_file_open(a->self, 1, 100, PAGES << PAGE_SHIFT, "/memfd:recount", 0, &a->file),
		 0);
	CHECK_EQ(vl_file_open(a->self, 1, 101, 0, "/memfd:long", 0, &a->long_file), 0);
	map(a, a->mm, AREA, PAGES, ANON | POPULATE, 0);
	map(a, a->mm, OF_FILE, PAGES, MAP_SHARED | MAP_FIXED | POPULATE, a->file);
}

static pid_t child_of(const struct actor *parent, void (*run)(struct actor *a), u64 seed)
{
	struct actor a = *parent;
	pid_t pid;

	fflush(NULL);
	pid = fork();
	CHECK(pid >= 0);
	if (pid)
		return pid;
	test_end_with_parent();
	a.rng = seed;
	CHECK_EQ(core_seg_attach(parent->fd, &a.seg), 0);
	CHECK_EQ(vl_join(a.seg, ROLE_CLIENT, "child", &a.self), 0);
	CHECK(vl_account_use(a.self, 77, "recount") > 0);
	for (;;)
		run(&a);
}

static void check_clean(struct actor *a)
{
	static char text[4096];
	long n = vl_fsck(a->self, text, sizeof(text) - 1);

	if (n)
		fprintf(stderr, "%s\n", text);
	CHECK_EQ(n, 0);
}

static void stop(struct actor *a)
{
	u32 stuck;

	CHECK_EQ(world_stop(a->self, 600 * NSEC_PER_SEC, &stuck), 0);
}

/* Nobody has died: nothing is wrong. */
static void test_living(struct actor *a)
{
	static struct vl_recovery out;
	pid_t pids[CHILDREN];
	u32 rounds = 0, slices = 0;

	for (u32 i = 0; i < CHILDREN; i++)
		pids[i] = child_of(a, change, test_random(&a->rng));
	test_time_begin();
	for (; rounds < ROUNDS || !test_time_over(); rounds++) {
		memset(&out, 0, sizeof(out));
		stop(a);
		recount_begin(a->seg);
		world_start(a->self);
		CHECK_EQ(recount_finish(a->self, &out, false, RECOUNT_SHARE), 0);
		CHECK_EQ(out.frames_fixed, 0);
		CHECK(out.slices > 8);
		slices += out.slices;
		for (u32 i = 0; i < CHILDREN; i++)
			CHECK_EQ(waitpid(pids[i], NULL, WNOHANG), 0); /* else it has failed */
		check_clean(a);
	}
	for (u32 i = 0; i < CHILDREN; i++)
		test_kill(pids[i]);
	CHECK_EQ(vl_recover(a->self, &out), 0);
	CHECK_EQ(out.dead_count, CHILDREN);
	CHECK(vl_mm_reap(a->self) >= 0);
	check_clean(a);
	/* What one that was killed has left moved away. */
	CHECK_EQ(CALL(a, OP_MUNMAP, 0, a->mm, ELSE, 64 << PAGE_SHIFT).status, 0);
	printf("%u recounts in %u slices\n", rounds, slices);
}

/* Who dies with frames in hand, and with references and charges that no entry has. */
static void die_with_frames(struct actor *a)
{
	const struct mm_struct *mm = mm_find(a->seg, a->mm);

	CHECK_EQ(core_enter(a->self), 0);
	for (u32 i = 0; i < 300; i++)
		CHECK(frame_alloc_for(a->self, mm->account) != FRAME_NONE);
	for (u64 i = 0; i < 50; i++) {
		const pte_t *pte = pte_lookup(a->seg, &mm->pgd, AREA + i * PAGE_SIZE);

		if (pte && pte_counts(*pte))
			frame_get(a->self, pte_frame(*pte));
		CHECK(mm_frame_charge(a->self, mm));
	}
	_exit(42);
}

static u64 in_use(struct actor *a)
{
	struct frame_numbers n;

	CHECK_EQ(core_enter(a->self), 0);
	rcu_barrier(a->self);
	core_exit(a->self);
	frame_numbers(a->seg, &n);
	return n.in_use;
}

/* fsck_ends: the recovery ends with its standstill, and fsck does the slices. */
static void test_leaks(struct actor *a, bool fsck_ends)
{
	static struct vl_recovery out;
	u32 account = mm_find(a->seg, a->mm)->account;
	u64 before, charged;

	map(a, a->mm, AREA, PAGES, ANON | POPULATE, 0);
	CHECK_EQ(vl_recover(a->self, &out), 0);
	before = in_use(a);
	account_flush(a->self);
	charged = account_charged(a->seg, account, CHARGE_FRAMES);
	CHECK(account > 0 && charged >= PAGES);
	CHECK_EQ(waitpid(child_of(a, die_with_frames, 1), NULL, 0) > 0, 1);
	CHECK(in_use(a) >= before + 300);
	memset(&out, 0, sizeof(out));
	if (fsck_ends) {
		CHECK_EQ(recover_stop(a->self, &out, true), 0);
		CHECK(recount_due(a->seg));
		check_clean(a);
	} else {
		CHECK_EQ(vl_recover(a->self, &out), 0);
		CHECK_EQ(out.frames_fixed, 350);
	}
	CHECK_EQ(out.walks, 1);
	CHECK_EQ(in_use(a), before);
	account_flush(a->self);
	CHECK_EQ(account_charged(a->seg, account, CHARGE_FRAMES), charged);
	check_clean(a);
}

/* Who dies between the two stores of a move: the page is in both entries, with one reference. */
static void die_moving(struct actor *a)
{
	struct mm_struct *mm = mm_find(a->seg, a->mm);
	pte_t *from = pte_lookup(a->seg, &mm->pgd, AREA), *to = from + 1;

	CHECK_EQ(core_enter(a->self), 0);
	CHECK_EQ(mmap_write_lock(a->self, mm, a->mm), 0);
	a->self->area->moving[1] = (u64)((u8 *)to - a->seg->base);
	a->self->area->moving[0] = (u64)((u8 *)from - a->seg->base);
	*to = *from;
	_exit(42);
}

static void test_move(struct actor *a)
{
	static struct vl_recovery out;
	const struct mm_struct *mm = mm_find(a->seg, a->mm);
	const pte_t *from;
	pte_t moved;

	map(a, a->mm, AREA, PAGES, ANON, 0);
	CHECK_EQ(CALL(a, OP_FAULT, FAULT_WRITE, a->mm, AREA, 0).status, 0);
	from = pte_lookup(a->seg, &mm->pgd, AREA);
	moved = *from;
	CHECK_EQ(waitpid(child_of(a, die_moving, 1), NULL, 0) > 0, 1);
	CHECK_EQ(vl_recover(a->self, &out), 0);
	CHECK_EQ(from[0], 0);
	CHECK_EQ(from[1], moved);
	CHECK_EQ(frame_refs(a->seg, pte_frame(moved)), 1);
	check_clean(a);
}

static void die_with_all(struct actor *a)
{
	CHECK_EQ(core_enter(a->self), 0);
	while (frame_alloc(a->self) != FRAME_NONE)
		;
	_exit(42);
}

/* A call or fault that finds no frame while a recount is due waits for it, and gets one. */
static void test_wait(struct actor *a)
{
	static struct vl_recovery out;

	for (u32 call = 0; call < 2; call++) {
		map(a, a->mm, AREA, PAGES, ANON, 0);
		(void)in_use(a);
		frame_flush(a->self);
		CHECK_EQ(waitpid(child_of(a, die_with_all, 1), NULL, 0) > 0, 1);
		CHECK_EQ(CALL(a, OP_FAULT, FAULT_WRITE, a->mm, AREA, 0).status, VL_S_LIMIT);
		memset(&out, 0, sizeof(out));
		CHECK_EQ(recover_stop(a->self, &out, true), 0);
		CHECK_EQ(out.walks, 1);
		if (call)
			CHECK_EQ(CALL(a, OP_MADVISE, 0, a->mm, AREA, PAGE_SIZE, 23).status, 0);
		else
			CHECK_EQ(CALL(a, OP_FAULT, FAULT_WRITE, a->mm, AREA, 0).status, 0);
		CHECK(!recount_due(a->seg));
		check_clean(a);
	}
}

/* --- frames of the living --- */

#define KEPT 4000

/* The parent's magazine is emptied again and again (recovery/reclaim.c). */
static void reclaim(struct actor *a)
{
	u32 *repairing = &a->seg->hdr->repairing;

	CHECK_EQ(core_enter(a->self), 0);
	core_block(a->self);
	stop(a);
	store_relaxed_u32(repairing, a->self->index + 1);
	frame_magazine_reclaim(a->self, 0);
	store_relaxed_u32(repairing, 0);
	world_start(a->self);
	core_unblock(a->self);
	core_exit(a->self);
}

static void keep_frames(struct actor *a)
{
	static u32 frames[KEPT];

	CHECK_EQ(core_enter(a->self), 0);
	for (u32 i = 0; i < KEPT; i++)
		CHECK((frames[i] = frame_alloc(a->self)) != FRAME_NONE);
	for (u32 i = 0; i < KEPT; i++)
		frame_put_now(a->self, frames[i]);
	core_exit(a->self);
}

/* What the dead reclaimer gave back can be had. */
static void take_from_pool(struct actor *a)
{
	u32 frame;

	CHECK_EQ(core_enter(a->self), 0);
	frame_flush(a->self);
	frame = frame_alloc(a->self);
	CHECK(frame != FRAME_NONE);
	frame_put_now(a->self, frame);
	core_exit(a->self);
}

/* Who is killed while it takes what the living keep: all of it is in one place. */
static void test_reclaim(struct actor *a)
{
	static struct vl_recovery out;
	const u32 *count = &a->self->area->frame_count;
	u64 before = in_use(a);
	u32 halfway = 0;

	for (u32 turn = 0; turn < 20 || (!halfway && turn < 1000); turn++) {
		u32 kept;
		pid_t pid;

		keep_frames(a);
		kept = *count;
		CHECK(kept > KEPT / 2);
		pid = child_of(a, reclaim, 1);
		while (load_relaxed_u32(count) == kept)
			CHECK_EQ(waitpid(pid, NULL, WNOHANG), 0); /* else it has failed */
		test_kill(pid);
		halfway += *count != 0;
		CHECK_EQ(vl_recover(a->self, &out), 0);
		CHECK_EQ(out.dead_count, 1);
		take_from_pool(a);
		CHECK_EQ(in_use(a), before);
		check_clean(a);
	}
	printf("%u killed halfway\n", halfway);
}

/* --- a long munmap --- */

static void unmap_long(struct actor *a)
{
	map(a, a->mm, ELSE, LONG, ANON | POPULATE, 0);
	CHECK_EQ(CALL(a, OP_MUNMAP, 0, a->mm, ELSE, LONG << PAGE_SHIFT).status, 0);
}

/* Kills a child while its VMA is gone and most of its entries are there. */
static void kill_in_munmap(struct actor *a)
{
	const struct mm_struct *mm = mm_find(a->seg, a->mm);
	pid_t pid = child_of(a, unmap_long, 1);
	bool seen = false;

	while (!seen) {
		const pte_t *pte;

		stop(a);
		pte = pte_lookup(a->seg, &mm->pgd, ELSE + LONG / 2 * PAGE_SIZE);
		seen = participant_area_of(a->seg, 1)->unmapped && pte && *pte;
		CHECK_EQ(waitpid(pid, NULL, WNOHANG), 0); /* else it has failed */
		if (seen)
			test_kill(pid);
		world_start(a->self);
		sleep_ns(NSEC_PER_MSEC / 20);
	}
}

static void recover_a_slice(struct actor *a)
{
	static struct vl_recovery out;

	CHECK_EQ(recover_stop(a->self, &out, true), 0);
	_exit(42);
}

/* The lock of the address space while it is mended; both are tried as others would. */
static void check_lock(struct actor *a, bool mended)
{
	struct mm_struct *mm = mm_find(a->seg, a->mm);

	CHECK_EQ(core_enter(a->self), 0);
	CHECK(down_read_trylock(a->self, &mm->mmap_lock, HOLD_MMAP));
	up_read(a->self, &mm->mmap_lock, HOLD_MMAP);
	if (down_write_trylock(a->self, &mm->mmap_lock, HOLD_MMAP)) {
		up_write(a->self, &mm->mmap_lock, HOLD_MMAP);
		CHECK(mended);
	} else {
		CHECK(!mended);
	}
	core_exit(a->self);
}

static void test_long(struct actor *a, bool recoverer_dies)
{
	static struct vl_recovery out;
	const struct mm_struct *mm = mm_find(a->seg, a->mm);
	u64 before = in_use(a);

	kill_in_munmap(a);
	memset(&out, 0, sizeof(out));
	CHECK_EQ(recover_stop(a->self, &out, true), 0);
	CHECK_EQ(out.walks, 1);
	CHECK_EQ(mm_aside(a->seg, mm)->mending, 1);
	check_lock(a, false);
	CHECK_EQ(CALL(a, OP_FAULT, FAULT_WRITE, a->mm, AREA, 0).status, 0);
	if (recoverer_dies)
		CHECK_EQ(waitpid(child_of(a, recover_a_slice, 1), NULL, 0) > 0, 1);
	CHECK_EQ(mm_aside(a->seg, mm)->mending, 1);
	CHECK_EQ(vl_recover(a->self, &out), 0);
	CHECK_EQ(mm_aside(a->seg, mm)->mending, 0);
	check_lock(a, true);
	check_clean(a);
	CHECK_EQ(in_use(a), before);
	unmap_long(a);
}

/* --- a long truncation --- */

static void truncate_long(struct actor *a)
{
	CHECK_EQ(CALL(a, OP_FILE_TRUNCATE, 0, 0, a->long_file, LONG << PAGE_SHIFT).status, 0);
	map(a, a->mm, ELSE, LONG, MAP_SHARED | MAP_FIXED | POPULATE, a->long_file);
	CHECK_EQ(CALL(a, OP_FILE_TRUNCATE, 0, 0, a->long_file, PAGE_SIZE).status, 0);
}

/* Kills a child while most of the entries are there, and the pages are out of the file; early:
 * while half of these are there too. */
static void kill_in_truncation(struct actor *a, const struct file *file, bool early)
{
	const struct mm_struct *mm = mm_find(a->seg, a->mm);
	pid_t pid = child_of(a, truncate_long, 1);
	bool seen = false;

	while (!seen) {
		u64 middle = LONG / 2 * PAGE_SIZE;
		const pte_t *pte, *cached, *first;

		stop(a);
		pte = pte_lookup(a->seg, &mm->pgd, ELSE + middle);
		cached = pte_lookup(a->seg, &file->cache, middle);
		first = pte_lookup(a->seg, &file->cache, PAGE_SIZE);
		seen = file->cut_to && pte && *pte && first && !*first &&
		       (cached && *cached) == early;
		CHECK_EQ(waitpid(pid, NULL, WNOHANG), 0); /* else it has failed */
		if (seen)
			test_kill(pid);
		world_start(a->self);
		sleep_ns(NSEC_PER_MSEC / 20);
	}
}

/* Recovery has the file's lock, as others would find it. */
static bool file_locked(struct actor *a, struct file *file)
{
	bool free;

	CHECK_EQ(core_enter(a->self), 0);
	free = down_write_trylock(a->self, &file->lock, HOLD_MMAP2);
	if (free)
		up_write(a->self, &file->lock, HOLD_MMAP2);
	core_exit(a->self);
	return !free;
}

static void test_truncation(struct actor *a, bool early, bool recoverer_dies)
{
	static struct vl_recovery out;
	const struct mm_struct *mm = mm_find(a->seg, a->mm);
	struct file *file = file_find(a->seg, a->long_file);
	u64 before = in_use(a);

	kill_in_truncation(a, file, early);
	memset(&out, 0, sizeof(out));
	CHECK_EQ(recover_stop(a->self, &out, true), 0);
	CHECK_EQ(out.walks, 1);
	CHECK_EQ(file->mending, 1);
	CHECK(file->cut_to != 0 && file_locked(a, file));
	CHECK_EQ(mm_aside(a->seg, mm)->mending, 1);
	CHECK_EQ(CALL(a, OP_FAULT, FAULT_WRITE, a->mm, AREA, 0).status, 0);
	if (recoverer_dies)
		CHECK_EQ(waitpid(child_of(a, recover_a_slice, 1), NULL, 0) > 0, 1);
	CHECK_EQ(file->mending, 1);
	CHECK_EQ(vl_recover(a->self, &out), 0);
	CHECK_EQ(file->mending, 0);
	CHECK(file->cut_to == 0 && !file_locked(a, file));
	check_clean(a);
	CHECK_EQ(*pte_lookup(a->seg, &mm->pgd, ELSE + LONG / 2 * PAGE_SIZE), 0);
	CHECK_EQ(CALL(a, OP_MUNMAP, 0, a->mm, ELSE, LONG << PAGE_SHIFT).status, 0);
	CHECK_EQ(CALL(a, OP_FILE_TRUNCATE, 0, 0, a->long_file, 0).status, 0);
	CHECK_EQ(in_use(a), before);
}

/* Who dies while it waits for the lock of a file has cut nothing: a living one has it, and keeps
 * it. */
static void test_waits_for_file(struct actor *a)
{
	static struct vl_recovery out;
	struct file *file = file_find(a->seg, a->long_file);
	u64 waits = (u64)vl_ref_of(a->seg, &file->lock) << 8 | HELD_WRITE | HELD_WAITING;
	struct participant *holder;
	pid_t pid;

	CHECK_EQ(vl_join(a->seg, ROLE_CLIENT, "holder", &holder), 0);
	CHECK_EQ(core_enter(holder), 0);
	down_write(holder, &file->lock, HOLD_MMAP2);
	core_block(holder);
	pid = child_of(a, truncate_long, 1);
	for (bool seen = false; !seen; sleep_ns(NSEC_PER_MSEC / 20)) {
		CHECK_EQ(waitpid(pid, NULL, WNOHANG), 0); /* else it has failed */
		for (u32 place = 0; place < HOLDS_COUNT; place++)
			seen |= load_relaxed_u64(&a->seg->slots[2].held[place]) == waits;
	}
	test_kill(pid);
	memset(&out, 0, sizeof(out));
	CHECK_EQ(vl_recover(a->self, &out), 0);
	CHECK_EQ(out.dead_count, 1);
	CHECK(file->mending == 0 && file->cut_to == 0);
	CHECK(file_locked(a, file));
	core_unblock(holder);
	up_write(holder, &file->lock, HOLD_MMAP2);
	core_exit(holder);
	vl_leave(holder);
	CHECK(!file_locked(a, file));
	check_clean(a);
}

int main(int argc, char **argv)
{
	struct actor a;

	test_begin(argc, argv);
	open_all(&a);
	test_living(&a);
	test_leaks(&a, false);
	test_leaks(&a, true);
	test_move(&a);
	test_wait(&a);
	test_reclaim(&a);
	test_long(&a, false);
	test_long(&a, true);
	test_truncation(&a, true, false);
	test_truncation(&a, false, false);
	test_truncation(&a, false, true);
	test_waits_for_file(&a);
	vl_leave(a.self);
	vl_seg_detach(a.seg);
	printf("good\n");
	return 0;
}
