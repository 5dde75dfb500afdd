# SPDX-License-Identifier: Apache-2.0
"""Makes a history that has no order small, and explains it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from vmalab_lin.ops import History, OneOp, Ops, answer_text, op_text, state_text, word_text, writer
from vmalab_native import history
from vmalab_native.history import Answer, Kind

_NO_EFFECT: Final = (Kind.READ, Kind.TOUCH, Kind.POPULATE)
_EVERYWHERE: Final = (Kind.FORK, Kind.EXIT, Kind.PKEY_ALLOC, Kind.PKEY_FREE)
_SHOWN_MAX: Final = 60


@dataclass(frozen=True, slots=True)
class Found:
    """A history without an order.

    Attributes:
        prefix: the shortest prefix that has none, of the cell that it fails in: every operation
            there that began before the failing one returned.
        small: the same without operations that change nothing and are not needed for the failure.
        failure: of `small`.
    """

    prefix: History
    small: History
    failure: history.Failure


def find(whole: History) -> Found | None:
    """The shortest failing prefix; None if there is an order."""
    failure = whole.check().failure
    if failure is None:
        return None
    shape = replace(whole.shape, only=failure.cell)
    prefix = History(shape, _prefix(whole, failure), whole.about)
    failing = whole.ops[failure.op]
    small = History(shape, _reduce(prefix, failing), whole.about)
    verdict = small.check()
    assert verdict.failure is not None
    return Found(prefix, small, verdict.failure)


def _prefix(whole: History, failure: history.Failure) -> Ops:
    ops, size = whole.ops, whole.shape.cell_pages
    low = failure.cell * size
    here = (ops["first"] <= low + size - 1) & (ops["last"] >= low)
    here |= np.isin(ops["kind"], [int(kind) for kind in _EVERYWHERE])
    picked = ops[here & (ops["begin"] <= ops["end"][failure.op])]
    ordered: Ops = picked[np.argsort(picked["begin"], kind="stable")]
    return ordered


def _fails_alike(shape: history.Shape, ops: Ops, failing: OneOp) -> bool:
    found = history.check(ops.tobytes(), shape).failure
    return found is not None and bool(ops[found.op] == failing)


def _reduce(prefix: History, failing: OneOp) -> Ops:
    """Without operations that change nothing, as long as the same one still fails. If a history
    has an order, so has what is left without these; so what is left fails rightly."""
    ops = prefix.ops
    idle = np.isin(ops["kind"], [int(kind) for kind in _NO_EFFECT])
    refused = (ops["answer"] != Answer.OK) & (ops["answer"] != Answer.HOLE)
    candidates = np.flatnonzero((idle | refused) & (ops != failing))
    kept = np.ones(len(ops), bool)
    step = max(1, len(candidates) // 2)
    while True:
        for begin in range(0, len(candidates), step):
            some = candidates[begin : begin + step]
            if not kept[some].any():
                continue
            tried = kept.copy()
            tried[some] = False
            if _fails_alike(prefix.shape, ops[tried], failing):
                kept = tried
        if step == 1:
            return ops[kept]
        step //= 2


def tell(found: Found, everything: Ops | None = None) -> list[str]:
    """For people: the state before, who did what when, and what could not be.

    Args:
        everything: operations of all families, to find where a word comes from.
    """
    small, failure = found.small, found.failure
    shape, ops = small.shape, small.ops
    failing = ops[failure.op]
    low = failure.cell * shape.cell_pages
    where = f"page {low}" if shape.cell_pages == 1 else f"pages {low}-{low + shape.cell_pages - 1}"
    lines = [
        f"NOT LINEARIZABLE on {where}: {_about(small)}",
        f"No order of the first {len(found.prefix.ops)} operations there explains all answers; "
        f"without the last of them to return, marked =>, one does.",
        "",
        "State before, the only one possible then:",
        *(f"  {line}" for line in state_text(failure.at_cut, shape, failure.cell)),
        "",
        "Since then (us before and after each operation; those that change nothing and are not "
        "needed are left out):",
    ]
    window = ops[ops["end"] > failure.cut_ns] if failure.cut_ns else ops
    window = window[np.argsort(window["begin"], kind="stable")]
    zero = int(window["begin"].min())
    if len(window) > _SHOWN_MAX:
        lines.append(f"  ... {len(window) - _SHOWN_MAX} operations before")
        window = window[-_SHOWN_MAX:]
    for op in window:
        mark = "=>" if op == failing else "  "
        begin, end = (int(op["begin"]) - zero) / 1e3, (int(op["end"]) - zero) / 1e3
        late = " (still under way)" if op["end"] > failing["end"] else ""
        lines.append(
            f"{mark} {begin:10.3f} {end:10.3f}  p{op['process']}  {op_text(op):<44} "
            f"{answer_text(op)}{late}"
        )
    lines += ["", *_impossible(found, everything)]
    return lines


def _about(small: History) -> str:
    return ", ".join(f"{name} {value}" for name, value in small.about.items() if value != "")


def _impossible(found: Found, everything: Ops | None) -> list[str]:
    small, failure = found.small, found.failure
    failing = small.ops[failure.op]
    kind, mm, shape = Kind(int(failing["kind"])), int(failing["mm"]), small.shape
    lines = [f"{op_text(failing)} answered {answer_text(failing)}. In the orders of the others:"]
    seen = set()
    for state in failure.reached:
        told = [
            line for line in state_text(state, shape, failure.cell) if line.startswith(f"mm {mm} ")
        ]
        seen.add("\n".join(told) or f"mm {mm} is not there")
    lines += [f"  {text}" for text in sorted(seen)]
    if kind is Kind.READ and failing["answer"] == Answer.OK and failing["word"]:
        lines.append(_origin(int(failing["word"]), failing, everything))
    return lines


def _origin(word: int, failing: OneOp, everything: Ops | None) -> str:
    process, number = writer(word)
    text = f"{word_text(word)} is word {number} of process {process}"
    if everything is None:
        return text + "."
    stores = everything[(everything["kind"] == Kind.WRITE) & (everything["word"] == word)]
    if not len(stores):
        return text + ", stored in an epoch before: its address space is gone."
    store = stores[0]
    before = (int(failing["begin"]) - int(store["end"])) / 1e3
    return f"{text}, stored in page {store['first']} of mm {store['mm']}, {before:.1f} us before."
