/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bench/step.c: what some calls of a function execute, instruction by instruction. Stand-alone,
 * x86-64.
 *
 *   step OUT FILE OFFSET PROGRAM ARGUMENT...
 *
 * Runs PROGRAM. Each SIGUSR1 that it sends itself asks for one call: the next call of the function
 * at OFFSET in the object FILE (as its symbol table has it) is single-stepped until it has returned
 * to its caller, and what each instruction found is added to OUT: a struct call, then as many of
 * struct step. The program notices nothing but the time. Single steps need no counters, no other
 * build and no rights: a parent may always trace a child that asks for it.
 *
 * Exit: the program's; 125 and a line on stderr when it could not be done.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#define FAILED       125
#define STEPS_MAX    (1u << 20)
#define TEXT         16
#define INSTRUCTIONS "step: only x86-64 can be stepped here"

struct call {
	uint64_t magic, steps;
};

/* What an instruction finds: rax rcx rdx rbx rsp rbp rsi rdi r8 to r15, rip, flags, the bases of
 * fs and gs; and its bytes, with some of the next ones. */
struct step {
	uint64_t regs[20];
	uint8_t text[TEXT];
};

#define CALL_MAGIC 0x6c6c616370657473ull /* "stepcall" */

__attribute__((noreturn)) static void fail(const char *what)
{
	fprintf(stderr, "step: %s: %s\n", what, strerror(errno));
	exit(FAILED);
}

#if defined(__x86_64__)
static pid_t child;

/* Waits for the child's next stop; its signal. Ends with it when it has ended. */
static int stopped(void)
{
	int status;

	if (waitpid(child, &status, 0) != child)
		fail("waitpid");
	if (WIFEXITED(status))
		exit(WEXITSTATUS(status));
	if (WIFSIGNALED(status))
		exit(128 + WTERMSIG(status));
	return WSTOPSIG(status);
}

static void go(int request, int signal)
{
	if (ptrace(request, child, NULL, (void *)(intptr_t)signal) != 0)
		fail("ptrace");
}

static struct user_regs_struct registers(void)
{
	struct user_regs_struct got;

	if (ptrace(PTRACE_GETREGS, child, NULL, &got) != 0)
		fail("PTRACE_GETREGS");
	return got;
}

static void peek(uint64_t address, void *to, size_t bytes)
{
	struct iovec mine = {to, bytes}, its = {(void *)address, bytes};

	if (process_vm_readv(child, &mine, 1, &its, 1, 0) <= 0)
		fail("process_vm_readv");
}

/* Where `file` is in the child, or ends. */
static uint64_t base_of(const char *file)
{
	char path[64], line[4352], *at;
	uint64_t base = 0;
	FILE *maps;

	snprintf(path, sizeof(path), "/proc/%d/maps", (int)child);
	maps = fopen(path, "r");
	if (!maps)
		fail(path);
	while (!base && fgets(line, sizeof(line), maps)) {
		at = strchr(line, '/');
		if (at && strncmp(at, file, strlen(file)) == 0 && at[strlen(file)] == '\n')
			base = strtoull(line, NULL, 16);
	}
	fclose(maps);
	if (!base) {
		fprintf(stderr, "step: the program has not loaded %s\n", file);
		exit(FAILED);
	}
	return base;
}

/* Until the function is called, by a breakpoint at its first byte. */
static void reach(uint64_t function)
{
	struct user_regs_struct regs;
	int signal;
	long word;

	errno = 0;
	word = ptrace(PTRACE_PEEKTEXT, child, (void *)function, NULL);
	if (errno)
		fail("PTRACE_PEEKTEXT");
	if (ptrace(PTRACE_POKETEXT, child, (void *)function, (void *)((word & ~0xffl) | 0xcc)) != 0)
		fail("PTRACE_POKETEXT");
	go(PTRACE_CONT, 0);
	while ((signal = stopped()) != SIGTRAP)
		go(PTRACE_CONT, signal);
	if (ptrace(PTRACE_POKETEXT, child, (void *)function, (void *)word) != 0)
		fail("PTRACE_POKETEXT");
	regs = registers();
	regs.rip = function;
	if (ptrace(PTRACE_SETREGS, child, NULL, &regs) != 0)
		fail("PTRACE_SETREGS");
}

static void note(struct step *into, const struct user_regs_struct *r)
{
	*into = (struct step){{r->rax, r->rcx, r->rdx, r->rbx,    r->rsp,     r->rbp,    r->rsi,
			       r->rdi, r->r8,  r->r9,  r->r10,    r->r11,     r->r12,    r->r13,
			       r->r14, r->r15, r->rip, r->eflags, r->fs_base, r->gs_base},
			      {0}};
	peek(r->rip, into->text, TEXT);
}

/* Steps through the call that has just begun; a signal that came meanwhile, or 0. */
static int record(FILE *out, struct step *steps)
{
	struct call head = {CALL_MAGIC, 0};
	struct user_regs_struct regs = registers();
	uint64_t back, stack = regs.rsp;
	int signal;

	peek(stack, &back, sizeof(back));
	while (!(regs.rip == back && regs.rsp > stack)) {
		if (head.steps == STEPS_MAX) {
			fprintf(stderr, "step: a call of more than %u instructions\n", STEPS_MAX);
			exit(FAILED);
		}
		note(&steps[head.steps++], &regs);
		go(PTRACE_SINGLESTEP, 0);
		signal = stopped();
		if (signal != SIGTRAP) /* it is being ended: this call is nothing */
			return signal;
		regs = registers();
	}
	if (fwrite(&head, sizeof(head), 1, out) != 1 ||
	    fwrite(steps, sizeof(*steps), head.steps, out) != head.steps || fflush(out) != 0)
		fail("writing the steps");
	return 0;
}

int main(int argc, char **argv)
{
	struct step *steps = malloc(STEPS_MAX * sizeof(*steps));
	FILE *out;
	int signal;

	if (argc < 5) {
		fprintf(stderr, "usage: step OUT FILE OFFSET PROGRAM ARGUMENT...\n");
		return FAILED;
	}
	out = fopen(argv[1], "wb");
	if (!out || !steps)
		fail(argv[1]);
	child = fork();
	if (child == 0) {
		if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) == 0)
			execvp(argv[4], &argv[4]);
		fail(argv[4]);
	}
	if (child < 0)
		fail("fork");
	stopped(); /* at execve */
	/* Who ends us ends the child, which has to clean up; then we end with it. */
	for (signal = 0; signal < 3; signal++)
		if (sigaction((int[]){SIGTERM, SIGINT, SIGHUP}[signal],
			      &(struct sigaction){.sa_handler = SIG_IGN}, NULL) != 0)
			fail("sigaction");
	if (ptrace(PTRACE_SETOPTIONS, child, NULL, (void *)PTRACE_O_EXITKILL) != 0)
		fail("PTRACE_SETOPTIONS");
	for (signal = 0;;) {
		go(PTRACE_CONT, signal);
		signal = stopped();
		if (signal == SIGUSR1) {
			reach(base_of(argv[2]) + strtoull(argv[3], NULL, 0));
			signal = record(out, steps);
		}
	}
}
#else
int main(void)
{
	fprintf(stderr, INSTRUCTIONS "\n");
	return FAILED;
}
#endif
