# SPDX-License-Identifier: Apache-2.0
"""Goal: `vmalab campaign FILE` does the runs of a file, each once, and says what is wrong with what
it was given.

Method: the command as a user types it, on small campaigns.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from vmalab_cli import app

TEXT = '[a]\nkind = "scale"\nmodel = ["mmap-lock", "refcount"]\nlayout = ["aligned", "packed"]\n'


def campaign(*words: str) -> tuple[int, str, str]:
    done = CliRunner().invoke(app.app, ["campaign", *words])
    return done.exit_code, done.stdout, done.stderr


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "c.toml"
    path.write_text(TEXT)
    return path


def test_the_plan(file: Path) -> None:
    """It is shown, and nothing is done or made."""
    code, out, err = campaign(str(file), "--plan")
    assert code == 0
    assert "left out: a model=mmap-lock layout=packed: there is no layout 'packed'" in err
    lines = out.split("\n")
    assert lines[0].split() == ["1", "a", "model=mmap-lock", "layout=aligned", "seed=1"]
    assert lines[1].strip() == (
        "vmalab scale --model mmap-lock --layout aligned --seed 1 --json"
    )  # fmt: skip
    code, out, _ = campaign("run", str(file), "--plan", "--json")
    assert [one["number"] for one in json.loads(out)["runs"]] == [1, 2, 3]
    assert [path.name for path in file.parent.iterdir()] == ["c.toml"]


def test_usage(file: Path) -> None:
    for words, says in (
        (("run",), "give the FILE of a campaign"),
        ((str(file.parent / "none.toml"),), "none.toml: No such file"),
        ((str(file), "--db", str(file)), "this is the file of the campaign"),
        ((str(file), "--db", "/no/such/c.db"), "there is no folder /no/such"),
        ((str(file), "--scheduler", "tcp://127.0.0.1:1", "--workers", "2"), "leave it out"),
        ((str(file), "--speed", "9"), "No such option"),
    ):
        code, _, err = campaign(*words)
        assert code == 2, words
        assert says in err, words
    assert not file.with_suffix(".db").exists()
