# SPDX-License-Identifier: Apache-2.0
"""The fixtures for other people's suites, in a suite of somebody else's."""

import subprocess
import sys
from pathlib import Path

from patience import HANG_S

SUITE = """
import pytest

@pytest.fixture(scope="session")
def vmalab_workers():
    return 1

def test_client(vmalab_client):
    with vmalab_client.address_space() as mm:
        mm.write(mm.mmap(4096), 1)
    assert len(vmalab_client.inspect.workers()) == 1

def test_server(vmalab_server, vmalab_client):
    assert vmalab_client.inspect.server_info().instance == vmalab_server.instance
"""
UNRELATED = """
import sys

def test_nothing_is_started_or_imported():
    assert "grpc" not in sys.modules
    assert "vmalab_server" not in sys.modules
"""


def run_suite(folder: Path, text: str) -> subprocess.CompletedProcess[str]:
    (folder / "test_theirs.py").write_text(text)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(folder)]
    if not entry_point_installed():
        command[3:3] = ["-p", "vmalab_pytest"]
    return subprocess.run(
        command, cwd=folder, capture_output=True, text=True, timeout=HANG_S, check=False
    )


def entry_point_installed() -> bool:
    from importlib.metadata import entry_points

    return any(entry.value == "vmalab_pytest" for entry in entry_points(group="pytest11"))


def test_a_foreign_suite_gets_a_server(tmp_path: Path) -> None:
    done = run_suite(tmp_path, SUITE)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "2 passed" in done.stdout


def test_a_suite_without_use_for_it_pays_nothing(tmp_path: Path) -> None:
    done = run_suite(tmp_path, UNRELATED)
    assert done.returncode == 0, done.stdout + done.stderr
