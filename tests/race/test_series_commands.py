# SPDX-License-Identifier: Apache-2.0
"""Goal: every command of docs/series.md shows what the page says, and its table of needs is true.

Method: the lines of the fenced blocks are given to the command line, in this process. A mutant must
be shown, and without one nothing breaks: exit code 0 in both cases. A failure shows the output.
"""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
from typer.testing import CliRunner

from vmalab_cli import app
from vmalab_native import needs
from vmalab_native.core import lock_models

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "series.md"
ELSEWHERE = {"vmalab race checks --model typesafe-rwsem": "tests/race/test_checks.py"}


def commands() -> list[str]:
    text = PAGE.read_text(encoding="utf-8")
    blocks = re.findall(r"^```sh\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    return [line for block in blocks for line in block.splitlines()]


@pytest.mark.parametrize("command", [one for one in commands() if one not in ELSEWHERE])
def test_command(command: str) -> None:
    _, *words = shlex.split(command)
    done = CliRunner().invoke(app.app, words)
    assert done.exit_code == 0, f"{command}\n{done.output[-3000:]}"
    if words[:2] == ["race", "run"]:
        assert ("every invariant held" in done.output) == ("--mutant" not in command)


def test_each_section_has_a_command() -> None:
    sections = PAGE.read_text(encoding="utf-8").split("\n## ")[1:]
    assert [part.splitlines()[0] for part in sections if "```sh\nvmalab " not in part] == []
    assert set(ELSEWHERE) <= set(commands())


def test_a_lock_of_its_own_needs_a_cache_and_an_exit_more() -> None:
    rows = {row.model: row for row in needs.all_models()}
    assert list(rows) == list(lock_models())
    most = {name: (row.caches, row.failures) for name, row in rows.items()}
    assert most == dict.fromkeys(rows, (1, 1)) | {"split-rwsem": (2, 2)}
    assert [name for name, row in rows.items() if row.deferred] == ["split-rwsem", "embedded-rwsem"]
    assert [name for name, row in rows.items() if row.typesafe] == ["typesafe-rwsem", "refcount"]
    assert rows["typesafe-rwsem"].orderings == ("VMA-1", "VMA-2", "VMA-3", "VMA-4", "VMA-9")
    assert rows["embedded-rwsem"].orderings == ("VMA-1", "VMA-3", "VMA-4")
    for row in rows.values():
        own = (ROOT / "native" / row.files[0]).read_text(encoding="utf-8")
        assert own.count("\nstatic inline ") <= row.functions
        assert (
            0
            < row.lines
            < sum(
                len((ROOT / "native" / name).read_text(encoding="utf-8").splitlines())
                for name in row.files
            )
        )
