# SPDX-License-Identifier: Apache-2.0
"""What each lock model needs, counted in the sources: lines, functions, allocations that can fail.

A model is its header and the files that only some models have: what it includes beside the struct
of the mm, and vma_refcnt.c. The rest of the core is the same for all of them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from vmalab_native.cores import lock_models
from vmalab_native.errors import CoreMissing
from vmalab_native.places import SOURCES
from vmalab_native.texts import lines_of

_COMMENT: Final = re.compile(r"/\*.*?\*/", re.DOTALL)
_LAB: Final = re.compile(r"\b(STEP|GHOST|MUTATE|INTACT|MUTANT|VARIANT|LAB)\b")
_INCLUDED: Final = re.compile(r'^#include "vmalab/(vma_\w+\.h)"', re.MULTILINE)
_FUNCTION: Final = re.compile(r"^(?:static inline )?[\w *]*?\b(\w+)\([^;{]*\)\n\{", re.MULTILINE)
_LETTER: Final = re.compile(r"^ \*   (VMA-\d+)  ", re.MULTILINE)
_SOURCE_OF: Final = {"refcount": ("src/mm/vma_refcnt.c",)}


@dataclass(frozen=True, slots=True)
class Needs:
    """One lock model."""

    model: str
    files: tuple[str, ...]
    lines: int
    """Of code: no blank ones, no comments, nothing that is the lab's alone."""
    functions: int
    orderings: tuple[str, ...]
    """Letters of the orderings that its files explain."""
    locked_words: str
    """What a reader and a writer meet at."""
    caches: int
    """Slab caches that a VMA takes an object from."""
    failures: int
    """Allocations of a VMA with its lock that can fail."""
    deferred: bool
    """VMAs are freed after a grace period."""
    typesafe: bool


def _flag(text: str, name: str) -> bool:
    found = re.search(rf"^#define {name}\s+(\d)", text, re.MULTILINE)
    return found is not None and found[1] == "1"


def _files(model: str) -> list[str]:
    own = f"include/vmalab/model_{model.replace('-', '_')}.h"
    text = (SOURCES / own).read_text(encoding="utf-8")
    shared = [f"include/vmalab/{name}" for name in _INCLUDED.findall(text)]
    return [own, *shared, *_SOURCE_OF.get(model, ())]


def of_model(model: str) -> Needs:
    """Counts.

    Raises:
        CoreMissing: this installation has no sources.
    """
    if not (SOURCES / "Makefile").exists():
        raise CoreMissing(f"{model}: this installation has no sources to count")
    files = _files(model)
    whole = "\n".join((SOURCES / name).read_text(encoding="utf-8") for name in files)
    code = _COMMENT.sub("", whole)
    lines = [line for line in lines_of(code) if line.strip() and not _LAB.search(line)]
    alloc = code.partition("vma_lock_alloc(")[2].partition("\n}\n")[0]
    separate = _flag(whole, "VMA_LOCK_SEPARATE")
    words = {"mmap-lock": "mmap_lock", "refcount": "vm_refcnt, 4 bytes"}
    return Needs(
        model=model,
        files=tuple(files),
        lines=len(lines),
        functions=len(_FUNCTION.findall(code)),
        orderings=tuple(sorted(set(_LETTER.findall(whole)))),
        locked_words=words.get(model, "vm_lock, 40 bytes"),
        caches=1 + separate,
        failures=1 + alloc.count("return false"),
        deferred=_flag(whole, "VMA_FREE_DEFERRED"),
        typesafe=_flag(whole, "VMA_TYPESAFE"),
    )


def all_models() -> list[Needs]:
    """Every lock model, in the order of their generations."""
    return [of_model(model) for model in lock_models()]
