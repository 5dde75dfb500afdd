# SPDX-License-Identifier: Apache-2.0
"""Goal: a recorded trace is a load: all its operations are done, over and over, and each answer is
that of the trace or is found out.

Method: traces that are shipped, and one that is written here, on a segment of its own. What the
load does in a turn is counted against what the plan of the replayer has.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from vmalab.ops import Op
from vmalab_cli import app
from vmalab_drive import drivers, instances, spawning
from vmalab_drive.drivers import Driver, DriverError, Target
from vmalab_drive.errors import UsageError
from vmalab_drive.packed import RESULT
from vmalab_loadgen import load
from vmalab_loadgen.config import LoadConfig
from vmalab_loadgen.recorded import Recorded, TraceMaker
from vmalab_server.embedded import EmbeddedServer
from vmalab_trace.steps import Kind

spawning.context()  # its tracker is there before the first test, and stays

SHIPPED = "trace:sqlite-pipeline"
CONFIG = LoadConfig(
    workload=SHIPPED, mode="attach", processes=2, shared_mms=0, seconds=float("inf"), ops=4000,
    seed=2, check=True,
)  # fmt: skip
LINES = """\
7 mmap(NULL, 8192, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0) = 0x7f0000002000
7 mprotect(0x7f0000002000, 4096, PROT_READ) = 0
7 mmap(0x7f0000003800, 4096, PROT_READ, MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED, -1, 0) = -1 EINVAL \
(Invalid argument)
7 munmap(0x7f0000002000, 8192) = 0
"""


def turns_of(maker: TraceMaker, driver: Driver, turns: int) -> None:
    while maker.turns < turns:
        block = maker.make(700)
        maker.check(block, driver.run(block.data))


@pytest.fixture
def one() -> Iterator[Driver]:
    with instances.instance_for(mode="attach") as target, drivers.connect(target, "attach") as made:
        yield made
        assert made.fsck() == []


def maker_of(workload: str, driver: Driver) -> TraceMaker:
    trace = Recorded.read(workload, driver)
    return TraceMaker(trace, mm=driver.create(), me=0, driver=driver)


def test_two_turns(one: Driver) -> None:
    """Every step is done twice, as a record or between two, and agrees."""
    maker = maker_of(SHIPPED, one)
    turns_of(maker, one, 2)
    assert maker.tally.wrong == 0, maker.tally.wrong_first
    steps = maker._trace.steps
    begun = len(maker._trace.begin)  # of the third turn
    assert maker.tally.ops.total() + maker.between == 2 * len(steps) + begun
    kinds = Counter(step.kind for step in steps)
    assert maker.tally.ops["fork"] == 2 * kinds[Kind.FORK] > 0
    assert maker.between >= 2 * (kinds[Kind.IMPORT] + kinds[Kind.EXEC] + kinds[Kind.CHECK])
    one.run(maker.farewell())
    for file in maker.files:
        one.close_file(file)


def test_a_changed_answer_is_found(one: Driver, tmp_path: Path) -> None:
    """Each field of an answer, of a call that succeeds and of one that fails."""
    (tmp_path / "trace").write_text(LINES)
    maker = maker_of(f"trace:{tmp_path / 'trace'}", one)
    for field, row, found in (
        ("value", 0, 1), ("status", 1, 1), ("status", 2, 1), ("value", 3, 0),
    ):  # fmt: skip
        block = maker.make(64)
        assert Op(block.kinds.tolist()[0]).name == "MMAP"
        answers = np.frombuffer(one.run(block.data), RESULT).copy()
        before = maker.tally.wrong
        answers[field][row] += 1
        maker.check(block, answers.tobytes())
        assert maker.tally.wrong == before + found, (field, row)
    assert maker.tally.wrong_first[0].what.startswith("line 1: mmap(")


def test_what_cannot_be_a_load(one: Driver, tmp_path: Path) -> None:
    (tmp_path / "trace").write_text(LINES.replace("PROT_READ) = 0", "PROT_READ) = -1 EACCES (no)"))
    with pytest.raises(DriverError, match="answers are not those of the trace, first line"):
        maker_of(f"trace:{tmp_path / 'trace'}", one)
    with pytest.raises(UsageError, match="no file named trace"):
        maker_of(f"trace:{tmp_path.parent}", one)


@pytest.mark.long
def test_processes() -> None:
    """Each process has address spaces of its own, and leaves nothing, also in the middle."""
    with instances.instance_for(mode="attach") as target:
        result = load.run(CONFIG, target)
    assert result.good, (result.wrong_first, result.lost, result.problems, result.leaks)
    assert result.total == 4000
    assert result.turns > 1
    assert result.between > result.turns


@pytest.mark.long
@pytest.mark.parametrize("workload", [SHIPPED, "trace:python-threads"])
@pytest.mark.parametrize("mode", ["unary", "batch"])
def test_over_a_server(workload: str, mode: str) -> None:
    with EmbeddedServer(workers=2) as server:
        target = Target(address=server.target, instance=server.instance)
        how = LoadConfig(
            workload=workload, mode=mode, processes=2, shared_mms=0, seconds=float("inf"),
            ops=6000, seed=2, check=True,
        )  # fmt: skip
        result = load.run(how, target)
    assert result.good, (result.wrong_first, result.lost, result.problems, result.leaks)


def test_usage() -> None:
    done = CliRunner().invoke(app.app, ["load", "--workload", "trace:/no/such/folder"])
    assert done.exit_code == 2, done.output
    assert "/no/such/folder is not a folder" in done.output
