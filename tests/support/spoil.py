# SPDX-License-Identifier: Apache-2.0
"""Segments with something in every table, and all the ways in which this module damages a copy."""

import os
import random
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from operations import ARENA, FIXED, PRIVATE, READ, RW, SHARED, Space
from vmalab.ops import Op
from vmalab_native.core import SHM_DIRECTORY, Segment, SegmentConfig
from vmalab_native.segment_file import PAGE, SegmentFile

SMALL: Final = SegmentConfig(
    size_bytes=8 << 20, mms_max=16, participants_max=8, frames_max=1 << 12, files_max=8
)
INTERESTING: Final = (0, 1, 0x7F, 0xFF, 0xFFFF, 0x7FFFFFFF, 0xFFFFFFFF, 1 << 63, (1 << 64) - 1)


def path_of(instance: str) -> Path:
    return SHM_DIRECTORY / f"vmalab.{instance}"


def fill(segment: Segment) -> None:
    """Address spaces with trees of two levels, files, names, forks and page tables; participants
    that were there, and one that never left."""
    with segment.participant("client", comm="first") as first:
        space = Space(first, first.mm_create(start_brk=ARENA - (1 << 30), brk=ARENA - (1 << 30)))
        for i in range(70):
            space.mmap(ARENA + 8 * i * PAGE, 2, RW if i % 2 else READ)
            space.write(ARENA + 8 * i * PAGE, i)
        file = first.file_open(dev=0x800001, ino=77, size_bytes=1 << 20, name="/usr/lib/libc.so")
        space.mmap(ARENA + (1 << 31), 16, RW, SHARED | FIXED, file=file)
        space.write(ARENA + (1 << 31), 5)
        space.mmap(ARENA + (1 << 32), 16, RW, PRIVATE | FIXED, file=file)
        space.write(ARENA + (1 << 32), 6)
        space.name(ARENA + 8 * PAGE, 2, b"a name")
        child = space.fork()
        child.write(ARENA + 8 * PAGE, 9)
        kept = segment.participant("worker", comm="second")
        other = Space(kept, kept.mm_create())
        other.mmap(ARENA, 400)
        for i in range(0, 400, 3):
            other.write(ARENA + i * PAGE, i)
            other.call(Op.MUNMAP, ARENA + (i + 1) * PAGE, PAGE)
        for mm in (space.mm, child.mm):
            kept.mm_get(mm)


@dataclass(frozen=True)
class Image:
    """The bytes of a segment's file that are not zero, by offset."""

    size: int
    parts: tuple[tuple[int, bytes], ...]
    regions: dict[str, tuple[int, int]]
    used: dict[str, int]

    @classmethod
    def of(cls, instance: str) -> "Image":
        parts = []
        with SegmentFile.open(instance) as file:
            regions, size = dict(file.regions), file.size
            used = {
                "slots": file.slots_high * 128,
                "areas": file.slots_high * file.area_bytes,
                "page descriptors": file.pages_populated * 64,
                "pages": file.pages_populated * PAGE,
                "frames": file.frames_populated * 16,
            }
            for offset in range(0, size, PAGE):
                raw = os.pread(file.fd, PAGE, offset)
                if raw.strip(b"\0"):
                    parts.append((offset, raw))
        return cls(size, tuple(parts), regions, used)

    def write(self, instance: str) -> None:
        """Make the file anew: no process that had the old one mapped is in it."""
        path_of(instance).unlink(missing_ok=True)
        fd = os.open(path_of(instance), os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            os.ftruncate(fd, self.size)
            for offset, raw in self.parts:
                os.pwrite(fd, raw, offset)
        finally:
            os.close(fd)

    def at(self, rng: random.Random, region: str, align: int) -> int:
        """An offset in what a region has in use, mostly where something is."""
        first, length = self.regions[region]
        length = max(min(length, self.used.get(region, length)), PAGE)
        if rng.random() < 0.8:
            inside = [part for part in self.parts if first <= part[0] < first + length]
            if inside:
                offset, raw = rng.choice(inside)
                busy = [i for i in range(0, PAGE, align) if raw[i : i + align].strip(b"\0")]
                return offset + rng.choice(busy)
        return first + rng.randrange(length // align) * align


KINDS: Final = ("bit", "byte", "word32", "word64", "copied", "zeroed", "swapped", "cut", "noise")
REGIONS: Final = (
    *("header", "header", "slots", "areas", "mms", "mms", "files", "page descriptors"),
    *("page descriptors", "frames", "pages", "pages", "pages", "pages"),
)


def spoil(image: Image, instance: str, rng: random.Random) -> str:
    """Damage a fresh copy of the image, once or a few times; what was done."""
    image.write(instance)
    done = []
    fd = os.open(path_of(instance), os.O_RDWR)
    try:
        for _ in range(rng.choice((1, 1, 1, 2, 5))):
            done.append(_once(image, fd, rng))
    finally:
        os.close(fd)
    return ", ".join(done)


def _once(image: Image, fd: int, rng: random.Random) -> str:
    kind, region = rng.choice(KINDS), rng.choice(REGIONS)
    width = {"bit": 1, "byte": 1, "word32": 4, "word64": 8, "copied": 8}.get(kind, PAGE)
    offset = image.at(rng, region, width)
    old = os.pread(fd, width, offset).ljust(width, b"\0")
    if kind == "bit":
        new = bytes([old[0] ^ 1 << rng.randrange(8)])
    elif kind == "byte":
        new = rng.randbytes(1)
    elif kind in ("word32", "word64"):
        number = rng.choice((*INTERESTING, rng.getrandbits(64), rng.randrange(1 << 20)))
        near = int.from_bytes(old, "little") + rng.choice((-1, 1, 16, -16))
        number = rng.choice((number, near)) % (1 << 8 * width)
        new = number.to_bytes(width, "little")
    elif kind == "copied":
        new = os.pread(fd, width, image.at(rng, rng.choice(REGIONS), 8)).ljust(width, b"\0")
    elif kind == "swapped":
        other = image.at(rng, region, PAGE)
        new = os.pread(fd, width, other).ljust(width, b"\0")
        os.pwrite(fd, old, other)
    elif kind == "noise":
        start = rng.randrange(0, PAGE, 8)
        end = min(PAGE, start + rng.choice((8, 64, 256, PAGE)))
        new = old[:start] + rng.randbytes(end - start) + old[end:]
    elif kind == "cut":
        os.ftruncate(fd, rng.choice((rng.randrange(image.size), offset, rng.randrange(1 << 16))))
        return f"cut in {region}"
    else:
        new = bytes(width)
    os.pwrite(fd, new, offset)
    return f"{kind} in {region} at {offset}"


def stored(number: int) -> bytes:
    return struct.pack("<Q", number)
