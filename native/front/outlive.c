/* SPDX-License-Identifier: Apache-2.0 */
/*
 * outlive.c: a process that outlives a cut of its segment's file.
 *
 * Whoever may write the file may also shorten it, and every page behind the new end then gives
 * SIGBUS. No check before an access can exclude that. So the handler puts empty private pages in
 * the place of what is gone, from the page that was touched to the end of the segment, and the
 * access is done again. What the process reads from then on is 0: it breaks an invariant, or its
 * next look at the file's size says what has happened. Nothing that it writes reaches others.
 *
 * CUT-1: a place is whole before the count says that it is there (release), and the handler, which
 *        may run in another thread, reads the count first (acquire). Without it: half a place, and
 *        memory that is none of the segment's is replaced.
 *
 * A SIGBUS elsewhere gets its default action again, and ends the process.
 */
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>

#include "vmalab/core.h"
#include "vmalab/participant.h"

#define OUTLIVED_MAX 16

static struct {
	u64 begin, end;
} outlived[OUTLIVED_MAX];
static u32 outlived_count;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static void on_sigbus(int number, siginfo_t *info, void *context)
{
	u64 addr = (u64)info->si_addr & PAGE_MASK;

	(void)context;
	/* pairs: CUT-1 (outlive.c:vl_seg_outlive_cut) */
	for (u32 i = 0; i < load_acquire_u32(&outlived_count); i++) {
		if (addr < outlived[i].begin || addr >= outlived[i].end)
			continue;
		if (mmap((void *)addr, outlived[i].end - addr, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_NORESERVE, -1,
			 0) != MAP_FAILED)
			return;
	}
	(void)signal(number, SIG_DFL);
}

int vl_seg_outlive_cut(struct vl_seg *seg)
{
	struct sigaction action = {.sa_sigaction = on_sigbus, .sa_flags = SA_SIGINFO};
	int err = 0;

	pthread_mutex_lock(&lock);
	if (outlived_count == OUTLIVED_MAX) {
		err = VL_E_LIMIT;
	} else {
		outlived[outlived_count].begin = (u64)seg->base;
		outlived[outlived_count].end = (u64)seg->base + seg->size;
		/* pairs: CUT-1 (outlive.c:on_sigbus) */
		store_release_u32(&outlived_count, outlived_count + 1);
		if (sigaction(SIGBUS, &action, NULL) != 0)
			err = VL_E_SYS;
	}
	pthread_mutex_unlock(&lock);
	return err;
}
