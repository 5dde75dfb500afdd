# SPDX-License-Identifier: Apache-2.0
"""The shortest program that still shows a difference (delta debugging).

Chunks of operations are taken out, halves first, then quarters, down to single ones; then every
argument is made plainer; both again until nothing helps. Each attempt runs on both sides. An
attempt counts only if it fails in the same way (`signature`), so that one bug is not lost behind
another.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Final

from vmalab_diff.compare import Comparison, Difference
from vmalab_diff.generate import alive
from vmalab_diff.operations import BY_NAME
from vmalab_diff.program import PAGE, Arg, Op, Param, Place
from vmalab_native.texts import lines_of

RUNS_MAX: Final = 1500
Signature = tuple[str, ...]
Compare = Callable[[Sequence[Op]], Comparison]


def _plain(answer: str) -> str:
    """An answer without what another program changes: addresses, words and masks."""
    if answer.startswith("0x"):
        return "value"
    return answer.split(",")[0]


def _maps_kind(kernel: str, vmalab: str) -> str:
    """How the first differing lines of maps differ."""
    for one, two in zip(lines_of(kernel), lines_of(vmalab), strict=False):
        if one == two:
            continue
        left, right = one.split(), two.split()
        if left[0].split("-")[0] != right[0].split("-")[0]:
            return "start"
        if left[0] != right[0]:
            ends = [int(words[0].split("-")[1], 16) for words in (left, right)]
            return "vmalab merged" if ends[0] < ends[1] else "kernel merged"
        names = ("perms", "offset", "device", "inode")
        changed = (n for n, a, b in zip(names, left[1:], right[1:], strict=False) if a != b)
        return next(changed, "name")
    return "lines"


def _flags_changed(kernel: str, vmalab: str) -> tuple[str, ...]:
    """The flags that one side has and the other has not."""
    for one, two in zip(lines_of(kernel), lines_of(vmalab), strict=False):
        if one != two and one.startswith("VmFlags"):
            return tuple(sorted(set(one.split()) ^ set(two.split())))
    return ()


def signature(program: Sequence[Op], difference: Difference) -> Signature:
    """What two differences have in common when they are taken for the same."""
    if difference.what == "answer":
        name = program[difference.op].name
        return ("answer", name, _plain(difference.kernel), _plain(difference.vmalab))
    if difference.what == "maps":
        return ("maps", _maps_kind(difference.kernel, difference.vmalab))
    return ("flags", *_flags_changed(difference.kernel, difference.vmalab))


def _plainer_place(place: Place) -> Iterator[Place]:
    if place.kind == "a" and place.number:
        yield replace(place, number=0)
    if place.kind in ("@", "brk"):
        yield Place("a", 0, place.offset)
    for offset in (0, place.offset // PAGE * PAGE, place.offset // PAGE // 2 * PAGE,
                   place.offset - PAGE):  # fmt: skip
        if 0 <= offset < place.offset:
            yield replace(place, offset=offset)


def _plainer_number(param: Param, value: int) -> Iterator[int]:
    if value == param.least:
        return
    yield param.least
    if param.kind == "bytes":
        for other in (PAGE, 2 * PAGE, (value + PAGE - 1) // PAGE // 2 * PAGE, value - PAGE):
            if 0 < other < value:
                yield other
    elif param.kind == "flags":
        for bit in range(value.bit_length()):
            if value >> bit & 1:
                yield value & ~(1 << bit)


def plainer(param: Param, arg: Arg) -> Iterator[Arg]:
    """Simpler arguments to try, the simplest first."""
    if isinstance(arg, Place):
        yield from _plainer_place(arg)
    elif isinstance(arg, int) and param.kind not in ("choice", "process"):
        yield from _plainer_number(param, arg)


class Shrinker:
    """Shrinks one program; `compare` runs it on both sides with a snapshot after each operation."""

    def __init__(self, compare: Compare, *, runs_max: int = RUNS_MAX) -> None:
        self._compare = compare
        self._runs_left = runs_max

    def shrink(self, program: Sequence[Op]) -> tuple[list[Op], Comparison]:
        """The program, as short and plain as it gets, and its last comparison.

        Raises:
            ValueError: the program shows no difference when it is run again.
        """
        best = self._compare(program)
        if best.difference is None:
            raise ValueError("the difference does not come again with snapshots in other places")
        self.wanted = signature(program, best.difference)
        self.best, self.program = best, list(program[: best.difference.op + 1])
        changed = True
        while changed and self._runs_left > 0:
            changed = self._join_processes()
            changed = self._take_out() or changed
            changed = self._simplify() or changed
        return self.program, self.best

    def _try(self, candidate: list[Op]) -> bool:
        candidate = alive(candidate)
        if not candidate or self._runs_left <= 0 or candidate == self.program:
            return False
        self._runs_left -= 1
        result = self._compare(candidate)
        found = result.difference
        if found is None or signature(candidate, found) != self.wanted:
            return False
        self.program, self.best = candidate[: found.op + 1], result
        return True

    def _join_processes(self) -> bool:
        """What a child does, its parent can do as well, if the fork itself does not matter."""
        changed = False
        for op in list(self.program):
            if op.name != "fork" or op not in self.program:
                continue
            child = op.args[0]
            joined = [
                replace(other, process=op.process) if other.process == child else other
                for other in self.program
                if other is not op and not (other.name == "exit" and other.process == child)
            ]
            changed = self._try(joined) or changed
        return changed

    def _take_out(self) -> bool:
        changed = False
        size = max(len(self.program) // 2, 1)
        while True:
            at = max(len(self.program) - size, 0)
            while at >= 0:
                if self._try(self.program[:at] + self.program[at + size :]):
                    changed = True
                at = min(at, len(self.program)) - size
            if size == 1:
                return changed
            size = max(size // 2, 1)

    def _simplify(self) -> bool:
        changed = False
        for at in range(len(self.program) - 1, -1, -1):
            if at >= len(self.program):
                continue
            changed = self._simplify_op(at) or changed
        return changed

    def _simplify_op(self, at: int) -> bool:
        op, changed = self.program[at], False
        if op.process and self._with(at, replace(op, process=0)):
            changed = True
        for index, param in enumerate(BY_NAME[op.name].params):
            again = True
            while again:
                again = False
                if at >= len(self.program):
                    return changed
                op = self.program[at]
                if index >= len(op.args):
                    break
                for arg in plainer(param, op.args[index]):
                    args = (*op.args[:index], arg, *op.args[index + 1 :])
                    if self._with(at, replace(op, args=args)):
                        changed = again = True
                        break
        return changed

    def _with(self, at: int, op: Op) -> bool:
        return self._try([*self.program[:at], op, *self.program[at + 1 :]])
