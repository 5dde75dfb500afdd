/* SPDX-License-Identifier: Apache-2.0 */
/*
 * api.h (surface): what the Python side (and any other embedder) calls. One call = one complete
 * operation.
 *
 * Handles are opaque and belong to the process; a participant handle belongs to one thread at a
 * time. Functions return 0 or a count, or a negative enum vl_error; emulated calls report -errno
 * inside block results. Text and array getters write at most cap bytes or entries and return how
 * many there would be, so that a caller can grow its buffer and call again.
 */
#ifndef VMALAB_API_H
#define VMALAB_API_H

#include "vmalab/events.h"
#include "vmalab/recover.h"
#include "vmalab/segment.h"

struct participant;

#define VL_DEFAULT_MODEL  "typesafe-rwsem"
#define VL_DEFAULT_LAYOUT "aligned"

/* --- segments: fd comes from posix_ipc (shm_open), stays open in the process while the segment is
 * attached --- */
/* Would vl_seg_create take it? 0, VL_E_INVALID and what is wrong, VL_E_CORE. */
VL_API int vl_config_check(const struct vl_config *config, const char *model, const char *layout,
			   struct vl_config_fault *fault);
/* model and layout choose the core; VL_E_CORE: it is not in the folders of vl_cores_in() and
 * vl_cores_also_in(). */
VL_API int vl_seg_create(int fd, const char *name, const struct vl_config *config,
			 const char *model, const char *layout, struct vl_seg **out);
/* The core is the one that the segment was made with. */
VL_API int vl_seg_attach(int fd, struct vl_seg **out);
/* The model and layout that the segment in fd was made with, for a file that attach would take or
 * refuse with VL_E_CORE; empty strings for any other. Each buffer has 32 bytes. */
VL_API void vl_seg_peek(int fd, char *model, char *layout);
/* Where cores are: files MODEL.LAYOUT.so (a colon of the layout is a dash there). Call first. */
VL_API void vl_cores_in(const char *folder);
/* Where those are that the first folder does not have. */
VL_API void vl_cores_also_in(const char *folder);
/* Is the core there? 0, VL_E_CORE, or VL_E_ABI: it is of another build. */
VL_API int vl_core_find(const char *model, const char *layout);
/* Why the last VL_E_CORE of this thread: the loader's words. */
VL_API const char *vl_core_error(void);
/* What is called when an invariant breaks in this process, before it aborts: the reason as text. It
 * need not return. NULL: nothing. */
VL_API void vl_when_broken(broken_fn told);
VL_API void vl_seg_detach(struct vl_seg *seg);
/* Pid of a living participant with ROLE_SUPERVISOR, 0 if there is none. */
VL_API u32 vl_seg_supervisor(const struct vl_seg *seg);
VL_API void vl_seg_close(struct vl_seg *seg); /* marks it SEG_CLOSING: later attaches are refused */
/* Marks it broken, as a broken invariant does, for who sees that it is damaged: nobody enters any
 * more. why: text for people. */
VL_API void vl_seg_break(struct vl_seg *seg, const char *why);
/* From now on this process outlives a cut of the segment's file, by a handler of SIGBUS (front's
 * outlive.c). For processes that keep the segment to their end. 0, VL_E_LIMIT (16 segments). */
VL_API int vl_seg_outlive_cut(struct vl_seg *seg);
struct vl_seg_info {
	char name[64];
	char model[32];
	char layout[32];
	struct vl_config config;
	u32 abi;
	u32 rcu_flavour;
	u32 state;
	u32 supervisor_pid;
	u64 fingerprint;
	u64 created_ns;
	u64 pages_total, pages_populated, pages_free;
	u64 frames_total, frames_populated, frames_in_use;
	u64 rcu_stalls;
	u64 world_stops;
};
VL_API void vl_seg_info(const struct vl_seg *seg, struct vl_seg_info *out);
VL_API u64 vl_fingerprint(const char *model, const char *layout); /* 0: no such core */
VL_API const char *vl_strerror(int code);

/* --- participants --- */
VL_API int vl_join(struct vl_seg *seg, u32 role, const char *comm, struct participant **out);
VL_API void vl_leave(struct participant *self);
/* Forgets it as its process's death would: its life ends, and what it has is recovery's. For who
 * may not wait for others, before the segment is unmapped. */
VL_API void vl_abandon(struct participant *self);
VL_API u32 vl_participant_index(const struct participant *self);

/* --- accounts: whom what is taken is charged to, and how much each may have --- */
/* New address spaces and opened files of this participant are from now on of the account with that
 * key, which is made if there is none; what is in an address space is charged to its account,
 * whoever does it. key 0: the instance, which has no quota. name: for messages, 47 bytes are kept.
 * The account's number, or VL_E_LIMIT. */
VL_API int vl_account_use(struct participant *self, u64 key, const char *name);
struct vl_limit_info {
	u32 limit; /* enum vl_limit; 0: none */
	u32 account;
	u64 max;
	char name[48]; /* of the account; "": the limit is of the instance */
};
/* Which limit this participant's last VL_E_LIMIT or VL_S_LIMIT was. */
VL_API void vl_limit_met(const struct participant *self, struct vl_limit_info *out);
struct vl_account_info {
	u64 key;
	char name[48];
	u32 account;
	u32 pad;
	/* what is charged, with what participants hold in advance */
	u32 frames, tables, vmas, files, mms;
	/* what it may have */
	u32 frames_max, tables_max, vmas_max, files_max, mms_max;
	u64 refused; /* how often a quota has refused something */
};
/* Every account that is in use; the instance is none. */
VL_API long vl_accounts(struct vl_seg *seg, struct vl_account_info *out, u64 cap);

/* --- cancelling: what this participant does now, and whatever it begins until vl_resume, ends
 * early: long calls with -EINTR, a block with VL_S_CANCELLED. Any thread may call both. --- */
VL_API void vl_cancel(struct participant *self);
VL_API void vl_resume(struct participant *self);

/* --- operations: block.h describes the block. Returns the number of results written (16 bytes
 * each), or VL_E_BLOCK. --- */
VL_API long vl_run(struct participant *self, const void *block, u64 block_bytes, void *results,
		   u64 results_cap);
/* What this participant has counted of itself since it joined: for who times its operations, so it
 * costs a few loads. */
struct vl_own_counts {
	u64 mmap_lock_faults; /* faults that took mmap_lock */
	u64 waits, wait_ns;   /* for locks, that are over; 0 where the instance keeps no events */
};
VL_API void vl_own_counts(const struct participant *self, struct vl_own_counts *out);

/* One FAULT record, if it hits, by who may not wait: it neither waits nor allocates, whatever
 * others hold. 1: done, with its 16 bytes; 0: nothing was done, and vl_run has to do it, also to
 * refuse the record. Always 0 in a lab core, which may be paused. */
VL_API int vl_fault_try(struct participant *self, const void *record, u64 bytes, void *result);
/* How many address spaces the blocks of this participant have made; wraps. Who ran a block learns
 * from it whether there are leases to look for among the results. */
VL_API u32 vl_mms_made(const struct participant *self);
/* Which address spaces a block has made, by its count results: the first cap go into ids. Returns
 * how many there are. */
VL_API long vl_results_made(const void *block, u64 block_bytes, const void *results, u64 count,
			    u64 *ids, u64 cap);
/* Which of these results have a status other than 0: the first cap places, counted from 0, go into
 * at. Returns how many there are. */
VL_API long vl_results_failed(const void *results, u64 count, u32 *at, u64 cap);
VL_API long vl_mincore(struct participant *self, u64 mm, u64 addr, u64 len, u8 *vec,
		       u64 cap); /* 0 or -errno / VL_E_NO_MM */

/* --- address spaces --- */
struct vl_mm_options {
	u64 mmap_base; /* 0: default */
	u64 start_brk;
	u64 brk;
	u64 stack_limit;  /* bytes, RLIMIT_STACK; 0: 8 MiB */
	const char *maps; /* /proc/PID/maps text or NULL */
	u64 maps_bytes;
	u64 as_limit, data_limit, memlock_limit; /* bytes; no limit where `limits` has no bit */
	u64 commit_limit_pages;                  /* what may be promised; 0: as the machine */
	u32 limits;                              /* 1 << RLIMIT_*: which of the three are given */
	u32 lacks;      /* VL_LACKS_*: what the process may not do, or its kernel cannot */
	u32 overcommit; /* 0: as the instance; else 1 + vm.overcommit_memory */
	u32 exec_flags; /* VL_EXEC_SHARED: others run on in the mm that is left */
	u32 pkeys;      /* 0: as the instance; 1: no protection keys; 2: keys */
	u64 exec_of;    /* execve: the mm that a process leaves for this one, with its limits and
			   capabilities (none may be given); 0: a process of its own */
};
#define VL_EXEC_SHARED      1u
#define VL_LACKS_IPC_LOCK   0x1u
#define VL_LACKS_SYS_RAWIO  0x2u
#define VL_LACKS_SYS_ADMIN  0x4u
#define VL_LACKS_ANON_NAMES 0x8u
VL_API int vl_mm_create(struct participant *self, const struct vl_mm_options *options, u64 *mm_id,
			char *error, u64 error_cap);
VL_API int vl_mm_get(struct participant *self, u64 mm);
VL_API int vl_mm_put(struct participant *self,
		     u64 mm); /* the last one of all, with no keep-alive left, runs exit_mmap */
VL_API int vl_mm_keep(struct participant *self, u64 mm, u64 ttl_ns);
VL_API int vl_mm_reap(struct participant *self); /* exit_mmap of every mm without lease whose
						    keep-alive is over; count */
struct vl_mm_info {
	u64 id;
	u32 leases;
	u32 map_count;
	u32 mm_lock_seq;
	u32 pad;
	u64 keep_until_ns; /* CLOCK_MONOTONIC; 0 none */
	u64 total_pages, resident_pages, table_pages;
	u64 mmap_base, start_brk, brk;
	u64 locked_pages, data_pages, accounted_pages;
	u64 exec_from; /* the mm that its process was in before exec; 0: none */
	u32 account;   /* whose it is */
	u32 shared;    /* 1: others may use it too */
};
VL_API long vl_mm_list(struct participant *self, struct vl_mm_info *out, u64 cap);
VL_API long vl_maps(struct participant *self, u64 mm, char *text,
		    u64 cap); /* bytes, or VL_E_NO_MM */
/* maps with a line `VmFlags: rd wr ...` after each area, as in smaps */
VL_API long vl_smaps(struct participant *self, u64 mm, char *text, u64 cap);
/* What vl_query_vma may be asked; the numbers are those of PROCMAP_QUERY in <linux/fs.h>. */
enum vl_query {
	VL_QUERY_READABLE = 1,
	VL_QUERY_WRITABLE = 2,
	VL_QUERY_EXECUTABLE = 4,
	VL_QUERY_SHARED = 8,
	VL_QUERY_COVERING_OR_NEXT = 16, /* without it only the VMA that contains addr */
	VL_QUERY_FILE_BACKED = 32,
	VL_QUERY_FLAGS = 63
};
struct vl_vma_info {
	u64 start, end;
	u64 offset, inode; /* of a file */
	u32 flags;         /* VL_QUERY_READABLE to VL_QUERY_SHARED */
	u32 dev_major, dev_minor;
	u32 pad;
	char name[192]; /* as in maps */
};
/* One VMA that has all that the flags name. 0, -ENOENT, -EINVAL (unknown flags), VL_E_NO_MM. */
VL_API int vl_query_vma(struct participant *self, u64 mm, u64 addr, u32 flags,
			struct vl_vma_info *out);

/* --- files --- */
VL_API int vl_file_open(struct participant *self, u64 dev, u64 ino, u64 size, const char *name,
			u64 ttl_ns, u64 *file_id); /* ttl_ns: the open is leased; 0: it is not */
VL_API int vl_file_close(struct participant *self, u64 file_id, int leased);
VL_API int vl_file_keep(struct participant *self, u64 file_id, u64 ttl_ns);

/* --- owners: an address space and a file are of the account that made them (vl_account_use) --- */
/* What this participant makes from now on is shared with all accounts, or is not. */
VL_API void vl_share_new(struct participant *self, int shared);
VL_API int vl_mm_share(struct participant *self, u64 mm); /* from now on, for good */
VL_API int vl_file_share(struct participant *self, u64 file_id);
/* Whether this participant's account may use it; of what is not there 1: the call says that. */
VL_API int vl_mm_may(const struct participant *self, u64 mm);
VL_API int vl_file_may(const struct participant *self, u64 file_id);
/* The first address space or file in a block that it may not use: 1 (mm) or 2 (file) and its id;
 * 0: there is none. */
VL_API int vl_block_may(const struct participant *self, const void *block, u64 bytes, u64 *id);

/* --- looking inside --- */
struct vl_slab_info {
	char name[32];
	u64 active_objs, num_objs;
	u32 objsize, objperslab, pagesperslab, limit, batchcount, sharedfactor;
	u64 active_slabs, num_slabs, sharedavail;
	u64 allocs, frees, reuses;
};
VL_API long vl_slabinfo(struct vl_seg *seg, struct vl_slab_info *out, u64 cap);
VL_API long vl_stat_names(const char **names, u64 cap);
VL_API long vl_stats(struct vl_seg *seg, u64 *values, u64 cap);
struct vl_lock_info {
	u32 participant, pid;
	char name[16];  /* mmap_lock, vm_lock, file lock, user */
	char mode[4];   /* R, W */
	char state[12]; /* taking, held, waiting */
	u64 mm;
	u64 start, end;
};
VL_API long vl_locks(struct vl_seg *seg, struct vl_lock_info *out, u64 cap);
/* What the ring of a slot holds, oldest first; with what is left of its former participants. */
VL_API long vl_events(struct vl_seg *seg, u32 participant, struct vl_event *out, u64 cap);
struct vl_participant_info {
	u32 index, pid, tid, role, in_core, rcu_active, leases, op;
	u64 start_time;
	u64 rcu;           /* the grace period that its read section began in; 0: it is in none */
	u64 pid_namespace; /* inode number of the namespace that pid and tid are of; 0 unknown */
	u32 alive;         /* the kernel does not say that it is dead */
	u32 pad;
	char comm[16];
};
VL_API long vl_participants(struct vl_seg *seg, struct vl_participant_info *out, u64 cap);
struct vl_field_info {
	const char *type, *field, *guard; /* guard: who writes it under which lock */
	const char *c_type;               /* of the field, or of an element of it */
	u32 offset, size, type_size;
	u32 element_bytes; /* 0: the field is no array */
};
VL_API long vl_layout(const char *model, const char *layout, struct vl_field_info *out, u64 cap);

/* --- invariants and recovery: recover.h --- */

/* --- library users: rwsems by number in the segment, and RCU --- */
/* place 0..2. since_ns: when the wait began of which this is a part, by CLOCK_MONOTONIC; 0: it is
 * no part of one. 0, -ETIMEDOUT. */
VL_API int vl_user_down(struct participant *self, u32 rwsem, u32 place, int write, u64 timeout_ns,
			u64 since_ns);
VL_API int vl_user_up(struct participant *self, u32 rwsem, u32 place, int write);
VL_API int vl_user_downgrade(struct participant *self, u32 rwsem, u32 place);
VL_API void vl_rcu_read_lock(struct participant *self);
VL_API void vl_rcu_read_unlock(struct participant *self);
VL_API void vl_synchronize_rcu(struct participant *self);

/* --- native measurement loops (release core) --- */
struct vl_bench_result {
	u64 iterations;
	u64 fault_ns_x1000; /* ns per fault x 1000 */
	u64 rmw_ns_x1000;   /* ns per uncontended locked add x 1000 */
	u64 vma_lock_success;
};
/* Read faults on the present pages addrs[0..n) round-robin, rounds alternating with locked adds;
 * medians over rounds. */
VL_API int vl_bench_fault(struct participant *self, u64 mm, const u64 *addrs, u64 n, u64 iterations,
			  u32 rounds, struct vl_bench_result *out);

/* One loop until so many ns are over; what one turn is depends on the loop. */
enum vl_bench_loop {
	BENCH_LOOP_WALK = 0,  /* under RCU: walk the tree to addrs[i], read the range of the VMA */
	BENCH_LOOP_LOCK = 1,  /* read-lock the VMA of addrs[i], unlock it */
	BENCH_LOOP_FAULT = 2, /* read fault at addrs[i] */
	BENCH_LOOP_WRITE = 3  /* write-lock the VMA of addrs[i], end that */
};
struct vl_bench_loop_result {
	u64 turns;
	u64 ns;
	u64 failed; /* turns that found no VMA or no lock */
};
VL_API int vl_bench_loop(struct participant *self, u32 loop, u64 mm, const u64 *addrs, u64 n,
			 u64 ns, struct vl_bench_loop_result *out);

/* VMAs of mm that are allocated and freed, `depth` (a divisor of BENCH_SLAB_DEPTH) and then `depth`
 * again, until there were `pairs` of both, rounded up to BENCH_SLAB_DEPTH: *ns. One at a time stays
 * in the magazine; more than that fits goes to the slabs and comes from there. */
#define BENCH_SLAB_DEPTH 1024
VL_API int vl_bench_slab(struct participant *self, u64 mm, u32 depth, u64 pairs, u64 *ns);

/* `count` VMAs that no cache has, in the memory of this function, which nobody else sees, so that
 * nobody has constructed their locks: how many are free after their fields were cleared, and after
 * all of it was initialised; ns of the latter. */
struct vl_stack_result {
	u64 count, free_after_fields, free_after_all, ns;
};
VL_API int vl_bench_stack(struct participant *self, u64 count, struct vl_stack_result *out);

/* Who frees what in vl_bench_reuse: each its own VMAs; anybody anybody's; the last one those of all
 * others. */
enum vl_reuse { REUSE_OWN = 0, REUSE_ANY = 1, REUSE_HANDED = 2 };
struct vl_reuse_plan {
	u64 mm, turns, seed;
	u32 pattern; /* enum vl_reuse */
	u32 live;    /* 1 .. BENCH_SLAB_DEPTH */
};
struct vl_reuse_result {
	u64 allocs;
	u64 reused;   /* of these: of objects that this call had freed before */
	u64 by_other; /* of these: freed by another participant than it was allocated by next */
};
/* `turns` allocations, and frees so that `live` VMAs are in use, in a random order, by self and
 * `count` (1 .. BENCH_REUSE_OTHERS) other participants of this thread. distances[0 .. cap): for the
 * first cap reuses, how many frees lay between the free of the object and its allocation. */
#define BENCH_REUSE_OTHERS 7
VL_API int vl_bench_reuse(struct participant *self, struct participant *const *others, u32 count,
			  const struct vl_reuse_plan *plan, u32 *distances, u64 cap,
			  struct vl_reuse_result *out);

/* The same of objects of two caches whose slots are alike, anon_vma_chain and vma_numab_state, by
 * self alone, of plan: turns, seed, live. Which of the two is allocated changes BENCH_ALIKE_PHASES
 * times, evenly; what is freed is drawn among all in use. */
#define BENCH_ALIKE_PHASES 8
struct vl_alike_result {
	u64 allocs;
	u64 reused;     /* of these: of objects that this call had freed before */
	u64 by_other;   /* of these: freed as an object of the other cache */
	u64 pages_most; /* that both had at a time */
};
VL_API int vl_bench_alike(struct participant *self, const struct vl_reuse_plan *plan,
			  u32 *distances, u64 cap, struct vl_alike_result *out);

#endif
