/* SPDX-License-Identifier: Apache-2.0 */
/*
 * walk_account.c: what accounts and address spaces are charged, against what they have. Everything
 * else of the walk is over: frames, tables and entries have been counted, and repaired.
 *
 * Nothing waits, and so the world is never stopped, between a charge and the store that publishes
 * what was charged (or between a removal and the end of its charge). So the charges of the living
 * are exact, and those of the dead are what is found here.
 */
#include <stdlib.h>

#include "walk.h"

static void count_frames(const struct walk *w, u32 (*charged)[CHARGES_COUNT])
{
	for (u32 f = FRAMES_FIRST; f < w->seg->hdr->frames.frames_populated; f++) {
		u32 account = w->frame_refs[f] ? frame_account(w->seg, f) : 0;

		if (account >= ACCOUNTS_MAX)
			complain(w, "frame %u: charged to account %u, which cannot be", f, account);
		else
			charged[account][CHARGE_FRAMES]++;
	}
}

static void count_tables(const struct walk *w, u32 (*charged)[CHARGES_COUNT])
{
	for (u32 page = 0; page < w->seg->hdr->pages.pages_populated; page++) {
		const struct page_desc *desc = &w->seg->page_descs[page];

		if (desc->kind == PAGE_TABLE && w->pages_marked[page] &&
		    desc->account < ACCOUNTS_MAX)
			charged[desc->account][CHARGE_TABLES]++;
	}
}

static void count_slots(const struct walk *w, u32 (*charged)[CHARGES_COUNT])
{
	const struct mm_struct *mms = mm_table(w->seg);
	const struct file *files = file_table(w->seg);

	for (u32 i = 0; i < w->seg->hdr->config.mms_max; i++) {
		if (mms[i].state == MM_FREE)
			continue;
		charged[mms[i].account][CHARGE_MMS]++;
		charged[mms[i].account][CHARGE_VMAS] += mms[i].map_count;
	}
	for (u32 i = 0; i < w->seg->hdr->file_hint; i++)
		if (files[i].state)
			charged[files[i].account][CHARGE_FILES]++;
}

/* False: it is charged what it has. */
static bool find_in_account(const struct walk *w, u32 account, u32 kind, u32 has)
{
	static const char *const names[CHARGES_COUNT] = {
		[CHARGE_FRAMES] = "frames",      [CHARGE_TABLES] = "tables",
		[CHARGE_VMAS] = "VMAs",          [CHARGE_FILES] = "files",
		[CHARGE_MMS] = "address spaces", [CHARGE_MM_FRAMES] = ""};
	u32 is = account_charged(w->seg, account, kind);

	if (is == has)
		return false;
	complain(w, "account %u (%s): charged %u %s, but has %u", account,
		 w->seg->hdr->accounts[account].name, is, names[kind], has);
	return true;
}

static void repair_account(const struct walk *w, u32 account, u32 kind, u32 has)
{
	store_relaxed_u32(&w->seg->hdr->accounts[account].charged[kind], has);
}

/* mm_frames has the stocks too by now. */
static void judge_mm_frames(const struct walk *w)
{
	if (w->repair || account_limit(w->seg, CHARGE_MM_FRAMES) == UINT32_MAX)
		return; /* a recount sets them; nothing is counted */
	for (u32 slot = 0; slot < w->seg->hdr->config.mms_max; slot++) {
		u32 is = load_relaxed_u32(mm_frames_word(w->seg, slot));

		if (is == w->mm_frames[slot])
			continue;
		complain(w, "mm slot %u: charged %u frames, but its entries and stocks have %u",
			 slot, is, w->mm_frames[slot]);
	}
}

void walk_accounts(struct walk *w)
{
	u32(*charged)[CHARGES_COUNT] = calloc(ACCOUNTS_MAX, sizeof(*charged));

	if (!charged) {
		w->err = -ENOMEM;
		return;
	}
	if (!w->repair)
		count_frames(w, charged);
	count_tables(w, charged);
	count_slots(w, charged);
	account_add_stocks(w->seg, charged, w->mm_frames, w->dead);
	for (u32 a = 1; a < ACCOUNTS_MAX; a++)
		for (u32 kind = w->repair ? CHARGE_FRAMES + 1 : 0; kind < CHARGES_COUNT; kind++)
			if (find_in_account(w, a, kind, charged[a][kind]) && w->repair)
				repair_account(w, a, kind, charged[a][kind]);
	free(charged);
	judge_mm_frames(w);
}
