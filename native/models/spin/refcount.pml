/* SPDX-License-Identifier: Apache-2.0 */
#define SECOND_OBJECT 0
#include "lock_refcount.pml"
#ifdef ORDER
#include "order.pml"
#else
#include "reuse.pml"
#endif
