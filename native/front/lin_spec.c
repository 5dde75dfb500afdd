/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lin_spec.c: the sequential address space that histories are compared with: what each operation
 * does to the pages of one cell, and which answers are right.
 *
 * A page of an mm is: not there (the mm is not), not mapped, or mapped private with a word or
 * shared with the number of a shared page, whose word lies behind the entries. Rights are those of
 * the VMA, and so is its protection key. An mm knows which keys are taken. Who says nothing of
 * its PKRU has key 0 alone: nobody changes what the mm has for such callers. An operation on an mm
 * that is not there answers NO_MM and does nothing.
 *
 * Where an answer depends on pages of other cells, all outcomes are allowed that some state of
 * those would give.
 */
#include <string.h>

#include "lin_internal.h"

#define WORD_MASK ((1ul << LIN_WORD_BITS) - 1)
#define PROT_MASK (LIN_R | LIN_W)
#define EXEC_PROT 4u

struct space {
	u64 *entry; /* [mm * pages + page] */
	u64 *shared;
	u64 *keys; /* [mm]: bit k: key k is taken */
	u32 count, pages;
};

static u64 *page_of(const struct space *s, u32 mm, u32 page)
{
	return &s->entry[mm * s->pages + page];
}

static u64 key_of(u64 entry)
{
	return (entry & LIN_KEY) >> LIN_WORD_BITS;
}

static bool key_taken(const struct space *s, const struct vl_lin_op *op)
{
	return op->key < LIN_KEYS && (s->keys[op->mm] >> op->key & 1);
}

/* What PKRU denies: bit 0 of a pair all, bit 1 writes. */
static bool key_denies(const struct vl_lin_op *op, u64 key)
{
	u32 named = (op->pkru - 1u) >> 2, rights = (op->pkru - 1u) & 3;

	if (!op->pkru)
		return key != 0;
	return named == key && ((rights & 1) || (op->kind == LIN_WRITE && (rights & 2)));
}

static u64 prot_bits(u8 prot)
{
	return (prot & 1 ? LIN_R : 0) | (prot & 2 ? LIN_W : 0) | (prot & EXEC_PROT ? LIN_X : 0);
}

static u64 *word_of(const struct space *s, u64 *entry)
{
	return *entry & LIN_SHARED ? &s->shared[*entry & WORD_MASK] : entry;
}

static u64 word_get(const struct space *s, u64 *entry)
{
	return *word_of(s, entry) & WORD_MASK;
}

static void word_set(const struct space *s, u64 *entry, u64 word)
{
	u64 *at = word_of(s, entry);

	*at = (*at & ~WORD_MASK) | (word & WORD_MASK);
}

/* The lowest number that no entry names. There are as many as entries, and one entry names none. */
static u64 shared_new(const struct space *s)
{
	for (u64 number = 0;; number++) {
		bool taken = false;

		for (u32 i = 0; i < s->count && !taken; i++)
			taken = (s->entry[i] & LIN_SHARED) && (s->entry[i] & WORD_MASK) == number;
		if (taken)
			continue;
		s->shared[number] = 0;
		return number;
	}
}

/* Numbers the shared pages in the order in which entries name them, and forgets those that none
 * names, so that equal states look equal. */
static void renumber(const struct space *s)
{
	u64 words[LIN_PAGES_MAX / 2] = {0};
	u8 number_of[LIN_PAGES_MAX / 2] = {0}; /* + 1 */
	u8 next = 0;

	for (u32 i = 0; i < s->count; i++) {
		u64 old = s->entry[i] & WORD_MASK;

		if (!(s->entry[i] & LIN_SHARED))
			continue;
		if (!number_of[old]) {
			words[next] = s->shared[old];
			number_of[old] = ++next;
		}
		s->entry[i] = (s->entry[i] & ~WORD_MASK) | (number_of[old] - 1u);
	}
	memcpy(s->shared, words, s->count * sizeof(*words));
}

/* What a page is that is not mapped: the mm is there, and may refuse executable memory. */
static u64 nothing_at(u64 entry)
{
	return entry & (LIN_PRESENT | LIN_REFUSES);
}

/* After MDWE nothing becomes writable and executable, and nothing executable that was not. */
static bool gains_exec(u64 mm_entry, u64 old, u8 prot)
{
	return (mm_entry & LIN_REFUSES) && (prot & EXEC_PROT) && ((prot & 2) || !(old & LIN_X));
}

static bool all_mapped(const struct space *s, const struct lin_step *step)
{
	for (u32 i = step->first; i <= step->last; i++) {
		if (!(*page_of(s, step->op->mm, i) & LIN_MAPPED))
			return false;
	}
	return true;
}

static bool apply_access(const struct space *s, const struct vl_lin_op *op, u64 *entry)
{
	u64 need = op->kind == LIN_WRITE ? LIN_W : PROT_MASK; /* what may be written may be read */

	if (!(*entry & LIN_MAPPED))
		return op->answer == LIN_MAPERR;
	if (key_denies(op, key_of(*entry)))
		return op->answer == LIN_PKERR && op->key == key_of(*entry);
	if (!(*entry & need))
		return op->answer == LIN_ACCERR;
	if (op->answer != LIN_OK)
		return false;
	if (op->kind == LIN_READ)
		return word_get(s, entry) == op->word;
	word_set(s, entry, op->word);
	return true;
}

static bool apply_map(const struct space *s, const struct lin_step *step)
{
	const struct vl_lin_op *op = step->op;

	if (op->kind == LIN_MAP_NEW && all_mapped(s, step))
		return op->answer == LIN_EXISTS;
	if (gains_exec(*page_of(s, op->mm, step->first), LIN_X, op->prot))
		return op->answer == LIN_ACCERR;
	if (op->answer != LIN_OK)
		return false;
	for (u32 i = step->first; i <= step->last; i++) {
		u64 *entry = page_of(s, op->mm, i);
		u64 value = nothing_at(*entry) | LIN_MAPPED | prot_bits(op->prot);

		*entry = nothing_at(*entry);
		if (op->shared)
			value |= LIN_SHARED | shared_new(s);
		*entry = value;
	}
	return true;
}

/* An error leaves the pages before the hole, or before what may not become executable, changed.
 * That page may be in another cell: before this one (variant 1: nothing here was changed), or after
 * it. */
static bool apply_protect(const struct space *s, const struct lin_step *step, u32 variant)
{
	const struct vl_lin_op *op = step->op;
	bool keyed = op->kind == LIN_PKEY_PROTECT;
	u8 stopped = LIN_OK;

	if (keyed && !key_taken(s, op))
		return op->answer == LIN_BAD_KEY;
	if (op->answer != LIN_OK && op->answer != LIN_HOLE && op->answer != LIN_ACCERR)
		return false;
	if (variant == 1)
		return true;
	for (u32 i = step->first; i <= step->last && stopped == LIN_OK; i++) {
		u64 *entry = page_of(s, op->mm, i);

		if (!(*entry & LIN_MAPPED))
			stopped = LIN_HOLE;
		else if (gains_exec(*entry, *entry, op->prot))
			stopped = LIN_ACCERR;
		else
			*entry = (*entry & ~(PROT_MASK | LIN_X)) | prot_bits(op->prot);
		if (keyed && stopped == LIN_OK)
			*entry = (*entry & ~LIN_KEY) | (u64)op->key << LIN_WORD_BITS;
	}
	return op->answer == stopped ||
	       (op->answer != LIN_OK && stopped == LIN_OK && step->to_after);
}

/* DONTNEED and TOUCH go on behind a hole and say so at the end. */
static bool hole_answer(const struct space *s, const struct lin_step *step)
{
	bool elsewhere = step->from_before || step->to_after || step->of_many;

	if (step->op->answer == LIN_OK)
		return all_mapped(s, step);
	return step->op->answer == LIN_HOLE && (elsewhere || !all_mapped(s, step));
}

static bool apply_dontneed(const struct space *s, const struct lin_step *step)
{
	u64 *entry = page_of(s, step->op->mm, step->first);

	if (!hole_answer(s, step))
		return false;
	if ((*entry & LIN_MAPPED) && !(*entry & LIN_SHARED))
		word_set(s, entry, 0);
	return true;
}

static bool apply_populate(const struct vl_lin_op *op, u64 entry)
{
	if (!(entry & LIN_MAPPED))
		return op->answer == LIN_HOLE;
	/* Reading needs the right to read here, not any right. */
	if (!(entry & (op->prot & 2 ? LIN_W : LIN_R)) || key_denies(op, key_of(entry)))
		return op->answer == LIN_ACCERR;
	return op->answer == LIN_OK;
}

static bool apply_fork(const struct space *s, const struct vl_lin_op *op)
{
	if (op->answer != LIN_OK || (*page_of(s, op->other, 0) & LIN_PRESENT))
		return false;
	for (u32 i = 0; i < s->pages; i++)
		*page_of(s, op->other, i) = *page_of(s, op->mm, i);
	s->keys[op->other] = s->keys[op->mm];
	return true;
}

static bool apply_alloc(const struct space *s, const struct vl_lin_op *op)
{
	u64 *keys = &s->keys[op->mm];

	if (*keys == (1ul << LIN_KEYS) - 1)
		return op->answer == LIN_NO_KEY;
	if (op->answer != LIN_OK || op->key != (u32)__builtin_ctzl(~*keys))
		return false;
	*keys |= 1ul << op->key;
	return true;
}

static bool apply_free(const struct space *s, const struct vl_lin_op *op)
{
	if (!key_taken(s, op))
		return op->answer == LIN_BAD_KEY;
	if (op->answer != LIN_OK)
		return false;
	s->keys[op->mm] &= ~(1ul << op->key);
	return true;
}

static bool apply_move(const struct space *s, const struct lin_step *step)
{
	u64 *from = page_of(s, step->op->mm, step->first);
	u64 *to = page_of(s, step->op->mm, step->to);

	if (!(*from & LIN_MAPPED))
		return step->op->answer == LIN_MAPERR;
	if (step->op->answer != LIN_OK)
		return false;
	*to = *from;
	*from = nothing_at(*from);
	return true;
}

static bool apply_uffd(const struct space *s, const struct lin_step *step)
{
	u64 *from = page_of(s, step->op->mm, step->first);
	u64 *to = page_of(s, step->op->mm, step->to);
	u64 want = LIN_MAPPED | PROT_MASK;

	if (step->op->answer == LIN_REFUSED)
		return true;
	if (step->op->answer != LIN_OK || (*from & (want | LIN_SHARED)) != want ||
	    (*to & (want | LIN_SHARED)) != want || word_get(s, to) != 0 ||
	    key_of(*from) != key_of(*to))
		return false;
	word_set(s, to, word_get(s, from));
	word_set(s, from, 0);
	return true;
}

/* munmap, exit, MDWE: what each page of the step keeps, and what it gets. */
static bool apply_all(const struct space *s, const struct lin_step *step, u64 keeps, u64 gets)
{
	if (step->op->answer != LIN_OK)
		return false;
	for (u32 i = step->first; i <= step->last; i++) {
		u64 *entry = page_of(s, step->op->mm, i);

		*entry = (*entry & keeps) | gets;
	}
	return true;
}

static bool apply_exit(const struct space *s, const struct lin_step *step)
{
	if (!apply_all(s, step, 0, 0))
		return false;
	s->keys[step->op->mm] = 0;
	return true;
}

static bool protects(const struct vl_lin_op *op)
{
	return op->kind == LIN_PROTECT || op->kind == LIN_PKEY_PROTECT;
}

bool lin_idle(const struct lin_step *step)
{
	switch (step->op->answer) {
	case LIN_OK:
		return step->op->kind == LIN_READ || step->op->kind == LIN_TOUCH ||
		       step->op->kind == LIN_POPULATE;
	case LIN_HOLE: /* of mprotect: what lies before the hole is changed */
		return step->op->kind == LIN_TOUCH || step->op->kind == LIN_POPULATE;
	case LIN_ACCERR: /* the same, before what may not become executable */
		return !protects(step->op);
	default:
		return true;
	}
}

u32 lin_variants(const struct lin_step *step)
{
	bool stopped = step->op->answer == LIN_HOLE || step->op->answer == LIN_ACCERR;

	return protects(step->op) && stopped && step->from_before ? 2 : 1;
}

static bool apply(const struct space *s, const struct lin_step *step, u32 variant)
{
	const struct vl_lin_op *op = step->op;
	u64 *entry = page_of(s, op->mm, step->first);

	if (!(*entry & LIN_PRESENT))
		return op->answer == LIN_NO_MM;
	switch (op->kind) {
	case LIN_READ:
	case LIN_WRITE:
		return apply_access(s, op, entry);
	case LIN_MAP:
	case LIN_MAP_NEW:
		return apply_map(s, step);
	case LIN_UNMAP:
		return apply_all(s, step, LIN_PRESENT | LIN_REFUSES, 0);
	case LIN_PKEY_ALLOC:
		return apply_alloc(s, op);
	case LIN_PKEY_FREE:
		return apply_free(s, op);
	case LIN_PROTECT:
	case LIN_PKEY_PROTECT:
		return apply_protect(s, step, variant);
	case LIN_DONTNEED:
		return apply_dontneed(s, step);
	case LIN_TOUCH:
		return hole_answer(s, step);
	case LIN_POPULATE:
		return apply_populate(op, *entry);
	case LIN_FORK:
		return apply_fork(s, op);
	case LIN_EXIT:
		return apply_exit(s, step);
	case LIN_MDWE:
		return apply_all(s, step, ~0ul, LIN_REFUSES);
	case LIN_MOVE:
		return apply_move(s, step);
	case LIN_UFFD:
		return apply_uffd(s, step);
	default:
		return false;
	}
}

/* May it change which pages are shared, and with whom? */
static bool renames(u8 kind)
{
	return kind == LIN_MAP || kind == LIN_MAP_NEW || kind == LIN_UNMAP || kind == LIN_FORK ||
	       kind == LIN_EXIT || kind == LIN_MOVE;
}

bool lin_apply(const struct lin_step *step, u64 *state, u32 mms, u32 pages, u32 variant)
{
	struct space s = {.entry = state,
			  .shared = state + mms * pages,
			  .keys = state + 2ul * mms * pages,
			  .count = mms * pages,
			  .pages = pages};
	bool right = apply(&s, step, variant);

	if (right && renames(step->op->kind))
		renumber(&s);
	return right;
}
