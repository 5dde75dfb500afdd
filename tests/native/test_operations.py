# SPDX-License-Identifier: Apache-2.0
"""The memory operations, one at a time, against what the kernel is known to answer.

Goal: each documented rule of an operation has a check here; a failure names the rule. Interplay of
long random sequences is the business of the replayed traces. Every test ends with a walk of all
invariants (operations.space).
"""

import errno

import pytest

from operations import (
    ANON,
    ANONYMOUS,
    ARENA,
    EEXIST,
    EINVAL,
    ENOMEM,
    FIXED,
    FIXED_NOREPLACE,
    NONE,
    PAGE,
    POPULATE,
    READ,
    RW,
    SHARED,
    failed,
    space,
)

pytestmark = pytest.mark.usefixtures("each_model")
DONTNEED, DONTFORK, WIPEONFORK, POPULATE_READ, POPULATE_WRITE = 4, 10, 18, 22, 23
SIGSEGV, SIGBUS, MAPERR, ACCERR = 11, 7, 1, 2
MAYMOVE, MOVE_FIXED, DONTUNMAP = 1, 2, 4


def page(n: int) -> int:
    return ARENA + n * PAGE


def test_an_instance_where_pages_were_only_read() -> None:
    """Each is the zero page, which is there before any frame was taken: space() walks it."""
    with space() as s:
        s.mmap(ARENA, 2)
        assert s.read(ARENA).status == 0
        assert s.mincore(ARENA, 2).value == 0b01


def test_placement_is_top_down_and_merges() -> None:
    with space() as s:
        first = s.mmap(0, 2, flags=ANON).value
        second = s.mmap(0, 3, flags=ANON).value
        assert first == 0x7FFFF7FFF000 - 2 * PAGE
        assert second == first - 3 * PAGE
        assert len(s.areas()) == 1


def test_hint_is_taken_when_free_and_ignored_when_not() -> None:
    with space() as s:
        assert s.mmap(page(5), 1, flags=ANON).value == page(5)
        assert s.mmap(page(5), 1, flags=ANON).value != page(5)


def test_large_aligned_areas_start_on_a_huge_page() -> None:
    with space() as s:
        assert s.mmap(0, 512, flags=ANON).value % (2 << 20) == 0
        assert s.mmap(0, 513, flags=ANON).value % (2 << 20) != 0


def test_mmap_refusals() -> None:
    with space() as s:
        assert failed(s.mmap(0, 0), EINVAL)
        assert failed(s.call(2, page(0), PAGE, RW | (ANONYMOUS | FIXED) << 32, 0, 0), EINVAL)
        assert failed(s.call(2, page(0) + 1, PAGE, RW | (ANON | FIXED) << 32, 0, 0), EINVAL)
        assert failed(s.call(2, page(0), PAGE, RW | (ANON | FIXED) << 32, 0, 7), EINVAL)
        assert failed(s.mmap(0x7FFFFFFFF000, 2), ENOMEM)
        assert failed(s.mmap(page(0), 1, flags=2 | FIXED), errno.EBADF)
        s.mmap(page(0), 4)
        assert failed(s.mmap(page(3), 2, flags=ANON | FIXED_NOREPLACE), EEXIST)
        assert s.mmap(page(4), 2, flags=ANON | FIXED_NOREPLACE).value == page(4)


def test_fixed_overwrites_and_forgets_the_old_pages() -> None:
    with space() as s:
        s.mmap(page(0), 8)
        s.write(page(3), 7)
        s.mmap(page(2), 3, READ)
        assert s.areas() == ["0-2 rw-p", "2-5 r--p", "5-8 rw-p"]
        assert s.read(page(3)).value == 0


def test_munmap_splits_and_refuses() -> None:
    with space() as s:
        s.mmap(page(0), 10)
        assert s.munmap(page(4), 2).status == 0
        assert s.areas() == ["0-4 rw-p", "6-10 rw-p"]
        assert s.munmap(page(20), 5).status == 0
        assert failed(s.munmap(page(0) + 1, 1), EINVAL)
        assert failed(s.munmap(page(0), 0), EINVAL)
        assert s.munmap(page(3), 5).status == 0
        assert s.areas() == ["0-3 rw-p", "8-10 rw-p"]


def test_a_hole_beyond_the_map_count_is_refused_and_nothing_is_lost() -> None:
    with space(vmas_per_mm_max=4) as s:
        for n in (0, 20, 40, 60):
            assert s.mmap(page(n), 10, RW if n % 40 else READ).status == 0
        s.write(page(24), 99)
        assert failed(s.munmap(page(23), 2), ENOMEM)
        assert s.read(page(24)).value == 99
        assert len(s.areas()) == 4
        assert s.mmap(page(80), 1).status == 0
        assert failed(s.mmap(page(90), 1), ENOMEM)


def test_mprotect_splits_merges_and_holes() -> None:
    with space() as s:
        s.mmap(page(0), 9)
        assert s.mprotect(page(3), 3, READ).status == 0
        assert s.areas() == ["0-3 rw-p", "3-6 r--p", "6-9 rw-p"]
        assert s.mprotect(page(3), 3, RW).status == 0
        assert s.areas() == ["0-9 rw-p"]
        s.munmap(page(5), 1)
        assert failed(s.mprotect(page(3), 5, READ), ENOMEM)
        assert s.areas() == ["0-3 rw-p", "3-5 r--p", "6-9 rw-p"]
        assert failed(s.mprotect(page(0), 1, 0x100), EINVAL)


def test_anon_vma_decides_about_merging() -> None:
    """Two areas that were written before they touch have different anon_vmas and stay apart."""
    with space() as s:
        s.mmap(page(0), 2)
        s.mmap(page(4), 2)
        s.write(page(0), 1)
        s.write(page(4), 1)
        s.mmap(page(2), 2)
        assert s.areas() == ["0-4 rw-p", "4-6 rw-p"]
    with space() as s:
        s.mmap(page(0), 2)
        s.mmap(page(4), 2)
        s.write(page(4), 1)
        s.mmap(page(2), 2)
        assert s.areas() == ["0-6 rw-p"]


def test_neighbours_share_an_anon_vma_so_that_they_can_merge_later() -> None:
    with space() as s:
        s.mmap(page(0), 4)
        s.mprotect(page(2), 2, READ | 4)
        s.mprotect(page(2), 2, RW | 4)
        s.write(page(0), 1)
        s.write(page(2), 1)
        assert s.mprotect(page(2), 2, RW).status == 0
        assert s.areas() == ["0-4 rw-p"]


def test_faults_and_their_signals() -> None:
    with space() as s:
        s.mmap(page(0), 1)
        s.mmap(page(1), 1, READ)
        s.mmap(page(2), 1, NONE)
        assert s.read(page(0)).value == 0
        first = s.write(page(0), 5)
        assert (first.status, first.value) == (0, 5)
        assert s.read(page(0)).value == 5
        for answer, code in (
            (s.write(page(1), 1), ACCERR),
            (s.read(page(2)), ACCERR),
            (s.execute(page(0)), ACCERR),
            (s.read(page(9)), MAPERR),
        ):
            assert answer.status == SIGSEGV
            assert answer.info & 0xFF == code


def test_the_four_counters_say_how_a_fault_went() -> None:
    with space() as s:
        s.mmap(page(0), 4)
        before = s.participant.vmstat()
        s.write(page(0), 1)
        s.read(page(0))
        s.read(page(100))
        after = s.participant.vmstat()
        delta = {name: after[name] - before[name] for name in after}
        tried = s.model != "mmap-lock"
        assert delta["vma_lock_success"] == 2 * tried
        assert delta["vma_lock_abort"] == tried
        assert delta["abort_no_vma"] == tried
        assert delta["vma_lock_miss"] == 0
        assert delta["mmap_lock_faults"] == 2 * (not tried)


def test_file_pages_private_shared_and_past_the_end() -> None:
    with space() as s:
        file = s.participant.file_open(dev=8, ino=5, size_bytes=3 * PAGE, name="/data")
        shared, private = page(0), page(10)
        assert s.mmap(shared, 4, flags=SHARED | FIXED, file=file).status == 0
        assert s.mmap(private, 4, flags=2 | FIXED, file=file).status == 0
        s.write(shared, 11)
        assert s.read(private).value == 11
        assert s.write(private, 12).value == 12
        assert s.read(shared).value == 11
        assert s.read(shared + 3 * PAGE).status == SIGBUS
        s.madvise(private, 1, DONTNEED)
        assert s.read(private).value == 11
        assert "/data" in s.participant.maps(s.mm)
        s.munmap(page(0), 20)
        s.participant.file_close(file)


def test_fork_copies_on_write_and_keeps_the_flag_rules() -> None:
    with space() as s:
        s.mmap(page(0), 2)
        s.mmap(page(4), 1)
        s.mmap(page(6), 1)
        s.mmap(page(8), 1, flags=SHARED | ANONYMOUS | FIXED)
        for n in (0, 1, 4, 6, 8):
            s.write(page(n), 100 + n)
        s.madvise(page(4), 1, DONTFORK)
        s.madvise(page(6), 1, WIPEONFORK)
        child = s.fork()
        assert child.read(page(0)).value == 100
        s.write(page(0), 1)
        child.write(page(1), 2)
        assert (s.read(page(0)).value, child.read(page(0)).value) == (1, 100)
        assert (s.read(page(1)).value, child.read(page(1)).value) == (101, 2)
        assert child.read(page(4)).status == SIGSEGV
        assert child.read(page(6)).value == 0
        child.write(page(8), 55)
        assert s.read(page(8)).value == 55
        assert child.exit().status == 0
        assert child.read(page(0)).status == -1001


def test_a_fork_child_does_not_merge_over_its_parents_anon_vma() -> None:
    with space() as s:
        s.mmap(page(0), 2)
        s.write(page(0), 1)
        child = s.fork()
        child.mmap(page(2), 2)
        assert child.areas() == ["0-2 rw-p", "2-4 rw-p"]
        child.exit()


def test_madvise_holes_and_populate() -> None:
    with space() as s:
        s.mmap(page(0), 4)
        s.mmap(page(6), 2)
        assert failed(s.madvise(page(0), 8, POPULATE_WRITE), ENOMEM)
        assert s.mincore(page(0), 4).value == 0b1111
        assert s.mincore(page(6), 2).value == 0
        assert failed(s.madvise(page(2), 6, DONTNEED), ENOMEM)
        assert s.mincore(page(0), 4).value == 0b0011
        assert s.madvise(page(6), 1, POPULATE_READ).status == 0
        assert failed(s.mincore(page(3), 3), ENOMEM)
        assert failed(s.madvise(page(0), 1, 0xDEAD), EINVAL)
        s.mmap(page(20), 2, flags=ANON | FIXED | POPULATE)
        assert s.mincore(page(20), 2).value == 0b11


def test_mremap_in_all_its_ways() -> None:
    with space() as s:
        s.mmap(page(0), 4)
        s.write(page(3), 33)
        assert s.mremap(page(0), 4, 6).value == page(0)
        assert s.areas() == ["0-6 rw-p"]
        assert s.mremap(page(0), 6, 4).value == page(0)
        s.mmap(page(4), 1, READ)
        assert failed(s.mremap(page(0), 4, 8), ENOMEM)
        moved = s.mremap(page(0), 4, 8, MAYMOVE).value
        assert moved != page(0)
        assert s.read(moved + 3 * PAGE).value == 33
        back = s.mremap(moved, 8, 8, MAYMOVE | MOVE_FIXED, page(100))
        assert back.value == page(100)
        assert s.read(page(103)).value == 33
        kept = s.mremap(page(100), 8, 8, MAYMOVE | DONTUNMAP).value
        assert s.read(kept + 3 * PAGE).value == 33
        assert s.read(page(103)).value == 0
        assert failed(s.mremap(page(300), 1, 2, MAYMOVE), errno.EFAULT)
        assert failed(s.mremap(page(100), 1, 0), EINVAL)


def test_brk_grows_shrinks_and_stops_at_a_neighbour() -> None:
    with space() as s:
        heap = s.participant.mm_create(start_brk=page(0), brk=page(0))
        s.mm = heap
        assert s.brk(0).value == page(0)
        assert s.brk(page(4) + 5).value == page(4) + 5
        assert s.areas() == ["0-5 rw-p"]
        assert "[heap]" in s.participant.maps(heap)
        assert s.brk(page(2)).value == page(2)
        s.mmap(page(6), 1)
        assert s.brk(page(9)).value == page(2)
        s.exit()


def test_uffd_move_takes_the_page_along() -> None:
    with space() as s:
        s.mmap(page(0), 2)
        s.mmap(page(10), 2)
        s.write(page(0), 77)
        moved = s.uffd_move(page(10), page(0), 1)
        assert (moved.status, moved.value) == (0, PAGE)
        assert s.read(page(10)).value == 77
        assert s.read(page(0)).value == 0
        assert failed(s.uffd_move(page(11), page(1), 1), errno.ENOENT)
        assert failed(s.uffd_move(page(10), page(0), 1), EEXIST)
        assert failed(s.uffd_move(page(10), page(50), 1), errno.ENOENT)
        assert failed(s.uffd_move(page(10), page(10), 1), EEXIST)


def test_a_page_shared_with_a_child_does_not_move() -> None:
    with space() as s:
        s.mmap(page(0), 1)
        s.mmap(page(10), 1)
        s.write(page(0), 1)
        s.write(page(10), 1)
        s.madvise(page(10), 1, DONTNEED)
        child = s.fork()
        assert failed(s.uffd_move(page(10), page(0), 1), errno.EBUSY)
        child.exit()


def test_names_show_in_maps_and_keep_areas_apart() -> None:
    with space() as s:
        s.mmap(page(0), 4)
        assert s.name(page(1), 2, b"pool").status == 0
        assert s.areas() == ["0-1 rw-p", "1-3 rw-p", "3-4 rw-p"]
        assert "[anon:pool]" in s.participant.maps(s.mm)
        assert s.name(page(1), 2, b"").status == 0
        assert s.areas() == ["0-4 rw-p"]
        assert failed(s.name(page(0), 1, b"a[b"), EINVAL)


def test_an_imported_map_comes_out_as_it_went_in() -> None:
    text = (
        "55d000000000-55d000002000 r--p 00000000 fe:00 1234                       /usr/bin/x\n"
        "55d000100000-55d000121000 rw-p 00000000 00:00 0                          [heap]\n"
        "7ffd00000000-7ffd00021000 rw-p 00000000 00:00 0                          [stack]\n"
    )
    with space() as s:
        mm = s.participant.mm_create(maps=text)
        assert s.participant.maps(mm) == text
        s.mm = mm
        grown = s.write(0x7FFD00000000 - PAGE, 3)
        assert (grown.status, grown.value) == (0, 3)
        assert s.brk(0).value == 0x55D000121000
        s.exit()


@pytest.mark.parametrize("line", ["nonsense", "1000-800 rw-p 0 0:0 0", "1001-2000 rw-p 0 0:0 0"])
def test_a_bad_map_line_is_named(line: str) -> None:
    with space() as s, pytest.raises(Exception, match="line 1"):
        s.participant.mm_create(maps=line + "\n")


def test_side_objects_live_and_die_with_their_vma() -> None:
    with space() as s:

        def active() -> dict[str, int]:
            return {i.name: i.active_objs for i in s.participant.slabinfo()}

        s.mmap(page(0), 4, flags=ANON | FIXED | POPULATE)
        s.name(page(0), 4, b"pool")
        during = active()
        assert during["vma_numab_state"] == 1
        assert during["anon_vma_name"] == 1
        assert during["anon_vma"] == during["anon_vma_chain"] == 1
        s.munmap(page(0), 4)
        s.wait_for_frees()
        after = active()
        for name in ("vma_numab_state", "anon_vma_name", "anon_vma", "anon_vma_chain"):
            assert after[name] == 0, name


def test_when_freed_objects_are_used_again() -> None:
    """At once; or, where the model defers, when the grace period is over and not before."""
    with space() as s:
        for _ in range(1000):
            s.mmap(page(0), 1)
            s.munmap(page(0), 1)
        defers = s.model in ("split-rwsem", "embedded-rwsem")
        assert s.participant.vmstat()["vma_free_deferred"] == 1000 * defers
        vma = next(i for i in s.participant.slabinfo() if i.name == "vm_area_struct")
        if defers:
            assert vma.num_objs > 100
            s.wait_for_frees()
            vma = next(i for i in s.participant.slabinfo() if i.name == "vm_area_struct")
        else:
            assert vma.reuses > 900
            assert vma.num_objs <= 64
        assert vma.active_objs == 0
