# SPDX-License-Identifier: Apache-2.0
"""Histories of the Go client, judged by Porcupine: a checker and a specification that are not those
of `vmalab lin`.

Goal: what the intact core answers has an order, for many seeds; with mutants B5 and B18 switched on
Porcupine finds a history that has none; and the specification is right. Method: the program of
clients/history as a user runs it, against a server with the lab core. A failure shows the short
history and names its picture. A mutant that is not found prints how much was checked.
"""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from toolchains import HANG_S, ROOT, need, run
from vmalab_client import Client
from vmalab_server.embedded import EmbeddedServer

HISTORY = ROOT / "clients" / "history"
BUILD = ROOT / "build" / "clients"
PAGE = HISTORY / "README.md"


@pytest.fixture(scope="module")
def program() -> str:
    need("go", "Go 1.24")
    BUILD.mkdir(parents=True, exist_ok=True)
    run("go", "build", "-o", str(BUILD / "history"), ".", cwd=HISTORY)
    return str(BUILD / "history")


@pytest.fixture
def server() -> Iterator[EmbeddedServer]:
    """One for each test: a mutant may damage it."""
    with EmbeddedServer(workers=2, lab=True, model="typesafe-rwsem") as one:
        yield one


def commands() -> list[list[str]]:
    """Those of the page that run the program, each as its words."""
    (block,) = re.findall(r"^```sh\n(vmalab serve --lab\n.*?)^```$", PAGE.read_text(), re.M | re.S)
    return [line.split() for line in block.strip().split("\n")[1:]]


def judged(command: list[str], *more: str, target: str) -> tuple[dict[str, Any], int]:
    """What a command of the page finds, with more options, and its exit code."""
    *words, address = command
    assert (words[:5], address) == (["go", "-C", "clients/history", "run", "."], "127.0.0.1:7420")
    done = subprocess.run(
        [*words, "-json", *more, target],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=HANG_S,
        check=False,
    )
    assert done.stdout, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    print(json.dumps(found, indent=1))
    return found, done.returncode


def test_form_vet_and_unit_tests() -> None:
    need("go", "Go 1.24")
    assert run("gofmt", "-l", ".", cwd=HISTORY) == ""
    run("go", "vet", "./...", cwd=HISTORY)
    assert "ok" in run("go", "test", "./...", cwd=HISTORY)


def test_the_intact_core_has_an_order(server: EmbeddedServer, tmp_path: Path) -> None:
    """The operations overlapped, and none of them was left out of the verdict."""
    intact, *_ = commands()
    assert "-mutants" not in intact
    found, code = judged(intact, "-out", str(tmp_path), target=server.target)
    assert (found["verdict"], code) == ("linearizable", 0)
    assert (found["seeds"], found["undecided"], found["troubles"]) == (10, 0, [])
    assert found["histories"] == 10 * 12 * 2
    assert found["operations"] > 10 * 12 * 80
    assert found["overlap"] > 0.5
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("mutant", ["B5", "B18"])
def test_a_mutant_has_none(server: EmbeddedServer, tmp_path: Path, mutant: str) -> None:
    (command,) = [one for one in commands() if mutant in one]
    found, code = judged(command, "-out", str(tmp_path), target=server.target)
    assert (found["verdict"], code) == ("not linearizable", 1)
    assert found["mutants"] == [mutant]
    short = found["found"]
    assert 0 < len(short["operations"]) < short["of_operations"]
    assert [line for line in short["operations"] if line.startswith("=>")] != []
    picture = Path(short["picture"]).read_text()
    assert short["failing"].split(" -> ")[0] in picture


def test_what_is_switched_on_is_switched_off(server: EmbeddedServer, tmp_path: Path) -> None:
    (command,) = [one for one in commands() if "B18" in one]
    options = ("-seeds", "1", "-epochs", "1", "-out", str(tmp_path))
    judged(command, *options, target=server.target)
    with Client(server.target) as client:
        assert client.lab.mutants_on() == []


def test_bad_usage_is_refused(program: str, tmp_path: Path) -> None:
    for arguments, says in (
        ([], "give one address"),
        (["-clients", "9", "127.0.0.1:1"], "-clients 9: 1 to 8"),
        (["-seeds", "0", "127.0.0.1:1"], "-seeds, -epochs and -operations"),
        (["-out", str(tmp_path / "none"), "127.0.0.1:1"], "no such folder"),
    ):
        done = subprocess.run(
            [program, *arguments], capture_output=True, text=True, timeout=HANG_S, check=False
        )
        assert done.returncode == 2, done.stdout
        assert says in done.stderr


def test_a_server_without_a_lab_is_refused(program: str) -> None:
    with EmbeddedServer(workers=1, lab=False) as server:
        done = subprocess.run(
            [program, server.target], capture_output=True, text=True, timeout=HANG_S, check=False
        )
    assert done.returncode == 2
    assert re.search(r"has no lab: start it with vmalab serve --lab", done.stderr)
