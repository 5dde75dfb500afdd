# SPDX-License-Identifier: Apache-2.0
"""Symbolic constants of the memory calls as strace prints them: from text to numbers and back.

The names and their numbers are those of vmalab.uapi.
"""

from __future__ import annotations

import errno as _errno
import re
from collections.abc import Mapping
from typing import Final

from vmalab.uapi import CLONE as CLONE
from vmalab.uapi import FALLOC as FALLOC
from vmalab.uapi import MADV as MADV
from vmalab.uapi import MAP as MAP
from vmalab.uapi import MAP_FIELD
from vmalab.uapi import MCL as MCL
from vmalab.uapi import MDWE as MDWE
from vmalab.uapi import MLOCK as MLOCK
from vmalab.uapi import MREMAP as MREMAP
from vmalab.uapi import MS as MS
from vmalab.uapi import PKEY as PKEY
from vmalab.uapi import PROT as PROT
from vmalab.uapi import RLIMIT as RLIMIT
from vmalab.uapi import SEAL as SEAL
from vmalab.uapi import SHM as SHM

CLONE_VM: Final = CLONE["CLONE_VM"]
CLONE_VFORK: Final = CLONE["CLONE_VFORK"]
CLONE_THREAD: Final = CLONE["CLONE_THREAD"]
MAP_SHARED: Final = MAP["MAP_SHARED"]
MAP_FIXED: Final = MAP["MAP_FIXED"]
MAP_FIXED_NOREPLACE: Final = MAP["MAP_FIXED_NOREPLACE"]
MAP_ANONYMOUS: Final = MAP["MAP_ANONYMOUS"]

MARKER_ADVICE: Final = 0xDEAD
"""The advice of the call that marks a snapshot in a trace."""

_COMMENT = re.compile(r"/\*.*?\*/")
_SHIFTED = re.compile(r"^(\d+|0x[0-9a-f]+)<<MAP_HUGE_SHIFT$")


class FlagError(ValueError):
    """A flag word that is neither a known name nor a number."""


def parse_flags(text: str, names: Mapping[str, int], *, strict: bool = True) -> int:
    """Turn `A|B|0x40 /* X_??? */` into its number.

    With `strict` off, names that are not in `names` are taken as 0: right only for a word of which
    a few bits matter, such as the flags of clone.

    Raises:
        FlagError: an unknown name while `strict`.
    """
    value = 0
    for part in _COMMENT.sub("", text).split("|"):
        word = part.strip()
        if not word or word == "NULL":
            continue
        if word in names:
            value |= names[word]
            continue
        shifted = _SHIFTED.match(word)
        if shifted:
            value |= int(shifted.group(1), 0) << MAP_FIELD["MAP_HUGE_SHIFT"]
            continue
        try:
            value |= int(word, 0)
        except ValueError:
            if strict:
                raise FlagError(f"unknown flag {word!r} in {text!r}") from None
    return value


def render_flags(value: int, names: Mapping[str, int], *, unknown: str, zero: str = "0") -> str:
    """The inverse of parse_flags for words made of bits, in strace's manner."""
    if value == 0:
        return zero
    parts: list[str] = []
    rest = value
    for name, bit in names.items():
        if bit and bit & (bit - 1) == 0 and rest & bit:
            parts.append(name)
            rest &= ~bit
    if rest:
        parts.append(f"{rest:#x}" + (f" /* {unknown} */" if not parts else ""))
    return "|".join(parts)


def render_choice(value: int, names: Mapping[str, int], *, unknown: str) -> str:
    """The inverse of parse_flags for words that are one of a list."""
    for name, number in names.items():
        if number == value:
            return name
    return f"{value:#x} /* {unknown} */"


def errno_number(name: str) -> int:
    """The number of `ENOMEM`; 0 for a name this machine does not know."""
    return int(getattr(_errno, name, 0))


def errno_name(number: int) -> str:
    """The name of an errno, or its number as text."""
    return _errno.errorcode.get(number, str(number))
