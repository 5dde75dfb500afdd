/* SPDX-License-Identifier: Apache-2.0 */
/* Calls with arguments that few programs give, and what a process has said about itself. */
#include "edge.h"

#include <linux/userfaultfd.h>

#ifndef PR_SET_MDWE
#define PR_SET_MDWE 65
#endif

static void mincores(void)
{
	static unsigned char bits[16];
	char *at = MAP_AN(4, RW);

	touch_write(at + PAGE);
	mincore(at, 4 * PAGE, bits);
	mincore(at, 1ul << 62, bits);
	mincore(at, 1ul << 34, bits);
	mincore(at, (1ul << 32) + PAGE, bits);
	mincore(at, PAGE, (unsigned char *)8);
	mincore(at, PAGE, 0);
}

/* The fifth argument of MREMAP_DONTUNMAP is a hint, also without MREMAP_FIXED. */
static void moves(void)
{
	int how = MREMAP_MAYMOVE | 4;
	char *at = MAP_AN(8, RW), *room = MAP_AN(64, PROT_NONE);

	munmap(room, 64 * PAGE);
	mremap(at, PAGE, PAGE, how, room);
	mremap(at, PAGE, PAGE, how, room + 1);
	mremap(at, PAGE, PAGE, how, room + 16 * PAGE);
	mlock(at + 2 * PAGE, PAGE);
	mprotect(at + 5 * PAGE, PAGE, PROT_READ);
	mremap(at + 1 * PAGE, 6 * PAGE, 6 * PAGE, how, room + 32 * PAGE);
	mremap(at + 1 * PAGE, 6 * PAGE, 6 * PAGE, how | MREMAP_FIXED, room + 32 * PAGE);
	munmap(at, 8 * PAGE);
}

static void huge_and_low(void)
{
	int how = MAP_PRIVATE | MAP_ANONYMOUS;

	mmap(0, 2 << 20, RW, how | MAP_HUGETLB | 21 << 26, -1, 0);
	mmap(0, 2 << 20, RW, how | MAP_HUGETLB | 30 << 26, -1, 0);
	mmap(0, 2 << 20, RW, how | 21 << 26, -1, 0);
	mmap(0, 8 * PAGE, RW, how | MAP_32BIT, -1, 0);
	mmap(0, 8 * PAGE, RW, how | MAP_32BIT, -1, 0);
}

static void segments(void)
{
	int id = shmget(IPC_PRIVATE, PAGE, IPC_CREAT | 0600);

	shmat(id, (void *)1, SHM_RND | SHM_REMAP);
	shmat(id, (void *)1, SHM_RND);
	shmat(id, 0, SHM_REMAP);
	shmctl(id, IPC_RMID, 0);
	shmat(id + 1, 0, 0);
}

/* A removed segment ends when remap_file_pages takes its last attachment away to map it anew. */
static void removed_segments(void)
{
	for (int whole = 0; whole < 2; whole++) {
		int id = shmget(IPC_PRIVATE, 4 * PAGE, IPC_CREAT | 0600);
		char *at = shmat(id, 0, 0);

		shmctl(id, IPC_RMID, 0);
		syscall(SYS_remap_file_pages, at, (whole ? 4 : 1) * PAGE, 0, 2 - 2 * whole, 0);
		MAP_AN(1, RW);
	}
}

static void handler_of_faults(void)
{
	long fd = syscall(SYS_userfaultfd, O_CLOEXEC | 1);
	struct uffdio_api api = {.api = UFFD_API};
	char *at = MAP_AN(2, RW);
	struct uffdio_register range = {.range = {(unsigned long)at, PAGE}, .mode = 1};

	ioctl((int)fd, UFFDIO_API, &api);
	ioctl((int)fd, UFFDIO_REGISTER, &range);
	munmap(at, 2 * PAGE);
	close((int)fd);
}

/* The kernel touches what it may not, on behalf of calls that are in no trace. */
static void bad_addresses(void)
{
	int fd = open("/etc/passwd", O_RDONLY);
	char *at = MAP_AN(2, RW);

	munmap(at + PAGE, PAGE);
	(void)!read(fd, (void *)0x10, 4);
	(void)!read(fd, at + PAGE - 2, 10);
	(void)!read(fd, MAP_AN(1, PROT_READ), 4);
	(void)open((char *)0x7ffffffff000, O_RDONLY);
	prctl(PR_SET_VMA, 0, at, PAGE, 8ul);
}

static void deep(int n)
{
	volatile char room[1 << 16];

	room[0] = 1;
	if (n)
		deep(n - 1);
}

/* One address overflows the stack first, and is reached when the limit is higher. */
static void stack_limit(void)
{
	struct rlimit limit;

	getrlimit(RLIMIT_STACK, &limit);
	limit.rlim_cur = 1 << 20;
	setrlimit(RLIMIT_STACK, &limit);
	if (!sigsetjmp(back, 1))
		deep(20);
	limit.rlim_cur = 8 << 20;
	setrlimit(RLIMIT_STACK, &limit);
	deep(40);
}

/* Nothing that could be written becomes executable, in a child too. */
static void exec_gain(void)
{
	char *at = MAP_AN(2, RW);

	prctl(PR_SET_MDWE, 1, 0, 0, 0);
	MAP_AN(1, RW | PROT_EXEC);
	mprotect(at, PAGE, PROT_READ | PROT_EXEC);
	MAP_AN(1, PROT_READ | PROT_EXEC);
	prctl(PR_SET_MDWE, 3, 0, 0, 0);
	if (!fork()) {
		mprotect(at, PAGE, PROT_READ | PROT_EXEC);
		_exit(0);
	}
	wait(0);
}

int main(void)
{
	catch_faults();
	mincores();
	moves();
	huge_and_low();
	segments();
	removed_segments();
	handler_of_faults();
	bad_addresses();
	stack_limit();
	exec_gain();
	return 0;
}
