# SPDX-License-Identifier: Apache-2.0
"""Goal: query_vma finds the VMA that the running kernel's PROCMAP_QUERY finds, for every set of
flags, with the same facts.

Method: this process maps a region of its own with all kinds of mappings and gaps, gives its maps to
an address space, and asks both about every page there and every set of flags. Mappings that have
everything close the region, so no answer lies outside it. Failure: the assertion shows address,
flags, what was found here and what the kernel said.
"""

import ctypes
import errno
import fcntl
import mmap
import os
import struct
from collections.abc import Iterator
from pathlib import Path

import pytest

from vmalab_native.core import Participant, Segment, SegmentConfig
from vmalab_native.errors import NoSuchMm

PAGE = 4096
PAGES = 24
QUERY = struct.Struct("=9Q4I2Q")
PROCMAP_QUERY = 3 << 30 | QUERY.size << 16 | ord("f") << 8 | 17
OR_NEXT = 16
ALL_FLAGS = range(64)
NONE, R, RW, RX, RWX = 0, 1, 3, 5, 7
SHARED, PRIVATE, FIXED, ANONYMOUS = 1, 2, 0x10, 0x20

Found = tuple[int, int, int, int, int, int, int, str]

libc = ctypes.CDLL(None, use_errno=True)
libc.mmap.restype = ctypes.c_void_p
libc.mmap.argtypes = [
    *(ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_long)
]


def kernel_says(maps: int, addr: int, flags: int) -> int | Found:
    """errno, or the facts."""
    name = ctypes.create_string_buffer(256)
    fields = [QUERY.size, flags, addr, *[0] * 6, 0, 0, len(name), 0, ctypes.addressof(name), 0]
    block = bytearray(QUERY.pack(*fields))
    try:
        fcntl.ioctl(maps, PROCMAP_QUERY, block)
    except OSError as error:
        return error.errno or 0
    _, _, _, start, end, found, _, offset, inode, major, minor, named, _, _, _ = QUERY.unpack(block)
    text = name.value.decode() if named else ""
    return start, end, found, offset, inode, major, minor, text


def core_says(me: Participant, mm: int, addr: int, flags: int) -> int | Found:
    error, vma = me.query_vma(mm, addr, flags)
    if vma is None:
        return error
    device = vma.dev_major, vma.dev_minor
    return vma.start, vma.end, vma.flags, vma.offset, vma.inode, *device, vma.name


@pytest.fixture(scope="module")
def region(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """Mappings of all kinds, with gaps, in a region that nothing else uses."""
    path: Path = tmp_path_factory.mktemp("query") / "data"
    path.write_bytes(bytes(16 * PAGE))
    base = libc.mmap(None, PAGES * PAGE, NONE, PRIVATE | ANONYMOUS, -1, 0)
    libc.munmap(ctypes.c_void_p(base), ctypes.c_size_t(PAGES * PAGE))
    fd = os.open(path, os.O_RDWR)
    layout = [
        (1, 2, RW, PRIVATE | ANONYMOUS, 0),
        (3, 1, R, PRIVATE | ANONYMOUS, 0),
        (5, 2, R, SHARED, 2),
        (7, 1, RX, PRIVATE, 4),
        (9, 2, NONE, PRIVATE, 1),
        (12, 1, RWX, PRIVATE | ANONYMOUS, 0),
        (14, 1, RW, SHARED, 9),
        (15, 1, RW, SHARED | ANONYMOUS, 0),
        (18, 1, RWX, PRIVATE, 3),
        (20, 2, RWX, SHARED, 5),
    ]
    for at, pages, prot, flags, offset in layout:
        file = -1 if flags & ANONYMOUS else fd
        where = (base + at * PAGE, pages * PAGE)
        assert libc.mmap(*where, prot, flags | FIXED, file, offset * PAGE) == base + at * PAGE
    os.close(fd)
    yield base
    libc.munmap(ctypes.c_void_p(base), ctypes.c_size_t(PAGES * PAGE))


def in_region(text: str, base: int) -> str:
    """The lines of maps that lie in the region."""
    lines = []
    for line in text.splitlines(keepends=True):
        start = int(line.partition("-")[0], 16)
        if base <= start < base + PAGES * PAGE:
            lines.append(line)
    return "".join(lines)


def test_query_against_the_kernel(each_model: str, instance: str, region: int) -> None:
    config = SegmentConfig(size_bytes=32 << 20, mms_max=4, participants_max=4, frames_max=1 << 10)
    with (
        Segment.create(instance, config) as segment,
        segment.participant("client") as me,
        Path("/proc/self/maps").open() as maps,
    ):
        text = in_region(Path("/proc/self/maps").read_text(), region)
        mm = me.mm_create(maps=text)
        assert me.maps(mm) == text
        asked = 0
        for addr in range(region, region + 22 * PAGE, PAGE // 2):
            for flags in ALL_FLAGS:
                expected = kernel_says(maps.fileno(), addr, flags)
                assert (hex(addr), flags, core_says(me, mm, addr, flags)) == (
                    *(hex(addr), flags, expected),
                )
                asked += isinstance(expected, tuple)
        assert asked > 44 * 32
        segment.unlink()


def test_query_refuses(segment: Segment, me: Participant) -> None:
    mm = me.mm_create()
    assert me.query_vma(mm, 0, 64) == (errno.EINVAL, None)
    assert me.query_vma(mm, 0, OR_NEXT) == (errno.ENOENT, None)
    assert me.query_vma(mm, mmap.PAGESIZE) == (errno.ENOENT, None)
    with pytest.raises(NoSuchMm):
        me.query_vma(mm + (1 << 16), 0)
    me.mm_put(mm)
    with pytest.raises(NoSuchMm):
        me.query_vma(mm, 0)
    counters = segment.vmstat()
    assert counters["next_vma_fallback"] == 0
    assert counters["vma_lock_abort"] == 0
