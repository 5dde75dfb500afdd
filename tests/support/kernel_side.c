// SPDX-License-Identifier: Apache-2.0
// Does for real what a test asks for, one command after another: system calls, and accesses to
// memory with the signal they end in. Python drives it over a pair of pipes (both.py). A fork
// continues on the next pair, so several processes can be driven in any order.
//
// usage: kernel_side COMMANDS ANSWERS [COMMANDS ANSWERS ...], numbers of descriptors
#define _GNU_SOURCE
#include <errno.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { SYSCALL, READ, WRITE, FORK, IOCTL, MINCORE, EXEC, WATCH };

struct command {
	uint64_t what;
	uint64_t arg[8];
};

struct answer {
	int64_t value; // of the call, or -errno; of an access the word
	uint32_t signal, code;
	uint64_t
		blocked; // an access that waited for userfaultfd: its UFFD_PAGEFAULT_FLAG_*, plus 8
	uint64_t out[8];
};

static sigjmp_buf back;
static volatile sig_atomic_t caught, caught_code;
static volatile uint64_t waited;
static uint8_t alternate[65536];
static pid_t main_thread;

static void on_signal(int number, siginfo_t *info, void *context)
{
	(void)context;
	caught = number;
	caught_code = info->si_code;
	siglongjmp(back, 1);
}

static void handlers(void)
{
	stack_t stack = {.ss_sp = alternate, .ss_size = sizeof(alternate)};
	struct sigaction action = {.sa_sigaction = on_signal, .sa_flags = SA_SIGINFO | SA_ONSTACK};
	sigaltstack(&stack, NULL);
	sigaction(SIGSEGV, &action, NULL);
	sigaction(SIGBUS, &action, NULL);
	sigaction(SIGUSR1, &action, NULL);
	main_thread = (pid_t)syscall(SYS_gettid);
}

// Takes the message of a fault that waits, and sends the one who waits away.
static void *watch(void *arg)
{
	int fd = (int)(intptr_t)arg;
	struct pollfd ready = {.fd = fd, .events = POLLIN};
	struct uffd_msg message;
	sigset_t all;
	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, NULL);
	// Looks up now and then: who waits in poll keeps a descriptor open that was closed.
	while (poll(&ready, 1, 5) >= 0 && !(ready.revents & POLLNVAL)) {
		if (!ready.revents || read(fd, &message, sizeof(message)) != sizeof(message))
			continue;
		waited = message.arg.pagefault.flags | 8;
		syscall(SYS_tgkill, getpid(), main_thread, SIGUSR1);
	}
	return NULL;
}

static void access_page(const struct command *c, struct answer *a)
{
	caught = 0;
	waited = 0;
	if (sigsetjmp(back, 1) == 0) {
		if (c->what == WRITE)
			*(volatile uint64_t *)c->arg[0] = c->arg[1];
		if (c->what == EXEC)
			((void (*)(void))c->arg[0])();
		else
			a->value = (int64_t)*(volatile uint64_t *)c->arg[0];
		return;
	}
	if (caught == SIGUSR1) {
		a->blocked = waited;
		return;
	}
	a->signal = (uint32_t)caught;
	a->code = (uint32_t)caught_code;
}

static int fork_to(uint64_t pair)
{
	pid_t child = (pid_t)syscall(SYS_fork);
	if (child == 0) {
		main_thread = (pid_t)syscall(SYS_gettid);
		return (int)pair;
	}
	return -1;
}

static int descriptor(char **words, int number)
{
	return atoi(words[number]);
}

int main(int count, char **words)
{
	struct command c;
	int pair = 0;
	if (count < 3)
		return 2;
	handlers();
	while (read(descriptor(words, 1 + 2 * pair), &c, sizeof(c)) == sizeof(c)) {
		struct answer a = {0};
		long got = 0;
		pthread_t thread;
		int child = -1;
		memcpy(a.out, c.arg, sizeof(a.out));
		switch (c.what) {
		case SYSCALL:
			got = syscall((long)c.arg[0], c.arg[1], c.arg[2], c.arg[3], c.arg[4],
				      c.arg[5], c.arg[6]);
			a.value = got == -1 ? -errno : got;
			break;
		case IOCTL:
			got = ioctl((int)c.arg[0], c.arg[1], a.out + 2);
			a.value = got == -1 ? -errno : got;
			break;
		case MINCORE: {
			static uint8_t vector[64];
			memset(vector, 0, sizeof(vector));
			got = mincore((void *)c.arg[0], c.arg[1], vector);
			a.value = got == -1 ? -errno : 0;
			memcpy(a.out, vector, sizeof(vector));
			break;
		}
		case WATCH:
			pthread_create(&thread, NULL, watch, (void *)(intptr_t)c.arg[0]);
			break;
		case FORK:
			child = fork_to(c.arg[0]);
			if (child >= 0) {
				pair = child;
				handlers();
			}
			break;
		default:
			access_page(&c, &a);
		}
		if (write(descriptor(words, 2 + 2 * pair), &a, sizeof(a)) != sizeof(a))
			break;
	}
	return 0;
}
