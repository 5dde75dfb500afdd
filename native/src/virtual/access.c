/* SPDX-License-Identifier: Apache-2.0 */
/*
 * access.c: what the compiler calls before each access (-fsanitize=thread) and in each basic block
 * (-fsanitize-coverage=trace-pc). The names and signatures are those of the compiler's interface;
 * libtsan is not linked.
 *
 * An atomic operation is done here, a plain access after the return. In between nobody else runs,
 * so each happens where it was counted.
 */
#include "virtual_internal.h"

#ifdef VL_VIRTUAL

#define CALLED_FROM ((u64)__builtin_return_address(0))

/* The compiler declares none of these. */
#pragma GCC diagnostic ignored "-Wmissing-prototypes"

static inline __attribute__((always_inline)) void seen(const volatile void *p, u32 bytes,
						       enum access_kind kind, u64 text)
{
	u64 offset = (u64)p - (u64)vm.base;

	if (likely(vm.cpu) && offset < vm.bytes)
		caches_access(vm.cpu, offset, bytes, kind, text);
}

static void seen_range(const void *p, u64 bytes, enum access_kind kind, u64 text)
{
	u64 at = (u64)p, end = at + bytes;

	while (at < end) {
		u64 part = min_u64(end, (at | (LINE_BYTES - 1)) + 1) - at;

		seen((const void *)at, (u32)part, kind, text);
		at += part;
	}
}

void __tsan_init(void);
void __tsan_init(void)
{
}

void __sanitizer_cov_trace_pc(void)
{
	u64 at = CALLED_FROM - vm.text;

	if (!vm.cpu)
		return;
	vm.cpu->instructions += vm.instructions && at < vm.text_bytes ? vm.instructions[at]
								      : INSNS_IF_NOT_KNOWN;
}

#define PLAIN(n)                                             \
	void __tsan_read##n(void *p)                         \
	{                                                    \
		seen(p, n, ACCESS_READ, CALLED_FROM);        \
	}                                                    \
	void __tsan_write##n(void *p)                        \
	{                                                    \
		seen(p, n, ACCESS_WRITE, CALLED_FROM);       \
	}                                                    \
	void __tsan_unaligned_read##n(void *p)               \
	{                                                    \
		seen_range(p, n, ACCESS_READ, CALLED_FROM);  \
	}                                                    \
	void __tsan_unaligned_write##n(void *p)              \
	{                                                    \
		seen_range(p, n, ACCESS_WRITE, CALLED_FROM); \
	}                                                    \
	void __tsan_volatile_read##n(void *p)                \
	{                                                    \
		seen(p, n, ACCESS_READ, CALLED_FROM);        \
	}                                                    \
	void __tsan_volatile_write##n(void *p)               \
	{                                                    \
		seen(p, n, ACCESS_WRITE, CALLED_FROM);       \
	}
PLAIN(1)
PLAIN(2)
PLAIN(4)
PLAIN(8)
PLAIN(16)

void __tsan_read_range(void *p, long bytes)
{
	seen_range(p, (u64)bytes, ACCESS_READ, CALLED_FROM);
}

void __tsan_write_range(void *p, long bytes)
{
	seen_range(p, (u64)bytes, ACCESS_WRITE, CALLED_FROM);
}

#define RMW(bits, name, builtin)                                                        \
	u##bits __tsan_atomic##bits##_##name(volatile u##bits *p, u##bits v, int order) \
	{                                                                               \
		(void)order;                                                            \
		seen(p, bits / 8, ACCESS_LOCKED, CALLED_FROM);                          \
		return builtin(p, v, __ATOMIC_SEQ_CST);                                 \
	}

#define ATOMIC(bits)                                                                         \
	u##bits __tsan_atomic##bits##_load(const volatile u##bits *p, int order)             \
	{                                                                                    \
		(void)order;                                                                 \
		seen(p, bits / 8, ACCESS_READ, CALLED_FROM);                                 \
		return __atomic_load_n(p, __ATOMIC_SEQ_CST);                                 \
	}                                                                                    \
	void __tsan_atomic##bits##_store(volatile u##bits *p, u##bits v, int order)          \
	{                                                                                    \
		/* On x86 a store of that order is an exchange. */                           \
		seen(p, bits / 8, order == __ATOMIC_SEQ_CST ? ACCESS_LOCKED : ACCESS_WRITE,  \
		     CALLED_FROM);                                                           \
		__atomic_store_n(p, v, __ATOMIC_SEQ_CST);                                    \
	}                                                                                    \
	RMW(bits, exchange, __atomic_exchange_n)                                             \
	RMW(bits, fetch_add, __atomic_fetch_add)                                             \
	RMW(bits, fetch_sub, __atomic_fetch_sub)                                             \
	RMW(bits, fetch_and, __atomic_fetch_and)                                             \
	RMW(bits, fetch_or, __atomic_fetch_or)                                               \
	RMW(bits, fetch_xor, __atomic_fetch_xor)                                             \
	int __tsan_atomic##bits##_compare_exchange_strong(volatile u##bits *p, u##bits *old, \
							  u##bits v, int order, int failed)  \
	{                                                                                    \
		(void)order, (void)failed;                                                   \
		seen(p, bits / 8, ACCESS_LOCKED, CALLED_FROM);                               \
		return __atomic_compare_exchange_n(p, old, v, false, __ATOMIC_SEQ_CST,       \
						   __ATOMIC_SEQ_CST);                        \
	}                                                                                    \
	int __tsan_atomic##bits##_compare_exchange_weak(volatile u##bits *p, u##bits *old,   \
							u##bits v, int order, int failed)    \
	{                                                                                    \
		(void)order, (void)failed;                                                   \
		seen(p, bits / 8, ACCESS_LOCKED, CALLED_FROM);                               \
		return __atomic_compare_exchange_n(p, old, v, false, __ATOMIC_SEQ_CST,       \
						   __ATOMIC_SEQ_CST);                        \
	}                                                                                    \
	u##bits __tsan_atomic##bits##_compare_exchange_val(volatile u##bits *p, u##bits old, \
							   u##bits v, int order, int failed) \
	{                                                                                    \
		(void)order, (void)failed;                                                   \
		seen(p, bits / 8, ACCESS_LOCKED, CALLED_FROM);                               \
		__atomic_compare_exchange_n(p, &old, v, false, __ATOMIC_SEQ_CST,             \
					    __ATOMIC_SEQ_CST);                               \
		return old;                                                                  \
	}
ATOMIC(8)
ATOMIC(16)
ATOMIC(32)
ATOMIC(64)

/* On x86 only the strongest fence is an instruction. */
void __tsan_atomic_thread_fence(int order)
{
	struct vcpu *cpu = vm.cpu;

	if (!cpu || order != __ATOMIC_SEQ_CST)
		return;
	vcpu_charge(cpu);
	caches_drain(cpu);
	cpu->now += vm.of->fence;
	cpu->counts.work += vm.of->fence;
	cpu->counts.fences++;
}

void __tsan_atomic_signal_fence(int order)
{
	(void)order;
}

/* Calls of the C library's, which the linker sends here (native/Makefile: --wrap). */
void *__real_memcpy(void *to, const void *from, size_t bytes);
void *__real_memmove(void *to, const void *from, size_t bytes);
void *__real_memset(void *to, int byte, size_t bytes);

void *__wrap_memcpy(void *to, const void *from, size_t bytes)
{
	seen_range(from, bytes, ACCESS_READ, CALLED_FROM);
	seen_range(to, bytes, ACCESS_WRITE, CALLED_FROM);
	return __real_memcpy(to, from, bytes);
}

void *__wrap_memmove(void *to, const void *from, size_t bytes)
{
	seen_range(from, bytes, ACCESS_READ, CALLED_FROM);
	seen_range(to, bytes, ACCESS_WRITE, CALLED_FROM);
	return __real_memmove(to, from, bytes);
}

void *__wrap_memset(void *to, int byte, size_t bytes)
{
	seen_range(to, bytes, ACCESS_WRITE, CALLED_FROM);
	return __real_memset(to, byte, bytes);
}

#endif
