/* SPDX-License-Identifier: Apache-2.0 */
/* Files whose name or inode number is another file's too: replaced, renamed, unlinked, memfds of
 * one name; a file that a write makes longer; names with odd letters. */
#include "edge.h"

static void replaced(void)
{
	for (int i = 1; i <= 3; i++) {
		int fd = new_file("replaced", i);
		char *at = mmap(0, 4 * PAGE, RW, MAP_SHARED, fd, 0);

		touch_write(at + (i - 1) * PAGE);
		touch_read(at + i * PAGE);
		close(fd);
		if (i == 2)
			rename("replaced", "elsewhere");
		else
			unlink("replaced");
	}
	unlink("elsewhere");
}

/* Unlinked and unmapped, a file's inode number is the next one's. */
static void reused(void)
{
	char name[16];

	for (int i = 1; i <= 4; i++) {
		int fd;
		char *at;

		snprintf(name, sizeof(name), "reused%d", i);
		fd = new_file(name, i);
		unlink(name);
		at = mmap(0, 5 * PAGE, RW, MAP_SHARED, fd, 0);
		touch_write(at + (i - 1) * PAGE);
		touch_read(at + i * PAGE);
		close(fd);
		if (i < 4)
			munmap(at, 5 * PAGE);
	}
}

static void memfds(void)
{
	for (int i = 1; i <= 3; i++) {
		int fd = memfd_create("one name", 0);
		char *at;

		if (ftruncate(fd, i * (off_t)PAGE))
			exit(9);
		at = mmap(0, 4 * PAGE, RW, MAP_SHARED, fd, 0);
		touch_write(at + (i - 1) * PAGE);
		touch_write(at + 3 * PAGE);
		close(fd);
	}
}

static void grown(void)
{
	static const char text[PAGE];
	int fd = open("grown", O_RDWR | O_CREAT | O_TRUNC, 0600);
	char *at;

	if (write(fd, text, PAGE) != (ssize_t)PAGE)
		exit(9);
	at = mmap(0, 4 * PAGE, RW, MAP_SHARED, fd, 0);
	touch_read(at);
	touch_read(at + PAGE);
	if (pwrite(fd, text, PAGE, PAGE) != (ssize_t)PAGE)
		exit(9);
	touch_read(at + PAGE);
	touch_read(at + 2 * PAGE);
	if (open("grown", O_WRONLY | O_TRUNC) < 0)
		exit(9);
	touch_read(at);
	unlink("grown");
}

/* Written through one open, mapped through another. */
static void written_elsewhere(void)
{
	static const char text[2 * PAGE];
	int out = open("elsewhere", O_WRONLY | O_CREAT | O_EXCL, 0600),
	    in = open("elsewhere", O_RDONLY);
	char *at = mmap(0, 4 * PAGE, PROT_READ, MAP_SHARED, in, 0);

	touch_read(at);
	lseek(out, PAGE, SEEK_SET);
	if (write(out, text, 2 * PAGE) != 2 * PAGE)
		exit(9);
	touch_read(at + 2 * PAGE);
	touch_read(at + 3 * PAGE);
	unlink("elsewhere");
}

static void names(void)
{
	static const char *const odd[] = {"new\nline",      "quo\"te",    "back\\slash",
					  "gone (deleted)", "less<than>", "\303\244\303\266"};

	for (unsigned i = 0; i < sizeof(odd) / sizeof(*odd); i++) {
		int fd = new_file(odd[i], 2);

		mmap(0, PAGE, RW, MAP_SHARED, fd, 0);
		unlink(odd[i]);
		mmap(0, PAGE, RW, MAP_SHARED, fd, PAGE);
		close(fd);
	}
}

int main(void)
{
	catch_faults();
	replaced();
	reused();
	memfds();
	grown();
	written_elsewhere();
	names();
	return 0;
}
