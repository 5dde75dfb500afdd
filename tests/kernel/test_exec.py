# SPDX-License-Identifier: Apache-2.0
"""Goal: execve leaves an address space for a fresh one: whole or not at all, for faults that run
beside it and for a SIGKILL in its middle; it takes along and leaves behind what the kernel does.

Method: a real program sets limits, locks its future and calls execve, and says what is left; the
same on the core of each lock model. Threads fault in an address space while it is left. Child
processes are held at the sync points of exec and killed there. And every way a client has to ask
for it. A word in a page is the number of the address space it was written in.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import threading
import time
from uuid import uuid4

import pytest

from operations import ARENA, PAGE, Space, space
from patience import HANG_S
from vmalab_client import (
    AsyncClient,
    BlockBuilder,
    BlockError,
    Client,
    InvalidRequest,
    LimitReached,
    Map,
    Mcl,
    MemoryCallError,
    NoSuchAddressSpace,
    Rlimit,
    parse_results,
)
from vmalab_drive import drivers
from vmalab_native import cores, lab
from vmalab_native.core import Participant, Segment, SegmentConfig
from vmalab_native.errors import InvalidArgument, LimitExceeded, NoSuchMm
from vmalab_server.embedded import EmbeddedServer

HEAP = 0x5555_5580_0000
MAPS = f"""\
555555554000-555555556000 r-xp 00000000 fe:01 77 /bin/program
{HEAP:x}-{HEAP + 2 * PAGE:x} rw-p 00000000 00:00 0 [heap]
{ARENA:x}-{ARENA + 4 * PAGE:x} rw-p 00000000 00:00 0
7ffffffde000-7ffffffff000 rw-p 00000000 00:00 0 [stack]
"""
BASE = 0x7FFF_F7FF_F000
FIXED = Map.PRIVATE | Map.ANONYMOUS | Map.FIXED

KEEPS = r"""
#define _GNU_SOURCE
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

static long locked_kib(void)
{
	char line[256];
	long kib = -1;
	FILE *in = fopen("/proc/self/status", "r");

	while (in && fgets(line, sizeof(line), in))
		sscanf(line, "VmLck: %ld", &kib);
	return kib;
}

int main(int argc, char **argv)
{
	struct rlimit data = {1 << 26, 1 << 28}, memlock = {1 << 22, 1 << 22}, got[2];

	if (argc == 1) {
		setrlimit(RLIMIT_DATA, &data);
		mlockall(MCL_FUTURE | MCL_ONFAULT);
		mmap(0, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		setrlimit(RLIMIT_MEMLOCK, &memlock);
		prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0);
		printf("{\"locked_before\": %d, ", locked_kib() >= 1 << 10);
		fflush(stdout);
		execl("/proc/self/exe", argv[0], "again", (char *)0);
		return 1;
	}
	getrlimit(RLIMIT_DATA, &got[0]);
	getrlimit(RLIMIT_MEMLOCK, &got[1]);
	mmap(0, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	printf("\"data\": %lu, \"memlock\": %lu, ", got[0].rlim_cur, got[1].rlim_cur);
	printf("\"locked\": %ld, ", locked_kib());
	printf("\"thp_disable\": %d}\n", prctl(PR_GET_THP_DISABLE, 0, 0, 0, 0));
	return 0;
}
"""


@pytest.fixture(scope="module")
def kernel(tmp_path_factory: pytest.TempPathFactory) -> dict[str, int]:
    """What the running kernel keeps."""
    folder = tmp_path_factory.mktemp("keeps")
    (folder / "keeps.c").write_text(KEEPS)
    subprocess.run(["gcc", "-w", "-o", folder / "keeps", folder / "keeps.c"], check=True)
    done = subprocess.run([folder / "keeps"], check=True, capture_output=True, text=True)
    found: dict[str, int] = json.loads(done.stdout)
    assert found.pop("locked_before")
    return found


def info(one: Participant, mm: int) -> dict[str, int]:
    row = next(row for row in one.mm_list() if row.id == mm)
    return {name: getattr(row, name) for name in row.__dataclass_fields__}


@pytest.mark.usefixtures("each_model")
def test_what_is_kept_and_what_is_not(kernel: dict[str, int]) -> None:
    assert kernel == {"data": 1 << 26, "memlock": 1 << 22, "locked": 0, "thp_disable": 1}
    with space() as old:
        me = old.participant
        assert old.call(23, 2, kernel["data"], 1 << 28).status == 0
        assert old.call(24, 1, 0).status == 0
        assert old.call(16, 6).status == 0
        assert old.mmap(ARENA, 4).value == ARENA
        assert old.write(ARENA, 7).status == 0
        assert old.call(19, ARENA, PAGE, 0).status == 0
        assert info(me, old.mm)["locked_pages"] == 4
        new = Space(me, me.mm_exec(old.mm, maps=MAPS, mmap_base=BASE))
        with pytest.raises(NoSuchMm):
            me.maps(old.mm)
        row = info(me, new.mm)
        assert (row["exec_from"], row["locked_pages"], row["map_count"]) == (old.mm, 0, 4)
        assert (row["start_brk"], row["brk"]) == (HEAP, HEAP + 2 * PAGE)
        assert new.read(ARENA).value == 0
        assert new.munmap(ARENA, 4).status == 0, "it is sealed no more"
        assert new.mmap(ARENA, 4).value == ARENA
        assert info(me, new.mm)["locked_pages"] == kernel["locked"]
        assert new.mmap(ARENA, 1 << 14).status == -12, "RLIMIT_DATA is kept"
        assert new.mmap(ARENA, 1 << 10).value == ARENA
        assert new.write(ARENA, 1).status == 0
        assert new.madvise(ARENA, 512, 25).status == -22, "PR_SET_THP_DISABLE is kept"
        assert new.call(24, 0, 0).status == 0
        assert new.madvise(ARENA, 512, 25).status == 0


@pytest.mark.usefixtures("each_model")
def test_what_fails_has_changed_nothing() -> None:
    with space(mms_max=2) as old:
        me = old.participant
        old.mmap(ARENA, 1)
        old.write(ARENA, old.mm)
        before = me.maps(old.mm), me.mm_list()
        with pytest.raises(InvalidArgument, match="line 2: not a line"):
            me.mm_exec(old.mm, maps=MAPS.splitlines()[0] + "\nnothing\n")
        with pytest.raises(InvalidArgument):
            me.mm_exec(old.mm, start_brk=2, brk=1)
        with pytest.raises(NoSuchMm):
            me.mm_exec(old.mm + 1)
        with pytest.raises(NoSuchMm):
            me.mm_exec(0)
        other = me.mm_create()
        with pytest.raises(LimitExceeded):
            me.mm_exec(old.mm)
        me.mm_put(other)
        assert (me.maps(old.mm), me.mm_list()) == before
        assert old.read(ARENA).value == old.mm
        assert old.call(40, 0, 0, 0, 2).status == -8, "an unknown flag: ENOEXEC"
        assert old.call(40, 0, 0, 0, 0, flags=7, tail=b"no maps\0").status == -8
        assert old.call(40, 0, 0, 0, 0, flags=9, tail=b"no maps\0").status == -1003


@pytest.mark.usefixtures("each_model")
def test_a_vfork_parent_stays() -> None:
    with space() as old:
        me = old.participant
        old.mmap(ARENA, 1)
        old.write(ARENA, old.mm)
        answer = old.call(40, 0, 0, 0, 1)
        assert answer.status == 0
        new = Space(me, answer.value)
        assert me.maps(new.mm) == ""
        assert new.mmap(ARENA, 1).value == ARENA
        assert (old.read(ARENA).value, new.read(ARENA).value) == (old.mm, 0)
        assert new.exit().status == 0


@pytest.mark.usefixtures("each_model")
def test_faults_see_the_old_map_or_none() -> None:
    """A fault beside exec gives its own address space's word, or says that it is gone."""
    threads, deadline = 3, time.monotonic() + HANG_S
    wrong: list[str] = []
    with space(mms_max=8) as first:
        me, segment = first.participant, first.participant.segment
        current = [first.mm]
        first.mmap(ARENA, 4)
        first.write(ARENA, first.mm)
        seen = [0, 0]

        def fault() -> None:
            with segment.participant("client") as one:
                while current[0]:
                    mine = Space(one, current[0])
                    for _ in range(50):
                        answer = mine.read(ARENA)
                        gone = answer.status == -1001
                        seen[gone] += 1
                        if gone:
                            break
                        if answer.status or answer.value not in (0, mine.mm):
                            wrong.append(f"{mine.mm}: {answer}")

        running = [threading.Thread(target=fault) for _ in range(threads)]
        for thread in running:
            thread.start()
        while min(seen) < 60 and time.monotonic() < deadline:
            time.sleep(0.0002)
            mm = me.mm_exec(current[0], maps=MAPS)
            Space(me, mm).write(ARENA, mm)
            current[0] = mm
        last, current[0] = current[0], 0
        for thread in running:
            thread.join()
        me.mm_put(last)
    assert wrong == []
    assert min(seen) >= 60
    assert min(seen) >= 60, f"too little ran beside exec: {seen}"


EXEC = """
import struct, sys
from vmalab_native.core import Segment
instance, mm, shared, maps = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4].encode()
with Segment.attach(instance) as segment, segment.participant("client") as me:
    padded = maps + bytes(-len(maps) % 8)
    head = struct.pack("<BBH4xQQQQQ", 40, 6 + len(padded) // 8, len(maps), mm, 0, 0, 0, shared)
    me.run(head + padded)
"""


@pytest.mark.usefixtures("each_model")
@pytest.mark.parametrize(
    ("point", "shared", "left"),
    [
        ("tree_published", False, "old"),
        ("exec_built", False, "old"),
        ("exit_locked", False, "new"),
        ("exec_done", False, "new"),
        ("exit_unmapped", False, "new"),
        ("exit_freed", False, "new"),
        ("exec_built", True, "old"),
    ],
)
def test_killed_in_the_middle(point: str, shared: bool, left: str) -> None:
    """Recovery leaves the old address space as it was, or the new one, never both or none."""
    layout = f"{cores.default_layout()}-lab"
    config = SegmentConfig(size_bytes=128 << 20, frames_max=1 << 14, layout=layout)
    instance = f"e-{uuid4().hex[:10]}"
    with Segment.create(instance, config) as segment:
        try:
            with segment.participant("supervisor") as me:
                old = Space(me, me.mm_create())
                old.mmap(ARENA, 2)
                old.write(ARENA, old.mm)
                file = me.file_open(dev=1, ino=5, size_bytes=PAGE, name="/memfd:a")
                old.mmap(ARENA + 4 * PAGE, 1, flags=0x11, file=file)
                old.write(ARENA + 4 * PAGE, 9)
                me.file_close(file)
                before = me.maps(old.mm)
                lab.arm(me, point, hold_s=60)
                kill_at(me, point, [instance, str(old.mm), str(int(shared)), MAPS])
                for _ in range(20):
                    me.recover()
                    if not any("is dead" in line for line in me.fsck()):
                        break
                assert me.fsck() == []
                (row,) = me.mm_list()
                if left == "old":
                    assert (row.id, me.maps(old.mm)) == (old.mm, before)
                    assert old.read(ARENA).value == old.mm
                    assert old.read(ARENA + 4 * PAGE).value == 9
                    me.mm_put(old.mm)
                else:
                    new = Space(me, row.id)
                    assert (row.exec_from, row.leases, row.map_count) == (old.mm, 0, 4)
                    assert new.read(ARENA).value == 0
                    assert new.write(ARENA, 3).status == 0
                    assert new.mmap(0, 1, flags=0x22).status == 0
                    assert me.mm_reap() == 0, "it is kept until its client has found it"
                    assert new.exit().status == 0
                assert me.fsck() == []
                assert me.mm_list() == []
        finally:
            segment.unlink()


def kill_at(me: Participant, point: str, arguments: list[str]) -> None:
    child = subprocess.Popen([sys.executable, "-c", EXEC, *arguments])
    try:
        assert lab.wait_held(me, point, timeout_s=HANG_S) is not None, f"nobody comes to {point}"
    finally:
        child.kill()
        child.wait()


# --- by clients ---


def test_the_synchronous_client(vmalab_client: Client) -> None:
    old = vmalab_client.address_space()
    old.mmap(4 * PAGE, addr=ARENA, flags=FIXED)
    old.write(ARENA, 7)
    old.set_rlimit(Rlimit.AS, 1 << 30)
    old.mlockall(Mcl.FUTURE)
    with pytest.raises(InvalidRequest, match="line 1"):
        old.exec(maps="nothing\n")
    assert old.read(ARENA) == 7
    with old.exec(maps=MAPS, mmap_base=BASE) as new:
        assert vmalab_client.wait_held(new.mm)
        assert new.mm != old.mm
        with pytest.raises(NoSuchAddressSpace):
            old.read(ARENA)
        assert new.brk() == HEAP + 2 * PAGE
        assert new.read(ARENA) == 0
        with pytest.raises(MemoryCallError, match="allocate memory"):
            new.mmap(1 << 31)
        rows = {row.mm: row for row in vmalab_client.inspect.address_spaces()}
        assert rows[new.mm].exec_from == old.mm
        assert old.mm not in rows
        with new.exec(shared=True) as child:
            assert child.maps() == ""
            assert new.read(ARENA) == 0
    with pytest.raises(NoSuchAddressSpace):
        new.exec()


def test_limits_of_the_instance() -> None:
    with (
        EmbeddedServer(workers=1, mms_max=1) as server,
        Client(server.target) as client,
        client.address_space() as mm,
    ):
        with pytest.raises(LimitReached, match="mms_max"):
            mm.exec()
        assert mm.maps() == ""


def test_blocks_and_the_asynchronous_client(vmalab_server: EmbeddedServer) -> None:
    async def scenario() -> None:
        async with AsyncClient(vmalab_server.target) as client:
            old = await client.address_space()
            new = await old.exec(maps=MAPS)
            block = BlockBuilder()
            block.exec(new.mm, maps=MAPS, mmap_base=BASE)
            block.fault(new.mm, ARENA)
            made, gone = parse_results(await client.apply(block))
            assert (made.status, gone.status) == (0, -1001)
            third = client.use(made.value)
            assert "[heap]" in await third.maps()
            await third.exit()
            with pytest.raises(BlockError, match="2001 bytes of maps"):
                block.exec(1, maps="x" * 2001)

    asyncio.run(asyncio.wait_for(scenario(), 30))


def test_the_load_generators_drivers(vmalab_server: EmbeddedServer) -> None:
    target = drivers.Target(vmalab_server.target)
    with drivers.connect(target, "unary") as driver:
        mm = driver.create()
        block = BlockBuilder()
        block.exec(mm, maps=MAPS)
        ((status, _, made),) = drivers.results(driver.run(block.bytes()))
        assert status == 0
        assert driver.maps(made).count("\n") == 4
        last = driver.exec(made, brk=HEAP, start_brk=HEAP)
        block.clear()
        block.brk(last, HEAP + PAGE)
        block.exit(last)
        answers = drivers.results(driver.run(block.bytes()))
        assert answers == [(0, 0, HEAP + PAGE), (0, 0, 0)]
