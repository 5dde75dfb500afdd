/* SPDX-License-Identifier: Apache-2.0 */
/*
 * futex.h (base): sleeping on a word of shared memory, and the clock that bounds it.
 *
 * The words lie in a file mapping and are shared by processes, so the private-futex flag is never
 * used.
 */
#ifndef VMALAB_FUTEX_H
#define VMALAB_FUTEX_H

#include "vmalab/base.h"

#define NSEC_PER_USEC 1000ul
#define NSEC_PER_MSEC 1000000ul
#define NSEC_PER_SEC  1000000000ul
#define TIMEOUT_NEVER UINT64_MAX

/* Sleeps while *word == expected, at most timeout_ns. 0 woken (perhaps spuriously), -EAGAIN the
 * value differed, -ETIMEDOUT, -EINTR. Callers look at their condition again after any of them. */
int futex_wait(const u32 *word, u32 expected, u64 timeout_ns);
/* Wakes at most `count` sleepers; returns how many. */
int futex_wake(u32 *word, int count);
#define FUTEX_ALL INT32_MAX

/* CLOCK_MONOTONIC. */
u64 clock_ns(void);
/* Sleeps about that long; may return early. */
void sleep_ns(u64 ns);

#endif
