/* SPDX-License-Identifier: Apache-2.0 */
#define LOCK_mmap
#include "scene.pml"
