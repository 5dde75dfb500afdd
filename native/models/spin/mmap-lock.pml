/* SPDX-License-Identifier: Apache-2.0 */
#define SECOND_OBJECT 0
#include "lock_mmap.pml"
#include "reuse.pml"
