# SPDX-License-Identifier: Apache-2.0
"""Goal: every form of line that strace writes is read, and nothing is dropped in silence.

Method: calls are rendered as strace would and read back (hypothesis), and lines as strace 6.1 wrote
them stand here with what they mean. A failure names the line.
"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vmalab_native import flags
from vmalab_trace import calls, plain, strace
from vmalab_trace.calls import (
    Allocate,
    Brk,
    Madvise,
    Mincore,
    Mmap,
    Mprotect,
    Mremap,
    Munmap,
    Plain,
    ProcessMadvise,
    SetVmaName,
    Truncate,
    Unsupported,
)

ADDRESS = st.integers(0, (1 << 47) - 1)
LENGTH = st.integers(0, 1 << 40)
BITS = st.integers(0, (1 << 32) - 1)
PATH = st.text(min_size=1, max_size=30).filter(
    lambda text: text.isprintable() and not text.endswith("(deleted)")
)


OPERATIONS = st.one_of(
    st.builds(Mmap, ADDRESS, LENGTH, BITS, BITS, st.integers(-1, 99), LENGTH, PATH).map(
        lambda one: one if one.fd >= 0 else Mmap(one.addr, one.length, one.prot, one.flags)
    ),
    st.builds(Munmap, ADDRESS, LENGTH),
    st.builds(Mprotect, ADDRESS, LENGTH, BITS),
    st.builds(Mremap, ADDRESS, LENGTH, LENGTH, st.integers(0, 7), ADDRESS),
    st.builds(Madvise, ADDRESS, LENGTH, st.integers(0, 1 << 16)),
    st.builds(
        Mincore,
        ADDRESS,
        LENGTH,
        st.lists(st.integers(0, 1), max_size=40).map(tuple),
        st.just(False),
    ),
    st.builds(Brk, ADDRESS),
    st.builds(SetVmaName, ADDRESS, LENGTH, st.binary(max_size=79).filter(lambda b: b"\0" not in b)),
    st.sampled_from(sorted(set(plain.FORMS) - {"setrlimit"})).flatmap(
        lambda name: st.tuples(*[st.integers(0, 7)] * len(plain.FORMS[name])).map(
            lambda numbers: Plain(name, numbers)
        )
    ),
    st.builds(
        lambda resource, soft, hard: Plain("setrlimit", (resource, soft, hard)),
        st.sampled_from(sorted(flags.RLIMIT.values())),
        LENGTH,
        LENGTH,
    ),
    st.builds(
        ProcessMadvise,
        st.lists(st.tuples(ADDRESS, LENGTH), max_size=4).map(tuple),
        st.integers(0, 1 << 16),
    ),
    st.builds(Truncate, PATH, st.integers(0, 99), LENGTH),
    st.builds(Allocate, PATH, st.integers(0, 99), st.integers(0, 3), LENGTH, LENGTH),
)


def one(text: str) -> strace.Event:
    events = list(strace.parse([text]))
    assert len(events) == 1, events
    return events[0]


def call(text: str) -> strace.Call:
    event = one(text)
    assert isinstance(event, strace.Call), event
    return event


@given(OPERATIONS, st.integers(0, 1 << 47), st.sampled_from(["", "12345 ", "[pid   77] "]))
def test_render_and_read_back(operation: calls.Operation, value: int, head: str) -> None:
    event = call(f"{head}{calls.render(operation)} = {value:#x}")
    assert calls.decode(event) == operation
    assert event.value == value
    assert event.pid == {"": 0, "12345 ": 12345, "[pid   77] ": 77}[head]


@given(OPERATIONS, st.data())
def test_unfinished_and_resumed_anywhere(operation: calls.Operation, data: st.DataObject) -> None:
    """strace cuts a call between arguments or before its result; a path has no cut inside."""
    text = f"{calls.render(operation)} = 0"
    begin = text.index("(") + 1
    cuts = [begin] + [index for index in range(begin, len(text)) if text.startswith(") = ", index)]
    cut = data.draw(st.sampled_from(cuts))
    name = text[: begin - 1]
    lines = [
        f"7 {text[:cut]} <unfinished ...>",
        "8 munmap(0x1000, 4096) = 0",
        f"7 <... {name} resumed>{text[cut:]}",
    ]
    events = list(strace.parse(lines))
    assert [event.line for event in events if isinstance(event, strace.Call)] == [2, 1]
    last = events[-1]
    assert isinstance(last, strace.Call)
    assert (last.pid, last.end_line) == (7, 3)
    assert calls.decode(last) == operation


@pytest.mark.parametrize(
    ("text", "operation", "value", "errno"),
    [
        (
            "mmap(NULL, 33763, PROT_READ, MAP_PRIVATE, 3</etc/ld.so.cache>, 0) = 0x7f885ed23000",
            Mmap(0, 33763, 1, 2, 3, 0, "/etc/ld.so.cache"),
            0x7F885ED23000,
            "",
        ),
        (
            "mmap(NULL, 4096, PROT_READ, MAP_SHARED, 4</tmp/a b (x), y>(deleted), 0x1000) "
            "= -1 ENODEV (No such device) <0.000015>",
            Mmap(0, 4096, 1, 1, 4, 0x1000, "/tmp/a b (x), y (deleted)"),
            -1,
            "ENODEV",
        ),
        (
            "madvise(0x200000000000, 0, 0xdead /* MADV_??? */) = -1 EINVAL (Invalid argument)",
            Madvise(0x200000000000, 0, 0xDEAD),
            -1,
            "EINVAL",
        ),
        (
            "mmap(NULL, 2097152, PROT_READ|PROT_WRITE, "
            "MAP_PRIVATE|MAP_ANONYMOUS|MAP_HUGETLB|21<<MAP_HUGE_SHIFT, -1, 0) = -1 ENOMEM (Cannot "
            "allocate memory)",
            Mmap(0, 2 << 20, 3, 0x22 | 0x40000 | 21 << 26),
            -1,
            "ENOMEM",
        ),
        (
            "mremap(0x7f0000000000, 4096, 8192, MREMAP_MAYMOVE) = 0x7f0000001000",
            Mremap(0x7F0000000000, 4096, 8192, 1),
            0x7F0000001000,
            "",
        ),
        (
            "mincore(0x1000, 12288, [1, 0, 1]) = 0",
            Mincore(0x1000, 12288, (1, 0, 1)),
            0,
            "",
        ),
        (
            "mincore(0x1000, 409600, [1, 0, 1...]) = 0",
            Mincore(0x1000, 409600, (1, 0, 1), True),
            0,
            "",
        ),
        (
            "mincore(0x1000, 8192, 0x7ffe3c959020) = -1 ENOMEM (Cannot allocate memory)",
            Mincore(0x1000, 8192, None, False, 0x7FFE3C959020),
            -1,
            "ENOMEM",
        ),
        ("brk(NULL)                               = 0x55833b4af000", Brk(0), 0x55833B4AF000, ""),
        (
            'prctl(PR_SET_VMA, PR_SET_VMA_ANON_NAME, 0x1000, 4096, "a\\"b\\n") = 0',
            SetVmaName(0x1000, 4096, b'a"b\n'),
            0,
            "",
        ),
        (
            "mlock2(0x1000, 8192, MLOCK_ONFAULT) = -1 ENOMEM (Cannot allocate memory)",
            Plain("mlock2", (0x1000, 8192, 1)),
            -1,
            "ENOMEM",
        ),
        ("mlockall(MCL_CURRENT|MCL_FUTURE) = 0", Plain("mlockall", (3,)), 0, ""),
        ("msync(0x1000, 1, MS_SYNC) = 0", Plain("msync", (0x1000, 1, 4)), 0, ""),
        (
            "syscall_0x1ce(0x1000, 0x2000, 0, 0x7, 0x7, 0x7) = 0",
            Plain("mseal", (0x1000, 0x2000, 0)),
            0,
            "",
        ),
        (
            "prlimit64(0, RLIMIT_STACK, {rlim_cur=8192*1024, rlim_max=RLIM64_INFINITY}, NULL) = 0",
            Plain("setrlimit", (3, 8 << 20, 2**64 - 1)),
            0,
            "",
        ),
        (
            "prlimit64(0, RLIMIT_STACK, NULL, {rlim_cur=8192*1024, rlim_max=RLIM64_INFINITY}) = 0",
            Unsupported("unrelated:prlimit64"),
            0,
            "",
        ),
        (
            "process_madvise(3, [{iov_base=0x1000, iov_len=4096}], 1, MADV_COLD, 0) = 4096",
            ProcessMadvise(((0x1000, 4096),), 20),
            4096,
            "",
        ),
        ("ftruncate(3</a>, 8192) = 0", Truncate("/a", 3, 8192), 0, ""),
        ('truncate("/a", 0) = 0', Truncate("/a", -1, 0), 0, ""),
        (
            "fallocate(3</a>, FALLOC_FL_KEEP_SIZE|FALLOC_FL_PUNCH_HOLE, 0, 4096) = 0",
            Allocate("/a", 3, 3, 0, 4096),
            0,
            "",
        ),
        (
            "fallocate(3</a>, FALLOC_FL_ZERO_RANGE, 0, 4096) = 0",
            Unsupported("fallocate(FALLOC_FL_ZERO_RANGE)"),
            0,
            "",
        ),
        (
            "prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0) = 0",
            Plain("prctl(PR_SET_THP_DISABLE)", (1, 0)),
            0,
            "",
        ),
        ("pkey_alloc(0, PKEY_DISABLE_WRITE) = 3", Plain("pkey_alloc", (0, 2)), 3, ""),
        (
            "pkey_alloc(0, 0x8 /* PKEY_??? */) = -1 EINVAL (x)",
            Plain("pkey_alloc", (0, 8)),
            -1,
            "EINVAL",
        ),
        ("pkey_free(3) = 0", Plain("pkey_free", (3,)), 0, ""),
    ],
)
def test_lines(text: str, operation: calls.Operation, value: int, errno: str) -> None:
    event = call(text)
    assert calls.decode(event) == operation
    assert (event.value, event.errno) == (value, errno)


def test_times() -> None:
    event = call("99 1795480520.502271 brk(NULL) = 0x1000 <0.000253>")
    assert event.time_ns == 1795480520_502271000
    assert event.end_ns == event.time_ns + 253_000
    assert call("99 01:02:03.5 brk(NULL) = 0x1000").time_ns == 3723_500_000_000
    assert call("     0.000012 brk(NULL) = 0x1000").time_ns == 12_000
    lines = ["5 10.000001 brk(NULL <unfinished ...>", "5 10.000009 <... brk resumed>) = 0x1000"]
    resumed = next(strace.parse(lines))
    assert isinstance(resumed, strace.Call)
    assert (resumed.time_ns, resumed.end_ns) == (10_000_001_000, 10_000_009_000)


def test_signals_and_ends() -> None:
    signal = one("42 --- SIGSEGV {si_signo=SIGSEGV, si_code=SEGV_MAPERR, si_addr=0x7fbe} ---")
    assert isinstance(signal, strace.Signal)
    assert (signal.name, signal.fields["si_code"]) == ("SIGSEGV", "SEGV_MAPERR")
    assert signal.fields["si_addr"] == "0x7fbe"
    stopped = one("42 --- stopped by SIGSTOP ---")
    assert isinstance(stopped, strace.Signal)
    assert stopped.stopped
    killed = one("+++ killed by SIGSEGV (core dumped) +++")
    assert isinstance(killed, strace.Exit)
    assert killed.killed_by == "SIGSEGV"
    ended = one("9 +++ exited with 3 +++")
    assert isinstance(ended, strace.Exit)
    assert (ended.pid, ended.status) == (9, 3)


def test_calls_that_never_came_back() -> None:
    """exit_group has no result; a call in which the thread died is given, unfinished."""
    assert call("7 exit_group(0) = ?").value is None
    events = list(
        strace.parse(["7 munmap(0x1000, 4096 <unfinished ...>", "7 +++ exited with 0 +++"])
    )
    first = events[0]
    assert isinstance(first, strace.Call)
    assert not first.finished
    assert calls.decode(first) == Munmap(0x1000, 4096)
    open_at_the_end = list(strace.parse(["7 brk(NULL <unfinished ...>"]))
    assert isinstance(open_at_the_end[0], strace.Call)


@pytest.mark.parametrize("cut", ["<unfinished ...>", "<pid changed to 11 ...>"])
def test_execve_by_another_thread(cut: str) -> None:
    """The resumed line has the leader's id, the unfinished one that of the thread."""
    events = list(
        strace.parse(
            [
                f'12 execve("/bin/true", ["true"], 0x1 /* 3 vars */ {cut}',
                "11 +++ superseded by execve in pid 12 +++",
                "11 <... execve resumed>) = 0",
            ]
        )
    )
    last = events[-1]
    assert isinstance(last, strace.Call)
    assert (last.pid, last.name, last.value) == (11, "execve", 0)


@pytest.mark.parametrize(
    ("text", "shares", "thread", "vfork"),
    [
        (
            "clone(child_stack=NULL, flags=CLONE_CHILD_SETTID|SIGCHLD, child_tidptr=0x1) = 5",
            0,
            0,
            0,
        ),
        ("clone(child_stack=0x1, flags=CLONE_VM|CLONE_VFORK|SIGCHLD) = 5", 1, 0, 1),
        (
            "clone3({flags=CLONE_VM|CLONE_THREAD|CLONE_SETTLS, stack=0x7, tls=0x7} => "
            "{parent_tid=[3693]}, 88) = 5",
            1,
            1,
            0,
        ),
        ("vfork() = 5", 1, 0, 1),
        ("fork() = 5", 0, 0, 0),
    ],
)
def test_spawn(text: str, shares: int, thread: int, vfork: int) -> None:
    spawn = calls.decode(call(text))
    assert spawn == calls.Spawn(bool(shares), bool(thread), bool(vfork))


@pytest.mark.parametrize(
    "text",
    [
        "what is this",
        "7 <... mmap resumed>) = 0",
        "mmap(1, 2",
        "mmap(1, 2) is nothing",
        "+++ ? +++",
    ],
)
def test_garbage_is_kept(text: str) -> None:
    assert isinstance(one(text), strace.Garbage)


@given(st.text(max_size=80))
def test_no_line_breaks_the_parser(text: str) -> None:
    for event in strace.parse(text.splitlines()):
        if isinstance(event, strace.Call):
            try:
                calls.decode(event)
            except calls.DecodeError:
                continue


def test_unknown_calls_are_named() -> None:
    assert calls.decode(call("mbind(0x1000, 4096) = 0")) == calls.Unsupported("mbind")


def test_unknown_flags_are_an_error() -> None:
    with pytest.raises(calls.DecodeError, match="MAP_NOVEL"):
        calls.decode(call("mmap(NULL, 1, PROT_READ, MAP_PRIVATE|MAP_NOVEL, -1, 0) = 0x1000"))


def test_flags_render() -> None:
    assert flags.render_flags(0x22, flags.MAP, unknown="MAP_???") == "MAP_PRIVATE|MAP_ANONYMOUS"
    assert flags.render_choice(0xDEAD, flags.MADV, unknown="MADV_???") == "0xdead /* MADV_??? */"
