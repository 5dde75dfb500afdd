/* SPDX-License-Identifier: Apache-2.0 */
/*
 * futex.c: thin wrappers around the futex system call and the monotonic clock.
 *
 * Owns no word. A dead sleeper leaves nothing: the kernel takes it off the wait queue.
 */
#include "vmalab/futex.h"

#include "vmalab/lab.h"
#include "vmalab/virtual.h"

#include <linux/futex.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

int futex_wait(const u32 *word, u32 expected, u64 timeout_ns)
{
	struct timespec ts, *tsp = NULL;
	int saved = errno, err = 0;

	if (lab_is_actor())
		return lab_futex_wait(word, expected);
	if (virtual_on())
		return virtual_futex_wait(word, expected);
	if (timeout_ns != TIMEOUT_NEVER) {
		ts.tv_sec = (time_t)(timeout_ns / NSEC_PER_SEC);
		ts.tv_nsec = (long)(timeout_ns % NSEC_PER_SEC);
		tsp = &ts;
	}
	if (syscall(SYS_futex, word, FUTEX_WAIT, expected, tsp, NULL, 0) != 0)
		err = -errno;
	errno = saved;
	VL_ASSERT(err == 0 || err == -EAGAIN || err == -ETIMEDOUT || err == -EINTR);
	return err;
}

int futex_wake(u32 *word, int count)
{
	int saved = errno;
	long woken;

	if (lab_is_actor())
		return lab_futex_wake(word, count);
	if (virtual_on())
		return virtual_futex_wake(word, count);
	woken = syscall(SYS_futex, word, FUTEX_WAKE, count, NULL, NULL, 0);

	errno = saved;
	VL_ASSERT(woken >= 0);
	return (int)woken;
}

u64 clock_ns(void)
{
	struct timespec ts;

	if (lab_is_actor())
		return lab_clock_ns();
	if (virtual_on())
		return virtual_clock_ns();
	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (u64)ts.tv_sec * NSEC_PER_SEC + (u64)ts.tv_nsec;
}

void sleep_ns(u64 ns)
{
	struct timespec ts = {(time_t)(ns / NSEC_PER_SEC), (long)(ns % NSEC_PER_SEC)};
	int saved = errno;

	if (lab_is_actor()) {
		lab_yield();
		return;
	}
	if (virtual_on()) {
		virtual_sleep(ns);
		return;
	}
	nanosleep(&ts, NULL);
	errno = saved;
}
