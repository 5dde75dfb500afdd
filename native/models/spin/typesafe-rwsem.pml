/* SPDX-License-Identifier: Apache-2.0 */
#define LOCK_rwsem
#define TYPESAFE
#include "scene.pml"
