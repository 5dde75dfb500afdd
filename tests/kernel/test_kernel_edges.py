# SPDX-License-Identifier: Apache-2.0
"""Goal: addresses and lengths at the edges of what 64 bits and the address space hold are answered
as the running kernel answers them.

Method: every call, with each operand at each edge (2^47, 2^63, 2^64 and a page beside them) and the
others good or at an edge too; programs of kernel_calls, made for real and on an instance.
"""

import itertools
from pathlib import Path

import pytest

import kernel_calls
from kernel_calls import Call
from operations import PAGE, space
from vmalab_native.errors import InvalidArgument

A = kernel_calls.WORDS["A"]
TOP = 1 << 47
EDGES = (
    *(TOP - PAGE, TOP - 1, TOP, TOP + PAGE),
    *((1 << 63) - PAGE, (1 << 63) - 1, 1 << 63, (1 << 63) + 1, (1 << 63) + PAGE),
    *((1 << 64) - 2 * PAGE, (1 << 64) - PAGE, (1 << 64) - 999, (1 << 64) - 1),
)
# An access has no width here; a word that reaches over the edge would fail by its other half.
WORDS = tuple(edge & ~7 for edge in EDGES)
START: list[Call] = [("mmap", A, 8 * PAGE, 3, 0x32, kernel_calls.NO_FILE, 0), ("write", A, 1)]
ADDRESSES = (A, A + PAGE, A + 1, *EDGES)
LENGTHS = (0, 1, PAGE, *EDGES)
RANGES = [
    (addr, length)
    for addr, length in itertools.product(ADDRESSES, LENGTHS)
    # What is above A belongs to the program itself.
    if not addr < TOP - PAGE < TOP <= addr + length < 1 << 64
]


def on_ranges(name: str, *more: int, low: int = 0) -> list[Call]:
    return [(name, addr, length, *more) for addr, length in RANGES if addr >= low]


def mremaps() -> list[Call]:
    calls: list[Call] = [
        ("mremap", addr, old, new, 1)
        for addr, old, new in itertools.product((A, *EDGES), (0, PAGE, *EDGES), (0, PAGE, *EDGES))
        if not (addr == A and old in (0, PAGE) and new in (0, PAGE))
        # Shrinking unmaps what is above.
        and not (addr == A and new < old)
    ]
    to = [("mremap", A, PAGE, PAGE, 3, edge) for edge in EDGES]
    keep = [("mremap", A, PAGE, PAGE, 7, edge) for edge in EDGES]
    return [*calls, *to, *keep]


PROGRAMS: dict[str, list[Call]] = {
    "brk": [("brk", edge) for edge in EDGES],
    "mmap": [
        ("mmap", addr, length, 3, flags, kernel_calls.NO_FILE, 0)
        for addr, length, flags in itertools.product(
            (0, *EDGES), (0, 1, PAGE, *EDGES), (0x22, 0x32, 0x100022)
        )
        # A hint that is no good is a hint: it goes to a place of the kernel's choice.
        if not (flags == 0x22 and length in (1, PAGE))
    ],
    "mmap_offset": [
        ("mmap", A + 64 * PAGE, length, 1, 0x12, 0, offset)
        for length, offset in itertools.product((PAGE, 2 * PAGE, *EDGES), EDGES)
    ],
    "munmap": on_ranges("munmap"),
    "mprotect": on_ranges("mprotect", 1),
    "pkey_mprotect": on_ranges("pkey_mprotect", 1, 2**64 - 1),
    "mremap": mremaps(),
    "madvise": on_ranges("madvise", 0),
    "madvise_dontneed": on_ranges("madvise", 4, low=TOP - PAGE),
    "madvise_populate": on_ranges("madvise", 22),
    "madvise_guard": on_ranges("madvise", 102),
    "process_madvise": [("process_madvise", 3, addr, length) for addr, length in RANGES],
    "mincore": [("mincore", addr, length) for addr in ADDRESSES for length in (0, 1, PAGE)],
    "read": [("read", addr) for addr in WORDS],
    "write": [("write", addr, 1) for addr in WORDS],
    "exec": [("exec", addr) for addr in WORDS],
    "mlock": on_ranges("mlock", 0),
    "mlock_onfault": on_ranges("mlock", 1),
    "munlock": on_ranges("munlock"),
    "msync": on_ranges("msync", 1),
    "mseal": on_ranges("mseal", 0, low=TOP - PAGE),
    "remap_file_pages": [
        ("remap_file_pages", addr, length, 0, pgoff, 0)
        for addr, length in RANGES
        for pgoff in (0, *EDGES[::3])
    ],
    "name": on_ranges("name", 0),
    "setrlimit": [
        ("setrlimit", resource, soft, hard)
        for resource in (2, 3, 8, 9)
        for soft, hard in itertools.product(EDGES, repeat=2)
        if soft > hard
    ],
}


@pytest.mark.parametrize("name", sorted(PROGRAMS))
def test_edges(name: str, tmp_path: Path) -> None:
    if " la57 " in Path("/proc/cpuinfo").read_text().partition("\n\n")[0].replace("\n", " "):
        pytest.skip("this CPU has addresses up to 2^56 (la57); the core's end at 2^47")
    program = [*START, *PROGRAMS[name], ("maps",), ("read", A)]
    differ = kernel_calls.compare(program, tmp_path / "file")
    assert differ == [], "\n".join(differ[:8]) + f"\n{len(differ)} in all"


def test_a_heap_beyond_the_address_space_is_refused() -> None:
    with space() as one:
        for start, brk in ((1 << 63, 1 << 63), (TOP, TOP), (PAGE, TOP), (2 * PAGE, PAGE)):
            with pytest.raises(InvalidArgument, match=rf"brk = {brk:#x}"):
                one.participant.mm_create(start_brk=start, brk=brk)
        with pytest.raises(InvalidArgument, match="mmap_base = 0x1001"):
            one.participant.mm_create(mmap_base=0x1001)
