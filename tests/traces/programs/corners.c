// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAGE 4096
#define RW (PROT_READ | PROT_WRITE)

extern char **environ;

/* A stack that grows by 600 KiB, and pages of it that are never touched. */
static int deep(int levels)
{
	volatile char room[20 * PAGE];
	room[0] = (char)levels;
	return levels ? deep(levels - 1) + room[0] : 0;
}

static void files(void)
{
	char name[] = "/tmp/vmalab-corners-XXXXXX";
	int fd = mkstemp(name);
	ftruncate(fd, 5 * PAGE);
	char *shared = mmap(0, 5 * PAGE, RW, MAP_SHARED, fd, 0);
	char *own = mmap(0, 4 * PAGE, RW, MAP_PRIVATE, fd, PAGE);
	shared[0] = own[PAGE] = 1;
	unlink(name);
	mprotect(own + PAGE, PAGE, PROT_READ);
	ftruncate(fd, 3 * PAGE);
	int mem = memfd_create("corner", 0);
	ftruncate(mem, 8 * PAGE);
	char *memory = mmap(0, 8 * PAGE, RW, MAP_SHARED, mem, 0);
	memset(memory, 1, 8 * PAGE);
	memory = mremap(memory, 8 * PAGE, 16 * PAGE, MREMAP_MAYMOVE);
	close(fd);
	close(mem);
	if (!fork()) {
		shared[PAGE] = 2;
		memory[0] = 3;
		munmap(own, PAGE);
		_exit(0);
	}
	wait(0);
	char *late = mmap(0, 2 * PAGE, RW, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	late[0] = 1;
	madvise(memory, 2 * PAGE, MADV_REMOVE);
	munmap(shared + PAGE, PAGE);
}

static void *grown(void *stack)
{
	return (void *)((char *)stack + deep(2));
}

static void stacks(void)
{
	pthread_attr_t attr;
	pthread_t thread;
	size_t bytes = 512 << 10;
	int how = MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK | MAP_NORESERVE;
	char *stack = mmap(0, bytes, RW, how, -1, 0);
	pthread_attr_init(&attr);
	pthread_attr_setstack(&attr, stack, bytes);
	pthread_create(&thread, &attr, grown, stack);
	pthread_join(thread, 0);
	char *growing = mmap(0, 400 * PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	munmap(growing, 400 * PAGE);
	growing = mmap(growing + 398 * PAGE, 2 * PAGE, RW,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_GROWSDOWN | MAP_FIXED, -1, 0);
	growing[0] = 1;
	growing[-PAGE] = 1;
}

static void *other(void *unused)
{
	for (int i = 0; i < 20; i++)
		free(malloc(200 << 10));
	char *argument[] = {"true", 0};
	pid_t pid;
	posix_spawn(&pid, "/bin/true", 0, 0, argument, environ);
	waitpid(pid, 0, 0);
	if (!vfork())
		execl("/bin/true", "true", (char *)0);
	wait(0);
	execl("/bin/echo", "echo", "from a thread", (char *)0);
	return unused;
}

int main(void)
{
	pthread_t thread;
	char *heap[64];

	printf("%d\n", deep(30));
	for (int i = 0; i < 64; i++)
		memset(heap[i] = malloc(40 << 10), 1, 40 << 10);
	for (int i = 63; i >= 0; i--)
		free(heap[i]);
	char *huge = mmap(0, 6 << 20, RW, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	huge[3 << 20] = 1;
	madvise(huge, 6 << 20, MADV_DONTNEED);
	mprotect(huge + (1 << 20), PAGE, PROT_NONE);
	mmap(huge + (2 << 20), PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	files();
	stacks();
	pid_t child = fork();
	if (!child) {
		/* The leader ends first; the process goes on in a thread that calls execve. */
		pthread_create(&thread, 0, other, 0);
		pthread_exit(0);
	}
	waitpid(child, 0, 0);
	return 0;
}
