/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lab_sched.c: sync points and who goes on. lab_state.h has the states of an actor.
 *
 * There is no process that schedules: who stops at a sync point makes the choice himself, in
 * shared memory, and goes on at once when it falls on him. So a step without a change of the actor
 * costs some hundred ns, one with a change a futex wake and a context switch.
 *
 * The core's own waits come here too (futex.c, rcu.c): an actor that would sleep is BLOCKED on the
 * word and others go on; there is no timeout, so a wake-up that is lost stays lost and ends in a
 * deadlock that names who waits for what. Time is counted in steps.
 *
 * LAB-1  who hands over stores `go` with release, who takes over loads it with acquire: all that
 *        the one wrote is seen by the other. (The kernel's futex would order it too.)
 */
#include "lab_internal.h"

#ifdef VL_LAB
#include <linux/futex.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "vmalab/futex.h"

__thread struct lab_thread lab_me = {.actor = NOBODY};

void lab_raw_wait(u32 *word, u32 expected, u64 ns)
{
	struct timespec ts = {(time_t)(ns / NSEC_PER_SEC), (long)(ns % NSEC_PER_SEC)};

	syscall(SYS_futex, word, FUTEX_WAIT, expected, &ts, NULL, 0);
}

void lab_raw_wake(u32 *word)
{
	syscall(SYS_futex, word, FUTEX_WAKE, INT32_MAX, NULL, NULL, 0);
}

/* xorshift64*: the state is never 0 */
u64 lab_next_random(u64 *state)
{
	u64 x = *state;

	x ^= x >> 12;
	x ^= x << 25;
	x ^= x >> 27;
	*state = x;
	return x * 2685821657736338717ull;
}

void lab_enter(struct participant *self)
{
	/* Both each time: a new participant may lie where one of another segment was. */
	lab_me.self = self;
	lab_me.lab = lab_state_of(self);
	if (lab_me.actor == NOBODY)
		lab_me.steps = lab_me.mutexes_count = 0;
}

bool lab_is_actor(void)
{
	return lab_me.actor != NOBODY;
}

bool lab_mutant(enum lab_mutant mutant)
{
	return lab_me.lab && (lab_me.lab->mutants[mutant / 64] >> mutant % 64 & 1);
}

u64 lab_clock_ns(void)
{
	return NSEC_PER_SEC + (u64)lab_me.lab->virtual_us * NSEC_PER_USEC;
}

/* --- how it ends --- */

static void end_run(struct lab_state *lab, u32 how)
{
	store_release_u32(&lab->finished, how); /* pairs: LAB-1 (lab_search.c:wait_finished) */
	lab_raw_wake(&lab->finished);
}

void lab_fail(enum vl_lab_invariant invariant, const char *format, ...)
{
	struct lab_state *lab = lab_me.lab;
	struct vl_lab_violation *v = &lab->violation;
	va_list args;

	if (v->invariant == VL_LAB_NONE) {
		/* The line of the one in whose hands it breaks. */
		if (lab_me.actor != NOBODY && lab->trace_count &&
		    lab->trace[lab->trace_count - 1].actor != lab_me.actor)
			lab_trace_add(lab->actors[lab_me.actor].point, NULL);
		v->invariant = invariant;
		v->actor = lab_me.actor;
		v->step = lab->trace_count;
		va_start(args, format);
		vsnprintf(v->text, sizeof(v->text), format, args);
		va_end(args);
		if (lab->trace_count)
			lab->trace[lab->trace_count - 1].flags |= VL_LAB_TRACE_BREAKS;
	}
	if (lab_me.actor != NOBODY) {
		end_run(lab, 2);
		for (;;) /* in the middle of an operation: the owner of the run ends us */
			pause();
	}
	if (lab_me.catches)
		siglongjmp(lab_me.out, 1);
}

void lab_assert_failed(const char *file, int line, const char *what)
{
	const char *base = strrchr(file, '/');

	if (lab_me.actor != NOBODY || lab_me.catches)
		lab_fail(VL_LAB_ASSERT, "assertion %s at %s:%d", what, base ? base + 1 : file,
			 line);
}

/* --- choosing --- */

u32 lab_parked(const struct lab_state *lab)
{
	u32 mask = 0;

	for (u32 i = 0; i < lab->actors_count; i++)
		mask |= (u32)(lab->actors[i].state == ACTOR_PARKED) << i;
	return mask;
}

static u32 lowest(u32 mask)
{
	return (u32)__builtin_ctz(mask);
}

static u32 nobody_preempted(const struct lab_state *lab, u32 mask)
{
	return lab->current != NOBODY && (mask >> lab->current & 1) ? lab->current : lowest(mask);
}

static u32 by_priority(struct lab_state *lab, u32 mask)
{
	u32 best = lowest(mask);

	for (u32 i = 0; i < lab->depth; i++)
		if (lab->change_at[i] == lab->steps && lab->current != NOBODY)
			lab->actors[lab->current].priority = i;
	for (u32 i = 0; i < lab->actors_count; i++)
		if ((mask >> i & 1) && lab->actors[i].priority > lab->actors[best].priority)
			best = i;
	return best;
}

static u32 at_random(struct lab_state *lab, u32 mask)
{
	u32 skip = (u32)(lab_next_random(&lab->random) % (u32)__builtin_popcount(mask));

	while (skip--)
		mask &= mask - 1;
	return lowest(mask);
}

static const char *why_not(const struct lab_state *lab, u32 actor)
{
	u32 state = actor < lab->actors_count ? lab->actors[actor].state : ACTOR_IDLE;

	return state == ACTOR_DONE      ? "has no operations left"
	       : state == ACTOR_BLOCKED ? "sleeps"
	       : state == ACTOR_POLLING ? "turns until another one makes a step"
					: "cannot go on";
}

static u32 by_script(struct lab_state *lab, u32 mask)
{
	u32 want;

	if (lab->script_at >= lab->script_count)
		return nobody_preempted(lab, mask);
	want = lab->script[lab->script_at].actor;
	if (want < lab->actors_count && (mask >> want & 1))
		return want;
	lab->violation.script_line = lab->script_at;
	lab_fail(VL_LAB_DIVERGED, "A%u does not come there: it %s", want, why_not(lab, want));
	return nobody_preempted(lab, mask);
}

static void note_state(struct lab_state *lab)
{
	u64 h = 14695981039346656037ull;

	for (u32 i = 0; i < lab->actors_count; i++) {
		const struct lab_actor *a = &lab->actors[i];

		h = (h ^ (a->state | a->point << 4 | (u64)a->op << 16)) * 1099511628211ull;
	}
	for (u32 i = 0; i < LAB_GHOSTS; i++) {
		const struct lab_ghost *g = &lab->ghosts[i];

		if (g->run == lab->run && g->key)
			h = (h ^ ((u64)g->name << 32 | g->life << 16 | g->state << 8 | g->writer |
				  (u64)g->readers << 48)) *
			    1099511628211ull;
	}
	h |= 1;
	for (u32 turn = 0; turn < 64; turn++) {
		u64 *place = &lab->states[(h + turn) % LAB_STATES];

		if (*place == h)
			return;
		if (*place == 0) {
			*place = h;
			lab->states_count++;
			return;
		}
	}
}

/* Who goes on of those in mask. Only real choices are counted. */
static u32 choose(struct lab_state *lab, u32 mask)
{
	u32 n = lab->choices_count, chosen;
	struct lab_choice *choice = &lab->choices[n];

	note_state(lab);
	if (lab->strategy == VL_LAB_SCRIPT)
		chosen = by_script(lab, mask);
	else if (__builtin_popcount(mask) == 1)
		return lowest(mask);
	else if (n < lab->plan_count && lab->plan[n] < LAB_ACTORS_MAX && (mask >> lab->plan[n] & 1))
		chosen = lab->plan[n];
	else if (n < lab->plan_count && lab->strategy == VL_LAB_DFS) {
		lab_fail(VL_LAB_DIVERGED, "choice %u: A%u cannot go on, which it could before", n,
			 lab->plan[n]);
		return lowest(mask);
	} else if (lab->strategy == VL_LAB_RANDOM)
		chosen = at_random(lab, mask);
	else if (lab->strategy == VL_LAB_PCT)
		chosen = by_priority(lab, mask);
	else
		chosen = nobody_preempted(lab, mask);
	if (__builtin_popcount(mask) > 1 && n < LAB_CHOICES_MAX) {
		bool stays = lab->current != NOBODY && (mask >> lab->current & 1);

		*choice = (struct lab_choice){(u8)mask, (u8)chosen, (u8)lab->current, !stays};
		lab->choices_count++;
	}
	return chosen;
}

/* --- a deadlock, in words --- */

static int say_lock(const struct lab_state *lab, char *text, size_t cap, u64 held)
{
	const struct participant *self = lab_me.self;
	u64 off = held >> 8 << REF_SHIFT, mms = self->seg->hdr->regions[REGION_MMS].off;
	const struct lab_ghost *g;

	if (off >= mms && off < mms + self->seg->hdr->regions[REGION_MMS].len) {
		u32 index = (u32)((off - mms) / sizeof(struct mm_struct));

		for (u32 i = 0; i < LAB_SLOTS_MAX; i++)
			if (lab->mms[i] && mm_index(lab->mms[i]) == index)
				return snprintf(text, cap, "mmap_lock of m%u", i);
		return snprintf(text, cap, "mmap_lock of a new mm");
	}
#if VMA_LOCK_RWSEM && !VMA_LOCK_SEPARATE
	off -= offsetof(struct vm_area_struct, vm_lock) >> REF_SHIFT << REF_SHIFT;
#endif
	g = lab_ghost_of((struct lab_state *)lab, self->seg->base + off);
	return snprintf(text, cap, "the lock of VMA v%u", g ? g->name : 0);
}

static void say_deadlock(const struct lab_state *lab, char *text, size_t cap)
{
	static const char *const mode[] = {"?", "reading", "writing", "?"};
	size_t at = 0;

	for (u32 i = 0; i < lab->actors_count && at < cap; i++) {
		const struct lab_actor *a = &lab->actors[i];
		const struct participant_slot *slot = &lab_me.self->seg->slots[a->index];

		if (a->state == ACTOR_DONE)
			continue;
		at += (size_t)snprintf(text + at, cap - at, "%sA%u %s", at ? "; " : "", i,
				       a->state == ACTOR_POLLING ? "turns in a loop" : "sleeps");
		for (u32 h = 0; h < HOLDS_COUNT && at + 64 < cap; h++) {
			u64 held = slot->held[h];

			if (!held)
				continue;
			at += (size_t)snprintf(text + at, cap - at, ", %s ",
					       held & HELD_HELD ? "has" : "waits for");
			at += (size_t)say_lock(lab, text + at, cap - at, held);
			at += (size_t)snprintf(text + at, cap - at, " for %s", mode[held & 3]);
		}
	}
}

static void stuck(struct lab_state *lab)
{
	char text[400] = "";

	say_deadlock(lab, text, sizeof(text));
	lab_fail(VL_LAB_DEADLOCK, "nobody can go on: %s", text);
}

/* --- steps --- */

static void others_go_on(struct lab_state *lab)
{
	for (u32 i = 0; i < lab->actors_count; i++) {
		if (i != lab_me.actor)
			lab->actors[i].polled = 0;
		if (lab->actors[i].state == ACTOR_POLLING)
			lab->actors[i].state = ACTOR_PARKED;
	}
}

/* The script's line is reached. */
static bool script_here(struct lab_state *lab, enum lab_point point)
{
	const struct vl_lab_line *line = &lab->script[lab->script_at];

	if (line->actor != lab_me.actor || line->point != point)
		return false;
	lab->script_at++;
	return true;
}

static void give(struct lab_state *lab, u32 next)
{
	struct lab_actor *actor = &lab->actors[next];

	actor->state = ACTOR_RUNNING;
	lab->current = next;
	store_release_u32(&actor->go, 1); /* pairs: LAB-1 (lab_sched.c:take) */
	lab_raw_wake(&actor->go);
}

static void take(struct lab_actor *me)
{
	/* acquire pairs: LAB-1 (lab_sched.c:give) */
	while (load_acquire_u32(&me->go) == 0)
		lab_raw_wait(&me->go, 0, NSEC_PER_SEC);
	store_relaxed_u32(&me->go, 0);
}

void lab_step(enum actor_state state)
{
	struct lab_state *lab = lab_me.lab;
	struct lab_actor *me = &lab->actors[lab_me.actor];
	bool all_done = true;
	u32 mask, next;

	me->state = state;
	if (state == ACTOR_DONE) {
		others_go_on(lab);
		lab->coverage[SP_done]++;
		lab_trace_add(SP_done, NULL)->flags |= VL_LAB_TRACE_STEP;
		if (lab->strategy == VL_LAB_SCRIPT && lab->script_at < lab->script_count)
			(void)script_here(lab, SP_done);
	}
	mask = lab_parked(lab);
	if (!mask) {
		for (u32 i = 0; i < lab->actors_count; i++)
			all_done = all_done && lab->actors[i].state == ACTOR_DONE;
		if (all_done || lab->dead) {
			end_run(lab, 1);
			if (state != ACTOR_DONE)
				take(me);
			return;
		}
		stuck(lab);
	}
	next = choose(lab, mask);
	if (next == lab_me.actor) {
		me->state = ACTOR_RUNNING;
		return;
	}
	give(lab, next);
	if (state != ACTOR_DONE)
		take(me);
}

void lab_start(struct lab_state *lab)
{
	give(lab, choose(lab, lab_parked(lab)));
}

static void die(struct lab_state *lab)
{
	lab->dead = lab_me.actor + 1;
	kill(getpid(), SIGKILL);
	for (;;)
		pause();
}

static bool stops_here(struct lab_state *lab, enum lab_point point)
{
	if (lab->strategy == VL_LAB_SCRIPT && lab->script_at < lab->script_count)
		return script_here(lab, point);
	return lab->points[point / 64] >> point % 64 & 1;
}

void lab_sync(enum lab_point point, const void *object)
{
	struct lab_state *lab = lab_me.lab;
	struct lab_actor *me;

	if (unlikely(!lab))
		return;
	if (point == SP_op_begin)
		lab_me.steps = 0;
	lab_me.recent[lab_me.steps++ % VL_LAB_EDGE_STEPS] = (u16)point;
	if (lab_me.actor == NOBODY) {
		if (lab->mode >= VL_LAB_GATES)
			lab_free_running(point, object);
		return;
	}
	me = &lab->actors[lab_me.actor];
	lab->coverage[point]++;
	lab->virtual_us++;
	me->point = point;
	me->steps++;
	others_go_on(lab);
	if (++lab->steps > LAB_STEPS_MAX)
		lab_fail(VL_LAB_LIVELOCK, "more than %u steps", LAB_STEPS_MAX);
	if (me->die_at == point + 1u)
		die(lab);
	if (stops_here(lab, point)) {
		lab_trace_add(point, object)->flags |= VL_LAB_TRACE_STEP;
		lab_step(ACTOR_PARKED);
	} else {
		lab_trace_add(point, object);
	}
}

static bool script_wants_me(const struct lab_state *lab)
{
	return lab->strategy == VL_LAB_SCRIPT && lab->script_at < lab->script_count &&
	       lab->script[lab->script_at].actor == lab_me.actor;
}

void lab_yield(void)
{
	struct lab_state *lab = lab_me.lab;
	struct lab_actor *me = &lab->actors[lab_me.actor];

	me->point = SP_yield;
	lab->coverage[SP_yield]++;
	lab->virtual_us++;
	if (++lab->steps > LAB_STEPS_MAX)
		lab_fail(VL_LAB_LIVELOCK, "more than %u steps", LAB_STEPS_MAX);
	if (lab->strategy == VL_LAB_SCRIPT && lab->script_at < lab->script_count)
		(void)script_here(lab, SP_yield);
	if ((!lab_parked(lab) || script_wants_me(lab)) && ++me->polled <= LAB_POLLS_MAX) {
		lab_trace_add(SP_yield, NULL); /* its next turn may be enough */
		return;
	}
	lab_trace_add(SP_yield, NULL)->flags |= VL_LAB_TRACE_STEP;
	lab_step(ACTOR_POLLING);
}

int lab_futex_wait(const u32 *word, u32 expected)
{
	struct lab_state *lab = lab_me.lab;
	struct lab_actor *me = &lab->actors[lab_me.actor];

	if (load_relaxed_u32(word) != expected)
		return -EAGAIN;
	me->word = (u64)((const u8 *)word - lab_me.self->base);
	me->point = SP_wait;
	lab->coverage[SP_wait]++;
	others_go_on(lab);
	if (lab->strategy == VL_LAB_SCRIPT && lab->script_at < lab->script_count)
		(void)script_here(lab, SP_wait);
	lab_trace_add(SP_wait, NULL)->flags |= VL_LAB_TRACE_STEP;
	if (me->die_at == SP_wait + 1u)
		die(lab);
	lab_step(ACTOR_BLOCKED);
	lab->coverage[SP_woken]++;
	lab_trace_add(SP_woken, NULL);
	if (me->die_at == SP_woken + 1u)
		die(lab);
	return 0;
}

int lab_futex_wake(const u32 *word, int count)
{
	struct lab_state *lab = lab_me.lab;
	u64 off = (u64)((const u8 *)word - lab_me.self->base);
	int woken = 0;

	for (u32 i = 0; i < lab->actors_count && woken < count; i++) {
		if (lab->actors[i].state != ACTOR_BLOCKED || lab->actors[i].word != off)
			continue;
		lab->actors[i].state = ACTOR_PARKED;
		woken++;
	}
	return woken;
}

/* --- the trace --- */

static const u8 kind_of[LAB_POINTS] = {
#define X(name, kind, text) [SP_##name] = LAB_##kind,
#include "vmalab/lab_points.h"
#undef X
};

/* What the sequence of an mm was when the run began, and 1; 1 where the scenario has set it, so
 * that its numbers are those of the scenario. 0: the mm was made in the run. */
static u32 seq_from(const struct lab_state *lab, const struct mm_struct *mm)
{
	u32 index = (u32)(mm - lab_me.self->mms);

	for (u32 i = 0; i < LAB_SLOTS_MAX; i++)
		if (lab->mms[i] && mm_index(lab->mms[i]) == index)
			return lab->seq_from[i];
	return 0;
}

/* Since the run began: the same in each run. An mm that was made in the run: whether it is odd. */
static u32 seq_of(const struct lab_state *lab, const struct mm_struct *mm)
{
	u32 from = seq_from(lab, mm), seq = mm->mm_lock_seq.sequence;

	return from ? seq - (from & ~1u) : seq & 1;
}

#ifndef VL_MODEL_MMAP_LOCK
/* A stamp, counted as seq_of counts: the two are equal when the VMA is stamped. */
static u32 stamp_of(const struct lab_state *lab, const struct mm_struct *mm, u32 stamp)
{
	u32 from = seq_from(lab, mm), seq = mm->mm_lock_seq.sequence;
	u32 since = from ? stamp - (from & ~1u) : seq_of(lab, mm) + (stamp - seq);

	if (from != 1 && stamp != seq && (stamp == vma_stamp_first() || (s32)since < 0))
		return VL_LAB_STAMP_NEW;
	return since;
}
#endif

static void trace_vma(struct lab_state *lab, struct lab_trace *t, const struct vm_area_struct *vma)
{
	const struct lab_ghost *g = lab_ghost_of(lab, vma);
	const struct mm_struct *mm = &lab_me.self->mms[mm_index(vma->vm_mm)];

	t->object = g ? g->name << 8 | (g->life & 0xff) : 0;
	t->word = lab_word_of(vma);
#ifndef VL_MODEL_MMAP_LOCK
	t->stamp = vma->vm_lock_seq == mm->mm_lock_seq.sequence;
	t->own = stamp_of(lab, mm, vma->vm_lock_seq);
#endif
	t->seq = seq_of(lab, mm);
	lab_check_word(vma);
}

static void trace_mm(const struct lab_state *lab, struct lab_trace *t, const struct mm_struct *mm)
{
	u32 index = (u32)(mm - lab_me.self->mms);

	t->object = LAB_SLOTS_MAX;
	for (u32 i = 0; i < LAB_SLOTS_MAX; i++)
		if (lab->mms[i] && mm_index(lab->mms[i]) == index)
			t->object = i;
	t->word = mm->mmap_lock.count;
	t->seq = seq_of(lab, mm);
}

struct lab_trace *lab_trace_add(enum lab_point point, const void *object)
{
	struct lab_state *lab = lab_me.lab;
	u32 n = min_u64(lab->trace_count, LAB_TRACE_MAX - 1);
	struct lab_trace *t = &lab->trace[n];

	*t = (struct lab_trace){.actor = (u8)lab_me.actor, .point = (u16)point};
	if (lab_me.actor != NOBODY)
		t->op = lab->actors[lab_me.actor].op;
	lab->trace_count = n + 1;
	if (object && kind_of[point] == LAB_VMA)
		trace_vma(lab, t, object);
	else if (object && kind_of[point] == LAB_MM)
		trace_mm(lab, t, object);
	return t;
}
#endif
