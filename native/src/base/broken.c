/* SPDX-License-Identifier: Apache-2.0 */
/*
 * broken.c: what a broken invariant does.
 */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "vmalab/lab.h"

broken_fn vl_on_broken;
static broken_fn when_broken;

void core_when_broken(broken_fn told)
{
	when_broken = told;
}

void vl_broken(const char *file, int line, const char *what)
{
	const char *name = strrchr(file, '/');
	char why[128];

	lab_assert_failed(file, line, what); /* a run of the lab ends there, not here */
	fprintf(stderr, "vmalab: broken invariant at %s:%d: %s (pid %d)\n", file, line, what,
		(int)getpid());
	snprintf(why, sizeof(why), "%s:%d: %s", name ? name + 1 : file, line, what);
	if (vl_on_broken)
		vl_on_broken(why);
	if (when_broken)
		when_broken(why);
	abort();
}
