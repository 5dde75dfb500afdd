# SPDX-License-Identifier: Apache-2.0
"""Goal: a segment that this build must not touch is refused, each reason with its own exception.

Method: make a good segment, damage one thing in its file as another program or build would have it,
attach. A failure names the damage; if attach() succeeded instead, it would have read another
build's structs as its own.
"""

import os
import struct
from collections.abc import Callable
from pathlib import Path

import posix_ipc
import pytest

from vmalab_native import errors
from vmalab_native.core import Segment, SegmentConfig, fingerprint
from vmalab_native.errors import NativeError

# Where seg_header has them. They may never move: attach reads them before it knows the layout.
MAGIC = struct.Struct("<Q"), 0
ABI = struct.Struct("<I"), 8
STATE = struct.Struct("<I"), 12
FINGERPRINT = struct.Struct("<Q"), 16
SIZE = struct.Struct("<Q"), 24
BUILDING, BROKEN, CLOSING = 0, 2, 3


def path_of(instance: str) -> Path:
    return Path(f"/dev/shm/vmalab.{instance}")


def patch(instance: str, place: tuple[struct.Struct, int], value: int) -> None:
    kind, offset = place
    with path_of(instance).open("r+b") as file:
        file.seek(offset)
        file.write(kind.pack(value))


def peek(instance: str, place: tuple[struct.Struct, int]) -> int:
    kind, offset = place
    with path_of(instance).open("rb") as file:
        file.seek(offset)
        return int(kind.unpack(file.read(kind.size))[0])


def test_missing(instance: str) -> None:
    with pytest.raises(errors.SegmentMissing, match=instance):
        Segment.attach(instance)


def test_good_one_is_attached(segment: Segment) -> None:
    with Segment.attach(segment.instance) as other:
        assert other.config == segment.config
        assert other.rcu_flavour == segment.rcu_flavour
        made = fingerprint(segment.config.model, segment.config.layout)
        assert other.info().fingerprint == made == peek(segment.instance, FINGERPRINT)


def truncate(instance: str) -> None:
    os.truncate(path_of(instance), 1 << 20)


def cut_to_nothing(instance: str) -> None:
    os.truncate(path_of(instance), 0)


def cut_in_header(instance: str) -> None:
    os.truncate(path_of(instance), 40)


@pytest.mark.parametrize(
    ("damage", "refusal"),
    [
        (lambda name: patch(name, MAGIC, 0x1234), errors.SegmentForeign),
        (lambda name: patch(name, ABI, 999), errors.AbiMismatch),
        (lambda name: patch(name, FINGERPRINT, 1), errors.FingerprintMismatch),
        (lambda name: patch(name, STATE, BUILDING), errors.SegmentNotReady),
        (lambda name: patch(name, STATE, BROKEN), errors.SegmentBroken),
        (lambda name: patch(name, STATE, CLOSING), errors.SegmentMissing),
        (truncate, errors.SegmentTruncated),
        (cut_to_nothing, errors.SegmentNotReady),
        (cut_in_header, errors.SegmentTruncated),
    ],
    ids=[
        "foreign",
        "other-abi",
        "other-fingerprint",
        "not-ready",
        "broken",
        "closing",
        "truncated",
        "empty",
        "in-header",
    ],
)
def test_refused(instance: str, damage: Callable[[str], None], refusal: type[NativeError]) -> None:
    with Segment.create(
        instance, SegmentConfig(size_bytes=64 << 20, participants_max=8, frames_max=1 << 14)
    ):
        pass
    damage(instance)
    with pytest.raises(refusal) as caught:
        Segment.attach(instance)
    assert caught.value.constant in str(caught.value)
    assert instance in str(caught.value)
    assert path_of(instance).exists(), "a refused segment is left as it is, for a look"


def test_foreign_file(instance: str) -> None:
    """Somebody else's shared memory under our name, as long as a header and longer."""
    path_of(instance).write_bytes(os.urandom(1 << 20))
    with pytest.raises(errors.SegmentForeign):
        Segment.attach(instance)


def test_create_twice(segment: Segment) -> None:
    with pytest.raises(errors.SegmentExists, match=segment.instance):
        Segment.create(segment.instance)
    with Segment.attach(segment.instance) as still_good:
        assert still_good.info().state == "ready"


def test_mode_is_private(segment: Segment) -> None:
    assert path_of(segment.instance).stat().st_mode & 0o777 == 0o600


def test_unlink_refuses_later_attaches(segment: Segment) -> None:
    file = posix_ipc.SharedMemory(f"/vmalab.{segment.instance}")
    try:
        segment.unlink()
        with pytest.raises(errors.SegmentMissing):
            Segment.attach(segment.instance)
        header = os.pread(file.fd, 16, 0)
        assert STATE[0].unpack_from(header, STATE[1])[0] == CLOSING
    finally:
        file.close_fd()


@pytest.mark.parametrize("name", ["", "A", "a/b", "..", "a b", "a" * 33, "ä", "a.b"])
def test_bad_names(name: str) -> None:
    for call in (Segment.create, Segment.attach, Segment.remove):
        with pytest.raises(errors.InvalidArgument):
            call(name)


def test_list_and_remove(segment: Segment) -> None:
    assert segment.instance in Segment.list_instances()
    Segment.remove(segment.instance)
    assert segment.instance not in Segment.list_instances()
    with pytest.raises(errors.SegmentMissing):
        Segment.remove(segment.instance)
