# SPDX-License-Identifier: Apache-2.0
"""Goal: seals of a file hold for every mapping of it, and the walker reports where they do not.

Method: the operation FILE_SEAL on an instance, on every lock model; a seal that no operation set is
written into the segment's file. `tests/diff` compares the answers with the kernel's. A failure
names the answer, or a complaint that is missing.
"""

import errno
import os

import pytest

from operations import ARENA, FIXED, PAGE, READ, RW, SHARED, Answer, Space, failed, space
from spoil import path_of
from vmalab.ops import Op
from vmalab.uapi import SEAL, Falloc
from vmalab_native.segment_file import SegmentFile

NAME = "/memfd:sealed (deleted)"


def seal(on: Space, file: int, name: str) -> Answer:
    return on.call(Op.FILE_SEAL, file, SEAL[f"F_SEAL_{name}"])


@pytest.mark.usefixtures("each_model")
def test_an_executable_file_that_stays_so_is_sealed_against_writes() -> None:
    with space(files_max=4) as one:
        file = one.participant.file_open(dev=1, ino=9, size_bytes=4 * PAGE, name=NAME)
        one.mmap(ARENA, 1, RW, SHARED | FIXED, file=file)
        assert failed(seal(one, file, "EXEC"), errno.EBUSY)
        one.call(Op.MUNMAP, ARENA, PAGE)
        assert seal(one, file, "EXEC").status == 0
        assert failed(one.call(Op.FILE_TRUNCATE, file, PAGE), errno.EPERM)
        assert failed(one.call(Op.FILE_ALLOCATE, file, 0, 4 * PAGE, PAGE), errno.EPERM)
        hole = Falloc.PUNCH_HOLE | Falloc.KEEP_SIZE
        assert failed(one.call(Op.FILE_ALLOCATE, file, hole, 0, PAGE), errno.EPERM)
        assert seal(one, file, "EXEC").status == 0
        assert seal(one, file, "SEAL").status == 0
        assert failed(seal(one, file, "EXEC"), errno.EPERM)


@pytest.mark.usefixtures("each_model")
def test_the_walker_misses_no_mapping_that_a_seal_forbids() -> None:
    """The seal is written past the operation that would have refused it."""
    with space(files_max=4) as one:
        me = one.participant
        file = me.file_open(dev=1, ino=9, size_bytes=4 * PAGE, name=NAME)
        one.mmap(ARENA, 1, READ, SHARED | FIXED, file=file)
        assert failed(seal(one, file, "WRITE"), errno.EBUSY)
        assert me.fsck() == []
        with SegmentFile.open(me.segment.instance) as opened:
            field, _ = opened.structs["file"].at["seals"]
            slot = (file & 0xFFFF) - 1
            at = opened.regions["files"][0] + slot * opened.structs["file"].size + field
        with path_of(me.segment.instance).open("r+b") as raw:
            os.pwrite(raw.fileno(), bytes([SEAL["F_SEAL_WRITE"]]), at)
            (complaint,) = me.fsck()
            os.pwrite(raw.fileno(), b"\0", at)
        assert complaint.endswith("may be written, and its file is sealed against that")
