# SPDX-License-Identifier: Apache-2.0
"""Goal: a full /dev/shm is an answer (SegmentTooBig, ENOMEM), never SIGBUS.

Method: a child in a mount namespace of its own has a /dev/shm of a few MiB. Needs root, as mounting
does.
"""

import json
import os
import subprocess
import sys
import textwrap

import pytest

from patience import HANG_S
from vmalab.ops import Status

PRELUDE = '''
import os
import struct
from vmalab import pack
from vmalab.ops import Status
from vmalab_native import errors
from vmalab_native.core import Segment, SegmentConfig
PAGE = 4096
def mmap(mm, length, flags):
    return pack.mmap(mm, 0, length, 3, flags, 0, 0, 0)
def results(raw):
    return list(struct.iter_unpack("<iIQ", raw))
def leave(bytes_left):
    """Somebody else fills /dev/shm."""
    room = os.statvfs("/dev/shm")
    with open("/dev/shm/other", "wb") as other:
        os.posix_fallocate(other.fileno(), 0, room.f_bavail * room.f_frsize - bytes_left)
'''


def in_small_shm(mib: int, code: str) -> str:
    """Runs Python code where /dev/shm has so many MiB; what it printed."""
    script = f"mount -t tmpfs -o size={mib}m tmpfs /dev/shm && exec {sys.executable} -"
    done = subprocess.run(
        ["unshare", "--mount", "sh", "-c", script],
        input=PRELUDE + textwrap.dedent(code),
        capture_output=True,
        text=True,
        timeout=HANG_S,
        check=False,
    )
    assert done.returncode == 0, f"exit {done.returncode} (-7 is SIGBUS):\n{done.stderr[-2000:]}"
    return done.stdout


def can_mount() -> bool:
    done = subprocess.run(
        ["unshare", "--mount", "mount", "-t", "tmpfs", "tmpfs", "/dev/shm"],
        capture_output=True,
        check=False,
    )
    return os.getuid() == 0 and done.returncode == 0


pytestmark = [
    pytest.mark.skipif(not can_mount(), reason="cannot mount a small /dev/shm here"),
    pytest.mark.usefixtures("each_model"),
]


def test_no_room_for_the_tables() -> None:
    text = in_small_shm(
        1,
        """
        try:
            Segment.create("room")
        except errors.SegmentTooBig as error:
            print(error)
        print(Segment.list_instances())
        """,
    )
    assert "VL_E_SPACE" in text
    assert "/dev/shm" in text
    assert text.endswith("[]\n"), "nothing is left behind"


def test_full_while_running() -> None:
    """Pages are populated until there is no more: LIMIT, and the instance goes on and is whole."""
    text = in_small_shm(
        40,
        """
        config = SegmentConfig(
            size_bytes=32 << 20, mms_max=8, participants_max=4, files_max=16, frames_max=1 << 20
        )
        with Segment.create("room", config) as segment, segment.participant("client") as me:
            mm = me.mm_create()
            leave(2 << 20)
            statuses = set()
            for _ in range(40):
                statuses |= {status for status, _, _ in results(me.run(mmap(mm, 1 << 30, 0x8022)))}
            print(sorted(statuses))
            print(me.fsck())
            me.mm_put(mm)
            other = me.mm_create()
            ((status, _, addr),) = results(me.run(mmap(other, 64 * PAGE, 0x8022)))
            print(status, me.mincore(other, addr, 64 * PAGE)[1].count(1))
            print(me.fsck())
            segment.unlink()
        """,
    )
    assert text.splitlines()[1:] == ["[]", "0 64", "[]"]
    assert all(status in (0, Status.LIMIT) for status in json.loads(text.splitlines()[0]))


def test_full_of_vmas() -> None:
    """The same with slab pages: VMAs that do not merge, until LIMIT."""
    text = in_small_shm(
        40,
        """
        config = SegmentConfig(
            size_bytes=32 << 20, mms_max=8, participants_max=4, files_max=16, frames_max=1024
        )
        with Segment.create("room", config) as segment, segment.participant("client") as me:
            mm = me.mm_create()
            leave(2 << 20)
            seen = set()
            for number in range(60000):
                block = pack.mmap(mm, (number + 16) * 2 * PAGE, PAGE, 3, 0x100022, 0, 0, 0)
                seen.add(results(me.run(block))[0][0])
                if Status.LIMIT in seen:
                    break
            print(sorted(seen))
            print(me.fsck())
            me.mm_put(mm)
            print(me.mm_create() > 0, me.fsck())
            segment.unlink()
        """,
    )
    assert text.splitlines() == [f"[{Status.LIMIT}, 0]", "[]", "True []"]
