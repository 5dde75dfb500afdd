# SPDX-License-Identifier: Apache-2.0
"""Memory calls that are a name and numbers: how strace writes each, and its record in a block."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from vmalab_client.block import BlockBuilder
from vmalab_native import flags

Form = tuple[Mapping[str, int] | None, ...]
"""For each operand the names of its bits; None: a number."""

FORMS: Final[Mapping[str, Form]] = {
    "mlock": (None, None),
    "mlock2": (None, None, flags.MLOCK),
    "munlock": (None, None),
    "mlockall": (flags.MCL,),
    "munlockall": (),
    "msync": (None, None, flags.MS),
    "mseal": (None, None, None),
    "remap_file_pages": (None, None, flags.PROT, None, flags.MAP),
    "pkey_mprotect": (None, None, flags.PROT, None),
    "pkey_alloc": (None, flags.PKEY),
    "pkey_free": (None,),
    "setrlimit": (flags.RLIMIT, None, None),
    "prctl(PR_SET_THP_DISABLE)": (None, None),
    "prctl(PR_SET_MDWE)": (flags.MDWE,),
}
RANGED: Final = frozenset(FORMS) - {
    *("mlockall", "munlockall", "setrlimit", "prctl(PR_SET_THP_DISABLE)"),
    "prctl(PR_SET_MDWE)",
    *("pkey_alloc", "pkey_free"),
}
"""Those whose first two operands are an address and a length."""
U64_MASK: Final = (1 << 64) - 1

_LIMIT = re.compile(r"^\{rlim_cur=([^,}]+), rlim_max=([^,}]+)\}$")


def limit_pair(text: str) -> tuple[int, int] | None:
    """`{rlim_cur=8192*1024, rlim_max=RLIM64_INFINITY}` as numbers; None: no such text."""
    match = _LIMIT.match(text)
    if not match:
        return None
    return _limit(match.group(1)), _limit(match.group(2))


def _limit(text: str) -> int:
    if text.endswith("_INFINITY"):
        return U64_MASK
    value = 1
    for factor in text.split("*"):
        value *= int(factor, 0)
    return value


def add(block: BlockBuilder, mm: int, name: str, numbers: tuple[int, ...]) -> None:
    """One record; ValueError: there is no such call."""
    match name:
        case "mlock" | "mlock2":
            block.mlock(mm, numbers[0], numbers[1], flags=sum(numbers[2:]))
        case "munlock":
            block.munlock(mm, *numbers)
        case "mlockall":
            block.mlockall(mm, *numbers)
        case "munlockall":
            block.munlockall(mm)
        case "msync":
            block.msync(mm, *numbers)
        case "mseal":
            block.mseal(mm, numbers[0], numbers[1], flags=numbers[2])
        case "remap_file_pages":
            addr, size, prot, pgoff, how = numbers
            block.remap_file_pages(mm, addr, size, prot=prot, pgoff=pgoff, flags=how)
        case "pkey_mprotect":
            block.pkey_mprotect(mm, *numbers)
        case "pkey_alloc":
            block.pkey_alloc(mm, flags=numbers[0], rights=numbers[1])
        case "pkey_free":
            block.pkey_free(mm, *numbers)
        case "setrlimit":
            block.setrlimit(mm, *numbers)
        case "prctl(PR_SET_THP_DISABLE)":
            block.thp_disable(mm, numbers[0], flags=numbers[1])
        case "prctl(PR_SET_MDWE)":
            block.mdwe(mm, *numbers)
        case _:
            raise ValueError(f"{name} is no call of {sorted(FORMS)}")
