// SPDX-License-Identifier: Apache-2.0
// Makes random memory calls for real. strace of it, with the maps it writes, is a trace whose
// every answer is the running kernel's. It touches none of the pages it maps, so the calls alone
// tell which pages there are.
//
// usage: random_calls SEED CALLS FOLDER
// run as: strace -s 4096 -e trace=memory,process_madvise -o FOLDER/trace
//                 random_calls SEED CALLS FOLDER
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#define PAGE           4096UL
#define FIELD          0x300000000000UL
#define FIELD_PAGES    200UL
#define SNAPSHOT_EVERY 100
#define POPULATE_READ  22
#define POPULATE_WRITE 23
#define GUARD_INSTALL  102
#define GUARD_REMOVE   103

static uint32_t state;
static int own; // a pidfd

static unsigned pick(unsigned bound)
{
	state = state * 1664525u + 1013904223u;
	return (state >> 8) % bound;
}

static void snapshot(const char *folder)
{
	static int number;
	static char text[1 << 18];
	char path[512];
	snprintf(path, sizeof(path), "%s/maps.%d", folder, number++);
	int in = open("/proc/self/maps", O_RDONLY);
	int out = open(path, O_CREAT | O_TRUNC | O_WRONLY, 0644);
	for (ssize_t got; (got = read(in, text, sizeof(text))) > 0;)
		if (write(out, text, got) != got)
			abort();
	close(in);
	close(out);
	madvise(0, 0, 0xdead);
}

static void *place(void)
{
	return (void *)(FIELD + pick(FIELD_PAGES) * PAGE);
}

static size_t size(void)
{
	return (1 + pick(pick(4) ? 8 : 40)) * PAGE;
}

static int protection(void)
{
	static const int all[] = {PROT_READ | PROT_WRITE, PROT_READ | PROT_WRITE, PROT_READ,
				  PROT_NONE, PROT_READ | PROT_EXEC};
	return all[pick(sizeof(all) / sizeof(all[0]))];
}

static void map_one(void)
{
	int how = pick(6) ? MAP_PRIVATE : MAP_SHARED;
	static const int where[] = {MAP_FIXED, MAP_FIXED, MAP_FIXED_NOREPLACE, 0};
	how |= where[pick(4)] | MAP_ANONYMOUS | (pick(8) ? 0 : MAP_POPULATE);
	mmap(place(), size(), protection(), how, -1, 0);
}

static void advise(void)
{
	static const int all[] = {MADV_DONTNEED, POPULATE_READ, POPULATE_WRITE, MADV_DONTFORK,
				  MADV_DOFORK,   GUARD_INSTALL, GUARD_REMOVE,   MADV_FREE};
	madvise(place(), size(), all[pick(sizeof(all) / sizeof(all[0]))]);
}

static void lock_something(void)
{
	struct iovec ranges[2] = {{place(), size()}, {place(), size()}};
	switch (pick(8)) {
	case 0:
	case 1:
		syscall(SYS_mlock2, place(), size(), pick(2));
		break;
	case 2:
	case 3:
		munlock(place(), size());
		break;
	case 4:
		if (pick(4))
			munlockall();
		else
			mlockall(MCL_FUTURE | (pick(2) ? MCL_CURRENT : 0) |
				 (pick(2) ? MCL_ONFAULT : 0));
		break;
	case 5:
		msync(place(), size(), 1 + pick(6));
		break;
	case 6:
		pkey_mprotect(place(), size(), protection(), (int)pick(2) - 1);
		break;
	default:
		syscall(SYS_remap_file_pages, place(), size(), 0, pick(4), 0);
		syscall(SYS_process_madvise, own, ranges, 2, MADV_COLD, 0);
	}
}

static void one_call(void)
{
	static unsigned char bits[64];
	switch (pick(12)) {
	case 10:
	case 11:
		lock_something();
		break;
	case 0:
	case 1:
	case 2:
		map_one();
		break;
	case 3:
		munmap(place(), size());
		break;
	case 4:
		mprotect(place(), size(), protection());
		break;
	case 5:
	case 6:
		advise();
		break;
	case 7:
		mincore(place(), size(), bits);
		break;
	case 8:
		// Within one page at the source: a range of several VMAs is a matter of its own.
		if (mremap(place(), PAGE, size(), MREMAP_MAYMOVE) == MAP_FAILED)
			munmap((void *)(FIELD + 1), PAGE);
		break;
	default:
		// Not through the library, which keeps an end of its own.
		syscall(SYS_brk, (char *)syscall(SYS_brk, 0) + PAGE * pick(3));
	}
}

int main(int count, char **words)
{
	if (count != 4)
		return 2;
	state = (uint32_t)atoi(words[1]) * 2654435761u + 12345u;
	int calls = atoi(words[2]);
	own = (int)syscall(SYS_pidfd_open, getpid(), 0);
	snapshot(words[3]);
	for (int done = 1; done <= calls; done++) {
		one_call();
		if (done % SNAPSHOT_EVERY == 0)
			snapshot(words[3]);
	}
	snapshot(words[3]);
	return 0;
}
