/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bench/urcu.c: read sections and grace periods of liburcu, between threads (its registry of
 * readers is one per process).
 *
 * Compiled once for each flavour: -DURCU_memb, -DURCU_mb or -DURCU_bp, with the library of the same
 * name. The read side is inlined, as liburcu's manual advises for speed (_LGPL_SOURCE). rcu_turns.h
 * says what is measured. Not linked with the core.
 */
#define _GNU_SOURCE
#define _LGPL_SOURCE
#define URCU_API_MAP
#include <pthread.h>

#if defined(URCU_memb)
#include <urcu/urcu-memb.h>
#elif defined(URCU_mb)
#include <urcu/urcu-mb.h>
#else
#include <urcu/urcu-bp.h>
#endif

#include "rcu_turns.h"

static struct turns turns;

static void read_sections(uint64_t count)
{
	for (uint64_t i = 0; i < count; i++) {
		rcu_read_lock();
		__asm__ volatile("" ::: "memory");
		rcu_read_unlock();
		__asm__ volatile("" ::: "memory");
	}
}

static void synchronize(void)
{
	synchronize_rcu();
}

static void *reader(void *arg)
{
	uint32_t me = (uint32_t)(uintptr_t)arg;

	turns_pin(me + 1);
	rcu_register_thread();
	turns_reader(&turns, me);
	return NULL;
}

int main(void)
{
	pthread_t thread;
	int code;

	for (uintptr_t me = 0; me < READERS_MAX; me++)
		if (pthread_create(&thread, NULL, reader, (void *)me) != 0)
			return 1;
	turns_pin(0);
	rcu_register_thread();
	code = turns_serve(&turns);
	fflush(stdout);
	_exit(code); /* with the readers */
}
