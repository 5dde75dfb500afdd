# SPDX-License-Identifier: Apache-2.0
"""What one fault executes: counted, not timed, in the core that is shipped.

A process makes faults, and its parent single-steps it through `op_fault` (native/bench/step.c). So
nothing is built for it, nothing is sampled, and no other process can disturb it. Of each fault:

  instructions  from the first of op_fault to its return
  locked        instructions with a lock prefix, and exchanges with memory
  lines         distinct cache lines of the segment that it touches; and of its own memory, where
                the stack and the participant are
  dependent     loads from the segment that have to wait for each other: the longest chain in which
                the address of each comes from the one before. A branch does not make one wait, the
                processor guesses it
  in order      the same, if no load begins before the locked instructions in front of it are done.
                The tree and the page table do not depend on each other, but the lock of the VMA is
                taken between them. A processor may begin early and look again, so what it waits for
                lies between these two. Upper levels of the trees stay in the caches: it is the most
                that can miss

Faults are at addresses drawn at random, each after others have been faulted on. Rows have medians
of these faults, and the least and the most.

The stepped process has one thread. In one with threads, and where the kernel has no membarrier,
each read section of RCU and each entry into the core has one fence more, a locked instruction.

The kinds are those of `bench fault`. `height` is that of the tree, reckoned as `bench size` does.
Of dependent loads the target is one for each level of the tree, one for each of the four levels of
the page table, and three: the address space, the VMA, the frame.
"""

from __future__ import annotations

import json
import os
import platform
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from rich.table import Table

from vmalab_bench import base, compiled, fault, plots, size, space, stats, steps
from vmalab_bench.base import Aim, BadRequest, BenchError
from vmalab_bench.stepped import HIT, TAKEN_VMAS
from vmalab_drive import report
from vmalab_native import cores
from vmalab_native.texts import lines_of

FUNCTION: Final = "op_fault"
INSTRUCTIONS_MOST: Final = 320
COUNTED: Final = (
    *("instructions", "locked", "loads", "stores"),
    *("lines", "own_lines", "dependent", "in_order"),
)


@dataclass(frozen=True, slots=True)
class PathBench:
    models: tuple[str, ...]
    vmas: tuple[int, ...] = (10, 1_000, 100_000, 1_000_000)
    """Of the first model; the others have TAKEN_VMAS."""
    calls: int = 24

    @staticmethod
    def full(models: Sequence[str]) -> PathBench:
        return PathBench(_default_first(models))

    @staticmethod
    def quick(models: Sequence[str]) -> PathBench:
        return PathBench(_default_first(models), (10, 1_000, 100_000), 12)

    @staticmethod
    def smoke(models: Sequence[str]) -> PathBench:
        return PathBench(_default_first(models), (10, TAKEN_VMAS), 4)


def _default_first(models: Sequence[str]) -> tuple[str, ...]:
    return tuple(sorted(models, key=lambda name: name != space.DEFAULT_MODEL))


def run(config: PathBench, *, seed: int) -> dict[str, Any]:
    """Step the faults of each model, by walk and by cached lookups.

    Raises:
        BadRequest: the processor is not one whose instructions are read here.
    """
    if (here := platform.machine()) != "x86_64":
        raise BadRequest(f"bench path reads x86-64 instructions, this machine is {here}")
    rows: list[dict[str, Any]] = []
    for number, model in enumerate(config.models):
        sizes = config.vmas if number == 0 else (TAKEN_VMAS,)
        for lookup in fault.LOOKUPS:
            base.say(f"{model}, {lookup}")
            rows += _rows(model, lookup, sizes, config.calls, seed)
    return base.head("path", seed) | {
        "calls": config.calls,
        "rows": rows,
        "aims": [aim.as_dict() for aim in _aims(rows)],
    }


def _rows(
    model: str, lookup: str, sizes: Sequence[int], calls: int, seed: int
) -> list[dict[str, Any]]:
    where, counts = _stepped(model, lookup, sizes, calls, seed)
    fill = size.node_fill(2 * max(sizes) + 1, where["nodes"])
    found: dict[tuple[int, str], list[steps.Counts]] = {}
    for made, count in zip(where["faults"], counts, strict=True):
        found.setdefault((made["vmas"], made["kind"]), []).append(count)
    return [
        {"model": model, "lookup": lookup, "vmas": vmas, "kind": kind}
        | {"rcu_flavour": where["rcu_flavour"]}
        | {"height": size.tree_height(2 * vmas + 1, fill)}
        | _summary(group)
        for (vmas, kind), group in found.items()
    ]


def _summary(counts: Sequence[steps.Counts]) -> dict[str, Any]:
    """Medians, and the least and the most, of each count."""
    summary: dict[str, Any] = {}
    for name in COUNTED:
        values = [_value(count, name) for count in counts]
        summary[name] = stats.median(values)
        summary[f"{name}_range"] = [min(values), max(values)]
    return summary


def _value(count: steps.Counts, name: str) -> int:
    if name == "lines":
        return len(count.lines)
    if name == "own_lines":
        return len(count.private_lines)
    value: int = getattr(count, name)
    return value


def _stepped(
    model: str, lookup: str, sizes: Sequence[int], calls: int, seed: int
) -> tuple[dict[str, Any], list[steps.Counts]]:
    cores.ensure(model, cores.DEFAULT_LAYOUT)
    core = cores.file_of(model, cores.DEFAULT_LAYOUT)
    program = compiled.compiled("step")
    with tempfile.TemporaryDirectory(prefix="vmalab-path-") as folder:
        out = Path(folder) / "steps"
        wanted = [model, lookup, str(seed), str(calls), *map(str, sizes)]
        command = [
            *(str(program), str(out), str(core), _offset(core)),
            *(sys.executable, "-m", "vmalab_bench.stepped", *wanted),
        ]
        where = json.loads(_said(command))
        segment = range(where["base"], where["end"])
        counts = [steps.counted(call, segment) for call in steps.calls(out.read_bytes())]
    if len(counts) != len(where["faults"]):
        raise BenchError(f"{len(counts)} faults were stepped of {len(where['faults'])}")
    return where, counts


def _said(command: Sequence[str]) -> str:
    """What the stepped process prints. Who is interrupted ends it, and waits: it has a segment."""
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, process_group=0
    ) as process:
        try:
            said, errors = process.communicate()
        except BaseException:
            os.killpg(process.pid, signal.SIGTERM)
            process.communicate()
            raise
    if process.returncode:
        raise BenchError(f"the stepped process ended with {process.returncode}: {errors}")
    return said


def _offset(core: Path) -> str:
    """Of the function in the core, by its symbol table."""
    nm = shutil.which("nm")
    if nm is None:
        raise compiled.NoProgram("nm reads the symbols of the core: install binutils")
    said = subprocess.run([nm, str(core)], capture_output=True, text=True, check=True).stdout
    for line in lines_of(said):
        value, _, name = line.partition(" ")
        if name.split()[-1] == FUNCTION:
            return f"0x{value}"
    raise BenchError(f"{core} has no symbol {FUNCTION}: it was stripped: build it again")


def _aims(rows: Sequence[dict[str, Any]]) -> list[Aim]:
    aims = []
    for row in rows:
        if (row["lookup"], row["kind"]) != ("walk", HIT):
            continue
        name = f"{row['model']}, {row['vmas']:,} VMAs"
        if row["vmas"] == TAKEN_VMAS:
            got = stats.exact(row["instructions"])
            aims.append(Aim(f"instructions, {name}", got, at_most=INSTRUCTIONS_MOST))
        most = row["height"] + size.PAGE_TABLE_LEVELS + size.BESIDE_THE_TREE
        got = stats.exact(row["dependent_range"][1])
        aims.append(Aim(f"dependent, {name}", got, at_most=most))
    return aims


COLUMNS: Final = {
    "median": "instructions",
    "locked": "locked",
    "depend": "dependent",
    "order": "in_order",
    "lines": "lines",
    "own": "own_lines",
}


def tables(data: dict[str, Any]) -> list[Table]:
    first = data["rows"][0]["model"]
    found = []
    for lookup in fault.LOOKUPS:
        rows = [row for row in data["rows"] if row["lookup"] == lookup]
        sizes = [row for row in rows if row["model"] == first and row["kind"] == HIT]
        models = [row for row in rows if row["vmas"] == TAKEN_VMAS]
        by_size = [[f"{row['vmas']:,}", _range(row), *_medians(row)] for row in sizes]
        by_model = [[f"{row['model']} {row['kind']}", *_medians(row)] for row in models]
        found += [
            report.grid(f"{lookup}: a hit, {first}", ("VMAs", "range", *COLUMNS), by_size),
            report.grid(f"{lookup}: {TAKEN_VMAS:,} VMAs", ("model", *COLUMNS), by_model),
        ]
    return found


def _medians(row: dict[str, Any]) -> list[str]:
    return [f"{row[key]:g}" for key in COLUMNS.values()]


def _range(row: dict[str, Any]) -> str:
    least, most = row["instructions_range"]
    return f"{least}-{most}"


def plot(data: dict[str, Any], path: Path) -> None:
    hits = [row for row in data["rows"] if row["kind"] == HIT]
    first = hits[0]["model"]
    panels: dict[str, list[plots.Series]] = {}
    for name, title in (("instructions", "instructions"), ("lines", "cache lines of the segment")):
        panels[title] = []
        for lookup in fault.LOOKUPS:
            rows = [row for row in hits if (row["model"], row["lookup"]) == (first, lookup)]
            ends = [[row[f"{name}_range"][i] for row in rows] for i in (0, 1)]
            x, y = [row["vmas"] for row in rows], [row[name] for row in rows]
            panels[title].append(plots.Series(lookup, x, y, *ends))
    walks = [row for row in hits if (row["model"], row["lookup"]) == (first, fault.LOOKUPS[0])]
    few, many = (end(walks, key=lambda row: int(row["vmas"])) for end in (min, max))
    finding = (
        f"A fault executes {few['instructions']:.0f} instructions at {few['vmas']:,} VMAs, and "
        f"{many['instructions']:.0f} at {many['vmas']:,}"
    )
    drawn = f"What one fault on a present page executes, {first}, counted. Median and range."
    caption = plots.Caption.of(data, finding, drawn)
    plots.lines(path, panels, caption, x_label="VMAs", y_label="count", log_x=True, share_y=False)
