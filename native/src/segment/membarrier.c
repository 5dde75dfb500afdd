/* SPDX-License-Identifier: Apache-2.0 */
/*
 * membarrier.c: a full barrier in every participant, whatever it is doing, so that the fast sides
 * of RCU (RCU-2) and of entering the core (STOP-1) need none of their own.
 */
#include "vmalab/membarrier.h"

#include <linux/membarrier.h>
#include <linux/sched.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "vmalab/atomics.h"
#include "vmalab/virtual.h"

#define CPUS_MAX 8192

/*
 * Makes every CPU notice that this process has registered. The kernel tells a CPU when it switches
 * to the process from another one; a CPU that is idle and ran this process last (lazy TLB) comes
 * back to it without such a switch, stays unaware, and membarrier passes it over: half of the
 * rounds of the barrier's litmus test then fail (Linux 6.18; sync_runqueues_membarrier_state and
 * membarrier_switch_mm). So a process of its own memory runs on each CPU once. It is a bare clone,
 * not fork(): it only moves and ends, and nothing that the program does around its forks is run.
 *
 * A thread that ends makes its CPU unaware too (exit_mm), until another process has run there. No
 * visit helps against that: in a process with threads readers run fences of their own
 * (participant.h:participant_fence_if_threaded), which the scanner's own fence is enough for.
 * What is left: a child by vfork() that ends without exec, in a process with one thread, leaves its
 * CPU unaware as a thread does.
 */
static __attribute__((noinline, no_sanitize("thread", "address"))) int visit_all_cpus(void)
{
	unsigned long mask[CPUS_MAX / 64] = {0};
	long cpus = sysconf(_SC_NPROCESSORS_CONF),
	     pid = syscall(SYS_clone, CLONE_VFORK, 0, 0, 0, 0);

	if (pid == 0) {
		for (long cpu = 0; cpu < cpus && cpu < CPUS_MAX; cpu++) {
			mask[cpu / 64] = 1ul << cpu % 64;
			(void)syscall(SYS_sched_setaffinity, 0, sizeof(mask), mask);
			mask[cpu / 64] = 0;
		}
		for (;;)
			syscall(SYS_exit_group, 0);
	}
	if (pid < 0)
		return -errno;
	while (syscall(SYS_wait4, pid, NULL, __WCLONE, NULL) < 0 && errno == EINTR)
		;
	return 0;
}

int membarrier_register(void)
{
	static u32 registered; /* pid: a forked child registers for itself */
	u32 pid = (u32)getpid();
	int saved = errno, err = 0;

	/* acquire: whoever finds it set by another thread comes after that one's visits (the
	 * release below) */
	if (load_acquire_u32(&registered) == pid)
		return 0;
	if (syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED, 0, 0) != 0)
		err = -errno;
	else
		err = visit_all_cpus();
	if (!err)
		store_release_u32(&registered, pid);
	errno = saved;
	return err;
}

void readers_barrier(const struct vl_seg *seg)
{
	int saved = errno;
	long err = 0;

	fence_full();
	if (virtual_on()) {
		virtual_barrier();
		return;
	}
	if (!seg->fenced)
		err = syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL_EXPEDITED, 0, 0);
	/* It worked when this process registered; nothing else may make it fail. */
	VL_ASSERT(err == 0);
	errno = saved;
	fence_full();
}
