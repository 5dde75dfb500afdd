/* SPDX-License-Identifier: Apache-2.0 */
/*
 * account.c: finding accounts, charging them. account.h has the words and what a dead owner leaves.
 */
#include "vmalab/account.h"

#include "vmalab/stats.h"

static const enum vl_limit limit_of[CHARGES_COUNT] = {
	[CHARGE_FRAMES] = VL_LIMIT_ACCOUNT_FRAMES_MAX,
	[CHARGE_TABLES] = VL_LIMIT_ACCOUNT_TABLES_MAX,
	[CHARGE_MM_FRAMES] = VL_LIMIT_FRAMES_PER_MM_MAX,
	[CHARGE_VMAS] = VL_LIMIT_ACCOUNT_VMAS_MAX,
	[CHARGE_FILES] = VL_LIMIT_ACCOUNT_FILES_MAX,
	[CHARGE_MMS] = VL_LIMIT_ACCOUNT_MMS_MAX,
};

static u32 *charged_of(const struct participant *self, u32 payer, enum charge kind)
{
	if (kind == CHARGE_MM_FRAMES) {
		VL_ASSERT(payer - 1 < self->mms_count);
		return mm_frames_word(self->seg, payer - 1);
	}
	VL_ASSERT(payer < ACCOUNTS_MAX);
	return &participant_hdr(self)->accounts[payer].charged[kind];
}

/* --- stocks --- */

static u64 *stock_of(struct participant_area *area, u32 payer, enum charge kind)
{
	return &area->stocks[kind][payer % STOCKS_EACH];
}

/* What the word holds for that payer goes back: whose word it is does not matter. */
static void stock_take_back(struct participant *self, u64 *stock, u32 payer, enum charge kind)
{
	u64 word = load_relaxed_u64(stock); /* relaxed: the cmpxchg decides */

	while (stock_payer(word) == payer && stock_count(word) != 0) {
		/* relaxed: a number; nothing is published by it */
		if (!cmpxchg_relaxed_u64(stock, &word, stock_word(payer, 0)))
			continue;
		add_relaxed_u32(charged_of(self, payer, kind), -stock_count(word));
		return;
	}
}

static void stocks_take_back(struct participant *self, u32 payer, enum charge kind)
{
	const struct vl_seg *seg = self->seg;

	if (kind >= CHARGES_STOCKED)
		return;
	for (u32 i = 0; i < load_acquire_u32(&seg->hdr->slots_high); i++) {
		if (load_acquire_u32(&seg->slots[i].role) == ROLE_FREE)
			continue; /* its area may have no memory */
		stock_take_back(self, stock_of(participant_area_of(seg, i), payer, kind), payer,
				kind);
	}
}

/* A new content of a word of ours; what another payer had in it goes back. */
static void stock_replace(struct participant *self, u64 *stock, u64 new, enum charge kind)
{
	u64 old = xchg_acq_rel_u64(stock, new);

	if (stock_count(old) != 0)
		add_relaxed_u32(charged_of(self, stock_payer(old), kind), -stock_count(old));
}

void account_flush(struct participant *self)
{
	account_reclaim(self, self->index);
}

/* --- charging --- */

/* n more if the quota has room for them. */
static bool charge_n(struct participant *self, u32 payer, enum charge kind, u32 n)
{
	u32 *charged = charged_of(self, payer, kind), limit = account_limit(self->seg, kind);
	u32 old = load_relaxed_u32(charged); /* relaxed: the cmpxchg decides */

	do {
		if (old > limit || limit - old < n)
			return false;
	} while (!cmpxchg_relaxed_u32(charged, &old, old + n));
	return true;
}

bool charge_one(struct participant *self, u32 payer, enum charge kind, u32 account)
{
	u64 *stock = stock_of(self->area, payer, kind);
	u64 word = load_relaxed_u64(stock); /* relaxed: ours; the cmpxchg decides */

	while (stock_payer(word) == payer && stock_count(word) != 0)
		/* relaxed: a number, as everywhere here */
		if (cmpxchg_relaxed_u64(stock, &word, word - 1))
			return true;
	if (charge_n(self, payer, kind, STOCK_BATCH)) {
		stock_replace(self, stock, stock_word(payer, STOCK_BATCH - 1), kind);
		return true;
	}
	if (charge_n(self, payer, kind, 1))
		return true;
	stocks_take_back(self, payer, kind);
	if (charge_n(self, payer, kind, 1))
		return true;
	limit_note(self, limit_of[kind], account_limit(self->seg, kind), account);
	if (account != 0)
		add_relaxed_u32(&participant_hdr(self)->accounts[account].refused[kind], 1);
	return false;
}

void uncharge_one(struct participant *self, u32 payer, enum charge kind)
{
	u64 *stock = stock_of(self->area, payer, kind);
	u64 word = load_relaxed_u64(stock); /* relaxed: ours; the cmpxchg decides */

	while (stock_payer(word) == payer && stock_count(word) < STOCK_MOST)
		if (cmpxchg_relaxed_u64(stock, &word, word + 1))
			return;
	if (stock_payer(word) == payer && stock_count(word) != 0) { /* full: half goes back */
		stock_replace(self, stock, stock_word(payer, 0), kind);
		uncharge_one(self, payer, kind);
		return;
	}
	stock_replace(self, stock, stock_word(payer, 1), kind);
}

bool account_room(struct participant *self, u32 account, enum charge kind, u32 n)
{
	u32 limit = account_limit(self->seg, kind);

	if (account == 0)
		return true;
	for (int turn = 0; turn < 2; turn++) {
		u32 charged = account_charged(self->seg, account, kind);

		if (charged <= limit && limit - charged >= n)
			return true;
		if (turn == 0)
			stocks_take_back(self, account, kind);
	}
	limit_note(self, limit_of[kind], limit, account);
	add_relaxed_u32(&participant_hdr(self)->accounts[account].refused[kind], 1);
	return false;
}

void account_add(struct participant *self, u32 account, enum charge kind, s64 n)
{
	if (account != 0)
		add_relaxed_u32(charged_of(self, account, kind), (u32)n);
}

/* --- the table --- */

static bool account_in_use(const struct participant *self, u32 account)
{
	const struct vl_seg *seg = self->seg;

	for (u32 i = 0; i < load_acquire_u32(&seg->hdr->slots_high); i++) {
		if (load_acquire_u32(&seg->slots[i].role) != ROLE_FREE &&
		    load_relaxed_u32(&participant_area_of(seg, i)->account) == account)
			return true;
	}
	for (u32 kind = 0; kind < CHARGES_COUNT; kind++)
		if (account_charged(seg, account, kind) != 0)
			return true;
	return false;
}

/* Slots lock. Nothing can be charged between the look and the new name: only what is charged, and
 * who uses the account, charges more. */
static bool account_give_back(struct participant *self, u32 account)
{
	for (u32 kind = 0; kind < CHARGES_COUNT; kind++)
		if (kind != CHARGE_MM_FRAMES)
			stocks_take_back(self, account, kind);
	return !account_in_use(self, account);
}

static void account_name(struct account *account, u64 key, const char *name)
{
	char kept[ACCOUNT_NAME_MAX] = {0};

	strncpy(kept, name, sizeof(kept) - 1);
	account->key = key;
	for (u32 i = 0; i < sizeof(kept); i++)
		store_relaxed_u8((u8 *)&account->name[i], (u8)kept[i]);
	for (u32 kind = 0; kind < CHARGES_COUNT; kind++)
		store_relaxed_u32(&account->refused[kind], 0);
	/* release: who lists accounts sees the name */
	store_release_u32(&account->state, ACCOUNT_USED);
}

/* Slots lock. The account's number, the first one that can have it, or 0. A key is looked for from
 * its own place on, so one that is there is mostly found at once. */
static u32 account_find(struct participant *self, u64 key, u32 *place)
{
	struct account *table = participant_hdr(self)->accounts;

	*place = 0;
	for (u32 n = 0; n < ACCOUNTS_MAX - 1; n++) {
		u32 i = 1 + (u32)((key + n) % (ACCOUNTS_MAX - 1));

		if (table[i].state == ACCOUNT_USED && table[i].key == key)
			return i;
		if (table[i].state == 0 && *place == 0)
			*place = i;
	}
	for (u32 i = 1; i < ACCOUNTS_MAX && *place == 0; i++)
		if (account_give_back(self, i))
			*place = i;
	return 0;
}

int account_use(struct participant *self, u64 key, const char *name)
{
	struct seg_header *hdr = participant_hdr(self);
	u32 account = self->area->account, place = 0;

	if (key == 0 || (account != 0 && hdr->accounts[account].key == key)) {
		if (key == 0)
			store_relaxed_u32(&self->area->account, 0);
		return key ? (int)account : 0;
	}
	(void)mutex_lock(self, &hdr->slots_lock); /* stolen: as mm_alloc */
	account = account_find(self, key, &place);
	if (account == 0 && place != 0) {
		account = place;
		store_release_u32(&hdr->accounts[account].state, 0);
		account_name(&hdr->accounts[account], key, name);
	}
	if (account != 0)
		store_relaxed_u32(&self->area->account, account);
	mutex_unlock(self, &hdr->slots_lock);
	if (account != 0)
		return (int)account;
	limit_note(self, VL_LIMIT_ACCOUNTS_MAX, ACCOUNTS_MAX - 1, 0);
	return VL_E_LIMIT;
}

/* --- recovery --- */

void account_reclaim(struct participant *self, u32 owner_index)
{
	struct participant_area *area = participant_area_of(self->seg, owner_index);

	for (u32 kind = 0; kind < CHARGES_STOCKED; kind++)
		for (u32 i = 0; i < STOCKS_EACH; i++)
			stock_replace(self, &area->stocks[kind][i], 0, kind);
}

/* What the words of one kind hold. */
static void add_stocks(const struct vl_seg *seg, const u64 *stocks, enum charge kind,
		       u32 (*charged)[CHARGES_COUNT], u32 *mm_frames)
{
	for (u32 at = 0; at < STOCKS_EACH; at++) {
		u64 word = load_relaxed_u64(&stocks[at]);
		u32 payer = stock_payer(word);

		/* A payer that cannot be is left out: then the sum is wrong, and that is found. */
		if (kind == CHARGE_MM_FRAMES && mm_frames && payer - 1 < seg->hdr->config.mms_max)
			mm_frames[payer - 1] += stock_count(word);
		else if (kind != CHARGE_MM_FRAMES && payer < ACCOUNTS_MAX)
			charged[payer][kind] += stock_count(word);
	}
}

void account_add_mm_stocks(const struct vl_seg *seg)
{
	for (u32 i = 0; i < load_acquire_u32(&seg->hdr->slots_high); i++) {
		const u64 *stocks = participant_area_of(seg, i)->stocks[CHARGE_MM_FRAMES];

		if (load_acquire_u32(&seg->slots[i].role) == ROLE_FREE)
			continue; /* its area may have no memory */
		for (u32 at = 0; at < STOCKS_EACH; at++) {
			u64 word = load_relaxed_u64(&stocks[at]);

			if (stock_payer(word) - 1 < seg->hdr->config.mms_max)
				*mm_recounted_word(seg, stock_payer(word) - 1) += stock_count(word);
		}
	}
}

void account_add_stocks(const struct vl_seg *seg, u32 (*charged)[CHARGES_COUNT], u32 *mm_frames,
			const struct dead_set *dead)
{
	for (u32 i = 0; i < load_acquire_u32(&seg->hdr->slots_high); i++) {
		const struct participant_area *area = participant_area_of(seg, i);

		if (!among_living(seg, dead, i))
			continue;
		for (u32 kind = 0; kind < CHARGES_STOCKED; kind++)
			add_stocks(seg, area->stocks[kind], kind, charged, mm_frames);
	}
}
