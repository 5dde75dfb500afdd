/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lab_gates.c (L6): the lab in a free-running segment: gates, pauses, mutants.
 *
 * A gate holds who comes to its sync point until somebody releases it. It is a wait inside an
 * operation where no wait is foreseen, perhaps in an RCU section: so it is bounded by the gate's
 * hold_ns, and recovery may have to wait as long.
 *
 *   gate.armed    how many are still to be held      -> -1 by who comes
 *   gate.held     how many stand there               +-1 by them
 *   gate.release  moves by 1: all who stand there go on
 *   gate.arrived  moves by 1 for each who comes
 *   A dead one leaves held too high: it is a number for people, nothing depends on it.
 */
#include "lab_internal.h"

#ifdef VL_LAB
#include "vmalab/futex.h"

#define HOLD_NS_MAX (600 * NSEC_PER_SEC)

static u32 mm_worked_on(const struct participant *self)
{
	return load_relaxed_u32(&self->op_mm);
}

static bool take_ticket(struct lab_gate *gate)
{
	u32 armed = load_relaxed_u32(&gate->armed);

	while (armed)
		if (cmpxchg_acq_rel_u32(&gate->armed, &armed, armed - 1))
			return true;
	return false;
}

static void pass_gate(struct lab_gate *gate)
{
	struct participant *self = lab_me.self;
	u32 release = load_acquire_u32(&gate->release);
	u64 end = clock_ns() + load_relaxed_u64(&gate->hold_ns), now;

	if (!take_ticket(gate))
		return;
	store_relaxed_u32(&gate->participant, self->index);
	store_relaxed_u32(&gate->op_mm, mm_worked_on(self));
	store_relaxed_u32(&gate->op, self->slot->op);
	add_acq_rel_u32(&gate->held, 1);
	add_acq_rel_u32(&gate->reached, 1);
	add_acq_rel_u32(&gate->arrived, 1);
	lab_raw_wake(&gate->arrived);
	while (load_acquire_u32(&gate->release) == release && (now = clock_ns()) < end)
		lab_raw_wait(&gate->release, release, min_u64(end - now, NSEC_PER_SEC));
	add_acq_rel_u32(&gate->held, -1u);
}

void lab_free_running(enum lab_point point, const void *object)
{
	struct lab_state *lab = lab_me.lab;
	struct lab_gate *gate = &lab->gates[point];
	u64 r;

	(void)object;
	if (unlikely(load_relaxed_u32(&gate->armed) != 0)) {
		u32 mm = load_relaxed_u32(&gate->mm);

		if (mm == 0 || mm == mm_worked_on(lab_me.self))
			pass_gate(gate);
	}
	if (lab->delay_one_in == 0)
		return;
	if (lab_me.delay_random == 0)
		lab_me.delay_random = lab->delay_seed ^
				      (lab_me.self->index + 1) * 0x9e3779b97f4a7c15ull;
	r = lab_next_random(&lab_me.delay_random);
	if (r % lab->delay_one_in == 0)
		sleep_ns((r >> 32) % (lab->delay_us_max + 1) * NSEC_PER_USEC);
}

int vl_lab_mutants_set(struct participant *self, u64 low, u64 high)
{
	struct lab_state *lab = lab_state_of(self);

	lab->mutants[0] = low;
	lab->mutants[1] = high;
	return 0;
}

int vl_lab_gate(struct participant *self, u32 point, u32 mm, u32 count, u64 hold_ns)
{
	struct lab_state *lab = lab_state_of(self);
	struct lab_gate *gate;

	if (point >= LAB_POINTS || hold_ns > HOLD_NS_MAX)
		return VL_E_INVALID;
	gate = &lab->gates[point];
	store_relaxed_u32(&gate->mm, mm);
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
	u32 index;

	if (point >= LAB_POINTS)
		return VL_E_INVALID;
	for (;;) {
		u32 arrived = load_acquire_u32(&gate->arrived);

		if (load_acquire_u32(&gate->held))
			break;
		now = clock_ns();
		if (now >= end)
			return -ETIMEDOUT;
		lab_raw_wait(&gate->arrived, arrived, min_u64(end - now, NSEC_PER_SEC));
	}
	index = load_relaxed_u32(&gate->participant);
	*out = (struct vl_lab_gate_info){.point = point,
					 .armed = gate->armed,
					 .held = gate->held,
					 .reached = gate->reached,
					 .participant = index,
					 .pid = self->seg->slots[index].pid,
					 .mm = gate->op_mm,
					 .op = gate->op};
	return 0;
}

int vl_lab_gate_release(struct participant *self, u32 point)
{
	struct lab_gate *gate = &lab_state_of(self)->gates[point % LAB_POINTS];
	int held;

	if (point >= LAB_POINTS)
		return VL_E_INVALID;
	held = (int)load_acquire_u32(&gate->held);
	add_acq_rel_u32(&gate->release, 1);
	lab_raw_wake(&gate->release);
	return held;
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
