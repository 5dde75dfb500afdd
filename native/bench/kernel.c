/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bench/kernel.c: what the kernel takes for what vmalab emulates. Stand-alone.
 *
 *   fault       first write to a page of fresh anonymous memory (4 KiB pages: MADV_NOHUGEPAGE)
 *   pair        mmap of one page and munmap of it, never touched
 *   touch_pair  the same with one write in between
 *
 * Without arguments: nine rounds of each in turn, one number a line, ns for one. With --turns it
 * waits for lines "KIND COUNT" on standard input and answers each with one number, so that somebody
 * else can measure something of his own in between.
 */
#define _GNU_SOURCE
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#define PAGE       4096ul
#define FAULTS_MAX 65536ul
#define ROUNDS     9
#define PAIRS      5000ul
#define FAULTS     2048ul

static char *area;

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static double now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static void *map(uint64_t bytes, int prot)
{
	void *got = mmap(NULL, bytes, prot, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (got == MAP_FAILED)
		die("mmap");
	return got;
}

static double fault(uint64_t count)
{
	double begin, end;

	if (madvise(area, FAULTS_MAX * PAGE, MADV_DONTNEED) != 0)
		die("madvise");
	begin = now_ns();
	for (uint64_t i = 0; i < count; i++)
		*(volatile char *)(area + i * PAGE) = 1;
	end = now_ns();
	return (end - begin) / (double)count;
}

static double pair(uint64_t count, int touch)
{
	double begin = now_ns();

	for (uint64_t i = 0; i < count; i++) {
		volatile char *page = map(PAGE, PROT_READ | PROT_WRITE);

		if (touch)
			*page = 1;
		if (munmap((void *)page, PAGE) != 0)
			die("munmap");
	}
	return (now_ns() - begin) / (double)count;
}

static double turn(const char *kind, uint64_t count)
{
	if (!strcmp(kind, "fault"))
		return fault(count < FAULTS_MAX ? count : FAULTS_MAX);
	return pair(count, !strcmp(kind, "touch_pair"));
}

int main(int argc, char **argv)
{
	static const char *const kinds[] = {"fault", "pair", "touch_pair"};
	unsigned long count;
	char kind[16];

	/* The page without access keeps the pair's page from merging with its neighbour. */
	area = map(FAULTS_MAX * PAGE, PROT_READ | PROT_WRITE);
	/* Fails with EINVAL where the kernel has no huge pages; then there is nothing to forbid. */
	(void)madvise(area, FAULTS_MAX * PAGE, MADV_NOHUGEPAGE);
	map(PAGE, PROT_NONE);
	if (argc > 1 && !strcmp(argv[1], "--turns")) {
		while (scanf("%15s %lu", kind, &count) == 2) {
			if (!count)
				return 2;
			printf("%.2f\n", turn(kind, count));
			fflush(stdout);
		}
		return 0;
	}
	for (int round = 0; round < ROUNDS; round++)
		for (int i = 0; i < 3; i++)
			printf("%-10s %10.2f\n", kinds[i], turn(kinds[i], i == 0 ? FAULTS : PAIRS));
	return 0;
}
