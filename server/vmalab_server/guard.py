# SPDX-License-Identifier: Apache-2.0
"""Whether the segment of a running instance still is what its supervisor made.

Everything is read from the file: the mapping of a file that was cut gives SIGBUS. `changed()` costs
a few microseconds and runs often; `damage()` reads all tables, and runs when a worker has crashed.
"""

from __future__ import annotations

import os
import signal
from typing import Final

from vmalab_native.core import Segment
from vmalab_native.damage import damages
from vmalab_native.errors import NativeError
from vmalab_native.segment_file import SegmentFile

CRASHES: Final = frozenset(
    -number for number in (signal.SIGSEGV, signal.SIGBUS, signal.SIGILL, signal.SIGFPE)
)
"""Exit codes of a worker that followed what cannot be."""
_WRITTEN_ONCE: Final = (
    *("magic", "abi", "fingerprint", "size", "config", "clock_namespace", "created_ns"),
    *("name", "model", "layout", "regions"),
)


class Guard:
    """Looks at one segment's file."""

    def __init__(self, segment: Segment, fd: int) -> None:
        """The segment is whole now.

        Args:
            fd: its file; stays the caller's.
        """
        self._instance = segment.instance
        self._fd = fd
        with SegmentFile(self._instance, os.dup(fd)) as file:
            self._size = file.size
            self._header = file.header_struct
            self._made = self._once(file.header)

    def _once(self, header: bytes) -> list[bytes]:
        return [self._header.part(header, field) for field in _WRITTEN_ONCE]

    @property
    def cut(self) -> bool:
        """The file is shorter than it was made: nobody may touch its mapping."""
        return os.fstat(self._fd).st_size < self._size

    def changed(self) -> str:
        """Why nobody can work with the segment any more; "" if the frame of it is right."""
        if self.cut:
            size = os.fstat(self._fd).st_size
            return f"its file was cut from {self._size} to {size} bytes by another program"
        header = os.pread(self._fd, self._header.size, 0)
        for field, now, made in zip(_WRITTEN_ONCE, self._once(header), self._made, strict=True):
            if now != made:
                return f"{field} of its header was overwritten by another program"
        return ""

    def damage(self) -> str:
        """The first damage of the segment; "" if there is none."""
        try:
            with SegmentFile(self._instance, os.dup(self._fd)) as file:
                found = damages(file)
        except NativeError as error:
            return error.detail
        return found[0] if found else ""

    def reason(self) -> str:
        """What the segment says of why it is broken."""
        header = os.pread(self._fd, self._header.size, 0)
        return self._header.text(header, "broken") or "it does not say why"
