/* SPDX-License-Identifier: Apache-2.0 */
#define LOCK_rwsem
#include "scene.pml"
