/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test.h: the few things every C test needs.
 *
 * A test is a program: exit code 0 good, 1 a check failed (the text says where and with which
 * values), anything else it died. It prints its seed; the first argument or VMALAB_SEED gives it
 * back. Torture runs for VMALAB_TORTURE_SECONDS (default 2) per part.
 */
#ifndef VMALAB_TEST_H
#define VMALAB_TEST_H

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "vmalab/futex.h"

#define TEST_HANG_S 3000 /* what takes so long hangs, on the slowest machine too */

/* In a process that works until the test kills it: should that be gone, it ends too. */
static inline void test_end_with_parent(void)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	alarm(TEST_HANG_S);
}

#define CHECK(cond)                                                                              \
	do {                                                                                     \
		if (!(cond)) {                                                                   \
			fprintf(stderr, "%s:%d: CHECK(%s) failed\n", __FILE__, __LINE__, #cond); \
			exit(1);                                                                 \
		}                                                                                \
	} while (0)

/* got == want, both printed when not. */
#define CHECK_EQ(got, want)                                                                        \
	do {                                                                                       \
		long long got_ = (long long)(got), want_ = (long long)(want);                      \
		if (got_ != want_) {                                                               \
			fprintf(stderr, "%s:%d: %s is %lld, want %s = %lld\n", __FILE__, __LINE__, \
				#got, got_, #want, want_);                                         \
			exit(1);                                                                   \
		}                                                                                  \
	} while (0)

#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
#define TEST_SANITIZED 1
#else
#define TEST_SANITIZED 0
#endif

static u64 test_seed_value __attribute__((unused));
static u64 test_end_ns __attribute__((unused));

static inline double test_seconds(void)
{
	const char *text = getenv("VMALAB_TORTURE_SECONDS");

	return text ? strtod(text, NULL) : 2.0;
}

/* Starts the clock of test_time_over() anew: this share of the time of a part is left. */
static inline void test_time_share(double share)
{
	test_end_ns = clock_ns() + (u64)(test_seconds() * share * 1e9);
}

static inline void test_time_begin(void)
{
	test_time_share(1.0);
}

static inline bool test_time_over(void)
{
	return clock_ns() >= test_end_ns;
}

/* Prints and returns the seed, starts the clock. */
static inline u64 test_begin(int argc, char **argv)
{
	const char *env = getenv("VMALAB_SEED");

	setvbuf(stdout, NULL, _IOLBF, 0);
	if (argc > 1)
		test_seed_value = strtoull(argv[1], NULL, 0);
	else if (env)
		test_seed_value = strtoull(env, NULL, 0);
	else
		test_seed_value = clock_ns() % 1000000007u;
	printf("%s: seed %lu\n", argv[0], test_seed_value);
	test_time_begin();
	return test_seed_value;
}

/* splitmix64 */
static inline u64 test_random(u64 *state)
{
	u64 z = (*state += 0x9e3779b97f4a7c15ull);

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ z >> 27) * 0x94d049bb133111ebull;
	return z ^ z >> 31;
}

/* Waits for a child; true if it exited with 0. */
static inline bool test_child_good(pid_t pid)
{
	int status = 0;

	CHECK(waitpid(pid, &status, 0) == pid);
	return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

/* Kills a child of ours and reaps it. */
static inline void test_kill(pid_t pid)
{
	int status = 0;

	CHECK(kill(pid, SIGKILL) == 0);
	CHECK(waitpid(pid, &status, 0) == pid);
}

#endif
