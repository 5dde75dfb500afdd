/* SPDX-License-Identifier: Apache-2.0 */
/*
 * step.c: what a virtual CPU does: its operations one after the other, what is counted of each, and
 * the order in which those of a trace begin.
 *
 * A step may need a number that is known only when the run is under way: that of a child that an
 * earlier step has made. Such numbers are in cells: a step puts its value into one, and later ones
 * add it to a word of their block.
 */
#include "virtual_internal.h"

#ifdef VL_VIRTUAL

#include <stdlib.h>
#include <string.h>

#include "vmalab/block.h"
#include "vmalab/participant.h"

/* --- is the run over? --- */

static void begin_counting(void)
{
	vm.counting = true;
	vm.began = vm.cpu->now;
	for (u32 i = 0; i < vm.count; i++) {
		vm.cpus[i].counts.instructions = vm.cpus[i].instructions;
		vm.cpus[i].before = vm.cpus[i].counts;
	}
}

/* Operations that count. */
static u64 counted(const struct vcpu *cpu)
{
	return cpu->counts.operations - cpu->before.operations;
}

u64 steps_least(void)
{
	u64 least = UINT64_MAX;

	for (u32 i = 0; i < vm.count; i++)
		least = min_u64(least, vm.cpus[i].counts.operations);
	return least;
}

void steps_over(void)
{
	vm.over = true;
	for (u32 i = 0; i < vm.count; i++) {
		if (!vm.cpus[i].turn)
			continue;
		vm.cpus[i].turn = NULL;
		vcpu_ready(&vm.cpus[i]);
	}
}

static void look_whether_over(const struct vcpu *cpu)
{
	u64 least = UINT64_MAX;

	if (cpu->now > vm.plan->ps_most) {
		vm.out->end = VL_VIRTUAL_LATE;
		steps_over();
	}
	for (u32 i = 0; i < vm.count; i++)
		least = min_u64(least,
				vm.counting ? counted(&vm.cpus[i]) : vm.cpus[i].counts.operations);
	if (!vm.counting && least >= vm.plan->warm)
		begin_counting();
	else if (vm.counting && !vm.plan->once && least >= vm.plan->least)
		steps_over();
	if (vm.over && !vm.out->ps)
		vm.out->ps = vm.counting ? cpu->now - vm.began : 0;
}

/* --- what is counted --- */

/* Sixteen buckets for each power of two of nanoseconds; below sixteen one for each. */
static u32 bucket_of(u64 ns)
{
	u32 power;

	if (ns < 16)
		return (u32)ns;
	power = 63 - (u32)__builtin_clzl(ns);
	return (u32)min_u64((power - 3) * 16 + (ns >> (power - 4) & 15), VL_VIRTUAL_BUCKETS - 1);
}

/* What a CPU has done so far. */
static struct vl_virtual_kind so_far(const struct vcpu *cpu)
{
	const struct vl_virtual_cpu *counts = &cpu->counts;

	return (struct vl_virtual_kind){
		.operations = counts->operations,
		.instructions = cpu->instructions,
		.accesses = counts->accesses,
		.misses = counts->misses,
		.locked = counts->locked,
		.fences = counts->fences,
		.lines = cpu->lines,
		.ps = cpu->now,
	};
}

static void add_to_kind(struct vl_virtual_kind *kind, const struct vl_virtual_kind *before,
			const struct vl_virtual_kind *now)
{
	kind->operations += now->operations - before->operations;
	kind->instructions += now->instructions - before->instructions;
	kind->accesses += now->accesses - before->accesses;
	kind->misses += now->misses - before->misses;
	kind->locked += now->locked - before->locked;
	kind->fences += now->fences - before->fences;
	kind->lines += now->lines - before->lines;
	kind->ps += now->ps - before->ps;
}

/* --- whose turn it is --- */

static bool may_begin(const struct vl_virtual_turn *turn)
{
	return vm.counters[turn->waits_for[0]] >= turn->least[0] &&
	       vm.counters[turn->waits_for[1]] >= turn->least[1];
}

static void wait_for_turn(struct vcpu *cpu, const struct vl_virtual_turn *turn)
{
	u64 began = cpu->now;

	if (!may_begin(turn)) {
		cpu->turn = turn;
		vcpu_leave();
	}
	/* Who moved the counter may have been ahead of this CPU. */
	for (u32 i = 0; i < 2; i++) {
		if (turn->least[i])
			cpu->now = max_u64(cpu->now, vm.moved[turn->waits_for[i]]);
	}
	cpu->counts.ordered += cpu->now - began;
}

static void turn_done(const struct vcpu *cpu, const struct vl_virtual_turn *turn)
{
	for (u32 i = 0; i < 4; i++) {
		if (!turn->moves[i])
			continue;
		vm.counters[turn->moves[i]]++;
		vm.moved[turn->moves[i]] = max_u64(vm.moved[turn->moves[i]], cpu->now);
	}
	for (u32 i = 0; i < vm.count; i++) {
		if (!vm.cpus[i].turn || !may_begin(vm.cpus[i].turn))
			continue;
		vm.cpus[i].turn = NULL;
		vcpu_ready(&vm.cpus[i]);
	}
}

/* --- a step --- */

static const void *patched(const struct vcpu *cpu, const struct vl_virtual_step *step, u64 *words)
{
	const u8 *block = cpu->program->blocks + step->offset;

	if (!step->patches_count)
		return block;
	memcpy(words, block, step->bytes);
	for (u32 i = 0; i < step->patches_count; i++) {
		const struct vl_virtual_patch *patch = &vm.plan->patches[step->patches + i];

		words[patch->word] += vm.plan->cells[patch->cell];
	}
	return words;
}

/* How many results there are, or a negative code: nothing was done. */
static long carry_out(struct vcpu *cpu, const struct vl_virtual_step *step,
		      struct vl_result *results)
{
	u64 words[VL_VIRTUAL_BLOCK_MAX / 8];
	const void *block = patched(cpu, step, words);
	long bytes;

	switch (step->call) {
	case VL_VIRTUAL_MAPS:
	case VL_VIRTUAL_SMAPS:
		bytes = (step->call == VL_VIRTUAL_MAPS ? vl_maps : vl_smaps)(
			cpu->self, *(const u64 *)block, vm.reading, VL_VIRTUAL_TEXT_BYTES);
		results->value = bytes < 0 ? 0 : (u64)bytes;
		return bytes < 0 ? bytes : 1;
	case VL_VIRTUAL_ASK:
		vm.out->asked = step->turn - 1;
		vm.asking = true;
		vcpu_pause();
		return 1;
	default:
		return vl_run(cpu->self, block, step->bytes, results, step->records);
	}
}

/* All of a step have to end alike. */
static void judge(struct vcpu *cpu, const struct vl_virtual_step *step, long ran,
		  const struct vl_result *results)
{
	s32 status = ran < 0 ? (s32)ran : 0;
	u32 good = 0;

	if (!step->checks)
		return;
	while (good < ran && results[good].status == step->status &&
	       (step->checks == 1 || results[good].value == step->value))
		good++;
	if (good == step->records)
		return;
	if (good < ran)
		status = results[good].status != step->status ? results[good].status
							      : VL_VIRTUAL_WRONG;
	cpu->counts.failed++;
	if (vm.out->status)
		return;
	vm.out->status = status ? status : VL_VIRTUAL_WRONG;
	vm.out->failed_cpu = cpu->id;
	vm.out->failed_step = (u64)(step - cpu->program->steps);
}

static void do_step(struct vcpu *cpu, const struct vl_virtual_step *step)
{
	const struct vl_virtual_turn *turn = step->turn ? &vm.plan->turns[step->turn - 1] : NULL;
	struct vl_virtual_kind before, now, *kind = &vm.out->kinds[step->kind];
	struct vl_result results[VL_VIRTUAL_RECORDS_MAX] = {0};
	u64 began;
	long ran;

	vcpu_charge(cpu);
	if (turn)
		wait_for_turn(cpu, turn);
	if (vm.over)
		return;
	began = cpu->now;
	before = so_far(cpu);
	cpu->mark = ++vm.marks;
	ran = carry_out(cpu, step, results);
	vcpu_charge(cpu);
	if (vm.over)
		return;
	cpu->counts.operations += step->records;
	now = so_far(cpu);
	if (!kind->first) {
		kind->first = now.operations;
		kind->cold = now.misses - before.misses;
	}
	if (vm.counting) {
		u64 each = (cpu->now - began) / PS_PER_NS / step->records;

		vm.out->latency[step->kind][bucket_of(each)] += step->records;
		add_to_kind(kind, &before, &now);
	}
	if (step->call != VL_VIRTUAL_ASK)
		judge(cpu, step, ran, results);
	if (step->keep)
		vm.plan->cells[step->keep - 1] = results->value;
	if (turn) {
		if (step->call != VL_VIRTUAL_ASK)
			vm.plan->answers[step->turn - 1] = *results;
		turn_done(cpu, turn);
	}
	/* Not after each: with many CPUs the look costs more than the operation. */
	if (++cpu->operations % 16 == 0)
		look_whether_over(cpu);
}

void steps_do(struct vcpu *cpu)
{
	const struct vl_virtual_program *program = cpu->program;

	for (u64 at = 0; !vm.over; at++) {
		if (at == program->count && vm.plan->once)
			break;
		if (at == program->count)
			at = 0;
		do_step(cpu, &program->steps[at]);
	}
	if (vm.plan->once && !vm.over)
		vm.out->ps = max_u64(vm.out->ps, cpu->now);
}

/* --- the whole of them --- */

static bool step_good(const struct vl_virtual_step *step, const struct vl_virtual_plan *plan)
{
	if (step->kind >= VL_VIRTUAL_KINDS_MAX || step->call > VL_VIRTUAL_ASK || !step->records ||
	    step->records > VL_VIRTUAL_RECORDS_MAX || step->keep > plan->cells_count ||
	    step->turn > plan->turns_count || step->bytes > VL_VIRTUAL_BLOCK_MAX ||
	    (step->call == VL_VIRTUAL_ASK && !step->turn) ||
	    (u64)step->patches + step->patches_count > plan->patches_count)
		return false;
	for (u32 i = 0; i < step->patches_count; i++) {
		const struct vl_virtual_patch *patch = &plan->patches[step->patches + i];

		if (patch->word >= step->bytes / 8 || patch->cell >= plan->cells_count)
			return false;
	}
	return true;
}

static bool turn_good(const struct vl_virtual_turn *turn, u64 counters)
{
	for (u32 i = 0; i < 4; i++) {
		if (turn->moves[i] >= counters || (i < 2 && turn->waits_for[i] >= counters))
			return false;
	}
	return true;
}

bool steps_good(const struct vl_virtual_program *programs, u32 count,
		const struct vl_virtual_plan *plan)
{
	for (u64 at = 0; at < plan->turns_count; at++) {
		if (!turn_good(&plan->turns[at], plan->counters_count))
			return false;
	}
	for (u32 i = 0; i < count; i++) {
		if (!programs[i].count)
			return false;
		for (u64 at = 0; at < programs[i].count; at++) {
			if (!step_good(&programs[i].steps[at], plan))
				return false;
		}
	}
	return true;
}

int steps_make(void)
{
	u64 counters = max_u64(vm.plan->counters_count, 1);

	vm.reading = malloc(VL_VIRTUAL_TEXT_BYTES);
	vm.counters = calloc(counters, sizeof(u64));
	vm.moved = calloc(counters, sizeof(u64));
	vm.counting = vm.plan->once != 0;
	return vm.reading && vm.counters && vm.moved ? 0 : VL_E_LIMIT;
}

void steps_free(void)
{
	free(vm.reading);
	free(vm.counters);
	free(vm.moved);
	vm.reading = NULL;
	vm.counters = NULL;
	vm.moved = NULL;
}

#endif
