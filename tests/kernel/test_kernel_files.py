# SPDX-License-Identifier: Apache-2.0
"""Files that grow, shrink and get holes under their mappings, against the running kernel.

Goal: a page that left its file is gone from every mapping, in every process, with the private
copies or without them as the kernel decides; what is beyond the end ends in SIGBUS. Method: both.py
does every call and access on both sides and compares.
"""

from collections.abc import Iterator

import pytest

from both import PAGE, Both, both
from comparing import KERNEL

pytestmark = [pytest.mark.usefixtures("each_model"), pytest.mark.needs(*KERNEL)]
READ, RW = 1, 3
PRIVATE, SHARED = 0x12, 0x11
DONTNEED, REMOVE = 4, 9


@pytest.fixture
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Both]:
    with both(tmp_path_factory.getbasetemp()) as made:
        yield made


def words(pair: Both, page: int, pages: int) -> list[int | str]:
    return [pair.read(page + n) for n in range(pages)]


def test_beyond_the_end_is_a_bus_error(pair: Both) -> None:
    file = pair.memfd(2)
    pair.mmap(0, 4, RW, SHARED, file=file)
    pair.mmap(10, 4, RW, PRIVATE, file=file)
    pair.mmap(20, 4, READ, PRIVATE, file=file, offset=1)
    assert pair.write(1, 11) == 11
    assert words(pair, 0, 4)[2:] == ["signal 7 code 2"] * 2
    assert pair.write(2, 1) == "signal 7 code 2"
    assert pair.write(12, 1) == "signal 7 code 2"
    assert pair.write(20, 1) == "signal 11 code 2"
    words(pair, 10, 4)
    words(pair, 20, 4)
    pair.mincore(0, 4)
    pair.mincore(10, 4)


def test_the_last_page_is_there_in_part(pair: Both) -> None:
    file = pair.memfd(1)
    file.resize(PAGE + 4)
    pair.mmap(0, 4, RW, SHARED, file=file)
    assert pair.write(1, 0x1122334455667788) == 0x1122334455667788
    file.resize(PAGE + 2)
    assert pair.read(1) == 0x7788
    assert pair.read(2) == "signal 7 code 2"
    file.resize(PAGE)
    assert pair.read(1) == "signal 7 code 2"


def test_shrinking_takes_the_pages_out_of_every_mapping(pair: Both) -> None:
    file = pair.memfd(6)
    pair.mmap(0, 6, RW, SHARED, file=file)
    for n in range(6):
        pair.write(n, 100 + n)
    pair.mmap(10, 6, RW, PRIVATE, file=file)
    pair.write(11, 1)
    pair.write(14, 4)
    pair.read(13)
    pair.mmap(20, 3, READ, SHARED, file=file, offset=2)
    words(pair, 20, 3)
    child = pair.fork()
    child.write(15, 5)
    file.resize(3 * PAGE)
    for one in (pair, child):
        words(one, 0, 6)
        words(one, 10, 6)
        words(one, 20, 3)
        one.mincore(0, 6)
        one.mincore(10, 6)
    file.resize(6 * PAGE)
    for one in (pair, child):
        one.mincore(0, 6)
        words(one, 0, 6)
        words(one, 10, 6)
        words(one, 20, 3)
    child.exit()


def test_a_hole_leaves_private_copies(pair: Both) -> None:
    file = pair.memfd(6)
    pair.mmap(0, 6, RW, SHARED, file=file)
    for n in range(6):
        pair.write(n, 100 + n)
    pair.mmap(10, 6, RW, PRIVATE, file=file)
    pair.write(12, 2)
    pair.read(13)
    file.punch(1, 3)
    pair.mincore(0, 6)
    words(pair, 0, 6)
    words(pair, 10, 6)
    file.punch(5, 4)
    words(pair, 0, 6)


def test_madvise_remove_is_a_hole(pair: Both) -> None:
    file = pair.memfd(4)
    pair.mmap(0, 4, RW, SHARED, file=file)
    for n in range(4):
        pair.write(n, 100 + n)
    pair.mmap(10, 4, RW, PRIVATE, file=file)
    pair.write(11, 1)
    pair.read(12)
    assert pair.madvise(1, 2, REMOVE) == 0
    pair.mincore(0, 4)
    words(pair, 0, 4)
    words(pair, 10, 4)
    assert pair.madvise(10, 2, REMOVE) < 0
    pair.mmap(20, 2)
    assert pair.madvise(20, 2, REMOVE) < 0
    pair.mmap(30, 4, RW, 0x31)
    pair.write(31, 3)
    assert pair.madvise(30, 4, REMOVE) == 0
    assert pair.read(31) == 0
    pair.mprotect(30, 1, READ)
    assert pair.madvise(30, 4, REMOVE) == 0
    assert pair.madvise(30, 5, REMOVE) < 0
    assert pair.madvise(29, 2, REMOVE) < 0


def test_dropping_private_copies_shows_the_file_again(pair: Both) -> None:
    file = pair.memfd(3)
    pair.mmap(0, 3, RW, SHARED, file=file)
    pair.write(1, 11)
    pair.mmap(10, 3, RW, PRIVATE, file=file)
    pair.write(11, 1)
    pair.write(1, 12)
    assert pair.read(11) == 1
    assert pair.madvise(10, 3, DONTNEED) == 0
    assert pair.read(11) == 12
    assert pair.madvise(0, 3, DONTNEED) == 0
    assert pair.read(1) == 12


def test_words_are_shared_and_copied_as_mappings_say(pair: Both) -> None:
    file = pair.memfd(2)
    pair.mmap(0, 2, RW, SHARED, file=file)
    pair.mmap(10, 2, RW, PRIVATE, file=file)
    pair.mmap(20, 2, RW, 0x31)
    pair.mmap(30, 2)
    for n in (0, 20, 30):
        pair.write(n, n + 1)
    child = pair.fork()
    for n in (0, 10, 20, 30):
        child.read(n)
    for n in (0, 10, 20, 30):
        child.write(n, n + 500)
    for n in (0, 10, 20, 30, 1, 11, 21, 31):
        pair.read(n)
    for n in (0, 10, 20, 30, 1, 11, 21, 31):
        pair.write(n, n + 900)
    for n in (0, 10, 20, 30, 1, 11, 21, 31):
        child.read(n)
    grandchild = child.fork()
    child.exit()
    for n in (0, 10, 20, 30, 1, 11, 21, 31):
        grandchild.read(n)
        grandchild.write(n, n + 7)
        pair.read(n)
    grandchild.exit()


def test_an_unmapped_file_keeps_its_pages_while_it_is_open(pair: Both) -> None:
    file = pair.memfd(2)
    pair.mmap(0, 2, RW, SHARED, file=file)
    pair.write(1, 5)
    pair.munmap(0, 2)
    pair.mmap(4, 2, RW, SHARED, file=file)
    pair.mincore(4, 2)
    assert pair.read(5) == 5
