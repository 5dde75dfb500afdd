# SPDX-License-Identifier: Apache-2.0
"""mremap against the running kernel, mode by mode.

Goal: each way that mremap can end has a program here that ends so on the kernel. Method: both.py
does every call on both sides and compares. A failure shows the call and both answers.
"""

import itertools
from collections.abc import Iterator

import pytest

from both import Both, both
from comparing import KERNEL

pytestmark = [pytest.mark.usefixtures("each_model"), pytest.mark.needs(*KERNEL)]
MAYMOVE, FIXED, DONTUNMAP = 1, 2, 4
READ, RW = 1, 3
SHARED_ANON, PRIVATE, SHARED = 0x31, 0x12, 0x11


@pytest.fixture
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Both]:
    with both(tmp_path_factory.getbasetemp()) as made:
        yield made


def words(pair: Both, page: int, pages: int) -> list[int | str]:
    """What reads find, which both sides agree on."""
    return [pair.read(page + n) for n in range(pages)]


def three_areas(pair: Both) -> None:
    """0-2 rw, 2-4 r, 4-6 rw, with words."""
    pair.mmap(0, 6)
    for n in range(6):
        pair.write(n, 100 + n)
    pair.mprotect(2, 2, READ)


def test_fixed_moves_several_areas_of_the_same_length(pair: Both) -> None:
    three_areas(pair)
    assert pair.mremap(0, 6, 6, MAYMOVE | FIXED, 20) > 0
    assert words(pair, 20, 6) == [100, 101, 102, 103, 104, 105]
    assert words(pair, 0, 1) == ["signal 11 code 1"]


def test_fixed_moves_parts_of_the_first_and_last_area(pair: Both) -> None:
    three_areas(pair)
    assert pair.mremap(1, 4, 4, MAYMOVE | FIXED, 30) > 0
    words(pair, 30, 4)
    words(pair, 0, 6)


def test_fixed_keeps_the_gaps_between_areas(pair: Both) -> None:
    pair.mmap(0, 10)
    for n in range(10):
        pair.write(n, n)
    pair.munmap(3, 2)
    pair.mmap(20, 10, READ)
    assert pair.mremap(0, 10, 10, MAYMOVE | FIXED, 20) > 0
    words(pair, 20, 10)


def test_no_gap_is_allowed_at_the_start(pair: Both) -> None:
    three_areas(pair)
    assert pair.mremap(8, 2, 2, MAYMOVE | FIXED, 20) < 0
    pair.munmap(0, 1)
    assert pair.mremap(0, 6, 6, MAYMOVE | FIXED, 20) < 0
    assert pair.mremap(0, 3, 5, MAYMOVE | FIXED, 20) < 0


def test_a_gap_at_the_end_is_allowed(pair: Both) -> None:
    three_areas(pair)
    assert pair.mremap(3, 8, 8, MAYMOVE | FIXED, 20) > 0


def test_dontunmap_of_several_areas(pair: Both) -> None:
    three_areas(pair)
    assert pair.mremap(0, 6, 6, MAYMOVE | FIXED | DONTUNMAP, 20) > 0
    words(pair, 20, 6)
    words(pair, 0, 6)
    pair.mprotect(0, 6, RW)
    pair.mprotect(20, 6, RW)


def test_several_areas_need_fixed_and_one_length(pair: Both) -> None:
    three_areas(pair)
    assert pair.mremap(0, 6, 7, MAYMOVE) < 0
    assert pair.mremap(0, 6, 6, MAYMOVE) > 0
    assert pair.mremap(0, 6, 6) > 0
    assert pair.mremap(0, 6, 7, MAYMOVE | FIXED, 20) < 0
    assert pair.mremap(0, 9, 9) > 0


def test_shrinking_over_several_areas(pair: Both) -> None:
    three_areas(pair)
    assert pair.mremap(1, 5, 1) > 0
    pair.mmap(2, 4)
    pair.mprotect(4, 2, READ)
    assert pair.mremap(1, 5, 1, MAYMOVE | FIXED, 20) > 0
    three_areas(pair)
    assert pair.mremap(0, 6, 3, MAYMOVE | FIXED, 40) < 0
    assert pair.mremap(0, 6, 0) < 0
    assert pair.mremap(10, 6, 3) < 0


def test_overlaps(pair: Both) -> None:
    for to in (0, 1, 3, 5, 6):
        three_areas(pair)
        pair.mremap(1, 4, 4, MAYMOVE | FIXED, to)
        pair.munmap(0, 20)


def test_flags_and_lengths(pair: Both) -> None:
    for flags, (old, new) in itertools.product(
        (0, 2, 4, 6, 7, 8, 9, 3), ((2, 2), (2, 4), (2, 1), (0, 2))
    ):
        pair.mmap(0, 4)
        pair.mmap(10, 2)
        pair.write(10, 7)
        pair.mmap(30, 8, READ)
        pair.mremap(10, old, new, flags, 30)
        pair.read(10)
        pair.read(30)
        pair.munmap(0, 60)


def test_growing_in_place_swallows_the_next_area_only_if_it_fits(pair: Both) -> None:
    pair.mmap(0, 2)
    pair.mmap(4, 2)
    assert pair.mremap(0, 2, 4) > 0
    pair.mmap(10, 2)
    pair.write(10, 1)
    pair.mmap(14, 2)
    pair.write(14, 1)
    assert pair.mremap(10, 2, 4) > 0
    assert pair.mremap(10, 2, 6) < 0


def test_shared_memory_is_duplicated_by_an_old_length_of_0(pair: Both) -> None:
    pair.mmap(0, 4, RW, SHARED_ANON)
    pair.write(1, 11)
    assert pair.mremap(0, 0, 4, MAYMOVE | FIXED, 20) > 0
    assert pair.read(21) == 11
    pair.write(22, 22)
    assert pair.read(2) == 22
    assert pair.mremap(1, 0, 2, MAYMOVE | FIXED, 40) > 0
    assert pair.read(40) == 11
    assert pair.mremap(1, 0, 2) < 0
    pair.mmap(50, 2)
    assert pair.mremap(50, 0, 2, MAYMOVE | FIXED, 60) < 0


def test_moving_an_unfaulted_area_beside_another_merges(pair: Both) -> None:
    pair.mmap(0, 2)
    pair.mmap(10, 2)
    assert pair.mremap(10, 2, 2, MAYMOVE | FIXED, 2) > 0
    pair.mmap(20, 2)
    pair.write(20, 5)
    pair.mmap(30, 2)
    pair.write(30, 6)
    assert pair.mremap(30, 2, 2, MAYMOVE | FIXED, 22) > 0
    assert pair.mremap(22, 2, 2, MAYMOVE | FIXED, 30) > 0
    assert pair.read(30) == 6


def test_moving_back_where_it_came_from_merges(pair: Both) -> None:
    pair.mmap(0, 6)
    for n in range(6):
        pair.write(n, n)
    assert pair.mremap(2, 2, 2, MAYMOVE | FIXED, 20) > 0
    assert pair.mremap(20, 2, 2, MAYMOVE | FIXED, 2) > 0
    words(pair, 0, 6)


def test_a_forked_area_does_not_merge_when_moved(pair: Both) -> None:
    pair.mmap(0, 2)
    pair.write(0, 1)
    child = pair.fork()
    child.mmap(4, 2)
    assert child.mremap(4, 2, 2, MAYMOVE | FIXED, 2) > 0
    child.mmap(10, 2)
    assert child.mremap(0, 2, 2, MAYMOVE | FIXED, 12) > 0
    pair.mmap(4, 2)
    assert pair.mremap(4, 2, 2, MAYMOVE | FIXED, 2) > 0
    child.exit()


def test_dontunmap_leaves_an_area_that_can_merge_again(pair: Both) -> None:
    pair.mmap(0, 6)
    pair.write(3, 33)
    assert pair.mremap(0, 6, 6, MAYMOVE | FIXED | DONTUNMAP, 20) > 0
    assert pair.read(3) == 0
    assert pair.read(23) == 33
    pair.mmap(6, 2)
    pair.write(7, 1)
    pair.write(1, 1)
    assert pair.mremap(2, 2, 2, MAYMOVE | FIXED | DONTUNMAP, 40) > 0


def test_files_move_with_their_pages(pair: Both) -> None:
    file = pair.memfd(4)
    pair.mmap(0, 4, RW, SHARED, file=file)
    pair.write(1, 1)
    pair.mmap(10, 4, RW, PRIVATE, file=file)
    assert pair.read(11) == 1
    pair.write(12, 12)
    assert pair.mremap(10, 4, 4, MAYMOVE | FIXED, 20) > 0
    words(pair, 20, 4)
    assert pair.mremap(0, 4, 6, MAYMOVE | FIXED, 30) > 0
    words(pair, 30, 6)
    assert pair.mremap(30, 6, 6, MAYMOVE | FIXED | DONTUNMAP, 50) > 0
    words(pair, 50, 6)
    words(pair, 30, 6)


def test_several_files_and_anonymous_areas_move_together(pair: Both) -> None:
    file = pair.memfd(4)
    pair.mmap(0, 2)
    pair.mmap(2, 2, RW, SHARED, file=file)
    pair.mmap(5, 2, RW, PRIVATE, file=file, offset=1)
    pair.write(2, 2)
    pair.write(5, 5)
    assert pair.mremap(0, 7, 7, MAYMOVE | FIXED, 20) > 0
    words(pair, 20, 8)
