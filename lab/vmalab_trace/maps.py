# SPDX-License-Identifier: Apache-2.0
"""/proc/PID/maps text: parsed, rendered, compared."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace

from vmalab_native.texts import lines_of

_LINE = re.compile(
    r"^([0-9a-f]+)-([0-9a-f]+) ([r-][w-][x-][ps]) ([0-9a-f]+) ([0-9a-f]+):([0-9a-f]+) (\d+)"
    r"(?:\s+(.*))?$"
)
IGNORED_LABELS = frozenset({"[vsyscall]"})
LOOSE_LABELS = frozenset({"", "[heap]", "[stack]"})


class MapsError(ValueError):
    """A line that is not one of /proc/PID/maps."""


@dataclass(frozen=True, slots=True)
class Area:
    """One line of maps: one VMA."""

    start: int
    end: int
    perms: str
    offset: int = 0
    major: int = 0
    minor: int = 0
    inode: int = 0
    path: str = ""

    @property
    def dev(self) -> int:
        """The device number as the kernel keeps it: major << 20 | minor."""
        return self.major << 20 | self.minor

    @property
    def is_file(self) -> bool:
        return self.inode != 0

    @property
    def is_shared_anonymous(self) -> bool:
        """MAP_SHARED | MAP_ANONYMOUS: its inode number is the kernel's private affair."""
        return self.path.startswith("/dev/zero") and self.major == 0

    def render(self) -> str:
        head = (
            f"{self.start:08x}-{self.end:08x} {self.perms} {self.offset:08x} "
            f"{self.major:02x}:{self.minor:02x} {self.inode} "
        )
        return head.ljust(73) + self.path if self.path else head


def parse(text: str) -> list[Area]:
    """All areas of a maps text.

    Raises:
        MapsError: a line of another form.
    """
    areas: list[Area] = []
    for number, line in enumerate(lines_of(text), 1):
        if not line.strip():
            continue
        if line.endswith("\r"):
            raise MapsError(f"line {number} ends with CR LF: maps text has LF alone")
        match = _LINE.match(line)
        if not match:
            raise MapsError(f"line {number} is not one of /proc/PID/maps: {line!r}")
        area = Area(
            start=int(match.group(1), 16),
            end=int(match.group(2), 16),
            perms=match.group(3),
            offset=int(match.group(4), 16),
            major=int(match.group(5), 16),
            minor=int(match.group(6), 16),
            inode=int(match.group(7)),
            path=(match.group(8) or "").strip(),
        )
        if areas and area.start < areas[-1].end:
            raise MapsError(f"line {number} begins below the end of the line before: {line!r}")
        areas.append(area)
    return areas


def render(areas: Iterable[Area]) -> str:
    """The inverse of parse."""
    return "".join(area.render() + "\n" for area in areas)


@dataclass(slots=True)
class Comparison:
    """What two maps texts have in common, and where they differ."""

    areas: int = 0
    differences: list[tuple[str, str]] = field(default_factory=list)
    """Pairs (expected line or "", got line or "")."""
    notes: Counter[str] = field(default_factory=Counter)
    """What was left out of the comparison, in words, and how often."""

    @property
    def equal(self) -> bool:
        return not self.differences


def coalesce(areas: Iterable[Area]) -> list[Area]:
    """Join private neighbours that the kernel joins unless both were written to apart.

    Whether they were is known from page faults alone (the anon_vma of each side); a trace without
    faults can only be compared in this form.
    """
    result: list[Area] = []
    for area in areas:
        last = result[-1] if result else None
        if last is not None and _joinable(last, area):
            result[-1] = replace(last, end=area.end)
        else:
            result.append(area)
    return result


def _joinable(one: Area, two: Area) -> bool:
    if one.end != two.start or one.perms != two.perms or one.perms[3] != "p":
        return False
    if one.is_file != two.is_file or one.path.startswith("[v") or two.path.startswith("[v"):
        return False
    if not one.is_file:
        return "[stack]" not in (one.path, two.path)
    same_file = (one.dev, one.inode) == (two.dev, two.inode)
    return same_file and one.offset + one.end - one.start == two.offset


def _same_name(one: str, two: str) -> bool:
    """Whether two paths are one, of a file that may have been unlinked meanwhile."""
    gone = " (deleted)"
    return one == two or one == two + gone or two == one + gone


def same(
    expected: Area,
    got: Area,
    *,
    notes: Counter[str],
    inodes: dict[int, int],
    unknown: Callable[[Area], bool],
    exact_stack: bool = False,
    renamed: bool = False,
) -> bool:
    """Whether two areas say the same.

    Args:
        notes: counts each kind of thing that was not compared.
        inodes: the pairing of shared anonymous objects, grown as they are found.
        unknown: true for a got area whose file the trace did not identify.
        exact_stack: the start of [stack] counts.
        renamed: files got other names meanwhile, so device and inode decide.
    """
    start_equal = expected.start == got.start
    if not start_equal and expected.path == "[stack]" and not exact_stack:
        notes["start of [stack] (it grows by faults, not by calls)"] += 1
        start_equal = True
    if not start_equal or expected.end != got.end or expected.perms != got.perms:
        return False
    if expected.path in LOOSE_LABELS:
        return not got.is_file and got.path in LOOSE_LABELS
    if expected.is_shared_anonymous:
        paired = inodes.setdefault(expected.inode, got.inode)
        return got.is_shared_anonymous and paired == got.inode and expected.offset == got.offset
    if not expected.is_file:
        unknown_label = expected.path.startswith("[") and not got.path and not got.is_file
        if unknown_label and not expected.path.startswith("[anon:"):
            notes["labels in maps that the emulator does not have"] += 1
            return True
        return expected.path == got.path
    if expected.offset != got.offset:
        return False
    if unknown(got):
        notes["device, inode and path of files the trace does not name"] += 1
        return True
    if (expected.dev, expected.inode) != (got.dev, got.inode):
        return False
    if not _same_name(expected.path, got.path):
        if not renamed:
            return False
        notes["names of files in maps that had another name when they were mapped"] += 1
    return True


def compare(
    expected: Iterable[Area],
    got: Iterable[Area],
    *,
    inodes: dict[int, int] | None = None,
    unknown: Callable[[Area], bool] = lambda area: False,
    exact_stack: bool = False,
    renamed: bool = False,
) -> Comparison:
    """Compare two maps by their areas' ranges, so that one extra area is one difference."""
    result = Comparison()
    pairing = {} if inodes is None else inodes
    left = [area for area in expected if area.path not in IGNORED_LABELS]
    right = [area for area in got if area.path not in IGNORED_LABELS]
    result.areas = len(left)
    i = j = 0
    while i < len(left) or j < len(right):
        if i < len(left) and j < len(right):
            one, two = left[i], right[j]
            if same(
                one,
                two,
                notes=result.notes,
                inodes=pairing,
                unknown=unknown,
                exact_stack=exact_stack,
                renamed=renamed,
            ):
                i, j = i + 1, j + 1
                continue
            if one.start == two.start or (one.start < two.end and two.start < one.end):
                result.differences.append((one.render().strip(), two.render().strip()))
                i, j = i + 1, j + 1
                continue
        if j >= len(right) or (i < len(left) and left[i].start < right[j].start):
            result.differences.append((left[i].render().strip(), ""))
            i += 1
        else:
            result.differences.append(("", right[j].render().strip()))
            j += 1
    return result
