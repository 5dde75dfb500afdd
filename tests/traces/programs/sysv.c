// SPDX-License-Identifier: Apache-2.0
// sysv.c: System V shared memory: attached in every way, split, moved, inherited, taken away in
// pieces. It counts on addresses that are free in every program.
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAGE 4096ul
#define AT   ((char *)0x200000000000)

static void must(int good, const char *what)
{
	if (!good) {
		perror(what);
		exit(1);
	}
}

static char *attach(int id, void *at, int how)
{
	char *got = shmat(id, at, how);

	must(got != (void *)-1, "shmat");
	return got;
}

/* What the kernel refuses. */
static void refused(int id)
{
	must(shmat(id, AT + 5, 0) == (void *)-1, "odd address");
	must(shmat(id, AT, 0) == (void *)-1, "in use");
	must(shmat(id, NULL, SHM_REMAP) == (void *)-1, "remap of nothing");
	must(shmat(12345678, NULL, 0) == (void *)-1, "no such segment");
	must(shmdt(AT + PAGE) == -1, "not at its start");
	must(shmdt(AT + 5) == -1, "odd address");
}

static void pieces(int id)
{
	char *one = attach(id, NULL, 0);

	one[0] = 1;
	one[3 * PAGE] = 3;
	must(munmap(one + PAGE, PAGE) == 0, "munmap");
	must(mprotect(one + 4 * PAGE, PAGE, PROT_READ) == 0, "mprotect");
	must(mprotect(one + 4 * PAGE, PAGE, PROT_READ | PROT_WRITE) == 0, "mprotect back");
	must(mremap(one + 6 * PAGE, 2 * PAGE, 2 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED,
		    AT + 64 * PAGE) != MAP_FAILED,
	     "mremap");
	must(AT[64 * PAGE] == 0, "moved");
	must(shmdt(one) == 0, "shmdt of pieces");
	must(munmap(AT + 64 * PAGE, 2 * PAGE) == 0, "munmap of what was moved");
}

int main(void)
{
	int id = shmget(IPC_PRIVATE, 8 * PAGE, IPC_CREAT | 0600);
	int odd = shmget(0x5ab, 2 * PAGE + 100, IPC_CREAT | 0600);
	char *next, *read_only;

	must(id >= 0 && odd >= 0, "shmget");
	attach(id, AT, 0);
	refused(id);
	next = attach(id, AT + 8 * PAGE + 7, SHM_RND);
	AT[0] = 'x';
	must(next[0] == 'x', "one memory");
	read_only = attach(odd, NULL, SHM_RDONLY);
	must(read_only[2 * PAGE] == 0, "read");
	must(mprotect(read_only, PAGE, PROT_READ | PROT_WRITE) == -1, "may not be written");
	attach(odd, NULL, SHM_EXEC);
	attach(odd, next + PAGE, SHM_REMAP);
	pieces(id);
	if (fork() == 0) {
		must(shmdt(AT) == 0, "shmdt in the child");
		next[5 * PAGE] = 5;
		_exit(0);
	}
	wait(NULL);
	must(next[5 * PAGE] == 5 && AT[5 * PAGE] == 5, "the child's word");
	must(shmdt(read_only) == 0, "shmdt");
	must(shmctl(id, IPC_RMID, NULL) == 0 && shmctl(odd, IPC_RMID, NULL) == 0, "shmctl");
	must(shmdt(next) == 0, "shmdt after removal");
	id = shmget(IPC_PRIVATE, PAGE, 0600);
	attach(id, NULL, 0)[0] = 1;
	must(shmctl(id, IPC_RMID, NULL) == 0, "shmctl of the last");
	puts("ok");
	return 0;
}
