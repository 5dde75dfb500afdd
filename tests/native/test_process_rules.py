# SPDX-License-Identifier: Apache-2.0
"""Goal: seals of files, PR_SET_MDWE, capabilities and files without pages bind the calls that they
bind in the kernel, and no others.

Method: one operation after another on every lock model; each answer was seen on the running kernel
(tests/traces/programs/edge-opened.c and edge-answers.c show them there). A failure names the rule.
"""

import errno

import pytest

from operations import ANON, ARENA, FIXED, PAGE, READ, RW, SHARED, Space, space
from vmalab.ops import Op
from vmalab.uapi import CAPABILITY, MDWE, SEAL

pytestmark = pytest.mark.usefixtures("each_model")
EXEC, REMOVE, NO_MMAP = 4, 9, 8
WRITE_SEAL, FUTURE = SEAL["F_SEAL_WRITE"], SEAL["F_SEAL_FUTURE_WRITE"]


def memfd(s: Space) -> int:
    """A file of memory of four pages."""
    return s.participant.file_open(dev=1, ino=77, size_bytes=4 * PAGE, name="/memfd:x (deleted)")


def seal(s: Space, file: int, seals: int) -> int:
    return s.call(Op.FILE_SEAL, file, seals).status


def mapped(s: Space, file: int, prot: int, *, at: int = ARENA, how: int = 0) -> int:
    words = (at, PAGE, prot | (SHARED | FIXED) << 32, file, 0)
    return s.call(Op.MMAP, *words, how=how).status


def test_a_write_seal_waits_for_writable_mappings_to_go() -> None:
    with space() as s:
        file = memfd(s)
        assert mapped(s, file, READ) == 0
        child = s.call(Op.FORK).value
        assert seal(s, file, WRITE_SEAL) == -errno.EBUSY, "it may still be made writable"
        assert s.call(Op.MUNMAP, ARENA, PAGE).status == 0
        assert seal(s, file, WRITE_SEAL) == -errno.EBUSY, "the child has it mapped"
        parent, s.mm = s.mm, child
        assert s.call(Op.EXIT).status == 0
        s.mm = parent
        assert mapped(s, file, RW) == 0, "a seal that was refused binds nobody"
        assert s.call(Op.MUNMAP, ARENA, PAGE).status == 0
        assert seal(s, file, WRITE_SEAL) == 0
        assert mapped(s, file, RW) == -errno.EPERM
        assert mapped(s, file, READ) == 0
        assert s.call(Op.MPROTECT, ARENA, PAGE, RW).status == -errno.EACCES
        assert s.call(Op.FILE_TRUNCATE, file, 8 * PAGE).status == 0, "its size is not sealed"


def test_seals_for_the_future_leave_what_is_mapped() -> None:
    with space() as s:
        file = memfd(s)
        assert mapped(s, file, RW) == 0
        assert seal(s, file, FUTURE | SEAL["F_SEAL_SHRINK"]) == 0
        assert s.write(ARENA, 5).status == 0
        assert mapped(s, file, RW, at=ARENA + 8 * PAGE) == -errno.EPERM
        assert s.call(Op.MADVISE, ARENA, PAGE, REMOVE).status == -errno.EPERM
        assert s.call(Op.FILE_TRUNCATE, file, PAGE).status == -errno.EPERM
        assert s.call(Op.FILE_TRUNCATE, file, 6 * PAGE).status == 0
        assert seal(s, file, SEAL["F_SEAL_GROW"] | SEAL["F_SEAL_SEAL"]) == 0
        assert s.call(Op.FILE_TRUNCATE, file, 7 * PAGE).status == -errno.EPERM
        assert s.call(Op.FILE_ALLOCATE, file, 0, 0, 7 * PAGE).status == -errno.EPERM
        assert seal(s, file, WRITE_SEAL) == -errno.EPERM, "no more seals"
        assert seal(s, file, 1 << 6) == -errno.EINVAL


def test_a_file_without_pages_cannot_be_mapped() -> None:
    with space() as s:
        file = memfd(s)
        assert mapped(s, file, READ, how=NO_MMAP) == -errno.ENODEV
        assert mapped(s, file, RW, how=NO_MMAP | 1) == -errno.EACCES, "the open is asked first"
        assert s.areas() == []


def test_nothing_writable_becomes_executable() -> None:
    refuse, alone = MDWE["PR_MDWE_REFUSE_EXEC_GAIN"], MDWE["PR_MDWE_NO_INHERIT"]
    for bits, in_child in ((refuse, -errno.EACCES), (refuse | alone, 0)):
        with space() as s:
            s.mmap(ARENA, 2)
            assert s.call(Op.MDWE, alone).status == -errno.EINVAL
            assert s.call(Op.MDWE, bits).status == 0
            assert s.call(Op.MDWE, bits ^ alone).status == -errno.EPERM, "what is set stays"
            assert s.call(Op.MPROTECT, ARENA, PAGE, READ | EXEC).status == -errno.EACCES
            both = s.call(Op.MMAP, 0, PAGE, RW | EXEC | ANON << 32, 0, 0)
            assert both.status == -errno.EACCES
            assert s.call(Op.MMAP, 0, PAGE, READ | EXEC | ANON << 32, 0, 0).status == 0
            s.mm = s.call(Op.FORK).value
            assert s.call(Op.MPROTECT, ARENA, PAGE, READ | EXEC).status == in_child


def test_capabilities_can_be_given_up() -> None:
    with space() as s:
        s.mmap(ARENA, 4)
        assert s.call(Op.SETRLIMIT, 8, PAGE, PAGE).status == 0
        assert s.call(Op.MLOCK, ARENA, 4 * PAGE, 0).status == 0
        assert s.call(Op.MUNLOCK, ARENA, 4 * PAGE).status == 0
        assert s.call(Op.CAPSET, CAPABILITY["VL_CAP_SYS_ADMIN"]).status == 0
        assert s.call(Op.MLOCK, ARENA, 4 * PAGE, 0).status == -errno.ENOMEM
        assert s.call(Op.CAPSET, 1 << 3).status == -errno.EINVAL
