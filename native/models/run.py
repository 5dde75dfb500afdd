# SPDX-License-Identifier: Apache-2.0
"""Runs the models of the lock protocols: `make models`.

spin   the protocols, memory sequentially consistent (spin/*.pml): intact, every interleaving; and
       with one bug each, named as in lab_mutants.h, which must give a counterexample
loom   the orderings (loom/): each model intact, and each ordering or check taken away, which must
       be found, unless the model itself says why it cannot

Exit code 0 when an intact model passes to the end and each bug is found; a row that is not as
expected is marked, and the last line counts them.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
SECONDS_MAX = 300
DEPTH_MAX = 200_000
MEMORY_MB_MAX = 2500
# Model, switches, whether a counterexample is wanted.
SPIN = (
    ("mmap-lock", (), False),
    ("embedded-rwsem", (), False),
    ("typesafe-rwsem", (), False),
    ("typesafe-rwsem", ("ORDER",), False),
    ("refcount", (), False),
    ("refcount", ("ORDER",), False),
    ("refcount", ("B1",), True),
    ("refcount", ("B2",), True),
    ("typesafe-rwsem", ("B5",), True),
    ("typesafe-rwsem", ("B7",), True),
    ("refcount", ("B9",), True),
    ("refcount", ("B10",), True),
    ("typesafe-rwsem", ("B14",), True),
    ("refcount", ("ORDER", "B37"), True),
)


@dataclass(frozen=True, slots=True)
class Row:
    """One model in one variant."""

    tool: str
    model: str
    variant: str
    verdict: str
    size: str
    good: bool


def spin_row(model: str, switches: tuple[str, ...], wanted: bool) -> Row:
    """Every interleaving of a Promela model, or the first counterexample."""
    name = " ".join(switches) or "intact"
    with tempfile.TemporaryDirectory(prefix="vmalab-spin-") as scratch:
        for path in (HERE / "spin").glob("*.pml"):
            shutil.copy(path, scratch)
        flags = [f"-D{switch}" for switch in switches]
        subprocess.run(["spin", "-a", *flags, f"{model}.pml"], cwd=scratch, check=True,
                       stdout=subprocess.DEVNULL)  # fmt: skip
        subprocess.run(["gcc", "-O2", "-w", "-DSAFETY", f"-DMEMLIM={MEMORY_MB_MAX}", "-o", "pan",
                        "pan.c"], cwd=scratch, check=True)  # fmt: skip
        done = subprocess.run(
            [str(Path(scratch) / "pan"), f"-m{DEPTH_MAX}"],
            cwd=scratch,
            capture_output=True,
            text=True,
            timeout=SECONDS_MAX,
            check=False,
        )
    errors = re.search(r"errors: (\d+)", done.stdout)
    states = re.search(r"([\d.e+]+) states, stored", done.stdout)
    cut = "max search depth too small" in done.stdout or "out of memory" in done.stdout
    found = errors is not None and errors[1] != "0"
    why = re.search(r"pan:1: (.*?) \(at depth", done.stdout)
    verdict = (why[1] if why else "found") if found else "cut" if cut else "passes"
    good = errors is not None and found == wanted and (found or not cut)
    return Row("spin", model, name, verdict, f"{states[1] if states else '?'} states", good)


def loom_rows() -> list[Row]:
    """Every loom model in every variant."""
    cargo = ["cargo", "run", "--quiet", "--release", "--"]
    listed = subprocess.run([*cargo, "list"], cwd=HERE / "loom", capture_output=True, text=True,
                            check=True)  # fmt: skip
    rows = []
    for line in listed.stdout.splitlines():
        one = json.loads(line)
        model, variant = one["model"], one["variant"]
        done = subprocess.run([*cargo, "run", model, variant], cwd=HERE / "loom",
                              capture_output=True, text=True, check=False)  # fmt: skip
        text = done.stdout.strip().splitlines()
        said = json.loads(text[-1]) if text else {}
        size = f"{said.get('executions', '?')} executions"
        rows.append(Row("loom", model, variant, str(one["expect"]), size, done.returncode == 0))
    return rows


def main() -> int:
    for tool in ("spin", "gcc", "cargo"):
        if not shutil.which(tool):
            print(f"{tool} is not installed: spin and gcc are Debian packages, cargo is Rust's")
            return 2
    rows = [spin_row(*one) for one in SPIN] + loom_rows()
    for row in rows:
        mark = "" if row.good else "   NOT AS EXPECTED"
        print(
            f"{row.tool:5s} {row.model:22s} {row.variant:26s} {row.verdict:24.60s} {row.size}{mark}"
        )
    bad = sum(not row.good for row in rows)
    print(f"{len(rows)} models and variants, {bad} not as expected")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
