/* SPDX-License-Identifier: Apache-2.0 */
/* lock.pml: the lock of the model that is run (lock_model.h). */
#if defined(LOCK_mmap)
#include "lock_mmap.pml"
#elif defined(LOCK_refcount)
#include "lock_refcount.pml"
#else
#include "lock_rwsem.pml"
#endif
