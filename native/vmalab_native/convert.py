# SPDX-License-Identifier: Apache-2.0
"""Between C and Python: strings, records, listings of unknown length. Used by core.py alone."""

import dataclasses
from typing import Any

from vmalab_native._core import ffi
from vmalab_native.errors import NativeError, error_of

Block = bytes | bytearray | memoryview
_GROW_TRIES = 16  # a listing that still outgrows its buffer after so many tries is given up


def text(chars: Any) -> str:
    return str(ffi.string(chars).decode("utf-8", "replace"))


def record(kind: type[Any], row: Any, **overrides: Any) -> Any:
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


def listing(kind: str, what: str, getter: Any, *args: Any, start: int = 64) -> tuple[Any, int]:
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


def records(kind: type[Any], c_type: str, what: str, getter: Any, handle: Any) -> list[Any]:
    buffer, count = listing(c_type + "[]", what, getter, handle)
    return [record(kind, buffer[i]) for i in range(count)]


def text_of(what: str, getter: Any, *args: Any) -> str:
    buffer, count = listing("char[]", what, getter, *args, start=16384)
    return bytes(ffi.buffer(buffer, count)).decode("utf-8", "replace")


def aligned(block: Block) -> Any:
    """The block as C wants it: in place if it lies on 8 bytes, as a slice may not; else a copy."""
    data = ffi.from_buffer(block)
    return data if int(ffi.cast("uintptr_t", data)) % 8 == 0 else bytes(ffi.buffer(data))
