# SPDX-License-Identifier: Apache-2.0
"""Goal: page faults are read from perf's text, with the kind of access where it is there."""

from __future__ import annotations

from vmalab_trace import perf

POINT = (
    "ls  7159/7159   5497.337935603:   exceptions:page_fault_user: "
    "address=0x7f4b5b545e06 ip=0x7f4b5b52d7ad error_code=0x6"
)
FETCH = (
    "a b c 7159/7160 5497.3374: exceptions:page_fault_user: "
    "address=0x7f4b5b52cb70 ip=0x7f4b5b52cb70 error_code=0x14"
)
KERNEL = (
    "ls 7159/7159 5497.337412946: exceptions:page_fault_kernel: "
    "address=0x563d6c34c5c0 ip=elf_load error_code=0x2"
)
SOFTWARE = "ls  3386/3386   1121.259763343: page-faults:     55e87bd7f5c0 ffffffff8175336a"
DEFAULT = (
    "ls  3386  1121.259851:          1 page-faults:      7fb050089b70 _start+0x0 (/usr/lib/ld.so)"
)


def test_tracepoints() -> None:
    fault = perf.parse_line(POINT)
    assert fault is not None
    assert (fault.tid, fault.addr, fault.access) == (7159, 0x7F4B5B545E06, perf.WRITE)
    assert fault.time_ns == 5497_337935603
    fetch = perf.parse_line(FETCH)
    assert fetch is not None
    assert (fetch.tid, fetch.access, fetch.time_ns) == (7160, perf.EXEC, 5497_337400000)
    kernel = perf.parse_line(KERNEL)
    assert kernel is not None
    assert kernel.kernel


def test_software_events() -> None:
    fault = perf.parse_line(SOFTWARE)
    assert fault is not None
    assert (fault.addr, fault.access, fault.kernel) == (0x55E87BD7F5C0, perf.UNKNOWN, True)
    plain = perf.parse_line(DEFAULT)
    assert plain is not None
    assert (plain.tid, plain.addr) == (3386, 0x7FB050089B70)


def test_other_lines_are_counted() -> None:
    faults, unread = perf.parse([POINT, "", "nothing", KERNEL])
    assert unread == 1
    assert [fault.line for fault in faults] == [4, 1], "by time"


def test_clock_offset() -> None:
    import time

    assert abs(perf.clock_offset_ns() - (time.time_ns() - time.monotonic_ns())) < 50_000_000
