# SPDX-License-Identifier: Apache-2.0
"""Goal: the client works where grpcio and protobuf are installed and nothing else is.

Method: an interpreter without site-packages gets a folder with links to those two, to what grpcio
itself needs, to the client and to the protos. It does real calls on a real server, and then says
which modules it has loaded.
"""

import subprocess
import sys
from importlib.metadata import distribution
from pathlib import Path

import pytest

import vmalab
import vmalab_client
from patience import HANG_S
from vmalab_server.embedded import EmbeddedServer

INSTALLED = ("grpcio", "protobuf", "typing_extensions")
"""The last is what grpcio needs."""
OURS = ("vmalab", "vmalab_client")
PROGRAM = """
import sys
sys.path.insert(0, sys.argv[2])
from vmalab_client import AsyncClient, BlockBuilder, Client, ServiceError, parse_results

with Client(sys.argv[1]) as client, client.address_space() as mm:
    addr = mm.mmap(8192)
    mm.write(addr, 7)
    assert mm.read(addr) == 7
    block = BlockBuilder()
    block.fault(mm.mm, addr)
    assert [result.value for result in parse_results(client.apply(block))] == [7]
    assert "rw" in mm.maps()
    try:
        client.use(1, hold=False).mmap(4096)
    except ServiceError as error:
        assert error.reason
tops = {name.split(".")[0] for name in sys.modules} - sys.stdlib_module_names
print(*sorted(name for name in tops if not name.startswith("_")))
"""


def tops_of(name: str) -> set[Path]:
    """Files and folders that a distribution has at the top of site-packages."""
    package = distribution(name)
    return {
        Path(str(package.locate_file(file.parts[0])))
        for file in package.files or ()
        if ".." not in file.parts and "dist-info" not in file.parts[0]
    }


@pytest.fixture
def site(tmp_path: Path) -> Path:
    for name in INSTALLED:
        for source in tops_of(name):
            if (tmp_path / source.name).exists():
                continue
            if source.name == "google":  # a namespace that other distributions share
                (tmp_path / "google").mkdir()
                for part in ("protobuf", "_upb"):
                    (tmp_path / "google" / part).symlink_to(source / part)
            else:
                (tmp_path / source.name).symlink_to(source)
    for module in (vmalab, vmalab_client):
        folder = Path(str(module.__file__)).parent
        (tmp_path / folder.name).symlink_to(folder)
    return tmp_path


def test_the_client_alone(site: Path) -> None:
    with EmbeddedServer(workers=1) as server:
        done = subprocess.run(
            [sys.executable, "-S", "-E", "-P", "-c", PROGRAM, server.target, str(site)],
            capture_output=True,
            text=True,
            timeout=HANG_S,
            check=False,
        )
    assert done.returncode == 0, done.stderr
    allowed = {"grpc", "google", "cython_runtime", *OURS, *INSTALLED}  # grpc is made with Cython
    assert set(done.stdout.split()) <= allowed
    assert {"grpc", *OURS} <= set(done.stdout.split())
