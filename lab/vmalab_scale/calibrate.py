# SPDX-License-Identifier: Apache-2.0
"""This machine's file, measured on its real CPUs.

A C program (native/bench/calibrate.c) measures caches, transfers between two CPUs, locked
instructions and calls of the kernel. The cost of an instruction is what is left of one real fault:
the one cell of `vmalab scale against` that is fitted, all others are predicted. What cannot be
measured from outside, such as the size of the store buffer, is taken from another machine, and the
file says so.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from vmalab_bench import compiled, stats
from vmalab_bench import machine as real_machine
from vmalab_scale import machine as machines
from vmalab_scale.against import FITTED, Real, predicted, program
from vmalab_scale.machine import LINE, Machine, MachineError
from vmalab_scale.work import ScaleError

KIB: Final = 1024
SIZES_KIB: Final = (
    *(8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512, 768),
    *(1024, 1536, 2048, 3072, 4096, 6144, 8192, 12288, 16384, 24576, 32768, 49152, 65536),
    *(131072, 262144),
)
PAIRS_BYTES: Final = 128 << 20
ALONE: Final = {
    "amid": 1 << 18,
    "locked": 1 << 20,
    "fence": 1 << 20,
    "pause": 1 << 18,
    "call": 1 << 14,
    "clock": 1 << 16,
}
BETWEEN: Final = {
    "transfer": 256,
    "store": 256,
    "taken": 256,
    "handover": 5000,
    "wake": 200,
    "barrier": 200,
}
UNDISTURBED: Final = ("chase", "handover", "wake", "barrier")
"""Of these the smallest is taken: other work empties caches, and keeps a CPU from who is woken."""
SAME_LEVEL: Final = 1.4
"""A size belongs to a cache while it takes at most so many times what the smallest one takes."""
NEXT_LEVEL: Final = 4
"""From so many times the size of a cache on, its hits do not count any more."""
CACHES: Final = 3
REQUESTS: Final = (5, 40)
"""Of a hundred: a request takes some time, and the line that comes takes longer than nothing."""
OVERLAPS: Final = 0.5
"""Where locked adds to lines of the other CPU take less than this of a transfer each, several are
on their way: the processor asks for lines behind a locked instruction that waits."""
STAYS: Final = 1 / 8
"""The part of a hit in the first cache that a processor does not hide: of the some 55 accesses of a
fault six or seven need the one before (`vmalab bench path`: depend)."""
BROUGHT: Final = 0.75
"""With the other line of a pair a step takes less than this of a step without: it was there."""
FITS_PS: Final = (20, 120)
"""Costs of an instruction between which and beyond which the fit is a straight line."""
FIT_OPERATIONS: Final = 4000
LEAST_NS: Final = 0.001


@dataclass(frozen=True)
class Measured:
    """A median of the rounds (of UNDISTURBED the smallest), with the smallest and the largest."""

    value: float
    low: float
    high: float

    @staticmethod
    def of(kind: str, samples: Sequence[float]) -> Measured:
        low, high = stats.spread(samples)
        best = kind.partition(" ")[0] in UNDISTURBED
        return Measured(low if best else stats.median(samples), low, high)

    def __str__(self) -> str:
        return f"{self.value:.3g} ns ({self.low:.3g} to {self.high:.3g})"


@dataclass(frozen=True)
class Level:
    """A cache as pointers see it: how large it is, and what a load from it takes."""

    kib: int
    ns: Measured


@dataclass(frozen=True)
class Found:
    """What was measured.

    Attributes:
        levels: the caches, smallest first.
        memory: a load from beyond them.
        times: of ALONE and BETWEEN, by their names.
        pair, apart: a step of a pair, whose other line is then read, or one of another pair.
        fault: the cell that the cost of an instruction is fitted by.
    """

    levels: list[Level]
    memory: Measured
    times: dict[str, Measured]
    pair: Measured
    apart: Measured
    fault: Measured

    @property
    def adjacent(self) -> bool:
        return self.pair.value < BROUGHT * self.apart.value


def levels(curve: Mapping[int, Measured]) -> list[Level]:
    """The caches of a curve of KiB and ns: each ends at its knee."""
    sizes = sorted(curve)
    found: list[Level] = []
    at = 0
    while at < len(sizes) and len(found) < CACHES:
        end = at
        while (
            end + 1 < len(sizes)
            and curve[sizes[end + 1]].value <= SAME_LEVEL * curve[sizes[at]].value
        ):
            end += 1
        # In the middle of it neither the cache before nor the one behind takes part.
        found.append(Level(sizes[end], curve[sizes[(at + end) // 2]]))
        at = next((i for i, kib in enumerate(sizes) if kib >= NEXT_LEVEL * sizes[end]), len(sizes))
    return found


def measure(*, rounds: int, say: Callable[[str], None]) -> Found:
    """Asks for everything once a round.

    Raises:
        ScaleError: this process may use one CPU only, or the caches cannot be distinguished.
        NoProgram: the C program could not be compiled.
    """
    asked = {f"chase {kib * KIB}": f"chase {kib}" for kib in SIZES_KIB}
    asked |= {f"{kind} {count}": kind for kind, count in (ALONE | BETWEEN).items()}
    asked |= {f"{kind} {PAIRS_BYTES}": kind for kind in ("pair", "apart")}
    samples: dict[str, list[float]] = {kind: [] for kind in asked.values()}
    faults: list[float] = []
    with compiled.Dialog("calibrate", program()) as dialog, Real([FITTED]) as real:
        for number in range(rounds):
            for line, kind in asked.items():
                say(f"round {number + 1} of {rounds}: {kind}")
                samples[kind].append(dialog.ask(line))
            faults.append(1e9 / real.turn(FITTED))
    got = {kind: Measured.of(kind, values) for kind, values in samples.items()}
    curve = {kib: got[f"chase {kib}"] for kib in SIZES_KIB}
    found = levels(curve)
    if len(found) < CACHES:
        raise ScaleError(f"{len(found)} caches can be distinguished, and a machine has {CACHES}")
    times = {kind: got[kind] for kind in (*ALONE, *BETWEEN)}
    memory = curve[SIZES_KIB[-1]]
    return Found(found, memory, times, got["pair"], got["apart"], Measured.of("fault", faults))


def ways(level: int) -> int | None:
    """Of the data cache of that level, as the kernel says; None: it does not."""
    for index in sorted(Path("/sys/devices/system/cpu/cpu0/cache").glob("index*")):
        try:
            here = int((index / "level").read_text())
            if here == level and (index / "type").read_text().strip() != "Instruction":
                return int((index / "ways_of_associativity").read_text()) or None
        except (OSError, ValueError):
            continue
    return None


def whole_sets(kib: int, ways: int) -> bool:
    """Whether a cache of so many ways has a power of two of sets, as the model wants it. Where the
    knee is not at the size that the kernel says, its ways may not fit."""
    sets, rest = divmod(kib * KIB // LINE, ways)
    return rest == 0 and sets & (sets - 1) == 0


def instruction_ns(found: Found, text: Callable[[float], str], folder: Path) -> float:
    """What an instruction has to cost, so that the fitted cell comes out as it was measured.

    Args:
        text: the file of the machine with such a cost.
        folder: where it may be written to, for a moment.
    """

    def fault_ns(cost: float) -> float:
        path = folder / f"fit-{os.getpid()}.toml"
        path.write_text(text(cost), encoding="utf-8")
        try:
            return 1e9 / predicted(FITTED, machines.read(str(path)), operations=FIT_OPERATIONS)
        finally:
            path.unlink()

    costs = [ps / 1000 for ps in FITS_PS]
    took = [fault_ns(cost) for cost in costs]
    slope = (took[1] - took[0]) / (costs[1] - costs[0])
    return max(LEAST_NS, costs[0] + (found.fault.value - took[0]) / slope)


def file_text(found: Found, like: Machine, instruction: float) -> str:
    """The machine's file.

    Args:
        like: what cannot be measured is as there.
    """
    times = found.times
    first = STAYS * found.levels[0].ns.value
    shared = len(real_machine.cpus())

    def taken(where: str, why: str) -> str:
        return f"not measured: {why}; as {where} of {like.name}"

    def as_there(name: str) -> float:
        return int(like.values[name]) / 1000

    ns = {
        "instruction": (instruction, f"fitted: one fault took {found.fault}"),
        "first": (
            first,
            f"measured: {found.levels[0].ns}, an eighth counted: so many wait for one before",
        ),
        "second": (found.levels[1].ns.value, f"measured: {found.levels[1].ns}"),
        "shared": (found.levels[2].ns.value, f"measured: {found.levels[2].ns}"),
        "cluster": (times["transfer"].value, f"measured: {times['transfer']}"),
        "socket": (as_there("socket"), taken("socket", "one cluster is seen")),
        "remote": (as_there("remote"), taken("remote", "one socket is seen")),
        "memory": (found.memory.value, f"measured: {found.memory}"),
        "locked": (
            times["amid"].value,
            f"measured: {times['amid']}, amid other work; {times['locked']} one after the other",
        ),
        "fence": (times["fence"].value, f"measured: {times['fence']}"),
        "occupied": (as_there("occupied"), taken("occupied", "no time of its own")),
        **{one: (times[one].value, f"measured: {times[one]}") for one in ("pause", "call")},
        **{
            one: (times[one].value, f"measured: {times[one]}")
            for one in ("wake", "barrier", "clock")
        },
    }
    lines = [
        "# SPDX-License-Identifier: Apache-2.0",
        f'text = "{_plain(real_machine.facts()["cpu"])}, {shared} CPUs, as measured here"',
        f'changed = ["{datetime.now(UTC).date().isoformat()}: measured by vmalab scale calibrate"]',
        _value("protocol", f'is = "{like.values["protocol"]}"', taken("protocol", "not seen")),
        _value("adjacent", f"is = {str(found.adjacent).lower()}", _pairs(found)),
        "\n[cores]",
        _value("per_cluster", f"is = {shared}", "measured: the CPUs that this process may use"),
        _value("clusters_per_socket", "is = 1", taken("clusters_per_socket", "one is seen")),
        "\n[caches]",
    ]
    for number, (name, level) in enumerate(zip(machines.CACHES, found.levels, strict=True)):
        known = ways(number + 1)
        if known and whole_sets(level.kib, known):
            origin = "measured: the knee; ways: the kernel's"
        else:
            known = 8 if whole_sets(level.kib, 8) else 12
            origin = "measured: the knee; ways: as this size needs"
        lines.append(_value(name, f"kib = {level.kib}, ways = {known}", origin))
    lines.append("\n[counts]")
    for name in machines.COUNTS:
        if name in ("ahead", "request"):
            lines.append(
                _value(name, *(_ahead(found, like) if name == "ahead" else _request(found)))
            )
            continue
        lines.append(
            _value(name, f"is = {like.values[name]}", taken(name, "not seen from outside"))
        )
    lines.append("\n[ns]")
    lines += [_time(name, value, origin) for name, (value, origin) in ns.items()]
    return "\n".join(lines) + "\n"


def _pairs(found: Found) -> str:
    return f"measured: a step with the line beside it {found.pair}, without {found.apart}"


def _ahead(found: Found, like: Machine) -> tuple[str, str]:
    """How many instructions behind a locked one that waits lines are asked for: as many as behind a
    load, or none."""
    each, away = found.times["taken"], found.times["transfer"]
    overlap = each.value < OVERLAPS * away.value
    most = like.values["window"] if overlap else 0
    which = f"as many as window of {like.name}" if overlap else "none"
    return f"is = {most}", f"measured: a locked add to lines of the other CPU {each} each; {which}"


def _request(found: Found) -> tuple[str, str]:
    """The part of a transfer that a request has behind it that waits at the directory: so much less
    than a transfer does a line take that two CPUs hand to each other. The smallest of each is
    taken, as other work lengthens all of them."""
    handover, away, locked = (found.times[one].low for one in ("handover", "transfer", "locked"))
    part = round(100 * (away + locked - handover) / away)
    least, most = REQUESTS
    origin = f"measured: a line handed over {handover:.3g} ns, with a locked one of {locked:.3g} ns"
    if not least <= part <= most:
        origin += f"; that is {part}, and {least} to {most} is possible"
    return f"is = {min(max(part, least), most)}", origin


def _time(name: str, ns: float, origin: str) -> str:
    """On a busy machine who is woken can wait for longer than a file may say."""
    if ns > machines.MOST_NS:
        origin += f"; the most that a file may say is {machines.MOST_NS}"
    return _value(name, f"ns = {min(ns, machines.MOST_NS):.4g}", origin)


def _value(name: str, value: str, origin: str) -> str:
    return f'{name} = {{ {value}, from = "{origin}" }}'


def _plain(text: str | None) -> str:
    return (text or "a processor without a name").replace("\\", "/").replace('"', "'")


def calibrated(path: Path, like: Machine, *, rounds: int, say: Callable[[str], None]) -> Found:
    """Measures, fits and writes the file.

    Raises:
        ScaleError, NoProgram: as measure().
        MachineError: the file cannot be written.
    """
    found = measure(rounds=rounds, say=say)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        say("the cost of an instruction")
        cost = instruction_ns(found, lambda ns: file_text(found, like, ns), path.parent)
        path.write_text(file_text(found, like, cost), encoding="utf-8")
    except OSError as error:
        raise MachineError(f"{path}: {error.strerror}") from None
    machines.read(str(path))
    return found
