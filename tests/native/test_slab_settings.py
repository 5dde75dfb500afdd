# SPDX-License-Identifier: Apache-2.0
"""Goal: an instance does what its slab settings say, whoever dies in it; a wrong setting is named.

Method: a segment of each setting; participants map, touch, fork and unmap, some are killed, and
every invariant is walked, which compares free VMAs with the constructor's state and free pointers
with their places. The sizes are those of the kernel's slabs. Kills under load are in test_kills.py.
Failure: the walker's lines name what is wrong.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import pytest

from patience import HANG_S
from servers import vmalab
from vmalab.ops import Op, record
from vmalab.uapi import Map, Prot
from vmalab_native import damage, slab
from vmalab_native.core import Participant, Segment, SegmentConfig, check_config
from vmalab_native.errors import InvalidArgument
from vmalab_native.records import ReusePlan
from vmalab_native.segment_file import CACHE_AVC, CACHE_NUMAB, SegmentFile, words
from vmalab_native.view import SegmentView

SETTINGS = [
    ("reset=free", "split-rwsem"),
    ("ctor=page,freeptr=outside", "embedded-rwsem"),
    ("freeptr=overlaid,reset=free,magazine=sheaf", "typesafe-rwsem"),
    ("ctor=alloc,magazine=2,barn=yes,freeptr=overlaid", "refcount"),
    ("merge=yes,barn=yes", "refcount"),
]
BUSY = Path(__file__).with_name("busy.py")
FREES = 20_000


@contextmanager
def made(model: str, text: str) -> Iterator[Segment]:
    config = SegmentConfig(
        model=model,
        slab=slab.parse(text),
        size_bytes=64 << 20,
        frames_max=1 << 14,
        participants_max=16,
        mms_max=32,
        files_max=16,
    )
    with Segment.create(f"slab-{uuid4().hex[:12]}", config) as segment:
        try:
            yield segment
        finally:
            segment.unlink()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("ctor=never", "slab ctor=never: allowed are model, page, alloc"),
        ("freeptr=inside", "slab freeptr=inside: allowed are none, outside, overlaid"),
        ("magazine=7", "slab magazine=7: allowed are even numbers from 2 to 64, and sheaf"),
        ("magazine=66", "slab magazine=66: allowed"),
        ("magazine=many", "slab magazine=many: allowed are numbers, and sheaf"),
        ("barn=maybe", "slab barn=maybe: allowed are yes, no"),
        ("merge=all", "slab merge=all: allowed are yes, no"),
        ("barn=no,reset=free,barn=yes", "slab barn=yes: a setting is given once"),
        ("magazine=4,magazine=4", "slab magazine=4: a setting is given once"),
        ("magazine=sheaf,barn=no", r"slab barn=no: .* once \(sheaf is 64 with a barn\)"),
        ("barn=no,magazine=sheaf", r"slab magazine=sheaf: .* once \(sheaf is 64 with a barn\)"),
        ("colour=red", "slab colour=red: settings are ctor, reset, freeptr, magazine, barn, merge"),
    ],
)
def test_a_wrong_setting_is_named(text: str, said: str) -> None:
    with pytest.raises(InvalidArgument, match=said):
        SegmentConfig(slab=slab.parse(text))


@pytest.mark.parametrize(("model", "ctor"), sorted(slab.NO_CTOR))
def test_what_a_lock_model_cannot_have(model: str, ctor: slab.Ctor) -> None:
    """Refused in words, and by the core for whoever asks it without them."""
    config = SegmentConfig(model=model)
    with pytest.raises(InvalidArgument, match=f"slab ctor={ctor} is not for {model}"):
        SegmentConfig(model=model, slab=slab.Slab(ctor=ctor))
    object.__setattr__(config, "slab", slab.Slab(ctor=ctor))
    with pytest.raises(InvalidArgument, match="slab_ctor = "):
        check_config(config)


def test_the_environment_chooses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("VMALAB_SLAB", raising=False)
    assert SegmentConfig().slab == slab.Slab()
    monkeypatch.setenv("VMALAB_SLAB", "magazine=sheaf,reset=free")
    assert SegmentConfig().slab == slab.Slab(reset="free", magazine=64, barn=True)
    assert slab.parse(str(SegmentConfig().slab)) == SegmentConfig().slab
    assert SegmentConfig().slab.changed == "reset=free,magazine=64,barn=yes"


def test_sizes_are_the_kernels() -> None:
    """A free pointer behind the VMA costs a line where the VMA fills its last one."""
    for model, freeptr, slot in (
        ("typesafe-rwsem", "none", 256),
        ("typesafe-rwsem", "outside", 320),
        ("typesafe-rwsem", "overlaid", 256),
        ("refcount", "outside", 256),
        ("refcount", "overlaid", 192),
    ):
        with made(model, f"freeptr={freeptr}") as segment:
            assert segment.config.slab.freeptr == freeptr
            assert segment.slabinfo()[0].objsize == slot, (model, freeptr)


def killed_at_work(me: Participant, instance: str, mms: list[int]) -> None:
    """Two processes that change address spaces until they are killed."""
    busy = [
        subprocess.Popen(
            [sys.executable, str(BUSY), instance, str(seed), *map(str, mms)],
            stdout=subprocess.PIPE,
            text=True,
        )
        for seed in (1, 2)
    ]
    end = time.monotonic() + HANG_S
    while me.vmstat()["vma_free"] < FREES and time.monotonic() < end:
        time.sleep(0.01)
    for process in busy:
        os.kill(process.pid, signal.SIGKILL)
        process.communicate()
        assert process.returncode == -signal.SIGKILL


@pytest.mark.parametrize(("text", "model"), SETTINGS)
def test_an_instance_of_each_setting(text: str, model: str) -> None:
    """What is read from the file is what the core says; who is killed leaves nothing wrong."""
    with made(model, text) as segment, segment.participant("client") as me:
        killed_at_work(me, segment.instance, [me.mm_create(), me.mm_create()])
        assert me.vmstat()["vma_free"] >= FREES
        for _ in range(20):
            me.recover()
            complaints = me.fsck()
            if not any("is dead" in line for line in complaints):
                break
        assert complaints == []
        assert me.fsck(stop=False) == []
        with SegmentFile.open(segment.instance) as file:
            assert damage.damages(file) == []
            assert SegmentView(file).slabinfo() == segment.slabinfo()
            assert SegmentView(file).info().config.slab == slab.parse(text)


def test_the_walker_looks_at_free_vmas() -> None:
    """A store to a free VMA is named: to its free pointer, and to a field that a reset cleared."""
    with (
        made("typesafe-rwsem", "freeptr=overlaid,reset=free") as segment,
        segment.participant("client") as me,
    ):
        me.bench_slab(me.mm_create(), 256, 1024)
        assert me.fsck() == []
        with SegmentFile.open(segment.instance) as file:
            magazine, vma = file.structs["magazine"], file.structs["vm_area_struct"]
            raw = file.area_part(me.index, "magazines")
            at = words(magazine.part(raw, "objs"), 4)[magazine.get(raw, "count") - 1] << 4
            path = f"/proc/self/fd/{file.fd}"
            for field, said in (
                ("vm_start", "is free and its free pointer is wrong"),
                ("vm_flags", "is free and not as its constructor left it"),
            ):
                offset = at + vma.at[field][0]
                before = file.read(offset, 8, field)
                with open(path, "r+b", buffering=0) as raw_file:
                    os.pwrite(raw_file.fileno(), bytes([before[0] ^ 1]), offset)
                    assert [line for line in me.fsck() if said in line] != []
                    os.pwrite(raw_file.fileno(), before[:1], offset)
        assert me.fsck() == []


def test_who_gets_an_object_again() -> None:
    """The order is the seed's. Type-safe objects come again at once, deferred ones after a grace
    period; what another participant frees is never whose it was."""
    found = {}
    for model in ("embedded-rwsem", "typesafe-rwsem"):
        with (
            made(model, "") as segment,
            segment.participant("client") as one,
            segment.participant("client") as two,
        ):
            mm = one.mm_create()
            for freer in ("own", "handed"):
                plan = ReusePlan(mm=mm, freer=freer, live=100, turns=3000, seed=5)
                got = found[model, freer] = one.bench_reuse([two], plan)
                assert got.allocs == 3000
                assert len(got.distances) == got.reused
            again = ReusePlan(mm=mm, freer="own", live=100, turns=3000, seed=5)
            assert one.bench_reuse([two], again).allocs == 3000
            assert one.fsck() == []
    own, handed = found["typesafe-rwsem", "own"], found["typesafe-rwsem", "handed"]
    deferred = found["embedded-rwsem", "own"]
    assert sorted(own.distances)[own.reused // 2] < 10
    assert own.by_other == 0
    assert handed.by_other == handed.reused > 2500
    assert min(handed.distances) > 0
    assert sorted(deferred.distances)[deferred.reused // 2] > 10


def test_caches_that_share_slabs() -> None:
    """An object comes again as one of the other cache, and the walker knows which is which.

    slabinfo lists the cache that has the slabs, as the kernel does.
    """
    with made("refcount", "merge=yes") as segment, segment.participant("client") as me:
        names = {row.name for row in segment.slabinfo()}
        assert "anon_vma_chain" in names
        assert "vma_numab_state" not in names
        alike = next(row for row in segment.slabinfo() if row.name == "anon_vma_chain")
        assert alike.active_objs == 0
        got = me.bench_alike(300, 4000, 5)
        assert got.by_other > 500
        assert me.fsck() == []
        mm = me.mm_create()
        flags = Map.PRIVATE | Map.ANONYMOUS | Map.FIXED | Map.POPULATE
        prot = int(Prot.READ | Prot.WRITE) | int(flags) << 32
        me.run(record(Op.MMAP, mm, 0x10000, 0x1000, prot, 0, 0))
        with SegmentFile.open(segment.instance) as file:
            assert file.roots[CACHE_NUMAB] == CACHE_AVC
            assert SegmentView(file).slabinfo() == segment.slabinfo()
            assert damage.damages(file) == []
        alike = next(row for row in segment.slabinfo() if row.name == "anon_vma_chain")
        assert alike.active_objs == 2
        assert me.fsck() == []
    with made("refcount", "") as segment, segment.participant("client") as me:
        assert me.bench_alike(300, 4000, 5).by_other == 0


@pytest.mark.long
@pytest.mark.serial
@pytest.mark.parametrize(("text", "model"), SETTINGS)
def test_bursts_of_kills_in_each_setting(
    text: str, model: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As `vmalab crash` judges it: content, leaks, hangs, and every invariant after each burst."""
    monkeypatch.setenv("VMALAB_SLAB", text)
    done = vmalab("crash", "--model", model, "--kills", "300", "--json")
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
