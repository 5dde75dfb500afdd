# SPDX-License-Identifier: Apache-2.0
"""Goal: free-running load on the intact core is linearizable on every lock model, and the checker
of histories alone finds bugs that are switched on.

Method: `vmalab lin` as its user runs it. A failure of the intact core prints the shortest prefix
without an order and names the file that has it; `vmalab lin --recheck FILE` shows it again. A
mutant that is not found within its time prints how much was checked.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from patience import HANG_S
from vmalab.ops import Op
from vmalab_cli import app
from vmalab_lin import plan
from vmalab_lin.ops import History, load, save
from vmalab_native.core import lock_models
from vmalab_native.history import Answer, Kind

VMALAB = str(Path(sys.executable).with_name("vmalab"))
FOUND_WITHIN_S = 80


def lin(*arguments: str, code: int = 0) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [VMALAB, "lin", *arguments],
        capture_output=True,
        text=True,
        timeout=HANG_S,
        check=False,
    )
    assert done.returncode == code, done.stdout + done.stderr
    return done


def facts(*arguments: str, code: int = 0) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(lin(*arguments, "--json", code=code).stdout)
    return found


@pytest.fixture(scope="module")
def intact(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Every model, for a moment."""
    out = tmp_path_factory.mktemp("lin")
    return facts("--model", "all", "--duration", "0.3", "--keep", "--out", str(out))


def test_intact_models_have_an_order(intact: dict[str, Any]) -> None:
    assert [one["model"] for one in intact["models"]] == list(lock_models())
    assert (intact["violations"], intact["undecided"]) == (0, 0)
    for one in intact["models"]:
        assert one["checked"] == one["ops"] > 3000, one
        assert one["problems"] == [], one
        assert len(one["ops_by_kind"]) == len(Kind), "every operation was done"
        assert one["orders_per_step"] > 1, "operations overlapped"


def test_what_no_history_has_has_a_reason() -> None:
    assert plan.unjudged() == []
    drawn = set(Op) - set(plan.LEFT_OUT)
    assert drawn == set(plan.RECORD_OP.values()), "with a reason, and in the load"


def test_operations_end_well_and_badly(intact: dict[str, Any]) -> None:
    """The load reaches what it is to check: most answers that there are are given."""
    seen = set()
    for one in intact["models"]:
        for file in one["kept"]:
            ops = load(Path(file)).ops
            seen |= {(int(op["kind"]), int(op["answer"])) for op in ops}
    for kind in Kind:
        assert (kind, Answer.OK) in seen, kind
    for pair in (
        (Kind.READ, Answer.MAPERR), (Kind.READ, Answer.ACCERR), (Kind.WRITE, Answer.ACCERR),
        (Kind.READ, Answer.NO_MM), (Kind.PROTECT, Answer.HOLE), (Kind.DONTNEED, Answer.HOLE),
        (Kind.MAP_NEW, Answer.EXISTS), (Kind.MOVE, Answer.MAPERR), (Kind.UFFD, Answer.REFUSED),
        (Kind.READ, Answer.PKERR), (Kind.WRITE, Answer.PKERR),
        (Kind.PKEY_PROTECT, Answer.BAD_KEY), (Kind.PKEY_PROTECT, Answer.HOLE),
        (Kind.PKEY_FREE, Answer.BAD_KEY),
        (Kind.MAP, Answer.ACCERR), (Kind.PROTECT, Answer.ACCERR),
    ):  # fmt: skip
        assert pair in seen, pair


def test_one_flipped_answer_of_a_recorded_history_is_found(
    intact: dict[str, Any], tmp_path: Path
) -> None:
    """Each of some reads of a recorded history, given another word, leaves no order."""
    whole = load(Path(intact["models"][0]["kept"][0]))
    reads = np.flatnonzero((whole.ops["kind"] == Kind.READ) & (whole.ops["answer"] == Answer.OK))
    assert len(reads) > 20
    for index in reads[:: len(reads) // 10]:
        ops = whole.ops.copy()
        ops["word"][index] ^= 1 << 39  # a word that nobody stored
        flipped = History(whole.shape, ops, whole.about)
        failure = flipped.check().failure
        assert failure is not None
        assert failure.op == index
    path = tmp_path / "flipped.json"
    save(path, flipped)
    text = lin("--recheck", str(path), code=1).stdout
    assert "NOT LINEARIZABLE" in text
    assert "=>" in text
    assert facts("--recheck", str(path), code=1)["violations"] == 1
    assert facts("--recheck", intact["models"][0]["kept"][0])["violations"] == 0


@pytest.mark.parametrize("mutant", ["mm_not_compared", "fork_parent_unlocked"])
def test_mutants_are_found_by_the_checker_alone(mutant: str, tmp_path: Path) -> None:
    """The file that is written fails again when it is read."""
    row = facts(
        *("--mutant", mutant, "--duration", str(FOUND_WITHIN_S), "--out", str(tmp_path)), code=1
    )
    assert row["violations"] >= 1, row
    for file in row["models"][0]["files"]:
        assert load(Path(file)).check().failure is not None
        assert "NOT LINEARIZABLE" in lin("--recheck", file, code=1).stdout


def children(pid: int) -> list[int]:
    return [int(one) for one in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def test_a_process_that_dies_is_no_success(tmp_path: Path) -> None:
    """What it had done is lost, so the history of its epoch is not complete: the run ends and says
    who died. Nothing is left behind."""
    with subprocess.Popen(
        [VMALAB, "lin", "--duration", "3600", "--json", "--out", str(tmp_path)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as command:
        deadline = time.monotonic() + HANG_S
        while not list(Path("/dev/shm").glob(f"vmalab.loadgen-{command.pid}-*")):
            assert time.monotonic() < deadline, "no segment"
            time.sleep(0.1)
        actors = [
            pid
            for pid in children(command.pid)
            if b"spawn_main" in Path(f"/proc/{pid}/cmdline").read_bytes()
        ]
        assert len(actors) == 4
        os.kill(actors[1], signal.SIGKILL)
        out, _ = command.communicate(timeout=HANG_S)
    row = json.loads(out)
    assert command.returncode == 1
    assert row["models"][0]["problems"] == ["process 1 died, exit code -9"]
    assert not list(Path("/dev/shm").glob(f"vmalab.loadgen-{command.pid}-*"))


@pytest.mark.long
@pytest.mark.parametrize(
    ("mutant", "model"),
    [
        ("mm_not_compared", "typesafe-rwsem"), ("mm_not_compared", "refcount"),
        ("fork_parent_unlocked", "split-rwsem"), ("fork_parent_unlocked", "embedded-rwsem"),
        ("fork_parent_unlocked", "typesafe-rwsem"), ("fork_parent_unlocked", "refcount"),
    ],
)  # fmt: skip
def test_mutants_on_all_their_models(mutant: str, model: str, tmp_path: Path) -> None:
    for _ in range(3):
        row = facts(
            *("--mutant", mutant, "--model", model, "--duration", str(FOUND_WITHIN_S)),
            *("--out", str(tmp_path)),
            code=1,
        )
        assert row["violations"] >= 1, row


@pytest.mark.long
@pytest.mark.parametrize("delays", [False, True])
def test_intact_models_for_minutes(delays: bool, tmp_path: Path) -> None:
    """With delays: the lab core, whose sync points pause at random, so that windows are wide."""
    how = ["--delays"] if delays else []
    row = facts(*("--model", "all", "--duration", "60", "--out", str(tmp_path)), *how)
    assert (row["violations"], row["undecided"]) == (0, 0)


NONSENSE = [
    (["--mutant", "B99"], "there is no mutant 'B99' (did you mean B9?); there are"),
    (["--mutant", "B5", "--model", "mmap-lock"], "mmap-lock cannot have B5"),
    (
        ["--mutant", "mm_read_after_put", "--mutant", "dup_copies_detached", "--model", "all"],
        "no model",
    ),
    (["--pages", "3"], "3 pages are no whole cells of 2"),
    (["--without", "frok"], "--without frok: the operations are read, write"),
    (["--model", "none"], "lock model 'none'; there are mmap-lock"),
    (["--model", "all", "--layout", "padded"], "--layout is for one model"),
    (["--out", "/nowhere"], "--out /nowhere: no such folder"),
    (["--recheck", "/nowhere"], "/nowhere: No such file"),
    (["--recheck", str(Path(__file__))], "no JSON"),
]


@pytest.mark.parametrize(("arguments", "says"), NONSENSE)
def test_nonsense_is_refused(arguments: list[str], says: str) -> None:
    done = CliRunner().invoke(app.app, ["lin", *arguments])
    assert done.exit_code == 2, done.output
    assert says in done.output.replace("\n", " ")
