/* SPDX-License-Identifier: Apache-2.0 */
#define TYPESAFE
#define SECOND_OBJECT 0
#include "lock_rwsem.pml"
#ifdef ORDER
#include "order.pml"
#else
#include "reuse.pml"
#endif
