/* SPDX-License-Identifier: Apache-2.0 */
/*
 * torture_file.c: files that shrink and get holes under everything at once; built for each lock
 * model.
 *
 * Goal: a page that has left its file is in no mapping any more when the call has come back, in no
 * address space and no child that was forked meanwhile; private copies go with a truncation and
 * stay with a hole; whoever is killed in the middle leaves nothing of it.
 * Method: one actor for each file truncates, grows, punches and allocates it and is the only one
 * that writes its words, numbered; after each call it says up to which number the words of which
 * pages are gone. Others read, touch, store in private mappings, map, unmap, move, fork, exec and
 * walk the invariants. Actors are threads under the sanitizers, processes otherwise. At the end all
 * is cut once more and every mapping must read zero. Then processes that do all this are killed at
 * random instants, and after each recovery the words must be the same in all address spaces, and
 * zero after the next truncation.
 * Failure: `an old word`: a mapping showed a page that had left the file before the access began;
 * `another page's word`: a frame was used again while somebody mapped it; `a private copy`: it
 * stayed, or went, against the kernel's rule. A line of the walker: that invariant.
 * Seen to fail: with the size stored last, with the page taken out of the file after the mappings,
 * with the address spaces left out that are being made, with recovery that does not count the files
 * which the living keep. Two races of some nanoseconds (FILE-3, FILE-4) are the lab's
 * (truncate-under-faults, truncate-under-fork).
 */
#include <sys/mman.h>

#include "test.h"
#include "vmalab/block.h"
#include "vmalab/core.h"
#include "vmalab/participant.h"
#include "torture.h"

#define SPACES     2
#define FILES      2
#define PAGES      24ul
#define ACTORS     7
#define HOLE       3ul /* FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE */
#define NEVER      (~0ul)
#define FROM_FILE  (1ul << 63)
#define PRIVATE    (1ul << 62)
#define PAGE_OF(w) ((w) >> 48 & 0xff)
#define NUMBER(w)  ((w) & 0xfffffffffffful)

enum area { SHARED, MOVED, COPIED, AREAS };

struct cuts {
	u64 gone[PAGES];  /* words up to this number have left the page */
	u64 begun[PAGES]; /* truncations that took the page out: begun, and ended */
	u64 ended[PAGES];
};

struct shared {
	u64 mm[SPACES + FILES]; /* the last ones: the truncators' own */
	u64 file[FILES];
	struct cuts cuts[FILES];
	u64 reads, words, cut_calls, copies, copies_cut, changes, forks, walks, kills;
};

static bool seen_enough(const struct shared *s)
{
	return load_relaxed_u64(&s->words) > 20 && load_relaxed_u64(&s->cut_calls) > 5 &&
	       load_relaxed_u64(&s->copies) > 20 && load_relaxed_u64(&s->changes) > 20 &&
	       load_relaxed_u64(&s->forks) > 0 && load_relaxed_u64(&s->walks) > 0;
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

/* What the actor that stores in private mappings remembers of a page. */
struct copy {
	u64 word;                      /* 0: nothing is known */
	u64 ended_before, begun_after; /* truncations, around the store */
};

static u64 addr_of(enum area area, u32 file, u64 page)
{
	return 0x200000000000ul + (u64)area * 0x10000000ul + file * 0x1000000ul +
	       (page << PAGE_SHIFT);
}

static u64 pick(struct actor *a, u64 below)
{
	return test_random(&a->rng) % below;
}

static bool read_word(struct actor *a, u64 mm, u64 addr, u16 flags, u64 *word)
{
	struct vl_result result = CALL(a, OP_FAULT, flags, mm, addr, 0);

	CHECK(result.status == 0 || result.status == SIGSEGV || result.status == SIGBUS);
	*word = result.value;
	add_relaxed_u64(&a->shared->reads, result.status == 0);
	return result.status == 0;
}

static void bad_word(const char *what, u32 file, u64 page, u64 word, u64 gone)
{
	fprintf(stderr, "%s: file %u page %lu word %lx, gone up to %lx\n", what, file, page, word,
		gone);
	exit(1);
}

/* gone: what was known to have left the page before the access began. */
static void check_word(u32 space, u32 file, u64 page, enum area area, u64 word, u64 gone)
{
	if (!word)
		return;
	if (PAGE_OF(word) != page)
		bad_word("another page's word", file, page, word, gone);
	if (word & FROM_FILE) {
		if ((word >> 56 & 0x3f) != file)
			bad_word("another file's word", file, page, word, gone);
		if (NUMBER(word) <= gone)
			bad_word("an old word", file, page, word, gone);
	} else if (area != COPIED || (word >> 56 & 0x3f) != (space << 1 | file)) {
		bad_word("another's private copy", file, page, word, gone);
	}
}

static void look(struct actor *a, u32 space, u64 mm)
{
	u32 file = (u32)pick(a, FILES);
	enum area area = (enum area)pick(a, AREAS);
	u64 page = pick(a, PAGES), word, gone = load_acquire_u64(&a->shared->cuts[file].gone[page]);
	u16 flags = area != COPIED && pick(a, 2) ? FAULT_WRITE : FAULT_READ;

	if (read_word(a, mm, addr_of(area, file, page), flags, &word))
		check_word(space, file, page, area, word, gone);
}

/* --- the actor of one file --- */

static void truncate_file(struct actor *a, u32 file, u64 pages, u64 number)
{
	struct cuts *cuts = &a->shared->cuts[file];

	for (u64 p = pages; p < PAGES; p++)
		add_full_u64(&cuts->begun[p], 1);
	CHECK_EQ(CALL(a, OP_FILE_TRUNCATE, 0, 0, a->shared->file[file], pages << PAGE_SHIFT).status,
		 0);
	for (u64 p = pages; p < PAGES; p++) {
		store_release_u64(&cuts->gone[p], number);
		add_full_u64(&cuts->ended[p], 1);
	}
	add_relaxed_u64(&a->shared->cut_calls, 1);
}

static void punch_file(struct actor *a, u32 file, u64 first, u64 pages, u64 number)
{
	CHECK_EQ(CALL(a, OP_FILE_ALLOCATE, 0, 0, a->shared->file[file], HOLE, first << PAGE_SHIFT,
		      pages << PAGE_SHIFT)
			 .status,
		 0);
	for (u64 p = first; p < first + pages && p < PAGES; p++)
		store_release_u64(&a->shared->cuts[file].gone[p], number);
	add_relaxed_u64(&a->shared->cut_calls, 1);
}

static void write_word(struct actor *a, u32 file, u64 page, u64 number)
{
	u64 word = FROM_FILE | (u64)file << 56 | page << 48 | number, addr, seen;
	u64 mm = a->shared->mm[SPACES + file];
	struct vl_result result;

	addr = addr_of(SHARED, file, page);
	result = CALL(a, OP_FAULT, FAULT_WRITE | FAULT_STORE, mm, addr, word);
	CHECK(result.status == 0 || result.status == SIGBUS);
	if (result.status)
		return;
	CHECK(read_word(a, mm, addr, FAULT_READ, &seen));
	if (seen != word)
		bad_word("a word that nobody changed", file, page, seen, word);
	add_relaxed_u64(&a->shared->words, 1);
}

static void shape_file(struct actor *a, u32 file, u64 *number)
{
	u64 page = pick(a, PAGES);

	switch (pick(a, 16)) {
	case 0:
		truncate_file(a, file, page, *number);
		break;
	case 1:
		truncate_file(a, file, PAGES, *number);
		break;
	case 2:
		punch_file(a, file, page, 1 + pick(a, 6), *number);
		break;
	case 3:
		CHECK_EQ(CALL(a, OP_FILE_ALLOCATE, 0, 0, a->shared->file[file], 0,
			      page << PAGE_SHIFT, (PAGES - page) << PAGE_SHIFT)
				 .status,
			 0);
		break;
	default:
		write_word(a, file, page, ++*number);
	}
}

/* --- the others --- */

static void check_copy(struct actor *a, u32 space, u32 file, u64 page, struct copy *copy)
{
	struct cuts *cuts = &a->shared->cuts[file];
	u64 gone = load_acquire_u64(&cuts->gone[page]),
	    ended = load_acquire_u64(&cuts->ended[page]);
	u64 word;
	bool there = read_word(a, a->shared->mm[space], addr_of(COPIED, file, page), 0, &word);

	fence_full(); /* the count of what has begun is looked at after the page */
	if (there)
		check_word(space, file, page, COPIED, word, gone);
	if (copy->word && there && word == copy->word && ended > copy->begun_after)
		bad_word("a private copy that stayed", file, page, word, gone);
	if (copy->word && (!there || word != copy->word)) {
		if (load_acquire_u64(&cuts->begun[page]) == copy->ended_before)
			bad_word("a private copy that went", file, page, word, gone);
		add_relaxed_u64(&a->shared->copies_cut, 1);
		copy->word = 0;
	}
}

static void store_copy(struct actor *a, u64 *number, struct copy copies[SPACES][FILES][PAGES])
{
	u32 space = (u32)pick(a, SPACES), file = (u32)pick(a, FILES);
	u64 page = pick(a, PAGES);
	struct copy *copy = &copies[space][file][page];
	u64 word = PRIVATE | (u64)(space << 1 | file) << 56 | page << 48 | ++*number;
	u64 ended;

	check_copy(a, space, file, page, copy);
	ended = load_acquire_u64(&a->shared->cuts[file].ended[page]);
	if (CALL(a, OP_FAULT, FAULT_WRITE | FAULT_STORE, a->shared->mm[space],
		 addr_of(COPIED, file, page), word)
		    .status) {
		copy->word = 0;
		return;
	}
	fence_full(); /* as above */
	*copy = (struct copy){word, ended, load_acquire_u64(&a->shared->cuts[file].begun[page])};
	add_relaxed_u64(&a->shared->copies, 1);
}

static void change(struct actor *a, u64 mm)
{
	u32 file = (u32)pick(a, FILES);
	enum area area = pick(a, 2) ? SHARED : MOVED;
	u64 page = pick(a, PAGES), pages = 1 + pick(a, 8), len, from, to;
	u64 prot = PROT_READ | (pick(a, 3) ? PROT_WRITE : 0), how = MAP_SHARED | MAP_FIXED;
	struct vl_result result;

	len = min_u64(pages, PAGES - page) << PAGE_SHIFT;
	from = addr_of(area, file, page);
	to = addr_of(area == SHARED ? MOVED : SHARED, file, page);
	switch (pick(a, 8)) {
	case 0:
	case 1:
	case 2:
		result = CALL(a, OP_MMAP, 0, mm, from, len, prot | how << 32, a->shared->file[file],
			      page << PAGE_SHIFT);
		break;
	case 3:
		result = CALL(a, OP_MUNMAP, 0, mm, from, len);
		break;
	case 4:
		result = CALL(a, OP_MPROTECT, 0, mm, from, len, prot);
		break;
	case 5:
		result = CALL(a, OP_MADVISE, 0, mm, from, len,
			      pick(a, 2) ? MADV_DONTNEED : MADV_POPULATE_READ);
		break;
	default:
		result = CALL(a, OP_MREMAP, 0, mm, from, len, len, MREMAP_MAYMOVE | MREMAP_FIXED,
			      to);
	}
	CHECK(result.status == 0 || result.status == -ENOMEM || result.status == -EFAULT ||
	      result.status == -EINVAL);
	add_relaxed_u64(&a->shared->changes, 1);
}

static void fork_and_look(struct actor *a, u32 space)
{
	u64 page = pick(a, PAGES), begun, ended, word;
	u32 file = (u32)pick(a, FILES);
	u64 child;
	struct cuts *cuts = &a->shared->cuts[file];
	struct vl_result result = torture_call(a->self, OP_FORK, 0, a->shared->mm[space], 0, NULL);

	CHECK_EQ(result.status, 0);
	child = result.value;
	begun = load_acquire_u64(&cuts->begun[page]);
	for (u32 i = 0; i < 8; i++)
		look(a, space, child);
	ended = load_acquire_u64(&cuts->ended[page]);
	if (read_word(a, child, addr_of(COPIED, file, page), 0, &word) && (word & PRIVATE) &&
	    ended > begun)
		bad_word("a private copy of a child that stayed", file, page, word, 0);
	if (pick(a, 4) == 0) {
		result = CALL(a, OP_EXEC, 0, child, 0, 0, 0, 0);
		CHECK_EQ(result.status, 0);
		child = result.value;
	}
	CHECK_EQ(torture_call(a->self, OP_EXIT, 0, child, 0, NULL).status, 0);
	add_relaxed_u64(&a->shared->forks, 1);
}

static void walk(struct actor *a)
{
	char text[4096];
	long n = vl_fsck(a->self, text, sizeof(text) - 1);

	if (n > 0) {
		text[min_u64((u64)n, sizeof(text) - 1)] = 0;
		fprintf(stderr, "%s", text);
	}
	CHECK(n == 0 || n == -EBUSY);
	add_relaxed_u64(&a->shared->walks, n == 0);
}

static void act(struct actor *a)
{
	static struct copy copies[SPACES][FILES][PAGES];
	u64 number = 0;

	while (!torture_over(seen_enough(a->shared))) {
		u32 space = (u32)pick(a, SPACES);
		u64 mm = a->shared->mm[space];

		if (a->number < FILES)
			shape_file(a, a->number, &number);
		else if (a->number == 2)
			store_copy(a, &number, copies);
		else if (a->number == 3)
			look(a, space, mm);
		else if (a->number == 4)
			change(a, mm);
		else if (a->number == 5)
			fork_and_look(a, space);
		else
			walk(a), sleep_ns(NSEC_PER_MSEC);
	}
}

/* Everything, until it is killed. */
static void act_wildly(struct actor *a)
{
	u64 number = 1ul << 40;

	for (;;) {
		u32 space = (u32)pick(a, SPACES);

		for (u32 i = 0; i < 4; i++) {
			shape_file(a, (u32)pick(a, FILES), &number);
			look(a, space, a->shared->mm[space]);
			change(a, a->shared->mm[space]);
		}
		fork_and_look(a, space);
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

static void actor_start(struct actor *a, bool wild)
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
		if (wild) {
			CHECK_EQ(vl_join(a->seg, ROLE_CLIENT, "wild", &a->self), 0);
			act_wildly(a);
		}
		actor_main(a);
		exit(0);
	}
}

/* --- when nobody else is there --- */

/* The whole file once more: nothing of it is left anywhere. */
static void check_cut(struct actor *a)
{
	struct shared *s = a->shared;
	u64 word;

	for (u32 file = 0; file < FILES; file++) {
		truncate_file(a, file, 0, NEVER);
		truncate_file(a, file, PAGES, NEVER);
		memset(&s->cuts[file], 0, sizeof(s->cuts[file]));
	}
	for (u32 i = 0; i < SPACES + FILES; i++)
		for (u64 n = 0; n < AREAS * FILES * PAGES; n++) {
			enum area area = (enum area)(n / PAGES / FILES);
			u32 file = (u32)(n / PAGES % FILES);

			if (read_word(a, s->mm[i], addr_of(area, file, n % PAGES), 0, &word) &&
			    word)
				bad_word("a word after all was cut", file, n % PAGES, word, NEVER);
		}
}

/* Shared mappings show one word of each page, in every address space. */
static void check_same(struct actor *a)
{
	struct shared *s = a->shared;
	u64 word, other;

	for (u64 n = 0; n < FILES * PAGES; n++) {
		u32 file = (u32)(n / PAGES);
		u64 page = n % PAGES;

		if (!read_word(a, s->mm[SPACES + file], addr_of(SHARED, file, page), 0, &word))
			continue;
		for (u32 i = 0; i < SPACES * 2; i++)
			if (read_word(a, s->mm[i / 2], addr_of(i & 1 ? MOVED : SHARED, file, page),
				      0, &other) &&
			    other != word)
				bad_word("two words of one page", file, page, other, word);
	}
}

/* A killed one's words: any number is right that the page may still have. */
static void kill_one(struct actor *a)
{
	static struct vl_recovery out;
	struct actor wild = *a;
	int err;

	wild.rng = test_random(&a->rng);
	actor_start(&wild, true);
	sleep_ns(NSEC_PER_MSEC + test_random(&a->rng) % (6 * NSEC_PER_MSEC));
	test_kill(wild.pid);
	do {
		err = vl_recover(a->self, &out);
	} while (err == -EBUSY);
	CHECK_EQ(err, 0);
	(void)vl_mm_reap(a->self);
	walk(a);
	check_same(a);
	check_cut(a);
	walk(a);
	a->shared->kills++;
}

static void kills(struct actor *a)
{
	test_time_share(0.3);
	while (!torture_over(a->shared->kills >= 3))
		kill_one(a);
	CHECK(a->shared->kills >= 3);
}

static void check_end(struct actor *a)
{
	struct vl_slab_info slabs[KMEM_CACHES_MAX];
	struct shared *s = a->shared;
	const u64 nop[RECORD_WORDS] = {OP_NOP | RECORD_WORDS << 8};
	struct vl_result result;
	long n;

	for (u32 i = 0; i < SPACES + FILES; i++)
		CHECK_EQ(vl_mm_put(a->self, s->mm[i]), 0);
	for (u32 i = 0; i < FILES; i++)
		CHECK_EQ(vl_file_close(a->self, s->file[i], 0), 0);
	for (u32 i = 0; i < 8; i++) {
		vl_synchronize_rcu(a->self);
		CHECK_EQ(vl_run(a->self, nop, sizeof(nop), &result, 1), 1);
	}
	walk(a);
	n = vl_slabinfo(a->seg, slabs, ARRAY_SIZE(slabs));
	for (long i = 0; i < n; i++) {
		if (slabs[i].active_objs)
			fprintf(stderr, "%s: %lu in use\n", slabs[i].name, slabs[i].active_objs);
		CHECK_EQ(slabs[i].active_objs, 0);
	}
}

static void spaces_make(struct actor *a)
{
	u64 rw = PROT_READ | PROT_WRITE, how[AREAS] = {MAP_SHARED, MAP_SHARED, MAP_PRIVATE};
	struct vl_mm_options options = {0};
	struct shared *s = a->shared;

	for (u32 i = 0; i < FILES; i++)
		CHECK_EQ(vl_file_open(a->self, 1, 100 + i, PAGES << PAGE_SHIFT, "/memfd:torture", 0,
				      &s->file[i]),
			 0);
	for (u32 i = 0; i < SPACES + FILES; i++) {
		CHECK_EQ(vl_mm_create(a->self, &options, &s->mm[i], NULL, 0), 0);
		for (u32 n = 0; n < AREAS * FILES; n++)
			CHECK_EQ(CALL(a, OP_MMAP, 0, s->mm[i], addr_of(n / FILES, n % FILES, 0),
				      PAGES << PAGE_SHIFT, rw | (how[n / FILES] | MAP_FIXED) << 32,
				      s->file[n % FILES], 0)
					 .status,
				 0);
	}
}

int main(int argc, char **argv)
{
	struct vl_config config = {.size_bytes = 64 << 20,
				   .mms_max = 32,
				   .participants_max = 16,
				   .frames_max = 1 << 16, /* more than can wait in retire rings */
				   .files_max = 4,
				   .vmas_per_mm_max = 1000,
				   .frames_per_mm_max = 1 << 30};
	struct shared *s = mmap(NULL, sizeof(*s), 3, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	struct actor actors[ACTORS], me = {.shared = s};

	me.rng = test_begin(argc, argv);
	me.fd = memfd_create("vmalab-torture", MFD_CLOEXEC);
	CHECK(me.fd >= 0 && s != MAP_FAILED);
	CHECK_EQ(core_seg_create(me.fd, "torture", &config, &me.seg), 0);
	CHECK_EQ(vl_join(me.seg, ROLE_SUPERVISOR, "torture", &me.self), 0);
	spaces_make(&me);
	test_time_share(0.4);
	for (u32 i = 0; i < ACTORS; i++) {
		actors[i] = me;
		actors[i].number = i;
		actors[i].rng = test_seed_value * 1000 + i;
		actor_start(&actors[i], false);
	}
	for (u32 i = 0; i < ACTORS; i++) {
		if (actors[i].pid)
			CHECK(test_child_good(actors[i].pid));
		else
			CHECK(pthread_join(actors[i].thread, NULL) == 0);
	}
	check_same(&me);
	check_cut(&me);
	if (!TEST_SANITIZED)
		kills(&me);
	check_end(&me);
	printf("%s: %lu reads, %lu words, %lu cuts, %lu copies (%lu cut), %lu changes, %lu forks, "
	       "%lu walks, %lu kills\n",
	       vmalab_core.model, s->reads, s->words, s->cut_calls, s->copies, s->copies_cut,
	       s->changes, s->forks, s->walks, s->kills);
	CHECK(seen_enough(s));
	printf("good\n");
	return 0;
}
