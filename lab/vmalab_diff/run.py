# SPDX-License-Identifier: Apache-2.0
"""The run: programs from a seed, compared, and what disagreed made short."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from vmalab_diff import keys
from vmalab_diff.compare import Comparison, compare, compare_with_model
from vmalab_diff.emulated import Emulator
from vmalab_diff.generate import PROGRAM_OPS, alive, generate
from vmalab_diff.needs import ALL, possible
from vmalab_diff.operations import LEFT_OUT, PARAMS, undrawn
from vmalab_diff.printing import c_source, repeat_line
from vmalab_diff.program import Op, render
from vmalab_diff.real import Executor
from vmalab_diff.shrink import Shrinker, Signature, signature
from vmalab_diff.trace import write_trace
from vmalab_native import machine

FSCK_EVERY: Final = 100
"""Programs between two walks of all invariants."""


@dataclass(frozen=True, slots=True)
class DiffConfig:
    """What to run.

    Attributes:
        ops: operations in all.
        profile: one of chooser.PROFILES, or "all".
        model, layout: of the instance; "" is the default.
        pkeys: whether it has protection keys; "machine": as the one that is compared.
        every: operations between two snapshots of maps.
        shrink_max: how many different disagreements are made short.
    """

    ops: int = 20_000
    seed: int = 1
    profile: str = "all"
    model: str = ""
    layout: str = ""
    pkeys: machine.Switch = "machine"
    every: int = 16
    shrink_max: int = 5


@dataclass(frozen=True, slots=True)
class Finding:
    """A disagreement, made short."""

    number: int
    """Of the program in its run."""
    program: list[Op]
    comparison: Comparison
    signature: Signature
    model: str

    def as_dict(self) -> dict[str, Any]:
        found = self.comparison.difference
        assert found is not None
        return {
            "what": found.what,
            "program": render(self.program, PARAMS),
            "ops": len(self.program),
            "kernel": found.kernel,
            "vmalab": found.vmalab,
            "number": self.number,
            "repeat": repeat_line(self.program, model=self.model),
        }


@dataclass(slots=True)
class DiffResult:
    """What a run found."""

    config: DiffConfig
    model: str = ""
    pkeys: bool = False
    programs: int = 0
    agree: int = 0
    disagree: int = 0
    maps_checked: int = 0
    maps_equal: int = 0
    not_compared: Counter[str] = field(default_factory=Counter)
    beside: Counter[str] = field(default_factory=Counter)
    """The same of what is no operation: fields of snapshots."""
    by_model: int = 0
    """Operations in which an instance with protection keys agreed with the model of them
    (vmalab_diff.keys), on a machine that has none."""
    signatures: Counter[Signature] = field(default_factory=Counter)
    findings: list[Finding] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)
    """Of the invariant walker."""
    alone: tuple[list[Op], Comparison] | None = None
    """The program that was given, if one was."""

    @property
    def ops(self) -> int:
        return self.agree + self.disagree + sum(self.not_compared.values())

    @property
    def good(self) -> bool:
        return not self.disagree and not self.complaints

    def as_dict(self) -> dict[str, Any]:
        """The facts, for --json."""
        return {
            "ops": self.ops,
            "agree": self.agree,
            "disagree": self.disagree,
            "maps_checked": self.maps_checked,
            "maps_equal": self.maps_equal,
            "seed": self.config.seed,
            "profile": self.config.profile,
            "model": self.model,
            "pkeys": self.pkeys,
            "machine": dict(machine.facts()),
            "programs": self.programs,
            "by_model": self.by_model,
            "not_compared": dict(sorted((self.not_compared + self.beside).items())),
            "not_drawn": [op.name.lower() for op in undrawn()],
            "left_out": {op.name.lower(): why for op, why in LEFT_OUT.items()},
            "lacking": machine.lacks(ALL),
            "fsck": self.complaints,
            "shrunk": [finding.as_dict() for finding in self.findings],
        }


Progress = Callable[[DiffResult], None]


def _emulator(config: DiffConfig) -> Emulator:
    return Emulator(model=config.model, layout=config.layout, pkeys=config.pkeys)


def run(config: DiffConfig, progress: Progress = lambda result: None) -> DiffResult:
    """Compare programs until `config.ops` operations were done.

    Raises:
        DiffError: the real side could not be run.
    """
    result = DiffResult(config)
    with Executor() as executor, _emulator(config) as emulator, _Modelled(config) as modelled:
        result.model, result.pkeys = emulator.model, emulator.pkeys
        while result.ops < config.ops and not result.complaints:
            ops = min(PROGRAM_OPS, config.ops - result.ops)
            drawn = generate(config.seed, config.profile, result.programs, ops=ops)
            program, lacking = possible(drawn, machine.facts())
            result.not_compared += lacking
            one = compare(program, executor, emulator, every=config.every)
            _add(result, one)
            if one.difference is not None:
                short = Shrinker(lambda shorter: compare(shorter, executor, emulator, every=1))
                _finding(result, program, one, short)
            modelled.judge(result, drawn)
            result.programs += 1
            if result.programs % FSCK_EVERY == 0:
                result.complaints = emulator.fsck()
            progress(result)
        result.complaints = result.complaints or emulator.fsck() or modelled.fsck()
    return result


class _Modelled:
    """What this machine cannot answer because it has no protection keys: an instance with keys,
    made when the first program has some, and the model of them."""

    def __init__(self, config: DiffConfig) -> None:
        self._config = config
        self._emulator: Emulator | None = None

    def __enter__(self) -> _Modelled:
        return self

    def __exit__(self, *exception: object) -> None:
        if self._emulator is not None:
            self._emulator.close()

    def judge(self, result: DiffResult, program: Sequence[Op]) -> None:
        """Compare the part of a program that the model knows."""
        known = keys.part(program)
        if not known or not machine.lacks(["pkeys"]):
            return
        if self._emulator is None:
            self._emulator = _emulator(replace(self._config, pkeys="on"))
        emulator = self._emulator
        one = compare_with_model(known, emulator)
        result.by_model += one.agree
        if one.difference is not None:
            result.disagree += 1
            short = Shrinker(lambda shorter: compare_with_model(shorter, emulator))
            _finding(result, known, one, short)

    def fsck(self) -> list[str]:
        """Complaints of the invariant walker."""
        return self._emulator.fsck() if self._emulator is not None else []


def run_one(program: Sequence[Op], config: DiffConfig) -> DiffResult:
    """Compare one given program, as it is, with a snapshot after each operation.

    Raises:
        DiffError: the real side could not be run.
    """
    result = DiffResult(config, programs=1)
    with Executor() as executor, _emulator(config) as emulator:
        result.model, result.pkeys = emulator.model, emulator.pkeys
        program, lacking = possible(alive(program), machine.facts())
        one = compare(program, executor, emulator, every=1)
        result.not_compared += lacking
        result.alone = (program, one)
        _add(result, one)
        if one.difference is not None:
            found = signature(program, one.difference)
            result.findings.append(Finding(0, program, one, found, config.model))
        result.complaints = emulator.fsck()
    return result


def _add(result: DiffResult, one: Comparison) -> None:
    result.agree += one.agree
    result.maps_checked += one.maps_checked
    result.maps_equal += one.maps_equal
    result.not_compared += one.not_compared
    result.beside += one.beside
    if one.difference is not None:
        result.disagree += 1


def _finding(
    result: DiffResult,
    program: Sequence[Op],
    one: Comparison,
    shrinker: Shrinker,
) -> None:
    assert one.difference is not None
    raw = signature(program, one.difference)
    result.signatures[raw] += 1
    if result.signatures[raw] > 1 or len(result.findings) >= result.config.shrink_max:
        return
    try:
        short, comparison = shrinker.shrink(program)
        shown = shrinker.wanted
    except ValueError:
        short, comparison, shown = list(program[: one.difference.op + 1]), one, raw
    finding = Finding(result.programs, short, comparison, shown, result.config.model)
    if all(other.signature != finding.signature for other in result.findings):
        result.findings.append(finding)


def write_findings(result: DiffResult, folder: Path) -> list[Path]:
    """Each finding, and a program that was given, as C, as text and as a trace folder.

    Returns:
        The files and folders.
    """
    pieces = [
        (f"finding-{n}", one.program, one.comparison) for n, one in enumerate(result.findings)
    ]
    if result.alone is not None:
        pieces = [("program", *result.alone)]
    folder.mkdir(parents=True, exist_ok=True)
    written: list[Path] = []
    for name, program, comparison in pieces:
        text = render(program, PARAMS).replace("; ", "\n") + "\n"
        (folder / f"{name}.c").write_text(c_source(program, comparison))
        (folder / f"{name}.txt").write_text(text)
        write_trace(folder / f"{name}.trace", program, comparison)
        written += [folder / f"{name}.{suffix}" for suffix in ("c", "txt", "trace")]
    return written
