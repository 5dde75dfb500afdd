# SPDX-License-Identifier: Apache-2.0
"""Checks of arguments before they reach C, where a number too large would be cut without a word."""

import re
import sys
from collections.abc import Sequence
from pathlib import Path

from vmalab_native.errors import InvalidArgument

U32_MAX = (1 << 32) - 1
U64_MAX = (1 << 64) - 1
COMM_BYTES_MAX = 15
INSTANCE = re.compile(r"[a-z0-9_-]{1,32}")
SHM_DIRECTORY = Path("/dev/shm")
SHM_PREFIX = "vmalab."


def bounded(name: str, value: int, low: int, high: int) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
        raise InvalidArgument(f"{name} = {value!r}, allowed are {low} .. {high}")
    return value


def power_of_two(name: str, value: int, high: int) -> None:
    bounded(name, value, 0, high)
    if value & (value - 1):
        raise InvalidArgument(f"{name} = {value}, allowed are 0 and powers of two up to {high}")


def one_of(name: str, value: str, allowed: Sequence[str]) -> None:
    if value not in allowed:
        raise InvalidArgument(f"{name} = {value!r}, allowed are {', '.join(allowed)}")


def u32(name: str, value: int) -> int:
    return bounded(name, value, 0, U32_MAX)


def u64(name: str, value: int) -> int:
    return bounded(name, value, 0, U64_MAX)


def shm_name(instance: str) -> str:
    """The POSIX name of an instance's segment; its file is /dev/shm/vmalab.<instance>."""
    if not isinstance(instance, str) or INSTANCE.fullmatch(instance) is None:
        raise InvalidArgument(f"instance name {instance!r}, allowed are 1 to 32 of a-z 0-9 _ -")
    return "/" + SHM_PREFIX + instance


def instances() -> list[str]:
    """Names of the instances that have a file in /dev/shm, running or not, sorted."""
    names = (path.name.removeprefix(SHM_PREFIX) for path in SHM_DIRECTORY.glob(SHM_PREFIX + "*"))
    return sorted(name for name in names if INSTANCE.fullmatch(name))


def comm_bytes(comm: str) -> bytes:
    """What listings show for a participant: comm, or the program's file name; at most 15 bytes."""
    if comm:
        raw = comm.encode("utf-8")
        if len(raw) > COMM_BYTES_MAX or b"\0" in raw:
            raise InvalidArgument(f"comm = {comm!r}, allowed are at most 15 bytes, none of them 0")
        return raw
    program = Path(sys.argv[0]).name if sys.argv and sys.argv[0] else "python"
    return program.encode("ascii", "replace").replace(b"\0", b"?")[:COMM_BYTES_MAX] or b"python"
