/* SPDX-License-Identifier: Apache-2.0 */
#define LOCK_rwsem
#define SEPARATE
#include "scene.pml"
