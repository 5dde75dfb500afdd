/* SPDX-License-Identifier: Apache-2.0 */
/*
 * atomics.h (base): ordered access to plain integers in shared memory.
 *
 * The one header in which memory orders stand: elsewhere the order is in the function's name.
 * Shared structs hold plain integers (not _Atomic), because their layout is a file format; the
 * compiler's atomic builtins make each access atomic.
 *
 * Contract of the names:
 *   load_relaxed, store_relaxed   whole values, no order
 *   load_acquire                  later accesses stay after it
 *   store_release                 earlier accesses stay before it
 *   add_*, or_*, and_*            read-modify-write; they return the NEW value
 *   xchg_*                        returns the old value
 *   cmpxchg_*                     strong (fails only when the value differs); *old is updated on
 *                                 failure; a failed one is an acquire where the successful one
 *                                 acquires, else relaxed
 *   fence_full                    sequentially consistent fence (a store before it and a load
 *                                 after it do not pass each other)
 *   fence_acquire, fence_release  C11 fences
 *   compiler_barrier              orders against a kill or signal of the own thread, and against
 *                                 another thread only together with membarrier; costs no
 *                                 instruction
 */
#ifndef VMALAB_ATOMICS_H
#define VMALAB_ATOMICS_H

#include "vmalab/base.h"
#include "vmalab/virtual.h"

#define VL_ATOMICS(T, sfx)                                   \
	static inline T load_relaxed_##sfx(const T *p)       \
	{                                                    \
		return __atomic_load_n(p, __ATOMIC_RELAXED); \
	}                                                    \
	static inline T load_acquire_##sfx(const T *p)       \
	{                                                    \
		return __atomic_load_n(p, __ATOMIC_ACQUIRE); \
	}                                                    \
	static inline void store_relaxed_##sfx(T *p, T v)    \
	{                                                    \
		__atomic_store_n(p, v, __ATOMIC_RELAXED);    \
	}                                                    \
	static inline void store_release_##sfx(T *p, T v)    \
	{                                                    \
		__atomic_store_n(p, v, __ATOMIC_RELEASE);    \
	}

#define VL_RMW(T, sfx, order, ORDER, FAIL_ORDER)                                         \
	static inline T add_##order##_##sfx(T *p, T v)                                   \
	{                                                                                \
		return __atomic_add_fetch(p, v, ORDER);                                  \
	}                                                                                \
	static inline T or_##order##_##sfx(T *p, T v)                                    \
	{                                                                                \
		return __atomic_or_fetch(p, v, ORDER);                                   \
	}                                                                                \
	static inline T and_##order##_##sfx(T *p, T v)                                   \
	{                                                                                \
		return __atomic_and_fetch(p, v, ORDER);                                  \
	}                                                                                \
	static inline T xchg_##order##_##sfx(T *p, T v)                                  \
	{                                                                                \
		return __atomic_exchange_n(p, v, ORDER);                                 \
	}                                                                                \
	static inline bool cmpxchg_##order##_##sfx(T *p, T *old, T v)                    \
	{                                                                                \
		return __atomic_compare_exchange_n(p, old, v, false, ORDER, FAIL_ORDER); \
	}

#define VL_RMWS(T, sfx)                                             \
	VL_RMW(T, sfx, relaxed, __ATOMIC_RELAXED, __ATOMIC_RELAXED) \
	VL_RMW(T, sfx, acquire, __ATOMIC_ACQUIRE, __ATOMIC_ACQUIRE) \
	VL_RMW(T, sfx, release, __ATOMIC_RELEASE, __ATOMIC_RELAXED) \
	VL_RMW(T, sfx, acq_rel, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE) \
	VL_RMW(T, sfx, full, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST)

VL_ATOMICS(u8, u8)
VL_ATOMICS(u16, u16)
VL_ATOMICS(u32, u32)
VL_ATOMICS(u64, u64)
VL_RMWS(u32, u32)
VL_RMWS(u64, u64)

#undef VL_ATOMICS
#undef VL_RMW
#undef VL_RMWS

static inline void fence_full(void)
{
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
}
static inline void fence_acquire(void)
{
	__atomic_thread_fence(__ATOMIC_ACQUIRE);
}
static inline void fence_release(void)
{
	__atomic_thread_fence(__ATOMIC_RELEASE);
}
static inline void compiler_barrier(void)
{
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
}

/* In a spin loop: lets the other hardware thread run and the store that is waited for arrive. */
static inline void cpu_relax(void)
{
#if defined(VL_VIRTUAL)
	virtual_pause();
#elif defined(__x86_64__) || defined(__i386__)
	__builtin_ia32_pause();
#elif defined(__aarch64__)
	__asm__ __volatile__("yield" ::: "memory");
#else
	compiler_barrier();
#endif
}

#endif
