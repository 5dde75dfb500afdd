/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hot.c: which places of which lines CPUs take from one another.
 *
 * A line has a version, which goes up with every write that took it from somebody; each word of it
 * has the version of its last write. Who loses a line loses it at a version. When it comes back for
 * a word that was written since, that is true sharing: it wants what the other one wrote. When it
 * comes back for another word, it is false sharing: a layout could part the two.
 */
#include "virtual_internal.h"

#ifdef VL_VIRTUAL

#include <stdlib.h>
#include <string.h>

struct lost {
	u64 key; /* line, CPU, + 1 */
	u32 version;
	u32 pad;
};

static struct lost *lost;
static struct vl_virtual_hot *hot;
static u32 hot_count;

static u64 mixed(u64 key)
{
	key *= 0x9e3779b97f4a7c15ul;
	return key ^ key >> 29;
}

int hot_make(void)
{
	free(lost);
	free(hot);
	hot_count = 0;
	lost = calloc(LOST_SLOTS, sizeof(*lost));
	hot = calloc(HOT_SLOTS, sizeof(*hot));
	return lost && hot ? 0 : VL_E_LIMIT;
}

/* Its slot, or a free one; NULL: no room near its place, and then a miss counts as true sharing. */
static struct lost *lost_slot(u32 line, u32 cpu)
{
	u64 key = ((u64)line << 8 | cpu) + 1, at = mixed(key);

	for (u32 i = 0; i < 64; i++) {
		struct lost *slot = &lost[(at + i) % LOST_SLOTS];

		if (slot->key == key || !slot->key) {
			slot->key = key;
			return slot;
		}
	}
	return NULL;
}

void hot_lost(u32 line, u32 cpu, u32 version)
{
	struct lost *slot = lost_slot(line, cpu);

	if (slot)
		slot->version = version;
}

/* 0: it never had the line; 1: what it wants was written since; 2: it was not. */
static u32 sharing(const struct vcpu *cpu, u32 line, u32 at, u32 bytes)
{
	const struct lost *slot = lost_slot(line, cpu->id);
	const struct words *words = &vm.words[line];

	if (!slot || !slot->version)
		return slot ? 0 : 1;
	for (u32 word = at / 8; word <= (at + bytes - 1) / 8 && word < WORDS; word++) {
		if (words->version[word] >= slot->version)
			return 1;
	}
	return 2;
}

void hot_missed(struct vcpu *cpu, u32 line, u32 at, u32 bytes, enum access_kind kind, u64 text,
		u64 ps)
{
	const struct line *of = &vm.lines[line];
	u64 reader = text - vm.text, key;
	u32 how;

	if (!vm.counting)
		return;
	how = sharing(cpu, line, at, bytes);
	if (!how)
		return;
	key = mixed(((u64)line << 12 | at << 6 | of->writer_at) +
		    mixed(reader << 32 | of->writer_text));
	for (u32 i = 0; i < 64; i++) {
		struct vl_virtual_hot *slot = &hot[(key + i) % HOT_SLOTS];
		u64 offset = (u64)line << LINE_SHIFT;

		if (!slot->count) {
			*slot = (struct vl_virtual_hot){.line = offset,
							.reader = reader,
							.writer = of->writer_text,
							.reader_at = at,
							.writer_at = of->writer_at,
							.writes = kind != ACCESS_READ,
							.real = how == 1};
			hot_count++;
		}
		if (slot->line == offset && slot->reader == reader && slot->reader_at == at &&
		    slot->writer == of->writer_text && slot->writer_at == of->writer_at &&
		    slot->real == (how == 1)) {
			slot->count++;
			slot->ps += ps;
			slot->takers[cpu->id / 64] |= 1ul << cpu->id % 64;
			slot->writers[of->writer_cpu / 64] |= 1ul << of->writer_cpu % 64;
			return;
		}
	}
}

static int costlier(const void *a, const void *b)
{
	const struct vl_virtual_hot *x = a, *y = b;

	if (x->ps != y->ps)
		return x->ps < y->ps ? 1 : -1;
	if (x->line != y->line)
		return x->line < y->line ? -1 : 1;
	if (x->reader != y->reader)
		return x->reader < y->reader ? -1 : 1;
	return (x->writer > y->writer) - (x->writer < y->writer);
}

long vl_virtual_hottest(struct participant *self, struct vl_virtual_hot *out, u64 cap)
{
	u32 count = 0;

	(void)self;
	if (!hot)
		return 0;
	for (u32 i = 0; i < HOT_SLOTS; i++) {
		if (hot[i].count)
			hot[count++] = hot[i];
	}
	memset(hot + count, 0, (HOT_SLOTS - count) * sizeof(*hot));
	qsort(hot, count, sizeof(*hot), costlier);
	for (u32 i = 0; i < count && i < cap; i++)
		out[i] = hot[i];
	return count;
}

#endif
