// SPDX-License-Identifier: Apache-2.0
// Makes the memory calls of a script for real and says what the kernel answered.
//
// usage: kernel_calls FILE FILE_PAGES < SCRIPT
// SCRIPT has one call a line: a number from enum op, then its operands as numbers. For each line
// one line comes back: the value, the errno, and for accesses the signal with its code. OP_MAPS
// answers the parts of /proc/self/smaps and status that a script can change, then a line ".".
// It allocates nothing once the script is read, so that only the calls change its address space.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

enum op {
	OP_MMAP,
	OP_MUNMAP,
	OP_MPROTECT,
	OP_MREMAP,
	OP_MADVISE,
	OP_MINCORE,
	OP_BRK,
	OP_FORK,
	OP_EXIT,
	OP_READ,
	OP_WRITE,
	OP_EXEC,
	OP_MLOCK,
	OP_MUNLOCK,
	OP_MLOCKALL,
	OP_MUNLOCKALL,
	OP_MSYNC,
	OP_MSEAL,
	OP_REMAP_FILE_PAGES,
	OP_PROCESS_MADVISE,
	OP_PKEY_MPROTECT,
	OP_SETRLIMIT,
	OP_CAP_DROP,
	OP_MAPS,
	OP_NAME,
	OP_THP_DISABLE,
	OP_PKEY_ALLOC,
	OP_PKEY_FREE,
};

#define ARGS_MAX 16
static char script[1 << 20], text[1 << 20], line[512], stack[1 << 16];
static int files[4] = {-1, -1, -1, -1};
static sigjmp_buf after;
static volatile int caught_signal, caught_code;

static void say(const char *format, ...) __attribute__((format(printf, 1, 2)));
static void say(const char *format, ...)
{
	va_list args;
	va_start(args, format);
	int bytes = vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	if (write(1, line, (size_t)bytes) != bytes)
		_exit(3);
}

static void on_signal(int number, siginfo_t *info, void *context)
{
	(void)context;
	caught_signal = number;
	caught_code = info->si_code;
	siglongjmp(after, 1);
}

/* The rights of protection keys, which a signal's handler begins anew and a jump out of it
 * keeps. */
static int has_pkru(void)
{
	unsigned a = 7, b, c = 0, d;

	__asm__("cpuid" : "+a"(a), "=b"(b), "+c"(c), "=d"(d));
	return c >> 4 & 1;
}

static unsigned get_pkru(void)
{
	unsigned rights, high;

	__asm__ volatile("rdpkru" : "=a"(rights), "=d"(high) : "c"(0));
	return rights;
}

static void set_pkru(unsigned rights)
{
	__asm__ volatile("wrpkru" : : "a"(rights), "c"(0), "d"(0) : "memory");
}

static void touch(int op, uint64_t addr, uint64_t word)
{
	int keys = has_pkru();
	unsigned rights = keys ? get_pkru() : 0;
	volatile uint64_t *at = (volatile uint64_t *)addr;
	uint64_t value = 0;

	caught_signal = caught_code = 0;
	if (sigsetjmp(after, 1) == 0) {
		if (op == OP_WRITE)
			*at = word;
		if (op == OP_EXEC)
			((void (*)(void))addr)();
		else
			value = *at;
	}
	if (keys)
		set_pkru(rights);
	say("%lu 0 %d %d\n", caught_signal ? 0 : value, caught_signal, caught_code);
}

static size_t slurp(const char *path)
{
	size_t bytes = 0;
	int in = open(path, O_RDONLY);

	for (ssize_t got; (got = read(in, text + bytes, sizeof(text) - 1 - bytes)) > 0;)
		bytes += (size_t)got;
	close(in);
	text[bytes] = 0;
	return bytes;
}

static void put_lines(const char *const *heads)
{
	for (char *at = text, *end; *at; at = end + 1) {
		end = strchr(at, '\n');
		*end = 0;
		for (const char *const *head = heads; *head; head++)
			if (strncmp(at, *head, strlen(*head)) == 0)
				say("%s\n", at);
	}
}

static void show_maps(void)
{
	static const char *const of_smaps[] = {"0",
					       "1",
					       "2",
					       "3",
					       "4",
					       "5",
					       "6",
					       "7",
					       "8",
					       "9",
					       "a",
					       "b",
					       "c",
					       "d",
					       "e",
					       "f",
					       "ProtectionKey:",
					       "VmFlags:",
					       NULL};
	static const char *const of_status[] = {"VmSize:", "VmLck:", NULL};

	slurp("/proc/self/smaps");
	put_lines(of_smaps);
	slurp("/proc/self/status");
	put_lines(of_status);
	say(".\n");
}

static long drop(uint64_t capability)
{
	struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2];

	if (syscall(SYS_capget, &head, data) != 0)
		return -1;
	data[capability / 32].effective &= ~(1u << capability % 32);
	return syscall(SYS_capset, &head, data);
}

static long limit(uint64_t resource, uint64_t soft, uint64_t hard)
{
	struct rlimit now;

	/* The hard limit stays: it could not be raised again. */
	if (getrlimit((int)resource, &now) != 0)
		return -1;
	now.rlim_cur = soft;
	if (soft > hard)
		now.rlim_max = hard;
	return setrlimit((int)resource, &now);
}

static long advise_process(const uint64_t *a, int count)
{
	struct iovec ranges[ARGS_MAX];
	int pidfd = (int)syscall(SYS_pidfd_open, getpid(), 0);
	int n = (count - 1) / 2;

	for (int i = 0; i < n; i++)
		ranges[i] = (struct iovec){(void *)a[1 + 2 * i], a[2 + 2 * i]};
	long result = syscall(SYS_process_madvise, pidfd, ranges, n, a[0], 0);
	int error = errno;
	close(pidfd);
	errno = error;
	return result;
}

static long resident(uint64_t addr, uint64_t bytes)
{
	static unsigned char vector[4096];
	uint64_t mask = 0;

	if (syscall(SYS_mincore, addr, bytes, vector) != 0)
		return -1;
	for (uint64_t i = 0; i < (bytes + 4095) / 4096; i++)
		mask |= (uint64_t)(vector[i] & 1) << i;
	say("%lu 0 0 0\n", mask);
	return -2;
}

static int file_of(uint64_t index)
{
	return index == UINT64_MAX ? -1 : files[index % 4];
}

static long one(int op, const uint64_t *a, int count)
{
	switch (op) {
	case OP_MMAP:
		return syscall(SYS_mmap, a[0], a[1], a[2], a[3], file_of(a[4]), a[5]);
	case OP_MUNMAP:
		return syscall(SYS_munmap, a[0], a[1]);
	case OP_MPROTECT:
		return syscall(SYS_mprotect, a[0], a[1], a[2]);
	case OP_MREMAP:
		return syscall(SYS_mremap, a[0], a[1], a[2], a[3], a[4]);
	case OP_MADVISE:
		return syscall(SYS_madvise, a[0], a[1], a[2]);
	case OP_MINCORE:
		return resident(a[0], a[1]);
	case OP_BRK:
		return syscall(SYS_brk, a[0]);
	case OP_MLOCK:
		return syscall(SYS_mlock2, a[0], a[1], a[2]);
	case OP_MUNLOCK:
		return syscall(SYS_munlock, a[0], a[1]);
	case OP_MLOCKALL:
		return syscall(SYS_mlockall, a[0]);
	case OP_MUNLOCKALL:
		return syscall(SYS_munlockall);
	case OP_MSYNC:
		return syscall(SYS_msync, a[0], a[1], a[2]);
	case OP_MSEAL:
		return syscall(462, a[0], a[1], a[2]);
	case OP_REMAP_FILE_PAGES:
		return syscall(SYS_remap_file_pages, a[0], a[1], a[2], a[3], a[4]);
	case OP_PROCESS_MADVISE:
		return advise_process(a, count);
	case OP_PKEY_MPROTECT:
		return syscall(SYS_pkey_mprotect, a[0], a[1], a[2], a[3]);
	case OP_SETRLIMIT:
		return limit(a[0], a[1], a[2]);
	case OP_CAP_DROP:
		return drop(a[0]);
	case OP_NAME:
		return prctl(PR_SET_VMA, PR_SET_VMA_ANON_NAME, a[0], a[1], a[2] ? "n" : NULL);
	case OP_THP_DISABLE:
		return prctl(PR_SET_THP_DISABLE, a[0], a[1], 0, 0);
	case OP_PKEY_ALLOC:
		return syscall(SYS_pkey_alloc, a[0], a[1]);
	case OP_PKEY_FREE:
		return syscall(SYS_pkey_free, a[0]);
	default:
		_exit(4);
	}
}

/* A forked child goes on with the script up to OP_EXIT; the parent goes on behind that. */
static char *fork_at(char *at)
{
	pid_t child = fork();

	if (child == 0) {
		say("0 0 0 0\n");
		return at;
	}
	if (child < 0) {
		say("0 %d 0 0\n", errno);
	} else {
		int status;
		waitpid(child, &status, 0);
		if (status)
			_exit(5);
	}
	for (int depth = 1; depth && *at; at = strchr(at, '\n') + 1) {
		int op = atoi(at);
		depth += op == OP_FORK ? 1 : op == OP_EXIT ? -1 : 0;
	}
	return at;
}

static void run(char *at)
{
	while (*at) {
		uint64_t args[ARGS_MAX] = {0};
		char *end = strchr(at, '\n');
		int op = (int)strtol(at, &at, 0), count = 0;

		while (at < end && count < ARGS_MAX) {
			args[count] = strtoul(at, &at, 0);
			count++;
			while (*at == ' ')
				at++;
		}
		at = end + 1;
		if (op == OP_FORK) {
			at = fork_at(at);
		} else if (op == OP_EXIT) {
			say("0 0 0 0\n");
			_exit(0);
		} else if (op == OP_READ || op == OP_WRITE || op == OP_EXEC) {
			touch(op, args[0], args[1]);
		} else if (op == OP_MAPS) {
			show_maps();
		} else {
			long value = one(op, args, count);
			if (value == -1)
				say("0 %d 0 0\n", errno);
			else if (value != -2)
				say("%ld 0 0 0\n", value);
		}
	}
}

int main(int argc, char **argv)
{
	struct sigaction action = {.sa_sigaction = on_signal,
				   .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER};
	stack_t other = {.ss_sp = stack, .ss_size = sizeof(stack)};
	size_t bytes = 0;

	if (argc != 3)
		return 2;
	for (ssize_t got; (got = read(0, script + bytes, sizeof(script) - 1 - bytes)) > 0;)
		bytes += (size_t)got;
	files[0] = open(argv[1], O_RDWR | O_CREAT, 0600);
	if (ftruncate(files[0], atol(argv[2]) * 4096) != 0)
		return 3;
	files[1] = open(argv[1], O_RDONLY);
	files[2] = open(argv[1], O_WRONLY);
	memset(text, 1, sizeof(text)); /* every page of ours is there before the first snapshot */
	memset(stack, 1, sizeof(stack));
	sigaltstack(&other, NULL);
	sigaction(SIGSEGV, &action, NULL);
	sigaction(SIGBUS, &action, NULL);
	slurp("/proc/self/maps");
	if (write(1, text, strlen(text)) < 0)
		return 3;
	say(".\n");
	run(script);
	return 0;
}
