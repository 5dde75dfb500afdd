# SPDX-License-Identifier: Apache-2.0
"""Goal: what a stranger installs gives what the README shows, without the tree.

Method: the packages are built as for a release, and installed in empty environments (wheels in one,
the client alone in another, source distributions in a third). Commands run there in an empty
folder, with an empty home. A failure shows what the command said. VMALAB_DIST names a folder with
packages that are there already.

Seen to fail: wheels without the sources of the lab, of the benches or of one lock model, without
traces, without protos, with a link to a file, with another dependency, with another tag; an
installation that builds beside itself, without a lock; a source distribution without a C file.
"""

from __future__ import annotations

import email
import os
import re
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from collections.abc import Mapping
from email.message import Message
from pathlib import Path

import pytest

from environments import HANG_S, ROOT, Environment, files_of, run

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
VERSION = PROJECT["version"]
SMOKE = (
    "client/test_block",
    "client/test_wire",
    "native/test_primitives",
    "native/test_block_format",
    "server/test_handlers",
    "trace/test_strace",
)
"""Tests of the source distribution that need one core only, and seconds."""
CALLS = """
import sys
from vmalab_client import BlockBuilder, Client, parse_results

with Client(sys.argv[1]) as client, client.address_space() as mm:
    addr = mm.mmap(8192)
    mm.write(addr, 7)
    block = BlockBuilder()
    block.fault(mm.mm, addr)
    (result,) = parse_results(client.apply(block))
    assert client.inspect.server_info().version == sys.argv[2]
    print(result.value, len(client.lab.points()))
"""


@pytest.fixture(scope="session")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Path]:
    """The files of a release, by the beginning of the name and its end."""
    out = Path(os.environ.get("VMALAB_DIST") or tmp_path_factory.mktemp("release") / "dist")
    if not out.exists():
        run(sys.executable, ROOT / "release" / "packages.py", out, cwd=ROOT)
    found = {}
    for path in sorted(out.iterdir()):
        kind = "wheel" if path.suffix == ".whl" else "sdist"
        found[f"{path.name.split('-')[0]} {kind}"] = path
    assert set(found) == {
        f"{name} {kind}" for name in ("vmalab", "vmalab_client") for kind in ("wheel", "sdist")
    }
    return found


@pytest.fixture(scope="session")
def stranger(packages: Mapping[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Environment:
    """Has installed the wheels."""
    made = Environment(tmp_path_factory.mktemp("stranger"))
    made.install(
        str(packages["vmalab_client wheel"]),
        f"vmalab[lab] @ file://{packages['vmalab wheel']}",
        "pytest",
    )
    return made


@pytest.fixture(scope="session")
def guest(packages: Mapping[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Environment:
    """Has installed the wheel of the client, and nothing else."""
    made = Environment(tmp_path_factory.mktemp("guest"))
    made.install(str(packages["vmalab_client wheel"]))
    return made


def metadata(wheel: Path, name: str) -> Message:
    """METADATA or WHEEL of a wheel."""
    with zipfile.ZipFile(wheel) as packed:
        (path,) = [one for one in packed.namelist() if one.endswith(f".dist-info/{name}")]
        return email.message_from_bytes(packed.read(path))


def needed(wheel: Path) -> set[str]:
    """What a wheel depends on without extras."""
    found = metadata(wheel, "METADATA").get_all("Requires-Dist") or []
    return {re.split(r"[<>=!~]", one)[0] for one in found if "extra ==" not in one}


def test_the_tags_say_where_a_wheel_runs(packages: Mapping[str, Path]) -> None:
    assert packages["vmalab_client wheel"].name == f"vmalab_client-{VERSION}-py3-none-any.whl"
    name = packages["vmalab wheel"].name
    assert re.fullmatch(rf"vmalab-{VERSION}-cp311-abi3-manylinux_2_\d+_x86_64\.whl", name)
    tags = metadata(packages["vmalab wheel"], "WHEEL").get_all("Tag") or []
    assert all("manylinux" in tag for tag in tags), tags


def test_the_two_packages_are_apart(packages: Mapping[str, Path]) -> None:
    """The client depends on two packages; the server on the client of its own version."""
    client, server = packages["vmalab_client wheel"], packages["vmalab wheel"]
    assert needed(client) == {"grpcio", "protobuf"}
    requires = metadata(server, "METADATA").get_all("Requires-Dist") or []
    assert f"vmalab-client=={VERSION}" in requires
    tops = {}
    for wheel in (client, server):
        with zipfile.ZipFile(wheel) as packed:
            tops[wheel] = {name.split("/")[0] for name in packed.namelist()}
    assert {top for top in tops[client] if "." not in top} == {"vmalab", "vmalab_client"}
    assert tops[client] & tops[server] == set()


@pytest.mark.parametrize("name", ["vmalab", "vmalab_client"])
def test_an_index_page_can_show_it(packages: Mapping[str, Path], name: str) -> None:
    """twine has read it when it was built; here: links, licence, and what a page has beside."""
    found = metadata(packages[f"{name} wheel"], "METADATA")
    page = str(found.get_payload())
    targets = re.findall(r"\]\(([^)\s]+)\)", page)
    assert len(targets) > 1
    assert [one for one in targets if not one.startswith("https://")] == []
    assert found["Description-Content-Type"] == "text/markdown"
    assert found["License-Expression"] == "Apache-2.0"
    assert found["License-File"] == "LICENSE"
    urls = {one.split(",")[0] for one in found.get_all("Project-URL") or []}
    assert urls == {"Homepage", "Source", "Changelog"}
    assert found["Summary"]


def test_the_client_alone(guest: Environment, stranger: Environment) -> None:
    """Nothing but grpcio, protobuf and what grpcio needs is beside it."""
    assert guest.installed() == {"grpcio", "protobuf", "typing_extensions", "vmalab-client"}
    with stranger.serving("--lab") as address:
        done = guest.run("python", "-c", CALLS, address, VERSION)
    value, points = map(int, done.stdout.split())
    assert value == 7
    assert points > 50, "the server runs the lab core"


def test_load(stranger: Environment) -> None:
    data = stranger.facts("load", "--duration", "1", "--processes", "2")
    assert data["ops"] > 0
    assert data["wrong"] == 0


def test_replay_by_name(stranger: Environment) -> None:
    data = stranger.facts("replay", "python-threads")
    assert (data["disagree"], data["maps_checked"]) == (0, data["maps_equal"])
    assert data["agree"] > 400
    done = stranger.run("vmalab", "replay", "no-such-trace", code=2)
    assert "sqlite-pipeline" in done.stderr


def test_record(stranger: Environment) -> None:
    stranger.run("vmalab", "record", "-o", "trace", "--", "ls", "/")
    data = stranger.facts("replay", "trace")
    assert data["disagree"] == 0
    assert data["agree"] > 10


def test_race_run(stranger: Environment) -> None:
    words = ("cve-2025-38554", "--mutant", "B2", "-o", "wake.sched")
    done = stranger.run("vmalab", "race", "run", *words)
    assert "building the core of refcount, aligned-lab" in done.stderr
    assert "foreign_wake_unpinned" in done.stdout
    stranger.run("vmalab", "race", "replay", "wake.sched")


def test_lin_finds_a_mutant(stranger: Environment) -> None:
    # It ends when it has found one.
    data = stranger.facts("lin", "--mutant", "B5", "--duration", "3600", code=1)
    assert data["violations"] > 0


def test_bench_kernel(stranger: Environment) -> None:
    before = files_of(stranger.site)
    data = stranger.facts("bench", "kernel", "--quick")
    assert {row["kind"] for row in data["rows"]} == {"fault", "pair", "touch_pair"}
    assert list(stranger.cache.glob("*/bench/kernel"))
    assert files_of(stranger.site) == before


def test_a_bench_that_is_linked_with_the_core(stranger: Environment) -> None:
    """`bench rcu` measures our RCU too, which it links with."""
    data = stranger.facts("bench", "rcu", "--smoke")
    assert [row for row in data["rows"] if row["library"] == "vmalab"]


def test_a_layout_is_built_once_into_the_cache(stranger: Environment) -> None:
    """Two commands want it at the same time: one builds, and nothing goes beside the package."""
    before = files_of(stranger.site)
    command = [str(stranger.bin / "vmalab"), "layout", "--layout", "random:7", "vm_area_struct"]
    both = [
        subprocess.Popen(
            command,
            cwd=stranger.work,
            env=stranger.variables,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    said = [one.communicate(timeout=HANG_S) for one in both]
    assert [one.returncode for one in both] == [0, 0], said
    assert said[0][0] == said[1][0]
    assert "struct vm_area_struct" in said[0][0]
    assert sorted(text.count("building the core") for _, text in said) == [0, 1]
    (built,) = stranger.cache.glob(f"{VERSION}-*/cores/typesafe-rwsem.random-7.so")
    assert built.stat().st_size > 100_000
    assert files_of(stranger.site) == before


def test_a_layout_of_ones_own(stranger: Environment) -> None:
    """Of a file: a copy is kept in the cache folder, so that the name alone is known later."""
    path = stranger.work / "mine.toml"
    path.write_text((ROOT / "tests" / "native" / "layout_of_a_test.toml").read_text())
    before = files_of(stranger.site)
    data = stranger.facts("layout", "--layout", "mine.toml")
    assert data
    (copy,) = stranger.cache.glob(f"{VERSION}-*/cores/file-mine-*.toml")
    name = copy.stem.replace("file-", "file:", 1)
    assert stranger.facts("layout", "--layout", name) == data
    assert files_of(stranger.site) == before


def test_without_a_compiler(stranger: Environment, tmp_path: Path) -> None:
    """The command says which package has it. What came built goes on to work."""
    (tmp_path / "make").symlink_to("/bin/false")
    variables = {"PATH": f"{stranger.bin}{os.pathsep}{tmp_path}"}
    words = ("layout", "--layout", "random:8")
    done = stranger.run("vmalab", *words, code=2, variables=variables)
    assert "gcc not found" in done.stderr
    assert "apt-get install gcc libc6-dev" in done.stderr
    done = stranger.run("vmalab", "layout", "--model", "refcount", variables=variables)
    assert "struct vm_area_struct" in done.stdout


def test_a_cache_folder_that_cannot_be(stranger: Environment, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    variables = {"XDG_CACHE_HOME": str(tmp_path / "file")}
    done = stranger.run("vmalab", "layout", "--layout", "random:8", code=2, variables=variables)
    assert "XDG_CACHE_HOME" in done.stderr


def test_what_is_read_from_the_sources(stranger: Environment) -> None:
    """What each lock model needs is counted in the sources of the core."""
    data = stranger.facts("layout", "--needs")
    assert "refcount" in str(data)


def test_the_protos_are_written(stranger: Environment) -> None:
    listed = stranger.facts("protos", "-o", "protos")["files"]
    assert {"README.md", "first/main.go", "vmalab/v1/memory.proto"} <= set(listed)


def test_the_fixtures_of_pytest(stranger: Environment) -> None:
    """The test of the README that pauses a fault, in the lab core that it builds."""
    readme = (ROOT / "README.md").read_text()
    blocks = re.findall(r"^```python\n(.*?)^```$", readme, re.MULTILINE | re.DOTALL)
    (block,) = [one for one in blocks if "def test_a_fault_is_paused" in one]
    (stranger.work / "test_mine.py").write_text(block)
    done = stranger.run("python", "-m", "pytest", "-q", "test_mine.py")
    assert "1 passed" in done.stdout


def test_the_source_distributions(packages: Mapping[str, Path], tmp_path: Path) -> None:
    """They build where nothing is installed, and tests that they bring pass on the result."""
    made = Environment(tmp_path / "builder")
    client, server = packages["vmalab_client sdist"], packages["vmalab sdist"]
    what = (str(client), f"vmalab[test] @ file://{server}")
    made.install(*what, native="default")
    with tarfile.open(server) as archive:
        archive.extractall(made.work, filter="data")
    (unpacked,) = made.work.iterdir()
    words = [str(unpacked / "tests" / f"{name}.py") for name in SMOKE]
    done = made.run("python", "-m", "pytest", "-q", "-m", "not long", "--rootdir", str(unpacked),
                    "-c", str(unpacked / "pyproject.toml"), *words)  # fmt: skip
    assert re.search(r"\d\d+ passed", done.stdout), done.stdout
    assert "failed" not in done.stdout
