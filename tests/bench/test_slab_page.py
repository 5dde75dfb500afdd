# SPDX-License-Identifier: Apache-2.0
"""Goal: every command of docs/slab.md does what the page says, and the page names every setting.

Method: the lines of the fenced blocks are run as they are written; those that take minutes with
-m long (each run has `bench slab --smoke` in test_bench.py, and kills in test_slab_settings.py).
"""

import dataclasses
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import get_args

import pytest

from patience import HANG_S
from vmalab_native import slab

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "docs" / "slab.md").read_text(encoding="utf-8")
COMMANDS = [
    line
    for block in re.findall(r"^```sh\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)
    for line in block.splitlines()
]


def shown(command: str) -> str:
    words = command.split()
    given = dict(word.split("=", 1) for word in words if word.startswith("VMALAB_"))
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    done = subprocess.run(
        words[len(given) :],
        env=os.environ | given | {"PATH": path},
        capture_output=True,
        text=True,
        timeout=10 * HANG_S,
        check=False,
    )
    assert done.returncode == 0, f"{command}\n{done.stdout[-3000:]}{done.stderr[-3000:]}"
    return done.stdout


@pytest.mark.parametrize("command", [one for one in COMMANDS if "race run" in one])
def test_a_mutant_is_shown(command: str) -> None:
    """Exit code 0 with a mutant: an invariant broke."""
    assert "every invariant held" not in shown(command)


@pytest.mark.long
@pytest.mark.serial
@pytest.mark.parametrize("command", [one for one in COMMANDS if "race run" not in one])
def test_for_long(command: str) -> None:
    assert shown(command)


def test_the_page_names_every_setting() -> None:
    assert len([one for one in COMMANDS if "race run" in one]) == 4
    for field in dataclasses.fields(slab.Slab):
        assert f"| `{field.name}` |" in TEXT
    for values in (slab.Ctor, slab.Reset, slab.FreePointer):
        for value in get_args(values):
            assert f"`{value}`" in TEXT
