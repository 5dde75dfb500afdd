# SPDX-License-Identifier: Apache-2.0
"""Between C and Python: strings, records, listings of unknown length."""

import dataclasses
import weakref
from typing import TYPE_CHECKING, SupportsBytes, TypeVar

from vmalab.ops import RESULT_BYTES
from vmalab_native._core import ffi, lib
from vmalab_native.cdata import CArray, CStruct, Getter, ParticipantHandle, SegmentHandle
from vmalab_native.checks import bounded, u64
from vmalab_native.errors import NativeError, error_of
from vmalab_native.records import MmSetup

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

_Record = TypeVar("_Record", bound="DataclassInstance")
Block = bytes | bytearray | memoryview | SupportsBytes
"""A BlockBuilder of the client is a SupportsBytes."""
_TEXTS: weakref.WeakKeyDictionary[CStruct, CArray] = weakref.WeakKeyDictionary()
_GROW_TRIES = 16  # a listing that still outgrows its buffer after so many tries is given up


def text(chars: CArray) -> str:
    return str(ffi.string(chars).decode("utf-8", "replace"))


def record(kind: type[_Record], row: CStruct, **overrides: object) -> _Record:
    """A dataclass from a C struct whose fields have the same names; char arrays become text."""
    values = {}
    for field in dataclasses.fields(kind):
        value = overrides[field.name] if field.name in overrides else getattr(row, field.name)
        values[field.name] = text(value) if isinstance(value, ffi.CData) else value
    return kind(**values)


def checked(code: int, detail: str) -> int:
    if code < 0:
        raise error_of(code, detail, errno=ffi.errno)
    return code


def listing(
    kind: str, what: str, getter: Getter, *args: object, start: int = 64
) -> tuple[CArray, int]:
    """Calls getter(*args, buffer, cap) with larger buffers until all fits: the buffer, entries.

    The caller keeps the buffer while it looks at a part of it: a slice does not keep it alive.
    """
    cap = start
    for _ in range(_GROW_TRIES):
        buffer = ffi.new(kind, cap)
        count = checked(getter(*args, buffer, cap), what)
        if count <= cap:
            return buffer, count
        cap = count + count // 4 + 16
    raise NativeError(f"{what} kept growing while it was read")


def records(
    kind: type[_Record],
    c_type: str,
    what: str,
    getter: Getter,
    handle: SegmentHandle | ParticipantHandle,
) -> list[_Record]:
    buffer, count = listing(c_type + "[]", what, getter, handle)
    return [record(kind, buffer[i]) for i in range(count)]


def text_of(what: str, getter: Getter, *args: object) -> str:
    buffer, count = listing("char[]", what, getter, *args, start=16384)
    return bytes(ffi.buffer(buffer, count)).decode("utf-8", "replace")


def aligned(block: Block) -> CArray | bytes:
    """The block as C wants it: in place if it lies on 8 bytes, as a slice may not; else a copy."""
    if not isinstance(block, bytes | bytearray | memoryview):
        if not hasattr(block, "__bytes__"):
            raise TypeError(
                f"a block is bytes, or a BlockBuilder; this is a {type(block).__name__}"
            )
        block = bytes(block)
    data = ffi.from_buffer(block)
    return data if int(ffi.cast("uintptr_t", data)) % 8 == 0 else bytes(ffi.buffer(data))


def failed_records(results: memoryview) -> list[int]:
    """Which of a block's results are not plain success (status 0), in ascending order.

    Args:
        results: of Participant.run_view.
    """
    data = ffi.from_buffer(results)
    count = len(data) // RESULT_BYTES
    found: int = lib.vl_results_failed(data, count, ffi.NULL, 0)
    if not found:
        return []
    places = ffi.new("u32[]", found)
    lib.vl_results_failed(data, count, places, found)
    return list(places)


def made_mms(block: Block, results: memoryview) -> list[int]:
    """The address spaces that a block has made.

    Args:
        results: of Participant.run_view for this block.
    """
    data = aligned(block)
    answers = ffi.from_buffer(results)
    count = len(answers) // RESULT_BYTES
    found: int = lib.vl_results_made(data, len(data), answers, count, ffi.NULL, 0)
    ids = ffi.new("u64[]", found)
    lib.vl_results_made(data, len(data), answers, count, ids, found)
    return list(ids)


def mm_options(maps: str, setup: MmSetup) -> CStruct:
    """A struct vl_mm_options with the first mappings, limits and capabilities; the text lives as
    long as it does."""
    raw = maps.encode("utf-8")
    options = ffi.new("struct vl_mm_options *")
    if raw:
        options.maps = _TEXTS[options] = ffi.from_buffer("char[]", raw)
    options.maps_bytes = len(raw)
    limits = {
        9: ("as_limit", setup.as_limit_bytes),
        2: ("data_limit", setup.data_limit_bytes),
        8: ("memlock_limit", setup.memlock_limit_bytes),
    }
    for resource, (name, limit) in limits.items():
        if limit is not None:
            setattr(options, name, u64(name, limit))
            options.limits |= 1 << resource
    for present, lack in (
        (setup.cap_ipc_lock, lib.VL_LACKS_IPC_LOCK),
        (setup.cap_sys_rawio, lib.VL_LACKS_SYS_RAWIO),
        (setup.cap_sys_admin, lib.VL_LACKS_SYS_ADMIN),
        (setup.anon_names, lib.VL_LACKS_ANON_NAMES),
    ):
        if not present:
            options.lacks |= lack
    if setup.protection_keys is not None:
        options.pkeys = 1 + setup.protection_keys
    if setup.overcommit is not None:
        options.overcommit = 1 + bounded("overcommit", setup.overcommit, 0, 2)
    options.commit_limit_pages = u64("commit_limit_pages", setup.commit_limit_pages)
    return options
