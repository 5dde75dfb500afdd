/* SPDX-License-Identifier: Apache-2.0 */
/*
 * account.h (segment): accounts: who pays for what is taken of the segment, and how much each may
 * have.
 *
 * Each address space and each file is of an account; what they are made of (frames, page tables,
 * VMAs) is charged there. Account 0 is the instance itself: it has no quota and nothing is counted.
 * A quota is not the kernel's: the emulated kernel knows nothing of it. (kernel: memory cgroups)
 *
 * account.state (slots lock):
 *   0            free      -> ACCOUNT_USED by account_use
 *   ACCOUNT_USED in use    -> 0 by account_use of another one that needs the slot, when nothing is
 *                             charged and no participant uses it
 *   A dead owner leaves nothing: identity is written before the state, and charges are recounted by
 *   every recovery from what is published (walk_account.c).
 *
 * charged[] (atomics): what the things of the account are, and what participants hold in advance.
 * A charge in advance (a stock) keeps the shared word off the path of a fault: a participant takes
 * STOCK_BATCH at a time and counts down a word of its own area. Who meets the quota takes back the
 * stocks of all participants first, so the quota is exact. A stock word names its payer, and is
 * changed by cmpxchg, because others may take it back. (kernel: memcg_stock, drain_all_stock)
 * The frames of an mm are charged in the same way, to its slot (resident.h).
 */
#ifndef VMALAB_ACCOUNT_H
#define VMALAB_ACCOUNT_H

#include "vmalab/block_ops.h"
#include "vmalab/participant.h"

#define STOCK_BATCH 32u
#define STOCK_MOST  64u

/* payer: an account; for CHARGE_MM_FRAMES the slot of an mm + 1. */
static inline u64 stock_word(u32 payer, u32 n)
{
	return (u64)payer << 32 | n;
}
static inline u32 stock_payer(u64 word)
{
	return (u32)(word >> 32);
}
static inline u32 stock_count(u64 word)
{
	return (u32)word;
}

/* Finds or makes the account with that key and charges to it from now on what this participant
 * makes without naming an address space: new address spaces, opened files. key 0: the instance.
 * name: for messages; ACCOUNT_NAME_MAX - 1 bytes are kept. The number, or VL_E_LIMIT: the table is
 * full. */
int account_use(struct participant *self, u64 key, const char *name);
/* What that participant's new address spaces are charged to. */
static inline u32 account_used(const struct participant *self)
{
	return self->area->account;
}

/* What an account may have of each; seg_format resolves the configuration's zeros. */
static inline u32 account_limit(const struct vl_seg *seg, enum charge kind)
{
	return seg->hdr->account_max[kind];
}
static inline u32 account_charged(const struct vl_seg *seg, u32 account, enum charge kind)
{
	/* relaxed: a count that others change */
	return load_relaxed_u32(&seg->hdr->accounts[account].charged[kind]);
}

/* What the frames of an mm's slot are charged to: mm_aside.frames, which this layer does not
 * know. */
static inline u32 *mm_frames_word(const struct vl_seg *seg, u32 slot)
{
	return (u32 *)((u8 *)seg->mms + (u64)seg->hdr->config.mms_max * MM_SLOT_BYTES +
		       (u64)slot * MM_ASIDE_BYTES);
}

/* mm_aside.recounted, likewise. */
static inline u32 *mm_recounted_word(const struct vl_seg *seg, u32 slot)
{
	return mm_frames_word(seg, slot) + 1;
}

/* One of a kind that is charged in advance; account: whose limit is noted (limit_note) when the
 * answer is false. */
bool charge_one(struct participant *self, u32 payer, enum charge kind, u32 account);
void uncharge_one(struct participant *self, u32 payer, enum charge kind);

/* One frame or table, or false and noted. */
static inline bool account_charge(struct participant *self, u32 account, enum charge kind)
{
	return likely(account == 0) || charge_one(self, account, kind, account);
}
static inline void account_uncharge(struct participant *self, u32 account, enum charge kind)
{
	if (unlikely(account != 0))
		uncharge_one(self, account, kind);
}
/* Would n more of it fit? If not, noted. Nothing is charged: that is account_add, of what cannot be
 * refused any more. Exact under the slots lock (files, address spaces). Of VMAs the calls that run
 * at the same time may go over the quota, each by what it makes.
 */
bool account_room(struct participant *self, u32 account, enum charge kind, u32 n);
/* n may be negative. */
void account_add(struct participant *self, u32 account, enum charge kind, s64 n);
/* All of this participant's charges in advance. */
void account_flush(struct participant *self);
/* The same of a dead one that had nothing half done; the world is stopped. */
void account_reclaim(struct participant *self, u32 owner_index);
/* The world is stopped: adds what living participants hold in advance to charged[], which is
 * indexed by account and kind, and to mm_frames[], indexed by slot, unless it is NULL. */
void account_add_stocks(const struct vl_seg *seg, u32 (*charged)[CHARGES_COUNT], u32 *mm_frames,
			const struct dead_set *dead);

/* The world is stopped: adds what all participants hold in advance of the frames of mms to
 * mm_aside.recounted. */
void account_add_mm_stocks(const struct vl_seg *seg);

/* Which limit the operation under way has met, for who answers it. */
static inline void limit_note(struct participant *self, enum vl_limit limit, u64 max, u32 account)
{
	self->met_limit = limit;
	self->met_max = max;
	self->met_account = account;
}
static inline void limit_forget(struct participant *self)
{
	self->met_limit = VL_LIMIT_NONE;
}

#endif
