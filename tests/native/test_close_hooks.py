# SPDX-License-Identifier: Apache-2.0
"""Goal: mappings whose driver counts them, as those of shmat(2), are never merged away.

Method: this process attaches a System V segment, gives the area to an address space, and makes the
same calls on both; after each the areas must be the same. Without the rule the emulator joins again
what mprotect had split, and the kernel does not. A failure shows the calls and both lists.
"""

import ctypes
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
