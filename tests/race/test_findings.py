# SPDX-License-Identifier: Apache-2.0
"""Goal: every command of docs/findings.md and docs/cached-lookups.md shows what the page says.

Method: the lines of the fenced blocks are run as they are written. A mutant must be shown: exit
code 0, and an invariant is named. The models in Rust run with -m long: they need cargo.
"""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from patience import HANG_S

ROOT = Path(__file__).resolve().parents[2]
PAGES = ("docs/findings.md", "docs/cached-lookups.md")
PROGRAM = ("gcc ", "./guard_lost")
SURVEYS = "vmalab race all "
"""Minutes: `make test` runs each mutant by itself (test_lab.py)."""


def commands() -> list[str]:
    found = []
    for page in PAGES:
        text = (ROOT / page).read_text(encoding="utf-8")
        for block in re.findall(r"^```sh\n(.*?)^```$", text, re.MULTILINE | re.DOTALL):
            found += block.splitlines()
    return found


def shown(command: str) -> str:
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    done = subprocess.run(
        command.split(),
        cwd=ROOT,
        env={**os.environ, "PATH": path},
        capture_output=True,
        text=True,
        timeout=HANG_S,
        check=False,
    )
    assert done.returncode == 0, f"{command}\n{done.stdout[-3000:]}{done.stderr[-3000:]}"
    return done.stdout


def test_there_are_commands() -> None:
    """Five findings, each with one at least."""
    text = (ROOT / PAGES[0]).read_text(encoding="utf-8")
    parts = re.split(r"^## ", text, flags=re.MULTILINE)[1:6]
    assert [part[0] for part in parts] == list("12345")
    assert all("```sh" in part for part in parts)


@pytest.mark.parametrize("command", [one for one in commands() if "vmalab race run" in one])
def test_race(command: str) -> None:
    """Exit code 0: an invariant broke with a mutant, and none with a variant that puts it right."""
    held = "every invariant held" in shown(command)
    assert held == ("--variant" in command)


def test_the_program_is_harmless_here(tmp_path: Path) -> None:
    """It says what it saw. A kernel that loses guards would be the finding itself."""
    (tmp_path / "docs").symlink_to(ROOT / "docs")
    built, ran = (one for one in commands() if one.startswith(PROGRAM))
    subprocess.run([*built.split(), "-Wall", "-Wextra", "-Werror"], cwd=tmp_path, check=True)
    done = subprocess.run(
        ran.split(), cwd=tmp_path, capture_output=True, text=True, timeout=HANG_S, check=False
    )
    assert done.returncode in (0, 2), done.stdout + done.stderr
    said = re.fullmatch(
        r"Linux \S+: (\d+) rounds, in (\d+) of them a guard was lost\n", done.stdout
    )
    assert done.returncode == 2 or (said is not None and int(said[1]) > 0 and int(said[2]) == 0)


@pytest.mark.serial
@pytest.mark.parametrize(
    "command",
    [
        pytest.param(one, marks=pytest.mark.long if "bench models" in one else ())
        for one in commands()
        if "vmalab bench" in one
    ],
)
def test_bench(command: str) -> None:
    """`bench models`: its --smoke is in each run (test_bench.py)."""
    assert "cache" in shown(command)


@pytest.mark.long
@pytest.mark.parametrize(
    "command", [one for one in commands() if one.startswith(("cargo ", SURVEYS))]
)
def test_for_long(command: str) -> None:
    assert shown(command)


def test_none_is_left_out() -> None:
    known = (*PROGRAM, "vmalab race run", "vmalab bench", "cargo ", SURVEYS)
    assert [one for one in commands() if not one.startswith(known)] == []
