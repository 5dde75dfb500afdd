/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lab_gates.c: the lab in a free-running segment: gates, pauses, mutants.
 *
 * A gate holds who comes to its sync point until somebody releases it. It is a wait inside an
 * operation where no wait is foreseen, perhaps in an RCU section: so it is bounded by the gate's
 * hold_ns, and ends at once when the world is to be stopped (a recovery, fsck), or when nobody
 * holds the mm any more and it is torn down. Supervisor and inspectors are never held.
 *
 *   gate.armed    how many are still to be held      -> -1 by who comes
 *   gate.release  moves by 1: all who stand there go on
 *   gate.arrived  moves by 1 for each who comes
 *   holder.who    0 -> participant + 1 | HOLDER_COMES by who comes (cmpxchg)
 *                   -> participant + 1 by it, the rest is written  -> 0 by it, going on
 *                 a dead one leaves its entry: it is not counted, recovery clears it
 *   holder.leave  1 by who tears down the mm; 0 by the next who takes the entry
 *
 * GATE-1: an entry's mm and op are written before `who` is stored with release; who looks loads
 *         `who` with acquire. Without it: somebody is said to stand there in the mm of another.
 */
#include "lab_internal.h"

#ifdef VL_LAB
#include "vmalab/futex.h"

#define HOLD_NS_MAX  (600 * NSEC_PER_SEC)
#define LOOK_NS      (10 * NSEC_PER_MSEC) /* how often who is held looks whether it must go on */
#define HOLDER_COMES 0x80000000u

static bool take_ticket(struct lab_gate *gate)
{
	u32 armed = load_relaxed_u32(&gate->armed);

	while (armed)
		if (cmpxchg_acq_rel_u32(&gate->armed, &armed, armed - 1))
			return true;
	return false;
}

/* NULL: all places are taken. */
static struct lab_holder *take_place(struct lab_gate *gate, const struct participant *self)
{
	for (u32 i = 0; i < VL_LAB_HOLDERS_MAX; i++) {
		struct lab_holder *holder = &gate->holders[i];
		u32 nobody = 0;

		if (!cmpxchg_acq_rel_u32(&holder->who, &nobody, (self->index + 1) | HOLDER_COMES))
			continue;
		store_relaxed_u64(&holder->mm, self->op_mm);
		store_relaxed_u32(&holder->op, load_relaxed_u16(&self->slot->op));
		store_relaxed_u32(&holder->leave, 0);
		/* pairs: GATE-1 (lab_gates.c:stands_there) */
		store_release_u32(&holder->who, self->index + 1);
		return holder;
	}
	return NULL;
}

static bool must_go_on(const struct participant *self, const struct lab_holder *holder)
{
	return load_relaxed_u32(&self->seg->hdr->stop) || load_relaxed_u32(&holder->leave);
}

static void pass_gate(struct participant *self, struct lab_gate *gate)
{
	u32 release = load_acquire_u32(&gate->release);
	u64 end = clock_ns() + load_relaxed_u64(&gate->hold_ns), now;
	struct lab_holder *holder;

	if (!take_ticket(gate))
		return;
	holder = take_place(gate, self);
	if (!holder)
		return;
	add_acq_rel_u32(&gate->reached, 1);
	add_acq_rel_u32(&gate->arrived, 1);
	lab_raw_wake(&gate->arrived);
	while (load_acquire_u32(&gate->release) == release && (now = clock_ns()) < end &&
	       !must_go_on(self, holder))
		lab_raw_wait(&gate->release, release, min_u64(end - now, LOOK_NS));
	store_release_u32(&holder->who, 0);
}

static void pause_at_random(const struct lab_state *lab, u32 index)
{
	u32 one_in = load_relaxed_u32(&lab->delay_one_in);
	u64 r;

	if (one_in == 0)
		return;
	if (lab_me.delay_random == 0 || lab_me.delay_seed != lab->delay_seed) {
		lab_me.delay_seed = lab->delay_seed;
		lab_me.delay_random = (lab->delay_seed ^ (index + 1) * 0x9e3779b97f4a7c15ull) | 1;
	}
	r = lab_next_random(&lab_me.delay_random);
	if ((r >> 8 & 0xffffff) % one_in == 0)
		sleep_ns((r >> 32) % (lab->delay_us_max + 1) * NSEC_PER_USEC);
}

void lab_free_running(enum lab_point point, const void *object)
{
	struct participant *self = lab_me.self;
	struct lab_state *lab = lab_me.lab;
	struct lab_gate *gate = &lab->gates[point];
	u32 role = load_relaxed_u32(&self->slot->role);
	u64 mm;

	(void)object;
	add_relaxed_u64(&lab->coverage[point], 1);
	if (role == ROLE_SUPERVISOR || role == ROLE_INSPECTOR)
		return;
	if (unlikely(load_relaxed_u32(&gate->armed) != 0)) {
		mm = load_relaxed_u64(&gate->mm);
		if (mm == 0 || mm == self->op_mm)
			pass_gate(self, gate);
	}
	pause_at_random(lab, self->index);
}

/* The participant + 1 that stands there, 0: nobody who lives. */
static u32 stands_there(const struct vl_seg *seg, const struct lab_holder *holder)
{
	/* pairs: GATE-1 (lab_gates.c:take_place) */
	u32 who = load_acquire_u32(&holder->who);

	if (who == 0 || (who & HOLDER_COMES) || !participant_alive(seg, who - 1))
		return 0;
	return who;
}

static void describe(struct participant *self, u32 point, struct vl_lab_gate_info *out)
{
	const struct lab_gate *gate = &lab_state_of(self)->gates[point];

	*out = (struct vl_lab_gate_info){.point = point,
					 .armed = load_relaxed_u32(&gate->armed),
					 .reached = load_relaxed_u32(&gate->reached)};
	for (u32 i = 0; i < VL_LAB_HOLDERS_MAX; i++) {
		u32 who = stands_there(self->seg, &gate->holders[i]);

		if (!who || out->held++)
			continue;
		out->participant = who - 1;
		out->pid = load_relaxed_u32(&self->seg->slots[who - 1].pid);
		out->mm = load_relaxed_u64(&gate->holders[i].mm);
		out->op = load_relaxed_u32(&gate->holders[i].op);
	}
}

long vl_lab_gates(struct participant *self, struct vl_lab_gate_info *out, u64 cap)
{
	for (u32 point = 0; point < LAB_POINTS && point < cap; point++)
		describe(self, point, &out[point]);
	return LAB_POINTS;
}

long vl_lab_holders(struct participant *self, struct vl_lab_holder_info *out, u64 cap)
{
	const struct lab_state *lab = lab_state_of(self);
	u64 count = 0;

	for (u32 i = 0; i < LAB_POINTS * VL_LAB_HOLDERS_MAX; i++) {
		u32 point = i / VL_LAB_HOLDERS_MAX;
		const struct lab_holder *holder;
		u32 who;

		holder = &lab->gates[point].holders[i % VL_LAB_HOLDERS_MAX];
		who = stands_there(self->seg, holder);
		if (!who || count++ >= cap)
			continue;
		out[count - 1] = (struct vl_lab_holder_info){
			.point = point,
			.participant = who - 1,
			.pid = load_relaxed_u32(&self->seg->slots[who - 1].pid),
			.mm = load_relaxed_u64(&holder->mm),
			.op = load_relaxed_u32(&holder->op)};
	}
	return (long)count;
}

static struct lab_holder *holder_at(struct participant *self, u32 i)
{
	struct lab_gate *gate = &lab_state_of(self)->gates[i / VL_LAB_HOLDERS_MAX];

	return &gate->holders[i % VL_LAB_HOLDERS_MAX];
}

void lab_gates_forget(struct participant *self, u32 index)
{
	for (u32 i = 0; i < LAB_POINTS * VL_LAB_HOLDERS_MAX; i++) {
		struct lab_holder *holder = holder_at(self, i);

		if ((load_relaxed_u32(&holder->who) & ~HOLDER_COMES) == index + 1)
			store_release_u32(&holder->who, 0);
	}
}

void lab_gates_leave(struct participant *self, u64 mm_id)
{
	for (u32 i = 0; i < LAB_POINTS * VL_LAB_HOLDERS_MAX; i++) {
		struct lab_holder *holder = holder_at(self, i);

		if (stands_there(self->seg, holder) && load_relaxed_u64(&holder->mm) == mm_id)
			store_relaxed_u32(&holder->leave, 1);
	}
}

int vl_lab_mutants_set(struct participant *self, u64 low, u64 high)
{
	struct lab_state *lab = lab_state_of(self);

	lab->mutants[0] = low;
	lab->mutants[1] = high;
	return 0;
}

int vl_lab_mutants_get(struct participant *self, u64 *out)
{
	const struct lab_state *lab = lab_state_of(self);

	out[0] = lab->mutants[0];
	out[1] = lab->mutants[1];
	return 0;
}

int vl_lab_gate(struct participant *self, u32 point, u64 mm, u32 count, u64 hold_ns)
{
	struct lab_state *lab = lab_state_of(self);
	struct lab_gate *gate;

	if (point >= LAB_POINTS || hold_ns > HOLD_NS_MAX)
		return VL_E_INVALID;
	gate = &lab->gates[point];
	store_relaxed_u64(&gate->mm, mm);
	store_relaxed_u64(&gate->hold_ns, hold_ns);
	store_release_u32(&gate->armed, count);
	store_release_u32(&lab->mode, VL_LAB_GATES);
	return 0;
}

int vl_lab_gate_wait(struct participant *self, u32 point, u64 timeout_ns,
		     struct vl_lab_gate_info *out)
{
	struct lab_gate *gate = &lab_state_of(self)->gates[point % LAB_POINTS];
	u64 end = clock_ns() + timeout_ns, now;

	if (point >= LAB_POINTS)
		return VL_E_INVALID;
	for (;;) {
		u32 arrived = load_acquire_u32(&gate->arrived);

		describe(self, point, out);
		if (out->held)
			return 0;
		now = clock_ns();
		if (now >= end)
			return -ETIMEDOUT;
		lab_raw_wait(&gate->arrived, arrived, min_u64(end - now, NSEC_PER_SEC));
	}
}

int vl_lab_gate_release(struct participant *self, u32 point)
{
	struct lab_gate *gate = &lab_state_of(self)->gates[point % LAB_POINTS];
	struct vl_lab_gate_info info;

	if (point >= LAB_POINTS)
		return VL_E_INVALID;
	describe(self, point, &info);
	add_acq_rel_u32(&gate->release, 1);
	lab_raw_wake(&gate->release);
	return (int)info.held;
}

int vl_lab_delays(struct participant *self, u64 seed, u32 one_in, u32 us_max)
{
	struct lab_state *lab = lab_state_of(self);

	if (us_max > 100000)
		return VL_E_INVALID;
	lab->delay_seed = seed | 1;
	lab->delay_us_max = us_max;
	store_release_u32(&lab->delay_one_in, one_in);
	store_release_u32(&lab->mode, VL_LAB_DELAYS);
	return 0;
}
#endif
