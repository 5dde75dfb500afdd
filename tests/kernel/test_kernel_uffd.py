# SPDX-License-Identifier: Apache-2.0
"""userfaultfd against the running kernel: which areas can be registered, what a touch of a missing,
protected or minor page says, what fills it, and what other calls make of registered areas.

Goal: every answer of the ioctls, every fault and every merge is the kernel's. Method: both.py does
each call on both sides; an access that waits in the real process is sent away by a thread that has
read the message, and counts as "userfaultfd N" with the message's flags (1 write, 2 write
protection, 4 minor). A failure shows the call and both answers.
"""

import errno
from collections.abc import Iterator

import pytest

from both import Both, both
from comparing import KERNEL

pytestmark = [
    pytest.mark.usefixtures("each_model"),
    pytest.mark.needs(*KERNEL, "userfaultfd", "uffd-move", "guards"),
]
READ, RW = 1, 3
PRIVATE, SHARED, SHARED_ANON, GROWSDOWN = 0x12, 0x11, 0x31, 0x132
MISSING, WP, MINOR = 1, 2, 4
DONTWAKE, COPY_WP = 1, 2
SIGBUS, WP_UNPOPULATED, WP_ASYNC = 1 << 7, 1 << 13, 1 << 15
DONTNEED, FREE, REMOVE, DONTFORK, WIPEONFORK = 4, 8, 9, 10, 18
POPULATE_READ, POPULATE_WRITE, GUARD_INSTALL, GUARD_REMOVE = 22, 23, 102, 103
MAYMOVE, FIXED, DONTUNMAP = 1, 2, 4
MISSED, MISSED_WRITE, PROTECTED = "userfaultfd 0", "userfaultfd 1", "userfaultfd 3"
BUS = "signal 7 code 2"
SOURCE = 100


@pytest.fixture
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Both]:
    with both(tmp_path_factory.getbasetemp()) as made:
        made.mmap(SOURCE, 8)
        for n in range(4):
            made.write(SOURCE + n, 1000 + n)
        yield made


def words(pair: Both, page: int, pages: int) -> list[int | str]:
    return [pair.read(page + n) for n in range(pages)]


# --- the object ---


def test_the_handshake(pair: Both) -> None:
    u = pair.uffd(ready=False)
    pair.mmap(0, 4)
    assert u.register(0, 4, MISSING) == -errno.EINVAL
    assert u.copy(0, SOURCE) == -errno.EINVAL
    assert u.api(version=0xAB) == -errno.EINVAL
    assert u.api(1 << 40) == -errno.EINVAL
    assert u.api() == 0
    assert u.register(0, 4, MISSING) == 0


def test_flags_of_the_object(pair: Both) -> None:
    for flags in (0, 1, 0x800, 0x80000, 0x80801, 2, 4, 1 << 20, 1 << 31):
        real = pair.real.syscall(323, flags)
        assert min(real, 0) == pair.core.call(32, flags).status, flags


def test_closing_ends_all_registrations(pair: Both) -> None:
    pair.mmap(0, 8)
    u, other = pair.uffd(), pair.uffd()
    pair.write(1, 7)
    assert u.register(0, 2, MISSING | WP) == 0
    assert u.register(4, 2, MISSING) == 0
    assert other.register(6, 2, MISSING) == 0
    assert u.protect(0, 2) == 0
    u.close()
    assert words(pair, 0, 8) == [0, 7, 0, 0, 0, 0, MISSED, MISSED]
    assert pair.write(1, 8) == 8
    assert other.copy(6, SOURCE) == 0


# --- registration ---


def test_registration_splits_and_merges(pair: Both) -> None:
    pair.mmap(0, 12)
    u = pair.uffd()
    assert u.register(2, 4, MISSING) == 0
    assert u.register(6, 2, MISSING) == 0  # merges with the one before
    assert u.register(4, 2, WP) == 0  # other modes: no more missing
    assert u.register(2, 6, MISSING) == 0
    assert u.register(0, 12, MISSING | WP) == 0
    assert u.register(3, 3, MISSING) == 0  # less than it has: nothing to do
    assert u.unregister(4, 2) == 0
    assert u.unregister(0, 12) == 0
    assert pair.same_areas() == ["0-12 rw-p", "100-108 rw-p"]


def test_another_object_is_busy_and_does_not_merge(pair: Both) -> None:
    pair.mmap(0, 8)
    a, b = pair.uffd(), pair.uffd()
    assert a.register(0, 4, MISSING) == 0
    assert b.register(2, 4, MISSING) == -errno.EBUSY
    assert b.register(4, 4, MISSING) == 0
    assert b.unregister(0, 8) == -errno.EINVAL
    assert len(pair.same_armed()) == 2
    assert b.copy(0, SOURCE) == 0  # it is registered, with whom does not matter
    assert b.move(1, SOURCE + 1) == -errno.EINVAL  # here it does


def test_modes_of_areas(pair: Both) -> None:
    file = pair.memfd(4)
    pair.mmap(0, 4)
    pair.mmap(10, 4, RW, SHARED_ANON)
    pair.mmap(20, 4, RW, SHARED, file=file)
    pair.mmap(30, 4, RW, PRIVATE, file=file)
    pair.mmap(40, 4, READ, SHARED, file=file)
    u = pair.uffd()
    for page in range(0, 50, 10):
        for mode in range(10):
            u.register(page, 4, mode)
            u.register(page + 1, 2, mode)
            u.unregister(page, 4)


def test_ranges_with_holes_and_bad_ranges(pair: Both) -> None:
    pair.mmap(0, 2)
    pair.mmap(4, 2)
    u = pair.uffd()
    assert u.register(0, 8, MISSING) == 0
    assert u.register(2, 2, MISSING) == -errno.EINVAL
    assert u.unregister(2, 2) == -errno.EINVAL
    assert u.register(0, 0, MISSING) == -errno.EINVAL
    assert u.unregister(0, 8) == 0
    assert u.unregister(0, 2) == 0
    assert u.wake(50, 1) == 0
    assert u.wake(0, 0) == -errno.EINVAL
    u.register(0, 1 << 36, MISSING)


def test_readable_private_areas_can_be_registered(pair: Both) -> None:
    pair.mmap(0, 2, READ)
    pair.mmap(4, 2, 0)
    pair.mmap(8, 2, RW, 0x28 | 0x10)  # droppable
    u = pair.uffd()
    for page in (0, 4, 8):
        u.register(page, 2, MISSING)
    assert pair.write(0, 1) == "signal 11 code 2"
    assert u.copy(0, SOURCE) == 0
    words(pair, 0, 2)
    words(pair, 4, 2)
    pair.mprotect(0, 2, RW)
    pair.write(0, 5)


# --- faults on missing pages, and what fills them ---


def test_missing_pages(pair: Both) -> None:
    pair.mmap(0, 8)
    pair.write(1, 11)
    u = pair.uffd()
    assert u.register(0, 8, MISSING) == 0
    assert words(pair, 0, 3) == [MISSED, 11, MISSED]
    assert pair.write(2, 5) == MISSED_WRITE
    assert u.copy(2, SOURCE, 2) == 0
    assert words(pair, 0, 4) == [MISSED, 11, 1000, 1001]
    assert pair.write(2, 5) == 5
    assert u.zero(4, 2) == 0
    assert pair.read(4) == 0
    assert pair.write(4, 9) == 9
    assert pair.mincore(0, 8) == "01111100"


def test_copy_meets_what_is_there(pair: Both) -> None:
    pair.mmap(0, 8)
    u = pair.uffd()
    assert u.register(0, 8, MISSING) == 0
    assert u.copy(2, SOURCE) == 0
    assert u.copy(2, SOURCE) == -errno.EEXIST
    assert u.copy(0, SOURCE, 4) == -errno.EAGAIN  # two pages, then one is there
    assert words(pair, 0, 4) == [1000, 1001, 1000, MISSED]
    assert u.zero(2) == -errno.EEXIST
    assert u.zero(3, 2) == 0
    assert u.zero(3, 3) == -errno.EEXIST


def test_copy_refuses(pair: Both) -> None:
    pair.mmap(0, 4)
    pair.mmap(10, 4)
    u = pair.uffd()
    assert u.register(0, 4, MISSING) == 0
    assert u.copy(10, SOURCE) == -errno.ENOENT  # not registered
    assert u.copy(50, SOURCE) == -errno.ENOENT  # not mapped
    assert u.copy(3, SOURCE, 2) == -errno.ENOENT  # beyond its area
    assert u.copy(0, 60) == -errno.EFAULT
    assert u.copy(0, SOURCE, 0) == -errno.EINVAL
    assert u.copy(0, SOURCE, 1, COPY_WP) == -errno.EINVAL  # not registered for it
    assert u.copy(0, SOURCE, 1, 4) == -errno.EINVAL
    assert u.zero(0, 1, 2) == -errno.EINVAL
    assert u.go_on(0) == -errno.EINVAL
    assert u.copy(0, SOURCE, 1, DONTWAKE) == 0
    assert u.copy(1, SOURCE, 1, skew=2) == 0
    assert u.copy(2, SOURCE, 1, skew=100) == 0
    assert u.copy(3, SOURCE, 1, skew=4093) == 0
    words(pair, 0, 4)


def test_the_source_may_end(pair: Both) -> None:
    pair.mmap(0, 8)
    u = pair.uffd(flags=1)
    assert u.register(0, 6, MISSING) == 0
    assert u.copy(0, SOURCE + 6, 4) == -errno.EAGAIN
    assert words(pair, 0, 3) == [0, 0, MISSED]
    pair.mmap(20, 2, 0)
    assert u.copy(2, 20) == -errno.EFAULT
    assert u.copy(2, 3) == -errno.EFAULT  # the source is missing too, and would be waited for
    assert pair.mincore(SOURCE, 8) == "11110011"  # the source was touched


def test_sigbus_instead_of_waiting(pair: Both) -> None:
    pair.mmap(0, 4)
    u = pair.uffd(SIGBUS)
    assert u.register(0, 4, MISSING | WP) == 0
    assert words(pair, 0, 2) == [BUS, BUS]
    assert pair.write(0, 1) == BUS
    assert u.copy(0, SOURCE, 1, COPY_WP) == 0
    assert pair.read(0) == 1000
    assert pair.write(0, 1) == BUS
    assert u.protect(0, 1, 0) == 0
    assert pair.write(0, 1) == 1


def test_calls_that_touch_registered_pages(pair: Both) -> None:
    """They are answered as with UFFD_USER_MODE_ONLY, where nobody is asked for them."""
    pair.mmap(0, 8)
    u = pair.uffd(flags=1)
    assert u.register(0, 4, MISSING) == 0
    assert pair.madvise(0, 8, POPULATE_READ) == -errno.EFAULT
    assert pair.madvise(0, 8, POPULATE_WRITE) == -errno.EFAULT
    assert pair.madvise(4, 4, POPULATE_WRITE) == 0
    addr = 0x2000_0000_0000
    real = pair.real.syscall(149, addr, 8 * 4096)  # mlock
    assert real == pair.core.call(14, addr, 8 * 4096, 0).status
    pair.same_areas()
    assert pair.mincore(0, 8) == "00001111"


# --- write protection ---


def test_write_protection(pair: Both) -> None:
    pair.mmap(0, 4)
    for page in (0, 1):
        pair.write(page, page + 1)
    pair.read(2)
    u = pair.uffd()
    assert u.protect(0) == -errno.ENOENT
    assert u.register(0, 4, WP) == 0
    assert u.protect(0, 4) == 0
    assert words(pair, 0, 4) == [1, 2, 0, 0]
    assert [pair.write(page, 9) for page in range(3)] == [PROTECTED] * 3
    assert u.protect(1, 1, 0) == 0
    assert pair.write(1, 9) == 9
    assert u.protect(0, 4, 3) == -errno.EINVAL
    assert u.protect(0, 4, 4) == -errno.EINVAL
    assert u.protect(0, 4, 2) == 0  # resolve, wake nobody
    assert [pair.write(page, 5) for page in range(4)] == [5] * 4


def test_pages_that_are_not_there_are_protected_only_on_demand(pair: Both) -> None:
    pair.mmap(0, 4)
    pair.mmap(10, 4)
    plain, all_pages = pair.uffd(), pair.uffd(WP_UNPOPULATED)
    assert plain.register(0, 4, WP) == 0
    assert all_pages.register(10, 4, WP) == 0
    assert plain.protect(0, 4) == 0
    assert all_pages.protect(10, 4) == 0
    assert pair.mincore(10, 4) == "0000"
    assert pair.write(0, 1) == 1
    assert pair.write(10, 1) == PROTECTED
    assert pair.read(11) == 0
    assert pair.write(11, 1) == PROTECTED
    assert pair.mincore(10, 4) == "1100"
    assert all_pages.protect(10, 3, 0) == 0
    assert [pair.write(page, 3) for page in (10, 11, 12)] == [3, 3, 3]
    assert pair.write(13, 3) == PROTECTED
    pair.madvise(10, 4, DONTNEED)
    assert pair.write(13, 3) == 3


def test_protected_copy(pair: Both) -> None:
    pair.mmap(0, 4)
    u = pair.uffd()
    assert u.register(0, 4, MISSING | WP) == 0
    assert u.copy(0, SOURCE, 2, COPY_WP) == 0
    assert pair.read(0) == 1000
    assert pair.write(0, 1) == PROTECTED
    assert pair.write(2, 1) == MISSED_WRITE
    assert u.unregister(0, 1) == 0
    assert pair.write(0, 1) == 1
    assert pair.write(1, 1) == PROTECTED


def test_markers_and_fills(pair: Both) -> None:
    pair.mmap(0, 8)
    u = pair.uffd(WP_UNPOPULATED)
    assert u.register(0, 8, MISSING | WP) == 0
    assert u.protect(0, 6) == 0
    assert pair.write(0, 1) == MISSED_WRITE
    assert u.copy(0, SOURCE) == 0
    assert pair.write(0, 1) == 1
    assert u.copy(1, SOURCE, 1, COPY_WP) == 0
    assert pair.write(1, 1) == PROTECTED
    assert u.zero(2) == -errno.EEXIST
    assert u.move(3, SOURCE + 1) == -errno.EEXIST
    pair.madvise(4, 1, GUARD_INSTALL)
    assert pair.read(4) == "signal 11 code 1"
    assert u.zero(4) == -errno.EEXIST
    assert u.copy(4, SOURCE) == 0  # over the guard
    words(pair, 0, 8)


def test_protection_under_mprotect(pair: Both) -> None:
    pair.mmap(0, 4)
    pair.write(0, 1)
    u = pair.uffd()
    assert u.register(0, 4, WP) == 0
    assert u.protect(0, 4) == 0
    pair.mprotect(0, 2, READ)
    assert pair.write(0, 2) == "signal 11 code 2"
    pair.mprotect(0, 2, RW)
    assert pair.write(0, 2) == PROTECTED
    assert u.unregister(0, 4) == 0
    assert pair.write(0, 2) == 2


def test_asynchronous_protection(pair: Both) -> None:
    file = pair.memfd(4)
    pair.mmap(0, 4)
    pair.mmap(10, 4, RW, SHARED, file=file)
    pair.write(0, 1)
    u = pair.uffd(WP_ASYNC)
    assert u.register(0, 4, WP) == 0
    assert u.register(10, 4, WP) == 0
    assert u.protect(0, 4) == 0
    assert u.protect(10, 4) == 0
    assert [pair.write(page, 3) for page in (0, 1, 10, 11)] == [3] * 4


# --- shared memory ---


@pytest.mark.parametrize("flags", [PRIVATE, SHARED])
def test_missing_pages_of_a_file(pair: Both, flags: int) -> None:
    file = pair.memfd(6)
    pair.mmap(0, 8, RW, flags, file=file)
    pair.mmap(20, 8, RW, SHARED, file=file)
    pair.write(21, 5)
    u = pair.uffd()
    assert u.register(0, 8, MISSING) == 0
    assert words(pair, 0, 3) == [MISSED, 5, MISSED]
    assert pair.write(2, 1) == MISSED_WRITE
    assert u.copy(2, SOURCE) == 0
    assert u.zero(3) == 0
    assert words(pair, 2, 2) == [1000, 0]
    u.copy(1, SOURCE)  # there in the file
    assert u.copy(6, SOURCE) == -errno.EFAULT  # past the end
    assert u.zero(6) == -errno.EFAULT
    assert pair.read(6) == BUS
    assert u.copy(5, SOURCE, 2) == -errno.EAGAIN
    assert u.go_on(2) == (-errno.EEXIST if flags == SHARED else -errno.EFAULT)
    words(pair, 20, 6)
    assert pair.write(2, 77) == 77
    assert pair.write(3, 78) == 78
    words(pair, 20, 6)
    words(pair, 0, 6)
    file.resize(3 * 4096)
    words(pair, 0, 6)
    file.resize(6 * 4096)
    words(pair, 0, 6)


@pytest.mark.parametrize("flags", [PRIVATE, SHARED])
def test_minor_faults(pair: Both, flags: int) -> None:
    file = pair.memfd(6)
    pair.mmap(20, 6, RW, SHARED, file=file)
    pair.mmap(0, 8, RW, flags, file=file)
    for n in (1, 2, 4):
        pair.write(20 + n, 50 + n)
    u = pair.uffd()
    assert u.register(0, 8, MINOR) == 0
    assert pair.read(1) == "userfaultfd 4"
    assert pair.write(1, 3) == "userfaultfd 5"
    assert u.go_on(1) == 0
    assert pair.read(1) == 51
    assert pair.write(1, 61) == 61
    assert u.go_on(1) == -errno.EEXIST
    assert u.go_on(3) == -errno.EFAULT  # not in the file
    assert pair.read(3) == 0  # nor missed
    u.go_on(7)
    assert u.go_on(2, 2, 1) == -errno.EAGAIN
    assert u.go_on(4, 1, 8) == -errno.EINVAL
    assert u.go_on(4, 1, 2) == -errno.EINVAL
    words(pair, 20, 5)
    assert u.register(0, 8, MISSING | MINOR | WP) == 0
    assert u.go_on(4, 1, 2) == 0
    assert pair.write(4, 1) == PROTECTED
    assert pair.read(5) == MISSED


@pytest.mark.parametrize("flags", [PRIVATE, SHARED])
def test_protected_pages_of_a_file(pair: Both, flags: int) -> None:
    file = pair.memfd(8)
    pair.mmap(0, 8, RW, flags, file=file)
    pair.write(0, 1)
    pair.read(1)
    u = pair.uffd()
    assert u.register(0, 8, WP) == 0
    assert u.protect(0, 6) == 0
    assert words(pair, 0, 3) == [1, 0, 0]
    assert [pair.write(page, 9) for page in range(4)] == [PROTECTED] * 4
    pair.madvise(0, 4, DONTNEED)
    assert [pair.write(page, 9) for page in range(4)] == [PROTECTED] * 4
    assert pair.write(6, 9) == 9
    file.punch(0, 2)
    assert [pair.write(page, 9) for page in range(4)] == [PROTECTED] * 4
    file.resize(4096)
    file.resize(8 * 4096)
    [pair.write(page, 9) for page in range(8)]
    assert u.protect(0, 8, 0) == 0
    assert [pair.write(page, 9) for page in range(8)] == [9] * 8


# --- other calls on registered areas ---


def test_a_child_is_not_registered(pair: Both) -> None:
    pair.mmap(0, 6)
    pair.write(0, 1)
    u = pair.uffd(WP_UNPOPULATED)
    assert u.register(0, 6, MISSING | WP) == 0
    assert u.protect(0, 6) == 0
    child = pair.fork()
    assert child.same_armed() == []
    assert [child.write(page, 7) for page in range(3)] == [7, 7, 7]
    assert pair.write(0, 2) == PROTECTED
    assert pair.write(1, 2) == MISSED_WRITE
    child.exit()


@pytest.mark.parametrize("flags", [MAYMOVE, MAYMOVE | DONTUNMAP])
def test_what_moves_is_not_registered(pair: Both, flags: int) -> None:
    pair.mmap(0, 4)
    for page in range(3):
        pair.write(page, page)
    u = pair.uffd(WP_UNPOPULATED)
    assert u.register(0, 4, MISSING | WP) == 0
    assert u.protect(0, 4) == 0
    pair.mremap(0, 4, 4, flags | FIXED, 20)
    pair.same_armed()
    assert [pair.write(20 + page, 8) for page in range(4)] == [8] * 4
    words(pair, 0, 4)


def test_moves_merge_and_lose_the_registration(pair: Both) -> None:
    pair.mmap(0, 8)
    for page in range(8):
        pair.write(page, page)
    u = pair.uffd()
    assert u.register(0, 8, MISSING) == 0
    pair.mremap(4, 4, 4, MAYMOVE | FIXED, 20)
    pair.same_armed()
    pair.mremap(20, 4, 4, MAYMOVE | FIXED, 4)
    pair.same_armed()
    pair.mremap(0, 2, 2, MAYMOVE | FIXED, 30)
    pair.mremap(2, 2, 2, MAYMOVE | FIXED, 32)
    pair.same_armed()


def test_several_registered_areas_do_not_move_together(pair: Both) -> None:
    pair.mmap(0, 6)
    u = pair.uffd()
    assert u.register(2, 2, MISSING) == 0
    assert pair.mremap(0, 6, 6, MAYMOVE | FIXED, 20) < 0
    pair.same_armed()
    assert pair.mremap(2, 4, 4, MAYMOVE | FIXED, 30) < 0
    pair.same_armed()


def test_growing_and_shrinking(pair: Both) -> None:
    pair.mmap(0, 4)
    u = pair.uffd()
    assert u.register(0, 4, MISSING) == 0
    assert pair.mremap(0, 4, 8) > 0
    pair.same_armed()
    assert pair.read(6) == MISSED
    assert pair.mremap(0, 8, 2) > 0
    pair.mmap(2, 2)
    pair.same_armed()
    assert u.register(2, 2, MISSING) == 0
    assert len(pair.same_areas()) == 2


def test_other_calls_keep_the_registration(pair: Both) -> None:
    pair.mmap(0, 12)
    u = pair.uffd()
    assert u.register(0, 12, MISSING) == 0
    assert u.copy(0, SOURCE, 4) == 0
    pair.mprotect(2, 4, READ)
    pair.madvise(6, 2, DONTFORK)
    pair.madvise(8, 1, WIPEONFORK)
    pair.madvise(0, 2, DONTNEED)
    pair.madvise(2, 1, FREE)
    pair.same_armed()
    assert words(pair, 0, 4) == [MISSED, MISSED, 1002, 1003]
    pair.munmap(10, 1)
    pair.mmap(10, 1)
    pair.same_armed()
    assert pair.madvise(4, 1, GUARD_INSTALL) == 0
    assert pair.read(4) == "signal 11 code 1"
    assert pair.madvise(4, 1, GUARD_REMOVE) == 0
    assert pair.read(4) == MISSED


def test_a_registered_stack_grows(pair: Both) -> None:
    pair.mmap(300, 4, RW, GROWSDOWN)
    u = pair.uffd()
    assert u.register(302, 2, MISSING) == 0
    assert u.register(300, 2, MISSING) == 0
    pair.read(299)
    pair.same_areas()
    pair.same_armed()


def test_move_needs_the_destination_registered(pair: Both) -> None:
    pair.mmap(0, 8)
    u = pair.uffd()
    assert u.move(0, SOURCE) == -errno.EINVAL
    assert u.register(0, 8, MISSING | WP) == 0
    assert u.move(0, SOURCE, 2) == 0
    assert u.move(0, SOURCE + 2) == -errno.EEXIST
    assert u.move(2, SOURCE) == -errno.ENOENT
    assert u.move(2, SOURCE, 1, 2) == 0
    assert u.move(2, SOURCE + 2, 4) == -errno.EAGAIN
    assert u.move(5, 60) == -errno.ENOENT
    assert u.move(5, SOURCE, 1, 4) == -errno.EINVAL
    assert u.move(5, 0) == 0  # inside one area
    assert u.move(5, 5) == -errno.EEXIST
    words(pair, 0, 8)
    words(pair, SOURCE, 4)


def test_move_of_a_page_that_a_child_has_had(pair: Both) -> None:
    pair.mmap(0, 8)
    u = pair.uffd()
    assert u.register(0, 8, MISSING) == 0
    child = pair.fork()
    assert u.move(0, SOURCE) == -errno.EBUSY
    child.exit()
    assert u.move(0, SOURCE) == -errno.EBUSY  # the child is gone, the page still not exclusive
    pair.write(SOURCE, 5)
    assert u.move(0, SOURCE) == 0
    assert pair.read(0) == 5


def test_move_takes_the_protection_off(pair: Both) -> None:
    pair.mmap(0, 4)
    pair.mmap(10, 4)
    pair.write(10, 1)
    u = pair.uffd(WP_UNPOPULATED)
    assert u.register(0, 4, MISSING) == 0
    assert u.register(10, 4, WP) == 0
    assert u.protect(10, 4) == 0
    assert u.move(0, 10) == 0
    assert pair.write(0, 2) == 2
    u.move(1, 11)
    words(pair, 10, 4)


def test_move_to_where_the_source_lies(pair: Both) -> None:
    pair.mmap(0, 8)
    u = pair.uffd()
    assert u.register(0, 8, MISSING) == 0
    assert u.copy(2, SOURCE, 3) == 0
    assert u.move(1, 2, 3) == 0
    assert words(pair, 0, 5) == [MISSED, 1000, 1001, 1002, MISSED]
    assert u.move(2, 1, 3) == -errno.EEXIST
    assert u.move(3, 1, 3) == -errno.EEXIST
    words(pair, 0, 8)
    assert u.move(5, 2, 3) < 0
    words(pair, 0, 8)


def test_protection_left_from_a_registration(pair: Both) -> None:
    """It stays in the page, says nothing meanwhile, and counts again."""
    pair.mmap(0, 4)
    u = pair.uffd(WP_UNPOPULATED)
    assert u.register(0, 4, WP) == 0
    assert u.copy(0, SOURCE, 2, COPY_WP) == 0
    assert u.protect(2, 2) == 0
    assert u.register(0, 4, MISSING) == 0
    assert pair.write(0, 5) == 5
    assert u.zero(2) == -errno.EEXIST
    assert pair.read(2) == MISSED
    assert u.zero(2) == 0
    assert u.register(0, 4, WP) == 0
    assert [pair.write(page, 6) for page in (1, 3)] == [PROTECTED, PROTECTED]


def test_the_lowest_addresses_are_no_special_ranges(pair: Both) -> None:
    u = pair.uffd()
    lowest = -(0x2000_0000_0000 // 4096)
    for page in (lowest, lowest + 1):
        assert u.protect(page) == -errno.ENOENT
        assert u.zero(page) == -errno.ENOENT
        assert u.wake(page, 1) == 0
        assert u.register(page, 1, MISSING) == -errno.EINVAL
