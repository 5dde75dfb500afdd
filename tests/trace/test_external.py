# SPDX-License-Identifier: Apache-2.0
"""Goal: tests/external/run records and replays every program of a folder, and says what agreed.

Method: a folder with one program and a file that is none. A failure shows the table.
"""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import programs

RUN = programs.TRACES.parent / "external" / "run"


def test_a_folder_of_programs(tmp_path: Path) -> None:
    source = programs.TRACES / "programs" / "edge-opened.c"
    command = ["gcc", "-O1", "-w", "-o", str(tmp_path / "opened"), str(source)]
    subprocess.run(command, check=True)
    (tmp_path / "script").write_text("#!/bin/sh\n")
    (tmp_path / "script").chmod(0o755)
    words = [str(RUN), str(tmp_path), "--json", str(tmp_path / "found.json")]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 programs" in done.stdout
    assert "1 without a difference" in done.stdout
    [row] = json.loads((tmp_path / "found.json").read_text())
    assert row["name"] == "opened"
    assert row["ops"] > 60
    assert row["disagree"] == 0


def test_a_folder_without_programs(tmp_path: Path) -> None:
    done = subprocess.run([str(RUN), str(tmp_path)], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "build the suite first" in done.stderr
