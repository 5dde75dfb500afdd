/* SPDX-License-Identifier: Apache-2.0 */
/* recover.h (L6): what recovery hooks into lower layers. */
#ifndef VMALAB_RECOVER_H
#define VMALAB_RECOVER_H

/* Sets the hook by which a waiter that finds a lock's owner dead starts recovery. Once per process.
 */
void recover_register(void);

#endif
