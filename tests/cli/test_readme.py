# SPDX-License-Identifier: Apache-2.0
"""Goal: every command and every program in README.md works as it is written there.

Method: the fenced blocks are taken out of README.md and run, in order, in an empty folder. `vmalab
serve` runs as long as the test does. What is changed on the way: the port and the instance's name,
so that two runs do not meet. Commands that run elsewhere are listed below, with where.
"""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from patience import HANG_S

ROOT = Path(__file__).resolve().parents[2]
README = ROOT / "README.md"
RUN_ELSEWHERE = {
    "vmalab crash --kills 50": "tests/crash/test_crash.py",
    "make demo": "tests/cli/test_demo.py",
    "make test": "it runs this test",
    "vmalab serve --model refcount": "tests/server/test_served_models.py",
    "vmalab serve --lab": "tests/server/test_lab_service.py",
    "vmalab bench fault --quick": "tests/bench/test_bench.py",
}
IN_SHORT = {"vmalab bench rpc --quick": "tests/bench/test_bench.py"}
"""What the long run has as it is written, and where every run has it with less to do."""
MADE_BY = {
    "trace": "vmalab record -o trace -- ls /",
    "wake.sched": "vmalab race run cve-2025-38554 --mutant foreign_wake_unpinned -o wake.sched",
}
"""What a command needs from one before it, which another pytest process may have run."""
LOOKING = ("ps", "slabinfo", "vmstat", "locks", "top", "trace", "fsck", "maps")
NAME = f"readme-{os.getpid()}"


def blocks(language: str) -> list[str]:
    """The text of each fenced block of that language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", README.read_text(), re.MULTILINE | re.DOTALL)


def commands() -> list[str]:
    return [line for block in blocks("sh") for line in block.splitlines() if line.strip()]


class Reader:
    """Somebody who types what the README says."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = 0  # of the server, once it has said so
        self.environment = {
            **os.environ,
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        }

    def adapted(self, text: str) -> str:
        text = text.replace("127.0.0.1:7420", f"127.0.0.1:{self.port}")
        text = text.replace('"jobs"', f'"{NAME}-jobs"')
        text = re.sub(
            r"^vmalab serve$",
            f"exec vmalab serve --instance {NAME} --listen 127.0.0.1:{self.port}",
            text,
        )
        return re.sub(rf"^(vmalab (?:{'|'.join(LOOKING)}))\b", rf"\1 --instance {NAME}", text)

    def run(self, *command: str) -> str:
        done = subprocess.run(
            command,
            cwd=self.folder,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=HANG_S,
            check=False,
        )
        assert done.returncode == 0, f"{command} exits {done.returncode}:\n{done.stdout[-3000:]}"
        return done.stdout

    def start(self, command: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            ["bash", "-c", command],
            cwd=self.folder,
            env=self.environment,
            stderr=subprocess.PIPE,
            text=True,
        )


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reader]:
    """In an empty folder, with the README's server running."""
    assert "vmalab serve" in commands()
    person = Reader(tmp_path_factory.mktemp("readme"))
    server = person.start(person.adapted("vmalab serve"))
    assert server.stderr is not None
    try:
        for line in server.stderr:
            if found := re.search(r"serves at 127\.0\.0\.1:(\d+)", line):
                person.port = int(found[1])
            if "Ctrl-C" in line:
                break
        else:
            pytest.fail("the server did not come up")
        yield person
    finally:
        server.send_signal(signal.SIGINT)
        code = server.wait(HANG_S)
        server.stderr.close()
    assert code == 0, "Ctrl-C is a good end"


RUN_HERE = [line for line in commands() if line not in RUN_ELSEWHERE and line != "vmalab serve"]


def test_all_shell_lines_are_commands() -> None:
    """Nothing in an sh block that is not run: no prompts, no output, no placeholders."""
    for line in commands():
        assert line.startswith(("make ", "vmalab ")), line
    for place in [*RUN_ELSEWHERE.values(), *IN_SHORT.values()]:
        assert " " in place or (ROOT / place).exists(), place


@pytest.mark.serial
@pytest.mark.parametrize(
    "command",
    [pytest.param(line, marks=pytest.mark.long if line in IN_SHORT else ()) for line in RUN_HERE],
)
def test_command(reader: Reader, command: str) -> None:
    for name, maker in MADE_BY.items():
        if name in command.split()[2:] and command != maker and not (reader.folder / name).exists():
            reader.run("bash", "-c", maker)
    reader.run("bash", "-c", reader.adapted(command))


@pytest.mark.parametrize("number", range(len(blocks("python"))))
def test_program(reader: Reader, number: int) -> None:
    text = reader.adapted(blocks("python")[number])
    if re.search(r"^def test_", text, re.MULTILINE):
        path = reader.folder / "test_readme_block.py"
        path.write_text(text)
        reader.run(sys.executable, "-m", "pytest", "-q", path.name)
    else:
        reader.run(sys.executable, "-c", text)


def test_links_lead_somewhere() -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", README.read_text()):
        assert "://" in target or (ROOT / target).exists(), target
