/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vectors_merge.c: what merges with what, and what is left, as a table; built for each lock model.
 *
 * Goal: merge, split, expand and their failures give the VMAs that the kernel's own user-space
 * tests of them ask for: which object survives, its range, page offset, anon_vma and sticky flags,
 * how many there are, and which of them were write-locked on the way.
 * Method: a vector is a text: the VMAs before, and for each step the call and the VMAs after. A
 * VMA is LETTER:START-END@PGOFF/ANON in hexadecimal pages, ANON the number of an anon_vma (or 0),
 * "!" behind it a close() hook. Every vector runs with every choice of sticky flags on its VMAs and
 * on the request; the walker runs after the first and the last of them. Allocation of tree nodes
 * and cloning of anon_vmas are wrapped by the linker, so that the first can fail and the second is
 * counted.
 * Failure: the vector's name, the step, and both texts; or an assertion of the core (attached,
 * write-locked), or a complaint of the walker.
 * Seen to fail: without the look at close(), without sticky flags, without the comparison of prev
 * and next with each other, without the write lock of a neighbour, without unlinking on failure.
 */
#include <sys/syscall.h>

#include "test.h"
#include "vmalab/api.h"
#include "vmalab/core.h"
#include "vmalab/lock_model.h"
#include "vmalab/munmap.h"
#include "vmalab/ops.h"

#define LETTERS    8
#define FLAGS      (VM_READ | VM_WRITE | VM_MAYREAD | VM_MAYWRITE)
#define PAGE(n)    ((u64)(n) << PAGE_SHIFT)
#define TEXT_BYTES 512

/* --- what the linker puts between (-Wl,--wrap) --- */

static u32 fail_preallocations; /* how many of the next ones fail */
static u32 cloned, unlinked;

int __real_tree_preallocate(struct participant *self, const struct range_tree *tree, u64 start,
			    u64 end);
int __wrap_tree_preallocate(struct participant *self, const struct range_tree *tree, u64 start,
			    u64 end);
int __wrap_tree_preallocate(struct participant *self, const struct range_tree *tree, u64 start,
			    u64 end)
{
	if (fail_preallocations) {
		fail_preallocations--;
		tree_prealloc_free(self);
		return -ENOMEM;
	}
	return __real_tree_preallocate(self, tree, start, end);
}

int __real_anon_vma_clone(struct participant *self, struct vm_area_struct *dst,
			  const struct vm_area_struct *src);
int __wrap_anon_vma_clone(struct participant *self, struct vm_area_struct *dst,
			  const struct vm_area_struct *src);
int __wrap_anon_vma_clone(struct participant *self, struct vm_area_struct *dst,
			  const struct vm_area_struct *src)
{
	cloned += src->anon_vma != 0;
	return __real_anon_vma_clone(self, dst, src);
}

void __real_unlink_anon_vmas(struct participant *self, struct vm_area_struct *vma);
void __wrap_unlink_anon_vmas(struct participant *self, struct vm_area_struct *vma);
void __wrap_unlink_anon_vmas(struct participant *self, struct vm_area_struct *vma)
{
	unlinked += vma->anon_vma != 0;
	__real_unlink_anon_vmas(self, vma);
}

/* --- vectors --- */

enum call {
	END,
	NEW,    /* vma_merge_new_range; what does not merge becomes a VMA of its own */
	EXPAND, /* the same with just_expand, as brk does */
	MERGE,  /* vma_merge_existing_range of part of the VMA `middle` */
	MODIFY, /* vma_modify: merge or split */
	HOOK,   /* gives `middle` a close() hook, or takes it away */
	ANON,   /* gives `middle` the anon_vma of number `start` */
};

struct step {
	enum call call;
	u32 start, end; /* pages */
	char middle;
	char target;        /* the VMA returned; 0: no merge */
	const char *after;  /* NULL: as before */
	const char *locked; /* those of the VMAs left that are write-locked; NULL: not asked */
	u32 clones;
	bool fails; /* the reservation of tree nodes */
};

#define STEPS_MAX 12
struct vector {
	const char *name;
	const char *before;
	struct step steps[STEPS_MAX];
};

/* A step says as much as it asks. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"
static const struct vector vectors[] = {
#include "vectors_merge.h"
};
#pragma GCC diagnostic pop

/* --- an address space to work in; mmap_lock is held for writing all the time --- */

struct world {
	struct vl_seg *seg;
	struct participant *self;
	struct mm_struct *mm;
	u64 id;
	struct vm_area_struct *vmas[LETTERS]; /* by letter, NULL: gone */
	vl_ref anon[LETTERS];                 /* by number */
	u32 sticky;                           /* a bit per letter */
};

static void lock_again(struct world *w)
{
	mmap_write_unlock(w->self, w->mm); /* all stamps end */
	CHECK_EQ(mmap_write_lock(w->self, w->mm, w->id), 0);
}

static void world_begin(struct world *w)
{
	const struct vl_mm_options options = {0};
	struct vl_seg *seg = w->seg;
	struct participant *self = w->self;

	*w = (struct world){.seg = seg, .self = self};
	CHECK_EQ(vl_mm_create(self, &options, &w->id, NULL, 0), 0);
	w->mm = mm_find(seg, w->id);
	CHECK_EQ(core_enter(self), 0);
	CHECK_EQ(mmap_write_lock(self, w->mm, w->id), 0);
}

static void world_end(struct world *w, bool walk)
{
	char text[2048] = "";
	long n;

	mmap_write_unlock(w->self, w->mm);
	core_exit(w->self);
	n = !walk ? 0 : vl_fsck(w->self, text, sizeof(text) - 1);
	if (n)
		fprintf(stderr, "%s", text);
	CHECK_EQ(n, 0);
	CHECK_EQ(vl_mm_put(w->self, w->id), 0);
}

/* The anon_vma of that number, its first user's own. A policy that no other VMA has keeps it from
 * sharing a neighbour's. */
static void give_anon(struct world *w, struct vm_area_struct *vma, u32 number)
{
	if (!number)
		return;
	for (u32 i = 0; i < LETTERS; i++) {
		if (!w->anon[number] || !w->vmas[i] || w->vmas[i] == vma ||
		    w->vmas[i]->anon_vma != w->anon[number])
			continue;
		vma->anon_vma = w->anon[number];
		CHECK_EQ(__real_anon_vma_clone(w->self, vma, w->vmas[i]), 0);
		return;
	}
	vma->vm_policy = 1000 + number;
	CHECK_EQ(anon_vma_prepare(w->self, w->mm, vma), 0);
	vma->vm_policy = 0;
	w->anon[number] = vma->anon_vma;
}

static struct vm_area_struct *add(struct world *w, char letter, u64 start, u64 end, u64 pgoff,
				  u32 anon, bool hook)
{
	struct vm_area_struct *vma = vm_area_alloc(w->self, w->mm);
	u32 i = (u32)(letter - 'a');

	CHECK(vma && i < LETTERS && !w->vmas[i]);
	vma_assert_detached(vma);
	vma->vm_flags = FLAGS | (w->sticky >> i & 1 ? VM_MAYBE_GUARD : 0);
	vma_set_range(vma, PAGE(start), PAGE(end), pgoff);
	vma->vm_ops = hook ? VMA_DRIVER : VMA_ANON;
	CHECK_EQ(__real_tree_preallocate(w->self, &w->mm->mm_mt, PAGE(start), PAGE(end)), 0);
	vma_link(w->self, w->mm, vma);
	vma_assert_attached(vma);
	mm_account(w->mm, vma->vm_flags, (s64)(end - start));
	give_anon(w, vma, anon);
	w->vmas[i] = vma;
	return vma;
}

static void add_all(struct world *w, const char *text)
{
	u32 start, end, pgoff, anon;
	char letter;
	int used;

	while (*text) {
		CHECK(sscanf(text, " %c:%x-%x@%x/%u%n", &letter, &start, &end, &pgoff, &anon,
			     &used) == 5);
		text += used;
		add(w, letter, start, end, pgoff, anon, *text == '!');
		text += strspn(text, "! ");
	}
	lock_again(w);
}

static char letter_of(const struct world *w, const struct vm_area_struct *vma)
{
	for (u32 i = 0; i < LETTERS; i++)
		if (vma && w->vmas[i] == vma)
			return (char)('a' + i);
	return vma ? '?' : 0;
}

static u32 anon_number(const struct world *w, const struct vm_area_struct *vma)
{
	u32 i = 0;

	while (vma->anon_vma && i < LETTERS && (i == 0 || w->anon[i] != vma->anon_vma))
		i++;
	return i;
}

/* The VMAs as the tree has them. What is no longer there is forgotten; one not met before is given
 * the next free letter. */
static void show(struct world *w, char *text)
{
	bool there[LETTERS] = {0};
	struct range_entry e;
	int n = 0;

	text[0] = 0;
	for (u64 addr = 0; tree_find(w->self, &w->mm->mm_mt, addr, UINT64_MAX, &e); addr = e.end) {
		struct vm_area_struct *vma = PTR(w->self, e.ref);
		char letter = letter_of(w, vma);

		if (letter == '?') {
			for (letter = 'a'; w->vmas[letter - 'a']; letter++)
				CHECK(letter < 'a' + LETTERS);
			w->vmas[letter - 'a'] = vma;
		}
		there[letter - 'a'] = true;
		vma_assert_attached(vma);
		CHECK(vma->vm_start == e.start && vma->vm_end == e.end);
		n += snprintf(text + n, TEXT_BYTES - (u64)n, "%s%c:%lx-%lx@%lx/%u%s", n ? " " : "",
			      letter, e.start >> PAGE_SHIFT, e.end >> PAGE_SHIFT, vma_pgoff(vma),
			      anon_number(w, vma), vma_has_close(vma) ? "!" : "");
	}
	for (u32 i = 0; i < LETTERS; i++)
		if (!there[i])
			w->vmas[i] = NULL;
}

/* --- one step --- */

static struct vm_area_struct *by_letter(const struct world *w, char letter)
{
	CHECK(letter >= 'a' && letter < 'a' + LETTERS && w->vmas[letter - 'a']);
	return w->vmas[letter - 'a'];
}

/* *merged: the VMA that the range became a part of. */
static void make_call(struct world *w, const struct step *s, u64 flags,
		      struct vm_area_struct **merged)
{
	struct vma_merge_struct vmg;

	if (s->call == NEW || s->call == EXPAND) {
		vmg = (struct vma_merge_struct){.mm = w->mm,
						.start = PAGE(s->start),
						.end = PAGE(s->end),
						.pgoff = s->start,
						.flags = flags,
						.just_expand = s->call == EXPAND};
		vmg_neighbours(w->self, &vmg);
		*merged = vma_merge_new_range(w->self, &vmg);
		if (*merged)
			mm_account(w->mm, flags, (s64)(s->end - s->start));
		CHECK_EQ(vmg.no_memory, s->fails);
		return;
	}
	vmg_from_vma(w->self, &vmg, w->mm, by_letter(w, s->middle), PAGE(s->start), PAGE(s->end));
	if (s->call == MODIFY) {
		vmg.flags = flags & ~VM_WRITE;
		CHECK_EQ(vma_modify(w->self, &vmg, merged), s->fails ? -ENOMEM : 0);
		if (*merged) { /* the caller's part, as in mprotect */
			s64 pages = s->end - s->start;

			mm_account(w->mm, FLAGS, -pages);
			mm_account(w->mm, FLAGS & ~VM_WRITE, pages);
			(*merged)->vm_flags &= ~VM_WRITE;
		}
		return;
	}
	vmg_neighbours(w->self, &vmg);
	*merged = vma_merge_existing_range(w->self, &vmg);
	CHECK_EQ(vmg.no_memory, s->fails);
}

/* What a step must leave of sticky flags: the target has those of all that became part of it. */
static u32 sticky_after(const struct world *w, const struct step *s, const char *after, u32 request)
{
	u32 sticky = w->sticky, gone = request;

	if (!s->target || s->fails)
		return sticky;
	for (u32 i = 0; i < LETTERS; i++) {
		const char letter[] = {(char)('a' + i), ':', 0};

		if (sticky >> i & 1 && !strstr(after, letter)) {
			gone = 1;
			sticky &= ~(1u << i);
		}
	}
	sticky |= gone << (s->target - 'a');
	for (u32 i = 0; s->call == MODIFY && i < LETTERS; i++) { /* split off */
		const char letter[] = {(char)('a' + i), ':', 0};

		if (!w->vmas[i] && strstr(after, letter))
			sticky = (sticky & ~(1u << i)) | request << i;
	}
	return sticky;
}

static void check_flags(const struct world *w, const struct step *s, const char *what)
{
	for (u32 i = 0; i < LETTERS; i++) {
		const struct vm_area_struct *vma = w->vmas[i];
		bool expected;

		if (!vma)
			continue;
		if (!!(vma->vm_flags & VM_STICKY) != (w->sticky >> i & 1)) {
			fprintf(stderr, "%s: sticky flag of %c\n", what, 'a' + i);
			exit(1);
		}
		if (!VMA_LOCK_PER_VMA || !s->locked)
			continue;
		/* the middle is write-locked before its request is made, whatever comes of it */
		expected = strchr(s->locked, 'a' + (int)i) || s->middle == 'a' + (char)i;
		if (vma_is_write_locked(w->mm, vma) != expected) {
			fprintf(stderr, "%s: %c is%s write-locked\n", what, 'a' + i,
				vma_is_write_locked(w->mm, vma) ? "" : " not");
			exit(1);
		}
	}
}

static void run_step(struct world *w, const struct vector *v, u32 number, const char *before,
		     u32 request)
{
	const struct step *s = &v->steps[number];
	const char *after = s->after ? s->after : before;
	char what[256], found[TEXT_BYTES];
	struct vm_area_struct *merged = NULL;
	u64 flags = FLAGS | (request ? VM_MAYBE_GUARD : 0);
	u32 count = 1;

	snprintf(what, sizeof(what), "%s: \"%s\", step %u", vmalab_core.model, v->name, number + 1);
	fail_preallocations = s->fails ? 1 : 0;
	cloned = unlinked = 0;
	if (s->call == MERGE || s->call == MODIFY)
		request = w->sticky >> (s->middle - 'a') & 1;
	if (s->call == MODIFY)
		flags = FLAGS | (request ? VM_MAYBE_GUARD : 0);
	make_call(w, s, flags, &merged);
	if (letter_of(w, merged) != s->target) {
		fprintf(stderr, "%s: it gave '%c', not '%c' (0: no merge)\n", what,
			merged ? letter_of(w, merged) : '0', s->target ? s->target : '0');
		exit(1);
	}
	w->sticky = sticky_after(w, s, after, request);
	if (!s->target && s->call == NEW && !s->fails) { /* it becomes one of its own */
		char letter = 'a';

		while (w->vmas[letter - 'a'])
			letter++;
		w->sticky = (w->sticky & ~(1u << (letter - 'a'))) | request << (letter - 'a');
		add(w, letter, s->start, s->end, s->start, 0, false);
	}
	show(w, found);
	if (strcmp(found, after) != 0) {
		fprintf(stderr, "%s:\n  found  %s\n  wanted %s\n", what, found, after);
		exit(1);
	}
	check_flags(w, s, what);
	for (const char *p = found; *p; p++)
		count += *p == ' ';
	CHECK_EQ(w->mm->map_count, *found ? count : 0);
	CHECK_EQ(cloned, s->clones);
	CHECK_EQ(s->fails ? unlinked : cloned, cloned);
}

static u32 permutations(const struct vector *v)
{
	u32 n = 2; /* the request */

	for (const char *p = v->before; *p; p++)
		n <<= *p == ':';
	return n;
}

static void run_vector(struct world *w, const struct vector *v, u32 sticky)
{
	const char *before = v->before;
	u32 letters = 0;

	for (const char *p = v->before; *p; p++)
		letters += *p == ':';
	world_begin(w);
	w->sticky = sticky & ((1u << letters) - 1);
	add_all(w, v->before);
	for (u32 i = 0; v->steps[i].call; i++) {
		const struct step *s = &v->steps[i];

		if (s->call == HOOK || s->call == ANON) {
			struct vm_area_struct *vma = by_letter(w, s->middle);

			if (s->call == HOOK)
				vma->vm_ops = s->start ? VMA_DRIVER : VMA_ANON;
			else
				give_anon(w, vma, s->start);
			continue;
		}
		run_step(w, v, i, before, sticky >> letters & 1);
		before = s->after ? s->after : before;
		lock_again(w);
	}
	world_end(w, sticky == 0 || sticky + 1 == permutations(v));
}

/* --- what has no neighbours to speak of, or is made of whole calls --- */

/* Each flag of VM_SPECIAL forbids both kinds of merge, and no other flag is in it. */
static void test_special_flags(struct world *w)
{
	static const u64 special[] = {VM_IO, VM_DONTEXPAND, VM_PFNMAP, VM_MIXEDMAP};
	u64 all = 0;

	for (u32 i = 0; i < ARRAY_SIZE(special); i++) {
		struct vma_merge_struct vmg;

		all |= special[i];
		world_begin(w);
		add_all(w, "a:0-3@0/0");
		w->vmas[0]->vm_flags |= special[i];
		vmg = (struct vma_merge_struct){.mm = w->mm,
						.start = PAGE(3),
						.end = PAGE(4),
						.pgoff = 3,
						.flags = w->vmas[0]->vm_flags};
		vmg_neighbours(w->self, &vmg);
		CHECK(!vma_merge_new_range(w->self, &vmg));
		add(w, 'b', 3, 7, 3, 0, false)->vm_flags |= special[i];
		vmg_from_vma(w->self, &vmg, w->mm, w->vmas[1], PAGE(3), PAGE(7));
		vmg_neighbours(w->self, &vmg);
		CHECK(!vma_merge_existing_range(w->self, &vmg));
		w->vmas[0]->vm_flags &= ~special[i];
		w->vmas[1]->vm_flags &= ~special[i];
		vmg_from_vma(w->self, &vmg, w->mm, w->vmas[1], PAGE(3), PAGE(7));
		vmg_neighbours(w->self, &vmg);
		CHECK(vma_merge_existing_range(w->self, &vmg) == w->vmas[0]);
		world_end(w, true);
	}
	CHECK_EQ(all, VM_SPECIAL);
}

static void expect(struct world *w, const char *wanted)
{
	char found[TEXT_BYTES];

	show(w, found);
	if (strcmp(found, wanted) != 0) {
		fprintf(stderr, "%s: found %s, wanted %s\n", vmalab_core.model, found, wanted);
		exit(1);
	}
}

/* Around an operation that takes mmap_lock itself. */
#define UNLOCKED(w, expression)                                           \
	({                                                                \
		s64 result_;                                              \
                                                                          \
		mmap_write_unlock((w)->self, (w)->mm);                    \
		result_ = (expression);                                   \
		CHECK(mmap_write_lock((w)->self, (w)->mm, (w)->id) == 0); \
		result_;                                                  \
	})

/* Four mappings, each touching one before: two VMAs of six pages. */
static void test_mmap_region(struct world *w)
{
	static const u32 at[] = {0x300, 0x250, 0x303, 0x24d};

	world_begin(w);
	for (u32 i = 0; i < ARRAY_SIZE(at); i++)
		CHECK_EQ(UNLOCKED(w, op_mmap(w->self, w->id, PAGE(at[i]), PAGE(3),
					     PROT_READ | PROT_WRITE,
					     MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, 0, 0, 0)),
			 PAGE(at[i]));
	expect(w, "a:24d-253@24d/0 b:300-306@300/0");
	CHECK_EQ(w->mm->map_count, 2);
	world_end(w, true);
}

/* munmap splits off what stays, at either end: the object is the part that goes. */
static void test_shrink(struct world *w)
{
	world_begin(w);
	add_all(w, "a:10-13@10/0");
	CHECK_EQ(do_munmap(w->self, w->mm, PAGE(0x11), PAGE(2), false), 0);
	expect(w, "b:10-11@10/0");
	add(w, 'a', 0x20, 0x23, 0x20, 0, false);
	CHECK_EQ(do_munmap(w->self, w->mm, PAGE(0x20), PAGE(1), false), 0);
	w->vmas[0] = NULL;
	expect(w, "b:10-11@10/0 a:21-23@21/0");
	world_end(w, true);
}

/* Grown into the gap up to the next one: one VMA, the object that grew. */
static void test_extend(struct world *w)
{
	world_begin(w);
	add_all(w, "a:10-11@10/0 b:14-15@14/0");
	CHECK_EQ(UNLOCKED(w, op_mremap(w->self, w->id, PAGE(0x10), PAGE(1), PAGE(4), 0, 0)),
		 PAGE(0x10));
	expect(w, "a:10-15@10/0");
	world_end(w, true);
}

/* A copy that touches nothing is a new, attached VMA; one that touches becomes part of what is
 * there. (kernel: copy_vma) */
static void test_copy(struct world *w)
{
	const u32 how = MREMAP_MAYMOVE | MREMAP_FIXED;

	world_begin(w);
	add_all(w, "a:13-15@13/0");
	CHECK_EQ(UNLOCKED(w,
			  op_mremap(w->self, w->id, PAGE(0x13), PAGE(2), PAGE(2), how, PAGE(0x10))),
		 PAGE(0x10));
	w->vmas[0] = NULL;
	expect(w, "a:10-12@10/0");
	add(w, 'b', 0x16, 0x18, 0x16, 0, false);
	CHECK_EQ(UNLOCKED(w,
			  op_mremap(w->self, w->id, PAGE(0x10), PAGE(2), PAGE(2), how, PAGE(0x18))),
		 PAGE(0x18));
	expect(w, "b:16-1a@16/0");
	world_end(w, true);
}

/* A fork child's anon_vma has a parent: it takes no unfaulted neighbour in, and no unfaulted
 * neighbour takes it in. */
static void test_fork_child(struct world *w)
{
	static const char *const layouts[] = {"a:0-4@0/1 b:4-8@4/0", "a:0-4@0/0 b:4-8@4/1"};

	for (u32 i = 0; i < ARRAY_SIZE(layouts); i++) {
		struct vma_merge_struct vmg;
		struct vm_area_struct *low;
		struct mm_struct *child;
		s64 id;

		world_begin(w);
		add_all(w, layouts[i]);
		id = UNLOCKED(w, op_fork(w->self, w->id));
		CHECK(id > 0);
		child = mm_find(w->seg, (u32)id);
		mmap_write_unlock(w->self, w->mm);
		CHECK_EQ(mmap_write_lock(w->self, child, (u32)id), 0);
		low = find_vma(w->self, child, 0);
		CHECK_EQ(low->anon_vma ? low->anon_vma_links : 2, 2);
		vmg_from_vma(w->self, &vmg, child, low, 0, PAGE(4));
		vmg_neighbours(w->self, &vmg);
		CHECK(!vma_merge_existing_range(w->self, &vmg) && !vmg.no_memory);
		mmap_write_unlock(w->self, child);
		CHECK_EQ(op_exit(w->self, (u32)id), 0);
		CHECK_EQ(mmap_write_lock(w->self, w->mm, w->id), 0);
		/* In the parent the same two merge. */
		vmg_from_vma(w->self, &vmg, w->mm, w->vmas[0], 0, PAGE(4));
		vmg_neighbours(w->self, &vmg);
		CHECK(vma_merge_existing_range(w->self, &vmg) == w->vmas[1]);
		expect(w, "b:0-8@0/1");
		world_end(w, true);
	}
}

int main(int argc, char **argv)
{
	const struct vl_config config = {.size_bytes = 32 << 20,
					 .mms_max = 8,
					 .participants_max = 4,
					 .frames_max = 1 << 10,
					 .files_max = 4,
					 .vmas_per_mm_max = 100};
	struct world w = {0};
	u32 runs = 0;
	/* sys/mman.h and ops.h name the same things */
	int fd = (int)syscall(SYS_memfd_create, "vmalab-vectors", 0);

	test_begin(argc, argv);
	CHECK_EQ(core_seg_create(fd, "vectors", &config, &w.seg), 0);
	CHECK_EQ(vl_join(w.seg, ROLE_CLIENT, "vectors", &w.self), 0);
	for (u32 i = 0; i < ARRAY_SIZE(vectors); i++)
		for (u32 sticky = 0; sticky < permutations(&vectors[i]); sticky++, runs++)
			run_vector(&w, &vectors[i], sticky);
	test_special_flags(&w);
	test_mmap_region(&w);
	test_shrink(&w);
	test_extend(&w);
	test_copy(&w);
	test_fork_child(&w);
	printf("%s: %lu vectors, %u runs\n", vmalab_core.model, ARRAY_SIZE(vectors), runs);
	vl_leave(w.self);
	vl_seg_detach(w.seg);
	close(fd);
	return 0;
}
