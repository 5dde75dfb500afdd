# SPDX-License-Identifier: Apache-2.0
"""Goal: who reads the file of a segment sees what who is in it sees, also while others work.

Method: the rows of `SegmentView` are compared with those of the core, on every lock model. Then a
process maps and unmaps all the time. The views of it must find no damage, and only lines that can
be. A failure names the first rows that differ, or the damage that is none.
"""

import os
import re
import signal
import time
from collections.abc import Iterator
from dataclasses import replace

import pytest

from children import Child
from operations import ARENA, PAGE, PRIVATE, READ, Space
from spoil import SMALL, fill
from vmalab_native import cores
from vmalab_native.core import Segment
from vmalab_native.damage import damages
from vmalab_native.segment_file import SegmentFile
from vmalab_native.view import SegmentView
from vmalab_native.waiting import lock_text

LOOKS = 12
TRIES = 2000


@pytest.fixture
def segment() -> Iterator[Segment]:
    config = replace(SMALL, model=cores.default_model())
    with Segment.create(f"v-{os.getpid()}-{os.urandom(3).hex()}", config) as made:
        yield made
        made.unlink()


@pytest.mark.usefixtures("each_model")
def test_a_view_has_the_rows_of_the_core(segment: Segment) -> None:
    fill(segment)
    with segment.participant("inspector") as me, SegmentFile.open(segment.instance) as file:
        view = SegmentView(file)
        assert view.info() == segment.info()
        assert view.slabinfo() == segment.slabinfo()
        assert view.vmstat() == segment.vmstat()
        assert view.participants() == segment.participants()
        assert view.locks() == segment.locks()
        rows = me.mm_list()
        assert view.mm_list() == rows
        assert len(rows) == 3
        for mm in rows:
            text = me.maps(mm.id)
            assert view.maps(mm.id) == text
            for line in text.splitlines()[::7]:
                addr = int(line.partition("-")[0], 16)
                for flags in (0, 16):
                    for where in (addr, addr - 1):
                        assert (
                            view.query_vma(mm.id, where, flags)
                            == (me.query_vma(mm.id, where, flags)[1])
                        )
        assert damages(file) == []


def test_a_newline_in_a_name_is_escaped_as_the_kernel_does(segment: Segment) -> None:
    """One mapping is one line; a backslash and other characters stand as they are."""
    name = "/tmp/a\n0000-1000 r-xp 0 00:00 0 /bin/sh\\012\t\x01"
    with segment.participant("client") as me:
        space = Space(me, me.mm_create())
        file = me.file_open(dev=1 << 20, ino=5, size_bytes=PAGE, name=name)
        space.mmap(ARENA, 1, READ, PRIVATE, file=file)
        (line,) = me.maps(space.mm).split("\n")[:-1]
        assert line.endswith(" /tmp/a\\0120000-1000 r-xp 0 00:00 0 /bin/sh\\012\t\x01")
        assert me.query_vma(space.mm, 0, 16)[1].name == name  # type: ignore[union-attr]
        with SegmentFile.open(segment.instance) as opened:
            assert SegmentView(opened).maps(space.mm) == f"{line}\n"


BUSY = """
import sys
from operations import ARENA, PAGE, Op, Space
from vmalab_native.core import Segment
with Segment.attach(sys.argv[1]) as segment, segment.participant("client") as me:
    space = Space(me, me.mm_create())
    for i in range(40):
        space.mmap(ARENA + 4 * i * PAGE, 1)
    print(space.mm, flush=True)
    n = 0
    while True:
        n += 1
        at = ARENA + (n % 160) * PAGE
        space.mmap(at, 3, 1 + 2 * (n % 2))
        space.write(at, n)
        space.munmap(at + PAGE, 1)
        if n % 50 == 0:
            space.fork().exit()
"""


def test_a_segment_at_work_is_not_called_damaged(
    segment: Segment, monkeypatch: pytest.MonkeyPatch
) -> None:
    support = os.path.join(os.path.dirname(__file__), "..", "support")
    monkeypatch.setenv("PYTHONPATH", os.path.abspath(support))
    child = Child(BUSY, segment.instance)
    try:
        mm = int(child.line())
        with SegmentFile.open(segment.instance) as file:
            view = SegmentView(file)
            for _ in range(LOOKS):
                assert damages(file) == []
                lines = view.maps(mm).splitlines()
                assert lines
                for line in lines:
                    assert re.match(r"[0-9a-f]{8,}-[0-9a-f]{8,} [r-][w-]-p 00000000 00:00 0", line)
                assert {row.id for row in view.mm_list()} >= {mm}
                view.participants(), view.locks(), view.slabinfo()
        assert child.process.poll() is None
    finally:
        child.end()


FILE_BUSY = """
import sys
from vmalab_client import BlockBuilder, parse_results
from vmalab_native.core import Segment
SHARED_POPULATED = 0x8001
with Segment.attach(sys.argv[1]) as segment, segment.participant("client") as me:
    def run(record, *arguments, **more):
        block = BlockBuilder()
        getattr(block, record)(*arguments, **more)
        (result,) = parse_results(me.run(block))
        return result.value
    mm = me.mm_create()
    file = me.file_open(dev=1 << 20, ino=7, size_bytes=1 << 20, name="/tmp/cut")
    print(file, flush=True)
    while True:
        run("file_truncate", file, 1 << 20)
        at = run("mmap", mm, length=1 << 20, flags=SHARED_POPULATED, file=file)
        run("file_truncate", file, 0)
        run("munmap", mm, at, 1 << 20)
"""


def test_the_lock_of_a_file_has_the_number_of_the_file(segment: Segment) -> None:
    """A process is stopped (SIGSTOP) while it has the lock of a file; then its rows are read."""
    child = Child(FILE_BUSY, segment.instance)
    try:
        number = int(child.line())
        with SegmentFile.open(segment.instance) as file:
            view = SegmentView(file)
            for _ in range(TRIES):
                os.kill(child.pid, signal.SIGSTOP)
                os.waitpid(child.pid, os.WUNTRACED)
                held = [
                    lock for lock in segment.locks() if lock.name not in ("mmap_lock", "vm_lock")
                ]
                if held:
                    break
                os.kill(child.pid, signal.SIGCONT)
                time.sleep(0.001)
            assert [(lock.name, lock.mm, lock.start) for lock in held] == [("file lock", 0, number)]
            assert view.locks() == segment.locks()
            assert lock_text(held[0]).endswith(f"of file {number}")
    finally:
        child.end()


SYNCHRONIZES = """
import sys
from vmalab_native.core import Segment
from vmalab_native.primitives import synchronize
with Segment.attach(sys.argv[1]) as segment, segment.participant("client") as me:
    print(flush=True)
    synchronize(me)
"""


def test_a_wait_for_a_grace_period_keeps_its_age(segment: Segment) -> None:
    """Those that wait for one also wait for each other's mutex; the wait is as old as it was."""
    children: list[Child] = []
    with segment.participant("client") as me:
        me.rcu_read_lock()
        try:
            children = [Child(SYNCHRONIZES, segment.instance) for _ in range(3)]
            for child in children:
                child.line()
            time.sleep(0.5)
            with SegmentFile.open(segment.instance) as file:
                view = SegmentView(file)
                slots = [one.index for one in view.participants() if one.pid != os.getpid()]
                begun = {view.since(slot)[1] for slot in slots}
                assert len(begun) == len(children)
                for _ in range(300):
                    assert {view.since(slot)[1] for slot in slots} == begun
                    time.sleep(0.001)
        finally:
            me.rcu_read_unlock()
            for child in children:
                child.end()
