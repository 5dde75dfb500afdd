// SPDX-License-Identifier: Apache-2.0
// Code that may only be executed, as a program that translates at run time makes it, and protection
// keys asked for and given back. It runs to its end on a machine without keys too.
#define _GNU_SOURCE
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAGE 4096ul
#define RW (PROT_READ | PROT_WRITE)

static const unsigned char forty_two[] = {0xb8, 42, 0, 0, 0, 0xc3}; /* mov $42, %eax; ret */
static sigjmp_buf after;
static volatile char sink;

static void refused(int number)
{
	(void)number;
	siglongjmp(after, 1);
}

/* 1: it was refused. */
static int look(const volatile char *at)
{
	if (sigsetjmp(after, 1) == 0) {
		sink = *at;
		return 0;
	}
	return 1;
}

static int call(const void *code)
{
	return ((int (*)(void))code)();
}

/* Functions one after the other, each sealed as it is done; then all of them at once. */
static char *translate(int functions)
{
	char *code = mmap(0, functions * PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	for (int n = 0; n < functions; n++) {
		memcpy(code + n * PAGE, forty_two, sizeof(forty_two));
		mprotect(code + n * PAGE, PAGE, PROT_EXEC);
		call(code + n * PAGE);
	}
	look(code);
	mlock(code, PAGE);
	madvise(code, functions * PAGE, MADV_POPULATE_READ);
	mprotect(code + PAGE, PAGE, PROT_READ | PROT_EXEC);
	look(code + PAGE);
	look(code + 2 * PAGE);
	mprotect(code, functions * PAGE, PROT_EXEC);
	munlock(code, functions * PAGE);
	return code;
}

static void keys(void)
{
	char *data = mmap(0, 8 * PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int one = pkey_alloc(0, 0), two = pkey_alloc(0, PKEY_DISABLE_WRITE);

	memset(data, 1, 8 * PAGE);
	pkey_mprotect(data, PAGE, PROT_READ, 0);
	pkey_mprotect(data + PAGE, PAGE, RW, -1);
	pkey_mprotect(data + 2 * PAGE, 2 * PAGE, RW, one);
	pkey_mprotect(data + 4 * PAGE, 2 * PAGE, RW, two);
	pkey_mprotect(data + 6 * PAGE, PAGE, RW, 9);
	sink = data[4 * PAGE];
	data[2 * PAGE] = 2;
	pkey_mprotect(data + 2 * PAGE, 4 * PAGE, RW, 0);
	data[4 * PAGE] = 3;
	pkey_free(two);
	pkey_free(two);
	two = pkey_alloc(0, 0);
	pkey_free(two);
	pkey_free(one);
	pkey_alloc(1, 0);
	pkey_alloc(0, 8);
	munmap(data, 8 * PAGE);
}

int main(void)
{
	struct sigaction action = {.sa_handler = refused, .sa_flags = SA_NODEFER};
	char *code, *more, *room;

	sigaction(SIGSEGV, &action, NULL);
	keys();
	code = translate(8);
	room = mmap(0, 8 * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	more = mmap(0, 4 * PAGE, PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	look(more);
	mprotect(more, 4 * PAGE, RW);
	memcpy(more, forty_two, sizeof(forty_two));
	mprotect(more, 2 * PAGE, PROT_EXEC);
	mremap(code, 4 * PAGE, 4 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, room + 2 * PAGE);
	call(room + 2 * PAGE);
	if (fork() == 0) {
		look(more);
		mprotect(more, 4 * PAGE, PROT_READ);
		look(more);
		mprotect(more, 2 * PAGE, PROT_EXEC);
		_exit(call(more) != 42);
	}
	wait(NULL);
	munmap(more, 4 * PAGE);
	keys();
	return call(code + 5 * PAGE) != 42;
}
