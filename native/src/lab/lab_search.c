/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lab_search.c: the controller: runs of a scenario, one after the other, and which schedule
 * comes next.
 *
 * DFS is stateless model checking with a bound of preemptions: a run follows a prefix of choices
 * and then preempts nobody; the last choice with an untried alternative within the bound gives the
 * next prefix. (Musuvathi, Qadeer: Iterative context bounding for systematic testing of
 * multithreaded programs, PLDI 2007.) PCT: Burckhardt et al., A randomized scheduler with
 * probabilistic guarantees of finding bugs, ASPLOS 2010.
 */
#include "lab_internal.h"

#ifdef VL_LAB
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "vmalab/futex.h"
#include "vmalab/ops.h"

#define ACTORS_COME_NS (600 * NSEC_PER_SEC)
/* An actor that makes no step in so much CPU time of its own hangs; or in so long, if it uses none.
 */
#define STILL_CPU_NS  (5 * NSEC_PER_SEC)
#define STILL_NS      (60 * NSEC_PER_SEC)
#define WAIT_SLICE_NS (200 * NSEC_PER_MSEC)

/* --- the actor --- */

static void on_crash(int signal)
{
	lab_fail(VL_LAB_CRASH, "signal %d in the core", signal);
}

/* As if the process had just joined: what an earlier run has left must not show. */
static void forget_lookups(struct participant *self)
{
	if (self->lookups)
		memset(self->lookups, 0, CACHED_LOOKUPS_BYTES);
	self->rcu_nest = 0;
}

static void act(struct participant *self, struct lab_state *lab, u32 i)
{
	struct lab_actor *me = &lab->actors[i];

	for (u32 n = 0; n < me->ops_count; n++) {
		me->op = n;
		lab_enter(self);
		STEP(op_begin);
		lab_do(self, lab, &me->ops[n], me, &me->results[n]);
		STEP(op_end);
	}
	lab_step(ACTOR_DONE);
}

/* Between runs: what this actor retired is freed, by the time nobody else is in a section. */
static void clean(struct participant *self, struct lab_actor *me)
{
	if (core_enter(self) != 0)
		return;
	rcu_barrier(self);
	core_exit(self);
	store_release_u32(&me->state, ACTOR_IDLE); /* pairs: LAB-1 (lab_search.c:clean_up) */
	lab_raw_wake(&me->state);
}

int vl_lab_actor(struct participant *self, u32 actor)
{
	struct sigaction crash = {.sa_handler = on_crash, .sa_flags = SA_NODEFER};
	struct lab_state *lab = lab_state_of(self);
	struct lab_actor *me;

	if (actor >= lab->actors_count)
		return VL_E_INVALID;
	sigaction(SIGSEGV, &crash, NULL);
	sigaction(SIGBUS, &crash, NULL);
	lab_enter(self);
	lab_me.ghost = true;
	me = &lab->actors[actor];
	me->index = self->index;
	me->generation = self->slot->generation;
	store_release_u32(&me->pid, (u32)getpid());
	for (;;) {
		/* acquire pairs: LAB-1 (lab_sched.c:give) */
		while (load_acquire_u32(&me->go) == 0 && !load_acquire_u32(&lab->stopped))
			lab_raw_wait(&me->go, 0, NSEC_PER_SEC);
		if (lab->stopped)
			return 0;
		store_relaxed_u32(&me->go, 0);
		if (me->state == ACTOR_DONE) {
			lab_me.ghost = false;
			clean(self, me);
			lab_me.ghost = true;
			continue;
		}
		forget_lookups(self);
		lab_me.actor = actor;
		act(self, lab, actor);
		lab_me.actor = NOBODY;
	}
}

/* --- loading --- */

int vl_lab_load(struct participant *self, const struct vl_lab_program *program)
{
	struct lab_state *lab = lab_state_of(self);

	if (program->actors == 0 || program->actors > LAB_ACTORS_MAX ||
	    program->setup_count > LAB_OPS_MAX || program->check_count > LAB_OPS_MAX ||
	    program->slab_objects > LAB_SLAB_MAX)
		return VL_E_INVALID;
	lab->actors_count = program->actors;
	lab->setup_count = program->setup_count;
	lab->check_count = program->check_count;
	lab->slab_objects = program->slab_objects;
	lab->points[0] = program->points[0];
	lab->points[1] = program->points[1];
	memcpy(lab->setup, program->setup, sizeof(lab->setup));
	memcpy(lab->check, program->check, sizeof(lab->check));
	for (u32 i = 0; i < program->actors; i++) {
		if (program->ops_count[i] == 0 || program->ops_count[i] > LAB_OPS_MAX)
			return VL_E_INVALID;
		lab->actors[i].ops_count = program->ops_count[i];
		memcpy(lab->actors[i].ops, program->ops[i], sizeof(lab->actors[i].ops));
	}
	return 0;
}

int vl_lab_stop(struct participant *self)
{
	struct lab_state *lab = lab_state_of(self);

	store_release_u32(&lab->stopped, 1);
	for (u32 i = 0; i < lab->actors_count; i++)
		lab_raw_wake(&lab->actors[i].go);
	return 0;
}

/* Actors are children of who searches, and live until the session ends. */
static bool child_died(void)
{
	siginfo_t info = {.si_pid = 0};

	return waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid != 0;
}

static int actors_come(struct lab_state *lab)
{
	u64 end = clock_ns() + ACTORS_COME_NS;

	for (u32 i = 0; i < lab->actors_count; i++)
		while (load_acquire_u32(&lab->actors[i].pid) == 0) {
			if (clock_ns() > end || child_died())
				return -ETIMEDOUT;
			sleep_ns(100 * NSEC_PER_USEC);
		}
	return 0;
}

/* --- one run --- */

static void reset(struct lab_state *lab)
{
	lab->run++;
	lab->steps = lab->virtual_us = 0;
	lab->choices_count = lab->trace_count = lab->names = 0;
	lab->script_at = 0;
	lab->current = NOBODY;
	lab->stack_count = lab->dead = lab->faults = lab->served = 0;
	memset(lab->mms, 0, sizeof(lab->mms));
	memset(lab->seq_from, 0, sizeof(lab->seq_from));
	for (u32 i = 0; i < lab->actors_count; i++) {
		struct lab_actor *a = &lab->actors[i];

		a->state = ACTOR_PARKED;
		a->op = a->steps = a->fail_nth = a->die_at = a->polled = 0;
		a->point = SP_op_begin;
		memset(a->results, 0, a->ops_count * sizeof(a->results[0]));
	}
}

static void set_up(struct participant *self, struct lab_state *lab)
{
	struct vl_result result;

	self->seg->hdr->mm_hint = 0; /* each run has its mms in the same slots */
	for (u32 n = 0; n < lab->setup_count; n++) {
		lab_do(self, lab, &lab->setup[n], NULL, &result);
		if (result.status != 0)
			lab_fail(VL_LAB_OUTCOME, "set-up operation %u fails: %d", n, result.status);
	}
	for (u32 i = 0; i < LAB_SLOTS_MAX; i++) {
		const struct mm_struct *mm = mm_find(self->seg, lab->mms[i]);

		if (mm && !lab->seq_from[i])
			lab->seq_from[i] = mm->mm_lock_seq.sequence | 1;
	}
}

/* True: an actor died as it was told to. */
static bool died(const struct participant *self, struct lab_state *lab)
{
	for (u32 i = 0; i < lab->actors_count; i++) {
		const struct lab_actor *a = &lab->actors[i];

		/* Also one that was buried, and whose slot another participant may have. */
		if (self->seg->slots[a->index].generation == a->generation &&
		    !life_ended(self->seg, a->index))
			continue;
		if (lab->dead != i + 1)
			lab_fail(VL_LAB_CRASH, "A%u died", i);
		return true;
	}
	return false;
}

/* CPU time of all actors. */
static u64 cpu_used(const struct lab_state *lab)
{
	struct timespec used;
	clockid_t clock;
	u64 sum = 0;

	for (u32 i = 0; i < lab->actors_count; i++) {
		if (clock_getcpuclockid((pid_t)lab->actors[i].pid, &clock) == 0 &&
		    clock_gettime(clock, &used) == 0)
			sum += (u64)used.tv_sec * NSEC_PER_SEC + (u64)used.tv_nsec;
	}
	return sum;
}

/* Until the run has ended, or an actor died as it was told to and was not seen before. */
static void wait_finished(const struct participant *self, struct lab_state *lab, bool after_death)
{
	u64 since = clock_ns(), cpu = cpu_used(lab);
	u32 steps = lab->steps;

	/* acquire pairs: LAB-1 (lab_sched.c:end_run) */
	while (load_acquire_u32(&lab->finished) == 0) {
		lab_raw_wait(&lab->finished, 0, lab->dead ? NSEC_PER_MSEC : WAIT_SLICE_NS);
		if (load_acquire_u32(&lab->finished) || (died(self, lab) && !after_death))
			return;
		if (load_relaxed_u32(&lab->steps) != steps) {
			steps = load_relaxed_u32(&lab->steps);
			since = clock_ns();
			cpu = cpu_used(lab);
		} else if (cpu_used(lab) > cpu + STILL_CPU_NS || clock_ns() - since > STILL_NS) {
			lab_fail(VL_LAB_LIVELOCK, "A%u does not come to a sync point",
				 lab->current);
		}
	}
}

static void check_outcome(struct participant *self, struct lab_state *lab,
			  struct vl_lab_report *report)
{
	u64 hash;

	for (u32 n = 0; n < lab->check_count; n++)
		lab_do(self, lab, &lab->check[n], NULL, &lab->checked[n]);
	hash = lab_outcome(self, lab, report->outcome, sizeof(report->outcome));
	for (u32 i = 0; i < lab->outcomes_count; i++)
		if (lab->outcomes[i] == hash)
			return;
	if (lab->learn && lab->outcomes_count < LAB_OUTCOMES)
		lab->outcomes[lab->outcomes_count++] = hash;
	else if (lab->outcomes_count)
		lab_fail(VL_LAB_OUTCOME, "no order of the operations gives this outcome");
}

static const u32 reasons[] = {STAT_abort_no_vma,     STAT_abort_stamp, STAT_abort_trylock,
			      STAT_abort_stamp_late, STAT_abort_mm,    STAT_abort_range};

static u64 sum_of(const u64 *now, const u64 *before, const u32 *which, u32 count)
{
	u64 sum = 0;

	for (u32 i = 0; i < count; i++)
		sum += now[which[i]] - before[which[i]];
	return sum;
}

/* Each fault is counted once, and in one of the ways it can end; each search that was given up has
 * a reason. (Readers of maps give up too, and are not counted as faults.) */
static void check_counters(const struct participant *self, const struct lab_state *lab,
			   const u64 *before)
{
	const u32 one[] = {STAT_pgfault},
		  ends[] = {STAT_vma_lock_success, STAT_mmap_lock_faults, STAT_pgfault_signal};
	const u32 aborts[] = {STAT_vma_lock_abort};
	u64 now[STATS_MAX], faults, ended, given_up, why;

	vl_stats(self->seg, now, STATS_MAX);
	faults = sum_of(now, before, one, 1);
	ended = sum_of(now, before, ends, ARRAY_SIZE(ends));
	given_up = sum_of(now, before, aborts, 1);
	why = sum_of(now, before, reasons, ARRAY_SIZE(reasons));
	if (faults != lab->faults)
		lab_fail(VL_LAB_COUNTERS, "%lu faults are counted, %u were made", faults,
			 lab->faults);
	if (VMA_LOCK_PER_VMA && given_up > why)
		lab_fail(VL_LAB_COUNTERS, "%lu searches were given up, for %lu reasons", given_up,
			 why);
	if (ended < lab->served)
		lab_fail(VL_LAB_COUNTERS, "%u faults, but %lu ends", lab->served, ended);
}

static void clean_up(struct participant *self, struct lab_state *lab)
{
	struct vl_result result;

	for (u32 i = 0; i < LAB_SLOTS_MAX; i++) {
		struct vl_lab_op op = {.op = OP_EXIT, .slot = (u8)i, .result = VL_LAB_SLOT_NONE};

		if (lab->mms[i])
			lab_do(self, lab, &op, NULL, &result);
	}
	lab_me.ghost = false;
	while (lab->stack_count)
		kmem_cache_free(self, CACHE_VMA, PTR(self, lab->stack[--lab->stack_count]));
	for (u32 i = 0; i < lab->actors_count; i++) {
		struct lab_actor *a = &lab->actors[i];

		store_release_u32(&a->go, 1); /* pairs: LAB-1 (lab_search.c:vl_lab_actor) */
		lab_raw_wake(&a->go);
		/* acquire pairs: LAB-1 (lab_search.c:clean) */
		while (load_acquire_u32(&a->state) != ACTOR_IDLE && !died(self, lab))
			lab_raw_wait(&a->state, ACTOR_DONE, WAIT_SLICE_NS);
	}
	if (core_enter(self) == 0) {
		rcu_barrier(self);
		core_exit(self);
	}
}

static void check_all(struct participant *self)
{
	char text[400] = "";
	long n = vl_fsck(self, text, sizeof(text) - 1);

	lab_put_names(lab_state_of(self), text);
	if (n != 0)
		lab_fail(VL_LAB_FSCK, "%s", n < 0 ? "the world cannot be stopped" : text);
}

static void go_on(const struct participant *self, struct lab_state *lab)
{
	if (!lab_parked(lab))
		return;
	lab->current = NOBODY;
	store_relaxed_u32(&lab->finished, 0);
	lab_start(lab);
	wait_finished(self, lab, true);
}

static void after_death(struct participant *self, struct lab_state *lab)
{
	struct vl_recovery *out = calloc(1, sizeof(*out));

	VL_ASSERT(out);
	lab->actors[lab->dead - 1].state = ACTOR_DONE;
	go_on(self, lab);
	if (vl_recover(self, out) != 0 || out->dead_count == 0)
		lab_fail(VL_LAB_FSCK, "what the dead actor left cannot be repaired");
	free(out);
	/* Recovery woke whoever waited, by the words they sleep on. */
	for (u32 i = 0; i < lab->actors_count; i++)
		if (lab->actors[i].state == ACTOR_BLOCKED)
			lab->actors[i].state = ACTOR_PARKED;
	lab->dead = 0; /* from here on nobody may be stuck */
	check_all(self);
	go_on(self, lab);
}

/* False: an actor died, there can be no other run. */
static bool run_once(struct participant *self, struct lab_state *lab, bool fsck,
		     struct vl_lab_report *report)
{
	u64 before[STATS_MAX];
	bool died_in_run;

	vl_stats(self->seg, before, STATS_MAX);
	reset(lab);
	lab_me.ghost = true;
	store_relaxed_u32(&lab->finished, 0);
	set_up(self, lab);
	lab_start(lab);
	wait_finished(self, lab, false);
	died_in_run = lab->dead != 0;
	if (died_in_run && !lab->violation.invariant)
		after_death(self, lab);
	if (lab->violation.invariant)
		return !died_in_run;
	if (died_in_run) { /* its results are not those of a whole operation */
		check_all(self);
		return false;
	}
	check_outcome(self, lab, report);
	check_counters(self, lab, before);
	if (fsck && lab->stack_count == 0)
		check_all(self);
	clean_up(self, lab);
	if (fsck)
		check_all(self);
	return true;
}

/* --- which schedule comes next --- */

struct dfs {
	u32 bound;
	u32 count; /* of the prefix */
	u8 plan[LAB_CHOICES_MAX];
	u8 tried[LAB_CHOICES_MAX];
};

static bool preempts(const struct lab_choice *c, u32 who)
{
	return !c->free && who != c->current;
}

static bool dfs_next(struct lab_state *lab, struct dfs *dfs)
{
	u32 n = lab->choices_count, spent[LAB_CHOICES_MAX + 1];

	spent[0] = 0;
	for (u32 i = 0; i < n; i++) {
		const struct lab_choice *c = &lab->choices[i];

		spent[i + 1] = spent[i] + preempts(c, c->chosen);
		if (i >= dfs->count)
			dfs->tried[i] = (u8)(1u << c->chosen);
		dfs->plan[i] = c->chosen;
	}
	for (u32 i = n; i-- > 0;) {
		const struct lab_choice *c = &lab->choices[i];

		for (u32 who = 0; who < lab->actors_count; who++) {
			if (!(c->mask >> who & 1) || (dfs->tried[i] >> who & 1) ||
			    spent[i] + preempts(c, who) > dfs->bound)
				continue;
			dfs->tried[i] |= (u8)(1u << who);
			dfs->plan[i] = (u8)who;
			dfs->count = i + 1;
			return true;
		}
	}
	return false;
}

static void pct_prepare(struct lab_state *lab, u32 bound, u32 steps)
{
	lab->depth = (u32)min_u64(bound, ARRAY_SIZE(lab->change_at));
	for (u32 i = 0; i < lab->depth; i++)
		lab->change_at[i] = 1 + (u32)(lab_next_random(&lab->random) % (steps ? steps : 1));
	for (u32 i = 0; i < lab->actors_count; i++)
		lab->actors[i].priority = lab->depth + i;
	for (u32 i = lab->actors_count; i-- > 1;) { /* a random order */
		u32 j = (u32)(lab_next_random(&lab->random) % (i + 1));
		u32 p = lab->actors[i].priority;

		lab->actors[i].priority = lab->actors[j].priority;
		lab->actors[j].priority = p;
	}
}

static void prepare(struct lab_state *lab, const struct vl_lab_search *search,
		    const struct dfs *dfs, u64 run, u32 steps)
{
	/* splitmix64, so that neighbouring numbers give different runs */
	u64 z = search->seed + (run + 1) * 0x9e3779b97f4a7c15ull;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ z >> 27) * 0x94d049bb133111ebull;
	lab->random = (z ^ z >> 31) | 1;
	lab->plan_count = 0;
	if (search->strategy == VL_LAB_PCT)
		pct_prepare(lab, search->bound, steps);
	if (search->strategy == VL_LAB_DFS) {
		lab->plan_count = dfs->count;
		memcpy(lab->plan, dfs->plan, dfs->count);
	} else if (search->strategy == VL_LAB_PLAN) {
		lab->plan_count = (u32)min_u64(search->count, LAB_CHOICES_MAX);
		memcpy(lab->plan, search->plan, lab->plan_count);
	}
}

static void begin_search(struct lab_state *lab, const struct vl_lab_search *search)
{
	lab->mode = VL_LAB_RUN;
	lab->strategy = search->strategy;
	lab->mutants[0] = search->mutants[0];
	lab->mutants[1] = search->mutants[1];
	lab->learn = search->learn;
	lab->order = search->order;
	lab->script_count = 0;
	if (search->strategy == VL_LAB_SCRIPT) {
		lab->script_count = (u32)min_u64(search->count, LAB_SCRIPT_MAX);
		memcpy(lab->script, search->script, sizeof(lab->script[0]) * lab->script_count);
	}
	memset(&lab->violation, 0, sizeof(lab->violation));
}

static void fill_report(const struct lab_state *lab, struct vl_lab_report *report)
{
	report->states = lab->states_count;
	report->outcomes = lab->outcomes_count;
	report->choices = lab->choices_count;
	report->preemptions = 0;
	for (u32 i = 0; i < lab->choices_count; i++) {
		report->preemptions += preempts(&lab->choices[i], lab->choices[i].chosen);
		report->chosen[i] = lab->choices[i].chosen;
	}
	report->violation = lab->violation;
}

static void runs(struct participant *self, struct lab_state *lab,
		 const struct vl_lab_search *search, struct dfs *dfs, struct vl_lab_report *report)
{
	u64 begin = clock_ns();
	bool more = true;

	while (more && report->schedules < search->schedules_max &&
	       clock_ns() - begin < search->ns_max) {
		bool fsck = search->fsck_every && report->schedules % search->fsck_every == 0;

		prepare(lab, search, dfs, report->schedules, lab->steps);
		report->schedules++;
		more = run_once(self, lab, fsck, report);
		report->died = !more;
		report->steps += lab->steps;
		report->ns = clock_ns() - begin;
		if (lab->violation.invariant)
			return;
		more = more && (search->strategy != VL_LAB_DFS || dfs_next(lab, dfs));
	}
	report->complete = search->strategy == VL_LAB_DFS && !more && !report->died;
}

int vl_lab_search(struct participant *self, const struct vl_lab_search *search,
		  struct vl_lab_report *report)
{
	struct lab_state *lab = lab_state_of(self);
	u64 points[2] = {lab->points[0], lab->points[1]};
	struct dfs *dfs;
	int err = actors_come(lab);

	if (err)
		return err;
	dfs = calloc(1, sizeof(*dfs));
	if (!dfs)
		return -ENOMEM;
	memset(report, 0, sizeof(*report));
	dfs->bound = search->bound;
	begin_search(lab, search);
	if (search->op_points) {
		lab->points[0] = lab->points[1] = 0;
		lab->points[SP_op_begin / 64] |= 1ull << SP_op_begin % 64;
	}
	lab_enter(self);
	lab_me.catches = true;
	if (sigsetjmp(lab_me.out, 1) == 0)
		runs(self, lab, search, dfs, report);
	lab_me.catches = lab_me.ghost = false;
	lab->points[0] = points[0];
	lab->points[1] = points[1];
	fill_report(lab, report);
	lab->mode = VL_LAB_OFF;
	free(dfs);
	return 0;
}

/* --- looking at it --- */

long vl_lab_trace(struct participant *self, struct vl_lab_trace_line *out, u64 cap)
{
	const struct lab_state *lab = lab_state_of(self);

	for (u32 i = 0; i < lab->trace_count && i < cap; i++) {
		const struct lab_trace *t = &lab->trace[i];

		out[i] = (struct vl_lab_trace_line){.actor = t->actor,
						    .point = t->point,
						    .op = t->op,
						    .flags = t->flags,
						    .object = t->object,
						    .stamp = t->stamp,
						    .seq = t->seq,
						    .own = t->own,
						    .word = t->word};
	}
	return lab->trace_count;
}

long vl_lab_outcomes(struct participant *self, u64 *values, u64 count, int put)
{
	struct lab_state *lab = lab_state_of(self);

	if (put) {
		lab->outcomes_count = min_u64(count, LAB_OUTCOMES);
		memcpy(lab->outcomes, values, lab->outcomes_count * sizeof(u64));
	} else {
		memcpy(values, lab->outcomes, min_u64(count, lab->outcomes_count) * sizeof(u64));
	}
	return (long)lab->outcomes_count;
}

int vl_lab_coverage(struct participant *self, u64 *out, u64 cap)
{
	const struct lab_state *lab = lab_state_of(self);

	for (u32 i = 0; i < LAB_POINTS && i < cap; i++)
		out[i] = lab->coverage[i];
	return LAB_POINTS;
}
#endif
