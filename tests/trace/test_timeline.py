# SPDX-License-Identifier: Apache-2.0
"""Goal: calls and faults of several threads are put in the order in which they took effect.

Method: small made-up traces whose order the lines of `locks` tell, against the order in which the
calls were completed, which is another. A failure shows the texts of the steps in the wrong order.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from vmalab_trace import folder, perf, plan, reorder, steps
from vmalab_trace.folder import Folder, Meta
from vmalab_trace.steps import Kind, Step
from vmalab_trace.verdict import Verdict

MAPS = (
    "7f0000000000-7f0000004000 rw-p 00000000 00:00 0 \n"
    "7ffffffde000-7ffffffff000 rw-p 00000000 00:00 0                          [stack]\n"
)
TRACE = """\
10 100.000000000 madvise(0x0, 0, 0xdead /* MADV_??? */) = -1 EINVAL (Invalid argument)
10 101.000000000 clone(child_stack=0x7f0000001000, flags=CLONE_VM|CLONE_THREAD) = 11 <0.000001>
10 102.000000000 munmap(0x7f0000000000, 4096 <unfinished ...>
11 102.000001000 mprotect(0x7f0000001000, 4096, PROT_READ) = 0 <0.000001000>
10 102.000500000 <... munmap resumed>) = 0 <0.000499000>
11 103.000000000 mprotect(0x7f0000001000, 4096, PROT_READ <unfinished ...>
10 103.000001000 munmap(0x7f0000002000, 4096) = 0 <0.000001000>
11 103.000500000 <... mprotect resumed>) = 0 <0.000499000>
11 104.000000000 exit_group(0) = ?
"""
LOCKS = """\
10 2.000001500 w
11 2.000002500 w
11 3.000003500 w
10 3.000002500 w
"""
AHEAD_NS = 100_000_000_000


def fault(tid: int, seconds: str, addr: int) -> str:
    return (
        f"p 10/{tid} {seconds}: exceptions:page_fault_user: address={addr:#x} "
        "ip=0x1000 error_code=0x6"
    )


def made(root: Path, *, locks: str = LOCKS, faults: str = "") -> plan.Plan:
    root.mkdir(exist_ok=True)
    (root / "trace").write_text(TRACE)
    (root / "maps.0").write_text(MAPS)
    (root / "locks").write_text(locks)
    (root / "faults").write_text(faults)
    (root / "meta.json").write_text(Meta(clock_offset_ns=AHEAD_NS, recorded=True).to_json())
    return plan.load(Folder(root))


def texts(read: plan.Plan) -> list[str]:
    return [
        f"{step.tid} {step.text().split('(')[0]}"
        for step in read.steps
        if step.kind in (Kind.CALL, Kind.FAULT)
    ]


def test_the_lock_tells_the_order(tmp_path: Path) -> None:
    assert texts(made(tmp_path)) == ["10 munmap", "11 mprotect", "10 munmap", "11 mprotect"]
    by_end = ["11 mprotect", "10 munmap", "10 munmap", "11 mprotect"]
    assert texts(made(tmp_path, locks="")) == by_end, "without locks the order of completion"


def test_a_lost_line_of_locks_leaves_the_others_exact(tmp_path: Path) -> None:
    read = made(tmp_path, locks=LOCKS.replace("10 2.000001500 w\n", ""))
    assert texts(read)[2:] == ["10 munmap", "11 mprotect"]
    assert [step.moment_ns is None for step in read.steps if step.kind is Kind.CALL].count(
        True
    ) == 1


def test_a_fault_stands_where_it_took_the_lock(tmp_path: Path) -> None:
    """It was met before both calls of the other thread, and took effect between them."""
    lines = fault(11, "2.500000000", 0x7F0000003000)
    early = texts(made(tmp_path, faults=lines))
    assert early == ["10 munmap", "11 mprotect", "11 fault", "10 munmap", "11 mprotect"]
    late = texts(made(tmp_path, locks=LOCKS + "11 2.999999000 r\n", faults=lines))
    assert late == early
    inside = fault(10, "2.900000000", 0x7F0000003000)
    waited = LOCKS.replace("10 3.000002500", "10 3.000000500 r\n10 3.000004500")
    read = made(tmp_path, locks=waited, faults=inside)
    assert texts(read)[2:] == ["10 fault", "11 mprotect", "10 munmap"]
    found = next(step for step in read.steps if step.kind is Kind.FAULT)
    assert found.moment_ns == AHEAD_NS + 3_000_000_500


def test_faults_of_a_thread_without_calls(tmp_path: Path) -> None:
    """A thread is known from its clone on, also when it never makes a memory call."""
    lines = fault(11, "1.500000000", 0x7F0000003000)
    read = made(tmp_path, faults=lines)
    assert texts(read)[0] == "11 fault"
    assert read.faults_left_out == {}


def test_lock_lines() -> None:
    text = (
        "a b 10/11   838.669229618: mmap_lock:mmap_lock_acquire_returned: mm=0xffff888104ff5dc0 "
        "memcg_id=4099 write=true success=true"
    )
    lock = perf.lock_of(text)
    assert lock == perf.Lock(11, 838_669229618, write=True)
    assert perf.lock_of(text.replace("acquire_returned", "released")) is None
    assert perf.parse_line(text) is None
    read, unread = perf.parse_locks([lock.render(), "", "10 1.5 w", "9 5.000000001 r"])
    assert read == [perf.Lock(9, 5_000000001, write=False), lock]
    assert unread == 1


def test_clocks_that_drift() -> None:
    meta = Meta(clock=[(1000, 50), (2000, 150)])
    assert [meta.trace_time(one) for one in (500, 1000, 1500, 2000, 3000)] == [
        550, 1050, 1600, 2150, 3150,
    ]  # fmt: skip
    assert Meta.from_json(meta.to_json()).clock == meta.clock
    assert Meta(clock_offset_ns=7).trace_time(1) == 8


@pytest.mark.parametrize("compress", ["", "gz", "xz"])
def test_packed_folders(tmp_path: Path, compress: folder.Compress) -> None:
    for name, text in (("trace", TRACE), ("maps.0", MAPS), ("locks", LOCKS)):
        folder.write(tmp_path, name, text, compress=compress)
    read = Folder(tmp_path)
    assert list(read.lines()) == TRACE.split("\n")
    assert read.maps(0) == MAPS
    assert read.locks() == LOCKS.splitlines()


def _step(kind: Kind, tid: int, line: int, end: int, addr: int = 0) -> Step:
    begin_ns, end_ns = line * 1_000_000, end * 1_000_000
    return Step(kind, line, end, tid, 0, addr=addr, time_ns=begin_ns, end_ns=end_ns)


def test_a_snapshot_that_differs_moves_what_overlapped_and_touches_it() -> None:
    """The kernel did the second fault first: found by trying, and only with steps that matter."""
    steps = [
        _step(Kind.IMPORT, 1, 1, 1),
        _step(Kind.FAULT, 1, 2, 5, addr=0x1000),
        _step(Kind.FAULT, 2, 3, 6, addr=0x2000),
        _step(Kind.FAULT, 3, 4, 7, addr=0x9000),
        _step(Kind.CHECK, 1, 8, 8),
    ]
    tried: list[list[int]] = []

    def play(order: list[Step]) -> Verdict:
        tried.append([steps.index(step) for step in order])
        good = tried[-1] == [0, 2, 1, 3, 4]
        ranges = [] if good else [(0x1000, 0x3000)]
        return Verdict(
            maps_checked=1,
            maps_equal=int(good),
            first_bad_step=-1 if good else 4,
            bad_ranges=ranges,
        )

    best = reorder.improve(steps, play(steps), play, tries_max=8)
    assert best.verdict.good
    assert best.tried == len(tried) - 1 <= 2
    assert all(order.index(3) == 3 for order in tried), "the far fault stays where it is"
    known = list(steps)
    for index, step in enumerate(known):
        step.moment_ns = index
    assert list(reorder.other_orders(known, 4, [(0x1000, 0x3000)])) == []


def test_running_max() -> None:
    assert steps.running_max([3, None, 2, 5]) == [3, 3, 3, 5]
