/* SPDX-License-Identifier: Apache-2.0 */
/*
 * walk_finds.c: what the walker says is wrong with an mm, and puts right; for each lock model.
 *
 * Goal: fsck names each broken invariant of an mm or a file, each wrong lock and a lost page, and
 * changes nothing; a recovery puts the same right.
 * Method: a small segment with two areas of memory and one of a file, and so many page tables that
 * slices take several steps to walk them. One word is broken at a time,
 * by hand. fsck must say so, in one standstill and in slices, and leave the mm, the VMAs, the
 * entries and the file as they are. Then a participant dies in the middle of something, and after
 * the recovery fsck must have nothing to say.
 * Failure: the case, and what fsck said instead.
 * Seen to fail: with each bit of enum wrong (walk_mm.h) taken out of its repair, each one taken out
 * of its find_*, each complaint left out, and with a find_* that stores; with slices that end after
 * the first step of the page tables of an mm ("place far on") or of a file ("frame far on"), that
 * repair ("range"), and that leave out: the trees, the mms ("range"), the page tables ("place"),
 * the files ("size"), the locks of the tables ("mmap_lock"), those of VMAs ("lock of a VMA"), the
 * lost pages ("page").
 */
#include <sys/syscall.h>

#include "test.h"
#include "vmalab/block.h"
#include "vmalab/core.h"
#include "vmalab/lock_model.h"
#include "vmalab/recover.h"
#include "vmalab/uapi.h"
#include "vmalab/uffd.h"
#include "torture.h"

#define AREA      0x200000000000ul /* two pages, read and write */
#define READ_ONLY (AREA + 0x10000)
#define OF_FILE   (AREA + 0x20000) /* two pages of the file, shared */
#define NOWHERE   (AREA + 0x30000)
#define FAR_TABLE 40u /* that leaf table after the first: in another step of a walk in slices */
#define TABLE     (512 * PAGE_SIZE)

struct world {
	struct participant *self;
	struct vl_seg *seg;
	int fd;
	struct mm_struct *mm;
	struct vm_area_struct *vma, *read_only;
	struct file *file;
	/* Entries of addresses without a VMA; the second with many tables before it, as the third,
	 * which is of the file's cache. */
	pte_t *nowhere, *far, *far_in_file;
};

static struct vm_area_struct *area_at(const struct world *w, u64 addr)
{
	struct range_entry e;

	tree_get(w->self, &w->mm->mm_mt, addr, &e);
	CHECK(e.ref);
	return vl_ptr(w->seg, e.ref);
}

static pte_t *entry_at(const struct world *w, u64 addr)
{
	pte_t *pte = pte_lookup(w->seg, &w->mm->pgd, addr);

	CHECK(pte);
	return pte;
}

static void map(struct world *w, u64 mm, u64 addr, u64 prot, u64 how, u64 file)
{
	CHECK_EQ(CALL(w, OP_MMAP, 0, mm, addr, 2 * PAGE_SIZE, prot | (how | MAP_FIXED) << 32, file,
		      0)
			 .status,
		 0);
	for (u64 page = 0; page < 2; page++)
		CHECK_EQ(CALL(w, OP_FAULT, prot & PROT_WRITE ? FAULT_WRITE : 0, mm,
			      addr + page * PAGE_SIZE, 0)
				 .status,
			 0);
}

static void open_all(struct world *w)
{
	struct vl_config config = {.size_bytes = 64 << 20,
				   .mms_max = 8,
				   .participants_max = 8,
				   .frames_max = 1 << 12,
				   .files_max = 4,
				   .vmas_per_mm_max = 100,
				   .frames_per_mm_max = 100};
	struct vl_mm_options options = {0};
	u64 mm, file;

	/* sys/mman.h and uapi.h name the same things */
	w->fd = (int)syscall(SYS_memfd_create, "vmalab-walk", 0);
	CHECK(w->fd >= 0);
	CHECK_EQ(core_seg_create(w->fd, "walk", &config, &w->seg), 0);
	CHECK_EQ(vl_join(w->seg, ROLE_SUPERVISOR, "walk", &w->self), 0);
	CHECK_EQ(vl_mm_create(w->self, &options, &mm, NULL, 0), 0);
	CHECK_EQ(vl_file_open(w->self, 1, 100, 2 * PAGE_SIZE, "/memfd:walk", 0, &file), 0);
	map(w, mm, AREA, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, 0);
	map(w, mm, READ_ONLY, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, 0);
	map(w, mm, OF_FILE, PROT_READ | PROT_WRITE, MAP_SHARED, file);
	w->mm = &mm_table(w->seg)[mm_index(mm)];
	w->vma = area_at(w, AREA);
	w->read_only = area_at(w, READ_ONLY);
	w->file = file_find(w->seg, file);
	CHECK_EQ(core_enter(w->self), 0);
	w->nowhere = pte_alloc(w->self, &w->mm->pgd, mm_index(mm) + 1, NOWHERE);
	for (u64 i = 1; i <= FAR_TABLE; i++) {
		w->far = pte_alloc(w->self, &w->mm->pgd, mm_index(mm) + 1, NOWHERE + i * TABLE);
		w->far_in_file = pte_alloc(w->self, &w->file->cache,
					   table_owner(TABLE_OF_FILE | 1u, 0), i * TABLE);
		CHECK(w->far && w->far_in_file);
	}
	core_exit(w->self);
	CHECK(w->nowhere);
}

static void close_all(struct world *w)
{
	vl_leave(w->self);
	vl_seg_detach(w->seg);
	close(w->fd);
}

/* --- each breaks one thing --- */

static void break_range(struct world *w)
{
	w->vma->vm_end += PAGE_SIZE;
}
static void break_bounds(struct world *w)
{
	w->vma->vm_start++;
}
#if VMA_LOCK_PER_VMA
static void break_attachment(struct world *w)
{
	w->vma->detached = 1;
}
static void break_stamp(struct world *w)
{
	w->vma->vm_lock_seq = w->mm->mm_lock_seq.sequence + 1;
}
#endif
static void break_uffd(struct world *w)
{
	w->vma->uffd_ctx = 1;
}
static void break_uffd_object(struct world *w)
{
	mm_uffds(w->seg, w->mm)[1] |= UFFD_CLOSING;
}
static void break_place(struct world *w)
{
	*w->nowhere = pte_make(FRAME_ZERO, 0);
}
static void break_far(struct world *w)
{
	*w->far = pte_make(FRAME_ZERO, 0);
}
static void break_far_in_file(struct world *w)
{
	w->file->size = 2 * FAR_TABLE * TABLE;
	*w->far_in_file = pte_make(w->seg->hdr->frames.frames_populated, 0);
}
static void break_mmap_lock(struct world *w)
{
	w->mm->mmap_lock.count += RWSEM_READER;
}
#if VMA_LOCK_SEPARATE
#define VMA_LOCK_SAID "vma_lock"
static void break_vma_lock(struct world *w)
{
	vma_rwsem(w->self, w->vma)->count += RWSEM_READER;
}
#elif VMA_LOCK_RWSEM
#define VMA_LOCK_SAID "vm_lock of VMA object"
static void break_vma_lock(struct world *w)
{
	w->vma->vm_lock.count += RWSEM_READER;
}
#elif VMA_LOCK_PER_VMA
#define VMA_LOCK_SAID "is what the living hold"
static void break_vma_lock(struct world *w)
{
	w->vma->vm_refcnt++;
}
#endif
static void break_page(struct world *w)
{
	u32 page = w->seg->hdr->pages.pages_populated - 1;

	while (w->seg->page_descs[page].kind != PAGE_FREE)
		page--;
	w->seg->page_descs[page].kind = PAGE_TAKEN;
}
static void break_busy(struct world *w)
{
	*entry_at(w, AREA) |= PTE_BUSY;
}
/* By a writer that has stamped the VMA and is gone. */
static void break_rights(struct world *w)
{
	*entry_at(w, READ_ONLY) |= PTE_WRITE;
	w->mm->mm_lock_seq.sequence |= 1;
#if VMA_LOCK_PER_VMA
	w->read_only->vm_lock_seq = w->mm->mm_lock_seq.sequence;
#endif
}
static void break_guard(struct world *w)
{
	*entry_at(w, READ_ONLY) = PTE_GUARD;
}
static void break_size(struct world *w)
{
	w->file->size = PAGE_SIZE; /* with a page of the file, and of its mapping, behind it */
}
static void break_cutter(struct world *w)
{
	w->file->cut_to = 7;
}
static void break_seals(struct world *w)
{
	w->file->seals_coming = 8;
}
static void break_map_count(struct world *w)
{
	w->mm->map_count++;
}
static void break_total(struct world *w)
{
	w->mm->data_vm += 3;
}
static void break_locked(struct world *w)
{
	w->vma->vm_flags |= VM_LOCKED;
}
static void break_seq(struct world *w)
{
	w->mm->mm_lock_seq.sequence |= 1;
}
static void break_users(struct world *w)
{
	w->mm->users += 5;
}
static void break_frames(struct world *w)
{
	mm_aside(w->seg, w->mm)->frames++;
}
static void break_count(struct world *w)
{
	w->mm->mm_count = 2;
}
static void break_pin(struct world *w)
{
	w->mm[1].state = MM_PINNED;
}
static void break_maker(struct world *w)
{
	w->mm[1].state = MM_BUILDING;
	w->mm[1].mm_count = 1;
	w->mm[1].builder = 0;
	w->mm[1].mm_lock_seq.sequence |= 1;
}

/* What fsck says of it. A guard and a name of no frame no recovery takes away: nobody has left
 * them. */
static const struct wrong_case {
	const char *name;
	void (*break_it)(struct world *w);
	const char *said;
	const char *also;
	bool stays;
} cases[] = {
	{"range", break_range, "but the tree says", NULL, false},
	{"bounds", break_bounds, "is out of bounds", "but the tree says", false},
#if VMA_LOCK_PER_VMA
	{"attachment", break_attachment, "is in the tree and detached", NULL, false},
	{"stamp", break_stamp, "has a stamp that mm_lock_seq has not passed", NULL, false},
#endif
	{"uffd", break_uffd, "of userfaultfd with context 1", NULL, false},
	{"uffd object", break_uffd_object, "userfaultfd 1 is half closed", NULL, false},
	{"place", break_place, "is mapped outside all VMAs", NULL, false},
	{"place far on", break_far, "is mapped outside all VMAs", NULL, false},
	{"frame far on", break_far_in_file, "which does not exist", NULL, true},
	{"busy", break_busy, "is busy, or writable", NULL, false},
	{"rights", break_rights, "is busy, or writable", NULL, false},
	{"guard", break_guard, "is a guard, and its VMA does not have the flag", NULL, true},
	{"size", break_size, "is no longer in its file", "beyond the end", false},
	{"cutter", break_cutter, "pages are cut by nobody", NULL, false},
	{"seals", break_seals, "seals are set by nobody", NULL, false},
	{"map_count", break_map_count, "map_count 4, but 3 VMAs", NULL, false},
	{"total", break_total, "of data", NULL, false},
	{"locked", break_locked, "but 2 pages are locked", NULL, false},
	{"sequence", break_seq, "mm_lock_seq is odd and nobody writes", NULL, false},
	{"users", break_users, "but the living hold 1 leases", NULL, false},
	{"frames", break_frames, "charged 33 frames, but its entries and stocks have 32", NULL,
	 false},
	{"mm_count", break_count, "mm_count 2, and nobody pins", NULL, false},
	{"pin", break_pin, "pinned by nobody", NULL, false},
	{"maker", break_maker, "its maker or destroyer", NULL, false},
	{"mmap_lock", break_mmap_lock, "mmap_lock of mm slot 0: count", NULL, false},
#if VMA_LOCK_PER_VMA
	{"lock of a VMA", break_vma_lock, VMA_LOCK_SAID, NULL, false},
#endif
	{"page", break_page, "of kind 1 is not reachable", NULL, false},
};

/* --- fsck, and a recovery --- */

static char text[8192];

static void fail(const char *name)
{
	fprintf(stderr, "%s: fsck said:\n%s", name, text);
	exit(1);
}

static long fsck(struct world *w)
{
	long n = vl_fsck(w->self, text, sizeof(text) - 1);

	CHECK(n >= 0 && n < (long)sizeof(text));
	text[n] = 0;
	return n;
}

/* What the walk looks at: copies, to be compared. */
struct seen {
	struct mm_struct mms[2];
	u64 uffds[UFFDS_MAX];
	struct vm_area_struct vmas[2];
	struct file file;
	pte_t entries[7];
};

static void look(struct world *w, struct seen *seen)
{
	memset(seen, 0, sizeof(*seen));
	memcpy(seen->mms, w->mm, sizeof(seen->mms));
	memcpy(seen->uffds, mm_uffds(w->seg, w->mm), sizeof(seen->uffds));
	seen->vmas[0] = *w->vma;
	seen->vmas[1] = *w->read_only;
	seen->file = *w->file;
	seen->entries[0] = *entry_at(w, AREA);
	seen->entries[1] = *entry_at(w, READ_ONLY);
	seen->entries[2] = *entry_at(w, OF_FILE + PAGE_SIZE);
	seen->entries[3] = *w->nowhere;
	seen->entries[4] = *pte_lookup(w->seg, &w->file->cache, PAGE_SIZE);
	seen->entries[5] = *w->far;
	seen->entries[6] = *w->far_in_file;
}

/* A sum of parts, which slices do not see at one instant. */
static bool is_sum(const struct wrong_case *c)
{
	return c->break_it == break_frames;
}

/* What slices find is what fsck finds of one mm and of one file. */
static void check_slices(struct world *w, const struct wrong_case *c)
{
	long n = vl_fsck_slices(w->self, text, sizeof(text) - 1);

	CHECK(n >= 0 && n < (long)sizeof(text));
	text[n] = 0;
	if (c && !is_sum(c) ? !strstr(text, c->said) || (c->also && !strstr(text, c->also)) : n)
		fail(c ? c->name : "intact, in slices");
}

/* A participant that dies in the core, in the middle of something with that mm and that file. */
static void die_and_recover(struct world *w)
{
	static struct vl_recovery out;
	struct participant *victim;
	struct vl_seg *seg;
	int status;
	pid_t pid;

	fflush(NULL);
	pid = fork();
	CHECK(pid >= 0);
	if (pid == 0) {
		CHECK_EQ(core_seg_attach(w->fd, &seg), 0);
		CHECK_EQ(vl_join(seg, ROLE_CLIENT, "victim", &victim), 0);
		CHECK_EQ(core_enter(victim), 0);
		hold_taking(victim, HOLD_MMAP, &mm_table(seg)->mmap_lock, HELD_READ);
		hold_taking(victim, HOLD_MMAP2, &file_table(seg)->lock, HELD_WRITE);
		note_doubt(victim, AREA, 1);
		_exit(42); /* without leaving */
	}
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 42);
	CHECK_EQ(vl_recover(w->self, &out), 0);
	CHECK_EQ(out.dead_count, 1);
	CHECK_EQ(out.walks, 1);
}

static void test_case(const struct wrong_case *c)
{
	static struct seen before, after;
	struct world w;

	printf("%s\n", c->name);
	open_all(&w);
	if (fsck(&w))
		fail(c->name);
	check_slices(&w, NULL);
	c->break_it(&w);
	look(&w, &before);
	check_slices(&w, c);
	fsck(&w);
	if (!strstr(text, c->said) || (c->also && !strstr(text, c->also)))
		fail(c->name);
	look(&w, &after);
	CHECK(memcmp(&before, &after, sizeof(before)) == 0);
	die_and_recover(&w);
	fsck(&w);
	if ((*text != 0) != c->stays || (c->stays && !strstr(text, c->said)))
		fail(c->name);
	close_all(&w);
}

int main(int argc, char **argv)
{
	test_begin(argc, argv);
	for (u32 i = 0; i < ARRAY_SIZE(cases); i++)
		test_case(&cases[i]);
	printf("good\n");
	return 0;
}
