# SPDX-License-Identifier: Apache-2.0
"""Writes VMA_RANDOM_BODY: the fields of vm_area_struct shuffled by a seed, as a kernel built with
RANDSTRUCT_PERFORMANCE shuffles the members of a __randomize_layout struct: inside groups of one
cache line, never across them.

The groups are those of the packed layout. Words of 4 bytes, and the two of 2 bytes that stand in
one macro, are shuffled among themselves and come in pairs, so that no shuffle makes the struct
larger than another.

usage: random_layout.py SEED > HEADER
"""

import random
import re
import sys
from pathlib import Path

HEADER = Path(__file__).resolve().parent / "include" / "vmalab" / "vma_layout.h"
GROUPS = (("VMA_HOT_FIRST", "VMA_HOT_REST"), ("VMA_COLD", "VMA_RARE_COLD"), ("VMA_RARE_LOCK",))


def fields(text: str, name: str) -> list[str]:
    """The F_ names of one group macro, in order."""
    found = re.search(rf"^#define {name}\b((?:.*\\\n)*.*)$", text, re.M)
    if not found:
        raise SystemExit(f"{HEADER}: there is no {name}")
    return re.findall(r"\bF_\w+", found[1])


def shuffled(names: list[str], text: str, rng: random.Random) -> list[str]:
    """Fields of 8 bytes and pairs of fields of 4, in any order."""
    small = [n for n in names if re.search(rf"^#define {n}\s+(u32|u16|vl_ref)\b", text, re.M)]
    units = [[n] for n in names if n not in small]
    rng.shuffle(small)
    units += [small[i : i + 2] for i in range(0, len(small), 2)]
    rng.shuffle(units)
    return [name for unit in units for name in unit]


def body(seed: int) -> str:
    text = HEADER.read_text(encoding="ascii")
    rng = random.Random(seed)
    lines = []
    for group in GROUPS:
        names = shuffled([n for part in group for n in fields(text, part)], text, rng)
        if group == GROUPS[-1]:
            names.insert(rng.randrange(len(names) + 1), "VMA_LOCK_FIELD")
        lines.append(" ".join(names))
    return "#define VMA_RANDOM_BODY \\\n\t" + " \\\n\t".join(lines) + "\n"


if __name__ == "__main__":
    if len(sys.argv) != 2 or not sys.argv[1].isdigit():
        raise SystemExit((__doc__ or "").splitlines()[-1])
    print(f"/* made by random_layout.py, seed {sys.argv[1]} */")
    print(body(int(sys.argv[1])), end="")
