/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bench/calibrate.c: what the caches and the kernel of this machine take. Stand-alone.
 *
 *   calibrate CPU OTHER_CPU
 *
 * It waits for lines "KIND COUNT" on standard input and answers each with one number, ns for one,
 * so that who asks can repeat, and can measure something else in between.
 *
 *   chase BYTES      a load that needs the one before it, lines of so many bytes in random order
 *   transfer LINES   the same, of lines that the other CPU has written
 *   handover TIMES   half of a round trip of one line between two compare-and-exchange loops
 *   locked TIMES     a locked add to a line of one's own
 *   amid TIMES       the same amid other work, less that work alone
 *   taken LINES      a locked add to a line that the other CPU has written, in random order
 *   fence TIMES      a full fence, with nothing to wait for
 *   store LINES      a store to a line that the other CPU has written, until it has left
 *   pause TIMES      the instruction of loops that spin
 *   call TIMES       a futex call that wakes nobody
 *   wake TIMES       from the call that wakes to the first instruction on the other CPU
 *   clock TIMES      reading the time, with nothing to wait for
 *   barrier TIMES    membarrier(GLOBAL_EXPEDITED), beside the other CPU, which runs
 *   pair BYTES       a line of an aligned pair, and then the other one of that pair
 *   apart BYTES      the same, and then a line of another pair of that page
 */
#define _GNU_SOURCE
#include <linux/futex.h>
#include <linux/membarrier.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define LINE        64ul
#define PAGE        4096ul
#define HUGE_PAGE   (2ul << 20)
#define BYTES_MAX   (256ul << 20)
#define LINES_MAX   1024ul
#define APART       320ul /* bytes between the lines of transfer: no prefetcher guesses the next */
#define ROUNDS      101
#define PARTS       8
#define LOADS_LEAST (1ul << 19)
#define PAIR_LINES  2ul
#define PAIRS_AWAY  8ul

struct line {
	_Atomic(uint32_t) word;
	char rest[60];
} __attribute__((aligned(64)));

static char *area;
static int other_cpu;
static struct line turn, word, own;
static _Atomic(uint32_t) stop __attribute__((aligned(64)));
static unsigned long work; /* of the other thread: lines, or times */
static void *chain[LINES_MAX + 1];
static uint32_t order[LINES_MAX + 1]; /* of the chain's lines, a random one */
static uint64_t random_state = 88172645463325252ull;

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static double clock_ns(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

/* For short times, and those in which somebody sleeps. */
static double now_ns(void)
{
	return clock_ns(CLOCK_MONOTONIC);
}

/* For the others: what else runs on this CPU does not count. */
static double cpu_ns(void)
{
	return clock_ns(CLOCK_THREAD_CPUTIME_ID);
}

static void pin(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set))
		die("sched_setaffinity");
}

static void spin(void)
{
#if defined(__x86_64__)
	__builtin_ia32_pause();
#else
	__asm__ volatile("yield");
#endif
}

static uint64_t below(uint64_t end)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return random_state % end;
}

static int by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double middle(double *samples, int count)
{
	qsort(samples, (size_t)count, sizeof(*samples), by_size);
	return samples[count / 2];
}

/* One circle through all numbers in random order (Sattolo). */
static uint32_t *circle(uint64_t count)
{
	uint32_t *next = malloc(count * sizeof(*next));

	if (!next)
		die("malloc");
	for (uint64_t i = 0; i < count; i++)
		next[i] = (uint32_t)i;
	for (uint64_t i = count - 1; i > 0; i--) {
		uint64_t j = below(i);
		uint32_t kept = next[i];

		next[i] = next[j];
		next[j] = kept;
	}
	return next;
}

static __attribute__((noinline)) void *follow(void *at, uint64_t loads)
{
	for (uint64_t i = 0; i < loads; i++)
		at = *(void *volatile *)at;
	return at;
}

/* The quickest of some parts: who is given the CPU in between leaves the caches cold. */
static double followed(void *from, uint64_t around, uint64_t loads)
{
	void *at = follow(from, around);
	double best = 0;

	for (int part = 0; part < PARTS; part++) {
		double began = cpu_ns(), took;

		at = follow(at, loads / PARTS);
		took = (cpu_ns() - began) / (double)(loads / PARTS);
		best = best == 0 || took < best ? took : best;
	}
	return at ? best : 0;
}

static double chase(unsigned long bytes)
{
	uint64_t lines = bytes / LINE, loads = lines > LOADS_LEAST ? lines : LOADS_LEAST;
	uint32_t *next = circle(lines);

	for (uint64_t i = 0; i < lines; i++)
		*(void **)(area + i * LINE) = area + next[i] * LINE;
	free(next);
	return followed(area, lines, loads);
}

/* Pairs in random order; of each first the odd line, then the even one of it or of another. */
static double pairs(unsigned long bytes, uint64_t away)
{
	uint64_t count = bytes / (PAIR_LINES * LINE), of_page = PAGE / (PAIR_LINES * LINE);
	uint32_t *next = circle(count);

	for (uint64_t i = 0; i < count; i++) {
		uint64_t page = i / of_page * of_page, even = page + (i - page + away) % of_page;
		char *first = area + (i * PAIR_LINES + 1) * LINE;
		char *second = area + even * PAIR_LINES * LINE;

		*(void **)first = second;
		*(void **)second = area + ((uint64_t)next[i] * PAIR_LINES + 1) * LINE;
	}
	free(next);
	return followed(area + LINE, count * 2, count * 2) * 2;
}

/* --- with the other CPU --- */

static void *run_other(void *what)
{
	void (*body)(void) = (void (*)(void))what;

	pin(other_cpu);
	if (syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED, 0, 0))
		die("membarrier");
	body();
	return NULL;
}

static double beside(void (*body)(void), double (*measure)(unsigned long), unsigned long count)
{
	pthread_t thread;
	double found;

	work = count;
	atomic_store(&stop, 0);
	atomic_store(&turn.word, 0);
	atomic_store(&word.word, 0);
	if (pthread_create(&thread, NULL, run_other, (void *)body))
		die("pthread_create");
	found = measure(count);
	atomic_store(&stop, 1);
	if (pthread_join(thread, NULL))
		die("pthread_join");
	return found;
}

static void await_turn(uint32_t mine)
{
	while (atomic_load_explicit(&turn.word, memory_order_acquire) != mine)
		spin();
}

static void pass_turn(uint32_t to)
{
	atomic_store_explicit(&turn.word, to, memory_order_release);
}

/* Writes the lines of the chain, so that this CPU alone has them. */
static void other_writes(void)
{
	for (int round = 0; round < ROUNDS; round++) {
		await_turn(1);
		for (unsigned long i = 0; i < work; i++)
			*(void *volatile *)chain[i] = *(void *volatile *)chain[i];
		pass_turn(2);
	}
}

static void lay_chain(unsigned long lines)
{
	uint32_t *next = circle(lines);

	for (unsigned long i = 0; i < lines; i++) {
		order[i] = next[i];
		chain[i] = area + i * APART / LINE * LINE;
		*(void **)chain[i] = area + next[i] * APART / LINE * LINE;
	}
	free(next);
}

static double read_written(unsigned long lines)
{
	double samples[ROUNDS];

	for (int round = 0; round < ROUNDS; round++) {
		double began;

		pass_turn(1);
		await_turn(2);
		began = now_ns();
		samples[round] = follow(chain[0], lines) ? (now_ns() - began) / (double)lines : 0;
	}
	return middle(samples, ROUNDS);
}

static double write_written(unsigned long lines)
{
	double samples[ROUNDS];

	for (int round = 0; round < ROUNDS; round++) {
		double began;

		pass_turn(1);
		await_turn(2);
		began = now_ns();
		for (unsigned long i = 0; i < lines; i++)
			((_Atomic(uint32_t) *)chain[i])[2] = (uint32_t)round;
		atomic_thread_fence(memory_order_seq_cst);
		samples[round] = (now_ns() - began) / (double)lines;
	}
	return middle(samples, ROUNDS);
}

/* No one of them needs another one: a processor that begins them ahead has several on their way. */
static double add_written(unsigned long lines)
{
	double samples[ROUNDS];

	for (int round = 0; round < ROUNDS; round++) {
		double began;

		pass_turn(1);
		await_turn(2);
		began = now_ns();
		for (unsigned long i = 0; i < lines; i++)
			atomic_fetch_add((_Atomic(uint32_t) *)chain[order[i]] + 2, 1);
		samples[round] = (now_ns() - began) / (double)lines;
	}
	return middle(samples, ROUNDS);
}

static void exchange(uint32_t from, uint32_t to)
{
	uint32_t seen = from;

	while (!atomic_compare_exchange_strong(&word.word, &seen, to))
		seen = from;
}

static void other_hands_over(void)
{
	for (unsigned long i = 0; i < work; i++)
		exchange(0, 1);
}

static double handover(unsigned long times)
{
	double began;

	exchange(1, 0);
	began = now_ns();
	for (unsigned long i = 1; i < times; i++)
		exchange(1, 0);
	return (now_ns() - began) / (double)(times - 1) / 2;
}

static void other_spins(void)
{
	while (!atomic_load_explicit(&stop, memory_order_relaxed))
		spin();
}

static double barrier(unsigned long times)
{
	double began = now_ns();

	for (unsigned long i = 0; i < times; i++) {
		if (syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL_EXPEDITED, 0, 0))
			die("membarrier");
	}
	return (now_ns() - began) / (double)times;
}

static void futex(int op, uint32_t value)
{
	(void)syscall(SYS_futex, &word.word, op, value, NULL, NULL, 0);
}

/* Waits until the word is that. */
static void sleep_until(uint32_t wanted)
{
	uint32_t seen;

	while ((seen = atomic_load(&word.word)) != wanted)
		futex(FUTEX_WAIT, seen);
}

static void say(uint32_t value)
{
	atomic_store(&word.word, value);
	futex(FUTEX_WAKE, 1);
}

static void other_sleeps(void)
{
	for (unsigned long i = 0; i < work; i++) {
		sleep_until(1);
		say(0);
	}
}

static double rounds_of_sleep(unsigned long times)
{
	double began = now_ns();

	for (unsigned long i = 0; i < times; i++) {
		say(1);
		sleep_until(0);
	}
	return (now_ns() - began) / (double)times;
}

/* --- alone --- */

static double locked(unsigned long times)
{
	double began = cpu_ns();

	for (unsigned long i = 0; i < times; i++)
		(void)atomic_fetch_add(&own.word, 1);
	return (cpu_ns() - began) / (double)times;
}

#define TABLE   1024
#define A_BLOCK 20

static volatile uint32_t table[TABLE];

/* Loads, stores and sums that need little of each other: what code has around a locked one. */
static inline uint32_t some_work(uint32_t seed)
{
	uint32_t sum = 0;

	for (uint32_t i = 0; i < A_BLOCK; i++) {
		sum += table[(seed * 7 + i * 13) % TABLE];
		table[(seed + i * 5) % TABLE] = i * 97 + seed;
	}
	return sum;
}

/* A locked add amid other work, less that work alone: what of it nothing else hides. */
static double amid(unsigned long times)
{
	double alone = cpu_ns(), both;
	uint32_t sum = 0;

	for (unsigned long i = 0; i < times; i++)
		sum += some_work((uint32_t)i);
	both = cpu_ns();
	alone = both - alone;
	for (unsigned long i = 0; i < times; i++) {
		sum += some_work((uint32_t)i);
		(void)atomic_fetch_add(&own.word, 1);
	}
	both = cpu_ns() - both;
	table[0] = sum;
	return both > alone ? (both - alone) / (double)times : 0;
}

static double fence(unsigned long times)
{
	double began = cpu_ns();

	for (unsigned long i = 0; i < times; i++)
		atomic_thread_fence(memory_order_seq_cst);
	return (cpu_ns() - began) / (double)times;
}

static double pause_of(unsigned long times)
{
	double began = cpu_ns();

	for (unsigned long i = 0; i < times; i++)
		spin();
	return (cpu_ns() - began) / (double)times;
}

static double call(unsigned long times)
{
	double began = cpu_ns();

	for (unsigned long i = 0; i < times; i++)
		futex(FUTEX_WAKE, 1);
	return (cpu_ns() - began) / (double)times;
}

static double clock_of(unsigned long times)
{
	double began = cpu_ns();
	struct timespec now;

	for (unsigned long i = 0; i < times; i++)
		clock_gettime(CLOCK_MONOTONIC, &now);
	return (cpu_ns() - began) / (double)times;
}

/* Half of a round, less the call that wakes. */
static double wake(unsigned long times)
{
	double half = beside(other_sleeps, rounds_of_sleep, times) / 2, alone = call(times);

	return half > alone ? half - alone : 0;
}

static double answer(const char *kind, unsigned long count)
{
	if (!strcmp(kind, "chase"))
		return chase(count);
	if (!strcmp(kind, "pair"))
		return pairs(count, 0);
	if (!strcmp(kind, "apart"))
		return pairs(count, PAIRS_AWAY);
	if (!strcmp(kind, "locked"))
		return locked(count);
	if (!strcmp(kind, "amid"))
		return amid(count);
	if (!strcmp(kind, "fence"))
		return fence(count);
	if (!strcmp(kind, "pause"))
		return pause_of(count);
	if (!strcmp(kind, "call"))
		return call(count);
	if (!strcmp(kind, "clock"))
		return clock_of(count);
	if (!strcmp(kind, "wake"))
		return wake(count);
	if (!strcmp(kind, "handover"))
		return beside(other_hands_over, handover, count);
	if (!strcmp(kind, "barrier"))
		return beside(other_spins, barrier, count);
	lay_chain(count);
	if (!strcmp(kind, "transfer"))
		return beside(other_writes, read_written, count);
	if (!strcmp(kind, "taken"))
		return beside(other_writes, add_written, count);
	if (!strcmp(kind, "store"))
		return beside(other_writes, write_written, count);
	fprintf(stderr, "%s: no such kind\n", kind);
	exit(2);
}

static bool fits(const char *kind, unsigned long count)
{
	if (!strcmp(kind, "chase") || !strcmp(kind, "pair") || !strcmp(kind, "apart"))
		return count >= PAGE && count <= BYTES_MAX;
	if (!strcmp(kind, "transfer") || !strcmp(kind, "store"))
		return count > 1 && count <= LINES_MAX;
	return count > 1;
}

int main(int argc, char **argv)
{
	unsigned long count;
	char kind[16];

	if (argc != 3) {
		fprintf(stderr, "usage: calibrate CPU OTHER_CPU\n");
		return 2;
	}
	other_cpu = atoi(argv[2]);
	pin(atoi(argv[1]));
	area = mmap(NULL, BYTES_MAX + HUGE_PAGE, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (area == MAP_FAILED)
		die("mmap");
	area += -(uintptr_t)area % HUGE_PAGE;
	(void)madvise(area, BYTES_MAX, MADV_HUGEPAGE); /* fewer misses of the TLB */
	while (scanf("%15s %lu", kind, &count) == 2) {
		if (!fits(kind, count)) {
			fprintf(stderr, "%s %lu: out of bounds\n", kind, count);
			return 2;
		}
		printf("%.4f\n", answer(kind, count));
		fflush(stdout);
	}
	return 0;
}
