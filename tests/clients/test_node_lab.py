# SPDX-License-Identifier: Apache-2.0
"""LabService from another language: a race scripted over gRPC, and docs/lab.md.

Goal: a client in any language can hold calls at sync points, switch a bug on, see what it does and
have the invariant named; and what docs/lab.md shows works as it stands there. Method: a Node
program that knows the service from reflection alone scripts the fork corruption of Linux 6.4.0,
with and without the bug; the programs of docs/lab.md are taken out of the page and run. A failure
shows what the program printed.
"""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import node
from patience import HANG_S
from vmalab_client import Client
from vmalab_server.embedded import EmbeddedServer

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "lab.md"
MODEL = "typesafe-rwsem"


@pytest.fixture(scope="module")
def lab_server() -> Iterator[EmbeddedServer]:
    with EmbeddedServer(workers=1, lab=True, model=MODEL) as server:
        yield server


@pytest.fixture
def client(lab_server: EmbeddedServer) -> Iterator[Client]:
    """Looks at the end that nothing was left, and that no bug has harmed the instance."""
    with Client(lab_server.target) as one:
        yield one
        assert one.lab.mutants_on() == []
        assert [point.name for point in one.lab.points() if point.armed or point.holders] == []
        assert one.inspect.fsck(stop=True) == []


def test_node_scripts_a_race(lab_server: EmbeddedServer, client: Client) -> None:
    report = node.report(node.found(), "race.mjs", lab_server.target)
    assert "vmalab.v1.LabService" in report["services"]
    b18 = {one["name"]: one for one in report["mutants"]}["B18"]
    assert (b18["on"], MODEL in b18["lock_models"]) == (False, True)

    held = {"holders": [[True, "FORK"]], "released": 1}
    assert report["intact"] == {**held, "went_on": False, "words": ["7", "7"]}
    assert report["mutant"] == {**held, "went_on": True, "words": ["7", "9"]}

    named = report["named"]
    assert (named["verdict"], named["invariant"]) == ("broken", "outcome")
    assert named["schedule"].startswith("# vmalab-sched 1\nscenario fork-under-faults\n")
    assert len(named["trace"]) > 10
    assert (report["passed"]["verdict"], report["passed"]["invariant"]) == ("passed", "")
    assert report["nobody"]["holders"] == []


def test_node_is_told_what_is_wrong(lab_server: EmbeddedServer, client: Client) -> None:
    refused = node.report(node.found(), "refused.mjs", lab_server.target)
    wanted = {
        "point": ("INVALID_ARGUMENT", "BAD_ARGUMENT", "fork_copied"),
        "hold": ("INVALID_ARGUMENT", "lab_hold_ms_max", "60000 ms"),
        "many": ("RESOURCE_EXHAUSTED", "LAB_HELD_LIMIT", "lab_held_max"),
        "mm": ("NOT_FOUND", "NO_SUCH_MM", ""),
        "mutant": ("INVALID_ARGUMENT", "BAD_ARGUMENT", "vmalab race list"),
        "model": (
            "INVALID_ARGUMENT",
            "BAD_ARGUMENT",
            f"does not apply to {MODEL}; it applies to refcount",
        ),
        "scenario": ("INVALID_ARGUMENT", "BAD_ARGUMENT", "fork-under-faults"),
    }
    assert refused.keys() == wanted.keys()
    for name, (code, reason, words) in wanted.items():
        assert refused[name]["code"] == code, name
        assert reason in refused[name]["details"], name
        assert words in refused[name]["message"] + refused[name]["details"], name


def programs(language: str) -> dict[str, str]:
    """The programs of the page, by the file name that their first line has."""
    text = PAGE.read_text()
    found = re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    return {re.search(r"[\w-]+\.\w+", block.splitlines()[0])[0]: block for block in found}  # type: ignore[index]


def test_the_python_of_the_page(tmp_path: Path, default_model: None) -> None:
    texts = programs("python")
    assert sorted(texts) == ["test_fork.py", "test_unmap.py"]
    for name, text in texts.items():
        (tmp_path / name).write_text(text)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *texts],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=HANG_S,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "5 passed" in done.stdout


def test_the_node_of_the_page(lab_server: EmbeddedServer, client: Client, tmp_path: Path) -> None:
    (name, text), *more = programs("js").items()
    assert (name, more) == ("race.mjs", [])
    program = node.found()
    (tmp_path / "node_modules").symlink_to(node.FOLDER / "node_modules")
    (tmp_path / name).write_text(text)
    shown = node.run(program, tmp_path / name, lab_server.target, str(ROOT / "protos"))
    wanted = re.search(r"^```text\n(intact.*?)^```$", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    assert wanted is not None
    assert shown == wanted[1]
