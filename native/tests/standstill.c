/* SPDX-License-Identifier: Apache-2.0 */
/*
 * standstill.c: how long the world stands after a death in the middle of something; for each lock
 * model.
 *
 * Goal: it does not grow with the memory that is in use, neither that of others nor that of the
 * address space in which the death was; nor does a slice of the recount that follows.
 * Method: a segment with so many MiB of populated memory; a child that does one operation again and
 * again, on small areas, in that address space or in one of its own, until it is killed. The CPU
 * time of the recoverer with the entry closed is compared with that at another size: the least of
 * some deaths, as a ratio. Then fsck must have nothing to say, and all frames must be back.
 * Seen to fail: with all entries looked at in the standstill, with a recount in one slice, with all
 * entries of a file that was being truncated.
 * Failure: the operation, whose memory it is, and both times.
 * With sizes as arguments: a table of medians, nothing is compared. "closed" is the time for which
 * nobody could enter, with the wait until all have left; on a busy machine it is that of the
 * scheduler.
 */
#include <sys/syscall.h>

#include "test.h"
#include "vmalab/block.h"
#include "vmalab/core.h"
#include "vmalab/frame.h"
#include "vmalab/mm.h"
#include "vmalab/recover.h"
#include "vmalab/uapi.h"
#include "torture.h"

#define MEMORY   0x100000000000ul /* what is populated */
#define AREA     0x200000000000ul /* where the child works */
#define ELSE     0x210000000000ul
#define FILE_AT  0x220000000000ul
#define AREA_MIB 1ul
#define POPULATE 0x8000ul
#define RW       (PROT_READ | PROT_WRITE)
#define ANON     ((u64)(MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED))
#define LITTLE   64u
#define MUCH     2048u
#define RATIO    4
#define DEATHS   5
#define TRIES    400

struct actor {
	struct vl_seg *seg;
	struct participant *self;
	int fd;
	u64 mm;               /* with the memory */
	u64 own;              /* of the child, without */
	u64 file, file_bytes; /* mapped beside the memory, and as large */
};

static void map(struct actor *a, u64 mm, u64 addr, u64 mib, u64 how)
{
	CHECK_EQ(CALL(a, OP_MMAP, 0, mm, addr, mib << 20, RW | (ANON | how) << 32, 0, 0).status, 0);
}

/* --- what the child does --- */

static void unmap(struct actor *a, u64 mm)
{
	map(a, mm, AREA, AREA_MIB, POPULATE);
	CHECK_EQ(CALL(a, OP_MUNMAP, 0, mm, AREA, AREA_MIB << 20).status, 0);
}

static void fault(struct actor *a, u64 mm)
{
	map(a, mm, AREA, AREA_MIB, 0);
	for (u64 at = AREA; at < AREA + (AREA_MIB << 20); at += PAGE_SIZE)
		CHECK_EQ(CALL(a, OP_FAULT, FAULT_WRITE, mm, at, 0).status, 0);
}

static void move(struct actor *a, u64 mm)
{
	u64 len = AREA_MIB << 20;

	map(a, mm, AREA, AREA_MIB, POPULATE);
	for (u32 i = 0; i < 8; i++)
		CHECK_EQ(CALL(a, OP_MREMAP, 0, mm, i % 2 ? ELSE : AREA, len, len,
			      MREMAP_MAYMOVE | MREMAP_FIXED, i % 2 ? AREA : ELSE)
				 .status,
			 0);
}

static void fork_it(struct actor *a, u64 mm)
{
	struct vl_result r = CALL(a, OP_FORK, 0, mm);

	CHECK_EQ(r.status, 0);
	CHECK_EQ(CALL(a, OP_EXIT, 0, r.value).status, 0);
}

static void copy(struct actor *a, u64 mm)
{
	struct vl_result r = CALL(a, OP_UFFD_OPEN, 0, mm, 1);
	u64 uffd = r.value, len = AREA_MIB << 20;

	CHECK_EQ(r.status, 0);
	CHECK_EQ(CALL(a, OP_UFFD_API, 0, mm, uffd, 0xaa, 0).status, 0);
	map(a, mm, ELSE, AREA_MIB, POPULATE);
	for (u32 i = 0; i < 8; i++) {
		map(a, mm, AREA, AREA_MIB, 0);
		CHECK_EQ(CALL(a, OP_UFFD_REGISTER, 0, mm, uffd, AREA, len, 1).status, 0);
		for (u64 at = 0; at < len; at += 16 * PAGE_SIZE)
			CHECK_EQ(CALL(a, OP_UFFD_FILL, UFFD_FILL_COPY, mm, uffd, AREA + at,
				      ELSE + at, 16 * PAGE_SIZE, 0)
					 .status,
				 0);
	}
	CHECK_EQ(CALL(a, OP_UFFD_CLOSE, 0, mm, uffd).status, 0);
}

static void protect(struct actor *a, u64 mm)
{
	map(a, mm, AREA, AREA_MIB, POPULATE);
	for (u32 i = 0; i < 8; i++)
		CHECK_EQ(CALL(a, OP_MPROTECT, 0, mm, AREA, AREA_MIB << 20, i % 2 ? RW : PROT_READ)
				 .status,
			 0);
}

/* All of the file's pages are there. */
static void refill(struct actor *a)
{
	CHECK_EQ(CALL(a, OP_FILE_TRUNCATE, 0, 0, a->file, a->file_bytes).status, 0);
	CHECK_EQ(CALL(a, OP_MADVISE, 0, a->mm, FILE_AT, a->file_bytes, MADV_POPULATE_WRITE).status,
		 0);
}

static void truncate_all(struct actor *a, u64 mm)
{
	(void)mm;
	CHECK_EQ(CALL(a, OP_FILE_TRUNCATE, 0, 0, a->file, PAGE_SIZE).status, 0);
	refill(a);
}

/* In the middle of the file a MiB comes and goes. */
static void punch(struct actor *a, u64 mm)
{
	u64 at = a->file_bytes / 2, len = AREA_MIB << 20;

	(void)mm;
	for (u32 i = 0; i < 8; i++) {
		CHECK_EQ(CALL(a, OP_MADVISE, 0, a->mm, FILE_AT + at, len, MADV_POPULATE_WRITE)
				 .status,
			 0);
		CHECK_EQ(CALL(a, OP_FILE_ALLOCATE, 0, a->mm, a->file,
			      FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, at, len)
				 .status,
			 0);
	}
}

static const struct what {
	const char *name;
	void (*run)(struct actor *a, u64 mm);
	void (*before)(struct actor *a); /* of the parent, or NULL */
} cases[] = {
	{"fault, a fresh page", fault, NULL},
	{"munmap", unmap, NULL},
	{"mprotect", protect, NULL},
	{"mremap", move, NULL},
	{"fork", fork_it, NULL},
	{"UFFDIO_COPY", copy, NULL},
	{"a hole in a file", punch, NULL},
	{"a file truncated", truncate_all, refill},
};

/* --- the parent --- */

static void map_file(struct actor *a, u64 bytes)
{
	u64 how = MAP_SHARED | MAP_FIXED | POPULATE;

	a->file_bytes = bytes;
	CHECK_EQ(vl_file_open(a->self, 8, 5, bytes, "/memory", 0, &a->file), 0);
	CHECK_EQ(CALL(a, OP_MMAP, 0, a->mm, FILE_AT, bytes, RW | how << 32, a->file, 0).status, 0);
}

static void open_all(struct actor *a, u64 mib)
{
	struct vl_mm_options options = {.overcommit = 1};
	u64 frames = mib << 8;
	struct vl_config config = {.size_bytes = (160ul << 20) + frames * 72,
				   .mms_max = 64,
				   .participants_max = 8,
				   .frames_max = (u32)(2 * frames + (1u << 16)),
				   .files_max = 4,
				   .vmas_per_mm_max = 65530,
				   .overcommit = 1,
				   .account_frames_max = UINT32_MAX};

	a->fd = (int)syscall(SYS_memfd_create, "vmalab-standstill", 1);
	CHECK(a->fd >= 0);
	CHECK_EQ(core_seg_create(a->fd, "standstill", &config, &a->seg), 0);
	CHECK_EQ(vl_join(a->seg, ROLE_SUPERVISOR, "parent", &a->self), 0);
	CHECK_EQ(vl_mm_create(a->self, &options, &a->mm, NULL, 0), 0);
	CHECK_EQ(vl_mm_create(a->self, &options, &a->own, NULL, 0), 0);
	if (mib)
		map(a, a->mm, MEMORY, mib, POPULATE);
	map_file(a, max_u64(mib, 2 * AREA_MIB) << 20);
}

static pid_t child_of(const struct actor *parent, const struct what *what, u64 mm)
{
	struct actor a = *parent;
	pid_t pid;

	fflush(NULL);
	pid = fork();
	CHECK(pid >= 0);
	if (pid)
		return pid;
	test_end_with_parent();
	CHECK_EQ(core_seg_attach(parent->fd, &a.seg), 0);
	CHECK_EQ(vl_join(a.seg, ROLE_CLIENT, "child", &a.self), 0);
	for (;;)
		what->run(&a, mm);
}

static void check_clean(struct actor *a)
{
	static char text[4096];
	long n = vl_fsck(a->self, text, sizeof(text) - 1);

	if (n)
		fprintf(stderr, "%s\n", text);
	CHECK_EQ(n, 0);
}

static int by_ns(const void *one, const void *other)
{
	u64 a = *(const u64 *)one, b = *(const u64 *)other;

	return (a > b) - (a < b);
}

/* Is that process in? Its slot is not known: a dead one keeps its slot while its ring waits. */
static bool has_joined(const struct vl_seg *seg, pid_t pid)
{
	for (u32 i = 0; i < seg->hdr->config.participants_max; i++)
		if (load_acquire_u32(&seg->slots[i].role) != ROLE_FREE &&
		    load_relaxed_u32(&seg->slots[i].pid) == (u32)pid)
			return true;
	return false;
}

/* Times of some standstills, in order, and the longest slice of each recovery. */
struct times {
	u64 stopped[DEATHS], slice[DEATHS], closed[DEATHS];
	u32 slices;
};

static void measure(struct actor *a, const struct what *what, u64 mm, struct times *t)
{
	static struct vl_recovery out;
	u64 rng = 7;
	u32 deaths = 0;

	t->slices = 0;
	for (u32 turn = 0; turn < TRIES && deaths < DEATHS; turn++) {
		pid_t pid;

		if (what->before)
			what->before(a);
		pid = child_of(a, what, mm);
		while (!has_joined(a->seg, pid))
			sched_yield();
		sleep_ns(NSEC_PER_MSEC + test_random(&rng) % (4 * NSEC_PER_MSEC));
		CHECK_EQ(waitpid(pid, NULL, WNOHANG), 0); /* else it has failed */
		test_kill(pid);
		CHECK_EQ(vl_recover(a->self, &out), 0);
		CHECK_EQ(out.dead_count, 1);
		(void)vl_mm_reap(a->self);
		if (!out.walks)
			continue;
		t->stopped[deaths] = out.stopped_cpu_ns;
		t->closed[deaths] = out.stopped_ns;
		t->slice[deaths++] = out.slice_cpu_ns;
		t->slices += out.slices;
	}
	CHECK_EQ(deaths, DEATHS); /* else no child was in the middle of it */
	qsort(t->stopped, DEATHS, sizeof(u64), by_ns);
	qsort(t->slice, DEATHS, sizeof(u64), by_ns);
	qsort(t->closed, DEATHS, sizeof(u64), by_ns);
	/* What a child left behind in that address space. */
	(void)CALL(a, OP_MUNMAP, 0, mm, AREA, AREA_MIB << 20);
	(void)CALL(a, OP_MUNMAP, 0, mm, ELSE, AREA_MIB << 20);
}

static void close_all(struct actor *a, u64 mib)
{
	struct frame_numbers n;

	check_clean(a);
	CHECK_EQ(CALL(a, OP_MUNMAP, 0, a->mm, FILE_AT, a->file_bytes).status, 0);
	CHECK_EQ(vl_file_close(a->self, a->file, 0), 0);
	CHECK_EQ(core_enter(a->self), 0);
	rcu_barrier(a->self);
	core_exit(a->self);
	frame_numbers(a->seg, &n);
	CHECK_EQ(n.in_use, mib << 8);
	vl_leave(a->self);
	vl_seg_detach(a->seg);
	close(a->fd);
}

static void print_row(u64 mib, const char *name, u32 same, const struct times *t)
{
	printf("%5lu MiB, %-20s, %-18s: closed %7.3f ms, CPU %7.3f ms; slice, CPU %6.3f ms, %3u "
	       "of them\n",
	       mib, name, same ? "that address space" : "another one",
	       (double)t->closed[DEATHS / 2] / 1e6, (double)t->stopped[DEATHS / 2] / 1e6,
	       (double)t->slice[DEATHS / 2] / 1e6, t->slices / DEATHS);
}

static void table(u32 count, char **sizes)
{
	for (u32 s = 0; s < count; s++) {
		u64 mib = strtoull(sizes[s], NULL, 0);
		struct actor a;

		open_all(&a, mib);
		for (u32 i = 0; i < ARRAY_SIZE(cases); i++) {
			for (u32 same = 0; same < 2; same++) {
				struct times t;

				measure(&a, &cases[i], same ? a.mm : a.own, &t);
				print_row(mib, cases[i].name, same, &t);
			}
		}
		close_all(&a, mib);
	}
}

static void compare(const struct what *what, struct actor *little, struct actor *much, bool same)
{
	struct times l, m;

	measure(little, what, same ? little->mm : little->own, &l);
	measure(much, what, same ? much->mm : much->own, &m);
	printf("%s, %s: %lu and %lu ns, slices %lu and %lu ns\n", what->name,
	       same ? "same address space" : "another address space", l.stopped[0], m.stopped[0],
	       l.slice[0], m.slice[0]);
	CHECK(m.stopped[0] <= RATIO * l.stopped[0]);
	CHECK(m.slice[0] <= RATIO * l.slice[0] + NSEC_PER_MSEC);
}

int main(int argc, char **argv)
{
	struct actor little, much;

	setvbuf(stdout, NULL, _IOLBF, 0);
	if (argc > 1) {
		table((u32)argc - 1, argv + 1);
		return 0;
	}
	open_all(&little, LITTLE);
	open_all(&much, MUCH);
	for (u32 i = 0; i < ARRAY_SIZE(cases); i++)
		for (u32 same = 0; same < 2; same++)
			compare(&cases[i], &little, &much, same);
	close_all(&little, LITTLE);
	close_all(&much, MUCH);
	printf("good\n");
	return 0;
}
