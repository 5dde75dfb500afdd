/* SPDX-License-Identifier: Apache-2.0 */
/* How a file was opened, sealed, and whether it has pages at all. */
#include "edge.h"

static void modes(void)
{
	int both = new_file("opened", 2), only = open("opened", O_RDONLY);
	char *one = mmap(0, 2 * PAGE, PROT_READ, MAP_SHARED, only, 0);
	char *two = mmap(0, 2 * PAGE, PROT_READ, MAP_SHARED, both, 0);
	int again = dup(only);
	char *three = mmap(0, PAGE, PROT_READ, MAP_SHARED, again, 0);

	mprotect(one + PAGE, PAGE, RW);
	mprotect(two + PAGE, PAGE, RW);
	mprotect(three, PAGE, RW);
	munmap(one, 2 * PAGE);
	munmap(three, PAGE);
	mmap(0, PAGE, RW, MAP_SHARED, only, 0);
	mmap(0, PAGE, RW, MAP_PRIVATE, only, 0);
	mmap(0, PAGE, PROT_READ, MAP_PRIVATE, open("opened", O_WRONLY), 0);
	unlink("opened");
}

static void seals(void)
{
	int fd = memfd_create("sealed", MFD_ALLOW_SEALING), other;
	char *at;

	if (ftruncate(fd, 2 * PAGE))
		exit(9);
	at = mmap(0, PAGE, RW, MAP_SHARED, fd, 0);
	fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE); /* EBUSY */
	munmap(at, PAGE);
	fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE);
	mmap(0, PAGE, RW, MAP_SHARED, fd, 0);
	at = mmap(0, PAGE, PROT_READ, MAP_SHARED, fd, 0);
	mprotect(at, PAGE, RW);
	at = mmap(0, PAGE, RW, MAP_PRIVATE, fd, 0);
	touch_write(at);
	other = memfd_create("later", MFD_ALLOW_SEALING);
	if (ftruncate(other, PAGE))
		exit(9);
	at = mmap(0, PAGE, RW, MAP_SHARED, other, 0);
	fcntl(other, F_ADD_SEALS, F_SEAL_FUTURE_WRITE | F_SEAL_SHRINK);
	mmap(0, PAGE, RW, MAP_SHARED, other, 0);
	touch_write(at);
	madvise(at, PAGE, MADV_REMOVE);
	if (!ftruncate(other, 0))
		exit(9);
}

static void pageless(void)
{
	int ends[2];

	if (pipe(ends))
		exit(9);
	mmap(0, PAGE, PROT_READ, MAP_PRIVATE, ends[0], 0);
	mmap(0, PAGE, PROT_READ, MAP_PRIVATE, open("/", O_RDONLY), 0);
	mmap(0, PAGE, PROT_READ, MAP_PRIVATE, open("/dev/null", O_RDWR), 0);
	mmap(0, PAGE, PROT_READ, MAP_PRIVATE, open("/dev/urandom", O_RDONLY), 0);
	mmap(0, PAGE, PROT_READ, MAP_PRIVATE, open("/", O_PATH), 0);
	mmap(0, PAGE, PROT_READ, MAP_PRIVATE, 999, 0);
	MAP_AN(1, PROT_READ);
}

static void zero_device(void)
{
	int fd = open("/dev/zero", O_RDWR);
	char *own = mmap(0, 4 * PAGE, RW, MAP_PRIVATE, fd, 0);
	char *shared = mmap(0, 4 * PAGE, RW, MAP_SHARED, fd, 0);

	touch_write(own);
	madvise(own + PAGE, PAGE, MADV_DONTNEED);
	mprotect(own + 2 * PAGE, PAGE, PROT_READ);
	touch_write(shared + PAGE);
	if (!fork()) {
		touch_write(own);
		touch_write(shared);
		_exit(0);
	}
	wait(0);
	MAP_AN(3, RW);
}

int main(void)
{
	catch_faults();
	modes();
	seals();
	pageless();
	zero_device();
	return 0;
}
