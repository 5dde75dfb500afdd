/* SPDX-License-Identifier: Apache-2.0 */
/* caches.h (base): numbers of the kmem_caches; their order is part of the segment's fingerprint. */
#ifndef VMALAB_CACHES_H
#define VMALAB_CACHES_H

enum vl_cache {
	CACHE_VMA = 0,      /* vm_area_struct */
	CACHE_NODE = 1,     /* maple_node: 256-byte nodes of the range tree */
	CACHE_ANON_VMA = 2, /* anon_vma */
	CACHE_AVC = 3,      /* anon_vma_chain */
	CACHE_NAME = 4,     /* anon_vma_name */
	CACHE_NUMAB = 5,    /* vma_numab_state */
	CACHE_VMA_LOCK = 6, /* vma_lock: the rwsems of split-rwsem */
	CACHE_POLICY = 7,   /* mempolicy; in the lab core alone */
	CACHE_TEST0 = 14,   /* for the tests of the slab itself */
	CACHE_TEST1 = 15,
};

#endif
