# SPDX-License-Identifier: Apache-2.0
"""Goal: what Python sees of the core is what the C headers say, and every listing is right and
complete.

Method: the declarations of core.cdef are compared with the headers by the compiler (a struct that
differs raises when it is first used) and by reading the headers; listings are compared with what
was just done.
"""

import os
import re
import time
from pathlib import Path

import pytest
from vmalab_native._core import ffi, lib

from vmalab_native import errors
from vmalab_native.core import (
    Participant,
    Segment,
    SegmentConfig,
    fingerprint,
    layout,
    monotonic_ns,
)

pytestmark = pytest.mark.usefixtures("each_model")
NATIVE = Path(__file__).resolve().parents[2] / "native"
INCLUDE = NATIVE / "include" / "vmalab"
PAGE = 4096
MAPS = """\
555555554000-555555556000 r--p 00000000 08:01 1234                       /usr/bin/true
555555556000-555555557000 r-xp 00002000 08:01 1234                       /usr/bin/true
555555558000-555555579000 rw-p 00000000 00:00 0                          [heap]
7ffff7dd0000-7ffff7dd4000 rw-p 00000000 00:00 0
7ffffffde000-7ffffffff000 rw-p 00000000 00:00 0                          [stack]
"""


# --- declarations ---


def test_every_struct_has_the_compilers_layout() -> None:
    names = re.findall(r"^struct (\w+) \{", (NATIVE / "core.cdef").read_text(), re.MULTILINE)
    assert len(names) >= 10
    for name in names:
        assert ffi.sizeof(f"struct {name}") > 0, "raises when size or an offset differs"


def test_every_function_of_the_headers_is_declared() -> None:
    header = "".join(
        (INCLUDE / name).read_text() for name in ("api.h", "lin.h", "load.h", "recover.h")
    )
    offered = set(re.findall(r"^VL_API [^;(]*?(\w+)\(", header, re.M))
    declared = set(re.findall(r"^[\w *]+?(vl_\w+)\(", (NATIVE / "core.cdef").read_text(), re.M))
    assert offered == declared
    for name in offered:
        assert getattr(lib, name)


def enum_of(header: str, name: str) -> dict[str, int]:
    """The members of a C enum with their values, comments taken out."""
    text = re.sub(r"/\*.*?\*/", "", (INCLUDE / header).read_text(), flags=re.S)
    found = re.search(rf"enum {name} \{{(.*?)\}}", text, re.S)
    assert found, f"enum {name} is not in {header}"
    values: dict[str, int] = {}
    following = 0
    for member in filter(None, (part.strip() for part in found[1].split(","))):
        label, _, value = (part.strip() for part in member.partition("="))
        following = int(value, 0) if value else following
        values[label] = following
        following += 1
    return values


@pytest.mark.parametrize(
    ("header", "name"),
    [
        ("block_ops.h", "vl_op"),
        ("base.h", "vl_error"),
        ("segment.h", "vl_seg_state"),
        ("segment.h", "vl_rcu_flavour"),
        ("participant.h", "vl_role"),
    ],
)
def test_enums_are_the_headers(header: str, name: str) -> None:
    for label, value in enum_of(header, name).items():
        assert getattr(lib, label) == value


def test_defines_are_the_headers() -> None:
    text = (INCLUDE / "block_ops.h").read_text()
    defines = re.findall(
        r"^#define ((?:VL_S|FAULT)_\w+)[ \t]+\(?(-?\w+?)u?\)?[ \t]*(?:/|$)", text, re.M
    )
    assert len(defines) >= 13
    for label, value in defines:
        assert getattr(lib, label) == int(value, 0)


def test_one_exception_per_code() -> None:
    codes = {value: label for label, value in enum_of("base.h", "vl_error").items() if value}
    kinds: dict[int, type[errors.NativeError]] = {
        **errors.BY_CODE,
        errors.SystemCallFailed.code: errors.SystemCallFailed,
    }
    assert {code: kind.constant for code, kind in kinds.items()} == codes
    for code, kind in kinds.items():
        error = errors.error_of(code, "trying", errno=0)
        assert type(error) is kind
        assert str(error).startswith("trying")
        assert kind.constant in str(error)
        assert kind.remedy in str(error)
    assert isinstance(errors.error_of(-12, "trying"), errors.CoreErrno)
    assert "code -5000" in str(errors.error_of(-5000, "trying"))


# --- segments ---


@pytest.mark.parametrize(
    "change",
    [
        {"size_bytes": 0},
        {"size_bytes": 1 << 40},
        {"mms_max": 0},
        {"mms_max": 4097},
        {"participants_max": 0},
        {"frames_max": 1 << 32},
        {"files_max": -1},
        {"rcu": "quick"},
        {"size_bytes": "much"},
    ],
)
def test_config_is_checked_at_once(change: dict[str, object]) -> None:
    with pytest.raises(errors.InvalidArgument):
        SegmentConfig(**change)  # type: ignore[arg-type]


def test_tables_must_fit(instance: str) -> None:
    with pytest.raises((errors.InvalidArgument, errors.SegmentTooBig)):
        Segment.create(instance, SegmentConfig(size_bytes=1 << 20))
    assert instance not in Segment.list_instances()


def test_info(segment: Segment) -> None:
    info = segment.info()
    assert info.name == segment.instance
    assert (info.model, info.layout) == (segment.config.model, segment.config.layout)
    assert info.state == "ready"
    assert info.fingerprint == fingerprint(info.model, info.layout)
    assert info.rcu_flavour in ("membarrier", "fenced")
    assert abs(info.created_ns - time.time_ns()) < 60e9
    assert 0 <= info.pages_populated <= info.pages_total


def test_sparse(segment: Segment) -> None:
    """The file is as long as was asked for; memory is taken as it is used."""
    status = os.stat(f"/dev/shm/vmalab.{segment.instance}")
    assert status.st_size == segment.size_bytes
    assert status.st_blocks * 512 < segment.size_bytes / 2


# --- address spaces ---


def test_mm_life(me: Participant) -> None:
    mm = me.mm_create(start_brk=0x555555558000, brk=0x555555579000)
    (info,) = me.mm_list()
    assert (info.id, info.leases, info.keep_until_ns) == (mm, 1, 0)
    assert (info.start_brk, info.brk) == (0x555555558000, 0x555555579000)
    assert info.mm_lock_seq % 2 == 0
    me.mm_get(mm)
    me.mm_put(mm)
    assert [row.leases for row in me.mm_list()] == [1]
    me.mm_put(mm)
    assert me.mm_list() == []
    for call in (me.mm_get, me.mm_put, me.maps):
        with pytest.raises(errors.NoSuchMm, match=str(mm)):
            call(mm)


def test_mm_keep_and_reap(me: Participant) -> None:
    mm = me.mm_create()
    before = monotonic_ns()
    me.mm_keep(mm, 200_000_000)
    me.mm_put(mm)
    (info,) = me.mm_list()
    assert info.leases == 0
    assert info.keep_until_ns >= before + 200_000_000
    reaped_early, looked = me.mm_reap(), monotonic_ns()
    assert not (reaped_early and looked < info.keep_until_ns)
    while monotonic_ns() <= info.keep_until_ns:
        time.sleep(0.01)
    assert reaped_early + me.mm_reap() == 1
    assert me.mm_list() == []


def test_release_gives_leases_back(segment: Segment, me: Participant) -> None:
    with segment.participant("client") as other:
        other.mm_create()
        shared = other.mm_create()
        me.mm_get(shared)
    assert [info.id for info in me.mm_list()] == [shared]


def test_mms_exhausted(segment: Segment, me: Participant) -> None:
    made = [me.mm_create() for _ in range(segment.config.mms_max)]
    with pytest.raises(errors.LimitExceeded):
        me.mm_create()
    assert len(set(made)) == len(made)
    me.mm_put(made.pop())
    again = me.mm_create()
    assert again not in made
    assert len(me.mm_list()) == segment.config.mms_max


def test_maps_come_back_as_they_went_in(me: Participant) -> None:
    mm = me.mm_create(maps=MAPS)
    squeezed = [line.split() for line in me.maps(mm).splitlines()]
    assert squeezed == [line.split() for line in MAPS.splitlines()]


def test_maps_of_many_grow_the_buffer(me: Participant) -> None:
    lines = [f"{n << 20:x}-{(n << 20) + PAGE:x} r--p 00000000 00:00 0 \n" for n in range(1, 2000)]
    mm = me.mm_create(maps="".join(lines))
    assert len(me.maps(mm).splitlines()) == 1999
    assert [info.map_count for info in me.mm_list()] == [1999]


@pytest.mark.parametrize(
    "text",
    [
        "rubbish\n",
        "1000-0fff rw-p 00000000 00:00 0\n",
        "1001-2000 rw-p 00000000 00:00 0\n",
        "1000-3000 rw-p 00000000 00:00 0\n2000-4000 rw-p 00000000 00:00 0\n",
        "ffffffffffffe000-fffffffffffff000 rw-p 00000000 00:00 0\n",
    ],
)
def test_bad_maps(me: Participant, text: str) -> None:
    with pytest.raises(errors.NativeError):
        me.mm_create(maps=text)
    assert me.mm_list() == [], "a refused one leaves nothing"


def test_own_maps(instance: str) -> None:
    """The maps of this very process, as the kernel prints them now."""
    text = "".join(
        line
        for line in Path("/proc/self/maps").read_text().splitlines(keepends=True)
        if "[v" not in line
    )
    with Segment.create(instance) as segment, segment.participant("client") as me:
        ours = me.maps(me.mm_create(maps=text)).splitlines()
        assert [line.split() for line in ours] == [line.split() for line in text.splitlines()]
        assert me.fsck() == []


def test_mincore(me: Participant) -> None:
    mm = me.mm_create(maps=MAPS)
    heap = 0x555555558000
    assert me.mincore(mm, heap, 3 * PAGE) == (0, bytes(3))
    assert me.mincore(mm, 0x1000, PAGE) == (12, b""), "ENOMEM: not mapped"
    assert me.mincore(mm, heap + 1, PAGE) == (22, b""), "EINVAL: not page aligned"
    with pytest.raises(errors.NoSuchMm):
        me.mincore(0xFFFF0001, heap, PAGE)


@pytest.mark.parametrize("mm", [-1, 1 << 64, "1", 1.0, True])
def test_mm_id_is_checked(me: Participant, mm: int) -> None:
    for call in (me.mm_get, me.mm_put, me.maps):
        with pytest.raises(errors.InvalidArgument):
            call(mm)


# --- files ---


def test_files(segment: Segment, me: Participant) -> None:
    one = me.file_open(dev=2049, ino=7, size_bytes=PAGE, name="/tmp/a")
    assert me.file_open(dev=2049, ino=7, size_bytes=2 * PAGE, name="/tmp/a") == one
    two = me.file_open(dev=2049, ino=8, size_bytes=PAGE, name="/tmp/b")
    assert two != one
    me.file_close(one)
    me.file_close(one)
    me.file_close(two)
    with pytest.raises(errors.NativeError):
        me.file_close(two)


def test_files_exhausted(segment: Segment, me: Participant) -> None:
    for ino in range(1, segment.config.files_max + 1):
        me.file_open(dev=1, ino=ino, size_bytes=0, name=f"/tmp/{ino}")
    me.file_open(dev=1, ino=1, size_bytes=PAGE, name="/tmp/1")
    with pytest.raises(errors.LimitExceeded):
        me.file_open(dev=1, ino=2000, size_bytes=0, name="/tmp/2000")


# --- listings ---


def test_layout() -> None:
    structs = {struct.name: struct for struct in layout()}
    vma = structs["vm_area_struct"]
    assert vma.size == 256
    assert vma.cacheline == 64
    fields = {field.name: field for field in vma.fields}
    assert fields["vm_lock"].offset % 64 == 0, "the lock has a cache line of its own"
    assert fields["vm_start"].cacheline == 0
    assert structs["rw_semaphore"].size == 40
    for struct in structs.values():
        for field in struct.fields:
            assert field.offset + field.size <= struct.size
            assert field.cacheline == field.offset // 64


def test_slabinfo(me: Participant) -> None:
    me.mm_create(maps=MAPS)
    rows = {row.name: row for row in me.slabinfo()}
    vma = rows["vm_area_struct"]
    bytes_of = {"mmap-lock": 144, "split-rwsem": 160, "refcount": 192}
    size = bytes_of.get(me.segment.config.model, 256)
    assert vma.objsize == size
    assert vma.objperslab == vma.pagesperslab * PAGE // size
    assert ("vma_lock" in rows) == (me.segment.config.model == "split-rwsem")
    if "vma_lock" in rows:
        lock = rows["vma_lock"]
        assert (lock.objsize, lock.objperslab, lock.pagesperslab) == (40, 102, 1)
        assert lock.active_objs == 5
    assert 5 <= vma.active_objs <= vma.num_objs
    assert vma.num_objs == vma.num_slabs * vma.objperslab
    assert vma.allocs - vma.frees == 5


def test_vmstat(segment: Segment, me: Participant) -> None:
    before = me.vmstat()
    for name in ("vma_lock_success", "vma_lock_abort", "vma_lock_retry", "vma_lock_miss"):
        assert before[name] == 0
    assert len(before) == len(set(before))
    with segment.participant("client") as other:
        other.mm_create()
        assert segment.vmstat()["mm_create"] == before["mm_create"] + 1
    assert segment.vmstat()["mm_create"] == before["mm_create"] + 1, "those that left count too"


def test_no_lock_is_left_announced(segment: Segment, me: Participant) -> None:
    me.mm_create(maps=MAPS)
    assert segment.locks() == []


@pytest.mark.serial
def test_bench_fault(me: Participant) -> None:
    heap = 0x555555558000
    mm = me.mm_create(maps=MAPS)
    record = bytes([1, 3, 5, 0]) + mm.to_bytes(4, "little")
    me.run(record + heap.to_bytes(8, "little") + bytes(8))
    result = me.bench_fault(mm, [heap], 10_000, rounds=5)
    assert result.iterations >= 10_000
    assert 1 < result.rmw_ns < 1000
    assert 1 < result.fault_ns < 10_000
    assert result.ratio == pytest.approx(result.fault_ns / result.rmw_ns)
    assert (result.vma_lock_success > 0) == (me.segment.config.model != "mmap-lock")
    with pytest.raises(errors.InvalidArgument):
        me.bench_fault(mm, [], 1)
