/* SPDX-License-Identifier: Apache-2.0 */
/*
 * virtual.h (base): what the sources say to the virtual multicore. In every other core each of
 * these is nothing, or a constant.
 *
 * The virtual core (built with VL_VIRTUAL) is the same protocol code, compiled with
 * -fsanitize=thread and linked with src/virtual in the place of libtsan: every access to shared
 * memory is seen without a word in the sources. What no instrumentation can see stands here: that a
 * CPU waits, what time it is, and that it asks all others for a barrier.
 */
#ifndef VMALAB_VIRTUAL_H
#define VMALAB_VIRTUAL_H

#include "vmalab/base.h"

#ifdef VL_VIRTUAL

#define CPUS_ARE_VIRTUAL 1 /* each stands for a process, however many threads this one has */
/* The caller is a virtual CPU: it waits and tells the time through these. */
bool virtual_on(void);
int virtual_futex_wait(const u32 *word, u32 expected);
int virtual_futex_wake(const u32 *word, int count);
u64 virtual_clock_ns(void);
void virtual_sleep(u64 ns);
/* A turn of a spin loop. */
void virtual_pause(void);
/* A full barrier in every CPU. */
void virtual_barrier(void);

#else

/* Constants, so that what depends on them goes away. */
#define CPUS_ARE_VIRTUAL                   0
#define virtual_on()                       0
#define virtual_futex_wait(word, expected) 0
#define virtual_futex_wake(word, count)    0
#define virtual_clock_ns()                 0ul
#define virtual_sleep(ns)                  ((void)0)
#define virtual_pause()                    ((void)0)
#define virtual_barrier()                  ((void)0)

#endif

#endif
