# SPDX-License-Identifier: Apache-2.0
"""Goal: shmat and shmdt of a trace are the mappings that the kernel makes of them.

Method: calls with every kind of address, and areas of maps of which an attachment has lost some; a
failure shows which mapping or which areas were chosen. (tests/traces/sysv has the same for real.)
"""

import pytest

from vmalab_native import flags
from vmalab_trace import maps, shm
from vmalab_trace.calls import Segment, Shmat

SEGMENT = Segment(0x5AB, 2 * 4096 + 100)
AT = 0x200000000000


def attach(asked: int, *names: str) -> Shmat:
    how = sum(flags.SHM[name] for name in names)
    return shm.attach(Shmat(0, 0, 0, 0, fd=7, how=how, asked=asked), SEGMENT)


@pytest.mark.parametrize(
    ("asked", "names", "addr", "placed"),
    [
        (0, (), 0, 0),
        (AT, (), AT, flags.MAP_FIXED_NOREPLACE),
        (AT + 7, ("SHM_RND",), AT, flags.MAP_FIXED_NOREPLACE),
        (AT, ("SHM_REMAP",), AT, flags.MAP_FIXED),
    ],
)
def test_where_it_goes(asked: int, names: tuple[str, ...], addr: int, placed: int) -> None:
    call = attach(asked, *names)
    assert (call.addr, call.length, call.prot) == (addr, 3 * 4096, 3)
    assert call.flags == flags.MAP_SHARED | placed
    assert call.path == "/SYSV000005ab (deleted)"


@pytest.mark.parametrize(("asked", "names"), [(AT + 7, ()), (0, ("SHM_REMAP",))])
def test_what_is_refused_is_a_mapping_of_nothing(asked: int, names: tuple[str, ...]) -> None:
    assert attach(asked, *names).length == 0


def test_what_it_may() -> None:
    assert attach(0, "SHM_RDONLY").prot == 1
    assert shm.read_only(attach(0, "SHM_RDONLY"))
    assert attach(0, "SHM_EXEC").prot == 7


TEXT = """\
200000000000-200000001000 rw-s 00000000 00:01 7 /SYSV000005ab (deleted)
200000002000-200000003000 r--s 00002000 00:01 7 /SYSV000005ab (deleted)
200000003000-200000006000 rw-s 00000000 00:01 7 /SYSV000005ab (deleted)
200000006000-200000007000 rw-s 00006000 00:01 8 /SYSV00000000 (deleted)
"""


@pytest.mark.parametrize(
    ("addr", "starts"),
    [
        (AT, [AT, AT + 0x2000]),
        (AT + 0x3000, [AT + 0x3000]),
        (AT + 0x1000, []),
        (AT + 0x8000, []),
        (AT + 5, []),
    ],
)
def test_what_shmdt_takes_away(addr: int, starts: list[int]) -> None:
    found = shm.attached(maps.parse(TEXT), addr, 3 * 4096)
    assert [area.start for area in found] == starts


def test_a_segment_that_only_maps_show() -> None:
    assert shm.segment_of(7, maps.parse(TEXT)) == Segment(0x5AB, 0x3000)
    assert shm.segment_of(9, maps.parse(TEXT)) is None
