# SPDX-License-Identifier: Apache-2.0
"""Goal: a command is at home on a terminal, in a pipe, and when what it needs is not there.

Method: the command runs on a pseudo terminal of 60 columns, or with its output in a pipe, as a
shell would start it. What it wrote is looked at, byte by byte. A failure shows it.
"""

from __future__ import annotations

import fcntl
import io
import json
import os
import re
import shlex
import socket
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import grpc
import pytest

from patience import HANG_S
from servers import VMALAB
from vmalab_cli.progress import EVERY_S, Progress
from vmalab_drive import reach
from vmalab_drive.errors import UsageError

ROOT = Path(__file__).resolve().parents[2]
TRACE = ROOT / "lab" / "vmalab_trace" / "traces" / "python-threads"
COLUMNS = 60
COLOUR = re.compile(rb"\x1b\[[0-9;]*m")
COLOURS = re.compile(rb"\x1b\[(?:[0-9;]*;)?(?:3[0-9]|4[0-9]|9[0-7]|10[0-7])[0-9;]*m")
DEAD_S = 30.0
"""A command starts in seconds on a busy machine, and then names a dead target within three."""


def long(command: list[str] | str) -> object:
    """One more of what is alike: in the long run."""
    return pytest.param(command, marks=pytest.mark.long)


def on_a_terminal(
    *arguments: str, output: bool = False, **environment: str
) -> tuple[int, bytes, bytes]:
    """Exit code, what came on the terminal (standard error), and standard output.

    Args:
        output: standard output is the terminal too.
    """
    main, side = os.openpty()
    fcntl.ioctl(side, termios.TIOCSWINSZ, struct.pack("HHHH", 24, COLUMNS, 0, 0))
    others = ("COLUMNS", "NO_COLOR")
    known = {name: value for name, value in os.environ.items() if name not in others}
    process = subprocess.Popen(
        [*VMALAB, *arguments],
        stdin=side,
        stdout=side if output else subprocess.PIPE,
        stderr=side,
        env=known | {"TERM": "xterm-256color"} | environment,
    )
    os.close(side)
    seen = b""
    with ThreadPoolExecutor(1) as pool:
        rest = pool.submit(process.stdout.read) if process.stdout else None
        while True:
            try:
                seen += os.read(main, 1 << 16)
            except OSError:  # the last who had it has closed it
                break
        code = process.wait(HANG_S)
        plain = rest.result() if rest else b""
    if process.stdout:
        process.stdout.close()
    os.close(main)
    return code, seen, plain


WORK = {
    "load": (["--duration", "2", "--mode", "attach", "--processes", "1", "--rate", "1000"],
             "operations"),
    "bench": (["kernel", "--smoke"], "round 2 of"),
    "race": (
        ["explore", "reuse-before-lock", "--strategy", "random", "--seconds", "1.6",
         "--schedules", "100000000"],
        "reuse-before-lock on typesafe-rwsem, 0 s",
    ),
    "replay": ([str(TRACE), "--mode", "attach", "--processes", "1"], f"replaying {TRACE}"[:40]),
}  # fmt: skip


@pytest.mark.parametrize("name", WORK)
def test_progress_on_a_terminal(name: str) -> None:
    """One line that is written over; standard output is one JSON object all the same."""
    arguments, said = WORK[name]
    code, seen, plain = on_a_terminal(name, *arguments, "--json")
    assert code == 0, seen
    assert said.encode() in seen, f"no progress: {seen!r}"
    assert isinstance(json.loads(plain), dict)
    for line in seen.replace(b"\r", b"\n").split(b"\n"):
        if said.encode() in line:
            assert len(line) < COLUMNS, f"wider than the terminal: {line!r}"
    last = seen.replace(b"\r\n", b"\n").rpartition(b"\n")[2]
    assert not last.rpartition(b"\r")[2].strip(), f"the line stays on the terminal: {last!r}"


def test_progress_in_a_pipe(tmp_path: Path) -> None:
    """Lines, and none of them written over. The program takes longer than the time between two."""
    program = ["sleep", str(EVERY_S + 1.5)]
    done = subprocess.run(
        [*VMALAB, "record", "--no-faults", "-o", str(tmp_path / "trace"), "--json", "--", *program],
        capture_output=True,
        timeout=HANG_S,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    lines = [line for line in done.stderr.decode().splitlines() if line.startswith("recording")]
    assert lines, done.stderr
    assert re.fullmatch(r"recording sleep, \d+ s", lines[0]), lines
    assert b"\r" not in done.stderr
    json.loads(done.stdout)


def test_a_line_now_and_then(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0.0
    written = io.StringIO()
    monkeypatch.setattr(sys, "stderr", written)
    said = Progress(now=lambda: now)
    for step in range(100):
        now = step * EVERY_S / 4
        said(f"step {step}")
    said.end()
    lines = written.getvalue().splitlines()
    assert lines == [f"step {step}" for step in range(4, 100, 4)]


@pytest.mark.parametrize("command", [["--help"], long(["race", "--help"]), ["layout", "--list"]])
def test_no_colour(command: list[str]) -> None:
    """NO_COLOR, as no-color.org says; without it the help has colours, so the check can fail."""
    code, seen, _ = on_a_terminal(*command, output=True, NO_COLOR="1")
    assert (code, COLOURS.findall(seen)) == (0, [])
    if command == ["--help"]:
        assert COLOURS.search(on_a_terminal(*command, output=True)[1])


@pytest.mark.parametrize("command", [["--help"], long(["bench", "--help"]), ["race", "list"]])
def test_sixty_columns(command: list[str]) -> None:
    """No line is wider than the terminal, and no table of race list loses a name to it."""
    code, seen, _ = on_a_terminal(*command, output=True)
    assert code == 0
    lines = COLOUR.sub(b"", seen).decode().replace("\r", "").split("\n")
    wide = [line for line in lines if len(line) > COLUMNS]
    assert not wide, wide
    if command == ["race", "list"]:
        names = [row["name"] for row in json.loads(
            subprocess.check_output([*VMALAB, "race", "list", "--json"]))["scenarios"]]  # fmt: skip
        text = "\n".join(lines)
        assert [name for name in names if name not in text] == []


def test_no_cell_is_cut_in_a_pipe() -> None:
    """Nobody scrolls there: a table is as wide as it has to be, unless COLUMNS says how wide."""
    code = (
        "from vmalab_drive import report\n"
        "row = [f'{n:x<20}' for n in range(9)]\n"
        "report.console().print(report.grid('wide', row, [row]))\n"
    )
    environment = {name: value for name, value in os.environ.items() if name != "COLUMNS"}

    def printed(**more: str) -> list[str]:
        command = [sys.executable, "-c", code]
        return subprocess.check_output(command, env=environment | more, text=True).split("\n")

    *_, row, end = printed()
    assert (len(row.split()), end) == (9, "")
    assert all(len(cell) == 20 for cell in row.split())
    assert max(map(len, printed(COLUMNS="60"))) <= 60


@pytest.mark.parametrize(
    "command",
    ["race list", "race list --json", long("race list --points"), long("layout --list"), "--help"],
)
def test_head_ends_it_quietly(command: str) -> None:
    """The reader goes after the first line. Nothing is said of it: no traceback, no error."""
    script = f"set -o pipefail; {shlex.join(VMALAB)} {command} | head -1"
    done = subprocess.run(["bash", "-c", script], capture_output=True, timeout=HANG_S, check=False)
    assert done.stderr == b"", done.stderr
    assert len(done.stdout.splitlines()) == 1
    assert done.returncode in (0, 1, 141), "0: all was in the pipe before the reader went"


@pytest.mark.parametrize("command", ["race list", "--help"])
def test_a_reader_that_has_gone(command: str) -> None:
    """The pipe has no reader from the begin, so each write fails: exit code 1 and not a word."""
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "wb") as pipe:
        done = subprocess.run(
            [*VMALAB, *command.split()],
            stdout=pipe,
            stderr=subprocess.PIPE,
            timeout=HANG_S,
            check=False,
        )
    assert (done.returncode, done.stderr) == (1, b"")


def dead_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


@pytest.mark.parametrize(
    "command",
    ["load --duration 1", f"replay {TRACE}", long("bench rpc --smoke"), "vmstat"],
)
def test_a_dead_target_is_named(command: str) -> None:
    target = f"127.0.0.1:{dead_port()}"
    begun = time.monotonic()
    done = subprocess.run(
        [*VMALAB, *command.split(), "--target", target],
        capture_output=True,
        text=True,
        timeout=HANG_S,
        check=False,
    )
    assert done.returncode in (1, 2), done.stderr
    assert f"no server answers at {target}" in done.stderr
    assert "Traceback" not in done.stderr
    assert "vmalab serve" in done.stderr
    assert "refused" in done.stderr, "it says why: it was tried before anything was started"
    assert time.monotonic() - begun < DEAD_S
    assert reach.REFUSED_S < 3, "it is named within three seconds"
    assert reach.SILENT_S < 3, "it is named within three seconds"


@pytest.fixture
def silent() -> Iterator[str]:
    """An address where connections are not refused and not accepted either."""
    with ExitStack() as stack:
        listening = stack.enter_context(socket.socket())
        listening.bind(("127.0.0.1", 0))
        listening.listen(0)
        for _ in range(8):
            one = stack.enter_context(socket.socket())
            one.setblocking(False)
            one.connect_ex(listening.getsockname())
        yield f"127.0.0.1:{listening.getsockname()[1]}"


def test_a_silent_target_is_named(silent: str) -> None:
    with pytest.raises(UsageError, match=f"{silent}.*no answer"):
        reach.check(silent)


@pytest.mark.parametrize("command", [long("load --duration 1"), f"replay {TRACE}"])
def test_another_server_is_named(command: str) -> None:
    """A gRPC server that has other services."""
    server = grpc.server(ThreadPoolExecutor(2))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        done = subprocess.run(
            [*VMALAB, *command.split(), "--target", f"127.0.0.1:{port}"],
            capture_output=True,
            text=True,
            timeout=HANG_S,
            check=False,
        )
    finally:
        server.stop(None)
    assert done.returncode == 1, done.stderr
    assert f"what answers at 127.0.0.1:{port} is not a vmalab server" in done.stderr
    assert "Traceback" not in done.stderr


def test_check_of_a_bench() -> None:
    """`bench --check`: 0 when each target was passed, 1 when one was not, and it is named."""
    code = (
        "import sys, json\n"
        "change = json.loads(sys.argv.pop())\n"
        "from vmalab_bench import memory\n"
        "real = memory.run\n"
        "def run(config, *, seed):\n"
        "    data = real(config, seed=seed)\n"
        "    data['aims'][0] |= change\n"
        "    return data\n"
        "memory.run = run\n"
        "from vmalab_cli.app import run\n"
        "run()\n"
    )
    command = ["bench", "memory", "--smoke", "--model", "refcount", "--check", "--json"]
    for change, wanted in (({}, 0), ({"met": False}, 1), ({"value": None, "met": None}, 1)):
        done = subprocess.run(
            [sys.executable, "-c", code, *command, json.dumps(change)],
            capture_output=True,
            text=True,
            timeout=HANG_S,
            check=False,
        )
        assert done.returncode == wanted, done.stderr
        assert json.loads(done.stdout)["bench"] == "memory", "the figures are printed all the same"
        if change.get("met") is False:
            assert "not passed: memory: refcount aligned (the kernel's figure)" in done.stderr
        if "value" in change:
            assert "no target of memory was measured" in done.stderr
