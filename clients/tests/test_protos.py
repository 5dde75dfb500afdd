# SPDX-License-Identifier: Apache-2.0
"""The protos as somebody gets them who has nothing else of the project.

Goal: the protos keep the rules of buf, and what was released stays compatible; and from what
`vmalab protos` writes a first call works with the commands of its README, as they stand there.
Method: buf itself; the commands are taken out of the page and run in a clean folder against a real
server. A failure shows what the command printed.
"""

from __future__ import annotations

import os
import re
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from toolchains import ROOT, buf, need, run
from vmalab_server.embedded import EmbeddedServer

PROTOS = ROOT / "protos"
IMAGE = PROTOS / "released.binpb"


@pytest.fixture(scope="module")
def server() -> Iterator[EmbeddedServer]:
    with EmbeddedServer(workers=1) as one:
        yield one


def test_buf_lint() -> None:
    run(buf(), "lint", cwd=PROTOS)


def test_buf_format() -> None:
    assert run(buf(), "format", "--diff", "--exit-code", cwd=PROTOS) == ""


def test_what_was_released_stays_compatible() -> None:
    run(buf(), "breaking", "--against", str(IMAGE), cwd=PROTOS)


def test_a_change_that_breaks_is_found(tmp_path: Path) -> None:
    """A field with another number: clients of the last release would not see it."""
    shutil.copytree(PROTOS / "vmalab", tmp_path / "vmalab")
    shutil.copy(PROTOS / "buf.yaml", tmp_path)
    changed = tmp_path / "vmalab" / "v1" / "errors.proto"
    text = changed.read_text()
    assert "string reason = 1;" in text
    changed.write_text(text.replace("string reason = 1;", "string reason = 7;"))
    with pytest.raises(AssertionError, match="reason"):
        run(buf(), "breaking", "--against", str(IMAGE), cwd=tmp_path)


def commands(heading: str) -> list[str]:
    """The commands below a heading of the README, each on one line."""
    text = (PROTOS / "README.md").read_text()
    section = text.split(f"## {heading}\n")[1].split("\n## ")[0]
    (block,) = re.findall(r"^```sh\n(.*?)^```$", section, re.MULTILINE | re.DOTALL)
    return [line for line in block.split("\n") if line]


def written(folder: Path) -> Path:
    run(str(Path(sys.executable).parent / "vmalab"), "protos", "--out", str(folder))
    return folder


def first_call(heading: str, folder: Path, server: EmbeddedServer, path: str) -> str:
    """What the last command prints, with the server's address in the place of the page's."""
    found = commands(heading)
    assert len(found) <= 5
    said = ""
    environment = {**os.environ, "PATH": path, "GOFLAGS": "-mod=mod"}
    for line in found:
        command = line.replace("127.0.0.1:7420", server.target)
        said = run("sh", "-c", command, cwd=folder, environment=environment)
    return said


def test_a_first_call_in_node(server: EmbeddedServer, tmp_path: Path) -> None:
    need("node", "Node 18")
    said = first_call("A first call in Node", written(tmp_path / "p"), server, os.environ["PATH"])
    assert re.fullmatch(r"address space \d+: 42 at 0x7ffff7eff000\n", said)


def test_a_first_call_in_go(server: EmbeddedServer, tmp_path: Path) -> None:
    """protoc is that of grpcio-tools; programs that Go installs go into a folder of this test."""
    need("go", "Go 1.24")
    tools = tmp_path / "bin"
    tools.mkdir()
    protoc = tools / "protoc"
    protoc.write_text(f'#!/bin/sh\nexec {sys.executable} -m grpc_tools.protoc "$@"\n')
    protoc.chmod(0o755)
    folder = written(tmp_path / "p")
    before, os.environ["GOBIN"] = os.environ.get("GOBIN"), str(tools)
    try:
        path = f"{tools}:{os.environ['PATH']}"
        said = first_call("A first call in Go", folder, server, path)
    finally:
        if before is None:
            del os.environ["GOBIN"]
        else:
            os.environ["GOBIN"] = before
    assert re.search(r"^address space \d+: 42 at 0x7ffff7eff000$", said, re.MULTILINE)
