# SPDX-License-Identifier: Apache-2.0
"""Every command that is told to end ends clean, in the middle of its work.

Goal: after SIGTERM, SIGHUP and SIGINT there is no segment, no process and no traceback, and the
exit code is 128 and the number. Method: the commands are those that the application has, so a new
one needs a line in `WORK`; each is given work for hours, and told to end when it is at it. SIGINT
and SIGHUP go to all its processes, as a terminal sends them, SIGTERM to the command alone. What is
left behind is found by the guard of conftest.py (the processes inherit a mark) and, of segments,
here.
"""

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from patience import HANG_S
from servers import VMALAB, new_instance, wait_for
from vmalab_campaign import plan_file, store
from vmalab_campaign.work import Outcome
from vmalab_cli import app
from vmalab_native.core import SHM_DIRECTORY, Segment, SegmentConfig

ROOT = Path(__file__).resolve().parents[2]
TRACE = ROOT / "lab" / "vmalab_trace" / "traces" / "python-threads"
HOURS = "36000"
STANDSTILL_S = 2.0
SIGNALS = (signal.SIGTERM, signal.SIGHUP, signal.SIGINT)

WORK: dict[str, list[str]] = {
    "serve": ["--listen", "127.0.0.1:0", "--instance", "INSTANCE"],
    "record": ["-o", "FOLDER/trace", "--", "sh", "-c", "while :; do sleep 0.01; done"],
    "replay": [str(TRACE), "--mode", "attach", "--copies", "200000", "--processes", "2"],
    "load": ["--duration", HOURS, "--mode", "attach", "--processes", "2"],
    "load agent": ["--listen", "127.0.0.1:0"],
    "diff": ["--ops", "1000000000"],
    "crash": ["--kills", "1000000000"],
    "lin": ["--duration", HOURS, "--out", "FOLDER"],
    "bench fault": ["--vmas", "1000"] * 200,
    "bench loadgen": [],
    "bench rpc": [],
    "bench kernel": [],
    "bench events": [],
    "bench scaling": [],
    "bench size": [],
    "bench path": [],
    "bench models": [],
    "bench memory": [],
    # Cores that tests/native/test_layout.py wants too.
    "bench layouts": ["--layout", "aligned", "--layout", "unaligned", "--layout", "pair"],
    "bench rcu": [],
    "bench slab": [],
    "bench all": ["--out", "FOLDER/page.md"],
    "scale": ["--workload", "munmap", "--workload", "own-vma", "--model", "typesafe-rwsem",
              "--vcpus", "8", "--jobs", "2", "--operations", "1000000000"],
    "scale against": ["--machine", "two-sockets", "--rounds", "1000"],
    "scale calibrate": ["--out", "FOLDER/mine.toml", "--rounds", "1000"],
    "scale letter": ["--work", "fresh-one", "--seeds", "100"],
    "scale published": ["--claim", "move", "--operations", "1000000000"],
    "scale c2c": ["--workload", "munmap", "--vcpus", "8", "--operations", "1000000000"],
    "scale cost": ["--model", "typesafe-rwsem", "--operations", "1000000000"],
    "race explore": ["reuse-before-lock", "--seconds", HOURS, "--schedules", "1000000000",
                     "--strategy", "random"],
    "race all": [],
    "race checks": [],
    "race catalogue": ["--out", "FOLDER/races.md"],
    "race run": ["cve-2025-38554", "--mutant", "foreign_wake_unpinned"],
    "race replay": ["SCHEDULE", "--times", "1000000000"],
    "campaign run": ["CAMPAIGN", "--workers", "1"],
}  # fmt: skip
"""What each command does for long; the words in capitals are filled in."""
PROGRAMS = {
    "demo": [sys.executable, "-m", "vmalab_cli.demo"],
    "vmalab-loadgen": [sys.executable, "-c", "from vmalab_cli.load import main; main()"],
}
OTHERS: dict[str, list[str]] = {
    "demo": ["--seconds", HOURS],
    "vmalab-loadgen": ["--duration", HOURS, "--processes", "2"],
}
"""Programs that are no command of the application."""
QUICK = {
    "ps": [], "maps": ["--all"], "slabinfo": [], "vmstat": [], "locks": [], "trace": [],
    "layout": [], "fsck": [], "top": ["--once"], "protos": ["--out", "FOLDER/protos"],
    "load compare": ["FOLDER/a.json", "FOLDER/b.json"],
    "campaign report": ["RESULTS"], "campaign list": ["FOLDER"], "campaign show": ["RESULTS", "1"],
    "race list": [], "race show": ["SCHEDULE", "-o", "FOLDER/a.svg"],
    "bench draw": [str(ROOT / "docs" / "measurements"), "--out", "FOLDER"],
}  # fmt: skip
"""Commands that are done in a moment: they may be before they are told to end."""
HEAVY = ("campaign run",)
"""They start so many processes that all of it is in the long run."""
OWN_WORD = {(name, number): {0} for name in ("serve", "load agent") for number in SIGNALS} | {
    # The recorded program ends by it, and the recorder when the program has.
    ("record", signal.SIGINT): {0, 130}
}


def commands() -> list[str]:
    """Every command of the application, with its groups."""

    def leaves(command: Any, path: tuple[str, ...]) -> Iterator[str]:
        if not hasattr(command, "commands"):
            yield " ".join(path)
            return
        if command.invoke_without_command:
            yield " ".join(path)
        for name in command.list_commands(None):
            below = command.get_command(None, name)
            if not below.hidden:  # another name of one that is shown
                yield from leaves(below, (*path, name))

    return sorted(leaves(typer.main.get_command(app.app), ()))


def test_every_command_has_work_here() -> None:
    assert set(commands()) == {*WORK, *QUICK}


class Command:
    """A command under way, in a session of its own."""

    def __init__(self, name: str, arguments: list[str], folder: Path) -> None:
        self.errors = tempfile.TemporaryFile()  # noqa: SIM115 - closed with this
        program = PROGRAMS.get(name) or [*VMALAB, *name.split()]
        self.process = subprocess.Popen(
            [*program, *(self._filled(word, folder) for word in arguments)],
            stdout=subprocess.DEVNULL,
            stderr=self.errors,
            start_new_session=True,
        )
        self.pid = self.process.pid

    @staticmethod
    def _filled(word: str, folder: Path) -> str:
        if word == "INSTANCE":
            return new_instance()
        if word == "SCHEDULE":
            return str(schedule(folder))
        if word in ("CAMPAIGN", "RESULTS"):
            return str(campaign(folder)[word])
        return word.replace("FOLDER", str(folder))

    def tree(self) -> set[int]:
        parents: dict[int, int] = {}
        for entry in os.listdir("/proc"):
            if entry.isdigit():
                try:
                    fields = Path(f"/proc/{entry}/stat").read_text().rpartition(")")[2].split()
                except OSError:
                    continue
                parents[int(entry)] = int(fields[1])
        below = {self.pid}
        while more := {pid for pid, parent in parents.items() if parent in below} - below:
            below |= more
        return below

    def cpu_s(self) -> float:
        """Of all its processes."""
        ticks = 0
        for pid in self.tree():
            try:
                fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            ticks += sum(map(int, fields[11:15]))
        return ticks / os.sysconf("SC_CLK_TCK")

    def run_for(self, cpu_s: float) -> None:
        """Until its processes have run for so long in all, wait for somebody, or have ended."""
        seen, since = 0.0, time.monotonic()

        def ran() -> bool:
            nonlocal seen, since
            now = self.cpu_s()
            if now > seen + 0.02:  # a server that has nothing to do runs a little all the same
                seen, since = now, time.monotonic()
            waits = time.monotonic() - since > STANDSTILL_S
            return self.process.poll() is not None or now >= cpu_s or waits

        wait_for("it runs", ran)

    def has_worker(self) -> bool:
        """One of its processes is a worker of a server, since now."""
        for pid in self.tree():
            with contextlib.suppress(OSError):
                if b"vmalab_server.worker" in Path(f"/proc/{pid}/cmdline").read_bytes():
                    return True
        return False

    def at_work(self) -> bool:
        """It has others do something, or has a segment."""
        if len(self.tree()) > 1:
            return True
        try:
            return "vmalab." in Path(f"/proc/{self.pid}/maps").read_text()
        except OSError:
            return False

    def tell(self, number: int) -> None:
        if number == signal.SIGTERM:
            self.process.send_signal(number)
        else:
            with contextlib.suppress(ProcessLookupError):  # it was done
                os.killpg(self.pid, number)

    def end(self) -> tuple[int, str]:
        """Exit code and what it said, when it is gone."""
        code = self.process.wait(HANG_S)
        text = os.pread(self.errors.fileno(), 1 << 20, 0).decode()
        self.errors.close()
        return code, text

    def segments(self) -> list[str]:
        return [path.name for path in SHM_DIRECTORY.glob(f"vmalab.*-{self.pid}-*")]


def schedule(folder: Path) -> Path:
    """A schedule that breaks something."""
    target = folder / "a.sched"
    if not target.exists():
        done = subprocess.run(
            [
                *VMALAB,
                "race",
                "run",
                "cve-2025-38554",
                "--mutant",
                "foreign_wake_unpinned",
                "-o",
                str(target),
            ],
            capture_output=True,
        )
        assert target.exists(), done.stderr
    return target


def campaign(folder: Path) -> dict[str, Path]:
    """The file of a campaign with a run of hours, and results of one."""
    found = {"CAMPAIGN": folder / "hours.toml", "RESULTS": folder / "results.db"}
    if not found["CAMPAIGN"].exists():
        text = f'[a]\nkind = "load"\nmode = "attach"\nprocesses = 2\nduration = {HOURS}\n'
        found["CAMPAIGN"].write_text(text)
        plan = plan_file.read(found["CAMPAIGN"])
        with store.open_for(plan, found["RESULTS"]) as results:
            results.add(plan.runs[0], Outcome(result="{}"))
    return found


@pytest.fixture
def instance() -> Iterator[str]:
    name = new_instance()
    config = SegmentConfig(size_bytes=64 << 20, participants_max=16, frames_max=1 << 12)
    with Segment.create(name, config) as segment, segment.participant("client") as me:
        me.mm_create()
        yield name
        segment.unlink()


def looked_at(code: int, text: str, command: Command) -> None:
    assert "Traceback" not in text, text
    assert command.segments() == []
    assert len([line for line in text.splitlines() if "rror" in line]) <= 1, text


# Each command has each signal; in the short run one of them in turn.
MIDDLE = [
    pytest.param(
        name,
        number,
        marks=() if (turn + at) % 3 == 0 and name not in HEAVY else pytest.mark.long,
    )
    for turn, name in enumerate(WORK | OTHERS)
    for at, number in enumerate(SIGNALS)
]


@pytest.mark.parametrize(("name", "number"), MIDDLE)
def test_in_the_middle_of_its_work(name: str, number: signal.Signals, tmp_path: Path) -> None:
    command = Command(name, (WORK | OTHERS)[name], tmp_path)
    wait_for("it is at work", lambda: command.at_work() or command.process.poll() is not None)
    command.run_for(max(1.0, command.cpu_s() + 0.5))
    command.tell(number)
    code, text = command.end()
    looked_at(code, text, command)
    done = {0, 1} if name == "race run" else set()  # it finds the bug in a moment
    assert code in OWN_WORD.get((name, number), {128 + number}) | done, text


@pytest.mark.parametrize("name", QUICK)
def test_quick_ones(name: str, instance: str, tmp_path: Path) -> None:
    """-number: the signal itself ended it, before it had begun; a shell sees the same."""
    looks = name in ("ps", "maps", "slabinfo", "vmstat", "locks", "trace", "fsck")
    arguments = [*QUICK[name], *(["--instance", instance] if looks else [])]
    for number in SIGNALS:
        command = Command(name, arguments, tmp_path)
        command.run_for(0.15)
        command.tell(number)
        code, text = command.end()
        looked_at(code, text, command)
        assert code in (0, 128 + number, -number), text


@pytest.mark.parametrize("stride", [3, pytest.param(1, marks=pytest.mark.long)])
@pytest.mark.parametrize("name", ["race all", "load", "lin", "diff", "bench fault", "serve"])
def test_at_any_moment(name: str, stride: int, tmp_path: Path) -> None:
    """Also while it starts, which is when something may be begun and not yet noted. The short run
    has each signal at one moment: in the start, in the middle, and when it is at work."""
    for turn, step in enumerate(range(0, 8, stride)):
        number = SIGNALS[turn % 3]
        command = Command(name, WORK[name], tmp_path / str(step))
        (tmp_path / str(step)).mkdir()
        command.run_for(0.15 + step * 0.15)
        command.tell(number)
        code, text = command.end()
        looked_at(code, text, command)
        assert code in (0, 128 + number, -number), text


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGINT])
def test_a_signal_to_the_group_while_workers_load(number: signal.Signals, tmp_path: Path) -> None:
    """A terminal sends it to all. A worker that has just begun must leave it to the supervisor,
    which then ends in its own way; else "worker 0 did not start", and exit code 1."""
    command = Command("serve", WORK["serve"], tmp_path)
    wait_for(
        "a worker is there", lambda: command.process.poll() is not None or command.has_worker()
    )
    command.tell(number)
    code, text = command.end()
    looked_at(code, text, command)
    assert "did not start" not in text
    assert code == 0, text


@pytest.mark.parametrize("name", ["race all", "load", "lin", "diff", "replay", "bench models"])
def test_those_it_started_end_when_it_is_killed(name: str, tmp_path: Path) -> None:
    """kill -9 leaves it no time: its processes end by themselves, none sleeps for ever."""
    command = Command(name, WORK[name], tmp_path)
    wait_for("it is at work", lambda: len(command.tree()) > 1)
    started = command.tree() - {command.pid}
    command.process.kill()
    command.end()

    def gone() -> bool:
        return not any(Path(f"/proc/{pid}").exists() for pid in started)

    wait_for("its processes are gone", gone)
    for segment in command.segments():  # those that processes attach by name
        assert not segment.startswith(("vmalab.race-", "vmalab.diff-"))
        (SHM_DIRECTORY / segment).unlink()


def test_a_second_signal_does_not_tear_the_end() -> None:
    with tempfile.TemporaryDirectory() as folder:
        command = Command("load", WORK["load"], Path(folder))
        wait_for("it is at work", lambda: len(command.tree()) > 2)
        for _ in range(20):
            command.tell(signal.SIGINT)
            time.sleep(0.01)
        code, text = command.end()
        looked_at(code, text, command)
        assert code == 130
