# SPDX-License-Identifier: Apache-2.0
"""The Go client beside its conformance cases: its form, its unit tests, its sample.

Goal: generated code is fresh, all code has the form of gofmt and passes vet, the unit tests pass,
and the sample prints what the README shows. Method: the tools of Go, as a user runs them. A failure
shows what they printed.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator

import pytest

from toolchains import ROOT, need, run
from vmalab_server.embedded import EmbeddedServer

GO = ROOT / "clients" / "go"


@pytest.fixture(autouse=True)
def go() -> None:
    need("go", "Go 1.24")


@pytest.fixture(scope="module")
def server() -> Iterator[EmbeddedServer]:
    with EmbeddedServer(workers=2) as one:
        yield one


def test_messages_are_fresh() -> None:
    run(sys.executable, str(ROOT / "protos" / "generate_go.py"), "--check")


def test_form_and_vet() -> None:
    assert run("gofmt", "-l", ".", cwd=GO) == ""
    run("go", "vet", "./...", cwd=GO)


def test_unit_tests() -> None:
    assert "ok" in run("go", "test", "./...", cwd=GO)


def test_everything_public_is_documented() -> None:
    """A line that begins with an exported name has a comment above it."""
    bare = []
    for path in sorted(GO.glob("*.go")):
        lines = path.read_text().split("\n")
        for number, line in enumerate(lines):
            exported = re.match(r"(?:func (?:\(\w+ \*?[A-Z]\w*\) )?|type )([A-Z]\w*)", line)
            tested = path.name.endswith("_test.go")
            if exported and not tested and not lines[number - 1].startswith("//"):
                bare.append(f"{path.name}:{number + 1} {exported[1]}")
    allowed = {"Error", "Is", "Unwrap", "GRPCStatus"}
    assert [one for one in bare if one.split()[-1] not in allowed] == []


def test_the_sample_prints_what_the_page_shows(server: EmbeddedServer) -> None:
    page = (GO / "README.md").read_text()
    command, shown = re.findall(
        r"^```sh\n(go -C clients/go run .*?)\n```\n\n```text\n(.*?)^```$", page, re.M | re.S
    )[0]
    said = run("sh", "-c", command.replace("127.0.0.1:7420", server.target))
    assert said == shown
