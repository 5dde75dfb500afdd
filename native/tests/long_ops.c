/* SPDX-License-Identifier: Apache-2.0 */
/*
 * long_ops.c: the world stops in the middle of a long operation, and a recovery finds what its
 * owner has in hand; for each lock model.
 *
 * Goal: a munmap of many VMAs, the last close of a file with many pages, and an import of many VMAs
 * pass safe points. A recovery that walks everything there takes nothing away from the owner, which
 * goes on. An owner that is killed there leaves nothing.
 * Method: a child does the operation again and again. The parent stops the world until the slot and
 * what is published say that the child is in the middle of it, and repairs as after a death. The
 * last time the child is killed there.
 * Failure: "never seen" is an operation without safe points; a count is what a recovery took from
 * the living; a line of the walker is what is left.
 * Seen to fail: with each operation without its safe points (never seen); with a walk that does not
 * follow the list of unmapped VMAs, or the first of it alone (vmas_freed); with one that does not
 * know a closed file, or keeps that of a dead releaser (state).
 */
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>

#include "test.h"
#include "vmalab/block.h"
#include "vmalab/core.h"
#include "vmalab/frame.h"
#include "vmalab/mm.h"
#include "vmalab/participant.h"
#include "vmalab/rcu.h"
#include "vmalab/recover.h"
#include "torture.h"

#define AREA     0x200000000000ul
#define POPULATE 0x8000ul
#define PAGES    8192ul /* eight times as many as lie between two safe points */
#define AREAS    64ul   /* of a munmap */
#define LINES    12000u /* of an import */
#define SEEN     3u
#define TURNS    40000u

struct actor {
	struct vl_seg *seg;
	struct participant *self;
	int fd;
};

static char *maps;
static u64 maps_bytes;

/* Areas that do not merge, as text. */
static void write_maps(void)
{
	u64 at = 0;

	maps = malloc(LINES * 64ul);
	CHECK(maps);
	for (u64 i = 0; i < LINES; i++)
		at += (u64)sprintf(maps + at, "%lx-%lx r--p 00000000 00:00 0\n",
				   AREA + 2 * i * PAGE_SIZE, AREA + (2 * i + 1) * PAGE_SIZE);
	maps_bytes = at;
}

static void map(struct actor *a, u64 mm, u64 addr, u64 pages, u64 prot, u64 how, u64 file)
{
	how |= MAP_FIXED | POPULATE;
	CHECK_EQ(CALL(a, OP_MMAP, 0, mm, addr, pages << PAGE_SHIFT, prot | how << 32, file, 0)
			 .status,
		 0);
}

static void unmap(struct actor *a, u64 mm, u64 pages)
{
	CHECK_EQ(CALL(a, OP_MUNMAP, 0, mm, AREA, pages << PAGE_SHIFT).status, 0);
}

/* --- what the child does --- */

static void unmap_many(struct actor *a, u64 mm)
{
	u64 rw = PROT_READ | PROT_WRITE, pages = PAGES / AREAS;

	for (u64 i = 0; i < AREAS; i++)
		map(a, mm, AREA + i * pages * PAGE_SIZE, pages, i % 2 ? rw : rw | PROT_EXEC,
		    MAP_PRIVATE | MAP_ANONYMOUS, 0);
	unmap(a, mm, PAGES);
}

/* By turns: closed last by its own call, and by munmap. */
static void close_last(struct actor *a, u64 mm)
{
	static bool first;
	u64 file;

	CHECK_EQ(vl_file_open(a->self, 1, 100, PAGES << PAGE_SHIFT, "/memfd:long", 0, &file), 0);
	map(a, mm, AREA, PAGES, PROT_READ | PROT_WRITE, MAP_SHARED, file);
	first = !first;
	if (first)
		CHECK_EQ(vl_file_close(a->self, file, 0), 0);
	unmap(a, mm, PAGES);
	if (!first)
		CHECK_EQ(vl_file_close(a->self, file, 0), 0);
}

static void import(struct actor *a, u64 mm)
{
	struct vl_mm_options options = {.maps = maps, .maps_bytes = maps_bytes};
	u64 made;

	(void)mm;
	CHECK_EQ(vl_mm_create(a->self, &options, &made, NULL, 0), 0);
	CHECK_EQ(vl_mm_put(a->self, made), 0);
}

/* --- where the parent sees it: the world is stopped --- */

static bool is_unmapping(const struct vl_seg *seg, u32 index)
{
	return participant_area_of(seg, index)->unmapped != 0;
}

static bool is_closing(const struct vl_seg *seg, u32 index)
{
	const struct file *file = file_table(seg);

	return file->state == FILE_CLOSED && file->releaser == index + 1;
}

static bool is_importing(const struct vl_seg *seg, u32 index)
{
	const struct mm_struct *mms = mm_table(seg);

	(void)index;
	for (u32 i = 0; i < seg->hdr->config.mms_max; i++)
		if (mms[i].state == MM_BUILDING && mms[i].map_count)
			return true;
	return false;
}

static const struct long_case {
	const char *name;
	void (*run)(struct actor *a, u64 mm);
	bool (*is_in)(const struct vl_seg *seg, u32 index);
} cases[] = {
	{"munmap of many VMAs", unmap_many, is_unmapping},
	{"last close", close_last, is_closing},
	{"import", import, is_importing},
};

/* --- the parent --- */

static void open_all(struct actor *a)
{
	struct vl_config config = {.size_bytes = 128 << 20,
				   .mms_max = 8,
				   .participants_max = 8,
				   .frames_max = 1 << 15,
				   .files_max = 4,
				   .vmas_per_mm_max = 65530,
				   .frames_per_mm_max = 1 << 30};

	a->fd = memfd_create("vmalab-long-ops", MFD_CLOEXEC);
	CHECK(a->fd >= 0);
	CHECK_EQ(core_seg_create(a->fd, "long", &config, &a->seg), 0);
	CHECK_EQ(vl_join(a->seg, ROLE_SUPERVISOR, "long", &a->self), 0);
}

static pid_t child_of(const struct actor *parent, const struct long_case *c)
{
	struct vl_mm_options options = {0};
	struct actor a = {.fd = parent->fd};
	pid_t pid;
	u64 mm;

	fflush(NULL);
	pid = fork();
	CHECK(pid >= 0);
	if (pid)
		return pid;
	alarm(TEST_HANG_S);
	CHECK_EQ(prctl(PR_SET_PDEATHSIG, SIGKILL), 0);
	CHECK_EQ(core_seg_attach(a.fd, &a.seg), 0);
	CHECK_EQ(vl_join(a.seg, ROLE_CLIENT, "child", &a.self), 0);
	CHECK_EQ(vl_mm_create(a.self, &options, &mm, NULL, 0), 0);
	for (;;)
		c->run(&a, mm);
}

/* A walk that repairs, as after a death in the middle of something, of which there is none. */
static void repair(struct actor *a)
{
	static struct vl_recovery out;
	struct dead_set dead;

	find_dead(a->seg, &dead);
	CHECK_EQ(dead.count, 0);
	memset(&out, 0, sizeof(out));
	a->seg->hdr->repairing = a->self->index + 1;
	CHECK_EQ(recover_dead(a->self, &dead, &out), 0);
	CHECK_EQ(out.walks, 1);
	CHECK_EQ(out.vmas_freed, 0);
	CHECK_EQ(out.objects_freed, 0);
	CHECK_EQ(out.nodes_freed, 0);
	CHECK_EQ(out.pages_freed, 0);
	CHECK_EQ(out.mms_reaped, 0);
}

static void see(struct actor *a, const struct long_case *c, pid_t pid)
{
	u32 seen = 0, turn, stuck;

	for (turn = 0; turn < TURNS && seen < SEEN; turn++) {
		CHECK_EQ(waitpid(pid, NULL, WNOHANG), 0); /* else it has failed */
		CHECK_EQ(world_stop(a->self, 600 * NSEC_PER_SEC, &stuck), 0);
		if (a->seg->slots[1].in_core == CORE_BLOCKED && c->is_in(a->seg, 1)) {
			repair(a);
			CHECK(c->is_in(a->seg, 1)); /* still its own */
			if (++seen == SEEN)
				test_kill(pid);
		}
		world_start(a->self);
		sleep_ns(NSEC_PER_MSEC / 20 * (1 + turn % 7));
	}
	printf("seen %u times in %u turns\n", seen, turn);
	if (seen < SEEN) {
		fprintf(stderr, "%s: never seen in the middle of it\n", c->name);
		exit(1);
	}
}

/* Opens without a lease outlive who opened. */
static void close_files(struct actor *a)
{
	for (u32 i = 0; i < a->seg->hdr->config.files_max; i++) {
		const struct file *file = &file_table(a->seg)[i];

		while (file->state == FILE_USED && file_opens(file))
			CHECK_EQ(vl_file_close(a->self, file_id(file), 0), 0);
		CHECK_EQ(file->state, 0);
	}
}

static void test_case(const struct long_case *c)
{
	static struct vl_recovery out;
	static char text[4096];
	struct frame_numbers frames;
	struct actor a;
	pid_t pid;
	long n;

	printf("%s\n", c->name);
	open_all(&a);
	pid = child_of(&a, c);
	see(&a, c, pid);
	CHECK_EQ(vl_recover(a.self, &out), 0);
	CHECK_EQ(out.dead_count, 1);
	CHECK(vl_mm_reap(a.self) >= 0);
	close_files(&a);
	n = vl_fsck(a.self, text, sizeof(text) - 1);
	if (n)
		fprintf(stderr, "%s\n", text);
	CHECK_EQ(n, 0);
	CHECK_EQ(core_enter(a.self), 0);
	rcu_barrier(a.self);
	core_exit(a.self);
	frame_numbers(a.seg, &frames);
	CHECK_EQ(frames.in_use, 0);
	vl_leave(a.self);
	vl_seg_detach(a.seg);
	close(a.fd);
}

int main(int argc, char **argv)
{
	(void)test_begin(argc, argv);
	if (TEST_SANITIZED)
		return 0; /* processes only */
	write_maps();
	for (u32 i = 0; i < ARRAY_SIZE(cases); i++)
		test_case(&cases[i]);
	free(maps);
	printf("good\n");
	return 0;
}
