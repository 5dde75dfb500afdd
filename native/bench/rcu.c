/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bench/rcu.c: read sections and grace periods of our RCU, between processes.
 *
 * The argument is the flavour, "membarrier" or "fenced". The readers are processes of their own,
 * each with its mapping of the segment and its participant; they end with this one, however that
 * ends. rcu_turns.h says what is measured.
 */
#include <sys/prctl.h>

#include "rcu_turns.h"
#include "testseg.h"

static struct participant self;

static void read_sections(uint64_t count)
{
	for (uint64_t i = 0; i < count; i++) {
		rcu_read_lock(&self);
		compiler_barrier();
		rcu_read_unlock(&self);
		compiler_barrier();
	}
}

static void synchronize(void)
{
	synchronize_rcu(&self);
}

static pid_t start_reader(struct test_seg *ts, struct turns *turns, u32 me)
{
	pid_t parent = getpid(), pid = fork();

	CHECK(pid >= 0);
	if (pid)
		return pid;
	CHECK(prctl(PR_SET_PDEATHSIG, SIGKILL) == 0);
	if (getppid() != parent)
		exit(0);
	turns_pin(me + 1);
	test_seg_remap(ts);
	test_join(ts, &self, ROLE_WORKER);
	CHECK(core_enter(&self) == 0);
	turns_reader(turns, me);
	return 0;
}

int main(int argc, char **argv)
{
	u32 flavour = argc > 1 && !strcmp(argv[1], "fenced") ? RCU_FENCED : RCU_MEMBARRIER;
	struct test_seg ts;
	struct turns *turns;
	pid_t readers[READERS_MAX];
	int code;

	test_seg_open_rcu(&ts, 64ul << 20, flavour);
	turns = mmap(NULL, sizeof(*turns), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		     0);
	CHECK(turns != MAP_FAILED);
	for (u32 me = 0; me < READERS_MAX; me++)
		readers[me] = start_reader(&ts, turns, me);
	turns_pin(0);
	test_join(&ts, &self, ROLE_WORKER);
	CHECK(core_enter(&self) == 0);
	code = turns_serve(turns);
	for (u32 me = 0; me < READERS_MAX; me++) {
		kill(readers[me], SIGKILL);
		waitpid(readers[me], NULL, 0);
	}
	core_exit(&self);
	participant_leave(&self);
	return code;
}
