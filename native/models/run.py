# SPDX-License-Identifier: Apache-2.0
"""Runs the models of the lock protocols: `make models`.

spin   the protocols, memory sequentially consistent (spin/*.pml): intact, every interleaving; and
       with one bug each, named as in lab_mutants.h, which must give a counterexample
loom   the orderings (loom/): each model intact, and each ordering or check taken away, which must
       be found, unless the model itself says why it cannot

usage: run.py [--quick] [--spin] [--markdown]
  --quick      the few models of `make test` (spin alone)
  --spin       spin alone
  --markdown   the rows as the table of docs/models-checked.md

Exit code 0 when an intact model passes to the end, each bug is found, and each mutant of the lab is
there or is said to be elsewhere; a row that is not as expected is marked, and the last line counts
them.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import spin_table

HERE = Path(__file__).resolve().parent


@dataclass(frozen=True, slots=True)
class Row:
    """One model in one variant."""

    tool: str
    model: str
    variant: str
    verdict: str
    size: str
    good: bool


def spin_row(row: spin_table.Row) -> Row:
    """Every interleaving of a Promela model, or the first counterexample."""
    variant = " ".join((row.scene, spin_table.mutant_label(row.mutant))).strip() or "intact"
    with tempfile.TemporaryDirectory(prefix="vmalab-spin-") as scratch:
        try:
            said = spin_table.verify(row, Path(scratch))
        except subprocess.CalledProcessError as error:
            text = str(error.output or error).strip().splitlines()
            return Row("spin", row.model, variant, text[0] if text else "spin", "?", False)
        except subprocess.TimeoutExpired:
            return Row("spin", row.model, variant, "not done in time", "?", False)
    verdict = said.broken or ("passes" if said.whole else "cut off")
    size = f"{int(said.states):,} states, depth {said.depth}" if said.states != "?" else "?"
    good = said.whole and bool(said.broken) == row.wanted
    return Row("spin", row.model, variant, verdict, size, good)


def loom_rows() -> list[Row]:
    """Every loom model in every variant."""
    cargo = ["cargo", "run", "--quiet", "--release", "--"]
    listed = subprocess.run([*cargo, "list"], cwd=HERE / "loom", capture_output=True, text=True,
                            check=False)  # fmt: skip
    if listed.returncode:
        said = listed.stderr.strip().splitlines() or ["nothing said"]
        print(f"cargo cannot build native/models/loom: {said[0]}", file=sys.stderr)
        raise SystemExit(2)
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


def line(row: Row, *, markdown: bool) -> str:
    mark = "" if row.good else "   NOT AS EXPECTED"
    if markdown:
        return f"| {row.model} | {row.variant} | {row.verdict} | {row.size}{mark} |"
    return f"{row.tool:5s} {row.model:15s} {row.variant:44s} {row.verdict:24.60s} {row.size}{mark}"


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Runs the models of the lock protocols.")
    parser.add_argument("--quick", action="store_true", help="the few models of `make test`")
    parser.add_argument("--spin", action="store_true", help="spin alone")
    parser.add_argument("--markdown", action="store_true", help="the rows as a table")
    return parser.parse_args()


def main() -> int:
    wanted = options()
    spin_alone = wanted.quick or wanted.spin
    for tool in ("spin", "gcc", *(() if spin_alone else ("cargo",))):
        if not shutil.which(tool):
            print(f"{tool} is not installed: spin and gcc are Debian packages, cargo is Rust's")
            return 2
    chosen = [
        row
        for row in spin_table.rows()
        if not wanted.quick or (row.model, row.scene, row.mutant) in spin_table.QUICK
    ]
    rows = []
    with ThreadPoolExecutor(max_workers=os.cpu_count() or 1) as pool:
        for row in pool.map(spin_row, chosen):
            rows.append(row)
            print(line(row, markdown=wanted.markdown), flush=True)
    for row in [] if spin_alone else loom_rows():
        rows.append(row)
        print(line(row, markdown=wanted.markdown), flush=True)
    if not wanted.quick and spin_table.forgotten():
        print(f"spin_table.py: no model and no reason for {', '.join(spin_table.forgotten())}")
        return 1
    bad = sum(not row.good for row in rows)
    print(f"{len(rows)} models and variants, {bad} not as expected", file=sys.stderr)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
