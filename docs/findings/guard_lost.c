/* SPDX-License-Identifier: Apache-2.0 */
/*
 * guard_lost.c: does this kernel lose VM_MAYBE_GUARD? (docs/findings.md, 1)
 *
 * One thread installs a guard on a page of shared memory while another changes the protection of
 * the second half of the same mapping, which splits it, and of many mappings behind it. Further
 * threads take the CPUs away from both. Then the process forks. A guard that the parent has and the
 * child has not was lost.
 *
 * The window is from the copy of the VMA to its write lock. Nothing in the kernel is changed to
 * make it wider, and nothing but this process and its children is touched.
 *
 *   gcc -O2 -pthread -o guard_lost guard_lost.c && ./guard_lost [SECONDS]
 *
 * Exit code 0: no guard was lost; 1: one was; 2: this kernel has no MADV_GUARD_INSTALL.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#ifndef MADV_GUARD_INSTALL
#define MADV_GUARD_INSTALL 102
#endif
#define PAGE      4096ul
#define AREAS     64 /* mappings that one mprotect call splits or changes */
#define AREA      (4 * PAGE)
#define HOGS      4
#define CHILD_BAD 7

static char *base;
static atomic_int turn, done, stop;

static char *area(unsigned i)
{
	return base + i * 2 * AREA;
}

/* A guard on the first page of a mapping. */
static void guard(unsigned i)
{
	madvise(area(i), PAGE, MADV_GUARD_INSTALL);
}

/* Splits a mapping: its second half becomes read-only. */
static void split(unsigned i)
{
	mprotect(area(i) + AREA / 2, AREA / 2, PROT_READ);
}

static void (*const what[])(unsigned) = {guard, split};

/* Does its own to each mapping, as soon as a turn begins. */
static void *worker(void *arg)
{
	void (*act)(unsigned) = *(void (*const *)(unsigned))arg;
	int seen = 0;

	while (!atomic_load(&stop)) {
		if (atomic_load(&turn) == seen)
			continue;
		seen = atomic_load(&turn);
		for (unsigned i = 0; i < AREAS; i++)
			act(i);
		atomic_fetch_add(&done, 1);
	}
	return NULL;
}

static void *hog(void *arg)
{
	(void)arg;
	while (!atomic_load(&stop))
		;
	return NULL;
}

static sigjmp_buf out;

static void on_fault(int number)
{
	(void)number;
	siglongjmp(out, 1);
}

/* How many first pages can be read. */
static int readable(void)
{
	volatile char *page;
	volatile int found = 0;

	for (volatile unsigned i = 0; i < AREAS; i++) {
		page = area(i);
		if (sigsetjmp(out, 1) == 0) {
			(void)*page;
			found++;
		}
	}
	return found;
}

static int lost_in_child(void)
{
	int status;
	pid_t pid = fork();

	if (pid == 0)
		_exit(readable() ? CHILD_BAD : 0);
	waitpid(pid, &status, 0);
	return WIFEXITED(status) && WEXITSTATUS(status) == CHILD_BAD;
}

static void map_all(void)
{
	for (unsigned i = 0; i < AREAS; i++) {
		char *at = mmap(area(i), AREA, PROT_READ | PROT_WRITE,
				MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED, -1, 0);

		if (at != area(i))
			abort();
		at[0] = 1;
	}
}

int main(int argc, char **argv)
{
	double seconds = argc > 1 ? atof(argv[1]) : 5;
	pthread_t threads[HOGS + 2];
	struct utsname kernel;
	time_t end;
	long rounds = 0, lost = 0;

	uname(&kernel);
	signal(SIGSEGV, on_fault);
	base = mmap(NULL, AREAS * 2 * AREA, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	map_all();
	if (madvise(base, PAGE, MADV_GUARD_INSTALL) != 0) {
		printf("Linux %s has no MADV_GUARD_INSTALL\n", kernel.release);
		return 2;
	}
	for (int i = 0; i < 2; i++)
		pthread_create(&threads[i], NULL, worker, (void *)&what[i]);
	for (int i = 0; i < HOGS; i++)
		pthread_create(&threads[2 + i], NULL, hog, NULL);
	end = time(NULL) + (time_t)seconds;
	do {
		map_all();
		atomic_store(&done, 0);
		atomic_fetch_add(&turn, 1);
		while (atomic_load(&done) < 2)
			usleep(100);
		if (readable())
			abort(); /* the parent has its guards */
		lost += lost_in_child();
		rounds++;
	} while (time(NULL) < end);
	atomic_store(&stop, 1);
	for (int i = 0; i < HOGS + 2; i++)
		pthread_join(threads[i], NULL);
	printf("Linux %s: %ld rounds, in %ld of them a guard was lost\n", kernel.release, rounds,
	       lost);
	return lost ? 1 : 0;
}
