/* SPDX-License-Identifier: Apache-2.0 */
/*
 * torture_maps.c: maps are read while everything moves, and never torn; built for each lock model.
 *
 * Goal: what a reader of maps, or of one VMA by query, is shown was there: every line is a VMA of a
 * state that some call left, a page that is mapped in every state is in a line, one that never was
 * is in none; lines are in order of their ends, and one begins below the end of the line before
 * only when it contains that end.
 * Method: the patterns below (split, merge, moved boundaries, resized, mapped over, moved away),
 * each in an area of its own, are first run through alone and the VMAs after each call recorded.
 * Then two writers step through them at random, in two address spaces at the same addresses (one
 * has PROT_EXEC everywhere, so that a recycled VMA of the other one is seen), while readers read,
 * ask, fork, read the child and end it. Threads under the sanitizers, processes otherwise.
 * Failure: "TORN", with the area, its pattern, the line, and the whole text. A report of the
 * sanitizer: two accesses without an order. A hang (alarm): a reader holds what a writer waits for.
 * Seen to fail: built with -DTORTURE_BREAK_MAPS (make check-broken), where a gap is believed
 * without a second look, pages beside a moved boundary are missing.
 */
#include <sys/mman.h>

#include "test.h"
#include "vmalab/block.h"
#include "vmalab/core.h"
#include "vmalab/participant.h"
#include "vmalab/stats.h"
#include "torture.h"

#define SPACES     2
#define BASE       0x200000000000ul
#define AREA_PAGES 16ul
#define AREA_STEP  0x100000ul
#define AREA(k)    (BASE + (k) * AREA_STEP)
#define ACTORS     6
#define LINES_MAX  64
#define TEXT_BYTES (1 << 14)

#define R  PROT_READ
#define RW (PROT_READ | PROT_WRITE)

enum step_kind { STEP_END, MAP, UNMAP, PROTECT, RESIZE, MOVE };
struct step {
	enum step_kind kind;
	u32 at, pages;
	u32 arg; /* MAP, PROTECT: prot; RESIZE: new pages; MOVE: page it moves to */
};
#define STEPS_MAX 4
struct pattern {
	const char *name;
	struct step setup[STEPS_MAX + 1];
	struct step cycle[STEPS_MAX + 1];
};

static const struct pattern patterns[] = {
	{"a middle is split off", {{MAP, 0, 8, RW}}, {{PROTECT, 3, 2, R}, {PROTECT, 3, 2, RW}}},
	{"a begin is split off", {{MAP, 0, 8, RW}}, {{PROTECT, 0, 3, R}, {PROTECT, 0, 3, RW}}},
	{"an end is split off", {{MAP, 0, 8, RW}}, {{PROTECT, 5, 3, R}, {PROTECT, 5, 3, RW}}},
	{"a boundary moves down",
	 {{MAP, 0, 8, RW}, {PROTECT, 4, 4, R}},
	 {{PROTECT, 2, 2, R}, {PROTECT, 2, 2, RW}}},
	{"a boundary moves up",
	 {{MAP, 0, 8, RW}, {PROTECT, 4, 4, R}},
	 {{PROTECT, 4, 2, RW}, {PROTECT, 4, 2, R}}},
	{"a gap is filled", {{MAP, 0, 8, RW}}, {{UNMAP, 3, 2, 0}, {MAP, 3, 2, RW}}},
	{"a tail is unmapped", {{MAP, 0, 8, RW}}, {{UNMAP, 6, 2, 0}, {MAP, 6, 2, RW}}},
	{"shrunk and grown", {{MAP, 0, 8, RW}}, {{RESIZE, 0, 8, 5}, {RESIZE, 0, 5, 8}}},
	{"a middle is mapped over", {{MAP, 0, 8, RW}}, {{MAP, 2, 4, R}, {MAP, 2, 4, RW}}},
	{"three are mapped over",
	 {{MAP, 0, 8, RW}, {PROTECT, 2, 3, R}},
	 {{MAP, 0, 8, R}, {MAP, 0, 8, RW}, {PROTECT, 2, 3, R}}},
	{"a middle joins left, then right",
	 {{MAP, 0, 9, RW}, {PROTECT, 3, 3, 0}, {PROTECT, 6, 3, R}},
	 {{PROTECT, 3, 3, RW}, {PROTECT, 3, 3, R}, {PROTECT, 3, 3, 0}}},
	{"a neighbour moves away and back",
	 {{MAP, 0, 8, RW}, {PROTECT, 4, 4, R}},
	 {{MOVE, 4, 4, 10}, {MOVE, 10, 4, 4}}},
};
#define PATTERNS ARRAY_SIZE(patterns)

struct line {
	u64 start, end;
	char perms[8];
};

/* What may be seen of an area. */
struct legal {
	struct line lines[LINES_MAX];
	u32 count;
	u64 always; /* bit per page: mapped in every state */
	u64 ever;
};

struct shared {
	u64 mm[SPACES];
	u64 child[SPACES]; /* comes and goes */
	struct legal legal[SPACES][PATTERNS];
	u64 steps, texts, queries, children, gone;
};

static bool seen_enough(const struct shared *s)
{
	return load_relaxed_u64(&s->steps) > 20 && load_relaxed_u64(&s->texts) > 10 &&
	       load_relaxed_u64(&s->queries) > 10 && load_relaxed_u64(&s->children) > 0;
}

struct actor {
	int fd;
	struct vl_seg *seg;
	struct participant *self;
	struct shared *shared;
	u32 number;
	u64 rng;
	pthread_t thread;
	pid_t pid;
};

static void take_step(struct actor *a, u32 space, u32 pattern, const struct step *s)
{
	u64 flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, base = AREA(pattern);
	u64 addr = base + ((u64)s->at << PAGE_SHIFT), len = (u64)s->pages << PAGE_SHIFT;
	u64 arg = (u64)s->arg << PAGE_SHIFT, prot = s->arg | (space ? PROT_EXEC : 0);
	u64 mm = a->shared->mm[space];
	struct vl_result result = {0};

	switch (s->kind) {
	case MAP:
		result = CALL(a, OP_MMAP, 0, mm, addr, len, prot | flags << 32, 0, 0);
		break;
	case UNMAP:
		result = CALL(a, OP_MUNMAP, 0, mm, addr, len);
		break;
	case PROTECT:
		result = CALL(a, OP_MPROTECT, 0, mm, addr, len, prot);
		break;
	case RESIZE:
		result = CALL(a, OP_MREMAP, 0, mm, addr, len, arg, 0, 0);
		break;
	case MOVE:
		result = CALL(a, OP_MREMAP, 0, mm, addr, len, len, MREMAP_MAYMOVE | MREMAP_FIXED,
			      base + arg);
		break;
	case STEP_END:
		CHECK(!"a step");
	}
	CHECK_EQ(result.status, 0);
}

/* One line of maps; moves *text behind it. */
static struct line parse(const char **text)
{
	struct line line = {0};
	char *end;

	line.start = strtoul(*text, &end, 16);
	CHECK(*end == '-');
	line.end = strtoul(end + 1, &end, 16);
	CHECK(*end == ' ');
	memcpy(line.perms, end + 1, 4);
	end = strchr(end, '\n');
	CHECK(end);
	*text = end + 1;
	return line;
}

static u64 page_bits(const struct line *line, u32 pattern)
{
	u64 from = (line->start - AREA(pattern)) >> PAGE_SHIFT;
	u64 to = (line->end - AREA(pattern)) >> PAGE_SHIFT;

	CHECK(from < to && to <= AREA_PAGES);
	return (1ul << to) - (1ul << from);
}

static bool is_legal(const struct legal *legal, const struct line *line)
{
	for (u32 i = 0; i < legal->count; i++)
		if (memcmp(&legal->lines[i], line, sizeof(*line)) == 0)
			return true;
	return false;
}

/* The VMAs of an area as they are now, with nobody else there. */
static void record(struct actor *a, u32 space, u32 pattern)
{
	struct legal *legal = &a->shared->legal[space][pattern];
	char text[TEXT_BYTES];
	const char *at = text;
	u64 mapped = 0;
	long n = vl_maps(a->self, a->shared->mm[space], text, sizeof(text) - 1);

	CHECK(n >= 0 && n < (long)sizeof(text));
	text[n] = 0;
	while (*at) {
		struct line line = parse(&at);

		if (line.start < AREA(pattern) || line.start >= AREA(pattern + 1))
			continue;
		mapped |= page_bits(&line, pattern);
		if (is_legal(legal, &line))
			continue;
		CHECK(legal->count < LINES_MAX);
		legal->lines[legal->count++] = line;
	}
	legal->always &= mapped;
	legal->ever |= mapped;
}

static void learn(struct actor *a, u32 space, u32 k)
{
	const struct pattern *p = &patterns[k];
	u32 first;

	for (u32 i = 0; p->setup[i].kind; i++)
		take_step(a, space, k, &p->setup[i]);
	a->shared->legal[space][k].always = ~0ul;
	record(a, space, k);
	first = a->shared->legal[space][k].count;
	for (u32 i = 0; p->cycle[i].kind; i++) {
		take_step(a, space, k, &p->cycle[i]);
		record(a, space, k);
	}
	CHECK(a->shared->legal[space][k].count > first); /* it changes something */
	CHECK(a->shared->legal[space][k].always);
}

static void torn(const char *why, const struct line *line, u32 pattern, const char *text)
{
	fprintf(stderr, "TORN (%s): %s: area %lx, \"%s\": line %lx-%lx %s in\n%s",
		vmalab_core.model, why, AREA(pattern), patterns[pattern].name, line->start,
		line->end, line->perms, text);
	exit(1);
}

/* A line alone; its area. */
static u32 check_line(struct actor *a, u32 space, const struct line *line, const char *text)
{
	u64 k = (line->start - BASE) / AREA_STEP;

	if (line->start < BASE || k >= PATTERNS)
		torn("a VMA that was never mapped", line, 0, text);
	if (!is_legal(&a->shared->legal[space][k], line))
		torn("a VMA that no call left", line, (u32)k, text);
	return (u32)k;
}

static void check_text(struct actor *a, u32 space, const char *text)
{
	u64 seen[PATTERNS] = {0}, last_end = 0;
	const char *at = text;
	struct line line = {0};

	while (*at) {
		u32 k;

		line = parse(&at);
		k = check_line(a, space, &line, text);
		if (line.end <= last_end)
			torn("the order of the lines", &line, k, text);
		seen[k] |= page_bits(&line, k);
		last_end = line.end;
	}
	for (u32 k = 0; k < PATTERNS; k++)
		if (a->shared->legal[space][k].always & ~seen[k])
			torn("a page that was always mapped is in no line", &line, k, text);
}

static void read_maps(struct actor *a, u32 space, u64 mm)
{
	char text[TEXT_BYTES];
	long n = vl_maps(a->self, mm, text, sizeof(text) - 1);

	if (n == VL_E_NO_MM && mm != a->shared->mm[space]) {
		add_relaxed_u64(&a->shared->gone, 1);
		return;
	}
	CHECK(n >= 0 && n < (long)sizeof(text));
	text[n] = 0;
	check_text(a, space, text);
	add_relaxed_u64(&a->shared->texts, 1);
}

static void query(struct actor *a, u32 space)
{
	u64 r = test_random(&a->rng), k = r % PATTERNS, page = (r >> 8) % AREA_PAGES;
	u64 addr = AREA(k) + (page << PAGE_SHIFT);
	const struct legal *legal = &a->shared->legal[space][k];
	u32 flags = (r >> 16) & 1 ? VL_QUERY_COVERING_OR_NEXT : 0;
	struct vl_vma_info info;
	struct line line = {0};
	int err = vl_query_vma(a->self, a->shared->mm[space], addr, flags, &info);

	add_relaxed_u64(&a->shared->queries, 1);
	if (err) {
		CHECK_EQ(err, -ENOENT);
		if (!flags && (legal->always >> page & 1))
			torn("a page that was always mapped is not found", &line, (u32)k, "query");
		return;
	}
	line = (struct line){.start = info.start, .end = info.end, .perms = "---p"};
	line.perms[0] = info.flags & VL_QUERY_READABLE ? 'r' : '-';
	line.perms[1] = info.flags & VL_QUERY_WRITABLE ? 'w' : '-';
	line.perms[2] = info.flags & VL_QUERY_EXECUTABLE ? 'x' : '-';
	check_line(a, space, &line, "query\n");
	if (info.end <= addr || (!flags && info.start > addr))
		torn("it does not contain what was asked for", &line, (u32)k, "query\n");
	if (info.start > addr && (legal->always >> page & 1))
		torn("a page that was always mapped was stepped over", &line, (u32)k, "query\n");
	if (info.start <= addr && !(legal->ever >> page & 1))
		torn("a page that was never mapped", &line, (u32)k, "query\n");
}

/* Each pattern is stepped on from where it was left. */
static void write_on(struct actor *a, u32 *position)
{
	u32 k = test_random(&a->rng) % PATTERNS;

	take_step(a, a->number, k, &patterns[k].cycle[position[k]]);
	if (!patterns[k].cycle[++position[k]].kind)
		position[k] = 0;
	add_relaxed_u64(&a->shared->steps, 1);
}

static void fork_and_exit(struct actor *a, u32 space)
{
	struct vl_result result = torture_call(a->self, OP_FORK, 0, a->shared->mm[space], 0, NULL);
	u64 child = result.value;

	CHECK_EQ(result.status, 0);
	store_release_u64(&a->shared->child[space], child);
	read_maps(a, space, child);
	CHECK_EQ(torture_call(a->self, OP_EXIT, 0, child, 0, NULL).status, 0);
	add_relaxed_u64(&a->shared->children, 1);
}

static void act(struct actor *a)
{
	u32 position[PATTERNS] = {0};

	while (!torture_over(seen_enough(a->shared))) {
		u32 space = test_random(&a->rng) % SPACES;
		u64 child = load_acquire_u64(&a->shared->child[space]);

		for (u32 i = 0; i < 16; i++) {
			if (a->number < SPACES)
				write_on(a, position);
			else if (a->number == 4)
				query(a, space);
			else if (a->number < 4)
				read_maps(a, space, child && i == 0 ? child : a->shared->mm[space]);
		}
		if (a->number == 5)
			fork_and_exit(a, space);
	}
}

static void *actor_main(void *arg)
{
	struct actor *a = arg;

	CHECK_EQ(vl_join(a->seg, ROLE_CLIENT, "torture", &a->self), 0);
	act(a);
	vl_leave(a->self);
	return NULL;
}

static void actor_start(struct actor *a)
{
	if (TEST_SANITIZED) {
		CHECK(pthread_create(&a->thread, NULL, actor_main, a) == 0);
		return;
	}
	fflush(NULL);
	a->pid = fork();
	CHECK(a->pid >= 0);
	if (a->pid == 0) {
		alarm(TEST_HANG_S);
		CHECK_EQ(core_seg_attach(a->fd, &a->seg), 0);
		actor_main(a);
		exit(0);
	}
}

static void check_end(struct actor *me)
{
	const struct shared *s = me->shared;
	u64 stats[STATS_MAX];
	char text[4096] = "";
	long n = vl_fsck(me->self, text, sizeof(text) - 1);

	if (n)
		fprintf(stderr, "%s", text);
	CHECK_EQ(n, 0);
	vl_stats(me->seg, stats, STATS_MAX);
	printf("%s: %lu steps, %lu texts, %lu queries, %lu children (%lu times gone); VMAs read "
	       "%lu "
	       "by their lock, %lu looked at twice, %lu by mmap_lock\n",
	       vmalab_core.model, s->steps, s->texts, s->queries, s->children, s->gone,
	       stats[STAT_next_vma_locked], stats[STAT_next_vma_again],
	       stats[STAT_next_vma_fallback]);
	CHECK(seen_enough(s));
}

static void torture(u32 rcu)
{
	struct vl_config config = {.size_bytes = 64 << 20,
				   .mms_max = 16,
				   .participants_max = 16,
				   .frames_max = 1 << 12,
				   .files_max = 4,
				   .vmas_per_mm_max = 1000,
				   .frames_per_mm_max = 1 << 30,
				   .rcu = rcu};
	struct vl_mm_options options = {0};
	struct shared *s = mmap(NULL, sizeof(*s), 3, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	struct actor me = {.shared = s}, actors[ACTORS];

	me.fd = memfd_create("vmalab-torture", MFD_CLOEXEC);
	CHECK(me.fd >= 0 && s != MAP_FAILED);
	CHECK_EQ(core_seg_create(me.fd, "torture", &config, &me.seg), 0);
	CHECK_EQ(vl_join(me.seg, ROLE_SUPERVISOR, "torture", &me.self), 0);
	for (u32 i = 0; i < SPACES; i++) {
		CHECK_EQ(vl_mm_create(me.self, &options, &s->mm[i], NULL, 0), 0);
		for (u32 k = 0; k < PATTERNS; k++)
			learn(&me, i, k);
	}
	test_time_share(0.25);
	for (u32 i = 0; i < ACTORS; i++) {
		actors[i] = me;
		actors[i].number = i;
		actors[i].rng = test_seed_value * 1000 + i;
		actor_start(&actors[i]);
	}
	for (u32 i = 0; i < ACTORS; i++) {
		if (actors[i].pid)
			CHECK(test_child_good(actors[i].pid));
		else
			CHECK(pthread_join(actors[i].thread, NULL) == 0);
	}
	check_end(&me);
	vl_leave(me.self);
	vl_seg_detach(me.seg);
	munmap(s, sizeof(*s));
	close(me.fd);
}

int main(int argc, char **argv)
{
	test_begin(argc, argv);
	torture(RCU_AUTO);
	torture(RCU_FENCED);
	printf("good\n");
	return 0;
}
