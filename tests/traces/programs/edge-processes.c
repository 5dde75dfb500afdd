/* SPDX-License-Identifier: Apache-2.0 */
/* Processes that end inside calls, that others continue, and that may do less than before. */
#include "edge.h"

static void killed(void)
{
	for (int i = 0; i < 12; i++) {
		int child = fork();

		if (!child)
			for (;;)
				munmap(MAP_AN(1, RW), PAGE);
		usleep(2000 + i * 137);
		kill(child, SIGKILL);
		waitpid(child, 0, 0);
	}
}

/* As a shell does, and tmux: whoever sees its child stop lets it go on. */
static void continued(void)
{
	for (int i = 0; i < 3; i++) {
		int child = fork(), status;

		if (!child) {
			execl("/bin/true", "true", (char *)0);
			_exit(1);
		}
		while (waitpid(child, &status, WUNTRACED) == child && WIFSTOPPED(status))
			kill(child, SIGCONT);
	}
}

/* Without CAP_IPC_LOCK the limit counts. */
static void without_root(void)
{
	struct rlimit limit = {2 * PAGE, 2 * PAGE};
	char *at = MAP_AN(8, RW);

	if (fork())
		return (void)wait(0);
	setrlimit(RLIMIT_MEMLOCK, &limit);
	mlock(at, 4 * PAGE);
	munlock(at, 4 * PAGE);
	if (!setuid(65534)) {
		mlock(at, 4 * PAGE);
		mlock(at, 2 * PAGE);
	}
	_exit(0);
}

int main(void)
{
	killed();
	continued();
	without_root();
	return 0;
}
