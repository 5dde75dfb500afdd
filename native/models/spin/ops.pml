/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ops.pml: the operations on top of a lock model, as far as they concern locks. A scene that has
 * something to say about pages defines OWN_PAGES and fault_page() before it includes this.
 */
#define LOCALS								\
	byte o = NOBODY, p = NOBODY, last = NOBODY, times, result, count, word, other, old,	\
	     born, foreign, node;					\
	bit taken, held, gone, again, under

#define MOVES_OF(m, o) (seq[m] + knocked[o] + generation[o])

/* lock_model.h: lock_vma_found and what is around it. o is NOBODY, or locked and granted; the RCU
 * section is over, as for all but faults. */
inline lock_vma_under_rcu(m, page, o)
{
	rcu_read_lock();
	do
	:: walk(m, page, o);
	   if
	   :: o == NOBODY -> break
	   :: else
	   fi;
#ifdef FREED_AFTER_GRACE
	   rule(rcu, !is_free[o]);
#endif
	   vma_read_trylock(m, o, result);
	   if
	   :: result == 0 -> o = NOBODY; break
	   :: result == 1 -> break
	   :: else ->
		atomic {
			/* a turn for nothing: neither the object nor the writer has moved since */
			rule(livelock, o != last || MOVES_OF(m, o) != times);
			last = o;
			times = MOVES_OF(m, o);
			mark(read_miss)
		}
#ifdef stale_leaf
		/* the leaf is kept while the section is left */
		node = root[m];
		rcu_read_unlock();
		mark(rcu_left);
		rcu_read_lock();
		mark(rcu_again);
#endif
	   fi
	od;
	atomic { last = NOBODY; times = 0; result = 0 }
	if
	:: o != NOBODY && !COVERS(o, page) -> vma_end_read_rcu(o); o = NOBODY
	:: o != NOBODY && COVERS(o, page) -> grant(m, o, page)
	:: o == NOBODY
	fi;
	rcu_read_unlock()
}

/* tree.c: tree_lookup */
inline walk(m, page, o)
{
#ifdef NODES
#ifdef stale_leaf
	if
	:: last == NOBODY -> node = root[m]
	:: else
	fi;
#else
	node = root[m];
#endif
	mark(walking);
	atomic {
		rule(rcu, node_used[node]);
		if
		:: ENTRY(node, page) == 0 -> o = NOBODY
		:: else -> o = ENTRY(node, page) - 1; mark(walked)
		fi;
		node = 0
	}
#else
	atomic {
		if
		:: SLOT(m, page) == 0 -> o = NOBODY
		:: else -> o = SLOT(m, page) - 1; mark(walked)
		fi
	}
#endif
}

#ifndef OWN_PAGES
/* The page is there. */
inline fault_page(m, page, o)
{
	mark(pte_seen);
	mark(word_stored)
}
#endif

/* op_fault.c: op_fault, with its way back to mmap_lock. again: the page wants mmap_lock */
inline op_fault(m, page)
{
	mark(op_begin);
	again = 1;
#ifdef anon_vma_seen_unlocked
	atomic { seen = SLOT(m, page) != 0 && anon[SLOT(m, page) - 1] != 0 }
#endif
#ifndef NO_VMA_LOCK
	lock_vma_under_rcu(m, page, o);
	if
	:: o != NOBODY ->
		atomic { again = 0; under = 1 }
		fault_page(m, page, o);
		under = 0;
		grant_end(o);
		vma_end_read(o);
		o = NOBODY
	:: else
	fi;
#endif
	if
	:: again ->
		mark(fault_retry);
		mmap_read_lock(m);
		mmap_find(m, page, o);
		if
		:: o != NOBODY ->
			atomic { rule(grant_identity, !is_free[o] && vm_mm[o] == m && COVERS(o, page)) }
			fault_page(m, page, o);
			o = NOBODY
		:: else
		fi;
		mmap_read_unlock(m)
	:: else
	fi;
	atomic { again = 0; mark(op_end) }
}
/* vma.h: vma_lookup: with mmap_lock the tree stands still, and its nodes with it */
inline mmap_find(m, page, o)
{
#ifdef NODES
	walk(m, page, o)
#else
	if
	:: SLOT(m, page) != 0 -> o = SLOT(m, page) - 1
	:: else
	fi
#endif
}

/* op_munmap.c: do_munmap */
inline op_munmap(m, page)
{
	mark(op_begin);
	mmap_write_lock(m);
	if
	:: SLOT(m, page) != 0 ->
		o = SLOT(m, page) - 1;
		vma_start_write(m, o);
		vma_mark_detached(m, o);
		mark(gathered);
		tree_store(m, page, 0);
		mark(cleared);
		mmap_write_downgrade(m);
		mark(zapped);
		object_free(o);
		mmap_read_unlock(m)
	:: else -> mmap_write_unlock(m)
	fi;
	atomic { o = NOBODY; mark(op_end) }
}

/* op_mmap.c: map_new, vma_link: a new VMA, if an object is free */
inline op_mmap(m, page)
{
	mark(op_begin);
	mmap_write_lock(m);
	if
	:: !gone ->
		if
		:: SLOT(m, page) == 0 -> object_take(o)
		:: else
		fi;
		if
		:: o != NOBODY ->
			atomic { vm_page[o] = NOBODY; vm_last[o] = 0 }
			vma_init(m, o);
#ifdef published_incomplete
			/* map_early: findable before it is whole, and not locked */
			atomic { vm_page[o] = page; vm_last[o] = page }
			vma_mark_attached(o);
			tree_store(m, page, o + 1);
			mark(map_linked);
			complete[o] = 1;
			mark(map_filled);
#else
			atomic { vm_page[o] = page; vm_last[o] = page; complete[o] = 1 }
			mark(map_filled);
			vma_start_write(m, o);
			vma_mark_attached(o);
			tree_store(m, page, o + 1);
#endif
			mark(map_linked)
		:: else
		fi;
		mmap_write_unlock(m)
	:: else
	fi;
	atomic { o = NOBODY; gone = 0; mark(op_end) }
}

/* op_mprotect.c: mprotect_fixup, the same for all that changes a VMA in place */
inline op_mprotect(m, page)
{
	mark(op_begin);
	mmap_write_lock(m);
	if
	:: SLOT(m, page) != 0 ->
		o = SLOT(m, page) - 1;
		vma_start_write(m, o);
#ifdef inner_unlock_ends_all
		/* an inner lock's release ends all stamps of the mm */
		atomic { seq[m] = seq[m] + 2; mark(write_stamped) }
#endif
		atomic { rule(reader_writer_overlap, granted[o] == 0); mark(prot_set) }
		atomic { rule(reader_writer_overlap, granted[o] == 0); mark(prot_ptes) }
	:: else
	fi;
	mmap_write_unlock(m);
	atomic { o = NOBODY; mark(op_end) }
}

/* mm.c: exit_mmap: the VMAs are detached, and here also freed, while the tree still names them;
 * stamped readers go away */
inline op_exit(m)
{
	mark(op_begin);
	mmap_write_lock(m);
	mark(exit_locked);
	if
	:: SLOT(m, 0) != 0 ->
		o = SLOT(m, 0) - 1;
		vma_start_write(m, o);
#ifndef exit_frees_attached
		vma_mark_detached(m, o);
#endif
		mark(exit_unmapped);
#ifdef FREED_AFTER_GRACE
		SLOT(m, 0) = 0;
		synchronize_rcu();
#endif
		object_free_unreachable(o);
		mark(exit_freed);
		SLOT(m, 0) = 0
	:: else
	fi;
	ending[m] = 1;
	seq[m] = NEXT(seq[m]);
	map_writer[m] = 0;
	atomic {
		pins[m]--;
		if
		:: pins[m] == 0 -> mm_generation[m]++
		:: else
		fi
	}
	atomic { o = NOBODY; mark(op_end) }
}

/* An object that is in the tree from the start. */
#define there(o, m, page)						\
	is_free[o] = 0; complete[o] = 1; inserted[o] = 1; det[o] = 0; refcnt[o] = 1;	\
	vm_mm[o] = m; vm_page[o] = page; vm_last[o] = page; lock_object_alloc(o);	\
	SLOT(m, page) = o + 1
/* At the end: what is in the tree is attached, what is free is not, nobody has anything. */
#define at_rest(o)							\
	lock_check_end(o); rule(fsck, granted[o] == 0);			\
	rule(fsck, !is_free[o] || LOCK_IS_DETACHED(o))
