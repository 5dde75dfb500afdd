/* SPDX-License-Identifier: Apache-2.0 */
/*
 * life.c: which participants live, as the kernel says it.
 *
 * Participant i is alive while byte LIFE_BYTE + i of the segment's file is locked (F_OFD_SETLK,
 * exclusive). The lock belongs to an open file description, and goes when nothing refers to that
 * any more. What refers to it, and why each of these does what it should:
 *
 *   a descriptor    closed again within participant_join, so that none is left that a child could
 *                   inherit, an exec could keep, a socket could carry, or a program that closes all
 *                   its descriptors could close. In between, fork() waits (life_lock_fork), and
 *                   exec closes it (O_CLOEXEC).
 *   the mapping     of one page, without access, MADV_DONTFORK: no child has it. It is torn down
 *                   with the memory of the process (exit or exec), after the last thread that could
 *                   run in this memory has gone: the lock is there for as long as anything can be
 *                   written, and no longer. A thread that ends leaves it alone: a participant
 *                   belongs to its process.
 *
 * Not seen as an end: a process that writes a core dump, or is stopped, or is held by a debugger:
 * it still has its memory. A child by vfork(), or clone(CLONE_VM), keeps the memory of a parent
 * that was killed until it executes or ends; so long the parent counts as alive.
 *
 * An end is final: the byte is taken again only for a slot with ROLE_FREE (participant.c:claim),
 * and a dead one's slot gets that role from the recovery that buries it.
 *
 * Left aside: pid and start time (another namespace reads another /proc; hidepid hides it; exec
 * keeps both); a robust futex (belongs to a thread, participants go from thread to thread); fcntl's
 * older locks (lost when any descriptor of the file is closed); pidfds (cannot be shared in a
 * file).
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "vmalab/life.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define LIFE_BYTE (1ll << 40) /* beyond every segment; the file need not reach there */

_Static_assert(SEG_SIZE_MAX < (u64)LIFE_BYTE, "locks lie behind the segment");

static pthread_mutex_t forking = PTHREAD_MUTEX_INITIALIZER;

void life_lock_fork(void)
{
	(void)pthread_mutex_lock(&forking);
}

void life_unlock_fork(void)
{
	(void)pthread_mutex_unlock(&forking);
}

__attribute__((constructor)) static void life_register(void)
{
	(void)pthread_atfork(life_lock_fork, life_unlock_fork, life_unlock_fork);
}

static bool same_file(const struct vl_seg *seg, int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && (u64)st.st_dev == seg->file_dev &&
	       (u64)st.st_ino == seg->file_ino;
}

static int open_checked(const struct vl_seg *seg, const char *path)
{
	int fd = open(path, O_RDWR | O_CLOEXEC);

	if (fd >= 0 && !same_file(seg, fd)) {
		close(fd);
		return -1;
	}
	return fd;
}

int life_open(const struct vl_seg *seg)
{
	char path[VL_NAME_MAX + 32];
	int fd;

	/* By the descriptor, as the name may be gone; by the name, as /proc may not be there. */
	snprintf(path, sizeof(path), "/proc/self/fd/%d", seg->fd);
	fd = open_checked(seg, path);
	if (fd >= 0)
		return fd;
	snprintf(path, sizeof(path), "/dev/shm/vmalab.%.*s", VL_NAME_MAX - 1, seg->hdr->name);
	return open_checked(seg, path);
}

static struct flock byte_of(u32 index, short type)
{
	return (struct flock){.l_type = type,
			      .l_whence = SEEK_SET,
			      .l_start = LIFE_BYTE + (off_t)index,
			      .l_len = 1};
}

bool life_take(int fd, u32 index)
{
	struct flock lock = byte_of(index, F_WRLCK);

	return fcntl(fd, F_OFD_SETLK, &lock) == 0;
}

void life_drop(int fd, u32 index)
{
	struct flock lock = byte_of(index, F_UNLCK);

	(void)fcntl(fd, F_OFD_SETLK, &lock);
}

void *life_keep(int fd)
{
	void *page = mmap(NULL, PAGE_SIZE, PROT_NONE, MAP_SHARED, fd, 0);

	if (page != MAP_FAILED && madvise(page, PAGE_SIZE, MADV_DONTFORK) != 0) {
		munmap(page, PAGE_SIZE);
		page = MAP_FAILED;
	}
	close(fd);
	return page == MAP_FAILED ? NULL : page;
}

void life_end(void *page)
{
	munmap(page, PAGE_SIZE);
}

bool life_ended(const struct vl_seg *seg, u32 index)
{
	struct flock ask = byte_of(index, F_WRLCK);
	int saved = errno;
	bool ended = fcntl(seg->fd, F_OFD_GETLK, &ask) == 0 && ask.l_type == F_UNLCK &&
		     same_file(seg, seg->fd);

	errno = saved;
	return ended;
}

static u64 namespace_of(const char *path)
{
	struct stat st;
	int saved = errno;
	u64 inode = stat(path, &st) == 0 ? (u64)st.st_ino : 0;

	errno = saved;
	return inode;
}

u64 life_clock_namespace(void)
{
	return namespace_of("/proc/self/ns/time");
}

u64 life_pid_namespace(void)
{
	return namespace_of("/proc/self/ns/pid");
}
