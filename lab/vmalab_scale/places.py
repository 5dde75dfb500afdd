# SPDX-License-Identifier: Apache-2.0
"""What lies at a place of a segment: the struct, which one of them, and the field.

A region holds rows of one struct. A page of a slab holds objects of one cache. A page table holds
entries. What has no fields that are known is named by its region and the bytes from its begin.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from vmalab_native.loaded import layout
from vmalab_native.records import StructInfo
from vmalab_native.segment_file import PAGE, SLAB, TAIL, SegmentFile, stat_names

_TYPE: Final = re.compile(r"(?:struct )?(\w+)((?:\[\d+\])*)")
_OBJECTS: Final = {"maple_node": "tree_node", "vma_lock": "rw_semaphore"}
"""Caches whose objects are structs of another name."""
_ROWS: Final = {
    "slots": "participant_slot",
    "files": "file",
    "page descriptors": "page_desc",
    "frames": "frame",
}


@dataclass(frozen=True, slots=True)
class Place:
    """A place of a segment.

    Attributes:
        struct: its C name, or that of the region where there is none.
        number: which one: in its region or, of a slab's object, among all of the pages.
        begin: its offset in the segment.
        field: path of the field in it ("vm_lock.count"); "" if none is known there.
        at: bytes from the begin of the struct.
    """

    struct: str
    number: int
    begin: int
    field: str
    at: int

    @property
    def text(self) -> str:
        """For people: vm_area_struct.vm_lock.count, or page table+8."""
        return f"{self.struct}.{self.field}" if self.field else f"{self.struct}+{self.at}"


class Places:
    """Names places of one segment.

    Args:
        file: of the segment, which may be in use: what is asked for must not move meanwhile.
    """

    def __init__(self, file: SegmentFile) -> None:
        self._file = file
        self._structs = {info.name: info for info in layout(file.model, file.layout)}
        self._stats = stat_names()

    def at(self, offset: int) -> Place:
        """What lies there.

        Args:
            offset: bytes from the begin of the segment.
        """
        for region, (first, length) in self._file.regions.items():
            if first <= offset < first + length:
                return self._in_region(region, offset, first)
        return Place("segment", 0, 0, "", offset)

    def _in_region(self, region: str, offset: int, first: int) -> Place:
        at = offset - first
        if region == "header":
            return self._row("seg_header", 0, first, at)
        if region == "pages":
            return self._in_page(offset)
        if region == "mms":
            return self._of_mm(first, at)
        if region in ("areas", "events"):
            each = self._file.area_bytes if region == "areas" else self._file.ring_bytes
            struct = "participant_area" if region == "areas" else "event_ring"
            return self._row(struct, at // each, first + at // each * each, at % each)
        struct = _ROWS.get(region, "")
        if not struct:
            return Place(region, 0, first, "", at)
        each = self._structs[struct].size
        if at >= each * self._file.config("frames_max") and region == "frames":
            return Place("recount of frames", 0, first, "", at)
        return self._row(struct, at // each, first + at // each * each, at % each)

    def _of_mm(self, first: int, at: int) -> Place:
        each = self._structs["mm_struct"].size
        beside = self._file.config("mms_max") * each
        if at < beside:
            return self._row("mm_struct", at // each, first + at // each * each, at % each)
        each, at = self._structs["mm_aside"].size, at - beside
        return self._row("mm_aside", at // each, first + beside + at // each * each, at % each)

    def _in_page(self, offset: int) -> Place:
        file, first = self._file, self._file.regions["pages"][0]
        page = (offset - first) // PAGE
        if page >= file.pages_populated:
            return Place("page", page, first + page * PAGE, "", offset % PAGE)
        desc = file.desc(page)
        head = desc.owner if desc.kind == TAIL else page
        cache = file.caches[file.desc(head).cache] if file.desc(head).kind == SLAB else None
        start = first + head * PAGE
        if cache is None:
            return Place("page table", page, first + page * PAGE, "", (offset - first) % PAGE)
        number, at = divmod(offset - start, cache.slot_bytes)
        begin = start + number * cache.slot_bytes
        return self._row(cache.name, (begin - first) // cache.slot_bytes, begin, at)

    def _row(self, struct: str, number: int, begin: int, at: int) -> Place:
        info = self._structs.get(_OBJECTS.get(struct, struct))
        return Place(struct, number, begin, self._field(info, at) if info else "", at)

    def _field(self, info: StructInfo, at: int) -> str:
        for field in info.fields:
            within = at - field.offset
            if not 0 <= within < field.size:
                continue
            found = _TYPE.fullmatch(field.type)
            name, inner = field.name, self._structs.get(found[1]) if found else None
            count = _count(found[2]) if found else 1
            if inner is None:
                each = max(1, field.size // count)
                if info.name == "participant_area" and name == "stats":
                    return f"{name}.{self._stats[within // each]}"
                return f"{name}[{within // each}]" if count > 1 and each > 1 else name
            if count > 1:
                name += f"[{within // inner.size}]"
            below = self._field(inner, within % inner.size)
            return f"{name}.{below}" if below else name
        return ""


def _count(brackets: str) -> int:
    """Of the elements of an array: "[2][3]" is 6."""
    count = 1
    for number in re.findall(r"\d+", brackets):
        count *= int(number)
    return count
