/* SPDX-License-Identifier: Apache-2.0 */
/* What the small programs of this folder share: files, and touches of memory that may fail. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/shm.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAGE 4096ul
#define RW   (PROT_READ | PROT_WRITE)

#define MAP_AN(pages, prot) \
	((char *)mmap(0, (pages) * PAGE, prot, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0))

static sigjmp_buf back;

static void caught(int number)
{
	siglongjmp(back, number);
}

/* A handler on a stack of its own, so that an overflow of the stack is caught too. */
static void catch_faults(void)
{
	static char stack[1 << 16];
	stack_t aside = {.ss_sp = stack, .ss_size = sizeof(stack)};
	struct sigaction act = {.sa_handler = caught, .sa_flags = SA_ONSTACK | SA_NODEFER};

	sigaltstack(&aside, 0);
	sigaction(SIGSEGV, &act, 0);
	sigaction(SIGBUS, &act, 0);
}

/* Each gives the signal that the touch ended in, or 0. */
static int touch_read(volatile char *at)
{
	int number = sigsetjmp(back, 1);

	if (!number)
		(void)*at;
	return number;
}

static int touch_write(volatile char *at)
{
	int number = sigsetjmp(back, 1);

	if (!number)
		*at = 1;
	return number;
}

/* A new file of so many pages, open to read and write. */
static int new_file(const char *name, unsigned long pages)
{
	int fd = open(name, O_RDWR | O_CREAT | O_TRUNC, 0600);

	if (fd < 0 || ftruncate(fd, (off_t)(pages * PAGE)))
		exit(9);
	return fd;
}
