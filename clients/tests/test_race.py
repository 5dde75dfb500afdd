# SPDX-License-Identifier: Apache-2.0
"""A race that two processes in two languages script together, and docs/lab.md, which shows it.

Goal: sync points are of the instance, so a Go process and a Node process make one race of it, each
in either part; both see the same verdict, which is another one with the bug. Method: the commands
of docs/lab.md, against a server with the lab core. A failure shows what both have printed.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable, Iterator
from functools import partial
from typing import TypeVar

import pytest

from toolchains import HANG_S, ROOT, need, run
from vmalab_client import Client
from vmalab_server.embedded import EmbeddedServer

RACE = ROOT / "clients" / "race"
BUILD = ROOT / "build" / "clients"
PAGE = ROOT / "docs" / "lab.md"
MUTANT = "mm_not_compared"
T = TypeVar("T")


@pytest.fixture(scope="module")
def programs() -> dict[str, list[str]]:
    """Both, ready to run."""
    need("go", "Go 1.24")
    need("npm", "npm of Node 18")
    BUILD.mkdir(parents=True, exist_ok=True)
    run("go", "build", "-o", str(BUILD / "race"), ".", cwd=RACE)
    stamp = RACE / "node_modules" / ".installed"
    lock = (RACE / "package-lock.json").read_text()
    if not stamp.exists() or stamp.read_text() != lock:
        run("npm", "--prefix", str(RACE), "ci", "--no-audit", "--no-fund", "--ignore-scripts")
        stamp.write_text(lock)
    return {"go": [str(BUILD / "race")], "node": [need("node", "Node 18"), str(RACE / "race.mjs")]}


@pytest.fixture
def server() -> Iterator[EmbeddedServer]:
    """One for each test: the bug damages it."""
    with EmbeddedServer(workers=2, lab=True, model="typesafe-rwsem") as one:
        yield one


def race_of(reader: list[str], other: Callable[[str], T]) -> tuple[str, T]:
    """What the reader prints, and what the other one gives, which begins when the reader is paused
    and gets what the reader has printed."""
    with subprocess.Popen(
        reader, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        assert process.stdout is not None
        try:
            first = process.stdout.readline()
            assert first.startswith("paused at walked"), first + process.stdout.read()
            given = other(first)
            rest, _ = process.communicate(timeout=HANG_S)
        finally:
            process.kill()
    assert process.returncode == 0, first + rest
    return first + rest, given


def race(
    reader: list[str], other: list[str], server: EmbeddedServer, mutants: list[str]
) -> tuple[list[str], list[str]]:
    """What the reader and the other one print."""

    def reuse(first: str) -> str:
        found = re.fullmatch(r"paused at walked; now: (reuse \S+ \d+ \d+)\n", first)
        assert found is not None, first
        return run(*other, *found[1].split())

    read, said = race_of([*reader, "read", server.target, *mutants], reuse)
    return read.split("\n")[1:-1], said.split("\n")[:-1]


def page(language: str) -> list[str]:
    """The blocks of the section, in their order."""
    text = PAGE.read_text().split("## From two languages\n")[1].split("\n## ")[0]
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.M | re.S)


def typed(lines: list[str], _: str) -> list[str]:
    """What each command prints."""
    return [run(*line.split()) for line in lines if line]


def test_what_the_page_shows(programs: dict[str, list[str]]) -> None:
    """Each command as it stands there; the address is that of a server of this test."""
    first, other, broken = page("sh")
    texts = page("text")
    for command, shown, with_bug in ((first, texts[0], False), (broken, texts[2], True)):
        with EmbeddedServer(workers=2, lab=True, model="typesafe-rwsem") as server:
            lines = [line.replace("127.0.0.1:7420", server.target) for line in other.split("\n")]
            reader = command.replace("127.0.0.1:7420", server.target).split()
            read, reused = race_of(reader, partial(typed, lines))
        assert read.replace(server.target, "127.0.0.1:7420") == shown
        if not with_bug:
            assert reused[-1] == texts[1]
        assert shown.split("\n")[2] in reused[-1]


@pytest.mark.parametrize(("reader", "other"), [("go", "node"), ("node", "go")])
def test_both_see_the_same_verdict(
    programs: dict[str, list[str]], server: EmbeddedServer, reader: str, other: str
) -> None:
    read, reused = race(programs[reader], programs[other], server, [])
    assert read == ["read: SIGSEGV", "verdict: sound"]
    assert reused == ["used again, and released", "verdict: sound"]

    read, reused = race(programs[reader], programs[other], server, [MUTANT])
    assert read[0] == "read: word 0"
    assert read[1] == reused[1]
    assert "is mapped outside all VMAs" in read[1]


def test_nothing_is_left(programs: dict[str, list[str]], server: EmbeddedServer) -> None:
    race(programs["go"], programs["node"], server, [])
    with Client(server.target) as client:
        assert client.lab.mutants_on() == []
        assert [point.name for point in client.lab.points() if point.armed or point.holders] == []
        assert client.inspect.address_spaces() == []


def test_who_comes_too_early_is_refused(
    programs: dict[str, list[str]], server: EmbeddedServer
) -> None:
    """Nobody is paused, so there is nothing to use again."""
    for command in programs.values():
        done = subprocess.run(
            [*command, "reuse", server.target, "1", "2"],
            capture_output=True,
            text=True,
            timeout=HANG_S,
            check=False,
        )
        assert done.returncode == 1
        assert "no fault of address space 1 is paused at walked" in done.stderr


def test_form_and_vet() -> None:
    assert run("gofmt", "-l", ".", cwd=RACE) == ""
    run("go", "vet", "./...", cwd=RACE)
    for module in (RACE, ROOT / "clients" / "history"):
        run("go", "mod", "tidy", "-diff", cwd=module)
