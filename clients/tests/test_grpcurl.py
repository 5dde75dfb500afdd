# SPDX-License-Identifier: Apache-2.0
"""The service as a tool of others sees it, and docs/grpcurl.md.

Goal: reflection, health, errors with details, token and TLS work with grpcurl, and each command of
the page prints what the page shows. Method: the blocks of the page are run in order, in one shell
and an empty folder; the servers are those of the page, at any free port. A failure shows both
texts.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from toolchains import HANG_S, ROOT, need, run

PAGE = ROOT / "docs" / "grpcurl.md"
BIN = ROOT / "build" / "clients" / "bin"
END = "=== end of a block"


def blocks() -> list[tuple[str, str]]:
    """(commands, what they print) of each block of the page; without a text: ""."""
    found = re.findall(
        r"^```sh\n(.*?)^```\n(?:\n```text\n(.*?)^```$)?", PAGE.read_text(), re.M | re.S
    )
    return [(commands, shown) for commands, shown in found]


def lines(begin: str) -> list[str]:
    every = [line for commands, _ in blocks() for line in commands.split("\n")]
    return [line for line in every if line.startswith(begin)]


@pytest.fixture(scope="module")
def environment() -> Mapping[str, str]:
    """With grpcurl, as the page installs it, in the PATH."""
    need("go", "Go 1.24")
    (install,) = lines("go install")
    version = install.rpartition("@")[2]
    bare = {**os.environ, "GOBIN": str(BIN), "GOFLAGS": "-mod=mod"}
    installed = subprocess.run(
        ["go", "version", "-m", str(BIN / "grpcurl")], capture_output=True, text=True, check=False
    )
    if version not in installed.stdout:
        run("sh", "-c", install, environment=bare)
    tools = Path(sys.executable).parent
    return {**os.environ, "PATH": f"{BIN}:{tools}:{os.environ['PATH']}"}


@contextmanager
def served(
    command: str, number: int, folder: Path, environment: Mapping[str, str]
) -> Iterator[str]:
    """The port of a server that a line of the page starts, at any free port."""
    command = re.sub(r" --(instance|listen) \S+", "", command)
    command += f" --instance grpcurl-{os.getpid()}-{number} --listen 127.0.0.1:0"
    server = subprocess.Popen(
        ["bash", "-c", f"exec {command}"],
        cwd=folder,
        env=environment,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert server.stderr is not None
    said = ""
    port = ""
    try:
        for line in server.stderr:
            said += line
            if found := re.search(r"serves at \S+:(\d+)", line):
                port = found[1]
            if "Ctrl-C" in line:
                break
        assert port, said
        yield port
    finally:
        server.send_signal(signal.SIGINT)
        code = server.wait(HANG_S)
        server.stderr.close()
    assert code == 0, "Ctrl-C is a good end"


def shown(
    wanted: list[str], folder: Path, environment: Mapping[str, str], ports: Mapping[str, str]
) -> list[str]:
    """What blocks of the page print, run in one shell. Documents have no tabs."""
    script = "".join(f"{{ {commands}}} 2>&1\necho '{END}'\n" for commands in wanted)
    for page, port in ports.items():
        script = script.replace(f"127.0.0.1:{page}", f"127.0.0.1:{port}")
    done = subprocess.run(
        ["bash", "-c", script],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
        timeout=HANG_S,
        check=False,
    )
    return done.stdout.expandtabs(4).split(f"{END}\n")[:-1]


def judge(page: list[tuple[str, str]], printed: list[str]) -> None:
    assert len(page) == len(printed)
    for (commands, text), got in zip(page, printed, strict=True):
        if "grpcurl" in commands:
            assert got == text, commands


def test_what_the_page_shows_without_tls(environment: Mapping[str, str], tmp_path: Path) -> None:
    page = [one for one in blocks() if "-plaintext" in one[0]]
    assert len(page) > 10
    assert lines("vmalab serve")[0] == "vmalab serve"
    with served("vmalab serve", 0, tmp_path, environment) as port:
        judge(page, shown([one[0] for one in page], tmp_path, environment, {"7420": port}))


def test_what_the_page_shows_with_token_and_tls(
    environment: Mapping[str, str], tmp_path: Path
) -> None:
    (secrets,) = [commands for commands, _ in blocks() if "openssl" in commands]
    *made, serve = secrets.strip().split("\n")
    assert serve.startswith("vmalab serve ")
    for line in made:
        run("sh", "-c", line, cwd=tmp_path)
    page = [one for one in blocks() if "-cacert" in one[0] or "vmalab protos" in one[0]]
    with served(serve, 1, tmp_path, environment) as port:
        judge(page, shown([one[0] for one in page], tmp_path, environment, {"7421": port}))


def test_every_command_is_run() -> None:
    """Each line of the page is in one of the tests above."""
    for commands, _ in blocks():
        for line in commands.replace("\\\n", "").strip().split("\n"):
            known = "grpcurl -plaintext" in line or "grpcurl -cacert" in line
            known = known or line.startswith(
                ("go install", "vmalab ", "MM=", "for ", "done", "echo ")
            )
            assert known or "openssl" in commands, line
