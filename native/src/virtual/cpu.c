/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cpu.c: virtual CPUs: coroutines in the order of their clocks, and what they wait for.
 *
 * A CPU that sleeps in a futex is in no heap; who wakes it sets its clock. Where everyone sleeps
 * nobody can go on, and the run ends with VL_VIRTUAL_STUCK.
 */
#include "virtual_internal.h"

#ifdef VL_VIRTUAL

#include <stdlib.h>

#include "vmalab/atomics.h"
#include "vmalab/block.h"
#include "vmalab/participant.h"
#include "vmalab/virtual.h"

#define PART (1ul << 22) /* accesses: some tenths of a second */

struct machine_state vm;

/* --- switching --- */

/* Saves what a call must keep and the stack, and goes on where the other one left. */
void virtual_jump(void **from, void *to) __attribute__((visibility("hidden")));
#if defined(__x86_64__)
__asm__(".text\n.hidden virtual_jump\n.type virtual_jump,@function\nvirtual_jump:\n"
	"push %rbp\npush %rbx\npush %r12\npush %r13\npush %r14\npush %r15\n"
	"mov %rsp,(%rdi)\nmov %rsi,%rsp\n"
	"pop %r15\npop %r14\npop %r13\npop %r12\npop %rbx\npop %rbp\nret\n"
	".size virtual_jump,.-virtual_jump\n");
#define SAVED_WORDS 6
#define RETURN_AT   6
#define SLACK_WORDS 1 /* a function finds its stack 8 bytes off a multiple of 16 */
#elif defined(__aarch64__)
__asm__(".text\n.hidden virtual_jump\n.type virtual_jump,%function\nvirtual_jump:\n"
	"sub sp,sp,#160\n"
	"stp x19,x20,[sp]\nstp x21,x22,[sp,#16]\nstp x23,x24,[sp,#32]\nstp x25,x26,[sp,#48]\n"
	"stp x27,x28,[sp,#64]\nstp x29,x30,[sp,#80]\nstp d8,d9,[sp,#96]\nstp d10,d11,[sp,#112]\n"
	"stp d12,d13,[sp,#128]\nstp d14,d15,[sp,#144]\n"
	"mov x9,sp\nstr x9,[x0]\nmov sp,x1\n"
	"ldp x19,x20,[sp]\nldp x21,x22,[sp,#16]\nldp x23,x24,[sp,#32]\nldp x25,x26,[sp,#48]\n"
	"ldp x27,x28,[sp,#64]\nldp x29,x30,[sp,#80]\nldp d8,d9,[sp,#96]\nldp d10,d11,[sp,#112]\n"
	"ldp d12,d13,[sp,#128]\nldp d14,d15,[sp,#144]\n"
	"add sp,sp,#160\nret\n"
	".size virtual_jump,.-virtual_jump\n");
#define SAVED_WORDS 20
#define RETURN_AT   11
#define SLACK_WORDS 0
#else
#error "the virtual multicore needs a switch of stacks for this processor"
#endif

static inline bool before(const struct vcpu *a, const struct vcpu *b)
{
	return a->now != b->now ? a->now < b->now : a->id < b->id;
}

static void heap_down(u32 at)
{
	struct vcpu *moved = vm.heap[at];
	u32 child;

	while ((child = 2 * at + 1) < vm.heap_count) {
		if (child + 1 < vm.heap_count && before(vm.heap[child + 1], vm.heap[child]))
			child++;
		if (!before(vm.heap[child], moved))
			break;
		vm.heap[at] = vm.heap[child];
		at = child;
	}
	vm.heap[at] = moved;
}

static void heap_note(void)
{
	vm.next = vm.heap_count ? vm.heap[0]->now : UINT64_MAX;
}

void vcpu_ready(struct vcpu *cpu)
{
	u32 at = vm.heap_count++;

	while (at && before(cpu, vm.heap[(at - 1) / 2])) {
		vm.heap[at] = vm.heap[(at - 1) / 2];
		at = (at - 1) / 2;
	}
	vm.heap[at] = cpu;
	heap_note();
}

static struct vcpu *heap_take(void)
{
	struct vcpu *first = vm.heap[0];

	vm.heap[0] = vm.heap[--vm.heap_count];
	if (vm.heap_count)
		heap_down(0);
	heap_note();
	return first;
}

void vcpu_switch(void)
{
	struct vcpu *cpu = vm.cpu, *other = vm.heap[0];

	vm.heap[0] = cpu;
	heap_down(0);
	heap_note();
	vm.cpu = other;
	virtual_jump(&cpu->sp, other->sp);
}

void vcpu_pause(void)
{
	struct vcpu *cpu = vm.cpu;

	vm.paused = cpu;
	vm.cpu = NULL;
	virtual_jump(&cpu->sp, vm.home);
}

void vcpu_leave(void)
{
	struct vcpu *cpu = vm.cpu;

	if (vm.heap_count) {
		vm.cpu = heap_take();
		virtual_jump(&cpu->sp, vm.cpu->sp);
		return;
	}
	vm.out->end = vm.alive ? VL_VIRTUAL_STUCK : vm.out->end;
	vm.cpu = NULL;
	virtual_jump(&cpu->sp, vm.home);
}

/* --- waiting, and the time --- */

static void spend(struct vcpu *cpu, u64 ps)
{
	vcpu_charge(cpu);
	cpu->now += ps;
	cpu->counts.work += ps;
}

bool virtual_on(void)
{
	return vm.cpu != NULL;
}

u64 virtual_clock_ns(void)
{
	caches_loads(vm.cpu); /* the counter is read behind all loads before it */
	spend(vm.cpu, vm.of->clock);
	return vm.cpu->now / PS_PER_NS;
}

int virtual_futex_wait(const u32 *word, u32 expected)
{
	struct vcpu *cpu = vm.cpu, **last = &vm.waiters;

	caches_drain(cpu);
	spend(cpu, vm.of->call);
	if (cpu->now > vm.next)
		vcpu_switch();
	if (load_relaxed_u32(word) != expected)
		return -EAGAIN;
	while (*last)
		last = &(*last)->next_waiter;
	*last = cpu;
	cpu->next_waiter = NULL;
	cpu->waits_on = word;
	cpu->wait_began = cpu->now;
	vcpu_leave();
	cpu->counts.waiting += cpu->now - cpu->wait_began;
	return 0;
}

int virtual_futex_wake(const u32 *word, int count)
{
	struct vcpu *cpu = vm.cpu, **at = &vm.waiters;
	int woken = 0;

	caches_drain(cpu);
	spend(cpu, vm.of->call);
	if (cpu->now > vm.next)
		vcpu_switch();
	while (*at && woken < count) {
		struct vcpu *waiter = *at;

		if (waiter->waits_on != word) {
			at = &waiter->next_waiter;
			continue;
		}
		*at = waiter->next_waiter;
		waiter->waits_on = NULL;
		waiter->now = max_u64(waiter->now, cpu->now) + uneven(vm.of->wake);
		vcpu_ready(waiter);
		woken++;
	}
	return woken;
}

void virtual_sleep(u64 ns)
{
	struct vcpu *cpu = vm.cpu;

	spend(cpu, vm.of->call);
	cpu->now += ns * PS_PER_NS;
	cpu->counts.waiting += ns * PS_PER_NS;
}

void virtual_pause(void)
{
	if (vm.cpu)
		spend(vm.cpu, vm.of->pause);
}

void virtual_barrier(void)
{
	struct vcpu *cpu = vm.cpu;

	caches_drain(cpu);
	spend(cpu, vm.of->barrier);
	if (cpu->now > vm.next)
		vcpu_switch();
}

/* --- a run --- */

static void vcpu_body(void)
{
	struct vcpu *cpu = vm.cpu;

	steps_do(cpu);
	cpu->done = true;
	vm.alive--;
	vcpu_leave();
	__builtin_trap();
}

static bool vcpu_make(struct vcpu *cpu, u32 id, struct participant *self,
		      const struct vl_virtual_program *program)
{
	const struct vl_virtual_machine *of = vm.of;
	void **top;

	cpu->stack = aligned_alloc(64, STACK_BYTES);
	if (!cpu->stack)
		return false;
	top = (void **)(cpu->stack + STACK_BYTES - 64) - SLACK_WORDS;
	for (u32 i = 0; i <= SAVED_WORDS + SLACK_WORDS; i++)
		top[-(long)i] = NULL;
	top -= SAVED_WORDS + SLACK_WORDS;
	top[RETURN_AT] = (void *)vcpu_body;
	cpu->sp = top;
	cpu->id = id;
	cpu->cluster = id / of->cores_per_cluster;
	cpu->socket = cpu->cluster / of->clusters_per_socket;
	cpu->self = self;
	cpu->program = program;
	cpu->now = id * PS_PER_NS / 7; /* nobody begins exactly with another */
	return true;
}

static void vm_free(void)
{
	if (!vm.cpus)
		return;
	caches_free();
	for (u32 i = 0; i < vm.count; i++)
		free(vm.cpus[i].stack);
	steps_free();
	free(vm.cpus);
	free(vm.heap);
	vm.cpus = NULL;
	vm.heap = NULL;
}

static int vm_make(struct participant *const *cpus, u32 count,
		   const struct vl_virtual_machine *machine,
		   const struct vl_virtual_program *programs, const struct vl_virtual_plan *plan,
		   struct vl_virtual_result *out)
{
	const struct vl_seg *seg = cpus[0]->seg;
	int err;

	vm = (struct machine_state){.count = count,
				    .alive = count,
				    .base = seg->base,
				    .bytes = seg->size,
				    .of = machine,
				    .plan = plan,
				    .out = out,
				    .instructions = plan->instructions,
				    .text = vl_virtual_text(cpus[0]),
				    .text_bytes = plan->text_bytes,
				    .random = plan->seed * 2 + 1};
	vm.clusters = (count - 1) / machine->cores_per_cluster + 1;
	vm.cpus = calloc(count, sizeof(*vm.cpus));
	vm.heap = calloc(count, sizeof(struct vcpu *));
	if (!vm.cpus || !vm.heap)
		return VL_E_LIMIT;
	for (u32 i = 0; i < count; i++) {
		if (!vcpu_make(&vm.cpus[i], i, cpus[i], &programs[i]))
			return VL_E_LIMIT;
	}
	err = caches_make();
	if (!err)
		err = hot_make();
	return err ? err : steps_make();
}

static bool machine_good(const struct vl_virtual_machine *of, u32 count)
{
	return of->cores_per_cluster && of->clusters_per_socket && of->first_ways &&
	       of->second_ways && of->shared_ways && of->first_sets && of->second_sets &&
	       of->shared_sets && !(of->first_sets & (of->first_sets - 1)) &&
	       !(of->second_sets & (of->second_sets - 1)) &&
	       !(of->shared_sets & (of->shared_sets - 1)) && of->store_buffer &&
	       of->store_buffer <= STORES_MAX && of->loads_out && of->loads_out <= LOADS_MAX &&
	       of->protocol <= VL_VIRTUAL_MOESI && of->request < 50 &&
	       (count - 1) / of->cores_per_cluster < VL_VIRTUAL_CLUSTERS_MAX;
}

static void report(void)
{
	for (u32 i = 0; i < vm.count; i++) {
		u64 *now = (u64 *)&vm.cpus[i].counts, *then = (u64 *)&vm.cpus[i].before;

		vm.cpus[i].counts.instructions = vm.cpus[i].instructions;
		for (u32 word = 0; word < sizeof(*vm.each) / sizeof(u64); word++)
			((u64 *)&vm.each[i])[word] = now[word] - then[word];
	}
	vm.out->accesses_in_all = vm.accesses;
	vm.out->least_done = steps_least();
}

/* Until the next pause, or the end. */
static int go_on(void)
{
	vm.pause_at = vm.accesses + (vm.plan->part ? vm.plan->part : PART);
	vm.cpu = vm.paused ? vm.paused : heap_take();
	vm.paused = NULL;
	vm.asking = false;
	virtual_jump(&vm.home, vm.cpu->sp);
	report();
	if (vm.paused)
		return vm.asking ? 2 : 1;
	vm_free();
	return 0;
}

int vl_virtual_go_on(struct participant *self, int stop)
{
	(void)self;
	if (!vm.paused)
		return VL_E_INVALID;
	if (stop && !vm.over) {
		vm.out->end = VL_VIRTUAL_STOPPED;
		steps_over();
	}
	return go_on();
}

int vl_virtual_run(struct participant *const *cpus, u32 count,
		   const struct vl_virtual_machine *machine,
		   const struct vl_virtual_program *programs, const struct vl_virtual_plan *plan,
		   struct vl_virtual_cpu *each, struct vl_virtual_result *out)
{
	int err;

	if (!count || count > VL_VIRTUAL_CPUS_MAX || !machine_good(machine, count) ||
	    !steps_good(programs, count, plan) || !plan->least || vm.cpus)
		return VL_E_INVALID;
	for (u32 i = 1; i < count; i++) {
		if (cpus[i]->seg != cpus[0]->seg)
			return VL_E_INVALID;
	}
	*out = (struct vl_virtual_result){0};
	err = vm_make(cpus, count, machine, programs, plan, out);
	vm.each = each;
	if (err) {
		vm_free();
		return err;
	}
	for (u32 i = 0; i < count; i++)
		vcpu_ready(&vm.cpus[i]);
	return go_on();
}

extern char __ehdr_start[] __attribute__((visibility("hidden"))); /* of the shared object */

u64 vl_virtual_text(struct participant *self)
{
	(void)self;
	return (u64)__ehdr_start;
}

#endif
