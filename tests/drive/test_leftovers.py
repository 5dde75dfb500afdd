# SPDX-License-Identifier: Apache-2.0
"""Goal: a command that is killed leaves no segment; what is left all the same is said and removed.

Method: loads in a process group of their own get signals that nobody can meet, alone and with their
guard; /dev/shm is looked at.
"""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from patience import HANG_S
from servers import VMALAB, vmalab, wait_for
from vmalab_drive import instances, leftovers
from vmalab_native.core import Segment, SegmentConfig

SMALL = SegmentConfig(size_bytes=32 << 20, mms_max=1, participants_max=4, frames_max=64)


@pytest.fixture
def load() -> Iterator[subprocess.Popen[str]]:
    """A load under way, attached to a segment of its own."""
    process = subprocess.Popen(
        [*VMALAB, "load", "--mode", "attach", "--processes", "2", "--duration", "600s",
         "--interval", "200ms"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )  # fmt: skip
    assert process.stderr is not None
    while "operations/s" not in (line := process.stderr.readline()):
        assert line, "it ended by itself"
    yield process
    process.kill()
    process.communicate(timeout=HANG_S)


def files_of(pid: int) -> list[Path]:
    return list(Path("/dev/shm").glob(f"vmalab.loadgen-{pid}-*"))


def mapped_by(pid: int) -> list[str]:
    """Lines of maps, of the process and of its children."""
    found = []
    for folder in Path("/proc").iterdir():
        try:
            fields = (folder / "stat").read_text().rpartition(")")[2].split()
            if str(pid) in (folder.name, fields[1]):
                found += (folder / "maps").read_text().split("\n")
        except OSError:
            continue
    return found


def guards_of(pid: int) -> list[int]:
    """Children of a process that stand in a session of their own."""
    found = []
    for folder in Path("/proc").iterdir():
        try:
            fields = (folder / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if folder.name.isdigit() and fields[1] == str(pid) and fields[3] == folder.name:
            found.append(int(folder.name))
    return found


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGQUIT])
def test_a_load_that_is_killed(load: subprocess.Popen[str], number: signal.Signals) -> None:
    """The signal reaches its whole group, as from a terminal. conftest looks for processes."""
    assert files_of(load.pid)
    names = [line.rpartition(" ")[2] for line in mapped_by(load.pid) if "/dev/shm/" in line]
    named = [name for name in names if "vmalab." not in name and Path(name).exists()]
    assert named == [], "files that would be left in /dev/shm"
    os.killpg(load.pid, number)
    assert load.wait(HANG_S) == -number
    wait_for("its segment is gone", lambda: not files_of(load.pid))


def test_a_load_that_is_killed_with_its_guard(load: subprocess.Popen[str]) -> None:
    """`vmalab ps` says what is left; the next command that makes a segment removes it."""
    (guard,) = guards_of(load.pid)
    (file,) = files_of(load.pid)
    name = file.name.removeprefix("vmalab.")
    assert leftovers.remove() == [], "it is in use"
    os.kill(guard, signal.SIGKILL)
    load.kill()
    load.wait(HANG_S)
    listed = vmalab("ps", "--instance", name)
    assert "its command was killed (the next vmalab load --mode attach removes it)" in listed.stdout
    wait_for("nobody is in it", lambda: not file.exists() or bool(leftovers.remove()))
    assert not file.exists()


def test_the_next_command_says_what_it_removes(capsys: pytest.CaptureFixture[str]) -> None:
    with subprocess.Popen(["/bin/true"]) as process:
        pass
    name = f"loadgen-{process.pid}-{os.getpid():x}"
    with Segment.create(name, SMALL) as segment, segment.participant("client"):
        assert leftovers.remove() == [], "this process is in it"
    with instances.instance_for(mode="attach"):
        assert name in capsys.readouterr().err
    assert not files_of(process.pid)


def test_what_is_not_of_a_command_stays() -> None:
    name = f"mine-{os.getpid()}-1"
    with Segment.create(name, SMALL) as segment:
        pass
    assert leftovers.remove() == []
    assert leftovers.path_of(name).exists()
    Segment.remove(segment.instance)
