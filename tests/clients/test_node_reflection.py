# SPDX-License-Identifier: Apache-2.0
"""A client in another language that knows the service from reflection alone.

Goal: the first proof that other languages can. Method: a Node program without any proto of this
project asks the server for its descriptors, then calls Mmap, Fault and Munmap. Its packages are
installed once, as package-lock.json says, into the tree (node_modules is not committed).
"""

import fcntl
import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from vmalab_client import Client
from vmalab_server.embedded import EmbeddedServer

FOLDER = Path(__file__).resolve().parent / "node_reflection"
NODE_VERSION_MIN = 18


def installed_packages() -> None:
    """Install what package-lock.json says, unless that was done; one process at a time."""
    lock_text = (FOLDER / "package-lock.json").read_text()
    stamp = FOLDER / "node_modules" / ".installed"
    with (FOLDER / "package.json").open() as guard:
        fcntl.flock(guard, fcntl.LOCK_EX)
        if stamp.exists() and stamp.read_text() == lock_text:
            return
        command = ["npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts"]
        done = subprocess.run(
            command, cwd=FOLDER, capture_output=True, text=True, timeout=240, check=False
        )
        assert done.returncode == 0, f"npm ci failed:\n{done.stdout}{done.stderr}"
        stamp.write_text(lock_text)


@pytest.fixture(scope="module")
def node() -> str:
    """The Node program; a machine without it cannot run this test."""
    program = shutil.which("node")
    if program is None or shutil.which("npm") is None:
        pytest.skip(f"Node {NODE_VERSION_MIN} or newer with npm is needed (apt install nodejs npm)")
    version = subprocess.run([program, "--version"], capture_output=True, text=True, check=True)
    if int(version.stdout.strip().lstrip("v").split(".")[0]) < NODE_VERSION_MIN:
        pytest.skip(f"Node {NODE_VERSION_MIN} or newer is needed, this is {version.stdout}")
    installed_packages()
    return program


@pytest.mark.timeout(300)
def test_a_generic_client_maps_touches_and_unmaps(
    node: str, vmalab_server: EmbeddedServer, vmalab_client: Client
) -> None:
    before = vmalab_client.inspect.vmstat()
    done = subprocess.run(
        [node, str(FOLDER / "client.mjs"), vmalab_server.target],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    report: dict[str, Any] = json.loads(done.stdout)
    assert "vmalab.v1.MemoryService" in report["services"]
    assert report["mapped"]["errno_code"] == 0
    assert int(report["mapped"]["addr"]) == 0x7FFF_F7FF_F000 - 8192
    assert report["written"]["signal"] == 0
    assert report["read"]["word"] == str(0xFEDC_BA98_7654_3210)
    assert report["unmapped"]["errno_code"] == 0
    assert report["refused"]["errno_name"] == "EINVAL"
    assert (report["lost"]["signal"], report["lost"]["si_code"]) == (11, 1)
    assert report["gone"]["code"] == "NOT_FOUND"
    assert "NO_SUCH_MM" in report["gone"]["details"]
    after = vmalab_client.inspect.vmstat()
    assert after["mmap"] > before["mmap"]
    assert after["munmap"] > before["munmap"]
