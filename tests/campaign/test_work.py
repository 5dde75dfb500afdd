# SPDX-License-Identifier: Apache-2.0
"""Goal: what a run came to is what its row says: good, or failed with the reason; it ends with the
process that started it.

Method: commands that end well, that fail, that take too long; a parent that is killed.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from patience import HANG_S
from servers import wait_for
from vmalab_campaign.work import Outcome, Task, run_one
from vmalab_server import version


def outcome(
    *command: str, timeout_s: float = HANG_S, files: dict[str, str] | None = None
) -> Outcome:
    return Outcome(**run_one(Task("t", version(), command, files or {}, timeout_s)))


def test_a_good_one() -> None:
    told = outcome("layout", "--list", "--json")
    assert (told.good, told.exit_code, told.reason) == (True, 0, "")
    assert json.loads(told.result)
    assert told.machine["cpus"] >= 1
    assert told.begin < told.end


def test_failed_ones() -> None:
    told = outcome("load", "--mode", "sideways", "--json")
    assert (told.good, told.exit_code, told.result) == (False, 2, "")
    assert told.reason.startswith("exit code 2: vmalab: --mode sideways")
    assert told.errors.endswith("unary, batch or attach\n")


@pytest.mark.long
def test_other_failures() -> None:
    assert outcome("--version").reason == "it printed no JSON object"
    late = outcome("lin", "--duration", "3600", "--json", timeout_s=3.0)
    assert late.reason == "not done after 3 s"
    assert late.exit_code in (128 + signal.SIGTERM, -signal.SIGTERM)


def test_another_version() -> None:
    told = Outcome(**run_one(Task("t", "9.9", ("ps",), {}, 9.0)))
    assert told.exit_code is None
    assert "the campaign is of 9.9" in told.reason


@pytest.mark.long
def test_what_it_leaves_is_kept() -> None:
    """A history that fails, which nobody can make again."""
    told = outcome("lin", "--mutant", "fork_parent_unlocked", "--duration", "60", "--json")
    assert told.exit_code == 1
    (name,) = told.files
    assert name.startswith("lin-")
    assert json.loads(told.result)["violations"] == 1


PARENT = """
import sys
from vmalab_campaign.work import Task, run_one
from vmalab_server import version
run_one(Task("t", version(), ("lin", "--duration", "3600", "--json"), {}, 3600.0))
"""


@pytest.mark.long
def test_it_ends_with_the_process_that_started_it() -> None:
    """Its processes and its segment too: what is left is found by the guard of conftest.py."""
    parent = subprocess.Popen([sys.executable, "-c", PARENT])

    def run() -> list[int]:
        found = []
        for entry in Path("/proc").iterdir():
            try:
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
            except (OSError, NotADirectoryError):
                continue
            if entry.name.isdigit() and int(fields[1]) == parent.pid:
                found.append(int(entry.name))
        return found

    wait_for("a run is there", run)
    (child,) = run()
    wait_for("it has processes", lambda: (Path(f"/proc/{child}/task/{child}/children")).read_text())
    os.kill(parent.pid, signal.SIGKILL)
    parent.wait(HANG_S)
    wait_for("the run is gone", lambda: not Path(f"/proc/{child}").exists())
