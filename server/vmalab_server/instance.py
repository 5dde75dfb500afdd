# SPDX-License-Identifier: Apache-2.0
"""Making the segment of an instance: one supervisor each, and what a dead one left behind.

The supervisor holds a lock on the segment's file for as long as it lives (supervised.py). The
kernel takes it away at its death, so a lock that is free means that nobody supervises the instance
any more, whatever process has the recorded pid now.
"""

from __future__ import annotations

import os
from pathlib import Path

from vmalab_native.core import SHM_DIRECTORY, SHM_PREFIX, Segment, check_config
from vmalab_native.errors import NativeError, SegmentExists, SegmentMissing, SegmentTooBig
from vmalab_native.records import SegmentConfig
from vmalab_native.segment_file import SegmentFile
from vmalab_native.view import SegmentView
from vmalab_server import supervised

FREE_BYTES_MIN = 32 << 20


class InstanceError(Exception):
    """The instance cannot be started; one line that says why and what to do."""


def segment_path(instance: str) -> Path:
    return SHM_DIRECTORY / f"{SHM_PREFIX}{instance}"


def _users(instance: str) -> list[int]:
    """Living processes that are in the segment, as far as it can be read."""
    try:
        with SegmentFile.open(instance) as file:
            return sorted({row.pid for row in SegmentView(file).participants() if row.alive})
    except NativeError:
        return []


def _clear_stale(instance: str, *, replace_stale: bool) -> None:
    """Remove the segment that a dead supervisor left, or say why not."""
    try:
        fd = supervised.take(segment_path(instance))
    except FileNotFoundError:
        return
    except PermissionError:
        raise InstanceError(
            f"instance {instance!r} belongs to another user: choose another name"
        ) from None
    if fd < 0:
        raise InstanceError(
            f"instance {instance!r} is already being served: stop it, or choose another name"
            " with --instance"
        )
    try:
        users = _users(instance)
        if users:
            pids = ", ".join(str(pid) for pid in users)
            raise InstanceError(
                f"instance {instance!r} has no server, but process {pids} uses its memory:"
                " end it first"
            )
        if not replace_stale:
            raise InstanceError(
                f"instance {instance!r} was left behind by a server that was killed: look at it"
                f" with `vmalab fsck --instance {instance}`, or discard it and start:"
                f" vmalab serve --instance {instance} --replace-stale"
            )
        Segment.remove(instance)
    except SegmentMissing:
        return
    finally:
        os.close(fd)


def create(instance: str, config: SegmentConfig, *, replace_stale: bool) -> tuple[Segment, int]:
    """Make the segment and take its lock.

    Returns:
        The segment, and the descriptor whose lock says that it is supervised.

    Raises:
        InstanceError: it is served already, left behind, or there is no room for it.
        InvalidArgument: sizes that do not go together.
    """
    check_config(config)
    facts = os.statvfs(SHM_DIRECTORY)
    free = facts.f_bavail * facts.f_frsize
    if free < FREE_BYTES_MIN:
        raise InstanceError(
            f"{SHM_DIRECTORY} has {free >> 20} MiB free and {FREE_BYTES_MIN >> 20} MiB are needed:"
            " make room, or mount it larger (docker run --shm-size=1g)"
        )
    if segment_path(instance).exists():
        _clear_stale(instance, replace_stale=replace_stale)
    try:
        segment = Segment.create(instance, config)
    except SegmentExists:
        raise InstanceError(f"instance {instance!r} is being started by somebody else") from None
    except SegmentTooBig as error:
        raise InstanceError(f"{error} (mount it larger: docker run --shm-size=1g)") from None
    except NativeError as error:
        raise InstanceError(str(error)) from None
    try:
        fd = supervised.take(segment_path(instance))
    except OSError:
        segment.unlink()
        segment.close()
        raise
    return segment, fd
