# SPDX-License-Identifier: Apache-2.0
"""A segment as seen from outside of the core: who has stopped the world, what a slot says.

The words are read where `vmalab layout` says that they are, so nothing that is done here can wait
for anybody, change anything, or fail with the segment.
"""

from __future__ import annotations

import mmap
import os
from dataclasses import dataclass
from typing import Final

from vmalab_native.checks import SHM_DIRECTORY, SHM_PREFIX
from vmalab_native.core import layout

STOP_BROKEN: Final = 0xFFFF_FFFF
OUT, IN, BLOCKED = 0, 1, 2
_REGION_SLOTS: Final = 1
_REGION_BYTES: Final = 16


@dataclass(frozen=True, slots=True)
class Slot:
    """Of a participant: pid, where it is (OUT, IN, BLOCKED), the operation under way."""

    pid: int
    in_core: int
    op: int


class Watch:
    """One mapping, read only."""

    def __init__(self, instance: str, model: str, vma_layout: str) -> None:
        structs = {struct.name: struct for struct in layout(model, vma_layout)}
        header = {field.name: field.offset for field in structs["seg_header"].fields}
        self._slot = {field.name: field.offset for field in structs["participant_slot"].fields}
        self._slot_bytes = structs["participant_slot"].size
        fd = os.open(f"{SHM_DIRECTORY}/{SHM_PREFIX}{instance}", os.O_RDONLY)
        try:
            self._map = mmap.mmap(fd, 0, prot=mmap.PROT_READ)
        finally:
            os.close(fd)
        self._words = memoryview(self._map).cast("I")
        self._stop = header["stop"] // 4
        self._generation = header["stop_gen"] // 4
        self._high = header["slots_high"] // 4
        at = header["regions"] + _REGION_SLOTS * _REGION_BYTES
        self._slots = int.from_bytes(self._map[at : at + 8], "little")

    def stop(self) -> int:
        """0, index + 1 of the participant that has stopped the world, or STOP_BROKEN."""
        return int(self._words[self._stop])

    def stops(self) -> int:
        """How often the world was stopped."""
        return int(self._words[self._generation])

    def slot(self, index: int) -> Slot:
        base = self._slots + index * self._slot_bytes
        pid, in_core, op = (
            self._words[(base + self._slot[n]) // 4] for n in ("pid", "in_core", "op")
        )
        return Slot(pid, in_core, op & 0xFFFF)

    def slots_of(self, pid: int) -> list[Slot]:
        """All slots of a process."""
        high = int(self._words[self._high])
        return [slot for slot in map(self.slot, range(high)) if slot.pid == pid]

    def close(self) -> None:
        self._words.release()
        self._map.close()
