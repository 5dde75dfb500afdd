/* SPDX-License-Identifier: Apache-2.0 */
/*
 * base.h (base): types, references, error codes, build-time assertions.
 *
 * Shared memory holds offsets, never pointers. A vl_ref is an offset from the start of the
 * segment in units of 16 bytes, so that 32 bits reach 64 GiB; 0 is "nothing". PTR() and REF()
 * convert, with the mapping of the calling process.
 */
#ifndef VMALAB_BASE_H
#define VMALAB_BASE_H

#include <assert.h>
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;
typedef int32_t s32;
typedef int64_t s64;
typedef u32 vl_ref;

#define CACHE_LINE    64
#define PAGE_SHIFT    12
#define PAGE_SIZE     (1ul << PAGE_SHIFT)
#define PAGE_MASK     (~(PAGE_SIZE - 1))
#define PAGE_ALIGN(x) (((x) + PAGE_SIZE - 1) & PAGE_MASK)
#define TASK_SIZE     0x7ffffffff000ul
#define REF_SHIFT     4

#define VL_API                    __attribute__((visibility("default")))
#define likely(x)                 __builtin_expect(!!(x), 1)
#define unlikely(x)               __builtin_expect(!!(x), 0)
#define __cacheline_aligned       __attribute__((aligned(CACHE_LINE)))
#define ARRAY_SIZE(a)             (sizeof(a) / sizeof((a)[0]))
#define ALIGN_UP(x, a)            (((x) + (a) - 1) & ~((u64)(a) - 1))
#define min_u64(a, b)             ((u64)(a) < (u64)(b) ? (u64)(a) : (u64)(b))
#define max_u64(a, b)             ((u64)(a) > (u64)(b) ? (u64)(a) : (u64)(b))
#define SIZE_IS(type, n)          _Static_assert(sizeof(type) == (n), "size of " #type)
#define OFFSET_IS(type, field, n) _Static_assert(offsetof(type, field) == (n), #type "." #field)

/* Error codes of the library itself (calls that set up or look inside). Emulated calls give -errno.
 */
enum vl_error {
	VL_OK = 0,
	VL_E_EXISTS = -2001,      /* a segment of that name exists */
	VL_E_MISSING = -2002,     /* no such segment */
	VL_E_FOREIGN = -2003,     /* bad magic: not a vmalab segment */
	VL_E_TRUNCATED = -2004,   /* file shorter than the header says */
	VL_E_ABI = -2005,         /* other ABI version */
	VL_E_FINGERPRINT = -2006, /* same ABI version, other struct layout, lock model or build */
	VL_E_NOT_READY = -2007,   /* its creator has not finished, or died while making it */
	VL_E_BROKEN = -2008,      /* a broken invariant stopped the segment */
	VL_E_SPACE = -2009,       /* /dev/shm has no room */
	VL_E_NO_SLOT = -2010,     /* all participant slots are taken */
	VL_E_NO_MM = -2011,       /* no such mm (stale or foreign id) */
	VL_E_LIMIT = -2012,       /* a named limit was reached */
	VL_E_BLOCK = -2013,       /* malformed block */
	VL_E_RCU = -2014,     /* the segment wants membarrier and this process cannot register */
	VL_E_INVALID = -2015, /* argument out of bounds */
	VL_E_SYS = -2016,     /* a system call failed; errno tells */
	VL_E_CORE = -2017,    /* no core was built for that lock model and layout */
	VL_E_CLOCK = -2018,   /* made in another time namespace: its clock is not ours */
	VL_E_DAMAGED = -2019, /* what the header or a slot says cannot be */
};

/* Stops the segment loudly: prints file, line and what, has every segment that this process has
 * mapped marked broken (vl_on_broken), so that nobody enters any more, and aborts. */
void vl_broken(const char *file, int line, const char *what) __attribute__((noreturn, cold));
/* Marks them, with the reason; set by segment.c, which knows their headers. May be NULL. */
typedef void (*broken_fn)(const char *why);
extern broken_fn vl_on_broken;
/* Called after that, before the abort, with the reason; NULL: nobody. It need not return. Set for
 * the whole process: a server ends with an exit code and a state instead of a core dump. */
void core_when_broken(broken_fn told);
#define VL_ASSERT(cond)                                       \
	do {                                                  \
		if (unlikely(!(cond)))                        \
			vl_broken(__FILE__, __LINE__, #cond); \
	} while (0)

#endif
