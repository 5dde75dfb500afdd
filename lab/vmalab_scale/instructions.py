# SPDX-License-Identifier: Apache-2.0
"""How many instructions each basic block of a virtual core has.

The compiler puts a call of the runtime at the begin of each basic block. The core's text is
disassembled, and for each such call the instructions up to the next one are counted that would be
there without instrumentation: not the calls of the runtime, and not what sets up their operands.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import Final

from vmalab_native.errors import CoreMissing

_LINE: Final = re.compile(r"^\s*([0-9a-f]+):\s+(\S+)\s*(.*)$")
_RUNTIME: Final = re.compile(r"<(__sanitizer_cov_|__tsan_)")
_BLOCK: Final = "<__sanitizer_cov_trace_pc"
_OPERAND: Final = re.compile(r"%(?:r|e)?(?:di|si|dx|cx)\w?$|\bx[0-4]\b|\bw[0-4]\b")
_SET_UP: Final = ("mov", "lea", "xor", "add")
_MOST: Final = 255


def counted(listing: str) -> bytes:
    """The table of a disassembled core: at each return of a block's call the count.

    Args:
        listing: what `objdump -d --no-show-raw-insn` prints.
    """
    table: dict[int, int] = {}
    block = -1
    count = 0
    recent: list[bool] = []  # of the instructions since the last call: sets up an operand?
    expects = False
    for line in listing.split("\n"):
        found = _LINE.match(line)
        if not found:
            if line.endswith(">:"):
                block, count, recent = _closed(table, block, count), 0, []
            continue
        at, name, operands = int(found[1], 16), found[2], found[3]
        if expects:
            block, expects = at, False
        if name.startswith(("call", "bl")) and _RUNTIME.search(operands):
            # What set its operands up goes with it.
            while recent and recent.pop():
                count -= 1
            if _BLOCK in operands:
                block, count = _closed(table, block, count), 0
                expects = True
            recent = []
            continue
        count += 1
        sets_up = name.startswith(_SET_UP) and bool(_OPERAND.search(operands))
        recent = [*recent, True] if sets_up else []
    _closed(table, block, count)
    out = bytearray(max(table, default=0) + 1)
    for at, n in table.items():
        out[at] = min(max(n, 1), _MOST)
    return bytes(out)


def _closed(table: dict[int, int], block: int, count: int) -> int:
    if block >= 0:
        table[block] = count
    return -1


def of_core(core: Path) -> bytes:
    """The table of a core's shared object; kept beside it until it is built again.

    Raises:
        CoreMissing: objdump is not there.
    """
    kept = core.with_suffix(".blocks")
    if kept.exists() and kept.stat().st_mtime_ns > core.stat().st_mtime_ns:
        return kept.read_bytes()
    tool = shutil.which("objdump")
    if not tool:
        raise CoreMissing(f"{core.name}: objdump (binutils) not found, which counts instructions")
    done = subprocess.run(
        [tool, "-d", "--no-show-raw-insn", str(core)], capture_output=True, text=True, check=True
    )
    table = counted(done.stdout)
    new = kept.with_suffix(f".blocks-{id(table):x}")
    new.write_bytes(table)
    new.replace(kept)
    return table
