/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lab_ops.c: the operations of a scenario, fault injection, objects that go from hand to hand,
 * and the outcome of a run.
 *
 * The outcome is what a program could see: the results of all operations, the maps of every mm at
 * the end, and the words in its pages. Whether a run's outcome is right is decided by comparing it
 * with those of all orders of whole operations (vl_lab_search.learn).
 */
#include "lab_internal.h"

#ifdef VL_LAB
#include <stdarg.h>
#include <stdio.h>

#include "vmalab/block_shapes.h"
#include "vmalab/ops.h"

#define FAULT_INFO_KEPT 0xffu /* signal code; which lock and whose page it was may differ */

#ifndef VL_MODEL_MMAP_LOCK
/* The stamps of the set-up are of numbers that the mm had then: of each run others. */
static void unstamp(struct participant *self, struct mm_struct *mm)
{
	struct range_entry e;

	for (u64 addr = 0; tree_find(self, &mm->mm_mt, addr, UINT64_MAX, &e); addr = e.end) {
		struct vm_area_struct *vma = PTR(self, e.ref);

		vma->vm_lock_seq = vma_stamp_first();
	}
}
#endif

static void preset(struct participant *self, struct mm_struct *mm, u32 *from, const u64 *arg)
{
#ifndef VL_MODEL_MMAP_LOCK
	struct vm_area_struct *vma = find_vma(self, mm, arg[1]);

	if (vma && *from != 1)
		unstamp(self, mm);
	if (vma)
		vma->vm_lock_seq = (u32)arg[2];
#else
	(void)self;
#endif
	*from = 1; /* the trace has the numbers of the scenario */
	mm->mm_lock_seq.sequence = (u32)arg[0];
}

/* Every VMA that the tree has, under mmap_lock read. (kernel: __oom_reap_task_mm) */
static s64 reap(struct participant *self, struct mm_struct *mm, u64 id)
{
	struct range_entry e;
	s64 n = 0;

	if (mmap_read_lock(self, mm, id) != 0)
		return VL_S_NO_MM;
	for (u64 addr = 0; tree_find(self, &mm->mm_mt, addr, UINT64_MAX, &e); addr = e.end) {
		const struct vm_area_struct *vma = PTR(self, e.ref);

		STEP(maps_found, vma);
		if (vma->vm_mm != id)
			lab_fail(VL_LAB_IDENTITY, "an mm has a VMA of another mm in its tree");
		n++;
	}
	mmap_read_unlock(self, mm);
	return n;
}

/* Which addresses the text says are mapped. Lines are each of their own moment, so borders and
 * protections may be mixed; what is always mapped must be there, and no line lies before its
 * predecessor. */
static s64 maps_hash(struct participant *self, u64 id)
{
	char text[4096] = "", *line = text;
	u64 hash = 14695981039346656037ull, from = 0, to = 0, start, end;
	long n = vl_maps(self, id, text, sizeof(text) - 1);

	for (; n > 0 && sscanf(line, "%lx-%lx", &start, &end) == 2; line = strchr(line, '\n') + 1) {
		if (end < to)
			lab_fail(VL_LAB_TREE, "maps: a line ends before the line above it");
		if (start > to) {
			hash = ((hash ^ from) * 1099511628211ull ^ to) * 1099511628211ull;
			from = start;
		}
		to = end;
	}
	hash = ((hash ^ from) * 1099511628211ull ^ to) * 1099511628211ull;
	return n < 0 ? n : (s64)(hash >> 1);
}

/* 0: there is none. */
static u64 file_at(struct participant *self, u64 id, u64 addr)
{
	struct mm_struct *mm = mm_find(self->seg, id);
	const struct vm_area_struct *vma;
	u64 file;

	if (!mm || mmap_read_lock(self, mm, id) != 0)
		return 0;
	vma = vma_lookup(self, mm, addr);
	file = vma && vma->vm_file ? file_id(file_get(self->seg, vma->vm_file)) : 0;
	mmap_read_unlock(self, mm);
	return file;
}

static s64 file_special(struct participant *self, u64 id, const struct vl_lab_op *op)
{
	const u64 *a = op->arg;

	if (op->op == VL_LAB_OP_TRUNCATE)
		return op_file_truncate(self, file_at(self, id, a[0]), a[1]);
	if (op->op == VL_LAB_OP_SEAL)
		return op_file_seal(self, file_at(self, id, a[0]), (u32)a[1]);
	return op_mmap(self, id, a[0], a[1], (u32)a[2], MAP_PRIVATE | MAP_FIXED,
		       file_at(self, id, a[3]), 0, 0);
}

static s64 special(struct participant *self, struct lab_state *lab, const struct vl_lab_op *op,
		   struct lab_actor *actor)
{
	u64 id = lab->mms[op->slot % LAB_SLOTS_MAX];
	struct mm_struct *mm = mm_find(self->seg, id);
	s64 value = 0;

	if (op->op == VL_LAB_OP_MAPS)
		return maps_hash(self, id); /* enters the core itself */
	if (core_enter(self) != 0)
		return VL_E_BROKEN;
	switch (op->op) {
	case VL_LAB_OP_PRESET:
		if (mm)
			preset(self, mm, &lab->seq_from[op->slot % LAB_SLOTS_MAX], op->arg);
		break;
	case VL_LAB_OP_FAIL:
		if (actor) {
			actor->fail_cache = (u32)op->arg[0];
			actor->fail_nth = (u32)op->arg[1];
		}
		break;
	case VL_LAB_OP_DIE:
		if (actor)
			actor->die_at = (u32)op->arg[0] + 1;
		break;
	case VL_LAB_OP_REAP:
		value = mm ? reap(self, mm, id) : VL_S_NO_MM;
		break;
	case VL_LAB_OP_MBIND:
		value = op_mbind(self, id, op->arg[0], op->arg[1], (u32)op->arg[2], op->arg[3]);
		break;
	case VL_LAB_OP_KEEP:
		value = op_keep(self, id, op->arg[0], &lab->kept);
		break;
	case VL_LAB_OP_LEND:
		value = op_lend(self, id, &lab->kept, op->arg[0], op->arg[1]);
		break;
	case VL_LAB_OP_FALLOCATE:
		value = op_stack_vma(self, id, op->arg[0], op->arg[1]);
		break;
	case VL_LAB_OP_NAME:
		value = op_set_vma_name(self, id, op->arg[0], op->arg[1], (const char *)&op->arg[2],
					(u32)strnlen((const char *)&op->arg[2], sizeof(u64)));
		break;
	case VL_LAB_OP_TRUNCATE:
	case VL_LAB_OP_MAP_FILE:
	case VL_LAB_OP_SEAL:
		value = file_special(self, id, op);
		break;
	case VL_LAB_OP_LOW:
		self->seg->hdr->mm_hint = 0; /* nobody else runs between operations */
		break;
	case VL_LAB_OP_RCU:
		rcu_barrier(self);
		break;
	}
	core_exit(self);
	return value;
}

void lab_do(struct participant *self, struct lab_state *lab, const struct vl_lab_op *op,
	    struct lab_actor *actor, struct vl_result *result)
{
	u64 block[RECORD_WORDS + ARRAY_SIZE(op->arg)] = {0};
	struct vl_record *rec = (struct vl_record *)block;
	u32 words = op->op < OPS_COUNT ? op_shapes[op->op].words : 0;

	if (!words) {
		s64 value = special(self, lab, op, actor);

		*result = (struct vl_result){.status = value < 0 ? (s32)value : 0,
					     .value = value > 0 ? (u64)value : 0};
		return;
	}
	if (words > RECORD_WORDS + ARRAY_SIZE(op->arg)) {
		*result = (struct vl_result){.status = VL_S_BAD_RECORD};
		return; /* a scenario has no room for its operands */
	}
	*rec = (struct vl_record){.op = op->op,
				  .words = (u8)words,
				  .flags = (u16)op->flags,
				  .mm = lab->mms[op->slot % LAB_SLOTS_MAX]};
	memcpy(rec->arg, op->arg, (words - RECORD_WORDS) * sizeof(u64));
	if (vl_run(self, block, words * 8, result, 1) != 1)
		*result = (struct vl_result){.status = VL_S_BAD_RECORD};
	if (op->result < LAB_SLOTS_MAX && result->status == 0) {
		lab->mms[op->result] = result->value;
		result->value = op->result; /* ids differ from run to run */
	}
	if (op->op == OP_FAULT) {
		result->info &= FAULT_INFO_KEPT;
		lab->served += result->status != VL_S_NO_MM;
		lab->faults++; /* between sync points, so nobody else counts now */
	}
}

/* --- fault injection, objects --- */

bool lab_fails(u32 cache)
{
	struct lab_actor *me;

	if (!lab_me.lab || lab_me.actor == NOBODY)
		return false;
	me = &lab_me.lab->actors[lab_me.actor];
	if (me->fail_nth == 0 || me->fail_cache != cache)
		return false;
	return --me->fail_nth == 0;
}

/* Mutant typesafe_merged: a slot of VMAs has a tree node in it. */
static bool lent_to_node(u32 cache, vl_ref ref)
{
	return cache == CACHE_NODE && kmem_cache_owns(lab_me.self->seg, CACHE_VMA, ref);
}

vl_ref lab_object_take(u32 cache)
{
	struct lab_state *lab = lab_me.lab;

	if (!lab || !lab_me.ghost || lab->stack_count == 0 ||
	    (cache != CACHE_VMA && (cache != CACHE_NODE || !MUTANT(typesafe_merged))))
		return 0;
	return lab->stack[--lab->stack_count];
}

bool lab_object_give(u32 cache, vl_ref ref)
{
	struct lab_state *lab = lab_me.lab;
	bool lent;

	if (!lab)
		return false;
	lent = lent_to_node(cache, ref);
	if (lent) /* what is to be seen is who looks at the node, not what comes after it */
		vma_ctor(PTR(lab_me.self, ref));
	if (!lab_me.ghost || (cache != CACHE_VMA && !lent) ||
	    lab->stack_count >= lab->slab_objects) {
		if (lent)
			kmem_cache_free(lab_me.self, CACHE_VMA, PTR(lab_me.self, ref));
		return lent;
	}
	lab->stack[lab->stack_count++] = ref;
	return true;
}

/* --- the outcome --- */

struct text {
	char *at;
	u64 bytes, cap;
	struct participant *self;
};

static void say(struct text *t, const char *format, ...)
{
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(t->at + t->bytes, t->cap - t->bytes, format, args);
	va_end(args);
	t->bytes = min_u64(t->bytes + (u64)(n > 0 ? n : 0), t->cap - 1);
}

static int say_word(struct participant *self, pte_t *pte, u64 addr, void *arg)
{
	u64 word = *pte ? load_relaxed_u64(frame_word(self->seg, pte_frame(*pte))) : 0;

	if (word)
		say(arg, " %lx=%lu", addr, word);
	return 0;
}

static void say_mm(struct participant *self, struct text *t, u32 slot, u64 id)
{
	struct mm_struct *mm = mm_find(self->seg, id);
	struct range_entry e;

	say(t, "m%u:", slot);
	for (u64 addr = 0; mm && tree_find(self, &mm->mm_mt, addr, UINT64_MAX, &e); addr = e.end) {
		const struct vm_area_struct *vma = PTR(self, e.ref);
		u64 f = vma->vm_flags;

		say(t, " %lx-%lx:%c%c%c%c", e.start, e.end, f & VM_READ ? 'r' : '-',
		    f & VM_WRITE ? 'w' : '-', f & VM_EXEC ? 'x' : '-', f & VM_SHARED ? 's' : 'p');
	}
	if (mm)
		pte_walk(self, &mm->pgd, 0, TASK_SIZE, say_word, t);
	say(t, mm ? "\n" : " gone\n");
}

static void say_result(struct text *t, const char *who, u32 i, u32 n, const struct vl_result *r)
{
	if (r->status == 0)
		say(t, "%s%u.%u: %#lx\n", who, i, n, r->value);
	else
		say(t, "%s%u.%u: %d/%u\n", who, i, n, r->status, r->info);
}

u64 lab_outcome(struct participant *self, struct lab_state *lab, char *text, u64 cap)
{
	struct text t = {text, 0, cap, self};
	u64 hash = 14695981039346656037ull;

	for (u32 i = 0; i < lab->actors_count; i++)
		for (u32 n = 0; n < lab->actors[i].ops_count; n++)
			say_result(&t, "A", i, n, &lab->actors[i].results[n]);
	for (u32 n = 0; n < lab->check_count; n++)
		say_result(&t, "check", 0, n, &lab->checked[n]);
	for (u32 i = 0; i < LAB_SLOTS_MAX; i++)
		if (lab->mms[i])
			say_mm(self, &t, i, lab->mms[i]);
	for (u64 i = 0; i < t.bytes; i++)
		hash = (hash ^ (u8)text[i]) * 1099511628211ull;
	return hash;
}
#endif
