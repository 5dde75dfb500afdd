/* SPDX-License-Identifier: Apache-2.0 */
#define LOCK_refcount
#include "scene.pml"
