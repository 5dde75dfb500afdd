# SPDX-License-Identifier: Apache-2.0
"""A model of which addresses are used, just good enough to distinguish two orders of two calls.

It knows ranges only: no permissions, no merging, no pages. The emulator is not asked, so that an
order chosen with this model says nothing about the emulator's own answer to the call.
"""

from __future__ import annotations

import errno
from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from vmalab_native import flags
from vmalab_trace import calls, maps

PAGE: Final = 4096
HUGE_PAGE: Final = 2 << 20


def page_up(value: int) -> int:
    return (value + PAGE - 1) & ~(PAGE - 1)


@dataclass(slots=True)
class Gaps:
    """Used ranges of one address space, sorted and disjoint, with a file flag for each."""

    base: int
    starts: list[int] = field(default_factory=list)
    ends: list[int] = field(default_factory=list)
    files: list[bool] = field(default_factory=list)
    brk: int = 0

    @staticmethod
    def of(areas: Iterable[maps.Area], *, base: int, brk: int) -> Gaps:
        gaps = Gaps(base=base, brk=brk)
        for area in areas:
            if area.path not in maps.IGNORED_LABELS:
                gaps.starts.append(area.start)
                gaps.ends.append(area.end)
                gaps.files.append(area.is_file)
        return gaps

    def copy(self) -> Gaps:
        return Gaps(self.base, self.starts[:], self.ends[:], self.files[:], self.brk)

    def _overlap(self, start: int, end: int) -> tuple[int, int]:
        """Indices [low, high) of the ranges that overlap [start, end)."""
        return bisect_right(self.ends, start), bisect_left(self.starts, end)

    def is_free(self, start: int, end: int) -> bool:
        low, high = self._overlap(start, end)
        return low >= high

    def is_mapped(self, start: int, end: int) -> bool:
        """Whether there is no hole in [start, end)."""
        low, high = self._overlap(start, end)
        at = start
        for index in range(low, high):
            if self.starts[index] > at:
                return False
            at = self.ends[index]
        return at >= end

    def has_file(self, start: int, end: int) -> bool:
        low, high = self._overlap(start, end)
        return any(self.files[low:high])

    def clear(self, start: int, end: int) -> None:
        low, high = self._overlap(start, end)
        if low >= high:
            return
        keep: list[tuple[int, int, bool]] = []
        if self.starts[low] < start:
            keep.append((self.starts[low], start, self.files[low]))
        if self.ends[high - 1] > end:
            keep.append((end, self.ends[high - 1], self.files[high - 1]))
        self.starts[low:high] = [one[0] for one in keep]
        self.ends[low:high] = [one[1] for one in keep]
        self.files[low:high] = [one[2] for one in keep]

    def add(self, start: int, end: int, *, file: bool) -> None:
        self.clear(start, end)
        index = bisect_left(self.starts, start)
        self.starts.insert(index, start)
        self.ends.insert(index, end)
        self.files.insert(index, file)

    def place(self, length: int) -> int | None:
        """Where a top-down search below the base puts `length` bytes; None when nowhere."""
        top = self.base
        for index in range(bisect_left(self.starts, self.base) - 1, -1, -1):
            if top - self.ends[index] >= length:
                return top - length
            top = min(top, self.starts[index])
        return top - length if top - length >= 0x10000 else None

    def agrees(
        self,
        operation: calls.Operation,
        value: int,
        error: int,
        *,
        exact: bool,
        sensible: bool = False,
    ) -> bool:
        """Whether the recorded answer is possible in this state.

        Args:
            exact: also expect the address of top-down placement. Ranges of 2 MiB and more are
                excepted: the kernel may align them.
            sensible: also expect that munmap has something to unmap. The kernel does not, but
                programs do, and it distinguishes many orders.
        """
        match operation:
            case calls.Munmap(addr, length) if sensible and not error:
                return not self.is_free(addr, addr + page_up(length))
            case calls.Mmap():
                return self._agrees_mmap(operation, value, error, exact)
            case calls.Mprotect(addr, length) | calls.Madvise(addr, length):
                if error in (0, errno.ENOMEM) and addr % PAGE == 0 and length:
                    return self.is_mapped(addr, addr + page_up(length)) == (error == 0)
            case calls.Mincore(addr, length):
                if error in (0, errno.ENOMEM) and length:
                    return self.is_mapped(addr, addr + page_up(length)) == (error == 0)
            case calls.Mremap():
                return self._agrees_mremap(operation, value, error, exact)
            case calls.Brk(addr):
                if addr and value == addr and page_up(addr) > page_up(self.brk):
                    return self.is_free(page_up(self.brk), page_up(addr))
        return True

    def _agrees_mmap(self, call: calls.Mmap, value: int, error: int, exact: bool) -> bool:
        end = page_up(call.addr + call.length)
        if call.flags & flags.MAP_FIXED_NOREPLACE:
            if error in (0, errno.EEXIST):
                return self.is_free(call.addr, end) == (error == 0)
            return True
        if error or call.flags & flags.MAP_FIXED:
            return True
        length = page_up(call.length)
        if not self.is_free(value, value + length):
            return False
        if not exact or call.flags & flags.MAP["MAP_32BIT"]:
            return True
        if call.addr and self.is_free(call.addr & -PAGE, (call.addr & -PAGE) + length):
            return value == call.addr & -PAGE
        return length >= HUGE_PAGE or self.place(length) == value

    def _agrees_mremap(self, call: calls.Mremap, value: int, error: int, exact: bool) -> bool:
        old, new = page_up(call.old_length), page_up(call.new_length)
        if error == errno.EFAULT:
            return True
        if error:
            return True
        if old and not self.is_mapped(call.addr, call.addr + min(old, new)):
            return False
        if call.flags & flags.MREMAP["MREMAP_FIXED"]:
            return True
        if value == call.addr:
            return new <= old or self.is_free(call.addr + old, call.addr + new)
        if not self.is_free(value, value + new):
            return False
        return not exact or new >= HUGE_PAGE or bool(call.flags & 4) or self.place(new) == value

    def apply(self, operation: calls.Operation, value: int, error: int) -> None:
        """Take over the effect of a call as it was recorded."""
        if error and not isinstance(operation, calls.Mmap):
            return
        match operation:
            case calls.Mmap():
                if error:
                    return
                is_file = not operation.flags & flags.MAP_ANONYMOUS
                self.add(value, value + page_up(operation.length), file=is_file)
            case calls.Munmap(addr, length):
                self.clear(addr, addr + page_up(length))
            case calls.Mremap():
                self._apply_mremap(operation, value)
            case calls.Brk():
                self._apply_brk(value)

    def _apply_mremap(self, call: calls.Mremap, value: int) -> None:
        old, new = page_up(call.old_length), page_up(call.new_length)
        is_file = self.has_file(call.addr, call.addr + max(old, PAGE))
        if value == call.addr:
            if new < old:
                self.clear(call.addr + new, call.addr + old)
            elif new > old:
                self.add(call.addr + old, call.addr + new, file=is_file)
            return
        if old and not call.flags & flags.MREMAP["MREMAP_DONTUNMAP"]:
            self.clear(call.addr, call.addr + old)
        self.add(value, value + new, file=is_file)

    def _apply_brk(self, value: int) -> None:
        before, after = page_up(self.brk), page_up(value)
        if self.brk and after > before:
            self.add(before, after, file=False)
        elif self.brk and after < before:
            self.clear(after, before)
        self.brk = value
