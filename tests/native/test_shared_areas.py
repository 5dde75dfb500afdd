# SPDX-License-Identifier: Apache-2.0
"""Goal: areas of shared memory that are imported split and merge as the kernel's do: those of one
object join again, those whose driver counts them, as shmat(2) does, are never merged away.

Method: this process maps a shared object, gives the areas to an address space, and makes the same
calls on both; after each the areas must be the same. A failure shows both lists: with an object for
each line instead of each inode, parts stay apart here; without the rule about close() they are
joined here and not by the kernel.
"""

import ctypes
import mmap
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from operations import PAGE, READ, RW, Space, space

PAGES = 8
IPC_PRIVATE, IPC_RMID = 0, 0

libc = ctypes.CDLL(None, use_errno=True)
libc.shmat.restype = ctypes.c_void_p
libc.shmat.argtypes = [ctypes.c_int, ctypes.c_void_p, ctypes.c_int]
libc.shmdt.argtypes = [ctypes.c_void_p]
libc.mmap.restype = ctypes.c_void_p
libc.mmap.argtypes = [
    *(ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_long)
]
libc.mprotect.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]


@pytest.fixture
def attached() -> Iterator[int]:
    """The address of a System V segment of PAGES pages."""
    number = libc.shmget(IPC_PRIVATE, PAGES * PAGE, 0o600)
    assert number >= 0
    base = libc.shmat(number, None, 0)
    libc.shmctl(number, IPC_RMID, None)
    yield base
    assert libc.shmdt(base) == 0


def areas_of(text: str, base: int) -> str:
    """The lines of maps that lie in the segment."""
    return "".join(
        f"{line}\n"
        for line in text.splitlines()
        if base <= int(line.partition("-")[0], 16) < base + PAGES * PAGE
    )


CALLS = [
    [(0, 4, READ), (0, 4, RW)],  # two: what changes back would be deleted
    [(4, 4, READ), (4, 4, RW)],
    [(2, 3, READ), (2, 3, RW), (3, 1, READ), (3, 1, RW)],
    [(0, 4, READ), (0, 2, RW), (2, 4, RW)],  # a border moves, nothing is deleted
    [(0, 2, READ), (6, 2, READ), (2, 2, READ), (4, 2, READ), (0, 8, RW)],
]


@pytest.mark.parametrize("calls", CALLS)
def test_what_counts_its_mappings_is_not_merged_away(
    each_model: str, attached: int, calls: list[tuple[int, int, int]]
) -> None:
    with space() as empty:
        start = areas_of(Path("/proc/self/maps").read_text(), attached)
        assert "/SYSV" in start
        here = Space(empty.participant, empty.participant.mm_create(maps=start))
        for at, pages, prot in calls:
            assert libc.mprotect(attached + at * PAGE, pages * PAGE, prot) == 0
            assert here.mprotect(attached + at * PAGE, pages, prot).status == 0
            kernel = areas_of(Path("/proc/self/maps").read_text(), attached)
            assert here.participant.maps(here.mm) == kernel
        assert kernel.count("\n") > 1


@pytest.fixture(params=["anonymous", "memfd"])
def shared(request: pytest.FixtureRequest) -> Iterator[int]:
    """The address of PAGES pages of shared memory."""
    fd = -1
    if request.param == "memfd":
        fd = os.memfd_create("import-shared")
        os.ftruncate(fd, PAGES * PAGE)
    kind = mmap.MAP_SHARED | (mmap.MAP_ANONYMOUS if fd < 0 else 0)
    base = libc.mmap(None, PAGES * PAGE, RW, kind, fd, 0)
    assert base is not None
    yield base
    assert libc.munmap(ctypes.c_void_p(base), ctypes.c_size_t(PAGES * PAGE)) == 0
    if fd >= 0:
        os.close(fd)


@pytest.mark.parametrize("part", [(0, 3), (2, 4), (5, 3)])
def test_parts_of_one_object_join_again(
    each_model: str, shared: int, part: tuple[int, int]
) -> None:
    at, pages = part
    where = shared + at * PAGE
    assert libc.mprotect(where, pages * PAGE, READ) == 0
    with space() as empty:
        start = areas_of(Path("/proc/self/maps").read_text(), shared)
        assert start.count("\n") > 1
        here = Space(empty.participant, empty.participant.mm_create(maps=start))
        assert here.participant.maps(here.mm) == start
        assert libc.mprotect(where, pages * PAGE, RW) == 0
        assert here.mprotect(where, pages, RW).status == 0
        kernel = areas_of(Path("/proc/self/maps").read_text(), shared)
        assert kernel.count("\n") == 1
        assert here.participant.maps(here.mm) == kernel
