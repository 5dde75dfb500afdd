# SPDX-License-Identifier: Apache-2.0
"""Goal: overlapping calls are put in an order in which the recorded answers are possible.

Method: small made-up traces whose only possible order is known, and random programs that are run
against the model in a known order and shown with spans that hide it.
"""

from __future__ import annotations

import errno
import random

from hypothesis import given
from hypothesis import strategies as st

from vmalab_trace import calls, ordering, steps
from vmalab_trace.gaps import Gaps
from vmalab_trace.steps import Kind, Step

BASE = 0x7F00_0000_0000
ANON = 0x22


def mmap(length: int, addr: int = 0, flags: int = ANON) -> calls.Mmap:
    return calls.Mmap(addr, length, 3, flags)


def gaps() -> Gaps:
    return Gaps(base=BASE)


def step(
    tid: int, line: int, end: int, operation: calls.Operation, value: int = 0, error: int = 0
) -> Step:
    return Step(Kind.CALL, line, end, tid, 0, operation=operation, value=value, errno=error)


def start() -> dict[int, Gaps]:
    """An address space with one mapping, so that the model is trusted."""
    space = gaps()
    space.add(BASE - 0x1000, BASE, file=False)
    return {0: space}


def test_order_of_two_mmaps_is_told_by_their_addresses() -> None:
    first = step(1, 1, 4, mmap(4096), BASE - 0x2000)
    second = step(2, 2, 3, mmap(4096), BASE - 0x3000)
    arranged, report = ordering.arrange([second, first], start())
    assert arranged == [first, second]
    assert (report.overlapping, report.reordered, report.unresolved) == (2, 2, 0)


def test_munmap_before_the_mmap_that_takes_its_place() -> None:
    unmap = step(1, 1, 4, calls.Munmap(BASE - 0x1000, 4096))
    take = step(2, 2, 3, mmap(4096), BASE - 0x1000)
    arranged, _ = ordering.arrange([take, unmap], start())
    assert arranged == [unmap, take]


def test_calls_that_do_not_overlap_are_not_moved() -> None:
    one = step(1, 1, 1, mmap(4096), BASE - 0x3000)
    two = step(2, 2, 2, mmap(4096), BASE - 0x2000)
    arranged, report = ordering.arrange([one, two], start())
    assert arranged == [one, two]
    assert report.overlapping == 0


def test_own_calls_stay_in_their_order() -> None:
    steps = [
        step(1, 1, 2, mmap(4096), BASE - 0x2000),
        step(1, 3, 6, mmap(4096), BASE - 0x4000),
        step(2, 1, 5, mmap(4096), BASE - 0x3000),
    ]
    arranged, _ = ordering.arrange(sorted(steps, key=lambda one: one.end_line), start())
    assert arranged == [steps[0], steps[2], steps[1]]


def test_an_error_tells_the_order_too() -> None:
    protect = step(1, 1, 4, calls.Mprotect(BASE - 0x1000, 4096, 1), -1, errno.ENOMEM)
    unmap = step(2, 2, 5, calls.Munmap(BASE - 0x1000, 4096))
    arranged, _ = ordering.arrange([protect, unmap], start())
    assert arranged == [unmap, protect]


def test_no_order_fits() -> None:
    one = step(1, 1, 4, mmap(4096, BASE - 0x1000, ANON | 0x100000), BASE - 0x1000)
    two = step(2, 2, 3, calls.Munmap(BASE - 0x9000, 4096))
    arranged, report = ordering.arrange([two, one], start())
    assert arranged == [two, one]
    assert report.unresolved == 1


def _random_calls(rng: random.Random, count: int) -> list[tuple[calls.Operation, int]]:
    """Calls with the answers of the model, in the order in which they were done."""
    space = start()[0]
    done: list[tuple[calls.Operation, int]] = []
    held: list[tuple[int, int]] = []
    for _ in range(count):
        if held and rng.random() < 0.45:
            addr, size = held.pop(rng.randrange(len(held)))
            operation: calls.Operation = calls.Munmap(addr, size)
            value = 0
        else:
            size = rng.randrange(1, 6) * 4096
            operation = mmap(size)
            found = space.place(size)
            assert found is not None
            value = found
            held.append((value, size))
        space.apply(operation, value, 0)
        done.append((operation, value))
    return done


@given(st.integers(0, 1 << 30))
def test_any_order_that_is_found_fits(seed: int) -> None:
    """Each call gets a span around its true moment; what is found replays without a contradiction
    and no call comes before one that had ended when it began."""
    rng = random.Random(seed)
    spans: list[tuple[float, float, int]] = []
    done = _random_calls(rng, 25)
    busy: dict[int, float] = {}
    for index in range(len(done)):
        # A thread begins its next call after its last one was seen to end.
        free = [tid for tid in range(4) if busy.get(tid, -1.0) < index]
        tid = rng.choice(free) if free else 10 + index
        begin = max(busy.get(tid, -1.0), index - rng.random() * 3)
        end = index + rng.random() * 3
        busy[tid] = end
        spans.append((begin + 1e-9, end, tid))
    lines = {at: number for number, at in enumerate(sorted(x for s in spans for x in s[:2]), 1)}
    steps = [
        step(tid, lines[begin], lines[end], operation, value)
        for (begin, end, tid), (operation, value) in zip(spans, done, strict=True)
    ]
    steps.sort(key=lambda one: one.end_line)
    arranged, report = ordering.arrange(list(steps), start())
    assert report.unresolved == 0
    space = start()[0]
    for one in arranged:
        assert one.operation is not None
        assert space.agrees(one.operation, one.value, 0, exact=True)
        space.apply(one.operation, one.value, 0)
    for index, one in enumerate(arranged):
        assert all(later.end_line >= one.line for later in arranged[index + 1 :])


@given(
    st.lists(
        st.tuples(st.booleans(), st.integers(0, 30), st.integers(1, 8), st.booleans()), max_size=60
    )
)
def test_gaps_against_a_set_of_pages(steps: list[tuple[bool, int, int, bool]]) -> None:
    """The interval model says of every range what a set of pages says."""
    space = gaps()
    pages: dict[int, bool] = {}
    for add, first, count, file in steps:
        begin, end = first * 4096, (first + count) * 4096
        if add:
            space.add(begin, end, file=file)
            pages |= dict.fromkeys(range(first, first + count), file)
        else:
            space.clear(begin, end)
            for page in range(first, first + count):
                pages.pop(page, None)
        inside = [page in pages for page in range(first, first + 5)]
        assert space.is_mapped(begin, begin + 5 * 4096) == all(inside)
        assert space.is_free(begin, begin + 5 * 4096) == (not any(inside))
        files = [pages.get(page, False) for page in range(first, first + 5)]
        assert space.has_file(begin, begin + 5 * 4096) == any(files)
        assert space.starts == sorted(space.starts)


MARK = "madvise(0x0, 0, 0xdead /* MADV_??? */) = -1 EINVAL (Invalid argument)"
ONE = "mmap(NULL, 4096, PROT_READ, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0) = 0x7f0000000000"


def kinds(lines: list[str]) -> list[tuple[str, int, int]]:
    return [(one.kind.value, one.tid, one.mm) for one in steps.compile_trace(lines).steps]


def test_threads_share_and_children_do_not() -> None:
    lines = [
        "1 brk(NULL) = 0x1000",
        f"1 {MARK}",
        "1 clone(child_stack=0x1, flags=CLONE_VM|CLONE_THREAD) = 2",
        f"2 {ONE}",
        "2 +++ exited with 0 +++",
        "1 fork( <unfinished ...>",
        f"3 {ONE}",
        "1 <... fork resumed>) = 3",
        "3 +++ exited with 0 +++",
        "1 +++ exited with 0 +++",
    ]
    assert kinds(lines) == [
        ("import", 1, 0),
        ("call", 2, 0),
        ("fork", 1, 0),
        ("call", 3, 1),
        ("exit", 3, 1),
        ("exit", 1, 0),
    ]
    assert steps.compile_trace(lines).before_start == 1


def test_execve_gives_a_fresh_address_space() -> None:
    lines = [
        f"1 {MARK}",
        "1 vfork( <unfinished ...>",
        f"2 {ONE}",
        '2 execve("/bin/true", ["true"], 0x1) = 0',
        f"2 {MARK}",
        "1 <... vfork resumed>) = 2",
        f"2 {ONE}",
        "2 +++ exited with 0 +++",
        f"1 {MARK}",
    ]
    assert kinds(lines) == [
        ("import", 1, 0),
        ("call", 2, 0),
        ("exec", 2, 0),
        ("call", 2, 1),
        ("exit", 2, 1),
        ("check", 1, 0),
    ]
    compiled = steps.compile_trace(lines)
    assert (compiled.steps[2].child, compiled.steps[2].shared) == (1, True)
    assert [one.snapshot for one in steps.compile_trace(lines).steps] == [0, -1, 1, -1, -1, 2]


def test_execve_ends_what_nobody_else_uses() -> None:
    """And where nothing tells what it led to, or what was before, it is no exec."""
    exec_line = '1 execve("/bin/true", ["true"], 0x1) = 0'
    lines = [f"1 {MARK}", exec_line, f"1 {MARK}", f"1 {ONE}", "1 +++ exited with 0 +++"]
    expected = [("import", 1, 0), ("exec", 1, 0), ("call", 1, 1), ("exit", 1, 1)]
    assert kinds(lines) == expected
    assert not steps.compile_trace(lines).steps[1].shared
    assert kinds([lines[0], exec_line, f"1 {ONE}"]) == [("import", 1, 0), ("exit", 1, 0)]
    assert kinds([exec_line, *lines[2:]]) == [("import", 1, 0), ("call", 1, 0), ("exit", 1, 0)]


def test_what_is_left_out_is_named() -> None:
    compiled = steps.compile_trace(
        [
            f"1 {MARK}",
            "1 mbind(0x1000, 4096) = 0",
            "1 nonsense",
            "1 munmap(0x1000, 4096 <unfinished ...>",
        ]
    )
    assert compiled.unsupported == {"mbind": 1}
    assert compiled.unanswered == {"munmap": 1}
    assert [one.text for one in compiled.unread] == ["nonsense"]


def test_a_thread_id_is_used_again() -> None:
    lines = [
        f"1 {MARK}",
        "1 fork() = 2",
        "2 +++ exited with 0 +++",
        "1 fork() = 2",
        f"2 {ONE}",
        "2 +++ exited with 0 +++",
    ]
    assert kinds(lines)[1:] == [
        ("fork", 1, 0),
        ("exit", 2, 1),
        ("fork", 1, 0),
        ("call", 2, 2),
        ("exit", 2, 2),
    ]
