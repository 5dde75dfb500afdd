# SPDX-License-Identifier: Apache-2.0
"""Goal: the models of the lock protocols say what they should, and it is true of the core.

Method: spin searches models (native/models): intact ones to the end, others with a bug that must be
found; the few quick ones here, all of them with -m long (loom too: `make models`). A counterexample
becomes a schedule (trail.py), which real processes follow on the lab core, to the same broken
invariant. `NOT AS EXPECTED` marks a model that does not say what it should: spin_table.py has its
switches. A schedule that diverges names a step of the model that the core does not make.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from patience import HANG_S
from vmalab_native.race import explore, schedule

ROOT = Path(__file__).resolve().parents[2]
MODELS = ROOT / "native" / "models"


@pytest.fixture(scope="module", autouse=True)
def spin() -> None:
    """spin, from Debian when we are root."""
    subprocess.run([ROOT / ".ci" / "tools", "gcc=gcc", "spin=spin"], check=True, timeout=HANG_S)
    assert shutil.which("spin")


def script(name: str, *args: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, MODELS / name, *args],
        capture_output=True,
        text=True,
        timeout=HANG_S,
        check=False,
    )


def test_the_quick_models() -> None:
    done = script("run.py", "--quick")
    assert done.returncode == 0, done.stdout + done.stderr
    assert len(done.stdout.splitlines()) == 13


@pytest.mark.long
def test_all_models() -> None:
    done = script("run.py")
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("model", "mutant"),
    [
        ("refcount", "mm_read_after_put"),
        ("refcount", "foreign_wake_unpinned"),
        ("typesafe-rwsem", "dup_copies_detached"),
        ("typesafe-rwsem", "mm_not_compared"),
        ("embedded-rwsem", "move_blocks_holding_vma"),
        ("typesafe-rwsem", "first_stamp_odd"),
    ],
)
def test_a_counterexample_happens_on_the_core(model: str, mutant: str) -> None:
    made = script("trail.py", model, mutant)
    assert made.returncode == 0, made.stderr
    one = schedule.parse(made.stdout)
    assert one.mutants == (mutant,)
    assert one.expect
    done = explore.replay(one, times=3)
    assert done.violation is not None
    assert (done.violation.invariant, done.traces) == (one.expect, 1), done.violation.text
    # Without the bug the same steps break nothing, or are not made at all.
    intact = explore.replay(schedule.Schedule(one.scenario, model, (), one.lines, one.expect))
    assert intact.violation is None or intact.violation.invariant == "diverged"


def test_what_has_no_trail_is_said() -> None:
    done = script("trail.py", "typesafe-rwsem", "B2")
    assert done.returncode == 2
    assert "B2 is a bug of refcount, not of 'typesafe-rwsem'" in done.stderr
