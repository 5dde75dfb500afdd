/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bench/rcu_turns.h: what rcu.c and urcu.c have in common, so that they measure the same.
 *
 * The includer gives read_sections(count) and synchronize(). Lines on standard input:
 *
 *   read COUNT          ns for one read section, taken and given back
 *   sync READERS COUNT  ns for one grace period while READERS readers do nothing but sections
 *
 * each answered with one number. Readers run on other CPUs than the main thread as long as there
 * are any. Between the turns they sleep outside of any section.
 */
#ifndef BENCH_RCU_TURNS_H
#define BENCH_RCU_TURNS_H

#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define READERS_MAX       2
#define READER_BATCH      64ul
#define READER_SLEEP_US   500
#define READER_PATIENCE_S 10.0

/* Shared by the main thread and the readers. `sections` is written by its reader alone. */
struct turns {
	uint32_t wanted; /* readers that are to be busy */
	struct {
		uint64_t sections;
	} __attribute__((aligned(128))) reader[READERS_MAX];
};

static void read_sections(uint64_t count);
static void synchronize(void);

static double turns_now_s(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void turns_pin(unsigned int number)
{
	cpu_set_t allowed, one;
	unsigned int left;

	if (sched_getaffinity(0, sizeof(allowed), &allowed) != 0)
		return;
	left = number % (unsigned int)CPU_COUNT(&allowed);
	for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
		if (!CPU_ISSET(cpu, &allowed) || left-- != 0)
			continue;
		CPU_ZERO(&one);
		CPU_SET(cpu, &one);
		(void)sched_setaffinity(0, sizeof(one), &one);
		return;
	}
}

/* The life of reader `me`; ends with its process. */
static void turns_reader(struct turns *turns, uint32_t me)
{
	for (;;) {
		if (__atomic_load_n(&turns->wanted, __ATOMIC_RELAXED) <= me) {
			usleep(READER_SLEEP_US);
			continue;
		}
		read_sections(READER_BATCH);
		__atomic_fetch_add(&turns->reader[me].sections, READER_BATCH, __ATOMIC_RELAXED);
	}
}

/* Waits until each reader that is wanted has begun. */
static void turns_want(struct turns *turns, uint32_t readers)
{
	double deadline = turns_now_s() + READER_PATIENCE_S;

	__atomic_store_n(&turns->wanted, readers, __ATOMIC_RELAXED);
	for (uint32_t i = 0; i < readers; i++) {
		uint64_t before = __atomic_load_n(&turns->reader[i].sections, __ATOMIC_RELAXED);

		while (__atomic_load_n(&turns->reader[i].sections, __ATOMIC_RELAXED) == before) {
			if (turns_now_s() > deadline) {
				fprintf(stderr, "reader %u does not run\n", i);
				exit(1);
			}
			usleep(READER_SLEEP_US / 10);
		}
	}
}

static double turns_sync(struct turns *turns, uint32_t readers, uint64_t count)
{
	double begin, took;

	turns_want(turns, readers);
	begin = turns_now_s();
	for (uint64_t i = 0; i < count; i++)
		synchronize();
	took = turns_now_s() - begin;
	turns_want(turns, 0);
	return took * 1e9 / (double)count;
}

static double turns_read(uint64_t count)
{
	double begin = turns_now_s();

	read_sections(count);
	return (turns_now_s() - begin) * 1e9 / (double)count;
}

/* Answers lines until there are no more; the exit code. */
static int turns_serve(struct turns *turns)
{
	unsigned long readers, count;
	char line[64];

	while (fgets(line, sizeof(line), stdin)) {
		if (sscanf(line, "read %lu", &count) == 1 && count)
			printf("%.4f\n", turns_read(count));
		else if (sscanf(line, "sync %lu %lu", &readers, &count) == 2 && count &&
			 readers <= READERS_MAX)
			printf("%.1f\n", turns_sync(turns, (uint32_t)readers, count));
		else
			return 2;
		fflush(stdout);
	}
	return 0;
}

#endif
