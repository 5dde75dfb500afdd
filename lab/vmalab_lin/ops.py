# SPDX-License-Identifier: Apache-2.0
"""Operations of a history as numpy records, as text, and as a file."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from vmalab_drive.errors import UsageError
from vmalab_native import history
from vmalab_native.errors import InvalidArgument
from vmalab_native.history import Answer, Kind, Shape

Ops = npt.NDArray[np.void]
"""Rows of OP."""
OneOp = np.void
"""A row of OP."""
Numbers = npt.NDArray[np.int64]
OP: Final = np.dtype(
    {
        "names": [name for name, _, _ in history.OP_FIELDS if name != "pad"],
        "formats": [f"<u{size}" for name, _, size in history.OP_FIELDS if name != "pad"],
        "offsets": [offset for name, offset, _ in history.OP_FIELDS if name != "pad"],
        "itemsize": history.OP_BYTES,
    }
)
"""One operation, as the core's checker reads it."""
WORD_BITS_COUNT: Final = 40
"""Of a word: its number among those of its process; above are the number of the process + 1."""
_NUMBERS: Final = tuple(
    name for name, _, _ in history.OP_FIELDS if name not in ("pad", "kind", "answer")
)
_FORMAT: Final = 1
_LATER: Final = ("key", "pkru")
"""Fields that older histories do not have: 0 there."""
_PROT: Final = ("none", "r", "w", "rw", "x", "rx", "wx", "rwx")
_RIGHTS: Final = ("all", "no access", "no writes", "nothing")


class HistoryError(UsageError):
    """A file that is no history."""


@dataclass(frozen=True, slots=True)
class History:
    """Operations on one family of address spaces, and where they come from."""

    shape: Shape
    ops: Ops
    about: Mapping[str, Any] = field(default_factory=dict)

    def check(self) -> history.Verdict:
        return history.check(self.ops.tobytes(), self.shape)


def joined(parts: Sequence[Ops]) -> Ops:
    """One after the other. (numpy.concatenate would drop the padding of a record.)"""
    whole = np.zeros(sum(map(len, parts)), OP)
    at = 0
    for part in parts:
        whole[at : at + len(part)] = part
        at += len(part)
    return whole


def writer(word: int) -> tuple[int, int]:
    """(process, how manieth word of it) that a word was made of."""
    return (word >> WORD_BITS_COUNT) - 1, word & (1 << WORD_BITS_COUNT) - 1


def word_text(word: int) -> str:
    """A word for people: who stored it, and the how manieth of its words it is."""
    if word == 0:
        return "0"
    process, number = writer(word)
    return f"p{process}#{number}" if process >= 0 else f"0x{word:x}"


def pkru_of(packed: int) -> int | None:
    """What a touch has in PKRU, of the field `pkru` (lin.h); None: it says nothing."""
    return (packed - 1 & 3) << 2 * (packed - 1 >> 2) if packed else None


def _pkru_text(op: OneOp) -> str:
    packed = int(op["pkru"])
    if not packed:
        return ""
    key, rights = packed - 1 >> 2, packed - 1 & 3
    return f" (key {key}: {_RIGHTS[rights]})" if rights else " (all keys)"


def _pages(op: OneOp) -> str:
    first, last = int(op["first"]), int(op["last"])
    return f"page {first}" if first == last else f"pages {first}-{last}"


def op_text(op: OneOp) -> str:
    """What the operation was asked to do."""
    kind, mm, pages = Kind(int(op["kind"])), f"mm {op['mm']}", _pages(op)
    prot, sharing = _PROT[int(op["prot"])], "shared" if op["shared"] else "private"
    match kind:
        case Kind.READ:
            text = f"read {pages}{_pkru_text(op)}"
        case Kind.WRITE:
            text = f"write {pages} {word_text(int(op['word']))}{_pkru_text(op)}"
        case Kind.MAP:
            text = f"mmap {pages} {sharing} {prot}"
        case Kind.MAP_NEW:
            text = f"mmap-noreplace {pages} {sharing} {prot}"
        case Kind.PROTECT:
            text = f"mprotect {pages} {prot}"
        case Kind.PKEY_PROTECT:
            text = f"pkey_mprotect {pages} {prot} key {op['key']}"
        case Kind.PKEY_ALLOC:
            text = "pkey_alloc"
        case Kind.PKEY_FREE:
            text = f"pkey_free {op['key']}"
        case Kind.POPULATE:
            text = f"populate {pages} {prot}"
        case Kind.FORK:
            text = f"fork -> mm {op['other']}"
        case Kind.EXIT:
            text = "exit"
        case Kind.MDWE:
            text = "mdwe"
        case Kind.MOVE:
            text = f"mremap {pages} -> page {op['to']}"
        case Kind.UFFD:
            text = f"uffd-move {pages} -> page {op['to']}"
        case Kind.UNMAP:
            text = f"munmap {pages}"
        case _:
            text = f"{kind.name.lower()} {pages}"
    return f"{mm} {text}"


def answer_text(op: OneOp) -> str:
    """What came back."""
    answer = Answer(int(op["answer"]))
    if answer is Answer.OK and op["kind"] == Kind.READ:
        return word_text(int(op["word"]))
    if answer is Answer.PKERR:
        return f"pkerr by key {op['key']}"
    if answer is Answer.OK and op["kind"] == Kind.PKEY_ALLOC:
        return f"key {op['key']}"
    if answer is Answer.STRANGE:
        return f"status {int(op['word'].astype(np.int64))}"
    return answer.name.lower().replace("_", " ")


def page_text(page: int, shared: tuple[int, ...]) -> str:
    """A page of a state."""
    if not page & history.PRESENT:
        return "no mm"
    if not page & history.MAPPED:
        return "not mapped"
    rights = (history.MAY_READ, history.MAY_WRITE, history.MAY_EXEC)
    prot = _PROT[sum(bool(page & right) << bit for bit, right in enumerate(rights))]
    word = page & history.WORD_MASK
    key = page >> history.KEY_SHIFT & history.KEY_MASK
    prot += f" key {key}" if key else ""
    if page & history.SHARED:
        return f"shared {prot} {word_text(shared[word])} (shared page {word})"
    return f"private {prot} {word_text(word)}"


def state_text(state: history.State, shape: Shape, cell: int) -> list[str]:
    """One line for each address space that is there."""
    lines = []
    for mm in range(shape.mms):
        pages = state.pages[mm * shape.cell_pages : (mm + 1) * shape.cell_pages]
        if not pages or not pages[0] & history.PRESENT:
            continue
        told = [
            f"page {cell * shape.cell_pages + index}: {page_text(page, state.shared)}"
            for index, page in enumerate(pages)
        ]
        keys = state.keys[mm] & ~1 if mm < len(state.keys) else 0
        if keys:
            told.append("keys " + " ".join(str(key) for key in range(16) if keys >> key & 1))
        lines.append(f"mm {mm}  " + ", ".join(told))
    return lines


def save(path: Path, found: History) -> None:
    """Write a history: JSON, one operation on a line."""
    shape = found.shape
    head = {
        "vmalab_history": _FORMAT,
        "about": dict(found.about),
        "shape": {
            "mms": shape.mms,
            "pages": shape.pages,
            "cell_pages": shape.cell_pages,
            "configs_max": shape.configs_max,
            "only": shape.only,
        },
    }
    rows = []
    for op in found.ops:
        row: dict[str, int | str] = {
            "kind": Kind(int(op["kind"])).name.lower(),
            "answer": Answer(int(op["answer"])).name.lower(),
        }
        row |= {name: int(op[name]) for name in _NUMBERS}
        rows.append(json.dumps(row))
    text = json.dumps(head)[:-1] + ', "ops": [\n' + ",\n".join(rows) + "\n]}\n"
    path.write_text(text, encoding="ascii")


def load(path: Path) -> History:
    """Read what save() wrote, or what a person changed in it.

    Raises:
        HistoryError: not a history, with the place that is wrong.
    """
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise HistoryError(f"{path}: {error.strerror}") from None
    except ValueError as error:
        raise HistoryError(f"{path}: no JSON: {error}") from None
    if not isinstance(data, dict) or data.get("vmalab_history") != _FORMAT:
        raise HistoryError(f"{path}: no history: vmalab_history is not {_FORMAT}")
    wrong = "the shape"
    try:
        shape = Shape(**data["shape"])
        wrong = "the operations"
        ops = np.zeros(len(data["ops"]), OP)
        for index, row in enumerate(data["ops"]):
            wrong = f"operation {index}"
            ops["kind"][index] = Kind[str(row["kind"]).upper()]
            ops["answer"][index] = Answer[str(row["answer"]).upper()]
            for name in _NUMBERS:
                ops[name][index] = row.get(name, 0) if name in _LATER else row[name]
    except InvalidArgument as error:
        raise HistoryError(f"{path}: {wrong}: {error.detail}") from None
    except (KeyError, TypeError, OverflowError) as error:
        raise HistoryError(f"{path}: {wrong}: {type(error).__name__}: {error}") from None
    return History(shape, ops, data.get("about", {}))
