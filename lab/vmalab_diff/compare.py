# SPDX-License-Identifier: Apache-2.0
"""Runs a program on both sides and finds where they first differ."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from errno import EAGAIN

from vmalab_client.block import SEGV_PKUERR
from vmalab_diff.emulated import Emulator, resolved
from vmalab_diff.keys import Keys
from vmalab_diff.operations import BY_NAME
from vmalab_diff.program import Op
from vmalab_diff.real import Executor, Outcome, RealRun, Step, steps_of
from vmalab_native import flags
from vmalab_native.texts import lines_of

_SHARED = re.compile(r" 00:01 (\d+) +(?:/dev/zero|/memfd:vmalab-diff) \(deleted\)$")
_KERNELS = re.compile(r"^([0-9a-f]+)-([0-9a-f]+) .*\[v(?:var|dso)", re.MULTILINE)
KERNELS_PAGES = "touches of pages that are the kernel's own: [vvar], [vdso]"
RECLAIMED_PAGES = "mincore after MADV_PAGEOUT: pages that the kernel took"
HUGE_PAGES = "mincore with huge pages: pages that came with another"
SOFT_DIRTY = "VM_SOFTDIRTY of areas (VmFlags sd)"
_FLAG_LINES = ("VmFlags", "Protect")
_SIGNALS = {7: "SIGBUS", 11: "SIGSEGV"}


@dataclass(frozen=True, slots=True)
class Difference:
    """Where the two sides first differ.

    Attributes:
        step: its number in the steps of the comparison.
        op: index of the operation in the program; of a snapshot, the last one before it.
        what: "answer", "maps" or "flags".
        kernel, vmalab: what each said; of maps the first lines that differ.
    """

    step: int
    op: int
    what: str
    kernel: str
    vmalab: str


@dataclass(slots=True)
class Comparison:
    """One program on both sides."""

    steps: list[Step]
    real: RealRun
    agree: int = 0
    maps_checked: int = 0
    maps_equal: int = 0
    difference: Difference | None = None
    not_compared: Counter[str] = field(default_factory=Counter)
    beside: Counter[str] = field(default_factory=Counter)
    """The same of what is no operation."""


def shown(op: Op, outcome: Outcome) -> str:
    """An outcome in words."""
    answer = BY_NAME[op.name].answer
    if outcome.signal:
        name = _SIGNALS.get(outcome.signal, f"signal {outcome.signal}")
        by = f" by key {outcome.extra}" if outcome.code == SEGV_PKUERR else ""
        return f"{name} code {outcome.code}{by}"
    if outcome.value == -EAGAIN and answer == "filled":
        return f"-1 EAGAIN, {outcome.extra:#x} bytes"
    if -4096 < outcome.value < 0:
        return f"-1 {flags.errno_name(-outcome.value)}"
    if outcome.value < 0 and answer not in ("word", "address", "break", "value"):
        return f"refused by the core with status {outcome.value}"
    match answer:
        case "mask":
            return f"0, resident {outcome.extra:#b}"
        case "word" | "address" | "break":
            return f"{outcome.value & (1 << 64) - 1:#x}"
        case _:
            return str(outcome.value)


def refused(emulated: Outcome) -> bool:
    """Whether the emulator's answer is an errno, and not a word or a mask that looks like one."""
    return emulated.value & (1 << 64) - 1 != emulated.extra


def same(op: Op, real: Outcome, emulated: Outcome) -> bool:
    """Whether both sides answered the same."""
    if (real.signal, real.code) != (emulated.signal, emulated.code):
        return False
    if real.signal and real.code == SEGV_PKUERR and real.extra != emulated.extra:
        return False
    match BY_NAME[op.name].answer:
        case "none":
            return real.value == emulated.value
        case "touch":
            return bool(real.signal) or emulated.value <= -4096 or emulated.value >= 0
        case "mask":
            if real.value or refused(emulated):
                return real.value == emulated.value
            return real.extra == emulated.extra
        case "filled":
            both = real.value == emulated.value
            return both and (real.value != -EAGAIN or real.extra == emulated.extra)
        case _:
            return real.value == emulated.value


def reclaims(op: Op) -> bool:
    """Whether the kernel may take pages out of memory in this operation."""
    advice = {"madvise": 2, "process_madvise": 4}.get(op.name)
    return advice is not None and op.args[advice] == flags.MADV["MADV_PAGEOUT"]


class MapsMatcher:
    """Compares maps texts of one program; shared anonymous objects are paired by their first
    meeting, because their inode numbers are each side's private affair."""

    def __init__(self) -> None:
        self._inodes: dict[str, str] = {}

    def difference(self, real: str, emulated: str) -> tuple[str, str] | None:
        """The first lines that differ, with one line of each side before and after; None if the
        texts say the same."""
        left, right = lines_of(real), lines_of(emulated)
        for tail in (1, 2, 3):  # maps, with flags, with a key: it belongs to no address space
            if len(left) >= tail and "[vsyscall]" in left[-tail]:
                del left[-tail:]
                break
        if left == right:
            return None
        for at in range(max(len(left), len(right))):
            one = left[at] if at < len(left) else ""
            two = right[at] if at < len(right) else ""
            if not self._same(one, two):
                first = max(at - 1, 0)
                return "\n".join(left[first : at + 2]), "\n".join(right[first : at + 2])
        return None

    def _same(self, one: str, two: str) -> bool:
        if one == two:
            return True
        left, right = _SHARED.search(one), _SHARED.search(two)
        if left is None or right is None:
            return False
        if one[: left.start()] != two[: right.start()]:
            return False
        return self._inodes.setdefault(left.group(1), right.group(1)) == right.group(1)


def only_maps(text: str) -> str:
    """The lines of maps out of a text of maps or smaps."""
    return "".join(line + "\n" for line in lines_of(text) if line[:1] in "0123456789abcdef")


def maps_and_flags(smaps: str) -> str:
    """The lines of maps, of protection keys and of VmFlags out of a text of smaps. VM_SOFTDIRTY is
    left out: SOFT_DIRTY counts it."""
    return "".join(
        line.rstrip().replace(" sd", "") + "\n" if line[0] == "V" else line + "\n"
        for line in lines_of(smaps)
        if line[:1] in "0123456789abcdef" or line.startswith(("VmFlags", "ProtectionKey"))
    )


def _flags_differ(kernel: str, vmalab: str) -> bool:
    """Whether the first differing lines are of VmFlags."""
    for one, two in zip(lines_of(kernel), lines_of(vmalab), strict=False):
        if one != two and one[:7] == two[:7] and one.startswith(_FLAG_LINES):
            return True
        if one != two and "/dev/zero" not in one:
            return False
    return False


class _Check:
    """Takes the emulated outcomes in order."""

    def __init__(self, program: Sequence[Op], comparison: Comparison):
        self.program, self.comparison = program, comparison
        self.maps = MapsMatcher()
        self.last_op = -1
        self.reclaimed = False
        self.huge = False
        self._kernels = [
            (int(match.group(1), 16), int(match.group(2), 16))
            for match in _KERNELS.finditer(comparison.real.maps)
        ]

    def __call__(self, at: int, emulated: Outcome) -> bool:
        comparison = self.comparison
        step, real = comparison.steps[at], comparison.real.outcomes[at]
        if step.op < 0:
            return self._snapshot(at, step, real, emulated)
        self.last_op = step.op
        op = self.program[step.op]
        self.reclaimed = self.reclaimed or reclaims(op)
        self.huge = self.huge or op.name == "thp_disable"
        reason = BY_NAME[op.name].skip(resolved(op, comparison.real)) or self._uncertain(op, real)
        if reason:
            comparison.not_compared[reason] += 1
            return True
        if same(op, real, emulated):
            comparison.agree += 1
            return True
        reason = self._excused(op, real, emulated)
        if reason:
            comparison.not_compared[reason] += 1
            return True
        comparison.difference = Difference(
            at, step.op, "answer", shown(op, real), shown(op, emulated)
        )
        return False

    def _excused(self, op: Op, real: Outcome, emulated: Outcome) -> str:
        """Why a mincore may differ in these pages; "" if it may not."""
        if BY_NAME[op.name].answer != "mask" or real.value or refused(emulated):
            return ""
        if self.reclaimed and not real.extra & ~emulated.extra:
            return RECLAIMED_PAGES
        return HUGE_PAGES if self.huge and not emulated.extra & ~real.extra else ""

    def _uncertain(self, op: Op, real: Outcome) -> str:
        """Why this answer cannot be compared; "" if it can."""
        answer = BY_NAME[op.name].answer
        if answer not in ("word", "touch", "mask") or real.signal:
            return ""
        values = resolved(op, self.comparison.real)
        start = values[0] if isinstance(values[0], int) else 0
        length = values[1] if answer == "mask" and isinstance(values[1], int) else 1
        if any(low < start + length and start < high for low, high in self._kernels):
            return KERNELS_PAGES
        return ""

    def _snapshot(self, at: int, step: Step, real: Outcome, emulated: Outcome) -> bool:
        comparison = self.comparison
        comparison.maps_checked += 1
        text = maps_and_flags(real.text) if step.smaps else real.text
        if step.smaps and (soft_dirty := real.text.count(" sd")):
            comparison.beside[SOFT_DIRTY] += soft_dirty
        lines = self.maps.difference(text, emulated.text)
        if lines is None:
            comparison.maps_equal += 1
            return True
        what = "flags" if _flags_differ(*lines) else "maps"
        comparison.difference = Difference(at, self.last_op, what, *lines)
        return False


def compare(
    program: Sequence[Op], executor: Executor, emulator: Emulator, *, every: int
) -> Comparison:
    """Run a program on both sides.

    Args:
        every: a snapshot of maps after so many operations.
    """
    steps = steps_of(program, every=every)
    return _compared(program, steps, executor.run(program, steps), emulator)


def compare_with_model(program: Sequence[Op], emulator: Emulator) -> Comparison:
    """Run a part of a program that keys.Keys knows, which is the oracle; without snapshots."""
    steps = [Step(op.process, index) for index, op in enumerate(program)]
    return _compared(program, steps, Keys().run(program, steps), emulator)


def _compared(
    program: Sequence[Op], steps: list[Step], real: RealRun, emulator: Emulator
) -> Comparison:
    comparison = Comparison(steps, real)
    emulator.run(program, steps, real, _Check(program, comparison))
    return comparison
