# SPDX-License-Identifier: Apache-2.0
"""Goal: what a stranger installs from a source distribution is whole: core, traces, generated code.

Method: build the source distribution from the files of the repository, a wheel from that, unpack
it, and use it with nothing of the checkout on the path.
"""

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from patience import HANG_S

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = {
    *("vmalab_bench", "vmalab_cli", "vmalab_client", "vmalab_crash", "vmalab_diff", "vmalab_drive"),
    "vmalab_events",
    *("vmalab_lin", "vmalab_loadgen", "vmalab_native", "vmalab_pytest", "vmalab_race"),
    *("vmalab_server", "vmalab_trace"),
}
USE = """
import importlib
import vmalab.v1.memory_pb2
from pathlib import Path
from vmalab_native.core import Segment
from vmalab_cli.demo import TRACES, folders_in
for package in PACKAGES:
    folder = Path(importlib.import_module(package).__file__).parent
    assert UNPACKED in folder.parents, package
    assert (folder / "py.typed").exists(), package
assert len(folders_in(TRACES)) >= 2
from vmalab_cli.protos import files
names = {str(path) for path in files()}
assert {"README.md", "first/main.go", "vmalab/v1/memory.proto", "google/rpc/status.proto"} <= names
with Segment.create(NAME) as segment, segment.participant("client") as me:
    segment.unlink()
    assert me.maps(me.mm_create()) == ""
print("good")
"""


def run(*command: str, cwd: Path) -> str:
    done = subprocess.run(
        command,
        cwd=cwd,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=HANG_S,
        check=False,
    )
    assert done.returncode == 0, f"{command}:\n{done.stdout[-4000:]}"
    return done.stdout


def copy_of_the_repository(target: Path) -> None:
    listed = run("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", cwd=ROOT)
    for name in filter(None, listed.split("\0")):
        if (ROOT / name).is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, target / name)


@pytest.mark.long
@pytest.mark.skipif(not (ROOT / ".git").exists(), reason="needs the repository")
def test_sdist_and_wheel(tmp_path: Path) -> None:
    source, unpacked = tmp_path / "source", tmp_path / "unpacked"
    source.mkdir()
    copy_of_the_repository(source)
    backend = "import setuptools.build_meta as b; print(b.{}({!r}))"
    run(sys.executable, "-c", backend.format("build_sdist", str(tmp_path)), cwd=source)
    (archive,) = tmp_path.glob("vmalab-*.tar.gz")
    run("tar", "xf", archive.name, cwd=tmp_path)
    folder = tmp_path / archive.name.removesuffix(".tar.gz")
    run(sys.executable, "-c", backend.format("build_wheel", str(tmp_path)), cwd=folder)
    (wheel,) = tmp_path.glob("vmalab-*.whl")
    with zipfile.ZipFile(wheel) as packed:
        assert {name.split("/")[0].split("-")[0] for name in packed.namelist()} == {
            "vmalab",
            *PACKAGES,
        }
        packed.extractall(unpacked)
    prelude = (
        f"import sys; from pathlib import Path; UNPACKED = Path({str(unpacked)!r})\n"
        "sys.meta_path = [one for one in sys.meta_path if 'editable' not in repr(one).lower()]\n"
        f"PACKAGES = {sorted(PACKAGES)!r}\n"
        f"sys.path.insert(0, str(UNPACKED)); NAME = 'wheel-{os.getpid()}'\n"
    )
    assert "good" in run(sys.executable, "-c", prelude + USE, cwd=tmp_path)
