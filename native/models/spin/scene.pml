/* SPDX-License-Identifier: Apache-2.0 */
/* scene.pml: who meets whom: the scene that is run, on the lock of the model that includes this. */
#if defined(SCENE_reuse)
#include "reuse.pml"
#elif defined(SCENE_order)
#include "order.pml"
#elif defined(SCENE_change)
#include "change.pml"
#elif defined(SCENE_dup)
#include "dup.pml"
#elif defined(SCENE_cursor)
#include "cursor.pml"
#elif defined(SCENE_pages)
#include "pages.pml"
#elif defined(SCENE_dies)
#include "dies.pml"
#elif defined(SCENE_wrap)
#include "wrap.pml"
#elif defined(SCENE_fork)
#include "fork.pml"
#elif defined(SCENE_stack)
#include "stack.pml"
#endif
