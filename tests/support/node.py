# SPDX-License-Identifier: Apache-2.0
"""Running Node programs in tests: Node itself, and the packages that gRPC clients need."""

from __future__ import annotations

import fcntl
import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from patience import HANG_S

FOLDER = Path(__file__).resolve().parents[1] / "clients" / "node_reflection"
VERSION_MIN = 18


def _install_packages() -> None:
    """Install what package-lock.json says, unless that was done; one process at a time."""
    lock_text = (FOLDER / "package-lock.json").read_text()
    stamp = FOLDER / "node_modules" / ".installed"
    with (FOLDER / "package.json").open() as guard:
        fcntl.flock(guard, fcntl.LOCK_EX)
        if stamp.exists() and stamp.read_text() == lock_text:
            return
        command = ["npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts"]
        done = subprocess.run(
            command, cwd=FOLDER, capture_output=True, text=True, timeout=HANG_S, check=False
        )
        assert done.returncode == 0, f"npm ci failed:\n{done.stdout}{done.stderr}"
        stamp.write_text(lock_text)


def found() -> str:
    """The Node program, with the packages installed; a machine without it cannot run the test."""
    program = shutil.which("node")
    if program is None or shutil.which("npm") is None:
        pytest.skip(f"Node {VERSION_MIN} or newer with npm is needed (apt install nodejs npm)")
    version = subprocess.run([program, "--version"], capture_output=True, text=True, check=True)
    if int(version.stdout.strip().lstrip("v").split(".")[0]) < VERSION_MIN:
        pytest.skip(f"Node {VERSION_MIN} or newer is needed, this is {version.stdout}")
    _install_packages()
    return program


def run(program: str, script: Path, *arguments: str) -> str:
    """What a script prints; fails when its exit code is not 0."""
    done = subprocess.run(
        [program, str(script), *arguments],
        capture_output=True,
        text=True,
        timeout=HANG_S,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def report(program: str, script: str, *arguments: str) -> dict[str, Any]:
    """The JSON object that a script of the folder prints."""
    facts: dict[str, Any] = json.loads(run(program, FOLDER / script, *arguments))
    return facts
