# SPDX-License-Identifier: Apache-2.0
"""Goal: a recorded folder holds what the program did, with its maps at the right places.

Method: small C programs and shell pipelines are recorded for real; the folder is read and replayed
on an instance, which must agree with the kernel. A disagreement names the line of the trace.
"""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from servers import vmalab
from vmalab_drive import drivers, instances
from vmalab_trace import maps, plan, player, reorder, replay, verdict
from vmalab_trace.folder import Folder, Meta
from vmalab_trace.record import RecordConfig, RecordError, record
from vmalab_trace.steps import Kind, Step

THREADS_AND_FORK = r"""
#define _GNU_SOURCE
#include <pthread.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

static void *work(void *unused)
{
	for (int round = 0; round < 60; round++) {
		char *area = mmap(0, 3 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		area[4096] = 1;
		mprotect(area + 4096, 4096, PROT_READ);
		char *rest = area + 4096;
		area = mremap(area, 4096, 5 * 4096, MREMAP_MAYMOVE);
		munmap(rest, 2 * 4096);
		munmap(area, 5 * 4096);
	}
	return unused;
}

int main(void)
{
	pthread_t threads[3];
	unsigned char bits[16];
	for (int i = 0; i < 3; i++)
		pthread_create(&threads[i], 0, work, 0);
	work(0);
	for (int i = 0; i < 3; i++)
		pthread_join(threads[i], 0);
	char *area = mmap(0, 16 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	area[5 * 4096] = 1;
	mincore(area, 16 * 4096, bits);
	if (!fork()) {
		area[7 * 4096] = 2;
		mincore(area, 16 * 4096, bits);
		munmap(area + 4096, 4096);
		_exit(0);
	}
	wait(0);
	if (!vfork())
		execl("/bin/true", "true", (char *)0);
	wait(0);
	mincore(area, 16 * 4096, bits);
	return 3;
}
"""

SHRINKING_FILE = r"""
#define _GNU_SOURCE
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

static sigjmp_buf again;
static int bus_errors;

static void handler(int signal)
{
	bus_errors++;
	siglongjmp(again, signal);
}

static void touch(volatile char *byte)
{
	if (!sigsetjmp(again, 1))
		*byte = 1;
}

int main(void)
{
	int fd = memfd_create("area", 0), other = memfd_create("never mapped", 0);
	char *shared, *copy;

	signal(SIGBUS, handler);
	ftruncate(other, 4096);
	ftruncate(fd, 4 * 4096);
	shared = mmap(0, 4 * 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	copy = mmap(0, 4 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	touch(shared + 3 * 4096);
	touch(copy + 3 * 4096);
	ftruncate(fd, 2 * 4096);
	touch(shared + 3 * 4096);
	touch(copy + 3 * 4096);
	fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 4096);
	touch(shared);
	fallocate(fd, 0, 0, 4 * 4096);
	touch(shared + 3 * 4096);
	touch(copy + 3 * 4096);
	munmap(copy, 4 * 4096);
	ftruncate(fd, 0);
	touch(shared);
	return bus_errors;
}
"""


def play(root: Path) -> verdict.Verdict:
    """Replay a folder in this process."""
    read = plan.load(Folder(root))
    with (
        instances.instance_for(mode="attach") as target,
        drivers.connect(target, "attach") as driver,
    ):

        def once(steps: list[Step]) -> verdict.Verdict:
            names = replay.identities(read, 0)
            score = replay.score_of(read, steps, [0] * len(steps), names, target, "attach")
            one = player.Player(score, driver, [0] * max(read.slots, 1))
            one.play(0, len(steps))
            player.end_all(driver, one.mms, one.files, score)
            assert driver.fsck() == []
            return verdict.judge(read, steps, one.outcomes, names)

        return reorder.improve(read.steps, once(read.steps), once, tries_max=64).verdict


FILE_TO_READ_ONLY = r"""
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	int both = open(argv[1], O_RDWR | O_CREAT, 0600), only = open(argv[1], O_RDONLY);
	if (ftruncate(both, 8192))
		return 1;
	char *one = mmap(0, 8192, PROT_READ, MAP_SHARED, only, 0);
	char *two = mmap(0, 8192, PROT_READ, MAP_SHARED, both, 0);
	if (mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, only, 0) != MAP_FAILED)
		return 2;
	return mprotect(two, 4096, PROT_READ | PROT_WRITE) ? 3 : -mprotect(one, 4096, 3);
}
"""


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("program")
    source = folder / "program.c"
    source.write_text(THREADS_AND_FORK)
    target = folder / "program"
    subprocess.run(["gcc", "-O1", "-pthread", "-o", target, source], check=True)
    return target


def check_folder(root: Path, meta: Meta) -> None:
    """What must hold for every recording."""
    read = plan.load(Folder(root))
    marks = [step for step in read.steps if step.snapshot >= 0]
    assert len(marks) == len(meta.snapshots) == read.program.markers
    assert not read.program.unread
    assert read.program.before_start == 0
    text = Folder(root).maps(0)
    assert text is not None
    stack = [area for area in maps.parse(text) if area.path == "[stack]"]
    assert len(stack) == 1
    assert not [line for line in Folder(root).lines() if "SIGSTOP {" in line or "SIGCONT {" in line]


def test_a_file_that_shrinks_and_gets_a_hole(tmp_path: Path) -> None:
    """Whether an access beyond the end is a SIGBUS depends on the truncations before it, and on
    no process of the replay setting the size back."""
    (tmp_path / "shrinking.c").write_text(SHRINKING_FILE)
    target = tmp_path / "shrinking"
    subprocess.run(["gcc", "-O1", "-w", "-o", target, tmp_path / "shrinking.c"], check=True)
    root = tmp_path / "trace"
    meta = record([str(target)], root, RecordConfig())
    check_folder(root, meta)
    assert meta.exit_status == 3
    read = plan.load(Folder(root))
    changes = [step.text() for step in read.steps if step.text().startswith(("ftr", "fall"))]
    assert len(changes) == 5, changes
    assert sum(step.signal == 7 for step in read.steps) == 3
    result = play(root)
    assert result.good, result.first_disagreements
    assert result.unsupported == {}
    assert [n for note, n in result.not_compared.items() if "of ftruncate" in note] == [1]
    done = vmalab("replay", str(root), "--json", "--processes", "3", "--mode", "batch")
    assert done.returncode == 0, done.stdout + done.stderr


def test_how_a_file_was_opened(tmp_path: Path) -> None:
    """A mapping of a file that was opened to read only must not become writable; the same call on
    an open to read and write must succeed. Both look alike in strace's text."""
    (tmp_path / "only.c").write_text(FILE_TO_READ_ONLY)
    target = tmp_path / "only"
    subprocess.run(["gcc", "-O1", "-o", target, tmp_path / "only.c"], check=True)
    root = tmp_path / "trace"
    meta = record([str(target), str(tmp_path / "file")], root, RecordConfig())
    assert meta.exit_status == 1
    assert list(meta.modes.values()) == [1]
    result = play(root)
    assert result.good, result.first_disagreements


@pytest.mark.parametrize("faults", [True, False])
def test_threads_and_fork(program: Path, tmp_path: Path, faults: bool) -> None:
    root = tmp_path / "trace"
    meta = record([str(program)], root, RecordConfig(every_calls=100, faults=faults))
    check_folder(root, meta)
    assert meta.exit_status == 3
    assert [one.why for one in meta.snapshots].count("exec") == 2
    assert [one.why for one in meta.snapshots].count("check") >= 3
    assert meta.snapshots[0].start_brk == meta.start_brk > 0
    read = plan.load(Folder(root))
    assert len({step.tid for step in read.steps}) >= 5
    assert len([step for step in read.steps if step.kind is Kind.FORK]) == 1
    assert read.ordering.unresolved == 0
    result = play(root)
    assert result.good, result.first_disagreements
    assert result.ops > 800
    assert result.maps_checked >= 4
    if meta.faults_source and not meta.faults_lost:
        assert result.faults_checked > 200
        assert result.mincore_compared == 3
    else:
        assert result.mincore_not_compared == 3


def test_pipeline(tmp_path: Path) -> None:
    """A shell, its children, and what they execute: each an address space."""
    root = tmp_path / "trace"
    command = ["/bin/sh", "-c", "ls / | sort | head -3; exec cat /etc/hostname"]
    meta = record(command, root, RecordConfig(compress="gz"))
    check_folder(root, meta)
    assert [one.why for one in meta.snapshots].count("exec") == 5
    result = play(root)
    assert result.good, result.first_disagreements
    assert (root / "trace.gz").is_file()


def test_without_check_points(program: Path, tmp_path: Path) -> None:
    meta = record([str(program)], tmp_path / "trace", RecordConfig(every_calls=0, faults=False))
    assert [one.why for one in meta.snapshots].count("check") == 0


def test_refusals(tmp_path: Path) -> None:
    with pytest.raises(RecordError, match="could not be run"):
        record(["/nonexistent/program"], tmp_path / "one", RecordConfig(faults=False))
    (tmp_path / "two").mkdir()
    (tmp_path / "two" / "file").touch()
    with pytest.raises(RecordError, match="not empty"):
        record(["true"], tmp_path / "two", RecordConfig(faults=False))
    with pytest.raises(RecordError, match="no command"):
        record([], tmp_path / "three", RecordConfig())


def test_a_program_killed_by_a_signal(tmp_path: Path) -> None:
    """It has no last snapshot, and the trace says how it ended."""
    root = tmp_path / "trace"
    meta = record(["/bin/sh", "-c", "kill -SEGV $$"], root, RecordConfig(faults=False))
    assert meta.snapshots[-1].why == "exec"
    assert any("killed by SIGSEGV" in line for line in Folder(root).lines())
    assert play(root).good
