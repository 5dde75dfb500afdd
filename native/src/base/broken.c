/* SPDX-License-Identifier: Apache-2.0 */
/*
 * broken.c: what a broken invariant does.
 */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "vmalab/lab.h"

broken_fn vl_on_broken;

void vl_broken(const char *file, int line, const char *what)
{
	lab_assert_failed(file, line, what); /* a run of the lab ends there, not here */
	fprintf(stderr, "vmalab: broken invariant at %s:%d: %s (pid %d)\n", file, line, what,
		(int)getpid());
	if (vl_on_broken)
		vl_on_broken();
	abort();
}
