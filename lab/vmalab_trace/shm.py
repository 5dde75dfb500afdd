# SPDX-License-Identifier: Apache-2.0
"""System V shared memory as the mappings that it is: of a file of memory for each segment.

shmat maps a whole segment, always as an open of its own, so that neighbours never merge; where the
program names an address, nothing may be there unless it says SHM_REMAP. shmdt takes away all that
is still where it was attached (kernel: ipc/shm.c, do_shmat and ksys_shmdt).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from vmalab_native import flags
from vmalab_trace import maps
from vmalab_trace.calls import Segment, Shmat
from vmalab_trace.gaps import page_up

DEV: Final = 1
"""00:01, where the kernel keeps shared memory."""
PAGE: Final = 4096
_NAME: Final = "/SYSV"
READ, WRITE, EXEC = 1, 2, 4
READ_ONLY: Final = 1
"""FileMode of such an attachment."""


def name(segment: Segment) -> str:
    """As maps shows it."""
    return f"{_NAME}{segment.key:08x} (deleted)"


def is_segment(area: maps.Area) -> bool:
    """Whether an area of maps is of System V shared memory."""
    return area.dev == DEV and area.path.startswith(_NAME)


def segment_of(number: int, areas: Iterable[maps.Area]) -> Segment | None:
    """A segment that only maps show: as large as what is seen of it."""
    ends = [
        (area.offset + area.end - area.start, area.path) for area in areas if area.inode == number
    ]
    if not ends:
        return None
    size, path = max(ends)
    return Segment(int(path[len(_NAME) : len(_NAME) + 8], 16), size)


def read_only(call: Shmat) -> bool:
    return bool(call.how & flags.SHM["SHM_RDONLY"])


def attach(call: Shmat, segment: Segment | None) -> Shmat:
    """The mapping that a shmat asks for; one of length 0, which is EINVAL, if it must fail."""
    at, how = call.asked, flags.MAP_SHARED
    remap = bool(call.how & flags.SHM["SHM_REMAP"])
    if call.how & flags.SHM["SHM_RND"]:
        at -= at % PAGE
    if segment is None or at % PAGE or (remap and not at):
        return replace(call, flags=flags.MAP["MAP_PRIVATE"] | flags.MAP_ANONYMOUS)
    prot = READ if read_only(call) else READ | WRITE
    prot |= EXEC if call.how & flags.SHM["SHM_EXEC"] else 0
    if call.asked:  # also if it is rounded down to 0
        how |= flags.MAP_FIXED if remap else flags.MAP_FIXED_NOREPLACE
    return replace(
        call, addr=at, length=page_up(segment.size), prot=prot, flags=how, path=name(segment)
    )


def attached(areas: Iterable[maps.Area], addr: int, size: int) -> list[maps.Area]:
    """What shmdt takes away: the first area at or after addr that is where it was attached, and the
    others of its segment for which that holds; [] is EINVAL."""
    if addr % PAGE:
        return []
    found: list[maps.Area] = []
    for area in areas:
        in_place = area.start >= addr and area.offset == area.start - addr
        if not in_place or not is_segment(area):
            continue
        if not found or (area.inode == found[0].inode and area.end - addr <= page_up(size)):
            found.append(area)
    return found


def first_hole(areas: Iterable[maps.Area], addr: int) -> int:
    """The first address from addr on where nothing is mapped."""
    for area in areas:
        if area.start <= addr < area.end:
            addr = area.end
    return addr
