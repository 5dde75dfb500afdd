// SPDX-License-Identifier: Apache-2.0
// Threads with rights of their own to memory with protection keys, as a program has them that
// translates at run time: its code may be written by the thread that translates, and only while it
// does. It runs to its end on a machine without keys too.
#define _GNU_SOURCE
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAGE 4096ul
#define RW (PROT_READ | PROT_WRITE)
#define PAGES 8

static __thread sigjmp_buf after;
static volatile char sink;
static char *code, *secret;
static int code_key, secret_key;

static void refused(int number)
{
	(void)number;
	siglongjmp(after, 1);
}

/* What a key allows this thread; a jump out of a handler has left the handler's rights there. */
static void allow(int key, unsigned rights)
{
	if (key > 0)
		pkey_set(key, rights);
}

static void look(const volatile char *at)
{
	if (sigsetjmp(after, 1) == 0)
		sink = *at;
}

static void change(volatile char *at)
{
	if (sigsetjmp(after, 1) == 0)
		*at = 1;
}

/* Its maker may write code when it begins, and it too. */
static void *translate(void *unused)
{
	for (int n = 0; n < PAGES / 2; n++) {
		change(code + n * PAGE);
		allow(code_key, PKEY_DISABLE_WRITE);
		change(code + (n + 1) * PAGE);
		allow(code_key, 0);
	}
	change(secret);
	return unused;
}

/* It gives the rights up that it has from its maker. */
static void *spy(void *unused)
{
	allow(secret_key, PKEY_DISABLE_ACCESS);
	look(secret + PAGE);
	look(code);
	allow(code_key, PKEY_DISABLE_ACCESS);
	look(code + PAGE);
	mlock(secret + 2 * PAGE, PAGE);
	madvise(secret, PAGES * PAGE, MADV_POPULATE_READ);
	return unused;
}

static void run(void *(*what)(void *))
{
	pthread_t thread;

	pthread_create(&thread, NULL, what, NULL);
	pthread_join(thread, NULL);
}

int main(void)
{
	struct sigaction action = {.sa_handler = refused, .sa_flags = SA_NODEFER};

	sigaction(SIGSEGV, &action, NULL);
	code = mmap(0, PAGES * PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	secret = mmap(0, PAGES * PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	code_key = pkey_alloc(0, 0);
	secret_key = pkey_alloc(0, PKEY_DISABLE_WRITE);
	pkey_mprotect(code, PAGES * PAGE, RW, code_key);
	pkey_mprotect(secret, PAGES * PAGE, RW, secret_key);
	look(secret);
	run(translate);
	run(spy);
	allow(secret_key, 0);
	change(secret + 4 * PAGE);
	if (fork() == 0) {
		change(secret + 5 * PAGE);
		run(spy);
		_exit(0);
	}
	wait(NULL);
	allow(code_key, PKEY_DISABLE_WRITE);
	change(code + 6 * PAGE);
	mprotect(code, PAGE, PROT_EXEC);
	look(code);
	pkey_free(secret_key);
	look(secret + 6 * PAGE);
	return 0;
}
