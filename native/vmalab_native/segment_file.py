# SPDX-License-Identifier: Apache-2.0
"""The file of a segment, read and never mapped, for those who only look.

Whatever the file says, reading it is safe. Every read is a copy (`pread`), so the file may shrink
or change meanwhile. Every offset, index and reference is bounded before it is followed. What cannot
be raises `SegmentDamaged` with a sentence that says what and where. Nothing is locked, no slot is
taken, nothing is written. Where the structs lie is what the core of the segment says (`layout`).

The numbers of `tree.h`, `pgtable.h` and `participant.h` that no field table has stand here;
`tests/damage/test_views.py` compares what comes of them with what the core says.
"""

from __future__ import annotations

import errno
import fcntl
import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Self

from vmalab_native._core import ffi, lib
from vmalab_native.cdata import CStruct
from vmalab_native.checks import SHM_DIRECTORY, shm_name
from vmalab_native.convert import listing, text
from vmalab_native.errors import (
    AbiMismatch,
    FingerprintMismatch,
    SegmentDamaged,
    SegmentForeign,
    SegmentMissing,
    SegmentNotReady,
    SegmentTruncated,
    SystemCallFailed,
)
from vmalab_native.loaded import config_from_c, fingerprint, layout, load_core_of
from vmalab_native.records import SegmentConfig, StructInfo

PAGE: Final = 4096
REF_SHIFT: Final = 4
ACCOUNT_BYTES: Final = 128
"""struct account (`segment.h`)."""
LIFE_BYTE: Final = 1 << 40
_FLOCK: Final = "hhqqi4x"
FRAMES_FIRST: Final = 2
RECOUNT_BYTES: Final = 4  # of each frame, behind all of them
DEPOT_BYTES: Final = 4  # the same, behind those: a number that a depot may have
FRAMES_CHUNK: Final = 8192  # frames that get memory at a time, and their places in depots
MAGAZINE_MAX: Final = 64
BARN_MAX: Final = 10
CACHES: Final = 16
STATES: Final = ("building", "ready", "broken", "closing")
FREE, TAKEN, CACHED, SLAB, TAIL, TABLE, RETIRED = range(7)
"""Kinds of pages (`slab_def.h`)."""
CACHE_VMA, CACHE_NODE, CACHE_ANON_VMA, CACHE_AVC, CACHE_NAME, CACHE_NUMAB, CACHE_VMA_LOCK = range(7)


class Struct:
    """Where the fields of one shared struct lie."""

    def __init__(self, info: StructInfo) -> None:
        self.name = info.name
        self.size = info.size
        self.at = {field.name: (field.offset, field.size) for field in info.fields}

    def get(self, raw: bytes, field: str, base: int = 0) -> int:
        """A field as a number."""
        offset, size = self.at[field]
        return int.from_bytes(raw[base + offset : base + offset + size], "little")

    def put(self, raw: bytes, field: str, value: int) -> bytes:
        """The same bytes with another number in a field."""
        offset, size = self.at[field]
        return raw[:offset] + value.to_bytes(size, "little") + raw[offset + size :]

    def part(self, raw: bytes, field: str, base: int = 0) -> bytes:
        """The bytes of a field that is an array or a struct."""
        offset, size = self.at[field]
        return raw[base + offset : base + offset + size]

    def text(self, raw: bytes, field: str, base: int = 0) -> str:
        """A field of characters, up to the first 0."""
        return self.part(raw, field, base).split(b"\0", 1)[0].decode("utf-8", "replace")


@dataclass(frozen=True, slots=True)
class Cache:
    """One kmem_cache of the header, with its geometry checked."""

    index: int
    name: str
    slot_bytes: int
    objs_per_slab: int
    order: int
    gone: tuple[int, int, int]
    partial_head: int
    freeptr: int
    barn_full: int


@dataclass(frozen=True, slots=True)
class PageDesc:
    """One page descriptor."""

    kind: int
    order: int
    cache: int
    on_list: int
    owner: int
    next: int
    prev: int
    free: tuple[int, int]
    account: int


_DESC: Final = struct.Struct("<BBBBIIIQQ16xI")


def words(raw: bytes, bytes_each: int = 8) -> memoryview[int]:
    """An array of little-endian numbers of 8 or 4 bytes."""
    view = memoryview(raw)
    return view.cast("Q") if bytes_each == 8 else view.cast("I")


def stat_names() -> list[str]:
    """The counters of `vmstat`, in the order of the core."""
    names, count = listing("const char *[]", "vmstat", lib.vl_stat_names, start=128)
    return [text(names[i]) for i in range(count)]


class SegmentFile:
    """A segment's file, with its header checked. Made by open()."""

    def __init__(self, instance: str, fd: int, *, build: bool = True) -> None:
        """Takes the descriptor over. Raises as open()."""
        self.instance = instance
        self.fd = fd
        self.size = os.fstat(fd).st_size
        self.model, self.layout = self._names(build=build)
        self.structs = {info.name: Struct(info) for info in layout(self.model, self.layout)}
        self.header_struct = self.structs["seg_header"]
        self.refresh()
        self._check_identity()
        self._plan()

    @classmethod
    def open(cls, instance: str, *, build: bool = True) -> Self:
        """Opens the file of an instance for reading.

        Args:
            build: build its core if it is not there, which takes a while.

        Raises:
            SegmentMissing, SegmentForeign, SegmentTruncated, AbiMismatch, FingerprintMismatch,
            SegmentNotReady, SegmentDamaged, SystemCallFailed, CoreMissing, InvalidArgument.
        """
        path = SHM_DIRECTORY / shm_name(instance)[1:]
        try:
            fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
        except FileNotFoundError:
            raise SegmentMissing(f"instance {instance!r}") from None
        except OSError as refusal:
            if refusal.errno == errno.ELOOP:
                raise SegmentForeign(f"instance {instance!r}, {path} is a symbolic link") from None
            raise SystemCallFailed(f"opening {instance!r}", errno=refusal.errno or 0) from None
        try:
            return cls(instance, fd, build=build)
        except BaseException:
            os.close(fd)
            raise

    def close(self) -> None:
        os.close(self.fd)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def damaged(self, what: str) -> SegmentDamaged:
        return SegmentDamaged(f"instance {self.instance!r}: {what}")

    # --- reading ---

    def read(self, offset: int, size: int, what: str) -> bytes:
        """Bytes of the file. Raises SegmentDamaged if it ends before."""
        parts = []
        while size > 0:
            chunk = os.pread(self.fd, size, offset) if offset >= 0 else b""
            if not chunk:
                raise self.damaged(f"the file ends at byte {offset}, in {what}")
            parts.append(chunk)
            offset, size = offset + len(chunk), size - len(chunk)
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def refresh(self) -> None:
        """Read the header again."""
        self.header = self.read(0, self.header_struct.size, "the header")

    def again(self) -> None:
        """Read the header again and check it as open() does: for the next of several looks."""
        self.size = os.fstat(self.fd).st_size
        self.refresh()
        self._check_identity()
        self._plan()

    def _names(self, *, build: bool) -> tuple[str, str]:
        """Lock model and layout, and their core is loaded."""
        where = f"instance {self.instance!r}"
        if self.size == 0:
            raise SegmentNotReady(where)
        magic, abi = struct.unpack("<QI", os.pread(self.fd, 12, 0).ljust(12, b"\0"))
        if magic == 0:
            raise SegmentNotReady(where)
        if magic != lib.VL_MAGIC:
            raise SegmentForeign(where)
        if abi != lib.VL_ABI_VERSION:
            raise AbiMismatch(f"{where}, ABI version {abi}")
        model, made = ffi.new("char[]", 33), ffi.new("char[]", 33)
        lib.vl_seg_peek(self.fd, model, made)
        if not text(model):
            raise self.damaged("the header names no lock model and layout")
        load_core_of(self.fd, self.instance, build=build)
        return text(model), text(made)

    def _check_identity(self) -> None:
        where = f"instance {self.instance!r}"
        if self.of_header("fingerprint") != fingerprint(self.model, self.layout):
            raise FingerprintMismatch(where)
        if self.of_header("size") > self.size:
            raise SegmentTruncated(f"{where}, {self.size} of {self.of_header('size')} bytes")
        state = self.of_header("state")
        if state >= len(STATES):
            raise self.damaged(f"the header has state {state}, there are 0 to {len(STATES) - 1}")
        if state == 0:
            raise SegmentNotReady(where)

    def of_header(self, field: str) -> int:
        return self.header_struct.get(self.header, field)

    def inner(self, field: str, kind: str, name: str) -> int:
        """A number of a struct inside the header: inner("pages", "page_pool", "pages_total")."""
        return self.structs[kind].get(self.header_struct.part(self.header, field), name)

    def config(self, name: str) -> int:
        return self.inner("config", "vl_config", name)

    # --- what the header plans ---

    def _plan(self) -> None:
        """Regions lie as the configuration says, counts are of what there is."""
        self._check_config()
        sizes = {name: found.size for name, found in self.structs.items()}
        self.area_bytes = -(-sizes["participant_area"] // PAGE) * PAGE
        self.ring_bytes = -(-sizes["event_ring"] // PAGE) * PAGE
        fixed = [
            ("header", sizes["seg_header"]),
            ("slots", self.config("participants_max") * sizes["participant_slot"]),
            ("areas", self.config("participants_max") * self.area_bytes),
            ("events", self.config("participants_max") * self.ring_bytes),
            ("mms", self.config("mms_max") * (sizes["mm_struct"] + sizes["mm_aside"])),
            ("files", self.config("files_max") * sizes["file"]),
        ]
        table = words(self.header_struct.part(self.header, "regions"))
        names = [name for name, _ in fixed]
        names += ["lab"] * (len(table) // 2 == len(fixed) + 4)
        names += ["page descriptors", "frames", "pages"]
        self.regions = {name: (table[2 * i], table[2 * i + 1]) for i, name in enumerate(names)}
        frames = self.config("frames_max")
        each = -(-frames * (sizes["frame"] + RECOUNT_BYTES) // PAGE) * PAGE
        places = -(-frames // FRAMES_CHUNK) * FRAMES_CHUNK
        wanted = dict(fixed) | {"frames": each + places * 4}
        end = 0
        for name, (offset, length) in self.regions.items():
            if offset != end or length % PAGE or offset + length > self.of_header("size"):
                raise self.damaged(
                    f"region {name} is at {offset} with {length} bytes, not at {end}"
                )
            if name in wanted and length != -(-wanted[name] // PAGE) * PAGE:
                raise self.damaged(f"region {name} has {length} bytes, not {wanted[name]}")
            end = offset + length
        self._check_pools()
        self.caches = [self.cache(index) for index in range(CACHES)]
        self.roots = [self._root(index) for index in range(CACHES)]

    def c_config(self) -> CStruct:
        """The configuration as C has it."""
        config = ffi.new("struct vl_config *")
        raw = self.header_struct.part(self.header, "config")
        ffi.memmove(config, raw, ffi.sizeof("struct vl_config"))
        return config

    def whole_config(self) -> SegmentConfig:
        """The configuration, with lock model and layout."""
        info = ffi.new("struct vl_seg_info *")
        info.config = self.c_config()[0]
        info.model, info.layout = self.model.encode(), self.layout.encode()
        return config_from_c(info)

    @property
    def accounts_max(self) -> int:
        return self.header_struct.at["accounts"][1] // ACCOUNT_BYTES

    def _check_config(self) -> None:
        config = self.c_config()
        fault = ffi.new("struct vl_config_fault *")
        names = (self.model.encode(), self.layout.encode())
        if lib.vl_config_check(config, *names, fault) < 0:
            raise self.damaged(
                f"the configuration says {text(fault.field)} = {fault.value}, allowed are"
                f" {fault.least} .. {fault.most}"
            )
        if self.config("size_bytes") != self.of_header("size"):
            raise self.damaged("the header has two sizes of the segment")

    def _bounded(self, what: str, value: int, most: int) -> int:
        if not 0 <= value <= most:
            raise self.damaged(f"{what} is {value}, at most {most} can be")
        return value

    def _check_pools(self) -> None:
        pages = self.regions["pages"][1] // PAGE
        frames = self.config("frames_max")
        if self.inner("pages", "page_pool", "pages_total") != pages:
            raise self.damaged(f"the page pool has another number of pages than {pages}")
        if self.regions["page descriptors"][1] < pages * self.structs["page_desc"].size:
            raise self.damaged("there are fewer page descriptors than pages")
        if self.inner("frames", "frame_pool", "frames_total") != frames:
            raise self.damaged(f"the frame pool has another number of frames than {frames}")
        self._bounded("pages in use", self.pages_populated, pages)
        self._bounded("frames in use", self.frames_populated, frames)
        self._bounded("the number of slots", self.slots_high, self.config("participants_max"))
        self._bounded("the number of files", self.of_header("file_hint"), self.config("files_max"))
        self._bounded("frames used", self.inner("frames", "frame_pool", "fresh"), frames)
        counts = self.depot_counts()
        room = -(-frames // FRAMES_CHUNK) * FRAMES_CHUNK // len(counts)
        for i, count in enumerate(counts):
            self._bounded(f"what frame depot {i} has", count, room)
        flavour = self.inner("rcu", "rcu_state", "flavour")
        if flavour not in (lib.RCU_MEMBARRIER, lib.RCU_FENCED):
            raise self.damaged(f"the RCU flavour is {flavour}")

    @property
    def pages_populated(self) -> int:
        return self.inner("pages", "page_pool", "pages_populated")

    @property
    def frames_populated(self) -> int:
        return self.inner("frames", "frame_pool", "frames_populated")

    def depot_counts(self) -> list[int]:
        """How many frames each depot has."""
        depot, at = self.structs["frame_depot"], self.header_struct.at["frame_depots"]
        raw = self.header_struct.part(self.header, "frame_depots")
        return [depot.get(raw, "count", i) for i in range(0, at[1], depot.size)]

    def depot_frames(self) -> list[list[int]]:
        """The numbers that each depot has (native/src/memory/depot.c)."""
        counts = self.depot_counts()
        first = self.regions["frames"][0]
        before = self.config("frames_max") * (self.structs["frame"].size + RECOUNT_BYTES)
        before = -(-before // PAGE) * PAGE
        parts, part = len(counts), FRAMES_CHUNK // len(counts)
        populated = -(-self.frames_populated // FRAMES_CHUNK) * FRAMES_CHUNK
        all_of = words(self.read(first + before, populated * 4, "the free frames"), 4)
        found = []
        for depot, count in enumerate(counts):
            starts = range(depot * part, populated, part * parts)
            numbers = [n for start in starts for n in all_of[start : start + part]]
            found.append(numbers[:count])
        return found

    @property
    def slots_high(self) -> int:
        return self.of_header("slots_high")

    def cache(self, index: int) -> Cache | None:
        """A cache as the header that was read last has it. Raises SegmentDamaged."""
        kind = self.structs["kmem_cache"]
        base = self.header_struct.at["caches"][0] + index * kind.size

        def get(field: str) -> int:
            return kind.get(self.header, field, base)

        if not get("alive"):
            return None
        found = Cache(
            index, kind.text(self.header, "name", base), get("slot_bytes"), get("objs_per_slab"),
            get("order"), (get("gone_allocs"), get("gone_frees"), get("gone_firsts")),
            get("partial_head"), get("freeptr"), get("barn_full"),
        )  # fmt: skip
        fits = found.order <= 3 and found.slot_bytes >= 16 and 1 <= found.objs_per_slab <= 128
        if (
            not fits
            or get("index") != index
            or get("object_bytes") > found.slot_bytes
            or found.slot_bytes * found.objs_per_slab > PAGE << found.order
            or found.freeptr * 8 > found.slot_bytes
        ):
            raise self.damaged(f"cache {index}: sizes and order do not go together")
        self._bounded(f"cache {index}: the barn", found.barn_full, BARN_MAX)
        self._bounded(f"cache {index}: the head of the list", found.partial_head,
                      self.regions["pages"][1] // PAGE)  # fmt: skip
        return found

    def _root(self, index: int) -> int:
        """The cache in whose slabs the objects of this one are. Raises SegmentDamaged."""
        kind = self.structs["kmem_cache"]
        base = self.header_struct.at["caches"][0] + index * kind.size
        shares = kind.get(self.header, "shares", base)
        if not shares:
            return index
        self._bounded(f"cache {index}: the cache that it shares slabs with", shares, CACHES)
        if self.caches[index] or not self.caches[shares - 1]:
            raise self.damaged(f"cache {index} shares slabs with cache {shares - 1}, which is none")
        return shares - 1

    def barn(self, cache: Cache) -> list[memoryview[int]]:
        """The references in each full sheaf of a cache, as the header that was read last has it."""
        kind, sheaf = self.structs["kmem_cache"], self.structs["sheaf"]
        base = self.header_struct.at["caches"][0] + cache.index * kind.size + kind.at["barn"][0]
        return [
            words(sheaf.part(self.header, "objs", base + i * sheaf.size), 4)
            for i in range(cache.barn_full)
        ]

    # --- tables ---

    def row(self, kind: str, region: str, index: int) -> bytes:
        """The bytes of one slot of a table."""
        size = self.structs[kind].size
        return self.read(self.regions[region][0] + index * size, size, f"{kind} {index}")

    def area(self, index: int) -> bytes:
        offset = self.regions["areas"][0] + index * self.area_bytes
        return self.read(offset, self.structs["participant_area"].size, f"area {index}")

    def area_part(self, index: int, field: str) -> bytes:
        at, size = self.structs["participant_area"].at[field]
        offset = self.regions["areas"][0] + index * self.area_bytes + at
        return self.read(offset, size, f"area {index}")

    def ring_part(self, index: int, first: int, size: int) -> bytes:
        """Bytes of the ring of events of a slot."""
        offset = self.regions["events"][0] + index * self.ring_bytes + first
        return self.read(offset, size, f"ring {index}")

    def mm_table(self) -> list[bytes]:
        """Every slot of the mm table."""
        size, count = self.structs["mm_struct"].size, self.config("mms_max")
        raw = self.read(self.regions["mms"][0], size * count, "the mm table")
        return [raw[i * size : (i + 1) * size] for i in range(count)]

    def mm_aside(self, index: int, field: str) -> int:
        """A field of what lies aside of a slot of the mm table."""
        kind = self.structs["mm_aside"]
        table = self.regions["mms"][0] + self.config("mms_max") * self.structs["mm_struct"].size
        return kind.get(self.read(table + index * kind.size, kind.size, "the mm table"), field)

    def file(self, number: int) -> bytes:
        """The file with that number (slot + 1). Raises SegmentDamaged if there is no such slot."""
        if not 1 <= number <= self.config("files_max"):
            raise self.damaged(f"a VMA names file {number} of {self.config('files_max')}")
        return self.row("file", "files", number - 1)

    def desc(self, page: int) -> PageDesc:
        """The descriptor of a page that is in use."""
        self._bounded("a page number", page, self.regions["pages"][1] // PAGE - 1)
        return self._desc_of(self.row("page_desc", "page descriptors", page), 0)

    @staticmethod
    def _desc_of(raw: bytes, at: int) -> PageDesc:
        kind, order, cache, on_list, owner, after, before, *rest = _DESC.unpack_from(raw, at)
        low, high, account = rest
        return PageDesc(kind, order, cache, on_list, owner, after, before, (low, high), account)

    def descs(self) -> Iterator[PageDesc]:
        """The descriptors of all pages in use, in order."""
        size, first = self.structs["page_desc"].size, self.regions["page descriptors"][0]
        left = self.pages_populated
        while left > 0:
            count = min(left, 4096)
            raw = self.read(first, count * size, "the page descriptors")
            for i in range(count):
                yield self._desc_of(raw, i * size)
            first, left = first + count * size, left - count

    def page(self, index: int, pages: int = 1) -> bytes:
        self._bounded("a page number", index, self.regions["pages"][1] // PAGE - pages)
        return self.read(self.regions["pages"][0] + index * PAGE, pages * PAGE, f"page {index}")

    # --- objects of slabs ---

    def place(self, cache: int, offset: int) -> tuple[int, int, int] | None:
        """Head page, number, and offset of the object in whose bytes an offset lies; or None."""
        cache = self.roots[cache] if cache < CACHES else cache
        found = self.caches[cache] if cache < CACHES else None
        page = (offset - self.regions["pages"][0]) // PAGE
        if found is None or not 0 <= page < self.regions["pages"][1] // PAGE:
            return None
        desc = self.desc(page)
        if desc.kind == TAIL:
            page = desc.owner
            if page >= self.regions["pages"][1] // PAGE:
                return None
            desc = self.desc(page)
        if desc.kind != SLAB or desc.cache != cache:
            return None
        start = self.regions["pages"][0] + page * PAGE
        index = (offset - start) // found.slot_bytes
        if not 0 <= index < found.objs_per_slab:
            return None
        return page, index, start + index * found.slot_bytes

    def object_of(self, cache: int, ref: int, what: str) -> int:
        """The offset of the object that a reference names. Raises SegmentDamaged."""
        offset = ref << REF_SHIFT
        at = self.place(cache, offset)
        if at is not None and at[2] != offset:
            at = self.place(cache, offset + 8)  # packed caches: rounded down
            if at is not None and at[2] != offset + 8:
                at = None
        if at is None:
            raise self.damaged(f"{what}: reference {ref:#x} is no object of cache {cache}")
        return at[2]

    def owns(self, cache: int, ref: int) -> bool:
        try:
            self.object_of(cache, ref, "")
        except SegmentDamaged:
            return False
        return True

    # --- who lives ---

    def lives(self, index: int) -> bool:
        """Whether the kernel has the lock of that participant (`life.c`)."""
        ask = struct.pack(_FLOCK, fcntl.F_WRLCK, os.SEEK_SET, LIFE_BYTE + index, 1, 0)
        answer = fcntl.fcntl(self.fd, fcntl.F_OFD_GETLK, ask)
        return bool(struct.unpack(_FLOCK, answer)[0] != fcntl.F_UNLCK)

    def anybody_lives(self) -> bool:
        ask = struct.pack(_FLOCK, fcntl.F_WRLCK, os.SEEK_SET, LIFE_BYTE, 1 << 20, 0)
        answer = fcntl.fcntl(self.fd, fcntl.F_OFD_GETLK, ask)
        return bool(struct.unpack(_FLOCK, answer)[0] != fcntl.F_UNLCK)
