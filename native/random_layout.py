# SPDX-License-Identifier: Apache-2.0
"""Writes VMA_RANDOM_BODY: the fields of vm_area_struct shuffled by a seed, as a kernel shuffles the
members of a __randomize_layout struct.

Without another word as RANDSTRUCT_PERFORMANCE: inside groups of one cache line, never across them.
The groups are those of the packed layout. With `whole` as RANDSTRUCT_FULL: all fields in one group.
The lock is a member among the others then, and keeps the alignment to a cache line that its
declaration has; what comes after it is on its line.

Words of 4 bytes, and the two of 2 bytes that stand in one macro, are shuffled among themselves and
come in pairs. So no shuffle inside the groups makes the struct larger than another; of the whole
struct the hole before the lock does.

usage: random_layout.py SEED [whole] > HEADER
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


def is_small(name: str, text: str) -> bool:
    """It is of 4 bytes."""
    return bool(re.search(rf"^#define {name}\s+(u32|F_vm_file|vl_ref)\b", text, re.M))


def _half_of_pair(names: list[str], text: str) -> bool:
    return sum(is_small(name, text) for name in names) % 2 == 1


def shuffled(names: list[str], text: str, rng: random.Random) -> list[str]:
    """Fields of 8 bytes and pairs of fields of 4, in any order."""
    small = [n for n in names if is_small(n, text)]
    units = [[n] for n in names if n not in small]
    rng.shuffle(small)
    units += [small[i : i + 2] for i in range(0, len(small), 2)]
    rng.shuffle(units)
    return [name for unit in units for name in unit]


def whole_body(seed: int) -> str:
    text = HEADER.read_text(encoding="ascii")
    rng = random.Random(seed)
    names = [n for group in GROUPS for part in group for n in fields(text, part)]
    names = shuffled(names, text, rng)
    # Never between the two of a pair.
    starts = [i for i in range(len(names) + 1) if not _half_of_pair(names[:i], text)]
    names.insert(rng.choice(starts), "char line1[0] __cacheline_aligned; VMA_LOCK_FIELD")
    return "#define VMA_RANDOM_BODY \\\n\t" + " \\\n\t".join(names) + "\n"


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
    if not sys.argv[1:] or not sys.argv[1].isdigit() or sys.argv[2:] not in ([], ["whole"]):
        raise SystemExit((__doc__ or "").splitlines()[-1])
    print(f"/* made by random_layout.py {' '.join(sys.argv[1:])} */")
    print((whole_body if sys.argv[2:] else body)(int(sys.argv[1])), end="")
