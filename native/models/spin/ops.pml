/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ops.pml: the operations on top of a lock model, as far as they concern locks.
 */
#ifdef NO_VMA_LOCK
#define TRY_VMA_LOCK 0
#else
#define TRY_VMA_LOCK 1
#endif

#define LOCALS								\
	byte o = NOBODY, p = NOBODY, result, count, word, other, old,	\
	     born, foreign, turns;					\
	bit taken, held

/* lock_model.h: lock_vma_under_rcu. o is NOBODY, or locked */
inline lock_vma_under_rcu(m, page, o)
{
	rcu[me] = 1;
	turns = 0;
	do
	:: atomic {
		if
		:: SLOT(m, page) == 0 -> o = NOBODY
		:: else -> o = SLOT(m, page) - 1; mark(walked)
		fi
	   }
	   if
	   :: o == NOBODY -> break
	   :: else
	   fi;
#ifdef FREED_AFTER_GRACE
	   assert(!is_free[o]);
#endif
#ifndef NO_VMA_LOCK
	   vma_read_trylock(m, o, result);
#endif
	   if
	   :: result == 1 -> break
	   :: result == 2 && turns == 0 -> turns++
	   :: else -> o = NOBODY; break
	   fi
	od;
	atomic { turns = 0; result = 0 }
	if
	:: o != NOBODY && vm_page[o] != page -> vma_end_read(o); o = NOBODY
	:: else
	fi;
#ifdef EARLY_RCU_END
	rcu[me] = 0;
#endif
	if
	:: o != NOBODY -> grant(m, o, page)
	:: else
	fi;
	rcu[me] = 0
}

/* op_fault.c: op_fault, with its way back to mmap_lock */
inline op_fault(m, page)
{
	mark(op_begin);
#ifndef NO_VMA_LOCK
	lock_vma_under_rcu(m, page, o);
	if
	:: o != NOBODY ->
#ifdef B41
		mmap_read_lock(m);
		mmap_read_unlock(m);
#else
		/* the first write needs mmap_lock (fault_anon_prepare): by trylock */
		atomic {
			held = !map_writer[m];
			if :: held -> map_readers[m]++; mark(mmap_tried) :: else fi
		}
		if
		:: held -> mmap_read_unlock(m)
		:: else
		fi;
		held = 0;
#endif
		grant_end(o);
		vma_end_read(o)
	:: else ->
#endif
		mmap_read_lock(m);
		if
		:: SLOT(m, page) != 0 ->
			o = SLOT(m, page) - 1;
			assert(!is_free[o] && complete[o] && vm_mm[o] == m && vm_page[o] == page)
		:: else
		fi;
		mmap_read_unlock(m)
#ifndef NO_VMA_LOCK
	fi;
#else
	;
#endif
	atomic { o = NOBODY; mark(op_end) }
}

/* op_munmap.c: do_munmap */
inline op_munmap(m, page)
{
	mark(op_begin);
	mmap_write_lock(m);
	if
	:: SLOT(m, page) != 0 ->
		o = SLOT(m, page) - 1;
#ifdef NO_WRITE_LOCK
		stamp[o] = seq[m];
#else
		vma_start_write(m, o);
#endif
#ifdef B14
		/* an inner lock's release ends all stamps of the mm */
		atomic { seq[m] = seq[m] + 2 }
		atomic { assert(granted[o] == 0) }
		stamp[o] = seq[m];
#endif
		vma_mark_detached(m, o);
		atomic { SLOT(m, page) = 0; mark(cleared) }
		mmap_write_downgrade(m);
		mark(zapped);
		object_free(o);
		mmap_read_unlock(m)
	:: else -> mmap_write_unlock(m)
	fi;
	atomic { o = NOBODY; mark(op_end) }
}

/* op_mmap.c: a new VMA, if an object is free */
inline op_mmap(m, page)
{
	mark(op_begin);
	mmap_write_lock(m);
	if
	:: SLOT(m, page) == 0 -> object_take(o)
	:: else
	fi;
	if
	:: o != NOBODY ->
#ifdef B21
		/* in the tree before it is whole, and not locked */
		vma_init_begin(m, o, page);
		vma_mark_attached(o);
		SLOT(m, page) = o + 1;
		complete[o] = 1;
#else
		vma_init(m, o, page);
		mark(map_filled);
		vma_start_write(m, o);
		vma_mark_attached(o);
		atomic { SLOT(m, page) = o + 1; mark(map_linked) }
#endif
	:: else
	fi;
	mmap_write_unlock(m);
	atomic { o = NOBODY; mark(op_end) }
}

/* mm.c: exit_mmap: the VMAs are freed while the tree still names them; stamped readers go away */
inline op_exit(m)
{
	mark(op_begin);
	mmap_write_lock(m);
	mark(exit_locked);
	if
	:: SLOT(m, 0) != 0 ->
		o = SLOT(m, 0) - 1;
		vma_start_write(m, o);
#ifdef FREED_AFTER_GRACE
		SLOT(m, 0) = 0;
		grace_period();
#endif
#ifndef B9
		vma_mark_detached(m, o);
#endif
		object_free(o);
		SLOT(m, 0) = 0;
		mark(exit_freed)
	:: else
	fi;
	mmap_write_unlock(m);
	atomic {
		ending[m] = 1;
		pins[m]--;
		if :: pins[m] == 0 -> mm_generation[m]++ :: else fi
	}
	atomic { o = NOBODY; mark(op_end) }
}

#ifdef B21
inline vma_init_begin(m, o, page)
{
	stamp[o] = UNSET;
	vm_mm[o] = m;
	vm_page[o] = page
}
#endif
