/* SPDX-License-Identifier: Apache-2.0 */
/*
 * executor.c: does a program of memory operations for real. One start of this executable is one
 * program: a fresh address space that holds nothing but this code, its stack and what the kernel
 * puts into every process. There is no C library: nothing maps, grows or touches memory except the
 * program itself.
 *
 * The program, the answers and the texts of snapshots lie in a shared memory file (descriptor 3),
 * mapped at COMM in every process. Operations are done in one global order: comm.turn is the index
 * of the next one, and each process waits until an operation of its own is due. Forked children
 * live on in this loop, so several address spaces are alive at once.
 *
 * Exit codes: 0 all was done; 3 no fixed addresses (personality refused); 4 COMM could not be
 * mapped; 5 waited too long; 6 a signal outside of a touch.
 */
typedef unsigned char u8;
typedef unsigned int u32;
typedef unsigned long u64;
typedef long s64;

#define COMM          0x100000000000ul
#define COMM_BYTES    (32ul << 20)
#define OPS_AT        0x1000ul
#define RESULTS_AT    0x200000ul
#define TEXT_AT       0x400000ul
#define PROCESSES_MAX 16
#define WAIT_SECONDS  20
#define STACK_LIMIT   (8ul << 20)
#define LOCK_LIMIT    (8ul << 20)
#define REF_BREAK     1
#define REF_RESULTS   2
#define NO_RANDOMIZE  0x0040000ul
#define ERRNO_MAX     4095ul
#define SIGNAL_STACK  16384
#define TRAP_FLAG     0x100ul
#define MINCORE_PAGES 64
#define UFFD_FD       40 /* of the first of two */
#define UFFDIO_API    0xc018aa3ful
#define UFFD_FEATURES (1ul << 7) /* SIGBUS: nobody waits. The first also has WP_UNPOPULATED */
#define UFFD_ALL      (1ul << 13)

enum code {
	CODE_SYSCALL = 0, /* nr with six arguments */
	CODE_READ = 1,    /* the word at arg[0] */
	CODE_WRITE = 2,   /* arg[1] to arg[0] */
	CODE_EXEC = 3,    /* one instruction at arg[0] */
	CODE_FORK = 4,    /* the child is process arg[0] */
	CODE_EXIT = 5,
	CODE_TEXT = 6,    /* nr 0: /proc/self/maps; 1: smaps */
	CODE_MINCORE = 7, /* as the system call, the vector as a mask of bits */
	CODE_ADVISE = 8,  /* process_madvise of itself: two ranges, the advice, how many ranges */
	CODE_CAPS = 9,    /* arg[0]: which capabilities that memory calls ask for it has now */
	CODE_UFFD = 10, /* ioctl nr of userfaultfd arg[0], the others its struct; nr 0: close it */
	CODE_PKRU = 11 /* nr 0: arg[0] is what the program has in PKRU from now on; 1: what it is */
};

struct op {
	u8 code;
	u8 proc;
	u8 ref_arg[2]; /* which arguments ref[] is added to */
	u32 nr;
	u32 ref[2];  /* 0: nothing; REF_BREAK; REF_RESULTS + i: what operation i answered */
	u32 ptr_arg; /* n + 1: argument n is the address of data */
	u32 pad;
	u64 fallback; /* instead of an answer that is no address */
	u64 arg[6];
	u64 data[4];
};

struct result {
	s64 value;
	u32 signal;
	u32 code;
	u64 extra; /* TEXT: offset << 32 | bytes; MINCORE: the mask; SEGV_PKUERR: the key */
	u64 pad;
};

struct comm {
	u32 turn; /* futex */
	u32 count;
	u32 leaving; /* pid whose exit the next operation waits for */
	u32 text_bytes;
	u32 pids[PROCESSES_MAX];
	u64 start_brk;
	u64 first_text; /* the maps before the first operation: offset << 32 | bytes */
	u8 vector[MINCORE_PAGES];
	u32 forked; /* futex: the fork whose child is ready, + 1 */
};

#define comm    ((volatile struct comm *)COMM)
#define ops     ((const struct op *)(COMM + OPS_AT))
#define results ((volatile struct result *)(COMM + RESULTS_AT))

static s64 sys(u64 nr, u64 a, u64 b, u64 c, u64 d, u64 e, u64 f)
{
	register u64 r10 __asm__("r10") = d;
	register u64 r8 __asm__("r8") = e;
	register u64 r9 __asm__("r9") = f;
	s64 ret;

	__asm__ volatile("syscall"
			 : "=a"(ret)
			 : "0"(nr), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
			 : "rcx", "r11", "memory");
	return ret;
}

enum {
	NR_read = 0,
	NR_open = 2,
	NR_close = 3,
	NR_poll = 7,
	NR_mmap = 9,
	NR_brk = 12,
	NR_rt_sigaction = 13,
	NR_ioctl = 16,
	NR_mincore = 27,
	NR_dup2 = 33,
	NR_getpid = 39,
	NR_fork = 57,
	NR_execve = 59,
	NR_sigaltstack = 131,
	NR_capget = 125,
	NR_capset = 126,
	NR_personality = 135,
	NR_prctl = 157,
	NR_futex = 202,
	NR_clock_gettime = 228,
	NR_exit_group = 231,
	NR_prlimit64 = 302,
	NR_userfaultfd = 323,
	NR_pidfd_open = 434,
	NR_process_madvise = 440
};

static u32 me;

/* --- PKRU --- */

/*
 * A program has in PKRU what it likes, also that nothing with key 0 may be touched, which is all
 * that the executor has. So the register is the program's for one instruction or one system call at
 * a time, and the executor's between these, in code that touches no memory in between.
 */
static u32 pkru_own;     /* of the executor: what a new program begins with */
static u32 pkru_program; /* of the program */
static u8 has_keys;      /* the processor has them, and the kernel uses them */

#define PKRU_KEY0 3u

static void pkru_start(void)
{
	u32 eax = 7, ebx, ecx = 0, edx;

	__asm__ volatile("cpuid" : "+a"(eax), "=b"(ebx), "+c"(ecx), "=d"(edx));
	has_keys = ecx >> 4 & 1;
	if (!has_keys)
		return;
	__asm__ volatile("rdpkru" : "=a"(pkru_own), "=d"(edx) : "c"(0));
	pkru_program = pkru_own;
}

/* A system call of the program. own: it reads or writes memory of the executor: key 0 is allowed
 * meanwhile. */
static s64 sys_program(u64 own, u64 nr, u64 a, u64 b, u64 c, u64 d, u64 e, u64 f)
{
	register u64 r10 __asm__("r10") = d;
	register u64 r8 __asm__("r8") = e;
	register u64 r9 __asm__("r9") = f;
	u64 pkru = own ? pkru_program & ~PKRU_KEY0 : pkru_program, kept = pkru_own;
	u64 result = nr;

	if (!has_keys)
		return sys(nr, a, b, c, d, e, f);
	__asm__ volatile("mov %k[pkru], %%eax\n\txor %%ecx, %%ecx\n\txor %%edx, %%edx\n\twrpkru\n\t"
			 "mov %[third], %%rdx\n\tmov %[nr], %%rax\n\tsyscall\n\t"
			 "mov %%rax, %[nr]\n\txor %%ecx, %%ecx\n\trdpkru\n\tmov %%eax, %k[pkru]\n\t"
			 "mov %k[kept], %%eax\n\txor %%ecx, %%ecx\n\txor %%edx, %%edx\n\twrpkru"
			 : [nr] "+&r"(result), [pkru] "+&r"(pkru)
			 : [third] "r"(c), [kept] "r"(kept), "D"(a), "S"(b), "r"(r10), "r"(r8),
			   "r"(r9)
			 : "rax", "rcx", "rdx", "r11", "memory");
	pkru_program = (u32)pkru | (own ? pkru_program & PKRU_KEY0 : 0);
	return (s64)result;
}

static u8 signal_stack[SIGNAL_STACK] __attribute__((aligned(16)));

/* --- touching, with what the signals say --- */

static volatile u64 resume_ip; /* where a signal of the touch under way goes on; 0: there is none */
static volatile u32 touch_signal, touch_code, touch_key;
static volatile u64 exec_target;
u64 saved_sp;
u64 scratch;

u64 read_at(u64 addr);
void write_at(u64 addr, u64 word);
void exec_at(u64 addr);
/* The same with PKRU: the program's for the touch, then the executor's again. */
u64 read_with(u64 addr, u32 pkru, u32 own);
void write_with(u64 addr, u64 word, u32 pkru, u32 own);
extern char read_resume[], write_resume[], exec_resume[], restore_signal[];
extern char read_with_resume[], write_with_resume[];

/* exec_at sets the trap flag, so that one instruction of the page is executed: a zero word is an
 * addition to (%rax), any word that a program writes begins with a return. */
__asm__("read_at:\n\tmov (%rdi), %rax\nread_resume:\n\tret\n"
	"write_at:\n\tmov %rsi, (%rdi)\nwrite_resume:\n\tret\n"
	"read_with:\n\tmov %edx, %r9d\n\tmov %esi, %eax\n\txor %ecx, %ecx\n\txor %edx, %edx\n"
	"\twrpkru\n\tmov (%rdi), %r8\nread_with_resume:\n"
	"\tmov %r9d, %eax\n\txor %ecx, %ecx\n\txor %edx, %edx\n\twrpkru\n\tmov %r8, %rax\n\tret\n"
	"write_with:\n\tmov %ecx, %r9d\n\tmov %edx, %eax\n\txor %ecx, %ecx\n\txor %edx, %edx\n"
	"\twrpkru\n\tmov %rsi, (%rdi)\nwrite_with_resume:\n"
	"\tmov %r9d, %eax\n\txor %ecx, %ecx\n\txor %edx, %edx\n\twrpkru\n\tret\n"
	"exec_at:\n\tpush %rbx\n\tpush %rbp\n\tpush %r12\n\tpush %r13\n\tpush %r14\n\tpush %r15\n"
	"\tmov %rsp, saved_sp(%rip)\n"
	"\tlea exec_resume(%rip), %rbx\n\tpush %rbx\n"
	"\tlea scratch(%rip), %rax\n"
	"\tpushfq\n\torq $0x100, (%rsp)\n\tpopfq\n"
	"\tjmp *%rdi\n"
	"exec_resume:\n\tmov saved_sp(%rip), %rsp\n"
	"\tpop %r15\n\tpop %r14\n\tpop %r13\n\tpop %r12\n\tpop %rbp\n\tpop %rbx\n\tret\n"
	"restore_signal:\n\tmov $15, %eax\n\tsyscall\n"
	".globl _start\n_start:\n\txor %ebp, %ebp\n\tmov %rsp, %rdi\n\tand $-16, %rsp\n\tcall "
	"begin\n");

struct signal_info {
	int signo, error, code, pad;
	u64 addr, bound;
	u32 key;
};

/* The general registers stand 40 bytes after the start of a ucontext; rip and flags are numbers 16
 * and 17. */
static void on_signal(int signo, const struct signal_info *info, u64 *context)
{
	u64 *regs = context + 5;

	if (signo == 5 && regs[16] == exec_target) {
		exec_target = 0; /* the jump is done; now the instruction */
		return;
	}
	if (!resume_ip)
		sys(NR_exit_group, 6, 0, 0, 0, 0, 0);
	if (signo != 5) {
		touch_signal = (u32)signo;
		touch_code = (u32)info->code;
		touch_key = info->key;
	}
	regs[16] = resume_ip;
	regs[17] &= ~TRAP_FLAG;
}

static void catch_signals(void)
{
	static const u8 caught[] = {5, 7, 11};
	struct {
		void *handler;
		u64 flags;
		void *restorer;
		u64 mask;
	} action = {(void *)on_signal, 0x4 | 0x04000000 | 0x08000000 | 0x40000000, restore_signal,
		    0};
	struct {
		void *stack;
		int flags;
		u64 bytes;
	} stack = {signal_stack, 0, SIGNAL_STACK};

	sys(NR_sigaltstack, (u64)&stack, 0, 0, 0, 0, 0);
	for (u32 i = 0; i < sizeof(caught); i++)
		sys(NR_rt_sigaction, caught[i], (u64)&action, 0, 8, 0, 0);
	action.handler = (void *)1; /* children leave nothing behind */
	sys(NR_rt_sigaction, 17, (u64)&action, 0, 8, 0, 0);
}

static void touch(u32 code, const u64 *arg, volatile struct result *result)
{
	touch_signal = touch_code = touch_key = 0;
	result->value = 0;
	if (code == CODE_READ) {
		u64 word;

		resume_ip = (u64)(has_keys ? read_with_resume : read_resume);
		word = has_keys ? read_with(arg[0], pkru_program, pkru_own) : read_at(arg[0]);
		if (!touch_signal)
			result->value = (s64)word;
	} else if (code == CODE_WRITE) {
		resume_ip = (u64)(has_keys ? write_with_resume : write_resume);
		if (has_keys)
			write_with(arg[0], arg[1], pkru_program, pkru_own);
		else
			write_at(arg[0], arg[1]);
	} else { /* of a fetch no key says anything */
		resume_ip = (u64)exec_resume;
		exec_target = arg[0];
		exec_at(arg[0]);
	}
	resume_ip = 0;
	result->signal = touch_signal;
	result->code = touch_code;
	if (touch_signal == 11 && touch_code == 4)
		result->extra = touch_key;
}

/* --- the other operations --- */

static u64 read_text(const char *path)
{
	u64 start = comm->text_bytes, end = COMM_BYTES - TEXT_AT, at = start;
	s64 fd = sys(NR_open, (u64)path, 0, 0, 0, 0, 0), got = 0;

	while (fd >= 0 && at < end) {
		got = sys(NR_read, (u64)fd, COMM + TEXT_AT + at, end - at, 0, 0, 0);
		if (got <= 0)
			break;
		at += (u64)got;
	}
	sys(NR_close, (u64)fd, 0, 0, 0, 0, 0);
	comm->text_bytes = (u32)at;
	return start << 32 | (at - start);
}

static void mincore_mask(const u64 *arg, volatile struct result *result)
{
	u64 mask = 0;

	result->value = sys(NR_mincore, arg[0], arg[1], (u64)comm->vector, 0, 0, 0);
	for (u32 i = 0; i < MINCORE_PAGES && i < (arg[1] + 4095) / 4096; i++)
		mask |= (u64)(comm->vector[i] & 1) << i;
	result->extra = result->value ? 0 : mask;
}

static s64 advise_self(const u64 *arg)
{
	s64 fd = sys(NR_pidfd_open, (u64)sys(NR_getpid, 0, 0, 0, 0, 0, 0), 0, 0, 0, 0, 0), result;

	result = sys_program(1, NR_process_madvise, (u64)fd, (u64)arg, arg[5], arg[4], 0, 0);
	sys(NR_close, (u64)fd, 0, 0, 0, 0, 0);
	return result;
}

/* The bits are CAP_IPC_LOCK, CAP_SYS_RAWIO and CAP_SYS_ADMIN. Those that are not effective stay
 * permitted, so a later call can take them again. */
static s64 set_capabilities(u64 bits)
{
	static const u8 number[] = {14, 17, 21};
	u32 header[2] = {0x20080522, 0}, sets[6];
	s64 failed = sys(NR_capget, (u64)header, (u64)sets, 0, 0, 0, 0);

	for (u32 i = 0; i < sizeof(number); i++) {
		sets[0] &= ~(1u << number[i]);
		sets[0] |= (u32)(bits >> i & 1) << number[i];
	}
	return failed ? failed : sys(NR_capset, (u64)header, (u64)sets, 0, 0, 0, 0);
}

/* One of the two userfaultfds of this process, in the place of what was there. */
static void uffd_open(u32 number)
{
	u64 api[3] = {0xaa, UFFD_FEATURES | (number ? 0 : UFFD_ALL), 0};
	s64 fd = sys(NR_userfaultfd, 1, 0, 0, 0, 0, 0);

	if (fd < 0)
		return;
	sys(NR_dup2, (u64)fd, UFFD_FD + number, 0, 0, 0, 0);
	sys(NR_close, (u64)fd, 0, 0, 0, 0, 0);
	sys(NR_ioctl, UFFD_FD + number, UFFDIO_API, (u64)api, 0, 0, 0);
}

static void uffd_call(const struct op *op, const u64 *arg, volatile struct result *result)
{
	u32 turned = op->data[1] != 0; /* the struct has the second address first */
	u64 words[5] = {arg[1 + turned], arg[2 - turned], arg[3], arg[4], arg[5]};

	if (!op->nr) {
		result->value = sys(NR_close, UFFD_FD + arg[0], 0, 0, 0, 0, 0);
		uffd_open((u32)arg[0]);
		return;
	}
	result->value = sys_program(1, NR_ioctl, UFFD_FD + arg[0], op->nr, (u64)words, 0, 0, 0);
	if (op->data[0]) /* where the count of bytes comes back */
		result->extra = words[op->data[0] - 1];
	if (op->data[0] && result->value == 0)
		result->value = (s64)result->extra;
}

static void wait_gone(u32 pid)
{
	s64 fd = sys(NR_pidfd_open, pid, 0, 0, 0, 0, 0);
	struct {
		int fd;
		short events, revents;
	} poll = {(int)fd, 1, 0};

	if (fd < 0)
		return;
	sys(NR_poll, (u64)&poll, 1, WAIT_SECONDS * 1000, 0, 0, 0);
	sys(NR_close, (u64)fd, 0, 0, 0, 0, 0);
}

static void wake_turn(u32 turn)
{
	u32 who = turn < comm->count ? 1u << ops[turn].proc : ~0u;

	__atomic_store_n(&comm->turn, turn, __ATOMIC_SEQ_CST);
	if (who != 1u << me)
		sys(NR_futex, COMM, 10, 0x7fffffff, 0, 0, who);
}

static void wait_turn(u32 turn)
{
	u64 until[2];

	sys(NR_clock_gettime, 1, (u64)until, 0, 0, 0, 0);
	until[0] += WAIT_SECONDS;
	if (sys(NR_futex, COMM, 9, turn, (u64)until, 0, 1u << me) == -110)
		sys(NR_exit_group, 5, 0, 0, 0, 0, 0);
}

static void wait_forked(u32 index)
{
	u64 patience[2] = {WAIT_SECONDS, 0};
	u32 seen;

	while ((seen = __atomic_load_n(&comm->forked, __ATOMIC_SEQ_CST)) != index + 1) {
		if (sys(NR_futex, (u64)&comm->forked, 0, seen, (u64)patience, 0, 0) == -110)
			sys(NR_exit_group, 5, 0, 0, 0, 0, 0);
	}
}

static u64 address(const struct op *op, u32 i)
{
	u64 value = op->ref[i] == REF_BREAK ? comm->start_brk
					    : (u64)results[op->ref[i] - REF_RESULTS].value;

	return value > -ERRNO_MAX - 1 || value == 0 ? op->fallback : value;
}

static void pkru_call(const struct op *op, const u64 *arg, volatile struct result *result)
{
	if (op->nr) {
		result->value = (s64)pkru_program;
		return;
	}
	result->value = has_keys ? 0 : -38;
	pkru_program = (u32)arg[0];
}

static void execute(u32 index)
{
	const struct op *op = ops + index;
	volatile struct result *result = results + index;
	u64 arg[6];

	for (u32 i = 0; i < 6; i++)
		arg[i] = op->arg[i];
	for (u32 i = 0; i < 2; i++)
		if (op->ref[i])
			arg[op->ref_arg[i]] += address(op, i);
	if (op->ptr_arg)
		arg[op->ptr_arg - 1] = (u64)op->data;
	switch (op->code) {
	case CODE_SYSCALL:
		result->value = sys_program(op->ptr_arg != 0, op->nr, arg[0], arg[1], arg[2],
					    arg[3], arg[4], arg[5]);
		break;
	case CODE_FORK: {
		s64 pid = sys_program(0, NR_fork, 0, 0, 0, 0, 0, 0);

		if (pid == 0) {
			me = (u32)arg[0];
			uffd_open(0); /* no descriptor of the parent's is left open */
			uffd_open(1);
			__atomic_store_n(&comm->forked, index + 1, __ATOMIC_SEQ_CST);
			sys(NR_futex, (u64)&comm->forked, 1, 0x7fffffff, 0, 0, 0);
			return;
		}
		if (pid > 0)
			wait_forked(index);
		comm->pids[arg[0]] = pid > 0 ? (u32)pid : 0;
		result->value = pid > 0 ? 0 : pid;
		break;
	}
	case CODE_EXIT:
		comm->leaving = (u32)sys(NR_getpid, 0, 0, 0, 0, 0, 0);
		wake_turn(index + 1);
		sys(NR_exit_group, 0, 0, 0, 0, 0, 0);
		break;
	case CODE_TEXT:
		result->extra = read_text(op->nr ? "/proc/self/smaps" : "/proc/self/maps");
		break;
	case CODE_MINCORE:
		mincore_mask(arg, result);
		break;
	case CODE_UFFD:
		uffd_call(op, arg, result);
		break;
	case CODE_ADVISE:
		result->value = advise_self(arg);
		break;
	case CODE_PKRU:
		pkru_call(op, arg, result);
		break;
	case CODE_CAPS:
		result->value = set_capabilities(arg[0]);
		break;
	default:
		touch(op->code, arg, result);
	}
	wake_turn(index + 1);
}

static void finish(void)
{
	if (me == 0) {
		for (u32 i = 1; i < PROCESSES_MAX; i++)
			if (comm->pids[i])
				wait_gone(comm->pids[i]);
	}
	sys(NR_exit_group, 0, 0, 0, 0, 0, 0);
}

static void run(void)
{
	for (;;) {
		u32 turn = __atomic_load_n(&comm->turn, __ATOMIC_SEQ_CST);

		if (turn >= comm->count)
			finish();
		if (ops[turn].proc != me) {
			wait_turn(turn);
			continue;
		}
		if (comm->leaving) {
			wait_gone(comm->leaving);
			comm->leaving = 0;
		}
		execute(turn);
	}
}

/* The first start asks for fixed addresses and plain limits, which take effect in the second. */
static void start_again(void)
{
	static char name[] = "executor", again[] = "again";
	char *argv[] = {name, again, 0}, *env[] = {0};
	u64 limit[2] = {STACK_LIMIT, ~0ul};
	s64 now = sys(NR_personality, 0xffffffff, 0, 0, 0, 0, 0);

	sys(NR_prlimit64, 0, 3, (u64)limit, 0, 0, 0);
	sys(NR_prlimit64, 0, 8, 0, (u64)limit, 0, 0);
	limit[0] = limit[1] < LOCK_LIMIT ? limit[1] : LOCK_LIMIT;
	sys(NR_prlimit64, 0, 8, (u64)limit, 0, 0, 0);
	if (now >= 0 && sys(NR_personality, (u64)now | NO_RANDOMIZE, 0, 0, 0, 0, 0) >= 0)
		sys(NR_execve, (u64) "/proc/self/exe", (u64)argv, (u64)env, 0, 0, 0);
	sys(NR_exit_group, 3, 0, 0, 0, 0, 0);
}

__attribute__((used)) void begin(const u64 *stack)
{
	if (stack[0] < 2)
		start_again();
	sys(NR_prctl, 1, 9, 0, 0, 0, 0);  /* ends with who started it */
	sys(NR_prctl, 41, 1, 0, 0, 0, 0); /* no huge pages: which pages there are must not depend on
					     free memory */
	if (sys(NR_mmap, COMM, COMM_BYTES, 3, 0x11, 3, 0) != (s64)COMM)
		sys(NR_exit_group, 4, 0, 0, 0, 0, 0);
	sys(NR_close, 3, 0, 0, 0, 0, 0);
	catch_signals();
	pkru_start();
	uffd_open(0);
	uffd_open(1);
	/* Its data and bss are written to before the first snapshot: vmalab takes it so. */
	scratch = saved_sp = 1;
	signal_stack[0] = signal_stack[SIGNAL_STACK - 1] = 1;
	comm->start_brk = (u64)sys(NR_brk, 0, 0, 0, 0, 0, 0);
	comm->first_text = read_text("/proc/self/maps");
	run();
}
