/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_life.c: who lives.
 *
 * Goal: a participant lives as long as the memory of its process, and no longer.
 * Method: children join and are looked at from outside: stopped, killed and not waited for, killed
 * while a child of theirs lives on, after they closed every descriptor, or sent them all to where
 * they outlive them, after a thread of theirs ended, after exec. Reading a failure:
 * "participant_alive" = a living one would be buried;
 * "participant_dead" or "dead_set_has" = a dead one would never be.
 */
#include "testseg.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>

static u32 *shared_pid(struct test_seg *ts)
{
	return test_shared(ts);
}

/* A child joins, says so, and does what `how` says; its slot is looked at from here. */
struct joined {
	pid_t pid;
	u32 index;
	int word[2]; /* the child writes its slot, then sleeps until it is killed */
};

static struct joined join_in_child(struct test_seg *ts, void (*then)(struct test_seg *ts))
{
	struct joined child;
	struct participant self;

	CHECK(pipe(child.word) == 0);
	fflush(NULL);
	child.pid = fork();
	CHECK(child.pid >= 0);
	if (child.pid == 0) {
		alarm(120);
		test_seg_remap(ts);
		test_join(ts, &self, ROLE_CLIENT);
		if (then)
			then(ts);
		CHECK(write(child.word[1], &self.index, sizeof(u32)) == sizeof(u32));
		for (;;)
			pause();
	}
	CHECK(read(child.word[0], &child.index, sizeof(u32)) == sizeof(u32));
	return child;
}

static void bury_child(struct test_seg *ts, const struct joined *child)
{
	struct dead_set dead;

	find_dead(&ts->seg, &dead);
	CHECK(dead_set_has(&dead, child->index));
	CHECK_EQ(dead.count, 1);
	rcu_repair(&ts->seg, &dead);
	CHECK(participant_bury(&ts->seg, child->index));
	CHECK(!participant_dead(&ts->seg, child->index) &&
	      !participant_alive(&ts->seg, child->index));
	close(child->word[0]);
	close(child->word[1]);
}

static void close_descriptors(struct test_seg *ts)
{
	(void)ts;
	for (int fd = 3; fd < 1024; fd++) {
		struct stat st;

		if (fstat(fd, &st) == 0 && !S_ISFIFO(st.st_mode))
			close(fd);
	}
}

static void *nothing(void *arg)
{
	return arg;
}

static void end_a_thread(struct test_seg *ts)
{
	pthread_t thread;

	(void)ts;
	CHECK(pthread_create(&thread, NULL, nothing, NULL) == 0);
	CHECK(pthread_join(thread, NULL) == 0);
}

static pid_t grandchild;

/* It outlives its parent, with all that a fork gives it. */
static void fork_on(struct test_seg *ts)
{
	int word[2];

	CHECK(pipe(word) == 0);
	grandchild = fork();
	CHECK(grandchild >= 0);
	if (grandchild == 0) {
		alarm(120);
		for (;;)
			pause();
	}
	store_relaxed_u32(shared_pid(ts), (u32)grandchild);
}

static int letter_box[2]; /* what goes in stays there, with the descriptors in it */

/* Every descriptor that it has, to where they outlive it. */
static void send_descriptors(struct test_seg *ts)
{
	char control[CMSG_SPACE(sizeof(int))] = {0}, byte = 0;
	struct iovec text = {&byte, 1};
	struct msghdr message = {.msg_iov = &text,
				 .msg_iovlen = 1,
				 .msg_control = control,
				 .msg_controllen = sizeof(control)};
	struct cmsghdr *head = CMSG_FIRSTHDR(&message);

	(void)ts;
	head->cmsg_level = SOL_SOCKET;
	head->cmsg_type = SCM_RIGHTS;
	head->cmsg_len = CMSG_LEN(sizeof(int));
	for (int fd = 3; fd < 64; fd++) {
		if (fcntl(fd, F_GETFD) < 0)
			continue;
		memcpy(CMSG_DATA(head), &fd, sizeof(fd));
		CHECK(sendmsg(letter_box[1], &message, 0) == 1);
	}
}

/* The life of a participant is its process's: a thread or a descriptor more or less is nothing, a
 * child that lives on does not keep it, a zombie has none, exec ends it though the pid stays. */
static void test_life(void)
{
	struct test_seg ts;
	struct joined child;
	void (*const deeds[])(struct test_seg *) = {NULL, close_descriptors, end_a_thread, fork_on,
						    send_descriptors};
	siginfo_t info;

	if (TEST_SANITIZED)
		return; /* processes only */
	test_seg_open(&ts, 64ul << 20);
	CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, letter_box) == 0);
	for (u32 i = 0; i < ARRAY_SIZE(deeds); i++) {
		child = join_in_child(&ts, deeds[i]);
		CHECK(participant_alive(&ts.seg, child.index));
		CHECK(kill(child.pid, SIGSTOP) == 0); /* stopped is not dead */
		CHECK(participant_alive(&ts.seg, child.index));
		CHECK(kill(child.pid, SIGKILL) == 0);
		CHECK(waitid(P_PID, (id_t)child.pid, &info, WEXITED | WNOWAIT) == 0);
		CHECK(participant_dead(&ts.seg, child.index)); /* a zombie is dead */
		CHECK(waitpid(child.pid, NULL, 0) == child.pid);
		bury_child(&ts, &child);
	}
	CHECK(kill((pid_t)*shared_pid(&ts), SIGKILL) == 0);
	close(letter_box[0]);
	close(letter_box[1]);
	test_seg_close(&ts);
}

/* exec: the process goes on, what it was in the segment does not. */
static void test_life_exec(void)
{
	struct test_seg ts;
	struct participant self;
	struct joined child;
	char byte;

	if (TEST_SANITIZED)
		return; /* processes only */
	test_seg_open(&ts, 64ul << 20);
	CHECK(pipe(child.word) == 0);
	fflush(NULL);
	child.pid = fork();
	CHECK(child.pid >= 0);
	if (child.pid == 0) {
		test_seg_remap(&ts);
		test_join(&ts, &self, ROLE_CLIENT);
		CHECK(dup2(child.word[1], 1) == 1);
		execlp("sh", "sh", "-c", "echo; exec sleep 120", NULL);
		_exit(1);
	}
	CHECK(read(child.word[0], &byte, 1) == 1); /* the other program runs */
	child.index = 0;
	CHECK(kill(child.pid, 0) == 0);
	CHECK(participant_dead(&ts.seg, child.index));
	bury_child(&ts, &child);
	test_kill(child.pid);
	test_seg_close(&ts);
}

/* A program that has closed our descriptor, and has another file there, cannot tell, and so
 * declares nobody dead. */
static void test_life_unknown(void)
{
	struct test_seg ts;
	struct joined child;
	int fd;

	if (TEST_SANITIZED)
		return; /* processes only */
	test_seg_open(&ts, 64ul << 20);
	child = join_in_child(&ts, NULL);
	test_kill(child.pid);
	CHECK(participant_dead(&ts.seg, child.index));
	fd = dup(ts.seg.fd);
	close(ts.seg.fd);
	CHECK(!participant_dead(&ts.seg, child.index));
	CHECK(memfd_create("another", MFD_CLOEXEC) == ts.seg.fd);
	CHECK(!participant_dead(&ts.seg, child.index));
	CHECK(dup2(fd, ts.seg.fd) == ts.seg.fd);
	close(fd);
	bury_child(&ts, &child);
	test_seg_close(&ts);
}

int main(int argc, char **argv)
{
	(void)test_begin(argc, argv);
	alarm(200);
	test_life();
	test_life_exec();
	test_life_unknown();
	return 0;
}
